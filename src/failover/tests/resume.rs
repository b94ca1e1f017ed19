//! A run that an earlier process left is taken up again.

use super::journal::{CallOutcome, Verdict};
use super::stage::{Stage, TEST_VM, answered, changed, history, no_answer, of, planned, test_vm};
use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// What every step of every workflow needs to be under way: the stage before it, its order, the steps done before.
pub(super) fn places() -> Vec<(Order, Stage, Vec<StepName>, StepName)> {
    use StepName as S;
    let start = || Stage::new();
    let off = || start().primary(|vm| vm.enabled_state = EnabledState::Disabled);
    let prepared = || start().prepared();
    let over = || prepared().failed_over(FailoverType::Planned);
    let turned = || {
        over()
            .host(|vm| {
                (vm.mode, vm.state, vm.failed_over) =
                    (ReplicationMode::Primary, ReplicationState::Replicating, FailoverType::None);
            })
            .primary(|vm| (vm.mode, vm.state) = (ReplicationMode::Replica, ReplicationState::Replicating))
    };
    let unplanned = || off().failed_over(FailoverType::Regular);
    let running = || unplanned().host(|vm| vm.enabled_state = EnabledState::Enabled);
    let rehearsed = || start().with_test_vm();
    let test_runs = || {
        let mut stage = rehearsed();
        stage.host.test_vms[0].enabled_state = EnabledState::Enabled;
        stage
    };
    let test = Order { start: true, ..of(Kind::TestStart { network: Some("Isolated".to_owned()) }) };
    let failover = Order { start: true, ..of(Kind::Failover) };
    let reverse = of(Kind::Reverse { with_primary: true, thumbprint: None });
    let back = of(Kind::WalkBack { start_primary: true });
    let addresses = crate::hyperv::AdapterAddresses::parse(false, &["10.0.0.7/24"], &["10.0.0.1"], &[]).unwrap();
    let network = of(Kind::Network(vec![AdapterOrder { adapter: String::new(), addresses }]));
    let asleep = || {
        unplanned()
            .primary(|vm| {
                (vm.mode, vm.state) = (ReplicationMode::Replica, ReplicationState::WaitingForInitialReplication)
            })
            .host(|vm| {
                (vm.mode, vm.state, vm.failed_over) =
                    (ReplicationMode::Primary, ReplicationState::ReadyForReplication, FailoverType::None);
            })
    };
    let old_is_replica = || {
        unplanned().primary(|vm| {
            (vm.mode, vm.state) = (ReplicationMode::Replica, ReplicationState::WaitingForInitialReplication)
        })
    };
    vec![
        (failover.clone(), start(), vec![], S::FailOver),
        (failover, unplanned(), vec![S::FailOver], S::Start),
        (planned(), start(), vec![], S::ShutDownPrimary),
        (planned(), off(), vec![S::ShutDownPrimary], S::Prepare),
        (planned(), prepared(), vec![S::ShutDownPrimary, S::Prepare], S::FailOver),
        (planned(), over(), vec![S::ShutDownPrimary, S::Prepare, S::FailOver], S::Reverse),
        (planned(), turned(), vec![S::ShutDownPrimary, S::Prepare, S::FailOver, S::Reverse], S::Start),
        (test.clone(), start(), vec![], S::SetTestSwitch),
        (test.clone(), start(), vec![S::SetTestSwitch], S::TestFailOver),
        (test, rehearsed(), vec![S::SetTestSwitch, S::TestFailOver], S::StartTestVm),
        (of(Kind::TestStop), test_runs(), vec![], S::TurnOffTestVm),
        (of(Kind::TestStop), rehearsed(), vec![S::TurnOffTestVm], S::DestroyTestVm),
        (of(Kind::Rehearsal), start(), vec![], S::TestFailOver),
        (of(Kind::Rehearsal), test_runs(), vec![S::TestFailOver], S::TurnOffTestVm),
        (of(Kind::Rehearsal), rehearsed(), vec![S::TestFailOver], S::DestroyTestVm),
        (of(Kind::Commit), unplanned(), vec![], S::Commit),
        (of(Kind::Undo), running(), vec![], S::TurnOff),
        (of(Kind::Undo), unplanned(), vec![S::TurnOff], S::Revert),
        (reverse.clone(), unplanned(), vec![], S::MakeReplica),
        (reverse.clone(), old_is_replica(), vec![S::MakeReplica], S::Reverse),
        (reverse, asleep(), vec![S::MakeReplica, S::Reverse], S::StartReplication),
        (of(Kind::Start), unplanned(), vec![], S::Start),
        (of(Kind::Stop(PowerOff::ShutDown)), running(), vec![], S::ShutDown),
        (network, start(), vec![], S::SetNetwork),
        (back.clone(), over().host(|vm| vm.enabled_state = EnabledState::Enabled), vec![], S::TurnOff),
        (back.clone(), over(), vec![S::TurnOff], S::Revert),
        (back.clone(), prepared(), vec![S::Revert], S::CancelPrepare),
        (back, off(), vec![S::Revert, S::CancelPrepare], S::StartPrimary),
    ]
}

