//! `hvr check` and `hvr pin` as their users meet them.

use hyperv_replica::simulator::{Server, ServerOptions};
use hyperv_replica::transport::Pin;
use serde_json::Value;

use crate::cli::{Ran, hvr, ran, rehearse, run};
use crate::support::schema::check_document;
use crate::support::serve;

fn check(scenario: &str, arguments: &[&str]) -> (i32, Value) {
    let mut all = vec!["check"];
    all.extend(arguments);
    let (ran, document) = rehearse(scenario, &all);
    assert_eq!(document["exit"], ran.code, "{}", ran.out);
    (ran.code, document)
}

/// The one finding of a step.
fn finding<'d>(document: &'d Value, step: &str) -> &'d Value {
    let all: Vec<_> = document["findings"].as_array().unwrap().iter().filter(|one| one["step"] == step).collect();
    assert_eq!(all.len(), 1, "{step} in {document:#}");
    all[0]
}

fn steps(document: &Value) -> Vec<&str> {
    document["findings"].as_array().unwrap().iter().map(|one| one["step"].as_str().unwrap()).collect()
}

/// Against a real socket, as this user.
fn as_user(server: &Server, password: &str, arguments: &[&str]) -> Ran {
    let url = server.url();
    let user = server.user();
    let mut all = arguments.to_vec();
    all.extend(["-H", &url, "-u", &user, "-o", "json"]);
    ran(hvr(&all).env("HVR_PASSWORD", password).output().unwrap())
}

#[test]
fn every_step_is_told_and_a_ready_vm_is_fine() {
    let (code, document) = check("", &["app-db-01"]);
    assert_eq!((code, document["status"].as_str()), (0, Some("ok")));
    let expected = [
        "connection",
        "login",
        "service",
        "configuration",
        "channel binding",
        "quotas",
        "namespace",
        "replication service",
        "replica server",
        "virtual machine",
    ];
    assert_eq!(steps(&document), expected);
    let vm = finding(&document, "virtual machine");
    assert!(vm["meaning"].as_str().unwrap().contains("2 min 30 s"), "{vm}");
    assert!(document["findings"].as_array().unwrap().iter().all(|one| !one["meaning"].as_str().unwrap().is_empty()));
}

