//! Kerberos through the system's GSSAPI: tickets, tokens, sealing (RFC 4121, [MS-KILE]).
//!
//! The library is opened when the first login wants it, and does its own talking to the KDC: every
//! function here that says so may block for as long as that takes. What this module adds are the
//! rules of this client: mutual authentication always, sealing always, delegation only when asked,
//! the service's name as it is given and never looked up in DNS, and errors told by cause.
mod error;
mod library;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

pub use error::{KerberosCause, KerberosError};
use library::{Context, Credential, Library, Name, Source};

use super::binding::ChannelBinding;
use super::credentials::UserName;
use super::error::AuthError;
use super::secret::Secret;

/// Where the tickets of a login come from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum TicketSource {
    /// The cache that `KRB5CCNAME` or `krb5.conf` names, of any type that the library knows.
    #[default]
    Cache,
    /// This cache, as `KRB5CCNAME` would name it.
    NamedCache(String),
    /// A keytab. The tickets it leads to stay in memory, and are renewed from it.
    Keytab(PathBuf),
    /// A password. The tickets it leads to stay in memory.
    Password(Secret),
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
    credential: Mutex<Credential>,
    principal: String,
    lifetime: Option<Duration>,
    taken: Instant,
    library: &'static Library,
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
    context: Context,
    tickets: Tickets,
    target: Name,
    service: String,
    flags: u32,
    binding: Option<Vec<u8>>,
    complete: bool,
}

/// The keys of a login.
pub(super) struct KerberosKeys {
    context: Context,
    service: String,
}

impl ServiceName {
    /// The name of WinRM on a host: `HTTP/host`.
    pub fn http(host: &str) -> Self {
        Self(format!("HTTP/{host}"))
    }

    /// The text, as the library takes it.
    fn principal(&self) -> String {
        // An empty realm is the library's way to say "ask the client's own, and follow its referral".
        if self.0.contains('@') { self.0.clone() } else { format!("{}@", self.0) }
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
        let library = load()?;
        let principal = user.map(principal).transpose()?;
        let about = principal.clone().unwrap_or_else(|| "the default account".to_owned());
        let explain = |status: library::Status| match source {
            TicketSource::Keytab(file) => KerberosError::of_keytab(&status, format!("{about}: {}", file.display())),
            _ => KerberosError::of_credential(&status, &about),
        };
        let name = principal.as_deref().map(|principal| library.name(principal)).transpose().map_err(explain)?;
        let stores = match source {
            TicketSource::NamedCache(cache) => vec![("ccache", cache.clone())],
            TicketSource::Keytab(file) => {
                vec![("client_keytab", keytab(file)), ("ccache", memory_cache(file, principal.as_deref()))]
            }
            TicketSource::Cache | TicketSource::Password(_) => Vec::new(),
        };
        let from = match source {
            TicketSource::Password(password) => Source::Password(password.expose()),
            TicketSource::Cache => Source::Default,
            TicketSource::NamedCache(_) | TicketSource::Keytab(_) => Source::Stores(&stores),
        };
        let mut credential = library.credential(name.as_ref(), from).map_err(explain)?;
        let (principal, seconds) = credential.facts().map_err(explain)?;
        if seconds == 0 {
            return Err(KerberosError::new(KerberosCause::TicketsExpired, principal, ""));
        }
        let lifetime = (seconds != u32::MAX).then(|| Duration::from_secs(seconds.into()));
        Ok(Self(Arc::new(Held {
            credential: Mutex::new(credential),
            principal,
            lifetime,
            taken: Instant::now(),
            library,
        })))
    }

    /// Whose they are, as `user@REALM`.
    pub fn principal(&self) -> &str {
        &self.0.principal
    }

    /// Whether they have a minute left.
    pub fn still_hold(&self) -> bool {
        self.0.lifetime.is_none_or(|lifetime| self.0.taken.elapsed() + Duration::from_secs(60) < lifetime)
    }

    /// For how long they were valid when they were taken; none where there is no end.
    pub fn lifetime(&self) -> Option<Duration> {
        self.0.lifetime
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("principal", &self.0.principal).finish_non_exhaustive()
    }
}

