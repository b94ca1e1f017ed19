//! What a test failover proves: the calls of the workflow, and what it read before and after them.

use std::collections::BTreeSet;

use super::Verdict;
use super::exchanged::{Exchanged, words};
use super::judge;
use crate::cim::{InstanceView, Property};
use crate::hyperv::{ReplicationMode, ReturnCode, vm};
use crate::wsman::EndpointReference;

const MAKE: &str = "TestReplicaSystem";
const REMOVE: &str = "DestroySystem";

fn call<'m>(messages: &'m [Exchanged], method: &str) -> Option<&'m Exchanged> {
    messages.iter().find(|message| message.method() == Some(method))
}

/// The job that a call started.
fn job(call: &Exchanged) -> Option<EndpointReference> {
    call.output()?.property("Job").into_option().and_then(EndpointReference::read)
}

fn id(job: &EndpointReference) -> &str {
    job.selectors.value("InstanceID").unwrap_or("")
}

/// A parameter that is left out counts as NULL.
pub(super) fn left_out_is_null(messages: &[Exchanged]) -> Verdict {
    let Some(call) = call(messages, MAKE) else { return Verdict::open(NO_CALL) };
    let names_point = call
        .request()
        .and_then(|request| request.payload())
        .is_none_or(|input| input.children().any(|parameter| parameter.local() == "SnapshotSettingData"));
    if names_point {
        return Verdict::open("the call named a recovery point");
    }
    match (call.return_value().map(ReturnCode::from), call.fault()) {
        (Some(code @ (ReturnCode::Completed | ReturnCode::JobStarted)), _) => {
            Verdict::confirmed(format!("{MAKE} without SnapshotSettingData answered {}", code.value()), [call.number])
        }
        (Some(code @ (ReturnCode::InvalidParameter | ReturnCode::IncorrectDataType)), _) => Verdict::refuted(
            format!("{MAKE} without SnapshotSettingData answered {} ({code})", code.value()),
            [call.number],
        ),
        (_, Some(fault)) if fault.is_schema_violation() => Verdict::refuted(
            format!("{MAKE} without SnapshotSettingData was refused with {}", words(&fault)),
            [call.number],
        ),
        (Some(code), _) => Verdict::open(format!("{MAKE} answered {} ({code})", code.value())),
        (None, Some(fault)) => Verdict::open(format!("{MAKE} was refused with {}", words(&fault))),
        (None, None) => Verdict::open(format!("{MAKE} was called, and no answer came")),
    }
}

/// A method of the replication service answers with a job.
pub(super) fn answers_with_a_job(messages: &[Exchanged]) -> Verdict {
    let Some(call) = call(messages, MAKE) else { return Verdict::open(NO_CALL) };
    match (call.return_value().map(ReturnCode::from), job(call)) {
        (Some(ReturnCode::JobStarted), Some(job)) => {
            Verdict::confirmed(format!("4096 and a reference to a {}", job.resource.last_segment()), [call.number])
        }
        (Some(ReturnCode::JobStarted), None) => Verdict::refuted("4096 without a reference to a job", [call.number]),
        (Some(ReturnCode::Completed), _) => Verdict::refuted("0: done when it answered", [call.number]),
        (Some(code), _) => Verdict::open(format!("{MAKE} answered {} ({code})", code.value())),
        (None, _) => Verdict::open(format!("{MAKE} gave no return value")),
    }
}

/// The types of the jobs.
pub(super) fn job_types(messages: &[Exchanged]) -> Verdict {
    let (mut seen, mut shown, mut is_other) = (Vec::new(), Vec::new(), false);
    for (method, expected) in [(MAKE, [102, 102]), (REMOVE, [103, 3])] {
        let Some(job) = call(messages, method).and_then(job) else { continue };
        for message in messages.iter().filter(|message| message.is_get()) {
            let of_job = message.instances().into_iter().find(|found| {
                found.text("InstanceID").into_option().is_some_and(|found| found.eq_ignore_ascii_case(id(&job)))
            });
            let kind = of_job.and_then(|found| found.number::<u16>("JobType").ok()?.into_option());
            let Some(kind) = kind else { continue };
            is_other |= !expected.contains(&kind);
            seen.push(format!("{method}: {kind}"));
            shown.push(message.number);
            break;
        }
    }
    match (seen.is_empty(), is_other) {
        (true, _) => Verdict::open("no job of the test failover said its type"),
        (false, false) => Verdict::confirmed(seen.join(", "), shown),
        (false, true) => Verdict::refuted(seen.join(", "), shown),
    }
}

