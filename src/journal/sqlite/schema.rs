//! The database itself: opened, checked, brought up to date.
//!
//! A version is a number in the header (`user_version`). [`STEPS`] leads from each to the next, an empty file being
//! version 0; a step is one transaction, so that a process that dies leaves a whole version behind. What a newer program
//! wrote is refused: it may mean something that this one would destroy.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::backup::Backup;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, ffi};

use super::failure::{self, PATIENCE};
use super::state_dir::Place;
use crate::failover::journal::JournalError;

/// The statements from each version to the next. Only ever grows: what was released is never edited.
pub(super) const STEPS: &[&str] = &[
    include_str!("../../../schemas/journal.sql"),
    include_str!("../../../schemas/journal-2.sql"),
    include_str!("../../../schemas/journal-3.sql"),
];

/// `hvr1`: tells a journal from other SQLite files. The first step writes it.
const APPLICATION_ID: i64 = 0x6876_7231;

/// Opens the journal at a place for reading and writing.
pub(super) fn open(place: &Place, steps: &[&str]) -> Result<Connection, JournalError> {
    let path = place.database();
    let fail = |error| failure::sqlite(Some(&path), error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(&path, flags).map_err(fail)?;
    connection.busy_timeout(PATIENCE).map_err(fail)?;
    // SQLite opens a file without write permission for reading only, and says nothing.
    if connection.is_readonly("main").map_err(fail)? {
        return Err(failure::file("write the journal", &path, std::io::ErrorKind::PermissionDenied.into()));
    }
    // Before anything is written: a file that is not ours stays as it is.
    check(&connection, &path, steps)?;
    patiently(|| prepare(&connection)).map_err(fail)?;
    patiently(|| migrate(&mut connection, steps)).map_err(fail)?;
    check(&connection, &path, steps)?;
    check_pages(&connection, &path)?;
    // A disk that became read-only shows here and not when a call is about to leave.
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").map_err(fail)?;
    Ok(connection)
}

/// Opens the journal at a place for reading; nothing where none was begun yet. An older version is read through a copy in
/// memory: the file stays as it is.
pub(super) fn open_read_only(place: &Place, steps: &[&str]) -> Result<Option<Connection>, JournalError> {
    let path = place.database();
    let fail = |error| failure::sqlite(Some(&path), error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(&path, flags).map_err(fail)?;
    connection.busy_timeout(PATIENCE).map_err(fail)?;
    roll_back(&connection, &path).map_err(fail)?;
    let version = check(&connection, &path, steps)?;
    check_pages(&connection, &path)?;
    if version == 0 || version == newest(steps) {
        return Ok(Some(connection).filter(|_| version != 0));
    }
    let mut copy = Connection::open_in_memory().map_err(fail)?;
    Backup::new(&connection, &mut copy)
        .and_then(|backup| backup.run_to_completion(1000, Duration::ZERO, None))
        .map_err(fail)?;
    migrate(&mut copy, steps).map_err(fail)?;
    Ok(Some(copy))
}

/// What a process left half-written that died before there was a write-ahead log is taken back, which only a writer may do.
fn roll_back(reader: &Connection, path: &Path) -> rusqlite::Result<()> {
    const TABLES: &str = "SELECT count(*) FROM sqlite_master";
    let read = |connection: &Connection| connection.query_row(TABLES, [], |row| row.get::<_, i64>(0)).map(drop);
    match read(reader) {
        Err(error) if error.sqlite_error().is_some_and(|it| it.extended_code == ffi::SQLITE_READONLY_ROLLBACK) => {
            let flags =
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
            let writer = Connection::open_with_flags(path, flags)?;
            writer.busy_timeout(PATIENCE)?;
            read(&writer)
        }
        ended => ended,
    }
}

/// A journal in memory, by the same statements.
pub(super) fn in_memory(steps: &[&str]) -> Result<Connection, JournalError> {
    let fail = |error| failure::sqlite(None, error);
    let mut connection = Connection::open_in_memory().map_err(fail)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(fail)?;
    migrate(&mut connection, steps).map_err(fail)?;
    Ok(connection)
}

fn newest(steps: &[&str]) -> i64 {
    i64::try_from(steps.len()).unwrap_or(i64::MAX)
}

/// The version of a journal that this program can use; 0 for an empty file.
fn check(connection: &Connection, path: &Path, steps: &[&str]) -> Result<i64, JournalError> {
    let fail = |error| failure::sqlite(Some(path), error);
    // One state of the file: another process may be making the first version just now.
    let state = connection.unchecked_transaction().map_err(fail)?;
    let number = |sql: &str| state.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(fail);
    let tables = number("SELECT count(*) FROM sqlite_master")?;
    let (application, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    match (application, version) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION_ID, version) if version > newest(steps) => Err(JournalError::new(format!(
            "the journal {} has version {version}, and this program knows versions up to {}: use the program that wrote \
             it, or a newer one; it was left as it is",
            path.display(),
            newest(steps)
        ))),
        (APPLICATION_ID, version) if version > 0 => Ok(version),
        _ => Err(JournalError::new(format!(
            "{} is an SQLite database, but no journal of this program, and was left as it is: name another state directory",
            path.display()
        ))),
    }
}

/// What holds for every connection that writes. The log is synchronised at each commit, on macOS down to the platter.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_CANTOPEN),
            Some(format!("the file system allows no write-ahead log, only {mode}")),
        ));
    }
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; PRAGMA foreign_keys = ON",
    )
}

/// Brings the database to the newest version, a step at a time.
fn migrate(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        // Also the case of a newer one, which another process may have made meanwhile.
        let Some(step) = usize::try_from(version).ok().and_then(|version| steps.get(version)) else { return Ok(()) };
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
    }
}

fn check_pages(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let fail = |error| failure::sqlite(Some(path), error);
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fail)?;
    match found.as_str() {
        "ok" => Ok(()),
        fault => {
            Err(JournalError::new(failure::damaged(&format!("the journal {}", path.display()))).with_source(fault))
        }
    }
}

/// SQLite does not wait in every case, the change to a write-ahead log among them: several processes may come first at once.
fn patiently<T>(mut attempt: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let begun = Instant::now();
    loop {
        match attempt() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            ended => return ended,
        }
    }
}
