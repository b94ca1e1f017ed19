//! Adapters, connections and switches.

use super::super::*;
use super::script::*;

const ADAPTER: &str = "Microsoft:3F1E0C52-8A5B-4E0C-9C0D-7C1D5B0A9E21\\AAAA";

fn id() -> VmId {
    VM.parse().unwrap()
}

fn adapter(id: &str) -> String {
    instance(
        "Msvm_SyntheticEthernetPortSettingData",
        &format!(
            "<p:Address>00155D000001</p:Address><p:ElementName>ネットワーク アダプター</p:ElementName>\
             <p:InstanceID>{id}</p:InstanceID>"
        ),
    )
}

fn failover(properties: &str) -> String {
    instance("Msvm_FailoverNetworkAdapterSettingData", properties)
}

const FILLED: &str = "<p:DHCPEnabled>false</p:DHCPEnabled><p:DNSServers>10.0.0.2</p:DNSServers>\
    <p:DefaultGateways>10.0.0.1</p:DefaultGateways><p:IPAddresses>10.0.0.7</p:IPAddresses>\
    <p:IPAddresses>FD00:0::7</p:IPAddresses><p:InstanceID>Microsoft:FailoverNetworkSetting\\X\\AAAA</p:InstanceID>\
    <p:ProtocolIFType>4098</p:ProtocolIFType><p:Subnets>255.255.255.0</p:Subnets><p:Subnets>/64</p:Subnets>";

const ADAPTERS: &[&str] = &[
    "ASSOCIATORS OF {Msvm_VirtualSystemSettingData.InstanceID='Microsoft:3F1E0C52-8A5B-4E0C-9C0D-7C1D5B0A9E21'}",
    "AssocClass = Msvm_VirtualSystemSettingDataComponent ResultClass = Msvm_SyntheticEthernetPortSettingData",
];
const OF_ADAPTER: &[&str] = &[
    "ASSOCIATORS OF {Msvm_SyntheticEthernetPortSettingData.InstanceID='Microsoft:3F1E0C52-8A5B-4E0C-9C0D-7C1D5B0A9E21\\\\AAAA'}",
    "ResultClass = Msvm_FailoverNetworkAdapterSettingData",
];

#[test]
fn adapters_come_with_what_they_are_set_to() {
    let host = host([
        page(ADAPTERS, &[adapter(ADAPTER), adapter(&format!("Microsoft:{OTHER_VM}\\AAAA"))]),
        page(OF_ADAPTER, &[failover(FILLED)]),
        page(ADAPTERS, &[adapter(ADAPTER)]),
        page(OF_ADAPTER, &[]),
    ]);
    let adapters = now(host.failover_adapters(&id())).unwrap();
    let [one] = &adapters[..] else { panic!("{adapters:?}") };
    assert_eq!((one.id.as_str(), one.mac.as_str()), (ADAPTER, "00155D000001"));
    let settings = one.settings.as_ref().unwrap();
    assert_eq!((settings.dhcp, settings.protocol), (false, Some(ProtocolIfType::Ipv4v6)));
    assert_eq!((settings.addresses.len(), settings.subnets.len(), settings.dns.len()), (2, 2, 1));
    assert_eq!(now(host.failover_adapters(&id())).unwrap()[0].settings, None);
}

#[test]
fn adapters_are_found_without_queries() {
    let port = |id: &str| reference("Msvm_SyntheticEthernetPortSettingData", &[("InstanceID", id)]);
    let part = |id: &str| reference("Msvm_FailoverNetworkAdapterSettingData", &[("InstanceID", id)]);
    let link = |near: &str, far: &str| {
        let class = "Msvm_EthernetPortFailoverSettingDataComponent";
        row(class, ("GroupComponent", port(near)), ("PartComponent", part(far)))
    };
    let nil = "<p:DHCPEnabled xsi:nil=\"true\"/><p:IPAddresses xsi:nil=\"true\"/><p:InstanceID xsi:nil=\"true\"/>\
        <p:Subnets></p:Subnets>";
    let host = host([
        fault(ADAPTERS, "n:CannotProcessFilter"),
        page(&["/v2/Msvm_SyntheticEthernetPortSettingData</w:ResourceURI>"], &[adapter(ADAPTER)]),
        fault(OF_ADAPTER, "n:CannotProcessFilter"),
        page(
            &["/v2/Msvm_EthernetPortFailoverSettingDataComponent</w:Res"],
            &[link("Microsoft:OTHER", "WRONG"), link(&ADAPTER.to_lowercase(), "RIGHT")],
        ),
        found(&["Msvm_FailoverNetworkAdapterSettingData", ">RIGHT<"], failover(nil)),
    ]);
    let adapters = now(host.failover_adapters(&id())).unwrap();
    let settings = adapters[0].settings.as_ref().unwrap();
    assert_eq!((settings.id.as_ref(), settings.protocol, settings.dhcp), (None, None, false));
    assert!(settings.addresses.is_empty() && settings.subnets.is_empty());
}

