//! Sealed bodies: the `multipart/encrypted` form of WinRM over a [`SecurityContext`]
//! ([MS-WSMV] 2.2.9.1.1.2).
//!
//! It looks like MIME and is not: there is no empty line after the part headers, the second part
//! begins with the length of the signature, and no line break stands before the last boundary.
use super::context::{Protocol, SecurityContext};
use super::error::AuthError;

/// How the part headers begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartHeaders {
    /// With a tab, as the grammar demands and http.sys expects.
    Tabbed,
    /// With nothing: some other servers, such as OMI, refuse the tab.
    Plain,
}

impl PartHeaders {
    fn indent(self) -> &'static str {
        match self {
            Self::Tabbed => "\t",
            Self::Plain => "",
        }
    }
}

/// The encoding of the message inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8; also where none is named.
    Utf8,
    /// UTF-16.
    Utf16,
}

/// A sealed body and the `Content-Type` it must be sent with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedMessage {
    /// The value of `Content-Type`.
    pub content_type: String,
    /// The body. Send it with a Content-Length, never chunked ([MS-WSMV] 2.2.9.1.1.1).
    pub body: Vec<u8>,
}

/// Seals a SOAP message in UTF-8 and frames it. A body of any size is one message, but under CredSSP:
/// there each 16 KiB have a pair of parts of their own ([MS-WSMV] 2.2.9.1.3.2).
///
/// # Errors
/// As [`SecurityContext::seal`].
pub fn seal_message(
    context: &mut SecurityContext,
    plain: &[u8],
    style: PartHeaders,
) -> Result<SealedMessage, AuthError> {
    let (indent, protocol) = (style.indent(), context.protocol());
    let in_pieces = protocol == Protocol::CredSsp && plain.len() > PIECE;
    let media_type = if in_pieces { MULTI_ENCRYPTED } else { ENCRYPTED };
    let pieces = if in_pieces { plain.chunks(PIECE).collect() } else { vec![plain] };
    let protocol_name = protocol.name();
    let mut body = Vec::with_capacity(plain.len() + 512 * pieces.len());
    for piece in pieces {
        let sealed = context.seal(piece)?;
        let length = match protocol {
            Protocol::CredSsp => piece.len(),
            // Not more than the message but for one byte of padding, under Kerberos with RC4.
            Protocol::Spnego | Protocol::Kerberos => sealed.data.len(),
        };
        let head = format!(
            "--{BOUNDARY}\r\n\
             {indent}Content-Type: {protocol_name}\r\n\
             {indent}OriginalContent: type={SOAP};charset=UTF-8;Length={length}\r\n\
             --{BOUNDARY}\r\n\
             {indent}Content-Type: {OCTETS}\r\n"
        );
        let signature_length = u32::try_from(sealed.signature.len()).unwrap_or(u32::MAX).to_le_bytes();
        for bytes in [head.as_bytes(), &signature_length, &sealed.signature, &sealed.data] {
            body.extend_from_slice(bytes);
        }
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    Ok(SealedMessage {
        content_type: format!("{media_type};protocol=\"{protocol_name}\";boundary=\"{BOUNDARY}\""),
        body,
    })
}

/// Whether a `Content-Type` announces a sealed body: `multipart/encrypted`, or
/// `multipart/x-multi-encrypted`, which belongs to CredSSP.
pub fn is_sealed(content_type: &str) -> bool {
    let media_type = parameters(content_type).next().unwrap_or_default();
    [ENCRYPTED, MULTI_ENCRYPTED].iter().any(|sealed| sealed.eq_ignore_ascii_case(media_type))
}

/// Reads and unseals a body, in any of the forms known from servers.
///
/// # Errors
/// [`AuthError::NotSealed`] leaves the context as it was. After every other error it is dead, as
/// the other side has moved on: a form that cannot be read, a wrong length, a failed
/// [`SecurityContext::unseal`].
pub fn unseal_message(context: &mut SecurityContext, content_type: &str, body: &[u8]) -> Result<Vec<u8>, AuthError> {
    let protocol = context.protocol();
    unseal_framed(context, content_type, body, &Form::Any(protocol))
}

/// The two things a reader can insist on.
pub(super) enum Form {
    /// Whatever can be understood under this name; under that of Kerberos SPNEGO's, too.
    Any(Protocol),
    /// The letter of [MS-WSMV] 2.2.9.1.1.2, with this start of the part headers.
    Exact(PartHeaders),
}

pub(super) fn unseal_framed(
    context: &mut SecurityContext,
    content_type: &str,
    body: &[u8],
    form: &Form,
) -> Result<Vec<u8>, AuthError> {
    if !is_sealed(content_type) {
        return Err(AuthError::NotSealed);
    }
    context.usable()?;
    let opened = match context.protocol() {
        Protocol::CredSsp => unseal_pieces(context, content_type, body, form),
        Protocol::Spnego | Protocol::Kerberos => {
            let parts = SealedParts::read_as(content_type, body, form);
            parts.and_then(|parts| context.unseal(parts.signature, parts.data))
        }
    };
    if opened.is_err() {
        context.poison();
    }
    opened
}

/// CredSSP: a pair of parts for each piece. Nothing says how long a piece is when sealed but the TLS
/// records that it consists of.
fn unseal_pieces(
    context: &mut SecurityContext,
    content_type: &str,
    body: &[u8],
    form: &Form,
) -> Result<Vec<u8>, AuthError> {
    let boundary = boundary(content_type, form)?;
    let (mut plain, mut lines) = (Vec::with_capacity(body.len()), Lines { rest: body });
    loop {
        let original = part_headers(&mut lines, &boundary, form)?;
        // As long as the trailer of a record, but it is the start of the record that stands there.
        let (trailer, _) = signature(lines.rest)?;
        let records = lines.rest.get(4..).unwrap_or_default();
        let (records, rest) = records.split_at_checked(records_length(records)?).unwrap_or((records, &[]));
        let (trailer, data) = records
            .split_at_checked(trailer.len())
            .ok_or(AuthError::Framing("the trailer is longer than the TLS record"))?;
        let piece = context.unseal(trailer, data)?;
        if piece.len() != original.length {
            return Err(AuthError::Length { declared: original.length, found: piece.len() });
        }
        plain.extend_from_slice(&piece);
        if is_closing(rest, &boundary, form) {
            return Ok(plain);
        }
        lines.rest = rest;
    }
}

/// How many bytes of whole TLS records stand here; what follows must begin with hyphens.
fn records_length(bytes: &[u8]) -> Result<usize, AuthError> {
    let (mut length, mut rest) = (0, bytes);
    // Alert, application data, handshake: none is a hyphen, which is 0x2d.
    while let [0x14..=0x17, 3, _, high, low, ..] = rest {
        let record = 5 + usize::from(u16::from_be_bytes([*high, *low]));
        rest = rest.get(record..).ok_or(AuthError::Framing("it is cut short in a TLS record"))?;
        length += record;
    }
    Ok(length)
}

/// A sealed body taken apart, nothing of it checked by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedParts<'a> {
    /// The encoding the sender names.
    pub charset: Charset,
    /// The signature, or for other mechanisms the token, before the data.
    pub signature: &'a [u8],
    /// The enciphered message.
    pub data: &'a [u8],
}

