//! CIM dates and intervals in both spellings.
//!
//! WinRM writes ISO 8601 (`2026-10-08T15:15:36.68424Z`, `P0DT0H5M0S`); MOF and embedded instances hold the 25
//! characters of DSP0004 5.2.4 (`20261008151536.684240+000`, `00000000000500.000000:000`), in which `*` stands for
//! what is not known. Both are read strictly and within bounds; neither is ever taken from a clock here.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp, civil};

mod interval;
mod scan;
#[cfg(test)]
mod tests;

pub use interval::Interval;
use scan::Scan;

/// Longest ISO text that is looked at; a date needs 35 characters at most.
const MAX_TEXT: usize = 64;

/// Length of every DMTF date and interval.
const DMTF_LENGTH: usize = 25;

const EPOCH: civil::DateTime = civil::datetime(1970, 1, 1, 0, 0, 0, 0);

/// 1601-01-01T00:00:00Z in seconds from 1970: what Windows writes for "has not happened".
const NEVER: i64 = -11_644_473_600;

/// Why a text is not a date or an interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatetimeError {
    /// The text does not have the form.
    #[error("{text:?} is not a CIM {kind}: expected {expected} at position {position}")]
    Syntax {
        /// `date` or `interval`.
        kind: &'static str,
        /// The beginning of the text.
        text: String,
        /// What should have stood there.
        expected: &'static str,
        /// Where, counted from 1.
        position: usize,
    },
    /// The form is right, but no calendar or clock has such a value.
    #[error("{text:?} is not a CIM {kind}: {what} is out of range")]
    Range {
        /// `date` or `interval`.
        kind: &'static str,
        /// The beginning of the text.
        text: String,
        /// Which part.
        what: &'static str,
    },
    /// Times before year 0 and negative intervals do not exist in CIM (MS-WSMV 2.2.5.3, note 39).
    #[error("{text:?} is negative, and CIM has no negative dates or intervals")]
    Negative {
        /// The beginning of the text.
        text: String,
    },
    /// Longer than any date or interval.
    #[error("a text of {length} bytes is no CIM date or interval")]
    TooLong {
        /// What was given.
        length: usize,
    },
}

/// A CIM value of type `datetime`: a point in time or an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CimDatetime {
    /// A point in time.
    Point(Datetime),
    /// A length of time.
    Interval(Interval),
}

impl CimDatetime {
    /// Reads ISO 8601; what begins with `P` is an interval.
    ///
    /// # Errors
    ///
    /// Any text that is neither.
    pub fn from_iso(text: &str) -> Result<Self, DatetimeError> {
        let text = text.trim_ascii();
        if text.starts_with('P') || text.starts_with("-P") {
            Interval::from_iso(text).map(Self::Interval)
        } else {
            Datetime::from_iso(text).map(Self::Point)
        }
    }

    /// Reads the DMTF form; a colon before the last three characters makes it an interval.
    ///
    /// # Errors
    ///
    /// Any text that is neither.
    pub fn from_dmtf(text: &str) -> Result<Self, DatetimeError> {
        let text = text.trim_ascii();
        if text.as_bytes().get(21) == Some(&b':') {
            Interval::from_dmtf(text).map(Self::Interval)
        } else {
            Datetime::from_dmtf(text).map(Self::Point)
        }
    }

    /// ISO 8601, or nothing where wildcards leave no such form.
    #[must_use]
    pub fn to_iso(&self) -> Option<String> {
        match self {
            Self::Point(point) => point.to_iso(),
            Self::Interval(interval) => interval.to_iso(),
        }
    }

    /// The 25 characters of the DMTF form.
    #[must_use]
    pub fn to_dmtf(&self) -> String {
        match self {
            Self::Point(point) => point.to_dmtf(),
            Self::Interval(interval) => interval.to_dmtf(),
        }
    }

    /// The point in time, if it is one.
    #[must_use]
    pub fn point(&self) -> Option<Datetime> {
        match self {
            Self::Point(point) => Some(*point),
            Self::Interval(_) => None,
        }
    }

