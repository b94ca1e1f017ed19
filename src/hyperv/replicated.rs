//! VMs with their replications: what a host says in two classes, put together.

use std::time::{Duration, SystemTime};

use crate::wsman::Exchange;

use super::error::Error;
use super::host::Host;
use super::relation::{Relation, RelationKind};
use super::replication::{ReplicationMode, ReplicationState};
use super::vm::Vm;

/// A VM and its replications.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReplicatedVm {
    /// The VM, with what its primary relation says in place of its own properties.
    pub vm: Vm,
    /// The primary relation first; none for a VM that is not replicated, and for a test VM.
    pub relations: Vec<Relation>,
}

impl ReplicatedVm {
    /// Each VM with its relations; with what its own properties say where the host lists no relation of it.
    pub fn join(vms: Vec<Vm>, relations: &[Relation]) -> Vec<ReplicatedVm> {
        let joined = vms.into_iter().map(|vm| {
            let of_vm = relations.iter().filter(|relation| relation.vm == vm.id);
            // A relation in no state, of a VM in no mode, is none: a client Windows has nothing but zeros (recorded).
            let is_one =
                |relation: &&Relation| vm.mode != ReplicationMode::None || relation.state != ReplicationState::Disabled;
            let mut own: Vec<_> = of_vm.filter(is_one).cloned().collect();
            own.sort_by(|a, b| a.kind.cmp(&b.kind));
            if own.is_empty() {
                own.extend(Relation::of_system(&vm));
            }
            let vm = match own.first().filter(|relation| relation.kind == RelationKind::Primary) {
                Some(primary) => vm.with_relation(primary),
                None => vm,
            };
            ReplicatedVm { vm, relations: own }
        });
        joined.collect()
    }

    /// What a failover to the latest point would lose at `now`; none for a VM that has no such failover before it.
    pub fn data_loss(&self, now: SystemTime) -> Option<Duration> {
        let is_replica = matches!(self.vm.mode, ReplicationMode::Replica | ReplicationMode::ExtendedReplica);
        self.relations.first().filter(|_| is_replica)?.rpo(now)
    }
}

impl<E: Exchange> Host<E> {
    /// Every visible VM with its replications, in two questions.
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn replicated_vms(&self) -> Result<Vec<ReplicatedVm>, Error> {
        let vms = self.vms().await?;
        let relations = if vms.is_empty() { None } else { self.relations().await? };
        Ok(ReplicatedVm::join(vms, &relations.unwrap_or_default()))
    }
}
