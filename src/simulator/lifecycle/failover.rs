//! InitiateFailover, CommitFailover, RevertFailover.

use crate::simulator::job::{self, Work};
use crate::simulator::object::same_text;
use crate::simulator::scenario::PointKind;
use crate::simulator::vm::Vm;
use crate::simulator::world::{Call, INVALID_PARAMETER, INVALID_STATE, Outcome, World};

impl World {
    /// InitiateFailover: the point is its InstanceID; none is the latest.
    pub(in crate::simulator) fn initiate_failover(&mut self, vm: &str, point: Option<&str>, call: Call<'_>) -> Outcome {
        self.start("InitiateFailover", vm, call, |vm, peer| {
            let chosen = chosen_point(vm, point)?;
            if !may_fail_over(vm) {
                return Err(INVALID_STATE);
            }
            // The latest state of a replica whose primary is prepared holds everything.
            let is_prepared = peer.is_some_and(|primary| (primary.mode, primary.state) == (1, 4));
            let failed_over = match chosen {
                None if is_prepared => 3,
                None | Some(PointKind::Standard) => 1,
                Some(PointKind::Application) => 2,
                Some(PointKind::Planned) => 3,
            };
            vm.state = 12;
            Ok((job::FAILOVER, Work::Failover { failed_over }))
        })
    }

    pub(in crate::simulator) fn commit_failover(&mut self, vm: &str, call: Call<'_>) -> Outcome {
        self.start("CommitFailover", vm, call, |vm, _| match (vm.is_replica(), vm.state) {
            (true, 5) => Ok((job::COMMIT, Work::Commit)),
            _ => Err(INVALID_STATE),
        })
    }

    pub(in crate::simulator) fn revert_failover(&mut self, vm: &str, call: Call<'_>) -> Outcome {
        self.start("RevertFailover", vm, call, |vm, _| match (vm.is_replica(), vm.state, vm.enabled_state) {
            (true, 5, 3) => Ok((job::REVERT, Work::Revert)),
            _ => Err(INVALID_STATE),
        })
    }
}

/// The type of the point that was asked for; it must be one of the VM's own.
pub(super) fn chosen_point(vm: &Vm, point: Option<&str>) -> Result<Option<PointKind>, u32> {
    let Some(id) = point else { return Ok(None) };
    let known = vm.points.iter().find(|known| same_text(&known.instance_id(), id));
    known.map(|known| Some(known.kind)).ok_or(INVALID_PARAMETER)
}

pub(super) fn may_fail_over(vm: &Vm) -> bool {
    let is_ready = !matches!(vm.state, 0 | 1 | 2 | 4 | 5 | 6 | 12 | 13 | 14);
    vm.is_replica() && is_ready && vm.enabled_state == 3 && vm.last_replication.is_some()
}
