//! Envelopes by hand: send, decode, lint, diff.

use hyperv_replica::simulator::ServerOptions;
use serde_json::json;

use super::{ACCOUNT, SERVICE, VM, document, envelope, file, path, with};
use crate::cli::{against, rehearse, run};
use crate::support::process::Running;

fn data(name: &str) -> String {
    format!("{}/tests/data/{name}.xml", env!("CARGO_MANIFEST_DIR"))
}

/// Runs with something on standard input.
fn with_input(arguments: &[&str], input: &str) -> crate::cli::Ran {
    use std::io::Write;
    let mut command = crate::cli::hvr(arguments);
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = Running::start(&mut command);
    // A command that ends before it has read all is no failure here.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    crate::cli::ran(child.output())
}

#[test]
fn any_message_is_decoded_with_its_types() {
    let decode = |name: &str| {
        let ran = run(&["wsman", "decode", &data(name), "-o", "json"]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        document(&ran)["message"].clone()
    };
    let vm = decode("published/get-vm");
    assert_eq!((&vm["reply"], &vm["body"]["type"]), (&json!(true), &json!("instance")));
    let properties = &vm["body"]["instance"]["properties"];
    assert_eq!(properties["ReplicationState"], json!({"value": 3, "name": "Replicating"}));
    let output = decode("inferred/output-job");
    assert_eq!(output["body"]["parameters"]["ReturnValue"]["value"], 4096);
    let fault = decode("published/fault-access-denied");
    assert_eq!((&fault["body"]["number"], &fault["body"]["name"]), (&json!(5), &json!("access denied")));
    let call = decode("requests/initiate-failover-point");
    assert_eq!((&call["body"]["type"], &call["body"]["method"]), (&json!("input"), &json!("InitiateFailover")));
    assert_eq!(call["body"]["parameters"]["ComputerSystem"]["class"], "Msvm_ComputerSystem");
    let query = decode("requests/enumerate-wql");
    assert_eq!(query["body"]["operation"], "Enumerate");
    assert!(query["body"]["filter"]["content"].as_str().unwrap().starts_with("SELECT * FROM"));
    // Every message there is fits the schema, and has a table.
    let folders = ["requests", "published", "inferred"].map(|name| data(name).trim_end_matches(".xml").to_owned());
    for file in folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path())
    {
        let path = file.to_str().unwrap();
        let ran = run(&["wsman", "decode", path, "-o", "json"]);
        assert_eq!(ran.code, 0, "{path}: {}", ran.err);
        document(&ran);
        let table = run(&["wsman", "decode", path]);
        assert!(table.code == 0 && !table.out.is_empty(), "{path}");
    }
    let table = run(&["wsman", "decode", &data("published/get-vm")]).out;
    assert!(table.contains("3 (Replicating)") && table.contains("MSVM_COMPUTERSYSTEM"), "{table}");
    let piped =
        with_input(&["wsman", "decode", "-", "-o", "json"], &std::fs::read_to_string(data("requests/pull")).unwrap());
    assert_eq!(document(&piped)["message"]["body"]["operation"], "Pull");
}

#[test]
fn what_is_no_envelope_is_2_in_bounded_memory() {
    for (text, expected) in
        [("", "empty"), ("<html></html>", "not a SOAP 1.2 envelope"), ("<a><b></a>", "not well-formed")]
    {
        let ran = with_input(&["wsman", "decode", "-"], text);
        assert!(ran.code == 2 && ran.err.contains(expected), "{text}: {}", ran.err);
    }
    let large = tempfile::NamedTempFile::new().unwrap();
    large.as_file().set_len(100 << 20).unwrap();
    let large = large.path().to_str().unwrap();
    for verb in [&["decode", large][..], &["send", large, "--simulate"], &["diff", large, large], &["lint", large]] {
        let ran = run(&with(&["wsman"], verb));
        assert!(ran.code == 2 && ran.err.contains("more than 67108864 bytes"), "{verb:?}: {}", ran.err);
    }
    let missing = run(&["wsman", "lint", "/nonexistent"]);
    assert!(missing.code == 2 && missing.err.contains("/nonexistent"), "{}", missing.err);
}

#[test]
fn an_envelope_is_linted_rule_by_rule() {
    let good = run(&["wsman", "lint", &data("requests/get-vm"), "-o", "json"]);
    assert_eq!((good.code, document(&good)["findings"].clone()), (0, json!([])), "{}", good.err);
    let text = std::fs::read_to_string(data("requests/enumerate-plain")).unwrap();
    let bad = text.replace(
        "<w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>",
        "<w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"true\"/>",
    );
    let ran = with_input(&["wsman", "lint", "-", "-o", "json"], &bad);
    let found = document(&ran);
    assert_eq!((ran.code, &found["errors"]), (3, &json!(1)));
    assert_eq!(found["findings"][0]["clause"], "MS-WSMV 3.1.4.1.8");
    let table = with_input(&["wsman", "lint", "-"], &bad);
    assert!(table.out.starts_with("error: locale: ") && table.out.contains("(MS-WSMV 3.1.4.1.8)"), "{}", table.out);
    let slow =
        std::fs::read_to_string(data("requests/pull")).unwrap().replace("<n:MaxElements>32000</n:MaxElements>", "");
    assert_eq!(with_input(&["wsman", "lint", "-"], &slow).code, 0, "a warning is no error");
    assert_eq!(with_input(&["wsman", "lint", "-", "--strict"], &slow).code, 3);
    let rules = run(&["wsman", "lint", "--rules", "-o", "json"]);
    assert!(document(&rules)["rules"].as_array().unwrap().len() > 30);
    assert!(run(&["wsman", "lint", "--rules"]).out.contains("DSP0226 R13.1-9"));
}

