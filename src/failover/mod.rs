//! Layer failover.
