//! Every workflow on the real binary: documents against their schemas, exit codes, words for people, nothing sent where
//! nothing may be.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use hyperv_replica::simulator::{Effect, Fault, JobScript, Pair, Scenario, Server, ServerOptions, Simulator};
use serde_json::Value;

use crate::cli::{Ran, hvr, ran, rehearse, run};
use crate::support::schema::check_document;

/// Each workflow, its steps, and what is read back at the end: the VM's mode, state and power.
#[test]
fn every_workflow_is_done_and_proven() {
    type Case = (&'static [&'static str], &'static str, &'static [&'static str], (u64, u64, u64));
    let cases: &[Case] = &[
        (&["failover", "app-db-01"], "failover", &["fail-over"], (2, 5, 3)),
        (&["failover", "app-db-01", "--start"], "failover", &["fail-over", "start"], (2, 5, 2)),
        (
            &["failover", "app-db-01", "--planned"],
            "planned-failover",
            &["shut-down-primary", "prepare", "fail-over", "reverse", "verify-primary", "start"],
            (1, 3, 2),
        ),
        (
            &["failover", "app-db-01", "--planned", "--turn-off", "--no-reverse", "--no-start"],
            "planned-failover",
            &["turn-off-primary", "prepare", "fail-over"],
            (2, 5, 3),
        ),
        (
            &["test", "start", "app-db-01", "--network", "Isolated", "--point", "app-consistent"],
            "test-start",
            &["set-test-switch", "test-fail-over", "start-test-vm"],
            (2, 3, 3),
        ),
        (&["test", "start", "app-db-01", "--no-start"], "test-start", &["test-fail-over"], (2, 3, 3)),
        (&["commit", "done-01"], "commit", &["commit"], (2, 6, 3)),
        (&["undo", "done-01"], "undo", &["turn-off", "revert"], (2, 3, 3)),
        (&["start", "done-01"], "start", &["start"], (2, 5, 2)),
        (&["stop", "running-01"], "stop", &["shut-down"], (2, 3, 3)),
        (&["stop", "running-01", "--turn-off"], "stop", &["turn-off"], (2, 3, 3)),
        (&["stop", "app-db-01"], "stop", &["shut-down"], (2, 3, 3)),
        (&["network", "app-db-01", "set", "--dhcp"], "network", &["set-network"], (2, 3, 3)),
    ];
    for (arguments, workflow, steps, (mode, state, power)) in cases {
        let arguments = [arguments, &["--yes"][..]].concat();
        let (ran, document) = rehearse("", &arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.err);
        let kind = if workflow.contains("failover") { "failover" } else { "run-done" };
        assert_eq!((document["kind"].as_str(), document["workflow"].as_str()), (Some(kind), Some(*workflow)));
        let done: Vec<_> =
            document["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
        assert_eq!(done, *steps, "{arguments:?}");
        let value = |name: &str| document["after"][name]["value"].as_u64();
        assert_eq!(
            (value("mode"), value("state"), value("power")),
            (Some(*mode), Some(*state), Some(*power)),
            "{arguments:?}: {document}"
        );
        assert!(document["run"].is_string() || done == ["shut-down"], "{arguments:?}");
        if arguments.contains(&"--planned") {
            assert_eq!(document["verified"]["nothing_lost"], true);
            assert!(document["primary_after"].is_object());
        }
    }
    // The end of a rehearsal, and the way round after an unplanned failover.
    let there = "[[vms]]\nname = \"app-db-01 - Test\"\nmode = 3\nstate = 0\nenabled = 2\ntest_of = \"app-db-01\"";
    let (ran, document) = rehearse(there, &["test", "stop", "app-db-01", "--yes"]);
    assert_eq!((ran.code, document["workflow"].as_str()), (0, Some("test-stop")), "{}", ran.err);
    let old = "[primary]\nvms = [{ name = \"done-01\", mode = 1, enabled = 3 }]";
    let (ran, document) = rehearse(old, &["reverse", "done-01", "--primary", "x", "--yes"]);
    assert_eq!((ran.code, document["after"]["mode"]["value"].as_u64()), (0, Some(1)), "{}", ran.err);
    assert_eq!(document["primary_after"]["mode"]["value"], 2);
}

/// The first line says what is so now; what an operator does next stands below it.
#[test]
fn people_are_told_what_is_so_and_what_comes_next() {
    for (arguments, said, next) in [
        (
            &["failover", "app-db-01"][..],
            "is failed over: replication state 5 (Recovered), regular point",
            "hvr undo app-db-01",
        ),
        (
            &["failover", "app-db-01", "--planned"],
            "is failed over, nothing lost (planned point), and the replication is turned round: primary (state 3",
            "",
        ),
        (&["failover", "app-db-01", "--planned", "--no-reverse"], "nothing lost", "hvr reverse app-db-01"),
        (&["test", "start", "app-db-01"], "app-db-01 - Test (", "hvr test stop app-db-01"),
        (&["commit", "done-01"], "the failover of done-01 is kept for good", "hvr reverse done-01"),
        (&["undo", "done-01"], "done-01 is back where it was", ""),
        (&["start", "done-01"], "done-01 is running, read back", ""),
        (&["stop", "running-01"], "running-01 is off, read back", ""),
    ] {
        let ran = run(&[arguments, &["--yes", "--simulate"]].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.err);
        assert!(ran.out.contains(said) && ran.out.contains("(simulated)"), "{arguments:?}: {}", ran.out);
        assert!(ran.err.contains(next), "{arguments:?}: {}", ran.err);
        let lines = ran.out.lines().count();
        assert!(lines <= 2, "{arguments:?}: {}", ran.out);
    }
}

#[test]
fn a_planned_failover_tells_its_events() {
    let ran = run(&["failover", "app-db-01", "--planned", "--yes", "--simulate", "-o", "jsonl"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let documents: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    documents.iter().for_each(check_document);
    let of = |event: &str, field: &str| -> Vec<&str> {
        let events = documents.iter().filter(|document| document["event"] == event);
        events.map(|document| document["data"][field].as_str().unwrap()).collect()
    };
    assert_eq!(of("invoking", "step"), ["shut-down-primary", "prepare", "fail-over", "reverse", "start"]);
    assert_eq!(of("invoking", "site"), ["primary", "primary", "host", "host", "host"]);
    assert_eq!(of("step-done", "step").len(), 6);
    let runs: BTreeSet<_> = documents.iter().filter_map(|document| document["run"].as_str()).collect();
    assert_eq!(runs.len(), 1, "one run in every line");
    assert_eq!(documents.last().unwrap()["kind"], "failover");
}

#[test]
fn each_refusal_has_its_code_and_remedy() {
    let extended = "[[vms]]\nname = \"app-db-01\"\nextended = { state = 3 }";
    let certificates = "[[vms]]\nname = \"app-db-01\"\nauthentication = 2";
    for (scenario, arguments, code) in [
        ("", &["failover", "nobody", "--planned"][..], "not-visible"),
        ("", &["failover", "twin", "--planned"], "ambiguous"),
        ("", &["failover", "primary-01", "--planned"], "is-primary"),
        ("", &["failover", "running-01"], "not-off"),
        (extended, &["failover", "app-db-01", "--planned"], "extended-relation"),
        (certificates, &["failover", "app-db-01", "--planned"], "certificate"),
        ("", &["failover", "app-db-01", "--point", "Microsoft:00000000-0000-0000-0000-000000000000"], "no-point"),
        ("", &["test", "start", "primary-01"], "is-primary"),
        ("", &["test", "start", "app-db-01", "--network", "Nowhere"], "no-such-switch"),
        ("", &["test", "stop", "app-db-01"], "no-test-vm"),
        ("", &["test", "stop", "test-01"], "is-test-replica"),
        ("", &["commit", "app-db-01"], "not-failed-over"),
        ("", &["undo", "app-db-01"], "nothing-to-undo"),
        ("", &["reverse", "app-db-01"], "not-failed-over"),
        ("", &["start", "app-db-01"], "replica-stays-off"),
        ("", &["network", "app-db-01", "set", "--adapter", "eth9", "--dhcp"], "no-adapter"),
    ] {
        let (ran, document) = rehearse(scenario, &[arguments, &["--yes"]].concat());
        assert_eq!((ran.code, document["code"].as_str()), (3, Some(code)), "{arguments:?}: {}", ran.err);
        assert_eq!(document["may_have_changed"], false, "{arguments:?}");
        assert!(!document["remedy"].as_str().unwrap().is_empty(), "{arguments:?}");
    }
    // What does not parse never gets as far as a host.
    for arguments in [
        &["network", "app-db-01", "set", "--address", "10.0.0.300/24"][..],
        &["network", "app-db-01", "set", "--address", "10.0.0.7"],
        &["failover", "app-db-01", "--planned", "--no-wait"],
        &["failover", "app-db-01", "--planned", "--point", "latest"],
        &["failover", "app-db-01", "--turn-off"],
        &["reverse", "app-db-01", "--primary-user", "x"],
    ] {
        let ran = run(&[arguments, &["--yes", "--simulate"]].concat());
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
    }
}

/// Two hosts on sockets, and a state directory that commands share.
struct Site {
    pair: Pair,
    servers: [Server; 2],
    state: tempfile::TempDir,
}

const ACCOUNT: &str = "[account]\nuser = \"dr-admin\"\npassword = \"canary-pass-42\"\n";

impl Site {
    async fn new(scenario: &str) -> Site {
        let pair = Pair::new(Scenario::from_toml(&format!("{ACCOUNT}{scenario}")).unwrap());
        let serve = |simulator: &std::sync::Arc<Simulator>| Server::serve(simulator.clone(), ServerOptions::http());
        let servers = [serve(&pair.replica).await.unwrap(), serve(&pair.primary).await.unwrap()];
        Site { pair, servers, state: tempfile::tempdir().unwrap() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = hvr(arguments);
        command.env("HVR_USER", "dr-admin").env("HVR_PASSWORD", "canary-pass-42");
        command.env("HVR_HOST", self.servers[0].url()).env("HVR_STATE", self.state.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> (Ran, Value) {
        let ran = ran(self.command(&[arguments, &["-o", "json"]].concat()).output().unwrap());
        let document: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}{}", ran.out, ran.err));
        check_document(&document);
        (ran, document)
    }

    fn planned(&self, more: &[&str]) -> (Ran, Value) {
        let primary = self.servers[1].url();
        self.run(&[&["failover", "app-db-01", "--planned", "--primary", &primary][..], more].concat())
    }

    fn states(&self) -> [(u16, u16, u16); 2] {
        [&self.pair.replica, &self.pair.primary].map(|simulator| {
            simulator.with_world(|world| {
                let vm = world.vm("app-db-01").unwrap();
                (vm.mode, vm.state, vm.enabled_state)
            })
        })
    }

    fn taken(&self) -> usize {
        self.pair.replica.history().len() + self.pair.primary.history().len()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_and_a_refusal_send_nothing() {
    let site = Site::new("").await;
    let before = site.states();
    let (ran, document) = site.planned(&["--dry-run"]);
    assert_eq!((ran.code, document["sent"].as_bool()), (0, Some(false)), "{}", ran.err);
    let envelopes: Vec<_> = document["envelopes"].as_array().unwrap().iter().collect();
    let steps: Vec<_> = envelopes.iter().map(|envelope| envelope["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["shut-down-primary", "prepare", "fail-over", "reverse", "start"]);
    assert!(envelopes[3]["xml"].as_str().unwrap().contains("ReplicationSettingData"), "{}", envelopes[3]);
    for arguments in [
        &["test", "start", "app-db-01", "--network", "Isolated", "--dry-run"][..],
        &["network", "app-db-01", "set", "--dhcp", "--dry-run"],
        &["start", "done-01", "--dry-run"],
        &["commit", "done-01", "--dry-run"],
        &["undo", "done-01", "--dry-run"],
    ] {
        let (ran, document) = site.run(arguments);
        assert_eq!((ran.code, document["kind"].as_str()), (0, Some("dry-run")), "{arguments:?}: {}", ran.err);
        assert!(!document["envelopes"].as_array().unwrap().is_empty());
    }
    // A test VM that is not there yet cannot be named in an envelope.
    let (_, document) = site.run(&["test", "start", "app-db-01", "--dry-run"]);
    assert_eq!(document["unwritten"], serde_json::json!(["start-test-vm"]));
    let (ran, document) = site.run(&["commit", "app-db-01", "--yes"]);
    assert_eq!((ran.code, document["code"].as_str()), (3, Some("not-failed-over")));
    // The primary named for itself, and the hosts exchanged.
    let url = site.servers[0].url();
    let (ran, document) = site.run(&["failover", "app-db-01", "--planned", "--primary", &url, "--yes"]);
    assert_eq!((ran.code, document["code"].as_str()), (3, Some("is-replica")), "{}", ran.err);
    let primary = site.servers[1].url();
    let exchanged = &["failover", "app-db-01", "--planned", "--primary", &url, "-H", &primary, "--yes"];
    let (ran, document) = site.run(exchanged);
    assert_eq!((ran.code, document["code"].as_str()), (3, Some("is-primary")), "{}", ran.err);
    assert!(document["remedy"].as_str().unwrap().starts_with("the replica is on "), "{document}");
    assert_eq!((site.taken(), site.states()), (0, before));
    let (_, runs) = site.run(&["run", "list"]);
    assert_eq!(runs["runs"].as_array().unwrap().len(), 0, "nothing sent, nothing on record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_stops_half_way_says_how_to_go_on_and_back() {
    for on in [true, false] {
        let site = Site::new("").await;
        let before = site.states();
        let mut fails = JobScript::default();
        fails.error = Some(32768);
        site.pair.replica.inject(Fault::on("InitiateFailover", Effect::Job(fails)));
        let (ran, document) = site.planned(&["--yes"]);
        assert_eq!((ran.code, document["code"].as_str()), (4, Some("job-failed")), "{}", ran.err);
        assert_eq!(document["may_have_changed"], true);
        let (message, remedy) = (document["message"].as_str().unwrap(), document["remedy"].as_str().unwrap());
        assert!(message.contains("half-way: done before: shut-down-primary, prepare"), "{message}");
        let id = document["details"]["run"].as_str().unwrap();
        let [resume, undo] = ["resume", "undo"].map(|verb| format!("hvr run {verb} {id}"));
        assert!(remedy.contains(&resume) && remedy.contains(&undo), "{remedy}");
        assert!(remedy.contains("reads as before this step; remove the cause"), "{remedy}");
        // What was done before it is said first: the guest is off on both hosts.
        assert!(message.starts_with("app-db-01 is OFF on both hosts; "), "{message}");
        let whereabouts = &document["details"]["whereabouts"];
        assert_eq!(whereabouts["primary"]["vm"]["power"]["value"], 3, "{whereabouts}");
        assert_eq!((&whereabouts["host"]["known"], &whereabouts["primary"]["known"]), (&"read".into(), &"read".into()));
        assert_eq!(document["details"]["after"]["state"]["value"], 3, "read back after the failure");
        // Another run on the VM is kept off, and told which one to settle.
        let (ran, document) = site.run(&["failover", "app-db-01", "--yes"]);
        assert_eq!((ran.code, document["code"].as_str()), (3, Some("open-run")), "{}", ran.err);
        assert!(document["remedy"].as_str().unwrap().contains(&resume), "{document}");
        let taken = site.taken();
        let verb = if on { "resume" } else { "undo" };
        // On paper nothing is sent or put on record, whatever else is said.
        let (_, runs) = site.run(&["run", "list"]);
        let (ran, dry) = site.run(&["run", verb, "--dry-run", "--yes"]);
        assert_eq!((ran.code, dry["kind"].as_str()), (0, Some("dry-run")), "{}", ran.err);
        let steps: Vec<_> =
            dry["envelopes"].as_array().unwrap().iter().map(|envelope| envelope["step"].as_str().unwrap()).collect();
        let left = if on { &["fail-over", "reverse", "start"][..] } else { &["cancel-prepare", "start-primary"] };
        assert_eq!((steps.as_slice(), site.taken(), site.run(&["run", "list"]).1), (left, taken, runs));
        let (ran, document) = site.run(&["run", verb, "--yes"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        match on {
            true => {
                assert_eq!(document["kind"], "failover");
                assert_eq!(document["verified"]["nothing_lost"], true, "{document}");
                assert_eq!(site.states(), [(1, 3, 2), (2, 3, 3)]);
            }
            false => {
                assert_eq!(
                    (document["kind"].as_str(), document["workflow"].as_str()),
                    (Some("run-done"), Some("walk-back"))
                );
                assert_eq!(site.states(), before);
            }
        }
        assert!(site.taken() > taken);
        let (ran, document) = site.run(&["run", verb, "--yes"]);
        assert_eq!((ran.code, document["code"].as_str()), (3, Some("no-open-run")), "{}", ran.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_back_that_comes_to_nothing_leaves_its_run_open_and_says_so() {
    let site =
        Site::new("[[vms]]\nname = \"app-db-01 - Test\"\nmode = 3\nstate = 0\nenabled = 2\ntest_of = \"running-01\"")
            .await;
    let failing = || {
        let mut script = JobScript::default();
        script.error = Some(32775);
        Effect::Job(script)
    };
    site.pair.replica.inject(Fault::on("InitiateFailover", failing()));
    let (ran, document) = site.planned(&["--yes"]);
    assert_eq!((ran.code, document["code"].as_str()), (4, Some("job-failed")), "{}", ran.err);
    let id = document["details"]["run"].as_str().unwrap().to_owned();
    // The first step of the way back fails as well.
    site.pair.primary.inject(Fault::on("RequestReplicationStateChangeEx", failing()));
    let (ran, document) = site.run(&["run", "undo", "--yes"]);
    assert_eq!((ran.code, document["code"].as_str()), (4, Some("job-failed")), "{}", ran.err);
    let remedy = document["remedy"].as_str().unwrap();
    let commands = [format!("hvr run resume {id}"), format!("hvr run undo {id}")];
    assert!(remedy.contains(&format!("run {id} stays open")), "{remedy}");
    assert!(
        commands.iter().all(|command| remedy.contains(command)) && !remedy.contains("the command again"),
        "{remedy}"
    );
    let (ran, _) = site.run(&["run", "undo", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    // Only a planned failover can be walked back, and nothing else is told to be.
    site.pair.replica.inject(Fault::on("DestroySystem", failing()));
    let (ran, document) = site.run(&["test", "stop", "running-01", "--yes"]);
    let remedy = document["remedy"].as_str().unwrap();
    assert_eq!((ran.code, document["code"].as_str()), (4, Some("job-failed")), "{}", ran.err);
    assert!(remedy.contains("hvr run resume ") && !remedy.contains("undo"), "{remedy}");
    // Its failed job stands on the host still, and the run goes on.
    let (ran, _) = site.run(&["run", "resume", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_handed_over_is_proven_later_or_superseded() {
    let site = Site::new("[job]\nduration = \"1s\"").await;
    let started = |vm: &str| {
        let (ran, document) = site.run(&["failover", vm, "--yes", "--no-wait"]);
        assert_eq!((ran.code, document["kind"].as_str()), (0, Some("failover-started")), "{}", ran.err);
        document["run"].as_str().unwrap().to_owned()
    };
    let id = started("app-db-01");
    // On paper its job is followed and its end proven, and the record stays as it was.
    let (_, runs) = site.run(&["run", "list"]);
    let (ran, document) = site.run(&["run", "resume", &id, "--dry-run", "--yes"]);
    assert_eq!((ran.code, document["kind"].as_str()), (0, Some("failover")), "{}", ran.err);
    assert!(
        ran.err.contains(&format!("nothing was put on record; this ends the run: `hvr run resume {id}")),
        "{}",
        ran.err
    );
    assert_eq!(site.run(&["run", "list"]).1, runs);
    let (ran, document) = site.run(&["run", "resume", &id, "--yes"]);
    assert_eq!((ran.code, document["kind"].as_str()), (0, Some("failover")), "{}", ran.err);
    // Another run has taken this one back meanwhile.
    let id = started("planned-01");
    for attempt in 0..100 {
        let (ran, _) = site.run(&["undo", "planned-01", "--yes"]);
        if ran.code == 0 {
            break;
        }
        assert!(attempt < 99, "{}", ran.err);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let (ran, document) = site.run(&["run", "resume", &id, "--yes"]);
    assert_eq!((ran.code, document["code"].as_str()), (3, Some("superseded")), "{}", ran.err);
    let (_, runs) = site.run(&["run", "list"]);
    assert!(runs["runs"].as_array().unwrap().iter().all(|run| !run["end"].is_null()), "none is open: {runs}");
}

const PLANNED: &[&str] = &["failover", "app-db-01", "--planned"];
const FAILOVER: &[&str] = &["failover", "app-db-01"];
/// Each scenario of the examples: the command that walks into it, and the exit and code of its end.
pub const TRAPS: &[(&str, &[&str], i32, &str)] = &[
    ("certificates", PLANNED, 3, "certificate"),
    ("cluster", FAILOVER, 3, "not-visible"),
    ("cut-after-prepare", PLANNED, 0, ""),
    ("cut-after-reverse", &["failover", "app-db-01", "--planned", "--no-start"], 0, ""),
    ("empty-promise", FAILOVER, 5, "state-unknown"),
    ("extended", PLANNED, 3, "extended-relation"),
    ("failing-job", FAILOVER, 4, "job-failed"),
    ("forged-refusal", FAILOVER, 0, ""),
    ("guest-ignores-shutdown", PLANNED, 5, "state-unknown"),
    ("guest-not-ready", PLANNED, 4, "host-refused"),
    ("guest-slow", PLANNED, 8, "deadline"),
    ("japanese", FAILOVER, 4, "job-failed"),
    ("job-stuck", FAILOVER, 8, "deadline"),
    ("job-vanished", FAILOVER, 5, "state-unknown"),
    ("job-warnings", FAILOVER, 0, ""),
    ("late-call", FAILOVER, 0, ""),
    ("lost-reply", FAILOVER, 0, ""),
    ("other-server", FAILOVER, 0, ""),
    ("prepare-fails", PLANNED, 4, "job-failed"),
    ("primary-suspended", PLANNED, 3, "primary-not-replicating"),
    ("proxy-after-reverse", PLANNED, 0, ""),
    ("restart", FAILOVER, 0, ""),
    ("resynchronising", &["test", "start", "app-db-01"], 3, "resynchronising"),
    ("reverse-fails", PLANNED, 3, "primary-takes-no-replica"),
    ("reverse-refused", PLANNED, 4, "host-refused"),
    ("server-2012", PLANNED, 0, ""),
    ("slow-job", FAILOVER, 8, "deadline"),
    ("test-job-fails", &["test", "start", "app-db-01"], 4, "job-failed"),
    ("test-vm-there", &["test", "start", "app-db-01"], 3, "test-vm-exists"),
    ("timed-out", FAILOVER, 0, ""),
    ("unhealthy", FAILOVER, 0, ""),
    ("unknown", FAILOVER, 5, "state-unknown"),
    ("whole-copy", FAILOVER, 0, ""),
];

/// Each example of a trap, as an operator walks into it.
#[test]
fn every_example_scenario_ends_as_it_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scenarios");
    let files: BTreeSet<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(files, TRAPS.iter().map(|(name, ..)| (*name).to_owned()).collect(), "each has its row");
    let walk = |(name, arguments, exit, code): &(&str, &[&str], i32, &str)| {
        let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
        // Where patience is to end, it ends soon.
        let patience = if matches!(exit, 5 | 8) { "3s" } else { "60s" };
        let (ran, document) = rehearse(&text, &[arguments, &["--yes", "--timeout", patience][..]].concat());
        assert_eq!((ran.code, document["code"].as_str().unwrap_or("")), (*exit, *code), "{name}: {}", ran.err);
        if *exit != 0 {
            assert!(!document["remedy"].as_str().unwrap().is_empty(), "{name}: {document}");
        }
        // Half a sentence is no help at 3 a.m.
        for line in ran.err.lines() {
            assert!(!line.contains("; ;") && !line.ends_with([';', ',']), "{name}: {line:?}");
        }
    };
    std::thread::scope(|scope| {
        for rows in TRAPS.chunks(4) {
            scope.spawn(move || rows.iter().for_each(walk));
        }
    });
}
