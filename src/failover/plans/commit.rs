//! Commit: the failover is kept for good.

use crate::hyperv::{EnabledState, ReplicationMode, ReplicationState, Vm};

use super::super::goal::describe;
use super::super::preflight::Finding;

/// inferred (E30) from the meanings of the states: only a failover that is not committed can be.
pub(super) fn judge(vm: &Vm) -> Vec<Finding> {
    let is_replica = matches!(vm.mode, ReplicationMode::Replica | ReplicationMode::ExtendedReplica);
    match (is_replica, vm.state) {
        (true, ReplicationState::Recovered) => {
            let mut findings = vec![Finding::warning(
                "irreversible",
                "the other recovery points are removed; there is no way back to them, nor to the state before",
                "",
            )];
            if vm.enabled_state != EnabledState::Enabled {
                findings.push(Finding::note("not-tried", "the VM is not running: was it tried?", ""));
            }
            findings
        }
        (true, ReplicationState::Committed) => vec![Finding::refusal(
            "already-committed",
            "the failover is committed already",
            "reverse the replication (`hvr reverse --primary=HOST`), or leave it",
        )],
        _ => vec![Finding::refusal(
            "not-failed-over",
            format!("there is no failover to commit: {}", describe(vm)),
            "a commit follows a failover, on the replica's host",
        )],
    }
}