/// Lets the call of a step take effect, as the stage would when it is sent.
pub(super) fn take_effect(stage: &mut Stage, order: &Order, step: StepName) {
    let mut ahead = stage.clone();
    let mut call = None;
    let _ = ahead.resume_with(
        history(order.clone(), &[(step, no_answer(Delivery::NotSent), Some(Verdict::NotTaken))]),
        |action, _| {
            if let Action::Call { site, step: at, call: sent, .. } = action
                && *at == step
            {
                call.get_or_insert((*site, sent.clone()));
            }
            None
        },
    );
    let (site, call) = call.unwrap_or_else(|| panic!("{step} of {} is not sent", order.kind.name()));
    stage.effect(site, &call);
}

pub(super) fn count(stage: &Stage, step: StepName) -> usize {
    stage.calls().iter().filter(|call| call.ends_with(&format!(" {step}"))).count()
}

/// Each workflow at each of its calls, in each condition that a process can die in: the run comes to its end, and the
/// call goes out again only where it certainly did nothing.
#[test]
fn every_workflow_is_taken_up_at_every_step() {
    for (order, stage, before, step) in places() {
        let done: Vec<_> = before.iter().map(|step| (*step, answered(4096), Some(Verdict::Done))).collect();
        let with = |outcome, verdict| {
            let calls: Vec<_> = done.iter().cloned().chain([(step, outcome, verdict)]).collect();
            history(order.clone(), &calls)
        };
        let told = |what: &str| format!("{} at {step}: {what}", order.kind.name());
        // Nobody knows, and it was never taken.
        let mut lost = stage.clone();
        let outcome = lost.resume(with(None, None));
        assert_eq!((ended(&outcome), count(&lost, step)), ("done", 1), "{} {outcome:?}", told("never taken"));
        assert_eq!(lost.record.first().map(|(step, _)| *step), Some(step));
        assert!(lost.now - stage.now >= 2 * MINUTE, "{}", told("a host may take it up as long as this"));
        // Nobody knows, and it was taken and is done.
        let mut taken = stage.clone();
        take_effect(&mut taken, &order, step);
        let outcome = taken.resume(with(None, None));
        assert_eq!((ended(&outcome), count(&taken, step)), ("done", 0), "{} {outcome:?}", told("taken"));
        // Its job is known and done.
        let mut job_done = stage.clone();
        take_effect(&mut job_done, &order, step);
        let outcome = job_done.resume_with(with(answered(4096), None), |action, _| match action {
            Action::GetJob { .. } => Some(Observation::Job(Ok(Some(job(JobState::Completed, 0))))),
            _ => None,
        });
        assert_eq!((ended(&outcome), count(&job_done, step)), ("done", 0), "{} {outcome:?}", told("job done"));
        // It answered that it was done.
        let mut at_once = stage.clone();
        take_effect(&mut at_once, &order, step);
        let outcome = at_once.resume(with(answered(0), None));
        assert_eq!((ended(&outcome), count(&at_once, step)), ("done", 0), "{} {outcome:?}", told("answered 0"));
        // It was refused by a code that leaves no doubt, or it did not leave: it is made anew, with a yes.
        for outcome in [answered(32775), no_answer(Delivery::NotSent)] {
            let mut refused = stage.clone();
            let ended_as = refused.resume(with(outcome, None));
            assert_eq!((ended(&ended_as), count(&refused, step)), ("done", 1), "{} {ended_as:?}", told("refused"));
            assert_eq!(refused.proposals.len(), 1, "{}", told("refused"));
        }
        // Proven before: what comes after it.
        let mut proven = stage.clone();
        take_effect(&mut proven, &order, step);
        let outcome = proven.resume(with(answered(4096), Some(Verdict::Done)));
        assert_eq!((ended(&outcome), count(&proven, step)), ("done", 0), "{} {outcome:?}", told("proven"));
        // Nothing is sent without a yes.
        let mut declined = stage.clone();
        let outcome = declined.resume_with(with(answered(32775), None), |action, _| {
            matches!(action, Action::Confirm(_)).then_some(Observation::Answer(false))
        });
        let expected = if before.is_empty() { "declined" } else { "declined half way" };
        assert_eq!((ended(&outcome), declined.calls().len()), (expected, 0), "{}", told("declined"));
    }
}

