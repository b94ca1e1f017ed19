//! `name=value` to method parameters, typed by the declaration of the method.

use crate::cim::schema::{Class, Method, Parameter as Declared, Schema};
use crate::cim::{CimType, ClassName, Instance, PropertyName, Value};
use crate::cli::problem::Problem;
use crate::wsman::{ClassAddressing, Parameter, SelectorSet};

/// Reads `Class?Key=value,Key="value, with comma"`; a whole class URI may stand in place of the class.
pub fn parse_reference(text: &str) -> Result<(String, SelectorSet), Problem> {
    let (class, keys) = text.split_once('?').unwrap_or((text, ""));
    let class = class.trim();
    let is_uri = class.starts_with("http://") || class.starts_with("https://");
    if !is_uri && class.parse::<ClassName>().is_err() {
        return Err(Problem::usage(format!("{class:?} is no class name; a reference is Class?Key=value,Key=value")));
    }
    let mut selectors = SelectorSet::new();
    let mut rest = keys;
    while !rest.trim().is_empty() {
        let fail = || Problem::usage(format!("{text:?}: a reference is Class?Key=value,Key=\"value, with comma\""));
        let (name, after) = rest.split_once('=').ok_or_else(fail)?;
        if name.trim().is_empty() {
            return Err(fail());
        }
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, tail) = quoted.split_once('"').ok_or_else(fail)?;
                match tail.strip_prefix(',') {
                    Some(next) => (value, next),
                    None if tail.is_empty() => (value, ""),
                    None => return Err(fail()),
                }
            }
            None => after.split_once(',').unwrap_or((after, "")),
        };
        selectors.push(name.trim(), value);
        rest = next;
    }
    Ok((class.to_owned(), selectors))
}

/// Reads the parameters of a method. With a declaration they are typed by it and sent in its order; without, each
/// is text, and `ref:` marks a reference.
pub fn parameters(
    schema: Option<&Schema>,
    class: &str,
    method: &str,
    words: &[String],
    addressing: &ClassAddressing,
) -> Result<Vec<(String, Parameter)>, Problem> {
    let mut given: Vec<(String, Vec<String>)> = Vec::new();
    for word in words {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| Problem::usage(format!("{word:?} is no parameter; write name=value")))?;
        match given.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(value.to_owned()),
            None => given.push((name.to_owned(), vec![value.to_owned()])),
        }
    }
    let Some(schema) = schema else {
        let untyped = |(name, values): (String, Vec<String>)| {
            let items = values.iter().filter(|value| *value != "null").map(|value| untyped(value, addressing));
            let mut items = items.collect::<Result<Vec<_>, _>>()?;
            Ok(match items.len() {
                0 => None,
                1 => items.pop().map(|item| (name, item)),
                _ => Some((name, Parameter::Array(items))),
            })
        };
        return given.into_iter().filter_map(|one| untyped(one).transpose()).collect();
    };
    let (class, method) = declared(schema, class, method)?;
    for (name, _) in &given {
        if !method.inputs().any(|input| input.name.as_str() == name) {
            return Err(refusal(class, method, format!("{} has no input parameter {name:?}", method.name)));
        }
    }
    let mut typed = Vec::new();
    for input in method.inputs() {
        let values = given.iter().find(|(name, _)| input.name.as_str() == name).map(|(_, values)| values.as_slice());
        match values {
            None if input.required => {
                return Err(refusal(class, method, format!("the parameter {} is required", input.name)));
            }
            None => {}
            Some([value]) if value == "null" => {}
            Some(values) => {
                let parameter = read(input, values, addressing)
                    .map_err(|reason| refusal(class, method, format!("{}: {reason}", input.name)))?;
                typed.push((input.name.as_str().to_owned(), parameter));
            }
        }
    }
    Ok(typed)
}

fn declared<'s>(schema: &'s Schema, class: &str, method: &str) -> Result<(&'s Class, &'s Method), Problem> {
    let class = schema.class(class).ok_or_else(|| {
        Problem::usage(format!("the class {class} is not known here"))
            .remedy("give its declaration with --schema FILE.mof, or send text with --no-schema")
    })?;
    let found = class.method(method).filter(|found| found.name.as_str() == method);
    let method = found.ok_or_else(|| {
        let known: Vec<_> = class.methods_with_inherited().iter().map(|method| method.name.to_string()).collect();
        Problem::usage(format!("{} has no method {method:?}; it has: {}", class.name, known.join(", ")))
    })?;
    Ok((class, method))
}

