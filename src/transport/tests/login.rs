//! The order of tokens, and what each refusal leads to.

use super::host::{Act, HTTP_SYS, OTHER, Quirk, Token, header};
use super::*;
use crate::auth::Scheme;

#[tokio::test]
async fn http_sys_takes_two_requests_for_the_first_repeatable_message_and_one_for_each_later() {
    let (host, session) = plain(Plan::default()).await;
    good(&session, repeatable("first")).await;
    assert_eq!(session.requests(), 2);
    good(&session, once("second")).await;
    good(&session, repeatable("third")).await;
    assert_eq!(host.story(), "0:hello 0:last+message 0:message 0:message");
    assert_eq!((session.requests(), session.connections()), (4, 1));
    assert_eq!(session.server().as_deref(), Some(HTTP_SYS));
    assert_eq!(session.scheme(), Some(Scheme::Negotiate));
    assert_eq!(session.peer_pin(), None);
}

#[tokio::test]
async fn other_servers_take_three() {
    let (host, session) = plain(Plan { server: OTHER, ..Plan::default() }).await;
    good(&session, repeatable("first")).await;
    good(&session, repeatable("second")).await;
    assert_eq!(host.story(), "0:hello 0:last 0:message 0:message");
}

#[tokio::test]
async fn a_message_for_once_never_rides_on_a_token() {
    let (host, session) = plain(Plan::default()).await;
    good(&session, once("first")).await;
    assert_eq!(host.story(), "0:hello 0:last 0:message");
}

