//! Drives a workflow over its hosts: does what it says, keeps the journal, tells it what was seen.

use std::future::Future;
use std::time::{Duration, SystemTime};

use tracing::Instrument;

use crate::hyperv::{Call, Error, Host, Invoked, Job, JobRef, ServiceKeys, Vm};
use crate::wsman::{self, Delivery, Exchange};

use super::action::{Action, CallError, Observation};
use super::goal::describe;
use super::journal::{CallOutcome, History, Intent, Journal, RunEnd, RunId, RunRecord, Uptime, World};
use super::order::{Order, Site};
use super::outcome::{Cause, Halted, Outcome, Refusal, StartReport, StepReport};
use super::preflight::Proposal;
use super::scene::{Answer, Ask, Told};
use super::steps::StepName;
use super::whereabouts::Whereabouts;
use super::workflow::Workflow;

/// Time, real or virtual.
pub trait Clock: Send + Sync {
    /// Time since any fixed moment; only moves forward.
    fn now(&self) -> Duration;
    /// The time of day. Whoever sets the clock moves it, so nothing that is sent may rest on it.
    fn wall(&self) -> SystemTime;
    /// Time since the start of the machine, for what another process of it goes by later. None where the machine does not
    /// tell: then a run that is taken up waits for as long as if its last call had just been sent.
    fn uptime(&self) -> Option<Uptime> {
        None
    }
    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// The person or program in front of the workflow.
pub trait Operator: Send {
    /// Whether to go on with this proposal. Asked before anything is changed; may take its time. Asked again where what was
    /// confirmed has changed meanwhile, and once for what is left of a run that is taken up.
    fn confirm(&mut self, proposal: &Proposal) -> impl Future<Output = bool> + Send;
    /// Told what happens, for progress and records.
    fn event(&mut self, event: &Event<'_>);
}

/// What happens, as it happens.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The VM was found, and what would be done is known.
    Found(&'a Vm),
    /// The VM is taken for this run.
    Run(&'a RunId),
    /// The call of a step is on record and goes out now. From here on the host may change.
    Invoking {
        /// The run.
        run: &'a RunId,
        /// Which step.
        step: StepName,
        /// On which host.
        site: Site,
        /// What was ordered.
        proposal: &'a Proposal,
    },
    /// The host runs a job for it.
    JobStarted {
        /// On which host.
        site: Site,
        /// Which job.
        job: &'a JobRef,
    },
    /// A look at the job.
    JobSeen(&'a Job),
    /// A look at the job brought no answer; it is tried again.
    ContactLost(String),
    /// The reply to the call was lost; the host is looked at instead.
    Looking(String),
    /// The state is read back.
    Verifying,
    /// What takes its time by nature is waited for, such as a guest that shuts down.
    Waiting(StepName),
    /// A step is done.
    StepDone(&'a StepReport),
    /// Where the VM is: when a call is about to go out, and when a step is done. For who must say it when the run ends in
    /// the middle.
    Stands(&'a Whereabouts),
    /// Something could not be put on record; the run goes on.
    NotOnRecord(String),
}

/// The hosts of a run.
pub struct Hosts<'h, E> {
    /// The host that was named: that of the replica where there are two.
    pub host: &'h Host<E>,
    /// The primary's host, where the workflow has two.
    pub primary: Option<&'h Host<E>>,
}

impl<'h, E> From<&'h Host<E>> for Hosts<'h, E> {
    fn from(host: &'h Host<E>) -> Self {
        Hosts { host, primary: None }
    }
}

impl<E: Exchange> Hosts<'_, E> {
    /// One of them; a workflow that asks for a primary was given one.
    pub(super) fn of(&self, site: Site) -> &Host<E> {
        match site {
            Site::Host => self.host,
            Site::Primary => self.primary.unwrap_or(self.host),
        }
    }

    fn urls(&self) -> Vec<(Site, String)> {
        let url = |host: &Host<E>| host.client().address().to_owned();
        let primary = self.primary.map(|host| (Site::Primary, url(host)));
        [(Site::Host, url(self.host))].into_iter().chain(primary).collect()
    }

    pub(super) async fn ask(&self, site: Site, ask: Ask) -> Answer {
        let host = self.of(site);
        Ok(match ask {
            Ask::FindVm(selector) => Told::LookedUp(host.find_vm(&selector).await?),
            Ask::Vm(id) => Told::Vm(host.vm(&id).await?.map(Box::new)),
            Ask::Points(id) => Told::Points(host.recovery_points(&id).await?),
            Ask::TestVms(id) => Told::TestVms(host.test_vms_of(&id).await?),
            Ask::Settings(id) => Told::Settings(host.replication_settings_of(&id).await?),
            Ask::Connections(id) => Told::Connections(host.connections_of(&id).await?),
            Ask::Adapters(id) => Told::Adapters(host.failover_adapters(&id).await?),
            Ask::Switches => Told::Switches(host.switches().await?),
            Ask::Service => Told::Service(host.replication_settings().await?),
        })
    }
}

/// What a journal keeps of a run besides the order.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// A text of the calling program, such as its connection settings. No secrets.
    pub context: String,
    /// The run that this one takes back.
    pub undoes: Option<RunId>,
    /// Whether a call of that run was taken, or may have been: then hosts may be changed before this one sends anything.
    pub may_have_changed: bool,
    /// The display name of its VM, for what is said before anything was read.
    pub vm_name: String,
    /// The simulated world that the hosts are known to be of; else they tell it themselves.
    pub world: World,
}

/// Runs an order, from the name to the proof.
///
/// Dropping the future before [`Event::Invoking`] changes nothing. Dropping it later leaves what it began on the host:
/// the journal tells how far it was, and [`resume`] takes it up.
pub async fn run<'h, E: Exchange + 'h>(
    hosts: impl Into<Hosts<'h, E>>,
    order: Order,
    about: About,
    clock: &impl Clock,
    journal: &mut impl Journal,
    operator: &mut impl Operator,
) -> Outcome {
    let hosts = hosts.into();
    if order.kind.needs_primary() && hosts.primary.is_none() {
        return Outcome::Refused(Refusal::NoPrimary);
    }
    let mut workflow = Workflow::new(order).after_another(about.may_have_changed, &about.vm_name);
    drive(hosts, &mut workflow, about, None, clock, journal, operator).await
}

/// Takes a run up again that an earlier process left. `journal` must hold its VM.
///
/// Looks first: nothing is sent before it is known what came of the last call on record, and before the operator has
/// said yes to what is left.
pub async fn resume<'h, E: Exchange + 'h>(
    hosts: impl Into<Hosts<'h, E>>,
    history: History,
    deadline: Option<Duration>,
    clock: &impl Clock,
    journal: &mut impl Journal,
    operator: &mut impl Operator,
) -> Outcome {
    let hosts = hosts.into();
    if history.record.order.kind.needs_primary() && hosts.primary.is_none() {
        return Outcome::Refused(Refusal::NoPrimary);
    }
    let begun = Some(Begun::of(&history));
    let jobs = journal.jobs_on_record(&history.record.vm);
    let mut workflow = Workflow::resume(history).with_deadline(deadline).with_uptime(clock.uptime());
    workflow.know_jobs(jobs);
    drive(hosts, &mut workflow, About::default(), begun, clock, journal, operator).await
}

/// What an earlier process left of a run.
pub(super) struct Begun {
    run: RunId,
    /// The call last put on record.
    call: Option<u64>,
}

impl Begun {
    pub(super) fn of(history: &History) -> Self {
        Begun { run: history.record.id.clone(), call: history.calls.last().map(|call| call.number) }
    }
}

/// Drives a workflow to its end; a fresh one, or one that was begun before.
pub(super) async fn drive<E: Exchange>(
    hosts: Hosts<'_, E>,
    workflow: &mut Workflow,
    about: About,
    begun: Option<Begun>,
    clock: &impl Clock,
    journal: &mut impl Journal,
    operator: &mut impl Operator,
) -> Outcome {
    let (run, call) = begun.map_or((None, None), |begun| (Some(begun.run), begun.call));
    Driver { hosts, clock, journal, operator, about, run, call, seen_at: clock.wall() }.drive(workflow).await
}

struct Driver<'d, 'h, E, C, J, O> {
    hosts: Hosts<'h, E>,
    clock: &'d C,
    journal: &'d mut J,
    operator: &'d mut O,
    about: About,
    run: Option<RunId>,
    /// The call last put on record.
    call: Option<u64>,
    /// When the VM was last asked for.
    seen_at: SystemTime,
}

impl<E: Exchange, C: Clock, J: Journal, O: Operator> Driver<'_, '_, E, C, J, O> {
    async fn drive(mut self, workflow: &mut Workflow) -> Outcome {
        let is_resumed = self.run.is_some();
        let mut seen = Observation::Begin;
        let mut told_steps = workflow.done().len();
        loop {
            let action = workflow.next(self.clock.now(), self.clock.wall(), seen);
            self.keep_verdict(workflow);
            let done = match &action {
                Action::Finish(Outcome::Done(report)) => report.steps.as_slice(),
                Action::Finish(Outcome::Stopped(stopped)) => stopped.done.as_slice(),
                _ => workflow.done(),
            };
            if done.len() > told_steps && !matches!(action, Action::Finish(_)) {
                self.operator.event(&Event::Stands(&workflow.whereabouts()));
            }
            for step in done.get(told_steps..).unwrap_or_default() {
                self.operator.event(&Event::StepDone(step));
            }
            told_steps = done.len();
            self.report(&action, workflow);
            seen = match action {
                Action::Ask { site, ask } => {
                    if matches!(ask, Ask::FindVm(_)) {
                        self.seen_at = self.clock.wall();
                    }
                    Observation::Told(self.hosts.ask(site, ask).await)
                }
                Action::Take { vm, order } => {
                    workflow.know_jobs(self.journal.jobs_on_record(&vm.id));
                    self.take(*vm, *order)
                }
                Action::Confirm(proposal) => Observation::Answer(self.operator.confirm(&proposal).await),
                Action::Call { site, step, keys, call } => {
                    Observation::Called(self.call(workflow, site, step, &keys, &call).await)
                }
                Action::LearnService { site, class } => {
                    Observation::Service(self.hosts.of(site).learn_service(class).await)
                }
                Action::GetJob { site, job } => {
                    let answer = self.hosts.of(site).job(&job).await;
                    match &answer {
                        Ok(Some(job)) => self.operator.event(&Event::JobSeen(job)),
                        Ok(None) => {}
                        // At the deadline nobody asks again.
                        Err(Error::Wsman(wsman::Error::Deadline)) => {}
                        Err(error) => self.operator.event(&Event::ContactLost(error.to_string())),
                    }
                    Observation::Job(answer)
                }
                Action::GetJobErrors { site, job } => {
                    Observation::JobErrors(self.hosts.of(site).job_errors(&job).await)
                }
                Action::FindJobs { site, vm } => Observation::Jobs(self.hosts.of(site).jobs_of(&vm).await),
                Action::Wait(duration) => {
                    self.clock.sleep(duration).await;
                    Observation::Waited
                }
                Action::Finish(outcome) => {
                    self.close(&outcome, is_resumed);
                    return outcome;
                }
            };
        }
    }

