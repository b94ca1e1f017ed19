//! TLS: which certificates are accepted, what the errors say, and what is bound to them.

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::host::{Act, HTTP_SYS, OTHER, ServerKey, Token};
use super::*;
use crate::auth::Scheme;
use crate::transport::{Pin, show_certificate};

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn key() -> ServerKey {
    ServerKey::new(params(&["127.0.0.1", "hv.lab.test"]))
}

fn over_tls(host: &Host) -> Connector {
    Connector::new(host.address.to_string().parse().unwrap()).credentials(credentials(PASSWORD))
}

async fn secure(key: &ServerKey, plan: Plan) -> (Host, Connector) {
    let host = Host::start(Plan { tls: Some(key.clone()), ..plan }).await;
    let connector = over_tls(&host).trust(Trust::pin(Pin::of(&key.der)));
    (host, connector)
}

/// The error of a session with this certificate and trust; nothing may have been sent.
async fn refused(key: &ServerKey, trust: Trust) -> String {
    let (host, connector) = secure(key, Plan::default()).await;
    let session = connector.trust(trust).session().unwrap();
    let error = bad(&session, repeatable("1"), ExchangeErrorKind::Tls, Delivery::NotSent).await;
    assert!(error.is_unreachable() && host.requests().is_empty());
    error.to_string()
}

fn other_authority() -> Trust {
    let mut other = params(&["127.0.0.1"]);
    other.distinguished_name.push(rcgen::DnType::CommonName, "Other");
    Trust::ca(ServerKey::new(other).pem.as_bytes()).unwrap()
}

