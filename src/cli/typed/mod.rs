//! Between words on a command line and typed CIM values, by the class declarations in `schemas/cim`.

mod input;
mod show;

pub use input::{parameters, parse_reference};
pub use show::{instance_to_json, property_lines};
