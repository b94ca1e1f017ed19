//! One tale: orders in a storm, taken up again until they end, and what must be so then.

pub mod every;

use std::sync::Arc;
use std::time::Duration;

use hyperv_replica::failover::journal::{CallRecord, History, MemoryJournal, RunEnd, RunId, Verdict};
use hyperv_replica::failover::{
    About, AdapterOrder, Cause, Event, Hosts, Kind, Operator, Order, Outcome, PowerOff, Proposal, Refusal, resume, run,
};
use hyperv_replica::hyperv::{AdapterAddresses, Host, VmSelector};
use hyperv_replica::journal::sqlite::{Filter, Store};
use hyperv_replica::simulator::{Pair, Scenario, SimulatorClock, Taken, VirtualClock};
use hyperv_replica::wsman::{ClassAddressing, Client};

use super::clock::JumpingClock;
use super::weather::{Force, Leaky, Stormy, Weather};
use crate::support::random::Random;

const VM: &str = "app";

/// Says yes or no.
struct Says(bool);

impl Operator for Says {
    async fn confirm(&mut self, _: &Proposal) -> bool {
        self.0
    }

    fn event(&mut self, _: &Event<'_>) {}
}

/// Either kind of journal.
enum Records {
    Memory(Box<MemoryJournal>),
    Sqlite(Store),
}

impl Records {
    fn runs(&self) -> Vec<History> {
        match self {
            Records::Memory(journal) => journal.runs(),
            Records::Sqlite(store) => {
                let listing = store.runs(&Filter::all()).unwrap();
                assert!(listing.unreadable.is_empty());
                listing.runs.into_iter().rev().collect()
            }
        }
    }
}

/// What tales have counted.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub tales: u64,
    pub runs: u64,
    pub resumed: u64,
    pub walks_back: u64,
    pub faults: u64,
    pub lies: u64,
    pub kills: u64,
    pub jumps: u64,
    pub taken: u64,
    pub done: u64,
    pub failed: u64,
    pub not_begun: u64,
}

impl Counts {
    pub fn add(&mut self, other: &Counts) {
        let Counts { tales, runs, resumed, walks_back, faults, lies, kills, jumps, taken, done, failed, not_begun } =
            other;
        self.tales += tales;
        self.runs += runs;
        self.resumed += resumed;
        self.walks_back += walks_back;
        self.faults += faults;
        self.lies += lies;
        self.kills += kills;
        self.jumps += jumps;
        self.taken += taken;
        self.done += done;
        self.failed += failed;
        self.not_begun += not_begun;
    }
}

pub struct Tale {
    pair: Pair,
    /// Of the hosts.
    clock: VirtualClock,
    /// Of the client.
    wall: JumpingClock,
    weather: Weather,
    hosts: [Host<Stormy>; 2],
    records: Records,
    /// Runs in the order in which they came to be on record, which is not that of a clock that is set back.
    known: Vec<RunId>,
    /// A run that was walked back without a call: the walk back is not on record, and the run is open.
    back_by_nothing: Option<RunId>,
    /// What a process told that is not so.
    untrue: Option<String>,
    /// Every end, for the report of a failure.
    pub log: Vec<String>,
    pub counts: Counts,
}

impl Tale {
    pub fn new(seed: u64) -> Tale {
        let mut random = Random::new(seed);
        let seconds = |random: &mut Random| random.pick(&[0, 0, 1, 7, 30, 400]);
        let scenario = format!(
            "default_vms = false\nseed = {seed}\nversion = \"{}\"\nall_service_keys = {}\n[job]\nduration = \"{}s\"\n\
             [[vms]]\nname = \"{VM}\"\npoints = [{{ kind = \"standard\", age = \"1h\" }}]\n\
             [primary]\nvms = [{{ name = \"{VM}\", mode = 1, enabled = {}, guest = {{ shutdown = \"{}s\" }} }}]\n",
            random.pick(&["2022", "2022", "2012"]),
            random.percent(20),
            seconds(&mut random),
            random.pick(&[2, 2, 2, 3]),
            seconds(&mut random),
        );
        let tls = random.percent(30);
        Tale::on(random, &scenario, tls)
    }

