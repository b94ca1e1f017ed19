//! `hvr status`: replicated VMs and what the loss of their primary would cost now; for people, scripts and monitoring.

mod prometheus;
mod show;
mod snapshot;
mod verdict;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use crate::cli::connect::Connection;
use crate::cli::exit::Exit;
use crate::cli::learn::may_learn;
use crate::cli::output;
use crate::cli::problem::Problem;
use crate::cli::span::Span;
use crate::cli::{Context, Format};
use crate::hyperv::Host;
use crate::wsman::Exchange;

use snapshot::{CONNECTIONS, Snapshot};
use verdict::{Level, Verdict};

/// Show replicated VMs: mode, state, health, last replication, and how old it is (RPO).
///
/// The RPO is what a failover to the latest point would lose now. Two requests for a whole host; --statistics costs one
/// more for each replication, and from eight on a few are asked at a time, over up to four connections.
#[derive(Debug, clap::Args)]
#[command(after_help = CHECK_HELP)]
pub struct Args {
    /// Names or GUIDs; all replicated VMs when left out
    vms: Vec<String>,
    /// VMs without replication too
    #[arg(long)]
    all: bool,
    /// What each replication has sent, missed and still holds back, and what the host says is wrong with it
    #[arg(long)]
    statistics: bool,
    /// Look again and again, every 10s if not said; ends at Ctrl-C or at --timeout
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, require_equals = true, default_missing_value = "10s",
          conflicts_with = "check")]
    watch: Option<Span>,
    /// One line for monitoring, and exit 3 unless every replication is healthy
    #[arg(long, value_enum, value_name = "LEVEL", num_args = 0..=1, require_equals = true,
          default_missing_value = "warning")]
    check: Option<Threshold>,
    /// With --check: a replication older than this is critical
    #[arg(long, value_name = "DURATION", requires = "check")]
    max_rpo: Option<Span>,
    /// Write the metrics of `-o prometheus` to this file, replacing it as a whole
    #[arg(long, value_name = "FILE")]
    textfile: Option<PathBuf>,
}

/// From which level on `--check` ends with 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Threshold {
    /// Anything that is not as it should be.
    Warning,
    /// Only what is critical, and what is not known.
    Critical,
}

const CHECK_HELP: &str = "\
With --check the first word says how it is: OK, WARNING, CRITICAL or UNKNOWN; after `|` come numbers in the form of
monitoring plugins. It ends with 0 when every replication is healthy, with 3 when one is not (--check=critical: when
one is critical), and with the other exit codes of hvr when the host could not be asked. Critical: health Critical, a
state of failure, a replication older than --max-rpo, a VM named that is not replicated. Warning: health Warning, and
any state but Replicating.";

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    check_usage(args, context.printer.format())?;
    let ended = match Connection::open(context).await {
        Ok(connection) => match args.watch {
            Some(interval) => watch::run(args, interval.0, &connection, context).await,
            None => once(args, &connection, context).await,
        },
        Err(problem) => Err(problem),
    };
    if let Err(problem) = &ended
        && !may_learn(problem, context)
    {
        tell_monitoring(problem, args, context);
    }
    ended
}

fn check_usage(args: &Args, format: Format) -> Result<(), Problem> {
    if args.watch.is_some() && format == Format::Json {
        return Err(Problem::usage("--watch makes many documents, and json is one: use -o jsonl"));
    }
    if args.watch.is_some() && format == Format::Prometheus && args.textfile.is_none() {
        return Err(Problem::usage(
            "--watch with -o prometheus replaces a file again and again: name it with --textfile",
        ));
    }
    Ok(())
}

async fn once(args: &Args, connection: &Connection, context: &Context) -> Result<Exit, Problem> {
    let host = Arc::new(connection.pooled_host(CONNECTIONS));
    let snapshot = Snapshot::read(&host, args).await?;
    let printer = context.printer;
    let verdict = args.check.map(|_| Verdict::of(&snapshot, args));
    write_metrics(args, connection, &snapshot, printer.format())?;
    if let Some(name) = snapshot.missing.first() {
        return Err(missing(name, &snapshot, &host, context, args).await);
    }
    if snapshot.is_empty_host {
        printer.note("no VM is visible to this account on this host; that need not mean that there is none");
    }
    match (printer.format(), &verdict) {
        (Format::Prometheus, _) => {}
        (Format::Table, Some(verdict)) => output::say(&verdict.line(&snapshot)),
        (Format::Table, None) => {
            for text in show::table(&snapshot) {
                output::line(&text);
            }
            for text in show::issues(&snapshot) {
                printer.note(&text);
            }
        }
        _ => printer.document(&show::document(&snapshot, verdict.as_ref(), connection)),
    }
    Ok(match (&verdict, args.check) {
        (Some(verdict), Some(threshold)) if verdict.fails(threshold) => Exit::Refused,
        _ => Exit::Done,
    })
}

/// A VM that was named and is not there. One document in JSON: that of the error. People still see the others.
async fn missing<E: Exchange>(
    name: &str,
    snapshot: &Snapshot,
    host: &Host<E>,
    context: &Context,
    args: &Args,
) -> Problem {
    if context.printer.is_table() && args.check.is_none() && !snapshot.vms.is_empty() {
        for text in show::table(snapshot) {
            output::line(&text);
        }
    }
    let mut problem = super::not_visible(name, host).await;
    if snapshot.missing.len() > 1 {
        let names = snapshot.missing.join(", ");
        problem.message = format!("of the VMs named, these are not visible to this account: {names}");
    }
    problem.detail("missing", json!(snapshot.missing))
}

/// The host could not be asked: monitoring must not go on believing the last answer.
pub fn tell_monitoring(problem: &Problem, args: &Args, context: &Context) {
    let printer = context.printer;
    if args.check.is_some() && printer.is_table() {
        output::say(&format!("{} - {}", Level::Unknown.word(), problem.message));
    }
    // A wrong command line says nothing of a host, and a VM that is not there was told by one that answers.
    if matches!(problem.exit, Exit::Usage | Exit::Refused) {
        return;
    }
    let page = prometheus::down(context.settings.host.as_deref().unwrap_or("simulated host"));
    if let Err(problem) = put_metrics(&page, args, printer.format()) {
        output::note(&format!("hvr: {}", problem.message));
    }
}

fn write_metrics(args: &Args, connection: &Connection, snapshot: &Snapshot, format: Format) -> Result<(), Problem> {
    if args.textfile.is_none() && format != Format::Prometheus {
        return Ok(());
    }
    put_metrics(&prometheus::page(&connection.name, snapshot), args, format)
}

/// To the file where one is named, else to standard output.
fn put_metrics(page: &str, args: &Args, format: Format) -> Result<(), Problem> {
    match &args.textfile {
        Some(file) => prometheus::write(file, page)?,
        None if format == Format::Prometheus => output::data(page),
        None => {}
    }
    Ok(())
}
