//! A text that must not be printed: password, authorization header.
use std::fmt;

use zeroize::Zeroizing;

/// A secret text. It is wiped from memory when dropped, has no `Display`, and its `Debug` shows
/// nothing of it, so it cannot slip into a log line; [`Secret::expose`] is the only way in.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself. Hand it on at once; do not store or print it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both are the same text.
    #[cfg(feature = "transport")]
    pub(crate) fn is_same(&self, other: &Secret) -> bool {
        self.0 == other.0
    }
}

impl From<String> for Secret {
    /// Takes the text over without copying it, so that no second copy stays behind.
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_and_expose_everything() {
        let secret = Secret::from("canary-7f3a");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_eq!(secret.clone().expose(), "canary-7f3a");
        assert_eq!(Secret::from(String::from("x")).expose(), "x");
    }
}
