//! A run that did not come to its end: what that means for the operator, and what to do.

use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::commands::{ambiguous, not_visible, other_end};
use crate::cli::exit::Exit;
use crate::cli::json;
use crate::cli::printed::Printed;
use crate::cli::problem::{Changed, Problem, chain};
use crate::failover::journal::{JournalError, RunId, World};
use crate::failover::{Cause, Kind, Outcome, Refusal, Severity, Site, StepName, Stopped, describe};
use crate::hyperv::{Error, Job, JobError, JobRef, ReturnCode, Vm, VmSelector};
use crate::journal::sqlite::{Filter, Store};

use super::{Scene, whereabouts};

/// Why this process sent nothing.
pub(super) async fn not_begun(why: Outcome, scene: &Scene<'_>) -> Problem {
    match why {
        Outcome::Refused(refusal) => refused(refusal, scene).await,
        Outcome::Declined(proposal) => Problem::new(
            Exit::Refused,
            "declined",
            format!("{}: {} was not confirmed", proposal.vm.name, proposal.kind.name()),
        ),
        Outcome::NotSent(error) => not_read(error, scene),
        other => Problem::internal(format!("a run that sent nothing ended as {other:?}")),
    }
}

/// Why nothing was sent.
async fn refused(refusal: Refusal, scene: &Scene<'_>) -> Problem {
    match refusal {
        Refusal::NotVisible { vm, site: Site::Host } => not_visible(&vm, &scene.ends.hosts.0).await,
        Refusal::NotVisible { vm, site: Site::Primary } => Problem::new(
            Exit::Refused,
            "no-primary",
            format!("{} shows no VM {vm}: it does not hold the other end", scene.ends.name(Site::Primary)),
        )
        .remedy("check --primary, and the account's rights there"),
        Refusal::Ambiguous(vms) => ambiguous(&vms),
        Refusal::NoPoint { choice, points } => Problem::new(
            Exit::Refused,
            "no-point",
            format!("none of the {} recovery points of the VM fits {choice}", points.len()),
        )
        .remedy(format!("see them with {}; --point latest needs none", scene.ends.command(&["points"], Site::Host)))
        .detail("points", points.iter().map(json::point).collect()),
        Refusal::Preflight(proposal) => {
            let proposal = scene.ends.told(&proposal);
            let refusals = || proposal.findings.iter().filter(|finding| finding.severity == Severity::Refusal);
            // Two findings may have one remedy.
            let join = |texts: Vec<&str>| {
                let mut said: Vec<&str> = Vec::new();
                texts.into_iter().filter(|text| !text.is_empty()).for_each(|text| {
                    if !said.contains(&text) {
                        said.push(text);
                    }
                });
                said.join("; ")
            };
            let text = join(refusals().map(|finding| finding.text.as_str()).collect());
            let mut remedy = join(refusals().map(|finding| finding.remedy.as_str()).collect());
            // Asked of the wrong end: its settings name the other.
            if refusals().any(|finding| finding.code == "is-primary")
                && let Some(other) = other_end(&scene.ends.hosts.0, &proposal.vm).await
            {
                remedy = other.remedy();
            }
            let open = open_run(&proposal.vm, scene);
            if let Some(run) = &open {
                // One that cannot be taken back goes on.
                remedy = match scene.undoes == Some(run) {
                    true => {
                        format!("run {run} stays open; take it up again: {}; {remedy}", scene.journal("resume", run))
                    }
                    false => format!(
                        "run {run} is open on this VM, at work or left half-way, look at it first: {}; {remedy}",
                        scene.journal("show", run)
                    ),
                };
            }
            let problem = Problem::new(
                Exit::Refused,
                refusals().next().map_or("refused", |finding| finding.code),
                format!("{}: {} is refused: {text}", proposal.vm.name, proposal.kind.name()),
            )
            .remedy(remedy)
            .detail("proposal", json::proposal(&proposal));
            match open {
                Some(run) => problem.detail("run", json!(run.as_str())),
                None => problem,
            }
        }
        Refusal::Held { vm, run, holder } => Problem::new(
            Exit::Refused,
            "held",
            format!("another run works on {} at this moment: {run} ({holder})", vm.name),
        )
        .remedy(format!("wait for its end; look at it: {}", scene.journal("show", &run)))
        .detail("run", json!(run.as_str()))
        .detail("holder", json!(holder)),
        Refusal::OpenRun { vm, run } => {
            Problem::new(Exit::Refused, "open-run", format!("an earlier run on {} is not settled: {run}", vm.name))
                .remedy(format!(
                    "settle it first: {}; look at it: {}",
                    scene.journal("resume", &run),
                    scene.journal("show", &run)
                ))
                .detail("run", json!(run.as_str()))
        }
        Refusal::Journal(error) => no_journal(&error),
        Refusal::NoPrimary => Problem::usage("this needs the primary's host too: --primary HOST"),
    }
}

