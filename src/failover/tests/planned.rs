//! The planned failover: both hosts, nothing lost.

use super::stage::{Stage, changed, of, planned, refused, settings};
use super::*;
use crate::hyperv::RelationKind;

#[test]
fn the_straight_path() {
    let mut stage = Stage::new();
    let outcome = stage.run(planned());
    let Outcome::Done(report) = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        stage.trail,
        [
            "host FindVm",
            "primary FindVm",
            "host Settings",
            "primary Settings",
            "primary Service",
            "take",
            "confirm",
            "! primary shut-down-primary",
            "primary GetJob",
            "primary Vm",
            "! primary prepare",
            "primary GetJob",
            "primary Vm",
            "! host fail-over",
            "host GetJob",
            "host Vm",
            "! host reverse",
            "host GetJob",
            "host Vm",
            "primary Vm",
            "! host start",
            "host GetJob",
            "host Vm",
        ]
    );
    assert_eq!(stage.states(), [(1, 3, 2), (2, 3, 3)]);
    assert_eq!(report.failover().unwrap().failed_over, FailoverType::Planned);
    assert!(matches!(report.start, StartReport::Running));
    assert_eq!(report.primary_after.unwrap().mode, ReplicationMode::Replica);
    assert_eq!(report.proposal.data_loss, None);
    assert!(stage.record.iter().all(|(_, verdict)| *verdict == Some(journal::Verdict::Done)), "{:?}", stage.record);
}

#[test]
fn the_orders_of_a_person_choose_the_steps() {
    let kind = |off, reverse| Kind::PlannedFailover { off, reverse, thumbprint: None };
    let mut stage = Stage::new();
    assert_eq!(ended(&stage.run(of(kind(PowerOff::TurnOff, false)))), "done");
    assert_eq!(stage.calls(), ["primary turn-off-primary", "primary prepare", "host fail-over"]);
    assert!(!stage.trail.contains(&"primary Service".to_owned()), "it is asked only for a reverse");
    // A primary that is off already is not asked to shut down.
    let mut stage = Stage::new().primary(|vm| vm.enabled_state = EnabledState::Disabled);
    assert_eq!(ended(&stage.run(of(kind(PowerOff::ShutDown, true)))), "done");
    assert_eq!(stage.calls(), ["primary prepare", "host fail-over", "host reverse"]);
    assert!(stage.proposals[0].steps[0].is_so);
}

#[test]
fn each_refusal_names_its_remedy_and_sends_nothing() {
    use ReplicationState as State;
    type Change = fn(&mut Stage);
    let cases: Vec<(Change, &[&str])> = vec![
        (|s| s.vm(Site::Host).mode = ReplicationMode::Primary, &["is-primary"]),
        (|s| s.vm(Site::Host).enabled_state = EnabledState::Enabled, &["not-off"]),
        (|s| s.vm(Site::Host).state = State::Suspended, &["not-replicating"]),
        (|s| s.vm(Site::Host).state = State::Resynchronising, &["not-replicating"]),
        (|s| s.vm(Site::Host).state = State::Recovered, &["already-failed-over"]),
        (|s| s.vm(Site::Host).mode = ReplicationMode::ExtendedReplica, &["extended-replica"]),
        (|s| s.vm(Site::Primary).mode = ReplicationMode::Replica, &["is-replica"]),
        (|s| s.vm(Site::Primary).mode = ReplicationMode::None, &["not-the-primary"]),
        (|s| s.vm(Site::Primary).state = State::Suspended, &["primary-not-replicating"]),
        (|s| s.vm(Site::Primary).state = State::SyncedReplicationComplete, &["already-prepared"]),
        (|s| s.vm(Site::Primary).enabled_state = EnabledState::EnabledButOffline, &["primary-power"]),
        (|s| s.host.settings.clear(), &["no-settings"]),
        (|s| s.primary.settings.clear(), &["no-settings"]),
        (|s| s.primary.settings[0].recovery_host = "elsewhere.example".to_owned(), &["not-one-relation"]),
        (|s| s.primary.takes_replicas = false, &["primary-takes-no-replica"]),
        (|s| s.host.settings[0].authentication = Some(2), &["certificate"]),
        (
            |s| {
                let settings = &mut s.host.settings[0];
                settings.primary_connection_point.clear();
                settings.primary_host.clear();
                s.primary.settings[0].primary_host.clear();
            },
            &["no-way-back"],
        ),
        (
            |s| {
                let extended = crate::hyperv::ReplicationSettings { relation: RelationKind::Extended, ..settings() };
                s.host.settings.push(extended);
            },
            &["extended-relation"],
        ),
    ];
    for (number, (change, codes)) in cases.into_iter().enumerate() {
        let mut stage = Stage::new();
        change(&mut stage);
        let outcome = stage.run(planned());
        assert_eq!(refused(&outcome), codes, "{number}");
        assert!(stage.calls().is_empty() && !stage.trail.contains(&"take".to_owned()), "{number}: {:?}", stage.trail);
    }
    // What only stands against a reverse does not stand against a failover without one.
    let mut stage = Stage::new();
    stage.primary.takes_replicas = false;
    let kind = Kind::PlannedFailover { off: PowerOff::ShutDown, reverse: false, thumbprint: None };
    assert_eq!(ended(&stage.run(of(kind))), "done");
    // The primary's host does not show the VM.
    let mut stage = Stage::new();
    stage.primary.vm = None;
    let outcome = stage.run(planned());
    assert!(matches!(outcome, Outcome::Refused(Refusal::NotVisible { site: Site::Primary, .. })), "{outcome:?}");
}

