//! What is done to a process: killed or signalled at an instant, its connections cut and held up, lied to, its clock set,
//! its host made to fail.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::Duration;

use hyperv_replica::failover::Site;
use hyperv_replica::simulator::{Cut, Effect, Fault, FaultName, JobScript};

use super::lies;
use super::rig::{Ended, Process, Rig};
use crate::support::liar::Lie;
use crate::support::process::Signal;
use crate::support::proxy::{Act, Event, Way};
use crate::support::random::Random;

/// What ends the process before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    Kill,
    Signal(Signal),
    /// A second signal so long after the first.
    Twice(Signal, Duration),
}

#[derive(Debug, Clone, Copy)]
enum When {
    After(Duration),
    /// When a connection to this host has carried so many bytes, and then this long.
    AtByte(Site, Way, u64, Duration),
}

/// One attack on one process.
#[derive(Debug, Clone, Default)]
pub struct Attack {
    blow: Option<(Blow, When)>,
    /// For each host, what happens to its connections one after the other.
    plans: [Vec<Vec<Event>>; 2],
    fault: Option<(Site, Fault)>,
    /// Requests to each host that somebody else answers.
    lies: [BTreeMap<u64, Lie>; 2],
    /// A call that somebody else answers.
    lie: Option<(Site, Fault)>,
    /// When its time of day is set, and by how many seconds it is ahead from then on.
    pub jump: Option<(Duration, i64)>,
    /// `--timeout`.
    pub timeout: Option<Duration>,
}

/// How far into a connection the interesting bytes are: what a planned failover that waits for nothing sends to a host and
/// gets from it.
fn reach(way: Way) -> u64 {
    match way {
        Way::Up => 16_000,
        Way::Down => 28_000,
    }
}

/// The longest that bytes are held up. Less than the time after which a call is believed not to have arrived: twice the
/// OperationTimeout of 1 s, from the moment at which it is put on record.
const LONGEST_HOLD: u64 = 900;

/// Seconds by which a time of day is ahead.
const JUMPS: &[i64] = &[3600, 3600, 7200, 90_000, 31_536_000, -3600, -3600, -90_000, 0];

