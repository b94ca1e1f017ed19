//! `hvr check --evidence` as its users meet it: what it asks, what it records, what it says, and how it ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hyperv_replica::simulator::{Effect, Fault, FaultName, JobScript, Server, ServerOptions};
use hyperv_replica::trace::{Meaning, Trace};
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{Ran, hvr, ran, rehearse, run};
use crate::support::process::{Running, Signal};
use crate::support::schema::check_document;
use crate::support::secrets::Secrets;
use crate::support::serve;

/// A folder, and a recording in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evidence.har");
    (folder, file)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// With a simulated host inside; the document and what was recorded.
fn ask(scenario: &str, arguments: &[&str]) -> (Ran, Value, Trace) {
    let (_folder, file) = place();
    let mut all = vec!["check", "--evidence", text(&file)];
    all.extend(arguments);
    let (ran, document) = rehearse(scenario, &all);
    (ran, document, Trace::open(&file).unwrap())
}

/// Against a real socket.
fn command(server: &Server, password: &str, file: &Path, arguments: &[&str]) -> Command {
    let (url, user) = (server.url(), server.user());
    let mut all = vec!["check", "--evidence", text(file), "-H", &url, "-u", &user, "-o", "json"];
    all.extend(arguments);
    let mut command = hvr(&all);
    command.env("HVR_PASSWORD", password).env("HVR_STATE", file.parent().unwrap().join("state"));
    command
}

fn ask_over(server: &Server, file: &Path, arguments: &[&str]) -> (Ran, Value) {
    let ran = ran(command(server, server.password().expose(), file, arguments).output().unwrap());
    let document = document(&ran);
    (ran, document)
}

fn document(ran: &Ran) -> Value {
    let document: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    check_document(&document);
    assert_eq!(document["exit"], ran.code, "{document:#}");
    document
}

