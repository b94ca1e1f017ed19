//! The table of verdicts, for people and for scripts. It holds no name: it is sent in together with the recording.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::output::{line, note, printable};
use crate::cli::problem::{Changed, Problem};
use crate::cli::workflow::Rehearsed;
use crate::evidence::{Assumption, Finding, ShownBy, Verdict};
use crate::failover::journal::RunId;
use crate::trace::Recorder;
use crate::wsman::Identity;

/// What came of asking a host.
pub(super) struct Report {
    pub(super) verdicts: Vec<(&'static Assumption, Verdict)>,
    pub(super) identity: Option<Identity>,
    /// Why the host was not asked on, or could not be asked at all.
    pub(super) stopped: Option<Problem>,
    pub(super) rehearsed: Option<Rehearsed>,
    pub(super) is_interrupted: bool,
    pub(super) file: PathBuf,
    pub(super) entries: usize,
    pub(super) requests: u64,
    pub(super) is_simulated: bool,
    pub(super) recorder: Arc<Recorder>,
}

impl Report {
    /// Prints it, and why it is not whole, where it is not.
    pub(super) fn print(self, context: &Context) -> Result<Exit, Problem> {
        let problem = self.problem();
        let exit = problem.as_ref().map_or(Exit::Done, |problem| problem.exit);
        match context.printer.is_table() {
            true => self.table(),
            false => context.printer.document(&self.document(problem.as_ref(), exit)),
        }
        if let Some(problem) = &problem {
            note(&format!("hvr: {}", problem.message));
            if !problem.remedy.is_empty() {
                note(&format!("     {}", problem.remedy));
            }
        }
        match self.is_simulated {
            true => note("this was a simulated host: it does what this program expects, and proves nothing"),
            false => super::say_where_to_send(&self.file),
        }
        Ok(exit)
    }

    /// Why it is not whole, or what is left on the host.
    fn problem(&self) -> Option<Problem> {
        let rehearsed = self.rehearsed.as_ref();
        // What is left comes first. One that was interrupted before its first call says so itself.
        let first = rehearsed.filter(|rehearsed| !rehearsed.is_clean || rehearsed.is_interrupted());
        if let Some(problem) = first.and_then(|rehearsed| rehearsed.problem.as_ref()) {
            return Some(problem.clone());
        }
        if self.is_interrupted {
            let ended = rehearsed.is_some_and(|rehearsed| rehearsed.run.is_some());
            let (message, changed) = match ended {
                true => ("interrupted; the test failover was ended in order, and no test VM is left", Changed::Yes),
                false => ("interrupted; nothing was changed on the host", Changed::No),
            };
            return Some(Problem::new(Exit::Interrupted, "interrupted", message).changed(changed));
        }
        rehearsed.and_then(|rehearsed| rehearsed.problem.clone()).or_else(|| self.stopped.clone())
    }

    fn count(&self, finding: Finding) -> usize {
        self.verdicts.iter().filter(|(_, verdict)| verdict.finding == finding).count()
    }

    fn table(&self) {
        let host =
            self.identity.as_ref().map(|identity| format!("{} {}", identity.product_vendor, identity.product_version));
        if let Some(host) = host {
            line(&printable(&format!("host: {}", self.recorder.clean(host.trim()))));
        }
        let is_shared = |verdict: &Verdict| {
            let same = self.verdicts.iter().filter(|(_, other)| other == verdict).count();
            verdict.finding == Finding::NotSettled && same > 1
        };
        let (shared, single): (Vec<_>, Vec<_>) = self.verdicts.iter().partition(|(_, verdict)| is_shared(verdict));
        for (assumption, verdict) in single {
            line(&format!("{}  {:<11}  {}", assumption.id, verdict.finding.to_string(), assumption.claim));
            let shown = match verdict.shown_in.as_slice() {
                [] => String::new(),
                [one] => format!(" (entry {one})"),
                several => format!(" (entries {})", list(several)),
            };
            line(&printable(&format!("{INDENT}{}{shown}", verdict.seen)));
            if verdict.finding == Finding::Refuted {
                line(&format!("{INDENT}so here: {}", assumption.otherwise));
            }
        }
        // What nothing was seen of, by what would show it.
        let mut told: Vec<&Verdict> = Vec::new();
        for (_, verdict) in &shared {
            if told.contains(&verdict) {
                continue;
            }
            told.push(verdict);
            line(&printable(&format!("{}: {}", verdict.finding, verdict.seen)));
            for (assumption, _) in shared.iter().filter(|(_, other)| other == verdict) {
                line(&format!("{}  {:<11}  {}", assumption.id, "", assumption.claim));
            }
        }
        let [confirmed, refuted, open] =
            [Finding::Confirmed, Finding::Refuted, Finding::NotSettled].map(|one| self.count(one));
        let simulated = if self.is_simulated { " (simulated: proves nothing)" } else { "" };
        line(&format!(
            "{confirmed} confirmed, {refuted} refuted, {open} not settled; {} entries in {}{simulated}",
            self.entries,
            self.file_name()
        ));
    }

    /// Without the folder, which may hold a person's name.
    fn file_name(&self) -> String {
        self.file.file_name().map(|name| printable(&name.to_string_lossy())).unwrap_or_default()
    }

    fn document(&self, problem: Option<&Problem>, exit: Exit) -> Value {
        let clean = |text: &str| self.recorder.clean(text);
        let verdict = |(assumption, verdict): &(&Assumption, Verdict)| {
            json!({
                "id": assumption.id,
                "assumption": assumption.claim,
                "reference": assumption.reference,
                "relied_on": assumption.relied_on,
                "otherwise": assumption.otherwise,
                "shown_by": match assumption.shown_by {
                    ShownBy::Reading(..) => "reading",
                    ShownBy::Rehearsal(_) => "test-failover",
                    ShownBy::Both(..) => "reading-or-test-failover",
                    ShownBy::Failover => "failover",
                },
                "verdict": verdict.finding.name(),
                "seen": verdict.seen,
                "entries": verdict.shown_in,
            })
        };
        json!({
            "kind": "evidence",
            "schema": 1,
            "simulated": self.is_simulated,
            "program": env!("CARGO_PKG_VERSION"),
            "host": self.identity.as_ref().map(|identity| json!({
                "vendor": clean(&identity.product_vendor),
                "version": clean(&identity.product_version),
            })),
            "recording": { "file": self.file_name(), "entries": self.entries },
            "exit": exit.code(),
            "problem": problem.map(|problem| json!({
                "code": problem.code,
                "message": clean(&problem.message),
                "remedy": clean(&problem.remedy),
            })),
            "test_failover": self.rehearsed.as_ref().map(|rehearsed| json!({
                "run": rehearsed.run.as_ref().map(RunId::as_str),
                "done": rehearsed.problem.is_none(),
                "clean": rehearsed.is_clean,
            })),
            "counts": {
                "confirmed": self.count(Finding::Confirmed),
                "refuted": self.count(Finding::Refuted),
                "not_settled": self.count(Finding::NotSettled),
            },
            "assumptions": self.verdicts.iter().map(verdict).collect::<Vec<_>>(),
            "requests": self.requests,
        })
    }
}

const INDENT: &str = "                  ";

/// `3, 5-9`
fn list(numbers: &[u64]) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let text = |(first, last): &(u64, u64)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    runs.iter().map(text).collect::<Vec<_>>().join(", ")
}
