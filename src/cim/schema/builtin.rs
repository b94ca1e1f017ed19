//! The MOF files that come with the crate.

use std::sync::LazyLock;

use super::Schema;

macro_rules! mof {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../schemas/cim/", $name, ".mof")))
    };
}

/// Name and text of every file in `schemas/cim`, each behind all it derives from, refers to or embeds, and WMI's own
/// classes in one.
pub(super) const FILES: &[(&str, &str)] = &[
    mof!("qualifiers"),
    mof!("CIM_ManagedElement"),
    mof!("CIM_ManagedSystemElement"),
    mof!("CIM_LogicalElement"),
    mof!("CIM_Job"),
    mof!("CIM_Error"),
    mof!("CIM_ConcreteJob"),
    mof!("CIM_EnabledLogicalElement"),
    mof!("CIM_System"),
    mof!("CIM_ComputerSystem"),
    mof!("CIM_Service"),
    mof!("CIM_LogicalDevice"),
    mof!("CIM_SettingData"),
    mof!("CIM_VirtualSystemSettingData"),
    mof!("CIM_ResourceAllocationSettingData"),
    mof!("CIM_EthernetPortAllocationSettingData"),
    mof!("CIM_Dependency"),
    mof!("CIM_Component"),
    mof!("CIM_AffectedJobElement"),
    mof!("CIM_SnapshotOfVirtualSystem"),
    mof!("CIM_View"),
    mof!("CIM_VirtualSystemManagementService"),
    mof!("Msvm_Error"),
    mof!("Msvm_ConcreteJob"),
    mof!("Msvm_ReplicationRelationship"),
    mof!("Msvm_ComputerSystem"),
    mof!("Msvm_VirtualSystemSettingData"),
    mof!("Msvm_ReplicationSettingData"),
    mof!("Msvm_ReplicationServiceSettingData"),
    mof!("Msvm_ReplicationAuthorizationSettingData"),
    mof!("Msvm_ReplicationStatistics"),
    mof!("Msvm_ReplicationProvider"),
    mof!("Msvm_FailoverNetworkAdapterSettingData"),
    mof!("Msvm_SyntheticEthernetPortSettingData"),
    mof!("Msvm_EthernetPortAllocationSettingData"),
    mof!("Msvm_SnapshotOfVirtualSystem"),
    mof!("Msvm_SystemReplicationRelationship"),
    mof!("Msvm_ReplicaSystemDependency"),
    mof!("Msvm_AffectedJobElement"),
    mof!("Msvm_EthernetPortFailoverSettingDataComponent"),
    mof!("Msvm_VirtualSystemSettingDataComponent"),
    mof!("Msvm_VirtualEthernetSwitch"),
    mof!("Msvm_ReplicationService"),
    mof!("Msvm_SummaryInformationBase"),
    mof!("Msvm_SummaryInformation"),
    mof!("Msvm_VirtualSystemManagementService"),
    mof!("Msvm_ShutdownComponent"),
    mof!("MSFT_WmiError"),
    mof!("MSCluster_Resource"),
    mof!("Win32_OperatingSystem"),
    (SYSTEM, include_str!("../../../schemas/wmi/system.mof")),
];

/// The file of the classes that WMI makes in every namespace, and that no MOF file declares.
pub(super) const SYSTEM: &str = "system";

/// Where a file stands in the source tree.
pub(super) fn path(name: &str) -> String {
    let directory = if name == SYSTEM { "wmi" } else { "cim" };
    format!("schemas/{directory}/{name}.mof")
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::of_files(FILES));

pub(super) fn schema() -> &'static Schema {
    &SCHEMA
}