/// At each call: refused by code, refused by fault, failed in its job, not sent, lost without a trace.
#[test]
fn every_cause_of_stopping_at_every_step() {
    let steps = [StepName::ShutDownPrimary, StepName::Prepare, StepName::FailOver, StepName::Reverse, StepName::Start];
    for (place, stops_at) in steps.into_iter().enumerate() {
        for cause in ["host refused", "faulted", "job failed", "half way", "unproven", "deadline"] {
            let mut stage = Stage::new();
            let order = Order { deadline: Some(stage.now + Duration::from_secs(3600)), ..planned() };
            let outcome = stage.run_with(order, |action, stage| match action {
                Action::Call { step, .. } if *step == stops_at => match cause {
                    "host refused" => Some(called(Ok(Invoked::Refused(ReturnCode::InvalidState)))),
                    "faulted" => Some(called(Err(fault("Sender", "SchemaValidationError", 0x8033_8041)))),
                    "half way" => Some(called(Err(lost(ExchangeErrorKind::Connect, Delivery::NotSent)))),
                    "unproven" => {
                        stage.host.jobs.clear();
                        stage.primary.jobs.clear();
                        Some(called(Err(unknown())))
                    }
                    _ => Some(called(Ok(Invoked::Started(job_ref())))),
                },
                Action::GetJob { .. } if stage.record.last().is_some_and(|(step, _)| *step == stops_at) => {
                    Some(Observation::Job(Ok(Some(match cause {
                        "deadline" => job(JobState::Suspended, 0),
                        _ => job(JobState::Exception, 32768),
                    }))))
                }
                _ => None,
            });
            let told = format!("{stops_at} {cause}: {outcome:?}");
            match (&outcome, stops_at, cause) {
                // The failover is done and proven, whatever a host says to starting the VM.
                (Outcome::Done(report), StepName::Start, "host refused" | "faulted" | "job failed") => {
                    assert!(matches!(report.start, StartReport::Failed(_)), "{told}");
                }
                (Outcome::NotSent(_), StepName::ShutDownPrimary, "half way") => {}
                (Outcome::Stopped(stopped), ..) => {
                    assert_eq!((ended(&outcome), stopped.step), (cause, stops_at), "{told}");
                    let done: Vec<_> = stopped.done.iter().map(|step| step.step).collect();
                    let before = steps[..place].iter().copied();
                    let verified = (stops_at == StepName::Start).then_some(StepName::VerifyPrimary);
                    assert_eq!(done, before.chain(verified).collect::<Vec<_>>(), "{told}");
                    let end = match (place, cause) {
                        (0, "host refused" | "faulted" | "job failed") => Some(journal::RunEnd::Failed),
                        _ => None,
                    };
                    assert_eq!(stopped.end(), end, "{told}");
                    assert_eq!(stopped.before.id, id());
                }
                _ => panic!("{told}"),
            }
            assert_eq!(stage.record.iter().filter(|(step, _)| *step == stops_at).count(), 1, "{told}");
            let verdict = stage.record.last().unwrap().1;
            let expected = match cause {
                "host refused" | "faulted" | "job failed" => Some(journal::Verdict::Failed),
                "half way" => Some(journal::Verdict::NotTaken),
                _ => None,
            };
            assert_eq!(verdict, expected, "{told}");
            assert!(stage.record.iter().rev().skip(1).all(|(_, verdict)| *verdict == Some(journal::Verdict::Done)));
        }
    }
}

