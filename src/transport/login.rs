//! From nothing to a connection that messages go over: the order of tokens (MS-WSMV 2.2.9.1.1.1).

use std::time::SystemTime;

use super::channel::{Authorization, Channel, PlainHttp, Progress, Tls};
use super::connect::{AuthChoice, Settings};
use super::failure::Broken;
use super::reply::{Seal, read_clear, read_sealed, status_text};
use super::wire::Answer;
use crate::auth::{
    AuthError, ChannelBinding, Entropy, Initiator, Offer, Options, PartHeaders, Scheme, SecurityContext, filetime,
    seal_message,
};
use crate::wsman::{Delivery, ExchangeError, ExchangeErrorKind, Message, Reply};

/// A connection that messages go over.
pub(super) enum Link {
    /// NTLM over plain HTTP: every message is sealed.
    Sealed(PlainHttp, Box<Seal>),
    /// NTLM inside TLS, bound to its certificate.
    Bound(Tls),
    /// Basic inside TLS: the header goes with every message.
    Basic(Tls, Authorization),
}

/// Why there is no reply, told by what it means for the next attempt.
pub(super) enum Failure {
    /// A connection that was logged in has ended.
    Lost(ExchangeError),
    /// A connection that was logged in is so no more: 401.
    Expired(ExchangeError),
    /// The password is wrong, or the account may not log in. Must not be tried again.
    Refused(ExchangeError),
    /// Anything else.
    Other(ExchangeError),
}

/// Logs in on a new connection. Where the server is http.sys and the message may repeat, the message
/// rides on the last token, and its answer comes back with the link (MS-WSMV 4.5).
pub(super) async fn log_in(
    settings: &Settings,
    message: &Message,
    progress: &Progress,
) -> Result<(Link, Option<Answer>), Failure> {
    let channel = settings.open().map_err(not_sent)?;
    if settings.auth == AuthChoice::Basic {
        return Ok((basic(settings, channel)?, None));
    }
    let (channel, answer) = greet(settings, channel).await?;
    let offer = answer.offers.iter().find(|offer| offer.known == Some(Scheme::Negotiate));
    match offer.map(|offer| offer.token.as_deref()) {
        Some(Some(challenge)) => {
            if answer.closes {
                return Err(Failure::Other(closes_in_login(settings)));
            }
            negotiate(settings, channel, challenge, answer.from_http_sys, message, progress).await
        }
        Some(None) => Err(scheme_error(format!(
            "{} offers Negotiate but answers NTLM with no challenge: NTLM may be switched off there",
            settings.endpoint.authority()
        ))),
        None if settings.may_fall_back_to_basic() && offers_basic(&answer) => {
            let channel = if answer.closes { settings.open().map_err(not_sent)? } else { channel };
            Ok((basic(settings, channel)?, None))
        }
        None => Err(no_scheme(settings, &answer, Delivery::NotSent)),
    }
}

/// Sends the first token and brings the first 401, on whichever connection it came.
async fn greet(settings: &Settings, mut channel: Channel) -> Result<(Channel, Answer), Failure> {
    // The first token says nothing of the connection, so it can be made before there is a
    // certificate to bind to; the login proper repeats it byte for byte.
    let token = initiator(settings, None)?.negotiate();
    let hello = Authorization::negotiate(&token).map_err(not_sent)?;
    let mut answer = channel.send_empty(hello.clone()).await.map_err(not_sent)?;
    let ignored = |offer: &Offer| offer.known == Some(Scheme::Negotiate) && offer.token.is_none();
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
    match answer.status {
        UNAUTHORIZED => Ok((channel, answer)),
        // The request carried no message: whatever went wrong, the host did not act on one.
        400.. => Err(Failure::Other(ExchangeError::new(
            ExchangeErrorKind::HttpStatus(answer.status),
            Delivery::Answered,
            status_text(answer.status, settings.endpoint.authority(), true),
        ))),
        status => Err(scheme_error(format!(
            "{} answers with status {status} without asking for a login: this is no WinRM listener, or one for anybody",
            settings.endpoint.authority()
        ))),
    }
}

