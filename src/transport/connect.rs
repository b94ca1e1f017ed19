//! What a session is made from.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::channel::Channel;
use super::endpoint::Endpoint;
use super::failure::Broken;
use super::identity::{ClientCertificate, Identity};
use super::proxy::Proxy;
use super::session::{Account, Session};
use super::tls::{Judge, Trust};
use super::wire::{Counters, Wire, WireOptions};
use crate::auth::{Credentials, ServiceName, TicketSource, Tickets, UserName};
use crate::wsman::{Delivery, ExchangeError, ExchangeErrorKind, Observer};

/// How to log in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthChoice {
    /// What the host offers and the credentials allow, the best first: Kerberos, then NTLM; Basic where
    /// the host offers nothing else and the certificate was verified or pinned.
    #[default]
    Auto,
    /// Negotiate only: Kerberos where there are tickets, or a password of a `user@realm`; else NTLM.
    Negotiate,
    /// Kerberos only, under the scheme of this name or in SPNEGO; never NTLM.
    Kerberos,
    /// NTLM only, under Negotiate, or under its own name where a host offers only that.
    Ntlm,
    /// CredSSP only: the password is handed to the host, which can then be the user anywhere. Kerberos inside
    /// for a `user@realm` and a host that has a name, else NTLM. Never chosen by [`Auto`](Self::Auto).
    #[cfg(feature = "credssp")]
    CredSsp,
    /// Basic only, sent with every request; https only.
    Basic,
    /// The client certificate of the TLS handshake, which the host maps to an account; https only.
    Certificate,
}

impl AuthChoice {
    fn takes_password(self) -> bool {
        #[cfg(feature = "credssp")]
        if self == Self::CredSsp {
            return true;
        }
        matches!(self, Self::Basic | Self::Ntlm)
    }
}

/// Collects where to connect, as whom, and whom to trust; [`Connector::session`] ends it.
#[derive(Clone)]
#[must_use]
pub struct Connector {
    endpoint: Endpoint,
    credentials: Option<Credentials>,
    tickets: Option<(Option<UserName>, TicketSource)>,
    service: Option<ServiceName>,
    delegate: bool,
    certificate: Option<ClientCertificate>,
    proxy: Option<Proxy>,
    trust: Trust,
    auth: AuthChoice,
    connect_timeout: Duration,
    reply_limit: usize,
    observer: Option<Arc<dyn Observer>>,
}

/// A [`Connector`] that was found usable.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) endpoint: Endpoint,
    /// User and password, where there are any.
    pub(super) credentials: Option<Credentials>,
    /// Kerberos, where it may be tried.
    pub(super) kerberos: Option<Arc<Kerberos>>,
    /// The service's name: for Kerberos, and in the target information of NTLM.
    pub(super) service: ServiceName,
    pub(super) auth: AuthChoice,
    pub(super) identity: Option<Identity>,
    proxy: Option<Proxy>,
    verifies: bool,
    judge: Option<Judge>,
    connect_timeout: Duration,
    reply_limit: usize,
    pub(super) counters: Counters,
    pub(super) observer: Option<Arc<dyn Observer>>,
    /// What the sessions of a pool know together.
    pub(super) account: Arc<Account>,
}

/// What a session knows about Kerberos.
pub(super) struct Kerberos {
    pub(super) user: Option<UserName>,
    pub(super) source: TicketSource,
    pub(super) delegate: bool,
    /// Taken once for all connections of the session: a password must not be tried for each.
    taken: Mutex<Option<Tickets>>,
}

