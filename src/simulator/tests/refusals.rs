use super::*;

fn check(envelope: &Envelope, expected: (u16, &str, Option<u32>)) {
    check_at("", envelope, expected);
}

fn check_at(scenario: &str, envelope: &Envelope, (status, code, number): (u16, &str, Option<u32>)) {
    let (simulator, _) = host(scenario);
    assert_eq!(refusal(&simulator, envelope), (status, code.to_owned(), number), "{}", envelope.text());
}

fn system() -> Envelope {
    let (simulator, _) = host("");
    let id = vm_id(&simulator, "app-db-01");
    Envelope::get(&format!("{V2}/Msvm_ComputerSystem"), &[("CreationClassName", "Msvm_ComputerSystem"), ("Name", &id)])
}

#[test]
fn the_unspoilt_request_is_answered() {
    let (simulator, _) = host("");
    let (status, body) = ask(&simulator, &system());
    assert_eq!((status, value(&body, "ElementName").as_deref()), (200, Some("app-db-01")), "{body}");
    assert_eq!(value(&body, "RelatesTo").as_deref(), Some("uuid:11111111-2222-4333-8444-555555555555"));
    let mut any_case = system();
    any_case.selectors = any_case.selectors.iter().map(|(name, value)| (*name, value.to_lowercase())).collect();
    assert_eq!(ask(&simulator, &any_case).0, 200, "selector values are matched without case");
}

#[test]
fn headers_are_checked_as_the_specification_says() {
    let spoilt = |change: &dyn Fn(&mut Envelope)| {
        let mut envelope = system();
        change(&mut envelope);
        envelope
    };
    let elsewhere = "<a:ReplyTo><a:Address>http://elsewhere/</a:Address></a:ReplyTo>";
    check(&spoilt(&|e| e.reply_to.clear()), (500, "Sender MessageInformationHeaderRequired", None));
    check(&spoilt(&|e| elsewhere.clone_into(&mut e.reply_to)), (500, "Sender UnsupportedFeature", None));
    check(&spoilt(&|e| e.message_id = ""), (500, "Sender InvalidMessageInformationHeader", None));
    check(
        &spoilt(&|e| e.message_id = "<a:MessageID> </a:MessageID>"),
        (500, "Sender InvalidMessageInformationHeader", None),
    );
    check(&spoilt(&|e| e.size = "8191"), (500, "Sender EncodingLimit", Some(2_150_858_878)));
    for header in
        ["<w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"true\"/>", "<pm:DataLocale s:mustUnderstand=\"1\"/>"]
    {
        check(&spoilt(&|e| e.extra = header), (500, "Sender UnsupportedFeature", None));
    }
    for header in
        ["<x:Odd xmlns:x=\"urn:x\" s:mustUnderstand=\"true\"/>", "<pm:OperationID s:mustUnderstand=\"true\"/>"]
    {
        check(&spoilt(&|e| e.extra = header), (500, "MustUnderstand ", None));
    }
    let (simulator, _) = host("");
    let optional =
        spoilt(&|e| e.extra = "<x:Odd xmlns:x=\"urn:x\"/><w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>");
    assert_eq!(ask(&simulator, &optional).0, 200);
}

