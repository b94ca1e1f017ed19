//! The simulated host judged by hand-written envelopes, so that it does not only agree with our own client.

mod classes;
mod enumerating;
mod jobs;
mod methods;
mod network;
mod planned;
mod power;
mod refusals;
mod rehearsal;
mod scenarios;
mod socket;
mod swapped;
mod transfer;
mod undo;

use std::sync::Arc;
use std::time::Duration;

use super::host::{End, Simulator};
use super::{Pair, PointKind, Scenario, VirtualClock, World};
use crate::wsman::Fault;
use crate::xml::Document;

const V2: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2";
const CIMV2: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2";
const DMTF: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2";
const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
const GET: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get";
const ENUMERATE: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate";
const PULL: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Pull";

/// A request as text; its parts can be spoilt one by one.
#[derive(Clone)]
struct Envelope {
    action: String,
    resource: String,
    message_id: &'static str,
    reply_to: String,
    size: &'static str,
    selectors: Vec<(&'static str, String)>,
    extra: &'static str,
    body: String,
}

impl Envelope {
    fn new(action: &str, resource: &str, selectors: &[(&'static str, &str)], body: &str) -> Envelope {
        Envelope {
            action: action.to_owned(),
            resource: resource.to_owned(),
            message_id: "<a:MessageID>uuid:11111111-2222-4333-8444-555555555555</a:MessageID>",
            reply_to: format!("<a:ReplyTo><a:Address s:mustUnderstand=\"true\">{ANONYMOUS}</a:Address></a:ReplyTo>"),
            size: "512000",
            selectors: selectors.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            extra: "",
            body: body.to_owned(),
        }
    }

    fn get(resource: &str, selectors: &[(&'static str, &str)]) -> Envelope {
        Envelope::new(GET, resource, selectors, "")
    }

    /// InitiateFailover of a VM, with this inside `_INPUT`.
    fn failover(parameters: &str) -> Envelope {
        let class = format!("{V2}/Msvm_ReplicationService");
        let keys = [("CreationClassName", "Msvm_ReplicationService")];
        let body = format!("<p:InitiateFailover_INPUT xmlns:p=\"{class}\">{parameters}</p:InitiateFailover_INPUT>");
        Envelope::new(&format!("{class}/InitiateFailover"), &class, &keys, &body)
    }

    fn text(&self) -> String {
        let selectors: String =
            self.selectors.iter().map(|(n, v)| format!("<w:Selector Name=\"{n}\">{v}</w:Selector>")).collect();
        let set =
            if selectors.is_empty() { String::new() } else { format!("<w:SelectorSet>{selectors}</w:SelectorSet>") };
        format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
             xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" \
             xmlns:pm=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\" \
             xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\"><s:Header>\
             <a:To s:mustUnderstand=\"true\">http://host/wsman</a:To>\
             <w:ResourceURI s:mustUnderstand=\"true\">{}</w:ResourceURI>{}\
             <a:Action s:mustUnderstand=\"true\">{}</a:Action>\
             <w:MaxEnvelopeSize s:mustUnderstand=\"true\">{}</w:MaxEnvelopeSize>{}{set}{}</s:Header>\
             <s:Body>{}</s:Body></s:Envelope>",
            self.resource, self.reply_to, self.action, self.size, self.message_id, self.extra, self.body
        )
    }
}

fn host(scenario: &str) -> (Arc<Simulator>, VirtualClock) {
    let clock = VirtualClock::new();
    (Simulator::with_clock(Scenario::from_toml(scenario).unwrap(), clock.clone()), clock)
}

/// Status and body of the reply.
fn ask(simulator: &Simulator, envelope: &Envelope) -> (u16, String) {
    match simulator.handle(envelope.text().as_bytes()).end {
        End::Reply { status, body } => (status, String::from_utf8(body).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// The fault of the reply: HTTP status, code and subcode, the number.
fn refusal(simulator: &Simulator, envelope: &Envelope) -> (u16, String, Option<u32>) {
    let (status, body) = ask(simulator, envelope);
    let document = Document::parse(body.as_str()).unwrap();
    let payload = crate::soap::Envelope::of(&document).unwrap().payload();
    let fault = payload.and_then(Fault::read).unwrap_or_else(|| panic!("no fault: {body}"));
    let subcode = fault.soap.subcode.as_ref().map_or("", |(_, local)| local);
    (status, format!("{} {subcode}", fault.soap.code), fault.code())
}

/// A method of an instance, with this inside `_INPUT`.
fn call(class: &str, keys: &[(&'static str, &str)], method: &str, parameters: &str) -> Envelope {
    let class = format!("{V2}/{class}");
    let body = format!("<p:{method}_INPUT xmlns:p=\"{class}\">{parameters}</p:{method}_INPUT>");
    Envelope::new(&format!("{class}/{method}"), &class, keys, &body)
}

/// The answer to a method that was not refused as a message.
fn answer(simulator: &Simulator, envelope: &Envelope) -> String {
    let (status, body) = ask(simulator, envelope);
    assert_eq!(status, 200, "{body}");
    body
}

/// ReturnValue of a method of the replication service, for a VM and with these parameters besides.
fn service(simulator: &Simulator, method: &str, vm: &str, parameters: &str) -> String {
    let parameters = format!("{}{parameters}", computer(simulator, vm));
    let keys = [("CreationClassName", "Msvm_ReplicationService")];
    returned(simulator, &call("Msvm_ReplicationService", &keys, method, &parameters))
}

/// ReturnValue of a method of a VM.
fn of_vm(simulator: &Simulator, method: &str, vm: &str, parameters: &str) -> String {
    let id = vm_id(simulator, vm);
    let keys = [("CreationClassName", "Msvm_ComputerSystem"), ("Name", id.as_str())];
    returned(simulator, &call("Msvm_ComputerSystem", &keys, method, parameters))
}

fn returned(simulator: &Simulator, envelope: &Envelope) -> String {
    value(&answer(simulator, envelope), "ReturnValue").unwrap()
}

/// RequestReplicationStateChangeEx of the primary relation.
fn replication(simulator: &Simulator, vm: &str, state: u16) -> String {
    let parameters = format!("<p:RequestedState>{state}</p:RequestedState>");
    of_vm(simulator, "RequestReplicationStateChangeEx", vm, &parameters)
}

/// RequestStateChange of a VM.
fn power(simulator: &Simulator, vm: &str, state: u16) -> String {
    of_vm(simulator, "RequestStateChange", vm, &format!("<p:RequestedState>{state}</p:RequestedState>"))
}

/// ReverseReplicationRelationship to a host.
fn reverse(simulator: &Simulator, vm: &str, to: &str) -> String {
    let id = vm_id(simulator, vm);
    let settings = format!(
        "<INSTANCE CLASSNAME=\"Msvm_ReplicationSettingData\"><PROPERTY NAME=\"InstanceID\" TYPE=\"string\"><VALUE>\
         Microsoft:{id}\\HVR\\0</VALUE></PROPERTY><PROPERTY NAME=\"RecoveryConnectionPoint\" TYPE=\"string\"><VALUE>{to}\
         </VALUE></PROPERTY></INSTANCE>"
    );
    service(simulator, "ReverseReplicationRelationship", vm, &embedded("ReplicationSettingData", &settings))
}

/// A string parameter with CIM-XML text, escaped once.
fn embedded(parameter: &str, text: &str) -> String {
    format!("<p:{parameter}>{}</p:{parameter}>", text.replace('&', "&amp;").replace('<', "&lt;"))
}

/// Mode, replication state, EnabledState.
fn seen(simulator: &Simulator, vm: &str) -> (u16, u16, u16) {
    simulator.with_world(|world| world.vm(vm).map(|vm| (vm.mode, vm.state, vm.enabled_state)).unwrap())
}

fn pair(scenario: &str) -> (Pair, VirtualClock) {
    let clock = VirtualClock::new();
    (Pair::with_clock(Scenario::from_toml(scenario).unwrap(), clock.clone()), clock)
}

/// The text of the first element with this local name in a reply.
fn value(reply: &str, name: &str) -> Option<String> {
    fn find<'d>(element: crate::xml::Element<'d>, name: &str) -> Option<&'d str> {
        if element.local() == name {
            return Some(element.text());
        }
        element.children().find_map(|child| find(child, name))
    }
    let document = Document::parse(reply).unwrap();
    find(document.root(), name).map(str::to_owned)
}

fn vm_id(simulator: &Simulator, name: &str) -> String {
    simulator.with_world(|world| world.vm(name).unwrap().id.clone())
}

/// A REF parameter in the form that Windows takes.
fn reference(parameter: &str, class: &str, keys: &[(&str, &str)]) -> String {
    let keys: String = keys.iter().map(|(n, v)| format!("<w:Selector Name=\"{n}\">{v}</w:Selector>")).collect();
    format!(
        "<p:{parameter}><a:Address>{ANONYMOUS}</a:Address><a:ReferenceParameters><w:ResourceURI>{V2}/{class}\
         </w:ResourceURI><w:SelectorSet>{keys}</w:SelectorSet></a:ReferenceParameters></p:{parameter}>"
    )
}

fn computer(simulator: &Simulator, name: &str) -> String {
    let id = vm_id(simulator, name);
    reference("ComputerSystem", "Msvm_ComputerSystem", &[("CreationClassName", "Msvm_ComputerSystem"), ("Name", &id)])
}

/// ReturnValue of InitiateFailover, and the job's id.
fn fail_over(simulator: &Simulator, name: &str) -> (String, String) {
    let (status, body) = ask(simulator, &Envelope::failover(&computer(simulator, name)));
    assert_eq!(status, 200, "{body}");
    (value(&body, "ReturnValue").unwrap(), value(&body, "Selector").unwrap_or_default())
}

fn job(simulator: &Simulator, id: &str) -> String {
    ask(simulator, &Envelope::get(&format!("{V2}/Msvm_ConcreteJob"), &[("InstanceID", id)])).1
}

const SECOND: Duration = Duration::from_secs(1);
