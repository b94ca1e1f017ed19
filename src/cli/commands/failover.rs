//! `hvr failover`: unplanned on the replica's host, or planned with both hosts.

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::cli::workflow::{Consent, PrimaryArgs, Task};
use crate::failover::{Kind, Order, PointChoice, PowerOff};

/// Fail a VM over to its replica.
///
/// Unplanned: what was not replicated is lost, and the primary should be down. With --planned and both hosts nothing is
/// lost: the primary's guest is shut down, the last changes are sent, the replica is failed over, the replication is
/// turned round, the VM is started, and both ends are read back. The command shows what it will do and asks; without a
/// terminal it needs --yes. A run that was interrupted is taken up with `hvr run resume`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name (in any case) or GUID of the VM
    vm: String,
    /// Recovery point: latest, app-consistent, before:2026-11-23T08:00Z, or an id that `hvr points` shows
    #[arg(long, default_value = "latest", value_name = "POINT")]
    point: PointChoice,
    /// Start the VM when it is failed over
    #[arg(long)]
    start: bool,
    #[command(flatten)]
    consent: Consent,
    /// Print the job's reference as soon as it runs, and do not follow it
    #[arg(long, conflicts_with = "dry_run")]
    no_wait: bool,
    /// With the primary's host: shut down, prepare, fail over, reverse, start; nothing is lost
    #[arg(long, conflicts_with_all = ["point", "no_wait", "start"])]
    planned: bool,
    /// Shut the primary's guest down and wait for it (the default)
    #[arg(long, requires = "planned", conflicts_with = "turn_off")]
    shutdown: bool,
    /// Turn the primary off instead of shutting its guest down
    #[arg(long, requires = "planned")]
    turn_off: bool,
    /// Leave the replication as it is after the failover
    #[arg(long, requires = "planned")]
    no_reverse: bool,
    /// Do not start the VM after a planned failover
    #[arg(long, requires = "planned")]
    no_start: bool,
    /// Certificate of the new primary, for relations by certificate
    #[arg(long, requires = "planned", conflicts_with = "no_reverse", value_name = "HEX")]
    thumbprint: Option<String>,
    #[command(flatten)]
    primary: PrimaryArgs,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let vm = super::selector(&args.vm);
    let (order, primary) = match args.planned {
        false if args.primary.is_named() => {
            return Err(Problem::usage("--primary is for a planned failover: add --planned")
                .remedy("an unplanned failover does not speak to the primary"));
        }
        false => {
            let order = Order { point: args.point.clone(), start: args.start, wait: !args.no_wait, ..Order::new(vm) };
            (order, None)
        }
        true => {
            let off = if args.turn_off { PowerOff::TurnOff } else { PowerOff::ShutDown };
            let kind = Kind::PlannedFailover { off, reverse: !args.no_reverse, thumbprint: args.thumbprint.clone() };
            (Order { start: !args.no_start, ..Order::of(kind, vm) }, args.primary.required(context)?)
        }
    };
    Task { order, vm: &args.vm, consent: &args.consent, primary }.carry_out(context).await
}
