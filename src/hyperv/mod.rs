//! Hyper-V as typed classes and services, over any [`Exchange`](crate::wsman::Exchange).
//!
//! Knows the classes of `root/virtualization/v2` that a failover needs. Decides on numbers, never on
//! texts; what a number means by name comes from `schemas/cim`.

mod error;
mod host;
mod job;
mod look;
mod points;
mod replication;
mod return_code;
mod service;
mod vm;

pub use error::Error;
pub use host::{Host, random_id};
pub use job::{Follow, Job, JobError, JobFollower, JobRef, JobState, JobType};
pub use look::{LookedUp, VmSelector};
pub use points::{PointKind, RecoveryPoint};
pub use replication::{FailoverType, ReplicationHealth, ReplicationMode, ReplicationState};
pub use return_code::{Invoked, ReturnCode};
pub use service::{HostReplication, ServiceKeys};
pub use vm::{EnabledState, Vm, VmId};

/// The CIM namespace of Hyper-V since Windows 8 and Server 2012.
pub const NAMESPACE: &str = "root/virtualization/v2";

#[cfg(test)]
mod tests;
