//! Values: one variant for each CIM type.

use std::fmt;

use super::datetime::CimDatetime;
use super::mof::CimType;

/// A value that is not NULL.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// boolean
    Boolean(bool),
    /// uint8, uint16, uint32, uint64: the type says which, the number is in its range.
    Unsigned(CimType, u64),
    /// sint8, sint16, sint32, sint64
    Signed(CimType, i64),
    /// real32, real64
    Real(CimType, f64),
    /// char16
    Char16(char),
    /// string
    String(String),
    /// datetime: a point in time or an interval
    Datetime(CimDatetime),
    /// An array; its items are of one type.
    Array(CimType, Vec<Value>),
}

/// Text that is not a value of the type asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {expected}")]
pub struct ValueError {
    /// The text, shortened.
    pub text: String,
    /// The type.
    pub expected: CimType,
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<String>) -> Value {
        Value::String(text.into())
    }

    /// A uint16, the type of nearly all states.
    pub fn uint16(number: u16) -> Value {
        Value::Unsigned(CimType::Uint16, u64::from(number))
    }

    /// A uint32, the type of return values.
    pub fn uint32(number: u32) -> Value {
        Value::Unsigned(CimType::Uint32, u64::from(number))
    }

    /// A text array.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Value {
        Value::Array(CimType::String, texts.into_iter().map(Value::text).collect())
    }

    /// A uint16 array.
    pub fn uint16s(numbers: impl IntoIterator<Item = u16>) -> Value {
        Value::Array(CimType::Uint16, numbers.into_iter().map(Value::uint16).collect())
    }

    /// Reads one value as people and hosts write it: decimal numbers in range, `true`, `FALSE`, `1`, datetimes in
    /// either spelling.
    ///
    /// # Errors
    /// [`ValueError`] for text that is not a value of the type.
    pub fn parse(cim_type: CimType, text: &str) -> Result<Value, ValueError> {
        let fail = || ValueError { text: text.chars().take(80).collect(), expected: cim_type };
        let trimmed = text.trim();
        let unsigned = |max: u64| trimmed.parse().ok().filter(|number| *number <= max);
        let signed = |max: i64| trimmed.parse().ok().filter(|number| (-max - 1..=max).contains(number));
        let value = match cim_type {
            CimType::Boolean => parse_boolean(trimmed).map(Value::Boolean),
            CimType::Uint8 => unsigned(u64::from(u8::MAX)).map(|n| Value::Unsigned(cim_type, n)),
            CimType::Uint16 => unsigned(u64::from(u16::MAX)).map(|n| Value::Unsigned(cim_type, n)),
            CimType::Uint32 => unsigned(u64::from(u32::MAX)).map(|n| Value::Unsigned(cim_type, n)),
            CimType::Uint64 => unsigned(u64::MAX).map(|n| Value::Unsigned(cim_type, n)),
            CimType::Sint8 => signed(i64::from(i8::MAX)).map(|n| Value::Signed(cim_type, n)),
            CimType::Sint16 => signed(i64::from(i16::MAX)).map(|n| Value::Signed(cim_type, n)),
            CimType::Sint32 => signed(i64::from(i32::MAX)).map(|n| Value::Signed(cim_type, n)),
            CimType::Sint64 => signed(i64::MAX).map(|n| Value::Signed(cim_type, n)),
            CimType::Real32 | CimType::Real64 => trimmed.parse().ok().map(|n| Value::Real(cim_type, n)),
            CimType::Char16 => {
                let mut characters = text.chars();
                characters.next().filter(|_| characters.next().is_none()).map(Value::Char16)
            }
            CimType::String => Some(Value::text(text)),
            CimType::Datetime => trimmed.parse().ok().map(Value::Datetime),
            // A reference is no value of its own: the layer above writes it as an endpoint reference.
            CimType::Reference => None,
        };
        value.ok_or_else(fail)
    }

    /// The type of the value, or of the items of an array.
    pub fn cim_type(&self) -> CimType {
        match self {
            Value::Boolean(_) => CimType::Boolean,
            Value::Unsigned(cim_type, _)
            | Value::Signed(cim_type, _)
            | Value::Real(cim_type, _)
            | Value::Array(cim_type, _) => *cim_type,
            Value::Char16(_) => CimType::Char16,
            Value::String(_) => CimType::String,
            Value::Datetime(_) => CimType::Datetime,
        }
    }
}

/// `true`, `TRUE`, `1` and their opposites: Windows writes lower case, OMI upper case.
pub(super) fn parse_boolean(text: &str) -> Option<bool> {
    match text {
        "1" => Some(true),
        "0" => Some(false),
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// As text for people; datetimes in ISO spelling where they have one.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Boolean(value) => write!(f, "{value}"),
            Value::Unsigned(_, value) => write!(f, "{value}"),
            Value::Signed(_, value) => write!(f, "{value}"),
            Value::Real(_, value) => write!(f, "{value}"),
            Value::Char16(value) => write!(f, "{value}"),
            Value::String(value) => f.write_str(value),
            Value::Datetime(value) => write!(f, "{value}"),
            Value::Array(_, items) => {
                for (place, item) in items.iter().enumerate() {
                    let comma = if place > 0 { ", " } else { "" };
                    write!(f, "{comma}{item}")?;
                }
                Ok(())
            }
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Boolean(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::text(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::String(value)
    }
}

impl From<CimDatetime> for Value {
    fn from(value: CimDatetime) -> Self {
        Value::Datetime(value)
    }
}
