//! What the guest's network adapters get after a failover.

use super::stage::{ADAPTER, Stage, of, refused};
use super::*;
use crate::hyperv::AdapterAddresses;

fn order(adapter: &str) -> Order {
    let addresses = AdapterAddresses::parse(false, &["10.0.0.7/24"], &["10.0.0.1"], &[]).unwrap();
    of(Kind::Network(vec![AdapterOrder { adapter: adapter.to_owned(), addresses }]))
}

#[test]
fn the_straight_path() {
    for adapter in [ADAPTER, "", "network adapter"] {
        let mut stage = Stage::new();
        let outcome = stage.run(order(adapter));
        assert_eq!(ended(&outcome), "done", "{outcome:?}");
        assert_eq!(
            stage.trail,
            ["host FindVm", "host Adapters", "take", "confirm", "! host set-network", "host GetJob", "host Adapters"]
        );
        assert_eq!(stage.host.adapters[0].settings.as_ref().unwrap().addresses, ["10.0.0.7"]);
    }
}

#[test]
fn each_refusal_names_its_remedy_and_sends_nothing() {
    let mut stage = Stage::new();
    assert_eq!(refused(&stage.run(order("eth0"))), ["no-adapter"]);
    stage.host.adapters[0].settings = None;
    assert_eq!(refused(&stage.run(order(ADAPTER))), ["no-failover-settings"]);
    let second = crate::hyperv::FailoverAdapter { id: "Microsoft:X\\2".to_owned(), ..stage.host.adapters[0].clone() };
    stage.host.adapters.push(second);
    assert_eq!(refused(&stage.run(order(""))), ["no-adapter"]);
    assert!(stage.calls().is_empty());
}

/// CIM may answer success and change nothing.
#[test]
fn an_empty_promise_is_not_believed() {
    let mut stage = Stage::new();
    let outcome = stage.run_with(order(ADAPTER), |action, _| match action {
        Action::Call { .. } => Some(called(Ok(Invoked::Done))),
        _ => None,
    });
    assert_eq!(ended(&outcome), "unproven", "{outcome:?}");
    // It has no job type of its own, so a lost reply is told by the settings alone.
    let mut stage = Stage::new();
    let outcome = stage.run_with(order(ADAPTER), |action, stage| match action {
        Action::Call { site, call, .. } => {
            stage.effect(*site, call);
            Some(called(Err(unknown())))
        }
        _ => None,
    });
    assert_eq!(ended(&outcome), "done", "{outcome:?}");
}
