//! `hvr run`: past runs from the journal, and the ones that are open taken up again.

use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::cim::Datetime;
use crate::cli::confirm::confirm;
use crate::cli::exit::Exit;
use crate::cli::output::{is_interactive, note};
use crate::cli::problem::Problem;
use crate::cli::workflow::{Consent, resume_run, undo_run};
use crate::cli::{Context, json};
use crate::failover::Site;
use crate::failover::journal::{CallOutcome, CallRecord, History, RunEnd, RunId, Verdict};
use crate::journal::sqlite::{Filter, FindError, Store, Unreadable, order_json};

/// What was done before, and what is still open.
///
/// Every call that may be sent only once stands in the journal before it is sent, with what came of it. `list`, `show` and
/// `close` ask no host; `resume` and `undo` take a run up from there.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List runs, newest first
    List(List),
    /// Show a run with its calls
    Show(One),
    /// Take an interrupted run up again
    ///
    /// Looks first: what came of the last call on record, and where the hosts stand now. Goes on from there, and sends
    /// nothing again that was taken. What somebody else has changed meanwhile stops it.
    Resume(Again),
    /// Walk a half-done planned failover back, as far as Hyper-V allows
    ///
    /// Says before it starts what cannot be undone.
    Undo(Again),
    /// Close an open run that a person has settled
    ///
    /// An open run keeps others off its VM until `resume` has settled it. Where that cannot be, look at the VM; then the run
    /// can be closed, and the next one may begin. No host is asked or changed.
    Close(Close),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only runs without an end
    #[arg(long)]
    open: bool,
    /// Only runs on this VM: its GUID, or the name it had then
    #[arg(long)]
    vm: Option<String>,
    /// So many at most
    #[arg(long, default_value_t = 50, value_name = "NUMBER")]
    limit: usize,
}

#[derive(Debug, clap::Args)]
struct One {
    /// Id of the run, or its beginning
    run: String,
}

