//! Any message, wherever it comes from: its headers, and what its body is.

use super::answer::{Remark, output};
use super::create::{self, representation};
use super::enumerate::{Item, parts};
use super::error::ReplyError;
use super::fault::Fault;
use super::identify::{self, Identity};
use super::request::{RequestBody, RequestHeader};
use super::resource::EndpointReference;
use super::subscribe::{self, Subscription};
use crate::cim::InstanceView;
use crate::soap::{Envelope, EnvelopeError};
use crate::xml::{Document, Element, Unread, ns};

/// A message that nobody asked for: a request or a reply out of a file, a log or a trace.
///
/// Lenient: nothing is compared with a request, and what is not understood is [`Content::Other`]. Nothing is lost on the
/// way: whatever no reader took is in [`Decoded::remainder`].
#[derive(Debug)]
pub struct Decoded {
    /// The headers.
    pub header: RequestHeader,
    /// `a:RelatesTo`: the message that this one answers.
    pub relates_to: Option<String>,
    /// `xml:lang` of the envelope: the language of its texts.
    pub language: Option<String>,
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
    /// Where a resource was made, and what it is where the host says so.
    Created {
        /// Where it is.
        reference: EndpointReference,
        /// What it is.
        representation: Option<InstanceView<'d>>,
    },
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
        /// URI of the class that has it.
        class_uri: &'d str,
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
        document.watch();
        let envelope = Envelope::of(&document)?;
        let header = RequestHeader::read(&envelope);
        let request = RequestBody::read(&envelope, header.action.as_deref().unwrap_or(""));
        let relates_to = envelope.relates_to().map(str::to_owned);
        let language = document.root().attribute(ns::XML, "lang").map(str::to_owned);
        Ok(Decoded { header, relates_to, language, request, document, is_part: false })
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
                language: None,
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

