//! The reply was lost: look at the host, never ask again.

use super::*;

impl Unplanned {
    pub(super) fn look(&mut self, id: VmId, reason: String, error: Option<Error>) -> Action {
        self.lost = Some((reason, error));
        self.misses = 0;
        self.go(Phase::Looking { round: 0, vm: None }, Action::ReadVm(id))
    }

    pub(super) fn looked_at_vm(&mut self, now: Duration, round: u32, answer: Result<Option<Vm>, Error>) -> Action {
        let Some(id) = self.vm.as_ref().map(|vm| vm.id.clone()) else { return self.out_of_step() };
        match answer {
            Ok(Some(vm)) if is_failed_over(vm.state) => {
                self.remark_lost_reply();
                self.done(now, vm)
            }
            Ok(vm) => {
                self.misses = 0;
                self.after.clone_from(&vm);
                self.go(Phase::Looking { round, vm }, Action::FindJobs(id))
            }
            Err(error) => self.missed(now, error, Phase::Looking { round, vm: None }, Action::ReadVm(id)),
        }
    }

    pub(super) fn looked_at_jobs(
        &mut self,
        now: Duration,
        round: u32,
        vm: Option<Vm>,
        answer: Result<Vec<Job>, Error>,
    ) -> Action {
        let Some(id) = self.vm.as_ref().map(|vm| vm.id.clone()) else { return self.out_of_step() };
        if let Ok(jobs) = &answer
            && let Some(job) = self.our_job(jobs)
        {
            self.remark_lost_reply();
            return self.attach(now, job);
        }
        let in_progress = vm.is_some_and(|vm| vm.state == ReplicationState::FailoverInProgress);
        if round >= LOOKS && !in_progress {
            return self.unproven("the state is unchanged and no job of the VM is to be seen");
        }
        let round = next_look(round, in_progress);
        self.later(now, backoff(round), Phase::Looking { round, vm: None }, Action::ReadVm(id))
    }

    /// The failover job of this run among the jobs of the VM: one that still runs, or one that was submitted after
    /// the call went out. Before the call the VM was in no failover, so a running one is of this moment.
    pub(super) fn our_job(&self, jobs: &[Job]) -> Option<JobRef> {
        let earliest = self.sent_wall.checked_sub(CLOCK_SKEW)?;
        let is_ours = |job: &&Job| {
            let submitted = job.submitted.as_ref().and_then(|time| time.to_system_time());
            job.kind == Some(JobType::InitiateFailover)
                && (!job.is_over() || submitted.is_some_and(|time| time >= earliest))
        };
        jobs.iter().filter(is_ours).max_by_key(|job| !job.is_over()).map(|job| job.reference.clone())
    }

    pub(super) fn remark_lost_reply(&mut self) {
        if let Some((reason, _)) = &self.lost {
            self.remarks.push(format!("the reply to the call was lost ({reason}); the host was looked at instead"));
        }
    }
}