#[derive(Debug, clap::Args)]
struct Again {
    /// Id of the run, or its beginning; the only open run when left out
    run: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

#[derive(Debug, clap::Args)]
struct Close {
    #[command(flatten)]
    one: One,
    /// What was found, for whoever reads the journal later
    #[arg(long, value_name = "TEXT")]
    note: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let directory = context.settings.state_directory()?;
    match &args.what {
        What::List(args) => list(args, &directory, context),
        What::Show(one) => {
            let store = Store::open_read_only(&directory)?.ok_or_else(|| no_journal(&directory))?;
            let run = find(&store, &one.run)?;
            let history = store.run(&run)?.ok_or_else(|| no_journal(&directory))?;
            show(&history, &directory, context);
            Ok(Exit::Done)
        }
        What::Resume(again) => resume_run(again.run.as_deref(), &again.consent, context).await,
        What::Undo(again) => undo_run(again.run.as_deref(), &again.consent, context).await,
        What::Close(args) => close(args, &directory, context).await,
    }
}

fn list(args: &List, directory: &Path, context: &Context) -> Result<Exit, Problem> {
    let mut filter = Filter::all().at_most(args.limit);
    filter.open = args.open;
    filter.vm = args.vm.as_deref().map(super::selector);
    let listing = match Store::open_read_only(directory)? {
        Some(store) => store.runs(&filter)?,
        None => {
            note(&format!("there is no journal in {} yet", directory.display()));
            Default::default()
        }
    };
    for unreadable in &listing.unreadable {
        note(&format!("run {} cannot be read: {}", unreadable.id, unreadable.why));
    }
    if context.printer.is_table() {
        let rows: Vec<_> = listing.runs.iter().map(row).collect();
        context.printer.table(&["run", "what", "vm", "begun", "calls", "end", "note"], &rows);
        return Ok(Exit::Done);
    }
    context.printer.document(&json!({
        "kind": "runs",
        "schema": 1,
        "state": directory.display().to_string(),
        "runs": listing.runs.iter().map(summary).collect::<Vec<_>>(),
        "unreadable": listing.unreadable.iter().map(unreadable).collect::<Vec<_>>(),
    }));
    Ok(Exit::Done)
}

async fn close(args: &Close, directory: &Path, context: &Context) -> Result<Exit, Problem> {
    if !args.yes && !is_interactive() {
        return Err(Problem::usage(
            "closing a run lets the next one begin, and there is no terminal to ask on: add --yes",
        ));
    }
    // Never made by looking for a run in it.
    if Store::open_read_only(directory)?.is_none() {
        return Err(no_journal(directory));
    }
    let store = Store::open(directory)?;
    let run = find(&store, &args.one.run)?;
    // One that this program cannot read may be closed all the same.
    let history = store.run(&run);
    match &history {
        Ok(Some(history)) => {
            if let Some(end) = history.end {
                return Err(Problem::new(Exit::Refused, "not-open", format!("run {run} has ended as {}", end.name())));
            }
            describe(history).iter().for_each(|text| note(text));
        }
        Ok(None) => return Err(no_journal(directory)),
        Err(error) => note(&format!("run {run} cannot be read: {error}")),
    }
    if !args.yes && !confirm(&format!("Close run {run}?")).await {
        return Err(Problem::new(Exit::Refused, "declined", "not confirmed; the run stays open"));
    }
    store.close_by_hand(&run, &args.note)?;
    note(&format!("run {run} is closed"));
    if let Ok(Some(history)) = store.run(&run) {
        show(&history, directory, context);
    }
    Ok(Exit::Done)
}

/// What is about to be closed.
fn describe(history: &History) -> Vec<String> {
    let record = &history.record;
    let mut texts = vec![format!(
        "run {}: {} of {} ({}), begun {}",
        record.id,
        record.order.kind.name(),
        record.vm_name,
        record.vm,
        time(record.begun)
    )];
    texts.extend(history.calls.iter().filter(|call| call.verdict.is_none()).map(|call| {
        format!(
            "  {} was sent to {} at {}, and nothing proves what came of it: {}",
            call.intent.method,
            call.intent.host,
            time(call.intent.sent),
            answer(call.outcome.as_ref())
        )
    }));
    texts
}

fn show(history: &History, directory: &Path, context: &Context) {
    let printer = context.printer;
    if !printer.is_table() {
        let mut document = json!({ "kind": "run", "schema": 1, "state": directory.display().to_string() });
        if let (Some(fields), Value::Object(run)) = (document.as_object_mut(), summary(history)) {
            fields.extend(run);
            fields.insert("order".to_owned(), order_json(&history.record.order));
            fields.insert("context".to_owned(), json!(history.record.context));
            fields.insert("calls".to_owned(), history.calls.iter().map(call).collect());
        }
        printer.document(&document);
        return;
    }
    let record = &history.record;
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("id", record.id.to_string()),
        row("what", record.order.kind.name().to_owned()),
        row("order", order_json(&record.order).to_string()),
        row("vm", format!("{} ({})", record.vm_name, record.vm)),
        row("begun", time(record.begun)),
        row("end", end(history).to_owned()),
    ];
    rows.extend(record.hosts.iter().map(|(site, url)| row(&format!("URL of the {site}"), url.clone())));
    rows.extend(record.undoes.iter().map(|run| row("takes back", run.to_string())));
    rows.extend(Some(&history.note).filter(|note| !note.is_empty()).map(|note| row("note", note.clone())));
    printer.table(&["run", ""], &rows);
    let calls: Vec<_> = history
        .calls
        .iter()
        .map(|call| {
            vec![
                call.number.to_string(),
                call.intent.site.to_string(),
                call.intent.method.clone(),
                time(call.intent.sent),
                call.intent.before.clone(),
                answer(call.outcome.as_ref()),
                call.verdict.map_or("not proven", Verdict::name).to_owned(),
            ]
        })
        .collect();
    crate::cli::output::line("");
    printer.table(&["call", "host", "method", "sent", "before", "answer", "verdict"], &calls);
    if history.end.is_none() {
        note(&format!(
            "the run is open, and keeps others off the VM; unless it is at work just now: hvr run resume {}",
            record.id
        ));
    }
}

