//! `hvr trace replay`: the recorded requests once more, and what is answered otherwise.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::open;
use crate::cli::Context;
use crate::cli::connect::Connection;
use crate::cli::exit::Exit;
use crate::cli::output::{line, note};
use crate::cli::problem::{Changed, Problem};
use crate::hyperv::random_id;
use crate::trace::{Again, Entry, Meaning, REDACTED, differences};
use crate::wsman::diff::{Difference, DifferenceKind};
use crate::wsman::{self, Delivery, Exchange, Message, Timeouts};

/// Send the recorded requests again and compare the answers.
///
/// Ids, addresses and enumeration contexts are made new. Another id or time in the same place is no difference: two
/// runs have them by nature. A recording that holds calls of methods is refused, for they would change the host again: leave them
/// out with --reads-only, or say in full words that they are meant.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording
    file: PathBuf,
    /// Send only the requests with these numbers, as `hvr trace show` gives them
    numbers: Vec<usize>,
    /// Leave out every request that may change the host
    #[arg(long)]
    reads_only: bool,
    /// Send the calls as well: the host will act on each of them once more
    #[arg(long, conflicts_with = "reads_only")]
    repeat_calls_that_change_the_host: bool,
}

impl Args {
    /// The recording.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

/// What became of one request.
struct Compared {
    number: usize,
    title: String,
    recorded_status: u16,
    status: u16,
    differences: Vec<Difference>,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let trace = open(&args.file)?;
    let name = args.file.display().to_string();
    let chosen = choose(args, &trace.entries)?;
    if chosen.is_empty() {
        return Err(Problem::usage(format!("{name}: none of the requests chosen is a message that can be sent")));
    }
    let connection = Connection::open(context).await?;
    let session = connection.session();
    let timeout = context.settings.operation_timeout.map_or_else(Timeouts::default, Timeouts::new).reply();
    let mut again = Again::new();
    let mut results = Vec::new();
    let mut failure = None;
    for (number, entry) in chosen {
        let id = random_id();
        let unreadable = |text: String| Problem::usage(format!("{name}: request {number}: {text}"));
        let Some(resend) = again.prepare(entry, &id, session.address()).map_err(unreadable)? else { continue };
        let left = context.settings.timeout.map(|deadline| deadline.saturating_sub(context.clock.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            failure = Some((number, Problem::from(wsman::Error::Deadline)));
            break;
        }
        let timeout = left.map_or(timeout, |left| left.min(timeout));
        // Also a reading goes once only: what is looked at is this answer, not that of a second attempt.
        let message = Message::once(resend.meaning.action.as_str(), id.as_str(), resend.envelope, timeout);
        match session.send(message).await {
            Ok(reply) => {
                let recorded = entry.reply_bytes();
                let found = match recorded.is_empty() {
                    true => Vec::new(),
                    false => differences(&recorded, &reply.bytes).unwrap_or_else(|text| vec![whole(text)]),
                };
                again.learn(&recorded, &reply.bytes);
                let (recorded_status, status) = (entry.response.status, reply.status);
                let result =
                    Compared { number, title: resend.meaning.title, recorded_status, status, differences: found };
                if context.printer.is_table() {
                    print(&result);
                }
                results.push(result);
            }
            Err(error) => {
                let may_have_changed = !resend.meaning.harmless && error.delivery() != Delivery::NotSent;
                let problem = Problem::from(wsman::Error::Exchange(error));
                let problem = if may_have_changed { problem.changed(Changed::Perhaps) } else { problem };
                failure = Some((number, problem));
                break;
            }
        }
    }
    finish(&name, &connection, &results, failure, context)
}

/// The requests to send, each with its number.
fn choose<'t>(args: &Args, entries: &'t [Entry]) -> Result<Vec<(usize, &'t Entry)>, Problem> {
    let name = args.file.display();
    let numbered = entries.iter().enumerate().map(|(at, entry)| (at + 1, entry));
    if let Some(number) = args.numbers.iter().find(|number| **number == 0 || **number > entries.len()) {
        return Err(Problem::usage(format!("{name} has {} requests, no number {number}", entries.len())));
    }
    let wanted = |number: usize| args.numbers.is_empty() || args.numbers.contains(&number);
    let mut chosen = Vec::new();
    let mut calls = Vec::new();
    for (number, entry) in numbered.filter(|(number, entry)| wanted(*number) && entry.is_told_to_the_end()) {
        let meaning = Meaning::of(entry.request_text().as_bytes())
            .map_err(|error| Problem::usage(format!("{name}: request {number}: {error}")))?;
        if !meaning.harmless && args.reads_only {
            continue;
        }
        if entry.request_text().contains(REDACTED) {
            return Err(Problem::usage(format!(
                "{name}: a secret was taken out of request {number}, so it is not the same"
            ))
            .remedy("choose other requests by number, or send it with hvr wsman"));
        }
        if !meaning.harmless {
            calls.push(format!("{number} ({})", meaning.title));
        }
        chosen.push((number, entry));
    }
    if !calls.is_empty() && !args.repeat_calls_that_change_the_host {
        let text = format!("these requests may change the host once more: {}; nothing was sent", calls.join(", "));
        return Err(Problem::new(Exit::Refused, "once-only", text)
            .remedy("leave them out with --reads-only, or say --repeat-calls-that-change-the-host"));
    }
    Ok(chosen)
}

fn finish(
    name: &str,
    connection: &Connection,
    results: &[Compared],
    failure: Option<(usize, Problem)>,
    context: &Context,
) -> Result<Exit, Problem> {
    let same = results.iter().filter(|result| result.is_same()).count();
    if context.printer.is_table() {
        note(&format!("{} requests sent, {same} answered as recorded", results.len()));
    } else if failure.is_none() {
        context.printer.document(&json!({
            "kind": "trace-replay",
            "schema": 1,
            "simulated": connection.is_simulated(),
            "host": connection.name,
            "file": name,
            "same": same == results.len(),
            "results": results.iter().map(Compared::to_json).collect::<Vec<_>>(),
        }));
    }
    match failure {
        None => Ok(Exit::Done),
        Some((number, problem)) => {
            let done: Vec<_> = results.iter().map(Compared::to_json).collect();
            let message = format!("request {number} was not answered: {}", problem.message);
            Err(Problem { message, ..problem }.detail("results", Value::Array(done)))
        }
    }
}

impl Compared {
    fn is_same(&self) -> bool {
        self.differences.iter().all(Difference::is_by_nature) && self.status == self.recorded_status
    }

