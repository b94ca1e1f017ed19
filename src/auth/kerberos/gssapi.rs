//! Kerberos through GSSAPI: tickets from caches, keytabs and passwords.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::super::credentials::UserName;
use super::error::{KerberosCause, KerberosError, Status};
use super::library::{Context, Credential, Library, Name, NoLibrary, Source};
use super::provider::{Login, Proof, Stepped, Taken};
use super::service::ServiceName;
use super::source::TicketSource;

/// Takes tickets from their source, as [`super::Tickets::acquire`] does.
pub(super) fn acquire(user: Option<&UserName>, source: &TicketSource) -> Result<Taken, KerberosError> {
    let library = load()?;
    let principal = user.map(principal).transpose()?;
    let about = principal.clone().unwrap_or_else(|| "the default account".to_owned());
    let explain = |status: Status| match source {
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
    Ok(Taken { proof: Arc::new(Held { credential: Mutex::new(credential), library }), principal, lifetime })
}

/// The library's file name.
#[cfg(not(windows))]
pub(super) fn file() -> Result<&'static str, KerberosError> {
    load().map(|library| library.file)
}

fn load() -> Result<&'static Library, KerberosError> {
    Library::system().map_err(|error| match error {
        NoLibrary::Absent(looked_for) => KerberosError::new(KerberosCause::NoLibrary, "", looked_for),
        NoLibrary::Unusable(said) => KerberosError::new(KerberosCause::LibraryUnusable, "", said),
    })
}

struct Held {
    credential: Mutex<Credential>,
    library: &'static Library,
}

struct Attempt {
    context: Context,
    target: Name,
    held: Arc<Held>,
}

impl Proof for Held {
    fn begin(self: Arc<Self>, service: &ServiceName) -> Result<Box<dyn Login>, Status> {
        let target = self.library.name(&target(service))?;
        Ok(Box::new(Attempt { context: self.library.context(), target, held: self }))
    }
}

impl Login for Attempt {
    fn step(&mut self, flags: u32, binding: Option<&[u8]>, incoming: &[u8]) -> Result<Stepped, Status> {
        let mut credential = self.held.credential.lock().unwrap_or_else(PoisonError::into_inner);
        self.context.step(&mut credential, &self.target, flags, binding, incoming)
    }

    fn wrap(&mut self, plain: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Status> {
        self.context.wrap(plain)
    }

    fn unwrap(&mut self, token: &[u8]) -> Result<Vec<u8>, Status> {
        self.context.unwrap(token)
    }

    fn mic(&mut self, text: &[u8]) -> Result<Vec<u8>, Status> {
        self.context.mic(text)
    }

    fn verify_mic(&mut self, text: &[u8], mic: &[u8]) -> Result<(), Status> {
        self.context.verify_mic(text, mic)
    }

    fn encryption_type(&mut self) -> Option<u32> {
        self.context.encryption_type()
    }
}

/// A service's name, as the library takes it.
fn target(service: &ServiceName) -> String {
    // An empty realm is the library's way to say "ask the client's own, and follow its referral".
    let name = service.to_string();
    if name.contains('@') { name } else { format!("{name}@") }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_without_realm_is_asked_of_the_clients_own() {
        assert_eq!(target(&ServiceName::http("hv")), "HTTP/hv@");
        assert_eq!(target(&"HTTP/hv@LAB".parse().unwrap()), "HTTP/hv@LAB");
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
        let user = "admin@LAB.TEST".parse().unwrap();
        let Err(error) = acquire(Some(&user), &source) else { panic!("a keytab that is not there") };
        assert_eq!(error.cause(), KerberosCause::Keytab, "{error}");
        assert!(error.to_string().contains("/nonexistent/hvr.keytab"), "{error}");
    }
}
