//! Each method is as strict as its page: state, parameters, relation, name.

use super::*;

const STATES: &str = "
    [[vms]]
    name = \"suspended\"
    mode = 1
    state = 7
    [[vms]]
    name = \"resyncing\"
    mode = 1
    state = 10
    [[vms]]
    name = \"ready\"
    mode = 1
    state = 1
    [[vms]]
    name = \"failed\"
    mode = 1
    state = 8
    [[vms]]
    name = \"middle\"
    state = 5
    failed_over = 1
    extended = { state = 3 }
    [[vms]]
    name = \"secure\"
    state = 5
    failed_over = 3
    authentication = 2";

#[test]
fn replication_states_follow_their_requests() {
    for (vm, wanted, code, after) in [
        ("twin", 7, "4096", 7),
        ("twin", 3, "32775", 3),
        ("twin", 4, "32775", 3),
        ("twin", 2, "32775", 3),
        ("twin", 5, "32773", 3),
        ("twin", 0, "32773", 3),
        ("suspended", 3, "4096", 3),
        ("suspended", 7, "32775", 7),
        ("suspended", 4, "32775", 7),
        ("resyncing", 9, "4096", 9),
        ("resyncing", 7, "4096", 11),
        ("resyncing", 4, "32775", 10),
        ("failed", 3, "4096", 3),
        ("failed", 2, "4096", 2),
        ("ready", 1, "32775", 1),
        ("plain-01", 7, "32775", 0),
        ("done-01", 7, "32775", 5),
    ] {
        for method in ["RequestReplicationStateChange", "RequestReplicationStateChangeEx"] {
            let (simulator, _) = host(STATES);
            let parameters = format!("<p:RequestedState>{wanted}</p:RequestedState>");
            assert_eq!(of_vm(&simulator, method, vm, &parameters), code, "{vm} to {wanted}");
            assert_eq!(seen(&simulator, vm).1, after, "{vm} to {wanted}");
            assert_eq!(simulator.taken(method, vm), usize::from(code == "4096"));
        }
    }
    let (simulator, _) = host("");
    assert_eq!(of_vm(&simulator, "RequestReplicationStateChangeEx", "twin", ""), "32773", "no state");
}

#[test]
fn an_extended_relation_has_a_state_of_its_own() {
    let (simulator, _) = host("[[vms]]\nname = \"vm\"\nextended = { state = 3 }");
    let change = |relation: &str, state: u16| {
        let id = vm_id(&simulator, "vm");
        let text = format!(
            "<INSTANCE CLASSNAME=\"Msvm_ReplicationRelationship\"><PROPERTY NAME=\"InstanceID\" TYPE=\"string\"><VALUE>\
             Microsoft:{id}\\HVR\\{relation}</VALUE></PROPERTY></INSTANCE>"
        );
        let parameters = embedded("ReplicationRelationship", &text);
        let parameters = format!("{parameters}<p:RequestedState>{state}</p:RequestedState>");
        of_vm(&simulator, "RequestReplicationStateChangeEx", "vm", &parameters)
    };
    let states = || simulator.with_world(|w| w.vm("vm").map(|vm| (vm.state, vm.extended.unwrap().state)).unwrap());
    assert_eq!((change("1", 7).as_str(), states()), ("4096", (3, 7)));
    assert_eq!((change("1", 4).as_str(), states()), ("32775", (3, 7)));
    assert_eq!((change("0", 7).as_str(), states()), ("4096", (7, 7)));
    assert_eq!((change("1", 3).as_str(), states()), ("4096", (7, 3)));
    assert_eq!(change("2", 3), "32773", "no such relation");
}

