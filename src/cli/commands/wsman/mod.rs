//! `hvr wsman`: any class of any WS-Management service.

mod desk;
mod enumerate;
mod exchange;
mod files;
mod invoke;
#[cfg(test)]
mod leaf_tests;
mod listing;
mod message;
mod message_table;
mod once;
mod pull;
mod send;
mod subscribe;
mod transfer;

use std::path::PathBuf;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::output::note;
use crate::cli::problem::Problem;
use crate::cli::typed::{ExtraHeader, ExtraOption, ExtraSelector, ReferenceText};

use desk::Desk;

/// Ask any class of any WS-Management service.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: Box<What>,
    /// Selector besides those of the reference, NAME=ref:Class?Key=value for one that is a reference; may be repeated
    #[arg(long, global = true, value_name = "NAME=VALUE")]
    selector: Vec<ExtraSelector>,
    /// Option of the resource; ! before the name: the host must comply with it; may be repeated
    #[arg(long, global = true, value_name = "[!]NAME=VALUE")]
    option: Vec<ExtraOption>,
    /// SOAP header; ! before the brace: the host must understand it; may be repeated
    #[arg(long, global = true, value_name = "[!]{NAMESPACE}NAME=VALUE")]
    header: Vec<ExtraHeader>,
    /// Class declarations besides those that come with the program; may be repeated
    #[arg(long, global = true, value_name = "FILE.mof")]
    schema: Vec<PathBuf>,
    /// Do not type anything: values are texts
    #[arg(long, global = true, conflicts_with = "schema")]
    no_schema: bool,
    /// Print the exact envelope and send nothing: as XML, in a JSON document, or as a shell command that sends it
    #[arg(long, global = true, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "xml",
          value_name = "FORM")]
    dry_run: Option<DryRun>,
    /// Print the XML of the reply, also of a fault, instead of its values
    #[arg(long, global = true, conflicts_with = "dry_run")]
    raw: bool,
}

/// The form of an envelope that is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DryRun {
    /// The envelope; with -o json as --dry-run=json
    Xml,
    /// A JSON document that holds it
    Json,
    /// A command for a POSIX shell that sends it, under a new MessageID
    Shell,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// What answers there?
    Identify,
    /// One instance by its keys, or a part of it
    Get(transfer::GetArgs),
    /// Change properties of an instance, or replace a resource
    Put(transfer::PutArgs),
    /// Make an instance
    Create(transfer::CreateArgs),
    /// Remove an instance
    Delete(transfer::DeleteArgs),
    /// The instances of a class, or of a query
    Enumerate(enumerate::Args),
    /// The next page of an enumeration, by hand
    Pull(pull::PullArgs),
    /// Give up an enumeration, by hand
    Release(pull::ReleaseArgs),
    /// Events as they happen, fetched by the client (pull delivery), until Ctrl-C
    Subscribe(subscribe::Args),
    /// Call a method of an instance
    Invoke(invoke::Args),
    /// Send an envelope from a file, under a new MessageID or as it is
    Send(send::Args),
    /// Show what an envelope from anywhere says, request or reply
    Decode(files::DecodeArgs),
    /// Check an envelope against what WS-Management and WinRM demand; ends with 3 where a rule is broken
    Lint(files::LintArgs),
    /// Compare two envelopes by meaning; ends with 3 where they differ
    Diff(files::DiffArgs),
}

/// Help on references, for every command that takes one.
pub(super) const REFERENCE: &str = "Class?Key=value,Key=\"a,b\"; in place of the class also a whole URI, or one that begins \
    with a short name of winrm: wmi/root/cimv2/X, wmicimv2/X, cimv2/X, winrm/config, shell/cmd; a key that is itself a \
    reference is Key=ref:Class?Key=value, in double quotes where it holds a comma";

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let desk = Desk::new(args, context)?;
    let ended = match args.what.as_ref() {
        What::Identify => desk.identify().await,
        What::Get(args) => transfer::get(args, &desk).await,
        What::Put(args) => transfer::put(args, &desk).await,
        What::Create(args) => transfer::create(args, &desk).await,
        What::Delete(args) => transfer::delete(args, &desk).await,
        What::Enumerate(args) => enumerate::run(args, &desk).await,
        What::Pull(args) => pull::pull(args, &desk).await,
        What::Release(args) => pull::release(args, &desk).await,
        What::Subscribe(args) => subscribe::run(args, &desk).await,
        What::Invoke(args) => invoke::run(args, &desk).await,
        What::Send(args) => send::run(args, &desk).await,
        What::Decode(args) => files::decode(args, &desk),
        What::Lint(args) => files::lint(args, &desk),
        What::Diff(args) => files::diff(args, &desk),
    };
    match ended {
        // The fault itself was the data.
        Err(problem) if desk.raw_was_shown() => Ok(say(&problem)),
        ended => ended,
    }
}

/// Says why a command ends where the data has said it already.
fn say(problem: &Problem) -> Exit {
    note(&format!("hvr: {}", problem.message));
    if !problem.remedy.is_empty() {
        note(&format!("     {}", problem.remedy));
    }
    problem.exit
}

/// A reference whose keys are those of one instance, or of none.
fn without_keys(class: &ReferenceText, verb: &str) -> Result<(), Problem> {
    match class.has_keys() {
        true => Err(Problem::usage(format!("{class} names one instance: {verb} takes a class, get an instance"))),
        false => Ok(()),
    }
}
