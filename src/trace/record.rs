//! Recording: what is told of messages becomes entries of a HAR file.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::anonymise::Anonymiser;
use super::error::TraceError;
use super::har::{Content, Entry, Extra, Failure, Header, Kind, PostData, Timings};
use super::names;
use super::redact::Redactor;
use super::write::HarFile;
use crate::wsman::{Exchange, ExchangeError, Leg, Message, Observer, Reply, Request};

/// Writes a recording, message by message.
///
/// As an [`Observer`] it is told of everything by a session over the network. For any other exchange there is
/// [`Recording`]. A recording that cannot be written stops; it never disturbs the messages it records:
/// [`Recorder::failure`] says so at the end.
#[derive(Debug)]
pub struct Recorder {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: HarFile,
    redactor: Redactor,
    anonymiser: Option<Anonymiser>,
    /// Numbers of connections over all sessions: each session counts its own from 1.
    connections: HashMap<(String, u64), usize>,
    /// Messages under way, by MessageID and bytes sent.
    pending: Vec<(String, Entry)>,
    failure: Option<String>,
}

impl Recorder {
    /// Begins a recording in a file. An existing recording is overwritten; another file is not.
    ///
    /// # Errors
    /// [`TraceError`] when the file cannot be written or is something else.
    pub fn create(path: &Path, redactor: Redactor, anonymiser: Option<Anonymiser>) -> Result<Self, TraceError> {
        Ok(Self::over(HarFile::create(path)?, redactor, anonymiser))
    }

    /// Begins a recording in memory.
    pub fn in_memory(redactor: Redactor, anonymiser: Option<Anonymiser>) -> Self {
        Self::over(HarFile::in_memory(), redactor, anonymiser)
    }

    fn over(file: HarFile, redactor: Redactor, anonymiser: Option<Anonymiser>) -> Self {
        let state =
            State { file, redactor, anonymiser, connections: HashMap::new(), pending: Vec::new(), failure: None };
        Recorder { state: Mutex::new(state) }
    }

    /// Tells it the names and the password of a connection that is about to be made: the password is hidden, and
    /// the names are replaced if names are.
    pub fn expect(&self, host: &str, user: &str, password: &str) {
        let mut state = self.state();
        state.redactor = std::mem::take(&mut state.redactor).hiding(password);
        if let Some(anonymiser) = &mut state.anonymiser {
            anonymiser.host(host);
            anonymiser.user(user);
        }
    }

    /// Adds an entry that was made elsewhere, through redaction and renaming as every other.
    pub fn add(&self, entry: Entry) {
        self.finish(None, vec![entry]);
    }

    /// The recording so far, as a HAR file; messages under way are left out.
    ///
    /// # Errors
    /// When the file cannot be read back.
    pub fn har(&self) -> std::io::Result<Vec<u8>> {
        self.state().file.finished_bytes()
    }

    /// How many entries are finished: the number of the last one, counted from 1.
    pub fn entries(&self) -> u64 {
        self.state().file.finished()
    }

    /// A text for people without what the recording is without: secrets, and names where they are replaced.
    pub fn clean(&self, text: &str) -> String {
        let mut state = self.state();
        let text = state.redactor.text(text);
        match &mut state.anonymiser {
            Some(anonymiser) => anonymiser.plain(&text),
            None => text,
        }
    }

    /// Why the recording is not complete, if it is not.
    pub fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    fn begin(&self, message: &Message) {
        let mut entry = entry_of(message, &now());
        let failure = Failure {
            kind: names::PENDING.to_owned(),
            delivery: names::delivery(crate::wsman::Delivery::Unknown).to_owned(),
            text: "the recording ends before an answer came".to_owned(),
        };
        if let Some(extra) = &mut entry.extra {
            extra.failure = Some(failure);
        }
        let key = key_of(message);
        self.step(|state| {
            state.clean(&mut entry);
            state.pending.push((key, entry));
            Vec::new()
        });
    }

    fn finish(&self, key: Option<&str>, entries: Vec<Entry>) {
        self.step(|state| {
            if let Some(at) = state.pending.iter().position(|(pending, _)| Some(pending.as_str()) == key) {
                state.pending.remove(at);
            }
            let clean = |mut entry| {
                state.clean(&mut entry);
                entry
            };
            entries.into_iter().map(clean).collect()
        });
    }

