//! A journal that survives nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::hyperv::VmId;

use super::{
    CallOutcome, CallRecord, History, Intent, Journal, JournalError, RunEnd, RunRecord, TakeError, Taken, Verdict,
};

/// A journal in memory: for tests, and for programs that keep their records elsewhere. It survives nothing.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal {
    runs: Arc<Mutex<Vec<History>>>,
    record: Option<RunRecord>,
}

impl MemoryJournal {
    /// An empty one. Clones share the runs; each clone keeps one run.
    pub fn new() -> Self {
        MemoryJournal::default()
    }

    /// For taking a run up again.
    pub fn resumed(&self, history: &History) -> Self {
        MemoryJournal { runs: self.runs.clone(), record: Some(history.record.clone()) }
    }

    /// All runs, oldest first.
    pub fn runs(&self) -> Vec<History> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<History>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_run(&self, change: impl FnOnce(&mut History)) -> Result<(), JournalError> {
        let id = self.record.as_ref().map(|record| &record.id);
        let mut runs = self.lock();
        let run = runs.iter_mut().find(|run| Some(&run.record.id) == id);
        run.map(change).ok_or_else(|| JournalError::new("the journal has no such run"))
    }
}

impl Journal for MemoryJournal {
    fn jobs_on_record(&self, vm: &VmId) -> Vec<String> {
        let runs = self.lock();
        let calls = runs.iter().filter(|run| run.record.vm == *vm).flat_map(|run| &run.calls);
        calls.filter_map(|call| Some(call.outcome.as_ref()?.job.as_ref()?.1.clone())).collect()
    }

    fn take(&mut self, run: &RunRecord, _: SystemTime) -> Result<Taken, TakeError> {
        let is_other = |known: &&History| Some(&known.record.id) != run.undoes.as_ref() && known.record.id != run.id;
        let is_open =
            |known: &&History| known.record.vm == run.vm && known.record.world == run.world && known.end.is_none();
        let open = self.lock().iter().filter(is_other).rfind(is_open).cloned();
        match open {
            Some(open) => Err(TakeError::Open { run: open.record.id }),
            None => {
                self.record = Some(run.clone());
                Ok(Taken::Fresh)
            }
        }
    }

    fn intent(&mut self, intent: &Intent) -> Result<u64, JournalError> {
        let record = self.record.clone().ok_or_else(|| JournalError::new("no run was begun"))?;
        let mut runs = self.lock();
        if !runs.iter().any(|run| run.record.id == record.id) {
            runs.push(History { record: record.clone(), calls: Vec::new(), end: None, note: String::new() });
        }
        let Some(run) = runs.iter_mut().find(|run| run.record.id == record.id) else {
            return Err(JournalError::new("no run was begun"));
        };
        let number = run.calls.last().map_or(1, |call| call.number + 1);
        run.calls.push(CallRecord { number, intent: intent.clone(), outcome: None, verdict: None });
        Ok(number)
    }

    fn outcome(&mut self, call: u64, outcome: &CallOutcome) -> Result<(), JournalError> {
        self.with_run(|run| {
            let call = run.calls.iter_mut().filter(|known| known.number == call);
            call.for_each(|call| call.outcome = Some(outcome.clone()));
        })
    }

    fn verdict(&mut self, call: u64, verdict: Verdict) -> Result<(), JournalError> {
        self.with_run(|run| {
            let call = run.calls.iter_mut().filter(|known| known.number == call);
            call.for_each(|call| call.verdict = Some(verdict));
        })
    }

    fn close(&mut self, end: Option<RunEnd>, note: &str) -> Result<(), JournalError> {
        // A run that sent nothing leaves no record.
        if self.record.is_none()
            || self.lock().iter().all(|run| Some(&run.record.id) != self.record.as_ref().map(|record| &record.id))
        {
            return Ok(());
        }
        self.with_run(|run| {
            run.end = end;
            note.clone_into(&mut run.note);
        })?;
        let Some(RunRecord { id, undoes: Some(undone), .. }) =
            self.record.as_ref().filter(|_| end == Some(RunEnd::Done))
        else {
            return Ok(());
        };
        for run in self.lock().iter_mut().filter(|run| run.record.id == *undone) {
            (run.end, run.note) = (Some(RunEnd::Undone), format!("taken back by run {id}"));
        }
        Ok(())
    }
}
