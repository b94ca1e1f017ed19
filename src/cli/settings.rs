//! What a command works with: flag before environment before profile before default, merged once.

mod origin;
mod profile;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde::Deserialize;

use crate::auth::Secret;
use crate::transport::Proxy;

use super::args::{Common, Format};
use super::base::{self, Addressing, Base};
use super::password::PasswordSource;
use super::printed::{Completing, Printed};
use super::problem::Problem;
use super::span::Span;
use super::way::{Way, absolute};
use super::workflow::Recorded;

pub use origin::Origins;
pub use profile::{Profile, is_same_host};

use origin::From;
use profile::Lent;

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
    pub max_list: Option<u32>,
    pub base: Option<Base>,
    pub namespace: Option<String>,
    pub cimnamespace: Option<bool>,
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
            max_list: self.max_list.or(next.max_list),
            base: self.base.or(next.base),
            namespace: self.namespace.or(next.namespace),
            cimnamespace: self.cimnamespace.or(next.cimnamespace),
            state: self.state.or(next.state),
            output: self.output.or(next.output),
        }
    }
}

impl Layer {
    /// Only what is said of no host: how long to wait, in which language, where the journal is, how to print.
    fn general(&self) -> Layer {
        Layer {
            timeout: self.timeout,
            operation_timeout: self.operation_timeout,
            locale: self.locale.clone(),
            max_list: self.max_list,
            state: self.state.clone(),
            output: self.output,
            ..Layer::default()
        }
    }

    /// Without what is said of one host and of no other.
    fn of_any_host(self) -> Layer {
        Layer { host: None, pin_sha256: None, spn: None, ..self }
    }

    /// What its own options say of the primary, by the names that a host's have.
    fn way(&self) -> Way {
        let file = |file: &Option<PathBuf>| file.as_deref().map(absolute);
        Way::default()
            .with("host", self.host.clone())
            .with("user", self.user.clone())
            .with("password_file", file(&self.password_file))
            .with("ca", file(&self.ca))
            .with("pin_sha256", self.pin_sha256.clone())
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
    /// Most MiB that one list of the host may take.
    pub max_list: Option<u32>,
    /// How classes are addressed.
    pub addressing: Addressing,
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
    /// The way to the host, for the next command to suggest.
    pub way: Way,
    /// Where the values came from.
    pub origins: Origins,
}

impl Settings {
    /// Merges flags, environment and profile.
    pub fn gather(common: &Common) -> Result<Settings, Problem> {
        let environment = environment_layer()?;
        let profile = match is_simulated(common)? {
            // A simulated host needs nothing that a profile says, and a broken file must not spoil a rehearsal.
            true => None,
            false => profile_of(common, None)?,
        };
        let nearer = common.layer().over(environment.clone());
        let lent = profile.as_ref().map(|profile| profile.lend(&nearer)).unwrap_or_default();
        let of_profile = profile.as_ref().map(Profile::words);
        let password = PasswordSource::choose(common, &environment, &lent.layer, of_profile.as_deref())?;
        let layers = [
            (common.layer(), From::Flag),
            (environment, From::Environment),
            (lent.layer.clone(), From::Named(of_profile.unwrap_or_default())),
        ];
        let way = common.typed.clone().over(Way::of_environment(variable));
        Settings::merge(common, layers, password, (way, lent))
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
        let environment = environment_layer()?;
        let (lent, of_profile) = match profile {
            Some(name) => {
                let found = profile_of(common, Some(name))?;
                let words = found.as_ref().map(Profile::words);
                (
                    found.map(|found| found.lend(&Layer { host: host.clone(), ..nearer.clone() })).unwrap_or_default(),
                    words,
                )
            }
            // What the host is given of a profile is given its primary, too.
            None => {
                let found = profile_of(common, None)?;
                let others = common.layer().over(environment.clone());
                let lent = found.as_ref().map(|found| found.lend(&others)).unwrap_or_default();
                let layer = lent.layer.clone().of_any_host();
                (Lent { layer, ..lent }, found.as_ref().map(Profile::words))
            }
        };
        let own = Layer { host, ..nearer };
        let flags = own.clone().over(common.layer().of_any_host());
        let environment = environment.of_any_host();
        let password = match &own.password_file {
            Some(file) => (PasswordSource::File(file.clone()), "--primary-password-file".to_owned()),
            None => PasswordSource::choose(common, &environment, &lent.layer, of_profile.as_deref())?,
        };
        let typed = common.typed.clone().without(&OF_ONE_HOST);
        let way = own.way().over(typed).over(Way::of_environment(variable).without(&OF_ONE_HOST));
        let layers = [
            (flags, From::PrimaryFlag),
            (environment, From::Environment),
            (lent.layer.clone(), From::Named(of_profile.unwrap_or_default())),
        ];
        Settings::merge(common, layers, password, (way, lent))
    }

