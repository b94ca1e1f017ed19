//! The legs of a login one by one: name, TCP, certificate, offer, clock, and each scheme: used, or why not.

use std::net::IpAddr;
use std::time::Duration;

use crate::auth::{Tickets, UserName, kerberos};
use crate::cli::Context;
use crate::cli::connect::{Connection, endpoint, proxy, ticket_source};
use crate::cli::exit::Exit;
use crate::cli::settings::{Auth, Settings, TrustSetting};
use crate::cli::span::Span;
use crate::transport::{Endpoint, Greeting, Proxy, ServerCertificate, addresses, show_certificate};
use crate::wsman;

use super::findings::{Check, Side};

impl Check {
    /// Walks the legs as far as they lead; says whether a login makes sense. Sends no password and no ticket.
    pub(super) async fn legs(&mut self, connection: &Connection, context: &Context) -> bool {
        let settings = &connection.settings(&context.settings);
        // What is not usable here has stopped the command before.
        let Ok((endpoint, _)) = endpoint(settings) else { return true };
        let Ok(proxy) = proxy(settings, &endpoint) else { return true };
        if !self.way(&endpoint, proxy.as_ref(), settings).await {
            return false;
        }
        let patience = patience(settings);
        match connection.session().greeting(patience).await {
            Ok(greeting) => {
                self.offer(&greeting, &endpoint);
                self.clock(&greeting);
                // Who does not ask for a login does not say which there are either.
                if greeting.status == 401 {
                    self.schemes(&greeting, &endpoint, settings).await;
                }
                self.exit != Exit::NotAllowed
            }
            Err(error) => self.leg_failed("offer", error),
        }
    }

    /// Name, TCP and certificate: what is seen of a host before anything is sent to it. Says whether it leads there.
    pub(super) async fn way(&mut self, endpoint: &Endpoint, proxy: Option<&Proxy>, settings: &Settings) -> bool {
        let patience = patience(settings);
        match proxy {
            Some(proxy) => self.ok("name", format!("through the proxy {proxy}"), "the way there is the proxy's matter"),
            None if !self.address(endpoint, patience).await => return false,
            None => {}
        }
        if endpoint.is_tls() {
            match show_certificate(endpoint, proxy, patience).await {
                Ok(shown) => self.certificate(&shown, endpoint, settings),
                Err(error) => return self.leg_failed("certificate", error),
            }
        }
        true
    }

    fn leg_failed(&mut self, name: &'static str, error: wsman::ExchangeError) -> bool {
        let meaning = "the login gets no further than this";
        self.failed(name, wsman::Error::from(error), meaning, Side::Client);
        false
    }

    async fn address(&mut self, endpoint: &Endpoint, patience: Duration) -> bool {
        let found = match addresses(endpoint, patience).await {
            Ok(found) => found,
            Err(error) => {
                return self.leg_failed("name", error);
            }
        };
        let texts: Vec<String> = found.iter().map(|one| one.address.ip().to_string()).collect();
        self.ok("name", format!("{} is {}", endpoint.host(), texts.join(", ")), "the name of the host is known");
        let reached: Vec<String> = found
            .iter()
            .filter_map(|one| Some(format!("{} in {:.1?}", one.address, one.connected.as_ref().ok()?)))
            .collect();
        for (one, reason) in found.iter().filter_map(|one| Some((one, one.connected.as_ref().err()?))) {
            let seen = format!("{}: {reason}", one.address);
            let meaning = "nothing listens there that this computer can reach";
            let remedy = "start WinRM and give it a listener on this port (winrm quickconfig; winrm enumerate \
                winrm/config/listener), and let the firewalls between pass it";
            match reached.is_empty() {
                true => self.problem("tcp", seen, meaning, remedy, Side::Host),
                false => self.warn(
                    "tcp",
                    seen,
                    "the name has a dead address; connecting may take longer",
                    remedy,
                    Side::Host,
                ),
            }
        }
        if reached.is_empty() {
            self.exit_with(Exit::NotReached);
            return false;
        }
        self.ok("tcp", reached.join(", "), "a port is open");
        true
    }

