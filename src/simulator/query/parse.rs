//! From words to a query.

use super::condition::{Condition, Operator};
use super::token::{Token, tokens};
use super::{BadQuery, Query, Traversal};
use crate::simulator::object::Path;

pub(super) fn query(text: &str) -> Result<Query, BadQuery> {
    let tokens = tokens(text)?;
    let mut words = Words { tokens: &tokens };
    let query = match words.word()?.to_ascii_uppercase().as_str() {
        "SELECT" => select(&mut words)?,
        "ASSOCIATORS" => {
            let (of, by) = traversal(&mut words)?;
            Query::Associators { of, by }
        }
        "REFERENCES" => {
            let (of, by) = traversal(&mut words)?;
            if by.association.is_some() || by.result_role.is_some() {
                return Err(BadQuery);
            }
            Query::References { of, by }
        }
        _ => return Err(BadQuery),
    };
    if words.tokens.is_empty() { Ok(query) } else { Err(BadQuery) }
}

fn select(words: &mut Words<'_>) -> Result<Query, BadQuery> {
    let properties = if words.take_sign("*") {
        None
    } else {
        let mut names = vec![words.word()?.to_owned()];
        while words.take_sign(",") {
            names.push(words.word()?.to_owned());
        }
        Some(names)
    };
    words.keyword("FROM")?;
    let class = words.word()?.to_owned();
    let condition = match words.take_keyword("WHERE") {
        true => Some(any_of(words, 0)?),
        false => None,
    };
    Ok(Query::Select { properties, class, condition })
}

fn any_of(words: &mut Words<'_>, depth: usize) -> Result<Condition, BadQuery> {
    let mut parts = vec![all_of(words, depth)?];
    while words.take_keyword("OR") {
        parts.push(all_of(words, depth)?);
    }
    Ok(Condition::Any(parts))
}

fn all_of(words: &mut Words<'_>, depth: usize) -> Result<Condition, BadQuery> {
    let mut parts = vec![single(words, depth)?];
    while words.take_keyword("AND") {
        parts.push(single(words, depth)?);
    }
    Ok(Condition::All(parts))
}

fn single(words: &mut Words<'_>, depth: usize) -> Result<Condition, BadQuery> {
    if depth > DEEPEST {
        return Err(BadQuery);
    }
    if words.take_keyword("NOT") {
        return Ok(Condition::Not(Box::new(single(words, depth + 1)?)));
    }
    if words.take_sign("(") {
        let inner = any_of(words, depth + 1)?;
        words.sign(")")?;
        return Ok(inner);
    }
    let property = words.word()?.to_owned();
    if words.take_keyword("IS") {
        let negated = words.take_keyword("NOT");
        words.keyword("NULL")?;
        let is_null = Condition::IsNull(property);
        return Ok(if negated { Condition::Not(Box::new(is_null)) } else { is_null });
    }
    let operator = match words.next()? {
        Token::Sign("=") => Operator::Equal,
        Token::Sign("<>" | "!=") => Operator::Unequal,
        Token::Sign("<") => Operator::Less,
        Token::Sign("<=") => Operator::LessOrEqual,
        Token::Sign(">") => Operator::Greater,
        Token::Sign(">=") => Operator::GreaterOrEqual,
        Token::Word(word) if word.eq_ignore_ascii_case("LIKE") => Operator::Like,
        _ => return Err(BadQuery),
    };
    match words.next()? {
        Token::Word(word) if word.eq_ignore_ascii_case("NULL") => match operator {
            Operator::Equal => Ok(Condition::IsNull(property)),
            Operator::Unequal => Ok(Condition::Not(Box::new(Condition::IsNull(property)))),
            _ => Err(BadQuery),
        },
        Token::Word(word) if word.eq_ignore_ascii_case("TRUE") || word.eq_ignore_ascii_case("FALSE") => {
            Ok(Condition::Compare(property, operator, Token::Text(word.to_ascii_lowercase())))
        }
        literal @ (Token::Text(_) | Token::Number(_)) => Ok(Condition::Compare(property, operator, literal.clone())),
        Token::Word(_) | Token::Sign(_) => Err(BadQuery),
    }
}

/// `OF {Class.key='value',…} [WHERE AssocClass = … ResultClass = … Role = … ResultRole = …]`.
fn traversal(words: &mut Words<'_>) -> Result<(Path, Traversal), BadQuery> {
    words.keyword("OF")?;
    words.sign("{")?;
    let class = words.word()?.to_owned();
    let mut keys: Vec<(String, String)> = Vec::new();
    words.sign(".")?;
    loop {
        let key = words.word()?.to_owned();
        words.sign("=")?;
        let value = match words.next()? {
            Token::Text(text) => text.clone(),
            Token::Number(number) => number.to_string(),
            Token::Word(_) | Token::Sign(_) => return Err(BadQuery),
        };
        if keys.iter().any(|(known, _)| known.eq_ignore_ascii_case(&key)) {
            return Err(BadQuery);
        }
        keys.push((key, value));
        if !words.take_sign(",") {
            break;
        }
    }
    words.sign("}")?;
    let mut by = Traversal::default();
    if words.take_keyword("WHERE") {
        while !words.tokens.is_empty() {
            let slot = match words.word()?.to_ascii_uppercase().as_str() {
                "ASSOCCLASS" => &mut by.association,
                "RESULTCLASS" => &mut by.result,
                "ROLE" => &mut by.role,
                "RESULTROLE" => &mut by.result_role,
                _ => return Err(BadQuery),
            };
            words.sign("=")?;
            if slot.replace(words.word()?.to_owned()).is_some() {
                return Err(BadQuery);
            }
        }
    }
    Ok((Path { class, keys }, by))
}

/// The words still to be read.
struct Words<'a> {
    tokens: &'a [Token],
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Result<&'a Token, BadQuery> {
        let (first, rest) = self.tokens.split_first().ok_or(BadQuery)?;
        self.tokens = rest;
        Ok(first)
    }

    fn word(&mut self) -> Result<&'a str, BadQuery> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            _ => Err(BadQuery),
        }
    }

    fn take(&mut self, is_meant: impl Fn(&Token) -> bool) -> bool {
        let is_next = self.tokens.first().is_some_and(is_meant);
        if is_next {
            self.tokens = self.tokens.get(1..).unwrap_or_default();
        }
        is_next
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        self.take(|token| matches!(token, Token::Sign(known) if *known == sign))
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        self.take(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(keyword)))
    }

    fn sign(&mut self, sign: &str) -> Result<(), BadQuery> {
        if self.take_sign(sign) { Ok(()) } else { Err(BadQuery) }
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), BadQuery> {
        if self.take_keyword(keyword) { Ok(()) } else { Err(BadQuery) }
    }
}

/// Deepest nesting of brackets and NOT.
const DEEPEST: usize = 32;
