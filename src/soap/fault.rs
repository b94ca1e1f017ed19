//! SOAP 1.2 faults: code, subcode, reasons by language, detail.

use std::fmt;

use crate::xml::{Element, ns};

/// A fault as SOAP knows it; what the detail means is for the layer above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whose fault it is said to be.
    pub code: FaultCode,
    /// The innermost subcode as expanded name: the family of the fault decides the namespace.
    pub subcode: Option<(String, String)>,
    /// The subcodes around the innermost one, outermost first.
    pub outer_subcodes: Vec<(String, String)>,
    /// Every reason that was sent, in order.
    pub reasons: Vec<Reason>,
}

/// `s:Code/s:Value`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultCode {
    /// The request was at fault.
    Sender,
    /// The host was at fault.
    Receiver,
    /// A header with mustUnderstand was not understood.
    MustUnderstand,
    /// Any other code, local name as sent.
    Other(String),
}

/// One `s:Text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// `xml:lang`; empty where it was missing.
    pub language: String,
    /// Text in that language. For people: it is localised, so nothing is decided by it.
    pub text: String,
}

impl Fault {
    /// Reads `s:Fault`; none if the element is something else.
    pub fn read(element: Element<'_>) -> Option<Fault> {
        if !element.is(ns::SOAP, "Fault") {
            return None;
        }
        let code = element.child(ns::SOAP, "Code");
        let (mut subcode, mut outer_subcodes) = (None, Vec::new());
        let mut level = code.and_then(|code| code.child(ns::SOAP, "Subcode"));
        while let Some(inner) = level {
            if let Some((namespace, local)) = inner.child(ns::SOAP, "Value").and_then(Element::qname)
                && let Some(outer) = subcode.replace((namespace.to_owned(), local.to_owned()))
            {
                outer_subcodes.push(outer);
            }
            level = inner.child(ns::SOAP, "Subcode");
        }
        let reasons = element.child(ns::SOAP, "Reason").into_iter().flat_map(Element::children);
        Some(Fault {
            code: FaultCode::read(code.and_then(|code| code.child(ns::SOAP, "Value"))),
            subcode,
            outer_subcodes,
            reasons: reasons
                .filter(|text| text.is(ns::SOAP, "Text"))
                .map(|text| Reason {
                    language: text.attribute(ns::XML, "lang").unwrap_or("").to_owned(),
                    text: text.text().trim().to_owned(),
                })
                .collect(),
        })
    }

    /// Whether the subcode is this one.
    pub fn has_subcode(&self, namespace: &str, local: &str) -> bool {
        self.subcode.as_ref().is_some_and(|(uri, name)| uri == namespace && name == local)
    }

    /// The reason in English if there is one, else the first.
    pub fn reason(&self) -> Option<&str> {
        let english = self.reasons.iter().find(|reason| reason.language.to_ascii_lowercase().starts_with("en"));
        english.or(self.reasons.first()).map(|reason| reason.text.as_str()).filter(|text| !text.is_empty())
    }
}

impl FaultCode {
    fn read(value: Option<Element<'_>>) -> FaultCode {
        match value.and_then(Element::qname) {
            Some((ns::SOAP, "Sender")) => FaultCode::Sender,
            Some((ns::SOAP, "Receiver")) => FaultCode::Receiver,
            Some((ns::SOAP, "MustUnderstand")) => FaultCode::MustUnderstand,
            Some((_, local)) => FaultCode::Other(local.to_owned()),
            None => FaultCode::Other(value.map_or_else(String::new, |value| value.text().trim().to_owned())),
        }
    }

    /// The local name of the code.
    pub fn as_str(&self) -> &str {
        match self {
            FaultCode::Sender => "Sender",
            FaultCode::Receiver => "Receiver",
            FaultCode::MustUnderstand => "MustUnderstand",
            FaultCode::Other(name) => name,
        }
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
