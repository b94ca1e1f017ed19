//! What `hvr check` found, and how it is shown.

use serde_json::{Value, json};

use crate::auth::AuthError;
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::output::line;
use crate::cli::problem::Problem;
use crate::hyperv::Error;
use crate::transport::Pin;
use crate::wsman;

/// One thing that was looked at.
pub(super) struct Step {
    name: &'static str,
    status: Status,
    seen: String,
    meaning: String,
    remedy: String,
    side: Option<Side>,
}

impl Step {
    /// For people: what was seen, and below it what it means and what to do.
    fn lines(&self) -> Vec<String> {
        let indent = " ".repeat(9 + NAME_WIDTH + 2);
        let head = format!("{:<9}{:<NAME_WIDTH$}  {}", self.status.name(), self.name, self.seen);
        if self.status == Status::Ok {
            return vec![format!("{head}: {}", self.meaning)];
        }
        let mut lines = vec![head, format!("{indent}{}", self.meaning)];
        if let Some(side) = self.side {
            lines.push(format!("{indent}on the {}: {}", side.name(), self.remedy));
        }
        lines
    }
}

/// The longest name of a step.
const NAME_WIDTH: usize = "replication service".len();

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    Ok,
    Warning,
    Problem,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Problem => "problem",
        }
    }
}

/// Where a remedy is to be applied.
#[derive(Clone, Copy)]
pub(super) enum Side {
    /// In this command's flags, on this computer.
    Client,
    /// On the host that was asked.
    Host,
    /// On the host of the primary VM.
    Primary,
}

impl Side {
    pub(super) fn name(self) -> &'static str {
        match self {
            Side::Client => "client",
            Side::Host => "host",
            Side::Primary => "primary host",
        }
    }
}

/// What was found so far.
pub(super) struct Check {
    pub(super) steps: Vec<Step>,
    pub(super) exit: Exit,
    /// The certificate that the host showed while the legs were walked.
    pub(super) shown: Option<Pin>,
    /// Whether the host itself refused the login.
    pub(super) is_refused: bool,
    /// Whether a password, or a proof of one, was what it refused.
    pub(super) tried_password: bool,
}

impl Check {
    pub(super) fn ok(&mut self, name: &'static str, seen: impl Into<String>, meaning: impl Into<String>) {
        let (seen, meaning) = (seen.into(), meaning.into());
        self.steps.push(Step { name, status: Status::Ok, seen, meaning, remedy: String::new(), side: None });
    }

    pub(super) fn warn(
        &mut self,
        name: &'static str,
        seen: impl Into<String>,
        meaning: impl Into<String>,
        remedy: impl Into<String>,
        side: Side,
    ) {
        let (seen, meaning, remedy) = (seen.into(), meaning.into(), remedy.into());
        let side = (!remedy.is_empty()).then_some(side);
        self.steps.push(Step { name, status: Status::Warning, seen, meaning, remedy, side });
    }

    /// Something that would refuse a failover.
    pub(super) fn problem(
        &mut self,
        name: &'static str,
        seen: impl Into<String>,
        meaning: impl Into<String>,
        remedy: impl Into<String>,
        side: Side,
    ) {
        self.warn(name, seen, meaning, remedy, side);
        if let Some(step) = self.steps.last_mut() {
            step.status = Status::Problem;
        }
        if self.exit == Exit::Done {
            self.exit = Exit::Refused;
        }
    }

    /// A step that could not be made; what was not reached or not allowed decides the exit.
    pub(super) fn failed(&mut self, name: &'static str, error: wsman::Error, meaning: &str, side: Side) {
        let remedy = remedy_within(&error);
        let mut problem = Problem::from(error);
        // Kerberos' own remedy stands at the end of the text, and has a place of its own here.
        if let Some(remedy) = remedy
            && let Some(text) = problem.message.strip_suffix(remedy)
        {
            problem = Problem { message: text.trim_end_matches("; ").to_owned(), remedy: remedy.to_owned(), ..problem };
        }
        self.problem(name, problem.message, meaning, problem.remedy, side);
        self.exit_with(problem.exit);
    }

    pub(super) fn failed_reading(&mut self, name: &'static str, error: Error, meaning: &str) {
        let problem = Problem::from(error);
        self.problem(name, problem.message, meaning, problem.remedy, Side::Host);
        self.exit_with(problem.exit);
    }

    pub(super) fn exit_with(&mut self, exit: Exit) {
        if matches!(exit, Exit::NotReached | Exit::NotAllowed) {
            self.exit = exit;
        }
    }

    /// `host` is what was asked, with how many requests.
    pub(super) fn print(&self, host: &str, requests: u64, simulated: bool, context: &Context) {
        let printer = context.printer;
        if printer.is_table() {
            for step in &self.steps {
                step.lines().iter().for_each(|text| line(text));
            }
            return;
        }
        let finding = |step: &Step| {
            json!({
                "step": step.name,
                "status": step.status.name(),
                "seen": step.seen,
                "meaning": step.meaning,
                "remedy": step.remedy,
                "side": step.side.map(Side::name),
            })
        };
        let worst = self.steps.iter().map(|step| step.status).max().unwrap_or(Status::Ok);
        printer.document(&json!({
            "kind": "check",
            "schema": 1,
            "simulated": simulated,
            "host": host,
            "status": worst.name(),
            "exit": self.exit.code(),
            "findings": self.steps.iter().map(finding).collect::<Vec<Value>>(),
            "requests": requests,
        }));
    }
}

fn remedy_within(error: &wsman::Error) -> Option<&'static str> {
    let wsman::Error::Exchange(error) = error else { return None };
    match std::error::Error::source(error)?.downcast_ref()? {
        AuthError::Kerberos(error) => Some(error.remedy()),
        _ => None,
    }
}
