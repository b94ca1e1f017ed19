//! A snapshot for people and for scripts.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::cim::Datetime;
use crate::cli::connect::Connection;
use crate::cli::json;
use crate::cli::output;
use crate::cli::span::Span;
use crate::hyperv::{RelationKind, ReplicationReport, ReplicationStatistics};

use super::snapshot::{RelationStatus, Snapshot, VmStatus};
use super::verdict::Verdict;

/// The table, line by line: a row for each replication, and one for a VM without any.
pub fn table(snapshot: &Snapshot) -> Vec<String> {
    let statistics = snapshot.relations().any(|(_, status)| status.report.is_some());
    let mut header = vec!["name", "mode", "state", "health", "power", "last replication", "last apply", "rpo"];
    if statistics {
        header.extend(["pending", "missed", "failed"]);
    }
    header.push("id");
    let mut rows = Vec::new();
    for status in &snapshot.vms {
        match status.relations.is_empty() {
            true => rows.push(row(status, None, snapshot.taken, statistics)),
            false => {
                rows.extend(status.relations.iter().map(|one| row(status, Some(one), snapshot.taken, statistics)));
            }
        }
    }
    output::table_lines(&header, &rows)
}

fn row(status: &VmStatus, one: Option<&RelationStatus>, now: SystemTime, statistics: bool) -> Vec<String> {
    let dash = || "-".to_owned();
    let vm = &status.vm;
    let relation = one.map(|one| &one.relation);
    // Whole seconds are enough for people.
    let when = |time: Option<&Datetime>| match time.map(|time| (time.to_timestamp(), time)) {
        None => "never".to_owned(),
        Some((Some(instant), _)) => format!("{instant:.0}"),
        Some((None, odd)) => odd.to_string(),
    };
    let mode = match relation.map(|relation| &relation.kind) {
        None | Some(RelationKind::Primary) => vm.mode.to_string(),
        Some(kind) => format!("{} ({kind})", vm.mode),
    };
    let mut cells = vec![
        vm.name.clone(),
        mode,
        relation.map_or(vm.state, |relation| relation.state).to_string(),
        relation.map_or(vm.health, |relation| relation.health).to_string(),
        vm.enabled_state.to_string(),
        relation.map_or_else(dash, |relation| when(relation.last_replication.as_ref())),
        // Where the host has no relations it does not tell.
        relation
            .filter(|relation| relation.is_listed())
            .map_or_else(dash, |relation| when(relation.last_apply.as_ref())),
        span(relation.and_then(|relation| relation.rpo(now))),
    ];
    if statistics {
        let read = one.and_then(|one| one.report.as_ref()).and_then(|report| report.as_ref().ok());
        let read = read.and_then(|report| report.statistics.as_ref());
        let number = |number: Option<u64>| number.map_or_else(dash, |number| number.to_string());
        cells.push(read.and_then(|read| read.pending_size).map_or_else(dash, bytes));
        cells.push(number(read.and_then(|read| read.misses)));
        cells.push(number(read.and_then(|read| read.failures)));
    }
    cells.push(vm.id.to_string());
    cells
}

/// What the host says is wrong, a line each; one for all replications that cannot be counted for the same reason.
pub fn issues(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    let mut uncounted: Vec<(&str, Vec<&str>)> = Vec::new();
    for (vm, status) in snapshot.relations() {
        let of = match &status.relation.kind {
            RelationKind::Primary => String::new(),
            kind => format!(" ({kind})"),
        };
        match &status.report {
            Some(Ok(report)) => {
                let messages = report.issues.iter().map(|issue| issue.message.as_str());
                lines.extend(messages.filter(|text| !text.is_empty()).map(|text| format!("{}{of}: {text}", vm.name)));
            }
            Some(Err(reason)) => match uncounted.iter_mut().find(|(known, _)| known == reason) {
                Some((_, vms)) => vms.push(&vm.name),
                None => uncounted.push((reason, vec![&vm.name])),
            },
            None => {}
        }
    }
    lines.extend(uncounted.iter().map(|(reason, vms)| format!("no statistics of {}: {reason}", vms.join(", "))));
    lines
}

