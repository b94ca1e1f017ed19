//! Servers other than Windows, and namespaces and classes that are not there, as users of `hvr` meet them.

use hyperv_replica::simulator::ServerOptions;
use serde_json::{Value, json};

use crate::cli::{Ran, against, hvr, ran, rehearse, run};
use crate::support::process::Running;
use crate::support::schema::check_document;
use crate::support::serve;

const OTHER: &str = "dialect = \"other\"";
const ACCOUNT: &str = "[account]\nuser = \"dr-admin\"\npassword = \"canary-pass-42\"";
/// DSP0230's form of class URIs, and the one URI of all classes (DSP0227 R7.1-7).
const DMTF: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/";
const DMTF_ALL: &str = "http://schemas.dmtf.org/wbem/wscim/1/*";

fn envelope(arguments: &[&str]) -> String {
    let ran = run(&[arguments, &["--dry-run", "-H", "h"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.out
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map_or("", |(inside, _)| inside)
}

#[test]
fn all_classes_of_another_server_is_one_uri() {
    let object = "CIM_X?A=1";
    let vendor = "http://vendor.test/wbem/wscim/1/cim-schema/2";
    for (arguments, uri) in [
        (&["--wql", "SELECT * FROM X", "--base", "dmtf"][..], DMTF_ALL),
        (&["CIM_X", "--wql", "SELECT * FROM CIM_X", "--base", "dmtf"], DMTF_ALL),
        (&["--associated-with", object, "--base", "dmtf"], DMTF_ALL),
        (&["--associations-of", object, "--base", vendor], DMTF_ALL),
        (&["--associated-with", &format!("{DMTF}CIM_X?A=1")], DMTF_ALL),
        (&["--associated-with", object, "--base", "http://vendor.test/own"], "http://vendor.test/own/*"),
        (&["CIM_X", "--base", "dmtf"], &format!("{DMTF}CIM_X")),
    ] {
        let sent = envelope(&[&["wsman", "enumerate", "--no-schema"], arguments].concat());
        assert!(sent.contains(&format!(">{uri}</w:ResourceURI>")), "{arguments:?}: {sent}");
    }
}

#[test]
fn a_result_class_is_sent_where_one_was_asked_for() {
    for (class, expected) in [(None, ""), (Some("wmicimv2/*"), ""), (Some(DMTF_ALL), ""), (Some("CIM_Y"), "CIM_Y")] {
        for side in ["--associated-with", "--associations-of"] {
            let mut arguments = vec!["wsman", "enumerate", "--no-schema", side, "CIM_X?A=1"];
            arguments.extend(class);
            let sent = envelope(&arguments);
            assert_eq!(between(&sent, "<b:ResultClassName>", "</b:ResultClassName>"), expected, "{class:?}");
            assert_eq!(sent.contains("ResultClassName"), !expected.is_empty(), "{class:?}: {sent}");
        }
    }
}

#[test]
fn a_base_that_is_none_is_refused() {
    for arguments in [&["status", "--base", "windows"][..], &["job", "show", "1", "--base", "a b"]] {
        let ran = run(arguments);
        assert!(ran.code == 2 && ran.err.contains("no form of class URIs"), "{}", ran.err);
    }
    let ran = ran(hvr(&["status", "--simulate"]).env("HVR_BASE", "windows").output().unwrap());
    assert!(ran.code == 2 && ran.err.contains("HVR_BASE"), "{}", ran.err);
    let ran = run(&["status", "--simulate", "--namespace", "root//x"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
}

/// Every command about Hyper-V's classes finds the form out, and needs not to where it is said.
#[test]
fn every_command_speaks_to_another_server() {
    let commands: &[(&[&str], i32)] = &[
        (&["status"], 0),
        (&["status", "app-db-01", "--statistics"], 0),
        (&["points", "app-db-01"], 0),
        (&["network", "app-db-01", "show"], 0),
        (&["check", "app-db-01"], 0),
        (&["failover", "app-db-01", "--yes"], 0),
        (&["failover", "app-db-01", "--dry-run"], 0),
        (&["failover", "app-db-01", "--planned", "--yes"], 0),
        (&["test", "start", "app-db-01", "--yes"], 0),
        (&["commit", "done-01", "--yes"], 0),
        (&["start", "done-01", "--yes"], 0),
        (&["job", "show", "5"], 5),
        (&["status", "168AFEE0-E0C0-4C6C-8E3F-D46352E7D11D"], 0),
    ];
    for (command, code) in commands {
        let (learnt, document) = rehearse(OTHER, command);
        assert_eq!(learnt.code, *code, "{command:?}: {}{}", learnt.out, learnt.err);
        let is_check = command[0] == "check";
        assert_eq!(learnt.err.contains("is no Windows host"), !is_check, "{command:?}: {}", learnt.err);
        let (said, _) = rehearse(OTHER, &[command, &["--base", "dmtf"][..]].concat());
        assert_eq!(said.code, *code, "{command:?}: {}", said.err);
        assert!(!said.err.contains("is no Windows host"), "{}", said.err);
        if *code == 5 {
            assert_eq!(document["code"], "job-gone");
            assert!(!document["message"].as_str().unwrap().contains("__cimnamespace"), "{document}");
        }
        // What is wrong for the server is not made right in silence.
        if !is_check {
            let (wrong, document) = rehearse(OTHER, &[command, &["--base", "microsoft"][..]].concat());
            assert_eq!((wrong.code, document["code"].as_str()), (3, Some("resource-uri")), "{command:?}: {document}");
            assert!(document["remedy"].as_str().unwrap().contains("--base dmtf"), "{document}");
        }
    }
}

#[test]
fn windows_is_asked_in_its_own_form_without_a_question_more() {
    let (ran, document) = rehearse("", &["failover", "app-db-01", "--yes"]);
    assert_eq!((ran.code, &document["requests"]), (0, &json!(5)), "{document}");
    assert!(!ran.err.contains("--base"), "{}", ran.err);
}

/// The bar of requests to another server, on the command line: 6, and one for the query that it refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_requests_to_another_server_and_its_query() {
    let server = serve(&format!("{OTHER}\n{ACCOUNT}"), ServerOptions::http()).await;
    let ran = against(&server, &["failover", "app-db-01", "--yes", "--base", "dmtf", "-o", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!((server.requests(), server.logins()), (7, 1));
    assert_eq!(server.simulator().taken("InitiateFailover", "app-db-01"), 1);
}

/// Found out, over the connection that stands: one login, one Identify and one refused question more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_form_is_learned_over_the_same_connection_and_nothing_is_ordered_twice() {
    let server = serve(&format!("{OTHER}\n{ACCOUNT}"), ServerOptions::http()).await;
    let mut child = hvr(&["failover", "app-db-01", "--yes", "--password-stdin", "-u", "dr-admin", "-H", &server.url()]);
    child.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = Running::start(&mut child);
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"canary-pass-42\n").unwrap();
    let ran = ran(child.output());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!((server.logins(), server.connections()), (1, 1), "{}", ran.err);
    assert_eq!(server.simulator().taken("InitiateFailover", "app-db-01"), 1);
    // What is to be typed next names the form.
    assert!(ran.err.contains("hvr commit app-db-01") && ran.err.contains("--base dmtf"), "{}", ran.err);
}

/// A profile holds the form; a flag is nearer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_form_is_kept_in_a_profile() {
    let server = serve(&format!("{OTHER}\n{ACCOUNT}"), ServerOptions::http()).await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hvr");
    std::fs::create_dir(&config).unwrap();
    let text = format!("[profiles.omi]\nhost = \"{}\"\nuser = \"dr-admin\"\nbase = \"dmtf\"\n", server.url());
    std::fs::write(config.join("config.toml"), text).unwrap();
    let ask = |more: &[&str]| {
        let mut command = hvr(&[&["points", "app-db-01", "--profile", "omi"], more].concat());
        command.env("XDG_CONFIG_HOME", folder.path()).env("HVR_PASSWORD", "canary-pass-42");
        ran(command.output().unwrap())
    };
    let kept = ask(&[]);
    assert!(kept.code == 0 && !kept.err.contains("is no Windows host"), "{}", kept.err);
    assert_eq!(ask(&["--base", "microsoft"]).code, 3);
    assert_eq!(ask(&["--namespace", "root/cimv2"]).code, 3);
}

/// The words of a command as it is printed, without the program.
fn printed<'t>(text: &'t str, beginning: &'t str) -> Vec<&'t str> {
    let (_, rest) = text.split_once(beginning).unwrap_or_else(|| panic!("no {beginning:?} in {text}"));
    let line = rest.lines().next().unwrap();
    let words = beginning.split_whitespace().chain(line.split_whitespace()).skip(1);
    words.map(|word| word.trim_matches('\'').trim_end_matches([';', ')', ','])).collect()
}

/// A run goes on in the form in which it was begun, and so does a job that is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_and_a_run_are_taken_up_in_the_form_of_the_run() {
    let slow = format!("{OTHER}\n{ACCOUNT}\n[job]\nduration = \"4s\"");
    let server = serve(&slow, ServerOptions::http()).await;
    let state = tempfile::tempdir().unwrap();
    let state = state.path().to_str().unwrap();
    let stopped = against(&server, &["failover", "app-db-01", "--yes", "--timeout", "3s", "--state", state]);
    assert_eq!(stopped.code, 8, "{}", stopped.err);
    let wait = printed(&stopped.err, "hvr job wait");
    assert!(wait.contains(&"--base") && !stopped.err.contains("__cimnamespace"), "{}", stopped.err);
    let waited = against(&server, &wait);
    assert!(waited.code == 0 && !waited.err.contains("is no Windows host"), "{wait:?}: {}", waited.err);
    // Nothing on this command line says the form: the journal does.
    let resumed = against(&server, &["run", "resume", "--yes", "--state", state]);
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    assert!(!resumed.err.contains("is no Windows host"), "{}", resumed.err);
    assert_eq!(server.simulator().taken("InitiateFailover", "app-db-01"), 1);
}

#[test]
fn a_job_is_not_said_to_be_gone_where_the_uri_is_wrong() {
    for (scenario, arguments, code) in [
        ("", &["job", "show", "Msvm_Nothing?InstanceID=5"][..], "not-found"),
        ("", &["job", "wait", "5", "--namespace", "root/cimv2"], "not-found"),
        ("", &["job", "wait", "5", "--namespace", "root/nothing"], "no-class"),
        ("", &["job", "cancel", "5", "--yes", "--namespace", "root/cimv2"], "not-found"),
        (OTHER, &["job", "wait", "5", "--namespace", "root/nothing"], "resource-uri"),
    ] {
        let (ran, document) = rehearse(scenario, arguments);
        let message = document["message"].as_str().unwrap();
        assert_eq!(document["code"], code, "{arguments:?}: {document}");
        assert!(message.contains("does not answer for") && !message.contains("has no job"), "{message}");
        assert_ne!(ran.code, 5, "{arguments:?}");
    }
    let (ran, document) = rehearse("", &["job", "wait", "5"]);
    assert_eq!((ran.code, document["code"].as_str()), (5, Some("job-gone")));
    let (ran, document) = rehearse("", &["job", "cancel", "5", "--yes"]);
    assert_eq!((ran.code, document["code"].as_str()), (3, Some("job-gone")));
}

fn namespace_finding(ran: &Ran) -> Value {
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    check_document(&document);
    let findings = document["findings"].as_array().unwrap();
    findings.iter().find(|one| one["step"] == "namespace").cloned().unwrap_or(Value::Null)
}

/// Refusals of the first question about Hyper-V's classes, by number, in a language that nobody decides by.
#[test]
fn check_tells_a_namespace_that_is_not_there_by_numbers() {
    let fault = |name: &str, class: &str| {
        format!("language = \"ja-JP\"\n[[faults]]\non = \"Enumerate {class}\"\ntimes = 0\nfault = \"{name}\"")
    };
    let every = |name: &str| fault(name, "");
    for (name, scenario, says, remedy) in [
        ("number alone", every("InvalidNamespace"), "has no namespace", "Hyper-V role"),
        ("WMI's", every("WmiInvalidNamespace"), "has no namespace", "Hyper-V role"),
        ("provider", every("WmiProviderFailure"), "WMI provider behind the class", "mofcomp"),
        ("not found", every("NotFound"), "has no namespace", "Hyper-V role"),
        ("denied", every("WmiAccessDenied"), "may not read", "Remote Enable"),
    ] {
        let (ran, document) = rehearse(&scenario, &["check"]);
        let finding = namespace_finding(&ran);
        assert_eq!(finding["status"], "problem", "{name}: {document:#}");
        let (meaning, todo) = (finding["meaning"].as_str().unwrap(), finding["remedy"].as_str().unwrap());
        assert!(meaning.contains(says) && todo.contains(remedy), "{name}: {finding:#}");
        assert_eq!(ran.code, if name == "denied" { 7 } else { 3 }, "{name}");
    }
    // One class alone is missing: the namespace was read by the second question.
    for name in ["InvalidNamespace", "NotFound"] {
        let (ran, document) = rehearse(&fault(name, "Msvm_ReplicationService"), &["check"]);
        let service = document["findings"].as_array().unwrap().iter().find(|one| one["step"] == "replication service");
        assert_eq!((ran.code, service.unwrap()["status"].as_str()), (3, Some("problem")), "{document:#}");
        assert_eq!(namespace_finding(&ran)["status"], "ok");
    }
    // A host that is busy has not said that the namespace is there.
    let (ran, _) = rehearse(&every("QuotaMaxOperations"), &["check"]);
    assert_eq!(namespace_finding(&ran), Value::Null);
}

/// The same refusal has the same name and remedy wherever it is met.
#[test]
fn every_command_names_a_refusal_alike() {
    for (name, code, exit) in [
        ("InvalidNamespace", "no-class", 4),
        ("WmiInvalidNamespace", "no-namespace", 4),
        ("WmiProviderFailure", "wmi-provider", 4),
        ("WmiAccessDenied", "access-denied", 7),
        ("NotFound", "not-found", 3),
    ] {
        let scenario = format!("language = \"ja-JP\"\n[[faults]]\non = \"Enumerate\"\ntimes = 0\nfault = \"{name}\"");
        let mut remedies = Vec::new();
        for command in [
            &["status"][..],
            &["points", "app-db-01"],
            &["failover", "app-db-01", "--yes"],
            &["test", "start", "app-db-01", "--yes"],
            &["wsman", "enumerate", "Msvm_ComputerSystem"],
        ] {
            let (ran, document) = rehearse(&scenario, command);
            assert_eq!((ran.code, document["code"].as_str()), (exit, Some(code)), "{name}, {command:?}: {document}");
            assert_eq!(document["may_have_changed"], false, "{command:?}");
            remedies.push(document["remedy"].as_str().unwrap().to_owned());
        }
        assert!(!remedies[0].is_empty(), "{name}");
        assert!(remedies.iter().all(|remedy| *remedy == remedies[0]), "{name}: {remedies:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn monitoring_hears_of_a_host_that_has_no_such_classes_once() {
    let server = serve(ACCOUNT, ServerOptions::http()).await;
    let ran = against(&server, &["status", "--check", "--namespace", "root/nothing"]);
    assert_eq!((ran.code, ran.out.matches("UNKNOWN - ").count()), (4, 1), "{}{}", ran.out, ran.err);
    assert!(server.requests() < 10, "{}", server.requests());
}
