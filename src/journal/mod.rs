//! Durable journals: where [`failover`](crate::failover)'s records live between processes.
//!
//! `failover` says what a journal must keep and when a call may leave ([`Journal`](crate::failover::journal::Journal));
//! this layer keeps it, as [`transport`](crate::transport) carries what `wsman` writes. Each home is a module of its own,
//! and a program that needs none takes [`MemoryJournal`](crate::failover::journal::MemoryJournal).

pub mod sqlite;
