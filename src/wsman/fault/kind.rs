//! One table of what hosts refuse with, and what that means: for decisions, and for the person who has to act.
//!
//! Numbers decide, never texts. Where one number has several causes, the numbers inside it tell (WMI's, CIM's), or what was
//! asked: a refused filter where none was sent is a class or a namespace that is not there.

use super::{Fault, code};
use crate::xml::ns;

/// What a fault means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The account may not do this.
    AccessDenied,
    /// A quota of the host is used up.
    Quota,
    /// OperationTimeout ran out on the host: the work may go on.
    TimedOut,
    /// The CIM namespace is not there.
    NoNamespace,
    /// The class is not there, or its namespace is not.
    NoClass,
    /// The provider behind the class is not there, or does not load.
    Provider,
    /// No such instance, or no such class: hosts use one number for both.
    NotFound,
    /// The resource URI means nothing to the host, or its selectors lead nowhere: hosts other than Windows have one fault
    /// for both.
    ResourceUri,
    /// Selectors and resource URI name different namespaces.
    OtherNamespace,
    /// The selectors are no keys, or too few, or needed.
    Selectors,
    /// The filter was refused: its language, its text, or a class or namespace that it names.
    Filter,
    /// The enumeration context is stale.
    Context,
    /// The body does not fit the class or the method.
    Schema,
    /// Request or reply does not fit the envelope size.
    EnvelopeSize,
    /// The class does not have the method, or the resource not the operation.
    Method,
    /// The method was called with other parameters than it takes, or its service with too few selectors.
    Parameters,
    /// The host failed, and says no more.
    Internal,
    /// Anything else.
    Other,
}

/// A row of the table.
#[derive(Debug)]
#[non_exhaustive]
pub struct FaultMeaning {
    /// What it is, for decisions.
    pub kind: FaultKind,
    /// A stable short name for scripts.
    pub code: &'static str,
    /// What it means, for people.
    pub says: &'static str,
    /// What to do about it; empty where that depends on what was asked.
    pub remedy: &'static str,
    /// How we know.
    pub evidence: &'static str,
    /// Windows error numbers: of WS-Management, of WMI, of Windows itself.
    numbers: &'static [u32],
    /// `CIMStatusCode` (DSP0200 5.2.6).
    cim_status: &'static [u32],
    /// Namespace and local name of the subcode.
    subcodes: &'static [(&'static str, &'static str)],
}

impl FaultMeaning {
    /// The row of a kind.
    pub fn of(kind: FaultKind) -> &'static FaultMeaning {
        MEANINGS.iter().find(|row| row.kind == kind).unwrap_or(&OTHER)
    }

    fn by_number(number: u32) -> Option<&'static FaultMeaning> {
        MEANINGS.iter().find(|row| row.numbers.contains(&number))
    }
}

