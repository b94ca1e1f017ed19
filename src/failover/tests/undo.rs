//! A failover that is kept for good, or taken back; a preparation that is taken back.

use super::stage::{Stage, of, refused};
use super::*;

#[test]
fn a_failover_is_kept() {
    let mut stage = Stage::new().failed_over(FailoverType::Regular);
    let outcome = stage.run(of(Kind::Commit));
    assert_eq!(ended(&outcome), "done", "{outcome:?}");
    assert_eq!(stage.trail, ["host FindVm", "take", "confirm", "! host commit", "host GetJob", "host Vm"]);
    assert!(stage.proposals[0].findings.iter().any(|finding| finding.code == "irreversible"));
}

#[test]
fn a_failover_is_taken_back() {
    for (power, calls) in
        [(EnabledState::Enabled, &["host turn-off", "host revert"][..]), (EnabledState::Disabled, &["host revert"])]
    {
        let mut stage = Stage::new().failed_over(FailoverType::Regular).host(|vm| vm.enabled_state = power);
        assert_eq!(ended(&stage.run(of(Kind::Undo))), "done");
        assert_eq!(stage.calls(), calls);
        assert_eq!(stage.states()[0], (2, 3, 3));
        assert!(stage.proposals[0].has_warnings(), "what was written is lost");
    }
}

/// The other end of a planned failover stays prepared and off, and this host cannot change that.
#[test]
fn what_an_undo_leaves_on_the_primary_is_said() {
    for (kind, expected) in [(FailoverType::Planned, true), (FailoverType::Regular, false)] {
        let mut stage = Stage::new().prepared().failed_over(kind);
        let Outcome::Done(report) = stage.run(of(Kind::Undo)) else { panic!() };
        let left = report.proposal.findings.iter().find(|finding| finding.code == "primary-prepared");
        assert_eq!(left.is_some(), expected);
        if let Some(left) = left {
            assert!(left.text.contains("primary.example") && left.text.ends_with("prepared and OFF"), "{}", left.text);
            assert!(left.remedy.contains("hvr undo") && left.remedy.contains("hvr start"), "{}", left.remedy);
        }
    }
}

#[test]
fn a_preparation_is_taken_back() {
    let mut stage = Stage::new().host(|vm| {
        (vm.mode, vm.state) = (ReplicationMode::Primary, ReplicationState::SyncedReplicationComplete);
    });
    let outcome = stage.run(of(Kind::Undo));
    assert_eq!(ended(&outcome), "done", "{outcome:?}");
    assert_eq!(
        stage.trail,
        ["host FindVm", "host Settings", "take", "confirm", "! host cancel-prepare-here", "host GetJob", "host Vm"]
    );
}

#[test]
fn each_refusal_names_its_remedy_and_sends_nothing() {
    use ReplicationMode as Mode;
    use ReplicationState as State;
    for (kind, mode, state, code) in [
        (Kind::Commit, Mode::Replica, State::Replicating, "not-failed-over"),
        (Kind::Commit, Mode::Primary, State::Recovered, "not-failed-over"),
        (Kind::Commit, Mode::Replica, State::Committed, "already-committed"),
        (Kind::Commit, Mode::Replica, State::FailoverInProgress, "not-failed-over"),
        (Kind::Undo, Mode::Replica, State::Replicating, "nothing-to-undo"),
        (Kind::Undo, Mode::Replica, State::Committed, "already-committed"),
        (Kind::Undo, Mode::Primary, State::Replicating, "nothing-to-undo"),
        (Kind::Undo, Mode::TestReplica, State::Disabled, "is-test-replica"),
        (Kind::Undo, Mode::None, State::Disabled, "nothing-to-undo"),
    ] {
        let mut stage = Stage::new().host(|vm| (vm.mode, vm.state) = (mode, state));
        assert_eq!(refused(&stage.run(of(kind.clone()))), [code], "{kind:?} {mode} {state}");
        assert!(stage.calls().is_empty());
    }
}

/// Between turning off and taking back somebody made the VM a primary: it is not touched.
#[test]
fn what_became_a_primary_meanwhile_is_left_alone() {
    let mut stage = Stage::new().failed_over(FailoverType::Regular).host(|vm| vm.enabled_state = EnabledState::Enabled);
    let outcome = stage.run_with(of(Kind::Undo), |action, stage| {
        if matches!(action, Action::GetJob { .. }) {
            let vm = stage.vm(Site::Host);
            (vm.mode, vm.state) = (ReplicationMode::Primary, ReplicationState::Replicating);
        }
        None
    });
    assert_eq!(ended(&outcome), "changed", "{outcome:?}");
    assert_eq!(stage.calls(), ["host turn-off"]);
}

#[test]
fn a_slow_person_is_asked_again_where_something_changed() {
    let slow = |change: fn(&mut Vm)| {
        let mut stage = Stage::new().failed_over(FailoverType::Regular);
        let outcome = stage.run_with(of(Kind::Commit), |action, stage| {
            if matches!(action, Action::Confirm(_)) && stage.proposals.is_empty() {
                stage.now += Duration::from_secs(20 * 60);
                change(stage.vm(Site::Host));
            }
            None
        });
        (outcome, stage)
    };
    // Nothing but the time has changed: once is enough, and the state is read again before the call.
    let (outcome, stage) = slow(|vm| vm.last_replication = Some(time_ago(0)));
    assert_eq!((ended(&outcome), stage.proposals.len()), ("done", 1));
    assert_eq!(stage.trail[..5], ["host FindVm", "take", "confirm", "host Vm", "! host commit"]);
    // The VM was started meanwhile.
    let (outcome, stage) = slow(|vm| vm.enabled_state = EnabledState::Enabled);
    assert_eq!((ended(&outcome), stage.proposals.len()), ("done", 2));
    // Somebody took the failover back.
    let (outcome, stage) = slow(|vm| vm.state = ReplicationState::Replicating);
    assert_eq!(refused(&outcome), ["not-failed-over"]);
    assert!(stage.calls().is_empty());
    // The VM has gone.
    let mut stage = Stage::new().failed_over(FailoverType::Regular);
    let outcome = stage.run_with(of(Kind::Commit), |action, stage| {
        if matches!(action, Action::Confirm(_)) {
            stage.now += Duration::from_secs(60);
            stage.host.vm = None;
        }
        None
    });
    assert!(matches!(outcome, Outcome::Refused(Refusal::NotVisible { .. })), "{outcome:?}");
}
