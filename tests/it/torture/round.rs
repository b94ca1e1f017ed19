//! One round: orders under attack, taken up again until they end, and then everything that must be so.

use std::collections::{BTreeMap, BTreeSet};

use hyperv_replica::failover::journal::{History, Intent, RunEnd, Verdict};
use hyperv_replica::failover::{Kind, Site};
use hyperv_replica::simulator::Taken;

use super::attack::{Attack, Blow};
use super::deed::{self, Deed, VM};
use super::rig::{Ended, Rig};
use crate::support::liar::Liar;
use crate::support::random::Random;

/// What rounds counted.
#[derive(Debug, Default, Clone)]
pub struct Counts {
    pub rounds: u64,
    pub orders: u64,
    pub processes: u64,
    pub kills: u64,
    pub signals: u64,
    pub cuts: u64,
    /// Processes that were lied to, answers that the liars gave, and processes whose clock was set.
    pub lied_to: u64,
    pub lies: u64,
    pub jumps: u64,
    pub walks_back: u64,
    /// Calls that a host took.
    pub taken: u64,
    /// Calls on record that no host took.
    pub not_taken: u64,
    /// Processes by exit code; -1 for killed.
    pub exits: BTreeMap<i32, u64>,
    /// Orders by the exit code of the process that ended them; -1 for one that was killed after its last record.
    pub ends: BTreeMap<i32, u64>,
}

impl Counts {
    pub fn add(&mut self, other: &Counts) {
        let Counts { rounds, orders, processes, kills, signals, cuts, lied_to, lies, jumps, .. } = other;
        let Counts { walks_back, taken, not_taken, exits, ends, .. } = other;
        self.rounds += rounds;
        self.orders += orders;
        self.processes += processes;
        self.kills += kills;
        self.signals += signals;
        self.cuts += cuts;
        self.lied_to += lied_to;
        self.lies += lies;
        self.jumps += jumps;
        self.walks_back += walks_back;
        self.taken += taken;
        self.not_taken += not_taken;
        exits.iter().for_each(|(code, count)| *self.exits.entry(*code).or_default() += count);
        ends.iter().for_each(|(code, count)| *self.ends.entry(*code).or_default() += count);
    }
}

/// A round at work.
pub struct Round<'r> {
    rig: &'r Rig,
    random: Random,
    /// Every process, for the report of a failure.
    pub log: Vec<String>,
    pub counts: Counts,
    /// Runs in the order in which they came to be on record, which is not that of a clock that is set back.
    known: Vec<String>,
    /// Calls of processes that said that nothing was changed.
    must_not_be_taken: BTreeMap<String, String>,
    /// Whether somebody on the path has answered, or may yet.
    is_lied_to: bool,
    /// How many faults of the hosts themselves were ordered.
    faults: u64,
    /// JobTypes of what was needed so far, as often as it was.
    needed: Vec<u16>,
}

type Checked<T> = Result<T, String>;

