use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::*;

fn builtin(name: &str) -> &'static Class {
    Schema::builtin().class(name).unwrap_or_else(|| panic!("{name} is missing"))
}

#[test]
fn every_shipped_file_is_read_in_the_order_of_the_table() {
    let mut schema = Schema::default();
    let mut classes = 0;
    for (file, text) in builtin::FILES {
        let document = mof::read(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        schema.add(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        if *file == "qualifiers" {
            assert_eq!(document.classes().count(), 0);
        } else if *file == builtin::SYSTEM {
            assert!(document.classes().all(|class| class.name.starts_with("__")));
            classes += document.classes().count();
        } else {
            let names: Vec<_> = document.classes().map(|class| class.name).collect();
            assert_eq!(names, [*file], "one class to a file, named after it");
            classes += 1;
        }
        assert!(text.starts_with("// "), "{file} does not say where its facts come from");
    }
    assert_eq!(Schema::builtin().len(), classes);
}

#[test]
fn table_and_directory_agree() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/cim");
    let on_disk: BTreeSet<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".mof").map(str::to_owned))
        .collect();
    let files = || builtin::FILES.iter().filter(|(file, _)| *file != builtin::SYSTEM);
    let in_table: BTreeSet<String> = files().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(on_disk, in_table);
    assert_eq!(in_table.len(), files().count());
}

#[test]
fn every_class_spoken_of_is_there_before() {
    let mut seen: Vec<&ClassName> = Vec::new();
    for class in Schema::builtin().classes() {
        let properties = class.own_properties().iter().flat_map(|own| [&own.reference_class, &own.embedded_class]);
        let parameters = class.own_methods().iter().flat_map(|method| &method.parameters);
        let parameters = parameters.flat_map(|own| [&own.reference_class, &own.embedded_class]);
        for spoken_of in properties.chain(parameters).flatten().chain(&class.superclass) {
            assert!(seen.contains(&spoken_of) || *spoken_of == class.name, "{} needs {spoken_of}", class.name);
        }
        seen.push(&class.name);
    }
}

#[test]
fn every_qualifier_used_is_declared() {
    let (_, declared) = builtin::FILES[0];
    let declared = mof::read(declared).unwrap();
    let known: BTreeSet<_> = declared.qualifiers().map(|qualifier| qualifier.name).collect();
    let mut used = BTreeSet::new();
    for (_, text) in builtin::FILES {
        for class in mof::read(text).unwrap().classes() {
            let members = class.properties.iter().map(|own| &own.qualifiers);
            let methods = class.methods.iter().map(|own| &own.qualifiers);
            let parameters = class.methods.iter().flat_map(|own| &own.parameters).map(|own| &own.qualifiers);
            let all = members.chain(methods).chain(parameters).chain([&class.qualifiers]).flatten();
            used.extend(all.map(|qualifier| qualifier.name.to_owned()));
        }
    }
    let unknown: Vec<_> = used.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert_eq!(unknown, Vec::<&String>::new());
}

#[test]
fn numbers_have_names() {
    let schema = Schema::builtin();
    let name = |class, element, number: u32| schema.value_name(class, element, number);
    for (class, element, number, expected) in [
        ("Msvm_ReplicationService", "InitiateFailover", 0, "Completed with No Error"),
        ("Msvm_ReplicationService", "InitiateFailover", 4096, "Method Parameters Checked - Job Started"),
        ("Msvm_ReplicationService", "InitiateFailover", 32775, "Invalid state for this operation"),
        ("msvm_replicationservice", "INITIATEFAILOVER", 32779, "File not found"),
        ("Msvm_ReplicationRelationship", "ReplicationState", 3, "Replicating"),
        ("Msvm_ReplicationRelationship", "ReplicationState", 21, "Firedrill in progress"),
        ("Msvm_ComputerSystem", "ReplicationMode", 4, "Extended replica"),
        ("Msvm_ComputerSystem", "EnabledState", 3, "Disabled"),
        ("Msvm_ComputerSystem", "EnabledState", 40000, "Vendor Reserved"),
        ("Msvm_ComputerSystem", "RequestStateChange.RequestedState", 4, "Shut Down"),
        ("Msvm_ConcreteJob", "JobState", 7, "Completed"),
        ("Msvm_ConcreteJob", "JobState", 32768, "Completed with warnings"),
        ("Msvm_ConcreteJob", "JobState", 32769, "Vendor Reserved"),
        ("Msvm_ConcreteJob", "JobType", 97, "Initiate Failover"),
        ("Msvm_ConcreteJob", "JobType", 125, "Update Disk Set"),
        ("Msvm_ConcreteJob", "HealthState", 5, "OK"),
        ("Msvm_ShutdownComponent", "InitiateShutdown", 32782, "A system shutdown is in progress"),
    ] {
        assert_eq!(name(class, element, number), Some(expected), "{class}.{element} {number}");
    }
    assert_eq!(name("Msvm_ReplicationService", "InitiateFailover", 5), None);
    assert_eq!(name("Msvm_ReplicationService", "ModifyServiceSettings", 32779), None);
    assert_eq!(name("Msvm_ReplicationService", "NoSuchMethod", 0), None);
    assert_eq!(name("Msvm_NoSuchClass", "JobState", 7), None);
    // Handed down from the base class to one that declares the method anew without a map of its own.
    assert_eq!(name("Msvm_ConcreteJob", "GetError", 6), Some("Access Denied"));
}

