//! Drives operations over an [`Exchange`]: ids, deadlines, and the reading of what comes back.

use std::time::Duration;

use super::addressing::ClassAddressing;
use super::enumerate::{Enumerate, Page};
use super::error::ReplyError;
use super::exchange::{Delivery, Exchange, ExchangeError, Message, Reply};
use super::extra::Extra;
use super::fault::Fault;
use super::get::{self, Get};
use super::identify::{Identify, Identity};
use super::invoke::{Invoke, InvokeOutput};
use super::limits::{Limits, Timeouts};
use super::operation::{Operation, Repeatable};
use super::pull::Pull;
use super::release::Release;
use super::request::RequestContext;
use super::resource::{EndpointReference, SelectorSet};
use crate::cim::{CimClass, InstanceView};
use crate::xml::WriteError;

/// A WS-Management client of one host.
///
/// Holds no connection and no clock: both come from outside, so that the same client runs over the
/// network, the simulator and a recording, in real and in virtual time.
pub struct Client<E> {
    exchange: E,
    addressing: ClassAddressing,
    limits: Limits,
    timeouts: Timeouts,
    locale: Option<String>,
    extra: Extra,
    ids: Box<dyn Fn() -> String + Send + Sync>,
    remaining: Box<dyn Fn() -> Option<Duration> + Send + Sync>,
}

impl<E: Exchange> Client<E> {
    /// A client for classes of one namespace; `ids` gives a new `uuid:…` each time it is called.
    pub fn new(exchange: E, addressing: ClassAddressing, ids: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Client {
            exchange,
            addressing,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            locale: Some("en-US".to_owned()),
            extra: Extra::default(),
            ids: Box::new(ids),
            remaining: Box::new(|| None),
        }
    }

    /// With other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With other timeouts.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Asks for texts in this language; none leaves it to the host. Whether it obeys is not known (E13, E14).
    #[must_use]
    pub fn with_locale(mut self, locale: Option<String>) -> Self {
        self.locale = locale;
        self
    }

    /// With options and header blocks in every request but Identify.
    #[must_use]
    pub fn with_extra(mut self, extra: Extra) -> Self {
        self.extra = extra;
        self
    }

    /// With a deadline for everything: `remaining` says how much time is left, or that there is no end.
    #[must_use]
    pub fn with_deadline(mut self, remaining: impl Fn() -> Option<Duration> + Send + Sync + 'static) -> Self {
        self.remaining = Box::new(remaining);
        self
    }

    /// The URL of the host, as dialled.
    pub fn address(&self) -> &str {
        self.exchange.address()
    }

    /// How classes become URIs here.
    pub fn addressing(&self) -> &ClassAddressing {
        &self.addressing
    }

    /// What carries the messages.
    pub fn exchange(&self) -> &E {
        &self.exchange
    }

    /// The envelope of an operation as it would be sent now, for a dry run. Sends nothing.
    ///
    /// # Errors
    /// A name or character that XML cannot carry.
    pub fn envelope<O: Operation>(&self, operation: &O) -> Result<Vec<u8>, WriteError> {
        operation.write(&self.context(&(self.ids)(), self.timeouts, &self.limits))
    }

    /// Sends an operation that may be repeated.
    ///
    /// # Errors
    /// No reply, a fault, or a reply that does not answer the request.
    pub async fn ask<O: Repeatable>(&self, operation: &O) -> Result<O::Output, Error> {
        self.ask_within(operation, &self.limits).await
    }

    async fn ask_within<O: Repeatable>(&self, operation: &O, limits: &Limits) -> Result<O::Output, Error> {
        let (id, bytes, timeouts) = self.write(operation, limits)?;
        let message = Message::repeatable(operation, id.as_str(), bytes, timeouts.reply());
        read(operation, self.exchange.send(message).await?, &id)
    }

    /// Writes an operation and sends nothing: so that it can be put on record before it goes out.
    ///
    /// # Errors
    /// [`Error::Deadline`], [`Error::Write`].
    pub fn prepare<O: Operation>(&self, operation: O) -> Result<Prepared<O>, Error> {
        let (message_id, bytes, timeouts) = self.write(&operation, &self.limits)?;
        Ok(Prepared { operation, message_id, bytes, timeouts })
    }

