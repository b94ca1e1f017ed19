//! Starting and stopping by hand.

use super::stage::{Stage, of, refused};
use super::*;

fn running() -> Stage {
    Stage::new().failed_over(FailoverType::Regular).host(|vm| vm.enabled_state = EnabledState::Enabled)
}

#[test]
fn the_straight_paths() {
    for (kind, mut stage, step) in [
        (Kind::Start, Stage::new().failed_over(FailoverType::Regular), "start"),
        (Kind::Stop(PowerOff::ShutDown), running(), "shut-down"),
        (Kind::Stop(PowerOff::TurnOff), running(), "turn-off"),
    ] {
        let outcome = stage.run(of(kind));
        assert_eq!(ended(&outcome), "done", "{outcome:?}");
        let call = format!("! host {step}");
        assert_eq!(stage.trail, ["host FindVm", "take", "confirm", &call, "host GetJob", "host Vm"]);
    }
}

#[test]
fn what_is_so_already_costs_no_call() {
    for (kind, mut stage) in [
        (Kind::Start, running()),
        (Kind::Stop(PowerOff::ShutDown), Stage::new()),
        (Kind::Stop(PowerOff::TurnOff), Stage::new()),
    ] {
        let outcome = stage.run(of(kind));
        let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
        assert!(report.steps[0].was_so && stage.calls().is_empty());
    }
}

/// "So already" is believed only of what was read just now.
#[test]
fn what_was_so_before_a_long_thought_is_looked_at_again() {
    let mut stage = running();
    let outcome = stage.run_with(of(Kind::Start), |action, stage| {
        if matches!(action, Action::Confirm(_)) && stage.proposals.is_empty() {
            stage.now += Duration::from_secs(600);
            stage.vm(Site::Host).enabled_state = EnabledState::Disabled;
        }
        None
    });
    assert_eq!(ended(&outcome), "done", "{outcome:?}");
    assert_eq!((stage.calls(), stage.proposals.len()), (vec!["host start"], 2));
    assert_eq!(stage.states()[0].2, 2);
}

#[test]
fn each_refusal_names_its_remedy_and_sends_nothing() {
    type Change = fn(&mut Vm);
    let cases: Vec<(Kind, Change, &str)> = vec![
        (Kind::Start, |_| {}, "replica-stays-off"),
        (Kind::Start, |vm| vm.mode = ReplicationMode::ExtendedReplica, "replica-stays-off"),
        (
            Kind::Start,
            |vm| (vm.mode, vm.state) = (ReplicationMode::Primary, ReplicationState::SyncedReplicationComplete),
            "prepared",
        ),
        (Kind::Stop(PowerOff::ShutDown), |vm| vm.enabled_state = EnabledState::EnabledButOffline, "cannot-shut-down"),
    ];
    for (kind, change, code) in cases {
        let mut stage = Stage::new().host(change);
        assert_eq!(refused(&stage.run(of(kind))), [code]);
        assert!(stage.calls().is_empty());
    }
}

/// A guest that takes for ever to shut down has a job of its own: it is not the one of a power cut.
#[test]
fn a_power_cut_is_not_taken_for_a_shutdown_that_hangs() {
    let mut stage = running();
    let outcome = stage.run_with(of(Kind::Stop(PowerOff::TurnOff)), |action, stage| match action {
        Action::Call { .. } => {
            stage.host.jobs = vec![Job { kind: Some(JobType::ShutDownVm), ..job(JobState::Running, 0) }];
            Some(called(Err(unknown())))
        }
        _ => None,
    });
    assert_eq!(ended(&outcome), "unproven", "{outcome:?}");
    assert!(!stage.trail.contains(&"host GetJob".to_owned()));
}
