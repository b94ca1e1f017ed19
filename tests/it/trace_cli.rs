//! `--trace` and `hvr trace` as their users meet them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use hyperv_replica::simulator::ServerOptions;
use hyperv_replica::trace::Trace;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{Ran, hvr, ran, run};
use crate::support::capture::{Piece, Relay, Style, capture};
use crate::support::process::Running;
use crate::support::schema::check_document;
use crate::support::secrets::Secrets;
use crate::support::serve;
use crate::support::session_key::session_key;

const PASSWORD: &str = "Canary & Grün-7f3a";
const USER: &str = "dr-admin";

fn account() -> String {
    format!("[account]\nuser = \"{USER}\"\npassword = \"{PASSWORD}\"\n")
}

/// `hvr` with the account's password in its environment.
fn with_password(arguments: &[&str]) -> Ran {
    ran(hvr(arguments).env("HVR_PASSWORD", PASSWORD).env("HVR_USER", USER).output().unwrap())
}

/// A folder, and a scenario file in it.
fn folder(scenario: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.toml");
    fs::write(&file, scenario).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (folder, file)
}

fn folder_scenario(folder: &TempDir) -> String {
    path(folder, "scenario.toml")
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

/// Runs a command against an embedded host and records it.
fn record(folder: &TempDir, scenario: &str, name: &str, arguments: &[&str]) -> (Ran, String) {
    let har = path(folder, name);
    let all = [arguments, &["--simulate", "--scenario", scenario, "--trace", &har, "-o", "json"]].concat();
    (run(&all), har)
}

fn document(ran: &Ran) -> Value {
    let document: Value =
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err));
    check_document(&document);
    document
}

fn titles(har: &str) -> Vec<String> {
    let shown = document(&run(&["trace", "show", har, "-o", "json"]));
    shown["entries"].as_array().unwrap().iter().map(|entry| entry["title"].as_str().unwrap().to_owned()).collect()
}

/// A recording that answers, ended with this value.
struct Serving {
    _child: Running,
    url: String,
    password: String,
    pin: Option<String>,
}

impl Serving {
    fn start(har: &str, more: &[&str]) -> Serving {
        Serving::start_as(har, more, None)
    }

    /// With this password, or one of its own.
    fn start_as(har: &str, more: &[&str], password: Option<&str>) -> Serving {
        let mut command = hvr(&[&["trace", "serve", har, "-o", "jsonl"], more].concat());
        command.envs(password.map(|password| ("HVR_PASSWORD", password)));
        let mut child = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let shown: Value = serde_json::from_str(&line).unwrap();
        check_document(&shown);
        let text = |name: &str| shown[name].as_str().map(str::to_owned);
        let password = text("password").or(password.map(str::to_owned)).unwrap();
        Serving { url: text("url").unwrap(), password, pin: text("pin_sha256"), _child: child }
    }

    fn ask(&self, arguments: &[&str]) -> Ran {
        let mut all = arguments.to_vec();
        all.extend(["-H", &self.url, "-u", "replay"]);
        all.extend(self.pin.iter().flat_map(|pin| ["--pin-sha256", pin]));
        ran(hvr(&all).env("HVR_PASSWORD", &self.password).output().unwrap())
    }
}

