//! The unplanned failover.

use super::*;

/// Runs the workflow; the script answers each action. Gives the outcome, the names of the actions, and the time passed.
fn drive(
    order: Order,
    mut script: impl FnMut(&Action, usize) -> Observation,
) -> (Outcome, Vec<&'static str>, Duration) {
    let mut workflow = Workflow::new(order);
    let (mut seen, mut now, mut trail) = (Observation::Begin, Duration::from_secs(1000), Vec::new());
    for _ in 0..10_000 {
        let action = workflow.next(now, wall(), seen);
        let name = name(&action);
        let before = trail.iter().filter(|known| **known == name).count();
        match action {
            Action::Finish(outcome) => return (outcome, trail, now - Duration::from_secs(1000)),
            Action::Wait(duration) => {
                now += duration;
                seen = Observation::Waited;
                continue;
            }
            Action::Take { .. } => {
                seen = Observation::Taken(Ok(journal::Taken::Fresh));
                continue;
            }
            ref action => seen = script(action, before),
        }
        trail.push(name);
    }
    panic!("the workflow does not end: {trail:?}");
}

/// The action in a word; the two calls that these tests order are told apart.
fn name(action: &Action) -> &'static str {
    match action {
        Action::Ask { ask: Ask::FindVm(_), .. } => "FindVm",
        Action::Ask { ask: Ask::Points(_), .. } => "ListPoints",
        Action::Ask { ask: Ask::Vm(_), .. } => "ReadVm",
        Action::Ask { .. } => "Ask",
        Action::Take { .. } => "Take",
        Action::Confirm(_) => "Confirm",
        Action::Call { step: StepName::Start, .. } => "Start",
        Action::Call { .. } => "Invoke",
        Action::LearnService { .. } => "LearnService",
        Action::GetJob { .. } => "GetJob",
        Action::GetJobErrors { .. } => "GetJobErrors",
        Action::FindJobs { .. } => "FindJobs",
        Action::Wait(_) => "Wait",
        Action::Finish(_) => "Finish",
    }
}

fn order() -> Order {
    Order::new(VmSelector::Name("app-db-01".to_owned()))
}

fn found() -> Observation {
    looked_up(Ok(LookedUp::One(Box::new(vm(ReplicationState::Replicating)))))
}

/// The answers of a host on which all goes well; tests change the ones they are about.
fn well(action: &Action, _: usize) -> Observation {
    match name(action) {
        "FindVm" => found(),
        "ListPoints" => Observation::Told(Ok(Told::Points(vec![
            point("Microsoft:A", PointKind::Standard, 100),
            point("Microsoft:B", PointKind::ApplicationConsistent, 3600),
            point("Microsoft:C", PointKind::Standard, 7200),
        ]))),
        "Confirm" => Observation::Answer(true),
        "Invoke" => called(Ok(Invoked::Started(job_ref()))),
        "GetJob" => Observation::Job(Ok(Some(job(JobState::Completed, 0)))),
        "GetJobErrors" => Observation::JobErrors(Ok(Vec::new())),
        "ReadVm" => read(Ok(Some(vm(ReplicationState::Recovered)))),
        "FindJobs" => Observation::Jobs(Ok(Vec::new())),
        "LearnService" => Observation::Service(Ok(Some(ServiceKeys::Short))),
        "Start" => called(Ok(Invoked::Done)),
        other => panic!("{other}"),
    }
}

fn invokes(trail: &[&str]) -> usize {
    trail.iter().filter(|name| **name == "Invoke").count()
}

#[test]
fn the_straight_path_takes_four_questions() {
    let (outcome, trail, took) = drive(order(), well);
    let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
    assert_eq!(trail, ["FindVm", "Confirm", "Invoke", "GetJob", "ReadVm"]);
    assert_eq!(report.failover().unwrap().state, ReplicationState::Recovered);
    assert_eq!(report.proposal.data_loss, Some(Duration::from_secs(252)));
    assert_eq!(took, Duration::ZERO);
}

