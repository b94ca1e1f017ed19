//! Reverse: the failed-over replica becomes the primary, its old primary the replica.
//!
//! After a planned failover that is one call. After an unplanned one the old primary is made a replica first, and initial
//! replication is started in the new direction (Microsoft's text on replication failover; the calls are inferred (E32)).

use crate::hyperv::{FailoverType, ReplicationMode, ReplicationState, Vm, VmSelector};

use super::super::goal::describe;
use super::super::order::{Order, Site};
use super::super::preflight::{self, Finding};
use super::super::scene::{Ask, Scene};
use super::super::steps::StepName;

pub(super) fn ask(with_primary: bool, scene: &Scene, vm: &Vm) -> Option<(Site, Ask)> {
    let id = || vm.id.clone();
    match () {
        () if scene.host.settings.is_none() => Some((Site::Host, Ask::Settings(id()))),
        () if with_primary && scene.primary.vm.is_none() => Some((Site::Primary, Ask::FindVm(VmSelector::Id(id())))),
        () if with_primary && scene.primary.settings.is_none() => Some((Site::Primary, Ask::Settings(id()))),
        () => None,
    }
}

pub(super) fn judge(with_primary: bool, order: &Order, scene: &Scene, vm: &Vm) -> Vec<Finding> {
    if vm.mode == ReplicationMode::ExtendedReplica {
        return vec![Finding::refusal(
            "extended-replica",
            "the VM here is the replica of a replica, and only a primary relation can be turned round",
            "make it a primary of its own in Hyper-V Manager (ChangeReplicationModeToPrimary, after the commit)",
        )];
    }
    let is_replica = vm.mode == ReplicationMode::Replica;
    let is_failed_over = matches!(vm.state, ReplicationState::Recovered | ReplicationState::Committed);
    if !is_replica || !is_failed_over {
        return vec![Finding::refusal(
            "not-failed-over",
            format!("only a failed-over replica can be reversed: {}", describe(vm)),
            "fail it over first; the command goes to the host that holds the failed-over VM",
        )];
    }
    let mut findings = preflight::of_reverse(order, scene);
    findings.push(Finding::warning("commits", "the failover is kept for good, and its recovery points go", ""));
    if vm.failed_over != FailoverType::Planned && !with_primary {
        findings.push(Finding::warning(
            "old-primary",
            "the failover was not planned: the old primary must be made a replica before, or the reverse fails",
            "let this command do it: --primary HOST",
        ));
    }
    if let Some(primary) = &scene.primary.vm {
        findings.extend(judge_primary(primary));
    }
    findings
}

fn judge_primary(primary: &Vm) -> Option<Finding> {
    match primary.mode {
        ReplicationMode::Replica => None,
        ReplicationMode::Primary if primary.enabled_state == crate::hyperv::EnabledState::Disabled => {
            let is_prepared = primary.state == ReplicationState::SyncedReplicationComplete;
            (!is_prepared).then(|| {
                Finding::warning("overwrites", "what was written on the old primary since the failover is lost", "")
            })
        }
        ReplicationMode::Primary => Some(Finding::refusal(
            "primary-runs",
            format!("the old primary is not off: {}", describe(primary)),
            "stop it first: `hvr stop @primary`",
        )),
        _ => Some(Finding::refusal(
            "not-the-primary",
            format!("the host named as primary does not hold the old primary: {}", describe(primary)),
            "check --primary",
        )),
    }
}

pub(super) fn steps(with_primary: bool) -> Vec<StepName> {
    match with_primary {
        true => vec![StepName::MakeReplica, StepName::Reverse, StepName::VerifyPrimary, StepName::StartReplication],
        // After a planned failover it replicates at once, and nothing is left to start.
        false => vec![StepName::Reverse, StepName::StartReplication],
    }
}
