//! The switch of a test VM, and the addresses of the guest after a failover.

use std::net::IpAddr;

use crate::cim::{Instance, Property, Value};
use crate::simulator::job::{self, Work};
use crate::simulator::object::same_text;
use crate::simulator::vm::{FailoverAddresses, Vm};
use crate::simulator::world::{Call, INVALID_PARAMETER, INVALID_STATE, Outcome, World};

impl World {
    /// ModifyResourceSettings: only TestReplicaSwitchName of connections is simulated.
    pub(in crate::simulator) fn modify_resources(&mut self, settings: &[Instance], call: Call<'_>) -> Outcome {
        let Some(vm) = settings.first().and_then(|first| self.connected(first)) else {
            return Outcome::Refused(INVALID_PARAMETER);
        };
        let switches = self.switches.clone();
        self.start("ModifyResourceSettings", &vm, call, |vm, _| {
            let changes = settings.iter().map(|setting| switch_change(vm, &switches, setting));
            Ok((job::MODIFY_RESOURCES, Work::Switches(changes.collect::<Result<_, _>>()?)))
        })
    }

    /// The VM whose connection a setting names.
    fn connected(&self, setting: &Instance) -> Option<String> {
        let id = setting.text("InstanceID")?;
        let has = |vm: &&Vm| vm.adapters.iter().any(|adapter| same_text(&adapter.connection_id(), id));
        self.vms.iter().find(has).map(|vm| vm.id.clone())
    }

    /// SetFailoverNetworkAdapterSettings.
    pub(in crate::simulator) fn set_failover_addresses(
        &mut self,
        vm: &str,
        settings: &[Instance],
        call: Call<'_>,
    ) -> Outcome {
        self.start("SetFailoverNetworkAdapterSettings", vm, call, |vm, _| {
            if !vm.is_replicated() {
                return Err(INVALID_STATE);
            }
            let changes = settings.iter().map(|setting| Ok((adapter_of(vm, setting)?, addresses(setting)?)));
            let changes = changes.collect::<Result<Vec<_>, u32>>()?;
            match changes.is_empty() {
                true => Err(INVALID_PARAMETER),
                false => Ok((job::MODIFY_RELATIONSHIP, Work::Addresses(changes))),
            }
        })
    }
}

fn switch_change(vm: &Vm, switches: &[String], setting: &Instance) -> Result<(String, String), u32> {
    const KNOWN: &[&str] = &["InstanceID", "TestReplicaSwitchName"];
    let is_known = |name: &str| KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name));
    let id = setting.text("InstanceID").ok_or(INVALID_PARAMETER)?;
    let adapter = vm.adapters.iter().find(|adapter| same_text(&adapter.connection_id(), id));
    let switch = setting.text("TestReplicaSwitchName").ok_or(INVALID_PARAMETER)?;
    let is_switch = switch.is_empty() || switches.iter().any(|known| same_text(known, switch));
    let is_plain = setting.class().as_str().eq_ignore_ascii_case("Msvm_EthernetPortAllocationSettingData")
        && setting.properties().all(|(name, _)| is_known(name.as_str()));
    match adapter {
        Some(adapter) if is_switch && is_plain => Ok((adapter.id.clone(), switch.to_owned())),
        _ => Err(INVALID_PARAMETER),
    }
}

/// By InstanceID; without one only where there is one adapter.
fn adapter_of(vm: &Vm, setting: &Instance) -> Result<String, u32> {
    let found = match (setting.text("InstanceID"), vm.adapters.as_slice()) {
        (Some(id), adapters) => adapters.iter().find(|adapter| same_text(&adapter.failover_id(), id)),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    found.map(|adapter| adapter.id.clone()).ok_or(INVALID_PARAMETER)
}

/// IPAddresses and DHCPEnabled must be set in each; what is no address is refused.
fn addresses(setting: &Instance) -> Result<FailoverAddresses, u32> {
    let Property::Value(Value::Boolean(dhcp)) = setting.property("DHCPEnabled") else { return Err(INVALID_PARAMETER) };
    let addresses = texts(setting, "IPAddresses").ok_or(INVALID_PARAMETER)?;
    let list = |name: &str| texts(setting, name).unwrap_or_default();
    let (subnets, gateways, dns) = (list("Subnets"), list("DefaultGateways"), list("DNSServers"));
    let parsed = |list: &[String]| -> Result<Vec<IpAddr>, u32> {
        list.iter().map(|text| text.parse().map_err(|_| INVALID_PARAMETER)).collect()
    };
    let own = parsed(&addresses)?;
    parsed(&dns)?;
    let has_masks = own.len() == subnets.len() && own.iter().zip(&subnets).all(|(own, mask)| is_mask(own, mask));
    if !has_masks || parsed(&gateways)?.len() > MOST_GATEWAYS {
        return Err(INVALID_PARAMETER);
    }
    let protocol = match setting.property("ProtocolIFType") {
        Property::Value(Value::Unsigned(_, number)) => u16::try_from(*number).unwrap_or(0),
        _ => 0,
    };
    let fits = |address: &IpAddr| match protocol {
        4096 => address.is_ipv4(),
        4097 => address.is_ipv6(),
        _ => true,
    };
    if !matches!(protocol, 0 | 1 | 4096..=4098) || !own.iter().all(fits) {
        return Err(INVALID_PARAMETER);
    }
    Ok(FailoverAddresses { protocol, dhcp: *dhcp, addresses, subnets, gateways, dns })
}

/// The texts of an array property; none where it is NULL or absent.
fn texts(setting: &Instance, name: &str) -> Option<Vec<String>> {
    match setting.property(name) {
        Property::Value(Value::Array(_, items)) => Some(items.iter().map(ToString::to_string).collect()),
        _ => None,
    }
}

/// A mask of IPv4 in dots, or the length of a prefix.
fn is_mask(address: &IpAddr, mask: &str) -> bool {
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let is_dotted = || match mask.parse() {
        Ok(IpAddr::V4(mask)) => address.is_ipv4() && (!mask.to_bits()).wrapping_add(1) & !mask.to_bits() == 0,
        _ => false,
    };
    mask.parse::<u8>().map_or_else(|_| is_dotted(), |length| length <= longest)
}

/// Most DefaultGateways of one adapter.
const MOST_GATEWAYS: usize = 5;
