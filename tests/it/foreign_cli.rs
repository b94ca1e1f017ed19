//! `hvr wsman` against servers that are not Windows: what they answer is read, and nothing of it gets lost.
//!
//! The replies are in `tests/data/foreign`; `hvr trace serve` answers with them, so that all of the client works on them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::cli::{Ran, hvr, ran, run};
use crate::support::process::Running;
use crate::support::schema::check_document;

/// A host that gives one answer to one request.
struct Foreign {
    _child: Running,
    url: String,
    password: String,
    pin: String,
    _folder: tempfile::TempDir,
}

impl Foreign {
    /// Answers what these arguments ask, as their dry run says it, with this reply.
    fn answering(arguments: &[&str], reply: &str, status: u16) -> Foreign {
        let dry = run(&[arguments, &["--dry-run", "-H", "h"]].concat());
        assert_eq!(dry.code, 0, "{arguments:?}: {}", dry.err);
        let request = dry.out.trim_end();
        let id = request.split("<a:MessageID>").nth(1).map(|rest| rest.split('<').next().unwrap());
        let reply = match (id, reply.split("<a:RelatesTo>").nth(1).map(|rest| rest.split('<').next().unwrap())) {
            (Some(id), Some(old)) => reply.replace(old, id),
            _ => reply.to_owned(),
        };
        let har = json!({ "log": {
            "version": "1.2", "creator": { "name": "test", "version": "1" },
            "entries": [{
                "startedDateTime": "2026-12-01T00:00:00Z", "time": 1.0, "cache": {},
                "timings": { "send": 0.0, "wait": 1.0, "receive": 0.0 },
                "request": {
                    "method": "POST", "url": "https://h:5986/wsman", "httpVersion": "HTTP/1.1", "cookies": [],
                    "headers": [], "queryString": [], "headersSize": -1, "bodySize": -1,
                    "postData": { "mimeType": "application/soap+xml;charset=UTF-8", "params": [], "text": request },
                },
                "response": {
                    "status": status, "statusText": "", "httpVersion": "HTTP/1.1", "cookies": [], "headers": [],
                    "content": { "size": reply.len(), "mimeType": "application/soap+xml;charset=UTF-8", "text": reply },
                    "redirectURL": "", "headersSize": -1, "bodySize": -1,
                },
            }],
        }});
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("foreign.har");
        fs::write(&file, har.to_string()).unwrap();
        let mut serve = hvr(&["trace", "serve", file.to_str().unwrap(), "--https", "--delays", "0", "-o", "jsonl"]);
        let mut child = Running::start(serve.stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let shown: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |name: &str| shown[name].as_str().unwrap().to_owned();
        Foreign {
            url: text("url"),
            password: text("password"),
            pin: text("pin_sha256"),
            _child: child,
            _folder: folder,
        }
    }

    fn ask(&self, arguments: &[&str]) -> Ran {
        let here = ["-H", &self.url, "-u", "replay", "--pin-sha256", &self.pin];
        ran(hvr(&[arguments, &here].concat()).env("HVR_PASSWORD", &self.password).output().unwrap())
    }
}

fn document(ran: &Ran) -> Value {
    let document = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", ran.out, ran.err));
    check_document(&document);
    document
}

fn reply(name: &str) -> String {
    fs::read_to_string(format!("{}/tests/data/foreign/{name}.xml", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

const DMTF: &[&str] = &["--base", "dmtf", "--namespace", "root/x", "--no-schema"];

fn asked<'a>(verb: &[&'a str]) -> Vec<&'a str> {
    [&["wsman"], verb, DMTF].concat()
}

/// Asks in JSON and gives the code and the document.
fn json_of(arguments: &[&str], reply: &str) -> (i32, Value, String) {
    let host = Foreign::answering(arguments, reply, 200);
    let ran = host.ask(&[arguments, &["-o", "json"]].concat());
    let document = document(&ran);
    (ran.code, document, ran.err)
}

#[test]
fn the_reply_of_a_method_is_read_in_the_forms_of_omi_and_openpegasus() {
    let call = asked(&["invoke", "X_Svc?Name=a", "Do", "--yes"]);
    for name in ["output-method-root", "output-class-root"] {
        let (code, document, err) = json_of(&call, &reply(name));
        assert_eq!(code, 0, "{name}: {err}");
        assert_eq!(document["output"], json!({ "ReturnValue": "0", "Out": "5" }), "{name}");
        assert_eq!(document["remarks"].as_array().map(Vec::len), Some(2), "{name}: {document}");
        // A refusal is a refusal, whatever the form of the reply.
        let refused = reply(name).replace(">0<", ">32775<");
        let host = Foreign::answering(&call, &refused, 200);
        let ran = host.ask(&[&call[..], &["-v"]].concat());
        assert_eq!(ran.code, 4, "{name}: {}", ran.err);
        assert!(ran.err.contains("Do returned 32775"), "{name}: {}", ran.err);
        assert!(ran.err.contains("a reply in another form"), "{name}: {}", ran.err);
        // What answers another message, or is no answer at all, stays unknown.
        let other = reply(name).replace("<a:RelatesTo>", "<a:RelatesTo>x");
        let host = Foreign::answering(&call, &other.replace("RelatesTo>", "Elsewhere>"), 200);
        assert_eq!(host.ask(&call).code, 5, "{name}");
    }
}

/// The names of codes are those of the declaration, also in the other form.
#[test]
fn a_refusal_of_the_replication_service_keeps_its_name() {
    let vm = "ComputerSystem=Msvm_ComputerSystem?CreationClassName=Msvm_ComputerSystem,Name=a";
    let service = "Msvm_ReplicationService?CreationClassName=Msvm_ReplicationService";
    let call = ["wsman", "invoke", service, "CommitFailover", vm, "--yes"];
    let text = reply("output-method-root")
        .replace("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/X_Svc/Do", "urn:x/CommitFailover")
        .replace("<p:Out>5</p:Out>", "")
        .replace(">0<", ">32775<");
    let ran = Foreign::answering(&call, &text, 200).ask(&call);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.contains("CommitFailover returned 32775 (Invalid state"), "{}", ran.err);
}