#[tokio::test]
async fn the_login_is_bound_to_the_certificate_and_rides_as_over_http() {
    for (server, story) in
        [(HTTP_SYS, "0:hello 0:last+message 0:message"), (OTHER, "0:hello 0:last 0:message 0:message")]
    {
        let key = key();
        let (host, connector) = secure(&key, Plan { server, strict_binding: true, ..Plan::default() }).await;
        let session = connector.session().unwrap();
        good(&session, repeatable("1")).await;
        good(&session, once("2")).await;
        assert_eq!(host.story(), story);
        assert_eq!(session.peer_pin(), Some(Pin::of(&key.der)));
        assert_eq!(session.scheme(), Some(Scheme::Negotiate));
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_named_with_its_pin() {
    let key = key();
    let text = refused(&key, other_authority()).await;
    let pin = Pin::of(&key.der).to_string();
    assert!(text.contains("self-signed") && text.contains("--ca FILE") && text.contains(&pin), "{text}");
}

#[tokio::test]
async fn an_unknown_issuer_is_named() {
    let authority = KeyPair::generate().unwrap();
    let mut ca = params(&[]);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(rcgen::DnType::CommonName, "Lab Root");
    let root = ca.self_signed(&authority).unwrap();
    let server = KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::from_params(&ca, &authority);
    let made = params(&["127.0.0.1"]).signed_by(&server, &issuer).unwrap();
    let key = ServerKey::of(made.der().to_vec(), made.pem(), &server);
    let text = refused(&key, other_authority()).await;
    assert!(text.contains("issuer that is not trusted"), "{text}");

    let (_, connector) = secure(&key, Plan { strict_binding: true, ..Plan::default() }).await;
    let session = connector.trust(Trust::ca(root.pem().as_bytes()).unwrap()).session().unwrap();
    good(&session, repeatable("1")).await;
}

#[tokio::test]
async fn a_self_signed_certificate_is_its_own_authority() {
    let key = key();
    let (_, connector) = secure(&key, Plan::default()).await;
    let session = connector.trust(Trust::ca(key.pem.as_bytes()).unwrap()).session().unwrap();
    good(&session, once("1")).await;
}

#[tokio::test]
async fn a_certificate_of_an_authority_is_no_server_certificate_but_can_be_pinned() {
    let mut params = params(&["127.0.0.1"]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = ServerKey::new(params);
    let text = refused(&key, Trust::ca(key.pem.as_bytes()).unwrap()).await;
    assert!(text.contains("CaUsedAsEndEntity") && text.contains("--pin-sha256"), "{text}");
    let (_, connector) = secure(&key, Plan { strict_binding: true, ..Plan::default() }).await;
    good(&connector.session().unwrap(), once("1")).await;
}

#[tokio::test]
async fn a_certificate_for_other_names_or_times_can_be_pinned() {
    let named = ServerKey::new(params(&["hv-dr-01.lab.test", "192.0.2.7"]));
    let mut expired = params(&["127.0.0.1"]);
    (expired.not_before, expired.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 1, 1));
    let mut early = params(&["127.0.0.1"]);
    (early.not_before, early.not_after) = (rcgen::date_time_ymd(2090, 1, 1), rcgen::date_time_ymd(2091, 1, 1));
    for (key, expected) in [
        (named, "is for hv-dr-01.lab.test, 192.0.2.7"),
        (ServerKey::new(expired), "expired (2021-01-01T00:00:00Z)"),
        (ServerKey::new(early), "not valid yet (2090-01-01T00:00:00Z)"),
    ] {
        let text = refused(&key, Trust::ca(key.pem.as_bytes()).unwrap()).await;
        assert!(text.contains(expected) && text.contains(&Pin::of(&key.der).to_string()), "{text}");
        let (_, connector) = secure(&key, Plan::default()).await;
        good(&connector.session().unwrap(), once("1")).await;
    }
}

#[tokio::test]
async fn another_pin_shows_both() {
    let key = key();
    let expected = Pin::from([7; 32]);
    let text = refused(&key, Trust::pin(expected)).await;
    assert!(text.contains(&format!("seen {}, expected {expected}", Pin::of(&key.der))), "{text}");
}

#[tokio::test]
async fn any_certificate_only_when_asked_by_name() {
    let (_, connector) = secure(&key(), Plan { strict_binding: true, ..Plan::default() }).await;
    let session = connector.trust(Trust::dangerous_accept_any_certificate()).session().unwrap();
    good(&session, once("1")).await;
}

#[tokio::test]
async fn an_issuer_of_the_same_name_with_another_key_is_named() {
    let text = refused(&key(), Trust::ca(key().pem.as_bytes()).unwrap()).await;
    assert!(text.contains("signed with another key"), "{text}");
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint: Endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
    });
    let session =
        Connector::new(endpoint).credentials(credentials(PASSWORD)).trust(other_authority()).session().unwrap();
    let error = bad(&session, once("1"), ExchangeErrorKind::Tls, Delivery::NotSent).await;
    assert!(error.to_string().contains("does not speak TLS") && error.to_string().contains("--http"), "{error}");
}

#[tokio::test]
async fn the_certificate_is_shown_before_anything_is_sent() {
    let key = key();
    let (host, _) = secure(&key, Plan::default()).await;
    let shown = show_certificate(&host.address.to_string().parse().unwrap(), None, LONG).await.unwrap();
    assert_eq!((shown.pin, &shown.der), (Pin::of(&key.der), &key.der));
    assert_eq!(shown.names, ["127.0.0.1", "hv.lab.test"]);
    assert!(host.requests().is_empty());
    let plain = Endpoint::http(&host.address.to_string()).unwrap();
    assert_eq!(show_certificate(&plain, None, LONG).await.unwrap_err().kind(), ExchangeErrorKind::Configuration);
}

#[tokio::test]
async fn basic_goes_with_every_request_when_chosen() {
    let schemes = &["Basic realm=\"WSMAN\"", "Negotiate"];
    let (host, connector) = secure(&key(), Plan { schemes, ..Plan::default() }).await;
    let session = connector.auth(AuthChoice::Basic).session().unwrap();
    good(&session, repeatable("1")).await;
    good(&session, once("2")).await;
    assert_eq!((host.story().as_str(), session.scheme()), ("0:basic 0:basic", Some(Scheme::Basic)));
    assert_eq!(host.requests()[0].token, Token::Basic(format!("LAB\\admin:{PASSWORD}")));
}

