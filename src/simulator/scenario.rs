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
//! [job]                          # every job, unless a VM or a fault says otherwise
//! duration = "0s"
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
//!
//! [[faults]]                     # see `Fault`
//! on = "InitiateFailover"
//! cut = "after"
//! ```

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use super::faults::Fault;
use super::text::Language;

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
        // The message shows the line, and a line may be of any length.
        let scenario: Scenario = toml::from_str(text)
            .map_err(|error| ScenarioError::Toml(error.to_string().trim_end().chars().take(1000).collect()))?;
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), ScenarioError> {
        let fail = |text: String| Err(ScenarioError::Content(text));
        let is_name_character = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !(1..=15).contains(&self.computer.len()) || !self.computer.chars().all(is_name_character) {
            return fail(format!("computer {:?} is no NetBIOS name (1 to 15 letters, digits, hyphens)", self.computer));
        }
        if self.account.user.is_empty() {
            return fail("account.user is empty".to_owned());
        }
        for vm in &self.vms {
            let writable = |c: char| !c.is_control();
            if vm.name.is_empty() || vm.name.chars().count() > 100 || !vm.name.chars().all(writable) {
                return fail(format!("the VM name {:?} is empty, too long, or has control characters", vm.name));
            }
            if vm.id.as_ref().is_some_and(|id| uuid::Uuid::parse_str(id).is_err()) {
                return fail(format!("the id of VM {:?} is no GUID", vm.name));
            }
        }
        Ok(())
    }
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

/// How a job goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct JobScript {
    /// How long it runs; none is what the wider setting says, in the end no time at all.
    #[serde(deserialize_with = "maybe_duration")]
    pub duration: Option<Duration>,
    /// End in an exception with this ErrorCode.
    pub error: Option<u16>,
    /// End in state 32768, completed with warnings.
    pub warnings: bool,
    /// Show this JobState instead of 4, such as 5 (suspended) or 4242.
    pub state: Option<u16>,
    /// How long that state is shown; none is for ever, and the job does not end.
    #[serde(deserialize_with = "maybe_duration")]
    pub state_for: Option<Duration>,
    /// The job can no longer be found after this time, although the work goes on.
    #[serde(deserialize_with = "maybe_duration")]
    pub vanish_after: Option<Duration>,
    /// PercentComplete is NULL.
    pub percent_null: bool,
    /// No job: the method does its work at once and returns 0.
    pub synchronous: bool,
}

impl JobScript {
    /// This script, with what it leaves open taken from a wider one.
    pub(super) fn over(&self, wider: &JobScript) -> JobScript {
        JobScript {
            duration: self.duration.or(wider.duration),
            error: self.error.or(wider.error),
            warnings: self.warnings || wider.warnings,
            state: self.state.or(wider.state),
            state_for: self.state_for.or(wider.state_for),
            vanish_after: self.vanish_after.or(wider.vanish_after),
            percent_null: self.percent_null || wider.percent_null,
            synchronous: self.synchronous || wider.synchronous,
        }
    }
}

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

/// A time before the start, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ago {
    /// It has not happened.
    Never,
    /// So long ago.
    Since(Duration),
}

impl Default for Ago {
    fn default() -> Self {
        Ago::Since(Duration::from_secs(150))
    }
}

impl<'de> Deserialize<'de> for Ago {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "never" {
            return Ok(Ago::Never);
        }
        parse_duration(&text).map(Ago::Since).map_err(de::Error::custom)
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

pub(super) fn maybe_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// A whole number and a unit.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let fail = || format!("{text:?} is no time; write a whole number and ms, s, m, h or d, such as \"40s\"");
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(fail)?;
    let number: u64 = number.parse().map_err(|_| fail())?;
    let seconds = |factor: u64| number.checked_mul(factor).map(Duration::from_secs).ok_or_else(fail);
    let time = match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        "d" => seconds(86_400),
        _ => Err(fail()),
    }?;
    match time <= LONGEST {
        true => Ok(time),
        false => Err(format!("{text:?} is longer than 100 years")),
    }
}

const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

fn one() -> u16 {
    1
}

fn two() -> u16 {
    2
}

fn three() -> u16 {
    3
}
