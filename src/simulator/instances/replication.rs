//! Relations, their settings, recovery points.

use std::time::Duration;

use crate::cim::{CimDatetime, Interval, Value};
use crate::simulator::object::Object;
use crate::simulator::scenario::{HostVersion, PointKind};
use crate::simulator::schema;
use crate::simulator::text;
use crate::simulator::vm::{RecoveryPoint, Vm};
use crate::simulator::world::full_name;

use super::View;
use super::values::{point_in_time, time};

impl View<'_> {
    pub(super) fn service_settings(&self) -> Object {
        let id = format!("Microsoft:{}\\HVR", self.world.computer);
        // A host without a relation over certificates has none set.
        let has_certificate = self.world.vms.iter().any(|vm| vm.authentication == 2);
        let thumbprint = if has_certificate { self.world.here.thumbprint() } else { String::new() };
        Object::new(&schema::SERVICE_SETTINGS)
            .with_number("AllowedAuthenticationType", if has_certificate { 3 } else { 1 })
            .with("CertificateThumbPrint", thumbprint)
            .with("ElementName", "Hyper-V Replica")
            .with_number("HttpPort", 80)
            .with_number("HttpsPort", 443)
            .with("InstanceID", id)
            .with("MonitoringInterval", Value::uint32(43_200))
            .with("MonitoringStartTime", point_in_time(self.world.started))
            .with("RecoveryServerEnabled", self.world.is_recovery_server)
            .with_nulls(&["Caption", "Description"])
    }

    /// The primary relation of a VM, and the extended one where there is one.
    pub(super) fn relationships(&self, vm: &Vm) -> Vec<Object> {
        let primary = vm.is_replicated().then(|| {
            self.relationship(vm, vm.relationship_id(), vm.state, vm.health)
                .with_number("FailedOverReplicationType", vm.failed_over)
        });
        let extended = vm.extended.map(|extended| {
            self.relationship(vm, vm.extended_id(), extended.state, extended.health)
                .with_number("FailedOverReplicationType", 0)
        });
        primary.into_iter().chain(extended).collect()
    }

    fn relationship(&self, vm: &Vm, id: String, state: u16, health: u16) -> Object {
        Object::new(&schema::RELATIONSHIP)
            .with("InstanceID", id)
            .with("LastApplicationConsistentReplicationTime", time(vm.last_application_consistent()))
            .with("LastApplyTime", time(vm.last_replication))
            .with("LastReplicationTime", time(vm.last_replication))
            .with_number("LastReplicationType", u16::from(vm.last_replication.is_some()))
            .with_number("ReplicationHealth", health)
            .with_number("ReplicationState", state)
            .with_nulls(&["Caption", "CommunicationStatus", "Description", "DetailedStatus", "ElementName"])
            .with_nulls(&["HealthState", "InstallDate", "Name", "OperatingStatus", "OperationalStatus"])
            .with_nulls(&["PrimaryStatus", "Status", "StatusDescriptions"])
    }

    /// The settings of each relation of a VM.
    pub(super) fn replication_settings(&self, vm: &Vm) -> Vec<Object> {
        let (here, there) = (&self.world.here, &self.world.there);
        let primary = vm.is_replicated().then(|| {
            let (from, to) = if vm.mode == 1 { (here, there) } else { (there, here) };
            self.settings_of_relation(vm, 0, [&from.host, &from.point, &to.host, &to.point], &from.thumbprint())
        });
        // Where an extended relation leads is neither of the two hosts.
        let extended = vm.extended.map(|_| {
            let third = full_name("HVEX01");
            self.settings_of_relation(vm, 1, [&here.host, &here.point, &third, &third], &here.thumbprint())
        });
        primary.into_iter().chain(extended).collect()
    }

    /// The thumbprint is that of the sending host (inferred, not asked).
    fn settings_of_relation(&self, vm: &Vm, relation: u8, names: [&String; 4], thumbprint: &str) -> Object {
        let is_old = self.world.version == HostVersion::V2012;
        let [primary, primary_point, recovery, recovery_point] = names.map(String::as_str);
        let has_certificate = vm.authentication == 2;
        let hours = |hours: u64, minutes: u64| {
            let time = Duration::from_secs(hours * 3600 + minutes * 60);
            Value::from(CimDatetime::from(Interval::try_from(time).unwrap_or(Interval::ZERO)))
        };
        let id = match is_old {
            true => format!("Microsoft:{}\\HVR", vm.id),
            false => format!("Microsoft:{}\\HVR\\{relation}", vm.id),
        };
        let object = Object::new(&schema::REPLICATION_SETTINGS)
            .with_number("ApplicationConsistentSnapshotInterval", 1)
            .with_number("AuthenticationType", vm.authentication)
            .with("AutoResynchronizeEnabled", false)
            .with("AutoResynchronizeIntervalEnd", hours(6, 0))
            .with("AutoResynchronizeIntervalStart", hours(18, 30))
            .with("BypassProxyServer", false)
            .with("Caption", self.text(text::REPLICATION_SETTINGS))
            .with("CertificateThumbPrint", if has_certificate { thumbprint } else { "" })
            .with("CompressionEnabled", true)
            .with("CreationTime", point_in_time(self.world.started))
            .with("Description", self.text(text::REPLICATION_SETTINGS_DESCRIPTION))
            .with("ElementName", vm.name.as_str())
            .with("EnableWriteOrderPreservationAcrossDisks", true)
            .with("InstanceID", id)
            .with("PrimaryConnectionPoint", primary_point)
            .with("PrimaryHostSystem", primary)
            .with("RecoveryConnectionPoint", recovery_point)
            .with_number("RecoveryHistory", 4)
            .with("RecoveryHostSystem", recovery)
            .with_number("RecoveryServerPortNumber", if has_certificate { 443 } else { 80 })
            .with("ReplicateHostKvpItems", true)
            .with("RootCertificateThumbPrint", "")
            .with("VirtualSystemIdentifier", vm.id.as_str())
            .with("VirtualSystemType", "Microsoft:Hyper-V:Replica")
            .with_nulls(&["AutomaticRecoveryAction", "AutomaticShutdownAction", "AutomaticStartupAction"])
            .with_nulls(&[
                "AutomaticStartupActionDelay",
                "AutomaticStartupActionSequenceNumber",
                "ConfigurationDataRoot",
            ])
            .with_nulls(&["ConfigurationFile", "ConfigurationID", "IncludedDisks", "LogDataRoot", "Notes"])
            .with_nulls(&["RecoveryFile", "SnapshotDataRoot", "SuspendDataRoot", "SwapFileDataRoot"]);
        match is_old {
            true => object,
            false => object
                .with_number("ReplicationInterval", 300)
                .with("ReplicationProvider", "")
                .with_nulls(&["AdditionalSettings"]),
        }
    }

    pub(super) fn realized(&self, vm: &Vm) -> Object {
        let id = format!("Microsoft:{}", vm.id);
        settings(vm, id, "Microsoft:Hyper-V:System:Realized", &vm.name, self.world.started)
    }

    pub(super) fn point(&self, vm: &Vm, point: &RecoveryPoint) -> Object {
        let (kind, name) = match point.kind {
            PointKind::Standard => ("Microsoft:Hyper-V:Snapshot:Replica:Standard", text::STANDARD_POINT),
            PointKind::Application => ("Microsoft:Hyper-V:Snapshot:Replica:ApplicationConsistent", text::APP_POINT),
            PointKind::Planned => ("Microsoft:Hyper-V:Snapshot:Replica:PlannedFailover", text::PLANNED_POINT),
        };
        let name = format!("{} - ({})", self.text(name), point_in_time(point.created));
        settings(vm, point.instance_id(), kind, &name, point.created)
    }
}

/// The Msvm_VirtualSystemSettingData of a VM or of one of its points.
fn settings(vm: &Vm, id: String, kind: &str, name: &str, created: Duration) -> Object {
    Object::new(&schema::SETTINGS)
        .with("ConfigurationDataRoot", "C:\\ProgramData\\Microsoft\\Windows\\Hyper-V")
        .with("ConfigurationFile", format!("Virtual Machines\\{}.vmcx", vm.id))
        .with("ConfigurationID", vm.id.as_str())
        .with("CreationTime", point_in_time(created))
        .with("ElementName", name)
        .with("InstanceID", id)
        .with("IsSaved", false)
        .with("Notes", Value::texts([""]))
        .with("Version", "10.0")
        .with("VirtualNumaEnabled", true)
        .with("VirtualSystemIdentifier", vm.id.as_str())
        .with("VirtualSystemSubType", "Microsoft:Hyper-V:SubType:2")
        .with("VirtualSystemType", kind)
        .with_nulls(&["Caption", "Description", "Parent", "RecoveryFile", "SuspendDataRoot", "SwapFileDataRoot"])
}
