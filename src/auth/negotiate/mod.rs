//! SPNEGO: one login, several mechanisms to choose from (RFC 4178, [MS-SPNG]).
//!
//! The client offers Kerberos with its first token, and NTLM behind it where it may. The list it
//! offered is covered by a code of the mechanism that was chosen, so nobody in between can take the
//! better one off it; where the choice was not the client's first, that code must come both ways.
mod token;

use std::fmt;

#[cfg(feature = "credssp")]
use super::context::Keys;
use super::context::{Protocol, SecurityContext};
use super::error::AuthError;
use super::handshake::{Handshake, Initiate, Mechanism, Step};
use super::kerberos::KerberosInitiator;
use super::ntlm::{Initiator, NtlmKeys};
use token::{Response, State};

/// The client's half of a login under SPNEGO.
pub struct NegotiateInitiator {
    kerberos: Option<KerberosInitiator>,
    ntlm: Option<Initiator>,
    ntlm_keys: Option<NtlmKeys>,
    offered: Vec<Mechanism>,
    list: Vec<u8>,
    chosen: Option<Mechanism>,
    begun: bool,
    mic_sent: bool,
    mic_checked: bool,
    complete: bool,
}

impl NegotiateInitiator {
    /// Begins a login that offers what is given, Kerberos first.
    pub fn new(kerberos: Option<KerberosInitiator>, ntlm: Option<Initiator>) -> Self {
        let offered = [kerberos.is_some().then_some(Mechanism::Kerberos), ntlm.is_some().then_some(Mechanism::Ntlm)];
        let offered: Vec<Mechanism> = offered.into_iter().flatten().collect();
        let list = token::mechanism_list(&offered);
        Self {
            kerberos,
            ntlm,
            ntlm_keys: None,
            offered,
            list,
            chosen: None,
            begun: false,
            mic_sent: false,
            mic_checked: false,
            complete: false,
        }
    }

    /// Makes the first token from an empty one, or answers the server's. May block as
    /// [`KerberosInitiator::step`] does.
    ///
    /// # Errors
    /// When the server rejects all mechanisms, chooses one that was not offered, leaves out or
    /// falsifies the code over the list, or the mechanism itself fails.
    pub fn step(&mut self, incoming: &[u8]) -> Result<Step, AuthError> {
        if !self.begun {
            self.begun = true;
            let first = match (&mut self.kerberos, &mut self.ntlm) {
                (Some(kerberos), _) => kerberos.step(&[])?.unwrap_or_default(),
                (None, Some(ntlm)) => ntlm.negotiate(),
                (None, None) => return Err(AuthError::NoMechanism),
            };
            return Ok(Step::More(token::init(&self.list, &first)));
        }
        let response = Response::read(incoming)?;
        let before = self.chosen;
        self.choose(&response)?;
        let answer = match (self.chosen, response.token.as_deref()) {
            (Some(Mechanism::Ntlm), Some(challenge)) => self.authenticate(challenge)?,
            // The server passed over the first token, which was one of Kerberos.
            (Some(Mechanism::Ntlm), None) if before.is_none() && self.ntlm_keys.is_none() => {
                self.ntlm.as_mut().map(Initiator::negotiate)
            }
            (Some(Mechanism::Kerberos), Some(token)) => match &mut self.kerberos {
                Some(kerberos) => kerberos.step(token)?,
                None => None,
            },
            _ => None,
        };
        if response.state == Some(State::Reject) {
            return Err(AuthError::Rejected);
        }
        let ready = self.mechanism_is_ready();
        if let Some(mic) = response.mic.filter(|_| ready) {
            self.check_mic(&mic)?;
        }
        if response.state == Some(State::Completed) {
            return self.end(answer);
        }
        let mic = if ready && !self.mic_sent && self.owes_mic(response.state) { Some(self.make_mic()?) } else { None };
        if answer.is_none() && mic.is_none() {
            return Err(AuthError::Malformed { message: "SPNEGO", reason: "it asks for more, and nothing is due" });
        }
        Ok(Step::More(token::response(answer.as_deref(), mic.as_deref())))
    }

