//! MOF in the manner of the DMTF schema, and `hvr schema` as its users meet it.

use hyperv_replica::cim::mof::{self, Extent, TypeName, Value};
use hyperv_replica::cim::schema::{Direction, Schema};
use serde_json::{Value as Json, json};

use crate::cli::run;
use crate::support::dmtf;
use crate::support::schema::check_document;

#[test]
fn a_text_in_the_manner_of_the_dmtf_schema_is_read_whole() {
    let made = dmtf::generate(240);
    let document = mof::read(&made.text).unwrap();
    let classes: Vec<_> = document.classes().collect();
    assert_eq!((classes.len(), document.qualifiers().count()), (made.classes, made.qualifiers));
    assert_eq!(classes.iter().map(|class| class.properties.len()).sum::<usize>(), made.properties);
    assert_eq!(classes.iter().map(|class| class.methods.len()).sum::<usize>(), made.methods);
    let parameters = classes.iter().flat_map(|class| &class.methods).map(|method| method.parameters.len());
    assert_eq!(parameters.sum::<usize>(), made.parameters);
    // Every qualifier that is declared is used, but those that only a declaration can show.
    let used = |name: &str| {
        let on = |qualifiers: &[mof::Qualifier<'_>]| qualifiers.iter().any(|q| q.name.eq_ignore_ascii_case(name));
        classes.iter().any(|class| {
            on(&class.qualifiers)
                || class.properties.iter().any(|property| on(&property.qualifiers))
                || class.methods.iter().any(|method| {
                    on(&method.qualifiers) || method.parameters.iter().any(|parameter| on(&parameter.qualifiers))
                })
        })
    };
    let unused: Vec<_> = document.qualifiers().map(|q| q.name).filter(|name| !used(name)).collect();
    assert_eq!(unused, ["Indication", "XMLNamespaceName"]);

    let class = classes.iter().find(|class| class.name == "GEN_Class30").unwrap();
    let property = |name: &str| class.properties.iter().find(|property| property.name == name).unwrap();
    assert_eq!(property("Caption").default, Some(Value::Text("a \"b\"".into())));
    assert_eq!(property("Count30").default, Some(Value::Integer(u64::MAX.into())));
    assert_eq!(property("Bits30").default, Some(Value::Integer(5)));
    assert_eq!(property("Ratio30").default, Some(Value::Real(0.0015)));
    assert_eq!(property("Sign30").default, Some(Value::Char('A')));
    assert_eq!(property("Setting30").default, Some(Value::Null));
    assert_eq!(property("Bytes30").extent, Extent::Fixed(16));
    let names = Value::Array(["a", "bc", ""].map(|text| Value::Text(text.into())).to_vec());
    assert_eq!(property("Names30").default, Some(names));
    assert!(matches!(classes[2].properties[1].type_name, TypeName::Reference("GEN_Class1")));

    let schema = Schema::read(&made.text).unwrap();
    let class = schema.class("gen_class33").unwrap();
    let lineage: Vec<_> = class.lineage().map(|class| class.name.as_str()).collect();
    assert_eq!(&lineage[..2], ["GEN_Class33", "GEN_Class30"]);
    assert!(class.property("InstanceID").unwrap().key);
    assert_eq!(schema.value_name("GEN_Class33", "State33", 40_000), Some("Vendor Reserved"));
    assert_eq!(schema.value_name("GEN_Class33", "State30", 2), Some("OK (\"good\")"));
    assert_eq!(schema.value_name("GEN_Class33", "Change33", 4096), Some("Job Started"));
    let change = class.method("Change33").unwrap();
    assert!(change.is_static && change.description.as_ref().unwrap().contains("number: \u{e9}. // This is no comment"));
    let directions: Vec<_> = change.parameters.iter().map(|parameter| parameter.direction).collect();
    use Direction::{In, InOut, Out};
    assert_eq!(directions, [In, Out, InOut, In, In, In]);
    assert!(schema.class("GEN_Class2").unwrap().association);
}

#[test]
fn ten_thousand_errors_are_few_lines_and_exit_2() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "class A { string; };\n".repeat(10_000)).unwrap();
    let path = file.path().to_str().unwrap();
    for arguments in [&["schema", "list", "--schema", path][..], &["wsman", "identify", "--simulate", "--schema", path]]
    {
        let ran = run(arguments);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(
            ran.err.contains("1:17: expected the name of a property") && ran.err.contains("reading stopped"),
            "{}",
            ran.err
        );
        assert!(ran.err.len() < 4096, "{} bytes", ran.err.len());
    }
}

