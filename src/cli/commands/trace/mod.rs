//! `hvr trace`: recordings shown, played back and sent again; packet captures opened.

mod decrypt;
mod replay;
mod serve;
mod show;

use std::path::Path;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::trace::{Anonymiser, Recorder, Redactor, Trace, TraceError};

/// Show, play back or send again a recording made with --trace; open a packet capture.
///
/// A recording is a HAR file: the network panel of a browser opens it too.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

// Text above a command would stand in place of all that its arguments say of it.
#[derive(Debug, clap::Subcommand)]
enum What {
    #[command(about = "What was said: all requests in short, or one with its messages")]
    Show(show::Args),
    #[command(about = "Answer on 127.0.0.1 as the recording did, until Ctrl-C")]
    Serve(serve::Args),
    #[command(about = "Send the recorded requests again and compare the answers")]
    Replay(replay::Args),
    #[command(about = "Make a recording from a packet capture (pcap, pcapng) of WinRM over HTTP")]
    Decrypt(decrypt::Args),
}

impl Args {
    /// Whether what is recorded would not be written over what is read.
    pub fn spares(&self, recorded: &Path) -> Result<(), Problem> {
        let read = match &self.what {
            What::Replay(args) => args.file(),
            // The others record nothing, whatever the environment says.
            _ => return Ok(()),
        };
        let same = |one: &Path, other: &Path| {
            one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
        };
        match same(read, recorded) {
            true => Err(Problem::usage(format!("{} cannot be sent again and written over at once", read.display()))
                .remedy("give --trace another file")),
            false => Ok(()),
        }
    }
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    match &args.what {
        What::Show(args) => show::run(args, context),
        What::Serve(args) => serve::run(args, context).await,
        What::Replay(args) => replay::run(args, context).await,
        What::Decrypt(args) => decrypt::run(args, context),
    }
}

/// Begins a recording in a file.
pub fn recorder(file: &Path, anonymise: bool) -> Result<Recorder, Problem> {
    let anonymiser = anonymise.then(Anonymiser::new);
    Recorder::create(file, Redactor::new(), anonymiser)
        .map_err(|error| Problem::usage(format!("cannot record in {}: {error}", file.display())))
}

fn open(file: &Path) -> Result<Trace, Problem> {
    Trace::open(file).map_err(|error| unusable(file, &error))
}

fn unusable(file: &Path, error: &TraceError) -> Problem {
    match error {
        TraceError::Io(error) => Problem::usage(format!("cannot read {}: {error}", file.display())),
        other => Problem::usage(format!("{}: {other}", file.display())),
    }
}
