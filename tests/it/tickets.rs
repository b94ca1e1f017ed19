//! Captures of Kerberos conversations, recorded between others (tests/data/recorded/kerberos), opened with the keytab.

use std::fs;
use std::path::{Path, PathBuf};

use hyperv_replica::trace::Trace;
use serde_json::Value;

use crate::cli::{Ran, hvr, ran, run};
use crate::support::schema::check_document;
use crate::support::secrets::Secrets;

pub fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/recorded/kerberos")
}

pub fn captures() -> Vec<PathBuf> {
    let files = fs::read_dir(recorded()).unwrap().map(|entry| entry.unwrap().path());
    let mut captures: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "pcap")).collect();
    captures.sort();
    captures
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn every_encryption_type_opens_to_what_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let (har, keytab) = (folder.path().join("a.har"), recorded().join("service.keytab"));
    let captures = captures();
    assert_eq!(captures.len(), 8);
    for capture in &captures {
        let opened =
            run(&["trace", "decrypt", text(capture), "--keytab", text(&keytab), "--to", text(&har), "-o", "json"]);
        assert_eq!(opened.code, 0, "{}: {}", capture.display(), opened.err);
        let document: Value = serde_json::from_str(&opened.out).unwrap();
        check_document(&document);
        let counts = ["requests", "opened", "unopened"].map(|count| document[count].as_u64());
        assert_eq!((counts, &document["notes"]), ([Some(3), Some(4), Some(0)], &Value::Array(Vec::new())));
        let trace = Trace::open(&har).unwrap();
        let said: Vec<_> = trace.entries.iter().filter(|entry| entry.is_message()).collect();
        for (entry, name) in said.iter().zip(["identify.xml", "get-vm.xml"]) {
            let sent = fs::read_to_string(recorded().join("../../requests").join(name)).unwrap();
            assert_eq!((entry.request_text(), entry.reply_bytes()), (&*sent, sent.as_bytes().to_vec()));
        }
        assert_eq!(said.len(), 2);
        fs::remove_file(&har).unwrap();
    }
}

#[test]
fn what_does_not_fit_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let capture = recorded().join("gss-spnego-aes256-sha1.pcap");
    let whole = fs::read(recorded().join("service.keytab")).unwrap();
    // The first entry is the ticket's: 256 bits, version 1.
    let first = &whole[..6 + usize::from(whole[5])];
    let rest = [&whole[..2], &whole[first.len()..]].concat();
    let mut other_key = first.to_vec();
    let key = first.windows(4).position(|bytes| bytes == [0, 18, 0, 32]).unwrap() + 4;
    other_key[key] ^= 1;
    let mut other_version = other_key.clone();
    (other_version[key - 5], other_version[key + 35]) = (7, 7);
    let mut weaker = first.to_vec();
    weaker[key - 3] = 99;
    let service = "HTTP/aes256-sha1.hvr.test@HVR.TEST";
    for (name, keytab, words) in [
        ("key", other_key, &["no key in the keytab opens", service, "(version 1)"][..]),
        ("version", other_version, &["version 1 of its key", "the keytab has 7", "made anew"]),
        ("type", weaker, &["aes256-cts-hmac-sha1-96", "only type 99"]),
        ("service", rest, &["no key in the keytab opens", service, "HTTP/localhost@HVR.TEST"]),
        ("text", b"no keytab".to_vec(), &["text.keytab", "no keytab that can be read", "klist -k"]),
    ] {
        let file = folder.path().join(format!("{name}.keytab"));
        fs::write(&file, keytab).unwrap();
        let ran = run(&["trace", "decrypt", text(&capture), "--keytab", text(&file)]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{name}: {}", ran.err);
        words.iter().for_each(|word| assert!(ran.err.contains(word), "{name}: {}", ran.err));
    }
    let absent = run(&["trace", "decrypt", text(&capture), "--keytab", "/nonexistent"]);
    assert!(absent.code == 2 && absent.err.contains("cannot read the keytab /nonexistent"), "{}", absent.err);
    let mut password = hvr(&["trace", "decrypt", text(&capture)]);
    let password = ran(password.env("HVR_PASSWORD", "x").output().unwrap());
    assert!(password.code == 2 && password.err.contains("--keytab"), "{}", password.err);
}

#[test]
fn neither_keys_nor_tickets_are_in_any_output() {
    let folder = tempfile::tempdir().unwrap();
    let (har, keytab) = (folder.path().join("a.har"), recorded().join("service.keytab"));
    let mut secrets = Secrets::default();
    let keys = fs::read(&keytab).unwrap();
    let lengths = [[0, 17, 0, 16], [0, 18, 0, 32], [0, 19, 0, 16], [0, 20, 0, 32], [0, 23, 0, 16]];
    for (at, head) in keys.windows(4).enumerate().filter(|(_, head)| lengths.iter().any(|known| known == head)) {
        secrets.bytes("a service's key", &keys[at + 4..at + 4 + usize::from(head[3])]);
    }
    for capture in captures() {
        let bytes = String::from_utf8_lossy(&fs::read(&capture).unwrap()).into_owned();
        let tokens = bytes.split("Authorization: ").skip(1).map(|rest| rest.split("\r\n").next().unwrap());
        let tokens: Vec<_> = tokens.map(|token| token.split_once(' ').unwrap().1[..60].to_owned()).collect();
        assert_eq!(tokens.len(), 1);
        let run = |arguments: &[&str]| run(&[arguments, &["--keytab", text(&keytab), "-vv"]].concat());
        let Ran { out, err, .. } = run(&["trace", "decrypt", text(&capture), "--to", text(&har)]);
        let shown = [1, 2, 3].map(|n| run(&["trace", "show", text(&har), &n.to_string(), "-o", "json"]).out);
        let anonymised = folder.path().join("b.har");
        run(&["trace", "decrypt", text(&capture), "--to", text(&anonymised), "--anonymise"]);
        let files = [&har, &anonymised].map(|file| fs::read_to_string(file).unwrap());
        for output in [&[out, err][..], &shown, &files].concat() {
            assert_eq!(secrets.find(output.as_bytes()), None);
            assert!(!output.contains(&tokens[0]), "the ticket stands in {output}");
        }
        fs::remove_file(&har).unwrap();
        fs::remove_file(&anonymised).unwrap();
    }
}
