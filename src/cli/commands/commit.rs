//! `hvr commit` and `hvr undo`: a failover is kept for good, or taken back.

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::cli::workflow::{Consent, Task};
use crate::failover::{Kind, Order};

/// Keep a failover for good.
///
/// The recovery points are merged and removed; it cannot be undone. Asked of the host that holds the failed-over VM.
#[derive(Debug, clap::Args)]
pub struct CommitArgs {
    /// Name (in any case) or GUID of the VM
    vm: String,
    #[command(flatten)]
    consent: Consent,
}

/// Undo a failover that is not committed, or the preparation of a primary.
///
/// On the replica's host the VM is turned off and the failover is taken back: what the VM has written since is lost, and
/// the replication goes on. On a primary that is prepared for a planned failover the preparation is taken back.
#[derive(Debug, clap::Args)]
pub struct UndoArgs {
    /// Name (in any case) or GUID of the VM
    vm: String,
    #[command(flatten)]
    consent: Consent,
}

/// Runs `hvr commit`.
pub async fn commit(args: &CommitArgs, context: &Context) -> Result<Exit, Problem> {
    let order = Order::of(Kind::Commit, super::selector(&args.vm));
    Task { order, vm: &args.vm, consent: &args.consent, primary: None }.carry_out(context).await
}

/// Runs `hvr undo`.
pub async fn undo(args: &UndoArgs, context: &Context) -> Result<Exit, Problem> {
    let order = Order::of(Kind::Undo, super::selector(&args.vm));
    Task { order, vm: &args.vm, consent: &args.consent, primary: None }.carry_out(context).await
}
