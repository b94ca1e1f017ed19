//! One once-only call as a state machine: from the call to the proof of what it led to.
//!
//! ```text
//! CALL -> follow job -> read back -> reached
//!  |  \-- refused: missing keys? look, learn the keys, call once more
//!  \-- reply lost: look at state and jobs -> follow | reached | unproven
//! ```
//!
//! INVARIANT: `Action::Call` is given out once, and again only where the one before certainly did nothing. That is once
//! where no byte of it left (the connection had gone while a person was thinking), and once where the host answered with
//! a fault that points at the service's keys, its state is unchanged and it shows no job of the call.

mod lost;
mod proof;

use std::time::{Duration, SystemTime};

use crate::hyperv::{Error, Follow, Invoked, Job, JobError, JobFollower, JobRef, ReturnCode, ServiceKeys};
use crate::wsman::{Delivery, ExchangeErrorKind, Fault};

use super::action::{Action, CallError, Observation};
use super::footprint::is_proof_of_refusal;
use super::goal::Judgement;
use super::journal::{JournalError, Verdict};
use super::order::Site;
use super::scene::{Answer, Told};
use super::steps::Step;

/// The run of one step.
#[derive(Debug)]
pub(super) struct CallRun {
    pub(super) step: Step,
    wait: bool,
    deadline: Option<Duration>,
    phase: Phase,
    /// What to do after a wait.
    after_wait: Option<(Phase, Action)>,
    /// What the goal's question was answered with before the call.
    before: Judgement,
    begun_at: Duration,
    /// By the time of day: which jobs are of this call is told by it, and nothing else.
    sent_wall: SystemTime,
    /// Of a call that an earlier process sent: how long ago that certainly was when this process began, and how long it
    /// may have been, by the time of day where nothing better is known.
    already: Duration,
    at_most: Duration,
    /// How long after the call the last look at the host began: an answer may be as old as the question.
    looked_after: Duration,
    /// Of a call that an earlier process sent: how long a host may still take it up. None for a call of this process,
    /// which is never believed to have done nothing.
    quiet: Option<Duration>,
    /// What was proven of the call by an earlier process, and stays so.
    settled: Option<Verdict>,
    over: Over,
    /// InstanceIDs of jobs of earlier calls.
    known: Vec<String>,
    job: Option<JobRef>,
    pub(super) last: Option<Job>,
    follower: JobFollower,
    misses: u32,
    pub(super) remarks: Vec<String>,
    /// What lost the reply to the call, if something has.
    reply_lost: Option<String>,
    /// What lost the proof, once something has.
    lost: Option<(String, Option<Error>)>,
    pub(super) after: Option<Told>,
    verdict: Option<Verdict>,
}

/// How it is known that the host has nothing left to do for the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// It is not.
    Unknown,
    /// The method answered that it was done, or its job ended well.
    Said,
    /// Its job is not there any more.
    JobGone,
}

/// Why a call goes out again; each reason counts once.
#[derive(Debug, Clone, Copy, Default)]
struct Again {
    /// No byte of it left before.
    resent: bool,
    /// The keys of the service were learnt.
    learnt: bool,
    /// The one before may have been taken after all: it left no trace, or its fault did not say in so many words that
    /// keys were missing.
    in_doubt: bool,
}

#[derive(Debug)]
enum Phase {
    Calling {
        again: Again,
    },
    /// The host refused with a fault that points at keys: is everything as before?
    CheckingRefusal {
        fault: Error,
        goal_seen: bool,
        again: Again,
    },
    Learning {
        fault: Error,
        again: Again,
    },
    /// The reply was lost: what does the host show?
    Looking {
        round: u32,
        going: bool,
    },
    Following {
        looks: u32,
    },
    Explaining {
        job: Box<Job>,
    },
    /// The job failed: how did it leave the VM?
    Concluding {
        job: Box<Job>,
        details: Vec<JobError>,
    },
    ReadingBack {
        round: u32,
        since: Duration,
    },
    Over,
}

