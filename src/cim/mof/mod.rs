//! Reader of MOF, the text form of CIM classes (DSP0004 annex A), as DMTF and Microsoft write it.
//!
//! [`read`] turns text into a [`Document`] which borrows from it. It reads pragmas, qualifier declarations, classes with
//! properties, references and methods, and instances. It does not follow `#pragma include` (see [`Document::includes`]),
//! resolves no names and checks no types: that is for [`super::schema`].
//!
//! Input, nesting and the number of reported errors are bounded; no input makes it panic.

mod ast;
mod lexer;
mod literal;
mod parser;
#[cfg(test)]
mod tests;

use std::fmt;

pub use ast::{
    CimType, ClassDeclaration, Document, Extent, Flavor, InstanceDeclaration, Item, MethodDeclaration, NotAType,
    ParameterDeclaration, Pragma, PropertyDeclaration, Qualifier, QualifierDeclaration, TypeName, Value,
};

/// Largest text that is read, in bytes. All of the DMTF schema, a thousand files, is about 20 MB.
pub const MAX_INPUT: usize = 32 * 1024 * 1024;

/// How many problems are collected before reading stops.
pub const MAX_PROBLEMS: usize = 20;

/// How many notes are kept.
pub const MAX_NOTES: usize = 20;

/// Deepest nesting of values and instances.
pub const MAX_DEPTH: usize = 16;

/// Reads a MOF text.
///
/// # Errors
///
/// Every problem found, with its place, up to [`MAX_PROBLEMS`].
///
/// ```
/// use hyperv_replica::cim::mof;
///
/// let document = mof::read("class Demo_Disk { [Key] string Id; uint64 Size = 0x1000; };")?;
/// assert_eq!(document.classes().count(), 1);
///
/// let error = mof::read("class Demo_Disk { string Id }").unwrap_err();
/// assert_eq!(error.problems()[0].to_string(), "1:29: expected `;` after the property `Id`, found `}`");
/// # Ok::<(), mof::MofError>(())
/// ```
pub fn read(text: &str) -> Result<Document<'_>, MofError> {
    if text.len() > MAX_INPUT {
        let found = format!("{} bytes", text.len());
        return Err(MofError::new(vec![Problem {
            line: 1,
            column: 1,
            expected: format!("at most {MAX_INPUT} bytes"),
            found,
        }]));
    }
    parser::Parser::new(text).document()
}

/// What is wrong with a MOF text: one problem or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MofError {
    problems: Vec<Problem>,
}

impl MofError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The problems in the order of the text, never none and at most [`MAX_PROBLEMS`].
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for MofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the MOF cannot be used: ")?;
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{problem}")?;
        }
        if self.problems.len() >= MAX_PROBLEMS {
            f.write_str("; and perhaps more, reading stopped here")?;
        }
        Ok(())
    }
}

impl std::error::Error for MofError {}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What should have stood there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl Problem {
    /// Counts lines up to the byte `at`; done for problems alone, so that reading itself need not count.
    pub(super) fn at(source: &str, at: usize, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let (line, column) = place(source, at);
        Self { line, column, expected: expected.into(), found: found.into() }
    }
}

fn place(source: &str, at: usize) -> (usize, usize) {
    let before = source.get(..at).unwrap_or(source);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before.get(start..).unwrap_or_default().chars().count() + 1)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: expected {}, found {}", self.line, self.column, self.expected, self.found)
    }
}

/// Something odd that does not keep a text from being read, and where: a backslash that begins no escape.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What stands there, and what was made of it.
    pub text: String,
}

impl Note {
    fn at(source: &str, at: usize, text: String) -> Self {
        let (line, column) = place(source, at);
        Self { line, column, text }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.text)
    }
}
