//! The promise: what proves nothing ends nothing, a run goes on from its own work, and no clock that is set hurries it.

use super::journal::{RunEnd, Verdict};
use super::resume::{count, places, take_effect};
use super::stage::{self, Stage, answered, changed, history, no_answer, of, planned};
use super::*;

const QUIET: Duration = Duration::from_secs(120);

/// What a proxy answers, before or after it has passed the call on.
fn bare(status: u16) -> Error {
    lost(ExchangeErrorKind::HttpStatus(status), Delivery::Unknown)
}

/// Each workflow at each of its calls: a bare status came for it, and the host took it or did not.
#[test]
fn a_bare_status_proves_nothing_at_any_step() {
    for (order, stage, before, step) in places() {
        let done: Vec<_> = before.iter().map(|step| (*step, answered(4096), Some(Verdict::Done))).collect();
        let told = |what: &str| format!("{} at {step}: {what}", order.kind.name());
        for taken in [true, false] {
            let mut stage = stage.clone();
            let mut first = true;
            let outcome = stage.resume_with(history(order.clone(), &done), |action, stage| match action {
                Action::Call { step: at, site, call, .. } if *at == step && std::mem::take(&mut first) => {
                    if taken {
                        stage.effect(*site, call);
                    }
                    Some(called(Err(bare(503))))
                }
                _ => None,
            });
            assert_eq!(count(&stage, step), 1, "{}", told("once only"));
            if taken {
                assert_eq!(ended(&outcome), "done", "{} {outcome:?}", told("taken"));
                continue;
            }
            let Outcome::Stopped(stopped) = outcome else { panic!("{} {outcome:?}", told("not taken")) };
            assert!(matches!(stopped.cause, Cause::Unproven { .. }), "{} {:?}", told("not taken"), stopped.cause);
            assert_eq!((stopped.end(), stopped.may_have_changed), (None, true), "{}", told("stays open"));
            // One resume leads to the end: the host is given its time first.
            let calls: Vec<_> = done.iter().cloned().chain([(step, no_answer(Delivery::Unknown), None)]).collect();
            let outcome = stage.resume(history(order.clone(), &calls));
            assert_eq!((ended(&outcome), count(&stage, step)), ("done", 2), "{} {outcome:?}", told("resumed"));
            assert!(stage.now - stage::START >= QUIET, "{}", told("resumed"));
        }
    }
}

/// A fault that does not say which message it answers may be anybody's.
#[test]
fn a_fault_without_relation_proves_nothing() {
    let unrelated = || match fault("Sender", "AccessDenied", 5) {
        Error::Wsman(wsman::Error::Fault(fault)) => Error::from(wsman::Error::Fault(Box::new(fault.answering(false)))),
        other => panic!("{other:?}"),
    };
    let selectors = || match fault("Sender", "InvalidSelectors", 0x8033_8033) {
        Error::Wsman(wsman::Error::Fault(fault)) => Error::from(wsman::Error::Fault(Box::new(fault.answering(false)))),
        other => panic!("{other:?}"),
    };
    for error in [unrelated, selectors] {
        let mut stage = Stage::new();
        let outcome = stage.run_with(of(Kind::Failover), |action, _| match action {
            Action::Call { .. } => Some(called(Err(error()))),
            _ => None,
        });
        assert_eq!((ended(&outcome), stage.calls().len()), ("unproven", 1), "{outcome:?}");
    }
}

/// What was believed of a call, and was not so: its effect stands there, and the run goes on from it.
#[test]
fn a_run_goes_on_from_its_own_work() {
    for (order, stage, before, step) in places() {
        let done: Vec<_> = before.iter().map(|step| (*step, answered(4096), Some(Verdict::Done))).collect();
        for (outcome, verdict) in [
            (no_answer(Delivery::Unknown), Verdict::Failed),
            (no_answer(Delivery::Unknown), Verdict::NotTaken),
            (answered(4096), Verdict::Failed),
            (answered(32771), Verdict::Failed),
            (None, Verdict::Failed),
            (None, Verdict::NotTaken),
        ] {
            let mut stage = stage.clone();
            take_effect(&mut stage, &order, step);
            let calls: Vec<_> = done.iter().cloned().chain([(step, outcome.clone(), Some(verdict))]).collect();
            let ended_as = stage.resume(history(order.clone(), &calls));
            let told = format!("{} at {step}: {outcome:?} {verdict:?}: {ended_as:?}", order.kind.name());
            assert_eq!((ended(&ended_as), count(&stage, step)), ("done", 0), "{told}");
        }
    }
}

