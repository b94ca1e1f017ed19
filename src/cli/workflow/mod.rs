//! What every command that changes a host has in common: connections, journal, confirmation, progress, the end.

mod again;
mod console;
mod done;
mod primary;
mod recall;
mod rehearse;
mod stopped;
mod whereabouts;
mod world;

use std::sync::Arc;

use crate::failover::journal::{History, Journal, RunId, World};
use crate::failover::{
    About, DryRun, Halted, Hosts, Kind, Order, Outcome, Proposal, Site, StepName, dry_resume, dry_run, resume, run,
};
use crate::hyperv::Host;
use crate::journal::sqlite::{SqliteJournal, Store};
use crate::transport::Session;

use super::Context;
use super::connect::Connection;
use super::exit::Exit;
use super::output::{self, is_interactive};
use super::printed::{Completing, Printed};
use super::problem::{Changed, Problem};
use super::settings::Settings;
use super::way::Way;

pub use again::{resume as resume_run, undo as undo_run};
use console::Console;
pub use primary::PrimaryArgs;
pub use recall::{Recorded, recall, recalled};
pub use rehearse::{Rehearsed, rehearse};
pub use world::end_dead;

/// Flags of every command that changes a host.
#[derive(Debug, Clone, clap::Args)]
pub struct Consent {
    /// Do not ask; warnings are accepted too
    #[arg(short, long)]
    pub yes: bool,
    /// Resolve everything by reading, print the exact envelopes, send none of them
    #[arg(long)]
    pub dry_run: bool,
}

/// Who answers when a run asks whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The person at the terminal.
    Ask,
    /// `--yes` did.
    Yes,
    /// Nothing is to be sent.
    No,
}

impl Answer {
    fn of(consent: &Consent) -> Answer {
        if consent.yes { Answer::Yes } else { Answer::Ask }
    }
}

/// One run to be carried out.
pub struct Task<'t> {
    /// What is ordered.
    pub order: Order,
    /// The VM as it was typed.
    pub vm: &'t str,
    /// Whether to ask.
    pub consent: &'t Consent,
    /// How the primary's host is reached, where the workflow has two.
    pub primary: Option<Settings>,
}

impl Task<'_> {
    /// Runs it to its end.
    pub async fn carry_out(mut self, context: &Context) -> Result<Exit, Problem> {
        needs_consent(self.consent)?;
        self.order.deadline = context.settings.timeout;
        let ends = Ends::open(context, self.order.kind.needs_primary(), self.primary.as_ref(), self.vm).await?;
        if self.consent.dry_run {
            let dry = dry_run(ends.hosts(), self.order, &context.clock).await;
            return on_paper(dry, &Scene { vm: self.vm, open: None, undoes: None, run: None, ends: &ends, context })
                .await;
        }
        let store = open_store(context)?;
        let mut journal = store.journal();
        let about = About {
            context: recall(&context.settings, self.primary.as_ref()),
            world: ends.world.clone(),
            ..About::default()
        };
        let ended = carry(self.order, about, self.vm, Answer::of(self.consent), &ends, &mut journal, context).await.1;
        drop(journal);
        world::end_with(&ends.world, &store);
        ended
    }
}

/// Takes up a run that an earlier process left, to its end.
pub async fn take_up(
    history: History,
    journal: SqliteJournal,
    answer: Answer,
    ends: &Ends,
    context: &Context,
) -> Result<Exit, Problem> {
    let (run, vm) = (history.record.id.clone(), history.record.vm.to_string());
    let undone = history.record.undoes.clone();
    let outcome = look(history, journal, answer, ends, context).await?;
    let scene = Scene { vm: &vm, open: Some(&run), undoes: undone.as_ref(), run: Some(&run), ends, context };
    end(outcome, &scene).await
}

/// Prints what would be sent, or why nothing would be.
async fn on_paper(dry: Result<DryRun, Outcome>, scene: &Scene<'_>) -> Result<Exit, Problem> {
    match dry {
        Ok(dry) => {
            done::print_dry_run(&dry, scene.ends, scene.context.printer);
            Ok(Exit::Done)
        }
        Err(outcome) => end(outcome, scene).await,
    }
}

/// Takes up a run on paper: what came of its last call is looked at, and nothing is sent or put on record.
async fn look_on_paper(history: History, ends: &Ends, context: &Context) -> Result<DryRun, Outcome> {
    let mut console = Console::new(Some(history.record.id.clone()), ends, Answer::No, context);
    let deadline = context.settings.timeout;
    let dry = dry_resume(ends.hosts(), history, deadline, &context.clock, &mut console).await;
    console.finish();
    dry
}

