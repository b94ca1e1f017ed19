//! Taking up a run that an earlier process left: the journal says what was sent, the hosts say what came of it.
//!
//! Every step before the last one on record is settled. The last call is looked for on the host, by state and by jobs:
//! it is done, it runs, it failed, or nothing is to be seen of it once the host's time for it is over. Then the run goes
//! on from there, also where the call was believed to have done nothing and what it was sent for stands there all the
//! same. What fits neither is somebody else's work, and the run stops.

use std::time::{Duration, SystemTime};

use crate::hyperv::{JobRef, ReturnCode, VmId};
use crate::wsman::{Delivery, ResourceUri};

use super::action::Action;
use super::call_run::{Left, Sent};
use super::footprint::Footprint;
use super::goal::Judgement;
use super::journal::{CallRecord, History, Uptime, Verdict};
use super::order::{Kind, Order};
use super::outcome::{Cause, StartReport};
use super::steps::{self, Step, StepName};
use super::workflow::Workflow;

/// Where a run stands.
#[derive(Debug)]
pub(super) enum Standing {
    /// It begins.
    Fresh,
    /// It was begun by an earlier process.
    Resumed(Box<History>),
    /// It is known where it stands.
    Settled,
}

/// What is to be done with the last call on record.
enum Next {
    /// It is settled: the step after it.
    After,
    /// It did nothing: the step again.
    Again,
    /// The host refused it by a code that leaves no doubt: the step again.
    Refused,
    /// What came of it is to be seen on the host.
    Settle(Left),
}

impl Workflow {
    /// The run that a journal tells of, taken up again. The journal must hold its VM already.
    pub fn resume(history: History) -> Self {
        let mut order = Order { wait: true, ..history.record.order.clone() };
        // Where the power was cut instead of asking the guest, that is the order.
        let cuts = [StepName::TurnOffPrimary, StepName::TurnOff];
        if history.calls.iter().any(|call| cuts.iter().any(|step| step.name() == call.intent.step)) {
            order.kind.cut_power();
        }
        let mut workflow = Workflow::new(order);
        workflow.footprint = Footprint::of(&history);
        workflow.record_name = Some(history.record.vm_name.clone());
        workflow.hold();
        workflow.is_resumed = true;
        workflow.standing = Standing::Resumed(Box::new(history));
        workflow
    }

    /// With a deadline on the caller's clock.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Option<Duration>) -> Self {
        self.order.deadline = deadline;
        self
    }

    /// With the time since the start of the machine, which tells how long ago the last call was sent. Without it the call
    /// is taken as sent when the run is taken up.
    #[must_use]
    pub fn with_uptime(mut self, uptime: Option<Uptime>) -> Self {
        self.uptime = uptime;
        self
    }

    /// With everything read, the place in the run is known from its last call.
    pub(super) fn take_up(&mut self, now: Duration, wall: SystemTime, history: &History) -> Action {
        let Some(last) = history.calls.last() else { return self.step_on(now, wall) };
        let named = StepName::named(&last.intent.step).ok_or(());
        if let Some(cut) = named.ok().and_then(StepName::power_cut).filter(|cut| self.move_to(*cut).is_ok()) {
            return self.cut_power(now, wall, cut, last.intent.vm.clone());
        }
        if named.and_then(|step| self.move_to(step).map(|()| step)).is_err() {
            let text = format!("the journal names a step {:?} that this program does not know here", last.intent.step);
            return self.stop(Cause::Changed(text));
        }
        let next = next(last, &history.calls);
        let subject = last.intent.vm.clone();
        // The one that the last step ended with is told by what is there now.
        let is_last = matches!(next, Next::After) && self.at.saturating_add(1) >= self.steps.len();
        let before = history.calls.iter().rev().skip(usize::from(is_last)).rev();
        // A step that the run went on from was proven, also where that could not be put on record.
        let is_done = |call: &&CallRecord| match call.verdict {
            None => call.intent.step != last.intent.step,
            Some(verdict) => verdict == Verdict::Done,
        };
        for call in before.filter(is_done) {
            if let Some(step) = StepName::named(&call.intent.step) {
                self.count_done(step, call.intent.vm.clone());
            }
        }
        let Some(name) = self.step() else { return self.step_on(now, wall) };
        if name.is_about_test_vm() {
            self.test_vm = Some(subject.clone());
        }
        match next {
            Next::After if is_last => self.prove_again(now, wall, name, subject),
            Next::After => {
                self.move_on();
                self.step_on(now, wall)
            }
            Next::Again | Next::Refused => {
                if matches!(next, Next::Refused) {
                    self.conclude(Verdict::Failed);
                }
                let Some(step) = steps::build(name, &self.order, &self.scene) else {
                    return self.settle_without_subject(now, wall, name);
                };
                // A job that was believed to be over may have been at work all the same, and so may a call of which that
                // was believed: what it was sent for stands there, and the run goes on from it.
                let may_be_ours = calls_of(last, &history.calls).any(CallRecord::may_have_been_taken);
                match self.scene.judge(&step.goal, step.site, &subject) {
                    Judgement::Reached(seen) if may_be_ours => self.proven(now, wall, name, subject, seen),
                    _ => self.step_on(now, wall),
                }
            }
            Next::Settle(left) => {
                let Some(step) = steps::build(name, &self.order, &self.scene) else {
                    return self.settle_without_subject(now, wall, name);
                };
                let now_up = self.uptime.as_ref();
                let ago = now_up.zip(last.intent.sent_uptime.as_ref()).and_then(|(now, sent)| now.since(sent));
                let sent = Sent { wall: last.intent.sent, ago, quiet: quiet(last), settled: last.verdict };
                let step = Step { vm: subject, ..step };
                self.settle(now, wall, step, |run| run.settle(now, wall, &sent, left))
            }
        }
    }

    /// Every step was proven by an earlier process, and nobody closed the run: it is done only if it is still so.
    fn prove_again(&mut self, now: Duration, wall: SystemTime, name: StepName, subject: VmId) -> Action {
        let Some(step) = steps::build(name, &self.order, &self.scene).map(|step| Step { vm: subject, ..step }) else {
            return self.stop(Cause::Changed(format!("what {name} has led to is not there any more")));
        };
        match self.scene.judge(&step.goal, step.site, &step.vm) {
            Judgement::Reached(seen) => self.proven(now, wall, name, step.vm, seen),
            Judgement::Going(seen) | Judgement::Not(seen) if name.is_best_effort() && !self.done.is_empty() => {
                self.start = StartReport::Failed(format!("it ran, and now the VM reads as {seen}"));
                self.move_on();
                self.step_on(now, wall)
            }
            Judgement::Going(seen) | Judgement::Not(seen) => {
                self.stop(Cause::Changed(format!("{name} was proven before, and now the VM reads as {seen}")))
            }
        }
    }

    /// The guest was asked to shut down, and the power is to be cut instead: there is nothing to wait for. That it went off
    /// meanwhile is as good.
    fn cut_power(&mut self, now: Duration, wall: SystemTime, cut: StepName, subject: VmId) -> Action {
        let Some(step) = steps::build(cut, &self.order, &self.scene) else {
            return self.settle_without_subject(now, wall, cut);
        };
        match self.scene.judge(&step.goal, step.site, &subject) {
            Judgement::Reached(seen) => self.proven(now, wall, cut, subject, seen),
            Judgement::Going(_) | Judgement::Not(_) => {
                self.conclude(Verdict::Failed);
                self.step_on(now, wall)
            }
        }
    }

    /// What an earlier process called for is there.
    fn proven(&mut self, now: Duration, wall: SystemTime, name: StepName, subject: VmId, seen: String) -> Action {
        self.conclude(Verdict::Done);
        self.count_done(name, subject);
        if let Some(report) = self.done.last_mut() {
            report.seen = seen;
        }
        if name.is_best_effort() {
            self.start = StartReport::Running;
        }
        self.move_on();
        self.step_on(now, wall)
    }

    /// The subject of the step is gone: for the removal of a test VM that is the proof.
    pub(super) fn settle_without_subject(&mut self, now: Duration, wall: SystemTime, name: StepName) -> Action {
        match (&self.order.kind, name) {
            (Kind::TestStop | Kind::Rehearsal, StepName::TurnOffTestVm | StepName::DestroyTestVm) => {
                if self.move_to(StepName::DestroyTestVm).is_ok() {
                    self.move_on();
                }
                self.step_on(now, wall)
            }
            _ => self.stop(Cause::Changed(format!("what {name} needs is not there any more"))),
        }
    }
}

