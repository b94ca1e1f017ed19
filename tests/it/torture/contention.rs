//! Two processes at once, a journal that cannot be written, and signals: what the torture leaves to chance, on purpose.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hyperv_replica::failover::Site;
use hyperv_replica::failover::journal::{RunEnd, Verdict};
use hyperv_replica::simulator::{Effect, Fault, FaultName};
use rusqlite::Connection;
use serde_json::Value;

use super::rig::{Ended, Process, Rig};
use crate::support::process::Signal;
use crate::support::schema::check_document;

const TWO: &str = "[[vms]]\nname = \"one\"\n[[vms]]\nname = \"other\"";

/// A pair whose jobs go so, and the runtime that it lives on.
fn pair(job: &str, vms: &str) -> (tokio::runtime::Runtime, Rig) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let rig = runtime.block_on(Rig::new(&format!("default_vms = false\n[job]\n{job}\n{vms}")));
    (runtime, rig)
}

fn failover(rig: &Rig, vm: &str) -> Vec<String> {
    rig.flags(&["failover", vm, "--yes"], Site::Host, false)
}

fn planned(rig: &Rig, vm: &str) -> Vec<String> {
    rig.flags(&["failover", vm, "--planned", "--yes"], Site::Host, true)
}

fn resume() -> Vec<String> {
    ["run", "resume", "--yes"].map(str::to_owned).to_vec()
}

fn text<'d>(document: &'d Value, name: &str) -> &'d str {
    document[name].as_str().unwrap_or_else(|| panic!("{name} in {document}"))
}

#[test]
fn of_two_processes_on_one_vm_one_fails_it_over_and_the_other_names_its_run() {
    // The first call takes a moment, in which the other process comes by in most rounds.
    let slow = "[[faults]]\non = \"InitiateFailover\"\ndelay = \"100ms\"\n\
                [primary]\nfaults = [{ on = \"RequestStateChange\", delay = \"100ms\" }]";
    let mut held = 0;
    for number in 0..24 {
        let (_runtime, rig) = pair("synchronous = true", &format!("{TWO}\n{slow}"));
        let words = if number % 2 == 0 { failover(&rig, "one") } else { planned(&rig, "one") };
        let both = [rig.start(&words), rig.start(&words)].map(Process::end);
        let told = format!("{}\n{}", both[0], both[1]);
        assert_eq!(rig.host(Site::Host).taken("InitiateFailover", "one"), 1, "{told}");
        let called = rig.host(Site::Host).with_world(|world| world.called("InitiateFailover", "one"));
        assert_eq!((called, rig.runs().len()), (1, 1), "{told}");
        let (won, lost): (Vec<_>, Vec<_>) = both.iter().partition(|ended| ended.code == Some(0));
        let [lost] = lost.as_slice() else { panic!("{told}") };
        assert!(won.len() == 1 && lost.code == Some(3), "{told}");
        let run = rig.runs()[0].record.id.to_string();
        match text(&lost.document(), "code") {
            // It came when all was over.
            "already-failed-over" | "is-primary" => {}
            code => {
                assert!(lost.err.contains(&run) && lost.document()["details"]["run"] == run, "{lost}");
                held += u32::from(code == "held");
            }
        }
    }
    assert!(held > 6, "they met {held} times only");
}

#[test]
fn two_processes_on_two_vms_do_not_wait_for_each_other() {
    let (_runtime, rig) = pair("duration = \"3s\"", TWO);
    let both = ["one", "other"].map(|vm| rig.start(&failover(&rig, vm))).map(Process::end);
    assert!(both.iter().all(|ended| ended.code == Some(0)), "{}\n{}", both[0], both[1]);
    let taken = rig.taken(Site::Host);
    let apart = taken[1].at - taken[0].at;
    assert!(taken.len() == 2 && rig.runs().len() == 2 && apart < Duration::from_secs(3), "{taken:?}");
}

/// `hvr` from a shell that lets no file grow beyond so many blocks, so that a write fails as on a full disk.
#[cfg(unix)]
fn on_a_full_disk(rig: &Rig, blocks: u32, words: &[String]) -> Ended {
    let inner = rig.command(words);
    let mut command = Command::new("sh");
    // Ignored, the signal becomes an error of the write.
    command.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"]);
    command.arg(inner.get_program()).args(inner.get_args()).stdin(Stdio::null());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let begun = Instant::now();
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (code, words) = (output.status.code(), words.to_vec());
    Ended { words, code, out: text(output.stdout), err: text(output.stderr), took: begun.elapsed() }
}

fn assert_refused(rig: &Rig, ended: &Ended) {
    let document = ended.document();
    assert_eq!((ended.code, text(&document, "code")), (Some(3), "journal"), "{ended}");
    assert!(document["may_have_changed"] == false && text(&document, "remedy").contains("--state"), "{ended}");
    let taken = Site::ALL.map(|site| rig.taken(site).len());
    assert_eq!((rig.requests(), taken), (0, [0, 0]), "{ended}");
}

