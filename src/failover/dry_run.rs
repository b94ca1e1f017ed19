//! A rehearsal on paper: everything is resolved by reading, the calls are written and not sent.

use crate::hyperv::{Host, ServiceKeys};
use crate::wsman::Exchange;

use super::journal::Taken;
use super::order::{Order, Site};
use super::outcome::{Outcome, Refusal};
use super::preflight::Proposal;
use super::run::{Clock, Hosts};
use super::steps::{self, StepName};
use super::workflow::{Action, Observation, Workflow};

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
    let hosts = hosts.into();
    if order.kind.needs_primary() && hosts.primary.is_none() {
        return Err(Outcome::Refused(Refusal::NoPrimary));
    }
    let mut workflow = Workflow::new(order);
    let mut seen = Observation::Begin;
    let proposal = loop {
        seen = match workflow.next(clock.now(), clock.wall(), seen) {
            Action::Ask { site, ask } => Observation::Told(hosts.ask(site, ask).await),
            Action::Take { .. } => Observation::Taken(Ok(Taken::Fresh)),
            Action::Confirm(proposal) => break *proposal,
            Action::Finish(outcome) => return Err(outcome),
            // The workflow asks for nothing else before it has an answer to Confirm.
            _ => return Err(Outcome::Refused(Refusal::NoPrimary)),
        };
    };
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

fn write<E: Exchange>(host: &Host<E>, step: StepName, call: &crate::hyperv::Call) -> Result<Envelope, Outcome> {
    let prepared = host.prepare(call, &ServiceKeys::Short).map_err(Outcome::NotSent)?;
    Ok(Envelope { step, site: step.site(), action: prepared.action(), xml: prepared.envelope() })
}
