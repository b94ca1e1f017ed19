//! `hvr trace decrypt`: a packet capture of WinRM over HTTP becomes a recording.

use std::fs::File;
use std::path::PathBuf;

use serde_json::json;

use super::show::Summary;
use super::unusable;
use crate::auth::{AuthError, Overheard, Secret, TokenKind};
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::output::note;
use crate::cli::password::Owner;
use crate::cli::problem::Problem;
use crate::trace::{Anonymiser, Entry, Found, Opener, Recorder, Redactor, Sender, TraceError, read_capture};

/// Make a recording from a packet capture.
///
/// Opens what was sealed by NTLM when given the password of the account that logged in (--password-file,
/// --password-stdin, HVR_PASSWORD…). The capture must hold the login: the keys come from it. Kerberos and CredSSP are
/// not opened, and no capture opens TLS: record those with --trace.
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
    let user = settings.user.as_deref().unwrap_or("the account that logged in");
    let password = settings.password.read(Owner::User { user, host: &name })?;
    let redactor = Redactor::new().hiding(password.expose());
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
    let opener = || NtlmOpener { password: password.clone(), challenge: None, login: None };
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

/// NTLM with the account's password.
struct NtlmOpener {
    password: Secret,
    challenge: Option<Vec<u8>>,
    login: Option<Overheard>,
}

impl Opener for NtlmOpener {
    fn token(&mut self, from: Sender, scheme: &str, token: &[u8]) -> Result<(), String> {
        let named = |scheme: &str| format!("the login is by {scheme}, which is not opened; record it with --trace");
        if scheme.eq_ignore_ascii_case("CredSSP") {
            return Err(named("CredSSP"));
        }
        match (from, TokenKind::of(token)) {
            (_, TokenKind::Kerberos) => Err(named("Kerberos")),
            (_, _) if scheme.eq_ignore_ascii_case("Kerberos") => Err(named("Kerberos")),
            (Sender::Server, TokenKind::NtlmChallenge) => {
                self.challenge = Some(token.to_vec());
                Ok(())
            }
            (Sender::Client, TokenKind::NtlmAuthenticate) => {
                self.login = None;
                let account: String = TokenKind::account(token).unwrap_or_default().chars().take(100).collect();
                let Some(challenge) = self.challenge.take() else {
                    return Err("the capture lacks the challenge of the login".to_owned());
                };
                self.login =
                    Some(Overheard::login(&self.password, &challenge, token).map_err(|error| match error {
                        AuthError::WrongPassword => {
                            format!("the password given is not the one that {account} logged in with")
                        }
                        other => format!("the login of {account} cannot be followed: {other}"),
                    })?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, from: Sender, content_type: &str, body: &[u8]) -> Result<Vec<u8>, String> {
        let Some(login) = &mut self.login else {
            return Err("the capture begins after the login, so there are no keys".to_owned());
        };
        let opened = match from {
            Sender::Client => login.open_request(content_type, body),
            Sender::Server => login.open_reply(content_type, body),
        };
        opened.map_err(|error| match error {
            AuthError::Sequence { .. } => "sealed messages are missing in the capture".to_owned(),
            other => other.to_string(),
        })
    }
}
