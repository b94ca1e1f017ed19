//! What went wrong on the wire, told by cause, with what to do about it.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, Error as TlsError};

use super::certificate::{Pin, ServerCertificate};
use super::proxy::Proxy;
use super::tls::PinDiffers;
use super::wire::{SecondDial, Wire};
use crate::wsman::{Delivery, ExchangeError, ExchangeErrorKind, Waited};

/// A request without an answer. Whether that matters depends on what it carried, so the delivery is
/// said by whoever sent it.
#[derive(Debug)]
pub(super) struct Broken {
    kind: ExchangeErrorKind,
    text: String,
    unsent: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Broken {
    pub(super) fn new(kind: ExchangeErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), unsent: false, source: None }
    }

    /// From a request that got no response head.
    pub(super) fn from_request(error: reqwest::Error, wire: &Wire) -> Self {
        let error = error.without_url();
        let authority = wire.authority();
        let (kind, text, unsent) = if find::<SecondDial>(&error).is_some() {
            let text = format!("the connection to {authority} had ended; nothing of this request was sent");
            (ExchangeErrorKind::ConnectionLost, text, true)
        } else if error.is_dns() {
            let through = wire.proxy().map(|proxy| format!(", or that of the proxy {proxy},")).unwrap_or_default();
            let text = format!("the name of {authority}{through} cannot be resolved{}", resolver(&error));
            (ExchangeErrorKind::Resolve, text, true)
        } else if let Some(cause) = find::<TlsError>(&error).filter(|_| !wire.dial().is_open()) {
            (ExchangeErrorKind::Tls, tls_text(cause, wire), true)
        } else if error.is_connect() || !wire.dial().is_open() {
            (ExchangeErrorKind::Connect, connect_text(&error, wire), true)
        } else if let Some(cause @ TlsError::AlertReceived(_)) = find::<TlsError>(&error) {
            // TLS 1.3 tells what is wrong with a client certificate after the handshake.
            (ExchangeErrorKind::Tls, tls_text(cause, wire), false)
        } else {
            (ExchangeErrorKind::ConnectionLost, lost_text(&error, wire), false)
        };
        Self { kind, text, unsent, source: Some(Box::new(error)) }
    }

    /// From a response whose body did not come whole.
    pub(super) fn from_reply(error: reqwest::Error, wire: &Wire) -> Self {
        let error = error.without_url();
        let text =
            format!("the connection to {} ended in the middle of the reply: {}", wire.authority(), ended(&error));
        Self { kind: ExchangeErrorKind::ConnectionLost, text, unsent: false, source: Some(Box::new(error)) }
    }

    /// Whether no byte of the request can have reached the host.
    pub(super) fn is_unsent(&self) -> bool {
        self.unsent
    }

    /// Whether an open connection was lost, as opposed to none having come to stand.
    pub(super) fn is_lost(&self) -> bool {
        self.kind == ExchangeErrorKind::ConnectionLost
    }

    /// The error of an exchange, of this delivery.
    pub(super) fn into_error(self, delivery: Delivery) -> ExchangeError {
        let error = ExchangeError::new(self.kind, delivery, self.text);
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }

    /// The error of a request that carried the message.
    pub(super) fn carrying(self) -> ExchangeError {
        let delivery = if self.unsent { Delivery::NotSent } else { Delivery::Unknown };
        self.into_error(delivery)
    }
}

/// The message ran out of time.
pub(super) fn timed_out(timeout: Duration, authority: &str, delivery: Delivery) -> ExchangeError {
    let waited = Waited(timeout);
    let text = match delivery {
        Delivery::NotSent => format!("{authority} took longer than {waited}; the request had not been sent"),
        _ => {
            format!("no reply from {authority} within {waited}; whether the host acted on the request is not known")
        }
    };
    ExchangeError::new(ExchangeErrorKind::Timeout, delivery, text)
}

/// An open connection brought no reply. One that was spoken to in the wrong way ends like any other, so what may be wrong is
/// asked where nothing has come over it yet.
fn lost_text(error: &reqwest::Error, wire: &Wire) -> String {
    let authority = wire.authority();
    let is_http = !chain(error).any(|link| {
        let text = link.to_string();
        NO_HTTP.iter().any(|start| text.starts_with(start))
    });
    match (is_http, wire.is_tls()) {
        (false, false) => {
            format!(
                "what {authority} answers is not HTTP; if this is a TLS port (5986 is one), leave --http and http:// out"
            )
        }
        (false, true) => format!("what {authority} answers inside TLS is not HTTP: this is no WinRM listener"),
        (true, false) if !wire.has_answered() => format!(
            "the connection to {authority} ended before a reply came: {}; if this is a TLS port (5986 is one), leave --http \
             and http:// out",
            ended(error)
        ),
        _ => format!("the connection to {authority} ended before a reply came: {}", ended(error)),
    }
}