#[test]
fn without_a_place_for_the_journal_nothing_is_sent() {
    let (_runtime, rig) = pair("synchronous = true", TWO);
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut places = vec![file.path().to_owned(), file.path().join("below")];
    if cfg!(target_os = "linux") {
        places.extend(["/proc/hvr", "/dev/null"].map(Into::into));
    }
    let test = rig.flags(&["test", "start", "one", "--yes"], Site::Host, false);
    for place in places {
        for words in [failover(&rig, "one"), planned(&rig, "one"), test.clone()] {
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            let mut command = crate::cli::hvr(&words);
            command.args(["-o", "json"]).arg("--state").arg(&place);
            assert_refused(&rig, &rig.spawn(command, &[]).end());
        }
    }
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "");
}

#[test]
#[cfg(unix)]
fn on_a_full_disk_nothing_is_sent_that_is_not_on_record() {
    let (_runtime, rig) = pair("synchronous = true", TWO);
    assert_refused(&rig, &on_a_full_disk(&rig, 0, &failover(&rig, "one")));
    // It fills up in the middle: at other sizes, at another step.
    let mut steps = std::collections::BTreeSet::new();
    for blocks in (40..400).step_by(24) {
        let (_runtime, rig) = pair("synchronous = true", TWO);
        let ended = on_a_full_disk(&rig, blocks, &planned(&rig, "one"));
        let taken = rig.taken_ids();
        let recorded: Vec<_> = rig.runs().into_iter().flat_map(|run| run.calls).collect();
        assert!(taken.iter().all(|id| recorded.iter().any(|call| call.intent.message_id == *id)), "{ended}");
        match (ended.code, taken.len()) {
            (Some(0), _) => break,
            (Some(3), 0) => assert_eq!(text(&ended.document(), "code"), "journal", "{ended}"),
            (Some(5), 1..) => {
                let document = ended.document();
                assert!(text(&document, "remedy").contains("hvr run resume "), "{ended}");
                steps.insert(document["details"]["step"].as_str().unwrap().to_owned());
                // With space it goes on from there.
                let resumed = rig.run(&resume());
                assert_eq!(resumed.code, Some(0), "{ended}\n{resumed}");
            }
            _ => panic!("{ended}"),
        }
        assert_eq!(rig.damage(), None, "{ended}");
        let again = rig.host(Site::Host).with_world(|world| world.called("InitiateFailover", "one"));
        assert_eq!(again, usize::from(ended.code == Some(5)), "{ended}");
    }
    assert!(steps.len() > 1, "{steps:?}");
}

/// A failover whose job runs, and the words with which it said so.
#[cfg(unix)]
fn at_work(rig: &Rig) -> Process {
    let process = rig.start(&failover(rig, "one"));
    while !process.said().contains("Running") {
        assert!(process.age() < Duration::from_secs(60), "{}", process.said());
        std::thread::sleep(Duration::from_millis(2));
    }
    process
}

#[test]
#[cfg(unix)]
fn of_two_processes_that_take_up_one_run_one_goes_on() {
    for _ in 0..4 {
        let (_runtime, rig) = pair("duration = \"700ms\"", TWO);
        let mut process = at_work(&rig);
        process.kill();
        drop(process);
        let both = [rig.start(&resume()), rig.start(&resume())].map(Process::end);
        let told = format!("{}\n{}", both[0], both[1]);
        let (won, lost): (Vec<_>, Vec<_>) = both.iter().partition(|ended| ended.code == Some(0));
        let [lost] = lost.as_slice() else { panic!("{told}") };
        assert!(won.len() == 1 && lost.code == Some(3), "{told}");
        // Held, or over by then.
        assert!(["held", "run-ended", "no-open-run"].contains(&text(&lost.document(), "code")), "{told}");
        let called = rig.host(Site::Host).with_world(|world| world.called("InitiateFailover", "one"));
        let run = rig.runs().remove(0);
        assert_eq!((called, run.end, run.calls.len()), (1, Some(RunEnd::Done), 1), "{told}");
    }
}

#[cfg(unix)]
fn resumed_once(rig: &Rig) {
    let resumed = rig.run(&resume());
    assert_eq!(resumed.code, Some(0), "{resumed}");
    let run = rig.runs().remove(0);
    assert_eq!((run.end, run.calls.len(), run.calls[0].verdict), (Some(RunEnd::Done), 1, Some(Verdict::Done)));
    let called = rig.host(Site::Host).with_world(|world| world.called("InitiateFailover", "one"));
    assert_eq!((called, rig.damage()), (1, None));
}

#[test]
#[cfg(unix)]
fn a_signal_leaves_in_order_and_the_run_is_taken_up() {
    let work = |signal| {
        let (_runtime, rig) = pair("duration = \"1500ms\"", TWO);
        let process = at_work(&rig);
        process.signal(signal);
        let ended = process.end();
        let document = ended.document();
        assert_eq!((ended.code, text(&document, "code")), (Some(130), "interrupted"), "{ended}");
        let run = rig.runs().remove(0);
        assert!(document["may_have_changed"] == true && text(&document, "message").contains("goes on on"), "{ended}");
        assert!(text(&document, "remedy").contains(&format!("hvr run resume {}", run.record.id)), "{ended}");
        assert_eq!((run.end, run.note.as_str()), (None, "interrupted"));
        resumed_once(&rig);
    };
    std::thread::scope(|scope| {
        // A thread that panics lets the test fail.
        for signal in [Signal::Interrupt, Signal::Terminate, Signal::HangUp] {
            scope.spawn(move || work(signal));
        }
    });
}

