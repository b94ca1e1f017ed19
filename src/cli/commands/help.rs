//! `hvr help`: the help of a command, or a page of the manual.

use std::io::Write;

use clap::CommandFactory;

use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::cli::{Cli, Context};
use crate::manual::{PAGES, Page};

/// Print the help of a command, or a page of the manual.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A command, such as `test start`, or a topic of the manual; the list of both when left out
    words: Vec<String>,
}

/// Runs `hvr help`.
pub fn run(args: &Args, _: &Context) -> Result<Exit, Problem> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    let text = if words.is_empty() {
        format!("{}\n{}", long_help(Cli::command()), topics())
    } else {
        let command = command(&words).map(long_help);
        match (command, page(&words)) {
            (Some(help), _) => help,
            (None, Some(page)) => page.text.to_owned(),
            (None, None) => return Err(unknown(&args.words.join(" "))),
        }
    };
    // A reader that has gone is no error of ours.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(Exit::Done)
}

/// The command of these words, built with everything that its parents hand down.
fn command(words: &[&str]) -> Option<clap::Command> {
    let mut root = Cli::command();
    root.build();
    words.iter().try_fold(root, |command, word| command.find_subcommand(word).cloned())
}

fn page(words: &[&str]) -> Option<&'static Page> {
    match words {
        [topic] => PAGES.iter().find(|page| page.topic == *topic),
        _ => None,
    }
}

fn long_help(mut command: clap::Command) -> String {
    command.render_long_help().to_string()
}

/// The pages there are, as a list under the help of the program.
fn topics() -> String {
    let widest = PAGES.iter().map(|page| page.topic.len()).max().unwrap_or_default();
    let lines = PAGES.iter().map(|page| format!("  {:widest$}  {}\n", page.topic, page.about));
    format!("Topics (hvr help TOPIC):\n{}", lines.collect::<String>())
}

fn unknown(words: &str) -> Problem {
    let topics: Vec<_> = PAGES.iter().map(|page| page.topic).collect();
    Problem::usage(format!("there is neither a command nor a topic {words:?}"))
        .remedy(format!("commands: hvr --help; topics: {}", topics.join(", ")))
}
