//! The simulated host as a whole: takes request bytes, decides what goes wrong, gives reply bytes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use crate::auth::Secret;
use crate::wsman::{Request, RequestBody, ResponseContext};

use super::clock::{RealClock, SimulatorClock};
use super::enumerations::Enumerations;
use super::faults::{Cut, Effect, Fault, Garbage, Relates, Script, Swapped, Work};
use super::ids::Ids;
use super::late::Late;
use super::refusal::Refusal;
use super::scenario::{JobScript, Scenario};
use super::service::{Deviation, Service};
use super::site::{Side, Site};
use super::world::{Taken, World};

/// A simulated host. Cheap to share: all methods take `&self`.
pub struct Simulator {
    scenario: Scenario,
    clock: Arc<dyn SimulatorClock>,
    /// Shared with the other host of a pair. Taken before `state` by whoever needs both.
    site: Arc<Mutex<Site>>,
    side: Side,
    /// The other host of a pair.
    pub(super) peer: OnceLock<Weak<Simulator>>,
    /// Made when the first server needs it, for all servers of the host or the pair.
    password: Arc<OnceLock<Secret>>,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) enumerations: Enumerations,
    pub(super) late: Late,
    script: Script,
    ids: Ids,
    requests: BTreeMap<String, usize>,
    /// Grows when the service restarts: logins of an earlier epoch are gone.
    epoch: u64,
}

/// What becomes of one request.
#[derive(Debug)]
pub(super) struct Handled {
    /// How long the reply waits.
    pub(super) delay: Duration,
    pub(super) end: End,
}

/// How a request ends for the client.
#[derive(Debug)]
pub(super) enum End {
    Reply {
        status: u16,
        body: Vec<u8>,
    },
    /// The connection ends; with `Cut::Reply`, in the middle of this reply.
    Cut {
        at: Cut,
        status: u16,
        body: Vec<u8>,
    },
    Hang,
    LoginDropped,
    /// Somebody on the path answers.
    Swapped(Swapped),
}

impl Simulator {
    /// A host by the time of day.
    pub fn new(scenario: Scenario) -> Arc<Simulator> {
        Simulator::with_clock(scenario, RealClock)
    }

    /// A host by another clock.
    pub fn with_clock(scenario: Scenario, clock: impl SimulatorClock) -> Arc<Simulator> {
        let site = Arc::new(Mutex::new(Site::alone(&scenario, clock.now())));
        Simulator::over(scenario, Arc::new(clock), site, Side::Replica, Arc::default())
    }

    /// One side of a site.
    pub(super) fn over(
        scenario: Scenario,
        clock: Arc<dyn SimulatorClock>,
        site: Arc<Mutex<Site>>,
        side: Side,
        password: Arc<OnceLock<Secret>>,
    ) -> Arc<Simulator> {
        let state = State {
            enumerations: Enumerations::new(scenario.max_enumerations, scenario.enumeration_timeout),
            late: Late::default(),
            script: Script::new(&scenario.faults),
            ids: Ids::new(scenario.seed),
            requests: BTreeMap::new(),
            epoch: 0,
        };
        let peer = OnceLock::new();
        Arc::new(Simulator { scenario, clock, site, side, peer, password, state: Mutex::new(state) })
    }

    /// The scenario it was started with.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Its clock.
    pub fn clock(&self) -> &Arc<dyn SimulatorClock> {
        &self.clock
    }

