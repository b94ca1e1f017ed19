//! Unsubscribe: ends a subscription.

use super::answer::Answer;
use super::error::ReplyError;
use super::operation::{Operation, Repeatable};
use super::request::{RequestContext, ResponseContext};
use super::subscribe::SubscriptionManager;
use crate::xml::WriteError;

/// Action of the request.
pub const ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/Unsubscribe";
/// Action of the response.
pub const RESPONSE_ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/UnsubscribeResponse";

/// Ends a subscription, so that it does not count against the host's quota until it expires.
#[derive(Debug, Clone)]
pub struct Unsubscribe {
    /// Whom to ask, from the reply to Subscribe.
    pub manager: SubscriptionManager,
}

impl Operation for Unsubscribe {
    type Output = ();

    fn action(&self) -> String {
        ACTION.to_owned()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let mut envelope = context.envelope(self.manager.head(ACTION));
        envelope.blocks(|writer| self.manager.write_identifier(writer));
        envelope.body(|writer| {
            writer.empty_element("e", "Unsubscribe");
        })
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<(), ReplyError> {
        Answer::plain(reply, message_id, ACTION).map(|_| ())
    }
}

impl Repeatable for Unsubscribe {}

/// Writes the reply of a host: an empty body.
///
/// # Errors
/// A character that XML cannot carry.
pub fn write_response(context: &ResponseContext<'_>) -> Result<Vec<u8>, WriteError> {
    context.envelope(RESPONSE_ACTION, &["e"]).body(|_| {})
}
