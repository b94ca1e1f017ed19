//! A class with its properties and methods, inherited ones included.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::{CimType, ClassName, MAX_ANCESTORS, MethodName, PropertyName, Value, ValueMap};

/// A class and all it inherits.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Class {
    /// Its name.
    pub name: ClassName,
    /// The class it derives from, as declared.
    pub superclass: Option<ClassName>,
    /// Whether it only ties instances together.
    pub association: bool,
    /// Whether it has no instances of its own.
    pub is_abstract: bool,
    /// What it is, in the words of its MOF.
    pub description: Option<String>,
    /// Where the declaration stands, and what its text says of its own sources.
    pub source: Option<Source>,
    /// Whether it is a translation (WMI's `.mfl`): descriptions and names of numbers for a class declared elsewhere.
    pub(super) amendment: bool,
    pub(super) base: Option<Arc<Class>>,
    pub(super) properties: Vec<Property>,
    pub(super) methods: Vec<Method>,
}

/// Where a declaration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Source {
    /// The file, as it was named when it was read.
    pub file: Arc<str>,
    /// The line of the class, counted from 1.
    pub line: usize,
    /// The comment at the head of the file, in which the files of this crate say where their facts come from.
    pub about: Arc<str>,
}

impl Class {
    /// The class itself, then the one it derives from, and so on.
    pub fn lineage(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |class| class.base.as_deref()).take(MAX_ANCESTORS)
    }

    /// The class that it derives from, itself or by one of its bases, and that is declared nowhere: what is inherited
    /// from there is not known.
    #[must_use]
    pub fn missing_base(&self) -> Option<&ClassName> {
        self.lineage().last()?.superclass.as_ref()
    }

    /// Whether an instance of it may stand where one of `name` is asked for.
    #[must_use]
    pub fn is_a(&self, name: &str) -> bool {
        self.lineage().any(|class| class.name == *name)
    }

    /// The properties it declares or declares anew itself.
    #[must_use]
    pub fn own_properties(&self) -> &[Property] {
        &self.properties
    }

    /// The methods it declares or declares anew itself.
    #[must_use]
    pub fn own_methods(&self) -> &[Method] {
        &self.methods
    }

    /// Every property, those of the furthest base first; one declared anew stands where it was first declared.
    #[must_use]
    pub fn properties_with_inherited(&self) -> Vec<&Property> {
        self.with_inherited(|class| &class.properties, |property| property.name.as_str())
    }

    /// Every method, ordered like the properties.
    #[must_use]
    pub fn methods_with_inherited(&self) -> Vec<&Method> {
        self.with_inherited(|class| &class.methods, |method| method.name.as_str())
    }

    /// The property of that name, its own or inherited, in any case of letters.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.lineage().flat_map(|class| &class.properties).find(|property| property.name == *name)
    }

    /// The method of that name, its own or inherited, in any case of letters.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.lineage().flat_map(|class| &class.methods).find(|method| method.name == *name)
    }

    /// The key properties, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Property> {
        self.properties_with_inherited().into_iter().filter(|property| property.key)
    }

    fn with_inherited<'a, T>(&'a self, own: fn(&'a Self) -> &'a Vec<T>, name: fn(&T) -> &str) -> Vec<&'a T> {
        let mut all: Vec<&T> = Vec::new();
        let lineage: Vec<&Self> = self.lineage().collect();
        let mut places = HashMap::new();
        for item in lineage.into_iter().rev().flat_map(own) {
            match places.entry(name(item).to_ascii_lowercase()) {
                Entry::Occupied(place) => {
                    if let Some(slot) = all.get_mut(*place.get()) {
                        *slot = item;
                    }
                }
                Entry::Vacant(place) => {
                    place.insert(all.len());
                    all.push(item);
                }
            }
        }
        all
    }
}

/// A property or reference of a class.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Property {
    /// Its name.
    pub name: PropertyName,
    /// Its type; a string when an instance is embedded in it.
    pub cim_type: CimType,
    /// Whether it holds several values.
    pub array: bool,
    /// The class a reference points to.
    pub reference_class: Option<ClassName>,
    /// The class of the instance embedded in it.
    pub embedded_class: Option<ClassName>,
    /// Whether an instance of any class is embedded in it.
    pub embedded_object: bool,
    /// Whether it is part of the key.
    pub key: bool,
    /// Whether it always has a value.
    pub required: bool,
    /// Whether a client may set it.
    pub write: bool,
    /// What its numbers or texts mean.
    pub value_map: Option<ValueMap>,
    /// Numbers and texts that a declaration lists and a translation names.
    pub(super) unnamed: Option<Vec<String>>,
    /// Whether it is an octet string: bytes behind four of length, as numbers or as hexadecimal text (DSP0004 5.6.3.35).
    pub octet_string: bool,
    /// Its value when none is given.
    pub default: Option<Value<'static>>,
    /// What it is, in the words of its MOF.
    pub description: Option<String>,
    /// The class that declares it, or declared it anew last.
    pub declared_in: ClassName,
}

/// A method of a class.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Method {
    /// Its name.
    pub name: MethodName,
    /// Type of `ReturnValue`; nothing for a method that has none.
    pub return_type: Option<CimType>,
    /// Its parameters in MOF order, which is the order to send them in.
    pub parameters: Vec<Parameter>,
    /// What the numbers in `ReturnValue` mean.
    pub return_values: Option<ValueMap>,
    /// Numbers that the declaration lists and a translation names.
    pub(super) unnamed: Option<Vec<String>>,
    /// Whether it needs no instance.
    pub is_static: bool,
    /// What it does, in the words of its MOF.
    pub description: Option<String>,
    /// The class that declares it, or declared it anew last.
    pub declared_in: ClassName,
}

impl Method {
    /// The parameter of that name, in any case of letters.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == *name)
    }

    /// What is sent, in order.
    pub fn inputs(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| parameter.direction.is_in())
    }

    /// What comes back besides `ReturnValue`, in order.
    pub fn outputs(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| parameter.direction.is_out())
    }
}

/// A parameter of a method.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Parameter {
    /// Its name.
    pub name: PropertyName,
    /// Its type; a string when an instance is embedded in it.
    pub cim_type: CimType,
    /// Whether it holds several values.
    pub array: bool,
    /// Which way it goes.
    pub direction: Direction,
    /// The class a reference points to.
    pub reference_class: Option<ClassName>,
    /// The class of the instance embedded in it.
    pub embedded_class: Option<ClassName>,
    /// Whether an instance of any class is embedded in it.
    pub embedded_object: bool,
    /// Whether it must be given.
    pub required: bool,
    /// Whether its MOF says that it may be left out (WMI's `optional`).
    pub optional: bool,
    /// What its numbers mean.
    pub value_map: Option<ValueMap>,
    /// Numbers and texts that the declaration lists and a translation names.
    pub(super) unnamed: Option<Vec<String>>,
    /// Whether it is an octet string.
    pub octet_string: bool,
    /// What it is, in the words of its MOF.
    pub description: Option<String>,
}

/// Which way a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the host.
    In,
    /// From the host.
    Out,
    /// Both ways.
    InOut,
}

impl Direction {
    /// Whether it is sent.
    #[must_use]
    pub fn is_in(self) -> bool {
        self != Self::Out
    }

    /// Whether it comes back.
    #[must_use]
    pub fn is_out(self) -> bool {
        self != Self::In
    }
}