#[test]
fn a_reversal_is_checked_before_it_is_begun() {
    let (simulator, _) = host(STATES);
    let with = |vm: &str, properties: &str| {
        let text = format!("<INSTANCE CLASSNAME=\"Msvm_ReplicationSettingData\">{properties}</INSTANCE>");
        service(&simulator, "ReverseReplicationRelationship", vm, &embedded("ReplicationSettingData", &text))
    };
    let property = |name: &str, value: &str| {
        format!("<PROPERTY NAME=\"{name}\" TYPE=\"string\"><VALUE>{value}</VALUE></PROPERTY>")
    };
    let to = |host: &str| property("RecoveryConnectionPoint", host);
    for (vm, properties, code) in [
        ("twin", to("HVPR01"), "32775"),
        ("primary-01", to("HVPR01"), "32775"),
        ("middle", to("HVPR01"), "32775"),
        ("done-01", to("HVDR01"), "32773"),
        ("done-01", to("elsewhere.example"), "32773"),
        ("done-01", String::new(), "32773"),
        ("done-01", format!("{}{}", to("HVPR01"), property("InstanceID", "Microsoft:x\\HVR\\0")), "32773"),
        ("secure", to("HVPR01"), "32773"),
        ("secure", format!("{}{}", to("HVPR01"), property("CertificateThumbPrint", "00")), "32773"),
    ] {
        assert_eq!(with(vm, &properties), code, "{vm} {properties}");
        assert_eq!(simulator.taken("ReverseReplicationRelationship", vm), 0);
    }
    assert_eq!(service(&simulator, "ReverseReplicationRelationship", "done-01", ""), "32773", "no settings");
    let odd = embedded("ReplicationSettingData", "<INSTANCE CLASSNAME=\"Msvm_ReplicationRelationship\"/>");
    assert_eq!(service(&simulator, "ReverseReplicationRelationship", "done-01", &odd), "32773", "another class");

    assert_eq!(with("done-01", &to("hvpr01.simulated.test")), "4096");
    assert_eq!(seen(&simulator, "done-01"), (1, 1, 3), "it was not planned: a whole copy is to be sent");
    let body = "<n:Enumerate><w:OptimizeEnumeration/></n:Enumerate>";
    let class = format!("{V2}/Msvm_ReplicationServiceSettingData");
    let settings = answer(&simulator, &Envelope::new(ENUMERATE, &class, &[], body));
    let own = value(&settings, "CertificateThumbPrint").unwrap();
    assert_eq!(own.len(), 40);
    assert_eq!(with("secure", &format!("{}{}", to("HVPR01"), property("CertificateThumbPrint", &own))), "4096");
    assert_eq!(seen(&simulator, "secure"), (1, 3, 3), "it was planned");

    let (clustered, _) = host(&format!("{STATES}\n[primary.cluster]\nbroker = \"HVBROKER\""));
    assert_eq!(reverse(&clustered, "done-01", "HVPR01"), "32773", "a node is not a connection point");
    assert_eq!(reverse(&clustered, "done-01", "hvbroker.simulated.test"), "4096");
}

/// The settings that a host of 2012 shows are those that it takes.
#[test]
fn a_host_of_2012_is_reversed_by_its_own_settings() {
    let reverse = |version: &str, id: &str| {
        let (simulator, _) = host(&format!("version = \"{version}\""));
        let id = format!("Microsoft:{}\\{id}", vm_id(&simulator, "done-01"));
        let settings = format!(
            "<INSTANCE CLASSNAME=\"Msvm_ReplicationSettingData\"><PROPERTY NAME=\"InstanceID\" TYPE=\"string\"><VALUE>{id}\
             </VALUE></PROPERTY><PROPERTY NAME=\"RecoveryConnectionPoint\" TYPE=\"string\"><VALUE>HVPR01</VALUE></PROPERTY>\
             </INSTANCE>"
        );
        let parameters = embedded("ReplicationSettingData", &settings);
        service(&simulator, "ReverseReplicationRelationship", "done-01", &parameters)
    };
    assert_eq!((reverse("2012", "HVR"), reverse("2012", "HVR\\0")), ("4096".into(), "32773".into()));
    assert_eq!((reverse("2022", "HVR"), reverse("2022", "HVR\\0")), ("32773".into(), "4096".into()));
}

#[test]
fn a_host_that_takes_no_replicas_lets_the_reversal_fail() {
    let (pair, clock) = pair("[primary]\nrecovery_server = false\n[job]\nduration = \"2s\"");
    let vm = "app-db-01";
    for step in [power(&pair.primary, vm, 3), fail_over(&pair.replica, vm).0] {
        assert_eq!(step, "4096");
    }
    clock.advance(2 * SECOND);
    let settings = "<INSTANCE CLASSNAME=\"Msvm_ReplicationSettingData\"><PROPERTY NAME=\"RecoveryConnectionPoint\" \
                    TYPE=\"string\"><VALUE>HVPR01</VALUE></PROPERTY></INSTANCE>";
    let parameters = format!("{}{}", computer(&pair.replica, vm), embedded("ReplicationSettingData", settings));
    let keys = [("CreationClassName", "Msvm_ReplicationService")];
    let envelope = call("Msvm_ReplicationService", &keys, "ReverseReplicationRelationship", &parameters);
    let id = value(&answer(&pair.replica, &envelope), "Selector").unwrap();
    clock.advance(2 * SECOND);
    let reply = job(&pair.replica, &id);
    assert_eq!(value(&reply, "JobState").as_deref(), Some("10"));
    assert_eq!(value(&reply, "ErrorCode").as_deref(), Some("32777"));
    assert!(value(&reply, "ErrorDescription").unwrap().contains("other host"), "{reply}");
    assert_eq!(seen(&pair.replica, vm), (2, 5, 3), "as before");
    let get = Envelope::new(
        ENUMERATE,
        &format!("{V2}/Msvm_ReplicationServiceSettingData"),
        &[],
        "<n:Enumerate><w:OptimizeEnumeration/></n:Enumerate>",
    );
    assert_eq!(value(&answer(&pair.primary, &get), "RecoveryServerEnabled").as_deref(), Some("false"));
}

