//! Instances, references and method outputs as JSON, typed by the class declaration.
//!
//! NULL is `null` and an empty text is `""`; what a host did not send is not there. A value that does not fit its
//! declaration stays a text: nothing a host says is lost for being odd.

use std::collections::HashMap;

use serde_json::{Map, Number, Value as Json, json};

use super::octets;
use crate::cim::schema::{Class, Method, Schema, ValueMap};
use crate::cim::{CimDatetime, CimType, ClassName, Instance, InstanceView, Value};
use crate::soap::ANONYMOUS;
use crate::wsman::{EndpointReference, SelectorSet, SelectorValue};
use crate::xml::{Document, Element, Unread, ns};

/// An instance as `{"class","uri","properties"}`, its properties in the order the host sent them.
///
/// With a declaration, numbers and booleans are JSON's, a number that its class names is `{"value","name"}`, an array
/// is one also with one item, an octet string `{"octets","text"}`, a datetime is ISO text, a reference `{"class","uri","keys"}`, an embedded instance
/// `{"class","properties"}`. Without one, values are texts. Where the instance's own class is not declared, `asked` is
/// taken: the class that was asked for, of which it is a subclass. A property of another namespace than the class is
/// `{namespace}Name` where its name alone is taken.
pub fn instance_to_json(instance: &InstanceView<'_>, schema: Option<&Schema>, asked: &str) -> Json {
    let class = schema.and_then(|schema| schema.class(instance.class()).or_else(|| schema.class(asked)));
    let shape = |name: &str| class.map_or(Shape::Unknown, |class| Shape::of_property(class, name));
    let _ = (instance.element().read_name(), instance.type_is_plain());
    let properties = properties(instance, schema, shape);
    let mut json = json!({ "class": instance.class(), "uri": instance.class_uri(), "properties": properties });
    if let (Some(location), Some(object)) = (instance.location().and_then(location), json.as_object_mut()) {
        object.insert("location".to_owned(), location);
    }
    json
}

/// Where an instance says it is; none where that is only "here".
fn location(element: Element<'_>) -> Option<Json> {
    if element.is_nil() {
        return None;
    }
    if let Some(reference) = EndpointReference::read(element) {
        return Some(reference_to_json(&reference));
    }
    let address = element.child(ns::ADDRESSING, "Address")?;
    let _ = address.text_as(|text| (text.trim() == ANONYMOUS).then_some(()));
    None
}

/// The output of a method by parameter name, typed by its declaration.
pub fn output_to_json(
    output: &InstanceView<'_>,
    schema: Option<&Schema>,
    method: Option<&Method>,
) -> Map<String, Json> {
    let shape = |name: &str| method.map_or(Shape::Unknown, |method| Shape::of_output(method, name));
    let _ = (output.element().read_name(), output.type_is_plain());
    properties(output, schema, shape)
}

/// A reference as `{"class","uri","keys"}`, with the address where that is not just the host itself.
pub fn reference_to_json(reference: &EndpointReference) -> Json {
    let keys = keys_to_json(&reference.selectors);
    let uri = reference.resource.as_str();
    let mut json = json!({ "class": reference.resource.last_segment(), "uri": uri, "keys": keys });
    if let Some(object) = json.as_object_mut().filter(|_| reference.address != ANONYMOUS) {
        object.insert("address".to_owned(), Json::from(reference.address.as_str()));
    }
    json
}

/// Keys by name; one that is a reference as an object.
pub fn keys_to_json(selectors: &SelectorSet) -> Map<String, Json> {
    let mut keys = Map::new();
    for key in selectors.iter() {
        let value = match &key.value {
            SelectorValue::Reference(reference) => reference_to_json(reference),
            other => Json::from(other.as_text().unwrap_or("")),
        };
        add(&mut keys, &key.name, value, false);
    }
    keys
}

