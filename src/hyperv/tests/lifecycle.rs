//! Relations, settings, rehearsals, clusters and the end of a job, on hosts new and old.

use std::time::Duration;

use super::super::*;
use super::script::*;
use crate::cim::Value;

fn relation(vm: &str, end: &str, properties: &str) -> String {
    let id = format!("<p:InstanceID>Microsoft:{vm}\\HVR{end}</p:InstanceID>");
    instance("Msvm_ReplicationRelationship", &format!("{id}{properties}"))
}

fn id() -> VmId {
    VM.parse().unwrap()
}

#[test]
fn every_relation_of_a_host_is_one_question() {
    let filled = "<p:FailedOverReplicationType>0</p:FailedOverReplicationType>\
        <p:LastApplicationConsistentReplicationTime><cim:Datetime>1601-01-01T00:00:00Z</cim:Datetime>\
        </p:LastApplicationConsistentReplicationTime>\
        <p:LastApplyTime><cim:Datetime>2026-11-23T06:55:12Z</cim:Datetime></p:LastApplyTime>\
        <p:LastReplicationTime><cim:Datetime>2026-11-23T06:55:10Z</cim:Datetime></p:LastReplicationTime>\
        <p:LastReplicationType>1</p:LastReplicationType><p:ReplicationHealth>2</p:ReplicationHealth>\
        <p:ReplicationState>3</p:ReplicationState>";
    let nil = "<p:LastApplyTime xsi:nil=\"true\"/><p:ReplicationState xsi:nil=\"true\"/><p:ReplicationHealth/>";
    let items = [
        relation(VM, "\\0", filled),
        relation(OTHER_VM, "\\1", nil),
        relation(OTHER_VM, "\\7", "<p:ReplicationState>99</p:ReplicationState>"),
        instance("Msvm_ReplicationRelationship", "<p:InstanceID>Microsoft:HVR01\\HVR\\0</p:InstanceID>"),
    ];
    let host = host([page(&["/v2/Msvm_ReplicationRelationship</w:ResourceURI>"], &items)]);
    let relations = now(host.relations()).unwrap().unwrap();
    let [first, second, third] = &relations[..] else { panic!("{relations:?}") };
    assert_eq!((&first.vm, &first.kind, first.state), (&id(), &RelationKind::Primary, ReplicationState::Replicating));
    assert_eq!((first.health, first.last_replication_type), (ReplicationHealth::Warning, FailoverType::Regular));
    assert_eq!(first.last_replication.unwrap().to_iso().unwrap(), "2026-11-23T06:55:10Z");
    assert_eq!(first.last_apply.unwrap().to_iso().unwrap(), "2026-11-23T06:55:12Z");
    assert!(first.last_application_consistent.is_none(), "1601 is never");
    // NULL, absent and an empty number are no state at all, and no failure to read.
    assert_eq!(
        (&second.kind, second.state, second.health.value()),
        (&RelationKind::Extended, ReplicationState::Disabled, 0)
    );
    assert!(second.last_apply.is_none() && second.last_replication.is_none());
    assert_eq!((third.kind.to_string().as_str(), third.state.to_string().as_str()), ("7", "Other(99)"));
}

#[test]
fn a_host_without_relations_says_so_by_a_fault() {
    for subcode in ["a:DestinationUnreachable", "n:CannotProcessFilter"] {
        let host = host([
            fault(&["/v2/Msvm_ReplicationRelationship</w:Res"], subcode),
            fault(&["ASSOCIATORS OF"], "n:CannotProcessFilter"),
            fault(&["/v2/Msvm_ReplicationRelationship</w:Res"], subcode),
        ]);
        assert_eq!(now(host.relations()).unwrap(), None, "{subcode}");
        assert_eq!(now(host.relations_of(&id())).unwrap(), None, "{subcode}");
    }
    let denied = host([fault(&[], "w:AccessDenied"), fault(&[], "w:AccessDenied")]);
    assert!(now(denied.relations()).unwrap_err().fault().unwrap().is_access_denied());
    assert!(now(denied.relations_of(&id())).unwrap_err().fault().unwrap().is_access_denied());
    // A class without instances is there; a query that finds nothing proves neither.
    let empty =
        host([page(&[], &[]), page(&["ASSOCIATORS OF"], &[]), page(&["/v2/Msvm_ReplicationRelationship<"], &[])]);
    assert_eq!(now(empty.relations()).unwrap(), Some(Vec::new()));
    assert_eq!(now(empty.relations_of(&id())).unwrap(), Some(Vec::new()));
    let old = host([
        page(&["ASSOCIATORS OF"], &[]),
        fault(&["/v2/Msvm_ReplicationRelationship<"], "a:DestinationUnreachable"),
    ]);
    assert_eq!(now(old.relations_of(&id())).unwrap(), None);
}

