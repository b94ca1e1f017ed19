//! How jobs go.

use std::time::Duration;

use serde::Deserialize;

use super::time::maybe_duration;

/// How a job goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct JobScript {
    /// How long it runs; none is what the wider setting says, in the end no time at all.
    #[serde(deserialize_with = "maybe_duration")]
    pub duration: Option<Duration>,
    /// End in an exception with this ErrorCode.
    pub error: Option<u16>,
    /// End in state 32768, completed with warnings.
    pub warnings: bool,
    /// Show this JobState instead of 4, such as 5 (suspended) or 4242.
    pub state: Option<u16>,
    /// How long that state is shown; none is for ever, and the job does not end.
    #[serde(deserialize_with = "maybe_duration")]
    pub state_for: Option<Duration>,
    /// The job can no longer be found after this time, although the work goes on.
    #[serde(deserialize_with = "maybe_duration")]
    pub vanish_after: Option<Duration>,
    /// PercentComplete is NULL.
    pub percent_null: bool,
    /// No job: the method does its work at once and returns 0.
    pub synchronous: bool,
    /// The job can be ended before its time by RequestStateChange(4); then its work is not done.
    pub cancellable: bool,
}

impl JobScript {
    /// This script, with what it leaves open taken from a wider one.
    pub(in crate::simulator) fn over(&self, wider: &JobScript) -> JobScript {
        JobScript {
            duration: self.duration.or(wider.duration),
            error: self.error.or(wider.error),
            warnings: self.warnings || wider.warnings,
            state: self.state.or(wider.state),
            state_for: self.state_for.or(wider.state_for),
            vanish_after: self.vanish_after.or(wider.vanish_after),
            percent_null: self.percent_null || wider.percent_null,
            synchronous: self.synchronous || wider.synchronous,
            cancellable: self.cancellable || wider.cancellable,
        }
    }
}
