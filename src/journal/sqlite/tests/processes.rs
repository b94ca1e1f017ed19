//! Several processes: races, deaths, and what is left. The children are this test program again, in [`child`].
#![expect(clippy::print_stdout, reason = "children talk to their parent, and a long run says what it did")]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::*;

/// Names the role of a child, and the state directory.
const ROLE: &str = "HVR_JOURNAL_TEST_ROLE";
const STATE: &str = "HVR_JOURNAL_TEST_STATE";

/// What a child says to its parent begins so; the test harness prints too.
const MARK: char = '@';

/// This program again, as a child of that role.
pub(super) fn program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// What makes it a child.
pub(super) fn as_child<'c>(command: &'c mut Command, role: &str, state: &Path) -> &'c mut Command {
    let name = concat!(module_path!(), "::child");
    let (_, test) = name.split_once("::").unwrap();
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(ROLE, role).env(STATE, state);
    command.stdin(Stdio::piped()).stdout(Stdio::piped())
}

/// What a child said, from its whole output.
#[cfg(unix)]
pub(super) fn said(out: &str) -> Vec<&str> {
    // The harness may have begun the line.
    out.lines().filter_map(|line| line.split_once(MARK)).map(|(_, said)| said).collect()
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    fn start(role: &str, state: &Path) -> Process {
        let mut child = as_child(&mut Command::new(program()), role, state).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Process { child, stdin, stdout }
    }

    fn tell(&mut self, text: &str) {
        writeln!(self.stdin, "{text}").unwrap();
    }

    /// The next thing it says; nothing when it has ended.
    fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        while self.stdout.read_line(&mut line).unwrap() > 0 {
            // A process that was killed may have left half a line.
            if let Some((_, said)) = line.split_once(MARK).filter(|_| line.ends_with('\n')) {
                return Some(said.trim_end().to_owned());
            }
            line.clear();
        }
        None
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other side: does nothing in a run of the tests.
#[test]
fn child() {
    let (Ok(role), Some(state)) = (std::env::var(ROLE), std::env::var_os(STATE)) else { return };
    let state = PathBuf::from(state);
    match role.as_str() {
        "race" => race(&state),
        "write" => write(&state),
        "torture" => torture(&state),
        "fill" => super::faults::fill(&state),
        "closed" => super::faults::closed(&state),
        other => panic!("no role {other}"),
    }
}

pub(super) fn say(text: &str) {
    println!("{MARK}{text}");
}

fn lines() -> impl Iterator<Item = String> {
    std::io::stdin().lines().map(Result::unwrap)
}

/// For each VM it is told: takes it if it can, says so, and keeps it until the next line.
fn race(state: &Path) {
    let store = Store::open(state).unwrap();
    say("ready");
    let mut lines = lines();
    while let Some(line) = lines.next() {
        let run = record(&line.parse().unwrap());
        let mut journal = store.journal();
        match journal.take(&run, SystemTime::now()) {
            Ok(_) => {
                journal.intent(&intent(&run.vm)).unwrap();
                say(&format!("got {}", run.id));
            }
            Err(TakeError::Held { run, .. } | TakeError::Open { run }) => say(&format!("refused {run}")),
            Err(TakeError::Journal(error)) => panic!("{error}"),
        }
        lines.next();
        journal.close(Some(RunEnd::Done), "").unwrap();
    }
}

#[test]
fn of_two_processes_one_gets_the_vm() {
    let folder = tempfile::tempdir().unwrap();
    let mut both = [(); 2].map(|()| Process::start("race", folder.path()));
    for process in &mut both {
        assert_eq!(process.hear().as_deref(), Some("ready"));
    }
    for round in 0..50 {
        // Now the one is told first, now the other.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        order.iter().for_each(|at| both[*at].tell(&vm(round).to_string()));
        let answers = both.each_mut().map(|process| process.hear().unwrap());
        let winner = usize::from(answers[1].starts_with("got "));
        let run = answers[winner].strip_prefix("got ").unwrap_or_else(|| panic!("{answers:?}"));
        assert_eq!(answers[1 - winner], format!("refused {run}"), "round {round}");
        both.iter_mut().for_each(|process| process.tell("next"));
    }
    drop(both);
    assert_eq!(Store::open(folder.path()).unwrap().runs(&Filter::all()).unwrap().runs.len(), 50);
}

#[test]
fn a_dead_process_keeps_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for number in 0..5 {
        let mut process = Process::start("race", folder.path());
        process.hear();
        process.tell(vm(number).as_str());
        let got = process.hear().unwrap();
        let run: RunId = got.strip_prefix("got ").unwrap().parse().unwrap();
        match store.resume(&run).unwrap_err() {
            TakeError::Held { run: held, holder } => {
                assert_eq!(held, run);
                assert!(holder.contains(&format!("process {} on ", process.child.id())), "{holder}");
            }
            other => panic!("{other}"),
        }
        process.kill();
        let (_, history) = store.resume(&run).unwrap();
        assert_eq!((history.calls.len(), history.end), (1, None));
    }
}

/// How many runs each of several writers makes.
const RUNS: u32 = 20;

