//! A host that is a list of answers, and answers in the shapes of a live host.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use super::super::*;
use crate::wsman::{Exchange, ExchangeError, Message, Reply};

pub(super) const V2: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2";
pub(super) const VM: &str = "3F1E0C52-8A5B-4E0C-9C0D-7C1D5B0A9E21";
pub(super) const OTHER_VM: &str = "4F1E0C52-8A5B-4E0C-9C0D-7C1D5B0A9E22";
pub(super) const JOB: &str = "0D4F7A10-5B1C-4A6B-8F2E-33E1C0A9D7B6";

/// What a request must contain, and the body and action that answer it.
pub(super) struct Step {
    pub(super) contains: &'static [&'static str],
    pub(super) action: &'static str,
    pub(super) body: String,
}

/// A host that is a list of answers. An unexpected request fails the test; so does an answer nobody asked for.
pub(super) struct Script(Mutex<VecDeque<Step>>);

impl Exchange for Script {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        let request = String::from_utf8(message.bytes().to_vec()).unwrap();
        let Some(step) = self.0.lock().unwrap().pop_front() else { panic!("not in the script: {request}") };
        for part in step.contains {
            assert!(request.contains(part), "{part:?} is not in {request}");
        }
        Ok(Reply::ok(
            format!(
                "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
                 xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
                 xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" \
                 xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" \
                 xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\" \
                 xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><s:Header><a:Action>{}</a:Action>\
                 <a:RelatesTo>{}</a:RelatesTo></s:Header><s:Body>{}</s:Body></s:Envelope>",
                step.action,
                message.message_id(),
                step.body
            )
            .into_bytes(),
        ))
    }

    fn address(&self) -> &str {
        "https://hvr01.example.test:5986/wsman"
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.lock().unwrap().is_empty(), "the script was not played to its end");
        }
    }
}

pub(super) fn host(steps: impl IntoIterator<Item = Step>) -> Host<Script> {
    Host::over(Script(Mutex::new(steps.into_iter().collect())))
}

/// Runs a future that never waits: the script answers at once.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waits for something"),
    }
}

/// The answer to an Enumerate: all items at once.
pub(super) fn page(contains: &'static [&'static str], items: &[String]) -> Step {
    Step {
        contains,
        action: "http://schemas.xmlsoap.org/ws/2004/09/enumeration/EnumerateResponse",
        body: format!(
            "<n:EnumerateResponse><n:EnumerationContext/><w:Items>{}</w:Items><w:EndOfSequence/></n:EnumerateResponse>",
            items.concat()
        ),
    }
}

/// The answer to a Get.
pub(super) fn found(contains: &'static [&'static str], instance: String) -> Step {
    Step { contains, action: "http://schemas.xmlsoap.org/ws/2004/09/transfer/GetResponse", body: instance }
}

pub(super) fn fault(contains: &'static [&'static str], subcode: &str) -> Step {
    Step {
        contains,
        action: "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault",
        body: format!(
            "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>\
             <s:Reason><s:Text xml:lang=\"ja-JP\">…</s:Text></s:Reason></s:Fault>"
        ),
    }
}

pub(super) fn instance(class: &str, properties: &str) -> String {
    format!("<p:{class} xmlns:p=\"{V2}/{class}\">{properties}</p:{class}>")
}

pub(super) fn vm(id: &str, name: &str) -> String {
    instance(
        "Msvm_ComputerSystem",
        &format!(
            "<p:ElementName>{name}</p:ElementName><p:EnabledState>3</p:EnabledState><p:Name>{id}</p:Name>\
             <p:ReplicationMode>2</p:ReplicationMode><p:ReplicationState>3</p:ReplicationState>"
        ),
    )
}

pub(super) fn job(state: u16, percent: u16) -> String {
    instance(
        "Msvm_ConcreteJob",
        &format!(
            "<p:ErrorCode xsi:nil=\"true\"/><p:InstanceID>{JOB}</p:InstanceID><p:JobState>{state}</p:JobState>\
             <p:PercentComplete>{percent}</p:PercentComplete>"
        ),
    )
}

pub(super) fn reference(class: &str, keys: &[(&str, &str)]) -> String {
    let selectors: String =
        keys.iter().map(|(key, value)| format!("<w:Selector Name=\"{key}\">{value}</w:Selector>")).collect();
    format!(
        "<a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>\
         <a:ReferenceParameters><w:ResourceURI>{V2}/{class}</w:ResourceURI>\
         <w:SelectorSet>{selectors}</w:SelectorSet></a:ReferenceParameters>"
    )
}

/// The answer to a method of a class; `action` is its whole response action.
pub(super) fn output(contains: &'static [&'static str], action: &'static str, parameters: &str) -> Step {
    let (class, method) = action.rsplit_once('/').unwrap();
    let method = method.strip_suffix("Response").unwrap();
    let body = format!("<p:{method}_OUTPUT xmlns:p=\"{class}\">{parameters}</p:{method}_OUTPUT>");
    Step { contains, action, body }
}

/// A row that joins two things.
pub(super) fn row(class: &str, near: (&str, String), far: (&str, String)) -> String {
    instance(class, &format!("<p:{0}>{1}</p:{0}><p:{2}>{3}</p:{2}>", near.0, near.1, far.0, far.1))
}

/// A reference to a VM.
pub(super) fn vm_reference(id: &str) -> String {
    reference("Msvm_ComputerSystem", &[("CreationClassName", "Msvm_ComputerSystem"), ("Name", id)])
}