#[test]
fn a_failed_job_is_followed_by_a_look_at_what_it_left() {
    let mut stage = Stage::new();
    let outcome = stage.run_with(planned(), |action, stage| match action {
        Action::Call { step: StepName::FailOver, .. } => {
            stage.vm(Site::Host).state = ReplicationState::Critical;
            Some(called(Ok(Invoked::Started(job_ref()))))
        }
        Action::GetJob { site: Site::Host, .. } => Some(Observation::Job(Ok(Some(job(JobState::Exception, 32768))))),
        _ => None,
    });
    let Outcome::Stopped(stopped) = outcome else { panic!("{outcome:?}") };
    assert_eq!(stopped.after.unwrap().state, ReplicationState::Critical);
    assert_eq!(stage.trail[stage.trail.len() - 3..], ["host GetJob", "host GetJobErrors", "host Vm"]);
}

/// A failover to anything but the point of the preparation is no planned one.
#[test]
fn a_loss_is_never_called_none() {
    let mut stage = Stage::new();
    let outcome = stage.run_with(planned(), |action, stage| match action {
        Action::Call { site, step: StepName::FailOver, call, .. } => {
            stage.effect(*site, call);
            stage.vm(Site::Host).failed_over = FailoverType::Regular;
            Some(called(Ok(Invoked::Done)))
        }
        _ => None,
    });
    let Outcome::Stopped(stopped) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(&stopped.cause, Cause::Unproven { .. }) && stopped.step == StepName::FailOver, "{stopped:?}");
    assert!(!stage.calls().contains(&"host reverse"));
}

#[test]
fn what_was_read_long_ago_is_read_again_before_a_call() {
    // The guest takes two minutes: both ends are looked at again before the next call.
    let mut stage = Stage::new();
    let outcome = stage.run_with(planned(), |action, stage| match action {
        Action::GetJob { site: Site::Primary, .. } if stage.calls().len() == 1 => {
            stage.now += Duration::from_secs(120);
            None
        }
        _ => None,
    });
    assert_eq!(ended(&outcome), "done");
    let at = stage.trail.iter().position(|word| word == "! primary prepare").unwrap();
    assert_eq!(stage.trail[at - 2..at], ["primary Vm", "host Vm"]);

    // The replica stopped replicating meanwhile: the primary is not prepared for it.
    let mut stage = Stage::new();
    let outcome = stage.run_with(planned(), |action, stage| match action {
        Action::GetJob { site: Site::Primary, .. } if stage.calls().len() == 1 => {
            stage.now += Duration::from_secs(120);
            stage.vm(Site::Host).state = ReplicationState::Critical;
            None
        }
        _ => None,
    });
    let (step, seen) = changed(&outcome);
    assert!(step == StepName::Prepare && seen.starts_with("on the host"), "{outcome:?}");

    // A host that gives no answer for a moment is asked again; one that gives none at all stops the run.
    for (times, end) in [(3, "done"), (100, "half way")] {
        let mut stage = Stage::new();
        let mut misses = 0;
        let outcome = stage.run_with(planned(), |action, stage| match action {
            Action::GetJob { site: Site::Primary, .. } if stage.calls().len() == 1 => {
                stage.now += Duration::from_secs(120);
                None
            }
            Action::Ask { site: Site::Host, ask: Ask::Vm(_) } if misses < times => {
                misses += 1;
                Some(read(Err(unknown())))
            }
            _ => None,
        });
        assert_eq!(ended(&outcome), end, "{times}: {outcome:?}");
    }
}

