//! Seals messages of three sizes by NTLM, by Kerberos and, for scale, by TLS.
//!
//! `cargo bench --bench sealing`. Kerberos takes a realm: `HVR_INTEROP=target/interop-venv/bin/python
//! tests/interop/realm.py cargo bench --bench sealing`, after one run of `tests/interop/run`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::as_conversions,
    missing_docs,
    reason = "a measurement"
)]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyperv_replica::auth::accept::{Acceptor, AcceptorOptions, Account, BindingPolicy};
use hyperv_replica::auth::{
    Credentials, Entropy, Handshake, Initiator, KerberosInitiator, KerberosOptions, Options, PartHeaders,
    SecurityContext, Step, TicketSource, Tickets, seal_message, unseal_message,
};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

const SIZES: [usize; 3] = [1024, 16 * 1024, 500 * 1024];
/// So much is sealed for one figure.
const VOLUME: usize = 48 * 1024 * 1024;

fn main() {
    println!("MB/s of processor time{:>18} B {:>12} B {:>12} B", SIZES[0], SIZES[1], SIZES[2]);
    let (mut client, mut server) = ntlm();
    line("NTLM, sealed and framed", |body, rounds| seal(&mut client, body, rounds));
    let (mut again, _) = ntlm();
    line("NTLM, unsealed", |body, rounds| {
        let sealed: Vec<_> =
            (0..rounds).map(|_| seal_message(&mut again, body, PartHeaders::Tabbed).unwrap()).collect();
        timed(|| {
            sealed.iter().for_each(|sealed| {
                black_box(unseal_message(&mut server, &sealed.content_type, &sealed.body).unwrap());
            })
        })
    });
    match kerberos("aes256-sha1") {
        None => println!("Kerberos: no realm, see the head of this file"),
        Some(_) => {
            for name in ["aes256-sha1", "aes128-sha1", "aes256-sha2", "rc4"] {
                let (mut context, encryption) = kerberos(name).unwrap();
                line(&format!("Kerberos {encryption}"), |body, rounds| seal(&mut context, body, rounds));
            }
        }
    }
    let (mut client, suite) = tls();
    line(&format!("rustls {suite}"), |body, rounds| {
        timed(|| {
            for _ in 0..rounds {
                let mut out = Vec::with_capacity(body.len() + 4096);
                client.writer().write_all(body).unwrap();
                while client.wants_write() {
                    client.write_tls(&mut out).unwrap();
                }
                black_box(out);
            }
        })
    });
}

fn line(name: &str, mut run: impl FnMut(&[u8], usize) -> Duration) {
    let rates = SIZES.map(|size| {
        let (body, rounds) = (vec![b'x'; size], VOLUME / size);
        run(&body, 1);
        (size * rounds) as f64 / 1e6 / run(&body, rounds).as_secs_f64()
    });
    println!("{name:<36} {:>8.0} {:>14.0} {:>14.0}", rates[0], rates[1], rates[2]);
}

fn seal(context: &mut SecurityContext, body: &[u8], rounds: usize) -> Duration {
    timed(|| {
        for _ in 0..rounds {
            black_box(seal_message(context, body, PartHeaders::Tabbed).unwrap());
        }
    })
}

/// On the processor, where the system tells: other work on the machine is no part of it.
fn timed(run: impl FnOnce()) -> Duration {
    let (wall, processor) = (Instant::now(), processor_time());
    run();
    match (processor, processor_time()) {
        (Some(before), Some(after)) => after - before,
        _ => wall.elapsed(),
    }
}

fn processor_time() -> Option<Duration> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    statistics.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn ntlm() -> (SecurityContext, SecurityContext) {
    let credentials = Credentials { user: "LAB\\admin".parse().unwrap(), password: "correct horse".into() };
    let entropy = Entropy { client_challenge: [1; 8], session_key: [2; 16] };
    let mut initiator = Initiator::new(&credentials, Options { binding: None, target_name: None, entropy, now: 0 });
    let account = Account { domain: "LAB".to_owned(), user: "admin".to_owned(), password: "correct horse".into() };
    let mut acceptor = Acceptor::new(AcceptorOptions {
        accounts: vec![account],
        computer: "HOST".to_owned(),
        domain: "LAB".to_owned(),
        dns_computer: String::new(),
        dns_domain: String::new(),
        binding: BindingPolicy::Ignore,
        server_challenge: [3; 8],
        now: 1,
    });
    let challenge = acceptor.challenge(&initiator.negotiate()).unwrap();
    let (token, client) = initiator.authenticate(&challenge).unwrap();
    (client, acceptor.authenticate(&token).unwrap().1)
}

/// Logs in to an acceptor of MIT Kerberos, in the realm that the environment names.
fn kerberos(name: &str) -> Option<(SecurityContext, &'static str)> {
    let (realm, python) = (std::env::var("HVR_REALM").ok()?, std::env::var_os("HVR_INTEROP")?);
    let mut acceptor = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/accept.py"))
        .env("KRB5_KTNAME", format!("{realm}/service.keytab"))
        .env("KRB5_CONFIG", format!("{realm}/only-{name}.conf"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let tickets = Tickets::acquire(None, &TicketSource::NamedCache(format!("{realm}/admin.ccache"))).unwrap();
    let service = format!("HTTP/{name}.hvr.test").parse().unwrap();
    let options = KerberosOptions { service, binding: None, delegate: false };
    let mut handshake = Handshake::from(KerberosInitiator::new(&tickets, &options).unwrap());
    let Step::More(token) = handshake.step(&[]).unwrap() else { unreachable!() };
    writeln!(acceptor.stdin.take().unwrap(), "{}", STANDARD.encode(token)).unwrap();
    let mut answer = String::new();
    BufReader::new(acceptor.stdout.take().unwrap()).read_line(&mut answer).unwrap();
    acceptor.wait().unwrap();
    assert_eq!(handshake.step(&STANDARD.decode(answer.trim()).unwrap()).unwrap(), Step::Done);
    let encryption = handshake.encryption().unwrap();
    Some((handshake.finish().unwrap().1, encryption))
}

/// A connection whose handshake is done; what it writes goes nowhere.
fn tls() -> (ClientConnection, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["hv.test".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from("hv.test").unwrap()).unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    client.set_buffer_limit(None);
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().unwrap();
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    let suite = format!("{:?}", client.negotiated_cipher_suite().unwrap().suite());
    (client, suite.trim_start_matches("TLS13_").to_owned())
}
