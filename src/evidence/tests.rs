//! Each judge with an answer that confirms, one that refutes, and one that says nothing.

use std::collections::BTreeSet;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::cim::{CimType, Value};
use crate::wsman::{
    ClassAddressing, Delete, Delivery, EndpointReference, Enumerate, Exchange, ExchangeError, Filter, Get, Invoke,
    Limits, Message, Operation, Parameter, Pull, Put, Reply, Representation, RequestContext, ResourceUri, SelectorSet,
    Timeouts,
};

const V2: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2";
const VM: &str = "3F1E0C52-8A5B-4E0C-9C0D-7C1D5B0A9E21";
const JOB: &str = "0D4F7A10-5B1C-4A6B-8F2E-33E1C0A9D7B6";

fn addressing() -> ClassAddressing {
    ClassAddressing::microsoft("root/virtualization/v2")
}

fn written(operation: &impl Operation, language: &str) -> Vec<u8> {
    let limits = Limits::default();
    let context = RequestContext {
        message_id: "uuid:1",
        to: "http://hv/wsman",
        limits: &limits,
        timeouts: Timeouts::default(),
        locale: Some(language),
        extra: None,
    };
    operation.write(&context).unwrap()
}

fn reply(action: &str, body: &str) -> Vec<u8> {
    format!(
        "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' xmlns:a='http://schemas.xmlsoap.org/ws/2004/08/addressing' \
         xmlns:n='http://schemas.xmlsoap.org/ws/2004/09/enumeration' xmlns:w='http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd' \
         xmlns:f='http://schemas.microsoft.com/wbem/wsman/1/wsmanfault' xmlns:cim='http://schemas.dmtf.org/wbem/wscim/1/common' \
         xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><s:Header><a:Action>{action}</a:Action>\
         <a:RelatesTo>uuid:1</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
    .into_bytes()
}

/// A request, the language it asked for, and the answer with its status.
struct Said(Vec<u8>, u16, Vec<u8>);

fn said(messages: Vec<Said>) -> Vec<Exchanged> {
    let number = |(place, Said(request, status, reply)): (usize, Said)| {
        Exchanged::new(u64::try_from(place).unwrap() + 1, &request, status, &reply, None)
    };
    messages.into_iter().enumerate().map(number).collect()
}

fn get(class: &str, answer: (u16, Vec<u8>)) -> Said {
    let keys = SelectorSet::new().with("CreationClassName", class).with("Name", VM);
    Said(written(&Get { target: addressing().reference(class, keys) }, "en-US"), answer.0, answer.1)
}

fn query(wql: &str, answer: (u16, Vec<u8>)) -> Said {
    Said(written(&Enumerate::new(addressing().all_classes()).filter(Filter::wql(wql)), "en-US"), answer.0, answer.1)
}

fn list(class: &str, language: &str, answer: (u16, Vec<u8>)) -> Said {
    Said(written(&Enumerate::new(addressing().class(class)), language), answer.0, answer.1)
}

/// A method of a service by one key, or by two.
fn call(class: &str, method: &str, keys: usize, answer: (u16, Vec<u8>)) -> Said {
    let mut selectors = SelectorSet::new().with("CreationClassName", class);
    if keys > 1 {
        selectors.push("Name", "nvspwmi");
    }
    Said(written(&Invoke::new(addressing().reference(class, selectors), method), "en-US"), answer.0, answer.1)
}

fn statistics(keys: usize, answer: (u16, Vec<u8>)) -> Said {
    call("Msvm_ReplicationService", "GetReplicationStatisticsEx", keys, answer)
}

fn make(answer: (u16, Vec<u8>)) -> Said {
    call("Msvm_ReplicationService", "TestReplicaSystem", 1, answer)
}

fn remove(answer: (u16, Vec<u8>)) -> Said {
    call("Msvm_VirtualSystemManagementService", "DestroySystem", 1, answer)
}

fn instance(class: &str, properties: &str) -> String {
    format!("<p:{class} xmlns:p='{V2}/{class}'>{properties}</p:{class}>")
}

fn page(items: &[String]) -> (u16, Vec<u8>) {
    let body = format!(
        "<n:EnumerateResponse><n:EnumerationContext/><w:Items>{}</w:Items><w:EndOfSequence/></n:EnumerateResponse>",
        items.concat()
    );
    (200, reply("http://schemas.xmlsoap.org/ws/2004/09/enumeration/EnumerateResponse", &body))
}

fn found(item: &str) -> (u16, Vec<u8>) {
    (200, reply("http://schemas.xmlsoap.org/ws/2004/09/transfer/GetResponse", item))
}

fn output(method: &str, parameters: &str) -> (u16, Vec<u8>) {
    let class = format!("{V2}/Msvm_ReplicationService");
    let body = format!("<p:{method}_OUTPUT xmlns:p='{class}'>{parameters}</p:{method}_OUTPUT>");
    (200, reply(&format!("{class}/{method}Response"), &body))
}

fn returned(method: &str, code: u32) -> (u16, Vec<u8>) {
    output(method, &format!("<p:ReturnValue>{code}</p:ReturnValue>"))
}

fn started(method: &str) -> (u16, Vec<u8>) {
    let job = format!(
        "<a:Address>x</a:Address><a:ReferenceParameters><w:ResourceURI>{V2}/Msvm_ConcreteJob</w:ResourceURI><w:SelectorSet>\
         <w:Selector Name='InstanceID'>{JOB}</w:Selector></w:SelectorSet></a:ReferenceParameters>"
    );
    output(method, &format!("<p:Job>{job}</p:Job><p:ReturnValue>4096</p:ReturnValue>"))
}

fn fault_in(language: &str, text: &str, subcode: &str, number: u32) -> (u16, Vec<u8>) {
    let body = format!(
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code><s:Reason>\
         <s:Text xml:lang='{language}'>{text}</s:Text></s:Reason><s:Detail><f:WSManFault Code='{number}' Machine=''><f:Message/>\
         </f:WSManFault></s:Detail></s:Fault>"
    );
    (500, reply("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", &body))
}

fn fault(subcode: &str, number: u32) -> (u16, Vec<u8>) {
    fault_in("en-US", "text", subcode, number)
}

fn nothing() -> (u16, Vec<u8>) {
    (503, Vec::new())
}

fn not_found() -> (u16, Vec<u8>) {
    fault("a:DestinationUnreachable", 2_150_858_752)
}

fn denied() -> (u16, Vec<u8>) {
    fault("w:AccessDenied", 5)
}

fn vm(mode: u16, state: u16) -> String {
    let text = format!(
        "<p:Name>{VM}</p:Name><p:ReplicationMode>{mode}</p:ReplicationMode><p:ReplicationState>{state}</p:ReplicationState>"
    );
    instance("Msvm_ComputerSystem", &text)
}

fn job(properties: &str) -> String {
    let text = format!("<p:InstanceID>{JOB}</p:InstanceID><p:JobState>7</p:JobState>{properties}");
    instance("Msvm_ConcreteJob", &text)
}

fn with_id(class: &str, id: &str) -> String {
    instance(class, &format!("<p:InstanceID>{id}</p:InstanceID>"))
}

fn relation(end: &str) -> String {
    with_id("Msvm_ReplicationRelationship", &format!("Microsoft:{VM}\\{end}"))
}

fn point(kind: &str) -> String {
    instance("Msvm_VirtualSystemSettingData", &format!("<p:VirtualSystemType>{kind}</p:VirtualSystemType>"))
}

fn addresses(properties: &str) -> String {
    instance("Msvm_FailoverNetworkAdapterSettingData", properties)
}

fn declared(class: &str) -> (u16, Vec<u8>) {
    found(&format!("<c:X xmlns:c='urn:c'>{class}</c:X>"))
}

fn initiate(parameter: &str) -> (u16, Vec<u8>) {
    declared(&format!(
        "<CLASS NAME='Msvm_ReplicationService'><METHOD NAME='InitiateFailover'>{parameter}</METHOD></CLASS>"
    ))
}

/// Our own declaration as a host would have it, one method left out where that is wanted.
fn declaration_without(left_out: &str) -> (u16, Vec<u8>) {
    let ours = crate::cim::schema::Schema::builtin().class("Msvm_ReplicationService").unwrap();
    let methods = ours.own_methods().iter().filter(|method| method.name.as_str() != left_out).map(|method| {
        let parameters = method.inputs().chain(method.outputs());
        let parameters: String = parameters.map(|one| format!("<PARAMETER NAME='{}'/>", one.name)).collect();
        format!("<METHOD NAME='{}'>{parameters}</METHOD>", method.name)
    });
    declared(&format!("<CLASS NAME='Msvm_ReplicationService'>{}</CLASS>", methods.collect::<String>()))
}

fn pulled(answer: (u16, Vec<u8>)) -> Said {
    let resource = addressing().class("Msvm_ComputerSystem");
    let pull = Pull { resource, selectors: SelectorSet::new(), context: "uuid:9".to_owned() };
    Said(written(&pull, "en-US"), answer.0, answer.1)
}

fn in_language(language: &str, answer: (u16, Vec<u8>)) -> Said {
    let keys = SelectorSet::new().with("CreationClassName", "Msvm_ComputerSystem").with("Name", VM);
    let target = addressing().reference("Msvm_ComputerSystem", keys);
    Said(written(&Get { target }, language), answer.0, answer.1)
}

fn config(answer: (u16, Vec<u8>)) -> Said {
    let target = EndpointReference::new(ResourceUri::new(question::CONFIG), SelectorSet::new());
    Said(written(&Get { target }, "en-US"), answer.0, answer.1)
}

/// What confirms, what refutes, and what says nothing.
type Case = (&'static str, Vec<Said>, Vec<Said>, Vec<Said>);

fn reading_cases() -> Vec<Case> {
    const METHOD: &str = "GetReplicationStatisticsEx";
    let lacks = || fault("w:InternalError", 0);
    let texts = |name: &str, text: &str| page(&[job(&format!("<p:{name}>{text}</p:{name}>"))]);
    let optional = "<PARAMETER.REFERENCE NAME='SnapshotSettingData'><QUALIFIER NAME='In' TYPE='boolean'><VALUE>TRUE</VALUE>\
                    </QUALIFIER></PARAMETER.REFERENCE>";
    let required = optional.replace("'In'", "'Required'");
    let kept = |text: &str| {
        page(&[job(&format!("<p:TimeBeforeRemoval><cim:Interval>{text}</cim:Interval></p:TimeBeforeRemoval>"))])
    };
    let ip = |subnet: &str| {
        page(&[addresses(&format!("<p:IPAddresses>2001:db8::3</p:IPAddresses><p:Subnets>{subnet}</p:Subnets>"))])
    };
    let resource = |private: &str| {
        page(&[instance("MSCluster_Resource", &format!("<p:PrivateProperties>{private}</p:PrivateProperties>"))])
    };
    let systems = || list("Msvm_ComputerSystem", "en-US", page(&[vm(2, 3)]));
    let find = |answer| query("SELECT * FROM Msvm_ComputerSystem WHERE ElementName = 'x'", answer);
    let refused = || fault("n:CannotProcessFilter", 2_150_858_778);
    let relations = |answer| query("ASSOCIATORS OF {x} WHERE AssocClass = Msvm_SystemReplicationRelationship", answer);
    let settings = |answer| query("ASSOCIATORS OF {x} WHERE ResultClass = Msvm_ReplicationSettingData", answer);
    let jobs = |answer| query("ASSOCIATORS OF {x} WHERE AssocClass = Msvm_AffectedJobElement", answer);
    vec![
        (
            "E01",
            vec![statistics(1, returned(METHOD, 32775))],
            vec![statistics(1, lacks()), statistics(4, returned(METHOD, 0))],
            vec![statistics(1, lacks())],
        ),
        (
            "E03",
            vec![get("x", initiate(optional))],
            vec![get("x", initiate(&required))],
            vec![get("x", initiate("<PARAMETER.REFERENCE NAME='SnapshotSettingData'/>"))],
        ),
        (
            "E04",
            vec![get("x", declaration_without(""))],
            vec![get("x", declaration_without("RevertFailover"))],
            vec![get("x", found("<y/>"))],
        ),
        ("E05", vec![find(page(&[vm(2, 3)]))], vec![find(refused())], vec![find(denied())]),
        (
            "E06",
            vec![relations(page(&[relation("HVR\\0")]))],
            vec![relations(page(&[])), list("Msvm_ReplicationRelationship", "en-US", page(&[relation("HVR\\0")]))],
            vec![relations(refused()), list("Msvm_ReplicationRelationship", "en-US", refused())],
        ),
        (
            "E07",
            vec![statistics(1, returned(METHOD, 0))],
            vec![statistics(1, returned(METHOD, 32773))],
            vec![call(
                "Msvm_ReplicationService",
                "GetReplicationStatistics",
                1,
                returned("GetReplicationStatistics", 0),
            )],
        ),
        (
            "E08",
            vec![settings(page(&[with_id("Msvm_ReplicationSettingData", "x")]))],
            vec![settings(page(&[]))],
            vec![settings(denied())],
        ),
        (
            "E09",
            vec![relations(page(&[relation("HVR\\0"), relation("HVR\\1")])), settings(page(&[relation("HVR")]))],
            vec![relations(page(&[relation("HVR\\0"), relation("VR\\0")]))],
            vec![relations(page(&[]))],
        ),
        (
            "E10",
            vec![query(
                "x",
                page(&[
                    point("Microsoft:Hyper-V:Snapshot:Replica:Standard"),
                    point("Microsoft:Hyper-V:System:Realized"),
                ]),
            )],
            vec![query("x", page(&[point("Microsoft:Hyper-V:Snapshot:Replica:Other")]))],
            vec![query("x", page(&[point("Microsoft:Hyper-V:System:Realized")]))],
        ),
        (
            "E11",
            vec![jobs(page(&[job("")]))],
            vec![
                make(started("TestReplicaSystem")),
                jobs(page(&[])),
                list("Msvm_ConcreteJob", "en-US", page(&[job("")])),
            ],
            vec![jobs(page(&[])), make(started("TestReplicaSystem"))],
        ),
        (
            "E12",
            vec![query("x", kept("P0DT0H5M0S"))],
            vec![query("x", kept("P0DT0H5M0S")), query("x", kept("P1DT0H0M0S"))],
            vec![query("x", page(&[job("<p:TimeBeforeRemoval xsi:nil='true'/>")]))],
        ),
        (
            "E13",
            vec![
                in_language("en-US", not_found()),
                in_language("de-DE", fault_in("de-DE", "anders", "a:DestinationUnreachable", 1)),
            ],
            vec![
                in_language("en-US", fault_in("ja-JP", "x", "a:DestinationUnreachable", 1)),
                in_language("de-DE", fault_in("ja-JP", "x", "a:DestinationUnreachable", 1)),
            ],
            vec![in_language("en-US", not_found()), in_language("de-DE", not_found())],
        ),
        (
            "E14",
            vec![
                list("Msvm_ConcreteJob", "en-US", texts("JobStatus", "done")),
                list("Msvm_ConcreteJob", "de-DE", texts("JobStatus", "fertig")),
            ],
            Vec::new(),
            vec![
                list("Msvm_ConcreteJob", "en-US", texts("JobStatus", "done")),
                list("Msvm_ConcreteJob", "de-DE", texts("JobStatus", "done")),
            ],
        ),
        (
            "E15",
            vec![get("x", not_found()), pulled(fault("n:InvalidEnumerationContext", 1))],
            vec![get("x", not_found()), pulled((400, not_found().1))],
            vec![get("x", found(&vm(2, 3)))],
        ),
        (
            "E16",
            vec![get("x", not_found())],
            vec![get("x", fault("w:SchemaValidationError", 1))],
            vec![get("x", denied())],
        ),
        (
            "E17",
            vec![list("x", "en-US", refused())],
            vec![list("x", "en-US", page(&[]))],
            vec![list("x", "en-US", fault("w:TimedOut", 2_150_858_793))],
        ),
        (
            "E18",
            vec![pulled(fault("n:InvalidEnumerationContext", 1))],
            vec![pulled(fault("w:SchemaValidationError", 1))],
            vec![pulled(denied())],
        ),
        ("E19", vec![get("x", not_found())], vec![get("x", found(&vm(2, 3)))], vec![get("x", denied())]),
        (
            "E20",
            vec![query("x", page(&[addresses("<p:InstanceID>a</p:InstanceID>")]))],
            vec![query("x", page(&[addresses("<p:InstanceID xsi:nil='true'/>")]))],
            vec![query("x", page(&[]))],
        ),
        ("E21", vec![query("x", ip("64"))], vec![query("x", ip("ffff::"))], vec![query("x", page(&[addresses("")]))]),
        (
            "E22",
            vec![query("x", resource(&format!("<c:VmID xmlns:c='urn:c'>{VM}</c:VmID>")))],
            vec![query("x", resource("<VALUE>text</VALUE>"))],
            vec![query("x", refused())],
        ),
        ("E23", vec![config(denied()), systems()], Vec::new(), vec![config(found("<x/>")), systems()]),
    ]
}

fn rehearsal_cases() -> Vec<Case> {
    const MAKE: &str = "TestReplicaSystem";
    let schema = || fault("w:SchemaValidationError", 2_150_858_817);
    let typed = |kind: u16| get("Msvm_ConcreteJob", found(&job(&format!("<p:JobType>{kind}</p:JobType>"))));
    let dependents = |answer| query("ASSOCIATORS OF {x} WHERE AssocClass = Msvm_ReplicaSystemDependency", answer);
    let replica = |state| get("Msvm_ComputerSystem", found(&vm(2, state)));
    let gone = || get("Msvm_ComputerSystem", not_found());
    vec![
        ("E02", vec![make(started(MAKE))], vec![make(schema())], vec![make(returned(MAKE, 32775))]),
        ("E24", vec![make(started(MAKE))], vec![make(returned(MAKE, 0))], vec![make(returned(MAKE, 32775))]),
        ("E25", vec![make(started(MAKE)), typed(102)], vec![make(started(MAKE)), typed(97)], vec![make(started(MAKE))]),
        (
            "E26",
            vec![dependents(page(&[vm(3, 0)]))],
            vec![make(started(MAKE)), typed(102), dependents(page(&[]))],
            vec![make(started(MAKE)), dependents(page(&[]))],
        ),
        (
            "E27",
            vec![replica(3), make(started(MAKE)), replica(3)],
            vec![replica(3), make(started(MAKE)), replica(5)],
            vec![replica(3), make(started(MAKE))],
        ),
        (
            "E28",
            vec![remove(started("DestroySystem")), gone()],
            vec![remove(returned("DestroySystem", 32775))],
            vec![remove(started("DestroySystem")), replica(3)],
        ),
    ]
}

fn judged(assumption: &Assumption, messages: Vec<Said>) -> Verdict {
    let messages = said(messages);
    assumption.judge(|_| Ok(&messages), Ok(&messages))
}

#[test]
fn every_judge_tells_all_three_apart() {
    let mut seen = BTreeSet::new();
    // No single answer can refute these: a host may have one language, an account may lack what it was not given.
    let irrefutable = ["E14", "E23"];
    for (id, confirms, refutes, says_nothing) in reading_cases().into_iter().chain(rehearsal_cases()) {
        let assumption = ASSUMPTIONS.iter().find(|assumption| assumption.id == id).unwrap();
        assert!(seen.insert(id), "{id} twice");
        let cases = [(Finding::Confirmed, confirms), (Finding::Refuted, refutes), (Finding::NotSettled, says_nothing)];
        for (due, messages) in cases {
            if due == Finding::Refuted && irrefutable.contains(&id) {
                assert!(messages.is_empty());
                continue;
            }
            let count = messages.len();
            let verdict = judged(assumption, messages);
            assert_eq!(verdict.finding, due, "{id}: {verdict:?}");
            assert!(!verdict.seen.is_empty(), "{id}");
            let is_settled = due != Finding::NotSettled;
            assert_eq!(!verdict.shown_in.is_empty(), is_settled, "{id}: {verdict:?}");
            assert!(verdict.shown_in.iter().all(|number| (1..=count).contains(&usize::try_from(*number).unwrap())));
        }
        // No answer, and no question.
        for messages in [vec![get("x", nothing())], Vec::new()] {
            assert_eq!(judged(assumption, messages).finding, Finding::NotSettled, "{id}");
        }
    }
    for assumption in ASSUMPTIONS {
        let is_judged = !matches!(assumption.shown_by, ShownBy::Failover);
        assert_eq!(seen.contains(assumption.id), is_judged, "{}", assumption.id);
    }
}

#[test]
fn the_reason_is_what_kept_the_host_from_answering() {
    let first = &ASSUMPTIONS[0];
    let reason = |messages: Vec<Said>| judged(first, messages).seen;
    assert_eq!(reason(vec![statistics(1, denied())]), "the account may not ask that: access denied (entry 1)");
    assert!(reason(vec![statistics(1, nothing())]).contains("no SOAP message (HTTP status 503)"));
    assert_eq!(first.judge(|_| Err("the host is gone"), Err("none")).seen, "the host is gone");
    let failover = ASSUMPTIONS.iter().find(|one| matches!(one.shown_by, ShownBy::Failover)).unwrap();
    assert!(judged(failover, Vec::new()).seen.contains("--trace"));
}

#[test]
fn ids_are_in_order_and_every_question_is_asked_for_something() {
    let ids: Vec<_> = ASSUMPTIONS.iter().map(|assumption| assumption.id).collect();
    assert!(ids.is_sorted() && ids.iter().collect::<BTreeSet<_>>().len() == ids.len());
    assert!(ids.iter().all(|id| id.len() == 3 && id.starts_with('E') && id[1..].parse::<u8>().is_ok()));
    // Every question that the fact sheets leave open.
    let open = (1..=10).map(|number| format!("hyperv-replica 10.{number}"));
    for place in open.chain((1..=7).map(|number| format!("wire-facts 17.10.{number}"))) {
        let sheet = place.split(' ').next().unwrap();
        let mut places = ASSUMPTIONS.iter().flat_map(|assumption| {
            let mut sheet = "";
            assumption.reference.split(", ").map(move |part| match part.split_once(' ') {
                Some((named, section)) => {
                    sheet = named;
                    format!("{named} {section}")
                }
                None => format!("{sheet} {part}"),
            })
        });
        assert!(places.any(|known| known == place), "{place} of {sheet} is asked by nothing");
    }
    for question in Question::ALL {
        let asks = |assumption: &Assumption| match assumption.shown_by {
            ShownBy::Reading(questions, _) | ShownBy::Both(questions, _) => questions.contains(question),
            ShownBy::Rehearsal(_) | ShownBy::Failover => false,
        };
        assert!(ASSUMPTIONS.iter().any(asks), "{question:?}");
    }
}

struct Echo;

impl Exchange for Echo {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        Ok(Reply::ok(message.into_bytes()))
    }

    fn address(&self) -> &'static str {
        "http://hv/wsman"
    }
}

