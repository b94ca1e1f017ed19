//! From nothing to a connection that messages go over: which scheme, and the order of its tokens
//! (MS-WSMV 2.2.9.1.1.1).

#[cfg(feature = "credssp")]
mod credssp;
mod kerberos;
mod texts;
mod tokens;

use std::fmt;
use std::time::SystemTime;

use super::channel::{Authorization, Channel, PlainHttp, Progress, Tls};
use super::connect::{AuthChoice, Settings};
use super::failure::Broken;
use super::reply::{Seal, read_clear, read_sealed};
use super::wire::Answer;
use crate::auth::{
    ChannelBinding, Credentials, Entropy, Initiator, Mechanism, Options, PartHeaders, Scheme, SecurityContext,
    filetime, seal_message,
};
use crate::wsman::{Delivery, ExchangeError, ExchangeErrorKind, Message, Reply};
use texts::{Texts, not_sent, scheme_error};
use tokens::{Carried, Stop};

/// A connection that messages go over.
pub(super) enum Link {
    /// Over plain HTTP: every message is sealed.
    Sealed(PlainHttp, Box<Seal>, Login),
    /// Inside TLS, bound to its certificate where the scheme can be.
    Bound(Tls, Login),
    /// Basic or a client certificate, inside TLS: the header goes with every message.
    Header(Tls, Authorization, Scheme),
}

/// How a connection was logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Login {
    /// The scheme of HTTP.
    pub scheme: Scheme,
    /// What proved the account inside it; none for Basic.
    pub mechanism: Option<Mechanism>,
    /// The encryption type of a Kerberos session, such as `aes256-cts-hmac-sha1-96`.
    pub encryption: Option<&'static str>,
    /// Why something better was passed over.
    pub passed_over: Option<String>,
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.scheme.fmt(f)?;
        // Where the scheme does not say it.
        let inside = self.mechanism.filter(|_| !matches!(self.scheme, Scheme::Kerberos | Scheme::Ntlm));
        let inside = inside.map(|inside| inside.to_string());
        let inside: Vec<String> = inside.into_iter().chain(self.encryption.map(str::to_owned)).collect();
        if inside.is_empty() { Ok(()) } else { write!(f, " ({})", inside.join(", ")) }
    }
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
/// rides on the last token of NTLM, and its answer comes back with the link (MS-WSMV 4.5).
pub(super) async fn log_in(
    settings: &Settings,
    message: &Message,
    progress: &Progress,
) -> Result<(Link, Option<Answer>), Failure> {
    let open = || settings.open().map_err(not_sent);
    match settings.auth {
        AuthChoice::Basic => return Ok((basic(settings, open()?)?, None)),
        AuthChoice::Certificate => return Ok((certificate(open()?)?, None)),
        #[cfg(feature = "credssp")]
        AuthChoice::CredSsp => return credssp::log_in(settings, message, progress).await,
        _ => {}
    }
    let mut passed_over = None;
    if let Some(kerberos) = &settings.kerberos {
        match kerberos::log_in(settings, kerberos, message, progress).await {
            Ok(carried) => return Ok(carried),
            // Whoever chose Kerberos gets nothing else.
            Err(Stop::PassOver(failure)) if settings.ntlm().is_some() => {
                let reason = failure.into_error().to_string();
                tracing::info!(reason, "Kerberos passed over");
                passed_over = Some(reason);
            }
            Err(stop) => return Err(stop.into_failure()),
        }
    }
    let carried = match settings.ntlm() {
        Some(credentials) => ntlm(settings, credentials, message, progress).await,
        None => Err(scheme_error("there is neither a ticket nor a password for this host to log in with".to_owned())),
    };
    match (carried, passed_over) {
        (Ok((link, answer)), reason) => Ok((link.passing_over(reason), answer)),
        (Err(failure), Some(reason)) => Err(failure.after(&reason)),
        (Err(failure), None) => Err(failure),
    }
}