#[test]
fn connections_are_those_of_the_active_settings() {
    let connection = |id: &str, more: &str| {
        instance("Msvm_EthernetPortAllocationSettingData", &format!("<p:InstanceID>{id}</p:InstanceID>{more}"))
    };
    let set = "<p:LastKnownSwitchName>LAN</p:LastKnownSwitchName>\
        <p:TestReplicaSwitchName>Isolated &amp; safe</p:TestReplicaSwitchName>";
    let items = [
        connection(&format!("{}\\C", ADAPTER.to_lowercase()), set),
        connection(&format!("Microsoft:{VM}\\AAAAB\\C"), "<p:TestReplicaSwitchName xsi:nil=\"true\"/>"),
        connection(&format!("Microsoft:{OTHER_VM}\\AAAA\\C"), set),
    ];
    let host = host([
        page(&["ResultClass = Msvm_EthernetPortAllocationSettingData"], &items),
        page(
            &["/v2/Msvm_VirtualEthernetSwitch</w:ResourceURI>"],
            &[instance("Msvm_VirtualEthernetSwitch", "<p:ElementName>LAN</p:ElementName>")],
        ),
        page(&[], &[adapter(ADAPTER)]),
        page(&[], &[]),
    ]);
    let connections = now(host.connections_of(&id())).unwrap();
    let [first, second] = &connections[..] else { panic!("{connections:?}") };
    assert_eq!((first.test_switch.as_str(), first.last_switch.as_str()), ("Isolated & safe", "LAN"));
    assert_eq!(second.test_switch, "");
    assert_eq!(now(host.switches()).unwrap(), ["LAN"]);
    let adapters = now(host.failover_adapters(&id())).unwrap();
    assert!(first.is_of(&adapters[0]) && !second.is_of(&adapters[0]), "a longer id is another adapter's");
    let changed = first.with_test_switch("");
    assert_eq!(changed.text("InstanceID"), Some(first.id.as_str()));
    assert_eq!(changed.text("TestReplicaSwitchName"), Some(""));
    assert_eq!(changed.properties().count(), 2);
}

#[test]
fn addresses_are_sent_with_the_key_of_the_adapters_settings_and_recognised_again() {
    const ACTION: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ReplicationService/SetFailoverNetworkAdapterSettingsResponse";
    const SENT: &[&str] = &[
        "<p:NetworkSettings>&lt;INSTANCE CLASSNAME=\"Msvm_FailoverNetworkAdapterSettingData\"",
        "Microsoft:FailoverNetworkSetting\\X\\AAAA",
        "NAME=\"DHCPEnabled\" TYPE=\"boolean\"&gt;&lt;VALUE&gt;false",
        "&lt;VALUE&gt;255.255.255.0&lt;/VALUE&gt;&lt;VALUE&gt;64&lt;/VALUE&gt;",
        "&lt;VALUE&gt;4098&lt;/VALUE&gt;",
    ];
    let host = host([
        page(ADAPTERS, &[adapter(ADAPTER)]),
        page(OF_ADAPTER, &[failover(FILLED)]),
        output(SENT, ACTION, "<p:Job xsi:nil=\"true\"/><p:ReturnValue>0</p:ReturnValue>"),
    ]);
    let adapters = now(host.failover_adapters(&id())).unwrap();
    let settings = adapters[0].settings.as_ref().unwrap();
    let wanted = AdapterAddresses::parse(false, &["10.0.0.7/24", "fd00::7/64"], &["10.0.0.1"], &["10.0.0.2"]).unwrap();
    // Another spelling of the same is the same; another mask or order is not.
    assert!(wanted.is_in(settings));
    for other in [
        AdapterAddresses::parse(false, &["10.0.0.7/25", "fd00::7/64"], &["10.0.0.1"], &["10.0.0.2"]),
        AdapterAddresses::parse(false, &["fd00::7/64", "10.0.0.7/24"], &["10.0.0.1"], &["10.0.0.2"]),
        AdapterAddresses::parse(false, &["10.0.0.7/24", "fd00::7/64"], &[], &["10.0.0.2"]),
        AdapterAddresses::parse(true, &[], &[], &["10.0.0.2"]),
    ] {
        assert!(!other.unwrap().is_in(settings));
    }
    let call = Call::SetFailoverNetwork { vm: id(), adapters: vec![wanted.embedded(settings)] };
    let answer = now(host.call(&call, &ServiceKeys::Short)).unwrap();
    assert_eq!(answer, Invoked::Done);
}
