//! What is to be done: the order, and the two ends it concerns.

use std::fmt;
use std::time::Duration;

use crate::hyperv::{AdapterAddresses, VmId, VmSelector};

use super::point::PointChoice;

/// One of the hosts of a run. A reverse swaps the roles of the VMs, never the names here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Site {
    /// The host that was named: that of the replica in every workflow with two hosts.
    Host,
    /// The host that held the primary when the run began.
    Primary,
}

impl Site {
    /// Both, in the order in which they are asked.
    pub const ALL: [Site; 2] = [Site::Host, Site::Primary];

    /// A short name, the same in every output and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Site::Host => "host",
            Site::Primary => "primary",
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a running VM is brought to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PowerOff {
    /// The guest is asked to shut down and waited for: nothing it had written is lost.
    #[default]
    ShutDown,
    /// The power is cut.
    TurnOff,
}

/// What kind of run: one workflow of the replica's life.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// Failover of a replica without its primary: what was not replicated is lost.
    Failover,
    /// Failover with both hosts: shut down, prepare, fail over, reverse.
    PlannedFailover {
        /// How the primary is brought to rest.
        off: PowerOff,
        /// Whether the replication is turned round afterwards.
        reverse: bool,
        /// The certificate of the new primary, for relations by certificate.
        thumbprint: Option<String>,
    },
    /// A test VM beside the running replica.
    TestStart {
        /// The switch that its network adapters get; none leaves what is set.
        network: Option<String>,
    },
    /// The end of the rehearsal: the test VM is removed.
    TestStop,
    /// Both in one: a test VM is made, left off and removed. Taken up again, it goes on to the removal.
    Rehearsal,
    /// Keeps a failover for good: the other recovery points go.
    Commit,
    /// Takes back a failover that is not committed, or the preparation of a primary.
    Undo,
    /// Turns the replication of a failed-over VM round.
    Reverse {
        /// Whether the old primary's host takes part: it is made the replica first where the failover was not planned.
        with_primary: bool,
        /// The certificate of the new primary, for relations by certificate.
        thumbprint: Option<String>,
    },
    /// Starts a VM.
    Start,
    /// Stops a VM.
    Stop(PowerOff),
    /// Sets what the guest's network adapters get after a failover.
    Network(Vec<AdapterOrder>),
    /// Walks a half-done planned failover back. That run is settled first, as its last call may still be at work: taken up
    /// by [`resume`](super::resume) with an operator that says no.
    WalkBack {
        /// Whether the primary is started again at the end.
        start_primary: bool,
    },
}

impl Kind {
    /// A short name, the same in every output and in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Failover => "failover",
            Kind::PlannedFailover { .. } => "planned-failover",
            Kind::TestStart { .. } => "test-start",
            Kind::TestStop => "test-stop",
            Kind::Rehearsal => "rehearsal",
            Kind::Commit => "commit",
            Kind::Undo => "undo",
            Kind::Reverse { .. } => "reverse",
            Kind::Start => "start",
            Kind::Stop(_) => "stop",
            Kind::Network(_) => "network",
            Kind::WalkBack { .. } => "walk-back",
        }
    }

    /// Whether the primary's host takes part.
    pub fn needs_primary(&self) -> bool {
        matches!(self, Kind::PlannedFailover { .. } | Kind::WalkBack { .. } | Kind::Reverse { with_primary: true, .. })
    }

    /// Orders the power to be cut instead of asking the guest to shut down: for a run whose guest does not. Says whether
    /// there was a guest to ask.
    pub fn cut_power(&mut self) -> bool {
        match self {
            Kind::PlannedFailover { off, .. } | Kind::Stop(off) => {
                std::mem::replace(off, PowerOff::TurnOff) == PowerOff::ShutDown
            }
            _ => false,
        }
    }

    /// The certificate of the new primary, where one was named.
    pub fn thumbprint(&self) -> Option<&str> {
        match self {
            Kind::PlannedFailover { thumbprint, .. } | Kind::Reverse { thumbprint, .. } => thumbprint.as_deref(),
            _ => None,
        }
    }
}

/// What one network adapter of the guest gets after a failover.
#[derive(Debug, Clone, PartialEq)]
pub struct AdapterOrder {
    /// The adapter: InstanceID of its Msvm_SyntheticEthernetPortSettingData, the GUID in it, its MAC or its name. Empty
    /// for the only one of the VM.
    pub adapter: String,
    /// Its addresses, or DHCP.
    pub addresses: AdapterAddresses,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Order {
    /// Which workflow.
    pub kind: Kind,
    /// Which VM.
    pub vm: VmSelector,
    /// Which recovery point, where one is chosen.
    pub point: PointChoice,
    /// Whether the VM is started afterwards (the replica after a failover, the test VM of a rehearsal).
    pub start: bool,
    /// Whether the job is followed; without it the run ends when the job is known.
    pub wait: bool,
    /// When the caller's patience ends, on the clock that the workflow is told. Not kept in the journal.
    pub deadline: Option<Duration>,
}

impl Order {
    /// An unplanned failover to the latest point, followed to its end.
    pub fn new(vm: VmSelector) -> Self {
        Order::of(Kind::Failover, vm)
    }

    /// Another workflow, followed to its end.
    pub fn of(kind: Kind, vm: VmSelector) -> Self {
        Order { kind, vm, point: PointChoice::Latest, start: false, wait: true, deadline: None }
    }

    /// The order as it is taken up again: the VM by its id, so that a rename changes nothing.
    #[must_use]
    pub fn for_vm(mut self, id: VmId) -> Self {
        self.vm = VmSelector::Id(id);
        self
    }
}