#[tokio::test]
async fn the_requests_are_well_formed_and_sealed() {
    let (host, session) = plain(Plan::default()).await;
    good(&session, repeatable("<secret-envelope/>")).await;
    good(&session, once("<secret-envelope/>")).await;
    let requests = host.requests();
    assert!(requests[0].head.starts_with("POST /wsman HTTP/1.1\r\n"));
    assert_eq!(header(&requests[0].head, "content-length"), Some("0"));
    for request in &requests {
        assert_eq!(header(&request.head, "host"), Some(host.address.to_string().as_str()));
        let agent = concat!("hyperv-replica/", env!("CARGO_PKG_VERSION"));
        assert_eq!(header(&request.head, "user-agent"), Some(agent));
        let wire = [request.head.as_bytes(), &request.body].concat();
        assert!(!String::from_utf8_lossy(&wire).contains("secret-envelope"));
    }
    assert_eq!(requests[2].token, Token::None);
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_whatever_is_sent_later() {
    // What may be repeated rides on the last token to http.sys, and nothing says what became of it.
    for (server, delivery) in [(HTTP_SYS, Delivery::Unknown), (OTHER, Delivery::NotSent)] {
        let host = Host::start(Plan { server, ..Plan::default() }).await;
        let session = connector_as(&host, "canary-7f3a").session().unwrap();
        let first = bad(&session, repeatable("1"), ExchangeErrorKind::Login, delivery).await;
        assert!(
            first.is_login()
                && first.to_string().contains("LAB\\admin")
                && !format!("{first:?} {session:?}").contains("canary")
        );
        for message in [repeatable("2"), once("3")] {
            let again = bad(&session, message, ExchangeErrorKind::Login, Delivery::NotSent).await;
            assert_eq!(again.to_string(), first.to_string());
        }
        assert_eq!((host.attempts(), host.connections()), (1, 1));
    }
}

#[tokio::test]
async fn an_unknown_outcome_of_the_last_token_is_not_a_reason_to_try_again() {
    for (server, delivery) in [(HTTP_SYS, Delivery::Unknown), (OTHER, Delivery::NotSent)] {
        let plan = Plan { server, quirk: Quirk::VanishesAtLastToken, ..Plan::default() };
        let (host, session) = plain(plan).await;
        bad(&session, repeatable("1"), ExchangeErrorKind::ConnectionLost, delivery).await;
        assert_eq!(host.attempts(), 1);
    }
}

#[tokio::test]
async fn a_connection_closed_within_the_login_is_named_and_costs_no_password() {
    for quirk in [Quirk::SaysCloseWithChallenge, Quirk::DropsAfterChallenge] {
        let (host, session) = plain(Plan { quirk, ..Plan::default() }).await;
        let error = bad(&session, repeatable("1"), ExchangeErrorKind::ConnectionLost, Delivery::NotSent).await;
        assert!(error.to_string().contains("closes the connection during the login"), "{error}");
        assert_eq!((host.connections(), host.attempts()), (1, 0), "{quirk:?}");
    }
}

#[tokio::test]
async fn a_server_that_first_names_its_schemes_gets_the_token_again() {
    for (quirk, story) in [
        (Quirk::NamesSchemes, "0:hello 0:hello 0:last+message"),
        (Quirk::NamesSchemesAndCloses, "0:hello 1:hello 1:last+message"),
        (Quirk::NamesSchemesAndDrops, "0:hello 1:hello 1:last+message"),
    ] {
        let (host, session) = plain(Plan { quirk, ..Plan::default() }).await;
        good(&session, repeatable("1")).await;
        assert_eq!(host.story(), story);
    }
    let (host, session) = plain(Plan { quirk: Quirk::NeverChallenges, ..Plan::default() }).await;
    let error = bad(&session, repeatable("1"), ExchangeErrorKind::Scheme, Delivery::NotSent).await;
    assert!(error.to_string().contains("no challenge"), "{error}");
    assert_eq!(host.story(), "0:hello 0:hello");
}

#[tokio::test]
async fn schemes_we_do_not_have_are_listed() {
    let (host, session) = plain(Plan { schemes: &["Kerberos", "CredSSP"], ..Plan::default() }).await;
    let error = bad(&session, repeatable("1"), ExchangeErrorKind::Scheme, Delivery::NotSent).await;
    assert!(error.to_string().ends_with("does not offer Negotiate, it offers Kerberos, CredSSP"), "{error}");
    assert_eq!(host.attempts(), 0);
}

#[tokio::test]
async fn basic_never_goes_over_plain_http() {
    let (host, session) = plain(Plan { schemes: &["Basic realm=\"WSMAN\""], ..Plan::default() }).await;
    let error = bad(&session, repeatable("1"), ExchangeErrorKind::Scheme, Delivery::NotSent).await;
    assert!(error.to_string().contains("Basic is for https only"), "{error}");
    let error = connector(&host).auth(AuthChoice::Basic).session().unwrap_err();
    assert_eq!(error.kind(), ExchangeErrorKind::Configuration);
    assert_eq!(host.attempts(), 0);
}

#[tokio::test]
async fn credentials_must_be_given() {
    let error = Connector::new("hv".parse().unwrap()).session().unwrap_err();
    assert_eq!(error.kind(), ExchangeErrorKind::Configuration);
}

#[tokio::test]
async fn an_answer_that_is_no_401_ends_the_login() {
    for status in [404, 503, 500] {
        let (host, session) = plain(Plan { quirk: Quirk::Status(status), ..Plan::default() }).await;
        let kind = ExchangeErrorKind::HttpStatus(status);
        bad(&session, once("1"), kind, Delivery::NotSent).await;
        assert_eq!(host.story(), "0:hello");
    }
    let (_, session) = plain(Plan { quirk: Quirk::Status(200), ..Plan::default() }).await;
    bad(&session, once("1"), ExchangeErrorKind::Scheme, Delivery::NotSent).await;
}

#[tokio::test]
async fn a_login_that_ends_is_renewed_once_for_what_may_repeat() {
    let script = |n| if n == 1 { Act::Unauthorized } else { Act::Good };
    let (host, session) = plain(Plan { script, ..Plan::default() }).await;
    good(&session, repeatable("1")).await;
    good(&session, repeatable("2")).await;
    assert_eq!(host.story(), "0:hello 0:last+message 0:message 1:hello 1:last+message");

    let (host, session) = plain(Plan { script, ..Plan::default() }).await;
    good(&session, repeatable("1")).await;
    bad(&session, once("2"), ExchangeErrorKind::SessionExpired, Delivery::Unknown).await;
    assert_eq!(host.messages(), ["1", "2"]);
    good(&session, once("3")).await;
    assert_eq!(session.connections(), 2);
}

#[tokio::test]
async fn a_login_that_keeps_ending_is_an_error() {
    let script = |n| if n == 0 { Act::Good } else { Act::Unauthorized };
    let (host, session) = plain(Plan { server: OTHER, script, ..Plan::default() }).await;
    good(&session, repeatable("1")).await;
    bad(&session, repeatable("2"), ExchangeErrorKind::SessionExpired, Delivery::Unknown).await;
    assert_eq!(host.story(), "0:hello 0:last 0:message 0:message 1:hello 1:last 1:message");
}
