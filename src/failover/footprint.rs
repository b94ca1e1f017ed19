//! What the calls of a run have left on the hosts, as far as is known: whether any was taken, and what was not read since.

use crate::hyperv::{Error, Invoked};
use crate::soap::FaultCode;
use crate::wsman::Delivery;

use super::action::CallError;
use super::journal::{CallRecord, History, Verdict};
use super::order::Site;

/// What the calls of a run have left.
#[derive(Debug, Clone, Default)]
pub(super) struct Footprint {
    /// A call was taken, or nobody knows.
    is_taken: bool,
    /// The same of the last call, as long as nothing is proven of it.
    is_last_taken: bool,
    /// The hosts that may have changed since they were read.
    unseen: Vec<Site>,
    /// What the calls of earlier processes were answered, for the record.
    answers: Vec<String>,
}

impl Footprint {
    /// Of a run that earlier processes began.
    pub(super) fn of(history: &History) -> Footprint {
        let (last, before) = match history.calls.split_last() {
            Some((last, before)) => (Some(last), before),
            None => (None, &[][..]),
        };
        Footprint {
            is_taken: before.iter().any(CallRecord::may_have_been_taken),
            is_last_taken: last.is_some_and(CallRecord::may_have_been_taken),
            unseen: Vec::new(),
            answers: history.calls.iter().map(CallRecord::said).collect(),
        }
    }

    /// Of a run that takes back one which has left something.
    pub(super) fn of_another() -> Footprint {
        Footprint { is_taken: true, ..Footprint::default() }
    }

    /// Whether a call of the run was taken, or may have been.
    pub(super) fn is_taken(&self) -> bool {
        self.is_taken || self.is_last_taken
    }

    /// What the calls on record were answered.
    pub(super) fn answers(&self) -> String {
        self.answers.join("; ")
    }

    /// A call went to a host, and this came back.
    pub(super) fn called(&mut self, site: Site, answer: &Result<Invoked, CallError>) {
        let may_be = may_have_been_taken(answer);
        self.is_taken |= self.is_last_taken;
        self.is_last_taken = may_be;
        if may_be && !self.unseen.contains(&site) {
            self.unseen.push(site);
        }
    }

    /// The same with a call on its way to a host.
    pub(super) fn with_call_to(&self, site: Site) -> Footprint {
        let unseen = self.unseen.iter().copied().chain([site]).collect();
        Footprint { unseen, ..self.clone() }
    }

    /// Something is proven of the last call.
    pub(super) fn proven(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::NotTaken => self.is_last_taken = false,
            Verdict::Done => self.is_last_taken = true,
            // One that was refused was not taken; one whose job failed was. The answer told which.
            Verdict::Failed => {}
        }
    }

    /// The VM was read on a host.
    pub(super) fn read(&mut self, site: Site) {
        self.unseen.retain(|unseen| *unseen != site);
    }

    /// Whether a call may have changed the VM there since it was read.
    pub(super) fn is_unseen(&self, site: Site) -> bool {
        self.unseen.contains(&site)
    }
}

impl CallRecord {
    /// Whether the host took the call, or may have: all but a call that did not leave, one that the host refused, and one
    /// that was proven to have been lost on the way.
    pub fn may_have_been_taken(&self) -> bool {
        match (&self.verdict, &self.outcome) {
            (Some(Verdict::NotTaken), _) => false,
            (Some(Verdict::Done), _) | (_, None) => true,
            (verdict, Some(outcome)) => match outcome.code {
                Some(code) => code.starts_work() || code.is_undecided(),
                // A fault that proves a refusal: only that is answered without a code, and settled by it.
                None if outcome.delivery == Delivery::Answered => *verdict != Some(Verdict::Failed),
                None => outcome.delivery != Delivery::NotSent,
            },
        }
    }

    /// What came back for it, in words.
    pub fn said(&self) -> String {
        let step = &self.intent.step;
        match &self.outcome {
            None => format!("{step}: no answer on record"),
            Some(outcome) => match (outcome.code, &outcome.error) {
                (Some(code), _) => format!("{step}: the host answered {} ({code})", code.value()),
                (None, Some(error)) => format!("{step}: {}: {error}", outcome.delivery),
                (None, None) => format!("{step}: {}", outcome.delivery),
            },
        }
    }
}

impl History {
    /// Whether a call of the run was taken, or may have been: then hosts may not be as they were before it.
    pub fn may_have_changed(&self) -> bool {
        self.calls.iter().any(CallRecord::may_have_been_taken)
    }
}

/// Whether a host that gave this answer took the call, or may have.
fn may_have_been_taken(answer: &Result<Invoked, CallError>) -> bool {
    match answer {
        Ok(Invoked::Done | Invoked::Started(_)) => true,
        Ok(Invoked::Refused(code)) => code.is_undecided(),
        Err(CallError::NotRecorded(_)) => false,
        Err(CallError::Host(error)) => match error.delivery() {
            Delivery::NotSent => false,
            Delivery::Answered => !is_proof_of_refusal(error),
            Delivery::Unknown => true,
        },
    }
}

/// A fault of the Sender family, and a refusal of rights or by quota, say that the request was not acted on. Another
/// Receiver fault, such as InternalError, says only that something went wrong. Without a fault nothing is proven.
pub(super) fn is_proof_of_refusal(error: &Error) -> bool {
    error.delivery() == Delivery::Answered
        && error
            .fault()
            .is_some_and(|fault| fault.soap.code != FaultCode::Receiver || fault.is_access_denied() || fault.is_quota())
}
