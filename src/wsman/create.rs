//! WS-Transfer Create: makes a resource and learns where it is.

use super::answer::{Answer, Remark};
use super::error::ReplyError;
use super::operation::Operation;
use super::representation::Representation;
use super::request::{Head, RequestContext, ResponseContext};
use super::resource::{EndpointReference, ResourceUri};
use super::selector::SelectorSet;
use crate::cim::InstanceView;
use crate::soap::Envelope;
use crate::xml::{Document, WriteError, ns};

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
    type Output = Created;

    fn action(&self) -> String {
        ACTION.to_owned()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let envelope = context.envelope(Head::new(ACTION, &self.resource, &self.selectors));
        envelope.try_body(|writer| self.content.write(writer, &self.resource))
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<Created, ReplyError> {
        let mut answer = Answer::named(reply, message_id, ACTION, "ResourceCreated")?;
        answer.root(ns::TRANSFER, "ResourceCreated")?;
        let reference = Envelope::of(&answer.document)?.payload().and_then(EndpointReference::read);
        let reference =
            reference.ok_or_else(|| ReplyError::content("ResourceCreated", "it holds no endpoint reference"))?;
        Ok(Created { reference, remarks: answer.remarks, document: answer.document })
    }
}

/// The reply to [`Create`]: where the new instance is, and perhaps what it is.
#[derive(Debug)]
pub struct Created {
    /// Where the new instance is.
    pub reference: EndpointReference,
    remarks: Vec<Remark>,
    document: Document,
}

impl Created {
    /// What was made, where the host says it: some send it after the reference, as Windows does for shells (DSP0226 7.6
    /// leaves it open).
    pub fn representation(&self) -> Option<InstanceView<'_>> {
        representation(&Envelope::of(&self.document).ok()?)
    }

    /// What is odd in the form of the reply.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// The reply as it was read.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

/// What stands after `x:ResourceCreated` in the body.
pub(super) fn representation<'d>(envelope: &Envelope<'d>) -> Option<InstanceView<'d>> {
    envelope.body().children().nth(1).map(InstanceView::of)
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
