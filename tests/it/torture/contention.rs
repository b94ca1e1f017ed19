//! Two processes and one VM, a journal that cannot be written, and a person who presses Ctrl-C.

use std::process::Command;
use std::time::Duration;

use hyperv_replica::failover::Site;
use hyperv_replica::failover::journal::RunEnd;

use super::rig::{Ended, Rig};
use crate::support::proxy::Way;

const TWO: &str = "default_vms = false\n[job]\nduration = \"30ms\"\n[[vms]]\nname = \"one\"\n[[vms]]\nname = \"other\"";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn failover(rig: &Rig, vm: &str) -> Vec<String> {
    rig.flags(&["failover", vm, "--yes"], Site::Host, false)
}

fn code(ended: &Ended) -> String {
    ended.document()["code"].as_str().unwrap_or("").to_owned()
}

#[test]
fn of_two_processes_on_one_vm_one_fails_it_over_and_the_other_names_the_run() {
    let runtime = runtime();
    let mut held = 0;
    for _ in 0..20 {
        let rig = runtime.block_on(Rig::new(TWO));
        let both = [rig.start(&failover(&rig, "one")), rig.start(&failover(&rig, "one"))].map(|process| process.end());
        assert_eq!(rig.host(Site::Host).taken("InitiateFailover", "one"), 1, "{}\n{}", both[0], both[1]);
        let (won, lost): (Vec<_>, Vec<_>) = both.iter().partition(|ended| ended.code == Some(0));
        let [lost] = lost.as_slice() else { panic!("{}\n{}", both[0], both[1]) };
        assert!(won.len() == 1 && lost.code == Some(3), "{lost}");
        match code(lost).as_str() {
            "held" => {
                let run = rig.runs()[0].record.id.to_string();
                assert!(lost.err.contains(&run), "{lost}");
                held += 1;
            }
            // It came when the other had begun, or was done.
            "already-failed-over" | "failover-in-progress" | "open-run" => {}
            _ => panic!("{lost}"),
        }
    }
    assert!(held > 0, "they never met");
}

#[test]
fn two_processes_on_two_vms_do_not_wait_for_each_other() {
    let rig = runtime();
    let rig = rig.block_on(Rig::new(TWO));
    let both = ["one", "other"].map(|vm| rig.start(&failover(&rig, vm))).map(|process| process.end());
    assert!(both.iter().all(|ended| ended.code == Some(0)), "{}\n{}", both[0], both[1]);
    assert_eq!((rig.runs().len(), rig.taken_ids().len()), (2, 2));
}

#[test]
fn without_a_journal_nothing_is_sent() {
    let runtime = runtime();
    let rig = runtime.block_on(Rig::new(TWO));
    let file = tempfile::NamedTempFile::new().unwrap();
    for state in [file.path().to_str().unwrap(), "/proc/hvr"] {
        let mut command = rig.command(&failover(&rig, "one"));
        command.args(["--state", state]);
        // The later of two is the one that counts, or the command line is refused: either way nothing is sent.
        let ended = rig.spawn(command, &[]).end();
        assert!(matches!(ended.code, Some(2 | 3)), "{ended}");
    }
    let full = format!("ulimit -f 0; exec {} \"$@\"", env!("CARGO_BIN_EXE_hvr"));
    let mut command = Command::new("sh");
    command.args(["-c", &full, "hvr"]).args(failover(&rig, "one"));
    command.arg("--state").arg(rig.state()).args(["-o", "table"]).env("XDG_CONFIG_HOME", "/nonexistent");
    let ended = command.stdin(std::process::Stdio::null()).output().unwrap();
    assert!(!ended.status.success());
    assert_eq!(rig.host(Site::Host).taken("InitiateFailover", "one"), 0);
    // The embedded end of the file system does not spoil what comes later.
    let _ = std::fs::remove_dir_all(rig.state());
    let ended = rig.run(&failover(&rig, "one"));
    assert_eq!(ended.code, Some(0), "{ended}");
}

#[test]
fn a_signal_leaves_in_order_and_the_run_is_taken_up() {
    let runtime = runtime();
    let slow = "default_vms = false\n[job]\nduration = \"3s\"\n[[vms]]\nname = \"one\"";
    for signal in ["INT", "TERM", "HUP"] {
        let rig = runtime.block_on(Rig::new(slow));
        let process = rig.start(&failover(&rig, "one"));
        while !process.said().contains("Running") {
            assert!(process.age() < Duration::from_secs(20), "{}", process.said());
            std::thread::sleep(Duration::from_millis(5));
        }
        process.signal(signal);
        let ended = process.end();
        assert_eq!((ended.code, code(&ended).as_str()), (Some(130), "interrupted"), "{ended}");
        let document = ended.document();
        assert_eq!(document["may_have_changed"], true);
        let run = rig.runs().remove(0);
        assert!(document["remedy"].as_str().unwrap().contains(&format!("hvr run resume {}", run.record.id)), "{ended}");
        assert!(document["message"].as_str().unwrap().contains("goes on on"), "{ended}");
        assert_eq!((run.end, run.note.as_str()), (None, "interrupted"));
        let resumed = rig.run(&["run", "resume", "--yes"].map(str::to_owned));
        assert_eq!(resumed.code, Some(0), "{resumed}");
        assert_eq!(rig.runs()[0].end, Some(RunEnd::Done));
        assert_eq!(rig.host(Site::Host).taken("InitiateFailover", "one"), 1);
        assert!(rig.proxy(Site::Host).bytes(Way::Up) > 0 && rig.requests() > 5 && rig.damage().is_none());
    }
}