/// NTLM under Negotiate, or under its own name; Basic where there is neither.
async fn ntlm(
    settings: &Settings,
    credentials: &Credentials,
    message: &Message,
    progress: &Progress,
) -> Carried<Failure> {
    // The first token says nothing of the connection, so it can be made before there is a
    // certificate to bind to; the login proper repeats it byte for byte.
    let hello = initiator(settings, credentials, None)?.negotiate();
    let channel = settings.open().map_err(not_sent)?;
    let (mut channel, mut answer) = tokens::greet(settings, channel, Scheme::Negotiate, &hello).await?;
    let mut scheme = Scheme::Negotiate;
    if !answer.offers(Scheme::Negotiate) && answer.offers(Scheme::Ntlm) {
        scheme = Scheme::Ntlm;
        channel = if answer.closes { settings.open().map_err(not_sent)? } else { channel };
        (channel, answer) = tokens::greet(settings, channel, scheme, &hello).await?;
    }
    if answer.token(scheme).is_some() {
        let binding = binding(settings, &channel)?;
        let mut initiator = initiator(settings, credentials, binding)?;
        // The same bytes as above, which the integrity code of the last token covers.
        initiator.negotiate();
        let carried = tokens::converse(settings, channel, scheme, initiator.into(), answer, message, progress).await;
        return carried.map_err(Stop::into_failure);
    }
    if answer.offers(scheme) {
        return Err(scheme_error(format!(
            "{} offers {scheme} but answers NTLM with no challenge: NTLM may be switched off there",
            settings.endpoint.authority()
        )));
    }
    if settings.may_fall_back_to_basic() && answer.offers(Scheme::Basic) {
        let channel = if answer.closes { settings.open().map_err(not_sent)? } else { channel };
        return Ok((basic(settings, channel)?, None));
    }
    Err(settings.no_scheme(&answer, Delivery::NotSent))
}

/// What a login through this channel must be bound to.
fn binding(settings: &Settings, channel: &Channel) -> Result<Option<ChannelBinding>, Failure> {
    match channel {
        Channel::Plain(_) => Ok(None),
        Channel::Tls(_) => {
            let certificate = channel.certificate().ok_or(crate::auth::AuthError::Certificate);
            let binding = certificate.and_then(|der| ChannelBinding::tls_server_end_point(&der));
            binding.map(Some).map_err(|error| settings.login_error(error, Delivery::NotSent))
        }
    }
}

impl Failure {
    fn into_error(self) -> ExchangeError {
        match self {
            Self::Lost(error) | Self::Expired(error) | Self::Refused(error) | Self::Other(error) => error,
        }
    }

    /// The same, said to be the end of a second way.
    fn after(self, reason: &str) -> Self {
        let say = |error: ExchangeError| {
            let text = format!("{error}; before that Kerberos was passed over: {reason}");
            ExchangeError::new(error.kind(), error.delivery(), text).with_source(error)
        };
        match self {
            Self::Lost(error) => Self::Lost(say(error)),
            Self::Expired(error) => Self::Expired(say(error)),
            Self::Refused(error) => Self::Refused(say(error)),
            Self::Other(error) => Self::Other(say(error)),
        }
    }
}

impl Link {
    fn new(channel: Channel, context: SecurityContext, http_sys: bool, login: Login) -> Self {
        // Tabs as the grammar demands for http.sys; others, such as OMI, refuse them.
        let style = if http_sys { PartHeaders::Tabbed } else { PartHeaders::Plain };
        match channel {
            Channel::Plain(channel) => Self::Sealed(channel, Box::new(Seal { context, style }), login),
            Channel::Tls(channel) => Self::Bound(channel, login),
        }
    }

    fn passing_over(mut self, reason: Option<String>) -> Self {
        if let Self::Sealed(_, _, login) | Self::Bound(_, login) = &mut self {
            login.passed_over = reason;
        }
        self
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
        // The message went along: who gave this status, and whether before or after the host has acted, is not known.
        match (answer.status, &self) {
            (_, Self::Header(.., scheme)) => {
                header_judged(settings, &answer, *scheme, Delivery::Unknown)?;
                Ok(answer)
            }
            (UNAUTHORIZED, _) => Err(Failure::Expired(ExchangeError::new(
                ExchangeErrorKind::SessionExpired,
                Delivery::Unknown,
                format!("{} ended the login of this connection (401)", settings.endpoint.authority()),
            ))),
            _ => Ok(answer),
        }
    }

    /// Has a header judged before a message that may be sent only once goes with it: what is refused here was certainly
    /// not sent. Of the other links the login has proven as much already.
    pub(super) async fn prove(self, settings: &Settings) -> Result<Self, Failure> {
        let Self::Header(channel, header, scheme) = self else { return Ok(self) };
        let channel = Channel::Tls(channel);
        let answer = channel.send_empty(Some(header.clone())).await.map_err(not_sent)?;
        header_judged(settings, &answer, scheme, Delivery::NotSent)?;
        let channel = if answer.closes { settings.open().map_err(not_sent)? } else { channel };
        match channel {
            Channel::Tls(channel) => Ok(Self::Header(channel, header, scheme)),
            Channel::Plain(_) => Err(scheme_error("a header with a password goes inside TLS only".to_owned())),
        }
    }

