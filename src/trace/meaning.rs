//! What a request means, apart from what is new each time it is sent; and where two answers to it differ.
//!
//! Two requests mean the same when action, resource, selectors, options and body are the same: prefixes, white space
//! between elements, the order of headers and selectors, generated ids, addresses, sizes, languages and timeouts do
//! not count.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::soap::Envelope;
use crate::wsman::diff::{Difference, diff_answers};
use crate::wsman::invoke::reads_only;
use crate::wsman::{Request, RequestBody};
use crate::xml::{Document, Element, ns};

/// The meaning of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// The action; empty for Identify.
    pub action: String,
    /// The resource URI; empty where there is none.
    pub resource: String,
    /// What is asked for, in few words: operation and class, or method.
    pub title: String,
    /// MessageID.
    pub message_id: String,
    /// Whether the request changes nothing, so that it may be sent again: Identify, Get, Enumerate, Pull, Release, and
    /// the methods of Hyper-V that only read.
    pub harmless: bool,
    print: [u8; 32],
}

impl Meaning {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, for people: it is no envelope.
    pub fn of(envelope: &[u8]) -> Result<Meaning, String> {
        let request = Request::read(envelope).map_err(|error| error.to_string())?;
        let document = Document::parse(envelope).map_err(|error| error.to_string())?;
        let parsed = Envelope::of(&document).map_err(|error| error.to_string())?;
        let resource = request.header.resource.as_ref().map_or("", |resource| resource.as_str()).to_owned();
        let class = resource.rsplit('/').next().unwrap_or("");
        let (name, harmless) = match &request.body {
            RequestBody::Identify => ("Identify", true),
            RequestBody::Get => ("Get", true),
            RequestBody::Enumerate { .. } => ("Enumerate", true),
            RequestBody::Pull { .. } => ("Pull", true),
            RequestBody::Release { .. } => ("Release", true),
            RequestBody::Invoke { method } => (method.as_str(), reads_only(method)),
            _ => (request.header.action.as_deref().unwrap_or("").rsplit('/').next().unwrap_or(""), false),
        };
        let title = format!("{name} {class}").trim().chars().take(LONGEST_TITLE).collect();
        let mut headers: Vec<_> = parsed.headers().filter(|header| counts(*header)).map(canonical).collect();
        headers.sort();
        let mut hash = Sha256::new();
        headers.iter().for_each(|header| hash.update(header));
        hash.update(canonical(parsed.body()));
        Ok(Meaning {
            action: request.header.action.clone().unwrap_or_default(),
            message_id: request.header.message_id.clone().unwrap_or_default(),
            resource,
            title,
            harmless,
            print: hash.finalize().into(),
        })
    }

    /// Whether both ask for the same.
    pub fn is_same(&self, other: &Meaning) -> bool {
        self.print == other.print
    }

    /// Equal for requests that ask for the same.
    pub fn print(&self) -> [u8; 32] {
        self.print
    }
}

/// Whether a header is a part of what is asked for.
fn counts(header: Element<'_>) -> bool {
    let ignored: &[&str] = match header.namespace() {
        ns::ADDRESSING => &["MessageID", "To", "ReplyTo", "From", "FaultTo"],
        ns::WSMAN => &["OperationTimeout", "MaxEnvelopeSize", "Locale"],
        ns::MS_WSMAN => &["DataLocale", "SessionId", "OperationID", "SequenceId", "ActivityId"],
        _ => &[],
    };
    !ignored.contains(&header.local())
}

/// The element without what can be spelt in more than one way.
fn canonical(element: Element<'_>) -> String {
    let mut text = String::new();
    write_canonical(element, &mut text);
    text
}

fn write_canonical(element: Element<'_>, to: &mut String) {
    let _ = write!(to, "<{{{}}}{}", element.namespace(), element.local());
    let marks = |namespace: &str, local: &str| namespace == ns::SOAP && local == "mustUnderstand";
    let mut attributes: Vec<_> = element.attributes().filter(|a| !marks(a.namespace, a.local)).collect();
    attributes.sort_by_key(|attribute| (attribute.namespace, attribute.local));
    for attribute in attributes {
        let _ = write!(to, " {{{}}}{}={:?}", attribute.namespace, attribute.local, attribute.value);
    }
    to.push('>');
    let mut children: Vec<_> = element.children().map(canonical).collect();
    if element.is(ns::WSMAN, "SelectorSet") || element.is(ns::WSMAN, "OptionSet") {
        children.sort();
    }
    // The address of a reference is the host's as the sender dialled it.
    if children.is_empty() && !element.is(ns::ADDRESSING, "Address") {
        let _ = write!(to, "{:?}", element.text());
    }
    children.iter().for_each(|child| to.push_str(child));
    to.push('/');
}

