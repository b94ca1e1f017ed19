//! A snapshot as a page of metrics, in the text format that Prometheus' node exporter reads from files.
//!
//! Times are given as times: a file grows older between two runs, and an age in it would not.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

use crate::cim::Datetime;
use crate::cli::output::{WIDEST, printable, shortened};
use crate::cli::problem::Problem;
use crate::hyperv::{Relation, ReplicationStatistics, Vm};

use super::snapshot::{RelationStatus, Snapshot};

/// A metric about one replication.
struct Metric {
    name: &'static str,
    help: &'static str,
    value: fn(&Sample<'_>) -> Option<String>,
}

/// One replication of one VM.
struct Sample<'s> {
    vm: &'s Vm,
    one: &'s RelationStatus,
    taken: SystemTime,
}

impl<'s> Sample<'s> {
    fn relation(&self) -> &'s Relation {
        &self.one.relation
    }

    fn statistics(&self) -> Option<&'s ReplicationStatistics> {
        self.one.report.as_ref()?.as_ref().ok()?.statistics.as_ref()
    }
}

/// The whole page.
pub fn page(host: &str, snapshot: &Snapshot) -> String {
    let mut page = up(host, true, snapshot.taken);
    for metric in METRICS {
        let samples = snapshot.relations().filter_map(|(vm, one)| {
            let sample = Sample { vm, one, taken: snapshot.taken };
            let value = (metric.value)(&sample)?;
            let (name, id, kind) = (vm.name.as_str(), vm.id.as_str(), one.relation.kind.to_string());
            let labels = labels(&[("host", host), ("vm", name), ("id", id), ("relation", &kind)]);
            Some(format!("{}{labels} {value}\n", metric.name))
        });
        let samples: String = samples.collect();
        if !samples.is_empty() {
            describe(&mut page, metric.name, metric.help);
            page.push_str(&samples);
        }
    }
    page
}

/// The page where the host could not be asked: all that was said of replications before is gone.
pub fn down(host: &str) -> String {
    up(host, false, SystemTime::now())
}

/// Puts a page in place of a file; a reader sees the old one or the new one, never a part.
pub fn write(file: &Path, page: &str) -> Result<(), Problem> {
    let fail = |error: std::io::Error| Problem::usage(format!("cannot write {}: {error}", file.display()));
    let name = file.file_name().ok_or_else(|| Problem::usage(format!("{} is no file", file.display())))?;
    // Beside the file, as only there a rename is one step; the node exporter reads nothing but `*.prom`.
    let beside = file.with_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    // Made anew: what somebody laid there, a link say, is not written to. The exporter is another user and must read it.
    let _ = std::fs::remove_file(&beside);
    let written = std::fs::File::create_new(&beside).and_then(|mut open| {
        open.write_all(page.as_bytes())?;
        open.sync_all()
    });
    written.and_then(|()| std::fs::rename(&beside, file)).map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        fail(error)
    })
}

fn up(host: &str, up: bool, at: SystemTime) -> String {
    let mut page = String::new();
    let labels = labels(&[("host", host)]);
    describe(&mut page, "hvr_up", "Whether the host answered.");
    // Writing to a String cannot fail.
    let _ = writeln!(page, "hvr_up{labels} {}", u8::from(up));
    describe(&mut page, "hvr_read_timestamp_seconds", "When the host was asked, by the clock of the asking machine.");
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let _ = writeln!(page, "hvr_read_timestamp_seconds{labels} {}", since.as_secs());
    page
}

/// The lines before the samples of a metric. Every one is a gauge: the host starts its counts anew for each span.
fn describe(page: &mut String, name: &str, help: &str) {
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} gauge");
}

/// `{name="value",…}`; backslash, quote and line feed escaped, and what could write to a terminal shown.
fn labels(labels: &[(&str, &str)]) -> String {
    let one = |(name, value): &(&str, &str)| {
        let value =
            printable(&shortened(value, WIDEST)).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{name}=\"{value}\"")
    };
    format!("{{{}}}", labels.iter().map(one).collect::<Vec<_>>().join(","))
}