#[test]
fn a_point_is_chosen_among_those_of_the_vm() {
    for (words, id) in [
        ("app-consistent", Some("Microsoft:B")),
        ("Microsoft:c", Some("Microsoft:C")),
        ("a", Some("Microsoft:A")),
        ("Microsoft:D", None),
    ] {
        let order = Order { point: words.parse().unwrap(), ..order() };
        let mut sent = None;
        let (outcome, trail, _) = drive(order, |action, n| {
            if let Action::Call { call, .. } = action
                && let Call::InitiateFailover { point, .. } = call.as_ref()
            {
                sent = point.as_ref().map(|point| point.id.clone());
            }
            well(action, n)
        });
        assert_eq!(sent.as_deref(), id, "{words}");
        assert_eq!(invokes(&trail), usize::from(id.is_some()));
        assert!(id.is_some() || matches!(outcome, Outcome::Refused(Refusal::NoPoint { .. })));
    }
}

#[test]
fn before_takes_the_newest_not_after_the_time() {
    let created = time_ago(3600);
    let points = [point("A", PointKind::Standard, 100), point("B", PointKind::Standard, 3600)];
    assert_eq!(PointChoice::Before(created).choose(&points).unwrap().id, "B");
    assert_eq!(PointChoice::Before(time_ago(3601)).choose(&points), None);
    assert!(matches!("before:2026-11-23T08:00Z".parse(), Ok(PointChoice::Before(_))));
    assert!(matches!("before:2026-11-23T08:00".parse::<PointChoice>(), Err(PointChoiceError::Time(_))));
    assert!(matches!("before:soon".parse::<PointChoice>(), Err(PointChoiceError::Time(_))));
    assert_eq!("".parse::<PointChoice>(), Err(PointChoiceError::Empty));
}

#[test]
fn nothing_is_sent_for_a_vm_that_is_not_ready() {
    let change = |edit: fn(&mut Vm)| {
        let mut vm = vm(ReplicationState::Replicating);
        edit(&mut vm);
        vm
    };
    let cases: Vec<(Vm, &str)> = vec![
        (change(|vm| vm.mode = ReplicationMode::Primary), "is-primary"),
        (change(|vm| vm.mode = ReplicationMode::None), "not-replicated"),
        (change(|vm| vm.mode = ReplicationMode::TestReplica), "is-test-replica"),
        (change(|vm| vm.mode = ReplicationMode::Other(9)), "unknown-mode"),
        (change(|vm| vm.enabled_state = EnabledState::Enabled), "not-off"),
        (change(|vm| vm.last_replication = None), "never-replicated"),
        (vm(ReplicationState::Disabled), "no-initial-replication"),
        (vm(ReplicationState::ReadyForReplication), "no-initial-replication"),
        (vm(ReplicationState::WaitingForInitialReplication), "no-initial-replication"),
        (vm(ReplicationState::Recovered), "already-failed-over"),
        (vm(ReplicationState::Committed), "already-committed"),
        (vm(ReplicationState::FailoverInProgress), "failover-in-progress"),
        (vm(ReplicationState::FailbackInProgress), "failback"),
        (vm(ReplicationState::FailbackComplete), "failback"),
    ];
    for (vm, code) in cases {
        let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
            "FindVm" => looked_up(Ok(LookedUp::One(Box::new(vm.clone())))),
            _ => well(action, n),
        });
        let Outcome::Refused(Refusal::Preflight(proposal)) = outcome else { panic!("{code}: {outcome:?}") };
        assert!(proposal.findings.iter().any(|finding| finding.code == code && !finding.remedy.is_empty()), "{code}");
        assert_eq!(trail, ["FindVm"]);
    }
}

#[test]
fn states_that_only_warn_go_on() {
    for number in [4, 7, 8, 9, 10, 11, 15, 16, 17, 21, 4242] {
        let before = vm(ReplicationState::from(number));
        let (outcome, _, _) = drive(order(), |action, n| match name(action) {
            "FindVm" => looked_up(Ok(LookedUp::One(Box::new(before.clone())))),
            _ => well(action, n),
        });
        let Outcome::Done(report) = outcome else { panic!("{number}: {outcome:?}") };
        assert!(report.proposal.has_warnings(), "{number}");
    }
}

