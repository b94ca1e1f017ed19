//! What a command works with: flag before environment before profile before default, merged once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use serde::Deserialize;

use crate::auth::Secret;
use crate::transport::Proxy;

use super::args::{Common, Format};
use super::connect::quoted;
use super::password::PasswordSource;
use super::problem::Problem;
use super::span::Span;
use super::text_file::{self, FileError};

/// How to log in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// The best that the host offers and there are credentials for: Kerberos, NTLM, Basic over verified TLS.
    #[default]
    Auto,
    /// Negotiate: Kerberos where there are tickets or a password of user@realm, else NTLM.
    Negotiate,
    /// Kerberos and nothing else: tickets of kinit, a keytab, or a password.
    Kerberos,
    /// NTLM and nothing else.
    Ntlm,
    /// CredSSP: the host is given the password, and can be the user anywhere. Takes a build with `--features credssp`.
    #[value(name = "credssp")]
    CredSsp,
    /// Basic, over TLS only.
    Basic,
    /// The client certificate of --cert, which the host maps to an account.
    Certificate,
}

/// One source of settings. Also the form of a profile in the configuration file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    pub host: Option<String>,
    pub user: Option<String>,
    pub password_file: Option<PathBuf>,
    /// A program and its arguments; its first line is the password.
    pub password_command: Option<Vec<String>>,
    pub password_keyring: Option<bool>,
    pub auth: Option<Auth>,
    pub keytab: Option<PathBuf>,
    pub spn: Option<String>,
    pub delegate: Option<bool>,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// User and password may stand in it.
    #[serde(deserialize_with = "secret")]
    pub proxy: Option<Secret>,
    pub proxy_from_env: Option<bool>,
    pub http: Option<bool>,
    pub ca: Option<PathBuf>,
    pub pin_sha256: Option<String>,
    pub insecure: Option<bool>,
    pub timeout: Option<Span>,
    pub operation_timeout: Option<Span>,
    pub locale: Option<String>,
    pub state: Option<PathBuf>,
    pub output: Option<Format>,
}

impl Layer {
    /// This layer, what it leaves open taken from the next.
    ///
    /// A way of trusting is one choice: a layer that names a CA is not mixed with the pin of another. One that only
    /// turns `insecure` off leaves the CA or pin below it in force. A URL says its scheme itself, so `http` below it
    /// does not contradict it.
    fn over(self, next: Layer) -> Layer {
        let chooses = self.ca.is_some() || self.pin_sha256.is_some() || self.insecure == Some(true);
        let (ca, pin, insecure) = match chooses {
            true => (self.ca, self.pin_sha256, self.insecure),
            false => (next.ca, next.pin_sha256, self.insecure.or(next.insecure)),
        };
        // A key belongs to its certificate.
        let (cert, key) = match self.cert.is_some() {
            true => (self.cert, self.key),
            false => (next.cert, self.key.or(next.key)),
        };
        // A proxy named nearer counts more than the environment's, and the other way round.
        let (proxy, proxy_from_env) = match self.proxy.is_some() || self.proxy_from_env == Some(true) {
            true => (self.proxy, self.proxy_from_env),
            false => (next.proxy, self.proxy_from_env.or(next.proxy_from_env)),
        };
        let names_scheme = self.host.as_ref().is_some_and(|host| host.contains("://"));
        let http = self.http.or(next.http.filter(|_| !names_scheme));
        Layer {
            host: self.host.or(next.host),
            user: self.user.or(next.user),
            password_file: self.password_file.or(next.password_file),
            password_command: self.password_command.or(next.password_command),
            password_keyring: self.password_keyring.or(next.password_keyring),
            auth: self.auth.or(next.auth),
            keytab: self.keytab.or(next.keytab),
            spn: self.spn.or(next.spn),
            delegate: self.delegate.or(next.delegate),
            cert,
            key,
            proxy,
            proxy_from_env,
            http,
            ca,
            pin_sha256: pin,
            insecure,
            timeout: self.timeout.or(next.timeout),
            operation_timeout: self.operation_timeout.or(next.operation_timeout),
            locale: self.locale.or(next.locale),
            state: self.state.or(next.state),
            output: self.output.or(next.output),
        }
    }
}

