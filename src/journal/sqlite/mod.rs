//! The durable journal: SQLite in a state directory, shared by every process of this machine.
//!
//! [`Store`] opens it and answers questions about past runs; [`SqliteJournal`] is the journal of one run. Decisions:
//!
//! - *Durable before sent.* Each record is one `BEGIN IMMEDIATE` transaction under `synchronous = FULL`: when
//!   [`Journal::intent`](crate::failover::journal::Journal::intent) returns `Ok`, the log is on the disk. If the commit itself reports an
//!   error the record may be there all the same; nothing is sent then, and the run is found open and is settled by looking.
//! - *One run a VM.* A lock of the operating system keeps other processes out while a run works; it goes with the process.
//!   The transaction of an intent looks once more for another run on the VM, so that a deleted lock file, or a file system
//!   that locks nothing, leads to a refusal and not to a second call.
//! - *Later is a number.* Every change takes the next revision. A journal remembers the revision at which it was made, so
//!   "has anybody touched the VM since" does not hang on clocks; the time at which the VM was read is compared as well, for
//!   journals that were made after it.
//! - *Nothing is repaired.* A damaged, foreign or newer file is refused and left as it is.
//!
//! `schemas/README.md` describes the files, `schemas/journal.sql` the tables and columns.

mod failure;
mod host_lock;
mod journal;
mod lock;
mod names;
mod order_json;
mod rows;
mod schema;
mod state_dir;
mod store;
#[cfg(test)]
mod tests;

pub use journal::SqliteJournal;
pub use order_json::order_json;
pub use store::{Filter, FindError, Listing, Store, Unreadable};
