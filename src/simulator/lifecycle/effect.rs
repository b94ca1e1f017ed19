//! What a job does to its VM, and to the same VM on the other host, when it ends.

use std::time::Duration;

use crate::simulator::ids::guid_of;
use crate::simulator::job::{Job, SENDING_INITIAL_REPLICA, Work};
use crate::simulator::scenario::{JobScript, PointKind};
use crate::simulator::vm::{Adapter, RecoveryPoint, Vm};
use crate::simulator::world::World;

/// ErrorCodes of jobs that fail for what they find.
const FAILED: u16 = 32768;
const IN_USE: u16 = 32774;
const INVALID_STATE: u16 = 32775;
const NOT_AVAILABLE: u16 = 32777;

impl World {
    /// Lets the job at this place have its effect. A job that fails or was ended leaves its VM as it was.
    pub(in crate::simulator) fn settle_job(&mut self, place: usize, there: Option<&mut World>) {
        let Some(job) = self.jobs.get_mut(place) else { return };
        job.is_settled = true;
        let at = job.end().unwrap_or(job.started);
        let is_well = job.terminated.is_none() && job.script.error.is_none();
        let (id, vm, work, before) = (job.id.clone(), job.vm.clone(), job.work.clone(), job.before);
        let effect = if is_well { self.apply(&work, &vm, at, there).map_err(Some) } else { Err(None) };
        match effect {
            Ok(Next::Nothing) => {}
            Ok(Next::Transfer) => self.jobs.push(self.transfer(&id, &vm, at)),
            Err(failed) => {
                if let (Some(vm), Some(before)) = (self.vms.iter_mut().find(|known| known.id == vm), before) {
                    (vm.state, vm.enabled_state) = before;
                }
                if let Some(job) = self.jobs.get_mut(place) {
                    job.failed = failed;
                }
            }
        }
    }

    /// Goes on where StartReplication ends: the state stays 2 until everything is over.
    fn transfer(&self, id: &str, vm: &str, at: Duration) -> Job {
        let script = JobScript { duration: Some(self.initial_replication), ..JobScript::default() };
        let id = guid_of(&format!("transfer after {id}"));
        Job::new(id, SENDING_INITIAL_REPLICA, vm.to_owned(), at, script, Work::Transfer, None)
    }

    fn apply(&mut self, work: &Work, id: &str, at: Duration, there: Option<&mut World>) -> Result<Next, u16> {
        let has_other = there.is_some();
        let takes_replicas = there.as_ref().is_none_or(|there| there.is_recovery_server);
        let peer_is_busy = there.as_ref().is_some_and(|there| there.is_busy(id));
        let peer = there.and_then(|there| there.vms.iter_mut().find(|peer| peer.id == id));
        // A job whose VM was removed meanwhile has nothing left to do.
        let vm = self.vms.iter_mut().find(|known| known.id == id).ok_or(NOT_AVAILABLE)?;
        match work {
            Work::Failover { failed_over } => (vm.state, vm.failed_over) = (5, *failed_over),
            // The other points are dropped, which cannot be undone.
            Work::Commit => {
                vm.state = 6;
                vm.points.clear();
            }
            Work::Revert => (vm.state, vm.failed_over) = (3, 0),
            Work::Prepare => prepare(vm, peer, at)?,
            Work::CancelPrepare => cancel_prepare(vm, peer)?,
            Work::AsReplica => {
                (vm.mode, vm.state, vm.failed_over) = (2, 2, 0);
                vm.points.clear();
            }
            Work::Reverse { .. } if !takes_replicas => return Err(NOT_AVAILABLE),
            Work::Reverse { .. } if peer_is_busy => return Err(IN_USE),
            Work::Reverse { authentication } if has_other => reverse(vm, peer.ok_or(FAILED)?, *authentication, at)?,
            // A host that stands alone has an imagined one at the other end, which was prepared or made a replica.
            Work::Reverse { authentication } => become_primary(vm, vm.failed_over == 3, *authentication),
            Work::InitialReplication if (vm.mode, vm.state) == (1, 2) => return Ok(Next::Transfer),
            Work::InitialReplication => return Err(INVALID_STATE),
            Work::Transfer => transferred(vm, peer, has_other, at)?,
            Work::State(state) => vm.state = *state,
            Work::ExtendedState(state) => vm.extended.as_mut().ok_or(INVALID_STATE)?.state = *state,
            Work::Power(state) => vm.enabled_state = *state,
            Work::Nothing => {}
            Work::Rehearsal(test) => {
                vm.last_test = Some(at);
                let test = vm.rehearsal(test);
                self.vms.push(test);
            }
            Work::Destroy => {
                self.destroyed.push((vm.name.clone(), vm.id.clone()));
                self.vms.retain(|known| known.id != id);
            }
            Work::Switches(changes) => {
                for (adapter, switch) in vm.changed(changes) {
                    adapter.test_switch = (!switch.is_empty()).then(|| switch.clone());
                }
            }
            Work::Addresses(changes) => {
                for (adapter, addresses) in vm.changed(changes) {
                    adapter.failover = addresses.clone();
                }
            }
        }
        Ok(Next::Nothing)
    }
}

