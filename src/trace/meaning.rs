//! What a request means, apart from what is new each time it is sent; and where two messages differ.
//!
//! Two requests mean the same when action, resource, selectors, options and body are the same: prefixes, white space
//! between elements, the order of headers and selectors, generated ids, addresses, sizes, languages and timeouts do
//! not count.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::soap::Envelope;
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

/// One place where two messages differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Local names from the root, with a number where a name repeats: `Body/Msvm_Job/PercentComplete`.
    pub path: String,
    /// The text on the left; none where the element is missing there.
    pub left: Option<String>,
    /// The text on the right; none where the element is missing there.
    pub right: Option<String>,
}

impl Difference {
    /// Whether the two sides differ because they are of two runs: another id or another time in the same place.
    pub fn is_by_nature(&self) -> bool {
        let (Some(left), Some(right)) = (&self.left, &self.right) else { return false };
        let same_ids = guids(left) > 0 && guids(left) == guids(right);
        let is_time = |text: &str| text.parse::<jiff::Timestamp>().is_ok();
        same_ids || (is_time(left) && is_time(right))
    }
}

/// How many GUIDs are in a text.
pub(super) fn guids(text: &str) -> usize {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    text.split(|c| !is_part(c)).filter(|word| word.split('-').map(str::len).eq([8, 4, 4, 4, 12])).count()
}

/// Where two messages differ in meaning: MessageID, RelatesTo and addresses do not count.
///
/// At most [`MOST_DIFFERENCES`] places are told.
///
/// # Errors
/// Which of the two is no XML, and why.
pub fn differences(left: &[u8], right: &[u8]) -> Result<Vec<Difference>, String> {
    let left = Document::parse(left).map_err(|error| format!("the recorded message: {error}"))?;
    let right = Document::parse(right).map_err(|error| format!("the new message: {error}"))?;
    let mut found = Vec::new();
    compare(left.root(), right.root(), "", &mut found);
    Ok(found)
}

fn compare(left: Element<'_>, right: Element<'_>, path: &str, found: &mut Vec<Difference>) {
    if found.len() >= MOST_DIFFERENCES {
        return;
    }
    let name = |element: Element<'_>| element.local().to_owned();
    if (left.namespace(), left.local()) != (right.namespace(), right.local()) {
        found.push(Difference { path: path.to_owned(), left: Some(name(left)), right: Some(name(right)) });
        return;
    }
    let generated = ["MessageID", "RelatesTo", "Address", "To"];
    if left.namespace() == ns::ADDRESSING && generated.contains(&left.local()) {
        return;
    }
    let values = |element: Element<'_>| match element.is_nil() {
        true => Some("(null)".to_owned()),
        false => (element.children().next().is_none()).then(|| element.text().trim().to_owned()),
    };
    let (l, r) = (values(left), values(right));
    if l != r {
        found.push(Difference { path: path.to_owned(), left: l, right: r });
    }
    let mut others: Vec<_> = right.children().collect();
    let mut seen: Vec<(&str, usize)> = Vec::new();
    for child in left.children() {
        let local = child.local();
        let number = match seen.iter_mut().find(|(name, _)| *name == local) {
            Some((_, number)) => {
                *number += 1;
                *number
            }
            None => {
                seen.push((local, 1));
                1
            }
        };
        let at = join(path, local, number);
        let key = |element: &Element<'_>| element.attribute("", "Name").map(str::to_owned);
        let same = |other: &Element<'_>| other.is(child.namespace(), local) && key(other) == key(&child);
        match others.iter().position(same) {
            Some(place) => compare(child, others.remove(place), &at, found),
            None => found.push(Difference { path: at, left: Some(short(child)), right: None }),
        }
    }
    for other in others {
        found.push(Difference { path: join(path, other.local(), 1), left: None, right: Some(short(other)) });
    }
    found.truncate(MOST_DIFFERENCES);
}

fn join(path: &str, local: &str, number: usize) -> String {
    let slash = if path.is_empty() { "" } else { "/" };
    match number {
        1 => format!("{path}{slash}{local}"),
        _ => format!("{path}{slash}{local}[{number}]"),
    }
}

fn short(element: Element<'_>) -> String {
    match element.children().next() {
        Some(_) => format!("<{}>", element.local()),
        None => element.text().trim().to_owned(),
    }
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
    fn differences_have_a_path() {
        let left = "<E><Body xmlns:x='u'><x:J><x:State>4</x:State><x:P>1</x:P><x:P>2</x:P><x:Old/></x:J></Body></E>";
        let right =
            "<E><Body xmlns:y='u'><y:J><y:P>1</y:P><y:P>3</y:P><y:State>7</y:State><y:New>n</y:New></y:J></Body></E>";
        let found = differences(left.as_bytes(), right.as_bytes()).unwrap();
        let found: Vec<_> = found.iter().map(|d| (d.path.as_str(), d.left.as_deref(), d.right.as_deref())).collect();
        assert_eq!(
            found,
            [
                ("Body/J/State", Some("4"), Some("7")),
                ("Body/J/P[2]", Some("2"), Some("3")),
                ("Body/J/Old", Some(""), None),
                ("Body/J/New", None, Some("n")),
            ]
        );
        let differ = |left: &str, right: &str| {
            Difference { path: String::new(), left: Some(left.to_owned()), right: Some(right.to_owned()) }
                .is_by_nature()
        };
        let [one, two] = ["uuid:11111111-2222-3333-4444-555555555555", "uuid:11111111-2222-3333-4444-555555555556"];
        assert!(differ(one, two) && differ("2026-11-25T10:49:32.4Z", "2026-11-25T11:49:32.444111+01:00"));
        assert!(!differ(one, "x") && !differ("2026-11-25T10:49:32Z", "") && !differ("4", "7"));
        assert!(differences(left.as_bytes(), left.as_bytes()).unwrap().is_empty());
        assert!(differences(b"<a/>", b"").unwrap_err().contains("new message"));
    }
}