    /// The interval, if it is one.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        match self {
            Self::Point(_) => None,
            Self::Interval(interval) => Some(*interval),
        }
    }
}

impl From<Datetime> for CimDatetime {
    fn from(point: Datetime) -> Self {
        Self::Point(point)
    }
}

impl From<Interval> for CimDatetime {
    fn from(interval: Interval) -> Self {
        Self::Interval(interval)
    }
}

/// A point in time with the offset it was written with.
///
/// Two of them are equal, ordered and hashed by the instant they name; the offset is kept for writing only. A date with
/// wildcards names no instant: it equals only itself and is ordered with nothing.
#[derive(Debug, Clone, Copy)]
pub struct Datetime(Point);

#[derive(Debug, Clone, Copy)]
enum Point {
    /// Local date and time, and minutes east of UTC.
    Exact { local: civil::DateTime, offset: i16 },
    /// DMTF text in which some fields are `*`.
    Wild([u8; DMTF_LENGTH]),
}

impl Datetime {
    /// Midnight of 1601-01-01 UTC, which Windows writes for what has not happened yet.
    pub const NEVER: Self = Self(Point::Exact { local: civil::datetime(1601, 1, 1, 0, 0, 0, 0), offset: 0 });

    /// Reads ISO 8601 as WinRM writes it. Without a zone the time is UTC, as Windows takes it.
    ///
    /// Digits of the fraction after the ninth are dropped.
    ///
    /// # Errors
    ///
    /// Another form, a day or time that does not exist, a negative year.
    pub fn from_iso(text: &str) -> Result<Self, DatetimeError> {
        let mut scan = Scan::new("date", text.trim_ascii(), MAX_TEXT)?;
        scan.refuse_negative()?;
        let year = scan.number(4, "a year of four digits")?;
        scan.byte(b'-', "`-`")?;
        let month = scan.number(2, "a month of two digits")?;
        scan.byte(b'-', "`-`")?;
        let day = scan.number(2, "a day of two digits")?;
        scan.byte(b'T', "`T`")?;
        let hour = scan.number(2, "an hour of two digits")?;
        scan.byte(b':', "`:`")?;
        let minute = scan.number(2, "a minute of two digits")?;
        scan.byte(b':', "`:`")?;
        let second = scan.number(2, "a second of two digits")?;
        let nanosecond = scan.fraction()?;
        let offset = scan.iso_offset()?;
        scan.end()?;
        let local = civil_time(&scan, [year, month, day, hour, minute, second], nanosecond)?;
        Ok(Self(Point::Exact { local, offset }))
    }

    /// Reads the 25 characters `yyyymmddhhmmss.mmmmmm±ooo`, `ooo` in minutes east of UTC.
    ///
    /// A field may be all `*`; of the microseconds also only the last digits may be (DSP0004 5.2.4.1). Fields are taken
    /// one by one, since WMI also writes `********143000.000000+000` for a time of any day.
    ///
    /// # Errors
    ///
    /// Another form, or a day, time or offset that does not exist.
    pub fn from_dmtf(text: &str) -> Result<Self, DatetimeError> {
        let text = text.trim_ascii();
        let mut scan = Scan::new("date", text, DMTF_LENGTH)?;
        let year = scan.field(4, "a year of four digits")?;
        let month = scan.field(2, "a month of two digits")?;
        let day = scan.field(2, "a day of two digits")?;
        let hour = scan.field(2, "an hour of two digits")?;
        let minute = scan.field(2, "a minute of two digits")?;
        let second = scan.field(2, "a second of two digits")?;
        scan.byte(b'.', "`.`")?;
        let micros = scan.micros()?;
        let west = scan.sign()?;
        let offset = scan.field(3, "an offset of three digits")?;
        scan.end()?;
        // What is unknown is filled in with something that exists, so that the rest is still checked.
        let filled = [
            year.unwrap_or(2000),
            month.unwrap_or(1),
            day.unwrap_or(1),
            hour.unwrap_or(0),
            minute.unwrap_or(0),
            second.unwrap_or(0),
        ];
        let local = civil_time(&scan, filled, micros.unwrap_or(0).saturating_mul(1000))?;
        let wild = [year, month, day, hour, minute, second, micros, offset].contains(&None);
        if wild {
            return Ok(Self(Point::Wild(scan.dmtf()?)));
        }
        let minutes = i16::try_from(offset.unwrap_or(0)).map_err(|_| scan.range("the offset"))?;
        Ok(Self(Point::Exact { local, offset: if west { -minutes } else { minutes } }))
    }

