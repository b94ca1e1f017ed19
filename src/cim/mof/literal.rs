//! What numbers, texts and characters are worth.

use std::borrow::Cow;

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

/// Replaces the escapes of a text; borrows when there are none.
pub(super) fn unescape(text: &str) -> Result<Cow<'_, str>, Malformed> {
    let Some((mut plain, mut rest)) = text.split_once('\\') else {
        return Ok(Cow::Borrowed(text));
    };
    let mut out = String::with_capacity(text.len());
    loop {
        out.push_str(plain);
        let offset = text.len() - rest.len();
        let mut chars = rest.chars();
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('f') => out.push('\u{c}'),
            Some('r') => out.push('\r'),
            Some(same @ ('"' | '\'' | '\\')) => out.push(same),
            Some('x' | 'X') => {
                let digits = chars.as_str();
                let length = digits.bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
                let (code, after) = digits.split_at_checked(length).unwrap_or((digits, ""));
                let code = u32::from_str_radix(code, 16)
                    .map_err(|_| Malformed { offset, expected: "one to four hexadecimal digits after `\\x`" })?;
                // Half of a surrogate pair names no character.
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                chars = after.chars();
            }
            _ => {
                return Err(Malformed { offset, expected: "one of b t n f r x \" ' \\ after `\\`" });
            }
        }
        rest = chars.as_str();
        match rest.split_once('\\') {
            Some((before, after)) => (plain, rest) = (before, after),
            None => {
                out.push_str(rest);
                return Ok(Cow::Owned(out));
            }
        }
    }
}

/// Reads the inside of `'…'`: exactly one character.
pub(super) fn character(text: &str) -> Result<char, Malformed> {
    let text = unescape(text)?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(Malformed { offset: 0, expected: "one character between the quotes" }),
    }
}
