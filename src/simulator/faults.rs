//! What goes wrong on purpose: entries of a scenario, and the script that fires them.

use std::time::Duration;

use serde::Deserialize;

use super::scenario::{JobScript, duration};

/// One entry of a scenario's `faults`: on which request, and what happens.
///
/// ```toml
/// [[faults]]
/// on = "Get Msvm_ConcreteJob"   # operation or method, with or without a class; "*" is any request
/// nth = 3                       # the third such request; 1 when left out
/// times = 2                     # for how many requests from there on; 1 when left out, 0 for ever
/// taken = true                  # whether the host does the work all the same; see `Effect` for the default
/// fault = "TimedOut"            # exactly one effect
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Entry")]
#[non_exhaustive]
pub struct Fault {
    /// `Get`, `Enumerate`, `Pull`, `Release`, `Identify`, the name of a method, or `*`; a class may follow.
    pub on: String,
    /// Which of the matching requests, from 1.
    pub nth: u32,
    /// How many of them from there on; 0 for ever.
    pub times: u32,
    /// Whether the host does the work although the client is not told.
    pub taken: bool,
    /// What happens.
    pub effect: Effect,
}

impl Fault {
    /// On the first such request.
    pub fn on(on: impl Into<String>, effect: Effect) -> Self {
        let taken = effect.is_taken_by_default();
        Fault { on: on.into(), nth: 1, times: 1, taken, effect }
    }

    /// On another one than the first.
    #[must_use]
    pub fn nth(mut self, nth: u32) -> Self {
        self.nth = nth;
        self
    }

    /// On several in a row; 0 for ever.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Whether the work is done all the same.
    #[must_use]
    pub fn taken(mut self, taken: bool) -> Self {
        self.taken = taken;
        self
    }

    fn matches(&self, operation: &str, class: &str) -> bool {
        let mut words = self.on.split_whitespace();
        let first = words.next().unwrap_or("*");
        let named = first == "*" || first.eq_ignore_ascii_case(operation);
        named && words.next().is_none_or(|wanted| wanted.eq_ignore_ascii_case(class))
    }
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// `fault = "…"`: a SOAP fault. Work not done unless `taken`.
    Fault(FaultName),
    /// `status = 503`: an HTTP status without SOAP. Work not done unless `taken`.
    Status(u16),
    /// `cut = "…"`: the connection ends.
    Cut(Cut),
    /// `delay = "5s"`: the reply comes late. Work done.
    Delay(Duration),
    /// `hang = true`: no reply ever. Work not done unless `taken`.
    Hang,
    /// `garbage = "…"`: a reply that is no envelope.
    Garbage(Garbage),
    /// `login = "dropped"`: 401 in the middle of a session. Work not done.
    LoginDropped,
    /// `job = { … }`: the job that this call starts goes so.
    Job(JobScript),
    /// `restart = true`: contexts, jobs and logins are gone, the state of the VMs is kept; the connection ends.
    Restart,
    /// `returns = 32775`: this ReturnValue. Work not done unless `taken`.
    Returns(u32),
}

impl Effect {
    fn is_taken_by_default(&self) -> bool {
        match self {
            Effect::Delay(_) | Effect::Job(_) | Effect::Garbage(Garbage::Truncated | Garbage::Foreign) => true,
            Effect::Cut(cut) => matches!(cut, Cut::After | Cut::Reply(_)),
            _ => false,
        }
    }
}

/// Where the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Before the body is read. Only with `on = "*"`, as nobody knows then what it would have been.
    Body,
    /// After the request was read, before it is acted upon.
    Before,
    /// After the work was taken: no byte of the reply comes.
    After,
    /// In the middle of the reply, after this many bytes of its HTTP message (`at = 100`).
    Reply(u64),
}

/// A reply that is no envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Garbage {
    /// An HTML page with status 200, as from a proxy.
    Html,
    /// The first half of the true reply.
    Truncated,
    /// Status 200 and nothing.
    Empty,
    /// The reply to another message: RelatesTo does not fit.
    Foreign,
}

