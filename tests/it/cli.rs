//! The command as its users meet it: standard output, standard error and exit status together.

use std::io::Write;
use std::process::{Command, Output};

use hyperv_replica::simulator::{Server, ServerOptions};
use serde_json::Value;

use crate::support::schema::check_document;

/// `hvr` with a clean environment.
pub fn hvr(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hvr"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HVR_")) {
        command.env_remove(name);
    }
    command.env("XDG_CONFIG_HOME", "/nonexistent").env("APPDATA", "/nonexistent").env_remove("HOME");
    command.env("XDG_STATE_HOME", state_home()).env_remove("LOCALAPPDATA");
    command.env("PATH", crate::support::process::path());
    command.args(arguments).stdin(std::process::Stdio::null());
    command
}

/// What the shell of this system quotes a word with.
pub const QUOTE: char = if cfg!(windows) { '"' } else { '\'' };

/// A state directory of its own for each command: what one test leaves open holds no other up.
fn state_home() -> std::path::PathBuf {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    // A program for Windows that was built elsewhere names a folder without a drive.
    let folder = std::path::absolute(env!("CARGO_TARGET_TMPDIR")).unwrap();
    folder.join(format!("state-{}-{number}", std::process::id()))
}

/// How it ended.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn run(arguments: &[&str]) -> Ran {
    ran(hvr(arguments).output().unwrap())
}

/// With `--simulate`, a scenario in TOML, and `-o json`; the document is checked against its schema.
pub fn rehearse(scenario: &str, arguments: &[&str]) -> (Ran, Value) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(scenario.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let mut all = arguments.to_vec();
    all.extend(["--simulate", "--scenario", &path, "-o", "json"]);
    let ran = run(&all);
    let document: Value =
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", ran.out, ran.err));
    check_document(&document);
    if document["kind"] == "error" {
        assert_eq!(document["exit"], ran.code, "{}", ran.out);
        assert!(ran.err.contains("hvr: "), "{}", ran.err);
    }
    (ran, document)
}

