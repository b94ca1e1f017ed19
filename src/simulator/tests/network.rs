//! Settings of adapters, and statistics: embedded instances in and out.

use super::*;
use crate::cim::Instance;

const VM: &str = "app-db-01";

fn text_property(name: &str, value: &str) -> String {
    format!("<PROPERTY NAME=\"{name}\" TYPE=\"string\"><VALUE>{value}</VALUE></PROPERTY>")
}

fn list(name: &str, values: &[&str]) -> String {
    let values: String = values.iter().map(|value| format!("<VALUE>{value}</VALUE>")).collect();
    format!("<PROPERTY.ARRAY NAME=\"{name}\" TYPE=\"string\"><VALUE.ARRAY>{values}</VALUE.ARRAY></PROPERTY.ARRAY>")
}

fn dhcp(on: bool) -> String {
    format!("<PROPERTY NAME=\"DHCPEnabled\" TYPE=\"boolean\"><VALUE>{on}</VALUE></PROPERTY>")
}

fn instance(class: &str, properties: &[String]) -> String {
    format!("<INSTANCE CLASSNAME=\"{class}\">{}</INSTANCE>", properties.concat())
}

fn connection(simulator: &Simulator, vm: &str) -> String {
    format!("{}\\C", adapter(simulator, vm))
}

fn adapter(simulator: &Simulator, vm: &str) -> String {
    simulator.with_world(|world| world.vm(vm).unwrap().adapters[0].id.clone())
}

fn modify(settings: &[String]) -> Envelope {
    let parameters: String = settings.iter().map(|text| embedded("ResourceSettings", text)).collect();
    let keys = [("CreationClassName", "Msvm_VirtualSystemManagementService")];
    call("Msvm_VirtualSystemManagementService", &keys, "ModifyResourceSettings", &parameters)
}

fn set_addresses(simulator: &Simulator, vm: &str, properties: &[String]) -> String {
    let text = instance("Msvm_FailoverNetworkAdapterSettingData", properties);
    service(simulator, "SetFailoverNetworkAdapterSettings", vm, &embedded("NetworkSettings", &text))
}

#[test]
fn the_switch_of_a_test_vm_is_chosen_before_it_is_made() {
    let (simulator, _) = host("");
    let id = connection(&simulator, VM);
    let class = "Msvm_EthernetPortAllocationSettingData";
    let setting = |switch: &str| {
        instance(class, &[text_property("InstanceID", &id), text_property("TestReplicaSwitchName", switch)])
    };
    let change = |setting: &String| returned(&simulator, &modify(std::slice::from_ref(setting)));
    assert_eq!(change(&setting("No Such Switch")), "32773");
    assert_eq!(change(&setting("Isolated")), "4096");
    let get = Envelope::get(&format!("{V2}/{class}"), &[("InstanceID", &id)]);
    let reply = answer(&simulator, &get);
    assert_eq!(value(&reply, "TestReplicaSwitchName").as_deref(), Some("Isolated"));
    assert_eq!(value(&reply, "LastKnownSwitchName").as_deref(), Some("Production"));
    let parent = value(&reply, "Parent").unwrap();
    let escaped = adapter(&simulator, VM).replace('\\', "\\\\");
    assert_eq!(
        parent,
        format!("\\\\HVDR01\\root\\virtualization\\v2:Msvm_SyntheticEthernetPortSettingData.InstanceID=\"{escaped}\"")
    );
    assert_eq!(service(&simulator, "TestReplicaSystem", VM, ""), "4096");
    let switches = |vm: &str| simulator.with_world(|world| world.vm(vm).unwrap().adapters[0].switch.clone());
    assert_eq!(switches("app-db-01 - Test").as_deref(), Some("Isolated"));
    assert_eq!(switches(VM).as_deref(), Some("Production"));
    assert_eq!(change(&setting("")), "4096", "no switch");
    assert_eq!(simulator.with_world(|world| world.vm(VM).unwrap().adapters[0].test_switch.clone()), None);

    let other = instance(class, &[text_property("InstanceID", &id), text_property("TestReplicaPoolID", "x")]);
    let more = instance(
        class,
        &[
            text_property("InstanceID", &id),
            text_property("TestReplicaSwitchName", "Isolated"),
            text_property("Address", "x"),
        ],
    );
    let nobody = instance(
        class,
        &[text_property("InstanceID", "Microsoft:x\\y\\C"), text_property("TestReplicaSwitchName", "Isolated")],
    );
    let port = instance(
        "Msvm_SyntheticEthernetPortSettingData",
        &[text_property("InstanceID", &id), text_property("ElementName", "Isolated")],
    );
    let odd = instance("Msvm_ReplicationSettingData", &[text_property("InstanceID", &id)]);
    for wrong in [other, more, nobody, port, odd, "no instance".to_owned(), instance(class, &[])] {
        assert_eq!(change(&wrong), "32773", "{wrong}");
    }
    assert_eq!(returned(&simulator, &modify(&[])), "32773");
    assert_eq!(simulator.taken("ModifyResourceSettings", VM), 2);

    let (at_once, _) = host("[job]\nsynchronous = true");
    let reply = answer(&at_once, &modify(&[setting("Isolated")]));
    assert!(reply.contains("<p:ResultingResourceSettings xmlns:a=") && reply.contains(&id), "{reply}");
}