#[tokio::test]
async fn basic_is_not_sent_when_not_asked() {
    let both = &["Basic realm=\"WSMAN\"", "Negotiate"];
    let (host, connector) = secure(&key(), Plan { schemes: both, ..Plan::default() }).await;
    good(&connector.session().unwrap(), once("1")).await;
    assert_eq!(host.story(), "0:hello 0:last 0:message");

    let only = &["Basic realm=\"WSMAN\""];
    let (host, connector) = secure(&key(), Plan { schemes: only, ..Plan::default() }).await;
    good(&connector.session().unwrap(), once("1")).await;
    assert_eq!(host.story(), "0:hello 0:basic 0:basic");

    let any = Trust::dangerous_accept_any_certificate;
    for (auth, trust) in [(AuthChoice::Auto, Some(any())), (AuthChoice::Negotiate, None)] {
        let (host, mut connector) = secure(&key(), Plan { schemes: only, ..Plan::default() }).await;
        if let Some(trust) = trust {
            connector = connector.trust(trust);
        }
        let session = connector.auth(auth).session().unwrap();
        let error = bad(&session, once("1"), ExchangeErrorKind::Scheme, Delivery::NotSent).await;
        assert!(error.to_string().contains("Basic must be chosen"), "{error}");
        assert_eq!(host.attempts(), 0);
    }
}

#[tokio::test]
async fn a_wrong_basic_password_is_tried_once() {
    let (host, connector) = secure(&key(), Plan { schemes: &["Basic realm=\"x\""], ..Plan::default() }).await;
    let session = connector.auth(AuthChoice::Basic).credentials(credentials("wrong")).session().unwrap();
    bad(&session, repeatable("1"), ExchangeErrorKind::Login, Delivery::Unknown).await;
    bad(&session, once("2"), ExchangeErrorKind::Login, Delivery::NotSent).await;
    assert_eq!(host.attempts(), 1);
}

/// A call never goes with a password that was not judged yet: what is refused there was certainly not sent.
#[tokio::test]
async fn a_call_waits_until_its_header_is_proven() {
    let plan = || Plan { schemes: &["Basic realm=\"x\""], ..Plan::default() };
    let (host, connector) = secure(&key(), plan()).await;
    let session = connector.auth(AuthChoice::Basic).credentials(credentials("wrong")).session().unwrap();
    bad(&session, once("1"), ExchangeErrorKind::Login, Delivery::NotSent).await;
    assert_eq!((host.attempts(), host.messages().len()), (1, 0));
    let (host, connector) = secure(&key(), plan()).await;
    let session = connector.auth(AuthChoice::Basic).session().unwrap();
    good(&session, once("1")).await;
    good(&session, once("2")).await;
    assert_eq!((host.messages(), session.connections()), (vec!["1".to_owned(), "2".to_owned()], 1));
}

#[tokio::test]
async fn basic_not_offered_is_no_wrong_password() {
    let (host, connector) = secure(&key(), Plan { script: |_| Act::Unauthorized, ..Plan::default() }).await;
    let session = connector.auth(AuthChoice::Basic).session().unwrap();
    let error = bad(&session, once("1"), ExchangeErrorKind::Scheme, Delivery::NotSent).await;
    assert!(error.to_string().contains("does not offer Basic, it offers Negotiate, Kerberos"), "{error}");
    assert_eq!(host.attempts(), 1);
}

#[tokio::test]
async fn an_error_inside_tls() {
    let (_, connector) = secure(&key(), Plan { script: |_| Act::Clear(500, "text/html"), ..Plan::default() }).await;
    let error =
        bad(&connector.session().unwrap(), once("1"), ExchangeErrorKind::HttpStatus(500), Delivery::Unknown).await;
    assert!(!error.to_string().contains("unencrypted"), "{error}");
    let (_, connector) = secure(&key(), Plan { script: |_| Act::Fault(500), ..Plan::default() }).await;
    assert_eq!(connector.session().unwrap().send(once("1")).await.unwrap().status, 500);
}