/// Which certificate is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustSetting {
    /// The system's roots.
    System,
    /// The certificates in a file.
    Ca(PathBuf),
    /// One certificate.
    Pin(String),
    /// Any.
    Insecure,
}

/// What to go through.
#[derive(Debug, Clone)]
pub enum ProxySetting {
    /// Nothing.
    None,
    /// This proxy; user and password may stand in it.
    Url(Secret),
    /// What the environment says for all programs.
    Environment,
}

/// The settings of a command.
#[derive(Debug, Clone)]
pub struct Settings {
    pub host: Option<String>,
    pub user: Option<String>,
    pub password: PasswordSource,
    pub auth: Auth,
    pub keytab: Option<PathBuf>,
    pub spn: Option<String>,
    pub delegate: bool,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub proxy: ProxySetting,
    pub http: bool,
    pub trust: TrustSetting,
    pub timeout: Option<Duration>,
    pub operation_timeout: Option<Duration>,
    pub locale: Option<String>,
    pub output: Format,
    pub simulate: bool,
    pub scenario: Option<PathBuf>,
    /// Where messages are recorded.
    pub trace: Option<PathBuf>,
    /// Whether names are replaced in what is recorded.
    pub anonymise: bool,
    /// Where the journal is, where somebody has said.
    pub state: Option<PathBuf>,
    pub verbose: u8,
    /// The connection flags as they were typed, for the next command to suggest.
    pub typed: Vec<String>,
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    /// The profile that is used when none is named.
    default: Option<String>,
    profiles: std::collections::BTreeMap<String, Layer>,
}

impl Settings {
    /// Merges flags, environment and profile.
    pub fn gather(common: &Common) -> Result<Settings, Problem> {
        Settings::merge(common, common.layer(), Layer::default(), environment_layer()?, common.profile.clone())
    }

    /// The settings that a run was begun with, where the flags of this command do not say otherwise.
    pub fn recalled(common: &Common, recorded: Layer) -> Result<Settings, Problem> {
        Settings::merge(common, common.layer(), recorded, environment_layer()?, common.profile.clone())
    }

    /// The settings of the primary's host: what its own flags say, and else what those of the named host say; its names
    /// and its certificate are never those of the other.
    pub fn of_primary(common: &Common, nearer: Layer, profile: Option<String>) -> Result<Settings, Problem> {
        let host = nearer.host.clone().or_else(|| variable("HVR_PRIMARY").filter(|_| profile.is_none()));
        if host.is_none() && profile.is_none() {
            return Err(Problem::usage(
                "no primary: give --primary, HVR_PRIMARY or --primary-profile; or --simulate for a rehearsal without hosts",
            ));
        }
        let others = Layer { host: None, pin_sha256: None, spn: None, ..common.layer() };
        let environment = Layer { host: None, pin_sha256: None, spn: None, ..environment_layer()? };
        let flags = Layer { host, ..nearer }.over(others);
        let profile = profile.or(common.profile.clone());
        Settings::merge(common, flags, Layer::default(), environment, profile)
    }

    /// The settings of the primary's host as a run was begun with.
    pub fn recalled_primary(common: &Common, recorded: Layer) -> Result<Settings, Problem> {
        let flags = Layer { host: None, pin_sha256: None, spn: None, ..common.layer() };
        let environment = Layer { host: None, pin_sha256: None, spn: None, ..environment_layer()? };
        Settings::merge(common, flags, recorded, environment, common.profile.clone())
    }

