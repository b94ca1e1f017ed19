//! CredSSP: a login inside TLS inside the headers of HTTP, which ends with the host having the user's
//! password ([MS-CSSP], [MS-WSMV] 2.2.9.1.3).
//!
//! In the order of 3.1.5: (1) TLS, whose certificate nobody vouches for yet; (2) SPNEGO with Kerberos or
//! NTLM inside it, which proves the user; (3, 4) each side seals, under the keys of that login, a hash of
//! the TLS connection's key that is bound to a nonce of this client, so that nobody in between can have
//! relayed either; (5) only then the password, sealed twice. The messages of the session are afterwards
//! sealed by the TLS connection, in records of at most 16 KiB.
//!
//! Versions before 5 know no nonce (CVE-2018-0886) and are refused. SPNEGO's own code over its list of
//! mechanisms may stay out here: the hash proves the same, that nobody sits in the TLS connection.
pub(super) mod error;
mod request;
mod tls;

use std::fmt;

pub use error::CredSspError;

use super::context::{Protocol, SecurityContext};
use super::credentials::Credentials;
use super::error::AuthError;
use super::handshake::{Handshake, Initiate, Mechanism, Step};
use super::negotiate::NegotiateInitiator;
use super::ntlm::keys::same;
use tls::InnerTls;

/// The client's half of a login.
pub struct CredSspInitiator {
    tls: InnerTls,
    negotiate: NegotiateInitiator,
    first: Vec<u8>,
    credentials: Credentials,
    nonce: [u8; 32],
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was sent.
    Begin,
    Handshake,
    /// The handshake is at its end on this side; under TLS 1.3 the host may have nothing to answer.
    Finished,
    Negotiate,
    /// The hash was sent.
    Prove,
    /// The password was sent.
    Delegated,
    /// Something was not as it must be.
    Failed,
}

impl CredSspInitiator {
    /// Begins a login that proves the user by `negotiate`, and then hands these credentials over. May
    /// block as [`NegotiateInitiator::step`] does: the first token is made here.
    ///
    /// # Errors
    /// When there is no first token, or no random bytes.
    pub fn new(mut negotiate: NegotiateInitiator, credentials: Credentials) -> Result<Self, AuthError> {
        let Step::More(first) = negotiate.step(&[])? else { return Err(AuthError::Incomplete) };
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(|_| AuthError::Random)?;
        Ok(Self { tls: InnerTls::new()?, negotiate, first, credentials, nonce, stage: Stage::Begin })
    }

    /// Makes the first token from an empty one, or answers the server's.
    ///
    /// # Errors
    /// When TLS or the login inside it fails, the host refuses or is too old, or does not vouch for the
    /// key of the connection. The password was not sent then.
    pub fn step(&mut self, incoming: &[u8]) -> Result<Step, AuthError> {
        let stepped = self.advance(incoming);
        if stepped.is_err() {
            self.stage = Stage::Failed;
        }
        stepped
    }

    /// Whether the server may have no token for the next step: it takes the last message of a TLS 1.3
    /// handshake without an answer.
    pub fn may_go_on_without_token(&self) -> bool {
        self.stage == Stage::Finished
    }

    fn advance(&mut self, incoming: &[u8]) -> Result<Step, AuthError> {
        match self.stage {
            Stage::Begin => {
                self.stage = Stage::Handshake;
                Ok(Step::More(self.tls.send(&[])?))
            }
            Stage::Handshake => self.shake(incoming),
            Stage::Finished => {
                if !self.tls.receive(incoming)?.is_empty() {
                    return Err(CredSspError::Message("it came before it was due").into());
                }
                self.greet()
            }
            Stage::Negotiate => {
                let answer = self.open(incoming)?;
                let token = answer.token.ok_or(CredSspError::Message("it holds no token"))?;
                match self.negotiate.step(&token)? {
                    Step::More(token) | Step::Last(token) if !self.negotiate.has_keys() => self.send(Some(token)),
                    Step::More(token) | Step::Last(token) => self.prove(Some(token)),
                    Step::Done => self.prove(None),
                }
            }
            Stage::Prove => self.delegate(incoming),
            Stage::Delegated | Stage::Failed => Err(CredSspError::Message("none was due").into()),
        }
    }

