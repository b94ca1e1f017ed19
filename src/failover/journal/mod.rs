//! The journal: what a run did, written down before and after every once-only call.
//!
//! INVARIANT: no once-only call leaves before [`Journal::intent`] has returned `Ok`, and that returns only when the
//! record survives a power cut. What is written afterwards may be lost: a run is taken up again by looking at the hosts,
//! and the intent says what to look for.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use crate::hyperv::{ReturnCode, VmId};
use crate::wsman::Delivery;

use super::order::{Order, Site};

mod memory;
mod world;

pub use memory::MemoryJournal;
pub use world::World;

/// The id of a run: when it began and six random hexadecimal digits, `20261125-100134-7f3a9c`. Sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

/// Text that is no id of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no run such as 20261125-100134-7f3a9c")]
pub struct RunIdError(String);

impl RunId {
    /// A new id at this time of day.
    pub fn new(now: SystemTime) -> RunId {
        let time = jiff::Timestamp::try_from(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let [a, b, c, ..] = *uuid::Uuid::new_v4().as_bytes();
        RunId(format!("{}-{a:02x}{b:02x}{c:02x}", time.strftime("%Y%m%d-%H%M%S")))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, RunIdError> {
        let mut parts = text.split('-');
        let mut has = |length: usize, digit: fn(&u8) -> bool| {
            parts.next().is_some_and(|part| part.len() == length && part.as_bytes().iter().all(digit))
        };
        let fits = has(8, u8::is_ascii_digit) && has(6, u8::is_ascii_digit) && has(6, u8::is_ascii_hexdigit);
        match fits && parts.next().is_none() {
            true => Ok(RunId(text.to_ascii_lowercase())),
            false => Err(RunIdError(text.chars().take(80).collect())),
        }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A run, as it is begun.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// What was ordered, with the VM by id and the recovery point that was chosen.
    pub order: Order,
    /// The VM.
    pub vm: VmId,
    /// Its display name, for people.
    pub vm_name: String,
    /// The hosts by URL.
    pub hosts: Vec<(Site, String)>,
    /// When it began.
    pub begun: SystemTime,
    /// The run that this one takes back.
    pub undoes: Option<RunId>,
    /// A text of the program around the library, such as its connection settings: kept as it is, never read here. No
    /// secrets.
    pub context: String,
    /// Whether its hosts are real.
    pub world: World,
}

/// What is about to be sent.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Name of the step in its workflow.
    pub step: String,
    /// Which end.
    pub site: Site,
    /// That host by URL.
    pub host: String,
    /// The VM that is changed: a test VM has its own.
    pub vm: VmId,
    /// The method, `Class.Method`.
    pub method: String,
    /// MessageID of the request, `uuid:…`.
    pub message_id: String,
    /// The whole envelope: method and parameters.
    pub envelope: String,
    /// The state that was seen before, in words with numbers.
    pub before: String,
    /// When it goes out, by this machine's time of day. For people: a clock may be set.
    pub sent: SystemTime,
    /// When it goes out, by what no clock that is set can change; none where the machine does not tell.
    pub sent_uptime: Option<Uptime>,
    /// How long the host may work on it (OperationTimeout).
    pub operation_timeout: Duration,
}

/// A moment since the start of a machine, which no change of its clock moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uptime {
    /// What tells this start of this machine from every other, such as Linux' boot id.
    pub boot: String,
    /// The time since then, sleep included.
    pub time: Duration,
}

impl Uptime {
    /// How long after `earlier` this is; none where the two are not of one start of one machine.
    pub fn since(&self, earlier: &Uptime) -> Option<Duration> {
        (self.boot == earlier.boot).then(|| self.time.checked_sub(earlier.time)).flatten()
    }
}

/// What the answer said.
#[derive(Debug, Clone, PartialEq)]
pub struct CallOutcome {
    /// What is known of the delivery; [`Delivery::Answered`] with a code is an answer of the method.
    pub delivery: Delivery,
    /// Its return value, where it answered.
    pub code: Option<ReturnCode>,
    /// The job that runs for it: class URI and InstanceID.
    pub job: Option<(String, String)>,
    /// What went wrong, in words.
    pub error: Option<String>,
}

/// What is proven of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It did what it was sent for: read back from the host.
    Done,
    /// It did nothing: not sent, or not taken by the host. It may be sent again.
    NotTaken,
    /// The host refused it, or its job failed.
    Failed,
}

impl Verdict {
    /// A short name, the same in every output and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Done => "done",
            Verdict::NotTaken => "not-taken",
            Verdict::Failed => "failed",
        }
    }
}