#[test]
fn relations_of_a_vm_come_primary_first_by_query_and_by_listing() {
    const QUERY: &[&str] = &[
        "ASSOCIATORS OF {Msvm_ComputerSystem.CreationClassName=",
        "AssocClass = Msvm_SystemReplicationRelationship ResultClass = Msvm_ReplicationRelationship",
    ];
    let items = [relation(VM, "\\1", ""), relation(&VM.to_lowercase(), "\\0", ""), relation(OTHER_VM, "\\0", "")];
    let host =
        host([page(QUERY, &items[..2]), fault(QUERY, "n:FilteringNotSupported"), page(&["MaxElements"], &items)]);
    for _ in 0..2 {
        let relations = now(host.relations_of(&id())).unwrap().unwrap();
        let kinds: Vec<_> = relations.iter().map(|relation| relation.kind.clone()).collect();
        assert_eq!(kinds, [RelationKind::Primary, RelationKind::Extended]);
    }
    let embedded = Relation::read(&read(&items[1]).instance()).unwrap().unwrap().embedded();
    assert_eq!(
        embedded.to_cim_xml().unwrap(),
        format!(
            "<INSTANCE CLASSNAME=\"Msvm_ReplicationRelationship\"><PROPERTY NAME=\"InstanceID\" TYPE=\"string\">\
             <VALUE>Microsoft:{}\\HVR\\0</VALUE></PROPERTY></INSTANCE>",
            VM.to_lowercase()
        )
    );
}

/// One instance as a Get brings it.
fn read(body: &str) -> crate::wsman::get::Response {
    let host = host([found(&[], body.to_owned())]);
    now(host.client().get(id().reference(host.client().addressing()))).unwrap()
}

fn settings(end: &str, properties: &str) -> String {
    let id = format!("<p:InstanceID>Microsoft:{VM}\\HVR{end}</p:InstanceID>");
    instance("Msvm_ReplicationSettingData", &format!("{id}{properties}"))
}

const FILLED: &str = "<p:ApplicationConsistentSnapshotInterval>4</p:ApplicationConsistentSnapshotInterval>\
    <p:AuthenticationType>2</p:AuthenticationType><p:AutoResynchronizeEnabled>false</p:AutoResynchronizeEnabled>\
    <p:AutoResynchronizeIntervalStart><cim:Interval>P0DT18H30M0S</cim:Interval></p:AutoResynchronizeIntervalStart>\
    <p:Caption>レプリケーション</p:Caption><p:CertificateThumbPrint>0A1B</p:CertificateThumbPrint>\
    <p:CompressionEnabled>TRUE</p:CompressionEnabled><p:ElementName>db &amp; app</p:ElementName>\
    <p:IncludedDisks>Microsoft:D1</p:IncludedDisks><p:IncludedDisks>Microsoft:D2</p:IncludedDisks>\
    <p:Notes xsi:nil=\"true\"/><p:PrimaryConnectionPoint>hvp-broker.lab.test</p:PrimaryConnectionPoint>\
    <p:PrimaryHostSystem>hvp1.lab.test</p:PrimaryHostSystem>\
    <p:RecoveryConnectionPoint>hvr1.lab.test</p:RecoveryConnectionPoint>\
    <p:RecoveryHostSystem>hvr1.lab.test</p:RecoveryHostSystem>\
    <p:RecoveryServerPortNumber>443</p:RecoveryServerPortNumber><p:ReplicationInterval>30</p:ReplicationInterval>\
    <p:SomethingNewer>1</p:SomethingNewer>\
    <p:VirtualSystemType>Microsoft:Hyper-V:Replica</p:VirtualSystemType>";