#[test]
fn resources_and_keys_are_exact() {
    const GONE: (u16, &str, Option<u32>) = (500, "Sender DestinationUnreachable", Some(2_150_858_752));
    let keys = |keys: &[(&'static str, &str)]| Envelope::get(&format!("{V2}/Msvm_ComputerSystem"), keys);
    let class = ("CreationClassName", "Msvm_ComputerSystem");
    let id = system().selectors[1].1.clone();
    check(&keys(&[("Name", &id)]), GONE);
    check(&keys(&[("Name", &id), ("Name", &id)]), GONE);
    check(&keys(&[class, ("Name", "00000000-0000-0000-0000-000000000000")]), GONE);
    check(&keys(&[class, ("ElementName", "app-db-01")]), (500, "Sender InvalidSelectors", Some(2_150_858_813)));
    check(&keys(&[]), (500, "Sender DestinationUnreachable", Some(2_150_859_002)));
    check(
        &keys(&[class, ("Name", &id), ("__cimnamespace", "root/cimv2")]),
        (500, "Receiver InternalError", Some(2_150_859_067)),
    );
    check(&Envelope::get(&format!("{V2}/Msvm_Nothing"), &[class]), GONE);
    check(&Envelope::get(&format!("{CIMV2}/Msvm_ComputerSystem"), &[class, ("Name", &id)]), GONE);
    check(&Envelope::get("http://schemas.microsoft.com/wbem/wsman/1/wmi/root/none/X", &[class]), GONE);
    let uri = (500, "Sender DestinationUnreachable", Some(2_150_858_811));
    check(&Envelope::get("urn:unknown/Msvm_ComputerSystem", &[class]), uri);
    let unknown = Envelope { action: "urn:act".to_owned(), ..system() };
    check(&unknown, (500, "Sender ActionNotSupported", Some(2_150_858_771)));
    let (simulator, _) = host("");
    let same = keys(&[class, ("Name", &id), ("__cimnamespace", "root\\virtualization\\v2")]);
    assert_eq!(ask(&simulator, &same).0, 200, "the same namespace may be named twice");
    assert_eq!(ask(&simulator, &Envelope::get(&format!("{CIMV2}/Win32_OperatingSystem"), &[])).0, 200, "a singleton");
}

#[test]
fn method_calls_must_fit_the_schema() {
    const SCHEMA: (u16, &str, Option<u32>) = (500, "Sender SchemaValidationError", Some(2_150_858_817));
    let (simulator, _) = host("");
    let vm = computer(&simulator, "app-db-01");
    let inside = vm.split_once('>').unwrap().1.rsplit_once("</").unwrap().0;
    let wrapped = format!("<p:ComputerSystem><a:EndpointReference>{inside}</a:EndpointReference></p:ComputerSystem>");
    let good = Envelope::failover(&vm);
    for parameters in [
        wrapped,
        vm.replace("ComputerSystem>", "computerSystem>"),
        format!("{vm}<p:Force>true</p:Force>"),
        "<p:ComputerSystem>\\\\.\\root:Msvm_ComputerSystem</p:ComputerSystem>".to_owned(),
        vm.replace("p:ComputerSystem>", "ComputerSystem>"),
    ] {
        check(&Envelope::failover(&parameters), SCHEMA);
    }
    let no_namespace = good.body.replace("p:InitiateFailover_INPUT xmlns:p", "InitiateFailover_INPUT xmlns:p");
    check(&Envelope { body: no_namespace.replace("</p:Init", "</Init"), ..good.clone() }, SCHEMA);
    let other_class = good.action.replace("Msvm_ReplicationService/", "Msvm_ComputerSystem/");
    check(&Envelope { action: other_class, ..good.clone() }, (500, "Sender ActionNotSupported", Some(2_150_858_771)));
    check(&Envelope { selectors: Vec::new(), ..good.clone() }, (500, "Receiver InternalError", None));
    check_at("all_service_keys = true", &good, (500, "Receiver InternalError", None));
    let misnamed = vec![("Class", "Msvm_ReplicationService".to_owned())];
    check(&Envelope { selectors: misnamed, ..good.clone() }, (500, "Sender InvalidSelectors", Some(2_150_858_813)));
    let counts = simulator.with_world(|world| world.called("InitiateFailover", "app-db-01"));
    assert_eq!(counts, 0, "nothing that was refused has reached the method");
}

#[test]
fn all_four_keys_of_the_service_are_taken() {
    let (simulator, _) = host("all_service_keys = true");
    let mut envelope = Envelope::failover(&computer(&simulator, "app-db-01"));
    envelope.selectors.extend([
        ("Name", "replicasvc".to_owned()),
        ("SystemCreationClassName", "Msvm_ComputerSystem".to_owned()),
        ("SystemName", "HVDR01".to_owned()),
    ]);
    assert_eq!(value(&ask(&simulator, &envelope).1, "ReturnValue").as_deref(), Some("4096"));
    envelope.selectors[3].1 = "OTHER".to_owned();
    assert_eq!(refusal(&simulator, &envelope).1, "Sender DestinationUnreachable");
}

#[test]
fn each_vm_is_taken_or_refused_for_its_own_reason() {
    for (name, expected) in [
        ("app-db-01", "4096"),
        ("paused-01", "4096"),
        ("Bücher-データ", "4096"),
        ("o'brien <&> \"x\"", "4096"),
        ("twin", "4096"),
        ("done-01", "32775"),
        ("fresh-01", "32775"),
        ("running-01", "32775"),
        ("primary-01", "32775"),
        ("plain-01", "32775"),
        ("test-01", "32775"),
    ] {
        let (simulator, _) = host("");
        assert_eq!(fail_over(&simulator, name).0, expected, "{name}");
        assert_eq!(simulator.taken("InitiateFailover", name), usize::from(expected == "4096"), "{name}");
        assert_eq!(simulator.with_world(|world| world.called("InitiateFailover", name)), 1, "{name}");
    }
    let (simulator, _) = host("");
    let nobody = reference("ComputerSystem", "Msvm_ComputerSystem", &[("Name", "NOBODY")]);
    for parameters in [nobody, String::new()] {
        let (status, body) = ask(&simulator, &Envelope::failover(&parameters));
        assert_eq!((status, value(&body, "ReturnValue").as_deref()), (200, Some("32773")), "{body}");
    }
}

#[test]
fn a_point_must_belong_to_the_vm() {
    let (simulator, _) = host("");
    let point = |vm: &str, place: usize| simulator.with_world(|w| w.vm(vm).unwrap().points[place].instance_id());
    let call = |id: &str| {
        let settings = reference("SnapshotSettingData", "Msvm_VirtualSystemSettingData", &[("InstanceID", id)]);
        let envelope = Envelope::failover(&format!("{}{settings}", computer(&simulator, "app-db-01")));
        value(&ask(&simulator, &envelope).1, "ReturnValue").unwrap()
    };
    assert_eq!(call(&point("slow-01", 0)), "32773", "another VM's");
    assert_eq!(call(&format!("Microsoft:{}", vm_id(&simulator, "app-db-01"))), "32773", "the active settings");
    assert_eq!(call(&point("app-db-01", 2)), "4096");
    assert_eq!(simulator.with_world(|world| world.vm("app-db-01").unwrap().failed_over), 2, "application consistent");
}

#[test]
fn texts_are_in_the_language_of_the_host_and_numbers_are_not() {
    let mut gone = system();
    gone.selectors[1].1 = "X".to_owned();
    let (simulator, _) = host("language = \"ja-JP\"");
    let (_, body) = ask(&simulator, &gone);
    assert!(body.contains("xml:lang=\"ja-JP\"") && body.contains("リソース"), "{body}");
    check_at("language = \"ja-JP\"", &gone, (500, "Sender DestinationUnreachable", Some(2_150_858_752)));
}

#[test]
fn another_server_wants_its_own_form() {
    let other = "dialect = \"other\"";
    let class = ("CreationClassName", "Msvm_ComputerSystem");
    let (simulator, _) = host(other);
    let id = vm_id(&simulator, "app-db-01");
    let uri = format!("{DMTF}/Msvm_ComputerSystem");
    let namespace = ("__cimnamespace", "root/virtualization/v2");
    assert_eq!(ask(&simulator, &Envelope::get(&uri, &[class, ("Name", &id), namespace])).0, 200);
    check_at(other, &Envelope::get(&uri, &[class, ("Name", &id)]), (400, "Sender DestinationUnreachable", None));
    check_at(other, &system(), (400, "Sender DestinationUnreachable", None));
    let query = "<n:Enumerate><w:OptimizeEnumeration/><w:Filter Dialect=\"http://schemas.microsoft.com/wbem/wsman/1/WQL\">\
                 SELECT * FROM Msvm_ComputerSystem</w:Filter></n:Enumerate>";
    let wql = Envelope::new(ENUMERATE, "http://schemas.dmtf.org/wbem/wscim/1/*", &[namespace], query);
    check_at(other, &wql, (400, "Sender FilterDialectRequestedUnavailable", None));
    // The star is no class of a schema.
    let wql = Envelope::new(ENUMERATE, &format!("{DMTF}/*"), &[namespace], query);
    check_at(other, &wql, (400, "Sender DestinationUnreachable", None));
    let service = Envelope::new(
        ENUMERATE,
        &format!("{DMTF}/Msvm_ReplicationService"),
        &[namespace],
        "<n:Enumerate><w:OptimizeEnumeration/></n:Enumerate>",
    );
    assert_eq!(value(&ask(&simulator, &service).1, "Started").as_deref(), Some("TRUE"));
}

#[test]
fn what_is_no_request_is_refused_without_panic() {
    let (simulator, _) = host("");
    for bytes in ["", "<", "<a/>", "\u{0}", "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"/>"] {
        match simulator.handle(bytes.as_bytes()).end {
            End::Reply { status, .. } => assert_eq!(status, 500, "{bytes:?}"),
            other => panic!("{other:?}"),
        }
    }
    let text = system().text();
    for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
        simulator.handle(&text.as_bytes()[..cut]);
    }
}