    /// Sends what was prepared, at most once.
    ///
    /// # Errors
    /// As [`Client::ask`]; [`Error::delivery`] says whether the host may have acted on it.
    pub async fn send<O: Operation>(&self, prepared: Prepared<O>) -> Result<O::Output, Error> {
        let Prepared { operation, message_id, bytes, timeouts } = prepared;
        let message = Message::once(operation.action(), message_id.as_str(), bytes, timeouts.reply());
        read(&operation, self.exchange.send(message).await?, &message_id)
    }

    /// Writes and sends at most once, where no record is kept.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn order<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        self.send(self.prepare(operation)?).await
    }

    /// Identify.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn identify(&self) -> Result<Identity, Error> {
        self.ask(&Identify).await
    }

    /// Get of one instance.
    ///
    /// # Errors
    /// As [`Client::ask`]; [`Fault::is_not_found`] where there is no such instance.
    pub async fn get(&self, target: EndpointReference) -> Result<get::Response, Error> {
        self.ask(&Get { target }).await
    }

    /// A method call, sent at most once.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn invoke(&self, invoke: &Invoke) -> Result<InvokeOutput, Error> {
        self.order(invoke.clone()).await
    }

    /// Begins an enumeration; nothing is sent before the first page is asked for.
    pub fn enumerate(&self, enumerate: Enumerate) -> Enumeration<'_, E> {
        Enumeration { client: self, enumerate, limits: self.limits.clone(), context: None, pages: 0, ended: false }
    }

    /// A WQL query over all classes of the namespace.
    pub fn query(&self, wql: impl Into<String>) -> Enumeration<'_, E> {
        let mut enumerate = Enumerate::new(self.addressing.all_classes()).filter(super::Filter::wql(wql));
        enumerate.selectors = self.addressing.class_selectors();
        self.enumerate(enumerate)
    }

    /// All instances of a class.
    pub fn all(&self, class: &str) -> Enumeration<'_, E> {
        let mut enumerate = Enumerate::new(self.addressing.class(class));
        enumerate.selectors = self.addressing.class_selectors();
        self.enumerate(enumerate)
    }

    /// Every instance of a class as typed values; for classes known to be small.
    ///
    /// # Errors
    /// As [`Client::ask`]; a property that does not fit is an [`Error::Reply`].
    pub async fn list<T: CimClass>(&self) -> Result<Vec<T>, Error> {
        let pages = self.all(T::NAME).pages().await?;
        pages.iter().flat_map(Page::instances).map(|instance| typed(&instance)).collect()
    }

    /// One instance by its keys as a typed value.
    ///
    /// # Errors
    /// As [`Client::list`].
    pub async fn find<T: CimClass>(&self, keys: SelectorSet) -> Result<T, Error> {
        typed(&self.get(self.addressing.reference(T::NAME, keys)).await?.instance())
    }

    fn write<O: Operation>(&self, operation: &O, limits: &Limits) -> Result<(String, Vec<u8>, Timeouts), Error> {
        let remaining = (self.remaining)();
        if remaining.is_some_and(|remaining| remaining.is_zero()) {
            return Err(Error::Deadline);
        }
        let timeouts = self.timeouts.within(remaining);
        let id = (self.ids)();
        let bytes = operation.write(&self.context(&id, timeouts, limits))?;
        Ok((id, bytes, timeouts))
    }

    fn context<'a>(&'a self, message_id: &'a str, timeouts: Timeouts, limits: &'a Limits) -> RequestContext<'a> {
        RequestContext {
            message_id,
            to: self.exchange.address(),
            limits,
            timeouts,
            locale: self.locale.as_deref(),
            extra: Some(&self.extra),
        }
    }
}

fn typed<T: CimClass>(instance: &InstanceView<'_>) -> Result<T, Error> {
    T::read(instance)
        .map_err(|error| Error::Reply { status: 200, source: ReplyError::content(T::NAME, error.to_string()) })
}

fn read<O: Operation>(operation: &O, reply: Reply, id: &str) -> Result<O::Output, Error> {
    operation.read(reply.bytes, id).map_err(|error| match error {
        ReplyError::Fault(fault) => Error::Fault(fault),
        source => Error::Reply { status: reply.status, source },
    })
}

/// An operation that is written and not sent. Sending takes it: it cannot be sent twice.
#[must_use]
#[derive(Debug)]
pub struct Prepared<O> {
    operation: O,
    message_id: String,
    bytes: Vec<u8>,
    timeouts: Timeouts,
}

