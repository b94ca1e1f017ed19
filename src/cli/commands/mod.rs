//! One file for each command: flags to a library call, a value to output.

pub mod check;
pub mod commit;
mod elsewhere;
pub mod failover;
pub mod generate;
pub mod help;
pub mod job;
pub mod network;
pub mod pin;
pub mod points;
pub mod power;
pub mod reverse;
pub mod run;
pub mod schema;
pub mod simulate;
pub mod status;
pub mod test;
pub mod trace;
pub mod wsman;

use crate::hyperv::{Host, LookedUp, Vm, VmSelector};
use crate::wsman::Exchange;

use super::exit::Exit;
use super::problem::Problem;

pub use elsewhere::{not_visible, other_end};

/// The one VM of this name or GUID, or why there is none.
async fn one_vm<E: Exchange>(host: &Host<E>, name: &str) -> Result<Vm, Problem> {
    match host.find_vm(&selector(name)).await? {
        LookedUp::One(vm) => Ok(*vm),
        LookedUp::NotVisible => Err(not_visible(name, host).await),
        LookedUp::Many(vms) => Err(ambiguous(&vms)),
    }
}

pub fn selector(name: &str) -> VmSelector {
    name.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
}

pub fn ambiguous(vms: &[Vm]) -> Problem {
    let list: Vec<_> = vms.iter().map(|vm| format!("{} ({})", vm.id, vm.name)).collect();
    let ids = vms.iter().map(|vm| serde_json::json!({ "name": vm.name, "id": vm.id.as_str() })).collect();
    Problem::new(Exit::Refused, "ambiguous", format!("{} VMs have that name: {}", vms.len(), list.join(", ")))
        .remedy("name the one you mean by its GUID")
        .detail("vms", ids)
}
