//! The world as instances of classes.
//!
//! Property names and types: documented pages of each class; which are NULL and which hold a constant:
//! recorded for Msvm_ComputerSystem and a sibling of Msvm_ConcreteJob, inferred for the rest.

use std::time::Duration;

use crate::cim::{CimType, Datetime, Interval, Value};

use super::job::{Job, KEPT};
use super::object::{Object, Path};
use super::scenario::PointKind;
use super::schema::{self, Class};
use super::text::{self, Language};
use super::world::{RecoveryPoint, Vm, World, guid_of};

/// All instances of a class but `Demo_Item`, which is made page by page.
pub(super) fn instances(world: &World, class: &Class, now: Duration, language: Language) -> Vec<Object> {
    let view = View { world, now, language };
    let vms = || world.vms.iter();
    let points = || vms().flat_map(|vm| vm.points.iter().map(move |point| (vm, point)));
    let sorted = |objects: Vec<Object>| objects.into_iter().map(Object::sorted).collect();
    sorted(match class.name {
        "Msvm_ComputerSystem" => std::iter::once(view.host()).chain(vms().map(|vm| view.computer(vm))).collect(),
        "Msvm_ReplicationService" => vec![view.service()],
        "Msvm_ReplicationServiceSettingData" => vec![view.service_settings()],
        "Msvm_ReplicationRelationship" => replicated(world).map(|vm| view.relationship(vm)).collect(),
        "Msvm_VirtualSystemSettingData" => {
            let realized = vms().map(|vm| view.realized(vm));
            realized.chain(points().map(|(vm, point)| view.point(vm, point))).collect()
        }
        "Msvm_ConcreteJob" => world.visible_jobs(now).map(|job| view.job(job)).collect(),
        "Msvm_SnapshotOfVirtualSystem" => points()
            .map(|(vm, point)| {
                link(&schema::SNAPSHOT_OF_SYSTEM, "Antecedent", "Dependent", vm, settings_path(&point.instance_id()))
            })
            .collect(),
        "Msvm_SettingsDefineState" => vms()
            .map(|vm| {
                let settings = settings_path(&format!("Microsoft:{}", vm.id));
                link(&schema::SETTINGS_DEFINE_STATE, "ManagedElement", "SettingData", vm, settings)
            })
            .collect(),
        "Msvm_SystemReplicationRelationship" => replicated(world)
            .map(|vm| {
                let relation = Path::new("Msvm_ReplicationRelationship", &[("InstanceID", &vm.relationship_id())]);
                link(&schema::SYSTEM_RELATIONSHIP, "Antecedent", "Dependent", vm, relation)
            })
            .collect(),
        "Msvm_AffectedJobElement" => world.visible_jobs(now).filter_map(|job| view.affected(job)).collect(),
        "Demo_Note" => world.notes.objects(),
        "Win32_OperatingSystem" => vec![view.operating_system()],
        _ => Vec::new(),
    })
}

/// One of the many small instances of `Demo_Item`: 25 properties of most types.
pub(super) fn demo_item(number: u64, started: Duration) -> Object {
    let small = |modulus: u64| number.checked_rem(modulus).and_then(|rest| u16::try_from(rest).ok()).unwrap_or(0);
    let text = |what: &str| Value::text(format!("{what} of item {number}"));
    let unsigned = |cim_type, value| Value::Unsigned(cim_type, value);
    Object::new(&schema::DEMO_ITEM)
        .with("Address", text("Address"))
        .with("Caption", text("Caption"))
        .with("Checked", number.is_multiple_of(2))
        .with("Colour", ["red", "green", "blue"].get(usize::from(small(3))).copied().unwrap_or("red"))
        .with("Created", point_in_time(started.saturating_sub(Duration::from_secs(number))))
        .with("Delta", Value::Signed(CimType::Sint32, i64::from(small(2000)) - 1000))
        .with("Description", text("A longer description, with <markup> & quotes \"so\","))
        .with("Enabled", !number.is_multiple_of(3))
        .with("Flags", Value::uint16s([1, 2, small(16)]))
        .with("Group", Value::text(format!("group-{}", small(100))))
        .with("HealthState", Value::uint16(5))
        .with("Id", Value::text(format!("item-{number:09}")))
        .with("Index", unsigned(CimType::Uint64, number))
        .with("Kind", Value::uint16(small(7)))
        .with("Level", unsigned(CimType::Uint8, u64::from(small(10))))
        .with("Limit", unsigned(CimType::Uint32, number.min(u64::from(u32::MAX))))
        .with("Name", text("Name"))
        .with("Names", Value::texts([format!("n{number}"), format!("m{number}")]))
        .with_nulls(&["Note"])
        .with("Owner", "SIM\\owner")
        .with("Path", Value::text(format!("C:\\demo\\{number}")))
        .with("Serial", Value::text(guid_of(&number.to_string())))
        .with("Size", unsigned(CimType::Uint64, number.saturating_mul(4096)))
        .with("Status", "OK")
        .with("Uptime", interval(Duration::from_millis(number)))
}

