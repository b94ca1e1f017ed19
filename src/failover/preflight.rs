//! What must hold before a failover, judged from what was read.
//!
//! The table is the client's own (design choice, reasoned from the public value maps): it gives a clear message
//! early. The host makes its own check, and its answer is the authority.

use std::time::{Duration, SystemTime};

use crate::hyperv::{EnabledState, RecoveryPoint, ReplicationHealth, ReplicationMode, ReplicationState, Vm};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Goes on only when told to: a confirmation, or `--yes`.
    Warning,
    /// Nothing is sent.
    Refusal,
}

impl Severity {
    /// A short name, the same in every output.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Refusal => "refusal",
        }
    }
}

/// One thing that was found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// A stable short name for scripts.
    pub code: &'static str,
    /// What was seen and what it means.
    pub text: String,
    /// What to do; empty where there is nothing to do.
    pub remedy: String,
}

impl Finding {
    fn new(severity: Severity, code: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding { severity, code, text: text.into(), remedy: remedy.into() }
    }
}

/// What a failover would do, and what was found about it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Proposal {
    /// The VM as it was read.
    pub vm: Vm,
    /// The point; none for the latest.
    pub point: Option<RecoveryPoint>,
    /// Changes younger than this are lost: the age of the point, or of the last replication.
    pub data_loss: Option<Duration>,
    /// Whether the VM is started afterwards.
    pub start: bool,
    /// Heaviest first.
    pub findings: Vec<Finding>,
}

impl Proposal {
    /// Whether nothing speaks against going on when told to.
    pub fn may_go_on(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity < Severity::Refusal)
    }

    /// Whether there are warnings.
    pub fn has_warnings(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Warning)
    }
}

/// Judges a VM and a point at a moment. The age of the point is by two clocks, the host's and ours.
pub fn preflight(vm: &Vm, point: Option<&RecoveryPoint>, now: SystemTime, start: bool) -> Proposal {
    let mut findings = Vec::new();
    findings.extend(judge_mode(vm));
    // Where the VM is no replica at all, its state says nothing more.
    if findings.is_empty() {
        findings.extend(judge_state(vm));
        findings.extend(judge_power(vm));
        findings.extend(judge_last_replication(vm));
        findings.extend(judge_health(vm));
        findings.extend(judge_point(vm, point));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let time = point.map_or(vm.last_replication.as_ref(), |point| point.created.as_ref());
    let data_loss =
        time.and_then(|time| time.to_system_time()).map(|time| now.duration_since(time).unwrap_or_default());
    Proposal { vm: vm.clone(), point: point.cloned(), data_loss, start, findings }
}

fn judge_mode(vm: &Vm) -> Option<Finding> {
    let refuse = |code, text: &str, remedy: &str| Some(Finding::new(Severity::Refusal, code, text, remedy));
    match vm.mode {
        ReplicationMode::Replica | ReplicationMode::ExtendedReplica => None,
        ReplicationMode::None => {
            refuse("not-replicated", "the VM is not replicated", "check the name, and that this is the replica's host")
        }
        ReplicationMode::Primary => refuse(
            "is-primary",
            "the VM is the primary: a failover starts on the replica's host",
            "run the command against the host that holds the replica (-H)",
        ),
        ReplicationMode::TestReplica => refuse(
            "is-test-replica",
            "the VM is a test replica made for a rehearsal",
            "name the replica itself, not its test VM",
        ),
        ReplicationMode::Other(_) => refuse(
            "unknown-mode",
            &format!("the replication mode is {}, which is not known to be a replica", vm.mode),
            "look at the VM with `hvr status` and Hyper-V Manager",
        ),
    }
}

fn judge_state(vm: &Vm) -> Option<Finding> {
    let state = vm.state;
    let refuse = |code, text: &str, remedy: &str| {
        Some(Finding::new(Severity::Refusal, code, format!("{text} (state {}, {state})", state.value()), remedy))
    };
    let warn = |code, text: &str, remedy: &str| {
        Some(Finding::new(Severity::Warning, code, format!("{text} (state {}, {state})", state.value()), remedy))
    };
    match state {
        ReplicationState::Replicating => None,
        ReplicationState::Disabled
        | ReplicationState::ReadyForReplication
        | ReplicationState::WaitingForInitialReplication => refuse(
            "no-initial-replication",
            "there is no complete copy to fail over to",
            "let the initial replication finish first",
        ),
        ReplicationState::Recovered => refuse(
            "already-failed-over",
            "the VM is already failed over and not committed",
            "start it, then keep the failover (Complete-VMFailover) or undo it (Stop-VMFailover)",
        ),
        ReplicationState::Committed => refuse(
            "already-committed",
            "the VM is already failed over and committed",
            "reverse the replication, or remove it",
        ),
        ReplicationState::FailoverInProgress => refuse(
            "failover-in-progress",
            "a failover of the VM is already running",
            "follow it: `hvr status` and `hvr job show`",
        ),
        ReplicationState::FailbackInProgress | ReplicationState::FailbackComplete => {
            refuse("failback", "a failback of the VM is running or done", "finish or cancel the failback first")
        }
        ReplicationState::Resynchronising => {
            warn("resynchronising", "a resynchronisation is running; a failover cancels it", "")
        }
        ReplicationState::Suspended
        | ReplicationState::Critical
        | ReplicationState::WaitingToResynchronise
        | ReplicationState::ResynchronisationSuspended => {
            warn("stands-still", "replication stands still, so the copy grows older", "")
        }
        _ => warn(
            "unusual-state",
            "the replication state is unusual for a replica",
            "look at it in Hyper-V Manager if there is time",
        ),
    }
}

fn judge_power(vm: &Vm) -> Option<Finding> {
    (vm.enabled_state != EnabledState::Disabled).then(|| {
        Finding::new(
            Severity::Refusal,
            "not-off",
            format!("the replica VM is not off but {}", vm.enabled_state.to_string().to_lowercase()),
            "a replica is off until it is failed over: find out why this one is not, and turn it off",
        )
    })
}

fn judge_last_replication(vm: &Vm) -> Option<Finding> {
    vm.last_replication.is_none().then(|| {
        Finding::new(
            Severity::Refusal,
            "never-replicated",
            "no replication has ever arrived",
            "let the initial replication finish first",
        )
    })
}

fn judge_health(vm: &Vm) -> Option<Finding> {
    match vm.health {
        ReplicationHealth::Warning | ReplicationHealth::Critical => Some(Finding::new(
            Severity::Note,
            "health",
            format!("the replication health is {}", vm.health.to_string().to_lowercase()),
            "",
        )),
        _ => None,
    }
}

fn judge_point(vm: &Vm, point: Option<&RecoveryPoint>) -> Option<Finding> {
    point.filter(|point| !point.vm.eq_ignore_ascii_case(vm.id.as_str())).map(|_| {
        Finding::new(
            Severity::Refusal,
            "foreign-point",
            "the recovery point belongs to another VM",
            "choose one that `hvr points` shows for this VM",
        )
    })
}