/// The document of a snapshot.
pub fn document(snapshot: &Snapshot, verdict: Option<&Verdict>, connection: &Connection) -> Value {
    let mut document = json!({
        "kind": "status",
        "schema": 1,
        "simulated": connection.is_simulated(),
        "host": connection.name,
        "time": jiff::Timestamp::try_from(snapshot.taken).map_or(Value::Null, |time| json!(format!("{time:.0}"))),
        "vms": snapshot.vms.iter().map(|status| vm(status, snapshot.taken)).collect::<Vec<_>>(),
    });
    if let (Some(verdict), Some(fields)) = (verdict, document.as_object_mut()) {
        fields.insert("check".to_owned(), verdict.to_json());
    }
    document
}

fn vm(status: &VmStatus, now: SystemTime) -> Value {
    let mut document = json::vm(&status.vm);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("data_loss_seconds_if_now".to_owned(), json::seconds(status.loss));
        let relations = status.relations.iter().map(|one| relation(one, now)).collect();
        fields.insert("relations".to_owned(), relations);
    }
    document
}

fn relation(one: &RelationStatus, now: SystemTime) -> Value {
    let relation = &one.relation;
    let listed = relation.is_listed();
    let mut document = json!({
        "kind": relation.kind.to_string(),
        "id": if listed { json!(relation.id) } else { Value::Null },
        "state": json::named(relation.state.value(), relation.state),
        "health": json::named(relation.health.value(), relation.health),
        "failed_over_type": json::named(relation.failed_over.value(), relation.failed_over),
        "last_replication_type": if listed {
            json::named(relation.last_replication_type.value(), relation.last_replication_type)
        } else {
            Value::Null
        },
        "last_replication": json::time(relation.last_replication.as_ref()),
        "last_application_consistent": json::time(relation.last_application_consistent.as_ref()),
        "last_apply": json::time(relation.last_apply.as_ref()),
        "rpo_seconds": json::seconds(relation.rpo(now)),
    });
    if let (Some(report), Some(fields)) = (&one.report, document.as_object_mut()) {
        let (read, issues, error) = match report {
            Ok(ReplicationReport { statistics: read, issues, .. }) => {
                (read.as_ref().map_or(Value::Null, statistics), json::job_errors(issues), Value::Null)
            }
            Err(reason) => (Value::Null, json!([]), json!(reason)),
        };
        fields.insert("statistics".to_owned(), read);
        fields.insert("issues".to_owned(), issues);
        fields.insert("statistics_error".to_owned(), error);
    }
    document
}

fn statistics(read: &ReplicationStatistics) -> Value {
    json!({
        "since": json::time(read.since.as_ref()),
        "until": json::time(read.until.as_ref()),
        "successes": read.successes,
        "size_bytes": read.size,
        "max_size_bytes": read.max_size,
        "latency_seconds": read.latency,
        "max_latency_seconds": read.max_latency,
        "misses": read.misses,
        "network_failures": read.network_failures,
        "failures": read.failures,
        "pending_size_bytes": read.pending_size,
        "application_consistent_failures": read.application_consistent_failures,
        "health": read.health.map_or(Value::Null, |health| json::named(health.value(), health)),
        "last_test_failover": json::time(read.last_test_failover.as_ref()),
    })
}

/// A length of time for people, or a dash.
pub fn span(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "-".to_owned(), |duration| Span(duration).to_string())
}

/// A size in the largest unit that leaves a whole number before the point.
fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut shown = format!("{size} B");
    // Tenths, so that no float is needed.
    let mut tenths = u128::from(size) * 10;
    for unit in UNITS {
        tenths /= 1024;
        if tenths < 10 {
            break;
        }
        shown = format!("{}.{} {unit}", tenths / 10, tenths % 10);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_fitting_units() {
        for (size, shown) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_610_612_736, "1.5 GiB"), (u64::MAX, "16383.9 PiB")]
        {
            assert_eq!(bytes(size), shown);
        }
    }
}