#[test]
fn value_maps_know_ranges_texts_and_the_way_back() {
    let map =
        |keys: &[&'static str], names: &[&'static str]| ValueMap::new(Some(keys.to_vec()), names.to_vec()).unwrap();
    let ranges = map(&["1", "5..9", "..", "0x8000..", "7", "..-5"], &["one", "some", "rest", "vendor", "seven", "low"]);
    for (number, name) in
        [(1, "one"), (5, "some"), (9, "some"), (7, "seven"), (10, "rest"), (0x8000, "vendor"), (-6, "low")]
    {
        assert_eq!(ranges.name(number), Some(name), "{number}");
    }
    assert_eq!(ranges.number("SEVEN"), Some(7));
    assert_eq!(ranges.number("some"), None);
    assert_eq!(ranges.numbers().collect::<Vec<_>>(), [(1, "one"), (7, "seven")]);
    assert_eq!(map(&["1", "2"], &["one"]).name(2), None);
    assert_eq!(ValueMap::new(None, vec!["zero", "one"]).unwrap().name(1), Some("one"));

    let types = Schema::builtin().value_map("Msvm_VirtualSystemSettingData", "VirtualSystemType").unwrap();
    assert_eq!(types.text_name("Microsoft:Hyper-V:Snapshot:Replica:Standard"), Some("Standard Recovery Point"));
    let modes = Schema::builtin().value_map("Msvm_ComputerSystem", "ReplicationMode").unwrap();
    assert_eq!(modes.number("test replica"), Some(3));
}

#[test]
fn keys_are_those_hosts_use() {
    let keys = |name: &str| builtin(name).keys().map(|key| key.name.to_string()).collect::<BTreeSet<_>>();
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(keys("Msvm_ComputerSystem"), set(&["CreationClassName", "Name"]));
    assert_eq!(
        keys("Msvm_ReplicationService"),
        set(&["CreationClassName", "Name", "SystemCreationClassName", "SystemName"])
    );
    for name in ["Msvm_ConcreteJob", "Msvm_ReplicationRelationship", "Msvm_VirtualSystemSettingData"] {
        assert_eq!(keys(name), set(&["InstanceID"]), "{name}");
    }
    assert_eq!(keys("Msvm_SnapshotOfVirtualSystem"), set(&["Antecedent", "Dependent"]));
    assert!(builtin("Msvm_SnapshotOfVirtualSystem").association);
}

#[test]
fn the_failover_call_is_declared_as_it_is_sent() {
    let method = builtin("Msvm_ReplicationService").method("initiatefailover").unwrap();
    assert_eq!(
        method.declaration(),
        "uint32 InitiateFailover(\n  [in] CIM_ComputerSystem REF ComputerSystem,\n  \
         [in, optional] CIM_VirtualSystemSettingData REF SnapshotSettingData,\n  [out] CIM_ConcreteJob REF Job\n)"
    );
    let names = |parameters: Vec<&Parameter>| parameters.iter().map(|own| own.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(method.inputs().collect()), ["ComputerSystem", "SnapshotSettingData"]);
    assert_eq!(names(method.outputs().collect()), ["Job"]);
    let reverse = builtin("Msvm_ReplicationService").method("ReverseReplicationRelationship").unwrap();
    let settings = reverse.parameter("ReplicationSettingData").unwrap();
    assert_eq!(settings.embedded_class, Some(ClassName::from_static("Msvm_ReplicationSettingData")));
    assert_eq!((settings.cim_type, settings.array), (CimType::String, false));
    let statistics = builtin("Msvm_ReplicationService").method("GetReplicationStatisticsEx").unwrap();
    assert_eq!(
        statistics.parameters[2].declaration(),
        "[out, EmbeddedInstance(\"Msvm_ReplicationStatistics\")] string ReplicationStatistics[]"
    );
}

