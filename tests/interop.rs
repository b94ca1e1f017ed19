//! Our login and sealing judged by software not written here: pyspnego and gss-ntlmssp.
//!
//! Runs where `HVR_INTEROP` is set, by `tests/interop/run`, which installs what it needs; elsewhere it says that it is
//! skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a panic is the report of a test"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hyperv_replica::auth::Credentials;
use hyperv_replica::transport::{Connector, Endpoint, Session, Trust};
use hyperv_replica::wsman::{Exchange, ExchangeErrorKind, Identify, Message};
use serde_json::{Value, json};

const USERS: &str =
    "LAB:operator:Passw0rd!\n:local:plain\nLAB:jürgen:Pässwörd€\n:upn@lab.test:upn-pass\nLAB.TEST:upn:upn-pass\n";

/// A running acceptor; it ends with this value, by its own process id.
struct Acceptor {
    child: Child,
    port: u16,
    stats: u16,
    /// In DER; empty over plain HTTP.
    certificate: Vec<u8>,
    _users: tempfile::NamedTempFile,
}

impl Acceptor {
    fn start(engine: &str, options: &[&str]) -> Acceptor {
        let python = std::env::var("HVR_INTEROP_PYTHON").expect("HVR_INTEROP_PYTHON names the python to use");
        let mut users = tempfile::NamedTempFile::new().unwrap();
        users.write_all(USERS.as_bytes()).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/acceptor.py");
        let mut child = Command::new(python)
            .args([script, "--engine", engine])
            .args(options)
            .env("NTLM_USER_FILE", users.path())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let hello: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the acceptor did not start: {line}"));
        let hex = hello["certificate"].as_str().unwrap().as_bytes();
        let certificate =
            hex.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
        let port = |name| u16::try_from(hello[name].as_u64().unwrap()).unwrap();
        Acceptor { child, port: port("port"), stats: port("stats"), certificate, _users: users }
    }

    fn session(&self, user: &str, password: &str) -> Session {
        let credentials = Credentials { user: user.parse().unwrap(), password: password.into() };
        let host = format!("127.0.0.1:{}", self.port);
        let endpoint: Endpoint =
            if self.certificate.is_empty() { Endpoint::http(&host).unwrap() } else { host.parse().unwrap() };
        let connector = Connector::new(endpoint).credentials(credentials);
        match self.certificate.is_empty() {
            true => connector.session().unwrap(),
            false => connector.trust(Trust::ca(&self.certificate).unwrap()).session().unwrap(),
        }
    }

    /// What the acceptor has seen so far.
    fn stats(&self) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.stats)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(b"GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").expect("no statistics");
        serde_json::from_str(body).unwrap()
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn repeatable(text: &str) -> Message {
    Message::repeatable(&Identify, "uuid:1", text.as_bytes().to_vec(), Duration::from_secs(20))
}

fn once(text: &str) -> Message {
    Message::once("urn:once", "uuid:2", text.as_bytes().to_vec(), Duration::from_secs(20))
}

/// Sends bodies of many sizes and expects each one back.
async fn converse(session: &Session, what: &str) {
    let large = format!("<big>{}</big>", "é".repeat(50 * 1024));
    for text in ["<a/>", &large, "<b>x</b>", &large] {
        let reply = session.send(repeatable(text)).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!((reply.status, String::from_utf8(reply.bytes).unwrap().as_str()), (200, text), "{what}");
    }
    let reply = session.send(once("<c/>")).await.unwrap();
    assert_eq!(reply.bytes, b"<c/>", "{what}");
}

fn engines() -> Option<&'static [&'static str]> {
    if std::env::var_os("HVR_INTEROP").is_some() {
        return Some(&["pyspnego", "gss"]);
    }
    println!("skipped: HVR_INTEROP is not set; run tests/interop/run");
    None
}

#[tokio::test]
async fn users_of_every_form_are_let_in_and_bodies_sealed_both_ways() {
    for engine in engines().unwrap_or_default() {
        for (user, password) in [
            ("LAB\\operator", "Passw0rd!"),
            ("lab\\OPERATOR", "Passw0rd!"),
            ("LAB\\jürgen", "Pässwörd€"),
            ("local", "plain"),
            ("upn@lab.test", "upn-pass"),
        ] {
            // NTOWFv2 keeps the case of the domain, and this acceptor looks domains up by it.
            if user == "lab\\OPERATOR" && *engine == "gss" {
                continue;
            }
            let acceptor = Acceptor::start(engine, &[]);
            converse(&acceptor.session(user, password), &format!("{engine} {user}")).await;
            let stats = acceptor.stats();
            assert_eq!(stats["errors"], json!([]), "{engine} {user}");
            assert_eq!((&stats["users"], &stats["targets"]), (&json!([user]), &json!(["HTTP/127.0.0.1"])), "{engine}");
            assert_eq!((&stats["authenticates"], &stats["opened"]), (&json!(1), &json!(5)), "{engine} {user}");
            assert!(stats["largest"].as_u64().unwrap() > 100 * 1024);
        }
    }
}