    /// Changes the state and brings the file up to it.
    fn step(&self, change: impl FnOnce(&mut State) -> Vec<Entry>) {
        let mut state = self.state();
        if state.failure.is_some() {
            return;
        }
        let finished = change(&mut state);
        if let Err(error) = state.write(&finished) {
            state.failure = Some(error.to_string());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The number of a connection in this recording; none where none came to stand.
    fn connection(&mut self, leg: &Leg) -> Option<String> {
        let next = self.connections.len() + 1;
        let key = (leg.url.clone(), leg.connection);
        (leg.connection > 0).then(|| self.connections.entry(key).or_insert(next).to_string())
    }

    /// The one road into the file: secrets out, then names.
    fn clean(&mut self, entry: &mut Entry) {
        self.redactor.redact(entry);
        if let Some(anonymiser) = &mut self.anonymiser {
            anonymiser.study(entry);
            anonymiser.apply(entry);
        }
    }

    fn write(&mut self, finished: &[Entry]) -> Result<(), TraceError> {
        // A name that was learnt just now may stand in what was written before.
        let grown = self.anonymiser.as_mut().is_some_and(Anonymiser::has_grown);
        let Some(anonymiser) = self.anonymiser.as_mut().filter(|_| grown) else {
            let pending: Vec<_> = self.pending.iter().map(|(_, entry)| entry).collect();
            return Ok(self.file.write(finished, &pending)?);
        };
        self.pending.iter_mut().for_each(|(_, entry)| anonymiser.apply(entry));
        let mut finished = finished.to_vec();
        finished.iter_mut().for_each(|entry| anonymiser.apply(entry));
        let pending: Vec<_> = self.pending.iter().map(|(_, entry)| entry).collect();
        self.file.rewrite(|entry| anonymiser.apply(entry), &[])?;
        Ok(self.file.write(&finished, &pending)?)
    }
}

impl Observer for Recorder {
    fn sending(&self, message: &Message) {
        self.begin(message);
    }

    fn exchanged(&self, message: &Message, legs: Vec<Leg>, outcome: Result<&Reply, &ExchangeError>) {
        let carried = legs.iter().rposition(|leg| leg.carries);
        let numbers: Vec<_> = legs.iter().map(|leg| self.state().connection(leg)).collect();
        let mut entries: Vec<_> = legs
            .into_iter()
            .zip(numbers)
            .enumerate()
            .map(|(at, (leg, number))| {
                let outcome = (Some(at) == carried).then_some(outcome);
                Entry { connection: number, ..entry_of_leg(message, leg, outcome) }
            })
            .collect();
        if carried.is_none() {
            entries.push(with_outcome(entry_of(message, &now()), outcome));
        }
        self.finish(Some(&key_of(message)), entries);
    }
}

/// An exchange whose messages are recorded: for exchanges that tell no observer of their own.
#[derive(Debug)]
pub struct Recording<E> {
    inner: E,
    recorder: std::sync::Arc<Recorder>,
}

impl<E> Recording<E> {
    /// Records what goes over `inner`.
    pub fn new(inner: E, recorder: std::sync::Arc<Recorder>) -> Self {
        Recording { inner, recorder }
    }
}

impl<E: Exchange> Exchange for Recording<E> {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        let url = self.inner.address();
        self.recorder.begin(&message);
        let begun = SystemTime::now();
        let outcome = self.inner.send(message.clone()).await;
        let mut entry = with_outcome(entry_of(&message, &iso(begun)), outcome.as_ref());
        entry.request.url = url.to_owned();
        entry.timings.wait = milliseconds(begun.elapsed().unwrap_or_default());
        entry.time = entry.timings.wait;
        self.recorder.finish(Some(&key_of(&message)), vec![entry]);
        outcome
    }

    fn address(&self) -> &str {
        self.inner.address()
    }
}

fn key_of(message: &Message) -> String {
    format!("{} {}", message.message_id(), message.bytes().len())
}

fn entry_of(message: &Message, started: &str) -> Entry {
    let mut entry = Entry { started_date_time: started.to_owned(), ..Entry::default() };
    let text = String::from_utf8_lossy(message.bytes()).into_owned();
    let address = Request::read(message.bytes()).ok().and_then(|request| request.header.to);
    entry.request.url = address.unwrap_or_default();
    entry.request.body_size = size(message.bytes().len());
    entry.request.post_data = Some(PostData { mime_type: SOAP.to_owned(), text, ..PostData::default() });
    entry.extra = Some(Extra {
        action: message.action().to_owned(),
        message_id: message.message_id().to_owned(),
        may_repeat: message.may_repeat(),
        ..Extra::default()
    });
    entry
}

/// An entry for a leg; the outcome belongs to the last one that carried the message.
fn entry_of_leg(message: &Message, leg: Leg, outcome: Option<Result<&Reply, &ExchangeError>>) -> Entry {
    let mut entry = entry_of(message, &iso(leg.started));
    let headers =
        |list: Vec<(String, String)>| list.into_iter().map(|(name, value)| Header::new(name, value)).collect();
    let content_type = leg.request_headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value);
    let sealed = content_type.is_some_and(|value| value.starts_with("multipart/"));
    if let Some(extra) = &mut entry.extra {
        extra.sealed = sealed;
        if !leg.carries {
            *extra = Extra { kind: Kind::Login, ..Extra::default() };
        }
    }
    if !leg.carries {
        entry.request.post_data = None;
    }
    entry.request.url = leg.url;
    entry.request.headers = headers(leg.request_headers);
    entry.request.body_size = size(leg.sent);
    let status = leg.status.unwrap_or(0);
    match outcome {
        Some(outcome) => entry = with_outcome(entry, outcome),
        None if leg.carries => {
            let text = match leg.status {
                Some(_) => "the host wants a new login; the message was sent again",
                None => "the connection ended; the message was sent again",
            };
            set_failure(&mut entry, names::REPEATED, text);
        }
        None => {}
    }
    entry.response.status = status;
    entry.response.status_text = names::status_text(status).to_owned();
    entry.response.headers = headers(leg.response_headers);
    entry.response.body_size = if status == 0 { -1 } else { size(leg.received) };
    entry.server_ip_address = leg.peer;
    let phase = |duration: Option<Duration>| duration.map_or(-1.0, milliseconds);
    let tls = leg.timings.tls.unwrap_or_default();
    entry.timings = Timings {
        dns: phase(leg.timings.resolve),
        // HAR counts the handshake as a part of connecting.
        connect: phase(leg.timings.connect.map(|connect| connect + tls)),
        ssl: phase(leg.timings.tls),
        wait: milliseconds(leg.timings.wait),
        receive: milliseconds(leg.timings.read),
        ..Timings::default()
    };
    let timings = entry.timings;
    entry.time = [timings.dns, timings.connect, timings.wait, timings.receive].iter().filter(|ms| **ms > 0.0).sum();
    entry
}

