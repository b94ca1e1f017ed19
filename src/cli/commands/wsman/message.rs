//! Any message as JSON: what `decode` reads from a file and `send` gets back.
//!
//! Every leaf of the message is in it: where its meaning is known, or under `remainder` with its path.

use serde_json::{Map, Value as Json, json};

use crate::cim::schema::Schema;
use crate::cli::typed::{
    add, instance_to_json, keys_to_json, output_to_json, reference_to_json, remainder_to_json, untyped,
};
use crate::wsman::{
    Associated, AssociationFilter, Content, Decoded, Fault, Filter, ProviderFault, Remark, RequestBody, WmiError,
    WsmanFault, fault,
};
use crate::xml::Element;

use super::listing::item_to_json;

/// A message, typed by class declarations: its headers, and its body as an object that says what it is in `type`.
pub fn message_to_json(message: &Decoded, schema: Option<&Schema>) -> Json {
    let header = &message.header;
    let mut options = Map::new();
    for option in &header.options {
        add(&mut options, &option.name, Json::from(option.value.as_str()), false);
    }
    let due: Vec<_> = header.options.iter().filter(|option| option.must_comply).map(|option| &option.name).collect();
    let expanded = |namespace: &str, local: &str| format!("{{{namespace}}}{local}");
    let fragment = header.fragment.as_ref();
    let mut json = json!({
        "reply": message.is_reply(),
        "action": header.action,
        "message_id": header.message_id,
        "relates_to": message.relates_to,
        "to": header.to,
        "reply_to": header.reply_to,
        "resource": header.resource.as_ref().map(|resource| resource.as_str()),
        "selectors": keys_to_json(&header.selectors),
        "options": options,
        "must_comply": due,
        "fragment": fragment.map(|fragment| fragment.expression.as_str()),
        "fragment_dialect": fragment.and_then(|fragment| fragment.dialect.as_deref()),
        "max_envelope_size": header.max_envelope_size,
        "operation_timeout": header.operation_timeout,
        "language": message.language,
        "locale": header.locale,
        "data_locale": header.data_locale,
        "subscription": header.subscription,
        "headers": message.headers().map(|header| expanded(header.namespace(), header.local())).collect::<Vec<_>>(),
        "must_understand": header.must_understand.iter()
            .map(|(namespace, local)| expanded(namespace, local)).collect::<Vec<_>>(),
        "body": body_to_json(message, schema),
        "remarks": message.remarks().iter().map(remark_to_json).collect::<Vec<_>>(),
    });
    // Last, when everything that is understood has been read.
    if let Some(object) = json.as_object_mut() {
        object.insert("remainder".to_owned(), remainder_to_json(&message.remainder()));
    }
    json
}

/// What is odd in the form of a reply.
pub fn remark_to_json(remark: &Remark) -> Json {
    json!({ "remark": remark.name(), "text": remark.to_string() })
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
            "further": pairs_to_json(&identity.further),
        }),
        Content::Items { items, context, end } => json!({
            "type": "items",
            "items": items.iter().map(|item| item_to_json(item, schema, class)).collect::<Vec<_>>(),
            "context": context,
            "complete": end,
        }),
        Content::Created { reference, representation } => json!({
            "type": "created",
            "reference": reference_to_json(&reference),
            "representation": representation.map(|made| instance_to_json(&made, schema, "")),
        }),
        Content::Subscribed(subscription) => json!({
            "type": "subscribed",
            "context": subscription.context,
            "expires": subscription.expires,
            "manager": subscription.manager.address,
            "identifier": subscription.manager.identifier,
            "resource": subscription.manager.resource.as_ref().map(|resource| resource.as_str()),
            "selectors": keys_to_json(&subscription.manager.selectors),
        }),
        Content::Fragment(part) => {
            let (text, elements) = fragment_to_json(part);
            json!({ "type": "fragment", "text": text, "elements": elements })
        }
        Content::Input { method, parameters } => json!({
            "type": "input",
            "class": parameters.class_uri().rsplit('/').next(),
            "method": method,
            "parameters": output_to_json(&parameters, schema, method_of(parameters.class_uri(), method)),
        }),
        Content::Output { method, class_uri, parameters } => json!({
            "type": "output",
            "class": class_uri.rsplit('/').next(),
            "method": method,
            "parameters": output_to_json(&parameters, schema, method_of(class_uri, method)),
        }),
        Content::Request(request) => request_to_json(request),
        Content::Instance(instance) => {
            json!({ "type": "instance", "instance": instance_to_json(&instance, schema, class) })
        }
        Content::Other(element) => {
            json!({ "type": "other", "element": element.read_name(), "namespace": element.namespace(), "value": untyped(element) })
        }
    }
}

