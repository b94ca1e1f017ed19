//! The rehearsal: a test VM is made beside the replica, and removed.

use super::journal::Verdict;
use super::stage::{Stage, TEST_VM, answered, changed, history, of, refused, test_vm};
use super::*;

fn start(network: Option<&str>) -> Order {
    Order { start: true, ..of(Kind::TestStart { network: network.map(str::to_owned) }) }
}

#[test]
fn the_straight_path_to_a_test_vm() {
    let mut stage = Stage::new();
    let outcome = stage.run(start(None));
    let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        stage.trail,
        [
            "host FindVm",
            "host TestVms",
            "take",
            "confirm",
            "! host test-fail-over",
            "host GetJob",
            "host TestVms",
            "! host start-test-vm",
            "host GetJob",
            "host Vm",
        ]
    );
    let test_vm = report.test_vm.unwrap();
    assert_eq!((test_vm.id.as_str(), test_vm.enabled_state), (TEST_VM, EnabledState::Enabled));
    assert_eq!(
        (report.after.state, report.after.enabled_state),
        (ReplicationState::Replicating, EnabledState::Disabled)
    );

    // On a network of its own, to a point that was chosen.
    let mut stage = Stage::new();
    let outcome =
        stage.run(Order { point: "app-consistent".parse().unwrap(), start: false, ..start(Some("Isolated")) });
    assert_eq!(ended(&outcome), "done");
    assert_eq!(
        stage.trail,
        [
            "host FindVm",
            "host TestVms",
            "host Points",
            "host Switches",
            "host Connections",
            "take",
            "confirm",
            "! host set-test-switch",
            "host GetJob",
            "host Connections",
            "! host test-fail-over",
            "host GetJob",
            "host TestVms",
        ]
    );
    assert_eq!(stage.host.connections[0].test_switch, "Isolated");
    // The switch that is set already is not set again.
    stage.host.test_vms.clear();
    stage.trail.clear();
    assert_eq!(ended(&stage.run(start(Some("Isolated")))), "done");
    assert_eq!(stage.calls(), ["host test-fail-over", "host start-test-vm"]);
}

#[test]
fn the_straight_path_back() {
    let mut stage = Stage::new().with_test_vm();
    stage.host.test_vms[0].enabled_state = EnabledState::Enabled;
    let outcome = stage.run(of(Kind::TestStop));
    assert_eq!(ended(&outcome), "done", "{outcome:?}");
    assert_eq!(
        stage.trail,
        [
            "host FindVm",
            "host TestVms",
            "take",
            "confirm",
            "! host turn-off-test-vm",
            "host GetJob",
            "host Vm",
            "! host destroy-test-vm",
            "host GetJob",
            "host Vm",
            "host Vm",
        ]
    );
    assert!(stage.host.test_vms.is_empty() && stage.host.vm.is_some());
    // One that is off is not turned off.
    let mut stage = Stage::new().with_test_vm();
    assert_eq!(ended(&stage.run(of(Kind::TestStop))), "done");
    assert_eq!(stage.calls(), ["host destroy-test-vm"]);
}

#[test]
fn there_and_back_in_one() {
    let mut stage = Stage::new();
    let outcome = stage.run(of(Kind::Rehearsal));
    let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
    assert_eq!(stage.calls(), ["host test-fail-over", "host destroy-test-vm"], "it is never started");
    assert_eq!(report.after.state, ReplicationState::Replicating);
    assert!(stage.host.test_vms.is_empty() && stage.host.vm.is_some());
    // Beside a test VM of somebody else's there is none.
    let mut stage = Stage::new().with_test_vm();
    assert_eq!(refused(&stage.run(of(Kind::Rehearsal))), ["test-vm-exists"]);
    assert!(stage.calls().is_empty());
    // Left half-way with a test VM, it goes on to the removal; also where somebody has removed it since.
    for is_there in [true, false] {
        let mut stage = if is_there { Stage::new().with_test_vm() } else { Stage::new() };
        let made = (StepName::TestFailOver, answered(0), Some(Verdict::Done));
        let outcome = stage.resume(history(of(Kind::Rehearsal), &[made]));
        assert_eq!(ended(&outcome), "done", "{outcome:?}");
        assert_eq!(stage.calls().len(), usize::from(is_there));
        assert!(stage.host.test_vms.is_empty());
    }
}