    /// Whether the keys of the mechanism are there, be SPNEGO at its end or not.
    #[cfg(feature = "credssp")]
    pub(super) fn has_keys(&self) -> bool {
        self.mechanism_is_ready()
    }

    /// Seals what CredSSP sends beside the tokens: the signature first, then the data.
    #[cfg(feature = "credssp")]
    pub(super) fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.inner()?.seal(plain)
    }

    /// Opens what CredSSP brings beside the tokens.
    #[cfg(feature = "credssp")]
    pub(super) fn unseal(&mut self, sealed: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.inner()?.unseal(sealed)
    }

    /// The mechanism that was chosen, once it can make codes.
    fn inner(&mut self) -> Result<&mut dyn Inner, AuthError> {
        match (self.chosen, &mut self.kerberos, &mut self.ntlm_keys) {
            (Some(Mechanism::Kerberos), Some(kerberos), _) => Ok(kerberos),
            (Some(Mechanism::Ntlm), _, Some(keys)) => Ok(keys),
            _ => Err(AuthError::NoMechanism),
        }
    }

    fn choose(&mut self, response: &Response) -> Result<(), AuthError> {
        // What later tokens repeat is ignored ([MS-SPNG] 3.3.5).
        if self.chosen.is_some() {
            return Ok(());
        }
        match response.mechanism {
            Some(Some(mechanism)) if self.offered.contains(&mechanism) => self.chosen = Some(mechanism),
            Some(_) => return Err(AuthError::NotOffered),
            // inferred (not asked): a server that names none took the first.
            None if response.token.is_some() || response.state == Some(State::Completed) => {
                self.chosen = self.offered.first().copied();
            }
            None => {}
        }
        Ok(())
    }

    fn authenticate(&mut self, challenge: &[u8]) -> Result<Option<Vec<u8>>, AuthError> {
        let Some(initiator) = self.ntlm.take() else {
            return Err(AuthError::Malformed { message: "SPNEGO", reason: "it holds a second challenge" });
        };
        let (token, keys) = initiator.authenticate_to_keys(challenge)?;
        self.ntlm_keys = Some(keys);
        Ok(Some(token))
    }

    fn mechanism_is_ready(&self) -> bool {
        match self.chosen {
            Some(Mechanism::Kerberos) => self.kerberos.as_ref().is_some_and(KerberosInitiator::is_complete),
            Some(Mechanism::Ntlm) => self.ntlm_keys.is_some(),
            None => false,
        }
    }

    /// A code is due where the choice was not the first, and always with NTLM, whose own message
    /// carries one ([MS-SPNG] note 8).
    fn must_exchange_mics(&self) -> bool {
        self.chosen == Some(Mechanism::Ntlm) || self.chosen != self.offered.first().copied()
    }

    fn owes_mic(&self, state: Option<State>) -> bool {
        self.must_exchange_mics() || state == Some(State::RequestMic) || self.mic_checked
    }

    fn make_mic(&mut self) -> Result<Vec<u8>, AuthError> {
        self.mic_sent = true;
        let list = self.list.clone();
        self.inner()?.mic(&list)
    }

    fn check_mic(&mut self, mic: &[u8]) -> Result<(), AuthError> {
        let list = self.list.clone();
        self.inner()?.verify_mic(&list, mic)?;
        self.mic_checked = true;
        Ok(())
    }

    fn end(&mut self, answer: Option<Vec<u8>>) -> Result<Step, AuthError> {
        if answer.is_some() || !self.mechanism_is_ready() {
            return Err(AuthError::Malformed { message: "SPNEGO", reason: "it ends the login before its end" });
        }
        if self.must_exchange_mics() && !(self.mic_sent && self.mic_checked) {
            return Err(AuthError::Lacks { message: "SPNEGO", what: "the code over the list of mechanisms" });
        }
        self.complete = true;
        Ok(Step::Done)
    }
}

