//! Replaces names of hosts, VMs and users, addresses, SIDs and GUIDs, each by the same stand-in everywhere.
//!
//! Deterministic: stand-ins are numbered in the order in which originals appear, so the same recording gives the same
//! result, two uses of one name stay equal, and nothing of the original can be computed from the stand-in.
//!
//! Names are learnt from what the caller says, from addresses, and from the properties and faults that hold names;
//! then every occurrence as a whole word is replaced, also in texts for people. A name that appears in no such place is
//! not known to be one. Markup and namespaces are never touched. A strict one goes the other way ([`Masks`]): it replaces
//! every text of which it does not know that it names nobody.

mod masks;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use super::har::{Content, Entry};
use super::markup::{Piece, attribute, opened, pieces};
use crate::xml::{Document, Element, ns};

use masks::{Masks, Place};

/// What stands for what; grows as names are learnt.
#[derive(Debug, Clone, Default)]
pub struct Anonymiser {
    /// By first letter: spellings of the originals in lower case, the longest first, and their stand-ins.
    names: HashMap<char, Vec<(String, String)>>,
    guids: HashMap<String, u64>,
    sids: HashMap<String, u64>,
    addresses: HashMap<String, u64>,
    counts: HashMap<&'static str, u64>,
    grown: bool,
    /// What a strict one replaces.
    masks: Option<Masks>,
}

impl Anonymiser {
    /// One that knows no name yet.
    pub fn new() -> Self {
        Anonymiser::default()
    }

    /// One for recordings that are made to be given away: every text in a message goes, unless it is a number, a time, an
    /// id, a stand-in, or stands where hosts put words of their own.
    pub fn strict() -> Self {
        Anonymiser { masks: Some(Masks::default()), ..Anonymiser::default() }
    }

    /// Learns the name of a host: a bare name or a DNS name, whose domain is replaced as well.
    pub fn host(&mut self, name: &str) {
        let name = name.trim().trim_matches(['[', ']']);
        if name.parse::<IpAddr>().is_ok() {
            // IPv4 is found wherever it stands.
            if name.contains(':') {
                self.learn(name, "host");
            }
            return;
        }
        match name.split_once('.') {
            Some((host, domain)) => {
                self.learn(host, "host");
                self.learn(domain, "domain");
            }
            None => self.learn(name, "host"),
        }
    }

    /// Learns a user: `DOMAIN\user`, `user@realm`, or a bare name.
    pub fn user(&mut self, name: &str) {
        let (domain, user) = match (name.split_once('\\'), name.split_once('@')) {
            (Some((domain, user)), _) => (domain, user),
            (None, Some((user, realm))) => (realm, user),
            (None, None) => ("", name),
        };
        self.learn(user, "user");
        self.learn(domain, "domain");
    }

    /// Whether a name was learnt since this was last asked: what was written before may hold it.
    pub(super) fn has_grown(&mut self) -> bool {
        std::mem::take(&mut self.grown)
    }

    /// Learns what an entry tells.
    pub(super) fn study(&mut self, entry: &Entry) {
        if let Some(host) = host_of(&entry.request.url) {
            self.host(host);
        }
        if let Some(address) = &entry.server_ip_address {
            self.host(address);
        }
        let reply = entry.response.content.text.as_deref().filter(|_| entry.response.content.encoding.is_none());
        for text in [Some(entry.request_text()), reply].into_iter().flatten() {
            if let Ok(document) = Document::parse(text) {
                self.study_element(document.root(), false);
            }
        }
    }

    /// Replaces all it knows in an entry.
    pub(super) fn apply(&mut self, entry: &mut Entry) {
        entry.request.url = self.plain(&entry.request.url);
        entry.server_ip_address = entry.server_ip_address.as_deref().map(|address| self.plain(address));
        for header in entry.request.headers.iter_mut().chain(&mut entry.response.headers) {
            header.value = self.plain(&header.value);
        }
        if let Some(body) = &mut entry.request.post_data {
            body.text = self.text(&body.text);
        }
        self.apply_content(&mut entry.response.content);
        if let Some(extra) = &mut entry.extra {
            extra.message_id = self.plain(&extra.message_id);
            if let Some(failure) = &mut extra.failure {
                failure.text = self.plain(&failure.text);
            }
        }
    }

    /// Bytes that are no text have no names that could be found; they go.
    fn apply_content(&mut self, content: &mut Content) {
        if content.encoding.take().is_some() {
            content.text = Some(super::redact::REDACTED.to_owned());
        } else if let Some(text) = &mut content.text {
            *text = self.text(text);
        }
    }

