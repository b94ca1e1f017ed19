//! One authenticated connection at a time, renewed when it may be.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::certificate::Pin;
use super::channel::Progress;
use super::connect::Settings;
use super::failure::timed_out;
use super::login::{Failure, Link, Login, log_in};
use super::pool::{PoolOptions, Pooled};
use super::probe::{Greeting, greeting};
use crate::auth::Scheme;
use crate::wsman::{Delivery, Exchange, ExchangeError, ExchangeErrorKind, Message, Reply};

/// An [`Exchange`] over the network, made by [`Connector::session`](super::Connector::session).
///
/// It logs in with its first message and has one request in flight; further callers wait. When the
/// connection or the login has gone, a message that may repeat is sent once more over a new one; any
/// other message fails, and the next one logs in anew. A refused login is never tried a second time:
/// each later message fails at once. A caller who drops the future of a message ends the connection.
pub struct Session {
    settings: Settings,
    /// Taken out while in use, so that whatever interrupts an exchange leaves no half-used link behind.
    link: tokio::sync::Mutex<Option<Link>>,
}

/// What is known of an account on a host, by all sessions that log in to it together.
#[derive(Default)]
pub(super) struct Account {
    /// Held while logging in: a wrong password must be tried once, not once for each connection.
    alone: tokio::sync::Mutex<()>,
    /// Why the login was refused.
    refusal: Mutex<Option<String>>,
    facts: Mutex<Facts>,
}

#[derive(Default)]
struct Facts {
    login: Option<Login>,
    pin: Option<Pin>,
}

