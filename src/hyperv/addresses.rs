//! Addresses that a guest's network adapter is to get after a failover: parsed and checked before anything is sent.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use crate::cim::{Instance, PropertyName, Value};
use crate::open_enum;

use super::instances::{self, embedded};
use super::network::{FAILOVER_CLASS, FailoverSettings};

/// Most default gateways that an adapter takes (Microsoft's page of the class).
pub const MOST_GATEWAYS: usize = 5;

open_enum! {
    /// `ProtocolIFType`: which Internet protocols settings are for.
    pub enum ProtocolIfType: u16 {
        /// The host does not know.
        Unknown = 0,
        /// Another.
        OtherProtocol = 1 => "Other",
        /// IPv4.
        Ipv4 = 4096 => "IPv4",
        /// IPv6.
        Ipv6 = 4097 => "IPv6",
        /// Both.
        Ipv4v6 = 4098 => "IPv4/v6",
    }
}

/// Text that is no address of an adapter, or addresses that do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Not an address with its prefix or mask.
    #[error(
        "{0:?} is not an address with its prefix or mask, such as 10.0.0.7/24, 10.0.0.7/255.255.255.0 or fd00::7/64"
    )]
    Address(String),
    /// Not an address.
    #[error("{0:?} is not an IP address")]
    Plain(String),
    /// An address that no adapter can have.
    #[error("{address} cannot be the address of an adapter: it is {why}")]
    Unusable {
        /// The address.
        address: IpAddr,
        /// What it is.
        why: &'static str,
    },
    /// The same address twice.
    #[error("{0} is given twice")]
    Twice(IpAddr),
    /// Neither DHCP nor an address.
    #[error("there is neither an address nor DHCP: an adapter needs one of them")]
    Nothing,
    /// Both DHCP and addresses or gateways.
    #[error("DHCP gives the adapter its address and gateway: leave those out, or leave DHCP out")]
    DhcpAndStatic,
    /// Too many gateways.
    #[error("an adapter takes at most {MOST_GATEWAYS} default gateways")]
    Gateways,
    /// A gateway that no address can reach.
    #[error("the gateway {0} is of another protocol than every address")]
    GatewayProtocol(IpAddr),
}

/// An address of an adapter and the length of its network's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdapterAddress {
    address: IpAddr,
    prefix: u8,
}

impl AdapterAddress {
    /// The address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many leading bits name the network.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// The element of `Subnets`: a mask for IPv4. For IPv6 the length of the prefix (inferred, E21, from the parameters of
    /// Set-VMNetworkAdapterFailoverConfiguration, which takes a prefix length there).
    fn subnet(&self) -> String {
        match self.address {
            IpAddr::V4(_) => Ipv4Addr::from(mask(self.prefix)).to_string(),
            IpAddr::V6(_) => self.prefix.to_string(),
        }
    }

    fn check(self) -> Result<Self, AddressError> {
        let unusable = |why| Err(AddressError::Unusable { address: self.address, why });
        if self.address.is_unspecified() || self.address.is_loopback() {
            return unusable("unspecified or loopback");
        }
        if self.address.is_multicast() {
            return unusable("multicast");
        }
        if let IpAddr::V4(address) = self.address {
            let host = u32::from(address) & !mask(self.prefix);
            // A network of two addresses, or of one, has neither name nor broadcast of its own.
            if self.prefix < 31 && host == 0 {
                return unusable("the name of its network");
            }
            if address.is_broadcast() || (self.prefix < 31 && host == !mask(self.prefix)) {
                return unusable("the broadcast of its network");
            }
        }
        Ok(self)
    }
}

impl FromStr for AdapterAddress {
    type Err = AddressError;

    /// `10.0.0.7/24`, `10.0.0.7/255.255.255.0`, `fd00::7/64`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fail = || AddressError::Address(text.chars().take(80).collect());
        let (address, network) = text.trim().split_once('/').ok_or_else(fail)?;
        let address: IpAddr = address.trim().parse().map_err(|_| fail())?;
        let network = network.trim();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match (network.parse::<u8>(), address) {
            (Ok(prefix), _) if network.bytes().all(|byte| byte.is_ascii_digit()) => prefix,
            (_, IpAddr::V4(_)) => prefix_of(network.parse().map_err(|_| fail())?).ok_or_else(fail)?,
            _ => return Err(fail()),
        };
        if !(1..=most).contains(&prefix) {
            return Err(fail());
        }
        AdapterAddress { address, prefix }.check()
    }
}

