use serde_json::json;

use super::embedded::instance_from_json;
use super::given::Given;
use super::*;
use crate::cim::schema::Schema;
use crate::cim::{InstanceView, Value};
use crate::wsman::{ClassAddressing, Parameter};
use crate::xml::Document;

const VM: &str = "Msvm_ComputerSystem?CreationClassName=Msvm_ComputerSystem,Name=5C2A7E10-8D3B-4E51-9B5A-1F0C3D9E7A42";

fn typed(class: &str, method: &str, arguments: &[&str]) -> Result<Vec<(String, Parameter)>, Mismatch> {
    typed_with(Some(Schema::builtin()), class, method, arguments)
}

fn typed_with(
    schema: Option<&Schema>,
    class: &str,
    method: &str,
    arguments: &[&str],
) -> Result<Vec<(String, Parameter)>, Mismatch> {
    let arguments: Vec<Argument> = arguments.iter().map(|text| text.parse().unwrap()).collect();
    parameters(schema, class, method, &arguments, &ClassAddressing::microsoft("root/virtualization/v2"))
}

fn own() -> Schema {
    Schema::read(
        "class X_Setting { [Key] string Id; uint16 Port; boolean On; string Tags[]; datetime Since; sint8 Cold;
           uint32 Numbers[]; X_Other REF Other; [EmbeddedInstance(\"X_Setting\")] string Inner;
           [ValueMap{\"2\",\"3\"}, Values{\"On\",\"Off\"}] uint16 State; };
         class X_Sub : X_Setting { };
         class X_Other { [Key] string Id; };
         class X_Service { [Key] string Id;
           uint32 Do([In, Required] uint16 First, [In] string Texts[], [In] datetime When, [In] boolean Sure,
             [In, EmbeddedInstance(\"X_Setting\")] string Setting, [In] X_Other REF Other,
             [In, ValueMap{\"2\",\"3\"}, Values{\"Running\",\"Off\"}] uint16 State, [In(false), Out] uint16 Result); };",
    )
    .unwrap()
}

fn own_typed(arguments: &[&str]) -> Result<Vec<(String, Parameter)>, Mismatch> {
    typed_with(Some(&own()), "X_Service", "Do", arguments)
}

#[test]
fn parameters_are_typed_and_stand_in_mof_order() {
    let point = "SnapshotSettingData=Msvm_VirtualSystemSettingData?InstanceID=Microsoft:A\\0";
    let sent = typed("Msvm_ReplicationService", "InitiateFailover", &[point, &format!("computersystem={VM}")]).unwrap();
    let names: Vec<_> = sent.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["ComputerSystem", "SnapshotSettingData"]);
    let Parameter::Reference(vm) = &sent[0].1 else { panic!("{sent:?}") };
    assert_eq!(
        vm.resource.as_str(),
        "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/virtualization/v2/Msvm_ComputerSystem"
    );
    let Parameter::Reference(point) = &sent[1].1 else { panic!("{sent:?}") };
    assert_eq!(point.selectors.value("InstanceID"), Some("Microsoft:A\\0"));
}

#[test]
fn null_is_left_out() {
    let sent = typed(
        "Msvm_ReplicationService",
        "InitiateFailover",
        &[&format!("ComputerSystem={VM}"), "SnapshotSettingData=null"],
    );
    assert_eq!(sent.unwrap().len(), 1);
}

#[test]
fn every_kind_of_value_is_read_by_its_type() {
    let sent = own_typed(&[
        "State=off",
        "Texts=a,b",
        "First=7",
        "Texts=text:null",
        "Sure=TRUE",
        "When=2026-11-23T08:00:00Z",
        "Other=ref:X_Other?Id=1",
        "Setting=instance:{\"class\":\"X_Sub\",\"Port\":5985}",
    ])
    .unwrap();
    let names: Vec<_> = sent.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["First", "Texts", "When", "Sure", "Setting", "Other", "State"]);
    assert_eq!(sent[0].1, Parameter::Value(Value::uint16(7)));
    let texts = ["a,b", "null"].map(|text| Parameter::Value(Value::text(text)));
    assert_eq!(sent[1].1, Parameter::Array(texts.to_vec()));
    assert!(matches!(&sent[2].1, Parameter::Value(Value::Datetime(_))), "{:?}", sent[2]);
    assert_eq!(sent[3].1, Parameter::Value(Value::Boolean(true)));
    assert!(matches!(&sent[4].1, Parameter::Embedded(instance) if instance.class().as_str() == "X_Sub"));
    assert_eq!(sent[6].1, Parameter::Value(Value::uint16(3)));
}

#[test]
fn what_does_not_fit_is_refused_with_the_declaration() {
    for (arguments, reason) in [
        (&["First=70000"][..], "is not a uint16"),
        (&["First=ref:X_Other?Id=1"], "not a reference"),
        (&["First=1", "First=2"], "no array"),
        (&["First=1", "First=null"], "as null and as a value"),
        (&[], "First must be given"),
        (&["First=null"], "First must be given"),
        (&["First=1", "Nope=1"], "has no parameter Nope"),
        (&["First=1", "Result=1"], "comes back"),
        (&["First=1", "Sure=maybe"], "is not a boolean"),
        (&["First=1", "State=5000000"], "its values are: 2 Running, 3 Off"),
        (&["First=1", "When=yesterday"], "is not a datetime"),
        (&["First=1", "Other=X_Setting?Id=1"], "a reference to a X_Other"),
        (&["First=1", "Other=1 2"], "not a reference such as"),
        (&["First=1", "Other=instance:{}"], "is a reference"),
        (&["First=1", "Texts=instance:{}"], "not an embedded instance"),
        (&["First=1", "Setting=plain"], "is an embedded instance"),
        (&["First=1", "Setting=instance:{"], "is a JSON object such as"),
        (&["First=1", "Setting=instance:{\"class\":\"X_Other\"}"], "holds a X_Setting"),
        (&["First=1", "Setting=instance:{\"class\":\"X_Setting\",\"Port\":\"x\"}"], "is not a uint16"),
        (&["First=1", "Setting=instance:{\"class\":\"X_None\"}"], "not declared"),
    ] {
        let error = own_typed(arguments).unwrap_err();
        assert!(error.text.contains(reason), "{arguments:?}: {}", error.text);
        assert!(error.remedy.contains("uint32 Do([in, required] uint16 First"), "{}", error.remedy);
    }
}

#[test]
fn unknown_classes_and_methods_name_what_there_is() {
    let error = typed("Msvm_Nothing", "Do", &[]).unwrap_err().remedy;
    assert!(error.contains("--schema FILE.mof") && error.contains("--no-schema"), "{error}");
    let error = typed("Msvm_ReplicationService", "Failover", &[]).unwrap_err().remedy;
    assert!(error.contains("CommitFailover, "), "{error}");
}

#[test]
fn without_a_schema_values_are_texts_in_the_order_typed() {
    let sent = typed_with(None, "Any", "Do", &["B=1", "A=ref:X?Id=2", "B=2", "C=null"]).unwrap();
    assert_eq!(sent.len(), 2);
    let texts = ["1", "2"].map(|text| Parameter::Value(Value::text(text)));
    assert_eq!(sent[0], ("B".to_owned(), Parameter::Array(texts.to_vec())));
    assert!(matches!(sent[1].1, Parameter::Reference(_)));
    let error = typed_with(None, "Any", "Do", &["B=instance:{\"class\":\"X\"}"]).unwrap_err();
    assert!(error.remedy.contains("--no-schema"), "{error}");
}

#[test]
fn a_file_is_read_as_text() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "{\"class\":\"X_Setting\",\"Id\":\"a=b\"}\n";
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().display();
    let sent = own_typed(&["First=1", &format!("Texts=@{path}"), &format!("Setting=@{path}")]).unwrap();
    assert_eq!(sent[1].1, Parameter::Array(vec![Parameter::Value(Value::text(text))]));
    assert!(matches!(&sent[2].1, Parameter::Embedded(instance) if instance.text("Id") == Some("a=b")));

    assert!(matches!("A=@/no/such/file".parse::<Argument>(), Err(ArgumentError::File { .. })));
    assert!(matches!("A".parse::<Argument>(), Err(ArgumentError::Form(_))));
    assert!(matches!("1A=x".parse::<Argument>(), Err(ArgumentError::Name(_))));
    std::fs::write(file.path(), vec![b'x'; (1 << 20) + 1]).unwrap();
    let error = format!("A=@{path}").parse::<Argument>().unwrap_err().to_string();
    assert!(error.contains("more than 1048576 bytes"), "{error}");
    let wide = "\u{feff}größe".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    for bytes in ["\u{feff}größe".as_bytes(), &wide] {
        std::fs::write(file.path(), bytes).unwrap();
        assert_eq!(format!("A=@{path}").parse::<Argument>().unwrap().given, Given::Plain("größe".to_owned()));
    }
}

#[test]
fn embedded_instances_are_typed_by_their_class() {
    let schema = own();
    let json = json!({
        "class": "x_setting", "Id": "a&b", "Port": "5985", "On": true, "Tags": "one", "Cold": -1, "Numbers": [1, 2],
        "State": { "value": 2, "name": "On" }, "Since": null, "Inner": { "class": "X_Sub", "Id": "i" },
    });
    let instance = instance_from_json(&json, &schema).unwrap();
    let text = instance.to_cim_xml().unwrap();
    for part in [
        "<INSTANCE CLASSNAME=\"X_Setting\">",
        "<PROPERTY NAME=\"Id\" TYPE=\"string\"><VALUE>a&#38;b</VALUE>",
        "<PROPERTY NAME=\"Port\" TYPE=\"uint16\"><VALUE>5985</VALUE>",
        "<PROPERTY NAME=\"On\" TYPE=\"boolean\"><VALUE>true</VALUE>",
        "<PROPERTY.ARRAY NAME=\"Tags\" TYPE=\"string\"><VALUE.ARRAY><VALUE>one</VALUE></VALUE.ARRAY>",
        "<PROPERTY NAME=\"Cold\" TYPE=\"sint8\"><VALUE>-1</VALUE>",
        "<PROPERTY NAME=\"State\" TYPE=\"uint16\"><VALUE>2</VALUE>",
        "&#60;INSTANCE CLASSNAME=&#34;X_Sub&#34;&#62;",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("Since"), "{text}");

    for (json, reason) in [
        (json!([]), "JSON object"),
        (json!({"Id": "1"}), "JSON object"),
        (json!({"class": "X_Setting", "Nope": 1}), "no property Nope"),
        (json!({"class": "X_Setting", "Port": true}), "is a uint16"),
        (json!({"class": "X_Setting", "Port": [1]}), "no array"),
        (json!({"class": "X_Setting", "Port": 70000}), "uint16"),
        (json!({"class": "X_Setting", "Port": {"name": "x"}}), "is a uint16"),
        (json!({"class": "X_Setting", "On": "true"}), "is a boolean"),
        (json!({"class": "X_Setting", "Id": 5}), "is a string"),
        (json!({"class": "X_Setting", "Numbers": [1, "x"]}), "uint32"),
        (json!({"class": "X_Setting", "Other": "X_Other"}), "leave it out"),
    ] {
        let error = instance_from_json(&json, &schema).unwrap_err();
        assert!(error.contains(reason), "{json}: {error}");
    }
}

fn view(inner: &str) -> Document {
    let namespaces = "xmlns:p='urn:c' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' \
         xmlns:cim='http://schemas.dmtf.org/wbem/wscim/1/common' \
         xmlns:a='http://schemas.xmlsoap.org/ws/2004/08/addressing' \
         xmlns:w='http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd'";
    Document::parse(format!("<p:X_Setting {namespaces}>{inner}</p:X_Setting>")).unwrap()
}

const INSTANCE: &str = "<p:Id>1</p:Id><p:Port>5985</p:Port><p:On>TRUE</p:On><p:Tags></p:Tags><p:Numbers>1</p:Numbers>\
    <p:Numbers>2</p:Numbers><p:Since><cim:Datetime>2026-11-23T08:00:00.5Z</cim:Datetime></p:Since>\
    <p:Cold xsi:nil='true'/><p:Other><a:Address>x</a:Address><a:ReferenceParameters><w:ResourceURI>http://h/X_Other\
    </w:ResourceURI><w:SelectorSet><w:Selector Name='Id'>7</w:Selector></w:SelectorSet></a:ReferenceParameters>\
    </p:Other><p:Inner>&lt;INSTANCE CLASSNAME=\"X_Sub\"&gt;&lt;PROPERTY NAME=\"Port\" TYPE=\"uint16\"&gt;\
    &lt;VALUE&gt;1&lt;/VALUE&gt;&lt;/PROPERTY&gt;&lt;/INSTANCE&gt;</p:Inner><p:State>2</p:State><cim:Location/>";

fn shown(document: &Document, schema: &Schema) -> serde_json::Value {
    instance_to_json(&InstanceView::of(document.root()), Some(schema), "X_Setting")
}

#[test]
fn an_instance_is_typed_by_its_class() {
    assert_eq!(
        shown(&view(INSTANCE), &own()),
        json!({"class": "X_Setting", "uri": "urn:c", "properties": {
            "Id": "1", "Port": 5985, "On": true, "Tags": [""], "Numbers": [1, 2],
            "Since": "2026-11-23T08:00:00.5Z", "Cold": null,
            "Other": {"class": "X_Other", "uri": "http://h/X_Other", "keys": {"Id": "7"}, "address": "x"},
            "Inner": {"class": "X_Sub", "properties": {"Port": 1}}, "State": {"value": 2, "name": "On"},
        }})
    );
}

#[test]
fn an_instance_of_an_unknown_class_is_texts() {
    let json = shown(&view(INSTANCE), &Schema::default());
    let json = &json["properties"];
    assert_eq!(json["Port"], "5985");
    assert_eq!(json["On"], "TRUE");
    assert_eq!(json["Numbers"], json!(["1", "2"]));
    assert_eq!(json["Since"], "2026-11-23T08:00:00.5Z");
    assert_eq!(json["Cold"], json!(null));
    assert_eq!(json["Other"]["keys"]["Id"], "7");
}

#[test]
fn a_subclass_that_is_not_declared_is_typed_by_the_class_asked_for() {
    let document = Document::parse("<p:X_New xmlns:p='urn:c'><p:Port>1</p:Port><p:More>2</p:More></p:X_New>").unwrap();
    let json = shown(&document, &own());
    assert_eq!((&json["class"], &json["properties"]), (&json!("X_New"), &json!({"Port": 1, "More": "2"})));
}

#[test]
fn null_empty_absent_and_odd_are_kept_apart() {
    let document = view(
        "<p:Id/><p:Tags xsi:nil='true'/><p:Port>many</p:Port><p:On>1</p:On><p:On>0</p:On><p:Inner>?</p:Inner>\
         <p:State>9</p:State><p:Since>20261123080000.000000+000</p:Since>",
    );
    assert_eq!(
        shown(&document, &own())["properties"],
        json!({
            "Id": "", "Tags": null, "Port": "many", "On": [true, false], "Inner": "?",
            "State": {"value": 9, "name": null}, "Since": "2026-11-23T08:00:00Z",
        })
    );
}

#[test]
fn an_instance_reads_back_as_it_was_printed() {
    let schema = own();
    let document = view(
        "<p:Id>1</p:Id><p:Port>5985</p:Port><p:On>true</p:On><p:Tags>a</p:Tags><p:State>3</p:State><p:Numbers>1</p:Numbers>",
    );
    let built = instance_from_json(&shown(&document, &schema), &schema).unwrap();
    assert_eq!(built.properties().count(), 6);
    assert_eq!(built.property("State").into_option(), Some(&Value::uint16(3)));
    let numbers = Value::Array(crate::cim::CimType::Uint32, vec![Value::uint32(1)]);
    assert_eq!(built.property("Numbers").into_option(), Some(&numbers));
}

#[test]
fn an_output_names_its_numbers() {
    let schema = own();
    let method = schema.class("X_Service").unwrap().method("Do").unwrap();
    let document = view("<p:Result>3</p:Result><p:State>9</p:State><p:ReturnValue>0</p:ReturnValue>");
    let json = output_to_json(&InstanceView::of(document.root()), None, Some(method));
    assert_eq!(json["State"], json!({"value": 9, "name": null}));
    assert_eq!(json["Result"], 3);

    let failover = find_method(Schema::builtin(), "Msvm_ReplicationService", "initiatefailover").unwrap();
    let document = view("<p:ReturnValue>32775</p:ReturnValue>");
    let json = output_to_json(&InstanceView::of(document.root()), None, Some(failover));
    assert_eq!(json["ReturnValue"], json!({"value": 32775, "name": "Invalid state for this operation"}));
    let json = output_to_json(&InstanceView::of(document.root()), None, None);
    assert_eq!(json["ReturnValue"], "32775");
}

#[test]
fn values_are_shown_in_words() {
    let json = shown(&view(INSTANCE), &own());
    let lines = lines(json["properties"].as_object().unwrap());
    let line = |name: &str| lines.iter().find(|line| line[0] == name).unwrap()[1].clone();
    assert_eq!((line("Cold"), line("Numbers"), line("State")), ("NULL".into(), "1, 2".into(), "2 (On)".into()));
    assert_eq!(line("Other"), "http://h/X_Other?Id=7 at x");
    assert_eq!(json::words(&json!({"value": 9, "name": null})), "9");
}

#[test]
fn an_instance_of_very_many_properties_is_read_in_time() {
    let inner: String = (0..50_000).map(|number| format!("<p:P{number}/>")).collect();
    assert_eq!(shown(&view(&inner), &own())["properties"].as_object().unwrap().len(), 50_000);
}