/// What the record says of the last call.
fn next(last: &CallRecord, calls: &[CallRecord]) -> Next {
    // One of the same step may have been taken without a trace: what came of it is looked for before the next one. One
    // that has failed has been found, and its job would be found again.
    let is_traceless =
        || calls_of(last, calls).any(|call| is_unanswered(call) && call.verdict != Some(Verdict::Failed));
    let job_ids = || calls_of(last, calls).filter_map(job_of).map(|job| job.instance_id().to_owned());
    let unknown = || Left::Unknown { known: job_ids().collect() };
    match (&last.verdict, &last.outcome) {
        (Some(Verdict::Done), _) => Next::After,
        (Some(Verdict::NotTaken | Verdict::Failed), _) if is_traceless() => Next::Settle(unknown()),
        (Some(Verdict::NotTaken | Verdict::Failed), _) => Next::Again,
        (None, None) => Next::Settle(unknown()),
        (None, Some(outcome)) => match (job_of(last), outcome.code) {
            (Some(job), _) => Next::Settle(Left::Job(job)),
            (None, Some(ReturnCode::Completed)) => Next::Settle(Left::Done),
            (None, _) if is_traceless() => Next::Settle(unknown()),
            (None, Some(code)) if code != ReturnCode::JobStarted && !code.is_undecided() => Next::Refused,
            (None, _) if outcome.delivery == Delivery::NotSent => Next::Again,
            (None, _) => Next::Settle(unknown()),
        },
    }
}

/// The calls of the same step, the last one among them.
fn calls_of<'c>(last: &'c CallRecord, calls: &'c [CallRecord]) -> impl Iterator<Item = &'c CallRecord> {
    calls.iter().filter(|call| call.intent.step == last.intent.step)
}

/// Whether no return value tells what became of a call. A fault may be as clear, but on record it is a text only.
fn is_unanswered(call: &CallRecord) -> bool {
    call.outcome.as_ref().is_none_or(|outcome| outcome.code.is_none() && outcome.delivery != Delivery::NotSent)
}

fn job_of(call: &CallRecord) -> Option<JobRef> {
    let (class, id) = call.outcome.as_ref()?.job.as_ref()?;
    Some(JobRef::by_id(ResourceUri::new(class.as_str()), id))
}

/// How long after it was sent a host may still take a call up: its OperationTimeout, and as much again for what lay in
/// queues before.
fn quiet(call: &CallRecord) -> Duration {
    call.intent.operation_timeout.saturating_mul(2)
}
