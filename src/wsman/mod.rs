//! Layer wsman.