    fn merge(
        common: &Common,
        flags: Layer,
        recorded: Layer,
        environment: Layer,
        profile_name: Option<String>,
    ) -> Result<Settings, Problem> {
        let simulate = common.simulate.or(switch("HVR_SIMULATE")?).unwrap_or(false);
        // A simulated host needs nothing that a profile says, and a broken file must not spoil a rehearsal.
        let profile = match simulate {
            true => Layer::default(),
            false => profile(profile_name.or(variable("HVR_PROFILE")))?,
        };
        if common.proxy.as_deref().and_then(|url| url.parse::<Proxy>().ok()).is_some_and(|proxy| proxy.has_password()) {
            return Err(Problem::usage(
                "a password on the command line is seen by everybody on this machine: give the proxy with HVR_PROXY or in a \
                 profile",
            ));
        }
        let password = match (&flags.password_file, PasswordSource::choose(common, &environment, &profile)?) {
            (Some(file), _) => PasswordSource::File(file.clone()),
            (None, PasswordSource::Prompt) => match (&recorded.password_file, recorded.password_keyring) {
                (Some(file), _) => PasswordSource::File(file.clone()),
                (None, Some(true)) => PasswordSource::Keyring,
                (None, _) => PasswordSource::Prompt,
            },
            (None, source) => source,
        };
        let layer = flags.over(recorded).over(environment).over(profile);
        let scenario = common.scenario.clone().or_else(|| variable("HVR_SCENARIO").map(PathBuf::from));
        let trust = match (layer.insecure.unwrap_or(false), layer.pin_sha256, layer.ca) {
            (false, None, None) => TrustSetting::System,
            (false, None, Some(file)) => TrustSetting::Ca(file),
            (false, Some(pin), None) => TrustSetting::Pin(pin),
            (true, None, None) => TrustSetting::Insecure,
            _ => return Err(Problem::usage("--ca, --pin-sha256 and --insecure exclude each other")),
        };
        let proxy = match (layer.proxy, layer.proxy_from_env.unwrap_or(false)) {
            (Some(_), true) => return Err(Problem::usage("--proxy and --proxy-from-env exclude each other")),
            (Some(url), false) => ProxySetting::Url(url),
            (None, true) => ProxySetting::Environment,
            (None, false) => ProxySetting::None,
        };
        Ok(Settings {
            host: layer.host,
            user: layer.user,
            password,
            auth: layer.auth.unwrap_or_default(),
            keytab: layer.keytab,
            spn: layer.spn,
            delegate: layer.delegate.unwrap_or(false),
            cert: layer.cert,
            key: layer.key,
            proxy,
            http: layer.http.unwrap_or(false),
            trust,
            timeout: layer.timeout.map(|span| span.0),
            operation_timeout: layer.operation_timeout.map(|span| span.0),
            locale: layer.locale,
            output: layer.output.unwrap_or_default(),
            simulate,
            scenario,
            trace: common.trace.clone().or_else(|| variable("HVR_TRACE").map(PathBuf::from)),
            anonymise: common.anonymise.or(switch("HVR_ANONYMISE")?).unwrap_or(false),
            state: layer.state,
            verbose: parsed::<u8>("HVR_VERBOSE", "a number")?.unwrap_or(0),
            typed: typed(common),
        })
    }

    /// A command about the journal, with the state directory where one was typed.
    pub fn journal_command(&self, words: &[&str]) -> String {
        let state = self.typed.iter().position(|word| word == "--state");
        let typed = state.and_then(|place| self.typed.get(place..place + 2)).unwrap_or_default();
        let words = ["hvr", "run"].into_iter().chain(words.iter().copied()).chain(typed.iter().map(String::as_str));
        words.map(quoted).collect::<Vec<_>>().join(" ")
    }

    /// The directory of the journal: the one that was named, else `$XDG_STATE_HOME/hvr`, else in the usual place.
    pub fn state_directory(&self) -> Result<PathBuf, Problem> {
        let usual = || match cfg!(windows) {
            true => variable("LOCALAPPDATA").map(PathBuf::from),
            false => variable("HOME").map(|home| PathBuf::from(home).join(".local/state")),
        };
        // The specification of these directories has relative ones ignored: they would be others in each folder.
        let named = variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let default = || named.or_else(usual).map(|base| base.join("hvr"));
        self.state.clone().or_else(default).ok_or_else(|| {
            Problem::usage("there is no place for the journal: no home directory is known")
                .remedy("name one with --state or HVR_STATE")
        })
    }
}