    /// On hosts of this scenario.
    fn on(mut random: Random, scenario: &str, tls: bool) -> Tale {
        let clock = VirtualClock::new();
        let pair = Pair::with_clock(Scenario::from_toml(scenario).unwrap(), clock.clone());
        let wall = JumpingClock::new(clock.clone(), random.percent(80));
        let records = match random.percent(50) {
            true => Records::Memory(Box::default()),
            false => {
                let wall = wall.clone();
                let store = Store::in_memory().unwrap();
                Records::Sqlite(store.with_wall(move || hyperv_replica::failover::Clock::wall(&wall)))
            }
        };
        let weather = Weather::new(random, wall.clone(), tls);
        let host = |simulator: &Arc<_>| {
            let stormy = Stormy::new(Arc::clone(simulator), clock.clone(), weather.clone());
            let (weather, clock) = (weather.clone(), clock.clone());
            let left = move || weather.deadline().map(|deadline| deadline.saturating_sub(clock.now()));
            let addressing = ClassAddressing::microsoft(hyperv_replica::hyperv::NAMESPACE);
            Host::new(Client::new(stormy, addressing, hyperv_replica::hyperv::random_id).with_deadline(left))
        };
        let hosts = [host(&pair.replica), host(&pair.primary)];
        let counts = Counts { tales: 1, ..Counts::default() };
        let log = vec![format!("{scenario}tls: {tls}")];
        Tale {
            pair,
            clock,
            wall,
            weather,
            hosts,
            records,
            known: Vec::new(),
            untrue: None,
            back_by_nothing: None,
            log,
            counts,
        }
    }