impl<O: Operation> Prepared<O> {
    /// MessageID, `uuid:…`.
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// The envelope in UTF-8.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The action.
    pub fn action(&self) -> String {
        self.operation.action()
    }

    /// How long the host may work on it, and how long its reply is waited for.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }
}

/// An enumeration page by page: only one page is held at a time.
///
/// Dropping it before the end leaves the context to expire on the host; [`Enumeration::release`] gives it up.
pub struct Enumeration<'c, E> {
    client: &'c Client<E>,
    enumerate: Enumerate,
    /// Those of the client, with fewer items where a page of as many did not fit.
    limits: Limits,
    context: Option<String>,
    pages: u32,
    ended: bool,
}

impl<E: Exchange> Enumeration<'_, E> {
    /// The next page; none after the last. Where a page of as many items as asked for does not fit the envelope, fewer
    /// are asked for, down to one: hosts other than Windows refuse in place of sending what fits.
    ///
    /// # Errors
    /// As [`Client::ask`], and [`Error::TooManyPages`].
    pub async fn next_page(&mut self) -> Result<Option<Page>, Error> {
        if self.ended {
            return Ok(None);
        }
        if self.pages >= self.client.limits.max_pages {
            return Err(Error::TooManyPages(self.pages));
        }
        let page = loop {
            match self.ask().await {
                // The context stays good: the page was refused, not brought.
                Err(Error::Fault(fault)) if fault.is_envelope_size() && self.limits.max_elements > 1 => {
                    self.limits.max_elements = (self.limits.max_elements / 8).max(1);
                }
                // After any other failure nothing is known of the context.
                other => break other.inspect_err(|_| self.context = None)?,
            }
        };
        self.pages += 1;
        self.context = page.context().map(str::to_owned);
        self.ended = self.context.is_none();
        Ok(Some(page))
    }

    async fn ask(&self) -> Result<Page, Error> {
        match &self.context {
            None => self.client.ask_within(&self.enumerate, &self.limits).await,
            Some(context) => {
                let resource = self.enumerate.resource.clone();
                let selectors = self.enumerate.selectors.clone();
                let pull = Pull { resource, selectors, context: context.clone() };
                self.client.ask_within(&pull, &self.limits).await
            }
        }
    }

    /// Every page to the end; for classes known to be small.
    ///
    /// # Errors
    /// As [`Enumeration::next_page`].
    pub async fn pages(mut self) -> Result<Vec<Page>, Error> {
        let mut pages = Vec::new();
        while let Some(page) = self.next_page().await? {
            pages.push(page);
        }
        Ok(pages)
    }

    /// Gives up what is not finished, so that it does not count against the host's quota.
    ///
    /// # Errors
    /// As [`Client::ask`]; the context then expires by itself.
    pub async fn release(mut self) -> Result<(), Error> {
        let Some(context) = self.context.take() else { return Ok(()) };
        let release = Release { resource: self.enumerate.resource, selectors: self.enumerate.selectors, context };
        self.client.ask(&release).await
    }
}

/// Why an operation did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No reply.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The host answered with a fault.
    #[error(transparent)]
    Fault(Box<Fault>),
    /// The reply does not answer the request.
    #[error("unusable reply (HTTP status {status})")]
    Reply {
        /// HTTP status of the reply.
        status: u16,
        /// What is wrong with it.
        source: ReplyError,
    },
    /// The request cannot be written.
    #[error("the request cannot be written: {0}")]
    Write(#[from] WriteError),
    /// The caller's deadline passed before anything was sent.
    #[error("the deadline passed before the request was sent")]
    Deadline,
    /// An enumeration did not end.
    #[error("the enumeration did not end after {0} pages")]
    TooManyPages(u32),
}

impl Error {
    /// Whether the host may have acted on the request. A fault that names the request is an answer, but one that came
    /// after a timeout on the host proves nothing; an unusable reply proves that something came back and no more.
    pub fn delivery(&self) -> Delivery {
        match self {
            Error::Exchange(error) => error.delivery(),
            Error::Fault(fault) if fault.is_timed_out() || !fault.answers => Delivery::Unknown,
            Error::Fault(_) => Delivery::Answered,
            Error::Reply { .. } | Error::TooManyPages(_) => Delivery::Unknown,
            Error::Write(_) | Error::Deadline => Delivery::NotSent,
        }
    }

    /// The fault, if that is what came.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Error::Fault(fault) => Some(fault),
            _ => None,
        }
    }
}
