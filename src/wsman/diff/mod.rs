//! Two envelopes compared by meaning: namespaces resolved, and what is new in each message left out.
//!
//! Prefixes, the order of headers, selectors, options and attributes, and white space between elements do not count;
//! nor do ids that each message has of its own. The order of elements in a body counts, for arrays have one.
//! [`diff`] is for two messages of any kind, [`diff_answers`] for what one request was answered in two runs.

mod nature;

use std::collections::HashMap;
use std::fmt;

use crate::soap::{Envelope, EnvelopeError};
use crate::xml::{Document, Element, ns};
pub use nature::guids;

/// One thing that is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where: local names from the envelope down, `[2]` the second of one name, `@` an attribute.
    pub path: String,
    /// What it is.
    pub kind: DifferenceKind,
    /// What stands there in the first envelope.
    pub left: Option<String>,
    /// What stands there in the second one.
    pub right: Option<String>,
}

/// The kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DifferenceKind {
    /// Only in the first.
    Missing,
    /// Only in the second.
    Extra,
    /// Another text, or another attribute value.
    Value,
    /// The same elements in another order.
    Order,
}

/// Compares two envelopes.
///
/// # Errors
/// Either is no envelope.
pub fn diff(left: &Document, right: &Document) -> Result<Vec<Difference>, EnvelopeError> {
    let (left, right) = (Parts::of(left)?, Parts::of(right)?);
    let mut found = Comparison { of: Of::Messages, found: Vec::new() };
    found.envelopes(&left, &right);
    Ok(found.found)
}

/// Compares what the same request was answered in two runs, envelopes or not.
///
/// Addresses do not count, being the host's as it was dialled, nor the order of properties. Ids that a host gives out,
/// such as enumeration contexts, are told: what follows must go by the new ones. They are differences
/// [by nature](Difference::is_by_nature).
pub fn diff_answers(left: &Document, right: &Document) -> Vec<Difference> {
    let mut found = Comparison { of: Of::Answers, found: Vec::new() };
    match (Parts::of(left), Parts::of(right)) {
        (Ok(left), Ok(right)) => found.envelopes(&left, &right),
        _ => found.children("", &[left.root()], &[right.root()], false),
    }
    found.found
}

/// What is compared, which decides what counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Messages,
    Answers,
}

struct Parts<'d> {
    headers: Vec<Element<'d>>,
    body: Vec<Element<'d>>,
}

impl<'d> Parts<'d> {
    fn of(document: &'d Document) -> Result<Parts<'d>, EnvelopeError> {
        let envelope = Envelope::of(document)?;
        Ok(Parts { headers: envelope.headers().collect(), body: envelope.body().children().collect() })
    }
}

struct Comparison {
    of: Of,
    found: Vec<Difference>,
}

impl Comparison {
    fn envelopes(&mut self, left: &Parts<'_>, right: &Parts<'_>) {
        self.children("Header", &left.headers, &right.headers, false);
        self.children("Body", &left.body, &right.body, true);
    }

    fn report(&mut self, path: String, kind: DifferenceKind, left: Option<&str>, right: Option<&str>) {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        self.found.push(Difference { path, kind, left: owned(left), right: owned(right) });
    }

    fn elements(&mut self, path: &str, left: Element<'_>, right: Element<'_>) {
        if self.of == Of::Answers && is_address(left) {
            return;
        }
        if left.is_nil() != right.is_nil() {
            let text = |element: Element<'_>| if element.is_nil() { NULL.to_owned() } else { shown(element) };
            self.report(path.to_owned(), DifferenceKind::Value, Some(&text(left)), Some(&text(right)));
            return;
        }
        self.attributes(path, left, right);
        let (children, others): (Vec<_>, Vec<_>) = (left.children().collect(), right.children().collect());
        let are_leaves = children.is_empty() && others.is_empty();
        if !is_generated(left, self.of) && !same_text(left, right, are_leaves) {
            self.report(path.to_owned(), DifferenceKind::Value, Some(left.text()), Some(right.text()));
        }
        self.children(path, &children, &others, has_order(left));
    }

    fn attributes(&mut self, path: &str, left: Element<'_>, right: Element<'_>) {
        for attribute in left.attributes() {
            let place = format!("{path}/@{}", attribute.local);
            match right.attribute(attribute.namespace, attribute.local) {
                None => self.report(place, DifferenceKind::Missing, Some(attribute.value), None),
                Some(other) if same_attribute(left, right, attribute.namespace, attribute.value, other) => {}
                Some(other) => self.report(place, DifferenceKind::Value, Some(attribute.value), Some(other)),
            }
        }
        for attribute in right.attributes() {
            if left.attribute(attribute.namespace, attribute.local).is_none() {
                let place = format!("{path}/@{}", attribute.local);
                self.report(place, DifferenceKind::Extra, None, Some(attribute.value));
            }
        }
    }