/// What the run of a step wants next.
#[derive(Debug)]
pub(super) enum Turn {
    Do(Action),
    End(Box<End>),
}

/// When an earlier process sent a call.
#[derive(Debug)]
pub(super) struct Sent {
    /// By its time of day.
    pub(super) wall: SystemTime,
    /// How long ago that certainly is, where the machine tells.
    pub(super) ago: Option<Duration>,
    /// How long after it a host may still take the call up.
    pub(super) quiet: Duration,
    /// What is proven of it already, where it is another call of the step that left no trace.
    pub(super) settled: Option<Verdict>,
}

/// What an earlier process left of a call.
#[derive(Debug)]
pub(super) enum Left {
    /// Its job.
    Job(JobRef),
    /// The answer that it was done.
    Done,
    /// Nobody knows what came of it.
    Unknown {
        /// InstanceIDs of jobs of other calls of the step, whose ends are known.
        known: Vec<String>,
    },
}

/// How a step ended.
#[derive(Debug)]
pub(super) enum End {
    /// Proven, in words.
    Reached(String),
    /// The job runs; nobody asked to wait for it.
    Started(JobRef),
    /// Nothing was sent.
    NotSent(Error),
    /// Nothing was sent, as it could not be put on record.
    NotRecorded(JournalError),
    HostRefused(ReturnCode),
    Faulted(Error),
    JobFailed {
        job: Box<Job>,
        details: Vec<JobError>,
    },
    Unproven {
        reason: String,
        error: Option<Error>,
        job: Option<JobRef>,
    },
    DeadlinePassed {
        job: JobRef,
        last: Option<Box<Job>>,
    },
    /// Taken up again, the host shows that the call did nothing, or left nothing.
    Nothing,
}

/// How often an unchanged state is read again before it is believed: 1 + 2 + 4 + 8 seconds.
const LOOKS: u32 = 4;
/// How long a host keeps a job that has ended (TimeBeforeRemoval; recorded of others, E12), and some time for its clean-up.
const KEPT: Duration = Duration::from_secs(300 + 60);
/// The waits while the host's time for a call runs out.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(15);
/// How far the host's clock may be off when a finished job is told from an earlier one.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

impl CallRun {
    /// The run of a step; `before` is what the scene says of its goal now.
    pub(super) fn new(step: Step, before: Judgement, wait: bool, deadline: Option<Duration>) -> Self {
        CallRun {
            step,
            wait,
            deadline,
            phase: Phase::Over,
            after_wait: None,
            before,
            begun_at: Duration::ZERO,
            sent_wall: SystemTime::UNIX_EPOCH,
            already: Duration::ZERO,
            at_most: Duration::ZERO,
            looked_after: Duration::ZERO,
            quiet: None,
            settled: None,
            over: Over::Unknown,
            known: Vec::new(),
            job: None,
            last: None,
            follower: JobFollower::new(Duration::ZERO),
            misses: 0,
            remarks: Vec::new(),
            reply_lost: None,
            lost: None,
            after: None,
            verdict: None,
        }
    }

    /// Begins with the call, or, where the step has none, with reading. `in_doubt`: a call before this one left no trace.
    pub(super) fn begin(&mut self, now: Duration, wall: SystemTime, in_doubt: bool) -> Turn {
        self.begun_at = now;
        self.sent_wall = wall;
        match self.step.call.is_some() {
            true => self.call(Again { in_doubt, ..Again::default() }, ServiceKeys::Short),
            false => self.verify(now, Over::Unknown),
        }
    }

