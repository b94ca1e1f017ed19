//! The connection settings that a run is begun with, kept in the journal so that it can be taken up again. No secrets.

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::cli::password::PasswordSource;
use crate::cli::settings::{Layer, ProxySetting, Settings, TrustSetting};
use crate::transport::Proxy;

/// The settings as a text for the journal.
pub fn recall(host: &Settings, primary: Option<&Settings>) -> String {
    json!({ "host": one(host), "primary": primary.map(one) }).to_string()
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
        "base": settings.addressing.base.as_ref().map(ToString::to_string),
        "namespace": settings.addressing.namespace.as_ref().map(ToString::to_string),
        "cimnamespace": settings.addressing.cimnamespace,
    })
}

/// The settings that a run was begun with, for its host and its primary; empty where the text is of another program.
pub fn recalled(context: &str) -> (Layer, Option<Layer>) {
    let document: Value = serde_json::from_str(context).unwrap_or_default();
    let layer = |value: &Value| serde_json::from_value::<Layer>(without_nulls(value)).ok();
    let host = document.get("host").and_then(layer).unwrap_or_default();
    (host, document.get("primary").filter(|primary| primary.is_object()).and_then(layer))
}

fn without_nulls(value: &Value) -> Value {
    let fields = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
}
