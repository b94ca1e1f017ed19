//! `hvr wsman decode`, `lint` and `diff`: envelopes out of files. Nothing is sent anywhere.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::cli::exit::Exit;
use crate::cli::output::{line, note, printable};
use crate::cli::problem::Problem;
use crate::wsman::Decoded;
use crate::wsman::diff::{DifferenceKind, diff as compare};
use crate::wsman::lint::{self, Level, Rule};
use crate::xml::{Document, Limits};

use super::desk::Desk;
use super::message::message_to_json;
use super::message_table::print;

#[derive(Debug, clap::Args)]
pub struct DecodeArgs {
    /// File with an envelope, a request or a reply; - is standard input
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
    let name = file.display();
    let fail = |error: std::io::Error| Problem::usage(format!("cannot read {name}: {error}"));
    let most = Limits::default().bytes;
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    match file == Path::new("-") {
        true => std::io::stdin().lock().take(limit).read_to_end(&mut bytes),
        false => File::open(file).map_err(fail)?.take(limit).read_to_end(&mut bytes),
    }
    .map_err(fail)?;
    if bytes.len() > most {
        return Err(Problem::usage(format!("{name} has more than {most} bytes, which is more than is read")));
    }
    Ok(bytes)
}

pub fn decode(args: &DecodeArgs, desk: &Desk<'_>) -> Result<Exit, Problem> {
    let decoded = Decoded::read(read(&args.file)?)
        .map_err(|error| Problem::usage(format!("{}: {error}", args.file.display())))?;
    let message = message_to_json(&decoded, desk.schema.as_ref());
    match desk.printer().is_table() {
        true => print(&message),
        false => desk.printer().document(&json!({
            "kind": "wsman-message", "schema": 1, "simulated": false, "host": null, "message": message,
        })),
    }
    Ok(Exit::Done)
}

pub fn lint(args: &LintArgs, desk: &Desk<'_>) -> Result<Exit, Problem> {
    let Some(file) = &args.file else { return Ok(show_rules(desk)) };
    let findings = lint::lint(read(file)?);
    let is_error = |level: Level| level == Level::Error || args.strict;
    let errors = findings.iter().filter(|finding| is_error(finding.rule.level)).count();
    if desk.printer().is_table() {
        for finding in &findings {
            let Rule { name, clause, says, level, .. } = finding.rule;
            line(&printable(&format!("{}: {name}: {}", word(*level), finding.text)));
            line(&printable(&format!("  {says} ({clause})")));
        }
        note(&match findings.len() {
            0 => format!("{} breaks no rule", file.display()),
            all => format!("{}: {errors} errors, {} warnings", file.display(), all - errors),
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
        Document::parse(read(file)?).map_err(|error| Problem::usage(format!("{}: {error}", file.display())))
    };
    let (left, right) = (parse(&args.left)?, parse(&args.right)?);
    let found = compare(&left, &right).map_err(|error| Problem::usage(error.to_string()))?;
    if desk.printer().is_table() {
        found.iter().for_each(|difference| line(&printable(&difference.to_string())));
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
