use super::*;
use crate::simulator::{Cut, Effect, Fault, FaultName};

#[test]
fn the_example_files_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/scenarios");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        count += 1;
    }
    assert!(count >= 4, "{count} scenarios");
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
        ("[[faults]]\non = \"Get\"\nhang = true\nnth = 0", "counts from 1"),
        ("[[faults]]\non = \" \"\nhang = true", "operation or method"),
        ("[[faults]]\non = \"Get\"\nfault = \"Nothing\"", "Nothing"),
        ("[[vms]]\nname = \"x\"\nstate = 70000", "70000"),
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
