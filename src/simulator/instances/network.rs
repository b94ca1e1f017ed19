//! Adapters, their connections, switches, and the addresses of guests after a failover.

use crate::cim::{CimType, Value};
use crate::simulator::ids::guid_of;
use crate::simulator::object::{Content, Object, Path};
use crate::simulator::schema::{self, Class};
use crate::simulator::text;
use crate::simulator::vm::{Adapter, Vm};

use super::View;

impl View<'_> {
    pub(super) fn switch(&self, name: &str) -> Object {
        Object::new(&schema::VIRTUAL_SWITCH)
            .with("Caption", self.text(text::VIRTUAL_SWITCH))
            .with("CreationClassName", "Msvm_VirtualEthernetSwitch")
            .with("Dedicated", Value::uint16s([0]))
            .with("Description", self.text(text::VIRTUAL_SWITCH_DESCRIPTION))
            .with("ElementName", name)
            .with_number("EnabledDefault", 2)
            .with_number("EnabledState", 5)
            .with_number("HealthState", 5)
            .with("InstallDate", super::values::point_in_time(self.world.started))
            .with("MaxIOVOffloads", Value::uint32(1))
            .with("MaxVMQOffloads", Value::uint32(1))
            .with("Name", switch_id(&self.world.computer, name))
            .with("OperationalStatus", Value::uint16s([2]))
            .with_number("RequestedState", 12)
            .with_number("ResetCapability", 5)
            .with("Status", "OK")
            .with("StatusDescriptions", Value::texts(["OK"]))
            .with_nulls(&["AvailableRequestedStates", "CommunicationStatus", "DetailedStatus"])
            .with_nulls(&["IdentifyingDescriptions", "InstanceID", "NameFormat", "OperatingStatus"])
            .with_nulls(&["OtherDedicatedDescriptions", "OtherEnabledState", "OtherIdentifyingInfo"])
            .with_nulls(&["PowerManagementCapabilities", "PrimaryOwnerContact", "PrimaryOwnerName", "PrimaryStatus"])
            .with_nulls(&["Roles", "TimeOfLastStateChange", "TransitioningToState"])
    }

    pub(super) fn port(&self, adapter: &Adapter) -> Object {
        allocation(&schema::PORT_SETTINGS, &adapter.id, 10, "Microsoft:Hyper-V:Synthetic Ethernet Port")
            .with("AllowPacketDirect", false)
            .with("Caption", self.text(text::NETWORK_ADAPTER))
            .with("ClusterMonitored", true)
            .with("Description", self.text(text::NETWORK_ADAPTER_DESCRIPTION))
            .with("DeviceNamingEnabled", false)
            .with("ElementName", self.text(text::NETWORK_ADAPTER))
            .with("StaticMacAddress", false)
            .with("VirtualSystemIdentifiers", Value::texts([format!("{{{}}}", guid_of(&adapter.id))]))
            .with_nulls(&["HostResource", "Parent"])
    }

    pub(super) fn connection(&self, adapter: &Adapter) -> Object {
        let path = |class: &str, keys: &str| {
            // A WMI object path, as string properties hold it.
            format!("\\\\{}\\root\\virtualization\\v2:{class}.{keys}", self.world.computer)
        };
        let parent = path(schema::PORT_SETTINGS.name, &format!("InstanceID=\"{}\"", adapter.id.replace('\\', "\\\\")));
        let switch = adapter.switch.as_ref().map(|name| {
            let id = switch_id(&self.world.computer, name);
            let keys = format!("CreationClassName=\"Msvm_VirtualEthernetSwitch\",Name=\"{id}\"");
            Value::texts([path(schema::VIRTUAL_SWITCH.name, &keys)])
        });
        let text = |text: Option<&String>| Value::text(text.map_or("", String::as_str));
        let id = adapter.connection_id();
        let object = allocation(&schema::CONNECTION_SETTINGS, &id, 33, "Microsoft:Hyper-V:Ethernet Connection")
            .with("Caption", self.text(text::CONNECTION))
            .with("CompartmentGuid", "")
            .with("Description", self.text(text::CONNECTION))
            .with("ElementName", self.text(text::CONNECTION))
            .with_number("EnabledState", if switch.is_some() { 2 } else { 3 })
            .with("LastKnownSwitchName", text(adapter.switch.as_ref()))
            .with("Parent", parent)
            .with("TestReplicaPoolID", "")
            .with("TestReplicaSwitchName", text(adapter.test_switch.as_ref()))
            .with_nulls(&["RequiredFeatureHints", "RequiredFeatures"]);
        match switch {
            Some(switch) => object.with("HostResource", switch),
            None => object.with_nulls(&["HostResource"]),
        }
    }

    pub(super) fn failover_addresses(&self, adapter: &Adapter) -> Object {
        let set = &adapter.failover;
        Object::new(&schema::FAILOVER_ADDRESSES)
            .with("DHCPEnabled", set.dhcp)
            .with("InstanceID", adapter.failover_id())
            .with_number("ProtocolIFType", set.protocol)
            .with_texts("DefaultGateways", &set.gateways)
            .with_texts("DNSServers", &set.dns)
            .with_texts("IPAddresses", &set.addresses)
            .with_texts("Subnets", &set.subnets)
            .with_nulls(&["Caption", "Description", "ElementName"])
    }

    /// From the active settings of a VM to its adapters and connections.
    pub(super) fn components(&self, vm: &Vm) -> Vec<Object> {
        let whole = Path::new(schema::SETTINGS.name, &[("InstanceID", &format!("Microsoft:{}", vm.id))]);
        let parts = vm.adapters.iter().flat_map(|adapter| {
            [(&schema::PORT_SETTINGS, adapter.id.clone()), (&schema::CONNECTION_SETTINGS, adapter.connection_id())]
        });
        parts.map(|(class, id)| part(&schema::SETTINGS_COMPONENT, whole.clone(), class, &id)).collect()
    }

    pub(super) fn failover_component(&self, adapter: &Adapter) -> Object {
        let port = Path::new(schema::PORT_SETTINGS.name, &[("InstanceID", &adapter.id)]);
        part(&schema::FAILOVER_COMPONENT, port, &schema::FAILOVER_ADDRESSES, &adapter.failover_id())
    }
}

