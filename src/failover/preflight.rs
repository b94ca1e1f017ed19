//! What a run would do, and what must hold before: judged from what was read.
//!
//! The table is the client's own (design choice, reasoned from the public value maps): it gives a clear message
//! early. The host makes its own check, and its answer is the authority.

use std::time::{Duration, SystemTime};

use crate::hyperv::{
    EnabledState, RecoveryPoint, ReplicationHealth, ReplicationMode, ReplicationState, Vm, VmSelector,
};

use super::goal::Judgement;
use super::order::{Kind, Order, Site};
use super::plans;
use super::point::PointChoice;
use super::scene::Scene;
use super::steps::{self, StepName};

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
    /// What to do; empty where there is nothing to do. A command in it stands between backticks by its words alone, without
    /// the VM and the way to the host: `` `hvr start` `` is for the host of the finding, `` `hvr undo @primary` `` for that of
    /// the primary, and `@exchanged` for a run that takes each host for the other. Capitals stand for what is not known.
    pub remedy: String,
}

impl Finding {
    pub(super) fn note(code: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding::new(Severity::Note, code, text, remedy)
    }

    pub(super) fn warning(code: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding::new(Severity::Warning, code, text, remedy)
    }

    pub(super) fn refusal(code: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding::new(Severity::Refusal, code, text, remedy)
    }

    fn new(severity: Severity, code: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding { severity, code, text: text.into(), remedy: remedy.into() }
    }
}

/// One step of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProposedStep {
    /// Which step.
    pub step: StepName,
    /// On which host.
    pub site: Site,
    /// Whether it is so already, and nothing is to be sent for it.
    pub is_so: bool,
}

/// What a run would do, and what was found about it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Proposal {
    /// Which workflow.
    pub kind: Kind,
    /// The VM on the host that was named, as it was read.
    pub vm: Vm,
    /// The VM on the primary's host, where the workflow has two.
    pub primary: Option<Vm>,
    /// The test VM, where there is one.
    pub test_vm: Option<Vm>,
    /// The point; none for the latest.
    pub point: Option<RecoveryPoint>,
    /// Changes younger than this are lost: the age of the point, or of the last replication. None where nothing is
    /// lost by the workflow, or where the age is not known.
    pub data_loss: Option<Duration>,
    /// Whether the VM is started afterwards.
    pub start: bool,
    /// What is done, in order. What is so already when its turn comes is left out, then too.
    pub steps: Vec<ProposedStep>,
    /// Heaviest first.
    pub findings: Vec<Finding>,
}

impl Proposal {
    /// What an order would do with a VM by what is known now.
    pub(super) fn draw(order: &Order, scene: &Scene, vm: Vm, now: SystemTime) -> Proposal {
        let point = scene.host.points.as_ref().and_then(|points| order.point.named(points)).cloned();
        let steps = plans::steps(order, scene).into_iter();
        let is_so = |name: StepName| {
            let step = steps::build(name, order, scene).filter(|_| name.may_be_reached_already());
            step.is_some_and(|step| matches!(scene.judge(&step.goal, step.site, &step.vm), Judgement::Reached(_)))
        };
        let mut findings = plans::judge(order, scene);
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let loses = matches!(order.kind, Kind::Failover);
        let time = point.as_ref().map_or(vm.last_replication.as_ref(), |point| point.created.as_ref());
        let age = time.and_then(|time| time.to_system_time()).map(|time| now.duration_since(time).unwrap_or_default());
        Proposal {
            kind: order.kind.clone(),
            primary: scene.primary.vm.clone(),
            test_vm: scene.host.test_vm().cloned(),
            data_loss: age.filter(|_| loses),
            start: order.start,
            steps: steps.map(|step| ProposedStep { step, site: step.site(), is_so: is_so(step) }).collect(),
            findings,
            vm,
            point,
        }
    }

    /// Whether nothing speaks against going on when told to.
    pub fn may_go_on(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity < Severity::Refusal)
    }

    /// Whether it says the same as another one, whatever has been replicated meanwhile.
    pub(super) fn is_like(&self, other: &Proposal) -> bool {
        let state = |vm: &Vm| (vm.id.clone(), vm.mode, vm.state, vm.enabled_state, vm.failed_over);
        let states = |of: &Proposal| [Some(&of.vm), of.primary.as_ref(), of.test_vm.as_ref()].map(|vm| vm.map(state));
        let findings =
            |of: &Proposal| of.findings.iter().map(|finding| (finding.severity, finding.code)).collect::<Vec<_>>();
        states(self) == states(other)
            && self.steps == other.steps
            && self.point == other.point
            && findings(self) == findings(other)
    }

    /// Whether there are warnings.
    pub fn has_warnings(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Warning)
    }
}

/// Judges an unplanned failover of a VM: to a point, or to the latest where none is named.
pub fn preflight(vm: &Vm, point: Option<&RecoveryPoint>, now: SystemTime, start: bool) -> Proposal {
    let choice = point.map_or(PointChoice::Latest, |point| PointChoice::Id(point.id.clone()));
    let order = Order { point: choice, start, ..Order::new(VmSelector::Id(vm.id.clone())) };
    let mut scene = Scene::default();
    scene.host.vm = Some(vm.clone());
    scene.host.points = point.map(|point| vec![point.clone()]);
    Proposal::draw(&order, &scene, vm.clone(), now)
}

/// What must hold of a replica before it is failed over, for real or for a rehearsal.
pub(super) fn of_replica(vm: &Vm, point: Option<&RecoveryPoint>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = judge_mode(vm).into_iter().collect();
    if findings.is_empty() {
        findings.extend(judge_state(vm));
        findings.extend(judge_power(vm));
        findings.extend(judge_last_replication(vm));
        findings.extend(judge_health(vm));
        findings.extend(judge_point(vm, point));
    }
    findings
}

/// What must hold of the settings before a replication is turned round.
pub(super) fn of_reverse(order: &Order, scene: &Scene) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(extended) = scene.host.extended_settings() {
        findings.push(Finding::refusal(
            "extended-relation",
            format!(
                "the replica is replicated onwards to {}: the replication cannot be turned round while that relation is \
                 there",
                extended.recovery_host
            ),
            "remove the extended relation first (Remove-VMReplication for it), or leave the replication as it is",
        ));
    }
    if scene.host.settings.is_some() {
        match scene.host.primary_settings() {
            None => findings.push(Finding::refusal(
                "no-settings",
                "the host shows no replication settings of the VM",
                "check the account's rights, and that the VM is replicated",
            )),
            Some(settings) if settings.reverse_target().is_none() => findings.push(Finding::refusal(
                "no-way-back",
                "the settings name no primary host to replicate to",
                "look at them: `hvr wsman enumerate Msvm_ReplicationSettingData`",
            )),
            Some(settings) if settings.is_by_certificate() && order.kind.thumbprint().is_none() => {
                findings.push(Finding::refusal(
                    "certificate",
                    "the relation is by certificate: the new primary needs one of its own",
                    "name a certificate that is valid on the replica's host: --thumbprint",
                ));
            }
            Some(_) => {}
        }
    }
    findings
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
            "start it (`hvr start`), then keep the failover (`hvr commit`) or undo it (`hvr undo`)",
        ),
        ReplicationState::Committed => refuse(
            "already-committed",
            "the VM is already failed over and committed",
            "reverse the replication (`hvr reverse --primary=HOST`), or remove it",
        ),
        ReplicationState::FailoverInProgress => {
            refuse("failover-in-progress", "a failover of the VM is already running", "follow it: `hvr status`")
        }
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
