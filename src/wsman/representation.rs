//! A resource as Put and Create send it.

use std::sync::Arc;

use super::invoke::Parameter;
use super::resource::ResourceUri;
use crate::xml::{Document, WriteError, Writer, ns};

/// The whole of a resource.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Representation {
    /// An instance of a class; element and properties stand in the namespace of the resource URI (MS-WSMV 4.1.3).
    Instance {
        /// Name of the element: the class.
        class: String,
        /// Names and values in order; none is NULL.
        properties: Vec<(String, Option<Parameter>)>,
    },
    /// Any XML: the root of a document goes out as it stands there, with its own declarations.
    Document(Arc<Document>),
}

impl Representation {
    pub(super) fn write(&self, writer: &mut Writer, resource: &ResourceUri) -> Result<(), WriteError> {
        match self {
            Representation::Document(document) => {
                writer.fragment(document.root_source().as_bytes());
                Ok(())
            }
            Representation::Instance { class, properties } => {
                writer.open("p", class).declare("p", resource.as_str());
                write_properties(writer, properties)?;
                writer.close();
                Ok(())
            }
        }
    }
}

impl From<Document> for Representation {
    fn from(document: Document) -> Self {
        Representation::Document(Arc::new(document))
    }
}

/// Writes properties with prefix `p`, which is declared by the caller; NULL is said aloud with `xsi:nil`, since leaving
/// a property out means "as it is".
pub(super) fn write_properties(
    writer: &mut Writer,
    properties: &[(String, Option<Parameter>)],
) -> Result<(), WriteError> {
    for (name, value) in properties {
        match value {
            Some(value) => value.write(writer, name)?,
            None => {
                writer.open("p", name).declare("xsi", ns::XSI).attribute("xsi", "nil", "true").close();
            }
        }
    }
    Ok(())
}
