//! Data to standard output, everything else to standard error; host text escaped before it reaches a terminal.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

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
    simulated: bool,
}

impl Printer {
    /// A printer for a form; whether the host is a simulated one is said in every document.
    pub fn new(format: Format, simulated: bool) -> Self {
        Printer { format, simulated }
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
        line(&harmless_json(&text));
    }

    /// Prints an event on a line of its own, in `jsonl` only.
    pub fn event(self, event: &Value) {
        if self.format == Format::Jsonl {
            line(&harmless_json(&event.to_string()));
        }
    }

    /// Prints a table.
    pub fn table(self, header: &[&str], rows: &[Vec<String>]) {
        for text in table_lines(header, rows) {
            line(&text);
        }
    }

    /// Says something to the person at the terminal; never part of the data.
    pub fn note(self, text: &str) {
        note(text);
    }

    /// Prints why a command ends, for people and for scripts.
    pub fn problem(self, problem: &Problem) -> Exit {
        if matches!(self.format, Format::Json | Format::Jsonl) {
            self.document(&problem.to_json(self.simulated));
        }
        note(&format!("hvr: {}", problem.message));
        if !problem.remedy.is_empty() {
            note(&format!("     {}", problem.remedy));
        }
        problem.exit
    }
}

/// The lines of a table, host text made harmless.
pub fn table_lines(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    table.lines().map(|text| text.trim_end().to_owned()).collect()
}

/// One line of data.
pub fn line(text: &str) {
    data(&format!("{text}\n"));
}

/// Data as it is. A reader that has gone is no error of ours; a full disk is one, see [`lost_data`].
pub fn data(text: &str) {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => LOST_DATA.store(true, Ordering::Relaxed),
        _ => {}
    }
}

/// Whether data could not be written to standard output.
pub fn lost_data() -> bool {
    LOST_DATA.load(Ordering::Relaxed)
}

static LOST_DATA: AtomicBool = AtomicBool::new(false);

/// One line to standard error, host text made harmless.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", printable(text));
}

/// Ends a line that a question or the echo of a key began on the terminal.
pub fn end_of_line() {
    if io::stderr().is_terminal() {
        note("");
    }
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

/// JSON with the characters that [`printable`] shows as `\u` escapes. They stand inside strings only, so it stays the
/// same JSON.
fn harmless_json(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut shown, character| {
        match character {
            '\n' => shown.push('\n'),
            // All of them lie in the first plane, so one escape is enough.
            other if other.is_control() || is_disguise(other) => {
                shown.push_str(&format!("\\u{:04x}", u32::from(other)));
            }
            other => shown.push(other),
        }
        shown
    })
}

/// Marks of direction, joiners of nothing, and the byte order mark.
fn is_disguise(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
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

    proptest::proptest! {
        #![proptest_config(crate::properties::config())]
        #[test]
        fn json_keeps_its_value_and_shows_nothing_harmful(text: String) {
            let text = format!("{text}\u{202e}\u{9b}");
            let shown = harmless_json(&serde_json::to_string_pretty(&serde_json::json!({ "text": text })).unwrap());
            proptest::prop_assert!(shown.chars().all(|c| c == '\n' || !(c.is_control() || is_disguise(c))));
            let read: Value = serde_json::from_str(&shown).unwrap();
            proptest::prop_assert_eq!(read["text"].as_str().unwrap(), text);
        }
    }
}
