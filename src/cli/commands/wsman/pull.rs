//! `hvr wsman pull` and `release`: an enumeration by hand, page by page.

use serde_json::{Value as Json, json};

use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::problem::Problem;
use crate::cli::typed::{ReferenceText, remainder_to_json};
use crate::wsman::{Client, Exchange, Page, Pull, Release};

use super::desk::{Desk, Line};
use super::listing::{Listing, item_to_json};
use super::without_keys;

#[derive(Debug, clap::Args)]
pub struct PullArgs {
    /// The class or URI of the enumeration
    class: ReferenceText,
    /// The newest context, as --first-page or pull printed it
    context: String,
    /// Most items of the reply
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_elements: Option<u32>,
    /// Largest reply to ask for, in bytes (8192 or more)
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(8192..))]
    max_envelope: Option<u32>,
}

#[derive(Debug, clap::Args)]
pub struct ReleaseArgs {
    /// The class or URI of the enumeration
    class: ReferenceText,
    /// The newest context
    context: String,
}

pub async fn pull(args: &PullArgs, desk: &Desk<'_>) -> Result<Exit, Problem> {
    without_keys(&args.class, "pull")?;
    let resource = desk.target(&args.class).resource;
    let operation = Pull { resource, selectors: desk.class_selectors(), context: args.context.clone() };
    if desk.is_dry() {
        return desk.dry(&operation, false, |client| sized(client, args)).await;
    }
    let Line { connection, client } = desk.connect().await?;
    let line = Line { connection, client: sized(client, args) };
    let answer = line.client.ask(&operation).await;
    desk.print_raw(&line);
    print_page(desk, &line, &answer?, args.class.class())
}

pub async fn release(args: &ReleaseArgs, desk: &Desk<'_>) -> Result<Exit, Problem> {
    without_keys(&args.class, "release")?;
    let resource = desk.target(&args.class).resource;
    let operation = Release { resource, selectors: desk.class_selectors(), context: args.context.clone() };
    if desk.is_dry() {
        return desk.dry(&operation, false, |client| client).await;
    }
    let line = desk.connect().await?;
    let answer = line.client.ask(&operation).await;
    desk.print_raw(&line);
    answer?;
    Ok(desk.done(&line, "released", &args.context))
}

/// One page with its context: as a document, or as tables and the next command.
pub fn print_page(desk: &Desk<'_>, line: &Line, page: &Page, class: &str) -> Result<Exit, Problem> {
    if desk.args.raw {
        return Ok(Exit::Done);
    }
    if desk.printer().is_table() {
        let mut listing = Listing::new(desk, "wsman-enumeration", &[], line.connection.is_simulated());
        listing.page(page, usize::MAX, class);
        listing.print_rest();
        output::line(&match page.context() {
            Some(context) => format!("context: {context}"),
            None => "end of the enumeration".to_owned(),
        });
        return Ok(Exit::Done);
    }
    page.document().watch();
    let items: Vec<Json> =
        page.items().collect::<Vec<_>>().iter().map(|item| item_to_json(item, desk.schema.as_ref(), class)).collect();
    desk.document(
        line,
        "wsman-page",
        json!({
            "items": items, "context": page.context(), "complete": page.context().is_none(),
            "remainder": remainder_to_json(&page.unread()),
        }),
    );
    Ok(Exit::Done)
}

fn sized<E: Exchange>(client: Client<E>, args: &PullArgs) -> Client<E> {
    let mut limits = client.limits().clone();
    limits.max_elements = args.max_elements.unwrap_or(limits.max_elements);
    limits.max_envelope_size = args.max_envelope.unwrap_or(limits.max_envelope_size);
    client.with_limits(limits)
}
