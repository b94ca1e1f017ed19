//! ReverseReplicationRelationship.

use crate::cim::{Instance, Property, Value};
use crate::simulator::job::{self, Work};
use crate::simulator::object::same_text;
use crate::simulator::scenario::HostVersion;
use crate::simulator::world::{Call, HostNames, INVALID_PARAMETER, INVALID_STATE, Outcome, World};

impl World {
    /// Takes an embedded Msvm_ReplicationSettingData. What this host alone can see is checked at once; whether the other
    /// host takes the new direction shows in the job (inferred, not asked).
    pub(in crate::simulator) fn reverse(&mut self, vm: &str, settings: &Instance, call: Call<'_>) -> Outcome {
        let (here, there) = (self.here.clone(), self.there.clone());
        let version = self.version;
        self.start("ReverseReplicationRelationship", vm, call, |vm, _| {
            let own_id = match version {
                HostVersion::V2012 => format!("Microsoft:{}\\HVR", vm.id),
                HostVersion::V2022 => vm.relationship_id(),
            };
            if settings.text("InstanceID").is_some_and(|id| !same_text(id, &own_id)) {
                return Err(INVALID_PARAMETER);
            }
            let is_after_failover = vm.mode == 2 && matches!(vm.state, 5 | 6);
            if !is_after_failover || vm.extended.is_some() {
                return Err(INVALID_STATE);
            }
            let authentication = check(settings, &here, &there, vm.authentication)?;
            Ok((job::REVERSE, Work::Reverse { authentication }))
        })
    }
}

/// The connection point must be the other host, and a certificate one of this host. Gives the AuthenticationType.
fn check(settings: &Instance, here: &HostNames, there: &HostNames, present: u16) -> Result<u16, u32> {
    let names_other = settings.text("RecoveryConnectionPoint").is_some_and(|name| there.is_meant_by(name));
    let authentication = match settings.property("AuthenticationType") {
        Property::Value(Value::Unsigned(_, number)) => u16::try_from(*number).unwrap_or(0),
        _ => present,
    };
    let given = settings.text("CertificateThumbPrint").unwrap_or("");
    let has_certificate = given.eq_ignore_ascii_case(&here.thumbprint());
    match authentication {
        1 | 2 if names_other && (authentication == 1 || has_certificate) => Ok(authentication),
        _ => Err(INVALID_PARAMETER),
    }
}
