use std::io::Read;

use proptest::prelude::*;

use super::*;

fn wide(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

/// In one piece, and piece by piece.
fn both(bytes: &[u8]) -> Result<String, String> {
    /// A byte at a time: no boundary may matter.
    struct Slowly<'b>(&'b [u8]);
    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }
    let whole = read(bytes).map(Cow::into_owned).map_err(|error| error.to_string());
    let mut streamed = String::new();
    match Utf8Reader::new(Slowly(bytes)).read_to_string(&mut streamed) {
        Ok(_) => assert_eq!(whole.as_deref(), Ok(streamed.as_str())),
        Err(_) => assert!(whole.is_err(), "{whole:?}"),
    }
    whole
}

#[test]
fn every_encoding_that_windows_writes_gives_the_same_text() {
    for text in ["class A {};\r\n", "{\"größe\": \"日本 🦀\"}", "<a/>", "\n\n[x]\n"] {
        let marked = format!("\u{feff}{text}");
        for bytes in [
            text.as_bytes().to_vec(),
            marked.as_bytes().to_vec(),
            wide(text, false),
            wide(text, true),
            wide(&marked, false),
            wide(&marked, true),
        ] {
            assert_eq!(both(&bytes).as_deref(), Ok(text), "{bytes:?}");
        }
    }
    assert_eq!(both(b"").as_deref(), Ok(""));
    assert_eq!(both(b"\xff\xfe").as_deref(), Ok(""));
    // A mark inside is a character like any other.
    assert_eq!(both("a\u{feff}".as_bytes()).as_deref(), Ok("a\u{feff}"));
}

#[test]
fn what_is_no_text_says_so_without_quoting_it() {
    for (bytes, words) in [
        (&b"caf\xe9"[..], "byte 3"),
        (b"\xff\xfea", "damaged"),
        (b"\xff\xfea\0\0\xd8", "damaged near byte 4"),
        (b"\xfe\xff\xdc\0", "damaged"),
        (b"\xff\xfe\0\0a\0\0\0", "UTF-32"),
        (b"\0\0\xfe\xff\0\0\0a", "UTF-32"),
    ] {
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains(words), "{bytes:?}: {error}");
        let mut text = String::new();
        assert!(Utf8Reader::new(bytes).read_to_string(&mut text).is_err(), "{bytes:?}");
    }
}

#[test]
fn the_code_page_of_old_files_is_taken_where_told_to() {
    let (text, encoding) = read_legacy(b"\x80 \x93caf\xe9\x94 \x81").unwrap();
    assert_eq!((text.as_ref(), encoding), ("€ “café” \u{81}", Encoding::Windows1252));
    assert_eq!(read_legacy("café".as_bytes()).unwrap().1, Encoding::Utf8);
    assert_eq!(read_legacy(&wide("café", false)).unwrap().1, Encoding::Utf16Le);
    assert_eq!(read_legacy(b"\xff\xfea"), Err(TextError::Damaged(3)));
}

#[test]
fn bytes_that_are_no_text_are_left_alone() {
    let der = [0x30, 0x82, 0x01, 0x0a, 0xff, 0x00];
    assert_eq!(plain(&der), &der[..]);
    for pem in [b"\xef\xbb\xbf-----BEGIN".to_vec(), wide("\u{feff}-----BEGIN", false), b"-----BEGIN".to_vec()] {
        assert_eq!(plain(&pem), &b"-----BEGIN"[..]);
    }
}

#[test]
fn the_string_made_of_utf_16_never_grew() {
    let bytes = wide("\u{feff}pässwörd€", false);
    let Cow::Owned(text) = read(&bytes).unwrap() else { panic!("borrowed") };
    assert!(text.capacity() >= bytes.len() / 2 * 3);
}

proptest! {
    #![proptest_config(crate::properties::config())]
    #[test]
    fn any_text_comes_through_and_any_bytes_are_survived(text in "\\PC{1,60}", bytes: Vec<u8>) {
        prop_assert_eq!(read(text.as_bytes()).unwrap(), text.trim_start_matches('\u{feff}'));
        let marked = format!("\u{feff}{text}");
        for big in [false, true] {
            prop_assert_eq!(&both(&wide(&marked, big)).unwrap(), &text);
        }
        let _ = read(&bytes);
        let _ = read_legacy(&bytes);
        let mut streamed = Vec::new();
        let _ = Utf8Reader::new(bytes.as_slice()).read_to_end(&mut streamed);
        prop_assert!(streamed.len() <= bytes.len() * 2);
    }
}
