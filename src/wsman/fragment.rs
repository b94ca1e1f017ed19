//! Fragment transfer: Get and Put of a part of a resource (DSP0226 7.7, MS-WSMV 3.1.4.1.18).

use std::sync::Arc;

use super::answer::Answer;
use super::error::ReplyError;
use super::invoke::Parameter;
use super::operation::{Operation, Repeatable};
use super::representation::write_properties;
use super::request::{Head, RequestContext, ResponseContext};
use super::resource::EndpointReference;
use super::{get, put};
use crate::soap::Envelope;
use crate::xml::{Document, Element, WriteError, Writer, ns};

/// `w:FragmentTransfer`: which part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// A path such as `ElementName`, `IPAddress[2]` or `Caption/text()`.
    pub expression: String,
    /// URI of its language; none is XPath 1.0, of which hosts take a small subset (DSP0226 annex D).
    pub dialect: Option<String>,
}

/// Reads a part of an instance.
#[derive(Debug, Clone)]
pub struct GetFragment {
    /// Which instance.
    pub target: EndpointReference,
    /// Which part of it.
    pub fragment: Fragment,
}

/// Replaces a part of an instance.
#[derive(Debug, Clone)]
pub struct PutFragment {
    /// Which instance.
    pub target: EndpointReference,
    /// Which part of it.
    pub fragment: Fragment,
    /// What the part becomes.
    pub content: FragmentContent,
}

/// What stands in `w:XmlFragment`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FragmentContent {
    /// A text alone, for an expression that ends in `text()`.
    Text(String),
    /// Properties in the namespace of the resource; none is NULL.
    Properties(Vec<(String, Option<Parameter>)>),
    /// Any XML: the root of a document as it stands there.
    Document(Arc<Document>),
}

impl Fragment {
    /// A path in the default language.
    pub fn new(expression: impl Into<String>) -> Self {
        Fragment { expression: expression.into(), dialect: None }
    }

    /// Writes the header. A host that passed over it would answer for the whole resource: hence mustUnderstand, and a
    /// service refuses the header without it (MS-WSMV 3.1.4.1.18).
    fn write(&self, writer: &mut Writer) {
        writer.open("w", "FragmentTransfer").attribute("s", "mustUnderstand", "true");
        if let Some(dialect) = &self.dialect {
            writer.attribute("", "Dialect", dialect);
        }
        writer.text(&self.expression).close();
    }

    /// Reads the header.
    pub(super) fn read(header: Element<'_>) -> Fragment {
        Fragment {
            expression: header.text().trim().to_owned(),
            dialect: header.attribute("", "Dialect").map(str::to_owned),
        }
    }
}

impl Operation for GetFragment {
    type Output = Response;

    fn action(&self) -> String {
        get::ACTION.to_owned()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let mut envelope = context.envelope(Head::new(get::ACTION, &self.target.resource, &self.target.selectors));
        envelope.blocks(|writer| self.fragment.write(writer));
        envelope.body(|_| {})
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<Response, ReplyError> {
        let response = Response { document: Answer::plain(reply, message_id, get::ACTION)?.document };
        match response.fragment() {
            Some(_) => Ok(response),
            // The whole resource is not what was asked for.
            None => {
                let payload = Envelope::of(&response.document)?.payload();
                Err(ReplyError::body(ns::WSMAN, "XmlFragment", payload))
            }
        }
    }
}

impl Repeatable for GetFragment {}

impl Operation for PutFragment {
    type Output = Response;

    fn action(&self) -> String {
        put::ACTION.to_owned()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let mut envelope = context.envelope(Head::new(put::ACTION, &self.target.resource, &self.target.selectors));
        envelope.blocks(|writer| self.fragment.write(writer));
        envelope.try_body(|writer| {
            writer.open("w", "XmlFragment");
            match &self.content {
                FragmentContent::Text(text) => {
                    writer.text(text);
                }
                FragmentContent::Properties(properties) => {
                    writer.declare("p", self.target.resource.as_str());
                    write_properties(writer, properties)?;
                }
                FragmentContent::Document(document) => {
                    writer.fragment(document.root_source().as_bytes());
                }
            }
            writer.close();
            Ok(())
        })
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<Response, ReplyError> {
        Ok(Response { document: Answer::plain(reply, message_id, put::ACTION)?.document })
    }
}

/// The reply to [`GetFragment`] and [`PutFragment`].
#[derive(Debug)]
pub struct Response {
    document: Document,
}

impl Response {
    /// `w:XmlFragment`; none where the host sends nothing back.
    pub fn fragment(&self) -> Option<Element<'_>> {
        Envelope::of(&self.document).ok()?.payload().filter(|payload| payload.is(ns::WSMAN, "XmlFragment"))
    }

    /// The reply as it was read.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

/// Writes the reply of a host to either request; the action says to which. The header comes back with the fragment
/// (DSP0226 7.7).
///
/// # Errors
/// A name or character that XML cannot carry.
pub fn write_response(
    context: &ResponseContext<'_>,
    action: &str,
    fragment: &Fragment,
    content: impl FnOnce(&mut Writer),
) -> Result<Vec<u8>, WriteError> {
    let mut envelope = context.envelope(action, &["x", "p"]);
    envelope.blocks(|writer| fragment.write(writer));
    envelope.body(|writer| {
        writer.open("w", "XmlFragment");
        content(writer);
        writer.close();
    })
}
