//! One TCP connection: who is the client, which answer belongs to which request, and what is in the bodies.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::http::{HttpError, HttpMessage, HttpReader};
use super::packet::Segment;
use super::stream::Stream;
use super::{Found, Opener, Sender};
use crate::trace::har::{Content, Entry, Extra, Failure, Header, Kind, PostData, Timings};
use crate::trace::meaning::Meaning;
use crate::trace::names;
use crate::trace::record::iso;

/// A connection that is being followed.
pub(super) struct Connection<O> {
    number: u64,
    opener: O,
    client: Option<SocketAddr>,
    server: Option<SocketAddr>,
    streams: [Stream; 2],
    readers: [HttpReader; 2],
    unanswered: VecDeque<(HttpMessage, Entry)>,
    /// Why bodies of this login cannot be opened.
    closed: Option<String>,
    /// Nothing more can be read: it is no HTTP, or a part is missing.
    given_up: bool,
    ends_seen: [bool; 2],
    counted: bool,
}

impl<O: Opener> Connection<O> {
    pub(super) fn new(number: u64, opener: O) -> Self {
        Connection {
            number,
            opener,
            client: None,
            server: None,
            streams: Default::default(),
            readers: Default::default(),
            unanswered: VecDeque::new(),
            closed: None,
            given_up: false,
            ends_seen: [false; 2],
            counted: false,
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether it began with this SYN, seen once more.
    pub(super) fn begins_with(&self, syn: &Segment<'_>) -> bool {
        self.client == Some(syn.from) && self.streams.first().is_some_and(|stream| stream.begins_with(syn))
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        let streams = self.streams.iter().map(Stream::held).sum::<usize>();
        let waiting = self.unanswered.iter().map(|(request, _)| request.body.len()).sum::<usize>();
        streams + waiting + self.readers.iter().map(HttpReader::held).sum::<usize>()
    }

    /// Whether both sides have ended it and nothing is missing.
    pub(super) fn is_over(&self) -> bool {
        self.ends_seen == [true; 2] && !self.streams.iter().any(Stream::has_gap)
    }

    pub(super) fn take(&mut self, segment: &Segment<'_>, time: Duration, each: &mut impl FnMut(Entry)) -> Found {
        let mut found = Found::default();
        let sender = self.sender(segment);
        let side = match sender {
            Sender::Client => 0,
            Sender::Server => 1,
        };
        if let Some(end) = self.ends_seen.get_mut(side) {
            *end |= segment.ends;
        }
        if self.given_up {
            return found;
        }
        let Some(stream) = self.streams.get_mut(side) else { return found };
        let bytes = match stream.take(segment) {
            Ok(bytes) if bytes.is_empty() => return found,
            Ok(bytes) => bytes,
            Err(_) => {
                self.give_up(&mut found, "packets are missing in the capture");
                return found;
            }
        };
        if !self.counted && bytes.starts_with(&[0x16, 0x03]) {
            self.give_up(&mut found, "is TLS, which a capture alone does not open; record with --trace instead");
            return found;
        }
        let messages = self.readers.get_mut(side).map(|reader| reader.take(&bytes, time));
        match messages {
            Some(Ok(messages)) => messages.into_iter().for_each(|message| match sender {
                Sender::Client => self.request(message, &mut found),
                Sender::Server => self.answer(message, &mut found, each),
            }),
            // A connection that never spoke HTTP is none of ours.
            Some(Err(HttpError::NotHttp)) if !self.counted => self.given_up = true,
            Some(Err(HttpError::NotHttp)) => self.give_up(&mut found, "holds something that is no HTTP"),
            Some(Err(HttpError::Unusable(text))) => self.give_up(&mut found, &format!("holds {text}")),
            None => {}
        }
        found
    }

    /// The capture or the connection has ended.
    pub(super) fn end(&mut self, time: Duration, each: &mut impl FnMut(Entry)) -> Found {
        let mut found = Found::default();
        if self.given_up && self.unanswered.is_empty() {
            return found;
        }
        if self.counted && self.streams.iter().any(Stream::has_gap) {
            found.note(format!("connection {}: packets are missing in the capture", self.number));
        }
        let last = self.readers.get_mut(1).and_then(|reader| reader.end(time));
        if let Some(answer) = last {
            self.answer(answer, &mut found, each);
        }
        for (_, mut entry) in std::mem::take(&mut self.unanswered) {
            fail(&mut entry, names::PENDING, "the capture holds no answer");
            each(entry);
        }
        found
    }

    /// Who sent a segment. Without a SYN the first one that speaks is taken for the client: it asks.
    fn sender(&mut self, segment: &Segment<'_>) -> Sender {
        let (mut client, mut server) = (segment.from, segment.to);
        if segment.syn && segment.ack {
            (client, server) = (server, client);
        }
        // Half of a connection: an answer may come first.
        if !segment.syn && segment.payload.starts_with(b"HTTP/1.") {
            (client, server) = (server, client);
        }
        if self.client.is_none() && (segment.syn || !segment.payload.is_empty()) {
            (self.client, self.server) = (Some(client), Some(server));
        }
        if self.client.unwrap_or(segment.from) == segment.from { Sender::Client } else { Sender::Server }
    }

    fn give_up(&mut self, found: &mut Found, why: &str) {
        self.given_up = true;
        self.streams = Default::default();
        self.readers = Default::default();
        let verb = if why.starts_with("is ") || why.starts_with("holds ") { " " } else { ": " };
        found.note(format!("connection {}{verb}{why}", self.number));
    }

    fn request(&mut self, request: HttpMessage, found: &mut Found) {
        found.requests += 1;
        if !std::mem::replace(&mut self.counted, true) {
            found.connections += 1;
        }
        let mut entry = Entry::default();
        let path = request.start_line.split(' ').nth(1).unwrap_or("/").to_owned();
        let server = self.server.map(|address| address.to_string()).unwrap_or_default();
        let host = request.header("host").unwrap_or(&server).to_owned();
        entry.request.method = request.start_line.split(' ').next().unwrap_or("").to_owned();
        entry.request.url = format!("http://{host}{path}");
        entry.request.headers = headers(&request);
        entry.request.body_size = size(request.body.len());
        entry.started_date_time = iso(SystemTime::UNIX_EPOCH + request.begun);
        entry.server_ip_address = self.server.map(|address| address.ip().to_string());
        entry.connection = Some(self.number.to_string());
        self.tokens(Sender::Client, request.all("authorization"), found);
        let sealed = is_sealed(&request);
        let mut extra = Extra { sealed, ..Extra::default() };
        if request.body.is_empty() {
            extra.kind = Kind::Login;
        }
        entry.extra = Some(extra);
        if let Some(text) = self.body(Sender::Client, &request, &mut entry, found) {
            let text = String::from_utf8_lossy(&text).into_owned();
            if let (Ok(meaning), Some(extra)) = (Meaning::of(text.as_bytes()), &mut entry.extra) {
                extra.action = meaning.action;
                extra.message_id = meaning.message_id;
                extra.may_repeat = meaning.harmless;
            }
            let mime_type = media_type(&request, sealed);
            entry.request.post_data = Some(PostData { mime_type, text, ..PostData::default() });
        }
        self.unanswered.push_back((request, entry));
    }

    fn answer(&mut self, answer: HttpMessage, found: &mut Found, each: &mut impl FnMut(Entry)) {
        let Some((request, mut entry)) = self.unanswered.pop_front() else {
            if !std::mem::replace(&mut self.counted, true) {
                found.connections += 1;
            }
            found.note(format!("connection {}: the capture begins in the middle of it", self.number));
            return;
        };
        self.tokens(Sender::Server, answer.all("www-authenticate"), found);
        let status = answer.status().unwrap_or(0);
        entry.response.status = status;
        entry.response.status_text = names::status_text(status).to_owned();
        entry.response.headers = headers(&answer);
        entry.response.body_size = size(answer.body.len());
        if let Some(bytes) = self.body(Sender::Server, &answer, &mut entry, found) {
            entry.response.content = Content::of(&bytes, &media_type(&answer, is_sealed(&answer)));
        }
        let milliseconds = |from: Duration, to: Duration| to.saturating_sub(from).as_secs_f64() * 1000.0;
        entry.timings = Timings {
            send: milliseconds(request.begun, request.ended),
            wait: milliseconds(request.ended, answer.begun),
            receive: milliseconds(answer.begun, answer.ended),
            ..Timings::default()
        };
        entry.time = entry.timings.send + entry.timings.wait + entry.timings.receive;
        each(entry);
    }

    /// Gives tokens to the opener. Basic has none to give; it seals nothing.
    fn tokens<'t>(&mut self, from: Sender, values: impl Iterator<Item = &'t str>, found: &mut Found) {
        for value in values {
            let Some((scheme, token)) = value.trim().split_once(' ') else { continue };
            if scheme.eq_ignore_ascii_case("basic") {
                continue;
            }
            let Ok(token) = STANDARD.decode(token.trim()) else { continue };
            match self.opener.token(from, scheme, &token) {
                Ok(()) => self.closed = None,
                Err(why) => {
                    found.note(format!("connection {}: {why}", self.number));
                    self.closed = Some(why);
                }
            }
        }
    }

    /// The body in clear; none where there is none, or it stays shut.
    fn body(&mut self, from: Sender, message: &HttpMessage, entry: &mut Entry, found: &mut Found) -> Option<Vec<u8>> {
        if message.body.is_empty() {
            return None;
        }
        if !is_sealed(message) {
            return Some(message.body.clone());
        }
        let content_type = message.header("content-type").unwrap_or("");
        let opened = match &self.closed {
            Some(why) => Err(why.clone()),
            None => self.opener.open(from, content_type, &message.body),
        };
        match opened {
            Ok(bytes) => {
                found.opened += 1;
                Some(bytes)
            }
            Err(why) => {
                found.unopened += 1;
                found.note(format!("connection {}: {why}", self.number));
                fail(entry, SEALED, &why);
                None
            }
        }
    }
}

fn is_sealed(message: &HttpMessage) -> bool {
    message
        .header("content-type")
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("multipart/"))
}

fn media_type(message: &HttpMessage, sealed: bool) -> String {
    match sealed {
        true => "application/soap+xml;charset=UTF-8".to_owned(),
        false => message.header("content-type").unwrap_or("").to_owned(),
    }
}

fn headers(message: &HttpMessage) -> Vec<Header> {
    message.headers.iter().map(|(name, value)| Header::new(name.as_str(), value.as_str())).collect()
}

fn fail(entry: &mut Entry, kind: &str, text: &str) {
    let delivery = names::delivery(crate::wsman::Delivery::Unknown).to_owned();
    let extra = entry.extra.get_or_insert_default();
    extra.failure = Some(Failure { kind: kind.to_owned(), delivery, text: text.to_owned() });
}

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// A sealed body that was not opened.
const SEALED: &str = "sealed";
