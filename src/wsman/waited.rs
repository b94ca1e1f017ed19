//! How long something took or may take, as people read it.

use std::fmt;
use std::time::Duration;

/// Shows a duration by its two largest units, such as `4 min 12 s`; below ten seconds to a tenth, below one in
/// milliseconds. No more digits reach a person than mean something to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waited(pub Duration);

impl fmt::Display for Waited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        let seconds = self.0.as_secs();
        let tenths = self.0.subsec_millis() / 100;
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
        match (days, hours, minutes) {
            (0, 0, 0) if milliseconds == 0 => f.write_str("0 s"),
            (0, 0, 0) if seconds == 0 => write!(f, "{milliseconds} ms"),
            (0, 0, 0) if seconds < 10 && tenths > 0 => write!(f, "{seconds}.{tenths} s"),
            (0, 0, 0) => write!(f, "{seconds} s"),
            (0, 0, _) => write!(f, "{minutes} min {} s", seconds % 60),
            (0, _, _) => write!(f, "{hours} h {minutes} min"),
            _ => write!(f, "{days} d {hours} h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_digits_than_mean_something() {
        for (nanoseconds, shown) in [
            (0, "0 s"),
            (999_999, "0 s"),
            (250_000_000, "250 ms"),
            (1_003_456_789_u64, "1 s"),
            (1_503_456_789, "1.5 s"),
            (59_999_999_999, "59 s"),
            (65_000_000_001, "1 min 5 s"),
            (5_400_000_000_000, "1 h 30 min"),
            (187_200_000_000_000, "2 d 4 h"),
        ] {
            assert_eq!(Waited(Duration::from_nanos(nanoseconds)).to_string(), shown);
        }
    }
}
