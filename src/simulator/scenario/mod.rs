//! Scenario files: the state the simulated host starts in, and what goes wrong.
//!
//! A scenario is TOML. Every part may be left out; an unknown key is an error. Times are texts such as
//! `"250ms"`, `"40s"`, `"5m"`, `"2h"`, `"3d"`.
//!
//! ```toml
//! dialect = "windows"            # or "other": DMTF class URIs, no WQL, no http.sys
//! language = "en-US"             # or "ja-JP": language of the host's texts
//! computer = "HVDR01"            # name of the host
//! demo_items = 1000              # instances of Demo_Item in root/cimv2
//! reply_padding = 0              # blanks after every reply, to rehearse large ones
//! all_service_keys = false       # demand all four keys of Msvm_ReplicationService
//! max_enumerations = 1500        # open enumerations of the user
//! enumeration_timeout = "60s"    # idle time of an enumeration
//! default_vms = true             # whether the VMs of the default world are there besides `vms`
//! seed = 7                       # ids that repeat from run to run; without it they are random
//! version = "2022"               # or "2012": no relationship class, no …Ex methods
//! switches = ["Production", "Isolated"]   # virtual switches; VMs are connected to the first
//! recovery_server = true         # whether the host takes replicas from others
//! initial_replication = "0s"     # how long an initial replication takes once it is started
//!
//! [account]                      # who may log in
//! user = "operator"
//! domain = ""                    # a local account
//! password = "…"                 # left out: made at start
//!
//! [http]
//! basic = false                  # Basic over TLS
//! channel_binding = "relaxed"    # or "none", "strict"
//! chunked = false                # replies in chunks
//! close = false                  # Connection: close on every reply
//!
//! [job]                          # every job, unless a VM or a fault says otherwise; see `JobScript`
//! duration = "0s"
//! cancellable = false            # whether RequestStateChange(4) ends it before its time
//!
//! [cluster]                      # the host is a node of a cluster; without it there is no root/MSCluster
//! broker = "HVBROKER"            # access point of the Replica Broker: the connection point of relations
//! owners = { "app-db-01" = "HVDR02" }   # which node owns which VM; one of another node is not on this host
//!
//! [[vms]]
//! name = "app-db-02"
//! mode = 2                       # ReplicationMode
//! state = 3                      # ReplicationState
//! health = 1                     # ReplicationHealth
//! enabled = 3                    # EnabledState
//! failed_over = 0                # FailedOverReplicationType
//! last_replication = "5m"        # so long ago, or "never"
//! points = [{ kind = "standard", age = "1h" }, { kind = "application", age = "2h" }, { kind = "planned", age = "3h" }]
//! job = { duration = "40s", error = 32768 }
//! extended = { state = 3, health = 1 }   # its extended relation
//! test_of = "app-db-01"          # with mode = 3: the replica that this test VM was made of
//! authentication = 1             # AuthenticationType of its relation; 2: certificates
//! adapters = 1                   # network adapters
//! guest = { shutdown = "20s", ready = true, locked = false }   # shutdown = "ignored": taken, and nothing happens
//! statistics = { pending = 1048576, last_test = "9d", issues = ["…"] }   # see `StatisticsSetup`
//!
//! [primary]                      # the other host of a pair; what is left out is as on the replica host
//! computer = "HVPR01"
//! version = "2022"               # and language, switches, cluster, recovery_server
//! job = { duration = "3s" }
//! vms = [{ name = "app-db-01" }] # with mode 1, running; with none given, one for each VM of the replica host of mode 2
//! faults = [{ on = "RequestReplicationStateChangeEx", cut = "after" }]
//!
//! [[faults]]                     # see `Fault`
//! on = "InitiateFailover"
//! cut = "after"
//! ```

mod job;
mod site;
mod time;
mod vm;

use std::time::Duration;

use serde::Deserialize;

use super::defaults::default_vms;
use super::faults::Fault;
use super::text::Language;

pub use job::JobScript;
pub use site::{ClusterSetup, HostVersion, PrimarySetup};
pub use time::Ago;
pub(super) use time::duration;
pub use vm::{ExtendedSetup, GuestSetup, PointKind, PointSetup, Shutdown, StatisticsSetup, VmSetup};

