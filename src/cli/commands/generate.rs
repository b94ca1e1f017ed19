//! `hvr completions` and `hvr man`: texts made from the command line's own table.

use std::io::Write;

use clap::CommandFactory;

use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::cli::{Cli, Context};

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Print the manual page of hvr or of one of its commands.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// A command, such as `failover`; hvr itself when left out
    command: Option<String>,
}

/// Runs `hvr completions`.
pub fn completions(args: &CompletionsArgs, _: &Context) -> Result<Exit, Problem> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hvr", &mut text);
    print(&text)
}

/// Runs `hvr man`.
pub fn man(args: &ManArgs, _: &Context) -> Result<Exit, Problem> {
    let mut command = Cli::command();
    command.build();
    let page = match &args.command {
        None => command,
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            found.ok_or_else(|| Problem::usage(format!("there is no command {name:?}")))?
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(|error| Problem::internal(error.to_string()))?;
    print(&text)
}

/// A reader that has gone is no error of ours.
fn print(text: &[u8]) -> Result<Exit, Problem> {
    let _ = std::io::stdout().lock().write_all(text);
    Ok(Exit::Done)
}