#[test]
fn a_job_that_runs_is_followed() {
    let mut stage = Stage::new().prepared().host(|vm| vm.state = ReplicationState::FailoverInProgress);
    let calls = [
        (StepName::ShutDownPrimary, answered(4096), Some(Verdict::Done)),
        (StepName::Prepare, answered(4096), Some(Verdict::Done)),
        (StepName::FailOver, answered(4096), None),
    ];
    let mut looks = 0;
    let outcome = stage.resume_with(history(planned(), &calls), |action, stage| match action {
        Action::GetJob { .. } if looks < 5 => {
            looks += 1;
            if looks == 5 {
                stage.effect(Site::Host, &Call::InitiateFailover { vm: id(), point: None });
                return Some(Observation::Job(Ok(Some(job(JobState::Completed, 0)))));
            }
            Some(Observation::Job(Ok(Some(job(JobState::Running, 0)))))
        }
        _ => None,
    });
    let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
    assert_eq!(stage.calls(), ["host reverse", "host start"]);
    assert_eq!(report.failover().unwrap().failed_over, FailoverType::Planned);
    // The yes is asked for what is left, and for no more.
    let left: Vec<_> = stage.proposals[0].steps.iter().map(|step| step.step).collect();
    assert_eq!(left, [StepName::Reverse, StepName::VerifyPrimary, StepName::Start]);
}

/// A job is kept for five minutes after its end. One that is not there any more is over, and nothing came of it.
#[test]
fn a_run_whose_job_has_gone_is_not_in_doubt_for_ever() {
    let gone = |minutes: u32| {
        let mut stage = Stage::new();
        stage.now += minutes * MINUTE;
        let calls = [(StepName::FailOver, answered(4096), None)];
        let outcome = stage.resume_with(history(of(Kind::Failover), &calls), |action, stage| match action {
            Action::GetJob { .. } if stage.calls().is_empty() => Some(Observation::Job(Ok(None))),
            _ => None,
        });
        (ended(&outcome).to_owned(), stage)
    };
    for minutes in [2, 60] {
        let (end, stage) = gone(minutes);
        assert_eq!((end.as_str(), stage.calls()), ("done", vec!["host fail-over"]));
        assert_eq!(stage.proposals.len(), 1, "with a new yes");
        // It may still be at work for as long as a host keeps a job.
        let waited = stage.now - stage::START;
        assert!(waited >= 6 * MINUTE, "{waited:?}");
    }
}

