//! A host over TLS, with Basic, that answers whatever a test says: what no simulated host would send.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyperv_replica::simulator::{InProcess, Scenario, Simulator};
use hyperv_replica::wsman::{Exchange, Message};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a client asked.
pub struct Asked {
    /// The envelope.
    pub body: String,
}

impl Asked {
    /// The last part of the action, such as `Pull`.
    pub fn action(&self) -> &str {
        let action = self.body.split("Action").nth(1).and_then(|text| text.split(['>', '<']).nth(1)).unwrap_or("");
        action.trim().rsplit('/').next().unwrap_or("")
    }

    fn message_id(&self) -> &str {
        self.body.split("MessageID>").nth(1).and_then(|text| text.split('<').next()).unwrap_or("")
    }

    /// The reply to this message with such a body.
    pub fn reply(&self, body: &str) -> String {
        let action = self.body.split("Action").nth(1).and_then(|text| text.split(['>', '<']).nth(1)).unwrap_or("");
        format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
             xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" \
             xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\"><s:Header><a:Action>{}Response</a:Action>\
             <a:RelatesTo>{}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>",
            action.trim(),
            self.message_id()
        )
    }

    /// A page of an enumeration or a Pull.
    pub fn page(&self, context: &str, items: &str, end: bool) -> String {
        let (kind, prefix) = if self.action() == "Pull" { ("Pull", "n") } else { ("Enumerate", "w") };
        let end = if end { format!("<{prefix}:EndOfSequence/>") } else { String::new() };
        self.reply(&format!(
            "<n:{kind}Response><n:EnumerationContext>{context}</n:EnumerationContext>\
             <{prefix}:Items>{items}</{prefix}:Items>{end}</n:{kind}Response>"
        ))
    }
}

/// What it answers.
pub enum Answer {
    /// An envelope with status 200.
    Envelope(String),
    /// A status line with its headers but for the length, and a body.
    Http(String, String),
}

/// A running host. Its threads end with the test program.
pub struct HostileHost {
    /// `https://127.0.0.1:PORT/wsman`.
    pub url: String,
    requests: Arc<AtomicU64>,
}

impl HostileHost {
    pub fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> HostileHost {
        HostileHost::with_subject("hv-dr-01", answer)
    }

    /// One whose certificate has this name.
    pub fn with_subject(subject: &str, answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> HostileHost {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/wsman", listener.local_addr().unwrap());
        let tls = tls(subject);
        let requests = Arc::<AtomicU64>::default();
        let (answer, count) = (Arc::new(answer), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tls, answer, count) = (tls.clone(), answer.clone(), count.clone());
                std::thread::spawn(move || connection(stream, &tls, &*answer, &count));
            }
        });
        HostileHost { url, requests }
    }

    /// How many messages came.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// The flags that lead there.
    pub fn flags(&self) -> [&str; 8] {
        ["-H", &self.url, "-u", "admin", "--auth", "basic", "--insecure", "--operation-timeout=60s"]
    }
}

/// A simulated host whose replies go through `change`.
pub fn changed(scenario: &str, change: impl Fn(String) -> String + Send + Sync + 'static) -> impl Fn(&Asked) -> Answer {
    let exchange = InProcess::new(Simulator::new(Scenario::from_toml(scenario).unwrap()));
    move |asked| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (action, id) = (asked.action().to_owned(), asked.message_id().to_owned());
        let message = Message::once(action, id, asked.body.clone().into_bytes(), Duration::from_secs(60));
        match runtime.block_on(exchange.send(message)) {
            Ok(reply) => {
                let head =
                    format!("HTTP/1.1 {} Said\r\nContent-Type: application/soap+xml;charset=UTF-8", reply.status);
                Answer::Http(head, change(String::from_utf8(reply.bytes).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn tls(subject: &str) -> Arc<ServerConfig> {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut made = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    made.distinguished_name.push(rcgen::DnType::CommonName, subject);
    let certificate = made.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

fn connection(stream: TcpStream, tls: &Arc<ServerConfig>, answer: &dyn Fn(&Asked) -> Answer, count: &AtomicU64) {
    let mut stream = StreamOwned::new(ServerConnection::new(tls.clone()).unwrap(), stream);
    let mut held = Vec::new();
    // Whoever leaves in the middle ends the connection, and no test.
    while let Some(asked) = read(&mut stream, &mut held) {
        count.fetch_add(1, Ordering::SeqCst);
        let (head, body) = match answer(&asked) {
            Answer::Envelope(body) => ("HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml".to_owned(), body),
            Answer::Http(head, body) => (head, body),
        };
        let head = format!("{head}\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

fn read(stream: &mut impl Read, held: &mut Vec<u8>) -> Option<Asked> {
    let mut more = [0; 65_536];
    loop {
        let text = String::from_utf8_lossy(held).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_lowercase();
            let length = lower.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                let asked = Asked { body: body[..length].to_owned() };
                held.drain(..head.len() + 4 + length);
                return Some(asked);
            }
        }
        match stream.read(&mut more) {
            Ok(0) | Err(_) => return None,
            Ok(count) => held.extend_from_slice(&more[..count]),
        }
    }
}
