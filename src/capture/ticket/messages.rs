//! The messages of a Kerberos login that a service gets and sends, as far as their keys are concerned (RFC 4120 5).
use super::error::TicketError;
use super::etype::{EncryptionType, Key};
use crate::auth::der::{OCTETS, SEQUENCE, field, next, only};
use crate::capture::passive::KERBEROS;

/// Text that is sealed, not yet opened.
#[derive(Debug)]
pub(super) struct Sealed<'a> {
    pub(super) etype: u32,
    pub(super) version: Option<u32>,
    pub(super) cipher: &'a [u8],
}

/// AP-REQ: what the client shows.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// `HTTP/host@REALM`
    pub(super) service: String,
    pub(super) ticket: Sealed<'a>,
    pub(super) authenticator: Sealed<'a>,
}

impl<'a> Request<'a> {
    /// From the token of a login, bare or inside SPNEGO; none where it holds no AP-REQ.
    pub(super) fn find(token: &'a [u8]) -> Option<Result<Self, TicketError>> {
        let message = framed(token, AP_REQ)?;
        let reason = TicketError::Malformed { message: "request", reason: "it is not the DER of an AP-REQ" };
        Some(Self::parse(message).ok_or(reason))
    }

    fn parse(message: &'a [u8]) -> Option<Self> {
        let fields = sequence(first(message, APPLICATION + 14)?)?;
        let ticket = sequence(first(numbered(fields, 3)?, APPLICATION + 1)?)?;
        Some(Self {
            service: principal(numbered(ticket, 1)?, numbered(ticket, 2)?)?,
            ticket: Sealed::parse(numbered(ticket, 3)?)?,
            authenticator: Sealed::parse(numbered(fields, 4)?)?,
        })
    }
}

/// The sealed part of AP-REP, with which the service proves itself; none where a token holds none.
pub(super) fn reply(token: &[u8]) -> Option<Result<Sealed<'_>, TicketError>> {
    let message = framed(token, AP_REP)?;
    let parse = || Sealed::parse(numbered(sequence(first(message, APPLICATION + 15)?)?, 2)?);
    Some(parse().ok_or(TicketError::Malformed { message: "reply", reason: "it is not the DER of an AP-REP" }))
}

/// The session key in an opened ticket (EncTicketPart).
pub(super) fn ticket_key(opened: &[u8]) -> Option<Result<Key, TicketError>> {
    key(numbered(sequence(first(opened, APPLICATION + 3)?)?, 1)?)
}

/// The client's own key in an opened Authenticator; the outer none is for what is no Authenticator.
pub(super) fn authenticator_key(opened: &[u8]) -> Option<Option<Result<Key, TicketError>>> {
    optional_key(opened, APPLICATION + 2, 6)
}

/// The service's own key in an opened EncAPRepPart; the outer none is for what is no such thing.
pub(super) fn reply_key(opened: &[u8]) -> Option<Option<Result<Key, TicketError>>> {
    optional_key(opened, APPLICATION + 27, 2)
}

fn optional_key(opened: &[u8], tag: u8, number: u8) -> Option<Option<Result<Key, TicketError>>> {
    match numbered(sequence(first(opened, tag)?)?, number) {
        None => Some(None),
        Some(content) => key(content).map(Some),
    }
}

impl<'a> Sealed<'a> {
    fn parse(content: &'a [u8]) -> Option<Self> {
        let fields = sequence(content)?;
        Some(Self {
            etype: integer(numbered(fields, 0)?)?,
            version: numbered(fields, 1).map_or(Some(None), |version| integer(version).map(Some))?,
            cipher: only(numbered(fields, 2)?, OCTETS)?,
        })
    }
}

/// EncryptionKey.
fn key(content: &[u8]) -> Option<Result<Key, TicketError>> {
    let fields = sequence(content)?;
    let (number, bytes) = (integer(numbered(fields, 0)?)?, only(numbered(fields, 1)?, OCTETS)?);
    match EncryptionType::of(number) {
        Some(etype) => Key::new(etype, bytes).map(Ok),
        None => Some(Err(TicketError::UnknownType { message: "session", number })),
    }
}

/// `HTTP/host@REALM`
fn principal(realm: &[u8], name: &[u8]) -> Option<String> {
    let mut parts = sequence(numbered(sequence(name)?, 1)?)?;
    let mut names = Vec::new();
    while !parts.is_empty() {
        let (tag, content, rest) = next(parts)?;
        if tag != GENERAL_STRING {
            return None;
        }
        names.push(String::from_utf8_lossy(content));
        parts = rest;
    }
    let name = format!("{}@{}", names.join("/"), String::from_utf8_lossy(only(realm, GENERAL_STRING)?));
    // It stands in messages.
    Some(name.chars().take(LONGEST_NAME).collect())
}

/// What stands behind the frame of a GSS token of a kind (RFC 4121 4.1): mechanism, then two bytes for the kind. SPNEGO
/// may stand around it, and the DER inside says where it ends.
fn framed(token: &[u8], kind: [u8; 2]) -> Option<&[u8]> {
    KERBEROS.iter().find_map(|oid| {
        let mut places = memchr::memmem::find_iter(token, oid);
        places.find_map(|at| token.get(at..)?.strip_prefix(*oid)?.strip_prefix(&kind))
    })
}

/// The content of a value whose tag is known, whatever follows it.
fn first(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    next(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, _)| content)
}

fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    only(bytes, SEQUENCE)
}

/// The content of a numbered field; none where it is left out.
fn numbered(mut fields: &[u8], number: u8) -> Option<&[u8]> {
    while let Some((tag, content, rest)) = next(fields) {
        if tag == field(number) {
            return Some(content);
        }
        fields = rest;
    }
    None
}

/// A number that is not negative, of up to 32 bits.
fn integer(bytes: &[u8]) -> Option<u32> {
    let digits = only(bytes, INTEGER)?;
    let digits = digits.strip_prefix(&[0]).unwrap_or(digits);
    (digits.len() <= 4).then(|| digits.iter().fold(0, |value, digit| value << 8 | u32::from(*digit)))
}

/// A tag of an application, constructed.
const APPLICATION: u8 = 0x60;
const INTEGER: u8 = 0x02;
const GENERAL_STRING: u8 = 0x1b;
const AP_REQ: [u8; 2] = [1, 0];
const AP_REP: [u8; 2] = [2, 0];
const LONGEST_NAME: usize = 200;