/// A test VM is found from its replica.
pub(super) fn test_vm_is_found(messages: &[Exchanged]) -> Verdict {
    let is_asked =
        |message: &&Exchanged| message.query().is_some_and(|query| query.contains("Msvm_ReplicaSystemDependency"));
    let mut last = None;
    for asked in messages.iter().filter(is_asked) {
        last = Some(asked);
        let instances = asked.instances();
        let mode = instances.iter().find_map(|found| found.number::<u16>("ReplicationMode").ok()?.into_option());
        match mode.map(ReplicationMode::from) {
            Some(ReplicationMode::TestReplica) => return Verdict::confirmed("found, with mode 3", [asked.number]),
            Some(mode) => return Verdict::refuted(format!("found, with mode {}", mode.value()), [asked.number]),
            None => {}
        }
        if let Some(fault) = asked.fault().filter(|fault| fault.is_filter_refused()) {
            return Verdict::refuted(format!("refused with {}", words(&fault)), [asked.number]);
        }
    }
    // Asked after a test VM was made, and nothing was found.
    match (made(messages), last.filter(|asked| asked.is_page())) {
        (Some(made), Some(asked)) if asked.number > made => {
            Verdict::refuted("a test VM was made, and is not found from its replica", [made, asked.number])
        }
        _ => Verdict::open("no test VM of the replica is there"),
    }
}

/// The number of the message that says that a test VM was made: the answer to the call, or its job that has ended well.
fn made(messages: &[Exchanged]) -> Option<u64> {
    let call = call(messages, MAKE)?;
    let Some(job) = job(call) else {
        let is_done = call.return_value().map(ReturnCode::from) == Some(ReturnCode::Completed);
        return is_done.then_some(call.number);
    };
    let number = |found: &InstanceView<'_>, name: &str| found.number::<u32>(name).ok().and_then(Property::into_option);
    let is_good = |found: &InstanceView<'_>| {
        let is_it = found.text("InstanceID").into_option().is_some_and(|found| found.eq_ignore_ascii_case(id(&job)));
        let is_over = matches!(number(found, "JobState"), Some(7 | 32768));
        is_it && is_over && number(found, "ErrorCode").unwrap_or(0) == 0
    };
    messages.iter().find(|message| message.instances().iter().any(is_good)).map(|message| message.number)
}

/// The replica goes on as before.
pub(super) fn replica_goes_on(messages: &[Exchanged]) -> Verdict {
    if call(messages, MAKE).is_none() {
        return Verdict::open(NO_CALL);
    }
    let (mut states, mut shown) = (BTreeSet::new(), Vec::new());
    for message in messages {
        for vm in message.instances().into_iter().filter(|found| found.class() == vm::CLASS) {
            let mode =
                vm.number::<u16>("ReplicationMode").ok().and_then(Property::into_option).map(ReplicationMode::from);
            let is_replica = matches!(mode, Some(ReplicationMode::Replica | ReplicationMode::ExtendedReplica));
            let state = vm.number::<u16>("ReplicationState").ok().and_then(Property::into_option);
            if let Some(state) = state.filter(|_| is_replica) {
                states.insert(state);
                shown.push(message.number);
            }
        }
    }
    let said: Vec<_> = states.iter().map(u16::to_string).collect();
    match (states.len(), shown.len()) {
        (_, 0 | 1) => Verdict::open("the replica was not read before and after"),
        (1, _) => Verdict::confirmed(format!("state {} before and after", said.join("")), shown),
        _ => Verdict::refuted(format!("states {}", said.join(", ")), shown),
    }
}

/// The test VM is gone after its removal.
pub(super) fn test_vm_is_removed(messages: &[Exchanged]) -> Verdict {
    let Some(call) = call(messages, REMOVE) else { return Verdict::open("no test VM was to be removed") };
    let gone = messages.iter().find(|message| {
        let is_later = message.number > call.number && message.is_get() && message.class() == vm::CLASS;
        is_later && message.fault().is_some_and(|fault| fault.is_not_found())
    });
    match (call.return_value().map(ReturnCode::from), gone) {
        (Some(code @ (ReturnCode::Completed | ReturnCode::JobStarted)), Some(gone)) => Verdict::confirmed(
            format!("{REMOVE} answered {}, and it is not found", code.value()),
            [call.number, gone.number],
        ),
        (Some(ReturnCode::Completed | ReturnCode::JobStarted), None) => {
            Verdict::open(format!("{REMOVE} was taken, and it was not seen to be gone"))
        }
        (Some(code), _) => Verdict::refuted(format!("{REMOVE} answered {} ({code})", code.value()), [call.number]),
        (None, _) => Verdict::open(format!("{REMOVE} gave no return value")),
    }
}

/// A job is found from its VM.
pub(super) fn job_is_found(messages: &[Exchanged]) -> Verdict {
    let made = call(messages, MAKE).and_then(|call| Some((job(call)?, call.number)));
    judge::jobs_of_vm(messages, made.as_ref().map(|(job, number)| (id(job), *number)))
}

const NO_CALL: &str = "no test VM was made";
