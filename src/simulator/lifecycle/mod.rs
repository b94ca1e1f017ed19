//! What the methods do: each checks the state of the VM, and its job changes it when it ends.
//!
//! Hyper-V's own checks are not published. These follow the meanings of the states (inferred, E33).

mod effect;
mod failover;
mod network;
mod power;
mod rehearsal;
mod replication;
mod reverse;
mod statistics;
mod termination;

pub(super) use rehearsal::test_id;
pub(super) use replication::{InitialReplication, Relation};
