//! The tokens of one login, sent and answered, whatever the scheme.

use super::super::channel::{Authorization, Channel, Progress};
use super::super::connect::Settings;
use super::super::reply::status_text;
use super::super::wire::Answer;
use super::texts::{Texts, not_sent, scheme_error};
use super::{Failure, Link, Login, UNAUTHORIZED};
use crate::auth::kerberos::RC4;
use crate::auth::{AuthError, Handshake, KerberosCause, Offer, Scheme, Step};
use crate::wsman::{Delivery, ExchangeError, ExchangeErrorKind, Message};

/// A link that is logged in, and the answer to the message where it went with the last token.
pub(super) type Carried<E> = Result<(Link, Option<Answer>), E>;

/// Why a login came to its end without a link.
pub(super) enum Stop {
    /// No password was judged: another scheme may be tried.
    PassOver(Failure),
    /// Nothing more may be tried.
    End(Failure),
}

impl Stop {
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::PassOver(failure) | Self::End(failure) => failure,
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::End(failure)
    }
}

/// Sends the first token and brings the first answer to it, on whichever connection that came: a 401, or
/// a success that carries a token of the server.
pub(super) async fn greet(
    settings: &Settings,
    mut channel: Channel,
    scheme: Scheme,
    token: &[u8],
) -> Result<(Channel, Answer), Failure> {
    let hello = Some(Authorization::token(scheme, token).map_err(not_sent)?);
    let mut answer = channel.send_empty(hello.clone()).await.map_err(not_sent)?;
    let ignored = |offer: &Offer| offer.known == Some(scheme) && offer.token.is_none();
    if answer.status == UNAUTHORIZED && answer.offers.iter().any(ignored) {
        // A server that names its schemes before it looks at any token. Nothing secret was sent, so
        // even a new connection does no harm.
        let again = if answer.closes { None } else { Some(channel.send_empty(hello.clone()).await) };
        answer = match again {
            Some(Ok(answer)) => answer,
            Some(Err(broken)) if !broken.is_lost() => return Err(not_sent(broken)),
            _ => {
                channel = settings.open().map_err(not_sent)?;
                channel.send_empty(hello).await.map_err(not_sent)?
            }
        };
    }
    asks_for_login(settings, &answer, Some(scheme))?;
    Ok((channel, answer))
}

/// Whether this is how a listener answers a request that carries no message.
pub(super) fn asks_for_login(settings: &Settings, answer: &Answer, scheme: Option<Scheme>) -> Result<(), Failure> {
    let authority = settings.endpoint.authority();
    match answer.status {
        UNAUTHORIZED => Ok(()),
        // The request carried no message.
        400.. => Err(Failure::Other(ExchangeError::new(
            ExchangeErrorKind::HttpStatus(answer.status),
            Delivery::NotSent,
            status_text(answer.status, authority, true),
        ))),
        _ if scheme.is_some_and(|scheme| answer.token(scheme).is_some()) => Ok(()),
        status => Err(scheme_error(format!(
            "{authority} answers with status {status} without asking for a login: this is no WinRM listener, or one for anybody"
        ))),
    }
}

