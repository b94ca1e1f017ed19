//! A command that is printed for the operator to run next: it names everything that decides where it acts, is quoted for
//! the shell, and stands between backticks, so that it can be told from the words around it and pasted as it is.

use std::fmt::{self, Write};

use clap::CommandFactory;

use super::args::Cli;
use super::output::printable;
use super::way::{Table, Way};

/// A command line to run next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// The command, such as `run resume`.
    verb: Vec<String>,
    /// What stands by position, such as the VM.
    operands: Vec<String>,
    /// Options with their values, written as arguments.
    options: Vec<String>,
}

impl Printed {
    /// A command by its words, such as `["run", "resume"]`.
    pub fn of(verb: &[&str]) -> Printed {
        let verb = verb.iter().map(|word| (*word).to_owned()).collect();
        Printed { verb, operands: Vec::new(), options: Vec::new() }
    }

    /// With an argument by position: a name, an id, a reference.
    #[must_use]
    pub fn operand(mut self, operand: impl Into<String>) -> Printed {
        self.operands.push(operand.into());
        self
    }

    /// With a switch.
    #[must_use]
    pub fn switch(mut self, flag: &str) -> Printed {
        self.options.push(flag.to_owned());
        self
    }

    /// With an option and its value.
    #[must_use]
    pub fn option(mut self, flag: &str, value: &str) -> Printed {
        self.options.extend(arguments(flag, Some(value)));
        self
    }

    /// With what leads to the host: those options that the command has.
    #[must_use]
    pub fn by(mut self, way: &Way) -> Printed {
        let table = Table::of(&Cli::command(), &self.verb);
        self.options
            .extend(way.options().iter().flat_map(|option| table.arguments(&option.id, option.value.as_deref())));
        self
    }

    /// With what leads to the primary's host, where the command has a primary: what is not as for the host itself.
    #[must_use]
    pub fn with_primary(mut self, host: &Way, primary: &Way) -> Printed {
        let table = Table::of(&Cli::command(), &self.verb);
        for option in primary.options() {
            let id = match option.id.as_str() {
                "host" => "primary".to_owned(),
                id => format!("primary_{id}"),
            };
            if option.id == "host" || !host.options().contains(option) {
                self.options.extend(table.arguments(&id, option.value.as_deref()));
            }
        }
        self
    }

    /// The words as a shell takes them, without the backticks.
    pub fn line(&self) -> String {
        let head = ["hvr".to_owned()].into_iter().chain(self.verb.iter().cloned());
        // A name that begins with a dash would be read as an option.
        let is_like_an_option = self.operands.iter().any(|operand| operand.len() > 1 && operand.starts_with('-'));
        let words: Vec<_> = match is_like_an_option {
            false => head.chain(self.operands.iter().cloned()).chain(self.options.iter().cloned()).collect(),
            true => {
                let end = std::iter::once("--".to_owned()).chain(self.operands.iter().cloned());
                head.chain(self.options.iter().cloned()).chain(end).collect()
            }
        };
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.line())
    }
}

/// An option and its value as arguments. One that begins with a dash is joined to its option.
pub fn arguments(flag: &str, value: Option<&str>) -> Vec<String> {
    match value {
        None => vec![flag.to_owned()],
        Some(value) if value.starts_with('-') && flag.starts_with("--") => vec![format!("{flag}={value}")],
        Some(value) if value.starts_with('-') => vec![format!("{flag}{value}")],
        Some(value) => vec![flag.to_owned(), value.to_owned()],
    }
}

/// What completes a command that a text names by its words alone.
#[derive(Debug, Clone, Copy)]
pub struct Completing<'c> {
    /// The way to the host.
    pub host: &'c Way,
    /// The way to the primary's host.
    pub primary: Option<&'c Way>,
    /// The way to the journal.
    pub journal: &'c Way,
    /// The VM that the text is about.
    pub vm: Option<&'c str>,
}

impl Completing<'_> {
    /// A text with each command in it completed. It stands there between backticks, by its words: `hvr status`, or with
    /// `@primary` behind them for the host of the primary. One that names its host already stays as it is.
    pub fn complete(&self, text: &str) -> String {
        let mut completed = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, command, after)) = next_command(rest) {
            completed.push_str(before);
            match self.command(command) {
                Some(printed) => completed.push_str(&printed.to_string()),
                None => drop(write!(completed, "`{command}`")),
            }
            rest = after;
        }
        completed.push_str(rest);
        completed
    }

    /// The whole command; none where it is whole already, or not one of ours.
    fn command(&self, line: &str) -> Option<Printed> {
        let mut words = line.split_ascii_whitespace().skip(1).peekable();
        if line.contains(['\'', '"']) || line.contains(" -H ") || line.contains("--state") {
            return None;
        }
        let mut found = &Cli::command();
        let mut verb = Vec::new();
        while let Some(below) = words.peek().and_then(|word| found.find_subcommand(word)) {
            verb.push(below.get_name().to_owned());
            found = below;
            words.next();
        }
        let is_of_journal = verb.first().is_some_and(|verb| verb == "run");
        let is_of_no_host = verb.first().is_none_or(|verb| NEED_NO_HOST.contains(&verb.as_str()));
        if is_of_no_host && !is_of_journal {
            return None;
        }
        let mut printed = Printed { verb, operands: Vec::new(), options: Vec::new() };
        let mut way = if is_of_journal { self.journal } else { self.host };
        let mut is_exchanged = false;
        for word in words {
            match word {
                "@primary" => way = self.primary.unwrap_or(way),
                "@exchanged" => is_exchanged = true,
                word if word.starts_with('-') => printed.options.push(word.to_owned()),
                word => printed.operands.push(word.to_owned()),
            }
        }
        let takes_vm = found.get_positionals().any(|positional| ["vm", "vms"].contains(&positional.get_id().as_str()));
        if let Some(vm) = self.vm.filter(|_| takes_vm && printed.operands.is_empty()) {
            printed.operands.push(vm.to_owned());
        }
        Some(match self.primary.filter(|_| is_exchanged) {
            Some(primary) => printed.by(primary).with_primary(primary, self.host),
            None => printed.by(way),
        })
    }
}