#[test]
fn the_first_thing_a_newcomer_runs() {
    let (ran, document) = rehearse("", &["failover", "app-db-01", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(document["kind"], "failover");
    assert_eq!(document["simulated"], true);
    assert_eq!(document["verified"]["replication_state"]["value"], 5);
    assert_eq!(document["before"]["state"]["value"], 3);
    assert_eq!(document["requests"], 5);
    assert!(ran.err.contains("changes of the last 2 min 30 s are lost"), "{}", ran.err);
}

#[test]
fn every_document_fits_its_schema() {
    for arguments in [
        &["failover", "slow-01", "--yes", "--no-wait"][..],
        &["failover", "app-db-01", "--dry-run", "--start"],
        &["failover", "app-db-01", "--yes", "--start", "--point", "app-consistent"],
        &["status", "--all"],
        &["status", "app-db-01", "twin"],
        &["points", "app-db-01"],
        &["check", "app-db-01"],
        &["check"],
        &["wsman", "identify"],
        &["wsman", "get", "Msvm_ReplicationServiceSettingData?InstanceID=x"],
        &["wsman", "enumerate", "Msvm_ReplicationService"],
        &["wsman", "enumerate", "Msvm_ReplicationService", "--mode", "both"],
        &["wsman", "enumerate", "Msvm_ConcreteJob"],
        &["wsman", "enumerate", "--wql", "SELECT * FROM Msvm_ComputerSystem WHERE ElementName = 'app-db-01'"],
        &["wsman", "get", "Win32_OperatingSystem", "--namespace", "root/cimv2"],
        &["wsman", "get", "Win32_OperatingSystem", "--namespace", "root/cimv2", "--dry-run"],
    ] {
        rehearse("", arguments);
    }
}

#[test]
fn a_dry_run_prints_the_envelopes_and_sends_no_call() {
    let (ran, document) = rehearse("", &["failover", "app-db-01", "--dry-run"]);
    assert_eq!((ran.code, document["kind"].as_str()), (0, Some("dry-run")));
    let xml = document["envelopes"][0]["xml"].as_str().unwrap();
    assert!(xml.contains("InitiateFailover_INPUT") && xml.contains("Msvm_ComputerSystem"), "{xml}");
    let table = run(&["failover", "app-db-01", "--dry-run", "--simulate"]);
    assert!(table.out.starts_with("<s:Envelope") && table.out.lines().count() == 1, "{}", table.out);
}

#[test]
fn refusals_send_nothing_and_exit_with_3() {
    for (vm, code) in [
        ("twin", "ambiguous"),
        ("nobody", "not-visible"),
        ("done-01", "already-failed-over"),
        ("running-01", "not-off"),
        ("fresh-01", "no-initial-replication"),
        ("primary-01", "is-primary"),
    ] {
        let (ran, document) = rehearse("", &["failover", vm, "--yes"]);
        assert_eq!((ran.code, document["code"].as_str()), (3, Some(code)), "{}", ran.err);
        assert_eq!(document["may_have_changed"], false);
        assert!(!document["remedy"].as_str().unwrap().is_empty(), "{code}");
    }
    let (ran, document) = rehearse("", &["failover", "app-db-01", "--yes", "--point", "Microsoft:NONE"]);
    assert_eq!((ran.code, document["code"].as_str()), (3, Some("no-point")));
}

#[test]
fn without_a_terminal_it_needs_yes() {
    let ran = run(&["failover", "app-db-01", "--simulate"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("--yes") && !ran.err.contains("simulated host"), "{}", ran.err);
}

#[test]
fn a_failing_job_says_why() {
    let (ran, document) = rehearse("[job]\nerror = 32768", &["failover", "app-db-01", "--yes"]);
    assert_eq!((ran.code, document["code"].as_str()), (4, Some("job-failed")));
    assert_eq!(document["details"]["job"]["error_code"]["value"], 32768);
    assert!(document["message"].as_str().unwrap().contains("virtual hard disk"), "{}", ran.out);
    assert_eq!(document["details"]["errors"].as_array().unwrap().len(), 1);
}

#[test]
fn host_refusals_are_named() {
    for (code, name) in [(32769, "Access denied"), (32775, "Invalid state"), (32779, "File not found")] {
        let scenario = format!("[[faults]]\non = \"InitiateFailover\"\nreturns = {code}");
        let (ran, document) = rehearse(&scenario, &["failover", "app-db-01", "--yes"]);
        assert_eq!((ran.code, document["code"].as_str()), (4, Some("host-refused")));
        assert!(ran.err.contains(name) && ran.err.contains(&code.to_string()), "{}", ran.err);
    }
}

#[test]
fn a_lost_reply_is_proven_or_admitted() {
    let (ran, document) =
        rehearse("[[faults]]\non = \"InitiateFailover\"\ncut = \"after\"", &["failover", "app-db-01", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(document["remarks"][0].as_str().unwrap().contains("lost"), "{}", ran.out);
    let scenario = "[[faults]]\non = \"InitiateFailover\"\ncut = \"before\"";
    let (ran, document) = rehearse(scenario, &["failover", "app-db-01", "--yes", "--timeout", "2s"]);
    assert_eq!((ran.code, document["code"].as_str()), (5, Some("state-unknown")), "{}", ran.err);
    assert_eq!(document["may_have_changed"], "perhaps");
    assert!(ran.err.contains("do NOT run the command again"), "{}", ran.err);
}

#[test]
fn a_deadline_leaves_the_job_running() {
    let (ran, document) = rehearse("", &["failover", "slow-01", "--yes", "--timeout", "1500ms"]);
    assert_eq!((ran.code, document["code"].as_str()), (8, Some("deadline")), "{}", ran.err);
    // The job has gone with its host.
    let remedy = document["remedy"].as_str().unwrap();
    assert!(remedy.contains("`hvr simulate --pair --scenario ") && !remedy.contains("hvr job wait"), "{remedy}");
}

#[test]
fn events_come_a_line_each() {
    let ran = run(&["failover", "app-db-01", "--yes", "--simulate", "-o", "jsonl"]);
    let documents: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    documents.iter().for_each(check_document);
    let events: Vec<_> = documents.iter().filter_map(|document| document["event"].as_str()).collect();
    assert_eq!(events, ["run", "found", "invoking", "job-started", "job", "verifying", "step-done"]);
    assert_eq!(documents.last().unwrap()["kind"], "failover");
}

#[test]
fn usage_is_2_and_says_what_is_wrong() {
    for (arguments, words) in [
        (&["failover"][..], "<VM>"),
        (&["failover", "x", "--point", "before:yesterday", "--simulate", "--yes"], "2026-11-23T08:00Z"),
        (&["status"], "no host"),
        (&["status", "-H", "h"], "no user"),
        (&["status", "-H", "h", "-u", "u"], "no password"),
        (&["status", "-H", "ftp://h", "-u", "u"], "ftp"),
        (&["status", "--timeout", "10"], "10m"),
        (&["status", "-H", "h", "-u", "u", "--ca", "/nonexistent/ca.pem"], "/nonexistent/ca.pem"),
        (&["status", "-H", "h", "-u", "u", "--pin-sha256", "zz"], "--pin-sha256"),
        (&["status", "-H", "h", "-u", "u", "--ca", "x", "--insecure"], "exclude"),
        (&["status", "--profile", "x"], "profile"),
        (&["job", "show", "A?B=c", "--simulate"], "InstanceID"),
        (
            &["wsman", "invoke", "Msvm_ComputerSystem?Name=x", "RequestStateChange", "Wrong=1", "--simulate", "--yes"],
            "RequestedState",
        ),
        (&["simulate", "--scenario", "/nonexistent.toml"], "/nonexistent.toml"),
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}\n{}", ran.err);
        assert!(ran.err.contains(words), "{arguments:?}: {words:?} not in\n{}", ran.err);
        assert_eq!(ran.out, "", "{arguments:?}");
    }
}

#[test]
fn an_unreachable_host_is_6() {
    // A port nobody listens on: one that was ours a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let host = format!("127.0.0.1:{port}");
    let mut command = hvr(&["status", "-H", &host, "-u", "u", "--http", "-o", "json"]);
    let ran = ran(command.env("HVR_PASSWORD", "canary-7h").output().unwrap());
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    check_document(&document);
    assert_eq!((ran.code, document["code"].as_str()), (6, Some("connect")), "{}", ran.err);
    assert!(!format!("{}{}", ran.out, ran.err).contains("canary-7h"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_connection_by_flags_environment_and_profile() {
    let scenario = "[account]\nuser = \"dr-admin\"\npassword = \"canary-pass-42\"";
    let server: Server = crate::support::serve(scenario, ServerOptions::https()).await;
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "canary-pass-42\n").unwrap();
    let pin = hyperv_replica::transport::Pin::of(server.certificate_der().unwrap()).to_string();
    let run = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = hvr(arguments);
        command.envs(environment.iter().copied());
        let ran = ran(command.output().unwrap());
        assert!(!format!("{}{}", ran.out, ran.err).contains("canary-pass-42"), "{}{}", ran.out, ran.err);
        ran
    };
    let url = server.url();
    let file = password.to_str().unwrap();

    let flags = ["status", "-H", &url, "-u", "dr-admin", "--password-file", file, "--pin-sha256", &pin];
    let good = run(&flags, &[]);
    assert_eq!(good.code, 0, "{}", good.err);
    assert!(good.out.contains("app-db-01") && good.err.contains("trusting exactly"), "{}", good.err);

    let environment = [
        ("HVR_HOST", url.as_str()),
        ("HVR_USER", "dr-admin"),
        ("HVR_PASSWORD", "canary-pass-42"),
        ("HVR_PIN_SHA256", &pin),
    ];
    assert_eq!(run(&["points", "app-db-01"], &environment).code, 0);
    // A flag wins over the environment.
    assert_eq!(run(&["status", "-u", "nobody"], &environment).code, 7);

    std::fs::create_dir(folder.path().join("hvr")).unwrap();
    let profile = format!(
        "default = \"dr\"\n[profiles.dr]\nhost = \"{url}\"\nuser = \"dr-admin\"\npassword_file = {file:?}\npin_sha256 = \"{pin}\"\n"
    );
    std::fs::write(folder.path().join("hvr/config.toml"), profile).unwrap();
    let config = [("XDG_CONFIG_HOME", folder.path().to_str().unwrap())];
    assert_eq!(run(&["check", "app-db-01"], &config).code, 0);
    // The environment wins over the profile.
    assert_eq!(run(&["check"], &[config[0], ("HVR_USER", "nobody")]).code, 7);

    let untrusted = run(&["status", "-H", &url, "-u", "dr-admin", "--password-file", file], &[]);
    assert_eq!(untrusted.code, 6, "{}", untrusted.err);
    assert!(untrusted.err.contains(&pin) && untrusted.err.contains("--pin-sha256"), "{}", untrusted.err);
    let loud = run(&["status", "-H", &url, "-u", "dr-admin", "--password-file", file, "--insecure"], &[]);
    assert_eq!(loud.code, 0);
    assert!(loud.err.contains("ANY certificate"), "{}", loud.err);

    let shown = run(&["pin", &url, "-o", "json"], &[]);
    let document: Value = serde_json::from_str(&shown.out).unwrap();
    check_document(&document);
    assert_eq!(document["pin_sha256"], pin);

    let refused = server.refused_logins();
    assert_eq!(run(&["status", "--password-stdin"], &environment).code, 2, "an empty password is no password");
    let wrong = run(&["status"], &[environment[0], environment[1], environment[3], ("HVR_PASSWORD", "wrong")]);
    assert_eq!(wrong.code, 7, "{}", wrong.err);
    assert_eq!(server.refused_logins(), refused + 1, "the wrong password was tried once");
}

/// `hvr` against a server, with everything but the command from the environment.
pub fn against(server: &Server, arguments: &[&str]) -> Ran {
    let mut command = hvr(arguments);
    command.env("HVR_HOST", server.url()).env("HVR_USER", "dr-admin").env("HVR_PASSWORD", "canary-pass-42");
    let ran = ran(command.output().unwrap());
    assert!(!format!("{}{}", ran.out, ran.err).contains("canary-pass-42"), "{}{}", ran.out, ran.err);
    ran
}

/// Exactly one document, checked against its schema.
fn only_document(ran: &Ran) -> Value {
    let document: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}", ran.out));
    check_document(&document);
    document
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_was_left_is_followed_by_another_command() {
    let scenario = "[account]\nuser = \"dr-admin\"\npassword = \"canary-pass-42\"";
    let server: Server = crate::support::serve(scenario, ServerOptions::http()).await;
    let url = server.url();

    let started = against(&server, &["failover", "slow-01", "--yes", "--no-wait", "-H", &url]);
    assert_eq!(started.code, 0, "{}", started.err);
    let job = started.out.trim_end();
    // What to type next names the host that was typed, and nothing that the environment still says.
    let next = format!("hvr job wait {QUOTE}{job}{QUOTE} -H {url}");
    assert!(started.err.contains(&next) && started.err.contains("hvr run resume 20"), "{}", started.err);

    let shown = only_document(&against(&server, &["job", "show", job, "-o", "json"]));
    assert_eq!((shown["kind"].as_str(), shown["simulated"].as_bool()), (Some("job"), Some(false)));

    // The failover runs on: an end of patience must never read as "nothing was changed".
    let late = against(&server, &["job", "wait", job, "--timeout", "1500ms", "-o", "json"]);
    let document = only_document(&late);
    assert_eq!((late.code, document["code"].as_str()), (8, Some("deadline")), "{}", late.err);
    assert_eq!(document["may_have_changed"], true);
    let next = format!("hvr job wait {QUOTE}Msvm_ConcreteJob?InstanceID=");
    assert!(document["remedy"].as_str().unwrap().contains(&next));

    let started = against(&server, &["failover", "fail-01", "--yes", "--no-wait"]);
    let failed = against(&server, &["job", "wait", started.out.trim_end(), "-o", "json"]);
    let document = only_document(&failed);
    assert_eq!((failed.code, document["code"].as_str()), (4, Some("job-failed")), "{}", failed.err);

    let plain = against(&server, &["status"]);
    assert!(plain.err.contains("every message is sealed"), "{}", plain.err);
}

#[test]
fn a_job_on_an_unreachable_host_is_6_at_once() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let host = format!("127.0.0.1:{port}");
    let mut command = hvr(&["job", "wait", "A-1", "-H", &host, "-u", "u", "--http", "-o", "json"]);
    let ran = ran(command.env("HVR_PASSWORD", "x").output().unwrap());
    assert_eq!((ran.code, only_document(&ran)["may_have_changed"].as_bool()), (6, Some(false)), "{}", ran.err);
    assert!(!ran.err.contains("trying again"), "{}", ran.err);
}

#[test]
fn every_end_is_one_document() {
    let (ran, document) = rehearse("", &["status", "app-db-01", "nobody"]);
    assert_eq!((ran.code, document["code"].as_str()), (3, Some("not-visible")));
    assert_eq!(document["simulated"], true);
    let ran = run(&["failover", "--bogus", "-o", "json"]);
    assert_eq!((ran.code, only_document(&ran)["code"].as_str()), (2, Some("usage")));
    assert!(ran.err.contains("--bogus"), "{}", ran.err);
    let people = run(&["status", "app-db-01", "nobody", "--simulate"]);
    assert!(people.code == 3 && people.out.contains("app-db-01"), "{}", people.out);
}

#[test]
fn loss_is_said_of_replicas_that_can_be_failed_over() {
    let (_, document) = rehearse("", &["status", "app-db-01", "done-01", "primary-01"]);
    let loss: Vec<_> = document["vms"].as_array().unwrap().iter().map(|vm| &vm["data_loss_seconds_if_now"]).collect();
    assert!(loss[0].as_u64() >= Some(150) && loss[1].is_null() && loss[2].is_null(), "{loss:?}");
}

#[test]
fn settings_that_contradict_are_named_and_a_rehearsal_needs_none() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("hvr")).unwrap();
    std::fs::write(folder.path().join("hvr/config.toml"), "[profiles.x]\nhots = 'a'").unwrap();
    let with = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = hvr(arguments);
        ran(command.env("XDG_CONFIG_HOME", folder.path()).envs(environment.iter().copied()).output().unwrap())
    };
    let unknown = with(&["status"], &[]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("hots") && unknown.err.contains("config.toml"), "{}", unknown.err);
    assert_eq!(with(&["points", "app-db-01", "--simulate"], &[]).code, 0);
    for environment in [
        &[("HVR_PASSWORD", "canary-1"), ("HVR_PASSWORD_FILE", "f")][..],
        &[("HVR_INSECURE", "offf")],
        &[("HVR_TIMEOUT", "10")],
        &[("HVR_OUTPUT", "xml")],
    ] {
        let mut command = hvr(&["status", "-H", "h", "-u", "u"]);
        let ran = ran(command.envs(environment.iter().copied()).output().unwrap());
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains(environment[0].0) && !ran.err.contains("canary-1"), "{}", ran.err);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn data_that_cannot_be_written_is_not_done() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = ran(hvr(&["points", "app-db-01", "--simulate"]).stdout(full).output().unwrap());
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("standard output"), "{}", ran.err);
}

