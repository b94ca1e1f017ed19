//! `Demo_Note` in `root/cimv2`: a class without a model in Windows, so that Create, Put, Delete, fragments and
//! subscriptions can be tried without a host that would be changed. A subscription brings every note made after it.

use std::collections::BTreeMap;

use crate::cim::Value;
use crate::wsman::Fragment;
use crate::xml::{Element, Writer};

use super::object::{Content, Form, Object};
use super::refusal::Refusal;
use super::schema;

/// The notes, and who wants to hear of new ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    notes: Vec<Note>,
    /// Every note ever made, as it was then: what subscriptions bring.
    made: Vec<Note>,
    subscriptions: BTreeMap<String, Listener>,
}

#[derive(Debug, Clone)]
struct Note {
    id: String,
    text: Option<String>,
    tags: Vec<String>,
}

#[derive(Debug, Clone)]
struct Listener {
    context: String,
    /// How many of the notes made were brought.
    seen: usize,
}

impl Notes {
    /// The instances.
    pub(super) fn objects(&self) -> Vec<Object> {
        self.notes.iter().map(Note::object).collect()
    }

    /// Makes a note of the properties in an element.
    pub(super) fn create(&mut self, element: Element<'_>) -> Result<Object, Refusal> {
        let mut note = Note { id: String::new(), text: None, tags: Vec::new() };
        note.take(element.children())?;
        if note.id.is_empty() {
            return Err(Refusal::schema());
        }
        if self.position(&note.id).is_some() {
            return Err(Refusal::already_exists());
        }
        let object = note.object();
        self.notes.push(note.clone());
        self.made.push(note);
        Ok(object)
    }

    /// Changes the properties that an element holds; the key must stay.
    pub(super) fn put(&mut self, id: &str, element: Element<'_>) -> Result<Object, Refusal> {
        self.change(id, |note| note.take(element.children()))
    }

    /// Changes the property that a fragment names: by elements of its name, or by a text.
    pub(super) fn put_fragment(&mut self, id: &str, fragment: &Fragment, part: Element<'_>) -> Result<Object, Refusal> {
        let place = Place::of(fragment)?;
        self.change(id, |note| match (place.property, place.item) {
            ("Text", None) if place.is_text => {
                note.text = Some(part.text().to_owned());
                Ok(())
            }
            ("Tags", Some(item)) if place.is_text => {
                *note.tags.get_mut(item).ok_or_else(Refusal::filter)? = part.text().to_owned();
                Ok(())
            }
            (property, None) if part.children().all(|child| child.local() == property) => note.take(part.children()),
            _ => Err(Refusal::schema()),
        })
    }

    pub(super) fn delete(&mut self, id: &str) -> Result<(), Refusal> {
        let place = self.position(id).ok_or_else(Refusal::not_found)?;
        self.notes.remove(place);
        Ok(())
    }

    pub(super) fn subscribe(&mut self, identifier: &str, context: &str) {
        let listener = Listener { context: context.to_owned(), seen: self.made.len() };
        self.subscriptions.insert(identifier.to_owned(), listener);
    }

    /// Whether there is such a subscription.
    pub(super) fn is_subscribed(&self, identifier: &str) -> bool {
        self.subscriptions.contains_key(identifier)
    }

    pub(super) fn unsubscribe(&mut self, identifier: &str) -> bool {
        self.subscriptions.remove(identifier).is_some()
    }

