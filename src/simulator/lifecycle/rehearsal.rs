//! Test failovers: the test VM is made by TestReplicaSystem and removed by DestroySystem.

use crate::simulator::ids::guid_of;
use crate::simulator::job::{self, Work};
use crate::simulator::world::{Call, INVALID_STATE, Outcome, World};

use super::failover::{chosen_point, may_fail_over};

impl World {
    /// TestReplicaSystem: one test VM for each replica, and none while it resynchronises.
    pub(in crate::simulator) fn test_replica(&mut self, vm: &str, point: Option<&str>, call: Call<'_>) -> Outcome {
        let has_test =
            self.vms.iter().any(|test| test.test_of.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(vm)));
        let test = test_id(&call.job_id);
        self.start("TestReplicaSystem", vm, call, |vm, _| {
            chosen_point(vm, point)?;
            if has_test || vm.state == 10 || !may_fail_over(vm) {
                return Err(INVALID_STATE);
            }
            Ok((job::TEST, Work::Rehearsal(test)))
        })
    }

    /// DestroySystem of the virtual system management service. It removes whatever VM it is given, as Windows does: not to
    /// name a replica is the caller's duty.
    pub(in crate::simulator) fn destroy(&mut self, vm: &str, call: Call<'_>) -> Outcome {
        self.start("DestroySystem", vm, call, |vm, _| match (vm.enabled_state, vm.mode) {
            (3 | 6, 3) => Ok((job::REMOVE_TEST, Work::Destroy)),
            (3 | 6, _) => Ok((job::DESTROY, Work::Destroy)),
            _ => Err(INVALID_STATE),
        })
    }
}

/// GUID of the test VM that a job makes.
pub(in crate::simulator) fn test_id(job: &str) -> String {
    guid_of(&format!("test VM of {job}"))
}