impl Attack {
    /// An attack on a process that uses some of these methods.
    pub fn draw(random: &mut Random, methods: &[(Site, &'static str)], rig: &Rig) -> Attack {
        let mut attack = Attack::default();
        let sites: Vec<_> = methods.iter().map(|(site, _)| *site).collect();
        if random.percent(60) {
            attack.draw_lies(random, methods, rig.tls);
        }
        if random.percent(30) && rig.time.is_there() {
            let when = Duration::from_millis(random.pick(&[0, 0, 30, 100, 400]));
            attack.jump = Some((when, random.pick(JUMPS)));
        }
        if random.percent(if attack.lies() { 50 } else { 70 }) {
            let blow = match random.within(0..10) {
                0 => Blow::Signal(Signal::Interrupt),
                1 => Blow::Signal(Signal::Terminate),
                2 => Blow::Twice(
                    random.pick(&[Signal::Interrupt, Signal::Terminate]),
                    Duration::from_micros(random.within(0..4000)),
                ),
                _ => Blow::Kill,
            };
            let when = match random.percent(40) {
                // As many below 8 ms as from 2 s to 4 s.
                true => When::After(Duration::from_millis((1 << random.within(0..12)) + random.within(0..8))),
                false => {
                    let way = random.pick(&[Way::Up, Way::Down]);
                    let then = Duration::from_micros(if random.percent(50) { 0 } else { random.within(0..8000) });
                    When::AtByte(random.pick(&sites), way, random.within(0..reach(way)), then)
                }
            };
            attack.blow = Some((blow, when));
        }
        if (attack.blow.is_none() && !attack.lies()) || random.percent(30) {
            for site in [Site::Host, Site::Primary].into_iter().filter(|site| sites.contains(site)) {
                let mut connections = Vec::new();
                while connections.len() < 4 && random.percent(45) {
                    // What is late by one hand is not held up by the other: together they would be later than any bound.
                    connections.push(treatment(random, !attack.lies()));
                }
                attack.plans[usize::from(site == Site::Primary)] = connections;
            }
        }
        if random.percent(20) {
            let (site, method) = random.pick(methods);
            let on = if random.percent(60) { method } else { random.pick(&["Get", "Enumerate"]) };
            let nth = if on == method { 1 } else { u32::try_from(random.within(1..6)).unwrap() };
            let effect = match on == method {
                // Without a job, none can fail.
                true => effect(random, if rig.host(site).scenario().job.synchronous { 6 } else { 9 }),
                false => effect(random, 6),
            };
            attack.fault = Some((site, Fault::on(on, effect).nth(nth)));
        }
        if random.percent(8) {
            attack.timeout = Some(Duration::from_millis(random.within(50..4000)));
        }
        attack
    }

    fn draw_lies(&mut self, random: &mut Random, methods: &[(Site, &'static str)], tls: bool) {
        let (site, method) = random.pick(methods);
        match random.percent(50) {
            true => self.lies[usize::from(site == Site::Primary)] = lies::plan(random, LONGEST_HOLD),
            false => {
                let on = if random.percent(80) { method } else { random.pick(&["Get", "Enumerate", "*"]) };
                let nth = if on == method { 1 } else { u32::try_from(random.within(1..6)).unwrap() };
                let times = random.pick(&[1, 1, 1, 2, 5]);
                self.lie = Some((site, lies::fault(random, on, tls, LONGEST_HOLD).nth(nth).times(times)));
            }
        }
    }

    /// Whether somebody on the path answers for a host.
    pub fn lies(&self) -> bool {
        self.lie.is_some() || self.lies.iter().any(|plan| !plan.is_empty())
    }

    /// Whether the host itself was made to fail, so that an answer may be no in all truth.
    pub fn has_fault(&self) -> bool {
        self.fault.is_some()
    }

    /// Whether the process is to be ended before its time.
    pub fn blow(&self) -> Option<Blow> {
        self.blow.map(|(blow, _)| blow)
    }

    /// Runs a command under it.
    pub fn run(mut self, rig: &Rig, words: &[String]) -> Ended {
        let mut told = None;
        if let Some((_, When::AtByte(site, way, at, _))) = self.blow {
            let (test, heard) = mpsc::sync_channel(0);
            let plan = &mut self.plans[usize::from(site == Site::Primary)];
            if plan.is_empty() {
                plan.push(Vec::new());
            }
            plan[0].push(Event { way, at, act: Act::Tell(test, Duration::from_millis(300)) });
            told = Some(heard);
        }
        for (proxy, plans) in rig.proxies.iter().zip(self.plans) {
            proxy.plan(plans);
        }
        for (liar, lies) in rig.liars.iter().zip(self.lies) {
            liar.plan(lies);
        }
        for (site, fault) in self.lie.into_iter().chain(self.fault) {
            rig.host(site).inject(fault);
        }
        if let Some((_, ahead)) = self.jump.filter(|(after, _)| after.is_zero()) {
            rig.time.set(ahead);
        }
        let mut process = rig.start(words);
        if let Some((after, ahead)) = self.jump.filter(|(after, _)| !after.is_zero()) {
            while process.age() < after && !process.has_ended() {
                std::thread::sleep(Duration::from_millis(1));
            }
            rig.time.set(ahead);
        }
        if let Some((blow, when)) = self.blow
            && waited(&mut process, when, told.as_ref())
        {
            strike(&mut process, blow);
        }
        // What waits for an answer goes on.
        drop(told);
        let ended = process.end();
        rig.proxies.iter().for_each(|proxy| proxy.plan([]));
        rig.liars.iter().for_each(|liar| liar.plan(BTreeMap::new()));
        ended
    }
}

/// Waits for the instant of the blow; false where the process was quicker.
fn waited(process: &mut Process, when: When, told: Option<&Receiver<()>>) -> bool {
    loop {
        match (when, told) {
            (When::After(time), _) if process.age() >= time => return true,
            (When::AtByte(_, _, _, then), Some(told)) => match told.try_recv() {
                Ok(()) => {
                    std::thread::sleep(then);
                    return true;
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
            },
            _ => {}
        }
        if process.has_ended() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn strike(process: &mut Process, blow: Blow) {
    match blow {
        Blow::Kill => process.kill(),
        Blow::Signal(signal) => process.signal(signal),
        Blow::Twice(signal, pause) => {
            process.signal(signal);
            std::thread::sleep(pause);
            process.signal(signal);
        }
    }
}

/// What happens to one connection.
fn treatment(random: &mut Random, holds: bool) -> Vec<Event> {
    let mut events = Vec::new();
    let event = |random: &mut Random, act| {
        let way = random.pick(&[Way::Up, Way::Down]);
        // A good part of the cuts in the login and in the first messages.
        let part = random.pick(&[1, 1, 1, 4, 16]);
        Event { way, at: random.within(0..reach(way) / part), act }
    };
    if holds && random.percent(30) {
        let time = Duration::from_millis(random.within(1..LONGEST_HOLD));
        events.push(event(random, Act::Hold(time)));
    }
    let act = match random.within(0..100) {
        0..45 => Some(Act::Reset),
        45..85 => Some(Act::Close),
        85..88 => Some(Act::Silence),
        _ => None,
    };
    events.extend(act.map(|act| event(random, act)));
    events
}

/// What goes wrong on the host itself: one of the first so many. From the seventh on, it is a job.
fn effect(random: &mut Random, first: u64) -> Effect {
    let job = |change: &dyn Fn(&mut JobScript)| {
        let mut script = JobScript::default();
        change(&mut script);
        Effect::Job(script)
    };
    match random.within(0..first) {
        0 => Effect::Cut(Cut::Before),
        1 => Effect::Cut(Cut::After),
        2 => Effect::Cut(Cut::Reply(random.within(0..3000))),
        3 => Effect::Delay(Duration::from_millis(random.within(1..1500))),
        4 => Effect::Restart,
        5 => Effect::Fault(random.pick(&[FaultName::TimedOut, FaultName::InternalError])),
        6 => job(&|script| script.error = Some(32768)),
        7 => job(&|script| {
            script.error = Some(32775);
            script.duration = Some(Duration::from_millis(300));
        }),
        _ => job(&|script| {
            script.duration = Some(Duration::from_millis(1500));
            script.vanish_after = Some(Duration::from_millis(200));
        }),
    }
}
