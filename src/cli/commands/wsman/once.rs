//! What may change the host: said aloud, asked about, sent at most once, and never called done when it is not known.

use crate::cli::confirm;
use crate::cli::exit::Exit;
use crate::cli::output::{is_interactive, note};
use crate::cli::problem::{Changed, Problem, chain};
use crate::cli::stop::Interruption;
use crate::wsman::{Delivery, Error};

/// Refuses what could not be asked about, before anything is dialled.
pub fn permit(what: &str, yes: bool) -> Result<(), Problem> {
    match yes || is_interactive() {
        true => Ok(()),
        false => {
            Err(Problem::usage(format!("{what} may change the host, and there is no terminal to ask on: add --yes")))
        }
    }
}

/// Says what would be sent, and asks. From here on an interruption says that the host may have taken it.
pub async fn confirm(
    heading: &str,
    what: &str,
    lines: &[String],
    yes: bool,
    interruption: &Interruption,
) -> Result<(), Problem> {
    note(heading);
    for line in lines {
        note(&format!("  {line}"));
    }
    if !yes && !confirm::confirm(&format!("Send {what} now?")).await {
        return Err(Problem::new(Exit::Refused, "declined", "not confirmed; nothing was sent"));
    }
    interruption.leave_behind(
        Changed::Perhaps,
        "the request was being sent: the host may have taken it",
        "look before you send it again",
    );
    Ok(())
}

/// What a request means that brought no good answer. A fault is the host's answer; what proves nothing is unknown.
pub fn refusal(what: &str, error: Error) -> Problem {
    match error.delivery() {
        Delivery::Unknown => {
            let text = format!("it is not known whether {what} was done: {}", chain(&error));
            Problem::new(Exit::Unknown, "state-unknown", text)
                .remedy("look at what it would have changed before you send it again")
                .changed(Changed::Perhaps)
        }
        Delivery::Answered if error.fault().is_some_and(|fault| !fault.is_access_denied()) => {
            Problem { exit: Exit::HostRefused, ..Problem::from(error) }
        }
        _ => Problem::from(error),
    }
}
