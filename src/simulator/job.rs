//! Jobs of the simulated host: progress and end come from the clock and a script.

use std::time::Duration;

use super::scenario::JobScript;
use super::text::{self, Text};

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
    /// ReplicationState and EnabledState before the job, restored when it fails.
    pub(super) before: (u16, u16),
    /// Whether the end has had its effect on the VM.
    pub(super) is_settled: bool,
    /// Gone for a reader although it may still run.
    pub(super) is_hidden: bool,
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
    /// To this EnabledState.
    Power(u16),
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
    /// When it ends; none if it never does.
    pub(super) fn end(&self) -> Option<Duration> {
        let length = self.script.duration.unwrap_or_default();
        match (self.script.state, self.script.state_for) {
            (Some(_), None) => None,
            (Some(_), Some(shown)) => Some(self.started.saturating_add(length.max(shown))),
            (None, _) => Some(self.started.saturating_add(length)),
        }
    }

    pub(super) fn has_ended(&self, now: Duration) -> bool {
        self.end().is_some_and(|end| end <= now)
    }

    /// Whether a Get still finds it: until five minutes after its end (TimeBeforeRemoval).
    pub(super) fn is_visible(&self, now: Duration) -> bool {
        let vanished = self.script.vanish_after.is_some_and(|after| self.started.saturating_add(after) <= now);
        let removed = self.end().is_some_and(|end| end.saturating_add(KEPT) <= now);
        !self.is_hidden && !vanished && !removed
    }

    pub(super) fn progress(&self, now: Duration) -> Progress {
        let since = now.saturating_sub(self.started);
        let percent = |number| (!self.script.percent_null).then_some(number);
        if let Some(end) = self.end().filter(|end| *end <= now) {
            let (state, status) = match self.script.error {
                Some(_) => (10, text::JOB_FAILED),
                None if self.script.warnings => (32768, text::JOB_WARNINGS),
                None => (7, text::JOB_DONE),
            };
            return Progress {
                state,
                percent: percent(if self.script.error.is_some() { self.part_done() } else { 100 }),
                elapsed: end.saturating_sub(self.started),
                error: self.script.error.unwrap_or(0),
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

    /// How far a failed job came: always less than all.
    fn part_done(&self) -> u16 {
        40
    }
}

/// How long an ended job is kept (recorded: `P0DT0H5M0S`).
pub(super) const KEPT: Duration = Duration::from_secs(300);

/// JobType numbers (Msvm_ConcreteJob).
pub(super) const START: u16 = 12;
pub(super) const POWER_OFF: u16 = 13;
pub(super) const FAILOVER: u16 = 97;
pub(super) const REVERT: u16 = 98;
pub(super) const COMMIT: u16 = 99;
