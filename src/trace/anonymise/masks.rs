//! What a strict anonymiser does with texts: all go that are not known to name nobody.
//!
//! Notes, paths, names of switches and disks, thumbprints and serial numbers stand in properties that nobody could list. So
//! the list is of what may stay: where WS-Management and hosts put words of their own. Two equal texts stay equal.

use std::collections::HashMap;
use std::net::Ipv6Addr;

/// What stands in place of a text, with its number.
pub(super) const KIND: &str = "text";

/// Where a text stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'x> {
    /// In an element of this local name: of an envelope, or a property of an instance.
    Element(&'x str),
    /// In a selector, or in a property of an embedded instance.
    Property(&'x str),
}

impl Place<'_> {
    fn is_kept(self) -> bool {
        match self {
            Place::Element(name) => KEYS.contains(&name) || WORDS.contains(&name),
            Place::Property(name) => KEYS.contains(&name),
        }
    }
}

/// Texts that were replaced, by number.
#[derive(Debug, Clone, Default)]
pub(super) struct Masks {
    texts: HashMap<String, u64>,
}

impl Masks {
    /// `changed`, in which known names are replaced already, or the stand-in of the whole text.
    pub(super) fn over(&mut self, place: Place<'_>, text: &str, changed: String) -> String {
        let bare = changed.trim();
        if place.is_kept() || is_plain(bare) {
            return changed;
        }
        let number = super::number_of(&mut self.texts, text.trim());
        match bare.parse::<Ipv6Addr>() {
            // For documents (RFC 3849).
            Ok(_) => format!("2001:db8::{number:x}"),
            Err(_) => format!("{KIND}-{number}"),
        }
    }
}

/// Numbers, truth values, times, ids, and URIs that everybody has.
fn is_plain(text: &str) -> bool {
    let is_time = |c: char| c.is_ascii_digit() || "TZPDHMS.:+-*".contains(c);
    text.is_empty()
        || ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word))
        || text.contains(|c: char| c.is_ascii_digit()) && text.chars().all(is_time)
        || super::is_guid(text.trim_matches(['{', '}']))
        || super::NAMESPACES.iter().any(|prefix| text.starts_with(prefix))
        || text.parse::<Ipv6Addr>().is_ok_and(|address| matches!(address.segments(), [0x2001, 0xdb8, 0, 0, 0, 0, 0, _]))
}

/// The characters of a text in XML.
pub(super) fn unescape(text: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    pairs.into_iter().fold(text.to_owned(), |text, (escaped, character)| text.replace(escaped, character))
}

/// A text as XML has it.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Keys and types, whose texts are ids and words of the class.
const KEYS: &[&str] = &[
    "__cimnamespace",
    "ClassName",
    "CreationClassName",
    "InstanceID",
    "SystemCreationClassName",
    "Type",
    "VirtualSystemIdentifier",
    "VirtualSystemSubType",
    "VirtualSystemType",
];

/// Elements whose texts are words of the protocol, of a fault, or of the state of a job. Names that are known are replaced
/// in them all the same.
const WORDS: &[&str] = &[
    "Action",
    "Address",
    "EnumerationContext",
    "EnumerationMode",
    "FaultDetail",
    "Filter",
    "JobStatus",
    "Message",
    "MessageID",
    "Operation",
    "OperationTimeout",
    "ParameterInfo",
    "ProductVendor",
    "ProductVersion",
    "ProtocolVersion",
    "ProviderName",
    "RelatesTo",
    "ResourceURI",
    "SecurityProfileName",
    "Text",
    "To",
    "Value",
    "error_Type",
];

#[cfg(test)]
mod tests {
    use super::super::super::har::{Content, Entry};
    use super::super::Anonymiser;
    use super::*;

    fn anonymised(reply: &str) -> String {
        let mut anonymiser = Anonymiser::strict();
        let mut entry = Entry::default();
        entry.response.content = Content::of(reply.as_bytes(), "application/soap+xml");
        anonymiser.study(&entry);
        anonymiser.apply(&mut entry);
        let once = entry.response.content.text.clone().unwrap();
        anonymiser.study(&entry);
        anonymiser.apply(&mut entry);
        assert_eq!(entry.response.content.text.as_deref(), Some(once.as_str()), "a second pass changes nothing");
        once
    }

    #[test]
    fn what_is_not_known_to_name_nobody_goes() {
        let reply = anonymised(
            "<p:Msvm_ComputerSystem xmlns:p='urn:p'><p:ElementName>app-db-01</p:ElementName><p:Notes>of Project Zebra</p:Notes>\
             <p:Path>C:\\zebra\\app-db-01.vhdx</p:Path><p:Other>of Project Zebra</p:Other><p:JobStatus>Copying app-db-01\
             </p:JobStatus><p:Caption>Zebra</p:Caption><p:State>3</p:State><p:On>TRUE</p:On><p:At><cim:Datetime xmlns:cim='urn:c'>2026-11-25T10:49:32Z\
             </cim:Datetime></p:At><p:For>00000000000500.000000:000</p:For><p:Name>168AFEE0-E0C0-4C6C-8E3F-D46352E7D11D</p:Name>\
             <p:IPAddresses>fd00::7</p:IPAddresses><p:Type>Microsoft:Hyper-V</p:Type></p:Msvm_ComputerSystem>",
        );
        for part in [
            "<p:ElementName>vm-1</p:ElementName><p:Notes>text-1</p:Notes><p:Path>text-2</p:Path><p:Other>text-1</p:Other>",
            "<p:JobStatus>Copying vm-1</p:JobStatus><p:Caption>text-3</p:Caption><p:State>3</p:State><p:On>TRUE</p:On>",
            ">2026-11-25T10:49:32Z</cim:Datetime></p:At><p:For>00000000000500.000000:000</p:For>",
            "<p:Name>00000000-0000-4000-8000-000000000001</p:Name><p:IPAddresses>2001:db8::4</p:IPAddresses>",
            "<p:Type>Microsoft:Hyper-V</p:Type>",
        ] {
            assert!(reply.contains(part), "{part}: {reply}");
        }
        assert!(!reply.to_lowercase().contains("zebra"), "{reply}");
    }

    #[test]
    fn embedded_instances_keep_their_form() {
        let instance = "<INSTANCE CLASSNAME=\"Msvm_X\"><PROPERTY NAME=\"Size\" TYPE=\"uint32\"><VALUE>7</VALUE></PROPERTY>\
            <PROPERTY NAME=\"Message\" TYPE=\"string\"><VALUE>C:\\zebra &amp; co</VALUE></PROPERTY></INSTANCE>";
        let masked = instance.replace("C:\\zebra &amp; co", "text-1");
        let wrap = |text: &str| format!("<p:M_OUTPUT xmlns:p='urn:p'><p:R>{text}</p:R></p:M_OUTPUT>");
        assert_eq!(anonymised(&wrap(&escape(instance))), wrap(&escape(&masked)));
        let section = |text: &str| wrap(&format!("<![CDATA[{text}]]>"));
        let reply = anonymised(&section(instance));
        assert!(!reply.contains("zebra") && reply.contains("Size"), "{reply}");
    }
}
