//! One TCP connection of a played-back host: a login, then messages in order.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, SERVER, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::host::Host;
use crate::auth::accept::Acceptor;
use crate::auth::{SecurityContext, is_sealed, seal_message, unseal_message};
use crate::hyperv::random_id;
use crate::soap::EnvelopeWriter;
use crate::trace::Outcome;
use crate::wsman::{ExchangeErrorKind, Request as WsmanRequest, ResponseContext};

/// Serves a connection to its end.
pub(super) async fn serve(stream: TcpStream, host: Arc<Host>) {
    match host.tls().cloned() {
        None => converse(stream, host).await,
        Some(tls) => {
            // A client that does not trust the certificate ends here.
            let Ok(stream) = tls.accept(stream).await else { return };
            converse(stream, host).await;
        }
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, host: Arc<Host>) {
    let connection = Arc::new(Connection { host, login: Mutex::default() });
    let service = service_fn(move |request| {
        let connection = connection.clone();
        async move { connection.take(request).await }
    });
    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

struct Connection {
    host: Arc<Host>,
    login: Mutex<Login>,
}

#[derive(Default)]
enum Login {
    #[default]
    None,
    Challenged(Box<Acceptor>),
    Done(Box<SecurityContext>),
}

/// The connection ends without an answer, as it did when it was recorded.
#[derive(Debug, thiserror::Error)]
#[error("ended as recorded")]
struct EndHere;

type Reply = Response<Full<Bytes>>;

impl Connection {
    async fn take(&self, request: Request<Incoming>) -> Result<Reply, EndHere> {
        if request.method() != Method::POST {
            return Ok(self.plain(405));
        }
        let authorization = header(&request, AUTHORIZATION);
        let content_type = header(&request, CONTENT_TYPE).unwrap_or_default();
        let body = Limited::new(request.into_body(), LARGEST).collect().await.map_err(|_| EndHere)?.to_bytes();
        let mut login = self.login.lock().await;
        if let Some(authorization) = authorization {
            if self.host.takes_basic(&authorization) {
                return self.clear(&mut login, &body).await;
            }
            match self.step(&mut login, &authorization) {
                Err(token) => return Ok(self.unauthorised(token.as_deref())),
                Ok(()) if body.is_empty() => return Ok(self.plain(200)),
                Ok(()) => {}
            }
        }
        if !matches!(*login, Login::Done(_)) {
            return Ok(self.unauthorised(None));
        }
        match self.host.tls() {
            Some(_) => self.clear(&mut login, &body).await,
            None => self.sealed(&mut login, &content_type, &body).await,
        }
    }

    /// Takes a token. Where the login is not complete with it, the token that goes with the 401, if any.
    fn step(&self, login: &mut Login, authorization: &str) -> Result<(), Option<String>> {
        let (scheme, token) = authorization.split_once(' ').unwrap_or((authorization, ""));
        let token = STANDARD.decode(token.trim()).map_err(|_| None)?;
        if !scheme.eq_ignore_ascii_case("Negotiate") {
            return Err(None);
        }
        match std::mem::take(login) {
            Login::Challenged(acceptor) => {
                let (_, context) = acceptor.authenticate(&token).map_err(|_| None)?;
                *login = Login::Done(Box::new(context));
                Ok(())
            }
            _ => {
                let mut acceptor = self.host.acceptor().ok_or(None)?;
                let challenge = acceptor.challenge(&token).map_err(|_| None)?;
                *login = Login::Challenged(Box::new(acceptor));
                Err(Some(STANDARD.encode(challenge)))
            }
        }
    }

    /// A message inside TLS.
    async fn clear(&self, login: &mut Login, message: &[u8]) -> Result<Reply, EndHere> {
        let Some((status, content_type, bytes)) = self.answer(message).await? else {
            *login = Login::None;
            return Ok(self.unauthorised(None));
        };
        Ok(self.response(status, &content_type, bytes))
    }

    /// A message over plain HTTP: sealed, or refused.
    async fn sealed(&self, login: &mut Login, content_type: &str, body: &[u8]) -> Result<Reply, EndHere> {
        let Login::Done(context) = login else { return Ok(self.unauthorised(None)) };
        if !is_sealed(content_type) {
            return Ok(self.plain(500));
        }
        let Ok(message) = unseal_message(context, content_type, body) else {
            *login = Login::None;
            return Ok(self.plain(400));
        };
        let Some((status, _, bytes)) = self.answer(&message).await? else {
            *login = Login::None;
            return Ok(self.unauthorised(None));
        };
        if bytes.is_empty() {
            return Ok(self.plain(status));
        }
        let sealed = seal_message(context, &bytes, self.host.style()).map_err(|_| EndHere)?;
        Ok(self.response(status, &sealed.content_type, sealed.body))
    }

    /// Status, media type and body; none where the login ended.
    async fn answer(&self, message: &[u8]) -> Result<Option<(u16, String, Vec<u8>)>, EndHere> {
        let (answer, wait) = match self.host.answer(message) {
            Ok(found) => found,
            Err(text) => return Ok(Some((500, SOAP.to_owned(), lacking(message, &text)))),
        };
        tokio::time::sleep(wait).await;
        match answer.outcome {
            Outcome::Reply { status, content_type, bytes } => {
                let content_type = if content_type.is_empty() { SOAP.to_owned() } else { content_type };
                Ok(Some((status, content_type, bytes)))
            }
            Outcome::Failed { kind: ExchangeErrorKind::HttpStatus(status), .. } => {
                Ok(Some((status, String::new(), Vec::new())))
            }
            Outcome::Failed { kind: ExchangeErrorKind::SessionExpired, .. } => Ok(None),
            // Whoever asked then waited in vain; so does who asks now.
            Outcome::Failed { kind: ExchangeErrorKind::Timeout, .. } => std::future::pending().await,
            _ => Err(EndHere),
        }
    }

    fn unauthorised(&self, token: Option<&str>) -> Reply {
        let negotiate = token.map_or_else(|| "Negotiate".to_owned(), |token| format!("Negotiate {token}"));
        let mut refusal = self.plain(401);
        let mut offer = |value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                refusal.headers_mut().append(WWW_AUTHENTICATE, value);
            }
        };
        offer(&negotiate);
        if self.host.tls().is_some() {
            offer("Basic realm=\"WSMAN\"");
        }
        refusal
    }

    fn plain(&self, status: u16) -> Reply {
        self.response(status, "", Vec::new())
    }

    fn response(&self, status: u16, content_type: &str, body: Vec<u8>) -> Reply {
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in [(SERVER, self.host.server()), (CONTENT_TYPE, content_type)] {
            if let Some(value) =
                Some(value).filter(|text| !text.is_empty()).and_then(|text| HeaderValue::from_str(text).ok())
            {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// A fault that says what the recording lacks.
fn lacking(request: &[u8], text: &str) -> Vec<u8> {
    let relates_to = WsmanRequest::read(request).ok().and_then(|request| request.header.message_id).unwrap_or_default();
    let id = random_id();
    let envelope: EnvelopeWriter = ResponseContext { message_id: &id, relates_to: &relates_to }.envelope(FAULT, &[]);
    let written = envelope.body(|w| {
        w.open("s", "Fault").open("s", "Code").text_element("s", "Value", "s:Receiver");
        w.open("s", "Subcode").text_element("s", "Value", "w:InternalError").close().close();
        w.open("s", "Reason").open("s", "Text").attribute("xml", "lang", "en-US").text(text).close().close().close();
    });
    written.unwrap_or_default()
}

fn header(request: &Request<Incoming>, name: HeaderName) -> Option<String> {
    request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

const SOAP: &str = "application/soap+xml;charset=UTF-8";
const FAULT: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault";
const LARGEST: usize = 8 << 20;