impl<'a> SealedParts<'a> {
    /// Takes a body apart, in any of the forms known from servers. The data is cut by its
    /// length: the boundary may stand in it by chance.
    ///
    /// # Errors
    /// [`AuthError::NotSealed`], [`AuthError::Framing`] or [`AuthError::Length`].
    pub fn read(content_type: &str, body: &'a [u8]) -> Result<Self, AuthError> {
        Self::read_as(content_type, body, &Form::Any(Protocol::Kerberos))
    }

    fn read_as(content_type: &str, body: &'a [u8], form: &Form) -> Result<Self, AuthError> {
        if !is_sealed(content_type) {
            return Err(AuthError::NotSealed);
        }
        let boundary = boundary(content_type, form)?;
        let mut lines = Lines { rest: body };
        let original = part_headers(&mut lines, &boundary, form)?;
        let (signature, rest) = signature(lines.rest)?;
        let data = cut(rest, original.length, &boundary, form)?;
        Ok(Self { charset: original.charset, signature, data })
    }
}

impl Form {
    /// Part headers and their contents are case-sensitive (2.2.9.1.1.2).
    fn same(&self, found: &str, due: &str) -> bool {
        match self {
            Self::Any(_) => found.eq_ignore_ascii_case(due),
            Self::Exact(_) => found == due,
        }
    }

