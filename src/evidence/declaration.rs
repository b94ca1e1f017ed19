//! The host's own declaration of the replication service, against ours.

use super::Verdict;
use super::exchanged::{Exchanged, words};
use crate::cim::schema::Schema;
use crate::hyperv::service::REPLICATION_SERVICE;
use crate::wsman::Fault;
use crate::xml::Element;

/// The parameter for the recovery point is a reference and not required.
pub(super) fn point_is_optional(messages: &[Exchanged]) -> Verdict {
    let found = match declaration(messages) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let (message, class) = found;
    let parameter = method(class, "InitiateFailover").and_then(|method| parameter(method, "SnapshotSettingData"));
    let Some(parameter) = parameter else {
        return Verdict::refuted("InitiateFailover has no parameter SnapshotSettingData there", [message.number]);
    };
    let is_required = parameter.children().any(|qualifier| {
        let says_so = || qualifier.children().any(|value| value.text().trim().eq_ignore_ascii_case("true"));
        qualifier.attribute("", "NAME").is_some_and(|name| name.eq_ignore_ascii_case("Required")) && says_so()
    });
    // Left out of the answer altogether they say nothing.
    let shows_qualifiers = descend(class, "QUALIFIER", DEEPEST).is_some();
    match (parameter.local(), is_required) {
        ("PARAMETER.REFERENCE", false) if !shows_qualifiers => Verdict::open("the declaration came without qualifiers"),
        ("PARAMETER.REFERENCE", false) => Verdict::confirmed("a reference, not marked Required", [message.number]),
        ("PARAMETER.REFERENCE", true) => Verdict::refuted("it is marked Required", [message.number]),
        (other, _) => Verdict::refuted(format!("it is declared as {other}"), [message.number]),
    }
}

/// Every method that we declare is there, with the parameters we name.
pub(super) fn methods_are_there(messages: &[Exchanged]) -> Verdict {
    let (message, class) = match declaration(messages) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    // A test sees to it that the class is there.
    let Some(ours) = Schema::builtin().class(REPLICATION_SERVICE) else { return Verdict::open("no class of ours") };
    let (mut same, mut missing) = (0_usize, Vec::new());
    for ours in ours.own_methods() {
        let Some(theirs) = method(class, ours.name.as_str()) else {
            missing.push(ours.name.to_string());
            continue;
        };
        let lacks = |name: &str| parameter(theirs, name).is_none();
        let lost = ours.inputs().chain(ours.outputs()).filter(|parameter| lacks(parameter.name.as_str()));
        missing.extend(lost.map(|parameter| format!("{} of {}", parameter.name, ours.name)));
        same += 1;
    }
    match missing.is_empty() {
        true => Verdict::confirmed(format!("{same} methods with their parameters"), [message.number]),
        false => Verdict::refuted(format!("not there: {}", missing.join(", ")), [message.number]),
    }
}

/// The `CLASS` element of the answer, wherever it stands in it.
fn declaration(messages: &[Exchanged]) -> Result<(&Exchanged, Element<'_>), Verdict> {
    for message in messages {
        if let Some(fault) = message.fault().filter(|fault: &Fault| !fault.is_access_denied()) {
            return Err(Verdict::open(format!("the host gives no declarations: {}", words(&fault))));
        }
        let root = message.reply().map(|reply| reply.document().root());
        if let Some(class) = root.and_then(|root| descend(root, "CLASS", DEEPEST)) {
            return Ok((message, class));
        }
    }
    Err(Verdict::open("no declaration came that could be read"))
}

fn descend<'d>(element: Element<'d>, local: &str, depth: usize) -> Option<Element<'d>> {
    match element.local() == local {
        true => Some(element),
        false if depth == 0 => None,
        false => element.children().find_map(|child| descend(child, local, depth - 1)),
    }
}

fn method<'d>(class: Element<'d>, name: &str) -> Option<Element<'d>> {
    class.children().find(|child| child.local() == "METHOD" && is_named(*child, name))
}

fn parameter<'d>(method: Element<'d>, name: &str) -> Option<Element<'d>> {
    method.children().find(|child| child.local().starts_with("PARAMETER") && is_named(*child, name))
}

fn is_named(element: Element<'_>, name: &str) -> bool {
    element.attribute("", "NAME").is_some_and(|found| found.eq_ignore_ascii_case(name))
}

/// Envelope, body, and what may stand around the class.
const DEEPEST: usize = 8;
