//! Why a document was refused, and where.

use std::fmt;

/// A refused document: what is wrong and at which byte, line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: usize,
    line: usize,
    column: usize,
}

impl Error {
    pub(super) fn at(input: &[u8], offset: usize, kind: ErrorKind) -> Self {
        let before = input.get(..offset).unwrap_or(input);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        Error { kind: kind.shortened(), offset, line, column }
    }

    /// What is wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Byte offset of the place.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Empty | ErrorKind::NotUtf8 | ErrorKind::Utf16 | ErrorKind::TooLarge { .. } => {
                write!(f, "{}", self.kind)
            }
            _ => write!(f, "{} at line {}, column {}", self.kind, self.line, self.column),
        }
    }
}

impl std::error::Error for Error {}

/// What a reader found wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No bytes, or white space only.
    #[error("the document is empty")]
    Empty,
    /// Neither UTF-8 nor anything we read.
    #[error("the document is not valid UTF-8")]
    NotUtf8,
    /// A UTF-16 byte order mark: we ask for UTF-8 and read nothing else.
    #[error("the document is UTF-16; only UTF-8 is read")]
    Utf16,
    /// More bytes than the limit.
    #[error("the document has {actual} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Bytes received.
        actual: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Elements nested deeper than the limit.
    #[error("elements are nested deeper than {0}")]
    TooDeep(usize),
    /// More attributes on one element than the limit.
    #[error("an element has more than {0} attributes")]
    TooManyAttributes(usize),
    /// More elements than the limit, or text in too many pieces.
    #[error("the document has too many parts")]
    TooManyParts,
    /// A document type declaration.
    #[error("a document type declaration is not accepted")]
    Doctype,
    /// A reference to an entity that XML does not predefine.
    #[error("the entity reference &{0}; is not accepted")]
    Entity(String),
    /// A prefix without a namespace declaration in scope.
    #[error("the prefix {0:?} is not declared")]
    UndeclaredPrefix(String),
    /// An attribute that is not written `name="value"`, or twice on one element.
    #[error("bad attribute: {0}")]
    Attribute(String),
    /// A byte that XML does not allow.
    #[error("control character 0x{0:02x} is not allowed")]
    ControlCharacter(u8),
    /// The input ended inside an element.
    #[error("the document ends inside <{0}>")]
    Truncated(String),
    /// A second root, text outside the root, or no root.
    #[error("{0}")]
    Structure(&'static str),
    /// Anything else the parser refuses.
    #[error("not well-formed: {0}")]
    Syntax(String),
}

impl ErrorKind {
    /// A name in a damaged document may be as long as the document; an error stays readable.
    fn shortened(mut self) -> Self {
        match &mut self {
            ErrorKind::Entity(text)
            | ErrorKind::UndeclaredPrefix(text)
            | ErrorKind::Attribute(text)
            | ErrorKind::Truncated(text)
            | ErrorKind::Syntax(text) => {
                if let Some((end, _)) = text.char_indices().nth(LONGEST_QUOTE) {
                    text.truncate(end);
                    text.push('…');
                }
            }
            _ => {}
        }
        self
    }
}

const LONGEST_QUOTE: usize = 200;

/// Why a document could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A name that XML does not allow; nothing of it was written.
    #[error("{0:?} is not a name that XML allows")]
    Name(String),
    /// A character that no XML document can carry, not even escaped.
    #[error("the character U+{:04X} cannot be written in XML", u32::from(*.0))]
    Character(char),
    /// `close` without `open`, or a document left open: a mistake of the caller.
    #[error("elements are not closed in order")]
    Nesting,
}
