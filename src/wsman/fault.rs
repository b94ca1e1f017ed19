//! Faults of WS-Management hosts: what is numbered is kept as number, what is text is for people.

use std::fmt;

use crate::soap::{self, FaultCode, Reason};
use crate::xml::{Element, WriteError, ns};

use super::request::ResponseContext;

/// A fault with everything a host says about it.
///
/// Ask the `is_…` questions; never compare texts, they are localised.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Code, subcode and reasons.
    pub soap: soap::Fault,
    /// `w:FaultDetail`, a URI.
    pub detail: Option<String>,
    /// Microsoft's detail.
    pub wsman: Option<WsmanFault>,
    /// The detail that WMI providers send instead.
    pub wmi: Option<WmiError>,
    /// Whether it names the message that it answers, by RelatesTo: only then it proves that a call was refused.
    pub answers: bool,
}

/// `f:WSManFault` (MS-WSMV 2.2.4.43).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WsmanFault {
    /// `Code`, a Windows error number.
    pub code: u32,
    /// `Machine`: for display only, Windows leaves it empty towards remote clients.
    pub machine: String,
    /// The text directly in `f:Message`.
    pub message: String,
    /// The provider's own fault.
    pub provider: Option<ProviderFault>,
}

/// `f:ProviderFault`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderFault {
    /// `provider`, such as `WMI Provider`.
    pub provider: String,
    /// `path` of its library.
    pub path: String,
    /// Text directly inside.
    pub message: String,
    /// A fault nested inside.
    pub inner: Option<Box<WsmanFault>>,
    /// `__ExtendedStatus`: names and texts of its properties, such as Operation and StatusCode.
    pub extended: Vec<(String, String)>,
}

/// `MSFT_WmiError`, in whatever namespace the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WmiError {
    /// `error_Code`; an HRESULT for WMI errors.
    pub code: Option<u32>,
    /// `CIMStatusCode`.
    pub cim_status: Option<u32>,
    /// `Message`.
    pub message: String,
    /// `MessageID`, such as `HRESULT 0x80041003`.
    pub message_id: String,
    /// `error_Type`.
    pub error_type: String,
}

/// Deepest nesting of provider faults that is read.
const MOST_NESTING: usize = 4;

impl Fault {
    /// Reads `s:Fault`; none if the element is something else. Which message it answers stands outside of it.
    pub fn read(element: Element<'_>) -> Option<Fault> {
        let soap = soap::Fault::read(element)?;
        let detail = element.child(ns::SOAP, "Detail");
        let parts = || detail.into_iter().flat_map(Element::children);
        Some(Fault {
            soap,
            detail: parts().find(|part| part.is(ns::WSMAN, "FaultDetail")).map(|part| part.text().trim().to_owned()),
            wsman: parts().find(|part| part.is(ns::MS_FAULT, "WSManFault")).map(|part| WsmanFault::read(part, 0)),
            wmi: parts().find(|part| part.local() == "MSFT_WmiError").map(WmiError::read),
            answers: false,
        })
    }

    /// The same, where its envelope's RelatesTo was compared with the MessageID that was sent.
    #[must_use]
    pub fn answering(self, answers: bool) -> Fault {
        Fault { answers, ..self }
    }

    /// The Windows error number: the innermost one, as the outer ones only say that a provider failed.
    pub fn code(&self) -> Option<u32> {
        self.wsman.as_ref().map(WsmanFault::innermost_code).or(self.wmi.as_ref().and_then(|wmi| wmi.code))
    }

    /// The best text for people: the innermost message, else the reason.
    pub fn message(&self) -> Option<&str> {
        let inner = self.wsman.as_ref().and_then(WsmanFault::innermost_message);
        let wmi = self.wmi.as_ref().map(|wmi| wmi.message.as_str()).filter(|text| !text.is_empty());
        inner.or(wmi).or(self.soap.reason())
    }

    /// The account may not do this: WinRM's, WMI's or Hyper-V's refusal.
    pub fn is_access_denied(&self) -> bool {
        self.soap.has_subcode(ns::WSMAN, "AccessDenied")
            || matches!(self.code(), Some(code::ACCESS_DENIED | code::WBEM_ACCESS_DENIED | code::E_ACCESSDENIED))
    }