#[tokio::test]
async fn a_first_message_costs_two_requests_with_http_sys_and_three_elsewhere() {
    for engine in engines().unwrap_or_default() {
        for (options, requests) in [(&[][..], 2), (&["--server", "another", "--body-with-token", "no"][..], 3)] {
            let acceptor = Acceptor::start(engine, options);
            let session = acceptor.session("LAB\\operator", "Passw0rd!");
            session.send(repeatable("<a/>")).await.unwrap();
            assert_eq!(acceptor.stats()["requests"], requests, "{engine} {options:?}");
            session.send(repeatable("<a/>")).await.unwrap();
            session.send(once("<a/>")).await.unwrap();
            assert_eq!(acceptor.stats()["requests"], requests + 2, "{engine} {options:?}");
            assert_eq!(session.connections(), 1);
            // A message that must go out once never rides on a token.
            let session = acceptor.session("LAB\\operator", "Passw0rd!");
            session.send(once("<a/>")).await.unwrap();
            assert_eq!(acceptor.stats()["requests"], requests + 2 + 3, "{engine} {options:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    for engine in engines().unwrap_or_default() {
        for (user, password) in [("LAB\\operator", "wrong"), ("LAB\\jürgen", "passwörd€"), ("LAB\\nobody", "Passw0rd!")]
        {
            let acceptor = Acceptor::start(engine, &[]);
            let session = acceptor.session(user, password);
            for _ in 0..3 {
                let error = session.send(repeatable("<a/>")).await.unwrap_err();
                assert_eq!(error.kind(), ExchangeErrorKind::Login, "{engine}: {error}");
            }
            let stats = acceptor.stats();
            assert_eq!((stats["authenticates"].as_u64(), stats["opened"].as_u64()), (Some(1), Some(0)), "{engine}");
            // Refused by the library, and for the password: everything else about the login was in order.
            assert_eq!((&stats["refused"], &stats["requests"]), (&json!(1), &json!(2)), "{engine}: {stats}");
        }
    }
}

#[tokio::test]
async fn chunked_replies_are_read() {
    for engine in engines().unwrap_or_default() {
        for options in [&["--chunked"][..], &["--chunked", "--tls"]] {
            let acceptor = Acceptor::start(engine, options);
            converse(&acceptor.session("LAB\\operator", "Passw0rd!"), engine).await;
            assert_eq!(acceptor.stats()["errors"], json!([]), "{engine} {options:?}");
        }
    }
}

#[tokio::test]
async fn channel_binding_is_required_and_right() {
    for engine in engines().unwrap_or_default() {
        let acceptor = Acceptor::start(engine, &["--tls"]);
        let session = acceptor.session("LAB\\operator", "Passw0rd!");
        converse(&session, engine).await;
        let stats = acceptor.stats();
        assert_eq!((&stats["errors"], &stats["authenticates"]), (&json!([]), &json!(1)), "{engine}");
        assert_eq!((&stats["requests"], session.connections()), (&json!(6), 1), "{engine}");

        let acceptor = Acceptor::start(engine, &["--tls", "--wrong-binding"]);
        let session = acceptor.session("LAB\\operator", "Passw0rd!");
        for _ in 0..2 {
            let error = session.send(repeatable("<a/>")).await.unwrap_err();
            assert_eq!(error.kind(), ExchangeErrorKind::Login, "{engine}: {error}");
        }
        let stats = acceptor.stats();
        assert_eq!((&stats["authenticates"], &stats["opened"]), (&json!(1), &json!(0)), "{engine}");
        // The acceptor must have found the binding wrong, not something else.
        let found = stats["errors"].to_string();
        let wanted = if *engine == "gss" { GSS_BINDING_DIFFERS } else { "BadBindings" };
        assert!(found.contains(wanted), "{engine}: {found}");
    }
}

#[tokio::test]
async fn a_connection_closed_after_the_401_is_never_dialled_again_in_silence() {
    for engine in engines().unwrap_or_default() {
        // The challenge belongs to its connection: nothing can be made of it on another one.
        let acceptor = Acceptor::start(engine, &["--close-after-401", "challenge"]);
        let session = acceptor.session("LAB\\operator", "Passw0rd!");
        let error = session.send(repeatable("<a/>")).await.unwrap_err();
        assert_eq!(error.kind(), ExchangeErrorKind::ConnectionLost, "{engine}: {error}");
        assert!(error.to_string().contains("clos"), "{engine}: {error}");
        let stats = acceptor.stats();
        assert_eq!((stats["authenticates"].as_u64(), stats["opened"].as_u64()), (Some(0), Some(0)), "{engine}");

        // Nothing was asked yet: the login begins anew on a new connection, and costs one request more.
        for closing in ["bare-once", "silent-once"] {
            let acceptor = Acceptor::start(engine, &["--close-after-401", closing]);
            let session = acceptor.session("LAB\\operator", "Passw0rd!");
            converse(&session, engine).await;
            let stats = acceptor.stats();
            assert_eq!((&stats["authenticates"], &stats["errors"]), (&json!(1), &json!([])), "{engine} {closing}");
            assert_eq!((&stats["requests"], session.connections()), (&json!(7), 2), "{engine} {closing}");
        }

        // A server that never comes to a challenge is left alone after the second try.
        let acceptor = Acceptor::start(engine, &["--close-after-401", "bare-always"]);
        let session = acceptor.session("LAB\\operator", "Passw0rd!");
        let error = session.send(repeatable("<a/>")).await.unwrap_err();
        assert_eq!(error.kind(), ExchangeErrorKind::Scheme, "{engine}: {error}");
        let stats = acceptor.stats();
        assert_eq!((&stats["requests"], &stats["authenticates"]), (&json!(2), &json!(0)), "{engine}");
    }
}

/// What gss-ntlmssp says where the binding differs, and nowhere else: a defective token and EACCES.
const GSS_BINDING_DIFFERS: &str = "gss_accept_sec_context: 0x90000 13";
