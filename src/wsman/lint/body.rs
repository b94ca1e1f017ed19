//! Rules about bodies.

use crate::xml::{Element, ns};

use super::super::decode::Content;
use super::super::filter::{ASSOCIATION_DIALECT, SELECTOR_DIALECT};
use super::super::request::RequestBody;
use super::super::{create, delete, enumerate, get, pull, put, release, renew, subscribe, unsubscribe, wql};
use super::Sheet;

pub(super) fn fragment(sheet: &Sheet<'_>) -> Vec<String> {
    if sheet.decoded.header.fragment.is_none() || sheet.decoded.is_reply() {
        return Vec::new();
    }
    match sheet.action() {
        get::ACTION => Vec::new(),
        put::ACTION if sheet.payload().is_some_and(|payload| payload.is(ns::WSMAN, "XmlFragment")) => Vec::new(),
        put::ACTION => vec!["the body of the Put is no w:XmlFragment".to_owned()],
        other => vec![format!("the action is {other}")],
    }
}

pub(super) fn fits_action(sheet: &Sheet<'_>) -> Vec<String> {
    if !sheet.is_request() {
        return Vec::new();
    }
    let payload = sheet.payload();
    let shown = payload.map_or_else(|| "empty".to_owned(), |payload| format!("<{}>", payload.local()));
    let Some((_, wanted)) = BODIES.iter().find(|(action, _)| *action == sheet.action()) else { return Vec::new() };
    let fits = match (wanted, payload) {
        (Wanted::Nothing, payload) => payload.is_none(),
        (Wanted::Something, payload) => payload.is_some(),
        (Wanted::Element(namespace, local), payload) => payload.is_some_and(|payload| payload.is(namespace, local)),
    };
    let wanted = match wanted {
        Wanted::Nothing => "an empty body",
        Wanted::Something => "a resource in the body",
        Wanted::Element(_, local) => local,
    };
    if fits { Vec::new() } else { vec![format!("the action wants {wanted}, and the body is {shown}")] }
}

enum Wanted {
    Nothing,
    Something,
    Element(&'static str, &'static str),
}

const BODIES: &[(&str, Wanted)] = &[
    (get::ACTION, Wanted::Nothing),
    (delete::ACTION, Wanted::Nothing),
    (put::ACTION, Wanted::Something),
    (create::ACTION, Wanted::Something),
    (enumerate::ACTION, Wanted::Element(ns::ENUMERATION, "Enumerate")),
    (pull::ACTION, Wanted::Element(ns::ENUMERATION, "Pull")),
    (release::ACTION, Wanted::Element(ns::ENUMERATION, "Release")),
    (subscribe::ACTION, Wanted::Element(ns::EVENTING, "Subscribe")),
    (renew::ACTION, Wanted::Element(ns::EVENTING, "Renew")),
    (unsubscribe::ACTION, Wanted::Element(ns::EVENTING, "Unsubscribe")),
];

pub(super) fn method(sheet: &Sheet<'_>) -> Vec<String> {
    let Content::Input { method, parameters } = sheet.decoded.content() else { return Vec::new() };
    let mut found = Vec::new();
    // URIs are compared without case, the name of the method with it: it is an element too.
    let (head, name) = sheet.action().rsplit_once('/').unwrap_or_default();
    if !head.eq_ignore_ascii_case(sheet.resource()) || name != method {
        found.push(format!("the action is {:?}, and the call of {}/{method}", sheet.action(), sheet.resource()));
    }
    if !parameters.class_uri().eq_ignore_ascii_case(sheet.resource()) {
        found.push(format!("the body is in the namespace {:?}", parameters.class_uri()));
    }
    let foreign = parameters.element().children().filter(|child| !child.same_namespace(parameters.element()));
    found.extend(foreign.map(|child| format!("the parameter {} is in another namespace", child.local())));
    found
}

/// The parameters of a method call.
fn parameters<'d>(sheet: &Sheet<'d>) -> Vec<Element<'d>> {
    let payload = sheet.payload().filter(|payload| payload.local().ends_with("_INPUT"));
    payload.into_iter().flat_map(Element::children).collect()
}

pub(super) fn reference_parameter(sheet: &Sheet<'_>) -> Vec<String> {
    let wrapped = |parameter: &Element<'_>| parameter.child(ns::ADDRESSING, "EndpointReference").is_some();
    parameters(sheet).into_iter().filter(wrapped).map(|parameter| format!("{} holds one", parameter.local())).collect()
}

