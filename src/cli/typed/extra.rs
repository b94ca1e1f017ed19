//! `--selector`, `--option` and `--header`: what is added to a request by hand.

use std::str::FromStr;

use crate::wsman::{HeaderBlock, ResourceOption};

use super::reference::KeyText;

/// `NAME=VALUE`: a selector besides those of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraSelector {
    /// Its name.
    pub name: String,
    /// Its value; `ref:Class?Key=value` is a reference.
    pub value: KeyText,
}

/// `NAME=VALUE`, or `!NAME=VALUE` for one that the host must comply with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraOption(pub ResourceOption);

/// `{NAMESPACE}LOCAL=VALUE`, or `!{NAMESPACE}LOCAL=VALUE` for one that the host must understand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraHeader(pub HeaderBlock);

/// Why a text is none of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {form}")]
pub struct ExtraError {
    text: String,
    form: &'static str,
}

impl FromStr for ExtraSelector {
    type Err = ExtraError;

    fn from_str(text: &str) -> Result<Self, ExtraError> {
        const FORM: &str = "NAME=VALUE or NAME=ref:Class?Key=value";
        let (name, value) = pair(text, text, FORM)?;
        Ok(ExtraSelector { name, value: value.parse().map_err(|_| fail(text, FORM))? })
    }
}

impl FromStr for ExtraOption {
    type Err = ExtraError;

    fn from_str(text: &str) -> Result<Self, ExtraError> {
        let (must_comply, rest) = marked(text);
        let (name, value) = pair(text, rest, "NAME=VALUE or !NAME=VALUE")?;
        Ok(ExtraOption(ResourceOption { name, value, must_comply }))
    }
}

impl FromStr for ExtraHeader {
    type Err = ExtraError;

    fn from_str(text: &str) -> Result<Self, ExtraError> {
        const FORM: &str = "{NAMESPACE}LOCAL=VALUE or !{NAMESPACE}LOCAL=VALUE";
        let (must, rest) = marked(text);
        let parts = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let (namespace, rest) = parts.filter(|(namespace, _)| !namespace.is_empty()).ok_or_else(|| fail(text, FORM))?;
        let (local, value) = pair(text, rest, FORM)?;
        let must_understand = must.then_some(true);
        Ok(ExtraHeader(HeaderBlock { namespace: namespace.to_owned(), local, text: value, must_understand }))
    }
}

fn marked(text: &str) -> (bool, &str) {
    match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

fn pair(text: &str, rest: &str, form: &'static str) -> Result<(String, String), ExtraError> {
    let (name, value) = rest.split_once('=').ok_or_else(|| fail(text, form))?;
    match name.trim() {
        "" => Err(fail(text, form)),
        name => Ok((name.to_owned(), value.to_owned())),
    }
}

fn fail(text: &str, form: &'static str) -> ExtraError {
    ExtraError { text: text.chars().take(200).collect(), form }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_names_and_values() {
        let ExtraHeader(header) = "!{urn:a=b}Name=v=w".parse().unwrap();
        assert_eq!((header.namespace.as_str(), header.local.as_str()), ("urn:a=b", "Name"));
        assert_eq!((header.text.as_str(), header.must_understand), ("v=w", Some(true)));
        let ExtraHeader(header) = "{urn:a}Name=".parse().unwrap();
        assert_eq!((header.text.as_str(), header.must_understand), ("", None));
        let ExtraOption(option) = "!X=1".parse().unwrap();
        assert!(option.must_comply && option.name == "X");
        assert_eq!("A=b=c".parse(), Ok(ExtraSelector { name: "A".to_owned(), value: KeyText::Text("b=c".to_owned()) }));
        assert!("Name=v".parse::<ExtraHeader>().is_err() && "{}Name=v".parse::<ExtraHeader>().is_err());
        assert!("{urn:a}=v".parse::<ExtraHeader>().is_err() && "{urn:a}N".parse::<ExtraHeader>().is_err());
        assert!("=1".parse::<ExtraSelector>().is_err() && "x".parse::<ExtraOption>().is_err());
    }
}
