//! A test failover that is cleaned up whatever happens: by the run itself, by taking it up again, or by removing what it left.

use std::time::Duration;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::output::note;
use crate::cli::problem::Problem;
use crate::cli::stop;
use crate::failover::journal::{RunEnd, RunId};
use crate::failover::{About, Kind, Order, Outcome, Refusal};
use crate::hyperv::VmSelector;
use crate::journal::sqlite::Store;

use super::{Answer, Consent, Ends, Scene, conduct, end, look, open_store, recall};

/// What became of a rehearsal.
pub struct Rehearsed {
    /// Its run, where it came to have one.
    pub run: Option<RunId>,
    /// Why it is not done.
    pub problem: Option<Problem>,
    /// Whether no test VM of it is left, as far as the host shows.
    pub is_clean: bool,
}

impl Rehearsed {
    /// Whether it ended by a signal before anything was sent.
    pub fn is_interrupted(&self) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.exit == Exit::Interrupted)
    }
}

/// How long the clean-up may take where the command's own time is over.
const TIME_TO_CLEAN_UP: Duration = Duration::from_secs(600);

/// Makes a test VM beside a replica and removes it again, left off, all in one run of the journal.
pub async fn rehearse(vm: &str, consent: &Consent, ends: &Ends, context: &Context) -> Rehearsed {
    let store = match open_store(context) {
        Ok(store) => store,
        Err(problem) => return Rehearsed { run: None, problem: Some(problem), is_clean: true },
    };
    let selector = crate::cli::commands::selector(vm);
    let order = Order { deadline: context.settings.timeout, ..Order::of(Kind::Rehearsal, selector) };
    let about = About { context: recall(&context.settings, None), ..About::default() };
    let mut journal = store.journal();
    stop::hold_once_begun();
    let (run, outcome) = {
        let conducted = conduct(order, about, Answer::of(consent), ends, &mut journal, context);
        tokio::pin!(conducted);
        tokio::select! {
            biased;
            conducted = &mut conducted => conducted,
            () = stop::signal_held() => {
                note("interrupted: the test VM is removed first; once more leaves at once");
                conducted.await
            }
        }
    };
    // Gives the VM free for whoever takes the run up.
    drop(journal);
    let scene = Scene { vm, open: None, undoes: None, run: run.as_ref(), ends, context };
    let (vm_id, problem) = match outcome {
        Ok(Outcome::Done(_)) => return Rehearsed { run, problem: None, is_clean: true },
        Ok(outcome) => {
            let vm_id = match &outcome {
                Outcome::Stopped(stopped) => Some(stopped.proposal.vm.id.clone()),
                _ => None,
            };
            (vm_id, end(outcome, &scene).await.err())
        }
        Err(problem) => (None, Some(problem)),
    };
    let (Some(vm_id), Some(id)) = (vm_id, &run) else { return Rehearsed { run, problem, is_clean: true } };
    match clean_up(id, VmSelector::Id(vm_id), problem, &store, ends, context).await {
        Ok(problem) => Rehearsed { run, problem, is_clean: true },
        Err(left) => Rehearsed { run, problem: Some(left), is_clean: false },
    }
}

/// Takes a run up that stopped, and removes what a failed one left. Gives the reason why it is not done, if it is not;
/// an error says what is left.
async fn clean_up(
    run: &RunId,
    vm: VmSelector,
    mut problem: Option<Problem>,
    store: &Store,
    ends: &Ends,
    context: &Context,
) -> Result<Option<Problem>, Problem> {
    note("the rehearsal stopped; what is left of it is looked for and removed");
    let deadline = context.clock.elapsed().saturating_add(TIME_TO_CLEAN_UP);
    ends.host.put_off(deadline);
    let mut context = context.clone();
    context.settings.timeout = Some(deadline);
    let history = store.run(run)?;
    let is_open = history.as_ref().is_some_and(|history| history.end.is_none());
    let name = history.map_or_else(|| vm.to_string(), |history| history.record.vm_name);
    let scene = |run| Scene { vm: &name, open: None, undoes: None, run: Some(run), ends, context: &context };
    if is_open {
        let (journal, history) = store.resume(run)?;
        let outcome = look(history, journal, Answer::Yes, ends, &context).await?;
        let is_over = match &outcome {
            Outcome::Done(_) => return Ok(None),
            Outcome::Stopped(stopped) => stopped.end() == Some(RunEnd::Failed),
            _ => false,
        };
        match end(outcome, &scene(run)).await {
            Err(left) if !is_over => return Err(left),
            ended => problem = ended.err(),
        }
    }
    let mut journal = store.journal();
    let order = Order { deadline: context.settings.timeout, ..Order::of(Kind::TestStop, vm) };
    let about = About { context: recall(&context.settings, None), ..About::default() };
    let (stop, outcome) = conduct(order, about, Answer::Yes, ends, &mut journal, &context).await;
    match outcome? {
        Outcome::Done(_) => Ok(problem),
        // Nothing is left: what the failed job had made has gone with it.
        Outcome::Refused(Refusal::Preflight(proposal))
            if proposal.findings.iter().any(|finding| finding.code == "no-test-vm") =>
        {
            Ok(problem)
        }
        outcome => match end(outcome, &scene(stop.as_ref().unwrap_or(run))).await {
            Err(left) => Err(left),
            Ok(_) => Ok(problem),
        },
    }
}
