//! Starts a failover without waiting, then follows its job with the pure follower, in virtual time.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use hyperv_replica::hyperv::{Call, Follow, Host, Invoked, JobFollower, LookedUp, ServiceKeys};
use hyperv_replica::simulator::{InProcess, Scenario, Simulator, SimulatorClock, VirtualClock};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = VirtualClock::new();
    let simulator = Simulator::with_clock(Scenario::from_toml("[job]\nduration = \"5m\"")?, clock.clone());
    let host = Host::over(InProcess::new(simulator));
    let LookedUp::One(vm) = host.find_vm(&"app-db-01".parse()?).await? else { return Err("not one VM".into()) };
    let call = Call::InitiateFailover { vm: vm.id, point: None };
    let Invoked::Started(job) = host.call(&call, &ServiceKeys::Short).await? else {
        return Err("no job was started".into());
    };
    let mut follower = JobFollower::new(clock.now());
    for look in 1.. {
        let snapshot = host.job(&job).await?;
        match follower.observe(clock.now(), snapshot.as_ref()) {
            Follow::Wait(delay) => clock.advance(delay),
            end => {
                println!("{end:?} after {look} looks at a job of five minutes");
                break;
            }
        }
    }
    Ok(())
}
