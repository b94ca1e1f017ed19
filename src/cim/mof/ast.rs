//! What a MOF text says, in its own order and words.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::Note;

/// A whole MOF text.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Document<'a> {
    /// The productions in order.
    pub items: Vec<Item<'a>>,
    /// What is odd in it, for showing to a user; at most [`super::MAX_NOTES`].
    pub notes: Vec<Note>,
}

impl<'a> Document<'a> {
    /// The class declarations in order.
    pub fn classes(&self) -> impl Iterator<Item = &ClassDeclaration<'a>> {
        self.items.iter().filter_map(|item| match item {
            Item::Class(class) => Some(class),
            _ => None,
        })
    }

    /// The files that `#pragma include` names, in order, as they are written. Nothing was read from them.
    pub fn includes(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(|item| match item {
            Item::Pragma(pragma) if pragma.name.eq_ignore_ascii_case("include") => pragma.arguments.first()?.as_text(),
            _ => None,
        })
    }

    /// The qualifier declarations in order.
    pub fn qualifiers(&self) -> impl Iterator<Item = &QualifierDeclaration<'a>> {
        self.items.iter().filter_map(|item| match item {
            Item::Qualifier(qualifier) => Some(qualifier),
            _ => None,
        })
    }

    /// The instance declarations in order, those nested in others left out.
    pub fn instances(&self) -> impl Iterator<Item = &InstanceDeclaration<'a>> {
        self.items.iter().filter_map(|item| match item {
            Item::Instance(instance) => Some(instance),
            _ => None,
        })
    }
}

/// One production of a MOF text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// `#pragma …`
    Pragma(Pragma<'a>),
    /// `Qualifier …`
    Qualifier(QualifierDeclaration<'a>),
    /// `class …`
    Class(ClassDeclaration<'a>),
    /// `instance of …`
    Instance(InstanceDeclaration<'a>),
}

/// `#pragma namespace ("root/cimv2")`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pragma<'a> {
    /// Such as `namespace`, `locale`, `include`.
    pub name: &'a str,
    /// What stands between the parentheses; none for `#pragma autorecover`.
    pub arguments: Vec<Value<'a>>,
}

/// `Qualifier Key : boolean = false, Scope(property, reference), Flavor(DisableOverride);`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct QualifierDeclaration<'a> {
    /// The name as declared.
    pub name: &'a str,
    /// Type of its value.
    pub cim_type: CimType,
    /// Whether and how it is an array.
    pub extent: Extent,
    /// Value when the qualifier stands alone.
    pub default: Option<Value<'a>>,
    /// Where it may be used (`property`, `class`, `any` …).
    pub scopes: Vec<&'a str>,
    /// How it is handed down.
    pub flavors: Vec<Flavor<'a>>,
}

/// `[Key, MaxLen(256)]`: one of them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Qualifier<'a> {
    /// The name as written.
    pub name: &'a str,
    /// The value; nothing when the name stands alone, which means true for a boolean.
    pub value: Option<Value<'a>>,
    /// What follows the colon (`ToSubclass`, `Amended` …).
    pub flavors: Vec<Flavor<'a>>,
}

impl Qualifier<'_> {
    /// Whether it is on: standing alone or with the value true.
    #[must_use]
    pub fn is_true(&self) -> bool {
        matches!(self.value, None | Some(Value::Boolean(true)))
    }
}

/// How a qualifier is handed down to subclasses and instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flavor<'a> {
    /// A subclass may change it.
    EnableOverride,
    /// No subclass may change it.
    DisableOverride,
    /// It holds for this class alone.
    Restricted,
    /// Subclasses have it too.
    ToSubclass,
    /// Instances have it too (WMI).
    ToInstance,
    /// Its value can be translated.
    Translatable,
    /// Its value lives in a translated class (WMI).
    Amended,
    /// A word that is none of these.
    Other(&'a str),
}

impl<'a> From<&'a str> for Flavor<'a> {
    fn from(word: &'a str) -> Self {
        let known = [
            ("EnableOverride", Self::EnableOverride),
            ("DisableOverride", Self::DisableOverride),
            ("Restricted", Self::Restricted),
            ("ToSubclass", Self::ToSubclass),
            ("ToInstance", Self::ToInstance),
            ("Translatable", Self::Translatable),
            ("Amended", Self::Amended),
        ];
        known.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map_or(Self::Other(word), |(_, flavor)| *flavor)
    }
}

/// `class Msvm_ComputerSystem : CIM_ComputerSystem { … };`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ClassDeclaration<'a> {
    /// Byte at which the name stands.
    pub position: usize,
    /// What stands in brackets before it.
    pub qualifiers: Vec<Qualifier<'a>>,
    /// Its name.
    pub name: &'a str,
    /// `as $Name`, without the dollar.
    pub alias: Option<&'a str>,
    /// The class it derives from.
    pub superclass: Option<&'a str>,
    /// Properties and references in order.
    pub properties: Vec<PropertyDeclaration<'a>>,
    /// Methods in order.
    pub methods: Vec<MethodDeclaration<'a>>,
}

/// `[Key] string Name = "x";`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PropertyDeclaration<'a> {
    /// Byte at which the name stands.
    pub position: usize,
    /// What stands in brackets before it.
    pub qualifiers: Vec<Qualifier<'a>>,
    /// Its type.
    pub type_name: TypeName<'a>,
    /// Its name.
    pub name: &'a str,
    /// Whether and how it is an array.
    pub extent: Extent,
    /// Its default.
    pub default: Option<Value<'a>>,
}