/// A run in a line.
fn row(history: &History) -> Vec<String> {
    let record = &history.record;
    vec![
        record.id.to_string(),
        record.order.kind.name().to_owned(),
        record.vm_name.clone(),
        time(record.begun),
        history.calls.len().to_string(),
        end(history).to_owned(),
        history.note.clone(),
    ]
}

fn summary(history: &History) -> Value {
    let record = &history.record;
    let host = |site| record.hosts.iter().find(|(known, _)| *known == site).map(|(_, url)| url);
    json!({
        "id": record.id.as_str(),
        "what": record.order.kind.name(),
        "vm": { "name": record.vm_name, "id": record.vm.as_str() },
        "hosts": { "host": host(Site::Host), "primary": host(Site::Primary) },
        "begun": json_time(record.begun),
        "open": history.end.is_none(),
        "end": history.end.map(RunEnd::name),
        "note": history.note,
        "undoes": record.undoes.as_ref().map(RunId::as_str),
        "call_count": history.calls.len(),
        "not_proven_count": history.calls.iter().filter(|call| call.verdict.is_none()).count(),
    })
}

fn call(call: &CallRecord) -> Value {
    let intent = &call.intent;
    json!({
        "number": call.number,
        "step": intent.step,
        "site": intent.site.name(),
        "host": intent.host,
        "vm_id": intent.vm.as_str(),
        "method": intent.method,
        "message_id": intent.message_id,
        "before": intent.before,
        "sent": json_time(intent.sent),
        "operation_timeout_seconds": intent.operation_timeout.as_secs_f64(),
        "envelope": intent.envelope,
        "outcome": call.outcome.as_ref().map(|outcome| json!({
            "delivery": outcome.delivery.name(),
            "return_value": outcome.code.map(|code| json::named(code.value(), code)),
            "job": outcome.job.as_ref().map(|(class, id)| json!({ "class_uri": class, "id": id })),
            "error": outcome.error,
        })),
        "verdict": call.verdict.map(Verdict::name),
    })
}

fn unreadable(run: &Unreadable) -> Value {
    json!({ "id": run.id, "open": run.open, "why": run.why })
}

fn answer(outcome: Option<&CallOutcome>) -> String {
    let Some(outcome) = outcome else { return "the program ended before it knew".to_owned() };
    let code = outcome.code.map(|code| format!("{} ({code})", code.value()));
    let job = outcome.job.as_ref().map(|(_, id)| format!("job {id}"));
    let said: Vec<_> = [code, job, outcome.error.clone()].into_iter().flatten().collect();
    match said.is_empty() {
        true => outcome.delivery.to_string(),
        false => said.join(", "),
    }
}

fn end(history: &History) -> &'static str {
    history.end.map_or("open", RunEnd::name)
}

fn time(time: SystemTime) -> String {
    Datetime::try_from(time).ok().and_then(|time| time.to_iso()).unwrap_or_default()
}

fn json_time(time: SystemTime) -> Value {
    json::time(Datetime::try_from(time).ok().as_ref())
}

fn find(store: &Store, beginning: &str) -> Result<RunId, Problem> {
    store.find(beginning).map_err(|error| match error {
        FindError::Many { ref runs, .. } => Problem::new(Exit::Refused, "ambiguous-run", error.to_string())
            .remedy(format!(
                "give more of the one you mean: {}",
                runs.iter().map(RunId::as_str).collect::<Vec<_>>().join(", ")
            ))
            .detail("runs", runs.iter().map(|run| json!(run.as_str())).collect()),
        FindError::Journal(error) => error.into(),
        _ => Problem::new(Exit::Refused, "no-run", error.to_string()).remedy("hvr run list shows them"),
    })
}

fn no_journal(directory: &Path) -> Problem {
    Problem::new(Exit::Refused, "no-run", format!("there is no journal in {}", directory.display()))
        .remedy("name the directory in which the run was begun with --state")
}
