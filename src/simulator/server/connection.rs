//! One TCP connection: requests in order, each under the login of this connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsAcceptor;

use crate::auth::accept::{Strictness, unseal_request};
use crate::auth::{Credentials, PartHeaders, basic_authorization, is_sealed, seal_message};
use crate::simulator::faults::{Cut, Swapped};
use crate::simulator::host::{End, Simulator};
use crate::simulator::scenario::{Dialect, Scenario};

use super::Shared;
use super::answer::{Content, response, with_header};
use super::cut::{Budget, CutStream};
use super::login::{Login, Step};

/// Serves a connection to its end.
pub(super) async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let budget = Budget::new();
    let stream = CutStream::new(stream, budget.clone());
    match tls {
        None => converse(stream, shared, budget).await,
        Some(tls) => {
            // A client that does not trust the certificate ends here.
            let Ok(stream) = tls.accept(stream).await else { return };
            converse(stream, shared, budget).await;
        }
    }
}

async fn converse<S>(stream: S, shared: Arc<Shared>, budget: Budget)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = Arc::new(Connection { shared, budget, login: Mutex::default() });
    let service = service_fn(move |request| {
        let connection = connection.clone();
        async move { connection.take(request).await }
    });
    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "simulated connection ended");
    }
}

struct Connection {
    shared: Arc<Shared>,
    budget: Budget,
    login: Mutex<Login>,
}

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("cut by the scenario")]
struct CutHere;

impl Connection {
    async fn take(&self, request: Request<Incoming>) -> Result<Response<Content>, CutHere> {
        self.shared.counts.requests.fetch_add(1, Ordering::Relaxed);
        if let Some(refusal) = self.unfit(&request) {
            return Ok(refusal);
        }
        // Only the body of a message: a login has none.
        let has_body = length(&request).is_some_and(|length| length > 0);
        if has_body && self.simulator().cuts_before_body() {
            return Err(CutHere);
        }
        let authorization = header(&request, AUTHORIZATION);
        let content_type = header(&request, CONTENT_TYPE).unwrap_or_default();
        let body = Limited::new(request.into_body(), LARGEST).collect().await.map_err(|_| CutHere)?.to_bytes();
        let mut login = self.login.lock().await;
        if let Some(token) = authorization {
            match self.authorise(&mut login, &token, !body.is_empty()) {
                Authorised::Refuse(refusal) => return Ok(refusal),
                Authorised::Basic => return self.clear(&content_type, &body).await,
                Authorised::Negotiate if body.is_empty() => return Ok(self.plain(200)),
                Authorised::Negotiate => {}
            }
        }
        if let Login::Done { epoch, .. } = *login
            && epoch != self.simulator().epoch()
        {
            *login = Login::None;
        }
        match (&mut *login, self.shared.tls) {
            (Login::Done { .. }, true) => {
                drop(login);
                self.clear(&content_type, &body).await
            }
            (Login::Done { .. }, false) => self.sealed(&mut login, &content_type, &body).await,
            _ => Ok(self.unauthorised(None)),
        }
    }

    /// What http.sys and WinRM answer before any login.
    fn unfit(&self, request: &Request<Incoming>) -> Option<Response<Content>> {
        if request.method() != Method::POST {
            return Some(with_header(self.plain(405), ALLOW, "POST"));
        }
        if request.uri().path() != "/wsman" {
            return Some(self.plain(404));
        }
        if request.headers().contains_key(TRANSFER_ENCODING) || length(request).is_none() {
            return Some(self.plain(411));
        }
        (length(request)? > LARGEST_REQUEST).then(|| self.plain(413))
    }

    fn authorise(&self, login: &mut Login, header: &str, has_body: bool) -> Authorised {
        let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("Basic") {
            return match self.is_basic(header) {
                true => Authorised::Basic,
                false => {
                    self.shared.counts.refused_logins.fetch_add(1, Ordering::Relaxed);
                    Authorised::Refuse(self.unauthorised(None))
                }
            };
        }
        if !scheme.eq_ignore_ascii_case("Negotiate") {
            return Authorised::Refuse(self.unauthorised(None));
        }
        let is_last = matches!(login, Login::Challenged(_));
        // Some servers break on a body beside the last token; this dialect shows it by ending the login.
        if is_last && has_body && self.scenario().dialect == Dialect::Other {
            *login = Login::None;
            return Authorised::Refuse(self.plain(400));
        }
        match login.step(token, &self.shared) {
            Step::Done => Authorised::Negotiate,
            Step::Challenge(token) => Authorised::Refuse(self.unauthorised(Some(&token))),
            Step::Refused => Authorised::Refuse(self.unauthorised(None)),
        }
    }

    fn is_basic(&self, header: &str) -> bool {
        let account = &self.scenario().account;
        let Ok(user) = account.user.parse() else { return false };
        let expected = basic_authorization(&Credentials { user, password: self.shared.password.clone() });
        self.shared.tls && self.scenario().http.basic && header == expected.expose()
    }

