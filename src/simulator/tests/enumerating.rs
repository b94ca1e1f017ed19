use super::*;

const WQL: &str = "http://schemas.microsoft.com/wbem/wsman/1/WQL";

fn demo(body: &str) -> Envelope {
    Envelope::new(ENUMERATE, &format!("{CIMV2}/Demo_Item"), &[], body)
}

fn pull(context: &str, more: &str) -> Envelope {
    let body = format!("<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext>{more}</n:Pull>");
    Envelope::new(PULL, &format!("{CIMV2}/Demo_Item"), &[], &body)
}

fn query(text: &str, mode: &str) -> Envelope {
    let text = text.replace('<', "&lt;");
    let body = format!(
        "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>50</w:MaxElements>{mode}\
         <w:Filter Dialect=\"{WQL}\">{text}</w:Filter></n:Enumerate>"
    );
    Envelope::new(ENUMERATE, &format!("{V2}/*"), &[], &body)
}

fn items(reply: &str) -> usize {
    reply.matches("</p:Demo_Item>").count()
}

fn context(reply: &str) -> String {
    value(reply, "EnumerationContext").unwrap_or_default()
}

#[test]
fn a_plain_enumeration_brings_a_context_and_one_item_each_pull() {
    let (simulator, _) = host("demo_items = 3");
    let (_, reply) = ask(&simulator, &demo("<n:Enumerate/>"));
    assert!(!reply.contains("Items") && !reply.contains("EndOfSequence"), "{reply}");
    let mut seen = vec![context(&reply)];
    for place in 1..=3 {
        let (_, reply) = ask(&simulator, &pull(seen.last().unwrap(), ""));
        assert_eq!(items(&reply), 1);
        assert_eq!(reply.contains("<n:EndOfSequence/>"), place == 3, "the last item and the end share a reply");
        seen.push(context(&reply));
    }
    assert_eq!(seen.pop().as_deref(), Some(""), "no context at the end");
    seen.dedup();
    assert_eq!(seen.len(), 3, "a new context each time");
    let used = refusal(&simulator, &pull(&seen[0], ""));
    assert_eq!(used, (500, "Receiver InvalidEnumerationContext".to_owned(), Some(2_150_858_779)));
}

#[test]
fn every_page_fits_the_envelope_and_leaves_no_room_for_another_item() {
    let (simulator, _) = host("demo_items = 1000");
    let mut envelope = demo("<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>32000</w:MaxElements></n:Enumerate>");
    envelope.size = "51200";
    let (mut count, mut pages) = (0, 0);
    loop {
        let (status, reply) = ask(&simulator, &envelope);
        assert_eq!(status, 200, "{reply}");
        assert!(reply.len() <= 51_200, "{}", reply.len());
        count += items(&reply);
        pages += 1;
        if reply.contains("EndOfSequence") {
            break;
        }
        let one = reply.len() / items(&reply);
        assert!(reply.len() + 2 * one + 2048 > 51_200, "page {pages} has room for two more items");
        envelope = Envelope { size: "51200", ..pull(&context(&reply), "<n:MaxElements>32000</n:MaxElements>") };
    }
    assert_eq!(count, 1000);
    assert_eq!(simulator.open_enumerations(), 0);
    assert_eq!(simulator.requests().values().sum::<usize>(), pages);
}

/// No page and no list of 200,000 instances is ever held: what is held is a number.
#[test]
fn a_large_class_is_made_page_by_page() {
    let (simulator, _) = host("demo_items = 18446744073709551615");
    let (_, reply) =
        ask(&simulator, &demo("<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>7</w:MaxElements></n:Enumerate>"));
    assert_eq!(items(&reply), 7);
    assert!(!context(&reply).is_empty());
}

#[test]
fn an_idle_or_released_enumeration_is_gone() {
    let (simulator, clock) = host("");
    let begin = || context(&ask(&simulator, &demo("<n:Enumerate/>")).1);
    let first = begin();
    clock.advance(59 * SECOND);
    let (status, reply) = ask(&simulator, &pull(&first, ""));
    assert_eq!(status, 200, "{reply}");
    clock.advance(61 * SECOND);
    assert_eq!(refusal(&simulator, &pull(&context(&reply), "")).1, "Receiver InvalidEnumerationContext");
    let second = begin();
    let action = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Release";
    let body = format!("<n:Release><n:EnumerationContext>{second}</n:EnumerationContext></n:Release>");
    let release = Envelope::new(action, &format!("{CIMV2}/Demo_Item"), &[], &body);
    assert_eq!(ask(&simulator, &release).0, 200);
    assert_eq!(refusal(&simulator, &release).1, "Receiver InvalidEnumerationContext");
}

