//! `hvr wsman send`: an envelope out of a file, sent once, its reply checked.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::wsman::invoke::reads_only;
use crate::wsman::{Content, Decoded, RawRequest};

use super::desk::Desk;
use super::message::message_to_json;
use super::message_table::print_body;
use super::{files, invoke, once};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// File with the envelope, as --dry-run prints it; - is standard input
    file: PathBuf,
    /// Send it byte for byte, also its MessageID; without, it gets a new one
    #[arg(long)]
    as_is: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(args: &Args, desk: &Desk<'_>) -> Result<Exit, Problem> {
    let bytes = files::read(&args.file)?;
    let pasted = files::pasted(&bytes, &args.file)?;
    if let Some(remark) = pasted.remarks.first().filter(|_| args.as_is) {
        return Err(Problem::usage(format!("{}: {remark}", args.file.display()))
            .remedy("no host takes that byte for byte: leave --as-is away, and the envelope alone is sent, in UTF-8"));
    }
    let request = match args.as_is {
        true => RawRequest::as_is(bytes),
        false => RawRequest::fresh(pasted.text),
    };
    let request = request.map_err(|error| Problem::usage(format!("{}: {error}", args.file.display())))?;
    if desk.is_dry() {
        return desk.dry(&request, args.yes, |client| client).await;
    }
    let what = request.name().to_owned();
    let changes = !request.is_harmless() && !reads_only(&what);
    if changes {
        once::permit(&what, args.yes)?;
    }
    let line = desk.connect().await?;
    if changes {
        let heading = format!("sending {what} of {} to {}", args.file.display(), line.connection.name);
        once::confirm(&heading, &what, &[], args.yes, &desk.context.interruption).await?;
    }
    let answer = line.client.order(request).await;
    desk.print_raw(&line);
    let document = answer.map_err(|error| if changes { once::refusal(&what, error) } else { Problem::from(error) })?;
    let decoded = Decoded::of(document).map_err(|error| Problem::usage(error.to_string()))?;
    if !desk.args.raw {
        let message = message_to_json(&decoded, desk.schema.as_ref());
        match desk.printer().is_table() {
            true => print_body(&message),
            false => desk.document(&line, "wsman-message", json!({ "message": message })),
        }
    }
    match decoded.content() {
        Content::Output { method, class_uri, parameters } => {
            let class = class_uri.rsplit('/').next().unwrap_or("");
            let declared = desk.schema.as_ref().and_then(|schema| schema.class(class)?.method(method));
            invoke::judge(method, declared, &parameters, changes, &line)
        }
        _ => Ok(Exit::Done),
    }
}