    /// A time in UTC from seconds and nanoseconds since 1970; nothing outside the years 0 to 9999.
    #[must_use]
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Option<Self> {
        let nanoseconds = i32::try_from(nanoseconds).ok().filter(|nanos| *nanos < 1_000_000_000)?;
        let since = SignedDuration::new(seconds, nanoseconds);
        let local = EPOCH.checked_add(since).ok().filter(|local| local.year() >= 0)?;
        Some(Self(Point::Exact { local, offset: 0 }))
    }

    /// Whether some part is not known; then there is no instant and no ISO form.
    #[must_use]
    pub fn has_wildcards(&self) -> bool {
        matches!(self.0, Point::Wild(_))
    }

    /// Whether it is 1601-01-01T00:00:00Z, which means "has not happened" (`LastReplicationTime` of a new replica).
    #[must_use]
    pub fn is_never(&self) -> bool {
        self.instant() == Some(SignedDuration::from_secs(NEVER))
    }

    /// Minutes east of UTC as written; nothing with wildcards.
    #[must_use]
    pub fn offset_minutes(&self) -> Option<i16> {
        match self.0 {
            Point::Exact { offset, .. } => Some(offset),
            Point::Wild(_) => None,
        }
    }

    /// Whole seconds since 1970 and the microseconds after them; nothing with wildcards.
    ///
    /// Before 1970 the seconds are negative and the microseconds still count upwards.
    #[must_use]
    pub fn to_unix(&self) -> Option<(i64, u32)> {
        let instant = self.instant()?;
        let (seconds, nanos) = match u32::try_from(instant.subsec_nanos()) {
            Ok(nanos) => (instant.as_secs(), nanos),
            Err(_) => (
                instant.as_secs().checked_sub(1)?,
                u32::try_from(instant.subsec_nanos().checked_add(1_000_000_000)?).ok()?,
            ),
        };
        Some((seconds, nanos / 1000))
    }

    /// The instant as the standard library has it; nothing with wildcards.
    #[must_use]
    pub fn to_system_time(&self) -> Option<SystemTime> {
        let instant = self.instant()?;
        if instant.is_negative() {
            SystemTime::UNIX_EPOCH.checked_sub(instant.unsigned_abs())
        } else {
            SystemTime::UNIX_EPOCH.checked_add(instant.unsigned_abs())
        }
    }

    /// The instant for showing it in another zone; nothing with wildcards, nor in the last hours of year 9999.
    #[must_use]
    pub fn to_timestamp(&self) -> Option<Timestamp> {
        Timestamp::from_duration(self.instant()?).ok()
    }

    /// The time gone by since `earlier`; nothing if `earlier` is later, or either has wildcards.
    #[must_use]
    pub fn duration_since(&self, earlier: &Self) -> Option<Duration> {
        let between = self.instant()?.checked_sub(earlier.instant()?)?;
        Duration::try_from(between).ok()
    }

