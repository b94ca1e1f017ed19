//! `hvr check`: can I reach the host, log in, and fail this VM over? Changes nothing.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::connect::Connection;
use crate::cli::exit::Exit;
use crate::cli::problem::{Problem, RIGHTS};
use crate::failover::{Severity, preflight};
use crate::hyperv::{Host, LookedUp, NAMESPACE};
use crate::wsman::{ClassAddressing, Exchange};

/// Can I reach the host, log in, and fail a VM over?
///
/// Goes step by step; each finding comes with its remedy. Changes nothing on the host.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or GUID of a VM to judge too
    vm: Option<String>,
}

/// One thing that was looked at.
struct Step {
    name: &'static str,
    status: Status,
    seen: String,
    remedy: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Ok,
    Warning,
    Problem,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Problem => "problem",
        }
    }
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let connection = Connection::open(context).await?;
    let (steps, exit) = look(args, &connection).await;
    print(&steps, exit, &connection, context);
    Ok(exit)
}

async fn look(args: &Args, connection: &Connection) -> (Vec<Step>, Exit) {
    let mut steps = Vec::new();
    let client = connection.client(ClassAddressing::microsoft(NAMESPACE));
    match client.identify().await {
        Ok(identity) => {
            let session = connection.session();
            let scheme = session.scheme().map_or_else(String::new, |scheme| format!("logged in by {scheme}"));
            let pin = session.peer_pin().map_or_else(String::new, |pin| format!(", certificate {pin}"));
            steps.push(ok("reach and log in", format!("{scheme}{pin}")));
            steps.push(ok("service", format!("{} {}", identity.product_vendor, identity.product_version)));
        }
        Err(error) => {
            let problem = Problem::from(error);
            steps.push(bad("reach and log in", problem.message, problem.remedy));
            return (steps, problem.exit);
        }
    }
    let host = connection.host();
    let mut exit = Exit::Done;
    let mut worst = |found: Option<Exit>| {
        if let Some(found) = found.filter(|_| exit == Exit::Done) {
            exit = found;
        }
    };
    worst(namespace_and_service(&host, &mut steps).await);
    worst(replica_server(&host, &mut steps).await);
    if let Some(name) = &args.vm {
        worst(vm(name, &host, &mut steps).await);
    } else {
        worst(any_vm(&host, &mut steps).await);
    }
    (steps, exit)
}

fn ok(name: &'static str, seen: impl Into<String>) -> Step {
    Step { name, status: Status::Ok, seen: seen.into(), remedy: String::new() }
}

fn warn(name: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Step {
    Step { name, status: Status::Warning, seen: seen.into(), remedy: remedy.into() }
}

fn bad(name: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Step {
    Step { name, status: Status::Problem, seen: seen.into(), remedy: remedy.into() }
}

/// A step that could not be made.
fn failed(name: &'static str, error: crate::hyperv::Error, steps: &mut Vec<Step>) -> Option<Exit> {
    let problem = Problem::from(error);
    steps.push(bad(name, problem.message, problem.remedy));
    Some(problem.exit)
}

async fn namespace_and_service<E: Exchange>(host: &Host<E>, steps: &mut Vec<Step>) -> Option<Exit> {
    const NAME: &str = "replication service";
    match host.learn_service().await {
        Ok(Some(_)) => {
            steps.push(ok(NAME, format!("Msvm_ReplicationService is there, in {NAMESPACE}")));
            None
        }
        Ok(None) => {
            steps.push(bad(NAME, "Msvm_ReplicationService is not visible to this account", RIGHTS));
            Some(Exit::Refused)
        }
        Err(error) => failed(NAME, error, steps),
    }
}

async fn replica_server<E: Exchange>(host: &Host<E>, steps: &mut Vec<Step>) -> Option<Exit> {
    const NAME: &str = "replica server";
    match host.replication_settings().await {
        Ok(Some(settings)) if settings.recovery_server_enabled => {
            steps.push(ok(NAME, "the host takes replicas"));
            None
        }
        Ok(Some(_)) => {
            steps.push(warn(
                NAME,
                "the host does not take replicas (RecoveryServerEnabled is false)",
                "replicas that are there can be failed over; a later reverse needs it enabled on the other side: Set-VMReplicationServer",
            ));
            None
        }
        Ok(None) => {
            steps.push(warn(NAME, "the settings of the replica server are not visible to this account", RIGHTS));
            None
        }
        Err(error) => failed(NAME, error, steps),
    }
}

async fn any_vm<E: Exchange>(host: &Host<E>, steps: &mut Vec<Step>) -> Option<Exit> {
    const NAME: &str = "virtual machines";
    match host.vms().await {
        Ok(vms) if vms.is_empty() => {
            steps.push(warn(NAME, "no VM is visible to this account; that need not mean that there is none", RIGHTS));
            None
        }
        Ok(vms) => {
            let ready = vms.iter().filter(|vm| preflight(vm, None, SystemTime::now(), false).may_go_on()).count();
            steps.push(ok(NAME, format!("{} visible, {ready} could be failed over now", vms.len())));
            None
        }
        Err(error) => failed(NAME, error, steps),
    }
}

async fn vm<E: Exchange>(name: &str, host: &Host<E>, steps: &mut Vec<Step>) -> Option<Exit> {
    const NAME: &str = "virtual machine";
    let problem = match host.find_vm(&super::selector(name)).await {
        Ok(LookedUp::One(vm)) => {
            let proposal = preflight(&vm, None, SystemTime::now(), false);
            let loss = proposal.data_loss.map_or_else(String::new, |loss| {
                format!(", a failover now loses the last {}", crate::cli::span::Span(loss))
            });
            if proposal.may_go_on() {
                steps.push(ok(NAME, format!("{} ({}): {}, {}{loss}", vm.name, vm.id, vm.mode, vm.state)));
            }
            for finding in &proposal.findings {
                let step = match finding.severity {
                    Severity::Refusal => bad(NAME, finding.text.clone(), finding.remedy.clone()),
                    _ => warn(NAME, finding.text.clone(), finding.remedy.clone()),
                };
                steps.push(step);
            }
            return (!proposal.may_go_on()).then_some(Exit::Refused);
        }
        Ok(LookedUp::NotVisible) => super::not_visible(name),
        Ok(LookedUp::Many(vms)) => super::ambiguous(&vms),
        Err(error) => return failed(NAME, error, steps),
    };
    steps.push(bad(NAME, problem.message, problem.remedy));
    Some(problem.exit)
}

fn print(steps: &[Step], exit: Exit, connection: &Connection, context: &Context) {
    let printer = context.printer;
    if printer.is_table() {
        let rows: Vec<_> = steps
            .iter()
            .map(|step| vec![step.status.name().to_owned(), step.name.to_owned(), step.seen.clone()])
            .collect();
        printer.table(&["", "step", "seen"], &rows);
        for step in steps.iter().filter(|step| !step.remedy.is_empty()) {
            printer.note(&format!("{} ({}): {}", step.name, step.status.name(), step.remedy));
        }
        return;
    }
    let findings: Vec<Value> = steps
        .iter()
        .map(
            |step| json!({ "step": step.name, "status": step.status.name(), "seen": step.seen, "remedy": step.remedy }),
        )
        .collect();
    let worst = steps.iter().map(|step| step.status).max().unwrap_or(Status::Ok);
    printer.document(&json!({
        "kind": "check",
        "schema": 1,
        "simulated": connection.is_simulated(),
        "host": connection.name,
        "status": worst.name(),
        "exit": exit.code(),
        "findings": findings,
        "requests": connection.session().requests(),
    }));
}
