//! `hvr start` and `hvr stop`: where a workflow needs it by hand.

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::cli::workflow::{Consent, Task};
use crate::failover::{Kind, Order, PowerOff};

/// Start a VM, and prove that it runs.
#[derive(Debug, clap::Args)]
pub struct StartArgs {
    /// Name (in any case) or GUID of the VM
    vm: String,
    #[command(flatten)]
    consent: Consent,
}

/// Shut a VM's guest down, or turn the VM off, and prove that it is off.
#[derive(Debug, clap::Args)]
pub struct StopArgs {
    /// Name (in any case) or GUID of the VM
    vm: String,
    /// Turn the VM off, as by a power cut
    #[arg(long)]
    turn_off: bool,
    #[command(flatten)]
    consent: Consent,
}

/// Runs `hvr start`.
pub async fn start(args: &StartArgs, context: &Context) -> Result<Exit, Problem> {
    let order = Order::of(Kind::Start, super::selector(&args.vm));
    Task { order, vm: &args.vm, consent: &args.consent, primary: None }.carry_out(context).await
}

/// Runs `hvr stop`.
pub async fn stop(args: &StopArgs, context: &Context) -> Result<Exit, Problem> {
    let off = if args.turn_off { PowerOff::TurnOff } else { PowerOff::ShutDown };
    let order = Order::of(Kind::Stop(off), super::selector(&args.vm));
    Task { order, vm: &args.vm, consent: &args.consent, primary: None }.carry_out(context).await
}