    /// What is new for the subscription with this context, which the next one then replaces; none if the context is not
    /// that of a subscription, an empty list if nothing is new.
    pub(super) fn pull(&mut self, context: &str, next: &str, most: usize) -> Option<Vec<Object>> {
        let listener = self.subscriptions.values_mut().find(|listener| listener.context == context)?;
        let new: Vec<_> = self.made.iter().skip(listener.seen).take(most).map(Note::object).collect();
        if !new.is_empty() {
            listener.seen += new.len();
            listener.context = next.to_owned();
        }
        Some(new)
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Note) -> Result<(), Refusal>) -> Result<Object, Refusal> {
        let place = self.position(id).ok_or_else(Refusal::not_found)?;
        let held = self.notes.get_mut(place).ok_or_else(Refusal::not_found)?;
        let mut note = held.clone();
        change(&mut note)?;
        if note.id != held.id {
            return Err(Refusal::schema());
        }
        *held = note;
        Ok(held.object())
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.notes.iter().position(|note| note.id.eq_ignore_ascii_case(id))
    }
}

impl Note {
    fn object(&self) -> Object {
        let object = Object::new(&schema::DEMO_NOTE).with("Id", self.id.as_str());
        let object = match self.tags.is_empty() {
            true => object.with_nulls(&["Tags"]),
            false => object.with("Tags", Value::texts(self.tags.iter().cloned())),
        };
        match &self.text {
            Some(text) => object.with("Text", text.as_str()),
            None => object.with_nulls(&["Text"]),
        }
    }

    /// Takes properties over; an array replaces the old one as a whole.
    fn take<'d>(&mut self, properties: impl Iterator<Item = Element<'d>>) -> Result<(), Refusal> {
        let mut tags: Option<Vec<String>> = None;
        for property in properties {
            let value = (!property.is_nil()).then(|| property.text().to_owned());
            match (property.local(), value) {
                ("Id", Some(id)) => self.id = id,
                ("Text", text) => self.text = text,
                ("Tags", tag) => tags.get_or_insert_default().extend(tag),
                _ => return Err(Refusal::schema()),
            }
        }
        self.tags = tags.unwrap_or(std::mem::take(&mut self.tags));
        Ok(())
    }
}

/// Writes the part of an instance that a fragment names.
pub(super) fn write_fragment(
    writer: &mut Writer,
    object: &Object,
    form: &Form,
    fragment: &Fragment,
) -> Result<(), Refusal> {
    let place = Place::of(fragment)?;
    let content = object.property(place.property).ok_or_else(Refusal::filter)?;
    let part = match (content, place.item) {
        (Content::Value(Value::Array(_, items)), Some(item)) => {
            Content::Value(items.get(item).cloned().ok_or_else(Refusal::filter)?)
        }
        (content, None) => content.clone(),
        (_, Some(_)) => return Err(Refusal::filter()),
    };
    match (place.is_text, &part) {
        (true, Content::Value(value)) if !matches!(value, Value::Array(..)) => {
            writer.text(&value.to_string());
        }
        (true, _) => return Err(Refusal::filter()),
        (false, _) => {
            let mut only = object.clone();
            only.properties.retain(|(name, _)| *name == place.property);
            only.properties.iter_mut().for_each(|(_, held)| *held = part.clone());
            only.write_parts(writer, form);
        }
    }
    Ok(())
}

/// A fragment that was understood: `Name`, `Name[2]`, either with `/text()` (DSP0226 D.1, a part of it).
struct Place<'a> {
    property: &'a str,
    /// Counted from nothing.
    item: Option<usize>,
    is_text: bool,
}

impl Place<'_> {
    fn of(fragment: &Fragment) -> Result<Place<'_>, Refusal> {
        if fragment.dialect.is_some() {
            return Err(Refusal::filter());
        }
        let (path, is_text) = match fragment.expression.strip_suffix("/text()") {
            Some(path) => (path, true),
            None => (fragment.expression.as_str(), false),
        };
        let path = path.rsplit(':').next().unwrap_or(path);
        let (property, item) = match path.strip_suffix(']').and_then(|path| path.split_once('[')) {
            None => (path, None),
            Some((name, item)) => {
                let item = item.parse::<usize>().ok().and_then(|item| item.checked_sub(1));
                (name, Some(item.ok_or_else(Refusal::filter)?))
            }
        };
        Ok(Place { property, item, is_text })
    }
}