impl fmt::Display for AdapterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// What an adapter is to be set to: by DHCP, or to addresses. Only possible combinations can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterAddresses {
    addresses: Vec<AdapterAddress>,
    gateways: Vec<IpAddr>,
    dns: Vec<IpAddr>,
}

impl AdapterAddresses {
    /// Addresses by DHCP; name servers may still be given.
    ///
    /// # Errors
    /// A name server twice.
    pub fn dhcp(dns: Vec<IpAddr>) -> Result<Self, AddressError> {
        unique(dns.iter().copied())?;
        Ok(AdapterAddresses { addresses: Vec::new(), gateways: Vec::new(), dns })
    }

    /// These addresses, gateways and name servers.
    ///
    /// # Errors
    /// No address, one twice, more than five gateways, a gateway of a protocol that no address has.
    pub fn fixed(
        addresses: Vec<AdapterAddress>,
        gateways: Vec<IpAddr>,
        dns: Vec<IpAddr>,
    ) -> Result<Self, AddressError> {
        if addresses.is_empty() {
            return Err(AddressError::Nothing);
        }
        if gateways.len() > MOST_GATEWAYS {
            return Err(AddressError::Gateways);
        }
        unique(addresses.iter().map(AdapterAddress::address))?;
        unique(gateways.iter().copied())?;
        unique(dns.iter().copied())?;
        for gateway in &gateways {
            if gateway.is_unspecified() || gateway.is_multicast() || gateway.is_loopback() {
                return Err(AddressError::Unusable { address: *gateway, why: "no gateway's" });
            }
            if addresses.iter().all(|address| address.address.is_ipv4() != gateway.is_ipv4()) {
                return Err(AddressError::GatewayProtocol(*gateway));
            }
        }
        Ok(AdapterAddresses { addresses, gateways, dns })
    }

    /// From texts as people write them.
    ///
    /// # Errors
    /// Text that is no address; DHCP together with addresses or gateways; neither of both.
    pub fn parse<T: AsRef<str>>(dhcp: bool, addresses: &[T], gateways: &[T], dns: &[T]) -> Result<Self, AddressError> {
        let plain = |texts: &[T]| texts.iter().map(|text| plain(text.as_ref())).collect::<Result<Vec<_>, _>>();
        if dhcp && !(addresses.is_empty() && gateways.is_empty()) {
            return Err(AddressError::DhcpAndStatic);
        }
        if dhcp {
            return AdapterAddresses::dhcp(plain(dns)?);
        }
        let addresses = addresses.iter().map(|text| text.as_ref().parse()).collect::<Result<_, _>>()?;
        AdapterAddresses::fixed(addresses, plain(gateways)?, plain(dns)?)
    }

    /// Whether DHCP gives the addresses.
    pub fn is_dhcp(&self) -> bool {
        self.addresses.is_empty()
    }

    /// The addresses; none by DHCP.
    pub fn addresses(&self) -> &[AdapterAddress] {
        &self.addresses
    }

    /// The gateways; none by DHCP.
    pub fn gateways(&self) -> &[IpAddr] {
        &self.gateways
    }

    /// The name servers.
    pub fn dns(&self) -> &[IpAddr] {
        &self.dns
    }

    /// Gateways that are in none of the networks: possible, and most often a slip.
    pub fn unreachable_gateways(&self) -> Vec<IpAddr> {
        let reaches = |address: &AdapterAddress, gateway: &IpAddr| match (address.address, gateway) {
            (IpAddr::V4(own), IpAddr::V4(gateway)) => {
                (u32::from(own) ^ u32::from(*gateway)) & mask(address.prefix) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(gateway)) => {
                let differing = (u128::from(own) ^ u128::from(*gateway)).leading_zeros();
                differing >= u32::from(address.prefix) || gateway.is_unicast_link_local()
            }
            _ => false,
        };
        let lost = |gateway: &&IpAddr| !self.addresses.iter().any(|address| reaches(address, gateway));
        self.gateways.iter().filter(lost).copied().collect()
    }