#[test]
fn a_no_ends_the_run_before_the_call() {
    let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
        "Confirm" => Observation::Answer(false),
        _ => well(action, n),
    });
    assert!(ended(&outcome) == "declined");
    assert_eq!(invokes(&trail), 0);
}

#[test]
fn every_return_value_has_its_end() {
    for code in (32768..=32779).chain([1, 5, 32790, u32::MAX]) {
        let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
            "Invoke" => called(Ok(Invoked::Refused(ReturnCode::from(code)))),
            "ReadVm" => read(Ok(Some(vm(ReplicationState::Replicating)))),
            _ => well(action, n),
        });
        assert_eq!(invokes(&trail), 1, "{code}");
        match code {
            // "Status is unknown", "timeout" and numbers nobody knows prove nothing.
            32771 | 32772 | 1 | 5 | 32790 | u32::MAX => {
                assert!(ended(&outcome) == "unproven", "{code}: {outcome:?}")
            }
            _ => assert!(ended(&outcome) == "host refused", "{code}: {outcome:?}"),
        }
    }
}

#[test]
fn zero_is_done_only_when_the_state_says_so() {
    let at_once = |action: &Action, n| match name(action) {
        "Invoke" => called(Ok(Invoked::Done)),
        _ => well(action, n),
    };
    assert!(matches!(drive(order(), at_once).0, Outcome::Done(_)));
    let (outcome, _, _) = drive(order(), |action, n| match name(action) {
        "ReadVm" => read(Ok(Some(vm(ReplicationState::Replicating)))),
        _ => at_once(action, n),
    });
    assert!(ended(&outcome) == "unproven", "{outcome:?}");
}

#[test]
fn a_lost_reply_is_never_followed_by_a_second_call() {
    // The job is found and followed.
    let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
        "Invoke" => called(Err(unknown())),
        "ReadVm" if n == 0 => read(Ok(Some(vm(ReplicationState::FailoverInProgress)))),
        "FindJobs" => Observation::Jobs(Ok(vec![job(JobState::Running, 0)])),
        _ => well(action, n),
    });
    assert!(ended(&outcome) == "done", "{outcome:?}");
    assert_eq!(invokes(&trail), 1);

    // The state proves it without a job.
    let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
        "Invoke" => called(Err(unknown())),
        _ => well(action, n),
    });
    let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
    assert!(report.remarks.iter().any(|remark| remark.contains("lost")));
    assert_eq!(invokes(&trail), 1);

    // Nothing is to be seen: unknown, after several looks.
    let (outcome, trail, took) = drive(order(), |action, n| match name(action) {
        "Invoke" => called(Err(unknown())),
        "ReadVm" => read(Ok(Some(vm(ReplicationState::Replicating)))),
        _ => well(action, n),
    });
    assert!(ended(&outcome) == "unproven", "{outcome:?}");
    assert_eq!(invokes(&trail), 1);
    assert!(took >= Duration::from_secs(10), "{took:?}");

    // The host is gone for good.
    let (outcome, trail, took) = drive(order(), |action, n| match name(action) {
        "Invoke" => called(Err(unknown())),
        "ReadVm" => read(Err(lost(ExchangeErrorKind::Connect, Delivery::NotSent))),
        _ => well(action, n),
    });
    assert!(ended(&outcome) == "unproven", "{outcome:?}");
    assert_eq!(invokes(&trail), 1);
    assert!(took >= Duration::from_secs(300), "{took:?}");
}

#[test]
fn an_old_job_is_not_taken_for_ours() {
    let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
        "Invoke" => called(Err(unknown())),
        "ReadVm" => read(Ok(Some(vm(ReplicationState::Replicating)))),
        "FindJobs" => {
            let mut old = job(JobState::Exception, 32768);
            old.submitted = Some(time_ago(200));
            let mut other = job(JobState::Running, 0);
            other.kind = Some(JobType::ReplicationStateChange);
            Observation::Jobs(Ok(vec![old, other]))
        }
        _ => well(action, n),
    });
    assert!(ended(&outcome) == "unproven", "{outcome:?}");
    assert!(!trail.contains(&"GetJob"));
}

