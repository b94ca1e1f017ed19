//! `hvr reverse`: the replication of a failed-over VM is turned round.

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::cli::workflow::{Consent, PrimaryArgs, Task};
use crate::failover::{Kind, Order};

/// Turn the replication of a failed-over VM round.
///
/// The failed-over VM becomes the primary, the old primary its replica; the failover is kept for good. After an unplanned
/// failover the old primary must be made a replica first: with --primary that is done too, and initial replication is
/// started in the new direction.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name (in any case) or GUID of the VM
    vm: String,
    #[command(flatten)]
    consent: Consent,
    /// Certificate of the new primary, for relations by certificate
    #[arg(long, value_name = "HEX")]
    thumbprint: Option<String>,
    #[command(flatten)]
    primary: PrimaryArgs,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let with_primary = args.primary.is_named();
    let kind = Kind::Reverse { with_primary, thumbprint: args.thumbprint.clone() };
    let order = Order::of(kind, super::selector(&args.vm));
    let primary = if with_primary { args.primary.required(context)? } else { None };
    Task { order, vm: &args.vm, consent: &args.consent, primary }.carry_out(context).await
}
