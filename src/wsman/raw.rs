//! A request that was written elsewhere: an edited envelope, sent as it stands or under a new MessageID.

use std::ops::Range;

use super::answer::{Answer, output};
use super::error::ReplyError;
use super::fault::Fault;
use super::operation::Operation;
use super::request::RequestContext;
use super::{delete, enumerate, get, pull, put, release, renew, subscribe, unsubscribe};
use crate::soap::Envelope;
use crate::xml::{Document, WriteError, ns};

/// One envelope as bytes, and what of it must be known to send it.
#[derive(Debug, Clone)]
pub struct RawRequest {
    text: String,
    action: String,
    message_id: String,
    /// Where the MessageID stands in the text; none keeps it.
    place: Option<Range<usize>>,
    method: Option<String>,
}

/// Why an envelope cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RawError {
    /// No XML, or no envelope.
    #[error(transparent)]
    Envelope(#[from] ReplyError),
    /// A reply, which nobody can answer.
    #[error("it is a reply (it relates to {0:?}), not a request")]
    Reply(String),
    /// No place for a new MessageID.
    #[error("the envelope has no MessageID that could be replaced; send it as it is")]
    MessageId,
}

impl RawRequest {
    /// Reads an envelope that will be sent under a new MessageID each time.
    ///
    /// # Errors
    /// [`RawError`].
    pub fn fresh(bytes: impl Into<Vec<u8>>) -> Result<RawRequest, RawError> {
        let mut request = RawRequest::read(bytes)?;
        // The line end of a file is no part of a message.
        request.text.truncate(request.text.trim_end().len());
        // Identify has none, and needs none.
        match request.place.is_some() || request.action.is_empty() {
            true => Ok(request),
            false => Err(RawError::MessageId),
        }
    }

    /// Reads an envelope that will be sent byte for byte (a byte order mark left out).
    ///
    /// # Errors
    /// [`RawError`] of the kinds `Envelope` and `Reply`.
    pub fn as_is(bytes: impl Into<Vec<u8>>) -> Result<RawRequest, RawError> {
        RawRequest::read(bytes).map(|request| RawRequest { place: None, ..request })
    }

    fn read(bytes: impl Into<Vec<u8>>) -> Result<RawRequest, RawError> {
        let document = Document::parse(bytes).map_err(ReplyError::from)?;
        let envelope = Envelope::of(&document).map_err(ReplyError::from)?;
        if let Some(relates_to) = envelope.relates_to() {
            return Err(RawError::Reply(relates_to.to_owned()));
        }
        let id = envelope.header(ns::ADDRESSING, "MessageID");
        let method = envelope.payload().and_then(|payload| payload.local().strip_suffix("_INPUT"));
        Ok(RawRequest {
            action: envelope.action().unwrap_or("").to_owned(),
            message_id: envelope.message_id().unwrap_or("").to_owned(),
            place: id.and_then(|id| id.text_range()),
            method: method.map(str::to_owned),
            text: document.source().to_owned(),
        })
    }

    /// The method that is called, if one is.
    pub fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    /// What it asks for, in a word: the method, or the last part of the action.
    pub fn name(&self) -> &str {
        match (&self.method, self.action.rsplit('/').next()) {
            (Some(method), _) => method,
            (None, Some(name)) if !name.is_empty() => name,
            (None, _) => "Identify",
        }
    }

    /// Whether the request is known to change nothing on the host, by its action.
    pub fn is_harmless(&self) -> bool {
        let action = self.action.as_str();
        // Identify has no action.
        action.is_empty() && self.method.is_none() || HARMLESS.contains(&action)
    }

    /// Whether its action is one of WS-Management's own, and not a method.
    pub fn is_standard(&self) -> bool {
        HARMLESS.contains(&self.action.as_str()) || CHANGING.contains(&self.action.as_str())
    }
}

impl Operation for RawRequest {
    /// The reply as a document: an envelope that is no fault, and answers this request.
    type Output = Document;

    fn action(&self) -> String {
        self.action.clone()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let mut text = self.text.clone();
        if let Some(place) = self.place.clone() {
            text.replace_range(place, context.message_id);
        }
        Ok(text.into_bytes())
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<Document, ReplyError> {
        if self.action.is_empty() {
            let document = Document::parse(reply)?;
            return match Fault::of(&Envelope::of(&document)?) {
                Some(fault) => Err(ReplyError::Fault(Box::new(fault))),
                None => Ok(document),
            };
        }
        let id = if self.place.is_some() { message_id } else { &self.message_id };
        // An action of its own may be a method, whose reply shows by its body what it is.
        Ok(Answer::read(reply, id, &self.action, |envelope| output(envelope).is_some())?.document)
    }
}

const HARMLESS: &[&str] = &[
    get::ACTION,
    enumerate::ACTION,
    pull::ACTION,
    release::ACTION,
    subscribe::ACTION,
    renew::ACTION,
    unsubscribe::ACTION,
];
const CHANGING: &[&str] = &[put::ACTION, super::create::ACTION, delete::ACTION];
