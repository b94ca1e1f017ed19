//! `hvr wsman` as its users meet it.

mod workbench;

use hyperv_replica::simulator::ServerOptions;
use serde_json::{Value, json};

use crate::cli::{QUOTE, against, hvr, rehearse, run};
use crate::support::process::{Running, Signal};
use crate::support::schema::check_document;

const VM: &str = "Msvm_ComputerSystem?CreationClassName=Msvm_ComputerSystem,Name=168AFEE0-E0C0-4C6C-8E3F-D46352E7D11D";
const SERVICE: &str = "Msvm_ReplicationService?CreationClassName=Msvm_ReplicationService";
const ACCOUNT: &str = "[account]\nuser = \"dr-admin\"\npassword = \"canary-pass-42\"";
const DEMO: [&str; 5] = ["wsman", "enumerate", "Demo_Item", "--namespace", "root/cimv2"];

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    base.iter().chain(more).copied().collect()
}

/// The envelope of a dry run to a host that nobody logs in to.
fn envelope(arguments: &[&str]) -> String {
    let ran = run(&with(arguments, &["--dry-run", "-H", "hv-dr-01"]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.out
}

#[test]
fn an_instance_is_typed_by_its_class() {
    let (ran, document) = rehearse("", &["wsman", "get", VM]);
    let properties = &document["instance"]["properties"];
    assert_eq!((ran.code, &document["instance"]["class"]), (0, &json!("Msvm_ComputerSystem")));
    assert_eq!(properties["ReplicationState"]["value"], 3);
    assert!(properties["ReplicationState"]["name"].is_string());
    assert!(properties["OperationalStatus"].is_array(), "{properties}");
    assert!(properties["LastReplicationTime"].as_str().unwrap().contains('T'));
    let (_, untyped) = rehearse("", &["wsman", "get", VM, "--no-schema"]);
    assert_eq!(untyped["instance"]["properties"]["ReplicationState"], "3");
    let table = run(&["wsman", "get", VM, "--simulate"]);
    assert!(table.out.contains("MSVM_COMPUTERSYSTEM") && table.out.contains("app-db-01"), "{}", table.out);
}

#[test]
fn raw_prints_the_reply_and_nothing_else() {
    let ran = run(&["wsman", "get", "Msvm_ComputerSystem?Name=none", "--simulate", "--raw", "-o", "json"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.out.starts_with("<s:Envelope") && ran.out.trim_end().ends_with("</s:Envelope>"), "{}", ran.out);
    assert!(ran.out.contains("s:Fault") && ran.out.lines().count() == 1, "{}", ran.out);
    assert!(ran.err.contains("DestinationUnreachable"), "{}", ran.err);
    assert!(run(&["wsman", "identify", "--simulate", "--raw"]).out.contains("IdentifyResponse"));
    let ran = run(&[
        "wsman",
        "invoke",
        SERVICE,
        "InitiateFailover",
        &format!("ComputerSystem={VM}"),
        "--yes",
        "--simulate",
        "--raw",
    ]);
    assert!(ran.code == 0 && ran.out.contains("InitiateFailover_OUTPUT"), "{}", ran.out);
}

#[test]
fn a_dry_run_needs_no_login_and_prints_the_exact_envelope() {
    let xml = envelope(&["wsman", "get", "X?A=\"a,b\",B=c\\d"]);
    assert!(xml.contains("<a:To s:mustUnderstand=\"true\">https://hv-dr-01:5986/wsman</a:To>"), "{xml}");
    assert!(xml.contains("root/virtualization/v2/X</w:ResourceURI>"), "{xml}");
    assert!(xml.contains("<w:Selector Name=\"A\">a,b</w:Selector><w:Selector Name=\"B\">c\\d</w:Selector>"), "{xml}");

    let dmtf = envelope(&["wsman", "get", "X?A=1", "--base", "dmtf", "--namespace", "root/cimv2"]);
    assert!(
        dmtf.contains("cim-schema/2/X</w:ResourceURI>") && dmtf.contains("Name=\"__cimnamespace\">root/cimv2<"),
        "{dmtf}"
    );
    let without = envelope(&["wsman", "get", "X?A=1", "--base", "dmtf", "--cimnamespace=false"]);
    assert!(!without.contains("__cimnamespace"), "{without}");
    let forced = envelope(&["wsman", "get", "X?A=1", "--cimnamespace"]);
    assert!(forced.contains("Name=\"__cimnamespace\">root/virtualization/v2<"), "{forced}");
    let own = envelope(&["wsman", "get", "X?A=1", "--base", "http://vendor/classes"]);
    assert!(own.contains("http://vendor/classes/X</w:ResourceURI>"), "{own}");
    let whole = envelope(&["wsman", "get", "http://vendor/Y?A=1"]);
    assert!(whole.contains(">http://vendor/Y</w:ResourceURI>"), "{whole}");

    let query = envelope(&["wsman", "enumerate", "--wql", "SELECT * FROM X", "--mode", "epr", "--limit", "7"]);
    assert!(query.contains("root/virtualization/v2/*</w:ResourceURI>"), "{query}");
    assert!(query.contains("<w:MaxElements>7</w:MaxElements>") && query.contains("EnumerateEPR"), "{query}");
    let filter = envelope(&["wsman", "enumerate", "X", "--filter", "a", "--dialect", "urn:d"]);
    assert!(filter.contains("<w:Filter Dialect=\"urn:d\">a</w:Filter>") && filter.contains("v2/X</w:"), "{filter}");

    let ran = run(&["wsman", "enumerate", "X", "--dry-run", "-H", "h", "-o", "json"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    check_document(&document);
    assert_eq!(document["sent"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enumeration_comes_page_by_page_and_is_released_when_stopped() {
    let server = crate::support::serve(&format!("demo_items = 40\n{ACCOUNT}"), ServerOptions::http()).await;
    let lines = against(&server, &with(&DEMO, &["--max-elements", "15", "-o", "jsonl"]));
    assert_eq!(lines.code, 0, "{}", lines.err);
    let items: Vec<Value> = lines.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    items.iter().for_each(check_document);
    assert_eq!(items.len(), 40);
    assert_eq!(server.simulator().requests().get("Pull"), Some(&2), "15 with the first reply, then two Pulls");

    let stopped = against(&server, &with(&DEMO, &["--limit", "20", "--max-elements", "15", "-o", "json"]));
    let document: Value = serde_json::from_str(&stopped.out).unwrap();
    check_document(&document);
    assert_eq!((document["count"].as_u64(), document["complete"].as_bool()), (Some(20), Some(false)));
    assert_eq!(server.simulator().open_enumerations(), 0, "released");
    let raw = against(&server, &with(&DEMO, &["--limit", "20", "--max-elements", "15", "--raw"]));
    assert_eq!(raw.out.lines().count(), 2, "one line a page, none beyond the limit");
    assert_eq!(server.simulator().open_enumerations(), 0, "released");
}

#[test]
fn an_enumeration_that_breaks_off_is_whole_json_and_says_so() {
    let scenario = "demo_items = 40\n[[faults]]\non = \"Pull\"\nnth = 2\nfault = \"InvalidEnumerationContext\"";
    let (ran, document) = rehearse(scenario, &with(&DEMO, &["--max-elements", "10"]));
    assert_eq!((ran.code, document["count"].as_u64()), (4, Some(20)), "{}", ran.err);
    assert_eq!((&document["complete"], &document["error"]["code"]), (&json!(false), &json!("enumeration-context")));
    check_document(&document["error"]);
    assert!(ran.err.contains("InvalidEnumerationContext"), "{}", ran.err);

    let scenario = "demo_items = 40\n[[faults]]\non = \"Enumerate\"\nfault = \"InternalError\"";
    let (ran, document) = rehearse(scenario, &DEMO);
    assert_eq!((ran.code, document["kind"].as_str()), (4, Some("error")), "nothing came: the error is the document");
}

#[test]
fn all_of_an_enumeration_is_complete_and_none_is_none_visible() {
    let (_, document) = rehearse("demo_items = 3", &with(&DEMO, &["--limit", "3"]));
    assert_eq!((document["count"].as_u64(), &document["complete"]), (Some(3), &json!(true)));
    let none = run(&["wsman", "enumerate", "Msvm_ConcreteJob", "--simulate"]);
    assert_eq!((none.code, none.out.as_str()), (0, ""));
    assert!(none.err.contains("none is visible to this account"), "{}", none.err);
    let (_, document) = rehearse("", &["wsman", "enumerate", "Msvm_ConcreteJob"]);
    assert_eq!(document["items"], json!([]));
}

#[test]
fn columns_make_a_table() {
    let arguments = ["wsman", "enumerate", "--simulate", "--columns", "elementname,EnabledState,Nope", "--wql"];
    let ran = run(&with(&arguments, &["SELECT * FROM Msvm_ComputerSystem WHERE ElementName = 'app-db-01'"]));
    let lines: Vec<Vec<&str>> = ran.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines, [vec!["ELEMENTNAME", "ENABLEDSTATE", "NOPE"], vec!["app-db-01", "3", "(Disabled)"]]);
}

#[test]
fn host_text_cannot_write_to_the_terminal() {
    let scenario = "[[vms]]\nname = \"exe\\u202Efdp\"";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), scenario).unwrap();
    let path = file.path().to_str().unwrap();
    for format in ["table", "json", "jsonl"] {
        let ran = run(&["wsman", "enumerate", "Msvm_ComputerSystem", "--simulate", "--scenario", path, "-o", format]);
        assert!(ran.out.contains("202e") && !ran.out.contains('\u{202e}'), "{format}");
    }
}

#[test]
fn what_does_not_fit_the_declaration_is_refused_before_anything_is_sent() {
    let reference = format!("ComputerSystem={VM}");
    for (words, expected) in [
        (vec![SERVICE, "InitiateFailover", "Nope=1"], "has no parameter Nope"),
        (vec![SERVICE, "InitiateFailover", "Job=x"], "comes back"),
        (vec![SERVICE, "InitiateFailover", "ComputerSystem=Msvm_ConcreteJob?InstanceID=1"], "reference to a"),
        (vec![SERVICE, "InitiateFailover", &reference, &reference], "no array"),
        (vec![VM, "RequestStateChange", "RequestedState=70000"], "uint16"),
        (vec![VM, "RequestStateChange", "RequestedState=instance:{\"class\":\"X\"}"], "not an embedded instance"),
        (vec![VM, "Explode"], "has no method"),
        (vec!["Own_Class?Id=1", "Do"], "not declared"),
        (vec![SERVICE, "InitiateFailover", "novalue"], "is not name=value"),
        (vec!["No Class", "Do"], "is not a reference"),
    ] {
        // No host of that name: whatever was sent would end in 6.
        let mut arguments = vec!["wsman", "invoke", "-H", "host.invalid", "-u", "u", "--yes", "-o", "json"];
        arguments.extend(words.iter().copied());
        let ran = run(&arguments);
        assert_eq!(ran.code, 2, "{words:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{words:?}: {}", ran.err);
        check_document(&serde_json::from_str(&ran.out).unwrap());
    }
    let no_host = |words: &[&str]| run(&[words, &["-H", "host.invalid", "-u", "u", "--yes", "-o", "json"]].concat());
    // Keys: of references inside a message all, of a target those that are.
    let lacking = "ComputerSystem=ref:Msvm_ComputerSystem?Name=168AFEE0-E0C0-4C6C-8E3F-D46352E7D11D";
    let ran = no_host(&["wsman", "invoke", SERVICE, "InitiateFailover", lacking]);
    assert!(ran.code == 2 && ran.err.contains("lacks the key CreationClassName"), "{}", ran.err);
    assert!(ran.err.contains("[in] CIM_ComputerSystem REF ComputerSystem"), "{}", ran.err);
    for words in [
        &["wsman", "invoke", "Msvm_ReplicationService?Nme=x", "StartServiceX"][..],
        &["wsman", "put", "Msvm_ComputerSystem?Nme=x", "ElementName=y"],
        &["wsman", "delete", "Msvm_ComputerSystem?Nme=x"],
    ] {
        let ran = no_host(words);
        assert!(ran.code == 2 && !ran.err.contains("host.invalid"), "{words:?}: {}", ran.err);
    }
    let ask = |words: &[&str]| run(&[words, &["-H", "host.invalid", "-u", "u", "-o", "json"]].concat());
    for (words, says) in [
        (&["wsman", "get", "Msvm_ComputerSystem?Nme=x"][..], "Nme is no key of Msvm_ComputerSystem; its keys: [key]"),
        (&["wsman", "enumerate", "Msvm_ComputerSystem", "--where", "Nme=x"], "has no property Nme"),
        (&["wsman", "enumerate", "Msvm_X", "--associated-with", "Msvm_ComputerSystem?Name=x"], "lacks the key"),
    ] {
        let ran = ask(words);
        assert!(ran.code == 2 && ran.err.contains(says), "{words:?}: {}", ran.err);
        let untyped = ask(&[words, &["--no-schema", "--dry-run"]].concat());
        assert_eq!(untyped.code, 0, "{words:?}: {}", untyped.err);
    }
    let ran = run(&["wsman", "invoke", SERVICE, "InitiateFailover", "Nope=1", "--simulate", "--yes"]);
    assert!(ran.err.contains("[in] CIM_ComputerSystem REF ComputerSystem"), "{}", ran.err);
}

#[test]
fn own_classes_are_typed_by_their_mof() {
    let mof = tempfile::NamedTempFile::new().unwrap();
    let text = "class Own_Setting { [Key] string Id; uint16 Port; string Tags[]; };
         class Own_Service { [Key] string Id; uint32 Do([In] datetime When, [In] string Names[],
           [In, EmbeddedInstance(\"Own_Setting\")] string Setting, [In] Own_Service REF Other); };";
    std::fs::write(mof.path(), text).unwrap();
    let mof = mof.path().to_str().unwrap();
    let xml = envelope(&[
        "wsman",
        "invoke",
        "Own_Service?Id=1",
        "do",
        "--schema",
        mof,
        "Other=Own_Service?Id=\"2,3\"",
        "Setting=instance:{\"class\":\"Own_Setting\",\"Id\":\"a&b\",\"Port\":80,\"Tags\":[\"t\"]}",
        "names=x",
        "Names=null&",
        "When=2026-11-23T08:00:00Z",
    ]);
    // In the order of the declaration, whatever the order typed.
    let parts = [
        "<p:Do_INPUT ",
        "<cim:Datetime xmlns:cim=\"http://schemas.dmtf.org/wbem/wscim/1/common\">2026-11-23T08:00:00",
        "<p:Names>x</p:Names><p:Names>null&amp;</p:Names>",
        "CLASSNAME=\"Own_Setting\"",
        "&lt;VALUE>a&amp;#38;b&lt;/VALUE",
        "NAME=\"Port\" TYPE=\"uint16\"",
        "&lt;VALUE.ARRAY>&lt;VALUE>t&lt;",
        "<w:Selector Name=\"Id\">2,3</w:Selector>",
    ];
    let mut rest = xml.replace("&gt;", ">").replace("&quot;", "\"");
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part} in its place in {xml}"));
        rest = rest.split_off(at + part.len());
    }
    let missing = run(&["wsman", "get", "X?A=1", "--schema", "/nonexistent.mof", "--simulate"]);
    assert!(missing.code == 2 && missing.err.contains("/nonexistent.mof"), "{}", missing.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_may_have_been_taken_is_5_and_never_sent_twice() {
    let scenario = format!("{ACCOUNT}\n[[faults]]\non = \"InitiateFailover\"\ncut = \"after\"");
    let server = crate::support::serve(&scenario, ServerOptions::http()).await;
    let reference = format!("ComputerSystem={VM}");
    let ran = against(&server, &["wsman", "invoke", SERVICE, "InitiateFailover", &reference, "--yes", "-o", "json"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    check_document(&document);
    assert_eq!((ran.code, document["may_have_changed"].as_str()), (5, Some("perhaps")), "{}", ran.err);
    assert_eq!(server.simulator().taken("InitiateFailover", "app-db-01"), 1);
    assert!(ran.err.contains("calling InitiateFailover of Msvm_ReplicationService"), "{}", ran.err);
    assert!(ran.err.contains(&format!("ComputerSystem = {VM}")), "{}", ran.err);
}

#[test]
fn faults_of_a_call_are_4_or_7() {
    let reference = format!("ComputerSystem={VM}");
    let call = ["wsman", "invoke", SERVICE, "InitiateFailover", reference.as_str(), "--yes"];
    for (fault, code) in
        [("AccessDenied", 7), ("WmiAccessDenied", 7), ("NotFound", 4), ("SchemaValidationError", 4), ("TimedOut", 5)]
    {
        let scenario = format!("[[faults]]\non = \"InitiateFailover\"\nfault = \"{fault}\"");
        let (ran, _) = rehearse(&scenario, &call);
        assert_eq!(ran.code, code, "{fault}: {}", ran.err);
    }
}

#[test]
fn a_job_is_named_and_methods_that_read_do_not_ask() {
    let reference = format!("computersystem={VM}");
    let (ran, document) = rehearse("", &["wsman", "invoke", SERVICE, "initiatefailover", &reference, "--yes"]);
    assert_eq!((ran.code, document["method"].as_str()), (0, Some("InitiateFailover")));
    let value = &document["output"]["ReturnValue"];
    assert_eq!(value, &json!({"value": 4096, "name": "Method Parameters Checked - Job Started"}));
    assert!(ran.err.contains(&format!("hvr job wait {QUOTE}Msvm_ConcreteJob?InstanceID=")), "{}", ran.err);
    // No such job, so a fault; but it was asked without --yes.
    let (ran, _) = rehearse("", &["wsman", "invoke", "Msvm_ConcreteJob?InstanceID=x", "GetErrorEx"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let asked = run(&["wsman", "invoke", VM, "RequestStateChange", "RequestedState=2", "--simulate"]);
    assert!(asked.code == 2 && asked.err.contains("--yes"), "{}", asked.err);
}

const NOTE: &str = "wmicimv2/Demo_Note?Id=1";
const NOTES: &str = "class Demo_Note { [Key] string Id; string Text; string Tags[]; };";

/// A file that lives as long as the test.
fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

fn document(ran: &crate::cli::Ran) -> Value {
    let document = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", ran.out, ran.err));
    check_document(&document);
    document
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_made_changed_and_removed() {
    let server = crate::support::serve(ACCOUNT, ServerOptions::http()).await;
    let mof = file(NOTES);
    let ask = |words: &[&str]| {
        let ran = against(&server, &with(&with(&["wsman"], words), &["--schema", path(&mof), "-o", "json"]));
        (ran.code, document(&ran), ran.err)
    };
    let make = ["create", "wmicimv2/Demo_Note", "Id=1", "tags=a", "Tags=b", "Text=x & <y>", "--yes"];
    let (code, made, err) = ask(&make);
    assert_eq!((code, &made["reference"]["keys"]), (0, &json!({"Id": "1"})), "{err}");
    assert!(err.contains("creating an instance of Demo_Note") && err.contains("Tags = [a, b]"), "{err}");
    let (code, twice, _) = ask(&make);
    assert_eq!((code, &twice["code"]), (4, &json!("fault")));

    let (code, changed, err) = ask(&["put", NOTE, "Text=null", "--yes"]);
    assert_eq!((code, &changed["instance"]["properties"]["Text"]), (0, &Value::Null), "{err}");
    assert_eq!(changed["instance"]["properties"]["Tags"], json!(["a", "b"]), "what is not given stays");

    // What get prints is what put takes.
    let (_, shown, _) = ask(&["get", NOTE]);
    let edited = file(&shown.to_string().replace("\"b\"", "\"c\""));
    let (code, changed, err) = ask(&["put", NOTE, "--input", path(&edited), "--yes"]);
    assert_eq!((code, &changed["instance"]["properties"]["Tags"]), (0, &json!(["a", "c"])), "{err}");

    let (_, part, _) = ask(&["get", NOTE, "--fragment", "Tags[2]/text()"]);
    assert_eq!((&part["text"], &part["elements"]), (&json!("c"), &json!([])));
    let (_, part, _) = ask(&["get", NOTE, "--fragment", "Tags"]);
    assert_eq!(part["elements"], json!([{"name": "Tags", "value": "a"}, {"name": "Tags", "value": "c"}]));
    let (code, _, err) = ask(&["put", NOTE, "--fragment", "Tags[1]/text()", "--text", "z", "--yes"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(ask(&["put", NOTE, "Text=new", "--fragment", "Text", "--yes"]).0, 0);
    let (_, shown, _) = ask(&["get", NOTE]);
    assert_eq!(shown["instance"]["properties"]["Tags"], json!(["z", "c"]));
    assert_eq!(shown["instance"]["properties"]["Text"], "new");
    let (code, _, err) = ask(&["get", NOTE, "--fragment", "Nope"]);
    assert!(code == 4 && err.contains("CannotProcessFilter"), "{err}");

    let xml = "<?xml version=\"1.0\"?><n:Demo_Note xmlns:n=\"http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Demo_Note\">\
               <n:Text>from a file</n:Text></n:Demo_Note>";
    let (code, changed, err) = ask(&["put", NOTE, "--input", path(&file(xml)), "--yes"]);
    assert_eq!((code, &changed["instance"]["properties"]["Text"]), (0, &json!("from a file")), "{err}");

    let (code, gone, _) = ask(&["delete", NOTE, "--yes"]);
    assert_eq!((code, &gone["action"]), (0, &json!("deleted")));
    assert_eq!(ask(&["delete", NOTE, "--yes"]).0, 4);
    let sent = server.simulator().requests();
    assert_eq!((sent.get("Create"), sent.get("Delete"), sent.get("Put")), (Some(&2), Some(&2), Some(&5)));
}

#[test]
fn changes_are_asked_about_and_unknown_ends_are_5() {
    for words in [
        &["put", NOTE, "Text=x", "--no-schema"][..],
        &["create", "wmicimv2/Demo_Note", "Id=1", "--no-schema"],
        &["delete", NOTE],
    ] {
        let ran = run(&with(&with(&["wsman"], words), &["--simulate"]));
        assert!(ran.code == 2 && ran.err.contains("add --yes"), "{words:?}: {}", ran.err);
    }
    for (operation, words) in [
        ("Create", &["create", "wmicimv2/Demo_Note", "Id=1", "--no-schema", "--yes"][..]),
        ("Delete", &["delete", NOTE, "--yes"]),
        ("Put", &["put", NOTE, "Text=x", "--no-schema", "--yes"]),
    ] {
        let scenario = format!("[[faults]]\non = \"{operation}\"\ncut = \"after\"");
        let (ran, document) = rehearse(&scenario, &with(&["wsman"], words));
        assert_eq!((ran.code, &document["may_have_changed"]), (5, &json!("perhaps")), "{operation}: {}", ran.err);
        let scenario = format!("[[faults]]\non = \"{operation}\"\nfault = \"AccessDenied\"");
        assert_eq!(rehearse(&scenario, &with(&["wsman"], words)).0.code, 7, "{operation}");
    }
}

#[test]
fn properties_that_do_not_fit_are_refused_with_the_declaration() {
    let mof = file(
        "class X { [Key] string Id; uint16 Port; string Tags[]; [EmbeddedInstance(\"X\")] string Inner; X REF Other; };",
    );
    for (words, expected) in [
        (&["Nope=1"][..], "X has no property Nope"),
        (&["Port=70000"], "not a uint16"),
        (&["Port=1", "Port=2"], "no array"),
        (&["Inner=text"], "embedded instance"),
        (&["Other=X?Nope=1"], "Nope is no key of X; its keys: [key] string Id"),
        (&["Other=X"], "names no instance without a key"),
        (&[], "nothing is given"),
        (&["--input", "/nonexistent"], "/nonexistent"),
        (&["--text", "x"], "--fragment"),
    ] {
        let arguments = with(&["wsman", "put", "X?Id=1", "--schema", path(&mof), "--dry-run", "-H", "h"], words);
        let ran = run(&arguments);
        assert!(ran.code == 2 && ran.err.contains(expected), "{words:?}: {}", ran.err);
    }
    for (text, typed, expected) in [
        ("{\"Port\": [1]}", &[][..], "Port is no array"),
        ("{\"Port\": true}", &[], "is a uint16"),
        ("{\"Tags\": {\"a\": 1}}", &[], "Tags is a string"),
        ("[1]", &[], "no JSON object"),
        ("{\"Port\": ", &[], "EOF"),
        ("<x", &[], "not well-formed"),
        ("<x/>", &["Id=2"], "sent as it stands"),
        ("<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"/>", &[], "hvr wsman send"),
        ("{\"Id\": \"2\"}", &["Id=2"], "on the command line and in the document"),
    ] {
        let given = file(text);
        let base = ["wsman", "put", "X?Id=1", "--schema", path(&mof), "--dry-run", "-H", "h", "--input", path(&given)];
        let ran = run(&with(&base, typed));
        assert!(ran.code == 2 && ran.err.contains(expected), "{text}: {}", ran.err);
    }
    let given = file("{\"instance\": {\"class\": \"X\", \"properties\": {\"Port\": {\"value\": 5, \"name\": null}, \"Tags\": [\"a\"],
        \"Other\": {\"class\": \"X\", \"keys\": {\"Id\": \"7\"}}, \"Inner\": {\"class\": \"X\", \"properties\": {\"Port\": 1}}}}}");
    let xml = envelope(&["wsman", "put", "X?Id=1", "--schema", path(&mof), "--input", path(&given)]);
    for part in [
        "<p:Port>5</p:Port><p:Tags>a</p:Tags><p:Other><a:Address>",
        "<w:Selector Name=\"Id\">7</w:Selector>",
        "<p:Inner>&lt;INSTANCE CLASSNAME=",
    ] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
}

#[test]
fn parameters_come_from_a_document_too() {
    let mof = file(
        "class X { [Key] string Id; uint32 Do([In] uint16 Port, [In] string Tags[], [In] boolean On, [In] X REF Other,
           [In, ValueMap{\"2\",\"3\"}, Values{\"Run\",\"Off\"}] uint16 State); };",
    );
    let given =
        file("{\"Tags\": [\"a\", \"b\"], \"On\": true, \"Other\": \"X?Id=2\", \"State\": \"Off\", \"Port\": null}");
    let xml = envelope(&["wsman", "invoke", "X?Id=1", "Do", "--schema", path(&mof), "--input", path(&given)]);
    let body = "<p:Tags>a</p:Tags><p:Tags>b</p:Tags><p:On>true</p:On><p:Other>";
    assert!(xml.contains(body) && xml.contains("<p:State>3</p:State>") && !xml.contains("Port"), "{xml}");
    let ran = run(&[
        "wsman",
        "invoke",
        "X?Id=1",
        "Do",
        "On=true",
        "--schema",
        path(&mof),
        "--input",
        path(&given),
        "--dry-run",
        "-H",
        "h",
    ]);
    assert!(ran.code == 2 && ran.err.contains("On is given on the command line"), "{}", ran.err);
    let untyped = envelope(&["wsman", "invoke", "X?Id=1", "Do", "--no-schema", "--input", path(&given)]);
    assert!(untyped.contains("<p:Other>X?Id=2</p:Other>") && untyped.contains("<p:On>true</p:On>"), "{untyped}");
}

#[test]
fn short_names_selectors_options_and_headers_stand_in_the_envelope() {
    let xml = envelope(&[
        "wsman",
        "get",
        "winrm/config/service",
        "--selector",
        "A=b",
        "--option",
        "!Must=1",
        "--option",
        "May=",
        "--header",
        "!{urn:x}Trace=a&b",
        "--header",
        "{urn:y}Note=n",
        "--locale",
        "ja-JP",
    ]);
    for part in [
        ">http://schemas.microsoft.com/wbem/wsman/1/config/service</w:ResourceURI>",
        "<w:SelectorSet><w:Selector Name=\"A\">b</w:Selector></w:SelectorSet>",
        "<w:OptionSet s:mustUnderstand=\"true\"><w:Option Name=\"Must\" MustComply=\"true\">1</w:Option>",
        "<w:Option Name=\"May\"></w:Option></w:OptionSet>",
        "<Trace xmlns=\"urn:x\" s:mustUnderstand=\"true\">a&amp;b</Trace><Note xmlns=\"urn:y\">n</Note>",
        "<w:Locale xml:lang=\"ja-JP\"",
    ] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    let xml = envelope(&["wsman", "enumerate", "wmicimv2/*", "--wql", "SELECT * FROM Win32_X"]);
    assert!(xml.contains("/wmi/root/cimv2/*</w:ResourceURI>"), "{xml}");
    let xml = envelope(&["wsman", "enumerate", "X", "--where", "A=1", "--where", "B=x y", "--plain"]);
    assert!(
        xml.contains("SelectorFilter\"><w:SelectorSet><w:Selector Name=\"A\">1<") && !xml.contains("Optimize"),
        "{xml}"
    );
    let xml = envelope(&[
        "wsman",
        "enumerate",
        "Y",
        "--associated-with",
        "X?Id=1",
        "--role",
        "Left",
        "--association-class",
        "L",
        "--polymorphism",
        "exclude",
    ]);
    for part in [
        "/v2/*</w:ResourceURI>",
        "<b:Role>Left</b:Role><b:ResultClassName>Y</b:ResultClassName>",
        "<b:PolymorphismMode>ExcludeSubClassProperties<",
    ] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    for (words, expected) in [
        (&["get", "X?A=1", "--header", "Trace=1"][..], "{NAMESPACE}LOCAL=VALUE"),
        (&["get", "X?A=1", "--header", "{urn:x}a b=1"], "not a name"),
        (&["enumerate", "X", "--role", "Left"], "--associated-with"),
        (&["enumerate", "X", "--where", "A=1", "--wql", "SELECT * FROM X"], "--where"),
        (&["get", "nope/X?A=1"], "wmicimv2"),
        (&["pull", "X?A=1", "c"], "takes a class"),
    ] {
        let ran = run(&with(&with(&["wsman"], words), &["--dry-run", "-H", "h"]));
        assert!(ran.code == 2 && ran.err.contains(expected), "{words:?}: {}", ran.err);
    }
}

#[test]
fn a_dry_run_has_three_forms() {
    let shell = run(&["wsman", "get", "X?A=it's", "--dry-run=shell", "-H", "hv-dr-01", "--http"]);
    let lines: Vec<_> = shell.out.lines().collect();
    assert_eq!(lines[0], "hvr wsman send - -H hv-dr-01 --http <<'END_OF_ENVELOPE'", "{}", shell.out);
    assert!(lines[1].starts_with("<s:Envelope") && lines[2] == "END_OF_ENVELOPE", "{}", shell.out);
    let json = run(&["wsman", "get", "X?A=1", "--dry-run=json", "-H", "h"]);
    assert_eq!(document(&json)["kind"], "wsman-dry-run");
    let yes = run(&["wsman", "delete", "X?A=1", "--dry-run=shell", "-H", "h", "--yes"]);
    assert!(yes.out.starts_with("hvr wsman send - --yes "), "{}", yes.out);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shell_form_is_run_by_a_shell() {
    let server = crate::support::serve(ACCOUNT, ServerOptions::http()).await;
    let folder = tempfile::tempdir().unwrap();
    let query = "SELECT * FROM Msvm_ComputerSystem WHERE ElementName = '$HOME `x` \"y\"'";
    let reference = format!("ComputerSystem=ref:{VM}");
    for (words, expected) in [
        (&["wsman", "get", VM][..], 0),
        (&["wsman", "enumerate", "--wql", query], 0),
        (&["wsman", "invoke", SERVICE, "InitiateFailover", &reference, "--yes"], 0),
        // Without a yes nobody could be asked: the envelope has standard input.
        (&["wsman", "invoke", SERVICE, "InitiateFailover", &reference], 2),
    ] {
        let script = against(&server, &[words, &["--dry-run=shell"]].concat());
        assert_eq!(script.code, 0, "{}", script.err);
        let file = folder.path().join("it.sh");
        std::fs::write(&file, &script.out).unwrap();
        let mut shell = std::process::Command::new("sh");
        shell.arg(&file).envs(hvr(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("HVR_PASSWORD", "canary-pass-42").env("HVR_USER", "dr-admin");
        let ran = crate::cli::ran(shell.env("HVR_HOST", server.url()).output().unwrap());
        assert_eq!(ran.code, expected, "{words:?}: {}{}", ran.out, ran.err);
    }
    assert_eq!(server.simulator().requests().get("InitiateFailover"), Some(&1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enumeration_can_be_driven_by_hand() {
    let server = crate::support::serve(&format!("demo_items = 5\n{ACCOUNT}"), ServerOptions::http()).await;
    let ask = |words: &[&str]| {
        let ran = against(&server, &with(&with(&["wsman"], words), &["--no-schema", "-o", "json"]));
        (ran.code, document(&ran))
    };
    let class = "wmicimv2/Demo_Item";
    let (_, first) = ask(&["enumerate", class, "--first-page", "--max-elements", "2"]);
    assert_eq!((first["items"].as_array().unwrap().len(), &first["complete"]), (2, &json!(false)));
    assert_eq!(server.simulator().open_enumerations(), 1, "left open");
    let (_, second) = ask(&["pull", class, first["context"].as_str().unwrap(), "--max-elements", "2"]);
    assert_eq!(second["items"].as_array().unwrap().len(), 2);
    let (code, _) = ask(&["pull", class, first["context"].as_str().unwrap()]);
    assert_eq!(code, 4, "a context is good once");
    let (_, released) = ask(&["release", class, second["context"].as_str().unwrap()]);
    assert_eq!((&released["action"], server.simulator().open_enumerations()), (&json!("released"), 0));
    let table = against(&server, &["wsman", "enumerate", class, "--first-page", "--plain"]);
    assert!(table.code == 0 && table.out.starts_with("context: uuid:"), "{}", table.out);
}

#[test]
fn filters_reach_the_host() {
    let (_, found) = rehearse("", &["wsman", "enumerate", "Msvm_ComputerSystem", "--where", "ElementName=app-db-01"]);
    assert_eq!(found["count"], 1);
    let (_, found) = rehearse("", &["wsman", "enumerate", "Msvm_ReplicationRelationship", "--associated-with", VM]);
    assert_eq!(
        (&found["count"], &found["items"][0]["instance"]["class"]),
        (&json!(1), &json!("Msvm_ReplicationRelationship"))
    );
    let (_, found) = rehearse("", &["wsman", "enumerate", "Msvm_SnapshotOfVirtualSystem", "--associations-of", VM]);
    assert!(found["count"].as_u64().unwrap() > 1, "{found}");
}

#[test]
fn the_configuration_of_the_host_can_be_read() {
    let table = run(&["wsman", "get", "winrm/config", "--simulate"]);
    let line =
        |name: &str| table.out.lines().find(|line| line.split_whitespace().next() == Some(name)).map(str::to_owned);
    assert!(line("MaxEnvelopeSizekb").is_some_and(|line| line.ends_with("500")), "{}", table.out);
    assert!(line("Service/Auth/CbtHardeningLevel").is_some_and(|line| line.ends_with("Relaxed")), "{}", table.out);
    let (_, whole) = rehearse("", &["wsman", "get", "winrm/config"]);
    let service = &whole["instance"]["properties"]["Service"]["content"];
    assert_eq!(service["Auth"]["content"]["Basic"], "false");
    let (_, part) = rehearse("", &["wsman", "get", "winrm/config", "--fragment", "MaxTimeoutms/text()"]);
    assert_eq!(part["text"], "60000");
    let (ran, _) =
        rehearse("", &["wsman", "put", "winrm/config", "--fragment", "MaxTimeoutms/text()", "--text", "x", "--yes"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_fetched_as_they_happen_and_the_subscription_is_ended() {
    let server = crate::support::serve(ACCOUNT, ServerOptions::http()).await;
    let url = server.url();
    let listen = ["wsman", "subscribe", "wmicimv2/Demo_Note", "--limit", "2", "--no-schema", "-o", "jsonl", "-H", &url];
    let mut listener = crate::cli::hvr(&with(&listen, &["-u", "dr-admin"]));
    listener
        .env("HVR_PASSWORD", "canary-pass-42")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let listener = Running::start(&mut listener);
    for _ in 0..200 {
        if server.simulator().requests().contains_key("Pull") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for id in ["Id=1", "Id=2", "Id=3"] {
        let made = against(&server, &["wsman", "create", "wmicimv2/Demo_Note", id, "--no-schema", "--yes"]);
        assert_eq!(made.code, 0, "{}", made.err);
    }
    let ran = crate::cli::ran(listener.output());
    assert_eq!((ran.code, ran.out.lines().count()), (0, 2), "{}", ran.err);
    for (line, id) in ran.out.lines().zip(["1", "2"]) {
        let event: Value = serde_json::from_str(line).unwrap();
        check_document(&event);
        assert_eq!(event["instance"]["properties"]["Id"], id);
    }
    let sent = server.simulator().requests();
    assert_eq!((sent.get("Subscribe"), sent.get("Unsubscribe")), (Some(&1), Some(&1)));

    let quiet = against(&server, &with(&listen[..3], &["--for", "700ms", "-o", "json"]));
    let events = document(&quiet);
    assert_eq!(
        (quiet.code, &events["kind"], &events["count"]),
        (0, &json!("wsman-events"), &json!(0)),
        "{}",
        quiet.err
    );
    assert_eq!(server.simulator().requests().get("Unsubscribe"), Some(&2));
    let none = run(&["wsman", "subscribe", "Msvm_ComputerSystem", "--simulate", "--for", "5s"]);
    assert!(none.code == 4 && none.err.contains("ActionNotSupported"), "{}", none.err);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_subscription_is_ended_on_the_host() {
    let server = crate::support::serve(ACCOUNT, ServerOptions::http()).await;
    let url = server.url();
    let mut listener = crate::cli::hvr(&["wsman", "subscribe", "wmicimv2/Demo_Note", "-H", &url, "-u", "dr-admin"]);
    listener
        .env("HVR_PASSWORD", "canary-pass-42")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let listener = Running::start(&mut listener);
    for _ in 0..200 {
        if server.simulator().requests().contains_key("Pull") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    listener.signal(Signal::Terminate);
    let ran = crate::cli::ran(listener.output());
    assert_eq!(ran.code, 130, "{}", ran.err);
    assert!(ran.err.contains("the subscription was ended"), "{}", ran.err);
    assert_eq!(server.simulator().requests().get("Unsubscribe"), Some(&1));
}

#[test]
fn an_enumeration_takes_a_class_and_its_query_must_agree() {
    for (arguments, words) in [
        (&["X?A=1"][..], "takes a class"),
        (&["X", "--wql", "SELECT * FROM Y"], "not about X"),
        (&[], "CLASS"),
        (&["X", "--filter", "a"], "--dialect"),
        (&["X", "--limit", "0"], "--limit"),
    ] {
        let ran = run(&with(&["wsman", "enumerate", "--simulate"], arguments));
        assert!(ran.code == 2 && ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
}
