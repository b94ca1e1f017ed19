//! The replication is turned round.

use super::stage::{Stage, changed, of, refused, settings};
use super::*;
use crate::hyperv::RelationKind;

fn reverse(with_primary: bool) -> Order {
    of(Kind::Reverse { with_primary, thumbprint: None })
}

#[test]
fn after_a_planned_failover_it_is_one_call() {
    let mut stage = Stage::new().prepared().failed_over(FailoverType::Planned);
    let outcome = stage.run(reverse(false));
    assert_eq!(ended(&outcome), "done", "{outcome:?}");
    assert_eq!(
        stage.trail,
        ["host FindVm", "host Settings", "take", "confirm", "! host reverse", "host GetJob", "host Vm"]
    );
    // With the old primary's host it is proven on both ends.
    let mut stage = Stage::new().prepared().failed_over(FailoverType::Planned);
    let outcome = stage.run(reverse(true));
    assert_eq!(ended(&outcome), "done", "{outcome:?}");
    assert_eq!(
        stage.trail,
        [
            "host FindVm",
            "host Settings",
            "primary FindVm",
            "primary Settings",
            "take",
            "confirm",
            "! host reverse",
            "host GetJob",
            "host Vm",
            "primary Vm",
        ]
    );
    assert_eq!(stage.states(), [(1, 3, 3), (2, 3, 3)]);
}

#[test]
fn after_an_unplanned_failover_the_old_primary_is_made_a_replica_first() {
    let stage =
        || Stage::new().primary(|vm| vm.enabled_state = EnabledState::Disabled).failed_over(FailoverType::Regular);
    let mut with_primary = stage();
    let outcome = with_primary.run(reverse(true));
    assert_eq!(ended(&outcome), "done", "{outcome:?}");
    assert_eq!(with_primary.calls(), ["primary make-replica", "host reverse", "host start-replication"]);
    assert_eq!(with_primary.states(), [(1, 2, 3), (2, 2, 3)]);
    assert!(with_primary.proposals[0].findings.iter().any(|finding| finding.code == "overwrites"));
    // Where a person has done that by hand, the copying is begun all the same.
    let mut by_hand = stage();
    let outcome = by_hand.run(reverse(false));
    assert_eq!(ended(&outcome), "done", "{outcome:?}");
    assert_eq!(by_hand.calls(), ["host reverse", "host start-replication"]);
    assert!(by_hand.proposals[0].findings.iter().any(|finding| finding.code == "old-primary"));
}

#[test]
fn each_refusal_names_its_remedy_and_sends_nothing() {
    use ReplicationState as State;
    type Change = fn(&mut Stage);
    let cases: Vec<(Change, &[&str])> = vec![
        (|s| s.vm(Site::Host).state = State::Replicating, &["not-failed-over"]),
        (|s| s.vm(Site::Host).mode = ReplicationMode::Primary, &["not-failed-over"]),
        (|s| s.vm(Site::Host).mode = ReplicationMode::ExtendedReplica, &["extended-replica"]),
        (|s| s.vm(Site::Primary).enabled_state = EnabledState::Enabled, &["primary-runs"]),
        (|s| s.vm(Site::Primary).mode = ReplicationMode::None, &["not-the-primary"]),
        (|s| s.host.settings.clear(), &["no-settings"]),
        (|s| s.host.settings[0].authentication = Some(2), &["certificate"]),
        (
            |s| {
                let extended = crate::hyperv::ReplicationSettings { relation: RelationKind::Extended, ..settings() };
                s.host.settings.push(extended);
            },
            &["extended-relation"],
        ),
    ];
    for (number, (change, codes)) in cases.into_iter().enumerate() {
        let mut stage = Stage::new().prepared().failed_over(FailoverType::Planned);
        change(&mut stage);
        assert_eq!(refused(&stage.run(reverse(true))), codes, "{number}");
        assert!(stage.calls().is_empty());
    }
}

/// A certificate of the new primary goes into the settings that are sent.
#[test]
fn the_settings_point_back_to_the_old_primary() {
    let mut stage = Stage::new().prepared().failed_over(FailoverType::Planned);
    stage.host.settings[0].authentication = Some(2);
    let mut sent = None;
    let order = of(Kind::Reverse { with_primary: false, thumbprint: Some("ABCD".to_owned()) });
    let outcome = stage.run_with(order, |action, _| {
        if let Action::Call { call, .. } = action
            && let Call::ReverseReplication { settings, .. } = call.as_ref()
        {
            sent = Some(settings.clone());
        }
        None
    });
    assert_eq!(ended(&outcome), "done");
    let sent = sent.unwrap();
    assert_eq!(sent.text("RecoveryConnectionPoint"), Some("primary.example"));
    assert_eq!(sent.text("CertificateThumbPrint"), Some("ABCD"));
}

/// The failover was taken back on the replica while the old primary was being made a replica.
#[test]
fn a_primary_is_not_made_a_replica_of_nothing() {
    let mut stage =
        Stage::new().primary(|vm| vm.enabled_state = EnabledState::Disabled).failed_over(FailoverType::Regular);
    let outcome = stage.run_with(reverse(true), |action, stage| {
        if let Action::GetJob { site: Site::Primary, .. } = action {
            stage.now += Duration::from_secs(60);
            stage.vm(Site::Host).state = ReplicationState::Replicating;
        }
        None
    });
    let (step, seen) = changed(&outcome);
    assert!(step == StepName::Reverse && seen.starts_with("on the host"), "{outcome:?}");
    assert_eq!(stage.calls(), ["primary make-replica"]);
}