    fn hosts(&self) -> Hosts<'_, Stormy> {
        let [host, primary] = &self.hosts;
        Hosts { host, primary: Some(primary) }
    }

    /// All runs, the newest last.
    fn runs(&self) -> Vec<History> {
        let mut runs = self.records.runs();
        runs.sort_by_key(|run| self.known.iter().position(|known| *known == run.record.id).unwrap_or(usize::MAX));
        runs
    }

    fn run(&self, id: &RunId) -> History {
        self.runs().into_iter().find(|run| run.record.id == *id).unwrap()
    }

    /// The newest run that is not at its end.
    fn open(&self) -> Option<History> {
        self.runs().into_iter().rfind(|run| matches!(run.end, None | Some(RunEnd::HandedOver)))
    }

    /// A run, or none where the process died.
    async fn begin(&mut self, order: &Order, undoes: Option<RunId>) -> Option<Outcome> {
        self.begin_with(order, undoes, true).await
    }

    async fn begin_with(&mut self, order: &Order, undoes: Option<RunId>, yes: bool) -> Option<Outcome> {
        let order = &Order { deadline: self.weather.deadline(), ..order.clone() };
        let clock = self.wall.clone();
        let may_have_changed = undoes.as_ref().is_some_and(|run| self.run(run).may_have_changed());
        let about = About { undoes, may_have_changed, ..About::default() };
        let killed = Arc::clone(&self.weather.killed);
        let mut says = Says(yes);
        let outcome = match &self.records {
            Records::Memory(journal) => {
                let mut journal = Leaky(MemoryJournal::clone(journal), self.weather.clone());
                tokio::select! { biased;
                    outcome = run(self.hosts(), order.clone(), about, &clock, &mut journal, &mut says) => Some(outcome),
                    () = killed.notified() => None,
                }
            }
            Records::Sqlite(store) => {
                let mut journal = Leaky(store.journal(), self.weather.clone());
                tokio::select! { biased;
                    outcome = run(self.hosts(), order.clone(), about, &clock, &mut journal, &mut says) => Some(outcome),
                    () = killed.notified() => None,
                }
            }
        };
        self.counts.runs += 1;
        self.say(&format!("run {}", order.kind.name()), outcome.as_ref());
        outcome
    }

    async fn take_up(&mut self, history: &History, yes: bool) -> Option<Outcome> {
        let clock = self.wall.clone();
        let killed = Arc::clone(&self.weather.killed);
        let deadline = self.weather.deadline();
        let mut says = Says(yes);
        let outcome = match &self.records {
            Records::Memory(journal) => {
                let mut journal = Leaky(journal.resumed(history), self.weather.clone());
                tokio::select! { biased;
                    outcome = resume(self.hosts(), history.clone(), deadline, &clock, &mut journal, &mut says) => Some(outcome),
                    () = killed.notified() => None,
                }
            }
            Records::Sqlite(store) => {
                let (journal, history) = store.resume(&history.record.id).unwrap();
                let mut journal = Leaky(journal, self.weather.clone());
                tokio::select! { biased;
                    outcome = resume(self.hosts(), history, deadline, &clock, &mut journal, &mut says) => Some(outcome),
                    () = killed.notified() => None,
                }
            }
        };
        self.counts.resumed += 1;
        let taken = self.taken();
        let is_taken = |call: &&CallRecord| taken.iter().any(|taken| taken.message_id == call.intent.message_id);
        if let Some(Outcome::NotSent(_) | Outcome::Refused(_)) = &outcome
            && let Some(call) = history.calls.iter().find(is_taken)
        {
            self.untrue = Some(format!("told that nothing was changed, and call {} was taken", call.number));
        }
        self.say(
            &format!("resume {} ({})", history.record.order.kind.name(), if yes { "yes" } else { "no" }),
            outcome.as_ref(),
        );
        outcome
    }

    fn say(&mut self, what: &str, outcome: Option<&Outcome>) {
        let end = match outcome {
            None => "died".to_owned(),
            Some(Outcome::Stopped(stopped)) => format!("stopped at {}: {:?}", stopped.step, stopped.cause),
            Some(Outcome::Done(report)) => format!("done, {:?}, {:?}", report.start, report.remarks),
            Some(other) => format!("{other:?}").chars().take(200).collect(),
        };
        for run in self.records.runs() {
            if !self.known.contains(&run.record.id) {
                self.known.push(run.record.id);
            }
        }
        let now = self.clock.now().as_secs();
        let end: String = end.chars().take(500).collect();
        self.log.push(format!("{now} ({:+}) {what}: {end}; now {:?}", self.wall.ahead(), self.states()));
    }

    /// What is on record, and what was taken.
    pub fn dump(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for run in self.runs() {
            lines.push(format!("{} {}: {:?} {}", run.record.id, run.record.order.kind.name(), run.end, run.note));
            for call in &run.calls {
                let sent = call.intent.sent.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs();
                let (step, id) = (&call.intent.step, &call.intent.message_id);
                lines.push(format!("  {sent} {step} {id}: {:?} {:?}", call.outcome, call.verdict));
            }
        }
        let taken = self.taken();
        lines.extend(taken.iter().map(|taken| format!("{} {} {}", taken.at.as_secs(), taken.method, taken.message_id)));
        lines.join("\n")
    }

    /// Mode, state and power on both hosts: replica's, primary's.
    fn states(&self) -> [(u16, u16, u16); 2] {
        [&self.pair.replica, &self.pair.primary].map(|simulator| {
            simulator.with_world(|world| {
                let vm = world.vm(VM).unwrap();
                (vm.mode, vm.state, vm.enabled_state)
            })
        })
    }

    /// What both hosts took, in order.
    fn taken(&self) -> Vec<Taken> {
        let mut taken = self.pair.replica.history();
        taken.extend(self.pair.primary.history());
        taken
    }

    /// A while passes between a death and the next process.
    fn pass_time(&self) {
        let seconds = self.weather.random(|random| random.pick(&[0, 0, 5, 30, 90, 150, 700, 90_000]));
        self.clock.advance(Duration::from_secs(seconds));
        if self.weather.random(|random| random.percent(15)) {
            self.weather.jump();
        }
        if self.weather.random(|random| random.percent(10)) {
            self.wall.boot();
        }
    }

    /// Carries an order out in a storm that abates, to an end on record or a refusal.
    async fn carry_out(&mut self, order: Order) -> Result<(), String> {
        let is_walked_back =
            matches!(order.kind, Kind::PlannedFailover { .. }) && self.weather.random(|r| r.percent(40));
        let before = self.states();
        let mut undoes = None;
        let mut order = order;
        let mut calm = Vec::<RunId>::new();
        for attempt in 0_u64..60 {
            let force = self.weather.random(|random| Force {
                // A light one lets a run come far before it is hit.
                storm: random.pick(&[10, 30, 50, 70]),
                lies: random.pick(&[0, 30, 60, 90]),
                kill: random.within(0..15),
                jump: random.pick(&[0, 0, 5]),
                leak: random.pick(&[0, 0, 0, 10]),
            });
            let patience = self.weather.random(|random| random.percent(20).then(|| random.within(0..200)));
            let is_stormy = attempt < 12;
            self.weather.set(if is_stormy { force } else { Force::default() });
            let patience = patience.filter(|_| is_stormy).map(Duration::from_secs);
            self.weather.set_deadline(patience.map(|patience| self.clock.now() + patience));
            if let Some(open) = self.open().filter(|_| !is_stormy) {
                calm.push(open.record.id.clone());
                if calm.iter().filter(|run| **run == open.record.id).count() > CALM {
                    return Err(format!(
                        "{CALM} processes that nobody disturbed did not settle run {}",
                        open.record.id
                    ));
                }
            }
            let mut is_walk = matches!(order.kind, Kind::WalkBack { .. }) && self.open().is_none();
            let outcome = match self.open() {
                None => self.begin(&order, undoes.clone()).await,
                Some(open)
                    if is_walked_back
                        && attempt > 0
                        && matches!(open.record.order.kind, Kind::PlannedFailover { .. }) =>
                {
                    // Settled first, then walked back.
                    let unsettled = open.calls.last().is_some_and(|call| call.verdict.is_none());
                    let settled = if unsettled { self.take_up(&open, false).await } else { None };
                    match (unsettled, settled) {
                        (false, _) => {}
                        (_, Some(outcome)) if is_declined(&outcome) => {}
                        (_, Some(Outcome::Stopped(stopped))) if !in_doubt(&stopped.cause) => {}
                        (_, Some(Outcome::Done(_))) if self.open().is_none() => {
                            return self.ended(&open.record.id, before);
                        }
                        _ => {
                            self.pass_time();
                            continue;
                        }
                    }
                    if self.open().is_none() {
                        return Ok(());
                    }
                    let stops = ["shut-down-primary", "turn-off-primary"];
                    let start_primary = open.calls.iter().any(|call| stops.contains(&call.intent.step.as_str()));
                    self.counts.walks_back += 1;
                    order = Order::of(Kind::WalkBack { start_primary }, VmSelector::Id(open.record.vm.clone()));
                    undoes = Some(open.record.id.clone());
                    match self.begin(&order, undoes.clone()).await {
                        // The reverse was taken: only forward is a way.
                        Some(Outcome::Halted(halted)) if matches!(halted.why, Outcome::Refused(_)) => {
                            self.take_up(&open, true).await
                        }
                        Some(Outcome::Refused(_)) => self.take_up(&open, true).await,
                        outcome => {
                            is_walk = true;
                            outcome
                        }
                    }
                }
                Some(open) => self.take_up(&open, true).await,
            };
            self.weather.deliver(&self.clock).await;
            self.check()?;
            if let Some(outcome) = outcome {
                self.check_end(&outcome, undoes.as_ref().filter(|_| is_walk))?;
                let is_over = self.open().is_none() && !matches!(outcome, Outcome::NotSent(_) | Outcome::Declined(_));
                let last = self.runs().pop();
                // A walk back that had nothing to send is not on record.
                let is_back = is_walk
                    && matches!(&outcome, Outcome::Done(_))
                    && last.as_ref().is_some_and(|last| Some(&last.record.id) == undoes.as_ref());
                match last {
                    Some(_) if is_back => {
                        self.back_by_nothing = undoes;
                        return self.is_back(before);
                    }
                    Some(last) if is_over => return self.ended(&last.record.id, before),
                    None if is_over => return Ok(()),
                    _ => {}
                }
            }
            self.pass_time();
        }
        Err("the run does not come to an end".to_owned())
    }

    /// What must be so after every process.
    fn check(&self) -> Result<(), String> {
        if let Some(untrue) = &self.untrue {
            return Err(untrue.clone());
        }
        let taken = self.taken();
        for run in self.runs() {
            let mut effective: Vec<(&str, String)> = Vec::new();
            for call in &run.calls {
                let times = taken.iter().filter(|taken| taken.message_id == call.intent.message_id).count();
                if times > 1 {
                    return Err(format!("call {} was taken {times} times", call.number));
                }
                if times == 1 && call.verdict == Some(Verdict::NotTaken) && !self.weather.has_hidden() {
                    return Err(format!(
                        "call {} ({}) was taken, and the record says not",
                        call.number, call.intent.step
                    ));
                }
                let was_taken_before = run.calls.iter().any(|before| {
                    before.number < call.number
                        && before.intent.step == call.intent.step
                        && taken.iter().any(|taken| taken.message_id == before.intent.message_id)
                });
                if times == 0 && call.verdict == Some(Verdict::Done) && !was_taken_before {
                    return Err(format!(
                        "call {} ({}) was not taken, and the record says done",
                        call.number, call.intent.step
                    ));
                }
                if times == 1 && !self.weather.is_doomed(&call.intent.message_id) {
                    effective.push((call.intent.step.as_str(), call.intent.vm.to_string()));
                }
            }
            for (number, call) in run.calls.iter().enumerate() {
                let is_same = |before: &&CallRecord| {
                    before.intent.step == call.intent.step
                        && before.intent.vm == call.intent.vm
                        && !self.weather.is_doomed(&before.intent.message_id)
                };
                let taken_before =
                    |before: &CallRecord| taken.iter().any(|it| it.message_id == before.intent.message_id);
                let before = run.calls[..number].iter().filter(is_same).find(|before| taken_before(before));
                if let Some(before) = before.filter(|_| !self.weather.has_hidden()) {
                    return Err(format!(
                        "call {} ({}) went out again although call {} was taken",
                        call.number, call.intent.step, before.number
                    ));
                }
            }
            for (step, vm) in &effective {
                if effective.iter().filter(|other| other.0 == *step && other.1 == *vm).count() > 1 {
                    return Err(format!("{step} was taken twice in run {}", run.record.id));
                }
            }
        }
        Ok(())
    }

    /// The end on record is the end that was told.
    fn check_end(&self, outcome: &Outcome, undoes: Option<&RunId>) -> Result<(), String> {
        let Some(run) = self.runs().pop().filter(|_| !self.weather.has_leaked()) else { return Ok(()) };
        let expected = match outcome {
            // A walk back that had nothing to send is not on record.
            Outcome::Done(_) if undoes == Some(&run.record.id) => return Ok(()),
            Outcome::Done(_) => Some(RunEnd::Done),
            Outcome::Stopped(stopped) => stopped.end(),
            Outcome::Started { .. } => Some(RunEnd::HandedOver),
            _ => return Ok(()),
        };
        match run.end == expected {
            true => Ok(()),
            false => Err(format!("the record says {:?}, the outcome {expected:?}", run.end)),
        }
    }

    /// As before the run.
    fn is_back(&self, before: [(u16, u16, u16); 2]) -> Result<(), String> {
        match self.states() == before {
            true => Ok(()),
            false => Err(format!("walked back, and the hosts show {:?} where it was {before:?}", self.states())),
        }
    }

    /// A run has an end on record, and the world is so.
    fn ended(&mut self, id: &RunId, before: [(u16, u16, u16); 2]) -> Result<(), String> {
        let run = self.run(id);
        let states = self.states();
        let told = |what: &str| Err(format!("{what}, and the hosts show {states:?}"));
        let [host, primary] = states;
        match run.end {
            Some(RunEnd::Done) => self.counts.done += 1,
            Some(RunEnd::Failed) => self.counts.failed += 1,
            Some(RunEnd::NotBegun) => self.counts.not_begun += 1,
            _ => return told(&format!("the run ended as {:?}", run.end)),
        }
        // A run that failed or did not begin has left nothing.
        if run.end != Some(RunEnd::Done) {
            return match states == before {
                true => Ok(()),
                false => {
                    told(&format!("nothing was done of {}, where it was {before:?}", run.record.order.kind.name()))
                }
            };
        }
        let starts = run.record.order.start && !run.note.contains("not started");
        let test_vms = self.pair.replica.with_world(|world| world.test_of(VM).map(|vm| vm.enabled_state));
        let is_so = match &run.record.order.kind {
            Kind::Failover => host.0 == 2 && host.1 == 5 && (!starts || host.2 == 2),
            Kind::PlannedFailover { reverse: true, .. } => {
                (host.0, host.1) == (1, 3) && primary == (2, 3, 3) && (!starts || host.2 == 2)
            }
            Kind::PlannedFailover { .. } => (host.0, host.1) == (2, 5) && primary == (1, 4, 3),
            Kind::TestStart { .. } => test_vms.is_some() && (!starts || test_vms == Some(2)) && host == (2, 3, 3),
            Kind::TestStop => test_vms.is_none() && host == (2, 3, 3),
            Kind::Commit => (host.0, host.1) == (2, 6),
            Kind::Undo => host == (2, 3, 3),
            Kind::Reverse { .. } => host.0 == 1 && matches!(host.1, 2 | 3) && primary.0 == 2,
            Kind::Start => host.2 == 2,
            Kind::Stop(_) => host.2 == 3,
            Kind::Network(_) => self
                .pair
                .replica
                .with_world(|world| world.vm(VM).unwrap().adapters[0].failover.addresses == ["10.0.0.7"]),
            Kind::WalkBack { .. } => {
                host == (2, 3, 3)
                    && (primary.0, primary.1) == (1, 3)
                    && (primary == before[1] || run.note.contains("not started"))
            }
            other => panic!("{other:?}"),
        };
        match is_so {
            true => Ok(()),
            false => told(&format!("{} is done by the record", run.record.order.kind.name())),
        }
    }

    /// What is over does not stand in the way of what comes next.
    async fn accepts_orders(&mut self) -> Result<(), String> {
        self.weather.set(Force::default());
        self.weather.set_deadline(None);
        let order = Order::of(Kind::TestStart { network: None }, VmSelector::Name(VM.to_owned()));
        match self.begin_with(&order, None, false).await {
            Some(Outcome::Declined(_) | Outcome::Refused(Refusal::Preflight(_))) => Ok(()),
            // The command line closes it by hand.
            Some(Outcome::Refused(Refusal::OpenRun { run, .. })) if self.back_by_nothing.as_ref() == Some(&run) => {
                Ok(())
            }
            other => Err(format!("what is over stands in the way of a new order: {other:?}")),
        }
    }

    /// What is ordered one after the other.
    fn orders(which: u64) -> Vec<Order> {
        let of = |kind| Order::of(kind, VmSelector::Name(VM.to_owned()));
        let planned = |reverse| {
            let kind = Kind::PlannedFailover { off: PowerOff::ShutDown, reverse, thumbprint: None };
            Order { start: reverse, ..of(kind) }
        };
        let addresses = AdapterAddresses::parse(false, &["10.0.0.7/24"], &["10.0.0.1"], &[]).unwrap();
        let network = of(Kind::Network(vec![AdapterOrder { adapter: String::new(), addresses }]));
        let test = Order { start: true, ..of(Kind::TestStart { network: Some("Isolated".to_owned()) }) };
        let failover = |start| Order { start, ..of(Kind::Failover) };
        match which {
            0..=2 => vec![planned(true)],
            3 => vec![planned(false)],
            4 | 5 => vec![failover(true), of(Kind::Stop(PowerOff::ShutDown)), of(Kind::Undo)],
            6 => vec![failover(false), of(Kind::Start), of(Kind::Commit)],
            7 => vec![test, of(Kind::TestStop)],
            8 => vec![network, Order { wait: false, ..failover(true) }],
            _ => vec![failover(false), of(Kind::Reverse { with_primary: true, thumbprint: None })],
        }
    }

    /// What an order finds: the old primary is off before it becomes the replica.
    fn prepare(&self, order: &Order) {
        if matches!(order.kind, Kind::Reverse { .. }) {
            self.pair.primary.with_world(|world| world.vm_mut(VM).unwrap().enabled_state = 3);
        }
    }

    /// Tells it to its end.
    pub async fn tell(&mut self) -> Result<(), String> {
        for order in Tale::orders(self.weather.random(|random| random.within(0..10))) {
            self.prepare(&order);
            let runs = self.runs().len();
            self.carry_out(order).await?;
            // The next order builds on this one.
            let is_done =
                self.runs().len() > runs && self.runs().pop().is_some_and(|run| run.end == Some(RunEnd::Done));
            if !is_done {
                break;
            }
        }
        self.accepts_orders().await?;
        let [faults, lies, kills, jumps] = self.weather.counts();
        (self.counts.faults, self.counts.lies) = (faults, lies);
        (self.counts.kills, self.counts.jumps) = (kills, jumps);
        self.counts.taken = u64::try_from(self.taken().len()).unwrap();
        Ok(())
    }
}

/// So many processes bring a run to its end, once nobody disturbs them.
const CALM: usize = 2;

fn is_declined(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Declined(_) => true,
        Outcome::Halted(halted) => is_declined(&halted.why),
        _ => false,
    }
}

fn in_doubt(cause: &Cause) -> bool {
    matches!(cause, Cause::Unproven { .. } | Cause::DeadlinePassed { .. } | Cause::NotSent(_) | Cause::Journal(_))
}
