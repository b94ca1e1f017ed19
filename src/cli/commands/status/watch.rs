//! Looks again and again, until Ctrl-C or the deadline.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::connect::Connection;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::problem::Problem;
use crate::cli::{Context, Format};
use crate::failover::Clock;

use super::snapshot::{CONNECTIONS, Snapshot};
use super::{Args, missing, prometheus, put_metrics, show, write_metrics};

/// Runs until it is stopped. A lost connection is said and tried again; a first look that fails ends it, as does a
/// refused login.
pub async fn run(args: &Args, interval: Duration, connection: &Connection, context: &Context) -> Result<Exit, Problem> {
    let host = Arc::new(connection.pooled_host(CONNECTIONS));
    let mut has_answered = false;
    loop {
        // Being stopped while looking is an end like any other: nothing is changed by a look.
        let looked = tokio::select! {
            looked = Snapshot::read(&host, args) => looked,
            () = context.interruption.signal() => return Ok(Exit::Interrupted),
        };
        match looked {
            Ok(snapshot) => {
                if let Some(name) = snapshot.missing.first().filter(|_| !has_answered) {
                    return Err(missing(name, &snapshot, &host, context, args).await);
                }
                has_answered = true;
                write_metrics(args, connection, &snapshot, context.printer.format())?;
                draw(&snapshot, connection, context, interval);
            }
            Err(problem) if has_answered && problem.exit == Exit::NotReached && !is_over(context) => {
                put_metrics(&prometheus::down(&connection.name), args, context.printer.format())?;
                context.printer.event(&problem.to_json(connection.is_simulated()));
                output::note(&format!("no answer: {}; looking again", problem.message));
            }
            Err(_) if has_answered && is_over(context) => return Ok(Exit::Done),
            Err(problem) => return Err(problem),
        }
        if is_over(context) {
            return Ok(Exit::Done);
        }
        let remaining = remaining(context).map_or(interval, |remaining| remaining.min(interval));
        tokio::select! {
            () = context.clock.sleep(remaining) => {}
            () = context.interruption.signal() => return Ok(Exit::Interrupted),
        }
        if is_over(context) {
            return Ok(Exit::Done);
        }
    }
}

fn draw(snapshot: &Snapshot, connection: &Connection, context: &Context, interval: Duration) {
    let printer = context.printer;
    match printer.format() {
        Format::Prometheus => {}
        Format::Table => {
            let mut lines = vec![format!(
                "{}, every {}; {}",
                connection.name,
                show::span(Some(interval)),
                jiff::Timestamp::try_from(snapshot.taken).map_or_else(|_| String::new(), |time| format!("{time:.0}")),
            )];
            lines.extend(show::table(snapshot));
            lines.extend(show::issues(snapshot));
            let lines = lines.iter().map(|line| output::printable(&output::shortened(line, output::LONGEST)));
            let page = match redraws() {
                // Home, each line cleared to its end, then what was below: no flicker, and nothing old left.
                true => {
                    let lines: String = lines.map(|line| format!("{line}\u{1b}[K\n")).collect();
                    format!("\u{1b}[H{lines}\u{1b}[J")
                }
                false => lines.map(|line| format!("{line}\n")).collect(),
            };
            output::data(&page);
        }
        _ => printer.document(&show::document(snapshot, None, connection)),
    }
}

/// Whether standard output is a terminal that can be drawn on anew.
fn redraws() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// What is left of the deadline.
fn remaining(context: &Context) -> Option<Duration> {
    context.settings.timeout.map(|deadline| deadline.saturating_sub(context.clock.elapsed()))
}

fn is_over(context: &Context) -> bool {
    remaining(context).is_some_and(|remaining| remaining.is_zero())
}
