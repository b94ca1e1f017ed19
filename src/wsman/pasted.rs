//! What people keep of a message: an envelope saved by an editor in UTF-16, copied with the HTTP head before it, with
//! line ends before its declaration, or out of the midst of an error text of PowerShell.
//!
//! [`Pasted::read`] makes one XML text of such bytes and says what it passed over. What the document is, is for
//! [`Decoded`](super::Decoded). Never for what a host sends: there, each of this is an error.

use std::borrow::Cow;
use std::fmt;

use crate::text::{self, Encoding, TextError};

/// One XML text in UTF-8, and what was done to make it one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pasted {
    /// The text; its declaration names no other encoding than UTF-8.
    pub text: String,
    /// What was passed over or converted, in order. Empty for a text that was taken as it is.
    pub remarks: Vec<PastedRemark>,
}

/// What was passed over or converted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PastedRemark {
    /// It was written in another encoding than UTF-8.
    Encoding(Encoding),
    /// Its declaration names an encoding that it is not written in.
    Declared(String),
    /// White space before the declaration, which XML forbids.
    Blank,
    /// An HTTP head before it, by its first line.
    Head(String),
    /// It came in the chunks of HTTP.
    Chunked,
    /// A text before it, by its beginning.
    Before(String),
    /// A text behind it, by its beginning.
    After(String),
}

/// Why no XML text can be made of bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PastedError {
    /// No text.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// An HTTP head and nothing behind it: a leg of a login, or an answer without a message.
    #[error("it is an HTTP head without a body ({0}): it carries no message")]
    NoBody(String),
    /// A body that a login has sealed.
    #[error("the body behind its HTTP head is sealed (multipart/encrypted): only the keys of the login open it")]
    Sealed,
    /// A body that is packed.
    #[error("the body behind its HTTP head is packed ({0}): unpack it first")]
    Packed(String),
    /// Chunks that end too early or are none.
    #[error("the body behind its HTTP head is in chunks, and damaged or cut off")]
    Chunks,
    /// A text that is not XML, by its beginning.
    #[error("it is no XML but begins {0:?}")]
    NotXml(String),
}

impl fmt::Display for PastedRemark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PastedRemark::Encoding(encoding) => write!(f, "it is written in {encoding}"),
            PastedRemark::Declared(name) => write!(f, "its declaration says {name}, which it is not written in"),
            PastedRemark::Blank => f.write_str("white space stands before its declaration, which XML forbids"),
            PastedRemark::Head(line) => write!(f, "an HTTP head stands before it ({line})"),
            PastedRemark::Chunked => f.write_str("it came in the chunks of HTTP"),
            PastedRemark::Before(text) => write!(f, "a text stands before it ({text})"),
            PastedRemark::After(text) => write!(f, "a text stands behind it and is not read ({text})"),
        }
    }
}

impl Pasted {
    /// Makes one XML text of what was pasted.
    ///
    /// # Errors
    /// [`PastedError`]: no text, no XML in it, or a body that cannot be seen. Whether the XML is well-formed is not
    /// looked at.
    pub fn read(bytes: &[u8]) -> Result<Pasted, PastedError> {
        let mut remarks = Vec::new();
        let whole = wide(bytes, &mut remarks)?;
        let is_converted = !remarks.is_empty();
        let body = behind_heads(&whole, &mut remarks)?;
        // The body may be wide where its head was not. What was converted is UTF-8 now, whatever it looks like.
        let body = if is_converted { body } else { wide(&body, &mut remarks)? };
        let text = narrow(&body, &mut remarks)?;
        let text = alone(text.trim_start_matches(MARK), &mut remarks)?;
        Ok(Pasted { text: without_encoding(text, &mut remarks), remarks })
    }
}

