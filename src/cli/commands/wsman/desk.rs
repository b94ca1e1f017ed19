//! What all of `hvr wsman` works with: addressing, declarations, a connection, and the printing of what came.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::cim::schema::Schema;
use crate::cli::connect::{Connection, endpoint};
use crate::cli::exit::Exit;
use crate::cli::mof_files;
use crate::cli::output::{self, Printer, note};
use crate::cli::printed::Printed;
use crate::cli::problem::Problem;
use crate::cli::typed::{Argument, Keys, ReferenceText, lines, read_file, remainder_to_json, words};
use crate::cli::{Context, Format};
use crate::hyperv::random_id;
use crate::transport::Session;
use crate::wsman::decode::unread_of_reply;
use crate::wsman::{
    ClassAddressing, Client, EndpointReference, Exchange, Extra, Identify, Operation, SelectorSet, Timeouts,
};
use crate::xml::Document;

use super::exchange::{Paper, Tap};
use super::message::pairs_to_json;
use super::message_table::print_remainder;
use super::{Args, DryRun};

/// What all of them work with.
pub struct Desk<'a> {
    pub args: &'a Args,
    pub context: &'a Context,
    pub addressing: ClassAddressing,
    pub schema: Option<Schema>,
    raw_shown: Cell<bool>,
}

/// A connection, and a client of it that keeps replies where their XML is wanted.
pub struct Line {
    pub connection: Connection,
    pub client: Client<Tap<Arc<Session>>>,
}

impl<'a> Desk<'a> {
    pub fn new(args: &'a Args, context: &'a Context) -> Result<Self, Problem> {
        let schema = if args.no_schema { None } else { Some(mof_files::load(&args.schema)?) };
        Ok(Desk {
            schema,
            addressing: context.settings.addressing.classes(),
            args,
            context,
            raw_shown: Cell::new(false),
        })
    }

    pub fn printer(&self) -> Printer {
        self.context.printer
    }

    /// Whether a reply was printed as it came.
    pub fn raw_was_shown(&self) -> bool {
        self.raw_shown.get()
    }

    /// Whether envelopes are printed and not sent.
    pub fn is_dry(&self) -> bool {
        self.args.dry_run.is_some()
    }

    pub async fn connect(&self) -> Result<Line, Problem> {
        let connection = Connection::open(self.context).await?;
        let tap = Tap::new(connection.session().clone(), self.args.raw);
        let client = connection.client_over(tap, self.addressing.clone()).with_extra(self.extra());
        Ok(Line { connection, client })
    }

    /// The instance that a reference names, with the selectors given besides.
    pub fn target(&self, reference: &ReferenceText) -> EndpointReference {
        let mut target = reference.resolve(&self.addressing);
        self.add_selectors(&mut target.selectors);
        target
    }

    /// The instance that a reference names, its keys being those of its class.
    ///
    /// # Errors
    /// A name that is no key of a class that is declared.
    pub fn instance(&self, reference: &ReferenceText) -> Result<EndpointReference, Problem> {
        reference.check(self.schema.as_ref(), Keys::Some)?;
        Ok(self.target(&reference.typed(self.schema.as_ref())?))
    }

    /// Selectors of a request about a class as a whole.
    pub fn class_selectors(&self) -> SelectorSet {
        let mut selectors = self.addressing.class_selectors();
        self.add_selectors(&mut selectors);
        selectors
    }

    fn add_selectors(&self, selectors: &mut SelectorSet) {
        for extra in &self.args.selector {
            selectors.push(extra.name.as_str(), extra.value.resolve(&self.addressing));
        }
    }

    fn extra(&self) -> Extra {
        Extra {
            options: self.args.option.iter().map(|option| option.0.clone()).collect(),
            headers: self.args.header.iter().map(|header| header.0.clone()).collect(),
        }
    }

    /// What was typed and what a document holds, each name from one of the two.
    pub fn given(&self, typed: &[Argument], input: Option<&Path>) -> Result<Vec<Argument>, Problem> {
        let Some(file) = input else { return Ok(typed.to_vec()) };
        let text = read_file(file).map_err(|error| Problem::usage(error.to_string()))?;
        let name = file.display().to_string();
        let json: Json = serde_json::from_str(&text).map_err(|error| Problem::usage(format!("{name}: {error}")))?;
        let document = Argument::of_object(&json, &[], &name).map_err(|error| Problem::usage(error.to_string()))?;
        join(typed, document)
    }