    /// Under the scheme Kerberos a server may use the name of SPNEGO, too (2.2.9.1.2.2.1).
    fn is_protocol(&self, found: &str) -> bool {
        let due = match self {
            Self::Any(due) => *due,
            Self::Exact(_) => Protocol::Spnego,
        };
        self.same(found, due.name()) || (due == Protocol::Kerberos && self.same(found, Protocol::Spnego.name()))
    }
}

/// The headers of a pair of parts, up to where the binary part begins.
fn part_headers(lines: &mut Lines<'_>, boundary: &str, form: &Form) -> Result<OriginalContent, AuthError> {
    if !is_boundary(lines.next()?, boundary) {
        return Err(AuthError::Framing("it does not begin with the boundary"));
    }
    let (mut protocol_named, mut original) = (false, None);
    loop {
        let line = lines.next()?;
        if is_boundary(line, boundary) {
            break;
        }
        let (name, value) = header(line, form)?;
        if form.same(name, "Content-Type") {
            protocol_named = form.is_protocol(value);
        } else if form.same(name, "OriginalContent") {
            original = Some(OriginalContent::read(value, form)?);
        }
    }
    if !protocol_named {
        return Err(AuthError::Framing("the first part names another protocol"));
    }
    let original = original.ok_or(AuthError::Framing("the first part has no OriginalContent"))?;

    let (name, value) = header(lines.next()?, form)?;
    if !form.same(name, "Content-Type") || !form.same(value, OCTETS) {
        return Err(AuthError::Framing("the second part is not application/octet-stream"));
    }
    Ok(original)
}

/// The lines before the binary part.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a str, AuthError> {
        let window = self.rest.get(..MAX_LINE).unwrap_or(self.rest);
        let end = window.windows(2).position(|pair| pair == b"\r\n");
        let line = end.and_then(|end| self.rest.split_at_checked(end));
        let (line, rest) = line.ok_or(AuthError::Framing("a header line has no end"))?;
        self.rest = rest.get(2..).unwrap_or_default();
        str::from_utf8(line).map_err(|_| AuthError::Framing("a header line is not text"))
    }
}

/// The boundary of the outer header. In exact form the protocol must be there and right, too.
fn boundary(content_type: &str, form: &Form) -> Result<String, AuthError> {
    let value_of = |name: &str| {
        parameters(content_type)
            .skip(1)
            .filter_map(|parameter| parameter.split_once('='))
            .find_map(|(key, value)| key.trim_end().eq_ignore_ascii_case(name).then(|| unquoted(value.trim_start())))
    };
    let protocol = value_of("protocol");
    let protocol_fits = match (protocol, form) {
        (Some(protocol), _) => form.is_protocol(protocol),
        (None, Form::Any(_)) => true,
        (None, Form::Exact(_)) => false,
    };
    if !protocol_fits {
        return Err(AuthError::Framing("its Content-Type names another protocol"));
    }
    // 70 is the most a MIME boundary may have (RFC 2046, 5.1.1).
    value_of("boundary")
        .filter(|boundary| (1..=70).contains(&boundary.len()))
        .map(str::to_owned)
        .ok_or(AuthError::Framing("its Content-Type names no boundary"))
}

