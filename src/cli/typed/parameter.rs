//! What was given made into parameters of a method or properties of an instance, typed by their declaration.

use serde_json::Value as Json;

use crate::cim::schema::{Class, Method, Parameter as Declared, Property, Schema, ValueMap};
use crate::cim::{CimType, ClassName, Value};
use crate::wsman::{ClassAddressing, EndpointReference, Parameter, ResourceUri, SelectorSet};

use super::Mismatch;
use super::embedded::{fits, instance_from_json, instance_from_text};
use super::given::{Argument, Given};
use super::keys::{self, Keys};
use super::reference::ReferenceText;

/// The parameters of a call in the order of the MOF, each of the type it is declared with.
///
/// Without a schema nothing is known of the method: values go out as texts in the order typed, `ref:` alone makes a
/// reference, and an embedded instance can only be sent as CIM-XML text.
///
/// # Errors
/// [`Mismatch`] for a class, method or parameter that is not declared, a value of another type, a scalar given twice, a
/// required parameter left out.
pub fn parameters(
    schema: Option<&Schema>,
    class: &str,
    method: &str,
    arguments: &[Argument],
    addressing: &ClassAddressing,
) -> Result<Vec<(String, Parameter)>, Mismatch> {
    let Some(schema) = schema else {
        // NULL is sent by leaving the parameter out.
        let given = untyped(arguments, addressing)?;
        return Ok(given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect());
    };
    let declared = find_method(schema, class, method)?;
    let fail = |text: String| Mismatch::declared(text, &declared.declaration());
    for argument in arguments {
        let name = &argument.name;
        match declared.parameter(name.as_str()) {
            None => return Err(fail(format!("{class}.{method} has no parameter {name}"))),
            Some(parameter) if !parameter.direction.is_in() => {
                return Err(fail(format!("{name} comes back from {class}.{method} and is not sent")));
            }
            Some(_) => {}
        }
    }
    let mut sent = Vec::new();
    for parameter in declared.inputs() {
        let given: Vec<_> = arguments.iter().filter(|argument| argument.name == parameter.name).collect();
        let typed = Typing { schema, slot: Slot::of_parameter(parameter), addressing }.read(&given).map_err(fail)?;
        match typed {
            Some(value) => sent.push((parameter.name.as_str().to_owned(), value)),
            None if parameter.required => return Err(fail(format!("{} must be given", parameter.name))),
            None => {}
        }
    }
    Ok(sent)
}

/// The properties of an instance in the order given, each of the type it is declared with; none is NULL.
///
/// # Errors
/// [`Mismatch`] as for [`parameters`].
pub fn properties(
    schema: Option<&Schema>,
    class: &str,
    arguments: &[Argument],
    addressing: &ClassAddressing,
) -> Result<Vec<(String, Option<Parameter>)>, Mismatch> {
    let Some(schema) = schema else { return untyped(arguments, addressing) };
    let declared = find_class(schema, class)?;
    let fail = |text: String| Mismatch::declared(text, &declared.declaration());
    let mut sent: Vec<(String, Option<Parameter>)> = Vec::new();
    for argument in arguments {
        let Some(property) = declared.property(argument.name.as_str()) else {
            return Err(fail(format!(
                "{class} has no property {}{}",
                argument.name,
                super::unless_inherited(declared)
            )));
        };
        if sent.iter().any(|(known, _)| property.name == *known.as_str()) {
            continue;
        }
        let given: Vec<_> = arguments.iter().filter(|other| other.name == property.name).collect();
        let typed = Typing { schema, slot: Slot::of_property(property), addressing }.read(&given).map_err(fail)?;
        sent.push((property.name.as_str().to_owned(), typed));
    }
    Ok(sent)
}

/// The declaration of a method, by the names as typed.
///
/// # Errors
/// [`Mismatch`] where the class or the method is not declared.
pub fn find_method<'s>(schema: &'s Schema, class: &str, method: &str) -> Result<&'s Method, Mismatch> {
    let declared = find_class(schema, class)?;
    declared.method(method).ok_or_else(|| {
        let mut names: Vec<_> = declared.methods_with_inherited().iter().map(|method| method.name.as_str()).collect();
        names.sort_unstable();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let elsewhere = super::unless_inherited(declared);
        Mismatch::new(format!("{class} has no method {method}{elsewhere}"), format!("it has: {known}"))
    })
}

/// The declaration of a class.
///
/// # Errors
/// [`Mismatch`] where it is not declared.
fn find_class<'s>(schema: &'s Schema, class: &str) -> Result<&'s Class, Mismatch> {
    schema.class(class).ok_or_else(|| {
        Mismatch::new(
            format!("the class {class} is not declared here"),
            "add its declaration with --schema FILE.mof, or send texts as they are with --no-schema",
        )
    })
}

/// What is declared of one parameter or property.
struct Slot<'a> {
    name: &'a str,
    cim_type: CimType,
    array: bool,
    reference_class: Option<&'a ClassName>,
    embedded_class: Option<&'a ClassName>,
    embedded_object: bool,
    value_map: Option<&'a ValueMap>,
}