/// UTF-16 as UTF-8; all else as it is, for a head may stand before bytes that are no text.
fn wide<'b>(bytes: &'b [u8], remarks: &mut Vec<PastedRemark>) -> Result<Cow<'b, [u8]>, PastedError> {
    match text::read_as(bytes) {
        Ok((text, encoding @ (Encoding::Utf16Le | Encoding::Utf16Be))) => {
            remarks.push(PastedRemark::Encoding(encoding));
            Ok(Cow::Owned(text.into_owned().into_bytes()))
        }
        Ok((Cow::Borrowed(text), _)) => Ok(Cow::Borrowed(text.as_bytes())),
        Ok((Cow::Owned(text), _)) => Ok(Cow::Owned(text.into_bytes())),
        Err(TextError::NotText(_)) => Ok(Cow::Borrowed(bytes)),
        Err(error) => Err(error.into()),
    }
}

/// UTF-8, or the code page that the declaration names.
fn narrow<'b>(bytes: &'b [u8], remarks: &mut Vec<PastedRemark>) -> Result<Cow<'b, str>, PastedError> {
    let error = match str::from_utf8(bytes) {
        Ok(text) => return Ok(Cow::Borrowed(text)),
        Err(error) => TextError::NotText(error.valid_up_to()),
    };
    let head: String = bytes.iter().take(MOST_DECLARATION).map(|byte| char::from(*byte)).collect();
    let declared = declaration(head.trim_start()).and_then(encoding_of).unwrap_or("");
    let is_western = ["iso-8859-1", "latin1", "windows-1252"].iter().any(|name| name.eq_ignore_ascii_case(declared));
    if !is_western {
        return Err(error.into());
    }
    remarks.push(PastedRemark::Encoding(Encoding::Windows1252));
    Ok(text::read_legacy(bytes)?.0)
}

/// The body behind HTTP heads: an answer may stand behind `100 Continue` or the legs of a login.
fn behind_heads<'b>(bytes: &'b [u8], remarks: &mut Vec<PastedRemark>) -> Result<Cow<'b, [u8]>, PastedError> {
    let mut rest = unmarked(bytes);
    let mut last = None;
    for _ in 0..MOST_HEADS {
        let Some((head, body)) = Head::take(rest) else { break };
        remarks.push(PastedRemark::Head(head.first.clone()));
        rest = body;
        last = Some(head);
        if Head::take(unmarked(rest)).is_some_and(|(next, _)| next.is_start) {
            rest = unmarked(rest);
        } else {
            break;
        }
    }
    let Some(head) = last else { return Ok(Cow::Borrowed(bytes)) };
    if rest.trim_ascii().is_empty() {
        return Err(PastedError::NoBody(head.first));
    }
    let body = match head.is_chunked && !looks_like_xml(rest) {
        true => {
            remarks.push(PastedRemark::Chunked);
            Cow::Owned(unchunked(rest).ok_or(PastedError::Chunks)?)
        }
        false => Cow::Borrowed(rest),
    };
    match head {
        _ if looks_like_xml(&body) => Ok(body),
        Head { is_sealed: true, .. } => Err(PastedError::Sealed),
        Head { packed: Some(packed), .. } => Err(PastedError::Packed(packed)),
        _ => Ok(body),
    }
}

/// What matters of an HTTP head.
struct Head {
    /// Its first line, shortened.
    first: String,
    /// Whether it begins with a request or status line, and not with a header.
    is_start: bool,
    is_chunked: bool,
    is_sealed: bool,
    packed: Option<String>,
}

impl Head {
    /// The head that stands at the front, and what follows its empty line.
    fn take(bytes: &[u8]) -> Option<(Head, &[u8])> {
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let first = plain_line(lines.next()?)?;
        let is_start = is_start_line(first);
        if !is_start && header(first).is_none() {
            return None;
        }
        let mut head = Head { first: shown(first), is_start, is_chunked: false, is_sealed: false, packed: None };
        let mut length = bytes.split_inclusive(|byte| *byte == b'\n').next()?.len();
        if !is_start {
            head.learn(first);
        }
        for line in lines.take(MOST_HEADERS) {
            length += line.len();
            let line = plain_line(line)?;
            if line.is_empty() {
                let body = bytes.get(length..)?;
                // Lines that look like headers may begin any text; what makes them a head is XML behind them.
                return (is_start || looks_like_xml(body)).then_some((head, body));
            }
            head.learn(line);
        }
        // Cut off in the head, or no head at all.
        (is_start && length >= bytes.len()).then_some((head, &[]))
    }

