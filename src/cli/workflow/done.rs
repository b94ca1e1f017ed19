//! A run that is done: the line for people, the document for scripts.

use serde_json::{Value, json};

use crate::cli::exit::Exit;
use crate::cli::json;
use crate::cli::output::{self, Printer, note};
use crate::cli::problem::Problem;
use crate::failover::{DryRun, Finding, Kind, Proposal, Report, Site, StartReport, StepName};
use crate::hyperv::{FailoverType, JobRef, ReplicationState, Vm};

use super::console::describe;
use super::{Ends, Scene, whereabouts};

/// Prints the end of a run that is done.
pub(super) fn done(report: &Report, scene: &Scene<'_>) -> Result<Exit, Problem> {
    let (start, failed) = match &report.start {
        StartReport::NotAsked => (json!({ "asked": false, "running": null, "reason": null }), None),
        StartReport::Running => (json!({ "asked": true, "running": true, "reason": null }), None),
        StartReport::Failed(reason) => (json!({ "asked": true, "running": false, "reason": reason }), Some(reason)),
    };
    let exit = if failed.is_some() { Exit::HostRefused } else { Exit::Done };
    let printer = scene.context.printer;
    if printer.is_table() {
        say(report, scene);
    } else {
        printer.document(&document(report, &start, exit, scene));
    }
    if let Some(reason) = failed {
        let words = whereabouts::words(&report.whereabouts, |site| scene.ends.name(site));
        note(&format!("hvr: {words}; {}; but the VM was not started: {reason}", sentence(report, scene)));
        note(&format!("     do not run the command again; start it: {}", start_it(report, scene)));
    }
    Ok(exit)
}

/// The command that starts the VM that this run was to start.
fn start_it(report: &Report, scene: &Scene<'_>) -> String {
    let end = match report.proposal.kind {
        Kind::WalkBack { .. } => scene.ends.primary.as_ref().unwrap_or(&scene.ends.host),
        _ => &scene.ends.host,
    };
    // Names are not unique, and a test VM is never the one that was named.
    let vm = report.test_vm.as_ref().map_or(scene.vm, |vm| vm.id.as_str());
    end.command(&["start"]).operand(vm).to_string()
}

fn say(report: &Report, scene: &Scene<'_>) {
    let simulated = if scene.ends.are_simulated() || report.after.is_simulated { " (simulated)" } else { "" };
    output::say(&format!("{}{simulated}", sentence(report, scene)));
    let is_about_power = matches!(report.proposal.kind, Kind::Start | Kind::Stop(_));
    if matches!(report.start, StartReport::Running) && !is_about_power {
        let name = report.test_vm.as_ref().map_or(&report.after.name, |vm| &vm.name);
        output::say(&format!("{name} is running"));
    }
    for remark in &report.remarks {
        note(remark);
    }
    if let Some(next) = next(report, scene) {
        note(&next);
    }
}

