//! What WS-Management and WinRM demand of an envelope, rule by rule, each with its clause.
//!
//! The rules are one table, [`RULES`]. Most are about requests; of a reply only what holds for every message is checked.

mod body;
mod header;

use super::decode::Decoded;
use super::error::ReplyError;
use crate::xml::Element;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, stable.
    pub name: &'static str,
    /// Where it is written, or where it was seen.
    pub clause: &'static str,
    /// Whether a host refuses what breaks it.
    pub level: Level,
    /// What it demands.
    pub says: &'static str,
    check: fn(&Sheet<'_>) -> Vec<String>,
}

/// What follows when a rule is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It works, but costs something, or works on some hosts alone.
    Warning,
    /// A host refuses the message, or may read it otherwise than it is meant.
    Error,
}

/// A rule that is broken.
#[derive(Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What breaks it.
    pub text: String,
}

/// Checks an envelope against every rule, in the order of the table.
pub fn lint(bytes: impl Into<Vec<u8>>) -> Vec<Finding> {
    let bytes = bytes.into();
    let length = bytes.len();
    let decoded = match Decoded::read(bytes) {
        Ok(decoded) => decoded,
        Err(error) => {
            let rule = if matches!(error, ReplyError::Xml(_)) { &XML } else { &ENVELOPE };
            return vec![Finding { rule, text: error.to_string() }];
        }
    };
    let sheet = Sheet { headers: decoded.headers().collect(), decoded: &decoded, length };
    let mut findings = Vec::new();
    for rule in RULES {
        findings.extend((rule.check)(&sheet).into_iter().map(|text| Finding { rule, text }));
    }
    findings
}

/// An envelope spread out for the rules.
struct Sheet<'d> {
    decoded: &'d Decoded,
    headers: Vec<Element<'d>>,
    length: usize,
}

impl<'d> Sheet<'d> {
    fn header(&self, namespace: &str, local: &str) -> Option<Element<'d>> {
        self.headers.iter().find(|header| header.is(namespace, local)).copied()
    }

    fn action(&self) -> &str {
        self.decoded.header.action.as_deref().unwrap_or("")
    }

    fn resource(&self) -> &str {
        self.decoded.header.resource.as_ref().map_or("", |resource| resource.as_str())
    }

    /// Whether the resource is a class as Windows names it.
    fn is_windows(&self) -> bool {
        const MICROSOFT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/";
        self.resource().get(..MICROSOFT.len()).is_some_and(|head| head.eq_ignore_ascii_case(MICROSOFT))
    }

    /// A request other than Identify, which needs no headers.
    fn is_request(&self) -> bool {
        !self.decoded.is_reply() && !self.is_identify()
    }

    fn is_identify(&self) -> bool {
        use super::decode::Content;
        use super::request::RequestBody;
        matches!(self.decoded.content(), Content::Request(RequestBody::Identify) | Content::Identity(_))
            || self.is_identify_reply()
    }

    /// In whatever namespace: there are three in use.
    fn is_identify_reply(&self) -> bool {
        self.payload().is_some_and(|payload| payload.local() == "IdentifyResponse")
    }

    fn payload(&self) -> Option<Element<'d>> {
        crate::soap::Envelope::of(self.decoded.document()).ok()?.payload()
    }
}

/// Broken by what is no XML at all.
static XML: Rule = Rule {
    name: "well-formed",
    clause: "XML 1.0; SOAP 1.2 part 1, 5",
    level: Level::Error,
    says: "one well-formed document in UTF-8, without a document type declaration",
    check: |_| Vec::new(),
};

/// Broken by a document that is no envelope.
static ENVELOPE: Rule = Rule {
    name: "envelope",
    clause: "SOAP 1.2 part 1, 5.1; DSP0226 13.1",
    level: Level::Error,
    says: "an envelope of SOAP 1.2 with one body",
    check: |_| Vec::new(),
};

