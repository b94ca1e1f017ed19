//! `hvr failover`: says what it will do, does it once, shows progress, proves the result.

use std::io::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::cli::connect::Connection;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Printer, draws_progress, is_interactive, note, printable};
use crate::cli::problem::{Changed, Problem, chain};
use crate::cli::span::Span;
use crate::cli::{Context, json, stop};
use crate::failover::{
    DryRun, Event, Operator, Order, Outcome, PointChoice, Proposal, Refusal, Report, Severity, StartReport, Unproven,
    dry_run, run as fail_over,
};
use crate::hyperv::{Host, Job, JobError, JobRef, ReplicationMode, Vm};
use crate::wsman::Exchange;

/// Fail a VM over to its replica.
///
/// Unplanned: what was not replicated is lost, and the primary should be down. The command shows what it will do and
/// asks; without a terminal it needs --yes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name (in any case) or GUID of the VM
    vm: String,
    /// Recovery point: latest, app-consistent, before:2026-11-23T08:00Z, or an id that `hvr points` shows
    #[arg(long, default_value = "latest", value_name = "POINT")]
    point: PointChoice,
    /// Start the VM when it is failed over
    #[arg(long)]
    start: bool,
    /// Do not ask; warnings are accepted too
    #[arg(short, long)]
    yes: bool,
    /// Resolve everything by reading, print the exact envelopes, send none of them
    #[arg(long, conflicts_with = "no_wait")]
    dry_run: bool,
    /// Print the job's reference as soon as it runs, and do not follow it
    #[arg(long)]
    no_wait: bool,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    if !args.yes && !args.dry_run && !is_interactive() {
        return Err(Problem::usage("a failover changes the host, and there is no terminal to ask on: add --yes")
            .remedy("nothing was sent"));
    }
    let connection = Connection::open(context).await?;
    let order = Order {
        point: args.point.clone(),
        start: args.start,
        wait: !args.no_wait,
        deadline: context.settings.timeout,
        ..Order::new(super::selector(&args.vm))
    };
    let host = connection.host();
    let printer = context.printer;
    if args.dry_run {
        return match dry_run(&host, order, &context.clock).await {
            Ok(dry) => {
                print_dry_run(&dry, &connection, printer);
                Ok(Exit::Done)
            }
            Err(Outcome::Refused(refusal)) => Err(refused(refusal, &host).await),
            Err(outcome) => end(outcome, args, &connection, printer),
        };
    }
    let mut operator = Console::new(args, &connection, printer);
    let outcome = fail_over(&host, order, &context.clock, &mut operator).await;
    operator.finish();
    match outcome {
        Outcome::Refused(refusal) => Err(refused(refusal, &host).await),
        outcome => end(outcome, args, &connection, printer),
    }
}

/// The person at the terminal, or the script.
struct Console<'c> {
    vm: String,
    connection: &'c Connection,
    yes: bool,
    printer: Printer,
    bar: Option<ProgressBar>,
    last: Option<(String, Option<u16>)>,
}

