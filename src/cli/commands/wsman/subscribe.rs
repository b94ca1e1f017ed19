//! `hvr wsman subscribe`: events fetched by the client, the subscription kept alive, and ended at the end.

use std::time::{Duration, Instant};

use crate::cim::Interval;
use crate::cli::exit::Exit;
use crate::cli::output::note;
use crate::cli::problem::{Changed, Problem};
use crate::cli::span::Span;
use crate::cli::typed::ReferenceText;
use crate::wsman::{Error, Page, Pull, Renew, Subscribe, Subscription, Unsubscribe};

use super::desk::{Desk, Line};
use super::enumerate::FilterArgs;
use super::listing::{EVENTS, Listing};
use super::without_keys;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Indication class or event source, its whole URI, or a short name
    #[arg(required_unless_present = "wql")]
    class: Option<ReferenceText>,
    #[command(flatten)]
    filter: FilterArgs,
    /// How long the subscription lives on the host when this program is gone
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    expires: Span,
    /// Ask the host to say that it is there, this often
    #[arg(long, value_name = "DURATION")]
    heartbeats: Option<Span>,
    /// End after so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// End after so much time
    #[arg(long = "for", value_name = "DURATION")]
    span: Option<Span>,
    /// Show these properties as columns of a table
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    columns: Vec<String>,
}

pub async fn run(args: &Args, desk: &Desk<'_>) -> Result<Exit, Problem> {
    if let Some(class) = &args.class {
        without_keys(class, "subscribe")?;
    }
    let subscribe = Subscribe {
        resource: args.filter.resource(args.class.as_ref(), desk)?,
        selectors: desk.class_selectors(),
        filter: args.filter.build(args.class.as_ref(), desk)?,
        expires: Some(args.expires.0),
        heartbeats: args.heartbeats.map(|span| span.0),
    };
    if desk.is_dry() {
        return desk.dry(&subscribe, false, |client| client).await;
    }
    let line = desk.connect().await?;
    let answer = line.client.order(subscribe.clone()).await;
    desk.print_raw(&line);
    let subscription = answer?;
    note(&format!("subscribed on {}; Ctrl-C ends it", line.connection.name));
    desk.context.interruption.leave_behind(Changed::No, "the subscription was ended", "");
    desk.context.interruption.grant_time();
    let mut feed = Feed::new(args, desk, &line, &subscribe, &subscription);
    let ended = feed.run().await;
    // Ended on the host as well, whatever ended it here; what is not expires by itself.
    let unsubscribe = Unsubscribe { manager: subscription.manager.clone() };
    if let Err(error) = line.client.ask(&unsubscribe).await {
        note(&format!("the subscription was not ended on the host ({error}); it expires by itself"));
    }
    match ended {
        Ok(End::Interrupted) => {
            feed.listing.end(Ok(false))?;
            Err(desk.context.interruption.problem())
        }
        Ok(End::Reached) => feed.listing.end(Ok(true)),
        Err(problem) => feed.listing.end(Err(problem)),
    }
}

/// Why no more events are fetched.
enum End {
    /// As many as were asked for, as long as was asked for, or the host has no more.
    Reached,
    Interrupted,
}

/// Events of one subscription.
struct Feed<'a> {
    args: &'a Args,
    desk: &'a Desk<'a>,
    line: &'a Line,
    subscribe: &'a Subscribe,
    subscription: &'a Subscription,
    context: String,
    listing: Listing<'a>,
    began: Instant,
    renewed: Instant,
    lives: Duration,
}

impl<'a> Feed<'a> {
    fn new(
        args: &'a Args,
        desk: &'a Desk<'a>,
        line: &'a Line,
        subscribe: &'a Subscribe,
        subscription: &'a Subscription,
    ) -> Self {
        let listing = Listing::new(desk, EVENTS, &args.columns, line.connection.is_simulated());
        let lives = lives(subscription.expires.as_deref(), args.expires.0);
        let (began, context) = (Instant::now(), subscription.context.clone());
        Feed { args, desk, line, subscribe, subscription, context, listing, began, renewed: began, lives }
    }

    async fn run(&mut self) -> Result<End, Problem> {
        let class = self.args.class.as_ref().map_or("", ReferenceText::class);
        loop {
            let asked = Instant::now();
            let answer = tokio::select! {
                answer = self.pull() => answer,
                () = self.desk.context.interruption.first_signal() => return Ok(End::Interrupted),
                () = pause(self.left()) => return Ok(End::Reached),
            };
            self.desk.print_raw(self.line);
            match answer {
                Ok(page) => {
                    let most = self.args.limit.map_or(u64::MAX, u64::from).saturating_sub(self.listing.count());
                    if !self.desk.args.raw {
                        self.listing.page(&page, usize::try_from(most).unwrap_or(usize::MAX), class);
                    }
                    match page.context() {
                        Some(context) => self.context = context.to_owned(),
                        None => return Ok(End::Reached),
                    }
                    if page.items().next().is_none() && self.rests(asked).await {
                        return Ok(End::Interrupted);
                    }
                }
                // No event in the time of one operation (DSP0226 10.2.9.5). A host that does not wait is not asked
                // without a pause.
                Err(Error::Fault(fault)) if fault.is_timed_out() => {
                    if self.rests(asked).await {
                        return Ok(End::Interrupted);
                    }
                }
                Err(error) => return Err(Problem::from(error)),
            }
            if self.args.limit.is_some_and(|limit| self.listing.count() >= u64::from(limit)) {
                return Ok(End::Reached);
            }
            self.renew().await?;
        }
    }

    /// What is left of the shortest time between two questions; says whether it was interrupted.
    async fn rests(&self, asked: Instant) -> bool {
        tokio::select! {
            () = tokio::time::sleep(SHORTEST.saturating_sub(asked.elapsed())) => false,
            () = self.desk.context.interruption.first_signal() => true,
        }
    }

    async fn pull(&self) -> Result<Page, Error> {
        let (resource, selectors) = (self.subscribe.resource.clone(), self.subscribe.selectors.clone());
        self.line.client.ask(&Pull { resource, selectors, context: self.context.clone() }).await
    }

    /// Renews in the middle of its life.
    async fn renew(&mut self) -> Result<(), Problem> {
        if self.renewed.elapsed() < self.lives / 2 {
            return Ok(());
        }
        let renew = Renew { manager: self.subscription.manager.clone(), expires: Some(self.args.expires.0) };
        let expires = self.line.client.ask(&renew).await?;
        self.lives = lives(expires.as_deref(), self.args.expires.0);
        self.renewed = Instant::now();
        Ok(())
    }

    fn left(&self) -> Option<Duration> {
        self.args.span.map(|span| span.0.saturating_sub(self.began.elapsed()))
    }
}

/// How long a subscription lives: as the host says it if it says a duration, else as was asked.
fn lives(said: Option<&str>, asked: Duration) -> Duration {
    said.and_then(|text| Interval::from_iso(text).ok()).and_then(|interval| interval.to_duration()).unwrap_or(asked)
}

async fn pause(left: Option<Duration>) {
    match left {
        Some(left) => tokio::time::sleep(left).await,
        None => std::future::pending().await,
    }
}

/// Shortest time between two questions that bring no event.
const SHORTEST: Duration = Duration::from_millis(500);