#[test]
fn nothing_that_changes_a_host_gets_through() {
    let exchange = ReadOnly::over(Echo);
    let target = || addressing().reference("Msvm_ConcreteJob", SelectorSet::new().with("InstanceID", JOB));
    let changing = ["InitiateFailover", "TestReplicaSystem", "RequestStateChange", "GetEverything", "getErrorEx"];
    let state = Parameter::Value(Value::Unsigned(CimType::Uint16, 4));
    let sent = |bytes: Vec<u8>, action: String| {
        let message = Message::once(action, "uuid:1", bytes, std::time::Duration::from_secs(1));
        let mut sending = std::pin::pin!(exchange.send(message));
        match sending.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("it waits for something"),
        }
    };
    for method in changing {
        let invoke = Invoke::new(target(), method).with("RequestedState", state.clone());
        let error = sent(written(&invoke, "en-US"), invoke.action()).unwrap_err();
        assert_eq!(error.delivery(), Delivery::NotSent, "{method}");
    }
    let content = Representation::Instance { class: "Msvm_X".to_owned(), properties: Vec::new() };
    let put = Put { target: target(), content };
    assert!(sent(written(&put, "en-US"), put.action()).is_err());
    let delete = Delete { target: target() };
    assert!(sent(written(&delete, "en-US"), delete.action()).is_err());
    assert!(sent(b"no envelope".to_vec(), String::new()).is_err());
    let invoke = Invoke::new(target(), "GetErrorEx");
    assert!(sent(written(&invoke, "en-US"), invoke.action()).is_ok());
    let get = Get { target: target() };
    assert!(sent(written(&get, "en-US"), get.action()).is_ok());
}
