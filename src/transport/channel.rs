//! What may be sent over which connection, by type.
//!
//! [`PlainHttp`] takes sealed messages and empty bodies; only [`Tls`] has a function that takes an
//! envelope. So nothing of a message can cross plain HTTP unsealed, and no login can be talked down.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::HeaderValue;
use zeroize::Zeroizing;

use super::failure::Broken;
use super::observe::Legs;
use super::wire::{Answer, Dial, Wire};
use crate::auth::{Credentials, Scheme, SealedMessage, basic_authorization};
use crate::wsman::{Delivery, ExchangeErrorKind};

/// A connection without protection of its own.
pub(super) struct PlainHttp(Wire);

/// A connection inside TLS.
pub(super) struct Tls(Wire);

/// Either, while a login is under way: it takes empty bodies only.
pub(super) enum Channel {
    Plain(PlainHttp),
    Tls(Tls),
}

/// The value of one `Authorization` header.
#[derive(Clone)]
pub(super) struct Authorization(HeaderValue);

/// How far a message got, for the moment its time runs out; and what was sent for it, for an observer.
#[derive(Default)]
pub(super) struct Progress {
    carrier: Mutex<Option<Arc<Dial>>>,
    pub(super) legs: Legs,
}

impl PlainHttp {
    /// Sends a message that only the other end of the login can read.
    pub(super) async fn send_sealed(
        &self,
        authorization: Option<Authorization>,
        message: SealedMessage,
        progress: &Progress,
    ) -> Result<Answer, Broken> {
        progress.carry(self.0.dial());
        self.0.post(authorization.map(|value| value.0), Some(&message.content_type), message.body).await
    }
}

impl Tls {
    /// Sends an envelope as it is.
    pub(super) async fn send_envelope(
        &self,
        authorization: Option<Authorization>,
        envelope: &[u8],
        progress: &Progress,
    ) -> Result<Answer, Broken> {
        progress.carry(self.0.dial());
        self.0.post(authorization.map(|value| value.0), Some(SOAP), envelope.to_vec()).await
    }
}

impl Tls {
    /// The server certificate, in DER.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        self.0.certificate()
    }
}

impl Channel {
    pub(super) fn new(wire: Wire) -> Self {
        if wire.is_tls() { Self::Tls(Tls(wire)) } else { Self::Plain(PlainHttp(wire)) }
    }

    /// Sends a token, or nothing at all to learn what is offered; no body either way.
    pub(super) async fn send_empty(&self, authorization: Option<Authorization>) -> Result<Answer, Broken> {
        self.wire().post(authorization.map(|value| value.0), None, Vec::new()).await
    }

    /// The server certificate, once there is one.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        self.wire().certificate()
    }

    fn wire(&self) -> &Wire {
        match self {
            Self::Plain(PlainHttp(wire)) | Self::Tls(Tls(wire)) => wire,
        }
    }
}

impl Authorization {
    /// A scheme and its token.
    pub(super) fn token(scheme: Scheme, token: &[u8]) -> Result<Self, Broken> {
        Self::secret(&format!("{scheme} {}", STANDARD.encode(token)))
    }

    /// `Basic`; can only be used by what is inside TLS, see [`super::login`].
    pub(super) fn basic(credentials: &Credentials) -> Result<Self, Broken> {
        Self::secret(&Zeroizing::new(basic_authorization(credentials).expose().to_owned()))
    }

    /// That the certificate of the TLS handshake is who logs in (MS-WSMV 3.1.4.1.29.2). No secret.
    pub(super) fn certificate() -> Self {
        Self(HeaderValue::from_static(MUTUAL))
    }

    fn secret(text: &str) -> Result<Self, Broken> {
        let mut value = HeaderValue::from_str(text)
            .map_err(|_| Broken::new(ExchangeErrorKind::Other, "the login token does not fit into a header"))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl Progress {
    /// What is known if nothing more comes.
    pub(super) fn delivery(&self) -> Delivery {
        let carrier = self.carrier.lock().unwrap_or_else(PoisonError::into_inner);
        match &*carrier {
            Some(dial) if dial.is_open() => Delivery::Unknown,
            _ => Delivery::NotSent,
        }
    }

    fn carry(&self, dial: &Arc<Dial>) {
        *self.carrier.lock().unwrap_or_else(PoisonError::into_inner) = Some(dial.clone());
    }
}

const MUTUAL: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual";
const SOAP: &str = "application/soap+xml;charset=UTF-8";
