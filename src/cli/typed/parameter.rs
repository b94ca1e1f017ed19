//! `name=value` made into the parameters of a method, typed by its declaration.

use std::fs::File;
use std::io::Read;
use std::str::FromStr;

use crate::cim::names::NameError;
use crate::cim::schema::{Class, Method, Parameter as Declared, Schema, ValueMap};
use crate::cim::{CimType, PropertyName, Value};
use crate::wsman::{ClassAddressing, Parameter};

use super::Mismatch;
use super::embedded::{fits, instance_from_text};
use super::reference::ReferenceText;

/// One `name=value` of the command line.
///
/// The value is read by the type the parameter is declared with. Some beginnings have a meaning of their own: `@FILE`
/// is the text of a file, `instance:{…}` an embedded instance in JSON, `ref:Class?Key=v` a reference, `text:…` a text
/// as it stands (also one of these words), and `null` alone leaves the parameter out, which is how NULL is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    name: PropertyName,
    given: Given,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Given {
    Null,
    /// As typed, or the content of a file.
    Plain(String),
    Text(String),
    Reference(String),
    Instance(String),
}

/// Why an argument cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// Not `name=value`.
    #[error("{0:?} is not name=value")]
    Form(String),
    /// A name that no parameter can have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The file of `name=@FILE` cannot be read as text.
    #[error("the file {file} cannot be read: {source}")]
    File {
        /// The file as typed.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is larger than a request may be.
    #[error("the file {0} has more than {MOST_FILE} bytes, which is more than a request can carry")]
    TooLarge(String),
}

impl FromStr for Argument {
    type Err = ArgumentError;

    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let form = || ArgumentError::Form(text.chars().take(200).collect());
        let (name, value) = text.split_once('=').ok_or_else(form)?;
        let name = name.trim().parse()?;
        let given = if value == "null" {
            Given::Null
        } else if let Some(text) = value.strip_prefix("text:") {
            Given::Text(text.to_owned())
        } else if let Some(reference) = value.strip_prefix("ref:") {
            Given::Reference(reference.to_owned())
        } else if let Some(json) = value.strip_prefix("instance:") {
            Given::Instance(json.to_owned())
        } else if let Some(file) = value.strip_prefix('@') {
            Given::Plain(read_file(file)?)
        } else {
            Given::Plain(value.to_owned())
        };
        Ok(Argument { name, given })
    }
}

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
    let Some(schema) = schema else { return untyped(arguments, addressing) };
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
        let typed = Typing { schema, parameter, addressing }.read(&given).map_err(fail)?;
        match typed {
            Some(value) => sent.push((parameter.name.as_str().to_owned(), value)),
            None if parameter.required => return Err(fail(format!("{} must be given", parameter.name))),
            None => {}
        }
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
        Mismatch::new(format!("{class} has no method {method}"), format!("it has: {known}"))
    })
}

fn find_class<'s>(schema: &'s Schema, class: &str) -> Result<&'s Class, Mismatch> {
    schema.class(class).ok_or_else(|| {
        Mismatch::new(
            format!("the class {class} is not declared here"),
            "add its declaration with --schema FILE.mof, or send texts as they are with --no-schema",
        )
    })
}

/// Reads what was given for one parameter.
struct Typing<'a> {
    schema: &'a Schema,
    parameter: &'a Declared,
    addressing: &'a ClassAddressing,
}