impl Connector {
    /// A connector to this endpoint, with the system's trust and [`AuthChoice::Auto`].
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            credentials: None,
            tickets: None,
            service: None,
            delegate: false,
            certificate: None,
            proxy: None,
            trust: Trust::system(),
            auth: AuthChoice::Auto,
            connect_timeout: CONNECT_TIMEOUT,
            reply_limit: REPLY_LIMIT,
            observer: None,
        }
    }

    /// Where it leads.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Who logs in, by password. Kerberos uses it too where no [`tickets`](Self::tickets) are given:
    /// always when Kerberos was chosen, else for a `user@realm` and a host that has a name.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Who logs in, by Kerberos tickets: of this user, or of whichever the source has.
    pub fn tickets(mut self, user: Option<UserName>, source: TicketSource) -> Self {
        self.tickets = Some((user, source));
        self
    }

    /// The service's name in its realm; `HTTP/host` if not said, with the host as the endpoint has it.
    pub fn service_name(mut self, service: ServiceName) -> Self {
        self.service = Some(service);
        self
    }

    /// Lets the host act as the user elsewhere, with the tickets it is then given. Off if not said.
    pub fn delegate(mut self, on: bool) -> Self {
        self.delegate = on;
        self
    }

    /// Shown to hosts that ask for a client certificate. With nothing else to log in with, it is what
    /// [`AuthChoice::Auto`] logs in by.
    pub fn client_certificate(mut self, certificate: ClientCertificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// A proxy to go through; none if not said, whatever the environment says.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
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

    /// Whether both lead to the same host as the same account, on the same terms.
    pub(super) fn is_same(&self, other: &Connector) -> bool {
        let observer =
            |connector: &Connector| connector.observer.as_ref().map(Arc::as_ptr).map(<*const dyn Observer>::cast::<()>);
        let credentials = match (&self.credentials, &other.credentials) {
            (Some(one), Some(other)) => one.user == other.user && one.password.is_same(&other.password),
            (one, other) => one.is_none() && other.is_none(),
        };
        let tickets = match (&self.tickets, &other.tickets) {
            (Some((user, source)), Some((other_user, other))) => user == other_user && source.is_same(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let certificate = match (&self.certificate, &other.certificate) {
            (Some(one), Some(other)) => one.is_same(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let proxy = match (&self.proxy, &other.proxy) {
            (Some(one), Some(other)) => one.expose() == other.expose(),
            (one, other) => one.is_none() && other.is_none(),
        };
        let plain = |connector: &Connector| {
            let Connector { endpoint, service, delegate, auth, connect_timeout, reply_limit, .. } = connector.clone();
            (endpoint, service, delegate, auth, connect_timeout, reply_limit)
        };
        credentials
            && tickets
            && certificate
            && proxy
            && self.trust.is_same(&other.trust)
            && observer(self) == observer(other)
            && plain(self) == plain(other)
    }

    /// A session. Nothing is sent before its first message.
    ///
    /// # Errors
    /// Kind `Configuration`: there is nothing to log in with, a proxy does not suit the endpoint, Basic was chosen for
    /// plain HTTP or CredSSP for https with an unverified certificate, or the trust is not usable.
    pub fn session(self) -> Result<Session, ExchangeError> {
        let unusable = |text: String| ExchangeError::new(ExchangeErrorKind::Configuration, Delivery::NotSent, text);
        let auth = match (self.auth, &self.certificate) {
            (AuthChoice::Auto, Some(_)) if self.credentials.is_none() && self.tickets.is_none() => {
                AuthChoice::Certificate
            }
            (auth, _) => auth,
        };
        if auth == AuthChoice::Certificate {
            if self.certificate.is_none() {
                return Err(unusable("no client certificate was given".to_owned()));
            }
            if !self.endpoint.is_tls() {
                return Err(unusable("a client certificate is shown in a TLS handshake; use https".to_owned()));
            }
        } else if self.credentials.is_none() && self.tickets.is_none() {
            return Err(unusable("neither a user and password nor tickets were given".to_owned()));
        }
        if self.auth.takes_password() && self.credentials.is_none() {
            return Err(unusable("this way of logging in takes a user and a password".to_owned()));
        }
        #[cfg(feature = "credssp")]
        if self.auth == AuthChoice::CredSsp && self.endpoint.is_tls() && !self.trust.verifies() {
            return Err(unusable(
                "CredSSP is not bound to the certificate of https: behind one that proves nothing, whoever sits in between \
                 would not have the password but a connection that is logged in; name its authority (--ca), pin it \
                 (--pin-sha256), or use plain HTTP, where messages are sealed"
                    .to_owned(),
            ));
        }
        let kerberos = self.kerberos();
        if self.auth == AuthChoice::Basic && !self.endpoint.is_tls() {
            return Err(unusable(format!(
                "Basic would show the password over plain HTTP; use https, or Negotiate, for {}",
                self.endpoint
            )));
        }
        if let Some(proxy) = &self.proxy {
            let suits = proxy.suits(&self.endpoint);
            suits
                .map_err(|error| unusable(format!("{} through {proxy}: {error}", self.endpoint)).with_source(error))?;
        }
        let judge = self.endpoint.is_tls().then(|| self.trust.judge()).transpose();
        let judge = judge.map_err(|error| unusable(error.to_string()).with_source(error))?;
        Ok(Session::new(Settings {
            service: self.service.unwrap_or_else(|| ServiceName::http(self.endpoint.host())),
            endpoint: self.endpoint,
            credentials: self.credentials,
            kerberos: kerberos.map(Arc::new),
            auth,
            identity: self.certificate.map(Identity::new),
            proxy: self.proxy,
            verifies: self.trust.verifies(),
            judge,
            connect_timeout: self.connect_timeout,
            reply_limit: self.reply_limit,
            counters: self.observer.as_ref().map_or_else(Counters::default, |_| Counters::observed()),
            observer: self.observer,
            account: Arc::default(),
        }))
    }

    /// Kerberos, where it may and can be tried.
    fn kerberos(&self) -> Option<Kerberos> {
        if matches!(self.auth, AuthChoice::Basic | AuthChoice::Ntlm | AuthChoice::Certificate) {
            return None;
        }
        let (user, source) = match (&self.tickets, &self.credentials) {
            (Some(given), _) => given.clone(),
            (None, Some(Credentials { user, password })) => {
                // A realm knows hosts by name, and a bare user is more often one of the host itself.
                let has_name = self.service.is_some() || self.endpoint.host().parse::<IpAddr>().is_err();
                let may_be_of_a_realm = user.user().contains('@') && has_name;
                if self.auth != AuthChoice::Kerberos && !may_be_of_a_realm {
                    return None;
                }
                (Some(user.clone()), TicketSource::Password(password.clone()))
            }
            (None, None) => return None,
        };
        Some(Kerberos { user, source, delegate: self.delegate, taken: Mutex::default() })
    }
}

impl Kerberos {
    /// The tickets of this session, if they were taken and still hold.
    pub(super) fn taken(&self) -> Option<Tickets> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn keep(&self, tickets: Option<Tickets>) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = tickets;
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
    /// Those of a further session, which logs in as this one does and shares what is known of the account.
    pub(super) fn sibling(&self) -> Settings {
        Settings { counters: self.counters.sibling(), ..self.clone() }
    }

    /// The user and password, where NTLM may be used.
    pub(super) fn ntlm(&self) -> Option<&Credentials> {
        let allowed = matches!(self.auth, AuthChoice::Auto | AuthChoice::Negotiate | AuthChoice::Ntlm);
        self.credentials.as_ref().filter(|_| allowed)
    }

    /// The account, for people.
    pub(super) fn who(&self) -> String {
        let user = self.credentials.as_ref().map(|credentials| &credentials.user);
        let user = user.or(self.kerberos.as_ref().and_then(|kerberos| kerberos.user.as_ref()));
        let held = || self.kerberos.as_deref().and_then(Kerberos::taken).map(|tickets| tickets.principal().to_owned());
        user.map(ToString::to_string).or_else(held).unwrap_or_else(|| "the default account".to_owned())
    }

    /// A new connection, to be dialled with its first request.
    pub(super) fn open(&self) -> Result<Channel, Broken> {
        let options = WireOptions {
            connect_timeout: self.connect_timeout,
            reply_limit: self.reply_limit,
            judge: self.judge.clone(),
            identity: self.identity.clone(),
            proxy: self.proxy.clone(),
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
