//! Files of people, as the command line meets them: in the encodings, parts and surroundings in which they are kept.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::{Ran, hvr, ran, run};
use crate::support::schema::check_document;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/people").join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn wide(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A folder, and files in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        text(&path).to_owned()
    }
}

fn decoded(file: &str) -> (Ran, Value) {
    let ran = run(&["wsman", "decode", file, "-o", "json"]);
    assert_eq!(ran.code, 0, "{file}: {}", ran.err);
    let document = serde_json::from_str(&ran.out).unwrap();
    check_document(&document);
    (ran, document)
}

#[test]
fn decode_reads_what_people_paste() {
    for (name, kind, remark) in [
        ("fault.xml", "fault", "no envelope but a <WSManFault>"),
        ("fault-of-powershell.txt", "fault", "a text stands before it (Get-WSManInstance :)"),
        ("instance.xml", "instance", "<Vendor_Pump> alone"),
        ("results.xml", "items", "its declaration says utf-16"),
        ("output.xml", "output", "<Reset_OUTPUT> alone"),
        ("answer.http", "instance", "an HTTP head stands before it (HTTP/1.1 200 OK)"),
        ("chunked.http", "instance", "in the chunks of HTTP"),
    ] {
        let (ran, plain) = decoded(text(&data(name)));
        assert_eq!(plain["message"]["body"]["type"], kind, "{name}");
        assert!(ran.err.contains(remark), "{name}: {}", ran.err);
        assert!(plain["remarks"].to_string().contains(remark), "{name}: {}", plain["remarks"]);
        // Saved by PowerShell, and behind a line that an editor left.
        let folder = Folder::new();
        let kept = std::fs::read_to_string(data(name)).unwrap();
        for bytes in [wide(&kept), format!("\r\n\u{feff}{kept}").into_bytes()] {
            let (_, other) = decoded(&folder.file("kept", bytes));
            assert_eq!(other["message"], plain["message"], "{name}");
        }
    }
    let (_, fault) = decoded(text(&data("fault.xml")));
    assert_eq!(fault["message"]["body"]["number"], 2_150_859_046_u32);
    let (_, results) = decoded(text(&data("results.xml")));
    assert_eq!(results["message"]["body"]["items"].as_array().unwrap().len(), 2);
    let (_, instance) = decoded(text(&data("instance.xml")));
    assert_eq!(instance["message"]["body"]["instance"]["properties"], json!({ "Name": "pümp & co", "Flow": null }));
    let (_, envelope) = decoded(text(&data("answer.http")));
    assert_eq!(envelope["message"]["relates_to"], "uuid:1");
}