fn json(arguments: &[&str]) -> Json {
    let mut all = arguments.to_vec();
    all.extend(["-o", "json"]);
    let ran = run(&all);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let document = serde_json::from_str(&ran.out).unwrap();
    check_document(&document);
    document
}

#[test]
fn a_class_is_shown_with_the_source_of_each_fact() {
    let class = json(&["schema", "show", "msvm_concretejob"]);
    assert_eq!(class["lineage"][1], "CIM_ConcreteJob");
    let property = class["properties"].as_array().unwrap().iter().find(|p| p["name"] == "JobState").unwrap();
    assert_eq!(property["declared_in"], "Msvm_ConcreteJob");
    let ranges = property["values"].as_array().unwrap();
    assert!(ranges.contains(&json!({"value": "13..32767", "name": "DMTF Reserved"})), "{ranges:?}");
    let source = &class["sources"]["Msvm_ConcreteJob"];
    assert_eq!(source["file"], "schemas/cim/Msvm_ConcreteJob.mof");
    assert!(source["about"].as_str().unwrap().starts_with("Facts: "), "{source}");

    let table = run(&["schema", "show", "Msvm_ReplicationService", "InitiateFailover"]);
    for part in [
        "uint32 InitiateFailover(\n  [in] CIM_ComputerSystem REF ComputerSystem,",
        "32775  Invalid state for this operation",
        "Msvm_ReplicationService is declared in schemas/cim/Msvm_ReplicationService.mof:",
        "  Facts: ",
    ] {
        assert!(table.out.contains(part), "{part}: {}", table.out);
    }
    assert!(!table.out.contains("CommitFailover"), "one member alone");
    for (arguments, expected) in [
        (&["schema", "show", "Nope"][..], "not declared"),
        (&["schema", "show", "Msvm_ConcreteJob", "Nope"], "neither a property nor a method"),
        (&["schema", "list", "--schema", "/nonexistent.mof"], "/nonexistent.mof"),
    ] {
        let ran = run(arguments);
        assert!(ran.code == 2 && ran.err.contains(expected), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn files_may_include_others_and_are_listed_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let main =
        write("main.mof", "// Mine.\n#pragma include (\"parts\\\\derived.mof\")\n#pragma include (\"base.mof\")\n");
    write(
        "parts/derived.mof",
        "// Derived.\n\n#pragma include (\"../base.mof\")\nclass Own_B : Own_A { string More; };\n",
    );
    write("base.mof", "// Base.\n// From a page.\nclass Own_A { [Key] string Id; };\n#pragma include (\"main.mof\")\n");
    let listed = json(&["schema", "list", "own_", "--schema", &main]);
    let names: Vec<_> = listed["classes"].as_array().unwrap().iter().map(|class| class["name"].clone()).collect();
    assert_eq!(names, [json!("Own_A"), json!("Own_B")]);
    let source = &listed["classes"][0]["source"];
    assert_eq!((&source["line"], &source["about"]), (&json!(3), &json!("Base. From a page.")));
    assert!(source["file"].as_str().unwrap().ends_with("base.mof"));

    let unreadable = write("unreadable.mof", "#pragma include (\"parts\")");
    let ran = run(&["schema", "list", "--schema", &unreadable]);
    assert!(ran.code == 2 && ran.err.contains("parts") && ran.err.contains("(included by"), "{}", ran.err);
    let orphan = write("orphan.mof", "class Own_C : Own_None { };");
    let ran = run(&["schema", "list", "Own_", "--schema", &main, "--schema", &orphan]);
    assert!(ran.code == 0 && ran.err.contains("orphan.mof") && ran.err.contains("Own_None"), "{}", ran.err);
    let table = run(&["schema", "list", "Msvm_ReplicationService"]);
    assert!(table.out.contains("schemas/cim/Msvm_ReplicationService.mof:"), "{}", table.out);
}
