//! Typed questions over a scripted exchange: what is asked, and what is made of the answers.

use std::time::Duration;

use super::super::*;
use super::script::*;
use crate::wsman::ClassAddressing;

fn by_name(name: &str) -> VmSelector {
    VmSelector::Name(name.to_owned())
}

#[test]
fn none_one_and_many_are_three_outcomes() {
    const QUERY: &[&str] = &["SELECT * FROM Msvm_ComputerSystem WHERE ElementName = 'app-db-01'", "/v2/*</w:Resource"];
    let script = [page(QUERY, &[]), page(QUERY, &[vm(VM, "APP-db-01")])];
    let two = page(QUERY, &[vm(VM, "app-db-01"), vm(OTHER_VM, "App-DB-01"), vm("HVR01", "app-db-01")]);
    let host = host(script.into_iter().chain([two]));
    assert_eq!(now(host.find_vm(&by_name("app-db-01"))).unwrap(), LookedUp::NotVisible);
    let LookedUp::One(one) = now(host.find_vm(&by_name("app-db-01"))).unwrap() else { panic!("not one") };
    assert_eq!((one.id.as_str(), one.name.as_str()), (VM, "APP-db-01"));
    // The host has the name, too, and is no VM: its Name is no GUID.
    let LookedUp::Many(many) = now(host.find_vm(&by_name("app-db-01"))).unwrap() else { panic!("not many") };
    assert_eq!(many.len(), 2);
}

#[test]
fn a_server_without_queries_is_listed() {
    let all = [vm(OTHER_VM, "other"), vm("HVR01", "HVR01"), vm(VM, "kasse-ÄÖÜ")];
    let host = host([fault(&["kasse-äöü"], "n:CannotProcessFilter"), page(&["/v2/Msvm_ComputerSystem</w:Res"], &all)]);
    // Case beyond ASCII is folded, too.
    let LookedUp::One(one) = now(host.find_vm(&by_name("kasse-äöü"))).unwrap() else { panic!("not one") };
    assert_eq!(one.id.as_str(), VM);
}

#[test]
fn quotes_in_a_name_stay_inside_the_literal() {
    let host = host([page(&[r"ElementName = 'a\' OR \'1\'=\'1'"], &[])]);
    assert_eq!(now(host.find_vm(&by_name("a' OR '1'='1"))).unwrap(), LookedUp::NotVisible);
}

#[test]
fn a_guid_is_asked_for_with_both_keys() {
    const KEYS: &[&str] = &["<w:Selector Name=\"CreationClassName\">Msvm_ComputerSystem", "\"Name\">3F1E0C52"];
    let selector: VmSelector = format!("{{{VM}}}").parse().unwrap();
    let script = [found(KEYS, vm(&VM.to_lowercase(), "x")), fault(KEYS, "a:DestinationUnreachable")];
    let host = host(script.into_iter().chain([found(KEYS, vm(OTHER_VM, "x")), fault(KEYS, "w:AccessDenied")]));
    assert!(matches!(now(host.find_vm(&selector)).unwrap(), LookedUp::One(_)));
    assert_eq!(now(host.find_vm(&selector)).unwrap(), LookedUp::NotVisible);
    assert!(now(host.find_vm(&selector)).is_err(), "another VM than asked for");
    assert!(now(host.find_vm(&selector)).unwrap_err().fault().unwrap().is_access_denied());
}

#[test]
fn recovery_points_come_newest_first_and_of_this_vm_only() {
    let point = |id: &str, kind: &str, day: &str, vm: &str| {
        instance(
            "Msvm_VirtualSystemSettingData",
            &format!(
                "<p:CreationTime><cim:Datetime>2026-11-{day}T08:00:00Z</cim:Datetime></p:CreationTime>\
                 <p:InstanceID>Microsoft:{id}</p:InstanceID>\
                 <p:VirtualSystemIdentifier>{vm}</p:VirtualSystemIdentifier>\
                 <p:VirtualSystemType>Microsoft:Hyper-V:{kind}</p:VirtualSystemType>"
            ),
        )
    };
    let items = [
        point("A", "Snapshot:Replica:Standard", "20", VM),
        point("B", "Snapshot:Replica:ApplicationConsistent", "22", &VM.to_lowercase()),
        point("C", "System:Realized", "23", VM),
        point("D", "Snapshot:Replica:PlannedFailover", "21", VM),
        point("E", "Snapshot:Replica:Standard", "23", OTHER_VM),
    ];
    let host = host([page(&["VirtualSystemIdentifier = '3F1E0C52"], &items)]);
    let points = now(host.recovery_points(&VM.parse().unwrap())).unwrap();
    let ids: Vec<_> = points.iter().map(|point| point.id.as_str()).collect();
    assert_eq!(ids, ["Microsoft:B", "Microsoft:D", "Microsoft:A"]);
    assert!(points[0].is_named("microsoft:b") && points[0].is_named("{B}") && !points[0].is_named("A"));
}

