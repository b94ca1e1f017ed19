//! A rehearsal on paper: everything is resolved by reading, the calls are written and not sent.

use std::time::{Duration, SystemTime};

use crate::hyperv::{Host, ServiceKeys, VmId};
use crate::wsman::Exchange;

use super::journal::{
    CallOutcome, History, Intent, Journal, JournalError, RunEnd, RunRecord, TakeError, Taken, Verdict,
};
use super::order::{Order, Site};
use super::outcome::{Outcome, Refusal};
use super::preflight::Proposal;
use super::run::{About, Begun, Clock, Event, Hosts, Operator, drive};
use super::steps::{self, StepName};
use super::workflow::Workflow;

/// What would be done.
#[derive(Debug)]
#[non_exhaustive]
pub struct DryRun {
    /// The proposal that would be confirmed.
    pub proposal: Proposal,
    /// The envelopes that would change a host, in order, as they would be sent now.
    pub envelopes: Vec<Envelope>,
    /// Steps whose envelope cannot be written yet, as it names what an earlier step makes.
    pub unwritten: Vec<StepName>,
}

/// One envelope, not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// For which step.
    pub step: StepName,
    /// To which host.
    pub site: Site,
    /// Its action.
    pub action: String,
    /// Its text.
    pub xml: String,
}

/// Resolves an order by reading and writes the calls it would make. Sends no call and keeps no record.
///
/// # Errors
/// The outcome a real run would have ended in before its first call.
pub async fn dry_run<'h, E: Exchange + 'h>(
    hosts: impl Into<Hosts<'h, E>>,
    order: Order,
    clock: &impl Clock,
) -> Result<DryRun, Outcome> {
    on_paper(hosts.into(), Workflow::new(order), None, clock, &mut Nobody).await
}

/// As [`dry_run`], for a run that an earlier process left. Waits, as [`resume`](super::resume) does, until it is known what
/// came of the last call on record; `operator` is told what is seen meanwhile, and is asked nothing.
///
/// # Errors
/// The outcome that taking the run up would have ended in before it sent anything; a run of which nothing is left is done.
pub async fn dry_resume<'h, E: Exchange + 'h>(
    hosts: impl Into<Hosts<'h, E>>,
    history: History,
    deadline: Option<Duration>,
    clock: &impl Clock,
    operator: &mut impl Operator,
) -> Result<DryRun, Outcome> {
    let begun = Some(Begun::of(&history));
    let workflow = Workflow::resume(history).with_deadline(deadline).with_uptime(clock.uptime());
    on_paper(hosts.into(), workflow, begun, clock, operator).await
}

/// Drives a workflow until it asks for consent, which it does before every call.
async fn on_paper<E: Exchange>(
    hosts: Hosts<'_, E>,
    mut workflow: Workflow,
    begun: Option<Begun>,
    clock: &impl Clock,
    operator: &mut impl Operator,
) -> Result<DryRun, Outcome> {
    if workflow.order().kind.needs_primary() && hosts.primary.is_none() {
        return Err(Outcome::Refused(Refusal::NoPrimary));
    }
    let mut operator = Declines { operator, proposal: None };
    let driven = Hosts { host: hosts.host, primary: hosts.primary };
    let outcome = drive(driven, &mut workflow, About::default(), begun, clock, &mut SendsNothing, &mut operator).await;
    let Some(proposal) = operator.proposal else { return Err(outcome) };
    let (mut envelopes, mut unwritten) = (Vec::new(), Vec::new());
    for proposed in &proposal.steps {
        let Some(step) = steps::build(proposed.step, workflow.order(), workflow.scene()) else {
            unwritten.push(proposed.step);
            continue;
        };
        if let Some(call) = step.call.as_ref().filter(|_| !proposed.is_so) {
            envelopes.push(write(hosts.of(step.site), proposed.step, call)?);
        }
    }
    Ok(DryRun { proposal, envelopes, unwritten })
}

/// Says no, and keeps what it was asked.
struct Declines<'o, O> {
    operator: &'o mut O,
    proposal: Option<Proposal>,
}

impl<O: Operator> Operator for Declines<'_, O> {
    async fn confirm(&mut self, proposal: &Proposal) -> bool {
        self.proposal = Some(proposal.clone());
        false
    }

    fn event(&mut self, event: &Event<'_>) {
        self.operator.event(event);
    }
}

/// A journal that forgets all, and lets no call go out.
struct SendsNothing;

impl Journal for SendsNothing {
    fn jobs_on_record(&self, _: &VmId) -> Vec<String> {
        Vec::new()
    }

    fn take(&mut self, _: &RunRecord, _: SystemTime) -> Result<Taken, TakeError> {
        Ok(Taken::Fresh)
    }

    fn intent(&mut self, _: &Intent) -> Result<u64, JournalError> {
        Err(JournalError::new("a dry run sends nothing"))
    }

    fn outcome(&mut self, _: u64, _: &CallOutcome) -> Result<(), JournalError> {
        Ok(())
    }

    fn verdict(&mut self, _: u64, _: Verdict) -> Result<(), JournalError> {
        Ok(())
    }

    fn close(&mut self, _: Option<RunEnd>, _: &str) -> Result<(), JournalError> {
        Ok(())
    }
}

struct Nobody;

impl Operator for Nobody {
    async fn confirm(&mut self, _: &Proposal) -> bool {
        false
    }

    fn event(&mut self, _: &Event<'_>) {}
}

fn write<E: Exchange>(host: &Host<E>, step: StepName, call: &crate::hyperv::Call) -> Result<Envelope, Outcome> {
    let prepared = host.prepare(call, &ServiceKeys::Short).map_err(Outcome::NotSent)?;
    Ok(Envelope { step, site: step.site(), action: prepared.action(), xml: prepared.envelope() })
}
