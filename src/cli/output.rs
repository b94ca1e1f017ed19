//! Data to standard output, everything else to standard error; host text escaped before it reaches a terminal.

use std::borrow::Cow;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use comfy_table::Table;
use comfy_table::presets;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
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
        data(&format!("{}\n", harmless_json(&text)));
    }

    /// Prints an event on a line of its own, in `jsonl` only.
    pub fn event(self, event: &Value) {
        if self.format == Format::Jsonl {
            data(&format!("{}\n", harmless_json(&event.to_string())));
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

/// The lines of a table. A cell is one line, and no cell makes every row as wide as itself: all but the last are cut to
/// [`WIDEST`], and the last is not filled up.
pub fn table_lines(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let header = header.iter().map(|name| name.to_uppercase()).collect();
    let all: Vec<Vec<String>> =
        std::iter::once(&header).chain(rows).map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let columns = header.len().saturating_sub(1);
    for row in &all {
        table.add_row(row.iter().take(columns).map(|cell| shortened(cell, WIDEST)));
    }
    let mut filled = table.lines();
    let line = |row: &Vec<String>| {
        let before = if columns == 0 { String::new() } else { filled.next().unwrap_or_default() };
        format!("{before} {}", row.get(columns).map_or("", String::as_str)).trim_end().to_owned()
    };
    all.iter().map(line).collect()
}

/// One line of data.
pub fn line(text: &str) {
    data(&format!("{}\n", printable(text)));
}

/// One line for people, in which names may stand: shortened where it is longer than anybody reads.
pub fn say(text: &str) {
    line(&shortened(text, LONGEST));
}

/// Several lines of ours, in which no host text stands.
pub fn lines(text: &str) {
    text.lines().for_each(line);
}

/// A message or another text that a host made and that is a document of its own: exact for a program that reads it, for
/// a terminal host text like any other.
pub fn raw(text: &str) {
    match io::stdout().is_terminal() {
        true => document(text),
        false => data(&format!("{text}\n")),
    }
}

/// A document of a host, line by line. One that might pass for a line of this program is indented.
pub fn document(text: &str) {
    document_lines(text).iter().for_each(|text| line(text));
}

fn document_lines(text: &str) -> Vec<String> {
    let is_markup = |text: &str| text.is_empty() || text.starts_with('<') || text.starts_with(char::is_whitespace);
    let line = |text: &str| if is_markup(text) { printable(text) } else { format!("  {}", printable(text)) };
    text.lines().map(|text| line(text.trim_end_matches('\r'))).collect()
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

/// One line to standard error.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", printable(&shortened(text, LONGEST)));
}

/// Ends a line that a question or the echo of a key began on the terminal.
pub fn end_of_line() {
    if io::stderr().is_terminal() {
        new_line();
    }
}

/// An empty line on standard error.
pub fn new_line() {
    note("");
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

/// Text as it may be shown: one line, whatever is in it. Line ends, control characters, and marks that reorder, hide or show
/// nothing become visible.
///
/// All that reaches a person passes here: [`line`], [`note`], tables, questions, the progress bar and the log.
pub fn printable(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push(' '),
            other if is_harmless(other) => shown.push(other),
            other => shown.extend(other.escape_unicode()),
        }
    }
    shown
}

/// So many characters of a text, and how many more there are.
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    // No text has more characters than bytes.
    match text.char_indices().nth(most).filter(|_| text.len() > most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            let more = text.get(end..).unwrap_or("").chars().count();
            Cow::Owned(format!("{}… ({more} more characters)", text.get(..end).unwrap_or("")))
        }
    }
}

/// JSON with the characters that [`printable`] shows as `\u` escapes. They stand inside strings only, so it stays the
/// same JSON.
fn harmless_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\n' => shown.push('\n'),
            other if is_harmless(other) => shown.push(other),
            other => other.encode_utf16(&mut [0; 2]).iter().for_each(|unit| shown.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    shown
}

/// Whether a character shows itself: no control or line end, no mark of direction, no joiner, filler, tag or variation
/// selector, nothing private or unassigned, whose picture nobody knows.
fn is_harmless(character: char) -> bool {
    use GeneralCategory as Is;
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(character);
    let shows = !matches!(
        category,
        Is::Control | Is::Format | Is::LineSeparator | Is::ParagraphSeparator | Is::PrivateUse | Is::Unassigned
    );
    // A braille cell without dots is a blank that is none.
    shows && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character) && character != '\u{2800}'
}

