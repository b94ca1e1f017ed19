//! Kerberos through the system's library: tickets, tokens, sealing (RFC 4121, [MS-KILE]).
//!
//! That is GSSAPI; on Windows it is SSPI, and GSSAPI for keytabs and named caches, where MIT Kerberos
//! for Windows is installed. The library is opened when the first login wants it, and does its own
//! talking to the KDC: every function here that says so may block for as long as that takes. What this module adds are the
//! rules of this client: mutual authentication always, sealing always, delegation only when asked,
//! the service's name as it is given and never looked up in DNS, and errors told by cause.
mod error;
mod gssapi;
mod library;
mod provider;
// Its foreign half is of Windows, the rest is tested everywhere.
#[cfg(any(windows, test))]
mod sspi;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use error::{KerberosCause, KerberosError};
use provider::{CONFIDENTIALITY, DELEGATE, INTEGRITY, Login, MUTUAL, REPLAY, SEQUENCE, Taken};

use super::binding::ChannelBinding;
use super::credentials::UserName;
use super::error::AuthError;
use super::secret::Secret;

/// Where the tickets of a login come from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum TicketSource {
    /// The cache that `KRB5CCNAME` or `krb5.conf` names, of any type that the library knows. On
    /// Windows the tickets of the session that this process is of.
    #[default]
    Cache,
    /// This cache, as `KRB5CCNAME` would name it.
    NamedCache(String),
    /// A keytab. The tickets it leads to stay in memory, and are renewed from it.
    Keytab(PathBuf),
    /// A password. The tickets it leads to stay in memory.
    Password(Secret),
}

/// The encryption type that is taken only where the realm gives nothing else.
pub const RC4: &str = "arcfour-hmac";

#[cfg(feature = "transport")]
impl TicketSource {
    /// Whether both lead to the same tickets.
    #[cfg(feature = "transport")]
    pub(crate) fn is_same(&self, other: &TicketSource) -> bool {
        match (self, other) {
            (TicketSource::Cache, TicketSource::Cache) => true,
            (TicketSource::NamedCache(one), TicketSource::NamedCache(other)) => one == other,
            (TicketSource::Keytab(one), TicketSource::Keytab(other)) => one == other,
            (TicketSource::Password(one), TicketSource::Password(other)) => one.is_same(other),
            _ => false,
        }
    }
}

/// The name a service has in its realm: `class/host`, with `@REALM` where it must be said.
///
/// It is taken as it is: no host name in it is completed or looked up in DNS. Without a realm the
/// client's own is asked, which refers to the right one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceName(String);

/// Proof of who the client is. Clones share it.
#[derive(Clone)]
pub struct Tickets(Arc<Held>);

struct Held {
    taken: Taken,
    at: Instant,
}

/// What a login depends on besides the tickets.
#[derive(Clone, Debug)]
pub struct KerberosOptions {
    /// The service to log in to.
    pub service: ServiceName,
    /// The TLS channel to bind to; none over plain HTTP.
    pub binding: Option<ChannelBinding>,
    /// Let the service act as the client elsewhere. Off unless there is a reason.
    pub delegate: bool,
}

/// The client's half of a login.
pub struct KerberosInitiator {
    login: Box<dyn Login>,
    tickets: Tickets,
    service: String,
    flags: u32,
    binding: Option<Vec<u8>>,
    complete: bool,
}

/// The keys of a login.
pub(super) struct KerberosKeys {
    login: Box<dyn Login>,
    service: String,
}

impl ServiceName {
    /// The name of WinRM on a host: `HTTP/host`.
    pub fn http(host: &str) -> Self {
        Self(format!("HTTP/{host}"))
    }
}

impl FromStr for ServiceName {
    type Err = AuthError;

