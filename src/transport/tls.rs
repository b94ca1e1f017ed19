//! Whom to trust, and a certificate verifier that keeps what it saw.
//!
//! The verifier keeps the server certificate because two things need it that the HTTP library does
//! not give in every case: the channel binding of a login, and the pin in an error text.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, OtherError, RootCertStore,
    SignatureScheme,
};

use super::certificate::Pin;
use super::identity::Identity;
use super::observe::Moment;

/// Which server certificates to accept. The default is [`Trust::system`].
///
/// Clones share what was loaded, so a program with many hosts reads the system's store once.
#[derive(Clone)]
pub struct Trust {
    anchor: Anchor,
    loaded: Arc<OnceLock<Judge>>,
}

#[derive(Clone, PartialEq, Eq)]
enum Anchor {
    System,
    Ca(Vec<CertificateDer<'static>>),
    Pin(Pin),
    Any,
}

/// The trust given is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The bytes hold no certificate.
    #[error("there is no certificate in it; give certificates as PEM or one as DER")]
    NoCertificate,
    /// A certificate in it cannot be read.
    #[error("a certificate in it cannot be read: {0}")]
    Damaged(String),
    /// The system has no certificate authorities.
    #[error(
        "this system has no store of certificate authorities; name the host's with --ca FILE, or pin its certificate with --pin-sha256"
    )]
    NoSystemStore,
}

impl Trust {
    /// Whether both accept the same certificates.
    pub(super) fn is_same(&self, other: &Trust) -> bool {
        self.anchor == other.anchor
    }

    /// The certificate authorities of the operating system.
    pub fn system() -> Self {
        Anchor::System.into()
    }

    /// Only these certificate authorities, or self-signed certificates that are none: PEM with one
    /// or more certificates, or one certificate in DER.
    ///
    /// # Errors
    /// [`TrustError`] when there is no certificate in it, or one cannot be read.
    pub fn ca(pem_or_der: &[u8]) -> Result<Self, TrustError> {
        let certificates = if pem_or_der.starts_with(&[DER_SEQUENCE]) {
            vec![CertificateDer::from(pem_or_der.to_vec())]
        } else {
            CertificateDer::pem_slice_iter(pem_or_der)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| TrustError::Damaged(error.to_string()))?
        };
        if certificates.is_empty() {
            return Err(TrustError::NoCertificate);
        }
        roots(&certificates)?;
        Ok(Anchor::Ca(certificates).into())
    }

    /// Exactly the certificate with this pin, whatever its issuer, names and dates say.
    pub fn pin(pin: Pin) -> Self {
        Anchor::Pin(pin).into()
    }

    /// Any certificate at all. Whoever sits between can then read and change everything, and try
    /// the login elsewhere; a pin is as easy to use and has none of this. An answer is believed all the same, a refusal of a
    /// call among them: the reads that would have to settle a doubt could be forged as well, so doubt would buy nothing.
    pub fn dangerous_accept_any_certificate() -> Self {
        Anchor::Any.into()
    }

    /// Whether a certificate must prove something.
    pub(super) fn verifies(&self) -> bool {
        !matches!(self.anchor, Anchor::Any)
    }

    /// What judges certificates, loaded at the first call.
    pub(super) fn judge(&self) -> Result<Judge, TrustError> {
        if let Some(judge) = self.loaded.get() {
            return Ok(judge.clone());
        }
        let judge = self.load()?;
        Ok(self.loaded.get_or_init(|| judge).clone())
    }

    fn load(&self) -> Result<Judge, TrustError> {
        let roots = match &self.anchor {
            Anchor::Pin(pin) => return Ok(Judge::Pin(*pin)),
            Anchor::Any => return Ok(Judge::Any),
            Anchor::Ca(certificates) => roots(certificates)?,
            Anchor::System => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if store.is_empty() {
                    return Err(TrustError::NoSystemStore);
                }
                store
            }
        };
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|error| TrustError::Damaged(error.to_string()))?;
        Ok(Judge::Chain(verifier))
    }
}

impl Default for Trust {
    fn default() -> Self {
        Self::system()
    }
}

