//! Lists the VMs of a host and what a failover of each would meet.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::SystemTime;

use hyperv_replica::failover::preflight;
use hyperv_replica::hyperv::Host;
use hyperv_replica::simulator::{InProcess, Scenario, Simulator};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Any `Exchange` will do: here the simulator in process, on the network a `transport::Session`.
    let host = Host::over(InProcess::new(Simulator::new(Scenario::default())));
    for vm in host.vms().await? {
        let proposal = preflight(&vm, None, SystemTime::now(), false);
        let verdict = proposal.findings.first().map_or("ready", |finding| finding.text.as_str());
        println!("{:<20} {:<14} {:<40} {verdict}", vm.name, vm.mode.to_string(), vm.state.to_string());
    }
    Ok(())
}
