//! Undo: a failover that is not committed is taken back, or the preparation of a primary.

use crate::hyperv::{EnabledState, FailoverType, ReplicationMode, ReplicationState, Vm};

use super::super::goal::describe;
use super::super::order::Site;
use super::super::preflight::Finding;
use super::super::scene::{Ask, Scene};
use super::super::steps::StepName;

/// For a primary the settings tell which method its host has; for a replica that was failed over as planned, where the
/// primary waits.
pub(super) fn ask(scene: &Scene, vm: &Vm) -> Option<(Site, Ask)> {
    let wants = vm.mode == ReplicationMode::Primary || is_planned(vm);
    let wants = wants && scene.host.settings.is_none();
    wants.then(|| (Site::Host, Ask::Settings(vm.id.clone())))
}

pub(super) fn judge(scene: &Scene, vm: &Vm) -> Vec<Finding> {
    let is_replica = matches!(vm.mode, ReplicationMode::Replica | ReplicationMode::ExtendedReplica);
    match (vm.mode, vm.state) {
        (_, ReplicationState::Recovered) if is_replica => {
            let loses = "what the failed-over VM has written since is lost";
            let mut findings = match vm.enabled_state {
                EnabledState::Disabled => vec![Finding::warning("discards", loses, "")],
                _ => vec![Finding::warning("discards", format!("the VM is turned off, and {loses}"), "")],
            };
            findings.extend(is_planned(vm).then(|| of_primary(scene)));
            findings
        }
        (ReplicationMode::Primary, ReplicationState::SyncedReplicationComplete) => Vec::new(),
        (_, ReplicationState::Committed) if is_replica => vec![Finding::refusal(
            "already-committed",
            "the failover is committed and cannot be undone",
            "turn the replication round (`hvr reverse`) and fail over in the other direction",
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

/// Whether the primary was prepared for the failover, and so is off and locked until that is taken back.
fn is_planned(vm: &Vm) -> bool {
    let is_replica = matches!(vm.mode, ReplicationMode::Replica | ReplicationMode::ExtendedReplica);
    is_replica && vm.state == ReplicationState::Recovered && vm.failed_over == FailoverType::Planned
}

/// The other end of the failover, which this host cannot change.
fn of_primary(scene: &Scene) -> Finding {
    let host = scene.host.primary_settings().map_or("", |settings| settings.primary_host.as_str());
    let host = if host.is_empty() { "its host".to_owned() } else { host.to_owned() };
    Finding::warning(
        "primary-prepared",
        format!("the failover was planned: the primary on {host} was not asked, and stays prepared and OFF"),
        "take the preparation back there, too (`hvr undo` on its host), then start the VM there (`hvr start`)",
    )
}

/// Which of both it is, the side of the VM tells, before and after.
pub(super) fn steps(scene: &Scene) -> Vec<StepName> {
    match scene.host.vm.as_ref().map(|vm| vm.mode) {
        Some(ReplicationMode::Primary) => vec![StepName::CancelPrepareHere],
        _ => vec![StepName::TurnOff, StepName::Revert],
    }
}