#[test]
#[cfg(unix)]
fn a_second_signal_leaves_at_once() {
    let (_runtime, rig) = pair("duration = \"1500ms\"", TWO);
    let process = at_work(&rig);
    // Somebody keeps the journal, so that leaving in order takes long.
    let other = Connection::open(rig.state().join("journal.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    process.signal(Signal::Interrupt);
    std::thread::sleep(Duration::from_millis(300));
    let mut process = process;
    assert!(!process.has_ended(), "{}", process.said());
    let again = Instant::now();
    process.signal(Signal::Terminate);
    let ended = process.end();
    assert!(ended.code == Some(130) && again.elapsed() < Duration::from_secs(3), "{ended}");
    assert!(ended.out.is_empty() && ended.err.contains("hvr run list ") && ended.err.contains("--open"), "{ended}");
    other.execute_batch("ROLLBACK").unwrap();
    let list = rig.run(&["run", "list", "--open"].map(str::to_owned));
    let document: Value = serde_json::from_str(&list.out).unwrap();
    check_document(&document);
    assert_eq!(document["runs"].as_array().unwrap().len(), 1, "{list}");
    resumed_once(&rig);
}

#[test]
#[cfg(unix)]
fn a_resume_that_cannot_read_does_not_speak_of_a_refusal() {
    let (_runtime, rig) = pair("duration = \"1500ms\"", TWO);
    let mut process = at_work(&rig);
    process.kill();
    drop(process);
    for status in [401, 403, 404, 429, 500, 503] {
        rig.host(Site::Host).inject(Fault::on("*", Effect::Status(status)).times(0));
        let ended = rig.run(&resume());
        rig.host(Site::Host).calm();
        let document = ended.document();
        let remedy = text(&document, "remedy");
        assert!(ended.code == Some(5) && document["may_have_changed"] == "perhaps", "{status}: {ended}");
        assert!(remedy.contains("hvr run resume "), "{status}: {ended}");
    }
    resumed_once(&rig);
}

#[test]
#[cfg(unix)]
fn a_signal_before_a_resume_has_read_anything_leads_back_to_the_run() {
    let (_runtime, rig) = pair("duration = \"1500ms\"", TWO);
    let mut process = at_work(&rig);
    process.kill();
    drop(process);
    rig.host(Site::Host).inject(Fault::on("*", Effect::Delay(Duration::from_secs(60))).times(0));
    let mut process = rig.start(&resume());
    // Told as the connection is opened, over which the host is asked next.
    while !process.said().contains("plain HTTP to") {
        assert!(process.age() < Duration::from_secs(60) && !process.has_ended(), "{}", process.said());
    }
    process.signal(Signal::Interrupt);
    let ended = process.end();
    rig.host(Site::Host).calm();
    let document = ended.document();
    assert_eq!((ended.code, text(&document, "code")), (Some(130), "interrupted"), "{ended}");
    assert!(text(&document, "remedy").contains("`hvr run resume "), "{ended}");
    resumed_once(&rig);
}

/// Whatever came in place of an answer to Identify says nothing of the host: the run goes on where it was.
#[test]
#[cfg(unix)]
fn a_host_that_does_not_say_what_it_is_is_taken_for_what_it_was() {
    let (_runtime, rig) = pair("duration = \"1500ms\"", TWO);
    let mut process = at_work(&rig);
    process.kill();
    drop(process);
    rig.host(Site::Host).inject(Fault::on("Identify", Effect::Fault(FaultName::InternalError)).times(0));
    resumed_once(&rig);
}

#[test]
#[cfg(unix)]
fn an_undo_that_comes_too_late_leads_on() {
    let (_runtime, rig) = pair("synchronous = true", TWO);
    // Taken at once, and told of so late that the process dies before.
    let late = Effect::Delay(Duration::from_secs(60));
    rig.host(Site::Host).inject(Fault::on("ReverseReplicationRelationship", late));
    let mut process = rig.start(&planned(&rig, "one"));
    while rig.host(Site::Host).taken("ReverseReplicationRelationship", "one") == 0 {
        assert!(process.age() < Duration::from_secs(60) && !process.has_ended(), "{}", process.said());
    }
    process.kill();
    drop(process);
    let undo = rig.run(&["run", "undo", rig.runs()[0].record.id.as_str(), "--yes"].map(str::to_owned));
    let document = undo.document();
    assert_eq!((undo.code, text(&document, "code")), (Some(5), "already-reversed"), "{undo}");
    assert!(text(&document, "remedy").contains("take it up again: `hvr run resume "), "{undo}");
    let resumed = rig.run(&resume());
    assert_eq!(resumed.code, Some(0), "{resumed}");
}
