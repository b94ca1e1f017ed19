//! `hvr pin`: the certificate a host shows, and its pin.

use std::time::Duration;

use serde_json::json;

use crate::cli::Context;
use crate::cli::connect::{endpoint, proxy};
use crate::cli::exit::Exit;
use crate::cli::output::note;
use crate::cli::problem::Problem;
use crate::cli::settings::Settings;
use crate::transport::show_certificate;

/// Show the certificate of a host and its pin.
///
/// Connects, looks, sends nothing. Trust on first sight is a person's decision: compare the pin with what the host's
/// administrator reads there.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Host; that of -H when left out
    // Not called `host`: it would take the place of the global option of that name.
    #[arg(value_name = "HOST")]
    server: Option<String>,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    let host = args.server.clone().or_else(|| context.settings.host.clone());
    let settings = Settings { host, ..context.settings.clone() };
    let (endpoint, name) = endpoint(&settings)?;
    if !endpoint.is_tls() {
        return Err(Problem::usage("plain HTTP has no certificate"));
    }
    let proxy = proxy(&settings, &endpoint)?;
    let timeout = settings.timeout.unwrap_or(Duration::from_secs(10));
    let shown = show_certificate(&endpoint, proxy.as_ref(), timeout)
        .await
        .map_err(|error| Problem::from(crate::wsman::Error::from(error)))?;
    if context.printer.is_table() {
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        let rows = [
            row("pin", shown.pin.to_string()),
            row("subject", shown.subject.clone().unwrap_or_default()),
            row("issuer", shown.issuer.clone().unwrap_or_default()),
            row("names", shown.names.join(", ")),
            row("valid from", time(shown.not_before)),
            row("valid to", time(shown.not_after)),
        ];
        context.printer.table(&["certificate", &name], &rows);
        note("nothing about it was verified: whether to trust it at first sight is a person's decision");
        note(
            "compare the pin with the one read on the host itself (Windows shows the SHA-1 thumbprint, which is another \
             number; Get-ChildItem Cert:\\LocalMachine\\My | % { $_.GetCertHashString('SHA256') } prints the pins); then add \
             --pin-sha256 and the pin, or pin_sha256 in a profile",
        );
        return Ok(Exit::Done);
    }
    context.printer.document(&json!({
        "kind": "pin",
        "schema": 1,
        "host": name,
        "pin_sha256": shown.pin.to_string(),
        "subject": shown.subject,
        "issuer": shown.issuer,
        "names": shown.names,
        "not_before": shown.not_before.map(|time| time.to_string()),
        "not_after": shown.not_after.map(|time| time.to_string()),
    }));
    Ok(Exit::Done)
}

fn time(time: Option<jiff::Timestamp>) -> String {
    time.map_or_else(|| "unknown".to_owned(), |time| time.to_string())
}
