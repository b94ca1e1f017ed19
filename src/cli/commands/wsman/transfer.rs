//! `hvr wsman get`, `put`, `create` and `delete`: resources as a whole, and parts of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::problem::Problem;
use crate::cli::typed::{self, Argument, ReferenceText, instance_to_json, read_file, reference_to_json};
use crate::wsman::{
    Create, Delete, EndpointReference, Error, Fragment, FragmentContent, Get, GetFragment, Operation, Parameter,
    Pasted, Put, PutFragment, Representation, fragment,
};
use crate::xml::{Document, ns};

use super::desk::{Desk, Line, join};
use super::message::{fragment_to_json, remark_to_json};
use super::{REFERENCE, invoke, once};

#[derive(Debug, clap::Args)]
pub struct GetArgs {
    #[arg(help = REFERENCE)]
    reference: ReferenceText,
    #[command(flatten)]
    fragment: FragmentArgs,
}

/// Which part of a resource.
#[derive(Debug, clap::Args)]
struct FragmentArgs {
    /// Only this part (fragment transfer): Name, Name[2], Name/text()
    #[arg(long = "fragment", value_name = "PATH")]
    path: Option<String>,
    /// URI of the language of --fragment; the default is XPath 1.0
    #[arg(long, value_name = "URI", requires = "path")]
    fragment_dialect: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct PutArgs {
    #[arg(help = REFERENCE)]
    reference: ReferenceText,
    /// name=value, typed by the class; written as for invoke, but name=null sets the property to NULL
    #[arg(value_name = "NAME=VALUE")]
    properties: Vec<Argument>,
    #[command(flatten)]
    content: ContentArgs,
    #[command(flatten)]
    fragment: FragmentArgs,
    /// The text that the part becomes, for a --fragment that ends in text()
    #[arg(long, value_name = "TEXT", requires = "path", conflicts_with_all = ["properties", "input"])]
    text: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    #[arg(help = REFERENCE)]
    class: ReferenceText,
    /// name=value, typed by the class; written as for invoke
    #[arg(value_name = "NAME=VALUE")]
    properties: Vec<Argument>,
    #[command(flatten)]
    content: ContentArgs,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    #[arg(help = REFERENCE)]
    reference: ReferenceText,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// A whole resource from a file.
#[derive(Debug, clap::Args)]
struct ContentArgs {
    /// The resource from a file: XML that is sent as it stands, or JSON as get prints it; - is standard input
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Name of the element; the default is the class of the reference
    #[arg(long, value_name = "NAME")]
    element: Option<String>,
}

impl FragmentArgs {
    fn build(&self) -> Option<Fragment> {
        let expression = self.path.clone()?;
        Some(Fragment { expression, dialect: self.fragment_dialect.clone() })
    }
}

pub async fn get(args: &GetArgs, desk: &Desk<'_>) -> Result<Exit, Problem> {
    let target = desk.instance(&args.reference)?;
    if let Some(fragment) = args.fragment.build() {
        let operation = GetFragment { target, fragment };
        if desk.is_dry() {
            return desk.dry(&operation, false, |client| client).await;
        }
        let line = desk.connect().await?;
        let answer = line.client.ask(&operation).await;
        desk.print_raw(&line);
        return print_fragment(desk, &line, &answer?);
    }
    if desk.is_dry() {
        return desk.dry(&Get { target }, false, |client| client).await;
    }
    let line = desk.connect().await?;
    let answer = line.client.get(target).await;
    desk.print_raw(&line);
    let response = answer?;
    if !desk.args.raw {
        response.document().watch();
        let instance = instance_to_json(&response.instance(), desk.schema.as_ref(), args.reference.class());
        print_instance(desk, &line, &instance, &desk.rest(response.document()));
    }
    Ok(Exit::Done)
}

pub async fn put(args: &PutArgs, desk: &Desk<'_>) -> Result<Exit, Problem> {
    let target = desk.instance(&args.reference)?;
    let class = args.reference.class();
    let content = match &args.text {
        Some(text) => Given::Text(text.clone()),
        None => given(desk, class, &args.properties, &args.content)?,
    };
    let heading = format!("putting {target}");
    if let Some(fragment) = args.fragment.build() {
        let content = match content {
            Given::Text(text) => FragmentContent::Text(text),
            Given::Properties(properties) => FragmentContent::Properties(properties),
            Given::Document(document) => FragmentContent::Document(document),
        };
        let lines = [format!("the part {}", fragment.expression)];
        let operation = PutFragment { target, fragment, content };
        if desk.is_dry() {
            return desk.dry(&operation, args.yes, |client| client).await;
        }
        let (line, response) = send(desk, operation, &heading, "Put", &lines, args.yes).await?;
        return print_fragment(desk, &line, &response);
    }
    let lines = content.lines();
    let operation = Put { target, content: content.whole(args.content.element.as_deref().unwrap_or(class)) };
    if desk.is_dry() {
        return desk.dry(&operation, args.yes, |client| client).await;
    }
    let name = operation.target.to_string();
    let (line, response) = send(desk, operation, &heading, "Put", &lines, args.yes).await?;
    match response.instance() {
        Some(instance) if !desk.args.raw => {
            response.document().watch();
            let instance = instance_to_json(&instance, desk.schema.as_ref(), class);
            print_instance(desk, &line, &instance, &desk.rest(response.document()));
            Ok(Exit::Done)
        }
        _ => Ok(desk.done(&line, "put", &name)),
    }
}

pub async fn create(args: &CreateArgs, desk: &Desk<'_>) -> Result<Exit, Problem> {
    let target = desk.target(&args.class);
    let class = args.class.class();
    let content = given(desk, class, &args.properties, &args.content)?;
    let lines = content.lines();
    let content = content.whole(args.content.element.as_deref().unwrap_or(class));
    let operation = Create { resource: target.resource, selectors: target.selectors, content };
    if desk.is_dry() {
        return desk.dry(&operation, args.yes, |client| client).await;
    }
    let heading = format!("creating an instance of {class}");
    let (line, made) = send(desk, operation, &heading, "Create", &lines, args.yes).await?;
    if !desk.args.raw {
        made.document().watch();
        // Marks what the reference is made of; it was read when the reply came.
        let reference = made.document().root().child(ns::SOAP, "Body").and_then(|body| body.children().next());
        let reference = reference.and_then(EndpointReference::read).unwrap_or_else(|| made.reference.clone());
        let schema = desk.schema.as_ref();
        let representation = made.representation().map(|instance| instance_to_json(&instance, schema, class));
        let rest = desk.rest(made.document());
        if desk.printer().is_table() {
            output::line(&reference.to_string());
            if let Some(representation) = &representation {
                output::line("");
                desk.print_instance(representation);
            }
            desk.print_rest(&rest);
        } else {
            let remarks: Vec<_> = made.remarks().iter().map(remark_to_json).collect();
            desk.document(
                &line,
                "wsman-created",
                json!({
                    "reference": reference_to_json(&reference), "representation": representation,
                    "remarks": remarks, "remainder": rest,
                }),
            );
        }
    }
    Ok(Exit::Done)
}

pub async fn delete(args: &DeleteArgs, desk: &Desk<'_>) -> Result<Exit, Problem> {
    let operation = Delete { target: desk.instance(&args.reference)? };
    if desk.is_dry() {
        return desk.dry(&operation, args.yes, |client| client).await;
    }
    let name = operation.target.to_string();
    let heading = format!("deleting {name}");
    let (line, ()) = send(desk, operation, &heading, "Delete", &[], args.yes).await?;
    Ok(desk.done(&line, "deleted", &name))
}

/// Sends at most once what changes the host, after asking.
async fn send<O: Operation>(
    desk: &Desk<'_>,
    operation: O,
    heading: &str,
    what: &str,
    lines: &[String],
    yes: bool,
) -> Result<(Line, O::Output), Problem> {
    once::permit(what, yes)?;
    let line = desk.connect().await?;
    once::confirm(&format!("{heading} on {}", line.connection.name), what, lines, yes, &desk.context.interruption)
        .await?;
    let answer: Result<O::Output, Error> = line.client.order(operation).await;
    desk.print_raw(&line);
    let output = answer.map_err(|error| once::refusal(what, error))?;
    Ok((line, output))
}

/// What a resource, or a part of one, is to be.
enum Given {
    Text(String),
    Properties(Vec<(String, Option<Parameter>)>),
    Document(Arc<Document>),
}

impl Given {
    fn whole(self, class: &str) -> Representation {
        match self {
            Given::Document(document) => Representation::Document(document),
            Given::Properties(properties) => Representation::Instance { class: class.to_owned(), properties },
            // Refused by the command line: a text belongs to a fragment.
            Given::Text(_) => Representation::Instance { class: class.to_owned(), properties: Vec::new() },
        }
    }

    fn lines(&self) -> Vec<String> {
        match self {
            Given::Text(text) => vec![text.clone()],
            Given::Document(document) => vec![format!("<{}> from a file", document.root().local())],
            Given::Properties(properties) => {
                let value = |value: &Option<Parameter>| value.as_ref().map_or("NULL".to_owned(), invoke::describe);
                properties.iter().map(|(name, given)| format!("{name} = {}", value(given))).collect()
            }
        }
    }
}

fn given(desk: &Desk<'_>, class: &str, typed: &[Argument], content: &ContentArgs) -> Result<Given, Problem> {
    let usage = |error: &dyn std::fmt::Display| Problem::usage(error.to_string());
    let document = match &content.input {
        None => Vec::new(),
        Some(file) => {
            let text = read_file(file).map_err(|error| usage(&error))?;
            if text.trim_start().starts_with('<') {
                if !typed.is_empty() {
                    return Err(Problem::usage("XML is sent as it stands: no property can be given besides it"));
                }
                let pasted =
                    Pasted::read(text.as_bytes()).map_err(|error| usage(&format!("{}: {error}", file.display())))?;
                let document =
                    Document::parse(pasted.text).map_err(|error| usage(&format!("{}: {error}", file.display())))?;
                if document.root().is(ns::SOAP, "Envelope") {
                    return Err(Problem::usage(format!("{} holds an envelope, not a resource", file.display()))
                        .remedy("send it with `hvr wsman send`, or keep what stands in its body"));
                }
                return Ok(Given::Document(Arc::new(document)));
            }
            of_json(file, &text)?
        }
    };
    let given = join(typed, document)?;
    if given.is_empty() {
        return Err(Problem::usage("nothing is given: name properties as NAME=VALUE, or a file with --input"));
    }
    let properties = typed::properties(desk.schema.as_ref(), class, &given, &desk.addressing)?;
    Ok(Given::Properties(properties))
}

/// Properties by name; `{"class","properties"}` and the whole document that `get` prints are looked into.
fn of_json(file: &Path, text: &str) -> Result<Vec<Argument>, Problem> {
    let name = file.display().to_string();
    let json: Json = serde_json::from_str(text).map_err(|error| Problem::usage(format!("{name}: {error}")))?;
    let inner = json.get("instance").filter(|instance| instance.is_object()).unwrap_or(&json);
    let inner = inner.get("properties").filter(|properties| properties.is_object()).unwrap_or(inner);
    Argument::of_object(inner, &["class"], &name).map_err(|error| Problem::usage(error.to_string()))
}

fn print_instance(desk: &Desk<'_>, line: &Line, instance: &Json, rest: &Json) {
    if desk.printer().is_table() {
        desk.print_instance(instance);
        desk.print_rest(rest);
    } else {
        desk.document(line, "wsman-instance", json!({ "instance": instance, "remainder": rest }));
    }
}

/// A part as its text, or as elements by name.
fn print_fragment(desk: &Desk<'_>, line: &Line, response: &fragment::Response) -> Result<Exit, Problem> {
    if desk.args.raw {
        return Ok(Exit::Done);
    }
    response.document().watch();
    let Some(part) = response.fragment() else { return Ok(desk.done(line, "put", "the part")) };
    let (text, elements) = fragment_to_json(part);
    let rest = desk.rest(response.document());
    if !desk.printer().is_table() {
        let fields = json!({ "text": text, "elements": elements, "remainder": rest });
        desk.document(line, "wsman-fragment", fields);
        return Ok(Exit::Done);
    }
    match text.as_str() {
        Some(text) => output::line(text),
        None => {
            let words = |part: &Json, name| part.get(name).map(typed::words).unwrap_or_default();
            let row = |part: &Json| vec![words(part, "name"), words(part, "value")];
            let rows: Vec<_> = elements.as_array().into_iter().flatten().map(row).collect();
            desk.printer().table(&["part", "value"], &rows);
        }
    }
    desk.print_rest(&rest);
    Ok(Exit::Done)
}
