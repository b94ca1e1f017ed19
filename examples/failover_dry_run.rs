//! The exact envelopes of a failover, without sending one that changes anything.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::{Duration, SystemTime};

use hyperv_replica::failover::{Clock, Order, PointChoice, dry_run};
use hyperv_replica::hyperv::Host;
use hyperv_replica::simulator::{InProcess, Scenario, Simulator};

struct Now;

impl Clock for Now {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    async fn sleep(&self, _: Duration) {}
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::new(Scenario::default());
    let host = Host::over(InProcess::new(simulator.clone()));
    let order = Order { point: PointChoice::ApplicationConsistent, ..Order::new("app-db-01".parse()?) };
    match dry_run(&host, order, &Now).await {
        Ok(dry) => dry.envelopes.iter().for_each(|envelope| println!("{}\n{}", envelope.action, envelope.xml)),
        Err(outcome) => println!("would not go on: {outcome:?}"),
    }
    println!("requests: {:?}", simulator.requests());
    Ok(())
}