/// The run that the journal has open on a VM, where it tells: what was found may be its work.
fn open_run(vm: &Vm, scene: &Scene<'_>) -> Option<RunId> {
    let settings = &scene.context.settings;
    if settings.simulate && settings.state.is_none() {
        return None;
    }
    let store = Store::open_read_only(&settings.state_directory().ok()?).ok()??;
    let open = store.runs(&Filter::open().on(VmSelector::Id(vm.id.clone()))).ok()?;
    let world = World::of(vm, scene.ends.hosts.0.client().address());
    open.runs.into_iter().find(|run| [&world, &scene.ends.world].contains(&&run.record.world)).map(|run| run.record.id)
}

/// Nothing can be put on record, so nothing is sent.
pub fn no_journal(error: &JournalError) -> Problem {
    Problem::new(
        Exit::Refused,
        "journal",
        format!("nothing can be put on record, so nothing is sent: {}", chain(error)),
    )
    .remedy("no host was changed; --state DIR names another directory, which knows nothing of the runs in this one")
}

/// Reading failed before anything was sent by this process; an open run stays as it was.
fn not_read(error: Error, scene: &Scene<'_>) -> Problem {
    let ends = scene.ends;
    let problem = ends.host.with_origins(Problem::from(error));
    let problem = ends.primary.iter().fold(problem, |problem, primary| primary.with_origins(problem));
    match scene.open {
        None => problem,
        Some(run) => problem.and_remedy(&again(scene.context, run)).detail("run", json!(run.as_str())),
    }
}

/// How to go on with a run that could not be looked at.
pub(super) fn again(context: &Context, run: &RunId) -> String {
    let resume = context.settings.journal_command("resume", Some(run.as_str()));
    format!("the run stays as it was; take it up again: {resume}")
}

