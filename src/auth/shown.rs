//! The certificate that a TLS server shows, kept for whoever binds a login to it, and checked for its key.
//!
//! Both TLS connections of this client do that: the one that carries HTTP, where a [`Judge`] decides whom to trust, and
//! the one inside CredSSP, where the login itself proves whose certificate it is.
use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error as TlsError, SignatureScheme};

/// The server's certificate in DER, once the handshake came to it.
pub(crate) type Seen = Arc<OnceLock<Vec<u8>>>;

/// Decides whether a certificate is that of the server that is meant.
pub(crate) trait Judge: fmt::Debug + Send + Sync {
    /// As [`ServerCertVerifier::verify_server_cert`].
    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError>;

    /// Told when the first message of the handshake is written.
    fn greeting(&self) {}
}

/// Keeps the certificate, lets it be judged, and checks whatever the judge says that the server holds its key.
#[derive(Debug)]
pub(crate) struct Keeper<J> {
    judge: J,
    seen: Seen,
    provider: Arc<CryptoProvider>,
}

impl<J: Judge> Keeper<J> {
    pub(crate) fn new(judge: J, seen: Seen, provider: Arc<CryptoProvider>) -> Self {
        Self { judge, seen, provider }
    }
}

impl<J: Judge> ServerCertVerifier for Keeper<J> {
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
        self.judge.judge(end_entity, intermediates, server_name, ocsp_response, now)
    }

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
        self.judge.greeting();
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
