//! Is every replication as it should be? One word, one line, and the numbers behind it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::span::Span;
use crate::hyperv::{Relation, RelationKind, ReplicationHealth, ReplicationMode, ReplicationState, Vm};

use super::show::span;
use super::snapshot::Snapshot;
use super::{Args, Threshold};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Look at it soon.
    Warning,
    /// Look at it now.
    Critical,
    /// Nothing is known.
    Unknown,
}

impl Level {
    /// The word that monitoring reads.
    pub fn word(self) -> &'static str {
        match self {
            Level::Ok => "OK",
            Level::Warning => "WARNING",
            Level::Critical => "CRITICAL",
            Level::Unknown => "UNKNOWN",
        }
    }
}

/// Something that is not as it should be.
struct Finding {
    level: Level,
    vm: String,
    text: String,
}

/// Most findings that a summary names: monitoring cuts long lines.
const MOST_NAMED: usize = 8;

/// The judgement of a snapshot.
pub struct Verdict {
    level: Level,
    findings: Vec<Finding>,
    replications: usize,
    max_rpo: Option<Span>,
}

impl Verdict {
    /// Judges a snapshot.
    pub fn of(snapshot: &Snapshot, args: &Args) -> Verdict {
        let mut findings = Vec::new();
        for status in &snapshot.vms {
            let mut find = |level, text| findings.push(Finding { level, vm: status.vm.name.clone(), text });
            // A rehearsal beside a replica is no replication; a VM that was named is meant to be one.
            if status.relations.is_empty() && status.vm.mode != ReplicationMode::TestReplica && !args.vms.is_empty() {
                find(Level::Critical, "is not replicated".to_owned());
            }
            for one in &status.relations {
                for (level, text) in judge(&status.vm, &one.relation, snapshot, args.max_rpo) {
                    let of = match &one.relation.kind {
                        RelationKind::Primary => String::new(),
                        kind => format!("{kind} relation: "),
                    };
                    find(level, format!("{of}{text}"));
                }
            }
        }
        let replications = snapshot.relations().count();
        let level = match findings.iter().map(|finding| finding.level).max() {
            Some(worst) => worst,
            None if replications == 0 => Level::Unknown,
            None => Level::Ok,
        };
        Verdict { level, findings, replications, max_rpo: args.max_rpo }
    }

    /// Whether the command ends with 3.
    pub fn fails(&self, threshold: Threshold) -> bool {
        match threshold {
            Threshold::Warning => self.level > Level::Ok,
            Threshold::Critical => self.level > Level::Warning,
        }
    }

    /// What is the matter, in a sentence.
    fn summary(&self) -> String {
        let all = match self.replications {
            0 if self.findings.is_empty() => return "no replicated VM is visible to this account".to_owned(),
            1 => "1 replication".to_owned(),
            count => format!("{count} replications"),
        };
        if self.findings.is_empty() {
            return format!("{all}, each as it should be");
        }
        let mut worst: Vec<_> = self.findings.iter().collect();
        worst.sort_by_key(|finding| std::cmp::Reverse(finding.level));
        let named = worst.iter().take(MOST_NAMED).map(|finding| format!("{} {}", finding.vm, finding.text));
        let named = named.collect::<Vec<_>>().join("; ");
        match worst.len().saturating_sub(MOST_NAMED) {
            0 => format!("{all}: {named}"),
            more => format!("{all}: {named}; and {more} more"),
        }
    }

    /// The line of a monitoring plugin: level, summary, and numbers after `|`.
    pub fn line(&self, snapshot: &Snapshot) -> String {
        // `|` begins the numbers, and a line ends the summary.
        let summary = self.summary().replace('|', "/").replace(['\n', '\r'], " ");
        let count = |level| self.findings.iter().filter(|finding| finding.level == level).count();
        let mut line = format!(
            "{} - {summary} | replications={} warnings={} criticals={}",
            self.level.word(),
            self.replications,
            count(Level::Warning),
            count(Level::Critical)
        );
        let limit = self.max_rpo.map_or_else(String::new, |limit| limit.0.as_secs().to_string());
        for (vm, one) in snapshot.relations() {
            if let Some(rpo) = one.relation.rpo(snapshot.taken) {
                let label = label(vm, &one.relation);
                // Writing to a String cannot fail. value[unit];warning;critical;minimum
                let _ = write!(line, " '{label}'={}s;;{limit};0", rpo.as_secs());
            }
        }
        line
    }

    /// For scripts.
    pub fn to_json(&self) -> Value {
        let finding = |finding: &Finding| json!({ "level": finding.level.word().to_lowercase(), "vm": finding.vm, "text": finding.text });
        json!({
            "level": self.level.word().to_lowercase(),
            "summary": self.summary(),
            "max_rpo_seconds": self.max_rpo.map(|limit| limit.0.as_secs()),
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
        })
    }
}

/// The label of a number: quotes and `=` have a meaning there, and lines end.
fn label(vm: &Vm, relation: &Relation) -> String {
    let end = match &relation.kind {
        RelationKind::Primary => String::new(),
        kind => format!(" {kind}"),
    };
    let name: String =
        vm.name.chars().map(|c| if matches!(c, '\'' | '=' | '|') || c.is_control() { '_' } else { c }).collect();
    format!("rpo {name}{end}")
}

/// What is wrong with one replication; a number that nobody knows is never taken for good.
fn judge(vm: &Vm, relation: &Relation, snapshot: &Snapshot, max_rpo: Option<Span>) -> Vec<(Level, String)> {
    let mut found = Vec::new();
    let state = match relation.state {
        ReplicationState::Replicating => None,
        ReplicationState::Critical | ReplicationState::DiskUpdateCritical => Some(Level::Critical),
        _ => Some(Level::Warning),
    };
    if let Some(level) = state {
        found.push((level, format!("is in state {} ({})", relation.state.value(), relation.state)));
    }
    let health = match relation.health {
        ReplicationHealth::Ok => None,
        ReplicationHealth::Critical => Some(Level::Critical),
        // Before the first replication and after a failover there is no health to speak of; the state tells that.
        ReplicationHealth::NotApplicable if state.is_some() => None,
        _ => Some(Level::Warning),
    };
    if let Some(level) = health {
        found.push((level, format!("has health {} ({})", relation.health.value(), relation.health)));
    }
    let has_rpo = !matches!(relation.state, ReplicationState::Recovered | ReplicationState::Committed);
    if let Some(limit) = max_rpo.filter(|_| has_rpo && vm.mode != ReplicationMode::TestReplica) {
        match relation.rpo(snapshot.taken) {
            Some(rpo) if rpo > limit.0 => {
                let text = format!("replicated {} ago, and {limit} are allowed", span(Some(rpo)));
                found.push((Level::Critical, text));
            }
            Some(_) => {}
            None => found.push((Level::Critical, "has never replicated".to_owned())),
        }
    }
    found
}
