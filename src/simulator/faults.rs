//! What goes wrong on purpose: entries of a scenario, and the script that fires them.

mod entry;
mod page;

use std::time::Duration;

use serde::Deserialize;

use super::scenario::JobScript;

use entry::Entry;

pub(super) use page::Swapped;
pub use page::{Page, Relates};

/// One entry of a scenario's `faults`: on which request, and what happens.
///
/// ```toml
/// [[faults]]
/// on = "Get Msvm_ConcreteJob"   # operation or method, with or without a class; "*" is any request
/// nth = 3                       # the third such request; 1 when left out
/// times = 2                     # for how many requests from there on; 1 when left out, 0 for ever
/// taken = true                  # whether the host does the work all the same; see `Effect` for the default
/// fault = "TimedOut"            # exactly one effect
///
/// [[faults]]                    # a proxy, or whoever else is on the path, answers in place of the host
/// on = "InitiateFailover"
/// status = 503                  # with any status from 200 to 599
/// page = "fault"                # and any page: "empty" (when left out), "html", "fault", "success"
/// fault = "AccessDenied"        # which fault the page is; AccessDenied when left out
/// relates = "other"             # which message a fault or success says it answers: "this" (when left out), "other", "nothing"
/// late = "5s"                   # the request reaches the host so long after the answer; or taken = true: before it
/// ```
///
/// Without `taken` and `late` the request never reaches the host. A page is sent as it is: over HTTP it is not sealed,
/// as whoever is on the path has no key; over HTTPS it comes from whoever ended the TLS, and one that answers this
/// message cannot be told from the host's own.
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
    /// Whether and when the host does the work, whatever the client is told.
    pub work: Work,
    /// What happens.
    pub effect: Effect,
}

impl Fault {
    /// On the first such request.
    pub fn on(on: impl Into<String>, effect: Effect) -> Self {
        let work = Work::done_if(effect.is_taken_by_default());
        Fault { on: on.into(), nth: 1, times: 1, work, effect }
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
        self.work = Work::done_if(taken);
        self
    }

    /// The host gets the request so long after the client has its answer. For effects whose answer does not come of the
    /// work: the others are as without it.
    #[must_use]
    pub fn late(mut self, after: Duration) -> Self {
        self.work = Work::Late(after);
        self
    }

    fn matches(&self, operation: &str, class: &str) -> bool {
        let mut words = self.on.split_whitespace();
        let first = words.next().unwrap_or("*");
        let named = first == "*" || first.eq_ignore_ascii_case(operation);
        named && words.next().is_none_or(|wanted| wanted.eq_ignore_ascii_case(class))
    }
}

/// Whether and when the host does the work of a request that a fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Never: the request does not reach it.
    NotDone,
    /// Before the client hears anything.
    Done,
    /// So long after the client has its answer: the request lay in a queue.
    Late(Duration),
}

impl Work {
    fn done_if(taken: bool) -> Work {
        if taken { Work::Done } else { Work::NotDone }
    }
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// `fault = "…"`: a SOAP fault. Work not done unless `taken`.
    Fault(FaultName),
    /// `status = 503`: an HTTP status without a page, [`Effect::Swapped`] with [`Page::Empty`]. Work not done unless `taken`.
    Status(u16),
    /// `status = 503` with `page = "…"`: what somebody on the path answers. Work not done unless `taken` or `late`.
    Swapped {
        /// HTTP status.
        status: u16,
        /// The page.
        page: Page,
    },
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

    /// Whether the answer does not come of the work, so that the work may be done at any time.
    fn may_be_late(&self) -> bool {
        match self {
            Effect::Fault(_) | Effect::Status(_) | Effect::Swapped { .. } | Effect::Hang | Effect::LoginDropped => true,
            Effect::Garbage(garbage) => matches!(garbage, Garbage::Html | Garbage::Empty),
            Effect::Cut(cut) => *cut == Cut::Before,
            Effect::Delay(_) | Effect::Job(_) | Effect::Restart | Effect::Returns(_) => false,
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
