//! A strict left-to-right reader of the few pieces dates are made of.

use super::{DMTF_LENGTH, DatetimeError};

/// Longest piece of the text that an error repeats.
const SHOWN: usize = 40;

pub(super) struct Scan<'a> {
    kind: &'static str,
    text: &'a str,
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    pub(super) fn new(kind: &'static str, text: &'a str, limit: usize) -> Result<Self, DatetimeError> {
        if text.len() > limit {
            return Err(DatetimeError::TooLong { length: text.len() });
        }
        Ok(Self { kind, text, rest: text.as_bytes() })
    }

    pub(super) fn refuse_negative(&self) -> Result<(), DatetimeError> {
        match self.rest {
            [b'-', ..] => Err(DatetimeError::Negative { text: self.shown() }),
            _ => Ok(()),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn end(&self) -> Result<(), DatetimeError> {
        if self.is_done() { Ok(()) } else { Err(self.unexpected("the end")) }
    }

    pub(super) fn take(&mut self, wanted: u8) -> bool {
        match self.rest {
            [byte, rest @ ..] if *byte == wanted => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    pub(super) fn byte(&mut self, wanted: u8, expected: &'static str) -> Result<(), DatetimeError> {
        if self.take(wanted) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    /// Any one letter.
    pub(super) fn unit(&mut self) -> Option<u8> {
        match self.rest {
            [letter, rest @ ..] if letter.is_ascii_uppercase() => {
                self.rest = rest;
                Some(*letter)
            }
            _ => None,
        }
    }

    /// Exactly `length` digits.
    pub(super) fn number(&mut self, length: usize, expected: &'static str) -> Result<u32, DatetimeError> {
        match self.field(length, expected)? {
            Some(number) => Ok(number),
            None => Err(self.unexpected(expected)),
        }
    }

    /// Exactly `length` digits, or that many asterisks.
    pub(super) fn field(&mut self, length: usize, expected: &'static str) -> Result<Option<u32>, DatetimeError> {
        let (field, rest) = self.rest.split_at_checked(length).ok_or_else(|| self.unexpected(expected))?;
        let number = if field.iter().all(|byte| *byte == b'*') {
            None
        } else {
            Some(decimal(field).ok_or_else(|| self.unexpected(expected))?)
        };
        self.rest = rest;
        Ok(number)
    }

    /// Six digits, of which the last ones may be asterisks; nothing if any is.
    pub(super) fn micros(&mut self) -> Result<Option<u32>, DatetimeError> {
        const EXPECTED: &str = "six digits of microseconds";
        let (field, rest) = self.rest.split_at_checked(6).ok_or_else(|| self.unexpected(EXPECTED))?;
        let known = field.iter().take_while(|byte| **byte != b'*').count();
        let (digits, wild) = field.split_at_checked(known).unwrap_or((field, &[]));
        if !wild.iter().all(|byte| *byte == b'*') || !digits.iter().all(u8::is_ascii_digit) {
            return Err(self.unexpected(EXPECTED));
        }
        self.rest = rest;
        Ok(if wild.is_empty() { decimal(digits) } else { None })
    }

    /// One or more digits.
    pub(super) fn digits(&mut self, expected: &'static str) -> Result<u64, DatetimeError> {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        if digits.is_empty() {
            return Err(self.unexpected(expected));
        }
        let number = digits
            .iter()
            .try_fold(0_u64, |sum, byte| sum.checked_mul(10)?.checked_add(u64::from(byte.wrapping_sub(b'0'))))
            .ok_or_else(|| self.range("a number"))?;
        self.rest = rest;
        Ok(number)
    }

    /// `.` and digits, or nothing; in nanoseconds, later digits dropped.
    pub(super) fn fraction(&mut self) -> Result<u32, DatetimeError> {
        if !self.take(b'.') {
            return Ok(0);
        }
        let mut nanos = 0;
        let mut unit = 100_000_000;
        let mut any = false;
        while let [byte, rest @ ..] = self.rest {
            if !byte.is_ascii_digit() {
                break;
            }
            nanos += u32::from(byte - b'0') * unit;
            unit /= 10;
            any = true;
            self.rest = rest;
        }
        if any { Ok(nanos) } else { Err(self.unexpected("a digit after `.`")) }
    }

    /// `+` or `-`, told apart by "is it west of Greenwich".
    pub(super) fn sign(&mut self) -> Result<bool, DatetimeError> {
        if self.take(b'-') {
            Ok(true)
        } else if self.take(b'+') {
            Ok(false)
        } else {
            Err(self.unexpected("`+` or `-`"))
        }
    }

    /// `Z`, `±hh:mm` or nothing, in minutes east of UTC. Up to 999 minutes, which is what the DMTF form can hold.
    pub(super) fn iso_offset(&mut self) -> Result<i16, DatetimeError> {
        if self.is_done() || self.take(b'Z') {
            return Ok(0);
        }
        if !matches!(self.rest, [b'+' | b'-', ..]) {
            return Err(self.unexpected("`Z`, `+` or `-`"));
        }
        let west = self.sign()?;
        let hours = self.number(2, "two digits of hours")?;
        self.byte(b':', "`:`")?;
        let minutes = self.number(2, "two digits of minutes")?;
        let total = hours * 60 + minutes;
        if minutes > 59 || total > 999 {
            return Err(self.range("the offset"));
        }
        let total = i16::try_from(total).map_err(|_| self.range("the offset"))?;
        Ok(if west { -total } else { total })
    }

    /// The whole text, once it has been found to be of the DMTF form.
    pub(super) fn dmtf(&self) -> Result<[u8; DMTF_LENGTH], DatetimeError> {
        self.text.as_bytes().try_into().map_err(|_| self.unexpected("25 characters"))
    }

    pub(super) fn unexpected(&self, expected: &'static str) -> DatetimeError {
        let position = self.text.len() - self.rest.len() + 1;
        DatetimeError::Syntax { kind: self.kind, text: self.shown(), expected, position }
    }

    pub(super) fn range(&self, what: &'static str) -> DatetimeError {
        DatetimeError::Range { kind: self.kind, text: self.shown(), what }
    }

    fn shown(&self) -> String {
        self.text.chars().take(SHOWN).collect()
    }
}

/// At most nine digits.
fn decimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |sum, byte| {
        byte.is_ascii_digit().then(|| sum.checked_mul(10)?.checked_add(u32::from(byte - b'0')))?
    })
}