impl Vm {
    /// The adapters that changes name, each with its change.
    fn changed<'a, T>(&'a mut self, changes: &'a [(String, T)]) -> impl Iterator<Item = (&'a mut Adapter, &'a T)> {
        self.adapters.iter_mut().filter_map(|adapter| {
            let (_, change) = changes.iter().find(|(id, _)| *id == adapter.id)?;
            Some((adapter, change))
        })
    }
}

/// What goes on after a job.
enum Next {
    Nothing,
    /// The whole copy is on its way.
    Transfer,
}

/// The last changes reach the replica and become a recovery point of their own there.
fn prepare(vm: &mut Vm, peer: Option<&mut Vm>, at: Duration) -> Result<(), u16> {
    if let Some(replica) = peer {
        if !replica.is_replica() || replica.state != 3 {
            return Err(INVALID_STATE);
        }
        let point =
            RecoveryPoint { id: guid_of(&format!("{} prepared {at:?}", vm.id)), kind: PointKind::Planned, created: at };
        vm.prepared_point = Some(point.id.clone());
        replica.points.insert(0, point);
        replica.last_replication = Some(at);
    }
    vm.state = 4;
    vm.last_replication = Some(at);
    Ok(())
}

/// The primary may run again, so the point that was made for it goes, unless the replica runs on it.
fn cancel_prepare(vm: &mut Vm, peer: Option<&mut Vm>) -> Result<(), u16> {
    if (vm.mode, vm.state) != (1, 4) {
        return Err(INVALID_STATE);
    }
    vm.state = 3;
    let point = vm.prepared_point.take();
    if let Some(replica) = peer.filter(|replica| replica.state == 3) {
        replica.points.retain(|known| Some(&known.id) != point.as_ref());
    }
    Ok(())
}

/// The other end is a prepared primary whose last changes this VM has, or an old primary that was made a replica.
fn reverse(vm: &mut Vm, peer: &mut Vm, authentication: u16, at: Duration) -> Result<(), u16> {
    let is_planned = match (peer.mode, peer.state) {
        (1, 4) if vm.failed_over == 3 => true,
        (2, 2) => false,
        _ => return Err(INVALID_STATE),
    };
    if is_planned {
        (peer.mode, peer.state) = (2, 3);
        peer.last_replication = Some(at);
    }
    peer.failed_over = 0;
    peer.points.clear();
    peer.prepared_point = None;
    peer.authentication = authentication;
    become_primary(vm, is_planned, authentication);
    Ok(())
}

fn become_primary(vm: &mut Vm, is_planned: bool, authentication: u16) {
    (vm.mode, vm.failed_over, vm.authentication) = (1, 0, authentication);
    vm.state = if is_planned { 3 } else { 1 };
    vm.points.clear();
}

fn transferred(vm: &mut Vm, peer: Option<&mut Vm>, has_other: bool, at: Duration) -> Result<(), u16> {
    match peer {
        Some(replica) if (replica.mode, replica.state) == (2, 2) => {
            replica.state = 3;
            replica.last_replication = Some(at);
        }
        None if !has_other => {}
        _ => return Err(INVALID_STATE),
    }
    vm.state = 3;
    vm.last_replication = Some(at);
    Ok(())
}