/// What stands there after a call that was certainly refused is somebody else's.
#[test]
fn the_work_of_others_is_not_claimed() {
    let mut stage = Stage::new().prepared().failed_over(FailoverType::Planned).host(|vm| {
        (vm.mode, vm.state, vm.failed_over) =
            (ReplicationMode::Primary, ReplicationState::Replicating, FailoverType::None);
    });
    let calls = [
        (StepName::FailOver, answered(4096), Some(Verdict::Done)),
        (StepName::Reverse, answered(32775), Some(Verdict::Failed)),
    ];
    let outcome = stage.resume(history(planned(), &calls));
    assert_eq!(changed(&outcome).0, StepName::Reverse);
    assert!(stage.calls().is_empty());
}

/// The clock of this machine was set, or the machine was started again: a host is given its time for a call all the same,
/// and what it takes up in the last moment of that is found.
#[test]
fn no_clock_that_is_set_shortens_the_time_of_a_host() {
    for set in [0, 3600, -3600, 90_000, 100_000_000] {
        for is_same_boot in [true, false] {
            for after in [0, 30] {
                let later = Duration::from_secs(after);
                let mut stage = Stage { clock_set: set, is_same_boot, ..Stage::new() };
                stage.now += later;
                // Counted from the call where the machine tells, else from now.
                let over = if is_same_boot { stage::START + QUIET } else { stage.now + QUIET };
                let mut late = true;
                let run = history(of(Kind::Failover), &[(StepName::FailOver, None, None)]);
                let outcome = stage.resume_with(run, |action, stage| {
                    if late && matches!(action, Action::Ask { .. } | Action::FindJobs { .. }) {
                        let is_last_moment = stage.now + Duration::from_secs(16) > over;
                        if is_last_moment {
                            late = false;
                            stage.effect(Site::Host, &Call::InitiateFailover { vm: id(), point: None });
                        }
                    }
                    None
                });
                let told = format!("set {set}, same boot {is_same_boot}, after {after} s: {outcome:?}");
                assert_eq!((ended(&outcome), stage.calls().len()), ("done", 0), "{told}");
                // Never taken: called once, after that time and not long after it.
                let mut stage = Stage { clock_set: set, is_same_boot, ..Stage::new() };
                stage.now += later;
                let mut called_at = None;
                let run = history(of(Kind::Failover), &[(StepName::FailOver, None, None)]);
                stage.resume_with(run, |action, stage| {
                    if matches!(action, Action::Call { .. }) {
                        called_at.get_or_insert(stage.now);
                    }
                    None
                });
                let called_at = called_at.expect(&told);
                assert!(called_at >= over && called_at < over + QUIET, "{told}: {called_at:?}, over at {over:?}");
            }
        }
    }
}

/// The clock was set between the call and the look: a job of an earlier run that ended well is not taken for that of the
/// call, which may come to be taken yet.
#[test]
fn a_job_of_an_earlier_run_does_not_end_the_time_of_a_host() {
    let mut stage = Stage::new();
    let ahead = Datetime::try_from(stage.wall() + Duration::from_secs(3600)).ok();
    stage.host.jobs = vec![Job { submitted: ahead, ..job(JobState::Completed, 0) }];
    let mut called_at = None;
    let run = history(of(Kind::Failover), &[(StepName::FailOver, None, None)]);
    stage.resume_with(run, |action, stage| {
        if matches!(action, Action::Call { .. }) {
            called_at.get_or_insert(stage.now);
        }
        None
    });
    assert!(called_at.is_some_and(|at| at >= stage::START + QUIET), "{called_at:?}");
}

