//! Starting the VM: the failover is proven already, so nothing here can make it unproven again.

use super::*;

impl Unplanned {
    pub(super) fn start_asked(&mut self, now: Duration, report: Box<Report>, answer: Result<Invoked, Error>) -> Action {
        let id = report.after.id.clone();
        match answer {
            Ok(Invoked::Started(job)) => {
                self.job = Some(job.clone());
                let follower = JobFollower::new(now);
                self.go(Phase::FollowingStart { report, follower }, Action::GetJob(job))
            }
            Ok(Invoked::Refused(code)) => {
                started(report, StartReport::Failed(format!("the host answered {} ({code})", code.value())))
            }
            // Done, or lost: the state of the VM tells.
            Ok(Invoked::Done) => self.go(Phase::ReadingStart { report, round: 0 }, Action::ReadVm(id)),
            Err(error) if error.delivery() == Delivery::Unknown => {
                self.go(Phase::ReadingStart { report, round: 0 }, Action::ReadVm(id))
            }
            Err(error) => started(report, StartReport::Failed(error.to_string())),
        }
    }

    pub(super) fn start_followed(
        &mut self,
        now: Duration,
        report: Box<Report>,
        mut follower: JobFollower,
        answer: Result<Option<Job>, Error>,
    ) -> Action {
        let Some(job) = self.job.clone() else { return self.out_of_step() };
        let id = report.after.id.clone();
        let next = match &answer {
            Ok(snapshot) => follower.observe(now, snapshot.as_ref()),
            Err(error) if is_deadline(error) => return self.out_of_time(Phase::FollowingStart { report, follower }),
            Err(_) => follower.observe_failure(now),
        };
        match next {
            Follow::Wait(delay) => {
                self.later(now, delay, Phase::FollowingStart { report, follower }, Action::GetJob(job))
            }
            Follow::Failed => {
                let text = answer.ok().flatten().map(|job| job.error_description).unwrap_or_default();
                started(report, StartReport::Failed(format!("the job failed: {text}")))
            }
            Follow::Ended | Follow::Gone => self.go(Phase::ReadingStart { report, round: 0 }, Action::ReadVm(id)),
            Follow::ContactLost => started(report, StartReport::Failed("the host gives no answer".to_owned())),
        }
    }

    pub(super) fn start_read(
        &mut self,
        now: Duration,
        mut report: Box<Report>,
        round: u32,
        answer: Result<Option<Vm>, Error>,
    ) -> Action {
        let id = report.after.id.clone();
        let seen = match answer {
            Ok(Some(vm)) if vm.enabled_state == EnabledState::Enabled => {
                report.after = vm;
                return started(report, StartReport::Running);
            }
            Ok(Some(vm)) => format!("the VM reads as {}", vm.enabled_state),
            Ok(None) => "the host does not show the VM any more".to_owned(),
            Err(error) => error.to_string(),
        };
        if round >= START_LOOKS {
            return started(report, StartReport::Failed(seen));
        }
        self.later(now, backoff(round + 1), Phase::ReadingStart { report, round: round + 1 }, Action::ReadVm(id))
    }
}
