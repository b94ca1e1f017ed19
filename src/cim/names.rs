//! Names of classes, properties, methods and namespaces.
//!
//! A name is checked when it is built: a letter or underscore, then letters, digits and underscores, ASCII alone.
//! So a name can stand in XML, in a URI and in WQL without any escaping. Case is kept and ignored in comparisons, as
//! DSP0004 wants it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Longest accepted class, property or method name, in bytes.
pub const MAX_NAME: usize = 255;

/// Longest accepted namespace path, in bytes.
pub const MAX_NAMESPACE: usize = 1024;

/// Why a text is not a CIM name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing was given, or a namespace has an empty step (`root//cimv2`).
    #[error("a {kind} may not be empty")]
    Empty {
        /// Which kind of name was being built.
        kind: &'static str,
    },
    /// The text is longer than a host would take.
    #[error("a {kind} has at most {limit} characters, this one has {length}")]
    TooLong {
        /// Which kind of name was being built.
        kind: &'static str,
        /// The most that is accepted.
        limit: usize,
        /// What was given.
        length: usize,
    },
    /// A character which no CIM identifier holds.
    #[error(
        "{found:?} at position {position} cannot stand in a {kind}: letters, digits and `_` can, and a digit not first"
    )]
    Character {
        /// Which kind of name was being built.
        kind: &'static str,
        /// The offending character.
        found: char,
        /// Its place, counted from 1.
        position: usize,
    },
}

macro_rules! name {
    ($(#[$meta:meta])* $name:ident, $kind:literal) => {
        $(#[$meta])*
        #[derive(Clone)]
        pub struct $name(Cow<'static, str>);

        impl $name {
            /// A name known when the program is written; a wrong one does not compile when used in a constant.
            ///
            /// # Panics
            ///
            /// When the text is not a CIM identifier.
            #[must_use]
            pub const fn from_static(name: &'static str) -> Self {
                assert!(is_identifier(name.as_bytes()), "not a CIM identifier");
                Self(Cow::Borrowed(name))
            }

            /// The name as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check_identifier(text, 0, $kind)?;
                Ok(Self(Cow::Owned(text.to_owned())))
            }
        }

        name_traits!($name);
    };
}

macro_rules! name_traits {
    ($name:ident) => {
        impl TryFrom<&str> for $name {
            type Error = NameError;

            fn try_from(text: &str) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.eq_ignore_ascii_case(&other.0)
            }
        }

        impl Eq for $name {}

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0.eq_ignore_ascii_case(other)
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0.eq_ignore_ascii_case(other)
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                lowercase(&self.0).cmp(lowercase(&other.0))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                for byte in lowercase(&self.0) {
                    state.write_u8(byte);
                }
                // Ends the name, so that neighbours in a tuple do not run together.
                state.write_u8(0xff);
            }
        }
    };
}

name!(
    /// Name of a class, such as `Msvm_ReplicationService`.
    ClassName,
    "class name"
);

name!(
    /// Name of a property or of a method parameter, such as `ReplicationState`.
    PropertyName,
    "property name"
);

name!(
    /// Name of a method, such as `InitiateFailover`.
    MethodName,
    "method name"
);

/// Path of a namespace, such as `root/virtualization/v2`.
///
/// Steps are written with `/` as in a resource URI; `\` is accepted when reading, as WMI paths have it.
#[derive(Clone)]
pub struct Namespace(Cow<'static, str>);

impl Namespace {
    /// Where all classes of Hyper-V live.
    pub const VIRTUALIZATION_V2: Self = Self::from_static("root/virtualization/v2");

    /// Where the classes of the operating system live.
    pub const CIMV2: Self = Self::from_static("root/cimv2");

    /// A namespace known when the program is written; a wrong one does not compile when used in a constant.
    ///
    /// # Panics
    ///
    /// When a step is not a CIM identifier. Write it with `/`.
    #[must_use]
    pub const fn from_static(path: &'static str) -> Self {
        assert!(is_namespace(path.as_bytes()), "not a namespace");
        Self(Cow::Borrowed(path))
    }

    /// The path, with `/` between steps.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The steps of the path from the root.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl FromStr for Namespace {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        const KIND: &str = "namespace";
        if text.len() > MAX_NAMESPACE {
            return Err(NameError::TooLong { kind: KIND, limit: MAX_NAMESPACE, length: text.len() });
        }
        let mut before = 0;
        for step in text.split(['/', '\\']) {
            check_identifier(step, before, KIND)?;
            before += step.chars().count() + 1;
        }
        Ok(Self(Cow::Owned(text.replace('\\', "/"))))
    }
}

name_traits!(Namespace);

