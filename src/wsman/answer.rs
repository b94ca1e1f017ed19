//! Which replies are taken: strict where forgery matters, lenient where only the form is another.
//!
//! A reply must relate to the request, and must not be a fault in any guise. Beyond that servers differ in form: OMI and
//! OpenPegasus leave `Response` out of the Action of a method's reply and name its body after the method or the class
//! (observed on loopback, November 2026). Such a reply is taken where its body shows what it is; [`Remark`] says what is
//! odd about it.

use std::fmt;

use super::error::ReplyError;
use super::fault::Fault;
use crate::soap::Envelope;
use crate::xml::{Document, Element};

/// What is odd in the form of a reply that answers all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// The Action is not the one that answers the request.
    Action {
        /// What was expected.
        expected: String,
        /// What came; empty where it is missing.
        actual: String,
    },
    /// The first element of the body has another name or stands in another namespace.
    Root {
        /// What was expected: `{namespace}name`.
        expected: String,
        /// What came: `{namespace}name`.
        actual: String,
    },
}

impl Remark {
    /// A word for it that does not change.
    pub fn name(&self) -> &'static str {
        match self {
            Remark::Action { .. } => "action",
            Remark::Root { .. } => "root",
        }
    }

    /// A remark on the name of an element, where it is not this one.
    pub(super) fn on_root(actual: Element<'_>, namespace: &str, local: &str) -> Option<Remark> {
        let fits = actual.local() == local && actual.namespace().eq_ignore_ascii_case(namespace);
        let name = |namespace: &str, local: &str| format!("{{{namespace}}}{local}");
        (!fits).then(|| Remark::Root {
            expected: name(namespace, local),
            actual: name(actual.namespace(), actual.local()),
        })
    }

    /// A remark on an Action, where it is not this one.
    pub(super) fn on_action(actual: &str, expected: &str) -> Option<Remark> {
        (!actual.eq_ignore_ascii_case(expected))
            .then(|| Remark::Action { expected: expected.to_owned(), actual: actual.to_owned() })
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remark::Action { expected, actual } => write!(f, "the reply has the action {actual:?}, not {expected:?}"),
            Remark::Root { expected, actual } => write!(f, "the reply's body is <{actual}>, not <{expected}>"),
        }
    }
}

/// A reply that was taken.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) document: Document,
    pub(super) remarks: Vec<Remark>,
}

impl Answer {
    /// Reads a reply to the request with this MessageID and Action: an envelope, no fault, related to the request. Its
    /// Action is that of the request with `Response`, or just that of the request; any other only where `shows` says
    /// that the body tells by itself what it answers, and never that of a fault.
    ///
    /// # Errors
    /// [`ReplyError`], in this order: `Xml`, `Envelope`, `Fault`, `Action`, `RelatesTo`.
    pub(super) fn read(
        reply: Vec<u8>,
        message_id: &str,
        action: &str,
        shows: impl FnOnce(&Envelope<'_>) -> bool,
    ) -> Result<Answer, ReplyError> {
        let document = Document::parse(reply)?;
        let envelope = Envelope::of(&document)?;
        let is_ours = envelope.answers(message_id);
        if let Some(fault) = Fault::of(&envelope) {
            return Err(ReplyError::Fault(Box::new(fault.answering(is_ours))));
        }
        let expected = format!("{action}Response");
        let actual = envelope.action().unwrap_or("");
        let fits = actual.eq_ignore_ascii_case(&expected) || actual.eq_ignore_ascii_case(action);
        if !fits && (is_of_fault(actual) || !shows(&envelope)) {
            return Err(ReplyError::Action { expected, actual: actual.to_owned() });
        }
        if !is_ours {
            let relates_to = envelope.relates_to().unwrap_or("");
            return Err(ReplyError::RelatesTo { expected: message_id.to_owned(), actual: relates_to.to_owned() });
        }
        let remark = Remark::on_action(actual, &expected);
        let mut answer = Answer { document, remarks: Vec::new() };
        if let Some(remark) = remark {
            answer.remark(remark);
        }
        Ok(answer)
    }

    /// As [`Answer::read`], for a reply whose body is an element with a name of its own.
    pub(super) fn named(reply: Vec<u8>, message_id: &str, action: &str, root: &str) -> Result<Answer, ReplyError> {
        Answer::read(reply, message_id, action, |envelope| {
            envelope.payload().is_some_and(|payload| payload.local() == root)
        })
    }

    /// As [`Answer::read`], for a reply whose body shows nothing.
    pub(super) fn plain(reply: Vec<u8>, message_id: &str, action: &str) -> Result<Answer, ReplyError> {
        Answer::read(reply, message_id, action, |_| false)
    }

    /// The first element of the body, of this name in whatever namespace; a remark where that is another one.
    ///
    /// # Errors
    /// [`ReplyError::Body`].
    pub(super) fn root(&mut self, namespace: &str, local: &str) -> Result<(), ReplyError> {
        let payload = Envelope::of(&self.document)?.payload();
        match payload.filter(|payload| payload.local() == local) {
            Some(root) => {
                if let Some(remark) = Remark::on_root(root, namespace, local) {
                    self.remark(remark);
                }
                Ok(())
            }
            None => Err(ReplyError::body(namespace, local, payload)),
        }
    }

    pub(super) fn remark(&mut self, remark: Remark) {
        tracing::debug!(%remark, "a reply in another form");
        self.remarks.push(remark);
    }
}

/// Whether an action announces a fault; then the body must be one. Every family names its own so.
fn is_of_fault(action: &str) -> bool {
    action.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case("fault"))
}

/// The one child of the body, where it holds a return value: the reply of a method, whatever it is called.
pub(super) fn output<'d>(envelope: &Envelope<'d>) -> Option<Element<'d>> {
    let mut children = envelope.body().children();
    let (only, None) = (children.next()?, children.next()) else { return None };
    only.children().any(|child| child.local() == "ReturnValue").then_some(only)
}