#[test]
fn envelopes_are_compared_by_meaning() {
    let (left, right) = (data("requests/initiate-failover-latest"), data("requests/initiate-failover-point"));
    let ran = run(&["wsman", "diff", &left, &right, "-o", "json"]);
    let found = document(&ran);
    assert_eq!((ran.code, &found["same"]), (3, &json!(false)));
    assert_eq!(found["differences"].as_array().unwrap().len(), 1);
    assert_eq!(found["differences"][0]["path"], "Body/InitiateFailover_INPUT/SnapshotSettingData");
    // Two dry runs of one command differ in their ids alone.
    let dry = || file(&envelope(&["wsman", "get", VM]));
    let (one, two) = (dry(), dry());
    assert_ne!(std::fs::read(one.path()).unwrap(), std::fs::read(two.path()).unwrap());
    let ran = run(&["wsman", "diff", path(&one), path(&two)]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert_eq!(run(&["wsman", "diff", &left, "/nonexistent"]).code, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_envelope_is_sent_and_its_reply_is_checked() {
    let server = crate::support::serve(ACCOUNT, ServerOptions::http()).await;
    let get = file(&envelope(&["wsman", "get", VM]));
    let ran = against(&server, &["wsman", "send", path(&get), "-o", "json"]);
    let reply = document(&ran);
    assert_eq!((ran.code, &reply["message"]["body"]["type"]), (0, &json!("instance")), "{}", ran.err);
    let first = reply["message"]["relates_to"].clone();
    let again = document(&against(&server, &["wsman", "send", path(&get), "-o", "json"]));
    assert_ne!(first, again["message"]["relates_to"], "a new MessageID each time");
    let as_is = document(&against(&server, &["wsman", "send", path(&get), "--as-is", "-o", "json"]));
    let id = as_is["message"]["relates_to"].as_str().unwrap().to_owned();
    assert!(std::fs::read_to_string(get.path()).unwrap().contains(&id));

    // The shell form of a dry run does what the command would do.
    let shell = run(&["wsman", "identify", "--dry-run=shell", "-H", "h"]);
    let here: Vec<_> = shell.out.lines().collect();
    let identify = file(here[1]);
    assert_eq!(
        document(&against(&server, &["wsman", "send", path(&identify), "-o", "json"]))["message"]["body"]["type"],
        "identity"
    );

    let call = file(&envelope(&["wsman", "invoke", SERVICE, "InitiateFailover", &format!("ComputerSystem={VM}")]));
    let refused = against(&server, &["wsman", "send", path(&call)]);
    assert!(refused.code == 2 && refused.err.contains("add --yes"), "{}", refused.err);
    assert_eq!(server.simulator().taken("InitiateFailover", "app-db-01"), 0);
    let sent = against(&server, &["wsman", "send", path(&call), "--yes", "-o", "json"]);
    let output = document(&sent);
    assert_eq!(
        (sent.code, &output["message"]["body"]["parameters"]["ReturnValue"]["value"]),
        (0, &json!(4096)),
        "{}",
        sent.err
    );
    assert!(sent.err.contains("hvr job wait"), "{}", sent.err);
    let twice = against(&server, &["wsman", "send", path(&call), "--yes"]);
    assert!(twice.code == 4 && twice.err.contains("InitiateFailover returned"), "{}", twice.err);

    let broken = file(&std::fs::read_to_string(get.path()).unwrap().replace("Name=\"Name\"", "Name=\"Nope\""));
    let ran = against(&server, &["wsman", "send", path(&broken), "--raw"]);
    assert!(ran.code == 4 && ran.out.contains("InvalidSelectors"), "{} {}", ran.code, ran.err);
    let reply = against(&server, &["wsman", "send", &data("published/get-vm")]);
    assert!(reply.code == 2 && reply.err.contains("it is a reply"), "{}", reply.err);
    let dry = run(&["wsman", "send", path(&get), "--dry-run", "-H", "h"]);
    assert!(dry.code == 0 && dry.out.contains("transfer/Get<"), "{}", dry.err);
}

#[test]
fn a_sent_call_that_may_have_been_taken_is_5() {
    let call = file(&envelope(&["wsman", "invoke", SERVICE, "InitiateFailover", &format!("ComputerSystem={VM}")]));
    let scenario = "[[faults]]\non = \"InitiateFailover\"\ncut = \"after\"";
    let (ran, document) = rehearse(scenario, &["wsman", "send", path(&call), "--yes"]);
    assert_eq!((ran.code, &document["may_have_changed"]), (5, &json!("perhaps")), "{}", ran.err);
}