/// A refusal with the declaration shown.
fn refusal(class: &Class, method: &Method, reason: String) -> Problem {
    Problem::usage(reason).remedy(format!("{} declares:\n{}", class.name, method.declaration().trim_end()))
}

fn read(input: &Declared, values: &[String], addressing: &ClassAddressing) -> Result<Parameter, String> {
    if !input.array {
        return match values {
            [value] => read_one(input, value, addressing),
            _ => Err("it is no array, and stands several times".to_owned()),
        };
    }
    values.iter().map(|value| read_one(input, value, addressing)).collect::<Result<Vec<_>, _>>().map(Parameter::Array)
}

fn read_one(input: &Declared, value: &str, addressing: &ClassAddressing) -> Result<Parameter, String> {
    if input.cim_type == CimType::Reference {
        return reference(value, addressing).map_err(|problem| problem.message);
    }
    if let Some(json) = value.strip_prefix("instance:") {
        return embedded(json).map(Parameter::Embedded);
    }
    if let Some(file) = value.strip_prefix('@') {
        let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?;
        return Ok(Parameter::Value(Value::text(text)));
    }
    // A name of the value map may stand for its number.
    let named = input.value_map.as_ref().and_then(|map| map.number(value)).map(|number| number.to_string());
    let value = Value::parse(input.cim_type, named.as_deref().unwrap_or(value)).map_err(|error| error.to_string())?;
    Ok(Parameter::Value(value))
}

fn untyped(value: &str, addressing: &ClassAddressing) -> Result<Parameter, Problem> {
    match (value.strip_prefix("ref:"), value.strip_prefix("instance:")) {
        (Some(text), _) => reference(text, addressing),
        (_, Some(json)) => embedded(json).map(Parameter::Embedded).map_err(Problem::usage),
        _ => Ok(Parameter::Value(Value::text(value))),
    }
}

fn reference(value: &str, addressing: &ClassAddressing) -> Result<Parameter, Problem> {
    let (class, keys) = parse_reference(value.strip_prefix("ref:").unwrap_or(value))?;
    if keys.is_empty() {
        return Err(Problem::usage(format!("{value:?} names no keys; a reference is Class?Key=value")));
    }
    Ok(Parameter::Reference(addressing.reference(&class, keys)))
}

/// `{"class": "C", "Property": value, …}`, typed by the declaration of the class where it is known.
fn embedded(json: &str) -> Result<Instance, String> {
    let document: serde_json::Value = serde_json::from_str(json).map_err(|error| format!("not JSON: {error}"))?;
    let fields = document.as_object().ok_or("an instance is a JSON object")?;
    let class = fields.get("class").and_then(|class| class.as_str()).ok_or("the field \"class\" names the class")?;
    let class: ClassName = class.parse().map_err(|error| format!("{error}"))?;
    let declared = Schema::builtin().class(class.as_str());
    let mut instance = Instance::new(class);
    for (name, value) in fields.iter().filter(|(name, _)| *name != "class") {
        let property =
            declared.map(|class| class.property(name).ok_or(format!("{} has no property {name}", class.name)));
        let cim_type = property.transpose()?.map(|property| property.cim_type);
        let name: PropertyName = name.parse().map_err(|error| format!("{error}"))?;
        instance.set(name, json_value(value, cim_type)?);
    }
    Ok(instance)
}

