//! `hvr wsman` as its users meet it.

use hyperv_replica::simulator::ServerOptions;
use serde_json::{Value, json};

use crate::cli::{against, rehearse, run};
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
    let without = envelope(&["wsman", "get", "X?A=1", "--base", "dmtf", "--no-cimnamespace"]);
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
    assert_eq!((&document["complete"], &document["error"]["code"]), (&json!(false), &json!("fault")));
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
    assert!(ran.err.contains("hvr job wait 'Msvm_ConcreteJob?InstanceID="), "{}", ran.err);
    // No such job, so a fault; but it was asked without --yes.
    let (ran, _) = rehearse("", &["wsman", "invoke", "Msvm_ConcreteJob?InstanceID=x", "GetErrorEx"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let asked = run(&["wsman", "invoke", VM, "RequestStateChange", "RequestedState=2", "--simulate"]);
    assert!(asked.code == 2 && asked.err.contains("--yes"), "{}", asked.err);
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
