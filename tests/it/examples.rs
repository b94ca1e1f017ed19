//! Every example runs, to its end, and says what it is about.

use std::process::Command;

fn run(name: &str, arguments: &[&str]) -> String {
    // Examples are built with the tests; they lie beside this binary's folder.
    let mut folder = std::env::current_exe().unwrap();
    folder.pop();
    folder.pop();
    let program = folder.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let output = Command::new(&program).args(arguments).output().unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{name}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn they_run() {
    for (name, arguments, words) in [
        ("identify", &[][..], "2 HTTP requests"),
        ("list_vms", &[], "app-db-01"),
        ("failover", &[], "InitiateFailover was taken 1 time"),
        ("planned_failover", &[], "6 steps, nothing lost"),
        ("failover_dry_run", &[], "SnapshotSettingData"),
        ("follow_job", &[], "Ended after"),
        ("custom_class", &[], "Windows Server 2022"),
        ("stream_instances", &["2000"], "2000 instances"),
        ("many_at_once", &[], "over 3 connections"),
        ("offline_replay", &[], "the recording ends the same: Recovered"),
    ] {
        let text = run(name, arguments);
        assert!(text.contains(words), "{name}: {words:?} is not in {text}");
    }
    let class = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/custom_class.rs")).unwrap();
    let code =
        class.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("//") && !line.starts_with('#'));
    assert!(code.count() < 20, "a class of one's own takes few lines");
    let listed = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap();
    let sources =
        listed.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "rs")).count();
    assert_eq!(sources, 10, "an example is missing in this test");
}
