//! From settings to a session: endpoint, trust, proxy, credentials; or an embedded simulated host.

mod credentials;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::auth::{Credentials, Secret};
use crate::clock::SystemClock;
use crate::hyperv::{Host, random_id};
use crate::simulator::{Pair, Scenario, Server, ServerOptions, Simulator};
use crate::transport::{Connector, Endpoint, EndpointError, Pin, PoolOptions, Pooled, Proxy, Session, Trust};
use crate::wsman::{ClassAddressing, Client, Exchange, Identity, Kept, Limits, Timeouts};

pub use credentials::ticket_source;

use super::Context;
use super::base::{Addressing, Base};
use super::output::note;
use super::password::PasswordSource;
use super::printed::Printed;
use super::problem::{Problem, chain};
use super::settings::{Auth, Origins, ProxySetting, Settings, TrustSetting};
use super::text_file;
use super::way::Way;

/// A session with a host, and what it takes to ask it.
pub struct Connection {
    session: Arc<Session>,
    /// The embedded host; it ends with the command.
    server: Option<Arc<Server>>,
    /// The name for people.
    pub name: String,
    timeouts: Timeouts,
    locale: Option<String>,
    limits: Limits,
    /// How the host's classes are addressed.
    addressing: ClassAddressing,
    /// On the command's clock.
    deadline: Arc<Mutex<Option<Duration>>>,
    clock: SystemClock,
    way: Way,
    origins: Origins,
}

impl Connection {
    /// Makes a connection ready; nothing is dialled before the first message.
    pub async fn open(context: &Context) -> Result<Connection, Problem> {
        let settings = &context.settings;
        if let Some(opened) = context.kept.find(0) {
            return Connection::over(opened, settings, context);
        }
        let opened = match settings.simulate {
            true => {
                let scenario = scenario(settings.scenario.as_deref())?;
                simulated(Simulator::new(scenario), "simulated host", context).await?
            }
            false => network(settings, None, context)?,
        };
        context.kept.keep(&opened);
        Connection::over(opened, settings, context)
    }

    /// Makes the connections to a host and to that of its primary ready; a password that both have is asked for once.
    pub async fn open_both(context: &Context, primary: Option<&Settings>) -> Result<(Connection, Connection), Problem> {
        let settings = &context.settings;
        if let (Some(host), Some(other)) = (context.kept.find(0), context.kept.find(1)) {
            let primary = primary.unwrap_or(settings);
            return Ok((Connection::over(host, settings, context)?, Connection::over(other, primary, context)?));
        }
        if settings.simulate {
            let pair = Pair::new(scenario(settings.scenario.as_deref())?);
            let host = simulated(pair.replica, "simulated host", context).await?;
            let primary = simulated(pair.primary, "simulated primary", context).await?;
            context.kept.keep(&host);
            context.kept.keep(&primary);
            return Ok((Connection::over(host, settings, context)?, Connection::over(primary, settings, context)?));
        }
        let primary = primary.ok_or_else(|| Problem::usage("this needs the primary's host too: --primary HOST"))?;
        let is_same = primary.password.is_same(&settings.password) && primary.user == settings.user;
        let host = network(settings, None, context)?;
        let other = network(primary, host.secret.clone().filter(|_| is_same), context)?;
        context.kept.keep(&host);
        context.kept.keep(&other);
        Ok((Connection::over(host, settings, context)?, Connection::over(other, primary, context)?))
    }

    /// A connection over what was opened before.
    pub fn over(opened: Opened, settings: &Settings, context: &Context) -> Result<Connection, Problem> {
        let Opened { session, server, name, .. } = opened;
        let timeouts = settings.operation_timeout.map_or_else(Timeouts::default, Timeouts::new);
        let mut limits = Limits::default();
        limits.kept = settings.max_list.map_or(limits.kept, Kept::mebibytes);
        Ok(Connection {
            session,
            server,
            name,
            timeouts,
            limits,
            locale: Some(settings.locale.clone().unwrap_or_else(|| "en-US".to_owned())),
            addressing: settings.addressing.classes(),
            deadline: Arc::new(Mutex::new(settings.timeout)),
            clock: context.clock,
            way: settings.way.clone(),
            origins: settings.origins.clone(),
        })
    }

    /// A command to run next, on the same host.
    pub fn command(&self, verb: &[&str]) -> Printed {
        Printed::of(verb).by(&self.way)
    }

    /// How the host is reached, as options.
    pub fn way(&self) -> &Way {
        &self.way
    }

    /// Says of a problem where the values came from that it may lie in.
    pub fn with_origins(&self, problem: Problem) -> Problem {
        match self.is_simulated() {
            true => problem,
            false => self.origins.told(problem, &self.name),
        }
    }

    /// Whether the host is a simulated one.
    pub fn is_simulated(&self) -> bool {
        self.server.is_some()
    }

    /// The settings by which the connection was made: those of an embedded host where there is one.
    pub fn settings(&self, given: &Settings) -> Settings {
        let Some(server) = &self.server else { return given.clone() };
        Settings {
            host: Some(server.url()),
            user: Some(server.user()),
            password: PasswordSource::Value(server.password().clone()),
            proxy: ProxySetting::None,
            trust: TrustSetting::System,
            auth: Auth::Auto,
            keytab: None,
            spn: None,
            cert: None,
            key: None,
            ..given.clone()
        }
    }

