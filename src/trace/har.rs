//! The record of one HTTP request: HAR 1.2, and what it lacks in one field of our own, `_hvr`.
//!
//! Any HAR can be read: what we need of it is a POST with an envelope and its answer. Browsers, Fiddler and Charles leave
//! out what HAR demands, write `null` for it, or a number as a text; where nothing depends on a field, none of this ends
//! the reading. Sizes are those on the wire (`bodySize`, sealed); texts are in clear.

use serde::{Deserialize, Serialize};

use super::lenient::{self, loose, or_default};
use super::names;

/// One HTTP request and its answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Entry {
    /// When it began, ISO 8601.
    #[serde(deserialize_with = "or_default")]
    pub started_date_time: String,
    /// Milliseconds from begin to end.
    #[serde(deserialize_with = "loose")]
    pub time: f64,
    /// What was sent.
    #[serde(deserialize_with = "or_default")]
    pub request: Request,
    /// What came.
    #[serde(deserialize_with = "or_default")]
    pub response: Response,
    /// Nothing is cached; HAR wants the object.
    #[serde(deserialize_with = "loose")]
    pub cache: Nothing,
    /// Where the time went.
    #[serde(deserialize_with = "loose")]
    pub timings: Timings,
    /// Address of the peer.
    #[serde(rename = "serverIPAddress", skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub server_ip_address: Option<String>,
    /// Number of the TCP connection.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub connection: Option<String>,
    /// What HAR has no field for.
    #[serde(rename = "_hvr", skip_serializing_if = "Option::is_none")]
    pub extra: Option<Extra>,
}

/// An object without content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// The request of an [`Entry`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Request {
    /// `POST`.
    #[serde(deserialize_with = "or_default")]
    pub method: String,
    /// The URL.
    #[serde(deserialize_with = "or_default")]
    pub url: String,
    /// `HTTP/1.1`.
    #[serde(deserialize_with = "or_default")]
    pub http_version: String,
    /// Never any; HAR wants the list.
    #[serde(deserialize_with = "loose")]
    pub cookies: Vec<Nothing>,
    /// Headers as sent, credentials removed.
    #[serde(deserialize_with = "or_default")]
    pub headers: Vec<Header>,
    /// Never any; HAR wants the list.
    #[serde(deserialize_with = "loose")]
    pub query_string: Vec<Nothing>,
    /// The message in clear; none for a login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_data: Option<PostData>,
    /// Not known.
    #[serde(deserialize_with = "lenient::size")]
    pub headers_size: i64,
    /// Bytes of the body as sent, sealed where it was sealed.
    #[serde(deserialize_with = "lenient::size")]
    pub body_size: i64,
}

/// The body of a [`Request`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PostData {
    /// Its media type, before sealing.
    #[serde(deserialize_with = "or_default")]
    pub mime_type: String,
    /// Form fields: never any; HAR wants the list.
    #[serde(deserialize_with = "loose")]
    pub params: Vec<Nothing>,
    /// The envelope in clear, or base64 of it until `Entry::settle` has been called.
    #[serde(deserialize_with = "or_default")]
    pub text: String,
    /// `base64` where the text is that; HAR has it for answers alone, and some write it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

/// The answer of an [`Entry`]; status 0 where none came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Response {
    /// HTTP status.
    #[serde(deserialize_with = "lenient::status")]
    pub status: u16,
    /// Its words.
    #[serde(deserialize_with = "loose")]
    pub status_text: String,
    /// `HTTP/1.1`.
    #[serde(deserialize_with = "or_default")]
    pub http_version: String,
    /// Never any; HAR wants the list.
    #[serde(deserialize_with = "loose")]
    pub cookies: Vec<Nothing>,
    /// Headers as received, tokens removed.
    #[serde(deserialize_with = "or_default")]
    pub headers: Vec<Header>,
    /// The body in clear.
    #[serde(deserialize_with = "or_default")]
    pub content: Content,
    /// Never any.
    #[serde(rename = "redirectURL", deserialize_with = "loose")]
    pub redirect_url: String,
    /// Not known.
    #[serde(deserialize_with = "lenient::size")]
    pub headers_size: i64,
    /// Bytes of the body as received, sealed where it was sealed.
    #[serde(deserialize_with = "lenient::size")]
    pub body_size: i64,
}

/// The body of a [`Response`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Content {
    /// Bytes in clear.
    #[serde(deserialize_with = "lenient::size")]
    pub size: i64,
    /// Its media type, after unsealing.
    #[serde(deserialize_with = "or_default")]
    pub mime_type: String,
    /// The text, or base64 of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `base64` where the bytes are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

/// One header.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Value.
    #[serde(default, deserialize_with = "or_default")]
    pub value: String,
}

/// Milliseconds of each phase; -1 where a phase did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Timings {
    /// Waiting for a connection.
    #[serde(deserialize_with = "lenient::phase")]
    pub blocked: f64,
    /// Resolving the name.
    #[serde(deserialize_with = "lenient::phase")]
    pub dns: f64,
    /// Connecting, the TLS handshake included.
    #[serde(deserialize_with = "lenient::phase")]
    pub connect: f64,
    /// Sending; counted with `wait`, as the two cannot be told apart from here.
    #[serde(deserialize_with = "loose")]
    pub send: f64,
    /// Waiting for the first byte.
    #[serde(deserialize_with = "loose")]
    pub wait: f64,
    /// Receiving.
    #[serde(deserialize_with = "loose")]
    pub receive: f64,
    /// The TLS handshake.
    #[serde(deserialize_with = "lenient::phase")]
    pub ssl: f64,
}