    /// The settings that a run was begun with, where the flags of this command do not say otherwise. What it was begun
    /// with is complete: neither environment nor default profile say how its hosts are reached.
    pub fn recalled(common: &Common, recorded: &Recorded) -> Result<Settings, Problem> {
        Settings::remembered(common, recorded, common.layer(), common.typed.clone())
    }

    /// The settings of the primary's host as a run was begun with.
    pub fn recalled_primary(common: &Common, recorded: &Recorded) -> Result<Settings, Problem> {
        let typed = common.typed.clone().without(&OF_ONE_HOST);
        Settings::remembered(common, recorded, common.layer().of_any_host(), typed)
    }

    fn remembered(common: &Common, recorded: &Recorded, flags: Layer, typed: Way) -> Result<Settings, Problem> {
        let environment = environment_layer()?;
        let named = match &common.profile {
            Some(name) => profile_of(common, Some(name.clone()))?,
            None => None,
        };
        // A profile that is named for this command is for the host of the run, or it is a mistake.
        if let (Some(profile), Some(host)) = (&named, flags.host.as_deref().or(recorded.layer.host.as_deref()))
            && let Some(own) = &profile.layer().host
            && !is_same_host((own, profile.layer().http), (host, recorded.layer.http))
        {
            return Err(Problem::usage(format!("profile {} is for {own}, and the run is on {host}", profile.name))
                .remedy("leave --profile out: the journal knows how the run reached its hosts"));
        }
        let of_profile = named.as_ref().map(Profile::words);
        let nearer = named.as_ref().map(|profile| Layer { host: None, http: None, ..profile.layer().clone() });
        let nearer = flags.clone().over(nearer.unwrap_or_default());
        let profile_layer = named.as_ref().map(|profile| profile.lend(&flags).layer).unwrap_or_default();
        let password = recorded.password(common, &nearer, &environment, &profile_layer, of_profile.as_deref())?;
        // A profile by default says where the journal is and how things are printed, and nothing of a host.
        let general = profile_of(common, None)?.map(|profile| profile.layer().general()).unwrap_or_default();
        let layers = [
            (nearer, From::Flag),
            (recorded.layer.clone(), From::Journal),
            (environment.general().over(general), From::Environment),
        ];
        let way = typed.over(recorded.way.clone()).over(Way::of_environment(variable).only(&["state"]));
        let leads = named.map(|profile| profile.name).or_else(|| recorded.profile_of_password());
        Settings::merge(common, layers, password, (way, Lent { leads, ..Lent::default() }))
    }

