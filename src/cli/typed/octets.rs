//! Octet strings (qualifier `OctetString`, DSP0004 5.6.3.35): bytes behind four that say how many there are, themselves
//! included; an array of `uint8`, or texts such as `0x000000064869` of hexadecimal digits.

use serde_json::{Value as Json, json};

/// `{"octets","text"}` of an array of numbers; none where it is something else.
pub(super) fn of_numbers(value: &Json) -> Option<Json> {
    let numbers = value.as_array()?.iter().map(|number| u8::try_from(number.as_u64()?).ok());
    Some(of_bytes(&numbers.collect::<Option<Vec<_>>>()?))
}

/// The same of a text of hexadecimal digits.
pub(super) fn of_text(text: &str) -> Option<Json> {
    let digits = text.trim().strip_prefix("0x").or_else(|| text.trim().strip_prefix("0X"))?;
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    // A sign would be taken by the parser of the standard library.
    let byte = |pair: &[u8; 2]| match pair.iter().all(u8::is_ascii_hexdigit) {
        true => u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok(),
        false => None,
    };
    Some(of_bytes(&pairs.iter().map(byte).collect::<Option<Vec<_>>>()?))
}

/// The content in hexadecimal, and as text where it is one. Without a length that fits, all of it is content: not every
/// provider writes one.
fn of_bytes(bytes: &[u8]) -> Json {
    let content = match bytes.split_first_chunk::<4>() {
        Some((length, content)) if usize::try_from(u32::from_be_bytes(*length)) == Ok(bytes.len()) => content,
        _ => bytes,
    };
    let hexadecimal: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = str::from_utf8(content).ok().map(|text| text.trim_end_matches('\0'));
    let text = text.filter(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')));
    json!({ "octets": format!("0x{hexadecimal}"), "text": text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_text_where_they_are_one() {
        for (given, octets, text) in [
            ("0x000000064869", "0x4869", json!("Hi")),
            ("0X00000007C3BC00", "0xc3bc00", json!("ü")),
            ("0x000000080001ff02", "0x0001ff02", Json::Null),
            ("0x4869", "0x4869", json!("Hi")),
            ("0x00000004", "0x", json!("")),
        ] {
            assert_eq!(of_text(given).unwrap(), json!({ "octets": octets, "text": text }), "{given}");
        }
        assert_eq!(of_numbers(&json!([0, 0, 0, 6, 72, 105])).unwrap()["text"], "Hi");
        for other in ["Hi", "0x1", "0xzz", "0x+1+2"] {
            assert!(of_text(other).is_none(), "{other}");
        }
        assert!(of_numbers(&json!([1, 256])).is_none() && of_numbers(&json!(["a"])).is_none());
    }
}