/// The flags that decide about the connection. Environment and profile hold for the next command by themselves.
fn typed(common: &Common) -> Vec<String> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let auth = common.auth.and_then(|auth| auth.to_possible_value()).map(|auth| auth.get_name().to_owned());
    let pairs = [
        ("-H", common.host.clone()),
        ("-u", common.user.clone()),
        ("--password-file", path(&common.password_file)),
        ("--auth", auth),
        ("--keytab", path(&common.keytab)),
        ("--spn", common.spn.clone()),
        ("--cert", path(&common.cert)),
        ("--key", path(&common.key)),
        ("--proxy", common.proxy.clone()),
        ("--ca", path(&common.ca)),
        ("--pin-sha256", common.pin_sha256.clone()),
        ("--profile", common.profile.clone()),
        ("--scenario", path(&common.scenario)),
        ("--state", path(&common.state)),
    ];
    let switches = [
        ("--password-stdin", common.password_stdin),
        ("--password-keyring", common.password_keyring),
        ("--http", common.http),
        ("--delegate", common.delegate),
        ("--proxy-from-env", common.proxy_from_env),
        ("--insecure", common.insecure),
        ("--simulate", common.simulate),
    ];
    let mut words = Vec::new();
    for (flag, value) in pairs {
        words.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
    }
    for (flag, value) in switches {
        words.extend(value.map(|on| if on { flag.to_owned() } else { format!("{flag}=false") }));
    }
    words
}

fn environment_layer() -> Result<Layer, Problem> {
    Ok(Layer {
        host: variable("HVR_HOST"),
        user: variable("HVR_USER"),
        password_file: variable("HVR_PASSWORD_FILE").map(PathBuf::from),
        // A program to run is for a file that only its owner writes to, not for a variable.
        password_command: None,
        password_keyring: switch("HVR_PASSWORD_KEYRING")?,
        auth: choice("HVR_AUTH")?,
        keytab: variable("HVR_KEYTAB").map(PathBuf::from),
        spn: variable("HVR_SPN"),
        delegate: switch("HVR_DELEGATE")?,
        cert: variable("HVR_CERT").map(PathBuf::from),
        key: variable("HVR_KEY").map(PathBuf::from),
        proxy: variable("HVR_PROXY").map(Secret::from),
        proxy_from_env: switch("HVR_PROXY_FROM_ENV")?,
        http: switch("HVR_HTTP")?,
        ca: variable("HVR_CA").map(PathBuf::from),
        pin_sha256: variable("HVR_PIN_SHA256"),
        insecure: switch("HVR_INSECURE")?,
        timeout: parsed("HVR_TIMEOUT", "a duration such as 90s")?,
        operation_timeout: parsed("HVR_OPERATION_TIMEOUT", "a duration such as 90s")?,
        locale: variable("HVR_LOCALE"),
        state: variable("HVR_STATE").map(PathBuf::from),
        output: choice("HVR_OUTPUT")?,
    })
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Secret::from))
}

/// An empty variable is none.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn parsed<T: std::str::FromStr>(name: &str, expected: &str) -> Result<Option<T>, Problem> {
    let Some(text) = variable(name) else { return Ok(None) };
    let value = text.parse().map_err(|_| Problem::usage(format!("{name} is {text:?}, which is not {expected}")))?;
    Ok(Some(value))
}

pub(super) fn switch(name: &str) -> Result<Option<bool>, Problem> {
    match variable(name).as_deref() {
        None => Ok(None),
        Some("1" | "true" | "yes" | "on") => Ok(Some(true)),
        Some("0" | "false" | "no" | "off") => Ok(Some(false)),
        Some(other) => Err(Problem::usage(format!("{name} is {other:?}, which is neither true nor false"))),
    }
}

fn choice<T: ValueEnum>(name: &str) -> Result<Option<T>, Problem> {
    let Some(text) = variable(name) else { return Ok(None) };
    let value = T::from_str(&text, true).map_err(|_| {
        let known: Vec<_> = T::value_variants().iter().filter_map(|value| value.to_possible_value()).collect();
        let known: Vec<_> = known.iter().map(|value| value.get_name()).collect();
        Problem::usage(format!("{name} is {text:?}; it takes {}", known.join(", ")))
    })?;
    Ok(Some(value))
}

