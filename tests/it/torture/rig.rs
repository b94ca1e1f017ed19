//! Two simulated hosts on sockets, before each a proxy that breaks connections and one that lies, and real `hvr` processes
//! with a journal between them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyperv_replica::failover::Site;
use hyperv_replica::failover::journal::History;
use hyperv_replica::journal::sqlite::{Filter, Store};
use hyperv_replica::simulator::{Pair, Scenario, Server, ServerOptions, Simulator, Taken, Vm};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::lies::TimeOfDay;
use crate::cli::hvr;
use crate::support::liar::{Liar, Tls};
use crate::support::process::{Running, Signal};
use crate::support::proxy::Proxy;
use crate::support::schema::check_document;

const ACCOUNT: &str = "[account]\nuser = \"dr-admin\"\npassword = \"canary-pass-42\"\n";

/// The pair, its sockets, and a directory for the journal and what processes say.
pub struct Rig {
    pub pair: Pair,
    servers: [Server; 2],
    pub proxies: [Proxy; 2],
    /// Between proxy and server.
    pub liars: [Liar; 2],
    pub time: TimeOfDay,
    /// Whether the hosts are reached over TLS that the liars end.
    pub tls: bool,
    folder: tempfile::TempDir,
    processes: AtomicUsize,
}

/// How a process ended.
pub struct Ended {
    /// What it was started with.
    pub words: Vec<String>,
    /// None where a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Ended {
    /// Its document, checked against the published schema.
    pub fn document(&self) -> Value {
        let document = serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{self}"));
        check_document(&document);
        document
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.code.map_or("killed".to_owned(), |code| format!("exit {code}"));
        writeln!(f, "$ hvr {}\n  {code} after {:?}", self.words.join(" "), self.took)?;
        // What a document says at length of VMs and steps stands in the dump too.
        let document = serde_json::from_str::<Value>(&self.out).unwrap_or_default();
        for name in ["kind", "code", "message", "remedy", "may_have_changed", "start", "remarks"] {
            document.get(name).map_or(Ok(()), |value| writeln!(f, "  {name}: {value}"))?;
        }
        self.err.lines().try_for_each(|line| writeln!(f, "  | {line}"))
    }
}

/// A process that runs.
pub struct Process {
    child: Running,
    words: Vec<String>,
    out: PathBuf,
    err: PathBuf,
    begun: Instant,
}

impl Rig {
    /// With a scenario in TOML that names no account.
    pub async fn new(scenario: &str) -> Rig {
        Rig::with(scenario, false).await
    }

