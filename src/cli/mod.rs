//! Layer cli.
pub mod typed;
