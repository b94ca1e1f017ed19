//! A run as a state machine without I/O: it is told what was seen and says what to do next.
//!
//! ```text
//! ask the hosts -> take the VM -> (read again if another run was quicker) -> confirm -> step -> step -> … -> done
//!                                                                                        \-- stopped
//! ```
//!
//! Each step is a [`CallRun`]. A run that is taken up again begins in `resume.rs` with a fresh look at the hosts.

use std::time::{Duration, SystemTime};

use crate::hyperv::{FailoverType, LookedUp, ReplicationState, Vm, VmId};

use super::action::{Action, Observation};
use super::call_run::{CallRun, End, Turn};
use super::footprint::Footprint;
use super::goal::Judgement;
use super::journal::{JournalError, TakeError, Taken, Uptime, Verdict};
use super::order::{Kind, Order, Site};
use super::outcome::{Cause, Halted, Outcome, Refusal, Report, StartReport, StepReport, Stopped, Verified};
use super::plans;
use super::point::PointChoice;
use super::preflight::Proposal;
use super::resume::Standing;
use super::scene::{Answer, Scene, Told};
use super::steps::{self, StepName};
use super::whereabouts::Whereabouts;

/// A run. Feed it with [`Workflow::next`] until it says [`Action::Finish`].
#[derive(Debug)]
pub struct Workflow {
    pub(super) order: Order,
    pub(super) scene: Scene,
    pub(super) standing: Standing,
    phase: Phase,
    /// Whether the VM is taken for this run.
    is_taken: bool,
    /// Whether an earlier process began it.
    pub(super) is_resumed: bool,
    pub(super) proposal: Option<Box<Proposal>>,
    pub(super) steps: Vec<StepName>,
    pub(super) at: usize,
    is_confirmed: bool,
    pub(super) done: Vec<StepReport>,
    pub(super) start: StartReport,
    remarks: Vec<String>,
    begun_at: Duration,
    verdict: Option<Verdict>,
    /// Whether the call of an earlier process for this step left no trace.
    is_traceless: bool,
    /// The test VM that the run is about, once it is known.
    pub(super) test_vm: Option<VmId>,
    /// What the calls of the run have left.
    pub(super) footprint: Footprint,
    /// The name of the VM on record, of a run that is taken up or back.
    pub(super) record_name: Option<String>,
    /// The time since the start of the machine when the run was taken up.
    pub(super) uptime: Option<Uptime>,
    /// InstanceIDs of jobs that are on record for calls before.
    known_jobs: Vec<String>,
}

#[derive(Debug)]
pub(super) enum Phase {
    Begin,
    Asking(Site),
    Taking,
    Confirming,
    /// What was read too long ago is read again.
    Refreshing {
        site: Site,
        misses: u32,
    },
    Stepping(Box<CallRun>),
    Over,
}

impl Workflow {
    /// The run of an order.
    pub fn new(order: Order) -> Self {
        Workflow {
            order,
            scene: Scene::default(),
            standing: Standing::Fresh,
            phase: Phase::Begin,
            is_taken: false,
            is_resumed: false,
            proposal: None,
            steps: Vec::new(),
            at: 0,
            is_confirmed: false,
            done: Vec::new(),
            start: StartReport::NotAsked,
            remarks: Vec::new(),
            begun_at: Duration::ZERO,
            verdict: None,
            is_traceless: false,
            test_vm: None,
            footprint: Footprint::default(),
            record_name: None,
            uptime: None,
            known_jobs: Vec::new(),
        }
    }

    /// For a run that takes back another one. `may_have_changed`: that one may have changed a host.
    #[must_use]
    pub fn after_another(mut self, may_have_changed: bool, vm_name: &str) -> Self {
        if may_have_changed {
            self.footprint = Footprint::of_another();
        }
        self.record_name = (!vm_name.is_empty()).then(|| vm_name.to_owned());
        self
    }

    /// Where the VM is, by what was last read.
    pub fn whereabouts(&self) -> Whereabouts {
        self.whereabouts_by(&self.footprint)
    }

