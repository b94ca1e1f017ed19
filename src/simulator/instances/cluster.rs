//! The resources of a failover cluster (`root/MSCluster`). Names of the resources of a VM: Microsoft's own, from its
//! documents on clustered VMs; their values inferred (not asked).

use crate::cim::{CimType, Value};
use crate::simulator::ids::guid_of;
use crate::simulator::object::Object;
use crate::simulator::scenario::ClusterSetup;
use crate::simulator::schema;

/// A VM is two resources in one group; the broker is one of its own.
pub(super) fn resources(cluster: &ClusterSetup, here: &str) -> Vec<Object> {
    let of_vms = cluster.owners.iter().flat_map(|(vm, node)| {
        ["Virtual Machine", "Virtual Machine Configuration"]
            .map(|kind| resource(&format!("{kind} {vm}"), kind, vm, node))
    });
    let broker = cluster.broker.iter().map(|broker| {
        let kind = "Virtual Machine Replication Broker";
        resource(kind, kind, broker, here)
    });
    of_vms.chain(broker).collect()
}

fn resource(name: &str, kind: &str, group: &str, node: &str) -> Object {
    let number = |number| Value::uint32(number);
    let none = || Value::Unsigned(CimType::Uint64, 0);
    Object::new(&schema::CLUSTER_RESOURCE)
        .with("Caption", name)
        .with("Characteristics", number(0))
        .with("CoreResource", false)
        .with("DeadlockTimeout", number(300_000))
        .with("DeleteRequiresAllNodes", false)
        .with("Description", "")
        .with("EmbeddedFailureAction", number(2))
        .with("Flags", number(0))
        .with("Id", guid_of(&format!("resource {name}")).to_lowercase())
        .with("IsAlivePollInterval", number(u32::MAX))
        .with("IsClusterSharedVolume", false)
        .with("LastOperationStatusCode", none())
        .with("LocalQuorumCapable", false)
        .with("LooksAlivePollInterval", number(u32::MAX))
        .with("MonitorProcessId", number(4200))
        .with("Name", name)
        .with("OwnerGroup", group)
        .with("OwnerNode", node)
        .with("PendingTimeout", number(600_000))
        .with("PersistentState", true)
        .with("QuorumCapable", false)
        .with("ResourceClass", number(0))
        .with("ResourceSpecificData1", none())
        .with("ResourceSpecificData2", none())
        .with("ResourceSpecificStatus", "")
        .with("RestartAction", number(2))
        .with("RestartDelay", number(500))
        .with("RestartPeriod", number(900_000))
        .with("RestartThreshold", number(1))
        .with("RetryPeriodOnFailure", number(3_600_000))
        .with("SeparateMonitor", false)
        .with("State", number(2))
        .with("Status", "OK")
        .with("StatusInformation", none())
        .with("Subclass", number(0))
        .with("Type", kind)
        .with_nulls(&["CryptoCheckpoints", "InstallDate", "InternalState", "PrivateProperties"])
        .with_nulls(&["RegistryCheckpoints", "RequiredDependencyClasses", "RequiredDependencyTypes"])
}
