//! `hvr wsman`: any class of any WS-Management service.

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::cim::schema::Schema;
use crate::cli::connect::Connection;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Printer, is_interactive, note, printable};
use crate::cli::problem::{Changed, Problem, chain};
use crate::cli::typed::{instance_to_json, parameters, parse_reference, property_lines};
use crate::cli::{Context, Format, stop};
use crate::hyperv::NAMESPACE;
use crate::wsman::{
    ClassAddressing, ClassBase, Delivery, EndpointReference, Enumerate, EnumerationMode, Filter, Get, Identify, Invoke,
    InvokeOutput, Item, Limits, Operation, ResourceUri, SelectorSet,
};

/// Ask any class of any WS-Management service.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    /// CIM namespace
    #[arg(long, global = true, default_value = NAMESPACE)]
    namespace: String,
    /// Form of class URIs: microsoft, dmtf, or a URI prefix of your own
    #[arg(long, global = true, default_value = "microsoft")]
    base: String,
    /// Send the namespace as selector __cimnamespace, or do not; the default fits --base
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    cimnamespace: Option<bool>,
    /// Class declarations besides those that come with the program
    #[arg(long, global = true, value_name = "FILE.mof")]
    schema: Option<PathBuf>,
    /// Do not type anything: values are texts
    #[arg(long, global = true, conflicts_with = "schema")]
    no_schema: bool,
    /// Print the exact envelope and send nothing
    #[arg(long, global = true)]
    dry_run: bool,
    /// Print the reply's XML instead of its values
    #[arg(long, global = true)]
    raw: bool,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// What answers there?
    Identify,
    /// One instance by its keys
    Get {
        /// Class?Key=value,Key=value
        reference: String,
    },
    /// The instances of a class, or of a query
    Enumerate {
        /// Class; may be left out with --wql
        class: Option<String>,
        /// WQL query, sent to all classes of the namespace
        #[arg(long, value_name = "QUERY")]
        wql: Option<String>,
        /// What to bring
        #[arg(long, value_enum, default_value_t = Mode::Object)]
        mode: Mode,
        /// Most items of one reply
        #[arg(long, value_name = "N")]
        max_elements: Option<u32>,
        /// Largest reply to ask for, in bytes (8192 or more)
        #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(8192..))]
        max_envelope: Option<u32>,
        /// Stop after so many items and release the rest
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Call a method of an instance
    Invoke {
        /// Class?Key=value,Key=value
        reference: String,
        /// Name of the method
        method: String,
        /// name=value; repeated for arrays; name=null; name=@file; name=Class?Key=v for references; name=instance:{…}
        parameters: Vec<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
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

/// Methods that change nothing; any other is asked about first.
const READ_ONLY: &[&str] = &[
    "GetError",
    "GetErrorEx",
    "GetReplicationStatistics",
    "GetReplicationStatisticsEx",
    "GetSummaryInformation",
    "GetSystemCertificates",
];

/// What all of them need.
struct Desk<'a> {
    args: &'a Args,
    printer: Printer,
    connection: Connection,
    addressing: ClassAddressing,
    schema: Option<Schema>,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let schema = schema(args)?;
    let addressing = addressing(args);
    if let What::Invoke { method, yes, .. } = &args.what {
        let changes = !READ_ONLY.contains(&method.as_str());
        if changes && !yes && !args.dry_run && !is_interactive() {
            return Err(Problem::usage(format!(
                "{method} may change the host, and there is no terminal to ask on: add --yes"
            )));
        }
    }
    let connection = Connection::open(context).await?;
    let desk = Desk { args, printer: context.printer, connection, addressing, schema };
    match &args.what {
        What::Identify => desk.identify().await,
        What::Get { reference } => desk.get(reference).await,
        What::Enumerate { class, wql, mode, max_elements, max_envelope, limit } => {
            let enumerate = desk.enumeration(class.as_deref(), wql.as_deref(), *mode)?;
            desk.enumerate(enumerate, (*max_elements, *max_envelope), *limit).await
        }
        What::Invoke { reference, method, parameters, yes } => desk.invoke(reference, method, parameters, *yes).await,
    }
}

fn schema(args: &Args) -> Result<Option<Schema>, Problem> {
    if args.no_schema {
        return Ok(None);
    }
    let mut schema = Schema::builtin().clone();
    if let Some(file) = &args.schema {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Problem::usage(format!("cannot read {}: {error}", file.display())))?;
        schema.add(&text).map_err(|error| Problem::usage(format!("{}: {error}", file.display())))?;
    }
    Ok(Some(schema))
}

