//! WS-Transfer Create: makes a resource and learns where it is.

use super::error::ReplyError;
use super::operation::Operation;
use super::representation::Representation;
use super::request::{Head, RequestContext, ResponseContext, accept};
use super::resource::{EndpointReference, ResourceUri, SelectorSet};
use crate::soap::Envelope;
use crate::xml::{WriteError, ns};

/// Action of the request.
pub const ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create";
/// Action of the response.
pub const RESPONSE_ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/CreateResponse";

/// Makes an instance.
#[derive(Debug, Clone)]
pub struct Create {
    /// Its class, or another resource that can make one.
    pub resource: ResourceUri,
    /// Keys, where the maker and not the host chooses them (MS-WSMV 4.2.3).
    pub selectors: SelectorSet,
    /// What it is to be.
    pub content: Representation,
}

impl Operation for Create {
    /// Where the new instance is.
    type Output = EndpointReference;

    fn action(&self) -> String {
        ACTION.to_owned()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let envelope = context.envelope(Head::new(ACTION, &self.resource, &self.selectors));
        envelope.try_body(|writer| self.content.write(writer, &self.resource))
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<EndpointReference, ReplyError> {
        let document = accept(reply, message_id, RESPONSE_ACTION)?;
        let payload = Envelope::of(&document)?.payload();
        let Some(created) = payload.filter(|payload| payload.is(ns::TRANSFER, "ResourceCreated")) else {
            let actual = payload.map_or("", |payload| payload.local()).to_owned();
            return Err(ReplyError::Body { expected: "ResourceCreated".to_owned(), actual });
        };
        EndpointReference::read(created)
            .ok_or_else(|| ReplyError::content("ResourceCreated", "it holds no endpoint reference"))
    }
}

/// Writes the reply of a host.
///
/// # Errors
/// A name or character that XML cannot carry.
pub fn write_response(context: &ResponseContext<'_>, created: &EndpointReference) -> Result<Vec<u8>, WriteError> {
    context.envelope(RESPONSE_ACTION, &["x"]).body(|writer| {
        writer.open("x", "ResourceCreated");
        created.write(writer);
        writer.close();
    })
}