    /// Begins with what an earlier process left behind of a call.
    pub(super) fn settle(&mut self, now: Duration, wall: SystemTime, sent: &Sent, left: Left) -> Turn {
        self.begun_at = now;
        self.sent_wall = sent.wall;
        self.already = sent.ago.unwrap_or_default();
        self.at_most = sent.ago.unwrap_or_else(|| wall.duration_since(sent.wall).unwrap_or_default());
        self.quiet = Some(sent.quiet);
        self.settled = sent.settled;
        match left {
            Left::Job(job) => self.attach(now, job),
            Left::Done => self.verify(now, Over::Said),
            Left::Unknown { known } => {
                self.known.extend(known);
                self.look("the earlier process did not see an answer".to_owned(), None)
            }
        }
    }

    /// How long ago the call was sent, at least. The time of day has no say in it: a clock may be set, and that of another
    /// machine may be another.
    fn passed(&self, now: Duration) -> Duration {
        self.already.saturating_add(now.saturating_sub(self.begun_at))
    }

    /// With jobs that are those of other calls.
    #[must_use]
    pub(super) fn knowing(mut self, jobs: &[String]) -> Self {
        self.known.extend_from_slice(jobs);
        self
    }

    /// How long it has taken.
    pub(super) fn took(&self, now: Duration) -> Duration {
        now.saturating_sub(self.begun_at)
    }

    /// Whether the job is about to be looked at for the first time.
    pub(super) fn is_first_look(&self) -> bool {
        matches!(self.phase, Phase::Following { looks: 0 })
    }

    /// Whether the state is being read back as proof.
    pub(super) fn is_verifying(&self) -> bool {
        matches!(self.phase, Phase::ReadingBack { round: 0, .. })
    }