impl Object {
    /// An array of texts; an empty one is NULL on the wire.
    fn with_texts(mut self, name: &'static str, texts: &[String]) -> Object {
        let content = match texts {
            [] => Content::Null,
            texts => Content::Value(Value::texts(texts)),
        };
        self.properties.push((name, content));
        self
    }
}

fn part(class: &'static Class, whole: Path, part: &Class, id: &str) -> Object {
    Object::new(class)
        .with_reference("GroupComponent", whole)
        .with_reference("PartComponent", Path::new(part.name, &[("InstanceID", id)]))
}

/// What all settings of ports share (CIM_ResourceAllocationSettingData).
fn allocation(class: &'static Class, id: &str, kind: u16, sub_type: &str) -> Object {
    Object::new(class)
        .with("AutomaticAllocation", true)
        .with("AutomaticDeallocation", true)
        .with_number("ConsumerVisibility", 3)
        .with("InstanceID", id)
        .with("Limit", Value::Unsigned(CimType::Uint64, 0))
        .with("Reservation", Value::Unsigned(CimType::Uint64, 0))
        .with("ResourceSubType", sub_type)
        .with_number("ResourceType", kind)
        .with("VirtualQuantity", Value::Unsigned(CimType::Uint64, 1))
        .with("VirtualQuantityUnits", "count")
        .with("Weight", Value::uint32(0))
        .with_nulls(&["Address", "AddressOnParent", "AllocationUnits", "Connection", "DesiredVLANEndpointMode"])
        .with_nulls(&["MappingBehavior", "OtherEndpointMode", "OtherResourceType", "PoolID"])
}

fn switch_id(computer: &str, name: &str) -> String {
    guid_of(&format!("{computer} switch {name}"))
}
