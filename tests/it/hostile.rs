//! Hostile input is an ordinary test: every reader survives it, bounded, with a clear error.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use hyperv_replica::capture::{Opener, Sender, read_capture};
use hyperv_replica::hyperv::{NAMESPACE, random_id};
use hyperv_replica::simulator::{Effect, Fault, FaultName, Page, Relates, ServerOptions};
use hyperv_replica::trace::{Recorder, Redactor, Trace};
use hyperv_replica::wsman::{ClassAddressing, Client, Delivery, Invoke};

use crate::storm::lies::{FAULTS, STATUSES};
use crate::support::capture::{Piece, Style, capture};
use crate::support::{oracle, serve, session};

const READERS: &[fn(&[u8])] = &[
    oracle::xml,
    oracle::wsman,
    oracle::cim,
    oracle::mof,
    oracle::pasted,
    oracle::login,
    oracle::certificate,
    oracle::spnego,
    oracle::identity,
    oracle::sealed,
    oracle::scenario,
    oracle::har,
    oracle::capture,
];

fn every_file(folder: &str) -> Vec<Vec<u8>> {
    every_file_of(&Path::new("tests/data").join(folder))
}

/// The examples of traps, answers that are not the host's among them.
fn scenarios() -> Vec<Vec<u8>> {
    every_file_of(Path::new("examples/scenarios"))
}

fn every_file_of(folder: &Path) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
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
        oracle::mof(text.as_bytes());
        oracle::pasted(text.as_bytes());
    }
    oracle::sealed(&vec![b'-'; 2_000_000]);
    oracle::login(&vec![0xff; 200_000]);
    oracle::certificate(&vec![0x30; 200_000]);
}

