//! A planned failover over two hosts, step by step, and the ways in and out of its middle.

use super::*;

const VM: &str = "app-db-01";
const P: &str = "hvpr01.simulated.test";
const R: &str = "hvdr01.simulated.test";

/// What both hosts show: primary, then replica.
fn both(pair: &Pair) -> ((u16, u16, u16), (u16, u16, u16)) {
    (seen(&pair.primary, VM), seen(&pair.replica, VM))
}

#[test]
fn a_primary_has_the_vms_of_its_replica_host() {
    let (pair, _) = pair("");
    let vms = |simulator: &Simulator, mode: u16| {
        let of_mode = |world: &mut World| {
            let vms = world.vms().iter().filter(|vm| vm.mode == mode);
            vms.map(|vm| (vm.id.clone(), vm.name.clone())).collect::<Vec<_>>()
        };
        simulator.with_world(of_mode)
    };
    assert_eq!(vms(&pair.primary, 1), vms(&pair.replica, 2));
    assert_eq!(pair.primary.with_world(|world| world.vms().len()), vms(&pair.replica, 2).len());
    assert_eq!(both(&pair), ((1, 3, 2), (2, 3, 3)));
    assert_eq!(pair.primary.scenario().computer, "HVPR01");
}

/// Each step is taken from the state before it, and from no other.
#[test]
fn a_planned_failover_walks_through_its_states() {
    let (pair, clock) = pair("[job]\nduration = \"10s\"");
    let (p, r) = (&pair.primary, &pair.replica);
    assert_eq!(replication(p, VM, 4), "32775", "while it runs");
    assert_eq!(power(p, VM, 4), "4096");
    assert_eq!(both(&pair), ((1, 3, 4), (2, 3, 3)));
    clock.advance(10 * SECOND);
    assert_eq!(both(&pair), ((1, 3, 3), (2, 3, 3)));

    assert_eq!(replication(r, VM, 4), "32775", "a replica is not prepared");
    assert_eq!(replication(p, VM, 4), "4096");
    assert_eq!(replication(p, VM, 4), "32775", "one at a time");
    assert_eq!(power(p, VM, 2), "32775", "not while it is prepared");
    clock.advance(10 * SECOND);
    assert_eq!(both(&pair), ((1, 4, 3), (2, 3, 3)));
    assert_eq!(replication(p, VM, 4), "32775", "prepared already");
    assert_eq!(power(p, VM, 2), "32775", "a prepared primary is locked");
    let (last, newest) = r.with_world(|w| w.vm(VM).map(|vm| (vm.last_replication, vm.points[0].clone())).unwrap());
    assert_eq!((last, newest.kind), (Some(newest.created), PointKind::Planned), "the last changes have arrived");

    assert_eq!(reverse(r, VM, P), "32775", "before the failover");
    assert_eq!(fail_over(p, VM).0, "32775", "a primary is not failed over");
    assert_eq!(fail_over(r, VM).0, "4096");
    assert_eq!(both(&pair), ((1, 4, 3), (2, 12, 3)));
    clock.advance(10 * SECOND);
    assert_eq!(both(&pair), ((1, 4, 3), (2, 5, 3)));
    assert_eq!(r.with_world(|world| world.vm(VM).unwrap().failed_over), 3, "planned: nothing is lost");

    assert_eq!(reverse(r, VM, P), "4096");
    assert_eq!(reverse(r, VM, P), "32775", "one at a time");
    assert_eq!(both(&pair), ((1, 4, 3), (2, 5, 3)), "until the job is done");
    clock.advance(10 * SECOND);
    assert_eq!(both(&pair), ((2, 3, 3), (1, 3, 3)));
    assert_eq!(reverse(r, VM, P), "32775", "reversed already");
    let points = |simulator: &Simulator| simulator.with_world(|world| world.vm(VM).unwrap().points.len());
    assert_eq!((points(p), points(r)), (0, 0));

    assert_eq!(power(p, VM, 2), "32775", "a replica stays off");
    assert_eq!(power(r, VM, 2), "4096");
    clock.advance(10 * SECOND);
    assert_eq!(both(&pair), ((2, 3, 3), (1, 3, 2)));

    let jobs = |simulator: &Simulator| {
        let history = simulator.history();
        assert!(history.windows(2).all(|pair| pair[0].at <= pair[1].at));
        assert!(history.iter().all(|taken| taken.vm == vm_id(simulator, VM)));
        history.into_iter().map(|taken| (taken.method, taken.job_type.unwrap())).collect::<Vec<_>>()
    };
    let taken = |method: &str, kind: u16| (method.to_owned(), kind);
    assert_eq!(jobs(p), [taken("RequestStateChange", 16), taken("RequestReplicationStateChangeEx", 100)]);
    let expected =
        [taken("InitiateFailover", 97), taken("ReverseReplicationRelationship", 104), taken("RequestStateChange", 12)];
    assert_eq!(jobs(r), expected);
}

/// Failback is the same in the other direction.
#[test]
fn the_way_back_is_a_planned_failover_too() {
    let (pair, _) = pair("");
    let walk = |from: &Simulator, to: &Simulator, back_to: &str| {
        for step in [
            power(from, VM, 4),
            replication(from, VM, 4),
            fail_over(to, VM).0,
            reverse(to, VM, back_to),
            power(to, VM, 2),
        ] {
            assert_eq!(step, "4096");
        }
    };
    walk(&pair.primary, &pair.replica, P);
    assert_eq!(both(&pair), ((2, 3, 3), (1, 3, 2)));
    walk(&pair.replica, &pair.primary, R);
    assert_eq!(both(&pair), ((1, 3, 2), (2, 3, 3)));
}

/// What ended while nobody looked took effect in its order.
#[test]
fn hosts_agree_on_the_order_of_what_ended_unseen() {
    let (pair, clock) = pair("[primary]\njob = { duration = \"5s\" }\n[job]\nduration = \"1s\"");
    assert_eq!(power(&pair.primary, VM, 3), "4096");
    clock.advance(5 * SECOND);
    assert_eq!(replication(&pair.primary, VM, 4), "4096");
    clock.advance(4 * SECOND);
    // Its job ends at the same moment as the preparation, which began before: the replica had moved on by then.
    assert_eq!(fail_over(&pair.replica, VM).0, "4096");
    clock.advance(1000 * SECOND);
    assert_eq!(both(&pair), ((1, 3, 3), (2, 5, 3)), "the preparation has failed");
    assert_eq!(pair.replica.with_world(|world| world.vm(VM).unwrap().failed_over), 1);
}