    /// Every leaf of the message that nothing has read so far: no reader here, and nobody who was handed an element or a
    /// view. Ask when all that is understood has been looked at; what then remains was not understood.
    pub fn remainder(&self) -> Vec<Unread<'_>> {
        self.document.root().unread()
    }

    /// What is odd in the form of a reply.
    pub fn remarks(&self) -> Vec<Remark> {
        let Some(root) = self.payload() else { return Vec::new() };
        let action = self.header.action.as_deref().unwrap_or("");
        match self.content() {
            Content::Identity(_) => Remark::on_root(root, ns::IDENTITY, "IdentifyResponse").into_iter().collect(),
            Content::Output { method, class_uri, .. } => {
                let wanted = Remark::on_action(action, &format!("{class_uri}/{method}Response"));
                let root = Remark::on_root(root, class_uri, &format!("{method}_OUTPUT"));
                wanted.into_iter().chain(root).collect()
            }
            Content::Items { .. } => {
                let wanted = format!("{}/{}", ns::ENUMERATION, root.local());
                Remark::on_action(action, &wanted)
                    .into_iter()
                    .chain(Remark::on_root(root, ns::ENUMERATION, root.local()))
                    .collect()
            }
            Content::Created { .. } => Remark::on_action(action, create::RESPONSE_ACTION)
                .into_iter()
                .chain(Remark::on_root(root, ns::TRANSFER, "ResourceCreated"))
                .collect(),
            Content::Subscribed(_) => Remark::on_action(action, subscribe::RESPONSE_ACTION)
                .into_iter()
                .chain(Remark::on_root(root, ns::EVENTING, "SubscribeResponse"))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn payload(&self) -> Option<Element<'_>> {
        Envelope::of(&self.document).ok()?.payload()
    }

    /// The header blocks as elements.
    pub fn headers(&self) -> impl Iterator<Item = Element<'_>> {
        self.document.root().child(ns::SOAP, "Header").into_iter().flat_map(Element::children)
    }

    /// What the body is.
    pub fn content(&self) -> Content<'_> {
        if self.is_part {
            return part(self.document.root());
        }
        let envelope = Envelope::of(&self.document).ok();
        let Some((envelope, payload)) = envelope.and_then(|envelope| Some((envelope, envelope.payload()?))) else {
            return match self.request {
                RequestBody::Unknown => Content::Empty,
                _ => Content::Request(&self.request),
            };
        };
        if let Some(fault) = Fault::of(&envelope) {
            return Content::Fault(Box::new(fault));
        }
        if let Some(content) = known(payload) {
            return content;
        }
        match payload.local() {
            "ResourceCreated" => match EndpointReference::read(payload) {
                Some(reference) => Content::Created { reference, representation: representation(&envelope) },
                None => Content::Other(payload),
            },
            local => self.resource(&envelope, payload, local),
        }
    }

    fn resource<'d>(&'d self, envelope: &Envelope<'d>, payload: Element<'d>, local: &'d str) -> Content<'d> {
        let action = self.header.action.as_deref().unwrap_or("");
        if let Some(method) = local.strip_suffix("_INPUT") {
            return Content::Input { method, parameters: InstanceView::of(payload) };
        }
        let is_output = local.ends_with("_OUTPUT") || (self.relates_to.is_some() && output(envelope).is_some());
        if is_output && !action.starts_with(ns::TRANSFER) {
            let (class_uri, method) = method_of(action, payload);
            return Content::Output { method, class_uri, parameters: InstanceView::of(payload) };
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

/// What an element is that shows by itself what it is, in an envelope or out of it.
fn known(payload: Element<'_>) -> Option<Content<'_>> {
    match (payload.namespace(), payload.local()) {
        (_, "EnumerateResponse" | "PullResponse") => Some(items(payload)),
        (ns::WSMAN, "XmlFragment") => Some(Content::Fragment(payload)),
        (_, "SubscribeResponse") => {
            Some(subscribe::read_response(payload).map_or(Content::Other(payload), Content::Subscribed))
        }
        _ if identify::is_response(payload) => Some(Content::Identity(Identity::of(payload))),
        _ => None,
    }
}

/// What an element is that was kept without its envelope.
fn part(root: Element<'_>) -> Content<'_> {
    if let Some(fault) = Fault::read(root).or_else(|| Fault::of_detail(root)) {
        return Content::Fault(Box::new(fault));
    }
    if let Some(content) = known(root) {
        return content;
    }
    let local = root.local();
    match (root.namespace(), local) {
        (ns::RESULTS, "Results") => {
            Content::Items { items: root.children().map(Item::read).collect(), context: None, end: true }
        }
        (_, "ResourceCreated") => match EndpointReference::read(root) {
            Some(reference) => Content::Created { reference, representation: None },
            None => Content::Other(root),
        },
        _ => match (local.strip_suffix("_INPUT"), local.strip_suffix("_OUTPUT")) {
            (Some(method), _) => Content::Input { method, parameters: InstanceView::of(root) },
            (_, Some(_)) => {
                let (class_uri, method) = method_of("", root);
                Content::Output { method, class_uri, parameters: InstanceView::of(root) }
            }
            _ => Content::Instance(InstanceView::of(root)),
        },
    }
}

/// Every leaf of a reply that nobody has read since [`Document::watch`], its addressing headers and its language left
/// out, which were checked when it came.
pub fn unread_of_reply(reply: &Document) -> Vec<Unread<'_>> {
    if let Ok(envelope) = Envelope::of(reply) {
        let _ = (envelope.action(), envelope.message_id(), envelope.relates_to());
        let _ = (envelope.header(ns::ADDRESSING, "To").map(Element::text), reply.root().attribute(ns::XML, "lang"));
    }
    reply.root().unread()
}

fn items(response: Element<'_>) -> Content<'_> {
    let context = parts(response, "EnumerationContext").next().map(|context| context.text().trim());
    Content::Items {
        items: parts(response, "Items").flat_map(Element::children).map(Item::read).collect(),
        context: context.filter(|context| !context.is_empty()),
        end: parts(response, "EndOfSequence").next().is_some(),
    }
}

/// Class and method of an output. The Action names both; the root does where it is in the form that Windows has, and
/// alone knows where the Action does not.
fn method_of<'d>(action: &'d str, root: Element<'d>) -> (&'d str, &'d str) {
    let named = root.local().strip_suffix("_OUTPUT").unwrap_or(root.local());
    match action.rsplit_once('/') {
        Some((class, last)) if !class.is_empty() && !last.is_empty() => {
            let method = last.strip_suffix("Response").filter(|method| !method.is_empty()).unwrap_or(last);
            // A method whose own name ends in Response, called by a server that adds nothing.
            let method = if named == last { last } else { method };
            (class, method)
        }
        _ => (root.namespace(), named),
    }
}
