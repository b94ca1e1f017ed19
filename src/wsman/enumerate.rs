//! Enumerate, and the page of items that it and Pull bring.

use super::answer::Answer;
use super::decode::unread_of_reply;
use super::error::ReplyError;
use super::filter::Filter;
use super::operation::{Operation, Repeatable};
use super::request::{Head, RequestContext, ResponseContext};
use super::resource::{EndpointReference, ResourceUri};
use super::selector::SelectorSet;
use crate::cim::InstanceView;
use crate::soap::Envelope;
use crate::xml::{Document, Element, Unread, WriteError, Writer, ns};

/// Action of the request.
pub const ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate";
/// Action of the response.
pub const RESPONSE_ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/EnumerateResponse";

/// Begins an enumeration. Optimised by default: items come with the first reply, which Windows always
/// honours (MS-WSMV 3.1.4.1.16).
#[derive(Debug, Clone)]
pub struct Enumerate {
    /// A class, or all classes where a query names it.
    pub resource: ResourceUri,
    /// Selectors of the resource, such as `__cimnamespace` on other servers.
    pub selectors: SelectorSet,
    /// Which items.
    pub filter: Option<Filter>,
    /// Objects, references or both.
    pub mode: EnumerationMode,
    /// Whether to ask for items in the first reply.
    pub optimize: bool,
    /// What of derived classes to bring; none leaves it to the host, which is the only choice Windows takes.
    pub polymorphism: Option<PolymorphismMode>,
}

/// What an item is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EnumerationMode {
    /// The instance; sent by leaving the element out.
    #[default]
    Object,
    /// A reference to it: teaches all keys of a class.
    Reference,
    /// Both.
    ObjectAndReference,
}

impl EnumerationMode {
    fn name(self) -> Option<&'static str> {
        match self {
            EnumerationMode::Object => None,
            EnumerationMode::Reference => Some("EnumerateEPR"),
            EnumerationMode::ObjectAndReference => Some("EnumerateObjectAndEPR"),
        }
    }

    pub(super) fn read(enumerate: Element<'_>) -> EnumerationMode {
        let mode = enumerate.child(ns::WSMAN, "EnumerationMode");
        let read = |text: &str| match text.trim() {
            "EnumerateEPR" => Some(EnumerationMode::Reference),
            "EnumerateObjectAndEPR" => Some(EnumerationMode::ObjectAndReference),
            _ => None,
        };
        mode.and_then(|mode| mode.text_as(read)).unwrap_or_default()
    }
}

/// `b:PolymorphismMode` (MS-WSMV 3.1.4.1.27): what an enumeration of a class makes of instances of derived classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolymorphismMode {
    /// They come with all their properties.
    IncludeSubClassProperties,
    /// They come with the properties of the class asked for.
    ExcludeSubClassProperties,
    /// They do not come.
    None,
}

impl PolymorphismMode {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            PolymorphismMode::IncludeSubClassProperties => "IncludeSubClassProperties",
            PolymorphismMode::ExcludeSubClassProperties => "ExcludeSubClassProperties",
            PolymorphismMode::None => "None",
        }
    }

    pub(super) fn read(enumerate: Element<'_>) -> Option<PolymorphismMode> {
        let all = [Self::IncludeSubClassProperties, Self::ExcludeSubClassProperties, Self::None];
        let mode = enumerate.child(ns::CIM_BINDING, "PolymorphismMode")?;
        mode.text_as(|word| all.into_iter().find(|mode| mode.name() == word.trim()))
    }
}

impl Enumerate {
    /// All instances of what the resource names.
    pub fn new(resource: ResourceUri) -> Self {
        Enumerate {
            resource,
            selectors: SelectorSet::new(),
            filter: None,
            mode: EnumerationMode::Object,
            optimize: true,
            polymorphism: None,
        }
    }

    /// Only what a filter lets through.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// In another mode.
    #[must_use]
    pub fn mode(mut self, mode: EnumerationMode) -> Self {
        self.mode = mode;
        self
    }
}

impl Operation for Enumerate {
    type Output = Page;

    fn action(&self) -> String {
        ACTION.to_owned()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let mut prefixes = vec!["n"];
        prefixes.extend(Filter::prefix(self.filter.as_ref()).or(self.polymorphism.map(|_| "b")));
        let envelope = context.envelope(Head::new(ACTION, &self.resource, &self.selectors).using(&prefixes));
        envelope.body(|writer| {
            writer.open("n", "Enumerate");
            if self.optimize {
                writer.empty_element("w", "OptimizeEnumeration");
                writer.text_element("w", "MaxElements", &context.limits.max_elements.to_string());
            }
            if let Some(mode) = self.mode.name() {
                writer.text_element("w", "EnumerationMode", mode);
            }
            if let Some(filter) = &self.filter {
                filter.write(writer);
            }
            if let Some(mode) = self.polymorphism {
                writer.text_element("b", "PolymorphismMode", mode.name());
            }
            writer.close();
        })
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<Page, ReplyError> {
        Page::read(Answer::named(reply, message_id, ACTION, "EnumerateResponse")?, "EnumerateResponse")
    }
}

impl Repeatable for Enumerate {}

/// Some items of an enumeration, and how to go on.
#[derive(Debug)]
pub struct Page {
    document: Document,
    context: Option<String>,
}

impl Page {
    /// Reads a response whose root has this name.
    pub(super) fn read(mut answer: Answer, root: &'static str) -> Result<Page, ReplyError> {
        answer.root(ns::ENUMERATION, root)?;
        let response = Envelope::of(&answer.document)?.payload();
        let find = |local| response.into_iter().flat_map(move |response| parts(response, local)).next();
        let end = find("EndOfSequence").is_some();
        let context = find("EnumerationContext").map(|context| context.text().trim());
        let context = context.filter(|context| !context.is_empty() && !end);
        if !end && context.is_none() {
            return Err(ReplyError::content(root, "neither an enumeration context nor an end of sequence"));
        }
        let context = context.map(str::to_owned);
        Ok(Page { document: answer.document, context })
    }

