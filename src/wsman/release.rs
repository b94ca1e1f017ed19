//! Release: gives up an enumeration that is not finished, so that it does not count against quotas.

use super::answer::Answer;
use super::error::ReplyError;
use super::operation::{Operation, Repeatable};
use super::request::{Head, RequestContext, ResponseContext};
use super::resource::ResourceUri;
use super::selector::SelectorSet;
use crate::xml::WriteError;

/// Action of the request.
pub const ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Release";
/// Action of the response.
pub const RESPONSE_ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/ReleaseResponse";

/// Ends an enumeration early.
#[derive(Debug, Clone)]
pub struct Release {
    /// The resource of the Enumerate.
    pub resource: ResourceUri,
    /// The selectors of the Enumerate.
    pub selectors: SelectorSet,
    /// The newest context.
    pub context: String,
}

impl Operation for Release {
    type Output = ();

    fn action(&self) -> String {
        ACTION.to_owned()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let envelope = context.envelope(Head::new(ACTION, &self.resource, &self.selectors).using(&["n"]));
        envelope.body(|writer| {
            writer.open("n", "Release").text_element("n", "EnumerationContext", &self.context).close();
        })
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<(), ReplyError> {
        Answer::plain(reply, message_id, ACTION).map(|_| ())
    }
}

impl Repeatable for Release {}

/// Writes the reply of a host: an empty body.
///
/// # Errors
/// A character that XML cannot carry.
pub fn write_response(context: &ResponseContext<'_>) -> Result<Vec<u8>, WriteError> {
    context.envelope(RESPONSE_ACTION, &[]).body(|_| {})
}
