//! Tickets, taken from their source through the library of this system.
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::credentials::UserName;
use super::error::{KerberosError, Status};
use super::gssapi;
use super::provider::{Login, Taken};
use super::service::ServiceName;
use super::source::TicketSource;
#[cfg(windows)]
use super::sspi;

/// Proof of who the client is. Clones share it.
#[derive(Clone)]
pub struct Tickets(Arc<Held>);

struct Held {
    taken: Taken,
    at: Instant,
}

impl Tickets {
    /// Takes tickets from their source, of this account or of whichever the source has. Blocks while
    /// the KDC is asked, which it is for a keytab and a password; a wrong password counts there.
    ///
    /// # Errors
    /// [`KerberosError`].
    pub fn acquire(user: Option<&UserName>, source: &TicketSource) -> Result<Self, KerberosError> {
        let taken = provide(user, source)?;
        Ok(Self(Arc::new(Held { taken, at: Instant::now() })))
    }

    /// Whose they are, as `user@REALM` where that is known.
    pub fn principal(&self) -> &str {
        &self.0.taken.principal
    }

    /// Begins a login to a service with them.
    pub(super) fn begin(&self, service: &ServiceName) -> Result<Box<dyn Login>, Status> {
        self.0.taken.proof.clone().begin(service)
    }

    /// Whether they have a minute left.
    pub fn still_hold(&self) -> bool {
        self.lifetime().is_none_or(|lifetime| self.0.at.elapsed() + Duration::from_secs(60) < lifetime)
    }

    /// For how long they were valid when they were taken; none where there is no end, or Windows
    /// renews them.
    pub fn lifetime(&self) -> Option<Duration> {
        self.0.taken.lifetime
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("principal", &self.principal()).finish_non_exhaustive()
    }
}

/// What gives Kerberos here, to say what is used: a library's file name.
///
/// # Errors
/// Cause [`NoLibrary`](super::KerberosCause::NoLibrary) or [`LibraryUnusable`](super::KerberosCause::LibraryUnusable).
pub fn kerberos_library() -> Result<&'static str, KerberosError> {
    #[cfg(windows)]
    return sspi::file();
    #[cfg(not(windows))]
    return gssapi::file();
}

/// Whether this account, or the default one, can log in without a password: there are tickets of it in
/// the cache; on Windows, this session is that of a domain's account, and of this one.
pub fn has_tickets(user: Option<&UserName>) -> bool {
    #[cfg(windows)]
    return sspi::signed_on(user);
    #[cfg(not(windows))]
    return Tickets::acquire(user, &TicketSource::Cache).is_ok();
}

fn provide(user: Option<&UserName>, source: &TicketSource) -> Result<Taken, KerberosError> {
    #[cfg(windows)]
    match source {
        TicketSource::Cache => return sspi::acquire(user, None),
        TicketSource::Password(password) => return sspi::acquire(user, Some(password)),
        // Windows has neither: they are MIT's.
        TicketSource::NamedCache(_) | TicketSource::Keytab(_) => {}
    }
    gssapi::acquire(user, source)
}
