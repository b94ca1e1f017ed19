//! What numbers, texts and characters are worth.

use std::borrow::Cow;
use std::str::Chars;

use super::ast::Value;

/// A literal that is none: where in it, and what was expected there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) offset: usize,
    pub(super) expected: &'static str,
}

/// Reads a number in decimal, hexadecimal (`0x1F`), octal (`017`), binary (`101b`) or real notation (`1.5E-3`).
pub(super) fn number(text: &str) -> Result<Value<'static>, Malformed> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.contains('.') {
        return real(text, digits).map(Value::Real);
    }
    let (digits, radix) = if let Some(hexadecimal) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        (hexadecimal, 16)
    } else if let Some(binary) = digits.strip_suffix(['b', 'B']) {
        (binary, 2)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (digits, 8)
    } else {
        (digits, 10)
    };
    // A sign would be taken by the parser of the standard library.
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(Malformed { offset: 0, expected: "a number" });
    }
    let magnitude = u64::from_str_radix(digits, radix)
        .map_err(|_| Malformed { offset: 0, expected: "an integer of at most 64 bits" })?;
    let magnitude = i128::from(magnitude);
    if negative && magnitude > -i128::from(i64::MIN) {
        return Err(Malformed { offset: 0, expected: "an integer of at most 64 bits" });
    }
    Ok(Value::Integer(if negative { -magnitude } else { magnitude }))
}

/// DSP0004 wants digits after the point; digits before it may be missing.
fn real(text: &str, digits: &str) -> Result<f64, Malformed> {
    let malformed = Malformed { offset: 0, expected: "a number" };
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (digits.get(..at).unwrap_or_default(), digits.get(at + 1..).unwrap_or_default()),
        None => (digits, "0"),
    };
    let decimal = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    match mantissa.split_once('.') {
        Some((whole, fraction))
            if decimal(whole)
                && decimal(fraction)
                && !fraction.is_empty()
                && decimal(exponent)
                && !exponent.is_empty() =>
        {
            text.parse().map_err(|_| malformed)
        }
        _ => Err(malformed),
    }
}

/// What a text says, and where in it a backslash begins no escape.
///
/// Such a one is kept as it stands: people write `enable\disable` and `C:\Windows` in descriptions, and mean a backslash.
pub(super) struct Unescaped<'a> {
    pub(super) text: Cow<'a, str>,
    /// The offset of the first.
    pub(super) stray: Option<usize>,
}

/// Replaces the escapes of a text; borrows when there are none.
pub(super) fn unescape(text: &str) -> Unescaped<'_> {
    let Some((mut plain, mut rest)) = text.split_once('\\') else {
        return Unescaped { text: Cow::Borrowed(text), stray: None };
    };
    let mut out = String::with_capacity(text.len());
    let mut stray = None;
    loop {
        out.push_str(plain);
        let offset = text.len() - rest.len() - 1;
        let mut chars = rest.chars();
        match chars.next().map(|kind| (kind, escape(kind, &mut chars))) {
            Some((_, Some(character))) => out.push(character),
            other => {
                stray.get_or_insert(offset);
                out.push('\\');
                out.extend(other.map(|(kind, _)| kind));
            }
        }
        rest = chars.as_str();
        match rest.split_once('\\') {
            Some((before, after)) => (plain, rest) = (before, after),
            None => {
                out.push_str(rest);
                return Unescaped { text: Cow::Owned(out), stray };
            }
        }
    }
}

/// The character that an escape stands for; takes the digits of `\x`, and nothing where it is no escape.
fn escape(kind: char, after: &mut Chars<'_>) -> Option<char> {
    Some(match kind {
        'b' => '\u{8}',
        't' => '\t',
        'n' => '\n',
        'f' => '\u{c}',
        'r' => '\r',
        '"' | '\'' | '\\' => kind,
        'x' | 'X' => {
            let digits = after.as_str();
            let length = digits.bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
            let (code, rest) = digits.split_at_checked(length)?;
            let code = u32::from_str_radix(code, 16).ok()?;
            *after = rest.chars();
            // Half of a surrogate pair names no character.
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        _ => return None,
    })
}

/// What a pragma names: a file, a namespace, an object. A backslash in it parts names, be it written once or twice;
/// `\"` alone is the escape that it is elsewhere.
pub(super) fn path(text: &str) -> Unescaped<'_> {
    if !text.contains('\\') {
        return Unescaped { text: Cow::Borrowed(text), stray: None };
    }
    let mut out = String::with_capacity(text.len());
    let (mut stray, mut chars) = (None, text.char_indices().peekable());
    while let Some((at, character)) = chars.next() {
        match (character, chars.peek()) {
            ('\\', Some((_, next @ ('\\' | '"')))) => {
                out.push(*next);
                chars.next();
            }
            ('\\', _) => {
                stray.get_or_insert(at);
                out.push(character);
            }
            _ => out.push(character),
        }
    }
    Unescaped { text: Cow::Owned(out), stray }
}

/// Reads the inside of `'…'`: exactly one character.
pub(super) fn character(text: &str) -> Result<char, Malformed> {
    let Unescaped { text, stray } = unescape(text);
    let mut chars = text.chars();
    match (chars.next(), chars.next(), stray) {
        (Some(one), None, None) => Ok(one),
        _ => Err(Malformed { offset: 0, expected: "one character between the quotes" }),
    }
}
