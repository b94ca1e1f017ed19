//! Class declarations, looked up by name: which properties a class has, what a method takes, what a number means.
//!
//! [`Schema::builtin`] holds the classes of Hyper-V Replica (`schemas/cim/*.mof`) and WMI's own (`schemas/wmi/system.mof`);
//! [`Schema::read`] makes one from a user's MOF and [`Schema::add`] joins the two. A class knows what it inherits, so every
//! lookup sees all of it; of one whose superclass stands in a file that is not at hand, what it declares itself is there,
//! and [`Class::missing_base`] says what is not.
//!
//! A class with WMI's qualifier `Amendment` (`.mfl`) is a translation: it lends its texts to the class of its name.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::mof::{self, MofError, Problem};
use super::names::{ClassName, MethodName, PropertyName};

mod builtin;
mod class;
mod link;
mod print;
mod read;
#[cfg(test)]
mod tests;
mod value_map;

pub use class::{Class, Direction, Method, Parameter, Property, Source};
pub use mof::{CimType, Value};
pub use value_map::ValueMap;

/// Most classes one above the other. CIM's own deepest line is about ten long.
pub const MAX_ANCESTORS: usize = 32;

/// A set of classes.
///
/// ```
/// use hyperv_replica::cim::schema::Schema;
///
/// let schema = Schema::builtin();
/// let name = schema.value_name("Msvm_ReplicationService", "InitiateFailover", 32775_u32);
/// assert_eq!(name, Some("Invalid state for this operation"));
///
/// let class = schema.class("msvm_computersystem").ok_or("missing")?;
/// let keys: Vec<_> = class.keys().map(|key| key.name.as_str()).collect();
/// assert_eq!(keys, ["Name", "CreationClassName"]);
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// Classes as declared, without what they inherit, in the order they came.
    declared: Vec<Arc<Class>>,
    /// The same with their base classes, by lower-case name.
    linked: HashMap<String, Arc<Class>>,
}

