//! The unplanned failover of one VM as a state machine.
//!
//! ```text
//! find -> (list points) -> confirm -> INVOKE -> follow job -> read back -> (start -> follow -> read) -> done
//!                                       |  \-- refused: missing keys? look, learn the keys, invoke once more
//!                                       \-- reply lost: look at state and jobs -> follow | done | unproven
//! ```
//!
//! INVARIANT: `Action::Invoke` is given out at most once, and once more only when the first certainly did nothing:
//! no byte of it left (the connection had gone while a person was thinking), or the host answered with a fault that
//! points at the service's keys, its state is unchanged and it shows no job for the VM.

mod lost;
mod proof;
mod start;

use std::time::{Duration, SystemTime};

use crate::hyperv::{
    EnabledState, Error, Follow, Invoked, Job, JobError, JobFollower, JobRef, JobType, LookedUp, RecoveryPoint,
    ReplicationState, ServiceKeys, Vm, VmId, VmSelector,
};
use crate::wsman::{Delivery, ExchangeErrorKind, Fault};

use super::order::Order;
use super::outcome::{Outcome, Refusal, Report, StartReport, Unproven, Verified};
use super::preflight::{Proposal, preflight};

/// What to do next. The driver does it and reports with the [`Observation`] of the same subject.
#[derive(Debug)]
pub enum Action {
    /// Look the VM up.
    FindVm(VmSelector),
    /// Read its recovery points.
    ListPoints(VmId),
    /// Ask whether to go on.
    Confirm(Box<Proposal>),
    /// Call InitiateFailover. The only action that changes the host, but [`Action::Start`].
    Invoke {
        /// How to address the service.
        keys: ServiceKeys,
        /// Which VM.
        vm: VmId,
        /// Which point; none for the latest.
        point: Option<RecoveryPoint>,
    },
    /// Learn the keys of the replication service.
    LearnService,
    /// Read the job.
    GetJob(JobRef),
    /// Ask a failed job for details.
    GetJobErrors(JobRef),
    /// Read the VM.
    ReadVm(VmId),
    /// Find the jobs that touch the VM.
    FindJobs(VmId),
    /// Start the VM.
    Start(VmId),
    /// Let time pass.
    Wait(Duration),
    /// The end.
    Finish(Outcome),
}

/// What was seen.
#[derive(Debug)]
pub enum Observation {
    /// The beginning.
    Begin,
    /// Answer to [`Action::FindVm`].
    Vm(Result<LookedUp, Error>),
    /// Answer to [`Action::ListPoints`].
    Points(Result<Vec<RecoveryPoint>, Error>),
    /// Answer to [`Action::Confirm`].
    Answer(bool),
    /// Answer to [`Action::Invoke`].
    Invoked(Result<Invoked, Error>),
    /// Answer to [`Action::LearnService`].
    Service(Result<Option<ServiceKeys>, Error>),
    /// Answer to [`Action::GetJob`].
    Job(Result<Option<Job>, Error>),
    /// Answer to [`Action::GetJobErrors`].
    JobErrors(Result<Vec<JobError>, Error>),
    /// Answer to [`Action::ReadVm`].
    VmRead(Result<Option<Vm>, Error>),
    /// Answer to [`Action::FindJobs`].
    Jobs(Result<Vec<Job>, Error>),
    /// Answer to [`Action::Start`].
    StartAsked(Result<Invoked, Error>),
    /// Answer to [`Action::Wait`].
    Waited,
}

/// The workflow. Feed it with [`Unplanned::next`] until it says [`Action::Finish`].
#[derive(Debug)]
pub struct Unplanned {
    order: Order,
    phase: Phase,
    /// What to do after a wait.
    after_wait: Option<(Phase, Action)>,
    proposal: Option<Box<Proposal>>,
    vm: Option<Vm>,
    sent_at: Duration,
    sent_wall: SystemTime,
    job: Option<JobRef>,
    last: Option<Job>,
    follower: JobFollower,
    misses: u32,
    remarks: Vec<String>,
    /// What lost the proof, once something has.
    lost: Option<(String, Option<Error>)>,
    after: Option<Vm>,
}