    fn learn(&mut self, line: &str) {
        let Some((name, value)) = header(line) else { return };
        let value = value.trim().to_ascii_lowercase();
        match name.to_ascii_lowercase().as_str() {
            "transfer-encoding" => self.is_chunked = value.contains("chunked"),
            "content-type" => self.is_sealed = value.starts_with("multipart/"),
            "content-encoding" if value != "identity" => self.packed = Some(value.chars().take(40).collect()),
            _ => {}
        }
    }
}

/// A line of ASCII without its end; a line of a head is no longer than this.
fn plain_line(line: &[u8]) -> Option<&str> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    str::from_utf8(line).ok().filter(|line| line.len() <= MOST_LINE)
}

fn header(line: &str) -> Option<(&str, &str)> {
    let is_token =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    line.split_once(':').filter(|(name, _)| is_token(name))
}

/// `HTTP/1.1 200 OK` or `POST /wsman HTTP/1.1`; HTTP/2 as tools write it, too.
fn is_start_line(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let is_version =
        |word: &str| word.strip_prefix("HTTP/").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    match (words.next(), words.next(), words.next()) {
        (Some(version), Some(status), _) if is_version(version) => {
            status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit())
        }
        (Some(method), Some(_), Some(version)) => {
            is_version(version) && method.bytes().all(|byte| byte.is_ascii_uppercase()) && words.next().is_none()
        }
        _ => false,
    }
}

/// Bytes without white space and byte order marks before them.
fn unmarked(mut bytes: &[u8]) -> &[u8] {
    loop {
        bytes = bytes.trim_ascii_start();
        match bytes.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => bytes = rest,
            None => return bytes,
        }
    }
}

fn looks_like_xml(bytes: &[u8]) -> bool {
    matches!(unmarked(bytes), [b'<', ..] | [0xff, 0xfe, b'<', ..] | [0xfe, 0xff, 0, b'<', ..])
}

/// The data of a body in chunks (RFC 9112 7.1).
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = plain_line(rest.get(..=end)?)?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = rest.get(end + 1..)?;
        if size == 0 {
            return Some(data);
        }
        data.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?;
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"))?;
    }
}

/// The document without what stands before and behind it.
fn alone<'t>(text: &'t str, remarks: &mut Vec<PastedRemark>) -> Result<&'t str, PastedError> {
    let trimmed = text.trim_start_matches(|c: char| c.is_whitespace() || c == MARK);
    if trimmed.is_empty() {
        return Err(PastedError::Empty);
    }
    let begins = |at: usize| {
        let next = trimmed.get(at + 1..).and_then(|rest| rest.chars().next());
        next.is_some_and(|next| matches!(next, '?' | '!' | '_') || next.is_alphabetic())
    };
    let start = trimmed.match_indices('<').map(|(at, _)| at).find(|at| begins(*at));
    let Some(start) = start else { return Err(PastedError::NotXml(shown(trimmed))) };
    let (before, document) = trimmed.split_at_checked(start).unwrap_or(("", trimmed));
    // White space alone is well-formed where no declaration follows it.
    if !before.is_empty() {
        remarks.push(PastedRemark::Before(shown(before)));
    } else if trimmed.len() < text.len() && document.starts_with("<?xml") {
        remarks.push(PastedRemark::Blank);
    }
    let Some(end) = end_of_root(document) else { return Ok(document) };
    let (document, after) = document.split_at_checked(end).unwrap_or((document, ""));
    let after = after.trim();
    if !after.is_empty() && !after.starts_with('<') {
        remarks.push(PastedRemark::After(shown(after)));
        return Ok(document);
    }
    Ok(trimmed.get(start..).unwrap_or_default())
}

