//! Text files of people: bytes in whatever encoding an editor, a shell or a tool of Windows wrote them, to text.
//!
//! Editors of Windows begin UTF-8 with a byte order mark, Windows PowerShell redirects into UTF-16, and most of
//! Microsoft's own MOF files are UTF-16. [`read`] takes all of these; whatever a person names as a text file comes in
//! through it. What a host sends does not: a reply is UTF-8, or refused.
//!
//! [`read_legacy`] goes on to Windows-1252 where a file is none of these, for texts whose letters decide nothing.

mod reader;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

pub use reader::Utf8Reader;

/// How a text was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, the low byte first, as Windows writes it.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// Windows-1252, of which ISO 8859-1 is the part that both share.
    Windows1252,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf16Le => "UTF-16 (little endian)",
            Encoding::Utf16Be => "UTF-16 (big endian)",
            Encoding::Windows1252 => "Windows-1252",
        })
    }
}

/// Why bytes are no text. Says where and never what: a secret may stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Neither UTF-8 nor UTF-16.
    #[error("it is neither UTF-8 nor UTF-16 (byte {0} cannot be read): save it as UTF-8")]
    NotText(usize),
    /// UTF-16 with half a character in it, or cut off.
    #[error("it is UTF-16 and damaged near byte {0}: save it as UTF-8")]
    Damaged(usize),
    /// UTF-32, which nothing of Windows writes by itself.
    #[error("it is UTF-32, which is not read: save it as UTF-8")]
    Utf32,
}

/// A text without its byte order mark; borrowed where it was UTF-8 already.
///
/// UTF-16 is known by its byte order mark, or by every second byte of its beginning being zero. The string made of it
/// never grows while it is filled, so that a caller who wipes it wipes all there was.
///
/// # Errors
/// [`TextError`]: bytes that are none of this.
pub fn read(bytes: &[u8]) -> Result<Cow<'_, str>, TextError> {
    Ok(read_as(bytes)?.0)
}

/// As [`read`], with the encoding that was found.
///
/// # Errors
/// As [`read`].
pub fn read_as(bytes: &[u8]) -> Result<(Cow<'_, str>, Encoding), TextError> {
    let encoding = match unicode(bytes)? {
        Encoding::Utf8 => {
            let bytes = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
            let text = str::from_utf8(bytes).map_err(|error| TextError::NotText(error.valid_up_to()))?;
            return Ok((Cow::Borrowed(text), Encoding::Utf8));
        }
        wide => wide,
    };
    Ok((Cow::Owned(from_utf16(bytes, encoding)?), encoding))
}

/// The bytes of a text in UTF-8 and without a mark; bytes that are no text as they are.
///
/// For what may be a text or not, such as a certificate: PEM is one, DER and PKCS#12 are not.
pub fn plain(bytes: &[u8]) -> Cow<'_, [u8]> {
    match read(bytes) {
        Ok(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
        Ok(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
        Err(_) => Cow::Borrowed(bytes),
    }
}

/// As [`read_as`]; bytes that are none of its encodings are taken for Windows-1252, in which every byte is a letter.
///
/// For files of which the old ones were written in the code page of their author's machine, and whose letters beyond
/// ASCII stand in comments and descriptions. Never for a password: a wrong guess is a failed login.
///
/// # Errors
/// [`TextError`] for damaged UTF-16 and for UTF-32.
pub fn read_legacy(bytes: &[u8]) -> Result<(Cow<'_, str>, Encoding), TextError> {
    match read_as(bytes) {
        Err(TextError::NotText(_)) => {
            let text = bytes.iter().map(|byte| windows_1252(*byte)).collect::<String>();
            Ok((Cow::Owned(text), Encoding::Windows1252))
        }
        other => other,
    }
}

/// Which Unicode the bytes are written in, as far as their beginning tells.
fn unicode(bytes: &[u8]) -> Result<Encoding, TextError> {
    // A little-endian UTF-32 mark begins like one of UTF-16 and goes on with a zero unit, which no text has.
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Err(TextError::Utf32),
        [0xff, 0xfe, ..] => Ok(Encoding::Utf16Le),
        [0xfe, 0xff, ..] => Ok(Encoding::Utf16Be),
        // A text of people begins with ASCII, be it a bracket, a slash or a line end.
        [low, 0, ..] if is_plain(*low) => Ok(Encoding::Utf16Le),
        [0, low, ..] if is_plain(*low) => Ok(Encoding::Utf16Be),
        _ => Ok(Encoding::Utf8),
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')
}

fn from_utf16(bytes: &[u8], encoding: Encoding) -> Result<String, TextError> {
    let (units, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(TextError::Damaged(bytes.len()));
    }
    // Three bytes of UTF-8 are the most that one unit becomes.
    let mut text = String::with_capacity(units.len().saturating_mul(3));
    let units = units.iter().map(|unit| unit_of(*unit, encoding));
    let mut passed = 0_usize;
    for (place, decoded) in char::decode_utf16(units).enumerate() {
        let character = decoded.map_err(|_| TextError::Damaged(passed))?;
        passed += character.len_utf16() * 2;
        if place > 0 || character != MARK {
            text.push(character);
        }
    }
    Ok(text)
}

fn unit_of(unit: [u8; 2], encoding: Encoding) -> u16 {
    match encoding {
        Encoding::Utf16Be => u16::from_be_bytes(unit),
        _ => u16::from_le_bytes(unit),
    }
}

/// The letter of a byte (the "bestfit" table of Microsoft, as published by the Unicode Consortium; the five bytes without
/// a letter are the control characters of ISO 8859-1).
fn windows_1252(byte: u8) -> char {
    const FROM_80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    let special = byte.checked_sub(0x80).and_then(|place| FROM_80.get(usize::from(place)));
    special.copied().unwrap_or(char::from(byte))
}

const MARK: char = '\u{feff}';
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
