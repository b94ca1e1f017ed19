//! Between words on a command line and typed CIM values, by the class declarations in `schemas/cim`.
//!
//! Both directions use one [`Schema`](crate::cim::schema::Schema): the parameters of a method are typed by its MOF
//! before anything is sent, and what comes back becomes numbers, booleans, arrays and references by the same MOF.

mod embedded;
mod extra;
mod given;
mod json;
mod keys;
mod octets;
mod parameter;
mod reference;
#[cfg(test)]
mod tests;

pub use extra::{ExtraHeader, ExtraOption, ExtraSelector};
#[cfg(test)]
use given::ArgumentError;
pub use given::{Argument, read_file};
pub use json::{
    add, instance_to_json, keys_to_json, lines, output_to_json, reference_to_json, remainder_to_json, untyped, words,
};
pub use keys::{Keys, has_property};
pub use parameter::{find_method, parameters, properties};
pub use reference::ReferenceText;

use super::problem::Problem;
use crate::cim::schema::Class;

/// What was typed does not fit the class declaration; nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Mismatch {
    /// What does not fit.
    pub text: String,
    /// What to do, or the declaration it should fit.
    pub remedy: String,
}

impl Mismatch {
    fn new(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Mismatch { text: text.into(), remedy: remedy.into() }
    }

    fn declared(text: impl Into<String>, declaration: &str) -> Self {
        let words = declaration.split_whitespace().collect::<Vec<_>>().join(" ");
        Mismatch {
            text: text.into(),
            remedy: format!("it is declared as: {}", words.replace("( ", "(").replace(" )", ")")),
        }
    }
}

/// What is to be added where a class is said to lack something: it may be declared in a file that is not here.
fn unless_inherited(class: &Class) -> String {
    class.missing_base().map_or_else(String::new, |base| {
        format!(
            "; it may be inherited from {base}, which no file here declares: name the file of {base} with --schema, too"
        )
    })
}

impl From<Mismatch> for Problem {
    fn from(mismatch: Mismatch) -> Self {
        Problem::usage(mismatch.text).remedy(mismatch.remedy)
    }
}
