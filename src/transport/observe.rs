//! Watches the requests of a session for an [`Observer`](crate::wsman::Observer): sizes, times, headers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime};

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::wsman::{Leg, Timings};

/// Where finished legs are kept until their message has come to its end.
#[derive(Debug, Default)]
pub(super) struct Legs(Mutex<Vec<Leg>>);

/// A moment that comes at most once.
pub(super) type Moment = Arc<OnceLock<Instant>>;

/// The moments of one dial, and the number of the connection it led to.
#[derive(Debug, Default)]
pub(super) struct Moments {
    begun: OnceLock<Instant>,
    resolving: OnceLock<Instant>,
    resolved: OnceLock<Instant>,
    /// When TLS wrote its first message, which it does as soon as there is a connection.
    pub(super) greeted: Moment,
    open: OnceLock<Instant>,
    number: AtomicU64,
}

/// A leg in the making. It is told when it ends, however it ends: also when its caller gives up.
pub(super) struct Watch<'w> {
    leg: Option<Leg>,
    legs: &'w Legs,
    moments: &'w Moments,
    begun: Instant,
    head: Option<Instant>,
}

impl Legs {
    /// What has been kept so far; it is then forgotten here.
    pub(super) fn take(&self) -> Vec<Leg> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds legs at the end.
    pub(super) fn extend(&self, legs: Vec<Leg>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(legs);
    }
}

impl Moments {
    pub(super) fn begin(&self) {
        let _ = self.begun.set(Instant::now());
    }

    /// The connection stands; it is the session's first, second, …
    pub(super) fn open(&self, number: u64) {
        self.number.store(number, Ordering::Relaxed);
        let _ = self.open.set(Instant::now());
    }

    /// The phases of the dial, if the request that began then has caused it.
    fn timings(&self, since: Instant) -> Timings {
        let Some(begun) = self.begun.get().copied().filter(|begun| *begun >= since) else { return Timings::default() };
        let between = |from: Option<Instant>, to: Option<Instant>| Some(to?.saturating_duration_since(from?));
        let at = |moment: &OnceLock<Instant>| moment.get().copied();
        let connected = at(&self.greeted).or(at(&self.open));
        Timings {
            resolve: between(at(&self.resolving), at(&self.resolved)),
            connect: between(at(&self.resolved).or(Some(begun)), connected),
            tls: between(at(&self.greeted), at(&self.open)),
            ..Timings::default()
        }
    }
}

impl<'w> Watch<'w> {
    /// Begins to watch a request.
    pub(super) fn begin(
        legs: &'w Legs,
        moments: &'w Moments,
        url: &str,
        authorization: Option<&HeaderValue>,
        content_type: Option<&str>,
        sent: usize,
    ) -> Self {
        let mut headers = vec![(CONTENT_LENGTH.to_string(), sent.to_string())];
        headers.extend(content_type.map(|value| (CONTENT_TYPE.to_string(), value.to_owned())));
        headers.extend(authorization.map(|value| (AUTHORIZATION.to_string(), without_token(value))));
        let leg = Leg {
            started: SystemTime::now(),
            url: url.to_owned(),
            connection: 0,
            peer: None,
            carries: content_type.is_some(),
            request_headers: headers,
            sent,
            status: None,
            response_headers: Vec::new(),
            received: 0,
            timings: Timings::default(),
        };
        Watch { leg: Some(leg), legs, moments, begun: Instant::now(), head: None }
    }

    /// The head of the answer has come.
    pub(super) fn head(&mut self, response: &reqwest::Response) {
        self.head = Some(Instant::now());
        let Some(leg) = &mut self.leg else { return };
        leg.status = Some(response.status().as_u16());
        leg.peer = response.remote_addr().map(|address| address.ip().to_string());
        leg.response_headers = readable(response.headers());
    }

    /// So many bytes of the body have come.
    pub(super) fn received(&mut self, bytes: usize) {
        if let Some(leg) = &mut self.leg {
            leg.received = bytes;
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let Some(mut leg) = self.leg.take() else { return };
        let now = Instant::now();
        let from = self.moments.open.get().copied().unwrap_or(self.begun).max(self.begun);
        leg.connection = self.moments.number.load(Ordering::Relaxed);
        leg.timings = self.moments.timings(self.begun);
        leg.timings.wait = self.head.unwrap_or(now).saturating_duration_since(from);
        leg.timings.read = self.head.map_or_else(Default::default, |head| now.saturating_duration_since(head));
        self.legs.extend(vec![leg]);
    }
}

/// The system's resolver, with a look at the clock before and after.
pub(super) struct TimedResolver<M>(pub(super) Arc<M>);

impl<M: AsRef<Moments> + Send + Sync + 'static> Resolve for TimedResolver<M> {
    fn resolve(&self, name: Name) -> Resolving {
        let dial = self.0.clone();
        Box::pin(async move {
            let _ = (*dial).as_ref().resolving.set(Instant::now());
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let _ = (*dial).as_ref().resolved.set(Instant::now());
            let addresses: Addrs = Box::new(found?.collect::<Vec<_>>().into_iter());
            Ok(addresses)
        })
    }
}

/// Scheme and size: a token is for the host alone.
fn without_token(value: &HeaderValue) -> String {
    let text = value.to_str().unwrap_or_default();
    match text.split_once(' ') {
        Some((scheme, token)) => format!("{scheme} [{} bytes removed]", token.len()),
        None => text.to_owned(),
    }
}

fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
