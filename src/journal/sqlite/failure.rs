//! Errors of SQLite and of files in words that name the file and say what to do.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::ErrorCode;

use crate::failover::journal::JournalError;

/// How long a process waits for another one that writes.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A file or directory that cannot be used.
pub(super) fn file(what: &str, path: &Path, error: io::Error) -> JournalError {
    let text = format!(
        "cannot {what} {}: this user must have the right to write there, and there must be space; or name another state \
         directory",
        path.display()
    );
    JournalError::new(text).with_source(error)
}

/// An error of SQLite; `path` is that of the database, or nothing for one in memory.
pub(super) fn sqlite(path: Option<&Path>, error: rusqlite::Error) -> JournalError {
    let name = match path {
        Some(path) => format!("the journal {}", path.display()),
        None => "the journal in memory".to_owned(),
    };
    let text = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(&name),
        Some(ErrorCode::DiskFull) => format!("{name} has no space left: free some; nothing of this was written"),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => format!(
            "{name} cannot be opened or written: this user must own it, and neither it nor its directory may be read-only"
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("other processes kept {name} locked for {} s: try again", PATIENCE.as_secs())
        }
        _ => format!("{name} cannot be used"),
    };
    JournalError::new(text).with_source(error)
}

/// A database in which SQLite found a fault.
pub(super) fn damaged(name: &str) -> String {
    format!(
        "{name} is damaged and was left as it is: move it away together with the files -wal and -shm beside it and keep \
         them. What was open in it is not known any more: look at the state and the jobs of each VM by hand before the \
         next run on it"
    )
}
