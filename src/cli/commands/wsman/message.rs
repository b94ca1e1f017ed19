//! Any message as JSON and as tables: what `decode` reads from a file and `send` gets back.

use serde_json::{Map, Value as Json, json};

use crate::cim::schema::Schema;
use crate::cli::output::{self, Printer};
use crate::cli::typed::{self, instance_to_json, output_to_json, reference_to_json, untyped, words};
use crate::wsman::{Associated, Content, Decoded, Fault, Filter, ProviderFault, RequestBody, fault};
use crate::xml::Element;

use super::desk::fields;
use super::listing::item_to_json;

/// A message, typed by class declarations: its headers, and its body as an object that says what it is in `type`.
pub fn message_to_json(message: &Decoded, schema: Option<&Schema>) -> Json {
    let header = &message.header;
    let selectors: Map<_, _> =
        header.selectors.iter().map(|selector| (selector.name.clone(), Json::from(selector.value.as_str()))).collect();
    let options: Map<_, _> =
        header.options.iter().map(|option| (option.name.clone(), Json::from(option.value.as_str()))).collect();
    json!({
        "reply": message.is_reply(),
        "action": header.action,
        "message_id": header.message_id,
        "relates_to": message.relates_to,
        "to": header.to,
        "resource": header.resource.as_ref().map(|resource| resource.as_str()),
        "selectors": selectors,
        "options": options,
        "fragment": header.fragment.as_ref().map(|fragment| fragment.expression.as_str()),
        "headers": message.headers().map(|header| format!("{{{}}}{}", header.namespace(), header.local())).collect::<Vec<_>>(),
        "body": body_to_json(message, schema),
    })
}

fn body_to_json(message: &Decoded, schema: Option<&Schema>) -> Json {
    let class = message.header.resource.as_ref().map_or("", |resource| resource.last_segment());
    let method_of = |uri: &str, name: &str| {
        let class = uri.rsplit('/').next().unwrap_or(class);
        schema.and_then(|schema| schema.class(class)?.method(name))
    };
    match message.content() {
        Content::Empty => json!({ "type": "empty" }),
        Content::Fault(fault) => fault_to_json(&fault),
        Content::Identity(identity) => json!({
            "type": "identity",
            "product_vendor": identity.product_vendor,
            "product_version": identity.product_version,
            "protocol_version": identity.protocol_version,
            "security_profiles": identity.security_profiles,
        }),
        Content::Items { items, context, end } => json!({
            "type": "items",
            "items": items.iter().map(|item| item_to_json(item, schema, class)).collect::<Vec<_>>(),
            "context": context,
            "complete": end,
        }),
        Content::Created(reference) => json!({ "type": "created", "reference": reference_to_json(&reference) }),
        Content::Subscribed(subscription) => json!({
            "type": "subscribed",
            "context": subscription.context,
            "expires": subscription.expires,
            "manager": subscription.manager.address,
            "identifier": subscription.manager.identifier,
        }),
        Content::Fragment(part) => {
            let (text, elements) = fragment_to_json(part);
            json!({ "type": "fragment", "text": text, "elements": elements })
        }
        Content::Input { method, parameters } => json!({
            "type": "input",
            "class": parameters.class_uri().rsplit('/').next(),
            "method": method,
            "parameters": output_to_json(&parameters, method_of(parameters.class_uri(), method)),
        }),
        Content::Output { method, parameters } => json!({
            "type": "output",
            "class": parameters.class_uri().rsplit('/').next(),
            "method": method,
            "parameters": output_to_json(&parameters, method_of(parameters.class_uri(), method)),
        }),
        Content::Request(request) => request_to_json(request),
        Content::Instance(instance) => {
            json!({ "type": "instance", "instance": instance_to_json(&instance, schema, class) })
        }
        Content::Other(element) => {
            json!({ "type": "other", "element": element.local(), "namespace": element.namespace(), "value": untyped(element) })
        }
    }
}

/// A part as its text, or as elements by name.
pub fn fragment_to_json(part: Element<'_>) -> (Json, Json) {
    let value = |child: Element<'_>| if child.is_nil() { Json::Null } else { untyped(child) };
    let elements: Vec<_> =
        part.children().map(|child| json!({ "name": child.local(), "value": value(child) })).collect();
    let text = if elements.is_empty() { Json::from(part.text()) } else { Json::Null };
    (text, Json::Array(elements))
}

fn fault_to_json(fault: &Fault) -> Json {
    let number = fault.code();
    json!({
        "type": "fault",
        // A detail that was kept alone has none.
        "code": Some(fault.soap.code.as_str()).filter(|code| !code.is_empty()),
        "subcode": fault.soap.subcode.as_ref().map(|(_, local)| local),
        "detail": fault.detail,
        "number": number,
        "hexadecimal": number.map(|number| format!("0x{number:08x}")),
        "name": number.and_then(fault::code::name),
        "message": fault.message(),
        "reasons": fault.soap.reasons.iter()
            .map(|reason| json!({ "language": reason.language, "text": reason.text })).collect::<Vec<_>>(),
        "provider": fault.wsman.as_ref().and_then(|wsman| wsman.provider.as_ref()).map(provider_to_json),
        "wmi": fault.wmi.as_ref().map(|wmi| json!({
            "code": wmi.code, "cim_status": wmi.cim_status, "message": wmi.message, "message_id": wmi.message_id,
            "error_type": wmi.error_type,
        })),
    })
}