/// How a connection ended, in words. The HTTP library's errors are no types of a crate we name.
fn ended(error: &(dyn Error + 'static)) -> &'static str {
    match io_kinds(error).next() {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted) => "it was reset",
        Some(io::ErrorKind::BrokenPipe) => "the other side had closed it",
        Some(io::ErrorKind::TimedOut) => "nothing came for too long",
        _ => "the other side closed it",
    }
}

/// What the system says of its own call, after a colon; nothing where it was not the system.
fn system(error: &(dyn Error + 'static)) -> String {
    let said = chain(error).filter_map(|link| link.downcast_ref::<io::Error>());
    let said = said.filter(|error| error.get_ref().is_none()).last();
    said.map_or_else(String::new, |error| format!(": {error}"))
}

/// What the system's resolver says, after a colon.
fn resolver(error: &(dyn Error + 'static)) -> String {
    const BEGINNING: &str = "failed to lookup address information: ";
    let said = chain(error).map(ToString::to_string);
    let said = said.filter_map(|text| text.strip_prefix(BEGINNING).map(str::to_lowercase)).last();
    said.map_or_else(String::new, |text| format!(": {text}"))
}

/// The kinds of what the system reported, the innermost first.
fn io_kinds(error: &(dyn Error + 'static)) -> impl Iterator<Item = io::ErrorKind> {
    let kinds: Vec<_> = chain(error).filter_map(|link| link.downcast_ref().map(io::Error::kind)).collect();
    kinds.into_iter().rev()
}

fn connect_text(error: &reqwest::Error, wire: &Wire) -> String {
    let authority = wire.authority();
    if error.is_timeout() {
        return format!(
            "no connection to {authority} within {}: check the address, the port and the firewall",
            Waited(wire.connect_timeout())
        );
    }
    if let Some(proxy) = wire.proxy() {
        return proxy_text(error, proxy, authority);
    }
    let kind = io_kinds(error).find(|kind| *kind != io::ErrorKind::Other);
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => {
            format!("{authority} refuses connections: is WinRM running there, with a listener on this port?")
        }
        Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) if wire.is_tls() => {
            format!(
                "{authority} ended the connection in the TLS handshake: does this port speak TLS, with a certificate? For plain \
                 HTTP (sealed, port 5985) use --http"
            )
        }
        _ => format!("no connection to {authority}{}", system(error)),
    }
}

/// Time ran out before a TLS connection came to stand: a server of plain HTTP waits for the end of a head that never comes.
pub(super) fn no_tls(timeout: Duration, authority: &str) -> ExchangeError {
    let text = format!(
        "{authority} took longer than {}: no TLS connection came to stand, so nothing was sent; does this port speak TLS? For \
         plain HTTP (sealed, port 5985) use --http",
        Waited(timeout)
    );
    ExchangeError::new(ExchangeErrorKind::Timeout, Delivery::NotSent, text)
}

/// Why a proxy leads nowhere. Its errors are no types of a crate we name; their texts are their names.
fn proxy_text(error: &reqwest::Error, proxy: &Proxy, authority: &str) -> String {
    if find::<io::Error>(error).is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionRefused) {
        return format!("the proxy {proxy} refuses connections: is it running, and is this its port?");
    }
    let said: Vec<String> = chain(error).map(ToString::to_string).collect();
    let says = |part: &str| said.iter().any(|text| text.contains(part));
    let (what, advice) = if says("proxy authorization required") {
        (
            "wants a login (407)",
            "give it as http://USER:PASSWORD@… in HVR_PROXY or a profile, and check it if it is there",
        )
    } else if says("tunnel error") {
        ("opens no tunnel", "it must allow CONNECT to this host and port, and reach it")
    } else {
        ("does not connect", "it must allow this host and port, and reach it")
    };
    format!("the proxy {proxy} {what} for {authority}{}; {advice}", system(error))
}

/// The cause of a failed TLS handshake and the option that settles it.
fn tls_text(error: &TlsError, wire: &Wire) -> String {
    let authority = wire.authority();
    let certificate = wire.certificate().map(ServerCertificate::read);
    let advice = pin_advice(certificate.as_ref());
    match error {
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => {
            let self_signed = certificate.as_ref().is_some_and(|shown| shown.subject == shown.issuer);
            let issuer = if self_signed { "is self-signed" } else { "comes from an issuer that is not trusted" };
            format!("the certificate of {authority} {issuer}; name the issuer with --ca FILE, or {advice}")
        }
        TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            let names = certificate.as_ref().map(|shown| shown.names.join(", ")).filter(|names| !names.is_empty());
            let names = names.map_or_else(|| "names no host".to_owned(), |names| format!("is for {names}"));
            format!("the certificate of {authority} {names}; connect by a name it is for, or {advice}")
        }
        TlsError::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            let until = date(certificate.as_ref().and_then(|shown| shown.not_after));
            format!("the certificate of {authority} expired{until}; renew it, check this computer's clock, or {advice}")
        }
        TlsError::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            let from = date(certificate.as_ref().and_then(|shown| shown.not_before));
            format!("the certificate of {authority} is not valid yet{from}; check this computer's clock, or {advice}")
        }
        TlsError::InvalidCertificate(CertificateError::Other(inner)) => {
            if let Some(PinDiffers { seen, expected }) = inner.0.downcast_ref() {
                return format!(
                    "the certificate of {authority} is not the pinned one: seen {seen}, expected {expected}; \
                     compare with the host before changing --pin-sha256"
                );
            }
            // webpki's error is no type of a crate we name; its text is its name.
            if inner.to_string().contains(CA_AS_SERVER) {
                return format!(
                    "the certificate of {authority} is one of an authority (CA:TRUE, {CA_AS_SERVER}), which no --ca \
                     makes good; give the host another, or {advice}"
                );
            }
            let why = unusable(&inner.to_string());
            format!("the certificate of {authority} is not usable{why}; {advice}")
        }
        TlsError::InvalidCertificate(CertificateError::BadSignature) => format!(
            "the certificate of {authority} names a trusted issuer but is signed with another key; name the right \
             issuer with --ca FILE, or {advice}"
        ),
        TlsError::InvalidCertificate(cause) => {
            let why = match cause {
                CertificateError::BadEncoding => ": it cannot be read",
                CertificateError::Revoked => ": it was revoked",
                CertificateError::UnhandledCriticalExtension => ": it has a critical extension that is not known here",
                CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                    ": it is not for servers"
                }
                CertificateError::UnknownRevocationStatus => ": whether it was revoked is not known",
                _ => "",
            };
            format!("the certificate of {authority} is not usable{why}; {advice}")
        }
        TlsError::InvalidMessage(_) => {
            format!("{authority} does not speak TLS; for plain HTTP (sealed, port 5985) use --http")
        }
        TlsError::PeerIncompatible(_)
        | TlsError::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            format!("{authority} and this client have no TLS version or cipher in common (TLS 1.2 at least)")
        }
        TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            format!("{authority} lets nobody in without a client certificate; give one with --cert")
        }
        TlsError::AlertReceived(
            alert @ (AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::AccessDenied),
        ) => format!(
            "{authority} does not accept the client certificate (alert {}): is its issuer trusted there, and is it \
             for client authentication?",
            u8::from(*alert)
        ),
        TlsError::AlertReceived(alert) => {
            format!("{authority} ended the TLS handshake with alert {} (RFC 8446, 6)", u8::from(*alert))
        }
        TlsError::PeerMisbehaved(_)
        | TlsError::InappropriateMessage { .. }
        | TlsError::InappropriateHandshakeMessage { .. }
        | TlsError::DecryptError
        | TlsError::PeerSentOversizedRecord => {
            format!("{authority} breaks the rules of TLS in the handshake; something in between may have changed it")
        }
        _ => format!("the TLS handshake with {authority} failed on this side"),
    }
}

