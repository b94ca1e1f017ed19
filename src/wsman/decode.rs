//! Any message, wherever it comes from: its headers, and what its body is.

use super::enumerate::Item;
use super::error::ReplyError;
use super::fault::Fault;
use super::identify::Identity;
use super::request::{RequestBody, RequestHeader};
use super::resource::EndpointReference;
use super::subscribe::{self, Subscription};
use crate::cim::InstanceView;
use crate::soap::{Envelope, EnvelopeError};
use crate::xml::{Document, Element, ns};

/// A message that nobody asked for: a request or a reply out of a file, a log or a trace.
///
/// Lenient: nothing is compared with a request, and what is not understood is [`Content::Other`].
#[derive(Debug)]
pub struct Decoded {
    /// The headers.
    pub header: RequestHeader,
    /// `a:RelatesTo`: the message that this one answers.
    pub relates_to: Option<String>,
    document: Document,
    request: RequestBody,
    /// Whether the root is no envelope but what stands in the body of one.
    is_part: bool,
}

/// What the body of a message is.
#[derive(Debug)]
#[non_exhaustive]
pub enum Content<'d> {
    /// Nothing.
    Empty,
    /// A fault.
    Fault(Box<Fault>),
    /// What a service says of itself.
    Identity(Identity),
    /// Items of an enumeration or events of a subscription.
    Items {
        /// The items.
        items: Vec<Item<'d>>,
        /// The context of the next Pull, where there is one.
        context: Option<&'d str>,
        /// Whether the end was said.
        end: bool,
    },
    /// Where a resource was made.
    Created(EndpointReference),
    /// A subscription that was made.
    Subscribed(Subscription),
    /// A part of a resource.
    Fragment(Element<'d>),
    /// The input of a method.
    Input {
        /// Its name.
        method: &'d str,
        /// The parameters.
        parameters: InstanceView<'d>,
    },
    /// The output of a method.
    Output {
        /// Its name.
        method: &'d str,
        /// The parameters and `ReturnValue`.
        parameters: InstanceView<'d>,
    },
    /// A request whose body says what is wanted, other than a method call, Put and Create.
    Request(&'d RequestBody),
    /// A resource: in the body of a reply to Get or Put, of a Put or a Create.
    Instance(InstanceView<'d>),
    /// Anything else.
    Other(Element<'d>),
}

impl Decoded {
    /// Reads a message.
    ///
    /// # Errors
    /// [`ReplyError`] of the kinds `Xml` and `Envelope`.
    pub fn read(bytes: impl Into<Vec<u8>>) -> Result<Decoded, ReplyError> {
        Decoded::of(Document::parse(bytes)?)
    }

    /// The message that a document is.
    ///
    /// # Errors
    /// [`ReplyError`] of the kind `Envelope`.
    pub fn of(document: Document) -> Result<Decoded, ReplyError> {
        let envelope = Envelope::of(&document)?;
        let header = RequestHeader::read(&envelope);
        let request = RequestBody::read(&envelope, header.action.as_deref().unwrap_or(""));
        let relates_to = envelope.relates_to().map(str::to_owned);
        Ok(Decoded { header, relates_to, request, document, is_part: false })
    }

    /// The message that a document is, or the part of one: people keep the fault, the instance or the results
    /// (`wsman:Results` of `winrm -format:xml`) alone.
    ///
    /// # Errors
    /// [`ReplyError`] of the kind `Envelope`: an envelope of SOAP 1.1 or without a body, or a web page.
    pub fn of_any(document: Document) -> Result<Decoded, ReplyError> {
        let is_page = document.root().local().eq_ignore_ascii_case("html");
        match Envelope::of(&document) {
            Err(EnvelopeError::NotAnEnvelope(_)) if !is_page => Ok(Decoded {
                header: RequestHeader::default(),
                relates_to: None,
                request: RequestBody::Unknown,
                document,
                is_part: true,
            }),
            _ => Decoded::of(document),
        }
    }

    /// Whether it has no envelope: the document is what stands in the body of one.
    pub fn is_part(&self) -> bool {
        self.is_part
    }

    /// The message as it was read.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Whether it answers another message: told by the body, then by the action, and by `a:RelatesTo` only where neither
    /// tells. Faults to what could not be read have none (seen at three servers), and it makes no reply of a request.
    pub fn is_reply(&self) -> bool {
        if self.is_part {
            return !matches!(self.content(), Content::Input { .. });
        }
        let payload = Envelope::of(&self.document).ok().and_then(|envelope| envelope.payload());
        let local = payload.map_or("", |payload| payload.local());
        let action = self.header.action.as_deref().unwrap_or("");
        let is_fault = payload.is_some_and(|payload| payload.is(ns::SOAP, "Fault"));
        if is_fault || ["Response", "_OUTPUT"].iter().any(|ending| local.ends_with(ending)) {
            return true;
        }
        if local.ends_with("_INPUT") {
            return false;
        }
        if action.ends_with("Response") || action.ends_with("/fault") {
            return true;
        }
        match self.request {
            RequestBody::Unknown | RequestBody::Invoke { .. } => self.relates_to.is_some(),
            _ => false,
        }
    }

    /// The header blocks as elements.
    pub fn headers(&self) -> impl Iterator<Item = Element<'_>> {
        self.document.root().child(ns::SOAP, "Header").into_iter().flat_map(Element::children)
    }

    /// What the body is.
    pub fn content(&self) -> Content<'_> {
        let payload = match self.is_part {
            true => Some(self.document.root()),
            false => Envelope::of(&self.document).ok().and_then(|envelope| envelope.payload()),
        };
        let Some(payload) = payload else {
            return match self.request {
                RequestBody::Unknown => Content::Empty,
                _ => Content::Request(&self.request),
            };
        };
        let fault = Fault::read(payload).or_else(|| Fault::of_detail(payload).filter(|_| self.is_part));
        if let Some(fault) = fault {
            return Content::Fault(Box::new(fault));
        }
        match (payload.namespace(), payload.local()) {
            (ns::RESULTS, "Results") => {
                Content::Items { items: payload.children().map(Item::read).collect(), context: None, end: true }
            }
            (ns::ENUMERATION, "EnumerateResponse") => items(payload, ns::WSMAN),
            (ns::ENUMERATION, "PullResponse") => items(payload, ns::ENUMERATION),
            (ns::IDENTITY, "IdentifyResponse") => Content::Identity(Identity::of(payload)),
            (ns::WSMAN, "XmlFragment") => Content::Fragment(payload),
            (ns::TRANSFER, "ResourceCreated") => {
                EndpointReference::read(payload).map_or(Content::Other(payload), Content::Created)
            }
            (ns::EVENTING, "SubscribeResponse") => {
                subscribe::read_response(payload).map_or(Content::Other(payload), Content::Subscribed)
            }
            (_, local) => self.resource(payload, local),
        }
    }

    fn resource<'d>(&'d self, payload: Element<'d>, local: &'d str) -> Content<'d> {
        let action = self.header.action.as_deref().unwrap_or("");
        if let Some(method) = local.strip_suffix("_INPUT") {
            return Content::Input { method, parameters: InstanceView::of(payload) };
        }
        if let Some(method) = local.strip_suffix("_OUTPUT") {
            return Content::Output { method, parameters: InstanceView::of(payload) };
        }
        match &self.request {
            RequestBody::Put | RequestBody::Create => Content::Instance(InstanceView::of(payload)),
            RequestBody::Unknown if self.is_part || action.starts_with(ns::TRANSFER) => {
                Content::Instance(InstanceView::of(payload))
            }
            RequestBody::Unknown => Content::Other(payload),
            request => Content::Request(request),
        }
    }
}

fn items<'d>(response: Element<'d>, namespace: &str) -> Content<'d> {
    let items = response.child(namespace, "Items");
    let context = response.child(ns::ENUMERATION, "EnumerationContext").map(|context| context.text().trim());
    Content::Items {
        items: items.into_iter().flat_map(Element::children).map(Item::read).collect(),
        context: context.filter(|context| !context.is_empty()),
        end: response.child(namespace, "EndOfSequence").is_some(),
    }
}
