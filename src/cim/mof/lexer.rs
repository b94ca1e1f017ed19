//! Cuts MOF into tokens, byte by byte and without copying.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier or keyword.
    Word,
    /// The inside of `"…"`, escapes still in it.
    Text,
    /// The inside of `'…'`, escapes still in it.
    Char,
    /// Anything that begins like a number.
    Number,
    /// `$Name`, without the dollar.
    Alias,
    /// One character of punctuation.
    Mark(u8),
    /// The end of the text.
    End,
    /// Something no token begins with or ends like; the text says what is missing.
    Bad(&'static str),
}

/// A token and where it begins. For texts and characters `text` is the inside and `at` the quote.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl Token<'_> {
    /// Where the token is told about in an error.
    pub(super) fn shown(&self) -> String {
        const SHOWN: usize = 30;
        let mut text: String = self.text.chars().take(SHOWN).collect();
        if text.len() < self.text.len() {
            text.push('…');
        }
        match self.kind {
            Kind::Word | Kind::Number | Kind::Mark(_) => format!("`{text}`"),
            Kind::Text => format!("the text {text:?}"),
            Kind::Char => format!("the character '{text}'"),
            Kind::Alias => format!("`${text}`"),
            Kind::End => "the end".to_owned(),
            Kind::Bad(_) => match self.text.chars().next() {
                Some(first) => format!("{first:?}"),
                None => "the end".to_owned(),
            },
        }
    }
}

pub(super) struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, at: 0 }
    }

    pub(super) fn next(&mut self) -> Token<'a> {
        if let Some(bad) = self.skip_blanks() {
            return bad;
        }
        let start = self.at;
        let Some(first) = self.peek(0) else {
            return self.token(Kind::End, start, start);
        };
        match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                self.skip_while(is_word);
                self.token(Kind::Word, start, start)
            }
            b'"' => self.quoted(b'"', Kind::Text, "a text closed with `\"` on the same line"),
            b'\'' => self.quoted(b'\'', Kind::Char, "a character closed with `'`"),
            b'0'..=b'9' | b'+' | b'-' | b'.' => self.number(start),
            b'$' => {
                self.at += 1;
                self.skip_while(is_word);
                self.token(Kind::Alias, start, start + 1)
            }
            b'{' | b'}' | b'[' | b']' | b'(' | b')' | b';' | b':' | b',' | b'=' | b'#' => {
                self.at += 1;
                self.token(Kind::Mark(first), start, start)
            }
            _ => self.bad(start, "a MOF token"),
        }
    }

    /// Skips white space and comments; gives a token when a comment does not end.
    fn skip_blanks(&mut self) -> Option<Token<'a>> {
        loop {
            // 0x1a ends a text of DOS, and stays where files are joined.
            self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c | 0x1a));
            if self.source.get(self.at..).is_some_and(|rest| rest.starts_with(MARK)) {
                self.at += MARK.len_utf8();
                continue;
            }
            match (self.peek(0), self.peek(1)) {
                (Some(b'/'), Some(b'/')) => self.skip_while(|byte| byte != b'\n'),
                (Some(b'/'), Some(b'*')) => {
                    let start = self.at;
                    match self.source.get(start + 2..).and_then(|rest| rest.find("*/")) {
                        Some(length) => self.at = start + 2 + length + 2,
                        None => {
                            self.at = self.source.len();
                            return Some(Token { kind: Kind::Bad("a comment closed with `*/`"), text: "/", at: start });
                        }
                    }
                }
                _ => return None,
            }
        }
    }

    fn quoted(&mut self, quote: u8, kind: Kind, expected: &'static str) -> Token<'a> {
        let start = self.at;
        self.at += 1;
        loop {
            self.skip_while(|byte| byte != quote && byte != b'\\' && byte != b'\n');
            match self.peek(0) {
                Some(byte) if byte == quote => {
                    self.at += 1;
                    let text = self.source.get(start + 1..self.at - 1).unwrap_or_default();
                    return Token { kind, text, at: start };
                }
                // The escaped byte may be the first of several; the others are no quote either.
                Some(b'\\') if self.peek(1).is_some_and(|next| next != b'\n') => self.at += 2,
                _ => {
                    let text = self.source.get(start..start + 1).unwrap_or_default();
                    self.skip_while(|byte| byte != b'\n');
                    return Token { kind: Kind::Bad(expected), text, at: start };
                }
            }
        }
    }

    /// Takes all that could belong to a number; what it is worth is found out when it is used.
    fn number(&mut self, start: usize) -> Token<'a> {
        let mut exponent = false;
        let mut hexadecimal = false;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'+' | b'-' if self.at == start || exponent => {}
                b'0'..=b'9' | b'.' => {}
                byte if is_word(byte) => {}
                _ => break,
            }
            hexadecimal |= matches!(byte, b'x' | b'X');
            exponent = matches!(byte, b'e' | b'E') && !hexadecimal;
            self.at += 1;
        }
        self.token(Kind::Number, start, start)
    }

    fn bad(&mut self, start: usize, expected: &'static str) -> Token<'a> {
        let rest = self.source.get(start..).unwrap_or_default();
        let length = rest.chars().next().map_or(1, char::len_utf8);
        self.at = start + length;
        self.token(Kind::Bad(expected), start, start)
    }

    fn token(&self, kind: Kind, at: usize, from: usize) -> Token<'a> {
        Token { kind, text: self.source.get(from..self.at).unwrap_or_default(), at }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.source.as_bytes().get(self.at + ahead).copied()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        let rest = self.source.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len());
    }
}

/// A byte order mark, at the beginning and wherever files with one were joined.
const MARK: char = '\u{feff}';

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
