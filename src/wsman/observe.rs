//! The seam for traces: how a message travelled, told by whoever carried it.
//!
//! A carrier reports what it did and decides nothing by it. Whoever wants a recording implements [`Observer`]; the
//! carrier knows no file and no format.

use std::time::{Duration, SystemTime};

use super::exchange::{ExchangeError, Message, Reply};

/// Is told of every message that a carrier sends.
///
/// Called on the way of the message, so it must be quick and must not fail: what it cannot keep it forgets.
pub trait Observer: Send + Sync {
    /// A message is about to be sent. If nothing follows, the program ended or gave up in the middle of it.
    fn sending(&self, message: &Message);

    /// A message came to its end. `legs` are the HTTP requests that were made for it, logins included, in order.
    fn exchanged(&self, message: &Message, legs: Vec<Leg>, outcome: Result<&Reply, &ExchangeError>);
}

/// One HTTP request and what came of it. Bodies are not here: the message and its reply are known in clear.
#[derive(Debug, Clone)]
pub struct Leg {
    /// When it began.
    pub started: SystemTime,
    /// The URL posted to.
    pub url: String,
    /// Number of the TCP connection within the session, from 1; 0 where none came to stand.
    pub connection: u64,
    /// Address of the peer, where it is known.
    pub peer: Option<String>,
    /// Whether the message went with it; a login has an empty body.
    pub carries: bool,
    /// Request headers, as far as the carrier wrote them. Credentials are not among them: of `Authorization` only
    /// the scheme and the size of the token are told.
    pub request_headers: Vec<(String, String)>,
    /// Bytes of the request's body as sent, after sealing.
    pub sent: usize,
    /// HTTP status; none where no answer came.
    pub status: Option<u16>,
    /// Response headers as they came.
    pub response_headers: Vec<(String, String)>,
    /// Bytes of the response's body as received, before unsealing.
    pub received: usize,
    /// Where the time went.
    pub timings: Timings,
}

/// Where the time of one HTTP request went. The first three are there only for the request that opened a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// From the name to an address.
    pub resolve: Option<Duration>,
    /// From the address to a TCP connection.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the open connection to the first byte of the answer.
    pub wait: Duration,
    /// From the first byte of the answer to its last.
    pub read: Duration,
}