fn addressing(args: &Args) -> ClassAddressing {
    let (base, selector) = match args.base.as_str() {
        "microsoft" => (ClassBase::Microsoft, false),
        "dmtf" => (ClassBase::Dmtf, true),
        uri => (ClassBase::Other(if uri.ends_with('/') { uri.to_owned() } else { format!("{uri}/") }), false),
    };
    ClassAddressing::new(base, &args.namespace, args.cimnamespace.unwrap_or(selector))
}

impl Desk<'_> {
    fn target(&self, reference: &str) -> Result<(String, EndpointReference), Problem> {
        let (class, keys) = parse_reference(reference)?;
        let uri = ResourceUri::new(class.clone());
        if class.contains("://") {
            let name = uri.last_segment().to_owned();
            return Ok((name, EndpointReference::new(uri, self.addressing.selectors(keys))));
        }
        let target = self.addressing.reference(&class, keys);
        Ok((class, target))
    }

    fn dry<O: Operation>(&self, operation: &O) -> Result<Exit, Problem> {
        let client = self.connection.client(self.addressing.clone());
        let bytes = client.envelope(operation).map_err(|error| Problem::usage(error.to_string()))?;
        let xml = String::from_utf8_lossy(&bytes).into_owned();
        if self.printer.is_table() {
            output::line(&xml);
        } else {
            self.printer.document(&json!({
                "kind": "wsman-dry-run", "schema": 1, "action": operation.action(), "xml": xml, "sent": false,
            }));
        }
        Ok(Exit::Done)
    }

    fn document(&self, kind: &str, fields: Json) {
        let mut document = json!({
            "kind": kind, "schema": 1, "simulated": self.connection.is_simulated(), "host": self.connection.name,
        });
        if let (Some(all), Json::Object(fields)) = (document.as_object_mut(), fields) {
            all.extend(fields);
        }
        self.printer.document(&document);
    }

    async fn identify(&self) -> Result<Exit, Problem> {
        if self.args.dry_run {
            return self.dry(&Identify);
        }
        let identity = self.connection.client(self.addressing.clone()).identify().await?;
        if self.printer.is_table() {
            let row = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
            let mut rows = vec![
                row("vendor", &identity.product_vendor),
                row("version", &identity.product_version),
                row("protocol", &identity.protocol_version),
            ];
            rows.extend(identity.security_profiles.iter().map(|profile| row("profile", profile)));
            self.printer.table(&["service", &self.connection.name], &rows);
        } else {
            self.document(
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

    async fn get(&self, reference: &str) -> Result<Exit, Problem> {
        let (class, target) = self.target(reference)?;
        if self.args.dry_run {
            return self.dry(&Get { target });
        }
        let response = self.connection.client(self.addressing.clone()).get(target).await?;
        if self.args.raw {
            output::line(response.document().source());
            return Ok(Exit::Done);
        }
        let instance = response.instance();
        // The real class may be a derived one, and knows more.
        let class = self.known(instance.class()).unwrap_or(&class);
        let properties = instance_to_json(&instance, self.schema.as_ref(), class, None);
        if self.printer.is_table() {
            self.printer.table(&[instance.class(), "value"], &property_lines(&properties));
        } else {
            let instance = json!({ "class": instance.class(), "uri": instance.class_uri(), "properties": properties });
            self.document("wsman-instance", json!({ "instance": instance }));
        }
        Ok(Exit::Done)
    }

    fn known<'c>(&self, class: &'c str) -> Option<&'c str> {
        self.schema.as_ref().and_then(|schema| schema.class(class)).map(|_| class)
    }

    fn enumeration(&self, class: Option<&str>, wql: Option<&str>, mode: Mode) -> Result<Enumerate, Problem> {
        let resource = match (class, wql) {
            (_, Some(_)) => self.addressing.all_classes(),
            (Some(class), None) => self.target(class)?.1.resource,
            (None, None) => return Err(Problem::usage("give a class, or a query with --wql")),
        };
        let mut enumerate = Enumerate::new(resource).mode(match mode {
            Mode::Object => EnumerationMode::Object,
            Mode::Epr => EnumerationMode::Reference,
            Mode::Both => EnumerationMode::ObjectAndReference,
        });
        enumerate.selectors = self.addressing.selectors(SelectorSet::new());
        enumerate.filter = wql.map(Filter::wql);
        Ok(enumerate)
    }

    async fn enumerate(
        &self,
        enumerate: Enumerate,
        sizes: (Option<u32>, Option<u32>),
        limit: Option<usize>,
    ) -> Result<Exit, Problem> {
        let mut limits = Limits::default();
        limits.max_elements = sizes.0.unwrap_or(limits.max_elements);
        limits.max_envelope_size = sizes.1.unwrap_or(limits.max_envelope_size);
        let client = self.connection.client(self.addressing.clone()).with_limits(limits);
        if self.args.dry_run {
            let bytes = client.envelope(&enumerate).map_err(|error| Problem::usage(error.to_string()))?;
            output::line(&String::from_utf8_lossy(&bytes));
            return Ok(Exit::Done);
        }
        let mut listing = Listing::new(self.printer);
        let mut enumeration = client.enumerate(enumerate);
        let mut left = limit.unwrap_or(usize::MAX);
        while left > 0 {
            let page = match enumeration.next_page().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(error) => {
                    // What came is valid as far as it goes; the document is not closed as if it were whole.
                    return Err(error.into());
                }
            };
            if self.args.raw {
                output::line(page.document().source());
                continue;
            }
            for item in page.items().take(left) {
                listing.item(&self.item(&item));
                left -= 1;
            }
        }
        if !self.args.raw {
            listing.end(self);
        }
        enumeration.release().await?;
        Ok(Exit::Done)
    }

    fn item(&self, item: &Item<'_>) -> Json {
        let instance = item.instance.as_ref().map_or(Json::Null, |instance| {
            json!({
                "class": instance.class(),
                "uri": instance.class_uri(),
                "properties": instance_to_json(instance, self.schema.as_ref(), instance.class(), None),
            })
        });
        let reference = item.reference().map_or(Json::Null, |reference| {
            let keys: serde_json::Map<_, _> =
                reference.selectors.iter().map(|key| (key.name.clone(), Json::String(key.value.clone()))).collect();
            json!({ "class": reference.resource.last_segment(), "uri": reference.resource.as_str(), "keys": keys })
        });
        json!({ "kind": "wsman-item", "schema": 1, "instance": instance, "reference": reference })
    }

    async fn invoke(&self, reference: &str, method: &str, words: &[String], yes: bool) -> Result<Exit, Problem> {
        let (class, target) = self.target(reference)?;
        let parameters = parameters(self.schema.as_ref(), &class, method, words, &self.addressing)?;
        let invoke = Invoke { target, method: method.to_owned(), parameters };
        if self.args.dry_run {
            return self.dry(&invoke);
        }
        let changes = !READ_ONLY.contains(&method);
        if changes {
            note(&format!("calling {method} of {} on {}", invoke.target, self.connection.name));
            if !yes && !confirm(method).await {
                return Err(Problem::new(Exit::Refused, "declined", "not confirmed; nothing was sent"));
            }
            stop::leave_behind(
                Changed::Perhaps,
                "the call was being sent: the host may have taken it",
                "look before you call again",
            );
        }
        let client = self.connection.client(self.addressing.clone());
        let output = client.invoke(&invoke).await.map_err(|error| match (changes, error.delivery()) {
            (true, Delivery::Unknown) => Problem::new(
                Exit::Unknown,
                "state-unknown",
                format!("it is not known whether {method} was done: {}", chain(&error)),
            )
            .remedy("look at what it would have changed before you call again")
            .changed(Changed::Perhaps),
            _ => Problem::from(error),
        })?;
        self.print_output(&class, method, &output)
    }

    fn print_output(&self, class: &str, method: &str, output: &InvokeOutput) -> Result<Exit, Problem> {
        if self.args.raw {
            output::line(output.document().source());
        } else {
            let shown = instance_to_json(&output.parameters(), self.schema.as_ref(), class, Some(method));
            if self.printer.is_table() {
                self.printer.table(&[method, "value"], &property_lines(&shown));
            } else {
                self.document("wsman-invoke", json!({ "class": class, "method": method, "output": shown }));
            }
        }
        match output.return_value() {
            Ok(None | Some(0 | 4096)) => Ok(Exit::Done),
            Ok(Some(code)) => {
                let name = self
                    .schema
                    .as_ref()
                    .and_then(|schema| schema.value_name(class, method, code))
                    .unwrap_or("no name known");
                note(&format!("hvr: {method} returned {code} ({name})"));
                Ok(Exit::HostRefused)
            }
            Err(error) => Err(Problem::new(Exit::Unknown, "bad-reply", error.to_string()).changed(Changed::Perhaps)),
        }
    }
}