/// Answers the challenge.
async fn negotiate(
    settings: &Settings,
    channel: Channel,
    challenge: &[u8],
    http_sys: bool,
    message: &Message,
    progress: &Progress,
) -> Result<(Link, Option<Answer>), Failure> {
    let binding = match &channel {
        Channel::Plain(_) => None,
        Channel::Tls(_) => {
            let certificate = channel.certificate().ok_or(AuthError::Certificate);
            let binding = certificate.and_then(|der| ChannelBinding::tls_server_end_point(&der));
            Some(binding.map_err(|error| login_error(settings, error))?)
        }
    };
    let initiator = initiator(settings, binding)?;
    let (token, context) = initiator.authenticate(challenge).map_err(|error| login_error(settings, error))?;
    let authorization = Authorization::negotiate(&token).map_err(not_sent)?;
    // Only what may repeat rides on a token: if the login is refused, nobody can say what became of it.
    // Servers other than http.sys may break on a body there.
    let rides = http_sys && message.may_repeat();
    let outcome;
    let link;
    if rides {
        let mut ready = Link::new(channel, context, http_sys);
        outcome = ready.post(Some(authorization), message, progress).await?;
        link = ready;
    } else {
        outcome = channel.send_empty(authorization).await;
        link = Link::new(channel, context, http_sys);
    }
    let answer = match outcome {
        Ok(answer) => answer,
        Err(broken) if broken.is_unsent() || !rides => {
            let lost = broken.is_lost();
            let error = broken.into_error(Delivery::NotSent);
            return Err(Failure::Other(if lost { closes_in_login(settings).with_source(error) } else { error }));
        }
        // Whether the password was right is not known: no second attempt of our own.
        Err(broken) => return Err(Failure::Other(broken.carrying())),
    };
    match answer.status {
        UNAUTHORIZED => Err(refused(settings)),
        _ if rides => Ok((link, Some(answer))),
        _ if answer.closes => Err(Failure::Other(closes_in_login(settings))),
        _ => Ok((link, None)),
    }
}

impl Link {
    fn new(channel: Channel, context: SecurityContext, http_sys: bool) -> Self {
        // Tabs as the grammar demands for http.sys; others, such as OMI, refuse them.
        let style = if http_sys { PartHeaders::Tabbed } else { PartHeaders::Plain };
        match channel {
            Channel::Plain(channel) => Self::Sealed(channel, Box::new(Seal { context, style })),
            Channel::Tls(channel) => Self::Bound(channel),
        }
    }

    /// Sends a message over a link that is logged in, or is about to be tried with Basic.
    pub(super) async fn send(
        &mut self,
        settings: &Settings,
        message: &Message,
        progress: &Progress,
    ) -> Result<Answer, Failure> {
        let outcome = self.post(None, message, progress).await?;
        let answer = outcome.map_err(|broken| match broken.is_lost() {
            true => Failure::Lost(broken.carrying()),
            false => Failure::Other(broken.carrying()),
        })?;
        match (answer.status, &self) {
            (UNAUTHORIZED, Self::Basic(..)) if !offers_basic(&answer) => {
                Err(no_scheme(settings, &answer, Delivery::Answered))
            }
            (UNAUTHORIZED, Self::Basic(..)) => Err(refused(settings)),
            (UNAUTHORIZED, _) => Err(Failure::Expired(ExchangeError::new(
                ExchangeErrorKind::SessionExpired,
                Delivery::Answered,
                format!("{} ended the login of this connection (401)", settings.endpoint.authority()),
            ))),
            _ => Ok(answer),
        }
    }

    /// Opens the answer to the last message.
    pub(super) fn read(&mut self, answer: Answer, settings: &Settings) -> Result<Reply, ExchangeError> {
        match self {
            Self::Sealed(_, seal) => read_sealed(answer, seal, settings.endpoint.authority()),
            Self::Bound(_) | Self::Basic(..) => read_clear(answer, settings.endpoint.authority()),
        }
    }

    pub(super) fn scheme(&self) -> Scheme {
        match self {
            Self::Sealed(..) | Self::Bound(_) => Scheme::Negotiate,
            Self::Basic(..) => Scheme::Basic,
        }
    }