/// Most characters of a cell that other cells of its column are filled up to.
pub const WIDEST: usize = 120;
/// Most characters of a line for people.
pub const LONGEST: usize = 8_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_text_cannot_write_to_the_terminal() {
        assert_eq!(printable("plain Bücher-データ 日本語 😀 é"), "plain Bücher-データ 日本語 😀 é");
        assert_eq!(printable("a\u{1b}[31mb\tc\r"), "a\\u{1b}[31mb c\\r");
        assert_eq!(printable("exe\u{202e}fdp"), "exe\\u{202e}fdp");
        assert_eq!(printable("\u{9b}2J"), "\\u{9b}2J");
    }

    /// Every character that ends a line somewhere, or shows nothing.
    const DECEIVING: &[char] = &[
        '\n',
        '\r',
        '\u{b}',
        '\u{c}',
        '\u{1c}',
        '\u{1d}',
        '\u{1e}',
        '\u{85}',
        '\u{2028}',
        '\u{2029}',
        '\u{ad}',
        '\u{34f}',
        '\u{61c}',
        '\u{115f}',
        '\u{1160}',
        '\u{17b4}',
        '\u{17b5}',
        '\u{180b}',
        '\u{180e}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{200e}',
        '\u{200f}',
        '\u{202a}',
        '\u{202b}',
        '\u{202c}',
        '\u{202d}',
        '\u{202e}',
        '\u{2060}',
        '\u{2064}',
        '\u{2066}',
        '\u{2067}',
        '\u{2068}',
        '\u{2069}',
        '\u{206a}',
        '\u{2800}',
        '\u{3164}',
        '\u{fe00}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{ffa0}',
        '\u{fff9}',
        '\u{fffb}',
        '\u{e000}',
        '\u{f8ff}',
        '\u{378}',
        '\u{1bca0}',
        '\u{1d173}',
        '\u{e0001}',
        '\u{e0041}',
        '\u{e007f}',
        '\u{e0100}',
        '\u{f0000}',
        '\u{10fffd}',
    ];

    #[test]
    fn one_line_stays_one_line_and_what_shows_nothing_is_shown() {
        for character in DECEIVING {
            let shown = printable(&format!("vm{character}hvr: all is well"));
            assert!(!shown.contains(*character) && shown.starts_with("vm\\"), "{character:?}: {shown}");
            assert_eq!(
                document_lines(&format!("<a>x{character}hvr: y</a>")).iter().find(|l| l.starts_with("hvr")),
                None
            );
            let json = harmless_json(&serde_json::json!({ "text": character.to_string() }).to_string());
            assert!(json.is_ascii(), "{json}");
            let read: Value = serde_json::from_str(&json).unwrap();
            assert_eq!(read["text"].as_str(), Some(character.to_string().as_str()));
        }
    }

    #[test]
    fn a_huge_cell_makes_no_huge_table() {
        let name = "x".repeat(1_000_000);
        let rows: Vec<_> = (0..30).map(|_| vec!["vm".to_owned(), "on".to_owned()]).collect();
        let rows = [rows, vec![vec![name.clone(), "on".to_owned()]]].concat();
        let lines = table_lines(&["name", "state"], &rows);
        assert!(lines.iter().map(String::len).sum::<usize>() < 10_000);
        assert!(lines.iter().any(|line| line.contains("… (999880 more characters)")), "{lines:?}");
        // A value that nothing follows is whole, and costs the other rows nothing.
        let rows = [vec!["Notes".to_owned(), name], vec!["Name".to_owned(), "b".to_owned()]];
        let lines = table_lines(&["class\nhvr: x", "value"], &rows);
        assert_eq!(lines.iter().map(|line| line.len() > 100).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(lines.len(), 3);
    }

    proptest::proptest! {
        #![proptest_config(crate::properties::config())]
        #[test]
        fn json_keeps_its_value_and_shows_nothing_harmful(text: String) {
            let text = format!("{text}\u{202e}\u{9b}\u{e0041}");
            let shown = harmless_json(&serde_json::to_string_pretty(&serde_json::json!({ "text": text })).unwrap());
            proptest::prop_assert!(shown.chars().all(|c| c == '\n' || is_harmless(c)));
            let read: Value = serde_json::from_str(&shown).unwrap();
            proptest::prop_assert_eq!(read["text"].as_str().unwrap(), text);
        }

        #[test]
        fn any_text_is_one_line(text: String) {
            let shown = printable(&text);
            proptest::prop_assert!(shown.chars().all(is_harmless));
            proptest::prop_assert_eq!(printable(&shown), shown);
        }
    }
}
