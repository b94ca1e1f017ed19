//! Embedded instances: CIM-XML text (DSP0201) inside a string parameter.
//!
//! The form that Hyper-V takes and sends; the namespaced element form is refused by it with
//! SchemaValidationError (seen on a live host).

use std::fmt::Write as _;

use super::error::CimError;
use super::instance::Instance;
use super::mof::CimType;
use super::names::{ClassName, PropertyName};
use super::value::Value;
use crate::xml::{Document, Element, WriteError};

impl Instance {
    /// The instance as CIM-XML text. NULL properties are left out: send keys and what changes, no more.
    ///
    /// # Errors
    /// A character that XML cannot carry.
    pub fn to_cim_xml(&self) -> Result<String, WriteError> {
        let mut out = format!("<INSTANCE CLASSNAME=\"{}\">", self.class());
        for (name, value) in self.properties() {
            match value {
                None => {}
                Some(Value::Array(cim_type, items)) => {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "<PROPERTY.ARRAY NAME=\"{name}\" TYPE=\"{cim_type}\"><VALUE.ARRAY>");
                    for item in items {
                        push_value(&mut out, item)?;
                    }
                    out.push_str("</VALUE.ARRAY></PROPERTY.ARRAY>");
                }
                Some(value) => {
                    let _ = write!(out, "<PROPERTY NAME=\"{name}\" TYPE=\"{}\">", value.cim_type());
                    push_value(&mut out, value)?;
                    out.push_str("</PROPERTY>");
                }
            }
        }
        out.push_str("</INSTANCE>");
        Ok(out)
    }

    /// Reads CIM-XML text as hosts send it: `PROPERTY` may lack a value, names may come with `PROPAGATED`.
    ///
    /// # Errors
    /// [`CimError::Embedded`] for anything but one `INSTANCE`.
    pub fn from_cim_xml(text: &str) -> Result<Instance, CimError> {
        let document = Document::parse(text).map_err(|error| CimError::Embedded(error.to_string()))?;
        Instance::of_cim_xml(&document)
    }

    /// As [`Instance::from_cim_xml`], of a document. What is not read of it, such as qualifiers and references, is
    /// [unread](Element::unread) to whoever watches the document.
    ///
    /// # Errors
    /// [`CimError::Embedded`] for anything but one `INSTANCE`, or a property that stands there twice.
    pub fn of_cim_xml(document: &Document) -> Result<Instance, CimError> {
        let fail = |reason: String| CimError::Embedded(reason);
        let root = document.root();
        if root.local() != "INSTANCE" {
            return Err(fail(format!("<{}> instead of <INSTANCE>", root.local())));
        }
        let class = root.attribute("", "CLASSNAME").unwrap_or("");
        let class = class.parse::<ClassName>().map_err(|error| fail(error.to_string()))?;
        let mut instance = Instance::new(class);
        for property in root.children() {
            let name = property.attribute("", "NAME").unwrap_or("");
            let name = name.parse::<PropertyName>().map_err(|error| fail(error.to_string()))?;
            for known in ["CLASSORIGIN", "PROPAGATED", "EmbeddedObject", "EMBEDDEDOBJECT"] {
                // They repeat what the declaration of the class says.
                let _ = property.attribute("", known);
            }
            if !instance.property(name.as_str()).is_absent() {
                return Err(fail(format!("the property {name} stands there twice")));
            }
            let value = match property.local() {
                "PROPERTY" => property
                    .children()
                    .find(|child| child.local() == "VALUE")
                    .map(|value| read_value(property, value))
                    .transpose()?,
                "PROPERTY.ARRAY" => property
                    .children()
                    .find(|child| child.local() == "VALUE.ARRAY")
                    .map(|array| {
                        let items = array.children().filter(|item| item.local() == "VALUE");
                        let items = items.map(|item| read_value(property, item)).collect::<Result<_, _>>()?;
                        Ok(Value::Array(type_of(property)?, items))
                    })
                    .transpose()?,
                _ => continue,
            };
            instance.set(name, value);
        }
        Ok(instance)
    }
}

fn type_of(property: Element<'_>) -> Result<CimType, CimError> {
    let name = property.attribute("", "TYPE").unwrap_or("string");
    name.parse().map_err(|_| CimError::Embedded(format!("{name:?} is not a CIM type")))
}

fn read_value(property: Element<'_>, value: Element<'_>) -> Result<Value, CimError> {
    Value::parse(type_of(property)?, value.text()).map_err(|error| CimError::Embedded(error.to_string()))
}

/// Hyper-V's inner parser is no full XML parser: `&amp;` and `&lt;` in a value fail (32768, 32773 seen), numeric
/// references work. Datetimes are written in the DMTF spelling although they are read in the ISO one.
fn push_value(out: &mut String, value: &Value) -> Result<(), WriteError> {
    out.push_str("<VALUE>");
    let text = match value {
        Value::Datetime(time) => time.to_dmtf(),
        other => other.to_string(),
    };
    for character in text.chars() {
        match character {
            '&' | '<' | '>' | '"' | '\'' | '\r' | '\n' => {
                let _ = write!(out, "&#{};", u32::from(character));
            }
            '\t' => out.push('\t'),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => {
                return Err(WriteError::Character(control));
            }
            plain => out.push(plain),
        }
    }
    out.push_str("</VALUE>");
    Ok(())
}