    /// ISO 8601 with the offset it was read with, and no more digits of the fraction than needed.
    #[must_use]
    pub fn to_iso(&self) -> Option<String> {
        let Point::Exact { local, offset } = self.0 else {
            return None;
        };
        let mut text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            local.year(),
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second()
        );
        push_fraction(&mut text, local.subsec_nanosecond().unsigned_abs());
        if offset == 0 {
            text.push('Z');
        } else {
            let sign = if offset < 0 { '-' } else { '+' };
            let minutes = offset.unsigned_abs();
            text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
        }
        Some(text)
    }

    /// The 25 characters of the DMTF form; digits after the microseconds are dropped.
    #[must_use]
    pub fn to_dmtf(&self) -> String {
        match self.0 {
            Point::Wild(text) => text.iter().copied().map(char::from).collect(),
            Point::Exact { local, offset } => format!(
                "{:04}{:02}{:02}{:02}{:02}{:02}.{:06}{}{:03}",
                local.year(),
                local.month(),
                local.day(),
                local.hour(),
                local.minute(),
                local.second(),
                local.subsec_nanosecond() / 1000,
                if offset < 0 { '-' } else { '+' },
                offset.unsigned_abs()
            ),
        }
    }

    /// Time since 1970-01-01T00:00:00Z. Counted on the calendar, since a `Timestamp` ends a day before year 9999 does.
    fn instant(&self) -> Option<SignedDuration> {
        let Point::Exact { local, offset } = self.0 else {
            return None;
        };
        local.duration_since(EPOCH).checked_sub(SignedDuration::from_mins(i64::from(offset)))
    }
}

impl TryFrom<SystemTime> for Datetime {
    type Error = DatetimeError;

    fn try_from(time: SystemTime) -> Result<Self, DatetimeError> {
        let since = SignedDuration::system_until(SystemTime::UNIX_EPOCH, time).ok();
        since
            .and_then(|since| EPOCH.checked_add(since).ok())
            .filter(|local| local.year() >= 0)
            .map(|local| Self(Point::Exact { local, offset: 0 }))
            .ok_or_else(|| DatetimeError::Range { kind: "date", text: seconds(time), what: "the year" })
    }
}

/// A time that no calendar here reaches, as seconds from 1970 on.
fn seconds(time: SystemTime) -> String {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => format!("{} s", since.as_secs()),
        Err(before) => format!("-{} s", before.duration().as_secs()),
    }
}

impl PartialEq for Datetime {
    fn eq(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            (Point::Wild(a), Point::Wild(b)) => a == b,
            (Point::Exact { .. }, Point::Exact { .. }) => self.instant() == other.instant(),
            _ => false,
        }
    }
}

impl Eq for Datetime {}

impl PartialOrd for Datetime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self.instant(), other.instant()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ if self == other => Some(Ordering::Equal),
            _ => None,
        }
    }
}

impl Hash for Datetime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            Point::Wild(text) => text.hash(state),
            Point::Exact { .. } => self.instant().hash(state),
        }
    }
}

macro_rules! text_traits {
    ($($name:ident),+) => {$(
        impl FromStr for $name {
            type Err = DatetimeError;

            /// Reads either spelling.
            fn from_str(text: &str) -> Result<Self, DatetimeError> {
                let text = text.trim_ascii();
                if text.len() == DMTF_LENGTH && text.as_bytes().get(14) == Some(&b'.') {
                    Self::from_dmtf(text)
                } else {
                    Self::from_iso(text)
                }
            }
        }

        impl fmt::Display for $name {
            /// ISO 8601; the DMTF form with wildcards.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.to_iso().unwrap_or_else(|| self.to_dmtf()))
            }
        }
    )+};
}

text_traits!(CimDatetime, Datetime, Interval);

fn civil_time(scan: &Scan<'_>, parts: [u32; 6], nanosecond: u32) -> Result<civil::DateTime, DatetimeError> {
    let [year, month, day, hour, minute, second] = parts;
    let small = |value: u32, what| i8::try_from(value).map_err(|_| scan.range(what));
    let year = i16::try_from(year).map_err(|_| scan.range("the year"))?;
    let nanosecond = i32::try_from(nanosecond).map_err(|_| scan.range("the fraction"))?;
    let date = civil::Date::new(year, small(month, "the month")?, small(day, "the day")?)
        .map_err(|_| scan.range("the day or month"))?;
    let time = civil::Time::new(
        small(hour, "the hour")?,
        small(minute, "the minute")?,
        small(second, "the second")?,
        nanosecond,
    )
    .map_err(|_| scan.range("the hour, minute or second"))?;
    Ok(date.to_datetime(time))
}

fn push_fraction(text: &mut String, nanos: u32) {
    if nanos != 0 {
        let digits = format!(".{nanos:09}");
        text.push_str(digits.trim_end_matches('0'));
    }
}
