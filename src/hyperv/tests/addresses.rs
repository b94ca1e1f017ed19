//! Addresses: what is taken, what is refused and why.

use proptest::prelude::*;

use super::super::*;

fn error(addresses: &[&str], gateways: &[&str]) -> AddressError {
    AdapterAddresses::parse(false, addresses, gateways, &[]).unwrap_err()
}

#[test]
fn an_address_has_its_prefix_or_its_mask() {
    for (text, shown) in [
        ("10.0.0.7/24", "10.0.0.7/24"),
        (" 10.0.0.7 / 255.255.255.0 ", "10.0.0.7/24"),
        ("10.0.0.7/255.255.255.255", "10.0.0.7/32"),
        ("10.0.0.0/31", "10.0.0.0/31"),
        ("fd00::7/64", "fd00::7/64"),
        ("FE80::1/10", "fe80::1/10"),
    ] {
        assert_eq!(text.parse::<AdapterAddress>().unwrap().to_string(), shown, "{text}");
    }
    for text in [
        "",
        "/",
        "10.0.0.7",
        "10.0.0.7/",
        "10.0.0.7/0",
        "10.0.0.7/33",
        "10.0.0.7/255.0.255.0",
        "10.0.0.7/0.0.0.0",
        "10.0.0.256/24",
        "10.0.0.7/+24",
        "fd00::7/129",
        "fd00::7/255.255.255.0",
        "host/24",
        "10.0.0.7/24/24",
    ] {
        assert!(matches!(text.parse::<AdapterAddress>(), Err(AddressError::Address(_))), "{text}");
    }
    for text in [
        "0.0.0.0/8",
        "127.0.0.1/8",
        "::1/64",
        "224.0.0.1/4",
        "ff02::1/64",
        "10.0.0.0/24",
        "10.0.0.255/24",
        "255.255.255.255/32",
    ] {
        assert!(matches!(text.parse::<AdapterAddress>(), Err(AddressError::Unusable { .. })), "{text}");
    }
}

#[test]
fn only_what_goes_together_can_be_made() {
    assert_eq!(error(&[], &[]), AddressError::Nothing);
    assert_eq!(error(&["10.0.0.7/24", "10.0.0.7/16"], &[]), AddressError::Twice("10.0.0.7".parse().unwrap()));
    assert_eq!(error(&["10.0.0.7/24"], &["fd00::1"]), AddressError::GatewayProtocol("fd00::1".parse().unwrap()));
    assert_eq!(error(&["10.0.0.7/24"], &["10.0.0.300"]), AddressError::Plain("10.0.0.300".to_owned()));
    let six = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"];
    assert_eq!(error(&["10.0.0.7/24"], &six), AddressError::Gateways);
    assert!(AdapterAddresses::parse(false, &["10.0.0.7/24"], &six[..5], &[]).is_ok());
    for both in [
        AdapterAddresses::parse(true, &["10.0.0.7/24"], &[], &[]),
        AdapterAddresses::parse(true, &[], &["10.0.0.1"], &[]),
    ] {
        assert_eq!(both, Err(AddressError::DhcpAndStatic));
    }
    // Possible, and most often a slip.
    let far = AdapterAddresses::parse(false, &["10.0.0.7/24", "fd00::7/64"], &["10.0.1.1", "fe80::1", "10.0.0.1"], &[]);
    let far = far.unwrap().unreachable_gateways();
    assert_eq!(far, ["10.0.1.1".parse::<std::net::IpAddr>().unwrap()]);
}

#[test]
fn dhcp_and_addresses_are_always_said() {
    let settings = FailoverSettings {
        id: None,
        protocol: None,
        dhcp: false,
        addresses: Vec::new(),
        subnets: Vec::new(),
        gateways: Vec::new(),
        dns: Vec::new(),
    };
    let none: &[&str] = &[];
    let dhcp = AdapterAddresses::parse(true, none, none, none).unwrap();
    let text = dhcp.embedded(&settings).to_cim_xml().unwrap();
    assert!(text.contains("NAME=\"DHCPEnabled\" TYPE=\"boolean\"><VALUE>true"), "{text}");
    assert!(text.contains("NAME=\"IPAddresses\" TYPE=\"string\"><VALUE.ARRAY></VALUE.ARRAY>"), "{text}");
    assert!(text.contains("<VALUE>4096</VALUE>") && !text.contains("InstanceID"), "{text}");
    let six = AdapterAddresses::parse(false, &["fd00::7/64"], &[], &[]).unwrap();
    assert!(six.embedded(&settings).to_cim_xml().unwrap().contains("<VALUE>4097</VALUE>"));
}

proptest! {
    #![proptest_config(crate::properties::config())]
    #[test]
    fn no_text_makes_a_panic_and_what_is_shown_is_read_again(text in "[0-9a-fA-F.:/ ]{0,40}") {
        if let Ok(address) = text.parse::<AdapterAddress>() {
            prop_assert_eq!(address.to_string().parse::<AdapterAddress>().unwrap(), address);
        }
    }
}
