//! What the tests of the journal share.

mod faults;
mod journal;
mod processes;
mod schema;
mod store;

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;
use crate::failover::journal::*;
use crate::failover::{Kind, Order, Site};
use crate::hyperv::{ReturnCode, VmId, VmSelector};
use crate::wsman::Delivery;

/// A VM of its own for each number.
fn vm(number: u32) -> VmId {
    format!("5c2a7e10-8d3b-4e51-9b5a-{number:012x}").parse().unwrap()
}

/// A new run on a VM.
fn record(vm: &VmId) -> RunRecord {
    let now = SystemTime::now();
    RunRecord {
        id: RunId::new(now),
        order: Order::of(Kind::Failover, VmSelector::Id(vm.clone())),
        vm: vm.clone(),
        vm_name: "app-db-01".to_owned(),
        hosts: vec![(Site::Host, "https://hv-dr-01:5986/wsman".to_owned())],
        begun: now,
        undoes: None,
        context: "{\"profile\":\"dr\"}".to_owned(),
    }
}

fn intent(vm: &VmId) -> Intent {
    Intent {
        step: "fail-over".to_owned(),
        site: Site::Host,
        host: "https://hv-dr-01:5986/wsman".to_owned(),
        vm: vm.clone(),
        method: "Msvm_ReplicationService.InitiateFailover".to_owned(),
        message_id: format!("uuid:{}", uuid::Uuid::new_v4()),
        envelope: format!("<s:Envelope>{}</s:Envelope>", "x".repeat(2000)),
        before: "replicating (3)".to_owned(),
        sent: SystemTime::now(),
        operation_timeout: Duration::from_secs(60),
        sent_uptime: None,
    }
}

fn started() -> CallOutcome {
    CallOutcome {
        delivery: Delivery::Answered,
        code: Some(ReturnCode::JobStarted),
        job: Some(("http://…/Msvm_ConcreteJob".to_owned(), "0D4F7A10".to_owned())),
        error: None,
    }
}

/// Takes a VM for a new run, with the VM read just now.
fn take(store: &Store, run: &RunRecord) -> Result<SqliteJournal, TakeError> {
    let mut journal = store.journal();
    journal.take(run, SystemTime::now() + Duration::from_millis(2)).map(|_| journal)
}

/// A whole run with one call, closed with an end or left open.
fn leave(store: &Store, run: &RunRecord, end: Option<RunEnd>) {
    let mut journal = take(store, run).unwrap();
    let call = journal.intent(&intent(&run.vm)).unwrap();
    if let Some(end) = end {
        journal.outcome(call, &started()).unwrap();
        journal.verdict(call, Verdict::Done).unwrap();
        journal.close(Some(end), "").unwrap();
    }
}

/// Each test runs on files and in memory: the statements are the same.
fn both(test: impl Fn(Store)) {
    let folder = tempfile::tempdir().unwrap();
    test(Store::open(folder.path()).unwrap());
    test(Store::in_memory().unwrap());
}

/// The text of an error and of what is below it.
fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |below| format!("{error}: {}", chain(below)))
}

/// Another program's view of the file.
fn raw(directory: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(directory.join("journal.sqlite")).unwrap()
}