/// What a resume puts on record of the last call, until it asks for a yes.
fn verdicts(minutes: u32, calls: &[(StepName, Option<CallOutcome>, Option<Verdict>)]) -> Vec<Verdict> {
    let mut stage = Stage::new();
    stage.now += minutes * MINUTE;
    let mut verdicts = Vec::new();
    let mut workflow = Workflow::resume(history(of(Kind::Failover), calls));
    let mut seen = Observation::Begin;
    loop {
        let action = workflow.next(stage.now, stage.wall(), seen);
        verdicts.extend(workflow.take_verdict());
        seen = match action {
            Action::Confirm(_) => return verdicts,
            Action::Wait(time) => {
                stage.now += time;
                Observation::Waited
            }
            action => stage.answer(action),
        };
    }
}

/// What was never taken, and what was taken and failed long ago, are two different records.
#[test]
fn what_the_record_says_of_a_call_without_a_trace() {
    for (minutes, verdict) in [(3, Verdict::NotTaken), (30, Verdict::Failed)] {
        assert_eq!(verdicts(minutes, &[(StepName::FailOver, None, None)]), [verdict], "{minutes} minutes");
    }
}

/// One call left no trace; the next was taken, and its job failed. Looking for the first changes nothing about that.
#[test]
fn what_was_proven_of_a_call_stays_on_record() {
    let calls = [
        (StepName::FailOver, no_answer(Delivery::Unknown), Some(Verdict::NotTaken)),
        (StepName::FailOver, answered(4096), Some(Verdict::Failed)),
    ];
    assert_eq!(verdicts(3, &calls), [Verdict::Failed]);
}

/// The clock was set back an hour since the call: the host is given its time, and not an hour.
#[test]
fn a_clock_that_was_set_back_costs_no_hour() {
    let mut stage = Stage::new();
    let mut run = history(of(Kind::Failover), &[(StepName::FailOver, None, None)]);
    run.calls[0].intent.sent = wall() + Duration::from_secs(3600);
    let outcome = stage.resume(run);
    assert_eq!(ended(&outcome), "done", "{outcome:?}");
    assert!(stage.now - stage::START <= 3 * MINUTE, "{:?}", stage.now - stage::START);
}

/// An answer that was slow shows the host as it was when it was asked: a call that was taken meanwhile is not in it.
#[test]
fn what_a_slow_answer_shows_is_as_old_as_the_question() {
    let mut stage = Stage::new();
    let mut slow = true;
    let outcome =
        stage.resume_with(history(of(Kind::Failover), &[(StepName::FailOver, None, None)]), |action, stage| {
            match action {
                // Asked within the host's time for the call, answered after it.
                Action::FindJobs { .. } if slow => {
                    slow = false;
                    stage.now += 3 * MINUTE;
                    stage.effect(Site::Host, &Call::InitiateFailover { vm: id(), point: None });
                    Some(Observation::Jobs(Ok(Vec::new())))
                }
                _ => None,
            }
        });
    assert_eq!((ended(&outcome), stage.calls().len()), ("done", 0), "{outcome:?}");
    // The same at the second look, which may believe what it sees.
    let mut stage = Stage::new();
    let mut looks = 0;
    let outcome = stage.resume_with(
        history(of(Kind::Failover), &[(StepName::FailOver, None, None)]),
        |action, stage| match action {
            Action::FindJobs { .. } => {
                looks += 1;
                if looks == 2 {
                    stage.now += 3 * MINUTE;
                    stage.effect(Site::Host, &Call::InitiateFailover { vm: id(), point: None });
                }
                Some(Observation::Jobs(Ok(Vec::new())))
            }
            _ => None,
        },
    );
    assert_eq!((ended(&outcome), stage.calls().len()), ("done", 0), "{outcome:?}");
}