    /// A message inside TLS.
    async fn clear(&self, content_type: &str, body: &[u8]) -> Result<Response<Content>, CutHere> {
        if !content_type.to_ascii_lowercase().starts_with(SOAP) {
            return Ok(self.plain(415));
        }
        match self.answer(body).await? {
            Answered::Host(status, body) => Ok(self.soap(status, body)),
            Answered::Swapped(swapped) => Ok(self.swapped(swapped)),
            Answered::LoginDropped => Ok(self.unauthorised(None)),
        }
    }

    /// A message over plain HTTP: sealed, or refused (MS-WSMV 3.1.4.1.29.1). What a host answers to a clear one is not
    /// specified; an empty 500 has been seen.
    async fn sealed(&self, login: &mut Login, content_type: &str, body: &[u8]) -> Result<Response<Content>, CutHere> {
        let Login::Done { context, .. } = login else { return Ok(self.unauthorised(None)) };
        if !is_sealed(content_type) {
            return Ok(self.plain(500));
        }
        let (strictness, style) = match self.scenario().dialect {
            Dialect::Windows => (Strictness::HttpSys, PartHeaders::Tabbed),
            Dialect::Other => (Strictness::NoTab, PartHeaders::Plain),
        };
        let Ok(message) = unseal_request(context, content_type, body, strictness) else {
            *login = Login::None;
            return Ok(self.plain(400));
        };
        let (status, reply) = match self.answer(&message).await? {
            Answered::Host(status, reply) => (status, reply),
            // Whoever is on the path has no key.
            Answered::Swapped(swapped) => return Ok(self.swapped(swapped)),
            Answered::LoginDropped => {
                *login = Login::None;
                return Ok(self.unauthorised(None));
            }
        };
        if reply.is_empty() {
            return Ok(self.plain(status));
        }
        match seal_message(context, &reply, style) {
            Ok(sealed) => Ok(response(self.scenario(), status, Some(&sealed.content_type), sealed.body)),
            Err(_) => Err(CutHere),
        }
    }

    async fn answer(&self, message: &[u8]) -> Result<Answered, CutHere> {
        let handled = self.simulator().handle(message);
        if !handled.delay.is_zero() {
            self.simulator().clock().sleep(handled.delay).await;
        }
        match handled.end {
            End::Reply { status, body } => Ok(Answered::Host(status, body)),
            End::Swapped(swapped) => Ok(Answered::Swapped(swapped)),
            End::LoginDropped => Ok(Answered::LoginDropped),
            End::Hang => std::future::pending().await,
            End::Cut { at: Cut::Reply(bytes), status, body } => {
                self.budget.limit(bytes);
                Ok(Answered::Host(status, body))
            }
            End::Cut { .. } => Err(CutHere),
        }
    }

    fn unauthorised(&self, token: Option<&str>) -> Response<Content> {
        let negotiate = token.map_or_else(|| "Negotiate".to_owned(), |token| format!("Negotiate {token}"));
        let refusal = with_header(self.plain(401), WWW_AUTHENTICATE, &negotiate);
        match self.shared.tls && self.scenario().http.basic {
            true => with_header(refusal, WWW_AUTHENTICATE, "Basic realm=\"WSMAN\""),
            false => refusal,
        }
    }

    fn plain(&self, status: u16) -> Response<Content> {
        response(self.scenario(), status, None, Vec::new())
    }

    fn soap(&self, status: u16, body: Vec<u8>) -> Response<Content> {
        let content_type = (!body.is_empty()).then_some("application/soap+xml;charset=UTF-8");
        response(self.scenario(), status, content_type, body)
    }

    fn swapped(&self, swapped: Swapped) -> Response<Content> {
        response(self.scenario(), swapped.status, swapped.content_type, swapped.body)
    }

    fn simulator(&self) -> &Simulator {
        &self.shared.simulator
    }

    fn scenario(&self) -> &Scenario {
        self.shared.simulator.scenario()
    }
}

/// What becomes of a message that was understood.
enum Answered {
    Host(u16, Vec<u8>),
    Swapped(Swapped),
    LoginDropped,
}

enum Authorised {
    Basic,
    Negotiate,
    Refuse(Response<Content>),
}

fn header(request: &Request<Incoming>, name: hyper::header::HeaderName) -> Option<String> {
    request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn length(request: &Request<Incoming>) -> Option<u64> {
    header(request, CONTENT_LENGTH)?.parse().ok()
}

const SOAP: &str = "application/soap+xml";
/// MaxEnvelopeSizekb of 500, and the frame of a sealed body.
const LARGEST_REQUEST: u64 = 500 * 1024 + 1024;
const LARGEST: usize = 1 << 20;
