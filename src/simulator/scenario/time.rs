//! Times in scenario files: a whole number and a unit.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// A time before the start, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ago {
    /// It has not happened.
    Never,
    /// So long ago.
    Since(Duration),
}

impl Ago {
    /// The point in time, since 1970.
    pub(in crate::simulator) fn before(self, now: Duration) -> Option<Duration> {
        match self {
            Ago::Never => None,
            Ago::Since(time) => Some(now.saturating_sub(time)),
        }
    }
}

impl Default for Ago {
    fn default() -> Self {
        Ago::Since(Duration::from_secs(150))
    }
}

impl<'de> Deserialize<'de> for Ago {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(word_or_duration(deserializer, "never")?.map_or(Ago::Never, Ago::Since))
    }
}

/// A time, or the word that stands for none.
pub(super) fn word_or_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
    word: &str,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == word {
        return Ok(None);
    }
    parse(&text).map(Some).map_err(de::Error::custom)
}

pub(in crate::simulator) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

pub(super) fn maybe_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

fn parse(text: &str) -> Result<Duration, String> {
    let fail = || format!("{text:?} is no time; write a whole number and ms, s, m, h or d, such as \"40s\"");
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(fail)?;
    let number: u64 = number.parse().map_err(|_| fail())?;
    let seconds = |factor: u64| number.checked_mul(factor).map(Duration::from_secs).ok_or_else(fail);
    let time = match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        "d" => seconds(86_400),
        _ => Err(fail()),
    }?;
    match time <= LONGEST {
        true => Ok(time),
        false => Err(format!("{text:?} is longer than 100 years")),
    }
}

const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);
