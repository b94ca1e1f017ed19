//! A document read into one arena, and views of its elements.

use std::fmt;
use std::sync::OnceLock;

use super::ledger::{Ledger, Mark};
use super::ns;

/// A whole document: the input, and a table of elements whose names and texts are spans of it.
///
/// One allocation for the input (taken over from the caller), one for the table, one for the few
/// texts that had to be unescaped. Elements are handed out as [`Element`] views.
pub struct Document {
    pub(super) input: String,
    /// Texts that differ from their spelling in the input (entities, CDATA, line ends).
    pub(super) unescaped: String,
    pub(super) nodes: Vec<Node>,
    pub(super) attributes: Vec<AttributeNode>,
    pub(super) bindings: Vec<Binding>,
    pub(super) namespaces: Vec<String>,
    /// What was read, where somebody wants to know.
    pub(super) ledger: OnceLock<Ledger>,
}

/// A stretch of the input, or of the unescaped texts: which of the two is the highest bit of the length.
///
/// INVARIANT: both arenas are shorter than 2^31 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    marked_len: u32,
}

impl Span {
    const UNESCAPED: u32 = 1 << 31;

    pub(super) const EMPTY: Span = Span { start: 0, marked_len: 0 };

    pub(super) fn of_input(start: u32, len: u32) -> Span {
        Span { start, marked_len: len }
    }

    pub(super) fn of_unescaped(start: u32, len: u32) -> Span {
        Span { start, marked_len: len | Span::UNESCAPED }
    }

    pub(super) fn start(self) -> u32 {
        self.start
    }

    pub(super) fn len(self) -> u32 {
        self.marked_len & !Span::UNESCAPED
    }

    pub(super) fn is_unescaped(self) -> bool {
        self.marked_len & Span::UNESCAPED != 0
    }
}

/// An element. Its children follow it directly; `end` is the index after its last descendant.
///
/// 32 bytes: a reply of many small instances makes half a million of them, and the time to touch their memory counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) local: Span,
    pub(super) text: Span,
    pub(super) end: u32,
    pub(super) first_attribute: u32,
    /// Newest namespace binding in scope, a link into the chain of `bindings`.
    pub(super) scope: u32,
    pub(super) namespace: u16,
    pub(super) attribute_count: u16,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct AttributeNode {
    pub(super) local: Span,
    pub(super) namespace: u16,
    pub(super) value: Span,
}

/// `xmlns:prefix="namespace"`, chained to the binding it was added to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binding {
    pub(super) prefix: Span,
    pub(super) namespace: u16,
    pub(super) outer: u32,
}

/// No binding: the end of a chain.
pub(super) const NO_BINDING: u32 = u32::MAX;
/// The id of "no namespace".
pub(super) const NO_NAMESPACE: u16 = 0;
/// The id of the namespace of `xml:lang`.
pub(super) const XML_NAMESPACE: u16 = 1;

impl Document {
    /// The root element.
    pub fn root(&self) -> Element<'_> {
        Element { document: self, id: 0 }
    }

    /// The text as it was read, for messages and traces.
    pub fn source(&self) -> &str {
        &self.input
    }

    /// The root element as it was read, with what follows it and without what stands before: an XML declaration
    /// must not be carried into another document.
    pub fn root_source(&self) -> &str {
        let name = self.nodes.first().map_or(0, |root| usize::try_from(root.local.start()).unwrap_or(0));
        let start = self.input.get(..name).and_then(|before| before.rfind('<')).unwrap_or(0);
        self.input.get(start..).unwrap_or("").trim_end()
    }

    /// How many bytes of memory it takes.
    pub fn footprint(&self) -> usize {
        let names = self.namespaces.iter().map(String::capacity).sum::<usize>();
        let texts = self.input.capacity() + self.unescaped.capacity() + names;
        let nodes = self.nodes.capacity() * size_of::<Node>();
        let attributes = self.attributes.capacity() * size_of::<AttributeNode>();
        texts + nodes + attributes + self.bindings.capacity() * size_of::<Binding>()
    }

    pub(super) fn span(&self, span: Span) -> &str {
        let arena = if span.is_unescaped() { &self.unescaped } else { &self.input };
        let start = usize::try_from(span.start()).unwrap_or(usize::MAX);
        let len = usize::try_from(span.len()).unwrap_or(usize::MAX);
        arena.get(start..start.saturating_add(len)).unwrap_or("")
    }

    fn namespace(&self, id: u16) -> &str {
        self.namespaces.get(usize::from(id)).map_or("", String::as_str)
    }

    pub(super) fn begin_ledger(&self) {
        self.ledger.get_or_init(|| Ledger::of(self.nodes.len(), self.attributes.len()));
    }

    fn mark(&self, mark: Mark) {
        if let Some(ledger) = self.ledger.get() {
            ledger.mark(mark);
        }
    }

    /// Without an account everything counts as read.
    fn is_unread(&self, mark: Mark) -> bool {
        self.ledger.get().is_some_and(|ledger| !ledger.has(mark))
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("bytes", &self.input.len()).field("elements", &self.nodes.len()).finish()
    }
}

