//! `hvr run`: what was done before, and what is still open.

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::cli::workflow::{Consent, resume_run, undo_run};

/// What was done before, and what is still open.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Take an interrupted run up again: look first, then go on from where things really are
    Resume(Again),
    /// Walk a half-done planned failover back, as far as Hyper-V allows
    Undo(Again),
}

#[derive(Debug, clap::Args)]
struct Again {
    /// Id of the run, or the beginning of it; the only open run when left out
    run: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    match &args.what {
        What::Resume(again) => resume_run(again.run.as_deref(), &again.consent, context).await,
        What::Undo(again) => undo_run(again.run.as_deref(), &again.consent, context).await,
    }
}