impl Initiate for NegotiateInitiator {
    fn step(&mut self, incoming: &[u8]) -> Result<Step, AuthError> {
        NegotiateInitiator::step(self, incoming)
    }

    fn may_block(&self) -> bool {
        true
    }

    fn tried_password(&self) -> bool {
        self.ntlm_keys.is_some()
    }

    fn shows_ticket(&self) -> bool {
        true
    }

    fn mechanism(&self) -> Option<Mechanism> {
        self.chosen
    }

    fn encryption(&mut self) -> Option<&'static str> {
        let kerberos = self.kerberos.as_mut().filter(|_| self.chosen == Some(Mechanism::Kerberos));
        kerberos.and_then(KerberosInitiator::encryption)
    }

    fn finish(self: Box<Self>) -> Option<(Mechanism, SecurityContext)> {
        let mechanism = self.chosen.filter(|_| self.complete)?;
        let context = match mechanism {
            Mechanism::Kerberos => SecurityContext::new(self.kerberos?.into_keys()?, Protocol::Spnego),
            Mechanism::Ntlm => SecurityContext::new(self.ntlm_keys?, Protocol::Spnego),
        };
        Some((mechanism, context))
    }
}

impl From<NegotiateInitiator> for Handshake {
    fn from(negotiate: NegotiateInitiator) -> Self {
        Handshake::of(negotiate)
    }
}

/// What a mechanism does beside its own tokens: codes for SPNEGO, and sealing for CredSSP, signature and data in one.
trait Inner {
    fn mic(&mut self, text: &[u8]) -> Result<Vec<u8>, AuthError>;

    fn verify_mic(&mut self, text: &[u8], mic: &[u8]) -> Result<(), AuthError>;

    #[cfg(feature = "credssp")]
    fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, AuthError>;

    #[cfg(feature = "credssp")]
    fn unseal(&mut self, sealed: &[u8]) -> Result<Vec<u8>, AuthError>;
}

impl Inner for KerberosInitiator {
    fn mic(&mut self, text: &[u8]) -> Result<Vec<u8>, AuthError> {
        Ok(KerberosInitiator::mic(self, text)?)
    }

    fn verify_mic(&mut self, text: &[u8], mic: &[u8]) -> Result<(), AuthError> {
        Ok(KerberosInitiator::verify_mic(self, text, mic)?)
    }

    #[cfg(feature = "credssp")]
    fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, AuthError> {
        Ok(KerberosInitiator::seal(self, plain)?)
    }

    #[cfg(feature = "credssp")]
    fn unseal(&mut self, sealed: &[u8]) -> Result<Vec<u8>, AuthError> {
        Ok(KerberosInitiator::unseal(self, sealed)?)
    }
}

impl Inner for NtlmKeys {
    fn mic(&mut self, text: &[u8]) -> Result<Vec<u8>, AuthError> {
        NtlmKeys::mic(self, text)
    }

    fn verify_mic(&mut self, text: &[u8], mic: &[u8]) -> Result<(), AuthError> {
        NtlmKeys::verify_mic(self, text, mic)
    }

    #[cfg(feature = "credssp")]
    fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, AuthError> {
        let sealed = Keys::seal(self, plain)?;
        Ok([sealed.signature, sealed.data].concat())
    }

    #[cfg(feature = "credssp")]
    fn unseal(&mut self, sealed: &[u8]) -> Result<Vec<u8>, AuthError> {
        let (signature, data) = sealed.split_at_checked(16).ok_or(AuthError::Signature)?;
        Keys::unseal(self, signature, data)
    }
}

impl fmt::Debug for NegotiateInitiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NegotiateInitiator")
            .field("offered", &self.offered)
            .field("chosen", &self.chosen)
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}
