//! A recording as something that answers: each request gets what the recording holds for its meaning, in order.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::error::TraceError;
use super::har::Entry;
use super::meaning::Meaning;
use super::names;
use super::read::Trace;
use crate::wsman::{Delivery, Exchange, ExchangeError, ExchangeErrorKind, Message, Reply};

/// The answers of a recording.
///
/// A request is found by its [`Meaning`]. Where the same was asked more than once, the answers come in the order of
/// the recording, and the last one stays: a job that was seen to end has ended for whoever asks later.
#[derive(Debug)]
pub struct Answers {
    recorded: Vec<Recorded>,
    /// By what a meaning is told apart.
    asked: Mutex<HashMap<[u8; 32], Turns>>,
    url: String,
}

/// The entries that answer a request, in order.
#[derive(Debug, Default)]
struct Turns {
    entries: Vec<usize>,
    given: usize,
}

#[derive(Debug)]
struct Recorded {
    meaning: Meaning,
    outcome: Outcome,
    took: Duration,
}

/// What the recording holds for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A reply.
    Reply {
        /// HTTP status.
        status: u16,
        /// Media type.
        content_type: String,
        /// The body, related to the request that was asked now.
        bytes: Vec<u8>,
    },
    /// No usable reply came then.
    Failed {
        /// Why.
        kind: ExchangeErrorKind,
        /// What was known of the delivery.
        delivery: Delivery,
        /// In words.
        text: String,
    },
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What came.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    /// Operation and class.
    pub title: String,
}

impl Answers {
    /// The answers of a recording.
    ///
    /// # Errors
    /// [`TraceError::NoMessage`] where it holds no envelope that was sent.
    pub fn of(trace: &Trace) -> Result<Answers, TraceError> {
        let mut answers = Answers { recorded: Vec::new(), asked: Mutex::default(), url: String::new() };
        let mut asked: HashMap<[u8; 32], Turns> = HashMap::new();
        for entry in trace.entries.iter().filter(|entry| entry.is_told_to_the_end()) {
            let Ok(meaning) = Meaning::of(entry.request_text().as_bytes()) else { continue };
            if answers.url.is_empty() {
                answers.url.clone_from(&entry.request.url);
            }
            asked.entry(meaning.print()).or_default().entries.push(answers.recorded.len());
            let took = Duration::try_from_secs_f64(entry.time / 1000.0).unwrap_or_default();
            answers.recorded.push(Recorded { outcome: outcome_of(entry), meaning, took });
        }
        answers.asked = Mutex::new(asked);
        if answers.recorded.is_empty() { Err(TraceError::NoMessage) } else { Ok(answers) }
    }

    /// The URL that was posted to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many answers there are.
    pub fn len(&self) -> usize {
        self.recorded.len()
    }

    /// Never true: a recording without answers is refused.
    pub fn is_empty(&self) -> bool {
        self.recorded.is_empty()
    }

    /// The answer to a request.
    ///
    /// # Errors
    /// In words, what the recording lacks and what comes nearest.
    pub fn answer(&self, request: &[u8]) -> Result<Answer, String> {
        let meaning =
            Meaning::of(request).map_err(|error| format!("the request is no WS-Management message: {error}"))?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(turns) = asked.get_mut(&meaning.print()) else { return Err(self.lacks(&meaning)) };
        let at = turns.entries.get(turns.given).or(turns.entries.last()).copied();
        turns.given = turns.given.saturating_add(1);
        let Some(recorded) = at.and_then(|at| self.recorded.get(at)) else { return Err(self.lacks(&meaning)) };
        Ok(Answer {
            outcome: related(&recorded.outcome, &recorded.meaning.message_id, &meaning.message_id),
            took: recorded.took,
            title: meaning.title,
        })
    }

    fn lacks(&self, meaning: &Meaning) -> String {
        let near = self.recorded.iter().filter(|recorded| recorded.meaning.title == meaning.title).count();
        match near {
            0 => format!("the recording has no {}", meaning.title),
            _ => {
                format!("the recording has {near} of {}, none with the same selectors, options and body", meaning.title)
            }
        }
    }
}

fn outcome_of(entry: &Entry) -> Outcome {
    let response = &entry.response;
    let failed = |kind, delivery, text: &str| Outcome::Failed { kind, delivery, text: text.to_owned() };
    if let Some(failure) = entry.failure() {
        let delivery = names::delivery_named(&failure.delivery);
        return failed(names::kind_named(&failure.kind), delivery, &failure.text);
    }
    match response.status {
        0 => failed(ExchangeErrorKind::ConnectionLost, Delivery::Unknown, "no answer was recorded"),
        401 => failed(ExchangeErrorKind::SessionExpired, Delivery::Unknown, "the host ended the login (401)"),
        status => {
            Outcome::Reply { status, content_type: response.content.mime_type.clone(), bytes: entry.reply_bytes() }
        }
    }
}

/// The outcome with RelatesTo naming the request that was asked now. The id stands nowhere else.
fn related(outcome: &Outcome, recorded: &str, asked: &str) -> Outcome {
    match outcome {
        Outcome::Reply { status, content_type, bytes } if !recorded.is_empty() => {
            let bytes = match str::from_utf8(bytes) {
                Ok(text) => text.replace(recorded, asked).into_bytes(),
                Err(_) => bytes.clone(),
            };
            Outcome::Reply { status: *status, content_type: content_type.clone(), bytes }
        }
        other => other.clone(),
    }
}

/// A recording as an [`Exchange`]: workflows run against it as against a host, without a socket and without waiting.
#[derive(Debug)]
pub struct Replay {
    answers: Answers,
}

impl Replay {
    /// Plays these answers.
    pub fn new(answers: Answers) -> Self {
        Replay { answers }
    }
}

impl Exchange for Replay {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        let answer = self.answers.answer(message.bytes());
        let answer = answer.map_err(|text| ExchangeError::new(ExchangeErrorKind::Other, Delivery::NotSent, text))?;
        match answer.outcome {
            Outcome::Reply { status, content_type, bytes } => {
                Ok(Reply { status, content_type: Some(content_type).filter(|text| !text.is_empty()), bytes })
            }
            Outcome::Failed { kind, delivery, text } => {
                Err(ExchangeError::new(kind, delivery, format!("{text} (recorded)")))
            }
        }
    }

    fn address(&self) -> &str {
        self.answers.url()
    }
}
