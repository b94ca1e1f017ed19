//! The simulated host in process: an [`Exchange`] without a socket, in real or in virtual time.

use std::sync::Arc;

use crate::wsman::{Delivery, Exchange, ExchangeError, ExchangeErrorKind, Message, Reply};

use super::faults::{Cut, Swapped};
use super::host::{End, Simulator};
use super::world::full_name;

/// Hands messages straight to a [`Simulator`]. What a socket would do (cuts, hangs, lost logins) comes back as the
/// error that the network would give, with the delivery that a client could know.
#[derive(Debug, Clone)]
pub struct InProcess {
    simulator: Arc<Simulator>,
    address: String,
    tls: bool,
}

impl InProcess {
    /// An exchange with this host, as over HTTP: every message is sealed, and a page of somebody on the path is not.
    pub fn new(simulator: Arc<Simulator>) -> Self {
        let address = format!("http://{}:5985/wsman", full_name(&simulator.scenario().computer));
        InProcess { simulator, address, tls: false }
    }

    /// An exchange with this host, as over HTTPS: a SOAP page of whoever ends the TLS is a reply like the host's own.
    pub fn over_tls(simulator: Arc<Simulator>) -> Self {
        let address = format!("https://{}:5986/wsman", full_name(&simulator.scenario().computer));
        InProcess { simulator, address, tls: true }
    }

    /// The host.
    pub fn simulator(&self) -> &Arc<Simulator> {
        &self.simulator
    }
}

impl InProcess {
    /// What the network makes of an answer that is not the host's.
    fn swapped(&self, swapped: Swapped) -> Result<Reply, ExchangeError> {
        let Swapped { status, content_type, body } = swapped;
        let is_soap = content_type.is_some_and(|kind| kind.starts_with("application/soap+xml"));
        if self.tls && (status < 300 || (is_soap && status >= 400)) {
            return Ok(Reply { status, content_type: content_type.map(str::to_owned), bytes: body });
        }
        if is_soap || status < 300 {
            let text = format!("an unsealed reply (simulated, status {status}) to a sealed request");
            return Err(ExchangeError::new(ExchangeErrorKind::Protection, Delivery::Unknown, text));
        }
        Err(ExchangeError::new(
            ExchangeErrorKind::HttpStatus(status),
            Delivery::Unknown,
            format!("HTTP status {status} (simulated) and no WS-Management message"),
        ))
    }
}

impl Exchange for InProcess {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        let lost = || {
            let text = "the simulated connection was cut";
            Err(ExchangeError::new(ExchangeErrorKind::ConnectionLost, Delivery::Unknown, text))
        };
        let clock = self.simulator.clock().clone();
        let late = || {
            let text = format!("no reply within {} s (simulated)", message.timeout().as_secs());
            Err(ExchangeError::new(ExchangeErrorKind::Timeout, Delivery::Unknown, text))
        };
        if self.simulator.cuts_before_body() {
            return lost();
        }
        let handled = self.simulator.handle(message.bytes());
        clock.sleep(handled.delay.min(message.timeout())).await;
        if handled.delay >= message.timeout() {
            return late();
        }
        match handled.end {
            End::Swapped(swapped) => self.swapped(swapped),
            End::Reply { status, body } => Ok(Reply { status, content_type: None, bytes: body }),
            // A cut behind the end of the reply is none.
            End::Cut { at: Cut::Reply(bytes), status, body }
                if usize::try_from(bytes).is_ok_and(|n| n > body.len()) =>
            {
                Ok(Reply { status, content_type: None, bytes: body })
            }
            End::Cut { .. } => lost(),
            End::Hang => {
                clock.sleep(message.timeout()).await;
                late()
            }
            End::LoginDropped if message.may_repeat() => {
                // The network would log in again and repeat it.
                match self.simulator.handle(message.bytes()).end {
                    End::Reply { status, body } => Ok(Reply { status, content_type: None, bytes: body }),
                    _ => lost(),
                }
            }
            End::LoginDropped => {
                let text = "the simulated host wants a new login";
                Err(ExchangeError::new(ExchangeErrorKind::SessionExpired, Delivery::Unknown, text))
            }
        }
    }

    fn address(&self) -> &str {
        &self.address
    }
}