    fn shake(&mut self, incoming: &[u8]) -> Result<Step, AuthError> {
        if !self.tls.receive(incoming)?.is_empty() {
            return Err(CredSspError::Message("it came before it was due").into());
        }
        let records = self.tls.send(&[])?;
        match (self.tls.is_handshaking(), records.is_empty()) {
            (true, true) => Err(CredSspError::Tls { reason: "the handshake is cut short".to_owned(), hint: "" }.into()),
            (true, false) => Ok(Step::More(records)),
            // TLS 1.2 ends with a message of the server, TLS 1.3 with one of the client.
            (false, true) => self.greet(),
            (false, false) => {
                self.stage = Stage::Finished;
                Ok(Step::More(records))
            }
        }
    }

    fn greet(&mut self) -> Result<Step, AuthError> {
        self.stage = Stage::Negotiate;
        let token = std::mem::take(&mut self.first);
        self.send(Some(token))
    }

    fn send(&mut self, token: Option<Vec<u8>>) -> Result<Step, AuthError> {
        let request = request::write(token, None, None)?;
        Ok(Step::More(self.tls.send(&request)?))
    }

    fn open(&mut self, incoming: &[u8]) -> Result<request::Answer, AuthError> {
        let request = self.tls.receive(incoming)?;
        request::read(&request)
    }

    /// The last token inside, if there is one more, and what this side vouches for.
    fn prove(&mut self, token: Option<Vec<u8>>) -> Result<Step, AuthError> {
        self.stage = Stage::Prove;
        let hash = request::binding_hash(request::From::Client, &self.nonce, &self.tls.public_key()?);
        let sealed = self.negotiate.seal(&hash)?;
        let request = request::write(token, Some((sealed, self.nonce)), None)?;
        Ok(Step::More(self.tls.send(&request)?))
    }

    /// Checks what the host vouches for, then hands the password over.
    fn delegate(&mut self, incoming: &[u8]) -> Result<Step, AuthError> {
        let answer = self.open(incoming)?;
        // The end of SPNEGO: the host's own code over the list.
        if let Some(token) = answer.token
            && self.negotiate.step(&token)? != Step::Done
        {
            return Err(CredSspError::Message("it asks for more of SPNEGO").into());
        }
        let sealed = answer.public_key.ok_or(CredSspError::Message("it vouches for no key"))?;
        // Sealed by this side, or by another login: no signature of the host's.
        let found = self.negotiate.unseal(&sealed).map_err(|_| CredSspError::ForeignKey)?;
        let due = request::binding_hash(request::From::Server, &self.nonce, &self.tls.public_key()?);
        if !same(&found, &due) {
            return Err(CredSspError::ForeignKey.into());
        }
        let sealed = self.negotiate.seal(&request::password_credentials(&self.credentials))?;
        let request = request::write(None, None, Some(sealed))?;
        let records = self.tls.send(&request)?;
        self.stage = Stage::Delegated;
        Ok(Step::Last(records))
    }
}

impl Initiate for CredSspInitiator {
    fn step(&mut self, incoming: &[u8]) -> Result<Step, AuthError> {
        CredSspInitiator::step(self, incoming)
    }

    fn may_go_on_without_token(&self) -> bool {
        CredSspInitiator::may_go_on_without_token(self)
    }

    fn tried_password(&self) -> bool {
        self.negotiate.tried_password()
    }

    fn shows_ticket(&self) -> bool {
        self.mechanism() == Some(Mechanism::Kerberos)
    }

    fn mechanism(&self) -> Option<Mechanism> {
        self.negotiate.mechanism()
    }

    fn encryption(&mut self) -> Option<&'static str> {
        self.negotiate.encryption()
    }

    /// Once the password was handed over.
    fn finish(self: Box<Self>) -> Option<(Mechanism, SecurityContext)> {
        let mechanism = self.negotiate.mechanism().filter(|_| self.stage == Stage::Delegated)?;
        Some((mechanism, SecurityContext::new(self.tls, Protocol::CredSsp)))
    }
}

impl From<CredSspInitiator> for Handshake {
    fn from(credssp: CredSspInitiator) -> Self {
        Handshake::of(credssp)
    }
}

impl fmt::Debug for CredSspInitiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredSspInitiator")
            .field("stage", &self.stage)
            .field("user", &self.credentials.user)
            .finish_non_exhaustive()
    }
}
