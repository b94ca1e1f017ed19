//! Identify: what answers here? (DSP0226 section 11, MS-WSMV 3.1.4.1.23)

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
        let payload = envelope.payload();
        if let Some(fault) = payload.and_then(Fault::read) {
            return Err(ReplyError::Fault(Box::new(fault)));
        }
        let Some(response) = payload.filter(|payload| payload.is(ns::IDENTITY, "IdentifyResponse")) else {
            return Err(ReplyError::Body {
                expected: "IdentifyResponse".to_owned(),
                actual: payload.map_or("", |payload| payload.local()).to_owned(),
            });
        };
        Ok(Identity::of(response))
    }
}

impl Repeatable for Identify {}

impl Identity {
    /// Reads `i:IdentifyResponse`.
    pub(super) fn of(response: Element<'_>) -> Identity {
        let text = |local| response.child(ns::IDENTITY, local).map_or("", |e| e.text().trim()).to_owned();
        let profiles = response.child(ns::IDENTITY, "SecurityProfiles");
        Identity {
            protocol_version: text("ProtocolVersion"),
            product_vendor: text("ProductVendor"),
            product_version: text("ProductVersion"),
            security_profiles: profiles
                .into_iter()
                .flat_map(|profiles| profiles.children())
                .map(|name| name.text().trim().to_owned())
                .collect(),
        }
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