/// Everything that decides how a simulated host behaves.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Scenario {
    /// Which kind of server.
    pub dialect: Dialect,
    /// The language of texts.
    pub language: Language,
    /// Computer name of the host, NetBIOS form.
    pub computer: String,
    /// Who may log in.
    pub account: AccountSetup,
    /// What the HTTP listener does.
    pub http: HttpSetup,
    /// How jobs go unless a VM or a fault says otherwise.
    pub job: JobScript,
    /// Whether the VMs of the default world are there.
    pub default_vms: bool,
    /// Further VMs; one with the name of a default VM replaces it.
    pub vms: Vec<VmSetup>,
    /// What goes wrong, and when.
    pub faults: Vec<Fault>,
    /// Instances of `Demo_Item`.
    pub demo_items: u64,
    /// Blanks after every reply.
    pub reply_padding: u32,
    /// Whether the replication service is found only by all four keys.
    pub all_service_keys: bool,
    /// Open enumerations allowed.
    pub max_enumerations: u32,
    /// Idle time after which an enumeration is gone.
    #[serde(deserialize_with = "duration")]
    pub enumeration_timeout: Duration,
    /// Seed of ids; none makes them random.
    pub seed: Option<u64>,
    /// Which Windows Server it is.
    pub version: HostVersion,
    /// Virtual switches; the adapters of VMs are connected to the first.
    pub switches: Vec<String>,
    /// Whether the host takes replicas from others (RecoveryServerEnabled); without it, Reverse to it fails.
    pub recovery_server: bool,
    /// How long an initial replication takes once it is started.
    #[serde(deserialize_with = "duration")]
    pub initial_replication: Duration,
    /// The cluster that the host is a node of.
    pub cluster: Option<ClusterSetup>,
    /// The primary host, of a pair.
    pub primary: Option<PrimarySetup>,
}

impl Default for Scenario {
    fn default() -> Self {
        Scenario {
            dialect: Dialect::default(),
            language: Language::default(),
            computer: "HVDR01".to_owned(),
            account: AccountSetup::default(),
            http: HttpSetup::default(),
            job: JobScript::default(),
            default_vms: true,
            vms: Vec::new(),
            faults: Vec::new(),
            demo_items: 1000,
            reply_padding: 0,
            all_service_keys: false,
            max_enumerations: 1500,
            enumeration_timeout: Duration::from_secs(60),
            seed: None,
            version: HostVersion::default(),
            switches: vec!["Production".to_owned(), "Isolated".to_owned()],
            recovery_server: true,
            initial_replication: Duration::ZERO,
            cluster: None,
            primary: None,
        }
    }
}