#[test]
fn what_would_refuse_a_failover_is_3_with_the_side_of_the_remedy() {
    for (vm, side) in [
        ("primary-01", "client"),
        ("fresh-01", "primary host"),
        ("running-01", "host"),
        ("twin", "client"),
        ("nobody", "client"),
    ] {
        let (code, document) = check("", &[vm]);
        let problems: Vec<_> =
            document["findings"].as_array().unwrap().iter().filter(|one| one["status"] == "problem").collect();
        assert_eq!((code, problems[0]["side"].as_str()), (3, Some(side)), "{vm}: {document:#}");
        assert!(!problems[0]["remedy"].as_str().unwrap().is_empty(), "{vm}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_is_judged_where_the_account_may_read_it() {
    let server = serve("", ServerOptions::http()).await;
    let ask = |arguments: &[&str]| as_user(&server, server.password().expose(), arguments);
    let found = |ran: &Ran, step: &str| finding(&serde_json::from_str(&ran.out).unwrap(), step).clone();
    let before = ask(&["check"]);
    let seen = |step: &str| found(&before, step)["seen"].as_str().unwrap().to_owned();
    assert!(seen("configuration").contains("AllowUnencrypted is false"), "{}", before.out);
    assert!(seen("channel binding").contains("CbtHardeningLevel is Relaxed"), "{}", before.out);
    for part in ["MaxEnvelopeSizekb 500", "MaxConcurrentOperationsPerUser 1500"] {
        assert!(seen("quotas").contains(part), "{}", before.out);
    }
    for (resource, path, text, step, remedy) in [
        ("winrm/config/service", "AllowUnencrypted/text()", "true", "configuration", "AllowUnencrypted="),
        ("winrm/config/service/auth", "CbtHardeningLevel/text()", "None", "channel binding", "CbtHardeningLevel="),
        ("winrm/config", "MaxEnvelopeSizekb/text()", "64", "quotas", "winrm set winrm/config"),
    ] {
        let get = ask(&["wsman", "get", resource, "--fragment", path]);
        let old = serde_json::from_str::<Value>(&get.out).unwrap()["text"].as_str().unwrap().to_owned();
        let put = |text: &str| ask(&["wsman", "put", resource, "--fragment", path, "--text", text, "--yes"]).code;
        assert_eq!(put(text), 0);
        let ran = ask(&["check"]);
        let warned = found(&ran, step);
        assert_eq!((ran.code, warned["status"].as_str()), (0, Some("warning")), "{warned}");
        assert!(warned["remedy"].as_str().unwrap().contains(remedy), "{warned}");
        assert_eq!(put(&old), 0);
    }
    let (code, document) = check("[[faults]]\non = \"Get config\"\nfault = \"AccessDenied\"", &[]);
    let hidden = finding(&document, "configuration");
    assert_eq!((code, hidden["status"].as_str()), (0, Some("ok")), "{hidden}");
    assert!(hidden["seen"].as_str().unwrap().contains("not shown to this account"), "{hidden}");
}

#[test]
fn a_warning_is_no_failure() {
    let scenario = "[[vms]]\nname = \"stands\"\nstate = 7";
    let (code, document) = check(scenario, &["stands"]);
    assert_eq!((code, document["status"].as_str()), (0, Some("warning")), "{document:#}");
}

#[test]
fn an_empty_host_is_none_visible_to_this_account() {
    let (code, document) = check("default_vms = false", &[]);
    let finding = finding(&document, "virtual machines");
    assert_eq!((code, finding["status"].as_str()), (0, Some("warning")));
    assert_eq!(finding["seen"], "none visible to this account");
    assert!(finding["remedy"].as_str().unwrap().contains("LocalAccountTokenFilterPolicy"));
}

#[test]
fn a_denied_namespace_explains_the_rights() {
    for fault in ["AccessDenied", "WmiAccessDenied"] {
        let scenario = format!("[[faults]]\non = \"Enumerate Msvm_ReplicationService\"\nfault = \"{fault}\"");
        let (code, document) = check(&scenario, &["app-db-01"]);
        let finding = finding(&document, "namespace");
        assert_eq!((code, finding["status"].as_str()), (7, Some("problem")), "{document:#}");
        let remedy = finding["remedy"].as_str().unwrap();
        for right in ["Remote Management Users", "Remote Enable", "Execute Methods", "Hyper-V Administrators", "UAC"] {
            assert!(remedy.contains(right), "{right} in {remedy}");
        }
        assert_eq!(steps(&document).last(), Some(&"namespace"), "nothing is asked after it");
    }
}

#[test]
fn it_goes_on_after_a_step_that_failed() {
    let scenario = "[[faults]]\non = \"Enumerate Msvm_ReplicationServiceSettingData\"\nfault = \"InternalError\"";
    let (code, document) = check(scenario, &["app-db-01"]);
    assert_eq!((code, finding(&document, "replica server")["status"].as_str()), (0, Some("warning")));
    assert_eq!(finding(&document, "virtual machine")["status"], "ok");

    let scenario = "[[faults]]\non = \"Enumerate Msvm_ReplicationService\"\nfault = \"InternalError\"";
    let (code, document) = check(scenario, &["app-db-01"]);
    assert_eq!((code, finding(&document, "replication service")["status"].as_str()), (3, Some("problem")));
    assert_eq!(finding(&document, "virtual machine")["status"], "ok");
}

#[test]
fn something_else_than_ws_management_is_named() {
    let (code, document) = check("[[faults]]\non = \"Identify\"\ngarbage = \"html\"", &[]);
    assert_eq!((code, finding(&document, "connection")["status"].as_str()), (3, Some("ok")), "{document:#}");
    assert_eq!(finding(&document, "service")["status"], "problem");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_and_login_are_told_apart() {
    let server = crate::support::serve("", ServerOptions::http()).await;
    let wrong = as_user(&server, "wrong-canary", &["check"]);
    let document: Value = serde_json::from_str(&wrong.out).unwrap();
    check_document(&document);
    assert_eq!((wrong.code, finding(&document, "login")["status"].as_str()), (7, Some("problem")), "{document:#}");
    assert_eq!(finding(&document, "connection")["status"], "ok");
    assert_eq!(server.refused_logins(), 1, "one attempt");
    assert!(!format!("{}{}", wrong.out, wrong.err).contains("wrong-canary"));

    let right = as_user(&server, server.password().expose(), &["check", "app-db-01"]);
    assert_eq!(right.code, 0, "{}", right.err);
    let asked = server.simulator().requests();
    assert!(
        asked.keys().all(|name| ["Identify", "Enumerate", "Pull", "Get"].iter().any(|read| name.starts_with(read))),
        "{asked:?}"
    );

    let url = server.url();
    drop(server);
    let mut gone = hvr(&["check", "-H", &url, "-u", "u", "-o", "json"]);
    let gone = ran(gone.env("HVR_PASSWORD", "x").output().unwrap());
    let document: Value = serde_json::from_str(&gone.out).unwrap();
    assert_eq!((gone.code, steps(&document)), (6, vec!["connection"]), "{document:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_is_shown_and_can_be_used() {
    let server = crate::support::serve("", ServerOptions::https()).await;
    let url = server.url();
    let table = run(&["pin", &url]);
    let pin = Pin::of(server.certificate_der().unwrap()).to_string();
    assert_eq!(table.code, 0, "{}", table.err);
    for part in [pin.as_str(), "subject", "issuer", "127.0.0.1", "valid to"] {
        assert!(table.out.contains(part), "{part} in {}", table.out);
    }
    assert!(table.err.contains("--pin-sha256") && table.err.contains("person"), "{}", table.err);
    assert_eq!(server.logins() + server.refused_logins(), 0, "nothing was sent");

    let shown = run(&["pin", "-H", &url, "-o", "json"]);
    let document: Value = serde_json::from_str(&shown.out).unwrap();
    check_document(&document);
    let pinned = document["pin_sha256"].as_str().unwrap();
    let checked = as_user(&server, server.password().expose(), &["check", "--pin-sha256", pinned]);
    let document: Value = serde_json::from_str(&checked.out).unwrap();
    assert_eq!(checked.code, 0, "{document:#}");
    assert!(finding(&document, "connection")["seen"].as_str().unwrap().contains(pinned), "{document:#}");

    assert_eq!(run(&["pin", "http://127.0.0.1:5985"]).code, 2);
    drop(server);
    assert_eq!(run(&["pin", &url]).code, 6);
}

/// The legs of a login over a real socket, up to the one that fails.
#[tokio::test(flavor = "multi_thread")]
async fn the_legs_of_a_login() {
    let legs = ["name", "tcp", "offer", "clock", "kerberos", "ntlm", "basic", "connection", "login"];
    let server = serve("", ServerOptions::http()).await;
    let ran = as_user(&server, server.password().expose(), &["check", "--login"]);
    let document = only_check(&ran);
    assert_eq!(ran.code, 0, "{document:#}");
    assert_eq!(steps(&document)[..9], legs, "{document:#}");
    assert!(finding(&document, "offer")["seen"].as_str().unwrap().contains("Negotiate"));
    assert!(finding(&document, "kerberos")["seen"].as_str().unwrap().contains("is an address"));
    assert!(finding(&document, "login")["seen"].as_str().unwrap().contains("Negotiate (NTLM)"));

    // A wrong password is tried by the login alone.
    let ran = as_user(&server, "canary-8a1c", &["check", "--login"]);
    let document = only_check(&ran);
    assert_eq!((ran.code, finding(&document, "login")["status"].as_str()), (7, Some("problem")), "{document:#}");
    assert_eq!((steps(&document).last(), server.refused_logins()), (Some(&"possible cause"), 1), "{document:#}");
    assert!(!format!("{}{}", ran.out, ran.err).contains("canary"));

    let server = serve("", ServerOptions::https()).await;
    let ran = as_user(&server, server.password().expose(), &["check", "--login"]);
    let document = only_check(&ran);
    assert_eq!((ran.code, steps(&document)), (6, vec!["name", "tcp", "certificate", "offer"]), "{document:#}");
    assert!(finding(&document, "offer")["seen"].as_str().unwrap().contains("--pin-sha256"), "{document:#}");
    let pin = Pin::of(server.certificate_der().unwrap()).to_string();
    let ran = as_user(&server, server.password().expose(), &["check", "--login", "--pin-sha256", &pin]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(finding(&only_check(&ran), "certificate")["seen"].as_str().unwrap().contains(&pin));
}

#[test]
fn legs_that_lead_nowhere() {
    for (host, last) in [("127.0.0.1:1", "tcp"), ("hv.invalid", "name")] {
        let mut command = hvr(&["check", "--login", "-H", host, "-u", "admin", "-o", "json"]);
        let ran = ran(command.env("HVR_PASSWORD", "x").output().unwrap());
        let document = only_check(&ran);
        assert_eq!((ran.code, steps(&document).last()), (6, Some(&last)), "{document:#}");
    }
}

/// The embedded host has the legs of any other.
#[test]
fn the_legs_of_a_rehearsal() {
    let (code, document) = check("", &["--login", "app-db-01"]);
    let legs = ["name", "tcp", "offer", "clock", "kerberos", "ntlm", "basic", "connection", "login", "service"];
    assert_eq!((code, document["simulated"].as_bool(), &steps(&document)[..10]), (0, Some(true), &legs[..]));
    assert_eq!(finding(&document, "ntlm")["seen"], "may be used");
    assert!(finding(&document, "channel binding")["seen"].as_str().unwrap().contains("Relaxed"));
    let quotas = finding(&document, "quotas");
    assert!(quotas["seen"].as_str().unwrap().contains("MaxConnections 300"), "{quotas}");
    // For people: what means something, and what to do, below what was seen.
    let table = run(&["check", "--login", "--simulate", "nobody"]);
    let lines: Vec<_> = table.out.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("problem  virtual machine")).unwrap();
    assert!(lines[at + 1].starts_with("       ") && lines[at + 2].contains("on the client: "), "{}", table.out);
}

/// What WinRM's own configuration says against it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_is_open_or_small() {
    let server = serve("", ServerOptions::http()).await;
    for (path, value) in [
        ("Service/AllowUnencrypted", "true"),
        ("Service/MaxConnections", "5"),
        ("Service/Auth/CbtHardeningLevel", "None"),
    ] {
        let fragment = format!("{path}/text()");
        let put = ["wsman", "put", "winrm/config", "--fragment", &fragment, "--text", value, "--yes"];
        let put = as_user(&server, server.password().expose(), &put);
        assert_eq!(put.code, 0, "{}{}", put.out, put.err);
    }
    let ran = as_user(&server, server.password().expose(), &["check", "--login"]);
    let document = only_check(&ran);
    let all = document["findings"].as_array().unwrap();
    for seen in ["AllowUnencrypted is true", "CbtHardeningLevel is None", "MaxConnections 5"] {
        let found = all.iter().find(|one| one["seen"] == seen).unwrap_or_else(|| panic!("{seen} in {document:#}"));
        assert_eq!((found["status"].as_str(), found["side"].as_str()), (Some("warning"), Some("host")));
    }
    assert_eq!(ran.code, 0, "a failover goes through all the same");

    // An account that may not read it goes on.
    let denied = "[[faults]]\non = \"Get\"\nfault = \"AccessDenied\"";
    let (code, document) = check(denied, &["--login"]);
    assert_eq!(
        (code, finding(&document, "configuration")["seen"].as_str()),
        (0, Some("winrm/config is not shown to this account"))
    );
}

/// A refusal says nothing of its cause; what it may be is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_refused_a_login() {
    let server = serve("", ServerOptions::https()).await;
    let pin = Pin::of(server.certificate_der().unwrap()).to_string();
    let ran = as_user(&server, "wrong-canary", &["check", "--login", "--pin-sha256", &pin]);
    let document = only_check(&ran);
    let causes: Vec<_> =
        document["findings"].as_array().unwrap().iter().filter(|one| one["step"] == "possible cause").collect();
    let seen: Vec<_> = causes.iter().map(|one| one["seen"].as_str().unwrap().to_owned()).collect();
    assert!(
        seen.contains(&format!("the certificate {pin}")) && seen.contains(&"NTLM was tried".to_owned()),
        "{seen:?}"
    );
    assert_eq!((ran.code, server.refused_logins()), (7, 1));
    // Without the walk it is not told, and nothing is tried twice for it.
    let ran = as_user(&server, "wrong-canary", &["check", "--pin-sha256", &pin]);
    assert!(!ran.out.contains("possible cause") && server.refused_logins() == 2, "{}", ran.out);
}

fn only_check(ran: &Ran) -> Value {
    let document: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    check_document(&document);
    document
}
