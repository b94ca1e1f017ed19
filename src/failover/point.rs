//! Which recovery point: the words of a person, and the choice they make among the points of a VM.

use std::fmt;
use std::str::FromStr;

use crate::cim::Datetime;
use crate::hyperv::{PointKind, RecoveryPoint};

/// Which recovery point a failover goes to.
#[derive(Debug, Clone, PartialEq)]
pub enum PointChoice {
    /// The latest: the host chooses, no point is named in the call.
    Latest,
    /// The newest application consistent one.
    ApplicationConsistent,
    /// The newest not after this time.
    Before(Datetime),
    /// The one with this id or GUID.
    Id(String),
}

/// Text that names no point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointChoiceError {
    /// The time after `before:` cannot be read.
    #[error("{0:?} is not a time such as 2026-11-23T08:00Z")]
    Time(String),
    /// Nothing was given.
    #[error("a point is latest, app-consistent, before:2026-11-23T08:00Z or the id that `hvr points` shows")]
    Empty,
}

impl FromStr for PointChoice {
    type Err = PointChoiceError;

    fn from_str(text: &str) -> Result<Self, PointChoiceError> {
        match text.trim() {
            "" => Err(PointChoiceError::Empty),
            "latest" => Ok(PointChoice::Latest),
            "app-consistent" | "application-consistent" => Ok(PointChoice::ApplicationConsistent),
            id => match id.strip_prefix("before:") {
                Some(time) => parse_time(time).map(PointChoice::Before),
                None => Ok(PointChoice::Id(id.to_owned())),
            },
        }
    }
}

/// A time as people write it: date and time with a zone, seconds may be left out. A time without zone would mean
/// another moment on another box, so it is refused.
fn parse_time(text: &str) -> Result<Datetime, PointChoiceError> {
    let fail = || PointChoiceError::Time(text.chars().take(80).collect());
    let timestamp: jiff::Timestamp = text.trim().parse().map_err(|_| fail())?;
    let nanoseconds = u32::try_from(timestamp.subsec_nanosecond()).map_err(|_| fail())?;
    Datetime::from_unix(timestamp.as_second(), nanoseconds).ok_or_else(fail)
}

impl fmt::Display for PointChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PointChoice::Latest => f.write_str("latest"),
            PointChoice::ApplicationConsistent => f.write_str("app-consistent"),
            PointChoice::Before(time) => write!(f, "before:{time}"),
            PointChoice::Id(id) => f.write_str(id),
        }
    }
}

impl PointChoice {
    /// Whether the points of the VM must be read to decide.
    pub fn needs_list(&self) -> bool {
        !matches!(self, PointChoice::Latest)
    }

    /// The point that a call names among those of a VM: none for the latest, which the host chooses.
    pub fn named<'p>(&self, points: &'p [RecoveryPoint]) -> Option<&'p RecoveryPoint> {
        self.choose(points).filter(|_| self.needs_list())
    }

    /// The point among those of a VM, which come newest first; none if nothing fits.
    pub fn choose<'p>(&self, points: &'p [RecoveryPoint]) -> Option<&'p RecoveryPoint> {
        match self {
            PointChoice::Latest => points.first(),
            PointChoice::ApplicationConsistent => {
                points.iter().find(|point| point.kind == PointKind::ApplicationConsistent)
            }
            PointChoice::Before(time) => {
                points.iter().find(|point| point.created.as_ref().is_some_and(|created| created <= time))
            }
            PointChoice::Id(id) => points.iter().find(|point| point.is_named(id)),
        }
    }
}