    /// Prints the envelope that would be sent. Needs no login, for nothing is sent.
    pub async fn dry<O: Operation>(
        &self,
        operation: &O,
        yes: bool,
        with: impl FnOnce(Client<Paper>) -> Client<Paper>,
    ) -> Result<Exit, Problem> {
        let settings = &self.context.settings;
        let address = match settings.simulate {
            true => Connection::open(self.context).await?.session().address().to_owned(),
            false => endpoint(settings)?.0.url().to_owned(),
        };
        let client = Client::new(Paper::new(address), self.addressing.clone(), random_id)
            .with_timeouts(settings.operation_timeout.map_or_else(Timeouts::default, Timeouts::new))
            .with_locale(Some(settings.locale.clone().unwrap_or_else(|| "en-US".to_owned())))
            .with_extra(self.extra());
        let bytes = with(client).envelope(operation).map_err(|error| Problem::usage(error.to_string()))?;
        let xml = String::from_utf8_lossy(&bytes).into_owned();
        match (self.args.dry_run, self.printer().format()) {
            (Some(DryRun::Shell), _) => {
                let send = Printed::of(&["wsman", "send"]).operand("-");
                let send = if yes { send.switch("--yes") } else { send }.by(&settings.way);
                output::line(&format!("{} <<'END_OF_ENVELOPE'", send.line()));
                output::raw(&xml);
                output::line("END_OF_ENVELOPE");
            }
            (Some(DryRun::Json), format) | (_, format @ (Format::Json | Format::Jsonl)) => {
                let format = if format == Format::Jsonl { format } else { Format::Json };
                Printer::new(format, settings.simulate).document(&json!({
                    "kind": "wsman-dry-run", "schema": 1, "action": operation.action(), "xml": xml, "sent": false,
                }));
            }
            _ => output::raw(&xml),
        }
        Ok(Exit::Done)
    }

    pub async fn identify(&self) -> Result<Exit, Problem> {
        if self.is_dry() {
            return self.dry(&Identify, false, |client| client).await;
        }
        let line = self.connect().await?;
        let answer = line.client.identify().await;
        self.print_raw(&line);
        let identity = answer?;
        if self.args.raw {
            return Ok(Exit::Done);
        }
        if self.printer().is_table() {
            let row = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
            let mut rows = vec![
                row("vendor", &identity.product_vendor),
                row("version", &identity.product_version),
                row("protocol", &identity.protocol_version),
            ];
            rows.extend(identity.security_profiles.iter().map(|profile| row("profile", profile)));
            rows.extend(identity.further.iter().map(|(name, text)| row(name, text)));
            self.printer().table(&["service", &line.connection.name], &rows);
        } else {
            self.document(
                &line,
                "wsman-identify",
                json!({
                    "product_vendor": identity.product_vendor,
                    "product_version": identity.product_version,
                    "protocol_version": identity.protocol_version,
                    "security_profiles": identity.security_profiles,
                    "further": pairs_to_json(&identity.further),
                }),
            );
        }
        Ok(Exit::Done)
    }

    /// Prints the XML of the last reply, where it was kept.
    pub fn print_raw(&self, line: &Line) {
        let Some(xml) = line.client.exchange().take() else { return };
        self.raw_shown.set(true);
        output::raw(&xml);
    }

    pub fn print_instance(&self, instance: &Json) {
        let class = instance.get("class").and_then(Json::as_str).unwrap_or("instance");
        self.printer().table(&[class, "value"], &lines(fields(instance, "properties")));
    }

    pub fn document(&self, line: &Line, kind: &str, fields: Json) {
        let simulated = line.connection.is_simulated();
        let mut document = json!({ "kind": kind, "schema": 1, "simulated": simulated, "host": line.connection.name });
        if let (Some(all), Json::Object(fields)) = (document.as_object_mut(), fields) {
            all.extend(fields);
        }
        self.printer().document(&document);
    }

    /// What of a reply nobody understood, when all that is understood has been read.
    pub fn rest(&self, reply: &Document) -> Json {
        remainder_to_json(&unread_of_reply(reply))
    }

    /// Shows to a person what nobody understood.
    pub fn print_rest(&self, rest: &Json) {
        print_remainder(rest.as_array().map_or(&[], Vec::as_slice));
    }

    /// Shows what of pages nobody understood, beside their items: to a person as data, to a script that reads items line by
    /// line on standard error.
    pub fn print_page_rest(&self, rest: &[Json]) {
        if self.printer().is_table() {
            print_remainder(rest);
            return;
        }
        for leaf in rest {
            let part = |name| leaf.get(name).map(words).unwrap_or_default();
            note(&format!("not understood: {} = {}", part("path"), part("value")));
        }
    }

    /// Says that what was asked for is done, where the reply says no more.
    pub fn done(&self, line: &Line, action: &str, target: &str) -> Exit {
        if !self.args.raw {
            match self.printer().is_table() {
                true => output::line(&format!("{action}: {target}")),
                false => self.document(line, "wsman-done", json!({ "action": action, "target": target })),
            }
        }
        Exit::Done
    }
}

/// Arguments from the command line before those of a document.
pub fn join(typed: &[Argument], document: Vec<Argument>) -> Result<Vec<Argument>, Problem> {
    if let Some(name) = Argument::shared(typed, &document) {
        return Err(Problem::usage(format!("{name} is given on the command line and in the document of --input")));
    }
    Ok(typed.iter().cloned().chain(document).collect())
}

/// An object in a field; an empty one where there is none.
pub fn fields<'j>(json: &'j Json, name: &str) -> &'j Map<String, Json> {
    static NONE: std::sync::LazyLock<Map<String, Json>> = std::sync::LazyLock::new(Map::new);
    json.get(name).and_then(Json::as_object).unwrap_or(&NONE)
}
