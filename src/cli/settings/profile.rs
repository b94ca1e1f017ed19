//! Profiles of the configuration file: which one is in force, and what of it a command may use.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Layer, variable};
use crate::cli::problem::Problem;
use crate::cli::text_file::{self, FileError};

/// A profile that is in force.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Whether nobody named it for this command: the file's default, or HVR_PROFILE.
    is_ambient: bool,
    layer: Layer,
}

/// What a command uses of a profile.
#[derive(Debug, Clone, Default)]
pub struct Lent {
    /// Its values.
    pub layer: Layer,
    /// The profile, where it tells how the host is reached.
    pub leads: Option<String>,
    /// The profile that was there, and is for another host.
    pub kept_back: Option<String>,
}

impl Profile {
    /// The profile of this name; else the one of HVR_PROFILE, or the default one of the file. None where there is none.
    pub fn find(named: Option<String>) -> Result<Option<Profile>, Problem> {
        let is_ambient = named.is_none();
        let found = read(named.or(variable("HVR_PROFILE")))?;
        Ok(found.map(|(name, layer)| Profile { name, is_ambient, layer }))
    }

    /// Whether a profile would come into force for a command that names none.
    pub fn is_around() -> bool {
        !matches!(Profile::find(None), Ok(None))
    }

    /// Its values, whatever they are used for.
    pub fn layer(&self) -> &Layer {
        &self.layer
    }

    /// For messages.
    pub fn words(&self) -> String {
        match self.is_ambient {
            true => format!("the default profile {}", self.name),
            false => format!("profile {}", self.name),
        }
    }

    /// What it lends to a command whose nearer layers say this. A profile that nobody named has nothing for a host that it
    /// is not about: a user, a password or a pin would be those of another host.
    pub fn lend(&self, nearer: &Layer) -> Lent {
        let is_other = match (&nearer.host, &self.layer.host) {
            (Some(host), Some(own)) => !is_same_host((host, nearer.http), (own, self.layer.http)),
            _ => false,
        };
        if self.is_ambient && is_other {
            return Lent { layer: self.layer.general(), leads: None, kept_back: Some(self.name.clone()) };
        }
        Lent { layer: self.layer.clone(), leads: Some(self.name.clone()), kept_back: None }
    }
}

/// Whether two ways to write a host lead to the same port of the same name.
pub fn is_same_host(one: (&str, Option<bool>), other: (&str, Option<bool>)) -> bool {
    // What does not say its scheme is read by that of the other.
    let place = |(host, http): (&str, Option<bool>), fallback: Option<bool>| {
        let is_http = http.or(fallback).unwrap_or(false);
        let endpoint = match is_http && !host.contains("://") {
            true => crate::transport::Endpoint::http(host),
            false => host.parse(),
        };
        endpoint.ok().map(|endpoint| (endpoint.host().to_ascii_lowercase(), endpoint.port()))
    };
    let fallback = (one.1.or(other.1), other.1.or(one.1));
    match (place(one, fallback.0), place(other, fallback.1)) {
        (Some(one), Some(other)) => one == other,
        _ => one.0.eq_ignore_ascii_case(other.0),
    }
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    /// The profile that is used when none is named.
    default: Option<String>,
    profiles: std::collections::BTreeMap<String, Layer>,
}

/// The profile of this name, or the default one with its name, or none where there is no file.
fn read(name: Option<String>) -> Result<Option<(String, Layer)>, Problem> {
    let Some(path) = config_path() else {
        return match name {
            Some(name) => {
                Err(Problem::usage(format!("there is no place for a configuration file, so no profile {name:?}")))
            }
            None => Ok(None),
        };
    };
    let text = match text_file::read(&path, text_file::MOST_SETTINGS) {
        Ok(text) => text,
        Err(FileError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return match name {
                Some(name) => Err(Problem::usage(format!("no profile {name:?}: there is no file {}", path.display()))),
                None => Ok(None),
            };
        }
        Err(error) => return Err(Problem::usage(format!("cannot read {}: {error}", path.display()))),
    };
    choose_profile(&text, name, &path)
}

fn choose_profile(text: &str, name: Option<String>, path: &Path) -> Result<Option<(String, Layer)>, Problem> {
    let mut file: File = toml::from_str(text).map_err(|error| {
        // The error's own text quotes the line, and a secret may stand there.
        let line = error.span().and_then(|span| text.get(..span.start)).map(|above| above.matches('\n').count() + 1);
        let line = line.map_or_else(String::new, |line| format!(", line {line}"));
        let problem = Problem::usage(format!("{}{line}: {}", path.display(), without_value(error.message())));
        match error.message() {
            message if message.contains("unknown field `password`") => problem.remedy(
                "no password stands in this file: name the file that holds it with password_file, or the program that \
                 writes it with password_command",
            ),
            message if message.contains("expected a sequence") => {
                problem.remedy("a command is a list, without a shell: password_command = [\"pass\", \"show\", \"hvr\"]")
            }
            _ => problem,
        }
    })?;
    let Some(name) = name.or(file.default) else { return Ok(None) };
    let known: Vec<_> = file.profiles.keys().cloned().collect();
    let mut layer = file.profiles.remove(&name).ok_or_else(|| {
        Problem::usage(format!("{} has no profile {name:?}; it has: {}", path.display(), known.join(", ")))
    })?;
    // A relative path is meant from where the file is, wherever the command runs.
    let folder = path.parent().unwrap_or(Path::new(""));
    let named =
        [&mut layer.password_file, &mut layer.ca, &mut layer.keytab, &mut layer.cert, &mut layer.key, &mut layer.state];
    for named in named.into_iter().flatten() {
        *named = folder.join(&*named);
    }
    // A program without a folder is looked for in PATH.
    if let Some(program) = layer.password_command.as_mut().and_then(|words| words.first_mut())
        && Path::new(program.as_str()).components().count() > 1
    {
        *program = folder.join(&*program).display().to_string();
    }
    Ok(Some((name, layer)))
}

