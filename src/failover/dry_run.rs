//! A rehearsal on paper: everything is resolved by reading, the calls are written and not sent.

use crate::hyperv::{EnabledState, Host, ServiceKeys};
use crate::wsman::{Exchange, Operation};

use super::order::Order;
use super::outcome::{Outcome, Refusal};
use super::preflight::Proposal;
use super::run::Clock;
use super::unplanned::{Action, Observation, Unplanned};

/// What would be done.
#[derive(Debug)]
#[non_exhaustive]
pub struct DryRun {
    /// The proposal that would be confirmed.
    pub proposal: Proposal,
    /// The envelopes that would change the host, in order, as they would be sent now.
    pub envelopes: Vec<Envelope>,
}

/// One envelope, not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// Its action.
    pub action: String,
    /// Its text.
    pub xml: String,
}

/// Resolves an order by reading and writes the calls it would make. Sends no Invoke.
///
/// # Errors
/// The outcome a real run would have ended in before its first call.
pub async fn dry_run<E: Exchange>(host: &Host<E>, order: Order, clock: &impl Clock) -> Result<DryRun, Outcome> {
    let mut workflow = Unplanned::new(order);
    let mut seen = Observation::Begin;
    let proposal = loop {
        seen = match workflow.next(clock.now(), clock.wall(), seen) {
            Action::FindVm(selector) => Observation::Vm(host.find_vm(&selector).await),
            Action::ListPoints(id) => Observation::Points(host.recovery_points(&id).await),
            Action::Confirm(proposal) => break *proposal,
            Action::Finish(outcome) => return Err(outcome),
            // The workflow asks for nothing else before it has an answer to Confirm.
            _ => return Err(Outcome::Refused(Refusal::NotVisible(String::new()))),
        };
    };
    let call = host.initiate_failover_call(&ServiceKeys::Short, &proposal.vm.id, proposal.point.as_ref());
    let mut envelopes = vec![write(host, &call)?];
    if proposal.start {
        envelopes.push(write(host, &host.state_change_call(&proposal.vm.id, EnabledState::Enabled))?);
    }
    Ok(DryRun { proposal, envelopes })
}

fn write<E: Exchange>(host: &Host<E>, operation: &impl Operation) -> Result<Envelope, Outcome> {
    let bytes =
        host.client().envelope(operation).map_err(|error| Outcome::NotSent(crate::wsman::Error::from(error).into()))?;
    Ok(Envelope { action: operation.action(), xml: String::from_utf8_lossy(&bytes).into_owned() })
}
