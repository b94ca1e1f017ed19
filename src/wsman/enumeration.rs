//! An enumeration page by page, with an end to what it may take: of patience, and of memory where it is collected.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::client::{Client, Error};
use super::enumerate::{Enumerate, Page};
use super::exchange::Exchange;
use super::filter::Filter;
use super::limits::{Kept, Limits};
use super::pull::Pull;
use super::release::Release;
use crate::xml::Element;

/// An enumeration page by page: only one page is held at a time.
///
/// Dropping it before the end leaves the context to expire on the host; [`Enumeration::release`] gives it up.
pub struct Enumeration<'c, E> {
    client: &'c Client<E>,
    enumerate: Enumerate,
    /// Those of the client, with fewer items where a page of as many did not fit.
    limits: Limits,
    context: Option<String>,
    /// What the last page was, to know it again.
    last: Option<(Option<String>, u64)>,
    /// Pages in a row that brought nothing new.
    idle: u32,
    ended: bool,
}

/// Why an enumeration was given up before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Overrun {
    /// [`Limits::patience`]: pages without items, or the same page again and again.
    #[error(
        "the list of {what} makes no progress: {pages} answers in a row brought nothing new, and none was the last"
    )]
    NoProgress {
        /// Class or URI of what was enumerated.
        what: String,
        /// How many.
        pages: u32,
    },
    /// [`Limits::kept`]: more than is kept at one time.
    #[error("the list of {what} is longer than the {limit} that are kept of one (it had {pages} pages so far)")]
    TooMuch {
        /// Class or URI of what was enumerated.
        what: String,
        /// What was reached.
        limit: KeptLimit,
        /// Pages that had come by then.
        pages: u32,
    },
}

/// The part of [`Kept`] that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptLimit {
    /// [`Kept::bytes`].
    Bytes(usize),
    /// [`Kept::instances`].
    Instances(usize),
    /// [`Kept::pages`].
    Pages(u32),
}

impl std::fmt::Display for KeptLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeptLimit::Bytes(most) if most % (1 << 20) == 0 => write!(f, "{} MiB", most >> 20),
            KeptLimit::Bytes(most) => write!(f, "{most} bytes"),
            KeptLimit::Instances(most) => write!(f, "{most} instances"),
            KeptLimit::Pages(most) => write!(f, "{most} pages"),
        }
    }
}

impl<'c, E: Exchange> Enumeration<'c, E> {
    pub(super) fn new(client: &'c Client<E>, enumerate: Enumerate) -> Self {
        let limits = client.limits().clone();
        Enumeration { client, enumerate, limits, context: None, last: None, idle: 0, ended: false }
    }

    /// The next page; none after the last. Where a page of as many items as asked for does not fit the envelope, fewer
    /// are asked for, down to one: hosts other than Windows refuse in place of sending what fits.
    ///
    /// # Errors
    /// As [`Client::ask`], and [`Overrun::NoProgress`], after which [`Enumeration::release`] still gives it up.
    pub async fn next_page(&mut self) -> Result<Option<Page>, Error> {
        if self.ended {
            return Ok(None);
        }
        if self.idle >= self.limits.patience {
            return Err(Overrun::NoProgress { what: self.what(), pages: self.idle }.into());
        }
        let page = loop {
            match self.ask().await {
                // The context stays good: the page was refused, not brought.
                Err(Error::Fault(fault)) if fault.is_envelope_size() && self.limits.max_elements > 1 => {
                    self.limits.max_elements = (self.limits.max_elements / 8).max(1);
                }
                Err(Error::Fault(mut fault)) => {
                    fault.unfiltered = self.enumerate.filter.is_none();
                    self.context = None;
                    return Err(Error::Fault(fault));
                }
                // After any other failure nothing is known of the context.
                other => break other.inspect_err(|_| self.context = None)?,
            }
        };
        self.context = page.context().map(str::to_owned);
        self.ended = self.context.is_none();
        self.look_for_progress(&page);
        Ok(Some(page))
    }

    /// A page without items is none, and neither is the page before once more: a host may give its context anew with
    /// every page or keep it for all of them, so that alone tells nothing.
    fn look_for_progress(&mut self, page: &Page) {
        let is_empty = page.items().next().is_none();
        let this = (self.context.clone(), fingerprint(page));
        let is_again = self.last.as_ref() == Some(&this);
        self.idle = if is_empty || is_again { self.idle.saturating_add(1) } else { 0 };
        self.last = Some(this);
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

    /// Every page to the end, as far as [`Limits::kept`] goes; what is longer is given up on the host, too.
    ///
    /// # Errors
    /// As [`Enumeration::next_page`], and [`Overrun::TooMuch`].
    pub async fn pages(mut self) -> Result<Vec<Page>, Error> {
        let mut pages = Vec::new();
        let mut room = Room::new(self.limits.kept);
        let overrun = loop {
            let page = match self.next_page().await {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(pages),
                Err(Error::Overrun(overrun)) => break overrun,
                Err(error) => return Err(error),
            };
            match room.take(&page) {
                Ok(()) => pages.push(page),
                Err(limit) => break Overrun::TooMuch { what: self.what(), limit, pages: room.pages },
            }
        };
        // Freed before another reply is read. What is not released expires by itself.
        drop(pages);
        if let Err(error) = self.release().await {
            tracing::debug!(%error, "the enumeration was not released");
        }
        Err(overrun.into())
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

    fn what(&self) -> String {
        match &self.enumerate.filter {
            Some(Filter::Text { text, .. }) => format!("{text:?}"),
            _ => {
                let uri = self.enumerate.resource.as_str();
                uri.rsplit('/').next().unwrap_or(uri).to_owned()
            }
        }
    }
}

/// What is left of what may be kept.
struct Room {
    most: Kept,
    bytes: usize,
    instances: usize,
    pages: u32,
}

impl Room {
    fn new(most: Kept) -> Room {
        Room { most, bytes: 0, instances: 0, pages: 0 }
    }

    fn take(&mut self, page: &Page) -> Result<(), KeptLimit> {
        self.pages = self.pages.saturating_add(1);
        self.bytes = self.bytes.saturating_add(page.document().footprint());
        self.instances = self.instances.saturating_add(page.items().count());
        match self {
            Room { bytes, most, .. } if *bytes > most.bytes => Err(KeptLimit::Bytes(most.bytes)),
            Room { instances, most, .. } if *instances > most.instances => Err(KeptLimit::Instances(most.instances)),
            Room { pages, most, .. } if *pages > most.pages => Err(KeptLimit::Pages(most.pages)),
            _ => Ok(()),
        }
    }
}

/// What its items are, whatever the ids of the message around them.
fn fingerprint(page: &Page) -> u64 {
    fn add(element: Element<'_>, to: &mut DefaultHasher) {
        (element.local(), element.text()).hash(to);
        element.attributes().for_each(|attribute| (attribute.local, attribute.value).hash(to));
        element.children().for_each(|child| add(child, to));
        // Where an element ends tells a tree from another with the same leaves.
        0_u8.hash(to);
    }
    let mut hasher = DefaultHasher::new();
    page.elements().for_each(|item| add(item, &mut hasher));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_says_itself_in_the_unit_of_its_option() {
        let texts =
            [KeptLimit::Bytes(128 << 20), KeptLimit::Bytes(1_000), KeptLimit::Instances(7), KeptLimit::Pages(3)];
        assert_eq!(texts.map(|limit| limit.to_string()), ["128 MiB", "1000 bytes", "7 instances", "3 pages"]);
    }
}
