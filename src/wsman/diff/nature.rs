//! Differences that two runs have by nature: another id, another time, in the same place.

use super::Difference;
use crate::cim::CimDatetime;

impl Difference {
    /// Whether both sides have an id or a time in the same place, and are the same but for those.
    pub fn is_by_nature(&self) -> bool {
        let (Some(left), Some(right)) = (&self.left, &self.right) else { return false };
        let is_time = |text: &str| text.parse::<jiff::Timestamp>().is_ok();
        (is_time(left) && is_time(right)) || (masked(left) != *left && masked(left) == masked(right))
    }
}

/// How many GUIDs are in a text.
pub fn guids(text: &str) -> usize {
    words(text).filter(|(_, word)| is_guid(word)).count()
}

/// The text with its GUIDs and CIM datetimes taken out, so that two of one kind are equal.
fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (before, word) in words(text) {
        shown.push_str(before);
        shown.push_str(match word {
            _ if is_guid(word) => "{id}",
            _ if word.len() == 25 && word.parse::<CimDatetime>().is_ok() => "{time}",
            other => other,
        });
    }
    shown
}

/// Words of the letters that GUIDs and datetimes are made of, each with what stands before it.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(is_part).unwrap_or(rest.len());
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_part(c)).unwrap_or(from.len()));
        let done = rest.is_empty();
        rest = after;
        (!done).then_some((before, word))
    })
}

fn is_part(c: char) -> bool {
    c.is_ascii_hexdigit() || matches!(c, '-' | '+' | '.')
}

fn is_guid(word: &str) -> bool {
    word.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && !word.contains(['+', '.'])
}

#[cfg(test)]
mod tests {
    use super::super::DifferenceKind;
    use super::*;

    fn differ(left: &str, right: &str) -> bool {
        let [left, right] = [left, right].map(|text| Some(text.to_owned()));
        Difference { path: String::new(), kind: DifferenceKind::Value, left, right }.is_by_nature()
    }

    #[test]
    fn ids_and_times_differ_by_nature_and_what_stands_around_them_does_not() {
        let [one, two] = ["uuid:11111111-2222-3333-4444-555555555555", "uuid:A1111111-2222-3333-4444-55555555555F"];
        assert!(differ(one, two) && differ("2026-11-25T10:49:32.4Z", "2026-11-25T11:49:32.444111+01:00"));
        assert!(!differ(one, "x") && !differ("2026-11-25T10:49:32Z", "") && !differ("4", "7"));
        let instance = |id: &str, time: &str, state: u8| format!("<V>{id}</V><V>{time}</V><V>{state}</V>");
        let (then, now) = ("20261125104932.000000-000", "20261126000000.123456+060");
        assert!(differ(&instance(one, then, 4), &instance(two, now, 4)));
        assert!(!differ(&instance(one, then, 4), &instance(two, now, 7)));
        assert!(!differ(&instance(one, then, 4), &instance(one, "never", 4)));
        assert_eq!((guids(&instance(one, then, 4)), guids(&format!("{one}{two}")), guids("")), (1, 2, 0));
    }
}
