//! Workflows alone, driven in virtual time by a script of what the hosts show.

mod network;
mod planned;
mod power;
mod promise;
mod rehearsal;
mod resume;
mod reverse;
mod stage;
mod undo;
mod unplanned;
mod walk_back;

use std::time::{Duration, SystemTime};

use super::*;
use crate::cim::Datetime;
use crate::hyperv::{
    Call, EnabledState, Error, FailoverType, Invoked, Job, JobRef, JobState, JobType, LookedUp, PointKind,
    RecoveryPoint, ReplicationHealth, ReplicationMode, ReplicationState, ReturnCode, ServiceKeys, Vm, VmId, VmSelector,
};
use crate::wsman::{self, Delivery, ExchangeError, ExchangeErrorKind, ResourceUri};

const GUID: &str = "5C2A7E10-8D3B-4E51-9B5A-1F0C3D9E7A42";

fn id() -> VmId {
    GUID.parse().unwrap()
}

fn wall() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn time_ago(seconds: u64) -> Datetime {
    Datetime::try_from(wall() - Duration::from_secs(seconds)).unwrap()
}

fn vm(state: ReplicationState) -> Vm {
    Vm {
        id: id(),
        name: "app-db-01".to_owned(),
        enabled_state: EnabledState::Disabled,
        mode: ReplicationMode::Replica,
        state,
        health: ReplicationHealth::Ok,
        last_replication: Some(time_ago(252)),
        last_application_consistent: None,
        failed_over: if state == ReplicationState::Recovered { FailoverType::Regular } else { FailoverType::None },
        is_simulated: false,
    }
}

fn job_ref() -> JobRef {
    JobRef::by_id(ResourceUri::new("http://x/root/virtualization/v2/Msvm_ConcreteJob"), "B7D1C0E2")
}

fn job(state: JobState, code: u32) -> Job {
    Job {
        reference: job_ref(),
        state,
        kind: Some(JobType::InitiateFailover),
        percent: Some(50),
        status: String::new(),
        elapsed: None,
        submitted: Some(time_ago(0)),
        error_code: ReturnCode::from(code),
        error_description: String::new(),
        error_summary: String::new(),
        cancellable: false,
    }
}

fn point(id: &str, kind: PointKind, seconds_ago: u64) -> RecoveryPoint {
    RecoveryPoint {
        id: id.to_owned(),
        kind,
        created: Some(time_ago(seconds_ago)),
        name: String::new(),
        vm: GUID.to_owned(),
    }
}

fn lost(kind: ExchangeErrorKind, delivery: Delivery) -> Error {
    wsman::Error::from(ExchangeError::new(kind, delivery, "cut")).into()
}

fn unknown() -> Error {
    lost(ExchangeErrorKind::ConnectionLost, Delivery::Unknown)
}

fn fault(code: &str, subcode: &str, number: u32) -> Error {
    let text = format!(
        r#"<s:Fault xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
        xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"><s:Code><s:Value>s:{code}</s:Value><s:Subcode>
        <s:Value>w:{subcode}</s:Value></s:Subcode></s:Code><s:Detail><f:WSManFault Code="{number}" Machine=""/></s:Detail></s:Fault>"#
    );
    let document = crate::xml::Document::parse(text).unwrap();
    wsman::Error::Fault(Box::new(wsman::Fault::read(document.root()).unwrap().answering(true))).into()
}

/// The end of a run in a word.
fn ended(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Started { .. } => "started",
        Outcome::Refused(_) => "refused",
        Outcome::Declined(_) => "declined",
        Outcome::NotSent(_) => "not sent",
        Outcome::Halted(halted) => match halted.why {
            Outcome::Refused(_) => "refused after a call",
            Outcome::Declined(_) => "declined after a call",
            _ => "not read after a call",
        },
        Outcome::Stopped(stopped) => match stopped.cause {
            Cause::HostRefused(_) => "host refused",
            Cause::Faulted(_) => "faulted",
            Cause::JobFailed { .. } => "job failed",
            Cause::NotSent(_) => "half way",
            Cause::Journal(_) => "not on record",
            Cause::Declined => "declined half way",
            Cause::Changed(_) => "changed",
            Cause::Unproven { .. } => "unproven",
            Cause::DeadlinePassed { .. } => "deadline",
        },
    }
}

fn looked_up(answer: Result<LookedUp, Error>) -> Observation {
    Observation::Told(answer.map(Told::LookedUp))
}

fn read(answer: Result<Option<Vm>, Error>) -> Observation {
    Observation::Told(answer.map(|vm| Told::Vm(vm.map(Box::new))))
}

fn called(answer: Result<Invoked, Error>) -> Observation {
    Observation::Called(answer.map_err(CallError::Host))
}
