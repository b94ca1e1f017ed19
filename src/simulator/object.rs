//! Instances as the simulated host holds them, and their form on the wire.

use crate::cim::Value;
use crate::wsman::{self, ClassAddressing, EndpointReference, SelectorSet};
use crate::xml::{Writer, ns};

use super::schema::Class;

/// One instance. Properties stand in alphabetical order, as Windows sends them (recorded).
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) class: &'static Class,
    pub(super) properties: Vec<(&'static str, Content)>,
}

/// What a property holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Null,
    Value(Value),
    Reference(Path),
}

/// Names an instance: class and keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) class: String,
    pub(super) keys: Vec<(String, String)>,
}

impl Path {
    pub(super) fn new(class: &str, keys: &[(&str, &str)]) -> Path {
        let keys = keys.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Path { class: class.to_owned(), keys }
    }

    /// The Msvm_ComputerSystem of a VM.
    pub(super) fn of_vm(id: &str) -> Path {
        Path::new("Msvm_ComputerSystem", &[("CreationClassName", "Msvm_ComputerSystem"), ("Name", id)])
    }

    /// Whether both name the same instance: classes, key names and values without case, in any order.
    pub(super) fn names(&self, other: &Path) -> bool {
        let has = |name: &str, value: &str| {
            other.keys.iter().any(|(key, held)| key.eq_ignore_ascii_case(name) && same_text(held, value))
        };
        self.class.eq_ignore_ascii_case(&other.class)
            && self.keys.len() == other.keys.len()
            && self.keys.iter().all(|(name, value)| has(name, value))
    }

    pub(super) fn reference(&self, addressing: &ClassAddressing) -> EndpointReference {
        let keys = self.keys.iter().fold(SelectorSet::new(), |set, (name, value)| set.with(name, value));
        addressing.reference(&self.class, keys)
    }
}

impl Object {
    pub(super) fn new(class: &'static Class) -> Object {
        Object { class, properties: Vec::with_capacity(48) }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Object {
        self.properties.push((name, Content::Value(value.into())));
        self
    }

    pub(super) fn with_number(self, name: &'static str, number: u16) -> Object {
        self.with(name, Value::uint16(number))
    }

    pub(super) fn with_reference(mut self, name: &'static str, path: Path) -> Object {
        self.properties.push((name, Content::Reference(path)));
        self
    }

    pub(super) fn with_nulls(mut self, names: &[&'static str]) -> Object {
        self.properties.extend(names.iter().map(|name| (*name, Content::Null)));
        self
    }

    /// The order of the wire.
    pub(super) fn sorted(mut self) -> Object {
        self.properties.sort_by_key(|(name, _)| *name);
        self
    }

    pub(super) fn property(&self, name: &str) -> Option<&Content> {
        self.properties.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, content)| content)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.property(name) {
            Some(Content::Value(Value::String(text))) => Some(text),
            _ => None,
        }
    }

    pub(super) fn path(&self) -> Path {
        let keys = self.class.keys.iter().filter_map(|key| {
            let value = match self.property(key)? {
                Content::Value(value) => value.to_string(),
                Content::Null | Content::Reference(_) => String::new(),
            };
            Some(((*key).to_owned(), value))
        });
        Path { class: self.class.name.to_owned(), keys: keys.collect() }
    }

    /// Whether every one of these keys has this value; an unknown name has none.
    pub(super) fn matches(&self, keys: &SelectorSet) -> bool {
        keys.iter().filter(|key| !key.name.eq_ignore_ascii_case(NAMESPACE_SELECTOR)).all(|key| {
            // Keys that are references are no keys of the simulated classes.
            match (self.property(&key.name), key.value.as_text()) {
                (Some(Content::Value(value)), Some(text)) => same_text(&value.to_string(), text),
                (Some(Content::Null), Some(text)) => text.is_empty(),
                _ => false,
            }
        })
    }

    /// Writes the instance as WinRM does (recorded): three declarations and `xsi:type` on the element.
    pub(super) fn write(&self, writer: &mut Writer, form: &Form) {
        let class = form.addressing.class(self.class.name);
        writer.open("p", self.class.name).declare("xsi", ns::XSI).declare("p", class.as_str()).declare("cim", ns::CIM);
        writer.attribute("xsi", "type", &format!("p:{}_Type", self.class.name));
        self.write_properties(writer, "p", form);
        writer.close();
    }

    /// Writes a chosen list of properties: then Windows leaves the namespace out (MS-WSMV note 58).
    pub(super) fn write_bare(&self, writer: &mut Writer, form: &Form) {
        writer.open("", self.class.name).declare("xsi", ns::XSI).declare("cim", ns::CIM);
        self.write_properties(writer, "", form);
        writer.close();
    }

    /// Writes properties alone, each with the namespace of the class: the content of a fragment.
    pub(super) fn write_parts(&self, writer: &mut Writer, form: &Form) {
        writer.declare("p", form.addressing.class(self.class.name).as_str()).declare("xsi", ns::XSI);
        self.write_properties(writer, "p", form);
    }

    fn write_properties(&self, writer: &mut Writer, prefix: &str, form: &Form) {
        for (name, content) in &self.properties {
            match content {
                Content::Null => wsman::write_property(writer, prefix, name, None),
                Content::Value(value) if form.capital_booleans => {
                    wsman::write_property(writer, prefix, name, Some(&capital(value)));
                }
                Content::Value(value) => wsman::write_property(writer, prefix, name, Some(value)),
                Content::Reference(path) => {
                    writer.open(prefix, name).declare("a", ns::ADDRESSING).declare("w", ns::WSMAN);
                    path.reference(&form.addressing).write(writer);
                    writer.close();
                }
            }
        }
    }

    /// Writes `a:EndpointReference` for an item of an enumeration.
    pub(super) fn write_reference(&self, writer: &mut Writer, form: &Form) {
        writer.open("a", "EndpointReference");
        self.path().reference(&form.addressing).write(writer);
        writer.close();
    }
}

/// How instances look on the wire of one dialect.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) addressing: ClassAddressing,
    pub(super) capital_booleans: bool,
}

/// `TRUE` and `FALSE`, as OMI writes them.
fn capital(value: &Value) -> Value {
    match value {
        Value::Boolean(true) => Value::text("TRUE"),
        Value::Boolean(false) => Value::text("FALSE"),
        other => other.clone(),
    }
}

/// Selector values and WQL texts compare without case (MS-WSMV 3.1.4.1.2).
pub(super) fn same_text(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || a.to_lowercase() == b.to_lowercase()
}

/// The selector that names the CIM namespace.
pub(super) const NAMESPACE_SELECTOR: &str = "__cimnamespace";