impl<'c> Console<'c> {
    fn new(args: &Args, connection: &'c Connection, printer: Printer) -> Self {
        Console { vm: args.vm.clone(), connection, yes: args.yes, printer, bar: None, last: None }
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
            bar.set_message(printable(&job.state.to_string()));
            return;
        }
        let seen = (job.state.to_string(), job.percent);
        if self.last.as_ref() != Some(&seen) {
            self.say(&format!("job {}: {}, {percent} %", job.reference.instance_id(), job.state));
            self.last = Some(seen);
        }
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Operator for Console<'_> {
    async fn confirm(&mut self, proposal: &Proposal) -> bool {
        for text in describe(proposal, &self.connection.name) {
            note(&text);
        }
        if self.yes {
            return true;
        }
        let question = printable(&format!("Fail over {} now? [y/N] ", proposal.vm.name));
        // Reading blocks, and Ctrl-C must be heard meanwhile.
        let answer = tokio::task::spawn_blocking(move || {
            let _ = write!(std::io::stderr(), "{question}");
            let _ = std::io::stderr().flush();
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        let answer = answer.await.ok().and_then(Result::ok).unwrap_or_default();
        matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }

    fn event(&mut self, event: &Event<'_>) {
        let (name, fields) = match event {
            Event::Found(vm) => ("found", json!({ "vm": json::vm(vm) })),
            Event::Invoking(proposal) => {
                stop::leave_behind(
                    Changed::Perhaps,
                    "the call was being sent: the host may have taken it",
                    format!(
                        "do not run the failover again; look first: {}. State 5 (Recovered): it is done. State 12: it \
                         runs. State 3 (Replicating): it was not begun",
                        self.connection.again(&["status", &self.vm])
                    ),
                );
                self.say(&format!("failing over {} …", proposal.vm.name));
                ("invoking", json::proposal(proposal))
            }
            Event::JobStarted(job) => {
                stop::leave_behind(
                    Changed::Yes,
                    format!("the failover goes on on the host as job {job}"),
                    follow_and_prove(self.connection, job, &self.vm),
                );
                ("job-started", json!({ "job": json::job_ref(job) }))
            }
            Event::JobSeen(job) => {
                self.progress(job);
                ("job", json!({ "job": json::job(job) }))
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
            Event::Starting => {
                self.say("starting the VM …");
                ("starting", json!({}))
            }
        };
        self.printer.event(&json!({
            "kind": "event", "schema": 1, "simulated": self.connection.is_simulated(), "event": name, "data": fields,
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

/// What will be done, line by line.
fn describe(proposal: &Proposal, host: &str) -> Vec<String> {
    let vm = &proposal.vm;
    let mut lines = vec![
        format!("{} ({}) on {host}", vm.name, vm.id),
        format!("  {}, {}, health {}, power {}", vm.mode, vm.state, vm.health, vm.enabled_state),
    ];
    lines.push(match &proposal.point {
        None => "  to the latest recovery point".to_owned(),
        Some(point) => format!(
            "  to the {} point {} of {}",
            point.kind.name(),
            point.id,
            point.created.as_ref().map_or_else(|| "unknown time".to_owned(), ToString::to_string)
        ),
    });
    lines.push(match proposal.data_loss {
        Some(loss) => format!("  changes of the last {} are lost", Span(loss)),
        None => "  how much is lost is not known".to_owned(),
    });
    if proposal.start {
        lines.push("  the VM is started afterwards".to_owned());
    }
    for finding in &proposal.findings {
        lines.push(format!("  {}: {}", finding.severity.name(), finding.text));
        if !finding.remedy.is_empty() {
            lines.push(format!("    {}", finding.remedy));
        }
    }
    lines
}

fn print_dry_run(dry: &DryRun, connection: &Connection, printer: Printer) {
    if printer.is_table() {
        for text in describe(&dry.proposal, &connection.name) {
            note(&text);
        }
        note("dry run: these envelopes would be sent, and none was:");
        for envelope in &dry.envelopes {
            output::line(&envelope.xml);
        }
        return;
    }
    let envelopes: Vec<_> =
        dry.envelopes.iter().map(|envelope| json!({ "action": envelope.action, "xml": envelope.xml })).collect();
    printer.document(&json!({
        "kind": "dry-run",
        "schema": 1,
        "simulated": connection.is_simulated(),
        "host": connection.name,
        "proposal": json::proposal(&dry.proposal),
        "envelopes": envelopes,
        "sent": false,
    }));
}

/// What each outcome means for the operator.
fn end(outcome: Outcome, args: &Args, connection: &Connection, printer: Printer) -> Result<Exit, Problem> {
    match outcome {
        Outcome::Done(report) => done(&report, connection, printer),
        Outcome::Started { proposal, job } => {
            started(&proposal, &job, connection, printer);
            Ok(Exit::Done)
        }
        // Told before, as what to do about it is read from the host.
        Outcome::Refused(_) => Err(Problem::internal("a refusal was not told")),
        Outcome::Declined(proposal) => Err(Problem::new(
            Exit::Refused,
            "declined",
            format!("{} was not failed over: not confirmed", proposal.vm.name),
        )),
        Outcome::NotSent(error) => Err(Problem::from(error)),
        Outcome::HostRefused { vm, code } => Err(Problem::new(
            Exit::HostRefused,
            "host-refused",
            format!("the host refused to fail {} over: {} ({code})", vm.name, code.value()),
        )
        .remedy(format!(
            "nothing was started; look at the VM: {}, {}",
            connection.again(&["status", &args.vm]),
            connection.again(&["check", &args.vm])
        ))
        .detail("return_value", json::named(code.value(), code))
        .detail("vm", json::vm(&vm))),
        Outcome::Faulted { vm, error } => {
            let text = chain(&error);
            let problem = Problem::from(error);
            Err(Problem { message: format!("the host did not take the failover of {}: {text}", vm.name), ..problem }
                .detail("vm", json::vm(&vm)))
        }
        Outcome::JobFailed { vm, job, details } => {
            Err(job_failed(&vm, &job, &details, &connection.again(&["status", &args.vm])))
        }
        Outcome::Unknown(unproven) => Err(unknown(&unproven, &args.vm, connection)),
        Outcome::DeadlinePassed { vm, job, last } => Err(Problem::new(
            Exit::Deadline,
            "deadline",
            format!("the deadline passed; the failover of {} goes on on the host", vm.name),
        )
        .remedy(follow_and_prove(connection, &job, &args.vm))
        .changed(Changed::Yes)
        .detail("job", last.map_or_else(|| json::job_ref(&job), |job| json::job(&job)))
        .detail("vm", json::vm(&vm))),
    }
}

fn done(report: &Report, connection: &Connection, printer: Printer) -> Result<Exit, Problem> {
    let (start, failed) = match &report.start {
        StartReport::NotAsked => (json!({ "asked": false, "running": null, "reason": null }), None),
        StartReport::Running => (json!({ "asked": true, "running": true, "reason": null }), None),
        StartReport::Failed(reason) => (json!({ "asked": true, "running": false, "reason": reason }), Some(reason)),
    };
    let exit = if failed.is_some() { Exit::HostRefused } else { Exit::Done };
    let verified = &report.verified;
    if printer.is_table() {
        let name = &report.after.name;
        output::line(&printable(&format!(
            "{name} is failed over: replication state {} ({}), {} point, read back from {}{}",
            verified.state.value(),
            verified.state,
            verified.failed_over.to_string().to_lowercase(),
            connection.name,
            if connection.is_simulated() { " (simulated)" } else { "" },
        )));
        if matches!(report.start, StartReport::Running) {
            output::line(&printable(&format!("{name} is running")));
        }
        for remark in &report.remarks {
            note(remark);
        }
        if matches!(report.start, StartReport::NotAsked) {
            note(
                "the VM is off; start it, test it, then keep the failover (Complete-VMFailover) or undo it (Stop-VMFailover)",
            );
        }
    } else {
        printer.document(&json!({
            "kind": "failover",
            "schema": 1,
            "simulated": connection.is_simulated(),
            "host": connection.name,
            "outcome": "done",
            "exit": exit.code(),
            "vm": { "name": report.after.name, "id": report.after.id.as_str() },
            "point": report.proposal.point.as_ref().map_or(Value::Null, json::point),
            "data_loss_seconds": json::seconds(report.proposal.data_loss),
            "findings": json::findings(&report.proposal.findings),
            "before": json::vm(&report.proposal.vm),
            "after": json::vm(&report.after),
            "job": report.job.as_ref().map_or(Value::Null, json::job),
            "verified": {
                "by": "reading Msvm_ComputerSystem back after the job",
                "replication_state": json::named(verified.state.value(), verified.state),
                "failed_over_type": json::named(verified.failed_over.value(), verified.failed_over),
            },
            "start": start,
            "remarks": report.remarks,
            "requests": connection.session().requests(),
            "took_seconds": report.took.as_secs_f64(),
        }));
    }
    if let Some(reason) = failed {
        note(&format!("hvr: the failover is done and proven, but the VM was not started: {reason}"));
        note("     start it by hand; do not run the failover again");
    }
    Ok(exit)
}

fn started(proposal: &Proposal, job: &JobRef, connection: &Connection, printer: Printer) {
    if printer.is_table() {
        output::line(&printable(&job.to_string()));
        note(&format!("the failover of {} was started and is not followed", proposal.vm.name));
        note(&format!("     {}", follow_and_prove(connection, job, proposal.vm.id.as_str())));
        return;
    }
    printer.document(&json!({
        "kind": "failover-started",
        "schema": 1,
        "simulated": connection.is_simulated(),
        "host": connection.name,
        "outcome": "started",
        "exit": 0,
        "proposal": json::proposal(proposal),
        "job": json::job_ref(job),
        "verified": null,
    }));
}

/// How to go on with a job that runs.
fn follow_and_prove(connection: &Connection, job: &JobRef, vm: &str) -> String {
    if connection.is_simulated() {
        return format!(
            "a simulated host ends with its command; on a real one: hvr job wait '{job}'; then prove it: hvr status {vm}"
        );
    }
    let follow = connection.again(&["job", "wait", &job.to_string()]);
    format!("follow it: {follow}; then prove it: {}", connection.again(&["status", vm]))
}

async fn refused<E: Exchange>(refusal: Refusal, host: &Host<E>) -> Problem {
    match refusal {
        Refusal::NotVisible(name) => super::not_visible(&name, host).await,
        Refusal::Ambiguous(vms) => super::ambiguous(&vms),
        Refusal::NoPoint { choice, points } => Problem::new(
            Exit::Refused,
            "no-point",
            format!("none of the {} recovery points of the VM fits {choice:?}", points.len()),
        )
        .remedy("see them with `hvr points VM`; `--point latest` needs none")
        .detail("points", points.iter().map(json::point).collect()),
        Refusal::Preflight(proposal) => {
            let first = proposal.findings.first();
            let refusals = || proposal.findings.iter().filter(|finding| finding.severity == Severity::Refusal);
            let text = refusals().map(|finding| finding.text.as_str()).collect::<Vec<_>>().join("; ");
            let remedies = refusals().map(|finding| finding.remedy.as_str()).filter(|remedy| !remedy.is_empty());
            let mut remedy = remedies.collect::<Vec<_>>().join("; ");
            if proposal.vm.mode == ReplicationMode::Primary
                && let Some(other) = super::other_end(host, &proposal.vm).await
            {
                remedy = other.remedy();
            }
            Problem::new(
                Exit::Refused,
                first.map_or("refused", |finding| finding.code),
                format!("{} is not failed over: {text}", proposal.vm.name),
            )
            .remedy(remedy)
            .detail("proposal", json::proposal(&proposal))
        }
    }
}

fn job_failed(vm: &Vm, job: &Job, details: &[JobError], look: &str) -> Problem {
    let code = job.error_code;
    let mut texts: Vec<&str> = vec![&job.error_description, &job.error_summary];
    texts.extend(details.iter().map(|detail| detail.message.as_str()));
    let mut said: Vec<&str> = Vec::new();
    for text in texts {
        if !text.is_empty() && !said.contains(&text) {
            said.push(text);
        }
    }
    Problem::new(
        Exit::HostRefused,
        "job-failed",
        format!(
            "the failover job of {} ended as {} with {} ({code}): {}",
            vm.name,
            job.state,
            code.value(),
            said.join(" / ")
        ),
    )
    .remedy(format!("the state of the VM was not read after that; look before you try again: {look}"))
    .changed(Changed::Perhaps)
    .detail("job", json::job(job))
    .detail("errors", json::job_errors(details))
    .detail("vm", json::vm(vm))
}

fn unknown(unproven: &Unproven, name: &str, connection: &Connection) -> Problem {
    let state = unproven.after.as_ref().map_or_else(
        || "the VM could not be read".to_owned(),
        |vm| format!("the VM last read as state {} ({})", vm.state.value(), vm.state),
    );
    let look = connection.again(&["status", name]);
    let show = |job: &JobRef| format!(" and {}", connection.again(&["job", "show", &job.to_string()]));
    let follow = unproven.job.as_ref().map_or_else(String::new, show);
    Problem::new(
        Exit::Unknown,
        "state-unknown",
        format!("it is not known whether {} was failed over: {}; {state}", unproven.before.name, unproven.reason),
    )
    .remedy(format!(
        "do NOT run the failover again yet; look with: {look}{follow}. State 5 (Recovered): it is done. State 12: \
         it runs. State 3 (Replicating) with no failover job after five minutes: it did not happen, and may be run again"
    ))
    .changed(Changed::Perhaps)
    .detail("reason", json!(unproven.reason))
    .detail("before", json::vm(&unproven.before))
    .detail("after", unproven.after.as_ref().map_or(Value::Null, json::vm))
    .detail("job", unproven.job.as_ref().map_or(Value::Null, json::job_ref))
}
