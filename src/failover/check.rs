//! What must hold at the moment of a call, whatever was so when the run began.
//!
//! A host makes its own check of what it sees. What it cannot see is the other end, and what the steps before were for.

use crate::hyperv::{EnabledState, ReplicationMode, ReplicationState, Vm};

use super::goal::describe;
use super::order::{Kind, Order, Site};
use super::scene::Scene;
use super::steps::{Step, StepName};
use super::workflow::Workflow;

impl Workflow {
    /// Whether what is known allows the step now, or what stands against it: something that is not as the steps before
    /// left it, so that somebody else must have been at work.
    pub(super) fn check(&self, name: StepName, step: &Step) -> Result<(), String> {
        let is_other = name.is_about_test_vm() && self.test_vm.as_ref().is_some_and(|known| *known != step.vm);
        if is_other {
            return Err(format!("the test VM is another one now: {}", step.vm));
        }
        check(name, &self.order, &self.scene)?;
        check_other_end(name, &self.order, &self.scene)
    }
}

/// The VM that is called for.
fn check(name: StepName, order: &Order, scene: &Scene) -> Result<(), String> {
    let site = name.site();
    let names_point = matches!(name, StepName::FailOver | StepName::TestFailOver) && order.point.needs_list();
    let points = scene.host.points.as_deref().unwrap_or_default();
    if names_point && order.point.named(points).is_none() {
        return Err(format!("the recovery point {} is not there any more", order.point));
    }
    let Some(vm) = scene.vm(site) else {
        return Err(format!("the {site} does not show the VM any more"));
    };
    let is = |state: ReplicationState| vm.state == state;
    let is_primary = vm.mode == ReplicationMode::Primary;
    let fits = match name {
        StepName::Prepare => {
            is_primary && is(ReplicationState::Replicating) && vm.enabled_state == EnabledState::Disabled
        }
        StepName::FailOver | StepName::TestFailOver => is_resting_replica(vm),
        // An extended replica is not turned round (Microsoft's page: mode 2).
        StepName::Reverse => vm.mode == ReplicationMode::Replica && is_failed_over(vm),
        StepName::Commit | StepName::Revert => is_replica(vm) && is(ReplicationState::Recovered),
        StepName::CancelPrepare | StepName::CancelPrepareHere => is_prepared(vm),
        StepName::ShutDownPrimary | StepName::TurnOffPrimary | StepName::MakeReplica | StepName::StartReplication => {
            is_primary
        }
        // On the way back it is the failed-over copy that is turned off, and never a primary.
        StepName::TurnOff if matches!(order.kind, Kind::Undo | Kind::WalkBack { .. }) => is_replica(vm),
        // A replica stays off until it is failed over; a prepared primary is locked.
        StepName::Start | StepName::StartPrimary => !is_resting_replica(vm) && !is_prepared(vm),
        StepName::DestroyTestVm | StepName::TurnOffTestVm | StepName::StartTestVm => {
            let test_vm = scene.host.test_vm();
            return match test_vm.filter(|vm| vm.mode == ReplicationMode::TestReplica) {
                Some(_) => Ok(()),
                None => Err("no test VM of the replica is there".to_owned()),
            };
        }
        _ => true,
    };
    told(fits, site, vm)
}

/// The other end, in a workflow with two: it is what a host cannot see, and what two running copies come from.
fn check_other_end(name: StepName, order: &Order, scene: &Scene) -> Result<(), String> {
    let site = match name.site() {
        Site::Host => Site::Primary,
        Site::Primary => Site::Host,
    };
    let Some(vm) = scene.vm(site).filter(|_| order.kind.needs_primary()) else { return Ok(()) };
    let is_off = vm.enabled_state == EnabledState::Disabled;
    let is_locked = is_prepared(vm) && is_off;
    let fits = match (&order.kind, name) {
        (Kind::PlannedFailover { .. }, StepName::ShutDownPrimary | StepName::TurnOffPrimary | StepName::Prepare) => {
            is_resting_replica(vm) && vm.state == ReplicationState::Replicating
        }
        // Only a prepared primary has sent all it had.
        (Kind::PlannedFailover { .. }, StepName::FailOver | StepName::Reverse) => is_locked,
        (Kind::PlannedFailover { .. }, StepName::Start) => is_off,
        (Kind::Reverse { .. }, StepName::MakeReplica) => is_failed_over(vm),
        (Kind::Reverse { .. }, StepName::Reverse) => vm.mode == ReplicationMode::Replica || is_locked,
        (Kind::WalkBack { .. }, StepName::CancelPrepare | StepName::StartPrimary) => is_resting_replica(vm),
        _ => true,
    };
    told(fits, site, vm)
}

fn told(fits: bool, site: Site, vm: &Vm) -> Result<(), String> {
    match fits {
        true => Ok(()),
        false => Err(format!("on the {site} the VM reads as {}", describe(vm))),
    }
}

fn is_replica(vm: &Vm) -> bool {
    matches!(vm.mode, ReplicationMode::Replica | ReplicationMode::ExtendedReplica)
}

fn is_prepared(vm: &Vm) -> bool {
    vm.mode == ReplicationMode::Primary && vm.state == ReplicationState::SyncedReplicationComplete
}

fn is_failed_over(vm: &Vm) -> bool {
    matches!(vm.state, ReplicationState::Recovered | ReplicationState::Committed)
}

/// A replica that is not failed over, nor about to be.
fn is_resting_replica(vm: &Vm) -> bool {
    is_replica(vm) && !is_failed_over(vm) && vm.state != ReplicationState::FailoverInProgress
}