#[test]
fn settings_are_read_whole_and_turned_round() {
    const QUERY: &[&str] = &["ASSOCIATORS OF {Msvm_ComputerSystem.", "WHERE ResultClass = Msvm_ReplicationSettingData"];
    let host = host([page(QUERY, &[settings("\\1", ""), settings("\\0", FILLED)])]);
    let all = now(host.replication_settings_of(&id())).unwrap();
    assert_eq!(
        all.iter().map(|one| &one.relation).collect::<Vec<_>>(),
        [&RelationKind::Primary, &RelationKind::Extended]
    );
    let one = &all[0];
    assert_eq!((one.primary_host.as_str(), one.recovery_host.as_str()), ("hvp1.lab.test", "hvr1.lab.test"));
    assert_eq!((one.port, one.interval, one.thumbprint.as_str()), (Some(443), Some(Duration::from_secs(30)), "0A1B"));
    assert!(one.is_by_certificate());
    let disks = Value::texts(["Microsoft:D1", "Microsoft:D2"]);
    assert_eq!(one.instance.property("IncludedDisks").into_option(), Some(&disks));
    assert_eq!(one.instance.text("ElementName"), Some("db & app"));
    assert!(one.instance.property("SomethingNewer").is_absent(), "its type is not known");

    let reversed = one.reversed(Some("FF00"));
    let text = |name: &str| reversed.text(name);
    assert_eq!(text("RecoveryConnectionPoint"), Some("hvp-broker.lab.test"));
    assert_eq!(text("CertificateThumbPrint"), Some("FF00"));
    assert_eq!(one.reversed(None).text("CertificateThumbPrint"), Some("0A1B"));
    assert_eq!(reversed.property("IncludedDisks").into_option(), Some(&disks));
    for left_out in
        ["Caption", "ElementName", "Notes", "PrimaryHostSystem", "PrimaryConnectionPoint", "VirtualSystemType"]
    {
        assert!(reversed.property(left_out).is_absent(), "{left_out}");
    }
    // A time of day goes out in the other spelling.
    assert!(reversed.to_cim_xml().unwrap().contains("<VALUE>00000000183000.000000:000</VALUE>"));
}

#[test]
fn settings_of_server_2012_and_of_other_providers_are_read() {
    let primary = "<p:PrimaryConnectionPoint xsi:nil=\"true\"/><p:PrimaryHostSystem>hvp1</p:PrimaryHostSystem>\
        <p:RecoveryConnectionPoint></p:RecoveryConnectionPoint><p:RecoveryServerPortNumber></p:RecoveryServerPortNumber>";
    let host = host([
        fault(&["ASSOCIATORS OF"], "n:CannotProcessFilter"),
        page(&["/v2/Msvm_ReplicationSettingData</w:ResourceURI>"], &[settings("", primary)]),
    ]);
    let all = now(host.replication_settings_of(&id())).unwrap();
    assert_eq!((&all[0].relation, all[0].interval, all[0].port), (&RelationKind::Primary, None, None));
    assert_eq!(all[0].reverse_target(), Some("hvp1"), "the host where there is no connection point");
    assert_eq!(all[0].reversed(None).text("RecoveryConnectionPoint"), Some("hvp1"));
    let bare = ReplicationSettings::read(&read(&settings("", "")).instance()).unwrap().unwrap();
    assert_eq!(bare.reverse_target(), None);
    assert!(bare.reversed(None).property("RecoveryConnectionPoint").is_absent());
    let odd = settings("\\0", "<p:ReplicationInterval>soon</p:ReplicationInterval>");
    assert!(ReplicationSettings::read(&read(&odd).instance()).is_err());
}

#[test]
fn the_test_vm_of_a_replica_is_found_by_query_and_by_listing() {
    const QUERY: &[&str] =
        &["AssocClass = Msvm_ReplicaSystemDependency ResultClass = Msvm_ComputerSystem ResultRole = Dependent"];
    let test = vm(OTHER_VM, "app - Test").replace(">2</p:ReplicationMode>", ">3</p:ReplicationMode>");
    let link = |near: &str, far: &str| {
        row("Msvm_ReplicaSystemDependency", ("Antecedent", vm_reference(near)), ("Dependent", vm_reference(far)))
    };
    let links = [link(VM, OTHER_VM), link(OTHER_VM, VM), link(VM, OTHER_VM)];
    let host = host([
        page(QUERY, &[test.clone(), vm(VM, "app")]),
        fault(QUERY, "n:CannotProcessFilter"),
        page(&["/v2/Msvm_ReplicaSystemDependency</w:ResourceURI>"], &links),
        found(&[OTHER_VM], test),
        page(QUERY, &[]),
    ]);
    for _ in 0..2 {
        let found = now(host.test_vms_of(&id())).unwrap();
        let [test] = &found[..] else { panic!("{found:?}") };
        assert_eq!((test.id.as_str(), test.mode), (OTHER_VM, ReplicationMode::TestReplica));
    }
    assert!(now(host.test_vms_of(&id())).unwrap().is_empty());
}