#[test]
fn what_a_get_brings_is_printed_or_named() {
    let get = asked(&["get", "X_Item?Key=7"]);
    let (code, document, err) = json_of(&get, &reply("inherited-namespace"));
    assert_eq!((code, &document["remainder"]), (0, &json!([])), "{err}");
    assert_eq!(document["instance"]["properties"], json!({ "Key": "7", "Name": "Anna" }));
    let (_, document, _) = json_of(&get, &reply("get-no-namespace"));
    assert_eq!(document["instance"]["properties"], json!({ "Tag": "fan-3", "Speed": "1200" }));
    // One name in two namespaces is two properties.
    let both = reply("inherited-namespace").replace("<p:Name>", "<p:Key>8</p:Key><p:Name>");
    let (_, document, _) = json_of(&get, &both);
    let properties = &document["instance"]["properties"];
    assert_eq!((&properties["Key"], properties.as_object().unwrap().len()), (&json!("8"), 3), "{properties}");
    // What nobody understands is named with its place.
    let strange = reply("inherited-namespace")
        .replace("<p:Name>", "<p:Name unit=\"LEAF1\">")
        .replace("</s:Header>", "<x:Note xmlns:x=\"urn:x\">LEAF2</x:Note></s:Header>")
        .replace("</s:Body>", "<x:More xmlns:x=\"urn:x\">LEAF3</x:More></s:Body>");
    let (_, document, _) = json_of(&get, &strange);
    let paths: Vec<_> =
        document["remainder"].as_array().unwrap().iter().map(|leaf| (&leaf["path"], &leaf["value"])).collect();
    assert_eq!(
        paths,
        [
            (&json!("Header/Note"), &json!("LEAF2")),
            (&json!("Body/X_Item/Name/@unit"), &json!("LEAF1")),
            (&json!("Body/More"), &json!("LEAF3")),
        ]
    );
    let table = Foreign::answering(&get, &strange, 200).ask(&get);
    assert!(table.out.contains("NOT UNDERSTOOD") && table.out.contains("LEAF3"), "{}", table.out);
}

#[test]
fn embedded_instances_are_typed_by_a_declaration() {
    let folder = tempfile::tempdir().unwrap();
    let mof = folder.path().join("x.mof");
    let text = "class X_Item { [Key] uint32 Key; string Name; };\n\
        class X_Box { [Key] uint32 Id; [EmbeddedInstance(\"X_Item\")] string Inner; \
        [EmbeddedInstance(\"X_Item\")] string Items[]; };";
    fs::write(&mof, text).unwrap();
    let get = ["wsman", "get", "X_Box?Id=1", "--base", "dmtf", "--schema", mof.to_str().unwrap()];
    let (code, document, err) = json_of(&get, &reply("embedded-elements"));
    let properties = &document["instance"]["properties"];
    assert_eq!((code, &properties["Id"], &document["remainder"]), (0, &json!(1), &json!([])), "{err}");
    assert_eq!(properties["Inner"]["class"], "X_Item");
    assert_eq!(properties["Inner"]["properties"], json!({ "Key": 7, "Name": "Anna" }));
    assert_eq!(properties["Items"][1]["properties"], json!({ "Key": 9, "Name": "Cem" }));
    let table = Foreign::answering(&get, &reply("embedded-elements"), 200).ask(&get).out;
    for cell in ["Inner/Name", "Anna", "Items[2]/Name", "Cem"] {
        assert!(table.contains(cell), "{cell}: {table}");
    }
}

