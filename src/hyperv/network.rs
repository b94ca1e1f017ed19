//! Network of a VM, as far as a failover needs it: what each adapter is set to after one, and where a test VM connects.

use crate::cim::{Instance, InstanceView, PropertyName};
use crate::wsman::{Exchange, Page, wql};

use super::addresses::ProtocolIfType;
use super::error::Error;
use super::host::Host;
use super::instances::{self, Link, embedded, read_all};
use super::points;
use super::vm::VmId;

/// The class of adapters; only these take addresses after a failover (the Hyper-V team's text).
const ADAPTER_CLASS: &str = "Msvm_SyntheticEthernetPortSettingData";
pub(super) const FAILOVER_CLASS: &str = "Msvm_FailoverNetworkAdapterSettingData";
const CONNECTION_CLASS: &str = "Msvm_EthernetPortAllocationSettingData";
const SWITCH_CLASS: &str = "Msvm_VirtualEthernetSwitch";
/// From a VM's settings to those of its devices.
const COMPONENT: &str = "Msvm_VirtualSystemSettingDataComponent";
/// From an adapter to what it is set to after a failover.
const FAILOVER_COMPONENT: &str = "Msvm_EthernetPortFailoverSettingDataComponent";

/// A network adapter of a VM.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FailoverAdapter {
    /// `InstanceID` of the adapter, `Microsoft:<VM>\<GUID>`.
    pub id: String,
    /// `ElementName`; adapters may share it.
    pub name: String,
    /// `Address`, the MAC; empty while the host has not given one.
    pub mac: String,
    /// What it is set to after a failover; none where the host has no such settings for it.
    pub settings: Option<FailoverSettings>,
}

/// What an adapter is set to after a failover, as the host has it; addresses stay texts, whatever they are.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FailoverSettings {
    /// `InstanceID`. Seen as `Microsoft:FailoverNetworkSetting\<VM>\<GUID>` (a script of Microsoft's), although the
    /// page of the class says NULL (E20).
    pub id: Option<String>,
    /// Which protocols they are for; none where the host does not say.
    pub protocol: Option<ProtocolIfType>,
    /// `DHCPEnabled`.
    pub dhcp: bool,
    /// `IPAddresses`.
    pub addresses: Vec<String>,
    /// `Subnets`, each of the address at its place.
    pub subnets: Vec<String>,
    /// `DefaultGateways`.
    pub gateways: Vec<String>,
    /// `DNSServers`.
    pub dns: Vec<String>,
}

impl FailoverSettings {
    /// Reads an instance.
    ///
    /// # Errors
    /// A property of another type than the class declares.
    pub fn read(instance: &InstanceView<'_>) -> Result<FailoverSettings, Error> {
        let texts = |name| {
            let texts = instance.texts(name).into_iter().map(|text| text.trim().to_owned());
            texts.filter(|text| !text.is_empty()).collect()
        };
        let id = instance.text("InstanceID").into_option().filter(|id| !id.is_empty());
        Ok(FailoverSettings {
            id: id.map(str::to_owned),
            protocol: instance.number::<u16>("ProtocolIFType")?.into_option().map(ProtocolIfType::from),
            dhcp: instance.boolean("DHCPEnabled")?.into_option().unwrap_or(false),
            addresses: texts("IPAddresses"),
            subnets: texts("Subnets"),
            gateways: texts("DefaultGateways"),
            dns: texts("DNSServers"),
        })
    }
}

/// The connection of an adapter to a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// `InstanceID`, `Microsoft:<VM>\<GUID of the adapter>\<letter>`.
    pub id: String,
    /// Name of the switch it was last connected to.
    pub last_switch: String,
    /// `TestReplicaSwitchName`: the switch that a test VM is connected to; empty for none.
    pub test_switch: String,
    /// `TestReplicaPoolID`: the pool it is taken from instead; empty for none.
    pub test_pool: String,
}

impl Connection {
    /// Reads an instance.
    ///
    /// # Errors
    /// No `InstanceID`.
    pub fn read(instance: &InstanceView<'_>) -> Result<Connection, Error> {
        let text = |name| instance.text(name).into_option().unwrap_or("").to_owned();
        let id = instance.text("InstanceID").into_option().ok_or_else(|| instance.missing("InstanceID"))?;
        Ok(Connection {
            id: id.to_owned(),
            last_switch: text("LastKnownSwitchName"),
            test_switch: text("TestReplicaSwitchName"),
            test_pool: text("TestReplicaPoolID"),
        })
    }

