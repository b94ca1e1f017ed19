//! `hvr schema`: the class declarations that type what is sent and name what comes back.

use std::path::PathBuf;

use serde_json::{Map, Value as Json, json};

use crate::cim::schema::{Class, Direction, Method, Parameter, Property, Schema, Source, Value, ValueMap};
use crate::cim::{CimType, ClassName};
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::mof_files;
use crate::cli::output::{line, lines};
use crate::cli::problem::Problem;

/// Show class declarations: those that come with the program, and your own.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    /// Class declarations besides those that come with the program; may be repeated. What a file includes is read too
    #[arg(long, global = true, value_name = "FILE.mof")]
    schema: Vec<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The classes, and where each is declared
    List {
        /// Only classes whose name contains this, in any case of letters
        pattern: Option<String>,
    },
    /// A class: its properties, methods, names of numbers, and the source of each fact
    Show {
        /// Name of the class
        class: String,
        /// One property or method alone
        member: Option<String>,
    },
}

/// Runs the command. Nothing is sent anywhere.
pub fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let schema = mof_files::load(&args.schema)?;
    match &args.what {
        What::List { pattern } => list(&schema, pattern.as_deref().unwrap_or(""), context),
        What::Show { class, member } => show(&schema, class, member.as_deref(), context),
    }
}

fn list(schema: &Schema, pattern: &str, context: &Context) -> Result<Exit, Problem> {
    let pattern = pattern.to_ascii_lowercase();
    let mut classes: Vec<&Class> =
        schema.classes().filter(|class| class.name.as_str().to_ascii_lowercase().contains(&pattern)).collect();
    classes.sort_by_key(|class| class.name.as_str().to_ascii_lowercase());
    if context.printer.is_table() {
        let rows: Vec<_> = classes
            .iter()
            .map(|class| {
                let superclass = class.superclass.as_ref().map_or("", ClassName::as_str);
                let counts = [class.properties_with_inherited().len(), class.methods_with_inherited().len()];
                vec![
                    class.name.to_string(),
                    superclass.to_owned(),
                    counts.map(|count| count.to_string()).join(" / "),
                    class.source.as_ref().map_or(String::new(), place),
                ]
            })
            .collect();
        context.printer.table(&["class", "derived from", "properties / methods", "declared in"], &rows);
        return Ok(Exit::Done);
    }
    let classes: Vec<_> = classes
        .iter()
        .map(|class| {
            json!({
                "name": class.name.as_str(),
                "superclass": class.superclass.as_ref().map(ClassName::as_str),
                "association": class.association,
                "abstract": class.is_abstract,
                "properties": class.properties_with_inherited().len(),
                "methods": class.methods_with_inherited().len(),
                "source": class.source.as_ref().map(source_to_json),
            })
        })
        .collect();
    context.printer.document(&json!({ "kind": "schema-list", "schema": 1, "classes": classes }));
    Ok(Exit::Done)
}

fn show(schema: &Schema, name: &str, member: Option<&str>, context: &Context) -> Result<Exit, Problem> {
    let class = schema.class(name).ok_or_else(|| {
        Problem::usage(format!("the class {name} is not declared here"))
            .remedy("`hvr schema list` shows what is; add declarations with --schema FILE.mof")
    })?;
    let keep = |known: &str| member.is_none_or(|wanted| wanted.eq_ignore_ascii_case(known));
    let properties: Vec<_> =
        class.properties_with_inherited().into_iter().filter(|property| keep(property.name.as_str())).collect();
    let methods: Vec<_> =
        class.methods_with_inherited().into_iter().filter(|method| keep(method.name.as_str())).collect();
    if let (Some(member), true, true) = (member, properties.is_empty(), methods.is_empty()) {
        return Err(Problem::usage(format!("{} has neither a property nor a method {member}", class.name))
            .remedy(format!("`hvr schema show {}` shows what it has", class.name)));
    }
    if context.printer.is_table() {
        print(class, &properties, &methods, member.is_some());
        return Ok(Exit::Done);
    }
    let lineage: Vec<_> = class.lineage().map(|class| class.name.as_str()).collect();
    let sources: Map<_, _> = class
        .lineage()
        .map(|class| (class.name.to_string(), class.source.as_ref().map_or(Json::Null, source_to_json)))
        .collect();
    context.printer.document(&json!({
        "kind": "schema-class", "schema": 1, "name": class.name.as_str(), "lineage": lineage,
        "missing_base": class.missing_base().map(ClassName::as_str),
        "association": class.association, "abstract": class.is_abstract, "description": class.description,
        "properties": properties.iter().map(|property| property_to_json(property)).collect::<Vec<_>>(),
        "methods": methods.iter().map(|method| method_to_json(method)).collect::<Vec<_>>(),
        "sources": sources,
    }));
    Ok(Exit::Done)
}

