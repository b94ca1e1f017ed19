//! A class of your own, typed in a few lines, from any WS-Management service.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]
use hyperv_replica::simulator::{InProcess, Scenario, Simulator};
use hyperv_replica::wsman::{ClassAddressing, Client};

hyperv_replica::cim_class! {
    struct OperatingSystem = "Win32_OperatingSystem" { caption: String = "Caption", users: Option<u32> = "NumberOfUsers" }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exchange = InProcess::new(Simulator::new(Scenario::default()));
    let client = Client::new(exchange, ClassAddressing::microsoft("root/cimv2"), hyperv_replica::hyperv::random_id);
    for system in client.list::<OperatingSystem>().await? {
        println!("{} with {} users", system.caption, system.users.unwrap_or(0));
    }
    Ok(())
}