async fn confirm(method: &str) -> bool {
    let question = printable(&format!("Call {method} now? [y/N] "));
    let answer = tokio::task::spawn_blocking(move || {
        let _ = write!(std::io::stderr(), "{question}");
        let _ = std::io::stderr().flush();
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let answer = answer.await.ok().and_then(Result::ok).unwrap_or_default();
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Items as they come: one line each, one growing JSON document, or blocks for people.
struct Listing {
    printer: Printer,
    count: usize,
}

impl Listing {
    fn new(printer: Printer) -> Self {
        Listing { printer, count: 0 }
    }

    fn item(&mut self, item: &Json) {
        self.count += 1;
        match self.printer.format() {
            Format::Jsonl => output::line(&item.to_string()),
            Format::Json => {
                let head = if self.count == 1 {
                    "{\"kind\": \"wsman-enumeration\", \"schema\": 1, \"items\": [\n"
                } else {
                    ",\n"
                };
                let _ = write!(std::io::stdout().lock(), "{head}{item}");
            }
            Format::Table => {
                if self.count > 1 {
                    output::line("");
                }
                match (&item["instance"], &item["reference"]) {
                    (Json::Null, reference) => self.printer.table(&["reference", "value"], &property_lines(reference)),
                    (instance, _) => {
                        let class = instance["class"].as_str().unwrap_or("instance");
                        self.printer.table(&[class, "value"], &property_lines(&instance["properties"]));
                    }
                }
            }
        }
    }

    fn end(&self, desk: &Desk<'_>) {
        match self.printer.format() {
            Format::Json if self.count == 0 => output::line(&format!(
                "{{\"kind\": \"wsman-enumeration\", \"schema\": 1, \"items\": [], \"simulated\": {}, \"count\": 0}}",
                desk.connection.is_simulated()
            )),
            Format::Json => output::line(&format!(
                "\n], \"simulated\": {}, \"count\": {}}}",
                desk.connection.is_simulated(),
                self.count
            )),
            Format::Table if self.count == 0 => note("no instance is visible to this account"),
            _ => {}
        }
    }
}
