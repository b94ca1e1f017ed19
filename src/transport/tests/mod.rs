//! The layer as a whole, against a scripted host.

mod delivery;
mod host;
mod login;
mod observing;
mod pool;
mod trust;

use std::time::Duration;

use host::{Host, PASSWORD, Plan};

use super::{AuthChoice, Connector, Endpoint, Session, Trust};
use crate::auth::Credentials;
use crate::wsman::{Delivery, Exchange, ExchangeError, ExchangeErrorKind, Identify, Message};

const LONG: Duration = Duration::from_secs(30);

fn once(text: &str) -> Message {
    Message::once("urn:invoke", "uuid:1", text.as_bytes().to_vec(), LONG)
}

fn repeatable(text: &str) -> Message {
    Message::repeatable(&Identify, "uuid:2", text.as_bytes().to_vec(), LONG)
}

fn credentials(password: &str) -> Credentials {
    Credentials { user: "LAB\\admin".parse().unwrap(), password: password.into() }
}

fn connector(host: &Host) -> Connector {
    connector_as(host, PASSWORD)
}

fn connector_as(host: &Host, password: &str) -> Connector {
    Connector::new(Endpoint::http(&host.address.to_string()).unwrap()).credentials(credentials(password))
}

async fn plain(plan: Plan) -> (Host, Session) {
    let host = Host::start(plan).await;
    let session = connector(&host).session().unwrap();
    (host, session)
}

/// Sends, and expects the echo.
async fn good(session: &Session, message: Message) {
    let expected = [b"re: ", message.bytes()].concat();
    let reply = session.send(message).await.unwrap();
    assert_eq!(String::from_utf8(reply.bytes), String::from_utf8(expected));
}

/// Sends, and expects an error of this kind and delivery.
async fn bad(session: &Session, message: Message, kind: ExchangeErrorKind, delivery: Delivery) -> ExchangeError {
    let error = session.send(message).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (kind, delivery), "{error}");
    error
}
