//! How a run ended, in the terms that decide what to do next.

use std::time::Duration;

use crate::hyperv::{
    Error, FailoverAdapter, FailoverType, Job, JobError, JobRef, RecoveryPoint, ReplicationState, ReturnCode, Vm, VmId,
};

use super::journal::{JournalError, RunEnd, RunId};
use super::order::Site;
use super::preflight::Proposal;
use super::steps::StepName;
use super::whereabouts::Whereabouts;

/// How a run ended.
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
    /// The person said no; nothing was changed by this process.
    Declined(Box<Proposal>),
    /// Reading failed before anything was changed, or the first call did not leave.
    NotSent(Error),
    /// Stopped at a step.
    Stopped(Box<Stopped>),
    /// A run of which a call was taken before, or may have been, was not gone on with.
    Halted(Box<Halted>),
}

/// A run that was taken up and not gone on with: this process sent nothing, and an earlier one may have changed a host.
#[derive(Debug)]
#[non_exhaustive]
pub struct Halted {
    /// Why: [`Outcome::Refused`], [`Outcome::Declined`] or [`Outcome::NotSent`].
    pub why: Outcome,
    /// Where the VM is.
    pub whereabouts: Whereabouts,
    /// What the calls on record were answered, in words.
    pub answers: String,
}

/// Why nothing was sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// No VM of that name is visible to the account.
    NotVisible {
        /// The name or id.
        vm: String,
        /// On which host.
        site: Site,
    },
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
    /// Another process works on the VM.
    Held {
        /// The VM.
        vm: Box<Vm>,
        /// Its run.
        run: RunId,
        /// Who that is.
        holder: String,
    },
    /// An earlier run on the VM is open.
    OpenRun {
        /// The VM.
        vm: Box<Vm>,
        /// That run.
        run: RunId,
    },
    /// Nothing can be put on record.
    Journal(JournalError),
    /// The workflow needs the primary's host, and none was given.
    NoPrimary,
}

/// A run that is done.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// What was ordered.
    pub proposal: Proposal,
    /// The VM on the host that was named, as last read.
    pub after: Vm,
    /// The VM on the primary's host, as last read.
    pub primary_after: Option<Vm>,
    /// The test VM, where there is one.
    pub test_vm: Option<Vm>,
    /// The network adapters, where the run was about them.
    pub adapters: Vec<FailoverAdapter>,
    /// Each step and what proves it.
    pub steps: Vec<StepReport>,
    /// What became of the order to start the VM.
    pub start: StartReport,
    /// Things worth knowing, such as a reply that was lost.
    pub remarks: Vec<String>,
    /// From the first call to the last proof.
    pub took: Duration,
    /// Where the VM is.
    pub whereabouts: Whereabouts,
}

impl Report {
    /// What was read back after the failover, where the run had one.
    pub fn failover(&self) -> Option<&Verified> {
        self.steps.iter().find_map(|step| step.verified.as_ref())
    }

    /// The last job of a step, where there was one.
    pub fn job(&self) -> Option<&Job> {
        self.steps.iter().find(|step| step.step == StepName::FailOver).or(self.steps.last())?.job.as_ref()
    }
}

/// A step that is done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StepReport {
    /// Which.
    pub step: StepName,
    /// On which host.
    pub site: Site,
    /// The VM it was about.
    pub vm: VmId,
    /// Whether it was so already, and nothing was sent.
    pub was_so: bool,
    /// Its job, as last seen.
    pub job: Option<Job>,
    /// What proves it, in words.
    pub seen: String,
    /// What was read back after a failover.
    pub verified: Option<Verified>,
    /// From the call to the proof.
    pub took: Duration,
}

/// What was read back after a failover.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Verified {
    /// The state, 5 (recovered) or 6 (committed by somebody meanwhile).
    pub state: ReplicationState,
    /// What kind of point it was failed over to, as the host says. 3 (planned) proves that nothing was lost.
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

/// A run that stopped at a step.
#[derive(Debug)]
#[non_exhaustive]
pub struct Stopped {
    /// What was ordered.
    pub proposal: Proposal,
    /// What is done of it.
    pub done: Vec<StepReport>,
    /// Where it stopped.
    pub step: StepName,
    /// On which host.
    pub site: Site,
    /// Why.
    pub cause: Cause,
    /// The VM of that host as it was before the step.
    pub before: Vm,
    /// The VM as last read; none if it could not be read.
    pub after: Option<Vm>,
    /// Things worth knowing.
    pub remarks: Vec<String>,
    /// Where the VM is.
    pub whereabouts: Whereabouts,
    /// Whether a call of the run was taken, by this process or an earlier one, or may have been.
    pub may_have_changed: bool,
}

impl Stopped {
    /// Whether a step before this one has changed a host.
    pub fn is_half_way(&self) -> bool {
        self.done.iter().any(|step| !step.was_so)
    }

    /// The end of the run, where there is nothing left to settle; none leaves it open.
    pub fn end(&self) -> Option<RunEnd> {
        match self.cause {
            _ if self.is_half_way() => None,
            Cause::HostRefused(_) | Cause::Faulted(_) | Cause::JobFailed { .. } => Some(RunEnd::Failed),
            Cause::NotSent(_) | Cause::Journal(_) | Cause::Declined if self.may_have_changed => None,
            Cause::NotSent(_) | Cause::Journal(_) | Cause::Declined => Some(RunEnd::NotBegun),
            Cause::Changed(_) | Cause::Unproven { .. } | Cause::DeadlinePassed { .. } => None,
        }
    }
}

/// Why a run stopped.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The host refused the call by return value; it says that nothing was started.
    HostRefused(ReturnCode),
    /// The host refused the call with a fault.
    Faulted(Error),
    /// The job ended badly.
    JobFailed {
        /// Its last snapshot.
        job: Box<Job>,
        /// What `GetErrorEx` adds.
        details: Vec<JobError>,
    },
    /// The call did not leave; steps before it did.
    NotSent(Error),
    /// The call could not be put on record, so it was not sent.
    Journal(JournalError),
    /// The person said no to what was left.
    Declined,
    /// What the step needs does not hold: somebody else was at work, or a call of the run led elsewhere.
    Changed(String),
    /// Sent, and no answer proves the outcome.
    Unproven {
        /// What happened to the proof.
        reason: String,
        /// The error that lost it.
        error: Option<Error>,
        /// The job, where it is known.
        job: Option<JobRef>,
    },
    /// The caller's deadline passed while the job runs on.
    DeadlinePassed {
        /// The job.
        job: JobRef,
        /// Its last snapshot.
        last: Option<Box<Job>>,
    },
}
