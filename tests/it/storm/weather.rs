//! What befalls messages: an exchange over a simulated host that loses, delays, spoils and misanswers them by a seed, and
//! lets the process die at any of them.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use hyperv_replica::failover::journal::{
    CallOutcome, Intent, Journal, JournalError, RunEnd, RunRecord, TakeError, Taken as TakenAs, Verdict,
};
use hyperv_replica::hyperv::VmId;
use hyperv_replica::simulator::{
    Cut, Effect, Fault, FaultName, Garbage, InProcess, JobScript, Simulator, SimulatorClock, VirtualClock,
};
use hyperv_replica::wsman::{Delivery, Exchange, ExchangeError, ExchangeErrorKind, Message, Reply};
use tokio::sync::Notify;

use super::clock::JumpingClock;
use super::lies;
use crate::support::random::Random;

/// The weather over both hosts of a pair.
#[derive(Clone)]
pub struct Weather {
    state: Arc<Mutex<State>>,
    /// The client's.
    clock: JumpingClock,
    /// Whether messages go inside TLS.
    tls: bool,
    /// The process is to die now.
    pub killed: Arc<Notify>,
}

/// How hard it blows.
#[derive(Debug, Default, Clone, Copy)]
pub struct Force {
    /// Of a hundred messages so many are hit.
    pub storm: u64,
    /// Of a hundred that are hit so many are lied to.
    pub lies: u64,
    /// At so many of a hundred messages the process dies.
    pub kill: u64,
    /// Before so many of a hundred messages the client's time of day is set.
    pub jump: u64,
    /// Of a hundred records so many cannot be written.
    pub leak: u64,
}

struct State {
    random: Random,
    /// Of a hundred messages so many are hit.
    force: Force,
    faults: u64,
    kills: u64,
    lies: u64,
    jumps: u64,
    /// MessageIDs of calls whose job was made to fail.
    doomed: Vec<String>,
    /// Whether a record could not be written.
    has_leaked: bool,
    /// Whether a job was made to vanish while it was at work.
    has_hidden: bool,
    deadline: Option<Duration>,
    /// Calls that are on their way while nobody waits for them any more: when they arrive, and where.
    late: Vec<(Duration, InProcess, Message)>,
}

/// What happens to one message.
enum Blow {
    None,
    /// Dead before it left, or after it was taken and answered.
    Kill {
        taken: bool,
    },
    /// An error of the network; with `taken` the host did the work.
    Lost {
        kind: ExchangeErrorKind,
        delivery: Delivery,
        taken: bool,
        after: Duration,
    },
    /// The call lies in a queue, and the host takes it after this time.
    Late {
        after: Duration,
        dies: bool,
    },
    /// The reply ends in the middle, or is spoilt in one byte.
    Spoilt {
        at: u64,
        cut: bool,
    },
    /// The simulated host itself goes wrong.
    Host(Effect, bool),
    /// The answer is not the host's.
    Lie {
        fault: Fault,
        dies: bool,
    },
}

impl Weather {
    pub fn new(random: Random, clock: JumpingClock, tls: bool) -> Weather {
        let state = State {
            random,
            force: Force::default(),
            faults: 0,
            kills: 0,
            lies: 0,
            jumps: 0,
            doomed: Vec::new(),
            has_leaked: false,
            has_hidden: false,
            deadline: None,
            late: Vec::new(),
        };
        Weather { state: Arc::new(Mutex::new(state)), clock, tls, killed: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn set(&self, force: Force) {
        let mut state = self.state();
        state.force = force;
        state.has_leaked = false;
    }

    /// Sets the client's time of day, by an hour or far more.
    pub fn jump(&self) {
        let by =
            self.random(|random| random.pick(&[3600, 3600, 7200, 90_000, 31_536_000, -3600, -3600, -7200, -90_000]));
        self.clock.jump(by);
        self.state().jumps += 1;
    }

    /// When the patience of the next process ends.
    pub fn set_deadline(&self, deadline: Option<Duration>) {
        self.state().deadline = deadline;
    }

    pub fn deadline(&self) -> Option<Duration> {
        self.state().deadline
    }

    /// Whether a record of this process was lost.
    pub fn has_leaked(&self) -> bool {
        self.state().has_leaked
    }

    /// Whether the host forgot a job while it was at work: then no trace of a call is no proof.
    pub fn has_hidden(&self) -> bool {
        self.state().has_hidden
    }

    fn leak(&self) -> Result<(), JournalError> {
        let mut state = self.state();
        let leak = state.force.leak;
        if !state.random.percent(leak) {
            return Ok(());
        }
        state.faults += 1;
        state.has_leaked = true;
        Err(JournalError::new("the disk is full"))
    }

    /// A number for the course of a tale, from the same seed.
    pub fn random<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut self.state().random)
    }

