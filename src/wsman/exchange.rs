//! The seam between workflows and the world: message bytes out, reply bytes in.
//!
//! The network, the simulator in process and a replayed recording are equal ways to implement
//! [`Exchange`]; nothing above it can tell them apart.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::operation::Repeatable;

/// Carries one request and brings its reply.
///
/// An implementation sends the bytes at most once unless [`Message::may_repeat`] is true, and says
/// in every error what is known of the [`Delivery`]. There is one over the network (`transport::Session`), and one to a
/// simulated host in process (`simulator::InProcess`); a wrapper that looks at what passes is a few lines:
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// use hyperv_replica::wsman::{Exchange, ExchangeError, Message, Reply};
///
/// struct Counted<E> {
///     inner: E,
///     bytes: AtomicUsize,
/// }
///
/// impl<E: Exchange> Exchange for Counted<E> {
///     async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
///         self.bytes.fetch_add(message.bytes().len(), Ordering::Relaxed);
///         self.inner.send(message).await
///     }
///
///     fn address(&self) -> &str {
///         self.inner.address()
///     }
/// }
/// ```
pub trait Exchange: Send + Sync {
    /// Sends one message and waits for its reply, at most [`Message::timeout`].
    ///
    /// # Errors
    /// [`ExchangeError`] when no reply came; a SOAP fault is a [`Reply`], not an error here.
    fn send(&self, message: Message) -> impl Future<Output = Result<Reply, ExchangeError>> + Send;

    /// The URL that the `To` header names, as dialled.
    fn address(&self) -> &str;
}

impl<E: Exchange> Exchange for &E {
    fn send(&self, message: Message) -> impl Future<Output = Result<Reply, ExchangeError>> + Send {
        (**self).send(message)
    }

    fn address(&self) -> &str {
        (**self).address()
    }
}

impl<E: Exchange> Exchange for std::sync::Arc<E> {
    fn send(&self, message: Message) -> impl Future<Output = Result<Reply, ExchangeError>> + Send {
        (**self).send(message)
    }

    fn address(&self) -> &str {
        (**self).address()
    }
}

/// One request, ready for the wire.
#[derive(Debug, Clone)]
pub struct Message {
    action: String,
    message_id: String,
    bytes: Vec<u8>,
    timeout: Duration,
    may_repeat: bool,
}

impl Message {
    /// A message that must reach the host at most once: every Invoke, and whatever is not known to be
    /// harmless.
    pub fn once(action: impl Into<String>, message_id: impl Into<String>, bytes: Vec<u8>, timeout: Duration) -> Self {
        Message { action: action.into(), message_id: message_id.into(), bytes, timeout, may_repeat: false }
    }

    /// A message that may be sent again when its first delivery failed; the operation proves it by type.
    pub fn repeatable<O: Repeatable>(
        operation: &O,
        message_id: impl Into<String>,
        bytes: Vec<u8>,
        timeout: Duration,
    ) -> Self {
        Message { action: operation.action(), message_id: message_id.into(), bytes, timeout, may_repeat: true }
    }

    /// The WS-Addressing action; empty for Identify, which has none.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The MessageID of the request, `uuid:…`; empty for Identify.
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// The envelope in UTF-8.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The envelope, handed over.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How long to wait for the reply: above OperationTimeout, never above the caller's deadline.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The same message with less time, for who has used up some of it before it is sent.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Message {
        Message { timeout: self.timeout.min(timeout), ..self }
    }

    /// Whether sending it twice does no harm, so that it may ride on a login token and be repeated on a
    /// new connection.
    pub fn may_repeat(&self) -> bool {
        self.may_repeat
    }
}

/// What came back: an HTTP status and the opened (unsealed) body.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status; 200 where there is no HTTP.
    pub status: u16,
    /// The media type as the peer named it, where there was one.
    pub content_type: Option<String>,
    /// The body after unsealing: SOAP, or whatever else the peer sent.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// A reply with status 200.
    pub fn ok(bytes: Vec<u8>) -> Self {
        Reply { status: 200, content_type: None, bytes }
    }
}

/// May the host have received the request? Decides what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// No byte of the message reached the host in a form it could act on.
    NotSent,
    /// It may have been received and acted on; nothing proves either.
    Unknown,
    /// The host answered this very message, and its answer says that it did not act on it. Only a message of
    /// WS-Management says so, and only one that came sealed or inside TLS: never a bare HTTP status, which anything on
    /// the way may give after it has passed the message on.
    Answered,
}

impl Delivery {
    /// Every one.
    pub const ALL: [Delivery; 3] = [Delivery::NotSent, Delivery::Unknown, Delivery::Answered];

    /// A short name, the same in every output and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Delivery::NotSent => "not-sent",
            Delivery::Unknown => "unknown",
            Delivery::Answered => "answered",
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Delivery::NotSent => "not sent",
            Delivery::Unknown => "may have been received",
            Delivery::Answered => "refused by the host",
        })
    }
}

/// Why an exchange brought no reply.
#[derive(Debug)]
pub struct ExchangeError {
    delivery: Delivery,
    kind: ExchangeErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of failure, for decisions; the text of the error is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeErrorKind {
    /// The name of the host could not be resolved.
    Resolve,
    /// No TCP connection: refused, unreachable, or no answer in time.
    Connect,
    /// The TLS handshake failed, or the certificate is not trusted.
    Tls,
    /// The host refused the login: user, password or policy.
    Login,
    /// The host offers no scheme that we may use.
    Scheme,
    /// A message of an established session was answered with 401.
    SessionExpired,
    /// The connection ended before the reply was complete.
    ConnectionLost,
    /// No reply within [`Message::timeout`].
    Timeout,
    /// The reply was not sealed as agreed, or its seal is broken.
    Protection,
    /// An HTTP status that carries no SOAP, such as 404, 413 or 503.
    HttpStatus(u16),
    /// The reply is larger than we accept.
    TooLarge,
    /// The endpoint or a setting is unusable.
    Configuration,
    /// A replayed or scripted exchange has no such answer, or another local fault.
    Other,
}

impl ExchangeError {
    /// An error of this kind; the text is lower case and says what to do.
    ///
    /// INVARIANT: the delivery is never [`Delivery::Answered`]. Where no message came back nothing proves that the one
    /// that was sent was not acted on, so what claims to be answered (an old recording, another implementation) counts as
    /// unknown.
    pub fn new(kind: ExchangeErrorKind, delivery: Delivery, message: impl Into<String>) -> Self {
        let delivery = match delivery {
            Delivery::NotSent => Delivery::NotSent,
            Delivery::Unknown | Delivery::Answered => Delivery::Unknown,
        };
        ExchangeError { delivery, kind, message: message.into(), source: None }
    }

    /// Keeps the error below.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What is known of the delivery.
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// The kind of failure.
    pub fn kind(&self) -> ExchangeErrorKind {
        self.kind
    }

    /// Whether the host was not reached at all: name, connection or TLS.
    pub fn is_unreachable(&self) -> bool {
        matches!(self.kind, ExchangeErrorKind::Resolve | ExchangeErrorKind::Connect | ExchangeErrorKind::Tls)
    }

    /// Whether the host does not let this account in.
    pub fn is_login(&self) -> bool {
        matches!(self.kind, ExchangeErrorKind::Login | ExchangeErrorKind::Scheme)
    }
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ExchangeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}