    /// The same while a call is on its way to a host.
    pub(super) fn whereabouts_during_call(&self, site: Site) -> Whereabouts {
        self.whereabouts_by(&self.footprint.with_call_to(site))
    }

    fn whereabouts_by(&self, footprint: &Footprint) -> Whereabouts {
        let name = self.record_name.clone().unwrap_or_else(|| self.order.vm.to_string());
        Whereabouts::of(&name, &self.scene, footprint, self.order.kind.needs_primary())
    }

    /// The proposal, once there is one.
    pub fn proposal(&self) -> Option<&Proposal> {
        self.proposal.as_deref()
    }

    /// What was ordered.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// What is known of the hosts.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// The steps that are done.
    pub fn done(&self) -> &[StepReport] {
        &self.done
    }

    /// The step that runs.
    pub fn step(&self) -> Option<StepName> {
        self.steps.get(self.at).copied()
    }

    /// Whether the job is about to be looked at for the first time.
    pub fn is_first_look(&self) -> bool {
        self.run().is_some_and(CallRun::is_first_look)
    }

    /// Whether the state is being read back as proof.
    pub fn is_verifying(&self) -> bool {
        self.run().is_some_and(CallRun::is_verifying)
    }

    /// Why the host is being looked at, where the reply to the call was lost.
    pub fn looking_because(&self) -> Option<&str> {
        self.run().and_then(CallRun::looking_because)
    }

    /// What was proven of the call last sent, once: for the journal.
    pub fn take_verdict(&mut self) -> Option<Verdict> {
        self.verdict.take()
    }

    /// Remembers something worth knowing for the report.
    pub fn remark(&mut self, remark: impl Into<String>) {
        self.remarks.push(remark.into());
    }

    /// The step that waits for what takes its time by nature, such as a guest that shuts down.
    pub fn waits_for(&self) -> Option<StepName> {
        self.run().filter(|run| run.is_waiting()).map(|run| run.step.name)
    }

    fn is_fresh(&self) -> bool {
        matches!(self.standing, Standing::Fresh)
    }

    fn run(&self) -> Option<&CallRun> {
        match &self.phase {
            Phase::Stepping(run) => Some(run),
            _ => None,
        }
    }

    /// The next action, given the time on the caller's clock, the time of day, and what was seen.
    pub fn next(&mut self, now: Duration, wall: SystemTime, seen: Observation) -> Action {
        match self.go_on(now, wall, seen) {
            Action::Finish(why @ (Outcome::NotSent(_) | Outcome::Refused(_) | Outcome::Declined(_)))
                if self.footprint.is_taken() =>
            {
                let (whereabouts, answers) = (self.whereabouts(), self.footprint.answers());
                Action::Finish(Outcome::Halted(Box::new(Halted { why, whereabouts, answers })))
            }
            action => action,
        }
    }

    fn go_on(&mut self, now: Duration, wall: SystemTime, seen: Observation) -> Action {
        match (std::mem::replace(&mut self.phase, Phase::Over), seen) {
            (Phase::Begin, Observation::Begin) => self.ask_on(now, wall),
            (Phase::Asking(site), Observation::Told(answer)) => self.told(now, wall, site, answer),
            (Phase::Taking, Observation::Taken(answer)) => self.taken(now, wall, answer),
            (Phase::Confirming, Observation::Answer(yes)) => self.answered(now, wall, yes),
            (Phase::Refreshing { site, misses }, seen @ (Observation::Told(_) | Observation::Waited)) => {
                self.refreshed(now, wall, site, misses, seen)
            }
            (Phase::Stepping(mut run), seen) => {
                if let Observation::Called(answer) = &seen {
                    self.footprint.called(run.step.site, answer);
                }
                let turn = run.next(now, seen);
                self.turn(now, wall, run, turn)
            }
            _ => self.out_of_step(),
        }
    }

    pub(super) fn go(&mut self, phase: Phase, action: Action) -> Action {
        self.phase = phase;
        action
    }

