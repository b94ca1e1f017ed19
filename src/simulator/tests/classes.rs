//! Instances against the declarations of their classes, and the ways from one to another.

use super::*;
use crate::cim::schema::Schema;
use crate::cim::{CimType, Value};
use crate::simulator::instances::instances;
use crate::simulator::object::Content;
use crate::simulator::schema;
use crate::simulator::text::Language;
use crate::wsman::wql;

const FULL: &str = "
    [[vms]]
    name = \"extended\"
    extended = { state = 3 }
    authentication = 2
    adapters = 2
    [[vms]]
    name = \"on\"
    mode = 1
    enabled = 2
    [[vms]]
    name = \"rehearsed - Test\"
    mode = 3
    state = 0
    test_of = \"app-db-01\"
    [cluster]
    owners = { \"app-db-01\" = \"HVDR01\", \"elsewhere\" = \"HVDR02\" }";

/// Every property that the class declares is there, no other, each with a value of its type. The classes left out follow
/// recordings, or show only what matters.
#[test]
fn instances_are_what_their_class_declares() {
    let (simulator, clock) = host(FULL);
    assert_eq!(fail_over(&simulator, "app-db-01").0, "4096");
    let now = crate::simulator::SimulatorClock::now(&clock);
    let classes: [&'static schema::Class; 14] = [
        &schema::REPLICATION_SERVICE,
        &schema::MANAGEMENT_SERVICE,
        &schema::SHUTDOWN_COMPONENT,
        &schema::SERVICE_SETTINGS,
        &schema::RELATIONSHIP,
        &schema::REPLICATION_SETTINGS,
        &schema::PORT_SETTINGS,
        &schema::CONNECTION_SETTINGS,
        &schema::FAILOVER_ADDRESSES,
        &schema::SNAPSHOT_OF_SYSTEM,
        &schema::SYSTEM_RELATIONSHIP,
        &schema::REPLICA_DEPENDENCY,
        &schema::FAILOVER_COMPONENT,
        &schema::AFFECTED_JOB_ELEMENT,
    ];
    let mut wrong = Vec::new();
    for class in classes {
        let declared = Schema::builtin().class(class.name).unwrap();
        let objects = simulator.with_world(|world| instances(world, class, now, Language::English));
        assert!(!objects.is_empty(), "{} has no instance", class.name);
        for object in objects {
            for (name, content) in &object.properties {
                let found = match content {
                    Content::Null => None,
                    Content::Reference(_) => Some((CimType::Reference, false)),
                    Content::Value(value) => Some((value.cim_type(), matches!(value, Value::Array(..)))),
                };
                match declared.property(name) {
                    Some(known) if known.name.as_str() == *name => {
                        if found.is_some_and(|found| found != (known.cim_type, known.array)) {
                            wrong.push(format!("{}.{name} is no {:?}", class.name, known.cim_type));
                        }
                    }
                    _ => wrong.push(format!("{}.{name} is not declared", class.name)),
                }
            }
            for property in declared.properties_with_inherited() {
                let name = property.name.as_str();
                if object.property(name).is_none() {
                    wrong.push(format!("{}.{name} is missing", class.name));
                }
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert_eq!(wrong, [""; 0]);
}

/// Names of what a query finds, or their ids where they have none.
fn found(simulator: &Simulator, query: &str) -> Vec<String> {
    let body = format!(
        "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>500</w:MaxElements>\
         <w:Filter Dialect=\"{}\">{query}</w:Filter></n:Enumerate>",
        wql::DIALECT
    );
    let reply = answer(simulator, &Envelope::new(ENUMERATE, &format!("{V2}/*"), &[], &body));
    let document = Document::parse(reply.as_str()).unwrap();
    let payload = crate::soap::Envelope::of(&document).unwrap().payload().unwrap();
    let items = payload.child(crate::xml::ns::WSMAN, "Items");
    let name = |item: crate::xml::Element<'_>| {
        let text = |name: &str| item.child_here(name).map(|e| e.text().to_owned()).filter(|text| !text.is_empty());
        let id = text("InstanceID").or_else(|| text("ElementName")).or_else(|| text("SystemName"));
        id.unwrap_or_else(|| item.local().to_owned())
    };
    items.map(|items| items.children().map(name).collect()).unwrap_or_default()
}

#[test]
fn associations_lead_to_what_belongs_to_a_vm() {
    let (simulator, _) = host(FULL);
    let of = |vm: &str, association: &str, result: &str| {
        let id = vm_id(&simulator, vm);
        let keys = [("CreationClassName", "Msvm_ComputerSystem"), ("Name", id.as_str())];
        found(&simulator, &wql::associators("Msvm_ComputerSystem", &keys, association, result))
    };
    let id = vm_id(&simulator, "extended");
    let both = vec![format!("Microsoft:{id}\\HVR\\0"), format!("Microsoft:{id}\\HVR\\1")];
    assert_eq!(of("extended", "Msvm_SystemReplicationRelationship", "Msvm_ReplicationRelationship"), both);
    assert_eq!(of("extended", "Msvm_SettingsDefineState", "Msvm_ReplicationSettingData"), both);
    assert_eq!(
        of("extended", "Msvm_SettingsDefineState", "Msvm_VirtualSystemSettingData"),
        [format!("Microsoft:{id}")]
    );
    let plain = format!(
        "ASSOCIATORS OF {{Msvm_ComputerSystem.CreationClassName='Msvm_ComputerSystem',Name='{id}'}} \
         WHERE ResultClass = Msvm_ReplicationSettingData"
    );
    assert_eq!(found(&simulator, &plain), both, "as samples do, without the association");
    let test = of("app-db-01", "Msvm_ReplicaSystemDependency", "Msvm_ComputerSystem");
    assert_eq!(test, ["rehearsed - Test"]);
    assert_eq!(of("rehearsed - Test", "Msvm_ReplicaSystemDependency", "Msvm_ComputerSystem"), ["app-db-01"]);
    assert_eq!(of("test-01", "Msvm_ReplicaSystemDependency", "Msvm_ComputerSystem"), [""; 0], "made by hand");
    assert_eq!(of("on", "Msvm_SystemDevice", "Msvm_ShutdownComponent"), ["Shutdown"]);
    assert_eq!(of("app-db-01", "Msvm_SystemDevice", "Msvm_ShutdownComponent"), [""; 0], "it is off");

    let settings = format!("Microsoft:{id}");
    let parts = |result: &str| {
        let keys = [("InstanceID", settings.as_str())];
        let association = "Msvm_VirtualSystemSettingDataComponent";
        found(&simulator, &wql::associators("Msvm_VirtualSystemSettingData", &keys, association, result))
    };
    let ports = parts("Msvm_SyntheticEthernetPortSettingData");
    assert_eq!((ports.len(), parts("Msvm_EthernetPortAllocationSettingData").len()), (2, 2));
    for port in &ports {
        assert!(port.starts_with(&format!("Microsoft:{id}\\")), "{port}");
        let keys = [("InstanceID", port.as_str())];
        let association = "Msvm_EthernetPortFailoverSettingDataComponent";
        let result = "Msvm_FailoverNetworkAdapterSettingData";
        let of_port =
            found(&simulator, &wql::associators("Msvm_SyntheticEthernetPortSettingData", &keys, association, result));
        assert_eq!(of_port, [port.replace("Microsoft:", "Microsoft:FailoverNetworkSetting\\")]);
    }
}

#[test]
fn both_ends_of_a_relation_name_the_same_hosts() {
    let (pair, _) = pair("");
    let settings = |simulator: &Simulator, name: &str| {
        let id = format!("Microsoft:{}\\HVR\\0", vm_id(simulator, "app-db-01"));
        let get = Envelope::get(&format!("{V2}/Msvm_ReplicationSettingData"), &[("InstanceID", &id)]);
        value(&answer(simulator, &get), name).unwrap()
    };
    for (name, expected) in [
        ("PrimaryHostSystem", "hvpr01.simulated.test"),
        ("PrimaryConnectionPoint", "hvpr01.simulated.test"),
        ("RecoveryHostSystem", "hvdr01.simulated.test"),
        ("RecoveryConnectionPoint", "hvdr01.simulated.test"),
        ("VirtualSystemType", "Microsoft:Hyper-V:Replica"),
        ("AuthenticationType", "1"),
        ("RecoveryServerPortNumber", "80"),
    ] {
        assert_eq!(settings(&pair.primary, name), expected, "{name}");
        assert_eq!(settings(&pair.replica, name), expected, "{name}");
    }
}

/// The host of a cluster has the resources of all nodes, and its own VMs only.
#[test]
fn a_cluster_says_which_node_owns_a_vm() {
    let (simulator, _) =
        host("[cluster]\nbroker = \"HVBROKER\"\nowners = { \"app-db-01\" = \"HVDR02\", \"slow-01\" = \"HVDR01\" }");
    assert!(simulator.with_world(|world| world.vm("app-db-01").is_none() && world.vm("slow-01").is_some()));
    let cluster = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/MSCluster";
    let resource = |name: &str| Envelope::get(&format!("{cluster}/MSCluster_Resource"), &[("Name", name)]);
    let reply = answer(&simulator, &resource("Virtual Machine app-db-01"));
    for (name, expected) in [("Type", "Virtual Machine"), ("OwnerNode", "HVDR02"), ("OwnerGroup", "app-db-01")] {
        assert_eq!(value(&reply, name).as_deref(), Some(expected), "{reply}");
    }
    assert!(reply.contains("<p:PrivateProperties xsi:nil=\"true\"/>"), "{reply}");
    let body = format!(
        "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>50</w:MaxElements><w:Filter Dialect=\"{}\">\
         SELECT * FROM MSCluster_Resource WHERE Type = 'Virtual Machine'</w:Filter></n:Enumerate>",
        wql::DIALECT
    );
    let all = answer(&simulator, &Envelope::new(ENUMERATE, &format!("{cluster}/*"), &[], &body));
    assert_eq!(all.matches("</p:MSCluster_Resource>").count(), 2, "{all}");
    let id = format!("Microsoft:{}\\HVR\\0", vm_id(&simulator, "slow-01"));
    let settings = Envelope::get(&format!("{V2}/Msvm_ReplicationSettingData"), &[("InstanceID", &id)]);
    let point = value(&answer(&simulator, &settings), "RecoveryConnectionPoint");
    assert_eq!(point.as_deref(), Some("hvbroker.simulated.test"));
    let (alone, _) = host("");
    assert_eq!(refusal(&alone, &resource("Virtual Machine app-db-01")).1, "Sender DestinationUnreachable");
}

#[test]
fn a_host_of_2012_has_neither_relations_nor_newer_methods() {
    let (simulator, _) = host("version = \"2012\"");
    let id = vm_id(&simulator, "app-db-01");
    let gone = (500, "Sender DestinationUnreachable".to_owned(), Some(2_150_858_752));
    for (class, id) in [
        ("Msvm_ReplicationRelationship", format!("Microsoft:{id}\\HVR\\0")),
        ("Msvm_ReplicationSettingData", format!("Microsoft:{id}\\HVR\\0")),
    ] {
        assert_eq!(refusal(&simulator, &Envelope::get(&format!("{V2}/{class}"), &[("InstanceID", &id)])), gone);
    }
    let settings =
        Envelope::get(&format!("{V2}/Msvm_ReplicationSettingData"), &[("InstanceID", &format!("Microsoft:{id}\\HVR"))]);
    let reply = answer(&simulator, &settings);
    assert!(!reply.contains("ReplicationInterval"), "it came later: {reply}");
    let query = "<n:Enumerate><w:OptimizeEnumeration/><w:Filter Dialect=\"http://schemas.microsoft.com/wbem/wsman/1/WQL\">\
                 SELECT * FROM Msvm_ReplicationRelationship</w:Filter></n:Enumerate>";
    let query = Envelope::new(ENUMERATE, &format!("{V2}/*"), &[], query);
    assert_eq!(refusal(&simulator, &query).1, "Sender CannotProcessFilter");

    let state = "<p:RequestedState>7</p:RequestedState>";
    let keys = [("CreationClassName", "Msvm_ComputerSystem"), ("Name", id.as_str())];
    let change = |method: &str| call("Msvm_ComputerSystem", &keys, method, state);
    let newer = refusal(&simulator, &change("RequestReplicationStateChangeEx"));
    assert_eq!(newer, (500, "Sender ActionNotSupported".to_owned(), Some(2_150_858_771)));
    let of_service = [("CreationClassName", "Msvm_ReplicationService")];
    let statistics =
        |method: &str| call("Msvm_ReplicationService", &of_service, method, &computer(&simulator, "app-db-01"));
    assert_eq!(refusal(&simulator, &statistics("GetReplicationStatisticsEx")).1, "Sender ActionNotSupported");
    assert_eq!(returned(&simulator, &statistics("GetReplicationStatistics")), "0");
    assert_eq!(returned(&simulator, &change("RequestReplicationStateChange")), "4096");
    assert_eq!(seen(&simulator, "app-db-01"), (2, 7, 3), "what is shown on the computer system");
    assert_eq!(fail_over(&simulator, "slow-01").0, "4096");
}
