//! The namespaces of the field, one table.
//!
//! Prefixes are what we write ([`PREFIXES`]); when reading, only the URI counts.

/// SOAP 1.2 envelope.
pub const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
/// WS-Addressing, the submission of August 2004.
pub const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
/// WS-Management (DSP0226).
pub const WSMAN: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
/// WS-Enumeration.
pub const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
/// WS-Eventing.
pub const EVENTING: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing";
/// WS-Transfer.
pub const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
/// WS-Management Identify. [MS-WSMV] 2.2.1 prints `identify`; the schema and every client have `identity`.
pub const IDENTITY: &str = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd";
/// `winrm … -format:xml`: the root around several results.
pub const RESULTS: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/results";
/// Microsoft's extra headers (`DataLocale`, `SessionId`).
pub const MS_WSMAN: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd";
/// Microsoft's fault detail, `WSManFault`.
pub const MS_FAULT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault";
/// WS-CIM common types (`cim:Datetime`, `cim:Interval`; DSP0230).
pub const CIM: &str = "http://schemas.dmtf.org/wbem/wscim/1/common";
/// CIM binding (DSP0227).
pub const CIM_BINDING: &str = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd";
/// XML Schema instance (`xsi:nil`, `xsi:type`).
pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// The namespace bound to the prefix `xml` in every document.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Prefix and namespace as we write them on an envelope.
pub const PREFIXES: &[(&str, &str)] = &[
    ("s", SOAP),
    ("a", ADDRESSING),
    ("w", WSMAN),
    ("n", ENUMERATION),
    ("e", EVENTING),
    ("x", TRANSFER),
    ("i", IDENTITY),
    ("pm", MS_WSMAN),
    // Windows binds `p` on the envelope of a response and again, to the class, on its body (recorded).
    ("p", MS_WSMAN),
    ("f", MS_FAULT),
    ("cim", CIM),
    ("b", CIM_BINDING),
    ("xsi", XSI),
];