    /// Faults that were injected, lies among them, deaths, and jumps of the clock.
    pub fn counts(&self) -> [u64; 4] {
        let state = self.state();
        [state.faults, state.lies, state.kills, state.jumps]
    }

    pub fn is_doomed(&self, message_id: &str) -> bool {
        self.state().doomed.iter().any(|doomed| doomed == message_id)
    }

    /// What has arrived meanwhile was taken when it arrived.
    pub async fn deliver(&self, clock: &VirtualClock) {
        let now = clock.now();
        let mut due: Vec<_> = self.state().late.extract_if(.., |(at, ..)| *at <= now).collect();
        due.sort_by_key(|(at, ..)| *at);
        for (at, host, message) in due {
            clock.set(at);
            let _ = host.send(message).await;
        }
        clock.set(clock.now().max(now));
    }

    fn blow(&self, message: &Message) -> Blow {
        let mut state = self.state();
        let Force { storm, lies, kill, .. } = state.force;
        if state.random.percent(kill) {
            state.kills += 1;
            return Blow::Kill { taken: state.random.percent(50) };
        }
        if !state.random.percent(storm) {
            return Blow::None;
        }
        state.faults += 1;
        if state.random.percent(lies) {
            state.lies += 1;
            let fault = lies::draw(&mut state.random, self.tls);
            return Blow::Lie { fault, dies: state.random.percent(15) };
        }
        let is_call = !message.may_repeat();
        // A method has return values and a job; GetErrorEx only reads.
        let is_method = is_call && !message.action().ends_with("/GetErrorEx");
        let blow = draw(&mut state.random, is_method);
        if matches!(&blow, Blow::Host(Effect::Job(script), _) if script.error.is_some()) {
            state.doomed.push(message.message_id().to_owned());
        }
        state.has_hidden |= match &blow {
            Blow::Host(Effect::Job(script), _) => script.vanish_after.is_some(),
            Blow::Host(effect, _) => *effect == Effect::Restart,
            _ => false,
        };
        blow
    }
}

fn draw(random: &mut Random, is_method: bool) -> Blow {
    use ExchangeErrorKind as Kind;
    let lost =
        |kind, delivery, taken, seconds| Blow::Lost { kind, delivery, taken, after: Duration::from_secs(seconds) };
    let job = |change: fn(&mut JobScript)| {
        let mut script = JobScript::default();
        change(&mut script);
        Blow::Host(Effect::Job(script), true)
    };
    match random.within(0..if is_method { 32 } else { 18 }) {
        0 => lost(Kind::Connect, Delivery::NotSent, false, 5),
        1 => lost(Kind::ConnectionLost, Delivery::NotSent, false, 0),
        2 => lost(Kind::ConnectionLost, Delivery::Unknown, false, 0),
        3 | 4 => lost(Kind::ConnectionLost, Delivery::Unknown, true, 1),
        5 => lost(Kind::Timeout, Delivery::Unknown, false, 65),
        6 => lost(Kind::Timeout, Delivery::Unknown, true, 65),
        7 => lost(Kind::SessionExpired, Delivery::Unknown, random.percent(50), 0),
        8 => lost(Kind::Protection, Delivery::Unknown, true, 0),
        9 => Blow::Spoilt { at: random.next(), cut: true },
        10 => Blow::Spoilt { at: random.next(), cut: false },
        11 | 12 => Blow::Host(Effect::Status(random.pick(lies::STATUSES)), random.percent(50)),
        13 => Blow::Host(Effect::Fault(FaultName::TimedOut), random.percent(50)),
        14 => Blow::Host(Effect::Fault(FaultName::QuotaMaxOperations), false),
        15 => Blow::Host(Effect::Delay(Duration::from_secs(random.within(1..90))), true),
        16 => Blow::Host(Effect::Garbage(random.pick(&[Garbage::Html, Garbage::Empty, Garbage::Foreign])), true),
        17 => Blow::Host(random.pick(&[Effect::Cut(Cut::After), Effect::Restart, Effect::Hang]), true),
        18 => Blow::Host(Effect::Returns(random.pick(&[32771, 32772, 4242])), random.percent(50)),
        19 => Blow::Host(Effect::Returns(random.pick(&[32768, 32770, 32775, 32778])), false),
        20 => Blow::Host(Effect::Fault(FaultName::InternalError), random.percent(50)),
        21 => Blow::Host(Effect::Fault(FaultName::WmiInvalidParameters), false),
        22 => job(|script| script.error = Some(32768)),
        23 => job(|script| script.vanish_after = Some(Duration::from_secs(2))),
        24 => job(|script| script.synchronous = true),
        25..=28 => Blow::Late { after: Duration::from_secs(random.within(1..110)), dies: random.percent(60) },
        29 | 30 => Blow::Host(Effect::Fault(FaultName::InternalError), true),
        _ => job(|script| (script.state, script.state_for) = (Some(5), Some(Duration::from_secs(40)))),
    }
}

