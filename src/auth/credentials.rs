//! Who logs in: a user name in one of the three Windows spellings, and a password.
use std::fmt;
use std::str::FromStr;

use super::error::AuthError;
use super::secret::Secret;

/// A user name as Windows spells it: `DOMAIN\user`, `user@realm`, or `user` alone.
///
/// In `user@realm` (a user principal name) the whole text is the user and the domain is empty:
/// the server splits it. Parse it with [`str::parse`]; it prints as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserName {
    domain: String,
    user: String,
    given: String,
}

impl UserName {
    /// The domain or computer before the backslash; empty in the two other spellings.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The user: what follows the backslash, else the whole text.
    pub fn user(&self) -> &str {
        &self.user
    }
}

impl FromStr for UserName {
    type Err = AuthError;

    /// Refuses an empty user, and the characters no Windows account name has but which would
    /// change the meaning of a header or message: `:`, a second `\`, control characters.
    fn from_str(given: &str) -> Result<Self, AuthError> {
        let (domain, user) = given.split_once('\\').unwrap_or(("", given));
        if user.is_empty() {
            return Err(AuthError::UserName {
                problem: "is empty",
            });
        }
        if user.contains('\\') {
            return Err(AuthError::UserName {
                problem: "has more than one backslash",
            });
        }
        if given.contains(':') {
            return Err(AuthError::UserName {
                problem: "contains a colon",
            });
        }
        if given.chars().any(char::is_control) {
            return Err(AuthError::UserName {
                problem: "contains a control character",
            });
        }
        Ok(Self {
            domain: domain.to_owned(),
            user: user.to_owned(),
            given: given.to_owned(),
        })
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

/// A user name and its password. `Debug` shows the name only.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub user: UserName,
    /// Its password.
    pub password: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings() {
        for (given, domain, user) in [
            ("LAB\\admin", "LAB", "admin"),
            (".\\admin", ".", "admin"),
            ("\\admin", "", "admin"),
            ("admin@lab.test", "", "admin@lab.test"),
            ("admin", "", "admin"),
        ] {
            let name: UserName = given.parse().unwrap();
            assert_eq!((name.domain(), name.user()), (domain, user), "{given}");
            assert_eq!(name.to_string(), given);
        }
    }

    #[test]
    fn refused_names() {
        for given in ["", "LAB\\", "a\\b\\c", "us:er", "us\ner", "\0"] {
            assert!(
                matches!(given.parse::<UserName>(), Err(AuthError::UserName { .. })),
                "{given:?}"
            );
        }
    }
}
