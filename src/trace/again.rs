//! Recorded requests made fit to be sent again: new ids, the address dialled now, and what the host calls things now.

use std::collections::HashMap;

use super::har::Entry;
use super::meaning::{Meaning, differences};
use crate::wsman::diff::guids;

/// Rewrites recorded requests for another run.
///
/// Enumeration contexts and job ids are new in each run: where an answer now has another GUID than the recorded one in
/// the same place, later requests that name the recorded GUID get the new one.
#[derive(Debug, Default)]
pub struct Again {
    learnt: HashMap<String, String>,
}

/// A request ready to be sent again.
#[derive(Debug, Clone)]
pub struct Resend {
    /// The envelope.
    pub envelope: Vec<u8>,
    /// What it means.
    pub meaning: Meaning,
}

impl Again {
    /// For a new run.
    pub fn new() -> Self {
        Again::default()
    }

    /// The request of an entry with a new MessageID, for another address; none where the entry holds no request.
    ///
    /// # Errors
    /// Why its request cannot be read.
    pub fn prepare(&self, entry: &Entry, message_id: &str, to: &str) -> Result<Option<Resend>, String> {
        if !entry.is_message() {
            return Ok(None);
        }
        let mut text = entry.request_text().to_owned();
        for (old, new) in &self.learnt {
            text = text.replace(old, new);
        }
        let recorded = Meaning::of(text.as_bytes())?;
        if !recorded.message_id.is_empty() {
            text = text.replace(&recorded.message_id, message_id);
        }
        let address = format!(">{}<", escaped(&entry.request.url));
        text = text.replacen(&address, &format!(">{}<", escaped(to)), 1);
        let meaning = Meaning::of(text.as_bytes())?;
        Ok(Some(Resend { envelope: text.into_bytes(), meaning }))
    }

    /// Learns from the answer to a request what the host calls things now.
    pub fn learn(&mut self, recorded: &[u8], new: &[u8]) {
        let Ok(found) = differences(recorded, new) else { return };
        for difference in found {
            let (Some(old), Some(new)) = (difference.left, difference.right) else { continue };
            if guids(&old) > 0 && guids(&old) == guids(&new) {
                self.learnt.insert(old, new);
            }
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::har::PostData;
    use super::*;

    #[test]
    fn new_ids_a_new_address_and_contexts_of_now() {
        let pull = include_str!("../../tests/data/requests/pull.xml");
        let context = pull.split("<n:EnumerationContext>").nth(1).unwrap().split('<').next().unwrap();
        let recorded = "uuid:11111111-2222-3333-4444-555555555555";
        let mut entry = Entry::default();
        let to = pull.split("<a:To").nth(1).unwrap().split('>').nth(1).unwrap().split('<').next().unwrap();
        entry.request.url = to.to_owned();
        let text = pull.replace(context, recorded);
        entry.request.post_data = Some(PostData { text, ..PostData::default() });
        let mut again = Again::new();
        let page = |context: &str| format!("<E><C>{context}</C><n>1</n></E>").into_bytes();
        let now = "uuid:99999999-2222-3333-4444-555555555555";
        again.learn(&page(recorded), &page(now));
        let resend = again.prepare(&entry, "uuid:new", "http://127.0.0.1:1/wsman?a&b").unwrap().unwrap();
        let text = String::from_utf8(resend.envelope).unwrap();
        assert!(text.contains(">uuid:new<") && text.contains(now) && !text.contains(recorded), "{text}");
        assert!(text.contains(">http://127.0.0.1:1/wsman?a&amp;b<") && !text.contains(to), "{text}");
        assert!(resend.meaning.harmless);
        assert!(again.prepare(&Entry::default(), "uuid:new", "x").unwrap().is_none());
    }
}
