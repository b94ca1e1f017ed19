//! Bytes to [`Document`], with limits and with the checks the parser crate leaves to its caller.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::document::{AttributeNode, Binding, Document, NO_BINDING, NO_NAMESPACE, Node, Span, XML_NAMESPACE};
use super::error::{Error, ErrorKind};
use super::leaf::Leaf;
use super::ns;

/// What a reader is willing to hold.
///
/// The defaults suit a WS-Management reply: 64 levels is five times the deepest one known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Most bytes of a document; at most 1 GiB.
    pub bytes: usize,
    /// Most levels of nesting.
    pub depth: usize,
    /// Most attributes (with namespace declarations) on one element.
    pub attributes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 64 << 20, depth: 64, attributes: 64 }
    }
}

impl Limits {
    /// The default limits with another bound on the size.
    pub fn with_bytes(bytes: usize) -> Self {
        Limits { bytes, ..Limits::default() }
    }
}

/// Spans are 32 bits; no limit can lift this one.
const MOST_BYTES: usize = 1 << 30;

impl Document {
    /// Reads one document with the default [`Limits`].
    ///
    /// # Errors
    /// An [`Error`] with kind and position for anything but one well-formed, bounded document.
    pub fn parse(bytes: impl Into<Vec<u8>>) -> Result<Document, Error> {
        Document::parse_with(bytes, &Limits::default())
    }

    /// Reads one document; the bytes are taken over, not copied.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn parse_with(bytes: impl Into<Vec<u8>>, limits: &Limits) -> Result<Document, Error> {
        let input = text_of(bytes.into(), limits)?;
        let builder = Builder::new(&input, limits);
        let mut document = builder.read()?;
        document.input = input;
        Ok(document)
    }
}

/// Checks size and encoding, and drops a byte order mark.
fn text_of(mut bytes: Vec<u8>, limits: &Limits) -> Result<String, Error> {
    let limit = limits.bytes.min(MOST_BYTES);
    let fail = |bytes: &[u8], offset, kind| Err(Error::at(bytes, offset, kind));
    if bytes.len() > limit {
        return fail(&[], 0, ErrorKind::TooLarge { actual: bytes.len(), limit });
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.starts_with(&[b'<', 0]) {
        return fail(&[], 0, ErrorKind::Utf16);
    }
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        bytes.drain(..3);
    }
    let forbidden = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    // A fold without early exit: the compiler makes it a vector loop, and the answer is nearly always no.
    if bytes.iter().fold(false, |found, byte| found | forbidden(*byte)) {
        let at = bytes.iter().position(|byte| forbidden(*byte)).unwrap_or(0);
        return fail(&bytes, at, ErrorKind::ControlCharacter(bytes.get(at).copied().unwrap_or(0)));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| Error::at(error.as_bytes(), error.utf8_error().valid_up_to(), ErrorKind::NotUtf8))?;
    if text.trim_ascii().is_empty() {
        return fail(&[], 0, ErrorKind::Empty);
    }
    Ok(text)
}

struct Builder<'i> {
    input: &'i str,
    limits: &'i Limits,
    document: Document,
    /// Indices of the open elements.
    open: Vec<u32>,
    scope: u32,
    /// The last prefix resolved and what it gave: a reply uses one prefix thousands of times in a row.
    recent: Option<(&'i str, u32, u16)>,
    /// Whether `]]>` occurs at all; only then is each text searched for it.
    has_cdata_end: bool,
    /// Whether a carriage return occurs at all; only then are line ends normalised.
    has_carriage_return: bool,
}

impl<'i> Builder<'i> {
    fn new(input: &'i str, limits: &'i Limits) -> Self {
        let document = Document {
            input: String::new(),
            unescaped: String::new(),
            nodes: Vec::with_capacity(input.len() / 48 + 8),
            attributes: Vec::new(),
            bindings: Vec::new(),
            namespaces: vec![String::new(), ns::XML.to_owned()],
            ledger: std::sync::OnceLock::new(),
        };
        Builder {
            input,
            limits,
            document,
            open: Vec::with_capacity(16),
            scope: NO_BINDING,
            recent: None,
            has_cdata_end: memchr::memmem::find(input.as_bytes(), b"]]>").is_some(),
            has_carriage_return: memchr::memchr(b'\r', input.as_bytes()).is_some(),
        }
    }

