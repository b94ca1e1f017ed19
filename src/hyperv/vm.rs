//! A virtual machine as Msvm_ComputerSystem shows it.

use std::fmt;
use std::str::FromStr;

use crate::cim::{Datetime, InstanceView, Property};
use crate::open_enum;
use crate::wsman::{ClassAddressing, EndpointReference, SelectorSet};

use super::error::Error;
use super::relation::Relation;
use super::replication::{FailoverType, ReplicationHealth, ReplicationMode, ReplicationState};

/// The class of virtual machines, and of the host itself.
pub(crate) const CLASS: &str = "Msvm_ComputerSystem";

/// The id of a VM: a GUID. What tells a VM from the host, whose `Name` is a computer name.
#[derive(Debug, Clone)]
pub struct VmId(String);

/// Text that is not a GUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a GUID such as 5C2A7E10-8D3B-4E51-9B5A-1F0C3D9E7A42")]
pub struct VmIdError(String);

impl VmId {
    /// The id as the host spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id of the program's own, that must be written as a GUID is.
    pub(crate) fn from_static(id: &'static str) -> VmId {
        VmId(id.to_owned())
    }

    /// The reference to the VM: always both keys, as a Get by `Name` alone is refused (seen on a live host, E19).
    pub fn reference(&self, addressing: &ClassAddressing) -> EndpointReference {
        let keys = SelectorSet::new().with("CreationClassName", CLASS).with("Name", self.0.clone());
        addressing.reference(CLASS, keys)
    }

    /// The VM that a reference names; none if it names something else.
    pub(super) fn of_reference(reference: &EndpointReference) -> Option<VmId> {
        let is_system = reference.resource.last_segment().eq_ignore_ascii_case(CLASS);
        reference.selectors.value("Name").filter(|_| is_system)?.parse().ok()
    }

    /// Whether a reference names this VM.
    pub(super) fn is_named_by(&self, reference: &EndpointReference) -> bool {
        VmId::of_reference(reference).is_some_and(|id| id == *self)
    }

    /// The keys for a WQL object path.
    pub(super) fn path_keys(&self) -> [(&str, &str); 2] {
        [("CreationClassName", CLASS), ("Name", &self.0)]
    }
}

impl FromStr for VmId {
    type Err = VmIdError;

    /// 8-4-4-4-12 hexadecimal digits, in braces or not.
    fn from_str(text: &str) -> Result<Self, VmIdError> {
        let bare = text.trim();
        let bare = bare.strip_prefix('{').and_then(|bare| bare.strip_suffix('}')).unwrap_or(bare);
        let parts: Vec<_> = bare.split('-').collect();
        let lengths: Vec<_> = parts.iter().map(|part| part.len()).collect();
        let hexadecimal = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match lengths == [8, 4, 4, 4, 12] && hexadecimal {
            true => Ok(VmId(bare.to_owned())),
            false => Err(VmIdError(text.chars().take(80).collect())),
        }
    }
}

impl PartialEq for VmId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for VmId {}

impl fmt::Display for VmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

open_enum! {
    /// `EnabledState`: whether a VM runs. The v1 numbers 32768 and 32769 stay `Other`.
    pub enum EnabledState: u16 {
        /// The host does not know.
        Unknown = 0,
        /// Another state.
        OtherState = 1 => "Other",
        /// Running.
        Enabled = 2 => "Running",
        /// Off.
        Disabled = 3 => "Off",
        /// The guest is asked to stop.
        ShuttingDown = 4 => "Shutting down",
        /// Does not apply.
        NotApplicable = 5 => "Not applicable",
        /// Saved.
        EnabledButOffline = 6 => "Saved",
        /// In test.
        InTest = 7 => "In test",
        /// Deferred.
        Deferred = 8,
        /// Paused.
        Quiesce = 9 => "Paused",
        /// Starting.
        Starting = 10,
    }
}

/// A VM and its replication, read at one moment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Vm {
    /// GUID.
    pub id: VmId,
    /// `ElementName`, the display name; not unique.
    pub name: String,
    /// Whether it runs.
    pub enabled_state: EnabledState,
    /// Which end of a relation it is.
    pub mode: ReplicationMode,
    /// State of the primary relation.
    pub state: ReplicationState,
    /// Health of the primary relation.
    pub health: ReplicationHealth,
    /// When the last change arrived; none if never.
    pub last_replication: Option<Datetime>,
    /// When the last application consistent point was made; none if never.
    pub last_application_consistent: Option<Datetime>,
    /// What it was failed over to.
    pub failed_over: FailoverType,
    /// Whether its host says that it is simulated: this program's simulator ends the `Description` so.
    pub is_simulated: bool,
}

impl Vm {
    /// Reads an instance; none for the host, whose Name is no GUID.
    ///
    /// # Errors
    /// A property of another type than the class declares.
    pub fn read(instance: &InstanceView<'_>) -> Result<Option<Vm>, Error> {
        let name = instance.text("Name").into_option().unwrap_or("");
        let Ok(id) = name.parse::<VmId>() else { return Ok(None) };
        let number =
            |property: &str| -> Result<u16, Error> { Ok(instance.number::<u16>(property)?.into_option().unwrap_or(0)) };
        let time = |property: &str| -> Result<Option<Datetime>, Error> {
            let time = instance.datetime(property)?;
            Ok(time.into_option().filter(|time| !time.is_never()))
        };
        Ok(Some(Vm {
            id,
            name: instance.text("ElementName").into_option().unwrap_or("").to_owned(),
            is_simulated: instance.text("Description").into_option().is_some_and(|text| text.ends_with("(simulated)")),
            enabled_state: EnabledState::from(number("EnabledState")?),
            mode: ReplicationMode::from(number("ReplicationMode")?),
            state: ReplicationState::from(number("ReplicationState")?),
            health: ReplicationHealth::from(number("ReplicationHealth")?),
            last_replication: time("LastReplicationTime")?,
            last_application_consistent: time("LastApplicationConsistentReplicationTime")?,
            failed_over: FailoverType::from(number("FailedOverReplicationType")?),
        }))
    }

    /// The VM with what its primary relation says in place of its own properties, which newer hosts deprecate.
    #[must_use]
    pub fn with_relation(self, relation: &Relation) -> Vm {
        Vm {
            state: relation.state,
            health: relation.health,
            failed_over: relation.failed_over,
            last_replication: relation.last_replication,
            last_application_consistent: relation.last_application_consistent,
            ..self
        }
    }

    /// Whether the instance carries replication properties at all: a client Windows without the feature may not.
    pub fn has_replication(instance: &InstanceView<'_>) -> bool {
        !matches!(instance.property("ReplicationMode"), Property::Absent)
    }
}
