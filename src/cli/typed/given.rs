//! `name=value` as typed, or a JSON document: what was given, before any declaration is looked at.

use std::path::Path;
use std::str::FromStr;

use serde_json::Value as Json;

use crate::cim::PropertyName;
use crate::cim::names::NameError;
use crate::cli::text_file::{self, FileError};

/// One `name=value` of the command line, or a member of the document of `--input`.
///
/// The value is read by the type it is declared with. Some beginnings have a meaning of their own: `@FILE` is the text
/// of a file, `instance:{…}` an embedded instance in JSON, `ref:Class?Key=v` a reference, `text:…` a text as it stands
/// (also one of these words), and `null` alone is NULL.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    pub(super) name: PropertyName,
    pub(super) given: Given,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    Null,
    /// As typed, or the content of a file.
    Plain(String),
    Text(String),
    Reference(String),
    Instance(String),
    /// From a document; whether it stood in an array.
    Json(Json, bool),
    /// An array without items, from a document.
    Empty,
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
    /// The file of `name=@FILE` cannot be read as text, or is larger than a request may be.
    #[error("the file {file} cannot be read: {source}")]
    File {
        /// The file as typed.
        file: String,
        /// Why.
        source: FileError,
    },
    /// The document of `--input` is no JSON object.
    #[error("{file} holds no JSON object: {reason}")]
    Document {
        /// The file as typed.
        file: String,
        /// Why.
        reason: String,
    },
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
            Given::Plain(read_file(Path::new(file))?)
        } else {
            Given::Plain(value.to_owned())
        };
        Ok(Argument { name, given })
    }
}

impl Argument {
    /// The members of a JSON object, `skip` left out; an array is its items, one by one.
    ///
    /// # Errors
    /// Not an object, or a member that can be no parameter.
    pub fn of_object(json: &Json, skip: &[&str], file: &str) -> Result<Vec<Argument>, ArgumentError> {
        let fail = |reason: &str| ArgumentError::Document { file: file.to_owned(), reason: reason.to_owned() };
        let object = json.as_object().ok_or_else(|| fail("it is something else"))?;
        let mut arguments = Vec::new();
        for (name, value) in object.iter().filter(|(name, _)| !skip.contains(&name.as_str())) {
            let name: PropertyName = name.parse()?;
            let mut push = |given| arguments.push(Argument { name: name.clone(), given });
            match value {
                Json::Null => push(Given::Null),
                Json::Array(items) if items.is_empty() => push(Given::Empty),
                Json::Array(items) => items.iter().for_each(|item| push(Given::Json(item.clone(), true))),
                one => push(Given::Json(one.clone(), false)),
            }
        }
        Ok(arguments)
    }

    /// Whether two sources give the same name.
    pub fn shared<'a>(typed: &'a [Argument], document: &[Argument]) -> Option<&'a str> {
        let in_document = |name: &PropertyName| document.iter().any(|other| other.name == *name);
        typed.iter().find(|argument| in_document(&argument.name)).map(|argument| argument.name.as_str())
    }
}

/// The text of a file, or of standard input for `-`; no more than a request can carry.
///
/// # Errors
/// [`ArgumentError::File`].
pub fn read_file(path: &Path) -> Result<String, ArgumentError> {
    text_file::read(path, MOST_FILE).map_err(|source| ArgumentError::File { file: path.display().to_string(), source })
}

/// Twice the largest envelope that a host takes by default.
const MOST_FILE: usize = 1 << 20;
