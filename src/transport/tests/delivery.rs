//! What is known of a message when its reply does not come as it should.

use super::host::{Act, OTHER, Quirk};
use super::*;

type Script = fn(usize) -> Act;

/// A session that is logged in, whose second message meets this.
async fn second(script: Script) -> (Host, Session) {
    let (host, session) = plain(Plan { script, ..Plan::default() }).await;
    good(&session, repeatable("1")).await;
    (host, session)
}

#[tokio::test]
async fn a_connection_dropped_between_messages() {
    let (host, session) = second(|n| if n == 0 { Act::GoodThenDrop } else { Act::Good }).await;
    good(&session, repeatable("2")).await;
    assert_eq!(host.story(), "0:hello 0:last+message 1:hello 1:last+message");
    assert_eq!(session.requests(), 4);

    let (host, session) = second(|n| if n == 0 { Act::GoodThenDrop } else { Act::Good }).await;
    // Whether the close has been seen by now is the kernel's to say.
    let error = session.send(once("2")).await.unwrap_err();
    assert_eq!(error.kind(), ExchangeErrorKind::ConnectionLost);
    assert_eq!(host.messages(), ["1"], "delivery {}", error.delivery());
    assert_eq!(host.connections(), 1);
    good(&session, once("3")).await;
    assert_eq!(host.messages(), ["1", "3"]);
}

#[tokio::test]
async fn a_connection_seen_to_be_closed_sends_nothing() {
    let (host, session) = second(|n| if n == 0 { Act::GoodThenDrop } else { Act::Good }).await;
    // Lets the client's connection task see the close.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let error = bad(&session, once("2"), ExchangeErrorKind::ConnectionLost, Delivery::NotSent).await;
    assert!(error.to_string().contains("nothing of this request was sent"), "{error}");
    assert_eq!((host.connections(), session.requests()), (1, 2));
    good(&session, once("3")).await;
    assert_eq!(host.messages(), ["1", "3"]);
}

#[tokio::test]
async fn a_connection_announced_to_close_is_left_before_the_next_message() {
    let (host, session) = second(|n| if n == 0 { Act::GoodThenClose } else { Act::Good }).await;
    good(&session, once("2")).await;
    assert_eq!(host.story(), "0:hello 0:last+message 1:hello 1:last 1:message");
}

#[tokio::test]
async fn a_message_that_vanished() {
    let script = |n| if n == 1 { Act::Vanish } else { Act::Good };
    let (host, session) = second(script).await;
    good(&session, repeatable("2")).await;
    assert_eq!(host.messages(), ["1", "2", "2"]);

    let (host, session) = second(script).await;
    bad(&session, once("2"), ExchangeErrorKind::ConnectionLost, Delivery::Unknown).await;
    assert_eq!(host.messages(), ["1", "2"]);
    good(&session, once("3")).await;
}

#[tokio::test]
async fn a_repeated_message_is_repeated_once() {
    let (host, session) = second(|n| if n == 0 { Act::Good } else { Act::Vanish }).await;
    bad(&session, repeatable("2"), ExchangeErrorKind::ConnectionLost, Delivery::Unknown).await;
    assert_eq!(host.messages(), ["1", "2", "2"]);
}

#[tokio::test]
async fn a_reply_cut_short() {
    let (host, session) = second(|n| if n == 1 { Act::Cut } else { Act::Good }).await;
    let error = bad(&session, once("2"), ExchangeErrorKind::ConnectionLost, Delivery::Unknown).await;
    assert!(error.to_string().contains("middle of the reply"), "{error}");
    assert_eq!(host.messages(), ["1", "2"]);
}

#[tokio::test]
async fn a_chunked_reply() {
    let (_, session) = second(|_| Act::Chunked).await;
    good(&session, once("2, in a few chunks")).await;
    assert_eq!(session.connections(), 1);
}

#[tokio::test]
async fn a_reply_too_large() {
    let scripts: [Script; 2] = [|_| Act::HugeAnnounced, |_| Act::HugeChunked];
    for script in scripts {
        let host = Host::start(Plan { script, ..Plan::default() }).await;
        let session = connector(&host).reply_limit(100_000).session().unwrap();
        bad(&session, once("1"), ExchangeErrorKind::TooLarge, Delivery::Unknown).await;
        assert_eq!(host.messages(), ["1"]);
    }
}

#[tokio::test]
async fn a_clear_reply_on_a_sealed_connection_is_not_believed() {
    let scripts: [Script; 5] = [
        |_| Act::Clear(200, "application/soap+xml;charset=UTF-8"),
        |_| Act::Clear(500, "application/soap+xml"),
        |_| Act::Clear(400, "text/xml"),
        |_| Act::Clear(200, "text/html"),
        |_| Act::Tampered,
    ];
    for script in scripts {
        let (host, session) = plain(Plan { script, ..Plan::default() }).await;
        bad(&session, repeatable("1"), ExchangeErrorKind::Protection, Delivery::Unknown).await;
        bad(&session, once("2"), ExchangeErrorKind::Protection, Delivery::Unknown).await;
        assert_eq!(host.messages(), ["1", "2"]);
    }
}

