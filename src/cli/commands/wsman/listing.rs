//! Items printed as they come: of an enumeration, of a page, of a subscription.

use serde_json::{Value as Json, json};

use crate::cim::schema::Schema;
use crate::cli::Format;
use crate::cli::exit::Exit;
use crate::cli::output::{self, note};
use crate::cli::problem::Problem;
use crate::cli::typed::{instance_to_json, lines, reference_to_json, remainder_to_json, words};
use crate::wsman::{Item, Page};

use super::desk::{Desk, fields};
use super::say;

/// The kind of a listing of events.
pub const EVENTS: &str = "wsman-events";

/// Items as they come: one line each, one growing JSON document, or tables for people.
pub struct Listing<'a> {
    desk: &'a Desk<'a>,
    kind: &'static str,
    columns: &'a [String],
    simulated: bool,
    count: u64,
    /// What of the pages, outside their items, nobody understood.
    rest: Vec<Json>,
}

/// Most leaves of pages that are kept to be named at the end.
const MOST_REST: usize = 1000;

impl<'a> Listing<'a> {
    /// A listing that is a document of this kind in `-o json`.
    pub fn new(desk: &'a Desk<'a>, kind: &'static str, columns: &'a [String], simulated: bool) -> Self {
        Listing { desk, kind, columns, simulated, count: 0, rest: Vec::new() }
    }

    /// How many items were printed.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The items of a page, no more than `most` of them; what of the page was not understood is named.
    pub fn page(&mut self, page: &Page, most: usize, class: &str) {
        page.document().watch();
        let mut items: Vec<_> = page.items().collect();
        let left_out = items.split_off(most.min(items.len()));
        self.items(&items, class);
        items.iter().chain(&left_out).for_each(|item| item.element().count_as_read());
        let rest = page.unread();
        let room = MOST_REST.saturating_sub(self.rest.len());
        if let Json::Array(rest) = remainder_to_json(rest.get(..room.min(rest.len())).unwrap_or_default()) {
            self.rest.extend(rest);
        }
    }

    fn items(&mut self, items: &[Item<'_>], class: &str) {
        let items = items.iter().map(|item| {
            let mut json = item_to_json(item, self.desk.schema.as_ref(), class);
            let remainder = item.element().unread();
            if let Some(object) = json.as_object_mut().filter(|_| !remainder.is_empty()) {
                object.insert("remainder".to_owned(), remainder_to_json(&remainder));
            }
            json
        });
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

    /// Shows what of the pages nobody understood.
    pub fn print_rest(&self) {
        self.desk.print_page_rest(&self.rest);
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
                match self.count {
                    1 => self.head(),
                    _ => output::line(","),
                }
                self.desk.printer().document(item);
            }
            Format::Table | Format::Prometheus => {
                if self.count > 1 {
                    output::line("");
                }
                let reference = item.get("reference").filter(|reference| reference.is_object());
                match (item.get("instance").filter(|instance| instance.is_object()), reference) {
                    (Some(instance), reference) => {
                        if let Some(reference) = reference {
                            output::line(&words(reference));
                        }
                        self.desk.print_instance(instance);
                    }
                    (None, Some(reference)) => {
                        let class = reference.get("class").and_then(Json::as_str).unwrap_or("reference");
                        self.desk.printer().table(&[class, "key"], &lines(fields(reference, "keys")));
                    }
                    (None, None) => {}
                }
                self.desk.print_rest(item.get("remainder").unwrap_or(&Json::Null));
            }
        }
    }

    /// Ends the document. It is whole JSON also where the enumeration broke off, and says so itself.
    pub fn end(&self, ended: Result<bool, Problem>) -> Result<Exit, Problem> {
        let printer = self.desk.printer();
        if printer.format() != Format::Json {
            self.desk.print_page_rest(&self.rest);
            if self.count == 0 && ended.is_ok() && printer.is_table() {
                note(match self.kind {
                    EVENTS => "no event came",
                    _ => "none is visible to this account; that need not mean that there is none",
                });
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
            self.head();
        }
        let (simulated, count) = (self.simulated, self.count);
        output::line(&format!(
            "], \"simulated\": {simulated}, \"count\": {count}, \"complete\": {complete}, \"remainder\":"
        ));
        printer.document(&Json::from(self.rest.as_slice()));
        output::line(", \"error\":");
        printer.document(&problem.as_ref().map_or(Json::Null, |problem| problem.to_json(simulated)));
        output::line("}");
        Ok(problem.as_ref().map_or(Exit::Done, say))
    }

    fn head(&self) {
        output::line(&format!("{{\"kind\": \"{}\", \"schema\": 1, \"items\": [", self.kind));
    }
}

/// One item as a document of its own.
pub fn item_to_json(item: &Item<'_>, schema: Option<&Schema>, class: &str) -> Json {
    let instance = item.instance.as_ref().map_or(Json::Null, |item| instance_to_json(item, schema, class));
    let reference = item.reference().map_or(Json::Null, |reference| reference_to_json(&reference));
    json!({ "kind": "wsman-item", "schema": 1, "instance": instance, "reference": reference })
}