    /// What is in the certificate; whether the flags take it is told by the next leg.
    fn certificate(&mut self, shown: &ServerCertificate, endpoint: &Endpoint, settings: &Settings) {
        const NAME: &str = "certificate";
        self.shown = Some(shown.pin);
        let now = jiff::Timestamp::now();
        let subject = shown.subject.as_deref().unwrap_or("unreadable");
        let self_signed = shown.subject == shown.issuer;
        let issuer = if self_signed { "itself" } else { shown.issuer.as_deref().unwrap_or("unknown") };
        let until = shown.not_after.map_or_else(|| "unknown".to_owned(), |at| at.to_string());
        let seen = format!("{subject}, issued by {issuer}, valid until {until}, pin {}", shown.pin);
        self.ok(NAME, seen, if self_signed { "self-signed: --ca or --pin-sha256 makes it good" } else { "issued" });
        // A pin stands above all that a certificate says of itself.
        if matches!(settings.trust, TrustSetting::Pin(_) | TrustSetting::Insecure) {
            return;
        }
        if shown.is_authority {
            let meaning = "it is one of an authority, which no client takes for a server's";
            self.warn(NAME, "CA:TRUE", meaning, "make the host another certificate, or pin this one", Side::Host);
        }
        if shown.for_servers == Some(false) {
            let meaning = "its extended key usage does not name server authentication";
            self.warn(NAME, "not for servers", meaning, "make the host a certificate for servers", Side::Host);
        }
        if !shown.names.is_empty() && !shown.names.iter().any(|name| covers(name, endpoint.host())) {
            let seen = format!("it is for {}, not for {}", shown.names.join(", "), endpoint.host());
            let remedy = "connect by a name it is for, or pin it";
            self.warn(NAME, seen, "the name does not fit", remedy, Side::Client);
        }
        if shown.subject.is_some() && shown.names.is_empty() {
            let meaning = "it has no subjectAltName, and the CN alone counts for no client of today";
            self.warn(
                NAME,
                "it names no host",
                meaning,
                "make the host another certificate, or pin this one",
                Side::Host,
            );
        }
        let until = |time: jiff::Timestamp| time.as_second() - now.as_second();
        if let Some(wait) = shown.not_before.map(until).filter(|wait| *wait > 0) {
            let seen = format!("it is valid in {} only", span(wait));
            let remedy = "set the clock that is wrong, or wait";
            self.warn(NAME, seen, "one of the two clocks is wrong, or it was made for later", remedy, Side::Host);
        }
        if let Some(left) = shown.not_after.map(until).filter(|left| *left < SOON) {
            let seen = if left < 0 { "it has expired".to_owned() } else { format!("it ends in {}", span(left)) };
            self.warn(NAME, seen, "an expired certificate stops every login", "renew it", Side::Host);
        }
    }

    fn offer(&mut self, greeting: &Greeting, endpoint: &Endpoint) {
        let schemes = match greeting.schemes.join(", ") {
            none if none.is_empty() => "no scheme".to_owned(),
            schemes => schemes,
        };
        let server = greeting.server.as_deref().unwrap_or("a server without a name");
        let seen = format!("{server} answers {} and offers {schemes}", greeting.status);
        if greeting.status != 401 {
            let meaning = "a listener of WinRM answers 401 to a request without a login";
            return self.problem(
                "offer",
                seen,
                meaning,
                "check host, port and path (-H takes a whole URL)",
                Side::Client,
            );
        }
        self.ok("offer", seen, "what the listener takes");
        if !endpoint.is_tls() && offers(greeting, "Basic") {
            let meaning = "over plain HTTP Basic shows the password to everybody between; it is never used here";
            let remedy = "winrm set winrm/config/service/auth @{Basic=\"false\"}, and AllowUnencrypted=\"false\" in \
                winrm/config/service";
            self.warn("offer", "Basic on plain HTTP", meaning, remedy, Side::Host);
        }
    }