/// The field `_hvr`: what a recording of ours says beyond HAR.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Extra {
    /// What the request was for.
    pub kind: Kind,
    /// The WS-Addressing action; empty for Identify and logins.
    pub action: String,
    /// The MessageID of the request.
    pub message_id: String,
    /// Whether the sender may repeat it.
    pub may_repeat: bool,
    /// Whether the bodies were sealed on the wire.
    pub sealed: bool,
    /// Why there is no usable answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// What a request was for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// A message and its reply.
    #[default]
    Message,
    /// A token of a login, with an empty body.
    Login,
}

/// Why a message has no usable answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Failure {
    /// Short name of the kind: `connection-lost`, `timeout`, …; `pending` where the recording ends with it.
    pub kind: String,
    /// What is known of the delivery: `not-sent`, `unknown` or `answered`.
    pub delivery: String,
    /// The message for people.
    pub text: String,
}

impl Default for Request {
    fn default() -> Self {
        Request {
            method: "POST".to_owned(),
            url: String::new(),
            http_version: HTTP_VERSION.to_owned(),
            cookies: Vec::new(),
            headers: Vec::new(),
            query_string: Vec::new(),
            post_data: None,
            headers_size: UNKNOWN,
            body_size: 0,
        }
    }
}

impl Default for Response {
    fn default() -> Self {
        Response {
            status: 0,
            status_text: String::new(),
            http_version: HTTP_VERSION.to_owned(),
            cookies: Vec::new(),
            headers: Vec::new(),
            content: Content::default(),
            redirect_url: String::new(),
            headers_size: UNKNOWN,
            body_size: UNKNOWN,
        }
    }
}

impl Default for Timings {
    fn default() -> Self {
        Timings { blocked: NEVER, dns: NEVER, connect: NEVER, send: 0.0, wait: 0.0, receive: 0.0, ssl: NEVER }
    }
}

impl Entry {
    /// Puts the text of a request in clear where it is base64 of text; what is not stays as it is.
    pub(super) fn settle(&mut self) {
        let Some(body) = self.request.post_data.as_mut().filter(|body| is_base64(body.encoding.as_deref())) else {
            return;
        };
        if let Some(text) = decoded(&body.text).and_then(|bytes| Some(crate::text::read(&bytes).ok()?.into_owned())) {
            (body.text, body.encoding) = (text, None);
        }
    }

    /// Whether it carries a message, as opposed to a token of a login.
    pub fn is_message(&self) -> bool {
        self.request.post_data.as_ref().is_some_and(|body| !body.text.is_empty())
    }

    /// Whether a message was sent with it whose end it tells: not one that was sent once more, which has its end
    /// there, nor one that never left.
    pub fn is_told_to_the_end(&self) -> bool {
        use crate::wsman::Delivery;
        let is_login = self.extra.as_ref().is_some_and(|extra| extra.kind == Kind::Login);
        let is_over = self.failure().is_none_or(|failure| {
            failure.kind != names::REPEATED && names::delivery_named(&failure.delivery) != Delivery::NotSent
        });
        self.is_message() && !is_login && is_over
    }

    /// The envelope that was sent; empty for a login.
    pub fn request_text(&self) -> &str {
        self.request.post_data.as_ref().map_or("", |body| &body.text)
    }

    /// The body that came, in bytes.
    pub fn reply_bytes(&self) -> Vec<u8> {
        self.response.content.bytes()
    }

    /// Host and port of the URL.
    pub fn host(&self) -> &str {
        let rest = self.request.url.split_once("://").map_or(self.request.url.as_str(), |(_, rest)| rest);
        rest.split(['/', '?', '#']).next().unwrap_or("")
    }

    /// What failed, if anything did.
    pub fn failure(&self) -> Option<&Failure> {
        self.extra.as_ref()?.failure.as_ref()
    }
}

impl Content {
    /// Text where the bytes are text, base64 where they are not.
    pub fn of(bytes: &[u8], mime_type: &str) -> Self {
        let (text, encoding) = match str::from_utf8(bytes) {
            Ok("") => (None, None),
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (Some(base64_of(bytes)), Some("base64".to_owned())),
        };
        Content {
            size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            mime_type: mime_type.to_owned(),
            text,
            encoding,
        }
    }

    /// The bytes. What is said to be base64 and is not comes as it stands: it is for its reader to refuse.
    pub fn bytes(&self) -> Vec<u8> {
        let text = self.text.as_deref().unwrap_or("");
        let decoded = is_base64(self.encoding.as_deref()).then(|| decoded(text)).flatten();
        decoded.unwrap_or_else(|| text.as_bytes().to_vec())
    }
}

impl Header {
    /// A header.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Header { name: name.into(), value: value.into() }
    }
}

fn is_base64(encoding: Option<&str>) -> bool {
    encoding.is_some_and(|encoding| encoding.trim().eq_ignore_ascii_case("base64"))
}

/// Base64 with or without line breaks, which some write.
fn decoded(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    let engine = &base64::engine::general_purpose::STANDARD;
    match text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        true => engine.decode(text.split_ascii_whitespace().collect::<String>()).ok(),
        false => engine.decode(text).ok(),
    }
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

const HTTP_VERSION: &str = "HTTP/1.1";
const UNKNOWN: i64 = -1;
const NEVER: f64 = -1.0;
