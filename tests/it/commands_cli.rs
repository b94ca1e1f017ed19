//! Every command that is printed can be pasted: a real shell runs each one that any scenario and any workflow prints, in
//! a world that stands as the first command left it, with a default profile that leads elsewhere. Each must lead on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyperv_replica::simulator::{Effect, Fault, JobScript, Pair, Scenario, Server, ServerOptions, Simulator};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::cli::{Ran, hvr, ran};
use crate::support::process::Running;
use crate::workflow_cli::TRAPS;

const ACCOUNT: &str = "[account]\nuser = \"dr-admin\"\npassword = \"canary-pass-42\"\n";

/// How the first command is told its host. What is printed must serve without the same environment.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    Options,
    Profile,
    Environment,
}

/// Two hosts, a journal, and a default profile that names another host, another user and a wrong password.
struct Stage {
    pair: Pair,
    servers: [Server; 2],
    folder: tempfile::TempDir,
    elsewhere: Elsewhere,
}

/// What the default profile leads to. Nobody may come.
struct Elsewhere {
    listener: std::net::TcpListener,
}

impl Elsewhere {
    fn new() -> Elsewhere {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Elsewhere { listener }
    }

    fn url(&self) -> String {
        format!("http://{}/wsman", self.listener.local_addr().unwrap())
    }

    fn was_asked(&self) -> bool {
        self.listener.accept().is_ok()
    }
}

impl Stage {
    fn new(scenario: &str, runtime: &Handle) -> Stage {
        // Some scenarios have an account of their own.
        let scenario = if scenario.contains("[account]") {
            scenario.replacen("[account]", ACCOUNT.trim_end(), 1)
        } else {
            format!("{scenario}\n{ACCOUNT}")
        };
        let pair = Pair::new(Scenario::from_toml(&scenario).unwrap());
        let serve = |simulator: &std::sync::Arc<Simulator>| {
            runtime.block_on(Server::serve(simulator.clone(), ServerOptions::http())).unwrap()
        };
        let servers = [serve(&pair.replica), serve(&pair.primary)];
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), Elsewhere::new());
        let config = folder.path().join("config/hvr");
        std::fs::create_dir_all(&config).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("it's a password", "canary-pass-42");
        write("wrong", "not-the-password");
        let profiles = format!(
            "default = \"elsewhere\"\n[profiles.elsewhere]\nhost = \"{}\"\nuser = 'CONTOSO\\other'\n\
             password_file = \"../../wrong\"\n[profiles.\"the site\"]\nhost = \"{}\"\nuser = \"dr-admin\"\n\
             password_command = [\"cat\", \"../../it's a password\"]\n",
            elsewhere.url(),
            servers[0].url()
        );
        std::fs::write(config.join("config.toml"), profiles).unwrap();
        // A program's arguments are not meant from the file.
        let profiles = std::fs::read_to_string(config.join("config.toml")).unwrap();
        let secret = folder.path().join("it's a password");
        let profiles = profiles.replace("../../it's a password", secret.to_str().unwrap());
        std::fs::write(config.join("config.toml"), profiles).unwrap();
        Stage { pair, servers, folder, elsewhere }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// In the folder of the stage, with its profiles.
    fn at_home(&self, mut command: Command) -> Command {
        command.env("XDG_CONFIG_HOME", self.folder.path().join("config")).current_dir(self.folder.path());
        command.env_remove("XDG_STATE_HOME").env("HOME", self.folder.path());
        command
    }

    /// The command whose printed commands are looked at.
    fn first(&self, arguments: &[&str], told: Told, more: &[&str]) -> Ran {
        let (url, primary) = (self.servers[0].url(), self.servers[1].url());
        let (state, password) = (self.file("a state"), self.file("it's a password"));
        let mut all = arguments.to_vec();
        if arguments.contains(&"--planned") {
            all.extend(["--primary", &primary]);
        }
        all.extend(more);
        match told {
            Told::Options => {
                all.extend(["-H", &url, "-u", "dr-admin", "--password-file", &password, "--state", &state]);
            }
            Told::Profile => all.extend(["--profile", "the site"]),
            Told::Environment => {}
        }
        // What is behind two dashes stays behind them.
        if let Some(place) = all.iter().position(|word| *word == "--") {
            let name = all.remove(place + 1);
            all.remove(place);
            all.extend(["--", name]);
        }
        let mut command = self.at_home(hvr(&all));
        if told == Told::Environment {
            command.env("HVR_HOST", &url).env("HVR_USER", "dr-admin").env("HVR_PASSWORD_FILE", &password);
            command.env("HVR_STATE", &state);
        }
        ran(command.output().unwrap())
    }

    /// A printed command as it stands, in a shell that has nothing of the first command's environment.
    fn paste(&self, line: &str, more: &str) -> Ran {
        let line = self.filled_in(line);
        // Before the two dashes, where there are any.
        let line = match line.split_once(" -- ") {
            Some((head, tail)) => format!("{head}{more} -- {tail}"),
            None => format!("{line}{more}"),
        };
        let mut command = Command::new("sh");
        command.arg("-c").arg(&line).stdin(std::process::Stdio::null());
        let binary = Path::new(env!("CARGO_BIN_EXE_hvr")).parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HVR_")) {
            command.env_remove(name);
        }
        let ran = ran(self.at_home(command).env("PATH", path).output().unwrap());
        assert_ne!(ran.code, 127, "{line}: {}", ran.err);
        ran
    }

    /// With what capitals stand for.
    fn filled_in(&self, line: &str) -> String {
        let word = |word: &str| match word {
            "HOST" | "--primary=HOST" => word.replace("HOST", &self.servers[1].url()),
            "--note=TEXT" | "TEXT" => word.replace("TEXT", "settled"),
            word => word.to_owned(),
        };
        line.split(' ').map(word).collect::<Vec<_>>().join(" ")
    }

    fn assert_nobody_went_elsewhere(&self, said: &str) {
        assert!(!self.elsewhere.was_asked(), "the host of the default profile was asked: {said}");
        let refused = self.servers.iter().map(Server::refused_logins).sum::<u64>();
        assert_eq!(refused, 0, "a wrong password was tried: {said}");
        let _ = &self.pair;
    }
}

