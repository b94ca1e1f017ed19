//! Hostile input is an ordinary test: every reader survives it, bounded, with a clear error.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use crate::support::oracle;

const READERS: &[fn(&[u8])] =
    &[oracle::xml, oracle::wsman, oracle::cim, oracle::login, oracle::sealed, oracle::scenario];

fn every_file(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn every_hostile_file_is_survived_by_every_reader() {
    let files = every_file("hostile");
    assert!(files.len() > 15);
    for bytes in &files {
        READERS.iter().for_each(|read| read(bytes));
    }
    // And none of them is a reply.
    for bytes in files {
        let get = hyperv_replica::wsman::Get {
            target: hyperv_replica::wsman::ClassAddressing::microsoft("x").reference("Y", Default::default()),
        };
        assert!(hyperv_replica::wsman::Operation::read(&get, bytes, "uuid:2").is_err());
    }
}

#[test]
fn large_input_is_bounded() {
    let nested = "<a>".repeat(1_000_000);
    let wide = format!("<a>{}</a>", "<b/>".repeat(500_000));
    let long = format!("<a b=\"{}\"/>", "x".repeat(5_000_000));
    let flat = "\u{0}".repeat(1_000_000);
    for text in [nested, wide, long, flat] {
        oracle::xml(text.as_bytes());
        oracle::cim(text.as_bytes());
    }
    oracle::sealed(&vec![b'-'; 2_000_000]);
    oracle::login(&vec![0xff; 200_000]);
}

fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let mut seeds = every_file("published");
    seeds.extend(every_file("inferred"));
    seeds.extend(every_file("requests"));
    let edits = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6);
    (prop::sample::select(seeds), edits).prop_map(|(mut bytes, edits)| {
        for (place, byte, kind) in edits {
            let at = place.index(bytes.len().max(1));
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.truncate(at),
                2 => bytes.insert(at.min(bytes.len()), byte),
                _ => {
                    let part = bytes.get(at..(at + usize::from(byte)).min(bytes.len())).unwrap_or_default().to_vec();
                    bytes.extend(part);
                }
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_bytes_break_a_reader(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        READERS.iter().for_each(|read| read(&bytes));
    }

    #[test]
    fn no_damaged_message_breaks_a_reader(bytes in damaged()) {
        oracle::xml(&bytes);
        oracle::wsman(&bytes);
        oracle::cim(&bytes);
    }

    #[test]
    fn no_token_breaks_a_login(kind in 1..4_u8, rest in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut token = b"NTLMSSP\0".to_vec();
        token.extend([kind, 0, 0, 0]);
        token.extend(rest);
        oracle::login(&token);
    }
}