    /// The instance for `SetFailoverNetworkAdapterSettings`: the key of the adapter's settings as they were read, and
    /// every property that says where it is to be. `IPAddresses` and `DHCPEnabled` are always there, as the method
    /// wants them.
    ///
    /// That the settings' own key says which adapter is meant follows from the Hyper-V team's published example, which
    /// changes the settings object it got through the adapter and sends it back. inferred (not asked): the key and these
    /// properties are enough; with DHCP the protocol is IPv4, as `DHCPEnabled` speaks of that interface only.
    pub fn embedded(&self, settings: &FailoverSettings) -> Instance {
        let texts = |addresses: &[IpAddr]| Value::texts(addresses.iter().map(IpAddr::to_string));
        let mut instance = embedded(FAILOVER_CLASS);
        if let Some(id) = &settings.id {
            instance.set(instances::INSTANCE_ID, Some(id.as_str().into()));
        }
        instance
            .with(PROTOCOL, Value::uint16(self.protocol().value()))
            .with(DHCP, self.is_dhcp())
            .with(ADDRESSES, Value::texts(self.addresses.iter().map(|address| address.address.to_string())))
            .with(SUBNETS, Value::texts(self.addresses.iter().map(AdapterAddress::subnet)))
            .with(GATEWAYS, texts(&self.gateways))
            .with(DNS, texts(&self.dns))
    }

    /// Whether settings that were read back say the same. Compared as addresses, as a host may spell them its own way.
    pub fn is_in(&self, settings: &FailoverSettings) -> bool {
        let same = |wanted: &[IpAddr], texts: &[String]| {
            let read: Result<Vec<IpAddr>, _> = texts.iter().map(|text| plain(text)).collect();
            read.is_ok_and(|read| read == wanted)
        };
        let addresses: Vec<_> = self.addresses.iter().map(AdapterAddress::address).collect();
        let prefixes = settings.subnets.iter().map(|subnet| prefix_of_text(subnet));
        settings.dhcp == self.is_dhcp()
            && same(&addresses, &settings.addresses)
            && prefixes.eq(self.addresses.iter().map(|address| Some(address.prefix)))
            && same(&self.gateways, &settings.gateways)
            && same(&self.dns, &settings.dns)
    }

    fn protocol(&self) -> ProtocolIfType {
        let any = |of: fn(&IpAddr) -> bool| self.addresses.iter().any(|address| of(&address.address));
        match (any(IpAddr::is_ipv4), any(IpAddr::is_ipv6)) {
            (true, true) => ProtocolIfType::Ipv4v6,
            (false, true) => ProtocolIfType::Ipv6,
            _ => ProtocolIfType::Ipv4,
        }
    }
}

fn plain(text: &str) -> Result<IpAddr, AddressError> {
    text.trim().parse().map_err(|_| AddressError::Plain(text.chars().take(80).collect()))
}

fn unique(addresses: impl Iterator<Item = IpAddr>) -> Result<(), AddressError> {
    let mut seen = Vec::new();
    for address in addresses {
        if seen.contains(&address) {
            return Err(AddressError::Twice(address));
        }
        seen.push(address);
    }
    Ok(())
}

/// The mask of an IPv4 prefix.
fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0)
}

/// The prefix of an IPv4 mask; none where its ones are not together.
fn prefix_of(mask: Ipv4Addr) -> Option<u8> {
    let bits = u32::from(mask);
    let ones = bits.leading_ones();
    u8::try_from(ones).ok().filter(|_| ones == bits.count_ones())
}

/// A subnet as hosts and guests write it: a mask, `64` or `/64`.
fn prefix_of_text(subnet: &str) -> Option<u8> {
    let subnet = subnet.trim();
    match subnet.parse() {
        Ok(mask) => prefix_of(mask),
        Err(_) => subnet.strip_prefix('/').unwrap_or(subnet).parse().ok(),
    }
}

const PROTOCOL: PropertyName = PropertyName::from_static("ProtocolIFType");
const DHCP: PropertyName = PropertyName::from_static("DHCPEnabled");
const ADDRESSES: PropertyName = PropertyName::from_static("IPAddresses");
const SUBNETS: PropertyName = PropertyName::from_static("Subnets");
const GATEWAYS: PropertyName = PropertyName::from_static("DefaultGateways");
const DNS: PropertyName = PropertyName::from_static("DNSServers");
