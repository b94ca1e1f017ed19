//! `hvr status` for people, scripts and monitoring, on the real binary.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use hyperv_replica::simulator::ServerOptions;
use serde_json::Value;

use crate::cli::{Ran, against, hvr, ran, rehearse, run};
use crate::support::exposition;
use crate::support::process::{Running, Signal};
use crate::support::schema::check_document;

/// A host with one VM.
fn scenario(vm: &str) -> String {
    format!("default_vms = false\n[[vms]]\nname = \"app\"\n{vm}")
}

/// With a scenario, and no form of output added.
fn simulate(scenario: &str, arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.toml");
    std::fs::write(&file, scenario).unwrap();
    let mut all = arguments.to_vec();
    all.extend(["--simulate", "--scenario", file.to_str().unwrap()]);
    run(&all)
}

#[test]
fn each_replication_is_told_with_its_age() {
    let (ran, document) = rehearse("", &["status"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let vms = document["vms"].as_array().unwrap();
    let vm = |name: &str| vms.iter().find(|vm| vm["name"] == name).unwrap();
    let relation = &vm("app-db-01")["relations"][0];
    assert_eq!((relation["kind"].as_str(), relation["state"]["value"].as_u64()), (Some("primary"), Some(3)));
    assert!(relation["id"].as_str().unwrap().ends_with("\\HVR\\0"));
    assert!((150..200).contains(&relation["rpo_seconds"].as_u64().unwrap()), "{relation}");
    assert!(relation["last_apply"].is_string() && relation.get("statistics").is_none());
    // The primary's own view has an age, and no failover that could lose it.
    assert!(vm("primary-01")["relations"][0]["rpo_seconds"].is_u64());
    assert!(vm("primary-01")["data_loss_seconds_if_now"].is_null());
    assert!(vm("done-01")["relations"][0]["rpo_seconds"].is_null(), "nothing replicates after a failover");
    assert_eq!(vm("test-01")["relations"], serde_json::json!([]));
    assert!(vms.iter().all(|vm| vm["name"] != "plain-01"));
    let table = run(&["status", "--simulate"]);
    let header = table.out.lines().next().unwrap();
    assert!(header.contains("LAST APPLY") && header.contains("RPO"), "{header}");
    assert!(!table.out.lines().nth(1).unwrap().contains('.'), "whole seconds are enough for people");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_host_costs_two_requests() {
    let account = "[account]\nuser = \"dr-admin\"\npassword = \"canary-pass-42\"";
    let server = crate::support::serve(account, ServerOptions::http()).await;
    // One request of the login is its own; the next carries the first question.
    for arguments in [&["status"][..], &["status", "app-db-01"], &["status", "app-db-01", "slow-01", "twin"]] {
        let before = server.requests();
        let ran = against(&server, arguments);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(server.requests() - before, 3, "{arguments:?}");
    }
}

/// A handful one after the other; many a few at a time, each once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_of_many_are_asked_a_few_at_a_time() {
    for (count, connections) in [(7_u32, 1), (8, 2), (40, 4)] {
        let account = "default_vms = false\n[account]\nuser = \"dr-admin\"\npassword = \"canary-pass-42\"\n";
        let vms: String = (0..count).map(|number| format!("[[vms]]\nname = \"vm-{number:02}\"\n")).collect();
        let slow = "[[faults]]\non = \"GetReplicationStatisticsEx\"\ntimes = 0\ndelay = \"30ms\"\n";
        let server = crate::support::serve(&format!("{account}{vms}{slow}"), ServerOptions::http()).await;
        let ran = against(&server, &["status", "--statistics", "-o", "json"]);
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        check_document(&document);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!((server.connections(), server.logins()), (connections, connections), "{count}");
        assert_eq!(server.simulator().requests()["GetReplicationStatisticsEx"], usize::try_from(count).unwrap());
        let names = document["vms"].as_array().unwrap().iter().map(|vm| vm["name"].as_str().unwrap().to_owned());
        assert!(names.eq((0..count).map(|number| format!("vm-{number:02}"))), "in the order of their names");
        let told = |vm: &Value| vm["relations"][0]["statistics"].is_object();
        assert!(document["vms"].as_array().unwrap().iter().all(told), "{document:#}");
        // The hello of each connection, the two questions about the host, and for further ones the end of the login.
        assert_eq!(server.requests(), 1 + 2 + u64::from(count) + (connections - 1) * 2);
    }
}

#[test]
fn monitoring_reads_one_line_and_an_exit_status() {
    for (vm, options, code, begin, part) in [
        (
            "last_replication = \"4m\"",
            &[][..],
            0,
            "OK - 1 replication, each as it should be | replications=1 ",
            "'rpo app'=24",
        ),
        ("last_replication = \"4m\"", &["--max-rpo", "5m"], 0, "OK - ", "s;;300;0"),
        (
            "last_replication = \"4m\"",
            &["--max-rpo", "3m"],
            3,
            "CRITICAL - 1 replication: app replicated 4 min",
            "3 min 0 s are allowed",
        ),
        ("state = 7", &[], 3, "WARNING - 1 replication: app is in state 7 (Suspended)", "warnings=1 criticals=0"),
        ("state = 8", &[], 3, "CRITICAL - 1 replication: app is in state 8 (Critical)", "criticals=1"),
        ("health = 3", &[], 3, "CRITICAL - 1 replication: app has health 3 (Critical)", "criticals=1"),
        ("health = 77", &[], 3, "WARNING - 1 replication: app has health 77 (Other(77))", ""),
        ("state = 5", &["--max-rpo", "1s"], 3, "WARNING - 1 replication: app is in state 5 (Recovered)", ""),
        ("mode = 0", &[], 3, "UNKNOWN - no replicated VM is visible to this account | replications=0 ", ""),
        ("mode = 0", &["app"], 3, "CRITICAL - 0 replications: app is not replicated", ""),
        ("", &["nobody"], 3, "UNKNOWN - no VM \"nobody\" is visible", ""),
    ] {
        let mut arguments = vec!["status", "--check"];
        arguments.extend(options);
        let ran = simulate(&scenario(vm), &arguments);
        assert_eq!(ran.code, code, "{vm}: {}{}", ran.out, ran.err);
        assert!(ran.out.starts_with(begin) && ran.out.contains(part), "{vm}: {}", ran.out);
        assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    }
    // Warnings pass where only what is critical counts.
    assert_eq!(simulate(&scenario("state = 7"), &["status", "--check=critical"]).code, 0);
    assert_eq!(simulate(&scenario("state = 8"), &["status", "--check=critical"]).code, 3);
    assert_eq!(simulate(&scenario("mode = 0"), &["status", "--check=critical"]).code, 3);
    let down = run(&["status", "--check", "-H", "127.0.0.1:1", "-u", "u", "--http", "--password-file", "/dev/null"]);
    assert!(down.code != 0 && down.out.starts_with("UNKNOWN - "), "{}{}", down.out, down.err);
    let (ran, document) = rehearse(&scenario("state = 7"), &["status", "--check", "--max-rpo", "1h"]);
    assert_eq!((ran.code, document["check"]["level"].as_str()), (3, Some("warning")));
    assert_eq!(document["check"]["findings"][0]["vm"], "app");
    assert_eq!(run(&["status", "--max-rpo", "1h", "--simulate"]).code, 2);
}

#[test]
fn a_name_cannot_break_the_line_or_the_page() {
    let vm = "default_vms = false\n[[vms]]\nname = \"a|b'c=d\\\\e\\\"\\u202e\"\nstate = 7";
    let ran = simulate(vm, &["status", "--check"]);
    assert_eq!(ran.out.matches('|').count(), 1, "{}", ran.out);
    assert!(
        ran.out.starts_with("WARNING") && !ran.out.contains('\u{202e}') && ran.out.lines().count() == 1,
        "{:?}",
        ran.out
    );
    let page = simulate(vm, &["status", "-o", "prometheus"]);
    let samples = exposition::parse(&page.out).unwrap_or_else(|error| panic!("{error}\n{}", page.out));
    let state = samples.iter().find(|sample| sample.name == "hvr_replication_state").unwrap();
    assert_eq!((state.labels["vm"].as_str(), state.value), ("a|b'c=d\\e\"\\u{202e}", 7.0));
}

#[test]
fn metrics_are_a_page_that_prometheus_reads() {
    let ran = run(&["status", "--simulate", "-o", "prometheus"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let samples = exposition::parse(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}", ran.out));
    let of = |name: &str, vm: &str| {
        let found =
            |sample: &&exposition::Sample| sample.name == name && sample.labels.get("vm").is_some_and(|v| v == vm);
        samples.iter().find(found).map(|sample| sample.value)
    };
    assert_eq!(samples.iter().find(|sample| sample.name == "hvr_up").unwrap().value, 1.0);
    assert_eq!(of("hvr_replication_mode", "primary-01"), Some(1.0));
    assert_eq!(of("hvr_replication_state", "paused-01"), Some(7.0));
    assert_eq!(of("hvr_replication_health", "paused-01"), Some(2.0));
    assert!(of("hvr_replication_rpo_seconds", "app-db-01").unwrap() >= 150.0);
    let last = of("hvr_replication_last_timestamp_seconds", "app-db-01").unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((140.0..300.0).contains(&(now - last)), "{last}");
    assert_eq!(of("hvr_replication_rpo_seconds", "done-01"), None);
    assert_eq!(of("hvr_replication_last_timestamp_seconds", "fresh-01"), None);
    let elsewhere = run(&["points", "app-db-01", "--simulate", "-o", "prometheus"]);
    assert!(elsewhere.code == 2 && elsewhere.out.is_empty(), "{}", elsewhere.out);
}

#[test]
fn a_file_of_metrics_is_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hvr.prom");
    std::fs::write(&file, "old").unwrap();
    let path = file.to_str().unwrap();
    let ran = run(&["status", "--simulate", "-o", "prometheus", "--textfile", path]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let samples = exposition::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert!(samples.len() > 20);
    // A host that gives no answer must not go on looking healthy.
    let mut command = hvr(&["status", "-H", "127.0.0.1:1", "-u", "u", "--http", "--textfile", path]);
    assert_eq!(self::ran(command.env("HVR_PASSWORD", "x").output().unwrap()).code, 6);
    let samples = exposition::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let values: Vec<_> = samples.iter().map(|sample| (sample.name.as_str(), sample.value)).collect();
    assert!(values.len() == 2 && values[0] == ("hvr_up", 0.0), "{values:?}");
    // One VM that is not there is no host that is down.
    assert_eq!(run(&["status", "app-db-01", "nobody", "--simulate", "--textfile", path]).code, 3);
    let samples = exposition::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert!(samples[0].value == 1.0 && samples.iter().any(|sample| sample.name == "hvr_replication_state"));
    // A wrong command line says nothing of the host.
    assert_eq!(run(&["status", "--textfile", path]).code, 2);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["hvr.prom"], "nothing is left beside it");
    let nowhere = run(&["status", "--simulate", "--textfile", "/nonexistent/hvr.prom"]);
    assert!(nowhere.code == 2 && nowhere.err.contains("/nonexistent/hvr.prom"), "{}", nowhere.err);
}

#[test]
fn watching_ends_at_the_deadline() {
    let ran = run(&["status", "app-db-01", "--simulate", "--watch=200ms", "--timeout", "1s", "-o", "jsonl"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let documents: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    documents.iter().for_each(check_document);
    assert!((2..=6).contains(&documents.len()), "{}", documents.len());
    let table = run(&["status", "app-db-01", "--simulate", "--watch=400ms", "--timeout", "1s"]);
    assert!(table.code == 0 && table.out.matches("RPO").count() >= 2 && !table.out.contains('\u{1b}'), "{}", table.out);
    for arguments in [
        &["status", "--watch", "--simulate", "-o", "json"][..],
        &["status", "--watch", "--simulate", "-o", "prometheus"],
        &["status", "--watch", "--simulate", "--check"],
        &["status", "--watch=0s", "--simulate"],
    ] {
        assert_eq!(run(arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(run(&["status", "nobody", "--watch", "--simulate"]).code, 3);
}

#[test]
#[cfg(unix)]
fn watching_ends_at_a_signal() {
    for signal in [Signal::Interrupt, Signal::Terminate] {
        let mut command = hvr(&["status", "app-db-01", "--simulate", "--watch=1h", "-o", "jsonl"]);
        let mut child = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        check_document(&serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap());
        child.signal(signal);
        let ended = child.output();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(130), "{said}");
        assert!(lines.next().is_none() && !said.contains("hvr: "), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watching_goes_on_when_the_host_comes_back() {
    let account = "[account]\nuser = \"dr-admin\"\npassword = \"canary-pass-42\"";
    let server = crate::support::serve(account, ServerOptions::http()).await;
    let (url, port) = (server.url(), server.address().port());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hvr.prom");
    let up = || exposition::parse(&std::fs::read_to_string(&file).unwrap()).unwrap()[0].value;
    let arguments =
        ["status", "--watch=200ms", "-o", "jsonl", "--textfile", file.to_str().unwrap(), "--timeout", "60s"];
    let mut command = hvr(&arguments);
    command.env("HVR_HOST", &url).env("HVR_USER", "dr-admin").env("HVR_PASSWORD", "canary-pass-42");
    let mut child = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    let mut documents = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| {
        let document: Value = serde_json::from_str(&line.unwrap()).unwrap();
        check_document(&document);
        document["kind"].as_str().unwrap().to_owned()
    });
    assert_eq!(documents.next().as_deref(), Some("status"));
    drop(server);
    assert!(documents.any(|kind| kind == "error"));
    assert_eq!(up(), 0.0);
    let again = crate::support::serve(account, ServerOptions::http().port(port)).await;
    assert!(documents.any(|kind| kind == "status"));
    assert_eq!(up(), 1.0);
    drop(again);
}