/// One host in this weather.
pub struct Stormy {
    host: InProcess,
    clock: VirtualClock,
    weather: Weather,
}

impl Stormy {
    pub fn new(simulator: Arc<Simulator>, clock: VirtualClock, weather: Weather) -> Stormy {
        let host = if weather.tls { InProcess::over_tls(simulator) } else { InProcess::new(simulator) };
        Stormy { host, clock, weather }
    }

    async fn die(&self) -> ! {
        self.weather.killed.notify_one();
        pending().await
    }
}

impl Exchange for Stormy {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        self.weather.deliver(&self.clock).await;
        let jump = self.weather.state().force.jump;
        if self.weather.random(|random| random.percent(jump)) {
            self.weather.jump();
        }
        match self.weather.blow(&message) {
            Blow::None => self.host.send(message).await,
            Blow::Kill { taken } => {
                if taken {
                    let _ = self.host.send(message).await;
                }
                self.die().await
            }
            Blow::Lost { kind, delivery, taken, after } => {
                if taken {
                    let _ = self.host.send(message).await;
                }
                self.host.simulator().clock().sleep(after).await;
                Err(ExchangeError::new(kind, delivery, "the storm took it"))
            }
            Blow::Late { after, dies } => {
                let now = self.host.simulator().clock().now();
                self.weather.state().late.push((now + after, self.host.clone(), message));
                if dies {
                    self.die().await;
                }
                Err(ExchangeError::new(ExchangeErrorKind::ConnectionLost, Delivery::Unknown, "it lies in a queue"))
            }
            Blow::Spoilt { at, cut } => {
                let mut reply = self.host.send(message).await?;
                let length = reply.bytes.len().max(1);
                let at = usize::try_from(at % u64::try_from(length).unwrap()).unwrap();
                match (cut, reply.bytes.get_mut(at)) {
                    (true, _) => reply.bytes.truncate(at),
                    (false, Some(byte)) => *byte = b'\x01',
                    (false, None) => {}
                }
                Ok(reply)
            }
            Blow::Host(effect, taken) => {
                self.host.simulator().inject(Fault::on("*", effect).taken(taken));
                self.host.send(message).await
            }
            Blow::Lie { fault, dies } => {
                self.host.simulator().inject(fault);
                let answer = self.host.send(message).await;
                if dies {
                    self.die().await;
                }
                answer
            }
        }
    }

    fn address(&self) -> &str {
        self.host.address()
    }
}

/// A journal on a disk that is full at times.
pub struct Leaky<J>(pub J, pub Weather);

impl<J: Journal> Journal for Leaky<J> {
    fn jobs_on_record(&self, vm: &VmId) -> Vec<String> {
        self.0.jobs_on_record(vm)
    }

    fn take(&mut self, run: &RunRecord, seen: SystemTime) -> Result<TakenAs, TakeError> {
        self.0.take(run, seen)
    }

    fn intent(&mut self, intent: &Intent) -> Result<u64, JournalError> {
        self.1.leak()?;
        self.0.intent(intent)
    }

    fn outcome(&mut self, call: u64, outcome: &CallOutcome) -> Result<(), JournalError> {
        self.1.leak()?;
        self.0.outcome(call, outcome)
    }

    fn verdict(&mut self, call: u64, verdict: Verdict) -> Result<(), JournalError> {
        self.1.leak()?;
        self.0.verdict(call, verdict)
    }

    fn close(&mut self, end: Option<RunEnd>, note: &str) -> Result<(), JournalError> {
        self.1.leak()?;
        self.0.close(end, note)
    }
}
