//! Instances as JSON and as lines, typed by the declaration of their class where it is known.

use serde_json::{Map, Value as Json, json};

use crate::cim::schema::{Schema, ValueMap};
use crate::cim::{CimType, InstanceView};
use crate::wsman::EndpointReference;
use crate::xml::{Element, ns};

/// What is known of a property or parameter.
#[derive(Default, Clone, Copy)]
struct Known<'s> {
    cim_type: Option<CimType>,
    array: bool,
    map: Option<&'s ValueMap>,
}

/// An instance, or the output of a method (`Class`, `Some(method)`), as a JSON object of its properties.
pub fn instance_to_json(
    instance: &InstanceView<'_>,
    schema: Option<&Schema>,
    class: &str,
    method: Option<&str>,
) -> Json {
    let mut properties = Map::new();
    let mut names: Vec<&str> = Vec::new();
    for element in instance.elements() {
        if !names.contains(&element.local()) {
            names.push(element.local());
        }
    }
    for name in names {
        let known = schema.map(|schema| known(schema, class, method, name)).unwrap_or_default();
        let all: Vec<_> = instance.elements().filter(|element| element.local() == name).collect();
        let items: Vec<_> =
            all.iter().filter(|element| !element.is_nil()).map(|element| value(*element, known)).collect();
        let shown = match (items.len(), all.len()) {
            (0, _) => Json::Null,
            (1, 1) if !known.array => items.into_iter().next().unwrap_or(Json::Null),
            _ => Json::Array(items),
        };
        properties.insert(name.to_owned(), shown);
    }
    Json::Object(properties)
}

/// One line for each property: name and value.
pub fn property_lines(properties: &Json) -> Vec<Vec<String>> {
    let text = |value: &Json| match value {
        Json::String(text) => text.clone(),
        Json::Null => "NULL".to_owned(),
        Json::Object(fields) => match (fields.get("value"), fields.get("name")) {
            (Some(value), Some(Json::String(name))) => format!("{value} ({name})"),
            _ => value.to_string(),
        },
        other => other.to_string(),
    };
    let fields = properties.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| {
            let shown = match value {
                Json::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
                other => text(other),
            };
            vec![name.clone(), shown]
        })
        .collect()
}

fn known<'s>(schema: &'s Schema, class: &str, method: Option<&str>, name: &str) -> Known<'s> {
    let Some(class) = schema.class(class) else { return Known::default() };
    let Some(method) = method else {
        let property = class.property(name);
        return property.map_or_else(Known::default, |property| Known {
            cim_type: Some(property.cim_type),
            array: property.array,
            map: property.value_map.as_ref(),
        });
    };
    let Some(method) = class.method(method) else { return Known::default() };
    if name == "ReturnValue" {
        return Known { cim_type: method.return_type, array: false, map: method.return_values.as_ref() };
    }
    method.parameter(name).map_or_else(Known::default, |parameter| Known {
        cim_type: Some(parameter.cim_type),
        array: parameter.array,
        map: parameter.value_map.as_ref(),
    })
}

fn value(element: Element<'_>, known: Known<'_>) -> Json {
    if let Some(reference) = EndpointReference::read(element) {
        let keys: Map<_, _> =
            reference.selectors.iter().map(|key| (key.name.clone(), Json::String(key.value.clone()))).collect();
        return json!({ "class": reference.resource.last_segment(), "uri": reference.resource.as_str(), "keys": keys });
    }
    let typed = element.children().find(|child| child.namespace() == ns::CIM);
    let text = typed.unwrap_or(element).text();
    let plain = || Json::String(text.to_owned());
    match known.cim_type {
        Some(CimType::Boolean) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Json::Bool(true),
            "false" | "0" => Json::Bool(false),
            _ => plain(),
        },
        Some(CimType::Real32 | CimType::Real64) => text.trim().parse::<f64>().map_or_else(|_| plain(), |n| json!(n)),
        Some(CimType::String | CimType::Char16 | CimType::Datetime | CimType::Reference) | None => plain(),
        Some(_) => match text.trim().parse::<i128>() {
            Ok(number) => {
                let shown =
                    i64::try_from(number).map(|n| json!(n)).or_else(|_| u64::try_from(number).map(|n| json!(n)));
                let shown = shown.unwrap_or_else(|_| plain());
                match known.map.and_then(|map| map.name(number)) {
                    Some(name) => json!({ "value": shown, "name": name }),
                    None => shown,
                }
            }
            Err(_) => plain(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Document;

    #[test]
    fn a_known_class_is_typed_and_null_is_not_empty() {
        let text = r#"<p:Msvm_ConcreteJob xmlns:p="urn:x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">
            <p:JobState>7</p:JobState><p:Cancellable>false</p:Cancellable><p:ErrorDescription></p:ErrorDescription><p:Owner xsi:nil="true"/>
            <p:OperationalStatus>2</p:OperationalStatus><p:ElapsedTime><cim:Interval>P0DT0H0M3S</cim:Interval></p:ElapsedTime><p:New>7</p:New></p:Msvm_ConcreteJob>"#;
        let document = Document::parse(text).unwrap();
        let view = InstanceView::of(document.root());
        let shown = instance_to_json(&view, Some(Schema::builtin()), "Msvm_ConcreteJob", None);
        assert_eq!(shown["JobState"]["value"], 7);
        assert_eq!(shown["JobState"]["name"], "Completed");
        assert_eq!(shown["Cancellable"], false);
        assert_eq!(shown["ErrorDescription"], "");
        assert!(shown["Owner"].is_null());
        assert!(shown["OperationalStatus"].is_array());
        assert_eq!(shown["ElapsedTime"], "P0DT0H0M3S");
        assert_eq!(shown["New"], "7");
        let untyped = instance_to_json(&view, None, "Msvm_ConcreteJob", None);
        assert_eq!(untyped["JobState"], "7");
        assert!(property_lines(&shown).contains(&vec!["JobState".to_owned(), "7 (Completed)".to_owned()]));
    }
}