#[test]
fn the_job_of_an_undone_failover_a_moment_ago_is_not_taken_for_ours() {
    let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
        "Invoke" => called(Err(unknown())),
        "ReadVm" => read(Ok(Some(vm(ReplicationState::Replicating)))),
        "FindJobs" => {
            let mut earlier = job(JobState::Completed, 0);
            earlier.submitted = Some(time_ago(15));
            Observation::Jobs(Ok(vec![earlier]))
        }
        _ => well(action, n),
    });
    assert_eq!(ended(&outcome), "unproven", "{outcome:?}");
    assert!(!trail.contains(&"GetJob"));
}

#[test]
fn a_call_that_never_left_is_sent_on_a_new_connection_once() {
    for (times, done) in [(1, true), (2, false)] {
        let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
            "Invoke" if n < times => called(Err(lost(ExchangeErrorKind::ConnectionLost, Delivery::NotSent))),
            _ => well(action, n),
        });
        assert_eq!(invokes(&trail), 2);
        assert_eq!(ended(&outcome) == "done", done, "{outcome:?}");
        assert!(done || ended(&outcome) == "not sent");
    }
}

#[test]
fn missing_keys_are_learnt_only_when_nothing_has_changed() {
    let refused = |action: &Action, n| match name(action) {
        "Invoke" if n == 0 => called(Err(fault("Receiver", "InternalError", 0x8033_8000))),
        "ReadVm" if n == 0 => read(Ok(Some(vm(ReplicationState::Replicating)))),
        _ => well(action, n),
    };
    let (outcome, trail, _) = drive(order(), refused);
    assert!(ended(&outcome) == "done", "{outcome:?}");
    assert_eq!(trail[2..7], ["Invoke", "ReadVm", "FindJobs", "LearnService", "Invoke"]);

    let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
        "ReadVm" => read(Ok(Some(vm(ReplicationState::FailoverInProgress)))),
        "FindJobs" => Observation::Jobs(Ok(vec![job(JobState::Running, 0)])),
        "GetJob" => Observation::Job(Ok(Some(job(JobState::Exception, 32768)))),
        _ => refused(action, n),
    });
    assert!(ended(&outcome) == "job failed", "{outcome:?}");
    assert_eq!(invokes(&trail), 1);
}

/// A host that wants all keys, after a person who thought longer than the connection was kept.
#[test]
fn a_gone_connection_and_missing_keys_may_come_together() {
    let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
        "Invoke" if n == 0 => called(Err(lost(ExchangeErrorKind::ConnectionLost, Delivery::NotSent))),
        "Invoke" if n == 1 => called(Err(fault("Receiver", "InternalError", 0x8033_8000))),
        "ReadVm" if n == 0 => read(Ok(Some(vm(ReplicationState::Replicating)))),
        _ => well(action, n),
    });
    assert!(ended(&outcome) == "done", "{outcome:?}");
    assert_eq!(trail[2..8], ["Invoke", "Invoke", "ReadVm", "FindJobs", "LearnService", "Invoke"]);
    // Each reason counts once.
    let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
        "Invoke" if n % 2 == 0 => called(Err(lost(ExchangeErrorKind::ConnectionLost, Delivery::NotSent))),
        "Invoke" => called(Err(fault("Receiver", "InternalError", 0x8033_8000))),
        "ReadVm" => read(Ok(Some(vm(ReplicationState::Replicating)))),
        _ => well(action, n),
    });
    assert_eq!((ended(&outcome), invokes(&trail)), ("not sent", 3), "{outcome:?}");
}

