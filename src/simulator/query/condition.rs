//! Conditions of `WHERE`.

use std::cmp::Ordering;

use super::BadQuery;
use super::token::Token;
use crate::cim::Value;
use crate::simulator::object::{Content, Object, same_text};

/// What must hold for an object.
#[derive(Debug)]
pub(in crate::simulator) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    IsNull(String),
    Compare(String, Operator, Token),
}

/// How a property is compared with a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `%` any text, `_` any character.
    Like,
}

impl Condition {
    /// Whether it holds.
    ///
    /// # Errors
    /// A property that the class does not have, an array or a reference, a literal of another kind.
    pub(super) fn holds(&self, object: &Object) -> Result<bool, BadQuery> {
        match self {
            Condition::All(parts) => {
                parts.iter().try_fold(true, |all, part| part.holds(object).map(|holds| all && holds))
            }
            Condition::Any(parts) => {
                parts.iter().try_fold(false, |any, part| part.holds(object).map(|holds| any || holds))
            }
            Condition::Not(part) => part.holds(object).map(|holds| !holds),
            Condition::IsNull(name) => Ok(*object.property(name).ok_or(BadQuery)? == Content::Null),
            Condition::Compare(name, operator, literal) => match object.property(name).ok_or(BadQuery)? {
                // NULL is equal to nothing, and unequal to nothing.
                Content::Null => Ok(false),
                Content::Reference(_) => Err(BadQuery),
                Content::Value(value) => compare(value, *operator, literal),
            },
        }
    }
}

fn compare(value: &Value, operator: Operator, literal: &Token) -> Result<bool, BadQuery> {
    if let Value::Array(..) = value {
        return Err(BadQuery);
    }
    let text = match value {
        Value::Datetime(time) => time.to_dmtf(),
        other => other.to_string(),
    };
    let ordering = match (value, literal) {
        (Value::String(_) | Value::Datetime(_) | Value::Boolean(_) | Value::Char16(_), Token::Text(wanted)) => {
            if operator == Operator::Like {
                return like(&text, wanted);
            }
            match same_text(&text, wanted) {
                true => Ordering::Equal,
                false => text.to_lowercase().cmp(&wanted.to_lowercase()),
            }
        }
        (Value::Unsigned(..) | Value::Signed(..) | Value::Real(..), literal) => {
            let number: f64 = text.parse().map_err(|_| BadQuery)?;
            let wanted = match literal {
                Token::Number(wanted) => *wanted,
                Token::Text(wanted) => wanted.trim().parse().map_err(|_| BadQuery)?,
                Token::Word(_) | Token::Sign(_) => return Err(BadQuery),
            };
            number.partial_cmp(&wanted).ok_or(BadQuery)?
        }
        _ => return Err(BadQuery),
    };
    Ok(match operator {
        Operator::Equal => ordering.is_eq(),
        Operator::Unequal => ordering.is_ne(),
        Operator::Less => ordering.is_lt(),
        Operator::LessOrEqual => ordering.is_le(),
        Operator::Greater => ordering.is_gt(),
        Operator::GreaterOrEqual => ordering.is_ge(),
        Operator::Like => return Err(BadQuery),
    })
}

/// `LIKE` in time bounded by the product of both lengths.
fn like(text: &str, pattern: &str) -> Result<bool, BadQuery> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    // reachable: whether the pattern so far can end after each number of characters.
    let mut reachable = vec![false; text.len() + 1];
    if let Some(start) = reachable.first_mut() {
        *start = true;
    }
    for wanted in pattern.to_lowercase().chars() {
        let mut next = vec![false; reachable.len()];
        let mut any_before = false;
        for (at, slot) in next.iter_mut().enumerate() {
            any_before |= reachable.get(at).copied().unwrap_or(false);
            let before = at.checked_sub(1);
            let was_reachable = before.and_then(|before| reachable.get(before)).copied().unwrap_or(false);
            let here = before.and_then(|before| text.get(before));
            *slot = match wanted {
                '%' => any_before,
                '_' => was_reachable,
                // Sets of characters are not simulated.
                '[' => return Err(BadQuery),
                c => was_reachable && here == Some(&c),
            };
        }
        reachable = next;
    }
    Ok(reachable.last().copied().unwrap_or(false))
}
