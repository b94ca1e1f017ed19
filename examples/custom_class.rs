//! A class of your own, typed in a few lines, from any WS-Management service.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use hyperv_replica::cim::{CimError, InstanceView};
use hyperv_replica::hyperv::random_id;
use hyperv_replica::simulator::{InProcess, Scenario, Simulator};
use hyperv_replica::wsman::{ClassAddressing, Client};

struct OperatingSystem {
    caption: String,
    users: u32,
}

impl OperatingSystem {
    fn read(instance: &InstanceView<'_>) -> Result<Self, CimError> {
        Ok(OperatingSystem {
            caption: instance.text("Caption").into_option().unwrap_or("").to_owned(),
            users: instance.number("NumberOfUsers")?.into_option().unwrap_or(0),
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exchange = InProcess::new(Simulator::new(Scenario::default()));
    let client = Client::new(exchange, ClassAddressing::microsoft("root/cimv2"), random_id);
    for page in client.all("Win32_OperatingSystem").pages().await? {
        for instance in page.instances() {
            let system = OperatingSystem::read(&instance)?;
            println!("{} with {} users", system.caption, system.users);
        }
    }
    Ok(())
}