fn with_outcome(mut entry: Entry, outcome: Result<&Reply, &ExchangeError>) -> Entry {
    match outcome {
        Ok(reply) => {
            entry.response.status = reply.status;
            entry.response.status_text = names::status_text(reply.status).to_owned();
            entry.response.body_size = size(reply.bytes.len());
            entry.response.content = Content::of(&reply.bytes, reply.content_type.as_deref().unwrap_or(SOAP));
        }
        Err(error) => {
            set_failure(&mut entry, &names::kind(error.kind()), &error.to_string());
            if let Some(failure) = entry.extra.as_mut().and_then(|extra| extra.failure.as_mut()) {
                failure.delivery = names::delivery(error.delivery()).to_owned();
            }
        }
    }
    entry
}

fn set_failure(entry: &mut Entry, kind: &str, text: &str) {
    if let Some(extra) = &mut entry.extra {
        let delivery = names::delivery(crate::wsman::Delivery::Unknown).to_owned();
        extra.failure = Some(Failure { kind: kind.to_owned(), delivery, text: text.to_owned() });
    }
}

fn now() -> String {
    iso(SystemTime::now())
}

/// ISO 8601 in UTC, to the millisecond, as HAR has it.
pub(crate) fn iso(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

fn milliseconds(duration: Duration) -> f64 {
    // Microseconds are as fine as these clocks are of use here.
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

const SOAP: &str = "application/soap+xml;charset=UTF-8";
