//! What every command that changes a host has in common: connections, journal, confirmation, progress, the end.

mod again;
mod console;
mod done;
mod primary;
mod recall;
mod rehearse;
mod stopped;
mod whereabouts;

use std::sync::Arc;

use crate::failover::journal::{History, Journal, RunId};
use crate::failover::{About, DryRun, Halted, Hosts, Order, Outcome, Site, dry_resume, dry_run, resume, run};
use crate::hyperv::Host;
use crate::journal::sqlite::{SqliteJournal, Store};
use crate::transport::Session;

use super::connect::Connection;
use super::exit::Exit;
use super::output::{self, is_interactive};
use super::problem::{Changed, Problem};
use super::settings::Settings;
use super::{Context, stop};

pub use again::{resume as resume_run, undo as undo_run};
use console::Console;
pub use primary::PrimaryArgs;
pub use recall::{recall, recalled};
pub use rehearse::{Rehearsed, rehearse};

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
        let ends = Ends::open(context, self.order.kind.needs_primary(), self.primary.as_ref()).await?;
        if self.consent.dry_run {
            let dry = dry_run(ends.hosts(), self.order, &context.clock).await;
            return on_paper(dry, &Scene { vm: self.vm, open: None, undoes: None, run: None, ends: &ends, context })
                .await;
        }
        let store = open_store(context)?;
        let mut journal = store.journal();
        let about = About { context: recall(&context.settings, self.primary.as_ref()), ..About::default() };
        carry(self.order, about, self.vm, Answer::of(self.consent), &ends, &mut journal, context).await.1
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
    stays_open(&history.record.id, context);
    let mut console = Console::new(Some(history.record.id.clone()), ends, answer, context);
    let deadline = context.settings.timeout;
    let outcome = tokio::select! {
        biased;
        outcome = resume(ends.hosts(), history, deadline, &context.clock, &mut journal, &mut console) => outcome,
        () = stop::signal() => return Err(interrupted(&mut console, &mut journal)),
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
        () = stop::signal() => return (console.run().cloned(), Err(interrupted(&mut console, journal))),
    };
    console.finish();
    (console.run().cloned(), Ok(outcome))
}

/// What an interruption leaves behind before anything is sent for a run that was begun before.
fn stays_open(run: &RunId, context: &Context) {
    let again = context.settings.journal_command(&["resume", run.as_str()]);
    stop::leave_behind(
        Changed::No,
        format!("nothing was sent; run {run} stays as it was"),
        format!("take it up again: {again}"),
    );
}

fn interrupted(console: &mut Console<'_>, journal: &mut SqliteJournal) -> Problem {
    console.finish();
    // The records of what was sent are there already; without this one only the reason is missing.
    let _ = journal.close(None, "interrupted");
    output::end_of_line();
    stop::interrupted()
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
    store.map_err(|error| stopped::no_journal(&error))
}

/// The connections of a run.
pub struct Ends {
    /// To the host that was named.
    pub host: Connection,
    /// To the primary's host.
    pub primary: Option<Connection>,
    hosts: (Host<Arc<Session>>, Option<Host<Arc<Session>>>),
}

impl Ends {
    /// Makes the connections ready; nothing is dialled before the first message.
    pub async fn open(context: &Context, both: bool, primary: Option<&Settings>) -> Result<Ends, Problem> {
        let (host, primary) = match both {
            true => {
                let (host, primary) = Connection::open_both(context, primary).await?;
                (host, Some(primary))
            }
            false => (Connection::open(context).await?, None),
        };
        let hosts = (host.host(), primary.as_ref().map(Connection::host));
        Ok(Ends { host, primary, hosts })
    }

    fn hosts(&self) -> Hosts<'_, Arc<Session>> {
        Hosts { host: &self.hosts.0, primary: self.hosts.1.as_ref() }
    }

    /// The name of one of them, for people.
    fn name(&self, site: Site) -> &str {
        match (site, &self.primary) {
            (Site::Primary, Some(primary)) => &primary.name,
            _ => &self.host.name,
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
    fn journal(&self, words: &[&str]) -> String {
        self.context.settings.journal_command(words)
    }

    /// How to go on with a half-done planned failover, or back.
    fn on_or_back(&self, run: &RunId) -> String {
        let command = |verb| self.journal(&[verb, run.as_str()]);
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