    fn read(mut self) -> Result<Document, Error> {
        let mut reader = Reader::from_str(self.input);
        let config = reader.config_mut();
        config.check_comments = true;
        config.check_end_names = true;
        // Bytes that the parser has not seen, for its positions.
        let mut passed: usize = 0;
        loop {
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let offset = usize::try_from(reader.error_position()).unwrap_or(0).saturating_add(passed);
                    return Err(self.fail(offset, ErrorKind::Syntax(error.to_string())));
                }
            };
            match event {
                Event::Start(start) => {
                    self.open(&start)?;
                    passed += self.leaves(reader.get_mut())?;
                }
                Event::End(_) => {
                    self.close();
                    passed += self.leaves(reader.get_mut())?;
                }
                Event::Empty(start) => {
                    self.open(&start)?;
                    self.close();
                    passed += self.leaves(reader.get_mut())?;
                }
                Event::Text(text) => self.text(&text)?,
                Event::CData(data) => {
                    let at = self.offset(&data);
                    self.outside_root(at)?;
                    self.append(normalise_line_ends(&data).as_ref(), at)?;
                }
                Event::GeneralRef(reference) => self.reference(&reference)?,
                Event::DocType(doctype) => return Err(self.fail(self.offset(&doctype), ErrorKind::Doctype)),
                Event::Decl(declaration) => {
                    let at = self.offset(&declaration);
                    // The declaration is the first thing of a document: `<?` and no more before it.
                    if at > 2 {
                        return Err(
                            self.fail(at, ErrorKind::Structure("an XML declaration stands inside the document"))
                        );
                    }
                    let encoding = declaration.encoding().and_then(Result::ok);
                    if encoding.is_some_and(|name| {
                        !name.eq_ignore_ascii_case("utf-8") && !name.eq_ignore_ascii_case("us-ascii")
                    }) {
                        return Err(self.fail(at, ErrorKind::NotUtf8));
                    }
                }
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        if let Some(last) = self.open.last() {
            let name = self.local_of(*last).to_owned();
            return Err(self.fail(self.input.len(), ErrorKind::Truncated(name)));
        }
        if self.document.nodes.is_empty() {
            return Err(self.fail(0, ErrorKind::Structure("the document has no root element")));
        }
        Ok(self.document)
    }

