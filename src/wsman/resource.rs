//! What a message is about: resource URI, selectors, endpoint reference.

use std::fmt;

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

/// One key of an instance.
#[derive(Debug, Clone)]
pub struct Selector {
    /// Name of the key property.
    pub name: String,
    /// Its value; backslashes are literal here, doubled only inside WMI path strings.
    pub value: String,
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(&other.name) && self.value.eq_ignore_ascii_case(&other.value)
    }
}

impl Eq for Selector {}

/// The keys of an instance. Names and values are matched without case (MS-WSMV 3.1.4.1.2); order does not count.
#[derive(Debug, Clone, Default)]
pub struct SelectorSet(Vec<Selector>);

impl SelectorSet {
    /// No selectors: a class, or a true singleton.
    pub fn new() -> Self {
        SelectorSet::default()
    }

    /// Adds one key.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push(Selector { name: name.into(), value: value.into() });
        self
    }

    /// Adds one key in place.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push(Selector { name: name.into(), value: value.into() });
    }

    /// The value of a key.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|selector| selector.name.eq_ignore_ascii_case(name)).map(|selector| selector.value.as_str())
    }

    /// All keys in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Selector> {
        self.0.iter()
    }

    /// How many keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes `w:SelectorSet`; nothing where there are no selectors.
    pub fn write(&self, writer: &mut Writer) {
        if self.0.is_empty() {
            return;
        }
        writer.open("w", "SelectorSet");
        for selector in &self.0 {
            writer.open("w", "Selector").attribute("", "Name", &selector.name).text(&selector.value).close();
        }
        writer.close();
    }

    /// Reads `w:SelectorSet`. A selector without text is a NULL value, kept as empty text.
    pub fn read(element: Element<'_>) -> SelectorSet {
        let selectors = element.children().filter(|child| child.is(ns::WSMAN, "Selector"));
        SelectorSet(
            selectors
                .map(|selector| Selector {
                    name: selector.attribute("", "Name").unwrap_or("").to_owned(),
                    value: selector.text().to_owned(),
                })
                .collect(),
        )
    }
}

impl PartialEq for SelectorSet {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|selector| other.0.contains(selector))
    }
}

impl Eq for SelectorSet {}

impl fmt::Display for SelectorSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, selector) in self.0.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma}{}={}", selector.name, selector.value)?;
        }
        Ok(())
    }
}

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
        let resource = parameters.child(ns::WSMAN, "ResourceURI")?.text().trim();
        if resource.is_empty() {
            return None;
        }
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