/// Verdict and words of one assumption.
fn verdict<'d>(document: &'d Value, id: &str) -> (&'d str, &'d str) {
    let one = document["assumptions"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
    (one["verdict"].as_str().unwrap(), one["seen"].as_str().unwrap())
}

fn with(document: &Value, wanted: &str) -> Vec<String> {
    let all = document["assumptions"].as_array().unwrap().iter();
    all.filter(|one| one["verdict"] == wanted).map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

const READING: &[&str] = &["E01", "E05", "E06", "E07", "E08", "E09", "E10", "E15", "E16", "E17", "E18", "E19", "E20"];
const REHEARSAL: &[&str] = &["E02", "E11", "E12", "E24", "E25", "E26", "E27", "E28"];

#[test]
fn a_simulated_host_does_what_is_expected_and_proves_nothing() {
    let (ran, document, trace) = ask("", &[]);
    assert_eq!((ran.code, document["simulated"].as_bool(), document["problem"].is_null()), (0, Some(true), true));
    assert_eq!(with(&document, "confirmed"), READING, "{document:#}");
    assert!(with(&document, "refuted").is_empty());
    assert!(verdict(&document, "E02").1.contains("--with-test-failover"));
    assert!(ran.err.contains("simulated host") && ran.err.contains("proves nothing"), "{}", ran.err);
    assert_eq!(document["recording"]["entries"], trace.entries.len());
    assert_eq!(document["recording"]["file"], "evidence.har");

    let (ran, document, _) = ask("", &["--with-test-failover", "app-db-01", "--yes"]);
    let due: Vec<_> = READING.iter().chain(REHEARSAL).copied().collect();
    let mut confirmed = with(&document, "confirmed");
    confirmed.sort_by_key(|id| due.iter().position(|due| due == id));
    assert_eq!((ran.code, confirmed), (0, due.iter().map(|id| (*id).to_owned()).collect()), "{document:#}");
    assert_eq!(
        (document["test_failover"]["done"].as_bool(), document["test_failover"]["clean"].as_bool()),
        (Some(true), Some(true))
    );
}

/// The entries that a verdict names are those that show it, as `hvr trace show` numbers them.
#[test]
fn verdicts_point_into_the_recording() {
    let (_, document, trace) = ask("", &["--with-test-failover", "app-db-01", "--yes"]);
    let titles = |id: &str| -> Vec<(String, u16)> {
        let one = document["assumptions"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
        let numbers = one["entries"].as_array().unwrap().iter().map(|number| number.as_u64().unwrap());
        let entry = |number: u64| &trace.entries[usize::try_from(number).unwrap() - 1];
        numbers
            .map(|number| {
                let title = Meaning::of(entry(number).request_text().as_bytes()).unwrap().title;
                (title, entry(number).response.status)
            })
            .collect()
    };
    for (id, due) in [
        ("E01", vec![("GetReplicationStatisticsEx Msvm_ReplicationService", 200)]),
        ("E02", vec![("TestReplicaSystem Msvm_ReplicationService", 200)]),
        ("E16", vec![("Get Msvm_ComputerSystem", 500)]),
        ("E17", vec![("Enumerate Hvr_ClassThatIsNotThere", 500)]),
        ("E25", vec![("Get Msvm_ConcreteJob", 200), ("Get Msvm_ConcreteJob", 200)]),
        ("E28", vec![("DestroySystem Msvm_VirtualSystemManagementService", 200), ("Get Msvm_ComputerSystem", 500)]),
    ] {
        let due: Vec<_> = due.into_iter().map(|(title, status)| (title.to_owned(), status)).collect();
        assert_eq!(titles(id), due, "{id}");
    }
    // A settled one has entries, one that is not has none.
    for one in document["assumptions"].as_array().unwrap() {
        assert_eq!(one["entries"].as_array().unwrap().is_empty(), one["verdict"] == "not-settled", "{one:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_changes_a_host_is_asked() {
    let server = serve("", ServerOptions::http()).await;
    let (_folder, file) = place();
    let (ran, document) = ask_over(&server, &file, &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(with(&document, "confirmed"), READING);
    // By the host's own account: what it was asked, and that it took no call.
    let asked = server.simulator().requests();
    let reads = ["Enumerate", "Get", "GetReplicationStatisticsEx", "Identify", "Pull"];
    assert_eq!(asked.keys().collect::<Vec<_>>(), reads, "{asked:?}");
    assert!(server.simulator().history().is_empty());
    // And by the recording.
    let trace = Trace::open(&file).unwrap();
    let messages: Vec<_> = trace.entries.iter().filter(|entry| entry.is_message()).collect();
    assert!(messages.len() > 20);
    assert!(messages.iter().all(|entry| Meaning::of(entry.request_text().as_bytes()).unwrap().harmless));
    assert!(!file.parent().unwrap().join("state").exists(), "no run, no journal");
    assert!(ran.err.contains("look through it") && ran.err.contains("issue of the project"), "{}", ran.err);
}

/// Names and secrets wherever a host may have them: not one reaches the recording or the table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_name_and_no_secret_is_given_away() {
    let password = "Kanarienvogel-73";
    let scenario = format!(
        "computer = \"ZEBRAHOST\"\nswitches = [\"Zebra LAN\", \"zebra-2\"]\n\
         [account]\nuser = \"zebra-operator\"\ndomain = \"ZEBRADOM\"\npassword = \"{password}\"\n\
         [primary]\ncomputer = \"ZEBRAPRIMARY\"\n\
         [cluster]\nbroker = \"ZEBRABROKER\"\nowners = {{ \"Zebra VM & co\" = \"ZEBRAHOST\", \"zebra-elsewhere\" = \"ZEBRANODE\" }}\n\
         [[vms]]\nname = \"Zebra VM & co\"\npoints = [{{ kind = \"standard\", age = \"1h\" }}]\n\
         statistics = {{ issues = [\"The link to ZEBRAPRIMARY2 is down\"] }}\n\
         [[vms]]\nname = \"zebra\"\nauthentication = 2\n\
         [[vms]]\nname = \"zebra-elsewhere\"\n"
    );
    let server = serve(&scenario, ServerOptions::http()).await;
    let (_folder, file) = place();
    let (ran, _) = ask_over(&server, &file, &["Zebra VM & co", "--with-test-failover", "Zebra VM & co", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let har = std::fs::read_to_string(&file).unwrap();
    let mut shown = hvr(&["check", "--evidence", text(&file), "-H", &server.url(), "-u", &server.user(), "zebra"]);
    let table = self::ran(shown.env("HVR_PASSWORD", password).output().unwrap());
    assert_eq!(table.code, 0, "{}", table.err);
    let again = std::fs::read_to_string(&file).unwrap();
    let mut secrets = Secrets::default();
    secrets.password(password);
    for (name, text) in [("recording", &har), ("document", &ran.out), ("table", &table.out), ("recording", &again)] {
        assert_eq!(secrets.find(text.as_bytes()), None, "in the {name}");
        let lower = text.to_lowercase();
        let at = lower.find("zebra").map(|at| &lower[at.saturating_sub(200)..(at + 100).min(lower.len())]);
        assert!(at.is_none(), "in the {name}: {at:?}");
    }
    // The names were there to be given away.
    let raw = file.with_file_name("raw.har");
    for (arguments, name) in
        [(["status", "--statistics"], "ZEBRAPRIMARY2"), (["points", "zebra-elsewhere"], "ZEBRANODE")]
    {
        let mut plain = hvr(&arguments);
        plain.args(["-H", &server.url(), "-u", &server.user(), "--trace", text(&raw)]).env("HVR_PASSWORD", password);
        plain.output().unwrap();
        assert!(std::fs::read_to_string(&raw).unwrap().contains(name), "{name}");
    }
    // The ids of VMs are others, too.
    server.simulator().with_world(|world| {
        assert!(world.vms().iter().all(|vm| !har.to_lowercase().contains(&vm.id.to_lowercase())));
    });
}

/// Another host is another answer, and no failure of the command.
#[test]
fn other_hosts_refute_and_leave_open() {
    let replica = ["--with-test-failover", "app-db-01", "--yes"];
    type Case<'c> = (&'c str, &'c [&'c str], &'c [&'c str], &'c [&'c str]);
    let cases: &[Case<'_>] = &[
        ("version = \"2012\"", &[], &[], &["E06", "E07"]),
        ("all_service_keys = true", &[], &["E01"], &[]),
        ("language = \"ja-JP\"", &[], &["E13"], &[]),
        ("default_vms = false", &[], &[], &["E01", "E05", "E06", "E08", "E10", "E20"]),
        ("[[faults]]\non = \"GetReplicationStatisticsEx\"\nreturns = 32773", &[], &["E07"], &[]),
        ("[[faults]]\non = \"Enumerate *\"\nfault = \"CannotProcessFilter\"", &[], &["E05"], &[]),
        ("[[faults]]\non = \"Get Msvm_ComputerSystem\"\nfault = \"SchemaValidationError\"", &[], &["E16"], &[]),
        ("[[faults]]\non = \"Get config\"\nfault = \"AccessDenied\"", &[], &[], &[]),
        ("[job]\nsynchronous = true", &replica, &["E24"], &["E25"]),
        ("dialect = \"other\"", &[], &["E15"], &["E01"]),
    ];
    for (scenario, arguments, refuted, open) in cases {
        let (ran, document, _) = ask(scenario, arguments);
        assert_eq!(ran.code, 0, "{scenario}: {}", ran.err);
        let found = with(&document, "refuted");
        assert!(refuted.iter().all(|id| found.contains(&(*id).to_owned())), "{scenario}: {document:#}");
        assert_eq!(refuted.is_empty(), found.is_empty(), "{scenario}: {found:?}");
        let found = with(&document, "not-settled");
        assert!(open.iter().all(|id| found.contains(&(*id).to_owned())), "{scenario}: {found:?}");
    }
    let (_, document, _) = ask("[[faults]]\non = \"Get config\"\nfault = \"AccessDenied\"", &[]);
    assert_eq!(verdict(&document, "E23").0, "confirmed");
}

/// What goes wrong with a host or its jobs refutes nothing.
#[test]
fn trouble_is_no_refutation() {
    let gone = "[job]\nduration = \"1s\"\n[[faults]]\non = \"Get Msvm_ConcreteJob\"\nrestart = true";
    let failing = "[job]\nerror = 32768";
    for scenario in [failing, gone, "[job]\nvanish_after = \"0s\""] {
        let (_, document, _) = ask(scenario, &["--with-test-failover", "app-db-01", "--yes"]);
        assert!(with(&document, "refuted").is_empty(), "{scenario}: {document:#}");
    }
}

#[test]
fn a_question_that_is_refused_does_not_end_the_rest() {
    let denied = "[[faults]]\non = \"GetReplicationStatisticsEx\"\nfault = \"AccessDenied\"\ntimes = 0";
    let (ran, document, _) = ask(denied, &[]);
    assert_eq!((ran.code, verdict(&document, "E01").0), (0, "not-settled"));
    assert!(verdict(&document, "E07").1.contains("access denied"), "{document:#}");
    assert_eq!(with(&document, "confirmed").len(), READING.len() - 2);
    for effect in ["garbage = \"html\"", "cut = \"before\"", "status = 503", "fault = \"QuotaLimit\""] {
        let scenario = format!("[[faults]]\non = \"Enumerate Msvm_ConcreteJob\"\n{effect}\ntimes = 2");
        let (ran, document, _) = ask(&scenario, &[]);
        assert_eq!((ran.code, with(&document, "confirmed").len()), (0, READING.len()), "{effect}: {document:#}");
        assert_eq!(verdict(&document, "E12").0, "not-settled");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_cannot_be_asked_ends_by_the_exit_table() {
    let (_folder, file) = place();
    let server = serve("", ServerOptions::http()).await;
    let wrong = ran(command(&server, "wrong-canary", &file, &[]).output().unwrap());
    assert_eq!((document(&wrong)["kind"].as_str(), wrong.code, server.refused_logins()), (Some("error"), 7, 1));
    let unknown = ask_over(&server, &file, &["nobody"]);
    assert_eq!((unknown.0.code, unknown.1["code"].as_str()), (3, Some("not-visible")), "{:#}", unknown.1);
    let unknown = ask_over(&server, &file, &["--with-test-failover", "twin", "--yes"]);
    assert_eq!((unknown.0.code, unknown.1["code"].as_str()), (3, Some("ambiguous")), "{:#}", unknown.1);
    assert!(server.simulator().history().is_empty());
    // Not a replica: asked all the same, and refused before anything is sent.
    let (primary, told) = ask_over(&server, &file, &["--with-test-failover", "primary-01", "--yes"]);
    assert_eq!((primary.code, told["problem"]["code"].as_str()), (3, Some("is-primary")), "{told:#}");
    assert!(with(&told, "confirmed").len() > 8 && server.simulator().history().is_empty());
    // Nobody to ask.
    let silent = ran(command(&server, server.password().expose(), &file, &["--with-test-failover", "app-db-01"])
        .output()
        .unwrap());
    assert_eq!((silent.code, document(&silent)["code"].as_str()), (2, Some("usage")));
    let both = ran(command(&server, "x", &file, &["--trace", "other.har"]).output().unwrap());
    assert_eq!(both.code, 2, "{}", both.err);
    let diary = file.with_file_name("diary.txt");
    std::fs::write(&diary, "dear diary").unwrap();
    assert_eq!(ran(command(&server, "x", &diary, &[]).output().unwrap()).code, 2);
    for wrong in
        [&["check", "--with-test-failover", "x"][..], &["check", "--yes"], &["check", "--login", "--evidence", "x"]]
    {
        assert_eq!(run(wrong).code, 2, "{wrong:?}");
    }
    let url = server.url();
    drop(server);
    let mut gone = hvr(&["check", "--evidence", text(&file), "-H", &url, "-u", "u", "-o", "json"]);
    assert_eq!(ran(gone.env("HVR_PASSWORD", "x").output().unwrap()).code, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_learnt_is_shown_where_the_rest_cannot_be_asked() {
    // No rights on the namespace.
    let denied = "[[faults]]\non = \"*\"\nnth = 2\ntimes = 0\nfault = \"AccessDenied\"";
    let (ran, document, _) = ask(denied, &[]);
    assert_eq!((ran.code, document["problem"]["code"].as_str()), (7, Some("access-denied")), "{document:#}");
    assert!(ran.err.contains("Hyper-V Administrators"), "{}", ran.err);
    assert!(verdict(&document, "E16").1.contains("access denied"));
    // The host is gone half-way: every connection from the eighth question on.
    let server = serve("[[faults]]\non = \"*\"\nnth = 8\ntimes = 0\ncut = \"body\"", ServerOptions::http()).await;
    let (_folder, file) = place();
    let (ran, document) = ask_over(&server, &file, &["--with-test-failover", "app-db-01", "--yes"]);
    assert_eq!((ran.code, document["kind"].as_str()), (6, Some("evidence")), "{document:#}");
    assert!(with(&document, "confirmed").contains(&"E05".to_owned()), "{document:#}");
    assert!(verdict(&document, "E19").1.contains("not asked any more"), "{document:#}");
    assert!(document["test_failover"].is_null() && server.simulator().history().is_empty());
    assert!(Trace::open(&file).unwrap().entries.len() > 5);
    // Out of time.
    let slow = serve("[[faults]]\non = \"*\"\ntimes = 0\ndelay = \"400ms\"", ServerOptions::http()).await;
    let (ran, document) = ask_over(&slow, &file, &["--timeout", "2s"]);
    assert_eq!((ran.code, document["problem"]["code"].as_str()), (6, Some("deadline")), "{document:#}");
}

/// The names of the calls that the host took.
fn taken(server: &Server) -> Vec<String> {
    server.simulator().history().into_iter().map(|taken| taken.method).collect()
}

fn test_vms(server: &Server) -> usize {
    server.simulator().with_world(|world| world.vms().iter().filter(|vm| vm.mode == 3 && vm.name != "test-01").count())
}

const REPLICA: [&str; 3] = ["--with-test-failover", "app-db-01", "--yes"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_failover_is_cleaned_up_whatever_happens() {
    let job = |script: JobScript| Effect::Job(script);
    let failing = {
        let mut script = JobScript::default();
        script.error = Some(32768);
        script
    };
    let cases = [
        // The reply to the call is lost: it is looked for.
        (Fault::on("TestReplicaSystem", Effect::Cut(hyperv_replica::simulator::Cut::After)), 0, true),
        // Refused, and its job failed: nothing was made.
        (Fault::on("TestReplicaSystem", Effect::Returns(32775)), 4, false),
        (Fault::on("TestReplicaSystem", job(failing.clone())), 4, false),
        (Fault::on("TestReplicaSystem", Effect::Fault(FaultName::AccessDenied)), 7, false),
        // The removal is refused once, and its job fails once: taken up again at once.
        (Fault::on("DestroySystem", Effect::Returns(32775)), 0, true),
        (Fault::on("DestroySystem", job(failing)), 0, true),
        (Fault::on("DestroySystem", Effect::Cut(hyperv_replica::simulator::Cut::After)), 0, true),
    ];
    for (fault, code, is_done) in cases {
        let server = serve("", ServerOptions::http()).await;
        server.simulator().inject(fault.clone());
        let (_folder, file) = place();
        let (ran, document) = ask_over(&server, &file, &REPLICA);
        assert_eq!(
            (ran.code, document["test_failover"]["done"].as_bool()),
            (code, Some(is_done)),
            "{fault:?}: {document:#}{}",
            ran.err
        );
        assert_eq!((test_vms(&server), document["test_failover"]["clean"].as_bool()), (0, Some(true)), "{fault:?}");
        let calls = taken(&server);
        assert_eq!(
            calls.iter().filter(|call| *call == "TestReplicaSystem").count(),
            usize::from(is_done || !calls.is_empty()),
            "{calls:?}"
        );
        // All that reading tells is there.
        assert!(READING.iter().all(|id| with(&document, "confirmed").contains(&(*id).to_owned())), "{document:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_cleaned_up_stays_open_and_is_taken_up_again() {
    let server = serve("", ServerOptions::http()).await;
    server.simulator().inject(Fault::on("DestroySystem", Effect::Returns(32775)).times(2));
    let (_folder, file) = place();
    let (ran, document) = ask_over(&server, &file, &REPLICA);
    assert_eq!(
        (ran.code, document["test_failover"]["clean"].as_bool(), test_vms(&server)),
        (4, Some(false), 1),
        "{document:#}"
    );
    assert!(ran.err.contains("hvr run resume"), "{}", ran.err);
    let run = document["test_failover"]["run"].as_str().unwrap();
    let mut resume = hvr(&["run", "resume", run, "--yes", "-o", "json"]);
    resume.env("HVR_PASSWORD", server.password().expose()).env("HVR_STATE", file.with_file_name("state"));
    let resumed = self::ran(resume.output().unwrap());
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    assert_eq!((document_kind(&resumed), test_vms(&server)), ("run-done".to_owned(), 0));
}

fn document_kind(ran: &Ran) -> String {
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    check_document(&document);
    assert_eq!(document["workflow"], "rehearsal");
    document["kind"].as_str().unwrap().to_owned()
}

/// Waits until the host has taken a call of this name.
fn wait_for(server: &Server, method: &str) {
    let begun = Instant::now();
    while !taken(server).iter().any(|taken| taken == method) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{method} was never called");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn spawn(server: &Server, file: &Path, arguments: &[&str]) -> Running {
    let mut command = command(server, server.password().expose(), file, arguments);
    Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_test_failover_is_ended_in_order_and_a_killed_one_taken_up_again() {
    let server = serve("[job]\nduration = \"1500ms\"", ServerOptions::http()).await;
    let (_folder, file) = place();
    let child = spawn(&server, &file, &REPLICA);
    wait_for(&server, "TestReplicaSystem");
    child.signal(Signal::Interrupt);
    let interrupted = ran(child.output());
    let told = document(&interrupted);
    assert_eq!((interrupted.code, told["problem"]["code"].as_str()), (130, Some("interrupted")), "{}", interrupted.err);
    assert!(interrupted.err.contains("removed first"), "{}", interrupted.err);
    assert_eq!(
        (taken(&server), test_vms(&server)),
        (vec!["TestReplicaSystem".to_owned(), "DestroySystem".to_owned()], 0)
    );
    assert_eq!(told["test_failover"]["clean"], true);

    let (_folder, file) = place();
    let mut child = spawn(&server, &file, &REPLICA);
    let begun = Instant::now();
    while taken(&server).len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(Trace::open(&file).unwrap().entries.len() > 20, "what was recorded can be read");
    let state = file.with_file_name("state");
    let mut resume = hvr(&["run", "resume", "--yes", "-o", "json"]);
    resume.env("HVR_PASSWORD", server.password().expose()).env("HVR_STATE", &state);
    let resumed = ran(resume.output().unwrap());
    assert_eq!((resumed.code, test_vms(&server)), (0, 0), "{}", resumed.err);
    assert_eq!(taken(&server).len(), 4, "made once, removed once");
}

/// The command's own time is over before the job's: the clean-up has time of its own. On a slow machine it is over before
/// anything was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_leaves_no_test_vm() {
    let server = serve("[job]\nduration = \"8s\"", ServerOptions::http()).await;
    let (_folder, file) = place();
    let (ran, document) = ask_over(&server, &file, &[REPLICA.as_slice(), &["--timeout", "6s"]].concat());
    match taken(&server).len() {
        0 => assert_eq!((ran.code, document["problem"]["code"].as_str()), (6, Some("deadline")), "{document:#}"),
        calls => assert_eq!(
            (ran.code, calls, &document["test_failover"]["clean"]),
            (0, 2, &Value::Bool(true)),
            "{}",
            ran.err
        ),
    }
    assert_eq!(test_vms(&server), 0);
}