impl<'a> Slot<'a> {
    fn of_parameter(parameter: &'a Declared) -> Self {
        Slot {
            name: parameter.name.as_str(),
            cim_type: parameter.cim_type,
            array: parameter.array,
            reference_class: parameter.reference_class.as_ref(),
            embedded_class: parameter.embedded_class.as_ref(),
            embedded_object: parameter.embedded_object,
            value_map: parameter.value_map.as_ref(),
        }
    }

    fn of_property(property: &'a Property) -> Self {
        Slot {
            name: property.name.as_str(),
            cim_type: property.cim_type,
            array: property.array,
            reference_class: property.reference_class.as_ref(),
            embedded_class: property.embedded_class.as_ref(),
            embedded_object: property.embedded_object,
            value_map: property.value_map.as_ref(),
        }
    }
}

/// Reads what was given for one parameter or property.
struct Typing<'a> {
    schema: &'a Schema,
    slot: Slot<'a>,
    addressing: &'a ClassAddressing,
}

impl Typing<'_> {
    fn read(&self, given: &[&Argument]) -> Result<Option<Parameter>, String> {
        let Slot { name, array, .. } = self.slot;
        match given {
            [] => Ok(None),
            [one] if one.given == Given::Null => Ok(None),
            [one] if one.given == Given::Empty && array => Ok(Some(Parameter::Array(Vec::new()))),
            _ if given.iter().any(|argument| argument.given == Given::Null) => {
                Err(format!("{name} is given as null and as a value"))
            }
            [one] if !array && !matches!(one.given, Given::Json(_, true) | Given::Empty) => {
                self.item(&one.given).map(Some)
            }
            [_] if !array => Err(format!("{name} is no array")),
            _ if !array => Err(format!("{name} is given {} times and is no array", given.len())),
            _ => {
                let items = given.iter().map(|argument| self.item(&argument.given));
                Ok(Some(Parameter::Array(items.collect::<Result<_, _>>()?)))
            }
        }
    }

    fn item(&self, given: &Given) -> Result<Parameter, String> {
        let Slot { name, cim_type, .. } = self.slot;
        match (cim_type, given) {
            (_, Given::Json(json, _)) => self.json(json),
            (CimType::Reference, Given::Plain(text) | Given::Reference(text)) => self.reference(text),
            (CimType::Reference, _) => Err(format!("{name} is a reference: write {name}=Class?Key=value")),
            (_, Given::Reference(_)) => Err(format!("{name} is a {cim_type}, not a reference")),
            (_, Given::Instance(_)) if !self.is_embedded() => {
                Err(format!("{name} is a {cim_type}, not an embedded instance"))
            }
            (_, Given::Instance(json)) => self.embedded(json),
            (_, Given::Plain(text)) if self.is_embedded() => match text.trim_start() {
                // A file may hold the mark as well.
                text if text.starts_with('{') || text.starts_with('<') => self.embedded(text),
                _ => Err(format!("{name} is an embedded instance: write {name}='instance:{{\"class\":\"…\",…}}'")),
            },
            (_, Given::Plain(text) | Given::Text(text)) => self.scalar(text).map(Parameter::Value),
            (_, Given::Null | Given::Empty) => Err(format!("{name} is null")),
        }
    }

    /// A member of a document: as this program prints it, or plainer.
    fn json(&self, json: &Json) -> Result<Parameter, String> {
        let Slot { name, cim_type, .. } = self.slot;
        let is_number = cim_type.integer_range().is_some() || matches!(cim_type, CimType::Real32 | CimType::Real64);
        match json {
            Json::Object(_) if self.is_embedded() => {
                let instance = instance_from_json(json, self.schema).map_err(|error| format!("{name}: {error}"))?;
                self.check_embedded(instance)
            }
            Json::Object(_) if cim_type == CimType::Reference => {
                let reference = reference_from_json(json, self.addressing);
                self.check_reference(reference.ok_or_else(|| {
                    format!("{name} is a reference: {{\"class\":\"X\",\"keys\":{{…}}}} or \"X?Key=value\"")
                })?)
            }
            Json::String(text) if cim_type == CimType::Reference => self.reference(text),
            Json::String(text) if self.is_embedded() => self.embedded(text),
            Json::String(text) if cim_type != CimType::Boolean => self.scalar(text).map(Parameter::Value),
            Json::Bool(value) if cim_type == CimType::Boolean => Ok(Parameter::Value(Value::Boolean(*value))),
            Json::Number(number) if is_number => self.scalar(&number.to_string()).map(Parameter::Value),
            // A number beside its name, as it is printed.
            Json::Object(fields) if is_number => match fields.get("value") {
                Some(Json::Number(number)) => self.scalar(&number.to_string()).map(Parameter::Value),
                _ => Err(format!("{name} is a {cim_type}, and {json} is none")),
            },
            _ => Err(format!("{name} is a {cim_type}, and {json} is none")),
        }
    }

    fn is_embedded(&self) -> bool {
        self.slot.embedded_class.is_some() || self.slot.embedded_object
    }

    fn reference(&self, text: &str) -> Result<Parameter, String> {
        let reference: ReferenceText = text.trim().parse().map_err(|error| format!("{}: {error}", self.slot.name))?;
        let reference = reference.typed(Some(self.schema)).map_err(|error| error.text)?;
        self.check_reference(reference.resolve(self.addressing))
    }

    fn check_reference(&self, reference: EndpointReference) -> Result<Parameter, String> {
        let name = self.slot.name;
        let class = reference.resource.last_segment();
        if let Some(wanted) = self.slot.reference_class
            && !fits(self.schema, class, wanted.as_str())
        {
            return Err(format!("{name} is a reference to a {wanted}, and {class} is none"));
        }
        let given = reference.selectors.iter().map(|key| key.name.as_str());
        keys::check(self.schema, class, given, Keys::All).map_err(|error| format!("{name}: {error}"))?;
        Ok(Parameter::Reference(reference))
    }

    fn embedded(&self, text: &str) -> Result<Parameter, String> {
        let instance = instance_from_text(text, self.schema).map_err(|error| format!("{}: {error}", self.slot.name))?;
        self.check_embedded(instance)
    }

    fn check_embedded(&self, instance: crate::cim::Instance) -> Result<Parameter, String> {
        if let Some(wanted) = self.slot.embedded_class
            && !fits(self.schema, instance.class().as_str(), wanted.as_str())
        {
            return Err(format!("{} holds a {wanted}, and {} is none", self.slot.name, instance.class()));
        }
        Ok(Parameter::Embedded(instance))
    }

    fn scalar(&self, text: &str) -> Result<Value, String> {
        let Slot { name, cim_type, value_map, .. } = self.slot;
        let by_name = || Value::parse(cim_type, &value_map?.number(text.trim())?.to_string()).ok();
        match Value::parse(cim_type, text) {
            Ok(value) => Ok(value),
            Err(error) => by_name().ok_or_else(|| {
                let names = value_map.map(names_of).unwrap_or_default();
                format!("{name}: {error}{names}")
            }),
        }
    }
}