    /// Looks at the world as it is now, or changes it in the middle of a rehearsal.
    ///
    /// Both hosts of a pair wait while `look` runs, so it must not ask them for their worlds or send them requests.
    pub fn with_world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        self.receive();
        let mut site = self.site();
        site.settle(self.clock.now());
        look(site.world_mut(self.side))
    }

    /// Adds a fault to the script.
    pub fn inject(&self, fault: Fault) {
        self.state().script.push(fault);
    }

    /// Ends the script of faults: what has not happened by now does not happen. What is on its way arrives.
    pub fn calm(&self) {
        self.state().script = Script::default();
    }

    /// How often a method was taken for a VM: began to change it.
    pub fn taken(&self, method: &str, vm: &str) -> usize {
        self.receive();
        self.site().world(self.side).taken(method, vm)
    }

    /// Everything that was taken, in the order of taking.
    pub fn history(&self) -> Vec<Taken> {
        self.receive();
        self.site().world(self.side).history().to_vec()
    }

    /// Requests by operation: `Identify`, `Get`, `Enumerate`, `Pull`, `Release`, or the name of a method.
    pub fn requests(&self) -> BTreeMap<String, usize> {
        self.state().requests.clone()
    }

    /// Enumerations that were begun and neither finished nor released.
    pub fn open_enumerations(&self) -> usize {
        self.state().enumerations.open()
    }

    /// The cell of the password that servers of this host share.
    pub(super) fn password(&self) -> &OnceLock<Secret> {
        &self.password
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn site(&self) -> MutexGuard<'_, Site> {
        self.site.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn epoch(&self) -> u64 {
        self.state().epoch
    }

    /// Whether the connection ends before the body of the next request is read.
    pub(super) fn cuts_before_body(&self) -> bool {
        self.state().script.fire_before_body()
    }

    /// Takes one request.
    pub(super) fn handle(&self, bytes: &[u8]) -> Handled {
        self.receive();
        let now = self.clock.now();
        let mut site = self.site();
        let mut state = self.state();
        site.settle(now);
        let reply_id = state.ids.message();
        let Ok(request) = Request::read(bytes) else {
            let context = ResponseContext { message_id: &reply_id, relates_to: "" };
            return Handled::reply(self.refuse(&Refusal::schema(), &context));
        };
        let (operation, class) = name(&request);
        *state.requests.entry(operation.clone()).or_default() += 1;
        let fault = state.script.fire(&operation, &class);
        if let Some(Work::Late(after)) = fault.as_ref().map(|fault| fault.work) {
            state.late.push(now.saturating_add(after), bytes);
        }
        let effect = fault.as_ref().map(|fault| &fault.effect);
        let relates = match effect {
            Some(Effect::Garbage(Garbage::Foreign)) => Relates::Other,
            Some(Effect::Swapped { page, .. }) => page.relates(),
            _ => Relates::This,
        };
        let message_id = request.header.message_id.clone().unwrap_or_default();
        let context = ResponseContext { message_id: &reply_id, relates_to: relates.to(&message_id) };
        // A request whose effect is "not taken" is not even looked at, but for a changed ReturnValue and for what a forged
        // answer shows.
        let is_taken = fault.as_ref().is_none_or(|fault| fault.work == Work::Done);
        let returns = match effect {
            Some(Effect::Returns(number)) => Some(*number),
            _ => None,
        };
        let is_shown = matches!(effect, Some(Effect::Swapped { page, .. }) if page.shows_answer(&request));
        let (status, mut body) = match is_taken || returns.is_some() || is_shown {
            true => {
                let job = match effect {
                    Some(Effect::Job(script)) => script.clone(),
                    _ => JobScript::default(),
                };
                let deviation = Deviation { job, returns, is_taken };
                self.answer((&mut *site, &mut *state), now, &request, context, deviation)
            }
            false => (200, Vec::new()),
        };
        let padding = usize::try_from(self.scenario.reply_padding).unwrap_or(0);
        body.resize(body.len().saturating_add(padding), b' ');
        match fault {
            None => Handled::reply((status, body)),
            Some(Fault { effect: Effect::Swapped { status, page }, .. }) => {
                let style = (self.scenario.dialect, self.scenario.language);
                Handled::end(End::Swapped(page.write(status, &request, body, &context, style)))
            }
            Some(fault) => {
                if fault.effect == Effect::Restart {
                    state.restart();
                    site.world_mut(self.side).hide_jobs();
                }
                self.deviate(fault, status, body, &context)
            }
        }
    }

    /// Takes a request that has come at this time, when nobody waits for the answer any more.
    pub(super) fn take_late(&self, at: Duration, bytes: &[u8]) {
        let mut site = self.site();
        let mut state = self.state();
        site.settle(at);
        let reply_id = state.ids.message();
        let Ok(request) = Request::read(bytes) else { return };
        let context = ResponseContext { message_id: &reply_id, relates_to: "" };
        let deviation = Deviation { job: JobScript::default(), returns: None, is_taken: true };
        self.answer((&mut *site, &mut *state), at, &request, context, deviation);
    }

    /// Status and body of the host's own answer.
    fn answer(
        &self,
        (site, state): (&mut Site, &mut State),
        now: Duration,
        request: &Request,
        context: ResponseContext<'_>,
        deviation: Deviation,
    ) -> (u16, Vec<u8>) {
        let (job_id, context_id) = (state.ids.guid(), state.ids.context());
        let answered = Service {
            scenario: &self.scenario,
            now,
            site,
            side: self.side,
            enumerations: &mut state.enumerations,
            context,
            message_id: request.header.message_id.as_deref().unwrap_or_default(),
            job_id,
            context_id,
            deviation,
        }
        .answer(request);
        match answered {
            Ok(body) => (200, body),
            Err(refusal) => self.refuse(&refusal, &context),
        }
    }

    fn deviate(&self, fault: Fault, status: u16, body: Vec<u8>, context: &ResponseContext<'_>) -> Handled {
        let html = || b"<html><body><h1>Not WS-Management</h1></body></html>".to_vec();
        match fault.effect {
            Effect::Fault(name) => Handled::reply(self.refuse(&Refusal::named(name), context)),
            Effect::Status(status) | Effect::Swapped { status, .. } => {
                Handled::end(End::Swapped(Swapped { status, content_type: None, body: Vec::new() }))
            }
            Effect::Cut(at) => Handled::end(End::Cut { at, status, body }),
            Effect::Restart => Handled::end(End::Cut { at: Cut::Before, status, body }),
            Effect::Delay(delay) => Handled { delay, end: End::Reply { status, body } },
            Effect::Hang => Handled::end(End::Hang),
            Effect::Garbage(Garbage::Html) => Handled::reply((200, html())),
            Effect::Garbage(Garbage::Empty) => Handled::reply((200, Vec::new())),
            Effect::Garbage(Garbage::Truncated) => {
                let half = body.get(..body.len() / 2).unwrap_or_default().to_vec();
                Handled::reply((status, half))
            }
            Effect::LoginDropped => Handled::end(End::LoginDropped),
            Effect::Garbage(Garbage::Foreign) | Effect::Job(_) | Effect::Returns(_) => Handled::reply((status, body)),
        }
    }

    fn refuse(&self, refusal: &Refusal, context: &ResponseContext<'_>) -> (u16, Vec<u8>) {
        let dialect = self.scenario.dialect;
        match refusal.write(context, dialect, self.scenario.language) {
            Ok(body) => (refusal.status(dialect), body),
            // A MessageID that XML cannot carry was read from XML, so this is not reached in practice.
            Err(_) => (500, Vec::new()),
        }
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("computer", &self.scenario.computer).finish_non_exhaustive()
    }
}

impl State {
    /// What a restart of the service forgets.
    fn restart(&mut self) {
        self.epoch += 1;
        self.enumerations.clear();
    }
}

impl Handled {
    fn reply((status, body): (u16, Vec<u8>)) -> Handled {
        Handled::end(End::Reply { status, body })
    }

    fn end(end: End) -> Handled {
        Handled { delay: Duration::ZERO, end }
    }
}

/// Operation and class for the script of faults.
fn name(request: &Request) -> (String, String) {
    let class = request.header.resource.as_ref().map_or("", |resource| resource.last_segment()).to_owned();
    let operation = match &request.body {
        RequestBody::Identify => "Identify",
        RequestBody::Get => "Get",
        RequestBody::Enumerate { .. } => "Enumerate",
        RequestBody::Pull { .. } => "Pull",
        RequestBody::Release { .. } => "Release",
        RequestBody::Put => "Put",
        RequestBody::Create => "Create",
        RequestBody::Delete => "Delete",
        RequestBody::Subscribe { .. } => "Subscribe",
        RequestBody::Renew { .. } => "Renew",
        RequestBody::Unsubscribe => "Unsubscribe",
        RequestBody::Invoke { method } => method,
        _ => "Unknown",
    };
    (operation.to_owned(), class)
}