    fn merge(
        common: &Common,
        layers: [(Layer, From); 3],
        (password, password_from): (PasswordSource, String),
        (way, lent): (Way, Lent),
    ) -> Result<Settings, Problem> {
        let simulate = is_simulated(common)?;
        if common.proxy.as_deref().and_then(|url| url.parse::<Proxy>().ok()).is_some_and(|proxy| proxy.has_password()) {
            return Err(Problem::usage(
                "a password on the command line is seen by everybody on this machine: give the proxy with HVR_PROXY or in a \
                 profile",
            ));
        }
        let way = led(way, &lent);
        let origins = Origins::of(&layers, password_from).keeping_back(lent.kept_back);
        let [flags, middle, last] = layers.map(|(layer, _)| layer);
        let layer = flags.over(middle).over(last);
        // Refused wherever it is given, before any text can name it.
        if layer.host.as_deref().is_some_and(|host| host.contains('@')) {
            return Err(Problem::usage("the host holds a user name or password, and is not shown for that").remedy(
                "give the user with -u, and the password with --password-file, --password-stdin or HVR_PASSWORD",
            ));
        }
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
        let state = layer.state.as_deref().map(absolute);
        let host = layer.host.clone().filter(|_| !simulate);
        let namespace = layer.namespace.as_deref().map(base::namespace).transpose();
        let namespace = namespace.map_err(|error| Problem::usage(format!("the CIM namespace: {error}")))?;
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
            max_list: layer.max_list,
            addressing: Addressing { base: layer.base, namespace, cimnamespace: layer.cimnamespace },
            output: layer.output.unwrap_or_default(),
            simulate,
            scenario,
            trace: common.trace.clone().or_else(|| variable("HVR_TRACE").map(PathBuf::from)),
            anonymise: common.anonymise.or(switch("HVR_ANONYMISE")?).unwrap_or(false),
            state: layer.state,
            verbose: parsed::<u8>("HVR_VERBOSE", "a number")?.unwrap_or(0),
            way: match simulate {
                // The world of an embedded host ends with its command: a later one is for a host that stays.
                true => Way::default().with("host", Some("URL".to_owned())).with("user", Some("USER".to_owned())),
                false => way.with("host", host),
            }
            .with("state", state),
            origins,
        })
    }

    /// A command to run next, by the same way to the same host.
    pub fn command(&self, verb: &[&str]) -> Printed {
        Printed::of(verb).by(&self.way)
    }

    /// A command about the journal: it needs no host, and the journal knows the way to those of a run.
    pub fn journal_command(&self, what: &str, run: Option<&str>) -> Printed {
        let mut kept = vec!["state"];
        // What the journal cannot keep is given again.
        if matches!(what, "resume" | "undo") {
            kept.push("password_stdin");
        }
        let command = Printed::of(&["run", what]);
        let command = run.into_iter().fold(command, |command, run| command.operand(run));
        command.by(&self.journal_way().only(&kept))
    }

    /// What completes the commands in a text, with the VM that it is about.
    pub fn complete(&self, text: &str, vm: Option<&str>) -> String {
        let journal = self.journal_way().only(&["state"]);
        Completing { host: &self.way, primary: None, journal: &journal, vm }.complete(text)
    }

    /// Where the world of an embedded host has gone, and how to have one that stays.
    pub fn world_has_ended(&self) -> String {
        let command = Printed::of(&["simulate"]).switch("--pair");
        let scenario = self.scenario.as_deref().map(absolute);
        let command = scenario.iter().fold(command, |command, file| command.option("--scenario", file));
        format!(
            "the simulated host and its runs end with this command; a host that stays, with a URL and a USER: {command}"
        )
    }

    /// The way, with the directory of the journal also where only `$XDG_STATE_HOME` names it.
    pub fn journal_way(&self) -> Way {
        let is_usual = variable("XDG_STATE_HOME").is_none() || self.state.is_some();
        let named = || self.state_directory().ok().map(|directory| directory.display().to_string());
        self.way.clone().with("state", if is_usual { None } else { named() })
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

/// What is said of one host is not said of another: its name and its certificate.
const OF_ONE_HOST: [&str; 3] = ["host", "pin_sha256", "spn"];

fn is_simulated(common: &Common) -> Result<bool, Problem> {
    Ok(common.simulate.or(switch("HVR_SIMULATE")?).unwrap_or(false))
}

/// The profile in force: the one of this name, else the one of the command, else the default one.
fn profile_of(common: &Common, named: Option<String>) -> Result<Option<Profile>, Problem> {
    let without = match common.profile {
        // Nearer than the variable.
        Some(_) => false,
        None => common.no_profile.or(switch("HVR_NO_PROFILE")?).unwrap_or(false),
    };
    match (named.or_else(|| common.profile.clone()), without) {
        (None, true) => Ok(None),
        (name, _) => Profile::find(name),
    }
}

/// The way, with the profile that leads on it; or with none, where one would come into force by itself.
fn led(way: Way, lent: &Lent) -> Way {
    match &lent.leads {
        Some(name) => way.with("profile", Some(name.clone())),
        None if Profile::is_around() => way.with("no_profile", Some("true".to_owned())),
        None => way,
    }
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
        max_list: parsed("HVR_MAX_LIST", "a number of MiB")?,
        base: variable("HVR_BASE")
            .map(|text| text.parse::<Base>().map_err(|error| Problem::usage(format!("HVR_BASE: {error}"))))
            .transpose()?,
        namespace: variable("HVR_NAMESPACE"),
        cimnamespace: switch("HVR_CIMNAMESPACE")?,
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
