//! Fails a VM over and prints what happens: the whole workflow, embedded.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use hyperv_replica::clock::SystemClock;
use hyperv_replica::failover::journal::MemoryJournal;
use hyperv_replica::failover::{About, Event, Operator, Order, Outcome, Proposal, run};
use hyperv_replica::hyperv::Host;
use hyperv_replica::simulator::{InProcess, Scenario, Simulator};

struct Runbook;

impl Operator for Runbook {
    async fn confirm(&mut self, proposal: &Proposal) -> bool {
        println!("{} would lose {:?}", proposal.vm.name, proposal.data_loss);
        !proposal.has_warnings()
    }

    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::JobStarted { job, .. } => println!("the host runs {job}"),
            Event::JobSeen(job) => println!("  {} {:?} %", job.state, job.percent),
            Event::Looking(reason) => println!("reply lost ({reason}), looking"),
            _ => {}
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The reply to the call is lost on purpose: watch it being found again instead of sent again.
    let scenario = Scenario::from_toml(include_str!("scenarios/lost-reply.toml"))?;
    let simulator = Simulator::new(scenario);
    let host = Host::over(InProcess::new(simulator.clone()));
    let order = Order { start: true, ..Order::new("app-db-01".parse()?) };
    // A program that may be killed keeps a `journal::sqlite::Store` instead, and takes its runs up again from it.
    let mut journal = MemoryJournal::new();
    match run(&host, order, About::default(), &SystemClock::start(), &mut journal, &mut Runbook).await {
        Outcome::Done(report) => println!("proven: {:?} ({:?})", report.failover(), report.start),
        other => println!("not done: {other:?}"),
    }
    println!("InitiateFailover was taken {} time", simulator.taken("InitiateFailover", "app-db-01"));
    Ok(())
}