    /// The server certificate; none over plain HTTP.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        match self {
            Self::Sealed(..) => None,
            Self::Bound(channel) | Self::Basic(channel, _) => channel.certificate(),
        }
    }

    /// The outer error is one of sealing, before anything was sent.
    async fn post(
        &mut self,
        authorization: Option<Authorization>,
        message: &Message,
        progress: &Progress,
    ) -> Result<Result<Answer, Broken>, Failure> {
        Ok(match self {
            Self::Sealed(channel, seal) => {
                let sealed = seal_message(&mut seal.context, message.bytes(), seal.style).map_err(|error| {
                    let text = format!("the request cannot be sealed: {error}");
                    let kind = ExchangeErrorKind::Protection;
                    Failure::Other(ExchangeError::new(kind, Delivery::NotSent, text).with_source(error))
                })?;
                tracing::debug!(plain = message.bytes().len(), sealed = sealed.body.len(), "request sealed");
                channel.send_sealed(authorization, sealed, progress).await
            }
            Self::Bound(channel) => channel.send_envelope(authorization, message.bytes(), progress).await,
            Self::Basic(channel, basic) => channel.send_envelope(Some(basic.clone()), message.bytes(), progress).await,
        })
    }
}

/// Basic is for TLS: a plain channel has no way to become this link.
fn basic(settings: &Settings, channel: Channel) -> Result<Link, Failure> {
    match channel {
        Channel::Tls(channel) => {
            Ok(Link::Basic(channel, Authorization::basic(&settings.credentials).map_err(not_sent)?))
        }
        Channel::Plain(_) => Err(scheme_error("Basic would show the password over plain HTTP; use https".to_owned())),
    }
}

fn initiator(settings: &Settings, binding: Option<ChannelBinding>) -> Result<Initiator, Failure> {
    let options = Options {
        binding,
        target_name: Some(format!("HTTP/{}", settings.endpoint.host())),
        entropy: Entropy::system().map_err(|error| login_error(settings, error))?,
        now: filetime(SystemTime::now()),
    };
    Ok(Initiator::new(&settings.credentials, options))
}

fn offers_basic(answer: &Answer) -> bool {
    answer.offers.iter().any(|offer| offer.known == Some(Scheme::Basic))
}

fn not_sent(broken: Broken) -> Failure {
    Failure::Other(broken.into_error(Delivery::NotSent))
}

fn scheme_error(text: String) -> Failure {
    Failure::Other(ExchangeError::new(ExchangeErrorKind::Scheme, Delivery::NotSent, text))
}

fn no_scheme(settings: &Settings, answer: &Answer, delivery: Delivery) -> Failure {
    let authority = settings.endpoint.authority();
    let offered: Vec<&str> = answer.offers.iter().map(|offer| offer.scheme.as_str()).collect();
    let offered = if offered.is_empty() { "no scheme at all".to_owned() } else { offered.join(", ") };
    let wanted = if settings.auth == AuthChoice::Basic { Scheme::Basic } else { Scheme::Negotiate };
    let why = match (offers_basic(answer), settings.endpoint.is_tls()) {
        (true, false) => "; Basic is for https only",
        (true, true) => "; Basic must be chosen (--auth basic), or the certificate verified",
        (false, _) => "",
    };
    let text = format!("{authority} does not offer {wanted}, it offers {offered}{why}");
    Failure::Other(ExchangeError::new(ExchangeErrorKind::Scheme, delivery, text))
}

fn refused(settings: &Settings) -> Failure {
    let text = format!(
        "{} refuses the login of {}: wrong user name or password, or the account may not log in this way; \
         it is not tried again, so as not to lock the account",
        settings.endpoint.authority(),
        settings.credentials.user
    );
    Failure::Refused(ExchangeError::new(ExchangeErrorKind::Login, Delivery::Answered, text))
}

fn login_error(settings: &Settings, error: AuthError) -> Failure {
    let kind = if error == AuthError::Random { ExchangeErrorKind::Other } else { ExchangeErrorKind::Login };
    let text = format!("the login at {} cannot go on: {error}", settings.endpoint.authority());
    Failure::Other(ExchangeError::new(kind, Delivery::NotSent, text).with_source(error))
}

fn closes_in_login(settings: &Settings) -> ExchangeError {
    let text = format!(
        "{} closes the connection during the login; NTLM cannot work through it (a proxy or load balancer in between?)",
        settings.endpoint.authority()
    );
    ExchangeError::new(ExchangeErrorKind::ConnectionLost, Delivery::NotSent, text)
}

const UNAUTHORIZED: u16 = 401;
