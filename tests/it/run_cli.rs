//! `hvr run`: the journal as its readers meet it, over a store that the library filled.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hyperv_replica::failover::journal::{CallOutcome, Intent, Journal, RunEnd, RunId, RunRecord, Verdict, World};
use hyperv_replica::failover::{Kind, Order, PowerOff, Site};
use hyperv_replica::hyperv::{ReturnCode, VmId, VmSelector};
use hyperv_replica::journal::sqlite::{SqliteJournal, Store};
use hyperv_replica::wsman::Delivery;
use serde_json::Value;

use crate::cli::{Ran, hvr, ran};
use crate::support::schema::check_document;

const REPLICA: &str = "https://hv-dr-01:5986/wsman";

/// A state directory with a run that is done, one whose answer was lost, and one that died before it had any.
struct State {
    folder: tempfile::TempDir,
    done: RunId,
    lost: RunId,
    died: RunId,
}

fn record(name: &str, number: u8, kind: Kind) -> RunRecord {
    let vm: VmId = format!("5C2A7E10-8D3B-4E51-9B5A-0000000000{number:02X}").parse().unwrap();
    let begun = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_600_000 + u64::from(number) * 86_400);
    RunRecord {
        id: RunId::new(begun),
        order: Order::of(kind, VmSelector::Id(vm.clone())),
        vm,
        vm_name: name.to_owned(),
        hosts: vec![(Site::Host, REPLICA.to_owned())],
        begun,
        undoes: None,
        context: "profile dr".to_owned(),
        world: World::Real,
    }
}

fn begin(store: &Store, run: &RunRecord) -> SqliteJournal {
    let mut journal = store.journal();
    journal.take(run, SystemTime::now()).unwrap();
    let intent = Intent {
        step: "fail-over".to_owned(),
        site: Site::Host,
        host: REPLICA.to_owned(),
        vm: run.vm.clone(),
        method: "Msvm_ReplicationService.InitiateFailover".to_owned(),
        message_id: "uuid:1".to_owned(),
        envelope: "<s:Envelope/>".to_owned(),
        before: "replicating (3)".to_owned(),
        sent: run.begun + Duration::from_secs(1),
        operation_timeout: Duration::from_secs(60),
        sent_uptime: None,
    };
    assert_eq!(journal.intent(&intent).unwrap(), 1);
    journal
}

fn state() -> State {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let outcome = |delivery, code, error: Option<&str>| CallOutcome {
        delivery,
        code,
        job: code.map(|_| ("http://x/Msvm_ConcreteJob".to_owned(), "JOB-1".to_owned())),
        error: error.map(str::to_owned),
    };
    let done =
        record("app-db-01", 1, Kind::PlannedFailover { off: PowerOff::ShutDown, reverse: true, thumbprint: None });
    let mut journal = begin(&store, &done);
    journal.outcome(1, &outcome(Delivery::Answered, Some(ReturnCode::JobStarted), None)).unwrap();
    journal.verdict(1, Verdict::Done).unwrap();
    journal.close(Some(RunEnd::Done), "").unwrap();
    drop(journal);
    let lost = record("app-web-01", 2, Kind::Failover);
    let mut journal = begin(&store, &lost);
    journal.outcome(1, &outcome(Delivery::Unknown, None, Some("the connection was cut\u{1b}[31m"))).unwrap();
    journal.close(None, "no answer proves the outcome").unwrap();
    drop(journal);
    let died = record("app-web-02", 3, Kind::TestStart { network: Some("Isolated".to_owned()) });
    drop(begin(&store, &died));
    State { folder, done: done.id, lost: lost.id, died: died.id }
}

fn run_hvr(state: &Path, arguments: &[&str]) -> Ran {
    ran(hvr(&[&["run"], arguments, &["--state", state.to_str().unwrap()]].concat()).output().unwrap())
}

/// With `-o json`, the document checked against its schema.
fn document(state: &Path, arguments: &[&str]) -> (i32, Value) {
    let ran = run_hvr(state, &[arguments, &["-o", "json"]].concat());
    let document: Value =
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}{}", ran.out, ran.err));
    check_document(&document);
    (ran.code, document)
}

