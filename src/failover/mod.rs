//! Failing a VM over and all that belongs to it: what must hold before, what is done, what proves the result.
//!
//! [`Workflow`] is a whole run as a state machine without I/O: it is told what was seen and says what to do next, so that
//! every path can be tested in virtual time. [`run`] drives it over one or two [`Host`](crate::hyperv::Host)s and keeps
//! a [`Journal`](journal::Journal); [`resume`] takes up what an earlier process left. Workflows are lists of steps
//! (`plans`), a step is one once-only call followed to its proof (`call_run`).
//!
//! The one rule above all others: a once-only call is sent at most once. After a reply that was lost, the workflow looks
//! (state of the VM, its jobs) and never asks again.

mod action;
mod call_run;
mod check;
mod dry_run;
mod footprint;
mod fresh;
mod goal;
pub mod journal;
mod order;
mod outcome;
mod plans;
mod point;
mod preflight;
mod resume;
mod run;
mod scene;
mod steps;
mod whereabouts;
mod workflow;

pub use action::{Action, CallError, Observation};
pub use dry_run::{DryRun, Envelope, dry_resume, dry_run};
pub use goal::{Goal, Judgement, describe};
pub use order::{AdapterOrder, Kind, Order, PowerOff, Site};
pub use outcome::{Cause, Halted, Outcome, Refusal, Report, StartReport, StepReport, Stopped, Verified};
pub use point::{PointChoice, PointChoiceError};
pub use preflight::{Finding, Proposal, ProposedStep, Severity, preflight};
pub use run::{About, Clock, Event, Hosts, Operator, resume, run};
pub use scene::{Answer, Ask, Scene, Sight, Told};
pub use steps::StepName;
pub use whereabouts::{Standing, Whereabouts};
pub use workflow::Workflow;

#[cfg(test)]
mod tests;