/// The VMs that have a replication relation.
fn replicated(world: &World) -> impl Iterator<Item = &Vm> {
    world.vms.iter().filter(|vm| matches!(vm.mode, 1 | 2 | 4))
}

struct View<'a> {
    world: &'a World,
    now: Duration,
    language: Language,
}

impl View<'_> {
    fn text(&self, text: text::Text) -> &'static str {
        text.of(self.language)
    }

    /// The host's own entry: Name is the computer name, replication NULL (recorded).
    fn host(&self) -> Object {
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

    fn computer(&self, vm: &Vm) -> Object {
        let is_on = vm.enabled_state == 2;
        let up = self.now.saturating_sub(self.world.started).as_millis();
        let started = point_in_time(self.world.started);
        self.system(self.text(text::VIRTUAL_MACHINE), "Microsoft Virtual Machine")
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

    fn service(&self) -> Object {
        Object::new(&schema::REPLICATION_SERVICE)
            .with("Caption", self.text(text::REPLICA_SERVICE))
            .with("CreationClassName", "Msvm_ReplicationService")
            .with("Description", self.text(text::REPLICATION_SERVICE))
            .with("ElementName", self.text(text::REPLICA_SERVICE))
            .with_number("EnabledDefault", 2)
            .with_number("EnabledState", 2)
            .with_number("HealthState", 5)
            .with("Name", "replicasvc")
            .with("OperationalStatus", Value::uint16s([2]))
            .with_number("RequestedState", 12)
            .with("Started", true)
            .with("Status", "OK")
            .with("SystemCreationClassName", "Msvm_ComputerSystem")
            .with("SystemName", self.world.computer.as_str())
            .with_nulls(&["CommunicationStatus", "DetailedStatus", "InstallDate", "InstanceID", "OperatingStatus"])
            .with_nulls(&["OtherEnabledState", "PrimaryOwnerContact", "PrimaryOwnerName", "PrimaryStatus"])
            .with_nulls(&["StartMode", "StatusDescriptions", "TimeOfLastStateChange", "TransitioningToState"])
    }

    fn service_settings(&self) -> Object {
        let id = format!("Microsoft:{}\\HVR", self.world.computer);
        Object::new(&schema::SERVICE_SETTINGS)
            .with_number("AllowedAuthenticationType", 1)
            .with("CertificateThumbPrint", "")
            .with("ElementName", "Hyper-V Replica")
            .with_number("HttpPort", 80)
            .with_number("HttpsPort", 443)
            .with("InstanceID", id)
            .with("MonitoringInterval", Value::uint32(43_200))
            .with("MonitoringStartTime", point_in_time(self.world.started))
            .with("RecoveryServerEnabled", true)
            .with_nulls(&["Caption", "Description"])
    }

    fn relationship(&self, vm: &Vm) -> Object {
        Object::new(&schema::RELATIONSHIP)
            .with_number("FailedOverReplicationType", vm.failed_over)
            .with("InstanceID", vm.relationship_id())
            .with("LastApplicationConsistentReplicationTime", time(vm.last_application_consistent()))
            .with("LastApplyTime", time(vm.last_replication))
            .with("LastReplicationTime", time(vm.last_replication))
            .with_number("LastReplicationType", u16::from(vm.last_replication.is_some()))
            .with_number("ReplicationHealth", vm.health)
            .with_number("ReplicationState", vm.state)
            .with_nulls(&["Caption", "CommunicationStatus", "Description", "DetailedStatus", "ElementName"])
            .with_nulls(&["HealthState", "InstallDate", "Name", "OperatingStatus", "OperationalStatus"])
            .with_nulls(&["PrimaryStatus", "Status", "StatusDescriptions"])
    }

    fn realized(&self, vm: &Vm) -> Object {
        let id = format!("Microsoft:{}", vm.id);
        settings(vm, id, "Microsoft:Hyper-V:System:Realized", &vm.name, self.world.started)
    }

    fn point(&self, vm: &Vm, point: &RecoveryPoint) -> Object {
        let (kind, name) = match point.kind {
            PointKind::Standard => ("Microsoft:Hyper-V:Snapshot:Replica:Standard", text::STANDARD_POINT),
            PointKind::Application => ("Microsoft:Hyper-V:Snapshot:Replica:ApplicationConsistent", text::APP_POINT),
            PointKind::Planned => ("Microsoft:Hyper-V:Snapshot:Replica:PlannedFailover", text::PLANNED_POINT),
        };
        let name = format!("{} - ({})", self.text(name), point_in_time(point.created));
        settings(vm, point.instance_id(), kind, &name, point.created)
    }

    fn job(&self, job: &Job) -> Object {
        let progress = job.progress(self.now);
        let failed = progress.error != 0;
        let status = match (progress.is_final, failed) {
            (false, _) => Value::uint16s([2]),
            (true, false) => Value::uint16s([17, 2]),
            (true, true) => Value::uint16s([17, 6]),
        };
        let described = |text| if failed { self.text(text) } else { "" };
        let object = Object::new(&schema::JOB)
            .with("Cancellable", false)
            .with("Caption", self.text(text::CONCRETE_JOB))
            .with("DeleteOnCompletion", false)
            .with("Description", self.text(text::CONCRETE_JOB))
            .with("ElapsedTime", interval(progress.elapsed))
            .with("ElementName", self.text(text::CONCRETE_JOB))
            .with_number("ErrorCode", progress.error)
            .with("ErrorDescription", described(text::ERROR_DETAIL))
            .with("ErrorSummaryDescription", described(text::ERROR_SUMMARY))
            .with_number("HealthState", if failed { 20 } else { 5 })
            .with("InstallDate", Value::from(crate::cim::CimDatetime::from(Datetime::NEVER)))
            .with("InstanceID", job.id.as_str())
            .with_number("JobState", progress.state)
            .with("JobStatus", self.text(progress.status))
            .with_number("JobType", job.kind)
            .with_number("LocalOrUtcTime", 2)
            .with("Name", "Msvm_ConcreteJob")
            .with("OperationalStatus", status)
            .with("Owner", format!("{}\\SYSTEM", self.world.computer))
            .with("StartTime", point_in_time(job.started))
            .with("Status", "OK")
            .with("TimeBeforeRemoval", interval(KEPT))
            .with("TimeOfLastStateChange", point_in_time(job.started.saturating_add(progress.elapsed)))
            .with("TimeSubmitted", point_in_time(job.started))
            .with_nulls(&["CommunicationStatus", "DetailedStatus", "JobRunTimes", "Notify", "OperatingStatus"])
            .with_nulls(&["OtherRecoveryAction", "Parent", "PrimaryStatus", "Priority", "RecoveryAction"])
            .with_nulls(&["RunDay", "RunDayOfWeek", "RunMonth", "RunStartInterval", "ScheduledStartTime"])
            .with_nulls(&["StatusDescriptions", "UntilTime"]);
        match progress.percent {
            Some(percent) => object.with_number("PercentComplete", percent),
            None => object.with_nulls(&["PercentComplete"]),
        }
    }

    /// Job and VM; ElementEffects 0 (recorded).
    fn affected(&self, job: &Job) -> Option<Object> {
        let vm = self.world.vms.iter().find(|vm| vm.id == job.vm)?;
        let job = Path::new("Msvm_ConcreteJob", &[("InstanceID", &job.id)]);
        let object = link(&schema::AFFECTED_JOB_ELEMENT, "AffectedElement", "AffectingElement", vm, job);
        Some(
            object
                .with("ElementEffects", Value::uint16s([0]))
                .with("OtherElementEffectsDescriptions", Value::texts([""])),
        )
    }

    fn operating_system(&self) -> Object {
        let name = "Microsoft Windows Server 2022 Standard (simulated)";
        Object::new(&schema::OPERATING_SYSTEM)
            .with("BuildNumber", "20348")
            .with("Caption", name)
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
            .with("Version", "10.0.20348")
            .with_nulls(&["InstallDate", "OtherTypeDescription"])
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

fn link(class: &'static Class, first: &'static str, second: &'static str, vm: &Vm, other: Path) -> Object {
    Object::new(class).with_reference(first, computer_path(vm)).with_reference(second, other)
}

fn computer_path(vm: &Vm) -> Path {
    Path::new("Msvm_ComputerSystem", &[("CreationClassName", "Msvm_ComputerSystem"), ("Name", &vm.id)])
}

fn settings_path(instance_id: &str) -> Path {
    Path::new("Msvm_VirtualSystemSettingData", &[("InstanceID", instance_id)])
}

/// A time since 1970; "never" is 1601 (recorded for VMs).
fn time(time: Option<Duration>) -> Value {
    time.map_or_else(|| Value::from(crate::cim::CimDatetime::from(Datetime::NEVER)), point_in_time)
}

/// At most six digits of a second, as recorded.
fn point_in_time(time: Duration) -> Value {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(0);
    let point = Datetime::from_unix(seconds, time.subsec_micros().saturating_mul(1000)).unwrap_or(Datetime::NEVER);
    Value::from(crate::cim::CimDatetime::from(point))
}

fn interval(length: Duration) -> Value {
    let micros = Duration::new(length.as_secs(), length.subsec_micros().saturating_mul(1000));
    let interval = Interval::try_from(micros).unwrap_or(Interval::ZERO);
    Value::from(crate::cim::CimDatetime::from(interval))
}

fn big(number: u64) -> Value {
    Value::Unsigned(CimType::Uint64, number)
}