    /// Over TLS, or over plain HTTP, where every message is sealed.
    pub async fn with(scenario: &str, tls: bool) -> Rig {
        let pair = Pair::new(Scenario::from_toml(&format!("{scenario}\n{ACCOUNT}")).unwrap());
        let options = if tls { ServerOptions::https() } else { ServerOptions::http() };
        let serve = |host: &Arc<Simulator>| Server::serve(host.clone(), options);
        let servers = [serve(&pair.replica).await.unwrap(), serve(&pair.primary).await.unwrap()];
        let ends = [&servers[0], &servers[1]].map(|server| server.certificate_der().map(Tls::before));
        let pem: String = ends.iter().flatten().map(|tls| tls.pem.as_str()).collect();
        let [one, other] = ends;
        let liars = [Liar::before(servers[0].address(), one).await, Liar::before(servers[1].address(), other).await];
        let proxies = [Proxy::before(liars[0].address()).await, Proxy::before(liars[1].address()).await];
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), pem).unwrap();
        let time = TimeOfDay::new(folder.path());
        let password = folder.path().join("password");
        fs::write(&password, "canary-pass-42\n").unwrap();
        #[cfg(unix)]
        fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        Rig { pair, servers, proxies, liars, time, tls, folder, processes: AtomicUsize::new(0) }
    }

    pub fn host(&self, site: Site) -> &Simulator {
        match site {
            Site::Host => &self.pair.replica,
            Site::Primary => &self.pair.primary,
        }
    }

    /// The URL of a host for clients.
    pub fn url(&self, site: Site) -> String {
        let url = self.proxies[usize::from(site == Site::Primary)].url();
        if self.tls { url.replacen("http:", "https:", 1) } else { url }
    }

    /// HTTP requests that reached both hosts.
    pub fn requests(&self) -> u64 {
        self.servers.iter().map(Server::requests).sum()
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The VM of this name on a host.
    pub fn vm(&self, site: Site, name: &str) -> Option<Vm> {
        self.host(site).with_world(|world| world.vm(name).cloned())
    }

    /// What a host has taken, oldest first.
    pub fn taken(&self, site: Site) -> Vec<Taken> {
        self.host(site).history()
    }

    /// Words and the flags of a connection to a host of the pair; with `--primary` where both are needed.
    pub fn flags(&self, words: &[&str], site: Site, both: bool) -> Vec<String> {
        let mut all: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        all.extend(["-H".to_owned(), self.url(site), "-u".to_owned(), "dr-admin".to_owned()]);
        let password = self.folder.path().join("password").display().to_string();
        all.extend(["--password-file".to_owned(), password, "--operation-timeout".to_owned(), "1s".to_owned()]);
        if both {
            all.extend(["--primary".to_owned(), self.url(Site::Primary)]);
        }
        if self.tls {
            all.extend(["--ca".to_owned(), self.folder.path().join("ca.pem").display().to_string()]);
        }
        all
    }

    /// The command with the journal of this rig, and JSON.
    pub fn command(&self, words: &[String]) -> Command {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let mut command = hvr(&words);
        command.arg("--state").arg(self.state()).args(["-o", "json"]);
        self.time.rule(&mut command);
        command
    }

    /// Starts a process.
    pub fn start(&self, words: &[String]) -> Process {
        self.spawn(self.command(words), words)
    }

    /// Starts a process that a test has made ready.
    pub fn spawn(&self, mut command: Command, words: &[String]) -> Process {
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        let [out, err] = ["out", "err"].map(|name| self.folder.path().join(format!("{number}.{name}")));
        let file = |path: &Path| Stdio::from(fs::File::create(path).unwrap());
        let child = Running::start(command.stdin(Stdio::null()).stdout(file(&out)).stderr(file(&err)));
        Process { child, words: words.to_vec(), out, err, begun: Instant::now() }
    }

    /// Runs a command to its end.
    pub fn run(&self, words: &[String]) -> Ended {
        self.start(words).end()
    }

    /// The runs of the journal, newest first; every one can be read.
    pub fn runs(&self) -> Vec<History> {
        let Some(store) = Store::open_read_only(&self.state()).unwrap() else { return Vec::new() };
        let listing = store.runs(&Filter::all()).unwrap();
        assert!(listing.unreadable.is_empty(), "{:?}", listing.unreadable);
        listing.runs
    }

    /// What SQLite finds wrong with the journal as it lies there, the logs beside it included.
    pub fn damage(&self) -> Option<String> {
        let copy = tempfile::tempdir().unwrap();
        for name in ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-journal"] {
            if let Err(error) = fs::copy(self.state().join(name), copy.path().join(name)) {
                assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{name}");
            }
        }
        let path = copy.path().join("journal.sqlite");
        if !path.exists() {
            return None;
        }
        let check = || -> rusqlite::Result<String> {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let database = Connection::open_with_flags(&path, flags)?;
            database.query_row("PRAGMA integrity_check", [], |row| row.get(0))
        };
        check().map_or_else(|error| Some(error.to_string()), |found| (found != "ok").then_some(found))
    }

    /// Everything that is known, for whoever looks for what went wrong.
    pub fn dump(&self) -> String {
        let mut text = String::new();
        for run in self.runs().iter().rev() {
            let end = run.end.map_or("open", |end| end.name());
            let undoes = run.record.undoes.as_ref().map_or(String::new(), |run| format!(", undoes {run}"));
            text += &format!("run {} {}{undoes}: {end}; {}\n", run.record.id, run.record.order.kind.name(), run.note);
            for call in &run.calls {
                let outcome =
                    call.outcome.as_ref().map(|it| (it.delivery, it.code, it.job.as_ref(), it.error.as_ref()));
                text += &format!(
                    "  {} {} {} on {} at {:?}, {:?}, {:?} {}\n",
                    call.number,
                    call.intent.step,
                    call.intent.method,
                    call.intent.site,
                    call.intent.sent.duration_since(std::time::UNIX_EPOCH).unwrap(),
                    call.verdict,
                    outcome,
                    call.intent.message_id,
                );
            }
        }
        for site in Site::ALL {
            text += &format!("taken on the {site}:\n");
            for call in self.taken(site) {
                text +=
                    &format!("  {:?} {} {} {:?} {}\n", call.at, call.method, call.vm, call.job_type, call.message_id);
            }
            self.host(site).with_world(|world| {
                for vm in world.vms() {
                    let (mode, state, power, point) = (vm.mode, vm.state, vm.enabled_state, vm.failed_over);
                    text += &format!("  {}: mode {mode}, state {state}, power {power}, failed over {point}\n", vm.name);
                }
            });
        }
        text
    }

    /// The MessageIDs of all that both hosts took.
    pub fn taken_ids(&self) -> BTreeSet<String> {
        Site::ALL.iter().flat_map(|site| self.taken(*site)).map(|taken| taken.message_id).collect()
    }
}

impl Process {
    /// Ends it as nothing else can.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// Sends a signal. One that has ended takes none.
    pub fn signal(&self, signal: Signal) {
        self.child.signal(signal);
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// What it has said so far to people.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    /// How long it has run.
    pub fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Waits for its end. One that never ends is a failure.
    pub fn end(mut self) -> Ended {
        while !self.has_ended() {
            if self.age() > LONGEST {
                self.kill();
                let ended = self.end();
                panic!("still at work after {LONGEST:?}:\n{ended}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let status = self.child.wait().unwrap();
        let read = |path: &Path| String::from_utf8(fs::read(path).unwrap()).unwrap();
        Ended {
            words: self.words.clone(),
            code: status.code(),
            out: read(&self.out),
            err: read(&self.err),
            took: self.age(),
        }
    }
}

/// Far beyond every wait that a command has of its own here.
const LONGEST: Duration = Duration::from_secs(120);
