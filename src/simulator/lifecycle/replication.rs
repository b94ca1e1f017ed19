//! Changes of the replication state, and the start of an initial replication.

use crate::simulator::job::{self, SENDING_INITIAL_REPLICA, Work};
use crate::simulator::vm::Vm;
use crate::simulator::world::{Call, INVALID_PARAMETER, INVALID_STATE, NOT_SUPPORTED, Outcome, World};

/// Which relation of a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum Relation {
    Primary,
    Extended,
}

/// The input of StartReplication.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulator) struct InitialReplication<'a> {
    /// InitialReplicationType: 1 over the network, 2 export, 3 from a copy that is there.
    pub(in crate::simulator) kind: Option<u16>,
    pub(in crate::simulator) location: Option<&'a str>,
    /// Whether it is to begin at a time of its own.
    pub(in crate::simulator) is_later: bool,
}

impl World {
    /// RequestReplicationStateChange and its Ex form.
    pub(in crate::simulator) fn request_replication_state(
        &mut self,
        method: &str,
        vm: &str,
        relation: Relation,
        wanted: u16,
        call: Call<'_>,
    ) -> Outcome {
        let now = call.now;
        let outcome = self.start(method, vm, call, |vm, _| {
            if !matches!(wanted, 1 | 2 | 3 | 4 | 7 | 9) {
                return Err(INVALID_PARAMETER);
            }
            match relation {
                Relation::Primary => step(vm, wanted),
                Relation::Extended => extended_step(vm, wanted),
            }
        });
        // Back at "ready for initial replication", nothing more is sent.
        if wanted == 1 && matches!(outcome, Outcome::Job(_)) {
            let mut jobs = self.jobs.iter_mut().filter(|job| job.vm.eq_ignore_ascii_case(vm) && !job.is_settled);
            if let Some(transfer) = jobs.find(|job| job.kind == SENDING_INITIAL_REPLICA) {
                transfer.drop_at(now);
            }
        }
        outcome
    }

    pub(in crate::simulator) fn start_replication(
        &mut self,
        vm: &str,
        input: InitialReplication<'_>,
        call: Call<'_>,
    ) -> Outcome {
        self.start("StartReplication", vm, call, |vm, _| {
            let is_export = match input.kind {
                Some(1 | 3) => false,
                Some(2) if input.location.is_some_and(|location| !location.is_empty()) => true,
                _ => return Err(INVALID_PARAMETER),
            };
            if input.is_later {
                // A real host keeps the time; here only "now" is simulated.
                return Err(NOT_SUPPORTED);
            }
            match (vm.mode, vm.state, vm.extended) {
                (1, 1, _) => {
                    vm.state = 2;
                    Ok(match is_export {
                        // The copy waits to be imported, which is not simulated.
                        true => (job::EXPORT_INITIAL_REPLICATION, Work::State(2)),
                        false => (job::INITIAL_REPLICATION, Work::InitialReplication),
                    })
                }
                // On a replica it starts the extended relation.
                (2, _, Some(extended)) if extended.state == 1 => Ok((job::INITIAL_REPLICATION, Work::ExtendedState(3))),
                _ => Err(INVALID_STATE),
            }
        })
    }
}

fn step(vm: &Vm, wanted: u16) -> Result<(u16, Work), u32> {
    let is_off = vm.enabled_state == 3;
    match (wanted, vm.mode, vm.state) {
        (4, 1, 3) if is_off => Ok((job::PREPARE, Work::Prepare)),
        (3, 1, 4) => Ok((job::CANCEL_PREPARE, Work::CancelPrepare)),
        (3, 1 | 2 | 4, 7 | 8) => Ok((job::STATE_CHANGE, Work::State(3))),
        (3, 1 | 2 | 4, 11) => Ok((job::STATE_CHANGE, Work::State(10))),
        (2, 1, 3 | 7 | 8 | 9 | 11) if is_off => Ok((job::STATE_CHANGE, Work::AsReplica)),
        (1, 1, 2) => Ok((job::STOP_INITIAL_REPLICATION, Work::State(1))),
        (7, 1 | 2 | 4, 3) => Ok((job::STATE_CHANGE, Work::State(7))),
        (7, 1 | 2 | 4, 10) => Ok((job::STATE_CHANGE, Work::State(11))),
        (9, 1, 10 | 11) => Ok((job::STOP_RESYNCHRONISING, Work::State(9))),
        _ => Err(INVALID_STATE),
    }
}

fn extended_step(vm: &Vm, wanted: u16) -> Result<(u16, Work), u32> {
    let extended = vm.extended.ok_or(INVALID_PARAMETER)?;
    match (wanted, extended.state) {
        (3, 7 | 8) => Ok((job::STATE_CHANGE, Work::ExtendedState(3))),
        (7, 3) => Ok((job::STATE_CHANGE, Work::ExtendedState(7))),
        _ => Err(INVALID_STATE),
    }
}