/// A run that stopped at a step.
pub(super) fn stopped(stopped: Stopped, scene: &Scene<'_>) -> Problem {
    let half_way = stopped.is_half_way();
    let told = Told { scene, step: stopped.step, site: stopped.site, name: &stopped.before.name };
    let problem = match &stopped.cause {
        Cause::HostRefused(code) => told.host_refused(*code, &stopped),
        Cause::Faulted(error) => told.faulted(error),
        Cause::JobFailed { job, details } => told.job_failed(job, details, &stopped),
        Cause::NotSent(error) => Problem::new(Exit::Unknown, "half-way", format!("not sent: {}", chain(error))),
        Cause::Journal(error) => match half_way {
            false => no_journal(error),
            true => Problem::new(
                Exit::Unknown,
                "half-way",
                format!("{} was not sent, as it could not be put on record: {}", stopped.step, chain(error)),
            ),
        },
        Cause::Declined => Problem::new(Exit::Refused, "declined", "what is left was not confirmed"),
        Cause::Changed(seen) => {
            // What this run has sent may have led there too.
            let by = if stopped.may_have_changed { "" } else { "somebody else was at work: " };
            Problem::new(
                Exit::Refused,
                "changed-meanwhile",
                format!("{by}{} needs something else; {seen}", stopped.step),
            )
            .remedy(format!(
                "look at it: {}; if the run is of no use any more, close it: {}",
                scene.ends.command(&["status"], stopped.site),
                scene.context.settings.journal_command("close", scene.run.map(RunId::as_str)).option("--note", "TEXT")
            ))
        }
        Cause::Unproven { reason, job, .. } => told.unproven(reason, job.as_ref(), &stopped),
        Cause::DeadlinePassed { job, last } => Problem::new(
            Exit::Deadline,
            "deadline",
            format!("the deadline passed; {} of {} goes on on {}", stopped.step, told.name, told.host()),
        )
        .remedy(follow_and_prove(scene, stopped.site, job))
        .changed(Changed::Yes)
        .detail("job", last.as_ref().map_or_else(|| json::job_ref(job), |job| json::job(job))),
    };
    let problem = scene.ends.at(stopped.site).with_origins(problem);
    let problem = match half_way {
        true => told.half_way(problem, &stopped),
        false => problem,
    };
    let problem = match scene.undoes {
        // A walk back that came to nothing leaves the run open that it was to take back.
        Some(undone) if stopped.end().is_some() && !scene.ends.host.is_simulated() => {
            let on = format!("run {undone} stays open; {}", scene.on_or_back(undone));
            let remedy = if problem.remedy.is_empty() { on } else { format!("{}; {on}", problem.remedy) };
            problem.remedy(remedy)
        }
        _ => problem,
    };
    let name = |site| scene.ends.name(site);
    let mut problem = match half_way || stopped.may_have_changed {
        true => {
            // Refused by the host in so many words, whatever the words: the rest of the run is where it was.
            let exit = if matches!(stopped.cause, Cause::Faulted(_)) { Exit::HostRefused } else { problem.exit };
            whereabouts::after_a_call(Problem { exit, ..problem }, &stopped.whereabouts, name)
        }
        false => problem.detail("whereabouts", whereabouts::document(&stopped.whereabouts, name)),
    };
    problem = problem
        .detail("vm", json::vm(&stopped.before))
        .detail("before", json::vm(&stopped.before))
        .detail("after", stopped.after.as_ref().map_or(Value::Null, json::vm))
        .detail("workflow", json!(stopped.proposal.kind.name()))
        .detail("step", json!(stopped.step.name()))
        .detail("site", json!(stopped.site.name()))
        .detail("done", stopped.done.iter().map(json::step).collect())
        .detail("remarks", json!(stopped.remarks));
    if let Some(run) = scene.run {
        problem = problem.detail("run", json!(run.as_str()));
    }
    problem
}

struct Told<'s> {
    scene: &'s Scene<'s>,
    step: StepName,
    site: Site,
    name: &'s str,
}

