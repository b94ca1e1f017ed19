//! One TCP connection that speaks HTTP/1.1: the only place that names reqwest.
//!
//! A login belongs to its connection, yet the HTTP library opens a second one in silence when the
//! first has gone. [`OneDial`] stands before the dialler and refuses that, so a request either goes
//! over the connection that was logged in on, or does not go at all.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, SERVER,
    WWW_AUTHENTICATE,
};
use reqwest::{Client, Url, Version, redirect, retry};
use tokio::time::Instant;
use tower::{Layer, Service};

use super::endpoint::Endpoint;
use super::failure::Broken;
use super::identity::Identity;
use super::observe::{Legs, Moments, TimedResolver, Watch};
use super::proxy::Proxy;
use super::tls::{Judge, client_config};
use crate::auth::shown::Seen;
use crate::auth::{Offer, Scheme, offered};
use crate::wsman::ExchangeErrorKind;

/// A connection that has not been dialled yet, or is open, or has gone; it never comes back.
pub(super) struct Wire {
    client: Client,
    url: Url,
    authority: String,
    proxy: Option<Proxy>,
    connect_timeout: Duration,
    reply_limit: usize,
    dial: Arc<Dial>,
    seen: Option<Seen>,
    /// Whether a response has come over it.
    answered: AtomicBool,
    counters: Counters,
}

/// What a [`Wire`] is made from, besides the endpoint.
pub(super) struct WireOptions {
    pub(super) connect_timeout: Duration,
    pub(super) reply_limit: usize,
    /// Must be there for https.
    pub(super) judge: Option<Judge>,
    pub(super) proxy: Option<Proxy>,
    /// Shown to hosts that ask for one.
    pub(super) identity: Option<Identity>,
    pub(super) counters: Counters,
}

/// One HTTP response, whole.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    /// What `WWW-Authenticate` says.
    pub(super) offers: Vec<Offer>,
    /// Whether http.sys answered.
    pub(super) from_http_sys: bool,
    /// Whether the server says that it closes the connection after this answer.
    pub(super) closes: bool,
    pub(super) body: Vec<u8>,
}

/// What a session counts over all its connections, and the sessions of a pool together.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters {
    counts: Arc<Counts>,
    /// Only where somebody observes; of one session alone.
    legs: Option<Arc<Legs>>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    requests: AtomicU64,
    server: Mutex<Option<String>>,
    clock_skew: Mutex<Option<i64>>,
}

/// How far the one dial of a connection got.
#[derive(Debug, Default)]
pub(super) struct Dial {
    begun: AtomicBool,
    open: AtomicBool,
    moments: Moments,
}

impl Wire {
    pub(super) fn new(endpoint: &Endpoint, options: WireOptions) -> Result<Self, Broken> {
        let unusable = |error: &dyn fmt::Display| {
            Broken::new(ExchangeErrorKind::Configuration, format!("no connection can be made: {error}"))
        };
        let dial = Arc::new(Dial::default());
        let mut builder = Client::builder()
            .http1_only()
            // Names compare without case, yet small management controllers were written by example.
            .http1_title_case_headers()
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(None)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(options.connect_timeout)
            .user_agent(concat!("hyperv-replica/", env!("CARGO_PKG_VERSION")))
            .connector_layer(OneDial { dial: dial.clone(), counters: options.counters.clone() });
        if let Some(proxy) = &options.proxy {
            builder =
                builder.proxy(reqwest::Proxy::all(proxy.expose()).map_err(|error| unusable(&error.without_url()))?);
        }
        if options.counters.legs().is_some() {
            builder = builder.dns_resolver(TimedResolver(dial.clone()));
        }
        // The library builds its own TLS settings where it gets none, and needs a process-wide
        // provider for that; plain HTTP gets settings that accept nothing.
        let judge = match options.judge {
            Some(judge) if endpoint.is_tls() => judge,
            _ => Judge::Show,
        };
        let (config, seen) = client_config(judge, options.identity.as_ref(), dial.moments.greeted.clone())
            .map_err(|error| unusable(&error))?;
        let client = builder
            .https_only(endpoint.is_tls())
            .tls_backend_preconfigured(config)
            .build()
            .map_err(|error| unusable(&error))?;
        Ok(Self {
            client,
            url: Url::parse(endpoint.url()).map_err(|error| unusable(&error))?,
            authority: endpoint.authority().to_owned(),
            proxy: options.proxy,
            connect_timeout: options.connect_timeout,
            reply_limit: options.reply_limit,
            dial,
            seen: endpoint.is_tls().then_some(seen),
            answered: AtomicBool::new(false),
            counters: options.counters,
        })
    }