    /// Takes the plain elements at the front of what remains, which the parser then never sees; it is in the same state
    /// after any tag, so it cannot tell.
    fn leaves(&mut self, remaining: &mut &'i [u8]) -> Result<usize, Error> {
        let Some(parent) = self.open.last().copied() else { return Ok(0) };
        if self.has_cdata_end || self.open.len() >= self.limits.depth || self.limits.attributes == 0 {
            return Ok(0);
        }
        let start = self.input.len() - remaining.len();
        let mut at = start;
        // Where the parent has text of its own, white space between its children belongs to it.
        while self.document.nodes.get(wide(parent)).is_some_and(|parent| parent.text.len() == 0)
            && let Some(leaf) = self.input.get(at..).and_then(Leaf::at_front)
        {
            let name = if leaf.prefix.is_empty() { leaf.local } else { leaf.prefix };
            let name_at = self.offset(name);
            let first_attribute = narrow(self.document.attributes.len());
            if let Some((prefix, local, value)) = leaf.attribute {
                let namespace = if prefix.is_empty() { NO_NAMESPACE } else { self.resolve_slow(prefix, name_at)? };
                let (local, value) = (self.span_of(local), self.span_of(value));
                self.document.attributes.push(AttributeNode { local, namespace, value });
            }
            let namespace = self.resolve(leaf.prefix, name_at)?;
            let id = narrow(self.document.nodes.len());
            self.document.nodes.push(Node {
                local: self.span_of(leaf.local),
                text: if leaf.text.is_empty() { Span::EMPTY } else { self.span_of(leaf.text) },
                end: id + 1,
                first_attribute,
                scope: self.scope,
                namespace,
                attribute_count: u16::from(leaf.attribute.is_some()),
            });
            at += leaf.len;
        }
        *remaining = remaining.get(at - start..).unwrap_or_default();
        Ok(at - start)
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Error> {
        let whole: &str = start;
        let at = self.offset(whole);
        if self.open.is_empty() && !self.document.nodes.is_empty() {
            return Err(self.fail(at, ErrorKind::Structure("a second root element")));
        }
        if self.open.len() >= self.limits.depth {
            return Err(self.fail(at, ErrorKind::TooDeep(self.limits.depth)));
        }
        self.drop_blank_text();
        let qualified = start.name().into_inner();
        // The same bytes with the lifetime of the input, so that names can be remembered.
        let name = self.input.get(at..at + qualified.len()).unwrap_or("");
        let outer_scope = self.scope;
        let first_attribute = narrow(self.document.attributes.len());
        if name.len() < whole.len() {
            self.attributes(start, at)?;
        }
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        if local.is_empty() || local.contains(':') || (prefix.is_empty() && name.starts_with(':')) {
            return Err(self.fail(at, ErrorKind::Syntax(format!("{name:?} is not a name"))));
        }
        let namespace = self.resolve(prefix, at)?;
        let id = narrow(self.document.nodes.len());
        let count = narrow(self.document.attributes.len()) - first_attribute;
        self.document.nodes.push(Node {
            local: Span::of_input(narrow(at + name.len() - local.len()), narrow(local.len())),
            text: Span::EMPTY,
            // While the element is open, this holds the scope to return to.
            end: outer_scope,
            first_attribute,
            scope: self.scope,
            namespace,
            // `Limits` bounds it below; a larger limit than 16 bits is cut there.
            attribute_count: u16::try_from(count).unwrap_or(u16::MAX),
        });
        self.open.push(id);
        Ok(())
    }

    fn close(&mut self) {
        let end = narrow(self.document.nodes.len());
        if let Some(node) = self.open.pop().and_then(|id| self.document.nodes.get_mut(wide(id))) {
            self.scope = node.end;
            node.end = end;
        }
    }

    /// Attributes are kept with their whole name until all are read, as a prefix may be declared after its use.
    fn attributes(&mut self, start: &BytesStart<'_>, at: usize) -> Result<(), Error> {
        let most = self.limits.attributes.min(usize::from(u16::MAX));
        let first_attribute = self.document.attributes.len();
        let first_binding = self.document.bindings.len();
        for (place, attribute) in start.attributes().with_checks(false).enumerate() {
            let attribute = attribute.map_err(|error| self.fail(at, ErrorKind::Attribute(error.to_string())))?;
            if place >= most {
                return Err(self.fail(at, ErrorKind::TooManyAttributes(self.limits.attributes)));
            }
            let key = attribute.key.into_inner();
            let value = self.attribute_value(&attribute.value, at)?;
            let declared = if key == "xmlns" { Some("") } else { key.strip_prefix("xmlns:") };
            match declared {
                Some(prefix) => self.declare(key, prefix, value, first_binding, at)?,
                None => {
                    let local = self.span_of(key);
                    self.document.attributes.push(AttributeNode { local, namespace: NO_NAMESPACE, value });
                }
            }
        }
        for place in first_attribute..self.document.attributes.len() {
            self.name_attribute(place, first_attribute, at)?;
        }
        Ok(())
    }

    fn declare(&mut self, key: &str, prefix: &str, value: Span, first: usize, at: usize) -> Result<(), Error> {
        let uri = self.text_at(value);
        if (uri.is_empty() && !prefix.is_empty()) || prefix == "xmlns" || (prefix == "xml") != (uri == ns::XML) {
            return Err(self.fail(at, ErrorKind::Attribute(format!("{key} cannot be declared so"))));
        }
        // Newest first: a reply repeats the declarations of the item before.
        let known = self.document.namespaces.iter().rposition(|known| *known == uri);
        let span = self.span_of(prefix);
        let mut since = self.document.bindings.iter().skip(first);
        if since.any(|binding| self.text_at(binding.prefix) == prefix) {
            return Err(self.fail(at, ErrorKind::Attribute(format!("{key} is declared twice"))));
        }
        let namespace = match known {
            Some(known) => known,
            None => {
                let uri = uri.to_owned();
                self.document.namespaces.push(uri);
                self.document.namespaces.len() - 1
            }
        };
        let namespace = u16::try_from(namespace).map_err(|_| self.fail(at, ErrorKind::TooManyParts))?;
        self.document.bindings.push(Binding { prefix: span, namespace, outer: self.scope });
        self.scope = narrow(self.document.bindings.len() - 1);
        Ok(())
    }

    /// Splits the name of an attribute, resolves its prefix and refuses a second one of the same expanded name.
    fn name_attribute(&mut self, place: usize, first: usize, at: usize) -> Result<(), Error> {
        let Some(whole) = self.document.attributes.get(place).map(|attribute| attribute.local) else { return Ok(()) };
        let name = self.text_at(whole);
        let (namespace, local) = match name.split_once(':') {
            Some((prefix, local)) if !prefix.is_empty() && !local.is_empty() => (self.resolve_slow(prefix, at)?, local),
            Some(_) => return Err(self.fail(at, ErrorKind::Attribute(format!("{name:?} is not a name")))),
            None => (NO_NAMESPACE, name),
        };
        let len = narrow(local.len());
        let earlier = self.document.attributes.iter().take(place).skip(first);
        if earlier.into_iter().any(|other| other.namespace == namespace && self.text_at(other.local) == local) {
            return Err(self.fail(at, ErrorKind::Attribute(format!("{name} stands twice on one element"))));
        }
        if let Some(attribute) = self.document.attributes.get_mut(place) {
            attribute.local = Span::of_input(whole.start() + whole.len() - len, len);
            attribute.namespace = namespace;
        }
        Ok(())
    }

    fn attribute_value(&mut self, raw: &str, at: usize) -> Result<Span, Error> {
        if raw.as_bytes().contains(&b'<') {
            return Err(self.fail(at, ErrorKind::Attribute("a value contains <".to_owned())));
        }
        if !raw.bytes().any(|byte| matches!(byte, b'&' | b'\r' | b'\n' | b'\t')) {
            return Ok(self.span_of(raw));
        }
        let start = self.document.unescaped.len();
        let flat = normalise_line_ends(raw).replace(['\n', '\t'], " ");
        let mut rest = flat.as_str();
        while let Some((before, after)) = rest.split_once('&') {
            let Some((name, after)) = after.split_once(';') else {
                return Err(self.fail(at, ErrorKind::Attribute("an & without ;".to_owned())));
            };
            let character =
                character_of(name).ok_or_else(|| self.fail(at, ErrorKind::Entity(name.chars().take(32).collect())))?;
            self.document.unescaped.push_str(before);
            self.document.unescaped.push(character);
            rest = after;
        }
        self.document.unescaped.push_str(rest);
        Ok(Span::of_unescaped(narrow(start), narrow(self.document.unescaped.len() - start)))
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        let at = self.offset(text);
        let Some(current) = self.open.last().copied() else {
            if text.trim_ascii().is_empty() {
                return Ok(());
            }
            return Err(self.fail(at, ErrorKind::Structure("text outside the root element")));
        };
        if self.has_cdata_end && text.contains("]]>") {
            return Err(self.fail(at, ErrorKind::Syntax("]]> in text".to_owned())));
        }
        let last = narrow(self.document.nodes.len()) - 1;
        let has_children = last != current;
        let has_text = self.document.nodes.get(wide(current)).is_some_and(|node| node.text.len() > 0);
        if has_children && !has_text && text.trim_ascii().is_empty() {
            return Ok(());
        }
        let plain = !self.has_carriage_return || !text.contains('\r');
        let whole = Span::of_input(narrow(at), narrow(text.len()));
        match self.document.nodes.get_mut(wide(current)) {
            Some(node) if plain && node.text.len() == 0 => node.text = whole,
            _ => self.append(normalise_line_ends(text).as_ref(), at)?,
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), Error> {
        let at = self.offset(reference);
        self.outside_root(at)?;
        let character = character_of(reference)
            .ok_or_else(|| self.fail(at, ErrorKind::Entity(reference.chars().take(32).collect())))?;
        self.append(character.encode_utf8(&mut [0; 4]), at)
    }

    /// Adds a piece of text that cannot stay a span of the input.
    fn append(&mut self, piece: &str, at: usize) -> Result<(), Error> {
        let Some(current) = self.open.last().map(|id| wide(*id)) else { return Ok(()) };
        let before = self.document.nodes.get(current).map(|node| node.text).unwrap_or_default();
        let arena = self.document.unescaped.len();
        let grows_in_place = before.is_unescaped() && wide(before.start() + before.len()) == arena;
        // Text between children is copied anew with each piece; this bounds the sum of the copies.
        if arena + wide(before.len()) + piece.len() > self.input.len().saturating_mul(8).min(MOST_BYTES) {
            return Err(self.fail(at, ErrorKind::TooManyParts));
        }
        let start = if grows_in_place {
            wide(before.start())
        } else {
            let earlier = self.text_at(before).to_owned();
            self.document.unescaped.push_str(&earlier);
            arena
        };
        self.document.unescaped.push_str(piece);
        let text = Span::of_unescaped(narrow(start), narrow(self.document.unescaped.len() - start));
        if let Some(node) = self.document.nodes.get_mut(current) {
            node.text = text;
        }
        Ok(())
    }

    /// White space before a first child is layout, not text.
    fn drop_blank_text(&mut self) {
        let Some(node) = self.open.last().map(|id| wide(*id)) else { return };
        let text = self.document.nodes.get(node).map(|node| node.text).unwrap_or_default();
        if text.len() > 0
            && !text.is_unescaped()
            && self.text_at(text).trim_ascii().is_empty()
            && let Some(node) = self.document.nodes.get_mut(node)
        {
            node.text = Span::EMPTY;
        }
    }

    fn outside_root(&self, at: usize) -> Result<(), Error> {
        match self.open.is_empty() {
            true => Err(self.fail(at, ErrorKind::Structure("text outside the root element"))),
            false => Ok(()),
        }
    }

    fn resolve(&mut self, prefix: &'i str, at: usize) -> Result<u16, Error> {
        if let Some((known, scope, namespace)) = self.recent
            && known == prefix
            && scope == self.scope
        {
            return Ok(namespace);
        }
        let namespace = self.resolve_slow(prefix, at)?;
        self.recent = Some((prefix, self.scope, namespace));
        Ok(namespace)
    }

    fn resolve_slow(&self, prefix: &str, at: usize) -> Result<u16, Error> {
        if prefix == "xml" {
            return Ok(XML_NAMESPACE);
        }
        let mut link = self.scope;
        while let Some(binding) = self.document.bindings.get(wide(link)) {
            if self.text_at(binding.prefix) == prefix {
                return Ok(binding.namespace);
            }
            link = binding.outer;
        }
        match prefix.is_empty() {
            true => Ok(NO_NAMESPACE),
            false => Err(self.fail(at, ErrorKind::UndeclaredPrefix(prefix.chars().take(64).collect()))),
        }
    }

    fn local_of(&self, id: u32) -> &str {
        self.document.nodes.get(wide(id)).map_or("", |node| self.text_at(node.local))
    }

    fn text_at(&self, span: Span) -> &str {
        let arena = if span.is_unescaped() { self.document.unescaped.as_str() } else { self.input };
        arena.get(wide(span.start())..wide(span.start()) + wide(span.len())).unwrap_or("")
    }

    /// Where a slice of the input lies in it.
    fn offset(&self, part: &str) -> usize {
        part.as_ptr().addr().wrapping_sub(self.input.as_ptr().addr()).min(self.input.len())
    }

    fn span_of(&self, part: &str) -> Span {
        Span::of_input(narrow(self.offset(part)), narrow(part.len()))
    }

    #[cold]
    fn fail(&self, offset: usize, kind: ErrorKind) -> Error {
        Error::at(self.input.as_bytes(), offset, kind)
    }
}

/// The character of a predefined or numeric reference, where XML allows it.
fn character_of(name: &str) -> Option<char> {
    let number = match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => name.strip_prefix('#')?,
    };
    let code = match number.strip_prefix('x') {
        Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok()?,
        None if number.bytes().all(|byte| byte.is_ascii_digit()) => number.parse().ok()?,
        _ => return None,
    };
    char::from_u32(code).filter(|character| super::write::is_allowed(*character))
}

/// XML 1.0 section 2.11: CR LF and lone CR are read as LF.
fn normalise_line_ends(text: &str) -> std::borrow::Cow<'_, str> {
    match text.contains('\r') {
        true => text.replace("\r\n", "\n").replace('\r', "\n").into(),
        false => text.into(),
    }
}

/// Every length here is at most `MOST_BYTES`, so the cast to 32 bits never saturates.
fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn wide(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