#[test]
fn all_replication_methods_of_the_public_pages_are_there() {
    let service = builtin("Msvm_ReplicationService");
    for name in "AddAuthorizationEntry ChangeReplicationModeToPrimary CommitFailover CreateReplicationRelationship \
        GetReplicationStatistics GetReplicationStatisticsEx GetSystemCertificates ImportInitialReplica InitiateFailback \
        InitiateFailover ModifyAuthorizationEntry ModifyReplicationSettings ModifyServiceSettings \
        RemoveAuthorizationEntry RemoveReplicationRelationship RemoveReplicationRelationshipEx RequestStateChange \
        ResetReplicationStatistics ResetReplicationStatisticsEx Resynchronize ReverseReplicationRelationship \
        RevertFailover SetAuthorizationEntry SetFailoverNetworkAdapterSettings StartReplication StartService \
        StopService TestReplicaSystem TestReplicationConnection"
        .split_whitespace()
    {
        let method = service.method(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(method.declared_in, service.name, "{name}");
        let values = method.return_values.as_ref().unwrap();
        assert_eq!(values.name(0), Some("Completed with No Error"), "{name}");
        if !["RequestStateChange", "StartService", "StopService"].contains(&name) {
            assert_eq!(values.name(32769), Some("Access Denied"), "{name}");
        }
    }
    assert_eq!(service.own_methods().len(), 29);
}

#[test]
fn inheritance_is_seen_through() {
    let job = builtin("Msvm_ConcreteJob");
    let lineage: Vec<_> = job.lineage().map(|class| class.name.as_str()).collect();
    assert_eq!(
        lineage,
        [
            "Msvm_ConcreteJob",
            "CIM_ConcreteJob",
            "CIM_Job",
            "CIM_LogicalElement",
            "CIM_ManagedSystemElement",
            "CIM_ManagedElement"
        ]
    );
    assert!(job.is_a("cim_job") && job.is_a("Msvm_ConcreteJob") && !job.is_a("CIM_Service"));
    assert_eq!(job.property("percentcomplete").unwrap().declared_in, "CIM_Job");
    assert_eq!(job.property("JobState").unwrap().declared_in, "Msvm_ConcreteJob");
    let all = job.properties_with_inherited();
    let names: BTreeSet<_> = all.iter().map(|property| property.name.as_str()).collect();
    assert_eq!(names.len(), all.len());
    assert_eq!(all[0].name, "InstanceID");
    assert!(job.declaration().contains("\n  [key] string InstanceID;\n"));
    assert!(job.declaration().starts_with("class Msvm_ConcreteJob : CIM_ConcreteJob\n{\n"));
}

#[test]
fn properties_are_as_many_as_on_the_public_pages() {
    for (class, count) in [
        ("Msvm_ComputerSystem", 45),
        ("Msvm_ReplicationService", 28),
        ("Msvm_ConcreteJob", 41),
        ("Msvm_ReplicationSettingData", 42),
        ("Msvm_VirtualSystemSettingData", 60),
        ("Msvm_EthernetPortAllocationSettingData", 32),
        ("Msvm_ShutdownComponent", 38),
        ("Msvm_Error", 15),
        ("Msvm_ReplicationStatistics", 18),
        ("Msvm_ReplicationServiceSettingData", 11),
    ] {
        assert_eq!(builtin(class).properties_with_inherited().len(), count, "{class}");
    }
}

#[test]
fn a_user_adds_and_replaces_classes() {
    let mut schema = Schema::builtin().clone();
    let before = schema.len();
    schema
        .add(
            "class Demo_Sub : Demo_Base { [Override(\"State\")] uint16 State; };
             class Demo_Base : CIM_ManagedElement { [Key] string Id; [ValueMap{\"1\"}, Values{\"One\"}] uint16 State = 1;
               [Static] void Reset([In, Out] string Text, [Out] object Any, boolean Now[]); };",
        )
        .unwrap();
    assert_eq!(schema.len(), before + 2);
    assert_eq!(schema.value_name("Demo_Sub", "State", 1), Some("One"));
    let sub = schema.class("Demo_Sub").unwrap();
    assert_eq!(sub.property("State").unwrap().default, Some(Value::Integer(1)));
    assert_eq!(
        sub.method("Reset").unwrap().declaration(),
        "void Reset(\n  [in, out] string Text,\n  [out, EmbeddedObject] string Any,\n  [in] boolean Now[]\n)"
    );
    schema.add("class CIM_MANAGEDELEMENT { string Replaced; };").unwrap();
    assert_eq!(schema.len(), before + 2);
    assert!(schema.class("Demo_Sub").unwrap().property("Replaced").is_some());
    assert!(schema.class("Msvm_ConcreteJob").unwrap().property("Caption").is_none());
    assert!(Schema::builtin().class("Msvm_ConcreteJob").unwrap().property("Caption").is_some());
}

#[test]
fn a_class_without_its_superclass_is_there_and_says_so() {
    let mut schema =
        Schema::read("class A : Elsewhere_B { [Key] string Id; }; class C : A { string More; }; class D {};").unwrap();
    let incomplete = |schema: &Schema| {
        let found = schema.incomplete().map(|(class, base)| format!("{} : {base}", class.name));
        found.collect::<Vec<_>>()
    };
    assert_eq!(incomplete(&schema), ["A : Elsewhere_B"]);
    let missing = |schema: &Schema, name: &str| schema.class(name).unwrap().missing_base().map(ToString::to_string);
    assert_eq!(missing(&schema, "C").as_deref(), Some("Elsewhere_B"));
    assert_eq!(missing(&schema, "D"), None);
    assert!(schema.class("C").unwrap().property("Id").unwrap().key);
    assert!(schema.class("C").unwrap().declaration().starts_with("class C : A\n"));
    schema.add("class Elsewhere_B { [Write] uint8 Level; };").unwrap();
    assert_eq!((incomplete(&schema).len(), missing(&schema, "C")), (0, None));
    assert!(schema.class("C").unwrap().property("Level").unwrap().write);
    assert_eq!(Schema::builtin().incomplete().count(), 0);
}

#[test]
fn the_system_classes_of_wmi_are_known() {
    for name in "__SystemClass __NAMESPACE __PARAMETERS __Event __ExtrinsicEvent __InstanceCreationEvent __Provider \
         __Win32Provider __InstanceProviderRegistration __EventFilter __FilterToConsumerBinding __ExtendedStatus \
         __SecurityDescriptor __TimerEvent"
        .split_whitespace()
    {
        assert_eq!(builtin(name).name, *name);
    }
    assert!(builtin("__InstanceCreationEvent").is_a("__Event"));
    assert!(builtin("__InstanceCreationEvent").property("TargetInstance").unwrap().embedded_object);
    let mut schema = Schema::builtin().clone();
    schema.add("class Own_Event : __ExtrinsicEvent { string Text; };").unwrap();
    let event = schema.class("Own_Event").unwrap();
    assert!(event.missing_base().is_none() && event.property("TIME_CREATED").is_some());
}

/// As `mofcomp -AMENDMENT` takes a file apart: what is neutral, and what is of one language.
#[test]
fn a_translation_lends_its_texts_and_takes_nothing_away() {
    let neutral = "class Own_Fan : CIM_ManagedElement { [key] string Tag; [ValueMap{\"3\", \"4..\"}] uint16 State = 3;
        [Values{\"Zero\", \"One\"}] uint8 Kind; [ValueMap{\"0\"}, Values{\"OK\"}] uint32 Reset([in] uint8 Level); };";
    let german = "#pragma namespace(\"\\\\\\\\.\\\\root\\\\x\\\\ms_407\")
        instance of __namespace{ name=\"ms_407\";};
        [Description(\"Ein Lüfter\") : Amended ToSubclass, AMENDMENT, LOCALE(0x407)]
        class Own_Fan : CIM_ManagedElement {
          [key, Description(\"Welcher\") : Amended ToSubclass] string Tag;
          [Values{\"Läuft\", \"Steht\"} : Amended ToSubclass] uint16 State;
          [Values{\"Nur eins\"} : Amended ToSubclass] uint8 Kind;
          [Values{\"Gut\"} : Amended ToSubclass] uint32 Reset([in, Description(\"Stufe\") : Amended] uint8 Level); };";
    let check = |schema: &Schema| {
        let fan = schema.class("Own_Fan").unwrap();
        assert_eq!(fan.description.as_deref(), Some("Ein Lüfter"));
        assert_eq!(fan.property("Tag").unwrap().description.as_deref(), Some("Welcher"));
        assert_eq!(fan.property("State").unwrap().default, Some(Value::Integer(3)));
        let name = |element, number: u32| schema.value_name("Own_Fan", element, number);
        assert_eq!((name("State", 3), name("State", 9)), (Some("Läuft"), Some("Steht")));
        // Another number of names is not a translation of these.
        assert_eq!(name("Kind", 1), Some("One"));
        assert_eq!(name("Reset", 0), Some("Gut"));
        let level = fan.method("Reset").unwrap().parameter("Level").unwrap();
        assert_eq!(level.description.as_deref(), Some("Stufe"));
    };
    for files in [[("a.mof", neutral), ("a.mfl", german)], [("a.mfl", german), ("a.mof", neutral)]] {
        let mut schema = Schema::builtin().clone();
        schema.add_files(&files).unwrap();
        check(&schema);
    }
    let mut schema = Schema::builtin().clone();
    schema.add(neutral).unwrap();
    schema.add(german).unwrap();
    check(&schema);
    let alone = Schema::read(german).unwrap();
    assert_eq!(alone.value_name("Own_Fan", "State", 1_u32), Some("Steht"));
}

#[test]
fn what_does_not_fit_together_is_refused_and_nothing_is_added() {
    let chain = |length: usize| {
        (1..length).fold("class C0 {};".to_owned(), |text, n| format!("class C{n} : C{} {{}};\n{text}", n - 1))
    };
    assert_eq!(Schema::read(&chain(MAX_ANCESTORS)).unwrap().len(), MAX_ANCESTORS);
    for (text, problem) in [
        (
            "class A : B {}; class B : A {};",
            "1:7: expected at most 32 classes above each other and none above itself, found class `A`".to_owned(),
        ),
        ("class A {}; class a {};", "1:19: expected a class not declared before, found `a`".to_owned()),
        ("class A { string B; uint8 b; };", "1:27: expected a property not declared before, found `b`".to_owned()),
        (
            "class A { void M(string B, string b); };",
            "1:35: expected a parameter not declared before, found `b`".to_owned(),
        ),
        (
            "class A { uint99 B; };",
            "1:18: expected a type such as uint32, string or datetime, or a class, found `uint99`".to_owned(),
        ),
        (
            "class A { void M(Bool b); };",
            "1:23: expected a type such as uint32, string or datetime, or a class, found `Bool`".to_owned(),
        ),
    ] {
        let mut schema = Schema::builtin().clone();
        let error = schema.add(text).unwrap_err();
        assert_eq!(error.problems()[0].to_string(), problem, "{text}");
        assert_eq!(schema.len(), Schema::builtin().len());
    }
    assert!(Schema::read(&chain(MAX_ANCESTORS + 1)).is_err());
    let mut schema = Schema::read(&chain(MAX_ANCESTORS)).unwrap();
    assert!(schema.add("class One : C31 {};").is_err());
    assert!(schema.add("class C0 : C0 {};").is_err() && schema.add("class C0 : C5 {};").is_err());
    let long = format!("class {} {{}};", "a".repeat(256));
    assert!(Schema::read(&long).unwrap_err().to_string().contains("at most 255 characters"));
}

proptest! {
    #![proptest_config(crate::properties::config())]
    #[test]
    fn damaged_files_never_panic(
        file in 0..builtin::FILES.len(),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0..3_u8), 1..8),
    ) {
        let mut bytes = builtin::FILES[file].1.as_bytes().to_vec();
        for (at, byte, how) in edits {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        let mut schema = Schema::builtin().clone();
        if let Err(error) = schema.add(&String::from_utf8_lossy(&bytes)) {
            prop_assert!((1..=mof::MAX_PROBLEMS).contains(&error.problems().len()));
        }
    }
}
