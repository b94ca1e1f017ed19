//! What a driver keeps on record of a run, in the corners that a state machine alone does not show; and what it traces.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyperv_replica::failover::journal::{History, MemoryJournal, RunEnd, Verdict};
use hyperv_replica::failover::{
    About, Event, Hosts, Kind, Operator, Order, Outcome, PowerOff, Proposal, StepName, resume, run,
};
use hyperv_replica::hyperv::{Host, NAMESPACE, random_id};
use hyperv_replica::simulator::{Cut, Effect, Fault, InProcess, Pair, Scenario, VirtualClock};
use hyperv_replica::wsman::{ClassAddressing, Client};

use crate::support::{SharedClock, Yes};

const VM: &str = "app-db-01";

fn pair(scenario: &str) -> (Pair, SharedClock) {
    let clock = VirtualClock::new();
    (Pair::with_clock(Scenario::from_toml(scenario).unwrap(), clock.clone()), SharedClock(clock))
}

fn planned() -> Order {
    let kind = Kind::PlannedFailover { off: PowerOff::ShutDown, reverse: true, thumbprint: None };
    Order { start: true, ..Order::of(kind, VM.parse().unwrap()) }
}

/// Ends the caller's patience the moment a step is done.
struct Patience {
    until: StepName,
    is_over: Arc<AtomicBool>,
}

impl Operator for Patience {
    async fn confirm(&mut self, _: &Proposal) -> bool {
        true
    }

    fn event(&mut self, event: &Event<'_>) {
        if matches!(event, Event::StepDone(done) if done.step == self.until) {
            self.is_over.store(true, Ordering::SeqCst);
        }
    }
}

fn only(journal: &MemoryJournal) -> History {
    let mut runs = journal.runs();
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

/// A call that could not even be written says nothing of the call before it.
#[tokio::test]
async fn a_deadline_between_two_steps_marks_no_other_call() {
    for until in [StepName::ShutDownPrimary, StepName::Prepare, StepName::FailOver, StepName::VerifyPrimary] {
        let (pair, clock) = pair("");
        let is_over = Arc::new(AtomicBool::new(false));
        let host = |simulator| {
            let is_over = Arc::clone(&is_over);
            let left = move || is_over.load(Ordering::SeqCst).then_some(Duration::ZERO);
            let client = Client::new(InProcess::new(simulator), ClassAddressing::microsoft(NAMESPACE), random_id);
            Host::new(client.with_deadline(left))
        };
        let (replica, primary) = (host(Arc::clone(&pair.replica)), host(Arc::clone(&pair.primary)));
        let hosts = || Hosts { host: &replica, primary: Some(&primary) };
        let mut journal = MemoryJournal::new();
        let mut patience = Patience { until, is_over: Arc::clone(&is_over) };
        let outcome = run(hosts(), planned(), About::default(), &clock, &mut journal, &mut patience).await;
        assert!(matches!(outcome, Outcome::Stopped(_)), "{until}: {outcome:?}");
        let left = only(&journal);
        assert!(left.calls.iter().all(|call| call.verdict == Some(Verdict::Done)), "{until}: {:?}", left.calls);
        // With patience again, it goes on from there.
        is_over.store(false, Ordering::SeqCst);
        let mut again = journal.resumed(&left);
        let outcome = resume(hosts(), left, None, &clock, &mut again, &mut Yes::default()).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{until}: {outcome:?}");
        assert_eq!(only(&journal).end, Some(RunEnd::Done));
        assert_eq!(pair.replica.taken("InitiateFailover", VM), 1);
    }
}

struct No;

impl Operator for No {
    async fn confirm(&mut self, _: &Proposal) -> bool {
        false
    }

    fn event(&mut self, _: &Event<'_>) {}
}

/// A look that brought nothing leaves the record as it was: what was said of the run, and that it was handed over.
#[tokio::test]
async fn a_look_that_failed_changes_no_record() {
    let (pair, clock) = pair("[job]\nduration = \"30s\"");
    let host = Host::over(InProcess::new(Arc::clone(&pair.replica)));
    let mut journal = MemoryJournal::new();
    let order = Order { wait: false, ..Order::new(VM.parse().unwrap()) };
    let outcome = run(&host, order, About::default(), &clock, &mut journal, &mut Yes::default()).await;
    assert!(matches!(outcome, Outcome::Started { .. }), "{outcome:?}");
    let handed_over = only(&journal);
    assert_eq!(handed_over.end, Some(RunEnd::HandedOver));
    pair.replica.inject(Fault::on("*", Effect::Cut(Cut::Before)));
    let mut again = journal.resumed(&handed_over);
    let outcome = resume(&host, handed_over.clone(), None, &clock, &mut again, &mut Yes::default()).await;
    let Outcome::Halted(halted) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(halted.why, Outcome::NotSent(_)), "{halted:?}");
    assert_eq!((only(&journal).end, only(&journal).note), (handed_over.end, handed_over.note.clone()));
    let mut again = journal.resumed(&handed_over);
    let outcome = resume(&host, handed_over, None, &clock, &mut again, &mut Yes::default()).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(only(&journal).end, Some(RunEnd::Done));
}

/// A run whose only call was never taken, and is not wanted any more, is over.
#[tokio::test]
async fn a_no_to_a_call_that_was_never_taken_ends_the_run() {
    let (pair, clock) = pair("[[faults]]\non = \"InitiateFailover\"\ncut = \"before\"");
    let host = Host::over(InProcess::new(Arc::clone(&pair.replica)));
    let mut journal = MemoryJournal::new();
    let order = Order::new(VM.parse().unwrap());
    let outcome = run(&host, order, About::default(), &clock, &mut journal, &mut Yes::default()).await;
    assert!(matches!(outcome, Outcome::Stopped(_)), "{outcome:?}");
    assert_eq!(only(&journal).end, None);
    let left = only(&journal);
    let mut again = journal.resumed(&left);
    let outcome = resume(&host, left, None, &clock, &mut again, &mut No).await;
    assert!(matches!(outcome, Outcome::Declined(_)), "{outcome:?}");
    let ended = only(&journal);
    assert_eq!((ended.end, ended.calls[0].verdict), (Some(RunEnd::NotBegun), Some(Verdict::NotTaken)));
    assert_eq!(pair.replica.taken("InitiateFailover", VM), 0);
}

/// A guest that was asked and did not shut down: the host answered 4096, and the record of the run that is given up says so.
#[tokio::test]
async fn what_a_host_answered_is_not_told_as_nothing() {
    let (pair, clock) =
        pair("[[vms]]\nname = \"app-db-01\"\nmode = 1\nenabled = 2\nguest = { shutdown = \"ignored\" }");
    let host = Host::over(InProcess::new(Arc::clone(&pair.replica)));
    let mut journal = MemoryJournal::new();
    let order = Order::of(Kind::Stop(PowerOff::ShutDown), VM.parse().unwrap());
    let outcome = run(&host, order, About::default(), &clock, &mut journal, &mut Yes::default()).await;
    let Outcome::Stopped(stopped) = outcome else { panic!("{outcome:?}") };
    assert!(stopped.may_have_changed && stopped.end().is_none(), "{stopped:?}");
    let left = only(&journal);
    let mut again = journal.resumed(&left);
    let outcome = resume(&host, left, None, &clock, &mut again, &mut No).await;
    let Outcome::Halted(halted) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(halted.why, Outcome::Declined(_)), "{halted:?}");
    let ended = only(&journal);
    assert_eq!((ended.end, ended.calls[0].verdict), (Some(RunEnd::Failed), Some(Verdict::Failed)));
    assert!(ended.note.contains("4096") && !ended.note.contains("nothing of it was taken"), "{}", ended.note);
    assert_eq!(pair.replica.taken("RequestStateChange", VM), 1);
}