/// What no reader understood, each with where it stands.
pub fn remainder_to_json(remainder: &[Unread<'_>]) -> Json {
    let entry = |leaf: &Unread<'_>| json!({ "path": leaf.path, "namespace": leaf.namespace, "value": leaf.value });
    remainder.iter().map(entry).collect()
}

/// Name and value of each property, for people.
pub fn lines(properties: &Map<String, Json>) -> Vec<Vec<String>> {
    let mut lines = Vec::with_capacity(properties.len());
    for (name, value) in properties {
        if let Json::Array(items) = value
            && items.iter().any(|item| item.get("content").or(item.get("properties")).is_some_and(Json::is_object))
        {
            let numbered = items.iter().enumerate();
            let items: Map<_, _> =
                numbered.map(|(place, item)| (format!("{name}[{}]", place + 1), item.clone())).collect();
            lines.extend(self::lines(&items));
            continue;
        }
        let inner = value.get("content").or(value.get("properties")).and_then(Json::as_object);
        let Some(inner) = inner else {
            lines.push(vec![name.clone(), words(value)]);
            continue;
        };
        if let Some(class) = value.get("class") {
            lines.push(vec![name.clone(), words(class)]);
        }
        // Elements inside elements, as a path.
        lines.extend(self::lines(inner).into_iter().map(|mut line| {
            if let Some(inner) = line.first_mut() {
                *inner = format!("{name}/{inner}");
            }
            line
        }));
        for part in ["location", "remainder"] {
            if let Some(rest) = value.get(part) {
                lines.push(vec![format!("{name} ({part})"), words(rest)]);
            }
        }
    }
    lines
}

/// A value for people: `2 (Running)`, `Class?Key=value`, items with commas between.
pub fn words(value: &Json) -> String {
    match value {
        Json::Null => "NULL".to_owned(),
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        Json::Object(fields) => match (fields.get("value"), fields.get("name"), fields.get("keys")) {
            (Some(value), Some(Json::String(name)), _) if fields.len() == 2 => format!("{value} ({name})"),
            (Some(value), Some(_), _) if fields.len() == 2 => value.to_string(),
            _ if fields.contains_key("octets") => fields
                .get("text")
                .filter(|text| !text.is_null())
                .or(fields.get("octets"))
                .map(words)
                .unwrap_or_default(),
            (_, _, Some(Json::Object(keys))) => reference_in_words(fields, keys),
            _ => value.to_string(),
        },
        other => other.to_string(),
    }
}

/// `Class?Key=value`, as it is typed: the whole URI where the class alone would not lead there, a key that is a reference
/// as `ref:…`.
fn reference_in_words(fields: &Map<String, Json>, keys: &Map<String, Json>) -> String {
    let text = |name: &str| fields.get(name).and_then(Json::as_str).unwrap_or("");
    let is_common = text("uri").is_empty() || COMMON.iter().any(|base| text("uri").starts_with(base));
    let class = if is_common { text("class") } else { text("uri") };
    let key = |(name, value): (&String, &Json)| {
        let value = match value {
            Json::Object(_) => format!("ref:{}", words(value)),
            _ => words(value),
        };
        match value.contains(',') {
            true => format!("{name}=\"{}\"", value.replace('"', "\"\"")),
            false => format!("{name}={value}"),
        }
    };
    let keys: Vec<_> = keys.iter().map(key).collect();
    let address = if text("address").is_empty() { String::new() } else { format!(" at {}", text("address")) };
    format!("{class}?{}{address}", keys.join(","))
}

/// Bases of class URIs that a class name alone stands for.
const COMMON: &[&str] =
    &["http://schemas.microsoft.com/wbem/wsman/1/", "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"];

/// What is known of an element before it is read.
#[derive(Clone, Copy)]
enum Shape<'s> {
    Unknown,
    Known {
        cim_type: CimType,
        array: bool,
        embedded: bool,
        embedded_class: Option<&'s ClassName>,
        octets: bool,
        names: Option<&'s ValueMap>,
    },
}

impl<'s> Shape<'s> {
    fn of_property(class: &'s Class, name: &str) -> Self {
        class.property(name).map_or(Shape::Unknown, |property| Shape::Known {
            cim_type: property.cim_type,
            array: property.array,
            embedded: property.embedded_class.is_some() || property.embedded_object,
            octets: property.octet_string,
            embedded_class: property.embedded_class.as_ref(),
            names: property.value_map.as_ref(),
        })
    }

