//! The journal of all runs: opened once by a process, asked about the past.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::host_lock::{self, Presence};
use super::journal::SqliteJournal;
use super::lock::{Locks, VmLock};
use super::rows::{self, RowError, Rows};
use super::state_dir::{self, Place};
use super::{failure, names, schema};
use crate::failover::journal::{History, JournalError, RunEnd, RunId, TakeError};
use crate::hyperv::{VmId, VmSelector};

/// The journal of all runs. Clones share one connection.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    wall: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

struct Shared {
    connection: Mutex<Connection>,
    locks: Locks,
    /// None in memory.
    place: Option<Place>,
    /// Which file the database was when it was opened.
    identity: Option<(u64, u64)>,
    _presence: Option<Presence>,
}

impl Store {
    /// Opens the journal in a state directory for writing; makes both where they are missing.
    ///
    /// # Errors
    /// [`JournalError`]: the directory cannot be written, another machine uses it, or the journal in it is damaged, newer
    /// than this program or none at all. It is left as it was.
    pub fn open(directory: &Path) -> Result<Store, JournalError> {
        let place = Place::create(directory)?;
        let presence = host_lock::enter(&place)?;
        let connection = schema::open(&place, schema::STEPS)?;
        Ok(Store::over(connection, Some(place), Some(presence)))
    }

