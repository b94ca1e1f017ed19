//! The way to a host: every option that decides where a command acts, as it would be typed. Read from the definition of
//! the command line itself, so that an option that is new there is carried without another list.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, ValueHint, parser::ValueSource};
use serde_json::Value;

use super::args::Common;
use super::printed::arguments;

/// Options that say how a command works and what it prints, not where it acts.
pub const NOT_DECIDING: [&str; 8] =
    ["trace", "anonymise", "timeout", "operation_timeout", "locale", "max_list", "output", "verbose"];

/// Told by [`Way`] itself, whatever was typed: which profile is in force.
pub const PROFILE: [&str; 2] = ["profile", "no_profile"];

/// Of each of these only the nearest layer counts that has one of the first: the rest belongs to it.
const CHOICES: [(&[&str], &[&str]); 4] = [
    (&["ca", "pin_sha256", "insecure"], &["ca", "pin_sha256", "insecure"]),
    (&["proxy", "proxy_from_env"], &["proxy", "proxy_from_env"]),
    (
        &["password_file", "password_stdin", "password_keyring"],
        &["password_file", "password_stdin", "password_keyring"],
    ),
    (&["cert"], &["cert", "key"]),
];

/// One option as it would be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The name of its field, such as `pin_sha256`.
    pub id: String,
    /// Its value; a switch has `true` or `false`.
    pub value: Option<String>,
}

/// The options that lead to a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way(Vec<Given>);

impl Way {
    /// The options that were typed.
    pub fn typed(matches: &ArgMatches) -> Way {
        let typed = |argument: &Arg| {
            let id = argument.get_id().as_str();
            let is_typed = matches.value_source(id) == Some(ValueSource::CommandLine);
            let mut raw = matches.get_raw(id).filter(|_| is_typed)?;
            let value = raw.next_back()?.to_string_lossy().into_owned();
            Some(Given { id: id.to_owned(), value: Some(wherever(argument, value)) })
        };
        Way(deciding().iter().filter_map(typed).collect())
    }

    /// The options that the environment gives; `read` is what it has of a variable.
    pub fn of_environment(read: impl Fn(&str) -> Option<String>) -> Way {
        let given = |argument: &Arg| {
            let value = read(&variable_of(argument.get_id().as_str()))?;
            let value = match (is_switch(argument), value.as_str()) {
                (true, "1" | "true" | "yes" | "on") => "true".to_owned(),
                (true, _) => "false".to_owned(),
                (false, _) => wherever(argument, value),
            };
            Some(Given { id: argument.get_id().as_str().to_owned(), value: Some(value) })
        };
        Way(deciding().iter().filter_map(given).collect())
    }

    /// The options in an object that has their names: what the journal keeps.
    pub fn of_record(record: &Value) -> Way {
        let given = |argument: &Arg| {
            let id = argument.get_id().as_str();
            let value = match record.get(id)? {
                Value::String(text) => text.clone(),
                // What is off need not be said.
                Value::Bool(true) => "true".to_owned(),
                _ => return None,
            };
            Some(Given { id: id.to_owned(), value: Some(value) })
        };
        Way(deciding().iter().filter_map(given).collect())
    }

    /// The options.
    pub fn options(&self) -> &[Given] {
        &self.0
    }

    /// The value of one.
    pub fn value(&self, id: &str) -> Option<&str> {
        self.0.iter().find(|given| given.id == id)?.value.as_deref()
    }

    /// Without some.
    #[must_use]
    pub fn without(mut self, ids: &[&str]) -> Way {
        self.0.retain(|given| !ids.contains(&given.id.as_str()));
        self
    }

    /// Only some.
    #[must_use]
    pub fn only(mut self, ids: &[&str]) -> Way {
        self.0.retain(|given| ids.contains(&given.id.as_str()));
        self
    }

    /// With this value in place of what was said before.
    #[must_use]
    pub fn with(mut self, id: &str, value: Option<String>) -> Way {
        let Some(value) = value else { return self };
        match self.0.iter_mut().find(|given| given.id == id) {
            Some(given) => given.value = Some(value),
            None => self.0.push(Given { id: id.to_owned(), value: Some(value) }),
        }
        self.in_order()
    }

    /// These options, what they leave open taken from the next layer; a choice of one layer is not mixed with the next.
    #[must_use]
    pub fn over(self, next: Way) -> Way {
        let has = |ids: &[&str]| ids.iter().any(|id| self.0.iter().any(|given| given.id == *id));
        let chosen: BTreeSet<_> = CHOICES.iter().filter(|(heads, _)| has(heads)).flat_map(|(_, all)| *all).collect();
        let is_open = |given: &Given| !has(&[given.id.as_str()]) && !chosen.contains(&given.id.as_str());
        let names_scheme = self.value("host").is_some_and(|host| host.contains("://"));
        let rest = next.0.iter().filter(|given| is_open(given) && !(names_scheme && given.id == "http")).cloned();
        let all = self.0.iter().cloned().chain(rest).collect();
        Way(all).in_order()
    }

    /// In the order of the command line's help.
    fn in_order(mut self) -> Way {
        let order = arguments_of_connection();
        let place = |given: &Given| order.iter().position(|argument| argument.get_id() == given.id.as_str());
        self.0.sort_by_key(place);
        self
    }
}

/// The options of one command.
pub struct Table(Vec<Arg>);

impl Table {
    /// Those of the command by its words.
    pub fn of(root: &Command, verb: &[String]) -> Table {
        let mut found = root;
        for word in verb {
            found = found.find_subcommand(word).unwrap_or(found);
        }
        // Those of the connection are options of every command.
        Table(found.get_arguments().cloned().chain(arguments_of_connection()).collect())
    }

