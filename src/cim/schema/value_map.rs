//! `ValueMap` and `Values`: names of numbers (DSP0004 5.6.3.55 and 5.6.3.56).

/// Which number has which name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ValueMap {
    entries: Vec<(Range, String)>,
    /// Names without a `ValueMap` of their own: they count from 0, unless they are those of another declaration.
    unkeyed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Range {
    /// From the first to the last number, both included; one number when they are equal.
    Numbers(i128, i128),
    /// `..` alone: every number without an entry of its own.
    Rest,
    /// A text, where the property is a string.
    Text(String),
}

impl ValueMap {
    /// Pairs the two qualifiers; without a `ValueMap`, names count from 0. A key without a name is left out.
    pub(super) fn new<'a>(keys: Option<Vec<&'a str>>, names: Vec<&'a str>) -> Option<Self> {
        let (unkeyed, names) = (keys.is_none(), names.into_iter().map(str::to_owned));
        let entries: Vec<_> = match keys {
            Some(keys) => keys.into_iter().map(Range::read).zip(names).collect(),
            None => (0_i128..).map(|number| Range::Numbers(number, number)).zip(names).collect(),
        };
        (!entries.is_empty()).then_some(Self { entries, unkeyed })
    }

    /// The names of a translation, for the numbers of the declaration it translates: those of its map, or the keys that
    /// stand there without names. Names that are not as many as the numbers translate something else.
    pub(super) fn translated(own: Option<&Self>, keys: Option<&[String]>, by: &Self) -> Option<Self> {
        if !by.unkeyed {
            return Some(by.clone());
        }
        let names = || by.entries.iter().map(|(_, name)| name.clone());
        let ranges: Vec<Range> = match (own, keys) {
            (Some(own), _) => own.entries.iter().map(|(range, _)| range.clone()).collect(),
            (None, Some(keys)) => keys.iter().map(|key| Range::read(key)).collect(),
            (None, None) => return Some(by.clone()),
        };
        match ranges.len() == by.entries.len() {
            true => Some(Self { entries: ranges.into_iter().zip(names()).collect(), unkeyed: false }),
            false => own.cloned(),
        }
    }

    /// The name of a number: its own, else that of a range it lies in, else that of `..`.
    #[must_use]
    pub fn name(&self, number: impl Into<i128>) -> Option<&str> {
        let number = number.into();
        let find = |wanted: &dyn Fn(&Range) -> bool| {
            self.entries.iter().find(|(range, _)| wanted(range)).map(|(_, name)| name.as_str())
        };
        find(&|range| *range == Range::Numbers(number, number))
            .or_else(|| find(&|range| matches!(range, Range::Numbers(low, high) if (*low..=*high).contains(&number))))
            .or_else(|| find(&|range| *range == Range::Rest))
    }

    /// The name of a text, where the map is one of texts.
    #[must_use]
    pub fn text_name(&self, text: &str) -> Option<&str> {
        let found = self.entries.iter().find(|(range, _)| matches!(range, Range::Text(known) if known == text));
        found.map(|(_, name)| name.as_str())
    }

    /// The number with that name, in any case of letters; nothing for the name of a range.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i128> {
        self.numbers().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(number, _)| number)
    }

    /// Every number with a name of its own, in the order of the MOF; ranges are left out.
    pub fn numbers(&self) -> impl Iterator<Item = (i128, &str)> {
        self.entries.iter().filter_map(|(range, name)| match range {
            Range::Numbers(low, high) if low == high => Some((*low, name.as_str())),
            _ => None,
        })
    }

    /// Every entry in the order of the MOF: a number, a range such as `5..10` or `..`, or a text, and its name.
    pub fn entries(&self) -> impl Iterator<Item = (String, &str)> {
        self.entries.iter().map(|(range, name)| (range.to_string(), name.as_str()))
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Range::Numbers(low, high) if low == high => write!(f, "{low}"),
            Range::Numbers(i128::MIN, high) => write!(f, "..{high}"),
            Range::Numbers(low, i128::MAX) => write!(f, "{low}.."),
            Range::Numbers(low, high) => write!(f, "{low}..{high}"),
            Range::Rest => f.write_str(".."),
            Range::Text(text) => f.write_str(text),
        }
    }
}

impl Range {
    /// `5`, `0x8000..`, `..5`, `5..10`, `..` or, when it is none of these, a text.
    fn read(text: &str) -> Self {
        let trimmed = text.trim();
        let range = match trimmed.split_once("..") {
            Some(("", "")) => Some(Self::Rest),
            Some((low, high)) => match (bound(low, i128::MIN), bound(high, i128::MAX)) {
                (Some(low), Some(high)) => Some(Self::Numbers(low, high)),
                _ => None,
            },
            None => integer(trimmed).map(|number| Self::Numbers(number, number)),
        };
        range.unwrap_or_else(|| Self::Text(text.to_owned()))
    }
}

fn bound(text: &str, open: i128) -> Option<i128> {
    if text.trim().is_empty() { Some(open) } else { integer(text.trim()) }
}

/// Decimal or hexadecimal. MOF's octal is not read: pages write numbers with leading zeros and mean decimal.
fn integer(text: &str) -> Option<i128> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(i128::from),
        None => text.parse().ok(),
    }
}
