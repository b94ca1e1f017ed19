//! Identify: what answers here? (DSP0226 section 11, MS-WSMV 3.1.4.1.23)

use super::answer::Remark;
use super::error::ReplyError;
use super::fault::Fault;
use super::operation::{Operation, Repeatable};
use super::request::RequestContext;
use crate::soap::{Envelope, EnvelopeWriter};
use crate::xml::{Document, Element, WriteError, Writer, ns};

/// Asks for protocol and product; needs no addressing headers, and proves a login.
#[derive(Debug, Clone, Copy, Default)]
pub struct Identify;

/// What a service says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// `ProtocolVersion`: the WS-Management namespace.
    pub protocol_version: String,
    /// `ProductVendor`, `Microsoft Corporation` on Windows.
    pub product_vendor: String,
    /// `ProductVersion`, on Windows `OS: 10.0.20348 SP: 0.0 Stack: 3.0`.
    pub product_version: String,
    /// `SecurityProfileName` elements, since 2012.
    pub security_profiles: Vec<String>,
    /// What else it says, by local name: vendors add elements of their own (DSP0226 11).
    pub further: Vec<(String, String)>,
}

const RESPONSE: &str = "IdentifyResponse";

/// Whether an element is the response: by its name, and that it says something of the service. Its namespace varies:
/// OMI puts it into that of SOAP, OpenPegasus into one that ends in `identify` (observed on loopback, November 2026).
pub(super) fn is_response(element: Element<'_>) -> bool {
    const SAYS: [&str; 2] = ["ProtocolVersion", "ProductVendor"];
    element.is(ns::IDENTITY, RESPONSE)
        || (element.local() == RESPONSE && element.children().any(|part| SAYS.contains(&part.local())))
}

impl Operation for Identify {
    type Output = Identity;

    fn action(&self) -> String {
        String::new()
    }

    fn write(&self, _: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let mut writer = Writer::new();
        writer.open("s", "Envelope").declare("s", ns::SOAP).declare("i", ns::IDENTITY);
        writer.empty_element("s", "Header").open("s", "Body").empty_element("i", "Identify").close().close();
        writer.finish()
    }

    fn read(&self, reply: Vec<u8>, _: &str) -> Result<Identity, ReplyError> {
        let document = Document::parse(reply)?;
        let envelope = Envelope::of(&document)?;
        if let Some(fault) = Fault::of(&envelope) {
            return Err(ReplyError::Fault(Box::new(fault)));
        }
        let payload = envelope.payload();
        let Some(response) = payload.filter(|payload| is_response(*payload)) else {
            return Err(ReplyError::body(ns::IDENTITY, RESPONSE, payload));
        };
        if let Some(remark) = Remark::on_root(response, ns::IDENTITY, RESPONSE) {
            tracing::debug!(%remark, "a reply in another form");
        }
        Ok(Identity::of(response))
    }
}

impl Repeatable for Identify {}

impl Identity {
    /// Reads `i:IdentifyResponse`, whatever the namespace of its parts.
    pub(super) fn of(response: Element<'_>) -> Identity {
        let mut identity = Identity::default();
        let mut seen = Vec::new();
        for part in response.children() {
            let name = part.local();
            let text = || part.text().trim().to_owned();
            let is_first = !seen.contains(&name);
            seen.push(name);
            match name {
                "ProtocolVersion" if is_first => identity.protocol_version = text(),
                "ProductVendor" if is_first => identity.product_vendor = text(),
                "ProductVersion" if is_first => identity.product_version = text(),
                "SecurityProfiles" => {
                    let names = part.children().map(|profile| profile.text().trim().to_owned());
                    identity.security_profiles.extend(names);
                }
                other if part.children().next().is_none() => identity.further.push((other.to_owned(), text())),
                _ => {}
            }
        }
        identity
    }

    /// Writes the reply of a host.
    ///
    /// # Errors
    /// A character that XML cannot carry.
    pub fn write_response(&self) -> Result<Vec<u8>, WriteError> {
        EnvelopeWriter::new(&["i"]).body(|writer| {
            writer.open("i", "IdentifyResponse");
            writer.text_element("i", "ProtocolVersion", &self.protocol_version);
            writer.text_element("i", "ProductVendor", &self.product_vendor);
            writer.text_element("i", "ProductVersion", &self.product_version);
            if !self.security_profiles.is_empty() {
                writer.open("i", "SecurityProfiles");
                for profile in &self.security_profiles {
                    writer.text_element("i", "SecurityProfileName", profile);
                }
                writer.close();
            }
            writer.close();
        })
    }
}