/// A message of the reader without the text that it found in the wrong place.
fn without_value(message: &str) -> String {
    match (message.split_once(": string \""), message.rsplit_once("\", expected ")) {
        (Some((kind, _)), Some((_, expected))) => format!("{kind}: a string, expected {expected}"),
        _ => message.to_owned(),
    }
}

/// `$XDG_CONFIG_HOME/hvr/config.toml`, else in the place for configuration of the system.
fn config_path() -> Option<PathBuf> {
    let below_home = |folder: &str| variable("HOME").map(|home| PathBuf::from(home).join(folder));
    let usual = || match std::env::consts::OS {
        "windows" => variable("APPDATA").map(PathBuf::from),
        "macos" => below_home("Library/Application Support"),
        _ => below_home(".config"),
    };
    let base = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(usual);
    base.map(|base| base.join("hvr").join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str, name: Option<&str>) -> Layer {
        choose_profile(text, name.map(str::to_owned), Path::new("config.toml")).unwrap().unwrap().1
    }

    fn default_profile(host: Option<&str>) -> Profile {
        let layer = Layer {
            host: host.map(str::to_owned),
            user: Some("op".to_owned()),
            password_file: Some("secret".into()),
            pin_sha256: Some("aa".to_owned()),
            locale: Some("de-DE".to_owned()),
            ..Layer::default()
        };
        Profile { name: "dr".to_owned(), is_ambient: true, layer }
    }

    fn nearer(host: &str, user: Option<&str>) -> Layer {
        Layer { host: Some(host.to_owned()), user: user.map(str::to_owned), ..Layer::default() }
    }

    #[test]
    fn a_default_profile_lends_nothing_of_its_host_to_another() {
        let profile = default_profile(Some("hv-dr-01"));
        let lent = profile.lend(&nearer("hv-01", None));
        assert_eq!((lent.layer.user, lent.layer.password_file, lent.layer.pin_sha256), (None, None, None));
        assert_eq!((lent.layer.locale.as_deref(), lent.leads), (Some("de-DE"), None));
        assert_eq!(lent.kept_back.as_deref(), Some("dr"));
        for same in ["HV-DR-01", "hv-dr-01:5986", "https://hv-dr-01/wsman"] {
            assert_eq!(profile.lend(&nearer(same, None)).layer.user.as_deref(), Some("op"), "{same}");
        }
        assert_eq!(profile.lend(&nearer("hv-dr-01:5999", None)).layer.user, None, "another port is another host");
        assert_eq!(profile.lend(&Layer::default()).layer.host.as_deref(), Some("hv-dr-01"));
        // One that is for no host in particular is for all, and a named one is what was asked for.
        assert_eq!(default_profile(None).lend(&nearer("hv-01", None)).layer.user.as_deref(), Some("op"));
        let named = Profile { is_ambient: false, ..profile };
        assert_eq!(named.lend(&nearer("hv-01", None)).layer.user.as_deref(), Some("op"));
    }

    #[test]
    fn a_profile_is_chosen_by_name_or_by_default() {
        let text =
            "default = \"a\"\n[profiles.a]\nhost = \"h1\"\ntimeout = \"10m\"\n[profiles.b]\nhost = \"h2\"\nhttp = true";
        let path = Path::new("config.toml");
        assert_eq!(chosen(text, None).host.as_deref(), Some("h1"));
        assert_eq!(chosen(text, Some("b")).http, Some(true));
        let problem = choose_profile(text, Some("c".into()), path).unwrap_err();
        assert!(problem.message.contains("it has: a, b"), "{}", problem.message);
        let problem = choose_profile("[profiles.a]\nhots = \"x\"", None, path).unwrap_err();
        assert!(problem.message.contains("hots") && problem.message.contains("config.toml"), "{}", problem.message);
        assert!(choose_profile("", None, path).unwrap().is_none());
    }

    #[test]
    fn paths_in_a_profile_are_meant_from_its_file() {
        let text =
            "default = \"a\"\n[profiles.a]\npassword_file = \"secret\"\nca = \"/etc/ca.pem\"\nstate = \"journal\"";
        let (_, layer) = choose_profile(text, None, Path::new("conf/hvr/config.toml")).unwrap().unwrap();
        assert_eq!(layer.password_file.as_deref(), Some(Path::new("conf/hvr/secret")));
        assert_eq!(layer.ca.as_deref(), Some(Path::new("/etc/ca.pem")));
        assert_eq!(layer.state.as_deref(), Some(Path::new("conf/hvr/journal")));
        let problem = choose_profile("[profiles.a]\npassword = \"x\"", None, Path::new("c")).unwrap_err();
        assert!(problem.remedy.contains("password_file"), "{problem:?}");
    }
}
