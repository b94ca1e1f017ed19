//! Start, power off, shutdown of the guest.

use std::time::Duration;

use crate::simulator::job::{self, Job, SHUT_DOWN, Work};
use crate::simulator::scenario::{JobScript, Shutdown};
use crate::simulator::vm::Vm;
use crate::simulator::world::{Call, INVALID_PARAMETER, INVALID_STATE, Outcome, World};

/// Codes of InitiateShutdown beyond the common ones.
const NOT_READY: u32 = 32780;
const LOCKED: u32 = 32781;
const IN_PROGRESS: u32 = 32782;

impl World {
    /// RequestStateChange of a VM: 2 start, 3 turn off, 4 shut the guest down; the other values are not simulated.
    pub(in crate::simulator) fn request_state(&mut self, vm: &str, wanted: u16, mut call: Call<'_>) -> Outcome {
        let guest = self.vms.iter().find(|known| known.has_id(vm)).map(|vm| vm.guest);
        if let (4, Some(Shutdown::After(time))) = (wanted, guest.map(|guest| guest.shutdown))
            && !time.is_zero()
        {
            // The job goes on until the guest is off.
            call.script.duration = Some(call.script.duration.unwrap_or_default().max(time));
        }
        if wanted == 3 && !self.is_busy(vm) {
            self.give_up_shutdown(vm, call.now);
        }
        self.start("RequestStateChange", vm, call, |vm, _| match (wanted, vm.enabled_state) {
            (2, 3 | 6) if !is_locked(vm) => {
                vm.enabled_state = 10;
                Ok((job::START, Work::Power(2)))
            }
            (3, 2 | 9) => {
                vm.enabled_state = 4;
                Ok((job::POWER_OFF, Work::Power(3)))
            }
            (4, 2) if vm.guest.ready => Ok((SHUT_DOWN, shut_down(vm))),
            _ => Err(INVALID_STATE),
        })
    }

    /// Nobody waits for a guest that is to be turned off.
    fn give_up_shutdown(&mut self, vm: &str, now: Duration) {
        let Some(shutdown) = self.shutdown_of(vm) else { return };
        shutdown.drop_at(now);
        if let Some(vm) = self.vms.iter_mut().find(|known| known.has_id(vm)) {
            vm.enabled_state = 2;
        }
    }

    /// InitiateShutdown of Msvm_ShutdownComponent. It has no job: the guest goes off later, or not.
    pub(in crate::simulator) fn initiate_shutdown(
        &mut self,
        vm: &str,
        force: bool,
        reason: Option<&str>,
        call: Call<'_>,
    ) -> Outcome {
        const METHOD: &str = "InitiateShutdown";
        let is_shutting_down = self.shutdown_of(vm).is_some();
        let begun = self.call(METHOD, vm).and_then(|place| {
            let is_busy = self.vms.get(place).is_some_and(|vm| self.is_busy(&vm.id));
            let vm = self.vms.get_mut(place).ok_or(INVALID_PARAMETER)?;
            match vm.enabled_state {
                _ if reason.is_none() => return Err(INVALID_PARAMETER),
                4 if is_shutting_down => return Err(IN_PROGRESS),
                2 if !is_busy => {}
                _ => return Err(INVALID_STATE),
            }
            if !vm.guest.ready {
                return Err(NOT_READY);
            }
            if vm.guest.locked && !force {
                return Err(LOCKED);
            }
            let before = (vm.state, vm.enabled_state);
            let duration = match vm.guest.shutdown {
                Shutdown::After(time) => Some(time),
                Shutdown::Ignored => None,
            };
            let script = JobScript { duration, ..JobScript::default() };
            Ok(Job::new(call.job_id.clone(), SHUT_DOWN, vm.id.clone(), call.now, script, shut_down(vm), Some(before)))
        });
        match begun {
            Err(code) => Outcome::Refused(code),
            Ok(job) => {
                self.take(METHOD, &job.vm, &call, None);
                self.jobs.push(Job { is_hidden: true, ..job });
                Outcome::Done
            }
        }
    }

    fn shutdown_of(&mut self, vm: &str) -> Option<&mut Job> {
        let mut jobs = self.jobs.iter_mut().filter(|job| job.vm.eq_ignore_ascii_case(vm) && !job.is_settled);
        jobs.find(|job| job.kind == SHUT_DOWN)
    }
}

/// A replica stays off until it is failed over; a prepared primary is locked.
fn is_locked(vm: &Vm) -> bool {
    (vm.is_replica() && !matches!(vm.state, 5 | 6)) || (vm.mode, vm.state) == (1, 4)
}

fn shut_down(vm: &mut Vm) -> Work {
    match vm.guest.shutdown {
        Shutdown::Ignored => Work::Nothing,
        Shutdown::After(_) => {
            vm.enabled_state = 4;
            Work::Power(3)
        }
    }
}