#[test]
fn too_many_enumerations_are_refused() {
    let (simulator, _) = host("max_enumerations = 2");
    for _ in 0..2 {
        assert_eq!(ask(&simulator, &demo("<n:Enumerate/>")).0, 200);
    }
    assert_eq!(
        refusal(&simulator, &demo("<n:Enumerate/>")),
        (500, "Receiver InternalError".to_owned(), Some(2_150_859_174))
    );
}

#[test]
fn an_instance_larger_than_the_envelope_is_a_fault() {
    let (simulator, _) = host("");
    let name = "x".repeat(100);
    simulator.with_world(|world| world.vm_mut("app-db-01").unwrap().name = name.repeat(100));
    let id = vm_id(&simulator, &name.repeat(100));
    let mut envelope = Envelope::get(
        &format!("{V2}/Msvm_ComputerSystem"),
        &[("CreationClassName", "Msvm_ComputerSystem"), ("Name", &id)],
    );
    assert_eq!(ask(&simulator, &envelope).0, 200);
    envelope.size = "8192";
    assert_eq!(refusal(&simulator, &envelope).1, "Sender EncodingLimit");
}

#[test]
fn a_query_goes_to_all_classes_alone() {
    let (simulator, _) = host("");
    let good = query("SELECT * FROM Msvm_ComputerSystem WHERE ElementName = 'app-db-01'", "");
    let (_, reply) = ask(&simulator, &good);
    assert_eq!(value(&reply, "ElementName").as_deref(), Some("app-db-01"));
    assert!(reply.contains("<w:EndOfSequence/>") && context(&reply).is_empty(), "{reply}");
    let on_class = Envelope { resource: format!("{V2}/Msvm_ComputerSystem"), ..good.clone() };
    let refused = |number| (500, "Sender CannotProcessFilter".to_owned(), Some(number));
    assert_eq!(refusal(&simulator, &on_class), refused(2_150_859_003));
    for text in ["SELECT * FROM Msvm_Nothing", "SELECT * FROM Win32_OperatingSystem", "hello", "SELECT * FROM"] {
        assert_eq!(refusal(&simulator, &query(text, "")), refused(2_150_858_778), "{text}");
    }
    let dialect = good.body.replace(WQL, "urn:cql");
    assert_eq!(refusal(&simulator, &Envelope { body: dialect, ..good }).1, "Sender FilterDialectRequestedUnavailable");
    let (_, none) = ask(&simulator, &query("SELECT * FROM Msvm_ComputerSystem WHERE ElementName = 'none'", ""));
    assert!(none.contains("EndOfSequence") && !none.contains("Msvm_ComputerSystem>"), "{none}");
}

#[test]
fn references_teach_all_keys_of_the_service() {
    let (simulator, _) = host("");
    let text = "SELECT * FROM Msvm_ReplicationService";
    let (_, reply) = ask(&simulator, &query(text, "<w:EnumerationMode>EnumerateEPR</w:EnumerationMode>"));
    for key in ["CreationClassName", "Name", "SystemCreationClassName", "SystemName"] {
        assert!(reply.contains(&format!("<w:Selector Name=\"{key}\">")), "{reply}");
    }
    assert!(!reply.contains("__cimnamespace") && !reply.contains("<p:Started>"), "{reply}");
    let both = "<w:EnumerationMode>EnumerateObjectAndEPR</w:EnumerationMode>";
    let (_, reply) = ask(&simulator, &query(text, both));
    assert!(reply.contains("<w:Item><p:Msvm_ReplicationService") && reply.contains("</a:EndpointReference></w:Item>"));
}

#[test]
fn a_lost_job_is_found_through_its_vm() {
    let (simulator, _) = host("");
    let (_, id) = fail_over(&simulator, "slow-01");
    let (_, reply) = ask(&simulator, &query("SELECT * FROM Msvm_AffectedJobElement", ""));
    assert!(reply.contains(&id) && reply.contains(&vm_id(&simulator, "slow-01")), "{reply}");
    let (_, host_reply) = ask(&simulator, &query("SELECT * FROM Msvm_ComputerSystem WHERE Name = 'HVDR01'", ""));
    assert!(host_reply.contains("<p:LastReplicationTime xsi:nil=\"true\"/>"), "the host's own entry");
    let (_, fresh) = ask(&simulator, &query("SELECT * FROM Msvm_ComputerSystem WHERE ElementName = 'fresh-01'", ""));
    assert!(fresh.contains("1601-01-01T00:00:00Z"), "{fresh}");
}
