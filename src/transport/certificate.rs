//! The certificate a host shows: its pin, and what is in it for people to compare.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectAltName};
use x509_cert::time::Time;

use super::endpoint::Endpoint;
use super::proxy::Proxy;
use super::tls::Judge;
use super::wire::{Counters, Wire, WireOptions};
use crate::wsman::{Delivery, ExchangeError, ExchangeErrorKind, Waited};

/// The SHA-256 of a server certificate in DER: names one certificate and nothing else.
///
/// Parses from 64 hex digits, with or without colons between the bytes and `sha256:` before them;
/// prints as 64 small hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin([u8; 32]);

/// The text is no pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no SHA-256 pin; write the 64 hex digits of the certificate's SHA-256 fingerprint")]
pub struct PinError {
    text: String,
}

/// A certificate as a host showed it. Nothing about it was verified.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerCertificate {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// Its pin, for [`Trust::pin`](super::Trust::pin).
    pub pin: Pin,
    /// Subject; none where the certificate cannot be read as X.509.
    pub subject: Option<String>,
    /// Issuer; the same as the subject in a self-signed certificate.
    pub issuer: Option<String>,
    /// The DNS names and IP addresses it is valid for.
    pub names: Vec<String>,
    /// Valid from.
    pub not_before: Option<jiff::Timestamp>,
    /// Valid until.
    pub not_after: Option<jiff::Timestamp>,
    /// Whether it may be that of a server, where it says what it is for (extended key usage).
    pub for_servers: Option<bool>,
    /// Whether it is one of an authority (`CA:TRUE`).
    pub is_authority: bool,
}

/// Connects, takes the certificate the host shows and ends the connection before anything is sent
/// through it, so that a person can compare the pin with one read on the host itself.
///
/// # Errors
/// [`ExchangeError`] when the endpoint is plain HTTP or no TLS handshake came to the certificate.
pub async fn show_certificate(
    endpoint: &Endpoint,
    proxy: Option<&Proxy>,
    timeout: Duration,
) -> Result<ServerCertificate, ExchangeError> {
    if !endpoint.is_tls() {
        return Err(ExchangeError::new(
            ExchangeErrorKind::Configuration,
            Delivery::NotSent,
            format!("{endpoint} is plain HTTP and has no certificate; use https"),
        ));
    }
    let options = WireOptions {
        connect_timeout: timeout,
        reply_limit: 0,
        judge: Some(Judge::Show),
        identity: None,
        proxy: proxy.cloned(),
        counters: Counters::default(),
    };
    let wire = Wire::new(endpoint, options).map_err(|broken| broken.into_error(Delivery::NotSent))?;
    let outcome = tokio::time::timeout(timeout, wire.post(None, None, Vec::new())).await;
    match (wire.certificate(), outcome) {
        (Some(der), _) => Ok(ServerCertificate::read(der)),
        (None, Ok(Err(broken))) => Err(broken.into_error(Delivery::NotSent)),
        (None, _) => Err(ExchangeError::new(
            ExchangeErrorKind::Connect,
            Delivery::NotSent,
            format!("{} showed no certificate within {}", endpoint.authority(), Waited(timeout)),
        )),
    }
}

impl Pin {
    /// The pin of a certificate in DER.
    pub fn of(certificate_der: &[u8]) -> Self {
        Self(Sha256::digest(certificate_der).into())
    }

    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Pin {
    fn from(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let error = || PinError { text: text.to_owned() };
        let trimmed = text.trim();
        let prefixed = trimmed.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case("sha256:"));
        let digits = if prefixed { trimmed.get(7..).unwrap_or_default() } else { trimmed };
        // A colon stands between whole bytes or nowhere.
        let digits = if digits.contains(':') {
            if digits.split(':').any(|byte| byte.len() != 2) {
                return Err(error());
            }
            digits.replace(':', "")
        } else {
            digits.to_owned()
        };
        let nibbles: Option<Vec<u32>> = digits.chars().map(|digit| digit.to_digit(16)).collect();
        let bytes = nibbles.ok_or_else(error)?;
        let bytes = bytes.chunks(2).map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        });
        let bytes: Vec<u8> = bytes.collect::<Option<_>>().ok_or_else(error)?;
        Ok(Self(bytes.try_into().map_err(|_| error())?))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl ServerCertificate {
    /// Reads what can be read: an odd certificate still has a pin.
    pub fn read(der: Vec<u8>) -> Self {
        let pin = Pin::of(&der);
        let parsed = Certificate::from_der(&der).ok();
        let fields = parsed.as_ref().map(|certificate| &certificate.tbs_certificate);
        Self {
            pin,
            subject: fields.map(|fields| fields.subject.to_string()),
            issuer: fields.map(|fields| fields.issuer.to_string()),
            names: fields
                .and_then(|fields| fields.get::<SubjectAltName>().ok().flatten())
                .map(|(_, names)| names.0.iter().filter_map(name_text).collect())
                .unwrap_or_default(),
            not_before: fields.and_then(|fields| timestamp(fields.validity.not_before)),
            not_after: fields.and_then(|fields| timestamp(fields.validity.not_after)),
            for_servers: fields
                .and_then(|fields| fields.get::<ExtendedKeyUsage>().ok().flatten())
                .map(|(_, usages)| usages.0.iter().any(|usage| [SERVER_AUTH, ANY_USAGE].contains(usage))),
            is_authority: fields
                .and_then(|fields| fields.get::<BasicConstraints>().ok().flatten())
                .is_some_and(|(_, constraints)| constraints.ca),
            der,
        }
    }
}

