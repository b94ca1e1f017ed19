//! What a caller adds to the headers of any request: options of the resource, header blocks of its own.

use crate::xml::{Element, Writer, ns};

/// Options and header blocks that every request of a client carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extra {
    /// `w:OptionSet`.
    pub options: Vec<ResourceOption>,
    /// Further header blocks, in order.
    pub headers: Vec<HeaderBlock>,
}

/// `w:Option`: what only the resource understands (DSP0226 6.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceOption {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether the host must refuse the request if it does not know the option.
    pub must_comply: bool,
}

/// A header block that holds text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderBlock {
    /// Its namespace; none is refused by SOAP.
    pub namespace: String,
    /// Its local name.
    pub local: String,
    /// Its text.
    pub text: String,
    /// `mustUnderstand`; none leaves the mark out.
    pub must_understand: Option<bool>,
}

impl Extra {
    /// Writes the header blocks; nothing where there are none.
    pub fn write(&self, writer: &mut Writer) {
        if !self.options.is_empty() {
            writer.open("w", "OptionSet");
            if self.options.iter().any(|option| option.must_comply) {
                // Without it a host may pass over the whole set, and the demand with it (DSP0226 6.4).
                writer.attribute("s", "mustUnderstand", "true");
            }
            for option in &self.options {
                writer.open("w", "Option").attribute("", "Name", &option.name);
                if option.must_comply {
                    writer.attribute("", "MustComply", "true");
                }
                writer.text(&option.value).close();
            }
            writer.close();
        }
        for block in &self.headers {
            writer.open("", &block.local).declare("", &block.namespace);
            if let Some(must) = block.must_understand {
                writer.attribute("s", "mustUnderstand", if must { "true" } else { "false" });
            }
            writer.text(&block.text).close();
        }
    }
}

impl ResourceOption {
    /// Reads `w:OptionSet`.
    pub(super) fn read_all(set: Element<'_>) -> Vec<ResourceOption> {
        let truth = |text: &str| match text.trim() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        let options = set.children().filter(|child| child.is(ns::WSMAN, "Option"));
        options
            .map(|option| ResourceOption {
                name: option.attribute("", "Name").unwrap_or("").to_owned(),
                value: option.text().to_owned(),
                must_comply: option.attribute_as("", "MustComply", truth).unwrap_or(false),
            })
            .collect()
    }
}
