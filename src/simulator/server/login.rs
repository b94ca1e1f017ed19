//! The login of one TCP connection.

use std::sync::atomic::Ordering;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::auth::accept::{Acceptor, AcceptorOptions, Account, BindingPolicy};
use crate::auth::{Entropy, SecurityContext, filetime};
use crate::simulator::scenario::ChannelBindingLevel;

use super::Shared;

/// How far a connection has come.
#[derive(Debug, Default)]
pub(super) enum Login {
    /// Nobody.
    #[default]
    None,
    /// A challenge is out.
    Challenged(Box<Acceptor>),
    /// Somebody, with the keys of the connection.
    Done {
        /// The keys; over TLS nothing is sealed with them.
        context: Box<SecurityContext>,
        /// The epoch of the service in which the login happened.
        epoch: u64,
    },
}

/// What a token led to.
pub(super) enum Step {
    /// Send this challenge with a 401.
    Challenge(String),
    /// The login is complete.
    Done,
    /// 401, and the connection begins anew.
    Refused,
}

impl Login {
    /// Takes the token of `Authorization: Negotiate …`, bare NTLM in base64.
    pub(super) fn step(&mut self, token: &str, shared: &Shared) -> Step {
        let Ok(token) = STANDARD.decode(token.trim()) else { return Step::Refused };
        match std::mem::take(self) {
            Login::Challenged(acceptor) => match acceptor.authenticate(&token) {
                Ok((user, context)) => {
                    tracing::debug!(%user, "simulated login");
                    shared.counts.logins.fetch_add(1, Ordering::Relaxed);
                    *self = Login::Done { context: Box::new(context), epoch: shared.simulator.epoch() };
                    Step::Done
                }
                Err(error) => {
                    tracing::debug!(%error, "simulated login refused");
                    shared.counts.refused_logins.fetch_add(1, Ordering::Relaxed);
                    Step::Refused
                }
            },
            _ => {
                let Some(mut acceptor) = acceptor(shared) else { return Step::Refused };
                match acceptor.challenge(&token) {
                    Ok(challenge) => {
                        *self = Login::Challenged(Box::new(acceptor));
                        Step::Challenge(STANDARD.encode(challenge))
                    }
                    Err(error) => {
                        tracing::debug!(%error, "simulated login refused");
                        Step::Refused
                    }
                }
            }
        }
    }
}

fn acceptor(shared: &Shared) -> Option<Acceptor> {
    let scenario = shared.simulator.scenario();
    let binding = match (scenario.http.channel_binding, &shared.binding) {
        (ChannelBindingLevel::Relaxed, Some(binding)) => BindingPolicy::Relaxed(*binding),
        (ChannelBindingLevel::Strict, Some(binding)) => BindingPolicy::Strict(*binding),
        // Over plain HTTP any given binding is ignored (MS-WSMV 2.2.4.34).
        _ => BindingPolicy::Ignore,
    };
    let account = Account {
        domain: scenario.account.domain.clone(),
        user: scenario.account.user.clone(),
        password: shared.password.clone(),
    };
    Some(Acceptor::new(AcceptorOptions {
        accounts: vec![account],
        computer: scenario.computer.clone(),
        domain: scenario.account.domain.clone(),
        dns_computer: scenario.computer.to_lowercase(),
        dns_domain: String::new(),
        binding,
        server_challenge: Entropy::system().ok()?.client_challenge,
        now: filetime(SystemTime::now()),
    }))
}