    /// The context to Pull with; none at the end. Some servers send one with EndOfSequence: it does not count.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// Every leaf of the page that nobody has read since its document is [watched](Document::watch), apart from what makes
    /// it a page: headers, context, end. A context beside an end of sequence is named: it leads nowhere.
    pub fn unread(&self) -> Vec<Unread<'_>> {
        let payload = Envelope::of(&self.document).ok().and_then(|envelope| envelope.payload());
        for local in ["Items", "EndOfSequence", "EnumerationContext"] {
            for part in payload.into_iter().flat_map(|payload| parts(payload, local)) {
                let _ = part.text_as(|text| (self.context.as_deref() == Some(text.trim())).then_some(()));
            }
        }
        unread_of_reply(&self.document)
    }

    /// The items in order.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.elements().map(Item::read)
    }

    /// The children of Items, in order.
    pub(super) fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        let payload = Envelope::of(&self.document).ok().and_then(|envelope| envelope.payload());
        payload.into_iter().flat_map(|payload| parts(payload, "Items")).flat_map(Element::children)
    }

    /// The instances in order; references are passed over.
    pub fn instances(&self) -> impl Iterator<Item = InstanceView<'_>> {
        self.items().filter_map(|item| item.instance)
    }

    /// The reply as it was read.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

/// The parts of a response that have this name. Items and EndOfSequence stand in the namespace of WS-Management in an
/// optimised EnumerateResponse, in that of the enumeration in a PullResponse; to read either in both loses nothing.
pub(super) fn parts<'d>(response: Element<'d>, local: &'static str) -> impl Iterator<Item = Element<'d>> {
    response.children().filter(move |part| {
        part.is(ns::ENUMERATION, local)
            || part.is(ns::WSMAN, local)
            || (part.local() == local && part.same_namespace(response))
    })
}

/// One item: instance, reference or both, as the mode asked.
#[derive(Debug, Clone)]
pub struct Item<'d> {
    /// The instance, unless only references were asked for.
    pub instance: Option<InstanceView<'d>>,
    reference: Option<Element<'d>>,
    element: Element<'d>,
}

impl<'d> Item<'d> {
    pub(super) fn read(element: Element<'d>) -> Item<'d> {
        if element.is(ns::ADDRESSING, "EndpointReference") {
            return Item { instance: None, reference: Some(element), element };
        }
        if !element.is(ns::WSMAN, "Item") {
            return Item { instance: Some(InstanceView::of(element)), reference: None, element };
        }
        let is_reference = |child: &Element<'_>| child.is(ns::ADDRESSING, "EndpointReference");
        Item {
            instance: element.children().find(|child| !is_reference(child)).map(InstanceView::of),
            reference: element.children().find(is_reference),
            element,
        }
    }

    /// The item as it was sent.
    pub fn element(&self) -> Element<'d> {
        self.element
    }

    /// The reference; its resource names the item's real class.
    pub fn reference(&self) -> Option<EndpointReference> {
        self.reference.and_then(EndpointReference::read)
    }
}

/// What a host puts into a page.
#[derive(Debug, Clone, Copy)]
pub struct PageHeader<'a> {
    /// The context; empty text at the end of an optimised enumeration, none at the end of a Pull.
    pub context: Option<&'a str>,
    /// Whether this is the last page.
    pub end: bool,
}

/// Writes the reply of a host; `items` writes the children of Items and is not called for a plain
/// enumeration, whose first reply has only a context.
///
/// # Errors
/// A name or character that XML cannot carry.
pub fn write_response(
    context: &ResponseContext<'_>,
    page: PageHeader<'_>,
    items: Option<impl FnOnce(&mut Writer)>,
) -> Result<Vec<u8>, WriteError> {
    context.envelope(RESPONSE_ACTION, &["n"]).body(|writer| {
        writer.open("n", "EnumerateResponse");
        writer.text_element("n", "EnumerationContext", page.context.unwrap_or(""));
        if let Some(items) = items {
            writer.open("w", "Items");
            items(writer);
            writer.close();
        }
        if page.end {
            writer.empty_element("w", "EndOfSequence");
        }
        writer.close();
    })
}
