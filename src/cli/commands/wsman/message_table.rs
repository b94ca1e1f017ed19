//! Any message for people: headers that say something, the body, and what of it was not understood.

use serde_json::{Map, Value as Json};

use crate::cli::output;
use crate::cli::typed::{self, words};

use super::desk::fields;

/// Headers in the order they are shown.
const HEADERS: &[&str] = &[
    "action",
    "resource",
    "message_id",
    "relates_to",
    "to",
    "reply_to",
    "fragment",
    "fragment_dialect",
    "max_envelope_size",
    "operation_timeout",
    "language",
    "locale",
    "data_locale",
    "subscription",
];

/// For people: headers that say something, then the body.
pub fn print(message: &Json) {
    whole(message).iter().for_each(|line| output::line(line));
}

/// The body alone, with what was not understood.
pub fn print_body(message: &Json) {
    let mut page = Page::default();
    page.body(message.get("body").unwrap_or(&Json::Null));
    page.rest(message);
    page.0.iter().for_each(|line| output::line(line));
}

/// Leaves that nobody understood, each with its path.
pub fn print_remainder(remainder: &[Json]) {
    let mut page = Page::default();
    page.remainder(remainder);
    page.0.iter().for_each(|line| output::line(line));
}

/// The lines of a message.
pub fn whole(message: &Json) -> Vec<String> {
    let mut rows = Vec::new();
    for name in HEADERS {
        match message.get(*name) {
            None | Some(Json::Null) => {}
            Some(Json::String(text)) if text.is_empty() => {}
            Some(value) => rows.push(vec![(*name).to_owned(), words(value)]),
        }
    }
    for (kind, label) in [("selectors", "selector"), ("options", "option")] {
        rows.extend(fields(message, kind).iter().map(|(name, value)| vec![format!("{label} {name}"), words(value)]));
    }
    for (kind, label) in [("must_understand", "must understand"), ("must_comply", "must comply")] {
        // By its own name alone: whose it is, is in the document.
        let short = |name: &Json| words(name).rsplit('}').next().unwrap_or("").to_owned();
        let names: Vec<_> = list(message, kind).iter().map(short).collect();
        if !names.is_empty() {
            rows.push(vec![label.to_owned(), names.join(", ")]);
        }
    }
    let is_reply = message.get("reply").and_then(Json::as_bool).unwrap_or(false);
    let mut page = Page::default();
    page.table(if is_reply { "reply" } else { "request" }, "", &rows);
    page.line("");
    page.body(message.get("body").unwrap_or(&Json::Null));
    page.rest(message);
    page.0
}

/// Lines as they are made.
#[derive(Default)]
struct Page(Vec<String>);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push(output::printable(text));
    }

    fn table(&mut self, title: &str, second: &str, rows: &[Vec<String>]) {
        self.0.extend(output::table_lines(&[title, second], rows));
    }

    fn values(&mut self, title: &str, content: &Map<String, Json>) {
        self.table(title, "value", &typed::lines(content));
    }

    /// What is odd in a message, and what of it was not understood; nothing where there is neither.
    fn rest(&mut self, message: &Json) {
        for (place, remark) in list(message, "remarks").iter().enumerate() {
            if place == 0 {
                self.line("");
            }
            self.line(&format!("remark: {}", remark.get("text").map(words).unwrap_or_default()));
        }
        self.remainder(list(message, "remainder"));
    }

    fn remainder(&mut self, remainder: &[Json]) {
        let row = |leaf: &Json| ["path", "value"].map(|name| leaf.get(name).map(words).unwrap_or_default()).to_vec();
        if !remainder.is_empty() {
            self.line("");
            self.table("not understood", "value", &remainder.iter().map(row).collect::<Vec<_>>());
        }
    }

    fn body(&mut self, body: &Json) {
        let text = |name: &str| body.get(name).and_then(Json::as_str).unwrap_or("");
        match text("type") {
            "instance" => self.instance(body.get("instance").unwrap_or(&Json::Null)),
            "created" => {
                self.values("created", &shown(body, &["type", "representation"]));
                if let Some(made) = body.get("representation").filter(|made| made.is_object()) {
                    self.line("");
                    self.instance(made);
                }
            }
            "input" | "output" => {
                self.values(&format!("{} {}", text("method"), text("type")), fields(body, "parameters"));
            }
            "items" => {
                for item in list(body, "items") {
                    self.item(item);
                    self.line("");
                }
                let is_end = body.get("complete").and_then(Json::as_bool).unwrap_or(false);
                if !text("context").is_empty() || !is_end {
                    self.line(&format!("context: {}", text("context")));
                }
                if is_end {
                    self.line("end of the enumeration");
                }
            }
            kind => self.values(if kind == "request" { "body" } else { kind }, &shown(body, &["type"])),
        }
    }

    fn instance(&mut self, instance: &Json) {
        let class = instance.get("class").and_then(Json::as_str).unwrap_or("instance");
        self.values(class, fields(instance, "properties"));
        if let Some(location) = instance.get("location") {
            self.line(&format!("location: {}", words(location)));
        }
    }

    fn item(&mut self, item: &Json) {
        let part = |name| item.get(name).filter(|part: &&Json| part.is_object());
        match (part("reference"), part("instance")) {
            (Some(reference), Some(_)) => self.line(&words(reference)),
            (Some(reference), None) => {
                let row = |name: &str, value: &Json| vec![name.to_owned(), words(value)];
                let mut rows = vec![row("resource", reference.get("uri").unwrap_or(&Json::Null))];
                rows.extend(fields(reference, "keys").iter().map(|(name, value)| row(&format!("?{name}"), value)));
                rows.extend(reference.get("address").map(|address| row("address", address)));
                self.table("reference", "value", &rows);
            }
            (None, _) => {}
        }
        if let Some(instance) = part("instance") {
            self.instance(instance);
        }
    }
}

fn list<'j>(json: &'j Json, name: &str) -> &'j [Json] {
    json.get(name).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// The fields of an object that say something, others than these.
fn shown(body: &Json, left_out: &[&str]) -> Map<String, Json> {
    let fields = body.as_object().into_iter().flatten();
    let says = |name: &str, value: &Json| match value {
        Json::Null => false,
        Json::Object(inner) => !inner.is_empty() && !left_out.contains(&name),
        Json::Array(items) => !items.is_empty() && !left_out.contains(&name),
        _ => !left_out.contains(&name),
    };
    let fields = fields.filter(|(name, value)| says(name, value));
    fields.map(|(name, value)| (name.clone(), plain(value))).collect()
}

/// A value inside a table: objects in short, texts as they are.
fn plain(value: &Json) -> Json {
    match value {
        Json::Object(object) if object.contains_key("keys") => Json::from(words(value)),
        Json::Object(object) => {
            let parts = object.iter().filter(|(_, value)| !value.is_null());
            Json::from(parts.map(|(name, value)| format!("{name}: {}", words(value))).collect::<Vec<_>>().join("; "))
        }
        Json::Array(items) => Json::from(items.iter().map(|item| words(&plain(item))).collect::<Vec<_>>().join(" | ")),
        other => other.clone(),
    }
}