/// Spans by name, each with its fields as they were recorded, and the spans around it.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<(String, String)>>>);

impl tracing::Subscriber for Spans {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        struct Fields(String);
        impl tracing::field::Visit for Fields {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{}={value:?} ", field.name()));
            }
        }
        let mut fields = Fields(String::new());
        span.record(&mut fields);
        let mut spans = self.0.lock().unwrap();
        spans.push((span.metadata().name().to_owned(), fields.0));
        tracing::span::Id::from_u64(u64::try_from(spans.len()).unwrap())
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// Every call has a span that says which run, host, VM and message it is; a log line inside can be found by each.
#[test]
fn a_span_says_run_host_vm_and_message() {
    let (pair, clock) = pair("");
    let spans = Spans::default();
    let journal = MemoryJournal::new();
    // Where there is but one dispatcher, a place that another test's thread comes to first is asked of that thread's, which
    // is none, and is then silent for all.
    let _second = tracing::Dispatch::new(Spans::default());
    tracing::subscriber::with_default(spans.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let host = |simulator: &Arc<_>| Host::over(InProcess::new(Arc::clone(simulator)));
        let (replica, primary) = (host(&pair.replica), host(&pair.primary));
        let hosts = Hosts { host: &replica, primary: Some(&primary) };
        let outcome = runtime.block_on(run(
            hosts,
            planned(),
            About::default(),
            &clock,
            &mut journal.clone(),
            &mut Yes::default(),
        ));
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    });
    let spans = spans.0.lock().unwrap();
    let calls: Vec<_> = spans.iter().filter(|(name, _)| name == "call").map(|(_, fields)| fields).collect();
    let run = only(&journal);
    assert_eq!(calls.len(), run.calls.len());
    for (fields, call) in calls.iter().zip(&run.calls) {
        for (name, value) in [
            ("run", run.record.id.as_str()),
            ("host", &call.intent.host),
            ("vm", call.intent.vm.as_str()),
            ("message_id", &call.intent.message_id),
            ("step", &call.intent.step),
            ("method", &call.intent.method),
        ] {
            assert!(fields.contains(&format!("{name}={value:?} ")), "{name}: {fields}");
        }
    }
}