    fn clock(&mut self, greeting: &Greeting) {
        let Some(skew) = greeting.clock_skew else { return };
        let way = if skew < 0 { "behind" } else { "ahead" };
        let seen = format!("the host's clock is {} {way}", Span(Duration::from_secs(skew.unsigned_abs())));
        if skew.unsigned_abs() < KERBEROS_SKEW {
            return self.ok("clock", seen, "near enough for Kerberos and certificates");
        }
        let meaning = "Kerberos refuses tickets beyond five minutes, and NTLM may, too";
        self.warn("clock", seen, meaning, "set the clock that is wrong (w32tm /resync on Windows)", Side::Host);
    }

    /// Each scheme: whether it will be used, or why not.
    async fn schemes(&mut self, greeting: &Greeting, endpoint: &Endpoint, settings: &Settings) {
        self.kerberos(greeting, endpoint, settings).await;
        let negotiable = offers(greeting, "Negotiate") || offers(greeting, "NTLM");
        let (seen, meaning) = match settings.auth {
            Auth::Kerberos | Auth::CredSsp | Auth::Basic | Auth::Certificate => ("not chosen", "--auth says otherwise"),
            _ if settings.user.is_none() => ("no user", "NTLM takes a user and a password"),
            _ if !negotiable => {
                ("not offered", "Negotiate is switched off on the host (winrm get winrm/config/service/auth)")
            }
            _ => ("may be used", "if Kerberos is not; whether the host has NTLM switched off shows at the login"),
        };
        self.ok("ntlm", seen, meaning);
        self.credssp(greeting, settings);
        let trusted = endpoint.is_tls() && !matches!(settings.trust, TrustSetting::Insecure);
        let (seen, meaning) = match settings.auth {
            Auth::Auto | Auth::Basic if !endpoint.is_tls() => ("not over plain HTTP", "it would show the password"),
            Auth::Auto | Auth::Basic if !offers(greeting, "Basic") => ("not offered", "the default of Windows"),
            Auth::Basic => {
                ("will be used", "the password goes to the host inside TLS, and local accounts only are taken")
            }
            Auth::Auto if !trusted => ("not over unverified TLS", "it must be chosen there: --auth basic"),
            Auth::Auto => ("may be used", "if nothing better is offered"),
            _ => ("not chosen", "--auth says otherwise"),
        };
        self.ok("basic", seen, meaning);
    }

    fn credssp(&mut self, greeting: &Greeting, settings: &Settings) {
        const NAME: &str = "credssp";
        let remedy = "Enable-WSManCredSSP -Role Server on the host, or another --auth";
        match (settings.auth == Auth::CredSsp, offers(greeting, "CredSSP")) {
            (true, true) => {
                let meaning = "once the host has proved that the connection is its own, it is given the password, and \
                    whoever rules the host can be this user anywhere; inside, a user@realm logs in with Kerberos if a KDC \
                    is reached, else NTLM";
                self.ok(NAME, "will be used", meaning);
            }
            (true, false) => {
                self.problem(NAME, "not offered", "it was chosen, and is off on the host", remedy, Side::Host);
                self.exit_with(Exit::NotAllowed);
            }
            (false, true) => self.ok(NAME, "not chosen", "it hands the password to the host: --auth credssp"),
            (false, false) => {}
        }
    }

