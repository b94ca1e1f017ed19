//! Reading commands and `hvr job cancel` on the real binary: networks, statistics, old hosts, clusters.

use hyperv_replica::simulator::{Server, ServerOptions};
use serde_json::Value;

use crate::cli::{Ran, against, rehearse, run};
use crate::support::schema::check_document;

const ACCOUNT: &str = "[account]\nuser = \"dr-admin\"\npassword = \"canary-pass-42\"\n";

fn document(ran: &Ran) -> Value {
    let document: Value =
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}{}", ran.out, ran.err));
    check_document(&document);
    document
}

#[test]
fn statistics_are_told_for_each_replication() {
    let scenario = "default_vms = false\n[[vms]]\nname = \"app\"\nextended = { state = 7, health = 3 }\n\
        statistics = { pending = 1610612736, last_test = \"9d\", issues = [\"Replication is paused.\"] }";
    let (ran, document) = rehearse(scenario, &["status", "--statistics"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let relations = document["vms"][0]["relations"].as_array().unwrap();
    let kinds: Vec<_> = relations.iter().map(|relation| relation["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["primary", "extended"]);
    for relation in relations {
        assert_eq!(relation["statistics"]["pending_size_bytes"], 1_610_612_736_u64);
        assert_eq!(relation["issues"][0]["message"], "Replication is paused.");
        assert!(relation["statistics"]["last_test_failover"].is_string() && relation["statistics_error"].is_null());
    }
    assert_eq!(relations[1]["state"]["value"], 7);
    // The extended relation is judged as its own.
    let (ran, document) = rehearse(scenario, &["status", "--check"]);
    assert_eq!((ran.code, document["check"]["level"].as_str()), (3, Some("critical")));
    assert!(document["check"]["summary"].as_str().unwrap().starts_with("2 replications: app extended relation: "));
    // What the host cannot count hides nothing of the rest.
    let refused = format!("{scenario}\n[[faults]]\non = \"GetReplicationStatisticsEx\"\nreturns = 32775");
    let (ran, document) = rehearse(&refused, &["status", "--statistics"]);
    let relation = &document["vms"][0]["relations"][0];
    assert!(ran.code == 0 && relation["statistics"].is_null(), "{relation}");
    assert!(relation["statistics_error"].as_str().unwrap().contains("32775"), "{relation}");
}

#[test]
fn a_host_of_2012_is_told_by_what_it_answers() {
    let scenario = "version = \"2012\"";
    let (ran, document) = rehearse(scenario, &["status", "app-db-01", "--statistics"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let vm = &document["vms"][0];
    let relation = &vm["relations"][0];
    assert!(
        relation["id"].is_null() && relation["last_apply"].is_null() && relation["last_replication_type"].is_null()
    );
    assert_eq!((relation["state"]["value"].as_u64(), relation["kind"].as_str()), (Some(3), Some("primary")));
    assert!(vm["data_loss_seconds_if_now"].as_u64() >= Some(150) && relation["statistics"].is_object(), "{vm}");
    let all = run(&["status", "--check", "--max-rpo", "1h", "--simulate"]);
    assert!(all.code == 3 && all.out.starts_with("CRITICAL"), "{}", all.out);
}

#[test]
fn the_network_after_a_failover_is_shown() {
    let scenario = "default_vms = false\n[[vms]]\nname = \"app\"\nadapters = 2";
    let (ran, document) = rehearse(scenario, &["network", "APP", "show"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let adapters = document["adapters"].as_array().unwrap();
    assert_eq!(adapters.len(), 2);
    for adapter in adapters {
        assert_eq!(adapter["failover"]["addresses"], serde_json::json!([]));
        assert_eq!(adapter["connection"]["last_switch"], "Production");
        let id = adapter["id"].as_str().unwrap();
        assert!(adapter["connection"]["id"].as_str().unwrap().starts_with(id), "{adapter}");
    }
    let (ran, document) = rehearse(scenario, &["network", "nobody", "show"]);
    assert_eq!((ran.code, document["code"].as_str()), (3, Some("not-visible")));
}

#[test]
fn the_network_is_the_same_when_any_of_its_queries_is_refused() {
    for nth in 1..=4 {
        let scenario = format!(
            "default_vms = false\nseed = 7\n[[vms]]\nname = \"app\"\n\
             [[faults]]\non = \"Enumerate\"\nfault = \"CannotProcessFilter\"\nnth = {nth}"
        );
        let (ran, document) = rehearse(&scenario, &["network", "app", "show"]);
        let adapters = document["adapters"].as_array().unwrap();
        assert_eq!((ran.code, adapters.len()), (0, 1), "{nth}: {}", ran.err);
        assert!(adapters[0]["failover"].is_object() && adapters[0]["connection"].is_object(), "{nth}: {document}");
    }
}

#[test]
fn a_wrong_host_says_where_to_ask() {
    let cluster = "default_vms = false\n[cluster]\nbroker = \"HVBROKER\"\nowners = { \"far\" = \"HVDR02\" }\n\
        [[vms]]\nname = \"near\"\n[[vms]]\nname = \"far\"\n[[vms]]\nname = \"orig\"\nmode = 1\nenabled = 2";
    for command in
        [&["points", "far"][..], &["status", "far"], &["failover", "far", "--yes"], &["network", "far", "show"]]
    {
        let (ran, document) = rehearse(cluster, command);
        assert_eq!((ran.code, document["code"].as_str()), (3, Some("not-visible")), "{}", ran.err);
        assert_eq!(document["details"]["cluster"]["owner"]["node"], "HVDR02");
        assert!(document["remedy"].as_str().unwrap().contains("-H HVDR02"), "{document}");
    }
    let (_, document) = rehearse(cluster, &["points", "nowhere"]);
    assert!(document["details"]["cluster"]["owner"].is_null());
    assert!(document["remedy"].as_str().unwrap().contains("broker HVBROKER"), "{document}");
    let (_, document) = rehearse("", &["points", "nowhere"]);
    assert!(document["remedy"].as_str().unwrap().contains("in no failover cluster"), "{document}");
    assert_eq!(document["details"]["looked_at"].as_array().unwrap().len(), 2);
    let checked = run(&["check", "nowhere", "--simulate"]);
    assert!(checked.code == 3 && checked.out.contains("in no failover cluster"), "{}", checked.out);

    // The primary was asked: its settings name the host of the replica.
    for command in [&["failover", "primary-01", "--yes"][..], &["failover", "primary-01", "--dry-run"]] {
        let (ran, document) = rehearse("", command);
        assert_eq!((ran.code, document["code"].as_str()), (3, Some("is-primary")));
        assert!(document["remedy"].as_str().unwrap().starts_with("the replica is on "), "{document}");
    }
    let checked = run(&["check", "primary-01", "--simulate"]);
    assert!(checked.out.contains("the replica is on "), "{}", checked.out);
}

/// Starts a failover that is not waited for; the reference of its job.
fn started(server: &Server) -> String {
    let started = against(server, &["failover", "app", "--yes", "--no-wait"]);
    assert_eq!(started.code, 0, "{}", started.err);
    started.out.trim_end().to_owned()
}

async fn host_with_job(job: &str) -> Server {
    let scenario = format!("default_vms = false\n{ACCOUNT}[[vms]]\nname = \"app\"\njob = {job}");
    crate::support::serve(&scenario, ServerOptions::http()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_cancelled_where_it_says_that_it_can_be() {
    let server = host_with_job("{ duration = \"1h\", cancellable = true }").await;
    let job = started(&server);
    let asked = against(&server, &["job", "cancel", &job]);
    assert!(asked.code == 2 && asked.err.contains("--yes"), "{}", asked.err);
    let dry = against(&server, &["job", "cancel", &job, "--dry-run", "-o", "json"]);
    let envelope = document(&dry);
    assert!(envelope["xml"].as_str().unwrap().contains("<p:RequestedState>4</p:RequestedState>"), "{envelope}");
    let shown = document(&against(&server, &["job", "show", &job, "-o", "json"]));
    assert_eq!(shown["job"]["state"]["value"], 4, "a dry run changes nothing");
    let cancelled = against(&server, &["job", "cancel", &job, "--yes", "-o", "json"]);
    let ended = document(&cancelled);
    assert_eq!((cancelled.code, ended["kind"].as_str()), (0, Some("job-cancel")), "{}", cancelled.err);
    assert_eq!((ended["outcome"].as_str(), ended["job"]["state"]["value"].as_u64()), (Some("terminated"), Some(8)));
    let again = against(&server, &["job", "cancel", &job, "--yes", "-o", "json"]);
    assert_eq!((again.code, document(&again)["code"].as_str()), (3, Some("job-over")));
    let status = document(&against(&server, &["status", "app", "-o", "json"]));
    assert_eq!(status["vms"][0]["state"]["value"], 3, "its work was not done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_cannot_be_cancelled_is_left_alone() {
    let server = host_with_job("{ duration = \"1h\" }").await;
    let job = started(&server);
    let refused = against(&server, &["job", "cancel", &job, "--yes", "-o", "json"]);
    let said = document(&refused);
    assert_eq!((refused.code, said["code"].as_str()), (3, Some("not-cancellable")));
    assert_eq!(said["may_have_changed"], false);
    assert!(said["remedy"].as_str().unwrap().contains("hvr job wait "), "{said}");
    let gone = against(&server, &["job", "cancel", "0D4F7A10-5B1C-4A6B-8F2E-33E1C0A9D7B6", "--yes", "-o", "json"]);
    assert_eq!((gone.code, document(&gone)["code"].as_str()), (3, Some("job-gone")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_whose_reply_is_lost_is_told_by_the_job() {
    for (cut, code, kind) in [("after", 0, "job-cancel"), ("before", 4, "error")] {
        let fault = format!("[[faults]]\non = \"RequestStateChange\"\ncut = \"{cut}\"\n");
        let job = "{ duration = \"5s\", cancellable = true }";
        let scenario = format!("default_vms = false\n{ACCOUNT}{fault}[[vms]]\nname = \"app\"\njob = {job}");
        let server = crate::support::serve(&scenario, ServerOptions::http()).await;
        let job = started(&server);
        let cancelled = against(&server, &["job", "cancel", &job, "--yes", "-o", "json"]);
        let ended = document(&cancelled);
        assert_eq!((cancelled.code, ended["kind"].as_str()), (code, Some(kind)), "{cut}: {}", cancelled.err);
        assert!(cancelled.err.contains("the reply was lost"), "{}", cancelled.err);
        if kind == "error" {
            assert_eq!(
                (ended["code"].as_str(), ended["may_have_changed"].as_bool()),
                (Some("not-cancelled"), Some(true))
            );
        }
    }
}