/// A job that has gone is waited out, also where nobody knows how long ago the call was: no run is in doubt for ever.
#[test]
fn a_machine_that_was_started_again_jams_no_run() {
    let mut stage = Stage { is_same_boot: false, clock_set: -3600, ..Stage::new() };
    let outcome = stage.resume_with(
        history(of(Kind::Failover), &[(StepName::FailOver, answered(4096), None)]),
        |action, stage| match action {
            Action::GetJob { .. } if stage.calls().is_empty() => Some(Observation::Job(Ok(None))),
            _ => None,
        },
    );
    assert_eq!((ended(&outcome), stage.calls().len()), ("done", 1), "{outcome:?}");
}

fn power(standing: Option<&Standing>) -> String {
    match standing {
        Some(Standing::Read(vm)) => vm.enabled_state.to_string(),
        Some(Standing::Before(vm)) => format!("before: {}", vm.enabled_state),
        Some(other) => other.name().to_owned(),
        None => "-".to_owned(),
    }
}

fn where_it_is(whereabouts: &Whereabouts) -> [String; 2] {
    assert_eq!(whereabouts.vm, "app-db-01");
    [power(whereabouts.on(Site::Host)), power(whereabouts.on(Site::Primary))]
}

/// A planned failover that stops at each of its steps says where the VM is, and whether anything was taken.
#[test]
fn a_run_that_stops_says_where_the_vm_is() {
    use StepName as S;
    let cases = [
        (S::ShutDownPrimary, "refused", ["Off", "Running"], false),
        (S::ShutDownPrimary, "unknown", ["Off", "Running"], true),
        (S::ShutDownPrimary, "unreachable", ["Off", "before: Running"], true),
        (S::Prepare, "refused", ["Off", "Off"], true),
        (S::Prepare, "job failed", ["Off", "Off"], true),
        (S::FailOver, "refused", ["Off", "Off"], true),
        (S::Reverse, "refused", ["Off", "Off"], true),
        (S::Reverse, "not sent", ["Off", "Off"], true),
        (S::Start, "unreachable", ["before: Off", "Off"], true),
    ];
    for (stops_at, how, expected, may_have_changed) in cases {
        let mut stage = Stage::new();
        let mut is_cut = false;
        let outcome = stage.run_with(planned(), |action, stage| match action {
            Action::Call { step, .. } if *step == stops_at => {
                is_cut = how == "unreachable";
                match how {
                    "refused" => Some(called(Ok(Invoked::Refused(ReturnCode::InvalidState)))),
                    "not sent" => Some(called(Err(lost(ExchangeErrorKind::Connect, Delivery::NotSent)))),
                    "job failed" => Some(called(Ok(Invoked::Started(job_ref())))),
                    _ => {
                        stage.host.jobs.clear();
                        stage.primary.jobs.clear();
                        Some(called(Err(bare(502))))
                    }
                }
            }
            Action::Ask { .. } if is_cut => {
                Some(Observation::Told(Err(lost(ExchangeErrorKind::Login, Delivery::NotSent))))
            }
            Action::GetJob { .. } if how == "job failed" && stage.record.last().unwrap().0 == stops_at => {
                Some(Observation::Job(Ok(Some(job(JobState::Exception, 32768)))))
            }
            _ => None,
        });
        let Outcome::Stopped(stopped) = outcome else { panic!("{stops_at} {how}: {outcome:?}") };
        let told = format!("{stops_at} {how}: {stopped:?}");
        assert_eq!(stopped.step, stops_at, "{told}");
        assert_eq!(where_it_is(&stopped.whereabouts), expected, "{told}");
        assert_eq!(stopped.may_have_changed, may_have_changed, "{told}");
    }
    let mut stage = Stage::new();
    let Outcome::Done(report) = stage.run(planned()) else { panic!() };
    assert_eq!(where_it_is(&report.whereabouts), ["Running", "Off"]);
}