#[derive(Debug)]
enum Phase {
    Begin,
    Finding,
    Listing,
    Asking,
    Invoking {
        /// Whether this is the second and last call.
        again: bool,
    },
    /// The host refused with a fault that points at keys: is everything as before?
    CheckingRefusal {
        fault: Error,
        vm_seen: bool,
    },
    Learning {
        fault: Error,
    },
    /// The reply was lost: what does the host show?
    Looking {
        round: u32,
        vm: Option<Vm>,
    },
    Following {
        looks: u32,
    },
    Explaining {
        job: Box<Job>,
    },
    ReadingBack {
        round: u32,
    },
    Starting {
        report: Box<Report>,
    },
    FollowingStart {
        report: Box<Report>,
        follower: JobFollower,
    },
    ReadingStart {
        report: Box<Report>,
        round: u32,
    },
    Over,
}

/// How often an unchanged state is read again before it is believed: 1 + 2 + 4 + 8 seconds.
const LOOKS: u32 = 4;
/// How often a started VM is read until it runs.
const START_LOOKS: u32 = 20;
/// How far the host's clock may be off when a finished job is told from an earlier one.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

impl Unplanned {
    /// The workflow for an order.
    pub fn new(order: Order) -> Self {
        Unplanned {
            order,
            phase: Phase::Begin,
            after_wait: None,
            proposal: None,
            vm: None,
            sent_at: Duration::ZERO,
            sent_wall: SystemTime::UNIX_EPOCH,
            job: None,
            last: None,
            follower: JobFollower::new(Duration::ZERO),
            misses: 0,
            remarks: Vec::new(),
            lost: None,
            after: None,
        }
    }

    /// The proposal, once there is one.
    pub fn proposal(&self) -> Option<&Proposal> {
        self.proposal.as_deref()
    }

    /// Whether the job is about to be looked at for the first time.
    pub fn is_first_look(&self) -> bool {
        matches!(self.phase, Phase::Following { looks: 0 })
    }

    /// Whether the state is being read back as proof.
    pub fn is_verifying(&self) -> bool {
        matches!(self.phase, Phase::ReadingBack { round: 0 })
    }

    /// Why the host is being looked at, where the reply to the call was lost.
    pub fn looking_because(&self) -> Option<&str> {
        match self.phase {
            Phase::Looking { round: 0, .. } => self.lost.as_ref().map(|(reason, _)| reason.as_str()),
            _ => None,
        }
    }

    /// The next action, given the time on the caller's clock, the time of day, and what was seen.
    pub fn next(&mut self, now: Duration, wall: SystemTime, seen: Observation) -> Action {
        if let (Observation::Waited, Some((phase, action))) = (&seen, self.after_wait.take()) {
            self.phase = phase;
            return action;
        }
        match (std::mem::replace(&mut self.phase, Phase::Over), seen) {
            (Phase::Begin, Observation::Begin) => self.go(Phase::Finding, Action::FindVm(self.order.vm.clone())),
            (Phase::Finding, Observation::Vm(answer)) => self.found(wall, answer),
            (Phase::Listing, Observation::Points(answer)) => self.listed(wall, answer),
            (Phase::Asking, Observation::Answer(yes)) => self.answered(now, wall, yes),
            (Phase::Invoking { again }, Observation::Invoked(answer)) => self.invoked(now, again, answer),
            (Phase::CheckingRefusal { fault, .. }, Observation::VmRead(answer)) => self.refusal_vm(fault, answer),
            (Phase::CheckingRefusal { fault, vm_seen }, Observation::Jobs(answer)) => {
                self.refusal_jobs(fault, vm_seen, answer)
            }
            (Phase::Learning { fault }, Observation::Service(answer)) => self.learnt(fault, answer),
            (Phase::Looking { round, .. }, Observation::VmRead(answer)) => self.looked_at_vm(now, round, answer),
            (Phase::Looking { round, vm }, Observation::Jobs(answer)) => self.looked_at_jobs(now, round, vm, answer),
            (Phase::Following { looks }, Observation::Job(answer)) => self.followed(now, looks, answer),
            (Phase::Explaining { job }, Observation::JobErrors(answer)) => match self.vm.take() {
                Some(vm) => {
                    let details = answer.unwrap_or_default();
                    Action::Finish(Outcome::JobFailed { vm: Box::new(vm), job, details })
                }
                None => self.out_of_step(),
            },
            (Phase::ReadingBack { round }, Observation::VmRead(answer)) => self.read_back(now, round, answer),
            (Phase::Starting { report }, Observation::StartAsked(answer)) => self.start_asked(now, report, answer),
            (Phase::FollowingStart { report, follower }, Observation::Job(answer)) => {
                self.start_followed(now, report, follower, answer)
            }
            (Phase::ReadingStart { report, round }, Observation::VmRead(answer)) => {
                self.start_read(now, report, round, answer)
            }
            _ => self.out_of_step(),
        }
    }

