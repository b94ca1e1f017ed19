//! Through tinyproxy (CONNECT) and microsocks (SOCKS5), with and without a login there.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hyperv_replica::auth::Mechanism;
use hyperv_replica::transport::{AuthChoice, Connector, Proxy};
use hyperv_replica::wsman::{Delivery, ExchangeErrorKind};

use super::acceptor::{Acceptor, echo, fails, once, repeatable};
use super::kerberos::{cache, start};
use super::{ADMIN, block_on};

/// Each login through each proxy, bound to the host's certificate inside TLS, sealed outside of it.
#[test]
#[ignore = "run tests/interop/run"]
fn logins_go_through() {
    type Way = fn(Connector) -> Connector;
    let kerberos: Way = |connector| connector.auth(AuthChoice::Kerberos).tickets(None, cache());
    let spnego: Way = |connector| connector.auth(AuthChoice::Negotiate).tickets(None, cache());
    block_on(async {
        let (tunnel, socks) = (Running::tinyproxy(false), Running::microsocks(false));
        let (locked_tunnel, locked_socks) = (Running::tinyproxy(true), Running::microsocks(true));
        for (proxy, tls) in [
            (tunnel.url("http", ""), true),
            (locked_tunnel.url("http", "user:Proxy-Horse-3@"), true),
            (socks.url("socks5", ""), true),
            (socks.url("socks5h", ""), true),
            (socks.url("socks5", ""), false),
            (locked_socks.url("socks5h", "user:Proxy-Horse-3@"), false),
        ] {
            let proxy: Proxy = proxy.parse().unwrap();
            let modes = if tls { &["--tls=rsa-sha256"][..] } else { &[] };
            for (mechanism, scheme, way, requests) in
                [("gss-kerberos", "Kerberos", kerberos, 2), ("gss-spnego", "Negotiate", spnego, 2)]
            {
                let acceptor = start(mechanism, scheme, modes).by_name();
                let session = way(acceptor.bare_connector().proxy(proxy.clone())).session().unwrap();
                echo(&session, repeatable(0)).await;
                echo(&session, once(1)).await;
                assert_eq!(session.login().unwrap().mechanism, Some(Mechanism::Kerberos));
                let requests = requests + 1 + u64::from(tls);
                assert_eq!((session.requests(), session.connections()), (requests, 1), "{proxy}");
                assert_eq!(session.peer_pin().is_some(), tls);
                acceptor.end();
            }
            let acceptor = Acceptor::start("pyspnego", modes);
            let session = acceptor.connector(ADMIN).proxy(proxy).session().unwrap();
            echo(&session, repeatable(0)).await;
            echo(&session, once(1)).await;
            assert_eq!((session.requests(), session.connections()), (3, 1));
            acceptor.end();
        }
    });
}

#[test]
#[ignore = "run tests/interop/run"]
fn what_a_proxy_refuses() {
    block_on(async {
        let (tunnel, socks) = (Running::tinyproxy(true), Running::microsocks(true));
        let acceptor = Acceptor::start("pyspnego", &["--tls=rsa-sha256"]);
        let gone = format!("http://127.0.0.1:{}", free_port());
        for (proxy, says) in [
            (tunnel.url("http", ""), "wants a login (407)"),
            (tunnel.url("http", "user:Wrong-Horse-0@"), "tunnel"),
            (socks.url("socks5", ""), "the proxy socks5://127.0.0.1"),
            (socks.url("socks5", "user:Wrong-Horse-0@"), "the proxy socks5://127.0.0.1"),
            (gone, "refuses connections"),
            ("http://proxy.invalid:1".to_owned(), "or that of the proxy http://proxy.invalid:1, cannot be resolved"),
        ] {
            let session = acceptor.connector(ADMIN).proxy(proxy.parse().unwrap()).session().unwrap();
            let error = fails(&session, repeatable(0)).await;
            assert!(error.is_unreachable() && error.delivery() == Delivery::NotSent, "{error:?}");
            assert!(error.to_string().contains(says), "{error}");
            assert!(!format!("{error:?}").contains("Horse"), "{error:?}");
        }
        assert!(acceptor.end().is_empty());

        let plain = Acceptor::start("pyspnego", &[]);
        let error = plain.connector(ADMIN).proxy(tunnel.url("http", "").parse().unwrap()).session().unwrap_err();
        assert_eq!(error.kind(), ExchangeErrorKind::Configuration);
        assert!(error.to_string().contains("SOCKS5") && error.to_string().contains("https"), "{error}");
        assert!(plain.end().is_empty());
    });
}

/// A proxy on 127.0.0.1; it ends with this value.
pub struct Running {
    process: Child,
    port: u16,
    _configuration: Option<tempfile::NamedTempFile>,
}

impl Running {
    pub fn tinyproxy(locked: bool) -> Self {
        let port = free_port();
        let login = if locked { "BasicAuth user Proxy-Horse-3\n" } else { "" };
        let configuration = tempfile::NamedTempFile::new().unwrap();
        let text = format!("Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nAllow 127.0.0.1\n{login}");
        std::fs::write(configuration.path(), text).unwrap();
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(configuration.path());
        Self::start(command, port, Some(configuration))
    }

    fn microsocks(locked: bool) -> Self {
        let port = free_port();
        let mut command = Command::new("microsocks");
        command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
        if locked {
            command.args(["-u", "user", "-P", "Proxy-Horse-3"]);
        }
        Self::start(command, port, None)
    }

    fn start(mut command: Command, port: u16, configuration: Option<tempfile::NamedTempFile>) -> Self {
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let running = Self { process, port, _configuration: configuration };
        let listens = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(25));
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        assert!(listens, "{command:?} does not listen");
        running
    }

    pub fn url(&self, scheme: &str, login: &str) -> String {
        format!("{scheme}://{login}127.0.0.1:{}", self.port)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