    /// Whether the goal was read already and is waited for.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::ReadingBack { round: 1.., .. })
    }

    /// Why the host is being looked at, where the reply to the call was lost.
    pub(super) fn looking_because(&self) -> Option<&str> {
        match self.phase {
            Phase::Looking { round: 0, .. } => self.reply_lost.as_deref(),
            _ => None,
        }
    }

    /// What was proven of the call last sent, once.
    pub(super) fn take_verdict(&mut self) -> Option<Verdict> {
        self.verdict.take()
    }

    /// The next turn, given the time on the caller's clock and what was seen.
    pub(super) fn next(&mut self, now: Duration, seen: Observation) -> Turn {
        if let (Observation::Waited, Some((phase, action))) = (&seen, self.after_wait.take()) {
            self.phase = phase;
            self.looked_after = self.passed(now);
            return Turn::Do(action);
        }
        match (std::mem::replace(&mut self.phase, Phase::Over), seen) {
            (Phase::Calling { again }, Observation::Called(answer)) => self.called(now, again, answer),
            (Phase::CheckingRefusal { fault, again, .. }, Observation::Told(answer)) => {
                self.refusal_goal(fault, again, answer)
            }
            (Phase::CheckingRefusal { fault, goal_seen, again }, Observation::Jobs(answer)) => {
                self.refusal_jobs(fault, goal_seen, again, answer)
            }
            (Phase::Learning { fault, again }, Observation::Service(answer)) => self.learnt(fault, again, answer),
            (Phase::Looking { round, .. }, Observation::Told(answer)) => self.looked_at_goal(now, round, answer),
            (Phase::Looking { round, going }, Observation::Jobs(answer)) => {
                self.looked_at_jobs(now, round, going, answer)
            }
            (Phase::Following { looks }, Observation::Job(answer)) => self.followed(now, looks, answer),
            (Phase::Explaining { job }, Observation::JobErrors(answer)) => {
                self.verdict = Some(Verdict::Failed);
                let question = self.question();
                self.go(Phase::Concluding { job, details: answer.unwrap_or_default() }, question)
            }
            (Phase::Concluding { job, details }, Observation::Told(answer)) => {
                self.after = answer.ok();
                self.end(End::JobFailed { job, details })
            }
            (Phase::ReadingBack { round, since }, Observation::Told(answer)) => {
                self.read_back(now, round, since, answer)
            }
            _ => self.unproven("the workflow was driven out of step"),
        }
    }

    fn go(&mut self, phase: Phase, action: Action) -> Turn {
        self.phase = phase;
        Turn::Do(action)
    }

    fn end(&mut self, end: End) -> Turn {
        Turn::End(Box::new(end))
    }

    fn site(&self) -> Site {
        self.step.site
    }

    /// The question that shows whether the goal is reached.
    fn question(&self) -> Action {
        Action::Ask { site: self.site(), ask: self.step.goal.question(&self.step.vm) }
    }

    fn find_jobs(&self) -> Action {
        Action::FindJobs { site: self.site(), vm: self.step.vm.clone() }
    }

    /// Waits, then does `action` in `phase`; at the deadline it ends instead.
    fn later(&mut self, now: Duration, delay: Duration, phase: Phase, action: Action) -> Turn {
        let remaining = self.deadline.map(|deadline| deadline.saturating_sub(now));
        if remaining.is_some_and(|remaining| remaining.is_zero()) {
            return self.out_of_time(&phase);
        }
        self.after_wait = Some((phase, action));
        Turn::Do(Action::Wait(remaining.map_or(delay, |remaining| remaining.min(delay))))
    }

    // The call.

    fn call(&mut self, again: Again, keys: ServiceKeys) -> Turn {
        match self.step.call.clone() {
            Some(call) => {
                let action = Action::Call { site: self.site(), step: self.step.name, keys, call: Box::new(call) };
                self.go(Phase::Calling { again }, action)
            }
            None => self.unproven("the step has no call"),
        }
    }

    fn called(&mut self, now: Duration, again: Again, answer: Result<Invoked, CallError>) -> Turn {
        let error = match answer {
            Ok(Invoked::Done) => return self.verify(now, Over::Said),
            Ok(Invoked::Started(job)) => return self.attach(now, job),
            // Where the call before it was taken after all, "in use" and "invalid state" are what a host says that is at
            // work on that one.
            Ok(Invoked::Refused(code)) if code.is_undecided() || (again.in_doubt && code.is_about_state()) => {
                return self.look(format!("the host answered {} ({code})", code.value()), None);
            }
            Ok(Invoked::Refused(code)) => {
                self.verdict = Some(Verdict::Failed);
                return self.end(End::HostRefused(code));
            }
            Err(CallError::NotRecorded(error)) => return self.end(End::NotRecorded(error)),
            Err(CallError::Host(error)) => error,
        };
        let learns = self.step.call.as_ref().is_some_and(|call| call.service().is_some());
        let is_answer = error.delivery() == Delivery::Answered;
        if !again.learnt && learns && is_answer && error.fault().is_some_and(Fault::may_lack_selectors) {
            let question = self.question();
            return self.go(Phase::CheckingRefusal { fault: error, goal_seen: false, again }, question);
        }
        // A host drops an idle connection after about two minutes, and a person may think for longer.
        if !again.resent && !again.learnt && is_stale_connection(&error) {
            self.verdict = Some(Verdict::NotTaken);
            return self.call(Again { resent: true, ..again }, ServiceKeys::Short);
        }
        match error.delivery() {
            Delivery::NotSent => {
                self.verdict = Some(Verdict::NotTaken);
                self.end(End::NotSent(error))
            }
            Delivery::Answered if is_proof_of_refusal(&error) => {
                self.verdict = Some(Verdict::Failed);
                self.end(End::Faulted(error))
            }
            Delivery::Answered | Delivery::Unknown => self.look(error.to_string(), Some(error)),
        }
    }

    fn attach(&mut self, now: Duration, job: JobRef) -> Turn {
        self.job = Some(job.clone());
        self.follower = JobFollower::new(now);
        match self.wait {
            false => self.end(End::Started(job)),
            true => self.go(Phase::Following { looks: 0 }, Action::GetJob { site: self.site(), job }),
        }
    }

    // Refused for lack of keys: only when nothing has changed is the call made once more, with all keys.

    fn refusal_goal(&mut self, fault: Error, again: Again, answer: Answer) -> Turn {
        match answer {
            Ok(told) if self.step.goal.judge(&told) == self.before => {
                let jobs = self.find_jobs();
                self.go(Phase::CheckingRefusal { fault, goal_seen: true, again }, jobs)
            }
            _ => self.look(fault.to_string(), Some(fault)),
        }
    }

    fn refusal_jobs(&mut self, fault: Error, goal_seen: bool, again: Again, answer: Result<Vec<Job>, Error>) -> Turn {
        let service = self.step.call.as_ref().and_then(|call| call.service());
        match (answer, service) {
            // Any job that runs may be that of the call, whatever its type.
            (Ok(jobs), Some(class)) if goal_seen && self.our_job(&jobs).is_none() && jobs.iter().all(Job::is_over) => {
                self.go(Phase::Learning { fault, again }, Action::LearnService { site: self.site(), class })
            }
            _ => self.look(fault.to_string(), Some(fault)),
        }
    }

    fn learnt(&mut self, fault: Error, again: Again, answer: Result<Option<ServiceKeys>, Error>) -> Turn {
        match answer {
            Ok(Some(keys)) => {
                let in_doubt = !fault.fault().is_some_and(|fault| fault.is_selector_trouble() || fault.is_not_found());
                if !in_doubt {
                    self.verdict = Some(Verdict::NotTaken);
                }
                self.call(Again { learnt: true, in_doubt, ..again }, keys)
            }
            _ => {
                self.verdict = Some(Verdict::Failed);
                self.end(End::Faulted(fault))
            }
        }
    }

    // Ends.

    /// A read after the call brought no answer: try again for as long as the host may be given.
    fn missed(&mut self, now: Duration, error: Error, phase: Phase) -> Turn {
        if is_deadline(&error) {
            return self.out_of_time(&phase);
        }
        if self.misses == 0 {
            self.follower = JobFollower::new(now);
        }
        self.misses += 1;
        let may_come_back = error.is_contact_lost();
        self.lost = Some((error.to_string(), Some(error)));
        let question = self.question();
        match self.follower.observe_failure(now) {
            Follow::Wait(delay) if may_come_back => self.later(now, delay, phase, question),
            _ => self.unproven("the host could not be read after the call"),
        }
    }

    fn out_of_time(&mut self, phase: &Phase) -> Turn {
        match (phase, self.job.take()) {
            (Phase::Following { .. }, Some(job)) if self.misses < 2 => {
                let last = self.last.take().map(Box::new);
                self.end(End::DeadlinePassed { job, last })
            }
            (_, job) => {
                self.job = job;
                self.unproven("the deadline passed before the outcome could be proven")
            }
        }
    }

    fn unproven(&mut self, reason: &str) -> Turn {
        let (lost, error) = self.lost.take().unzip();
        let reason = match lost {
            Some(lost) => format!("{reason}; before that: {lost}"),
            None => reason.to_owned(),
        };
        let job = self.job.take();
        self.end(End::Unproven { reason, error: error.flatten(), job })
    }
}

/// Whether the connection turned out to be gone before any byte of the call was sent on it.
fn is_stale_connection(error: &Error) -> bool {
    error.delivery() == Delivery::NotSent
        && matches!(error, Error::Wsman(crate::wsman::Error::Exchange(error)) if error.kind() == ExchangeErrorKind::ConnectionLost)
}

fn is_deadline(error: &Error) -> bool {
    matches!(error, Error::Wsman(crate::wsman::Error::Deadline))
}

/// While the host works on it the looks grow rarer but never run out; after it, one look more is left.
fn next_look(round: u32, going: bool) -> u32 {
    if going { (round + 1).min(LOOKS - 1) } else { round + 1 }
}

fn backoff(round: u32) -> Duration {
    Duration::from_secs(1 << round.saturating_sub(1).min(3))
}
