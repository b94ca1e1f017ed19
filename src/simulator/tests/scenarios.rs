use super::*;
use crate::simulator::{Cut, Effect, Fault, FaultName};

/// An example file as a pair.
fn example(name: &str) -> (Pair, VirtualClock) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/scenarios");
    let text = std::fs::read_to_string(format!("{folder}/{name}.toml")).unwrap();
    pair(&text)
}

/// Each file says in its first line what it is for.
#[test]
fn the_example_files_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/scenarios");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.starts_with("# "), "{}", path.display());
        count += 1;
    }
    assert!(count >= 30, "{count} scenarios");
}

#[test]
fn what_is_wrong_is_named() {
    for (text, part) in [
        ("colour = 1", "colour"),
        ("[job]\nduration = \"5\"", "no time"),
        ("[job]\nduration = \"99999999999999999999d\"", "no time"),
        ("[job]\nduration = \"200000d\"", "100 years"),
        ("computer = \"has space\"", "NetBIOS"),
        ("[[vms]]\nname = \"\"", "VM name"),
        ("[[vms]]\nname = \"x\"\nid = \"17\"", "GUID"),
        ("[[vms]]\nname = \"x\"\nsize = 3", "size"),
        ("[[faults]]\non = \"Get\"", "exactly one"),
        ("[[faults]]\non = \"Get\"\nhang = true\nstatus = 503", "exactly one"),
        ("[[faults]]\non = \"Get\"\nhang = false", "exactly one"),
        ("[[faults]]\non = \"Get\"\ncut = \"body\"", "goes only with"),
        ("[[faults]]\non = \"Get\"\nhang = true\nat = 3", "belongs to"),
        ("[[faults]]\non = \"Get\"\nstatus = 42", "200 to 599"),
        ("[[faults]]\non = \"Get\"\nstatus = 503\npage = \"htm\"", "`empty`, `html`, `fault`, `success`"),
        ("[[faults]]\non = \"Get\"\npage = \"html\"", "\"page\" belongs to a \"status\""),
        ("[[faults]]\non = \"Get\"\nhang = true\npage = \"html\"", "\"page\" belongs to a \"status\""),
        ("[[faults]]\non = \"Get\"\nstatus = 200\nrelates = \"other\"", "\"relates\" belongs to page"),
        ("[[faults]]\non = \"Get\"\nstatus = 500\npage = \"html\"\nrelates = \"this\"", "\"relates\" belongs to page"),
        ("[[faults]]\non = \"Get\"\nstatus = 500\npage = \"fault\"\nrelates = \"none\"", "`this`, `other`, `nothing`"),
        ("[[faults]]\non = \"Get\"\nstatus = 500\npage = \"html\"\nfault = \"NotFound\"", "page = \"fault\""),
        ("[[faults]]\non = \"Get\"\nstatus = 500\npage = \"fault\"\nfault = \"Notfound\"", "Notfound"),
        ("[[faults]]\non = \"Get\"\nstatus = 503\nlate = \"soon\"", "no time"),
        ("[[faults]]\non = \"Get\"\nstatus = 503\nlate = \"5s\"\ntaken = true", "leave \"taken\" out"),
        ("[[faults]]\non = \"Get\"\ndelay = \"5s\"\nlate = \"5s\"", "\"late\" goes with"),
        ("[[faults]]\non = \"Get\"\ncut = \"after\"\nlate = \"5s\"", "\"late\" goes with"),
        ("[[faults]]\non = \"Get\"\nhang = true\nnth = 0", "counts from 1"),
        ("[[faults]]\non = \" \"\nhang = true", "operation or method"),
        ("[[faults]]\non = \"Get\"\nfault = \"Nothing\"", "Nothing"),
        ("[[vms]]\nname = \"x\"\nstate = 70000", "70000"),
        ("version = \"2016\"", "2016"),
        ("version = \"2012\"\n[[vms]]\nname = \"x\"\nextended = {}", "after 2012"),
        ("[[vms]]\nname = \"x\"\ntest_of = \"y\"", "mode must be 3"),
        ("[[vms]]\nname = \"x\"\nauthentication = 3", "1 or 2"),
        ("[[vms]]\nname = \"x\"\nguest = { shutdown = \"soon\" }", "no time"),
        ("switches = [\"\"]", "switch name"),
        ("[cluster]\nbroker = \"has space\"", "NetBIOS"),
        ("[cluster]\nowners = { x = \"\" }", "NetBIOS"),
        ("[primary]\ncomputer = \"hvdr01\"", "both hosts"),
        ("[primary]\ncolour = 1", "colour"),
        ("[primary]\nvms = [{ name = \"\" }]", "VM name"),
        ("[primary]\nvms = [{ name = \"x\", size = 1 }]", "size"),
    ] {
        let error = Scenario::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}\n{error}");
    }
}

