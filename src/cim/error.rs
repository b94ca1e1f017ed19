//! Why a value could not be read.

/// A property whose value is not of the type it should have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CimError {
    /// The text is not a value of the type.
    #[error("{class}.{property} is {text:?}, which is not {expected}")]
    Type {
        /// Class of the instance.
        class: String,
        /// The property.
        property: String,
        /// The text that came, shortened.
        text: String,
        /// What it should have been.
        expected: &'static str,
    },
    /// The property is needed, and the host sent none or NULL.
    #[error("{class}.{property} is missing from the host's answer")]
    Missing {
        /// Class of the instance.
        class: String,
        /// The property.
        property: String,
    },
    /// Embedded text that is not CIM-XML.
    #[error("an embedded instance cannot be read: {0}")]
    Embedded(String),
}
