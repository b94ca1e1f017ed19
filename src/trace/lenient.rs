//! Fields of a HAR as others write them: left out, `null`, or of another kind than HAR says.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A field that counts: `null` is as good as left out, another kind of value is an error.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// A field that nothing depends on: what does not fit is as good as left out.
pub(super) fn loose<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(from: D) -> Result<T, D::Error> {
    Ok(T::deserialize(Value::deserialize(from)?).unwrap_or_default())
}

/// A text that may be written as a number: the port that Firefox gives for a connection.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// A size in bytes; -1 where it is not known.
pub(super) fn size<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    Ok(whole(&Value::deserialize(from)?).unwrap_or(-1))
}

/// An HTTP status; 0 where no answer came, which some write as -1 or `null`.
pub(super) fn status<'de, D: Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    Ok(whole(&Value::deserialize(from)?).and_then(|status| u16::try_from(status).ok()).unwrap_or(0))
}

/// The milliseconds of a phase; -1 where it did not happen.
pub(super) fn phase<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Value::deserialize(from)?.as_f64().unwrap_or(-1.0))
}

/// A whole number, also one that was written with a fraction or as a text.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| format!("{:.0}", number.as_f64()?).parse().ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