/// What is so now, and by what it is proven.
fn sentence(report: &Report, scene: &Scene<'_>) -> String {
    let (name, host) = (&report.after.name, &scene.ends.host.name);
    let step = |step: StepName| report.steps.iter().find(|done| done.step == step);
    let seen = |name: StepName| step(name).map_or("", |step| step.seen.as_str());
    match &report.proposal.kind {
        Kind::Failover | Kind::PlannedFailover { .. } => {
            let verified = report.failover();
            let state = verified.map_or(report.after.state, |verified| verified.state);
            let point = verified.map_or(report.after.failed_over, |verified| verified.failed_over);
            let lossless = if point == FailoverType::Planned { ", nothing lost" } else { "" };
            let point = match point {
                FailoverType::None => "the host names no point".to_owned(),
                known => format!("{} point", known.to_string().to_lowercase()),
            };
            match (step(StepName::Reverse), &report.primary_after) {
                (Some(_), Some(primary)) => format!(
                    "{name} is failed over{lossless} ({point}), and the replication is turned round: {} on {host}, {} \
                     on {}, read back from both",
                    side(&report.after),
                    side(primary),
                    scene.ends.name(Site::Primary)
                ),
                _ => format!(
                    "{name} is failed over: replication state {} ({state}), {point}{lossless}, read back from {host}",
                    state.value(),
                ),
            }
        }
        Kind::TestStart { .. } => format!("{}, read back from {host}", seen(StepName::TestFailOver)),
        Kind::TestStop | Kind::Rehearsal => format!(
            "the test VM of {name} is removed, read back from {host}; the replica: {}",
            seen(StepName::VerifyReplica)
        ),
        Kind::Commit => format!("the failover of {name} is kept for good: {}", seen(StepName::Commit)),
        Kind::Undo | Kind::WalkBack { .. } => {
            let last = report.steps.last().map_or("", |step| step.seen.as_str());
            // Only this end of a planned failover: see what is said of the primary.
            let what = if left_prepared(report).is_some() { format!("the replica of {name}") } else { name.clone() };
            format!("{what} is back where it was: {last}, read back")
        }
        Kind::Reverse { .. } => {
            let old = report.primary_after.as_ref().map_or_else(String::new, |primary| {
                format!("; on {} it is the {}", scene.ends.name(Site::Primary), side(primary))
            });
            let copies = match report.after.state {
                ReplicationState::WaitingForInitialReplication => "; the first copy is on its way",
                _ => "",
            };
            format!("{name} is the {} on {host} now{old}{copies}, read back", side(&report.after))
        }
        Kind::Network(_) => format!("{name}: {}, on {host}", seen(StepName::SetNetwork)),
        _ => {
            let state = report.after.enabled_state.to_string().to_lowercase();
            format!("{name} is {state}, read back from {host}")
        }
    }
}

/// What an undo of a planned failover leaves on the primary.
fn left_prepared(report: &Report) -> Option<&Finding> {
    report.proposal.findings.iter().find(|finding| finding.code == "primary-prepared")
}

/// Which end a VM is, and the state of its replication.
fn side(vm: &Vm) -> String {
    format!("{} (state {}, {})", vm.mode.to_string().to_lowercase(), vm.state.value(), vm.state)
}

/// What the operator may want to do next.
fn next(report: &Report, scene: &Scene<'_>) -> Option<String> {
    let again = |verb: &[&str]| scene.ends.command(verb, Site::Host);
    let is_over = scene.ends.host.is_simulated();
    let is_reversed = report.steps.iter().any(|step| step.step == StepName::Reverse);
    let next = match &report.proposal.kind {
        Kind::Failover if matches!(report.start, StartReport::NotAsked) => Some(format!(
            "the VM is off; start it and test it, then keep the failover ({}) or undo it ({})",
            again(&["commit"]),
            again(&["undo"])
        )),
        Kind::Failover => Some(format!("keep the failover ({}) or undo it ({})", again(&["commit"]), again(&["undo"]))),
        Kind::PlannedFailover { .. } if !is_reversed => {
            Some(format!("the replication still points the old way; turn it round: {}", again(&["reverse"])))
        }
        Kind::TestStart { .. } => Some(format!("end the rehearsal: {}", again(&["test", "stop"]))),
        Kind::Reverse { .. } if report.after.state == ReplicationState::WaitingForInitialReplication => {
            Some(format!("see how far the copy is: {}", again(&["status"])))
        }
        Kind::Commit => {
            Some(format!("turn the replication round: {}", again(&["reverse"]).option("--primary", "HOST")))
        }
        Kind::Undo => {
            let left = left_prepared(report)?;
            Some(format!("{}; {}", left.text, left.remedy))
        }
        _ => None,
    };
    next.map(|next| match is_over {
        true => format!("{next}; {}", scene.context.settings.world_has_ended()),
        false => next,
    })
}