    /// OperationTimeout ran out on the host: the work may go on.
    pub fn is_timed_out(&self) -> bool {
        self.soap.has_subcode(ns::WSMAN, "TimedOut") || self.code() == Some(code::OPERATION_TIMEDOUT)
    }

    /// No such instance, class or namespace. For a job this proves nothing about its outcome.
    pub fn is_not_found(&self) -> bool {
        self.soap.has_subcode(ns::ADDRESSING, "DestinationUnreachable")
            || matches!(self.code(), Some(code::NOT_FOUND | code::DESTINATION_UNREACHABLE | code::WBEM_NOT_FOUND))
    }

    /// The selectors are wrong, or missing: the two symptoms of a service addressed without all its keys are
    /// `w:InternalError` and WBEM_E_INVALID_METHOD_PARAMETERS (seen on live hosts).
    pub fn is_selector_trouble(&self) -> bool {
        self.soap.has_subcode(ns::WSMAN, "InvalidSelectors")
            || matches!(
                self.code(),
                Some(code::INVALID_SELECTORS | code::INSUFFICIENT_SELECTORS | code::UNEXPECTED_SELECTORS)
            )
    }

    /// Whether the symptom fits a service addressed by too few keys.
    pub fn may_lack_selectors(&self) -> bool {
        self.is_selector_trouble()
            || self.is_not_found()
            || self.code() == Some(code::WBEM_INVALID_METHOD_PARAMETERS)
            || (self.soap.has_subcode(ns::WSMAN, "InternalError") && !self.is_quota() && !self.is_access_denied())
    }

    /// The filter was refused: WQL with a class URI, an unknown class, or a server without WQL.
    pub fn is_filter_refused(&self) -> bool {
        let family = |local| self.soap.has_subcode(ns::ENUMERATION, local);
        family("CannotProcessFilter")
            || family("FilteringNotSupported")
            || family("FilterDialectRequestedUnavailable")
            || matches!(self.code(), Some(code::CANNOT_PROCESS_FILTER | code::WQL_WITH_CLASS))
    }

    /// The enumeration context is stale, or idle for too long.
    pub fn is_context_expired(&self) -> bool {
        self.soap.has_subcode(ns::ENUMERATION, "InvalidEnumerationContext")
            || self.code() == Some(code::INVALID_ENUMERATION_CONTEXT)
    }

    /// A quota of the host is used up; trying again later may help.
    pub fn is_quota(&self) -> bool {
        self.soap.has_subcode(ns::WSMAN, "QuotaLimit")
            || matches!(
                self.code(),
                Some(code::QUOTA_LIMIT | code::QUOTA_MAX_SHELLS..=code::QUOTA_SYSTEM | code::QUOTA_OPERATIONS_PPQ)
            )
    }

    /// The body of the request does not fit the class.
    pub fn is_schema_violation(&self) -> bool {
        self.soap.has_subcode(ns::WSMAN, "SchemaValidationError") || self.code() == Some(code::SCHEMA_VALIDATION)
    }

    /// The answer, or the request, does not fit into the envelope size.
    pub fn is_envelope_size(&self) -> bool {
        self.soap.has_subcode(ns::WSMAN, "EncodingLimit")
            || matches!(self.code(), Some(code::ENVELOPE_TOO_LARGE | code::MAX_ENVELOPE_SIZE_EXCEEDED))
    }

    /// The class does not have the method that was called: an older host.
    pub fn is_unknown_method(&self) -> bool {
        self.soap.has_subcode(ns::ADDRESSING, "ActionNotSupported")
            || matches!(
                self.code(),
                Some(
                    code::ACTION_NOT_SUPPORTED
                        | code::INVALID_ACTION
                        | code::WBEM_INVALID_METHOD
                        | code::WBEM_METHOD_NOT_IMPLEMENTED
                )
            )
    }