fn names_of(map: &ValueMap) -> String {
    let names: Vec<_> = map.numbers().map(|(number, name)| format!("{number} {name}")).collect();
    if names.is_empty() { String::new() } else { format!("; its values are: {}", names.join(", ")) }
}

/// `{"class","uri","keys"}` as this program prints it; the URI may be left out, and a key be such a reference itself.
fn reference_from_json(json: &Json, addressing: &ClassAddressing) -> Option<EndpointReference> {
    let mut keys = SelectorSet::new();
    for (name, value) in json.get("keys")?.as_object()? {
        match value {
            Json::Object(_) => keys.push(name.as_str(), reference_from_json(value, addressing)?),
            text => keys.push(name.as_str(), text.as_str()?),
        }
    }
    let mut reference = match (json.get("uri"), json.get("class")) {
        (Some(uri), _) => EndpointReference::new(ResourceUri::new(uri.as_str()?), keys),
        (None, class) => addressing.reference(class?.as_str()?, keys),
    };
    if let Some(address) = json.get("address") {
        reference.address = address.as_str()?.to_owned();
    }
    Some(reference)
}

fn untyped(arguments: &[Argument], addressing: &ClassAddressing) -> Result<Vec<(String, Option<Parameter>)>, Mismatch> {
    let mut sent: Vec<(String, Option<Parameter>)> = Vec::new();
    for argument in arguments {
        let name = argument.name.as_str();
        let value = match &argument.given {
            Given::Null => None,
            Given::Empty => Some(Parameter::Array(Vec::new())),
            Given::Plain(text) | Given::Text(text) => Some(Parameter::Value(Value::text(text.as_str()))),
            Given::Reference(text) => {
                let reference = text.trim().parse::<ReferenceText>();
                let reference = reference.map_err(|error| Mismatch::new(format!("{name}: {error}"), ""))?;
                Some(Parameter::Reference(reference.resolve(addressing)))
            }
            Given::Json(Json::String(text), _) => Some(Parameter::Value(Value::text(text.as_str()))),
            Given::Json(json @ (Json::Number(_) | Json::Bool(_)), _) => {
                Some(Parameter::Value(Value::text(json.to_string())))
            }
            Given::Json(json, _) if reference_from_json(json, addressing).is_some() => {
                reference_from_json(json, addressing).map(Parameter::Reference)
            }
            Given::Instance(_) | Given::Json(..) => {
                return Err(Mismatch::new(
                    format!("{name}: without class declarations the types in an embedded instance are not known"),
                    "leave out --no-schema, or give the instance as CIM-XML text",
                ));
            }
        };
        // Repeated elements must stand together to be one array.
        match (sent.iter_mut().find(|(known, _)| known == name), value) {
            (None, value) => sent.push((name.to_owned(), value)),
            (Some((_, Some(Parameter::Array(items)))), Some(value)) => items.push(value),
            (Some((_, held @ Some(_))), Some(value)) => {
                let first = held.take();
                *held = Some(Parameter::Array(first.into_iter().chain([value]).collect()));
            }
            (Some(_), _) => {
                return Err(Mismatch::new(format!("{name} is given as null and as a value"), ""));
            }
        }
    }
    Ok(sent)
}