    /// Pairs elements of one name in their order, then compares each pair.
    fn children(&mut self, path: &str, left: &[Element<'_>], right: &[Element<'_>], ordered: bool) {
        let (ours, theirs) = (by_key(left), by_key(right));
        let slash = if path.is_empty() { "" } else { "/" };
        let place = |key: &Key, number: usize, of: usize| format!("{path}{slash}{}", key.shown(number, of));
        let mut twins = Vec::new();
        let mut seen: HashMap<Key, usize> = HashMap::new();
        for element in left {
            let key = Key::of(*element);
            let number = seen.get(&key).copied().unwrap_or(0);
            let path = place(&key, number, ours.get(&key).map_or(0, Vec::len));
            match theirs.get(&key).and_then(|places| places.get(number)).and_then(|at| Some((*at, right.get(*at)?))) {
                Some((at, twin)) => {
                    twins.push(at);
                    self.elements(&path, *element, *twin);
                }
                None => self.report(path, DifferenceKind::Missing, Some(&shown(*element)), None),
            }
            seen.insert(key, number + 1);
        }
        let mut met: HashMap<Key, usize> = HashMap::new();
        for element in right {
            let key = Key::of(*element);
            let number = met.get(&key).copied().unwrap_or(0);
            if number >= seen.get(&key).copied().unwrap_or(0) {
                let path = place(&key, number, theirs.get(&key).map_or(0, Vec::len));
                self.report(path, DifferenceKind::Extra, None, Some(&shown(*element)));
            }
            met.insert(key, number + 1);
        }
        if ordered && self.of == Of::Messages && !twins.is_sorted() {
            let names = |elements: &[Element<'_>]| elements.iter().map(|e| e.local()).collect::<Vec<_>>().join(", ");
            self.report(path.to_owned(), DifferenceKind::Order, Some(&names(left)), Some(&names(right)));
        }
    }
}

/// The places of elements by what they are.
fn by_key(elements: &[Element<'_>]) -> HashMap<Key, Vec<usize>> {
    let mut places: HashMap<Key, Vec<usize>> = HashMap::new();
    for (place, element) in elements.iter().enumerate() {
        places.entry(Key::of(*element)).or_default().push(place);
    }
    places
}

/// What makes two elements the same one: the expanded name, and of selectors and options the name they carry. Class
/// URIs are the same in any case of letters.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    namespace: String,
    local: String,
    name: Option<String>,
}

impl Key {
    fn of(element: Element<'_>) -> Key {
        let name = element.attribute("", "Name").filter(|_| is_named(element));
        Key {
            namespace: element.namespace().to_ascii_lowercase(),
            local: element.local().to_owned(),
            name: name.map(str::to_ascii_lowercase),
        }
    }