    fn go(&mut self, phase: Phase, action: Action) -> Action {
        self.phase = phase;
        action
    }

    /// Waits, then does `action` in `phase`; at the deadline it ends instead.
    fn later(&mut self, now: Duration, delay: Duration, phase: Phase, action: Action) -> Action {
        let remaining = self.order.deadline.map(|deadline| deadline.saturating_sub(now));
        if remaining.is_some_and(|remaining| remaining.is_zero()) {
            return self.out_of_time(phase);
        }
        self.after_wait = Some((phase, action));
        Action::Wait(remaining.map_or(delay, |remaining| remaining.min(delay)))
    }

    // Before the call.

    fn found(&mut self, wall: SystemTime, answer: Result<LookedUp, Error>) -> Action {
        let refuse = |refusal| Action::Finish(Outcome::Refused(refusal));
        match answer {
            Err(error) => Action::Finish(Outcome::NotSent(error)),
            Ok(LookedUp::NotVisible) => refuse(Refusal::NotVisible(self.order.vm.to_string())),
            Ok(LookedUp::Many(vms)) => refuse(Refusal::Ambiguous(vms)),
            Ok(LookedUp::One(vm)) => {
                let id = vm.id.clone();
                let judged = preflight(&vm, None, wall, self.order.start);
                self.vm = Some(*vm);
                match self.order.point.needs_list() && judged.may_go_on() {
                    true => self.go(Phase::Listing, Action::ListPoints(id)),
                    false => self.propose(judged),
                }
            }
        }
    }

    fn listed(&mut self, wall: SystemTime, answer: Result<Vec<RecoveryPoint>, Error>) -> Action {
        let Some(vm) = &self.vm else { return self.out_of_step() };
        match answer {
            Err(error) => Action::Finish(Outcome::NotSent(error)),
            Ok(points) => match self.order.point.choose(&points) {
                Some(point) => {
                    let judged = preflight(vm, Some(point), wall, self.order.start);
                    self.propose(judged)
                }
                None => {
                    let choice = self.order.point.to_string();
                    Action::Finish(Outcome::Refused(Refusal::NoPoint { choice, points }))
                }
            },
        }
    }

    fn propose(&mut self, proposal: Proposal) -> Action {
        let proposal = Box::new(proposal);
        if !proposal.may_go_on() {
            return Action::Finish(Outcome::Refused(Refusal::Preflight(proposal)));
        }
        self.proposal = Some(proposal.clone());
        self.go(Phase::Asking, Action::Confirm(proposal))
    }

    fn answered(&mut self, now: Duration, wall: SystemTime, yes: bool) -> Action {
        let Some(proposal) = self.proposal.as_ref() else { return self.out_of_step() };
        if !yes {
            return Action::Finish(Outcome::Declined(proposal.clone()));
        }
        let (vm, point) = (proposal.vm.id.clone(), proposal.point.clone());
        self.sent_at = now;
        self.sent_wall = wall;
        self.go(Phase::Invoking { again: false }, Action::Invoke { keys: ServiceKeys::Short, vm, point })
    }

