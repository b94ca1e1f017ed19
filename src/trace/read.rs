//! Reading a HAR file entry by entry, in bounded memory.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::TraceError;
use super::har::Entry;

/// A recording in memory.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// Its entries in order.
    pub entries: Vec<Entry>,
}

impl Trace {
    /// Reads a file.
    ///
    /// # Errors
    /// [`TraceError`] when it cannot be read, is no HAR, or is too large.
    pub fn open(path: &Path) -> Result<Trace, TraceError> {
        Trace::read(std::fs::File::open(path)?)
    }

    /// The hosts that messages went to, as URLs name them, in order.
    pub fn hosts(&self) -> Vec<&str> {
        let mut hosts = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.is_message()) {
            if !entry.host().is_empty() && !hosts.contains(&entry.host()) {
                hosts.push(entry.host());
            }
        }
        hosts
    }

    /// Keeps what was said to one of the hosts.
    pub fn keep_host(&mut self, host: &str) {
        self.entries.retain(|entry| entry.host().eq_ignore_ascii_case(host));
    }

    /// Reads from anywhere.
    ///
    /// # Errors
    /// As [`Trace::open`].
    pub fn read(from: impl Read) -> Result<Trace, TraceError> {
        let (mut entries, mut kept) = (Vec::new(), 0_usize);
        let mut too_large = false;
        for_each_entry(from, |entry: Entry| {
            let reply = entry.response.content.text.as_ref().map_or(0, String::len);
            kept = kept.saturating_add(size_of::<Entry>() + entry.request_text().len() + reply);
            too_large = kept > MOST_KEPT;
            if too_large {
                return ControlFlow::Break(());
            }
            entries.push(entry);
            ControlFlow::Continue(())
        })?;
        if too_large {
            return Err(TraceError::TooLarge { limit: MOST_KEPT >> 20 });
        }
        Ok(Trace { entries })
    }
}

/// Reads the entries one after the other; only one is held at a time.
///
/// # Errors
/// [`TraceError`] when it is no HAR, or a text in it is too large. What came before has then been given out.
pub fn for_each_entry(from: impl Read, mut each: impl FnMut(Entry) -> ControlFlow<()>) -> Result<(), TraceError> {
    let mut stopped = false;
    let since_entry = Rc::new(Cell::new(0));
    let guard = Guard { inner: from, since_entry: since_entry.clone(), length: 0, in_string: false, escaped: false };
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(guard));
    let mut found = false;
    let read = Level::File(&mut found, &mut |entry| {
        since_entry.set(0);
        stopped = each(entry).is_break();
        !stopped
    })
    .deserialize(&mut json)
    .and_then(|()| json.end());
    match read {
        _ if stopped => Ok(()),
        Ok(()) if found => Ok(()),
        Ok(()) => Err(TraceError::NotHar("it has no log with entries".to_owned())),
        Err(error) if error.to_string().contains(LONG_TEXT) => Err(TraceError::TextTooLarge { limit: LONGEST >> 20 }),
        Err(error) if error.is_io() => Err(TraceError::Io(error.into())),
        Err(error) => Err(TraceError::NotHar(shortened(&error.to_string()))),
    }
}

/// What the parser says may quote the file at length; the place stands at the end of it.
fn shortened(text: &str) -> String {
    let (all, most) = (text.chars().count(), 300);
    match all > most {
        true => format!(
            "{} … {}",
            text.chars().take(200).collect::<String>(),
            text.chars().skip(all - 60).collect::<String>()
        ),
        false => text.to_owned(),
    }
}

