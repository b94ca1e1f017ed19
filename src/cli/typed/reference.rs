//! References as people write them: `Class?Key=value,Key="a,b"`, the class also as `winrm` writes it: `wmicimv2/Class`.

use std::fmt;
use std::str::FromStr;

use crate::cim::schema::Schema;
use crate::cim::{CimType, ClassName, PropertyName};
use crate::wsman::{ClassAddressing, EndpointReference, ResourceUri, SelectorSet, SelectorValue};

use super::Mismatch;
use super::keys::{self, Keys};

/// A reference as typed. A value with a comma stands in double quotes, in which a quote is doubled; a backslash is
/// literal, as in a selector. The key of an association is a reference itself: `ref:Class?Key=value`, in quotes where it
/// holds a comma; `text:` begins a text that begins like one of these words. The class may be a whole resource URI, or one that begins with a short name of `winrm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceText {
    /// A class, or `*` at the end of a URI.
    class: String,
    uri: Option<String>,
    keys: Vec<(String, KeyText)>,
}

/// The value of a key as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyText {
    /// A text.
    Text(String),
    /// `ref:` and a reference.
    Reference(Box<ReferenceText>),
}

impl KeyText {
    /// The value on a host that names classes in this way.
    pub fn resolve(&self, addressing: &ClassAddressing) -> SelectorValue {
        match self {
            KeyText::Text(text) => SelectorValue::from(text.as_str()),
            KeyText::Reference(reference) => SelectorValue::from(reference.resolve(addressing)),
        }
    }
}

impl FromStr for KeyText {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if let Some(reference) = text.strip_prefix("ref:") {
            return Ok(KeyText::Reference(Box::new(reference.trim().parse()?)));
        }
        Ok(KeyText::Text(text.strip_prefix("text:").unwrap_or(text).to_owned()))
    }
}

impl fmt::Display for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyText::Reference(reference) => write!(f, "ref:{reference}"),
            KeyText::Text(text) if text.starts_with("ref:") || text.starts_with("text:") => write!(f, "text:{text}"),
            KeyText::Text(text) => f.write_str(text),
        }
    }
}

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a reference such as Class?Key=value,Key=\"a,b\": {reason}")]
pub struct ReferenceError {
    text: String,
    reason: String,
}

impl ReferenceText {
    /// The class, without what stands before it in a URI.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// Whether keys were given.
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether its keys are those of its class, where that is declared.
    ///
    /// # Errors
    /// [`Mismatch`] with the keys it has.
    pub fn check(&self, schema: Option<&Schema>, due: Keys) -> Result<(), Mismatch> {
        let Some(schema) = schema else { return Ok(()) };
        let given = self.keys.iter().map(|(name, _)| name.as_str());
        let unchecked = "add --no-schema to send it as it is";
        keys::check(schema, self.class(), given, due).map_err(|error| Mismatch::new(error, unchecked))
    }

    /// With the keys that are references by their declaration read as such: `ref:` need not stand before them.
    ///
    /// # Errors
    /// [`Mismatch`] for a key that is declared as a reference and is none.
    pub fn typed(&self, schema: Option<&Schema>) -> Result<ReferenceText, Mismatch> {
        let mut typed = self.clone();
        let Some(class) = schema.and_then(|schema| schema.class(self.class())) else { return Ok(typed) };
        for (name, value) in &mut typed.keys {
            let is_reference = class.property(name).is_some_and(|key| key.cim_type == CimType::Reference);
            if let KeyText::Text(text) = value
                && is_reference
            {
                let reference: ReferenceText =
                    text.parse().map_err(|error| Mismatch::new(format!("the key {name}: {error}"), ""))?;
                *value = KeyText::Reference(Box::new(reference));
            }
        }
        Ok(typed)
    }

    /// The reference on a host that names classes in this way. A whole URI stays as it was typed.
    pub fn resolve(&self, addressing: &ClassAddressing) -> EndpointReference {
        let mut keys = SelectorSet::new();
        for (name, value) in &self.keys {
            keys.push(name.as_str(), value.resolve(addressing));
        }
        match &self.uri {
            Some(uri) => EndpointReference::new(ResourceUri::new(uri.as_str()), addressing.selectors(keys)),
            None => addressing.reference(self.class(), keys),
        }
    }
}

impl FromStr for ReferenceText {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let fail = |reason: String| ReferenceError { text: text.chars().take(200).collect(), reason };
        let (head, keys) = match text.split_once('?') {
            Some((head, keys)) => (head.trim(), Some(keys)),
            None => (text.trim(), None),
        };
        let uri = expand(head).map_err(fail)?;
        let class = uri.as_deref().map_or(head, |uri| uri.rsplit('/').next().unwrap_or(""));
        let class = match (class, &uri) {
            ("*", Some(_)) => "*".to_owned(),
            _ => class.parse::<ClassName>().map_err(|error| fail(error.to_string()))?.as_str().to_owned(),
        };
        let keys = keys.map(read_keys).transpose().map_err(fail)?.unwrap_or_default();
        Ok(ReferenceText { class, uri, keys })
    }
}

