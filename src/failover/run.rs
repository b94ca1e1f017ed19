//! Drives the workflow over a host: does what it says, tells it what was seen.

use std::future::Future;
use std::time::{Duration, SystemTime};

use crate::hyperv::{Host, Job, JobRef, Vm};
use crate::wsman::Exchange;

use super::order::Order;
use super::outcome::Outcome;
use super::preflight::Proposal;
use super::unplanned::{Action, Observation, Unplanned};

/// Time, real or virtual.
pub trait Clock: Send + Sync {
    /// Time since any fixed moment; only moves forward.
    fn now(&self) -> Duration;
    /// The time of day.
    fn wall(&self) -> SystemTime;
    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// The person or program in front of the workflow.
pub trait Operator: Send {
    /// Whether to go on with this proposal. Asked once, before anything is changed; may take its time.
    fn confirm(&mut self, proposal: &Proposal) -> impl Future<Output = bool> + Send;
    /// Told what happens, for progress and records.
    fn event(&mut self, event: &Event<'_>);
}

/// What happens, as it happens.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The VM was found.
    Found(&'a Vm),
    /// The call goes out now. From here on the host may change.
    Invoking(&'a Proposal),
    /// The host runs a job for it.
    JobStarted(&'a JobRef),
    /// A look at the job.
    JobSeen(&'a Job),
    /// A look at the job brought no answer; it is tried again.
    ContactLost(String),
    /// The reply to the call was lost; the host is looked at instead.
    Looking(String),
    /// The state is read back.
    Verifying,
    /// The VM is being started.
    Starting,
}

/// Fails a VM over, from the name to the proof.
///
/// Dropping the future before [`Event::Invoking`] changes nothing. Dropping it later leaves the job running on the
/// host: the events tell how far it was.
pub async fn run<E: Exchange>(
    host: &Host<E>,
    order: Order,
    clock: &impl Clock,
    operator: &mut impl Operator,
) -> Outcome {
    let mut workflow = Unplanned::new(order);
    let mut seen = Observation::Begin;
    loop {
        let action = workflow.next(clock.now(), clock.wall(), seen);
        report(&action, &workflow, operator);
        seen = match action {
            Action::FindVm(selector) => Observation::Vm(host.find_vm(&selector).await),
            Action::ListPoints(id) => Observation::Points(host.recovery_points(&id).await),
            Action::Confirm(proposal) => Observation::Answer(operator.confirm(&proposal).await),
            Action::Invoke { keys, vm, point } => {
                Observation::Invoked(host.initiate_failover(&keys, &vm, point.as_ref()).await)
            }
            Action::LearnService => Observation::Service(host.learn_service().await),
            Action::GetJob(job) => {
                let answer = host.job(&job).await;
                match &answer {
                    Ok(Some(job)) => operator.event(&Event::JobSeen(job)),
                    Ok(None) => {}
                    Err(error) => operator.event(&Event::ContactLost(error.to_string())),
                }
                Observation::Job(answer)
            }
            Action::GetJobErrors(job) => Observation::JobErrors(host.job_errors(&job).await),
            Action::ReadVm(id) => Observation::VmRead(host.vm(&id).await),
            Action::FindJobs(id) => Observation::Jobs(host.jobs_of(&id).await),
            Action::Start(id) => {
                Observation::StartAsked(host.request_state_change(&id, crate::hyperv::EnabledState::Enabled).await)
            }
            Action::Wait(duration) => {
                clock.sleep(duration).await;
                Observation::Waited
            }
            Action::Finish(outcome) => return outcome,
        };
    }
}

fn report(action: &Action, workflow: &Unplanned, operator: &mut impl Operator) {
    match action {
        Action::Confirm(proposal) => operator.event(&Event::Found(&proposal.vm)),
        Action::Invoke { .. } => {
            if let Some(proposal) = workflow.proposal() {
                operator.event(&Event::Invoking(proposal));
            }
        }
        Action::GetJob(job) if workflow.is_first_look() => operator.event(&Event::JobStarted(job)),
        Action::ReadVm(_) if workflow.is_verifying() => operator.event(&Event::Verifying),
        Action::ReadVm(_) => {
            if let Some(reason) = workflow.looking_because() {
                operator.event(&Event::Looking(reason.to_owned()));
            }
        }
        Action::Start(_) => operator.event(&Event::Starting),
        _ => {}
    }
}
