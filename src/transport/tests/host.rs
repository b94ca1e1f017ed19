//! A scripted host: raw TCP, real NTLM and sealing, and every way to misbehave that a test wants.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::auth::accept::{Acceptor, AcceptorOptions, Account, BindingPolicy, Strictness, unseal_request};
use crate::auth::{ChannelBinding, PartHeaders, SecurityContext, seal_message};

pub(super) const HTTP_SYS: &str = "Microsoft-HTTPAPI/2.0";
pub(super) const OTHER: &str = "OMI/1.8";
pub(super) const PASSWORD: &str = "correct horse";

/// What a host is like.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) server: &'static str,
    pub(super) schemes: &'static [&'static str],
    pub(super) quirk: Quirk,
    pub(super) tls: Option<ServerKey>,
    pub(super) strict_binding: bool,
    /// What the n-th message of all that got through gets.
    pub(super) script: fn(usize) -> Act,
}

/// How a host treats logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quirk {
    None,
    /// Says `Connection: close` with the challenge.
    SaysCloseWithChallenge,
    /// Closes after the challenge, without a word.
    DropsAfterChallenge,
    /// Names its schemes only, at the first request of all, and closes.
    NamesSchemesAndCloses,
    /// The same, and closes without a word.
    NamesSchemesAndDrops,
    /// The same, and keeps the connection.
    NamesSchemes,
    /// Never gives a challenge.
    NeverChallenges,
    /// Closes without an answer to the last token.
    VanishesAtLastToken,
    /// Answers nothing.
    Stalls,
    /// Answers everything with this status.
    Status(u16),
}

/// What one message gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// "re: " and the message, protected as the connection is.
    Good,
    /// The same, after a moment.
    Slow,
    /// The same, with this status.
    Fault(u16),
    /// The same, and then the connection is closed without a word.
    GoodThenDrop,
    /// The same, with `Connection: close`.
    GoodThenClose,
    /// The same, in chunks.
    Chunked,
    /// Clear text whatever the connection is.
    Clear(u16, &'static str),
    /// A sealed reply with one bit wrong.
    Tampered,
    /// Half of a reply, then the end.
    Cut,
    /// The connection ends without a reply.
    Vanish,
    /// A length beyond every limit, announced.
    HugeAnnounced,
    /// Chunks without end.
    HugeChunked,
    /// No reply, the connection stays.
    Stall,
    /// The login of this connection is over.
    Unauthorized,
}

#[derive(Clone)]
pub(super) struct ServerKey {
    pub(super) der: Vec<u8>,
    pub(super) pem: String,
    config: Arc<rustls::ServerConfig>,
}

/// What came in one request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) connection: usize,
    pub(super) token: Token,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    /// The message, where one got through.
    pub(super) message: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    None,
    Hello,
    Last,
    Basic(String),
}

pub(super) struct Host {
    pub(super) address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    plan: Plan,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    messages: AtomicUsize,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            server: HTTP_SYS,
            schemes: &["Negotiate", "Kerberos"],
            quirk: Quirk::None,
            tls: None,
            strict_binding: false,
            script: |_| Act::Good,
        }
    }
}

impl ServerKey {
    pub(super) fn new(params: rcgen::CertificateParams) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        Self::of(made.der().to_vec(), made.pem(), &key)
    }

    pub(super) fn of(der: Vec<u8>, pem: String, key: &rcgen::KeyPair) -> Self {
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![der.clone().into()], key.serialize_der().try_into().unwrap())
            .unwrap();
        Self { der, pem, config: Arc::new(config) }
    }
}

impl Host {
    pub(super) async fn start(plan: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            plan,
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            messages: AtomicUsize::new(0),
        });
        let shared = inner.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let inner = shared.clone();
                let number = inner.connections.fetch_add(1, Ordering::SeqCst);
                inner.open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    match &inner.plan.tls {
                        None => inner.serve(stream, number).await,
                        Some(key) => {
                            let acceptor = tokio_rustls::TlsAcceptor::from(key.config.clone());
                            if let Ok(stream) = acceptor.accept(stream).await {
                                inner.serve(stream, number).await;
                            }
                        }
                    }
                    inner.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, inner }
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.inner.requests.lock().unwrap().clone()
    }

    /// The kinds of requests so far, in one word each.
    pub(super) fn story(&self) -> String {
        let word = |request: &Request| match (&request.token, &request.message) {
            (Token::Hello, _) => "hello",
            (Token::Last, None) => "last",
            (Token::Last, Some(_)) => "last+message",
            (Token::Basic(_), _) => "basic",
            (Token::None, Some(_)) => "message",
            (Token::None, None) => "stranger",
        };
        let requests = self.requests();
        let words = requests.iter().map(|request| format!("{}:{}", request.connection, word(request)));
        words.collect::<Vec<_>>().join(" ")
    }

    pub(super) fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::SeqCst)
    }

    /// Connections that have not ended.
    pub(super) fn open(&self) -> usize {
        self.inner.open.load(Ordering::SeqCst)
    }

    /// How often a password was tried.
    pub(super) fn attempts(&self) -> usize {
        self.requests().iter().filter(|request| matches!(request.token, Token::Last | Token::Basic(_))).count()
    }

    pub(super) fn messages(&self) -> Vec<String> {
        self.requests().into_iter().filter_map(|request| request.message).collect()
    }
}

