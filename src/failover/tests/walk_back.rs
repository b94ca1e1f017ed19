//! A half-done planned failover is walked back.

use super::stage::{Stage, of, refused};
use super::*;

fn back(start_primary: bool) -> Order {
    of(Kind::WalkBack { start_primary })
}

/// From every state that a planned failover passes through, up to the reverse, the way leads back to the start.
#[test]
fn every_half_way_state_leads_back_to_the_start() {
    let off = || Stage::new().primary(|vm| vm.enabled_state = EnabledState::Disabled);
    let over = || Stage::new().prepared().failed_over(FailoverType::Planned);
    for (mut stage, calls) in [
        (Stage::new(), &[][..]),
        (off(), &["primary start-primary"]),
        (Stage::new().prepared(), &["primary cancel-prepare", "primary start-primary"]),
        (over(), &["host revert", "primary cancel-prepare", "primary start-primary"]),
        (
            over().host(|vm| vm.enabled_state = EnabledState::Enabled),
            &["host turn-off", "host revert", "primary cancel-prepare", "primary start-primary"],
        ),
    ] {
        let outcome = stage.run(back(true));
        assert_eq!(ended(&outcome), "done", "{outcome:?}");
        assert_eq!(stage.calls(), calls);
        assert_eq!(stage.states(), [(2, 3, 3), (1, 3, 2)]);
    }
    // A primary that was off before the run stays off.
    let mut stage = over();
    assert_eq!(ended(&stage.run(back(false))), "done");
    assert_eq!(stage.calls(), ["host revert", "primary cancel-prepare"]);
    assert_eq!(stage.states(), [(2, 3, 3), (1, 3, 3)]);
}

#[test]
fn the_straight_path() {
    let mut stage = Stage::new().prepared().failed_over(FailoverType::Planned);
    assert_eq!(ended(&stage.run(back(true))), "done");
    assert_eq!(
        stage.trail,
        [
            "host FindVm",
            "primary FindVm",
            "primary Settings",
            "take",
            "confirm",
            "! host revert",
            "host GetJob",
            "host Vm",
            "! primary cancel-prepare",
            "primary GetJob",
            "primary Vm",
            "! primary start-primary",
            "primary GetJob",
            "primary Vm",
        ]
    );
}

#[test]
fn what_cannot_be_walked_back_is_said_before_anything_is_sent() {
    type Change = fn(&mut Stage);
    let cases: Vec<(Change, &str)> = vec![
        (|s| s.vm(Site::Host).mode = ReplicationMode::Primary, "already-reversed"),
        (|s| s.vm(Site::Primary).mode = ReplicationMode::Replica, "already-reversed"),
        (|s| s.vm(Site::Host).state = ReplicationState::Committed, "already-committed"),
        (|s| s.vm(Site::Primary).mode = ReplicationMode::None, "not-the-primary"),
    ];
    for (change, code) in cases {
        let mut stage = Stage::new().prepared().failed_over(FailoverType::Planned);
        change(&mut stage);
        assert_eq!(refused(&stage.run(back(true))), [code]);
        assert!(stage.calls().is_empty());
    }
}

/// The replica was failed over again after it was reverted: the primary is not started beside it.
#[test]
fn a_primary_is_not_started_beside_a_failed_over_replica() {
    let mut stage = Stage::new().prepared().failed_over(FailoverType::Planned);
    let outcome = stage.run_with(back(true), |action, stage| {
        if let Action::GetJob { site: Site::Primary, .. } = action {
            stage.now += Duration::from_secs(60);
            stage.vm(Site::Host).state = ReplicationState::Recovered;
        }
        None
    });
    assert_eq!(ended(&outcome), "changed", "{outcome:?}");
    assert_eq!(stage.calls(), ["host revert", "primary cancel-prepare"]);
}

/// Every cause of stopping on the way back leaves the run open, or ends it where nothing was done.
#[test]
fn every_cause_of_stopping_at_every_step() {
    for (stops_at, done) in [(StepName::Revert, 0), (StepName::CancelPrepare, 1)] {
        for answer in ["refused", "lost"] {
            let mut stage = Stage::new().prepared().failed_over(FailoverType::Planned);
            let outcome = stage.run_with(back(true), |action, stage| match action {
                Action::Call { step, .. } if *step == stops_at => Some(match answer {
                    "refused" => called(Ok(Invoked::Refused(ReturnCode::InvalidState))),
                    _ => {
                        stage.host.jobs.clear();
                        stage.primary.jobs.clear();
                        called(Err(unknown()))
                    }
                }),
                _ => None,
            });
            let Outcome::Stopped(stopped) = &outcome else { panic!("{outcome:?}") };
            assert_eq!(stopped.step, stops_at);
            assert_eq!(stopped.done.iter().filter(|step| !step.was_so).count(), done);
            let end = (done == 0 && answer == "refused").then_some(journal::RunEnd::Failed);
            assert_eq!(stopped.end(), end, "{stops_at} {answer}");
        }
    }
}