#[test]
fn each_refusal_names_its_remedy_and_sends_nothing() {
    use ReplicationState as State;
    type Change = fn(&mut Stage);
    let other = || Vm { mode: ReplicationMode::None, ..test_vm(TEST_VM) };
    let starts: Vec<(Change, &[&str])> = vec![
        (|s| s.vm(Site::Host).mode = ReplicationMode::Primary, &["is-primary"]),
        (|s| s.vm(Site::Host).mode = ReplicationMode::TestReplica, &["is-test-replica"]),
        (|s| s.vm(Site::Host).state = State::Recovered, &["already-failed-over"]),
        (|s| s.vm(Site::Host).state = State::Resynchronising, &["resynchronising"]),
        (|s| s.vm(Site::Host).enabled_state = EnabledState::Enabled, &["not-off"]),
        (|s| s.host.test_vms.push(test_vm(TEST_VM)), &["test-vm-exists"]),
        (|s| s.host.switches.clear(), &["no-such-switch"]),
        (|s| s.host.connections.clear(), &["no-adapter"]),
    ];
    for (number, (change, codes)) in starts.into_iter().enumerate() {
        let mut stage = Stage::new();
        change(&mut stage);
        let outcome = stage.run(start(Some("Isolated")));
        assert_eq!(refused(&outcome), codes, "{number}");
        assert!(stage.calls().is_empty());
    }
    let mut stage = Stage::new();
    assert_eq!(refused(&stage.run(start(Some("isolated")))), ["no-such-switch"], "names of switches are as they are");
    let stops: Vec<(Vec<Vm>, ReplicationMode, &str)> = vec![
        (Vec::new(), ReplicationMode::Replica, "no-test-vm"),
        (vec![other()], ReplicationMode::Replica, "not-a-test-vm"),
        (vec![test_vm(TEST_VM), test_vm(GUID)], ReplicationMode::Replica, "several-test-vms"),
        (Vec::new(), ReplicationMode::TestReplica, "is-test-replica"),
        (Vec::new(), ReplicationMode::Primary, "is-primary"),
        (Vec::new(), ReplicationMode::None, "not-replicated"),
    ];
    for (test_vms, mode, code) in stops {
        let mut stage = Stage::new().host(|vm| vm.mode = mode);
        stage.host.test_vms = test_vms;
        assert_eq!(refused(&stage.run(of(Kind::TestStop))), [code]);
        assert!(stage.calls().is_empty());
    }
    // A point that is none of the VM's.
    let mut stage = Stage::new();
    let outcome = stage.run(Order { point: "Microsoft:X".parse().unwrap(), ..start(None) });
    assert!(matches!(outcome, Outcome::Refused(Refusal::NoPoint { .. })), "{outcome:?}");
}

/// Between the question and the answer of a person, and between two calls, another VM may have come in its place.
#[test]
fn nothing_is_destroyed_but_the_test_vm_that_was_shown() {
    let others: [fn(&mut Vm); 2] =
        [|vm| vm.mode = ReplicationMode::None, |vm| vm.id = "00000000-30C6-4E0F-8A55-6D3C2B1F0E99".parse().unwrap()];
    for (number, other) in others.into_iter().enumerate() {
        // While the person thinks: asked again, or refused.
        let mut stage = Stage::new().with_test_vm();
        let outcome = stage.run_with(of(Kind::TestStop), |action, stage| match action {
            Action::Confirm(_) if stage.proposals.is_empty() => {
                stage.now += Duration::from_secs(300);
                other(&mut stage.host.test_vms[0]);
                None
            }
            Action::Confirm(_) => Some(Observation::Answer(false)),
            _ => None,
        });
        assert!(stage.calls().is_empty(), "{outcome:?}");
        match number {
            0 => assert_eq!(refused(&outcome), ["not-a-test-vm"]),
            _ => assert_eq!((ended(&outcome), stage.proposals.len()), ("declined", 2)),
        }
    }
    // The one that is off at last is no test VM any more.
    let mut stage = Stage::new().with_test_vm();
    stage.host.test_vms[0].enabled_state = EnabledState::Enabled;
    let outcome = stage.run_with(of(Kind::TestStop), |action, stage| {
        if let Action::Ask { ask: Ask::Vm(_), .. } = action {
            stage.host.test_vms.iter_mut().for_each(|vm| vm.mode = ReplicationMode::None);
        }
        None
    });
    let (step, _) = changed(&outcome);
    assert_eq!(step, StepName::DestroyTestVm);
    assert_eq!(stage.calls(), ["host turn-off-test-vm"]);
}

#[test]
fn a_lost_reply_is_told_by_the_relation_between_replica_and_test_vm() {
    for is_taken in [true, false] {
        let mut stage = Stage::new();
        let outcome = stage.run_with(start(None), |action, stage| match action {
            Action::Call { site, step: StepName::TestFailOver, call, .. } => {
                if is_taken {
                    stage.effect(*site, call);
                }
                Some(called(Err(unknown())))
            }
            _ => None,
        });
        assert_eq!(ended(&outcome), if is_taken { "done" } else { "unproven" }, "{outcome:?}");
        assert_eq!(stage.calls().iter().filter(|call| call.contains("test-fail-over")).count(), 1);
    }
    let mut stage = Stage::new().with_test_vm();
    let outcome = stage.run_with(of(Kind::TestStop), |action, stage| match action {
        Action::Call { site, step: StepName::DestroyTestVm, call, .. } => {
            stage.effect(*site, call);
            Some(called(Err(unknown())))
        }
        _ => None,
    });
    assert_eq!(ended(&outcome), "done", "{outcome:?}");
}
