//! What Windows refuses, the simulated host refuses too; and what it shows is counted.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::hyperv::{Host, VmSelector};
use crate::wsman::{
    ClassAddressing, Client, Enumerate, EnumerationMode, Exchange, Fault, Filter, Identify, Invoke, Message, Operation,
    Parameter, Reply, ReplyError, SelectorSet,
};

const READY: &str = "168AFEE0-E0C0-4C6C-8E3F-D46352E7D11D";

fn simulator(scenario: &str) -> (Arc<Simulator>, VirtualClock) {
    let clock = VirtualClock::new();
    (Simulator::with_clock(Scenario::from_toml(scenario).unwrap(), clock.clone()), clock)
}

fn client(simulator: &Arc<Simulator>) -> Client<InProcess> {
    let ids = || format!("uuid:{}", uuid::Uuid::new_v4());
    Client::new(InProcess::new(simulator.clone()), ClassAddressing::microsoft("root/virtualization/v2"), ids)
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Sends an envelope as it is; gives status and fault.
fn post(simulator: &Arc<Simulator>, envelope: Vec<u8>) -> (u16, Option<Fault>) {
    let exchange = InProcess::new(simulator.clone());
    let message = Message::once("urn:x", "uuid:1", envelope, Duration::from_secs(10));
    let Reply { status, bytes, .. } = wait(exchange.send(message)).unwrap();
    match Identify.read(bytes, "") {
        Err(ReplyError::Fault(fault)) => (status, Some(*fault)),
        _ => (status, None),
    }
}

/// The envelope of an operation with a part of its text changed.
fn changed(client: &Client<InProcess>, operation: &impl Operation, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(client.envelope(operation).unwrap()).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    text.replace(from, to).into_bytes()
}

fn subcode(fault: &Option<Fault>) -> &str {
    let fault = fault.as_ref().expect("a fault");
    fault.soap.subcode.as_ref().map_or(fault.soap.code.as_str(), |(_, local)| local)
}

#[test]
fn headers_are_checked_as_windows_checks_them() {
    let (simulator, _) = simulator("");
    let client = client(&simulator);
    let enumerate = Enumerate::new(client.addressing().class("Msvm_ComputerSystem"));
    for (from, to, expected) in [
        ("<a:ReplyTo>", "<a:From>", "MessageInformationHeaderRequired"),
        ("addressing/role/anonymous", "addressing/role/none", "UnsupportedFeature"),
        (">512000<", ">8191<", "EncodingLimit"),
        (
            "<w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"",
            "<w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"true\"",
            "UnsupportedFeature",
        ),
        (
            "<pm:DataLocale xml:lang=\"en-US\" s:mustUnderstand=\"false\"",
            "<pm:DataLocale xml:lang=\"en-US\" s:mustUnderstand=\"true\"",
            "UnsupportedFeature",
        ),
        (
            "<a:MessageID>",
            "<pm:OperationID s:mustUnderstand=\"true\">uuid:5</pm:OperationID><a:MessageID>",
            "MustUnderstand",
        ),
        ("root/virtualization/v2/", "root/virtualization/v9/", "DestinationUnreachable"),
        ("/Msvm_ComputerSystem<", "/Msvm_Nothing<", "DestinationUnreachable"),
        ("http://schemas.microsoft.com/wbem/wsman/1/wmi/root", "http://example.test/root", "DestinationUnreachable"),
        ("enumeration/Enumerate<", "enumeration/Renumerate<", "ActionNotSupported"),
        (
            "</w:OperationTimeout>",
            "</w:OperationTimeout><w:SelectorSet><w:Selector Name=\"__cimnamespace\">root/cimv2</w:Selector></w:SelectorSet>",
            "InternalError",
        ),
    ] {
        let mut envelope = changed(&client, &enumerate, from, to);
        if from == "<a:ReplyTo>" {
            envelope = String::from_utf8(envelope).unwrap().replace("</a:ReplyTo>", "</a:From>").into_bytes();
        }
        let (status, fault) = post(&simulator, envelope);
        assert_eq!((status, subcode(&fault)), (500, expected), "{from} -> {to}");
    }
    let empty = changed(&client, &enumerate, "<a:MessageID>uuid:", "<a:MessageID><!--");
    let empty = String::from_utf8(empty).unwrap().replace("</a:MessageID>", "--></a:MessageID>").into_bytes();
    assert_eq!(subcode(&post(&simulator, empty).1), "InvalidMessageInformationHeader");
}

#[test]
fn keys_and_queries_are_judged() {
    let (simulator, _) = simulator("");
    let client = client(&simulator);
    let get = |keys| wait(client.get(client.addressing().reference("Msvm_ComputerSystem", keys)));
    let both = SelectorSet::new().with("creationclassname", "MSVM_COMPUTERSYSTEM").with("NAME", READY.to_lowercase());
    assert!(get(both).is_ok(), "keys are matched without case");
    for (keys, expected) in [
        (SelectorSet::new().with("Name", READY), "DestinationUnreachable"),
        (SelectorSet::new().with("CreationClassName", "Msvm_ComputerSystem").with("Nome", READY), "InvalidSelectors"),
        (
            SelectorSet::new().with("CreationClassName", "Msvm_ComputerSystem").with("Name", "x"),
            "DestinationUnreachable",
        ),
    ] {
        let error = get(keys).unwrap_err();
        assert_eq!(subcode(&error.fault().cloned()), expected);
    }
    let query = |resource, text: &str| {
        let enumerate = Enumerate::new(resource).filter(Filter::wql(text));
        wait(client.enumerate(enumerate).pages()).map(|pages| pages.iter().flat_map(|page| page.items()).count())
    };
    let addressing = client.addressing();
    let all = "SELECT * FROM Msvm_ComputerSystem";
    assert_eq!(query(addressing.all_classes(), all).unwrap(), 16, "15 VMs and the host");
    assert!(query(addressing.class("Msvm_ComputerSystem"), all).unwrap_err().fault().unwrap().is_filter_refused());
    for bad in [
        "SELECT",
        "SELECT * FROM Msvm_Nothing",
        "SELECT * FROM Msvm_ComputerSystem WHERE",
        "DROP",
        "ASSOCIATORS OF {x}",
    ] {
        assert!(query(addressing.all_classes(), bad).unwrap_err().fault().unwrap().is_filter_refused(), "{bad}");
    }
}

#[test]
fn a_call_is_checked_against_the_class() {
    let (simulator, _) = simulator("");
    let client = client(&simulator);
    let addressing = client.addressing();
    let service = |keys| addressing.reference("Msvm_ReplicationService", keys);
    let short = SelectorSet::new().with("CreationClassName", "Msvm_ReplicationService");
    let vm = SelectorSet::new().with("CreationClassName", "Msvm_ComputerSystem").with("Name", READY);
    let call = |keys| {
        Invoke::new(service(keys), "InitiateFailover")
            .with("ComputerSystem", Parameter::Reference(addressing.reference("Msvm_ComputerSystem", vm.clone())))
    };
    let wrong = |envelope| subcode(&post(&simulator, envelope).1).to_owned();
    let good = call(short.clone());
    assert_eq!(wrong(client.envelope(&call(SelectorSet::new())).unwrap()), "InternalError");
    assert_eq!(wrong(changed(&client, &good, "p:ComputerSystem", "p:computersystem")), "SchemaValidationError");
    let wrapped = changed(&client, &good, "<p:ComputerSystem>", "<p:ComputerSystem><a:EndpointReference>");
    let wrapped =
        String::from_utf8(wrapped).unwrap().replace("</p:ComputerSystem>", "</a:EndpointReference></p:ComputerSystem>");
    assert_eq!(wrong(wrapped.into_bytes()), "SchemaValidationError");
    assert_eq!(wrong(changed(&client, &good, "InitiateFailover", "InitiateNothing")), "ActionNotSupported");
    assert_eq!(simulator.taken("InitiateFailover", READY), 0);
    let output = wait(client.invoke(&good)).unwrap();
    assert_eq!(output.return_value().unwrap(), Some(4096));
    let again = wait(client.invoke(&good)).unwrap();
    assert_eq!(again.return_value().unwrap(), Some(32775), "in progress, or failed over already");
    assert_eq!(simulator.taken("InitiateFailover", READY), 1);
}

#[test]
fn a_job_lives_and_is_forgotten() {
    let (simulator, clock) = simulator("[job]\nduration = \"100s\"");
    let host = Host::new(client(&simulator));
    let id = READY.parse().unwrap();
    let invoked = wait(host.initiate_failover(&crate::hyperv::ServiceKeys::Short, &id, None)).unwrap();
    let crate::hyperv::Invoked::Started(job) = invoked else { panic!("{invoked:?}") };
    let look = || wait(host.job(&job)).unwrap();
    let state = || wait(host.vm(&id)).unwrap().unwrap().state.value();
    assert_eq!((look().unwrap().state.value(), look().unwrap().percent, state()), (4, Some(0), 12));
    clock.advance(Duration::from_secs(60));
    assert_eq!((look().unwrap().percent, state()), (Some(60), 12));
    assert_eq!(wait(host.jobs_of(&id)).unwrap().len(), 1);
    clock.advance(Duration::from_secs(40));
    assert_eq!((look().unwrap().state.value(), state()), (7, 5));
    clock.advance(Duration::from_secs(299));
    assert!(look().is_some());
    clock.advance(Duration::from_secs(2));
    assert!(look().is_none(), "a finished job is kept for five minutes");
    assert!(wait(host.jobs_of(&id)).unwrap().is_empty());
}

#[test]
fn enumerations_come_as_recorded() {
    let (simulator, clock) = simulator("");
    let client = client(&simulator);
    // Plain: a context only, then one item for each Pull without MaxElements.
    let plain = Enumerate { optimize: false, ..Enumerate::new(client.addressing().class("Msvm_ReplicationService")) };
    let pages = wait(client.enumerate(plain).pages()).unwrap();
    assert_eq!(pages.iter().map(|page| page.items().count()).collect::<Vec<_>>(), [0, 1]);
    // References and both.
    for mode in [EnumerationMode::Reference, EnumerationMode::ObjectAndReference] {
        let pages = wait(
            client.enumerate(Enumerate::new(client.addressing().class("Msvm_ReplicationService")).mode(mode)).pages(),
        );
        let pages = pages.unwrap();
        let item = pages[0].items().next().unwrap();
        assert_eq!(item.reference().unwrap().selectors.len(), 4);
        assert_eq!(item.instance.is_some(), mode == EnumerationMode::ObjectAndReference);
    }
    // A context is used up by a Pull, and by time.
    let mut limits = crate::wsman::Limits::default();
    limits.max_elements = 2;
    let client = client.with_limits(limits);
    let mut open = client.all("Msvm_ComputerSystem");
    wait(open.next_page()).unwrap();
    assert_eq!(simulator.open_enumerations(), 1);
    clock.advance(Duration::from_secs(61));
    assert!(wait(open.next_page()).unwrap_err().fault().unwrap().is_context_expired());
    let mut open = client.all("Msvm_ComputerSystem");
    wait(open.next_page()).unwrap();
    wait(open.release()).unwrap();
    assert_eq!(simulator.open_enumerations(), 0);
}

#[test]
fn texts_come_in_the_language_of_the_host() {
    let (simulator, _) = simulator("language = \"ja-JP\"");
    let client = client(&simulator);
    let error = wait(client.get(client.addressing().reference("Msvm_Nothing", SelectorSet::new()))).unwrap_err();
    assert_eq!(error.fault().unwrap().soap.reasons[0].language, "ja-JP");
    assert!(error.fault().unwrap().is_not_found(), "the number tells, whatever the language");
    let host = Host::new(client);
    let found = wait(host.find_vm(&VmSelector::Name("bücher-データ".to_owned()))).unwrap();
    assert!(matches!(found, crate::hyperv::LookedUp::One(_)));
}

#[test]
fn scenarios_are_read_strictly() {
    for (text, expected) in [
        ("dialekt = \"windows\"", "dialekt"),
        ("computer = \"NAME WITH BLANK\"", "NetBIOS"),
        ("[[vms]]\nname = \"\"", "empty"),
        ("[[vms]]\nname = \"x\"\nid = \"y\"", "GUID"),
        ("[[faults]]\non = \"Get\"", "exactly one"),
        ("[[faults]]\non = \"Get\"\nstatus = 503\nhang = true", "exactly one"),
        ("[[faults]]\non = \"Get\"\ncut = \"body\"", "\"*\""),
        ("[job]\nduration = \"5 minutes\"", "40s"),
    ] {
        let error = Scenario::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/scenarios");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        Scenario::from_toml(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{path:?}: {error}"));
        seen += 1;
    }
    assert!(seen >= 5);
}