    pub(super) fn refuse(&mut self, refusal: Refusal) -> Action {
        Action::Finish(Outcome::Refused(refusal))
    }

    // Before the first call.

    fn ask_on(&mut self, now: Duration, wall: SystemTime) -> Action {
        if self.is_fresh()
            && let Some(vm) = self.scene.host.vm.clone()
        {
            let proposal = Proposal::draw(&self.order, &self.scene, vm, wall);
            if !proposal.may_go_on() {
                return self.refuse(Refusal::Preflight(Box::new(proposal)));
            }
        }
        if let Some((site, ask)) = plans::ask(&self.order, &self.scene) {
            return self.go(Phase::Asking(site), Action::Ask { site, ask });
        }
        let Some(vm) = self.scene.host.vm.clone() else { return self.out_of_step() };
        match self.is_taken {
            true => self.propose(now, wall, vm),
            false => {
                let order = Box::new(self.order_to_keep(&vm));
                self.go(Phase::Taking, Action::Take { vm: Box::new(vm), order })
            }
        }
    }

    /// The order as it is taken up again: VM and recovery point by id, no deadline.
    fn order_to_keep(&self, vm: &Vm) -> Order {
        let mut order = self.order.clone().for_vm(vm.id.clone());
        order.deadline = None;
        let points = self.scene.host.points.as_deref().unwrap_or_default();
        if let Some(point) = self.order.point.named(points) {
            order.point = PointChoice::Id(point.id.clone());
        }
        order
    }

    fn told(&mut self, now: Duration, wall: SystemTime, site: Site, answer: Answer) -> Action {
        let told = match answer {
            Ok(told) => told,
            Err(error) => return Action::Finish(Outcome::NotSent(error)),
        };
        match &told {
            Told::LookedUp(LookedUp::NotVisible) => {
                let vm = self.order.vm.to_string();
                return self.refuse(Refusal::NotVisible { vm, site });
            }
            Told::LookedUp(LookedUp::Many(vms)) => return self.refuse(Refusal::Ambiguous(vms.clone())),
            Told::Points(points) if self.is_fresh() && self.order.point.choose(points).is_none() => {
                let choice = self.order.point.to_string();
                return self.refuse(Refusal::NoPoint { choice, points: points.clone() });
            }
            _ => {}
        }
        self.know(now, site, told);
        self.ask_on(now, wall)
    }

    fn taken(&mut self, now: Duration, wall: SystemTime, answer: Result<Taken, TakeError>) -> Action {
        let Some(vm) = self.scene.host.vm.clone() else { return self.out_of_step() };
        match answer {
            Ok(Taken::Fresh) => {
                self.is_taken = true;
                self.propose(now, wall, vm)
            }
            // Another run was quicker, and has ended since: what was read may be what it changed.
            Ok(Taken::Stale) => {
                self.scene = Scene::default();
                self.ask_on(now, wall)
            }
            Err(TakeError::Held { run, holder }) => self.refuse(Refusal::Held { vm: Box::new(vm), run, holder }),
            Err(TakeError::Open { run }) => self.refuse(Refusal::OpenRun { vm: Box::new(vm), run }),
            Err(TakeError::Journal(error)) => self.refuse(Refusal::Journal(error)),
        }
    }

    fn propose(&mut self, now: Duration, wall: SystemTime, vm: Vm) -> Action {
        let mut proposal = Box::new(Proposal::draw(&self.order, &self.scene, vm, wall));
        self.adopt(&proposal);
        match std::mem::replace(&mut self.standing, Standing::Settled) {
            Standing::Fresh => self.go(Phase::Confirming, Action::Confirm(proposal)),
            Standing::Settled => self.out_of_step(),
            Standing::Resumed(history) => {
                // The rules for a first call are not those for the middle of a run.
                proposal.findings.clear();
                self.proposal = Some(proposal);
                self.begun_at = now;
                self.take_up(now, wall, &history)
            }
        }
    }