/// Whole runs on VMs of its own.
fn write(state: &Path) {
    let base: u32 = lines().next().unwrap().parse().unwrap();
    let store = Store::open(state).unwrap();
    for number in 0..RUNS {
        let run = record(&vm(base + number % 5));
        let mut journal = take(&store, &run).unwrap();
        for _ in 0..2 {
            let call = journal.intent(&intent(&run.vm)).unwrap();
            journal.outcome(call, &started()).unwrap();
            journal.verdict(call, Verdict::Done).unwrap();
        }
        journal.close(Some(RunEnd::Done), "").unwrap();
        say(run.id.as_str());
    }
}

#[test]
fn several_processes_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // All of them may make the journal.
    let mut writers: Vec<_> = (0..4).map(|_| Process::start("write", folder.path())).collect();
    for (number, writer) in (1..).zip(&mut writers) {
        writer.tell(&(number * 100).to_string());
    }
    let mut told = Vec::new();
    for writer in &mut writers {
        told.extend(std::iter::from_fn(|| writer.hear()));
        assert!(writer.child.wait().unwrap().success());
    }
    told.sort();
    let store = Store::open(folder.path()).unwrap();
    let runs = store.runs(&Filter::all()).unwrap().runs;
    let mut kept: Vec<_> = runs.iter().map(|run| run.record.id.to_string()).collect();
    kept.sort();
    assert_eq!((told.len(), &kept), (4 * usize::try_from(RUNS).unwrap(), &told));
    for run in &runs {
        assert_eq!((run.end, run.calls.len()), (Some(RunEnd::Done), 2));
        assert!(run.calls.iter().all(|call| call.verdict == Some(Verdict::Done) && call.outcome == Some(started())));
    }
    // Every change has a number of its own: of a run its record, two intents, outcomes and verdicts each, and its end; its
    // first intent counts for the run too.
    let changes: i64 = raw(folder.path()).query_row("SELECT max(revision) FROM runs", [], |row| row.get(0)).unwrap();
    assert_eq!(usize::try_from(changes).unwrap(), runs.len() * (1 + 2 * 3 + 1));
}

/// Writes until it is killed; says what is durable.
fn torture(state: &Path) {
    let store = Store::open(state).unwrap();
    let first: u32 = lines().next().unwrap().parse().unwrap();
    for number in first.. {
        let run = record(&vm(number));
        let mut journal = take(&store, &run).unwrap();
        for _ in 0..3 {
            let call = journal.intent(&intent(&run.vm)).unwrap();
            say(&format!("intent {} {call}", run.id));
            journal.outcome(call, &started()).unwrap();
            journal.verdict(call, Verdict::Done).unwrap();
        }
        journal.close(Some(RunEnd::Done), "").unwrap();
        say(&format!("closed {}", run.id));
    }
}

/// `HVR_JOURNAL_ROUNDS` makes it longer.
#[test]
fn killed_in_the_middle_of_writing_it_loses_nothing_it_promised() {
    let rounds: u32 = std::env::var("HVR_JOURNAL_ROUNDS").map_or(12, |rounds| rounds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut intents = 0;
    let mut left_open = 0;
    for round in 0..rounds {
        let mut process = Process::start("torture", folder.path());
        process.tell(&(round * 10_000).to_string());
        let mut told = Vec::from_iter(process.hear());
        // Any instant will do; these differ.
        std::thread::sleep(Duration::from_micros(u64::from(round * 7919 % 60_000)));
        process.kill();
        told.extend(std::iter::from_fn(|| process.hear()));

        let check: String = raw(folder.path()).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        // First as a command that only lists: what the dead one left in the log is read all the same.
        if let Some(reader) = Store::open_read_only(folder.path()).unwrap() {
            assert!(told.is_empty() || !reader.runs(&Filter::all().at_most(1)).unwrap().runs.is_empty());
        }
        let store = Store::open(folder.path()).unwrap();
        for line in &told {
            let words: Vec<_> = line.split(' ').collect();
            let run = store.run(&words[1].parse().unwrap()).unwrap().unwrap_or_else(|| panic!("{line} is lost"));
            match words[0] {
                "intent" => {
                    intents += 1;
                    let number: usize = words[2].parse().unwrap();
                    assert!(run.calls.len() >= number, "{line} is lost");
                    assert!(run.calls[..number - 1].iter().all(|call| call.verdict.is_some()), "{line}: {run:?}");
                }
                _ => assert_eq!(run.end, Some(RunEnd::Done), "{line}"),
            }
        }
        // At most one run is open, and it can be taken up at once.
        let open = store.runs(&Filter::open()).unwrap().runs;
        assert!(open.len() <= 1, "{open:?}");
        for run in open {
            left_open += 1;
            let (mut journal, _) = store.resume(&run.record.id).unwrap();
            journal.close(Some(RunEnd::Closed), "killed").unwrap();
        }
    }
    println!("{rounds} kills, {intents} intents promised and kept, {left_open} runs left open");
    assert!(intents >= rounds && (rounds < 10 || left_open > 0));
}
