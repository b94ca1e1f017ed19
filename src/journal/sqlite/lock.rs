//! The lock of a VM: one run at a time works on it, and a process that dies keeps none.
//!
//! A lock is a lock of the operating system on `locks/<GUID>.lock`, an empty file that is never removed. Who holds it
//! stands in `locks/<GUID>.holder` beside it, for people only: on Windows nobody can read a file that is locked.
//!
//! What the lock is not trusted with: its file can be deleted, and some network file systems lock nothing. So the intent
//! looks in the database once more, in the transaction that writes it, whether another run has touched the VM.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::state_dir::{self, Place};
use super::{failure, host_lock, names};
use crate::failover::journal::{JournalError, RunId, TakeError};
use crate::hyperv::VmId;

/// How long to wait for a lock that is being given up, and for its holder to say who it is. Every look takes a pause:
/// the text of a holder that died stands there until the next one has written its own.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(50);

/// Who holds a VM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    run: String,
    process: u32,
    machine: String,
    since: String,
}

impl Holder {
    fn new(run: &RunId, now: SystemTime) -> Holder {
        Holder {
            run: run.to_string(),
            process: std::process::id(),
            machine: host_lock::name(),
            since: names::time(now).unwrap_or_default(),
        }
    }

    fn held(&self) -> Option<TakeError> {
        let run = self.run.parse().ok()?;
        let holder = format!("process {} on {} since {}", self.process, self.machine, self.since);
        Some(TakeError::Held { run, holder })
    }
}

/// Gives out the locks of one journal.
#[derive(Debug)]
pub(super) enum Locks {
    /// Files in a state directory.
    Files(Place),
    /// A journal in memory is seen by one process only.
    Memory(Arc<Mutex<HashMap<String, Holder>>>),
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(super) enum VmLock {
    File { file: File, path: PathBuf, holder: PathBuf },
    Memory { held: Arc<Mutex<HashMap<String, Holder>>>, vm: String },
}

impl Locks {
    /// Takes the lock of a VM for a run.
    pub fn take(&self, vm: &VmId, run: &RunId, now: SystemTime) -> Result<VmLock, TakeError> {
        let key = names::vm(vm);
        let holder = Holder::new(run, now);
        match self {
            Locks::Files(place) => take_file(&place.locks(), &key, &holder),
            Locks::Memory(held) => {
                let mut all = held.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(refused) = all.get(&key).and_then(Holder::held) {
                    return Err(refused);
                }
                all.insert(key.clone(), holder);
                Ok(VmLock::Memory { held: held.clone(), vm: key })
            }
        }
    }
}

impl VmLock {
    /// Whether others would still find this lock. Its file may have been deleted or replaced.
    pub fn is_in_place(&self) -> bool {
        match self {
            VmLock::File { file, path, .. } => state_dir::is_named(file, path),
            VmLock::Memory { .. } => true,
        }
    }
}

impl Drop for VmLock {
    fn drop(&mut self) {
        match self {
            // The lock goes with the file, and the file after this. What stands beside another's lock is not ours.
            VmLock::File { file, path, holder } if state_dir::is_named(file, path) => {
                let _ = fs::remove_file(holder);
            }
            VmLock::File { .. } => {}
            VmLock::Memory { held, vm } => {
                held.lock().unwrap_or_else(PoisonError::into_inner).remove(vm);
            }
        }
    }
}

fn take_file(locks: &Path, key: &str, holder: &Holder) -> Result<VmLock, TakeError> {
    let path = locks.join(format!("{key}.lock"));
    let beside = locks.join(format!("{key}.holder"));
    let fail = |error| failure::file("lock", &path, error);
    let begun = Instant::now();
    let mut seen: Option<Holder> = None;
    loop {
        let file = state_dir::open_private(&path).map_err(fail)?;
        match file.try_lock() {
            // Between opening and locking the path may have got another file, and the next one would lock that.
            Ok(()) if state_dir::is_named(&file, &path) => {
                // Only for people: without it others learn less.
                let _ = state_dir::replace(&beside, &serde_json::to_string(holder).unwrap_or_default());
                return Ok(VmLock::File { file, path, holder: beside });
            }
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let now = read_holder(&beside);
                let settled = now.as_ref().filter(|now| seen.as_ref() == Some(now));
                if let Some(refused) = settled.and_then(Holder::held) {
                    return Err(refused);
                }
                seen = now;
            }
            Err(TryLockError::Error(error)) => return Err(cannot_lock(&path, error).into()),
        }
        if begun.elapsed() > LONGEST_LOOK {
            let text =
                format!("another process holds the VM by the lock {}, and does not say which run", path.display());
            return Err(JournalError::new(text).into());
        }
        std::thread::sleep(PAUSE);
    }
}

/// What stands beside a lock; nothing if it is missing, or is no text of ours.
fn read_holder(path: &Path) -> Option<Holder> {
    /// No name of a machine is that long.
    const LONGEST: u64 = 4096;
    let mut text = String::new();
    io::Read::read_to_string(&mut io::Read::take(File::open(path).ok()?, LONGEST), &mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// The file system has no locks.
pub(super) fn cannot_lock(path: &Path, error: io::Error) -> JournalError {
    let text = format!("{} cannot be locked: name a state directory on a file system that locks files", path.display());
    JournalError::new(text).with_source(error)
}
