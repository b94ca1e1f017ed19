//! Renew: keeps a subscription alive.

use std::time::Duration;

use super::answer::Answer;
use super::error::ReplyError;
use super::limits::xs_duration;
use super::operation::{Operation, Repeatable};
use super::request::{RequestContext, ResponseContext};
use super::subscribe::SubscriptionManager;
use crate::soap::Envelope;
use crate::xml::{WriteError, ns};

/// Action of the request.
pub const ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/Renew";
/// Action of the response.
pub const RESPONSE_ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/RenewResponse";

/// Asks that a subscription live on.
#[derive(Debug, Clone)]
pub struct Renew {
    /// Whom to ask, from the reply to Subscribe.
    pub manager: SubscriptionManager,
    /// For how long; none leaves it to the host.
    pub expires: Option<Duration>,
}

impl Operation for Renew {
    /// How long it lives now, as the host says it.
    type Output = Option<String>;

    fn action(&self) -> String {
        ACTION.to_owned()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let mut envelope = context.envelope(self.manager.head(ACTION));
        envelope.blocks(|writer| self.manager.write_identifier(writer));
        envelope.body(|writer| {
            writer.open("e", "Renew");
            if let Some(expires) = self.expires {
                writer.text_element("e", "Expires", &xs_duration(expires));
            }
            writer.close();
        })
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<Option<String>, ReplyError> {
        let mut answer = Answer::named(reply, message_id, ACTION, "RenewResponse")?;
        answer.root(ns::EVENTING, "RenewResponse")?;
        let expires = Envelope::of(&answer.document)?.payload().and_then(|response| response.child_here("Expires"));
        Ok(expires.map(|expires| expires.text().trim().to_owned()))
    }
}

impl Repeatable for Renew {}

/// Writes the reply of a host.
///
/// # Errors
/// A character that XML cannot carry.
pub fn write_response(context: &ResponseContext<'_>, expires: &str) -> Result<Vec<u8>, WriteError> {
    context.envelope(RESPONSE_ACTION, &["e"]).body(|writer| {
        writer.open("e", "RenewResponse").text_element("e", "Expires", expires).close();
    })
}
