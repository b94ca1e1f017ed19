//! The journal of one run.

use std::fmt;
use std::time::SystemTime;

use super::lock::VmLock;
use super::rows::{self, RowError};
use super::store::{self, Store};
use crate::failover::journal::{
    CallOutcome, History, Intent, Journal, JournalError, RunEnd, RunId, RunRecord, TakeError, Taken, Verdict,
};
use crate::hyperv::VmId;

/// The journal of one run in a [`Store`]. Holds the VM until it is dropped.
pub struct SqliteJournal {
    store: Store,
    /// The last revision when this journal was made: what is later came after the VM was read.
    made: i64,
    held: Option<Held>,
}

/// The VM that a run holds.
struct Held {
    run: RunRecord,
    lock: VmLock,
    /// The last revision when the lock was ours: no other run may touch the VM after it.
    revision: i64,
    /// Whether an intent was tried, so that there may be a record, and whether there is one.
    tried: bool,
    written: bool,
}

impl Held {
    fn take(store: &Store, run: &RunRecord) -> Result<Held, TakeError> {
        Held::with(store, run, store.lock_vm(&run.vm, &run.world, &run.id)?)
    }

    fn with(store: &Store, run: &RunRecord, lock: VmLock) -> Result<Held, TakeError> {
        let (revision, open) = store.read(|rows| Ok((rows::revision(rows)?, rows::open_run(rows, run, own(run))?)))?;
        match open {
            Some(run) => Err(TakeError::Open { run }),
            None => Ok(Held { run: run.clone(), lock, revision, tried: false, written: false }),
        }
    }
}

impl SqliteJournal {
    pub(super) fn new(store: Store, made: i64) -> Self {
        SqliteJournal { store, made, held: None }
    }

    /// For a run whose VM is locked, and what the journal has of it. Read only now: until the lock was ours the run may
    /// have been going on.
    pub(super) fn resumed(store: Store, run: &RunId, lock: VmLock) -> Result<(Self, History), TakeError> {
        let history = store.run(run)?.ok_or_else(|| JournalError::new(format!("the journal has no run {run}")))?;
        let held = Held { tried: true, written: true, ..Held::with(&store, &history.record, lock)? };
        Ok((SqliteJournal { made: held.revision, store, held: Some(held) }, history))
    }

    fn run(&self) -> Result<&RunId, JournalError> {
        match &self.held {
            Some(held) => Ok(&held.run.id),
            None => Err(JournalError::new("no VM was taken for this run: take comes before all else")),
        }
    }
}

/// The runs that are no others to a run: itself, and the one it takes back.
fn own(run: &RunRecord) -> [Option<&RunId>; 2] {
    [Some(&run.id), run.undoes.as_ref()]
}

impl Journal for SqliteJournal {
    fn jobs_on_record(&self, vm: &VmId) -> Vec<String> {
        self.store.read(|rows| rows::jobs_of(rows, vm)).unwrap_or_default()
    }

    fn take(&mut self, run: &RunRecord, seen: SystemTime) -> Result<Taken, TakeError> {
        let again = self
            .held
            .take()
            .filter(|held| held.run.id == run.id && held.run.vm == run.vm && held.run.world == run.world);
        if let Some(held) = again {
            // The VM was read again while it was ours: nobody else has touched it since. What was chosen then is begun.
            self.held = Some(Held { run: run.clone(), ..held });
            return Ok(Taken::Fresh);
        }
        let held = Held::take(&self.store, run)?;
        let changed = self.store.read(|rows| rows::changed_run(rows, run, own(run), self.made, Some(seen)))?;
        self.held = Some(held);
        Ok(changed.map_or(Taken::Fresh, |_| Taken::Stale))
    }

    fn intent(&mut self, intent: &Intent) -> Result<u64, JournalError> {
        let now = self.store.now();
        let Some(Held { run, lock, revision, tried, written, .. }) = &mut self.held else {
            return self.run().map(|_| 0);
        };
        if !lock.is_in_place() {
            return Err(JournalError::new(format!(
                "the lock file of VM {} was deleted while run {} held it: nothing more is sent, as another run may work on \
                 the VM",
                run.vm, run.id
            )));
        }
        let number = self.store.write(|rows| {
            let other = match rows::changed_run(rows, run, own(run), *revision, None)? {
                None => rows::open_run(rows, run, own(run))?,
                changed => changed,
            };
            if let Some(other) = other {
                return Err(RowError::Content(format!(
                    "run {other} has touched the VM while run {} held it: nothing more is sent; are the lock files deleted, \
                     or on a file system that locks nothing?",
                    run.id
                )));
            }
            if !*written {
                if rows::exists(rows, &run.id)? {
                    return Err(RowError::Content(format!("there is a run {} already: take another id", run.id)));
                }
                *tried = true;
                rows::insert_run(rows, run, now)?;
            }
            rows::insert_call(rows, &run.id, intent, now)
        })?;
        *written = true;
        Ok(number)
    }

    fn outcome(&mut self, call: u64, outcome: &CallOutcome) -> Result<(), JournalError> {
        let (run, now) = (self.run()?, self.store.now());
        self.store.write(|rows| rows::set_outcome(rows, run, call, outcome, now))
    }

    fn verdict(&mut self, call: u64, verdict: Verdict) -> Result<(), JournalError> {
        let (run, now) = (self.run()?, self.store.now());
        self.store.write(|rows| rows::set_verdict(rows, run, call, verdict, now))
    }

    fn close(&mut self, end: Option<RunEnd>, note: &str) -> Result<(), JournalError> {
        // A run that sent nothing leaves no record.
        let Some(held) = self.held.as_ref().filter(|held| held.tried) else { return Ok(()) };
        let (run, now) = (&held.run, self.store.now());
        self.store.write(|rows| {
            let there = rows::set_end(rows, &run.id, end, note, now)?;
            if held.written && !there {
                return Err(RowError::Content(format!("the journal has no run {} any more", run.id)));
            }
            if let Some(undone) = run.undoes.as_ref().filter(|_| end == Some(RunEnd::Done)) {
                store::mark_undone(rows, undone, &run.id, now)?;
            }
            Ok(())
        })
    }
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.held.as_ref().map(|held| &held.run.id);
        f.debug_struct("SqliteJournal").field("store", &self.store).field("run", &run).finish_non_exhaustive()
    }
}
