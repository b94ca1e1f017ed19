//! What the guest's network adapters get after a failover.

use crate::hyperv::Vm;

use super::super::order::{AdapterOrder, Site};
use super::super::preflight::Finding;
use super::super::scene::{Ask, Scene};

pub(super) fn ask(scene: &Scene, vm: &Vm) -> Option<(Site, Ask)> {
    scene.host.adapters.is_none().then(|| (Site::Host, Ask::Adapters(vm.id.clone())))
}

pub(super) fn judge(orders: &[AdapterOrder], scene: &Scene) -> Vec<Finding> {
    let Some(adapters) = &scene.host.adapters else { return Vec::new() };
    let mut findings = Vec::new();
    for order in orders {
        match adapters.iter().find(|adapter| adapter.id.eq_ignore_ascii_case(&order.adapter)) {
            None => {
                let known: Vec<_> =
                    adapters.iter().map(|adapter| format!("{} ({})", adapter.id, adapter.name)).collect();
                findings.push(Finding::refusal(
                    "no-adapter",
                    format!("the VM has no network adapter {}", order.adapter),
                    format!("it has: {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") }),
                ));
            }
            Some(adapter) if adapter.settings.is_none() => findings.push(Finding::refusal(
                "no-failover-settings",
                format!("the host has no failover settings for the adapter {} ({})", adapter.id, adapter.name),
                "is the VM replicated?",
            )),
            Some(_) => {}
        }
        let unreachable = order.addresses.unreachable_gateways();
        if !unreachable.is_empty() {
            let list: Vec<_> = unreachable.iter().map(ToString::to_string).collect();
            findings.push(Finding::warning(
                "gateway-outside",
                format!("no address of the adapter is in the network of the gateway {}", list.join(", ")),
                "check address, mask and gateway",
            ));
        }
    }
    findings
}
