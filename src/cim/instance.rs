//! Instances: a view of one that was read, and one that is built.

use std::str::FromStr;

use super::datetime::{CimDatetime, Datetime, Interval};
use super::error::CimError;
use super::names::{ClassName, PropertyName};
use super::property::Property;
use super::value::{Value, parse_boolean};
use crate::xml::{Element, ns};

/// An instance as a host sent it: a view of its element, typed when asked.
///
/// Reading costs nothing until a property is asked for; nothing is copied. Properties are found by local name: in the
/// namespace of the instance, or else in any other. Servers differ: some put an inherited property into the namespace of
/// the class that declares it, or all of them into none (Intel AMT). `cim:Location` is no property.
#[derive(Debug, Clone, Copy)]
pub struct InstanceView<'d> {
    element: Element<'d>,
    form: Form<'d>,
}

/// How an element tells its class.
#[derive(Debug, Clone, Copy)]
enum Form<'d> {
    /// By its name.
    Named,
    /// Not at all: a `w:XmlFragment` around properties of another namespace.
    Fragment,
    /// By `xsi:type`: the value of a property (DSP0230 7.2.5; sent by OMI).
    Embedded { uri: &'d str, class: &'d str },
}

impl<'d> InstanceView<'d> {
    /// The instance that an element holds. In a `w:XmlFragment` stand chosen properties of an instance, without its
    /// class (DSP0226 7.7; items of an enumeration that asked for some properties alone).
    pub fn of(element: Element<'d>) -> Self {
        let form = if element.is(ns::WSMAN, "XmlFragment") { Form::Fragment } else { Form::Named };
        InstanceView { element, form }
    }

    /// The instance that the value of a property is: child elements under an `xsi:type` such as `q:X_Item_Type`.
    pub fn embedded(element: Element<'d>) -> Option<Self> {
        element.children().next()?;
        let (uri, class) = element.attribute_as(ns::XSI, "type", |name| element.resolve_qname(name))?;
        let class = class.strip_suffix(TYPE_ENDING).unwrap_or(class);
        Some(InstanceView { element, form: Form::Embedded { uri, class } })
    }