fn json_value(value: &serde_json::Value, cim_type: Option<CimType>) -> Result<Option<Value>, String> {
    use serde_json::Value as Json;
    let guessed = match value {
        Json::Bool(_) => CimType::Boolean,
        Json::Number(_) => CimType::Uint32,
        _ => CimType::String,
    };
    let cim_type = cim_type.unwrap_or(guessed);
    let parse = |text: &str| Value::parse(cim_type, text).map_err(|error| error.to_string());
    match value {
        Json::Null => Ok(None),
        Json::Bool(value) => parse(&value.to_string()).map(Some),
        Json::Number(value) => parse(&value.to_string()).map(Some),
        Json::String(value) => parse(value).map(Some),
        Json::Array(items) => {
            let items =
                items.iter().map(|item| json_value(item, Some(cim_type)).map(|item| item.ok_or("null in an array")));
            let items = items.map(|item| item.and_then(|item| item.map_err(str::to_owned)));
            Ok(Some(Value::Array(cim_type, items.collect::<Result<_, _>>()?)))
        }
        Json::Object(_) => Err("an object inside an instance".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addressing() -> ClassAddressing {
        ClassAddressing::microsoft("root/virtualization/v2")
    }

    fn typed(class: &str, method: &str, words: &[&str]) -> Result<Vec<(String, Parameter)>, Problem> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        parameters(Some(Schema::builtin()), class, method, &words, &addressing())
    }

    #[test]
    fn references_are_read() {
        let (class, keys) = parse_reference(r#"C?A=1,B="x, y",D=Microsoft:G\H"#).unwrap();
        let keys: Vec<_> = keys.iter().map(|key| (key.name.as_str(), key.value.as_str())).collect();
        assert_eq!((class.as_str(), keys), ("C", vec![("A", "1"), ("B", "x, y"), ("D", "Microsoft:G\\H")]));
        assert!(parse_reference("C").unwrap().1.is_empty());
        for bad in ["", "a b?K=1", "C?K", "C?=1", "C?K=\"x", "C?K=\"x\"y"] {
            assert!(parse_reference(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parameters_are_typed_and_put_in_the_order_of_the_declaration() {
        let words = [
            "SnapshotSettingData=Msvm_VirtualSystemSettingData?InstanceID=Microsoft:G",
            "ComputerSystem=Msvm_ComputerSystem?CreationClassName=Msvm_ComputerSystem,Name=G",
        ];
        let typed_in_order = typed("Msvm_ReplicationService", "InitiateFailover", &words).unwrap();
        let names: Vec<_> = typed_in_order.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["ComputerSystem", "SnapshotSettingData"]);
        assert!(typed_in_order.iter().all(|(_, value)| matches!(value, Parameter::Reference(_))));
        let state =
            typed("Msvm_ComputerSystem", "RequestStateChange", &["RequestedState=2", "TimeoutPeriod=null"]).unwrap();
        assert_eq!(state, [("RequestedState".to_owned(), Parameter::Value(Value::uint16(2)))]);
    }

    #[test]
    fn mistakes_are_refused_with_the_declaration() {
        for (words, expected) in [
            (vec!["RequestedState=two"], "RequestedState"),
            (vec!["RequestedState=70000"], "uint16"),
            (vec!["requestedstate=2"], "requestedstate"),
            (vec!["RequestedState=2", "RequestedState=3"], "several times"),
        ] {
            let problem = typed("Msvm_ComputerSystem", "RequestStateChange", &words).unwrap_err();
            assert!(problem.message.contains(expected), "{}", problem.message);
            assert!(problem.remedy.contains("RequestStateChange("), "{}", problem.remedy);
        }
        assert!(typed("Msvm_ComputerSystem", "Explode", &[]).unwrap_err().message.contains("RequestStateChange"));
        assert!(typed("No_Class", "X", &[]).unwrap_err().remedy.contains("--schema"));
        assert!(typed("Msvm_ComputerSystem", "RequestStateChange", &["x"]).is_err());
    }

    #[test]
    fn instances_are_read_from_json() {
        let instance = embedded(r#"{"class":"Msvm_ReplicationSettingData","RecoveryServerPortNumber":80,"IncludedDisks":["a","b"],"CompressionEnabled":true,"CertificateThumbPrint":null}"#).unwrap();
        let text = instance.to_cim_xml().unwrap();
        assert!(text.contains(r#"NAME="RecoveryServerPortNumber" TYPE="uint16"><VALUE>80<"#), "{text}");
        assert!(text.contains("<VALUE.ARRAY><VALUE>a</VALUE><VALUE>b</VALUE></VALUE.ARRAY>"), "{text}");
        assert!(!text.contains("Thumb"), "{text}");
        assert!(embedded(r#"{"class":"Msvm_ReplicationSettingData","Nope":1}"#).is_err());
        assert!(embedded("[]").is_err());
    }
}