#[test]
fn what_a_job_touched_is_found_by_query_and_by_listing() {
    const QUERY: &[&str] = &[
        "ASSOCIATORS OF {Msvm_FooJob.InstanceID='0D4F7A10-5B1C-4A6B-8F2E-33E1C0A9D7B6'}",
        "AssocClass = Msvm_AffectedJobElement ResultClass = Msvm_ComputerSystem",
    ];
    let touched = |what: String, by: &str| {
        let job = reference("Msvm_FooJob", &[("InstanceID", by)]);
        row("Msvm_AffectedJobElement", ("AffectedElement", what), ("AffectingElement", job))
    };
    let settings = reference("Msvm_VirtualSystemSettingData", &[("InstanceID", "Microsoft:X")]);
    let rows = [
        touched(vm_reference(OTHER_VM), &JOB.to_lowercase()),
        touched(vm_reference(VM), "ANOTHER"),
        touched(settings, JOB),
    ];
    let host = host([
        page(QUERY, &[vm(VM, "app"), vm("HVR01", "HVR01")]),
        fault(QUERY, "n:CannotProcessFilter"),
        page(&["/v2/Msvm_AffectedJobElement</w:ResourceURI>"], &rows),
        fault(&[OTHER_VM], "a:DestinationUnreachable"),
    ]);
    let class = host.client().addressing().class("Msvm_FooJob");
    let job = JobRef::by_id(class, JOB);
    assert_eq!(now(host.affected_by(&job)).unwrap().len(), 1, "the host is no VM");
    assert!(now(host.affected_by(&job)).unwrap().is_empty(), "what is gone is passed over");
}

#[test]
fn a_cluster_says_on_which_node_a_vm_is() {
    const QUERY: &[&str] = &[
        "/wmi/root/MSCluster/*</w:ResourceURI>",
        "WHERE Type = 'Virtual Machine' OR Type = 'Virtual Machine Replication Broker'",
    ];
    let resource = |kind: &str, name: &str, group: &str, node: &str, private: &str| {
        format!(
            "<p:MSCluster_Resource xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wmi/root/MSCluster/MSCluster_Resource\">\
             <p:Name>{name}</p:Name><p:OwnerGroup>{group}</p:OwnerGroup><p:OwnerNode>{node}</p:OwnerNode>{private}\
             <p:Type>{kind}</p:Type></p:MSCluster_Resource>"
        )
    };
    let private = format!("<p:PrivateProperties><q:VmID xmlns:q=\"urn:q\">{VM}</q:VmID></p:PrivateProperties>");
    let items = [
        resource("Virtual Machine", "Virtual Machine old-name", "old-name", "N1", &private),
        resource("Virtual Machine", "Virtual Machine app", "role-7", "N2", "<p:PrivateProperties xsi:nil=\"true\"/>"),
        resource("Virtual Machine", "Virtual Machine x", "app", "N3", ""),
        resource("Virtual Machine Replication Broker", "Broker", "hvr-broker", "N4", ""),
        resource("IP Address", "Virtual Machine web", "web", "N5", ""),
    ];
    let nodes = host([
        page(QUERY, &items[..4]),
        fault(QUERY, "n:CannotProcessFilter"),
        page(&["/wmi/root/MSCluster/MSCluster_Resource</w:ResourceURI>"], &items),
        page(QUERY, &items),
        page(QUERY, &items),
        page(QUERY, &items),
    ]);
    let cluster = now(nodes.cluster()).unwrap().unwrap();
    assert_eq!(cluster.broker().map(|owner| (owner.node.as_str(), owner.group.as_str())), Some(("N4", "hvr-broker")));
    assert_eq!(now(nodes.cluster()).unwrap().unwrap().vms.len(), 3, "listed, others left out");
    let owner = |name: &str| now(nodes.cluster_owner(name)).unwrap().map(|owner| owner.node);
    assert_eq!(owner(&VM.to_lowercase()), Some("N1".to_owned()), "by id, whatever the name");
    assert_eq!(owner("APP"), Some("N2".to_owned()), "the resource goes before the role");
    assert_eq!(owner("web"), None);

    let alone = host([
        fault(QUERY, "n:CannotProcessFilter"),
        fault(&["/wmi/root/MSCluster/MSCluster_Resource</w:ResourceURI>"], "a:DestinationUnreachable"),
        fault(QUERY, "a:DestinationUnreachable"),
        fault(QUERY, "w:AccessDenied"),
    ]);
    assert_eq!(now(alone.cluster()).unwrap(), None);
    assert_eq!(now(alone.cluster_owner("app")).unwrap(), None);
    assert!(now(alone.cluster_owner("app")).is_err(), "a refusal is no answer");
}