/// webpki's errors are no types of a crate we name; their texts are their names.
fn unusable(name: &str) -> &'static str {
    let known = WEBPKI.iter().find(|(part, _)| name.contains(part));
    known.map_or("", |(_, why)| why)
}

fn pin_advice(certificate: Option<&ServerCertificate>) -> String {
    let pin = certificate.map(|shown| shown.pin).as_ref().map(Pin::to_string);
    let pin = pin.unwrap_or_else(|| "<SHA-256 of its certificate>".to_owned());
    format!("after comparing it with the host, pin it with --pin-sha256 {pin}")
}

fn date(at: Option<jiff::Timestamp>) -> String {
    at.map(|at| format!(" ({at})")).unwrap_or_default()
}

/// The first error of this type in the chain. An `io::Error` hides the error it holds from
/// `source()`, so that one is looked into.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|link| link.downcast_ref())
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let next = |error: &&'a (dyn Error + 'static)| -> Option<&'a (dyn Error + 'static)> {
        let error: &'a (dyn Error + 'static) = *error;
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        held.map(|inner| -> &'a (dyn Error + 'static) { inner }).or_else(|| error.source())
    };
    std::iter::successors(Some(error), next).take(MAX_CHAIN)
}

/// How the texts of the HTTP library begin where it cannot read a head.
const NO_HTTP: [&str; 2] = ["invalid HTTP", "message head is too large"];
/// X.509 version 1 is what OMI's installer makes.
const WEBPKI: [(&str, &str); 4] = [
    ("UnsupportedCertVersion", ": it is of X.509 version 1, which no --ca makes good"),
    ("UnsupportedSignatureAlgorithm", ": it is signed in a way that is not known here, or no longer safe"),
    ("BadDer", ": it cannot be read"),
    ("UnsupportedCriticalExtension", ": it has a critical extension that is not known here"),
];
const CA_AS_SERVER: &str = "CaUsedAsEndEntity";
const MAX_CHAIN: usize = 32;
