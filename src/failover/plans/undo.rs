//! Undo: a failover that is not committed is taken back, or the preparation of a primary.

use crate::hyperv::{EnabledState, ReplicationMode, ReplicationState, Vm};

use super::super::goal::describe;
use super::super::order::Site;
use super::super::preflight::Finding;
use super::super::scene::{Ask, Scene};
use super::super::steps::StepName;

/// For a primary the settings tell which method its host has.
pub(super) fn ask(scene: &Scene, vm: &Vm) -> Option<(Site, Ask)> {
    let wants = vm.mode == ReplicationMode::Primary && scene.host.settings.is_none();
    wants.then(|| (Site::Host, Ask::Settings(vm.id.clone())))
}

pub(super) fn judge(vm: &Vm) -> Vec<Finding> {
    let is_replica = matches!(vm.mode, ReplicationMode::Replica | ReplicationMode::ExtendedReplica);
    match (vm.mode, vm.state) {
        (_, ReplicationState::Recovered) if is_replica => {
            let loses = "what the failed-over VM has written since is lost";
            match vm.enabled_state {
                EnabledState::Disabled => vec![Finding::warning("discards", loses, "")],
                _ => vec![Finding::warning("discards", format!("the VM is turned off, and {loses}"), "")],
            }
        }
        (ReplicationMode::Primary, ReplicationState::SyncedReplicationComplete) => Vec::new(),
        (_, ReplicationState::Committed) if is_replica => vec![Finding::refusal(
            "already-committed",
            "the failover is committed and cannot be undone",
            "turn the replication round (`hvr reverse --primary=HOST`) and fail over in the other direction",
        )],
        (ReplicationMode::TestReplica, _) => vec![Finding::refusal(
            "is-test-replica",
            "the VM is a test VM",
            "end the rehearsal by the name of the replica: `hvr test stop`",
        )],
        _ => vec![Finding::refusal(
            "nothing-to-undo",
            format!("there is neither a failover nor a preparation to undo: {}", describe(vm)),
            "check the name and the host",
        )],
    }
}

/// Which of both it is, the side of the VM tells, before and after.
pub(super) fn steps(scene: &Scene) -> Vec<StepName> {
    match scene.host.vm.as_ref().map(|vm| vm.mode) {
        Some(ReplicationMode::Primary) => vec![StepName::CancelPrepareHere],
        _ => vec![StepName::TurnOff, StepName::Revert],
    }
}
