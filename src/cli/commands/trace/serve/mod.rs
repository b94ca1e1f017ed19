//! `hvr trace serve`: a loopback host that answers as a recording did.

mod connection;
mod host;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{open, unusable};
use crate::auth::{AuthError, Credentials, Secret};
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::output::{line, note};
use crate::cli::password::{Owner, PasswordSource};
use crate::cli::problem::Problem;
use crate::simulator::Identity;
use crate::trace::{Answers, Trace};
use crate::transport::Pin;
use host::Host;

/// Answer on 127.0.0.1 as the recording did, until Ctrl-C.
///
/// A request gets what the recording holds for the same meaning: ids, addresses, timeouts and the order of headers do
/// not count. What was asked more than once is answered in the order of the recording, the last answer stays. Over
/// HTTP every message is sealed by NTLM; with --https a client may also use Basic. The user is -u, or "replay"; the
/// password is made at start and printed, unless --password-file, --password-stdin or HVR_PASSWORD… names one.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording
    file: PathBuf,
    /// HTTPS with a certificate made at start, instead of sealed HTTP
    #[arg(long)]
    https: bool,
    /// Port; a free one when left out
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Answer as this host did, where the recording holds several: host:port, as `hvr trace show -o json` names it
    #[arg(long, value_name = "HOST")]
    of: Option<String>,
    /// Wait so much of the recorded time before each answer: 1 as recorded, 0.5 half of it, 0 not at all
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
    delays: f64,
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok().filter(|factor| (0.0..=1000.0).contains(factor));
    factor.ok_or_else(|| "a number from 0 to 1000".to_owned())
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let mut trace = open(&args.file)?;
    choose_host(&mut trace, args)?;
    let answers = Answers::of(&trace).map_err(|error| unusable(&args.file, &error))?;
    let settings = &context.settings;
    let user = settings.user.clone().unwrap_or_else(|| "replay".to_owned());
    // One that was given is known where it comes from, and is not printed.
    let (password, shown) = match &settings.password {
        PasswordSource::Prompt => {
            let made = random_password()?;
            (made.clone(), Some(made))
        }
        source => (source.read(Owner::User { user: &user, host: "the recording" }, &context.interruption)?, None),
    };
    let name = user.parse().map_err(|error: AuthError| Problem::usage(error.to_string()))?;
    let credentials = Credentials { user: name, password };
    let identity = args.https.then(Identity::make).transpose();
    let identity = identity.map_err(|error| Problem::internal(format!("no certificate can be made: {error}")))?;
    let pin = identity.as_ref().map(|identity| Pin::of(&identity.certificate).to_string());
    let count = answers.len();
    let server = trace.entries.iter().find_map(|entry| {
        let is_server = |name: &str| name.eq_ignore_ascii_case("server");
        entry.response.headers.iter().find(|header| is_server(&header.name)).map(|header| header.value.clone())
    });
    let host = Arc::new(Host::new(answers, args.delays, credentials, server, identity));
    let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, args.port)).await;
    let listener = listener.map_err(|error| {
        Problem::usage(format!("cannot listen on 127.0.0.1:{}: {error}", args.port)).remedy("choose another --port")
    })?;
    let address = listener.local_addr().map_err(|error| Problem::internal(error.to_string()))?;
    let url = format!("{}://{address}/wsman", if args.https { "https" } else { "http" });
    if context.printer.is_table() {
        line(&format!("recording of {count} messages at {url}"));
        line(&format!("user      {user}"));
        line(&format!("password  {}", shown.as_ref().map_or("as given", Secret::expose)));
        if let Some(pin) = &pin {
            line(&format!("pin       {pin}"));
        }
        note("Ctrl-C ends it");
    } else {
        context.printer.document(&json!({
            "kind": "trace-serve",
            "schema": 1,
            "url": url,
            "user": user,
            "password": shown.as_ref().map(Secret::expose),
            "pin_sha256": pin.map_or(Value::Null, Value::String),
            "messages": count,
        }));
    }
    tokio::select! {
        () = host.clone().serve(listener) => {}
        () = context.interruption.signal() => {}
    }
    let (answered, lacking) = host.counts();
    note(&format!("recording ended; {answered} requests answered, {lacking} not in the recording"));
    Ok(Exit::Done)
}

/// Two hosts in one would answer for each other.
fn choose_host(trace: &mut Trace, args: &Args) -> Result<(), Problem> {
    let hosts = trace.hosts().join(", ");
    let file = args.file.display();
    match &args.of {
        Some(host) if !trace.hosts().iter().any(|known| known.eq_ignore_ascii_case(host)) => {
            Err(Problem::usage(format!("{file} holds nothing of {host}, only of {hosts}")))
        }
        Some(host) => {
            trace.keep_host(host);
            Ok(())
        }
        None if trace.hosts().len() > 1 => {
            Err(Problem::usage(format!("{file} holds several hosts: {hosts}")).remedy("choose one with --of"))
        }
        None => Ok(()),
    }
}

/// 26 hexadecimal digits, worth nothing elsewhere.
fn random_password() -> Result<Secret, Problem> {
    let mut bytes = [0; 13];
    getrandom::fill(&mut bytes).map_err(|_| Problem::internal("the system gives no random bytes"))?;
    Ok(Secret::from(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}
