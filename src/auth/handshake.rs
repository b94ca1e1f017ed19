//! One login as a client sees it, whatever the mechanism: tokens in, tokens out, keys at the end.
use std::fmt;

#[cfg(feature = "credssp")]
use super::credssp::CredSspInitiator;
use super::error::AuthError;
use super::kerberos::KerberosInitiator;
use super::negotiate::NegotiateInitiator;
use super::ntlm::Initiator;
use super::{Protocol, SecurityContext};

/// What proves who the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// Tickets of a realm.
    Kerberos,
    /// A password, by challenge and response.
    Ntlm,
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kerberos => "Kerberos",
            Self::Ntlm => "NTLM",
        })
    }
}

/// What is to be done after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this token; the server has one more to give.
    More(Vec<u8>),
    /// Send this token, the last; the keys are there, so a sealed message may go with it.
    Last(Vec<u8>),
    /// Nothing more to send: the login is complete.
    Done,
}

/// The client's half of one login, for one connection and one attempt.
///
/// Call [`step`](Self::step) with nothing for the first token and with each token of the server
/// after that; then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Handshake(Kind);

#[derive(Debug)]
enum Kind {
    /// Bare NTLM messages: under `Negotiate` the form that Windows itself uses when it sends a MIC
    /// ([MS-SPNG] note 8).
    Ntlm(Option<Box<Initiator>>, Option<Box<SecurityContext>>),
    /// Kerberos tokens under the scheme of that name.
    Kerberos(Box<KerberosInitiator>),
    Negotiate(Box<NegotiateInitiator>),
    #[cfg(feature = "credssp")]
    CredSsp(Box<CredSspInitiator>),
}

impl Handshake {
    /// The next token. May block while the realm is asked, see [`may_block`](Self::may_block).
    ///
    /// # Errors
    /// When the server's token is damaged, refuses, or offers less than is required here. Nothing
    /// more may be sent then.
    pub fn step(&mut self, incoming: &[u8]) -> Result<Step, AuthError> {
        match &mut self.0 {
            Kind::Ntlm(initiator, context) => {
                let unexpected = AuthError::Malformed { message: "NTLM", reason: "none was due" };
                if incoming.is_empty() {
                    return initiator.as_mut().map(|ntlm| Step::More(ntlm.negotiate())).ok_or(unexpected);
                }
                let (token, keys) = initiator.take().ok_or(unexpected)?.authenticate(incoming)?;
                *context = Some(Box::new(keys));
                Ok(Step::Last(token))
            }
            Kind::Kerberos(kerberos) => match kerberos.step(incoming)? {
                Some(token) => Ok(Step::More(token)),
                None => Ok(Step::Done),
            },
            Kind::Negotiate(negotiate) => negotiate.step(incoming),
            #[cfg(feature = "credssp")]
            Kind::CredSsp(credssp) => credssp.step(incoming),
        }
    }

    /// Whether the first step may wait for others than the server: a KDC.
    pub fn may_block(&self) -> bool {
        matches!(self.0, Kind::Kerberos(_) | Kind::Negotiate(_))
    }

    /// Whether the next step may be made although the server had no token to give.
    pub fn may_go_on_without_token(&self) -> bool {
        match &self.0 {
            #[cfg(feature = "credssp")]
            Kind::CredSsp(credssp) => credssp.may_go_on_without_token(),
            _ => false,
        }
    }

    /// Whether a sealed message may go with the last token, as far as is known: MS-WSMV 4.5 shows it for NTLM.
    pub fn message_may_ride(&self) -> bool {
        matches!(self.0, Kind::Ntlm(..))
    }

    /// Whether a password was given to the server to judge.
    pub fn tried_password(&self) -> bool {
        match &self.0 {
            Kind::Ntlm(_, context) => context.is_some(),
            Kind::Kerberos(_) => false,
            Kind::Negotiate(negotiate) => negotiate.tried_password(),
            #[cfg(feature = "credssp")]
            Kind::CredSsp(credssp) => credssp.tried_password(),
        }
    }

    /// Whether a ticket is what the server judges.
    pub fn shows_ticket(&self) -> bool {
        match &self.0 {
            Kind::Ntlm(..) => false,
            Kind::Kerberos(_) | Kind::Negotiate(_) => true,
            #[cfg(feature = "credssp")]
            Kind::CredSsp(credssp) => credssp.mechanism() == Some(Mechanism::Kerberos),
        }
    }

    /// What proves the account, once that is settled.
    pub fn mechanism(&self) -> Option<Mechanism> {
        match &self.0 {
            Kind::Ntlm(..) => Some(Mechanism::Ntlm),
            Kind::Kerberos(_) => Some(Mechanism::Kerberos),
            Kind::Negotiate(negotiate) => negotiate.mechanism(),
            #[cfg(feature = "credssp")]
            Kind::CredSsp(credssp) => credssp.mechanism(),
        }
    }

    /// The encryption type of a Kerberos session key by name, once the login is complete.
    pub fn encryption(&mut self) -> Option<&'static str> {
        match &mut self.0 {
            Kind::Ntlm(..) => None,
            Kind::Kerberos(kerberos) => kerberos.encryption(),
            Kind::Negotiate(negotiate) => negotiate.encryption(),
            #[cfg(feature = "credssp")]
            Kind::CredSsp(credssp) => credssp.encryption(),
        }
    }

    /// What was used, and the keys.
    ///
    /// # Errors
    /// [`AuthError::Incomplete`] when the server ended the login before its end: it did not prove
    /// who it is.
    pub fn finish(self) -> Result<(Mechanism, SecurityContext), AuthError> {
        match self.0 {
            Kind::Ntlm(_, context) => context.map(|context| (Mechanism::Ntlm, *context)),
            Kind::Kerberos(kerberos) => kerberos
                .into_keys()
                .map(|keys| (Mechanism::Kerberos, SecurityContext::kerberos(keys, Protocol::Kerberos))),
            Kind::Negotiate(negotiate) => negotiate.into_context(),
            #[cfg(feature = "credssp")]
            Kind::CredSsp(credssp) => credssp.into_context(),
        }
        .ok_or(AuthError::Incomplete)
    }
}

impl From<Initiator> for Handshake {
    fn from(ntlm: Initiator) -> Self {
        Self(Kind::Ntlm(Some(Box::new(ntlm)), None))
    }
}

impl From<KerberosInitiator> for Handshake {
    fn from(kerberos: KerberosInitiator) -> Self {
        Self(Kind::Kerberos(Box::new(kerberos)))
    }
}

impl From<NegotiateInitiator> for Handshake {
    fn from(negotiate: NegotiateInitiator) -> Self {
        Self(Kind::Negotiate(Box::new(negotiate)))
    }
}

#[cfg(feature = "credssp")]
impl From<CredSspInitiator> for Handshake {
    fn from(credssp: CredSspInitiator) -> Self {
        Self(Kind::CredSsp(Box::new(credssp)))
    }
}
