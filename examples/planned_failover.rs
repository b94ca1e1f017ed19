//! A planned failover inside a service: its progress goes over a channel, its records into a journal that can be read
//! while it runs. The reply to one call is lost on the way.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use hyperv_replica::failover::journal::MemoryJournal;
use hyperv_replica::failover::{About, Clock, Event, Hosts, Kind, Operator, Order, Outcome, PowerOff, Proposal, run};
use hyperv_replica::hyperv::{FailoverType, Host};
use hyperv_replica::simulator::{InProcess, Pair, Scenario, SimulatorClock, VirtualClock};

/// A clock that jumps: a guest of two minutes shuts down in no time.
struct Jumping(VirtualClock);

impl Clock for Jumping {
    fn now(&self) -> Duration {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.advance(duration);
    }
}

/// A service has no terminal: what is confirmed here was decided before.
struct Service {
    progress: mpsc::Sender<String>,
}

impl Operator for Service {
    async fn confirm(&mut self, proposal: &Proposal) -> bool {
        let steps: Vec<_> = proposal.steps.iter().map(|step| step.step.name()).collect();
        let _ = self.progress.send(format!("plan: {}", steps.join(", ")));
        !proposal.has_warnings()
    }

    fn event(&mut self, event: &Event<'_>) {
        let line = match event {
            Event::Run(run) => format!("run {run}"),
            Event::Invoking { step, site, .. } => format!("{site}: {step}"),
            Event::Looking(reason) => format!("reply lost ({reason}), looking"),
            Event::StepDone(step) => format!("{}: proven: {}", step.step, step.seen),
            _ => return,
        };
        let _ = self.progress.send(line);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scenario = "[[faults]]\non = \"InitiateFailover\"\ncut = \"after\"\n[job]\nduration = \"40s\"";
    let clock = VirtualClock::new();
    let pair = Pair::with_clock(Scenario::from_toml(scenario)?, clock.clone());
    let (replica, primary) =
        (Host::over(InProcess::new(pair.replica.clone())), Host::over(InProcess::new(pair.primary.clone())));
    let hosts = Hosts { host: &replica, primary: Some(&primary) };
    let kind = Kind::PlannedFailover { off: PowerOff::ShutDown, reverse: true, thumbprint: None };
    let order = Order { start: true, ..Order::of(kind, "app-db-01".parse()?) };
    let (progress, lines) = mpsc::channel();
    let mut journal = MemoryJournal::new();
    let outcome = run(hosts, order, About::default(), &Jumping(clock), &mut journal, &mut Service { progress }).await;
    lines.iter().for_each(|line| println!("{line}"));
    match outcome {
        Outcome::Done(report) => {
            let is_whole = report.failover().is_some_and(|proof| proof.failed_over == FailoverType::Planned);
            println!("done in {} steps, nothing lost: {is_whole}", report.steps.len());
        }
        other => println!("not done: {other:?}"),
    }
    let calls: usize = journal.runs().iter().map(|run| run.calls.len()).sum();
    let taken = pair.replica.taken("InitiateFailover", "app-db-01");
    println!("{calls} calls on record, InitiateFailover taken {taken} time");
    Ok(())
}
