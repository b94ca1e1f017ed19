//! `hvr wsman`: any class of any WS-Management service.

mod enumerate;
mod exchange;
mod invoke;

use std::cell::Cell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::cim::schema::Schema;
use crate::cli::Context;
use crate::cli::connect::{Connection, endpoint};
use crate::cli::exit::Exit;
use crate::cli::output::{self, Printer, note};
use crate::cli::problem::Problem;
use crate::cli::typed::{ReferenceText, instance_to_json, lines};
use crate::hyperv::{NAMESPACE, random_id};
use crate::transport::Session;
use crate::wsman::{
    ClassAddressing, ClassBase, Client, EndpointReference, Exchange, Get, Identify, Operation, Timeouts,
};

use exchange::{Paper, Tap};

/// Ask any class of any WS-Management service.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: Box<What>,
    /// CIM namespace
    #[arg(long, global = true, default_value = NAMESPACE)]
    namespace: String,
    /// Form of class URIs: microsoft, dmtf, or a URI prefix of your own
    #[arg(long, global = true, default_value = "microsoft", value_name = "FORM")]
    base: String,
    /// Send the namespace as selector __cimnamespace; the default fits --base
    #[arg(long, global = true, overrides_with = "no_cimnamespace")]
    cimnamespace: bool,
    /// Do not send the selector __cimnamespace
    #[arg(long, global = true)]
    no_cimnamespace: bool,
    /// Class declarations besides those that come with the program; may be repeated
    #[arg(long, global = true, value_name = "FILE.mof")]
    schema: Vec<PathBuf>,
    /// Do not type anything: values are texts
    #[arg(long, global = true, conflicts_with = "schema")]
    no_schema: bool,
    /// Print the exact envelope and send nothing
    #[arg(long, global = true)]
    dry_run: bool,
    /// Print the XML of the reply, also of a fault, instead of its values
    #[arg(long, global = true, conflicts_with = "dry_run")]
    raw: bool,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// What answers there?
    Identify,
    /// One instance by its keys
    Get {
        /// Class?Key=value,Key="a,b"; a whole class URI may stand in place of the class
        reference: ReferenceText,
    },
    /// The instances of a class, or of a query
    Enumerate(enumerate::Args),
    /// Call a method of an instance
    Invoke(invoke::Args),
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let raw_shown = Cell::new(false);
    let desk = Desk { schema: schema(args)?, addressing: addressing(args), args, context, raw_shown };
    let ended = match args.what.as_ref() {
        What::Identify => desk.identify().await,
        What::Get { reference } => desk.get(reference).await,
        What::Enumerate(args) => enumerate::run(args, &desk).await,
        What::Invoke(args) => invoke::run(args, &desk).await,
    };
    match ended {
        // The fault itself was the data.
        Err(problem) if desk.raw_shown.get() => Ok(say(&problem)),
        ended => ended,
    }
}

/// Says why a command ends where the data has said it already.
fn say(problem: &Problem) -> Exit {
    note(&format!("hvr: {}", problem.message));
    if !problem.remedy.is_empty() {
        note(&format!("     {}", problem.remedy));
    }
    problem.exit
}

fn schema(args: &Args) -> Result<Option<Schema>, Problem> {
    if args.no_schema {
        return Ok(None);
    }
    let mut schema = Schema::builtin().clone();
    for file in &args.schema {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Problem::usage(format!("cannot read {}: {error}", file.display())))?;
        schema.add(&text).map_err(|error| Problem::usage(format!("{}: {error}", file.display())))?;
    }
    Ok(Some(schema))
}

fn addressing(args: &Args) -> ClassAddressing {
    let (base, fitting) = match args.base.as_str() {
        "microsoft" => (ClassBase::Microsoft, false),
        "dmtf" => (ClassBase::Dmtf, true),
        uri => (ClassBase::Other(if uri.ends_with('/') { uri.to_owned() } else { format!("{uri}/") }), false),
    };
    let selector = (fitting || args.cimnamespace) && !args.no_cimnamespace;
    ClassAddressing::new(base, &args.namespace, selector)
}

/// What all of them work with.
struct Desk<'a> {
    args: &'a Args,
    context: &'a Context,
    addressing: ClassAddressing,
    schema: Option<Schema>,
    raw_shown: Cell<bool>,
}

