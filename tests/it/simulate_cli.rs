//! `hvr simulate` as another process: how to reach its hosts, and what they say at the end.

use std::io::{BufRead, BufReader, Read};
use std::process::{ChildStdout, Stdio};

use serde_json::Value;

use crate::cli::{hvr, ran};
use crate::support::process::{Running, Signal};
use crate::support::schema::check_document;

/// A running `hvr simulate`.
struct Simulate {
    child: Running,
    out: BufReader<ChildStdout>,
    document: Value,
}

impl Simulate {
    fn start(arguments: &[&str]) -> Simulate {
        let mut command = hvr(&[&["simulate", "-o", "jsonl"], arguments].concat());
        let mut child = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let document: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        check_document(&document);
        Simulate { child, out, document }
    }

    fn text(&self, pointer: &str) -> &str {
        self.document.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}: {}", self.document))
    }

    /// Runs a command against a host; gives the document.
    fn ask(&self, url: &str, arguments: &[&str]) -> Value {
        let mut command = hvr(&[arguments, &["-H", url, "-u", self.text("/user"), "-o", "json"]].concat());
        let ran = ran(command.env("HVR_PASSWORD", self.text("/password")).output().unwrap());
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        serde_json::from_str(&ran.out).unwrap()
    }

    /// Ends it as a service manager would; gives its last document and what it said to people.
    #[cfg(unix)]
    fn end(mut self) -> (Value, String) {
        self.child.signal(Signal::Terminate);
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{said}");
        let document: Value = serde_json::from_str(&rest).unwrap_or_else(|error| panic!("{error}: {rest}"));
        check_document(&document);
        (document, said)
    }
}

#[cfg(unix)]
#[test]
fn a_pair_is_reached_on_two_ports_and_counts_what_it_took() {
    let pair = Simulate::start(&["--pair"]);
    let (replica, primary) = (pair.text("/url").to_owned(), pair.text("/primary/url").to_owned());
    assert_ne!(replica, primary);
    assert_eq!((pair.text("/computer"), pair.text("/primary/computer")), ("HVDR01", "HVPR01"));
    let mode = |url: &str| {
        let status = pair.ask(url, &["status", "app-db-01"]);
        let vm = &status["vms"][0];
        (vm["id"].as_str().unwrap().to_owned(), vm["mode"]["value"].as_u64().unwrap())
    };
    let (id, replica_mode) = mode(&replica);
    assert_eq!((id.clone(), replica_mode, mode(&primary)), (id.clone(), 2, (id.clone(), 1)));

    // Off, prepared, failed over: the second host knows what the first was told.
    let vm = format!("Msvm_ComputerSystem?CreationClassName=Msvm_ComputerSystem,Name={id}");
    for (method, state) in [("RequestStateChange", 3), ("RequestReplicationStateChangeEx", 4)] {
        let state = format!("RequestedState={state}");
        pair.ask(&primary, &["wsman", "invoke", &vm, method, &state, "--yes"]);
    }
    let done = pair.ask(&replica, &["failover", "app-db-01", "--yes"]);
    assert_eq!(done["verified"]["failed_over_type"]["value"], 3, "{done:#}");

    let (ended, said) = pair.end();
    let hosts = ended["hosts"].as_array().unwrap();
    let taken = |host: &Value| {
        let calls = host["taken"].as_array().unwrap().iter();
        calls.map(|call| (call["method"].as_str().unwrap().to_owned(), call["vm"] == *id)).collect::<Vec<_>>()
    };
    assert_eq!(taken(&hosts[0]), [("InitiateFailover".to_owned(), true)]);
    let expected = [("RequestStateChange".to_owned(), true), ("RequestReplicationStateChangeEx".to_owned(), true)];
    assert_eq!(taken(&hosts[1]), expected);
    assert_eq!(hosts[1]["requests"]["RequestReplicationStateChangeEx"], 1);
    assert!(said.contains("HVDR01 ended") && said.contains("InitiateFailover of app-db-01"), "{said}");
    assert!(said.contains("HVPR01 ended") && said.contains("RequestStateChange of app-db-01"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_host_that_stands_alone_has_no_primary() {
    let host = Simulate::start(&["--https"]);
    assert!(host.document["primary"].is_null());
    let pin = host.text("/pin_sha256").to_owned();
    host.ask(host.text("/url"), &["status", "--pin-sha256", &pin]);
    let (ended, said) = host.end();
    assert_eq!(ended["hosts"].as_array().unwrap().len(), 1);
    assert_eq!(ended["hosts"][0]["logins"], 1);
    assert!(said.contains("calls taken: none"), "{said}");
}

#[test]
fn a_port_of_a_primary_needs_a_pair() {
    let ran = crate::cli::run(&["simulate", "--primary-port", "5985"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("--pair"), "{}", ran.err);
}

/// The port is held by somebody else: which of the two, and what to do.
#[test]
fn a_taken_port_is_named() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let ran = crate::cli::run(&["simulate", "--pair", "--primary-port", &port]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("--primary-port") && ran.err.contains(&port), "{}", ran.err);
}