/// The host's clock is ahead of ours, so that the failed job of an earlier attempt seems to be of now. Ours appears a
/// moment later.
#[test]
fn an_earlier_failure_is_not_taken_for_ours_at_once() {
    let mut earlier = job(JobState::Exception, 32768);
    earlier.reference = JobRef::by_id(ResourceUri::new("http://x/root/virtualization/v2/Msvm_ConcreteJob"), "OLD");
    let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
        "Invoke" => called(Err(unknown())),
        "ReadVm" if n < 2 => read(Ok(Some(vm(ReplicationState::Replicating)))),
        "FindJobs" if n == 0 => Observation::Jobs(Ok(vec![earlier.clone()])),
        "FindJobs" => Observation::Jobs(Ok(vec![job(JobState::Running, 0), earlier.clone()])),
        _ => well(action, n),
    });
    assert!(ended(&outcome) == "done", "{outcome:?}");
    assert_eq!(invokes(&trail), 1);
    // Where no other appears, it is ours.
    let (outcome, _, took) = drive(order(), |action, n| match name(action) {
        "Invoke" => called(Err(unknown())),
        "ReadVm" => read(Ok(Some(vm(ReplicationState::Replicating)))),
        "FindJobs" => Observation::Jobs(Ok(vec![earlier.clone()])),
        "GetJob" => Observation::Job(Ok(Some(earlier.clone()))),
        _ => well(action, n),
    });
    assert!(ended(&outcome) == "job failed" && took >= Duration::from_secs(10), "{outcome:?}");
}

/// Another run was quicker, and has ended since: what it did is read before anything is decided.
#[test]
fn what_another_run_has_changed_is_read_again() {
    for (state, end) in [(ReplicationState::Replicating, "done"), (ReplicationState::Recovered, "refused")] {
        let mut stage = super::stage::Stage::new();
        let mut takes = 0;
        let outcome = stage.run_with(order(), |action, stage| match action {
            Action::Take { .. } if takes == 0 => {
                takes += 1;
                stage.vm(Site::Host).state = state;
                Some(Observation::Taken(Ok(journal::Taken::Stale)))
            }
            _ => None,
        });
        assert_eq!(ended(&outcome), end, "{outcome:?}");
        assert_eq!(stage.trail[..3], ["host FindVm", "take", "host FindVm"]);
        assert_eq!(stage.calls().len(), usize::from(end == "done"));
    }
}

#[test]
fn a_vm_that_another_run_holds_is_left_alone() {
    let run = || journal::RunId::new(wall());
    let errors: [fn(journal::RunId) -> journal::TakeError; 3] = [
        |run| journal::TakeError::Held { run, holder: "process 7".to_owned() },
        |run| journal::TakeError::Open { run },
        |_| journal::TakeError::Journal(journal::JournalError::new("the disk is full")),
    ];
    for (number, error) in errors.into_iter().enumerate() {
        let mut stage = super::stage::Stage::new();
        let outcome = stage.run_with(order(), |action, _| {
            matches!(action, Action::Take { .. }).then(|| Observation::Taken(Err(error(run()))))
        });
        match (number, &outcome) {
            (0, Outcome::Refused(Refusal::Held { .. })) => {}
            (1, Outcome::Refused(Refusal::OpenRun { .. })) => {}
            (2, Outcome::Refused(Refusal::Journal(_))) => {}
            _ => panic!("{outcome:?}"),
        }
        assert!(stage.calls().is_empty() && stage.proposals.is_empty());
    }
}

#[test]
fn what_cannot_be_put_on_record_is_not_sent() {
    let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
        "Invoke" => Observation::Called(Err(CallError::NotRecorded(journal::JournalError::new("the disk is full")))),
        _ => well(action, n),
    });
    let Outcome::Stopped(stopped) = &outcome else { panic!("{outcome:?}") };
    assert_eq!((ended(&outcome), stopped.end()), ("not on record", Some(journal::RunEnd::NotBegun)));
    assert_eq!(trail.last(), Some(&"Invoke"));
}

/// A driver that answers what was not asked for makes the run stop, and never send.
#[test]
fn a_driver_out_of_step_sends_nothing() {
    let mut workflow = Workflow::new(order());
    let action = workflow.next(Duration::ZERO, wall(), Observation::Waited);
    assert!(matches!(action, Action::Finish(Outcome::Refused(_))), "{action:?}");
    let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
        "GetJob" => Observation::Waited,
        _ => well(action, n),
    });
    assert_eq!((ended(&outcome), invokes(&trail)), ("unproven", 1), "{outcome:?}");
}

