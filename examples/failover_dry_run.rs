//! The exact envelopes of a failover, without sending one that changes anything.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use hyperv_replica::clock::SystemClock;
use hyperv_replica::failover::{Order, PointChoice, dry_run};
use hyperv_replica::hyperv::Host;
use hyperv_replica::simulator::{InProcess, Scenario, Simulator};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::new(Scenario::default());
    let host = Host::over(InProcess::new(simulator.clone()));
    let order = Order { point: PointChoice::ApplicationConsistent, ..Order::new("app-db-01".parse()?) };
    match dry_run(&host, order, &SystemClock::start()).await {
        Ok(dry) => dry.envelopes.iter().for_each(|envelope| println!("{}\n{}", envelope.action, envelope.xml)),
        Err(outcome) => println!("would not go on: {outcome:?}"),
    }
    println!("requests: {:?}", simulator.requests());
    Ok(())
}
