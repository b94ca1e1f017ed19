//! WS-Transfer Put: replaces a resource, or sets the properties that are given.

use super::answer::Answer;
use super::error::ReplyError;
use super::operation::Operation;
use super::representation::Representation;
use super::request::{Head, RequestContext, ResponseContext};
use super::resource::EndpointReference;
use crate::cim::InstanceView;
use crate::soap::Envelope;
use crate::xml::{Document, WriteError, Writer};

/// Action of the request.
pub const ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Put";
/// Action of the response.
pub const RESPONSE_ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/PutResponse";

/// Replaces the instance that a reference names. To a WMI instance only the properties that are sent change.
#[derive(Debug, Clone)]
pub struct Put {
    /// Which instance.
    pub target: EndpointReference,
    /// What it becomes.
    pub content: Representation,
}

impl Operation for Put {
    type Output = Response;

    fn action(&self) -> String {
        ACTION.to_owned()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let envelope = context.envelope(Head::new(ACTION, &self.target.resource, &self.target.selectors));
        envelope.try_body(|writer| self.content.write(writer, &self.target.resource))
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<Response, ReplyError> {
        Ok(Response { document: Answer::plain(reply, message_id, ACTION)?.document })
    }
}

/// The reply to [`Put`]. A host may send what the resource has become (Windows does), or nothing (DSP0226 7.4).
#[derive(Debug)]
pub struct Response {
    document: Document,
}

impl Response {
    /// What the resource has become, where the host says it.
    pub fn instance(&self) -> Option<InstanceView<'_>> {
        Envelope::of(&self.document).ok()?.payload().map(InstanceView::of)
    }

    /// The reply as it was read.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

/// Writes the reply of a host; `content` may write nothing.
///
/// # Errors
/// A name or character that XML cannot carry.
pub fn write_response(context: &ResponseContext<'_>, content: impl FnOnce(&mut Writer)) -> Result<Vec<u8>, WriteError> {
    context.envelope(RESPONSE_ACTION, &["x", "p"]).body(content)
}