impl<'r> Round<'r> {
    pub fn new(rig: &'r Rig, random: Random) -> Round<'r> {
        let counts = Counts { rounds: 1, ..Counts::default() };
        Round {
            rig,
            random,
            log: Vec::new(),
            counts,
            known: Vec::new(),
            must_not_be_taken: BTreeMap::new(),
            is_lied_to: false,
            faults: 0,
            needed: Vec::new(),
        }
    }

    /// The hosts of a round.
    pub fn scenario(random: &mut Random) -> String {
        let job = |random: &mut Random| match random.within(0..10) {
            0..2 => "synchronous = true".to_owned(),
            2..5 => "duration = \"0s\"".to_owned(),
            5..8 => format!("duration = \"{}ms\"", random.within(1..400)),
            // The longest outlast the time after which a call is believed not to have arrived.
            _ => format!("duration = \"{}ms\"", random.within(400..3200)),
        };
        let (here, there) = (job(random), job(random));
        let guest = if random.percent(50) { 0 } else { random.within(1..1500) };
        format!(
            "default_vms = false\nseed = {}\nhttp = {{ channel_binding = \"none\" }}\n[job]\n{here}\n[[vms]]\nname = \"{VM}\"\n\
             points = [{{ kind = \"standard\", age = \"1h\" }}, {{ kind = \"application\", age = \"2h\" }}]\n\
             [primary]\njob = {{ {there} }}\nvms = [{{ name = \"{VM}\", guest = {{ shutdown = \"{guest}ms\" }} }}]",
            random.next() >> 1
        )
    }

    /// Carries the round out.
    pub fn run(&mut self) -> Checked<()> {
        let random = &mut self.random;
        let mut flag = |chance| random.percent(chance);
        let planned = Deed::Planned { turn_off: flag(20), reverse: flag(75), start: flag(75) };
        let (start, turn_off) = (flag(50), flag(50));
        match random.within(0..100) {
            0..45 => self.order(planned)?,
            45..65 => {
                // Walked back where it was caught half-way, and then brought to its end.
                if self.order_and_undo(planned)? && self.random.percent(50) {
                    self.order(planned)?;
                }
            }
            65..75 => {
                self.order(Deed::TestStart { network: start })?;
                self.order(Deed::TestStop)?;
            }
            75..80 => self.order(Deed::Failover { start })?,
            80..85 => {
                self.order(Deed::Failover { start })?;
                self.order(Deed::Undo)?;
            }
            85..88 => {
                self.order(Deed::Failover { start })?;
                self.order(if start { Deed::Stop { turn_off } } else { Deed::Start })?;
            }
            88..94 => {
                self.order(Deed::Failover { start })?;
                self.order(Deed::Commit)?;
            }
            _ => {
                self.order(Deed::Failover { start })?;
                self.order(Deed::StopPrimary { turn_off })?;
                self.order(Deed::Reverse)?;
            }
        }
        self.check_calls()?;
        self.accepts_orders()
    }

    /// What is over does not stand in the way of what comes next.
    fn accepts_orders(&mut self) -> Checked<()> {
        Site::ALL.iter().for_each(|site| self.rig.host(*site).calm());
        let words = Deed::TestStart { network: false }.words(self.rig);
        let ended = self.rig.run(&words);
        let in_the_way = ["held", "open-run", "journal", "superseded"].contains(&code_of(&ended).as_str());
        match ended.code {
            Some(0) => Ok(()),
            Some(3) if !in_the_way => Ok(()),
            _ => Err(format!("what is over stands in the way of a new order:\n{ended}")),
        }
    }

    /// All runs, the newest first.
    fn runs(&self) -> Vec<History> {
        let mut runs = self.rig.runs();
        let place = |run: &History| self.known.iter().position(|id| id == run.record.id.as_str());
        runs.sort_by_key(|run| std::cmp::Reverse(place(run).unwrap_or(usize::MAX)));
        runs
    }

    fn order(&mut self, deed: Deed) -> Checked<()> {
        self.carry_out(deed, false).map(drop)
    }

    /// Whether it was walked back.
    fn order_and_undo(&mut self, deed: Deed) -> Checked<bool> {
        self.carry_out(deed, true)
    }

    /// Brings an order to its end, whatever happens to the processes; gives whether that is a walk back.
    fn carry_out(&mut self, deed: Deed, mut undo: bool) -> Checked<bool> {
        self.counts.orders += 1;
        let before = self.ids();
        let mut attacks = self.random.within(1..4);
        let mut troubles = 0;
        let mut calm = BTreeMap::<String, u32>::new();
        let mut code = 0;
        for _ in 0..MOST_PROCESSES {
            let runs = self.runs();
            let mine: Vec<_> = runs.iter().filter(|run| !before.contains(run.record.id.as_str())).collect();
            let open: Vec<_> = mine.iter().filter(|run| run.end.is_none()).collect();
            let mut words = match (open.as_slice(), mine.first()) {
                ([], Some(last)) if matches!(last.end, Some(RunEnd::Done | RunEnd::Closed)) => {
                    let is_back =
                        matches!(last.record.order.kind, Kind::WalkBack { .. }) || last.end == Some(RunEnd::Closed);
                    self.finish(deed, is_back, code)?;
                    return Ok(is_back);
                }
                ([], _) => deed.words(self.rig),
                // What was begun last comes first: a walk back before what it takes back.
                ([newest, ..], _) => {
                    let is_walk = matches!(newest.record.order.kind, Kind::WalkBack { .. });
                    let verb = if undo && !is_walk { "undo" } else { "resume" };
                    ["run", verb, newest.record.id.as_str(), "--yes"].map(str::to_owned).to_vec()
                }
            };
            let is_undo = words.iter().any(|word| word == "undo") && words[0] == "run";
            let attack = match attacks {
                0 => Attack::default(),
                _ => Attack::draw(&mut self.random, deed.methods(), self.rig),
            };
            let is_calm = attacks == 0;
            if is_calm {
                Site::ALL.iter().for_each(|site| self.rig.host(*site).calm());
                if let Some(newest) = open.first() {
                    let count = calm.entry(newest.record.id.to_string()).or_default();
                    *count += 1;
                    if *count > CALM {
                        return Err(format!(
                            "{CALM} processes that nobody disturbed did not settle {}",
                            newest.record.id
                        ));
                    }
                }
            }
            attacks = u64::saturating_sub(attacks, 1);
            self.faults += u64::from(attack.has_fault());
            if let Some(timeout) = attack.timeout {
                words.extend(["--timeout".to_owned(), format!("{}ms", timeout.as_millis())]);
            }
            let ended = self.process(attack, &words)?;
            code = ended.code.unwrap_or(-1);
            if matches!(code, 3 | 5)
                && is_undo
                && ["already-reversed", "already-committed"].contains(&code_of(&ended).as_str())
            {
                undo = false;
                continue;
            }
            if code == 3 {
                return Err(format!("refused, and nobody else is at work:\n{ended}"));
            }
            if is_calm && code != 0 {
                troubles += 1;
                if troubles > CALM {
                    return Err(format!("it does not end although nobody disturbs it:\n{ended}"));
                }
            }
        }
        Err(format!("no end after {MOST_PROCESSES} processes"))
    }

    /// The order has ended: both hosts show it, or what is left is done as the program says.
    fn finish(&mut self, deed: Deed, is_back: bool, code: i32) -> Checked<()> {
        let fits = |rig: &Rig| if is_back { deed::fits_walk_back(rig) } else { deed.fits(rig) };
        self.counts.walks_back += u64::from(is_back);
        self.needed.extend(deed.once().iter().chain(if is_back { deed::WALK_BACK } else { &[] }));
        let shown = fits(self.rig);
        *self.counts.ends.entry(code).or_default() += 1;
        let Err(wrong) = shown else { return Ok(()) };
        let is_refused_start = self.faults > 0 && matches!(code, 4 | -1) && (is_back || deed.starts());
        if !is_refused_start {
            return Err(format!("done by its own word, but {wrong}"));
        }
        let site = if is_back { Site::Primary } else { Site::Host };
        let test_vm = self.rig.pair.replica.with_world(|world| world.test_of(VM).map(|vm| vm.id.clone()));
        let vm = test_vm.as_deref().filter(|_| matches!(deed, Deed::TestStart { .. })).unwrap_or(VM);
        Site::ALL.iter().for_each(|site| self.rig.host(*site).calm());
        let words = self.rig.flags(&["start", vm, "--yes"], site, false);
        let ended = self.process(Attack::default(), &words)?;
        match (ended.code, fits(self.rig)) {
            (Some(0), Ok(())) => Ok(()),
            (_, Err(wrong)) => {
                Err(format!("done by its own word, but {wrong}; and starting it by hand led to:\n{ended}"))
            }
            _ => Err(format!("starting it by hand led to:\n{ended}")),
        }
    }

    /// Runs one process, and judges how it ended.
    fn process(&mut self, attack: Attack, words: &[String]) -> Checked<Ended> {
        let recorded = self.message_ids();
        let (blow, text) = (attack.blow(), format!("{attack:?}"));
        self.is_lied_to |= attack.lies();
        let has_timeout = attack.timeout.is_some();
        self.counts.lied_to += u64::from(attack.lies());
        self.counts.jumps += u64::from(attack.jump.is_some());
        let told = |rig: &Rig| rig.liars.iter().map(Liar::told).sum::<u64>();
        let told_before = told(self.rig);
        let cuts = |rig: &Rig| rig.proxies.iter().map(|proxy| proxy.cuts()).sum::<u64>();
        let cut_before = cuts(self.rig);
        let ended = attack.run(self.rig, words);
        self.log.push(format!("{text}\n{ended}"));
        let code = ended.code.unwrap_or(-1);
        self.counts.processes += 1;
        self.counts.cuts += cuts(self.rig) - cut_before;
        self.counts.lies += told(self.rig) - told_before;
        let mut begun = None;
        for run in self.rig.runs() {
            let id = run.record.id.to_string();
            if !self.known.contains(&id) {
                begun = Some(id.clone());
                self.known.push(id);
            }
        }
        let is_killed = ended.code.is_none() && blow == Some(Blow::Kill);
        self.counts.kills += u64::from(is_killed);
        self.counts.signals += u64::from(code == 130 || (ended.code.is_none() && !is_killed));
        *self.counts.exits.entry(code).or_default() += 1;
        if let Some(damage) = self.rig.damage() {
            return Err(format!("the journal is damaged: {damage}"));
        }
        if code == -1 {
            return match blow {
                Some(Blow::Kill) => Ok(ended),
                // It came before anybody listened for it, and so before anything was sent.
                Some(Blow::Signal(_) | Blow::Twice(..)) if self.message_ids() == recorded => Ok(ended),
                _ => Err(format!("it died of itself, or of a signal that it should have heard:\n{ended}")),
            };
        }
        let new: BTreeSet<_> = self.message_ids().difference(&recorded).cloned().collect();
        self.judge(&ended, code, blow, new)?;
        self.judge_exit(&ended, code, begun.as_deref(), has_timeout)?;
        Ok(ended)
    }

    fn judge(&mut self, ended: &Ended, code: i32, blow: Option<Blow>, new: BTreeSet<String>) -> Checked<()> {
        // A second signal leaves at once: without a document, or with that of an end that was reached by then.
        let left_at_once = code == 130 && matches!(blow, Some(Blow::Twice(..)));
        if left_at_once && ended.out.is_empty() {
            return Ok(());
        }
        let document = ended.document();
        if left_at_once && document["exit"] != 130 {
            return Ok(());
        }
        if document["exit"].as_i64() != Some(i64::from(code)) {
            return Err(format!("the exit in the document is another:\n{ended}"));
        }
        let open = self.rig.runs().into_iter().any(|run| run.end.is_none());
        match code {
            0 => return Ok(()),
            130 if !matches!(blow, Some(Blow::Signal(_) | Blow::Twice(..))) => {
                return Err(format!("interrupted by nobody:\n{ended}"));
            }
            3..=8 | 130 => {}
            _ => return Err(format!("an end that must not be:\n{ended}")),
        }
        if document["kind"] == "error" {
            let remedy = document["remedy"].as_str().unwrap();
            if open && !remedy.contains("hvr run resume ") && code != 3 {
                return Err(format!("a run is open, and the remedy does not say how to take it up:\n{ended}"));
            }
            // A host that was made to fail may do what it refuses.
            if document["may_have_changed"] == false && !(code == 4 && self.faults > 0) {
                self.must_not_be_taken.extend(new.into_iter().map(|id| (id, ended.to_string())));
            }
        }
        Ok(())
    }

    /// The exit against what the hosts took and the journal says: a script knows nothing else.
    fn judge_exit(&mut self, ended: &Ended, code: i32, begun: Option<&str>, has_timeout: bool) -> Checked<()> {
        let runs = self.runs();
        // The run that was taken up, or the one that was begun; a process that got no further has none.
        let is_resumed = ended.words[..2] == ["run", "resume"];
        let id = if is_resumed { Some(ended.words[2].as_str()) } else { begun };
        let Some(run) = runs.iter().find(|run| Some(run.record.id.as_str()) == id) else { return Ok(()) };
        let ids: BTreeSet<_> = run.calls.iter().map(|call| call.intent.message_id.clone()).collect();
        let taken: Vec<_> = self.rig.taken_ids().intersection(&ids).cloned().collect();
        let id = &run.record.id;
        match code {
            0 if run.end.is_none() => Err(format!("exit 0, and run {id} is open:\n{ended}")),
            2 | 3 | 6 | 7 if !taken.is_empty() => {
                Err(format!("exit {code} says that nothing was changed, and run {id} had {taken:?} taken:\n{ended}"))
            }
            // What lies on its way would be taken later.
            2 | 3 | 6 | 7 => {
                self.must_not_be_taken.extend(ids.into_iter().map(|id| (id, ended.to_string())));
                match code {
                    7 if !self.is_lied_to => Err(format!("not allowed, by nobody:\n{ended}")),
                    _ => Ok(()),
                }
            }
            4 if self.faults == 0 => Err(format!("refused, by no host:\n{ended}")),
            5 if run.end.is_some() => Err(format!("exit 5, and run {id} has an end:\n{ended}")),
            8 if !has_timeout => Err(format!("a deadline that nobody set:\n{ended}")),
            _ => Ok(()),
        }
    }

    /// What both hosts took, against what the journal says.
    fn check_calls(&mut self) -> Checked<()> {
        let runs = self.rig.runs();
        if let Some(open) = runs.iter().find(|run| run.end.is_none()) {
            return Err(format!("run {} is left open", open.record.id));
        }
        let taken: Vec<_> = Site::ALL.iter().flat_map(|site| self.rig.taken(*site)).collect();
        let ids: BTreeSet<_> = taken.iter().map(|taken| taken.message_id.as_str()).collect();
        if ids.len() != taken.len() {
            return Err("a host took one message twice".to_owned());
        }
        for taken in &taken {
            let mut calls = runs.iter().flat_map(|run| &run.calls);
            let Some(call) = calls.find(|call| call.intent.message_id == taken.message_id) else {
                return Err(format!("not on record: {taken:?}"));
            };
            if !call.intent.method.ends_with(&format!(".{}", taken.method)) {
                return Err(format!("on record as {}: {taken:?}", call.intent.method));
            }
            if let Some(ended) = self.must_not_be_taken.get(&taken.message_id) {
                return Err(format!("{taken:?} was taken, and the process said that nothing was changed:\n{ended}"));
            }
        }
        for run in &runs {
            self.check_run(run, &ids)?;
        }
        self.check_counts(&runs, &taken)?;
        let number = |count: usize| u64::try_from(count).unwrap();
        let on_record: usize = runs.iter().map(|run| run.calls.len()).sum();
        self.counts.taken += number(ids.len());
        self.counts.not_taken += number(on_record - ids.len());
        Ok(())
    }

    /// What the hosts themselves counted: nothing that was needed once happened twice, and no call reached a host more
    /// often than it is on record, refused or not.
    fn check_counts(&self, runs: &[History], taken: &[Taken]) -> Checked<()> {
        let calls = || runs.iter().flat_map(|run| &run.calls);
        let has_failed = |taken: &Taken| {
            calls().any(|call| call.intent.message_id == taken.message_id && call.verdict == Some(Verdict::Failed))
        };
        for kind in deed::ONCE {
            let count = taken.iter().filter(|taken| taken.job_type == Some(*kind) && !has_failed(taken)).count();
            let needed = self.needed.iter().filter(|needed| *needed == kind).count();
            if count > needed {
                return Err(format!("what has JobType {kind} was taken {count} times, and needed {needed} times"));
            }
        }
        for (site, method) in METHODS {
            let received = self.rig.host(*site).with_world(|world| world.called(method, VM));
            // Each host by its URL: the one that is named is the replica's or the primary's.
            let url = self.rig.url(*site);
            let is_meant = |intent: &Intent| intent.host == url && intent.method.ends_with(&format!(".{method}"));
            let on_record = calls().filter(|call| is_meant(&call.intent)).count();
            if received > on_record {
                return Err(format!("{method} reached the {site} {received} times, on record are {on_record}"));
            }
        }
        Ok(())
    }

    fn check_run(&self, run: &History, taken: &BTreeSet<&str>) -> Checked<()> {
        let id = &run.record.id;
        let mut steps = BTreeMap::<&str, u64>::new();
        for (number, call) in run.calls.iter().enumerate() {
            let is_taken = taken.contains(call.intent.message_id.as_str());
            let step = call.intent.step.as_str();
            match (call.verdict, is_taken) {
                (Some(Verdict::NotTaken), true) => {
                    return Err(format!("run {id}: {step} counts as not taken, and was"));
                }
                (Some(Verdict::Done), false) => {
                    return Err(format!("run {id}: {step} counts as done, and was not taken"));
                }
                // A host says no to what it has done already.
                // Where the clock was set, nobody can say whether a job of it could have come and gone.
                (Some(Verdict::Failed), false) if self.counts.jumps > 0 => {}
                (Some(Verdict::Failed), _) if self.faults == 0 => {
                    return Err(format!("run {id}: {step} was refused or failed, and no fault was ordered"));
                }
                (Some(Verdict::Failed), true) => {}
                // A fault without a cause, after which the same call with more keys was good: which of them did it, nobody
                // can say. Here only one of them may have been taken.
                (None, _) if run.end == Some(RunEnd::Done) && !is_made_good(run, number) => {
                    return Err(format!("run {id} is done, and nothing is proven of {step}"));
                }
                (_, true) => *steps.entry(step).or_default() += 1,
                (_, false) => {}
            }
        }
        match steps.iter().find(|(_, count)| **count > 1) {
            Some((step, count)) => Err(format!("run {id}: {step} was taken {count} times")),
            None => Ok(()),
        }
    }

    fn ids(&self) -> BTreeSet<String> {
        self.rig.runs().iter().map(|run| run.record.id.to_string()).collect()
    }

    fn message_ids(&self) -> BTreeSet<String> {
        let runs = self.rig.runs();
        runs.iter().flat_map(|run| &run.calls).map(|call| call.intent.message_id.clone()).collect()
    }
}

/// Whether the next call was the same step's, and is proven.
fn is_made_good(run: &History, number: usize) -> bool {
    let step = |number: usize| run.calls.get(number).map(|call| call.intent.step.as_str());
    step(number) == step(number + 1) && run.calls[number + 1].verdict == Some(Verdict::Done)
}

fn code_of(ended: &Ended) -> String {
    ended.document()["code"].as_str().unwrap_or_default().to_owned()
}

/// What is called for the VM, and where.
const METHODS: &[(Site, &str)] = &[
    (Site::Host, "InitiateFailover"),
    (Site::Host, "CommitFailover"),
    (Site::Host, "RevertFailover"),
    (Site::Host, "ReverseReplicationRelationship"),
    (Site::Host, "StartReplication"),
    (Site::Host, "TestReplicaSystem"),
    (Site::Host, "RequestStateChange"),
    (Site::Primary, "RequestReplicationStateChangeEx"),
    (Site::Primary, "RequestStateChange"),
];

/// So many processes bring a run to its end, once nobody disturbs them.
const CALM: u32 = 2;
/// Of one order. Far more than any has needed.
const MOST_PROCESSES: usize = 20;
