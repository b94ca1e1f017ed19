//! The certificate by which this computer says who its user is, and the key that proves it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p12_keystore::KeyStore;
use pkcs8::EncryptedPrivateKeyInfo;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, SignatureScheme};
use zeroize::Zeroizing;

use crate::auth::Secret;
use crate::text;

/// A client certificate with its chain and its key. `Debug` shows nothing of the key.
#[derive(Clone)]
pub struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
}

/// The certificate or key given is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientCertificateError {
    /// There is no certificate in it.
    #[error("there is no certificate in it; give it as PEM, the chain behind it, or certificate and key as PKCS#12")]
    NoCertificate,
    /// There is no key in it.
    #[error("there is no private key in it; give one as PEM (PKCS#8, PKCS#1 or SEC1)")]
    NoKey,
    /// The key is encrypted and no password was given.
    #[error("the private key is encrypted, and there is no password for it")]
    PasswordNeeded,
    /// The password does not open it.
    #[error("the password does not open the private key")]
    WrongPassword,
    /// It cannot be read, or is protected in a way this client does not know.
    #[error("it cannot be read: {0}")]
    Damaged(String),
    /// The key is not that of the certificate.
    #[error("the private key does not belong to the certificate")]
    OtherKey,
}

impl ClientCertificate {
    /// Whether both are the same certificate with the same key.
    pub(super) fn is_same(&self, other: &ClientCertificate) -> bool {
        self.chain == other.chain && self.key.secret_der() == other.key.secret_der()
    }

    /// From PEM: a certificate, those of its issuers behind it if the host needs them, and its key
    /// (PKCS#8, encrypted or not, PKCS#1 or SEC1). Both may stand in one file.
    ///
    /// # Errors
    /// [`ClientCertificateError`].
    pub fn pem(certificate: &[u8], key: &[u8], password: Option<&Secret>) -> Result<Self, ClientCertificateError> {
        // The library's texts quote the line, which may hold a key.
        let damaged = |error: pem::Error| {
            let what = match error {
                pem::Error::MissingSectionEnd { .. } => "a section of the PEM text has no end",
                pem::Error::IllegalSectionStart { .. } => {
                    "a line that begins a section of the PEM text does not end as it must"
                }
                pem::Error::Base64Decode(_) => "a section of the PEM text is no Base64",
                _ => "it is no PEM text of a usable size",
            };
            ClientCertificateError::Damaged(what.to_owned())
        };
        let (certificate, key) = (text::plain(certificate), wiped(text::plain(key)));
        let (certificate, key) = (&*certificate, key.as_slice());
        let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>().map_err(damaged)?;
        let key = match PrivateKeyDer::from_pem_slice(key) {
            Ok(key) => key,
            Err(pem::Error::NoItemsFound) => decrypted(key, password)?,
            Err(error) => return Err(damaged(error)),
        };
        Self::new(chain, key)
    }

    /// From PKCS#12 (`.pfx`, `.p12`): the entry that has a key, with its chain.
    ///
    /// # Errors
    /// [`ClientCertificateError`].
    pub fn pkcs12(bytes: &[u8], password: Option<&Secret>) -> Result<Self, ClientCertificateError> {
        let given = password.map(Secret::expose).unwrap_or_default();
        let store = KeyStore::from_pkcs12(bytes, given).map_err(|error| {
            let text = error.to_string();
            // The integrity code over the whole file is made with the password.
            match (text.to_ascii_lowercase().contains("mac"), password) {
                (true, None) => ClientCertificateError::PasswordNeeded,
                (true, Some(_)) => ClientCertificateError::WrongPassword,
                (false, _) => ClientCertificateError::Damaged(text),
            }
        })?;
        let (_, entry) = store.private_key_chain().ok_or(ClientCertificateError::NoKey)?;
        let chain = entry.chain().iter().map(|certificate| CertificateDer::from(certificate.as_der().to_vec()));
        let key = PrivatePkcs8KeyDer::from(entry.key().to_vec());
        Self::new(chain.collect(), PrivateKeyDer::Pkcs8(key))
    }

    /// Whether the bytes are PEM with a key that a password protects.
    pub fn is_encrypted_pem(key: &[u8]) -> bool {
        encrypted(key).is_some()
    }

    /// Whether the bytes are not PEM, and so may be PKCS#12.
    pub fn is_binary(bytes: &[u8]) -> bool {
        bytes.first() == Some(&DER_SEQUENCE)
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, ClientCertificateError> {
        if chain.is_empty() {
            return Err(ClientCertificateError::NoCertificate);
        }
        let made = Self { chain, key: Arc::new(key) };
        let certified = made.certified(&super::tls::provider());
        let certified = certified.map_err(|error| ClientCertificateError::Damaged(error.to_string()))?;
        match certified.keys_match() {
            Err(TlsError::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
                Err(ClientCertificateError::OtherKey)
            }
            _ => Ok(made),
        }
    }

    fn certified(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let key = provider.key_provider.load_private_key(self.key.clone_key())?;
        Ok(CertifiedKey::new(self.chain.clone(), key))
    }
}

/// A client certificate at work in one session.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    certificate: ClientCertificate,
    /// Whether the host asked for it.
    asked: Arc<AtomicBool>,
}