impl Told<'_> {
    fn host(&self) -> &str {
        self.scene.ends.name(self.site)
    }

    fn look(&self) -> Printed {
        self.scene.ends.command(&["status"], self.site)
    }

    fn host_refused(&self, code: ReturnCode, stopped: &Stopped) -> Problem {
        let hint = match self.step {
            StepName::ShutDown | StepName::ShutDownPrimary => {
                let cut = match (self.scene.run, stopped.end()) {
                    // It stays open, so that another run would be kept off the VM.
                    (Some(run), None) => self.scene.journal("resume", run).switch("--turn-off"),
                    _ => self.scene.ends.with_power_cut(&stopped.proposal),
                };
                format!(
                    "the guest cannot be shut down from outside; shut it down in the guest, or cut its power: {cut}; "
                )
            }
            StepName::CancelPrepare | StepName::CancelPrepareHere => {
                "run Stop-VMFailover for the VM on its host instead; ".to_owned()
            }
            _ => String::new(),
        };
        Problem::new(
            Exit::HostRefused,
            "host-refused",
            format!("{} refused to {} ({}): {} ({code})", self.host(), self.step.deed(), self.name, code.value()),
        )
        .remedy(format!("{hint}this call started nothing; look at the VM: {}", self.look()))
        .detail("return_value", json::named(code.value(), code))
    }

    fn faulted(&self, error: &Error) -> Problem {
        let text = chain(error);
        let problem = match error {
            Error::Wsman(error) => Problem::of_wsman(error),
            other => Problem::new(Exit::HostRefused, "protocol", other.to_string()),
        };
        let message = format!("{} did not take the call to {} ({}): {text}", self.host(), self.step.deed(), self.name);
        Problem { message, ..problem }
    }

    fn job_failed(&self, job: &Job, details: &[JobError], stopped: &Stopped) -> Problem {
        let code = job.error_code;
        let mut texts: Vec<&str> = vec![&job.error_description, &job.error_summary];
        texts.extend(details.iter().map(|detail| detail.message.as_str()));
        let mut said: Vec<&str> = Vec::new();
        for text in texts {
            if !text.is_empty() && !said.contains(&text) {
                said.push(text);
            }
        }
        let (left, changed) = match &stopped.after {
            Some(after) if describe(after) == describe(&stopped.before) => {
                (format!("the VM on {} reads as before this step; remove the cause", self.host()), Changed::No)
            }
            Some(after) => {
                (format!("the VM reads as {} now; look at it: {}", describe(after), self.look()), Changed::Yes)
            }
            None => (format!("the VM could not be read after that; look at it: {}", self.look()), Changed::Perhaps),
        };
        Problem::new(
            Exit::HostRefused,
            "job-failed",
            format!(
                "the job to {} ({}) ended as {} with {} ({code}): {}",
                self.step.deed(),
                self.name,
                job.state,
                code.value(),
                said.join(" / ")
            ),
        )
        .remedy(match stopped.is_half_way() || self.scene.undoes.is_some() {
            true => left,
            false => format!("{left}; then run the command again"),
        })
        .changed(changed)
        .detail("job", json::job(job))
        .detail("errors", json::job_errors(details))
    }

    fn unproven(&self, reason: &str, job: Option<&JobRef>, stopped: &Stopped) -> Problem {
        let state = stopped.after.as_ref().map_or_else(
            || "the VM could not be read".to_owned(),
            |vm| format!("the VM last read as {}", describe(vm)),
        );
        let settle = match (self.scene.lasting_run(), self.step.power_cut()) {
            (Some(run), None) => {
                format!(
                    "settle it with: {}, which looks first and sends nothing that was taken",
                    self.scene.journal("resume", run)
                )
            }
            (Some(run), Some(_)) => {
                let resume = || self.scene.journal("resume", run);
                let back = match stopped.proposal.kind {
                    Kind::PlannedFailover { .. } => format!(", or go back: {}", self.scene.journal("undo", run)),
                    _ => String::new(),
                };
                format!(
                    "the guest has not shut down: end it from inside and take the run up again: {}; or cut its power: {}{back}",
                    resume(),
                    resume().switch("--turn-off")
                )
            }
            (None, _) => self.scene.over(),
        };
        Problem::new(
            Exit::Unknown,
            "state-unknown",
            format!("it is not known whether {} is done for {}: {reason}; {state}", self.step, self.name),
        )
        .remedy(format!("do NOT run the command again; {settle}; look at the VM: {}", self.look()))
        .changed(Changed::Perhaps)
        .detail("reason", json!(reason))
        .detail("job", job.map_or(Value::Null, json::job_ref))
    }

    /// What is done already, and how to go on or back.
    fn half_way(&self, problem: Problem, stopped: &Stopped) -> Problem {
        let done: Vec<_> = stopped.done.iter().filter(|step| !step.was_so).map(|step| step.step.name()).collect();
        let message = format!("{} (half-way: done before: {})", problem.message, done.join(", "));
        let is_planned = matches!(stopped.proposal.kind, Kind::PlannedFailover { .. });
        let on = match self.scene.lasting_run() {
            Some(run) if is_planned => self.scene.on_or_back(run),
            Some(run) => format!("take the run up again: {}", self.scene.journal("resume", run)),
            None => self.scene.over(),
        };
        let remedy = match problem.remedy.is_empty() || problem.code == "state-unknown" {
            true if problem.code == "state-unknown" => problem.remedy.clone(),
            true => on,
            false if self.scene.lasting_run().is_none() => format!("{}; {on}", problem.remedy),
            false => format!("{}; then {on}", problem.remedy),
        };
        let changed = if problem.changed == Changed::No { Changed::Yes } else { problem.changed };
        Problem { message, remedy, changed, ..problem }
    }
}

/// How to go on with a job that runs on one of the hosts.
pub(super) fn follow_and_prove(scene: &Scene<'_>, site: Site, job: &JobRef) -> String {
    let host = scene.ends.at(site);
    match scene.lasting_run() {
        Some(run) => format!(
            "follow and prove it: {}; to follow only: {}",
            scene.journal("resume", run),
            host.command(&["job", "wait"]).operand(job.to_string())
        ),
        None => scene.over(),
    }
}
