//! Jobs: a snapshot of one, and the follower that decides when to look again.

use std::fmt;
use std::time::Duration;

use crate::cim::{Datetime, Instance, InstanceView};
use crate::open_enum;
use crate::wsman::{EndpointReference, ResourceUri, SelectorSet};

use super::error::Error;
use super::return_code::ReturnCode;

/// Where a job is: class and `InstanceID`. Its class varies, so the reference of the host is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRef(EndpointReference);

impl JobRef {
    /// A reference that a host gave.
    pub fn new(reference: EndpointReference) -> Self {
        JobRef(reference)
    }

    /// A job by resource URI and id, for taking up again what another process started.
    pub fn by_id(class: ResourceUri, instance_id: &str) -> Self {
        JobRef(EndpointReference::new(class, SelectorSet::new().with("InstanceID", instance_id)))
    }

    /// The reference.
    pub fn reference(&self) -> &EndpointReference {
        &self.0
    }

    /// `InstanceID`; a bare GUID on Hyper-V.
    pub fn instance_id(&self) -> &str {
        self.0.selectors.value("InstanceID").unwrap_or("")
    }
}

/// `Class?InstanceID=…`, the form that `hvr job` takes. The namespace that some servers add to the selectors is that of the
/// question.
impl fmt::Display for JobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}?InstanceID={}", self.0.resource.last_segment(), self.instance_id())
    }
}

open_enum! {
    /// `JobState`.
    pub enum JobState: u16 {
        /// Not started.
        New = 2,
        /// Starting.
        Starting = 3,
        /// Running.
        Running = 4,
        /// Stands still; may go on.
        Suspended = 5,
        /// Coming to an end.
        ShuttingDown = 6 => "Shutting down",
        /// Done; good only with ErrorCode 0.
        Completed = 7,
        /// Ended by request.
        Terminated = 8,
        /// Ended by force.
        Killed = 9,
        /// Failed.
        Exception = 10,
        /// Vendor's service state; not final.
        Service = 11,
        /// Waits for an answer.
        QueryPending = 12 => "Query pending",
        /// Done, with something to say.
        CompletedWithWarnings = 32768 => "Completed with warnings",
    }
}

open_enum! {
    /// `JobType`, as far as replication is concerned.
    pub enum JobType: u16 {
        /// Removal of a VM.
        DestroyVm = 3 => "Destroy virtual machine",
        /// Start of a VM.
        StartVm = 12 => "Start virtual machine",
        /// Power-off of a VM.
        PowerOffVm = 13 => "Power off virtual machine",
        /// Shutdown of a guest.
        ShutDownVm = 16 => "Shut down virtual machine",
        /// Settings of devices and connections.
        ModifyResources = 31 => "Modify virtual machine resources",
        /// Settings of a relation.
        ModifyRelationship = 92 => "Modify replication relationship settings",
        /// Initial replication over the network begins.
        StartInitialReplication = 94 => "Start in-band initial replication",
        /// State change of a relation.
        ReplicationStateChange = 96 => "Replication state change",
        /// A failover.
        InitiateFailover = 97 => "Initiate failover",
        /// Undo of a failover.
        RevertFailover = 98 => "Revert failover",
        /// Commit of a failover.
        CommitFailover = 99 => "Commit failover",
        /// Preparation of a planned failover.
        InitiateSyncedReplication = 100 => "Initiate synced replication",
        /// Undo of that.
        CancelSyncedReplication = 101 => "Cancel synced replication",
        /// A rehearsal begins.
        InitiateTestReplica = 102 => "Initiate test replica",
        /// A rehearsal ends.
        RemoveTestReplica = 103 => "Remove test replica",
        /// Reverse of a relation.
        ReverseReplication = 104 => "Reverse replication",
        /// The initial replica is sent.
        SendInitialReplica = 116 => "Sending initial replica",
    }
}

/// A job, read at one moment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Job {
    /// Where it is.
    pub reference: JobRef,
    /// Its state.
    pub state: JobState,
    /// What it does; none where the class does not say.
    pub kind: Option<JobType>,
    /// 0 to 100, as the host says.
    pub percent: Option<u16>,
    /// `JobStatus`, localised.
    pub status: String,
    /// How long it has run, by the host's clock.
    pub elapsed: Option<Duration>,
    /// When it was submitted, by the host's clock.
    pub submitted: Option<Datetime>,
    /// `ErrorCode`; 0 while all is well, and where the host sends NULL.
    pub error_code: ReturnCode,
    /// `ErrorDescription`, localised.
    pub error_description: String,
    /// `ErrorSummaryDescription`, localised.
    pub error_summary: String,
    /// Whether the job says that it can be cancelled.
    pub cancellable: bool,
}

impl Job {
    /// Reads an instance of any job class.
    ///
    /// # Errors
    /// No JobState, or a property of another type.
    pub fn read(reference: JobRef, instance: &InstanceView<'_>) -> Result<Job, Error> {
        let state = instance.number::<u16>("JobState")?.into_option().ok_or_else(|| instance.missing("JobState"))?;
        let text = |name| instance.text(name).into_option().unwrap_or("").trim().to_owned();
        let submitted = instance.datetime("TimeSubmitted")?.into_option().filter(|time| !time.is_never());
        Ok(Job {
            reference,
            state: JobState::from(state),
            kind: instance.number::<u16>("JobType")?.into_option().map(JobType::from),
            percent: instance.number::<u16>("PercentComplete")?.into_option().map(|percent| percent.min(100)),
            status: text("JobStatus"),
            elapsed: instance.interval("ElapsedTime")?.into_option().and_then(|time| time.to_duration()),
            submitted,
            error_code: ReturnCode::from(instance.number::<u32>("ErrorCode")?.into_option().unwrap_or(0)),
            error_description: text("ErrorDescription"),
            error_summary: text("ErrorSummaryDescription"),
            cancellable: instance.boolean("Cancellable")?.into_option().unwrap_or(false),
        })
    }

