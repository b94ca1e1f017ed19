//! ReverseReplicationRelationship.

use crate::cim::{Instance, Property, Value};
use crate::simulator::job::{self, Work};
use crate::simulator::object::same_text;
use crate::simulator::world::{Call, HostNames, INVALID_PARAMETER, INVALID_STATE, Outcome, World};

impl World {
    /// Takes an embedded Msvm_ReplicationSettingData. What this host alone can see is checked at once; whether the other
    /// host takes the new direction shows in the job (inferred).
    pub(in crate::simulator) fn reverse(&mut self, vm: &str, settings: &Instance, call: Call<'_>) -> Outcome {
        let (here, there) = (self.here.clone(), self.there.clone());
        self.start("ReverseReplicationRelationship", vm, call, |vm, _| {
            let own_ids = [vm.relationship_id(), format!("Microsoft:{}\\HVR", vm.id)];
            let is_own = |id: &str| own_ids.iter().any(|own| same_text(own, id));
            if settings.text("InstanceID").is_some_and(|id| !is_own(id)) {
                return Err(INVALID_PARAMETER);
            }
            let is_after_failover = vm.mode == 2 && matches!(vm.state, 5 | 6);
            if !is_after_failover || vm.extended.is_some() {
                return Err(INVALID_STATE);
            }
            check(settings, &here, &there, vm.authentication)?;
            Ok((job::REVERSE, Work::Reverse))
        })
    }
}

/// The connection point must be the other host, and a certificate one of this host.
fn check(settings: &Instance, here: &HostNames, there: &HostNames, authentication: u16) -> Result<(), u32> {
    let names_other = settings.text("RecoveryConnectionPoint").is_some_and(|name| there.is_meant_by(name));
    let authentication = match settings.property("AuthenticationType") {
        Property::Value(Value::Unsigned(_, number)) => *number,
        _ => u64::from(authentication),
    };
    let has_certificate = || {
        let given = settings.text("CertificateThumbPrint").unwrap_or("");
        given.eq_ignore_ascii_case(&here.thumbprint())
    };
    match authentication {
        1 if names_other => Ok(()),
        2 if names_other && has_certificate() => Ok(()),
        _ => Err(INVALID_PARAMETER),
    }
}