    fn take(&mut self, vm: Vm, order: Order) -> Observation {
        let world = match &self.about.world {
            World::Real => World::of(&vm, self.hosts.host.client().address()),
            known => known.clone(),
        };
        // A VM that is taken again, as another run was quicker, is taken by the same run.
        let record = RunRecord {
            id: self.run.clone().unwrap_or_else(|| RunId::new(self.clock.wall())),
            order,
            vm: vm.id,
            vm_name: vm.name,
            hosts: self.hosts.urls(),
            begun: self.clock.wall(),
            undoes: self.about.undoes.clone(),
            context: self.about.context.clone(),
            world,
        };
        let taken = self.journal.take(&record, self.seen_at);
        if taken.is_ok() && self.run.is_none() {
            self.operator.event(&Event::Run(&record.id));
            self.run = Some(record.id);
        }
        Observation::Taken(taken)
    }

    /// Puts a call on record, sends it, puts what came back on record.
    async fn call(
        &mut self,
        workflow: &mut Workflow,
        site: Site,
        step: StepName,
        keys: &ServiceKeys,
        call: &Call,
    ) -> Result<Invoked, CallError> {
        // What follows is about this call, also where it does not come to be on record.
        self.call = None;
        let host = self.hosts.of(site);
        let prepared = host.prepare(call, keys).map_err(CallError::Host)?;
        let intent = Intent {
            step: step.name().to_owned(),
            site,
            host: host.client().address().to_owned(),
            vm: call.vm().clone(),
            method: format!("{}.{}", call.class(), call.method()),
            message_id: prepared.message_id().to_owned(),
            envelope: prepared.envelope(),
            before: workflow.scene().vm(site).map(describe).unwrap_or_default(),
            sent: self.clock.wall(),
            sent_uptime: self.clock.uptime(),
            operation_timeout: prepared.operation_timeout(),
        };
        let number = self.journal.intent(&intent).map_err(CallError::NotRecorded)?;
        self.call = Some(number);
        if let (Some(run), Some(proposal)) = (&self.run, workflow.proposal()) {
            self.operator.event(&Event::Stands(&workflow.whereabouts_during_call(site)));
            self.operator.event(&Event::Invoking { run, step, site, proposal });
        }
        let span = tracing::info_span!(
            "call",
            run = self.run.as_ref().map(RunId::as_str),
            host = intent.host,
            vm = intent.vm.as_str(),
            message_id = intent.message_id,
            step = step.name(),
            method = intent.method,
        );
        let answer = host.send(prepared).instrument(span).await;
        if let Err(error) = self.journal.outcome(number, &outcome_of(&answer)) {
            self.not_on_record(workflow, &error.to_string());
        }
        answer.map_err(CallError::Host)
    }

