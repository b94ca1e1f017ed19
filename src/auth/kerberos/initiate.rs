//! The client's half of a login with tickets, and the keys it leads to.
use std::fmt;

use super::super::binding::ChannelBinding;
use super::super::context::{Keys, Protocol, Sealed, SecurityContext};
use super::super::error::AuthError;
use super::super::handshake::{Handshake, Initiate, Mechanism, Step};
use super::error::{KerberosCause, KerberosError};
use super::provider::{CONFIDENTIALITY, DELEGATE, INTEGRITY, Login, MUTUAL, REPLAY, SEQUENCE};
use super::service::ServiceName;
use super::tickets::Tickets;

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
pub(in crate::auth) struct KerberosKeys {
    login: Box<dyn Login>,
    service: String,
}

impl KerberosInitiator {
    /// Begins a login. One initiator is for one connection and one attempt.
    ///
    /// # Errors
    /// When the service's name is none.
    pub fn new(tickets: &Tickets, options: &KerberosOptions) -> Result<Self, KerberosError> {
        let service = options.service.to_string();
        let login = tickets.begin(&options.service);
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
    pub(in crate::auth) fn mic(&mut self, text: &[u8]) -> Result<Vec<u8>, KerberosError> {
        self.login.mic(text).map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// Checks the integrity code of a text, for SPNEGO.
    pub(in crate::auth) fn verify_mic(&mut self, text: &[u8], mic: &[u8]) -> Result<(), KerberosError> {
        self.login.verify_mic(text, mic).map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// Token and data of one sealed message, for CredSSP.
    #[cfg(feature = "credssp")]
    pub(in crate::auth) fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, KerberosError> {
        let sealed = self.login.wrap(plain).map(|(token, data)| [token, data].concat());
        sealed.map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// What a sealed message holds, for CredSSP.
    #[cfg(feature = "credssp")]
    pub(in crate::auth) fn unseal(&mut self, sealed: &[u8]) -> Result<Vec<u8>, KerberosError> {
        self.login.unwrap(sealed).map_err(|status| KerberosError::of_service(&status, &self.service))
    }

    /// The keys, if the login is complete.
    pub(in crate::auth) fn into_keys(self) -> Option<KerberosKeys> {
        self.complete.then_some(KerberosKeys { login: self.login, service: self.service })
    }
}

impl fmt::Debug for KerberosInitiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KerberosInitiator").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Keys for KerberosKeys {
    fn seal(&mut self, plain: &[u8]) -> Result<Sealed, AuthError> {
        let sealed = self.login.wrap(plain).map(|(signature, data)| Sealed { signature, data });
        Ok(sealed.map_err(|status| KerberosError::of_service(&status, &self.service))?)
    }

    /// Servers put the token's parts in different orders, which the library sorts out when it gets
    /// token and data in one.
    fn unseal(&mut self, token: &[u8], data: &[u8]) -> Result<Vec<u8>, AuthError> {
        let opened = self.login.unwrap(&[token, data].concat());
        Ok(opened.map_err(|status| KerberosError::of_service(&status, &self.service))?)
    }
}

impl fmt::Debug for KerberosKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KerberosKeys").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Initiate for KerberosInitiator {
    fn step(&mut self, incoming: &[u8]) -> Result<Step, AuthError> {
        Ok(KerberosInitiator::step(self, incoming)?.map_or(Step::Done, Step::More))
    }

    fn may_block(&self) -> bool {
        true
    }

    fn shows_ticket(&self) -> bool {
        true
    }

    fn mechanism(&self) -> Option<Mechanism> {
        Some(Mechanism::Kerberos)
    }

    fn encryption(&mut self) -> Option<&'static str> {
        KerberosInitiator::encryption(self)
    }

    fn finish(self: Box<Self>) -> Option<(Mechanism, SecurityContext)> {
        Some((Mechanism::Kerberos, SecurityContext::new(self.into_keys()?, Protocol::Kerberos)))
    }
}

/// Tokens under the scheme of that name.
impl From<KerberosInitiator> for Handshake {
    fn from(kerberos: KerberosInitiator) -> Self {
        Handshake::of(kerberos)
    }
}

/// The encryption type that is taken only where the realm gives nothing else.
pub const RC4: &str = "arcfour-hmac";

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
