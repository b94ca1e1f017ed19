//! Cuts XML into markup, attribute values and texts without understanding it, so that all of them put together are
//! the input again.
//!
//! For what must keep every byte it does not change: redaction, renaming, indenting. Input that is no XML comes out as
//! text.

/// A stretch of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'x> {
    /// Tags without their attribute values; the brackets of comments and CDATA.
    Markup(&'x str),
    /// The value of an attribute, without its quotes.
    Value(&'x str),
    /// Everything else.
    Text(&'x str),
}

#[cfg(test)]
impl<'x> Piece<'x> {
    /// The stretch itself.
    pub(super) fn as_str(self) -> &'x str {
        match self {
            Piece::Markup(text) | Piece::Value(text) | Piece::Text(text) => text,
        }
    }
}

/// The pieces of a text in order.
pub(super) fn pieces(text: &str) -> Pieces<'_> {
    Pieces { rest: text, state: State::Text }
}

/// Iterator over [`Piece`]s.
#[derive(Debug, Clone)]
pub(super) struct Pieces<'x> {
    rest: &'x str,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    /// Inside a tag.
    Tag,
    /// Inside an attribute value that ends with this quote.
    Value(char),
    /// Inside a comment or CDATA section that ends so.
    Section(&'static str),
}

impl<'x> Iterator for Pieces<'x> {
    type Item = Piece<'x>;

    fn next(&mut self) -> Option<Piece<'x>> {
        if self.rest.is_empty() {
            return None;
        }
        Some(match self.state {
            State::Text => match self.rest.strip_prefix('<') {
                None => Piece::Text(self.cut(self.rest.find('<').unwrap_or(self.rest.len()))),
                Some(_) => self.begin_markup(),
            },
            State::Value(quote) => {
                let end = self.rest.find(quote);
                if end == Some(0) {
                    self.state = State::Tag;
                    return self.next();
                }
                self.state = State::Tag;
                Piece::Value(self.cut(end.unwrap_or(self.rest.len())))
            }
            State::Tag => Piece::Markup(self.tag()),
            State::Section(end) => match self.rest.find(end) {
                Some(0) => {
                    self.state = State::Text;
                    Piece::Markup(self.cut(end.len()))
                }
                found => Piece::Text(self.cut(found.unwrap_or(self.rest.len()))),
            },
        })
    }
}

impl<'x> Pieces<'x> {
    fn cut(&mut self, at: usize) -> &'x str {
        let (piece, rest) = self.rest.split_at_checked(at).unwrap_or((self.rest, ""));
        self.rest = rest;
        piece
    }

    fn begin_markup(&mut self) -> Piece<'x> {
        for (begin, end) in [("<!--", "-->"), ("<![CDATA[", "]]>")] {
            if self.rest.starts_with(begin) {
                self.state = State::Section(end);
                return Piece::Markup(self.cut(begin.len()));
            }
        }
        // A bracket that nothing closes begins no tag.
        if !self.rest.contains('>') {
            return Piece::Text(self.cut(self.rest.len()));
        }
        self.state = State::Tag;
        Piece::Markup(self.tag())
    }

    /// The tag as far as the next attribute value, or to its end.
    fn tag(&mut self) -> &'x str {
        let from = usize::from(self.rest.starts_with(['"', '\'']));
        let after = self.rest.get(from..).unwrap_or("");
        let Some(at) = after.find(['>', '"', '\'']) else { return self.cut(self.rest.len()) };
        let mark = after.get(at..).and_then(|rest| rest.chars().next()).unwrap_or('>');
        self.state = if mark == '>' { State::Text } else { State::Value(mark) };
        self.cut(from + at + 1)
    }
}

/// The local name of the element that this markup opens, if it opens one.
pub(super) fn opened(markup: &str) -> Option<&str> {
    let inside = markup.strip_prefix('<')?;
    let name = inside.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next()?;
    let local = name.rsplit(':').next()?;
    (!local.is_empty() && !name.starts_with(['?', '!'])).then_some(local)
}

/// The local name of the attribute whose value follows this markup.
pub(super) fn attribute(markup: &str) -> &str {
    let before = markup.trim_end_matches(['"', '\'']).trim_end().trim_end_matches('=').trim_end();
    before.rsplit(|c: char| c.is_whitespace() || c == '<').next().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_values_and_texts() {
        let text = "<?xml version=\"1.0\"?><s:a x='1>2' y = \"\">t<b/><!-- <c> --><![CDATA[<d>]]></s:a>";
        let cut: Vec<_> = pieces(text).collect();
        let values: Vec<_> = cut.iter().filter_map(|p| if let Piece::Value(v) = p { Some(*v) } else { None }).collect();
        let texts: Vec<_> = cut.iter().filter_map(|p| if let Piece::Text(t) = p { Some(*t) } else { None }).collect();
        assert_eq!((values, texts), (vec!["1.0", "1>2"], vec!["t", " <c> ", "<d>"]));
        let opens: Vec<_> =
            cut.iter().filter_map(|p| if let Piece::Markup(m) = p { opened(m) } else { None }).collect();
        assert_eq!(opens, ["a", "b"]);
        assert_eq!((attribute("<s:a x='"), attribute("' y = \""), attribute("\" xmlns:p=\"")), ("x", "y", "xmlns:p"));
    }

    proptest! {
        #![proptest_config(crate::properties::config())]
        #[test]
        fn nothing_is_lost(text in "[<>\"'!\\[\\]/a-c -]{0,60}|\\PC{0,40}") {
            prop_assert_eq!(pieces(&text).map(Piece::as_str).collect::<String>(), text);
        }
    }
}