    fn keep_verdict(&mut self, workflow: &mut Workflow) {
        let (Some(verdict), Some(call)) = (workflow.take_verdict(), self.call) else { return };
        if let Err(error) = self.journal.verdict(call, verdict) {
            self.not_on_record(workflow, &error.to_string());
        }
    }

    fn not_on_record(&mut self, workflow: &mut Workflow, error: &str) {
        let text = format!("what came back could not be put on record ({error}); the run itself goes on");
        self.operator.event(&Event::NotOnRecord(text.clone()));
        workflow.remark(text);
    }

    fn close(&mut self, outcome: &Outcome, is_resumed: bool) {
        let (end, note) = match outcome {
            // Nothing was learnt of a run that was begun before: what its record says of it stays.
            Outcome::NotSent(_) | Outcome::Refused(_) if is_resumed => return,
            // It was asked for a call that nothing came before.
            Outcome::Declined(_) if is_resumed => (Some(RunEnd::NotBegun), "nothing of it was taken".to_owned()),
            Outcome::Halted(halted) => match **halted {
                // The same, but something was taken, and has failed or left nothing.
                Halted { why: Outcome::Declined(_), ref answers, .. } if is_resumed => {
                    (Some(RunEnd::Failed), format!("nothing is left of what was taken ({answers})"))
                }
                _ if is_resumed => return,
                _ => (None, "not taken up".to_owned()),
            },
            Outcome::Done(report) => {
                let note = match &report.start {
                    StartReport::Failed(reason) => format!("the VM was not started: {reason}"),
                    _ => String::new(),
                };
                (Some(RunEnd::Done), note)
            }
            Outcome::Started { job, .. } => (Some(RunEnd::HandedOver), format!("job {job}")),
            Outcome::Stopped(stopped) => (stopped.end(), note(&stopped.cause, stopped.step)),
            Outcome::NotSent(error) => (Some(RunEnd::NotBegun), error.to_string()),
            Outcome::Declined(_) | Outcome::Refused(_) => (None, "not taken up".to_owned()),
        };
        if let Err(error) = self.journal.close(end, &note) {
            self.operator.event(&Event::NotOnRecord(format!("the end could not be put on record: {error}")));
        }
    }