    fn of_output(method: &'s Method, name: &str) -> Self {
        if name == "ReturnValue" {
            return method.return_type.map_or(Shape::Unknown, |cim_type| Shape::Known {
                cim_type,
                array: false,
                embedded: false,
                octets: false,
                embedded_class: None,
                names: method.return_values.as_ref(),
            });
        }
        method.parameter(name).map_or(Shape::Unknown, |parameter| Shape::Known {
            cim_type: parameter.cim_type,
            array: parameter.array,
            embedded: parameter.embedded_class.is_some() || parameter.embedded_object,
            octets: parameter.octet_string,
            embedded_class: parameter.embedded_class.as_ref(),
            names: parameter.value_map.as_ref(),
        })
    }

    fn item(self, element: Element<'_>, schema: Option<&Schema>) -> Json {
        let Shape::Known { cim_type, embedded: is_embedded, embedded_class, octets, names, .. } = self else {
            return untyped_by(element, schema, "");
        };
        if element.children().next().is_some() {
            // What stands there decides: elements are more than the declared type may have room for.
            return untyped_by(element, schema, embedded_class.map_or("", |class| class.as_str()));
        }
        match cim_type {
            CimType::Datetime => Json::from(time(element)),
            _ if is_embedded => embedded(element.text()),
            CimType::String if octets => octets::of_text(element.text()).unwrap_or_else(|| Json::from(element.text())),
            _ => match Value::parse(cim_type, element.text()) {
                Ok(value) => named(value_to_json(&value, element.text()), &value, names),
                Err(_) => Json::from(element.text()),
            },
        }
    }
}

fn properties<'s>(
    instance: &InstanceView<'_>,
    schema: Option<&Schema>,
    shape: impl Fn(&str) -> Shape<'s>,
) -> Map<String, Json> {
    let mut object = Map::new();
    let mut names = Names::new(instance);
    for element in instance.elements() {
        let shape = shape(element.local());
        let is_array = matches!(shape, Shape::Known { array: true, .. });
        let item = if element.is_nil() { Json::Null } else { shape.item(element, schema) };
        match names.qualified(instance, element) {
            None => add(&mut object, element.local(), item, is_array),
            Some(name) => add(&mut object, &name, item, is_array),
        }
    }
    // An octet string of numbers is one once all of them are there.
    for (name, value) in &mut object {
        if matches!(shape(name), Shape::Known { octets: true, cim_type: CimType::Uint8, array: true, .. })
            && let Some(read) = octets::of_numbers(value)
        {
            *value = read;
        }
    }
    object
}

/// Which namespace has a name, where an instance holds properties of several.
struct Names<'d> {
    /// None as long as every property was of the class.
    taken: Option<HashMap<&'d str, &'d str>>,
    has_foreign: bool,
}

impl<'d> Names<'d> {
    fn new(instance: &InstanceView<'d>) -> Self {
        Names { taken: None, has_foreign: instance.elements().any(|element| !instance.is_own(element)) }
    }

    /// `{namespace}Name` for a property whose name belongs to another one.
    fn qualified(&mut self, instance: &InstanceView<'d>, element: Element<'d>) -> Option<String> {
        if !self.has_foreign || instance.is_own(element) {
            return None;
        }
        let taken = self.taken.get_or_insert_with(|| {
            let own = instance.elements().filter(|element| instance.is_own(*element));
            own.map(|element| (element.local(), element.namespace())).collect()
        });
        let (namespace, local) = (element.namespace(), element.local());
        let is_free = *taken.entry(local).or_insert(namespace) == namespace;
        (!is_free).then(|| format!("{{{namespace}}}{local}"))
    }
}