pub(super) fn embedded_instance(sheet: &Sheet<'_>) -> Vec<String> {
    const OWN: [&str; 3] = [ns::ADDRESSING, ns::WSMAN, ns::CIM];
    let is_instance = |child: Element<'_>| !OWN.contains(&child.namespace());
    let holds = |parameter: &Element<'_>| parameter.children().any(is_instance);
    parameters(sheet)
        .into_iter()
        .filter(holds)
        .map(|parameter| format!("{} holds elements", parameter.local()))
        .collect()
}

pub(super) fn null_parameter(sheet: &Sheet<'_>) -> Vec<String> {
    let nil = parameters(sheet).into_iter().filter(|parameter| parameter.is_nil());
    nil.map(|parameter| format!("{} is sent as xsi:nil", parameter.local())).collect()
}

pub(super) fn filter(sheet: &Sheet<'_>) -> Vec<String> {
    let Some(payload) = sheet.payload().filter(|_| sheet.is_request()) else { return Vec::new() };
    let filters: Vec<_> = payload.children().filter(|child| child.local() == "Filter").collect();
    let mut found = Vec::new();
    if filters.len() > 1 {
        found.push(format!("there are {}", filters.len()));
    }
    // Other servers have rules of their own, and mostly no WQL.
    let is_all = sheet.resource().ends_with("/*");
    for filter in filters.into_iter().filter(|_| sheet.is_windows()) {
        match (filter.attribute("", "Dialect").unwrap_or(""), is_all) {
            (wql::DIALECT, false) => found.push("WQL is sent to a class".to_owned()),
            (ASSOCIATION_DIALECT, false) => found.push("an association filter is sent to a class".to_owned()),
            (SELECTOR_DIALECT, true) => found.push("a selector filter is sent to all classes".to_owned()),
            _ => {}
        }
    }
    found
}

pub(super) fn enumeration_mode(sheet: &Sheet<'_>) -> Vec<String> {
    let mode = enumerate_body(sheet).and_then(|body| body.child(ns::WSMAN, "EnumerationMode"));
    match mode.map(|mode| mode.text().trim()) {
        None | Some("EnumerateEPR" | "EnumerateObjectAndEPR") => Vec::new(),
        Some(other) => vec![format!("{other:?} is none of them")],
    }
}

pub(super) fn polymorphism(sheet: &Sheet<'_>) -> Vec<String> {
    let mode = enumerate_body(sheet).and_then(|body| body.child(ns::CIM_BINDING, "PolymorphismMode"));
    let mode = mode.filter(|_| sheet.is_windows());
    mode.map(|mode| format!("{:?} is asked of it", mode.text().trim())).into_iter().collect()
}

pub(super) fn max_elements(sheet: &Sheet<'_>) -> Vec<String> {
    let Some(payload) = sheet.payload() else { return Vec::new() };
    let limits = payload.children().filter(|child| child.local() == "MaxElements");
    let bad = limits.filter(|limit| !matches!(limit.text().trim().parse::<u32>(), Ok(1..)));
    bad.map(|limit| format!("{:?} is none", limit.text().trim())).collect()
}

pub(super) fn one_by_one(sheet: &Sheet<'_>) -> Vec<String> {
    match sheet.decoded.content() {
        Content::Request(RequestBody::Pull { max_elements: None, .. }) => vec!["the Pull has none".to_owned()],
        Content::Request(RequestBody::Enumerate { optimize: true, max_elements: None, .. }) => {
            vec!["the optimised Enumerate has none".to_owned()]
        }
        _ => Vec::new(),
    }
}

pub(super) fn context(sheet: &Sheet<'_>) -> Vec<String> {
    match sheet.decoded.content() {
        Content::Request(RequestBody::Pull { context, .. } | RequestBody::Release { context })
            if context.is_empty() =>
        {
            vec!["it is missing or empty".to_owned()]
        }
        _ => Vec::new(),
    }
}

pub(super) fn identify_namespace(sheet: &Sheet<'_>) -> Vec<String> {
    let payload = sheet.payload().filter(|payload| sheet.is_identify_reply() && payload.namespace() != ns::IDENTITY);
    payload.map(|payload| format!("it is in {:?}", payload.namespace())).into_iter().collect()
}

pub(super) fn size(sheet: &Sheet<'_>) -> Vec<String> {
    const MOST: usize = 512_000;
    let large = sheet.length > MOST && sheet.is_request();
    large.then(|| format!("this is {} bytes", sheet.length)).into_iter().collect()
}

fn enumerate_body<'d>(sheet: &Sheet<'d>) -> Option<Element<'d>> {
    sheet.payload().filter(|payload| payload.is(ns::ENUMERATION, "Enumerate"))
}
