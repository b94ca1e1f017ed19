//! Instances, references and method outputs as JSON, typed by the class declaration.
//!
//! NULL is `null` and an empty text is `""`; what a host did not send is not there. A value that does not fit its
//! declaration stays a text: nothing a host says is lost for being odd.

use serde_json::{Map, Number, Value as Json, json};

use super::octets;
use crate::cim::schema::{Class, Method, Schema, ValueMap};
use crate::cim::{CimDatetime, CimType, Instance, InstanceView, Value};
use crate::wsman::EndpointReference;
use crate::xml::{Element, ns};

/// An instance as `{"class","uri","properties"}`, its properties in the order the host sent them.
///
/// With a declaration, numbers and booleans are JSON's, a number that its class names is `{"value","name"}`, an array
/// is one also with one item, an octet string `{"octets","text"}`, a datetime is ISO text, a reference `{"class","uri","keys"}`, an embedded instance
/// `{"class","properties"}`. Without one, values are texts. Where the instance's own class is not declared, `asked` is
/// taken: the class that was asked for, of which it is a subclass.
pub fn instance_to_json(instance: &InstanceView<'_>, schema: Option<&Schema>, asked: &str) -> Json {
    let class = schema.and_then(|schema| schema.class(instance.class()).or_else(|| schema.class(asked)));
    let shape = |name: &str| class.map_or(Shape::Unknown, |class| Shape::of_property(class, name));
    json!({ "class": instance.class(), "uri": instance.class_uri(), "properties": properties(instance, shape) })
}

/// The output of a method by parameter name, typed by its declaration.
pub fn output_to_json(output: &InstanceView<'_>, method: Option<&Method>) -> Map<String, Json> {
    let shape = |name: &str| method.map_or(Shape::Unknown, |method| Shape::of_output(method, name));
    properties(output, shape)
}

/// A reference as `{"class","uri","keys"}`.
pub fn reference_to_json(reference: &EndpointReference) -> Json {
    let keys = reference.selectors.iter().map(|key| (key.name.clone(), Json::from(key.value.as_str())));
    let keys: Map<_, _> = keys.collect();
    json!({ "class": reference.resource.last_segment(), "uri": reference.resource.as_str(), "keys": keys })
}

/// Name and value of each property, for people.
pub fn lines(properties: &Map<String, Json>) -> Vec<Vec<String>> {
    let mut lines = Vec::with_capacity(properties.len());
    for (name, value) in properties {
        match value.get("content").and_then(Json::as_object) {
            // Elements inside elements, as a path.
            Some(content) => lines.extend(self::lines(content).into_iter().map(|mut line| {
                if let Some(inner) = line.first_mut() {
                    *inner = format!("{name}/{inner}");
                }
                line
            })),
            None => lines.push(vec![name.clone(), words(value)]),
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
            (Some(value), Some(Json::String(name)), _) => format!("{value} ({name})"),
            (Some(value), Some(_), _) => value.to_string(),
            _ if fields.contains_key("octets") => fields
                .get("text")
                .filter(|text| !text.is_null())
                .or(fields.get("octets"))
                .map(words)
                .unwrap_or_default(),
            (_, _, Some(Json::Object(keys))) => {
                let class = fields.get("class").map(words).unwrap_or_default();
                let keys: Vec<_> = keys.iter().map(|(name, value)| format!("{name}={}", words(value))).collect();
                format!("{class}?{}", keys.join(","))
            }
            _ => value.to_string(),
        },
        other => other.to_string(),
    }
}

/// What is known of an element before it is read.
#[derive(Clone, Copy)]
enum Shape<'s> {
    Unknown,
    Known { cim_type: CimType, array: bool, embedded: bool, octets: bool, names: Option<&'s ValueMap> },
}

impl<'s> Shape<'s> {
    fn of_property(class: &'s Class, name: &str) -> Self {
        class.property(name).map_or(Shape::Unknown, |property| Shape::Known {
            cim_type: property.cim_type,
            array: property.array,
            embedded: property.embedded_class.is_some() || property.embedded_object,
            octets: property.octet_string,
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
                names: method.return_values.as_ref(),
            });
        }
        method.parameter(name).map_or(Shape::Unknown, |parameter| Shape::Known {
            cim_type: parameter.cim_type,
            array: parameter.array,
            embedded: parameter.embedded_class.is_some() || parameter.embedded_object,
            octets: parameter.octet_string,
            names: parameter.value_map.as_ref(),
        })
    }

    fn item(self, element: Element<'_>) -> Json {
        match self {
            Shape::Unknown => untyped(element),
            Shape::Known { cim_type: CimType::Reference, .. } => {
                EndpointReference::read(element).map_or_else(|| Json::from(element.text()), |r| reference_to_json(&r))
            }
            Shape::Known { cim_type: CimType::Datetime, .. } => Json::from(time(element)),
            Shape::Known { embedded: true, .. } => embedded(element.text()),
            Shape::Known { octets: true, cim_type: CimType::String, .. } => {
                octets::of_text(element.text()).unwrap_or_else(|| Json::from(element.text()))
            }
            Shape::Known { cim_type, names, .. } => match Value::parse(cim_type, element.text()) {
                Ok(value) => named(value_to_json(&value), &value, names),
                Err(_) => Json::from(element.text()),
            },
        }
    }
}

fn properties<'s>(instance: &InstanceView<'_>, shape: impl Fn(&str) -> Shape<'s>) -> Map<String, Json> {
    let mut object = Map::new();
    for element in instance.elements() {
        let name = element.local();
        let shape = shape(name);
        let is_array = matches!(shape, Shape::Known { array: true, .. });
        let item = if element.is_nil() { Json::Null } else { shape.item(element) };
        add(&mut object, name, item, is_array);
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

/// Adds an element to those before it: repeated is an array, whatever the declaration says.
fn add(object: &mut Map<String, Json>, name: &str, item: Json, is_array: bool) {
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

/// A text, unless the element itself shows that it is a time, a reference, or further elements: those come by name as
/// `{"content":{…}}`.
pub fn untyped(element: Element<'_>) -> Json {
    if let Some(reference) = EndpointReference::read(element) {
        return reference_to_json(&reference);
    }
    let mut children = element.children().peekable();
    match children.peek() {
        None => Json::from(element.text()),
        Some(child) if child.namespace() == ns::CIM => Json::from(time(element)),
        Some(_) => {
            let mut content = Map::new();
            for child in children {
                let value = if child.is_nil() { Json::Null } else { untyped(child) };
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

fn embedded(text: &str) -> Json {
    match Instance::from_cim_xml(text) {
        Ok(instance) => built_to_json(&instance),
        Err(_) => Json::from(text),
    }
}

/// An embedded instance; it carries its types itself.
fn built_to_json(instance: &Instance) -> Json {
    let value = |value: Option<&Value>| value.map_or(Json::Null, value_to_json);
    let properties = instance.properties().map(|(name, given)| (name.as_str().to_owned(), value(given)));
    json!({ "class": instance.class().as_str(), "properties": properties.collect::<Map<_, _>>() })
}

fn value_to_json(value: &Value) -> Json {
    match value {
        Value::Boolean(value) => Json::from(*value),
        Value::Unsigned(_, number) => Json::from(*number),
        Value::Signed(_, number) => Json::from(*number),
        Value::Real(_, number) => Number::from_f64(*number).map_or_else(|| Json::from(value.to_string()), Json::Number),
        Value::Array(_, items) => items.iter().map(value_to_json).collect(),
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
