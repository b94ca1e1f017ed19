//! Every road of a secret through the command, to success and to failure: nothing it leaves behind holds it.
//!
//! Kerberos passwords and keys are driven in `tests/interop/secrets.rs`, which has a realm.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyperv_replica::simulator::{Server, ServerOptions};
use hyperv_replica::transport::Pin;
use pkcs8::{PrivateKeyInfo, pkcs5::pbes2};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::cli::hvr;
use crate::support::process::Running;
use crate::support::secrets::Secrets;
use crate::support::serve;

const RIGHT: &str = "Canary & Grün-7f3a";
const WRONG: &str = "Falsch & Grün-9c2e";
const PROXY: &str = "Proxy-Horse-3b";
const KEY: &str = "Key & Hörse-1d";

/// Where commands run and what they leave behind.
struct Place {
    folder: tempfile::TempDir,
    secrets: Secrets,
}

impl Place {
    fn new() -> Self {
        let mut secrets = Secrets::default();
        [RIGHT, WRONG, PROXY, KEY].iter().for_each(|password| secrets.password(password));
        Place { folder: tempfile::tempdir().unwrap(), secrets }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// A command as loud as can be, which records and keeps a journal.
    fn loud(&self, arguments: &[&str]) -> Command {
        let mut command = hvr(arguments);
        let trace = self.folder.path().join("left/trace.har");
        std::fs::create_dir_all(trace.parent().unwrap()).unwrap();
        command.args(["-vv", "-o", "json", "--trace"]).arg(trace);
        command.env("XDG_STATE_HOME", self.folder.path().join("left/state"));
        command.env("KRB5_CONFIG", "/nonexistent").env("KRB5CCNAME", "FILE:/nonexistent/ccache");
        command
    }

    /// Searches what was printed and all that was left behind; what was left is then removed.
    fn search(&self, what: &str, printed: &[u8]) {
        assert_eq!(self.secrets.find(printed), None, "{what}: {}", String::from_utf8_lossy(printed));
        let left = self.folder.path().join("left");
        for file in files(&left) {
            assert_eq!(self.secrets.find(&std::fs::read(&file).unwrap()), None, "{what}: {}", file.display());
        }
        std::fs::remove_dir_all(left).unwrap();
    }

    /// Runs it to this exit code, standard input given.
    fn run(&self, what: &str, mut command: Command, input: &str, code: i32) -> String {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Running::start(&mut command);
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        let output = child.output();
        let printed = [output.stdout, output.stderr].concat();
        self.search(what, &printed);
        let printed = String::from_utf8_lossy(&printed).into_owned();
        assert_eq!(output.status.code(), Some(code), "{what}: {printed}");
        printed
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

async fn host(options: ServerOptions) -> Server {
    serve(&format!("[account]\nuser = \"dr-admin\"\npassword = \"{RIGHT}\""), options).await
}

/// A way to hand over a password.
type Road = fn(&Place, &mut Command, &str) -> String;

const ROADS: [(&str, Road); 6] = [
    ("environment", |_, command, password| {
        command.env("HVR_PASSWORD", password);
        String::new()
    }),
    ("file", |place, command, password| {
        command.arg("--password-file").arg(place.file("password", &format!("{password}\n")));
        String::new()
    }),
    ("standard input", |_, command, password| {
        command.arg("--password-stdin");
        format!("{password}\n")
    }),
    ("file of a profile", |place, command, password| {
        place.file("hvr/password", password);
        profile(place, command, "password_file = \"password\"")
    }),
    ("program", |place, command, password| {
        let text = place.file("vault", &format!("{password}\nuser: dr-admin\n"));
        profile(place, command, &format!("password_command = [\"cat\", {text:?}]"))
    }),
    ("program of the folder", |place, command, password| {
        let program = place.file("hvr/bin/vault", &format!("#!/bin/sh\necho unlocking >&2\necho '{password}'\n"));
        #[cfg(unix)]
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        profile(place, command, "password_command = [\"bin/vault\"]")
    }),
];

fn profile(place: &Place, command: &mut Command, line: &str) -> String {
    place.file("hvr/config.toml", &format!("default = \"a\"\n[profiles.a]\n{line}\n"));
    command.env("XDG_CONFIG_HOME", place.folder.path());
    String::new()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_by_every_road() {
    let place = Place::new();
    for (road, give) in ROADS {
        let server = host(ServerOptions::http()).await;
        let url = server.url();
        let account = ["-H", &url, "-u", "dr-admin"];
        let mut right = place.loud(&[&["failover", "app-db-01", "--yes"], &account[..]].concat());
        let input = give(&place, &mut right, RIGHT);
        place.run(road, right, &input, 0);
        let mut wrong = place.loud(&[&["failover", "app-db-01", "--yes"], &account[..]].concat());
        let input = give(&place, &mut wrong, WRONG);
        place.run(road, wrong, &input, 7);
        assert_eq!(server.refused_logins(), 1, "{road}");
        drop(server);
        let mut gone = place.loud(&[&["check", "--login"], &account[..]].concat());
        let input = give(&place, &mut gone, RIGHT);
        place.run(road, gone, &input, 6);
        // Kerberos, as far as it comes without a realm.
        let mut nowhere = place.loud(&["status", "-H", &url, "--auth", "kerberos", "-u", "x@NOWHERE.TEST"]);
        let input = give(&place, &mut nowhere, RIGHT);
        place.run(road, nowhere, &input, 7);
    }
}

/// What stands where it should not, and programs that fail.
#[cfg(unix)]
#[test]
fn what_a_profile_gets_wrong() {
    let place = Place::new();
    for (line, says) in [
        (format!("password = {RIGHT:?}"), "config.toml, line 3: unknown field `password`"),
        (format!("password_command = {RIGHT:?}"), "password_command = [\\\"pass\\\""),
        (format!("password_keyring = {RIGHT:?}"), "a string, expected a boolean"),
        (format!("proxy_from_env = \"http://user:{PROXY}@proxy\""), "a string, expected a boolean"),
        (format!("proxy = \"http://user:{PROXY}@proxy"), "config.toml, line 3"),
        (
            format!("password_command = [\"sh\", \"-c\", \"echo '{RIGHT}'; echo locked >&2; exit 4\"]"),
            "status 4: locked",
        ),
        (format!("password_command = [\"sh\", \"-c\", \"echo '{RIGHT}'; echo '{RIGHT}' >&2; exit 4\"]"), "not shown"),
        ("password_command = [\"/nonexistent/vault\"]".to_owned(), "cannot be started"),
        ("password_command = [\"true\"]".to_owned(), "the password is empty"),
        ("password_command = [\"true\"]\npassword_file = \"x\"".to_owned(), "exclude each other"),
    ] {
        let mut command = place.loud(&["status", "-H", "hv.invalid", "-u", "admin"]);
        profile(&place, &mut command, &line);
        let printed = place.run(&line, command, "", 2);
        assert!(printed.contains(says), "{line}: {printed}");
    }
}

/// A build without it says so, and how to do without.
#[cfg(not(feature = "keyring"))]
#[test]
fn the_keyring_is_a_feature() {
    let place = Place::new();
    let printed =
        place.run("keyring", place.loud(&["status", "-H", "hv", "-u", "LAB\\admin", "--password-keyring"]), "", 2);
    for part in ["built without the keyring", "--features keyring", "password_command"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let mut both = place.loud(&["status", "-H", "hv", "-u", "admin"]);
    both.env("HVR_PASSWORD", RIGHT).env("HVR_PASSWORD_KEYRING", "1");
    assert!(place.run("both", both, "", 2).contains("exclude each other"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_of_a_proxy() {
    let place = Place::new();
    let server = host(ServerOptions::https()).await;
    let pin = Pin::of(server.certificate_der().unwrap()).to_string();
    let proxy = locked_proxy().await;
    let url = server.url();
    for (login, code) in [(format!("user:{PROXY}"), 0), (format!("user:not-{PROXY}"), 6)] {
        let address = format!("http://{login}@{proxy}");
        for (name, flag) in [("HVR_PROXY", None), ("HTTPS_PROXY", Some("--proxy-from-env"))] {
            let mut command = place.loud(&["status", "-H", &url, "-u", "dr-admin", "--pin-sha256", &pin]);
            command.args(flag).env(name, &address).env("HVR_PASSWORD", RIGHT);
            place.run(name, command, "", code);
        }
        let mut command = place.loud(&["check", "--login", "-H", &url, "-u", "dr-admin", "--pin-sha256", &pin]);
        profile(&place, &mut command, &format!("proxy = {address:?}"));
        command.env("HVR_PASSWORD", RIGHT);
        place.run("profile", command, "", code);
        // One that is not to stand on the command line is not repeated from there either.
        let command = place.loud(&["status", "-H", &url, "-u", "dr-admin", "--proxy", &address]);
        place.run("argument", command, "", 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_of_a_key() {
    let place = Place::new();
    let server = host(ServerOptions::https()).await;
    let pin = Pin::of(server.certificate_der().unwrap()).to_string();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["admin".to_owned()]).unwrap().self_signed(&key).unwrap();
    let der = key.serialize_der();
    let how = pbes2::Parameters::pbkdf2_sha256_aes256cbc(2048, b"saltsalt", &[7; 16]).unwrap();
    let locked = PrivateKeyInfo::try_from(der.as_slice()).unwrap().encrypt_with_params(how, KEY).unwrap();
    let lines: Vec<String> = STANDARD
        .encode(locked.as_bytes())
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    let locked =
        format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{}\n-----END ENCRYPTED PRIVATE KEY-----\n", lines.join("\n"));
    let cert = place.file("cert.pem", &certificate.pem());
    let key = place.file("key.pem", &locked);
    let url = server.url();
    // The right one gets as far as the host, which maps no certificate.
    for (password, code) in [(KEY, 7), (WRONG, 2)] {
        let mut command = place.loud(&["status", "-H", &url, "--cert", &cert, "--key", &key, "--pin-sha256", &pin]);
        command.env("HVR_PASSWORD", password);
        place.run("key", command, "", code);
        assert_eq!(server.refused_logins() + server.logins(), 0);
    }
    // A key whose lines were joined: what is wrong is said, and not shown, in whatever form of bytes.
    let joined = place.file("joined.pem", &format!("-----BEGIN PRIVATE KEY-----{KEY}\n"));
    let printed = place.run("joined", place.loud(&["status", "-H", &url, "--cert", &cert, "--key", &joined]), "", 2);
    let bytes = format!("{:?}", KEY.as_bytes());
    assert!(printed.contains("begins a section") && !printed.contains(bytes.trim_matches(['[', ']'])), "{printed}");
}

/// A prompt on a terminal of its own, whose echo is off before anything is typed.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_typed_at_a_prompt() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{LocalModes, tcgetattr};

    let place = Place::new();
    let server = host(ServerOptions::http()).await;
    let url = server.url();
    for (password, code) in [(RIGHT, 0), (WRONG, 7)] {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let end = || std::fs::OpenOptions::new().read(true).write(true).open(&name).unwrap();
        let loud = place.loud(&["status", "-H", &url, "-u", "dr-admin"]);
        // A new session takes its standard input for its terminal.
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(loud.get_program()).args(loud.get_args()).env_clear();
        command.envs(loud.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let kept = end();
        let mut child = Running::start(command.stdin(end()).stdout(end()).stderr(end()));
        drop(command);
        let mut terminal = std::fs::File::from(terminal);
        let screen = terminal.try_clone().unwrap();
        let screen = std::thread::spawn(move || read_screen(screen));
        let asked = (0..1000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            !tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ECHO)
        });
        assert!(asked, "the echo stays on");
        std::io::Write::write_all(&mut terminal, format!("{password}\n").as_bytes()).unwrap();
        let status = child.wait().unwrap();
        drop(kept);
        let printed = screen.join().unwrap();
        place.search("prompt", &printed);
        let printed = String::from_utf8_lossy(&printed).into_owned();
        assert_eq!(status.code(), Some(code), "{printed}");
        assert!(printed.contains("Password of dr-admin on 127.0.0.1: "), "{printed}");
    }
    assert_eq!((server.logins(), server.refused_logins()), (1, 1));
}

/// All that is shown until nobody has the terminal open any more.
#[cfg(target_os = "linux")]
fn read_screen(mut screen: std::fs::File) -> Vec<u8> {
    let mut shown = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match std::io::Read::read(&mut screen, &mut piece) {
            Ok(0) | Err(_) => return shown,
            Ok(length) => shown.extend(&piece[..length]),
        }
    }
}

/// A proxy for `CONNECT` that takes one login; its address.
async fn locked_proxy() -> std::net::SocketAddr {
    let login = STANDARD.encode(format!("user:{PROXY}"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let login = login.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await?);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                if !head.contains(&login) {
                    return client.write_all(b"HTTP/1.1 407 Login\r\nContent-Length: 0\r\n\r\n").await;
                }
                let mut host = TcpStream::connect(head.split(' ').nth(1).unwrap_or_default()).await?;
                client.write_all(b"HTTP/1.1 200 Go\r\n\r\n").await?;
                tokio::io::copy_bidirectional(&mut client, &mut host).await.map(drop)
            });
        }
    });
    address
}