/// Where two answers to one request differ, as [`diff_answers`] says; at most [`MOST_DIFFERENCES`] places are told.
///
/// # Errors
/// Which of the two is no XML, and why.
pub fn differences(recorded: &[u8], now: &[u8]) -> Result<Vec<Difference>, String> {
    let recorded = Document::parse(recorded).map_err(|error| format!("the recorded message: {error}"))?;
    let now = Document::parse(now).map_err(|error| format!("the new message: {error}"))?;
    let mut found = diff_answers(&recorded, &now);
    found.truncate(MOST_DIFFERENCES);
    Ok(found)
}

/// Class and method names are shorter; a title stands in errors and tables.
const LONGEST_TITLE: usize = 200;

/// Beyond so many, two messages have little in common.
pub const MOST_DIFFERENCES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = include_str!("../../tests/data/requests/get-vm.xml");

    #[test]
    fn ids_timeouts_prefixes_and_order_do_not_count() {
        let meaning = Meaning::of(GET.as_bytes()).unwrap();
        assert_eq!((meaning.title.as_str(), meaning.harmless), ("Get Msvm_ComputerSystem", true));
        let id = meaning.message_id.clone();
        let other = GET
            .replace(&id, "uuid:other")
            .replace("PT60.000S", "PT5.000S")
            .replace("a:", "adr:")
            .replace("xmlns:a=", "xmlns:adr=");
        assert_ne!(other, GET);
        assert!(meaning.is_same(&Meaning::of(other.as_bytes()).unwrap()));
        let from = GET.find("<w:Selector ").unwrap();
        let to = GET.rfind("</w:Selector>").unwrap() + "</w:Selector>".len();
        let mut selectors: Vec<_> = GET[from..to].split_inclusive("</w:Selector>").collect();
        assert!(selectors.len() > 1);
        selectors.reverse();
        let turned = GET.replace(&GET[from..to], &selectors.concat());
        assert!(turned != GET && meaning.is_same(&Meaning::of(turned.as_bytes()).unwrap()));
        let another = GET.replace("<w:Selector Name=\"Name\">", "<w:Selector Name=\"Name\">X");
        assert!(another != GET && !meaning.is_same(&Meaning::of(another.as_bytes()).unwrap()));
    }

    #[test]
    fn methods_are_not_harmless_unless_they_read() {
        let read = include_str!("../../tests/data/requests/initiate-failover-latest.xml")
            .replace("InitiateFailover", "GetReplicationStatisticsEx");
        assert!(Meaning::of(read.as_bytes()).unwrap().harmless);
        for (text, title, harmless) in [
            (
                include_str!("../../tests/data/requests/initiate-failover-latest.xml"),
                "InitiateFailover Msvm_ReplicationService",
                false,
            ),
            (include_str!("../../tests/data/requests/identify.xml"), "Identify", true),
            (include_str!("../../tests/data/requests/enumerate-wql.xml"), "Enumerate *", true),
            (include_str!("../../tests/data/requests/pull.xml"), "Pull *", true),
        ] {
            let meaning = Meaning::of(text.as_bytes()).unwrap();
            assert_eq!((meaning.title.as_str(), meaning.harmless), (title, harmless));
        }
        assert!(Meaning::of(b"<html/>").is_err() && Meaning::of(b"x").is_err());
    }

    #[test]
    fn differences_are_bounded_and_name_what_is_no_xml() {
        let page = |text: &str| format!("<E>{}</E>", format!("<I>{text}</I>").repeat(MOST_DIFFERENCES + 1));
        let found = differences(page("1").as_bytes(), page("2").as_bytes()).unwrap();
        assert_eq!((found.len(), found[0].path.as_str()), (MOST_DIFFERENCES, "E/I[1]"));
        assert!(differences(b"<a/>", b"").unwrap_err().contains("new message"));
    }
}