/// A part as its text, or as elements by name.
pub fn fragment_to_json(part: Element<'_>) -> (Json, Json) {
    let value = |child: Element<'_>| if child.is_nil() { Json::Null } else { untyped(child) };
    let elements: Vec<_> =
        part.children().map(|child| json!({ "name": child.read_name(), "value": value(child) })).collect();
    let text = if elements.is_empty() { Json::from(part.text()) } else { Json::Null };
    (text, Json::Array(elements))
}

fn fault_to_json(fault: &Fault) -> Json {
    let number = fault.code();
    let expanded = |(namespace, local): &(String, String)| format!("{{{namespace}}}{local}");
    json!({
        "type": "fault",
        // A detail that was kept alone has none.
        "code": Some(fault.soap.code.as_str()).filter(|code| !code.is_empty()),
        "subcode": fault.soap.subcode.as_ref().map(|(_, local)| local),
        "outer_subcodes": fault.soap.outer_subcodes.iter().map(|(_, local)| local).collect::<Vec<_>>(),
        "detail": fault.detail,
        "number": number,
        "hexadecimal": number.map(|number| format!("0x{number:08x}")),
        "name": number.and_then(fault::code::name),
        "message": fault.message(),
        "not_understood": fault.not_understood.as_ref().map(expanded),
        "reasons": fault.soap.reasons.iter()
            .map(|reason| json!({ "language": reason.language, "text": reason.text })).collect::<Vec<_>>(),
        "wsman": fault.wsman.as_ref().map(wsman_to_json),
        "provider": fault.wsman.as_ref().and_then(|wsman| wsman.provider.as_ref()).map(provider_to_json),
        "wmi": fault.wmi.as_ref().map(wmi_to_json),
    })
}

/// A fault of Windows with what it holds: the innermost number and text are those of the whole, the outer ones say how
/// they came up.
fn wsman_to_json(wsman: &WsmanFault) -> Json {
    let inner = wsman.provider.as_ref().and_then(|provider| provider.inner.as_deref());
    json!({
        "code": wsman.code,
        "machine": wsman.machine,
        "message": wsman.message,
        "provider": wsman.provider.as_ref().map(provider_to_json),
        "inner": inner.map(wsman_to_json),
    })
}

fn provider_to_json(provider: &ProviderFault) -> Json {
    json!({
        "provider": provider.provider,
        "path": provider.path,
        "message": provider.message,
        "extended": pairs_to_json(&provider.extended),
    })
}

fn wmi_to_json(wmi: &WmiError) -> Json {
    json!({
        "class": wmi.class, "code": wmi.code, "cim_status": wmi.cim_status, "message": wmi.message,
        "message_id": wmi.message_id, "error_type": wmi.error_type, "further": pairs_to_json(&wmi.further),
    })
}

/// Names and texts; a name that comes twice has both texts.
pub fn pairs_to_json(pairs: &[(String, String)]) -> Map<String, Json> {
    let mut object = Map::new();
    for (name, text) in pairs {
        add(&mut object, name, Json::from(text.as_str()), false);
    }
    object
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
        RequestBody::Enumerate { filter, mode, optimize, max_elements, polymorphism } => {
            put("filter", filter.as_ref().map_or(Json::Null, filter_to_json));
            put("mode", format!("{mode:?}").into());
            put("optimize", (*optimize).into());
            put("max_elements", (*max_elements).into());
            put("polymorphism", polymorphism.map(|mode| mode.name()).into());
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
        RequestBody::Subscribe { mode, filter, expires, notify_to, heartbeats } => {
            put("filter", filter.as_ref().map_or(Json::Null, filter_to_json));
            put("mode", mode.as_str().into());
            put("expires", expires.as_deref().into());
            put("notify_to", notify_to.as_deref().into());
            put("heartbeats", heartbeats.as_deref().into());
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
    let association = match filter {
        Filter::Association(association) => association_to_json(association),
        _ => Json::Null,
    };
    json!({ "dialect": filter.dialect(), "content": content, "association": association })
}

fn association_to_json(association: &AssociationFilter) -> Json {
    json!({
        "object": reference_to_json(&association.object),
        "association_class": association.association_class,
        "role": association.role,
        "result_class": association.result_class,
        "result_role": association.result_role,
        "properties": association.properties,
    })
}
