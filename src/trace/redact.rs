//! The one point where secrets leave a record: everything that is written passes [`Redactor::redact`].
//!
//! Gone are: the secrets it was told of, in every spelling they could have (text, XML and URL escapes, base64 at any
//! alignment, hex, UTF-16, the NT hash); tokens of authentication headers and cookies; user and password inside URLs;
//! the content of elements and properties whose name speaks of a password or secret.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use md4::{Digest, Md4};
use memchr::memmem;
use zeroize::Zeroizing;

use super::har::{Content, Entry, Header};
use super::markup::{Piece, attribute, opened, pieces};

/// Takes secrets out of records. It knows the spellings of what it was told to hide; `Debug` shows none.
#[derive(Clone, Default)]
pub struct Redactor {
    needles: Vec<Needle>,
}

/// One spelling of a secret.
#[derive(Clone, PartialEq, Eq)]
struct Needle {
    bytes: Zeroizing<Vec<u8>>,
    /// Hidden only where nothing else stands beside it.
    whole: bool,
}

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

impl Redactor {
    /// One that knows no secret yet.
    pub fn new() -> Self {
        Redactor::default()
    }

    /// Hides a password: its text in every spelling, and its NT hash. A secret of fewer than four characters is
    /// hidden only where it is a whole value: it would be found everywhere.
    #[must_use]
    pub fn hiding(mut self, secret: &str) -> Self {
        let utf16: Zeroizing<Vec<u8>> = Zeroizing::new(secret.encode_utf16().flat_map(u16::to_le_bytes).collect());
        let nt_hash: Zeroizing<[u8; 16]> = Zeroizing::new(Md4::digest(&*utf16).into());
        let short = secret.chars().count() < SHORTEST;
        self.add_spellings(secret.as_bytes(), short);
        self.add_spellings(&utf16, short);
        self.add_spellings(nt_hash.as_slice(), false);
        self.add(utf16.as_chunks::<2>().0.iter().flat_map(|[low, high]| [*high, *low]).collect(), short);
        for escaped in [xml_escaped(secret, false), xml_escaped(secret, true), url_escaped(secret)] {
            self.add(escaped.into_bytes(), short);
        }
        // The longest first: a shorter spelling may be a part of it.
        self.needles.sort_by_key(|needle| std::cmp::Reverse(needle.bytes.len()));
        self.needles.dedup();
        self
    }

    /// Takes all secrets out of an entry. The only way into a file.
    pub fn redact(&self, entry: &mut Entry) {
        let request = &mut entry.request;
        request.url = self.url(&request.url);
        for header in request.headers.iter_mut().chain(&mut entry.response.headers) {
            self.header(header);
        }
        if let Some(body) = &mut request.post_data {
            body.text = self.text(&body.text);
        }
        self.content(&mut entry.response.content);
        if let Some(extra) = &mut entry.extra {
            for text in [&mut extra.action, &mut extra.message_id] {
                *text = self.text(text);
            }
            if let Some(failure) = &mut extra.failure {
                failure.text = self.text(&failure.text);
            }
        }
    }

    fn content(&self, content: &mut Content) {
        if content.encoding.is_some() {
            let bytes = self.bytes(&content.bytes());
            content.text = Some(STANDARD.encode(bytes));
        } else if let Some(text) = &mut content.text {
            *text = self.text(text);
        }
    }

    fn header(&self, header: &mut Header) {
        let name = header.name.to_ascii_lowercase();
        if ["cookie", "set-cookie"].contains(&name.as_str()) {
            header.value = REDACTED.to_owned();
        } else if TOKEN_HEADERS.contains(&name.as_str()) {
            header.value = without_tokens(&header.value);
        }
        header.value = self.text(&header.value);
    }