impl KerberosInitiator {
    /// Begins a login. One initiator is for one connection and one attempt.
    ///
    /// # Errors
    /// When the service's name is none.
    pub fn new(tickets: &Tickets, options: &KerberosOptions) -> Result<Self, KerberosError> {
        let library = tickets.0.library;
        let service = options.service.to_string();
        let target = library.name(&options.service.principal());
        Ok(Self {
            context: library.context(),
            tickets: tickets.clone(),
            target: target.map_err(|status| KerberosError::of_service(&status, &service))?,
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
        let mut credential = self.tickets.0.credential.lock().unwrap_or_else(PoisonError::into_inner);
        let stepped = self.context.step(&mut credential, &self.target, self.flags, self.binding.as_deref(), token);
        drop(credential);
        let stepped = stepped.map_err(|status| KerberosError::of_service(&status, &self.service))?;
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
        let number = self.context.encryption_type()?;
        ENCRYPTION_TYPES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
    }

    /// The integrity code of a text, for SPNEGO.
    pub(super) fn mic(&mut self, text: &[u8]) -> Result<Vec<u8>, KerberosError> {
        self.context.mic(text).map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// Checks the integrity code of a text, for SPNEGO.
    pub(super) fn verify_mic(&mut self, text: &[u8], mic: &[u8]) -> Result<(), KerberosError> {
        self.context.verify_mic(text, mic).map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// Token and data of one sealed message, for CredSSP.
    #[cfg(feature = "credssp")]
    pub(super) fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, KerberosError> {
        let sealed = self.context.wrap(plain).map(|(token, data)| [token, data].concat());
        sealed.map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// What a sealed message holds, for CredSSP.
    #[cfg(feature = "credssp")]
    pub(super) fn unseal(&mut self, sealed: &[u8]) -> Result<Vec<u8>, KerberosError> {
        self.context.unwrap(sealed).map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// The keys, if the login is complete.
    pub(super) fn into_keys(self) -> Option<KerberosKeys> {
        self.complete.then_some(KerberosKeys { context: self.context, service: self.service })
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
        self.context.wrap(plain).map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// Servers put the token's parts in different orders, which the library sorts out when it gets
    /// token and data in one.
    pub(super) fn unseal(&mut self, token: &[u8], data: &[u8]) -> Result<Vec<u8>, KerberosError> {
        let opened = self.context.unwrap(&[token, data].concat());
        opened.map_err(|status| KerberosError::of_service(&status, &self.service))
    }
}

/// The library's file name, to say what is used.
///
/// # Errors
/// Cause [`KerberosCause::NoLibrary`].
pub fn kerberos_library() -> Result<&'static str, KerberosError> {
    load().map(|library| library.file)
}

fn load() -> Result<&'static Library, KerberosError> {
    Library::system().map_err(|looked_for| KerberosError::new(KerberosCause::NoLibrary, "", looked_for))
}

/// `user@REALM`, or `user` of the default realm. A realm is the domain's DNS name in capitals.
fn principal(user: &UserName) -> Result<String, KerberosError> {
    if !user.domain().is_empty() {
        return Err(KerberosError::new(KerberosCause::NoPrincipal, user.to_string(), ""));
    }
    Ok(match user.user().rsplit_once('@') {
        Some((name, realm)) => format!("{name}@{}", realm.to_uppercase()),
        None => user.user().to_owned(),
    })
}

/// A file as the library names keytabs; one with a type before it is named so already.
fn keytab(file: &std::path::Path) -> String {
    let text = file.to_string_lossy();
    let typed = text.split_once(':').is_some_and(|(kind, _)| kind.len() > 1 && kind.chars().all(char::is_alphanumeric));
    if typed { text.into_owned() } else { format!("FILE:{text}") }
}

/// The same for the same keytab and account, so that a process asks the KDC once for them.
fn memory_cache(file: &std::path::Path, principal: Option<&str>) -> String {
    let digest = Sha256::digest(format!("{}\0{}", file.display(), principal.unwrap_or_default()));
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("MEMORY:hvr-{hex}")
}

// RFC 2744 appendix A.
const DELEGATE: u32 = 1;
const REPLAY: u32 = 4;
const SEQUENCE: u32 = 8;
/// Mutual authentication, confidentiality, integrity.
const REQUIRED: u32 = 2 | 16 | 32;

/// RFC 3961 8, RFC 8009 7, RFC 6803 8, RFC 4757.
const ENCRYPTION_TYPES: &[(u32, &str)] = &[
    (16, "des3-cbc-sha1"),
    (17, "aes128-cts-hmac-sha1-96"),
    (18, "aes256-cts-hmac-sha1-96"),
    (19, "aes128-cts-hmac-sha256-128"),
    (20, "aes256-cts-hmac-sha384-192"),
    (23, "arcfour-hmac"),
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
        assert_eq!(ServiceName::http("hv").principal(), "HTTP/hv@");
        assert_eq!("HTTP/hv@LAB".parse::<ServiceName>().unwrap().principal(), "HTTP/hv@LAB");
    }

    #[test]
    fn principals() {
        let of = |text: &str| principal(&text.parse().unwrap());
        assert_eq!(of("admin@lab.test").unwrap(), "admin@LAB.TEST");
        assert_eq!(of("admin").unwrap(), "admin");
        let error = of("LAB\\admin").unwrap_err();
        assert_eq!(error.cause(), KerberosCause::NoPrincipal);
        assert!(error.to_string().contains("LAB\\admin") && error.remedy().contains("user@REALM"));
    }

    #[test]
    fn keytabs_and_their_caches() {
        assert_eq!(keytab("/etc/hvr.keytab".as_ref()), "FILE:/etc/hvr.keytab");
        assert_eq!(keytab("MEMORY:x".as_ref()), "MEMORY:x");
        assert_eq!(keytab("C:\\hvr.keytab".as_ref()), "FILE:C:\\hvr.keytab");
        let cache = memory_cache("/a".as_ref(), Some("b"));
        assert_eq!(cache, memory_cache("/a".as_ref(), Some("b")));
        assert_ne!(cache, memory_cache("/a".as_ref(), None));
    }

    #[test]
    fn an_absent_keytab_is_named() {
        if load().is_err() {
            return;
        }
        let source = TicketSource::Keytab("/nonexistent/hvr.keytab".into());
        let error = Tickets::acquire(Some(&"admin@LAB.TEST".parse().unwrap()), &source).unwrap_err();
        assert_eq!(error.cause(), KerberosCause::Keytab, "{error}");
        assert!(error.to_string().contains("/nonexistent/hvr.keytab"), "{error}");
    }

    #[test]
    fn a_password_is_never_shown() {
        let source = TicketSource::Password("canary-9c1e".into());
        assert!(!format!("{source:?}").contains("canary"));
    }
}
