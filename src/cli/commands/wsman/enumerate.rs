//! `hvr wsman enumerate`: items printed page by page as they come; one page is held at a time.

use serde_json::{Value as Json, json};

use crate::cli::Format;
use crate::cli::exit::Exit;
use crate::cli::output::{self, note};
use crate::cli::problem::Problem;
use crate::cli::typed::{ReferenceText, instance_to_json, lines, reference_to_json, words};
use crate::wsman::{Client, Enumerate, EnumerationMode, Exchange, Filter, Item, Limits, ResourceUri};

use super::{Desk, Line, fields, say};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Class, or its whole URI; may be left out with --wql
    #[arg(required_unless_present = "wql")]
    class: Option<ReferenceText>,
    /// WQL query, sent to all classes of the namespace
    #[arg(long, value_name = "QUERY")]
    wql: Option<String>,
    /// Filter in another dialect, sent to the class
    #[arg(long, value_name = "TEXT", requires = "dialect", conflicts_with = "wql")]
    filter: Option<String>,
    /// URI of the dialect of --filter
    #[arg(long, value_name = "URI", requires = "filter")]
    dialect: Option<String>,
    /// What to bring
    #[arg(long, value_enum, default_value_t = Mode::Object)]
    mode: Mode,
    /// Most items of one reply
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_elements: Option<u32>,
    /// Largest reply to ask for, in bytes (8192 or more)
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(8192..))]
    max_envelope: Option<u32>,
    /// Stop after so many items and release the rest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Show these properties as columns of a table
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    columns: Vec<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Mode {
    /// Instances
    Object,
    /// References
    Epr,
    /// Both
    Both,
}

pub async fn run(args: &Args, desk: &Desk<'_>) -> Result<Exit, Problem> {
    let enumerate = operation(args, desk)?;
    if desk.args.dry_run {
        return desk.dry(&enumerate, |client| sized(client, args)).await;
    }
    let Line { connection, client } = desk.connect().await?;
    let line = Line { connection, client: sized(client, args) };
    let class = args.class.as_ref().map_or("", ReferenceText::class);
    let mut listing = Listing { desk, columns: &args.columns, simulated: line.connection.is_simulated(), count: 0 };
    let mut enumeration = line.client.enumerate(enumerate);
    let mut left = args.limit.map_or(u64::MAX, u64::from);
    let ended = loop {
        let page = enumeration.next_page().await;
        desk.print_raw(&line);
        match page {
            Err(error) => break Err(Problem::from(error)),
            Ok(None) => break Ok(true),
            Ok(Some(page)) => {
                let items: Vec<_> = page.items().take(usize::try_from(left).unwrap_or(usize::MAX)).collect();
                if !desk.args.raw {
                    listing.page(&items, class);
                }
                left = left.saturating_sub(u64::try_from(items.len()).unwrap_or(left));
                let is_whole = items.len() == page.items().count() && page.context().is_none();
                if left == 0 && !is_whole {
                    break Ok(false);
                }
            }
        }
    };
    if !matches!(ended, Ok(true)) {
        // What is not released expires by itself; the items are printed all the same.
        if let Err(error) = enumeration.release().await {
            tracing::debug!(%error, "the enumeration was not released");
        }
    }
    match desk.args.raw {
        true => ended.map(|_| Exit::Done),
        false => listing.end(ended),
    }
}

fn operation(args: &Args, desk: &Desk<'_>) -> Result<Enumerate, Problem> {
    let resource = match (&args.class, &args.wql) {
        (Some(class), _) if class.has_keys() => {
            return Err(Problem::usage(format!(
                "{class} names one instance: enumerate takes a class, get an instance"
            )));
        }
        (Some(class), Some(query)) => {
            // The query alone decides, so the two must agree.
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let mut words = query.split(|c| !is_word(c));
            if !words.any(|word| word.eq_ignore_ascii_case(class.class())) {
                return Err(Problem::usage(format!("the query is not about {class}; leave the class out")));
            }
            all_classes(class, desk)
        }
        (Some(class), None) => desk.target(class).resource,
        (None, _) => desk.addressing.all_classes(),
    };
    let mut enumerate = Enumerate::new(resource).mode(match args.mode {
        Mode::Object => EnumerationMode::Object,
        Mode::Epr => EnumerationMode::Reference,
        Mode::Both => EnumerationMode::ObjectAndReference,
    });
    enumerate.selectors = desk.addressing.class_selectors();
    enumerate.filter = match (&args.wql, &args.filter, &args.dialect) {
        (Some(query), _, _) => Some(Filter::wql(query.as_str())),
        (None, Some(text), Some(dialect)) => Some(Filter::Text { dialect: dialect.clone(), text: text.clone() }),
        _ => None,
    };
    Ok(enumerate)
}

