//! The shapes that nearly all of a large reply has, recognised without the parser: `<p:Name>text</p:Name>` and
//! `<p:Name xsi:nil="true"/>`.

/// An element without children, references and sections: text and no attributes, or one attribute and no text.
/// Everything is borrowed from the input.
pub(super) struct Leaf<'i> {
    pub(super) prefix: &'i str,
    pub(super) local: &'i str,
    /// The text, which needs no unescaping.
    pub(super) text: &'i str,
    /// An attribute that declares no namespace: prefix, local name and a value that needs no unescaping.
    pub(super) attribute: Option<(&'i str, &'i str, &'i str)>,
    /// Bytes up to the end of the element, with the white space before it.
    pub(super) len: usize,
}

impl<'i> Leaf<'i> {
    /// The leaf at the front of the input, after white space. None for whatever needs a second look, be it right or
    /// wrong: the parser decides that.
    pub(super) fn at_front(input: &'i str) -> Option<Leaf<'i>> {
        let bytes = input.as_bytes();
        let before = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let element = bytes.get(before..)?.strip_prefix(b"<")?;
        let name_len = element.iter().position(|byte| !is_name_byte(*byte))?;
        let (name, rest) = element.split_at_checked(name_len)?;
        let name_at = before + 1;
        let (prefix, local) = split(input.get(name_at..name_at + name_len)?)?;
        let after_name = name_at + name_len + 1;

        let Some(rest) = rest.strip_prefix(b">") else {
            let (attribute, len) = attribute_and_end(input.get(after_name..).filter(|_| rest.starts_with(b" "))?)?;
            return Some(Leaf { prefix, local, text: "", attribute: Some(attribute), len: after_name + len });
        };
        let text_len = memchr::memchr3(b'<', b'&', b'\r', rest)?;
        rest.get(text_len..)?.strip_prefix(b"</")?.strip_prefix(name)?.strip_prefix(b">")?;
        let text = input.get(after_name..after_name + text_len)?;
        Some(Leaf { prefix, local, text, attribute: None, len: after_name + text_len + name_len + 3 })
    }
}

/// `nil="true"/>` and how long it is.
fn attribute_and_end(input: &str) -> Option<((&str, &str, &str), usize)> {
    let bytes = input.as_bytes();
    let key_len = bytes.iter().position(|byte| !is_name_byte(*byte))?;
    let value = bytes.get(key_len..)?.strip_prefix(b"=\"")?;
    let value_len = value.iter().position(|byte| matches!(byte, b'"' | b'<' | b'&' | b'\r' | b'\n' | b'\t'))?;
    value.get(value_len..)?.strip_prefix(b"\"/>")?;
    let (prefix, local) = split(input.get(..key_len)?)?;
    if prefix == "xmlns" || (prefix.is_empty() && local == "xmlns") {
        return None;
    }
    let value_at = key_len + 2;
    Some(((prefix, local, input.get(value_at..value_at + value_len)?), value_at + value_len + 3))
}

fn split(name: &str) -> Option<(&str, &str)> {
    let (prefix, local) = match name.as_bytes().iter().position(|byte| *byte == b':') {
        Some(colon) => (name.get(..colon).filter(|prefix| !prefix.is_empty())?, name.get(colon + 1..)?),
        None => ("", name),
    };
    (!local.is_empty() && !local.as_bytes().contains(&b':')).then_some((prefix, local))
}

/// The bytes of ordinary names; other names are legal and left to the parser.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-' | b'.')
}