#[test]
fn a_recording_is_a_har_file_with_messages_in_clear() {
    let (folder, scenario) = folder(&account());
    let (ran, har) = record(&folder, &scenario, "a.har", &["failover", "app-db-01", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let file: Value = serde_json::from_slice(&fs::read(&har).unwrap()).unwrap();
    let log = &file["log"];
    assert_eq!((log["version"].as_str(), log["creator"]["name"].as_str()), (Some("1.2"), Some("hyperv-replica")));
    let entries = log["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 5);
    for entry in entries {
        // What HAR 1.2 demands of every entry.
        for (at, fields) in [
            (entry, &["startedDateTime", "time", "request", "response", "cache", "timings"][..]),
            (
                &entry["request"],
                &["method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"],
            ),
            (
                &entry["response"],
                &[
                    "status",
                    "statusText",
                    "httpVersion",
                    "cookies",
                    "headers",
                    "content",
                    "redirectURL",
                    "headersSize",
                    "bodySize",
                ],
            ),
            (&entry["response"]["content"], &["size", "mimeType"]),
            (&entry["timings"], &["send", "wait", "receive"]),
        ] {
            assert!(fields.iter().all(|field| !at[field].is_null()), "{at}");
        }
        assert!(["send", "wait", "receive"].iter().all(|phase| entry["timings"][phase].as_f64() >= Some(0.0)));
        assert_eq!((entry["connection"].as_str(), entry["serverIPAddress"].as_str()), (Some("1"), Some("127.0.0.1")));
    }
    assert_eq!(entries[0]["_hvr"]["kind"], "login");
    assert!(entries[0]["timings"]["connect"].as_f64() > Some(0.0) && entries[1]["timings"]["connect"] == -1.0);
    let invoke = &entries[2];
    let sent = invoke["request"]["postData"]["text"].as_str().unwrap();
    assert!(sent.contains("InitiateFailover_INPUT"));
    // Sealed on the wire, and larger there.
    assert!(invoke["request"]["bodySize"].as_u64().unwrap() > u64::try_from(sent.len()).unwrap());
    assert!(invoke["response"]["content"]["text"].as_str().unwrap().contains("InitiateFailover_OUTPUT"));
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&har).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    let expected = [
        "login: Negotiate",
        "Enumerate *",
        "InitiateFailover Msvm_ReplicationService",
        "Get Msvm_ConcreteJob",
        "Get Msvm_ComputerSystem",
    ];
    assert_eq!(titles(&har), expected);
    let table = run(&["trace", "show", &har]).out;
    assert_eq!(table.lines().count(), 6);
    assert!(table.contains("sealed") && table.contains("InitiateFailover"), "{table}");
    let one = document(&run(&["trace", "show", &har, "3", "-o", "json"]));
    assert_eq!((one["title"].as_str(), one["request"]["xml"].as_str()), (Some(expected[2]), Some(sent)));
    let shown = run(&["trace", "show", &har, "3"]).out;
    assert!(shown.contains("\n      <p:ComputerSystem>\n") && shown.contains("200 OK"), "{shown}");
    assert_eq!(run(&["trace", "show", &har, "3", "--request"]).out.trim_end(), sent);
    assert!(run(&["trace", "show", &har, "3", "--reply"]).out.starts_with("<s:Envelope"));
    let none = run(&["trace", "show", &har, "6"]);
    assert!(none.code == 2 && none.err.contains("has 5 requests"), "{}", none.err);
}

#[test]
fn a_served_recording_leads_a_failover_to_the_same_end() {
    for (scenario, vm, code) in [
        ("", "app-db-01", 0),
        ("[job]\nduration = \"3s\"", "app-db-01", 0),
        ("", "fail-01", 4),
        ("", "running-01", 3),
        ("[[faults]]\non = \"InitiateFailover\"\ncut = \"after\"", "app-db-01", 0),
        ("[[faults]]\non = \"Get Msvm_ConcreteJob\"\nlogin = \"dropped\"", "app-db-01", 0),
        ("[[faults]]\non = \"InitiateFailover\"\nstatus = 503\ntaken = true", "app-db-01", 0),
    ] {
        let (folder, file) = folder(&format!("{}{scenario}", account()));
        let (then, har) = record(&folder, &file, "a.har", &["failover", vm, "--yes"]);
        assert_eq!(then.code, code, "{scenario}: {}", then.err);
        for more in [&["--delays", "0"][..], &["--delays", "0", "--https"]] {
            let serving = Serving::start(&har, more);
            let now = serving.ask(&["failover", vm, "--yes", "-o", "json"]);
            assert_eq!(now.code, code, "{scenario}: {}", now.err);
            let (then, now) = (document(&then), document(&now));
            for field in ["kind", "code", "may_have_changed"] {
                assert_eq!(then[field], now[field], "{scenario}");
            }
            assert_eq!(then["verified"]["replication_state"], now["verified"]["replication_state"]);
            assert_eq!(then["job"]["id"], now["job"]["id"]);
            if scenario.is_empty() && code == 0 && more.len() == 2 {
                assert_eq!(then["requests"], now["requests"]);
            }
        }
    }
}

#[test]
fn a_recording_of_two_hosts_is_served_by_two() {
    let (folder, scenario) = folder("");
    let (then, har) = record(&folder, &scenario, "a.har", &["failover", "app-db-01", "--planned", "--yes"]);
    assert_eq!(then.code, 0, "{}", then.err);
    let shown = document(&run(&["trace", "show", &har, "-o", "json"]));
    let mut hosts: Vec<_> =
        shown["entries"].as_array().unwrap().iter().map(|entry| entry["host"].as_str().unwrap()).collect();
    hosts.sort();
    hosts.dedup();
    let connections: Vec<_> =
        shown["entries"].as_array().unwrap().iter().map(|entry| entry["connection"].as_str()).collect();
    assert!(connections.contains(&Some("1")) && connections.contains(&Some("2")), "{connections:?}");
    let which = run(&["trace", "serve", &har]);
    assert!(which.code == 2 && which.err.contains(hosts[0]) && which.err.contains("--of"), "{}", which.err);
    assert_eq!(run(&["trace", "serve", &har, "--of", "nobody:1"]).code, 2);
    // The replica is the one that was asked to fail over.
    let called = |entry: &&Value| entry["title"].as_str().unwrap().starts_with("InitiateFailover");
    let replica = shown["entries"].as_array().unwrap().iter().find(called).unwrap()["host"].as_str().unwrap();
    let primary = hosts.iter().find(|host| **host != replica).unwrap();
    let start = |host: &str| Serving::start_as(&har, &["--delays", "0", "--of", host], Some("canary-pass-42"));
    let (replica, primary) = (start(replica), start(primary));
    let now = replica.ask(&["failover", "app-db-01", "--planned", "--yes", "--primary", &primary.url, "-o", "json"]);
    assert_eq!(now.code, 0, "{}", now.err);
    let (then, now) = (document(&then), document(&now));
    assert_eq!(then["steps"].as_array().map(Vec::len), now["steps"].as_array().map(Vec::len));
    assert_eq!(then["kind"], now["kind"]);
}

#[test]
fn a_served_recording_keeps_its_time_and_knows_what_it_lacks() {
    let slow = "[[faults]]\non = \"Enumerate\"\ndelay = \"400ms\"\n";
    let (folder, scenario) = folder(&format!("{}{slow}", account()));
    let (_, har) = record(&folder, &scenario, "a.har", &["status", "app-db-01"]);
    let time = |serving: &Serving| {
        let begun = Instant::now();
        assert_eq!(serving.ask(&["status", "app-db-01"]).code, 0);
        begun.elapsed()
    };
    let (recorded, none) = (time(&Serving::start(&har, &[])), time(&Serving::start(&har, &["--delays", "0"])));
    assert!(recorded >= Duration::from_millis(400) && none < recorded, "{recorded:?} {none:?}");

    let serving = Serving::start(&har, &["--https"]);
    let basic = serving.ask(&["status", "app-db-01", "--auth", "basic"]);
    assert_eq!(basic.code, 0, "{}", basic.err);
    let other = serving.ask(&["wsman", "get", "Msvm_ComputerSystem?Name=x"]);
    assert_eq!(other.code, 4);
    assert!(other.err.contains("the recording has no Get Msvm_ComputerSystem"), "{}", other.err);
    let mut wrong = hvr(&["status", "-H", &serving.url, "-u", "replay", "--insecure"]);
    assert_eq!(ran(wrong.env("HVR_PASSWORD", "wrong").output().unwrap()).code, 7);
    let plain = hvr(&["trace", "serve", &har, "--delays", "-1"]).output().unwrap();
    assert_eq!(ran(plain).code, 2);
}

#[test]
fn recorded_requests_are_sent_again_and_compared() {
    let (folder, scenario) = folder(&format!("demo_items = 40\n{}", account()));
    let (_, har) = record(&folder, &scenario, "a.har", &["failover", "app-db-01", "--yes"]);
    let again = |har: &str, more: &[&str]| run(&[&["trace", "replay", har, "--simulate", "-o", "json"], more].concat());
    let refused = again(&har, &[]);
    assert_eq!((refused.code, document(&refused)["code"].as_str()), (3, Some("once-only")));
    assert!(refused.err.contains("3 (InitiateFailover") && !refused.err.contains("simulated host"), "{}", refused.err);

    let reads = document(&again(&har, &["--reads-only"]));
    let numbers = |document: &Value| {
        document["results"].as_array().unwrap().iter().map(|r| r["number"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&reads), [2, 4, 5]);
    assert_eq!(reads["same"], false);
    // The job is not there without the call, and with it has another id, which the next request already names.
    assert_ne!(reads["results"][1]["status"], 200);
    let calls = document(&again(&har, &["--repeat-calls-that-change-the-host"]));
    assert_eq!(numbers(&calls), [2, 3, 4, 5]);
    assert!(calls["results"].as_array().unwrap().iter().all(|result| result["status"] == 200), "{calls:#}");
    // But for ids and times, another host in the same state answers the same.
    assert_eq!(calls["same"], true, "{calls:#}");
    let found = calls["results"][1]["differences"].as_array().unwrap();
    assert_eq!((found.len(), &found[0]["by_nature"]), (1, &Value::Bool(true)));
    assert!(found[0]["path"].as_str().unwrap().ends_with("/Selector[instanceid]"), "{found:?}");
    let (_, fault) = record(&folder, &scenario, "c.har", &["wsman", "get", "Msvm_ComputerSystem?Name=none"]);
    let scene = path(&folder, "other.toml");
    fs::write(&scene, "language = \"ja-JP\"\n").unwrap();
    let other = document(&run(&["trace", "replay", &fault, "--simulate", "--scenario", &scene, "-o", "json"]));
    assert_eq!(other["same"], false);
    let text = &other["results"][0]["differences"][0];
    assert!(text["path"].as_str().unwrap().starts_with("Body/Fault/") && text["by_nature"] == false, "{other:#}");
    assert_eq!(numbers(&document(&again(&har, &["2", "5"]))), [2, 5]);

    // Pages go by the contexts of now.
    let (_, pages) = record(
        &folder,
        &scenario,
        "b.har",
        &["wsman", "enumerate", "Demo_Item", "--namespace", "root/cimv2", "--max-elements", "9"],
    );
    let pulled = document(&run(&["trace", "replay", &pages, "--simulate", "--scenario", &scenario, "-o", "json"]));
    let results = pulled["results"].as_array().unwrap();
    assert!(results.len() >= 5 && results.iter().all(|result| result["status"] == 200), "{pulled:#}");
    assert_eq!(pulled["same"], true, "{pulled:#}");
    let table = run(&["trace", "replay", &pages, "--simulate", "--scenario", &scenario]);
    assert!(table.code == 0 && table.out.contains("Pull Demo_Item"), "{}", table.out);
}

#[test]
fn names_are_replaced_on_request() {
    let (folder, scenario) = folder(
        "computer = \"HV-SECRET-7\"\n[account]\nuser = \"jane.doe\"\ndomain = \"CORP\"\npassword = \"canary-pass-42\"",
    );
    let (done, har) = record(&folder, &scenario, "a.har", &["failover", "app-db-01", "--yes", "--anonymise"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let (_, status) = record(&folder, &scenario, "b.har", &["status", "--all", "--anonymise"]);
    for file in [&har, &status] {
        let text = fs::read_to_string(file).unwrap().to_lowercase();
        for name in ["app-db-01", "hv-secret-7", "jane.doe", "168afee0-e0c0", "bücher"] {
            assert!(!text.contains(name), "{name} in {file}");
        }
    }
    let now = Serving::start(&har, &["--delays", "0"]).ask(&["failover", "vm-1", "--yes", "-o", "json"]);
    assert_eq!(now.code, 0, "{}", now.err);
    assert!(titles(&status).len() > 1);
}

#[test]
#[cfg(unix)]
fn a_killed_command_leaves_a_readable_file_with_the_call_in_it() {
    let (folder, scenario) = folder("[[faults]]\non = \"InitiateFailover\"\nhang = true\n");
    let har = path(&folder, "a.har");
    let mut child = hvr(&["failover", "app-db-01", "--yes", "--simulate", "--scenario", &scenario, "--trace", &har]);
    let mut child = Running::start(child.stderr(Stdio::null()).stdout(Stdio::null()));
    let begun = Instant::now();
    while !fs::read_to_string(&har).unwrap_or_default().contains("InitiateFailover_INPUT") {
        assert!(begun.elapsed() < Duration::from_secs(30), "the call is not in the file");
        // Whatever moment this is, the file is whole.
        if Path::new(&har).exists() {
            let shown = run(&["trace", "show", &har]);
            assert!(shown.code == 0 || fs::metadata(&har).unwrap().len() == 0, "{}", shown.err);
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let shown = document(&run(&["trace", "show", &har, "-o", "json"]));
    let last = shown["entries"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (last["title"].as_str(), last["failure"]["code"].as_str()),
        (Some("InitiateFailover Msvm_ReplicationService"), Some("pending"))
    );
    // Played back, the call is as unknown as it was.
    let now = Serving::start(&har, &["--delays", "0"]).ask(&["failover", "app-db-01", "--yes"]);
    assert_eq!(now.code, 5, "{}", now.err);
}

/// A conversation as it was on the wire: a failover with one password, a status with a wrong one.
async fn conversation() -> Vec<Piece> {
    let server = serve(&account(), ServerOptions::http()).await;
    let relay = Relay::to(server.address());
    let url = format!("http://{}/wsman", relay.address);
    let done = with_password(&["failover", "app-db-01", "--yes", "-H", &url]);
    assert_eq!(done.code, 0, "{}", done.err);
    let mut wrong = hvr(&["status", "-H", &url, "-u", USER]);
    assert_eq!(ran(wrong.env("HVR_PASSWORD", "another").output().unwrap()).code, 7);
    relay.kept()
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let file = path(folder, name);
    fs::write(&file, bytes).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_becomes_a_recording() {
    let kept = conversation().await;
    let (folder, _) = folder("");
    for (name, style) in [
        ("a.pcap", Style::default()),
        ("b.pcapng", Style { next_generation: true, disturbed: true, segment: 300, link: 113, ..Style::default() }),
    ] {
        let file = write(&folder, name, &capture(&kept, style, |_| true));
        let har = path(&folder, &format!("{name}.har"));
        let opened = with_password(&["trace", "decrypt", &file, "--to", &har, "-o", "json"]);
        assert_eq!(opened.code, 0, "{}", opened.err);
        let found = document(&opened);
        assert_eq!(
            (found["connections"].as_u64(), found["opened"].as_u64(), found["unopened"].as_u64()),
            (Some(2), Some(8), Some(1)),
            "{found:#}"
        );
        let notes = found["notes"].as_array().unwrap();
        assert!(
            notes.iter().any(|note| note.as_str().unwrap().contains("not the one that dr-admin logged in with")),
            "{notes:?}"
        );
        assert_eq!(
            titles(&har)[1..5],
            [
                "Enumerate *",
                "InitiateFailover Msvm_ReplicationService",
                "Get Msvm_ConcreteJob",
                "Get Msvm_ComputerSystem"
            ]
        );
        // It is as good as one that was recorded.
        let now = Serving::start(&har, &["--delays", "0"]).ask(&["failover", "app-db-01", "--yes"]);
        assert_eq!(now.code, 0, "{}", now.err);
        let table = with_password(&["trace", "decrypt", &file]);
        assert!(table.code == 0 && table.out.contains("InitiateFailover"), "{}", table.out);
        let hidden = path(&folder, "hidden.har");
        with_password(&["trace", "decrypt", &file, "--to", &hidden, "--anonymise"]);
        let text = fs::read_to_string(hidden).unwrap();
        assert!(!text.contains("app-db-01") && text.contains("vm-1"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn captures_that_cannot_be_opened_say_why() {
    let kept = conversation().await;
    let (folder, _) = folder("");
    let whole = capture(&kept, Style::default(), |_| true);
    // Without the handshake: everything before the first sealed answer is missing.
    let first: Vec<_> = kept.iter().filter(|piece| piece.connection == 0).cloned().collect();
    let later = &first[4..];
    let tls = [Piece { bytes: b"\x16\x03\x01\x02\0\x01\0\x01".to_vec(), ..first[0].clone() }];
    let kerberos = [Piece {
        bytes: b"POST /wsman HTTP/1.1\r\nAuthorization: Kerberos YIIFoAYJKoZIhvcSAQICAQ==\r\nContent-Type: multipart/encrypted;protocol=\"x\"\r\nContent-Length: 3\r\n\r\nabc".to_vec(),
        ..first[0].clone()
    }];
    let huge_head = format!("POST /wsman HTTP/1.1\r\nContent-Length: {}\r\n\r\n", 100 << 20);
    let huge = [Piece { bytes: huge_head.into_bytes(), ..first[0].clone() }];
    for (name, bytes, words) in [
        ("later.pcap", capture(later, Style::default(), |_| true), "begins after the login"),
        ("tls.pcap", capture(&tls, Style::default(), |_| true), "is TLS"),
        ("kerberos.pcap", capture(&kerberos, Style::default(), |_| true), "by Kerberos"),
        ("huge.pcap", capture(&huge, Style::default(), |_| true), "more than 32 MiB"),
        ("none.pcap", capture(&[], Style::default(), |_| true), "holds no HTTP request"),
        ("empty.pcap", Vec::new(), "the file is empty"),
        ("text.pcap", b"no capture at all".to_vec(), "neither pcap nor pcapng"),
        ("short.pcap", whole[..30].to_vec(), "holds no HTTP request"),
        ("har.pcap", b"{\"log\":{\"entries\":[]}}".to_vec(), "neither pcap nor pcapng"),
    ] {
        let file = write(&folder, name, &bytes);
        let opened = with_password(&["trace", "decrypt", &file, "-o", "json"]);
        assert_eq!(opened.code, 2, "{name}: {}{}", opened.out, opened.err);
        assert!(opened.err.contains(words), "{name}: {}", opened.err);
        assert_eq!(document(&opened)["may_have_changed"], false);
    }
    let file = write(&folder, "whole.pcap", &whole);
    let mut wrong = hvr(&["trace", "decrypt", &file]);
    let wrong = ran(wrong.env("HVR_PASSWORD", "wrong").output().unwrap());
    assert!(wrong.code == 2 && wrong.err.contains("not the one that dr-admin"), "{}", wrong.err);
    let none = run(&["trace", "decrypt", &file]);
    assert!(none.code == 2 && none.err.contains("no password"), "{}", none.err);
}

/// Runs with so little address space that a large input cannot be held.
#[cfg(target_os = "linux")]
fn in_little_memory(arguments: &[&str]) -> Ran {
    let command = hvr(arguments);
    let program = command.get_program().to_str().unwrap().to_owned();
    let words: Vec<_> = command.get_args().map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let line = format!("ulimit -v 200000; MALLOC_ARENA_MAX=1 exec '{program}' {}", words.join(" "));
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &line]).env("HVR_PASSWORD", "x").env_remove("HOME").stdin(Stdio::null());
    ran(shell.output().unwrap())
}

#[test]
#[cfg(target_os = "linux")]
fn an_envelope_of_100_mib_is_refused_in_little_memory() {
    let (folder, _) = folder("");
    let har = PathBuf::from(path(&folder, "huge.har"));
    let mut file = fs::File::create(&har).unwrap();
    file.write_all(b"{\"log\":{\"entries\":[{\"request\":{\"postData\":{\"text\":\"<s:Envelope>").unwrap();
    let piece = vec![b'x'; 1 << 20];
    (0..100).for_each(|_| file.write_all(&piece).unwrap());
    file.write_all(b"\"}}}]}}").unwrap();
    let har = har.to_str().unwrap();
    for arguments in [&["trace", "show", har][..], &["trace", "serve", har], &["trace", "replay", har, "--simulate"]] {
        let refused = in_little_memory(arguments);
        assert_eq!(refused.code, 2, "{arguments:?}: {}", refused.err);
        assert!(refused.err.contains("more than 32 MiB"), "{}", refused.err);
    }
    // A capture that really holds it.
    let head = format!("POST /wsman HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", 31 << 20);
    let mut bytes = head.into_bytes();
    bytes.resize(100 << 20, b'x');
    let piece = Piece { connection: 0, from_client: true, time: Duration::ZERO, bytes };
    let pcap = write(&folder, "huge.pcap", &capture(&[piece], Style { segment: 60_000, ..Style::default() }, |_| true));
    let refused = in_little_memory(&["trace", "decrypt", &pcap]);
    assert!(refused.code == 2 && refused.err.contains("32 MiB"), "{}: {}", refused.code, refused.err);
}

#[test]
fn files_that_are_no_recording_say_so() {
    let (folder, _) = folder("");
    for (text, words) in [
        ("", "no HAR file"),
        ("<html/>", "no HAR file"),
        ("{\"log\":{\"entries\":[{}", "no HAR file"),
        ("{\"log\":{}}", "no log with entries"),
        ("{\"log\":{\"entries\":[{\"request\":{\"url\":5}}]}}", "line 1"),
    ] {
        let file = write(&folder, "bad.har", text.as_bytes());
        for command in ["show", "serve", "replay"] {
            let refused = run(&["trace", command, &file, "-o", "json"]);
            assert_eq!(refused.code, 2, "{text}: {}", refused.err);
            assert!(refused.err.contains(words), "{text}: {}", refused.err);
            document(&refused);
        }
    }
    let browser =
        write(&folder, "browser.har", br#"{"log":{"entries":[{"request":{"method":"GET","url":"http://h/"}}]}}"#);
    assert_eq!(titles(&browser), ["GET http://h/"]);
    let serve = run(&["trace", "serve", &browser]);
    assert!(serve.code == 2 && serve.err.contains("no WS-Management message"), "{}", serve.err);
    assert_eq!(run(&["trace", "show", "/nonexistent/a.har"]).code, 2);
    // Commands that send nothing leave the recording alone, also where the environment names it.
    let (_, har) = record(&folder, &folder_scenario(&folder), "kept.har", &["status"]);
    let before = fs::read(&har).unwrap();
    for arguments in
        [&["trace", "show", &har][..], &["completions", "bash"], &["wsman", "identify", "--dry-run", "-H", "h"]]
    {
        assert_eq!(ran(hvr(arguments).env("HVR_TRACE", &har).output().unwrap()).code, 0);
    }
    let over = run(&["trace", "replay", &har, "--simulate", "--trace", &har]);
    assert!(over.code == 2 && over.err.contains("written over"), "{}", over.err);
    assert_eq!(fs::read(&har).unwrap(), before);
    // A file that is no recording is not lost to a mistyped --trace.
    let notes = write(&folder, "notes.txt", b"dear diary");
    let refused = run(&["status", "--simulate", "--trace", &notes]);
    assert!(refused.code == 2 && refused.err.contains("not overwritten"), "{}", refused.err);
    assert_eq!(fs::read_to_string(&notes).unwrap(), "dear diary");
}

#[test]
#[cfg(target_os = "linux")]
fn a_recording_that_cannot_be_written_disturbs_nothing() {
    let done = run(&["failover", "app-db-01", "--yes", "--simulate", "--trace", "/dev/full"]);
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(!done.err.contains("failing over"), "{}", done.err);
}

/// Every road a secret could take, and every output at its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_any_output() {
    let (folder, scenario) = folder(&account());
    let server = serve(&account(), ServerOptions::http()).await;
    let relay = Relay::to(server.address());
    let url = format!("http://{}/wsman", relay.address);
    let har = |name: &str| path(&folder, name);
    let mut outputs: Vec<(String, Vec<u8>)> = Vec::new();
    let mut keep = |what: &str, ran: Ran| {
        outputs.push((format!("{what}: standard output"), ran.out.into_bytes()));
        outputs.push((format!("{what}: standard error"), ran.err.into_bytes()));
    };
    for (n, more) in [&[][..], &["--anonymise"], &["-o", "json"]].iter().enumerate() {
        let file = har(&format!("login-{n}.har"));
        let vm = ["app-db-01", "paused-01", "planned-01"][n];
        let arguments = [&["failover", vm, "--yes", "-v", "-v", "-H", &url, "--trace", &file], *more].concat();
        keep("failover", with_password(&arguments));
    }
    let wrong = har("wrong.har");
    let mut refused = hvr(&["status", "-H", &url, "-u", "nobody", "-vv", "--trace", &wrong]);
    keep("wrong user", ran(refused.env("HVR_PASSWORD", PASSWORD).output().unwrap()));
    let tls = serve(&format!("{}[http]\nbasic = true", account()), ServerOptions::https()).await;
    let pin = hyperv_replica::transport::Pin::of(tls.certificate_der().unwrap()).to_string();
    for auth in ["basic", "negotiate"] {
        let file = har(&format!("{auth}.har"));
        let arguments = ["status", "-H", &tls.url(), "--auth", auth, "--pin-sha256", &pin, "-vv", "--trace", &file];
        let asked = with_password(&arguments);
        assert_eq!(asked.code, 0, "{}", asked.err);
        keep(auth, asked);
    }
    // In a message: as a literal, and as what it is. What the user typed may stand in the answer, not in the file.
    let typed = har("typed.har");
    let query = format!("SELECT * FROM Msvm_ComputerSystem WHERE ElementName = '{PASSWORD}'");
    with_password(&["wsman", "enumerate", "--wql", &query, "-H", &url, "--trace", &typed]);
    assert!(fs::read_to_string(&typed).unwrap().contains("[redacted]"));

    let pcap = write(&folder, "wire.pcap", &capture(&relay.kept(), Style::default(), |_| true));
    let opened = har("opened.har");
    keep("decrypt", with_password(&["trace", "decrypt", &pcap, "--to", &opened, "-vv"]));
    keep("decrypt", with_password(&["trace", "decrypt", &pcap, "-o", "json"]));
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let recordings: Vec<_> =
        files.into_iter().filter(|file| file.extension().is_some_and(|end| end == "har")).collect();
    assert_eq!(recordings.len(), 8);
    for file in &recordings {
        let name = file.to_str().unwrap();
        keep(name, run(&["trace", "show", name]));
        keep(name, run(&["trace", "show", name, "1", "-o", "json"]));
        keep(name, run(&["trace", "show", name, "2"]));
        let again = [
            "trace",
            "replay",
            name,
            "--reads-only",
            "--simulate",
            "--scenario",
            &scenario,
            "-vv",
            "--trace",
            &har("again.har"),
        ];
        keep(name, with_password(&again));
        outputs_of(file, &mut keep);
    }
    let first = recordings[0].to_str().unwrap().to_owned();
    let mut serving = hvr(&["trace", "serve", &first, "-vv"]);
    serving.env("HVR_PASSWORD", PASSWORD).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut serving = Running::start(&mut serving);
    let mut shown = BufReader::new(serving.stdout.take().unwrap());
    let mut text = String::new();
    (0..3).for_each(|_| _ = shown.read_line(&mut text).unwrap());
    serving.kill().unwrap();
    let rest = serving.output();
    keep("serve", Ran { code: 0, out: text, err: String::from_utf8(rest.stderr).unwrap() });

    // What the conversation did hold, so that the search is for something real.
    let kept = relay.kept();
    let mut secrets = Secrets::default();
    secrets.password(PASSWORD);
    let keys: Vec<_> = (0..3).map(|connection| session_key(&kept, connection, PASSWORD)).collect();
    keys.iter().for_each(|key| secrets.bytes("the session key", key));
    assert!(keys[0] != keys[1] && secrets.find(format!("x{PASSWORD}").as_bytes()).is_some());
    assert!(outputs.len() > 60);
    for (what, bytes) in &outputs {
        assert_eq!(secrets.find(bytes), None, "{what}: {}", String::from_utf8_lossy(bytes));
    }
}

/// The file itself, and what any JSON reader finds in it.
fn outputs_of(file: &Path, keep: &mut impl FnMut(&str, Ran)) {
    let out = fs::read_to_string(file).unwrap();
    let trace = Trace::open(file).unwrap();
    let bodies: Vec<_> = trace
        .entries
        .iter()
        .map(|entry| format!("{}{}", entry.request_text(), String::from_utf8_lossy(&entry.reply_bytes())))
        .collect();
    keep(file.to_str().unwrap(), Ran { code: 0, out, err: bodies.concat() });
}