/// The all-classes URI beside a class: a whole URI keeps its own prefix.
fn all_classes(class: &ReferenceText, desk: &Desk<'_>) -> ResourceUri {
    let uri = desk.target(class).resource;
    let prefix = uri.as_str().strip_suffix(class.class()).unwrap_or("");
    ResourceUri::new(format!("{prefix}*"))
}

fn sized<E: Exchange>(client: Client<E>, args: &Args) -> Client<E> {
    let mut limits = Limits::default();
    let wanted = args.max_elements.unwrap_or(limits.max_elements);
    limits.max_elements = args.limit.map_or(wanted, |limit| limit.min(wanted));
    limits.max_envelope_size = args.max_envelope.unwrap_or(limits.max_envelope_size);
    client.with_limits(limits)
}

/// Items as they come: one line each, one growing JSON document, or tables for people.
struct Listing<'a> {
    desk: &'a Desk<'a>,
    columns: &'a [String],
    simulated: bool,
    count: u64,
}

impl Listing<'_> {
    fn page(&mut self, items: &[Item<'_>], class: &str) {
        let items = items.iter().map(|item| self.item(item, class));
        if self.desk.printer().is_table() && !self.columns.is_empty() {
            let items: Vec<_> = items.collect();
            self.count += u64::try_from(items.len()).unwrap_or(0);
            let rows: Vec<_> = items.iter().map(|item| self.row(item)).collect();
            let header: Vec<_> = self.columns.iter().map(String::as_str).collect();
            if !rows.is_empty() {
                self.desk.printer().table(&header, &rows);
            }
            return;
        }
        for item in items.collect::<Vec<_>>() {
            self.print(&item);
        }
    }

    fn item(&self, item: &Item<'_>, class: &str) -> Json {
        let schema = self.desk.schema.as_ref();
        let instance = item.instance.as_ref().map_or(Json::Null, |item| instance_to_json(item, schema, class));
        let reference = item.reference().map_or(Json::Null, |reference| reference_to_json(&reference));
        json!({ "kind": "wsman-item", "schema": 1, "instance": instance, "reference": reference })
    }

    fn row(&self, item: &Json) -> Vec<String> {
        let instance = item.get("instance").unwrap_or(&Json::Null);
        let reference = item.get("reference").unwrap_or(&Json::Null);
        let find = |name: &String| {
            let mut all = fields(instance, "properties").iter().chain(fields(reference, "keys"));
            all.find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or_else(String::new, |(_, value)| words(value))
        };
        self.columns.iter().map(find).collect()
    }

    fn print(&mut self, item: &Json) {
        self.count += 1;
        match self.desk.printer().format() {
            Format::Jsonl => self.desk.printer().event(item),
            Format::Json => {
                output::line(if self.count == 1 { HEAD } else { "," });
                self.desk.printer().document(item);
            }
            Format::Table => {
                if self.count > 1 {
                    output::line("");
                }
                let reference = item.get("reference").filter(|reference| reference.is_object());
                match (item.get("instance").filter(|instance| instance.is_object()), reference) {
                    (Some(instance), reference) => {
                        if let Some(reference) = reference {
                            output::line(&output::printable(&words(reference)));
                        }
                        self.desk.print_instance(instance);
                    }
                    (None, Some(reference)) => {
                        let class = reference.get("class").and_then(Json::as_str).unwrap_or("reference");
                        self.desk.printer().table(&[class, "key"], &lines(fields(reference, "keys")));
                    }
                    (None, None) => {}
                }
            }
        }
    }

    /// Ends the document. It is whole JSON also where the enumeration broke off, and says so itself.
    fn end(&self, ended: Result<bool, Problem>) -> Result<Exit, Problem> {
        let printer = self.desk.printer();
        if printer.format() != Format::Json {
            if self.count == 0 && ended.is_ok() && printer.is_table() {
                note("none is visible to this account; that need not mean that there is none");
            }
            return ended.map(|_| Exit::Done);
        }
        let (complete, problem) = match ended {
            Ok(complete) => (complete, None),
            // Nothing was printed yet: the error is the document.
            Err(problem) if self.count == 0 => return Err(problem),
            Err(problem) => (false, Some(problem)),
        };
        if self.count == 0 {
            output::line(HEAD);
        }
        let (simulated, count) = (self.simulated, self.count);
        output::line(&format!(
            "], \"simulated\": {simulated}, \"count\": {count}, \"complete\": {complete}, \"error\":"
        ));
        printer.document(&problem.as_ref().map_or(Json::Null, |problem| problem.to_json(simulated)));
        output::line("}");
        Ok(problem.as_ref().map_or(Exit::Done, say))
    }
}

const HEAD: &str = "{\"kind\": \"wsman-enumeration\", \"schema\": 1, \"items\": [";