fn document(report: &Report, start: &Value, exit: Exit, scene: &Scene<'_>) -> Value {
    let proposal = &scene.ends.told(&report.proposal);
    let is_failover = matches!(proposal.kind, Kind::Failover | Kind::PlannedFailover { .. });
    let primary = scene.ends.primary.as_ref();
    let verified = report.failover().map_or(Value::Null, |verified| {
        json!({
            "by": "ReplicationState",
            "replication_state": json::named(verified.state.value(), verified.state),
            "failed_over_type": json::named(verified.failed_over.value(), verified.failed_over),
            "nothing_lost": verified.failed_over == FailoverType::Planned,
        })
    });
    json!({
        "kind": if is_failover { "failover" } else { "run-done" },
        "schema": 1,
        "simulated": scene.ends.are_simulated() || report.after.is_simulated,
        "host": scene.ends.host.name,
        "primary_host": primary.map(|primary| primary.name.as_str()),
        "run": scene.run.map(|run| run.as_str()),
        "workflow": proposal.kind.name(),
        "outcome": "done",
        "exit": exit.code(),
        "vm": { "name": report.after.name, "id": report.after.id.as_str() },
        "point": proposal.point.as_ref().map_or(Value::Null, json::point),
        "data_loss_seconds": json::seconds(proposal.data_loss),
        "findings": json::findings(&proposal.findings),
        "before": json::vm(&proposal.vm),
        "after": json::vm(&report.after),
        "primary_before": proposal.primary.as_ref().map_or(Value::Null, json::vm),
        "primary_after": report.primary_after.as_ref().map_or(Value::Null, json::vm),
        "test_vm": report.test_vm.as_ref().map_or(Value::Null, json::vm),
        "steps": report.steps.iter().map(json::step).collect::<Vec<_>>(),
        "job": report.job().map_or(Value::Null, json::job),
        "verified": verified,
        "start": start,
        "remarks": report.remarks,
        "requests": scene.ends.requests(),
        "took_seconds": report.took.as_secs_f64(),
        "whereabouts": whereabouts::document(&report.whereabouts, |site| scene.ends.name(site)),
    })
}

/// Prints the job of a run that nobody follows.
pub(super) fn started(proposal: &Proposal, job: &JobRef, scene: &Scene<'_>) {
    let printer = scene.context.printer;
    let run = scene.run.map(|run| run.as_str());
    if printer.is_table() {
        output::line(&job.to_string());
        note(&format!("the failover of {} was started and is not followed", proposal.vm.name));
        note(&format!("     {}", super::stopped::follow_and_prove(scene, Site::Host, job)));
        return;
    }
    printer.document(&json!({
        "kind": "failover-started",
        "schema": 1,
        "simulated": scene.ends.are_simulated() || proposal.vm.is_simulated,
        "host": scene.ends.host.name,
        "run": run,
        "outcome": "started",
        "exit": 0,
        "proposal": json::proposal(&scene.ends.told(proposal)),
        "job": json::job_ref(job),
        "verified": null,
    }));
}

/// Prints what would be sent.
pub(super) fn print_dry_run(dry: &DryRun, ends: &Ends, printer: Printer) {
    if printer.is_table() {
        for text in describe(&dry.proposal, ends) {
            note(&text);
        }
        note("dry run: these envelopes would be sent, and none was:");
        for envelope in &dry.envelopes {
            note(&format!("{} to {}:", envelope.step, ends.name(envelope.site)));
            output::raw(&envelope.xml);
        }
        for step in &dry.unwritten {
            note(&format!("{step}: its envelope names what an earlier step makes, so it cannot be written yet"));
        }
        return;
    }
    let envelopes = dry.envelopes.iter().map(|envelope| {
        json!({
            "step": envelope.step.name(),
            "site": envelope.site.name(),
            "action": envelope.action,
            "xml": envelope.xml,
        })
    });
    printer.document(&json!({
        "kind": "dry-run",
        "schema": 1,
        "simulated": ends.are_simulated() || dry.proposal.vm.is_simulated,
        "host": ends.host.name,
        "proposal": json::proposal(&ends.told(&dry.proposal)),
        "envelopes": envelopes.collect::<Vec<_>>(),
        "unwritten": dry.unwritten.iter().map(|step| step.name()).collect::<Vec<_>>(),
        "sent": false,
    }));
}
