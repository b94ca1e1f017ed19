//! Test failovers: made, found, used, removed, and never mistaken for the replica.

use super::*;

const VM: &str = "app-db-01";
const TEST: &str = "app-db-01 - Test";

fn test_call(simulator: &Simulator, vm: &str, point: Option<&str>) -> Envelope {
    let point = point.map_or_else(String::new, |id| {
        reference("SnapshotSettingData", "Msvm_VirtualSystemSettingData", &[("InstanceID", id)])
    });
    let parameters = format!("{}{point}", computer(simulator, vm));
    let keys = [("CreationClassName", "Msvm_ReplicationService")];
    call("Msvm_ReplicationService", &keys, "TestReplicaSystem", &parameters)
}

fn destroy(simulator: &Simulator, vm: &str) -> String {
    let id = vm_id(simulator, vm);
    let keys = [("CreationClassName", "Msvm_ComputerSystem"), ("Name", id.as_str())];
    let parameters = reference("AffectedSystem", "Msvm_ComputerSystem", &keys);
    let service = [("CreationClassName", "Msvm_VirtualSystemManagementService")];
    returned(simulator, &call("Msvm_VirtualSystemManagementService", &service, "DestroySystem", &parameters))
}

/// Rows of Msvm_AffectedJobElement: element and effect.
fn affected(simulator: &Simulator) -> Vec<(String, String)> {
    let body = "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>50</w:MaxElements></n:Enumerate>";
    let reply = answer(simulator, &Envelope::new(ENUMERATE, &format!("{V2}/Msvm_AffectedJobElement"), &[], body));
    let rows = reply.split("<p:Msvm_AffectedJobElement ").skip(1);
    let part = |row: &str, before: &str, after: &str| {
        row.split_once(before).unwrap().1.split_once(after).unwrap().0.to_owned()
    };
    rows.map(|row| (part(row, "<w:Selector Name=\"Name\">", "<"), part(row, "<p:ElementEffects>", "<"))).collect()
}

#[test]
fn a_test_vm_lives_beside_its_replica() {
    let (simulator, clock) = host("[job]\nduration = \"5s\"");
    let reply = answer(&simulator, &test_call(&simulator, VM, None));
    assert_eq!(value(&reply, "ReturnValue").as_deref(), Some("4096"));
    assert!(reply.contains("<p:ResultingSystem xsi:nil=\"true\"/>"), "a job is to make it: {reply}");
    let replica = vm_id(&simulator, VM);
    assert_eq!(affected(&simulator), [(replica.clone(), "0".to_owned())]);
    assert_eq!(fail_over(&simulator, VM).0, "32775", "while it is at work");
    clock.advance(5 * SECOND);
    let id = simulator.with_world(|world| world.test_of(VM).map(|vm| vm.id.clone())).unwrap();
    assert_eq!(seen(&simulator, TEST), (3, 0, 3));
    assert_eq!(seen(&simulator, VM), (2, 3, 3), "replication goes on");
    assert_eq!(affected(&simulator), [(replica, "0".to_owned()), (id.clone(), "5".to_owned())]);
    assert_eq!(returned(&simulator, &test_call(&simulator, VM, None)), "32775", "one at a time");

    assert_eq!(power(&simulator, TEST, 2), "4096", "it is no replica: it may run");
    clock.advance(5 * SECOND);
    assert_eq!(destroy(&simulator, TEST), "32775", "while it runs");
    assert_eq!(power(&simulator, TEST, 3), "4096");
    clock.advance(5 * SECOND);
    assert_eq!(destroy(&simulator, TEST), "4096");
    clock.advance(5 * SECOND);
    assert!(simulator.with_world(|world| world.vm(TEST).is_none() && world.test_of(VM).is_none()));
    assert_eq!(seen(&simulator, VM), (2, 3, 3));
    assert_eq!(simulator.taken("DestroySystem", TEST), 1, "counted by name although it is no more");
    assert_eq!(simulator.taken("DestroySystem", &id), 1);
    assert_eq!(simulator.taken("DestroySystem", VM), 0);
    let kinds: Vec<_> = simulator.history().iter().filter_map(|taken| taken.job_type).collect();
    assert_eq!(kinds, [102, 12, 13, 103]);
    assert_eq!(returned(&simulator, &test_call(&simulator, VM, None)), "4096", "and another one");
}