/// A call that left no trace may have been taken all the same: what comes after it is settled by a look.
#[test]
fn what_was_taken_without_a_trace_is_found_before_the_next_call() {
    // It was sent again, refused as something is at work, and meanwhile that has done what was wanted.
    for second in [answered(32775), no_answer(Delivery::NotSent)] {
        let mut stage = Stage::new().failed_over(FailoverType::Regular);
        let calls = [
            (StepName::FailOver, no_answer(Delivery::Unknown), Some(Verdict::NotTaken)),
            (StepName::FailOver, second, None),
        ];
        let outcome = stage.resume(history(of(Kind::Failover), &calls));
        assert_eq!((ended(&outcome), stage.calls().len()), ("done", 0), "{outcome:?}");
    }
    // The test VM is gone although its removal was refused.
    let mut stage = Stage::new();
    let calls = [
        (StepName::TurnOffTestVm, answered(4096), Some(Verdict::Done)),
        (StepName::DestroyTestVm, answered(32775), Some(Verdict::Failed)),
    ];
    let outcome = stage.resume(history(of(Kind::TestStop), &calls));
    assert_eq!((ended(&outcome), stage.calls().len()), ("done", 0), "{outcome:?}");
    // The refusal of the second one is no proof that the first was not taken.
    let mut stage = Stage::new();
    let outcome = stage.resume_with(
        history(of(Kind::Failover), &[(StepName::FailOver, None, None)]),
        |action, stage| match action {
            Action::Call { call, site, .. } => {
                stage.effect(*site, call);
                Some(called(Ok(Invoked::Refused(ReturnCode::InvalidState))))
            }
            _ => None,
        },
    );
    assert_eq!((ended(&outcome), stage.calls().len()), ("done", 1), "{outcome:?}");
}

/// A job that failed, and was found to have failed, is not the end of the run for ever: the step is made anew.
#[test]
fn a_failed_job_is_not_found_again() {
    let calls = [
        // Its reply was lost, and the job was found by a look.
        vec![(StepName::FailOver, None, Some(Verdict::Failed))],
        vec![(StepName::FailOver, no_answer(Delivery::Unknown), Some(Verdict::Failed))],
        // The job is on record, and the call before left no trace.
        vec![
            (StepName::FailOver, no_answer(Delivery::Answered), None),
            (StepName::FailOver, answered(4096), Some(Verdict::Failed)),
        ],
    ];
    for calls in calls {
        let mut stage = Stage::new();
        let submitted = Datetime::try_from(stage.wall()).ok();
        stage.host.jobs = vec![Job { submitted, ..job(JobState::Exception, 32775) }];
        let outcome = stage.resume(history(of(Kind::Failover), &calls));
        assert_eq!((ended(&outcome), stage.calls().len()), ("done", 1), "{calls:?}: {outcome:?}");
        assert_eq!(stage.proposals.len(), 1, "with a yes of its own");
    }
}

/// Somebody took the preparation back and started the primary: the replica is not failed over beside it.
#[test]
fn a_replica_is_not_failed_over_beside_a_primary_that_runs_again() {
    let calls = [
        (StepName::ShutDownPrimary, answered(4096), Some(Verdict::Done)),
        (StepName::Prepare, answered(4096), Some(Verdict::Done)),
    ];
    let mut stage = Stage::new();
    let outcome = stage.resume(history(planned(), &calls));
    let (step, seen) = changed(&outcome);
    assert!(step == StepName::FailOver && seen.starts_with("on the primary"), "{seen}");
    assert!(stage.calls().is_empty() && stage.proposals.is_empty());
    // Nor is a failed-over replica turned round or started beside it.
    let calls = [&calls[..], &[(StepName::FailOver, answered(4096), Some(Verdict::Done))]].concat();
    let mut stage = Stage::new().failed_over(FailoverType::Planned);
    let outcome = stage.resume(history(planned(), &calls));
    assert_eq!(changed(&outcome).0, StepName::Reverse);
    let kind = Kind::PlannedFailover { off: PowerOff::ShutDown, reverse: false, thumbprint: None };
    let outcome = stage.resume(history(Order { start: true, ..of(kind) }, &calls));
    assert_eq!(changed(&outcome).0, StepName::Start);
    assert!(stage.calls().is_empty());
}