#[test]
fn a_lost_reply_is_looked_for_on_its_own_host() {
    for (lost_at, site) in [
        (StepName::ShutDownPrimary, "primary"),
        (StepName::Prepare, "primary"),
        (StepName::FailOver, "host"),
        (StepName::Reverse, "host"),
        (StepName::Start, "host"),
    ] {
        // Taken and done; taken and still running; not taken at all.
        for what in ["done", "running", "nothing"] {
            let mut stage = Stage::new();
            let outcome = stage.run_with(planned(), |action, stage| match action {
                Action::Call { site, step, call, .. } if *step == lost_at => {
                    let kind = call.job_types().first().copied();
                    let running = Job { kind, ..job(JobState::Running, 0) };
                    match what {
                        "done" => stage.effect(*site, call),
                        "running" => stage.side(*site).jobs = vec![running],
                        _ => stage.side(*site).jobs.clear(),
                    }
                    Some(called(Err(unknown())))
                }
                Action::GetJob { site, .. } if what == "running" && stage.record.last().unwrap().0 == lost_at => {
                    // It is done by the time it is looked at.
                    let kind = stage.side(*site).jobs[0].kind;
                    if let Some(call) = call_of(lost_at) {
                        stage.effect(*site, &call);
                    }
                    Some(Observation::Job(Ok(Some(Job { kind, ..job(JobState::Completed, 0) }))))
                }
                _ => None,
            });
            let expected = if what == "nothing" { "unproven" } else { "done" };
            assert_eq!(ended(&outcome), expected, "{lost_at} {what}: {outcome:?}");
            let at = stage.trail.iter().position(|word| *word == format!("! {site} {lost_at}")).unwrap();
            assert_eq!(stage.trail[at + 1], format!("{site} Vm"), "{lost_at} {what}");
            assert_eq!(stage.calls().iter().filter(|call| call.ends_with(lost_at.name())).count(), 1);
        }
    }
}

/// What a step calls, as far as the stage needs it for its effect.
fn call_of(step: StepName) -> Option<Call> {
    let power = |state| Call::Power { vm: id(), state };
    Some(match step {
        StepName::ShutDownPrimary => power(EnabledState::ShuttingDown),
        StepName::Start => power(EnabledState::Enabled),
        StepName::Prepare => {
            Call::ReplicationState { vm: id(), state: ReplicationState::SyncedReplicationComplete, extended: true }
        }
        StepName::FailOver => Call::InitiateFailover { vm: id(), point: None },
        StepName::Reverse => Call::ReverseReplication { vm: id(), settings: settings().reversed(None) },
        _ => return None,
    })
}

/// A primary of Server 2012 has no relations: the plain methods are called there.
#[test]
fn an_old_host_is_called_by_its_own_methods() {
    for (suffix, extended) in [("\\HVR\\0", true), ("\\HVR", false)] {
        let mut stage = Stage::new();
        for side in [&mut stage.host, &mut stage.primary] {
            let id = crate::cim::PropertyName::from_static("InstanceID");
            side.settings[0].instance.set(id, Some(format!("Microsoft:{GUID}{suffix}").as_str().into()));
        }
        let mut seen = None;
        let outcome = stage.run_with(planned(), |action, _| {
            if let Action::Call { step: StepName::Prepare, call, .. } = action
                && let Call::ReplicationState { extended, .. } = call.as_ref()
            {
                seen = Some(*extended);
            }
            None
        });
        assert_eq!((ended(&outcome), seen), ("done", Some(extended)));
    }
}

#[test]
fn a_guest_that_does_not_shut_down_stops_the_run_in_time() {
    for stuck in [EnabledState::Enabled, EnabledState::ShuttingDown] {
        let mut stage = Stage::new();
        let outcome = stage.run_with(planned(), |action, stage| match action {
            Action::Call { step: StepName::ShutDownPrimary, .. } => {
                stage.vm(Site::Primary).enabled_state = stuck;
                Some(called(Ok(Invoked::Done)))
            }
            _ => None,
        });
        assert_eq!(ended(&outcome), "unproven", "{stuck}: {outcome:?}");
        let took = stage.now - stage::START;
        assert!(took >= Duration::from_secs(600) && took < Duration::from_secs(700), "{stuck}: {took:?}");
        assert_eq!(stage.calls(), ["primary shut-down-primary"]);
    }
}
