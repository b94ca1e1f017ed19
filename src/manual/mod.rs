//! Pages for people who use the program; each command in them is run by a test.

/// The SOAP workbench: see it, edit it, send it.
#[doc = include_str!("workbench.md")]
pub mod workbench {}
