//! `hvr trace decrypt`: a packet capture of WinRM over HTTP becomes a recording.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::json;
use zeroize::Zeroizing;

use super::show::Summary;
use super::unusable;
use crate::auth::{AuthError, Secret};
use crate::capture::{Found, Keytab, Opener, PassiveKerberos, PassiveNtlm, Sender, TokenKind, read_capture};
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::output::note;
use crate::cli::password::{Owner, PasswordSource};
use crate::cli::problem::Problem;
use crate::cli::settings::Settings;
use crate::trace::{Anonymiser, Entry, Recorder, Redactor, TraceError};

/// Make a recording from a packet capture.
///
/// Opens what was sealed by NTLM when given the password of the account that logged in (--password-file,
/// --password-stdin, HVR_PASSWORD…), and what was sealed by Kerberos when given the keytab of the service that was
/// logged in to (--keytab: the keys of HTTP/host, or of the host's computer account). The capture must hold the login:
/// the keys come from it. CredSSP is not opened, and no capture opens TLS: record those with --trace.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The capture: pcap or pcapng, as tcpdump, tshark and dumpcap write it
    capture: PathBuf,
    /// Write the recording to this file; without it, a summary is printed
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let settings = &context.settings;
    let name = args.capture.display().to_string();
    let file = File::open(&args.capture).map_err(|error| unusable(&args.capture, &error.into()))?;
    let keys = Rc::new(Keys::of(settings, &name)?);
    let mut redactor = Redactor::new();
    if let Some(password) = &keys.password {
        redactor = redactor.hiding(password.expose());
    }
    let recorder = args.to.as_ref().map(|to| {
        let mut anonymiser = settings.anonymise.then(Anonymiser::new);
        if let (Some(anonymiser), Some(user)) = (&mut anonymiser, &settings.user) {
            anonymiser.user(user);
        }
        Recorder::create(to, redactor.clone(), anonymiser)
            .map_err(|error| Problem::usage(format!("cannot record in {}: {error}", to.display())))
    });
    let recorder = recorder.transpose()?;
    let mut summary = Summary::default();
    let mut messages = 0_u64;
    let opener = || LoginOpener { keys: keys.clone(), challenge: None, login: None };
    let found = read_capture(file, opener, |mut entry: Entry| {
        redactor.redact(&mut entry);
        messages += u64::from(entry.is_message());
        summary.add(&entry);
        if let Some(recorder) = &recorder {
            recorder.add(entry);
        }
    });
    let found = found.map_err(|error| match error {
        TraceError::Io(error) => Problem::usage(format!("cannot read {name}: {error}")),
        other => Problem::usage(format!("{name}: {other}")),
    })?;
    if let Some(failure) = recorder.and_then(|recorder| recorder.failure()) {
        return Err(Problem::usage(format!("the recording could not be written: {failure}")));
    }
    found.notes.iter().for_each(|text| note(&format!("note: {text}")));
    if messages == 0 {
        return Err(nothing(&name, &found));
    }
    if context.printer.is_table() {
        summary.print(&name, context.printer);
    } else {
        context.printer.document(&json!({
            "kind": "trace-decrypt",
            "schema": 1,
            "capture": name,
            "to": args.to.as_ref().map(|to| to.display().to_string()),
            "packets": found.packets,
            "connections": found.connections,
            "requests": found.requests,
            "opened": found.opened,
            "unopened": found.unopened,
            "notes": found.notes,
            "entries": summary.to_json(),
        }));
    }
    Ok(Exit::Done)
}

fn nothing(name: &str, found: &Found) -> Problem {
    let (why, remedy) = match (found.requests, found.unopened) {
        (0, _) => ("holds no HTTP request", "capture the port that WinRM listens on, 5985 unless told otherwise"),
        (_, 0) => ("holds no message", "capture on until something was asked"),
        (_, _) => ("holds no message that could be opened", "the notes say why"),
    };
    let notes: Vec<_> = found.notes.iter().map(String::as_str).collect();
    let detail = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
    Problem::usage(format!("{name} {why}{detail}")).remedy(remedy)
}

/// What the user has to open logins with.
struct Keys {
    password: Option<Secret>,
    keytab: Option<Keytab>,
}