    /// Opens the answer to the last message.
    pub(super) fn read(&mut self, answer: Answer, settings: &Settings) -> Result<Reply, ExchangeError> {
        match self {
            Self::Sealed(_, seal, _) => read_sealed(answer, seal, settings.endpoint.authority()),
            Self::Bound(..) | Self::Header(..) => read_clear(answer, settings.endpoint.authority()),
        }
    }

    /// Whether nothing is proven before the first answer.
    pub(super) fn proves_with_every_message(&self) -> bool {
        matches!(self, Self::Header(..))
    }

    /// How it was logged in.
    pub(super) fn login(&self) -> Login {
        match self {
            Self::Sealed(_, _, login) | Self::Bound(_, login) => login.clone(),
            Self::Header(_, _, scheme) => {
                Login { scheme: *scheme, mechanism: None, encryption: None, passed_over: None }
            }
        }
    }

    /// The server certificate; none over plain HTTP.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        match self {
            Self::Sealed(..) => None,
            Self::Bound(channel, _) | Self::Header(channel, ..) => channel.certificate(),
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
            Self::Sealed(channel, seal, _) => {
                let sealed = seal_message(&mut seal.context, message.bytes(), seal.style).map_err(|error| {
                    let text = format!("the request cannot be sealed: {error}");
                    let kind = ExchangeErrorKind::Protection;
                    Failure::Other(ExchangeError::new(kind, Delivery::NotSent, text).with_source(error))
                })?;
                tracing::debug!(plain = message.bytes().len(), sealed = sealed.body.len(), "request sealed");
                channel.send_sealed(authorization, sealed, progress).await
            }
            Self::Bound(channel, _) => channel.send_envelope(authorization, message.bytes(), progress).await,
            Self::Header(channel, header, _) => {
                channel.send_envelope(Some(header.clone()), message.bytes(), progress).await
            }
        })
    }
}

/// Whether the answer to a header is a refusal of it.
fn header_judged(settings: &Settings, answer: &Answer, scheme: Scheme, delivery: Delivery) -> Result<(), Failure> {
    match (answer.status, scheme) {
        (UNAUTHORIZED | FORBIDDEN, Scheme::Certificate) => Err(settings.certificate_refused(delivery)),
        (UNAUTHORIZED, _) if !answer.offers(Scheme::Basic) => Err(settings.no_scheme(answer, delivery)),
        (UNAUTHORIZED, _) => Err(settings.refused(delivery)),
        _ => Ok(()),
    }
}

/// Basic is for TLS: a plain channel has no way to become this link.
fn basic(settings: &Settings, channel: Channel) -> Result<Link, Failure> {
    match (channel, &settings.credentials) {
        (Channel::Tls(channel), Some(credentials)) => {
            Ok(Link::Header(channel, Authorization::basic(credentials).map_err(not_sent)?, Scheme::Basic))
        }
        (Channel::Plain(_), _) => {
            Err(scheme_error("Basic would show the password over plain HTTP; use https".to_owned()))
        }
        (_, None) => Err(scheme_error("Basic takes a user and a password".to_owned())),
    }
}

fn certificate(channel: Channel) -> Result<Link, Failure> {
    match channel {
        Channel::Tls(channel) => Ok(Link::Header(channel, Authorization::certificate(), Scheme::Certificate)),
        Channel::Plain(_) => {
            Err(scheme_error("a client certificate is shown in a TLS handshake; use https".to_owned()))
        }
    }
}

fn initiator(
    settings: &Settings,
    credentials: &Credentials,
    binding: Option<ChannelBinding>,
) -> Result<Initiator, Failure> {
    let service = settings.service.to_string();
    let options = Options {
        binding,
        // NTLM has no realms.
        target_name: Some(service.split('@').next().unwrap_or_default().to_owned()),
        entropy: Entropy::system().map_err(|error| settings.login_error(error, Delivery::NotSent))?,
        now: filetime(SystemTime::now()),
    };
    Ok(Initiator::new(credentials, options))
}

const UNAUTHORIZED: u16 = 401;
const FORBIDDEN: u16 = 403;