    /// Whether the state is one that never changes again.
    pub fn is_over(&self) -> bool {
        matches!(
            self.state,
            JobState::Completed
                | JobState::CompletedWithWarnings
                | JobState::Terminated
                | JobState::Killed
                | JobState::Exception
        )
    }

    /// Whether the job ended well: JobState 7 or 32768, and ErrorCode 0. No proof of its effect: read the state.
    pub fn is_good(&self) -> bool {
        matches!(self.state, JobState::Completed | JobState::CompletedWithWarnings)
            && self.error_code == ReturnCode::Completed
    }
}

/// One `Msvm_Error` of `GetErrorEx`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobError {
    /// `Message`, localised.
    pub message: String,
    /// `ErrorSource`.
    pub source: String,
    /// `MessageID`.
    pub message_id: String,
    /// `ProbableCause` by number.
    pub probable_cause: Option<u64>,
}

impl JobError {
    pub(super) fn read(instance: &Instance) -> JobError {
        let text = |name| instance.text(name).unwrap_or("").trim().to_owned();
        let cause = match instance.property("ProbableCause").into_option() {
            Some(crate::cim::Value::Unsigned(_, cause)) => Some(*cause),
            _ => None,
        };
        JobError {
            message: text("Message"),
            source: text("ErrorSource"),
            message_id: text("MessageID"),
            probable_cause: cause,
        }
    }
}

/// Decides when to look at a job again: pure, fed with times and snapshots.
///
/// The first look comes at once, and a job of five minutes costs at most 40 looks, whatever it tells. While its
/// PercentComplete moves, the end is noticed within a tenth of the job's length, or one second where that is more: looks are
/// spread over half of what is predicted to remain, but never wider than a quarter of the time passed, as a job may jump to
/// its end. Without progress to go by, one look comes after two fifteenths of the time passed. (A tenth at every length
/// would cost 47 looks in five minutes: one a second for ten seconds, and then each a tenth later than the one before.)
#[derive(Debug, Clone)]
pub struct JobFollower {
    started: Duration,
    failures: u32,
    failing_since: Option<Duration>,
    patience: Duration,
}

/// What to do after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// Look again after this time.
    Wait(Duration),
    /// The job ended well; now read the state it was to change.
    Ended,
    /// The job ended badly.
    Failed,
    /// The job is not there any more: neither success nor failure.
    Gone,
    /// No answer for too long.
    ContactLost,
}

impl JobFollower {
    /// Begins to follow a job at `now`, a time on any clock that only moves forward.
    pub fn new(now: Duration) -> Self {
        JobFollower { started: now, failures: 0, failing_since: None, patience: Duration::from_secs(300) }
    }

    /// With another patience: how long a host may give no answer at all before it is given up.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// A look brought a snapshot, or none where the host has no such job.
    pub fn observe(&mut self, now: Duration, job: Option<&Job>) -> Follow {
        self.failures = 0;
        self.failing_since = None;
        let Some(job) = job else { return Follow::Gone };
        match (job.is_good(), job.is_over()) {
            (true, _) => Follow::Ended,
            (false, true) => Follow::Failed,
            (false, false) => Follow::Wait(self.delay(now, job.percent)),
        }
    }

    /// A look brought no answer. A lost connection is not a failed job.
    pub fn observe_failure(&mut self, now: Duration) -> Follow {
        let since = *self.failing_since.get_or_insert(now);
        if now.saturating_sub(since) >= self.patience {
            return Follow::ContactLost;
        }
        let shift = self.failures.min(5);
        self.failures = self.failures.saturating_add(1);
        Follow::Wait(Duration::from_secs(1 << shift).min(LONGEST))
    }

    fn delay(&self, now: Duration, percent: Option<u16>) -> Duration {
        let passed = now.saturating_sub(self.started);
        let percent = u32::from(percent.unwrap_or(0));
        let (delay, longest) = match percent {
            5..=99 => {
                let half_of_rest = passed.saturating_mul(100 - percent) / percent / 2;
                (half_of_rest.min(passed / 4).max(passed / 10), LONGEST)
            }
            // Below 5 per cent a prediction is noise, and there is no progress to be seen either.
            _ => (passed.saturating_mul(2) / 15, LONGEST_WITHOUT_PROGRESS),
        };
        let longest = if passed < FIRST_MINUTE { LONGEST_AT_FIRST } else { longest };
        delay.clamp(SHORTEST, longest)
    }
}

const SHORTEST: Duration = Duration::from_secs(1);
const FIRST_MINUTE: Duration = Duration::from_secs(60);
/// People want to see progress, whatever the job's length, and soon at first.
const LONGEST_AT_FIRST: Duration = Duration::from_secs(6);
const LONGEST: Duration = Duration::from_secs(20);
const LONGEST_WITHOUT_PROGRESS: Duration = Duration::from_secs(30);
