//! Keytab files: the keys of a service, each with its version (the format of MIT Kerberos, version 2).
use std::fmt;

use super::error::TicketError;
use super::etype::{EncryptionType, Key};

/// The keys in a keytab file. `Debug` shows none of them; they are wiped when dropped.
pub struct Keytab {
    entries: Vec<Entry>,
    /// Encryption types that are not read here, by number.
    unread: Vec<u32>,
}

pub(super) struct Entry {
    /// `HTTP/host@REALM`
    pub(super) principal: String,
    pub(super) version: u32,
    pub(super) key: Key,
}

impl Keytab {
    /// Reads a keytab file.
    ///
    /// # Errors
    /// [`TicketError::Keytab`] where it is none, is of the old version 1, or holds nothing.
    pub fn read(bytes: &[u8]) -> Result<Self, TicketError> {
        let mut rest = match bytes.split_first_chunk::<2>() {
            Some(([5, 2], rest)) => rest,
            Some(([5, 1], _)) => return Err(TicketError::Keytab("it is of version 1, which nobody writes any more")),
            _ => return Err(TicketError::Keytab("it does not begin as a keytab does")),
        };
        let mut keytab = Keytab { entries: Vec::new(), unread: Vec::new() };
        let cut = || TicketError::Keytab("it is cut short");
        // Some programs fill the end with zeros.
        while let Some((size, after)) = rest.split_first_chunk::<4>()
            && *size != [0; 4]
        {
            let size = i32::from_be_bytes(*size);
            let length = usize::try_from(size.unsigned_abs()).map_err(|_| cut())?;
            let (content, after) = after.split_at_checked(length).ok_or_else(cut)?;
            rest = after;
            // A negative size is the place of an entry that was taken out.
            if size > 0 {
                let entry = Fields(content).entry();
                keytab.add(entry.ok_or(TicketError::Keytab("an entry in it is broken"))?)?;
            }
        }
        if keytab.entries.is_empty() && keytab.unread.is_empty() {
            return Err(TicketError::Keytab("it holds no key"));
        }
        Ok(keytab)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The encryption types it has, for people.
    pub(super) fn types(&self) -> String {
        let known = self.entries.iter().map(|entry| entry.key.etype().name().to_owned());
        listed(known.chain(self.unread.iter().map(|number| format!("type {number}"))))
    }

    fn add(&mut self, (principal, version, etype, key): (String, u32, u32, &[u8])) -> Result<(), TicketError> {
        let Some(etype) = EncryptionType::of(etype) else {
            if !self.unread.contains(&etype) && self.unread.len() < MOST_LISTED {
                self.unread.push(etype);
            }
            return Ok(());
        };
        if self.entries.len() >= MOST_ENTRIES {
            return Err(TicketError::Keytab("it has more keys than any service"));
        }
        let key = Key::new(etype, key).ok_or(TicketError::Keytab("a key in it has not the length of its type"))?;
        self.entries.push(Entry { principal, version, key });
        Ok(())
    }
}

impl fmt::Debug for Keytab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keytab").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

/// What is left of an entry.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn entry(mut self) -> Option<(String, u32, u32, &'a [u8])> {
        let parts = self.u16()?;
        let realm = self.text()?;
        let mut name = String::new();
        for part in 0..parts {
            if part > 0 {
                name.push('/');
            }
            name.push_str(&self.text()?);
        }
        // The kind of name, and when the key was added.
        self.bytes(8)?;
        let [short] = *self.array::<1>()?;
        let etype = self.u16()?;
        let length = self.u16()?;
        let key = self.bytes(length.into())?;
        // Versions above 255 stand behind, where there is room.
        let version = self.array::<4>().map(|version| u32::from_be_bytes(*version)).filter(|version| *version != 0);
        Some((format!("{name}@{realm}"), version.unwrap_or(short.into()), etype.into(), key))
    }

    fn text(&mut self) -> Option<String> {
        let length = self.u16()?;
        Some(String::from_utf8_lossy(self.bytes(length.into())?).into_owned())
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().copied().map(u16::from_be_bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

/// Each once, a few of them.
pub(super) fn listed(all: impl Iterator<Item = String>) -> String {
    let mut shown: Vec<String> = Vec::new();
    for text in all {
        let text: String = text.chars().take(LONGEST_LISTED).collect();
        if shown.contains(&text) {
            continue;
        }
        if shown.len() == MOST_LISTED {
            shown.push("…".to_owned());
            break;
        }
        shown.push(text);
    }
    shown.join(", ")
}

const MOST_ENTRIES: usize = 10_000;
const MOST_LISTED: usize = 6;
const LONGEST_LISTED: usize = 120;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An entry of a keytab as MIT's ktutil writes it.
    pub(in crate::capture::ticket) fn entry(service: &str, version: u32, etype: u16, key: &[u8]) -> Vec<u8> {
        let text = |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat();
        let (name, realm) = service.split_once('@').unwrap();
        let parts: Vec<_> = name.split('/').collect();
        let mut content = u16::try_from(parts.len()).unwrap().to_be_bytes().to_vec();
        content.extend(text(realm));
        parts.iter().for_each(|part| content.extend(text(part)));
        content.extend([0, 0, 0, 1, 0x67, 0, 0, 0, version.to_be_bytes()[3]]);
        content.extend(etype.to_be_bytes());
        content.extend(u16::try_from(key.len()).unwrap().to_be_bytes());
        content.extend(key);
        content.extend(version.to_be_bytes());
        [&i32::try_from(content.len()).unwrap().to_be_bytes(), &content[..]].concat()
    }

    pub(in crate::capture::ticket) fn keytab(entries: &[Vec<u8>]) -> Vec<u8> {
        [&[5, 2][..], &entries.concat()].concat()
    }

    #[test]
    fn entries_holes_and_large_versions() {
        let one = entry("HTTP/a.lab.test@LAB.TEST", 300, 18, &[7; 32]);
        let mut hole = entry("x@y", 1, 17, &[1; 16]);
        let size = -i32::try_from(hole.len() - 4).unwrap();
        hole[..4].copy_from_slice(&size.to_be_bytes());
        let bytes = keytab(&[one, hole, entry("A$@LAB.TEST", 2, 23, &[8; 16]), entry("A$@L", 2, 3, &[1; 8])]);
        let read = Keytab::read(&[&bytes[..], &[0; 9]].concat()).unwrap();
        let found: Vec<_> = read.entries().iter().map(|e| (e.principal.as_str(), e.version)).collect();
        assert_eq!(found, [("HTTP/a.lab.test@LAB.TEST", 300), ("A$@LAB.TEST", 2)]);
        assert_eq!(read.types(), "aes256-cts-hmac-sha1-96, arcfour-hmac, type 3");
        assert!(!format!("{read:?}").contains('7'));
    }

    #[test]
    fn what_is_none_says_so() {
        let short = keytab(&[entry("a@b", 1, 18, &[7; 31])]);
        for (bytes, says) in [
            (&b""[..], "does not begin"),
            (b"\x05\x01\0\0", "version 1"),
            (b"\x05\x02", "no key"),
            (b"\x05\x02\0\0\0\x09abc", "cut short"),
            (b"\x05\x02\0\0\0\x03abc", "broken"),
            (&short, "length"),
        ] {
            let error = Keytab::read(bytes).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Keytab::read(&[&[5, 2], &bytes[..]].concat());
        }
    }
}
