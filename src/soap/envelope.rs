//! Reading an envelope: headers by name, the payload as the first child of the body.

use crate::xml::{Document, Element, ns};

/// A view of one SOAP 1.2 envelope.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'d> {
    header: Option<Element<'d>>,
    body: Element<'d>,
}

/// Why a document is not an envelope we take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The root is something else, such as an HTML page.
    #[error("the document is <{0}>, not a SOAP 1.2 envelope")]
    NotAnEnvelope(String),
    /// An envelope of SOAP 1.1.
    #[error("the envelope is SOAP 1.1; WS-Management uses SOAP 1.2")]
    OldSoap,
    /// No body, or two.
    #[error("the envelope has no single body")]
    Body,
}

impl<'d> Envelope<'d> {
    /// The envelope that is the root of a document.
    ///
    /// # Errors
    /// [`EnvelopeError`] for any other document.
    pub fn of(document: &'d Document) -> Result<Self, EnvelopeError> {
        let root = document.root();
        if !root.is(ns::SOAP, "Envelope") {
            return Err(match root.is("http://schemas.xmlsoap.org/soap/envelope/", "Envelope") {
                true => EnvelopeError::OldSoap,
                false => EnvelopeError::NotAnEnvelope(root.local().chars().take(64).collect()),
            });
        }
        let mut bodies = root.children().filter(|child| child.is(ns::SOAP, "Body"));
        match (bodies.next(), bodies.next()) {
            (Some(body), None) => Ok(Envelope { header: root.child(ns::SOAP, "Header"), body }),
            _ => Err(EnvelopeError::Body),
        }
    }

    /// The first child of the body, which says what the message is; none in the request of a Get.
    pub fn payload(&self) -> Option<Element<'d>> {
        self.body.children().next()
    }

    /// The body itself.
    pub fn body(&self) -> Element<'d> {
        self.body
    }

    /// The first header block with this name.
    pub fn header(&self, namespace: &str, local: &str) -> Option<Element<'d>> {
        self.header?.child(namespace, local)
    }

    /// All header blocks.
    pub fn headers(&self) -> impl Iterator<Item = Element<'d>> {
        self.header.into_iter().flat_map(Element::children)
    }

    /// The action, without surrounding white space.
    pub fn action(&self) -> Option<&'d str> {
        self.addressing("Action")
    }

    /// The id of this message.
    pub fn message_id(&self) -> Option<&'d str> {
        self.addressing("MessageID")
    }

    /// Whether it answers the message of this id: by RelatesTo, without case, as GUIDs are compared.
    pub fn answers(&self, message_id: &str) -> bool {
        !message_id.is_empty() && self.relates_to().is_some_and(|id| id.eq_ignore_ascii_case(message_id))
    }

    /// The id of the message that this one answers.
    pub fn relates_to(&self) -> Option<&'d str> {
        self.addressing("RelatesTo")
    }

    fn addressing(&self, local: &str) -> Option<&'d str> {
        self.header(ns::ADDRESSING, local).map(|header| header.text().trim())
    }
}
