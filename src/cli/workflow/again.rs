//! A run is taken up again, or walked back: from its id to its end.

use serde_json::json;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::output::note;
use crate::cli::problem::Problem;
use crate::cli::settings::Settings;
use crate::failover::journal::{History, RunEnd, RunId, TakeError, Verdict, World};
use crate::failover::{About, Cause, Kind, Order, Outcome, Site, StepName, Whereabouts, dry_run};
use crate::hyperv::VmSelector;
use crate::journal::sqlite::{Filter, FindError, Store};

use super::{
    Answer, Consent, Ends, Scene, carry, end, look, look_on_paper, needs_consent, on_paper, open_store, recalled,
    stays_open, stopped, take_up, whereabouts, world,
};

/// Takes a run up again: the one named, or the only open one. With `turn_off` it cuts the power of a guest that does not
/// shut down.
pub async fn resume(run: Option<&str>, turn_off: bool, consent: &Consent, context: &Context) -> Result<Exit, Problem> {
    let store = open_store(context)?;
    let run = choose(run, &store)?;
    needs_consent(consent)?;
    let (journal, mut history) = store.resume(&run).map_err(held)?;
    match history.end {
        None | Some(RunEnd::HandedOver) => {}
        Some(end) => {
            return Err(Problem::new(Exit::Refused, "run-ended", format!("run {run} has ended: {}", end.name()))
                .remedy(format!("see what it did: `hvr run show {run}`")));
        }
    }
    if history.end == Some(RunEnd::HandedOver) {
        is_last(&history, &store)?;
    }
    say(&history);
    if turn_off {
        waits_for_guest(&history, context)?;
        history.record.order.kind.cut_power();
    }
    let ends = ends_of(&history, context).await.map_err(|problem| of_run(problem, &history, context))?;
    if consent.dry_run {
        let vm = history.record.vm.to_string();
        let dry = look_on_paper(history, &ends, context).await;
        if matches!(dry, Err(Outcome::Done(_))) {
            let again = context.settings.journal_command("resume", Some(run.as_str()));
            note(&format!(
                "dry run: nothing is left to be sent, and nothing was put on record; this ends the run: {again}"
            ));
        }
        return on_paper(
            dry,
            &Scene { vm: &vm, open: Some(&run), undoes: None, run: Some(&run), ends: &ends, context },
        )
        .await;
    }
    take_up(history, journal, Answer::of(consent), &ends, context).await
}

/// Walks a half-done planned failover back.
pub async fn undo(run: Option<&str>, consent: &Consent, context: &Context) -> Result<Exit, Problem> {
    let store = open_store(context)?;
    let run = choose(run, &store)?;
    needs_consent(consent)?;
    let history = store.run(&run).map_err(|error| stopped::no_journal(&error))?;
    let history = history.ok_or_else(|| no_run(run.as_str()))?;
    if !matches!(history.record.order.kind, Kind::PlannedFailover { .. }) {
        return Err(Problem::new(
            Exit::Refused,
            "not-planned",
            format!("run {run} is no planned failover but {}", history.record.order.kind.name()),
        )
        .remedy(format!(
            "a failover is taken back with {}, a rehearsal ended with {}",
            context.settings.command(&["undo"]).operand(history.record.vm.as_str()),
            context.settings.command(&["test", "stop"]).operand(history.record.vm.as_str())
        )));
    }
    match history.end {
        // What is done and not turned round can be walked back too; the hosts decide.
        None | Some(RunEnd::Done | RunEnd::HandedOver) => {}
        Some(end) => {
            return Err(Problem::new(Exit::Refused, "run-ended", format!("run {run} has ended: {}", end.name()))
                .remedy(format!("see what it did: {}", context.settings.journal_command("show", Some(run.as_str())))));
        }
    }
    say(&history);
    let ends = ends_of(&history, context).await.map_err(|problem| of_run(problem, &history, context))?;
    settle(&run, &store, consent, &ends, context).await?;
    // The primary is started again only if it was this run that stopped it.
    let stops = [StepName::ShutDownPrimary.name(), StepName::TurnOffPrimary.name()];
    let start_primary = history.calls.iter().any(|call| stops.contains(&call.intent.step.as_str()));
    let kind = Kind::WalkBack { start_primary };
    let order =
        Order { deadline: context.settings.timeout, ..Order::of(kind, VmSelector::Id(history.record.vm.clone())) };
    let vm = history.record.vm.to_string();
    if consent.dry_run {
        let dry = dry_run(ends.hosts(), order, &context.clock).await;
        return on_paper(
            dry,
            &Scene { vm: &vm, open: Some(&run), undoes: Some(&run), run: None, ends: &ends, context },
        )
        .await;
    }
    let about = About {
        context: history.record.context.clone(),
        undoes: Some(run.clone()),
        may_have_changed: is_half_way(&history),
        vm_name: history.record.vm_name.clone(),
        world: ends.world.clone(),
    };
    let mut journal = store.journal();
    let (_, ended) = carry(order, about, &vm, Answer::of(consent), &ends, &mut journal, context).await;
    drop(journal);
    // The end of a walk back marks the run; where nothing had to be sent there was no walk on record.
    let is_open = store.run(&run).ok().flatten().is_some_and(|history| history.end.is_none());
    if matches!(ended, Ok(Exit::Done)) && is_open {
        store.close_by_hand(&run, "walked back: nothing had to be sent").map_err(held)?;
    }
    ended
}