/// The state of one connection.
#[derive(Default)]
struct Login {
    acceptor: Option<Acceptor>,
    context: Option<SecurityContext>,
}

impl Inner {
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S, connection: usize) {
        let mut login = Login::default();
        while let Some((head, body)) = read_request(&mut stream).await {
            let (token, bytes) = token(&head);
            let first_of_all = self.requests.lock().unwrap().is_empty();
            let at = {
                let mut requests = self.requests.lock().unwrap();
                requests.push(Request {
                    connection,
                    token: token.clone(),
                    head: head.clone(),
                    body: body.clone(),
                    message: None,
                });
                requests.len() - 1
            };
            let go_on = match (token, self.plan.quirk) {
                (_, Quirk::Stalls) => std::future::pending().await,
                (_, Quirk::Status(status)) => self.answer(&mut stream, status, "", b"").await,
                (Token::Hello, Quirk::NeverChallenges) => self.refuse(&mut stream, "").await,
                (Token::Hello, Quirk::NamesSchemes) if first_of_all => self.refuse(&mut stream, "").await,
                (Token::Hello, Quirk::NamesSchemesAndDrops) if first_of_all => {
                    self.refuse(&mut stream, "").await;
                    false
                }
                (Token::Hello, Quirk::NamesSchemesAndCloses) if first_of_all => {
                    self.refuse(&mut stream, "Connection: close\r\n").await;
                    false
                }
                (Token::Hello, _) if !self.plan.schemes.contains(&"Negotiate") => self.refuse(&mut stream, "").await,
                (Token::Hello, quirk) => {
                    let mut acceptor = Acceptor::new(self.options());
                    let challenge = STANDARD.encode(acceptor.challenge(&bytes).unwrap());
                    login = Login { acceptor: Some(acceptor), context: None };
                    let close = if quirk == Quirk::SaysCloseWithChallenge { "Connection: close\r\n" } else { "" };
                    let extra = format!("WWW-Authenticate: Negotiate {challenge}\r\n{close}");
                    self.respond(&mut stream, 401, &extra, "text/html", b"<html>401</html>").await
                        && quirk != Quirk::DropsAfterChallenge
                }
                (Token::Last, Quirk::VanishesAtLastToken) => false,
                (Token::Last, _) => match login.acceptor.take().unwrap().authenticate(&bytes) {
                    Err(_) => self.refuse(&mut stream, "").await,
                    Ok((_, context)) => {
                        login.context = Some(context);
                        if body.is_empty() {
                            self.answer(&mut stream, 200, "", b"").await
                        } else {
                            self.message(&mut stream, &mut login, &head, &body, at).await
                        }
                    }
                },
                // A header before any message.
                (Token::Basic(_), _) if !self.plan.schemes.iter().any(|scheme| scheme.starts_with("Basic")) => {
                    self.refuse(&mut stream, "").await
                }
                (Token::Basic(pair), _) if body.is_empty() && pair == format!("LAB\\admin:{PASSWORD}") => {
                    self.answer(&mut stream, 200, "", b"").await
                }
                (Token::Basic(pair), _) if pair == format!("LAB\\admin:{PASSWORD}") => {
                    login.context = None;
                    self.message(&mut stream, &mut login, &head, &body, at).await
                }
                (Token::None, _) if login.context.is_some() => {
                    self.message(&mut stream, &mut login, &head, &body, at).await
                }
                _ => self.refuse(&mut stream, "").await,
            };
            if !go_on {
                break;
            }
        }
        let _ = stream.shutdown().await;
    }

    async fn message<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        login: &mut Login,
        head: &str,
        body: &[u8],
        at: usize,
    ) -> bool {
        let plain = match (&self.plan.tls, &mut login.context) {
            (None, Some(context)) => {
                let strictness = if self.plan.server == HTTP_SYS { Strictness::HttpSys } else { Strictness::NoTab };
                unseal_request(context, header(head, "content-type").unwrap(), body, strictness).unwrap()
            }
            _ => {
                assert_eq!(header(head, "content-type"), Some("application/soap+xml;charset=UTF-8"));
                body.to_vec()
            }
        };
        let text = String::from_utf8(plain).unwrap();
        self.requests.lock().unwrap()[at].message = Some(text.clone());
        let act = (self.plan.script)(self.messages.fetch_add(1, Ordering::SeqCst));

        let reply = format!("re: {text}");
        let (content_type, mut reply) = match (&self.plan.tls, &mut login.context) {
            (None, Some(context)) => {
                let sealed = seal_message(context, reply.as_bytes(), PartHeaders::Tabbed).unwrap();
                (sealed.content_type, sealed.body)
            }
            _ => ("application/soap+xml; charset=utf-8".to_owned(), reply.into_bytes()),
        };
        match act {
            Act::Good => self.answer(stream, 200, &content_type, &reply).await,
            Act::Slow => {
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
                self.answer(stream, 200, &content_type, &reply).await
            }
            Act::Fault(status) => self.answer(stream, status, &content_type, &reply).await,
            Act::GoodThenDrop => {
                self.answer(stream, 200, &content_type, &reply).await;
                false
            }
            Act::GoodThenClose => {
                self.respond(stream, 200, "Connection: close\r\n", &content_type, &reply).await;
                false
            }
            Act::Chunked => {
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n");
                let mut bytes = head.into_bytes();
                for chunk in reply.chunks(7) {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
                stream.write_all(&bytes).await.is_ok()
            }
            Act::Clear(status, content_type) => self.answer(stream, status, content_type, b"in clear").await,
            Act::Tampered => {
                let position = reply.iter().rposition(|byte| *byte == b'-').unwrap() - 40;
                reply[position] ^= 1;
                self.answer(stream, 200, &content_type, &reply).await
            }
            Act::Cut => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
                    reply.len()
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.write_all(&reply[..reply.len() / 2]).await.unwrap();
                false
            }
            Act::Vanish => false,
            Act::HugeAnnounced => {
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: 99999999999\r\n\r\n");
                stream.write_all(head.as_bytes()).await.is_ok()
            }
            Act::HugeChunked => {
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
                let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
                while stream.write_all(chunk.as_bytes()).await.is_ok() {}
                false
            }
            Act::Stall => std::future::pending().await,
            Act::Unauthorized => {
                *login = Login::default();
                self.refuse(stream, "").await
            }
        }
    }

    async fn refuse<S: AsyncWrite + Unpin>(&self, stream: &mut S, extra: &str) -> bool {
        let offers = self.plan.schemes.iter().map(|scheme| format!("WWW-Authenticate: {scheme}\r\n"));
        let extra = offers.collect::<String>() + extra;
        self.respond(stream, 401, &extra, "", b"").await
    }

    async fn answer<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        status: u16,
        content_type: &str,
        body: &[u8],
    ) -> bool {
        self.respond(stream, status, "", content_type, body).await
    }

    async fn respond<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        status: u16,
        extra: &str,
        content_type: &str,
        body: &[u8],
    ) -> bool {
        let server = self.plan.server;
        let content_type =
            if content_type.is_empty() { String::new() } else { format!("Content-Type: {content_type}\r\n") };
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status} x\r\nServer: {server}\r\n{content_type}{extra}Content-Length: {length}\r\n\r\n");
        let bytes = [head.as_bytes(), body].concat();
        stream.write_all(&bytes).await.is_ok() && stream.flush().await.is_ok()
    }

    fn options(&self) -> AcceptorOptions {
        let binding = match &self.plan.tls {
            Some(key) if self.plan.strict_binding => {
                BindingPolicy::Strict(ChannelBinding::tls_server_end_point(&key.der).unwrap())
            }
            _ => BindingPolicy::Ignore,
        };
        AcceptorOptions {
            accounts: vec![Account { domain: "LAB".to_owned(), user: "admin".to_owned(), password: PASSWORD.into() }],
            computer: "HV".to_owned(),
            domain: "LAB".to_owned(),
            dns_computer: "hv.lab.test".to_owned(),
            dns_domain: "lab.test".to_owned(),
            binding,
            server_challenge: [7; 8],
            now: 133_000_000_000_000_000,
        }
    }
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length: usize = header(&head, "content-length").expect("every request says its length").parse().unwrap();
    assert!(header(&head, "transfer-encoding").is_none() && header(&head, "expect").is_none());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

pub(super) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|pair| pair.1)
}

fn token(head: &str) -> (Token, Vec<u8>) {
    let Some(value) = header(head, "authorization") else { return (Token::None, Vec::new()) };
    let (scheme, token) = value.split_once(' ').unwrap();
    let bytes = STANDARD.decode(token).unwrap();
    match scheme {
        "Basic" => (Token::Basic(String::from_utf8(bytes).unwrap()), Vec::new()),
        "Negotiate" if bytes[8] == 1 => (Token::Hello, bytes),
        "Negotiate" if bytes[8] == 3 => (Token::Last, bytes),
        other => panic!("a token of {other}"),
    }
}