#[test]
fn a_vm_of_the_scenario_replaces_the_one_of_that_name() {
    let (simulator, _) = host("[[vms]]\nname = \"app-db-01\"\nstate = 6\n[[vms]]\nname = \"new\"");
    let seen = simulator.with_world(|world| {
        (world.vms().len(), world.vm("app-db-01").unwrap().state, world.vm("new").unwrap().points.len())
    });
    let defaults = host("").0.with_world(|world| world.vms().len());
    assert_eq!(seen, (defaults + 1, 6, 0));
    let (simulator, _) = host("default_vms = false");
    assert_eq!(simulator.with_world(|world| world.vms().len()), 0);
}

#[test]
fn faults_hit_the_request_they_name_and_no_other() {
    let (simulator, _) = host("");
    simulator.inject(Fault::on("Get Msvm_ConcreteJob", Effect::Status(503)).nth(2).times(2));
    let get = |class: &str| {
        let envelope = Envelope::get(&format!("{V2}/{class}"), &[("InstanceID", "x")]);
        match simulator.handle(envelope.text().as_bytes()).end {
            End::Reply { status, .. } => status,
            End::Swapped(swapped) => swapped.status,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(get("Msvm_ConcreteJob"), 500);
    assert_eq!(get("Msvm_ReplicationRelationship"), 500, "another class is not counted");
    assert_eq!((get("Msvm_ConcreteJob"), get("Msvm_ConcreteJob"), get("Msvm_ConcreteJob")), (503, 503, 500));
}

#[test]
fn taken_decides_whether_the_work_is_done() {
    let run = |fault: Fault| {
        let (simulator, _) = host("");
        let envelope = Envelope::failover(&computer(&simulator, "app-db-01"));
        simulator.inject(fault);
        simulator.handle(envelope.text().as_bytes());
        simulator.taken("InitiateFailover", "app-db-01")
    };
    let on = |effect: Effect| Fault::on("InitiateFailover", effect);
    assert_eq!(run(on(Effect::Cut(Cut::Before))), 0);
    assert_eq!(run(on(Effect::Cut(Cut::After))), 1);
    assert_eq!(run(on(Effect::Cut(Cut::Reply(9)))), 1);
    assert_eq!(run(on(Effect::Hang)), 0);
    assert_eq!(run(on(Effect::Hang).taken(true)), 1);
    assert_eq!(run(on(Effect::Fault(FaultName::TimedOut))), 0);
    assert_eq!(run(on(Effect::Fault(FaultName::TimedOut)).taken(true)), 1);
    assert_eq!(run(on(Effect::Returns(32775))), 0);
    assert_eq!(run(on(Effect::LoginDropped)), 0);
}

/// What each trap does to whoever walks into it.
#[test]
fn the_traps_of_a_planned_failover_bite() {
    const VM: &str = "app-db-01";
    let minute = 60 * SECOND;
    let ready = |name: &str| {
        let (pair, clock) = example(name);
        assert_eq!(power(&pair.primary, VM, 3), "4096", "{name}");
        clock.advance(minute);
        (pair, clock)
    };
    let failed_over = |name: &str| {
        let (pair, clock) = ready(name);
        assert_eq!(replication(&pair.primary, VM, 4), "4096", "{name}");
        clock.advance(minute);
        assert_eq!(fail_over(&pair.replica, VM).0, "4096", "{name}");
        clock.advance(minute);
        assert_eq!((seen(&pair.primary, VM), seen(&pair.replica, VM)), ((1, 4, 3), (2, 5, 3)), "{name}");
        (pair, clock)
    };

    let (pair, clock) = example("guest-ignores-shutdown");
    assert_eq!(power(&pair.primary, VM, 4), "4096");
    clock.advance(60 * minute);
    assert_eq!(seen(&pair.primary, VM), (1, 3, 2));

    let (pair, clock) = example("guest-slow");
    assert_eq!(power(&pair.primary, VM, 4), "4096");
    clock.advance(2 * minute);
    assert_eq!(seen(&pair.primary, VM), (1, 3, 4));
    clock.advance(minute);
    assert_eq!(seen(&pair.primary, VM), (1, 3, 3));

    let (pair, _) = example("guest-not-ready");
    assert_eq!(power(&pair.primary, VM, 4), "32775");

    let (pair, clock) = ready("prepare-fails");
    assert_eq!(replication(&pair.primary, VM, 4), "4096");
    clock.advance(minute);
    assert_eq!(seen(&pair.primary, VM), (1, 3, 3));

    let (pair, _) = ready("primary-suspended");
    assert_eq!(replication(&pair.primary, VM, 4), "32775");

    let (pair, _) = ready("resynchronising");
    assert_eq!(replication(&pair.primary, VM, 4), "32775");
    assert_eq!(service(&pair.replica, "TestReplicaSystem", VM, ""), "32775");
    assert_eq!(fail_over(&pair.replica, VM).0, "4096");

    let (pair, _) = failed_over("reverse-refused");
    assert_eq!(reverse(&pair.replica, VM, "HVPR01"), "32775");
    assert_eq!(pair.replica.taken("ReverseReplicationRelationship", VM), 0);

    let (pair, clock) = failed_over("reverse-fails");
    assert_eq!(reverse(&pair.replica, VM, "HVPR01"), "4096");
    clock.advance(minute);
    assert_eq!(seen(&pair.replica, VM), (2, 5, 3));

    let (pair, _) = failed_over("extended");
    assert_eq!(reverse(&pair.replica, VM, "HVPR01"), "32775");

    let (pair, _) = failed_over("certificates");
    assert_eq!(reverse(&pair.replica, VM, "HVPR01"), "32773");

    let (pair, _) = example("server-2012");
    assert_eq!(power(&pair.primary, VM, 3), "4096");
    let state = "<p:RequestedState>4</p:RequestedState>";
    assert_eq!(of_vm(&pair.primary, "RequestReplicationStateChange", VM, state), "4096");
    assert_eq!(seen(&pair.primary, VM), (1, 4, 3));
}

/// The call is taken, and its answer is lost.
#[test]
fn answers_get_lost_where_the_examples_say() {
    const VM: &str = "app-db-01";
    let (pair, clock) = example("cut-after-prepare");
    assert_eq!(power(&pair.primary, VM, 3), "4096");
    clock.advance(2 * SECOND);
    let id = vm_id(&pair.primary, VM);
    let keys = [("CreationClassName", "Msvm_ComputerSystem"), ("Name", id.as_str())];
    let state = "<p:RequestedState>4</p:RequestedState>";
    let prepare = call("Msvm_ComputerSystem", &keys, "RequestReplicationStateChangeEx", state);
    assert!(matches!(pair.primary.handle(prepare.text().as_bytes()).end, End::Cut { at: Cut::After, .. }));
    clock.advance(2 * SECOND);
    assert_eq!(seen(&pair.primary, VM), (1, 4, 3));

    let (pair, clock) = example("cut-after-reverse");
    for step in [power(&pair.primary, VM, 3), fail_over(&pair.replica, VM).0] {
        assert_eq!(step, "4096");
        clock.advance(2 * SECOND);
    }
    assert_eq!(replication(&pair.primary, VM, 2), "4096");
    clock.advance(2 * SECOND);
    let settings = "<INSTANCE CLASSNAME=\"Msvm_ReplicationSettingData\"><PROPERTY NAME=\"RecoveryConnectionPoint\" \
                    TYPE=\"string\"><VALUE>HVPR01</VALUE></PROPERTY></INSTANCE>";
    let parameters = format!("{}{}", computer(&pair.replica, VM), embedded("ReplicationSettingData", settings));
    let keys = [("CreationClassName", "Msvm_ReplicationService")];
    let reversal = call("Msvm_ReplicationService", &keys, "ReverseReplicationRelationship", &parameters);
    assert!(matches!(pair.replica.handle(reversal.text().as_bytes()).end, End::Cut { at: Cut::After, .. }));
    clock.advance(2 * SECOND);
    assert_eq!(seen(&pair.replica, VM), (1, 1, 3));

    // Taken and at work, or not taken at all: the answer does not tell which.
    for (name, state) in [("timed-out", 12), ("empty-promise", 3)] {
        let (pair, _) = example(name);
        pair.replica.handle(Envelope::failover(&computer(&pair.replica, VM)).text().as_bytes());
        assert_eq!(seen(&pair.replica, VM).1, state, "{name}");
    }
    let (pair, clock) = example("job-vanished");
    let (_, id) = fail_over(&pair.replica, VM);
    clock.advance(SECOND);
    let gone = Envelope::get(&format!("{V2}/Msvm_ConcreteJob"), &[("InstanceID", &id)]);
    assert_eq!(refusal(&pair.replica, &gone).1, "Sender DestinationUnreachable");
    assert_eq!(seen(&pair.replica, VM).1, 12);
    clock.advance(29 * SECOND);
    assert_eq!(seen(&pair.replica, VM).1, 5);
}

#[test]
fn the_other_examples_are_what_they_say() {
    const VM: &str = "app-db-01";
    let (pair, _) = example("test-vm-there");
    assert_eq!(service(&pair.replica, "TestReplicaSystem", VM, ""), "32775");
    assert_eq!(pair.replica.with_world(|world| world.test_of(VM).map(|vm| vm.enabled_state)), Some(2));

    let (pair, clock) = example("test-job-fails");
    assert_eq!(service(&pair.replica, "TestReplicaSystem", VM, ""), "4096");
    clock.advance(3 * SECOND);
    assert!(pair.replica.with_world(|world| world.test_of(VM).is_none()));

    let (pair, _) = example("cluster");
    assert!(pair.replica.with_world(|world| world.vm(VM).is_none()));
    assert!(pair.primary.with_world(|world| world.vm(VM).is_none() && world.vm("slow-01").is_some()));

    let (pair, clock) = example("whole-copy");
    assert_eq!(fail_over(&pair.replica, VM).0, "4096");
    for step in [power(&pair.primary, VM, 3), replication(&pair.primary, VM, 2), reverse(&pair.replica, VM, "HVPR01")] {
        assert_eq!(step, "4096");
    }
    let start = "<p:InitialReplicationType>1</p:InitialReplicationType>";
    assert_eq!(service(&pair.replica, "StartReplication", VM, start), "4096");
    clock.advance(599 * SECOND);
    assert_eq!(seen(&pair.replica, VM).1, 2);
    clock.advance(SECOND);
    assert_eq!(seen(&pair.replica, VM).1, 3);

    let (pair, clock) = example("job-stuck");
    let (_, id) = fail_over(&pair.replica, VM);
    clock.advance(3600 * SECOND);
    assert_eq!(value(&job(&pair.replica, &id), "JobState").as_deref(), Some("5"));
    let terminate = "<p:RequestedState>4</p:RequestedState>";
    let end = call("Msvm_ConcreteJob", &[("InstanceID", &id)], "RequestStateChange", terminate);
    assert_eq!(returned(&pair.replica, &end), "0");
    assert_eq!(seen(&pair.replica, VM), (2, 3, 3));

    let (pair, clock) = example("job-warnings");
    let (_, id) = fail_over(&pair.replica, VM);
    clock.advance(SECOND);
    assert_eq!(value(&job(&pair.replica, &id), "JobState").as_deref(), Some("32768"));
    assert_eq!(seen(&pair.replica, VM).1, 5);

    let (pair, _) = example("unhealthy");
    let keys = [("CreationClassName", "Msvm_ReplicationService")];
    let get = call("Msvm_ReplicationService", &keys, "GetReplicationStatistics", &computer(&pair.replica, VM));
    let reply = answer(&pair.replica, &get);
    assert!(reply.contains("42949672960") && reply.matches("<p:ReplicationHealthIssues>").count() == 2, "{reply}");

    let (pair, clock) = example("restart");
    let (_, id) = fail_over(&pair.replica, VM);
    job(&pair.replica, &id);
    let again = Envelope::get(&format!("{V2}/Msvm_ConcreteJob"), &[("InstanceID", &id)]);
    assert!(matches!(pair.replica.handle(again.text().as_bytes()).end, End::Cut { .. }));
    clock.advance(10 * SECOND);
    assert_eq!(refusal(&pair.replica, &again).1, "Sender DestinationUnreachable");
    assert_eq!(seen(&pair.replica, VM).1, 5);
}
