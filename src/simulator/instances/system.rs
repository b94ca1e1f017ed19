//! The host, its VMs, its services, its operating system.

use crate::cim::Value;
use crate::simulator::object::Object;
use crate::simulator::schema::{self, Class};
use crate::simulator::text::{self, Language};
use crate::simulator::vm::Vm;

use super::View;
use super::values::{big, point_in_time, time};

impl View<'_> {
    /// The host's own entry: Name is the computer name, replication NULL (recorded).
    pub(super) fn host(&self) -> Object {
        self.system(self.text(text::HOSTING_SYSTEM), self.text(text::HOSTING_DESCRIPTION))
            .with("ElementName", self.world.computer.as_str())
            .with("Name", self.world.computer.as_str())
            .with_number("EnabledState", 2)
            .with_number("EnabledDefault", 2)
            .with_number("RequestedState", 12)
            .with_nulls(&["FailedOverReplicationType", "InstallDate", "LastApplicationConsistentReplicationTime"])
            .with_nulls(&["LastReplicationTime", "LastReplicationType", "LastSuccessfulBackupTime"])
            .with_nulls(&["NumberOfNumaNodes", "OnTimeInMilliseconds", "ProcessID", "ReplicationHealth"])
            .with_nulls(&["ReplicationMode", "ReplicationState", "TimeOfLastConfigurationChange"])
            .with_nulls(&["TimeOfLastStateChange", "EnhancedSessionModeState"])
    }

    pub(super) fn computer(&self, vm: &Vm) -> Object {
        let is_on = vm.enabled_state == 2;
        let up = self.now.saturating_sub(self.world.started).as_millis();
        let started = point_in_time(self.world.started);
        self.system(self.text(text::VIRTUAL_MACHINE), "Microsoft Virtual Machine (simulated)")
            .with("ElementName", vm.name.as_str())
            .with("Name", vm.id.as_str())
            .with_number("EnabledState", vm.enabled_state)
            .with_number("EnabledDefault", 3)
            .with_number("EnhancedSessionModeState", if is_on { 6 } else { 2 })
            .with_number("FailedOverReplicationType", vm.failed_over)
            .with("InstallDate", started.clone())
            .with("LastApplicationConsistentReplicationTime", time(vm.last_application_consistent()))
            .with("LastReplicationTime", time(vm.last_replication))
            .with_number("LastReplicationType", u16::from(vm.last_replication.is_some()))
            .with_nulls(&["LastSuccessfulBackupTime"])
            .with_number("NumberOfNumaNodes", 1)
            .with("OnTimeInMilliseconds", big(if is_on { u64::try_from(up).unwrap_or(0) } else { 0 }))
            .with_nulls(&["ProcessID"])
            .with_number("ReplicationHealth", vm.health)
            .with_number("ReplicationMode", vm.mode)
            .with_number("ReplicationState", vm.state)
            .with_number("RequestedState", if is_on { 2 } else { 5 })
            .with("TimeOfLastConfigurationChange", started.clone())
            .with("TimeOfLastStateChange", started)
    }

    /// What the host's entry and those of VMs share.
    fn system(&self, caption: &str, description: &str) -> Object {
        Object::new(&schema::COMPUTER_SYSTEM)
            .with("Caption", caption)
            .with("CreationClassName", "Msvm_ComputerSystem")
            .with("Description", description)
            .with_number("HealthState", 5)
            .with("OperationalStatus", Value::uint16s([2]))
            .with("Status", "OK")
            .with("StatusDescriptions", Value::texts([self.text(text::OPERATING_NORMALLY)]))
            .with_number("ResetCapability", 1)
            .with_number("HwThreadsPerCoreRealized", 0)
            .with_nulls(&["CommunicationStatus", "Dedicated", "DetailedStatus", "IdentifyingDescriptions"])
            .with_nulls(&["InstanceID", "NameFormat", "OperatingStatus", "OtherDedicatedDescriptions"])
            .with_nulls(&["OtherEnabledState", "OtherIdentifyingInfo", "PowerManagementCapabilities"])
            .with_nulls(&["PrimaryOwnerContact", "PrimaryOwnerName", "PrimaryStatus", "Roles"])
            .with_nulls(&["TransitioningToState"])
    }

    pub(super) fn replication_service(&self) -> Object {
        self.service(&schema::REPLICATION_SERVICE, "replicasvc")
            .with("Caption", self.text(text::REPLICA_SERVICE))
            .with("Description", self.text(text::REPLICATION_SERVICE))
            .with("ElementName", self.text(text::REPLICA_SERVICE))
    }

    pub(super) fn management_service(&self) -> Object {
        self.service(&schema::MANAGEMENT_SERVICE, "vmms")
            .with("Caption", self.text(text::MANAGEMENT_SERVICE))
            .with("Description", self.text(text::MANAGEMENT_DESCRIPTION))
            .with("ElementName", self.text(text::MANAGEMENT_SERVICE))
    }

    fn service(&self, class: &'static Class, name: &str) -> Object {
        Object::new(class)
            .with("CreationClassName", class.name)
            .with_number("EnabledDefault", 2)
            .with_number("EnabledState", 2)
            .with_number("HealthState", 5)
            .with("Name", name)
            .with("OperationalStatus", Value::uint16s([2]))
            .with_number("RequestedState", 12)
            .with("Started", true)
            .with("Status", "OK")
            .with("SystemCreationClassName", "Msvm_ComputerSystem")
            .with("SystemName", self.world.computer.as_str())
            .with_nulls(&["CommunicationStatus", "DetailedStatus", "InstallDate", "InstanceID", "OperatingStatus"])
            .with_nulls(&["OtherEnabledState", "PrimaryOwnerContact", "PrimaryOwnerName", "PrimaryStatus"])
            .with_nulls(&[
                "AvailableRequestedStates",
                "StartMode",
                "StatusDescriptions",
                "TimeOfLastStateChange",
                "TransitioningToState",
            ])
    }

    /// Of a VM that is on: the device is the guest's own.
    pub(super) fn shutdown_component(&self, vm: &Vm) -> Object {
        let id = crate::simulator::ids::guid_of(&format!("{} shutdown", vm.id));
        Object::new(&schema::SHUTDOWN_COMPONENT)
            .with("AdditionalAvailability", Value::uint16s([6]))
            .with_number("Availability", 6)
            .with("Caption", self.text(text::SHUTDOWN))
            .with("CreationClassName", "Msvm_ShutdownComponent")
            .with("Description", self.text(text::SHUTDOWN_DESCRIPTION))
            .with("DeviceID", format!("Microsoft:{}\\{id}", vm.id))
            .with("ElementName", self.text(text::SHUTDOWN))
            .with_number("EnabledDefault", 7)
            .with_number("EnabledState", if vm.guest.ready { 2 } else { 3 })
            .with_number("HealthState", 5)
            .with("Name", "Shutdown")
            .with("OperationalStatus", Value::uint16s([2]))
            .with_number("RequestedState", 12)
            .with("Status", "OK")
            .with("StatusDescriptions", Value::texts(["OK"]))
            .with("SystemCreationClassName", "Msvm_ComputerSystem")
            .with("SystemName", vm.id.as_str())
            .with_nulls(&["AvailableRequestedStates", "CommunicationStatus", "DetailedStatus", "ErrorCleared"])
            .with_nulls(&["ErrorDescription", "IdentifyingDescriptions", "InstallDate", "InstanceID"])
            .with_nulls(&["LastErrorCode", "MaxQuiesceTime", "OperatingStatus", "OtherEnabledState"])
            .with_nulls(&["OtherIdentifyingInfo", "PowerManagementCapabilities", "PowerManagementSupported"])
            .with_nulls(&["PowerOnHours", "PrimaryStatus", "StatusInfo", "TimeOfLastStateChange"])
            .with_nulls(&["TotalPowerOnHours", "TransitioningToState"])
    }

    pub(super) fn operating_system(&self) -> Object {
        let version = self.world.version.number();
        let build = version.rsplit('.').next().unwrap_or("");
        let name = format!("Microsoft Windows Server {} Standard (simulated)", self.world.version.year());
        Object::new(&schema::OPERATING_SYSTEM)
            .with("BuildNumber", build)
            .with("Caption", name.as_str())
            .with("CreationClassName", "Win32_OperatingSystem")
            .with("CSCreationClassName", "Win32_ComputerSystem")
            .with("CSName", self.world.computer.as_str())
            .with("LastBootUpTime", point_in_time(self.world.started))
            .with("LocalDateTime", point_in_time(self.now))
            .with("Locale", if self.language == Language::Japanese { "0411" } else { "0409" })
            .with("Name", format!("{name}|C:\\Windows|"))
            .with("NumberOfUsers", Value::uint32(1))
            .with("OSArchitecture", "64-bit")
            .with("Primary", true)
            .with("Status", "OK")
            .with("TotalVisibleMemorySize", big(67_108_864))
            .with("Version", version)
            .with_nulls(&["InstallDate", "OtherTypeDescription"])
    }
}