#[test]
fn a_test_is_refused_where_it_cannot_be() {
    let (simulator, _) = host(
        "[[vms]]\nname = \"resync\"\nstate = 10\n[[vms]]\nname = \"had - Test\"\nmode = 3\nstate = 0\ntest_of = \"slow-01\"",
    );
    for vm in ["resync", "slow-01", "primary-01", "plain-01", "done-01", "fresh-01", "running-01", "test-01"] {
        assert_eq!(returned(&simulator, &test_call(&simulator, vm, None)), "32775", "{vm}");
        assert_eq!(simulator.taken("TestReplicaSystem", vm), 0, "{vm}");
    }
    let point = simulator.with_world(|world| world.vm(VM).unwrap().points[1].instance_id());
    assert_eq!(returned(&simulator, &test_call(&simulator, "twin", Some(&point))), "32773", "another VM's point");
    assert_eq!(returned(&simulator, &test_call(&simulator, VM, Some(&point))), "4096");
    assert_eq!(fail_over(&simulator, "resync").0, "4096", "a failover is possible there");
}

/// At once: the system that results is told.
#[test]
fn a_test_vm_that_is_made_at_once_is_named() {
    let (simulator, _) = host("[job]\nsynchronous = true");
    let reply = answer(&simulator, &test_call(&simulator, VM, None));
    assert_eq!(value(&reply, "ReturnValue").as_deref(), Some("0"));
    let id = vm_id(&simulator, TEST);
    assert!(reply.contains("<p:ResultingSystem xmlns:a=") && reply.contains(&id), "{reply}");
    assert!(reply.contains("<p:Job xsi:nil=\"true\"/>"), "{reply}");
}

/// A failed or ended job makes nothing.
#[test]
fn a_test_vm_that_was_not_made_is_not_there() {
    let (simulator, clock) = host(
        "[[vms]]\nname = \"bad\"\njob = { error = 32779 }\n[[vms]]\nname = \"long\"\njob = { duration = \"1h\", cancellable = true }",
    );
    assert_eq!(returned(&simulator, &test_call(&simulator, "bad", None)), "4096");
    assert!(simulator.with_world(|world| world.test_of("bad").is_none()));
    assert_eq!(affected(&simulator).len(), 1);
    let reply = answer(&simulator, &test_call(&simulator, "long", None));
    clock.advance(60 * SECOND);
    let job = value(&reply, "Selector").unwrap();
    let end = call(
        "Msvm_ConcreteJob",
        &[("InstanceID", &job)],
        "RequestStateChange",
        "<p:RequestedState>4</p:RequestedState>",
    );
    assert_eq!(returned(&simulator, &end), "0");
    clock.advance(2 * 3600 * SECOND);
    assert!(simulator.with_world(|world| world.test_of("long").is_none()));
}

/// Windows does not ask what it destroys, and neither does this; but it is counted.
#[test]
fn any_vm_that_is_off_is_destroyed() {
    let (simulator, _) = host("");
    let id = vm_id(&simulator, "twin");
    assert_eq!(destroy(&simulator, "twin"), "4096");
    assert!(simulator.with_world(|world| world.vm("twin").is_none()));
    let history = simulator.history();
    assert_eq!((history[0].vm.as_str(), history[0].job_type), (id.as_str(), Some(3)));
    assert_eq!(destroy(&simulator, "primary-01"), "32775", "it runs");
}

/// The management service without its selectors answers otherwise than its siblings.
#[test]
fn the_management_service_wants_its_selectors() {
    let (simulator, _) = host("");
    let parameters = reference("AffectedSystem", "Msvm_ComputerSystem", &[("Name", "X")]);
    let bare = call("Msvm_VirtualSystemManagementService", &[], "DestroySystem", &parameters);
    assert_eq!(refusal(&simulator, &bare).1, "Receiver InternalError");
    assert!(ask(&simulator, &bare).1.contains("MSFT_WmiError"));
    let keys = [("CreationClassName", "Msvm_VirtualSystemManagementService"), ("Name", "vmms")];
    let nobody = call("Msvm_VirtualSystemManagementService", &keys, "DestroySystem", &parameters);
    assert_eq!(returned(&simulator, &nobody), "32773");
}
