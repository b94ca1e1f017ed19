//! Why a reply was not accepted.

use super::fault::Fault;
use super::stray::Stray;
use crate::soap::EnvelopeError;
use crate::xml::{self, Element};

/// What was wrong with a reply; checked in this order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// Not XML, or XML beyond the limits.
    #[error("the message is not XML we accept: {0}")]
    Xml(#[from] xml::Error),
    /// XML, but no SOAP envelope.
    #[error("the message is not SOAP: {0}")]
    Envelope(#[from] EnvelopeError),
    /// No message at all.
    #[error("the reply is {0}, and no WS-Management message")]
    Stray(Stray),
    /// The host answered with a fault.
    #[error(transparent)]
    Fault(Box<Fault>),
    /// The action is not the one that answers the request.
    #[error("the reply has the action {actual:?}, expected {expected:?}")]
    Action {
        /// What was expected.
        expected: String,
        /// What came; empty where it is missing.
        actual: String,
    },
    /// The reply answers another message.
    #[error("the reply relates to {actual:?}, not to the request {expected:?}")]
    RelatesTo {
        /// The MessageID that was sent.
        expected: String,
        /// What came; empty where it is missing.
        actual: String,
    },
    /// The body holds something else.
    #[error("the reply's body is <{actual}>, expected <{expected}>")]
    Body {
        /// What was expected; as `{namespace}name` where the names are equal and the namespaces are not.
        expected: String,
        /// What came, in the same form; empty where there is nothing.
        actual: String,
    },
    /// A part of the body cannot be read.
    #[error("the reply's {part} is unusable: {reason}")]
    Content {
        /// Element or property.
        part: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ReplyError {
    /// Another body than expected; with namespaces where the names alone would read the same.
    pub(crate) fn body(namespace: &str, local: &str, actual: Option<Element<'_>>) -> Self {
        let name = |namespace: &str, local: &str| format!("{{{namespace}}}{local}");
        match actual {
            Some(actual) if actual.local() == local => {
                ReplyError::Body { expected: name(namespace, local), actual: name(actual.namespace(), actual.local()) }
            }
            actual => ReplyError::Body {
                expected: local.to_owned(),
                actual: actual.map_or("", |actual| actual.local()).to_owned(),
            },
        }
    }

    pub(crate) fn content(part: impl Into<String>, reason: impl Into<String>) -> Self {
        ReplyError::Content { part: part.into(), reason: reason.into() }
    }

    /// The fault, if that is what came.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            ReplyError::Fault(fault) => Some(fault),
            _ => None,
        }
    }
}
