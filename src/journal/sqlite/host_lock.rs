//! One machine at a time uses a state directory.
//!
//! SQLite's write-ahead log is shared through memory: two machines that write to one directory over the network destroy
//! it. So every process that writes holds a shared lock on `machine.lock`, in which the machine is named; only when nobody
//! holds it may another machine write its name there. The directory can move with a cluster, or be mounted by the next box
//! after the first has died, and is not used by both at once. Where the file system locks nothing across machines, nothing
//! here can help.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::state_dir::{self, Place};
use super::{failure, lock};
use crate::failover::journal::JournalError;

/// How long others of this machine may take to write the name.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// Held as long as this process may write.
#[derive(Debug)]
pub(super) struct Presence {
    _lock: File,
}

/// The name of this machine, for people.
pub(super) fn name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// What tells one running system from another. Containers of one Linux share the memory that SQLite needs, whatever their
/// names are, and machines made from one image share a name: there it is the id of the boot.
fn identity() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().filter(|_| cfg!(target_os = "linux"));
    boot.map_or_else(name, |boot| boot.trim().to_owned())
}

/// Says that this machine uses the directory, unless another one does.
pub(super) fn enter(place: &Place) -> Result<Presence, JournalError> {
    enter_as(place, &identity(), &name())
}

fn enter_as(place: &Place, identity: &str, name: &str) -> Result<Presence, JournalError> {
    let path = place.file("machine.lock");
    let fail = |error| failure::file("write", &path, error);
    let begun = Instant::now();
    let mut other = String::new();
    while begun.elapsed() < LONGEST_LOOK {
        let mut file = state_dir::open_private(&path).map_err(fail)?;
        if locked(file.try_lock_shared(), &path)? {
            let text = read(&mut file).map_err(fail)?;
            let (known, who) = text.split_once('\n').unwrap_or_default();
            if known == identity {
                return Ok(Presence { _lock: file });
            }
            who.trim().clone_into(&mut other);
            // Closed, which gives up the lock more surely than `unlock` does on Windows.
            drop(file);
            file = state_dir::open_private(&path).map_err(fail)?;
            if locked(file.try_lock(), &path)? {
                write(&mut file, &format!("{identity}\n{name}\n")).map_err(fail)?;
                continue;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(JournalError::new(format!(
        "machine {other} is using the state directory with {}, and a journal is for one machine at a time: wait until no \
         run is left there, or name another directory",
        path.display()
    )))
}

fn locked(attempt: Result<(), TryLockError>, path: &Path) -> Result<bool, JournalError> {
    match attempt {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(lock::cannot_lock(path, error)),
    }
}

fn read(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(1024).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn write(file: &mut File, text: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_machine_waits_until_the_first_has_left() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::create(folder.path()).unwrap();
        let first = enter_as(&place, "boot-a", "box-a").unwrap();
        let with_it = enter_as(&place, "boot-a", "container-on-a").unwrap();
        let refused = enter_as(&place, "boot-b", "box-b").unwrap_err().to_string();
        assert!(refused.contains("box-a") && refused.contains("machine.lock"), "{refused}");
        drop((first, with_it));
        let second = enter_as(&place, "boot-b", "box-b").unwrap();
        assert!(enter_as(&place, "boot-a", "box-a").is_err());
        drop(second);
        // A name that was only half written is nobody's.
        std::fs::write(place.file("machine.lock"), "boot-").unwrap();
        enter(&place).unwrap();
    }
}