#[test]
fn a_job_is_asked_to_end_once_and_its_numbers_are_its_own() {
    const ACTION: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ConcreteJob/RequestStateChangeResponse";
    const ASKED: &[&str] = &["<p:RequestedState>4</p:RequestedState>", "\"InstanceID\">0D4F7A10"];
    for (value, expected) in [
        (0, JobChange::Accepted),
        (4096, JobChange::Accepted),
        (1, JobChange::Refused(JobChangeCode::NotSupported)),
        (4097, JobChange::Refused(JobChangeCode::InvalidTransition)),
        (32775, JobChange::Refused(JobChangeCode::Other(32775))),
    ] {
        let host = host([output(ASKED, ACTION, &format!("<p:ReturnValue>{value}</p:ReturnValue>"))]);
        let job = JobRef::by_id(host.client().addressing().class("Msvm_ConcreteJob"), JOB);
        assert_eq!(now(host.cancel_job(&job)).unwrap(), expected, "{value}");
    }
    let silent = host([output(ASKED, ACTION, "")]);
    let job = JobRef::by_id(silent.client().addressing().class("Msvm_ConcreteJob"), JOB);
    let error = now(silent.cancel_job(&job)).unwrap_err();
    assert_eq!(error.delivery(), crate::wsman::Delivery::Unknown);
}

#[test]
fn a_vm_is_told_by_its_primary_relation_or_by_itself() {
    let now_is = std::time::UNIX_EPOCH + Duration::from_secs(1_795_416_910);
    // 2026-11-23T06:55:10Z
    let last = |seconds: &str| {
        format!("<p:LastReplicationTime><cim:Datetime>2026-11-23T06:{seconds}Z</cim:Datetime></p:LastReplicationTime>")
    };
    let own = vm(VM, "app").replace("<p:Name>", &format!("{}<p:Name>", last("40:10")));
    let test = vm(OTHER_VM, "test").replace(">2</p:ReplicationMode>", ">3</p:ReplicationMode>");
    let plain =
        vm("5F1E0C52-8A5B-4E0C-9C0D-7C1D5B0A9E23", "plain").replace(">2</p:ReplicationMode>", ">0</p:ReplicationMode>");
    let relations = [
        relation(VM, "\\1", "<p:ReplicationState>7</p:ReplicationState>"),
        relation(VM, "\\0", &format!("{}<p:ReplicationState>10</p:ReplicationState>", last("50:10"))),
        // What a client Windows lists for what is not replicated.
        relation("5F1E0C52-8A5B-4E0C-9C0D-7C1D5B0A9E23", "\\0", "<p:ReplicationState>0</p:ReplicationState>"),
        relation("6F1E0C52-8A5B-4E0C-9C0D-7C1D5B0A9E24", "\\0", "<p:ReplicationState>3</p:ReplicationState>"),
    ];
    let host = host([
        page(&[], &[own.clone(), test.clone(), plain.clone()]),
        page(&[], &relations),
        page(&[], &[own, test, plain]),
        fault(&[], "a:DestinationUnreachable"),
        page(&[], &[]),
    ]);
    let vms = now(host.replicated_vms()).unwrap();
    let kinds: Vec<_> = vms.iter().map(|vm| vm.relations.len()).collect();
    assert_eq!(kinds, [2, 0, 0]);
    assert_eq!(vms[0].vm.state, ReplicationState::Resynchronising, "not what the deprecated property says");
    assert_eq!(vms[0].data_loss(now_is), Some(Duration::from_secs(300)));
    assert_eq!(vms[0].relations[1].rpo(now_is), None, "never replicated");
    // Server 2012: the VM's own properties.
    let vms = now(host.replicated_vms()).unwrap();
    assert_eq!((vms[0].relations.len(), vms[1].relations.len(), vms[2].relations.len()), (1, 0, 0));
    assert!(!vms[0].relations[0].is_listed());
    assert_eq!(vms[0].data_loss(now_is), Some(Duration::from_secs(900)));
    // A clock that is behind the host's makes no age of the future.
    assert_eq!(vms[0].data_loss(std::time::UNIX_EPOCH), Some(Duration::ZERO));
    assert!(now(host.replicated_vms()).unwrap().is_empty(), "no second question about nothing");
}
