//! Statistics and health issues, by the newer method and the older one.

use super::super::*;
use super::script::*;

const EX: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ReplicationService/GetReplicationStatisticsExResponse";
const OLD: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ReplicationService/GetReplicationStatisticsResponse";
const ASKED_EX: &[&str] = &["GetReplicationStatisticsEx_INPUT", "\\HVR\\0&lt;/VALUE&gt;", "\"Name\">3F1E0C52"];
const ASKED_OLD: &[&str] = &["<p:GetReplicationStatistics_INPUT"];

fn id() -> VmId {
    VM.parse().unwrap()
}

fn relation() -> Relation {
    let id = format!("<p:InstanceID>Microsoft:{VM}\\HVR\\0</p:InstanceID>");
    let host = host([page(&[], &[instance("Msvm_ReplicationRelationship", &id)])]);
    now(host.relations()).unwrap().unwrap().remove(0)
}

fn embedded(class: &str, properties: &str) -> String {
    let text = format!("<INSTANCE CLASSNAME=\"{class}\">{properties}</INSTANCE>");
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn property(name: &str, cim_type: &str, value: &str) -> String {
    format!("<PROPERTY NAME=\"{name}\" TYPE=\"{cim_type}\"><VALUE>{value}</VALUE></PROPERTY>")
}

#[test]
fn every_number_is_read_and_a_missing_one_is_none() {
    let statistics = [
        property("StartStatisticTime", "datetime", "20261123060000.000000+000"),
        property("ReplicationSuccessCount", "uint32", "144"),
        property("ReplicationSize", "uint64", "18446744073709551615"),
        property("MaxReplicationSize", "uint64", "7"),
        property("ReplicationLatency", "uint32", "10"),
        property("MaxReplicationLatency", "uint32", "3"),
        property("ReplicationMissCount", "uint32", "0"),
        property("NetworkFailureCount", "uint32", "1"),
        property("ReplicationFailureCount", "uint32", "2"),
        property("PendingReplicationSize", "uint64", "4096"),
        property("ApplicationConsistentSnapshotFailureCount", "uint32", "5"),
        property("ReplicationHealth", "uint32", "2"),
        property("LastTestFailoverTime", "datetime", "16010101000000.000000+000"),
        "<PROPERTY NAME=\"EndStatisticTime\" TYPE=\"datetime\"></PROPERTY>".to_owned(),
    ];
    let parameters = format!(
        "<p:Job xsi:nil=\"true\"/><p:ReplicationHealthIssues>{}</p:ReplicationHealthIssues>\
         <p:ReplicationStatistics>{}</p:ReplicationStatistics><p:ReturnValue>0</p:ReturnValue>",
        embedded("Msvm_Error", &property("Message", "string", "遅延 &#60;")),
        embedded("Msvm_ReplicationStatistics", &statistics.concat()),
    );
    let host = host([output(ASKED_EX, EX, &parameters)]);
    let report = now(host.replication_statistics(&id(), Some(&relation()))).unwrap();
    let read = report.statistics.unwrap();
    assert_eq!(read.since.unwrap().to_iso().unwrap(), "2026-11-23T06:00:00Z");
    assert_eq!((read.until, read.last_test_failover), (None, None));
    assert_eq!((read.successes, read.size, read.max_size), (Some(144), Some(u64::MAX), Some(7)));
    assert_eq!((read.latency, read.max_latency, read.misses), (Some(10), Some(3), Some(0)));
    assert_eq!((read.network_failures, read.failures, read.pending_size), (Some(1), Some(2), Some(4096)));
    assert_eq!((read.application_consistent_failures, read.health), (Some(5), Some(ReplicationHealth::Warning)));
    assert_eq!(report.issues[0].message, "遅延 <");
}

#[test]
fn a_host_without_the_newer_method_is_asked_by_the_older() {
    let empty = "<p:ReplicationHealthIssues xsi:nil=\"true\"/><p:ReplicationStatistics xsi:nil=\"true\"/>\
        <p:ReturnValue>0</p:ReturnValue>";
    let host =
        host([fault(ASKED_EX, "a:ActionNotSupported"), output(ASKED_OLD, OLD, empty), output(ASKED_OLD, OLD, empty)]);
    for relation in [Some(relation()), None] {
        let report = now(host.replication_statistics(&id(), relation.as_ref())).unwrap();
        assert_eq!((report.statistics, report.issues.len()), (None, 0));
    }
}

#[test]
fn a_service_that_wants_all_its_keys_is_asked_with_them() {
    let keys = reference("Msvm_ReplicationService", &[("Name", "replicasvc"), ("SystemName", "HVR01")]);
    let item = format!("<a:EndpointReference>{keys}</a:EndpointReference>");
    let host = host([
        fault(ASKED_OLD, "w:InvalidSelectors"),
        page(&["EnumerateEPR"], &[item]),
        output(&["\"SystemName\">HVR01"], OLD, "<p:ReturnValue>0</p:ReturnValue>"),
        fault(ASKED_OLD, "w:InvalidSelectors"),
        page(&["EnumerateEPR"], &[]),
    ]);
    assert!(now(host.replication_statistics(&id(), None)).is_ok());
    assert!(now(host.replication_statistics(&id(), None)).unwrap_err().fault().is_some());
}

#[test]
fn what_is_not_done_is_refused_by_its_number() {
    let job = format!("<p:Job>{}</p:Job>", reference("Msvm_ConcreteJob", &[("InstanceID", JOB)]));
    for (parameters, number) in [("", 32775), (job.as_str(), 4096)] {
        let host = host([output(ASKED_OLD, OLD, &format!("{parameters}<p:ReturnValue>{number}</p:ReturnValue>"))]);
        let error = now(host.replication_statistics(&id(), None)).unwrap_err();
        assert!(error.to_string().contains(&format!("GetReplicationStatistics answered {number}")), "{error}");
        assert_eq!(error.delivery(), crate::wsman::Delivery::Answered);
    }
    let garbage = "<p:ReplicationStatistics>no xml</p:ReplicationStatistics><p:ReturnValue>0</p:ReturnValue>";
    let host = host([output(ASKED_OLD, OLD, garbage)]);
    assert!(matches!(now(host.replication_statistics(&id(), None)), Err(Error::Cim(_))));
}
