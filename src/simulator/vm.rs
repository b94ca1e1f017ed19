//! Virtual machines of the simulated host, their recovery points and adapters.

use std::time::Duration;

use super::ids::guid_of;
use super::scenario::{ExtendedSetup, GuestSetup, JobScript, PointKind, StatisticsSetup, VmSetup};

/// A virtual machine.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Vm {
    /// GUID in upper case: `Name` of its Msvm_ComputerSystem.
    pub id: String,
    /// ElementName.
    pub name: String,
    /// EnabledState: 2 running, 3 off, 4 shutting down, 10 starting.
    pub enabled_state: u16,
    /// ReplicationMode.
    pub mode: u16,
    /// ReplicationState.
    pub state: u16,
    /// ReplicationHealth.
    pub health: u16,
    /// FailedOverReplicationType.
    pub failed_over: u16,
    /// Time since 1970 of the last replication; none is "never".
    pub last_replication: Option<Duration>,
    /// Recovery points, newest first.
    pub points: Vec<RecoveryPoint>,
    /// State of the extended relation, if there is one.
    pub extended: Option<ExtendedSetup>,
    /// GUID of the replica that this test VM was made of.
    pub test_of: Option<String>,
    /// AuthenticationType of its relation.
    pub authentication: u16,
    /// What its guest does when it is asked to shut down.
    pub guest: GuestSetup,
    /// Its network adapters.
    pub adapters: Vec<Adapter>,
    /// Of a prepared primary: the recovery point that was made for it on the replica.
    pub(super) prepared_point: Option<String>,
    /// Time of the last test failover.
    pub(super) last_test: Option<Duration>,
    pub(super) statistics: StatisticsSetup,
    pub(super) job: JobScript,
}

/// A recovery point.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RecoveryPoint {
    /// GUID; InstanceID is `Microsoft:<id>`.
    pub id: String,
    /// Its type.
    pub kind: PointKind,
    /// When it was taken, since 1970.
    pub created: Duration,
}

impl RecoveryPoint {
    /// InstanceID of its Msvm_VirtualSystemSettingData.
    pub fn instance_id(&self) -> String {
        format!("Microsoft:{}", self.id)
    }
}

/// A network adapter and its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Adapter {
    /// InstanceID of its Msvm_SyntheticEthernetPortSettingData: `Microsoft:<VM>\<GUID>`.
    pub id: String,
    /// The switch it is connected to.
    pub switch: Option<String>,
    /// TestReplicaSwitchName: the switch that a test VM gets.
    pub test_switch: Option<String>,
    /// What the guest is set to after a failover.
    pub failover: FailoverAddresses,
}

impl Adapter {
    fn new(vm: &str, place: u16, switch: Option<String>) -> Adapter {
        let guid = guid_of(&format!("{vm} adapter {place}"));
        let id = format!("Microsoft:{vm}\\{guid}");
        Adapter { id, switch, test_switch: None, failover: FailoverAddresses::default() }
    }

    /// InstanceID of its Msvm_EthernetPortAllocationSettingData (form seen in clients of real hosts).
    pub(super) fn connection_id(&self) -> String {
        format!("{}\\C", self.id)
    }

    /// InstanceID of its Msvm_FailoverNetworkAdapterSettingData. Inferred (E20): the page says NULL, which could not tell two
    /// adapters apart; the sibling class of the guest's present settings has this form with `GuestNetwork`.
    pub(super) fn failover_id(&self) -> String {
        self.id.replacen("Microsoft:", "Microsoft:FailoverNetworkSetting\\", 1)
    }
}

/// Msvm_FailoverNetworkAdapterSettingData.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailoverAddresses {
    /// ProtocolIFType: 4096 IPv4, 4097 IPv6, 4098 both; 0 before anything was set.
    pub protocol: u16,
    /// DHCPEnabled.
    pub dhcp: bool,
    /// IPAddresses.
    pub addresses: Vec<String>,
    /// Subnets, one for each address.
    pub subnets: Vec<String>,
    /// DefaultGateways.
    pub gateways: Vec<String>,
    /// DNSServers.
    pub dns: Vec<String>,
}

impl Vm {
    pub(super) fn new(setup: &VmSetup, switch: Option<&String>, now: Duration) -> Vm {
        let id = setup.id.as_ref().map_or_else(|| guid_of(&setup.name), |id| id.to_uppercase());
        let mut points: Vec<_> = setup
            .points
            .iter()
            .enumerate()
            .map(|(place, point)| RecoveryPoint {
                id: guid_of(&format!("{} point {place}", setup.name)),
                kind: point.kind,
                created: now.saturating_sub(point.age),
            })
            .collect();
        points.sort_by_key(|point| std::cmp::Reverse(point.created));
        Vm {
            name: setup.name.clone(),
            enabled_state: setup.enabled,
            mode: setup.mode,
            state: setup.state,
            health: setup.health,
            failed_over: setup.failed_over,
            last_replication: setup.last_replication.before(now),
            points,
            extended: setup.extended,
            test_of: None,
            authentication: setup.authentication,
            guest: setup.guest,
            adapters: (0..setup.adapters).map(|place| Adapter::new(&id, place, switch.cloned())).collect(),
            prepared_point: None,
            last_test: setup.statistics.last_test.before(now),
            statistics: setup.statistics.clone(),
            job: setup.job.clone(),
            id,
        }
    }

    /// The test VM of this replica: off, connected where its adapters say.
    pub(super) fn rehearsal(&self, id: &str) -> Vm {
        let adapters = (0..).zip(&self.adapters).map(|(place, adapter)| {
            // A connection without a switch stays open (inferred, not asked).
            Adapter::new(id, place, adapter.test_switch.clone())
        });
        Vm {
            id: id.to_owned(),
            name: format!("{} - Test", self.name),
            enabled_state: 3,
            mode: 3,
            state: 0,
            health: 0,
            failed_over: 0,
            last_replication: None,
            points: Vec::new(),
            extended: None,
            test_of: Some(self.id.clone()),
            authentication: self.authentication,
            guest: self.guest,
            adapters: adapters.collect(),
            prepared_point: None,
            last_test: None,
            statistics: StatisticsSetup::default(),
            job: self.job.clone(),
        }
    }

    /// InstanceID of its primary relation (Msvm_ReplicationRelationship).
    pub fn relationship_id(&self) -> String {
        format!("Microsoft:{}\\HVR\\0", self.id)
    }

    /// InstanceID of its extended relation.
    pub fn extended_id(&self) -> String {
        format!("Microsoft:{}\\HVR\\1", self.id)
    }

    /// Whether it has a replication relation.
    pub(super) fn is_replicated(&self) -> bool {
        matches!(self.mode, 1 | 2 | 4)
    }

    /// Whether it receives changes from another host.
    pub(super) fn is_replica(&self) -> bool {
        matches!(self.mode, 2 | 4)
    }

    /// The time of its newest application-consistent point.
    pub(super) fn last_application_consistent(&self) -> Option<Duration> {
        self.points.iter().filter(|point| point.kind == PointKind::Application).map(|point| point.created).max()
    }

    pub(super) fn is(&self, name_or_id: &str) -> bool {
        self.name == name_or_id || self.has_id(name_or_id)
    }

    pub(super) fn has_id(&self, id: &str) -> bool {
        self.id.eq_ignore_ascii_case(id)
    }
}
