use super::*;

const PUT: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Put";
const CREATE: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create";
const DELETE: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete";
const CONFIG: &str = "http://schemas.microsoft.com/wbem/wsman/1/config";
const PART: &str = "<w:FragmentTransfer s:mustUnderstand=\"true\">";

fn note(inside: &str) -> String {
    let class = format!("{CIMV2}/Demo_Note");
    format!(
        "<p:Demo_Note xmlns:p=\"{class}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">{inside}</p:Demo_Note>"
    )
}

fn of_note(action: &str, keys: &[(&'static str, &str)], body: &str) -> Envelope {
    Envelope::new(action, &format!("{CIMV2}/Demo_Note"), keys, body)
}

fn with(mut envelope: Envelope, header: String) -> Envelope {
    envelope.extra = Box::leak(header.into_boxed_str());
    envelope
}

fn part(action: &str, expression: &str, body: &str) -> Envelope {
    with(of_note(action, &[("Id", "1")], body), format!("{PART}{expression}</w:FragmentTransfer>"))
}

#[test]
fn an_instance_is_made_changed_and_removed() {
    let (simulator, _) = host("");
    let body = note("<p:Id>1</p:Id><p:Tags>a</p:Tags><p:Tags>b</p:Tags><p:Text>x</p:Text>");
    let (status, reply) = ask(&simulator, &of_note(CREATE, &[], &body));
    assert_eq!((status, value(&reply, "Selector").as_deref()), (200, Some("1")), "{reply}");
    assert!(reply.contains("<x:ResourceCreated><a:Address>"), "{reply}");
    assert_eq!(refusal(&simulator, &of_note(CREATE, &[], &body)).1, "Sender AlreadyExists");

    let change = note("<p:Id>1</p:Id><p:Text xsi:nil=\"true\"/>");
    let (status, reply) = ask(&simulator, &of_note(PUT, &[("Id", "1")], &change));
    assert!(
        status == 200 && reply.contains("<p:Tags>a</p:Tags><p:Tags>b</p:Tags><p:Text xsi:nil=\"true\"/>"),
        "{reply}"
    );
    for (body, code) in [
        (note("<p:Nope>1</p:Nope>"), "Sender SchemaValidationError"),
        (note("<p:Id>2</p:Id>"), "Sender SchemaValidationError"),
        ("<Demo_Note/>".to_owned(), "Sender SchemaValidationError"),
    ] {
        assert_eq!(refusal(&simulator, &of_note(PUT, &[("Id", "1")], &body)).1, code, "{body}");
    }
    assert_eq!(refusal(&simulator, &of_note(PUT, &[("Id", "2")], &note(""))).1, "Sender DestinationUnreachable");
    let vm = Envelope::new(PUT, &format!("{V2}/Msvm_ComputerSystem"), &[("Name", "x")], &note(""));
    assert_eq!(refusal(&simulator, &vm).1, "Sender ActionNotSupported");

    assert_eq!(ask(&simulator, &of_note(DELETE, &[("Id", "1")], "")).0, 200);
    assert_eq!(refusal(&simulator, &of_note(DELETE, &[("Id", "1")], "")).1, "Sender DestinationUnreachable");
}

#[test]
fn fragments_are_parts_and_nothing_else() {
    let (simulator, _) = host("");
    ask(
        &simulator,
        &of_note(CREATE, &[], &note("<p:Id>1</p:Id><p:Tags>a</p:Tags><p:Tags>b</p:Tags><p:Text>x</p:Text>")),
    );
    for (expression, expected) in [
        ("Text/text()", "<w:XmlFragment>x</w:XmlFragment>"),
        ("Tags[2]/text()", "<w:XmlFragment>b</w:XmlFragment>"),
        ("p:Tags[1]", "<p:Tags>a</p:Tags></w:XmlFragment>"),
        ("Tags", "<p:Tags>a</p:Tags><p:Tags>b</p:Tags></w:XmlFragment>"),
    ] {
        let (status, reply) = ask(&simulator, &part(GET, expression, ""));
        assert!(status == 200 && reply.contains(expected), "{expression}: {reply}");
        assert!(reply.contains(&format!("{PART}{expression}</w:FragmentTransfer>")), "{reply}");
    }
    for expression in ["Nope", "Tags[3]", "Tags[0]", "Text[1]", "Tags/text()", "count(Tags)"] {
        assert_eq!(refusal(&simulator, &part(GET, expression, "")).1, "Sender CannotProcessFilter", "{expression}");
    }
    let plain = part(GET, "Text", "");
    let unmarked = with(plain, "<w:FragmentTransfer>Text</w:FragmentTransfer>".to_owned());
    assert_eq!(refusal(&simulator, &unmarked).1, "Sender InvalidMessageInformationHeader");

    let content = |text: &str| format!("<w:XmlFragment>{text}</w:XmlFragment>");
    assert!(ask(&simulator, &part(PUT, "Tags[2]/text()", &content("c"))).1.contains("<w:XmlFragment>c<"));
    assert_eq!(ask(&simulator, &part(PUT, "Text", &content("<Text>y</Text>"))).0, 200);
    assert_eq!(refusal(&simulator, &part(PUT, "Text", &content("<Tags>y</Tags>"))).1, "Sender SchemaValidationError");
    let (_, whole) = ask(&simulator, &of_note(GET, &[("Id", "1")], ""));
    assert!(whole.contains("<p:Tags>a</p:Tags><p:Tags>c</p:Tags><p:Text>y</p:Text>"), "{whole}");
    let listed = with(of_note(ENUMERATE, &[], "<n:Enumerate/>"), format!("{PART}Text</w:FragmentTransfer>"));
    assert_eq!(refusal(&simulator, &listed).1, "Sender UnsupportedFeature");
}

#[test]
fn the_configuration_is_a_resource() {
    let (simulator, _) = host("");
    let (_, whole) = ask(&simulator, &Envelope::get(CONFIG, &[]));
    for expected in [
        "<cfg:Config xmlns:cfg=\"http://schemas.microsoft.com/wbem/wsman/1/config\"><cfg:MaxEnvelopeSizekb>500<",
        "<cfg:Service><cfg:RootSDDL>",
        "<cfg:Auth><cfg:Basic>false</cfg:Basic>",
        "</cfg:AllowRemoteAccess></cfg:Service><cfg:Winrs>",
    ] {
        assert!(whole.contains(expected), "{expected}: {whole}");
    }
    let (_, auth) = ask(&simulator, &Envelope::get(&format!("{CONFIG}/service/auth"), &[]));
    assert!(
        auth.contains(
            "<cfg:Auth xmlns:cfg=\"http://schemas.microsoft.com/wbem/wsman/1/config/service/auth\"><cfg:Basic>"
        )
    );
    assert_eq!(refusal(&simulator, &Envelope::get(&format!("{CONFIG}/nope"), &[])).1, "Sender DestinationUnreachable");

    let put =
        |inside: &str| Envelope::new(PUT, CONFIG, &[], &format!("<c:Config xmlns:c=\"{CONFIG}\">{inside}</c:Config>"));
    let both =
        "<c:MaxTimeoutms>1800000</c:MaxTimeoutms><c:Service><c:Auth><c:Basic>true</c:Basic></c:Auth></c:Service>";
    let (status, reply) = ask(&simulator, &put(both));
    assert!(status == 200 && reply.contains(">1800000<") && reply.contains("<cfg:Basic>true<"), "{reply}");
    // One wrong setting, and none is taken.
    let wrong = "<c:MaxTimeoutms>1</c:MaxTimeoutms><c:MaxBatchItems>many</c:MaxBatchItems>";
    assert_eq!(refusal(&simulator, &put(wrong)).1, "Sender SchemaValidationError");
    let fragment = format!("{PART}cfg:MaxTimeoutms/text()</w:FragmentTransfer>");
    let read = with(Envelope::get(CONFIG, &[]), fragment.clone());
    assert!(ask(&simulator, &read).1.contains("<w:XmlFragment>1800000</w:XmlFragment>"));
    let write = with(Envelope::new(PUT, CONFIG, &[], "<w:XmlFragment>70000</w:XmlFragment>"), fragment);
    assert_eq!(ask(&simulator, &write).0, 200);
    assert!(ask(&simulator, &read).1.contains("<w:XmlFragment>70000</w:XmlFragment>"));
}

#[test]
fn a_subscription_brings_what_is_made_after_it() {
    const EVENTING: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing";
    let (simulator, _) = host("");
    let make = |id: &str| ask(&simulator, &of_note(CREATE, &[], &note(&format!("<p:Id>{id}</p:Id>")))).0;
    make("before");
    let subscribe = |mode: &str| {
        let body = format!("<e:Subscribe xmlns:e=\"{EVENTING}\"><e:Delivery Mode=\"{mode}\"/></e:Subscribe>");
        of_note(&format!("{EVENTING}/Subscribe"), &[], &body)
    };
    let push = subscribe("http://schemas.xmlsoap.org/ws/2004/08/eventing/DeliveryModes/Push");
    assert_eq!(refusal(&simulator, &push).1, "Sender DeliveryModeRequestedUnavailable");
    let (_, reply) = ask(&simulator, &subscribe("http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull"));
    let (identifier, context) = (value(&reply, "Identifier").unwrap(), value(&reply, "EnumerationContext").unwrap());
    let pull = |context: &str| {
        let body = format!(
            "<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext><n:MaxElements>5</n:MaxElements></n:Pull>"
        );
        of_note(PULL, &[], &body)
    };
    assert_eq!(refusal(&simulator, &pull(&context)).1, "Receiver TimedOut");
    assert_eq!((make("one"), make("two")), (200, 200));
    let (_, events) = ask(&simulator, &pull(&context));
    assert!(events.contains(">one<") && events.contains(">two<") && !events.contains("before"), "{events}");
    let next = value(&events, "EnumerationContext").unwrap();
    assert_eq!(refusal(&simulator, &pull(&next)).1, "Receiver TimedOut");
    assert_eq!(refusal(&simulator, &pull(&context)).1, "Receiver InvalidEnumerationContext");

    let named = |action: &str, body: &str| {
        let header = format!("<e:Identifier xmlns:e=\"{EVENTING}\">{identifier}</e:Identifier>");
        with(of_note(&format!("{EVENTING}/{action}"), &[], body), header)
    };
    let renew = named("Renew", &format!("<e:Renew xmlns:e=\"{EVENTING}\"/>"));
    assert!(ask(&simulator, &renew).1.contains("<e:RenewResponse><e:Expires>"));
    let end = named("Unsubscribe", &format!("<e:Unsubscribe xmlns:e=\"{EVENTING}\"/>"));
    assert_eq!(ask(&simulator, &end).0, 200);
    assert_eq!(refusal(&simulator, &end).1, "Sender InvalidMessageInformationHeader");
    assert_eq!(refusal(&simulator, &pull(&next)).1, "Receiver InvalidEnumerationContext");
}

#[test]
fn selectors_and_associations_filter() {
    let (simulator, _) = host("");
    let list = |resource: &str, dialect: &str, filter: &str| {
        let body = format!(
            "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>50</w:MaxElements><w:Filter \
             Dialect=\"http://schemas.dmtf.org/wbem/wsman/1/{dialect}\">{filter}</w:Filter></n:Enumerate>"
        );
        Envelope::new(ENUMERATE, resource, &[], &body)
    };
    let selectors = "<w:SelectorSet><w:Selector Name=\"ElementName\">APP-db-01</w:Selector></w:SelectorSet>";
    let (_, found) = ask(&simulator, &list(&format!("{V2}/Msvm_ComputerSystem"), "wsman/SelectorFilter", selectors));
    assert_eq!(found.matches("</p:Msvm_ComputerSystem>").count(), 1, "{found}");

    let id = vm_id(&simulator, "app-db-01");
    let object = reference("O", "Msvm_ComputerSystem", &[("CreationClassName", "Msvm_ComputerSystem"), ("Name", &id)]);
    let object = object.replace("p:O>", "b:Object>");
    let ask_for = |side: &str, more: &str| {
        let filter = format!(
            "<b:{side} xmlns:b=\"http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd\">{object}{more}</b:{side}>"
        );
        ask(&simulator, &list(&format!("{V2}/*"), "cimbinding/associationFilter", &filter)).1
    };
    let relations = ask_for(
        "AssociatedInstances",
        "<b:AssociationClassName>Msvm_SystemReplicationRelationship</b:AssociationClassName>\
         <b:ResultClassName>Msvm_ReplicationRelationship</b:ResultClassName>",
    );
    assert_eq!(relations.matches("</p:Msvm_ReplicationRelationship>").count(), 1, "{relations}");
    let ties = ask_for("AssociationInstances", "<b:ResultClassName>Msvm_SnapshotOfVirtualSystem</b:ResultClassName>");
    assert!(ties.contains("<p:Msvm_SnapshotOfVirtualSystem ") && ties.contains(&id), "{ties}");
}
