//! Kerberos opened with a service's own keys: from the tokens of a recorded login to what was sealed under it, without
//! any library or KDC. For packet captures of one's own hosts.
//!
//! The keytab opens the ticket in the client's request, the session key in the ticket opens the rest of the login, and
//! that holds the keys of both sides (RFC 4120 3.2, RFC 4121 2). Messages open in any order.
mod error;
mod etype;
mod keytab;
mod messages;
#[cfg(test)]
mod tests;
mod wrap;

use std::fmt;

pub use error::TicketError;
use etype::{EncryptionType, Key};
pub use keytab::Keytab;
use keytab::{Entry, listed};
use messages::{Request, Sealed};
use wrap::{Sealer, Token};

use crate::auth::seal::SealedParts;

/// The keys of a Kerberos login that was captured.
pub struct PassiveKerberos {
    service: String,
    /// From the ticket.
    session: Key,
    /// From the client's Authenticator.
    initiator: Option<Key>,
    /// From the service's reply.
    acceptor: Option<Key>,
}

impl PassiveKerberos {
    /// The keys in the client's first token: a bare one of Kerberos, or SPNEGO around it. None where the token holds no
    /// Kerberos request.
    ///
    /// # Errors
    /// [`TicketError`] where the keytab does not open the ticket, or the request is broken.
    pub fn request(keytab: &Keytab, token: &[u8]) -> Option<Result<Self, TicketError>> {
        Request::find(token).map(|request| Self::opened(keytab, &request?))
    }

    fn opened(keytab: &Keytab, request: &Request<'_>) -> Result<Self, TicketError> {
        let malformed = |message| TicketError::Malformed { message, reason: "what was sealed in it is something else" };
        let ticket = open_ticket(keytab, request)?;
        let session = messages::ticket_key(&ticket).ok_or(malformed("ticket"))??;
        let authenticator = opened_with(&session, 11, &request.authenticator, "authenticator")?;
        let initiator = messages::authenticator_key(&authenticator).ok_or(malformed("authenticator"))?.transpose()?;
        Ok(Self { service: request.service.clone(), session, initiator, acceptor: None })
    }

    /// Takes the key out of the service's reply. Whether the token held one.
    ///
    /// # Errors
    /// [`TicketError`] where the reply is broken, or of another login.
    pub fn reply(&mut self, token: &[u8]) -> Result<bool, TicketError> {
        let Some(sealed) = messages::reply(token) else { return Ok(false) };
        let opened = opened_with(&self.session, 12, &sealed?, "reply")?;
        let key = messages::reply_key(&opened);
        let reason = "what was sealed in it is something else";
        self.acceptor = key.ok_or(TicketError::Malformed { message: "reply", reason })?.transpose()?;
        Ok(true)
    }

    /// The service that the ticket is for: `HTTP/host@REALM`.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Opens a body that the client sent.
    ///
    /// # Errors
    /// [`TicketError`] where it is not sealed, is not well formed, or does not open.
    pub fn open_request(&self, content_type: &str, body: &[u8]) -> Result<Vec<u8>, TicketError> {
        self.open(Sealer::Initiator, content_type, body)
    }

    /// Opens a body that the service sent.
    ///
    /// # Errors
    /// As [`Self::open_request`].
    pub fn open_reply(&self, content_type: &str, body: &[u8]) -> Result<Vec<u8>, TicketError> {
        self.open(Sealer::Acceptor, content_type, body)
    }

    fn open(&self, from: Sealer, content_type: &str, body: &[u8]) -> Result<Vec<u8>, TicketError> {
        let parts = SealedParts::read(content_type, body)?;
        // Where one ends and the other begins depends on the rotation, so they are one token.
        let token = [parts.signature, parts.data].concat();
        match Token::read(&token) {
            Some(read) if read.is_of_the_acceptors_key() => {
                read.open(self.acceptor.as_ref().ok_or(TicketError::NoReply)?, from)
            }
            Some(read) => read.open(self.initiator.as_ref().unwrap_or(&self.session), from),
            // These tokens do not name their key.
            None => {
                let keys = [&self.initiator, &self.acceptor].into_iter().flatten().chain([&self.session]);
                let mut outcomes = keys.filter_map(Key::rc4).map(|key| wrap::open_rc4(&token, key, from));
                let first = outcomes.next().ok_or(TicketError::Token("it is not of RFC 4121"))?;
                first.or_else(|error| outcomes.find(Result::is_ok).unwrap_or(Err(error)))
            }
        }
    }
}

impl fmt::Debug for PassiveKerberos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassiveKerberos").field("service", &self.service).finish_non_exhaustive()
    }
}

/// Tries the keys of the ticket's type, the likeliest first: names of one service differ between ticket and keytab, as
/// Windows has one key for all names of a computer, and versions in a keytab made by hand are often wrong.
fn open_ticket(keytab: &Keytab, request: &Request<'_>) -> Result<zeroize::Zeroizing<Vec<u8>>, TicketError> {
    let (sealed, service) = (&request.ticket, request.service.clone());
    let etype = known(sealed, "ticket")?;
    let mut fitting: Vec<&Entry> = keytab.entries().iter().filter(|entry| entry.key.etype() == etype).collect();
    if fitting.is_empty() {
        return Err(TicketError::NoKeyOfType { service, etype: etype.name(), has: keytab.types() });
    }
    let is_named = |entry: &Entry| entry.principal.eq_ignore_ascii_case(&service);
    let has_version = |entry: &Entry| sealed.version.is_none_or(|version| entry.version == version);
    fitting.sort_by_key(|entry| (!is_named(entry), !has_version(entry)));
    if let Some(opened) = fitting.iter().find_map(|entry| entry.key.open(2, sealed.cipher)) {
        return Ok(opened);
    }
    let named: Vec<_> = fitting.iter().filter(|entry| is_named(entry)).collect();
    match sealed.version {
        Some(version) if !named.is_empty() && !named.iter().any(|entry| entry.version == version) => {
            let has = listed(named.iter().map(|entry| entry.version.to_string()));
            Err(TicketError::NoKeyOfVersion { service, version, has })
        }
        _ => {
            let has = listed(fitting.iter().map(|entry| format!("{} (version {})", entry.principal, entry.version)));
            Err(TicketError::WrongKey { service, has })
        }
    }
}

fn opened_with(
    key: &Key,
    usage: u32,
    sealed: &Sealed<'_>,
    message: &'static str,
) -> Result<zeroize::Zeroizing<Vec<u8>>, TicketError> {
    let same = known(sealed, message)? == key.etype();
    key.open(usage, sealed.cipher).filter(|_| same).ok_or(TicketError::Session { message })
}

fn known(sealed: &Sealed<'_>, message: &'static str) -> Result<EncryptionType, TicketError> {
    EncryptionType::of(sealed.etype).ok_or(TicketError::UnknownType { message, number: sealed.etype })
}