/// The commands in a text, each from one backtick to the next that is not quoted.
fn commands_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some((_, from)) = rest.split_once("`hvr ") {
        let (mut quoted, mut escaped) = (false, false);
        let end = from.char_indices().find(|(_, character)| {
            if std::mem::take(&mut escaped) {
                return false;
            }
            escaped = *character == '\\' && !quoted;
            quoted ^= *character == '\'';
            *character == '`' && !quoted
        });
        let Some((end, _)) = end else { panic!("a command does not end: {rest}") };
        found.insert(format!("hvr {}", &from[..end]));
        rest = &from[end + 1..];
    }
    found
}

/// Every text in a document.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, into)),
        _ => {}
    }
}

/// What a command has printed to be run next: on both outputs, and in any field of its document.
fn printed(ran: &Ran) -> BTreeSet<String> {
    let mut all = vec![ran.err.clone()];
    match serde_json::from_str(&ran.out) {
        Ok(document) => texts(&document, &mut all),
        Err(_) => all.push(ran.out.clone()),
    }
    // A command outside of backticks is one that nobody completed.
    for text in &all {
        let bare = text.replace("`hvr ", "").replace("hvr: ", "");
        for verb in
            ["run resume ", "run undo ", "run show ", "run close ", "status ", "commit ", "undo ", "start ", "stop "]
        {
            assert!(!bare.contains(&format!("hvr {verb}")), "not whole: {text}");
        }
    }
    all.iter().flat_map(|text| commands_in(text)).collect()
}

/// Whether a command changes something, and so asks first.
fn asks(line: &str) -> bool {
    let reads = ["status", "points", "check", "schema", "wsman", "simulate", "pin"];
    let words: Vec<_> = line.split(' ').collect();
    match (words[1], words.get(2)) {
        ("run", Some(&"resume" | &"undo" | &"close")) => true,
        ("run", _) => false,
        ("job", Some(&what)) => what == "cancel",
        (verb, _) => !reads.contains(&verb),
    }
}

/// What is added to a command so that it ends without a person.
fn unattended(line: &str, patience: &str) -> String {
    format!("{}{patience}", if asks(line) { " --yes" } else { "" })
}