    fn to_json(&self) -> Value {
        let difference = |d: &Difference| json!({ "path": d.path, "recorded": d.left, "now": d.right, "by_nature": d.is_by_nature() });
        json!({
            "number": self.number,
            "title": self.title,
            "same": self.is_same(),
            "recorded_status": self.recorded_status,
            "status": self.status,
            "differences": self.differences.iter().map(difference).collect::<Vec<_>>(),
        })
    }
}

fn print(result: &Compared) {
    let (by_nature, real): (Vec<_>, Vec<_>) = result.differences.iter().partition(|found| found.is_by_nature());
    let outcome = match (real.len(), by_nature.len()) {
        (0, 0) => "same".to_owned(),
        (0, ids) => format!("same but for {ids} ids and times"),
        (count, _) => format!("{count} differences"),
    };
    let status = match result.status == result.recorded_status {
        true => String::new(),
        false => format!(", status {} then {}", result.recorded_status, result.status),
    };
    line(&format!("{:>3}  {}  {outcome}{status}", result.number, result.title));
    let side = |text: &Option<String>| text.as_deref().map_or_else(|| "(none)".to_owned(), one_line);
    for difference in real {
        line(&format!("     {}: {} -> {}", difference.path, side(&difference.left), side(&difference.right)));
    }
}

fn one_line(text: &str) -> String {
    let short: String = text.chars().take(120).map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// Messages that cannot be compared piece by piece differ as a whole.
fn whole(text: String) -> Difference {
    Difference { path: String::new(), kind: DifferenceKind::Extra, left: None, right: Some(text) }
}
