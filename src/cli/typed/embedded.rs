//! Instances in JSON, `{"class":"X","Property":…}`, made into embedded instances typed by the class.

use serde_json::{Map, Value as Json};

use crate::cim::schema::{Class, Property, Schema};
use crate::cim::{CimType, Instance, Value};

/// Reads an instance: `{"class":"X","Property":…}`, or `{"class","properties"}` as this program prints it. Numbers also
/// as `{"value":2,"name":"…"}`, arrays also as one item, instances inside instances. The error says what does not fit.
pub(super) fn instance_from_json(json: &Json, schema: &Schema) -> Result<Instance, String> {
    let object = json.as_object().ok_or(FORM)?;
    let name = object.get("class").and_then(Json::as_str).ok_or(FORM)?;
    let class = schema
        .class(name)
        .ok_or_else(|| format!("the class {name} is not declared here; add its declaration with --schema FILE.mof"))?;
    let properties = match object.get("properties") {
        Some(Json::Object(properties)) if class.property("properties").is_none() => properties,
        _ => object,
    };
    read_properties(properties, class, schema)
}

/// JSON after `instance:`, or CIM-XML text as a file may hold it.
pub(super) fn instance_from_text(text: &str, schema: &Schema) -> Result<Instance, String> {
    let text = text.trim();
    if text.starts_with('<') {
        return Instance::from_cim_xml(text).map_err(|error| error.to_string());
    }
    let json = serde_json::from_str(text).map_err(|error| format!("{FORM} ({error})"))?;
    instance_from_json(&json, schema)
}

/// Whether an instance of `class` may stand where `wanted` is asked for. A class that is not declared may, and one of
/// which a base is not: it is the host's to know.
pub(super) fn fits(schema: &Schema, class: &str, wanted: &str) -> bool {
    schema.class(class).is_none_or(|class| class.is_a(wanted) || class.missing_base().is_some())
}

fn read_properties(properties: &Map<String, Json>, class: &Class, schema: &Schema) -> Result<Instance, String> {
    let mut instance = Instance::new(class.name.clone());
    for (name, json) in properties.iter().filter(|(name, _)| *name != "class") {
        let property = class.property(name).ok_or_else(|| {
            let known: Vec<_> = class.properties_with_inherited().iter().map(|p| p.name.to_string()).collect();
            let elsewhere = super::unless_inherited(class);
            format!("{} has no property {name}; it has: {}{elsewhere}", class.name, known.join(", "))
        })?;
        let value = read_property(json, property, schema)
            .map_err(|reason| format!("{reason} ({} declares: {})", class.name, property.declaration()))?;
        instance.set(property.name.clone(), value);
    }
    Ok(instance)
}

fn read_property(json: &Json, property: &Property, schema: &Schema) -> Result<Option<Value>, String> {
    match (json, property.array) {
        (Json::Null, _) => Ok(None),
        (Json::Array(items), true) => {
            let items = items.iter().map(|item| read_item(item, property, schema));
            Ok(Some(Value::Array(property.cim_type, items.collect::<Result<_, _>>()?)))
        }
        (Json::Array(_), false) => Err(format!("{} is no array", property.name)),
        // Hyper-V takes an array property as an array only, even with one item (seen on a live host).
        (one, true) => Ok(Some(Value::Array(property.cim_type, vec![read_item(one, property, schema)?]))),
        (one, false) => read_item(one, property, schema).map(Some),
    }
}

fn read_item(json: &Json, property: &Property, schema: &Schema) -> Result<Value, String> {
    let (name, cim_type) = (&property.name, property.cim_type);
    let fail = || Err(format!("{name} is a {cim_type}, and {json} is none"));
    let parse = |text: &str| Value::parse(cim_type, text).map_err(|error| format!("{name}: {error}"));
    match json {
        _ if cim_type == CimType::Reference => {
            Err(format!("{name} is a reference, which an embedded instance cannot carry here; leave it out"))
        }
        Json::Bool(value) if cim_type == CimType::Boolean => Ok(Value::Boolean(*value)),
        Json::Number(number) if is_number(cim_type) => parse(&number.to_string()),
        Json::String(text) if cim_type != CimType::Boolean => parse(text),
        Json::Object(object) if object.contains_key("class") && cim_type == CimType::String => {
            let inner = instance_from_json(json, schema).map_err(|error| format!("{name}: {error}"))?;
            inner.to_cim_xml().map(Value::String).map_err(|error| format!("{name}: {error}"))
        }
        Json::Object(object) if is_number(cim_type) => match object.get("value") {
            Some(Json::Number(number)) => parse(&number.to_string()),
            _ => fail(),
        },
        _ => fail(),
    }
}

fn is_number(cim_type: CimType) -> bool {
    cim_type.integer_range().is_some() || matches!(cim_type, CimType::Real32 | CimType::Real64)
}

const FORM: &str = "an instance is a JSON object such as {\"class\":\"Msvm_X\",\"Property\":1}";
