//! `hvr status`: replicated VMs and what a failover now would lose.

use std::time::Duration;

use serde_json::json;

use crate::cli::connect::Connection;
use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::cli::span::Span;
use crate::cli::{Context, json};
use crate::hyperv::{LookedUp, ReplicationMode, ReplicationState, Vm};

/// Show replicated VMs: mode, state, health, last replication, data loss if failed over now.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names or GUIDs; all replicated VMs when left out
    vms: Vec<String>,
    /// VMs without replication too
    #[arg(long)]
    all: bool,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let connection = Connection::open(context).await?;
    let host = connection.host();
    let mut vms = Vec::new();
    let mut missing = Vec::new();
    for name in &args.vms {
        match host.find_vm(&super::selector(name)).await? {
            LookedUp::One(vm) => vms.push(*vm),
            LookedUp::Many(several) => vms.extend(several),
            LookedUp::NotVisible => missing.push(name.clone()),
        }
    }
    if args.vms.is_empty() {
        vms = host.vms().await?;
        let seen = vms.len();
        vms.retain(|vm| args.all || vm.mode != ReplicationMode::None);
        vms.sort_by_key(|vm| vm.name.to_lowercase());
        if seen == 0 {
            context
                .printer
                .note("no VM is visible to this account on this host; that need not mean that there is none");
        }
    }
    let Some(name) = missing.first() else {
        print(&vms, &connection, context);
        return Ok(Exit::Done);
    };
    // One document in JSON: that of the error. People still see the others.
    if context.printer.is_table() && !vms.is_empty() {
        print(&vms, &connection, context);
    }
    let mut problem = super::not_visible(name);
    if missing.len() > 1 {
        problem.message = format!("of the VMs named, these are not visible to this account: {}", missing.join(", "));
    }
    Err(problem.detail("missing", json!(missing)))
}

/// What a failover to the latest point would lose now; nothing is said of a VM that has no such failover before it.
fn loss(vm: &Vm) -> Option<Duration> {
    let is_replica = matches!(vm.mode, ReplicationMode::Replica | ReplicationMode::ExtendedReplica);
    let is_failed_over = matches!(vm.state, ReplicationState::Recovered | ReplicationState::Committed);
    json::age(vm.last_replication.as_ref()).filter(|_| is_replica && !is_failed_over)
}

fn print(vms: &[Vm], connection: &Connection, context: &Context) {
    let printer = context.printer;
    if printer.is_table() {
        let rows: Vec<_> = vms
            .iter()
            .map(|vm| {
                vec![
                    vm.name.clone(),
                    vm.mode.to_string(),
                    vm.state.to_string(),
                    vm.health.to_string(),
                    vm.enabled_state.to_string(),
                    vm.last_replication.as_ref().map_or_else(|| "never".to_owned(), ToString::to_string),
                    loss(vm).map_or_else(|| "-".to_owned(), |loss| Span(loss).to_string()),
                    vm.id.to_string(),
                ]
            })
            .collect();
        printer.table(&["name", "mode", "state", "health", "power", "last replication", "loss if now", "id"], &rows);
        return;
    }
    let vms: Vec<_> = vms
        .iter()
        .map(|vm| {
            let mut document = json::vm(vm);
            if let Some(fields) = document.as_object_mut() {
                fields.insert("data_loss_seconds_if_now".to_owned(), json::seconds(loss(vm)));
            }
            document
        })
        .collect();
    printer.document(&json!({
        "kind": "status", "schema": 1, "simulated": connection.is_simulated(), "host": connection.name, "vms": vms,
    }));
}
