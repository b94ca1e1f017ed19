//! Recordings as a library user makes and plays them, and captures in every form.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use hyperv_replica::capture::{Found, Opener, Sender, read_capture};
use hyperv_replica::failover::journal::MemoryJournal;
use hyperv_replica::failover::{About, Clock, Order, Outcome};
use hyperv_replica::hyperv::Host;
use hyperv_replica::simulator::{InProcess, Scenario, ServerOptions, Simulator, VirtualClock};
use hyperv_replica::trace::har::Kind;
use hyperv_replica::trace::{Anonymiser, Answers, Entry, Recorder, Recording, Redactor, Replay, Trace, TraceError};
use hyperv_replica::transport::{Connector, Endpoint};
use hyperv_replica::wsman::{Delivery, Exchange, ExchangeErrorKind, Message};

use crate::support::capture::{Relay, Style, capture};
use crate::support::{RealTime, SharedClock, Yes, serve};

/// One workflow over one host.
async fn run(host: &Host<impl Exchange>, order: Order, clock: &impl Clock, operator: &mut Yes) -> Outcome {
    hyperv_replica::failover::run(host, order, About::default(), clock, &mut MemoryJournal::new(), operator).await
}

fn order(vm: &str) -> Order {
    Order::new(vm.parse().unwrap())
}