#[test]
fn what_cannot_be_seen_is_named_and_what_is_sent_is_not_guessed() {
    let folder = Folder::new();
    for (name, bytes, words) in [
        ("sealed", &b"HTTP/1.1 200 \r\nContent-Type: multipart/encrypted\r\n\r\n--E\xff"[..], "trace decrypt"),
        ("login", b"HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate\r\n\r\n", "carries no message"),
        ("packed", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b", "packed (gzip)"),
        ("winrm", b"WSManFault\r\n    Message = x\r\n", "-format:xml"),
        ("page", b"<html><body>x</body></html>", "<html>"),
        ("soap11", b"<E:Envelope xmlns:E=\"http://schemas.xmlsoap.org/soap/envelope/\"/>", "SOAP 1.1"),
    ] {
        let ran = run(&["wsman", "decode", &folder.file(name, bytes)]);
        assert!(ran.code == 2 && ran.err.contains(words) && ran.out.is_empty(), "{name}: {}", ran.err);
    }
    let dry = run(&["wsman", "enumerate", "Demo_Item", "--namespace", "root/cimv2", "--dry-run", "-H", "h"]);
    let request = folder.file("request", wide(dry.out.trim()));
    let send = |more: &[&str]| run(&[&["wsman", "send", &request, "--dry-run", "-H", "h"], more].concat());
    let sent = send(&[]);
    assert!(sent.code == 0 && sent.out.starts_with("<s:Envelope") && sent.out.contains("Demo_Item"), "{}", sent.err);
    let exact = send(&["--as-is"]);
    assert!(
        exact.code == 2 && exact.err.contains("UTF-16") && exact.err.contains("leave --as-is away"),
        "{}",
        exact.err
    );
    let lint = run(&["wsman", "lint", &request]);
    assert!(lint.code == 0 && lint.err.contains("UTF-16"), "{}{}", lint.out, lint.err);
    let plain = folder.file("plain", dry.out.trim());
    let same = run(&["wsman", "diff", &request, &plain]);
    assert!(same.code == 0 && same.err.contains("both mean the same"), "{}", same.err);
}

#[test]
fn mof_of_vendors_is_shown_with_what_is_missing() {
    let folder = Folder::new();
    let show = |arguments: &[&str]| {
        let ran = run(&[&["schema", "show"], arguments, &["-o", "json"]].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        check_document(&document);
        (document, ran.err)
    };
    let vendor = std::fs::read_to_string(data("vendor.mof")).unwrap();
    for file in [text(&data("vendor.mof")).to_owned(), folder.file("wide.mof", wide(&vendor))] {
        let (pump, said) = show(&["Vendor_Pump", "--schema", &file]);
        assert_eq!(pump["missing_base"], "Vendor_Base");
        assert_eq!(pump["description"], "Turns on\\off what C:\\Vendor holds.");
        assert_eq!(pump["properties"].as_array().unwrap().len(), 4);
        for words in ["derives from Vendor_Base, which no file here declares", "--schema", "begins no escape"] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let (event, _) = show(&["Vendor_PumpEvent", "--schema", &file]);
        assert_eq!((&event["missing_base"], &event["lineage"][1]), (&Value::Null, &json!("__ExtrinsicEvent")));
    }
    let names = |property: &Value| {
        property["values"].as_array().map(|all| all.iter().map(|one| one["name"].clone()).collect::<Vec<_>>())
    };
    let (pump, _) =
        show(&["Vendor_Pump", "--schema", text(&data("vendor.mfl")), "--schema", text(&data("vendor.mof"))]);
    assert_eq!((&pump["description"], &pump["methods"][0]["name"]), (&json!("A pump."), &json!("Reset")));
    assert_eq!(pump["properties"][1]["name"], "State");
    assert_eq!(names(&pump["properties"][1]), Some(vec![json!("Off"), json!("On")]));

    let table = run(&["schema", "show", "Vendor_Pump", "--schema", text(&data("vendor.mof"))]);
    assert!(table.out.contains("class Vendor_Pump : Vendor_Base (declared in no file here)"), "{}", table.out);
    let typed = run(&[
        "wsman",
        "put",
        "Vendor_Pump?Name=a",
        "Other=1",
        "--schema",
        text(&data("vendor.mof")),
        "--dry-run",
        "-H",
        "h",
    ]);
    assert!(typed.code == 2 && typed.err.contains("may be inherited from Vendor_Base"), "{}", typed.err);
    // With the missing file, nothing is missing.
    let base = folder.file("base.mof", b"class Vendor_Base { string Other; }; // caf\xe9");
    let (pump, said) = show(&["Vendor_Pump", "--schema", text(&data("vendor.mof")), "--schema", &base]);
    assert!(pump["missing_base"].is_null() && said.contains("read as Windows-1252"), "{said}");
}

#[test]
fn includes_are_found_as_windows_finds_them() {
    let folder = Folder::new();
    folder.file("Sub/Parts/Table.MOF", wide("class Own_Table { [key] string Id; };"));
    for (name, path) in
        [("twice", "sub\\\\parts\\\\table.mof"), ("once", "SUB\\parts\\table.mof"), ("slash", "Sub/parts/TABLE.mof")]
    {
        let main = folder
            .file(&format!("{name}.mof"), format!("#pragma include (\"{path}\")\nclass Own_Main : Own_Table {{}};"));
        let ran = run(&["schema", "list", "Own_", "--schema", &main]);
        assert!(
            ran.code == 0 && ran.out.contains("Table.MOF") && !ran.err.contains("derives"),
            "{name}: {}{}",
            ran.out,
            ran.err
        );
    }
    let main = folder.file("gone.mof", "#pragma include (\"Gone\\\\x.mof\")\nclass Own_Main : Own_Gone {};");
    let ran = run(&["schema", "list", "Own_", "--schema", &main]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for words in ["includes Gone\\x.mof, which is not there", "derives from Own_Gone"] {
        assert!(ran.err.contains(words), "{}", ran.err);
    }
}

#[test]
fn hars_of_browsers_are_shown_and_replayed_from_any_encoding() {
    let folder = Folder::new();
    let har = std::fs::read_to_string(data("browser.har")).unwrap();
    for file in
        [text(&data("browser.har")).to_owned(), folder.file("wide.har", wide(har.trim_start_matches('\u{feff}')))]
    {
        let ran = run(&["trace", "show", &file]);
        assert!(ran.code == 0 && ran.out.contains("Get") && ran.out.contains("443"), "{}{}", ran.out, ran.err);
    }
}

#[test]
fn settings_scenarios_and_passwords_may_begin_with_a_mark_or_be_utf_16() {
    let folder = Folder::new();
    let scenario = "default_vms = false\r\n[[vms]]\r\nname = \"größe-01\"\r\n";
    for (name, bytes) in [("mark", format!("\u{feff}{scenario}").into_bytes()), ("wide", wide(scenario))] {
        let ran = run(&["status", "--simulate", "--scenario", &folder.file(name, bytes)]);
        assert!(ran.code == 0 && ran.out.contains("größe-01"), "{}", ran.err);
    }
    let config = "default = \"dr\"\r\n[profiles.dr]\r\nhost = \"https://hv-dr-77:5986\"\r\n";
    for bytes in [format!("\u{feff}{config}").into_bytes(), wide(config)] {
        folder.file("hvr/config.toml", bytes);
        let mut command = hvr(&["wsman", "get", "X?Y=1", "--dry-run", "--no-schema"]);
        let ran = ran(command.env("XDG_CONFIG_HOME", folder.0.path()).output().unwrap());
        assert!(ran.code == 0 && ran.out.contains("hv-dr-77"), "{}", ran.err);
    }
    for (name, bytes, words) in [
        ("nul", &b"se\0cret"[..], "NUL character"),
        ("latin", b"s\xe9cret", "neither UTF-8 nor UTF-16 (byte 1"),
        ("mark-alone", b"\xef\xbb\xbf\r\n", "the password is empty"),
        ("long", &[b'x'; 70_000], "more than 65536 bytes"),
    ] {
        let file = folder.file(name, bytes);
        let ran = run(&["status", "-H", "127.0.0.1:1", "-u", "u", "--http", "--password-file", &file]);
        assert!(ran.code == 2 && ran.err.contains(words), "{name}: {}", ran.err);
    }
}

#[test]
fn one_remedy_is_said_once() {
    let folder = Folder::new();
    let scenario = "default_vms = false\n[[vms]]\nname = \"fresh\"\nstate = 2\nlast_replication = \"never\"\n";
    let file = folder.file("fresh.toml", scenario);
    let ran = run(&["failover", "fresh", "--simulate", "--scenario", &file, "--yes"]);
    assert_eq!((ran.code, ran.err.matches("let the initial replication finish first").count()), (3, 1), "{}", ran.err);
}

#[test]
fn looking_for_a_run_makes_no_journal_and_says_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("none");
    for command in [
        &["close", "abc", "--note", "x"][..],
        &["close", "abc", "--note", "x", "--yes"],
        &["resume"],
        &["resume", "abc", "--yes"],
        &["undo", "--yes"],
        &["show", "abc"],
    ] {
        let ran = run(&[&["run"], command, &["--state", text(&state)]].concat());
        assert!(ran.code == 3 && ran.err.contains("there is no journal in"), "{command:?}: {}", ran.err);
        assert!(!state.exists(), "{command:?} made one");
    }
}