#[test]
fn runs_are_listed() {
    let state = state();
    let path = state.folder.path();
    let ids = |arguments: &[&str]| {
        let (code, document) = document(path, &[&["list"], arguments].concat());
        assert_eq!(code, 0);
        document["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let [done, lost, died] = [&state.done, &state.lost, &state.died].map(|run| run.to_string());
    assert_eq!(ids(&[]), [died.clone(), lost.clone(), done.clone()]);
    assert_eq!(ids(&["--open"]), [died.clone(), lost.clone()]);
    assert_eq!(ids(&["--vm", "APP-WEB-01"]), [lost]);
    assert_eq!(ids(&["--vm", "{5c2a7e10-8d3b-4e51-9b5a-000000000001}"]), [done]);
    assert_eq!(ids(&["--limit", "1"]), [died]);
    let (_, list) = document(path, &["list", "--vm", "app-web-01"]);
    let run = &list["runs"][0];
    assert_eq!(
        (run["what"].as_str(), run["open"].as_bool(), run["not_proven_count"].as_u64()),
        (Some("failover"), Some(true), Some(1))
    );
    assert_eq!((run["hosts"]["host"].as_str(), run["end"].is_null()), (Some(REPLICA), true));
    let table = run_hvr(path, &["list"]);
    assert_eq!((table.code, table.err.as_str()), (0, ""));
    assert!(table.out.contains("planned-failover") && table.out.contains("no answer proves"), "{}", table.out);
}

#[test]
fn a_run_is_shown_with_its_calls() {
    let state = state();
    let path = state.folder.path();
    let (code, shown) = document(path, &["show", &state.done.as_str()[..8]]);
    assert_eq!(code, 0);
    assert_eq!(shown["order"]["kind"]["planned-failover"]["reverse"], true);
    let call = &shown["calls"][0];
    assert_eq!(call["outcome"]["return_value"]["value"], 4096);
    assert_eq!((call["verdict"].as_str(), call["outcome"]["job"]["id"].as_str()), (Some("done"), Some("JOB-1")));
    assert_eq!(
        (call["sent"].as_str(), call["envelope"].as_str()),
        (Some("2026-11-26T09:46:41Z"), Some("<s:Envelope/>"))
    );
    let (_, died) = document(path, &["show", state.died.as_str()]);
    assert!(died["calls"][0]["outcome"].is_null() && died["calls"][0]["verdict"].is_null());
    let table = run_hvr(path, &["show", state.lost.as_str()]);
    for words in ["app-web-01", "InitiateFailover", "replicating (3)", "not proven", "connection was cut\\u{1b}[31m"] {
        assert!(table.out.contains(words), "{words} not in\n{}", table.out);
    }
    assert!(table.err.contains(&format!("hvr run resume {}", state.lost)), "{}", table.err);
}

#[test]
fn a_run_that_is_not_there_is_refused() {
    let state = state();
    let path = state.folder.path();
    for (arguments, code) in [
        (&["show", "19990101"][..], "no-run"),
        (&["show", "20"], "ambiguous-run"),
        (&["close", "19990101", "--yes", "--note", "x"], "no-run"),
        (&["close", state.done.as_str(), "--yes", "--note", "x"], "not-open"),
    ] {
        let (exit, problem) = document(path, arguments);
        assert_eq!((exit, problem["code"].as_str()), (3, Some(code)), "{problem}");
        assert_eq!(problem["may_have_changed"], false);
    }
    let (_, problem) = document(path, &["show", "20"]);
    assert_eq!(problem["details"]["runs"].as_array().unwrap().len(), 3);
    let asked = run_hvr(path, &["close", state.lost.as_str(), "--note", "x"]);
    assert!(asked.code == 2 && asked.err.contains("--yes"), "{}", asked.err);
}

#[test]
fn an_open_run_is_closed_by_hand() {
    let state = state();
    let path = state.folder.path();
    let store = Store::open(path).unwrap();
    let (held, _) = store.resume(&state.lost).unwrap();
    let close = ["close", state.lost.as_str(), "--yes", "--note", "looked: failed over"];
    let (code, problem) = document(path, &close);
    assert_eq!((code, problem["code"].as_str()), (3, Some("run-held")), "{problem}");
    assert!(problem["message"].as_str().unwrap().contains(&format!("process {}", std::process::id())), "{problem}");
    drop(held);
    let ran = run_hvr(path, &close);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("nothing proves what came of it: the connection was cut"), "{}", ran.err);
    let (_, shown) = document(path, &["show", state.lost.as_str()]);
    assert_eq!((shown["end"].as_str(), shown["note"].as_str()), (Some("closed"), Some("looked: failed over")));
    let (code, closed) = document(path, &["close", state.died.as_str(), "--yes", "--note", ""]);
    assert_eq!((code, closed["kind"].as_str(), closed["end"].as_str()), (0, Some("run"), Some("closed")));
}

#[test]
fn a_run_of_a_newer_program_is_named_and_can_be_closed() {
    let state = state();
    let path = state.folder.path();
    let sql = "UPDATE runs SET order_json = '{\"kind\":\"teleport\"}', program = '9.1.0' WHERE vm_name = 'app-web-02'";
    rusqlite::Connection::open(path.join("journal.sqlite")).unwrap().execute(sql, []).unwrap();
    let (code, list) = document(path, &["list", "--open"]);
    assert_eq!((code, list["runs"].as_array().unwrap().len()), (0, 1));
    assert_eq!(list["unreadable"][0]["id"], state.died.as_str());
    assert!(list["unreadable"][0]["why"].as_str().unwrap().contains("9.1.0"), "{list}");
    let (code, problem) = document(path, &["show", state.died.as_str()]);
    assert_eq!((code, problem["code"].as_str()), (3, Some("journal")));
    let closed = run_hvr(path, &["close", state.died.as_str(), "--yes", "--note", "seen to"]);
    assert_eq!(closed.code, 0, "{}", closed.err);
    assert!(run_hvr(path, &["list", "--open"]).err.is_empty());
}

#[test]
fn journals_that_cannot_be_used_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    let empty = run_hvr(&none, &["list"]);
    assert!(empty.code == 0 && empty.err.contains("no journal in") && !none.exists(), "{}", empty.err);
    let (code, problem) = document(&none, &["close", "x", "--yes", "--note", ""]);
    assert_eq!((code, problem["code"].as_str(), none.exists()), (3, Some("no-run"), false));
    std::fs::write(folder.path().join("journal.sqlite"), "x".repeat(5000)).unwrap();
    let damaged = run_hvr(folder.path(), &["list"]);
    assert_eq!((damaged.code, damaged.out.as_str()), (3, ""));
    assert!(damaged.err.contains("damaged") && damaged.err.contains("journal.sqlite"), "{}", damaged.err);
    let newer = state();
    let path = newer.folder.path();
    rusqlite::Connection::open(path.join("journal.sqlite")).unwrap().pragma_update(None, "user_version", 9).unwrap();
    let refused = run_hvr(path, &["list"]);
    assert!(
        refused.code == 3 && refused.err.contains("version 9") && refused.err.contains("up to 3"),
        "{}",
        refused.err
    );
}