/// Follows each printed command in a world of its own. Gives what each ended with.
fn follow(
    name: &str,
    arguments: &[&str],
    scenario: &str,
    patience: &[&str],
    told: Told,
    runtime: &Handle,
) -> BTreeMap<String, i32> {
    let stage = || Stage::new(scenario, runtime);
    // The ids of runs and jobs, and the ports, are others each time: a command is known by its place.
    let first = |stage: &Stage, format: &[&str]| stage.first(arguments, told, &[&["--yes"], patience, format].concat());
    let forms: [&[&str]; 2] = [&[], &["-o", "json"]];
    let mut places = Vec::new();
    let mut known = BTreeSet::new();
    let mut code = None;
    for form in forms {
        let here = stage();
        let ran = first(&here, form);
        here.assert_nobody_went_elsewhere(&ran.err);
        assert_eq!(*code.get_or_insert(ran.code), ran.code, "{name}: {}", ran.err);
        // What both forms print is followed once.
        let new = |(place, line): (usize, String)| known.insert(kind_of(&line)).then_some((form, place));
        places.extend(printed(&ran).into_iter().enumerate().filter_map(new));
    }
    let mut ends = BTreeMap::new();
    for (form, place) in places {
        // On a machine under load a patience of seconds may end before the run has begun: then it is begun anew.
        let begun = (0..5).find_map(|_| {
            let here = stage();
            let ran = first(&here, form);
            let all: Vec<_> = printed(&ran).into_iter().collect();
            let line = all.get(place).cloned().filter(|_| Some(ran.code) == code)?;
            Some((here, ran, line))
        });
        let Some((here, ran, line)) = begun else { panic!("{name}: it never ended as before, with {code:?}") };
        let line = &line;
        let patience = if patience.contains(&"3s") { " --timeout 3s" } else { " --timeout 60s" };
        let mut followed = here.paste(line, &unattended(line, patience));
        // What must be so before is said as a command that leads there, and then the first one leads on.
        let before = if followed.code == 3 { printed(&followed) } else { BTreeSet::new() };
        if !before.is_empty() {
            for line in &before {
                let done = here.paste(line, &unattended(line, patience));
                assert_eq!(done.code, 0, "{name}: {line}: {}", done.err);
            }
            followed = here.paste(line, &unattended(line, patience));
        }
        let said = format!("{name} ({told:?}): {line}\nends with {}: {}{}", followed.code, followed.err, followed.out);
        assert!(![2, 3].contains(&followed.code), "{said}\nafter {}: {}", ran.code, ran.err);
        here.assert_nobody_went_elsewhere(&said);
        // Its remedies in turn are commands that a shell takes.
        for next in printed(&followed) {
            let syntax = Command::new("sh").args(["-n", "-c", &next]).status().unwrap();
            assert!(syntax.success(), "{said}\n{next}");
        }
        ends.insert(line.clone(), followed.code);
    }
    ends
}

/// What a command is, without what is another each time.
fn kind_of(line: &str) -> String {
    let words = line.split(' ').filter(|word| word.chars().all(|c| c.is_ascii_alphabetic() || c == '-'));
    words.collect::<Vec<_>>().join(" ")
}

/// A row of what is followed: its name, its command, its scenario, and how long it may take.
type Row = (String, Vec<&'static str>, String, &'static str);