impl Typing<'_> {
    fn read(&self, given: &[&Argument]) -> Result<Option<Parameter>, String> {
        let name = &self.parameter.name;
        match given {
            [] => Ok(None),
            [one] if one.given == Given::Null => Ok(None),
            _ if given.iter().any(|argument| argument.given == Given::Null) => {
                Err(format!("{name} is given as null and as a value"))
            }
            [one] if !self.parameter.array => self.item(&one.given).map(Some),
            _ if !self.parameter.array => Err(format!("{name} is given {} times and is no array", given.len())),
            _ => {
                let items = given.iter().map(|argument| self.item(&argument.given));
                Ok(Some(Parameter::Array(items.collect::<Result<_, _>>()?)))
            }
        }
    }

    fn item(&self, given: &Given) -> Result<Parameter, String> {
        let name = &self.parameter.name;
        match (self.parameter.cim_type, given) {
            (CimType::Reference, Given::Plain(text) | Given::Reference(text)) => self.reference(text),
            (CimType::Reference, _) => Err(format!("{name} is a reference: write {name}=Class?Key=value")),
            (_, Given::Reference(_)) => Err(format!("{name} is a {}, not a reference", self.parameter.cim_type)),
            (_, Given::Instance(_)) if !self.is_embedded() => {
                Err(format!("{name} is a {}, not an embedded instance", self.parameter.cim_type))
            }
            (_, Given::Instance(json)) => self.embedded(json),
            (_, Given::Plain(text)) if self.is_embedded() => match text.trim_start() {
                // A file may hold the mark as well.
                text if text.starts_with('{') || text.starts_with('<') => self.embedded(text),
                _ => Err(format!("{name} is an embedded instance: write {name}='instance:{{\"class\":\"…\",…}}'")),
            },
            (_, Given::Plain(text) | Given::Text(text)) => self.scalar(text).map(Parameter::Value),
            (_, Given::Null) => Err(format!("{name} is null")),
        }
    }

    fn is_embedded(&self) -> bool {
        self.parameter.embedded_class.is_some() || self.parameter.embedded_object
    }

    fn reference(&self, text: &str) -> Result<Parameter, String> {
        let name = &self.parameter.name;
        let reference: ReferenceText = text.trim().parse().map_err(|error| format!("{name}: {error}"))?;
        if let Some(wanted) = &self.parameter.reference_class
            && !fits(self.schema, reference.class(), wanted.as_str())
        {
            return Err(format!("{name} is a reference to a {wanted}, and {} is none", reference.class()));
        }
        Ok(Parameter::Reference(reference.resolve(self.addressing)))
    }

    fn embedded(&self, text: &str) -> Result<Parameter, String> {
        let name = &self.parameter.name;
        let instance = instance_from_text(text, self.schema).map_err(|error| format!("{name}: {error}"))?;
        if let Some(wanted) = &self.parameter.embedded_class
            && !fits(self.schema, instance.class().as_str(), wanted.as_str())
        {
            return Err(format!("{name} holds a {wanted}, and {} is none", instance.class()));
        }
        Ok(Parameter::Embedded(instance))
    }

    fn scalar(&self, text: &str) -> Result<Value, String> {
        let (name, cim_type) = (&self.parameter.name, self.parameter.cim_type);
        let by_name = || {
            let number = self.parameter.value_map.as_ref()?.number(text.trim())?;
            Value::parse(cim_type, &number.to_string()).ok()
        };
        match Value::parse(cim_type, text) {
            Ok(value) => Ok(value),
            Err(error) => by_name().ok_or_else(|| {
                let names = self.parameter.value_map.as_ref().map(names_of).unwrap_or_default();
                format!("{name}: {error}{names}")
            }),
        }
    }
}

fn names_of(map: &ValueMap) -> String {
    let names: Vec<_> = map.numbers().map(|(number, name)| format!("{number} {name}")).collect();
    if names.is_empty() { String::new() } else { format!("; its values are: {}", names.join(", ")) }
}

fn untyped(arguments: &[Argument], addressing: &ClassAddressing) -> Result<Vec<(String, Parameter)>, Mismatch> {
    let mut sent: Vec<(String, Parameter)> = Vec::new();
    for argument in arguments {
        let name = argument.name.as_str();
        let value = match &argument.given {
            Given::Null => continue,
            Given::Plain(text) | Given::Text(text) => Parameter::Value(Value::text(text.as_str())),
            Given::Reference(text) => {
                let reference = text.trim().parse::<ReferenceText>();
                let reference = reference.map_err(|error| Mismatch::new(format!("{name}: {error}"), ""))?;
                Parameter::Reference(reference.resolve(addressing))
            }
            Given::Instance(_) => {
                return Err(Mismatch::new(
                    format!("{name}: without class declarations the types in an embedded instance are not known"),
                    "leave out --no-schema, or give the instance as CIM-XML text",
                ));
            }
        };
        // Repeated elements must stand together to be one array.
        match sent.iter_mut().find(|(known, _)| known == name) {
            None => sent.push((name.to_owned(), value)),
            Some((_, Parameter::Array(items))) => items.push(value),
            Some((_, first)) => *first = Parameter::Array(vec![first.clone(), value]),
        }
    }
    Ok(sent)
}

fn read_file(file: &str) -> Result<String, ArgumentError> {
    let fail = |source| ArgumentError::File { file: file.to_owned(), source };
    let mut text = String::new();
    let opened = File::open(file).map_err(fail)?;
    opened.take(MOST_FILE + 1).read_to_string(&mut text).map_err(fail)?;
    match u64::try_from(text.len()) {
        Ok(length) if length <= MOST_FILE => Ok(text),
        _ => Err(ArgumentError::TooLarge(file.to_owned())),
    }
}

/// Twice the largest envelope that a host takes by default.
const MOST_FILE: u64 = 1 << 20;