impl From<Anchor> for Trust {
    fn from(anchor: Anchor) -> Self {
        Self { anchor, loaded: Arc::default() }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.anchor {
            Anchor::System => f.write_str("Trust(system)"),
            Anchor::Ca(certificates) => write!(f, "Trust({} authorities)", certificates.len()),
            Anchor::Pin(pin) => write!(f, "Trust(sha256:{pin})"),
            Anchor::Any => f.write_str("Trust(any certificate)"),
        }
    }
}

/// A [`Trust`] made ready.
#[derive(Debug, Clone)]
pub(super) enum Judge {
    Chain(Arc<WebPkiServerVerifier>),
    Pin(Pin),
    Any,
    /// Accepts nothing: the certificate is wanted, no connection.
    Show,
}

/// The server certificate of one connection, once the handshake came to it.
pub(super) type Seen = Arc<OnceLock<Vec<u8>>>;

/// The TLS settings of one connection, and where its certificate will be. `greeted` is when its handshake begins.
pub(super) fn client_config(
    judge: Judge,
    identity: Option<&Identity>,
    greeted: Moment,
) -> Result<(ClientConfig, Seen), TlsError> {
    let seen = Seen::default();
    let provider = provider();
    let verifier = Verifier { judge, seen: seen.clone(), greeted, provider: provider.clone() };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity.resolver(&provider)?),
        None => builder.with_no_client_auth(),
    };
    // A resumed session shows no certificate, so there would be nothing to bind the login to.
    config.resumption = rustls::client::Resumption::disabled();
    Ok((config, seen))
}

/// Another certificate than the pinned one.
#[derive(Debug, thiserror::Error)]
#[error("the certificate's SHA-256 is {seen}, not the pinned {expected}")]
pub(super) struct PinDiffers {
    pub(super) seen: Pin,
    pub(super) expected: Pin,
}

#[derive(Debug)]
struct Verifier {
    judge: Judge,
    seen: Seen,
    greeted: Moment,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let kept = self.seen.get_or_init(|| end_entity.to_vec());
        if kept.as_slice() != end_entity.as_ref() {
            return Err(TlsError::General("the server changed its certificate on one connection".to_owned()));
        }
        match &self.judge {
            Judge::Chain(verifier) => {
                verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            Judge::Pin(expected) => match Pin::of(end_entity) {
                seen if seen == *expected => Ok(ServerCertVerified::assertion()),
                seen => Err(other(PinDiffers { seen, expected: *expected })),
            },
            Judge::Any => Ok(ServerCertVerified::assertion()),
            Judge::Show => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    // That the server holds the key of its certificate is checked whatever the trust is.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    /// Asked for when the first message of the handshake is written.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let _ = self.greeted.set(Instant::now());
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> TlsError {
    CertificateError::Other(OtherError(Arc::new(error))).into()
}

fn roots(certificates: &[CertificateDer<'static>]) -> Result<RootCertStore, TrustError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store.add(certificate.clone()).map_err(|error| TrustError::Damaged(error.to_string()))?;
    }
    Ok(store)
}

/// Passed explicitly: a library must not set the provider of the whole process.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

const DER_SEQUENCE: u8 = 0x30;

#[cfg(test)]
#[cfg(feature = "simulator")]
mod tests {
    use super::*;

    #[test]
    fn authorities_as_pem_and_der() {
        let key = rcgen::KeyPair::generate().unwrap();
        let made = rcgen::CertificateParams::new(vec!["hv.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        assert!(Trust::ca(made.pem().as_bytes()).unwrap().verifies());
        assert!(Trust::ca(format!("# lab\n{}{}", made.pem(), made.pem()).as_bytes()).is_ok());
        assert!(Trust::ca(made.der()).unwrap().judge().is_ok());
        assert_eq!(format!("{:?}", Trust::pin(Pin::from([0xab; 32]))), format!("Trust(sha256:{})", "ab".repeat(32)));
        assert!(!Trust::dangerous_accept_any_certificate().verifies());
    }

    #[test]
    fn what_is_no_authority() {
        for bytes in [&b""[..], b"hello", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"] {
            assert_eq!(Trust::ca(bytes).unwrap_err(), TrustError::NoCertificate);
        }
        for bytes in [&b"\x30\x03\x02\x01\x00"[..], b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(Trust::ca(bytes), Err(TrustError::Damaged(_))));
        }
    }
}
