//! The ways back from the middle of a failover, and the way on after an unplanned one.

use super::*;
use crate::simulator::{Cut, Effect, Fault};

const VM: &str = "app-db-01";
const P: &str = "HVPR01";

fn prepared(scenario: &str) -> (Pair, VirtualClock) {
    let (pair, clock) = pair(scenario);
    assert_eq!(power(&pair.primary, VM, 3), "4096");
    assert_eq!(replication(&pair.primary, VM, 4), "4096");
    assert_eq!(seen(&pair.primary, VM), (1, 4, 3));
    (pair, clock)
}

#[test]
fn a_prepared_primary_is_let_go_again() {
    let (pair, _) = prepared("");
    let points = || pair.replica.with_world(|world| world.vm(VM).unwrap().points.len());
    assert_eq!(points(), 6);
    assert_eq!(replication(&pair.primary, VM, 3), "4096");
    assert_eq!((seen(&pair.primary, VM), points()), ((1, 3, 3), 5), "the point that was made for it is gone");
    assert_eq!(power(&pair.primary, VM, 2), "4096");
    assert_eq!(replication(&pair.primary, VM, 3), "32775", "nothing left to cancel");
    let kinds: Vec<_> = pair.primary.history().iter().filter_map(|taken| taken.job_type).collect();
    assert_eq!(kinds, [13, 100, 101, 12]);
}

#[test]
fn a_half_done_planned_failover_is_walked_back() {
    let (pair, _) = prepared("");
    assert_eq!(fail_over(&pair.replica, VM).0, "4096");
    assert_eq!(service(&pair.replica, "RevertFailover", VM, ""), "4096");
    assert_eq!(seen(&pair.replica, VM), (2, 3, 3));
    assert_eq!(pair.replica.with_world(|world| world.vm(VM).unwrap().failed_over), 0);
    assert_eq!(replication(&pair.primary, VM, 3), "4096");
    assert_eq!(power(&pair.primary, VM, 2), "4096");
    assert_eq!((seen(&pair.primary, VM), seen(&pair.replica, VM)), ((1, 3, 2), (2, 3, 3)));
    assert_eq!(pair.replica.taken("RevertFailover", VM), 1);
}

/// Once the other way round, with the primary let go while the replica is failed over: the replica is on its own.
#[test]
fn a_primary_that_was_let_go_cannot_be_reversed_to() {
    let (pair, _) = prepared("");
    assert_eq!(fail_over(&pair.replica, VM).0, "4096");
    assert_eq!(replication(&pair.primary, VM, 3), "4096");
    assert_eq!(reverse(&pair.replica, VM, P), "4096", "this host sees nothing wrong");
    assert_eq!((seen(&pair.primary, VM), seen(&pair.replica, VM)), ((1, 3, 3), (2, 5, 3)), "the job has failed");
}

#[test]
fn a_commit_leaves_no_way_but_on() {
    let (pair, _) = prepared("");
    assert_eq!(fail_over(&pair.replica, VM).0, "4096");
    assert_eq!(service(&pair.replica, "CommitFailover", VM, ""), "4096");
    assert_eq!(service(&pair.replica, "RevertFailover", VM, ""), "32775");
    assert_eq!(service(&pair.replica, "CommitFailover", VM, ""), "32775");
    assert_eq!(reverse(&pair.replica, VM, P), "4096");
    assert_eq!((seen(&pair.primary, VM), seen(&pair.replica, VM)), ((2, 3, 3), (1, 3, 3)));
}

