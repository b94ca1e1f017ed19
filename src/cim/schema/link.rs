//! From MOF declarations to classes that know their base.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::Arc;

use super::class::{Class, Direction, Method, Parameter, Property};
use super::mof::{
    ClassDeclaration, Document, MAX_PROBLEMS, MethodDeclaration, MofError, ParameterDeclaration, Problem,
    PropertyDeclaration, Qualifier, TypeName,
};
use super::{CimType, ClassName, MAX_ANCESTORS, Value, ValueMap, lowercase};

/// Why classes cannot be put together.
pub(super) struct Broken {
    pub(super) class: ClassName,
    pub(super) expected: String,
}

/// The classes of a document, without their bases, and where each stands in the text.
pub(super) fn declared(text: &str, document: &Document<'_>) -> Result<Vec<(Class, usize)>, MofError> {
    let mut reader = Reader { text, problems: Vec::new() };
    let mut seen = HashSet::new();
    let mut classes = Vec::new();
    for declaration in document.classes() {
        if !seen.insert(declaration.name.to_ascii_lowercase()) {
            reader.refuse(declaration.position, "a class not declared before", declaration.name);
        }
        if let Some(class) = reader.class(declaration) {
            classes.push((class, declaration.position));
        }
    }
    if reader.problems.is_empty() { Ok(classes) } else { Err(MofError::new(reader.problems)) }
}

/// Gives every class its base, bases first. One whose superclass is declared nowhere stands without.
pub(super) fn link(declared: &[Arc<Class>]) -> Result<HashMap<String, Arc<Class>>, Broken> {
    let by_name: HashMap<String, &Arc<Class>> = declared.iter().map(|class| (lowercase(&class.name), class)).collect();
    let mut linked: HashMap<String, Arc<Class>> = HashMap::with_capacity(declared.len());
    for class in declared {
        // Up to a class that is linked already, or to one without a superclass; then down again.
        let mut waiting = Vec::new();
        let mut next = Some(class);
        while let Some(class) = next {
            if linked.contains_key(&lowercase(&class.name)) {
                break;
            }
            waiting.push(class);
            if waiting.len() > MAX_ANCESTORS {
                return Err(too_deep(class));
            }
            next = class.superclass.as_ref().and_then(|name| by_name.get(&lowercase(name))).copied();
        }
        while let Some(class) = waiting.pop() {
            let base = class.superclass.as_ref().and_then(|name| linked.get(&lowercase(name))).cloned();
            if base.as_ref().is_some_and(|base| base.lineage().count() >= MAX_ANCESTORS) {
                return Err(too_deep(class));
            }
            let mut class = Class::clone(class);
            if let Some(base) = &base {
                inherit(&mut class, base);
            }
            class.base = base;
            linked.insert(lowercase(&class.name), Arc::new(class));
        }
    }
    Ok(linked)
}

fn too_deep(class: &Class) -> Broken {
    let expected = format!("at most {MAX_ANCESTORS} classes above each other and none above itself");
    Broken { class: class.name.clone(), expected }
}

/// What is declared anew keeps what it does not say itself (flavor `ToSubclass`, which these qualifiers all have).
fn inherit(class: &mut Class, base: &Class) {
    class.association |= base.association;
    for property in &mut class.properties {
        if let Some(inherited) = base.property(property.name.as_str()) {
            property.key |= inherited.key;
            property.required |= inherited.required;
            property.write |= inherited.write;
            property.embedded_object |= inherited.embedded_object;
            property.octet_string |= inherited.octet_string;
            fill(&mut property.embedded_class, &inherited.embedded_class);
            fill(&mut property.value_map, &inherited.value_map);
            fill(&mut property.default, &inherited.default);
            fill(&mut property.description, &inherited.description);
        }
    }
    for method in &mut class.methods {
        let Some(inherited) = base.method(method.name.as_str()) else {
            continue;
        };
        fill(&mut method.return_values, &inherited.return_values);
        fill(&mut method.description, &inherited.description);
        for parameter in &mut method.parameters {
            let Some(inherited) = inherited.parameter(parameter.name.as_str()) else {
                continue;
            };
            parameter.octet_string |= inherited.octet_string;
            fill(&mut parameter.embedded_class, &inherited.embedded_class);
            fill(&mut parameter.value_map, &inherited.value_map);
            fill(&mut parameter.description, &inherited.description);
        }
    }
}

/// Puts the texts of a translation in the place of a class's own. What a translation declares besides is left alone: it
/// repeats keys and types for no other reason than to be a class.
pub(super) fn amend(class: &mut Class, by: &Class) {
    take(&mut class.description, &by.description);
    for amended in &by.properties {
        if let Some(own) = class.properties.iter_mut().find(|own| own.name == amended.name) {
            take(&mut own.description, &amended.description);
            name(&mut own.value_map, own.unnamed.as_deref(), amended.value_map.as_ref());
        }
    }
    for amended in &by.methods {
        let Some(own) = class.methods.iter_mut().find(|own| own.name == amended.name) else { continue };
        take(&mut own.description, &amended.description);
        name(&mut own.return_values, own.unnamed.as_deref(), amended.return_values.as_ref());
        for amended in &amended.parameters {
            if let Some(own) = own.parameters.iter_mut().find(|own| own.name == amended.name) {
                take(&mut own.description, &amended.description);
                name(&mut own.value_map, own.unnamed.as_deref(), amended.value_map.as_ref());
            }
        }
    }
}