    /// Opens the journal in a state directory for reading; nothing where no run was ever begun. Makes and changes no file
    /// of its own accord, beside those that SQLite needs for reading.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_read_only(directory: &Path) -> Result<Option<Store>, JournalError> {
        let Some(place) = Place::existing(directory)? else { return Ok(None) };
        let connection = schema::open_read_only(&place, schema::STEPS)?;
        Ok(connection.map(|connection| Store::over(connection, Some(place), None)))
    }

    /// A journal in memory, by the same statements: for rehearsals. It survives nothing.
    ///
    /// # Errors
    /// [`JournalError`] without memory.
    pub fn in_memory() -> Result<Store, JournalError> {
        Ok(Store::over(schema::in_memory(schema::STEPS)?, None, None))
    }

    pub(super) fn over(connection: Connection, place: Option<Place>, presence: Option<Presence>) -> Store {
        let locks = place.clone().map_or_else(|| Locks::Memory(Arc::default()), Locks::Files);
        let identity = place.as_ref().and_then(identity);
        let connection = Mutex::new(connection);
        let shared = Arc::new(Shared { connection, locks, place, identity, _presence: presence });
        Store { shared, wall: Arc::new(SystemTime::now) }
    }

    /// With another time of day, for runs in virtual time.
    #[must_use]
    pub fn with_wall(mut self, wall: impl Fn() -> SystemTime + Send + Sync + 'static) -> Store {
        self.wall = Arc::new(wall);
        self
    }

    /// A journal for a new run. Make it before the VM is read: what other runs do to the VM from now on is noticed
    /// whatever the clocks say.
    pub fn journal(&self) -> SqliteJournal {
        // Where even this cannot be read, every other run counts as a change, and taking the VM says why.
        SqliteJournal::new(self.clone(), self.read(rows::revision).unwrap_or(0))
    }

    /// The journal of a run that is taken up again, and what it holds: takes the lock of the VM. A run with an end may be
    /// taken up too; it is open again with its next intent.
    ///
    /// # Errors
    /// [`TakeError`]: another process works on the VM, another run on it is open, or there is no such run.
    pub fn resume(&self, run: &RunId) -> Result<(SqliteJournal, History), TakeError> {
        SqliteJournal::resumed(self.clone(), run, self.lock(run)?)
    }

    /// The runs that a filter lets through, newest first. One that cannot be read hides no other.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn runs(&self, filter: &Filter) -> Result<Listing, JournalError> {
        self.read(|connection| {
            let mut listing = Listing::default();
            for (id, open) in filter.ids(connection)? {
                match rows::history(connection, &id) {
                    Ok(history) => listing.runs.extend(history),
                    Err(RowError::Content(why)) => listing.unreadable.push(Unreadable { id, open, why }),
                    Err(error) => return Err(error),
                }
            }
            Ok(listing)
        })
    }

    /// A run.
    ///
    /// # Errors
    /// [`JournalError`]: the journal cannot be read, or this run says what this program cannot read.
    pub fn run(&self, run: &RunId) -> Result<Option<History>, JournalError> {
        self.read(|connection| rows::history(connection, run.as_str()))
    }

    /// The run whose id begins like this, if it is the only one.
    ///
    /// # Errors
    /// [`FindError`].
    pub fn find(&self, beginning: &str) -> Result<RunId, FindError> {
        let wanted = beginning.trim().to_ascii_lowercase();
        let mut found = self.read(|connection| {
            let mut statement = connection
                .prepare("SELECT id FROM runs WHERE substr(id, 1, length(?1)) = ?1 ORDER BY id DESC LIMIT 10")?;
            let ids = statement.query_map([&wanted], |row| row.get::<_, String>(0))?;
            Ok(ids.filter_map(|id| id.map(|id| names::read_run(&id)).transpose()).collect::<Result<Vec<_>, _>>()?)
        })?;
        match (found.pop(), found.is_empty()) {
            (Some(run), true) => Ok(run),
            (Some(run), false) => {
                found.push(run);
                Err(FindError::Many { beginning: wanted, runs: found })
            }
            (None, _) => Err(FindError::None { beginning: wanted }),
        }
    }

    /// Closes an open run because a person has settled it.
    ///
    /// # Errors
    /// [`TakeError`]: a process works on the VM, the run has an end, or there is no such run.
    pub fn close_by_hand(&self, run: &RunId, note: &str) -> Result<(), TakeError> {
        let _lock = self.lock(run)?;
        let now = self.now();
        self.write(|transaction| match rows::head(transaction, run)? {
            Some((_, None)) => rows::set_end(transaction, run, Some(RunEnd::Closed), note, now).map(drop),
            Some((_, Some(end))) => Err(RowError::Content(format!("run {run} has an end already: {end}"))),
            None => Err(RowError::Content(format!("there is no run {run}"))),
        })?;
        Ok(())
    }

    /// Writes that another run took this one back. The journal of a run that [undoes](crate::failover::journal::RunRecord::undoes)
    /// another does so itself when it is closed as done.
    ///
    /// # Errors
    /// [`JournalError`]: also where there is no such run.
    pub fn mark_undone(&self, run: &RunId, by: &RunId) -> Result<(), JournalError> {
        let now = self.now();
        self.write(|transaction| match mark_undone(transaction, run, by, now)? {
            true => Ok(()),
            false => Err(RowError::Content(format!("there is no run {run}"))),
        })
    }

    /// The state directory's database; nothing in memory.
    pub fn path(&self) -> Option<std::path::PathBuf> {
        self.shared.place.as_ref().map(Place::database)
    }

    pub(super) fn now(&self) -> SystemTime {
        (self.wall)()
    }

    pub(super) fn lock_vm(&self, vm: &VmId, run: &RunId) -> Result<VmLock, TakeError> {
        self.shared.locks.take(vm, run, self.now())
    }

    /// The lock of the VM of a run that is there.
    fn lock(&self, run: &RunId) -> Result<VmLock, TakeError> {
        let head = self.read(|connection| rows::head(connection, run))?;
        let (vm, _) = head.ok_or_else(|| unknown(run))?;
        self.lock_vm(&vm, run)
    }

    /// Reads one state of the database.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> Rows<T>) -> Result<T, JournalError> {
        let connection = self.connection();
        let ended = connection.unchecked_transaction().map_err(RowError::from).and_then(|state| read(&state));
        ended.map_err(|error| self.failed(error))
    }

    /// Writes all of it, durably, or nothing.
    pub(super) fn write<T>(&self, write: impl FnOnce(&Transaction<'_>) -> Rows<T>) -> Result<T, JournalError> {
        let mut connection = self.connection();
        let ended = (|| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = write(&transaction)?;
            // A deleted file takes every write, and keeps none.
            if self.shared.place.as_ref().is_some_and(|place| identity(place) != self.shared.identity) {
                return Err(RowError::Content("its file was deleted or replaced while it was open".to_owned()));
            }
            transaction.commit()?;
            Ok(value)
        })();
        ended.map_err(|error| self.failed(error))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a transaction has rolled it back.
        self.shared.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, error: RowError) -> JournalError {
        let path = self.path();
        match error {
            RowError::Sqlite(error) => failure::sqlite(path.as_deref(), error),
            RowError::Content(why) => match path {
                Some(path) => JournalError::new(format!("{why} (journal {})", path.display())),
                None => JournalError::new(why),
            },
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.path()).finish_non_exhaustive()
    }
}