    async fn kerberos(&mut self, greeting: &Greeting, endpoint: &Endpoint, settings: &Settings) {
        const NAME: &str = "kerberos";
        if matches!(settings.auth, Auth::Ntlm | Auth::CredSsp | Auth::Basic | Auth::Certificate) {
            return self.ok(NAME, "not chosen", "--auth says otherwise");
        }
        if !offers(greeting, "Negotiate") && !offers(greeting, "Kerberos") {
            let meaning = "the host takes neither Kerberos nor Negotiate";
            let remedy = "winrm set winrm/config/service/auth @{Kerberos=\"true\";Negotiate=\"true\"}";
            return self.warn(NAME, "not offered", meaning, remedy, Side::Host);
        }
        let service = settings.spn.clone().unwrap_or_else(|| format!("HTTP/{}", endpoint.host()));
        let has_name = settings.spn.is_some() || endpoint.host().parse::<IpAddr>().is_err();
        let user = settings.user.as_deref().and_then(|user| user.parse::<UserName>().ok());
        let library = match kerberos::kerberos_library() {
            Ok(library) => library,
            Err(error) => return self.without_tickets(&error, settings),
        };
        let source = match ticket_source(settings, user.as_ref(), has_name) {
            Some(source) => source,
            None if settings.auth != Auth::Kerberos && !has_name => {
                let meaning = "a realm knows hosts by name: connect by the DNS name, or give --spn";
                return self.ok(NAME, format!("{} is an address", endpoint.host()), meaning);
            }
            None if settings.auth == Auth::Kerberos || user.as_ref().is_some_and(|user| user.user().contains('@')) => {
                // It is tried once, at the login.
                let seen = format!("by password at the login, for {service}, with {library}");
                return self.ok(NAME, seen, "the realm judges the password; one that it refuses is tried nowhere else");
            }
            None => {
                let meaning = "there is a password, and no realm to try it at: a user written user@realm has one";
                return self.ok(NAME, "not tried", meaning);
            }
        };
        let taken = tokio::task::spawn_blocking(move || Tickets::acquire(user.as_ref(), &source)).await;
        match taken {
            Ok(Ok(tickets)) => {
                let lifetime =
                    tickets.lifetime().map_or_else(|| "for ever".to_owned(), |left| format!("for {}", Span(left)));
                let seen = format!("{} holds {lifetime}, for {service}, with {library}", tickets.principal());
                self.ok(NAME, seen, "there are tickets; whether the realm knows the service shows at the login");
            }
            Ok(Err(error)) => self.without_tickets(&error, settings),
            Err(_) => {}
        }
    }

    fn without_tickets(&mut self, error: &kerberos::KerberosError, settings: &Settings) {
        let (seen, remedy) = (error.to_string(), error.remedy());
        match settings.auth {
            Auth::Kerberos => {
                self.problem("kerberos", seen, "it was chosen, and cannot be used", remedy, Side::Client);
                self.exit_with(Exit::NotAllowed);
            }
            _ => self.warn("kerberos", seen, "it is passed over for NTLM", remedy, Side::Client),
        }
    }
}

fn patience(settings: &Settings) -> Duration {
    settings.timeout.unwrap_or(PATIENCE).min(PATIENCE)
}

fn offers(greeting: &Greeting, scheme: &str) -> bool {
    greeting.schemes.iter().any(|offered| offered.eq_ignore_ascii_case(scheme))
}

/// Whether a name of a certificate is the host's; `*` stands for one label.
fn covers(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
        None => name.eq_ignore_ascii_case(host),
    }
}

fn span(seconds: i64) -> Span {
    Span(Duration::from_secs(seconds.unsigned_abs()))
}

const PATIENCE: Duration = Duration::from_secs(10);
/// 30 days.
const SOON: i64 = 30 * 86_400;
const KERBEROS_SKEW: u64 = 300;

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn names_of_certificates() {
        for (name, host, due) in [
            ("hv.lab.test", "HV.lab.test", true),
            ("*.lab.test", "hv.lab.test", true),
            ("*.lab.test", "hv.dr.lab.test", false),
            ("*.lab.test", "lab.test", false),
            ("hv", "hv.lab.test", false),
        ] {
            assert_eq!(covers(name, host), due, "{name} {host}");
        }
    }
}