    /// The session.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// A Hyper-V host behind this connection.
    pub fn host(&self) -> Host<Arc<Session>> {
        Host::new(self.client(self.addressing.clone()))
    }

    /// Takes the form of class URIs that fits what answers, where nobody has said one. Says which, where it is another than
    /// that of Windows.
    pub fn learn(&mut self, identity: &Identity, context: &Context) -> Option<Base> {
        let said = &context.settings.addressing;
        let base = Base::of_identity(identity);
        if said.base.is_some() || base != Base::dmtf() {
            return None;
        }
        self.addressing = Addressing { base: Some(base.clone()), ..said.clone() }.classes();
        Some(base)
    }

    /// How the host's classes are addressed.
    pub fn addressing(&self) -> &ClassAddressing {
        &self.addressing
    }

    /// The same host over up to so many connections, for questions at the same time.
    pub fn pooled_host(&self, connections: usize) -> Host<Pooled> {
        let pooled = self.session.pooled(PoolOptions::default().connections(connections));
        Host::new(self.client_over(pooled, self.addressing.clone()))
    }

    /// A client for any classes.
    pub fn client(&self, addressing: ClassAddressing) -> Client<Arc<Session>> {
        self.client_over(self.session.clone(), addressing)
    }

    /// A client for any classes over an exchange that wraps the session's.
    pub fn client_over<E: Exchange>(&self, exchange: E, addressing: ClassAddressing) -> Client<E> {
        let (deadline, clock) = (self.deadline.clone(), self.clock);
        let deadline = move || *deadline.lock().unwrap_or_else(PoisonError::into_inner);
        Client::new(exchange, addressing, random_id)
            .with_timeouts(self.timeouts)
            .with_limits(self.limits.clone())
            .with_locale(self.locale.clone())
            .with_deadline(move || deadline().map(|deadline| deadline.saturating_sub(clock.elapsed())))
    }

    /// Gives everything that is sent from here on until then, on the command's clock: for cleaning up what was begun.
    pub fn put_off(&self, deadline: Duration) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Some(deadline);
    }
}

/// What a connection is made of.
#[derive(Clone)]
pub struct Opened {
    session: Arc<Session>,
    server: Option<Arc<Server>>,
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
    Ok(Opened { session: Arc::new(session), server: Some(Arc::new(server)), name: name.to_owned(), secret: None })
}

fn network(settings: &Settings, secret: Option<Secret>, context: &Context) -> Result<Opened, Problem> {
    let (endpoint, name) = endpoint(settings)?;
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
    let mut connector = Connector::new(endpoint).trust(trust);
    if let Some(proxy) = proxy(settings, connector.endpoint())? {
        note(&format!("through the proxy {proxy}"));
        connector = connector.proxy(proxy);
    }
    let (connector, secret) = credentials::add_to(connector, settings, secret, &context.interruption)?;
    let connector = recorded(connector, user_text(settings), secret.as_ref(), context);
    let session = connector.session().map_err(|error| Problem::from(crate::wsman::Error::from(error)))?;
    Ok(Opened { session: Arc::new(session), server: None, name, secret })
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
    parsed.map_err(|error| match error {
        // Whatever stands there may be a password.
        EndpointError::UserInfo => Problem::usage(format!("the host: {error}")),
        error => Problem::usage(format!("host {:?}: {error}", without_user(host))),
    })
}

/// A host as it was given, without what stands before an `@`: a password may.
fn without_user(host: &str) -> String {
    let (scheme, rest) = host.split_once("://").map_or((None, host), |(scheme, rest)| (Some(scheme), rest));
    let shown = rest.rsplit_once('@').map_or_else(|| rest.to_owned(), |(_, rest)| format!("…@{rest}"));
    scheme.map_or_else(|| shown.clone(), |scheme| format!("{scheme}://{shown}"))
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
            let bytes = text_file::bytes(file, text_file::MOST_CERTIFICATES)
                .map_err(|error| Problem::usage(format!("cannot read {}: {error}", file.display())))?;
            Trust::ca(&bytes).map_err(|error| Problem::usage(format!("{}: {error}", file.display())))
        }
        TrustSetting::Pin(pin) => {
            let pin: Pin = pin.parse().map_err(|error| Problem::usage(format!("--pin-sha256: {error}")))?;
            note(&format!("trusting exactly the certificate {pin}, whatever its chain, name and dates"));
            Ok(Trust::pin(pin))
        }
        TrustSetting::Insecure => {
            let what = match settings.auth {
                Auth::Basic => ", the password itself included",
                Auth::Certificate => "",
                _ => ", the password's proof included",
            };
            note(&format!(
                "--insecure: ANY certificate is trusted; whoever sits between can read and change everything{what}"
            ));
            Ok(Trust::dangerous_accept_any_certificate())
        }
    }
}

/// The scenario in a file, or the default one.
pub fn scenario(file: Option<&Path>) -> Result<Scenario, Problem> {
    let Some(file) = file else { return Ok(Scenario::default()) };
    let text = text_file::read(file, text_file::MOST_SETTINGS)
        .map_err(|error| Problem::usage(format!("cannot read {}: {error}", file.display())))?;
    Scenario::from_toml(&text)
        .map_err(|error| Problem::usage(format!("{}: {}", file.display(), error.to_string().trim_end())))
}