#[test]
fn jobs_of_a_vm_are_found_by_query_and_by_listing() {
    let vm_id: VmId = VM.parse().unwrap();
    let queried =
        host([page(&["ASSOCIATORS OF {Msvm_ComputerSystem.", "AssocClass = Msvm_AffectedJobElement"], &[job(4, 3)])]);
    let jobs = now(queried.jobs_of(&vm_id)).unwrap();
    assert_eq!((jobs.len(), jobs[0].state, jobs[0].reference.instance_id()), (1, JobState::Running, JOB));
    assert_eq!(jobs[0].error_code, ReturnCode::Completed, "NULL while it runs");

    let row = |job: &str, vm: &str| {
        let system = [("CreationClassName", "Msvm_ComputerSystem"), ("Name", vm)];
        instance(
            "Msvm_AffectedJobElement",
            &format!(
                "<p:AffectedElement>{}</p:AffectedElement><p:AffectingElement>{}</p:AffectingElement>",
                reference("Msvm_ComputerSystem", &system),
                reference("Msvm_StorageJob", &[("InstanceID", job)])
            ),
        )
    };
    // A job that has gone since the listing is no error.
    let rows = [row("GONE", VM), row("FOREIGN", OTHER_VM), row(JOB, &VM.to_lowercase())];
    let listed = host([
        fault(&["ASSOCIATORS OF"], "n:CannotProcessFilter"),
        page(&["/v2/Msvm_AffectedJobElement</w:ResourceURI>"], &rows),
        fault(&["/v2/Msvm_StorageJob</w:ResourceURI>", ">GONE<"], "a:DestinationUnreachable"),
        found(&["/v2/Msvm_StorageJob</w:ResourceURI>", JOB], job(7, 100)),
    ]);
    let jobs = now(listed.jobs_of(&vm_id)).unwrap();
    assert_eq!(jobs.len(), 1);
    assert!(jobs[0].is_good());
}

#[test]
fn all_keys_of_the_service_are_learnt_from_the_host() {
    const KEYS: &[(&str, &str)] = &[
        ("CreationClassName", "Msvm_ReplicationService"),
        ("Name", "replicasvc"),
        ("SystemCreationClassName", "Msvm_ComputerSystem"),
        ("SystemName", "HVR01"),
    ];
    let item = format!("<a:EndpointReference>{}</a:EndpointReference>", reference("Msvm_ReplicationService", KEYS));
    let asked: &[&str] = &["EnumerateEPR", "/v2/Msvm_ReplicationService</w:ResourceURI>"];
    let host = host([page(asked, &[item]), page(asked, &[])]);
    let keys = now(host.learn_service("Msvm_ReplicationService")).unwrap().unwrap();
    let call = Call::InitiateFailover { vm: VM.parse().unwrap(), point: None };
    let call = call.write(&keys, host.client().addressing());
    assert_eq!(call.target.selectors.value("SystemName"), Some("HVR01"));
    assert_eq!(now(host.learn_service("Msvm_ReplicationService")).unwrap(), None);
}

#[test]
fn each_return_value_has_its_meaning() {
    let names = [
        (32768, "Failed"),
        (32769, "Access denied"),
        (32770, "Not supported"),
        (32771, "Status is unknown"),
        (32772, "Timeout"),
        (32773, "Invalid parameter"),
        (32774, "System is in use"),
        (32775, "Invalid state for this operation"),
        (32776, "Incorrect data type"),
        (32777, "System is not available"),
        (32778, "Out of memory"),
        (32779, "File not found"),
        (32790, "Other(32790)"),
        (1, "Other(1)"),
    ];
    let output = |job: String, value: &str| Step {
        contains: &["InitiateFailover_INPUT", "CreationClassName\">Msvm_ReplicationService<"],
        action: "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ReplicationService/InitiateFailoverResponse",
        body: format!(
            "<p:InitiateFailover_OUTPUT xmlns:p=\"{V2}/Msvm_ReplicationService\">{job}{value}</p:InitiateFailover_OUTPUT>"
        ),
    };
    let call = |step: Step| {
        let host = host([step]);
        let call = Call::InitiateFailover { vm: VM.parse().unwrap(), point: None };
        now(host.call(&call, &ServiceKeys::Short))
    };
    let nil = || "<p:Job xsi:nil=\"true\"/>".to_owned();
    let value = |number: u32| format!("<p:ReturnValue>{number}</p:ReturnValue>");
    for (number, name) in names {
        let Invoked::Refused(code) = call(output(nil(), &value(number))).unwrap() else { panic!("{number}") };
        assert_eq!((code.value(), code.to_string().as_str()), (number, name));
        let undecided = matches!(number, 32771 | 32772 | 32790 | 1);
        assert_eq!(code.is_undecided(), undecided, "{number}");
    }
    assert_eq!(call(output(nil(), &value(0))).unwrap(), Invoked::Done);
    let job = format!("<p:Job>{}</p:Job>", reference("Msvm_FooJob", &[("InstanceID", JOB)]));
    let Invoked::Started(started) = call(output(job, &value(4096))).unwrap() else { panic!("not started") };
    assert_eq!(started.to_string(), format!("Msvm_FooJob?InstanceID={JOB}"));
    // What the host did is unknown after each of these.
    for broken in [value(4096), String::new(), "<p:ReturnValue>done</p:ReturnValue>".to_owned()] {
        let error = call(output(nil(), &broken)).unwrap_err();
        assert_eq!(error.delivery(), crate::wsman::Delivery::Unknown, "{error}");
    }
}

#[test]
fn only_good_states_are_good_and_only_final_states_are_over() {
    for state in [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 32768, 40000] {
        let script = host([found(&[JOB], job(state, 50))]);
        let class = ClassAddressing::microsoft(NAMESPACE).class("Msvm_ConcreteJob");
        let read = now(script.job(&JobRef::by_id(class, JOB))).unwrap().unwrap();
        let follow = JobFollower::new(Duration::ZERO).observe(Duration::ZERO, Some(&read));
        match state {
            7 | 32768 => assert_eq!(follow, Follow::Ended, "{state}"),
            8..=10 => assert_eq!(follow, Follow::Failed, "{state}"),
            _ => assert!(matches!(follow, Follow::Wait(_)), "{state}"),
        }
    }
    assert_eq!(JobFollower::new(Duration::ZERO).observe(Duration::ZERO, None), Follow::Gone);
}