#[test]
fn jobs_are_followed_by_their_reference() {
    let (ran, document) = rehearse("", &["job", "wait", "0D4F7A10-5B1C-4A6B-8F2E-33E1C0A9D7B6"]);
    assert_eq!((ran.code, document["code"].as_str()), (5, Some("job-gone")), "{}", ran.err);
}

#[test]
fn invoke_is_typed_and_its_return_value_is_named() {
    let reference = "ComputerSystem=Msvm_ComputerSystem?CreationClassName=Msvm_ComputerSystem,Name=168AFEE0-E0C0-4C6C-8E3F-D46352E7D11D";
    let service = "Msvm_ReplicationService?CreationClassName=Msvm_ReplicationService";
    let (ran, document) = rehearse("", &["wsman", "invoke", service, "InitiateFailover", reference, "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(document["output"]["ReturnValue"]["value"], 4096);
    assert_eq!(document["output"]["Job"]["class"], "Msvm_ConcreteJob");
    let (ran, document) = rehearse("", &["wsman", "invoke", service, "CommitFailover", reference, "--yes"]);
    assert_eq!((ran.code, document["output"]["ReturnValue"]["value"].as_u64()), (4, Some(32775)));
    assert!(ran.err.to_lowercase().contains("invalid state"), "{}", ran.err);
    let asked = run(&["wsman", "invoke", service, "CommitFailover", reference, "--simulate"]);
    assert_eq!(asked.code, 2, "{}", asked.err);
}

#[test]
fn other_servers_are_asked_in_their_own_form() {
    let scenario = "dialect = \"other\"\ndemo_items = 5";
    let arguments = ["wsman", "enumerate", "Demo_Item", "--namespace", "root/cimv2", "--base", "dmtf"];
    let (ran, document) = rehearse(scenario, &arguments);
    assert_eq!((ran.code, document["count"].as_u64()), (0, Some(5)), "{}", ran.err);
    let (ran, _) = rehearse(scenario, &["wsman", "enumerate", "Demo_Item", "--namespace", "root/cimv2"]);
    assert_ne!(ran.code, 0);
    let limited =
        ["wsman", "enumerate", "Demo_Item", "--namespace", "root/cimv2", "--limit", "3", "--max-elements", "2"];
    assert_eq!(rehearse("", &limited).1["count"], 3);
}

#[test]
fn completions_manual_and_version_are_printed() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(&["completions", shell]);
        assert!(ran.code == 0 && ran.out.contains("failover"), "{shell}");
    }
    assert!(run(&["man"]).out.contains(".TH"));
    assert!(run(&["man", "failover"]).out.contains("dry"));
    assert_eq!(run(&["--version"]).out, format!("hvr {}\n", env!("CARGO_PKG_VERSION")));
    assert!(run(&["--help"]).out.contains("Exit codes:"));
    // What stands with the arguments of a command is in its help, not only its first line.
    for (command, words) in [
        (&["check"][..], "Changes nothing on the host"),
        (&["run"], "journal"),
        (&["trace", "decrypt"], "keytab of the service"),
        (&["trace", "replay"], "say in full words"),
        (&["trace", "serve"], "order of the recording"),
    ] {
        let help = run(&[command, &["--help"]].concat()).out;
        let text = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(words), "{command:?}: {help}");
    }
}
