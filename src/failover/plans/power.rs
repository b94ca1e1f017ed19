//! Starting and stopping a VM, where a workflow needs it by hand.

use crate::hyperv::{EnabledState, ReplicationMode, ReplicationState, Vm};

use super::super::order::PowerOff;
use super::super::preflight::Finding;
use super::super::steps::StepName;

pub(super) fn judge_start(vm: &Vm) -> Vec<Finding> {
    let is_replica = matches!(vm.mode, ReplicationMode::Replica | ReplicationMode::ExtendedReplica);
    let is_failed_over = matches!(vm.state, ReplicationState::Recovered | ReplicationState::Committed);
    if is_replica && !is_failed_over {
        return vec![Finding::refusal(
            "replica-stays-off",
            "the VM is a replica that is not failed over: it stays off",
            "fail it over first (`hvr failover`), or rehearse with a test VM (`hvr test start`)",
        )];
    }
    if vm.mode == ReplicationMode::Primary && vm.state == ReplicationState::SyncedReplicationComplete {
        return vec![Finding::refusal(
            "prepared",
            "the VM is a primary prepared for a planned failover: it is locked",
            "take the preparation back first: `hvr undo`",
        )];
    }
    Vec::new()
}

pub(super) fn judge_stop(vm: &Vm, off: PowerOff) -> Vec<Finding> {
    match (vm.enabled_state, off) {
        (EnabledState::Disabled, _) => vec![Finding::note("is-off", "the VM is off already", "")],
        (_, PowerOff::TurnOff) => {
            vec![Finding::warning("power-cut", "the power is cut: what the guest had not written is lost", "")]
        }
        (EnabledState::Enabled, PowerOff::ShutDown) => Vec::new(),
        (state, PowerOff::ShutDown) => vec![Finding::refusal(
            "cannot-shut-down",
            format!("only a running guest can be shut down; the VM is {}", state.to_string().to_lowercase()),
            "turn it off: `hvr stop --turn-off`",
        )],
    }
}

pub(super) fn off(off: PowerOff) -> StepName {
    match off {
        PowerOff::ShutDown => StepName::ShutDown,
        PowerOff::TurnOff => StepName::TurnOff,
    }
}