/// Every rule that an envelope can be checked against, headers first.
pub static RULES: &[Rule] = &[
    Rule {
        name: "duplicate-header",
        clause: "DSP0226 R13.1-9",
        level: Level::Error,
        says: "each header of WS-Management, WS-Addressing and WS-Eventing comes once",
        check: header::duplicate,
    },
    Rule {
        name: "to",
        clause: "DSP0226 R5.3-1",
        level: Level::Error,
        says: "every message says where it goes: a:To",
        check: header::to,
    },
    Rule {
        name: "action",
        clause: "WS-Addressing (2004/08) 3",
        level: Level::Error,
        says: "every message but Identify has an a:Action",
        check: header::action,
    },
    Rule {
        name: "message-id",
        clause: "MS-WSMV 3.1.4.1.5",
        level: Level::Error,
        says: "a request has an a:MessageID",
        check: header::message_id,
    },
    Rule {
        name: "message-id-form",
        clause: "DSP0226 R5.4.4-1",
        level: Level::Warning,
        says: "a MessageID is a URI, best uuid: and a UUID",
        check: header::message_id_form,
    },
    Rule {
        name: "reply-to",
        clause: "MS-WSMV 3.1.4.1.3; DSP0226 R5.4.2-2",
        level: Level::Error,
        says: "a request has an a:ReplyTo with the anonymous address",
        check: header::reply_to,
    },
    Rule {
        name: "fault-to",
        clause: "MS-WSMV 3.1.4.1.4; DSP0226 R5.4.3-3",
        level: Level::Error,
        says: "a:FaultTo, if it is there, has the anonymous address",
        check: header::fault_to,
    },
    Rule {
        name: "resource-uri",
        clause: "MS-WSMV 3.1.4.1.1",
        level: Level::Error,
        says: "a request says what it is about: w:ResourceURI",
        check: header::resource_uri,
    },
    Rule {
        name: "resource-before-selectors",
        clause: "seen at OMI",
        level: Level::Warning,
        says: "w:ResourceURI stands before w:SelectorSet",
        check: header::order,
    },
    Rule {
        name: "selectors",
        clause: "MS-WSMV 3.1.4.1.2",
        level: Level::Error,
        says: "each selector has a name, and no name comes twice",
        check: header::selectors,
    },
    Rule {
        name: "namespace-selector",
        clause: "MS-WSMV 3.1.4.1.1",
        level: Level::Error,
        says: "__cimnamespace is the namespace that the class URI names",
        check: header::namespace_selector,
    },
    Rule {
        name: "max-envelope-size",
        clause: "MS-WSMV 3.1.4.1.7",
        level: Level::Error,
        says: "w:MaxEnvelopeSize is a number, 8192 or more",
        check: header::max_envelope_size,
    },
    Rule {
        name: "operation-timeout",
        clause: "MS-WSMV 3.1.4.1.6",
        level: Level::Error,
        says: "w:OperationTimeout is a duration such as PT60.000S",
        check: header::operation_timeout,
    },
    Rule {
        name: "locale",
        clause: "MS-WSMV 3.1.4.1.8",
        level: Level::Error,
        says: "w:Locale is marked mustUnderstand=\"false\" and has an xml:lang",
        check: header::locale,
    },
    Rule {
        name: "data-locale",
        clause: "MS-WSMV 3.1.4.1.9",
        level: Level::Error,
        says: "DataLocale is marked mustUnderstand=\"false\" and has an xml:lang",
        check: header::data_locale,
    },
    Rule {
        name: "must-understand",
        clause: "SOAP 1.2 part 1, 5.4.8",
        level: Level::Error,
        says: "only headers that hosts know are marked mustUnderstand",
        check: header::must_understand,
    },
    Rule {
        name: "must-understand-namespace",
        clause: "SOAP 1.2 part 1, 5.2.3",
        level: Level::Warning,
        says: "mustUnderstand is an attribute of SOAP's namespace; without it a host that is strict sees none",
        check: header::must_understand_namespace,
    },
    Rule {
        name: "header-namespace",
        clause: "SOAP 1.2 part 1, 5.2",
        level: Level::Error,
        says: "every header is in a namespace",
        check: header::namespace,
    },
    Rule {
        name: "operation-id",
        clause: "MS-WSMV 3.1.4.1.39",
        level: Level::Warning,
        says: "OperationID and SequenceId ask for another form of answer, in several parts",
        check: header::operation_id,
    },
    Rule {
        name: "option-must-comply",
        clause: "MS-WSMV 3.1.4.1.10",
        level: Level::Warning,
        says: "Windows refuses any option of a class that is marked MustComply",
        check: header::must_comply,
    },
    Rule {
        name: "fragment-must-understand",
        clause: "MS-WSMV 3.1.4.1.18",
        level: Level::Error,
        says: "w:FragmentTransfer is marked mustUnderstand=\"true\"",
        check: header::fragment_mark,
    },
    Rule {
        name: "fragment-operation",
        clause: "MS-WSMV 3.1.4.1.18",
        level: Level::Error,
        says: "a fragment is one of Get or Put, and a Put of one holds w:XmlFragment",
        check: body::fragment,
    },
    Rule {
        name: "body",
        clause: "DSP0226 7 to 10",
        level: Level::Error,
        says: "the body is the one of the action",
        check: body::fits_action,
    },
    Rule {
        name: "method",
        clause: "MS-WSMV 3.1.4.1.32",
        level: Level::Error,
        says: "a method call has the action URI/Method and a body <Method>_INPUT in the namespace of the class",
        check: body::method,
    },
    Rule {
        name: "reference-parameter",
        clause: "seen on live hosts",
        level: Level::Error,
        says: "a REF parameter is the endpoint reference itself: no a:EndpointReference inside it",
        check: body::reference_parameter,
    },
    Rule {
        name: "embedded-instance",
        clause: "seen on live hosts",
        level: Level::Error,
        says: "an embedded instance is CIM-XML text, not elements",
        check: body::embedded_instance,
    },
    Rule {
        name: "null-parameter",
        clause: "seen on live hosts",
        level: Level::Warning,
        says: "a parameter that is NULL is left out",
        check: body::null_parameter,
    },
    Rule {
        name: "filter",
        clause: "MS-WSMV 3.1.4.1.13",
        level: Level::Error,
        says: "WQL and association filters go to the all-classes URI, a selector filter to a class; one filter at most",
        check: body::filter,
    },
    Rule {
        name: "enumeration-mode",
        clause: "MS-WSMV 3.1.4.1.17",
        level: Level::Error,
        says: "w:EnumerationMode is EnumerateEPR or EnumerateObjectAndEPR, or not there",
        check: body::enumeration_mode,
    },
    Rule {
        name: "polymorphism",
        clause: "MS-WSMV 3.1.4.1.27",
        level: Level::Warning,
        says: "Windows takes no PolymorphismMode but the one it has anyhow",
        check: body::polymorphism,
    },
    Rule {
        name: "max-elements",
        clause: "MS-WSMV 3.1.4.1.14",
        level: Level::Error,
        says: "MaxElements is a number above nothing",
        check: body::max_elements,
    },
    Rule {
        name: "one-by-one",
        clause: "MS-WSMV 3.1.4.1.14",
        level: Level::Warning,
        says: "without MaxElements each reply brings one item",
        check: body::one_by_one,
    },
    Rule {
        name: "enumeration-context",
        clause: "DSP0226 8.4",
        level: Level::Error,
        says: "Pull and Release name an n:EnumerationContext",
        check: body::context,
    },
    Rule {
        name: "relates-to",
        clause: "WS-Addressing (2004/08) 3",
        level: Level::Error,
        says: "a reply says which message it answers: a:RelatesTo",
        check: header::relates_to,
    },
    Rule {
        name: "fault-relates-to",
        clause: "WS-Addressing (2004/08) 3; seen at OMI, OpenPegasus and Openwsman",
        level: Level::Warning,
        says: "a fault says which message it answers, unless that could not be read",
        check: header::fault_relates_to,
    },
    Rule {
        name: "identify-namespace",
        clause: "DSP0226 11; others seen at OMI and OpenPegasus, and printed in MS-WSMV 2.2.1",
        level: Level::Warning,
        says: "IdentifyResponse is in the namespace http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd",
        check: body::identify_namespace,
    },
    Rule {
        name: "size",
        clause: "MS-WSMV 3.1.4.1.20",
        level: Level::Warning,
        says: "a host takes 512,000 bytes, unless it is configured otherwise",
        check: body::size,
    },
];

#[cfg(test)]
mod tests;
