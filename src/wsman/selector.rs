//! The keys that tell an instance from others.

use std::fmt;

use super::resource::EndpointReference;
use crate::xml::{Element, Writer, ns};

/// One key of an instance.
#[derive(Debug, Clone)]
pub struct Selector {
    /// Name of the key property.
    pub name: String,
    /// Its value.
    pub value: SelectorValue,
}

/// The value of a key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SelectorValue {
    /// A text; backslashes are literal here, doubled only inside WMI path strings.
    Text(String),
    /// A reference, the key of an association: `w:Selector` holds an `a:EndpointReference` (DSP0226 5.1.2.2; sent by
    /// Intel AMT and OpenPegasus).
    Reference(Box<EndpointReference>),
}

impl SelectorValue {
    /// The text, where it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            SelectorValue::Text(text) => Some(text),
            SelectorValue::Reference(_) => None,
        }
    }

    /// The reference, where it is one.
    pub fn as_reference(&self) -> Option<&EndpointReference> {
        match self {
            SelectorValue::Text(_) => None,
            SelectorValue::Reference(reference) => Some(reference),
        }
    }

    fn read(selector: Element<'_>) -> SelectorValue {
        let inner = selector.child(ns::ADDRESSING, "EndpointReference").and_then(EndpointReference::read);
        match inner {
            Some(reference) => SelectorValue::Reference(Box::new(reference)),
            None => SelectorValue::Text(selector.text().to_owned()),
        }
    }
}

impl From<&str> for SelectorValue {
    fn from(text: &str) -> Self {
        SelectorValue::Text(text.to_owned())
    }
}

impl From<String> for SelectorValue {
    fn from(text: String) -> Self {
        SelectorValue::Text(text)
    }
}

impl From<&String> for SelectorValue {
    fn from(text: &String) -> Self {
        SelectorValue::Text(text.clone())
    }
}

impl From<EndpointReference> for SelectorValue {
    fn from(reference: EndpointReference) -> Self {
        SelectorValue::Reference(Box::new(reference))
    }
}

impl PartialEq for SelectorValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (SelectorValue::Text(one), SelectorValue::Text(other)) => one.eq_ignore_ascii_case(other),
            (SelectorValue::Reference(one), SelectorValue::Reference(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for SelectorValue {}

/// As it is written in a reference: a reference with `ref:` before it, a text that begins like one with `text:`, either
/// in double quotes where it holds a comma or begins with a quote.
impl fmt::Display for SelectorValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = match self {
            SelectorValue::Reference(reference) => format!("ref:{reference}"),
            SelectorValue::Text(text) if text.starts_with("ref:") || text.starts_with("text:") => {
                format!("text:{text}")
            }
            SelectorValue::Text(text) => text.clone(),
        };
        match plain.contains(',') || plain.starts_with('"') {
            true => write!(f, "\"{}\"", plain.replace('"', "\"\"")),
            false => f.write_str(&plain),
        }
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(&other.name) && self.value == other.value
    }
}

impl Eq for Selector {}

/// The keys of an instance. Names and values are matched without case (MS-WSMV 3.1.4.1.2); order does not count.
#[derive(Debug, Clone, Default)]
pub struct SelectorSet(Vec<Selector>);

impl SelectorSet {
    /// No selectors: a class, or a true singleton.
    pub fn new() -> Self {
        SelectorSet::default()
    }

    /// Adds one key.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<SelectorValue>) -> Self {
        self.push(name, value);
        self
    }

    /// Adds one key in place.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<SelectorValue>) {
        self.0.push(Selector { name: name.into(), value: value.into() });
    }

    /// The value of a key that is a text.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|selector| selector.name.eq_ignore_ascii_case(name))?.value.as_text()
    }

    /// All keys in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Selector> {
        self.0.iter()
    }

    /// How many keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes `w:SelectorSet`; nothing where there are no selectors.
    pub fn write(&self, writer: &mut Writer) {
        if self.0.is_empty() {
            return;
        }
        writer.open("w", "SelectorSet");
        for selector in &self.0 {
            writer.open("w", "Selector").attribute("", "Name", &selector.name);
            match &selector.value {
                SelectorValue::Text(text) => {
                    writer.text(text);
                }
                SelectorValue::Reference(reference) => {
                    writer.open("a", "EndpointReference");
                    reference.write(writer);
                    writer.close();
                }
            }
            writer.close();
        }
        writer.close();
    }

    /// Reads `w:SelectorSet`. A selector without text is a NULL value, kept as empty text.
    pub fn read(element: Element<'_>) -> SelectorSet {
        let selectors = element.children().filter(|child| child.is(ns::WSMAN, "Selector"));
        SelectorSet(
            selectors
                .map(|selector| Selector {
                    name: selector.attribute("", "Name").unwrap_or("").to_owned(),
                    value: SelectorValue::read(selector),
                })
                .collect(),
        )
    }
}

impl PartialEq for SelectorSet {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|selector| other.0.contains(selector))
    }
}

impl Eq for SelectorSet {}

impl fmt::Display for SelectorSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, selector) in self.0.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma}{}={}", selector.name, selector.value)?;
        }
        Ok(())
    }
}
