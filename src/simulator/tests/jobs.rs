use super::*;

#[test]
fn a_job_without_length_is_done_at_the_first_get() {
    let (simulator, _) = host("");
    let (value_, id) = fail_over(&simulator, "app-db-01");
    assert_eq!(value_, "4096");
    let reply = job(&simulator, &id);
    for (property, expected) in [
        ("JobState", "7"),
        ("PercentComplete", "100"),
        ("ErrorCode", "0"),
        ("ErrorDescription", ""),
        ("JobType", "97"),
        ("Interval", "P0DT0H0M0S"),
    ] {
        assert_eq!(value(&reply, property).as_deref(), Some(expected), "{property}");
    }
    assert_eq!(simulator.with_world(|world| world.vm("app-db-01").unwrap().state), 5);
}

#[test]
fn a_job_goes_by_the_clock_and_acts_when_it_ends() {
    let (simulator, clock) = host("");
    let (_, id) = fail_over(&simulator, "slow-01");
    let state = || simulator.with_world(|world| world.vm("slow-01").unwrap().state);
    let seen = || {
        let reply = job(&simulator, &id);
        (value(&reply, "JobState").unwrap_or_default(), value(&reply, "PercentComplete").unwrap_or_default())
    };
    assert_eq!((seen(), state()), (("4".to_owned(), "0".to_owned()), 12));
    clock.advance(10 * SECOND);
    assert_eq!((seen(), state()), (("4".to_owned(), "25".to_owned()), 12));
    assert_eq!(fail_over(&simulator, "slow-01").0, "32775", "a second call finds the first at work");
    clock.advance(29 * SECOND);
    assert_eq!((seen(), state()), (("4".to_owned(), "97".to_owned()), 12));
    clock.advance(SECOND);
    assert_eq!((seen(), state()), (("7".to_owned(), "100".to_owned()), 5));
    clock.advance(299 * SECOND);
    assert_eq!(seen().0, "7", "kept for five minutes");
    clock.advance(SECOND);
    let envelope = Envelope::get(&format!("{V2}/Msvm_ConcreteJob"), &[("InstanceID", &id)]);
    let gone = refusal(&simulator, &envelope);
    assert_eq!(gone, (500, "Sender DestinationUnreachable".to_owned(), Some(2_150_858_752)));
    assert!(ask(&simulator, &envelope).1.contains("ProviderFault"), "as captured");
    assert_eq!((simulator.taken("InitiateFailover", "slow-01"), state()), (1, 5));
}

#[test]
fn a_failed_job_says_why_and_leaves_the_vm_as_it_was() {
    let (simulator, clock) = host("");
    let (_, id) = fail_over(&simulator, "fail-01");
    clock.advance(3 * SECOND);
    let reply = job(&simulator, &id);
    assert_eq!(value(&reply, "JobState").as_deref(), Some("10"));
    assert_eq!(value(&reply, "ErrorCode").as_deref(), Some("32768"));
    assert!(!value(&reply, "ErrorDescription").unwrap().is_empty());
    assert!(!value(&reply, "ErrorSummaryDescription").unwrap().is_empty());
    let class = format!("{V2}/Msvm_ConcreteJob");
    let body = format!("<p:GetErrorEx_INPUT xmlns:p=\"{class}\"/>");
    let envelope = Envelope::new(&format!("{class}/GetErrorEx"), &class, &[("InstanceID", &id)], &body);
    let (_, reply) = ask(&simulator, &envelope);
    let error = crate::cim::Instance::from_cim_xml(&value(&reply, "Errors").unwrap()).unwrap();
    assert_eq!(error.class().as_str(), "Msvm_Error");
    assert!(!error.text("Message").unwrap().is_empty());
    assert_eq!(simulator.with_world(|world| world.vm("fail-01").unwrap().state), 3);
    assert_eq!(fail_over(&simulator, "fail-01").0, "4096", "it may be tried again");
}

#[test]
fn odd_jobs_show_what_the_script_says() {
    let script = |script: &str| {
        let (simulator, clock) = host(&format!("[[faults]]\non = \"InitiateFailover\"\njob = {script}"));
        let id = fail_over(&simulator, "app-db-01").1;
        clock.advance(30 * SECOND);
        let seen = value(&job(&simulator, &id), "JobState").unwrap_or_default();
        (seen, simulator.with_world(|world| world.vm("app-db-01").unwrap().state))
    };
    assert_eq!(script("{ state = 5 }"), ("5".to_owned(), 12), "suspended for ever");
    assert_eq!(script("{ state = 4242, state_for = \"31s\" }"), ("4242".to_owned(), 12));
    assert_eq!(script("{ state = 4242, state_for = \"29s\" }"), ("7".to_owned(), 5));
    assert_eq!(script("{ warnings = true }"), ("32768".to_owned(), 5));
    assert_eq!(script("{ duration = \"60s\", vanish_after = \"5s\" }"), (String::new(), 12), "gone, still at work");
    assert_eq!(script("{ duration = \"20s\", vanish_after = \"5s\" }"), (String::new(), 5), "gone, and done");
}