/// Where the root ends: behind the last end tag of its name before a further HTTP head. Whether all before it is one
/// document is for the reader of XML.
fn end_of_root(document: &str) -> Option<usize> {
    let mut rest = document;
    loop {
        rest = rest.trim_start();
        rest = match rest {
            _ if rest.starts_with("<?") => rest.split_once("?>")?.1,
            _ if rest.starts_with("<!--") => rest.split_once("-->")?.1,
            _ => break,
        };
    }
    let name = rest.strip_prefix('<')?.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next()?;
    let until = next_head(document).unwrap_or(document.len());
    let tag = format!("</{name}");
    let at = document.get(..until)?.rfind(&tag)?;
    let close = document.get(at..)?.find('>')?;
    Some(at + close + 1)
}

/// The beginning of a request or status line: another message was pasted behind the first.
fn next_head(document: &str) -> Option<usize> {
    let mut at = 0;
    document.split_inclusive('\n').find_map(|line| {
        let here = at;
        at += line.len();
        (line.contains("HTTP/") && is_start_line(line)).then_some(here)
    })
}

/// A text without the encoding that its declaration names, for it is UTF-8 now; one that says so already is left alone.
fn without_encoding(text: &str, remarks: &mut Vec<PastedRemark>) -> String {
    let Some((whole, name)) = declaration(text).and_then(|whole| Some((whole, encoding_of(whole)?))) else {
        return text.to_owned();
    };
    if ["utf-8", "us-ascii"].iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return text.to_owned();
    }
    let was_converted = remarks.iter().any(|remark| matches!(remark, PastedRemark::Encoding(_)));
    if !was_converted {
        remarks.push(PastedRemark::Declared(shown(name)));
    }
    format!("<?xml version=\"1.0\"?>{}", text.get(whole.len()..).unwrap_or_default())
}

/// `<?xml … ?>` at the front of a text.
fn declaration(text: &str) -> Option<&str> {
    let end = text.strip_prefix("<?xml")?.find("?>")? + "<?xml?>".len();
    text.get(..end).filter(|whole| whole.len() <= MOST_DECLARATION)
}

/// The value of `encoding` in a declaration.
fn encoding_of(declaration: &str) -> Option<&str> {
    let (_, rest) = declaration.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    rest.get(1..)?.split(quote).next()
}

