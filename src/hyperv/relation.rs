//! Msvm_ReplicationRelationship: the state of each replication of a VM. Since Windows Server 2012 R2.
//!
//! A VM has a primary relation and, where a replica is replicated onwards, an extended one. Server 2012 has no such
//! class: there the properties of Msvm_ComputerSystem tell the state. Which of both a host is, its answer decides.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::cim::{Datetime, Instance, InstanceView};
use crate::wsman::{Exchange, Page, wql};

use super::error::Error;
use super::host::Host;
use super::instances::{self, embedded};
use super::replication::{FailoverType, ReplicationHealth, ReplicationMode, ReplicationState};
use super::vm::{self, Vm, VmId};

const CLASS: &str = "Msvm_ReplicationRelationship";
/// Links a VM to its relations (specified, E06).
const OF_SYSTEM: &str = "Msvm_SystemReplicationRelationship";

/// Which replication of a VM, by the end of its `InstanceID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RelationKind {
    /// `\HVR\0`, and `\HVR` on Server 2012: from the original to its replica.
    Primary,
    /// `\HVR\1`: from the replica onwards to a third host.
    Extended,
    /// Another end, as it came.
    Other(String),
}

/// `primary`, `extended`, or the end as it came.
impl fmt::Display for RelationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RelationKind::Primary => "primary",
            RelationKind::Extended => "extended",
            RelationKind::Other(end) => end,
        })
    }
}

/// One replication of a VM, read at one moment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Relation {
    /// `InstanceID`, `Microsoft:<GUID of the VM>\HVR\<n>`.
    pub id: String,
    /// The VM, as the id names it.
    pub vm: VmId,
    /// Which of its replications.
    pub kind: RelationKind,
    /// Its state.
    pub state: ReplicationState,
    /// Its health.
    pub health: ReplicationHealth,
    /// What it was failed over to.
    pub failed_over: FailoverType,
    /// What kind of change arrived last.
    pub last_replication_type: FailoverType,
    /// When the last change arrived on the replica; none if never.
    pub last_replication: Option<Datetime>,
    /// When the last application consistent change arrived; none if never.
    pub last_application_consistent: Option<Datetime>,
    /// When the last change was applied on the replica; none if never.
    pub last_apply: Option<Datetime>,
}

impl Relation {
    /// Reads an instance; none if its `InstanceID` names no VM.
    ///
    /// # Errors
    /// No `InstanceID`, or a property of another type than the class declares.
    pub fn read(instance: &InstanceView<'_>) -> Result<Option<Relation>, Error> {
        let id = instance.text("InstanceID").into_option().ok_or_else(|| instance.missing("InstanceID"))?;
        let Some((vm, kind)) = of_id(id) else { return Ok(None) };
        let number =
            |property: &str| -> Result<u16, Error> { Ok(instance.number::<u16>(property)?.into_option().unwrap_or(0)) };
        let time = |property: &str| -> Result<Option<Datetime>, Error> {
            Ok(instance.datetime(property)?.into_option().filter(|time| !time.is_never()))
        };
        Ok(Some(Relation {
            id: id.to_owned(),
            vm,
            kind,
            state: ReplicationState::from(number("ReplicationState")?),
            health: ReplicationHealth::from(number("ReplicationHealth")?),
            failed_over: FailoverType::from(number("FailedOverReplicationType")?),
            last_replication_type: FailoverType::from(number("LastReplicationType")?),
            last_replication: time("LastReplicationTime")?,
            last_application_consistent: time("LastApplicationConsistentReplicationTime")?,
            last_apply: time("LastApplyTime")?,
        }))
    }

    /// The primary relation as the VM's own properties tell it, for hosts without the class; none for a VM that is not
    /// replicated, and for a test VM. Its `id` is empty: no method takes it. What kind of change arrived last, and when it
    /// was applied, is not told.
    pub fn of_system(vm: &Vm) -> Option<Relation> {
        let is_end = matches!(
            vm.mode,
            ReplicationMode::Primary
                | ReplicationMode::Replica
                | ReplicationMode::ExtendedReplica
                | ReplicationMode::Other(_)
        );
        is_end.then(|| Relation {
            id: String::new(),
            vm: vm.id.clone(),
            kind: RelationKind::Primary,
            state: vm.state,
            health: vm.health,
            failed_over: vm.failed_over,
            last_replication_type: FailoverType::None,
            last_replication: vm.last_replication,
            last_application_consistent: vm.last_application_consistent,
            last_apply: None,
        })
    }

    /// Whether it came from the class of relations and can be named to a method.
    pub fn is_listed(&self) -> bool {
        !self.id.is_empty()
    }

    /// How old the last replication is at `now`: what would be lost if the primary were lost now. None before the first
    /// replication, and after a failover, when nothing replicates.
    pub fn rpo(&self, now: SystemTime) -> Option<Duration> {
        let rests = matches!(
            self.state,
            ReplicationState::Disabled | ReplicationState::Recovered | ReplicationState::Committed
        );
        let last = self.last_replication.filter(|_| !rests)?.to_system_time()?;
        // A host's clock may be ahead of ours.
        Some(now.duration_since(last).unwrap_or_default())
    }

    /// The relation as a method parameter: its key alone.
    ///
    /// inferred (E07): the key is enough to name a relation, as it is for other settings on live hosts.
    pub fn embedded(&self) -> Instance {
        embedded(CLASS).with(instances::INSTANCE_ID, self.id.as_str())
    }
}

/// The VM and the relation in `Microsoft:<GUID>\HVR[\<n>]` (specified, E09).
pub(crate) fn of_id(id: &str) -> Option<(VmId, RelationKind)> {
    let (vm, rest) = instances::of_vm(id)?;
    let (word, end) = rest.split_once('\\').unwrap_or((rest, "0"));
    if !word.eq_ignore_ascii_case("HVR") {
        return None;
    }
    let kind = match end {
        "0" => RelationKind::Primary,
        "1" => RelationKind::Extended,
        other => RelationKind::Other(other.to_owned()),
    };
    Some((vm, kind))
}

impl<E: Exchange> Host<E> {
    /// Every relation of the host, in one question; none where the host has no such class (Server 2012).
    ///
    /// # Errors
    /// No answer, or another fault.
    pub async fn relations(&self) -> Result<Option<Vec<Relation>>, Error> {
        let Some(pages) = self.list(CLASS).await? else { return Ok(None) };
        read(&pages).map(Some)
    }

    /// The relations of a VM, the primary one first; none where the host has no such class (Server 2012).
    ///
    /// # Errors
    /// As [`Host::relations`].
    pub async fn relations_of(&self, vm: &VmId) -> Result<Option<Vec<Relation>>, Error> {
        let query = wql::associators(vm::CLASS, &vm.path_keys(), OF_SYSTEM, CLASS);
        let mut relations = match self.ask_query(query).await? {
            Some(pages) => read(&pages)?,
            None => Vec::new(),
        };
        if relations.is_empty() {
            // Nothing found, a query not understood and a class that is unknown may all look alike; the class tells.
            let Some(pages) = self.list(CLASS).await? else { return Ok(None) };
            relations = read(&pages)?;
        }
        relations.retain(|relation| relation.vm == *vm);
        relations.sort_by(|a, b| a.kind.cmp(&b.kind));
        Ok(Some(relations))
    }
}

fn read(pages: &[Page]) -> Result<Vec<Relation>, Error> {
    instances::read_all(pages, Relation::read)
}