/// The profile of this name, or the default one, or an empty layer where there is no file.
fn profile(name: Option<String>) -> Result<Layer, Problem> {
    let Some(path) = config_path() else {
        return match name {
            Some(name) => {
                Err(Problem::usage(format!("there is no place for a configuration file, so no profile {name:?}")))
            }
            None => Ok(Layer::default()),
        };
    };
    let text = match text_file::read(&path, text_file::MOST_SETTINGS) {
        Ok(text) => text,
        Err(FileError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return match name {
                Some(name) => Err(Problem::usage(format!("no profile {name:?}: there is no file {}", path.display()))),
                None => Ok(Layer::default()),
            };
        }
        Err(error) => return Err(Problem::usage(format!("cannot read {}: {error}", path.display()))),
    };
    choose_profile(&text, name, &path)
}

fn choose_profile(text: &str, name: Option<String>, path: &Path) -> Result<Layer, Problem> {
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
    let Some(name) = name.or(file.default) else { return Ok(Layer::default()) };
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
    Ok(layer)
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

    #[test]
    fn a_profile_is_chosen_by_name_or_by_default() {
        let text =
            "default = \"a\"\n[profiles.a]\nhost = \"h1\"\ntimeout = \"10m\"\n[profiles.b]\nhost = \"h2\"\nhttp = true";
        let path = Path::new("config.toml");
        assert_eq!(choose_profile(text, None, path).unwrap().host.as_deref(), Some("h1"));
        assert_eq!(choose_profile(text, Some("b".into()), path).unwrap().http, Some(true));
        let problem = choose_profile(text, Some("c".into()), path).unwrap_err();
        assert!(problem.message.contains("it has: a, b"), "{}", problem.message);
        let problem = choose_profile("[profiles.a]\nhots = \"x\"", None, path).unwrap_err();
        assert!(problem.message.contains("hots") && problem.message.contains("config.toml"), "{}", problem.message);
        assert!(choose_profile("", None, path).unwrap().host.is_none());
    }

    #[test]
    fn a_nearer_layer_wins_and_ways_of_trusting_are_not_mixed() {
        let flags = Layer { pin_sha256: Some("aa".into()), ..Layer::default() };
        let profile = Layer { ca: Some("ca.pem".into()), host: Some("h".into()), ..Layer::default() };
        let merged = flags.over(profile);
        assert_eq!((merged.pin_sha256.as_deref(), merged.ca, merged.host.as_deref()), (Some("aa"), None, Some("h")));
    }

    #[test]
    fn turning_insecure_off_keeps_the_pin_below_it() {
        let off = || Layer { insecure: Some(false), ..Layer::default() };
        let pinned = off().over(Layer { pin_sha256: Some("aa".into()), ..Layer::default() });
        assert_eq!((pinned.pin_sha256.as_deref(), pinned.insecure), (Some("aa"), Some(false)));
        let insecure = Layer { insecure: Some(true), ..Layer::default() };
        assert_eq!(off().over(insecure).insecure, Some(false));
    }

    #[test]
    fn a_url_says_its_scheme_itself() {
        let http = || Layer { host: Some("below".into()), http: Some(true), ..Layer::default() };
        let named = |host: &str| Layer { host: Some(host.into()), ..Layer::default() };
        assert_eq!(named("https://h").over(http()).http, None);
        assert_eq!(named("h").over(http()).http, Some(true));
        let merged = Layer::default().over(named("https://h")).over(http());
        assert_eq!((merged.host.as_deref(), merged.http), (Some("https://h"), None));
    }

    #[test]
    fn paths_in_a_profile_are_meant_from_its_file() {
        let text =
            "default = \"a\"\n[profiles.a]\npassword_file = \"secret\"\nca = \"/etc/ca.pem\"\nstate = \"journal\"";
        let layer = choose_profile(text, None, Path::new("conf/hvr/config.toml")).unwrap();
        assert_eq!(layer.password_file.as_deref(), Some(Path::new("conf/hvr/secret")));
        assert_eq!(layer.ca.as_deref(), Some(Path::new("/etc/ca.pem")));
        assert_eq!(layer.state.as_deref(), Some(Path::new("conf/hvr/journal")));
        let problem = choose_profile("[profiles.a]\npassword = \"x\"", None, Path::new("c")).unwrap_err();
        assert!(problem.remedy.contains("password_file"), "{problem:?}");
    }
}
