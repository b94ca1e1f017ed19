//! The simulated host in process: an [`Exchange`] without a socket, in real or in virtual time.

use std::sync::Arc;

use crate::wsman::{Delivery, Exchange, ExchangeError, ExchangeErrorKind, Message, Reply};

use super::faults::Cut;
use super::host::{End, Simulator};
use super::world::full_name;

/// Hands messages straight to a [`Simulator`]. What a socket would do (cuts, hangs, lost logins) comes back as the
/// error that the network would give, with the delivery that a client could know.
#[derive(Debug, Clone)]
pub struct InProcess {
    simulator: Arc<Simulator>,
    address: String,
}

impl InProcess {
    /// An exchange with this host.
    pub fn new(simulator: Arc<Simulator>) -> Self {
        let address = format!("http://{}:5985/wsman", full_name(&simulator.scenario().computer));
        InProcess { simulator, address }
    }

    /// The host.
    pub fn simulator(&self) -> &Arc<Simulator> {
        &self.simulator
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
            End::Reply { status, body } if body.is_empty() && status != 200 => Err(ExchangeError::new(
                ExchangeErrorKind::HttpStatus(status),
                Delivery::Unknown,
                format!("the simulated host answered with HTTP status {status}"),
            )),
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