    /// Name of the class, as in the element.
    pub fn class(&self) -> &'d str {
        match self.form {
            Form::Embedded { class, .. } => class,
            Form::Named | Form::Fragment => self.element.local(),
        }
    }

    /// URI of the class.
    pub fn class_uri(&self) -> &'d str {
        match self.form {
            Form::Embedded { uri, .. } => uri,
            Form::Named | Form::Fragment => self.element.namespace(),
        }
    }

    /// Whether an `xsi:type` says nothing but the class, in the form `p:Class_Type`.
    pub fn type_is_plain(&self) -> bool {
        let (class, uri) = (self.class(), self.class_uri());
        let read = |name| {
            let (namespace, local) = self.element.resolve_qname(name)?;
            (namespace == uri && local.strip_suffix(TYPE_ENDING) == Some(class)).then_some(())
        };
        self.element.attribute_as(ns::XSI, "type", read).is_some()
    }

    /// `cim:Location`, in which Windows says where the instance is.
    pub fn location(&self) -> Option<Element<'d>> {
        self.element.children().find(|child| child.is(ns::CIM, "Location"))
    }

    /// The element itself.
    pub fn element(&self) -> Element<'d> {
        self.element
    }

    /// Every property element in the order sent, whatever its namespace; an array property comes once for each item.
    pub fn elements(&self) -> impl Iterator<Item = Element<'d>> {
        let view = *self;
        view.element.children().filter(move |child| view.is_own(*child) || !is_location(*child))
    }

    /// Whether a property stands in the namespace of the class.
    pub fn is_own(&self, property: Element<'d>) -> bool {
        match self.form {
            Form::Named => property.same_namespace(self.element),
            Form::Fragment => true,
            Form::Embedded { uri, .. } => property.namespace() == uri,
        }
    }

    /// A property, or the first item of an array.
    pub fn property(&self, name: &str) -> Property<Element<'d>> {
        match self.first(name) {
            None => Property::Absent,
            Some(element) if element.is_nil() => Property::Null,
            Some(element) => Property::Value(element),
        }
    }

    /// The first element of this name: of the class, or else the first in another namespace.
    fn first(&self, name: &str) -> Option<Element<'d>> {
        let mut foreign = None;
        for element in self.element.children().filter(|element| element.local() == name) {
            if self.is_own(element) {
                return Some(element);
            }
            if foreign.is_none() && !is_location(element) {
                foreign = Some(element);
            }
        }
        foreign
    }

    /// The items of an array property; a scalar is an array of one, NULL and absent have none.
    pub fn items(&self, name: &str) -> impl Iterator<Item = Element<'d>> {
        // All of one namespace: two properties of one name are not one array.
        let first = self.first(name);
        self.elements().filter(move |element| {
            element.local() == name && first.is_some_and(|first| first.same_namespace(*element)) && !element.is_nil()
        })
    }

    /// A text property.
    pub fn text(&self, name: &str) -> Property<&'d str> {
        self.property(name).map(Element::text)
    }

    /// The texts of an array property.
    pub fn texts(&self, name: &str) -> Vec<&'d str> {
        self.items(name).map(Element::text).collect()
    }

    /// A numeric property. An empty element counts as NULL: a number cannot be empty.
    ///
    /// # Errors
    /// Text that is not a number in the range of `T`.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<Property<T>, CimError> {
        match self.text(name) {
            Property::Value(text) if text.trim().is_empty() => Ok(Property::Null),
            text => {
                text.try_map(|text| text.trim().parse().map_err(|_| self.type_error(name, text, "a number in range")))
            }
        }
    }

    /// The numbers of an array property.
    ///
    /// # Errors
    /// As [`InstanceView::number`].
    pub fn numbers<T: FromStr>(&self, name: &str) -> Result<Vec<T>, CimError> {
        self.items(name)
            .map(|item| item.text().trim().parse().map_err(|_| self.type_error(name, item.text(), "a number in range")))
            .collect()
    }

    /// A boolean property: `true`, `TRUE`, `1` and their opposites.
    ///
    /// # Errors
    /// Any other text.
    pub fn boolean(&self, name: &str) -> Result<Property<bool>, CimError> {
        self.text(name)
            .try_map(|text| parse_boolean(text.trim()).ok_or_else(|| self.type_error(name, text, "a boolean")))
    }

    /// A point in time: in `cim:Datetime` as Windows sends it, or DMTF text as other servers do.
    ///
    /// # Errors
    /// Text that is no date, or an interval.
    pub fn datetime(&self, name: &str) -> Result<Property<Datetime>, CimError> {
        self.time(name)?
            .try_map(|time| time.point().ok_or_else(|| self.type_error(name, "an interval", "a point in time")))
    }

    /// An interval: in `cim:Interval`, or DMTF text.
    ///
    /// # Errors
    /// Text that is no interval.
    pub fn interval(&self, name: &str) -> Result<Property<Interval>, CimError> {
        self.time(name)?
            .try_map(|time| time.interval().ok_or_else(|| self.type_error(name, "a point in time", "an interval")))
    }

    fn time(&self, name: &str) -> Result<Property<CimDatetime>, CimError> {
        self.property(name).try_map(|element| {
            let child = element.children().find(|child| child.namespace() == ns::CIM);
            let text = child.unwrap_or(element).text().trim();
            CimDatetime::from_str(text).map_err(|_| self.type_error(name, text, "a datetime"))
        })
    }

    /// The error for a property that must have a value and has none.
    pub fn missing(&self, name: &str) -> CimError {
        CimError::Missing { class: self.class().to_owned(), property: name.to_owned() }
    }

    fn type_error(&self, property: &str, text: &str, expected: &'static str) -> CimError {
        CimError::Type {
            class: self.class().to_owned(),
            property: property.to_owned(),
            text: text.chars().take(80).collect(),
            expected,
        }
    }
}

/// What the name of a class's type ends in (DSP0230).
const TYPE_ENDING: &str = "_Type";

fn is_location(element: Element<'_>) -> bool {
    element.local() == "Location" && element.namespace() == ns::CIM
}

/// An instance that is built: for embedded parameters, and for hosts that answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    class: ClassName,
    properties: Vec<(PropertyName, Option<Value>)>,
}

impl Instance {
    /// An instance without properties.
    pub fn new(class: ClassName) -> Self {
        Instance { class, properties: Vec::new() }
    }

    /// Sets a property.
    #[must_use]
    pub fn with(mut self, name: PropertyName, value: impl Into<Value>) -> Self {
        self.set(name, Some(value.into()));
        self
    }

    /// Sets a property in place; none is NULL.
    pub fn set(&mut self, name: PropertyName, value: Option<Value>) {
        match self.properties.iter_mut().find(|(known, _)| *known == name) {
            Some(slot) => slot.1 = value,
            None => self.properties.push((name, value)),
        }
    }

    /// The class.
    pub fn class(&self) -> &ClassName {
        &self.class
    }

    /// A property.
    pub fn property(&self, name: &str) -> Property<&Value> {
        match self.properties.iter().find(|(known, _)| known.as_str().eq_ignore_ascii_case(name)) {
            None => Property::Absent,
            Some((_, None)) => Property::Null,
            Some((_, Some(value))) => Property::Value(value),
        }
    }

    /// The text of a property, if it is one.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.property(name) {
            Property::Value(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// All properties in the order they were set; none is NULL.
    pub fn properties(&self) -> impl Iterator<Item = (&PropertyName, Option<&Value>)> {
        self.properties.iter().map(|(name, value)| (name, value.as_ref()))
    }
}