/// Commands that act on no host.
const NEED_NO_HOST: [&str; 6] = ["completions", "man", "run", "schema", "simulate", "trace"];

/// The next command in a text, what stands before it and what after: from one backtick to the next that is not quoted.
pub fn next_command(text: &str) -> Option<(&str, &str, &str)> {
    let (before, from) = text.split_once("`hvr ").map(|(before, _)| text.split_at(before.len()))?;
    let from = from.strip_prefix('`')?;
    let (mut quote, mut is_escaped) = (None, false);
    for (place, character) in from.char_indices() {
        if std::mem::take(&mut is_escaped) {
            continue;
        }
        match (character, quote) {
            ('\\', None) => is_escaped = true,
            ('\'' | '"', None) => quote = Some(character),
            (character, Some(open)) if character == open => quote = None,
            ('`', None) => {
                let (command, after) = from.split_at(place);
                return Some((before, command, after.strip_prefix('`')?));
            }
            _ => {}
        }
    }
    None
}

/// A word as the shell of this system takes it.
pub fn quoted(word: &str) -> String {
    match cfg!(windows) {
        true => for_windows(word),
        false => for_sh(word),
    }
}

/// A word for a shell of POSIX. What a terminal could not show as it is goes through `printf`.
fn for_sh(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    // An equals sign in front means a program to zsh.
    let is_safe = !word.is_empty() && !word.starts_with('=') && word.chars().all(is_plain);
    if is_safe {
        return word.to_owned();
    }
    if printable(word) == word && !word.contains('\n') {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let escaped = word.bytes().fold(String::new(), |mut shown, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'-' | b'_' | b'.' => shown.push(char::from(byte)),
            other => drop(write!(shown, "\\{other:03o}")),
        }
        shown
    });
    format!("\"$(printf -- '{escaped}')\"")
}

/// A word for PowerShell and for cmd.exe, as far as one form serves both: in double quotes, where PowerShell would not
/// read a variable into them.
fn for_windows(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:\\+=".contains(c) || c == '@';
    let is_safe = !word.is_empty() && !word.starts_with('@') && word.chars().all(is_plain);
    match is_safe {
        true => word.to_owned(),
        false if word.contains(['$', '`', '"']) => format!("'{}'", word.replace('\'', "''")),
        // A backslash before the closing quote would take it for the word.
        false => {
            let tail = word.len() - word.trim_end_matches('\\').len();
            format!("\"{word}{}\"", "\\".repeat(tail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_an_option_stands_behind_two_dashes() {
        let command = Printed::of(&["commit"]).operand("-vm").option("-u", "op");
        assert_eq!(command.line(), "hvr commit -u op -- -vm");
        assert_eq!(Printed::of(&["commit"]).operand("vm").option("--note", "-x").line(), "hvr commit vm --note=-x");
    }

    #[test]
    fn a_text_has_its_commands_completed() {
        let host = Way::default().with("host", Some("hv-dr-01".to_owned())).with("user", Some("D\\op".to_owned()));
        let primary = Way::default().with("host", Some("hv-01".to_owned()));
        let journal = Way::default().with("state", Some("/x y".to_owned()));
        let completing =
            Completing { host: &host, primary: Some(&primary), journal: &journal, vm: Some("it's `a` vm") };
        let completed = |text: &str| completing.complete(text);
        assert_eq!(
            completed("start it (`hvr start`), or look: `hvr status --all`"),
            "start it (`hvr start 'it'\\''s `a` vm' -H hv-dr-01 -u 'D\\op'`), or look: `hvr status 'it'\\''s `a` vm' --all \
             -H hv-dr-01 -u 'D\\op'`"
        );
        assert_eq!(completed("`hvr stop x @primary`"), "`hvr stop x -H hv-01`");
        assert_eq!(completed("`hvr run list`"), "`hvr run list --state '/x y'`");
        for whole in ["`hvr schema list`", "`hvr status vm -H h`", "no `command`", "an open `hvr status"] {
            assert_eq!(completed(whole), whole);
        }
        let twice = format!("{} and {0}", completed("`hvr start`"));
        assert_eq!(completed(&twice), twice);
        let (_, first, rest) = next_command(&twice).unwrap();
        assert_eq!(next_command(rest).map(|(_, second, _)| second), Some(first));
    }

    #[test]
    fn windows_quotes_with_what_both_shells_take() {
        assert_eq!(for_windows("app-db-01"), "app-db-01");
        assert_eq!(for_windows("CONTOSO\\op"), "CONTOSO\\op");
        assert_eq!(for_windows("my vm"), "\"my vm\"");
        assert_eq!(for_windows("C:\\my state\\"), "\"C:\\my state\\\\\"");
        assert_eq!(for_windows("a$b's"), "'a$b''s'");
    }

    #[cfg(unix)]
    proptest::proptest! {
        #![proptest_config(crate::properties::cases(64))]
        #[test]
        fn a_real_shell_reads_every_word_back(word in "[^\\x00]{0,12}[^\\x00\\n]") {
            let output = std::process::Command::new("sh").arg("-c").arg(format!("printf %s {}", for_sh(&word))).output();
            proptest::prop_assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), word);
        }
    }
}