    /// Whether it is the connection of this adapter: its id begins with that of the adapter (seen on live hosts).
    pub fn is_of(&self, adapter: &FailoverAdapter) -> bool {
        let rest = self.id.get(adapter.id.len()..).filter(|rest| rest.starts_with('\\'));
        rest.is_some() && self.id.get(..adapter.id.len()).is_some_and(|head| head.eq_ignore_ascii_case(&adapter.id))
    }

    /// The instance for `ModifyResourceSettings`: its key and the switch of test VMs; an empty name connects to none.
    pub fn with_test_switch(&self, switch: &str) -> Instance {
        embedded(CONNECTION_CLASS).with(instances::INSTANCE_ID, self.id.as_str()).with(TEST_SWITCH, switch)
    }
}

impl<E: Exchange> Host<E> {
    /// The adapters of a VM and what each is set to after a failover: one question for the adapters, one for each.
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn failover_adapters(&self, vm: &VmId) -> Result<Vec<FailoverAdapter>, Error> {
        let found = self.devices_of(vm, ADAPTER_CLASS).await?;
        let mut adapters = read_all(&found, |instance| {
            let id = instance.text("InstanceID").into_option().ok_or_else(|| instance.missing("InstanceID"))?;
            let text = |name| instance.text(name).into_option().unwrap_or("").to_owned();
            let adapter =
                FailoverAdapter { id: id.to_owned(), name: text("ElementName"), mac: text("Address"), settings: None };
            Ok(Some(adapter).filter(|adapter| is_of(&adapter.id, vm)))
        })?;
        for adapter in &mut adapters {
            let keys = [("InstanceID", adapter.id.as_str())];
            let query = wql::associators(ADAPTER_CLASS, &keys, FAILOVER_COMPONENT, FAILOVER_CLASS);
            let Some(pages) = self.ask_query(query).await? else { return self.with_listed_settings(adapters).await };
            adapter.settings =
                read_all(&pages, |instance| FailoverSettings::read(instance).map(Some))?.into_iter().next();
        }
        Ok(adapters)
    }

    async fn with_listed_settings(&self, mut adapters: Vec<FailoverAdapter>) -> Result<Vec<FailoverAdapter>, Error> {
        let links = self.links(FAILOVER_COMPONENT, "GroupComponent", "PartComponent").await?;
        for adapter in &mut adapters {
            let is_near = |link: &&Link| {
                link.near.selectors.value("InstanceID").is_some_and(|id| id.eq_ignore_ascii_case(&adapter.id))
            };
            if let Some(link) = links.iter().find(is_near) {
                let response = self.client().get(link.far.clone()).await?;
                adapter.settings = Some(FailoverSettings::read(&response.instance())?);
            }
        }
        Ok(adapters)
    }

    /// The connections of a VM's adapters, those of its active settings and not of its snapshots.
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn connections_of(&self, vm: &VmId) -> Result<Vec<Connection>, Error> {
        let found = self.devices_of(vm, CONNECTION_CLASS).await?;
        let connections = read_all(&found, |instance| Connection::read(instance).map(Some))?;
        Ok(connections.into_iter().filter(|connection| is_of(&connection.id, vm)).collect())
    }

    /// The names of the host's virtual switches.
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn switches(&self) -> Result<Vec<String>, Error> {
        let pages = self.client().all(SWITCH_CLASS).pages().await?;
        read_all(&pages, |instance| Ok(instance.text("ElementName").into_option().map(str::to_owned)))
    }

    /// Settings of one class under a VM's active settings, as libvirt asks for them.
    async fn devices_of(&self, vm: &VmId, class: &'static str) -> Result<Vec<Page>, Error> {
        let settings = format!("Microsoft:{vm}");
        let query = wql::associators(points::CLASS, &[("InstanceID", &settings)], COMPONENT, class);
        self.query_or_list(query, class).await
    }
}

/// Whether a setting's id names this VM: those of a snapshot name the snapshot.
fn is_of(id: &str, vm: &VmId) -> bool {
    instances::of_vm(id).is_some_and(|(owner, _)| owner == *vm)
}

const TEST_SWITCH: PropertyName = PropertyName::from_static("TestReplicaSwitchName");