    /// `scheme://user:password@host` without what stands before the `@`.
    fn url(&self, url: &str) -> String {
        let Some((scheme, rest)) = url.split_once("://") else { return self.text(url) };
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(authority_end).unwrap_or((rest, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        self.text(&format!("{scheme}://{host}{path}"))
    }

    /// A text of any kind; of XML only values and texts are touched, for a password may be called like an element.
    pub(super) fn text(&self, text: &str) -> String {
        // What is no XML may look like a tag and be a secret.
        let whole = if crate::xml::Document::parse(text).is_ok() { None } else { Some(self.plain(text)) };
        let text = whole.as_deref().unwrap_or(text);
        let mut redacted = String::with_capacity(text.len());
        let (mut secret_element, mut before) = (false, "");
        for piece in pieces(text) {
            match piece {
                Piece::Markup(markup) => {
                    redacted.push_str(markup);
                    secret_element = match opened(markup) {
                        // `<PROPERTY NAME="Password"><VALUE>`
                        Some("VALUE") => secret_element,
                        Some(name) => is_secret_name(name),
                        None => secret_element && !markup.starts_with("</"),
                    };
                    before = markup;
                }
                Piece::Value(value) => {
                    let name = attribute(before);
                    if !name.starts_with("xmlns") && is_secret_name(name) {
                        redacted.push_str(REDACTED);
                    } else {
                        // `<Selector Name="Password">` is a name as well.
                        secret_element |= name.eq_ignore_ascii_case("name") && is_secret_name(value);
                        redacted.push_str(&self.plain(value));
                    }
                }
                Piece::Text(text) if secret_element && !text.trim().is_empty() => redacted.push_str(REDACTED),
                Piece::Text(text) => {
                    redacted.push_str(&embedded(&embedded(&self.plain(text), "&lt;"), "<"));
                }
            }
        }
        redacted
    }

    fn plain(&self, text: &str) -> String {
        let bytes = self.bytes(text.as_bytes());
        // A needle that is no text may cut a character in two.
        String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for needle in &self.needles {
            let found = match needle.whole {
                true => bytes == *needle.bytes,
                false => memmem::find(&bytes, &needle.bytes).is_some(),
            };
            if found {
                bytes = replaced(&bytes, &needle.bytes);
            }
        }
        bytes
    }

    fn add_spellings(&mut self, bytes: &[u8], whole: bool) {
        self.add(bytes.to_vec(), whole);
        let lower: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.add(lower.to_ascii_uppercase().into_bytes(), whole);
        self.add(lower.into_bytes(), whole);
        for engine in [&STANDARD, &URL_SAFE] {
            for before in 0..3 {
                let shifted = Zeroizing::new([vec![0; before].as_slice(), bytes].concat());
                let text = Zeroizing::new(engine.encode(&*shifted));
                // Characters that hold bits of neighbours, or padding, differ from place to place.
                let from = (before * 8).div_ceil(6);
                let to = shifted.len() * 8 / 6;
                self.add(text.as_bytes().get(from..to).unwrap_or_default().to_vec(), whole);
            }
        }
    }

    fn add(&mut self, needle: Vec<u8>, whole: bool) {
        if !needle.is_empty() {
            self.needles.push(Needle { bytes: Zeroizing::new(needle), whole });
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(..)")
    }
}

fn replaced(bytes: &[u8], needle: &[u8]) -> Vec<u8> {
    let (mut out, mut from) = (Vec::with_capacity(bytes.len()), 0);
    for at in memmem::find_iter(bytes, needle) {
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        out.extend_from_slice(REDACTED.as_bytes());
        from = at + needle.len();
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    out
}

/// `Negotiate TlRM…` becomes `Negotiate [58 bytes removed]`; offers without a token stay.
fn without_tokens(value: &str) -> String {
    let item = |item: &str| match item.trim().split_once(' ') {
        Some((scheme, token)) if is_token(token.trim()) => format!("{scheme} [{} bytes removed]", token.trim().len()),
        _ => item.trim().to_owned(),
    };
    value.split(',').map(item).collect::<Vec<_>>().join(", ")
}

/// Anything but `realm="…"` and what has been removed already.
fn is_token(text: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_.~".contains(c);
    !text.is_empty() && text.trim_end_matches('=').chars().all(is_base64)
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

/// Properties of an instance that stands as CIM-XML inside a text, escaped or in a CDATA section.
fn embedded(text: &str, bracket: &str) -> String {
    let [open, close, value] = ["PROPERTY ", "/PROPERTY", "VALUE"].map(|word| format!("{bracket}{word}"));
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(&open) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let end = from.find(&close).unwrap_or(from.len());
        let (property, after) = from.split_at_checked(end).unwrap_or((from, ""));
        let head = property.split(&value).next().unwrap_or("");
        match property.len() > head.len() && is_secret_name(head) {
            true => out.push_str(&format!("{head}{value}&gt;{REDACTED}{bracket}/VALUE&gt;")),
            false => out.push_str(property),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn xml_escaped(text: &str, all: bool) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    match all {
        true => text.replace('"', "&quot;").replace('\'', "&apos;"),
        false => text,
    }
}

fn url_escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

const TOKEN_HEADERS: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "www-authenticate",
    "proxy-authenticate",
    "authentication-info",
    "proxy-authentication-info",
];
const SECRET_NAMES: [&str; 5] = ["password", "passwd", "secret", "binarysecuritytoken", "privatekey"];
const SHORTEST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "Grün & <günstig>\"7";

    fn text(redactor: &Redactor, text: &str) -> String {
        redactor.text(text)
    }

    #[test]
    fn every_spelling_of_a_secret_goes() {
        let redactor = Redactor::new().hiding(SECRET);
        let utf16: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hash = Md4::digest(&utf16);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut spellings = vec![
            SECRET.to_owned(),
            xml_escaped(SECRET, false),
            xml_escaped(SECRET, true),
            url_escaped(SECRET),
            hex(SECRET.as_bytes()),
            hex(&utf16),
            hex(&hash).to_uppercase(),
        ];
        for before in ["", "u", "us", "user:"] {
            for bytes in [SECRET.as_bytes(), &utf16, &hash] {
                spellings.push(STANDARD.encode([before.as_bytes(), bytes, b"tail"].concat()));
            }
        }
        for spelling in spellings {
            let body = format!("<a b=\"{spelling}\">x{spelling}y</a>");
            // A spelling that is no XML is no attribute value.
            let body = if spelling.contains(['<', '"']) { format!("no xml: {spelling}") } else { body };
            let redacted = text(&redactor, &body);
            assert!(redacted.contains(REDACTED) && !redacted.contains(&spelling), "{spelling}: {redacted}");
        }
        let bytes = redactor.bytes(&[b"\0\x01", utf16.as_slice(), b"\xff"].concat());
        assert_eq!(bytes, [b"\0\x01", REDACTED.as_bytes(), b"\xff"].concat());
        assert_eq!(format!("{redactor:?}"), "Redactor(..)");
    }

    #[test]
    fn names_stay_and_short_secrets_do_not_spoil_the_rest() {
        let redactor = Redactor::new().hiding("Envelope");
        assert_eq!(text(&redactor, "<Envelope>Envelope</Envelope>"), "<Envelope>[redacted]</Envelope>");
        let redactor = Redactor::new().hiding("a");
        assert_eq!(text(&redactor, "<a b=\"a\">banana</a>"), "<a b=\"[redacted]\">banana</a>");
    }

    #[test]
    fn what_is_called_a_password_goes_unseen() {
        let redactor = Redactor::new();
        for (from, to) in [
            ("<p:Password>x</p:Password><p:User>y</p:User>", "<p:Password>[redacted]</p:Password><p:User>y</p:User>"),
            (
                "<w:Selector Name=\"AdminPassword\">x</w:Selector>",
                "<w:Selector Name=\"AdminPassword\">[redacted]</w:Selector>",
            ),
            ("<a password='x'/>", "<a password='[redacted]'/>"),
            (
                "<PROPERTY NAME=\"Secret\"><VALUE>x</VALUE></PROPERTY>",
                "<PROPERTY NAME=\"Secret\"><VALUE>[redacted]</VALUE></PROPERTY>",
            ),
            (
                "<s>&lt;PROPERTY NAME=\"Password\"&gt;&lt;VALUE&gt;x&lt;/VALUE&gt;&lt;/PROPERTY&gt;&lt;PROPERTY NAME=\"B\"&gt;&lt;VALUE&gt;y</s>",
                "<s>&lt;PROPERTY NAME=\"Password\"&gt;&lt;VALUE&gt;[redacted]&lt;/VALUE&gt;&lt;/PROPERTY&gt;&lt;PROPERTY NAME=\"B\"&gt;&lt;VALUE&gt;y</s>",
            ),
            (
                "<f:X><![CDATA[<PROPERTY NAME='Password'><VALUE>x]]></f:X>",
                "<f:X><![CDATA[<PROPERTY NAME='Password'><VALUE&gt;[redacted]</VALUE&gt;]]></f:X>",
            ),
        ] {
            assert_eq!(text(&redactor, from), to);
        }
    }

    #[test]
    fn headers_and_urls() {
        let redactor = Redactor::new();
        let mut entry = Entry::default();
        entry.request.url = "https://user:pw@host:5986/wsman?x=a@b".to_owned();
        entry.request.headers.push(Header::new("Authorization", "Basic dXNlcjpwdw=="));
        entry.request.headers.push(Header::new("Cookie", "a=b"));
        entry
            .response
            .headers
            .push(Header::new("WWW-Authenticate", "Negotiate TlRM/+==, Kerberos, Basic realm=\"WSMAN\""));
        redactor.redact(&mut entry);
        // A second pass changes nothing.
        redactor.redact(&mut entry);
        assert_eq!(entry.request.url, "https://host:5986/wsman?x=a@b");
        let values: Vec<_> =
            entry.request.headers.iter().chain(&entry.response.headers).map(|h| h.value.as_str()).collect();
        assert_eq!(
            values,
            ["Basic [12 bytes removed]", "[redacted]", "Negotiate [8 bytes removed], Kerberos, Basic realm=\"WSMAN\""]
        );
    }
}