/// How a run ended. A run without an end is open: it is running, or wants to be taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunEnd {
    /// All of it is done and proven.
    Done,
    /// Its only call was refused or failed, and nothing of it is left.
    Failed,
    /// Nothing of it was sent, or nothing was taken.
    NotBegun,
    /// The job runs and nobody asked to follow it.
    HandedOver,
    /// Another run took it back.
    Undone,
    /// A person closed it.
    Closed,
    /// Its hosts were simulated, and are not there any more.
    WorldEnded,
}

impl RunEnd {
    /// Every end.
    pub const ALL: [RunEnd; 7] = [
        RunEnd::Done,
        RunEnd::Failed,
        RunEnd::NotBegun,
        RunEnd::HandedOver,
        RunEnd::Undone,
        RunEnd::Closed,
        RunEnd::WorldEnded,
    ];

    /// A short name, the same in every output and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            RunEnd::Done => "done",
            RunEnd::Failed => "failed",
            RunEnd::NotBegun => "not-begun",
            RunEnd::HandedOver => "handed-over",
            RunEnd::Undone => "undone",
            RunEnd::Closed => "closed",
            RunEnd::WorldEnded => "world-ended",
        }
    }
}

/// One call of a run, as the journal has it.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// Place in the run, from 1.
    pub number: u64,
    /// What was to be sent.
    pub intent: Intent,
    /// What came back; none if the process died before it knew.
    pub outcome: Option<CallOutcome>,
    /// What was proven in the end.
    pub verdict: Option<Verdict>,
}

/// A run, as the journal has it.
#[derive(Debug, Clone)]
pub struct History {
    /// The run.
    pub record: RunRecord,
    /// Its calls, oldest first.
    pub calls: Vec<CallRecord>,
    /// Its end.
    pub end: Option<RunEnd>,
    /// What was last said of it: why it stopped.
    pub note: String,
}

/// What taking a VM led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is ours, and no other run has touched it since it was read.
    Fresh,
    /// It is ours, but another run touched it after it was read: read it again.
    Stale,
}

/// Why a VM cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TakeError {
    /// Another process works on the VM.
    #[error("run {run} holds the VM ({holder})")]
    Held {
        /// Its run.
        run: RunId,
        /// Who that is: process and machine, in words.
        holder: String,
    },
    /// An earlier run on the VM has no end.
    #[error("run {run} on this VM is open")]
    Open {
        /// That run.
        run: RunId,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Why the journal cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct JournalError {
    what: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl JournalError {
    /// An error in words: lower case, says what to do.
    pub fn new(what: impl Into<String>) -> Self {
        JournalError { what: what.into(), source: None }
    }

    /// Keeps the error below.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// Keeps what one run does. Blocks until it is written: a record is small and a call waits for it.
pub trait Journal: Send {
    /// Takes the VM of a run: at most one run at a time works on it, across processes, until the journal is dropped or
    /// the process dies. Writes nothing of the run yet. `seen` is when the VM was read. After [`Taken::Stale`] the VM is
    /// read again, and the same run takes it again with what it chose then. A run that [undoes](RunRecord::undoes) another
    /// may begin while that one is open.
    ///
    /// # Errors
    /// [`TakeError`]; nothing is held then.
    fn take(&mut self, run: &RunRecord, seen: SystemTime) -> Result<Taken, TakeError>;

    /// Writes what is about to be sent, with the run if it is its first call. Returns when it is durable.
    ///
    /// # Errors
    /// [`JournalError`]: nothing may be sent.
    fn intent(&mut self, intent: &Intent) -> Result<u64, JournalError>;

    /// Writes what came back for a call.
    ///
    /// # Errors
    /// [`JournalError`]: the run goes on, and says so.
    fn outcome(&mut self, call: u64, outcome: &CallOutcome) -> Result<(), JournalError>;

    /// Writes what is proven of a call.
    ///
    /// # Errors
    /// As [`Journal::outcome`].
    fn verdict(&mut self, call: u64, verdict: Verdict) -> Result<(), JournalError>;

    /// Writes how the run ended, or with no end why it stopped and stays open. A run that is done ends the one that it
    /// undoes.
    ///
    /// # Errors
    /// As [`Journal::outcome`].
    fn close(&mut self, end: Option<RunEnd>, note: &str) -> Result<(), JournalError>;

    /// InstanceIDs of the jobs that runs on this VM have started so far, as many as a host may still show. None of them is
    /// that of a call without an answer, whatever the clocks of client and host say of their times. What cannot be read
    /// is none.
    fn jobs_on_record(&self, vm: &VmId) -> Vec<String>;
}