#[test]
fn a_fault_of_the_sender_is_a_refusal_and_a_timeout_is_not() {
    let with = |error: fn() -> Error| {
        drive(order(), move |action, n| match name(action) {
            "Invoke" => called(Err(error())),
            "ReadVm" => read(Ok(Some(vm(ReplicationState::Replicating)))),
            _ => well(action, n),
        })
    };
    let (outcome, trail, _) = with(|| fault("Sender", "SchemaValidationError", 0x8033_8041));
    assert!(ended(&outcome) == "faulted", "{outcome:?}");
    assert_eq!(invokes(&trail), 1);
    let (outcome, trail, _) = with(|| fault("Receiver", "TimedOut", 0x8033_8029));
    assert!(ended(&outcome) == "unproven", "{outcome:?}");
    assert_eq!(invokes(&trail), 1);
}

#[test]
fn a_job_ends_as_it_ends() {
    for (state, code, good) in [
        (JobState::Completed, 0, true),
        (JobState::CompletedWithWarnings, 0, true),
        (JobState::Completed, 32768, false),
        (JobState::Exception, 32775, false),
        (JobState::Terminated, 0, false),
        (JobState::Killed, 0, false),
    ] {
        let (outcome, _, _) = drive(order(), |action, n| match name(action) {
            "GetJob" => Observation::Job(Ok(Some(job(state, code)))),
            _ => well(action, n),
        });
        assert_eq!(ended(&outcome) == "done", good, "{state} {code}: {outcome:?}");
        assert!(good || ended(&outcome) == "job failed");
    }
}

#[test]
fn suspended_and_unknown_states_are_waited_for_until_the_deadline() {
    for state in [JobState::Suspended, JobState::Service, JobState::Other(4242)] {
        let order = Order { deadline: Some(Duration::from_secs(1000 + 600)), ..order() };
        let (outcome, trail, took) = drive(order, |action, n| match name(action) {
            "GetJob" => Observation::Job(Ok(Some(job(state, 0)))),
            _ => well(action, n),
        });
        assert!(ended(&outcome) == "deadline", "{state}: {outcome:?}");
        assert_eq!(took, Duration::from_secs(600));
        assert!(trail.len() < 80, "{} looks", trail.len());
    }
}

#[test]
fn a_job_that_has_gone_proves_nothing_and_the_state_does() {
    for (state, proven) in [(ReplicationState::Recovered, true), (ReplicationState::Replicating, false)] {
        let (outcome, _, _) = drive(order(), |action, n| match name(action) {
            "GetJob" => Observation::Job(Ok(None)),
            "ReadVm" => read(Ok(Some(vm(state)))),
            _ => well(action, n),
        });
        assert_eq!(ended(&outcome) == "done", proven, "{outcome:?}");
        assert!(proven || ended(&outcome) == "unproven");
    }
}

#[test]
fn lost_polls_are_forgiven_while_the_host_may_come_back() {
    let (outcome, trail, _) = drive(order(), |action, n| match name(action) {
        "GetJob" if n < 6 => Observation::Job(Err(unknown())),
        _ => well(action, n),
    });
    assert!(ended(&outcome) == "done", "{outcome:?}");
    assert_eq!(invokes(&trail), 1);
    let (outcome, _, took) = drive(order(), |action, n| match name(action) {
        "GetJob" => Observation::Job(Err(unknown())),
        _ => well(action, n),
    });
    let Outcome::Stopped(stopped) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(&stopped.cause, Cause::Unproven { job, .. } if *job == Some(job_ref())));
    assert!(took >= Duration::from_secs(300) && took < Duration::from_secs(400), "{took:?}");
}

#[test]
fn the_state_may_lag_behind_the_job() {
    let (outcome, _, _) = drive(order(), |action, n| match name(action) {
        "ReadVm" if n < 3 => read(Ok(Some(vm(ReplicationState::FailoverInProgress)))),
        _ => well(action, n),
    });
    assert!(ended(&outcome) == "done", "{outcome:?}");
}

