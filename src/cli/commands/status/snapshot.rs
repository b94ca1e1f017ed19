//! What a host says of its replications at one moment, in as few requests as it takes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;

use crate::cli::problem::Problem;
use crate::hyperv::{
    Error, Host, LookedUp, Relation, ReplicatedVm, ReplicationMode, ReplicationReport, Vm, VmSelector,
};
use crate::wsman::Exchange;

use super::Args;

/// The VMs that were asked for, each with its replications.
pub struct Snapshot {
    /// When it was taken, by our clock.
    pub taken: SystemTime,
    /// In the order of their names, or that in which they were named.
    pub vms: Vec<VmStatus>,
    /// Names that no visible VM has.
    pub missing: Vec<String>,
    /// Whether no VM at all is visible.
    pub is_empty_host: bool,
}

/// A VM and its replications; none for one that is not replicated.
pub struct VmStatus {
    /// The VM, with what its primary relation says.
    pub vm: Vm,
    /// The primary relation first.
    pub relations: Vec<RelationStatus>,
    /// What a failover now would lose.
    pub loss: Option<Duration>,
}

impl VmStatus {
    fn of(replicated: ReplicatedVm, now: SystemTime) -> VmStatus {
        let loss = replicated.data_loss(now);
        let relations = replicated.relations.into_iter().map(|relation| RelationStatus { relation, report: None });
        VmStatus { vm: replicated.vm, relations: relations.collect(), loss }
    }
}

/// A replication, and its statistics where they were asked for.
pub struct RelationStatus {
    pub relation: Relation,
    pub report: Option<Result<ReplicationReport, String>>,
}

impl Snapshot {
    /// Reads a host: all VMs and all relations, two requests; for one VM alone the two about it.
    pub async fn read<E: Exchange + 'static>(host: &Arc<Host<E>>, args: &Args) -> Result<Snapshot, Problem> {
        let mut snapshot =
            Snapshot { taken: SystemTime::now(), vms: Vec::new(), missing: Vec::new(), is_empty_host: false };
        let (vms, relations) = match &args.vms[..] {
            [name] => match host.find_vm(&super::super::selector(name)).await? {
                LookedUp::One(vm) => {
                    let relations = host.relations_of(&vm.id).await?;
                    (vec![*vm], relations)
                }
                LookedUp::Many(vms) => (vms, host.relations().await?),
                LookedUp::NotVisible => {
                    snapshot.missing.push(name.clone());
                    (Vec::new(), None)
                }
            },
            names => {
                let mut vms = host.vms().await?;
                snapshot.is_empty_host = vms.is_empty() && names.is_empty();
                match names.is_empty() {
                    true => vms.retain(|vm| args.all || vm.mode != ReplicationMode::None),
                    false => vms = snapshot.pick(&vms, names),
                }
                let relations = if vms.is_empty() { None } else { host.relations().await? };
                (vms, relations)
            }
        };
        let joined = ReplicatedVm::join(vms, &relations.unwrap_or_default());
        snapshot.vms = joined.into_iter().map(|one| VmStatus::of(one, snapshot.taken)).collect();
        if args.vms.is_empty() {
            snapshot.vms.sort_by_key(|status| status.vm.name.to_lowercase());
        }
        if args.statistics {
            snapshot.read_statistics(host).await?;
        }
        Ok(snapshot)
    }

    /// Every replication with its VM.
    pub fn relations(&self) -> impl Iterator<Item = (&Vm, &RelationStatus)> {
        self.vms.iter().flat_map(|status| status.relations.iter().map(move |relation| (&status.vm, relation)))
    }

    fn pick(&mut self, vms: &[Vm], names: &[String]) -> Vec<Vm> {
        let mut picked: Vec<Vm> = Vec::new();
        for name in names {
            let is_named = |vm: &&Vm| match super::super::selector(name) {
                VmSelector::Id(id) => vm.id == id,
                VmSelector::Name(name) => vm.name.to_lowercase() == name.to_lowercase(),
            };
            let found: Vec<_> = vms.iter().filter(is_named).cloned().collect();
            if found.is_empty() {
                self.missing.push(name.clone());
            }
            for vm in found {
                if picked.iter().all(|seen| seen.id != vm.id) {
                    picked.push(vm);
                }
            }
        }
        picked
    }

    /// Asks a few at a time where there are many: a connection more costs a login, which a handful is not worth.
    async fn read_statistics<E: Exchange + 'static>(&mut self, host: &Arc<Host<E>>) -> Result<(), Problem> {
        let places = self.vms.iter().enumerate();
        let places = places.flat_map(|(vm, status)| (0..status.relations.len()).map(move |relation| (vm, relation)));
        let places: Vec<_> = places.collect();
        let mut waiting = places.iter().copied();
        let mut asked = JoinSet::new();
        for place in waiting.by_ref().take((places.len() / WORTH_A_LOGIN).clamp(1, CONNECTIONS)) {
            self.ask(place, host, &mut asked);
        }
        while let Some(answer) = asked.join_next().await {
            let (place, report) = answer.map_err(|error| Problem::internal(error.to_string()))?;
            let report = match report {
                Ok(report) => Ok(report),
                // The host's own answer about one replication hides nothing of the others.
                Err(error) if error.fault().is_some() || matches!(error, Error::Refused { .. } | Error::Cim(_)) => {
                    Err(error.to_string())
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(status) = self.vms.get_mut(place.0).and_then(|vm| vm.relations.get_mut(place.1)) {
                status.report = Some(report);
            }
            if let Some(place) = waiting.next() {
                self.ask(place, host, &mut asked);
            }
        }
        Ok(())
    }

    fn ask<E: Exchange + 'static>(&self, place: Place, host: &Arc<Host<E>>, asked: &mut JoinSet<Answer>) {
        let Some(status) = self.vms.get(place.0) else { return };
        let Some(relation) = status.relations.get(place.1) else { return };
        let (host, vm, relation) = (host.clone(), status.vm.id.clone(), relation.relation.clone());
        asked.spawn(async move {
            let named = Some(&relation).filter(|relation| relation.is_listed());
            (place, host.replication_statistics(&vm, named).await)
        });
    }
}

/// The number of a VM, and that of one of its replications.
type Place = (usize, usize);
type Answer = (Place, Result<ReplicationReport, Error>);

/// For so many questions another connection is opened.
const WORTH_A_LOGIN: usize = 4;
/// How many connections there may be.
pub const CONNECTIONS: usize = 4;
