//! Lengths of time.

use std::cmp::Ordering;
use std::time::Duration;

use super::scan::Scan;
use super::{DMTF_LENGTH, DatetimeError, MAX_TEXT, push_fraction};

/// Most days an interval can hold: eight digits.
const MAX_DAYS: u64 = 99_999_999;

/// A length of time, at most 99,999,999 days and never negative.
///
/// One with wildcards has no length: it equals only itself and is ordered with nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval(Span);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Span {
    Exact(Duration),
    /// DMTF text in which some fields are `*`.
    Wild([u8; DMTF_LENGTH]),
}

impl Interval {
    /// No time at all.
    pub const ZERO: Self = Self(Span::Exact(Duration::ZERO));

    /// Reads ISO 8601 (`P0DT0H5M0S`, `PT90S`). Years and months have no fixed length: only zero of them is accepted.
    ///
    /// # Errors
    ///
    /// Another form, a negative interval, more than 99,999,999 days.
    pub fn from_iso(text: &str) -> Result<Self, DatetimeError> {
        let mut scan = Scan::new("interval", text.trim_ascii(), MAX_TEXT)?;
        scan.refuse_negative()?;
        scan.byte(b'P', "`P`")?;
        let mut seconds: u64 = 0;
        let mut nanos = 0;
        let mut any = false;
        let mut rank = 0;
        let mut in_time = false;
        while !scan.is_done() {
            if !in_time && scan.take(b'T') {
                in_time = true;
                // Something must follow a `T`.
                any = false;
                continue;
            }
            let count = scan.digits("a number")?;
            let fraction = if in_time { scan.fraction()? } else { 0 };
            let (order, unit) = match (in_time, scan.unit()) {
                (false, Some(b'Y')) => (1, 0),
                (false, Some(b'M')) => (2, 0),
                (false, Some(b'D')) => (3, 86_400),
                (true, Some(b'H')) => (4, 3600),
                (true, Some(b'M')) => (5, 60),
                (true, Some(b'S')) => (6, 1),
                (true, _) => return Err(scan.unexpected("`H`, `M` or `S`")),
                (false, _) => return Err(scan.unexpected("`D` or `T`")),
            };
            if order <= rank {
                return Err(scan.unexpected("units from large to small, each once"));
            }
            if (fraction != 0 && unit != 1) || (unit == 0 && count != 0) {
                return Err(scan.range(if unit == 0 { "a number of years or months" } else { "a fraction" }));
            }
            let part = count.checked_mul(unit).ok_or_else(|| scan.range("the interval"))?;
            seconds = seconds.checked_add(part).ok_or_else(|| scan.range("the interval"))?;
            nanos = fraction;
            rank = order;
            any = true;
        }
        if !any {
            return Err(scan.unexpected("a number and its unit"));
        }
        Self::bounded(Duration::new(seconds, nanos)).ok_or_else(|| scan.range("the number of days"))
    }

    /// Reads the 25 characters `ddddddddhhmmss.mmmmmm:000`, wildcards included.
    ///
    /// # Errors
    ///
    /// Another form, or more than 23 hours, 59 minutes or 59 seconds in their fields.
    pub fn from_dmtf(text: &str) -> Result<Self, DatetimeError> {
        let mut scan = Scan::new("interval", text.trim_ascii(), DMTF_LENGTH)?;
        let days = scan.field(8, "eight digits of days")?;
        let hours = scan.field(2, "an hour of two digits")?;
        let minutes = scan.field(2, "a minute of two digits")?;
        let seconds = scan.field(2, "a second of two digits")?;
        scan.byte(b'.', "`.`")?;
        let micros = scan.micros()?;
        for zero in *b":000" {
            scan.byte(zero, "`:000`")?;
        }
        scan.end()?;
        for (value, limit, what) in [(hours, 23, "the hour"), (minutes, 59, "the minute"), (seconds, 59, "the second")]
        {
            if value.is_some_and(|value| value > limit) {
                return Err(scan.range(what));
            }
        }
        match (days, hours, minutes, seconds, micros) {
            (Some(days), Some(hours), Some(minutes), Some(seconds), Some(micros)) => {
                let hours = u64::from(days) * 24 + u64::from(hours);
                let seconds = (hours * 60 + u64::from(minutes)) * 60 + u64::from(seconds);
                Ok(Self(Span::Exact(Duration::new(seconds, micros.saturating_mul(1000)))))
            }
            _ => Ok(Self(Span::Wild(scan.dmtf()?))),
        }
    }

    /// Whether some part is not known.
    #[must_use]
    pub fn has_wildcards(&self) -> bool {
        matches!(self.0, Span::Wild(_))
    }

    /// The length of time; nothing with wildcards.
    #[must_use]
    pub fn to_duration(&self) -> Option<Duration> {
        match self.0 {
            Span::Exact(duration) => Some(duration),
            Span::Wild(_) => None,
        }
    }

    /// ISO 8601 as WinRM writes it: days, hours, minutes and seconds, zero or not.
    #[must_use]
    pub fn to_iso(&self) -> Option<String> {
        let (days, hours, minutes, seconds, nanos) = self.parts()?;
        let mut text = format!("P{days}DT{hours}H{minutes}M{seconds}");
        push_fraction(&mut text, nanos);
        text.push('S');
        Some(text)
    }

    /// The 25 characters of the DMTF form; digits after the microseconds are dropped.
    #[must_use]
    pub fn to_dmtf(&self) -> String {
        match (self.0, self.parts()) {
            (_, Some((days, hours, minutes, seconds, nanos))) => {
                format!("{days:08}{hours:02}{minutes:02}{seconds:02}.{:06}:000", nanos / 1000)
            }
            (Span::Wild(text), _) => text.iter().copied().map(char::from).collect(),
            (Span::Exact(_), None) => String::new(),
        }
    }

    fn parts(&self) -> Option<(u64, u64, u64, u64, u32)> {
        let duration = self.to_duration()?;
        let seconds = duration.as_secs();
        Some((seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60, duration.subsec_nanos()))
    }

    fn bounded(duration: Duration) -> Option<Self> {
        (duration.as_secs() / 86_400 <= MAX_DAYS).then_some(Self(Span::Exact(duration)))
    }
}

impl TryFrom<Duration> for Interval {
    type Error = DatetimeError;

    fn try_from(duration: Duration) -> Result<Self, DatetimeError> {
        Self::bounded(duration).ok_or_else(|| DatetimeError::Range {
            kind: "interval",
            text: format!("{} s", duration.as_secs()),
            what: "the number of days",
        })
    }
}

impl PartialOrd for Interval {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self.to_duration(), other.to_duration()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ if self == other => Some(Ordering::Equal),
            _ => None,
        }
    }
}
