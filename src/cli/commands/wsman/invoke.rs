//! `hvr wsman invoke`: one method call, typed by its declaration, sent at most once.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::cim::InstanceView;
use crate::cim::schema::Method;
use crate::cli::exit::Exit;
use crate::cli::output::note;
use crate::cli::problem::{Changed, Problem};
use crate::cli::typed::{self, Argument, ReferenceText, find_method};
use crate::wsman::invoke::reads_only;
use crate::wsman::{EndpointReference, Invoke, InvokeOutput, Parameter};

use super::desk::{Desk, Line};
use super::message::remark_to_json;
use super::once;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Class?Key=value,Key="a,b"; a whole class URI may stand in place of the class
    reference: ReferenceText,
    /// Name of the method
    method: String,
    /// name=value, repeated for arrays; the declaration of the method says how a value is read
    ///
    /// A reference is name=Class?Key=value, an embedded instance name='instance:{"class":"X","Property":1}', a state also
    /// its name. name=null leaves a parameter out, name=@FILE is the text of a file, name=text:… a text that begins like
    /// one of these.
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<Argument>,
    /// Parameters from a JSON object by name, besides those typed; - is standard input
    #[arg(long, value_name = "FILE.json")]
    input: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(args: &Args, desk: &Desk<'_>) -> Result<Exit, Problem> {
    let schema = desk.schema.as_ref();
    let class = args.reference.class();
    let method = schema.map(|schema| find_method(schema, class, &args.method)).transpose()?;
    let given = desk.given(&args.parameters, args.input.as_deref())?;
    let parameters = typed::parameters(schema, class, &args.method, &given, &desk.addressing)?;
    // The name goes out in the case of its declaration: XML knows no other.
    let name = method.map_or(args.method.as_str(), |method| method.name.as_str());
    let invoke = Invoke { target: desk.instance(&args.reference)?, method: name.to_owned(), parameters };
    if desk.is_dry() {
        return desk.dry(&invoke, args.yes, |client| client).await;
    }
    let changes = !reads_only(name);
    if changes {
        once::permit(name, args.yes)?;
    }
    let line = desk.connect().await?;
    if changes {
        let heading = format!("calling {name} of {} on {}", invoke.target, line.connection.name);
        let lines: Vec<_> =
            invoke.parameters.iter().map(|(name, value)| format!("{name} = {}", describe(value))).collect();
        once::confirm(&heading, name, &lines, args.yes, &desk.context.interruption).await?;
    }
    let answer = line.client.invoke(&invoke).await;
    desk.print_raw(&line);
    let output = answer.map_err(|error| if changes { once::refusal(name, error) } else { Problem::from(error) })?;
    if !desk.args.raw {
        Call { class, name, method }.print(&output, &line, desk);
    }
    judge(name, method, &output.parameters(), changes, &line)
}

/// One call that was answered.
struct Call<'a> {
    class: &'a str,
    name: &'a str,
    method: Option<&'a Method>,
}

impl Call<'_> {
    fn print(&self, output: &InvokeOutput, line: &Line, desk: &Desk<'_>) {
        output.document().watch();
        let shown = typed::output_to_json(&output.parameters(), desk.schema.as_ref(), self.method);
        let rest = desk.rest(output.document());
        if desk.printer().is_table() {
            desk.printer().table(&[self.name, "value"], &typed::lines(&shown));
            desk.print_rest(&rest);
        } else {
            let remarks: Vec<_> = output.remarks().iter().map(remark_to_json).collect();
            let fields = json!({
                "class": self.class, "method": self.name, "output": Json::Object(shown),
                "remarks": remarks, "remainder": rest,
            });
            desk.document(line, "wsman-invoke", fields);
        }
    }
}

/// 0 and 4096 are good; a method without a return value, or with one that is no number, is done when it answers.
pub(super) fn judge(
    name: &str,
    method: Option<&Method>,
    output: &InstanceView<'_>,
    changes: bool,
    line: &Line,
) -> Result<Exit, Problem> {
    let Some(text) = output.text("ReturnValue").into_option() else { return Ok(Exit::Done) };
    let declared = method.and_then(|method| method.return_type);
    if declared.is_some_and(|cim_type| cim_type.integer_range().is_none()) {
        return Ok(Exit::Done);
    }
    match text.trim().parse::<i128>() {
        Ok(0) => Ok(Exit::Done),
        Ok(4096) => {
            if let Some(job) = output.property("Job").into_option().and_then(EndpointReference::read) {
                note(&format!("a job runs: {}", line.connection.command(&["job", "wait"]).operand(job.to_string())));
            }
            Ok(Exit::Done)
        }
        Ok(code) => {
            let names = method.and_then(|method| method.return_values.as_ref());
            let known = names.and_then(|names| names.name(code)).unwrap_or("no name known");
            note(&format!("hvr: {name} returned {code} ({known})"));
            Ok(Exit::HostRefused)
        }
        Err(_) => {
            let text: String = text.chars().take(80).collect();
            let text = format!("{name} returned {text:?}, which is no number");
            let (exit, changed) = match changes {
                true => (Exit::Unknown, Changed::Perhaps),
                false => (Exit::HostRefused, Changed::No),
            };
            Err(Problem::new(exit, "bad-reply", text).changed(changed))
        }
    }
}

/// A parameter in a line, for the person who is asked.
pub(super) fn describe(parameter: &Parameter) -> String {
    match parameter {
        Parameter::Value(value) => shortened(&value.to_string()),
        Parameter::Reference(reference) => reference.to_string(),
        Parameter::Embedded(instance) => {
            let value = |value: Option<&crate::cim::Value>| value.map_or("NULL".to_owned(), ToString::to_string);
            let set = instance.properties().map(|(name, given)| format!("{name}={}", shortened(&value(given))));
            format!("{} {{{}}}", instance.class(), set.collect::<Vec<_>>().join(", "))
        }
        Parameter::Array(items) => format!("[{}]", items.iter().map(describe).collect::<Vec<_>>().join(", ")),
    }
}

fn shortened(text: &str) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
        None => text.to_owned(),
    }
}