fn timestamp(time: Option<Datetime>) -> Option<String> {
    time.and_then(|time| time.to_unix()).map(|(seconds, _)| seconds.to_string())
}

fn count(sample: &Sample<'_>, of: fn(&ReplicationStatistics) -> Option<u64>) -> Option<String> {
    sample.statistics().and_then(of).map(|number| number.to_string())
}

const METRICS: &[Metric] = &[
    Metric {
        name: "hvr_replication_mode",
        help: "ReplicationMode: 1 primary, 2 replica, 4 extended replica.",
        value: |sample| Some(sample.vm.mode.value().to_string()),
    },
    Metric {
        name: "hvr_replication_state",
        help: "ReplicationState: 3 replicating, 5 failed over, 6 committed, 7 suspended, 8 critical, others as Msvm_ReplicationRelationship has them.",
        value: |sample| Some(sample.relation().state.value().to_string()),
    },
    Metric {
        name: "hvr_replication_health",
        help: "ReplicationHealth: 0 not applicable, 1 OK, 2 warning, 3 critical.",
        value: |sample| Some(sample.relation().health.value().to_string()),
    },
    Metric {
        name: "hvr_replication_last_timestamp_seconds",
        help: "When the last change arrived on the replica; absent if never.",
        value: |sample| timestamp(sample.relation().last_replication),
    },
    Metric {
        name: "hvr_replication_last_apply_timestamp_seconds",
        help: "When the last change was applied on the replica; absent if never, or where the host does not tell.",
        value: |sample| timestamp(sample.relation().last_apply),
    },
    Metric {
        name: "hvr_replication_last_application_consistent_timestamp_seconds",
        help: "When the last application consistent change arrived; absent if never.",
        value: |sample| timestamp(sample.relation().last_application_consistent),
    },
    Metric {
        name: "hvr_replication_rpo_seconds",
        help: "How old the last replication was when the host was asked; absent while nothing replicates.",
        value: |sample| sample.relation().rpo(sample.taken).map(|rpo| rpo.as_secs().to_string()),
    },
    Metric {
        name: "hvr_replication_pending_bytes",
        help: "Size of what waits to be sent.",
        value: |sample| count(sample, |read| read.pending_size),
    },
    Metric {
        name: "hvr_replication_span_start_timestamp_seconds",
        help: "Since when the host counts what the metrics of the span say.",
        value: |sample| timestamp(sample.statistics()?.since),
    },
    Metric {
        name: "hvr_replication_span_successes",
        help: "Replications that succeeded in the span.",
        value: |sample| count(sample, |read| read.successes),
    },
    Metric {
        name: "hvr_replication_span_misses",
        help: "Replications that were due in the span and did not happen.",
        value: |sample| count(sample, |read| read.misses),
    },
    Metric {
        name: "hvr_replication_span_failures",
        help: "Replications that failed in the span.",
        value: |sample| count(sample, |read| read.failures),
    },
    Metric {
        name: "hvr_replication_span_network_failures",
        help: "Errors of the network in the span.",
        value: |sample| count(sample, |read| read.network_failures),
    },
    Metric {
        name: "hvr_replication_span_application_consistent_failures",
        help: "Application consistent points that failed in the span.",
        value: |sample| count(sample, |read| read.application_consistent_failures),
    },
    Metric {
        name: "hvr_replication_span_bytes",
        help: "Size of all replications of the span.",
        value: |sample| count(sample, |read| read.size),
    },
    Metric {
        name: "hvr_replication_span_largest_bytes",
        help: "Size of the largest replication of the span.",
        value: |sample| count(sample, |read| read.max_size),
    },
    Metric {
        name: "hvr_replication_span_latency_seconds",
        help: "How long all replications of the span took together.",
        value: |sample| count(sample, |read| read.latency),
    },
    Metric {
        name: "hvr_replication_span_longest_latency_seconds",
        help: "How long the slowest replication of the span took.",
        value: |sample| count(sample, |read| read.max_latency),
    },
    Metric {
        name: "hvr_replication_last_test_failover_timestamp_seconds",
        help: "When the last test failover was made; absent if never.",
        value: |sample| timestamp(sample.statistics()?.last_test_failover),
    },
];
