//! Which parts of a document were read, so that what no reader understood can be named.
//!
//! A [`Document`] keeps no account by itself: reading a large reply costs nothing for it. After [`Document::watch`] the
//! readers mark what they take, without knowing: a text by [`Element::text`], an attribute by [`Element::attribute`], a
//! name by [`Element::is`]. What then remains is what was sent and did not get anywhere.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::document::{Document, Element};

/// A mark for each name, text and attribute. The marks only ever go up, so that no order between them matters.
pub(super) struct Ledger {
    names: Vec<AtomicBool>,
    texts: Vec<AtomicBool>,
    attributes: Vec<AtomicBool>,
}

/// What a mark is set on, by its place in the document's tables.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    /// The name of an element.
    Name(u32),
    /// The text of an element, and with it its name.
    Text(u32),
    /// An attribute.
    Attribute(usize),
}

impl Ledger {
    pub(super) fn of(elements: usize, attributes: usize) -> Ledger {
        let marks = |count| std::iter::repeat_with(AtomicBool::default).take(count).collect();
        Ledger { names: marks(elements), texts: marks(elements), attributes: marks(attributes) }
    }

    pub(super) fn mark(&self, mark: Mark) {
        let set = |marks: &[AtomicBool], place: usize| {
            if let Some(mark) = marks.get(place) {
                mark.store(true, Ordering::Relaxed);
            }
        };
        match mark {
            Mark::Name(id) => set(&self.names, wide(id)),
            Mark::Text(id) => {
                set(&self.names, wide(id));
                set(&self.texts, wide(id));
            }
            Mark::Attribute(place) => set(&self.attributes, place),
        }
    }

    pub(super) fn has(&self, mark: Mark) -> bool {
        let is_set =
            |marks: &[AtomicBool], place: usize| marks.get(place).is_some_and(|mark| mark.load(Ordering::Relaxed));
        match mark {
            Mark::Name(id) => is_set(&self.names, wide(id)),
            Mark::Text(id) => is_set(&self.texts, wide(id)),
            Mark::Attribute(place) => is_set(&self.attributes, place),
        }
    }
}

/// A leaf that nobody has read: a text, an attribute, or an element that holds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread<'d> {
    /// Local names from the element that was asked about, which is left out: `Body/X_Item/Name[2]`, an attribute as
    /// `Body/X_Item/@unit`. A number stands where several of one name are siblings.
    pub path: String,
    /// Namespace of the element or the attribute; empty where there is none.
    pub namespace: &'d str,
    /// The text or the value, as it stands there; empty for an element that holds nothing.
    pub value: &'d str,
}

impl Document {
    /// Keeps account of what is read from here on; [`Element::unread`] tells what was not.
    pub fn watch(&self) {
        self.begin_ledger();
    }
}

impl<'d> Element<'d> {
    /// Every leaf of this element that nobody has read since [`Document::watch`], in document order; without an account
    /// there is none. Namespace declarations are no leaves.
    pub fn unread(self) -> Vec<Unread<'d>> {
        let mut found = Vec::new();
        if self.is_watched() {
            collect(self, &mut Vec::new(), &mut found);
        }
        found
    }

    /// Counts every leaf of this element as read: for what a reader knows as a whole.
    pub fn count_as_read(self) {
        let _ = (self.text(), self.attributes().count());
        self.children().for_each(Element::count_as_read);
    }
}

/// The way to an element: each element with its number, where several siblings have its name.
type Path<'d> = Vec<(&'d str, Option<usize>)>;

fn collect<'d>(element: Element<'d>, path: &mut Path<'d>, found: &mut Vec<Unread<'d>>) {
    // Nearly always all of it was read, which is seen without walking.
    if element.is_read_throughout() {
        return;
    }
    let before = found.len();
    for attribute in element.attributes_unread() {
        let path = joined(path, Some(attribute.local));
        found.push(Unread { path, namespace: attribute.namespace, value: attribute.value });
    }
    let is_leaf = element.children().next().is_none();
    let text = element.text_unread();
    // White space between elements is layout; alone in an element it is its text.
    let says = text.is_some_and(|text| !text.is_empty() && (is_leaf || !text.trim().is_empty()));
    let is_passed_over = is_leaf && found.len() == before && element.name_is_unread();
    if says || is_passed_over {
        found.push(Unread { path: joined(path, None), namespace: element.namespace(), value: text.unwrap_or("") });
    }
    let mut totals = HashMap::new();
    for child in element.children() {
        *totals.entry((child.namespace(), child.local())).or_insert(0_usize) += 1;
    }
    let mut places = HashMap::new();
    for child in element.children() {
        let key = (child.namespace(), child.local());
        let place = places.entry(key).or_insert(0_usize);
        *place += 1;
        let is_alone = totals.get(&key).is_none_or(|total| *total == 1);
        path.push((child.local(), (!is_alone).then_some(*place)));
        collect(child, path, found);
        path.pop();
    }
}

fn joined(path: &Path<'_>, attribute: Option<&str>) -> String {
    let steps = path.iter().map(|(name, place)| match place {
        Some(place) => format!("{name}[{place}]"),
        None => (*name).to_owned(),
    });
    let all: Vec<_> = steps.chain(attribute.map(|name| format!("@{name}"))).collect();
    if all.is_empty() { ".".to_owned() } else { all.join("/") }
}

fn wide(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}