/// Which runs to list.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Filter {
    /// Only those without an end.
    pub open: bool,
    /// Only those on this VM, by id or by its name when the run began, in any case.
    pub vm: Option<VmSelector>,
    /// At most so many.
    pub limit: Option<usize>,
}

impl Filter {
    /// All runs.
    pub fn all() -> Filter {
        Filter::default()
    }

    /// Runs without an end.
    pub fn open() -> Filter {
        Filter { open: true, ..Filter::default() }
    }

    /// Of these, the ones on a VM.
    #[must_use]
    pub fn on(mut self, vm: VmSelector) -> Filter {
        self.vm = Some(vm);
        self
    }

    /// Of these, so many at most.
    #[must_use]
    pub fn at_most(mut self, limit: usize) -> Filter {
        self.limit = Some(limit);
        self
    }

    fn ids(&self, connection: &Connection) -> Rows<Vec<(String, bool)>> {
        // Names are compared here: SQLite knows upper and lower case of ASCII only.
        let (id, name) = match &self.vm {
            Some(VmSelector::Id(id)) => (Some(names::vm(id)), None),
            Some(VmSelector::Name(name)) => (None, Some(name.to_lowercase())),
            None => (None, None),
        };
        let mut statement = connection.prepare(
            "SELECT id, ending IS NULL, vm_name FROM runs WHERE (?1 IS NULL OR vm = ?1) AND (NOT ?2 OR ending IS NULL)
             ORDER BY begun DESC, rowid DESC",
        )?;
        let mut rows = statement.query((id, self.open))?;
        let mut ids = Vec::new();
        while let Some(row) = rows.next()?.filter(|_| self.limit.is_none_or(|limit| ids.len() < limit)) {
            // What is no text here is told of that run, when it is read.
            let text = |column| row.get_ref(column).map(|value| value.as_str().unwrap_or("").to_owned());
            let vm_name = text(2)?.to_lowercase();
            if name.as_ref().is_none_or(|name| *name == vm_name) {
                ids.push((text(0)?, row.get(1)?));
            }
        }
        Ok(ids)
    }
}

/// Runs of a journal.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Listing {
    /// Newest first.
    pub runs: Vec<History>,
    /// Those that say what this program cannot read; a newer program wrote them, or a person.
    pub unreadable: Vec<Unreadable>,
}

/// A run that cannot be read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Unreadable {
    /// Its id.
    pub id: String,
    /// Whether it has no end.
    pub open: bool,
    /// What stands in the way.
    pub why: String,
}

/// Why there is no such run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// No id begins so.
    #[error("the journal has no run that begins with {beginning:?}")]
    None {
        /// What was asked for.
        beginning: String,
    },
    /// Several do.
    #[error("several runs begin with {beginning:?}")]
    Many {
        /// What was asked for.
        beginning: String,
        /// The newest of them, at most ten.
        runs: Vec<RunId>,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// In a transaction of the run that takes another back, or on its own.
pub(super) fn mark_undone(connection: &Connection, run: &RunId, by: &RunId, now: SystemTime) -> Rows<bool> {
    rows::set_end(connection, run, Some(RunEnd::Undone), &format!("taken back by run {by}"), now)
}

fn unknown(run: &RunId) -> JournalError {
    JournalError::new(format!("the journal has no run {run}"))
}

fn identity(place: &Place) -> Option<(u64, u64)> {
    std::fs::metadata(place.database()).ok().as_ref().and_then(state_dir::identity)
}
