//! The words of WQL.

use super::BadQuery;

/// One word.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::simulator) enum Token {
    /// A name or keyword.
    Word(String),
    /// A literal in single or double quotes, escapes resolved.
    Text(String),
    /// A decimal number.
    Number(f64),
    /// An operator or bracket.
    Sign(&'static str),
}

/// Splits a query. Backslash escapes a quote or itself; any other use of it is an error, as is a query that is
/// longer than [`LONGEST`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, BadQuery> {
    if text.len() > LONGEST {
        return Err(BadQuery);
    }
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            c if c.is_whitespace() => c.len_utf8(),
            '\'' | '"' => {
                let (literal, length) = literal(rest, first)?;
                tokens.push(Token::Text(literal));
                length
            }
            c if c.is_ascii_digit() || c == '-' => {
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(rest.len());
                let number = rest.get(..end).and_then(|digits| digits.parse().ok()).ok_or(BadQuery)?;
                tokens.push(Token::Number(number));
                end
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                tokens.push(Token::Word(rest.get(..end).ok_or(BadQuery)?.to_owned()));
                end
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign)).ok_or(BadQuery)?;
                tokens.push(Token::Sign(sign));
                sign.len()
            }
        };
        rest = rest.get(length..).ok_or(BadQuery)?;
    }
    Ok(tokens)
}

/// A quoted literal and its length in the query.
fn literal(text: &str, quote: char) -> Result<(String, usize), BadQuery> {
    let mut literal = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some((_, escaped @ ('\\' | '\'' | '"'))) => literal.push(escaped),
                _ => return Err(BadQuery),
            },
            c if c == quote => return Ok((literal, at + c.len_utf8())),
            c => literal.push(c),
        }
    }
    Err(BadQuery)
}

const SIGNS: &[&str] = &["<>", "!=", "<=", ">=", "=", "<", ">", "(", ")", "{", "}", ",", ".", "*"];
const LONGEST: usize = 16 * 1024;