/// The proof of a step could not be put on record, and the run went on all the same: what it did is not forgotten.
#[test]
fn a_step_that_the_run_went_on_from_is_done() {
    let mut stage = Stage::new().failed_over(FailoverType::Regular);
    let calls = [(StepName::FailOver, answered(4096), None), (StepName::Start, answered(32775), None)];
    let order = Order { start: true, ..of(Kind::Failover) };
    let outcome = stage.resume_with(history(order, &calls), |action, _| match action {
        Action::Call { .. } => Some(called(Err(fault("Sender", "AccessDenied", 5)))),
        _ => None,
    });
    let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
    assert!(report.failover().is_some() && matches!(report.start, StartReport::Failed(_)));
}

/// A run that was proven to its last step and not closed is done only if it is still so.
#[test]
fn what_was_proven_must_still_be_so() {
    for (order, step) in [
        (of(Kind::Failover), StepName::FailOver),
        (of(Kind::Commit), StepName::Commit),
        (of(Kind::TestStart { network: None }), StepName::TestFailOver),
    ] {
        let mut stage = Stage::new();
        let outcome = stage.resume(history(order, &[(step, answered(4096), Some(Verdict::Done))]));
        let (at, seen) = changed(&outcome);
        assert!(at == step && seen.contains("was proven before"), "{seen}");
    }
    // A VM that was started and stopped again does not unprove the failover.
    let mut stage = Stage::new().failed_over(FailoverType::Regular);
    let calls = [
        (StepName::FailOver, answered(4096), Some(Verdict::Done)),
        (StepName::Start, answered(4096), Some(Verdict::Done)),
    ];
    let outcome = stage.resume(history(Order { start: true, ..of(Kind::Failover) }, &calls));
    let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(report.start, StartReport::Failed(_)));
}

/// The test VM of the record is gone, and another one stands in its place.
#[test]
fn another_test_vm_is_left_alone() {
    const OTHER: &str = "00000000-30C6-4E0F-8A55-6D3C2B1F0E99";
    let mut stage = Stage::new();
    stage.host.test_vms.push(test_vm(OTHER));
    // It was destroyed: the run is done, and the other one stays.
    let outcome = stage.resume(history(of(Kind::TestStop), &[(StepName::DestroyTestVm, None, None)]));
    assert_eq!(ended(&outcome), "done", "{outcome:?}");
    assert!(stage.calls().is_empty() && stage.host.test_vms.len() == 1);
    for (order, step, stops_at) in [
        (of(Kind::TestStop), StepName::TurnOffTestVm, StepName::DestroyTestVm),
        (of(Kind::TestStop), StepName::DestroyTestVm, StepName::DestroyTestVm),
        (Order { start: true, ..of(Kind::TestStart { network: None }) }, StepName::StartTestVm, StepName::StartTestVm),
    ] {
        let outcome = stage.resume(history(order, &[(step, answered(32775), None)]));
        assert_eq!(changed(&outcome).0, stops_at);
    }
    assert!(stage.calls().is_empty());
    assert_ne!(OTHER, TEST_VM);
}

#[test]
fn a_vm_that_is_not_there_proves_nothing() {
    // On the host that is asked for the first look.
    let mut stage = Stage::new();
    stage.host.vm = None;
    let outcome = stage.resume(history(of(Kind::Failover), &[(StepName::FailOver, None, None)]));
    let Outcome::Halted(halted) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(halted.why, Outcome::Refused(Refusal::NotVisible { .. })), "{halted:?}");
    // Or it goes while the call is looked for.
    let mut stage = Stage::new();
    let outcome =
        stage.resume_with(history(of(Kind::Failover), &[(StepName::FailOver, None, None)]), |action, stage| {
            if matches!(action, Action::FindJobs { .. }) {
                stage.host.vm = None;
            }
            None
        });
    assert_eq!(ended(&outcome), "unproven", "{outcome:?}");
    assert!(stage.calls().is_empty());
}

