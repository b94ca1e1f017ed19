//! Layer auth.
