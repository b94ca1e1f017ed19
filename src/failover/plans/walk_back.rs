//! A half-done planned failover is walked back, as far as Hyper-V allows.

use crate::hyperv::{ReplicationMode, ReplicationState, Vm, VmSelector};

use super::super::goal::describe;
use super::super::order::Site;
use super::super::preflight::Finding;
use super::super::scene::{Ask, Scene};
use super::super::steps::StepName;

pub(super) fn ask(scene: &Scene, vm: &Vm) -> Option<(Site, Ask)> {
    let id = || vm.id.clone();
    match () {
        () if scene.primary.vm.is_none() => Some((Site::Primary, Ask::FindVm(VmSelector::Id(id())))),
        () if scene.primary.settings.is_none() => Some((Site::Primary, Ask::Settings(id()))),
        () => None,
    }
}

pub(super) fn judge(scene: &Scene, vm: &Vm) -> Vec<Finding> {
    let is_turned = vm.mode == ReplicationMode::Primary
        || scene.primary.vm.as_ref().is_some_and(|primary| primary.mode == ReplicationMode::Replica);
    if is_turned {
        return vec![Finding::refusal(
            "already-reversed",
            "the replication is turned round already, which keeps the failover for good: it cannot be walked back",
            "fail over in the other direction: `hvr failover --planned @exchanged`",
        )];
    }
    if vm.state == ReplicationState::Committed {
        return vec![Finding::refusal(
            "already-committed",
            "the failover is committed and cannot be walked back",
            "turn the replication round (`hvr reverse --primary=HOST`) and fail over in the other direction",
        )];
    }
    let mut findings = Vec::new();
    if vm.state == ReplicationState::Recovered {
        findings.push(Finding::warning("discards", "what the failed-over VM has written since is lost", ""));
    }
    if let Some(primary) = scene.primary.vm.as_ref().filter(|primary| primary.mode != ReplicationMode::Primary) {
        findings.push(Finding::refusal(
            "not-the-primary",
            format!("the primary's host does not hold the primary: {}", describe(primary)),
            "somebody else was at work there: look before anything is changed",
        ));
    }
    findings
}

pub(super) fn steps(start_primary: bool) -> Vec<StepName> {
    let mut steps = vec![StepName::TurnOff, StepName::Revert, StepName::CancelPrepare];
    if start_primary {
        steps.push(StepName::StartPrimary);
    }
    steps
}