    /// Whether the class or the namespace does not exist on the host, as far as numbers tell.
    pub fn is_unknown_class(&self) -> bool {
        matches!(self.code(), Some(code::WBEM_INVALID_CLASS | code::WBEM_INVALID_NAMESPACE))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subcode = self.soap.subcode.as_ref().map_or("", |(_, local)| local.as_str());
        match subcode {
            "" => write!(f, "the host answered with the fault {}", self.soap.code)?,
            subcode => write!(f, "the host answered with the fault {subcode}")?,
        }
        if let Some(code) = self.code() {
            match code::name(code) {
                Some(name) => write!(f, " (0x{code:08x}, {name})")?,
                None => write!(f, " (0x{code:08x})")?,
            }
        }
        if let Some(message) = self.message() {
            let line: Vec<_> = message.split_whitespace().collect();
            write!(f, ": {}", line.join(" "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

impl WsmanFault {
    fn read(element: Element<'_>, depth: usize) -> WsmanFault {
        let message = element.child(ns::MS_FAULT, "Message");
        let provider = message.and_then(|message| message.child(ns::MS_FAULT, "ProviderFault"));
        WsmanFault {
            code: number(element.attribute("", "Code").unwrap_or("")).unwrap_or(0),
            machine: element.attribute("", "Machine").unwrap_or("").to_owned(),
            message: message.map_or("", |message| message.text().trim()).to_owned(),
            provider: provider.filter(|_| depth < MOST_NESTING).map(|fault| ProviderFault::read(fault, depth)),
        }
    }

    fn innermost_code(&self) -> u32 {
        let inner = self.provider.as_ref().and_then(|provider| provider.inner.as_ref());
        inner.map_or(self.code, |inner| inner.innermost_code())
    }

    fn innermost_message(&self) -> Option<&str> {
        let provider = self.provider.as_ref();
        let inner = provider.and_then(|provider| provider.inner.as_ref()).and_then(|inner| inner.innermost_message());
        let own = [provider.map_or("", |provider| provider.message.as_str()), self.message.as_str()];
        inner.or(own.into_iter().find(|text| !text.is_empty()))
    }
}

impl ProviderFault {
    fn read(element: Element<'_>, depth: usize) -> ProviderFault {
        let inner = element.child(ns::MS_FAULT, "WSManFault");
        let extended = element.child(ns::MS_FAULT, "ExtendedError");
        let status = extended.into_iter().flat_map(Element::children).find(|e| e.local() == "__ExtendedStatus");
        ProviderFault {
            provider: element.attribute("", "provider").unwrap_or("").to_owned(),
            path: element.attribute("", "path").unwrap_or("").to_owned(),
            message: element.text().trim().to_owned(),
            inner: inner.map(|inner| Box::new(WsmanFault::read(inner, depth + 1))),
            extended: status
                .into_iter()
                .flat_map(Element::children)
                .filter(|property| !property.is_nil())
                .map(|property| (property.local().to_owned(), property.text().trim().to_owned()))
                .collect(),
        }
    }
}

impl WmiError {
    fn read(element: Element<'_>) -> WmiError {
        let text = |local| element.child_here(local).map_or("", |e| e.text().trim());
        WmiError {
            code: number(text("error_Code")),
            cim_status: number(text("CIMStatusCode")),
            message: text("Message").to_owned(),
            message_id: text("MessageID").to_owned(),
            error_type: text("error_Type").to_owned(),
        }
    }
}

/// Unsigned decimal as documented; a negative one is the same 32 bits read as a signed number.
fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    text.parse::<u32>().ok().or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned))
}

/// What a host writes into a fault.
#[derive(Debug, Clone)]
pub struct FaultReport<'a> {
    /// Sender or Receiver.
    pub code: FaultCode,
    /// Prefix and local name of the subcode: `a`, `n`, `w` or `x`.
    pub subcode: (&'a str, &'a str),
    /// Last part of the FaultDetail URI.
    pub detail: Option<&'a str>,
    /// Number for WSManFault.
    pub number: Option<u32>,
    /// Reason and its language.
    pub reason: Reason,
}

impl FaultReport<'_> {
    /// Writes the fault as Windows words it: Action by family, WSManFault with the number in the detail.
    ///
    /// # Errors
    /// A character that XML cannot carry.
    pub fn write(&self, context: &ResponseContext<'_>) -> Result<Vec<u8>, WriteError> {
        let action = match self.subcode.0 {
            "a" => "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault",
            "n" => "http://schemas.xmlsoap.org/ws/2004/09/enumeration/fault",
            "x" => "http://schemas.xmlsoap.org/ws/2004/09/transfer/fault",
            _ => "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault",
        };
        context.envelope(action, &["n", "x", "f"]).body(|w| {
            w.open("s", "Fault").open("s", "Code");
            w.text_element("s", "Value", &format!("s:{}", self.code));
            w.open("s", "Subcode").text_element("s", "Value", &format!("{}:{}", self.subcode.0, self.subcode.1));
            w.close().close();
            w.open("s", "Reason").open("s", "Text").attribute("xml", "lang", &self.reason.language);
            w.text(&self.reason.text).close().close();
            w.open("s", "Detail");
            if let Some(detail) = self.detail {
                let uri = format!("http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/{detail}");
                w.text_element("w", "FaultDetail", &uri);
            }
            if let Some(number) = self.number {
                w.open("f", "WSManFault").attribute("", "Code", &number.to_string()).attribute("", "Machine", "");
                w.text_element("f", "Message", &self.reason.text).close();
            }
            w.close().close();
        })
    }
}

