//! Instances on the wire as WinRM shapes them (recorded from a live host).

use super::resource::ResourceUri;
use crate::cim::{CimDatetime, Instance, Value};
use crate::xml::{Writer, ns};

/// Writes an instance: element and properties in the class namespace under prefix `p`, NULL as `xsi:nil`,
/// arrays repeated. Properties come in alphabetical order, as Windows sends them.
pub fn write_instance(writer: &mut Writer, class: &ResourceUri, instance: &Instance) {
    let name = instance.class().as_str();
    writer.open("p", name).declare("xsi", ns::XSI).declare("p", class.as_str()).declare("cim", ns::CIM);
    writer.attribute("xsi", "type", &format!("p:{name}_Type"));
    let mut properties: Vec<_> = instance.properties().collect();
    properties.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
    for (name, value) in properties {
        write_property(writer, "p", name.as_str(), value);
    }
    writer.close();
}

/// Writes one property; none is NULL.
pub fn write_property(writer: &mut Writer, prefix: &str, name: &str, value: Option<&Value>) {
    match value {
        Some(value) => write_scalar(writer, prefix, name, value),
        None => {
            writer.open(prefix, name).attribute("xsi", "nil", "true").close();
        }
    }
}

/// Writes a value; an array as repeated elements.
pub(super) fn write_scalar(writer: &mut Writer, prefix: &str, name: &str, value: &Value) {
    match value {
        Value::Array(_, items) => items.iter().for_each(|item| write_scalar(writer, prefix, name, item)),
        Value::Datetime(time) => write_time(writer, prefix, name, time),
        Value::String(text) => {
            writer.text_element(prefix, name, text);
        }
        other => {
            writer.text_element(prefix, name, &other.to_string());
        }
    }
}

/// ISO 8601 inside `cim:Datetime` or `cim:Interval`; a value with wildcards exists only in the DMTF spelling.
fn write_time(writer: &mut Writer, prefix: &str, name: &str, time: &CimDatetime) {
    let local = if time.interval().is_some() { "Interval" } else { "Datetime" };
    match time.to_iso() {
        Some(iso) => {
            // Declared here too: a parameter stands in an envelope that does not use the prefix otherwise.
            writer.open(prefix, name).open("cim", local).declare("cim", ns::CIM).text(&iso).close().close();
        }
        None => {
            writer.text_element(prefix, name, &time.to_dmtf());
        }
    }
}