    fn study_element(&mut self, element: Element<'_>, in_computer: bool) {
        let local = element.local();
        let name = match element.is(ns::WSMAN, "Selector") {
            true => element.attribute("", "Name").unwrap_or(""),
            false => local,
        };
        let value = element.text().trim();
        if HOSTS.contains(&name) {
            self.host(value);
        } else if USERS.contains(&name) {
            self.user(value);
        } else if (in_computer && MACHINES.contains(&name)) && !is_guid(value) {
            self.learn(value, "vm");
        } else if local == "Filter" {
            self.study_query(value);
        }
        for attribute in element.attributes().filter(|attribute| attribute.local.eq_ignore_ascii_case("machine")) {
            self.host(attribute.value);
        }
        let in_computer = in_computer || local.ends_with("_ComputerSystem") || speaks_of_computers(element);
        for child in element.children() {
            self.study_element(child, in_computer);
        }
    }

    /// `… WHERE ElementName = 'app-db-01'`
    fn study_query(&mut self, query: &str) {
        if !query.contains("_ComputerSystem") {
            return;
        }
        let mut parts = query.split('\'');
        while let (Some(before), Some(literal)) = (parts.next(), parts.next()) {
            let property = before.trim_end().trim_end_matches('=').trim_end().rsplit([' ', '(']).next().unwrap_or("");
            if MACHINES.contains(&property) && !is_guid(literal) && !literal.ends_with('\\') {
                self.learn(literal, "vm");
            }
        }
    }