/// The media type and the parameters, cut at semicolons outside of quotes.
fn parameters(content_type: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    content_type
        .split(move |c| {
            quoted ^= c == '"';
            c == ';' && !quoted
        })
        .map(str::trim)
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// `--boundary`, or `-- boundary` as the example of [MS-WSMV] 4.5 has it.
fn is_boundary(line: &str, boundary: &str) -> bool {
    line.strip_prefix("--").is_some_and(|name| name.strip_prefix(' ').unwrap_or(name) == boundary)
}

/// The line that ends the body: with or without a space, the last `--`, and the line break.
///
/// Outside the exact form one more line break may stand before it, as in MIME, or after it.
/// inferred (not asked): the lengths in the example of [MS-WSMV] 4.5 leave room for two more bytes.
fn is_closing(bytes: &[u8], boundary: &str, form: &Form) -> bool {
    let Ok(mut line) = str::from_utf8(bytes) else {
        return false;
    };
    if matches!(form, Form::Any(_)) {
        line = line.strip_prefix("\r\n").unwrap_or(line);
        line = line.strip_suffix("\r\n").unwrap_or(line);
    }
    let line = line.strip_suffix("\r\n").unwrap_or(line);
    let unhyphened = line.strip_suffix("--").unwrap_or(line);
    is_boundary(line, boundary) || is_boundary(unhyphened, boundary)
}

/// Name and value of a part header.
fn header<'a>(line: &'a str, form: &Form) -> Result<(&'a str, &'a str), AuthError> {
    let field = match form {
        Form::Any(_) => line.trim_start_matches([' ', '\t']),
        Form::Exact(PartHeaders::Tabbed) => {
            line.strip_prefix('\t').ok_or(AuthError::Framing("no tab stands before a part header"))?
        }
        Form::Exact(PartHeaders::Plain) => line,
    };
    let (name, value) = field.split_once(':').ok_or(AuthError::Framing("a part header has no colon"))?;
    if name.is_empty() || name.contains([' ', '\t']) {
        return Err(AuthError::Framing("blanks stand before a part header"));
    }
    Ok((name, value.trim()))
}

/// `type=application/soap+xml;charset=UTF-8;Length=705`
struct OriginalContent {
    charset: Charset,
    length: usize,
}

impl OriginalContent {
    fn read(value: &str, form: &Form) -> Result<Self, AuthError> {
        let (mut media_type, mut charset, mut length) = (None, None, None);
        for (key, value) in value.split(';').filter_map(|parameter| parameter.split_once('=')) {
            let (key, value) = (key.trim(), unquoted(value.trim()));
            if form.same(key, "type") {
                media_type = Some(value);
            } else if form.same(key, "charset") {
                charset = Some(value);
            } else if form.same(key, "Length") {
                length = Some(value);
            }
        }
        if matches!(form, Form::Exact(_)) && (media_type != Some(SOAP) || charset.is_none()) {
            return Err(AuthError::Framing("OriginalContent lacks its type or charset"));
        }
        let charset = match charset {
            None => Charset::Utf8,
            Some(name) if form.same(name, "UTF-8") => Charset::Utf8,
            Some(name) if form.same(name, "UTF-16") => Charset::Utf16,
            Some(_) => {
                return Err(AuthError::Framing("OriginalContent names an unknown charset"));
            }
        };
        let digits = length.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let length = digits.and_then(|digits| digits.parse().ok());
        Ok(Self { charset, length: length.ok_or(AuthError::Framing("OriginalContent has no usable Length"))? })
    }
}

/// The signature behind its length, and what follows it.
fn signature(bytes: &[u8]) -> Result<(&[u8], &[u8]), AuthError> {
    bytes
        .split_first_chunk::<4>()
        .and_then(|(length, rest)| rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?))
        .ok_or(AuthError::Framing("it is cut short in the signature"))
}

/// The data: `length` bytes, after which nothing but the closing line may stand.
fn cut<'a>(bytes: &'a [u8], length: usize, boundary: &str, form: &Form) -> Result<&'a [u8], AuthError> {
    if let Some((data, closing)) = bytes.split_at_checked(length)
        && is_closing(closing, boundary, form)
    {
        return Ok(data);
    }
    // For the message only: where the closing line does begin.
    let longest = boundary.len() + "\r\n-- --\r\n".len();
    let found = (bytes.len().saturating_sub(longest)..bytes.len())
        .find(|at| bytes.get(*at..).is_some_and(|closing| is_closing(closing, boundary, form)));
    Err(match found {
        Some(found) => AuthError::Length { declared: length, found },
        None => AuthError::Framing("it does not end with the boundary"),
    })
}

const BOUNDARY: &str = "Encrypted Boundary";
const SOAP: &str = "application/soap+xml";
const OCTETS: &str = "application/octet-stream";
const ENCRYPTED: &str = "multipart/encrypted";
const MULTI_ENCRYPTED: &str = "multipart/x-multi-encrypted";
/// What CredSSP seals at once: a full TLS record.
const PIECE: usize = 16 * 1024;
const MAX_LINE: usize = 1024;
