//! `hvr wsman decode`, `lint` and `diff`: envelopes out of files. Nothing is sent anywhere.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::cli::exit::Exit;
use crate::cli::output::{line, note};
use crate::cli::problem::Problem;
use crate::cli::text_file;
use crate::wsman::diff::{DifferenceKind, diff as compare};
use crate::wsman::lint::{self, Level, Rule};
use crate::wsman::{Decoded, Pasted, PastedError, ReplyError};
use crate::xml::{Document, Limits};

use super::desk::Desk;
use super::message::message_to_json;
use super::message_table::{print, print_body};

#[derive(Debug, clap::Args)]
pub struct DecodeArgs {
    /// File with an envelope, a request or a reply, or with the fault, instance or results of one; - is standard input
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub struct LintArgs {
    /// File with an envelope; - is standard input
    #[arg(required_unless_present = "rules")]
    file: Option<PathBuf>,
    /// Take a warning for an error
    #[arg(long)]
    strict: bool,
    /// Show every rule with its clause, and check nothing
    #[arg(long, conflicts_with_all = ["file", "strict"])]
    rules: bool,
}

#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// The first envelope; - is standard input
    left: PathBuf,
    /// The second one
    right: PathBuf,
}

/// The bytes of an envelope in a file; no more than the reader takes.
pub fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    text_file::bytes(file, Limits::default().bytes)
        .map_err(|error| Problem::usage(format!("cannot read {}: {error}", file.display())))
}

/// The XML in a file as a person kept it: in UTF-16, behind an HTTP head, in the midst of an error text.
pub fn pasted(bytes: &[u8], file: &Path) -> Result<Pasted, Problem> {
    Pasted::read(bytes).map_err(|error| {
        let remedy = match &error {
            PastedError::Sealed => {
                "`hvr trace decrypt` opens a packet capture that holds the login, too; --trace records in clear"
            }
            PastedError::NotXml(begins) if begins.starts_with("WSManFault") => {
                "winrm prints XML when told to: -format:xml"
            }
            _ => "",
        };
        Problem::usage(format!("{}: {error}", file.display())).remedy(remedy)
    })
}

/// The same, with a note on each thing that was passed over.
fn noted(file: &Path) -> Result<Pasted, Problem> {
    let pasted = pasted(&read(file)?, file)?;
    pasted.remarks.iter().for_each(|remark| note(&format!("note: {}: {remark}", file.display())));
    Ok(pasted)
}

pub fn decode(args: &DecodeArgs, desk: &Desk<'_>) -> Result<Exit, Problem> {
    let fail = |error: &dyn std::fmt::Display| Problem::usage(format!("{}: {error}", args.file.display()));
    let pasted = noted(&args.file)?;
    let document = Document::parse(pasted.text).map_err(|error| fail(&ReplyError::from(error)))?;
    let decoded = Decoded::of_any(document).map_err(|error| fail(&error))?;
    let message = message_to_json(&decoded, desk.schema.as_ref());
    let mut remarks: Vec<_> = pasted.remarks.iter().map(ToString::to_string).collect();
    if decoded.is_part() {
        let root = decoded.document().root().local().chars().take(80).collect::<String>();
        let remark = format!("it is no envelope but a <{root}> alone, shown as what it would be in a body");
        note(&format!("note: {}: {remark}", args.file.display()));
        remarks.push(remark);
    }
    match (desk.printer().is_table(), decoded.is_part()) {
        (true, true) => print_body(&message),
        (true, false) => print(&message),
        (false, _) => desk.printer().document(&json!({
            "kind": "wsman-message", "schema": 1, "simulated": false, "host": null, "remarks": remarks,
            "message": message,
        })),
    }
    Ok(Exit::Done)
}

pub fn lint(args: &LintArgs, desk: &Desk<'_>) -> Result<Exit, Problem> {
    let Some(file) = &args.file else { return Ok(show_rules(desk)) };
    let findings = lint::lint(noted(file)?.text);
    let is_error = |level: Level| level == Level::Error || args.strict;
    let errors = findings.iter().filter(|finding| is_error(finding.rule.level)).count();
    if desk.printer().is_table() {
        for finding in &findings {
            let Rule { name, clause, says, level, .. } = finding.rule;
            line(&format!("{}: {name}: {}", word(*level), finding.text));
            line(&format!("  {says} ({clause})"));
        }
        note(&match findings.len() {
            0 => format!("{} breaks no rule", file.display()),
            all => format!("{}: {}, {}", file.display(), counted(errors, "error"), counted(all - errors, "warning")),
        });
    } else {
        let all = findings.iter().map(|finding| {
            let mut json = rule_to_json(finding.rule);
            if let Some(object) = json.as_object_mut() {
                object.insert("text".to_owned(), Json::from(finding.text.as_str()));
            }
            json
        });
        let all = all.collect::<Vec<_>>();
        desk.printer().document(&json!({ "kind": "wsman-lint", "schema": 1, "errors": errors, "findings": all }));
    }
    Ok(if errors == 0 { Exit::Done } else { Exit::Refused })
}

fn show_rules(desk: &Desk<'_>) -> Exit {
    if desk.printer().is_table() {
        let row = |rule: &Rule| [rule.name, word(rule.level), rule.says, rule.clause].map(str::to_owned).to_vec();
        desk.printer().table(&["rule", "level", "says", "clause"], &lint::RULES.iter().map(row).collect::<Vec<_>>());
    } else {
        let rules: Vec<_> = lint::RULES.iter().map(rule_to_json).collect();
        desk.printer().document(&json!({ "kind": "wsman-rules", "schema": 1, "rules": rules }));
    }
    Exit::Done
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
    }
}

fn rule_to_json(rule: &Rule) -> Json {
    json!({ "rule": rule.name, "level": word(rule.level), "says": rule.says, "clause": rule.clause })
}

pub fn diff(args: &DiffArgs, desk: &Desk<'_>) -> Result<Exit, Problem> {
    let parse = |file: &Path| {
        Document::parse(noted(file)?.text).map_err(|error| Problem::usage(format!("{}: {error}", file.display())))
    };
    let (left, right) = (parse(&args.left)?, parse(&args.right)?);
    let found = compare(&left, &right).map_err(|error| Problem::usage(error.to_string()))?;
    if desk.printer().is_table() {
        found.iter().for_each(|difference| line(&difference.to_string()));
        if found.is_empty() {
            note("both mean the same");
        }
    } else {
        let all: Vec<_> = found
            .iter()
            .map(|difference| {
                let kind = match difference.kind {
                    DifferenceKind::Missing => "missing",
                    DifferenceKind::Extra => "extra",
                    DifferenceKind::Value => "value",
                    DifferenceKind::Order => "order",
                };
                json!({ "path": difference.path, "kind": kind, "left": difference.left, "right": difference.right })
            })
            .collect();
        desk.printer().document(&json!({
            "kind": "wsman-diff", "schema": 1, "same": found.is_empty(), "differences": all,
        }));
    }
    Ok(if found.is_empty() { Exit::Done } else { Exit::Refused })
}

/// `1 error`, `2 errors`.
fn counted(count: usize, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}