fn take<T: Clone>(own: &mut Option<T>, amended: &Option<T>) {
    if amended.is_some() {
        own.clone_from(amended);
    }
}

fn name(own: &mut Option<ValueMap>, keys: Option<&[String]>, by: Option<&ValueMap>) {
    if let Some(by) = by {
        *own = ValueMap::translated(own.as_ref(), keys, by);
    }
}

fn fill<T: Clone>(own: &mut Option<T>, inherited: &Option<T>) {
    if own.is_none() {
        own.clone_from(inherited);
    }
}

struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
}

struct TypeOf {
    cim_type: CimType,
    reference_class: Option<ClassName>,
    embedded_class: Option<ClassName>,
    embedded_object: bool,
}

impl Reader<'_> {
    fn class(&mut self, declaration: &ClassDeclaration<'_>) -> Option<Class> {
        let at = declaration.position;
        let name: ClassName = self.name(at, declaration.name)?;
        let superclass = match declaration.superclass {
            Some(superclass) => Some(self.name(at, superclass)?),
            None => None,
        };
        let mut class = Class {
            superclass,
            amendment: flag(&declaration.qualifiers, "amendment"),
            association: flag(&declaration.qualifiers, "association"),
            is_abstract: flag(&declaration.qualifiers, "abstract"),
            description: description(&declaration.qualifiers),
            source: None,
            base: None,
            properties: Vec::with_capacity(declaration.properties.len()),
            methods: Vec::with_capacity(declaration.methods.len()),
            name,
        };
        let mut seen = HashSet::new();
        for property in &declaration.properties {
            if !seen.insert(property.name.to_ascii_lowercase()) {
                self.refuse(property.position, "a property not declared before", property.name);
            }
            class.properties.extend(self.property(property, &class.name));
        }
        seen.clear();
        for method in &declaration.methods {
            if !seen.insert(method.name.to_ascii_lowercase()) {
                self.refuse(method.position, "a method not declared before", method.name);
            }
            class.methods.extend(self.method(method, &class.name));
        }
        Some(class)
    }

    fn property(&mut self, declaration: &PropertyDeclaration<'_>, class: &ClassName) -> Option<Property> {
        let at = declaration.position;
        let qualifiers = &declaration.qualifiers;
        let type_of = self.type_of(at, declaration.type_name, qualifiers)?;
        Some(Property {
            name: self.name(at, declaration.name)?,
            cim_type: type_of.cim_type,
            array: declaration.extent.is_array(),
            reference_class: type_of.reference_class,
            embedded_class: type_of.embedded_class,
            embedded_object: type_of.embedded_object,
            key: flag(qualifiers, "key"),
            required: flag(qualifiers, "required") || flag(qualifiers, "not_null"),
            write: flag(qualifiers, "write"),
            value_map: value_map(qualifiers),
            unnamed: unnamed(qualifiers),
            octet_string: flag(qualifiers, "octetstring"),
            default: declaration.default.as_ref().and_then(owned),
            description: description(qualifiers),
            declared_in: class.clone(),
        })
    }

    fn method(&mut self, declaration: &MethodDeclaration<'_>, class: &ClassName) -> Option<Method> {
        let at = declaration.position;
        let qualifiers = &declaration.qualifiers;
        let return_type = match declaration.return_type {
            Some(type_name) => Some(self.type_of(at, type_name, qualifiers)?.cim_type),
            None => None,
        };
        let mut parameters = Vec::with_capacity(declaration.parameters.len());
        let mut seen = HashSet::new();
        for parameter in &declaration.parameters {
            if !seen.insert(parameter.name.to_ascii_lowercase()) {
                self.refuse(parameter.position, "a parameter not declared before", parameter.name);
            }
            parameters.extend(self.parameter(parameter));
        }
        Some(Method {
            name: self.name(at, declaration.name)?,
            return_type,
            parameters,
            return_values: value_map(qualifiers),
            unnamed: unnamed(qualifiers),
            is_static: flag(qualifiers, "static"),
            description: description(qualifiers),
            declared_in: class.clone(),
        })
    }

    fn parameter(&mut self, declaration: &ParameterDeclaration<'_>) -> Option<Parameter> {
        let qualifiers = &declaration.qualifiers;
        let type_of = self.type_of(declaration.position, declaration.type_name, qualifiers)?;
        Some(Parameter {
            name: self.name(declaration.position, declaration.name)?,
            cim_type: type_of.cim_type,
            array: declaration.extent.is_array(),
            direction: direction(qualifiers),
            reference_class: type_of.reference_class,
            embedded_class: type_of.embedded_class,
            embedded_object: type_of.embedded_object,
            required: flag(qualifiers, "required"),
            optional: flag(qualifiers, "optional"),
            value_map: value_map(qualifiers),
            unnamed: unnamed(qualifiers),
            octet_string: flag(qualifiers, "octetstring"),
            description: description(qualifiers),
        })
    }

    fn type_of(&mut self, at: usize, type_name: TypeName<'_>, qualifiers: &[Qualifier<'_>]) -> Option<TypeOf> {
        let mut type_of = TypeOf {
            cim_type: CimType::String,
            reference_class: None,
            embedded_class: None,
            embedded_object: flag(qualifiers, "embeddedobject"),
        };
        match type_name {
            TypeName::Simple(simple) => type_of.cim_type = simple,
            TypeName::Reference(class) => {
                type_of.cim_type = CimType::Reference;
                type_of.reference_class = Some(self.name(at, class)?);
            }
            TypeName::Object(class) if class.eq_ignore_ascii_case("object") => type_of.embedded_object = true,
            TypeName::Object(class) if is_misspelt(class) => {
                self.refuse(at, "a type such as uint32, string or datetime, or a class", class);
                return None;
            }
            TypeName::Object(class) => type_of.embedded_class = Some(self.name(at, class)?),
        }
        let embedded = find(qualifiers, "embeddedinstance").and_then(|qualifier| qualifier.value.as_ref());
        if let Some(class) = embedded.and_then(Value::as_text) {
            type_of.embedded_class = Some(self.name(at, class)?);
        }
        Some(type_of)
    }

    fn name<N: FromStr<Err = crate::cim::names::NameError>>(&mut self, at: usize, name: &str) -> Option<N> {
        match name.parse() {
            Ok(name) => Some(name),
            Err(error) => {
                self.refuse(at, "a CIM name", &format!("{}: {error}", name.chars().take(30).collect::<String>()));
                None
            }
        }
    }

    fn refuse(&mut self, at: usize, expected: &str, found: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem::at(self.text, at, expected, format!("`{found}`")));
        }
    }
}