/// A recording and captures of the same conversation, in both forms.
fn conversation() -> [Vec<u8>; 3] {
    let pieces: Vec<Piece> = [
        (true, &b"POST /wsman HTTP/1.1\r\nHost: h\r\nAuthorization: Negotiate TlRMTVNTUAABAAAA\r\nContent-Length: 0\r\n\r\n"[..]),
        (false, b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate TlRMTVNTUAACAAAA\r\nContent-Length: 0\r\n\r\n"),
        (true, b"POST /wsman HTTP/1.1\r\nContent-Type: application/soap+xml\r\nContent-Length: 4\r\n\r\n<a/>"),
        (false, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<b/>\r\n0\r\n\r\n"),
        (true, b""),
    ]
    .into_iter()
    .map(|(from_client, bytes)| Piece { connection: 0, from_client, time: Default::default(), bytes: bytes.to_vec() })
    .collect();
    let recorder = Recorder::in_memory(Redactor::new(), None);
    let request = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/requests/get-vm.xml")).unwrap();
    let entry = serde_json::json!({
        "startedDateTime": "2026-11-25T10:00:00Z", "time": 1.5, "_hvr": { "failure": { "kind": "timeout" } },
        "request": { "url": "http://h/wsman", "postData": { "text": request }, "headers": [{ "name": "a", "value": "b" }] },
        "response": { "status": 200, "content": { "text": "PGIvPg==", "encoding": "base64" } },
    });
    recorder.add(serde_json::from_value(entry).unwrap());
    let style = Style { segment: 30, ..Style::default() };
    let next = Style { next_generation: true, ipv6: true, ..style };
    [recorder.har().unwrap(), capture(&pieces, style, |_| true), capture(&pieces, next, |_| true)]
}

#[test]
fn the_seeds_of_captures_are_good() {
    let [har, pcap, pcapng] = conversation();
    assert!(Trace::read(har.as_slice()).unwrap().entries[0].is_message());
    for bytes in [pcap, pcapng] {
        let mut entries = 0;
        let found = read_capture(bytes.as_slice(), || NoKeys, |_| entries += 1).unwrap();
        assert_eq!((found.requests, entries), (2, 2), "{found:?}");
    }
}

/// Every status with every page, in answer to a call that may be made once only, over a real connection.
#[tokio::test]
async fn no_answer_but_the_hosts_own_says_what_became_of_a_call() {
    let call = || {
        let service = ClassAddressing::microsoft(NAMESPACE).reference("Msvm_ReplicationService", Default::default());
        Invoke::new(service, "InitiateFailover")
    };
    for options in [ServerOptions::http(), ServerOptions::https()] {
        let server = serve("", options).await;
        let inject = |effect| server.simulator().inject(Fault::on("InitiateFailover", effect));
        let client = || Client::new(session(&server), ClassAddressing::microsoft(NAMESPACE), random_id);
        // Inside TLS an answer to this very message cannot be told from the host's.
        let relates = [Relates::Other, Relates::Nothing, Relates::This];
        let relates = &relates[..if options.tls { 2 } else { 3 }];
        let forged = relates.iter().flat_map(|relates| {
            let faults = FAULTS.iter().map(|name| Page::Fault { name: *name, relates: *relates });
            faults.chain([Page::Success { relates: *relates }])
        });
        let pages: Vec<_> = [Page::Empty, Page::Html].into_iter().chain(forged).collect();
        let mut client_at_work = client();
        for (number, status) in STATUSES.iter().enumerate() {
            // A page or two of the many with each status, and none with all.
            for page in [Page::Empty, pages[number % pages.len()], pages[(number * 5 + 3) % pages.len()]] {
                inject(Effect::Swapped { status: *status, page });
                // Every other call is the first message of its connection.
                if number.is_multiple_of(2) {
                    client_at_work = client();
                }
                let error = client_at_work.invoke(&call()).await.unwrap_err();
                assert_eq!(error.delivery(), Delivery::Unknown, "{status} {page:?}: {error}");
            }
        }
        inject(Effect::Fault(FaultName::AccessDenied));
        let refused = client_at_work.invoke(&call()).await.unwrap_err();
        assert_eq!(refused.delivery(), Delivery::Answered, "the host's own: {refused}");
        assert_eq!(server.refused_logins(), 0);
    }
}

struct NoKeys;

impl Opener for NoKeys {
    fn token(&mut self, _: Sender, _: &str, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn open(&mut self, _: Sender, _: &str, _: &[u8]) -> Result<Vec<u8>, String> {
        Err("no keys".to_owned())
    }
}

/// What people have, as they have it, and the same in UTF-16.
fn files_of_people() -> Vec<Vec<u8>> {
    let mut files = every_file("people");
    let wide = |bytes: &Vec<u8>| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()
    };
    files.extend(files.iter().map(wide).collect::<Vec<_>>());
    files
}

#[test]
fn the_files_of_people_are_survived_by_every_reader() {
    let files = files_of_people();
    assert!(files.len() >= 16);
    for bytes in &files {
        READERS.iter().for_each(|read| read(bytes));
    }
}

fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let mut seeds = every_file("published");
    seeds.extend(every_file("inferred"));
    seeds.extend(every_file("requests"));
    damaged_of(seeds)
}

/// One of these, with a few bytes changed, added, cut off or doubled.
fn damaged_of(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
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
    fn no_damaged_file_of_people_breaks_a_reader(bytes in damaged_of(files_of_people())) {
        oracle::mof(&bytes);
        oracle::pasted(&bytes);
        oracle::har(&bytes);
        oracle::scenario(&bytes);
    }

    #[test]
    fn no_damaged_recording_or_capture_breaks_a_reader(bytes in damaged_of(conversation().to_vec())) {
        oracle::har(&bytes);
        oracle::capture(&bytes);
    }

    #[test]
    fn no_damaged_scenario_breaks_its_reader(bytes in damaged_of(scenarios())) {
        oracle::scenario(&bytes);
    }

    #[test]
    fn no_damaged_kerberos_breaks_a_reader(bytes in damaged_of(every_file("recorded/kerberos"))) {
        oracle::capture(&bytes);
    }

    #[test]
    fn no_token_breaks_a_login(kind in 1..4_u8, rest in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut token = b"NTLMSSP\0".to_vec();
        token.extend([kind, 0, 0, 0]);
        token.extend(rest);
        oracle::login(&token);
    }
}
