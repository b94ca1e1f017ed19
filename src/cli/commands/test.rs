//! `hvr test`: a rehearsal with a test VM beside the running replica.

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::cli::workflow::{Consent, Task};
use crate::failover::{Kind, Order, PointChoice};

/// Rehearse a failover with a test VM; the replication goes on meanwhile.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make a test VM beside the replica, and start it
    Start(StartArgs),
    /// Turn the test VM off and remove it; the replica is not touched
    Stop(StopArgs),
}

#[derive(Debug, clap::Args)]
struct StartArgs {
    /// Name (in any case) or GUID of the replica
    vm: String,
    /// Recovery point: latest, app-consistent, before:2026-11-23T08:00Z, or an id that `hvr points` shows
    #[arg(long, default_value = "latest", value_name = "POINT")]
    point: PointChoice,
    /// Virtual switch that the test VM is connected to; what is set already when left out
    #[arg(long, value_name = "SWITCH")]
    network: Option<String>,
    /// Make the test VM and leave it off
    #[arg(long)]
    no_start: bool,
    #[command(flatten)]
    consent: Consent,
}

#[derive(Debug, clap::Args)]
struct StopArgs {
    /// Name (in any case) or GUID of the replica, not of the test VM
    vm: String,
    #[command(flatten)]
    consent: Consent,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    match &args.what {
        What::Start(args) => {
            let kind = Kind::TestStart { network: args.network.clone() };
            let vm = super::selector(&args.vm);
            let order = Order { point: args.point.clone(), start: !args.no_start, ..Order::of(kind, vm) };
            Task { order, vm: &args.vm, consent: &args.consent, primary: None }.carry_out(context).await
        }
        What::Stop(args) => {
            let order = Order::of(Kind::TestStop, super::selector(&args.vm));
            Task { order, vm: &args.vm, consent: &args.consent, primary: None }.carry_out(context).await
        }
    }
}
