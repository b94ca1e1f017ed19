//! Planned failover: both hosts, nothing lost.
//!
//! Order of steps: Microsoft's cmdlets and their examples. That a state change to 4 is what prepares a primary is
//! inferred (E31).

use crate::hyperv::{EnabledState, ReplicationMode, ReplicationState, Vm, VmSelector};

use super::super::goal::describe;
use super::super::order::{Order, PowerOff, Site};
use super::super::preflight::{self, Finding, Severity};
use super::super::scene::{Ask, Scene};
use super::super::steps::StepName;

pub(super) fn ask(reverse: bool, scene: &Scene, vm: &Vm) -> Option<(Site, Ask)> {
    let id = || vm.id.clone();
    match () {
        () if scene.primary.vm.is_none() => Some((Site::Primary, Ask::FindVm(VmSelector::Id(id())))),
        () if scene.host.settings.is_none() => Some((Site::Host, Ask::Settings(id()))),
        () if scene.primary.settings.is_none() => Some((Site::Primary, Ask::Settings(id()))),
        () if reverse && scene.primary.service.is_none() => Some((Site::Primary, Ask::Service)),
        () => None,
    }
}

pub(super) fn judge(reverse: bool, order: &Order, scene: &Scene, vm: &Vm) -> Vec<Finding> {
    let mut findings = preflight::of_replica(vm, None);
    let is_ready = vm.state == ReplicationState::Replicating;
    if !is_ready && findings.iter().all(|finding| finding.severity < Severity::Refusal) {
        findings.push(Finding::refusal(
            "not-replicating",
            format!("the replica does not replicate (state {}, {})", vm.state.value(), vm.state),
            "resume or repair the replication first; if the primary is lost, fail over without --planned",
        ));
    }
    if vm.mode == ReplicationMode::ExtendedReplica {
        findings.push(Finding::refusal(
            "extended-replica",
            "the VM here is the replica of a replica: a planned failover goes from a primary to its own replica",
            "name the host of the primary's replica (-H), or fail over without --planned",
        ));
        return findings;
    }
    if let Some(primary) = &scene.primary.vm {
        findings.extend(judge_primary(primary));
    }
    if scene.host.settings.is_some() && scene.primary.settings.is_some() {
        findings.extend(judge_relation(scene));
    }
    if reverse {
        findings.extend(preflight::of_reverse(order, scene));
        if scene
            .primary
            .service
            .as_ref()
            .and_then(Option::as_ref)
            .is_some_and(|service| !service.recovery_server_enabled)
        {
            findings.push(Finding::refusal(
                "primary-takes-no-replica",
                "the primary's host does not take replicas, so that the replication could not be turned round",
                "enable it as a replica server, or leave the replication as it is: --no-reverse",
            ));
        }
    }
    findings
}

fn judge_primary(primary: &Vm) -> Option<Finding> {
    let refuse = |code, text: String, remedy: &str| Some(Finding::refusal(code, text, remedy));
    match (primary.mode, primary.state) {
        (ReplicationMode::Primary, ReplicationState::Replicating) => match primary.enabled_state {
            EnabledState::Enabled | EnabledState::Disabled => None,
            state => refuse(
                "primary-power",
                format!("the primary is neither running nor off but {}", state.to_string().to_lowercase()),
                "bring it to one of both first",
            ),
        },
        (ReplicationMode::Primary, ReplicationState::SyncedReplicationComplete) => refuse(
            "already-prepared",
            "the primary is prepared for a planned failover already, and not by this run".to_owned(),
            "take up the run that did it (`hvr run list`), or take the preparation back (`hvr undo @primary`)",
        ),
        (ReplicationMode::Primary, _) => refuse(
            "primary-not-replicating",
            format!("the primary does not replicate: {}", describe(primary)),
            "resume or repair the replication first",
        ),
        (ReplicationMode::Replica, _) => refuse(
            "is-replica",
            "the host named as primary holds a replica of the VM".to_owned(),
            "exchange -H and --primary",
        ),
        _ => refuse(
            "not-the-primary",
            format!("the host named as primary does not hold the primary: {}", describe(primary)),
            "check --primary",
        ),
    }
}

/// Both ends tell the same of who is who.
fn judge_relation(scene: &Scene) -> Option<Finding> {
    let (Some(here), Some(there)) = (scene.host.primary_settings(), scene.primary.primary_settings()) else {
        let which = if scene.host.primary_settings().is_none() { "replica" } else { "primary" };
        return Some(Finding::refusal(
            "no-settings",
            format!("the {which}'s host shows no replication settings of the VM"),
            "check the account's rights there, and that the VM is replicated",
        ));
    };
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let is_one = same(&here.primary_host, &there.primary_host) && same(&here.recovery_host, &there.recovery_host);
    (!is_one).then(|| {
        Finding::refusal(
            "not-one-relation",
            format!(
                "the two hosts do not hold the ends of one relation: the replica's says {} to {}, the primary's says {} \
                 to {}",
                here.primary_host, here.recovery_host, there.primary_host, there.recovery_host
            ),
            "check -H and --primary",
        )
    })
}

pub(super) fn steps(off: PowerOff, reverse: bool) -> Vec<StepName> {
    let off = match off {
        PowerOff::ShutDown => StepName::ShutDownPrimary,
        PowerOff::TurnOff => StepName::TurnOffPrimary,
    };
    let mut steps = vec![off, StepName::Prepare, StepName::FailOver];
    if reverse {
        steps.extend([StepName::Reverse, StepName::VerifyPrimary]);
    }
    steps
}