#[tokio::test]
async fn an_error_status_without_soap() {
    let cases: [(Script, u16); 8] = [
        (|_| Act::Clear(500, "text/html"), 500),
        (|_| Act::Clear(413, "text/html"), 413),
        (|_| Act::Clear(503, ""), 503),
        (|_| Act::Clear(404, ""), 404),
        (|_| Act::Clear(403, ""), 403),
        (|_| Act::Clear(408, "text/plain"), 408),
        (|_| Act::Clear(429, ""), 429),
        (|_| Act::Clear(302, ""), 302),
    ];
    for (script, status) in cases {
        for message in [repeatable("1"), once("1")] {
            let (host, session) = plain(Plan { script, ..Plan::default() }).await;
            // A proxy may say so after it has passed the message on.
            let error = bad(&session, message, ExchangeErrorKind::HttpStatus(status), Delivery::Unknown).await;
            assert_eq!(error.to_string().contains("unencrypted"), status == 500, "{error}");
            assert_eq!(host.messages(), ["1"]);
        }
    }
}

#[tokio::test]
async fn a_sealed_fault_is_a_reply() {
    let (_, session) = plain(Plan { script: |_| Act::Fault(500), ..Plan::default() }).await;
    let reply = session.send(once("1")).await.unwrap();
    assert_eq!((reply.status, reply.bytes.as_slice()), (500, &b"re: 1"[..]));
    assert_eq!(reply.content_type.as_deref(), Some("application/soap+xml"));
    let reply = session.send(once("2")).await.unwrap();
    assert_eq!(reply.bytes, b"re: 2");
    assert_eq!(session.connections(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_sent_together_share_one_connection() {
    let (host, session) = plain(Plan { server: OTHER, ..Plan::default() }).await;
    for round in 0..20 {
        let texts = ["a", "b", "c"].map(|text| format!("{text}{round}"));
        let [a, b, c] = texts.each_ref().map(|text| good(&session, once(text)));
        tokio::join!(a, b, c);
    }
    assert_eq!((host.connections(), session.requests(), host.attempts()), (1, 62, 1));
}

#[tokio::test]
async fn no_reply_in_time() {
    let (host, session) = second(|n| if n == 1 { Act::Stall } else { Act::Good }).await;
    let short = |text: &str| Message::once("urn:x", "uuid:3", text.as_bytes().to_vec(), Duration::from_millis(60));
    let (first, second) = tokio::join!(session.send(short("2")), session.send(short("waits for its turn")));
    assert_eq!(
        first.as_ref().map_err(|e| (e.kind(), e.delivery())).unwrap_err(),
        (ExchangeErrorKind::Timeout, Delivery::Unknown)
    );
    assert_eq!(
        second.as_ref().map_err(|e| (e.kind(), e.delivery())).unwrap_err(),
        (ExchangeErrorKind::Timeout, Delivery::NotSent)
    );
    good(&session, once("3")).await;
    assert_eq!(host.messages(), ["1", "2", "3"]);
}

#[tokio::test]
async fn no_login_in_time() {
    let (_, session) = plain(Plan { quirk: Quirk::Stalls, ..Plan::default() }).await;
    let message = Message::once("urn:x", "uuid:3", b"1".to_vec(), Duration::from_millis(60));
    bad(&session, message, ExchangeErrorKind::Timeout, Delivery::NotSent).await;
}

#[tokio::test]
async fn a_dropped_future_leaves_no_half_used_connection() {
    let (host, session) = second(|n| if n == 1 { Act::Stall } else { Act::Good }).await;
    tokio::select! {
        biased;
        _ = session.send(once("2")) => panic!("the host does not answer"),
        () = async { while host.messages().len() < 2 { tokio::task::yield_now().await } } => {}
    }
    good(&session, once("3")).await;
    assert_eq!(session.connections(), 2);
}

#[tokio::test]
async fn hosts_that_are_not_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let connector = |endpoint: Endpoint| {
        let trust = Trust::dangerous_accept_any_certificate();
        Connector::new(endpoint).credentials(credentials(PASSWORD)).trust(trust)
    };
    for endpoint in [Endpoint::http(&address.to_string()).unwrap(), address.to_string().parse().unwrap()] {
        let session = connector(endpoint).session().unwrap();
        let error = bad(&session, repeatable("1"), ExchangeErrorKind::Connect, Delivery::NotSent).await;
        assert!(error.is_unreachable() && error.to_string().contains("refuses connections"), "{error}");
        assert_eq!((session.requests(), session.connections()), (0, 0));
    }
    let session = connector("host.invalid".parse().unwrap()).session().unwrap();
    bad(&session, once("1"), ExchangeErrorKind::Resolve, Delivery::NotSent).await;
}

#[tokio::test]
async fn the_address_is_that_of_the_endpoint() {
    let (host, session) = plain(Plan::default()).await;
    assert_eq!(session.address(), format!("http://{}/wsman", host.address));
}