/// A connection, and a client of it that keeps replies where their XML is wanted.
struct Line {
    connection: Connection,
    client: Client<Tap<Arc<Session>>>,
}

impl Desk<'_> {
    fn printer(&self) -> Printer {
        self.context.printer
    }

    async fn connect(&self) -> Result<Line, Problem> {
        let connection = Connection::open(self.context).await?;
        let tap = Tap::new(connection.session().clone(), self.args.raw);
        let client = connection.client_over(tap, self.addressing.clone());
        Ok(Line { connection, client })
    }

    fn target(&self, reference: &ReferenceText) -> EndpointReference {
        reference.resolve(&self.addressing)
    }

    /// Prints the envelope that would be sent. Needs no login, for nothing is sent.
    async fn dry<O: Operation>(
        &self,
        operation: &O,
        with: impl FnOnce(Client<Paper>) -> Client<Paper>,
    ) -> Result<Exit, Problem> {
        let settings = &self.context.settings;
        let address = match settings.simulate {
            true => Connection::open(self.context).await?.session().address().to_owned(),
            false => endpoint(settings)?.0.url().to_owned(),
        };
        let client = Client::new(Paper::new(address), self.addressing.clone(), random_id)
            .with_timeouts(settings.operation_timeout.map_or_else(Timeouts::default, Timeouts::new))
            .with_locale(Some(settings.locale.clone().unwrap_or_else(|| "en-US".to_owned())));
        let bytes = with(client).envelope(operation).map_err(|error| Problem::usage(error.to_string()))?;
        let xml = String::from_utf8_lossy(&bytes).into_owned();
        if self.printer().is_table() {
            output::line(&xml);
        } else {
            self.printer().document(&json!({
                "kind": "wsman-dry-run", "schema": 1, "action": operation.action(), "xml": xml, "sent": false,
            }));
        }
        Ok(Exit::Done)
    }

    async fn identify(&self) -> Result<Exit, Problem> {
        if self.args.dry_run {
            return self.dry(&Identify, |client| client).await;
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
                }),
            );
        }
        Ok(Exit::Done)
    }

    async fn get(&self, reference: &ReferenceText) -> Result<Exit, Problem> {
        let target = self.target(reference);
        if self.args.dry_run {
            return self.dry(&Get { target }, |client| client).await;
        }
        let line = self.connect().await?;
        let answer = line.client.get(target).await;
        self.print_raw(&line);
        let response = answer?;
        if self.args.raw {
            return Ok(Exit::Done);
        }
        let instance = instance_to_json(&response.instance(), self.schema.as_ref(), reference.class());
        if self.printer().is_table() {
            self.print_instance(&instance);
        } else {
            self.document(&line, "wsman-instance", json!({ "instance": instance }));
        }
        Ok(Exit::Done)
    }

    /// Prints the XML of the last reply, where it was kept.
    fn print_raw(&self, line: &Line) {
        let Some(xml) = line.client.exchange().take() else { return };
        self.raw_shown.set(true);
        // Exact for a program that reads it; for a terminal it is host text like any other.
        match std::io::stdout().is_terminal() {
            true => output::line(&output::printable(&xml)),
            false => output::line(&xml),
        }
    }

    fn print_instance(&self, instance: &Json) {
        let class = instance.get("class").and_then(Json::as_str).unwrap_or("instance");
        self.printer().table(&[class, "value"], &lines(fields(instance, "properties")));
    }

    fn document(&self, line: &Line, kind: &str, fields: Json) {
        let simulated = line.connection.is_simulated();
        let mut document = json!({ "kind": kind, "schema": 1, "simulated": simulated, "host": line.connection.name });
        if let (Some(all), Json::Object(fields)) = (document.as_object_mut(), fields) {
            all.extend(fields);
        }
        self.printer().document(&document);
    }
}

/// An object in a field; an empty one where there is none.
fn fields<'j>(json: &'j Json, name: &str) -> &'j Map<String, Json> {
    static NONE: std::sync::LazyLock<Map<String, Json>> = std::sync::LazyLock::new(Map::new);
    json.get(name).and_then(Json::as_object).unwrap_or(&NONE)
}