/// A run of which a call was taken is never told as one that changed nothing.
#[test]
fn what_was_begun_is_never_told_as_nothing() {
    let unread = |action: &Action, _: &mut Stage| match action {
        Action::Ask { ask: Ask::FindVm(_), .. } => {
            Some(Observation::Told(Err(lost(ExchangeErrorKind::Connect, Delivery::NotSent))))
        }
        _ => None,
    };
    let no =
        |action: &Action, _: &mut Stage| matches!(action, Action::Confirm(_)).then_some(Observation::Answer(false));
    let one = |outcome, verdict| history(of(Kind::Stop(PowerOff::ShutDown)), &[(StepName::ShutDown, outcome, verdict)]);
    let running =
        || Stage::new().failed_over(FailoverType::Regular).host(|vm| vm.enabled_state = EnabledState::Enabled);
    for (outcome, verdict, is_taken) in [
        (no_answer(Delivery::Unknown), None, true),
        (answered(4096), Some(Verdict::Failed), true),
        (no_answer(Delivery::Answered), None, true),
        (None, None, true),
        (no_answer(Delivery::NotSent), Some(Verdict::NotTaken), false),
        (answered(32775), Some(Verdict::Failed), false),
        (no_answer(Delivery::Answered), Some(Verdict::Failed), false),
        (None, Some(Verdict::NotTaken), false),
    ] {
        let run = one(outcome.clone(), verdict);
        assert_eq!(run.may_have_changed(), is_taken, "{outcome:?} {verdict:?}");
        let outcome = Stage::new().resume_with(run, unread);
        let expected = if is_taken { "not read after a call" } else { "not sent" };
        assert_eq!(ended(&outcome), expected);
        if let Outcome::Halted(halted) = outcome {
            assert_eq!(where_it_is(&halted.whereabouts), ["unread", "-"]);
        }
    }
    // A guest that did not shut down, and nobody wants it asked again: the record says what the host answered.
    let outcome = running().resume_with(one(answered(4096), Some(Verdict::Failed)), no);
    let Outcome::Halted(halted) = outcome else { panic!("{outcome:?}") };
    assert!(halted.answers.contains("4096") && matches!(halted.why, Outcome::Declined(_)), "{halted:?}");
    let outcome = running().resume_with(one(answered(32775), Some(Verdict::Failed)), no);
    assert_eq!(ended(&outcome), "declined");
    // What takes another run back finds the hosts as that one has left them.
    for may_have_changed in [true, false] {
        let workflow =
            Workflow::new(of(Kind::WalkBack { start_primary: true })).after_another(may_have_changed, "app-db-01");
        let outcome = Stage::new().play(workflow, unread);
        assert_eq!(ended(&outcome), if may_have_changed { "not read after a call" } else { "not sent" });
    }
}

/// A second attempt of a call that may have been taken before does not leave: the run stays open.
#[test]
fn what_may_have_been_taken_keeps_the_run_open() {
    let mut stage = Stage::new();
    let run = history(of(Kind::Failover), &[(StepName::FailOver, answered(4096), Some(Verdict::Failed))]);
    let outcome = stage.resume_with(run, |action, _| match action {
        Action::Call { .. } => Some(called(Err(lost(ExchangeErrorKind::Connect, Delivery::NotSent)))),
        _ => None,
    });
    assert_eq!(ended(&outcome), "not read after a call", "{outcome:?}");
    let run = history(of(Kind::Failover), &[(StepName::FailOver, answered(4096), Some(Verdict::Failed))]);
    let outcome = stage.resume_with(run, |action, _| match action {
        Action::Call { .. } => Some(called(Ok(Invoked::Refused(ReturnCode::InvalidState)))),
        _ => None,
    });
    let Outcome::Stopped(stopped) = outcome else { panic!("{outcome:?}") };
    assert_eq!((stopped.end(), stopped.may_have_changed), (Some(RunEnd::Failed), true));
}