/// After an unplanned failover the old primary is made a replica, the direction reversed, and everything sent anew.
#[test]
fn an_unplanned_failover_ends_with_a_whole_copy() {
    let (pair, clock) = pair("initial_replication = \"30s\"");
    let (p, r) = (&pair.primary, &pair.replica);
    assert_eq!(fail_over(r, VM).0, "4096");
    assert_eq!(r.with_world(|world| world.vm(VM).unwrap().failed_over), 1);
    assert_eq!(reverse(r, VM, P), "4096");
    assert_eq!(seen(r, VM), (2, 5, 3), "the job has failed: the old primary is still one");
    assert_eq!(replication(p, VM, 2), "32775", "and runs");
    assert_eq!(power(p, VM, 3), "4096");
    assert_eq!(replication(p, VM, 2), "4096");
    assert_eq!(seen(p, VM), (2, 2, 3));
    assert_eq!(reverse(r, VM, P), "4096");
    assert_eq!((seen(p, VM), seen(r, VM)), ((2, 2, 3), (1, 1, 3)));

    let start = "<p:InitialReplicationType>1</p:InitialReplicationType>";
    assert_eq!(service(p, "StartReplication", VM, start), "32775", "from the primary only");
    assert_eq!(service(r, "StartReplication", VM, start), "4096");
    assert_eq!(service(r, "StartReplication", VM, start), "32775", "once");
    assert_eq!(power(r, VM, 2), "4096", "the transfer does not hinder the VM");
    assert_eq!((seen(p, VM), seen(r, VM)), ((2, 2, 3), (1, 2, 2)));
    clock.advance(29 * SECOND);
    assert_eq!(fail_over(p, VM).0, "32775", "the copy is not whole");
    clock.advance(SECOND);
    assert_eq!((seen(p, VM), seen(r, VM)), ((2, 3, 3), (1, 3, 2)));
    assert_eq!(fail_over(p, VM).0, "4096");
}

#[test]
fn an_initial_replication_can_be_stopped_and_started_again() {
    let (simulator, clock) = host("initial_replication = \"30s\"\n[[vms]]\nname = \"new\"\nmode = 1\nstate = 1");
    let start = "<p:InitialReplicationType>1</p:InitialReplicationType>";
    assert_eq!(service(&simulator, "StartReplication", "new", start), "4096");
    assert_eq!(replication(&simulator, "new", 1), "4096");
    clock.advance(60 * SECOND);
    assert_eq!(seen(&simulator, "new"), (1, 1, 3), "what was under way is dropped");
    assert_eq!(service(&simulator, "StartReplication", "new", start), "4096");
    clock.advance(30 * SECOND);
    assert_eq!(seen(&simulator, "new"), (1, 3, 3));
}

/// A host that does not answer, or whose connection ends, holds nothing up on the other.
#[test]
fn a_fault_on_one_host_is_none_on_the_other() {
    let (pair, clock) = pair("[job]\nduration = \"1s\"");
    assert_eq!(power(&pair.primary, VM, 3), "4096");
    clock.advance(SECOND);
    let change = |fault: Effect| {
        pair.primary.inject(Fault::on("RequestReplicationStateChangeEx", fault));
        let id = vm_id(&pair.primary, VM);
        let keys = [("CreationClassName", "Msvm_ComputerSystem"), ("Name", id.as_str())];
        let parameters = "<p:RequestedState>4</p:RequestedState>";
        let envelope = call("Msvm_ComputerSystem", &keys, "RequestReplicationStateChangeEx", parameters);
        pair.primary.handle(envelope.text().as_bytes()).end
    };
    assert!(matches!(change(Effect::Hang), End::Hang));
    assert_eq!(seen(&pair.primary, VM), (1, 3, 3), "not taken");
    assert!(matches!(change(Effect::Cut(Cut::After)), End::Cut { .. }));
    clock.advance(SECOND);
    assert_eq!(seen(&pair.primary, VM), (1, 4, 3), "taken, and the reply lost");
    assert_eq!(fail_over(&pair.replica, VM).0, "4096");
    clock.advance(SECOND);
    pair.replica.inject(Fault::on("ReverseReplicationRelationship", Effect::Cut(Cut::After)));
    let settings = "<INSTANCE CLASSNAME=\"Msvm_ReplicationSettingData\"><PROPERTY NAME=\"RecoveryConnectionPoint\" \
                    TYPE=\"string\"><VALUE>HVPR01</VALUE></PROPERTY></INSTANCE>";
    let parameters = format!("{}{}", computer(&pair.replica, VM), embedded("ReplicationSettingData", settings));
    let keys = [("CreationClassName", "Msvm_ReplicationService")];
    let envelope = call("Msvm_ReplicationService", &keys, "ReverseReplicationRelationship", &parameters);
    assert!(matches!(pair.replica.handle(envelope.text().as_bytes()).end, End::Cut { .. }));
    clock.advance(SECOND);
    assert_eq!((seen(&pair.primary, VM), seen(&pair.replica, VM)), ((2, 3, 3), (1, 3, 3)));
    assert_eq!(returned(&pair.replica, &envelope), "32775", "a second call finds it done");
    assert_eq!(pair.replica.taken("ReverseReplicationRelationship", VM), 1);
}

