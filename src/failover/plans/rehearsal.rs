//! Test failover: a test VM beside the replica, which goes on replicating; and its end.

use crate::hyperv::{ReplicationMode, ReplicationState, Vm};

use super::super::order::{Order, Site};
use super::super::preflight::{self, Finding};
use super::super::scene::{Ask, Scene};
use super::super::steps::StepName;

pub(super) fn ask_start(order: &Order, network: bool, scene: &Scene, vm: &Vm) -> Option<(Site, Ask)> {
    let id = || vm.id.clone();
    match () {
        () if scene.host.test_vms.is_none() => Some((Site::Host, Ask::TestVms(id()))),
        () if order.point.needs_list() && scene.host.points.is_none() => Some((Site::Host, Ask::Points(id()))),
        () if network && scene.host.switches.is_none() => Some((Site::Host, Ask::Switches)),
        () if network && scene.host.connections.is_none() => Some((Site::Host, Ask::Connections(id()))),
        () => None,
    }
}

pub(super) fn ask_stop(scene: &Scene, vm: &Vm) -> Option<(Site, Ask)> {
    scene.host.test_vms.is_none().then(|| (Site::Host, Ask::TestVms(vm.id.clone())))
}

pub(super) fn judge_start(order: &Order, network: Option<&str>, scene: &Scene, vm: &Vm) -> Vec<Finding> {
    let point = scene.host.points.as_ref().and_then(|points| order.point.named(points));
    let mut findings = preflight::of_replica(vm, point);
    if vm.state == ReplicationState::Resynchronising {
        findings.push(Finding::refusal(
            "resynchronising",
            "a resynchronisation is running, and there is no test failover during one",
            "wait for its end: `hvr status --watch`",
        ));
    }
    if let Some(test_vm) = scene.host.test_vm() {
        findings.push(Finding::refusal(
            "test-vm-exists",
            format!("a test VM is there already: {} ({})", test_vm.name, test_vm.id),
            "end that rehearsal first: `hvr test stop`",
        ));
    }
    if let (Some(network), Some(switches)) = (network, &scene.host.switches)
        && !switches.iter().any(|switch| switch == network)
    {
        findings.push(Finding::refusal(
            "no-such-switch",
            format!("the host has no virtual switch {network:?}"),
            format!("its switches: {}", if switches.is_empty() { "none".to_owned() } else { switches.join(", ") }),
        ));
    }
    if network.is_some() && scene.host.connections.as_ref().is_some_and(Vec::is_empty) {
        findings.push(Finding::refusal(
            "no-adapter",
            "the VM has no network adapter to connect",
            "leave --network out",
        ));
    }
    findings
}

pub(super) fn judge_stop(scene: &Scene, vm: &Vm) -> Vec<Finding> {
    let refuse = |code, text: String, remedy: &str| vec![Finding::refusal(code, text, remedy)];
    match (vm.mode, &scene.host.test_vms) {
        (ReplicationMode::TestReplica, _) => refuse(
            "is-test-replica",
            "the VM is itself a test VM".to_owned(),
            "name the replica: its test VM is found by the relation between both",
        ),
        (ReplicationMode::Replica | ReplicationMode::ExtendedReplica, None) => Vec::new(),
        (ReplicationMode::Replica | ReplicationMode::ExtendedReplica, Some(vms)) => match vms.as_slice() {
            [] => refuse(
                "no-test-vm",
                "the replica has no test VM".to_owned(),
                "nothing is left to clean up; `hvr test start` makes one",
            ),
            [test_vm] if test_vm.mode == ReplicationMode::TestReplica => Vec::new(),
            [other] => refuse(
                "not-a-test-vm",
                format!(
                    "{} ({}) depends on the replica, but its replication mode is {} ({}) and not 3: it is not removed",
                    other.name,
                    other.id,
                    other.mode.value(),
                    other.mode
                ),
                "look at it in Hyper-V Manager",
            ),
            several => refuse(
                "several-test-vms",
                format!("the replica has {} test VMs", several.len()),
                "Hyper-V makes one at a time: look at them in Hyper-V Manager",
            ),
        },
        _ => preflight::of_replica(vm, None),
    }
}

pub(super) fn start_steps(network: bool) -> Vec<StepName> {
    let mut steps = Vec::new();
    if network {
        steps.push(StepName::SetTestSwitch);
    }
    steps.push(StepName::TestFailOver);
    steps
}

pub(super) fn stop_steps() -> &'static [StepName] {
    &[StepName::TurnOffTestVm, StepName::DestroyTestVm, StepName::VerifyReplica]
}
