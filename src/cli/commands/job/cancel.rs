//! `hvr job cancel`: asks a job to end, where it says that it can, and sees what comes of it.

use serde_json::{Value, json};

use crate::cli::confirm::confirm;
use crate::cli::connect::Connection;
use crate::cli::exit::Exit;
use crate::cli::output::{self, is_interactive, note};
use crate::cli::problem::{Changed, Problem, chain};
use crate::cli::{Context, json};
use crate::hyperv::{Host, Job, JobChange, JobRef, JobState};
use crate::wsman::{Delivery, Exchange};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    one: super::One,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Look at the job, print the envelope that would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    if !args.yes && !args.dry_run && !is_interactive() {
        return Err(Problem::usage("cancelling a job changes the host, and there is no terminal to ask on: add --yes")
            .remedy("nothing was sent"));
    }
    let connection = Connection::open(context).await?;
    let host = connection.host();
    let reference = super::parse(&args.one.job, &host)?;
    let job = host.job(&reference).await?;
    let Some(job) = job else {
        let gone = super::gone(&reference, &host).await;
        let exit = if gone.code == "job-gone" { Exit::Refused } else { gone.exit };
        return Err(Problem { exit, ..gone }.changed(Changed::No));
    };
    let job = judge(&reference, job, &connection)?;
    if args.dry_run {
        return dry_run(&reference, &host, context);
    }
    let kind = job.kind.map_or_else(|| "job".to_owned(), |kind| kind.to_string());
    note(&format!("{reference} on {}: {kind}, {}, {} %", connection.name, job.state, job.percent.unwrap_or(0)));
    note("  it is asked to end before it is done; what it has changed by then, the state of the VM tells");
    if !args.yes && !confirm(&format!("Cancel {reference} now?")).await {
        return Err(Problem::new(Exit::Refused, "declined", "not confirmed; nothing was sent"));
    }
    context.interruption.leave_behind(
        Changed::Perhaps,
        format!("job {reference} was being asked to end"),
        format!("look at it: {}", connection.command(&["job", "show"]).operand(reference.to_string())),
    );
    ask(&reference, &host, &connection).await?;
    let ended = super::follow(&reference, Some(job), &host, &connection, context).await?;
    let Some(ended) = ended else { return Err(super::gone(&reference, &host).await) };
    report(&ended, &connection, context)
}

/// The job as it is, if it can be cancelled.
fn judge(reference: &JobRef, job: Job, connection: &Connection) -> Result<Job, Problem> {
    let refuse = |code, message| Problem::new(Exit::Refused, code, message);
    if job.is_over() {
        return Err(refuse("job-over", format!("job {reference} is over: {}", job.state))
            .remedy("there is nothing to cancel; look at the state of the VM: `hvr status`")
            .detail("job", json::job(&job)));
    }
    if !job.cancellable {
        let follow = connection.command(&["job", "wait"]).operand(reference.to_string());
        return Err(refuse("not-cancellable", format!("job {reference} says that it cannot be cancelled"))
            .remedy(format!("follow it to its end: {follow}"))
            .detail("job", json::job(&job)));
    }
    Ok(job)
}

fn dry_run<E: Exchange>(reference: &JobRef, host: &Host<E>, context: &Context) -> Result<Exit, Problem> {
    let call = host.cancel_job_call(reference);
    let written = host.client().envelope(&call).map_err(|error| Problem::internal(error.to_string()))?;
    let xml = String::from_utf8_lossy(&written);
    if context.printer.is_table() {
        note("dry run: this envelope would be sent, and was not:");
        output::raw(&xml);
    } else {
        let action = format!("{}/{}", call.target.resource, call.method);
        context
            .printer
            .document(&json!({ "kind": "wsman-dry-run", "schema": 1, "action": action, "xml": xml, "sent": false }));
    }
    Ok(Exit::Done)
}

/// Asks once. A reply that was lost is no reason to ask again: the job itself tells what came of it.
async fn ask<E: Exchange>(reference: &JobRef, host: &Host<E>, connection: &Connection) -> Result<(), Problem> {
    let error = match host.cancel_job(reference).await {
        Ok(JobChange::Accepted) => return Ok(()),
        Ok(JobChange::Refused(code)) => {
            let follow = connection.command(&["job", "wait"]).operand(reference.to_string());
            let text = format!("the host refused to cancel {reference}: {} ({code})", code.value());
            return Err(Problem::new(Exit::HostRefused, "host-refused", text)
                .remedy(format!("the job goes on: {follow}"))
                .detail("return_value", json::named(code.value(), code)));
        }
        Err(error) => error,
    };
    match error.delivery() {
        Delivery::Unknown => {
            note(&format!("the reply was lost ({}); looking at the job instead of asking again", chain(&error)));
            Ok(())
        }
        Delivery::Answered if error.fault().is_some_and(|fault| !fault.is_access_denied()) => {
            Err(Problem { exit: Exit::HostRefused, ..Problem::from(error) })
        }
        _ => Err(Problem::from(error)),
    }
}

/// What came of it. That a job which was asked to end may end as failed is inferred (not asked): it has not done its work
/// either way.
fn report(job: &Job, connection: &Connection, context: &Context) -> Result<Exit, Problem> {
    if job.is_good() {
        let text = format!("job {} was not cancelled: it completed first", job.reference);
        return Err(Problem::new(Exit::HostRefused, "not-cancelled", text)
            .remedy("what it was to do is done; look at the state of the VM: `hvr status`")
            .changed(Changed::Yes)
            .detail("job", json::job(job)));
    }
    let outcome = match job.state {
        JobState::Terminated => "terminated",
        JobState::Killed => "killed",
        _ => "failed",
    };
    if context.printer.is_table() {
        output::line(&format!(
            "job {} is cancelled: {}, {} ({})",
            job.reference,
            job.state,
            job.error_code.value(),
            job.error_code
        ));
        note(&format!("what it had changed by then, the state of the VM tells: {}", connection.command(&["status"])));
        return Ok(Exit::Done);
    }
    let document: Value = json!({
        "kind": "job-cancel",
        "schema": 1,
        "simulated": connection.is_simulated(),
        "host": connection.name,
        "outcome": outcome,
        "job": json::job(job),
    });
    context.printer.document(&document);
    Ok(Exit::Done)
}
