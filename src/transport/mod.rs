//! Layer transport.
