//! What may have refused a login, where the answer to it does not say: guesses from what was seen, and said to be that.

use crate::auth::UserName;
use crate::cli::connect::Connection;
use crate::cli::settings::{Auth, Settings};
use crate::cli::span::Span;

use super::findings::{Check, Side};

impl Check {
    /// A refusal has no reason in it: HTTP says 401, whatever it was. The host's log knows more.
    pub(super) fn why_refused(&mut self, connection: &Connection, settings: &Settings) {
        const NAME: &str = "possible cause";
        let session = connection.session();
        let user = settings.user.as_deref().and_then(|user| user.parse::<UserName>().ok());
        let by_password = user.is_some() && self.tried_password;
        if let Some(skew) = session.clock_skew().filter(|skew| skew.unsigned_abs() >= 300) {
            let seen = format!("the clocks are {} apart", Span(std::time::Duration::from_secs(skew.unsigned_abs())));
            let meaning = "Kerberos refuses that always, and NTLM may";
            self.warn(NAME, seen, meaning, "set the clock that is wrong", Side::Host);
        }
        if let Some(pin) = self.shown.filter(|_| settings.auth != Auth::Basic && settings.auth != Auth::Certificate) {
            let meaning = "the login was bound to it; where something between ends the TLS connection, the host has another \
                one and refuses it";
            let remedy = "compare its SHA-256 with that of the host's own listener (winrm enumerate winrm/config/listener \
                names it); a host with CbtHardeningLevel None would take the login, which is no remedy";
            self.warn(NAME, format!("the certificate {pin}"), meaning, remedy, Side::Host);
        }
        if !by_password {
            return;
        }
        if user.as_ref().is_some_and(|user| user.domain().is_empty() && !user.user().contains('@')) {
            let meaning = "the host looks for such a user among its own accounts, not in the domain";
            self.warn(NAME, "the user has no domain", meaning, "write DOMAIN\\user or user@realm", Side::Client);
        }
        if matches!(settings.auth, Auth::Auto | Auth::Negotiate | Auth::Ntlm) {
            let meaning = "NTLM may be switched off by policy for the host, the domain or the account (Restrict NTLM, \
                Protected Users), which looks like a wrong password from here";
            let remedy = "look there: event 4625 in the Security log and the log Microsoft-Windows-NTLM/Operational; or \
                log in by Kerberos, as user@realm and by the host's DNS name";
            self.warn(NAME, "NTLM was tried", meaning, remedy, Side::Host);
        }
    }
}
