//! The legs of a connection one by one, for a report on what works and what does not. Nothing here logs in.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use super::connect::Settings;
use super::endpoint::Endpoint;
use super::failure::timed_out;
use crate::wsman::{Delivery, ExchangeError, ExchangeErrorKind, Waited};

/// What a listener says to an empty request without a login.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Greeting {
    /// HTTP status; 401 from a listener that asks for a login.
    pub status: u16,
    /// The schemes offered, by name.
    pub schemes: Vec<String>,
    /// The `Server` header.
    pub server: Option<String>,
    /// By how many seconds the host's clock is ahead, by its `Date` header.
    pub clock_skew: Option<i64>,
}

/// One address of a host.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Address {
    /// Address and port.
    pub address: SocketAddr,
    /// How long a TCP connection took, or why there is none.
    pub connected: Result<Duration, String>,
}

/// Resolves the name of a host and connects to each of its addresses, without saying anything.
///
/// # Errors
/// Kind `Resolve` when the name has no address.
pub async fn addresses(endpoint: &Endpoint, patience: Duration) -> Result<Vec<Address>, ExchangeError> {
    let unresolved = |reason: String| {
        let text = format!("the name of {} cannot be resolved: {reason}", endpoint.authority());
        ExchangeError::new(ExchangeErrorKind::Resolve, Delivery::NotSent, text)
    };
    let resolved = timeout(patience, lookup_host((endpoint.host(), endpoint.port()))).await;
    let resolved = resolved.map_err(|_| unresolved(format!("no answer within {}", Waited(patience))))?;
    let mut found: Vec<SocketAddr> = resolved.map_err(|error| unresolved(error.to_string()))?.collect();
    found.dedup();
    if found.is_empty() {
        return Err(unresolved("it has no address".to_owned()));
    }
    let mut addresses = Vec::with_capacity(found.len());
    for address in found {
        let begun = Instant::now();
        let connected = match timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(_)) => Ok(begun.elapsed()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {}", Waited(patience))),
        };
        addresses.push(Address { address, connected });
    }
    Ok(addresses)
}

/// Sends an empty request without a login, over a connection of its own.
pub(super) async fn greeting(settings: &Settings, patience: Duration) -> Result<Greeting, ExchangeError> {
    let channel = settings.open().map_err(|broken| broken.into_error(Delivery::NotSent))?;
    let answer = timeout(patience, channel.send_empty(None)).await;
    let answer = answer.map_err(|_| timed_out(patience, settings.endpoint.authority(), Delivery::NotSent))?;
    let answer = answer.map_err(|broken| broken.into_error(Delivery::NotSent))?;
    Ok(Greeting {
        status: answer.status,
        schemes: answer.offers.into_iter().map(|offer| offer.scheme).collect(),
        server: settings.counters.server(),
        clock_skew: settings.counters.clock_skew(),
    })
}
