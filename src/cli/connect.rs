//! From settings to a session: endpoint, trust, password; or an embedded simulated host.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{Credentials, Secret, ServiceName, TicketSource, Tickets, UserName};
use crate::hyperv::{Host, NAMESPACE, random_id};
use crate::simulator::{Pair, Scenario, Server, ServerOptions, Simulator};
use crate::transport::{
    AuthChoice, ClientCertificate, ClientCertificateError, Connector, Endpoint, Pin, Proxy, Session, Trust,
};
use crate::wsman::{ClassAddressing, Client, Exchange, Timeouts};

use super::Context;
use super::output::{is_interactive, note};
use super::problem::{Problem, chain};
use super::settings::{Auth, PasswordSource, ProxySetting, Settings, TrustSetting};

/// A session with a host, and what it takes to ask it.
pub struct Connection {
    session: Arc<Session>,
    /// The embedded host; it ends with the connection.
    server: Option<Server>,
    /// The name for people.
    pub name: String,
    timeouts: Timeouts,
    locale: Option<String>,
    deadline: Option<Duration>,
    clock: super::clock::Clock,
    typed: Vec<String>,
}

impl Connection {
    /// Makes a connection ready; nothing is dialled before the first message.
    pub async fn open(context: &Context) -> Result<Connection, Problem> {
        let settings = &context.settings;
        let opened = match settings.simulate {
            true => {
                let scenario = scenario(settings.scenario.as_deref())?;
                simulated(Simulator::new(scenario), "simulated host", context).await?
            }
            false => network(settings, None, context)?,
        };
        Connection::over(opened, settings, context)
    }

    /// Makes the connections to a host and to that of its primary ready; a password that both have is asked for once.
    pub async fn open_both(context: &Context, primary: Option<&Settings>) -> Result<(Connection, Connection), Problem> {
        let settings = &context.settings;
        if settings.simulate {
            let pair = Pair::new(scenario(settings.scenario.as_deref())?);
            let host = simulated(pair.replica, "simulated host", context).await?;
            let primary = simulated(pair.primary, "simulated primary", context).await?;
            return Ok((Connection::over(host, settings, context)?, Connection::over(primary, settings, context)?));
        }
        let primary = primary.ok_or_else(|| Problem::usage("this needs the primary's host too: --primary HOST"))?;
        let is_same = primary.password.is_same(&settings.password) && primary.user == settings.user;
        let host = network(settings, None, context)?;
        let other = network(primary, host.secret.clone().filter(|_| is_same), context)?;
        Ok((Connection::over(host, settings, context)?, Connection::over(other, primary, context)?))
    }

    fn over(opened: Opened, settings: &Settings, context: &Context) -> Result<Connection, Problem> {
        let Opened { session, server, name, .. } = opened;
        let timeouts = settings.operation_timeout.map_or_else(Timeouts::default, Timeouts::new);
        Ok(Connection {
            session: Arc::new(session),
            server,
            name,
            timeouts,
            locale: Some(settings.locale.clone().unwrap_or_else(|| "en-US".to_owned())),
            deadline: settings.timeout,
            clock: context.clock,
            typed: settings.typed.clone(),
        })
    }

    /// The command line that goes on from here: these words, and the connection flags that were typed.
    pub fn again(&self, words: &[&str]) -> String {
        command_line(&self.typed, words)
    }

    /// Whether the host is a simulated one.
    pub fn is_simulated(&self) -> bool {
        self.server.is_some()
    }

    /// The session.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// A Hyper-V host behind this connection.
    pub fn host(&self) -> Host<Arc<Session>> {
        Host::new(self.client(ClassAddressing::microsoft(NAMESPACE)))
    }

    /// A client for any classes.
    pub fn client(&self, addressing: ClassAddressing) -> Client<Arc<Session>> {
        self.client_over(self.session.clone(), addressing)
    }

    /// A client for any classes over an exchange that wraps the session's.
    pub fn client_over<E: Exchange>(&self, exchange: E, addressing: ClassAddressing) -> Client<E> {
        let (deadline, clock) = (self.deadline, self.clock);
        Client::new(exchange, addressing, random_id)
            .with_timeouts(self.timeouts)
            .with_locale(self.locale.clone())
            .with_deadline(move || deadline.map(|deadline| deadline.saturating_sub(clock.elapsed())))
    }
}

