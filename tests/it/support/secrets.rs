//! Looks for secrets in every spelling they could have.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use md4::{Digest, Md4};

/// Secrets, and all their spellings.
#[derive(Default)]
pub struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    /// A password: its text, its NT hash.
    pub fn password(&mut self, password: &str) {
        self.bytes("the password", password.as_bytes());
        self.bytes("the password in UTF-16", &utf16(password));
        self.bytes("the NT hash", &Md4::digest(utf16(password)));
        for (from, to) in [("&", "&amp;"), ("ü", "\\u00fc"), (" ", "%20")] {
            self.0.push(("the password, escaped".to_owned(), password.replace(from, to).into_bytes()));
        }
    }

    /// A key.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) {
        let mut add = |form: &str, spelling: &[u8]| self.0.push((format!("{name}, {form}"), spelling.to_vec()));
        add("plain", bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        add("in hex", hex.as_bytes());
        add("in hex", hex.to_uppercase().as_bytes());
        add("in hex, UTF-16", &utf16(&hex));
        for before in 0..3 {
            for engine in [&STANDARD, &URL_SAFE] {
                let text = engine.encode([&vec![0; before], bytes].concat());
                // Without the characters at the ends that hold bits of neighbours.
                let stable = &text[before + usize::from(before > 0)..text.trim_end_matches('=').len() - 1];
                add("in base64", stable.as_bytes());
                add("in base64, UTF-16", &utf16(stable));
            }
        }
    }

    /// The first secret found.
    pub fn find(&self, output: &[u8]) -> Option<&str> {
        let within = |needle: &[u8]| memchr::memmem::find(output, needle).is_some();
        self.0.iter().find(|(_, needle)| within(needle)).map(|(name, _)| name.as_str())
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