/// Walks `{"log":{"entries":[…]}}` and passes over the rest.
enum Level<'l> {
    File(&'l mut bool, &'l mut dyn FnMut(Entry) -> bool),
    Log(&'l mut bool, &'l mut dyn FnMut(Entry) -> bool),
    Entries(&'l mut dyn FnMut(Entry) -> bool),
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        match self {
            Level::Entries(_) => from.deserialize_seq(self),
            _ => from.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::File(..) => "an object with a log",
            Level::Log(..) => "a log with entries",
            Level::Entries(_) => "a list of entries",
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match self {
            Level::File(found, each) => {
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "log" => map.next_value_seed(Level::Log(found, each))?,
                        _ => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
            }
            Level::Log(found, each) => {
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "entries" => {
                            *found = true;
                            map.next_value_seed(Level::Entries(each))?;
                        }
                        _ => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
            }
            Level::Entries(_) => {}
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Level::Entries(each) = self else { return Ok(()) };
        while let Some(entry) = seq.next_element::<Entry>()? {
            if !each(entry) {
                return Err(serde::de::Error::custom("enough"));
            }
        }
        Ok(())
    }
}

/// Ends the reading when a JSON string, or an entry, grows beyond every message, before it is held in memory.
struct Guard<R> {
    inner: R,
    since_entry: Rc<Cell<usize>>,
    length: usize,
    in_string: bool,
    escaped: bool,
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.since_entry.set(self.since_entry.get().saturating_add(read));
        if self.since_entry.get() > 3 * LONGEST {
            return Err(io::Error::other(LONG_TEXT));
        }
        for byte in buffer.iter().take(read) {
            if !self.in_string {
                self.in_string = *byte == b'"';
                self.length = 0;
                continue;
            }
            self.length += 1;
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ if self.length > LONGEST => return Err(io::Error::other(LONG_TEXT)),
                _ => {}
            }
        }
        Ok(read)
    }
}

const LONG_TEXT: &str = "a text is too large";
/// Windows gives out at most 500 KiB unless told otherwise; ours is an answer of any known server many times over.
pub(crate) const LONGEST: usize = 32 << 20;
const MOST_KEPT: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Entry>, TraceError> {
        Trace::read(text.as_bytes()).map(|trace| trace.entries)
    }

    #[test]
    fn entries_of_any_producer() {
        let entries = read(
            r#"{"log":{"version":"1.2","pages":[{"a":[1]}],"entries":[{"request":{"method":"POST","url":"http://h/wsman",
            "postData":{"text":"<x/>"},"cookies":[{"name":"a","value":"b"}]},"response":{"status":200,"content":{"text":"aGk=",
            "encoding":"base64"}},"_extra":1},{}],"comment":""},"more":null}"#,
        )
        .unwrap();
        assert_eq!(
            (entries.len(), entries[0].request_text(), entries[0].reply_bytes().as_slice()),
            (2, "<x/>", &b"hi"[..])
        );
        assert!(entries[0].is_message() && !entries[1].is_message());
    }

    #[test]
    fn what_is_no_har_says_so() {
        for (text, words) in [
            ("", "EOF"),
            ("[]", "an object with a log"),
            ("{}", "no log with entries"),
            (r#"{"log":{}}"#, "no log with entries"),
            (r#"{"log":{"entries":{}}}"#, "a list of entries"),
            (r#"{"log":{"entries":[{]}}"#, "line 1"),
            (r#"{"log":{"entries":[{}]}"#, "EOF"),
            (r#"{"log":{"entries":[]}} {}"#, "trailing"),
            ("\u{0}\u{1}", "expected value"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn an_error_does_not_quote_the_file() {
        let kind = "x".repeat(10_000);
        let error =
            read(&format!(r#"{{"log":{{"entries":[{{"_hvr":{{"kind":"{kind}"}}}}]}}}}"#)).unwrap_err().to_string();
        assert!(error.len() < 400 && error.contains("line 1"), "{error}");
    }

    #[test]
    fn a_text_beyond_every_message_is_not_held() {
        let head = std::io::Cursor::new(br#"{"log":{"entries":[{"request":{"postData":{"text":""#.to_vec());
        let error = Trace::read(head.chain(std::io::repeat(b'x'))).unwrap_err();
        assert!(matches!(error, TraceError::TextTooLarge { limit: 32 }), "{error}");
    }
}
