//! The table of classes.
//!
//! Names, keys and parameters: Microsoft's public pages, as in `schemas/cim`; MSCluster_Resource from its own page.

use super::{CIMV2, Class, Input, MSCLUSTER, Method, V2};

const fn method(
    name: &'static str,
    inputs: &'static [(&'static str, Input)],
    outputs: &'static [&'static str],
) -> Method {
    Method { name, inputs, outputs, is_newer: false }
}

const fn newer(
    name: &'static str,
    inputs: &'static [(&'static str, Input)],
    outputs: &'static [&'static str],
) -> Method {
    Method { name, inputs, outputs, is_newer: true }
}

const SYSTEM: (&str, Input) = ("ComputerSystem", Input::Reference);
const POINT: (&str, Input) = ("SnapshotSettingData", Input::Reference);
const STATE: (&str, Input) = ("RequestedState", Input::Number);
const TIMEOUT: (&str, Input) = ("TimeoutPeriod", Input::Datetime);
const RELATION: (&str, Input) = ("ReplicationRelationship", Input::Embedded("Msvm_ReplicationRelationship"));
const JOB_ONLY: &[&str] = &["Job"];
const STATISTICS: &[&str] = &["Job", "ReplicationHealthIssues", "ReplicationStatistics"];

const SYSTEM_METHODS: &[Method] = &[
    method("RequestStateChange", &[STATE, TIMEOUT], JOB_ONLY),
    method("RequestReplicationStateChange", &[STATE, TIMEOUT], JOB_ONLY),
    newer("RequestReplicationStateChangeEx", &[RELATION, STATE, TIMEOUT], JOB_ONLY),
];

const REPLICATION_METHODS: &[Method] = &[
    method("InitiateFailover", &[SYSTEM, POINT], JOB_ONLY),
    method("CommitFailover", &[SYSTEM], JOB_ONLY),
    method("RevertFailover", &[SYSTEM], JOB_ONLY),
    method("TestReplicaSystem", &[SYSTEM, POINT], &["Job", "ResultingSystem"]),
    method(
        "ReverseReplicationRelationship",
        &[SYSTEM, ("ReplicationSettingData", Input::Embedded("Msvm_ReplicationSettingData"))],
        JOB_ONLY,
    ),
    method(
        "StartReplication",
        &[
            SYSTEM,
            ("InitialReplicationType", Input::Number),
            ("InitialReplicationExportLocation", Input::Text),
            ("StartTime", Input::Datetime),
        ],
        JOB_ONLY,
    ),
    method(
        "SetFailoverNetworkAdapterSettings",
        &[SYSTEM, ("NetworkSettings", Input::EmbeddedList("Msvm_FailoverNetworkAdapterSettingData"))],
        JOB_ONLY,
    ),
    method("GetReplicationStatistics", &[SYSTEM], STATISTICS),
    newer("GetReplicationStatisticsEx", &[SYSTEM, RELATION], STATISTICS),
];

const MANAGEMENT_METHODS: &[Method] = &[
    method("DestroySystem", &[("AffectedSystem", Input::Reference)], JOB_ONLY),
    method(
        "ModifyResourceSettings",
        &[("ResourceSettings", Input::EmbeddedList("CIM_ResourceAllocationSettingData"))],
        &["Job", "ResultingResourceSettings"],
    ),
];

const JOB_METHODS: &[Method] = &[
    method("GetError", &[], &["Error"]),
    method("GetErrorEx", &[], &["Errors"]),
    method("RequestStateChange", &[STATE, TIMEOUT], &[]),
];

const SHUTDOWN_METHODS: &[Method] =
    &[method("InitiateShutdown", &[("Force", Input::Flag), ("Reason", Input::Text)], &[])];

macro_rules! classes {
    ($($id:ident = $class:expr;)*) => {
        $(pub(in crate::simulator) static $id: Class = $class;)*
        pub(super) static CLASSES: &[&Class] = &[$(&$id),*];
    };
}

