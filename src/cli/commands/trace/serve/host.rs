//! What all connections of a played-back host share: answers, account, certificate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::connection;
use crate::auth::accept::{Acceptor, AcceptorOptions, Account, BindingPolicy};
use crate::auth::{Credentials, Entropy, PartHeaders, basic_authorization, filetime};
use crate::cli::output::note;
use crate::simulator::Identity;
use crate::trace::{Answer, Answers};

/// A host made of a recording.
pub struct Host {
    answers: Answers,
    delays: f64,
    credentials: Credentials,
    server: String,
    identity: Option<Identity>,
    answered: AtomicU64,
    lacking: AtomicU64,
}

impl Host {
    pub fn new(
        answers: Answers,
        delays: f64,
        credentials: Credentials,
        server: Option<String>,
        identity: Option<Identity>,
    ) -> Self {
        let server = server.unwrap_or_else(|| "recording".to_owned());
        Host { answers, delays, credentials, server, identity, answered: AtomicU64::new(0), lacking: AtomicU64::new(0) }
    }

    /// Takes connections for ever.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        // Dropped with this future, which ends every connection.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                taken = listener.accept() => {
                    let Ok((stream, _)) = taken else { continue };
                    let _ = stream.set_nodelay(true);
                    connections.spawn(connection::serve(stream, self.clone()));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// How many requests were answered, and how many the recording lacks.
    pub fn counts(&self) -> (u64, u64) {
        (self.answered.load(Ordering::Relaxed), self.lacking.load(Ordering::Relaxed))
    }

    /// The answer to a message, and how long to wait before it.
    pub(super) fn answer(&self, message: &[u8]) -> Result<(Answer, Duration), String> {
        match self.answers.answer(message) {
            Ok(answer) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                let wait = Duration::try_from_secs_f64(answer.took.as_secs_f64() * self.delays).unwrap_or_default();
                Ok((answer, wait))
            }
            Err(text) => {
                self.lacking.fetch_add(1, Ordering::Relaxed);
                note(&format!("not in the recording: {text}"));
                Err(text)
            }
        }
    }

    /// The name in the `Server` header, as recorded: a client may go by it.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// How part headers are written by a host of this name.
    pub(super) fn style(&self) -> PartHeaders {
        if self.server.starts_with("Microsoft-HTTPAPI/") { PartHeaders::Tabbed } else { PartHeaders::Plain }
    }

    pub(super) fn tls(&self) -> Option<&TlsAcceptor> {
        self.identity.as_ref().map(|identity| &identity.acceptor)
    }

    pub(super) fn takes_basic(&self, authorization: &str) -> bool {
        self.identity.is_some() && authorization == basic_authorization(&self.credentials).expose()
    }

    /// The accepting half of one login.
    pub(super) fn acceptor(&self) -> Option<Acceptor> {
        let user = &self.credentials.user;
        let account = Account {
            domain: user.domain().to_owned(),
            user: user.user().to_owned(),
            password: self.credentials.password.clone(),
        };
        let binding = self.identity.as_ref().map(|identity| BindingPolicy::Relaxed(identity.binding));
        Some(Acceptor::new(AcceptorOptions {
            accounts: vec![account],
            computer: COMPUTER.to_owned(),
            domain: user.domain().to_owned(),
            dns_computer: COMPUTER.to_lowercase(),
            dns_domain: String::new(),
            binding: binding.unwrap_or(BindingPolicy::Ignore),
            server_challenge: Entropy::system().ok()?.client_challenge,
            now: filetime(SystemTime::now()),
        }))
    }
}

const COMPUTER: &str = "RECORDING";
