//! What a message is about: resource URI, endpoint reference.

use std::fmt;

use super::selector::SelectorSet;
use crate::cim::{CimError, FromProperty, InstanceView};
use crate::soap::ANONYMOUS;
use crate::xml::{Element, Writer, ns};

/// A resource URI, as text: compared without ASCII case, as Windows does.
#[derive(Debug, Clone)]
pub struct ResourceUri(String);

impl ResourceUri {
    /// Takes any URI.
    pub fn new(uri: impl Into<String>) -> Self {
        ResourceUri(uri.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last `/`: the class name in class URIs, `*` in the all-classes URI.
    pub fn last_segment(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or("")
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for ResourceUri {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ResourceUri {}

/// Where an instance is: the content of a REF property, of `Job` in an output, of an item in EPR mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointReference {
    /// `a:Address`; anonymous in nearly every message.
    pub address: String,
    /// The class of the instance.
    pub resource: ResourceUri,
    /// Its keys.
    pub selectors: SelectorSet,
}

impl EndpointReference {
    /// A reference on the same host.
    pub fn new(resource: ResourceUri, selectors: SelectorSet) -> Self {
        EndpointReference { address: ANONYMOUS.to_owned(), resource, selectors }
    }

    /// Reads the reference inside an element: `a:Address` and `a:ReferenceParameters` directly, which is what
    /// Windows sends in `Job` and REF properties, or inside an `a:EndpointReference`, as other servers send.
    pub fn read(element: Element<'_>) -> Option<EndpointReference> {
        let holder = match element.is(ns::ADDRESSING, "EndpointReference") {
            true => element,
            false => element.child(ns::ADDRESSING, "EndpointReference").unwrap_or(element),
        };
        let parameters = holder.child(ns::ADDRESSING, "ReferenceParameters")?;
        let resource = parameters.child(ns::WSMAN, "ResourceURI")?;
        let resource = resource.text_as(|text| Some(text.trim()).filter(|text| !text.is_empty()))?;
        Some(EndpointReference {
            address: holder.child(ns::ADDRESSING, "Address").map_or(ANONYMOUS, |a| a.text().trim()).to_owned(),
            resource: ResourceUri::new(resource),
            selectors: parameters.child(ns::WSMAN, "SelectorSet").map(SelectorSet::read).unwrap_or_default(),
        })
    }

    /// Writes Address and ReferenceParameters directly into the open element. A REF parameter **is** the
    /// endpoint reference: a wrapper inside it is refused with SchemaValidationError (seen on a live host).
    pub fn write(&self, writer: &mut Writer) {
        writer.text_element("a", "Address", &self.address);
        writer.open("a", "ReferenceParameters").text_element("w", "ResourceURI", self.resource.as_str());
        self.selectors.write(writer);
        writer.close();
    }
}

/// A REF property as a field of a [`CimClass`](crate::cim::CimClass).
impl FromProperty for EndpointReference {
    fn read(instance: &InstanceView<'_>, name: &str) -> Result<Self, CimError> {
        let reference = instance.property(name).into_option().and_then(EndpointReference::read);
        reference.ok_or_else(|| instance.missing(name))
    }
}

impl fmt::Display for EndpointReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.selectors.is_empty() {
            true => write!(f, "{}", self.resource.last_segment()),
            false => write!(f, "{}?{}", self.resource.last_segment(), self.selectors),
        }
    }
}
