//! One login as a client sees it, whatever the mechanism: tokens in, tokens out, keys at the end.
use std::fmt;

use super::context::SecurityContext;
use super::error::AuthError;

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
pub struct Handshake(Box<dyn Initiate>);

/// The client's half of one mechanism, which says of itself what [`Handshake`] is asked. Each stands in a file of its own,
/// and no other file knows which there are.
pub(super) trait Initiate: fmt::Debug + Send {
    /// As [`Handshake::step`].
    fn step(&mut self, incoming: &[u8]) -> Result<Step, AuthError>;

    /// As [`Handshake::may_block`].
    fn may_block(&self) -> bool {
        false
    }

    /// As [`Handshake::may_go_on_without_token`].
    fn may_go_on_without_token(&self) -> bool {
        false
    }

    /// As [`Handshake::message_may_ride`].
    fn message_may_ride(&self) -> bool {
        false
    }

    /// As [`Handshake::tried_password`].
    fn tried_password(&self) -> bool {
        false
    }

    /// As [`Handshake::shows_ticket`].
    fn shows_ticket(&self) -> bool {
        false
    }

    /// As [`Handshake::mechanism`].
    fn mechanism(&self) -> Option<Mechanism>;

    /// As [`Handshake::encryption`].
    fn encryption(&mut self) -> Option<&'static str> {
        None
    }

    /// As [`Handshake::finish`]; none before the end.
    fn finish(self: Box<Self>) -> Option<(Mechanism, SecurityContext)>;
}

impl Handshake {
    pub(super) fn of(initiator: impl Initiate + 'static) -> Self {
        Self(Box::new(initiator))
    }

    /// The next token. May block while the realm is asked, see [`may_block`](Self::may_block).
    ///
    /// # Errors
    /// When the server's token is damaged, refuses, or offers less than is required here. Nothing
    /// more may be sent then.
    pub fn step(&mut self, incoming: &[u8]) -> Result<Step, AuthError> {
        self.0.step(incoming)
    }

    /// Whether the first step may wait for others than the server: a KDC.
    pub fn may_block(&self) -> bool {
        self.0.may_block()
    }

    /// Whether the next step may be made although the server had no token to give.
    pub fn may_go_on_without_token(&self) -> bool {
        self.0.may_go_on_without_token()
    }

    /// Whether a sealed message may go with the last token, as far as is known: MS-WSMV 4.5 shows it for NTLM.
    pub fn message_may_ride(&self) -> bool {
        self.0.message_may_ride()
    }

    /// Whether a password was given to the server to judge.
    pub fn tried_password(&self) -> bool {
        self.0.tried_password()
    }

    /// Whether a ticket is what the server judges.
    pub fn shows_ticket(&self) -> bool {
        self.0.shows_ticket()
    }

    /// What proves the account, once that is settled.
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.0.mechanism()
    }

    /// The encryption type of a Kerberos session key by name, once the login is complete.
    pub fn encryption(&mut self) -> Option<&'static str> {
        self.0.encryption()
    }

    /// What was used, and the keys.
    ///
    /// # Errors
    /// [`AuthError::Incomplete`] when the server ended the login before its end: it did not prove
    /// who it is.
    pub fn finish(self) -> Result<(Mechanism, SecurityContext), AuthError> {
        self.0.finish().ok_or(AuthError::Incomplete)
    }
}