#[test]
fn percent_may_be_null_and_a_call_may_be_done_at_once() {
    let (simulator, _) =
        host("[[faults]]\non = \"InitiateFailover\"\njob = { duration = \"9s\", percent_null = true }");
    let reply = job(&simulator, &fail_over(&simulator, "app-db-01").1);
    assert!(reply.contains("<p:PercentComplete xsi:nil=\"true\"/>"), "{reply}");
    let (simulator, _) = host("[job]\nsynchronous = true");
    let (_, reply) = ask(&simulator, &Envelope::failover(&computer(&simulator, "app-db-01")));
    assert_eq!(value(&reply, "ReturnValue").as_deref(), Some("0"));
    assert!(reply.contains("<p:Job xsi:nil=\"true\"/>"), "{reply}");
}

/// Failover, undo, failover, start, commit: each allowed only in its state.
#[test]
fn the_states_of_a_replica_follow_its_methods() {
    let (simulator, _) = host("");
    let call = |class: &str, method: &str, keys: &[(&'static str, &str)], parameters: &str| {
        let class = format!("{V2}/{class}");
        let body = format!("<p:{method}_INPUT xmlns:p=\"{class}\">{parameters}</p:{method}_INPUT>");
        let (_, reply) = ask(&simulator, &Envelope::new(&format!("{class}/{method}"), &class, keys, &body));
        value(&reply, "ReturnValue").unwrap()
    };
    let vm = computer(&simulator, "app-db-01");
    let id = vm_id(&simulator, "app-db-01");
    let service = |method: &str| {
        call("Msvm_ReplicationService", method, &[("CreationClassName", "Msvm_ReplicationService")], &vm)
    };
    // Seen on a live host: an Invoke takes a VM by Name alone, where a Get does not.
    let power = |state: &str| {
        let parameter = format!("<p:RequestedState>{state}</p:RequestedState>");
        call("Msvm_ComputerSystem", "RequestStateChange", &[("Name", &id)], &parameter)
    };
    let seen = || simulator.with_world(|w| w.vm("app-db-01").map(|vm| (vm.state, vm.enabled_state)).unwrap());
    assert_eq!(service("CommitFailover"), "32775");
    assert_eq!(service("RevertFailover"), "32775");
    assert_eq!(power("2"), "32775", "a replica stays off");
    assert_eq!(service("InitiateFailover"), "4096");
    assert_eq!((service("RevertFailover").as_str(), seen()), ("4096", (3, 3)));
    assert_eq!((service("InitiateFailover").as_str(), seen()), ("4096", (5, 3)));
    assert_eq!((power("2").as_str(), seen()), ("4096", (5, 2)));
    assert_eq!(service("RevertFailover"), "32775", "while it runs");
    assert_eq!(power("32768"), "32775", "a value of the old interface");
    assert_eq!((service("CommitFailover").as_str(), seen()), ("4096", (6, 2)));
    assert!(simulator.with_world(|w| w.vm("app-db-01").unwrap().points.is_empty()));
    assert_eq!((power("3").as_str(), seen()), ("4096", (6, 3)));
}

#[test]
fn a_restart_forgets_jobs_and_enumerations_and_keeps_the_vms() {
    let (simulator, clock) = host("[[faults]]\non = \"Get Msvm_ConcreteJob\"\nrestart = true");
    let begun = Envelope::new(ENUMERATE, &format!("{CIMV2}/Demo_Item"), &[], "<n:Enumerate/>");
    ask(&simulator, &begun);
    assert_eq!(simulator.open_enumerations(), 1);
    let (_, id) = fail_over(&simulator, "slow-01");
    let envelope = Envelope::get(&format!("{V2}/Msvm_ConcreteJob"), &[("InstanceID", &id)]);
    assert!(matches!(simulator.handle(envelope.text().as_bytes()).end, End::Cut { .. }));
    assert_eq!(simulator.open_enumerations(), 0);
    assert_eq!(refusal(&simulator, &envelope).1, "Sender DestinationUnreachable");
    clock.advance(41 * SECOND);
    assert_eq!(simulator.with_world(|world| world.vm("slow-01").unwrap().state), 5, "the work went on");
}

#[test]
fn ids_repeat_with_a_seed_and_differ_without() {
    let id = |scenario: &str| fail_over(&host(scenario).0, "app-db-01").1;
    assert_eq!(id("seed = 7"), id("seed = 7"));
    assert_ne!(id("seed = 7"), id("seed = 8"));
    assert_ne!(id(""), id(""));
}
