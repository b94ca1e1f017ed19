//! `hvr job`: a job of the host, by reference.

mod cancel;

use serde_json::json;

use crate::cli::connect::Connection;
use crate::cli::exit::Exit;
use crate::cli::output::note;
use crate::cli::problem::{Changed, Problem};
use crate::cli::{Context, json};
use crate::failover::Clock;
use crate::hyperv::{self, Follow, Host, Job, JobFollower, JobRef, JobState};
use crate::wsman::{self, Exchange, SelectorSet};

/// Show, follow or cancel a job.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show a job once
    Show(One),
    /// Follow a job to its end
    Wait(One),
    /// Ask a job to end, where it says that it can; then follow it to its end
    Cancel(cancel::Args),
}

#[derive(Debug, clap::Args)]
struct One {
    /// Msvm_ConcreteJob?InstanceID=…, as `hvr failover` prints it, or the bare id
    job: String,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let (one, wait) = match &args.what {
        What::Show(one) => (one, false),
        What::Wait(one) => (one, true),
        What::Cancel(args) => return cancel::run(args, context).await,
    };
    let connection = Connection::open(context).await?;
    let host = connection.host();
    let reference = parse(&one.job, &host)?;
    let job = match wait {
        false => host.job(&reference).await?,
        true => follow(&reference, None, &host, &connection, context).await?,
    };
    let Some(job) = job else { return Err(gone(&reference, &host).await) };
    let failed = job.is_over() && !job.is_good();
    // One document in JSON: a failure that was waited for is told by that of the error.
    if !(wait && failed) || context.printer.is_table() {
        print(&job, &connection, context);
    }
    if !failed {
        if job.state == JobState::CompletedWithWarnings {
            note("the job completed with warnings");
        }
        return Ok(Exit::Done);
    }
    let details = host.job_errors(&job.reference).await.unwrap_or_default();
    let said = details.iter().map(|detail| detail.message.as_str()).chain([job.error_description.as_str()]);
    let said: Vec<_> = said.filter(|text| !text.is_empty()).take(1).collect();
    let code = job.error_code;
    if !wait {
        note(&format!("the job failed: {} ({code}) {}", code.value(), said.concat()));
        return Ok(Exit::Done);
    }
    Err(Problem::new(
        Exit::HostRefused,
        "job-failed",
        format!("the job ended as {} with {} ({code}): {}", job.state, code.value(), said.concat()),
    )
    .changed(Changed::Perhaps)
    .detail("job", json::job(&job))
    .detail("errors", json::job_errors(&details)))
}

/// Follows a job to its end; `last` is how it was seen before.
async fn follow<E: Exchange>(
    reference: &JobRef,
    mut last: Option<Job>,
    host: &Host<E>,
    connection: &Connection,
    context: &Context,
) -> Result<Option<Job>, Problem> {
    let again = connection.command(&["job", "wait"]).operand(reference.to_string());
    let out_of_time = |last: Option<&Job>| {
        Problem::new(Exit::Deadline, "deadline", "the deadline passed; the job goes on on the host")
            .remedy(format!("follow it again: {again}"))
            .changed(Changed::Yes)
            .detail("job", last.map_or_else(|| json::job_ref(reference), json::job))
    };
    let clock = &context.clock;
    let mut follower = JobFollower::new(clock.now());
    loop {
        let answer = host.job(reference).await;
        let now = clock.now();
        let next = match answer {
            Ok(job) => {
                if let Some(job) = &job {
                    context.interruption.leave_behind(
                        Changed::Yes,
                        format!("job {reference} goes on on the host"),
                        format!("follow it: {again}"),
                    );
                    note(&format!(
                        "job {}: {}, {} %",
                        job.reference.instance_id(),
                        job.state,
                        job.percent.unwrap_or(0)
                    ));
                }
                let next = follower.observe(now, job.as_ref());
                last = job.or(last);
                next
            }
            // The first look tells a wrong host from a lost one.
            Err(error) if last.is_none() => return Err(error.into()),
            Err(hyperv::Error::Wsman(wsman::Error::Deadline)) => return Err(out_of_time(last.as_ref())),
            Err(error) if error.is_contact_lost() => {
                note(&format!("no answer ({error}); trying again"));
                follower.observe_failure(now)
            }
            Err(error) => return Err(Problem::from(error).changed(Changed::Perhaps)),
        };
        match next {
            Follow::Wait(delay) => {
                let remaining = context.settings.timeout.map(|deadline| deadline.saturating_sub(clock.now()));
                if remaining.is_some_and(|remaining| remaining.is_zero()) {
                    return Err(out_of_time(last.as_ref()));
                }
                clock.sleep(remaining.map_or(delay, |remaining| remaining.min(delay))).await;
            }
            Follow::Ended | Follow::Failed => return Ok(last),
            Follow::Gone => return Ok(None),
            Follow::ContactLost => {
                return Err(Problem::new(
                    Exit::Unknown,
                    "state-unknown",
                    "the host gives no answer; the job may go on",
                )
                .remedy(format!("try again later: {again}"))
                .changed(Changed::Perhaps));
            }
        }
    }
}

fn parse<E: Exchange>(text: &str, host: &Host<E>) -> Result<JobRef, Problem> {
    let (class, key) = text.split_once('?').unwrap_or(("Msvm_ConcreteJob", text));
    let id = match key.split_once('=') {
        Some((name, id)) if name.eq_ignore_ascii_case("InstanceID") => id,
        Some(_) => {
            return Err(Problem::usage(format!(
                "{text:?} is no job; write Msvm_ConcreteJob?InstanceID=… or the bare id"
            )));
        }
        None => key,
    };
    // As the reference is written in full by other servers; the namespace is that of the command.
    let id = id.split_once(",__cimnamespace=").map_or(id, |(id, _)| id).trim_matches('"');
    if id.is_empty() || class.is_empty() {
        return Err(Problem::usage("a job is Msvm_ConcreteJob?InstanceID=… or the bare id"));
    }
    let keys = SelectorSet::new().with("InstanceID", id);
    Ok(JobRef::new(host.client().addressing().reference(class, keys)))
}

/// A job that is not there is gone, if the host knows jobs by this URI at all.
async fn gone<E: Exchange>(reference: &JobRef, host: &Host<E>) -> Problem {
    let resource = &reference.reference().resource;
    match host.lacks(resource.last_segment()).await {
        Ok(Some(fault)) => {
            let mut problem = Problem::from(wsman::Error::Fault(fault));
            problem.message = format!("the host does not answer for {resource}: {}", problem.message);
            return problem;
        }
        Err(error) => {
            return Problem::from(error).changed(Changed::Perhaps);
        }
        Ok(None) => {}
    }
    Problem::new(Exit::Unknown, "job-gone", format!("the host has no job {reference}"))
        .remedy(
            "a finished job is kept for about five minutes; the state of the VM tells what became of it: `hvr status`",
        )
        .changed(Changed::Perhaps)
}

fn print(job: &Job, connection: &Connection, context: &Context) {
    let printer = context.printer;
    if printer.is_table() {
        let row = vec![
            job.reference.instance_id().to_owned(),
            job.kind.map_or_else(|| "-".to_owned(), |kind| kind.to_string()),
            job.state.to_string(),
            format!("{} %", job.percent.unwrap_or(0)),
            format!("{} ({})", job.error_code.value(), job.error_code),
            job.status.clone(),
        ];
        printer.table(&["id", "type", "state", "done", "error", "status"], &[row]);
        return;
    }
    printer.document(&json!({
        "kind": "job", "schema": 1, "simulated": connection.is_simulated(), "host": connection.name, "job": json::job(job),
    }));
}
