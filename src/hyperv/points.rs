//! Recovery points: the snapshots a failover can go to.

use crate::cim::{Datetime, InstanceView};
use crate::wsman::{ClassAddressing, EndpointReference, SelectorSet};

use super::error::Error;

pub(super) const CLASS: &str = "Msvm_VirtualSystemSettingData";

/// What a recovery point promises about its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PointKind {
    /// Crash consistent, as after a power cut.
    Standard,
    /// Made with VSS: applications had written their state.
    ApplicationConsistent,
    /// Made by a planned failover: nothing is missing.
    PlannedFailover,
}

impl PointKind {
    /// The kind that a `VirtualSystemType` stands for (specified, E10); none for ordinary settings and snapshots.
    pub fn of_type(virtual_system_type: &str) -> Option<PointKind> {
        match virtual_system_type {
            "Microsoft:Hyper-V:Snapshot:Replica:Standard" => Some(PointKind::Standard),
            "Microsoft:Hyper-V:Snapshot:Replica:ApplicationConsistent" => Some(PointKind::ApplicationConsistent),
            "Microsoft:Hyper-V:Snapshot:Replica:PlannedFailover" => Some(PointKind::PlannedFailover),
            _ => None,
        }
    }

    /// A short name, the same in every output.
    pub fn name(self) -> &'static str {
        match self {
            PointKind::Standard => "standard",
            PointKind::ApplicationConsistent => "application-consistent",
            PointKind::PlannedFailover => "planned",
        }
    }
}

/// One recovery point of a VM.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RecoveryPoint {
    /// `InstanceID`, `Microsoft:<GUID>`.
    pub id: String,
    /// What it promises.
    pub kind: PointKind,
    /// When it was taken.
    pub created: Option<Datetime>,
    /// Display name, localised.
    pub name: String,
    /// `VirtualSystemIdentifier`: the VM it belongs to.
    pub vm: String,
}

impl RecoveryPoint {
    /// Reads an instance; none if it is not a recovery point.
    ///
    /// # Errors
    /// No InstanceID, or a date that is none.
    pub fn read(instance: &InstanceView<'_>) -> Result<Option<RecoveryPoint>, Error> {
        let text = |name| instance.text(name).into_option().unwrap_or("");
        let Some(kind) = PointKind::of_type(text("VirtualSystemType")) else { return Ok(None) };
        let id = instance.text("InstanceID").into_option().ok_or_else(|| instance.missing("InstanceID"))?;
        Ok(Some(RecoveryPoint {
            id: id.to_owned(),
            kind,
            created: instance.datetime("CreationTime")?.into_option().filter(|time| !time.is_never()),
            name: text("ElementName").to_owned(),
            vm: text("VirtualSystemIdentifier").to_owned(),
        }))
    }

    /// The reference for a method call: `InstanceID` alone.
    pub fn reference(&self, addressing: &ClassAddressing) -> EndpointReference {
        addressing.reference(CLASS, SelectorSet::new().with("InstanceID", self.id.clone()))
    }

    /// Whether a person's text names this point: the whole id, or the GUID in it.
    pub fn is_named(&self, text: &str) -> bool {
        let guid = self.id.rsplit(':').next().unwrap_or("");
        self.id.eq_ignore_ascii_case(text) || guid.eq_ignore_ascii_case(text.trim_matches(['{', '}']))
    }
}