/// Windows error numbers that we decide on or name (names from wsmerror.h and wbemcli.h).
pub mod code {
    /// Access denied.
    pub const ACCESS_DENIED: u32 = 5;
    /// E_ACCESSDENIED.
    pub const E_ACCESSDENIED: u32 = 0x8007_0005;
    /// WBEM_E_NOT_FOUND.
    pub const WBEM_NOT_FOUND: u32 = 0x8004_1002;
    /// WBEM_E_ACCESS_DENIED.
    pub const WBEM_ACCESS_DENIED: u32 = 0x8004_1003;
    /// WBEM_E_INVALID_NAMESPACE.
    pub const WBEM_INVALID_NAMESPACE: u32 = 0x8004_100e;
    /// WBEM_E_INVALID_CLASS.
    pub const WBEM_INVALID_CLASS: u32 = 0x8004_1010;
    /// WBEM_E_INVALID_METHOD.
    pub const WBEM_INVALID_METHOD: u32 = 0x8004_102e;
    /// WBEM_E_INVALID_METHOD_PARAMETERS.
    pub const WBEM_INVALID_METHOD_PARAMETERS: u32 = 0x8004_102f;
    /// WBEM_E_METHOD_NOT_IMPLEMENTED.
    pub const WBEM_METHOD_NOT_IMPLEMENTED: u32 = 0x8004_1055;
    /// Resource not found; also for a missing instance of an existing class.
    pub const NOT_FOUND: u32 = 0x8033_8000;
    /// ERROR_WSMAN_INVALID_ACTIONURI.
    pub const INVALID_ACTION: u32 = 0x8033_8001;
    /// ERROR_WSMAN_DESTINATION_UNREACHABLE.
    pub const DESTINATION_UNREACHABLE: u32 = 0x8033_8012;
    /// ERROR_WSMAN_ACTION_NOT_SUPPORTED.
    pub const ACTION_NOT_SUPPORTED: u32 = 0x8033_8013;
    /// ERROR_WSMAN_ENUMERATE_CANNOT_PROCESS_FILTER.
    pub const CANNOT_PROCESS_FILTER: u32 = 0x8033_801a;
    /// ERROR_WSMAN_ENUMERATE_INVALID_ENUMERATION_CONTEXT.
    pub const INVALID_ENUMERATION_CONTEXT: u32 = 0x8033_801b;
    /// ERROR_WSMAN_ENVELOPE_TOO_LARGE.
    pub const ENVELOPE_TOO_LARGE: u32 = 0x8033_8026;
    /// ERROR_WSMAN_OPERATION_TIMEDOUT.
    pub const OPERATION_TIMEDOUT: u32 = 0x8033_8029;
    /// ERROR_WSMAN_INVALID_SELECTORS.
    pub const INVALID_SELECTORS: u32 = 0x8033_803d;
    /// ERROR_WSMAN_QUOTA_LIMIT.
    pub const QUOTA_LIMIT: u32 = 0x8033_803f;
    /// ERROR_WSMAN_SCHEMA_VALIDATION_ERROR.
    pub const SCHEMA_VALIDATION: u32 = 0x8033_8041;
    /// ERROR_WSMAN_MAX_ENVELOPE_SIZE_EXCEEDED.
    pub const MAX_ENVELOPE_SIZE_EXCEEDED: u32 = 0x8033_8048;
    /// ERROR_WSMAN_INSUFFCIENT_SELECTORS.
    pub const INSUFFICIENT_SELECTORS: u32 = 0x8033_805a;
    /// Unexpected selectors.
    pub const UNEXPECTED_SELECTORS: u32 = 0x8033_805b;
    /// ERROR_WSMAN_INVALID_URI_WMI_ENUM_WQL.
    pub const WQL_WITH_CLASS: u32 = 0x8033_80fb;
    /// ERROR_WSMAN_QUOTA_MAX_SHELLS; the quota numbers run on to [`QUOTA_SYSTEM`].
    pub const QUOTA_MAX_SHELLS: u32 = 0x8033_81a5;
    /// ERROR_WSMAN_QUOTA_MAX_OPERATIONS.
    pub const QUOTA_MAX_OPERATIONS: u32 = 0x8033_81a6;
    /// ERROR_WSMAN_QUOTA_SYSTEM.
    pub const QUOTA_SYSTEM: u32 = 0x8033_81a8;
    /// ERROR_WSMAN_QUOTA_MAX_OPERATIONS_USER_PPQ.
    pub const QUOTA_OPERATIONS_PPQ: u32 = 0x8033_81e8;

