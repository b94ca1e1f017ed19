//! Rules about headers.

use crate::cim::Interval;
use crate::soap::ANONYMOUS;
use crate::xml::{Element, ns};

use super::super::selector::SelectorSet;
use super::Sheet;

pub(super) fn duplicate(sheet: &Sheet<'_>) -> Vec<String> {
    const ONCE: [&str; 3] = [ns::WSMAN, ns::ADDRESSING, ns::EVENTING];
    let mut found = Vec::new();
    for (place, header) in sheet.headers.iter().enumerate() {
        let same = |other: &&Element<'_>| other.is(header.namespace(), header.local());
        let before = sheet.headers.iter().take(place).filter(same).count();
        // RelatesTo may come more than once, with another RelationshipType each.
        if before == 1 && ONCE.contains(&header.namespace()) && !header.is(ns::ADDRESSING, "RelatesTo") {
            found.push(format!("{} comes twice", header.local()));
        }
    }
    found
}

pub(super) fn to(sheet: &Sheet<'_>) -> Vec<String> {
    let missing = sheet.decoded.header.to.is_none() && !sheet.is_identify();
    missing.then(|| "a:To is missing or empty".to_owned()).into_iter().collect()
}

pub(super) fn action(sheet: &Sheet<'_>) -> Vec<String> {
    let missing = sheet.action().is_empty() && !sheet.is_identify();
    missing.then(|| "a:Action is missing or empty".to_owned()).into_iter().collect()
}

pub(super) fn message_id(sheet: &Sheet<'_>) -> Vec<String> {
    let missing = sheet.decoded.header.message_id.is_none() && sheet.is_request();
    missing.then(|| "a:MessageID is missing or empty".to_owned()).into_iter().collect()
}

pub(super) fn message_id_form(sheet: &Sheet<'_>) -> Vec<String> {
    let Some(id) = sheet.decoded.header.message_id.as_deref() else { return Vec::new() };
    let uuid = id.strip_prefix("urn:").unwrap_or(id).strip_prefix("uuid:");
    let groups = uuid.map(|uuid| uuid.split('-').map(str::len).collect::<Vec<_>>());
    let is_hex = uuid.is_some_and(|uuid| uuid.chars().all(|c| c.is_ascii_hexdigit() || c == '-'));
    match groups.as_deref() {
        Some([8, 4, 4, 4, 12]) if is_hex => Vec::new(),
        _ => vec![format!("{id:?} is not uuid: and a UUID")],
    }
}

pub(super) fn reply_to(sheet: &Sheet<'_>) -> Vec<String> {
    match sheet.decoded.header.reply_to.as_deref() {
        _ if !sheet.is_request() => Vec::new(),
        None => vec!["a:ReplyTo is missing, or has no a:Address".to_owned()],
        Some(ANONYMOUS) => Vec::new(),
        Some(other) => vec![format!("the reply is to go to {other:?}")],
    }
}

pub(super) fn fault_to(sheet: &Sheet<'_>) -> Vec<String> {
    let Some(header) = sheet.header(ns::ADDRESSING, "FaultTo") else { return Vec::new() };
    match header.child(ns::ADDRESSING, "Address").map(|address| address.text().trim()) {
        Some(ANONYMOUS) => Vec::new(),
        other => vec![format!("faults are to go to {:?}", other.unwrap_or(""))],
    }
}

pub(super) fn resource_uri(sheet: &Sheet<'_>) -> Vec<String> {
    // Requests to the manager of a subscription are named by their To.
    let is_manager = sheet.decoded.header.subscription.is_some();
    let missing = sheet.is_request() && sheet.resource().is_empty() && !is_manager;
    missing.then(|| "w:ResourceURI is missing or empty".to_owned()).into_iter().collect()
}

pub(super) fn order(sheet: &Sheet<'_>) -> Vec<String> {
    let place = |local| sheet.headers.iter().position(|header| header.is(ns::WSMAN, local));
    match (place("SelectorSet"), place("ResourceURI")) {
        (Some(selectors), Some(resource)) if selectors < resource => vec!["w:SelectorSet comes first".to_owned()],
        _ => Vec::new(),
    }
}

pub(super) fn selectors(sheet: &Sheet<'_>) -> Vec<String> {
    let Some(set) = sheet.header(ns::WSMAN, "SelectorSet") else { return Vec::new() };
    let set = SelectorSet::read(set);
    let names: Vec<_> = set.iter().map(|selector| selector.name.as_str()).collect();
    let mut found = Vec::new();
    if names.iter().any(|name| name.is_empty()) {
        found.push("a selector has no name".to_owned());
    }
    for (place, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if names.iter().take(place).filter(|other| other.eq_ignore_ascii_case(name)).count() == 1 {
            found.push(format!("the selector {name} comes twice"));
        }
    }
    found
}

pub(super) fn namespace_selector(sheet: &Sheet<'_>) -> Vec<String> {
    let Some(selector) = sheet.decoded.header.selectors.value("__cimnamespace") else { return Vec::new() };
    let path = sheet.resource().to_ascii_lowercase();
    let named = path.split_once("/wmi/").and_then(|(_, path)| path.rsplit_once('/')).map(|(namespace, _)| namespace);
    match named {
        Some(named) if sheet.is_windows() && named != selector.replace('\\', "/").to_ascii_lowercase() => {
            vec![format!("the selector says {selector}, the URI {named}")]
        }
        _ => Vec::new(),
    }
}

