//! Two exchanges for debugging: one that keeps what came, one that sends nothing.

use std::sync::{Mutex, PoisonError};

use crate::wsman::{Delivery, Exchange, ExchangeError, ExchangeErrorKind, Message, Reply};

/// Keeps the last reply, also a fault, so that its XML can be shown as it came.
pub struct Tap<E> {
    inner: E,
    keeps: bool,
    last: Mutex<Option<Vec<u8>>>,
}

impl<E> Tap<E> {
    /// Over an exchange; `keeps` says whether replies are wanted at all.
    pub fn new(inner: E, keeps: bool) -> Self {
        Tap { inner, keeps, last: Mutex::default() }
    }

    /// The last reply, once.
    pub fn take(&self) -> Option<String> {
        let bytes = self.last.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl<E: Exchange> Exchange for Tap<E> {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        let reply = self.inner.send(message).await?;
        if self.keeps {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply.bytes.clone());
        }
        Ok(reply)
    }

    fn address(&self) -> &str {
        self.inner.address()
    }
}

/// Knows where a message would go, and sends none.
pub struct Paper {
    address: String,
}

impl Paper {
    /// For messages to this URL.
    pub fn new(address: String) -> Self {
        Paper { address }
    }
}

impl Exchange for Paper {
    async fn send(&self, _: Message) -> Result<Reply, ExchangeError> {
        let text = "a dry run sends nothing";
        Err(ExchangeError::new(ExchangeErrorKind::Configuration, Delivery::NotSent, text))
    }

    fn address(&self) -> &str {
        &self.address
    }
}
