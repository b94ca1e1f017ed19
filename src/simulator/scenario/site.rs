//! What stands around the host: its version, its cluster, and the other half of a pair.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de};

use super::job::JobScript;
use super::vm::VmSetup;
use crate::simulator::faults::Fault;
use crate::simulator::text::Language;

/// Which Windows Server the host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum HostVersion {
    /// No relationship class, no `…Ex` methods.
    #[serde(rename = "2012")]
    V2012,
    /// All that came with 2012 R2.
    #[default]
    #[serde(rename = "2022")]
    V2022,
}

impl HostVersion {
    /// The year in the product's name.
    pub(in crate::simulator) fn year(self) -> &'static str {
        match self {
            HostVersion::V2012 => "2012",
            HostVersion::V2022 => "2022",
        }
    }

    /// Version of the operating system, with the build last.
    pub(in crate::simulator) fn number(self) -> &'static str {
        match self {
            HostVersion::V2012 => "6.2.9200",
            HostVersion::V2022 => "10.0.20348",
        }
    }
}

/// A failover cluster that the host is a node of.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ClusterSetup {
    /// Client access point of the Replica Broker: then it, not the host, is the connection point of relations.
    pub broker: Option<String>,
    /// Which node owns which VM, by name. A VM that another node owns is not on this host.
    pub owners: BTreeMap<String, String>,
}

/// The primary host of a pair, where it differs from the replica host.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct PrimarySetup {
    /// Computer name, NetBIOS form.
    pub computer: String,
    /// The language of its texts.
    pub language: Option<Language>,
    /// Which Windows Server it is.
    pub version: Option<HostVersion>,
    /// Its cluster.
    pub cluster: Option<ClusterSetup>,
    /// Whether it takes replicas from others.
    pub recovery_server: bool,
    /// Its virtual switches.
    pub switches: Option<Vec<String>>,
    /// Its VMs. With none given, every VM of the replica host with mode 2 has a counterpart: the same GUID (inferred, not asked: a
    /// VM has one id at both ends) and name, mode 1, state 3, running.
    #[serde(deserialize_with = "primary_vms")]
    pub vms: Vec<VmSetup>,
    /// How its jobs go.
    pub job: Option<JobScript>,
    /// What goes wrong on it.
    pub faults: Vec<Fault>,
}

impl Default for PrimarySetup {
    fn default() -> Self {
        PrimarySetup {
            computer: "HVPR01".to_owned(),
            language: None,
            version: None,
            cluster: None,
            recovery_server: true,
            switches: None,
            vms: Vec::new(),
            job: None,
            faults: Vec::new(),
        }
    }
}

/// VMs whose mode is 1 and whose EnabledState is 2 unless they say otherwise.
fn primary_vms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<VmSetup>, D::Error> {
    let tables = Vec::<toml::Table>::deserialize(deserializer)?;
    let read = |mut table: toml::Table| {
        table.entry("mode").or_insert(toml::Value::Integer(1));
        table.entry("enabled").or_insert(toml::Value::Integer(2));
        table.try_into().map_err(de::Error::custom)
    };
    tables.into_iter().map(read).collect()
}
