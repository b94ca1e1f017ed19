//! What befalls messages: an exchange over a simulated host that loses, delays, spoils and misanswers them by a seed, and
//! lets the process die at any of them.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use hyperv_replica::failover::journal::{
    CallOutcome, Intent, Journal, JournalError, RunEnd, RunRecord, TakeError, Taken as TakenAs, Verdict,
};
use hyperv_replica::simulator::{
    Cut, Effect, Fault, FaultName, Garbage, InProcess, JobScript, Simulator, SimulatorClock, VirtualClock,
};
use hyperv_replica::wsman::{Delivery, Exchange, ExchangeError, ExchangeErrorKind, Message, Reply};
use tokio::sync::Notify;

use crate::support::random::Random;

/// The weather over both hosts of a pair.
#[derive(Clone)]
pub struct Weather {
    state: Arc<Mutex<State>>,
    /// The process is to die now.
    pub killed: Arc<Notify>,
}

struct State {
    random: Random,
    /// Of a hundred messages so many are hit.
    storm: u64,
    kill: u64,
    faults: u64,
    kills: u64,
    /// MessageIDs of calls whose job was made to fail.
    doomed: Vec<String>,
    /// Of a hundred records so many cannot be written, and whether one could not.
    leak: u64,
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
}

impl Weather {
    pub fn new(random: Random) -> Weather {
        let state = State {
            random,
            storm: 0,
            kill: 0,
            faults: 0,
            kills: 0,
            doomed: Vec::new(),
            leak: 0,
            has_leaked: false,
            has_hidden: false,
            deadline: None,
            late: Vec::new(),
        };
        Weather { state: Arc::new(Mutex::new(state)), killed: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Of a hundred messages `storm` are hit, and at `kill` the process dies; of a hundred records `leak` are lost.
    pub fn set(&self, storm: u64, kill: u64, leak: u64) {
        let mut state = self.state();
        (state.storm, state.kill, state.leak) = (storm, kill, leak);
        state.has_leaked = false;
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
        let leak = state.leak;
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

    /// Faults that were injected, and deaths.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (state.faults, state.kills)
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
        let (storm, kill) = (state.storm, state.kill);
        if state.random.percent(kill) {
            state.kills += 1;
            return Blow::Kill { taken: state.random.percent(50) };
        }
        if !state.random.percent(storm) {
            return Blow::None;
        }
        state.faults += 1;
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
        11 | 12 => Blow::Host(Effect::Status(random.pick(STATUSES)), random.percent(50)),
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

/// What a proxy may say before or after it has passed a message on.
const STATUSES: &[u16] = &[302, 400, 403, 404, 405, 407, 408, 413, 429, 500, 502, 503, 504];

/// One host in this weather.
pub struct Stormy {
    host: InProcess,
    clock: VirtualClock,
    weather: Weather,
}

impl Stormy {
    pub fn new(simulator: Arc<Simulator>, clock: VirtualClock, weather: Weather) -> Stormy {
        Stormy { host: InProcess::new(simulator), clock, weather }
    }

    async fn die(&self) -> ! {
        self.weather.killed.notify_one();
        pending().await
    }
}

impl Exchange for Stormy {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        self.weather.deliver(&self.clock).await;
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
        }
    }

    fn address(&self) -> &str {
        self.host.address()
    }
}

/// A journal on a disk that is full at times.
pub struct Leaky<J>(pub J, pub Weather);

impl<J: Journal> Journal for Leaky<J> {
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
