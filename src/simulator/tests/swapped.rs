//! Answers that are not the host's, and requests that reach it late.

use super::*;
use crate::simulator::faults::Swapped;

const LATE: &str = "[[faults]]\non = \"InitiateFailover\"\nstatus = 503\npage = \"html\"\nlate = \"5s\"";

fn swapped(simulator: &Simulator, envelope: &Envelope) -> Swapped {
    match simulator.handle(envelope.text().as_bytes()).end {
        End::Swapped(swapped) => swapped,
        other => panic!("{other:?}"),
    }
}

fn failover(simulator: &Simulator) -> Envelope {
    Envelope::failover(&computer(simulator, "app-db-01"))
}

/// RelatesTo and the local name of what is in the body.
fn said(body: &[u8]) -> (Option<String>, String) {
    let document = Document::parse(std::str::from_utf8(body).unwrap()).unwrap();
    let envelope = crate::soap::Envelope::of(&document).unwrap();
    (envelope.relates_to().map(str::to_owned), envelope.payload().unwrap().local().to_owned())
}

#[test]
fn a_page_comes_with_its_status_and_the_work_is_done_or_not() {
    for (words, status, kind, taken) in [
        ("status = 302", 302, None, 0),
        ("status = 503\ntaken = true", 503, None, 1),
        ("status = 502\npage = \"html\"\ntaken = true", 502, Some("text/html"), 1),
        ("status = 200\npage = \"html\"", 200, Some("text/html"), 0),
        ("status = 500\npage = \"fault\"\ntaken = true", 500, Some("application/soap+xml;charset=UTF-8"), 1),
        ("status = 200\npage = \"success\"", 200, Some("application/soap+xml;charset=UTF-8"), 0),
    ] {
        let (simulator, _) = host(&format!("[[faults]]\non = \"InitiateFailover\"\n{words}"));
        let answer = swapped(&simulator, &failover(&simulator));
        assert_eq!((answer.status, answer.content_type), (status, kind), "{words}");
        assert_eq!(answer.body.is_empty(), kind.is_none(), "{words}");
        assert_eq!(simulator.taken("InitiateFailover", "app-db-01"), taken, "{words}");
    }
}

#[test]
fn a_forged_answer_says_what_it_answers() {
    let name = "InitiateFailover_OUTPUT";
    for (words, relates, local) in [
        ("page = \"fault\"", Some(THIS), "Fault"),
        ("page = \"fault\"\nfault = \"NotFound\"\nrelates = \"other\"", Some(OTHER), "Fault"),
        ("page = \"fault\"\nrelates = \"nothing\"", None, "Fault"),
        ("page = \"success\"", Some(THIS), name),
        ("page = \"success\"\nrelates = \"other\"", Some(OTHER), name),
        ("page = \"success\"\nrelates = \"nothing\"", None, name),
    ] {
        let (simulator, _) = host(&format!("[[faults]]\non = \"InitiateFailover\"\nstatus = 200\n{words}"));
        let answer = swapped(&simulator, &failover(&simulator));
        assert_eq!(said(&answer.body), (relates.map(str::to_owned), local.to_owned()), "{words}");
    }
    let (simulator, _) =
        host("[[faults]]\non = \"InitiateFailover\"\nstatus = 500\npage = \"fault\"\nfault = \"NotFound\"");
    let answer = swapped(&simulator, &failover(&simulator));
    let document = Document::parse(std::str::from_utf8(&answer.body).unwrap()).unwrap();
    let fault = crate::soap::Envelope::of(&document).unwrap().payload().and_then(Fault::read).unwrap();
    assert!(fault.is_not_found());
}

#[test]
fn a_forged_answer_to_a_request_that_reads_shows_what_the_host_shows() {
    let (simulator, _) = host("[[faults]]\non = \"Identify\"\nstatus = 200\npage = \"success\"");
    let identify = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header/><s:Body>\
                    <i:Identify xmlns:i=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\"/>\
                    </s:Body></s:Envelope>";
    let End::Swapped(answer) = simulator.handle(identify.as_bytes()).end else { panic!() };
    assert!(String::from_utf8(answer.body).unwrap().contains("ProductVendor"));
}

#[test]
fn a_late_request_is_taken_at_its_time_and_once() {
    let (simulator, clock) = host(LATE);
    let begun = simulator.clock().now();
    assert_eq!(swapped(&simulator, &failover(&simulator)).status, 503);
    clock.advance(Duration::from_millis(4999));
    assert_eq!(simulator.taken("InitiateFailover", "app-db-01"), 0);
    clock.advance(Duration::from_secs(60));
    let history = simulator.history();
    assert_eq!(history.len(), 1);
    // Its job has begun then, too.
    assert_eq!((history[0].at, history[0].message_id.as_str()), (begun + Duration::from_secs(5), THIS));
    assert_eq!(simulator.with_world(|world| world.vm("app-db-01").unwrap().state), 5);
    assert_eq!(simulator.requests()["InitiateFailover"], 1);
}

#[test]
fn what_arrives_at_one_host_of_a_pair_shows_on_the_other() {
    let prepare = "[primary]\nfaults = [{ on = \"RequestReplicationStateChangeEx\", hang = true, late = \"3s\" }]";
    let (pair, clock) = pair(prepare);
    let vm = vm_id(&pair.primary, "app-db-01");
    pair.primary.with_world(|world| world.vm_mut("app-db-01").unwrap().enabled_state = 3);
    let keys = [("CreationClassName", "Msvm_ComputerSystem"), ("Name", vm.as_str())];
    let state = "<p:RequestedState>4</p:RequestedState>";
    let envelope = call("Msvm_ComputerSystem", &keys, "RequestReplicationStateChangeEx", state);
    assert!(matches!(pair.primary.handle(envelope.text().as_bytes()).end, End::Hang));
    clock.advance(Duration::from_secs(60));
    // Whoever looks first, at whichever host.
    pair.replica.with_world(|_| ());
    assert_eq!(pair.primary.with_world(|world| world.vm("app-db-01").unwrap().state), 4);
}

#[test]
fn what_has_not_happened_when_it_is_calm_does_not_happen() {
    let (simulator, clock) = host(&format!("{LATE}\n[[faults]]\non = \"Get\"\nstatus = 502\ntimes = 0"));
    swapped(&simulator, &failover(&simulator));
    simulator.calm();
    let get = Envelope::get(&format!("{V2}/Msvm_ComputerSystem"), &[("Name", "x")]);
    assert!(matches!(simulator.handle(get.text().as_bytes()).end, End::Reply { .. }));
    clock.advance(Duration::from_secs(6));
    assert_eq!(simulator.taken("InitiateFailover", "app-db-01"), 1);
}

const THIS: &str = "uuid:11111111-2222-4333-8444-555555555555";
const OTHER: &str = "uuid:00000000-0000-0000-0000-000000000000";
