//! WS-Transfer Delete: removes a resource.

use super::answer::Answer;
use super::error::ReplyError;
use super::operation::Operation;
use super::request::{Head, RequestContext, ResponseContext};
use super::resource::EndpointReference;
use crate::xml::WriteError;

/// Action of the request.
pub const ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete";
/// Action of the response.
pub const RESPONSE_ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/DeleteResponse";

/// Removes the instance that a reference names.
#[derive(Debug, Clone)]
pub struct Delete {
    /// Which instance.
    pub target: EndpointReference,
}

impl Operation for Delete {
    type Output = ();

    fn action(&self) -> String {
        ACTION.to_owned()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        context.envelope(Head::new(ACTION, &self.target.resource, &self.target.selectors)).body(|_| {})
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<(), ReplyError> {
        Answer::plain(reply, message_id, ACTION).map(|_| ())
    }
}

/// Writes the reply of a host: an empty body.
///
/// # Errors
/// A character that XML cannot carry.
pub fn write_response(context: &ResponseContext<'_>) -> Result<Vec<u8>, WriteError> {
    context.envelope(RESPONSE_ACTION, &[]).body(|_| {})
}