/// Requests from many threads to both hosts, and looks at both worlds, all at once.
#[test]
fn hosts_at_work_do_not_wait_for_each_other() {
    let (pair, _) = pair("");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            for (one, other) in [(&pair.primary, &pair.replica), (&pair.replica, &pair.primary)] {
                scope.spawn(move || {
                    for _ in 0..50 {
                        replication(one, "slow-01", 7);
                        replication(one, "slow-01", 3);
                        one.with_world(|world| {
                            // To ask the other host for its counts is allowed while one world is held.
                            other.inject(Fault::on("Nothing", Effect::Hang));
                            world.vms().len() + other.requests().len()
                        });
                        assert!(other.taken("RequestReplicationStateChangeEx", "slow-01") <= 200);
                    }
                });
            }
        }
    });
    let taken = |simulator: &Simulator| simulator.taken("RequestReplicationStateChangeEx", "slow-01");
    assert!(taken(&pair.primary) >= 2 && taken(&pair.replica) >= 1);
    assert_eq!(pair.primary.history().len(), taken(&pair.primary));
}

/// Anything in any order: there are never two primaries, no call that was taken finds another at work, and every state
/// is one that the walks know.
#[test]
fn no_order_of_calls_makes_two_primaries() {
    let (mut all, mut reversals) = (0, 0);
    for seed in 0..8 {
        let (pair, clock) = pair("initial_replication = \"4s\"\n[job]\nduration = \"2s\"");
        let mut ids = crate::simulator::ids::Ids::new(Some(seed));
        let mut pick = |most: usize| {
            let digits: String = ids.guid().chars().filter(char::is_ascii_hexdigit).take(6).collect();
            usize::from_str_radix(&digits, 16).unwrap() % most
        };
        let mut taken = 0;
        for _ in 0..400 {
            let host = [&pair.primary, &pair.replica][pick(2)];
            let to = if std::ptr::eq(host, &pair.primary) { "HVDR01" } else { "HVPR01" };
            let code = match pick(10) {
                0 => power(host, VM, 2),
                1 => power(host, VM, 3),
                2 => replication(host, VM, 4),
                3 => replication(host, VM, 3),
                4 => replication(host, VM, 2),
                5 => fail_over(host, VM).0,
                6 => service(host, "RevertFailover", VM, ""),
                7 => service(host, "CommitFailover", VM, ""),
                8 => reverse(host, VM, to),
                _ => {
                    let kind = "<p:InitialReplicationType>1</p:InitialReplicationType>";
                    service(host, "StartReplication", VM, kind)
                }
            };
            assert!(["4096", "32775"].contains(&code.as_str()), "{code}");
            taken += usize::from(code == "4096");
            clock.advance(u32::try_from(pick(4)).unwrap() * SECOND);
            let (p, r) = (seen(&pair.primary, VM), seen(&pair.replica, VM));
            assert!((p.0, r.0) != (1, 1), "two primaries: {p:?} {r:?}");
            for (mode, state, enabled) in [p, r] {
                let is_known = match mode {
                    1 => matches!(state, 1..=4),
                    _ => matches!(state, 2 | 3 | 5 | 6 | 12),
                };
                assert!(is_known && matches!(enabled, 2 | 3 | 4 | 10), "{mode} {state} {enabled}");
                assert!((mode, state, enabled) != (2, 3, 2) && (mode, state, enabled) != (1, 4, 2), "a locked VM runs");
            }
        }
        let history = [pair.primary.history(), pair.replica.history()].concat();
        assert_eq!(taken, history.len());
        all += taken;
        reversals += history.iter().filter(|call| call.method == "ReverseReplicationRelationship").count();
    }
    assert!(all > 400 && reversals > 8, "{all} calls taken, {reversals} reversals: hardly a walk");
}
