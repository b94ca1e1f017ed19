//! An instance as a host sent it, made into one that can be changed and sent back.

use super::{Class, Property};
use crate::cim::{CimError, CimType, Instance, InstanceView, Value};
use crate::xml::{Element, ns};

impl Class {
    /// Reads every property that the class declares, each as its declaration types it, in the order sent. Passed over:
    /// references, which no embedded instance carries here, and what the class does not declare.
    ///
    /// # Errors
    ///
    /// A value that is none of the declared type.
    pub fn read(&self, view: &InstanceView<'_>) -> Result<Instance, CimError> {
        let mut instance = Instance::new(self.name.clone());
        for element in view.elements() {
            let Some(property) = self.property(element.local()) else { continue };
            if property.cim_type == CimType::Reference || !instance.property(property.name.as_str()).is_absent() {
                continue;
            }
            instance.set(property.name.clone(), value(view, property, element)?);
        }
        Ok(instance)
    }
}

/// The value of the property that begins with this element; none is NULL.
fn value(view: &InstanceView<'_>, property: &Property, first: Element<'_>) -> Result<Option<Value>, CimError> {
    if first.is_nil() {
        return Ok(None);
    }
    if property.array {
        let items = view.items(first.local()).map(|item| scalar(view, property, item));
        return Ok(Some(Value::Array(property.cim_type, items.collect::<Result<_, _>>()?)));
    }
    // A number or a boolean cannot be empty.
    if first.text().trim().is_empty() && !matches!(property.cim_type, CimType::String | CimType::Datetime) {
        return Ok(None);
    }
    scalar(view, property, first).map(Some)
}

fn scalar(view: &InstanceView<'_>, property: &Property, element: Element<'_>) -> Result<Value, CimError> {
    let inner = element.children().find(|child| child.namespace() == ns::CIM);
    let text = inner.filter(|_| property.cim_type == CimType::Datetime).unwrap_or(element).text();
    Value::parse(property.cim_type, text).map_err(|_| CimError::Type {
        class: view.class().to_owned(),
        property: property.name.to_string(),
        text: text.chars().take(80).collect(),
        expected: "a value of its declared type",
    })
}