/// Takes up a run; prints no end.
async fn look(
    history: History,
    mut journal: SqliteJournal,
    answer: Answer,
    ends: &Ends,
    context: &Context,
) -> Result<Outcome, Problem> {
    let mut console = Console::new(Some(history.record.id.clone()), ends, answer, context);
    let deadline = context.settings.timeout;
    let outcome = tokio::select! {
        biased;
        outcome = resume(ends.hosts(), history, deadline, &context.clock, &mut journal, &mut console) => outcome,
        () = context.interruption.signal() => return Err(interrupted(&mut console, &mut journal, context)),
    };
    console.finish();
    Ok(outcome)
}

/// Runs an order and prints its end; gives the run's id too, where it came to have one.
pub async fn carry(
    order: Order,
    about: About,
    vm: &str,
    answer: Answer,
    ends: &Ends,
    journal: &mut SqliteJournal,
    context: &Context,
) -> (Option<RunId>, Result<Exit, Problem>) {
    let undone = about.undoes.clone();
    let (run, outcome) = conduct(order, about, answer, ends, journal, context).await;
    let undone = undone.as_ref();
    let ended = match outcome {
        Ok(outcome) => {
            end(outcome, &Scene { vm, open: undone, undoes: undone, run: run.as_ref(), ends, context }).await
        }
        Err(problem) => Err(problem),
    };
    (run, ended)
}

/// Runs an order; prints no end.
async fn conduct(
    order: Order,
    about: About,
    answer: Answer,
    ends: &Ends,
    journal: &mut SqliteJournal,
    context: &Context,
) -> (Option<RunId>, Result<Outcome, Problem>) {
    if let Some(undone) = &about.undoes {
        stays_open(undone, context);
    }
    let mut console = Console::new(None, ends, answer, context);
    let outcome = tokio::select! {
        biased;
        outcome = run(ends.hosts(), order, about, &context.clock, journal, &mut console) => outcome,
        () = context.interruption.signal() => return (console.run().cloned(), Err(interrupted(&mut console, journal, context))),
    };
    console.finish();
    (console.run().cloned(), Ok(outcome))
}

/// What an interruption leaves behind before anything is sent for a run that was begun before.
fn stays_open(run: &RunId, context: &Context) {
    let again = context.settings.journal_command("resume", Some(run.as_str()));
    context.interruption.leave_behind(
        Changed::No,
        format!("nothing was sent; run {run} stays as it was"),
        format!("take it up again: {again}"),
    );
}

fn interrupted(console: &mut Console<'_>, journal: &mut SqliteJournal, context: &Context) -> Problem {
    console.finish();
    // The records of what was sent are there already; without this one only the reason is missing.
    let _ = journal.close(None, "interrupted");
    output::end_of_line();
    context.interruption.problem()
}

/// Without a terminal there is nobody to ask.
pub fn needs_consent(consent: &Consent) -> Result<(), Problem> {
    match consent.yes || consent.dry_run || is_interactive() {
        true => Ok(()),
        false => Err(Problem::usage("this changes the host, and there is no terminal to ask on: add --yes")
            .remedy("nothing was sent")),
    }
}

/// The journal of the state directory; of a rehearsal in memory, unless a directory is named for it.
pub fn open_store(context: &Context) -> Result<Store, Problem> {
    let store = match context.settings.simulate && context.settings.state.is_none() {
        true => Store::in_memory(),
        false => Store::open(&context.settings.state_directory()?),
    };
    let store = store.map_err(|error| stopped::no_journal(&error))?;
    world::end_dead(&store);
    Ok(store)
}

/// The connections of a run.
pub struct Ends {
    /// To the host that was named.
    pub host: Connection,
    /// To the primary's host.
    pub primary: Option<Connection>,
    hosts: (Host<Arc<Session>>, Option<Host<Arc<Session>>>),
    /// The VM as commands name it.
    vm: String,
    /// How to reach the journal.
    journal: Way,
    /// Whether the hosts are real.
    world: World,
}

impl Ends {
    /// Makes the connections ready; nothing is dialled before the first message.
    pub async fn open(context: &Context, both: bool, primary: Option<&Settings>, vm: &str) -> Result<Ends, Problem> {
        let (host, primary) = match both {
            true => {
                let (host, primary) = Connection::open_both(context, primary).await?;
                (host, Some(primary))
            }
            false => (Connection::open(context).await?, None),
        };
        let hosts = (host.host(), primary.as_ref().map(Connection::host));
        let journal = context.settings.journal_way().only(&["state"]);
        let world = world::of_embedded(&host);
        Ok(Ends { host, primary, hosts, vm: vm.to_owned(), journal, world })
    }

    /// Whether the hosts are simulated, embedded or not.
    fn are_simulated(&self) -> bool {
        self.world.is_simulated()
    }

