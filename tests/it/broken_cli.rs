//! Servers that are broken, or something else: what a person reads of them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::cli::{Ran, hvr, ran};

/// What a server does with the first request of each connection.
#[derive(Clone)]
enum Does {
    /// Reads it, answers with these bytes, and closes.
    Says(Vec<u8>),
    /// The same, and keeps quiet without closing until the client has gone.
    Waits,
    /// Answers these bytes to whatever comes first.
    Blurts(Vec<u8>),
}

/// What it is, whether it speaks TLS, whether it is spoken to in TLS, what it does, the exit, what is said.
type Case<'c> = (&'c str, bool, bool, Does, i32, &'c [&'c str]);

/// A server on a thread; it ends with the value.
struct Broken {
    port: u16,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Broken {
    fn start(does: Does, tls: Option<Arc<ServerConfig>>) -> Broken {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if seen.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                match &tls {
                    None => serve(stream, &does),
                    Some(config) => {
                        let connection = ServerConnection::new(config.clone()).unwrap();
                        serve(StreamOwned::new(connection, stream), &does);
                    }
                }
            }
        });
        Broken { port, over, thread: Some(thread) }
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread up.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn serve(mut stream: impl Read + Write, does: &Does) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => head.extend_from_slice(&buffer[..length]),
        }
        let is_whole = head.windows(4).any(|window| window == b"\r\n\r\n");
        match does {
            Does::Blurts(bytes) => return drop(stream.write_all(bytes)),
            Does::Says(bytes) if is_whole => return drop(stream.write_all(bytes).and_then(|()| stream.flush())),
            _ => {}
        }
    }
}

fn http(status: &str, content_type: &str, body: &str) -> Does {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n");
    Does::Says([head.as_bytes(), body.as_bytes()].concat())
}

fn tls() -> Arc<ServerConfig> {
    let key = rcgen::KeyPair::generate().unwrap();
    let made = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    Arc::new(config)
}

/// What no text for people holds: names out of libraries' sources, their addresses, durations with all their digits,
/// passwords.
fn is_for_people(ran: &Ran) {
    const NEVER: &[&str] = &[
        "kind:",
        "Custom {",
        "Error {",
        "Error(",
        "Some(",
        "reqwest",
        "hyper:",
        "rustls",
        "docs.rs",
        "client error",
        "error sending request",
        "Connect)",
        "SendRequest",
        "close_notify",
        "before message completed",
        "parsed",
        "hunter2",
        "canary-pass-42",
    ];
    let text = format!("{}{}", ran.out, ran.err);
    for word in NEVER {
        assert!(!text.contains(word), "{word:?} in {text}");
    }
    let digits = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
    assert!(digits.is_none_or(|most| most < 9), "{text}");
    assert!(ran.err.lines().all(|line| !line.trim_end().ends_with(':')), "{text}");
}