/// A class of the Hyper-V namespace without methods.
const fn plain(name: &'static str, keys: &'static [&'static str], superclasses: &'static [&'static str]) -> Class {
    Class {
        name,
        namespace: V2,
        keys,
        superclasses,
        singleton: false,
        is_association: false,
        is_newer: false,
        methods: &[],
    }
}

const fn association(name: &'static str, keys: &'static [&'static str], superclass: &'static [&'static str]) -> Class {
    Class { is_association: true, ..plain(name, keys, superclass) }
}

const SERVICE_KEYS: &[&str] = &["CreationClassName", "Name", "SystemCreationClassName", "SystemName"];
const SYSTEM_KEYS: &[&str] = &["CreationClassName", "Name"];
const ID: &[&str] = &["InstanceID"];
const ENDS: &[&str] = &["Antecedent", "Dependent"];
const PARTS: &[&str] = &["GroupComponent", "PartComponent"];
const DEPENDENCY: &[&str] = &["CIM_Dependency"];
const SETTINGS_OF_SYSTEM: &[&str] = &["CIM_VirtualSystemSettingData", "CIM_SettingData"];
const SETTINGS_OF_PORT: &[&str] =
    &["CIM_EthernetPortAllocationSettingData", "CIM_ResourceAllocationSettingData", "CIM_SettingData"];
const SYSTEM_BASES: &[&str] = &["CIM_ComputerSystem", "CIM_System", "CIM_ManagedElement"];

classes! {
    COMPUTER_SYSTEM = Class { methods: SYSTEM_METHODS, ..plain("Msvm_ComputerSystem", SYSTEM_KEYS, SYSTEM_BASES) };
    VIRTUAL_SWITCH = plain("Msvm_VirtualEthernetSwitch", SYSTEM_KEYS, SYSTEM_BASES);
    REPLICATION_SERVICE =
        Class { methods: REPLICATION_METHODS, ..plain("Msvm_ReplicationService", SERVICE_KEYS, &["CIM_Service"]) };
    MANAGEMENT_SERVICE = Class {
        methods: MANAGEMENT_METHODS,
        ..plain(
            "Msvm_VirtualSystemManagementService",
            SERVICE_KEYS,
            &["CIM_VirtualSystemManagementService", "CIM_Service"],
        )
    };
    SHUTDOWN_COMPONENT = Class {
        methods: SHUTDOWN_METHODS,
        ..plain(
            "Msvm_ShutdownComponent",
            &["CreationClassName", "DeviceID", "SystemCreationClassName", "SystemName"],
            &["CIM_LogicalDevice"],
        )
    };
    SERVICE_SETTINGS = plain("Msvm_ReplicationServiceSettingData", ID, &["CIM_SettingData"]);
    RELATIONSHIP =
        Class { is_newer: true, ..plain("Msvm_ReplicationRelationship", ID, &["CIM_ManagedSystemElement"]) };
    REPLICATION_SETTINGS = plain("Msvm_ReplicationSettingData", ID, SETTINGS_OF_SYSTEM);
    SETTINGS = plain("Msvm_VirtualSystemSettingData", ID, SETTINGS_OF_SYSTEM);
    PORT_SETTINGS = plain("Msvm_SyntheticEthernetPortSettingData", ID, SETTINGS_OF_PORT);
    CONNECTION_SETTINGS = plain("Msvm_EthernetPortAllocationSettingData", ID, SETTINGS_OF_PORT);
    FAILOVER_ADDRESSES = plain("Msvm_FailoverNetworkAdapterSettingData", ID, &["CIM_SettingData"]);
    JOB = Class { methods: JOB_METHODS, ..plain("Msvm_ConcreteJob", ID, &["CIM_ConcreteJob", "CIM_Job"]) };
    SNAPSHOT_OF_SYSTEM = association("Msvm_SnapshotOfVirtualSystem", ENDS, DEPENDENCY);
    SETTINGS_DEFINE_STATE =
        association("Msvm_SettingsDefineState", &["ManagedElement", "SettingData"], &["CIM_SettingsDefineState"]);
    SYSTEM_RELATIONSHIP =
        Class { is_newer: true, ..association("Msvm_SystemReplicationRelationship", ENDS, DEPENDENCY) };
    REPLICA_DEPENDENCY = association("Msvm_ReplicaSystemDependency", ENDS, DEPENDENCY);
    SETTINGS_COMPONENT = association("Msvm_VirtualSystemSettingDataComponent", PARTS, &["CIM_Component"]);
    FAILOVER_COMPONENT = association("Msvm_EthernetPortFailoverSettingDataComponent", PARTS, &["CIM_Component"]);
    SYSTEM_DEVICE =
        association("Msvm_SystemDevice", PARTS, &["CIM_SystemDevice", "CIM_SystemComponent", "CIM_Component"]);
    AFFECTED_JOB_ELEMENT =
        association("Msvm_AffectedJobElement", &["AffectedElement", "AffectingElement"], &["CIM_AffectedJobElement"]);
    OPERATING_SYSTEM = Class {
        namespace: CIMV2,
        singleton: true,
        ..plain("Win32_OperatingSystem", &["Name"], &["CIM_OperatingSystem"])
    };
    DEMO_NOTE = Class { namespace: CIMV2, ..plain("Demo_Note", &["Id"], &[]) };
    DEMO_ITEM = Class { namespace: CIMV2, ..plain("Demo_Item", &["Id"], &[]) };
    CLUSTER_RESOURCE = Class {
        namespace: MSCLUSTER,
        ..plain("MSCluster_Resource", &["Name"], &["MSCluster_LogicalElement", "CIM_LogicalElement"])
    };
}
