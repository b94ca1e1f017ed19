//! `hvr trace show`: all requests of a recording in short, or one with its messages.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::unusable;
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::output::{Printer, document, line, raw};
use crate::cli::problem::Problem;
use crate::trace::har::{Header, Kind, Timings};
use crate::trace::{Entry, Meaning, for_each_entry, pretty};

/// Show what was said.
///
/// Without a number, a line for each HTTP request. With one, that request and its answer, indented for reading;
/// --request or --reply prints one of the two messages exactly as it is recorded, for `hvr wsman` and other programs.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording
    file: PathBuf,
    /// Number of a request, as the summary shows it
    number: Option<usize>,
    /// Print the recorded request alone, every byte as it is
    #[arg(long, requires = "number", conflicts_with = "reply")]
    request: bool,
    /// Print the recorded reply alone, every byte as it is
    #[arg(long, requires = "number")]
    reply: bool,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let file = File::open(&args.file).map_err(|error| unusable(&args.file, &error.into()))?;
    let mut summary = Summary::default();
    let mut wanted = None;
    let read = for_each_entry(file, |entry| {
        let number = summary.add(&entry);
        if args.number == Some(number) {
            wanted = Some(entry);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    read.map_err(|error| unusable(&args.file, &error))?;
    match (args.number, wanted) {
        (None, _) => summary.print(&args.file.display().to_string(), context.printer),
        (Some(number), Some(entry)) => show(args, number, &entry, context.printer),
        (Some(number), None) => {
            let text = format!("{} has {} requests, no number {number}", args.file.display(), summary.rows.len());
            return Err(Problem::usage(text));
        }
    }
    Ok(Exit::Done)
}

/// The requests of a recording, each in short.
#[derive(Debug, Default)]
pub(super) struct Summary {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    title: String,
    host: String,
    kind: &'static str,
    started: String,
    connection: Option<String>,
    status: u16,
    sent: i64,
    received: i64,
    milliseconds: f64,
    timings: Timings,
    sealed: bool,
    failure: Option<(String, String)>,
}

impl Summary {
    /// Adds an entry; its number, from 1.
    pub(super) fn add(&mut self, entry: &Entry) -> usize {
        let extra = entry.extra.clone().unwrap_or_default();
        let (title, kind) = title(entry);
        self.rows.push(Row {
            title,
            host: entry.host().to_owned(),
            kind,
            started: entry.started_date_time.clone(),
            connection: entry.connection.clone(),
            status: entry.response.status,
            sent: entry.request.body_size,
            received: entry.response.body_size,
            milliseconds: entry.time,
            timings: entry.timings,
            sealed: extra.sealed,
            failure: extra.failure.map(|failure| (failure.kind, failure.text)),
        });
        self.rows.len()
    }

    pub(super) fn print(&self, file: &str, printer: Printer) {
        if !printer.is_table() {
            printer.document(&json!({ "kind": "trace", "schema": 1, "file": file, "entries": self.to_json() }));
            return;
        }
        let rows: Vec<_> = self.rows.iter().enumerate().map(|(at, row)| row.cells(at + 1)).collect();
        printer.table(&["#", "conn", "request", "status", "sent", "received", "ms"], &rows);
    }

    pub(super) fn to_json(&self) -> Vec<Value> {
        self.rows.iter().enumerate().map(|(at, row)| row.to_json(at + 1)).collect()
    }
}

impl Row {
    fn cells(&self, number: usize) -> Vec<String> {
        let size = |bytes: i64| if bytes < 0 { "-".to_owned() } else { bytes.to_string() };
        let status = match (&self.failure, self.status) {
            (Some((kind, _)), 0) => kind.clone(),
            (Some((kind, _)), status) => format!("{status} {kind}"),
            (None, status) => status.to_string(),
        };
        let sealed = if self.sealed { " sealed" } else { "" };
        vec![
            number.to_string(),
            self.connection.clone().unwrap_or_else(|| "-".to_owned()),
            self.title.clone(),
            status,
            format!("{}{sealed}", size(self.sent)),
            size(self.received),
            format!("{:.1}", self.milliseconds),
        ]
    }

    fn to_json(&self, number: usize) -> Value {
        json!({
            "number": number,
            "title": self.title,
            "type": self.kind,
            "host": self.host,
            "started": self.started,
            "connection": self.connection,
            "status": self.status,
            "sealed": self.sealed,
            "sent_bytes": self.sent,
            "received_bytes": self.received,
            "milliseconds": self.milliseconds,
            "timings": timings(&self.timings),
            "failure": self.failure.as_ref().map(|(kind, text)| json!({ "code": kind, "text": text })),
        })
    }
}

/// What a request was, in few words, and of which kind.
fn title(entry: &Entry) -> (String, &'static str) {
    let is_login = entry.extra.as_ref().is_some_and(|extra| extra.kind == Kind::Login);
    if is_login {
        let authorization = header(&entry.request.headers, "authorization").unwrap_or("");
        let scheme = authorization.split(' ').next().filter(|scheme| !scheme.is_empty()).unwrap_or("without a token");
        return (format!("login: {scheme}"), "login");
    }
    match Meaning::of(entry.request_text().as_bytes()) {
        Ok(meaning) => (meaning.title, "message"),
        Err(_) => (format!("{} {}", entry.request.method, entry.request.url), "other"),
    }
}

fn show(args: &Args, number: usize, entry: &Entry, printer: Printer) {
    let reply = entry.reply_bytes();
    let reply = String::from_utf8_lossy(&reply);
    if args.request || args.reply {
        let text = if args.request { entry.request_text() } else { &reply };
        raw(text);
        return;
    }
    let (title, kind) = title(entry);
    if !printer.is_table() {
        let side = |headers: &[Header], xml: &str| {
            let headers: Vec<_> =
                headers.iter().map(|header| json!({ "name": header.name, "value": header.value })).collect();
            json!({ "headers": headers, "xml": xml })
        };
        printer.document(&json!({
            "kind": "trace-entry",
            "schema": 1,
            "number": number,
            "title": title,
            "type": kind,
            "started": entry.started_date_time,
            "url": entry.request.url,
            "connection": entry.connection,
            "status": entry.response.status,
            "milliseconds": entry.time,
            "timings": timings(&entry.timings),
            "failure": entry.failure().map(|failure| json!({ "code": failure.kind, "text": failure.text })),
            "request": side(&entry.request.headers, entry.request_text()),
            "reply": side(&entry.response.headers, &reply),
        }));
        return;
    }
    line(&format!("# {number}  {title}  {}", entry.started_date_time));
    line("");
    line(&format!("{} {}", entry.request.method, entry.request.url));
    headers(&entry.request.headers);
    body(entry.request_text());
    let failure = entry.failure();
    if failure.is_some() || entry.response.status > 0 {
        line("");
    }
    if let Some(failure) = failure {
        line(&format!("no answer: {} ({})", failure.text, failure.kind));
    }
    if entry.response.status > 0 {
        line(&format!("{} {}", entry.response.status, entry.response.status_text));
        headers(&entry.response.headers);
        body(&reply);
    }
}

fn headers(headers: &[Header]) {
    for Header { name, value } in headers {
        line(&format!("{name}: {value}"));
    }
}

fn body(text: &str) {
    if !text.is_empty() {
        line("");
        document(&pretty(text));
    }
}

fn timings(timings: &Timings) -> Value {
    let phase = |milliseconds: f64| if milliseconds < 0.0 { Value::Null } else { json!(milliseconds) };
    json!({
        "resolve": phase(timings.dns),
        "connect": phase(timings.connect),
        "tls": phase(timings.ssl),
        "wait": phase(timings.wait),
        "read": phase(timings.receive),
    })
}

fn header<'h>(headers: &'h [Header], name: &str) -> Option<&'h str> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
}
