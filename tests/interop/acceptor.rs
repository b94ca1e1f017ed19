//! A listener of `acceptor.py`, and what is sent to it.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use hyperv_replica::auth::Credentials;
use hyperv_replica::transport::{AuthChoice, Connector, Endpoint, Session, Trust};
use hyperv_replica::wsman::{Exchange, ExchangeError, Identify, Message};
use serde_json::Value;

use super::{Account, TIMEOUT, envelope};

/// A running `acceptor.py`. It also ends when the pipe to it breaks, so none outlives this process.
pub struct Acceptor {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub endpoint: Endpoint,
    pub certificate: Option<String>,
    /// Client certificates it made.
    pub clients: Value,
}

impl Acceptor {
    pub fn start(mechanism: &str, modes: &[&str]) -> Self {
        Self::start_in(mechanism, modes, &[])
    }

    /// With further variables in its environment.
    pub fn start_in(mechanism: &str, modes: &[&str], variables: &[(&str, String)]) -> Self {
        Self::launch("acceptor.py", &[&["--mechanism", mechanism], modes].concat(), variables)
    }

    /// Another listener that speaks to us in the same way.
    pub fn launch(script: &str, arguments: &[&str], variables: &[(&str, String)]) -> Self {
        let python = std::env::var_os("HVR_INTEROP").expect("HVR_INTEROP names no Python: run tests/interop/run");
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop");
        let mut process = Command::new(python)
            .arg(format!("{folder}/{script}"))
            .args(arguments)
            .env("NTLM_USER_FILE", format!("{folder}/users"))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next().expect("the acceptor does not start").unwrap();
        let first: Value = serde_json::from_str(&first).unwrap();
        let certificate = first["certificate"].as_str().map(str::to_owned);
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let endpoint = format!("{scheme}://127.0.0.1:{}", first["port"]).parse().unwrap();
        Self { process, lines, endpoint, certificate, clients: first["clients"].clone() }
    }

    pub fn connector(&self, (user, password): Account<'_>) -> Connector {
        let credentials = Credentials { user: user.parse().unwrap(), password: password.into() };
        self.bare_connector().auth(AuthChoice::Negotiate).credentials(credentials)
    }

    /// Without anything to log in with.
    pub fn bare_connector(&self) -> Connector {
        let connector = Connector::new(self.endpoint.clone());
        match &self.certificate {
            Some(pem) => connector.trust(Trust::ca(pem.as_bytes()).unwrap()),
            None => connector,
        }
    }

    /// The same listener under the name localhost.
    pub fn by_name(mut self) -> Self {
        self.endpoint = self.endpoint.url().replace("127.0.0.1", "localhost").parse().unwrap();
        self
    }

    pub fn session(&self, account: Account<'_>) -> Session {
        self.connector(account).session().unwrap()
    }

    /// Ends it; brings a line for each request, none of which may tell of a fault.
    pub fn end(mut self) -> Vec<Value> {
        drop(self.process.stdin.take());
        let lines = self.lines.by_ref().map(|line| serde_json::from_str(&line.unwrap()).unwrap());
        let lines: Vec<Value> = lines.collect();
        for line in &lines {
            assert!(line["fault"].is_null(), "{line}");
        }
        assert!(self.process.wait().unwrap().success());
        lines
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        if std::thread::panicking() {
            for line in self.lines.by_ref().map_while(Result::ok) {
                println!("{line}");
            }
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub async fn echo(session: &Session, message: Message) {
    let sent = message.bytes().to_vec();
    let reply = session.send(message).await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(reply.bytes == sent, "{} bytes came back for {}", reply.bytes.len(), sent.len());
}

pub async fn fails(session: &Session, message: Message) -> ExchangeError {
    session.send(message).await.expect_err("the acceptor must not be talked to")
}

pub fn repeatable(number: usize) -> Message {
    Message::repeatable(&Identify, format!("uuid:{number}"), envelope(number), TIMEOUT)
}

pub fn once(number: usize) -> Message {
    Message::once("InitiateFailover", format!("uuid:{number}"), envelope(number), TIMEOUT)
}