/// Says whether the bytes are a class, property or method name; usable in constants.
pub(crate) const fn is_identifier(name: &[u8]) -> bool {
    if name.len() > MAX_NAME {
        return false;
    }
    let mut rest = name;
    let mut first = true;
    while let [byte, tail @ ..] = rest {
        let letter = byte.is_ascii_alphabetic() || *byte == b'_';
        if !letter && (first || !byte.is_ascii_digit()) {
            return false;
        }
        first = false;
        rest = tail;
    }
    !first
}

const fn is_namespace(path: &[u8]) -> bool {
    if path.len() > MAX_NAMESPACE {
        return false;
    }
    let mut rest = path;
    let mut length = 0;
    while let [byte, tail @ ..] = rest {
        if *byte == b'/' {
            if length == 0 {
                return false;
            }
            length = 0;
        } else {
            let letter = byte.is_ascii_alphabetic() || *byte == b'_';
            if !letter && (length == 0 || !byte.is_ascii_digit()) {
                return false;
            }
            length += 1;
            if length > MAX_NAME {
                return false;
            }
        }
        rest = tail;
    }
    length > 0
}

fn check_identifier(text: &str, before: usize, kind: &'static str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { kind });
    }
    if text.len() > MAX_NAME {
        return Err(NameError::TooLong { kind, limit: MAX_NAME, length: text.len() });
    }
    for (index, found) in text.chars().enumerate() {
        let letter = found.is_ascii_alphabetic() || found == '_';
        if !letter && (index == 0 || !found.is_ascii_digit()) {
            return Err(NameError::Character { kind, found, position: before + index + 1 });
        }
    }
    Ok(())
}

fn lowercase(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use proptest::prelude::*;

    use super::*;

    const SERVICE: ClassName = ClassName::from_static("Msvm_ReplicationService");

    #[test]
    fn case_is_kept_and_ignored() {
        let other: ClassName = "msvm_replicationSERVICE".parse().unwrap();
        assert_eq!(SERVICE, other);
        assert_eq!(other.as_str(), "msvm_replicationSERVICE");
        assert_eq!(SERVICE, "MSVM_REPLICATIONSERVICE");
        assert!(HashSet::from([SERVICE]).contains(&other));
        assert!(BTreeSet::from([SERVICE]).contains(&other));
        assert_ne!(SERVICE, ClassName::from_static("Msvm_ReplicationServices"));
    }

    #[test]
    fn what_could_break_xml_or_wql_is_refused() {
        for bad in ["", "1st", "a b", "a'b", "a<b", "a\"", "a.b", "a/b", "a\0", "Überschrift", "name ", "a-b"] {
            assert!(ClassName::from_str(bad).is_err(), "{bad:?}");
            assert!(PropertyName::from_str(bad).is_err(), "{bad:?}");
            assert!(MethodName::from_str(bad).is_err(), "{bad:?}");
        }
        for good in ["_", "__PATH", "a1", "Msvm_X", &"a".repeat(255)] {
            assert!(ClassName::from_str(good).is_ok(), "{good:?}");
        }
        assert!(matches!(ClassName::from_str(&"a".repeat(256)), Err(NameError::TooLong { length: 256, .. })));
    }

    #[test]
    fn the_error_names_the_place() {
        assert_eq!(
            "Msvm-X".parse::<ClassName>().unwrap_err().to_string(),
            "'-' at position 5 cannot stand in a class name: letters, digits and `_` can, and a digit not first"
        );
        assert!(matches!(
            "root/vé".parse::<Namespace>().unwrap_err(),
            NameError::Character { found: 'é', position: 7, .. }
        ));
    }

    #[test]
    fn both_slashes_make_one_namespace() {
        let wmi: Namespace = r"Root\Virtualization\V2".parse().unwrap();
        assert_eq!(wmi, Namespace::VIRTUALIZATION_V2);
        assert_eq!(wmi.as_str(), "Root/Virtualization/V2");
        assert_eq!(wmi.steps().collect::<Vec<_>>(), ["Root", "Virtualization", "V2"]);
        for bad in ["", "/root", "root/", "root//cimv2", r"\\.\root\cimv2", "root cimv2", "root/2"] {
            assert!(bad.parse::<Namespace>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(crate::properties::config())]
        #[test]
        fn checks_agree(text in ".{0,12}", long in "[a-zA-Z0-9_/]{0,20}") {
            prop_assert_eq!(text.parse::<ClassName>().is_ok(), is_identifier(text.as_bytes()));
            prop_assert_eq!(long.parse::<ClassName>().is_ok(), is_identifier(long.as_bytes()));
            prop_assert_eq!(long.parse::<Namespace>().is_ok(), is_namespace(long.as_bytes()));
        }
    }
}