    const NAMES: &[(u32, &str)] = &[
        (ACCESS_DENIED, "access denied"),
        (E_ACCESSDENIED, "access denied"),
        (995, "operation aborted"),
        (WBEM_NOT_FOUND, "WMI: not found"),
        (WBEM_ACCESS_DENIED, "WMI: access denied"),
        (WBEM_INVALID_NAMESPACE, "WMI: invalid namespace"),
        (WBEM_INVALID_CLASS, "WMI: invalid class"),
        (WBEM_INVALID_METHOD, "WMI: invalid method"),
        (WBEM_INVALID_METHOD_PARAMETERS, "WMI: invalid method parameters"),
        (WBEM_METHOD_NOT_IMPLEMENTED, "WMI: method not implemented"),
        (NOT_FOUND, "resource not found"),
        (INVALID_ACTION, "invalid action URI"),
        (DESTINATION_UNREACHABLE, "destination unreachable"),
        (ACTION_NOT_SUPPORTED, "action not supported"),
        (CANNOT_PROCESS_FILTER, "cannot process filter"),
        (INVALID_ENUMERATION_CONTEXT, "invalid enumeration context"),
        (ENVELOPE_TOO_LARGE, "envelope too large"),
        (OPERATION_TIMEDOUT, "operation timed out"),
        (0x8033_8036, "failed authentication"),
        (0x8033_803b, "invalid resource URI"),
        (INVALID_SELECTORS, "invalid selectors"),
        (QUOTA_LIMIT, "quota limit"),
        (SCHEMA_VALIDATION, "schema validation error"),
        (MAX_ENVELOPE_SIZE_EXCEEDED, "maximum envelope size exceeded"),
        (INSUFFICIENT_SELECTORS, "insufficient selectors"),
        (UNEXPECTED_SELECTORS, "unexpected selectors"),
        (0x8033_80fa, "not a singleton, keys are needed"),
        (WQL_WITH_CLASS, "WQL needs the all-classes URI"),
        (0x8033_813b, "another CIM namespace in the selectors"),
        (QUOTA_MAX_SHELLS, "quota: shells"),
        (QUOTA_MAX_OPERATIONS, "quota: operations"),
        (0x8033_81a7, "quota: user"),
        (QUOTA_SYSTEM, "quota: system"),
        (QUOTA_OPERATIONS_PPQ, "quota: operations of the user"),
    ];

    /// A short English name for a number.
    pub fn name(code: u32) -> Option<&'static str> {
        NAMES.iter().find(|(number, _)| *number == code).map(|(_, name)| *name)
    }
}