    /// A text with the commands in it completed.
    fn complete(&self, text: &str) -> String {
        let primary = self.primary.as_ref().map(Connection::way);
        Completing { host: self.host.way(), primary, journal: &self.journal, vm: Some(&self.vm) }.complete(text)
    }

    /// A proposal with the commands in its remedies completed.
    fn told(&self, proposal: &Proposal) -> Proposal {
        let mut told = proposal.clone();
        for finding in &mut told.findings {
            finding.remedy = self.complete(&finding.remedy);
        }
        told
    }

    /// A command about the VM to run next, on one of the hosts; with the other end, where it has one.
    fn command(&self, verb: &[&str], site: Site) -> Printed {
        let command = Printed::of(verb).operand(self.vm.as_str());
        match (&self.primary, site) {
            (Some(primary), Site::Primary) => command.by(primary.way()),
            (Some(primary), Site::Host) => command.by(self.host.way()).with_primary(self.host.way(), primary.way()),
            (None, _) => command.by(self.host.way()),
        }
    }

    fn hosts(&self) -> Hosts<'_, Arc<Session>> {
        Hosts { host: &self.hosts.0, primary: self.hosts.1.as_ref() }
    }

    /// One of them.
    fn at(&self, site: Site) -> &Connection {
        match (site, &self.primary) {
            (Site::Primary, Some(primary)) => primary,
            _ => &self.host,
        }
    }

    /// The name of one of them, for people.
    fn name(&self, site: Site) -> &str {
        &self.at(site).name
    }

    /// The order again, with the power cut where it asked a guest to shut down.
    fn with_power_cut(&self, proposal: &Proposal) -> Printed {
        let starts = proposal.steps.iter().any(|step| step.step == StepName::Start);
        match &proposal.kind {
            Kind::PlannedFailover { reverse, thumbprint, .. } => {
                let command = self.command(&["failover"], Site::Host).switch("--planned").switch("--turn-off");
                let command = if *reverse { command } else { command.switch("--no-reverse") };
                let command = if starts { command } else { command.switch("--no-start") };
                thumbprint.iter().fold(command, |command, thumbprint| command.option("--thumbprint", thumbprint))
            }
            _ => self.command(&["stop"], Site::Host).switch("--turn-off"),
        }
    }

    /// HTTP requests to both.
    fn requests(&self) -> u64 {
        self.host.session().requests() + self.primary.as_ref().map_or(0, |primary| primary.session().requests())
    }
}

/// What the end of a run is told with.
struct Scene<'s> {
    vm: &'s str,
    /// The run of an earlier process that stays open where this one sends nothing.
    open: Option<&'s RunId>,
    /// The run that this one was to take back.
    undoes: Option<&'s RunId>,
    run: Option<&'s RunId>,
    ends: &'s Ends,
    context: &'s Context,
}

impl Scene<'_> {
    /// A command about the journal, for the operator to type next.
    fn journal(&self, what: &str, run: &RunId) -> Printed {
        self.context.settings.journal_command(what, Some(run.as_str()))
    }

    /// The run, where it can be taken up again: that of an embedded host ends with it.
    fn lasting_run(&self) -> Option<&RunId> {
        self.run.filter(|_| !self.ends.host.is_simulated())
    }

    /// What is left of the run of an embedded host.
    fn over(&self) -> String {
        self.context.settings.world_has_ended()
    }

    /// How to go on with a half-done planned failover, or back.
    fn on_or_back(&self, run: &RunId) -> String {
        let command = |verb| self.journal(verb, run);
        format!("take the run up again: {}; or walk it back: {}", command("resume"), command("undo"))
    }
}

/// What the end of a run means for the operator, and for scripts.
async fn end(outcome: Outcome, scene: &Scene<'_>) -> Result<Exit, Problem> {
    match outcome {
        Outcome::Done(report) => done::done(&report, scene),
        Outcome::Started { proposal, job } => {
            done::started(&proposal, &job, scene);
            Ok(Exit::Done)
        }
        Outcome::Halted(halted) => {
            let Halted { why, whereabouts, .. } = *halted;
            // Who says no has left what is there: nothing that was begun goes on.
            let is_declined = matches!(why, Outcome::Declined(_));
            let problem = stopped::not_begun(why, scene).await;
            let exit = match (is_declined, problem.exit) {
                (true, _) => Exit::HostRefused,
                // A read that brought nothing refuses nothing: what became of the call before it is as unknown as it was.
                (false, Exit::HostRefused) => Exit::Unknown,
                (false, exit) => exit,
            };
            Err(whereabouts::after_a_call(Problem { exit, ..problem }, &whereabouts, |site| scene.ends.name(site)))
        }
        Outcome::Stopped(stopped) => Err(stopped::stopped(*stopped, scene)),
        why => Err(stopped::not_begun(why, scene).await),
    }
}
