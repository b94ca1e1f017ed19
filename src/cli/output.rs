//! Data to standard output, everything else to standard error; host text escaped before it reaches a terminal.

use std::io::{self, IsTerminal, Write};

use comfy_table::Table;
use comfy_table::presets;
use serde_json::Value;

use super::args::Format;
use super::exit::Exit;
use super::problem::Problem;

/// Prints in the form that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    format: Format,
}

impl Printer {
    /// A printer for a form.
    pub fn new(format: Format) -> Self {
        Printer { format }
    }

    /// The form.
    pub fn format(self) -> Format {
        self.format
    }

    /// Whether people read the output.
    pub fn is_table(self) -> bool {
        self.format == Format::Table
    }

    /// Prints a document: indented for `json`, on one line for `jsonl`.
    pub fn document(self, document: &Value) {
        let text = match self.format {
            Format::Jsonl => document.to_string(),
            _ => serde_json::to_string_pretty(document).unwrap_or_default(),
        };
        line(&text);
    }

    /// Prints an event on a line of its own, in `jsonl` only.
    pub fn event(self, event: &Value) {
        if self.format == Format::Jsonl {
            line(&event.to_string());
        }
    }

    /// Prints a table.
    pub fn table(self, header: &[&str], rows: &[Vec<String>]) {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(header.iter().map(|name| name.to_uppercase()));
        for row in rows {
            table.add_row(row.iter().map(|cell| printable(cell)));
        }
        for text in table.lines() {
            line(text.trim_end());
        }
    }

    /// Says something to the person at the terminal; never part of the data.
    pub fn note(self, text: &str) {
        note(text);
    }

    /// Prints why a command ends, for people and for scripts.
    pub fn problem(self, problem: &Problem) -> Exit {
        if !self.is_table() {
            self.document(&problem.to_json());
        }
        note(&format!("hvr: {}", problem.message));
        if !problem.remedy.is_empty() {
            note(&format!("     {}", problem.remedy));
        }
        problem.exit
    }
}

/// One line of data. A reader that has gone is no error of ours.
pub fn line(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// One line to standard error, host text made harmless.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", printable(text));
}

/// Whether somebody sits in front of this process and can answer.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether progress can be drawn.
pub fn draws_progress() -> bool {
    io::stderr().is_terminal()
}

/// Whether colours are welcome on standard error (`NO_COLOR` and other places than terminals have none).
pub fn stderr_has_colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Text from a host as it may be shown: control characters and marks that reorder or hide text become visible.
pub fn printable(text: &str) -> String {
    let is_harmless = |c: char| !c.is_control() && !is_disguise(c);
    if text.chars().all(|c| is_harmless(c) || c == '\n') {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => shown.push('\n'),
            '\t' => shown.push(' '),
            other if is_harmless(other) => shown.push(other),
            other => shown.extend(other.escape_unicode()),
        }
    }
    shown
}

/// Marks of direction, joiners of nothing, and the byte order mark.
fn is_disguise(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_text_cannot_write_to_the_terminal() {
        assert_eq!(printable("plain Bücher-データ\nnext"), "plain Bücher-データ\nnext");
        assert_eq!(printable("a\u{1b}[31mb\tc\r"), "a\\u{1b}[31mb c\\u{d}");
        assert_eq!(printable("exe\u{202e}fdp"), "exe\\u{202e}fdp");
        assert_eq!(printable("\u{9b}2J"), "\\u{9b}2J");
    }
}
