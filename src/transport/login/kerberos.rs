//! Kerberos: tickets first, then a scheme that takes them.

use super::super::channel::Progress;
use super::super::connect::{AuthChoice, Kerberos, Settings};
use super::texts::{Texts, not_sent};
use super::tokens::{self, Carried, Conversation, Stop};
use super::{Failure, UNAUTHORIZED, binding, initiator};
use crate::auth::{
    AuthError, ChannelBinding, Handshake, KerberosError, KerberosInitiator, KerberosOptions, NegotiateInitiator,
    Scheme, Step, Tickets,
};
use crate::wsman::{Delivery, Message};

/// Logs in with tickets, under the best scheme the host offers for them.
///
/// Over plain HTTP the first request already carries a token. Over TLS the first request is empty: the
/// token is bound to a certificate that is seen only then, and the answer names the schemes.
pub(super) async fn log_in(
    settings: &Settings,
    kerberos: &Kerberos,
    message: &Message,
    progress: &Progress,
) -> Carried<Stop> {
    let tickets = tickets(settings, kerberos).await?;
    let mut channel = settings.open().map_err(not_sent)?;
    let mut scheme = match settings.auth {
        AuthChoice::Kerberos => Scheme::Kerberos,
        _ => Scheme::Negotiate,
    };
    let mut bound_to = None;
    if settings.endpoint.is_tls() {
        let answer = channel.send_empty(None).await.map_err(not_sent)?;
        tokens::asks_for_login(settings, &answer, None)?;
        scheme = [scheme, Scheme::Negotiate, Scheme::Kerberos]
            .into_iter()
            .find(|scheme| may_use(settings, *scheme) && answer.offers(*scheme))
            .ok_or_else(|| Stop::PassOver(settings.no_scheme(&answer, Delivery::NotSent)))?;
        bound_to = binding(settings, &channel)?;
        if answer.closes {
            channel = settings.open().map_err(not_sent)?;
        }
    }
    let (mut handshake, mut token) = begin(settings, kerberos, &tickets, scheme, bound_to).await?;
    let (mut channel, mut answer) = tokens::greet(settings, channel, scheme, &token).await?;
    let other = if scheme == Scheme::Kerberos { Scheme::Negotiate } else { Scheme::Kerberos };
    if answer.status == UNAUTHORIZED && !answer.offers(scheme) {
        if !may_use(settings, other) || !answer.offers(other) {
            return Err(Stop::PassOver(settings.no_scheme(&answer, Delivery::NotSent)));
        }
        scheme = other;
        channel = if answer.closes { settings.open().map_err(not_sent)? } else { channel };
        (handshake, token) = begin(settings, kerberos, &tickets, scheme, bound_to).await?;
        (channel, answer) = tokens::greet(settings, channel, scheme, &token).await?;
    }
    let carried =
        tokens::converse(Conversation { settings, channel, scheme, handshake, message, progress }, answer).await;
    if carried.is_err() {
        // They may have been issued for a key that the host no longer has.
        kerberos.keep(None);
    }
    carried
}

fn may_use(settings: &Settings, scheme: Scheme) -> bool {
    match scheme {
        Scheme::Kerberos => matches!(settings.auth, AuthChoice::Kerberos | AuthChoice::Auto),
        _ => true,
    }
}

/// The tickets of the session, taken at the first login.
pub(super) async fn tickets(settings: &Settings, kerberos: &Kerberos) -> Result<Tickets, Stop> {
    if let Some(tickets) = kerberos.taken().filter(Tickets::still_hold) {
        return Ok(tickets);
    }
    let (user, source) = (kerberos.user.clone(), kerberos.source.clone());
    let taken = apart(move || Tickets::acquire(user.as_ref(), &source)).await;
    let tickets = taken.map_err(|error| stop(settings, error))?;
    tracing::debug!(principal = tickets.principal(), lifetime = ?tickets.lifetime(), "tickets taken");
    kerberos.keep(Some(tickets.clone()));
    Ok(tickets)
}

/// A handshake for a scheme, and its first token.
async fn begin(
    settings: &Settings,
    kerberos: &Kerberos,
    tickets: &Tickets,
    scheme: Scheme,
    binding: Option<ChannelBinding>,
) -> Result<(Handshake, Vec<u8>), Stop> {
    let options = KerberosOptions { service: settings.service.clone(), binding, delegate: kerberos.delegate };
    let ntlm = match (scheme, settings.ntlm()) {
        (Scheme::Negotiate, Some(credentials)) => Some(initiator(settings, credentials, binding)?),
        _ => None,
    };
    let tickets = tickets.clone();
    let begun = apart(move || {
        let initiator = KerberosInitiator::new(&tickets, &options)?;
        let mut handshake = match scheme {
            Scheme::Kerberos => Handshake::from(initiator),
            _ => Handshake::from(NegotiateInitiator::new(Some(initiator), ntlm)),
        };
        match handshake.step(&[])? {
            Step::More(token) => Ok((handshake, token)),
            // Mutual authentication takes an answer.
            Step::Last(_) | Step::Done => Err(AuthError::Incomplete),
        }
    });
    begun.await.map_err(|error| match error {
        AuthError::Kerberos(error) => stop(settings, error),
        error => Stop::PassOver(settings.login_error(error, Delivery::NotSent)),
    })
}

/// Whether another scheme may be tried after this.
pub(super) fn stop(settings: &Settings, error: KerberosError) -> Stop {
    let judged = error.judged_password();
    match settings.login_error(error.into(), Delivery::NotSent) {
        Failure::Other(error) if judged => Stop::End(Failure::Refused(error)),
        failure => Stop::PassOver(failure),
    }
}

/// Runs what may wait for a KDC on a thread of its own, so that a caller whose time is up need not wait
/// with it.
pub(super) async fn apart<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<KerberosError> + Send + 'static,
{
    let (tell, told) = tokio::sync::oneshot::channel();
    let run = move || {
        let _ = tell.send(work());
    };
    let failed = || KerberosError::internal("no thread could be started for the Kerberos library");
    if std::thread::Builder::new().name("kerberos".to_owned()).spawn(run).is_err() {
        return Err(failed().into());
    }
    told.await.unwrap_or_else(|_| Err(failed().into()))
}
