//! Hyper-V as typed classes and services, over any [`Exchange`](crate::wsman::Exchange).
//!
//! Knows the classes of `root/virtualization/v2` that a failover needs. Decides on numbers, never on
//! texts; what a number means by name comes from `schemas/cim`.

mod addresses;
mod call;
mod cancel;
mod cluster;
mod error;

mod host;
pub(crate) mod instances;
mod job;
mod look;
mod network;
mod points;
mod rehearsal;
pub(crate) mod relation;
mod replicated;
mod replication;
mod return_code;
pub(crate) mod service;
mod settings;
mod statistics;
pub(crate) mod vm;

pub use addresses::{AdapterAddress, AdapterAddresses, AddressError, MOST_GATEWAYS, ProtocolIfType};
pub use call::{Call, PreparedCall};
pub use cancel::{JobChange, JobChangeCode};
pub use cluster::{Cluster, ClusterOwner, ClusterResource};
pub use error::Error;
pub use host::{Host, random_id};
pub use job::{Follow, Job, JobError, JobFollower, JobRef, JobState, JobType};
pub use look::{LookedUp, VmSelector};
pub use network::{Connection, FailoverAdapter, FailoverSettings};
pub use points::{PointKind, RecoveryPoint};
pub use relation::{Relation, RelationKind};
pub use replicated::ReplicatedVm;
pub use replication::{FailoverType, ReplicationHealth, ReplicationMode, ReplicationState};
pub use return_code::{Invoked, ReturnCode};
pub use service::{HostReplication, ServiceKeys};
pub use settings::ReplicationSettings;
pub use statistics::{ReplicationReport, ReplicationStatistics};
pub use vm::{EnabledState, Vm, VmId};

/// The CIM namespace of Hyper-V since Windows 8 and Server 2012.
pub const NAMESPACE: &str = "root/virtualization/v2";

#[cfg(test)]
mod tests;