impl Fault {
    /// What the fault means: told by the innermost number that the table knows, before that of a refused filter, which
    /// covers much; then by the status of CIM, then by the subcode.
    pub fn meaning(&self) -> &'static FaultMeaning {
        let numbers = self.numbers();
        let known = || numbers.iter().filter_map(|number| FaultMeaning::by_number(*number));
        let by_number = known().find(|row| row.kind != FaultKind::Filter).or_else(|| known().next());
        let status = self.wmi.as_ref().and_then(|wmi| wmi.cim_status);
        let by_status = status.and_then(|status| MEANINGS.iter().find(|row| row.cim_status.contains(&status)));
        let found = match by_number {
            // This number covers a missing class or namespace, and the status may tell.
            Some(row) if row.kind == FaultKind::Filter => by_status.or(by_number),
            Some(row) => Some(row),
            None => by_status,
        };
        let is_uri =
            numbers.is_empty() && self.detail.as_deref().is_some_and(|uri| uri.ends_with(INVALID_RESOURCE_URI));
        let found = found.or(is_uri.then(|| FaultMeaning::of(FaultKind::ResourceUri)));
        let by_subcode = || MEANINGS.iter().find(|row| self.has_subcode_of(row));
        match found.or_else(by_subcode) {
            Some(row) if row.kind == FaultKind::Filter && self.unfiltered => FaultMeaning::of(FaultKind::NoClass),
            Some(row) => row,
            None => &OTHER,
        }
    }

    /// [`Fault::meaning`], for decisions.
    pub fn kind(&self) -> FaultKind {
        self.meaning().kind
    }

    /// Whether subcode or number are of this kind, or the whole fault means it: a fault may be of several.
    pub(super) fn is(&self, kind: FaultKind) -> bool {
        let row = FaultMeaning::of(kind);
        self.has_subcode_of(row)
            || self.code().is_some_and(|code| row.numbers.contains(&code))
            || self.meaning().kind == kind
    }

    fn has_subcode_of(&self, row: &FaultMeaning) -> bool {
        row.subcodes.iter().any(|(namespace, local)| self.soap.has_subcode(namespace, local))
    }

    /// Every Windows error number in the fault, the innermost first; what says nothing left out.
    fn numbers(&self) -> Vec<u32> {
        let mut numbers = Vec::new();
        let mut open = self.wsman.as_ref();
        while let Some(fault) = open {
            numbers.push(fault.code);
            let provider = fault.provider.as_ref();
            let status = provider.and_then(|provider| provider.extended.iter().find(|(name, _)| name == "StatusCode"));
            numbers.extend(status.and_then(|(_, text)| super::number(text)));
            open = provider.and_then(|provider| provider.inner.as_deref());
        }
        numbers.reverse();
        if let Some(wmi) = &self.wmi {
            // WMI's own number may stand in the id of the message alone (seen in what PowerShell shows of it).
            let id = wmi.message_id.rsplit_once("0x").and_then(|(_, hex)| u32::from_str_radix(hex.trim(), 16).ok());
            numbers.extend(wmi.code);
            numbers.extend(id.filter(|id| Some(*id) != wmi.code));
        }
        numbers.retain(|number| *number != 0);
        numbers
    }
}

/// What an account needs on the host (specified; that it is enough is not known, E23).
pub const RIGHTS: &str = "the account needs: WinRM access (local Administrators or Remote Management Users), Remote \
    Enable and Execute Methods on the WMI namespace root/virtualization/v2, and Hyper-V Administrators; a local account \
    other than the built-in Administrator is filtered by UAC unless LocalAccountTokenFilterPolicy is 1";

