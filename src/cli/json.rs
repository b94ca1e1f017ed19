//! Values of the library as JSON: the same words in every document.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::cim::Datetime;
use crate::failover::{Finding, Proposal, StepReport};
use crate::hyperv::{Job, JobError, JobRef, RecoveryPoint, Vm};

/// A number with its name, for states that scripts and people read.
pub fn named(value: impl Into<u64>, name: impl std::fmt::Display) -> Value {
    json!({ "value": value.into(), "name": name.to_string() })
}

/// ISO 8601 in UTC, or null.
pub fn time(time: Option<&Datetime>) -> Value {
    time.and_then(Datetime::to_iso).map_or(Value::Null, Value::String)
}

/// Seconds, or null.
pub fn seconds(duration: Option<Duration>) -> Value {
    duration.map_or(Value::Null, |duration| json!(duration.as_secs()))
}

/// A VM.
pub fn vm(vm: &Vm) -> Value {
    json!({
        "name": vm.name,
        "id": vm.id.as_str(),
        "power": named(vm.enabled_state.value(), vm.enabled_state),
        "mode": named(vm.mode.value(), vm.mode),
        "state": named(vm.state.value(), vm.state),
        "health": named(vm.health.value(), vm.health),
        "last_replication": time(vm.last_replication.as_ref()),
        "last_application_consistent": time(vm.last_application_consistent.as_ref()),
        "failed_over_type": named(vm.failed_over.value(), vm.failed_over),
    })
}

/// How old the last replication is.
pub fn age(time: Option<&Datetime>) -> Option<Duration> {
    let time = time.and_then(Datetime::to_system_time)?;
    Some(SystemTime::now().duration_since(time).unwrap_or_default())
}

/// A recovery point.
pub fn point(point: &RecoveryPoint) -> Value {
    json!({
        "id": point.id,
        "type": point.kind.name(),
        "created": time(point.created.as_ref()),
        "age_seconds": seconds(age(point.created.as_ref())),
        "name": point.name,
    })
}

/// A reference to a job.
pub fn job_ref(job: &JobRef) -> Value {
    json!({
        "reference": job.to_string(),
        "class_uri": job.reference().resource.as_str(),
        "id": job.instance_id(),
    })
}

/// A job as it was last seen.
pub fn job(job: &Job) -> Value {
    json!({
        "reference": job.reference.to_string(),
        "class_uri": job.reference.reference().resource.as_str(),
        "id": job.reference.instance_id(),
        "type": job.kind.map_or(Value::Null, |kind| named(kind.value(), kind)),
        "state": named(job.state.value(), job.state),
        "percent": job.percent,
        "status": job.status,
        "elapsed_seconds": job.elapsed.map_or(Value::Null, |elapsed| json!(elapsed.as_secs_f64())),
        "submitted": time(job.submitted.as_ref()),
        "error_code": named(job.error_code.value(), job.error_code),
        "error_description": job.error_description,
        "error_summary": job.error_summary,
        "cancellable": job.cancellable,
    })
}

/// What `GetErrorEx` adds.
pub fn job_errors(errors: &[JobError]) -> Value {
    errors
        .iter()
        .map(|error| {
            json!({
                "message": error.message,
                "source": error.source,
                "message_id": error.message_id,
                "probable_cause": error.probable_cause,
            })
        })
        .collect()
}

/// What was found before.
pub fn findings(findings: &[Finding]) -> Value {
    findings
        .iter()
        .map(|finding| {
            json!({
                "severity": finding.severity.name(),
                "code": finding.code,
                "text": finding.text,
                "remedy": finding.remedy,
            })
        })
        .collect()
}

/// What would be done.
pub fn proposal(proposal: &Proposal) -> Value {
    json!({
        "vm": vm(&proposal.vm),
        "point": proposal.point.as_ref().map_or(Value::Null, point),
        "data_loss_seconds": seconds(proposal.data_loss),
        "start": proposal.start,
        "workflow": proposal.kind.name(),
        "primary": proposal.primary.as_ref().map_or(Value::Null, vm),
        "test_vm": proposal.test_vm.as_ref().map_or(Value::Null, vm),
        "steps": proposal.steps.iter().map(|step| json!({ "step": step.step.name(), "site": step.site.name(), "is_so": step.is_so })).collect::<Vec<_>>(),
        "findings": findings(&proposal.findings),
    })
}

/// A step that is done.
pub fn step(step: &StepReport) -> Value {
    json!({
        "step": step.step.name(),
        "site": step.site.name(),
        "vm": step.vm.as_str(),
        "was_so": step.was_so,
        "job": step.job.as_ref().map_or(Value::Null, job),
        "seen": step.seen,
        "took_seconds": step.took.as_secs_f64(),
    })
}
