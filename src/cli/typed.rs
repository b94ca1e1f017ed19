//! From what a person types to typed CIM, and from typed CIM to JSON, by the class declarations.
//!
//! Both directions use one [`Schema`](crate::cim::schema::Schema): a method's parameters are typed by its MOF before
//! anything is sent, and what comes back becomes numbers, booleans, arrays and references by the same MOF.

mod embedded;
mod json;
mod parameter;
mod reference;
#[cfg(test)]
mod tests;

pub use embedded::instance_from_json;
pub use json::{instance_to_json, output_to_json, reference_to_json};
pub use parameter::{Argument, ArgumentError, find_method, parameters};
pub use reference::{ReferenceError, ReferenceText};

use std::fmt;

/// What was typed does not fit the class declaration; nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What does not fit.
    pub text: String,
    /// The declaration it should fit, where there is one.
    pub declaration: Option<String>,
}

impl Mismatch {
    fn new(text: impl Into<String>) -> Self {
        Mismatch { text: text.into(), declaration: None }
    }

    fn declared(text: impl Into<String>, declaration: String) -> Self {
        Mismatch { text: text.into(), declaration: Some(declaration) }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.declaration {
            Some(declaration) => write!(f, "\n\ndeclared as\n\n{declaration}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mismatch {}
