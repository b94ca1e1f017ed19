//! RequestStateChange of a job.

use std::time::Duration;

use crate::simulator::object::same_text;
use crate::simulator::world::World;

/// Codes of the method (CIM_ConcreteJob).
const DONE: u32 = 0;
const NOT_SUPPORTED: u32 = 1;
const INVALID_PARAMETER: u32 = 5;
const INVALID_TRANSITION: u32 = 4097;

impl World {
    /// 4 ends a job that can be cancelled, and its work is not done; the other values are not simulated.
    pub(in crate::simulator) fn request_job_state(&mut self, id: &str, wanted: u16, now: Duration) -> u32 {
        if wanted != 4 {
            return if (2..=6).contains(&wanted) { NOT_SUPPORTED } else { INVALID_PARAMETER };
        }
        let job = self.jobs.iter_mut().find(|job| job.is_visible(now) && same_text(&job.id, id));
        match job {
            Some(job) if !job.is_settled && job.script.cancellable => {
                job.terminated = Some(now);
                DONE
            }
            _ => INVALID_TRANSITION,
        }
    }
}