pub(super) fn max_envelope_size(sheet: &Sheet<'_>) -> Vec<String> {
    let Some(header) = sheet.header(ns::WSMAN, "MaxEnvelopeSize") else { return Vec::new() };
    match header.text().trim().parse::<u64>() {
        Ok(8192..) => Vec::new(),
        Ok(small) => vec![format!("{small} is less than 8192")],
        Err(_) => vec![format!("{:?} is no number", header.text().trim())],
    }
}

pub(super) fn operation_timeout(sheet: &Sheet<'_>) -> Vec<String> {
    let Some(text) = sheet.decoded.header.operation_timeout.as_deref() else { return Vec::new() };
    let is_duration = Interval::from_iso(text).is_ok_and(|interval| interval.to_duration().is_some());
    if is_duration { Vec::new() } else { vec![format!("{text:?} is no duration")] }
}

pub(super) fn locale(sheet: &Sheet<'_>) -> Vec<String> {
    language(sheet.header(ns::WSMAN, "Locale"))
}

pub(super) fn data_locale(sheet: &Sheet<'_>) -> Vec<String> {
    language(sheet.header(ns::MS_WSMAN, "DataLocale"))
}

/// How a header is marked, in SOAP's namespace or in none: the latter has a rule of its own.
fn mark<'d>(header: Element<'d>) -> Option<&'d str> {
    header.attribute(ns::SOAP, "mustUnderstand").or(header.attribute("", "mustUnderstand"))
}

fn language(header: Option<Element<'_>>) -> Vec<String> {
    let Some(header) = header else { return Vec::new() };
    let mut found = Vec::new();
    match mark(header) {
        Some("false" | "0") => {}
        Some(other) => found.push(format!("{} is marked mustUnderstand={other:?}", header.local())),
        None => found.push(format!("{} is not marked", header.local())),
    }
    if header.attribute(ns::XML, "lang").is_none_or(str::is_empty) {
        found.push(format!("{} has no xml:lang", header.local()));
    }
    found
}

pub(super) fn must_understand(sheet: &Sheet<'_>) -> Vec<String> {
    const KNOWN: &[(&str, &[&str])] = &[
        (ns::ADDRESSING, &["To", "Action", "MessageID", "RelatesTo", "ReplyTo", "FaultTo", "From"]),
        (
            ns::WSMAN,
            &[
                "ResourceURI",
                "SelectorSet",
                "OptionSet",
                "MaxEnvelopeSize",
                "OperationTimeout",
                "FragmentTransfer",
                "Locale",
                "RequestEPR",
                "RequestTotalItemsCountEstimate",
                "TotalItemsCountEstimate",
            ],
        ),
        (ns::EVENTING, &["Identifier"]),
        (ns::MS_WSMAN, &["DataLocale", "SessionId", "OperationID", "SequenceId", "ActivityId"]),
    ];
    let marked = sheet.decoded.header.must_understand.iter();
    let unknown = marked.filter(|(namespace, local)| {
        !KNOWN.iter().any(|(uri, names)| uri == namespace && names.contains(&local.as_str()))
    });
    unknown.map(|(namespace, local)| format!("{{{namespace}}}{local} is marked and may not be known")).collect()
}

pub(super) fn must_understand_namespace(sheet: &Sheet<'_>) -> Vec<String> {
    let bare = sheet.headers.iter().filter(|header| header.attribute("", "mustUnderstand").is_some());
    bare.map(|header| format!("{} has one in no namespace", header.local())).collect()
}

pub(super) fn namespace(sheet: &Sheet<'_>) -> Vec<String> {
    let bare = sheet.headers.iter().filter(|header| header.namespace().is_empty());
    bare.map(|header| format!("{} is in none", header.local())).collect()
}

pub(super) fn operation_id(sheet: &Sheet<'_>) -> Vec<String> {
    let found = ["OperationID", "SequenceId"].into_iter().filter(|local| sheet.header(ns::MS_WSMAN, local).is_some());
    found.filter(|_| !sheet.decoded.is_reply()).map(|local| format!("{local} is there")).collect()
}

pub(super) fn must_comply(sheet: &Sheet<'_>) -> Vec<String> {
    let options = sheet.decoded.header.options.iter().filter(|option| option.must_comply && sheet.is_windows());
    options.map(|option| format!("the option {} is", option.name)).collect()
}

pub(super) fn fragment_mark(sheet: &Sheet<'_>) -> Vec<String> {
    let header = sheet.header(ns::WSMAN, "FragmentTransfer");
    match header.map(mark) {
        None | Some(Some("true" | "1")) => Vec::new(),
        Some(other) => vec![format!("it is marked {:?}", other.unwrap_or("not at all"))],
    }
}

pub(super) fn relates_to(sheet: &Sheet<'_>) -> Vec<String> {
    let is_other = !is_fault(sheet) && !sheet.is_identify();
    lacks_relates_to(sheet).filter(|_| is_other).into_iter().collect()
}

pub(super) fn fault_relates_to(sheet: &Sheet<'_>) -> Vec<String> {
    lacks_relates_to(sheet).filter(|_| is_fault(sheet)).into_iter().collect()
}

fn lacks_relates_to(sheet: &Sheet<'_>) -> Option<String> {
    let missing = sheet.decoded.is_reply() && sheet.decoded.relates_to.as_deref().is_none_or(str::is_empty);
    missing.then(|| "a:RelatesTo is missing or empty".to_owned())
}

fn is_fault(sheet: &Sheet<'_>) -> bool {
    sheet.payload().is_some_and(|payload| payload.is(ns::SOAP, "Fault"))
}
