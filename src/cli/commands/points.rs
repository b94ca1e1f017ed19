//! `hvr points`: the recovery points of a VM.

use serde_json::json;

use crate::cli::connect::Connection;
use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::cli::span::Span;
use crate::cli::{Context, json};

/// Show the recovery points of a VM, newest first.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or GUID of the VM
    vm: String,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let connection = Connection::open(context).await?;
    let host = connection.host();
    let vm = super::one_vm(&host, &args.vm).await?;
    let points = host.recovery_points(&vm.id).await?;
    let printer = context.printer;
    if printer.is_table() {
        let rows: Vec<_> = points
            .iter()
            .map(|point| {
                vec![
                    point.created.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string),
                    json::age(point.created.as_ref()).map_or_else(|| "-".to_owned(), |age| Span(age).to_string()),
                    point.kind.name().to_owned(),
                    point.id.clone(),
                ]
            })
            .collect();
        printer.table(&["created", "age", "type", "id"], &rows);
        if points.is_empty() {
            printer.note(&format!(
                "the VM has no recovery point but the latest state; a failover takes that: {}",
                connection.command(&["failover"]).operand(args.vm.as_str())
            ));
        }
        return Ok(Exit::Done);
    }
    printer.document(&json!({
        "kind": "points",
        "schema": 1,
        "simulated": connection.is_simulated(),
        "host": connection.name,
        "vm": { "name": vm.name, "id": vm.id.as_str() },
        "points": points.iter().map(json::point).collect::<Vec<_>>(),
    }));
    Ok(Exit::Done)
}
