//! Layer cim.
