//! Following the job, and reading the state back as proof.

use super::*;

impl CallRun {
    pub(super) fn followed(&mut self, now: Duration, looks: u32, answer: Result<Option<Job>, Error>) -> Turn {
        let Some(job) = self.job.clone() else { return self.unproven("the job is not known") };
        let is_readable = answer.is_ok();
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
                true => return self.out_of_time(&Phase::Following { looks }),
                // Not a lost connection but an answer, such as "access denied": the state may still be readable.
                false => {
                    self.lost = Some((error.to_string(), Some(error)));
                    Follow::Gone
                }
            },
        };
        let site = self.site();
        match next {
            Follow::Wait(delay) => {
                self.later(now, delay, Phase::Following { looks: looks + 1 }, Action::GetJob { site, job })
            }
            Follow::Ended => self.verify(now, Over::Said),
            Follow::Gone => {
                let (remark, over) = match is_readable {
                    true => ("the job was not there any more; the state proves the result", Over::JobGone),
                    false => ("the job could not be read; the state proves the result", Over::Unknown),
                };
                self.remarks.push(remark.to_owned());
                self.verify(now, over)
            }
            Follow::Failed => match self.last.take() {
                Some(last) => self.go(Phase::Explaining { job: Box::new(last) }, Action::GetJobErrors { site, job }),
                None => self.unproven("the job failed, and nothing is known of it"),
            },
            Follow::ContactLost => self.unproven("the host gave no answer for too long while the job ran"),
        }
    }

    pub(super) fn verify(&mut self, now: Duration, over: Over) -> Turn {
        self.misses = 0;
        self.over = over;
        let question = self.question();
        self.go(Phase::ReadingBack { round: 0, since: now }, question)
    }

    pub(super) fn read_back(&mut self, now: Duration, round: u32, since: Duration, answer: Answer) -> Turn {
        let told = match answer {
            Ok(told) => told,
            Err(error) => return self.missed(now, error, Phase::ReadingBack { round: round.max(1), since }),
        };
        self.misses = 0;
        let judgement = self.step.goal.judge(&told);
        let is_gone = matches!(told, Told::Vm(None));
        self.after = Some(told);
        let (seen, going) = match judgement {
            Judgement::Reached(seen) => return self.reached(seen),
            Judgement::Not(seen) if is_gone => return self.unproven(&seen),
            Judgement::Going(seen) => (seen, true),
            Judgement::Not(seen) => (seen, false),
        };
        // What takes its time by nature, such as a guest that shuts down, is given it, and not more.
        let waited = match self.quiet {
            Some(_) => self.passed(now),
            None => now.saturating_sub(since),
        };
        let patience = self.step.patience;
        let going = if patience.is_zero() { going } else { waited < patience };
        if round >= LOOKS && !going {
            let question = self.question();
            return match self.is_over(now) {
                true => self.nothing(Verdict::Failed, &seen),
                // That a job has gone proves its end only after the time for which a host keeps one.
                false if self.quiet.is_some() && self.over == Over::JobGone => {
                    let rest = KEPT.saturating_sub(self.passed(now)).clamp(SHORTEST, LONGEST);
                    self.later(now, rest, Phase::ReadingBack { round, since }, question)
                }
                false => self.unproven(&format!("the VM reads as {seen}, which does not prove the step")),
            };
        }
        let round = next_look(round, going);
        let question = self.question();
        self.later(now, backoff(round), Phase::ReadingBack { round, since }, question)
    }

    /// Whether the host has certainly nothing left to do for a call of an earlier process.
    fn is_over(&self, now: Duration) -> bool {
        match (self.quiet, self.over) {
            (Some(_), Over::Said) => true,
            // A job is removed some time after its end, or with a restart of the service.
            (Some(_), Over::JobGone) => self.passed(now) >= KEPT,
            _ => false,
        }
    }

    /// The call of an earlier process did nothing, or left nothing: it may be made anew, with a yes of its own.
    pub(super) fn nothing(&mut self, verdict: Verdict, seen: &str) -> Turn {
        let verdict = self.settled.unwrap_or(verdict);
        self.verdict = Some(verdict);
        let what = match verdict {
            Verdict::NotTaken => "was never taken by the host",
            _ => "is over, and nothing is left of it",
        };
        self.remarks.push(format!("the call of the earlier process {what}: {seen}"));
        self.end(End::Nothing)
    }

    pub(super) fn reached(&mut self, seen: String) -> Turn {
        if self.last.as_ref().is_some_and(|job| job.state == crate::hyperv::JobState::CompletedWithWarnings) {
            self.remarks.push("the job completed with warnings".to_owned());
        }
        self.verdict = Some(Verdict::Done);
        self.end(End::Reached(seen))
    }
}