/// Adds an element to those before it: repeated is an array, whatever the declaration says.
pub fn add(object: &mut Map<String, Json>, name: &str, item: Json, is_array: bool) {
    match object.get_mut(name) {
        None if is_array && !item.is_null() => {
            object.insert(name.to_owned(), Json::Array(vec![item]));
        }
        None => {
            object.insert(name.to_owned(), item);
        }
        Some(Json::Array(items)) => items.push(item),
        Some(first) => *first = Json::Array(vec![first.take(), item]),
    }
}

/// A text, unless the element itself shows that it is a time, a reference, an instance, or further elements: those come
/// by name as `{"content":{…}}`.
pub fn untyped(element: Element<'_>) -> Json {
    untyped_by(element, None, "")
}

/// As [`untyped`], an instance typed by its class or by the one that was asked for.
fn untyped_by(element: Element<'_>, schema: Option<&Schema>, asked: &str) -> Json {
    if let Some(reference) = EndpointReference::read(element) {
        return reference_to_json(&reference);
    }
    let mut children = element.children().peekable();
    match children.peek() {
        None => Json::from(element.text()),
        Some(child) if child.namespace() == ns::CIM => Json::from(time(element)),
        Some(_) => {
            if let Some(instance) = InstanceView::embedded(element) {
                return instance_to_json(&instance, schema, asked);
            }
            let mut content = Map::new();
            for child in children {
                let value = if child.is_nil() { Json::Null } else { untyped_by(child, schema, "") };
                add(&mut content, child.local(), value, false);
            }
            json!({ "content": content })
        }
    }
}

/// The time in `cim:Datetime` or `cim:Interval`, or as text, in ISO spelling where it has one.
fn time(element: Element<'_>) -> String {
    let child = element.children().find(|child| child.namespace() == ns::CIM);
    let text = child.unwrap_or(element).text().trim();
    match text.parse::<CimDatetime>() {
        // An ISO text stays as the host spelt it.
        Ok(time) if !text.contains(['T', 'P']) => time.to_string(),
        _ => text.to_owned(),
    }
}

/// CIM-XML text as an instance; what of it is not understood stands beside its properties.
fn embedded(text: &str) -> Json {
    let Ok(document) = Document::parse(text) else { return Json::from(text) };
    document.watch();
    let Ok(instance) = Instance::of_cim_xml(&document) else { return Json::from(text) };
    let mut json = built_to_json(&instance);
    let remainder = document.root().unread();
    if let Some(object) = json.as_object_mut().filter(|_| !remainder.is_empty()) {
        object.insert("remainder".to_owned(), remainder_to_json(&remainder));
    }
    json
}

/// An embedded instance; it carries its types itself.
fn built_to_json(instance: &Instance) -> Json {
    let value = |value: Option<&Value>| value.map_or(Json::Null, |value| value_to_json(value, ""));
    let properties = instance.properties().map(|(name, given)| (name.as_str().to_owned(), value(given)));
    json!({ "class": instance.class().as_str(), "properties": properties.collect::<Map<_, _>>() })
}

/// A value in JSON's own type; `spelt` is how the host wrote it, for numbers that JSON has no form for.
fn value_to_json(value: &Value, spelt: &str) -> Json {
    match value {
        Value::Boolean(value) => Json::from(*value),
        Value::Unsigned(_, number) => Json::from(*number),
        Value::Signed(_, number) => Json::from(*number),
        Value::Real(_, number) => Number::from_f64(*number).map_or_else(
            || Json::from(if spelt.is_empty() { value.to_string() } else { spelt.to_owned() }),
            Json::Number,
        ),
        Value::Array(_, items) => items.iter().map(|item| value_to_json(item, "")).collect(),
        other => Json::from(other.to_string()),
    }
}

/// A number beside its name, where its declaration names numbers at all: also for a number without a name, so that the
/// form of a property does not depend on its value.
fn named(json: Json, value: &Value, names: Option<&ValueMap>) -> Json {
    let number = match value {
        Value::Unsigned(_, number) => i128::from(*number),
        Value::Signed(_, number) => i128::from(*number),
        _ => return json,
    };
    match names {
        Some(names) => json!({ "value": json, "name": names.name(number) }),
        None => json,
    }
}
