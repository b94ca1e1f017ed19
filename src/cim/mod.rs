//! Layer cim: names, dates, open enums and class declarations of the Common Information Model.
//!
//! Pure values: no I/O, no clock, no environment, nothing asynchronous.

pub mod datetime;
pub mod mof;
pub mod names;
mod open_enum;
pub mod schema;

pub use crate::open_enum;
