//! WS-Transfer Get: one instance by its keys.

use super::answer::Answer;
use super::error::ReplyError;
use super::operation::{Operation, Repeatable};
use super::request::{Head, RequestContext, ResponseContext};
use super::resource::EndpointReference;
use crate::cim::InstanceView;
use crate::soap::Envelope;
use crate::xml::{Document, WriteError, Writer};

/// Action of the request.
pub const ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get";
/// Action of the response.
pub const RESPONSE_ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/GetResponse";

/// Reads the instance that a reference names.
#[derive(Debug, Clone)]
pub struct Get {
    /// Which instance.
    pub target: EndpointReference,
}

impl Operation for Get {
    type Output = Response;

    fn action(&self) -> String {
        ACTION.to_owned()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        context.envelope(Head::new(ACTION, &self.target.resource, &self.target.selectors)).body(|_| {})
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<Response, ReplyError> {
        let document = Answer::plain(reply, message_id, ACTION)?.document;
        let class = self.target.resource.last_segment();
        let payload = Envelope::of(&document)?.payload();
        // The class may be a derived one, so only its presence is checked here.
        if payload.is_none() {
            return Err(ReplyError::Body { expected: class.to_owned(), actual: String::new() });
        }
        Ok(Response { document })
    }
}

impl Repeatable for Get {}

/// The reply to [`Get`]: a document that holds one instance.
#[derive(Debug)]
pub struct Response {
    document: Document,
}

impl Response {
    /// The instance.
    pub fn instance(&self) -> InstanceView<'_> {
        let payload = Envelope::of(&self.document).ok().and_then(|envelope| envelope.payload());
        InstanceView::of(payload.unwrap_or_else(|| self.document.root()))
    }

    /// The reply as it was read.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

/// Writes the reply of a host.
///
/// # Errors
/// A name or character that XML cannot carry.
pub fn write_response(
    context: &ResponseContext<'_>,
    instance: impl FnOnce(&mut Writer),
) -> Result<Vec<u8>, WriteError> {
    context.envelope(RESPONSE_ACTION, &["x", "p"]).body(instance)
}
