//! Namespaced XML: a bounded reader into one arena, and a writer that escapes by construction.
//!
//! The only layer that names the parser crate. What it takes: one well-formed document in UTF-8,
//! namespaces resolved, at most [`Limits`]. What it refuses, with a position: truncated documents,
//! several roots, text outside the root, undeclared prefixes, bad or doubled attributes, control
//! characters, document type declarations, entities other than the five predefined and numeric ones.
//!
//! It does not validate against schemas and keeps no comments or processing instructions.

mod document;
mod error;
mod leaf;
mod ledger;
pub mod ns;
mod read;
mod write;

pub use document::{Attribute, Children, Document, Element};
pub use error::{Error, ErrorKind, WriteError};
pub use ledger::Unread;
pub use read::Limits;
pub use write::Writer;

#[cfg(test)]
mod tests;