#[test]
fn keys_that_are_references_come_and_go() {
    let all = asked(&["enumerate", "X_Tie", "--mode", "epr"]);
    let (code, document, err) = json_of(&all, &reply("epr-selectors"));
    assert_eq!((code, &document["complete"], &document["remainder"]), (0, &json!(true), &json!([])), "{err}");
    let keys = &document["items"][0]["reference"]["keys"];
    assert_eq!(keys["Left"]["keys"], json!({ "Key": "1" }));
    assert_eq!((&keys["Right"]["class"], &keys["Right"]["keys"]), (&json!("X_Person"), &json!({ "Key": "2" })));
    // As it is printed for people, it can be asked for.
    let tie = "X_Tie?Left=ref:X_Person?Key=1,Right=ref:X_Person?Key=2";
    let get = asked(&["get", tie, "--cimnamespace=false"]);
    let sent = run(&[&get[..], &["--dry-run", "-H", "h"]].concat()).out;
    let person = |key: u8| {
        format!(
            "<a:EndpointReference><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>\
             <a:ReferenceParameters><w:ResourceURI>http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/X_Person</w:ResourceURI>\
             <w:SelectorSet><w:Selector Name=\"Key\">{key}</w:Selector></w:SelectorSet></a:ReferenceParameters>\
             </a:EndpointReference></w:Selector>"
        )
    };
    assert!(sent.contains(&format!("<w:Selector Name=\"Left\">{}", person(1))), "{sent}");
    assert!(sent.contains(&format!("<w:Selector Name=\"Right\">{}", person(2))), "{sent}");
    let by_hand = asked(&["get", "X_Tie", "--selector", "Left=ref:X_Person?Key=1", "--cimnamespace=false"]);
    let sent = run(&[&by_hand[..], &["--dry-run", "-H", "h"]].concat()).out;
    assert!(sent.contains(&format!("<w:Selector Name=\"Left\">{}", person(1))), "{sent}");
    // Line by line, what stands beside the items is named on standard error, and what stands in one in that one.
    let strange =
        reply("epr-selectors").replace("<w:EndOfSequence/>", "<w:EndOfSequence/><w:Strange>LEAF1</w:Strange>").replace(
            "</w:SelectorSet></a:ReferenceParameters></a:EndpointReference></w:Items>",
            "</w:SelectorSet><w:Odd>LEAF2</w:Odd></a:ReferenceParameters></a:EndpointReference></w:Items>",
        );
    let ran = Foreign::answering(&all, &strange, 200).ask(&[&all[..], &["-o", "jsonl"]].concat());
    assert!(ran.err.contains("Body/EnumerateResponse/Strange = LEAF1"), "{}", ran.err);
    assert!(ran.out.contains("LEAF2") && ran.out.lines().count() == 1, "{}", ran.out);
    let (_, document, _) = json_of(&all, &strange);
    assert_eq!(document["remainder"][0]["value"], "LEAF1");
}

#[test]
fn what_was_made_is_shown_with_where_it_is() {
    let create = asked(&["create", "X_Shell", "Owner=a", "--yes"]);
    let (code, document, err) = json_of(&create, &reply("created-with-shell"));
    assert_eq!((code, &document["remainder"]), (0, &json!([])), "{err}");
    assert_eq!(document["reference"]["address"], "https://h:5986/wsman");
    assert_eq!(document["representation"]["properties"]["State"], "Connected");
    let table = Foreign::answering(&create, &reply("created-with-instance"), 200).ask(&create);
    assert!(table.code == 0 && table.out.contains("LAB\\admin"), "{}{}", table.out, table.err);
}

#[test]
fn a_service_is_identified_in_whatever_namespace() {
    let ask = ["wsman", "identify"];
    let (code, document, err) = json_of(&ask, &reply("identify-soap-namespace"));
    assert_eq!((code, &document["product_vendor"]), (0, &json!("a vendor")), "{err}");
    let host = Foreign::answering(&ask, &reply("identify-soap-namespace"), 200);
    let check = host.ask(&["check", "-o", "json"]);
    assert!(!check.out.contains("unusable reply") && check.out.contains("a vendor"), "{}{}", check.out, check.err);
}

#[test]
fn a_fault_says_all_it_holds() {
    let file = |name: &str| format!("{}/tests/data/foreign/{name}.xml", env!("CARGO_MANIFEST_DIR"));
    let body = |name: &str| {
        let ran = run(&["wsman", "decode", &file(name), "-o", "json"]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        document(&ran)["message"]["body"].clone()
    };
    let wmi = body("fault-cim-error")["wmi"].clone();
    assert_eq!((&wmi["class"], &wmi["cim_status"]), (&json!("CIM_Error"), &json!(5)));
    assert_eq!(wmi["further"]["RecommendedActions"], "look at the name");
    assert_eq!(body("fault-not-understood")["not_understood"], "{urn:strange}Strange");
    let windows = body("fault-windows-message");
    assert_eq!(windows["wmi"]["further"]["error_WindowsErrorMessage"], "what Windows says");
    assert_eq!((&windows["wsman"]["code"], &windows["wsman"]["inner"]["code"]), (&json!(2150858778_u32), &json!(5)));
    // A command that meets such a fault says its text.
    let get = asked(&["get", "X_None?Key=7"]);
    let ran = Foreign::answering(&get, &reply("fault-cim-error"), 500).ask(&get);
    assert!(ran.code != 0 && ran.err.contains("no such class X_None"), "{}", ran.err);
    let ran = Foreign::answering(&get, &reply("fault-not-understood"), 500).ask(&get);
    assert!(ran.err.contains("header not understood: Strange"), "{}", ran.err);
}
