use std::collections::BTreeSet;

use super::*;
use crate::soap::Envelope;
use crate::xml::Document;

const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";

/// A fault with this subcode (prefix and name) and detail.
fn fault(subcode: &str, detail: &str) -> Fault {
    let xml = format!(
        "<s:Envelope xmlns:s=\"{}\" xmlns:w=\"{}\" xmlns:n=\"{}\" xmlns:a=\"{ADDRESSING}\" xmlns:f=\"{}\"><s:Body><s:Fault>\
         <s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>\
         <s:Reason><s:Text xml:lang=\"de-DE\">ein Text, auf den nichts ankommt: invalid namespace</s:Text></s:Reason>\
         <s:Detail>{detail}</s:Detail></s:Fault></s:Body></s:Envelope>",
        ns::SOAP,
        ns::WSMAN,
        ns::ENUMERATION,
        ns::MS_FAULT
    );
    let document = Document::parse(xml.into_bytes()).unwrap();
    Fault::read(Envelope::of(&document).unwrap().payload().unwrap()).unwrap()
}

fn number(number: u32) -> String {
    format!("<f:WSManFault Code=\"{number}\" Machine=\"\"><f:Message>text</f:Message></f:WSManFault>")
}

/// As WMI's provider nests its own number: a fault inside, or the status of the extended error.
fn nested(outer: u32, inner: u32, status: &str) -> String {
    format!(
        "<f:WSManFault Code=\"{outer}\" Machine=\"\"><f:Message><f:ProviderFault provider=\"WMI Provider\" path=\"x\">\
         <f:WSManFault Code=\"{inner}\" Machine=\"\"><f:Message>text</f:Message></f:WSManFault>\
         <f:ExtendedError><p:__ExtendedStatus xmlns:p=\"urn:p\"><p:StatusCode>{status}</p:StatusCode></p:__ExtendedStatus>\
         </f:ExtendedError></f:ProviderFault></f:Message></f:WSManFault>"
    )
}

fn wmi(code: u32, status: u32, id: &str) -> String {
    format!(
        "<p:MSFT_WmiError xmlns:p=\"urn:wmi\"><p:CIMStatusCode>{status}</p:CIMStatusCode><p:MessageID>{id}</p:MessageID>\
         <p:error_Code>{code}</p:error_Code></p:MSFT_WmiError>"
    )
}

#[test]
fn each_number_status_and_subcode_is_in_one_row() {
    let mut seen = BTreeSet::new();
    for row in MEANINGS {
        let keys = row.numbers.iter().map(|number| format!("n{number}"));
        let keys = keys.chain(row.cim_status.iter().map(|status| format!("c{status}")));
        let keys = keys.chain(row.subcodes.iter().map(|(namespace, local)| format!("{namespace} {local}")));
        for key in keys.chain([format!("code {}", row.code), format!("{:?}", row.kind)]) {
            assert!(seen.insert(key.clone()), "{key} twice");
        }
        assert!(!row.says.is_empty() && !row.evidence.is_empty(), "{}", row.code);
        for number in row.numbers {
            assert!(code::name(*number).is_some(), "{number:#x} has no name");
            assert_eq!(fault("w:Unheard", &self::number(*number)).kind(), row.kind, "{number:#x}");
        }
    }
}

#[test]
fn one_number_with_several_causes_is_told_apart_by_what_is_inside() {
    const REFUSED: u32 = code::CANNOT_PROCESS_FILTER;
    let namespace = code::WBEM_INVALID_NAMESPACE;
    for (detail, kind) in [
        (number(REFUSED), FaultKind::Filter),
        (nested(REFUSED, REFUSED, "0"), FaultKind::Filter),
        (nested(REFUSED, REFUSED, &namespace.to_string()), FaultKind::NoNamespace),
        (nested(REFUSED, namespace, ""), FaultKind::NoNamespace),
        (nested(REFUSED, code::WBEM_INVALID_CLASS, "0"), FaultKind::NoClass),
        // Signed, as some tools write HRESULTs.
        (nested(REFUSED, REFUSED, "-2147217394"), FaultKind::NoNamespace),
        (nested(REFUSED, code::WBEM_ACCESS_DENIED, ""), FaultKind::AccessDenied),
        (wmi(REFUSED, 1, "HRESULT 0x8033801a"), FaultKind::Filter),
        (wmi(REFUSED, 3, "HRESULT 0x8033801a"), FaultKind::NoNamespace),
        (wmi(REFUSED, 5, ""), FaultKind::NoClass),
        (wmi(0, 0, "HRESULT 0x8004100e"), FaultKind::NoNamespace),
        (wmi(namespace, 1, "HRESULT 0x8004100E"), FaultKind::NoNamespace),
        (wmi(0x8004_1013, 1, ""), FaultKind::Provider),
    ] {
        let fault = fault("n:CannotProcessFilter", &detail);
        assert_eq!(fault.kind(), kind, "{detail}");
        // The subcode is what it is, whatever the number says.
        assert!(fault.is_filter_refused(), "{detail}");
    }
}

/// virt-who's answer to a wrong namespace has this number and nothing inside it.
#[test]
fn a_filter_is_not_refused_where_none_was_sent() {
    let mut fault = fault("n:CannotProcessFilter", &wmi(code::CANNOT_PROCESS_FILTER, 1, ""));
    assert_eq!(fault.kind(), FaultKind::Filter);
    fault.unfiltered = true;
    assert_eq!((fault.kind(), fault.meaning().code), (FaultKind::NoClass, "no-class"));
    assert!(fault.is_unknown_class());
}

/// The same detail comes from Windows for an instance that is gone, with a number, and from other servers for a URI that they
/// do not know, without.
#[test]
fn a_uri_that_means_nothing_is_told_from_a_missing_instance_by_the_number() {
    let detail =
        "<w:FaultDetail>http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/InvalidResourceURI</w:FaultDetail>";
    let unreachable = |more: &str| fault("a:DestinationUnreachable", &format!("{detail}{more}"));
    assert_eq!(unreachable("").kind(), FaultKind::ResourceUri);
    assert_eq!(unreachable(&number(code::NOT_FOUND)).kind(), FaultKind::NotFound);
    assert_eq!(unreachable(&number(code::INVALID_RESOURCE_URI)).kind(), FaultKind::ResourceUri);
    assert_eq!(fault("a:DestinationUnreachable", "").kind(), FaultKind::NotFound);
    assert!(unreachable("").is_not_found());
}

#[test]
fn what_no_row_knows_is_a_fault_and_its_subcode_still_counts() {
    assert_eq!(fault("w:Unheard", &number(77)).meaning().code, "fault");
    assert_eq!(fault("w:QuotaLimit", &number(77)).kind(), FaultKind::Quota);
    assert_eq!(fault("w:InternalError", &number(code::QUOTA_MAX_OPERATIONS)).kind(), FaultKind::Quota);
    assert_eq!(fault("w:InternalError", "").kind(), FaultKind::Internal);
}