/// `hvr`, these words, and the connection flags that were typed.
pub fn command_line(typed: &[String], words: &[&str]) -> String {
    let typed = typed.iter().map(String::as_str);
    let words: Vec<_> = ["hvr"].into_iter().chain(words.iter().copied()).chain(typed).map(quoted).collect();
    words.join(" ")
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false if cfg!(windows) => format!("\"{}\"", word.replace('"', "\\\"")),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// What a connection is made of.
struct Opened {
    session: Session,
    server: Option<Server>,
    name: String,
    /// The password, where it was read.
    secret: Option<Secret>,
}

async fn simulated(simulator: Arc<Simulator>, name: &str, context: &Context) -> Result<Opened, Problem> {
    let server = Server::serve(simulator, ServerOptions::http()).await;
    let server = server.map_err(|error| Problem::internal(chain(&error)))?;
    note(&format!("{name} {}: an embedded rehearsal, nothing real is touched", server.address()));
    let endpoint = parse_endpoint(&server.url(), false)?;
    let user = server.user().parse().map_err(|_| Problem::usage("the scenario's account is no user name"))?;
    let credentials = Credentials { user, password: server.password().clone() };
    let session = recorded(Connector::new(endpoint), &server.user(), Some(server.password()), context)
        .credentials(credentials)
        .session()
        .map_err(|error| Problem::from(crate::wsman::Error::from(error)))?;
    Ok(Opened { session, server: Some(server), name: name.to_owned(), secret: None })
}

fn network(settings: &Settings, secret: Option<Secret>, context: &Context) -> Result<Opened, Problem> {
    let (endpoint, name) = endpoint(settings)?;
    let parse = |user: &str| user.parse().map_err(|error: crate::auth::AuthError| Problem::usage(error.to_string()));
    let user: Option<UserName> = settings.user.as_deref().map(parse).transpose()?;
    let service = settings.spn.as_deref().map(str::parse::<ServiceName>).transpose();
    let service = service.map_err(|error| Problem::usage(format!("--spn: {error}")))?;
    let trust = trust(settings, endpoint.is_tls())?;
    if !endpoint.is_tls() {
        if settings.auth == Auth::Basic {
            return Err(Problem::usage(
                "Basic would show the password over plain HTTP: use https, or --auth negotiate",
            ));
        }
        let ignored = match settings.trust {
            TrustSetting::System => "",
            _ => "; what was said about certificates has no effect",
        };
        note(&format!("plain HTTP to {}: every message is sealed{ignored}", endpoint.host()));
    }
    let auth = match settings.auth {
        Auth::Auto => AuthChoice::Auto,
        Auth::Negotiate => AuthChoice::Negotiate,
        Auth::Kerberos => AuthChoice::Kerberos,
        Auth::Ntlm => AuthChoice::Ntlm,
        Auth::Basic => AuthChoice::Basic,
        Auth::Certificate => AuthChoice::Certificate,
    };
    let has_name = service.is_some() || endpoint.host().parse::<std::net::IpAddr>().is_err();
    let mut connector = Connector::new(endpoint).trust(trust).auth(auth).delegate(settings.delegate);
    if let Some(service) = service {
        connector = connector.service_name(service);
    }
    if let Some(proxy) = proxy(settings, connector.endpoint())? {
        note(&format!("through the proxy {proxy}"));
        connector = connector.proxy(proxy);
    }
    // A certificate beside a user is shown, and the user logs in.
    let by_certificate = settings.auth == Auth::Certificate
        || (settings.auth == Auth::Auto && settings.cert.is_some() && user.is_none());
    match &settings.cert {
        Some(cert) => {
            let certificate = client_certificate(settings, cert, by_certificate, &name)?;
            connector = connector.client_certificate(certificate);
        }
        None if settings.auth == Auth::Certificate => {
            return Err(Problem::usage(
                "no client certificate: give --cert, and --key where the key is in another file",
            ));
        }
        None => {}
    }
    if by_certificate {
        let connector = recorded(connector, "", None, context).auth(AuthChoice::Certificate);
        let session = connector.session().map_err(|error| Problem::from(crate::wsman::Error::from(error)))?;
        return Ok(Opened { session, server: None, name, secret });
    }
    let tickets = ticket_source(settings, user.as_ref(), has_name);
    let password_given = !matches!(settings.password, PasswordSource::Prompt);
    if user.is_none() && tickets.is_none() {
        return Err(Problem::usage(
            "no user: give -u, HVR_USER, or a profile; or Kerberos tickets (kinit, --keytab); or --simulate for a \
             rehearsal without a host",
        ));
    }
    // Beside tickets a password that was given may serve where they do not.
    let with_password = tickets.is_none() || (password_given && settings.auth != Auth::Kerberos);
    let mut read = None;
    if let Some(user) = user.as_ref().filter(|_| with_password) {
        let secret = match secret {
            Some(secret) => secret,
            None => password(&settings.password, user_text(settings), &name)?,
        };
        read = Some(secret.clone());
        connector = connector.credentials(Credentials { user: user.clone(), password: secret });
    }
    if let Some(source) = tickets {
        connector = connector.tickets(user, source);
    }
    let connector = recorded(connector, user_text(settings), read.as_ref(), context);
    let session = connector.session().map_err(|error| Problem::from(crate::wsman::Error::from(error)))?;
    Ok(Opened { session, server: None, name, secret: read })
}

/// Reads the client certificate; the password options are for its key where it is what logs in.
fn client_certificate(
    settings: &Settings,
    cert: &Path,
    password_is_for_key: bool,
    host: &str,
) -> Result<ClientCertificate, Problem> {
    let read = |file: &Path| {
        let bytes = std::fs::read(file).map(zeroize::Zeroizing::new);
        bytes.map_err(|error| Problem::usage(format!("cannot read {}: {error}", file.display())))
    };
    let certificate = read(cert)?;
    let key_file = settings.key.as_deref().unwrap_or(cert);
    let key = read(key_file)?;
    let is_pkcs12 = ClientCertificate::is_binary(&certificate);
    let open = |password: Option<&Secret>| match is_pkcs12 {
        true => ClientCertificate::pkcs12(&certificate, password),
        false => ClientCertificate::pem(&certificate, &key, password),
    };
    // A PKCS#12 file may have no password at all.
    let locked = if is_pkcs12 { open(None).is_err() } else { ClientCertificate::is_encrypted_pem(&key) };
    let secret = match (locked, password_is_for_key) {
        (false, _) => None,
        (true, true) => Some(password(&settings.password, &format!("the key in {}", key_file.display()), host)?),
        (true, false) => {
            return Err(Problem::usage(format!(
                "the key in {} is encrypted, and the password options are for the user: use --auth certificate, or a key \
                 without a password",
                key_file.display()
            )));
        }
    };
    open(secret.as_ref()).map_err(|error| {
        let file = if is_pkcs12 || error == ClientCertificateError::NoCertificate { cert } else { key_file };
        Problem::usage(format!("{}: {error}", file.display()))
    })
}

/// Where Kerberos tickets come from, if not from a password.
fn ticket_source(settings: &Settings, user: Option<&UserName>, has_name: bool) -> Option<TicketSource> {
    if matches!(settings.auth, Auth::Basic | Auth::Ntlm | Auth::Certificate) {
        return None;
    }
    if let Some(keytab) = &settings.keytab {
        return Some(TicketSource::Keytab(keytab.clone()));
    }
    let password_given = !matches!(settings.password, PasswordSource::Prompt) && user.is_some();
    if password_given {
        return None;
    }
    // Nobody is asked for a password that the tickets in the cache make needless.
    let cached = || Tickets::acquire(user, &TicketSource::Cache);
    match settings.auth {
        Auth::Kerberos if user.is_some() && is_interactive() && cached().is_err() => None,
        Auth::Kerberos => Some(TicketSource::Cache),
        _ if has_name && user.is_none_or(|user| user.domain().is_empty()) && cached().is_ok() => {
            Some(TicketSource::Cache)
        }
        _ => None,
    }
}

/// Observed by the recording of this command if there is one, which is told what to hide.
fn recorded(connector: Connector, user: &str, secret: Option<&Secret>, context: &Context) -> Connector {
    let Some(recorder) = &context.recorder else { return connector };
    recorder.expect(connector.endpoint().host(), user, secret.map(Secret::expose).unwrap_or_default());
    connector.observer(recorder.clone())
}

fn user_text(settings: &Settings) -> &str {
    settings.user.as_deref().unwrap_or("")
}

/// The endpoint that the settings name.
pub fn endpoint(settings: &Settings) -> Result<(Endpoint, String), Problem> {
    let host = settings.host.as_deref().ok_or_else(|| {
        Problem::usage("no host: give -H, HVR_HOST, or a profile; or --simulate for a rehearsal without a host")
    })?;
    Ok((parse_endpoint(host, settings.http)?, host.to_owned()))
}

fn parse_endpoint(host: &str, http: bool) -> Result<Endpoint, Problem> {
    let parsed = if http { Endpoint::http(host) } else { host.parse() };
    parsed.map_err(|error| Problem::usage(format!("host {host:?}: {error}")))
}

/// The proxy that the settings name.
pub fn proxy(settings: &Settings, endpoint: &Endpoint) -> Result<Option<Proxy>, Problem> {
    match &settings.proxy {
        ProxySetting::None => Ok(None),
        ProxySetting::Url(url) => {
            url.expose().parse().map(Some).map_err(|error| Problem::usage(format!("the proxy: {error}")))
        }
        ProxySetting::Environment => Proxy::from_environment(endpoint)
            .map_err(|error| Problem::usage(format!("the proxy that the environment names: {error}"))),
    }
}

/// The trust that the settings name, said aloud where it is more than the system's roots.
pub fn trust(settings: &Settings, tls: bool) -> Result<Trust, Problem> {
    if !tls {
        return Ok(Trust::system());
    }
    match &settings.trust {
        TrustSetting::System => Ok(Trust::system()),
        TrustSetting::Ca(file) => {
            let bytes = std::fs::read(file)
                .map_err(|error| Problem::usage(format!("cannot read {}: {error}", file.display())))?;
            Trust::ca(&bytes).map_err(|error| Problem::usage(format!("{}: {error}", file.display())))
        }
        TrustSetting::Pin(pin) => {
            let pin: Pin = pin.parse().map_err(|error| Problem::usage(format!("--pin-sha256: {error}")))?;
            note(&format!("trusting exactly the certificate {pin}, whatever its chain, name and dates"));
            Ok(Trust::pin(pin))
        }
        TrustSetting::Insecure => {
            note(
                "--insecure: ANY certificate is trusted; whoever sits between can read and change everything, the password's proof included",
            );
            Ok(Trust::dangerous_accept_any_certificate())
        }
    }
}

/// The scenario in a file, or the default one.
pub fn scenario(file: Option<&Path>) -> Result<Scenario, Problem> {
    let Some(file) = file else { return Ok(Scenario::default()) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Problem::usage(format!("cannot read {}: {error}", file.display())))?;
    Scenario::from_toml(&text)
        .map_err(|error| Problem::usage(format!("{}: {}", file.display(), error.to_string().trim_end())))
}

/// Reads the password where the settings say; one line end after it is not part of it.
pub fn password(source: &PasswordSource, user: &str, host: &str) -> Result<Secret, Problem> {
    let text = match source {
        PasswordSource::Value(secret) => return Ok(secret.clone()),
        PasswordSource::File(file) => {
            warn_if_readable_by_all(file);
            let fail = |error: std::io::Error| {
                Problem::usage(format!("cannot read the password file {}: {error}", file.display()))
            };
            bounded(std::fs::File::open(file).map_err(fail)?).map_err(fail)?
        }
        PasswordSource::Stdin => {
            let fail = |error: std::io::Error| {
                Problem::usage(format!("cannot read the password from standard input: {error}"))
            };
            bounded(std::io::stdin().lock()).map_err(fail)?
        }
        PasswordSource::Prompt if is_interactive() => {
            let prompt = super::output::printable(&format!("Password of {user} on {host}: "));
            return super::stop::in_prompt(|| rpassword::prompt_password(prompt))
                .map(Secret::from)
                .map_err(|error| Problem::usage(format!("cannot read the password: {error}")));
        }
        PasswordSource::Prompt => {
            return Err(Problem::usage(
                "no password: give --password-file, --password-stdin, HVR_PASSWORD_FILE or HVR_PASSWORD (there is no terminal to ask on)",
            ));
        }
    };
    let line = text.strip_suffix("\r\n").or(text.strip_suffix('\n')).unwrap_or(&text);
    let secret = Secret::from(line);
    drop(zeroize::Zeroizing::new(text));
    if secret.expose().is_empty() {
        return Err(Problem::usage("the password is empty"));
    }
    Ok(secret)
}

/// No password is longer than this; a mistaken file may be.
const LONGEST_PASSWORD: u64 = 64 * 1024;

fn bounded(from: impl Read) -> std::io::Result<String> {
    let mut text = String::with_capacity(1024);
    from.take(LONGEST_PASSWORD).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(unix)]
fn warn_if_readable_by_all(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if std::fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o004 != 0) {
        note(&format!("the password file {} can be read by everybody on this machine: chmod 600 it", file.display()));
    }
}

#[cfg(not(unix))]
fn warn_if_readable_by_all(_: &Path) {}