#[test]
fn addresses_for_after_a_failover_are_kept_and_shown() {
    let (simulator, _) = host("[[vms]]\nname = \"two\"\nadapters = 2");
    let whole = [
        "<PROPERTY NAME=\"ProtocolIFType\" TYPE=\"uint16\"><VALUE>4096</VALUE></PROPERTY>".to_owned(),
        dhcp(false),
        list("IPAddresses", &["192.0.2.10", "192.0.2.11"]),
        list("Subnets", &["255.255.255.0", "255.255.255.0"]),
        list("DefaultGateways", &["192.0.2.1"]),
        list("DNSServers", &["192.0.2.53"]),
    ];
    assert_eq!(set_addresses(&simulator, VM, &whole), "4096");
    let id = adapter(&simulator, VM).replace("Microsoft:", "Microsoft:FailoverNetworkSetting\\");
    let class = "Msvm_FailoverNetworkAdapterSettingData";
    let reply = answer(&simulator, &Envelope::get(&format!("{V2}/{class}"), &[("InstanceID", &id)]));
    assert_eq!(reply.matches("<p:IPAddresses>").count(), 2, "{reply}");
    assert_eq!(value(&reply, "DNSServers").as_deref(), Some("192.0.2.53"));
    assert_eq!(value(&reply, "DHCPEnabled").as_deref(), Some("false"));
    let named = [&[text_property("InstanceID", &id)], &whole[..]].concat();
    assert_eq!(set_addresses(&simulator, VM, &named), "4096", "what was read can be sent back");

    let without = |left_out: usize| -> Vec<String> {
        whole.iter().enumerate().filter(|(place, _)| *place != left_out).map(|(_, text)| text.clone()).collect()
    };
    let with = |place: usize, text: String| -> Vec<String> {
        let mut changed = whole.to_vec();
        changed[place] = text;
        changed
    };
    for (code, properties) in [
        ("32773", without(1)),
        ("32773", without(2)),
        ("32773", with(2, list("IPAddresses", &["192.0.2.10"]))),
        ("32773", with(2, list("IPAddresses", &["192.0.2.10", "192.0.2.256"]))),
        ("32773", with(2, list("IPAddresses", &["192.0.2.10", "2001:db8::1"]))),
        ("32773", with(3, list("Subnets", &["255.255.255.0", "255.0.255.0"]))),
        ("32773", with(4, list("DefaultGateways", &["192.0.2.1"; 6]))),
        ("32773", with(5, list("DNSServers", &["dns.example"]))),
        ("32776", with(5, text_property("DNSServers", "192.0.2.53"))),
        ("32776", with(1, text_property("DHCPEnabled", "false"))),
        ("32776", with(0, "<PROPERTY NAME=\"ProtocolIFType\" TYPE=\"uint16\"><VALUE>x</VALUE></PROPERTY>".to_owned())),
        ("32773", with(0, text_property("Colour", "red"))),
        ("32773", with(0, text_property("InstanceID", "Microsoft:FailoverNetworkSetting\\x\\y"))),
        ("32768", with(0, text_property("ElementName", "a &amp; b"))),
        ("32773", with(0, text_property("ElementName", "a &lt; b"))),
    ] {
        assert_eq!(set_addresses(&simulator, VM, &properties), code, "{properties:?}");
    }
    assert_eq!(set_addresses(&simulator, "two", &whole), "32773", "which of two adapters?");
    assert_eq!(set_addresses(&simulator, "plain-01", &whole), "32775", "no replication");
    assert_eq!(service(&simulator, "SetFailoverNetworkAdapterSettings", VM, ""), "32773");
    let by_dhcp = [dhcp(true), list("IPAddresses", &[])];
    assert_eq!(set_addresses(&simulator, VM, &by_dhcp), "4096");
    assert_eq!(simulator.taken("SetFailoverNetworkAdapterSettings", VM), 3);
    let kinds = simulator.history();
    assert!(kinds.iter().all(|taken| taken.job_type == Some(92)), "{kinds:?}");
}