const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const ANY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

fn name_text(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(address) => {
            let bytes = address.as_bytes();
            let four = <[u8; 4]>::try_from(bytes).map(|four| std::net::Ipv4Addr::from(four).to_string());
            let sixteen = <[u8; 16]>::try_from(bytes).map(|sixteen| std::net::Ipv6Addr::from(sixteen).to_string());
            four.or(sixteen).ok()
        }
        _ => None,
    }
}

fn timestamp(time: Time) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_second(i64::try_from(time.to_unix_duration().as_secs()).ok()?).ok()
}

#[cfg(test)]
#[cfg(feature = "simulator")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pins_in_every_spelling() {
        let pin = Pin::of(b"abc");
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(pin.to_string(), hex);
        let colons: Vec<&str> = (0..32).map(|i| &hex[2 * i..2 * i + 2]).collect();
        for text in
            [hex.to_owned(), hex.to_uppercase(), format!("SHA256:{hex}"), format!(" sha256:{} ", colons.join(":"))]
        {
            assert_eq!(text.parse(), Ok(pin), "{text}");
        }
        for text in ["", "ba78", &hex[1..], &format!("{hex}00"), &hex.replace('b', "g"), &format!("{hex}:"), "sha256:"]
        {
            assert!(text.parse::<Pin>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_in_a_certificate() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["hv.test".to_owned(), "192.0.2.7".to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "hv");
        params.not_before = rcgen::date_time_ymd(2025, 1, 2);
        params.not_after = rcgen::date_time_ymd(2031, 1, 2);
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let read = ServerCertificate::read(der.clone());
        assert_eq!(read.pin, Pin::of(&der));
        assert_eq!(read.names, ["hv.test", "192.0.2.7"]);
        assert_eq!(read.subject, read.issuer);
        assert!(read.subject.unwrap().contains("CN=hv"));
        assert_eq!(read.not_before.unwrap().to_string(), "2025-01-02T00:00:00Z");
        assert_eq!(read.not_after.unwrap().to_string(), "2031-01-02T00:00:00Z");
        assert_eq!((read.for_servers, read.is_authority), (None, false));
    }

    #[test]
    fn what_a_certificate_is_for() {
        let key = rcgen::KeyPair::generate().unwrap();
        let made = |usage, ca| {
            let mut params = rcgen::CertificateParams::new(vec!["hv.test".to_owned()]).unwrap();
            params.extended_key_usages = vec![usage];
            params.is_ca = ca;
            ServerCertificate::read(params.self_signed(&key).unwrap().der().to_vec())
        };
        let read = made(rcgen::ExtendedKeyUsagePurpose::ServerAuth, rcgen::IsCa::ExplicitNoCa);
        assert_eq!((read.for_servers, read.is_authority), (Some(true), false));
        let authority = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let read = made(rcgen::ExtendedKeyUsagePurpose::ClientAuth, authority);
        assert_eq!((read.for_servers, read.is_authority), (Some(false), true));
    }

    proptest! {
        #![proptest_config(crate::properties::config())]
        #[test]
        fn any_text_and_any_bytes_do_not_panic(text: String, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = text.parse::<Pin>();
            prop_assert_eq!(ServerCertificate::read(bytes).names.len(), 0);
        }
    }
}