    /// Goes by a proposal from here on.
    pub(super) fn adopt(&mut self, proposal: &Proposal) {
        self.steps = proposal.steps.iter().map(|step| step.step).collect();
        self.test_vm = proposal.test_vm.as_ref().map(|vm| vm.id.clone());
        self.proposal = Some(Box::new(proposal.clone()));
    }

    fn answered(&mut self, now: Duration, wall: SystemTime, yes: bool) -> Action {
        let Some(proposal) = self.proposal.as_ref() else { return self.out_of_step() };
        match yes {
            false if self.done.is_empty() => Action::Finish(Outcome::Declined(proposal.clone())),
            false => self.stop(Cause::Declined),
            true => {
                self.is_confirmed = true;
                self.begun_at = now;
                self.step_on(now, wall)
            }
        }
    }

    // The steps.

    /// Runs the step whose turn it is; asks first where nobody has said yes yet.
    pub(super) fn step_on(&mut self, now: Duration, wall: SystemTime) -> Action {
        let Some(name) = self.step() else { return self.finish(now) };
        if let Some((site, ask)) = self.stale(now, name) {
            return self.go(Phase::Refreshing { site, misses: 0 }, Action::Ask { site, ask });
        }
        let Some(step) = steps::build(name, &self.order, &self.scene) else {
            return match self.order.kind {
                // Whoever removed the test VM has ended the rehearsal.
                Kind::Rehearsal => self.settle_without_subject(now, wall, name),
                _ => self.stop(Cause::Changed(format!("what {name} needs is not there any more"))),
            };
        };
        let before = self.scene.judge(&step.goal, step.site, &step.vm);
        if let (Judgement::Reached(seen), true) = (&before, name.may_be_reached_already()) {
            let (vm, seen) = (step.vm, seen.clone());
            self.reached(StepReport {
                step: name,
                site: step.site,
                vm,
                was_so: true,
                job: None,
                seen,
                verified: None,
                took: Duration::ZERO,
            });
            return self.step_on(now, wall);
        }
        if let Err(seen) = self.check(name, &step) {
            return self.stop(Cause::Changed(seen));
        }
        if !self.is_confirmed && step.call.is_some() {
            let Some(proposal) = self.proposal.as_mut() else { return self.out_of_step() };
            let at = proposal.steps.iter().position(|step| step.step == name).unwrap_or(0);
            proposal.steps.drain(..at);
            let proposal = proposal.clone();
            return self.go(Phase::Confirming, Action::Confirm(proposal));
        }
        let mut run =
            Box::new(CallRun::new(step, before, self.order.wait, self.order.deadline).knowing(&self.known_jobs));
        let turn = run.begin(now, wall, std::mem::take(&mut self.is_traceless));
        self.turn(now, wall, run, turn)
    }

    /// These jobs belong to calls on record.
    pub(super) fn know_jobs(&mut self, jobs: Vec<String>) {
        self.known_jobs = jobs;
    }

    /// Takes a step up where an earlier process left it.
    pub(super) fn settle(
        &mut self,
        now: Duration,
        wall: SystemTime,
        step: steps::Step,
        begin: impl FnOnce(&mut CallRun) -> Turn,
    ) -> Action {
        let before = self.scene.judge(&step.goal, step.site, &step.vm);
        let mut run = Box::new(CallRun::new(step, before, true, self.order.deadline).knowing(&self.known_jobs));
        let turn = begin(&mut run);
        self.turn(now, wall, run, turn)
    }

    /// What is proven of the call last on record.
    pub(super) fn conclude(&mut self, verdict: Verdict) {
        self.footprint.proven(verdict);
        self.verdict = Some(verdict);
    }

    /// The VM is held already.
    pub(super) fn hold(&mut self) {
        self.is_taken = true;
    }

