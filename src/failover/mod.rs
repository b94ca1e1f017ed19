//! Failing a VM over: what must hold before, what is done, what proves the result.
//!
//! [`Unplanned`] is the whole workflow as a state machine without I/O: it is told what was seen and says what to
//! do next, so that every path can be tested in virtual time. [`run`] drives it over a [`Host`](crate::hyperv::Host).
//!
//! The one rule above all others: `InitiateFailover` is sent at most once. After a reply that was lost, the
//! workflow looks (state of the VM, its jobs) and never asks again.

mod dry_run;
pub mod journal;
mod order;
mod outcome;
mod point;
mod preflight;
mod run;
mod unplanned;

pub use dry_run::{DryRun, Envelope, dry_run};
pub use order::{Kind, Order, PowerOff, Site};
pub use outcome::{Outcome, Refusal, Report, StartReport, Unproven, Verified};
pub use point::{PointChoice, PointChoiceError};
pub use preflight::{Finding, Proposal, Severity, preflight};
pub use run::{Clock, Event, Operator, run};
pub use unplanned::{Action, Observation, Unplanned};

#[cfg(test)]
mod tests;
