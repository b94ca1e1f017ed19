//! `hvr simulate`: a Hyper-V replica host on loopback.

use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::connect::scenario;
use crate::cli::exit::Exit;
use crate::cli::output::{line, note};
use crate::cli::problem::{Problem, chain};
use crate::cli::stop;
use crate::simulator::{Server, ServerError, ServerOptions};
use crate::transport::Pin;

/// Run a simulated Hyper-V replica host on 127.0.0.1 until Ctrl-C.
///
/// Prints how to connect. --scenario sets the start state and what goes wrong. The password is made at start and
/// printed: it is worth nothing elsewhere.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// HTTPS with a certificate made at start, instead of sealed HTTP
    #[arg(long)]
    https: bool,
    /// Port; a free one when left out
    #[arg(long, default_value_t = 0)]
    port: u16,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let scenario = scenario(context.settings.scenario.as_deref())?;
    let options = if args.https { ServerOptions::https() } else { ServerOptions::http() };
    let server = Server::start(scenario, options.port(args.port)).await;
    let server = server.map_err(|error| match error {
        ServerError::Listen { .. } => Problem::usage(chain(&error)).remedy("choose another --port"),
        other => Problem::internal(chain(&other)),
    })?;
    let pin = server.certificate_der().map(|der| Pin::of(der).to_string());
    if context.printer.is_table() {
        line(&format!("simulated host at {}", server.url()));
        line(&format!("user      {}", server.user()));
        line(&format!("password  {}", server.password().expose()));
        if let Some(pin) = &pin {
            line(&format!("pin       {pin}"));
        }
        let trust = pin.map_or_else(String::new, |pin| format!(" --pin-sha256 {pin}"));
        let password = server.password().expose().to_owned();
        note(&format!("try: HVR_PASSWORD={password} hvr status -H {} -u {}{trust}", server.url(), server.user()));
        note("Ctrl-C ends it");
    } else {
        context.printer.document(&json!({
            "kind": "simulate",
            "schema": 1,
            "simulated": true,
            "url": server.url(),
            "user": server.user(),
            "password": server.password().expose(),
            "pin_sha256": pin.map_or(Value::Null, Value::String),
        }));
    }
    stop::signal().await;
    let counts: Vec<_> =
        server.simulator().requests().into_iter().map(|(name, count)| format!("{name} {count}")).collect();
    note(&format!(
        "simulated host ended; requests: {}",
        if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
    ));
    Ok(Exit::Done)
}
