//! A property has three conditions, so it has three values.

/// Not sent at all, sent as NULL, or sent with a value. Absent, nil and empty are three different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Property<T> {
    /// The element is not there: the class does not have the property, or the host left it out.
    #[default]
    Absent,
    /// `xsi:nil="true"`.
    Null,
    /// A value; an empty element is an empty text.
    Value(T),
}

impl<T> Property<T> {
    /// The value, where there is one.
    pub fn into_option(self) -> Option<T> {
        match self {
            Property::Value(value) => Some(value),
            Property::Absent | Property::Null => None,
        }
    }

    /// A view of the value.
    pub fn as_ref(&self) -> Property<&T> {
        match self {
            Property::Absent => Property::Absent,
            Property::Null => Property::Null,
            Property::Value(value) => Property::Value(value),
        }
    }

    /// Another value in the same condition.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Property<U> {
        match self {
            Property::Absent => Property::Absent,
            Property::Null => Property::Null,
            Property::Value(value) => Property::Value(change(value)),
        }
    }

    /// As [`Property::map`], where the change can fail.
    ///
    /// # Errors
    /// The error of the change.
    pub fn try_map<U, E>(self, change: impl FnOnce(T) -> Result<U, E>) -> Result<Property<U>, E> {
        Ok(match self {
            Property::Absent => Property::Absent,
            Property::Null => Property::Null,
            Property::Value(value) => Property::Value(change(value)?),
        })
    }

    /// Whether the element was not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Property::Absent)
    }
}