impl fmt::Display for ReferenceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri.as_deref().unwrap_or(self.class()))?;
        for (place, (name, value)) in self.keys.iter().enumerate() {
            let mark = if place == 0 { '?' } else { ',' };
            let value = value.to_string();
            match value.contains(',') || value.starts_with('"') {
                true => write!(f, "{mark}{name}=\"{}\"", value.replace('"', "\"\""))?,
                false => write!(f, "{mark}{name}={value}")?,
            }
        }
        Ok(())
    }
}

/// The whole URI of a short name, or of a URI; none for a class alone.
fn expand(head: &str) -> Result<Option<String>, String> {
    if head.contains("://") {
        return Ok(Some(head.to_owned()));
    }
    let Some((alias, rest)) = head.split_once('/') else { return Ok(None) };
    let known = ALIASES.iter().find(|(name, _)| name.eq_ignore_ascii_case(alias));
    let (_, prefix) = known.ok_or_else(|| {
        let names: Vec<_> = ALIASES.iter().map(|(name, _)| *name).collect();
        format!("{alias:?} is no short name; there are {}", names.join(", "))
    })?;
    Ok(Some(format!("{prefix}/{}", rest.replace('\\', "/"))))
}

/// Short names of resource URIs, as `winrm` has them (Microsoft, "URI prefixes").
const ALIASES: &[(&str, &str)] = &[
    ("wmi", "http://schemas.microsoft.com/wbem/wsman/1/wmi"),
    ("wmicimv2", "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2"),
    ("cimv2", "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2"),
    ("winrm", "http://schemas.microsoft.com/wbem/wsman/1"),
    ("wsman", "http://schemas.microsoft.com/wbem/wsman/1"),
    ("shell", "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"),
];

fn read_keys(text: &str) -> Result<Vec<(String, KeyText)>, String> {
    let mut keys: Vec<(String, KeyText)> = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = rest
            .split_once('=')
            .ok_or_else(|| format!("{rest:?} is not Key=value; a value with a comma stands in double quotes"))?;
        let name = name.trim().parse::<PropertyName>().map_err(|error| {
            format!("{:?} is not a key ({error}); a value with a comma stands in double quotes", name.trim())
        })?;
        if keys.iter().any(|(known, _)| name == known.as_str()) {
            return Err(format!("the key {name} is given twice"));
        }
        let (value, after) = read_value(after)?;
        let value = value.parse().map_err(|error: ReferenceError| format!("the key {name}: {}", error.reason))?;
        keys.push((name.as_str().to_owned(), value));
        match after {
            Some(after) => rest = after,
            None => return Ok(keys),
        }
    }
}

