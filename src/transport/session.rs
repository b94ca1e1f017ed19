//! One authenticated connection at a time, renewed when it may be.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::certificate::Pin;
use super::channel::Progress;
use super::connect::Settings;
use super::failure::timed_out;
use super::login::{Failure, Link, Login, log_in};
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
    state: tokio::sync::Mutex<State>,
    facts: Mutex<Facts>,
}

#[derive(Default)]
struct State {
    /// Taken out while in use, so that whatever interrupts an exchange leaves no half-used link behind.
    link: Option<Link>,
    /// Why the login was refused.
    refusal: Option<String>,
}

#[derive(Default)]
struct Facts {
    login: Option<Login>,
    pin: Option<Pin>,
}

impl Session {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, state: tokio::sync::Mutex::default(), facts: Mutex::default() }
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
        self.facts().login.as_ref().map(|login| login.scheme)
    }

    /// How the last successful login was made.
    pub fn login(&self) -> Option<Login> {
        self.facts().login.clone()
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
        self.facts().pin
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
        let mut state = self.state.lock().await;
        // Dropped before the lock, so that no leg counts for the next message, whoever gives up.
        let _collect = Collect { settings: &self.settings, progress };
        if let Some(refusal) = &state.refusal {
            return Err(ExchangeError::new(ExchangeErrorKind::Login, Delivery::NotSent, refusal.clone()));
        }
        let mut may_repeat = message.may_repeat();
        loop {
            let link = state.link.take();
            let (error, again) = match self.attempt(link, message, progress).await {
                Ok((link, reply)) => {
                    state.link = link;
                    return Ok(reply);
                }
                Err(Failure::Lost(error) | Failure::Expired(error)) => (error, may_repeat),
                Err(Failure::Refused(error)) => {
                    state.refusal = Some(error.to_string());
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

    async fn attempt(
        &self,
        link: Option<Link>,
        message: &Message,
        progress: &Progress,
    ) -> Result<(Option<Link>, Reply), Failure> {
        let settings = &self.settings;
        let reused = link.is_some();
        let (mut link, carried) = match link {
            Some(link) => (link, None),
            None => log_in(settings, message, progress).await?,
        };
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
        *self.facts() = Facts { login: Some(login), pin };
    }

    fn facts(&self) -> std::sync::MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
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
