//! Document writer: prefixes are declared by the caller, everything else is escaped here.

use super::error::WriteError;

/// Writes one document; names and characters that XML does not allow turn into an error at
/// [`Writer::finish`], so that no input can change the structure.
///
/// ```
/// use hyperv_replica::xml::Writer;
/// let mut w = Writer::new();
/// w.open("p", "Shell").declare("p", "urn:x").text_element("p", "Name", "a<b").close();
/// assert_eq!(w.finish().unwrap(), br#"<p:Shell xmlns:p="urn:x"><p:Name>a&lt;b</p:Name></p:Shell>"#);
/// ```
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    /// Where the names of the open elements lie in `out`.
    open: Vec<(usize, usize)>,
    /// Whether the last start tag still lacks its `>`.
    in_tag: bool,
    error: Option<WriteError>,
}

impl Writer {
    /// An empty document, without XML declaration.
    pub fn new() -> Self {
        Writer { out: Vec::with_capacity(2048), ..Writer::default() }
    }

    /// Opens an element; an empty prefix writes none.
    pub fn open(&mut self, prefix: &str, local: &str) -> &mut Self {
        self.end_tag_start();
        self.out.push(b'<');
        let start = self.out.len();
        self.name(prefix, local);
        self.open.push((start, self.out.len()));
        self.in_tag = true;
        self
    }

    /// Declares a namespace on the element just opened; an empty prefix sets the default one.
    pub fn declare(&mut self, prefix: &str, namespace: &str) -> &mut Self {
        match prefix {
            "" => self.attribute("", "xmlns", namespace),
            _ => self.attribute("xmlns", prefix, namespace),
        }
    }

    /// Adds an attribute to the element just opened.
    pub fn attribute(&mut self, prefix: &str, local: &str, value: &str) -> &mut Self {
        if !self.in_tag {
            self.fail(WriteError::Nesting);
            return self;
        }
        self.out.push(b' ');
        self.name(prefix, local);
        self.out.extend_from_slice(b"=\"");
        self.escaped(value, true);
        self.out.push(b'"');
        self
    }

    /// Adds text inside the open element.
    pub fn text(&mut self, text: &str) -> &mut Self {
        if self.open.is_empty() {
            self.fail(WriteError::Nesting);
            return self;
        }
        self.end_tag_start();
        self.escaped(text, false);
        self
    }

    /// Closes the element opened last; without content it is written as `<x/>`.
    pub fn close(&mut self) -> &mut Self {
        let Some((start, end)) = self.open.pop() else {
            self.fail(WriteError::Nesting);
            return self;
        };
        if self.in_tag {
            self.out.extend_from_slice(b"/>");
            self.in_tag = false;
        } else {
            self.out.extend_from_slice(b"</");
            self.out.extend_from_within(start..end);
            self.out.push(b'>');
        }
        self
    }

    /// An element that holds only text; empty text is written as `<x></x>`, which is not `<x/>` to
    /// some readers of CIM values.
    pub fn text_element(&mut self, prefix: &str, local: &str, text: &str) -> &mut Self {
        self.open(prefix, local).text(text).close()
    }

    /// Puts in what another writer has finished: whole elements that need no declaration from here, or use
    /// only prefixes that this document declares.
    pub(crate) fn fragment(&mut self, finished: &[u8]) -> &mut Self {
        self.end_tag_start();
        self.out.extend_from_slice(finished);
        self
    }

    /// An element without content.
    pub fn empty_element(&mut self, prefix: &str, local: &str) -> &mut Self {
        self.open(prefix, local).close()
    }

    /// The document.
    ///
    /// # Errors
    /// The first name or character that XML does not allow, or elements left open.
    pub fn finish(mut self) -> Result<Vec<u8>, WriteError> {
        if !self.open.is_empty() {
            self.fail(WriteError::Nesting);
        }
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.out),
        }
    }

    /// As [`Writer::finish`], as text.
    ///
    /// # Errors
    /// As [`Writer::finish`].
    pub fn finish_text(self) -> Result<String, WriteError> {
        let bytes = self.finish()?;
        String::from_utf8(bytes).map_err(|_| WriteError::Nesting)
    }

    fn end_tag_start(&mut self) {
        if self.in_tag {
            self.out.push(b'>');
            self.in_tag = false;
        }
    }

    fn name(&mut self, prefix: &str, local: &str) {
        for part in [prefix, local] {
            let is_no_prefix = part.is_empty() && !local.is_empty();
            if !is_ncname(part) && !is_no_prefix {
                self.fail(WriteError::Name(part.to_owned()));
                return;
            }
        }
        if !prefix.is_empty() {
            self.out.extend_from_slice(prefix.as_bytes());
            self.out.push(b':');
        }
        self.out.extend_from_slice(local.as_bytes());
    }

    fn escaped(&mut self, text: &str, in_attribute: bool) {
        let mut plain = 0;
        for (at, character) in text.char_indices() {
            let replacement: &[u8] = match character {
                '&' => b"&amp;",
                '<' => b"&lt;",
                '>' => b"&gt;",
                '"' if in_attribute => b"&quot;",
                // A reader would turn these into LF or a blank.
                '\r' => b"&#13;",
                '\n' if in_attribute => b"&#10;",
                '\t' if in_attribute => b"&#9;",
                _ if is_allowed(character) => continue,
                _ => {
                    self.fail(WriteError::Character(character));
                    return;
                }
            };
            self.out.extend_from_slice(text.as_bytes().get(plain..at).unwrap_or_default());
            self.out.extend_from_slice(replacement);
            plain = at + character.len_utf8();
        }
        self.out.extend_from_slice(text.as_bytes().get(plain..).unwrap_or_default());
    }

    fn fail(&mut self, error: WriteError) {
        self.error.get_or_insert(error);
    }
}

/// XML 1.0 production 2, `Char`.
pub(super) fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// A name without colon. Letters beyond ASCII are allowed, as XML does, without its exact tables.
fn is_ncname(name: &str) -> bool {
    let letter = |c: char| c == '_' || c.is_alphabetic();
    let mut characters = name.chars();
    characters.next().is_some_and(letter)
        && characters.all(|c| letter(c) || c.is_numeric() || matches!(c, '-' | '.' | '\u{b7}'))
}
