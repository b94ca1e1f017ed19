//! What a run says to do next, and what it is told of it: all that passes between it and its driver.

use std::time::Duration;

use crate::hyperv::{Call, Error, Invoked, Job, JobError, JobRef, ServiceKeys, Vm, VmId};

use super::journal::{JournalError, TakeError, Taken};
use super::order::{Order, Site};
use super::outcome::Outcome;
use super::preflight::Proposal;
use super::scene::{Answer, Ask};
use super::steps::StepName;

/// What to do next. The driver does it and reports with the [`Observation`] of the same subject.
#[derive(Debug)]
#[non_exhaustive]
pub enum Action {
    /// Ask a host.
    Ask {
        /// Which host.
        site: Site,
        /// What.
        ask: Ask,
    },
    /// Take the VM for this run, so that no other process works on it.
    Take {
        /// The VM.
        vm: Box<Vm>,
        /// The order as it is taken up again.
        order: Box<Order>,
    },
    /// Ask whether to go on.
    Confirm(Box<Proposal>),
    /// Put a call on record and send it. The only action that changes a host.
    Call {
        /// Which host.
        site: Site,
        /// For which step.
        step: StepName,
        /// How its service is addressed.
        keys: ServiceKeys,
        /// The call.
        call: Box<Call>,
    },
    /// Learn the keys of a service.
    LearnService {
        /// Which host.
        site: Site,
        /// The class of the service.
        class: &'static str,
    },
    /// Read a job.
    GetJob {
        /// Which host.
        site: Site,
        /// Which job.
        job: JobRef,
    },
    /// Ask a failed job for details.
    GetJobErrors {
        /// Which host.
        site: Site,
        /// Which job.
        job: JobRef,
    },
    /// Find the jobs that touch a VM.
    FindJobs {
        /// Which host.
        site: Site,
        /// Which VM.
        vm: VmId,
    },
    /// Let time pass.
    Wait(Duration),
    /// The end.
    Finish(Outcome),
}

/// What was seen.
#[derive(Debug)]
#[non_exhaustive]
pub enum Observation {
    /// The beginning.
    Begin,
    /// Answer to [`Action::Ask`].
    Told(Answer),
    /// Answer to [`Action::Take`].
    Taken(Result<Taken, TakeError>),
    /// Answer to [`Action::Confirm`].
    Answer(bool),
    /// Answer to [`Action::Call`].
    Called(Result<Invoked, CallError>),
    /// Answer to [`Action::LearnService`].
    Service(Result<Option<ServiceKeys>, Error>),
    /// Answer to [`Action::GetJob`].
    Job(Result<Option<Job>, Error>),
    /// Answer to [`Action::GetJobErrors`].
    JobErrors(Result<Vec<JobError>, Error>),
    /// Answer to [`Action::FindJobs`].
    Jobs(Result<Vec<Job>, Error>),
    /// Answer to [`Action::Wait`].
    Waited,
}

/// Why a call brought no answer of the method.
#[derive(Debug)]
pub enum CallError {
    /// It could not be put on record, and was not sent.
    NotRecorded(JournalError),
    /// It could not be sent, or brought an error.
    Host(Error),
}