#[test]
fn the_state_directory_is_found_by_flag_environment_profile_and_default() {
    let state = state();
    let home = tempfile::tempdir().unwrap();
    let path = state.folder.path().to_str().unwrap();
    let listed = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = hvr(&[&["run", "list", "-o", "json"], arguments].concat());
        let ran = ran(command.envs(environment.iter().copied()).output().unwrap());
        let list = serde_json::from_str::<Value>(&ran.out).ok();
        list.and_then(|list| Some((PathBuf::from(list["state"].as_str()?), list["runs"].as_array()?.len())))
    };
    let named = Some((PathBuf::from(path), 3));
    assert_eq!(listed(&["--state", path], &[("HVR_STATE", "/nonexistent")]), named);
    assert_eq!(listed(&[], &[("HVR_STATE", path)]), named);
    std::fs::create_dir(home.path().join("hvr")).unwrap();
    std::fs::write(home.path().join("hvr/config.toml"), format!("default = 'a'\n[profiles.a]\nstate = '{path}'"))
        .unwrap();
    let config = home.path().to_str().unwrap();
    assert_eq!(listed(&[], &[("XDG_CONFIG_HOME", config)]), named);
    if cfg!(unix) {
        assert_eq!(listed(&[], &[("XDG_STATE_HOME", config)]), Some((home.path().join("hvr"), 0)));
        let usual = Some((home.path().join(".local/state/hvr"), 0));
        assert_eq!(listed(&[], &[("HOME", config), ("XDG_STATE_HOME", "relative")]), usual);
    }
    let nowhere = ran(hvr(&["run", "list"]).env_remove("XDG_STATE_HOME").output().unwrap());
    assert!(nowhere.code == 2 && nowhere.err.contains("--state"), "{}", nowhere.err);
}