/// For people: declarations in the words of MOF, each with its names of numbers and the class that declares it.
fn print(class: &Class, properties: &[&Property], methods: &[&Method], is_member: bool) {
    let say = line;
    let lineage: Vec<_> = class.lineage().map(|class| class.name.as_str()).collect();
    let kind = match (class.association, class.is_abstract) {
        (true, _) => "association",
        (false, true) => "abstract class",
        (false, false) => "class",
    };
    let missing = class.missing_base().map_or_else(String::new, |base| format!(" : {base} (declared in no file here)"));
    say(&format!("{kind} {}{missing}", lineage.join(" : ")));
    if let (Some(description), false) = (&class.description, is_member) {
        say(&format!("  {description}"));
    }
    for property in properties {
        say("");
        say(&format!("{}  // {}", property.declaration(), property.declared_in));
        describe(property.description.as_deref(), property.value_map.as_ref(), "");
    }
    for method in methods {
        say("");
        lines(&format!("{}  // {}", method.declaration(), method.declared_in));
        describe(method.description.as_deref(), method.return_values.as_ref(), "");
        for parameter in &method.parameters {
            if parameter.description.is_some() || parameter.value_map.is_some() {
                say(&format!("    {}:", parameter.name));
                describe(parameter.description.as_deref(), parameter.value_map.as_ref(), "    ");
            }
        }
    }
    say("");
    let mut told = "";
    for class in class.lineage() {
        let declares = |name: &ClassName| *name == class.name;
        let any = properties.iter().any(|property| declares(&property.declared_in))
            || methods.iter().any(|method| declares(&method.declared_in));
        if let (Some(source), true) = (&class.source, any || !is_member) {
            say(&format!("{} is declared in {}", class.name, place(source)));
            // Many classes may stand in one file.
            if !source.about.is_empty() && *source.about != *told {
                say(&format!("  {}", source.about));
                told = &source.about;
            }
        }
    }
}

fn describe(description: Option<&str>, map: Option<&ValueMap>, indent: &str) {
    if let Some(description) = description {
        line(&format!("{indent}    {description}"));
    }
    for (key, name) in map.iter().flat_map(|map| map.entries()) {
        line(&format!("{indent}    {key:>8}  {name}"));
    }
}

fn place(source: &Source) -> String {
    format!("{}:{}", source.file, source.line)
}

fn source_to_json(source: &Source) -> Json {
    json!({ "file": &*source.file, "line": source.line, "about": &*source.about })
}

fn property_to_json(property: &Property) -> Json {
    let mut json = type_to_json(
        property.name.as_str(),
        property.cim_type,
        property.array,
        property.reference_class.as_ref(),
        property.embedded_class.as_ref(),
        property.value_map.as_ref(),
        property.description.as_deref(),
    );
    json.insert("key".to_owned(), property.key.into());
    json.insert("required".to_owned(), property.required.into());
    json.insert("write".to_owned(), property.write.into());
    json.insert("default".to_owned(), property.default.as_ref().map_or(Json::Null, default_to_json));
    json.insert("declared_in".to_owned(), property.declared_in.as_str().into());
    Json::Object(json)
}

fn method_to_json(method: &Method) -> Json {
    json!({
        "name": method.name.as_str(),
        "declaration": method.declaration(),
        "returns": method.return_type.map(CimType::name),
        "static": method.is_static,
        "description": method.description,
        "values": method.return_values.as_ref().map(values_to_json),
        "parameters": method.parameters.iter().map(parameter_to_json).collect::<Vec<_>>(),
        "declared_in": method.declared_in.as_str(),
    })
}

fn parameter_to_json(parameter: &Parameter) -> Json {
    let mut json = type_to_json(
        parameter.name.as_str(),
        parameter.cim_type,
        parameter.array,
        parameter.reference_class.as_ref(),
        parameter.embedded_class.as_ref(),
        parameter.value_map.as_ref(),
        parameter.description.as_deref(),
    );
    let direction = match parameter.direction {
        Direction::In => "in",
        Direction::Out => "out",
        Direction::InOut => "in, out",
    };
    json.insert("direction".to_owned(), direction.into());
    json.insert("required".to_owned(), parameter.required.into());
    json.insert("optional".to_owned(), parameter.optional.into());
    Json::Object(json)
}

fn type_to_json(
    name: &str,
    cim_type: CimType,
    array: bool,
    reference: Option<&ClassName>,
    embedded: Option<&ClassName>,
    map: Option<&ValueMap>,
    description: Option<&str>,
) -> Map<String, Json> {
    let json = json!({
        "name": name, "type": cim_type.name(), "array": array, "reference": reference.map(ClassName::as_str),
        "embedded": embedded.map(ClassName::as_str), "description": description, "values": map.map(values_to_json),
    });
    match json {
        Json::Object(json) => json,
        _ => Map::new(),
    }
}

fn values_to_json(map: &ValueMap) -> Json {
    map.entries().map(|(value, name)| json!({ "value": value, "name": name })).collect()
}

fn default_to_json(value: &Value<'_>) -> Json {
    match value {
        Value::Boolean(value) => Json::from(*value),
        Value::Integer(number) => serde_json::Number::from_i128(*number).map_or(Json::Null, Json::Number),
        Value::Real(number) => serde_json::Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Value::Char(character) => Json::from(character.to_string()),
        Value::Text(text) => Json::from(text.as_ref()),
        Value::Array(items) => items.iter().map(default_to_json).collect(),
        _ => Json::Null,
    }
}
