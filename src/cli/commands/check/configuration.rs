//! The configuration of WinRM, where the account may read it: quotas, encryption, channel binding.

use super::Check;
use super::findings::Side;
use crate::soap::Envelope;
use crate::wsman::{Client, EndpointReference, Exchange, ResourceUri, SelectorSet};
use crate::xml::Element;

impl Check {
    /// One Get of `winrm/config`. What it says stops no failover, so nothing here is a problem.
    pub(super) async fn configuration<E: Exchange>(&mut self, client: &Client<E>) {
        const NAME: &str = "configuration";
        let answer = client.get(EndpointReference::new(ResourceUri::new(CONFIG), SelectorSet::new())).await;
        let response = match answer {
            Ok(response) => response,
            // Only administrators may read it on Windows; other servers have none.
            Err(error) if error.fault().is_some() => {
                let meaning = "the quotas and the policy of the service are not known; nothing depends on them";
                return self.ok(NAME, "winrm/config is not shown to this account", meaning);
            }
            // The next question meets it, too, and says what it means.
            Err(_) => return,
        };
        let Ok(envelope) = Envelope::of(response.document()) else { return };
        let Some(config) = envelope.payload() else { return };
        let value = |path: &[&str]| text_at(config, path).unwrap_or("?");
        let (unencrypted, binding) = (value(&["Service", "AllowUnencrypted"]), value(&BINDING));
        let (envelope_size, operations) =
            (value(&["MaxEnvelopeSizekb"]), value(&["Service", "MaxConcurrentOperationsPerUser"]));
        let seen = format!(
            "envelopes up to {envelope_size} KB, {operations} operations a user at once; AllowUnencrypted \
             {unencrypted}, Basic {}, CbtHardeningLevel {binding}",
            value(&["Service", "Auth", "Basic"])
        );
        let before = self.steps.len();
        if unencrypted == "true" {
            let remedy = "winrm set winrm/config/service @{AllowUnencrypted=\"false\"}";
            let meaning = "the host takes bodies and passwords in clear over HTTP; this program sends neither";
            self.warn(NAME, seen.as_str(), meaning, remedy, Side::Host);
        }
        if binding.eq_ignore_ascii_case("None") {
            let remedy = "winrm set winrm/config/service/auth @{CbtHardeningLevel=\"Relaxed\"}";
            let meaning = "the host does not look at which TLS channel a login is bound to, so one could be passed on";
            self.warn(NAME, seen.as_str(), meaning, remedy, Side::Host);
        }
        if envelope_size.parse().is_ok_and(|size: u32| size < SMALL) {
            let remedy = "winrm set winrm/config @{MaxEnvelopeSizekb=\"500\"}";
            let meaning =
                "large instances do not fit into a reply; pages are made smaller, a single instance cannot be";
            self.warn(NAME, seen.as_str(), meaning, remedy, Side::Host);
        }
        if self.steps.len() == before {
            self.ok(NAME, seen, "the quotas leave room, and the policy is a safe one");
        }
    }
}

fn text_at<'d>(element: Element<'d>, path: &[&str]) -> Option<&'d str> {
    match path.split_first() {
        None => Some(element.text().trim()),
        Some((name, rest)) => text_at(element.children().find(|child| child.local() == *name)?, rest),
    }
}

const CONFIG: &str = "http://schemas.microsoft.com/wbem/wsman/1/config";
const BINDING: [&str; 3] = ["Service", "Auth", "CbtHardeningLevel"];
/// The default before WinRM 3.0, in which replication settings still fit.
const SMALL: u32 = 150;
