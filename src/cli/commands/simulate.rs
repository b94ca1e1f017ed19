//! `hvr simulate`: a Hyper-V replica host on loopback, alone or with its primary host.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::cim::Datetime;
use crate::cli::Context;
use crate::cli::connect::scenario;
use crate::cli::exit::Exit;
use crate::cli::output::{line, note};
use crate::cli::printed::{Printed, quoted};
use crate::cli::problem::{Problem, chain};
use crate::simulator::{Pair, Server, ServerError, ServerOptions, Simulator, Taken};
use crate::transport::Pin;

/// Run a simulated Hyper-V replica host on 127.0.0.1 until Ctrl-C.
///
/// Prints how to connect, and at the end what the host was asked and which calls it took. --scenario sets the start state
/// and what goes wrong. The password is made at start and printed: it is worth nothing elsewhere.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// HTTPS with a certificate made at start, instead of sealed HTTP
    #[arg(long)]
    https: bool,
    /// Port; a free one when left out
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A primary host too, on a port of its own: both replicate to each other
    #[arg(long)]
    pair: bool,
    /// Port of the primary host; a free one when left out
    #[arg(long, default_value_t = 0, requires = "pair")]
    primary_port: u16,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let scenario = scenario(context.settings.scenario.as_deref())?;
    let (replica, primary) = match args.pair {
        true => {
            let pair = Pair::new(scenario);
            (pair.replica, Some(pair.primary))
        }
        false => (Simulator::new(scenario), None),
    };
    let replica = Host { role: "replica", server: serve(args, replica, args.port, "--port").await? };
    let primary = match primary {
        Some(host) => {
            Some(Host { role: "primary", server: serve(args, host, args.primary_port, "--primary-port").await? })
        }
        None => None,
    };
    if context.printer.is_table() {
        print_table(&replica, primary.as_ref());
    } else {
        context.printer.document(&document(&replica, primary.as_ref()));
    }
    context.interruption.signal().await;
    let hosts: Vec<_> = std::iter::once(&replica).chain(&primary).collect();
    if !context.printer.is_table() {
        let counts: Vec<_> = hosts.iter().map(|host| host.counts()).collect();
        let ended = json!({ "kind": "simulate-ended", "schema": 1, "simulated": true, "hosts": counts });
        context.printer.document(&ended);
    }
    for host in hosts {
        note(&host.summary());
    }
    Ok(Exit::Done)
}

async fn serve(args: &Args, host: Arc<Simulator>, port: u16, flag: &str) -> Result<Server, Problem> {
    let options = if args.https { ServerOptions::https() } else { ServerOptions::http() };
    Server::serve(host, options.port(port)).await.map_err(|error| match error {
        ServerError::Listen { .. } => Problem::usage(chain(&error)).remedy(format!("choose another {flag}")),
        other => Problem::internal(chain(&other)),
    })
}

/// A host that is served.
struct Host {
    role: &'static str,
    server: Server,
}

impl Host {
    fn computer(&self) -> &str {
        &self.server.simulator().scenario().computer
    }

    fn pin(&self) -> Option<String> {
        self.server.certificate_der().map(|der| Pin::of(der).to_string())
    }

    /// What it was asked, and what it took.
    fn counts(&self) -> Value {
        let requests: Map<_, _> =
            self.server.simulator().requests().into_iter().map(|(name, count)| (name, json!(count))).collect();
        let taken: Vec<_> = self.server.simulator().history().iter().map(taken).collect();
        json!({
            "role": self.role,
            "computer": self.computer(),
            "connections": self.server.connections(),
            "http_requests": self.server.requests(),
            "logins": self.server.logins(),
            "refused_logins": self.server.refused_logins(),
            "requests": requests,
            "taken": taken,
        })
    }

    fn summary(&self) -> String {
        let host = self.server.simulator();
        let requests = host.requests().into_iter().map(|(name, count)| format!("{name} {count}"));
        let taken = host.history();
        let taken = taken.iter().map(|call| {
            let name = host.with_world(|world| world.vm(&call.vm).map(|vm| vm.name.clone()));
            format!("{} of {}", call.method, name.as_deref().unwrap_or(&call.vm))
        });
        let listed = |items: &mut dyn Iterator<Item = String>| {
            let items: Vec<_> = items.collect();
            if items.is_empty() { "none".to_owned() } else { items.join(", ") }
        };
        format!(
            "simulated host {} ended; requests: {}; calls taken: {}",
            self.computer(),
            listed(&mut requests.into_iter()),
            listed(&mut taken.into_iter())
        )
    }
}

fn taken(call: &Taken) -> Value {
    let seconds = i64::try_from(call.at.as_secs()).unwrap_or(0);
    let at = Datetime::from_unix(seconds, call.at.subsec_nanos()).and_then(|at| at.to_iso());
    json!({ "method": call.method, "vm": call.vm, "at": at, "job_type": call.job_type })
}

fn print_table(replica: &Host, primary: Option<&Host>) {
    let user = replica.server.user();
    let password = replica.server.password().expose();
    match primary {
        None => line(&format!("simulated host at {}", replica.server.url())),
        Some(primary) => {
            for host in [replica, primary] {
                line(&format!("simulated {} host {} at {}", host.role, host.computer(), host.server.url()));
            }
        }
    }
    line(&format!("user      {user}"));
    line(&format!("password  {password}"));
    for host in std::iter::once(replica).chain(primary) {
        let mut status = Printed::of(&["status"]).option("-H", &host.server.url()).option("-u", &user);
        if let Some(pin) = host.pin() {
            let of = if primary.is_some() { format!(" ({})", host.role) } else { String::new() };
            line(&format!("pin       {pin}{of}"));
            status = status.option("--pin-sha256", &pin);
        }
        note(&format!("try: HVR_PASSWORD={} {}", quoted(password), status.line()));
    }
    note("Ctrl-C ends it");
}

fn document(replica: &Host, primary: Option<&Host>) -> Value {
    let primary =
        primary.map(|host| json!({ "computer": host.computer(), "url": host.server.url(), "pin_sha256": host.pin() }));
    json!({
        "kind": "simulate",
        "schema": 1,
        "simulated": true,
        "computer": replica.computer(),
        "url": replica.server.url(),
        "user": replica.server.user(),
        "password": replica.server.password().expose(),
        "pin_sha256": replica.pin(),
        "primary": primary,
    })
}