    fn report(&mut self, action: &Action, workflow: &Workflow) {
        match action {
            Action::Confirm(proposal) => self.operator.event(&Event::Found(&proposal.vm)),
            Action::GetJob { site, job } if workflow.is_first_look() => {
                self.operator.event(&Event::JobStarted { site: *site, job });
            }
            Action::Ask { .. } if workflow.is_verifying() => self.operator.event(&Event::Verifying),
            Action::Ask { .. } => {
                if let Some(step) = workflow.waits_for() {
                    self.operator.event(&Event::Waiting(step));
                } else if let Some(reason) = workflow.looking_because() {
                    self.operator.event(&Event::Looking(reason.to_owned()));
                }
            }
            _ => {}
        }
    }
}

/// What the answer to a call says, for the journal.
fn outcome_of(answer: &Result<Invoked, Error>) -> CallOutcome {
    use crate::hyperv::ReturnCode;
    let answered = |code, job| CallOutcome { delivery: Delivery::Answered, code: Some(code), job, error: None };
    match answer {
        Ok(Invoked::Done) => answered(ReturnCode::Completed, None),
        Ok(Invoked::Started(job)) => {
            let place = (job.reference().resource.to_string(), job.instance_id().to_owned());
            answered(ReturnCode::JobStarted, Some(place))
        }
        Ok(Invoked::Refused(code)) => answered(*code, None),
        Err(error) => CallOutcome { delivery: error.delivery(), code: None, job: None, error: Some(error.to_string()) },
    }
}

/// Why a run stopped, for the journal.
fn note(cause: &Cause, step: StepName) -> String {
    let why = match cause {
        Cause::HostRefused(code) => format!("the host answered {} ({code})", code.value()),
        Cause::Faulted(error) => format!("the host refused: {error}"),
        Cause::JobFailed { job, .. } => {
            format!("the job failed with {} ({}): {}", job.error_code.value(), job.error_code, job.error_description)
        }
        Cause::NotSent(error) => format!("not sent: {error}"),
        Cause::Journal(error) => format!("not on record, so not sent: {error}"),
        Cause::Declined => "not confirmed".to_owned(),
        Cause::Changed(seen) => format!("the VM is not as the step needs it: {seen}"),
        Cause::Unproven { reason, .. } => format!("unproven: {reason}"),
        Cause::DeadlinePassed { job, .. } => format!("the deadline passed while job {job} ran"),
    };
    format!("stopped at {step}: {why}")
}
