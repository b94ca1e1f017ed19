//! What the guest's network adapters get after a failover.

use crate::hyperv::{FailoverAdapter, Vm};

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
        match find(adapters, &order.adapter) {
            None => {
                let known: Vec<_> = adapters.iter().map(|known| format!("{} ({})", known.id, known.name)).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let text = match (named(adapters, &order.adapter).count(), order.adapter.as_str()) {
                    (0, wanted) => format!("the VM has no network adapter {wanted:?}"),
                    (_, "") => "the VM has several network adapters".to_owned(),
                    (_, wanted) => format!("several network adapters of the VM are named {wanted:?}"),
                };
                findings.push(Finding::refusal("no-adapter", text, format!("name one of: {known}")));
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

/// The adapter that an order means: by InstanceID, its GUID, its MAC or its name; the only one where it names none.
pub(in crate::failover) fn find<'a>(adapters: &'a [FailoverAdapter], wanted: &str) -> Option<&'a FailoverAdapter> {
    let mut found = named(adapters, wanted);
    found.next().filter(|_| found.next().is_none())
}

fn named<'a>(adapters: &'a [FailoverAdapter], wanted: &str) -> impl Iterator<Item = &'a FailoverAdapter> {
    let is_same = |text: &str, wanted: &str| text.eq_ignore_ascii_case(wanted);
    adapters.iter().filter(move |adapter| {
        let guid = adapter.id.rsplit('\\').next().unwrap_or("");
        let mac = wanted.replace([':', '-'], "");
        wanted.is_empty()
            || is_same(&adapter.id, wanted)
            || is_same(guid, wanted)
            || adapter.name.to_lowercase() == wanted.to_lowercase()
            || (!adapter.mac.is_empty() && is_same(&adapter.mac, &mac))
    })
}