    /// Posts one body and reads the whole answer, whatever its status.
    pub(super) async fn post(
        &self,
        authorization: Option<HeaderValue>,
        content_type: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Answer, Broken> {
        let begun = Instant::now();
        let request_bytes = body.len();
        let mut watch = self.counters.legs().map(|legs| {
            let url = self.url.as_str();
            Watch::begin(legs, &self.dial.moments, url, authorization.as_ref(), content_type, request_bytes)
        });
        // Said in words because the library leaves out the length of an empty body.
        let mut request = self.client.post(self.url.clone()).header(CONTENT_LENGTH, request_bytes);
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(value) = content_type {
            request = request.header(CONTENT_TYPE, value);
        }
        self.counters.counts.requests.fetch_add(1, Ordering::Relaxed);
        let sent = request.body(body).send().await;
        if let Some(watch) = &mut watch {
            sent.iter().for_each(|response| watch.head(response));
        }
        let response = sent.map_err(|error| {
            let broken = Broken::from_request(error, self);
            if broken.is_unsent() {
                self.counters.counts.requests.fetch_sub(1, Ordering::Relaxed);
            }
            broken
        })?;

        self.answered.store(true, Ordering::Relaxed);
        let headers = response.headers();
        let server = text(headers, SERVER);
        let mut answer = Answer {
            status: response.status().as_u16(),
            content_type: text(headers, CONTENT_TYPE),
            offers: offered(headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok())),
            from_http_sys: server.as_deref().is_some_and(|name| name.starts_with(HTTP_SYS)),
            closes: closes(headers, response.version()),
            body: Vec::new(),
        };
        if let Some(skew) = text(headers, DATE).as_deref().and_then(clock_skew) {
            *self.counters.counts.clock_skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(skew);
        }
        if server.is_some() {
            *self.counters.counts.server.lock().unwrap_or_else(PoisonError::into_inner) = server;
        }
        answer.body = self.read_body(response).await?;
        if let Some(watch) = &mut watch {
            watch.received(answer.body.len());
        }
        tracing::debug!(
            status = answer.status,
            elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            request_bytes,
            reply_bytes = answer.body.len(),
            "http exchange"
        );
        Ok(answer)
    }

    /// The server certificate in DER; none over plain HTTP and before the first request.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        self.seen.as_ref()?.get().cloned()
    }

    /// Host and port, for error texts.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    pub(super) fn is_tls(&self) -> bool {
        self.seen.is_some()
    }

    pub(super) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    pub(super) fn dial(&self) -> &Arc<Dial> {
        &self.dial
    }

    async fn read_body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, Broken> {
        let limit = self.reply_limit;
        let too_large = || {
            Broken::new(
                ExchangeErrorKind::TooLarge,
                format!("the reply of {} is larger than the {limit} bytes accepted", self.authority),
            )
        };
        let announced = response.content_length().map(usize::try_from);
        let announced = match announced {
            Some(Ok(length)) if length <= limit => length,
            Some(_) => return Err(too_large()),
            None => 0,
        };
        let mut body = Vec::with_capacity(announced);
        while let Some(chunk) = response.chunk().await.map_err(|error| Broken::from_reply(error, self))? {
            if chunk.len() > limit.saturating_sub(body.len()) {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl Answer {
    /// Whether a scheme is offered.
    pub(super) fn offers(&self, scheme: Scheme) -> bool {
        self.offers.iter().any(|offer| offer.known == Some(scheme))
    }

    /// The token that came under a scheme.
    pub(super) fn token(&self, scheme: Scheme) -> Option<Vec<u8>> {
        let tokens = self.offers.iter().filter(|offer| offer.known == Some(scheme));
        tokens.filter_map(|offer| offer.token.clone()).find(|token| !token.is_empty())
    }
}

impl Counters {
    /// Counters of a session that somebody observes.
    pub(super) fn observed() -> Self {
        Counters { counts: Arc::default(), legs: Some(Arc::default()) }
    }

    /// Those of a further session, counted together with these.
    pub(super) fn sibling(&self) -> Self {
        Counters { counts: self.counts.clone(), legs: self.legs.as_ref().map(|_| Arc::default()) }
    }

    /// The legs so far, where somebody observes.
    pub(super) fn legs(&self) -> Option<&Legs> {
        self.legs.as_deref()
    }

    pub(super) fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    pub(super) fn requests(&self) -> u64 {
        self.counts.requests.load(Ordering::Relaxed)
    }

    /// Seconds that the host is ahead of this computer.
    pub(super) fn clock_skew(&self) -> Option<i64> {
        *self.counts.clock_skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn server(&self) -> Option<String> {
        self.counts.server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AsRef<Moments> for Dial {
    fn as_ref(&self) -> &Moments {
        &self.moments
    }
}

impl Dial {
    /// Whether the connection came to stand, so that bytes may have gone out over it.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }
}

/// The dial that was refused because it would have been the second.
#[derive(Debug, thiserror::Error)]
#[error("the connection that was logged in on has gone")]
pub(super) struct SecondDial;

/// Lets one dial through.
#[derive(Clone)]
struct OneDial {
    dial: Arc<Dial>,
    counters: Counters,
}

impl<S> Layer<S> for OneDial {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, gate: self.clone() }
    }
}

#[derive(Clone)]
struct Guarded<S> {
    inner: S,
    gate: OneDial,
}

impl<S, R> Service<R> for Guarded<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        if self.gate.dial.begun.swap(true, Ordering::SeqCst) {
            return Box::pin(async {
                // The pool dials while the open connection is still on its way back into it, and
                // takes whichever comes first; the way back must win.
                tokio::time::sleep(RETURN_TO_POOL).await;
                Err(SecondDial.into())
            });
        }
        let OneDial { dial, counters } = self.gate.clone();
        dial.moments.begin();
        let dialling = self.inner.call(request);
        Box::pin(async move {
            let connection = dialling.await?;
            let before = counters.counts.connections.fetch_add(1, Ordering::Relaxed);
            dial.moments.open(before.saturating_add(1));
            dial.open.store(true, Ordering::SeqCst);
            Ok(connection)
        })
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn clock_skew(date: &str) -> Option<i64> {
    let there = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    Some(there.as_second().saturating_sub(jiff::Timestamp::now().as_second()))
}

fn closes(headers: &HeaderMap, version: Version) -> bool {
    let says = |token: &str| {
        let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
    };
    says("close") || (version == Version::HTTP_10 && !says("keep-alive"))
}

const HTTP_SYS: &str = "Microsoft-HTTPAPI/";
const RETURN_TO_POOL: Duration = Duration::from_millis(200);