    /// An option and its value as arguments; nothing where the command has no such option.
    pub fn arguments(&self, id: &str, value: Option<&str>) -> Vec<String> {
        let Some(argument) = self.0.iter().find(|argument| argument.get_id() == id) else { return Vec::new() };
        let long = argument.get_long().map(|long| format!("--{long}"));
        let flag = argument.get_short().map(|short| format!("-{short}")).or(long).unwrap_or_default();
        match (is_switch(argument), value) {
            (true, Some("true") | None) => arguments(&flag, None),
            (true, Some(value)) => vec![format!("{flag}={value}")],
            (false, value) => arguments(&flag, value),
        }
    }
}

/// The variable that gives an option.
pub fn variable_of(id: &str) -> String {
    format!("HVR_{}", id.to_ascii_uppercase())
}

fn deciding() -> Vec<Arg> {
    let mut all = arguments_of_connection();
    all.retain(|argument| {
        let id = argument.get_id().as_str();
        !NOT_DECIDING.contains(&id) && !PROFILE.contains(&id)
    });
    all
}

fn arguments_of_connection() -> Vec<Arg> {
    Common::augment_args(Command::default()).get_arguments().cloned().collect()
}

/// A value that means the same in another folder.
fn wherever(argument: &Arg, value: String) -> String {
    match argument.get_value_hint() {
        ValueHint::AnyPath => absolute(Path::new(&value)),
        _ => value,
    }
}

/// A file as it is named in any folder.
pub fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// A switch that may be turned off: `--http`, `--http=false`.
fn is_switch(argument: &Arg) -> bool {
    let takes_none = argument.get_num_args().is_some_and(|range| range.min_values() == 0);
    takes_none || matches!(argument.get_action(), ArgAction::SetTrue | ArgAction::SetFalse)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches};

    use super::*;
    use crate::cli::args::Cli;

    /// A command line that gives every option of the connection, one at a time.
    fn typed(flag: &[String]) -> Way {
        let words = ["hvr", "status"].into_iter().map(str::to_owned).chain(flag.iter().cloned());
        Way::typed(&Cli::command().try_get_matches_from(words).unwrap())
    }

    fn example(argument: &Arg) -> String {
        let possible = argument.get_possible_values();
        match argument.get_id().as_str() {
            "timeout" | "operation_timeout" => "90s".to_owned(),
            // Read by a parser of its own, where it has one.
            "namespace" => "root/cimv2".to_owned(),
            "base" => "dmtf".to_owned(),
            "max_list" => "64".to_owned(),
            _ => possible.first().map_or_else(|| "/a b's".to_owned(), |value| value.get_name().to_owned()),
        }
    }

    #[test]
    fn every_option_of_the_connection_is_carried_or_named_as_not_deciding() {
        let table = Table(arguments_of_connection());
        for argument in arguments_of_connection() {
            let id = argument.get_id().as_str();
            let value = if is_switch(&argument) { "false".to_owned() } else { example(&argument) };
            let is_count = matches!(argument.get_action(), ArgAction::Count);
            let flag = table.arguments(id, if is_count { None } else { Some(&value) });
            let carried = typed(&flag);
            let is_left_out = NOT_DECIDING.contains(&id) || PROFILE.contains(&id);
            match is_left_out {
                true => assert_eq!(carried, Way::default(), "{id}"),
                false => assert_eq!(carried.value(id), Some(value.as_str()), "{id} is not carried"),
            }
            // What is printed reads back as the same.
            let again: Vec<_> = carried
                .options()
                .iter()
                .flat_map(|option| table.arguments(&option.id, option.value.as_deref()))
                .collect();
            assert_eq!(typed(&again), carried, "{id}");
            // The environment gives the same by the variable that the help names.
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&variable_of(id)), "{id}: the help names no {}", variable_of(id));
            let of_environment = Way::of_environment(|name| (name == variable_of(id)).then(|| value.clone()));
            assert_eq!(of_environment, carried, "{id}");
        }
        for id in NOT_DECIDING.iter().chain(&PROFILE) {
            assert!(table.0.iter().any(|argument| argument.get_id() == *id), "{id} is no option any more");
        }
    }

    #[test]
    fn options_of_the_primary_are_those_of_the_host() {
        let reverse = Table::of(&Cli::command(), &["reverse".to_owned()]);
        let primary = Way::default().with("host", Some("hv-01".to_owned())).with("pin_sha256", Some("aa".to_owned()));
        let host = Way::default().with("host", Some("hv-dr-01".to_owned()));
        let printed = crate::cli::printed::Printed::of(&["reverse"]).by(&host).with_primary(&host, &primary);
        assert_eq!(printed.line(), "hvr reverse -H hv-dr-01 --primary hv-01 --primary-pin-sha256 aa");
        let words = printed.line();
        let words = words.split(' ').chain(["vm"]);
        let matches = Cli::command().try_get_matches_from(words).unwrap();
        assert!(Cli::from_arg_matches(&matches).is_ok());
        assert!(reverse.arguments("primary_spn", Some("x")).is_empty(), "no such option, and none is made up");
    }

    #[test]
    fn a_choice_of_one_layer_is_not_mixed_with_the_next() {
        let given = |id: &str| Way::default().with(id, Some("x".to_owned()));
        assert_eq!(given("ca").over(given("pin_sha256")), given("ca"));
        assert_eq!(given("password_stdin").over(given("password_file")), given("password_stdin"));
        assert_eq!(given("cert").over(given("key")), given("cert"));
        assert_eq!(given("key").over(given("cert")).options().len(), 2);
        let https = Way::default().with("host", Some("https://h".to_owned()));
        assert_eq!(https.clone().over(Way::default().with("http", Some("true".to_owned()))), https);
    }
}