/// A view of one element: cheap to copy, valid as long as its [`Document`].
#[derive(Clone, Copy)]
pub struct Element<'d> {
    document: &'d Document,
    id: u32,
}

impl<'d> Element<'d> {
    /// Namespace URI; empty where there is none.
    pub fn namespace(self) -> &'d str {
        self.document.namespace(self.node().namespace)
    }

    /// Local name, without prefix.
    pub fn local(self) -> &'d str {
        self.document.span(self.node().local)
    }

    /// Whether the element has this expanded name.
    pub fn is(self, namespace: &str, local: &str) -> bool {
        let is = self.local() == local && self.namespace() == namespace;
        if is {
            self.document.mark(Mark::Name(self.id));
        }
        is
    }

    /// The local name, for a reader that shows it: it counts as read.
    pub fn read_name(self) -> &'d str {
        self.document.mark(Mark::Name(self.id));
        self.local()
    }

    /// Whether both elements are in the same namespace; cheaper than comparing two URIs.
    pub fn same_namespace(self, other: Element<'_>) -> bool {
        if std::ptr::eq(self.document, other.document) {
            self.node().namespace == other.node().namespace
        } else {
            self.namespace() == other.namespace()
        }
    }

    /// The text directly inside: references resolved, CDATA included, pieces joined. White space
    /// between child elements is not text.
    pub fn text(self) -> &'d str {
        self.document.mark(Mark::Text(self.id));
        self.document.span(self.node().text)
    }

    /// What `read` makes of the text. Where it makes nothing of it, the text counts as [unread](Element::unread): a
    /// number that is none, a word that is not known.
    pub fn text_as<T>(self, read: impl FnOnce(&'d str) -> Option<T>) -> Option<T> {
        let value = read(self.document.span(self.node().text));
        if value.is_some() {
            self.document.mark(Mark::Text(self.id));
        }
        value
    }

    /// Where the text stands in [`Document::source`]; none where it had to be unescaped or joined.
    pub fn text_range(self) -> Option<std::ops::Range<usize>> {
        let span = self.node().text;
        let start = usize::try_from(span.start()).ok()?;
        let range = start..start.checked_add(usize::try_from(span.len()).ok()?)?;
        (span.len() > 0 && !span.is_unescaped()).then_some(range)
    }

    /// Child elements in document order.
    pub fn children(self) -> Children<'d> {
        Children { document: self.document, next: self.id.saturating_add(1), end: self.node().end }
    }

    /// The first child with this expanded name.
    pub fn child(self, namespace: &str, local: &str) -> Option<Element<'d>> {
        self.children().find(|child| child.is(namespace, local))
    }

    /// The first child with this local name in the namespace of this element.
    pub fn child_here(self, local: &str) -> Option<Element<'d>> {
        let mut children = self.children();
        let child = children.find(|child| child.node().namespace == self.node().namespace && child.local() == local)?;
        self.document.mark(Mark::Name(child.id));
        Some(child)
    }

    /// Attributes, namespace declarations left out.
    pub fn attributes(self) -> impl Iterator<Item = Attribute<'d>> {
        self.attributes_with_places().map(move |(place, attribute)| {
            self.document.mark(Mark::Attribute(place));
            attribute
        })
    }

    /// The value of an attribute; the namespace of an attribute without prefix is empty.
    pub fn attribute(self, namespace: &str, local: &str) -> Option<&'d str> {
        self.attribute_as(namespace, local, Some)
    }

    /// What `read` makes of an attribute; as [`Element::text_as`].
    pub fn attribute_as<T>(self, namespace: &str, local: &str, read: impl FnOnce(&'d str) -> Option<T>) -> Option<T> {
        if self.node().attribute_count == 0 {
            return None;
        }
        let (place, attribute) = self
            .attributes_with_places()
            .find(|(_, attribute)| attribute.local == local && attribute.namespace == namespace)?;
        let value = read(attribute.value)?;
        self.document.mark(Mark::Attribute(place));
        self.document.mark(Mark::Name(self.id));
        Some(value)
    }

    fn attributes_with_places(self) -> impl Iterator<Item = (usize, Attribute<'d>)> {
        let node = self.node();
        let first = usize::try_from(node.first_attribute).unwrap_or(usize::MAX);
        let count = usize::from(node.attribute_count);
        let document = self.document;
        document.attributes.iter().enumerate().skip(first).take(count).map(move |(place, attribute)| {
            let namespace = document.namespace(attribute.namespace);
            let (local, value) = (document.span(attribute.local), document.span(attribute.value));
            (place, Attribute { namespace, local, value })
        })
    }

    pub(super) fn is_watched(self) -> bool {
        self.document.ledger.get().is_some()
    }

    /// Whether no leaf in here is unread: a look at the tables, in which an element and all inside it stand in a row.
    pub(super) fn is_read_throughout(self) -> bool {
        (self.id..self.node().end).map(|id| Element { document: self.document, id }).all(|element| {
            let node = element.node();
            let says = node.text.len() > 0 && element.document.is_unread(Mark::Text(element.id));
            let is_leaf = node.end == element.id.saturating_add(1);
            let is_passed_over = is_leaf && element.name_is_unread();
            !says && !is_passed_over && element.attributes_unread().next().is_none()
        })
    }

    pub(super) fn name_is_unread(self) -> bool {
        self.document.is_unread(Mark::Name(self.id))
    }

    pub(super) fn text_unread(self) -> Option<&'d str> {
        self.document.is_unread(Mark::Text(self.id)).then(|| self.document.span(self.node().text))
    }

    pub(super) fn attributes_unread(self) -> impl Iterator<Item = Attribute<'d>> {
        let is_unread = move |place| self.document.is_unread(Mark::Attribute(place));
        self.attributes_with_places().filter(move |(place, _)| is_unread(*place)).map(|(_, attribute)| attribute)
    }

    /// Whether `xsi:nil` is true here.
    pub fn is_nil(self) -> bool {
        let read = |text: &str| match text.trim() {
            "true" | "1" | "TRUE" => Some(true),
            "false" | "0" | "FALSE" => Some(false),
            _ => None,
        };
        self.attribute_as(ns::XSI, "nil", read).unwrap_or(false)
    }

    /// The namespace a prefix stands for at this element; the empty prefix asks for the default one.
    ///
    /// For values that are qualified names, such as the subcode of a fault.
    pub fn resolve_prefix(self, prefix: &str) -> Option<&'d str> {
        if prefix == "xml" {
            return Some(ns::XML);
        }
        let mut link = self.node().scope;
        while let Some(binding) = usize::try_from(link).ok().and_then(|link| self.document.bindings.get(link)) {
            if self.document.span(binding.prefix) == prefix {
                return Some(self.document.namespace(binding.namespace));
            }
            link = binding.outer;
        }
        prefix.is_empty().then_some("")
    }

    /// The text read as a qualified name: namespace and local name. An undeclared prefix gives none.
    pub fn qname(self) -> Option<(&'d str, &'d str)> {
        self.text_as(|text| self.resolve_qname(text))
    }

    /// A text that stands in this element, such as the value of `xsi:type`, read as a qualified name.
    pub fn resolve_qname(self, text: &'d str) -> Option<(&'d str, &'d str)> {
        let text = text.trim();
        match text.split_once(':') {
            Some((prefix, local)) => Some((self.resolve_prefix(prefix)?, local)),
            None => Some((self.resolve_prefix("")?, text)),
        }
    }

    fn node(self) -> &'d Node {
        const MISSING: Node = Node {
            local: Span::EMPTY,
            text: Span::EMPTY,
            end: 0,
            first_attribute: 0,
            scope: NO_BINDING,
            namespace: NO_NAMESPACE,
            attribute_count: 0,
        };
        usize::try_from(self.id).ok().and_then(|id| self.document.nodes.get(id)).unwrap_or(&MISSING)
    }
}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{{{}}}{}>", self.namespace(), self.local())
    }
}

/// One attribute of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'d> {
    /// Namespace URI; empty without prefix.
    pub namespace: &'d str,
    /// Local name.
    pub local: &'d str,
    /// Value, references resolved.
    pub value: &'d str,
}

/// Iterator over child elements.
#[derive(Debug, Clone)]
pub struct Children<'d> {
    document: &'d Document,
    next: u32,
    end: u32,
}

impl<'d> Iterator for Children<'d> {
    type Item = Element<'d>;

    fn next(&mut self) -> Option<Element<'d>> {
        if self.next >= self.end {
            return None;
        }
        let child = Element { document: self.document, id: self.next };
        // `end` lies after the child itself, so the loop moves on even in a damaged table.
        self.next = child.node().end.max(self.next.saturating_add(1));
        Some(child)
    }
}