    // The call.

    fn invoked(&mut self, now: Duration, again: bool, answer: Result<Invoked, Error>) -> Action {
        let Some(vm) = self.vm.clone() else { return self.out_of_step() };
        match answer {
            Ok(Invoked::Done) => self.verify(vm.id),
            Ok(Invoked::Started(job)) => self.attach(now, job),
            Ok(Invoked::Refused(code)) if code.is_undecided() => {
                self.look(vm.id, format!("the host answered {} ({code})", code.value()), None)
            }
            Ok(Invoked::Refused(code)) => Action::Finish(Outcome::HostRefused { vm: Box::new(vm), code }),
            Err(fault) if !again && fault.fault().is_some_and(Fault::may_lack_selectors) => {
                self.go(Phase::CheckingRefusal { fault, vm_seen: false }, Action::ReadVm(vm.id))
            }
            // A host drops an idle connection after about two minutes, and a person may think for longer.
            Err(error) if !again && is_stale_connection(&error) => {
                let Some(proposal) = self.proposal.as_ref() else { return self.out_of_step() };
                let (vm, point) = (proposal.vm.id.clone(), proposal.point.clone());
                self.go(Phase::Invoking { again: true }, Action::Invoke { keys: ServiceKeys::Short, vm, point })
            }
            Err(error) => match error.delivery() {
                Delivery::NotSent => Action::Finish(Outcome::NotSent(error)),
                Delivery::Answered if is_proof_of_refusal(&error) => {
                    Action::Finish(Outcome::Faulted { vm: Box::new(vm), error })
                }
                Delivery::Answered | Delivery::Unknown => self.look(vm.id, error.to_string(), Some(error)),
            },
        }
    }

    fn attach(&mut self, now: Duration, job: JobRef) -> Action {
        self.job = Some(job.clone());
        self.follower = JobFollower::new(now);
        match (self.order.wait, self.proposal.take()) {
            (false, Some(proposal)) => Action::Finish(Outcome::Started { proposal, job }),
            (_, proposal) => {
                self.proposal = proposal;
                self.go(Phase::Following { looks: 0 }, Action::GetJob(job))
            }
        }
    }

    // Refused for lack of keys: only when nothing has changed is the call made once more, with all keys.

    fn refusal_vm(&mut self, fault: Error, answer: Result<Option<Vm>, Error>) -> Action {
        let Some(before) = self.vm.clone() else { return self.out_of_step() };
        match answer {
            Ok(Some(vm)) if vm.state == before.state => {
                self.go(Phase::CheckingRefusal { fault, vm_seen: true }, Action::FindJobs(before.id))
            }
            _ => self.look(before.id, fault.to_string(), Some(fault)),
        }
    }

    fn refusal_jobs(&mut self, fault: Error, vm_seen: bool, answer: Result<Vec<Job>, Error>) -> Action {
        let Some(before) = self.vm.clone() else { return self.out_of_step() };
        match answer {
            Ok(jobs) if vm_seen && self.our_job(&jobs).is_none() => {
                self.go(Phase::Learning { fault }, Action::LearnService)
            }
            _ => self.look(before.id, fault.to_string(), Some(fault)),
        }
    }

    fn learnt(&mut self, fault: Error, answer: Result<Option<ServiceKeys>, Error>) -> Action {
        let Some(proposal) = self.proposal.as_ref() else { return self.out_of_step() };
        match answer {
            Ok(Some(keys)) => {
                let (vm, point) = (proposal.vm.id.clone(), proposal.point.clone());
                self.go(Phase::Invoking { again: true }, Action::Invoke { keys, vm, point })
            }
            _ => Action::Finish(Outcome::Faulted { vm: Box::new(proposal.vm.clone()), error: fault }),
        }
    }