#[test]
fn a_step_of_a_newer_program_is_left_alone() {
    let mut stage = Stage::new();
    let mut run = history(planned(), &[(StepName::Prepare, None, None)]);
    run.calls[0].intent.step = "re-parse".to_owned();
    let outcome = stage.resume(run);
    assert!(changed(&outcome).1.contains("re-parse"));
    assert!(stage.calls().is_empty());
}

/// A guest that was asked an hour ago is not waited for another ten minutes.
#[test]
fn a_guest_is_given_its_time_once() {
    let mut stage = Stage::new();
    stage.now += 60 * MINUTE;
    let begun = stage.now;
    let outcome =
        stage.resume_with(history(planned(), &[(StepName::ShutDownPrimary, answered(4096), None)]), |action, stage| {
            match action {
                Action::GetJob { .. } if stage.calls().is_empty() => Some(Observation::Job(Ok(None))),
                Action::Confirm(_) => {
                    assert!(stage.now - begun < MINUTE, "{:?}", stage.now - begun);
                    None
                }
                _ => None,
            }
        });
    assert_eq!((ended(&outcome), count(&stage, StepName::ShutDownPrimary)), ("done", 1), "{outcome:?}");
}

/// A guest that does not shut down is waited for no longer than it takes to say so: the power is cut instead.
#[test]
fn a_guest_that_does_not_shut_down_has_its_power_cut() {
    let cut = |history: &mut crate::failover::journal::History| assert!(history.record.order.kind.cut_power());
    let orders = [
        (planned(), StepName::ShutDownPrimary, "primary turn-off-primary"),
        (of(Kind::Stop(PowerOff::ShutDown)), StepName::ShutDown, "host turn-off"),
    ];
    for (order, asked, called) in orders {
        let running = || match asked {
            StepName::ShutDown => Stage::new().failed_over(FailoverType::Regular).host(|vm| {
                vm.enabled_state = EnabledState::Enabled;
            }),
            _ => Stage::new(),
        };
        for taken in [answered(4096), no_answer(Delivery::Unknown)] {
            let mut stage = running();
            let mut left = history(order.clone(), &[(asked, taken.clone(), None)]);
            cut(&mut left);
            let outcome = stage.resume(left);
            assert!(matches!(outcome, Outcome::Done(_)), "{asked}: {outcome:?}");
            assert_eq!(stage.calls().first(), Some(&called), "{asked}");
            assert!(stage.now - super::stage::START < MINUTE * 5, "nobody waited for the guest");
            // It went off by itself meanwhile: nothing is cut.
            let mut stage = running();
            let off = |vm: &mut Vm| vm.enabled_state = EnabledState::Disabled;
            stage = if asked == StepName::ShutDown { stage.host(off) } else { stage.primary(off) };
            let mut left = history(order.clone(), &[(asked, taken, None)]);
            cut(&mut left);
            assert!(matches!(stage.resume(left), Outcome::Done(_)));
            assert!(!stage.calls().contains(&called), "{asked}: {:?}", stage.calls());
        }
        // Taken up once more, it goes on from the power cut without being told again.
        let mut stage = running();
        let cut_step = asked.power_cut().unwrap();
        let left = history(
            order,
            &[(asked, answered(4096), Some(Verdict::Failed)), (cut_step, no_answer(Delivery::NotSent), None)],
        );
        assert!(matches!(stage.resume(left), Outcome::Done(_)));
        assert_eq!(stage.calls().first(), Some(&called));
    }
}
