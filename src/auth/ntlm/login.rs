//! A login of bare NTLM messages: under `Negotiate` the form that Windows itself uses when it sends a MIC ([MS-SPNG]
//! note 8).
use super::super::context::SecurityContext;
use super::super::error::AuthError;
use super::super::handshake::{Handshake, Initiate, Mechanism, Step};
use super::initiate::Initiator;

#[derive(Debug)]
enum Login {
    /// The server's challenge is due.
    Begun(Box<Initiator>),
    /// The password's proof was made; the server judges it.
    Proven(Box<SecurityContext>),
    /// The challenge was not what it must be.
    Failed,
}

impl Initiate for Login {
    fn step(&mut self, incoming: &[u8]) -> Result<Step, AuthError> {
        match std::mem::replace(self, Self::Failed) {
            Self::Begun(mut ntlm) if incoming.is_empty() => {
                let token = ntlm.negotiate();
                *self = Self::Begun(ntlm);
                Ok(Step::More(token))
            }
            Self::Begun(ntlm) => {
                let (token, context) = ntlm.authenticate(incoming)?;
                *self = Self::Proven(Box::new(context));
                Ok(Step::Last(token))
            }
            ended => {
                *self = ended;
                Err(AuthError::Malformed { message: "NTLM", reason: "none was due" })
            }
        }
    }

    fn message_may_ride(&self) -> bool {
        true
    }

    fn tried_password(&self) -> bool {
        matches!(self, Self::Proven(_))
    }

    fn mechanism(&self) -> Option<Mechanism> {
        Some(Mechanism::Ntlm)
    }

    fn finish(self: Box<Self>) -> Option<(Mechanism, SecurityContext)> {
        match *self {
            Self::Proven(context) => Some((Mechanism::Ntlm, *context)),
            Self::Begun(_) | Self::Failed => None,
        }
    }
}

impl From<Initiator> for Handshake {
    fn from(ntlm: Initiator) -> Self {
        Handshake::of(Login::Begun(Box::new(ntlm)))
    }
}
