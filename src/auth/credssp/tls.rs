//! The TLS connection inside a CredSSP login: records in, records out, no socket.
//!
//! Its certificate is one that the host made for itself, and nothing that it says is believed. What is
//! checked here is that the host holds its key; that the key is the host's own is proven later, under the
//! keys of the login inside ([MS-CSSP] 3.1.5, steps 3 to 5).
use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use rustls::client::danger::ServerCertVerified;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, ClientConnection, Error as TlsError, ProtocolVersion};
use x509_cert::der::Decode;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::super::context::{Keys, Sealed};
use super::super::error::AuthError;
use super::super::shown::{Judge, Keeper, Seen};
use super::error::CredSspError;

/// The client's end of the connection. Its keys are the ones that seal the messages of the session.
pub(super) struct InnerTls {
    connection: ClientConnection,
    certificate: Seen,
}

impl InnerTls {
    pub(super) fn new() -> Result<Self, AuthError> {
        let provider = Arc::new(ring::default_provider());
        let certificate = Seen::default();
        let verifier = Keeper::new(ProvenLater, certificate.clone(), provider.clone());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(|builder| {
                let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
                let mut config = builder.with_no_client_auth();
                // Each login shows its certificate, and no name tells whoever listens which host is meant.
                config.resumption = rustls::client::Resumption::disabled();
                config.enable_sni = false;
                config
            })
            .map_err(|error| CredSspError::tls(&error))?;
        let name = ServerName::from(std::net::Ipv4Addr::UNSPECIFIED);
        let connection = ClientConnection::new(Arc::new(config), name).map_err(|error| CredSspError::tls(&error))?;
        Ok(Self { connection, certificate })
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Takes records in; brings what they hold.
    pub(super) fn receive(&mut self, mut records: &[u8]) -> Result<Vec<u8>, AuthError> {
        let broken = |reason: String| CredSspError::Tls { reason, hint: "" };
        let mut plain = Vec::with_capacity(records.len());
        while !records.is_empty() {
            self.connection.read_tls(&mut records).map_err(|error| broken(error.to_string()))?;
            let state = self.connection.process_new_packets().map_err(|error| CredSspError::tls(&error))?;
            let waiting = u64::try_from(state.plaintext_bytes_to_read()).unwrap_or(u64::MAX);
            let read = self.connection.reader().take(waiting).read_to_end(&mut plain);
            read.map_err(|error| broken(error.to_string()))?;
            if state.peer_has_closed() {
                return Err(broken("the host ended it".to_owned()).into());
            }
        }
        Ok(plain)
    }

    /// The records of one message, and of what the protocol itself has to say before it.
    pub(super) fn send(&mut self, plain: &[u8]) -> Result<Vec<u8>, AuthError> {
        let broken = |error: std::io::Error| CredSspError::Tls { reason: error.to_string(), hint: "" };
        let mut records = Vec::with_capacity(plain.len() + 256);
        // Never so much at once that the library's buffer would be full.
        for piece in plain.chunks(RECORD) {
            self.connection.writer().write_all(piece).map_err(broken)?;
            self.flush(&mut records)?;
        }
        self.flush(&mut records)?;
        Ok(records)
    }

    fn flush(&mut self, records: &mut Vec<u8>) -> Result<(), AuthError> {
        while self.connection.wants_write() {
            let written = self.connection.write_tls(records);
            written.map_err(|error| CredSspError::Tls { reason: error.to_string(), hint: "" })?;
        }
        Ok(())
    }

    /// What a record holds behind its data: all suites here are of 16 bytes' authentication, and TLS 1.3
    /// puts the true type of the content before it.
    fn trailer(&self) -> usize {
        if self.connection.protocol_version() == Some(ProtocolVersion::TLSv1_3) { 17 } else { 16 }
    }

    /// SubjectPublicKey: the content of the bit string, for RSA a structure of PKCS #1.
    pub(super) fn public_key(&self) -> Result<Vec<u8>, AuthError> {
        let certificate = self.certificate.get().ok_or(CredSspError::Certificate)?;
        let certificate = CertificateDer::from(certificate.as_slice());
        let parsed = ParsedCertificate::try_from(&certificate).map_err(|_| CredSspError::Certificate)?;
        let info = parsed.subject_public_key_info();
        let info = SubjectPublicKeyInfoRef::from_der(info.as_ref()).map_err(|_| CredSspError::Certificate)?;
        Ok(info.subject_public_key.as_bytes().ok_or(CredSspError::Certificate)?.to_vec())
    }
}

impl Keys for InnerTls {
    /// Seals one message of at most 16 KiB; what is due as its signature is as long as the trailer of
    /// the record ([MS-WSMV] 2.2.9.1.3), and stands at the record's start.
    fn seal(&mut self, plain: &[u8]) -> Result<Sealed, AuthError> {
        let mut signature = self.send(plain)?;
        let data = signature.split_off(self.trailer().min(signature.len()));
        Ok(Sealed { signature, data })
    }

    /// Opens whole records, given in two pieces.
    fn unseal(&mut self, trailer: &[u8], data: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.receive(&[trailer, data].concat())
    }
}

impl fmt::Debug for InnerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InnerTls").field("version", &self.connection.protocol_version()).finish_non_exhaustive()
    }
}

/// Believes any certificate.
#[derive(Debug)]
struct ProvenLater;

impl Judge for ProvenLater {
    fn judge(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }
}

/// The most a record may hold (RFC 8446 5.1).
const RECORD: usize = 16 * 1024;
