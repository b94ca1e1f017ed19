//! The connection settings that a run is begun with, kept in the journal so that it can be taken up again. No secrets.

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::cli::args::Common;
use crate::cli::password::PasswordSource;
use crate::cli::problem::Problem;
use crate::cli::settings::{Layer, Profile, ProxySetting, Settings, TrustSetting};
use crate::cli::way::Way;
use crate::transport::Proxy;

/// How a run reached one of its hosts.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Its settings.
    pub layer: Layer,
    /// The same as options.
    pub way: Way,
    /// What kind of source the password had, where it is none of the options.
    password: String,
    /// The profile that was in force.
    profile: Option<String>,
}

/// The settings as a text for the journal.
pub fn recall(host: &Settings, primary: Option<&Settings>) -> String {
    json!({
        "host": one(host),
        "primary": primary.map(one),
        "from": { "host": from(host), "primary": primary.map(from) },
    })
    .to_string()
}

fn one(settings: &Settings) -> Value {
    let (ca, pin, insecure) = match &settings.trust {
        TrustSetting::System => (None, None, None),
        TrustSetting::Ca(file) => (Some(file.clone()), None, None),
        TrustSetting::Pin(pin) => (None, Some(pin.clone()), None),
        TrustSetting::Insecure => (None, None, Some(true)),
    };
    let password_file = match &settings.password {
        PasswordSource::File(file) => Some(file.clone()),
        _ => None,
    };
    let absolute = |file: Option<std::path::PathBuf>| file.map(|file| std::path::absolute(&file).unwrap_or(file));
    let auth = settings.auth.to_possible_value().map(|auth| auth.get_name().to_owned());
    // A proxy with a password in it is for the next command to name again.
    let proxy = match &settings.proxy {
        ProxySetting::Url(url) => url.expose().parse().ok().filter(|proxy: &Proxy| !proxy.has_password()),
        ProxySetting::None | ProxySetting::Environment => None,
    };
    json!({
        "host": settings.host,
        "user": settings.user,
        "password_file": absolute(password_file),
        "password_keyring": matches!(settings.password, PasswordSource::Keyring).then_some(true),
        "auth": auth,
        "keytab": absolute(settings.keytab.clone()),
        "spn": settings.spn,
        "delegate": settings.delegate,
        "cert": absolute(settings.cert.clone()),
        "key": absolute(settings.key.clone()),
        "proxy": proxy.map(|proxy| proxy.to_string()),
        "proxy_from_env": matches!(settings.proxy, ProxySetting::Environment),
        "http": settings.http,
        "ca": absolute(ca),
        "pin_sha256": pin,
        "insecure": insecure,
        "operation_timeout": settings.operation_timeout.map(|time| format!("{}ms", time.as_millis())),
        "locale": settings.locale,
        "max_list": settings.max_list,
        "base": settings.addressing.base.as_ref().map(ToString::to_string),
        "namespace": settings.addressing.namespace.as_ref().map(ToString::to_string),
        "cimnamespace": settings.addressing.cimnamespace,
    })
}

/// What cannot be an option: where the password came from, and the profile that names it.
fn from(settings: &Settings) -> Value {
    let password = match &settings.password {
        PasswordSource::Command(_) => "command",
        PasswordSource::Value(_) => "environment",
        PasswordSource::Stdin => "stdin",
        PasswordSource::Prompt => "prompt",
        PasswordSource::File(_) | PasswordSource::Keyring => "option",
    };
    json!({ "password": password, "profile": settings.way.value("profile") })
}

/// How a run reached its host and its primary; empty where the text is of another program.
pub fn recalled(context: &str) -> (Recorded, Option<Recorded>) {
    let document: Value = serde_json::from_str(context).unwrap_or_default();
    let recorded = |site: &str| {
        let value = document.get(site).filter(|value| value.is_object())?;
        let from = |name: &str| document.pointer(&format!("/from/{site}/{name}")).and_then(Value::as_str);
        Some(Recorded {
            layer: serde_json::from_value::<Layer>(without_nulls(value)).ok()?,
            way: Way::of_record(value),
            password: from("password").unwrap_or_default().to_owned(),
            profile: from("profile").map(str::to_owned),
        })
    };
    (recorded("host").unwrap_or_default(), recorded("primary"))
}

impl Recorded {
    /// Takes the host by its URL, where the settings name none.
    #[must_use]
    pub fn at(mut self, url: Option<&str>) -> Recorded {
        if let (None, Some(url)) = (&self.layer.host, url) {
            self.layer.host = Some(url.to_owned());
            self.way = self.way.with("host", Some(url.to_owned()));
        }
        self
    }

    /// The profile that names the program that writes the password.
    pub fn profile_of_password(&self) -> Option<String> {
        self.profile.clone().filter(|_| self.password == "command")
    }

    /// Where the password of the run comes from: what is typed now, then what the run used. A variable is asked where the
    /// run took its password from one, or from a person; another profile never.
    pub fn password(
        &self,
        common: &Common,
        nearer: &Layer,
        environment: &Layer,
        profile: &Layer,
        profile_words: Option<&str>,
    ) -> Result<(PasswordSource, String), Problem> {
        if let Some(typed) = PasswordSource::of_flags(common) {
            return Ok(typed);
        }
        if let Some(words) = profile_words
            && let Some(named) = PasswordSource::of_profile(common, environment, profile, words)?
        {
            return Ok(named);
        }
        let is_same_user = match (&nearer.user, &self.layer.user) {
            (Some(user), Some(own)) => user.eq_ignore_ascii_case(own),
            (Some(_), None) => false,
            (None, _) => true,
        };
        let journal = || "the journal of the run".to_owned();
        match (&self.layer.password_file, self.layer.password_keyring, self.profile_of_password()) {
            _ if !is_same_user => {}
            (Some(file), ..) => return Ok((PasswordSource::File(file.clone()), journal())),
            (None, Some(true), _) => return Ok((PasswordSource::Keyring, journal())),
            (None, _, Some(name)) => return self.by_profile(name),
            (None, _, None) => {}
        }
        Ok(PasswordSource::of_environment(common, environment)?.unwrap_or_else(PasswordSource::prompt))
    }

    /// The program of the profile that the run was begun with, if that is still for the same user.
    fn by_profile(&self, name: String) -> Result<(PasswordSource, String), Problem> {
        let gone = |why: String| {
            Problem::usage(format!("the run took its password from the profile {name}, {why}"))
                .remedy("give the password another way, such as --password-file FILE")
        };
        let profile = Profile::find(Some(name.clone())).map_err(|problem| gone(format!("but {}", problem.message)))?;
        let layer = profile.as_ref().map(|profile| profile.layer().clone()).unwrap_or_default();
        if let (Some(user), Some(own)) = (&layer.user, &self.layer.user)
            && !user.eq_ignore_ascii_case(own)
        {
            return Err(gone(format!("which is for {user} now, and not for {own}")));
        }
        match layer.password_command {
            Some(words) => Ok((PasswordSource::Command(words), format!("password_command of profile {name}"))),
            None => Err(gone("which names no password_command now".to_owned())),
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    let fields = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
}
