//! Single values as the journal spells them: times, ids, and words for what is an enum in the program.

use std::time::{Duration, SystemTime};

use crate::failover::Site;
use crate::failover::journal::{RunEnd, RunId, Verdict};
use crate::hyperv::VmId;
use crate::wsman::Delivery;

/// A time in UTC with milliseconds: always 24 characters, so that texts sort as times do. Nothing outside the years 0 to
/// 9999.
pub(super) fn time(time: SystemTime) -> Option<String> {
    let timestamp = jiff::Timestamp::try_from(time).ok()?;
    let text = timestamp.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    Some(text).filter(|text| text.len() == "2026-11-25T10:01:34.123Z".len())
}

/// Reads what [`time`] writes, and any other ISO 8601 with a zone.
pub(super) fn read_time(text: &str) -> Option<SystemTime> {
    text.parse::<jiff::Timestamp>().ok().map(SystemTime::from)
}

/// Whole milliseconds.
pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Reads what [`milliseconds`] writes.
pub(super) fn read_milliseconds(number: i64) -> Option<Duration> {
    u64::try_from(number).ok().map(Duration::from_millis)
}

/// A VM: hosts spell one GUID in several ways.
pub(super) fn vm(vm: &VmId) -> String {
    vm.as_str().to_ascii_uppercase()
}

/// Reads a run's id.
pub(super) fn read_run(text: &str) -> Option<RunId> {
    text.parse().ok()
}

/// Reads a site's name.
pub(super) fn read_site(text: &str) -> Option<Site> {
    Site::ALL.into_iter().find(|site| site.name() == text)
}

/// Reads an end's name.
pub(super) fn read_end(text: &str) -> Option<RunEnd> {
    RunEnd::ALL.into_iter().find(|end| end.name() == text)
}

/// Reads a verdict's name.
pub(super) fn read_verdict(text: &str) -> Option<Verdict> {
    [Verdict::Done, Verdict::NotTaken, Verdict::Failed].into_iter().find(|verdict| verdict.name() == text)
}

/// Reads a delivery's name.
pub(super) fn read_delivery(text: &str) -> Option<Delivery> {
    Delivery::ALL.into_iter().find(|delivery| delivery.name() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_24_characters_and_sort_as_text() {
        let at = |seconds, nanos| SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        assert_eq!(time(at(1_795_600_894, 123_999_999)).unwrap(), "2026-11-25T10:01:34.123Z");
        assert_eq!(time(at(0, 0)).unwrap(), "1970-01-01T00:00:00.000Z");
        assert_eq!(read_time("1970-01-01T00:00:01.500Z"), Some(at(1, 500_000_000)));
        assert_eq!(time(at(400_000_000_000, 0)), None);
        assert!(time(at(9, 0)) < time(at(10, 0)) && read_time("yesterday").is_none());
    }

    #[test]
    fn every_word_is_read_back() {
        Site::ALL.iter().for_each(|site| assert_eq!(read_site(site.name()), Some(*site)));
        RunEnd::ALL.iter().for_each(|end| assert_eq!(read_end(end.name()), Some(*end)));
        for verdict in [Verdict::Done, Verdict::NotTaken, Verdict::Failed] {
            assert_eq!(read_verdict(verdict.name()), Some(verdict));
        }
        Delivery::ALL.iter().for_each(|delivery| assert_eq!(read_delivery(delivery.name()), Some(*delivery)));
        assert_eq!(
            (read_site(""), read_end("Done"), read_verdict("maybe"), read_delivery("lost")),
            (None, None, None, None)
        );
    }
}
