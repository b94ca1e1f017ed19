//! Following the job, and reading the state back as proof.

use super::*;

impl Unplanned {
    pub(super) fn followed(&mut self, now: Duration, looks: u32, answer: Result<Option<Job>, Error>) -> Action {
        let (Some(job), Some(vm)) = (self.job.clone(), self.vm.clone()) else { return self.out_of_step() };
        let next = match answer {
            Ok(snapshot) => {
                self.misses = 0;
                let next = self.follower.observe(now, snapshot.as_ref());
                self.last = snapshot.or(self.last.take());
                next
            }
            Err(error) if error.is_contact_lost() => {
                self.misses += 1;
                let next = self.follower.observe_failure(now);
                self.lost = Some((error.to_string(), Some(error)));
                next
            }
            Err(error) => match is_deadline(&error) {
                true => return self.out_of_time(Phase::Following { looks }),
                // Not a lost connection but an answer, such as "access denied": the state may still be readable.
                false => {
                    self.lost = Some((error.to_string(), Some(error)));
                    Follow::Gone
                }
            },
        };
        match next {
            Follow::Wait(delay) => self.later(now, delay, Phase::Following { looks: looks + 1 }, Action::GetJob(job)),
            Follow::Ended => self.verify(vm.id),
            Follow::Gone => {
                self.remarks.push("the job was not there any more; the state proves the result".to_owned());
                self.verify(vm.id)
            }
            Follow::Failed => match self.last.take() {
                Some(last) => self.go(Phase::Explaining { job: Box::new(last) }, Action::GetJobErrors(job)),
                None => self.out_of_step(),
            },
            Follow::ContactLost => self.unproven("the host gave no answer for too long while the job ran"),
        }
    }

    pub(super) fn verify(&mut self, id: VmId) -> Action {
        self.misses = 0;
        self.go(Phase::ReadingBack { round: 0 }, Action::ReadVm(id))
    }

    pub(super) fn read_back(&mut self, now: Duration, round: u32, answer: Result<Option<Vm>, Error>) -> Action {
        let Some(id) = self.vm.as_ref().map(|vm| vm.id.clone()) else { return self.out_of_step() };
        match answer {
            Ok(Some(vm)) if is_failed_over(vm.state) => self.done(now, vm),
            Ok(Some(vm)) => {
                self.misses = 0;
                let in_progress = vm.state == ReplicationState::FailoverInProgress;
                let seen = format!("the VM reads as {} ({})", vm.state, vm.state.value());
                self.after = Some(vm);
                if round >= LOOKS && !in_progress {
                    return self.unproven(&format!("{seen}, which is not a failed-over state"));
                }
                let round = next_look(round, in_progress);
                self.later(now, backoff(round), Phase::ReadingBack { round }, Action::ReadVm(id))
            }
            Ok(None) => self.unproven("the host does not show the VM any more"),
            Err(error) => self.missed(now, error, Phase::ReadingBack { round: round.max(1) }, Action::ReadVm(id)),
        }
    }

    pub(super) fn done(&mut self, now: Duration, after: Vm) -> Action {
        let Some(proposal) = self.proposal.take() else { return self.out_of_step() };
        let job = self.last.take();
        if job.as_ref().is_some_and(|job| job.state == crate::hyperv::JobState::CompletedWithWarnings) {
            self.remarks.push("the job completed with warnings".to_owned());
        }
        let id = after.id.clone();
        let start = proposal.start;
        let report = Box::new(Report {
            verified: Verified { state: after.state, failed_over: after.failed_over },
            proposal: *proposal,
            after,
            job,
            start: StartReport::NotAsked,
            remarks: std::mem::take(&mut self.remarks),
            took: now.saturating_sub(self.sent_at),
        });
        match start {
            true => self.go(Phase::Starting { report }, Action::Start(id)),
            false => Action::Finish(Outcome::Done(report)),
        }
    }
}