/// An instance in XML of its own is not text.
#[test]
fn an_embedded_instance_is_text() {
    let (simulator, _) = host("");
    let as_xml = format!(
        "{}<p:NetworkSettings><p:Msvm_FailoverNetworkAdapterSettingData/></p:NetworkSettings>",
        computer(&simulator, VM)
    );
    let keys = [("CreationClassName", "Msvm_ReplicationService")];
    let envelope = call("Msvm_ReplicationService", &keys, "SetFailoverNetworkAdapterSettings", &as_xml);
    assert_eq!(refusal(&simulator, &envelope).1, "Sender SchemaValidationError");
    let twice = format!("{0}{0}", computer(&simulator, VM));
    let envelope = call("Msvm_ReplicationService", &keys, "CommitFailover", &twice);
    assert_eq!(refusal(&simulator, &envelope).1, "Sender SchemaValidationError", "a parameter twice");
}

#[test]
fn statistics_come_as_embedded_instances() {
    let (simulator, _) = host(
        "[[vms]]\nname = \"busy\"\nhealth = 2\nextended = { state = 3, health = 3 }\n\
         statistics = { pending = 5000000000, successes = 7, misses = 2, last_test = \"9d\", issues = [\"late\", \"later\"] }",
    );
    let keys = [("CreationClassName", "Msvm_ReplicationService")];
    let get = |method: &str, vm: &str, more: &str| {
        let parameters = format!("{}{more}", computer(&simulator, vm));
        answer(&simulator, &call("Msvm_ReplicationService", &keys, method, &parameters))
    };
    let reply = get("GetReplicationStatistics", "busy", "");
    assert_eq!(value(&reply, "ReturnValue").as_deref(), Some("0"));
    let numbers = Instance::from_cim_xml(&value(&reply, "ReplicationStatistics").unwrap()).unwrap();
    assert_eq!(numbers.class().as_str(), "Msvm_ReplicationStatistics");
    let number = |name: &str| match numbers.property(name) {
        crate::cim::Property::Value(value) => value.to_string(),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(number("PendingReplicationSize"), "5000000000");
    assert_eq!((number("ReplicationSuccessCount"), number("ReplicationMissCount")), ("7".into(), "2".into()));
    assert_eq!(number("ReplicationHealth"), "2");
    assert_eq!(number("LastTestFailoverTime"), "2026-11-14T07:00:00Z");
    assert_eq!(number("EndStatisticTime"), "2026-11-23T07:00:00Z");
    assert_eq!(reply.matches("<p:ReplicationHealthIssues>").count(), 2, "{reply}");
    let places = ["<p:Job ", "<p:ReplicationHealthIssues>", "<p:ReplicationStatistics>", "<p:ReturnValue>"];
    let places = places.map(|part| reply.find(part).unwrap());
    assert!(places.is_sorted(), "{reply}");

    let id = vm_id(&simulator, "busy");
    let relation = |id: &str, number: u8| {
        let id = text_property("InstanceID", &format!("Microsoft:{id}\\HVR\\{number}"));
        embedded("ReplicationRelationship", &instance("Msvm_ReplicationRelationship", &[id]))
    };
    let code = |reply: &str| value(reply, "ReturnValue").unwrap();
    let extended = get("GetReplicationStatisticsEx", "busy", &relation(&id, 1));
    let numbers = Instance::from_cim_xml(&value(&extended, "ReplicationStatistics").unwrap()).unwrap();
    assert_eq!(numbers.property("ReplicationHealth").into_option().unwrap().to_string(), "3");
    assert_eq!(code(&get("GetReplicationStatisticsEx", "busy", &relation(&id, 0))), "0");
    assert_eq!(code(&get("GetReplicationStatisticsEx", "busy", "")), "32773", "a relation must be named");
    assert_eq!(code(&get("GetReplicationStatisticsEx", "twin", &relation(&id, 0))), "32773", "its own");
    let twin = vm_id(&simulator, "twin");
    assert_eq!(code(&get("GetReplicationStatisticsEx", "twin", &relation(&twin, 1))), "32773", "there is none");
    let quiet = get("GetReplicationStatistics", "twin", "");
    assert!(quiet.contains("<p:ReplicationHealthIssues xsi:nil=\"true\"/>"), "{quiet}");
    assert_eq!(code(&get("GetReplicationStatistics", "plain-01", "")), "32775");
    assert_eq!(simulator.history(), [], "nothing was changed");
    assert_eq!(simulator.with_world(|world| world.called("GetReplicationStatistics", "busy")), 1);
    // A test failover is remembered.
    assert_eq!(service(&simulator, "TestReplicaSystem", "twin", ""), "4096");
    let after = get("GetReplicationStatistics", "twin", "");
    assert!(after.contains("20261123070000.000000+000"), "{after}");
}
