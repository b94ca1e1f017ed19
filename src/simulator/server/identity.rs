//! What a host made here shows of itself over TLS: a certificate that nobody vouches for.

use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::auth::ChannelBinding;

/// A certificate made at start, for this computer alone.
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) binding: ChannelBinding,
}

impl Identity {
    /// # Errors
    /// Why none can be made.
    pub(crate) fn make() -> Result<Self, String> {
        let fail = |error: &dyn std::fmt::Display| error.to_string();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(|error| fail(&error))?;
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(|error| fail(&error))?;
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| fail(&error))?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .map_err(|error| fail(&error))?;
        let binding = ChannelBinding::tls_server_end_point(&certificate).map_err(|error| fail(&error))?;
        Ok(Identity { acceptor: TlsAcceptor::from(Arc::new(config)), certificate, binding })
    }
}
