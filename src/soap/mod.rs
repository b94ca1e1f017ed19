//! Layer soap.