impl Account {
    /// # Errors
    /// When a login was refused before.
    fn may_log_in(&self) -> Result<(), ExchangeError> {
        match &*self.refusal.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(refusal) => Err(ExchangeError::new(ExchangeErrorKind::Login, Delivery::NotSent, refusal.clone())),
            None => Ok(()),
        }
    }

    fn refuse(&self, error: &ExchangeError) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, link: tokio::sync::Mutex::default() }
    }

    /// Another session with the same host, which logs in in the same way; both count together, and neither tries a
    /// login that the other has seen refused.
    pub(super) fn sibling(&self) -> Self {
        Self::new(self.settings.sibling())
    }

    /// Ends the connection, if no message is under way on it.
    pub(super) fn hang_up(&self) -> bool {
        self.link.try_lock().is_ok_and(|mut link| link.take().is_some())
    }

    /// Host and port, for texts.
    pub(super) fn authority(&self) -> &str {
        self.settings.endpoint.authority()
    }

    /// A pool of connections to the same host, of which this session's is the first.
    pub fn pooled(self: &Arc<Self>, options: PoolOptions) -> Pooled {
        Pooled::around(self.clone(), options)
    }

    /// The `Server` header last seen, such as `Microsoft-HTTPAPI/2.0`.
    pub fn server(&self) -> Option<String> {
        self.settings.counters.server()
    }

    /// How many HTTP requests were sent, those of logins included.
    pub fn requests(&self) -> u64 {
        self.settings.counters.requests()
    }

    /// How many connections came to stand.
    pub fn connections(&self) -> u64 {
        self.settings.counters.connections()
    }

    /// The scheme of the last successful login.
    pub fn scheme(&self) -> Option<Scheme> {
        self.settings.account.facts().login.as_ref().map(|login| login.scheme)
    }

    /// How the last successful login was made.
    pub fn login(&self) -> Option<Login> {
        self.settings.account.facts().login.clone()
    }

    /// Whether the host refused a login; then none is tried again.
    pub fn is_refused(&self) -> bool {
        self.settings.account.may_log_in().is_err()
    }

    /// What the listener says to an empty request without a login, over a connection of its own.
    ///
    /// # Errors
    /// When there is no connection, or no answer in time.
    pub async fn greeting(&self, patience: Duration) -> Result<Greeting, ExchangeError> {
        greeting(&self.settings, patience).await
    }

    /// By how many seconds the host's clock is ahead of this computer's, by the last `Date` header.
    pub fn clock_skew(&self) -> Option<i64> {
        self.settings.counters.clock_skew()
    }

    /// The pin of the certificate the last login went through; none over plain HTTP.
    pub fn peer_pin(&self) -> Option<Pin> {
        self.settings.account.facts().pin
    }

    async fn in_time(&self, message: &Message, progress: &Progress) -> Result<Reply, ExchangeError> {
        let timeout = message.timeout();
        // A timeout beyond the clock is none.
        let Some(deadline) = Instant::now().checked_add(timeout) else {
            return self.attempts(message, progress).await;
        };
        match timeout_at(deadline, self.attempts(message, progress)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(timed_out(timeout, self.settings.endpoint.authority(), progress.delivery())),
        }
    }

    async fn attempts(&self, message: &Message, progress: &Progress) -> Result<Reply, ExchangeError> {
        let mut kept = self.link.lock().await;
        // Dropped before the lock, so that no leg counts for the next message, whoever gives up.
        let _collect = Collect { settings: &self.settings, progress };
        let mut may_repeat = message.may_repeat();
        loop {
            let link = kept.take();
            let mut alone = None;
            let (error, again) = match self.attempt(link, message, progress, &mut alone).await {
                Ok((link, reply)) => {
                    *kept = link;
                    return Ok(reply);
                }
                Err(Failure::Lost(error) | Failure::Expired(error)) => (error, may_repeat),
                Err(Failure::Refused(error)) => {
                    self.settings.account.refuse(&error);
                    (error, false)
                }
                Err(Failure::Other(error)) => (error, false),
            };
            tracing::debug!(kind = ?error.kind(), delivery = %error.delivery(), again, "exchange failed");
            if !again {
                return Err(error);
            }
            may_repeat = false;
        }
    }

    /// Keeps others from logging in, by `alone`, until the login is proven or its refusal is known.
    async fn attempt<'s>(
        &'s self,
        link: Option<Link>,
        message: &Message,
        progress: &Progress,
        alone: &mut Option<tokio::sync::MutexGuard<'s, ()>>,
    ) -> Result<(Option<Link>, Reply), Failure> {
        let settings = &self.settings;
        let reused = link.is_some();
        let (mut link, carried) = match link {
            Some(link) => (link, None),
            None => {
                *alone = Some(settings.account.alone.lock().await);
                // An attempt may have been refused before, or somebody else's meanwhile.
                settings.account.may_log_in().map_err(Failure::Refused)?;
                log_in(settings, message, progress).await?
            }
        };
        if !reused && !message.may_repeat() {
            link = link.prove(settings).await?;
        }
        if !link.proves_with_every_message() {
            *alone = None;
        }
        let answer = match carried {
            Some(answer) => answer,
            None => match link.send(settings, message, progress).await {
                // A header is not proven before its first answer, so a second attempt would be one more
                // with a password that may be wrong.
                Err(Failure::Lost(error)) if !reused && link.proves_with_every_message() => {
                    return Err(Failure::Other(error));
                }
                outcome => outcome?,
            },
        };
        if !reused {
            self.remember(&link);
        }
        let closes = answer.closes;
        let reply = link.read(answer, settings).map_err(Failure::Other)?;
        Ok(((!closes).then_some(link), reply))
    }

    fn remember(&self, link: &Link) {
        let (login, pin) = (link.login(), link.certificate().as_deref().map(Pin::of));
        tracing::debug!(%login, pin = ?pin.map(|pin| pin.to_string()), "logged in");
        *self.settings.account.facts() = Facts { login: Some(login), pin };
    }
}

/// Gives the legs of a message to it when its attempts end.
struct Collect<'c> {
    settings: &'c Settings,
    progress: &'c Progress,
}

impl Drop for Collect<'_> {
    fn drop(&mut self) {
        if let Some(legs) = self.settings.counters.legs() {
            self.progress.legs.extend(legs.take());
        }
    }
}

impl Exchange for Session {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        let progress = Progress::default();
        let observer = self.settings.observer.as_deref();
        if let Some(observer) = observer {
            observer.sending(&message);
        }
        let outcome = self.in_time(&message, &progress).await;
        if let Some(observer) = observer {
            observer.exchanged(&message, progress.legs.take(), outcome.as_ref());
        }
        outcome
    }

    fn address(&self) -> &str {
        self.settings.endpoint.url()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("endpoint", &self.settings.endpoint).finish_non_exhaustive()
    }
}
