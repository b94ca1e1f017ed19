//! Keys as typed against those that a class declares.

use crate::cim::schema::{Property, Schema};

use super::Mismatch;

/// How many of the keys must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// All of them: a reference inside a message, which a provider takes apart.
    All,
    /// As many as tell it from others: the target of a request, which WinRM looks for.
    Some,
}

/// What is wrong with the keys of a reference to a class; nothing is known of classes that are not declared.
///
/// # Errors
/// A name that is no key, no key at all, or one that is missing.
pub(super) fn check<'k>(
    schema: &Schema,
    class: &str,
    given: impl Iterator<Item = &'k str>,
    due: Keys,
) -> Result<(), String> {
    let keys: Vec<_> = schema.class(class).map(|class| class.keys().collect()).unwrap_or_default();
    let given: Vec<_> = given.filter(|name| *name != "__cimnamespace").collect();
    if keys.is_empty() {
        return Ok(());
    }
    let names = |key: &&Property, name: &str| key.name == *name;
    let elsewhere = schema.class(class).map(super::unless_inherited).unwrap_or_default();
    let wrong = match given.iter().find(|given| !keys.iter().any(|key| names(key, given))) {
        Some(wrong) => format!("{wrong} is no key of {class}"),
        None if given.is_empty() && due == Keys::All => format!("{class} names no instance without a key"),
        None => match keys.iter().find(|key| !given.iter().any(|given| names(key, given))) {
            Some(missing) if due == Keys::All => format!("the reference to {class} lacks the key {}", missing.name),
            _ => return Ok(()),
        },
    };
    let known: Vec<_> = keys.iter().map(|key| key.declaration()).collect();
    Err(format!("{wrong}; its keys: {}{elsewhere}", known.join(", ")))
}

/// Whether a class has a property that instances are chosen by.
///
/// # Errors
/// [`Mismatch`] with the declaration, where the class is known and has none of that name.
pub fn has_property(schema: Option<&Schema>, class: &str, name: &str) -> Result<(), Mismatch> {
    match schema.and_then(|schema| schema.class(class)) {
        Some(declared) if declared.property(name).is_none() => {
            let elsewhere = super::unless_inherited(declared);
            Err(Mismatch::declared(format!("{class} has no property {name}{elsewhere}"), &declared.declaration()))
        }
        _ => Ok(()),
    }
}
