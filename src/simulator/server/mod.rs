//! The simulated host on a socket: HTTP with sealing, or HTTPS, on loopback only.

mod answer;
mod connection;
mod cut;
mod identity;
mod login;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::auth::{ChannelBinding, Secret};

use super::clock::{RealClock, SimulatorClock};
use super::host::Simulator;
use super::scenario::Scenario;
pub(crate) use identity::Identity;

/// How a server listens.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ServerOptions {
    /// HTTPS instead of HTTP.
    pub tls: bool,
    /// The port; 0 takes a free one.
    pub port: u16,
}

impl ServerOptions {
    /// HTTP on a free port: every body must be sealed.
    pub fn http() -> Self {
        ServerOptions::default()
    }

    /// HTTPS on a free port, with a certificate made at start.
    pub fn https() -> Self {
        ServerOptions { tls: true, ..ServerOptions::default() }
    }

    /// On this port.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        ServerOptions { port, ..self }
    }
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The port is taken, or may not be used.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// The certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Random,
}

/// A running server; it ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    tls: bool,
    certificate: Option<CertificateDer<'static>>,
    password: Secret,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What all connections know.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) simulator: Arc<Simulator>,
    pub(super) password: Secret,
    pub(super) tls: bool,
    pub(super) binding: Option<ChannelBinding>,
    pub(super) counts: Counts,
}

/// What the listener counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) logins: AtomicU64,
    pub(super) refused_logins: AtomicU64,
}

impl Server {
    /// Starts a server by the time of day, on the runtime of the caller.
    ///
    /// # Errors
    /// [`ServerError`] when the port or the certificate cannot be had.
    pub async fn start(scenario: Scenario, options: ServerOptions) -> Result<Server, ServerError> {
        Server::start_with_clock(scenario, options, RealClock).await
    }

    /// Starts a server by another clock.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_with_clock(
        scenario: Scenario,
        options: ServerOptions,
        clock: impl SimulatorClock,
    ) -> Result<Server, ServerError> {
        Server::serve(Simulator::with_clock(scenario, clock), options).await
    }

    /// Puts a host on a socket, such as one half of a pair. All servers of a host or a pair have one password.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn serve(simulator: Arc<Simulator>, options: ServerOptions) -> Result<Server, ServerError> {
        let password = match &simulator.scenario().account.password {
            Some(password) => Secret::from(password.as_str()),
            None => {
                let made = random_password()?;
                simulator.password().get_or_init(|| made).clone()
            }
        };
        let port = options.port;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.map_err(|source| ServerError::Listen { port, source })?;
        let address = listener.local_addr().map_err(|source| ServerError::Listen { port, source })?;
        let identity = options.tls.then(Identity::make).transpose().map_err(ServerError::Certificate)?;
        let shared = Arc::new(Shared {
            simulator,
            password: password.clone(),
            tls: options.tls,
            binding: identity.as_ref().map(|identity| identity.binding),
            counts: Counts::default(),
        });
        let (acceptor, certificate) = identity.map(|identity| (identity.acceptor, identity.certificate)).unzip();
        let task = tokio::spawn(serve(listener, acceptor, shared.clone()));
        Ok(Server { address, tls: options.tls, certificate, password, shared, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL for `--host`.
    pub fn url(&self) -> String {
        format!("{}://{}/wsman", if self.tls { "https" } else { "http" }, self.address)
    }

    /// The user that may log in, `DOMAIN\user` or a bare name.
    pub fn user(&self) -> String {
        let account = &self.shared.simulator.scenario().account;
        match account.domain.is_empty() {
            true => account.user.clone(),
            false => format!("{}\\{}", account.domain, account.user),
        }
    }

    /// The password, made at start unless the scenario names one.
    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// The certificate in DER; none over HTTP.
    pub fn certificate_der(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// The host behind it.
    pub fn simulator(&self) -> &Arc<Simulator> {
        &self.shared.simulator
    }

    /// HTTP requests received, those of logins included.
    pub fn requests(&self) -> u64 {
        self.shared.counts.requests.load(Ordering::Relaxed)
    }

    /// TCP connections taken.
    pub fn connections(&self) -> u64 {
        self.shared.counts.connections.load(Ordering::Relaxed)
    }

    /// Logins that succeeded.
    pub fn logins(&self) -> u64 {
        self.shared.counts.logins.load(Ordering::Relaxed)
    }

    /// Logins that were refused: each one counts towards a lock-out on a real host.
    pub fn refused_logins(&self) -> u64 {
        self.shared.counts.refused_logins.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    // Dropping the set with this task ends every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            taken = listener.accept() => {
                let Ok((stream, _)) = taken else { continue };
                shared.counts.connections.fetch_add(1, Ordering::Relaxed);
                // Small answers should not wait for each other.
                let _ = stream.set_nodelay(true);
                connections.spawn(connection::serve(stream, acceptor.clone(), shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// 20 letters and digits.
fn random_password() -> Result<Secret, ServerError> {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).map_err(|_| ServerError::Random)?;
    let letter = |byte: u8| LETTERS.get(usize::from(byte) % LETTERS.len()).copied().map_or('x', char::from);
    Ok(Secret::from(bytes.into_iter().map(letter).collect::<String>()))
}