/// Goes on from the first answer to the end of the login.
pub(super) async fn converse(
    settings: &Settings,
    channel: Channel,
    scheme: Scheme,
    mut handshake: Handshake,
    mut answer: Answer,
    message: &Message,
    progress: &Progress,
) -> Carried<Stop> {
    for _ in 0..MOST_LEGS {
        let unanswered = answer.status == UNAUTHORIZED && answer.offers(scheme) && handshake.may_go_on_without_token();
        let Some(token) = answer.token(scheme).or(unanswered.then(Vec::new)) else {
            return Err(match answer.status {
                UNAUTHORIZED => refused(settings, &handshake),
                status if status >= 400 => {
                    let text = status_text(status, settings.endpoint.authority(), true);
                    let kind = ExchangeErrorKind::HttpStatus(status);
                    Stop::End(Failure::Other(ExchangeError::new(kind, Delivery::NotSent, text)))
                }
                _ => Stop::End(settings.login_error(AuthError::Incomplete, Delivery::NotSent)),
            });
        };
        let step = handshake.step(&token).map_err(|error| {
            let after_password = handshake.tried_password();
            // What refuses a ticket says so in a token of its own, if not always why.
            let failure = match &error {
                AuthError::Kerberos(kerberos) if kerberos.cause() == KerberosCause::Unexplained => {
                    settings.ticket_refused()
                }
                _ => match settings.login_error(error, Delivery::NotSent) {
                    Failure::Other(error) if answer.status == UNAUTHORIZED => Failure::Refused(error),
                    failure => failure,
                },
            };
            if after_password { Stop::End(failure) } else { Stop::PassOver(failure) }
        })?;
        if answer.closes {
            return Err(Failure::Other(settings.closes_in_login()).into());
        }
        match step {
            Step::Done if answer.status == UNAUTHORIZED => return Err(refused(settings, &handshake)),
            Step::Done => {
                let login = login(scheme, &mut handshake);
                let (_, context) =
                    handshake.finish().map_err(|error| settings.login_error(error, Delivery::NotSent))?;
                return Ok((Link::new(channel, context, answer.from_http_sys, login), None));
            }
            Step::More(token) => {
                let authorization = Authorization::token(scheme, &token).map_err(not_sent)?;
                answer = match channel.send_empty(Some(authorization)).await {
                    Ok(answer) => answer,
                    Err(broken) if broken.is_lost() => {
                        let error = broken.into_error(Delivery::NotSent);
                        return Err(Failure::Other(settings.closes_in_login().with_source(error)).into());
                    }
                    Err(broken) => return Err(not_sent(broken).into()),
                };
            }
            Step::Last(token) => {
                let authorization = Authorization::token(scheme, &token).map_err(not_sent)?;
                let http_sys = answer.from_http_sys;
                let carried = last(settings, channel, scheme, handshake, http_sys, authorization, message, progress);
                return carried.await.map_err(Stop::End);
            }
        }
    }
    let reason = AuthError::Malformed { message: "login", reason: "the server keeps asking for more" };
    Err(settings.login_error(reason, Delivery::NotSent).into())
}

/// Sends the last token, and the message with it where that is right.
#[expect(clippy::too_many_arguments, reason = "one step of the function above, which has all of them")]
async fn last(
    settings: &Settings,
    channel: Channel,
    scheme: Scheme,
    mut handshake: Handshake,
    http_sys: bool,
    authorization: Authorization,
    message: &Message,
    progress: &Progress,
) -> Carried<Failure> {
    // Only what may repeat rides on a token: if the login is refused, nobody can say what became of it.
    // Servers other than http.sys may break on a body there.
    let rides = http_sys && message.may_repeat() && handshake.message_may_ride();
    let login = login(scheme, &mut handshake);
    let (_, context) = handshake.finish().map_err(|error| settings.login_error(error, Delivery::NotSent))?;
    let outcome;
    let link;
    if rides {
        let mut ready = Link::new(channel, context, http_sys, login);
        outcome = ready.post(Some(authorization), message, progress).await?;
        link = ready;
    } else {
        outcome = channel.send_empty(Some(authorization)).await;
        link = Link::new(channel, context, http_sys, login);
    }
    let answer = match outcome {
        Ok(answer) => answer,
        Err(broken) if broken.is_unsent() || !rides => {
            let lost = broken.is_lost();
            let error = broken.into_error(Delivery::NotSent);
            let closes = || settings.closes_in_login();
            return Err(Failure::Other(if lost { closes().with_source(error) } else { error }));
        }
        // Whether the password was right is not known: no second attempt of our own.
        Err(broken) => return Err(Failure::Other(broken.carrying())),
    };
    match answer.status {
        UNAUTHORIZED => Err(settings.refused(if rides { Delivery::Unknown } else { Delivery::NotSent })),
        _ if rides => Ok((link, Some(answer))),
        _ if answer.closes => Err(Failure::Other(settings.closes_in_login())),
        _ => Ok((link, None)),
    }
}

fn refused(settings: &Settings, handshake: &Handshake) -> Stop {
    match (handshake.tried_password(), handshake.shows_ticket()) {
        (true, _) => Stop::End(settings.refused(Delivery::NotSent)),
        (false, true) => Stop::PassOver(settings.ticket_refused()),
        (false, false) => Stop::PassOver(settings.ended_early()),
    }
}

fn login(scheme: Scheme, handshake: &mut Handshake) -> Login {
    let encryption = handshake.encryption();
    if encryption == Some(RC4) {
        tracing::warn!(
            "the Kerberos session key is {RC4}, which is broken: have AES switched on for the host's account in the realm"
        );
    }
    Login { scheme, mechanism: handshake.mechanism(), encryption, passed_over: None }
}

/// More than any mechanism here takes.
const MOST_LEGS: usize = 8;
