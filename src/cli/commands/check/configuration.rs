//! What WinRM's own configuration says of logins and quotas, where the account may read it (MS-WSMV 2.2.4.10).

use std::collections::HashMap;

use crate::cli::connect::Connection;
use crate::wsman::{self, EndpointReference, ResourceUri, SelectorSet};
use crate::xml::Element;

use super::findings::{Check, Side};

impl Check {
    /// One Get. Who may not read it loses nothing: the steps after it show what is in the way.
    pub(super) async fn configuration(&mut self, connection: &Connection) {
        const NAME: &str = "configuration";
        const BINDING: &str = "channel binding";
        let target = EndpointReference::new(ResourceUri::new(URI), SelectorSet::new());
        let settings = match connection.client(connection.addressing().clone()).get(target).await {
            Ok(reply) => settings(reply.instance().element()),
            Err(error @ wsman::Error::Exchange(_)) => {
                return self.failed(NAME, error, "the host cannot be asked any further", Side::Host);
            }
            // That others than administrators are refused is inferred (not asked), from the RootSDDL; other servers have no such thing.
            Err(_) => {
                let meaning =
                    "administrators of a Windows host alone may read winrm/config; nothing else depends on it";
                return self.ok(NAME, "winrm/config is not shown to this account", meaning);
            }
        };
        let said = |path: &str| settings.get(path).map(String::as_str);
        match said("Service/AllowUnencrypted") {
            Some("true") => {
                let meaning = "the host takes messages over plain HTTP that anybody between can read and change; those of hvr \
                are sealed all the same";
                let remedy = "winrm set winrm/config/service @{AllowUnencrypted=\"false\"}";
                self.warn(NAME, "AllowUnencrypted is true", meaning, remedy, Side::Host);
            }
            Some(other) => {
                self.ok(NAME, format!("AllowUnencrypted is {other}"), "messages over plain HTTP must be sealed");
            }
            None => {}
        }
        if let Some(level) = said("Service/Auth/CbtHardeningLevel") {
            let seen = format!("CbtHardeningLevel is {level}");
            match level.to_ascii_lowercase().as_str() {
                "none" => {
                    let meaning = "logins are not held to the TLS channel: one can be passed on from elsewhere";
                    let remedy = "winrm set winrm/config/service/auth @{CbtHardeningLevel=\"Strict\"}";
                    self.warn(BINDING, seen, meaning, remedy, Side::Host);
                }
                "strict" => self.ok(BINDING, seen, "logins must be bound to the TLS channel; those of hvr always are"),
                _ => self.ok(
                    BINDING,
                    seen,
                    "a login that is bound to the TLS channel, as those of hvr are, is held to it",
                ),
            }
        }
        self.quotas(&settings);
    }

    fn quotas(&mut self, settings: &HashMap<String, String>) {
        let number = |path: &str| settings.get(path).and_then(|text| text.parse::<u32>().ok());
        let known: Vec<_> = QUOTAS
            .iter()
            .filter_map(|(path, least)| {
                number(path).map(|number| (path.rsplit('/').next().unwrap_or(path), number, *least))
            })
            .collect();
        let text = |(name, number, _): &(&str, u32, u32)| format!("{name} {number}");
        let small: Vec<_> = known.iter().filter(|(_, number, least)| number < least).map(text).collect();
        match (known.is_empty(), small.is_empty()) {
            (true, _) => {}
            (false, true) => {
                let seen: Vec<_> = known.iter().map(text).collect();
                self.ok("quotas", seen.join(", "), "enough for hvr, which takes up to four connections");
            }
            (false, false) => {
                let meaning = "less than Windows has had since 2008 R2; requests may be refused with a quota fault";
                let remedy = "raise it: winrm set winrm/config/service, or winrm/config for the first two";
                self.warn("quotas", small.join(", "), meaning, remedy, Side::Host);
            }
        }
    }
}

/// Settings by path.
fn settings(root: Element<'_>) -> HashMap<String, String> {
    let mut found = HashMap::new();
    let mut open = vec![(String::new(), root)];
    while let Some((prefix, element)) = open.pop() {
        for child in element.children() {
            let path = format!("{prefix}{}", child.local());
            match child.children().next() {
                Some(_) => open.push((format!("{path}/"), child)),
                None => drop(found.insert(path, child.text().trim().to_owned())),
            }
        }
    }
    found
}

const URI: &str = "http://schemas.microsoft.com/wbem/wsman/1/config";
/// Each with what is enough: the defaults of Server 2008 R2 (MS-WSMV 2.2.4.10, 2.2.4.36).
const QUOTAS: [(&str, u32); 4] = [
    ("MaxEnvelopeSizekb", 150),
    ("MaxTimeoutms", 60_000),
    ("Service/MaxConnections", 25),
    ("Service/MaxConcurrentOperationsPerUser", 15),
];