impl Schema {
    /// The classes that come with this crate. A file that could not be read would be left out; a test sees to that.
    #[must_use]
    pub fn builtin() -> &'static Self {
        builtin::schema()
    }

    /// A schema of the classes of one MOF text alone.
    ///
    /// # Errors
    ///
    /// What is wrong with the text: its form, a class above itself, a name that is no CIM identifier.
    pub fn read(text: &str) -> Result<Self, MofError> {
        let mut schema = Self::default();
        schema.add(text)?;
        Ok(schema)
    }

    /// Adds the classes of a MOF text. They may derive from those already here and from each other in any order; one
    /// with a name already here takes its place, also as base of its subclasses; a translation lends it its texts.
    ///
    /// # Errors
    ///
    /// As [`Self::read`]; then nothing has been added.
    pub fn add(&mut self, text: &str) -> Result<(), MofError> {
        self.add_files(&[("", text)]).map_err(|error| error.problem)
    }

    /// Adds the classes of many files at once, each named for [`Class::source`]; otherwise as [`Self::add`]. A class may
    /// derive from one in a later file.
    ///
    /// # Errors
    ///
    /// The first file that cannot be used, and why; then nothing has been added.
    pub fn add_files(&mut self, files: &[(&str, &str)]) -> Result<(), FileError> {
        let (mut added, mut amendments) = (Vec::new(), Vec::new());
        for (place, (name, text)) in files.iter().enumerate() {
            let classes = read(name, text).map_err(|problem| FileError { file: (*name).to_owned(), problem })?;
            let classes = classes.into_iter().map(|(class, position)| (class, position, place));
            let (translated, declared): (Vec<_>, Vec<_>) = classes.partition(|(class, ..)| class.amendment);
            added.extend(declared);
            amendments.extend(translated);
        }
        // A translation of what is declared nowhere is at least a declaration.
        let known: HashSet<String> = self
            .declared
            .iter()
            .map(AsRef::as_ref)
            .chain(added.iter().map(|(class, ..)| class))
            .map(|class| lowercase(&class.name))
            .collect();
        let (amendments, alone): (Vec<_>, Vec<_>) =
            amendments.into_iter().partition(|(class, ..)| known.contains(&lowercase(&class.name)));
        added.extend(alone);
        let positions: HashMap<String, (usize, usize)> =
            added.iter().map(|(class, position, place)| (lowercase(&class.name), (*position, *place))).collect();
        let kept = self.declared.iter().filter(|class| !positions.contains_key(&lowercase(&class.name)));
        let mut declared: Vec<_> = kept.cloned().collect();
        // Of two files with one class the later one holds.
        let holds =
            |class: &Class, place| positions.get(&lowercase(&class.name)).is_some_and(|(_, last)| *last == place);
        declared.extend(
            added.into_iter().filter(|(class, _, place)| holds(class, *place)).map(|(class, ..)| Arc::new(class)),
        );
        for (amendment, ..) in &amendments {
            if let Some(class) = declared.iter_mut().find(|class| class.name == amendment.name) {
                link::amend(Arc::make_mut(class), amendment);
            }
        }
        let linked = link::link(&declared).map_err(|broken| {
            let (at, place) = positions.get(&lowercase(&broken.class)).copied().unwrap_or_default();
            let (name, text) = files.get(place).copied().unwrap_or_default();
            let problem = Problem::at(text, at, broken.expected, format!("class `{}`", broken.class));
            FileError { file: name.to_owned(), problem: MofError::new(vec![problem]) }
        })?;
        self.declared = declared;
        self.linked = linked;
        Ok(())
    }

    /// Reads many files and links them once; a broken one costs its classes and nothing else.
    fn of_files(files: &[(&str, &str)]) -> Self {
        let classes = files.iter().filter_map(|(name, text)| read(&builtin::path(name), text).ok());
        let declared: Vec<_> = classes.flatten().map(|(class, _)| Arc::new(class)).collect();
        link::link(&declared).map_or_else(|_| Self::default(), |linked| Self { declared, linked })
    }

    /// The class of that name, in any case of letters.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<&Class> {
        self.linked.get(lowercase_str(name).as_ref()).map(AsRef::as_ref)
    }

    /// Every class, in the order they were declared.
    pub fn classes(&self) -> impl Iterator<Item = &Class> {
        self.declared.iter().filter_map(|class| self.class(class.name.as_str()))
    }

    /// The classes whose superclass is declared nowhere, each with its name: what they inherit from there is not known.
    pub fn incomplete(&self) -> impl Iterator<Item = (&Class, &ClassName)> {
        self.classes()
            .filter(|class| class.base.is_none())
            .filter_map(|class| Some((class, class.superclass.as_ref()?)))
    }

    /// How many classes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.declared.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.declared.is_empty()
    }

    /// What a number means, by the `ValueMap` of a property (`ReplicationState`), of a method's return value
    /// (`InitiateFailover`) or of a method's parameter (`RequestStateChange.RequestedState`).
    #[must_use]
    pub fn value_name(&self, class: &str, element: &str, number: impl Into<i128>) -> Option<&str> {
        self.value_map(class, element)?.name(number)
    }

    /// The whole map of numbers and names, found as by [`Self::value_name`].
    #[must_use]
    pub fn value_map(&self, class: &str, element: &str) -> Option<&ValueMap> {
        let class = self.class(class)?;
        match element.split_once('.') {
            Some((method, parameter)) => class.method(method)?.parameter(parameter)?.value_map.as_ref(),
            None => match class.property(element) {
                Some(property) => property.value_map.as_ref(),
                None => class.method(element)?.return_values.as_ref(),
            },
        }
    }
}

/// A file whose classes cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct FileError {
    /// The file, as it was named.
    pub file: String,
    /// What is wrong with its text.
    #[source]
    pub problem: MofError,
}

/// The classes of one text, each with its place, and where that is for people.
fn read(name: &str, text: &str) -> Result<Vec<(Class, usize)>, MofError> {
    let mut classes = link::declared(text, &mof::read(text)?)?;
    if !name.is_empty() {
        let (file, about): (Arc<str>, Arc<str>) = (name.into(), about(text).into());
        // Lines are counted once through the text, from class to class.
        let (mut line, mut counted) = (1, 0);
        for (class, position) in &mut classes {
            let passed = text.as_bytes().get(counted..*position).unwrap_or_default();
            line += passed.iter().filter(|byte| **byte == b'\n').count();
            counted = counted.max(*position);
            class.source = Some(Source { file: file.clone(), line, about: about.clone() });
        }
    }
    Ok(classes)
}

/// The comment of whole lines at the head of a text.
fn about(text: &str) -> String {
    const MOST_LINES: usize = 40;
    let lines = text.trim_start_matches('\u{feff}').lines().take(MOST_LINES).map(str::trim);
    let comment = lines.map_while(|line| line.strip_prefix("//")).map(|line| line.trim_start_matches('/').trim());
    comment.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn lowercase(name: &ClassName) -> String {
    name.as_str().to_ascii_lowercase()
}

fn lowercase_str(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}
