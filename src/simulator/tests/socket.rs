//! Raw HTTP over a socket: what the listener does before any of our own client comes in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::auth::{
    Credentials, Entropy, Initiator, Options, PartHeaders, SecurityContext, filetime, seal_message, unseal_message,
};
use crate::simulator::{Server, ServerOptions};

/// A reply as it came.
#[derive(Debug)]
struct Raw {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Raw {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

struct Line {
    stream: TcpStream,
}

impl Line {
    async fn to(server: &Server) -> Line {
        Line { stream: TcpStream::connect(server.address()).await.unwrap() }
    }

    async fn post(&mut self, headers: &str, body: &[u8]) -> Option<Raw> {
        let length = body.len();
        self.send("POST /wsman", &format!("{headers}Content-Length: {length}\r\n"), body).await
    }

    /// None where the connection ends before a whole reply.
    async fn send(&mut self, start: &str, headers: &str, body: &[u8]) -> Option<Raw> {
        let head = format!("{start} HTTP/1.1\r\nHost: host\r\n{headers}\r\n");
        self.stream.write_all(&[head.as_bytes(), body].concat()).await.ok()?;
        let mut received = Vec::new();
        let end = loop {
            if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if self.stream.read_buf(&mut received).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8(received[..end].to_vec()).unwrap();
        let mut raw = Raw { status: head[9..12].parse().unwrap(), head, body: received[end + 4..].to_vec() };
        let length: usize = raw.header("content-length").unwrap_or("0").parse().unwrap();
        while raw.body.len() < length {
            if self.stream.read_buf(&mut raw.body).await.ok()? == 0 {
                return None;
            }
        }
        Some(raw)
    }

    /// The two tokens of a login; the second is not sent yet.
    async fn challenged(&mut self, server: &Server, password: &str) -> (String, SecurityContext) {
        let credentials = Credentials { user: server.user().parse().unwrap(), password: password.into() };
        let options = Options {
            binding: None,
            target_name: None,
            entropy: Entropy::system().unwrap(),
            now: filetime(std::time::SystemTime::now()),
        };
        let mut initiator = Initiator::new(&credentials, options);
        let first = self.post(&authorization(&initiator.negotiate()), b"").await.unwrap();
        assert_eq!(first.status, 401);
        let challenge = first.header("www-authenticate").unwrap().strip_prefix("Negotiate ").unwrap();
        let (token, context) = initiator.authenticate(&STANDARD.decode(challenge).unwrap()).unwrap();
        (authorization(&token), context)
    }

    async fn logged_in(server: &Server) -> (Line, SecurityContext) {
        let mut line = Line::to(server).await;
        let (token, context) = line.challenged(server, server.password().expose()).await;
        let done = line.post(&token, b"").await.unwrap();
        assert_eq!((done.status, done.body.len()), (200, 0), "an empty last leg is answered by an empty 200");
        (line, context)
    }

    /// Sends a message sealed, and opens the reply.
    async fn sealed(&mut self, context: &mut SecurityContext, headers: &str, message: &str) -> Option<(u16, String)> {
        let sealed = seal_message(context, message.as_bytes(), PartHeaders::Tabbed).unwrap();
        let headers = format!("{headers}Content-Type: {}\r\n", sealed.content_type);
        let raw = self.post(&headers, &sealed.body).await?;
        let Some(content_type) = raw.header("content-type").filter(|_| !raw.body.is_empty()) else {
            return Some((raw.status, String::new()));
        };
        let opened = unseal_message(context, content_type, &raw.body).unwrap();
        Some((raw.status, String::from_utf8(opened).unwrap()))
    }
}

fn authorization(token: &[u8]) -> String {
    format!("Authorization: Negotiate {}\r\n", STANDARD.encode(token))
}

fn identify() -> String {
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
     xmlns:i=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\">\
     <s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>"
        .to_owned()
}

async fn server(scenario: &str) -> Server {
    Server::start(Scenario::from_toml(scenario).unwrap(), ServerOptions::http()).await.unwrap()
}

const SOAP: &str = "Content-Type: application/soap+xml;charset=UTF-8\r\n";

#[tokio::test]
async fn what_is_no_post_with_a_length_to_the_path_is_refused() {
    let server = server("").await;
    let mut line = Line::to(&server).await;
    let get = line.send("GET /wsman", "", b"").await.unwrap();
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    assert_eq!(line.send("POST /elsewhere", "Content-Length: 0\r\n", b"").await.unwrap().status, 404);
    let chunked = line.send("POST /wsman", "Transfer-Encoding: chunked\r\n", b"0\r\n\r\n").await.unwrap();
    assert_eq!(chunked.status, 411);
    let mut line = Line::to(&server).await;
    assert_eq!(line.send("POST /wsman", "Content-Length: 600000\r\n", b"").await.unwrap().status, 413);
}

#[tokio::test]
async fn nobody_gets_an_answer_before_a_login() {
    let server = server("").await;
    let mut line = Line::to(&server).await;
    let reply = line.post(SOAP, identify().as_bytes()).await.unwrap();
    assert_eq!((reply.status, reply.body.len()), (401, 0));
    assert_eq!(reply.header("www-authenticate"), Some("Negotiate"));
    assert_eq!(reply.header("server"), Some("Microsoft-HTTPAPI/2.0"));
    for scheme in ["NTLM TlRMTVNTUAAB", "Basic b3BlcmF0b3I6eA==", "Negotiate !!!", "Negotiate"] {
        let headers = format!("{SOAP}Authorization: {scheme}\r\n");
        assert_eq!(line.post(&headers, identify().as_bytes()).await.unwrap().status, 401, "{scheme}");
    }
    assert!(server.simulator().requests().is_empty(), "no request reached the service");
}

#[tokio::test]
async fn a_sealed_conversation_belongs_to_its_connection() {
    let server = server("").await;
    let (mut line, mut context) = Line::logged_in(&server).await;
    for _ in 0..3 {
        let (status, reply) = line.sealed(&mut context, "", &identify()).await.unwrap();
        assert_eq!(status, 200);
        assert!(value(&reply, "ProductVendor").unwrap().contains("simulated"), "{reply}");
    }
    assert_eq!((server.logins(), server.connections()), (1, 1));
    let mut other = Line::to(&server).await;
    let sealed = seal_message(&mut context, identify().as_bytes(), PartHeaders::Tabbed).unwrap();
    let headers = format!("Content-Type: {}\r\n", sealed.content_type);
    assert_eq!(other.post(&headers, &sealed.body).await.unwrap().status, 401, "another connection, another login");
}

#[tokio::test]
async fn the_last_token_may_carry_the_first_body_on_windows_alone() {
    for (scenario, expected) in [("", 200), ("dialect = \"other\"", 400)] {
        let server = server(scenario).await;
        let mut line = Line::to(&server).await;
        let (token, mut context) = line.challenged(&server, server.password().expose()).await;
        let (status, reply) = line.sealed(&mut context, &token, &identify()).await.unwrap();
        assert_eq!(status, expected, "{scenario}");
        assert_eq!(reply.contains("IdentifyResponse"), expected == 200);
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_401_and_counts() {
    let server = server("").await;
    let mut line = Line::to(&server).await;
    let (token, _) = line.challenged(&server, "wrong").await;
    assert_eq!(line.post(&token, b"").await.unwrap().status, 401);
    assert_eq!((server.logins(), server.refused_logins()), (0, 1));
}

#[tokio::test]
async fn clear_and_badly_sealed_bodies_are_refused_after_a_login_too() {
    let server = server("").await;
    let (mut line, _) = Line::logged_in(&server).await;
    let clear = line.post(SOAP, identify().as_bytes()).await.unwrap();
    assert_eq!((clear.status, clear.body.len()), (500, 0));
    // Without the tab before part headers; with another Length; with a broken seal.
    for spoil in 0..3 {
        let (mut line, mut context) = Line::logged_in(&server).await;
        let style = if spoil == 0 { PartHeaders::Plain } else { PartHeaders::Tabbed };
        let mut sealed = seal_message(&mut context, identify().as_bytes(), style).unwrap();
        if spoil == 1 {
            let length = format!("Length={}", identify().len());
            let at = sealed.body.windows(length.len()).position(|w| w == length.as_bytes()).unwrap();
            sealed.body[at + 7] ^= 1;
        }
        if spoil == 2 {
            let middle = sealed.body.len() - 60;
            sealed.body[middle] ^= 1;
        }
        let headers = format!("Content-Type: {}\r\n", sealed.content_type);
        assert_eq!(line.post(&headers, &sealed.body).await.unwrap().status, 400, "{spoil}");
        let again = line.post(&headers, &sealed.body).await.unwrap();
        assert_eq!(again.status, 401, "the login is gone");
    }
    assert!(server.simulator().requests().is_empty());
}

#[tokio::test]
async fn a_login_ends_with_a_restart() {
    let server = server("[[faults]]\non = \"Identify\"\nnth = 2\nrestart = true").await;
    let (mut first, mut first_keys) = Line::logged_in(&server).await;
    let (mut second, mut second_keys) = Line::logged_in(&server).await;
    assert_eq!(first.sealed(&mut first_keys, "", &identify()).await.unwrap().0, 200);
    assert!(first.sealed(&mut first_keys, "", &identify()).await.is_none(), "cut");
    assert_eq!(second.sealed(&mut second_keys, "", &identify()).await.unwrap().0, 401);
}

#[tokio::test]
async fn a_dropped_login_is_a_401_in_the_middle_of_the_session() {
    let server = server("[[faults]]\non = \"Identify\"\nlogin = \"dropped\"").await;
    let (mut line, mut context) = Line::logged_in(&server).await;
    assert_eq!(line.sealed(&mut context, "", &identify()).await.unwrap().0, 401);
    assert_eq!(line.sealed(&mut context, "", &identify()).await.unwrap().0, 401, "until the next login");
}

#[tokio::test]
async fn a_cut_reply_ends_after_so_many_bytes() {
    for at in [0, 1, 20, 300] {
        let server = server(&format!("[[faults]]\non = \"Identify\"\ncut = \"reply\"\nat = {at}")).await;
        let (mut line, mut context) = Line::logged_in(&server).await;
        let sealed = seal_message(&mut context, identify().as_bytes(), PartHeaders::Tabbed).unwrap();
        let head = format!(
            "POST /wsman HTTP/1.1\r\nHost: host\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
            sealed.content_type,
            sealed.body.len()
        );
        line.stream.write_all(&[head.as_bytes(), &sealed.body].concat()).await.unwrap();
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = line.stream.read(&mut buffer).await {
            received.extend_from_slice(&buffer[..count]);
        }
        assert_eq!(received.len(), at, "{}", String::from_utf8_lossy(&received));
    }
}

#[tokio::test]
async fn a_hang_lasts_until_the_client_goes() {
    let server = server("[[faults]]\non = \"Identify\"\nhang = true").await;
    let (mut line, mut context) = Line::logged_in(&server).await;
    let asked = identify();
    let reply = tokio::time::timeout(Duration::from_millis(100), line.sealed(&mut context, "", &asked)).await;
    assert!(reply.is_err(), "{reply:?}");
    drop(line);
    let (mut line, mut context) = Line::logged_in(&server).await;
    assert_eq!(line.sealed(&mut context, "", &asked).await.unwrap().0, 200, "others are served");
}

#[tokio::test]
async fn a_dropped_server_ends_its_connections() {
    let server = server("").await;
    let (mut line, mut context) = Line::logged_in(&server).await;
    drop(server);
    assert!(line.sealed(&mut context, "", &identify()).await.is_none());
}

/// Each half of a pair on a socket of its own, behind one account.
#[tokio::test]
async fn a_pair_is_served_on_two_sockets_with_one_password() {
    let pair = Pair::new(Scenario::default());
    let replica = Server::serve(pair.replica.clone(), ServerOptions::http()).await.unwrap();
    let primary = Server::serve(pair.primary.clone(), ServerOptions::https()).await.unwrap();
    assert_ne!(replica.address(), primary.address());
    assert_eq!(replica.password().expose(), primary.password().expose());
    let (mut line, mut context) = Line::logged_in(&replica).await;
    assert_eq!(line.sealed(&mut context, "", &identify()).await.unwrap().0, 200);
    assert_eq!(pair.replica.requests().get("Identify"), Some(&1));
    assert_eq!(pair.primary.requests().get("Identify"), None, "each host counts its own");
    let named = "[account]\npassword = \"a word of the scenario\"";
    let pair = Pair::new(Scenario::from_toml(named).unwrap());
    let primary = Server::serve(pair.primary, ServerOptions::http()).await.unwrap();
    assert_eq!(primary.password().expose(), "a word of the scenario");
}

#[tokio::test]
async fn an_answer_that_is_not_the_hosts_is_not_sealed() {
    let page = "[[faults]]\non = \"Identify\"\nstatus = 502\npage = \"html\"\n\
                [[faults]]\non = \"Identify\"\nnth = 2\nstatus = 500\npage = \"fault\"\nrelates = \"nothing\"";
    let server = server(page).await;
    for (status, content_type, part) in
        [(502, "text/html", "<h1>502</h1>"), (500, "application/soap+xml;charset=UTF-8", "AccessDenied")]
    {
        let (mut line, mut context) = Line::logged_in(&server).await;
        let sealed = seal_message(&mut context, identify().as_bytes(), PartHeaders::Tabbed).unwrap();
        let raw = line.post(&format!("Content-Type: {}\r\n", sealed.content_type), &sealed.body).await.unwrap();
        assert_eq!((raw.status, raw.header("content-type")), (status, Some(content_type)));
        let body = String::from_utf8(raw.body).unwrap();
        assert!(body.contains(part) && !body.contains("RelatesTo"), "{body}");
    }
}
