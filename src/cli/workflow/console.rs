//! The person at the terminal, or the script: told what will be done and asked, shown what happens.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::cli::confirm::confirm;
use crate::cli::output::{WIDEST, draws_progress, note, printable, shortened};
use crate::cli::problem::Changed;
use crate::cli::span::Span;
use crate::cli::{Context, json};
use crate::failover::journal::RunId;
use crate::failover::{Event, Kind, Operator, Proposal, Site, StepName};
use crate::hyperv::Job;

use super::{Answer, Ends, whereabouts};

/// What a run has in front of it.
pub struct Console<'c> {
    run: Option<RunId>,
    ends: &'c Ends,
    answer: Answer,
    context: &'c Context,
    bar: Option<ProgressBar>,
    last: Option<(String, Option<u16>)>,
    waits_for: Option<StepName>,
    /// Whether it was asked before.
    was_asked: bool,
    /// The host whose job is followed.
    site: Site,
    /// Where the VM is, in words, once a call was about to go out.
    stands: String,
}

impl<'c> Console<'c> {
    pub fn new(run: Option<RunId>, ends: &'c Ends, answer: Answer, context: &'c Context) -> Self {
        Console {
            run,
            ends,
            answer,
            context,
            bar: None,
            last: None,
            waits_for: None,
            was_asked: false,
            site: Site::Host,
            stands: String::new(),
        }
    }

    /// The run, once it has an id.
    pub fn run(&self) -> Option<&RunId> {
        self.run.as_ref()
    }

    /// Takes the progress bar away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note(text)),
            None => note(text),
        }
    }

    fn progress(&mut self, job: &Job) {
        let percent = u64::from(job.percent.unwrap_or(0));
        if draws_progress() {
            let bar = self.bar.get_or_insert_with(new_bar);
            bar.set_position(percent);
            bar.set_message(printable(&shortened(&job.state.to_string(), WIDEST)));
            return;
        }
        let seen = (job.state.to_string(), job.percent);
        if self.last.as_ref() != Some(&seen) {
            self.say(&format!("job {}: {}, {percent} %", job.reference.instance_id(), job.state));
            self.last = Some(seen);
        }
    }

    /// What an interruption from here on leaves behind, and what to do then.
    fn leave_behind(&self, changed: Changed, what: String) {
        let remedy = match (&self.run, self.ends.host.is_simulated()) {
            (Some(run), false) => format!(
                "do not run the command again; take this run up: {}",
                self.context.settings.journal_command("resume", Some(run.as_str()))
            ),
            _ => self.context.settings.world_has_ended(),
        };
        let what = if self.stands.is_empty() { what } else { format!("{}; {what}", self.stands) };
        self.context.interruption.leave_behind(changed, what, remedy);
    }
}

impl Operator for Console<'_> {
    async fn confirm(&mut self, proposal: &Proposal) -> bool {
        self.finish();
        if self.answer == Answer::No {
            return false;
        }
        if std::mem::replace(&mut self.was_asked, true) {
            note("this has changed since it was confirmed:");
        }
        for text in describe(proposal, self.ends) {
            note(&text);
        }
        if self.answer == Answer::Yes {
            return true;
        }
        confirm(&format!("{} now?", question(proposal))).await
    }

    fn event(&mut self, event: &Event<'_>) {
        let (name, fields) = match event {
            Event::Stands(whereabouts) => {
                self.stands = whereabouts::words(whereabouts, |site| self.ends.name(site));
                return;
            }
            Event::Found(vm) => ("found", json!({ "vm": json::vm(vm) })),
            Event::Run(run) => {
                self.run = Some((*run).clone());
                ("run", json!({ "run": run.as_str() }))
            }
            Event::Invoking { step, site, proposal, .. } => {
                self.finish();
                self.context.interruption.begun();
                self.site = *site;
                self.last = None;
                let host = self.ends.name(*site).to_owned();
                self.leave_behind(
                    Changed::Perhaps,
                    format!("a call was being sent to {host} ({step}): it may have been taken"),
                );
                self.say(&format!("{host}: {} …", step.words()));
                (
                    "invoking",
                    json!({ "step": step.name(), "site": site.name(), "proposal": json::proposal(&self.ends.told(proposal)) }),
                )
            }
            Event::JobStarted { site, job } => {
                let host = self.ends.name(*site).to_owned();
                self.leave_behind(Changed::Yes, format!("job {job} goes on on {host}"));
                ("job-started", json!({ "site": site.name(), "job": json::job_ref(job) }))
            }
            Event::JobSeen(job) => {
                self.progress(job);
                ("job", json!({ "site": self.site.name(), "job": json::job(job) }))
            }
            Event::ContactLost(reason) => {
                self.say(&format!("no answer ({reason}); trying again"));
                ("contact-lost", json!({ "reason": reason }))
            }
            Event::Looking(reason) => {
                self.say(&format!("the reply was lost ({reason}); looking at the host instead of asking again"));
                ("looking", json!({ "reason": reason }))
            }
            Event::Verifying => ("verifying", json!({})),
            Event::Waiting(step) => {
                if self.waits_for != Some(*step) {
                    self.say(&format!(
                        "waiting: {} takes its time, and is given up after {}; --timeout ends it sooner",
                        step.words(),
                        Span(step.patience())
                    ));
                    self.waits_for = Some(*step);
                }
                ("waiting", json!({ "step": step.name() }))
            }
            Event::StepDone(step) => {
                self.finish();
                if !step.was_so {
                    self.leave_behind(
                        Changed::Yes,
                        format!("the run is half-way: {} is done on {}", step.step, self.ends.name(step.site)),
                    );
                }
                ("step-done", json::step(step))
            }
            Event::NotOnRecord(text) => {
                self.say(text);
                ("not-on-record", json!({ "reason": text }))
            }
        };
        self.context.printer.event(&json!({
            "kind": "event",
            "schema": 1,
            "simulated": self.ends.are_simulated(),
            "run": self.run.as_ref().map(RunId::as_str),
            "event": name,
            "data": fields,
        }));
    }
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::new(100);
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {pos:>3} %  {elapsed}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

