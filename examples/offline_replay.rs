//! Records a failover, then runs the same workflow over the recording alone: no host, no socket, the same end.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use hyperv_replica::clock::SystemClock;
use hyperv_replica::failover::journal::MemoryJournal;
use hyperv_replica::failover::{About, Event, Operator, Order, Outcome, Proposal, run};
use hyperv_replica::hyperv::Host;
use hyperv_replica::simulator::{InProcess, Scenario, Simulator};
use hyperv_replica::trace::{Answers, Recorder, Recording, Redactor, Replay, Trace};
use hyperv_replica::wsman::Exchange;

struct Yes;

impl Operator for Yes {
    async fn confirm(&mut self, _: &Proposal) -> bool {
        true
    }

    fn event(&mut self, _: &Event<'_>) {}
}

/// The workflow does not know what it runs over.
async fn fail_over(exchange: impl Exchange) -> Result<String, Box<dyn std::error::Error>> {
    let order = Order::new("app-db-01".parse()?);
    let (host, clock) = (Host::over(exchange), SystemClock::start());
    match run(&host, order, About::default(), &clock, &mut MemoryJournal::new(), &mut Yes).await {
        Outcome::Done(report) => Ok(report.failover().map_or_else(String::new, |seen| seen.state.to_string())),
        other => Err(format!("not done: {other:?}").into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In memory here; `Recorder::create` writes a file, which `hvr trace show` and browsers open.
    let recorder = Arc::new(Recorder::in_memory(Redactor::new(), None));
    let host = InProcess::new(Simulator::new(Scenario::default()));
    println!("the simulated host ends as: {}", fail_over(Recording::new(host, recorder.clone())).await?);

    let trace = Trace::read(recorder.har()?.as_slice())?;
    println!("{} messages recorded", trace.entries.len());
    println!("the recording ends the same: {}", fail_over(Replay::new(Answers::of(&trace)?)).await?);
    Ok(())
}