#[test]
fn an_initial_replication_needs_its_parameters() {
    let (simulator, _) = host(&format!("{STATES}\n[[vms]]\nname = \"onward\"\nextended = {{ state = 1 }}"));
    let kind = |kind: u16| format!("<p:InitialReplicationType>{kind}</p:InitialReplicationType>");
    let start = |vm: &str, parameters: &str| service(&simulator, "StartReplication", vm, parameters);
    assert_eq!(start("ready", ""), "32773");
    assert_eq!(start("ready", &kind(4)), "32773");
    assert_eq!(start("ready", &kind(2)), "32773", "an export needs a place");
    assert_eq!(start("twin", &kind(1)), "32775");
    assert_eq!(start("suspended", &kind(1)), "32775");
    let later = "<p:StartTime><c:Datetime xmlns:c=\"http://schemas.dmtf.org/wbem/wscim/1/common\">\
                 2027-01-01T00:00:00Z</c:Datetime></p:StartTime>";
    assert_eq!(start("ready", &format!("{}{later}", kind(1))), "32770", "only at once");
    let place = "<p:InitialReplicationExportLocation>D:\\export</p:InitialReplicationExportLocation>";
    assert_eq!(start("ready", &format!("{}{place}", kind(2))), "4096");
    assert_eq!(seen(&simulator, "ready"), (1, 2, 3), "until the copy is imported");
    assert_eq!(start("onward", &kind(1)), "4096");
    assert_eq!(simulator.with_world(|world| world.vm("onward").unwrap().extended.unwrap().state), 3);
    let odd = format!("{}<p:StartTime>soon</p:StartTime>", computer(&simulator, "ready"));
    let keys = [("CreationClassName", "Msvm_ReplicationService")];
    let envelope = call("Msvm_ReplicationService", &keys, "StartReplication", &odd);
    assert_eq!(refusal(&simulator, &envelope).1, "Sender SchemaValidationError");
}

#[test]
fn a_name_that_no_method_has_is_not_supported() {
    let (simulator, _) = host("");
    let id = vm_id(&simulator, "twin");
    for (class, keys, method) in [
        ("Msvm_ReplicationService", [("CreationClassName", "Msvm_ReplicationService")], "initiateFailover"),
        (
            "Msvm_ReplicationService",
            [("CreationClassName", "Msvm_ReplicationService")],
            "RequestReplicationStateChange",
        ),
        ("Msvm_VirtualSystemManagementService", [("Name", "vmms")], "InitiateFailover"),
        ("Msvm_ComputerSystem", [("Name", id.as_str())], "TestReplicaSystem"),
        ("Msvm_VirtualEthernetSwitch", [("Name", "x")], "RequestStateChange"),
    ] {
        let code = refusal(&simulator, &call(class, &keys, method, ""));
        assert_eq!(code, (500, "Sender ActionNotSupported".to_owned(), Some(2_150_858_771)), "{class}.{method}");
    }
}

/// Whatever is asked in whatever order: a call that was taken finds the VM in its state, and changes it once.
#[test]
fn no_call_takes_effect_twice() {
    let (pair, clock) = pair("seed = 11\n[job]\nduration = \"3s\"");
    let vm = "app-db-01";
    assert_eq!(power(&pair.primary, vm, 3), "4096");
    clock.advance(3 * SECOND);
    let twice = |call: &dyn Fn() -> String| {
        assert_eq!(call(), "4096");
        assert_eq!(call(), "32775", "while it is at work");
        clock.advance(3 * SECOND);
        assert_eq!(call(), "32775", "when it is done");
    };
    let (p, r) = (&pair.primary, &pair.replica);
    twice(&|| replication(p, vm, 4));
    twice(&|| fail_over(r, vm).0);
    twice(&|| service(r, "RevertFailover", vm, ""));
    assert_eq!(fail_over(r, vm).0, "4096");
    clock.advance(3 * SECOND);
    twice(&|| service(r, "CommitFailover", vm, ""));
    twice(&|| reverse(r, vm, "HVPR01"));
    twice(&|| power(r, vm, 2));
    for (method, times) in [
        ("InitiateFailover", 2),
        ("RevertFailover", 1),
        ("CommitFailover", 1),
        ("ReverseReplicationRelationship", 1),
        ("RequestStateChange", 1),
    ] {
        assert_eq!(r.taken(method, vm), times, "{method}");
    }
    assert_eq!(p.taken("RequestReplicationStateChangeEx", vm), 1);
}
