//! Layer xml.