    fn learn(&mut self, name: &str, kind: &'static str) {
        let lower = name.trim().to_lowercase();
        // What is a stand-in already stays: a recording may be anonymised twice.
        let is_known = |known: &Vec<(String, String)>| known.iter().any(|(name, _)| *name == lower);
        let Some(first) = lower.chars().next() else { return };
        if is_stand_in(&lower)
            || self.names.get(&first).is_some_and(is_known)
            || lower.chars().count() < SHORTEST
            || LOCAL.contains(&lower.as_str())
        {
            return;
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let stand_in = match (kind, lower.contains('.')) {
            ("domain", true) => format!("domain-{count}.example"),
            _ => format!("{kind}-{count}"),
        };
        for spelling in spellings(&lower) {
            let Some(first) = spelling.chars().next() else { continue };
            let known = self.names.entry(first).or_default();
            known.push((spelling, stand_in.clone()));
            known.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        }
        self.grown = true;
    }

    fn text(&mut self, text: &str) -> String {
        let mut changed = String::with_capacity(text.len());
        let (mut before, mut element, mut name) = ("", "", "");
        for piece in pieces(text) {
            match piece {
                Piece::Markup(markup) => {
                    if markup.starts_with('<') && !markup.starts_with("<!") {
                        element = opened(markup).unwrap_or("");
                    }
                    before = markup;
                    changed.push_str(markup);
                }
                Piece::Value(value) if attribute(before).starts_with("xmlns") => changed.push_str(value),
                Piece::Value(value) => {
                    if attribute(before).eq_ignore_ascii_case("name") {
                        name = value;
                    }
                    changed.push_str(&self.escaped(value));
                }
                Piece::Text(text) => {
                    // `<Selector Name="…">`, `<PROPERTY NAME="…"><VALUE>`
                    let place = match element {
                        "Selector" | "VALUE" => Place::Property(name),
                        element => Place::Element(element),
                    };
                    changed.push_str(&self.masked(place, text));
                }
            }
        }
        changed
    }

    /// A text that stands there.
    fn masked(&mut self, place: Place<'_>, text: &str) -> String {
        let is_embedded = |opening: &str| self.masks.is_some() && text.trim_start().starts_with(opening);
        if is_embedded("&lt;INSTANCE") {
            return masks::escape(&self.text(&masks::unescape(text)));
        }
        if is_embedded("<INSTANCE") {
            return self.text(text);
        }
        let changed = self.escaped(text);
        match &mut self.masks {
            Some(masks) if !is_stand_in(changed.trim()) => masks.over(place, text, changed),
            _ => changed,
        }
    }

    /// A piece of XML, where a name may be written with escapes.
    fn escaped(&mut self, text: &str) -> String {
        if NAMESPACES.iter().any(|prefix| text.starts_with(prefix)) {
            return text.to_owned();
        }
        self.plain(text)
    }

    pub(super) fn plain(&mut self, text: &str) -> String {
        let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        let mut changed = String::with_capacity(text.len());
        let mut rest = text;
        let mut last = None;
        while let Some(first) = rest.chars().next() {
            let found = self.number(rest, last).or_else(|| match last.is_some_and(is_word) {
                true => None,
                false => self.name(rest, first, is_word),
            });
            let length = match found {
                Some((length, stand_in)) => {
                    changed.push_str(&stand_in);
                    length
                }
                None => {
                    changed.push(first);
                    first.len_utf8()
                }
            };
            let (done, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
            last = done.chars().next_back();
            rest = after;
        }
        changed
    }

    /// The longest known name that the text begins with, as a word of its own, and its stand-in.
    fn name(&self, text: &str, first: char, is_word: impl Fn(char) -> bool) -> Option<(usize, String)> {
        let known = self.names.get(&first.to_lowercase().next()?)?;
        known.iter().find_map(|(name, stand_in)| {
            let length = match_len(text, name)?;
            let ends = !text.get(length..)?.starts_with(&is_word);
            ends.then(|| (length, stand_in.clone()))
        })
    }

    /// The GUID, SID or IPv4 address that the text begins with, and its stand-in.
    fn number(&mut self, text: &str, last: Option<char>) -> Option<(usize, String)> {
        let first = text.bytes().next()?;
        if first == b'S'
            && let Some(sid) = text.strip_prefix("S-1-5-21-")
        {
            let end = sid.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(sid.len());
            let sid = sid.get(..end).filter(|sid| !sid.starts_with("0-0-0-"))?;
            let number = number_of(&mut self.sids, sid);
            return Some(("S-1-5-21-".len() + end, format!("S-1-5-21-0-0-0-{number}")));
        }
        let is_hex = |c: char| c.is_ascii_hexdigit();
        if !first.is_ascii_hexdigit() || last.is_some_and(|c| is_hex(c) || c == '.') {
            return None;
        }
        if let Some(guid) = text.get(..GUID).filter(|guid| is_guid(guid))
            && !text.get(GUID..).unwrap_or("").starts_with(is_hex)
            && !guid.starts_with(STAND_IN_GUID)
        {
            let number = number_of(&mut self.guids, &guid.to_ascii_lowercase());
            let number = match guid.chars().any(|c| c.is_ascii_uppercase()) {
                true => format!("{number:012X}"),
                false => format!("{number:012x}"),
            };
            return Some((GUID, format!("{STAND_IN_GUID}{number}")));
        }
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let word = text.get(..end)?.trim_end_matches('.');
        let address: Ipv4Addr = word.parse().ok()?;
        // 198.18.0.0/15 is for measurements (RFC 2544): no host has such an address, it is our stand-in.
        if address.is_loopback() || address.is_unspecified() || matches!(address.octets(), [198, 18 | 19, ..]) {
            return None;
        }
        let [_, _, high, low] = u32::try_from(number_of(&mut self.addresses, word)).unwrap_or(u32::MAX).to_be_bytes();
        Some((word.len(), format!("198.18.{high}.{low}")))
    }
}

/// Whether a name is one that stands for another.
fn is_stand_in(name: &str) -> bool {
    let number = KINDS.iter().find_map(|kind| name.strip_prefix(kind)?.strip_prefix('-'));
    number.is_some_and(|number| number.trim_end_matches(".example").bytes().all(|byte| byte.is_ascii_digit()))
}

/// The number of an original: its own, or the next one.
fn number_of(map: &mut HashMap<String, u64>, original: &str) -> u64 {
    let next = u64::try_from(map.len()).unwrap_or(u64::MAX).saturating_add(1);
    *map.entry(original.to_owned()).or_insert(next)
}

/// Whether the class URI beside this selector set is that of a computer system.
fn speaks_of_computers(element: Element<'_>) -> bool {
    let resource = element.child(ns::WSMAN, "ResourceURI");
    resource.is_some_and(|uri| uri.text().trim_end().ends_with("_ComputerSystem"))
}

fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next(),
        None => authority.split(':').next(),
    }
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// A name as it may stand in XML and in WQL.
fn spellings(name: &str) -> Vec<String> {
    if !name.contains(['&', '<', '>', '"', '\'', '\\']) {
        return vec![name.to_owned()];
    }
    let text = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let value = text.replace('"', "&quot;");
    let wql = text.replace('\\', "\\\\").replace('\'', "\\'");
    let mut all = vec![value.replace('\'', "&apos;"), wql.replace('"', "\\\""), wql, value, text, name.to_owned()];
    all.dedup();
    all
}

/// How many bytes of the text are the word, in any case of letters.
fn match_len(text: &str, word: &str) -> Option<usize> {
    let mut due = word.chars();
    let mut expected = due.next()?;
    let mut length = 0;
    for character in text.chars() {
        length += character.len_utf8();
        for lower in character.to_lowercase() {
            if lower != expected {
                return None;
            }
            match due.next() {
                Some(next) => expected = next,
                None => return Some(length),
            }
        }
    }
    None
}

/// Properties whose value is the name of a computer.
const HOSTS: [&str; 12] = [
    "__SERVER",
    "PSComputerName",
    "SystemName",
    "CSName",
    "DNSHostName",
    "ComputerName",
    "PrimaryHostSystem",
    "PrimaryConnectionPoint",
    "RecoveryHostSystem",
    "RecoveryServerName",
    "RecoveryConnectionPoint",
    "Hostname",
];
/// Properties whose value is the name of an account.
const USERS: [&str; 7] =
    ["Owner", "UserName", "LoginName", "PrimaryOwnerName", "RegisteredUser", "Username", "RunAsUser"];
/// Properties of a computer system whose value is its name.
const MACHINES: [&str; 2] = ["ElementName", "Name"];
const KINDS: [&str; 5] = ["host", "vm", "user", "domain", masks::KIND];
const LOCAL: [&str; 3] = ["localhost", "local", "."];
const NAMESPACES: [&str; 4] =
    ["http://schemas.", "https://schemas.", "http://www.w3.org/", "http://docs.oasis-open.org/"];
const SHORTEST: usize = 2;
const GUID: usize = 36;
const STAND_IN_GUID: &str = "00000000-0000-4000-8000-";

#[cfg(test)]
mod tests {
    use super::super::har::PostData;
    use super::*;