    fn from_str(text: &str) -> Result<Self, AuthError> {
        let (service, realm) = text.split_once('@').map_or((text, None), |(service, realm)| (service, Some(realm)));
        let parts: Vec<&str> = service.split('/').collect();
        let is_odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
        let usable = parts.len() >= 2
            && parts.iter().all(|part| !part.is_empty())
            && realm.is_none_or(|realm| !realm.is_empty() && !realm.contains(['@', '/']))
            && !text.contains(is_odd);
        let shown = || text.chars().take(80).collect();
        if usable { Ok(Self(text.to_owned())) } else { Err(AuthError::ServiceName { text: shown() }) }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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

impl KerberosInitiator {
    /// Begins a login. One initiator is for one connection and one attempt.
    ///
    /// # Errors
    /// When the service's name is none.
    pub fn new(tickets: &Tickets, options: &KerberosOptions) -> Result<Self, KerberosError> {
        let service = options.service.to_string();
        let login = tickets.0.taken.proof.clone().begin(&options.service);
        Ok(Self {
            login: login.map_err(|status| KerberosError::of_service(&status, &service))?,
            tickets: tickets.clone(),
            service,
            flags: REQUIRED | REPLAY | SEQUENCE | if options.delegate { DELEGATE } else { 0 },
            binding: options.binding.map(|binding| binding.application_data().to_vec()),
            complete: false,
        })
    }

    /// Makes the first token from an empty one, or answers the server's; none is due after the last.
    /// The first may ask the KDC, and block for that.
    ///
    /// # Errors
    /// When the realm or the service refuses, or the service does not prove who it is.
    pub fn step(&mut self, token: &[u8]) -> Result<Option<Vec<u8>>, KerberosError> {
        let stepped = self.login.step(self.flags, self.binding.as_deref(), token);
        let stepped =
            stepped.map_err(|status| KerberosError::of_login(&status, &self.service, self.tickets.principal()))?;
        if stepped.complete && stepped.flags & REQUIRED != REQUIRED {
            let lacks = format!("the login has the flags {:#x}", stepped.flags);
            return Err(KerberosError::new(KerberosCause::NotMutual, self.service.clone(), lacks));
        }
        self.complete = stepped.complete;
        Ok(Some(stepped.token).filter(|token| !token.is_empty()))
    }

    /// Whether the keys are there: the service has proved who it is.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The encryption type of the session key by name, once the login is complete.
    pub fn encryption(&mut self) -> Option<&'static str> {
        let number = self.login.encryption_type()?;
        ENCRYPTION_TYPES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
    }

    /// The integrity code of a text, for SPNEGO.
    pub(super) fn mic(&mut self, text: &[u8]) -> Result<Vec<u8>, KerberosError> {
        self.login.mic(text).map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// Checks the integrity code of a text, for SPNEGO.
    pub(super) fn verify_mic(&mut self, text: &[u8], mic: &[u8]) -> Result<(), KerberosError> {
        self.login.verify_mic(text, mic).map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// Token and data of one sealed message, for CredSSP.
    #[cfg(feature = "credssp")]
    pub(super) fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, KerberosError> {
        let sealed = self.login.wrap(plain).map(|(token, data)| [token, data].concat());
        sealed.map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// What a sealed message holds, for CredSSP.
    #[cfg(feature = "credssp")]
    pub(super) fn unseal(&mut self, sealed: &[u8]) -> Result<Vec<u8>, KerberosError> {
        self.login.unwrap(sealed).map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// The keys, if the login is complete.
    pub(super) fn into_keys(self) -> Option<KerberosKeys> {
        self.complete.then_some(KerberosKeys { login: self.login, service: self.service })
    }
}

impl fmt::Debug for KerberosInitiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KerberosInitiator").field("service", &self.service).finish_non_exhaustive()
    }
}

impl KerberosKeys {
    /// Token and data of one sealed message.
    pub(super) fn seal(&mut self, plain: &[u8]) -> Result<(Vec<u8>, Vec<u8>), KerberosError> {
        self.login.wrap(plain).map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// Servers put the token's parts in different orders, which the library sorts out when it gets
    /// token and data in one.
    pub(super) fn unseal(&mut self, token: &[u8], data: &[u8]) -> Result<Vec<u8>, KerberosError> {
        let opened = self.login.unwrap(&[token, data].concat());
        opened.map_err(|status| KerberosError::of_service(&status, &self.service))
    }
}

/// What gives Kerberos here, to say what is used: a library's file name.
///
/// # Errors
/// Cause [`KerberosCause::NoLibrary`] or [`KerberosCause::LibraryUnusable`].
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

/// Without these there is no login.
const REQUIRED: u32 = MUTUAL | CONFIDENTIALITY | INTEGRITY;

/// RFC 3961 8, RFC 8009 7, RFC 6803 8, RFC 4757.
const ENCRYPTION_TYPES: &[(u32, &str)] = &[
    (16, "des3-cbc-sha1"),
    (17, "aes128-cts-hmac-sha1-96"),
    (18, "aes256-cts-hmac-sha1-96"),
    (19, "aes128-cts-hmac-sha256-128"),
    (20, "aes256-cts-hmac-sha384-192"),
    (23, RC4),
    (25, "camellia128-cts-cmac"),
    (26, "camellia256-cts-cmac"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_names() {
        for text in ["HTTP/hv", "WSMAN/hv.lab.test", "HOST/hv@LAB.TEST", "HTTP/hv:5985/lab.test@LAB.TEST"] {
            assert_eq!(text.parse::<ServiceName>().unwrap().to_string(), text);
        }
        for text in ["", "hv", "HTTP/", "/hv", "HTTP/hv@", "HTTP/hv@A@B", "HTTP/h v", "HTTP/h\u{0}v", "HTTP/hv@a/b"] {
            assert!(matches!(text.parse::<ServiceName>(), Err(AuthError::ServiceName { .. })), "{text:?}");
        }
        assert_eq!(ServiceName::http("hv").to_string(), "HTTP/hv");
    }

    #[test]
    fn a_password_is_never_shown() {
        let source = TicketSource::Password("canary-9c1e".into());
        assert!(!format!("{source:?}").contains("canary"));
    }
}