fn follow_all(rows: &[Row], runtime: &Handle) -> usize {
    let (next, count, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some((name, arguments, scenario, patience)) = rows.get(place) else { break };
                    let told = [Told::Options, Told::Profile, Told::Environment][place % 3];
                    let followed = std::panic::catch_unwind(|| {
                        follow(name, arguments, scenario, &["--timeout", patience], told, runtime)
                    });
                    match followed {
                        Ok(ends) => {
                            count.fetch_add(ends.len(), Ordering::Relaxed);
                            // Where something was to be done, something leads to an end of it, or waits for the host
                            // as long as this test lets it.
                            let leads = ends.is_empty() || ends.values().any(|code| matches!(code, 0 | 8));
                            if !leads {
                                failed.lock().unwrap().push(format!("{name}: nothing leads on: {ends:?}"));
                            }
                        }
                        Err(panic) => {
                            let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                            failed.lock().unwrap().push(text);
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} rows failed:\n{}", failed.len(), failed.join("\n\n"));
    count.into_inner()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_that_a_scenario_prints_leads_on() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scenarios");
    let rows: Vec<Row> = TRAPS
        .iter()
        .map(|(name, arguments, exit, _)| {
            let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
            let patience = if matches!(exit, 5 | 8) { "3s" } else { "60s" };
            ((*name).to_owned(), arguments.to_vec(), text, patience)
        })
        .collect();
    let runtime = Handle::current();
    let count = tokio::task::spawn_blocking(move || follow_all(&rows, &runtime)).await.unwrap();
    assert!(count >= 30, "only {count} commands were printed");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_that_a_workflow_prints_leads_on() {
    let workflows: &[&[&str]] = &[
        &["failover", "app-db-01"],
        &["failover", "app-db-01", "--start"],
        &["failover", "app-db-01", "--no-wait"],
        &["failover", "app-db-01", "--planned"],
        &["failover", "app-db-01", "--planned", "--no-reverse"],
        &["failover", "app-db-01", "--point", "before:2001-01-01T00:00Z"],
        &["failover", "running-01"],
        &["failover", "done-01"],
        &["test", "start", "app-db-01"],
        &["test", "stop", "app-db-01"],
        &["commit", "done-01"],
        &["commit", "app-db-01"],
        &["undo", "done-01"],
        &["start", "app-db-01"],
        &["stop", "running-01"],
        &["network", "app-db-01", "set", "--dhcp"],
    ];
    // A name that a shell and a command line must not take for something else.
    let awkward = "default_vms = false\n[[vms]]\nname = \"-it's `a` $(VM)\"\nmode = 2\nstate = 3\nenabled = 3\n";
    let mut rows: Vec<Row> =
        workflows.iter().map(|words| (words.join(" "), words.to_vec(), String::new(), "60s")).collect();
    for _ in 0..3 {
        rows.push(("awkward".to_owned(), vec!["failover", "--", "-it's `a` $(VM)"], awkward.to_owned(), "60s"));
    }
    let runtime = Handle::current();
    let count = tokio::task::spawn_blocking(move || follow_all(&rows, &runtime)).await.unwrap();
    assert!(count >= 20, "only {count} commands were printed");
}

fn with_runtime(test: impl FnOnce(&Handle) + Send + 'static) -> tokio::task::JoinHandle<()> {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || test(&runtime))
}

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}{}", ran.out, ran.err))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_taken_up_by_what_it_was_begun_with() {
    let test = with_runtime(|runtime| {
        for (told, verb) in [(Told::Options, "resume"), (Told::Environment, "undo"), (Told::Profile, "resume")] {
            let stage = Stage::new("", runtime);
            let mut fails = JobScript::default();
            fails.error = Some(32768);
            stage.pair.replica.inject(Fault::on("InitiateFailover", Effect::Job(fails)));
            let stopped = stage.first(&["failover", "app-db-01", "--planned"], told, &["--yes"]);
            assert_eq!(stopped.code, 4, "{}", stopped.err);
            // With nothing but the default profile around, and in its own environment a user for another host.
            let state = if told == Told::Profile { String::new() } else { stage.file("a state") };
            let mut words = vec!["run", verb, "--yes", "-o", "json"];
            if !state.is_empty() {
                words.extend(["--state", &state]);
            }
            let mut again = stage.at_home(hvr(&words));
            again.env("HVR_USER", "CONTOSO\\somebody").env("HVR_HOST", stage.elsewhere.url());
            let again = ran(again.output().unwrap());
            assert_eq!(again.code, 0, "{told:?} {verb}: {}", again.err);
            assert_eq!(document(&again)["simulated"], true);
            stage.assert_nobody_went_elsewhere(&again.err);
        }
    });
    test.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_default_profile_keeps_to_its_host_and_a_failure_says_where_its_values_came_from() {
    let test = with_runtime(|runtime| {
        let stage = Stage::new("", runtime);
        let (url, wrong) = (stage.servers[0].url(), stage.file("wrong"));
        let ask = |words: &[&str], variables: &[(&str, &str)]| {
            let mut command = stage.at_home(hvr(&[&["status"], words].concat()));
            ran(command.envs(variables.iter().copied()).output().unwrap())
        };
        for variables in [&[][..], &[("HVR_PROFILE", "elsewhere")]] {
            let lent_nothing = ask(&["-H", &url], variables);
            assert_eq!(lent_nothing.code, 2, "{}", lent_nothing.err);
            assert!(lent_nothing.err.contains("no user") && lent_nothing.err.contains("--profile elsewhere"));
        }
        let user_only = ask(&["-H", &url, "-u", "dr-admin"], &[]);
        assert!(user_only.code == 2 && user_only.err.contains("no password"), "{}", user_only.err);
        let none = ask(&["--no-profile"], &[]);
        assert!(none.code == 2 && none.err.contains("no host"), "{}", none.err);
        assert_eq!(ask(&[], &[("HVR_NO_PROFILE", "true")]).code, 2);
        stage.assert_nobody_went_elsewhere("status");
        let refused = ask(&["-H", &url, "--password-file", &wrong], &[("HVR_USER", "dr-admin")]);
        assert_eq!(refused.code, 7, "{}", refused.err);
        assert!(refused.err.contains("the user from HVR_USER, the password from --password-file"), "{}", refused.err);
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let variables = [("HVR_HOST", nobody.as_str()), ("HVR_USER", "x"), ("HVR_PASSWORD", "y")];
        let unreached = ask(&[], &variables);
        assert!(unreached.code == 6 && unreached.err.contains("the host from HVR_HOST"), "{}", unreached.err);
    });
    test.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_ends_with_its_world_and_keeps_nobody_off() {
    let test = with_runtime(|runtime| {
        let scenario = "[[primary.vms]]\nname = \"app-db-01\"\nguest = { shutdown = \"ignored\" }\n";
        let planned = &["failover", "app-db-01", "--planned"][..];
        let mut stage = Stage::new(scenario, runtime);
        let runs = |stage: &Stage| {
            let state = stage.file("a state");
            let listed = stage.at_home(hvr(&["run", "list", "--state", &state, "-o", "json"])).output().unwrap();
            let listed = document(&ran(listed));
            crate::support::schema::check_document(&listed);
            listed["runs"].as_array().unwrap().clone()
        };
        let left = stage.first(planned, Told::Options, &["--yes", "--timeout", "2s"]);
        assert_eq!(left.code, 5, "{}", left.err);
        let open = &runs(&stage)[0];
        assert_eq!((open["simulated"].as_bool(), open["open"].as_bool()), (Some(true), Some(true)));
        // A rehearsal of the same VM in another world, while this one is there.
        let other = Stage::new(scenario, runtime);
        let (mut there, folder) = (other, tempfile::tempdir().unwrap());
        std::mem::swap(&mut stage.folder, &mut there.folder);
        let again = there.first(planned, Told::Options, &["--yes", "--timeout", "2s"]);
        assert_eq!(again.code, 5, "not kept off by the run of the other world: {}", again.err);
        std::mem::swap(&mut stage.folder, &mut there.folder);
        drop((there, folder));
        // Their hosts go, and the runs with them.
        let id = open["id"].as_str().unwrap().to_owned();
        let state = stage.file("a state");
        let home = stage.folder;
        drop(stage.servers);
        let at_home = |words: &[&str]| {
            let mut command = hvr(words);
            command.current_dir(home.path()).env("HOME", home.path());
            ran(command.output().unwrap())
        };
        let gone = (0..100).any(|_| {
            let resumed = at_home(&["run", "resume", &id, "--yes", "--state", &state]);
            assert!(resumed.code == 3 || resumed.code == 6, "{}", resumed.err);
            let is_over = resumed.code == 3 && resumed.err.contains("world-ended");
            if !is_over {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            is_over
        });
        assert!(gone, "the run of a host that is gone is over");
    });
    test.await.unwrap();
}

#[test]
fn a_rehearsal_that_is_killed_leaves_nothing_open() {
    use std::io::{BufRead, BufReader};
    let home = tempfile::tempdir().unwrap();
    let (state, scenario) = (home.path().join("state"), home.path().join("stuck.toml"));
    std::fs::write(&scenario, "[job]\nduration = \"1h\"\n").unwrap();
    let [state, scenario] = [&state, &scenario].map(|path| path.to_str().unwrap());
    let words = ["failover", "app-db-01", "--simulate", "--scenario", scenario, "--state", state, "--yes"];
    for _ in 0..2 {
        // The second one would be kept off by what the first had left.
        let mut child = Running::start(hvr(&words).stderr(std::process::Stdio::piped()));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let is_at_work = lines.any(|line| line.starts_with("job "));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_at_work, "the run has begun");
        let listed = document(&ran(hvr(&["run", "list", "--state", state, "-o", "json"]).output().unwrap()));
        let newest = &listed["runs"][0];
        assert_eq!(
            (newest["simulated"].as_bool(), newest["end"].as_str()),
            (Some(true), Some("world-ended")),
            "{listed}"
        );
    }
    // One that its own patience ends is over with its command, and leads to a host that stays.
    let ended = ran(hvr(&[&words[..], &["--timeout", "1s"]].concat()).output().unwrap());
    assert_eq!(ended.code, 8, "{}", ended.err);
    assert!(ended.err.contains("`hvr simulate --pair --scenario ") && !ended.err.contains("hvr run resume"));
    let open = document(&ran(hvr(&["run", "list", "--open", "--state", state, "-o", "json"]).output().unwrap()));
    assert_eq!(open["runs"].as_array().map(Vec::len), Some(0), "{open}");
}