    fn entry(request: &str, reply: &str) -> Entry {
        let mut entry = Entry::default();
        entry.request.url = "https://hv-dr-01.lab.test:5986/wsman".to_owned();
        entry.request.post_data = Some(PostData { text: request.to_owned(), ..PostData::default() });
        entry.response.content = Content::of(reply.as_bytes(), "application/soap+xml");
        entry
    }

    fn anonymised(anonymiser: &mut Anonymiser, mut entry: Entry) -> (String, String, String) {
        anonymiser.study(&entry);
        anonymiser.apply(&mut entry);
        let reply = entry.response.content.text.clone().unwrap_or_default();
        (entry.request.url.clone(), entry.request_text().to_owned(), reply)
    }

    #[test]
    fn names_guids_addresses_and_sids_each_by_one_stand_in() {
        let mut anonymiser = Anonymiser::new();
        anonymiser.user("LAB\\dr-admin");
        let (url, request, reply) = anonymised(
            &mut anonymiser,
            entry(
                "<n:Enumerate xmlns:n='urn:dr-admin'><w:Filter xmlns:w='urn:w'>select * from Msvm_ComputerSystem where ElementName = 'O\\'Brien'</w:Filter></n:Enumerate>",
                "<p:Msvm_ComputerSystem xmlns:p='urn:p'><p:ElementName>app-db-01</p:ElementName><p:Name>168AFEE0-E0C0-4C6C-8E3F-D46352E7D11D</p:Name>\
                <p:Description>APP-DB-01 on HV-DR-01 (10.1.2.3) by lab\\DR-Admin S-1-5-21-1-2-3-500, not my-app-db-01 nor app-db-012</p:Description>\
                <p:Path>C:\\x\\168afee0-e0c0-4c6c-8e3f-d46352e7d11d.avhdx 10.0.20348.1 127.0.0.1</p:Path></p:Msvm_ComputerSystem>",
            ),
        );
        assert_eq!(url, "https://host-1.domain-2.example:5986/wsman");
        assert!(request.contains("xmlns:n='urn:dr-admin'"), "{request}");
        for part in [
            "<p:ElementName>vm-1</p:ElementName>",
            "00000000-0000-4000-8000-000000000001<",
            "vm-1 on host-1 (198.18.0.1) by domain-1\\user-1 S-1-5-21-0-0-0-1, not my-app-db-01 nor app-db-012",
            "\\00000000-0000-4000-8000-000000000001.avhdx 10.0.20348.1 127.0.0.1",
        ] {
            assert!(reply.contains(part), "{part}: {reply}");
        }
    }

    #[test]
    fn escaped_names_and_a_second_pass() {
        let mut anonymiser = Anonymiser::new();
        let reply = "<p:Msvm_ComputerSystem xmlns:p='urn:p'><p:ElementName>o'brien &lt;&amp;&gt; \"x\"</p:ElementName><p:Y a='o&apos;brien &lt;&amp;&gt; &quot;x&quot;'>O'Brien &lt;&amp;&gt; \"X\"</p:Y></p:Msvm_ComputerSystem>";
        let mut first = entry("", reply);
        anonymiser.study(&first);
        assert!(anonymiser.has_grown() && !anonymiser.has_grown());
        anonymiser.apply(&mut first);
        let text = first.response.content.text.clone().unwrap();
        assert!(text.contains("<p:ElementName>vm-1</p:ElementName><p:Y a='vm-1'>vm-1</p:Y>"), "{text}");
        let once = first.clone();
        anonymiser.study(&first);
        anonymiser.apply(&mut first);
        assert_eq!(first, once);
    }
}