    // Ends.

    /// A read after the call brought no answer: try again for as long as the host may be given.
    fn missed(&mut self, now: Duration, error: Error, phase: Phase, action: Action) -> Action {
        if is_deadline(&error) {
            return self.out_of_time(phase);
        }
        if self.misses == 0 {
            self.follower = JobFollower::new(now);
        }
        self.misses += 1;
        let may_come_back = error.is_contact_lost();
        self.lost = Some((error.to_string(), Some(error)));
        match self.follower.observe_failure(now) {
            Follow::Wait(delay) if may_come_back => self.later(now, delay, phase, action),
            _ => self.unproven("the host could not be read after the call"),
        }
    }

    fn out_of_time(&mut self, phase: Phase) -> Action {
        match phase {
            Phase::Following { .. } if self.misses < 2 => match (self.vm.take(), self.job.take()) {
                (Some(vm), Some(job)) => {
                    let last = self.last.take().map(Box::new);
                    Action::Finish(Outcome::DeadlinePassed { vm: Box::new(vm), job, last })
                }
                _ => self.out_of_step(),
            },
            Phase::FollowingStart { report, .. } | Phase::ReadingStart { report, .. } => {
                started(report, StartReport::Failed("the deadline passed while it was starting".to_owned()))
            }
            _ => self.unproven("the deadline passed before the outcome could be proven"),
        }
    }

    fn unproven(&mut self, reason: &str) -> Action {
        let Some(before) = self.vm.take() else { return self.out_of_step() };
        let (lost, error) = self.lost.take().unzip();
        Action::Finish(Outcome::Unknown(Box::new(Unproven {
            before,
            after: self.after.take(),
            job: self.job.take(),
            reason: match lost {
                Some(lost) => format!("{reason}; before that: {lost}"),
                None => reason.to_owned(),
            },
            error: error.flatten(),
        })))
    }

    /// The driver reported something that was not asked for: a mistake in the driver. Whatever has been sent, the
    /// honest answer is that nothing is proven.
    fn out_of_step(&mut self) -> Action {
        match self.vm.take() {
            Some(before) => Action::Finish(Outcome::Unknown(Box::new(Unproven {
                before,
                after: None,
                job: self.job.take(),
                reason: "the workflow was driven out of step".to_owned(),
                error: None,
            }))),
            None => Action::Finish(Outcome::Refused(Refusal::NotVisible(self.order.vm.to_string()))),
        }
    }
}

fn started(mut report: Box<Report>, start: StartReport) -> Action {
    report.start = start;
    Action::Finish(Outcome::Done(report))
}

/// A fault of the Sender family, a refusal of rights or by quota, and an HTTP refusal say that the request was not
/// acted on. Another Receiver fault, such as InternalError, says only that something went wrong.
fn is_proof_of_refusal(error: &Error) -> bool {
    error.fault().is_none_or(|fault| {
        fault.soap.code != crate::soap::FaultCode::Receiver || fault.is_access_denied() || fault.is_quota()
    })
}

/// Whether the connection turned out to be gone before any byte of the call was sent on it.
fn is_stale_connection(error: &Error) -> bool {
    error.delivery() == Delivery::NotSent
        && matches!(error, Error::Wsman(crate::wsman::Error::Exchange(error)) if error.kind() == ExchangeErrorKind::ConnectionLost)
}

fn is_failed_over(state: ReplicationState) -> bool {
    matches!(state, ReplicationState::Recovered | ReplicationState::Committed)
}

fn is_deadline(error: &Error) -> bool {
    matches!(error, Error::Wsman(crate::wsman::Error::Deadline))
}

/// While a failover is in progress the looks grow rarer but never run out; after it, one look more is left.
fn next_look(round: u32, in_progress: bool) -> u32 {
    if in_progress { (round + 1).min(LOOKS - 1) } else { round + 1 }
}

fn backoff(round: u32) -> Duration {
    Duration::from_secs(1 << round.saturating_sub(1).min(3))
}
