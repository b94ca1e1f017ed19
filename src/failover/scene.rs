//! What is asked of the hosts, and what is known of them so far.

use std::time::Duration;

use crate::hyperv::{
    Connection, Error, FailoverAdapter, HostReplication, LookedUp, RecoveryPoint, RelationKind, ReplicationSettings,
    Vm, VmId, VmSelector,
};

use super::goal::{Goal, Judgement};
use super::order::Site;

/// One question to one host. It changes nothing and may be asked again.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Ask {
    /// Look a VM up.
    FindVm(VmSelector),
    /// Read a VM.
    Vm(VmId),
    /// Its recovery points.
    Points(VmId),
    /// The test VMs made from it.
    TestVms(VmId),
    /// Its replication settings.
    Settings(VmId),
    /// The connections of its network adapters.
    Connections(VmId),
    /// What its network adapters get after a failover.
    Adapters(VmId),
    /// The virtual switches of the host.
    Switches,
    /// Whether the host takes replicas.
    Service,
}

/// What a host told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Told {
    /// Answer to [`Ask::FindVm`].
    LookedUp(LookedUp),
    /// Answer to [`Ask::Vm`].
    Vm(Option<Box<Vm>>),
    /// Answer to [`Ask::Points`].
    Points(Vec<RecoveryPoint>),
    /// Answer to [`Ask::TestVms`].
    TestVms(Vec<Vm>),
    /// Answer to [`Ask::Settings`].
    Settings(Vec<ReplicationSettings>),
    /// Answer to [`Ask::Connections`].
    Connections(Vec<Connection>),
    /// Answer to [`Ask::Adapters`].
    Adapters(Vec<FailoverAdapter>),
    /// Answer to [`Ask::Switches`].
    Switches(Vec<String>),
    /// Answer to [`Ask::Service`]; none where the host does not say.
    Service(Option<HostReplication>),
}

/// An answer, or why there is none.
pub type Answer = Result<Told, Error>;

/// What is known of one host.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Sight {
    /// The VM, as last read.
    pub vm: Option<Vm>,
    /// Its recovery points, newest first.
    pub points: Option<Vec<RecoveryPoint>>,
    /// The test VMs made from it.
    pub test_vms: Option<Vec<Vm>>,
    /// Its replication settings.
    pub settings: Option<Vec<ReplicationSettings>>,
    /// The connections of its network adapters.
    pub connections: Option<Vec<Connection>>,
    /// What its network adapters get after a failover.
    pub adapters: Option<Vec<FailoverAdapter>>,
    /// The virtual switches of the host.
    pub switches: Option<Vec<String>>,
    /// Whether the host takes replicas.
    pub service: Option<Option<HostReplication>>,
    /// Whether the host was asked for the VM last and showed none.
    pub(super) is_gone: bool,
    /// When the VM, its test VMs and its connections were last read, on the clock of the run.
    pub(super) read_at: ReadAt,
}

/// When answers that change by themselves were read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ReadAt {
    pub(super) vm: Duration,
    pub(super) test_vms: Duration,
    pub(super) connections: Duration,
}

impl Sight {
    /// Remembers an answer.
    pub(super) fn learn(&mut self, now: Duration, told: Told) {
        match &told {
            Told::LookedUp(_) | Told::Vm(_) => self.read_at.vm = now,
            Told::TestVms(_) => self.read_at.test_vms = now,
            Told::Connections(_) => self.read_at.connections = now,
            _ => {}
        }
        match told {
            Told::LookedUp(LookedUp::One(vm)) => (self.vm, self.is_gone) = (Some(*vm), false),
            Told::LookedUp(found) => self.is_gone = matches!(found, LookedUp::NotVisible),
            Told::Vm(vm) => (self.is_gone, self.vm) = (vm.is_none(), vm.map(|vm| *vm)),
            Told::Points(points) => self.points = Some(points),
            Told::TestVms(vms) => self.test_vms = Some(vms),
            Told::Settings(settings) => self.settings = Some(settings),
            Told::Connections(connections) => self.connections = Some(connections),
            Told::Adapters(adapters) => self.adapters = Some(adapters),
            Told::Switches(switches) => self.switches = Some(switches),
            Told::Service(service) => self.service = Some(service),
        }
    }

    /// The settings of the primary relation.
    pub fn primary_settings(&self) -> Option<&ReplicationSettings> {
        self.settings.as_ref()?.iter().find(|settings| settings.relation == RelationKind::Primary)
    }

    /// The one test VM.
    pub fn test_vm(&self) -> Option<&Vm> {
        self.test_vms.as_ref()?.first()
    }

    /// The settings of the extended relation, where the replica is replicated onwards.
    pub fn extended_settings(&self) -> Option<&ReplicationSettings> {
        self.settings.as_ref()?.iter().find(|settings| settings.relation == RelationKind::Extended)
    }

    /// Whether the host has relations, and the `Ex` methods that came with them in Server 2012 R2. The ids of its
    /// settings tell: they name the relation by number since then. Believed where the settings were not read.
    pub fn has_relations(&self) -> bool {
        self.primary_settings().is_none_or(ReplicationSettings::names_relation)
    }
}

/// What is known of the hosts of a run.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Scene {
    /// The host that was named.
    pub host: Sight,
    /// The primary's host, where the workflow has two.
    pub primary: Sight,
}

impl Scene {
    /// One of them.
    pub fn of(&self, site: Site) -> &Sight {
        match site {
            Site::Host => &self.host,
            Site::Primary => &self.primary,
        }
    }

    pub(super) fn of_mut(&mut self, site: Site) -> &mut Sight {
        match site {
            Site::Host => &mut self.host,
            Site::Primary => &mut self.primary,
        }
    }

    /// The VM on one of them.
    pub fn vm(&self, site: Site) -> Option<&Vm> {
        self.of(site).vm.as_ref()
    }

    /// What is known says of a goal.
    pub(super) fn judge(&self, goal: &Goal, site: Site, vm: &VmId) -> Judgement {
        let sight = self.of(site);
        match goal.question(vm) {
            Ask::TestVms(_) => goal.judge(&Told::TestVms(sight.test_vms.clone().unwrap_or_default())),
            Ask::Connections(_) => goal.judge(&Told::Connections(sight.connections.clone().unwrap_or_default())),
            Ask::Adapters(_) => goal.judge(&Told::Adapters(sight.adapters.clone().unwrap_or_default())),
            _ => {
                let subject = sight.vm.iter().chain(sight.test_vms.iter().flatten()).find(|known| known.id == *vm);
                goal.judge_vm(subject)
            }
        }
    }
}