#[test]
fn without_waiting_the_run_ends_with_the_job() {
    let (outcome, trail, _) = drive(Order { wait: false, ..order() }, well);
    let Outcome::Started { job, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(job, job_ref());
    assert_eq!(trail, ["FindVm", "Confirm", "Invoke"]);
}

#[test]
fn starting_the_vm_cannot_unprove_the_failover() {
    let start = Order { start: true, ..order() };
    let running = |action: &Action, n: usize| match name(action) {
        "ReadVm" if n > 0 => {
            let mut vm = vm(ReplicationState::Recovered);
            vm.enabled_state = EnabledState::Enabled;
            read(Ok(Some(vm)))
        }
        _ => well(action, n),
    };
    let (outcome, trail, _) = drive(start.clone(), running);
    let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(report.start, StartReport::Running));
    assert_eq!(trail.last(), Some(&"ReadVm"));

    let started = |answer| {
        let mut answer = Some(answer);
        let (outcome, trail, _) = drive(start.clone(), |action, n| match name(action) {
            "Start" => called(answer.take().expect("one start only")),
            _ => well(action, n),
        });
        assert_eq!(invokes(&trail), 1);
        outcome
    };
    let outcome = started(Ok(Invoked::Refused(ReturnCode::InvalidState)));
    let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(report.start, StartReport::Failed(_)), "{:?}", report.start);
    // What is not known, or was not sent, is taken up again.
    let not_sent = lost(ExchangeErrorKind::Connect, Delivery::NotSent);
    for answer in [Err(unknown()), Ok(Invoked::Done), Err(not_sent)] {
        let outcome = started(answer);
        let Outcome::Stopped(stopped) = outcome else { panic!("{outcome:?}") };
        assert_eq!((stopped.step, stopped.end()), (StepName::Start, None));
        assert!(stopped.done.iter().any(|step| step.step == StepName::FailOver && step.verified.is_some()));
    }
}

/// Every pair of faults at every step: the call goes out once, and every run ends.
#[test]
fn no_mixture_of_faults_sends_a_second_call() {
    let faults: [fn() -> Error; 6] = [
        unknown,
        || lost(ExchangeErrorKind::Connect, Delivery::NotSent),
        || lost(ExchangeErrorKind::Login, Delivery::NotSent),
        || lost(ExchangeErrorKind::HttpStatus(503), Delivery::Unknown),
        || fault("Receiver", "TimedOut", 0x8033_8029),
        || fault("Sender", "AccessDenied", 5),
    ];
    let mut runs = 0;
    for first in 0..12_usize {
        for second in first..12 {
            for (a, one) in faults.iter().enumerate() {
                for two in &faults {
                    for state in [3_u16, 5, 12, 7] {
                        let mut step = 0;
                        let order =
                            Order { deadline: Some(Duration::from_secs(1000 + 900)), start: a % 2 == 0, ..order() };
                        let (_, trail, _) = drive(order, |action, n| {
                            step += 1;
                            let error = match step - 1 {
                                here if here == first => Some(one()),
                                here if here == second => Some(two()),
                                _ => None,
                            };
                            match (name(action), error) {
                                ("FindVm", Some(error)) => looked_up(Err(error)),
                                ("Invoke", Some(error)) => called(Err(error)),
                                ("GetJob", Some(error)) => Observation::Job(Err(error)),
                                ("ReadVm", Some(error)) => read(Err(error)),
                                ("FindJobs", Some(error)) => Observation::Jobs(Err(error)),
                                ("Start", Some(error)) => called(Err(error)),
                                ("ReadVm", None) => read(Ok(Some(vm(ReplicationState::from(state))))),
                                _ => well(action, n),
                            }
                        });
                        assert!(invokes(&trail) <= 1, "{trail:?}");
                        runs += 1;
                    }
                }
            }
        }
    }
    assert!(runs > 10_000, "{runs}");
}
