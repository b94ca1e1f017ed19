//! Packet captures of WinRM over HTTP, opened and turned into recordings.
//!
//! Reads pcap and pcapng, puts TCP streams in order, takes HTTP messages out of them, and gives tokens and sealed
//! bodies to an [`Opener`], which holds the keys: [`PassiveNtlm`] from the account's password, [`PassiveKerberos`] from
//! the service's [`Keytab`]. What the opener cannot open stands in the recording without text.

mod connection;
mod http;
mod packet;
mod passive;
mod pcap;
mod stream;
pub mod ticket;

use std::collections::HashMap;
use std::io::{BufReader, Read};
use std::net::SocketAddr;
use std::ops::AddAssign;

use crate::trace::{Entry, TraceError};
use connection::Connection;
pub use passive::{PassiveNtlm, TokenKind};
use pcap::Packets;
pub use ticket::{Keytab, PassiveKerberos, TicketError};

/// Opens the sealed bodies of one connection. Made by whoever holds the keys; one for each TCP connection.
pub trait Opener {
    /// A token of the login, in the order of the wire.
    ///
    /// # Errors
    /// Why bodies of this login cannot be opened, for people.
    fn token(&mut self, from: Sender, scheme: &str, token: &[u8]) -> Result<(), String>;

    /// Opens a body, in the order of the wire.
    ///
    /// # Errors
    /// Why it cannot be opened, for people.
    fn open(&mut self, from: Sender, content_type: &str, body: &[u8]) -> Result<Vec<u8>, String>;
}

/// Who sent something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The side that opened the connection.
    Client,
    /// The host.
    Server,
}

/// What a capture held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// Packets in it.
    pub packets: u64,
    /// TCP connections that carried HTTP.
    pub connections: u64,
    /// HTTP requests.
    pub requests: u64,
    /// Sealed bodies that were opened.
    pub opened: u64,
    /// Sealed bodies that were not.
    pub unopened: u64,
    /// What stood in the way, each once.
    pub notes: Vec<String>,
}

impl Found {
    fn note(&mut self, text: String) {
        if self.notes.len() < MOST_NOTES && !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }
}

impl AddAssign for Found {
    fn add_assign(&mut self, other: Found) {
        self.packets += other.packets;
        self.connections += other.connections;
        self.requests += other.requests;
        self.opened += other.opened;
        self.unopened += other.unopened;
        other.notes.into_iter().for_each(|note| self.note(note));
    }
}

/// Reads a capture and gives out its HTTP requests as entries, as each is answered.
///
/// # Errors
/// [`TraceError`] where it is no capture, is damaged, or holds more unfinished messages than are kept in memory.
pub fn read_capture<O: Opener>(
    from: impl Read,
    opener: impl Fn() -> O,
    mut each: impl FnMut(Entry),
) -> Result<Found, TraceError> {
    let mut packets = Packets::open(BufReader::new(from))?;
    let mut found = Found::default();
    let mut open: HashMap<(SocketAddr, SocketAddr), Connection<O>> = HashMap::new();
    let (mut held, mut number) = (0_usize, 0_u64);
    while let Some(packet) = packets.next()? {
        found.packets += 1;
        if !packet::is_known(packet.link) {
            found.note(format!("link type {} is not known; its packets are left out", packet.link));
            continue;
        }
        let Some(segment) = packet::segment(packet.link, &packet.data) else { continue };
        if packet.cut && !segment.payload.is_empty() {
            found.note("packets were captured in part only; capture whole packets (snap length 0)".to_owned());
        }
        let key = match segment.from < segment.to {
            true => (segment.from, segment.to),
            false => (segment.to, segment.from),
        };
        // The same ports once more are another connection.
        if segment.syn
            && !segment.ack
            && open.get(&key).is_some_and(|known| !known.begins_with(&segment))
            && let Some(mut old) = open.remove(&key)
        {
            held = held.saturating_sub(old.held());
            found += old.end(packet.time, &mut each);
        }
        if open.len() >= MOST_CONNECTIONS && !open.contains_key(&key) {
            found.note(format!("more than {MOST_CONNECTIONS} connections are open at once; further ones are left out"));
            continue;
        }
        let connection = open.entry(key).or_insert_with(|| {
            number += 1;
            Connection::new(number, opener())
        });
        let before = connection.held();
        found += connection.take(&segment, packet.time, &mut each);
        held = held.saturating_sub(before).saturating_add(connection.held());
        if held > MOST_HELD {
            return Err(TraceError::TooLarge { limit: MOST_HELD >> 20 });
        }
        if connection.is_over() {
            held = held.saturating_sub(connection.held());
            if let Some(mut old) = open.remove(&key) {
                found += old.end(packet.time, &mut each);
            }
        }
    }
    let mut rest: Vec<_> = open.into_values().collect();
    rest.sort_by_key(Connection::number);
    for mut connection in rest {
        found += connection.end(std::time::Duration::ZERO, &mut each);
    }
    Ok(found)
}

const MOST_CONNECTIONS: usize = 4096;
const MOST_HELD: usize = 128 << 20;
const MOST_NOTES: usize = 20;
