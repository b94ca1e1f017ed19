//! An exchange over which nothing can be changed.

use crate::wsman::invoke::reads_only;
use crate::wsman::{Delivery, Exchange, ExchangeError, ExchangeErrorKind, Message, Reply, Request, RequestBody};

/// Lets reads pass and refuses everything else, unsent: whatever is asked over it, the host stays as it is.
///
/// Goes by the envelope itself, not by what the sender says of it.
#[derive(Debug, Clone)]
pub struct ReadOnly<E>(E);

impl<E> ReadOnly<E> {
    /// Watches over an exchange.
    pub fn over(inner: E) -> Self {
        ReadOnly(inner)
    }
}

impl<E: Exchange> Exchange for ReadOnly<E> {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        let is_read = Request::read(message.bytes()).is_ok_and(|request| match request.body {
            RequestBody::Identify
            | RequestBody::Get
            | RequestBody::Enumerate { .. }
            | RequestBody::Pull { .. }
            | RequestBody::Release { .. } => true,
            RequestBody::Invoke { method } => reads_only(&method),
            _ => false,
        });
        match is_read {
            true => self.0.send(message).await,
            false => {
                let text = format!("not sent, as it may change the host: {}", message.action());
                Err(ExchangeError::new(ExchangeErrorKind::Other, Delivery::NotSent, text))
            }
        }
    }

    fn address(&self) -> &str {
        self.0.address()
    }
}