    /// Counts what an earlier process has done as done.
    pub(super) fn count_done(&mut self, step: StepName, vm: VmId) {
        // What proved it then is its goal, and of a planned failover that is the type of the point.
        let verified = self.scene.host.vm.as_ref().filter(|_| step == StepName::FailOver).map(|vm| Verified {
            state: if vm.state == ReplicationState::Committed { vm.state } else { ReplicationState::Recovered },
            failed_over: match self.order.kind {
                Kind::PlannedFailover { .. } => FailoverType::Planned,
                _ => vm.failed_over,
            },
        });
        self.done.push(StepReport {
            step,
            site: step.site(),
            vm,
            was_so: false,
            job: None,
            seen: "proven by an earlier process".to_owned(),
            verified,
            took: Duration::ZERO,
        });
    }

    /// Moves to a step.
    pub(super) fn move_to(&mut self, step: StepName) -> Result<(), ()> {
        self.at = self.steps.iter().position(|known| *known == step).ok_or(())?;
        Ok(())
    }

    /// Moves to the step after the one whose turn it is.
    pub(super) fn move_on(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn turn(&mut self, now: Duration, wall: SystemTime, mut run: Box<CallRun>, turn: Turn) -> Action {
        if let Some(verdict) = run.take_verdict() {
            self.conclude(verdict);
        }
        let end = match turn {
            Turn::Do(action) => return self.go(Phase::Stepping(run), action),
            Turn::End(end) => *end,
        };
        self.remarks.append(&mut run.remarks);
        let after = run.after.take();
        let (name, site) = (run.step.name, run.step.site);
        let cause = match end {
            End::Reached(seen) => {
                let verified = self.learn(now, &run, after);
                self.reached(StepReport {
                    step: name,
                    site,
                    vm: run.step.vm.clone(),
                    was_so: false,
                    job: run.last.take(),
                    seen,
                    verified,
                    took: run.took(now),
                });
                return self.step_on(now, wall);
            }
            End::Started(job) => match self.proposal.take() {
                Some(proposal) => return Action::Finish(Outcome::Started { proposal, job }),
                None => return self.out_of_step(),
            },
            // Sent again as a new call, with a yes of its own.
            End::Nothing => {
                self.is_traceless = true;
                if let Some(told) = after {
                    self.note(now, &run, told);
                }
                return self.step_on(now, wall);
            }
            End::NotSent(error) if self.done.iter().all(|step| step.was_so) => {
                return Action::Finish(Outcome::NotSent(error));
            }
            End::NotSent(error) => Cause::NotSent(error),
            End::NotRecorded(error) => Cause::Journal(error),
            End::HostRefused(code) => Cause::HostRefused(code),
            End::Faulted(error) => Cause::Faulted(error),
            End::JobFailed { job, details } => Cause::JobFailed { job, details },
            End::Unproven { reason, error, job } => Cause::Unproven { reason, error, job },
            End::DeadlinePassed { job, last } => Cause::DeadlinePassed { job, last },
        };
        // What nobody knows, and what was not sent, is left to be taken up again: only a clear no ends the run.
        if let Some(reason) = refusal(&cause).filter(|_| name.is_best_effort() && !self.done.is_empty()) {
            self.start = StartReport::Failed(reason);
            if let Some(told) = after {
                self.note(now, &run, told);
            }
            return self.finish(now);
        }
        self.stop_after(now, &run, cause, after)
    }

    pub(super) fn reached(&mut self, report: StepReport) {
        if report.step.is_best_effort() {
            self.start = StartReport::Running;
        }
        self.done.push(report);
        self.move_on();
    }

    /// Remembers what a step read back; gives what it says of a failover.
    fn learn(&mut self, now: Duration, run: &CallRun, after: Option<Told>) -> Option<Verified> {
        let told = after?;
        let verified = match (&told, run.step.name) {
            (Told::Vm(Some(vm)), StepName::FailOver) => Some(Verified { state: vm.state, failed_over: vm.failed_over }),
            _ => None,
        };
        self.note(now, run, told);
        verified
    }

    /// Remembers an answer.
    pub(super) fn know(&mut self, now: Duration, site: Site, told: Told) {
        if matches!(told, Told::Vm(_) | Told::LookedUp(_)) {
            self.footprint.read(site);
        }
        self.scene.of_mut(site).learn(now, told);
    }

    /// Remembers an answer: of the VM itself, or of the test VM beside it.
    fn note(&mut self, now: Duration, run: &CallRun, told: Told) {
        let told = match told {
            Told::Vm(vm) if run.step.name.is_about_test_vm() => Told::TestVms(vm.into_iter().map(|vm| *vm).collect()),
            told => told,
        };
        self.know(now, run.step.site, told);
        if run.step.name == StepName::TestFailOver {
            self.test_vm = self.scene.host.test_vm().map(|vm| vm.id.clone());
        }
    }

    // Ends.

    fn finish(&mut self, now: Duration) -> Action {
        let whereabouts = self.whereabouts();
        let (Some(proposal), Some(after)) = (self.proposal.take(), self.scene.host.vm.take()) else {
            return self.out_of_step();
        };
        Action::Finish(Outcome::Done(Box::new(Report {
            proposal: *proposal,
            after,
            primary_after: self.scene.primary.vm.take(),
            test_vm: self.scene.host.test_vm().cloned(),
            adapters: self.scene.host.adapters.take().unwrap_or_default(),
            steps: std::mem::take(&mut self.done),
            start: std::mem::replace(&mut self.start, StartReport::NotAsked),
            remarks: std::mem::take(&mut self.remarks),
            took: now.saturating_sub(self.begun_at),
            whereabouts,
        })))
    }

    /// Stops before a call of the step.
    pub(super) fn stop(&mut self, cause: Cause) -> Action {
        self.stop_with(cause, |_| None)
    }

    /// Stops after one.
    fn stop_after(&mut self, now: Duration, run: &CallRun, cause: Cause, after: Option<Told>) -> Action {
        self.stop_with(cause, |workflow| {
            let seen = after.clone();
            if let Some(told) = after {
                workflow.note(now, run, told);
            }
            seen
        })
    }

    /// `learn` is what was read after the call: the VM as it was before it is kept apart.
    fn stop_with(&mut self, cause: Cause, learn: impl FnOnce(&mut Self) -> Option<Told>) -> Action {
        let Some(step) = self.step() else { return self.out_of_step() };
        let site = step.site();
        let Some(proposal) = self.proposal.take() else { return self.out_of_step() };
        // As it was proposed, where it has vanished since.
        let proposed = match site {
            Site::Host => Some(&proposal.vm),
            Site::Primary => proposal.primary.as_ref(),
        };
        let test_vm = self.scene.host.test_vm().filter(|_| step.is_about_test_vm());
        let Some(before) = test_vm.or(self.scene.vm(site)).or(proposed).cloned() else { return self.out_of_step() };
        let after = match learn(self) {
            Some(Told::Vm(vm)) => vm.map(|vm| *vm),
            // Something of the VM was read, and not the VM itself.
            Some(_) => Some(before.clone()),
            None => None,
        };
        Action::Finish(Outcome::Stopped(Box::new(Stopped {
            proposal: *proposal,
            done: std::mem::take(&mut self.done),
            step,
            site,
            cause,
            before,
            after,
            remarks: std::mem::take(&mut self.remarks),
            whereabouts: self.whereabouts(),
            may_have_changed: self.footprint.is_taken(),
        })))
    }

    /// The driver reported something that was not asked for: a mistake in the driver. Whatever has been sent, the
    /// honest answer is that nothing is proven.
    fn out_of_step(&mut self) -> Action {
        let reason = "the workflow was driven out of step".to_owned();
        match (self.proposal.is_some(), self.step()) {
            (true, Some(_)) => self.stop(Cause::Unproven { reason, error: None, job: None }),
            _ => self.refuse(Refusal::Journal(JournalError::new(reason))),
        }
    }
}

/// What a host said that did not do a step, and certainly will not.
fn refusal(cause: &Cause) -> Option<String> {
    match cause {
        Cause::HostRefused(code) => Some(format!("the host answered {} ({code})", code.value())),
        Cause::Faulted(error) => Some(error.to_string()),
        Cause::JobFailed { job, .. } => Some(format!("the job failed: {}", job.error_description)),
        _ => None,
    }
}
