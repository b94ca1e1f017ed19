//! Pages for people who use the program; each command in them is run by a test.

/// Evidence from a real host: asked for, looked through, sent in.
#[doc = include_str!("evidence.md")]
pub mod evidence {}

/// The SOAP workbench: see it, edit it, send it.
#[doc = include_str!("workbench.md")]
pub mod workbench {}
