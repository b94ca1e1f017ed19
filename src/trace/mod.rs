//! Recordings of conversations: written, read, played back, and sent again.
//!
//! The form is HAR 1.2 with the SOAP messages in clear, so that any browser's network panel shows it; what HAR lacks
//! stands in the field `_hvr` of an entry. Secrets leave a record at one point ([`Redactor`]), names on request
//! ([`Anonymiser`]). A [`Recorder`] is an [`Observer`](crate::wsman::Observer) of a session, or wraps any
//! [`Exchange`](crate::wsman::Exchange) ([`Recording`]); [`Replay`] is an exchange over a recording.
//!
//! The layer opens files where it is told to and no sockets; it knows no keys: what opens packet captures stands above it.

mod again;
mod anonymise;
mod answers;
mod error;
pub mod har;
mod markup;
pub(crate) mod meaning;
pub(crate) mod names;
mod pretty;
pub(crate) mod read;
pub(crate) mod record;
mod redact;
mod write;

pub use again::{Again, Resend};
pub use anonymise::Anonymiser;
pub use answers::{Answer, Answers, Outcome, Replay};
pub use error::TraceError;
pub use har::Entry;
pub use meaning::{MOST_DIFFERENCES, Meaning, differences};
pub use pretty::pretty;
pub use read::{Trace, for_each_entry};
pub use record::{Recorder, Recording};
pub use redact::{REDACTED, Redactor};
