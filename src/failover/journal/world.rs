//! Where a run takes place: on real hosts, or in a simulated world of its own.

use std::fmt;
use std::str::FromStr;

use crate::hyperv::Vm;

/// Whether the hosts of a run are real. The VMs of a simulated world have the GUIDs of those that they stand for, and its
/// runs keep nobody off those, nor off the VMs of another world.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum World {
    /// The hosts are real, as far as they tell.
    #[default]
    Real,
    /// A simulated host inside the process of the run, at this address: it ends with the process.
    Embedded(String),
    /// A simulated host at this address, as it says of itself.
    Served(String),
}

impl World {
    /// The world of a VM as its host tells it, with the URL of that host.
    pub fn of(vm: &Vm, url: &str) -> World {
        let after = url.split_once("://").map_or(url, |(_, after)| after);
        let address = after.split('/').next().unwrap_or_default();
        match vm.is_simulated {
            true => World::Served(address.to_owned()),
            false => World::Real,
        }
    }

    /// Whether it is simulated.
    pub fn is_simulated(&self) -> bool {
        *self != World::Real
    }

    /// Where its host listens, `127.0.0.1:5985`; none for real hosts, which a run names itself.
    pub fn address(&self) -> Option<&str> {
        match self {
            World::Real => None,
            World::Embedded(address) | World::Served(address) => Some(address),
        }
    }
}

/// Text that names no world.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no world such as `served 127.0.0.1:5985`")]
pub struct WorldError(String);

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            World::Real => f.write_str("real"),
            World::Embedded(address) => write!(f, "embedded {address}"),
            World::Served(address) => write!(f, "served {address}"),
        }
    }
}

impl FromStr for World {
    type Err = WorldError;

    fn from_str(text: &str) -> Result<Self, WorldError> {
        match text.split_once(' ') {
            None if text == "real" => Ok(World::Real),
            Some(("embedded", address)) => Ok(World::Embedded(address.to_owned())),
            Some(("served", address)) => Ok(World::Served(address.to_owned())),
            _ => Err(WorldError(text.chars().take(80).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_world_is_read_back() {
        let at = || "127.0.0.1:5985".to_owned();
        for world in [World::Real, World::Embedded(at()), World::Served(at())] {
            assert_eq!(world.to_string().parse(), Ok(world));
        }
        assert!("elsewhere".parse::<World>().is_err());
    }
}