impl Keys {
    fn of(settings: &Settings, name: &str) -> Result<Self, Problem> {
        let keytab = settings.keytab.as_deref().map(read_keytab).transpose()?;
        let user = settings.user.as_deref().unwrap_or("the account that logged in");
        // With a keytab in hand nobody is asked for a password.
        let password = match (&settings.password, &keytab) {
            (PasswordSource::Prompt, Some(_)) => None,
            (source, _) => Some(source.read(Owner::User { user, host: name })?),
        };
        Ok(Self { password, keytab })
    }
}

fn read_keytab(path: &Path) -> Result<Keytab, Problem> {
    let name = path.display();
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let read = File::open(path).and_then(|file| file.take(LARGEST_KEYTAB).read_to_end(&mut bytes));
    read.map_err(|error| Problem::usage(format!("cannot read the keytab {name}: {error}")))?;
    Keytab::read(&bytes).map_err(|error| Problem::usage(format!("{name}: {error}")).remedy("klist -k shows a keytab"))
}

/// One connection's login, whichever way it was done.
struct LoginOpener {
    keys: Rc<Keys>,
    challenge: Option<Vec<u8>>,
    login: Option<Login>,
}

enum Login {
    Ntlm(Box<PassiveNtlm>),
    Kerberos(Box<PassiveKerberos>),
}

impl LoginOpener {
    fn ntlm(&mut self, token: &[u8]) -> Result<Login, String> {
        let account: String = TokenKind::account(token).unwrap_or_default().chars().take(100).collect();
        let challenge = self.challenge.take().ok_or("the capture lacks the challenge of the login")?;
        let Some(password) = &self.keys.password else {
            return Err(format!("{account} logged in by NTLM, which takes the account's password to open"));
        };
        let login = PassiveNtlm::login(password, &challenge, token).map_err(|error| match error {
            AuthError::WrongPassword => format!("the password given is not the one that {account} logged in with"),
            other => format!("the login of {account} cannot be followed: {other}"),
        })?;
        Ok(Login::Ntlm(Box::new(login)))
    }

    fn kerberos(&self, token: &[u8]) -> Result<Login, String> {
        let Some(keytab) = &self.keys.keytab else {
            return Err(
                "the login is by Kerberos, which takes the keytab of the service to open (--keytab); or record \
                        it with --trace"
                    .to_owned(),
            );
        };
        match PassiveKerberos::request(keytab, token) {
            Some(Ok(login)) => Ok(Login::Kerberos(Box::new(login))),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("the Kerberos login begins with a token that holds no ticket".to_owned()),
        }
    }
}

impl Opener for LoginOpener {
    fn token(&mut self, from: Sender, scheme: &str, token: &[u8]) -> Result<(), String> {
        if scheme.eq_ignore_ascii_case("CredSSP") {
            return Err("the login is by CredSSP, which is not opened; record it with --trace".to_owned());
        }
        match (from, TokenKind::of(token)) {
            (Sender::Server, TokenKind::NtlmChallenge) => self.challenge = Some(token.to_vec()),
            (Sender::Client, TokenKind::NtlmAuthenticate) => {
                self.login = None;
                self.login = Some(self.ntlm(token)?);
            }
            (Sender::Client, TokenKind::Kerberos) => {
                self.login = None;
                self.login = Some(self.kerberos(token)?);
            }
            (Sender::Server, TokenKind::Kerberos | TokenKind::Other) => {
                if let Some(Login::Kerberos(login)) = &mut self.login {
                    login.reply(token).map_err(|error| error.to_string())?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, from: Sender, content_type: &str, body: &[u8]) -> Result<Vec<u8>, String> {
        match (&mut self.login, from) {
            (None, _) => Err("the capture begins after the login, so there are no keys".to_owned()),
            (Some(Login::Ntlm(login)), Sender::Client) => login.open_request(content_type, body).map_err(lost),
            (Some(Login::Ntlm(login)), Sender::Server) => login.open_reply(content_type, body).map_err(lost),
            (Some(Login::Kerberos(login)), Sender::Client) => {
                login.open_request(content_type, body).map_err(|error| error.to_string())
            }
            (Some(Login::Kerberos(login)), Sender::Server) => {
                login.open_reply(content_type, body).map_err(|error| error.to_string())
            }
        }
    }
}

fn lost(error: AuthError) -> String {
    match error {
        AuthError::Sequence { .. } => "sealed messages are missing in the capture".to_owned(),
        other => other.to_string(),
    }
}

const LARGEST_KEYTAB: u64 = 4 << 20;
