//! Jobs of the simulated host: progress and end come from the clock and a script.

use std::time::Duration;

use super::scenario::JobScript;
use super::text::{self, Text};
use super::vm::FailoverAddresses;

/// One job.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// InstanceID, a bare GUID (recorded).
    pub(super) id: String,
    /// JobType, such as 97 for a failover.
    pub(super) kind: u16,
    /// The VM's GUID.
    pub(super) vm: String,
    pub(super) started: Duration,
    pub(super) script: JobScript,
    pub(super) work: Work,
    /// ReplicationState and EnabledState before the job, restored when it fails or is ended.
    pub(super) before: Option<(u16, u16)>,
    /// Whether the end has had its effect on the VM.
    pub(super) is_settled: bool,
    /// Gone for a reader although it may still run.
    pub(super) is_hidden: bool,
    /// The ErrorCode with which the work itself failed, such as a refusal of the other host.
    pub(super) failed: Option<u16>,
    /// When it was ended before its time.
    pub(super) terminated: Option<Duration>,
}

/// What a job does to its VM when it ends well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    /// With the FailedOverReplicationType that results.
    Failover {
        failed_over: u16,
    },
    Commit,
    Revert,
    /// The last changes go to the replica; the primary is locked.
    Prepare,
    CancelPrepare,
    /// To this ReplicationState.
    State(u16),
    /// The extended relation to this ReplicationState.
    ExtendedState(u16),
    /// The old primary becomes a replica that waits for its initial replication.
    AsReplica,
    /// With the AuthenticationType that results.
    Reverse {
        authentication: u16,
    },
    /// Begins the transfer of a whole copy.
    InitialReplication,
    /// The whole copy has arrived.
    Transfer,
    /// Makes the test VM with this GUID.
    Rehearsal(String),
    Destroy,
    /// A guest that was asked to shut down and does not.
    Nothing,
    /// To this EnabledState.
    Power(u16),
    /// TestReplicaSwitchName of connections, by InstanceID.
    Switches(Vec<(String, String)>),
    /// Addresses of adapters after a failover, by the adapter's InstanceID.
    Addresses(Vec<(String, FailoverAddresses)>),
}

/// What a reader of the job sees now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) state: u16,
    pub(super) percent: Option<u16>,
    pub(super) elapsed: Duration,
    pub(super) error: u16,
    pub(super) status: Text,
    pub(super) is_final: bool,
}

impl Job {
    pub(super) fn new(
        id: String,
        kind: u16,
        vm: String,
        started: Duration,
        script: JobScript,
        work: Work,
        before: Option<(u16, u16)>,
    ) -> Job {
        Job {
            id,
            kind,
            vm,
            started,
            script,
            work,
            before,
            is_settled: false,
            is_hidden: false,
            failed: None,
            terminated: None,
        }
    }

    /// When it ends; none if it never does.
    pub(super) fn end(&self) -> Option<Duration> {
        if self.terminated.is_some() {
            return self.terminated;
        }
        let length = self.script.duration.unwrap_or_default();
        match (self.script.state, self.script.state_for) {
            (Some(_), None) => None,
            (Some(_), Some(shown)) => Some(self.started.saturating_add(length.max(shown))),
            (None, _) => Some(self.started.saturating_add(length)),
        }
    }

    /// Ends it before its time, without effect on its VM.
    pub(super) fn drop_at(&mut self, now: Duration) {
        self.terminated = Some(now);
        self.is_settled = true;
    }

    /// The ErrorCode it ends with; none if it ends well.
    pub(super) fn error(&self) -> Option<u16> {
        self.script.error.or(self.failed)
    }

    /// Whether a Get still finds it: until five minutes after its end (TimeBeforeRemoval).
    pub(super) fn is_visible(&self, now: Duration) -> bool {
        let vanished = self.script.vanish_after.is_some_and(|after| self.started.saturating_add(after) <= now);
        let removed = self.end().is_some_and(|end| end.saturating_add(KEPT) <= now);
        !self.is_hidden && !vanished && !removed
    }

    /// The GUID of a VM that it has made.
    pub(super) fn created(&self) -> Option<&str> {
        match &self.work {
            Work::Rehearsal(id) if self.is_settled && self.terminated.is_none() && self.error().is_none() => Some(id),
            _ => None,
        }
    }

    pub(super) fn progress(&self, now: Duration) -> Progress {
        let since = now.saturating_sub(self.started);
        let percent = |number| (!self.script.percent_null).then_some(number);
        if let Some(end) = self.end().filter(|end| *end <= now) {
            let error = self.error().filter(|_| self.terminated.is_none());
            let (state, status) = match error {
                _ if self.terminated.is_some() => (8, text::JOB_TERMINATED),
                Some(_) => (10, text::JOB_FAILED),
                None if self.script.warnings => (32768, text::JOB_WARNINGS),
                None => (7, text::JOB_DONE),
            };
            let is_whole = error.is_none() && self.terminated.is_none();
            return Progress {
                state,
                percent: percent(if is_whole { 100 } else { PART_DONE }),
                elapsed: end.saturating_sub(self.started),
                error: error.unwrap_or(0),
                status,
                is_final: true,
            };
        }
        let length = self.script.duration.unwrap_or_default().as_millis().max(1);
        let done = u16::try_from(since.as_millis().saturating_mul(100) / length).unwrap_or(99).min(99);
        let shown = self.script.state.filter(|_| self.script.state_for.is_none_or(|shown| since < shown));
        Progress {
            state: shown.unwrap_or(4),
            percent: percent(done),
            elapsed: since,
            error: 0,
            status: if shown.is_some() { text::JOB_OTHER } else { text::JOB_RUNNING },
            is_final: false,
        }
    }
}

/// How far a job came that did not end well: always less than all.
const PART_DONE: u16 = 40;

/// How long an ended job is kept (recorded: `P0DT0H5M0S`).
pub(super) const KEPT: Duration = Duration::from_secs(300);

/// JobType numbers (Msvm_ConcreteJob).
pub(super) const DESTROY: u16 = 3;
pub(super) const START: u16 = 12;
pub(super) const POWER_OFF: u16 = 13;
pub(super) const SHUT_DOWN: u16 = 16;
pub(super) const MODIFY_RESOURCES: u16 = 31;
pub(super) const MODIFY_RELATIONSHIP: u16 = 92;
pub(super) const INITIAL_REPLICATION: u16 = 94;
pub(super) const STATE_CHANGE: u16 = 96;
pub(super) const FAILOVER: u16 = 97;
pub(super) const REVERT: u16 = 98;
pub(super) const COMMIT: u16 = 99;
pub(super) const PREPARE: u16 = 100;
pub(super) const CANCEL_PREPARE: u16 = 101;
pub(super) const TEST: u16 = 102;
pub(super) const REMOVE_TEST: u16 = 103;
pub(super) const REVERSE: u16 = 104;
pub(super) const STOP_INITIAL_REPLICATION: u16 = 109;
pub(super) const STOP_RESYNCHRONISING: u16 = 110;
pub(super) const SENDING_INITIAL_REPLICA: u16 = 116;
pub(super) const EXPORT_INITIAL_REPLICATION: u16 = 118;