impl Identity {
    pub(super) fn new(certificate: ClientCertificate) -> Self {
        Self { certificate, asked: Arc::default() }
    }

    /// Whether the host asked for the certificate in any handshake.
    pub(super) fn was_asked_for(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Shows the certificate when the host asks for one, and notes that it did.
    pub(super) fn resolver(&self, provider: &CryptoProvider) -> Result<Arc<dyn ResolvesClientCert>, TlsError> {
        Ok(Arc::new(Resolver { key: Arc::new(self.certificate.certified(provider)?), asked: self.asked.clone() }))
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCertificate({} certificates)", self.chain.len())
    }
}

#[derive(Debug)]
struct Resolver {
    key: Arc<CertifiedKey>,
    asked: Arc<AtomicBool>,
}

impl ResolvesClientCert for Resolver {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::SeqCst);
        // Hosts that map certificates often name no issuers, or not this one: they judge by themselves.
        Some(self.key.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Opens an encrypted key (PKCS#8 with PBES2, as OpenSSL writes it).
fn decrypted(pem: &[u8], password: Option<&Secret>) -> Result<PrivateKeyDer<'static>, ClientCertificateError> {
    let der = encrypted(pem).ok_or(ClientCertificateError::NoKey)?;
    let damaged = |error: &dyn fmt::Display| ClientCertificateError::Damaged(error.to_string());
    let der = der.map_err(|error| damaged(&error))?;
    let locked = EncryptedPrivateKeyInfo::try_from(der.as_slice()).map_err(|error| damaged(&error))?;
    let password = password.ok_or(ClientCertificateError::PasswordNeeded)?;
    // Nothing tells a wrong password from a damaged key but what comes out.
    let opened = locked.decrypt(password.expose()).map_err(|_| ClientCertificateError::WrongPassword)?;
    Ok(PrivateKeyDer::Pkcs8(opened.as_bytes().to_vec().into()))
}

/// The content of the first encrypted key in a PEM text.
fn encrypted(pem: &[u8]) -> Option<Result<Vec<u8>, base64::DecodeError>> {
    let pem = wiped(text::plain(pem));
    let text = str::from_utf8(&pem).ok()?;
    let (_, rest) = text.split_once("-----BEGIN ENCRYPTED PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END ENCRYPTED PRIVATE KEY-----")?;
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    Some(STANDARD.decode(body))
}

/// A copy of a key, gone when it is done with.
fn wiped(bytes: Cow<'_, [u8]>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.into_owned())
}

const DER_SEQUENCE: u8 = 0x30;

#[cfg(test)]
#[cfg(feature = "simulator")]
mod tests {
    use super::super::{AuthChoice, Connector};
    use super::*;

    fn made() -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["admin".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn error(certificate: &str, key: &str) -> ClientCertificateError {
        ClientCertificate::pem(certificate.as_bytes(), key.as_bytes(), None).unwrap_err()
    }

    #[test]
    fn certificate_and_key_in_one_text_or_two() {
        let (certificate, key) = made();
        assert!(ClientCertificate::pem(certificate.as_bytes(), key.as_bytes(), None).is_ok());
        let both = format!("# mine\n{key}\n{certificate}{certificate}");
        let read = ClientCertificate::pem(both.as_bytes(), both.as_bytes(), None).unwrap();
        assert_eq!(format!("{read:?}"), "ClientCertificate(2 certificates)");
    }

    #[test]
    fn what_is_missing_is_named() {
        let (certificate, key) = made();
        assert_eq!(error("", &key), ClientCertificateError::NoCertificate);
        assert_eq!(error(&certificate, &certificate), ClientCertificateError::NoKey);
        assert_eq!(error(&certificate, &made().1), ClientCertificateError::OtherKey);
        let broken = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(ClientCertificate::is_encrypted_pem(broken.as_bytes()));
        assert!(matches!(error(&certificate, broken), ClientCertificateError::Damaged(_)));
        for bytes in [&b""[..], b"x", b"\x30\x03\x02\x01\x03"] {
            assert!(matches!(ClientCertificate::pkcs12(bytes, None), Err(ClientCertificateError::Damaged(_))));
        }
    }

    #[test]
    fn it_logs_in_over_tls_only() {
        let (certificate, key) = made();
        let certificate = ClientCertificate::pem(certificate.as_bytes(), key.as_bytes(), None).unwrap();
        let over = |url: &str| Connector::new(url.parse().unwrap()).client_certificate(certificate.clone());
        assert!(over("https://hv").session().is_ok());
        let refused = over("http://hv").session().unwrap_err();
        assert!(refused.to_string().contains("https"), "{refused}");
        let without = Connector::new("https://hv".parse().unwrap()).auth(AuthChoice::Certificate).session();
        assert!(without.unwrap_err().to_string().contains("no client certificate"));
    }
}
