//! An HTTP proxy that answers in place of the server: with any status and any page, before the server gets the request,
//! after it took it, or long before. Inside TLS it ends the client's connection and begins one of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// When the server gets a request that is answered for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Never.
    Before,
    /// First; what it answers is thrown away.
    After,
    /// So long after the client has its answer.
    Late(Duration),
}

/// An answer that is not the server's.
#[derive(Debug, Clone)]
pub struct Lie {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
    /// Whether the connection stays open for more.
    pub keeps: bool,
    pub when: When,
}

/// Both ends of TLS: what clients of the liar trust, and what the liar trusts.
#[derive(Clone)]
pub struct Tls {
    accept: TlsAcceptor,
    connect: TlsConnector,
    /// The certificate that the liar shows, in PEM.
    pub pem: String,
}

impl Tls {
    /// A certificate for loopback, and trust in that of the server.
    pub fn before(server: &[u8]) -> Tls {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let accept = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let accept =
            accept.unwrap().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(server.to_vec())).unwrap();
        let connect = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let connect = connect.unwrap().with_root_certificates(roots).with_no_client_auth();
        Tls {
            accept: TlsAcceptor::from(Arc::new(accept)),
            connect: TlsConnector::from(Arc::new(connect)),
            pem: made.cert.pem(),
        }
    }
}

/// A running liar; it ends when it is dropped, and its connections with it.
pub struct Liar {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    server: SocketAddr,
    tls: Option<Tls>,
    /// Lies by the number of the request since they were planned, from 0.
    plan: Mutex<(u64, BTreeMap<u64, Lie>)>,
    told: AtomicU64,
}

impl Shared {
    fn next(&self) -> Option<Lie> {
        let mut plan = self.plan.lock().unwrap();
        let lie = {
            let number = plan.0;
            plan.1.remove(&number)
        };
        plan.0 += 1;
        self.told.fetch_add(u64::from(lie.is_some()), Ordering::Relaxed);
        lie
    }
}

impl Liar {
    /// Listens on loopback, on the runtime of the caller.
    pub async fn before(server: SocketAddr, tls: Option<Tls>) -> Liar {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { server, tls, plan: Mutex::default(), told: AtomicU64::new(0) });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Liar { address, shared, task }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Which of the requests that come from now on are answered for the server.
    pub fn plan(&self, lies: BTreeMap<u64, Lie>) {
        *self.shared.plan.lock().unwrap() = (0, lies);
    }

    /// Lies told.
    pub fn told(&self) -> u64 {
        self.shared.told.load(Ordering::Relaxed)
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropping the set with this task ends every connection.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            taken = listener.accept() => {
                let Ok((client, _)) = taken else { continue };
                let _ = client.set_nodelay(true);
                connections.spawn(begin(client, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

async fn begin(client: TcpStream, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(shared.server).await else { return };
    let _ = server.set_nodelay(true);
    match &shared.tls {
        None => carry(client, Box::new(server), &shared).await,
        Some(tls) => {
            let Ok(client) = tls.accept.accept(client).await else { return };
            let name = ServerName::try_from("127.0.0.1").unwrap();
            let Ok(server) = tls.connect.connect(name, server).await else { return };
            carry(client, Box::new(server), &shared).await;
        }
    }
}

/// Requests of one connection, in order.
async fn carry(client: impl Stream, server: Box<dyn Stream>, shared: &Shared) {
    let (mut client, mut server) = (BufReader::new(client), BufReader::new(server));
    while let Some(request) = message(&mut client).await {
        let lie = shared.next();
        let when = lie.as_ref().map_or(When::After, |lie| lie.when);
        let mut answer = None;
        if when == When::After {
            if server.write_all(&request).await.is_err() {
                return;
            }
            answer = message(&mut server).await;
            if answer.is_none() && lie.is_none() {
                return;
            }
        }
        let bytes = match &lie {
            None => answer.unwrap_or_default(),
            Some(lie) => {
                let connection = if lie.keeps { "keep-alive" } else { "close" };
                let kind =
                    if lie.body.is_empty() { String::new() } else { format!("Content-Type: {}\r\n", lie.content_type) };
                let place = if lie.status / 100 == 3 { "Location: http://127.0.0.1:9/elsewhere\r\n" } else { "" };
                let body = if lie.status == 204 { "" } else { lie.body.as_str() };
                let head = format!("HTTP/1.1 {} Swapped\r\n{kind}{place}Connection: {connection}\r\n", lie.status);
                format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
            }
        };
        // A client that has gone hears nothing; what it sent goes its way.
        let is_heard = client.write_all(&bytes).await.is_ok() && client.flush().await.is_ok();
        if let When::Late(after) = when {
            let keeps = is_heard && lie.is_some_and(|lie| lie.keeps);
            if !keeps {
                let _ = client.shutdown().await;
            }
            // Over one connection, what comes after it waits behind it.
            tokio::time::sleep(after).await;
            if server.write_all(&request).await.is_err() || message(&mut server).await.is_none() || !keeps {
                return;
            }
        } else if !is_heard || lie.is_some_and(|lie| !lie.keeps) {
            return;
        }
    }
}

/// One HTTP message with its body; none where the stream ends before.
async fn message(stream: &mut BufReader<impl AsyncRead + Unpin>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut length = 0;
    loop {
        let begun = bytes.len();
        if stream.read_until(b'\n', &mut bytes).await.ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&bytes[begun..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let head = bytes.len();
    bytes.resize(head + length, 0);
    stream.read_exact(&mut bytes[head..]).await.ok()?;
    Some(bytes)
}
