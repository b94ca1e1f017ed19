//! The reply was lost: look at the host, never ask again.

use super::*;

impl CallRun {
    pub(super) fn look(&mut self, reason: String, error: Option<Error>) -> Turn {
        self.reply_lost = Some(reason.clone());
        self.lost = Some((reason, error));
        self.misses = 0;
        let question = self.question();
        self.go(Phase::Looking { round: 0, going: false }, question)
    }

    pub(super) fn looked_at_goal(&mut self, now: Duration, round: u32, answer: Answer) -> Turn {
        let told = match answer {
            Ok(told) => told,
            Err(error) => return self.missed(now, error, Phase::Looking { round, going: false }),
        };
        self.misses = 0;
        let judgement = self.step.goal.judge(&told);
        let is_gone = matches!(told, Told::Vm(None));
        self.after = Some(told);
        match judgement {
            Judgement::Reached(seen) => {
                self.remark_lost_reply();
                self.reached(seen)
            }
            // A VM that is not there says nothing of the call.
            Judgement::Not(seen) if is_gone => self.unproven(&seen),
            judgement => {
                let going = matches!(judgement, Judgement::Going(_));
                let jobs = self.find_jobs();
                self.go(Phase::Looking { round, going }, jobs)
            }
        }
    }

    pub(super) fn looked_at_jobs(
        &mut self,
        now: Duration,
        round: u32,
        going: bool,
        answer: Result<Vec<Job>, Error>,
    ) -> Turn {
        let is_known = answer.is_ok();
        let passed = self.passed(now);
        let is_late = match self.quiet {
            Some(quiet) => self.looked_after >= quiet,
            None => round >= LOOKS,
        };
        // A job that is over may be that of an earlier call, where the host's clock is ahead of ours: it is believed once
        // no other can be expected. One that has ended well tells nothing that the goal does not.
        if let Ok(jobs) = &answer
            && let Some(job) = self.our_job(jobs).filter(|job| is_late || !job.is_over())
        {
            self.remark_lost_reply();
            self.wait = true;
            return self.attach(now, job.reference.clone());
        }
        let question = self.question();
        match self.quiet {
            // What is not to be seen after the host's time for it was never taken; after some minutes it may have been,
            // and failed.
            Some(quiet) if self.looked_after >= quiet && round > 0 && !going && is_known => {
                let longest = passed.max(self.at_most);
                let verdict = if longest < KEPT { Verdict::NotTaken } else { Verdict::Failed };
                return self.nothing(verdict, "the state is unchanged and no job of the VM is to be seen");
            }
            Some(quiet) if self.looked_after < quiet && !going => {
                let rest = quiet.saturating_sub(passed).clamp(SHORTEST, LONGEST);
                return self.later(now, rest, Phase::Looking { round: round.max(1), going: false }, question);
            }
            _ => {}
        }
        if round >= LOOKS && !going {
            return self.unproven("the state is unchanged and no job of the VM is to be seen");
        }
        let round = next_look(round, going);
        self.later(now, backoff(round), Phase::Looking { round, going: false }, question)
    }

    /// The job of this call among the jobs of the VM: one that still runs, or else the last one that was submitted after
    /// the call went out. Before the call no such job ran, so a running one is of this moment. One that has ended well
    /// would have reached the goal by now: without that it is taken for ours only where no difference of clocks can make
    /// an earlier one look so.
    pub(super) fn our_job<'j>(&self, jobs: &'j [Job]) -> Option<&'j Job> {
        let earliest = self.sent_wall.checked_sub(CLOCK_SKEW)?;
        let kinds = self.step.call.as_ref().map_or(&[][..], |call| call.job_types());
        let submitted = |job: &Job| job.submitted.as_ref().and_then(|time| time.to_system_time());
        let is_ours = |job: &&Job| {
            let since = if job.is_good() { self.sent_wall } else { earliest };
            let is_known = self.known.iter().any(|known| known.eq_ignore_ascii_case(job.reference.instance_id()));
            !is_known
                && job.kind.is_some_and(|kind| kinds.contains(&kind))
                && (!job.is_over() || submitted(job).is_some_and(|time| time >= since))
        };
        jobs.iter().filter(is_ours).max_by_key(|job| (!job.is_over(), submitted(job)))
    }

    pub(super) fn remark_lost_reply(&mut self) {
        if let Some(reason) = self.reply_lost.take() {
            self.remarks.push(format!("the reply to the call was lost ({reason}); the host was looked at instead"));
        }
    }
}
