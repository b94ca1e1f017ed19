//! Input parameters: read as strictly as the class declares them.

use crate::cim::{CimDatetime, Instance};
use crate::simulator::lifecycle::Relation;
use crate::simulator::object::same_text;
use crate::simulator::refusal::Refusal;
use crate::simulator::schema::{Input, Method};
use crate::simulator::world::INVALID_PARAMETER;
use crate::wsman::EndpointReference;
use crate::xml::{Element, ns};

use super::embedded;

/// Input parameters that were understood, by name. A NULL one is not among them.
#[derive(Debug, Default)]
pub(super) struct Inputs(Vec<(&'static str, Given)>);

#[derive(Debug)]
enum Given {
    Reference(EndpointReference),
    Number(u16),
    Text(String),
    Flag(bool),
    Time,
    Embedded(Result<Instance, u32>),
}

impl Inputs {
    /// Parameter names are matched with case; a reference is Address and ReferenceParameters directly, and a wrapper
    /// inside it breaks the schema (seen on a live host), as does an instance in XML of its own instead of text.
    pub(super) fn read(method: &'static Method, payload: Element<'_>) -> Result<Inputs, Refusal> {
        let mut inputs = Inputs::default();
        for element in payload.children() {
            let known = method.inputs.iter().find(|(name, _)| *name == element.local());
            let (name, input) = known.filter(|_| element.same_namespace(payload)).ok_or_else(Refusal::schema)?;
            let is_list = matches!(input, Input::EmbeddedList(_));
            if !is_list && inputs.0.iter().any(|(given, _)| given == name) {
                return Err(Refusal::schema());
            }
            if !element.is_nil() {
                inputs.0.push((name, Given::read(*input, element)?));
            }
        }
        Ok(inputs)
    }

    fn get(&self, name: &str) -> Option<&Given> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, given)| given)
    }

    pub(super) fn reference(&self, name: &str) -> Option<&EndpointReference> {
        match self.get(name) {
            Some(Given::Reference(reference)) => Some(reference),
            _ => None,
        }
    }

    /// A key of an instance that a reference names, which must be of this class.
    pub(super) fn key(&self, name: &str, class: &str, key: &str) -> Option<&str> {
        let reference = self.reference(name)?;
        let is_meant = reference.resource.last_segment().eq_ignore_ascii_case(class);
        reference.selectors.value(key).filter(|_| is_meant)
    }

    /// GUID of the VM that a reference names.
    pub(super) fn vm(&self, name: &str) -> Result<&str, u32> {
        self.key(name, "Msvm_ComputerSystem", "Name").ok_or(INVALID_PARAMETER)
    }

    pub(super) fn number(&self, name: &str) -> Option<u16> {
        match self.get(name) {
            Some(Given::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Given::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Given::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The embedded instance; none if it is NULL.
    pub(super) fn embedded(&self, name: &str) -> Result<Option<&Instance>, u32> {
        match self.get(name) {
            Some(Given::Embedded(instance)) => instance.as_ref().map(Some).map_err(|code| *code),
            _ => Ok(None),
        }
    }

    /// All embedded instances of an array.
    pub(super) fn embedded_list(&self, name: &str) -> Result<Vec<Instance>, u32> {
        let given = self.0.iter().filter(|(known, _)| *known == name);
        given
            .filter_map(|(_, given)| match given {
                Given::Embedded(instance) => Some(instance.clone()),
                _ => None,
            })
            .collect()
    }

    /// The relation that ReplicationRelationship names; none if it is NULL.
    pub(super) fn relation(&self, vm: &str) -> Result<Option<Relation>, u32> {
        let Some(instance) = self.embedded("ReplicationRelationship")? else { return Ok(None) };
        let id = instance.text("InstanceID").unwrap_or("");
        let is = |relation: u8| same_text(id, &format!("Microsoft:{vm}\\HVR\\{relation}"));
        match (is(0), is(1)) {
            (true, _) => Ok(Some(Relation::Primary)),
            (_, true) => Ok(Some(Relation::Extended)),
            _ => Err(INVALID_PARAMETER),
        }
    }
}

impl Given {
    fn read(input: Input, element: Element<'_>) -> Result<Given, Refusal> {
        let text = element.text();
        let has_children = element.children().next().is_some();
        match input {
            Input::Reference => {
                let is_wrapped = element.child(ns::ADDRESSING, "EndpointReference").is_some();
                let reference = EndpointReference::read(element).filter(|_| !is_wrapped);
                reference.map(Given::Reference).ok_or_else(Refusal::schema)
            }
            Input::Datetime => {
                let text = element.children().find(|child| child.namespace() == ns::CIM).unwrap_or(element).text();
                text.trim().parse::<CimDatetime>().map(|_| Given::Time).map_err(|_| Refusal::schema())
            }
            _ if has_children => Err(Refusal::schema()),
            Input::Number => text.trim().parse().map(Given::Number).map_err(|_| Refusal::schema()),
            Input::Text => Ok(Given::Text(text.to_owned())),
            Input::Flag => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" => Ok(Given::Flag(true)),
                "false" | "0" => Ok(Given::Flag(false)),
                _ => Err(Refusal::schema()),
            },
            Input::Embedded(class) | Input::EmbeddedList(class) => Ok(Given::Embedded(embedded::read(text, class))),
        }
    }
}
