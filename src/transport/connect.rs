//! What a session is made from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::channel::Channel;
use super::endpoint::Endpoint;
use super::failure::Broken;
use super::session::Session;
use super::tls::{Judge, Trust};
use super::wire::{Counters, Wire, WireOptions};
use crate::auth::Credentials;
use crate::wsman::{Delivery, ExchangeError, ExchangeErrorKind, Observer};

/// How to log in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthChoice {
    /// Negotiate; Basic where the host offers nothing else and the certificate was verified or pinned.
    #[default]
    Auto,
    /// Negotiate (NTLM) only.
    Negotiate,
    /// Basic only, sent with every request; https only.
    Basic,
}

/// Collects where to connect, as whom, and whom to trust; [`Connector::session`] ends it.
#[derive(Clone)]
#[must_use]
pub struct Connector {
    endpoint: Endpoint,
    credentials: Option<Credentials>,
    trust: Trust,
    auth: AuthChoice,
    connect_timeout: Duration,
    reply_limit: usize,
    observer: Option<Arc<dyn Observer>>,
}

/// A [`Connector`] that was found usable.
pub(super) struct Settings {
    pub(super) endpoint: Endpoint,
    pub(super) credentials: Credentials,
    pub(super) auth: AuthChoice,
    verifies: bool,
    judge: Option<Judge>,
    connect_timeout: Duration,
    reply_limit: usize,
    pub(super) counters: Counters,
    pub(super) observer: Option<Arc<dyn Observer>>,
}

impl Connector {
    /// A connector to this endpoint, with the system's trust and [`AuthChoice::Auto`].
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            credentials: None,
            trust: Trust::system(),
            auth: AuthChoice::Auto,
            connect_timeout: CONNECT_TIMEOUT,
            reply_limit: REPLY_LIMIT,
            observer: None,
        }
    }

    /// Who logs in; must be given.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Which server certificates to accept; without effect over plain HTTP.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// How to log in.
    pub fn auth(mut self, auth: AuthChoice) -> Self {
        self.auth = auth;
        self
    }

    /// How long name, TCP and TLS together may take; 10 seconds if not said.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The largest reply accepted, in bytes as they come; 8 MiB if not said.
    pub fn reply_limit(mut self, bytes: usize) -> Self {
        self.reply_limit = bytes;
        self
    }

    /// Tells of every message and every request made for it, as a trace does.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// A session. Nothing is sent before its first message.
    ///
    /// # Errors
    /// Kind `Configuration`: there are no credentials, Basic was chosen for plain HTTP, or the trust
    /// is not usable.
    pub fn session(self) -> Result<Session, ExchangeError> {
        let unusable = |text: String| ExchangeError::new(ExchangeErrorKind::Configuration, Delivery::NotSent, text);
        let credentials = self.credentials.ok_or_else(|| unusable("no user and password were given".to_owned()))?;
        if self.auth == AuthChoice::Basic && !self.endpoint.is_tls() {
            return Err(unusable(format!(
                "Basic would show the password over plain HTTP; use https, or Negotiate, for {}",
                self.endpoint
            )));
        }
        let judge = self.endpoint.is_tls().then(|| self.trust.judge()).transpose();
        let judge = judge.map_err(|error| unusable(error.to_string()).with_source(error))?;
        Ok(Session::new(Settings {
            endpoint: self.endpoint,
            credentials,
            auth: self.auth,
            verifies: self.trust.verifies(),
            judge,
            connect_timeout: self.connect_timeout,
            reply_limit: self.reply_limit,
            counters: self.observer.as_ref().map_or_else(Counters::default, |_| Counters::observed()),
            observer: self.observer,
        }))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("endpoint", &self.endpoint)
            .field("credentials", &self.credentials)
            .field("trust", &self.trust)
            .field("auth", &self.auth)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// A new connection, to be dialled with its first request.
    pub(super) fn open(&self) -> Result<Channel, Broken> {
        let options = WireOptions {
            connect_timeout: self.connect_timeout,
            reply_limit: self.reply_limit,
            judge: self.judge.clone(),
            counters: self.counters.clone(),
        };
        Ok(Channel::new(Wire::new(&self.endpoint, options)?))
    }

    /// Over an unverified certificate the password may go to anybody: then Basic must be chosen.
    pub(super) fn may_fall_back_to_basic(&self) -> bool {
        self.auth == AuthChoice::Auto && self.endpoint.is_tls() && self.verifies
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REPLY_LIMIT: usize = 8 * 1024 * 1024;