/// The table; no number, status or subcode is in two rows.
pub static MEANINGS: &[FaultMeaning] = &[
    FaultMeaning {
        kind: FaultKind::AccessDenied,
        code: "access-denied",
        says: "the account may not do this",
        remedy: RIGHTS,
        evidence: "5 and 0x80041003 captured (pywinrm, go-wsman); E_ACCESSDENIED winerror.h; CIM_ERR_ACCESS_DENIED DSP0200",
        numbers: &[code::ACCESS_DENIED, code::WBEM_ACCESS_DENIED, code::E_ACCESSDENIED],
        cim_status: &[2],
        subcodes: &[(ns::WSMAN, "AccessDenied")],
    },
    FaultMeaning {
        kind: FaultKind::Quota,
        code: "quota",
        says: "a quota of the host is used up",
        remedy: "a quota of the host is used up: close other sessions of this account, or try again in a minute",
        evidence: "2150859174 captured (txwinrm); the others wsmerror.h; subcode DSP0226 14.6",
        numbers: &[
            code::QUOTA_LIMIT,
            code::QUOTA_MAX_SHELLS,
            code::QUOTA_MAX_OPERATIONS,
            code::QUOTA_USER,
            code::QUOTA_SYSTEM,
            code::QUOTA_OPERATIONS_PPQ,
        ],
        cim_status: &[],
        subcodes: &[(ns::WSMAN, "QuotaLimit")],
    },
    FaultMeaning {
        kind: FaultKind::TimedOut,
        code: "timed-out",
        says: "the host did not get done within the time it was given; the work may go on there",
        remedy: "give it more time with --operation-timeout; before anything is ordered again, look at what it has done",
        evidence: "2150858793 captured (pywinrm, pypsrp); subcode DSP0226 14.6",
        numbers: &[code::OPERATION_TIMEDOUT],
        cim_status: &[],
        subcodes: &[(ns::WSMAN, "TimedOut")],
    },
    FaultMeaning {
        kind: FaultKind::NoNamespace,
        code: "no-namespace",
        says: "the host has no such CIM namespace",
        remedy: "check --namespace and that this is the Hyper-V host: with the Hyper-V role installed the host has \
            root/virtualization/v2 (since Windows Server 2012); if it is installed, repair its WMI provider",
        evidence: "WBEM_E_INVALID_NAMESPACE (WMI error constants; seen on Windows 11 for a namespace that is not there)",
        numbers: &[code::WBEM_INVALID_NAMESPACE],
        cim_status: &[3],
        subcodes: &[],
    },
    FaultMeaning {
        kind: FaultKind::NoClass,
        code: "no-class",
        says: "the host has no such class, or not the CIM namespace that it is asked for in",
        remedy: "check the name of the class, --namespace, and that this is the Hyper-V host: is the Hyper-V role installed \
            there?",
        evidence: "WBEM_E_INVALID_CLASS captured inside 2150858778 (WinRb), which alone comes for a missing namespace too \
            (virt-who's wrong-namespace answer) and without any filter",
        numbers: &[code::WBEM_INVALID_CLASS],
        cim_status: &[5],
        subcodes: &[],
    },
    FaultMeaning {
        kind: FaultKind::Provider,
        code: "wmi-provider",
        says: "the WMI provider behind the class is not there, or does not load",
        remedy: "on the host, as administrator: restart Winmgmt and the Hyper-V service (vmms), which stops no VM; if that does \
            not help, register the classes again: mofcomp %SystemRoot%\\System32\\WindowsVirtualization.V2.mof",
        evidence: "WBEM_E_PROVIDER_NOT_FOUND, _INVALID_PROVIDER_REGISTRATION, _PROVIDER_LOAD_FAILURE, _INITIALIZATION_FAILURE \
            (WMI error constants)",
        numbers: &[0x8004_1011, 0x8004_1012, code::WBEM_PROVIDER_LOAD_FAILURE, 0x8004_1014],
        cim_status: &[],
        subcodes: &[],
    },
    FaultMeaning {
        kind: FaultKind::NotFound,
        code: "not-found",
        says: "the host has no such instance, or no such class",
        remedy: "check the class, its keys and the namespace",
        evidence: "2150858752 captured for an instance that is gone (OMI's capture of Server 2012 R2); WBEM_E_NOT_FOUND",
        numbers: &[code::NOT_FOUND, code::DESTINATION_UNREACHABLE, code::WBEM_NOT_FOUND],
        cim_status: &[6],
        subcodes: &[(ns::ADDRESSING, "DestinationUnreachable")],
    },
    FaultMeaning {
        kind: FaultKind::ResourceUri,
        code: "resource-uri",
        says: "the host knows nothing by this resource URI: another form of URIs is wanted, another namespace or class, or the \
            keys lead nowhere",
        remedy: "ask what answers there (hvr wsman identify): a server other than Windows wants --base dmtf; check class, keys \
            and --namespace",
        evidence: "0x8033803b wsmerror.h; the detail InvalidResourceURI without a number: OMI, OpenPegasus, Openwsman (DSP0226 \
            14.6); with Windows' number it comes for a missing instance too (captured)",
        numbers: &[code::INVALID_RESOURCE_URI],
        cim_status: &[],
        subcodes: &[],
    },
    FaultMeaning {
        kind: FaultKind::OtherNamespace,
        code: "other-namespace",
        says: "the selector __cimnamespace and the resource URI name different namespaces",
        remedy: "leave the selector out: --cimnamespace=false",
        evidence: "2150859067 wsmerror.h; captured as w:InternalError with that text (microsoft/omi issue 398)",
        numbers: &[code::DIFFERENT_CIM_SELECTOR],
        cim_status: &[],
        subcodes: &[],
    },
    FaultMeaning {
        kind: FaultKind::Selectors,
        code: "selectors",
        says: "the selectors are no keys of the class, are too few, or are needed and not there",
        remedy: "name every key of the instance, and nothing else",
        evidence: "w:InvalidSelectors seen on a live host; the numbers wsmerror.h",
        numbers: &[code::INVALID_SELECTORS, code::INSUFFICIENT_SELECTORS, code::UNEXPECTED_SELECTORS],
        cim_status: &[],
        subcodes: &[(ns::WSMAN, "InvalidSelectors")],
    },
    FaultMeaning {
        kind: FaultKind::Filter,
        code: "filter",
        says: "the host does not take the filter: its language, its text, or the class or namespace that it names",
        remedy: "check the query, its class and --namespace; servers other than Windows mostly take no WQL",
        evidence: "2150858778 captured (WinRb), seen for WQL with a class URI (go-wsman); the others wsmerror.h and WMI error \
            constants; Openwsman and OpenPegasus answer by subcode",
        numbers: &[
            code::FILTERING_NOT_SUPPORTED,
            code::FILTER_DIALECT_UNAVAILABLE,
            code::CANNOT_PROCESS_FILTER,
            code::WQL_WITH_CLASS,
            code::WBEM_INVALID_QUERY,
            code::WBEM_INVALID_QUERY_TYPE,
        ],
        cim_status: &[14, 15],
        subcodes: &[
            (ns::ENUMERATION, "CannotProcessFilter"),
            (ns::ENUMERATION, "FilteringNotSupported"),
            (ns::ENUMERATION, "FilterDialectRequestedUnavailable"),
        ],
    },
    FaultMeaning {
        kind: FaultKind::Context,
        code: "enumeration-context",
        says: "the host has given the enumeration up: it waited too long, or was started anew",
        remedy: "ask again from the start",
        evidence: "MS-WSMV 3.1.5.1; 2150858779 wsmerror.h",
        numbers: &[code::INVALID_ENUMERATION_CONTEXT],
        cim_status: &[],
        subcodes: &[(ns::ENUMERATION, "InvalidEnumerationContext")],
    },
    FaultMeaning {
        kind: FaultKind::Schema,
        code: "schema",
        says: "the body of the request does not fit the class or the method",
        remedy: "check names and types against the declaration: hvr schema show CLASS",
        evidence: "w:SchemaValidationError seen on a live host; 2150858817 wsmerror.h",
        numbers: &[code::SCHEMA_VALIDATION],
        cim_status: &[],
        subcodes: &[(ns::WSMAN, "SchemaValidationError")],
    },
    FaultMeaning {
        kind: FaultKind::EnvelopeSize,
        code: "envelope-size",
        says: "the request, or the answer to it, does not fit the envelope size",
        remedy: "ask for less at a time, or raise MaxEnvelopeSizekb on the host",
        evidence: "MS-WSMV 3.1.4.1.7, .20; the numbers wsmerror.h",
        numbers: &[code::ENVELOPE_TOO_LARGE, code::MAX_ENVELOPE_SIZE_EXCEEDED],
        cim_status: &[],
        subcodes: &[(ns::WSMAN, "EncodingLimit")],
    },
    FaultMeaning {
        kind: FaultKind::Method,
        code: "unknown-method",
        says: "the class does not have the method, or the resource not the operation",
        remedy: "an older host may lack it; check the name of the method: hvr schema show CLASS",
        evidence: "MS-WSMV 3.1.4.1.34.1; WBEM_E_INVALID_METHOD, WBEM_E_METHOD_NOT_IMPLEMENTED; DSP0200",
        numbers: &[
            code::ACTION_NOT_SUPPORTED,
            code::INVALID_ACTION,
            code::WBEM_INVALID_METHOD,
            code::WBEM_METHOD_NOT_IMPLEMENTED,
        ],
        cim_status: &[16, 17],
        subcodes: &[(ns::ADDRESSING, "ActionNotSupported")],
    },
    FaultMeaning {
        kind: FaultKind::Parameters,
        code: "method-parameters",
        says: "the method takes other parameters, or its service wants all its selectors",
        remedy: "",
        evidence: "0x8004102f seen on a live host for a service without selectors",
        numbers: &[code::WBEM_INVALID_METHOD_PARAMETERS],
        cim_status: &[],
        subcodes: &[],
    },
    FaultMeaning {
        kind: FaultKind::Internal,
        code: "internal-error",
        says: "the host failed, and does not say why",
        remedy: "",
        evidence: "seen on live hosts for a service without selectors; MS-WSMV 3.1.4.1.19",
        numbers: &[],
        cim_status: &[],
        subcodes: &[(ns::WSMAN, "InternalError")],
    },
];

/// What no row knows.
static OTHER: FaultMeaning = FaultMeaning {
    kind: FaultKind::Other,
    code: "fault",
    says: "the host refuses, for a reason of its own",
    remedy: "",
    evidence: "",
    numbers: &[],
    cim_status: &[],
    subcodes: &[],
};

/// Last part of the FaultDetail URI (DSP0226 14.6).
const INVALID_RESOURCE_URI: &str = "/InvalidResourceURI";

#[cfg(test)]
mod tests;
