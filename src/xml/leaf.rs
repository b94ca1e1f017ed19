//! The shape that nearly all of a large reply has, recognised without the parser: `<p:Name>text</p:Name>`.

/// An element with text alone: no attributes, references, sections or children. Everything borrowed from the input.
pub(super) struct Leaf<'i> {
    /// The name as written, and its two parts.
    pub(super) prefix: &'i str,
    pub(super) local: &'i str,
    /// The text, which needs no unescaping.
    pub(super) text: &'i str,
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
        let rest = rest.strip_prefix(b">")?;
        let text_len = memchr::memchr3(b'<', b'&', b'\r', rest)?;
        let rest = rest.get(text_len..)?.strip_prefix(b"</")?.strip_prefix(name)?;
        rest.strip_prefix(b">")?;

        let name_at = before + 1;
        let text_at = name_at + name_len + 1;
        let name = input.get(name_at..name_at + name_len)?;
        let (prefix, local) = match name.as_bytes().iter().position(|byte| *byte == b':') {
            Some(colon) => (name.get(..colon).filter(|prefix| !prefix.is_empty())?, name.get(colon + 1..)?),
            None => ("", name),
        };
        if local.is_empty() || local.as_bytes().contains(&b':') {
            return None;
        }
        let text = input.get(text_at..text_at + text_len)?;
        Some(Leaf { prefix, local, text, len: text_at + text_len + name_len + 3 })
    }
}

/// The bytes of ordinary names; other names are legal and left to the parser.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-' | b'.')
}