#[test]
fn each_broken_server_is_named_in_plain_words() {
    const PLAIN: &[&str] = &[];
    const BASIC: &[&str] = &["--auth", "basic", "--insecure"];
    let page = "<!DOCTYPE html>\n<html><head><title>Sign in to\n the portal</title></head><body/></html>";
    let alert = vec![0x15, 3, 3, 0, 2, 2, 70];
    let config = tls();
    let cases: Vec<Case<'_>> = vec![
        ("tls in plain, alert", false, false, Does::Blurts(alert), 6, &["is not HTTP", "TLS port", "--http"]),
        ("tls in plain, for real", true, false, Does::Waits, 6, &["TLS port", "--http"]),
        ("tls in plain, closed", false, false, Does::Says(Vec::new()), 6, &["closed it", "TLS port"]),
        (
            "tls in plain, with a page",
            false,
            false,
            http("400 x", "text/html", "<html><title>400 The plain HTTP request was sent to HTTPS port</title>"),
            4,
            &["status 400 and an HTML page (\"400 The plain HTTP request was sent to HTTPS port\")"],
        ),
        ("500, nothing", false, false, http("500 x", "", ""), 4, &["status 500 and an empty body"]),
        (
            "200, a page",
            false,
            false,
            http("200 OK", "text/html", page),
            7,
            &["an HTML page (\"Sign in to the portal\")"],
        ),
        ("no status", false, false, Does::Says(b"HTTP/1.1 banana\r\n\r\n".to_vec()), 6, &["is not HTTP"]),
        (
            "cut",
            false,
            false,
            Does::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n<s:Env".to_vec()),
            6,
            &["in the middle of the reply: the other side closed it"],
        ),
        (
            "plain in tls",
            false,
            true,
            Does::Blurts(b"HTTP/1.1 400 Bad\r\n\r\n".to_vec()),
            6,
            &["not speak TLS", "--http"],
        ),
        ("plain in tls, closed", false, true, Does::Blurts(Vec::new()), 6, &["does this port speak TLS", "--http"]),
        ("plain in tls, waits", false, true, Does::Waits, 6, &["no TLS connection came to stand", "--http"]),
        (
            "200, a page, in TLS",
            true,
            true,
            http("200 OK", "text/html", page),
            4,
            &["an HTML page (\"Sign in to the portal\")", "portal or another service"],
        ),
        ("200, nothing, in TLS", true, true, http("200 OK", "text/html", ""), 4, &["an empty body"]),
        ("500, nothing, in TLS", true, true, http("500 x", "", ""), 4, &["status 500 and an empty body"]),
        ("502, a page, in TLS", true, true, http("502 x", "text/html", page), 4, &["status 502 and an HTML page"]),
        ("503, a page, in TLS", true, true, http("503 x", "text/html", page), 6, &["(503)", "Sign in to the portal"]),
        ("closed, in TLS", true, true, Does::Says(Vec::new()), 6, &["ended before a reply came"]),
        ("no HTTP in TLS", true, true, Does::Says(b"220 mail ready\r\n".to_vec()), 6, &["inside TLS is not HTTP"]),
        ("silent in TLS", true, true, Does::Waits, 6, &["no reply from"]),
    ];
    for (name, speaks_tls, in_tls, does, exit, says) in cases {
        let server = Broken::start(does, speaks_tls.then(|| config.clone()));
        let scheme = if in_tls { "https" } else { "http" };
        let host = format!("{scheme}://127.0.0.1:{}", server.port);
        // Odd, so that what is left of it has many digits.
        let base = ["status", "-H", &host, "-u", "admin", "--timeout", "2003ms"];
        let words = [&base[..], if in_tls { BASIC } else { PLAIN }].concat();
        let ran = ran(hvr(&words).env("HVR_PASSWORD", "canary-pass-42").output().unwrap());
        assert_eq!(ran.code, exit, "{name}: {}", ran.err);
        for text in says {
            assert!(ran.err.contains(text), "{name}: {text:?} in {}", ran.err);
        }
        is_for_people(&ran);
    }
}

#[test]
fn a_host_that_cannot_be_asked_is_named_in_plain_words() {
    // A port that nobody listens on.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("http://127.0.0.1:{free}");
    for (host, exit, says) in [
        (nobody.as_str(), 6, "refuses connections"),
        ("no-such-host.invalid", 6, "cannot be resolved"),
        ("https://bob:hunter2@h/wsman", 2, "holds a user name or password"),
        ("bob:hunter2@h", 2, "holds a user name or password"),
        ("ftp://bob:hunter2@h", 2, "holds a user name or password"),
        ("https://bob:hunter2@h:1:2/x?y", 2, "holds a user name or password"),
        ("ftp://h", 2, "\"ftp\" is not known"),
    ] {
        for format in ["table", "json"] {
            let words = ["status", "-H", host, "-u", "admin", "-o", format];
            let ran = ran(hvr(&words).env("HVR_PASSWORD", "canary-pass-42").output().unwrap());
            assert_eq!(ran.code, exit, "{host}: {}", ran.err);
            assert!(ran.err.contains(says), "{host}: {}", ran.err);
            is_for_people(&ran);
        }
    }
}