/// A failover of a VM, recorded in process and in virtual time.
fn recorded(scenario: &str, vm: &str, anonymiser: Option<Anonymiser>) -> (Outcome, Trace) {
    let clock = VirtualClock::new();
    let simulator = Simulator::with_clock(Scenario::from_toml(scenario).unwrap(), clock.clone());
    let recorder = Arc::new(Recorder::in_memory(Redactor::new(), anonymiser));
    let host = Host::over(Recording::new(InProcess::new(simulator), recorder.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcome = runtime.block_on(run(&host, order(vm), &SharedClock(clock), &mut Yes::default()));
    assert_eq!(recorder.failure(), None);
    (outcome, Trace::read(recorder.har().unwrap().as_slice()).unwrap())
}

/// The same workflow over the recording.
fn replayed(trace: &Trace, vm: &str) -> Outcome {
    let host = Host::over(Replay::new(Answers::of(trace).unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(run(&host, order(vm), &SharedClock(VirtualClock::new()), &mut Yes::default()))
}

/// What an outcome is, without what differs from run to run.
fn end(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(report) => {
            format!("done: {:?} after {:?}", report.failover(), report.job().map(|job| (job.state, job.error_code)))
        }
        Outcome::Stopped(stopped) => {
            format!("stopped: {:?}", stopped.cause).split(['(', '{']).next().unwrap().to_owned()
        }
        Outcome::Refused(refusal) => format!("refused: {refusal:?}").chars().take(30).collect(),
        other => format!("{other:?}").split(['(', ' ']).next().unwrap().to_owned(),
    }
}

#[test]
fn a_recording_leads_every_workflow_to_the_same_end() {
    const INVOKE: &str = "[[faults]]\non = \"InitiateFailover\"\n";
    let mut ends = Vec::new();
    for (scenario, vm) in [
        (String::new(), "app-db-01"),
        ("[job]\nduration = \"90s\"".to_owned(), "app-db-01"),
        (String::new(), "fail-01"),
        (String::new(), "running-01"),
        (String::new(), "nobody"),
        ("all_service_keys = true".to_owned(), "app-db-01"),
        (format!("{INVOKE}cut = \"after\""), "app-db-01"),
        (format!("{INVOKE}hang = true"), "app-db-01"),
        (format!("{INVOKE}status = 503"), "app-db-01"),
        (format!("{INVOKE}returns = 32775"), "app-db-01"),
        (format!("{INVOKE}garbage = \"html\""), "app-db-01"),
        (format!("{INVOKE}login = \"dropped\""), "app-db-01"),
        ("[[faults]]\non = \"Get Msvm_ConcreteJob\"\ncut = \"before\"".to_owned(), "app-db-01"),
    ] {
        let (then, trace) = recorded(&scenario, vm, None);
        let now = replayed(&trace, vm);
        assert_eq!(end(&then), end(&now), "{scenario}\n{then:?}\n{now:?}");
        ends.push(end(&then));
    }
    ends.sort();
    ends.dedup();
    assert!(ends.len() >= 6, "{ends:?}");
}

#[test]
fn an_anonymised_recording_holds_no_name_and_still_plays() {
    let mut anonymiser = Anonymiser::new();
    anonymiser.user("LAB\\dr-admin");
    let (then, trace) = recorded("[job]\nduration = \"30s\"", "app-db-01", Some(anonymiser.clone()));
    let text = serde_json::to_string(&trace.entries).unwrap().to_lowercase();
    for name in ["app-db-01", "168afee0", "e0c0-4c6c"] {
        assert!(!text.contains(name), "{name}");
    }
    assert!(text.contains("vm-1") && text.contains("00000000-0000-4000-8000-"));
    assert_eq!(end(&then), end(&replayed(&trace, "vm-1")));
    // The same again gives the same.
    let (_, again) = recorded("[job]\nduration = \"30s\"", "app-db-01", Some(anonymiser));
    let texts = |trace: &Trace| trace.entries.iter().map(|entry| entry.request_text().to_owned()).collect::<Vec<_>>();
    assert!(texts(&trace) == texts(&again));
}

#[tokio::test]
async fn what_was_never_recorded_is_not_answered() {
    let clock = VirtualClock::new();
    let simulator = Simulator::with_clock(Scenario::default(), clock);
    let recorder = Arc::new(Recorder::in_memory(Redactor::new(), None));
    let recording = Recording::new(InProcess::new(simulator), recorder.clone());
    let identify = include_bytes!("../data/requests/identify.xml");
    let message = |bytes: &[u8]| Message::once("", "", bytes.to_vec(), std::time::Duration::from_secs(1));
    recording.send(message(identify)).await.unwrap();
    let trace = Trace::read(recorder.har().unwrap().as_slice()).unwrap();
    let replay = Replay::new(Answers::of(&trace).unwrap());
    assert!(replay.send(message(identify)).await.unwrap().bytes.starts_with(b"<s:Envelope"));
    assert_eq!(replay.address(), recording.address());
    for (bytes, words) in [
        (&include_bytes!("../data/requests/get-vm.xml")[..], "the recording has no Get Msvm_ComputerSystem"),
        (b"<x/>", "no WS-Management message"),
    ] {
        let error = replay.send(message(bytes)).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::Other, Delivery::NotSent));
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(matches!(Answers::of(&Trace::default()), Err(TraceError::NoMessage)));
}

/// Opens nothing: what a capture shows without keys.
struct NoKeys;

impl Opener for NoKeys {
    fn token(&mut self, _: Sender, scheme: &str, token: &[u8]) -> Result<(), String> {
        assert!(scheme == "Negotiate" && token.starts_with(b"NTLMSSP\0"));
        Ok(())
    }

    fn open(&mut self, _: Sender, content_type: &str, body: &[u8]) -> Result<Vec<u8>, String> {
        assert!(content_type.starts_with("multipart/encrypted") && body.starts_with(b"--Encrypted Boundary"));
        Err("no keys".to_owned())
    }
}

fn read(bytes: &[u8]) -> (Found, Vec<Entry>) {
    let mut entries = Vec::new();
    let found = read_capture(bytes, || NoKeys, |entry| entries.push(entry)).unwrap();
    (found, entries)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_is_the_same_in_every_form() {
    let server = serve("", ServerOptions::http()).await;
    let relay = Relay::to(server.address());
    let session = session_with(&server, relay.address);
    let host = Host::over(&session);
    let outcome = run(&host, order("app-db-01"), &RealTime(Instant::now()), &mut Yes::default()).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    drop(session);
    let kept = relay.kept();
    let plain = Style::default();
    let (found, entries) = read(&capture(&kept, plain, |_| true));
    assert_eq!((found.connections, found.requests, found.opened, found.unopened), (1, 5, 0, 8));
    assert_eq!(found.notes, ["connection 1: no keys"]);
    let kinds: Vec<_> = entries.iter().map(|entry| entry.extra.as_ref().unwrap().kind).collect();
    assert_eq!(kinds, [Kind::Login, Kind::Message, Kind::Message, Kind::Message, Kind::Message]);
    assert!(entries.iter().all(|entry| !entry.is_message() && entry.connection.as_deref() == Some("1")));
    for style in [
        Style { next_generation: true, ..plain },
        Style { next_generation: true, big_endian: true, link: 113, ..plain },
        Style { big_endian: true, link: 101, ..plain },
        Style { link: 0, ..plain },
        Style { ipv6: true, ..plain },
        Style { disturbed: true, segment: 100, ..plain },
        Style { disturbed: true, segment: 7, next_generation: true, ipv6: true, ..plain },
    ] {
        let (other, others) = read(&capture(&kept, style, |_| true));
        assert_eq!((other.requests, other.unopened), (5, 8));
        for (one, other) in entries.iter().zip(&others) {
            assert_eq!(one.request.headers, other.request.headers);
            assert_eq!(one.response, other.response);
            // To the millisecond, whatever the ticks of the capture are.
            assert_eq!(one.started_date_time, other.started_date_time);
        }
    }
    // A capture that was cut off, at any place, is read as far as it goes.
    let whole = capture(&kept, plain, |_| true);
    for end in (24..whole.len()).step_by(501) {
        let (found, _) = read(&whole[..end]);
        assert!(found.requests <= 5);
    }
    // A packet that the capture lacks is said, and ends the connection there.
    let all = read(&whole).0.packets;
    let first_data = 5;
    for missing in first_data..usize::try_from(all).unwrap() - 2 {
        let (found, entries) = read(&capture(&kept, plain, |n| n != missing));
        let lacks = found.notes.iter().any(|note| note.contains("missing") || note.contains("middle"));
        let ends = entries.last().is_none_or(|entry| entry.failure().is_some()) || entries.len() == 5;
        assert!(lacks || ends, "{missing}: {found:?}");
    }
}

fn session_with(server: &hyperv_replica::simulator::Server, at: SocketAddr) -> hyperv_replica::transport::Session {
    let endpoint: Endpoint = format!("http://{at}/wsman").parse().unwrap();
    let credentials =
        hyperv_replica::auth::Credentials { user: server.user().parse().unwrap(), password: server.password().clone() };
    Connector::new(endpoint).credentials(credentials).session().unwrap()
}