/// The beginning of a text, for people.
fn shown(text: &str) -> String {
    const SHOWN: usize = 60;
    let text = text.trim();
    let line = text.lines().next().unwrap_or_default().trim();
    let mut shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

const MARK: char = '\u{feff}';
/// Continue, the legs of a login, and the answer.
const MOST_HEADS: usize = 8;
const MOST_HEADERS: usize = 200;
/// A token of Kerberos in a header is about a tenth of it.
const MOST_LINE: usize = 256 * 1024;
const MOST_DECLARATION: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    fn read(bytes: impl AsRef<[u8]>) -> (String, Vec<String>) {
        let pasted = Pasted::read(bytes.as_ref()).unwrap();
        (pasted.text, pasted.remarks.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_document_is_taken_as_it_is() {
        for text in
            ["<a/>", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>ä</a>\n", "\n <a>x</a> <!-- y -->", "<a/><b/>"]
        {
            assert_eq!(read(text), (text.trim_start().to_owned(), vec![]), "{text}");
        }
    }

    #[test]
    fn encodings_are_converted_and_told() {
        let bare = "<a>größe</a>";
        let declared = |name: &str| format!("<?xml version=\"1.0\" encoding=\"{name}\"?>{bare}");
        let plain = format!("<?xml version=\"1.0\"?>{bare}");
        for big in [false, true] {
            assert_eq!(read(wide(bare, big)).0, bare);
            let (text, remarks) = read(wide(&format!("\u{feff}{}", declared("utf-16")), big));
            assert_eq!((text.as_str(), remarks.len()), (plain.as_str(), 1));
            assert!(remarks[0].contains("UTF-16"), "{remarks:?}");
        }
        let (text, remarks) = read(declared("utf-16"));
        assert_eq!(
            (text.as_str(), remarks),
            (plain.as_str(), vec!["its declaration says utf-16, which it is not written in".to_owned()])
        );
        let latin: Vec<u8> = declared("ISO-8859-1").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        assert_eq!(read(latin).0, plain);
        assert!(matches!(Pasted::read(b"<a>\xe4</a>"), Err(PastedError::Text(_))));
    }

    #[test]
    fn blanks_heads_and_texts_around_it_are_passed_over_and_told() {
        let body = "<s:E xmlns:s=\"u\">x</s:E>";
        let with_head = |head: &str| format!("{head}\r\n\r\n{body}");
        for (pasted, remark) in [
            (format!("\r\n\n<?xml version=\"1.0\"?>{body}"), "white space"),
            (format!("\n\u{feff}<?xml version=\"1.0\"?>{body}"), "white space"),
            (with_head("HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml"), "HTTP/1.1 200 OK"),
            (with_head("HTTP/2 200\r\ncontent-type: application/soap+xml"), "HTTP/2 200"),
            (with_head("POST /wsman HTTP/1.1\nHost: h"), "POST /wsman HTTP/1.1"),
            (with_head("Content-Type: application/soap+xml\r\nServer: Microsoft-HTTPAPI/2.0"), "Content-Type"),
            (with_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"), "HTTP/1.1 200 OK"),
            (with_head("HTTP/1.1 200 OK\r\nContent-Encoding: gzip"), "HTTP/1.1 200 OK"),
            (with_head("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b"), "100 Continue"),
            (format!("\u{feff}{}", with_head("HTTP/1.1 500 Internal")), "HTTP/1.1 500 Internal"),
            (format!("Get-WSManInstance : {body}\nAt line:1 char:1\n+ Get-WSManInstance > x"), "Get-WSManInstance :"),
            (format!("{body}\n\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n{body}"), "behind it and is not read (HTTP/1.1 200 OK"),
        ] {
            for bytes in [pasted.as_bytes().to_vec(), wide(&pasted, false)] {
                let (text, remarks) = read(bytes);
                assert!(text.ends_with(body), "{pasted}: {text}");
                assert!(remarks.iter().any(|said| said.contains(remark)), "{pasted}: {remarks:?}");
            }
        }
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n<a>\r\n5\r\nb</a>\r\n0\r\n\r\n";
        let (text, remarks) = read(chunked);
        assert_eq!((text.as_str(), remarks[1].as_str()), ("<a>b</a>", "it came in the chunks of HTTP"));
        let mut mixed = b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml;charset=UTF-16\r\n\r\n".to_vec();
        mixed.extend(wide("\u{feff}<a/>", false));
        assert_eq!(read(mixed).0, "<a/>");
    }

    #[test]
    fn nothing_is_converted_twice() {
        let text = "<\0a\0>\0";
        assert_eq!(Pasted::read(&wide(text, false)), Err(PastedError::NotXml(text.to_owned())));
        let (text, remarks) = read(wide("<\0\0 <a>\u{700}\u{700}</a>", false));
        assert_eq!((text.as_str(), remarks.len()), ("<a>\u{700}\u{700}</a>", 2));
    }

    #[test]
    fn what_cannot_be_seen_is_named_and_not_misread() {
        for (bytes, words) in [
            (&b""[..], "empty"),
            (b"\xef\xbb\xbf \r\n", "empty"),
            (b"HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n", "no message"),
            (b"HTTP/1.1 500 Internal Server Error", "no message"),
            (
                b"HTTP/1.1 200 \r\nContent-Type: multipart/encrypted;boundary=\"x\"\r\n\r\n--x\r\n\0\xff<<a>\xfe",
                "sealed",
            ),
            (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\0<a>", "packed (gzip)"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n<a>", "chunks"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnone", "chunks"),
            (b"WSManFault\r\n    Message = The client cannot connect", "begins \"WSManFault…\""),
            (b"{\"log\": 1}", "begins"),
            (b"1 < 2", "begins"),
            (b"\xff\xfe<", "UTF-16"),
        ] {
            let error = Pasted::read(bytes).unwrap_err().to_string();
            assert!(error.contains(words), "{bytes:?}: {error}");
        }
    }
}
