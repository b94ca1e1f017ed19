//! Writing an envelope: prefixes once on the root, headers, then a body.

use crate::xml::{WriteError, Writer, ns};

/// The reply address of every request, and the address of every local reference.
pub const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";

/// Writes one envelope in order: headers, then [`EnvelopeWriter::body`].
///
/// Common prefixes (`s`, `a`, `w`) are declared on the root, further ones with `extra`.
#[derive(Debug)]
pub struct EnvelopeWriter {
    writer: Writer,
}

/// How a header block is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// `mustUnderstand="true"`: the peer must refuse the message if it does not know the header.
    Must,
    /// `mustUnderstand="false"`, written out: Windows refuses Locale headers without it (MS-WSMV 3.1.4.1.8).
    May,
    /// No mark.
    Plain,
}

impl EnvelopeWriter {
    /// Opens an envelope and its header.
    pub fn new(extra: &[&str]) -> Self {
        let mut writer = Writer::new();
        writer.open("s", "Envelope");
        for (prefix, namespace) in ns::PREFIXES {
            if ["s", "a", "w"].contains(prefix) || extra.contains(prefix) {
                writer.declare(prefix, namespace);
            }
        }
        writer.open("s", "Header");
        EnvelopeWriter { writer }
    }

    /// Adds a header block that holds text.
    pub fn header(&mut self, prefix: &str, local: &str, mark: Header, text: &str) -> &mut Self {
        self.writer.open(prefix, local);
        self.mark(mark);
        self.writer.text(text).close();
        self
    }

    /// Adds an empty header block with `xml:lang`, for Locale and DataLocale.
    pub fn language(&mut self, prefix: &str, local: &str, language: &str) -> &mut Self {
        self.writer.open(prefix, local).attribute("xml", "lang", language);
        self.mark(Header::May);
        self.writer.close();
        self
    }

    /// Adds the anonymous ReplyTo, which Windows requires (MS-WSMV 3.1.4.1.3).
    pub fn reply_to_anonymous(&mut self) -> &mut Self {
        self.writer.open("a", "ReplyTo").open("a", "Address");
        self.mark(Header::Must);
        self.writer.text(ANONYMOUS).close().close();
        self
    }

    /// Adds header blocks that are more than text.
    pub fn blocks(&mut self, write: impl FnOnce(&mut Writer)) -> &mut Self {
        write(&mut self.writer);
        self
    }

    /// Closes the header, writes the body and ends the envelope.
    ///
    /// # Errors
    /// A name or character that XML cannot carry, in any part of the message.
    pub fn body(mut self, write: impl FnOnce(&mut Writer)) -> Result<Vec<u8>, WriteError> {
        self.writer.close().open("s", "Body");
        write(&mut self.writer);
        self.writer.close().close();
        self.writer.finish()
    }

    /// As [`EnvelopeWriter::body`], where the content can fail on its own.
    ///
    /// # Errors
    /// That of the content, or as [`EnvelopeWriter::body`].
    pub fn try_body(self, write: impl FnOnce(&mut Writer) -> Result<(), WriteError>) -> Result<Vec<u8>, WriteError> {
        let mut content = Ok(());
        let bytes = self.body(|writer| content = write(writer));
        content.and(bytes)
    }

    fn mark(&mut self, mark: Header) {
        match mark {
            Header::Must => self.writer.attribute("s", "mustUnderstand", "true"),
            Header::May => self.writer.attribute("s", "mustUnderstand", "false"),
            Header::Plain => &mut self.writer,
        };
    }
}