/// Whether what stands where a class may stand was meant as a type: `uint99`, `int`, `bool`. Classes are named
/// `Schema_Class`, but not everywhere.
fn is_misspelt(class: &str) -> bool {
    let stem = class.trim_end_matches(|c: char| c.is_ascii_digit());
    STEMS.iter().any(|known| known.eq_ignore_ascii_case(stem))
}

/// What simple types begin with, here and in other languages.
const STEMS: [&str; 14] = [
    "uint", "sint", "int", "integer", "real", "float", "double", "str", "string", "bool", "boolean", "char", "date",
    "datetime",
];

fn find<'q, 'a>(qualifiers: &'q [Qualifier<'a>], name: &str) -> Option<&'q Qualifier<'a>> {
    qualifiers.iter().find(|qualifier| qualifier.name.eq_ignore_ascii_case(name))
}

fn flag(qualifiers: &[Qualifier<'_>], name: &str) -> bool {
    find(qualifiers, name).is_some_and(Qualifier::is_true)
}

fn description(qualifiers: &[Qualifier<'_>]) -> Option<String> {
    find(qualifiers, "description")?.value.as_ref()?.as_text().map(str::to_owned)
}

fn value_map(qualifiers: &[Qualifier<'_>]) -> Option<ValueMap> {
    let texts = |name| Some(find(qualifiers, name)?.value.as_ref()?.texts().collect::<Vec<_>>());
    ValueMap::new(texts("valuemap"), texts("values")?)
}

/// The keys of a `ValueMap` without `Values`.
fn unnamed(qualifiers: &[Qualifier<'_>]) -> Option<Vec<String>> {
    let keys = find(qualifiers, "valuemap").filter(|_| find(qualifiers, "values").is_none());
    Some(keys?.value.as_ref()?.texts().map(str::to_owned).collect())
}

/// DSP0004 takes every parameter for an input unless `In(false)` is said; WMI's MOF writes a lone `[out]` for an output
/// alone, and that is how it is read here.
fn direction(qualifiers: &[Qualifier<'_>]) -> Direction {
    match (find(qualifiers, "in").map(Qualifier::is_true), flag(qualifiers, "out")) {
        (_, false) => Direction::In,
        (Some(true), true) => Direction::InOut,
        (_, true) => Direction::Out,
    }
}

/// A value that outlives the text; instances and aliases make no default.
fn owned(value: &Value<'_>) -> Option<Value<'static>> {
    Some(match value {
        Value::Null => Value::Null,
        Value::Boolean(value) => Value::Boolean(*value),
        Value::Integer(value) => Value::Integer(*value),
        Value::Real(value) => Value::Real(*value),
        Value::Char(value) => Value::Char(*value),
        Value::Text(text) => Value::Text(Cow::Owned(text.to_string())),
        Value::Array(values) => Value::Array(values.iter().map(owned).collect::<Option<_>>()?),
        Value::Alias(_) | Value::Word(_) | Value::Instance(_) => return None,
    })
}
