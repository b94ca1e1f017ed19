//! How a failover ended, in the terms that decide what to do next.

use std::time::Duration;

use crate::hyperv::{Error, FailoverType, Job, JobError, JobRef, RecoveryPoint, ReplicationState, ReturnCode, Vm};

use super::preflight::Proposal;

/// How a failover ended. Each variant is one line of the exit table.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Done, and proven by reading the state back.
    Done(Box<Report>),
    /// The job runs; nobody asked to wait for it.
    Started {
        /// What was ordered.
        proposal: Box<Proposal>,
        /// The job.
        job: JobRef,
    },
    /// Refused before anything was changed.
    Refused(Refusal),
    /// The person said no.
    Declined(Box<Proposal>),
    /// Reading failed, or the call was certainly not acted on: nothing was changed.
    NotSent(Error),
    /// The host refused the call by return value; it says that nothing was started.
    HostRefused {
        /// The VM.
        vm: Box<Vm>,
        /// What it answered.
        code: ReturnCode,
    },
    /// The host refused the call with a fault.
    Faulted {
        /// The VM.
        vm: Box<Vm>,
        /// The answer.
        error: Error,
    },
    /// The job ended badly.
    JobFailed {
        /// The VM as it was before.
        vm: Box<Vm>,
        /// The job's last snapshot.
        job: Box<Job>,
        /// What `GetErrorEx` adds.
        details: Vec<JobError>,
    },
    /// Sent, and no answer proves the outcome.
    Unknown(Box<Unproven>),
    /// The caller's deadline passed while the job runs on.
    DeadlinePassed {
        /// The VM as it was before.
        vm: Box<Vm>,
        /// The job.
        job: JobRef,
        /// Its last snapshot.
        last: Option<Box<Job>>,
    },
}

/// Why nothing was sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// No VM of that name is visible to the account.
    NotVisible(String),
    /// Several VMs share the name.
    Ambiguous(Vec<Vm>),
    /// No recovery point fits the choice.
    NoPoint {
        /// The choice in words.
        choice: String,
        /// The points there are.
        points: Vec<RecoveryPoint>,
    },
    /// The preflight refuses.
    Preflight(Box<Proposal>),
}

/// A failover that is done.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// What was ordered.
    pub proposal: Proposal,
    /// The VM as read back.
    pub after: Vm,
    /// The job, where there was one.
    pub job: Option<Job>,
    /// What proves it.
    pub verified: Verified,
    /// What became of the order to start the VM.
    pub start: StartReport,
    /// Things worth knowing, such as a reply that was lost.
    pub remarks: Vec<String>,
    /// From the call to the proof.
    pub took: Duration,
}

/// What was read back from the host after the job had ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Verified {
    /// The state, 5 (recovered) or 6 (committed by somebody meanwhile).
    pub state: ReplicationState,
    /// What kind of point it was failed over to, as the host says.
    pub failed_over: FailoverType,
}

/// Whether the VM was started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartReport {
    /// Nobody asked.
    NotAsked,
    /// It runs, read back.
    Running,
    /// It does not run, and why.
    Failed(String),
}

/// A call whose outcome nothing proves.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unproven {
    /// The VM as it was before.
    pub before: Vm,
    /// The VM as last read; none if it could not be read.
    pub after: Option<Vm>,
    /// The job, where it is known.
    pub job: Option<JobRef>,
    /// What happened to the proof.
    pub reason: String,
    /// The error that lost it.
    pub error: Option<Error>,
}