/// The value at the start of a text, and what follows its comma.
fn read_value(text: &str) -> Result<(String, Option<&str>), String> {
    let Some(mut rest) = text.strip_prefix('"') else {
        return Ok(match text.split_once(',') {
            Some((value, after)) => (value.to_owned(), Some(after)),
            None => (text.to_owned(), None),
        });
    };
    let mut value = String::new();
    loop {
        let (part, after) = rest.split_once('"').ok_or("a quoted value does not end")?;
        value.push_str(part);
        if let Some(again) = after.strip_prefix('"') {
            value.push('"');
            rest = again;
        } else if after.is_empty() {
            return Ok((value, None));
        } else {
            let after = after.strip_prefix(',').ok_or("a quoted value is followed by something else than a comma")?;
            return Ok((value, Some(after)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<(String, String)> {
        let keys = text.parse::<ReferenceText>().unwrap().keys;
        keys.into_iter().map(|(name, value)| (name, value.to_string())).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn keys_are_read_as_typed() {
        assert_eq!(keys("Msvm_X"), pairs(&[]));
        assert_eq!(keys("Msvm_X?A=1,B=two words"), pairs(&[("A", "1"), ("B", "two words")]));
        assert_eq!(keys(r"Msvm_X?InstanceID=Microsoft:8F\0"), pairs(&[("InstanceID", r"Microsoft:8F\0")]));
        assert_eq!(keys(r#"X?A="a,b""c",B="""#.trim_end_matches('"')), pairs(&[("A", "a,b\"c"), ("B", "")]));
        assert_eq!(keys("X?A=x=y,B="), pairs(&[("A", "x=y"), ("B", "")]));
    }

    #[test]
    fn a_key_may_be_a_reference() {
        let text = "X_Tie?Left=ref:X_Person?Key=1,Right=\"ref:X_Person?Key=2,Other=\"\"a,b\"\"\",Note=text:ref:x";
        let tie: ReferenceText = text.parse().unwrap();
        assert_eq!(tie.to_string(), text, "it is printed as it is typed");
        let resolved = tie.resolve(&ClassAddressing::dmtf("root/x"));
        let value = |name: &str| resolved.selectors.iter().find(|key| key.name == name).unwrap().value.clone();
        let right = value("Right");
        let right = right.as_reference().unwrap();
        assert_eq!(right.resource.last_segment(), "X_Person");
        assert_eq!((right.selectors.value("Key"), right.selectors.value("Other")), (Some("2"), Some("a,b")));
        assert_eq!(right.selectors.value("__cimnamespace"), Some("root/x"));
        assert_eq!(value("Note").as_text(), Some("ref:x"));
        // And the library prints the same.
        let printed: ReferenceText = resolved.to_string().parse().unwrap();
        assert_eq!(printed.resolve(&ClassAddressing::dmtf("root/x")), resolved);
        assert!("X?A=ref:1,B=2".parse::<ReferenceText>().unwrap_err().to_string().contains("the key A"));
    }

    #[test]
    fn what_is_no_reference_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "empty"),
            ("1X?A=1", "class name"),
            ("X?", "Key=value"),
            ("X?A=1,rest", "double quotes"),
            ("X?A=1,b c=2", "double quotes"),
            ("X?A=1,a=2", "twice"),
            ("X?A=\"open", "does not end"),
            ("X?A=\"a\"b", "else than a comma"),
            ("http://host/?A=1", "empty"),
            ("nope/X?A=1", "wmicimv2"),
            ("wmi/root/v2/?A=1", "empty"),
            ("*", "class name"),
        ] {
            let error = text.parse::<ReferenceText>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for text in ["X", "X?A=1,B=\"a,b\"", "X?A=\"\"\"q\"", "http://example/v2/X?A=\\0"] {
            let reference: ReferenceText = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
            assert_eq!(reference.to_string().parse::<ReferenceText>(), Ok(reference));
        }
    }

    #[test]
    fn short_names_are_those_of_winrm() {
        const WINDOWS: &str = "http://schemas.microsoft.com/wbem/wsman/1";
        for (text, uri, class) in [
            ("wmi/root/virtualization/v2/Msvm_X?A=1", "/wmi/root/virtualization/v2/Msvm_X", "Msvm_X"),
            (r"WMI/root\cimv2\Win32_X", "/wmi/root/cimv2/Win32_X", "Win32_X"),
            ("wmicimv2/Win32_X", "/wmi/root/cimv2/Win32_X", "Win32_X"),
            ("wmicimv2/*", "/wmi/root/cimv2/*", "*"),
            ("winrm/config", "/config", "config"),
            ("winrm/config/service/auth", "/config/service/auth", "auth"),
            ("winrm/config/Listener?Address=*,Transport=HTTP", "/config/Listener", "Listener"),
            ("shell/cmd?ShellId=1", "/windows/shell/cmd", "cmd"),
        ] {
            let reference: ReferenceText = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(reference.class(), class, "{text}");
            let resolved = reference.resolve(&ClassAddressing::microsoft("root/other"));
            assert_eq!(resolved.resource.as_str(), format!("{WINDOWS}{uri}"), "{text}");
            assert_eq!(resolved.selectors.value("__cimnamespace"), None);
        }
        let dmtf: ReferenceText = "cimv2/CIM_X".parse().unwrap();
        let resolved = dmtf.resolve(&ClassAddressing::dmtf("root/interop"));
        assert_eq!(resolved.resource.as_str(), "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_X");
        assert_eq!(resolved.selectors.value("__cimnamespace"), Some("root/interop"));
    }

    #[test]
    fn a_uri_stays_and_a_class_follows_the_addressing() {
        let dmtf = ClassAddressing::dmtf("root/cimv2");
        let class = "X?A=1".parse::<ReferenceText>().unwrap().resolve(&dmtf);
        assert_eq!(class.resource.as_str(), "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/X");
        assert_eq!(class.selectors.value("__cimnamespace"), Some("root/cimv2"));

        let windows = ClassAddressing::microsoft("root/virtualization/v2");
        let uri = "http://other/X?A=1".parse::<ReferenceText>().unwrap();
        assert_eq!(uri.class(), "X");
        assert_eq!(uri.resolve(&windows).resource.as_str(), "http://other/X");
        assert_eq!(uri.resolve(&windows).selectors.len(), 1);
    }
}