/// `uint32 InitiateFailover([in] …);`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MethodDeclaration<'a> {
    /// Byte at which the name stands.
    pub position: usize,
    /// What stands in brackets before it.
    pub qualifiers: Vec<Qualifier<'a>>,
    /// Type of the return value; nothing for WMI's `void`.
    pub return_type: Option<TypeName<'a>>,
    /// Its name.
    pub name: &'a str,
    /// Its parameters in order.
    pub parameters: Vec<ParameterDeclaration<'a>>,
}

/// `[in] CIM_ComputerSystem REF ComputerSystem`, `[in] boolean Force = FALSE` (WMI).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ParameterDeclaration<'a> {
    /// Byte at which the name stands.
    pub position: usize,
    /// What stands in brackets before it.
    pub qualifiers: Vec<Qualifier<'a>>,
    /// Its type.
    pub type_name: TypeName<'a>,
    /// Its name.
    pub name: &'a str,
    /// Whether and how it is an array.
    pub extent: Extent,
    /// Its value when none is given.
    pub default: Option<Value<'a>>,
}

/// `instance of CIM_X as $Alias { Name = "x"; };`
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct InstanceDeclaration<'a> {
    /// What stands in brackets before it.
    pub qualifiers: Vec<Qualifier<'a>>,
    /// Its class.
    pub class: &'a str,
    /// `as $Name`, without the dollar.
    pub alias: Option<&'a str>,
    /// Names and values in order.
    pub values: Vec<(&'a str, Value<'a>)>,
}

/// A type as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeName<'a> {
    /// One of CIM's own.
    Simple(CimType),
    /// `CIM_ComputerSystem REF`.
    Reference(&'a str),
    /// WMI's embedded object: `Win32_ProcessStartup Name` without `REF`, or `object`.
    Object(&'a str),
}

/// Whether a property or parameter is an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// One value.
    #[default]
    Scalar,
    /// `[]`
    Array,
    /// `[n]`
    Fixed(u64),
}

impl Extent {
    /// Whether it is an array of any size.
    #[must_use]
    pub fn is_array(self) -> bool {
        self != Self::Scalar
    }
}

/// A literal.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `NULL`
    Null,
    /// `TRUE`, `FALSE`
    Boolean(bool),
    /// A number without a fraction, in any of the four notations.
    Integer(i128),
    /// A number with one.
    Real(f64),
    /// `'x'`
    Char(char),
    /// `"…"`, neighbours joined.
    Text(Cow<'a, str>),
    /// `{…}`
    Array(Vec<Value<'a>>),
    /// `$Name`, without the dollar.
    Alias(&'a str),
    /// A bare word (`NOFAIL` in WMI's `#pragma deleteclass`).
    Word(&'a str),
    /// `instance of …` as a value (WMI).
    Instance(Box<InstanceDeclaration<'a>>),
}

impl Value<'_> {
    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The texts of an array, or the one text; other values are left out.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::Array(values) => values.as_slice(),
            other => std::slice::from_ref(other),
        }
        .iter()
        .filter_map(Value::as_text)
    }
}

/// The types of CIM (DSP0004 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CimType {
    /// True or false.
    Boolean,
    /// One 16-bit character.
    Char16,
    /// A date or an interval.
    Datetime,
    /// 32-bit floating point.
    Real32,
    /// 64-bit floating point.
    Real64,
    /// Signed, 8 bits.
    Sint8,
    /// Signed, 16 bits.
    Sint16,
    /// Signed, 32 bits.
    Sint32,
    /// Signed, 64 bits.
    Sint64,
    /// Text; embedded instances too.
    String,
    /// Unsigned, 8 bits.
    Uint8,
    /// Unsigned, 16 bits.
    Uint16,
    /// Unsigned, 32 bits.
    Uint32,
    /// Unsigned, 64 bits.
    Uint64,
    /// A reference to an instance.
    Reference,
}

impl CimType {
    /// Every type, with the word MOF and CIM-XML have for it.
    pub const NAMES: [(&'static str, Self); 15] = [
        ("boolean", Self::Boolean),
        ("char16", Self::Char16),
        ("datetime", Self::Datetime),
        ("real32", Self::Real32),
        ("real64", Self::Real64),
        ("sint8", Self::Sint8),
        ("sint16", Self::Sint16),
        ("sint32", Self::Sint32),
        ("sint64", Self::Sint64),
        ("string", Self::String),
        ("uint8", Self::Uint8),
        ("uint16", Self::Uint16),
        ("uint32", Self::Uint32),
        ("uint64", Self::Uint64),
        ("reference", Self::Reference),
    ];

    /// The word for it, as in MOF and in the attribute `TYPE` of CIM-XML.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// Smallest and largest value of an integer type; nothing for other types.
    #[must_use]
    pub fn integer_range(self) -> Option<(i128, i128)> {
        Some(match self {
            Self::Sint8 => (i8::MIN.into(), i8::MAX.into()),
            Self::Sint16 => (i16::MIN.into(), i16::MAX.into()),
            Self::Sint32 => (i32::MIN.into(), i32::MAX.into()),
            Self::Sint64 => (i64::MIN.into(), i64::MAX.into()),
            Self::Uint8 => (0, u8::MAX.into()),
            Self::Uint16 => (0, u16::MAX.into()),
            Self::Uint32 => (0, u32::MAX.into()),
            Self::Uint64 => (0, u64::MAX.into()),
            _ => return None,
        })
    }
}

impl fmt::Display for CimType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The word is not one of CIM's types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a CIM type: use boolean, char16, datetime, string, reference, real32, real64, or sint or uint with 8, 16, 32 or 64"
)]
pub struct NotAType;

impl FromStr for CimType {
    type Err = NotAType;

    /// Case does not matter.
    fn from_str(word: &str) -> Result<Self, NotAType> {
        let found = Self::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        found.map(|(_, known)| *known).ok_or(NotAType)
    }
}