/// Only a run that waits for a guest has a power to cut.
fn waits_for_guest(history: &History, context: &Context) -> Result<(), Problem> {
    let run = &history.record.id;
    let last = history.calls.last().filter(|call| call.verdict != Some(Verdict::Done));
    let waits = last.and_then(|call| StepName::named(&call.intent.step)?.power_cut());
    match waits {
        Some(_) => Ok(()),
        None => Err(Problem::new(Exit::Refused, "no-guest", format!("run {run} waits for no guest to shut down"))
            .remedy(format!(
                "take it up without --turn-off: {}",
                context.settings.journal_command("resume", Some(run.as_str()))
            ))),
    }
}

/// A run that was handed over kept nobody off its VM: where another one has worked on it since, nothing is left to prove.
fn is_last(history: &History, store: &Store) -> Result<(), Problem> {
    let id = &history.record.id;
    let filter = Filter::all().on(VmSelector::Id(history.record.vm.clone()));
    let listing = store.runs(&filter).map_err(|error| stopped::no_journal(&error))?;
    let newest = listing.runs.into_iter().find(|run| run.record.world == history.record.world);
    match newest.filter(|newest| newest.record.id != *id) {
        None => Ok(()),
        Some(newest) => {
            let text = format!("run {id} was handed over, and run {} has worked on the VM since", newest.record.id);
            let remedy = format!("see what it did: `hvr run show {}`", newest.record.id);
            Err(Problem::new(Exit::Refused, "superseded", text).remedy(remedy))
        }
    }
}

/// A call that may still be at work is followed to its end first: what it does would come after the walk back.
async fn settle(run: &RunId, store: &Store, consent: &Consent, ends: &Ends, context: &Context) -> Result<(), Problem> {
    let (journal, history) = store.resume(run).map_err(held)?;
    if history.calls.last().is_none_or(|call| call.verdict.is_some()) {
        return Ok(());
    }
    note("what came of the last call is looked at first");
    let vm = history.record.vm.to_string();
    let outcome = match consent.dry_run {
        true => match look_on_paper(history, ends, context).await {
            Ok(_) => return Ok(()),
            Err(outcome) => outcome,
        },
        false => look(history, journal, Answer::No, ends, context).await?,
    };
    match outcome {
        Outcome::Done(_) | Outcome::Declined(_) => Ok(()),
        Outcome::Halted(halted) if matches!(halted.why, Outcome::Declined(_)) => Ok(()),
        // Nothing was confirmed, so nothing was sent; or what was sent has certainly failed.
        Outcome::Stopped(stopped) if !is_in_doubt(&stopped.cause) => Ok(()),
        outcome => end(outcome, &Scene { vm: &vm, open: Some(run), undoes: None, run: Some(run), ends, context })
            .await
            .map(drop),
    }
}

/// Whether the run is open and a call of it was taken, or may have been.
fn is_half_way(history: &History) -> bool {
    history.end.is_none() && history.may_have_changed()
}