/// Why a scenario file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// Not TOML, an unknown key, or a value of the wrong kind; the message names line and column.
    #[error("the scenario cannot be read: {0}")]
    Toml(String),
    /// The parts do not fit together.
    #[error("the scenario cannot be used: {0}")]
    Content(String),
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// [`ScenarioError`] naming the place or the entry that is wrong.
    pub fn from_toml(text: &str) -> Result<Scenario, ScenarioError> {
        // The message is of one line and quotes no other: one may be of any length.
        let scenario: Scenario = toml::from_str(text).map_err(|error| {
            let above = error.span().and_then(|span| text.get(..span.start));
            let line = above.map_or_else(String::new, |above| format!("line {}: ", above.matches('\n').count() + 1));
            let message: String = error.message().chars().take(1000).collect();
            ScenarioError::Toml(format!("{line}{}", message.replace('\n', ", ")))
        })?;
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), ScenarioError> {
        let fail = |text: String| Err(ScenarioError::Content(text));
        if self.account.user.is_empty() {
            return fail("account.user is empty".to_owned());
        }
        let primary = self.primary.is_some().then(|| self.of_primary());
        for host in std::iter::once(self).chain(&primary) {
            host.check_host().or_else(fail)?;
        }
        match &primary {
            Some(primary) if primary.computer.eq_ignore_ascii_case(&self.computer) => {
                fail(format!("both hosts of the pair are named {:?}", self.computer))
            }
            _ => Ok(()),
        }
    }

    fn check_host(&self) -> Result<(), String> {
        let is_name_character = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let is_netbios = |name: &str| (1..=15).contains(&name.len()) && name.chars().all(is_name_character);
        let names = self.cluster.iter().flat_map(|cluster| cluster.broker.iter().chain(cluster.owners.values()));
        for name in std::iter::once(&self.computer).chain(names) {
            if !is_netbios(name) {
                return Err(format!("computer {name:?} is no NetBIOS name (1 to 15 letters, digits, hyphens)"));
            }
        }
        if let Some(name) = self.switches.iter().find(|name| !is_display_name(name)) {
            return Err(format!("the switch name {name:?} is empty, too long, or has control characters"));
        }
        self.vms.iter().try_for_each(|vm| self.check_vm(vm))
    }

    fn check_vm(&self, vm: &VmSetup) -> Result<(), String> {
        if !is_display_name(&vm.name) {
            return Err(format!("the VM name {:?} is empty, too long, or has control characters", vm.name));
        }
        if vm.id.as_ref().is_some_and(|id| uuid::Uuid::parse_str(id).is_err()) {
            return Err(format!("the id of VM {:?} is no GUID", vm.name));
        }
        if vm.extended.is_some() && self.version == HostVersion::V2012 {
            return Err(format!("VM {:?} has an extended relation, which came after 2012", vm.name));
        }
        if vm.test_of.is_some() && vm.mode != 3 {
            return Err(format!("VM {:?} has test_of, so its mode must be 3", vm.name));
        }
        if !matches!(vm.authentication, 1 | 2) || vm.adapters > 8 {
            return Err(format!("VM {:?}: authentication is 1 or 2, adapters are 0 to 8", vm.name));
        }
        Ok(())
    }

    /// The VMs that are on this host: those of the default world, those given, without those of other nodes.
    pub(super) fn all_vms(&self) -> Vec<VmSetup> {
        let replaced = |name: &str| self.vms.iter().any(|vm| vm.name == name);
        let defaults = if self.default_vms { default_vms() } else { Vec::new() };
        let is_here = |vm: &VmSetup| {
            let owner = self.cluster.as_ref().and_then(|cluster| cluster.owners.get(&vm.name));
            owner.is_none_or(|node| node.eq_ignore_ascii_case(&self.computer))
        };
        let all = defaults.into_iter().filter(|vm| !replaced(&vm.name)).chain(self.vms.iter().cloned());
        all.filter(is_here).collect()
    }

    /// The other host of a pair: as it is set up, or one that differs in name.
    pub(super) fn other_host(&self) -> PrimarySetup {
        let mut other = self.primary.clone().unwrap_or_default();
        if self.primary.is_none() && other.computer.eq_ignore_ascii_case(&self.computer) {
            other.computer = "HVPR02".to_owned();
        }
        other
    }

    /// The scenario of the other host of a pair.
    pub(super) fn of_primary(&self) -> Scenario {
        let primary = self.other_host();
        let replicas = self.all_vms();
        let mut vms = primary.vms;
        if vms.is_empty() {
            vms = replicas.iter().filter(|vm| vm.mode == 2).map(VmSetup::counterpart).collect();
        }
        for vm in vms.iter_mut().filter(|vm| vm.id.is_none()) {
            vm.id = replicas.iter().find(|replica| replica.name == vm.name).and_then(|replica| replica.id.clone());
        }
        Scenario {
            computer: primary.computer,
            language: primary.language.unwrap_or(self.language),
            version: primary.version.unwrap_or(self.version),
            recovery_server: primary.recovery_server,
            switches: primary.switches.unwrap_or_else(|| self.switches.clone()),
            cluster: primary.cluster,
            job: primary.job.unwrap_or_else(|| self.job.clone()),
            faults: primary.faults,
            default_vms: false,
            vms,
            // Ids of both hosts repeat from run to run, and differ.
            seed: self.seed.map(|seed| !seed),
            primary: None,
            ..self.clone()
        }
    }
}

fn is_display_name(name: &str) -> bool {
    (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

/// Which kind of server the simulator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// WinRM behind http.sys.
    #[default]
    Windows,
    /// What other WS-Man servers do: DMTF class URIs with `__cimnamespace`, no WQL, booleans in capitals, no
    /// Microsoft fault details, no body together with a login token.
    Other,
}

/// The account of the simulated host.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AccountSetup {
    /// User name.
    pub user: String,
    /// Domain; empty for a local account.
    pub domain: String,
    /// Password; none has one made at start.
    pub password: Option<String>,
}

impl Default for AccountSetup {
    fn default() -> Self {
        AccountSetup { user: "operator".to_owned(), domain: String::new(), password: None }
    }
}

/// Habits of the HTTP listener.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct HttpSetup {
    /// Offer and take Basic, over TLS only.
    pub basic: bool,
    /// What is demanded of a login's channel binding over TLS.
    pub channel_binding: ChannelBindingLevel,
    /// Send replies in chunks.
    pub chunked: bool,
    /// Close the connection after every reply.
    pub close: bool,
}

/// `CbtHardeningLevel` (MS-WSMV 2.2.4.34).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelBindingLevel {
    /// Take whatever comes.
    None,
    /// Refuse a wrong one, take none at all.
    #[default]
    Relaxed,
    /// Refuse all but the right one.
    Strict,
}
