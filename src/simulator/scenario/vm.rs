//! Virtual machines as a scenario sets them up.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::job::JobScript;
use super::time::{Ago, duration, word_or_duration};

/// A VM at start.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct VmSetup {
    /// ElementName.
    pub name: String,
    /// GUID; none derives one from the name.
    #[serde(default)]
    pub id: Option<String>,
    /// EnabledState.
    #[serde(default = "three")]
    pub enabled: u16,
    /// ReplicationMode.
    #[serde(default = "two")]
    pub mode: u16,
    /// ReplicationState.
    #[serde(default = "three")]
    pub state: u16,
    /// ReplicationHealth.
    #[serde(default = "one")]
    pub health: u16,
    /// FailedOverReplicationType.
    #[serde(default)]
    pub failed_over: u16,
    /// How long ago the last replication was.
    #[serde(default)]
    pub last_replication: Ago,
    /// Recovery points.
    #[serde(default)]
    pub points: Vec<PointSetup>,
    /// How its jobs go.
    #[serde(default)]
    pub job: JobScript,
    /// Its extended relation: the replication on to a third host.
    #[serde(default)]
    pub extended: Option<ExtendedSetup>,
    /// The name of the replica that this test VM was made of.
    #[serde(default)]
    pub test_of: Option<String>,
    /// AuthenticationType of its relation: 1 Kerberos, 2 certificate.
    #[serde(default = "one")]
    pub authentication: u16,
    /// How many network adapters it has.
    #[serde(default = "one")]
    pub adapters: u16,
    /// What its guest does when it is asked to shut down.
    #[serde(default)]
    pub guest: GuestSetup,
    /// What GetReplicationStatistics tells.
    #[serde(default)]
    pub statistics: StatisticsSetup,
}

impl VmSetup {
    /// A replica that is ready to fail over and has no recovery points but the latest.
    pub fn ready(name: impl Into<String>) -> Self {
        VmSetup {
            name: name.into(),
            id: None,
            enabled: 3,
            mode: 2,
            state: 3,
            health: 1,
            failed_over: 0,
            last_replication: Ago::default(),
            points: Vec::new(),
            job: JobScript::default(),
            extended: None,
            test_of: None,
            authentication: 1,
            adapters: 1,
            guest: GuestSetup::default(),
            statistics: StatisticsSetup::default(),
        }
    }

    /// A primary that runs and replicates.
    pub fn primary(name: impl Into<String>) -> Self {
        VmSetup { enabled: 2, mode: 1, ..VmSetup::ready(name) }
    }

    /// What the primary host has where this replica is.
    pub(in crate::simulator) fn counterpart(&self) -> VmSetup {
        VmSetup {
            id: self.id.clone(),
            last_replication: self.last_replication,
            authentication: self.authentication,
            adapters: self.adapters,
            ..VmSetup::primary(&self.name)
        }
    }
}

/// A recovery point at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PointSetup {
    /// Its type.
    pub kind: PointKind,
    /// How long ago it was taken.
    #[serde(deserialize_with = "duration")]
    pub age: Duration,
}

impl PointSetup {
    pub(in crate::simulator) fn new(kind: PointKind, age: Duration) -> PointSetup {
        PointSetup { kind, age }
    }
}

/// The three types of recovery points (`VirtualSystemType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PointKind {
    /// `…:Replica:Standard`
    Standard,
    /// `…:Replica:ApplicationConsistent`
    Application,
    /// `…:Replica:PlannedFailover`
    Planned,
}

/// The extended relation of a VM at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ExtendedSetup {
    /// ReplicationState.
    #[serde(default = "three")]
    pub state: u16,
    /// ReplicationHealth.
    #[serde(default = "one")]
    pub health: u16,
}

/// What the guest does when it is asked to shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct GuestSetup {
    /// How it takes the request.
    pub shutdown: Shutdown,
    /// Whether its shutdown component answers; otherwise the request is refused with 32780.
    pub ready: bool,
    /// Whether its screen is locked: then only a forced shutdown is taken.
    pub locked: bool,
}

impl Default for GuestSetup {
    fn default() -> Self {
        GuestSetup { shutdown: Shutdown::After(Duration::ZERO), ready: true, locked: false }
    }
}

/// How a guest takes the request to shut down: `"20s"`, or `"ignored"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// It is off after this time.
    After(Duration),
    /// The request is taken, and nothing happens.
    Ignored,
}

impl<'de> Deserialize<'de> for Shutdown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(word_or_duration(deserializer, "ignored")?.map_or(Shutdown::Ignored, Shutdown::After))
    }
}

/// What GetReplicationStatistics tells.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct StatisticsSetup {
    /// The span of time that the numbers are of, up to now.
    #[serde(deserialize_with = "duration")]
    pub window: Duration,
    /// ReplicationSuccessCount.
    pub successes: u32,
    /// ReplicationSize, bytes.
    pub size: u64,
    /// MaxReplicationSize, bytes.
    pub max_size: u64,
    /// ReplicationLatency, the sum in seconds.
    pub latency: u32,
    /// MaxReplicationLatency, seconds.
    pub max_latency: u32,
    /// ReplicationMissCount.
    pub misses: u32,
    /// NetworkFailureCount.
    pub network_failures: u32,
    /// ReplicationFailureCount.
    pub failures: u32,
    /// ApplicationConsistentSnapshotFailureCount.
    pub snapshot_failures: u32,
    /// PendingReplicationSize, bytes.
    pub pending: u64,
    /// LastTestFailoverTime.
    pub last_test: Ago,
    /// What is said about its health, one Msvm_Error each.
    pub issues: Vec<String>,
}

impl Default for StatisticsSetup {
    fn default() -> Self {
        StatisticsSetup {
            window: Duration::from_secs(3600),
            successes: 12,
            size: 50_331_648,
            max_size: 8_388_608,
            latency: 60,
            max_latency: 9,
            misses: 0,
            network_failures: 0,
            failures: 0,
            snapshot_failures: 0,
            pending: 0,
            last_test: Ago::Never,
            issues: Vec::new(),
        }
    }
}

fn one() -> u16 {
    1
}

fn two() -> u16 {
    2
}

fn three() -> u16 {
    3
}