    fn shown(&self, number: usize, of: usize) -> String {
        match (&self.name, of) {
            (Some(name), _) => format!("{}[{name}]", self.local),
            (None, 0 | 1) => self.local.clone(),
            (None, _) => format!("{}[{}]", self.local, number + 1),
        }
    }
}

/// Selectors and options are told apart by a name, in any case of letters.
fn is_named(element: Element<'_>) -> bool {
    element.namespace() == ns::WSMAN && matches!(element.local(), "Selector" | "Option")
}

/// Ids that each message has of its own. Of answers those that the host gave out are told.
fn is_generated(element: Element<'_>, of: Of) -> bool {
    let is = |(namespace, local): &(&str, &str)| element.is(namespace, local);
    GENERATED.iter().any(is) || (of == Of::Messages && GIVEN_OUT.iter().any(is))
}

const GENERATED: &[(&str, &str)] = &[
    (ns::ADDRESSING, "MessageID"),
    (ns::ADDRESSING, "RelatesTo"),
    (ns::MS_WSMAN, "OperationID"),
    (ns::MS_WSMAN, "SessionId"),
    (ns::MS_WSMAN, "ActivityId"),
];

const GIVEN_OUT: &[(&str, &str)] = &[(ns::ENUMERATION, "EnumerationContext"), (ns::EVENTING, "Identifier")];

fn is_address(element: Element<'_>) -> bool {
    element.is(ns::ADDRESSING, "To") || element.is(ns::ADDRESSING, "Address")
}

/// Whether the children of an element have an order that means something.
fn has_order(element: Element<'_>) -> bool {
    const SETS: [(&str, &str); 3] =
        [(ns::WSMAN, "SelectorSet"), (ns::WSMAN, "OptionSet"), (ns::ADDRESSING, "ReferenceParameters")];
    !SETS.iter().any(|(namespace, local)| element.is(namespace, local))
}

fn same_text(left: Element<'_>, right: Element<'_>, are_leaves: bool) -> bool {
    match are_leaves {
        // White space around children, and around the words of headers, is layout.
        false => left.text().trim() == right.text().trim(),
        true if left.text() == right.text() => true,
        true if has_words(left) => left.text().trim().eq_ignore_ascii_case(right.text().trim()),
        true if left.is(ns::SOAP, "Value") => left.qname().is_some() && left.qname() == right.qname(),
        true => false,
    }
}

/// Whether the text is a URI or a number of the protocol, and not a value of a property.
fn has_words(element: Element<'_>) -> bool {
    let names = [
        (ns::ADDRESSING, ""),
        (ns::WSMAN, "ResourceURI"),
        (ns::WSMAN, "MaxEnvelopeSize"),
        (ns::WSMAN, "OperationTimeout"),
    ];
    names
        .iter()
        .any(|(namespace, local)| element.namespace() == *namespace && (local.is_empty() || element.local() == *local))
}

/// Values of `xsi:type` are qualified names: their prefixes do not count. `1` and `true` are one value of a mark.
fn same_attribute(left: Element<'_>, right: Element<'_>, namespace: &str, a: &str, b: &str) -> bool {
    let plain = |text: &str| match text {
        "1" => "true".to_owned(),
        "0" => "false".to_owned(),
        other => other.to_owned(),
    };
    match namespace {
        ns::XSI if a.contains(':') || b.contains(':') => {
            let resolve = |element: Element<'_>, text: &str| {
                let (prefix, local) = text.split_once(':').unwrap_or(("", text));
                (element.resolve_prefix(prefix).map(str::to_ascii_lowercase), local.to_owned())
            };
            resolve(left, a) == resolve(right, b)
        }
        ns::SOAP => plain(a) == plain(b),
        _ if is_named(left) => a.eq_ignore_ascii_case(b),
        _ => a == b,
    }
}

/// How a null value is shown.
const NULL: &str = "(null)";

/// An element in short.
fn shown(element: Element<'_>) -> String {
    const MOST: usize = 200;
    let text: String = element.text().trim().chars().take(MOST).collect();
    match (text.is_empty(), element.children().count()) {
        _ if element.is_nil() => NULL.to_owned(),
        (false, _) => text,
        (true, 0) => "empty".to_owned(),
        (true, count) => format!("{count} elements"),
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |text: &Option<String>| text.clone().unwrap_or_default();
        let (left, right) = (side(&self.left), side(&self.right));
        match self.kind {
            DifferenceKind::Missing => write!(f, "- {}: {left}", self.path),
            DifferenceKind::Extra => write!(f, "+ {}: {right}", self.path),
            DifferenceKind::Value => write!(f, "~ {}: {left} -> {right}", self.path),
            DifferenceKind::Order => write!(f, "~ {}: the order is {left} -> {right}", self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(header: &str, body: &str) -> Document {
        let text = format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
             xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><s:Header>{header}</s:Header><s:Body>{body}</s:Body>\
             </s:Envelope>"
        );
        Document::parse(text).unwrap()
    }

    fn differences(left: (&str, &str), right: (&str, &str)) -> Vec<String> {
        let found = diff(&envelope(left.0, left.1), &envelope(right.0, right.1)).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_has_no_meaning_is_no_difference() {
        let left = (
            "<a:To>http://H/wsman</a:To><a:MessageID>uuid:1</a:MessageID><w:SelectorSet><w:Selector Name=\"A\">1</w:Selector>\
             <w:Selector Name=\"B\">2</w:Selector></w:SelectorSet><w:Locale xml:lang=\"en\" s:mustUnderstand=\"0\"/>",
            "<p:X xmlns:p=\"urn:X\" xsi:type=\"p:X_Type\"><p:A>1</p:A><p:A>2</p:A></p:X>",
        );
        let right = (
            "\n <w:Locale s:mustUnderstand=\"false\" xml:lang=\"en\"/><a:MessageID>uuid:2</a:MessageID>\
             <w:SelectorSet><w:Selector Name=\"b\">2</w:Selector> <w:Selector Name=\"A\">1</w:Selector></w:SelectorSet>\
             <a:To> http://h/wsman </a:To>",
            "<X xmlns=\"urn:x\" xmlns:t=\"urn:X\" xsi:type=\"t:X_Type\">\n<A>1</A><A>2</A></X>",
        );
        assert_eq!(differences(left, right), [""; 0]);
    }

    #[test]
    fn what_has_a_meaning_is_named_with_its_place() {
        let left = (
            "<a:Action>x</a:Action><w:SelectorSet><w:Selector Name=\"A\">1</w:Selector></w:SelectorSet>",
            "<p:X xmlns:p=\"urn:X\" a=\"1\"><p:A>1</p:A><p:A>2</p:A><p:B> </p:B></p:X>",
        );
        let right = (
            "<a:Action>y</a:Action><w:SelectorSet><w:Selector Name=\"A\">2</w:Selector></w:SelectorSet><w:New>n</w:New>",
            "<p:X xmlns:p=\"urn:X\" a=\"2\" b=\"3\"><p:B/><p:A>1</p:A></p:X>",
        );
        assert_eq!(
            differences(left, right),
            [
                "~ Header/Action: x -> y",
                "~ Header/SelectorSet/Selector[a]: 1 -> 2",
                "+ Header/New: n",
                "~ Body/X/@a: 1 -> 2",
                "+ Body/X/@b: 3",
                "- Body/X/A[2]: 2",
                "~ Body/X/B:   -> ",
                "~ Body/X: the order is A, A, B -> B, A",
            ]
        );
        // Another namespace is another element.
        assert_eq!(
            differences(("", "<X xmlns=\"urn:a\"/>"), ("", "<X xmlns=\"urn:b\"/>")),
            ["- Body/X: empty", "+ Body/X: empty"]
        );
    }

    #[test]
    fn a_large_page_is_compared_in_time() {
        let items: String = (0..20_000).map(|number| format!("<I><N>{number}</N></I>")).collect();
        assert!(differences(("", &items), ("", &items)).is_empty());
    }

    #[test]
    fn null_is_told_from_empty_and_from_absent() {
        let with = |value: &str| format!("<X><A>{value}</A></X>").replace("<A>null</A>", "<A xsi:nil=\"1\"/>");
        let differ = |left: &str, right: &str| differences(("", left), ("", right));
        assert_eq!(differ(&with("null"), &with("null")), [""; 0]);
        assert_eq!(differ(&with("null"), &with("5")), ["~ Body/X/A: (null) -> 5"]);
        assert_eq!(differ(&with(""), &with("null")), ["~ Body/X/A: empty -> (null)"]);
        assert_eq!(differ("<X/>", &with("null")), ["+ Body/X/A: (null)"]);
    }

    #[test]
    fn answers_differ_in_what_a_host_says() {
        let answer = |id: &str, host: &str, context: &str, body: &str| {
            let header = format!("<a:RelatesTo>{id}</a:RelatesTo><a:To>{host}</a:To>");
            let context = format!(
                "<n:EnumerationContext xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\">{context}\
                 </n:EnumerationContext><a:Address>{host}</a:Address>"
            );
            envelope(&header, &format!("<R>{context}{body}</R>"))
        };
        let [one, two] = ["uuid:11111111-2222-3333-4444-555555555555", "uuid:11111111-2222-3333-4444-555555555556"];
        let left = answer("a", "http://a", one, "<P>1</P><P>2</P><S>4</S>");
        let right = answer("b", "http://b", two, "<S>7</S><P>1</P><P>3</P>");
        let found = diff_answers(&left, &right);
        let shown: Vec<_> = found.iter().map(|found| (found.to_string(), found.is_by_nature())).collect();
        let context = format!("~ Body/R/EnumerationContext: {one} -> {two}");
        let due = [(&*context, true), ("~ Body/R/P[2]: 2 -> 3", false), ("~ Body/R/S: 4 -> 7", false)];
        assert_eq!(shown, due.map(|(text, nature)| (text.to_owned(), nature)));
        assert!(diff(&left, &right).unwrap().iter().all(|found| !found.path.contains("Context")));
        // What is no envelope is compared as what it is.
        let parse = |text: &str| Document::parse(text.to_owned()).unwrap();
        let found = diff_answers(&parse("<p><b>1</b></p>"), &parse("<p><b>2</b></p>"));
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["~ p/b: 1 -> 2"]);
        let found = diff_answers(&parse("<html/>"), &left);
        assert_eq!(found.iter().map(|found| &*found.path).collect::<Vec<_>>(), ["html", "Envelope"]);
    }
}
