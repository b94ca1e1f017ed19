//! Durations as people write them: `90s`, `10m`, `1h30m`; and as people read them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::wsman::Waited;

/// A duration given on the command line or in the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

/// Text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no duration; write one such as 90s, 10m or 1h30m")]
pub struct SpanError(String);

impl FromStr for Span {
    type Err = SpanError;

    /// Numbers with a unit each (`ms`, `s`, `m`, `h`, `d`), the larger unit first. A number without unit could
    /// mean anything, and a duration of nothing helps nobody: both are refused.
    fn from_str(text: &str) -> Result<Self, SpanError> {
        let fail = || SpanError(text.chars().take(40).collect());
        let mut rest = text.trim();
        let mut total = Duration::ZERO;
        let mut smaller_than = u64::MAX;
        while !rest.is_empty() {
            let (digits, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(fail)?);
            let (unit, after) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
            let number: u64 = digits.parse().map_err(|_| fail())?;
            let milliseconds = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size).ok_or_else(fail)?;
            if milliseconds >= smaller_than {
                return Err(fail());
            }
            smaller_than = milliseconds;
            let part = number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(fail)?;
            total = total.checked_add(part).filter(|total| *total <= LONGEST).ok_or_else(fail)?;
            rest = after;
        }
        if total.is_zero() { Err(fail()) } else { Ok(Span(total)) }
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

/// As people read it, such as `4 min 12 s`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Waited(self.0).fmt(f)
    }
}

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_shown() {
        for (text, milliseconds, shown) in [
            ("90s", 90_000, "1 min 30 s"),
            ("10m", 600_000, "10 min 0 s"),
            ("1h30m", 5_400_000, "1 h 30 min"),
            ("500ms", 500, "500 ms"),
            (" 2d4h ", 187_200_000, "2 d 4 h"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.0.as_millis(), span.to_string().as_str()), (milliseconds, shown), "{text}");
        }
        for text in ["", "90", "0s", "s", "1m1h", "5s5s", "-3s", "1.5h", "9999999d", "99999999999999999999s", "1m é"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
