//! Guests that shut down, late or not at all, and jobs that are ended.

use super::*;

const GUESTS: &str = "
    [[vms]]
    name = \"slow\"
    mode = 1
    enabled = 2
    guest = { shutdown = \"30s\" }
    [[vms]]
    name = \"deaf\"
    mode = 1
    enabled = 2
    guest = { shutdown = \"ignored\" }
    [[vms]]
    name = \"bare\"
    mode = 1
    enabled = 2
    guest = { ready = false }
    [[vms]]
    name = \"locked\"
    mode = 1
    enabled = 2
    guest = { locked = true }";

/// InitiateShutdown of the component of a VM.
fn shut_down(simulator: &Simulator, vm: &str, parameters: &str) -> String {
    let id = vm_id(simulator, vm);
    let keys = [("CreationClassName", "Msvm_ShutdownComponent"), ("SystemName", id.as_str())];
    returned(simulator, &call("Msvm_ShutdownComponent", &keys, "InitiateShutdown", parameters))
}

const GENTLY: &str = "<p:Force>false</p:Force><p:Reason>planned failover</p:Reason>";
const FORCED: &str = "<p:Force>true</p:Force><p:Reason>planned failover</p:Reason>";

#[test]
fn a_guest_is_off_when_it_has_shut_down() {
    let (simulator, clock) = host(GUESTS);
    assert_eq!(power(&simulator, "slow", 4), "4096");
    assert_eq!(power(&simulator, "slow", 4), "32775", "it is at it");
    clock.advance(29 * SECOND);
    assert_eq!(seen(&simulator, "slow"), (1, 3, 4));
    clock.advance(SECOND);
    assert_eq!(seen(&simulator, "slow"), (1, 3, 3));
    assert_eq!(power(&simulator, "slow", 4), "32775", "it is off");
}

#[test]
fn a_guest_may_take_the_request_and_do_nothing() {
    let (simulator, clock) = host(GUESTS);
    let id = vm_id(&simulator, "deaf");
    let keys = [("CreationClassName", "Msvm_ComputerSystem"), ("Name", id.as_str())];
    let request = call("Msvm_ComputerSystem", &keys, "RequestStateChange", "<p:RequestedState>4</p:RequestedState>");
    let reply = answer(&simulator, &request);
    clock.advance(60 * SECOND);
    let job = job(&simulator, &value(&reply, "Selector").unwrap());
    assert_eq!(value(&job, "JobState").as_deref(), Some("7"), "the request was handed on");
    assert_eq!(seen(&simulator, "deaf"), (1, 3, 2), "the guest runs on");
    assert_eq!(power(&simulator, "deaf", 3), "4096");
    assert_eq!(seen(&simulator, "deaf"), (1, 3, 3));
}

/// A guest takes its time also where methods are done at once.
#[test]
fn a_guest_is_not_off_because_there_is_no_job() {
    let (simulator, clock) = host(&format!("[job]\nsynchronous = true\n{GUESTS}"));
    assert_eq!(power(&simulator, "slow", 4), "0");
    assert_eq!(seen(&simulator, "slow"), (1, 3, 4));
    clock.advance(30 * SECOND);
    assert_eq!(seen(&simulator, "slow"), (1, 3, 3));
}

/// Power off does not wait for a guest that takes its time.
#[test]
fn a_slow_guest_can_be_turned_off() {
    let (simulator, clock) = host(GUESTS);
    assert_eq!(power(&simulator, "slow", 4), "4096");
    clock.advance(SECOND);
    assert_eq!(power(&simulator, "slow", 3), "4096");
    assert_eq!(seen(&simulator, "slow"), (1, 3, 3));
    clock.advance(60 * SECOND);
    assert_eq!(seen(&simulator, "slow"), (1, 3, 3));

    // Where that fails, the guest runs on.
    let (simulator, clock) =
        host(&format!("{GUESTS}\n[[faults]]\non = \"RequestStateChange\"\nnth = 2\njob = {{ error = 32768 }}"));
    assert_eq!((power(&simulator, "slow", 4), power(&simulator, "slow", 3)), ("4096".to_owned(), "4096".to_owned()));
    clock.advance(60 * SECOND);
    assert_eq!(seen(&simulator, "slow"), (1, 3, 2));
}

#[test]
fn the_shutdown_component_has_codes_of_its_own() {
    let (simulator, clock) = host(GUESTS);
    assert_eq!(shut_down(&simulator, "slow", "<p:Force>false</p:Force>"), "32773", "without a reason");
    assert_eq!(shut_down(&simulator, "slow", GENTLY), "0");
    assert_eq!(shut_down(&simulator, "slow", GENTLY), "32782", "in progress");
    clock.advance(30 * SECOND);
    assert_eq!(seen(&simulator, "slow"), (1, 3, 3));
    assert_eq!(shut_down(&simulator, "bare", GENTLY), "32780");
    assert_eq!(power(&simulator, "bare", 4), "32775");
    assert_eq!(shut_down(&simulator, "locked", GENTLY), "32781");
    assert_eq!(shut_down(&simulator, "locked", FORCED), "0");
    assert_eq!(seen(&simulator, "locked"), (1, 3, 3));
    assert_eq!(shut_down(&simulator, "deaf", GENTLY), "0");
    clock.advance(600 * SECOND);
    assert_eq!(seen(&simulator, "deaf"), (1, 3, 2));
    let id = vm_id(&simulator, "slow");
    let keys = [("CreationClassName", "Msvm_ShutdownComponent"), ("SystemName", id.as_str())];
    let off = call("Msvm_ShutdownComponent", &keys, "InitiateShutdown", GENTLY);
    assert_eq!(refusal(&simulator, &off).1, "Sender DestinationUnreachable", "a VM that is off has none");
    let counted =
        simulator.with_world(|world| ["slow", "locked", "deaf", "bare"].map(|vm| world.taken("InitiateShutdown", vm)));
    assert_eq!(counted, [1, 1, 1, 0]);
    assert!(simulator.history().iter().all(|taken| taken.job_type.is_none()));
    let reply = answer(
        &simulator,
        &call("Msvm_ShutdownComponent", &[("SystemName", &vm_id(&simulator, "deaf"))], "InitiateShutdown", GENTLY),
    );
    assert!(!reply.contains("Job"), "it has no such parameter: {reply}");
}

#[test]
fn a_job_ends_before_its_time_only_where_it_can() {
    let (simulator, clock) = host(
        "[[vms]]\nname = \"can\"\njob = { duration = \"60s\", cancellable = true }\n\
         [[vms]]\nname = \"cannot\"\njob = { duration = \"60s\" }",
    );
    let end = |id: &str, state: u16| {
        let parameters = format!("<p:RequestedState>{state}</p:RequestedState>");
        let envelope = call("Msvm_ConcreteJob", &[("InstanceID", id)], "RequestStateChange", &parameters);
        returned(&simulator, &envelope)
    };
    let (_, can) = fail_over(&simulator, "can");
    let (_, cannot) = fail_over(&simulator, "cannot");
    clock.advance(20 * SECOND);
    let shown = |id: &str, name: &str| value(&job(&simulator, id), name).unwrap();
    assert_eq!((shown(&can, "Cancellable"), shown(&cannot, "Cancellable")), ("true".into(), "false".into()));
    assert_eq!(end(&can, 3), "1", "not supported");
    assert_eq!(end(&can, 42), "5", "no such state");
    assert_eq!(end(&cannot, 4), "4097");
    assert_eq!(end(&can, 4), "0");
    assert_eq!(shown(&can, "JobState"), "8");
    assert_eq!(shown(&can, "Cancellable"), "false");
    assert_eq!(seen(&simulator, "can"), (2, 3, 3), "its work is undone");
    assert_eq!(end(&can, 4), "4097", "it is over");
    clock.advance(60 * SECOND);
    assert_eq!((seen(&simulator, "can"), seen(&simulator, "cannot")), ((2, 3, 3), (2, 5, 3)));
    assert_eq!(end(&cannot, 4), "4097");
    assert_eq!(fail_over(&simulator, "can").0, "4096", "it may be tried again");
}
