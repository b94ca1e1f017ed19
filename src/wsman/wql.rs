//! WQL text: quoting is done here and nowhere else.

use std::fmt::Write as _;

/// URI of the WQL dialect.
pub const DIALECT: &str = "http://schemas.microsoft.com/wbem/wsman/1/WQL";

/// A literal in single quotes; backslash and quotes escaped.
pub fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for character in text.chars() {
        if matches!(character, '\'' | '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('\'');
    quoted
}

/// `SELECT * FROM class WHERE property = 'text' AND …`. Always `*`: with a property list Windows leaves
/// out the namespace of the items (MS-WSMV note 58).
pub fn select(class: &str, conditions: &[(&str, &str)]) -> String {
    let mut query = format!("SELECT * FROM {class}");
    for (place, (property, value)) in conditions.iter().enumerate() {
        let word = if place == 0 { "WHERE" } else { "AND" };
        // Writing to a String cannot fail.
        let _ = write!(query, " {word} {property} = {}", literal(value));
    }
    query
}

/// `ASSOCIATORS OF {class.key='value',…} WHERE AssocClass = … ResultClass = …`, the form that libvirt
/// sends to Hyper-V hosts.
pub fn associators(class: &str, keys: &[(&str, &str)], association: &str, result: &str) -> String {
    let path = path(class, keys);
    format!("ASSOCIATORS OF {{{path}}} WHERE AssocClass = {association} ResultClass = {result}")
}

/// As [`associators`], for those at the named end of the association.
pub fn associators_at(class: &str, keys: &[(&str, &str)], association: &str, result: &str, role: &str) -> String {
    format!("{} ResultRole = {role}", associators(class, keys, association, result))
}

/// `ASSOCIATORS OF {class.key='value',…} WHERE ResultClass = …`: by whatever association, as `GetRelated` asks.
pub fn related(class: &str, keys: &[(&str, &str)], result: &str) -> String {
    format!("ASSOCIATORS OF {{{}}} WHERE ResultClass = {result}", path(class, keys))
}

/// `REFERENCES OF {class.key='value',…} WHERE ResultClass = …`: the association objects themselves.
pub fn references(class: &str, keys: &[(&str, &str)], result: &str) -> String {
    format!("REFERENCES OF {{{}}} WHERE ResultClass = {result}", path(class, keys))
}

/// `class.key='value',…`
fn path(class: &str, keys: &[(&str, &str)]) -> String {
    let mut path = format!("{class}.");
    for (place, (key, value)) in keys.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let _ = write!(path, "{comma}{key}={}", literal(value));
    }
    path
}