fn question(proposal: &Proposal) -> String {
    let name = &proposal.vm.name;
    match &proposal.kind {
        Kind::Failover => format!("Fail over {name}"),
        Kind::PlannedFailover { .. } => format!("Fail over {name} as planned"),
        Kind::TestStart { .. } => format!("Make a test VM of {name}"),
        Kind::TestStop => format!("Remove the test VM of {name}"),
        Kind::Rehearsal => format!("Make a test VM of {name} and remove it again"),
        Kind::Commit => format!("Keep the failover of {name} for good"),
        Kind::Undo => format!("Undo the failover of {name}"),
        Kind::Reverse { .. } => format!("Turn the replication of {name} round"),
        Kind::Start => format!("Start {name}"),
        Kind::Stop(_) => format!("Stop {name}"),
        Kind::Network(_) => format!("Set the failover network of {name}"),
        _ => format!("Walk the failover of {name} back"),
    }
}

/// What will be done, line by line.
pub fn describe(proposal: &Proposal, ends: &Ends) -> Vec<String> {
    let state = |vm: &crate::hyperv::Vm| {
        format!("  {}, {}, health {}, power {}", vm.mode, vm.state, vm.health, vm.enabled_state)
    };
    let vm = &proposal.vm;
    let mut lines = vec![format!("{} ({}) on {}", vm.name, vm.id, ends.name(Site::Host)), state(vm)];
    if let Some(primary) = &proposal.primary {
        lines.push(format!("and on {}", ends.name(Site::Primary)));
        lines.push(state(primary));
    }
    if let Some(test_vm) = &proposal.test_vm {
        lines.push(format!("  test VM {} ({}), power {}", test_vm.name, test_vm.id, test_vm.enabled_state));
    }
    let names_point = matches!(proposal.kind, Kind::Failover | Kind::TestStart { .. } | Kind::Rehearsal);
    if names_point {
        lines.push(match &proposal.point {
            None => "  to the latest recovery point".to_owned(),
            Some(point) => format!(
                "  to the {} point {} of {}",
                point.kind.name(),
                point.id,
                point.created.as_ref().map_or_else(|| "unknown time".to_owned(), ToString::to_string)
            ),
        });
    }
    match &proposal.kind {
        Kind::TestStart { network: Some(switch) } => {
            lines.push(format!("  its network adapters connect to {switch:?}"))
        }
        Kind::TestStart { network: None } => {
            lines.push(
                "  its network adapters connect where the replica's settings say; --network SWITCH chooses".to_owned(),
            );
        }
        Kind::Rehearsal => {
            lines.push("  the test VM is not started, and is removed again, whatever happens".to_owned())
        }
        _ => {}
    }
    match (&proposal.kind, proposal.data_loss) {
        (Kind::Failover, Some(loss)) => lines.push(format!("  changes of the last {} are lost", Span(loss))),
        (Kind::Failover, None) => lines.push("  how much is lost is not known".to_owned()),
        (Kind::PlannedFailover { .. }, _) => {
            lines
                .push("  nothing is lost: it is proven by the type of the recovery point, or the run stops".to_owned());
        }
        _ => {}
    }
    let two_hosts = proposal.primary.is_some();
    for (place, step) in proposal.steps.iter().enumerate() {
        let site = if two_hosts { format!("{}: ", ends.name(step.site)) } else { String::new() };
        let is_so = if step.is_so { " (so already)" } else { "" };
        lines.push(format!("  {}. {site}{}{is_so}", place + 1, step.step.words()));
    }
    for finding in &proposal.findings {
        lines.push(format!("  {}: {}", finding.severity.name(), finding.text));
        if !finding.remedy.is_empty() {
            lines.push(format!("    {}", ends.complete(&finding.remedy)));
        }
    }
    lines
}