/// What keeps a run from being taken up before a host was asked.
fn of_run(problem: Problem, history: &History, context: &Context) -> Problem {
    let record = &history.record;
    // What is refused for what the run is leads nowhere by being repeated.
    let problem = match problem.exit {
        Exit::Refused => problem,
        _ => problem.and_remedy(&stopped::again(context, &record.id)),
    };
    if !is_half_way(history) {
        return problem;
    }
    let unread = Whereabouts::unread(record.vm_name.as_str(), record.order.kind.needs_primary());
    let name = |site| record.hosts.iter().find(|(known, _)| *known == site).map_or("its host", |(_, url)| url);
    // A question that brought nothing refuses nothing: what became of the last call is as unknown as it was.
    let exit = if problem.exit == Exit::HostRefused { Exit::Unknown } else { problem.exit };
    whereabouts::after_a_call(Problem { exit, ..problem }, &unread, name).detail("run", json!(record.id.as_str()))
}

fn is_in_doubt(cause: &Cause) -> bool {
    matches!(cause, Cause::Unproven { .. } | Cause::DeadlinePassed { .. } | Cause::NotSent(_) | Cause::Journal(_))
}

fn choose(run: Option<&str>, store: &Store) -> Result<RunId, Problem> {
    match run {
        Some(run) => store.find(run).map_err(|error| match error {
            FindError::None { .. } => no_run(run),
            error => Problem::new(Exit::Refused, "run", error.to_string()).remedy("list the runs: `hvr run list`"),
        }),
        None => {
            let listing = store.runs(&Filter::open());
            let listing = listing.map_err(|error| stopped::no_journal(&error))?;
            match listing.runs.as_slice() {
                [one] => Ok(one.record.id.clone()),
                [] => Err(Problem::new(Exit::Refused, "no-open-run", "there is no open run")
                    .remedy("see all runs: `hvr run list`")),
                several => {
                    let ids: Vec<_> =
                        several.iter().map(|run| format!("{} ({})", run.record.id, run.record.vm_name)).collect();
                    Err(Problem::new(
                        Exit::Refused,
                        "several-runs",
                        format!("several runs are open: {}", ids.join(", ")),
                    )
                    .remedy("name one of them"))
                }
            }
        }
    }
}

fn no_run(run: &str) -> Problem {
    Problem::new(Exit::Refused, "no-run", format!("the journal has no run {run}"))
        .remedy("list the runs: `hvr run list`")
}

fn held(error: TakeError) -> Problem {
    match error {
        TakeError::Held { run, holder } => {
            Problem::new(Exit::Refused, "held", format!("run {run} is at work at this moment ({holder})"))
                .remedy(format!("wait for its end; look at it: `hvr run show {run}`"))
        }
        TakeError::Open { run: other } => {
            Problem::new(Exit::Refused, "open-run", format!("another run on the same VM is open: {other}"))
                .remedy(format!("settle that one first: `hvr run resume {other}`"))
        }
        TakeError::Journal(error) => stopped::no_journal(&error),
    }
}

async fn ends_of(history: &History, context: &Context) -> Result<Ends, Problem> {
    // Hosts are asked from here on, and an interruption must lead back to the run.
    stays_open(&history.record.id, context);
    let (host, primary) = recalled(&history.record.context);
    let url = |site| history.record.hosts.iter().find(|(known, _)| *known == site).map(|(_, url)| url.as_str());
    let settings = Settings::recalled(&context.common, &host.at(url(Site::Host)))?;
    let both = history.record.order.kind.needs_primary();
    let primary = match primary {
        Some(primary) if both => Some(Settings::recalled_primary(&context.common, &primary.at(url(Site::Primary)))?),
        _ => None,
    };
    let context = Context { settings, ..context.clone() };
    let (record, run) = (&history.record, history.record.id.as_str());
    if let World::Embedded(_) = record.world {
        // Whatever listens at its address now is another one.
        world::is_the_same(&record.world, &World::Real, run)?;
    }
    let mut ends = Ends::open(&context, both, primary.as_ref(), record.vm.as_str()).await?;
    ends.world = world::of(&ends.host, ends.primary.as_ref(), &record.world).await?;
    world::is_the_same(&record.world, &ends.world, run)?;
    Ok(ends)
}

/// What the journal has of the run.
fn say(history: &History) {
    let record = &history.record;
    note(&format!("run {}: {} of {} ({})", record.id, record.order.kind.name(), record.vm_name, record.vm));
    for call in &history.calls {
        let verdict = call.verdict.map_or("not settled", |verdict| verdict.name());
        note(&format!("  {} on the {}: {verdict}", call.intent.step, call.intent.site));
    }
    if !history.note.is_empty() {
        note(&format!("  {}", history.note));
    }
}
