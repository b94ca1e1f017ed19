//! CredSSP: chosen by name alone, as it ends with the host having the password.

use super::super::channel::Progress;
use super::super::connect::Settings;
use super::kerberos::{apart, stop, tickets};
use super::texts::{Texts, not_sent, scheme_error};
use super::tokens::{self, Carried, Conversation, Stop};
use super::{Failure, initiator};
use crate::auth::{
    AuthError, CredSspInitiator, Credentials, Handshake, KerberosInitiator, KerberosOptions, NegotiateInitiator,
    Scheme, Step, Tickets,
};
use crate::wsman::{Delivery, Message};

/// Logs in and hands the password over. The first request is empty, as specified (MS-WSMV 3.1.4.1.28): the
/// answer says whether there is CredSSP at all.
pub(super) async fn log_in(settings: &Settings, message: &Message, progress: &Progress) -> Carried<Failure> {
    let Some(credentials) = &settings.credentials else {
        return Err(scheme_error("CredSSP takes a user and a password to hand to the host".to_owned()));
    };
    let (mut handshake, passed_over) = begin(settings, credentials).await?;
    let mut channel = settings.open().map_err(not_sent)?;
    let answer = channel.send_empty(None).await.map_err(not_sent)?;
    tokens::asks_for_login(settings, &answer, None)?;
    if !answer.offers(Scheme::CredSsp) {
        return Err(settings.no_scheme(&answer, Delivery::NotSent));
    }
    if answer.closes {
        channel = settings.open().map_err(not_sent)?;
    }
    let failed = |error| settings.login_error(error, Delivery::NotSent);
    let Step::More(hello) = handshake.step(&[]).map_err(failed)? else { return Err(failed(AuthError::Incomplete)) };
    let (channel, answer) = tokens::greet(settings, channel, Scheme::CredSsp, &hello).await?;
    let scheme = Scheme::CredSsp;
    let conversation = Conversation { settings, channel, scheme, handshake, message, progress };
    let carried = tokens::converse(conversation, answer).await;
    if carried.is_err()
        && let Some(kerberos) = &settings.kerberos
    {
        kerberos.keep(None);
    }
    match (carried, passed_over) {
        (Ok((link, answer)), reason) => Ok((link.passing_over(reason), answer)),
        (Err(stop), Some(reason)) => Err(stop.into_failure().after(&reason)),
        (Err(stop), None) => Err(stop.into_failure()),
    }
}

/// A handshake with Kerberos inside where it can be had, and why not where it cannot.
async fn begin(settings: &Settings, credentials: &Credentials) -> Result<(Handshake, Option<String>), Failure> {
    let mut passed_over = None;
    if let Some(kerberos) = &settings.kerberos {
        let begun = match tickets(settings, kerberos).await {
            Ok(tickets) => with_tickets(settings, credentials, tickets).await,
            Err(stop) => Err(stop),
        };
        match begun {
            Ok(handshake) => return Ok((handshake, None)),
            Err(Stop::PassOver(failure)) => {
                let reason = failure.into_error().to_string();
                tracing::info!(reason, "Kerberos passed over");
                passed_over = Some(reason);
            }
            Err(Stop::End(failure)) => return Err(failure),
        }
    }
    // Nothing is bound to the certificate of an outer TLS connection here: the inner one has its own proof.
    let negotiate = NegotiateInitiator::new(None, Some(initiator(settings, credentials, None)?));
    let begun = CredSspInitiator::new(negotiate, credentials.clone());
    let handshake = begun.map_err(|error| settings.login_error(error, Delivery::NotSent))?;
    Ok((handshake.into(), passed_over))
}

/// Kerberos first, NTLM behind it.
async fn with_tickets(settings: &Settings, credentials: &Credentials, tickets: Tickets) -> Result<Handshake, Stop> {
    let options = KerberosOptions { service: settings.service.clone(), binding: None, delegate: false };
    let ntlm = initiator(settings, credentials, None)?;
    let credentials = credentials.clone();
    let begun = apart(move || {
        let kerberos = KerberosInitiator::new(&tickets, &options)?;
        CredSspInitiator::new(NegotiateInitiator::new(Some(kerberos), Some(ntlm)), credentials)
    });
    begun.await.map(Handshake::from).map_err(|error| match error {
        AuthError::Kerberos(error) => stop(settings, error),
        error => Stop::End(settings.login_error(error, Delivery::NotSent)),
    })
}