/// A fault by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum FaultName {
    /// OperationTimeout ran out: 2150858793.
    TimedOut,
    /// `w:AccessDenied`, 5.
    AccessDenied,
    /// Too many operations of the user: `w:InternalError`, 2150859174.
    QuotaMaxOperations,
    /// `w:QuotaLimit`, 2150858815.
    QuotaLimit,
    /// `w:InternalError` without more.
    InternalError,
    /// `a:DestinationUnreachable`, as for an instance that is gone.
    NotFound,
    /// `w:SchemaValidationError`.
    SchemaValidationError,
    /// `w:InvalidSelectors`.
    InvalidSelectors,
    /// `n:CannotProcessFilter`.
    CannotProcessFilter,
    /// `n:InvalidEnumerationContext`.
    InvalidEnumerationContext,
    /// `w:EncodingLimit`.
    EncodingLimit,
    /// `a:ActionNotSupported`.
    ActionNotSupported,
    /// `MSFT_WmiError` with WBEM_E_ACCESS_DENIED, the other form of a refusal.
    WmiAccessDenied,
    /// `MSFT_WmiError` with WBEM_E_INVALID_METHOD_PARAMETERS.
    WmiInvalidParameters,
    /// A namespace that is not there, by the number of a refused filter: 2150858778.
    InvalidNamespace,
    /// `MSFT_WmiError` with WBEM_E_INVALID_NAMESPACE.
    WmiInvalidNamespace,
    /// `MSFT_WmiError` with WBEM_E_PROVIDER_LOAD_FAILURE.
    WmiProviderFailure,
}

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    on: String,
    nth: Option<u32>,
    times: Option<u32>,
    taken: Option<bool>,
    fault: Option<FaultName>,
    status: Option<u16>,
    cut: Option<CutWord>,
    at: Option<u64>,
    #[serde(default)]
    delay: Option<Delay>,
    hang: Option<bool>,
    garbage: Option<Garbage>,
    login: Option<LoginWord>,
    job: Option<JobScript>,
    restart: Option<bool>,
    returns: Option<u32>,
}

#[derive(Deserialize)]
struct Delay(#[serde(deserialize_with = "duration")] Duration);

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum CutWord {
    Body,
    Before,
    After,
    Reply,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum LoginWord {
    Dropped,
}

impl TryFrom<Entry> for Fault {
    type Error = String;

    fn try_from(entry: Entry) -> Result<Fault, String> {
        let on = entry.on.split_whitespace().collect::<Vec<_>>().join(" ");
        let fail = |text: &str| Err(format!("fault on {on:?}: {text}"));
        if !(1..=2).contains(&on.split(' ').filter(|word| !word.is_empty()).count()) {
            return fail("\"on\" is an operation or method, and perhaps a class");
        }
        if entry.at.is_some() && entry.cut != Some(CutWord::Reply) {
            return fail("\"at\" belongs to cut = \"reply\"");
        }
        let cut = entry.cut.map(|word| match word {
            CutWord::Body => Cut::Body,
            CutWord::Before => Cut::Before,
            CutWord::After => Cut::After,
            CutWord::Reply => Cut::Reply(entry.at.unwrap_or(200)),
        });
        if cut == Some(Cut::Body) && on != "*" {
            return fail("cut = \"body\" goes only with on = \"*\"");
        }
        if entry.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return fail("\"status\" is a number from 200 to 599");
        }
        let effects: Vec<Effect> = [
            entry.fault.map(Effect::Fault),
            entry.status.map(Effect::Status),
            cut.map(Effect::Cut),
            entry.delay.map(|delay| Effect::Delay(delay.0)),
            entry.hang.filter(|on| *on).map(|_| Effect::Hang),
            entry.garbage.map(Effect::Garbage),
            entry.login.map(|LoginWord::Dropped| Effect::LoginDropped),
            entry.job.map(Effect::Job),
            entry.restart.filter(|on| *on).map(|_| Effect::Restart),
            entry.returns.map(Effect::Returns),
        ]
        .into_iter()
        .flatten()
        .collect();
        let Ok([effect]) = <[Effect; 1]>::try_from(effects) else {
            return fail(
                "exactly one of fault, status, cut, delay, hang, garbage, login, job, restart, returns is needed",
            );
        };
        let nth = entry.nth.unwrap_or(1);
        if nth == 0 {
            return fail("\"nth\" counts from 1");
        }
        let taken = entry.taken.unwrap_or_else(|| effect.is_taken_by_default());
        Ok(Fault { on, nth, times: entry.times.unwrap_or(1), taken, effect })
    }
}

/// The faults of a scenario with their counts.
#[derive(Debug, Default)]
pub(super) struct Script {
    entries: Vec<(Fault, u32)>,
}

impl Script {
    pub(super) fn new(faults: &[Fault]) -> Script {
        Script { entries: faults.iter().map(|fault| (fault.clone(), 0)).collect() }
    }

    pub(super) fn push(&mut self, fault: Fault) {
        self.entries.push((fault, 0));
    }

    /// What happens to this request: the first entry that is due. Every matching entry counts it.
    pub(super) fn fire(&mut self, operation: &str, class: &str) -> Option<Fault> {
        self.count(|fault| fault.effect != Effect::Cut(Cut::Body) && fault.matches(operation, class))
    }

    /// Whether the connection ends before the body of a request is read.
    pub(super) fn fire_before_body(&mut self) -> bool {
        self.count(|fault| fault.effect == Effect::Cut(Cut::Body)).is_some()
    }

    fn count(&mut self, is_meant: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut due = None;
        for (fault, seen) in self.entries.iter_mut().filter(|(fault, _)| is_meant(fault)) {
            *seen = seen.saturating_add(1);
            let last = fault.nth.saturating_add(fault.times.saturating_sub(1));
            if due.is_none() && *seen >= fault.nth && (fault.times == 0 || *seen <= last) {
                due = Some(fault.clone());
            }
        }
        due
    }
}
