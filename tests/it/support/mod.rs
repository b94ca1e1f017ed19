//! What the tests share: a simulated host, a client of it, a clock and an operator.

pub mod capture;
pub mod dmtf;
pub mod exposition;
pub mod hostile_host;
pub mod liar;
pub mod oracle;
pub mod process;
pub mod proxy;
pub mod random;
pub mod schema;
pub mod secrets;
pub mod session_key;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hyperv_replica::auth::Credentials;
use hyperv_replica::failover::journal::Uptime;
use hyperv_replica::failover::{Clock, Event, Operator, Proposal};
use hyperv_replica::simulator::{Scenario, Server, ServerOptions, SimulatorClock, VirtualClock};
use hyperv_replica::transport::{Connector, Endpoint, Session, Trust};

/// A server with a scenario in TOML.
pub async fn serve(scenario: &str, options: ServerOptions) -> Server {
    Server::start(Scenario::from_toml(scenario).unwrap(), options).await.unwrap()
}

/// A session with a server, with its own user and password.
pub fn session(server: &Server) -> Session {
    connect(server, &server.user(), server.password().expose())
}

/// A session with a server as somebody else.
pub fn connect(server: &Server, user: &str, password: &str) -> Session {
    let endpoint: Endpoint = server.url().parse().unwrap();
    let credentials = Credentials { user: user.parse().unwrap(), password: password.into() };
    let connector = Connector::new(endpoint).credentials(credentials);
    match server.certificate_der() {
        Some(der) => connector.trust(Trust::ca(der).unwrap()).session().unwrap(),
        None => connector.session().unwrap(),
    }
}

/// The clock of a simulated host, seen by the client: both live in the same virtual time.
pub struct SharedClock(pub VirtualClock);

impl Clock for SharedClock {
    fn now(&self) -> Duration {
        SimulatorClock::now(&self.0)
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + SimulatorClock::now(&self.0)
    }

    fn uptime(&self) -> Option<Uptime> {
        Some(Uptime { boot: "virtual".to_owned(), time: SimulatorClock::now(&self.0) })
    }

    async fn sleep(&self, duration: Duration) {
        self.0.advance(duration);
    }
}

/// Says yes and remembers what happened.
#[derive(Default)]
pub struct Yes {
    pub events: Arc<Mutex<Vec<String>>>,
}

impl Operator for Yes {
    async fn confirm(&mut self, _: &Proposal) -> bool {
        true
    }

    fn event(&mut self, event: &Event<'_>) {
        self.events.lock().unwrap().push(format!("{event:?}").chars().take(80).collect());
    }
}