fn provider_to_json(provider: &ProviderFault) -> Json {
    let extended: Map<_, _> =
        provider.extended.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str()))).collect();
    json!({ "provider": provider.provider, "path": provider.path, "message": provider.message, "extended": extended })
}

fn request_to_json(request: &RequestBody) -> Json {
    let mut json = Map::new();
    let mut put = |name: &str, value: Json| {
        json.insert(name.to_owned(), value);
    };
    put("type", "request".into());
    let operation = match request {
        RequestBody::Identify => "Identify",
        RequestBody::Get => "Get",
        RequestBody::Delete => "Delete",
        RequestBody::Unsubscribe => "Unsubscribe",
        RequestBody::Enumerate { filter, mode, optimize, max_elements, .. } => {
            put("filter", filter.as_ref().map_or(Json::Null, filter_to_json));
            put("mode", format!("{mode:?}").into());
            put("optimize", (*optimize).into());
            put("max_elements", (*max_elements).into());
            "Enumerate"
        }
        RequestBody::Pull { context, max_elements } => {
            put("context", context.as_str().into());
            put("max_elements", (*max_elements).into());
            "Pull"
        }
        RequestBody::Release { context } => {
            put("context", context.as_str().into());
            "Release"
        }
        RequestBody::Subscribe { mode, filter, expires } => {
            put("filter", filter.as_ref().map_or(Json::Null, filter_to_json));
            put("mode", mode.as_str().into());
            put("expires", expires.as_deref().into());
            "Subscribe"
        }
        RequestBody::Renew { expires } => {
            put("expires", expires.as_deref().into());
            "Renew"
        }
        // Those are told by what they hold.
        _ => "Unknown",
    };
    put("operation", operation.into());
    Json::Object(json)
}

fn filter_to_json(filter: &Filter) -> Json {
    let content = match filter {
        Filter::Text { text, .. } => Json::from(text.as_str()),
        Filter::Selectors(selectors) => Json::from(selectors.to_string()),
        Filter::Association(association) => {
            let side = if association.bring == Associated::Instances { "instances" } else { "associations" };
            Json::from(format!("{side} of {}", association.object))
        }
    };
    json!({ "dialect": filter.dialect(), "content": content })
}

/// For people: headers that say something, then the body.
pub fn print(message: &Json, printer: Printer) {
    let text = |name: &str| message.get(name).and_then(Json::as_str).unwrap_or("");
    let mut rows = Vec::new();
    for name in ["action", "resource", "message_id", "relates_to", "to", "fragment"] {
        if !text(name).is_empty() {
            rows.push(vec![name.to_owned(), text(name).to_owned()]);
        }
    }
    for (kind, label) in [("selectors", "selector"), ("options", "option")] {
        rows.extend(fields(message, kind).iter().map(|(name, value)| vec![format!("{label} {name}"), words(value)]));
    }
    let is_reply = message.get("reply").and_then(Json::as_bool).unwrap_or(false);
    printer.table(&[if is_reply { "reply" } else { "request" }, ""], &rows);
    output::line("");
    print_body(message.get("body").unwrap_or(&Json::Null), printer);
}

/// The body alone.
pub fn print_body(body: &Json, printer: Printer) {
    let text = |name: &str| body.get(name).and_then(Json::as_str).unwrap_or("");
    let table = |title: &str, content: &Map<String, Json>| printer.table(&[title, "value"], &typed::lines(content));
    match text("type") {
        "instance" => {
            let instance = body.get("instance").unwrap_or(&Json::Null);
            let class = instance.get("class").and_then(Json::as_str).unwrap_or("instance");
            table(class, fields(instance, "properties"));
        }
        "input" | "output" => table(&format!("{} {}", text("method"), text("type")), fields(body, "parameters")),
        "items" => {
            for item in body.get("items").and_then(Json::as_array).into_iter().flatten() {
                print_item(item, &table);
                output::line("");
            }
            let is_end = body.get("complete").and_then(Json::as_bool).unwrap_or(false);
            let end =
                if is_end { "end of the enumeration".to_owned() } else { format!("context: {}", text("context")) };
            output::line(&end);
        }
        kind => {
            let shown = |name: &str, value: &Json| !matches!(value, Json::Null) && name != "type";
            let content: Map<_, _> = body
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(name, value)| shown(name, value))
                .map(|(name, value)| (name.clone(), plain(value)))
                .collect();
            table(if kind == "request" { "body" } else { kind }, &content);
        }
    }
}

fn print_item(item: &Json, table: &dyn Fn(&str, &Map<String, Json>)) {
    let part = |name| item.get(name).filter(|part: &&Json| part.is_object());
    match (part("instance"), part("reference")) {
        (Some(instance), _) => {
            let class = instance.get("class").and_then(Json::as_str).unwrap_or("instance");
            table(class, fields(instance, "properties"));
        }
        (None, Some(reference)) => table("reference", fields(reference, "keys")),
        (None, None) => {}
    }
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
