//! Our client against acceptors whose NTLM and Kerberos were not written here: pyspnego (Python), gss-ntlmssp and MIT
//! Kerberos (C).
//!
//! `tests/interop/run` prepares them and runs this; it names the Python to use in `HVR_INTEROP`, and the realm in
//! `HVR_REALM`. Each case runs on a listener of its own: `tests/interop/acceptor.py`, which judges every byte we send.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "in a test a panic is the report, and what the acceptor saw belongs to it"
)]

mod acceptor;
mod apache;
mod certificates;
#[cfg(feature = "credssp")]
mod credssp;
mod doctor;
mod kerberos;
mod matrix;
mod negotiate;
mod proxies;
mod secrets;
#[path = "../it/support/secrets.rs"]
mod spellings;

use std::time::Duration;

use hyperv_replica::auth::Scheme;
use hyperv_replica::transport::{Pin, Trust};
use hyperv_replica::wsman::{Delivery, ExchangeErrorKind, Identify, Message};
use serde_json::Value;

use acceptor::{Acceptor, echo, fails, once, repeatable};

macro_rules! cases {
    ($($case:ident)+) => {
        mod pyspnego {
            $(#[test] #[ignore = "run tests/interop/run"] fn $case() { super::block_on(super::$case("pyspnego")) })+
        }
        mod gss_ntlmssp {
            $(#[test] #[ignore = "run tests/interop/run"] fn $case() { super::block_on(super::$case("gss-ntlmssp")) })+
        }
    };
}

cases! {
    requests_to_http_sys
    a_call_to_http_sys_waits_for_the_login
    requests_to_another_server
    schemes_as_servers_write_them
    a_wrong_password_is_tried_once
    an_unknown_user_is_tried_once
    the_spellings_of_a_user
    names_and_passwords_in_other_scripts
    bodies_of_100_kib
    chunked_replies
    closed_after_the_first_401_once
    closed_after_the_first_401_always
    closed_after_the_challenge
    closed_in_mid_session
    clear_replies_are_not_believed
    bound_to_the_certificate
    bound_to_another_certificate
}

/// The SPNEGO acceptor of pyspnego takes bare NTLM tokens, as Windows does.
#[test]
#[ignore = "run tests/interop/run"]
fn a_spnego_acceptor_takes_bare_ntlm() {
    block_on(requests_to_http_sys("pyspnego-negotiate"));
}

async fn requests_to_http_sys(mechanism: &str) {
    let acceptor = Acceptor::start(mechanism, &[]);
    let session = acceptor.session(ADMIN);
    for (number, requests) in [(0, 2), (1, 3), (2, 4)] {
        echo(&session, repeatable(number)).await;
        assert_eq!((session.requests(), session.connections()), (requests, 1));
    }
    echo(&session, once(3)).await;
    assert_eq!((session.requests(), session.connections()), (5, 1));
    assert_eq!(session.scheme(), Some(Scheme::Negotiate));
    assert_eq!(session.server().as_deref(), Some("Microsoft-HTTPAPI/2.0"));

    let lines = acceptor.end();
    let length = |number| i64::try_from(envelope(number).len()).unwrap();
    let due = [
        ("negotiate", 401, 0),
        ("authenticate", 200, length(0)),
        ("", 200, length(1)),
        ("", 200, length(2)),
        ("", 200, length(3)),
    ];
    assert_eq!(summary(&lines), due);
    assert_eq!((&lines[1]["domain"], &lines[1]["user"]), (&"LAB".into(), &"admin".into()));
    assert!(lines[1]["received"].as_i64().unwrap() > length(0) + 200, "{}", lines[1]);
}

async fn a_call_to_http_sys_waits_for_the_login(mechanism: &str) {
    let acceptor = Acceptor::start(mechanism, &[]);
    let session = acceptor.session(ADMIN);
    for (number, requests) in [(0, 3), (1, 4)] {
        echo(&session, once(number)).await;
        assert_eq!((session.requests(), session.connections()), (requests, 1));
    }
    three_then_one_each(&acceptor.end());
}

async fn requests_to_another_server(mechanism: &str) {
    let acceptor = Acceptor::start(mechanism, OTHER_SERVER);
    let session = acceptor.session(ADMIN);
    for (number, requests) in [(0, 3), (1, 4)] {
        echo(&session, repeatable(number)).await;
        assert_eq!((session.requests(), session.connections()), (requests, 1));
    }
    three_then_one_each(&acceptor.end());
}

/// What the first 401 of a server that looks at no first token may say.
async fn schemes_as_servers_write_them(mechanism: &str) {
    for offers in [
        &["--offer=negotiate"][..],
        &["--offer=Basic realm=\"WSMAN\"", "--offer=Negotiate"],
        &["--offer=Negotiate, Kerberos, CredSSP, Basic realm=\"WSMAN\""],
        &["--offer=Basic realm=\"a, Negotiate b\", Digest qop=\"auth\", nonce=\"x==\", Negotiate"],
    ] {
        let acceptor = Acceptor::start(mechanism, &[offers, &["--blind=once"]].concat());
        let session = acceptor.session(ADMIN);
        echo(&session, repeatable(0)).await;
        assert_eq!(session.connections(), 2);
        assert_eq!(tokens(&acceptor.end()), ["negotiate 401", "negotiate 401", "authenticate 200"]);
    }
}

async fn a_wrong_password_is_tried_once(mechanism: &str) {
    for server in [&[][..], OTHER_SERVER, &["--tls=rsa-sha256"]] {
        refused_once(mechanism, server, (ADMIN.0, "correct-Horse-7")).await;
        refused_once(mechanism, server, (ADMIN.0, "")).await;
    }
}

async fn an_unknown_user_is_tried_once(mechanism: &str) {
    refused_once(mechanism, &[], ("LAB\\nobody", ADMIN.1)).await;
}

async fn the_spellings_of_a_user(mechanism: &str) {
    let accounts = [
        (ADMIN, ("LAB", "admin")),
        // The response is made with the user in capitals and the domain as it is.
        (("LAB\\AdMin", ADMIN.1), ("LAB", "AdMin")),
        (("lab\\viewer", "Small-Horse-6"), ("lab", "viewer")),
        (("operator", "Local-Horse-8"), ("", "operator")),
        (("\\operator", "Local-Horse-8"), ("", "operator")),
        (("admin@lab.test", "Upn-Horse-9"), ("", "admin@lab.test")),
    ];
    logs_in_as(mechanism, &accounts).await;
}

/// No `ß`: both acceptors hash it as `SS`, which Windows does not.
async fn names_and_passwords_in_other_scripts(mechanism: &str) {
    let password = "Pässwörd€ 🔑 Ж";
    let accounts = [
        (("LÄB\\jürgen.ñandú", password), ("LÄB", "jürgen.ñandú")),
        (("LÄB\\JÜRGEN.ñandÚ", password), ("LÄB", "JÜRGEN.ñandÚ")),
        (("名前@lab.test", "パスワード"), ("", "名前@lab.test")),
    ];
    logs_in_as(mechanism, &accounts).await;
    refused_once(mechanism, &[], ("LÄB\\jürgen.ñandú", "Passwörd€ 🔑 Ж")).await;
}

async fn bodies_of_100_kib(mechanism: &str) {
    for server in [&[][..], OTHER_SERVER, &["--chunked"], &["--tls=rsa-sha256"], &["--tls=rsa-sha256", "--chunked"]] {
        let acceptor = Acceptor::start(mechanism, server);
        let session = acceptor.session(ADMIN);
        for number in 0..3 {
            let text = format!("{number} ü € 🔑 \r\n--Encrypted Boundary--\r\n ");
            let envelope = format!("<s:Envelope>{}</s:Envelope>", text.repeat(100 * 1024 / text.len() + 1));
            assert!(envelope.len() > 100 * 1024);
            echo(&session, Message::repeatable(&Identify, "", envelope.into_bytes(), TIMEOUT)).await;
        }
        assert_eq!(session.connections(), 1);
        let opened = acceptor.end().iter().filter(|line| line["opened"].as_i64() > Some(100 * 1024)).count();
        assert_eq!(opened, 3);
    }
}

/// The 401s of the login are chunked, too.
async fn chunked_replies(mechanism: &str) {
    for (server, requests) in
        [(&["--chunked"][..], 2), (&["--chunked", "--server=OMI"], 3), (&["--chunked", "--tls=rsa-sha256"], 2)]
    {
        let acceptor = Acceptor::start(mechanism, server);
        let session = acceptor.session(ADMIN);
        echo(&session, repeatable(0)).await;
        assert_eq!((session.requests(), session.connections()), (requests, 1));
        echo(&session, once(1)).await;
        assert_eq!((session.requests(), session.connections()), (requests + 1, 1));
        acceptor.end();
    }
}

async fn closed_after_the_first_401_once(mechanism: &str) {
    for server in [&["--blind=once"][..], &["--blind=once", "--silent"], &["--blind=once", "--tls=rsa-sha256"]] {
        let acceptor = Acceptor::start(mechanism, server);
        let session = acceptor.session(ADMIN);
        echo(&session, repeatable(0)).await;
        echo(&session, once(1)).await;
        assert_eq!(session.connections(), 2);
        let lines = acceptor.end();
        assert_eq!(tokens(&lines), ["negotiate 401", "negotiate 401", "authenticate 200"]);
        let connections: Vec<_> = lines.iter().map(|line| line["connection"].as_i64().unwrap()).collect();
        assert_eq!(connections, [1, 2, 2, 2]);
    }
}

async fn closed_after_the_first_401_always(mechanism: &str) {
    let acceptor = Acceptor::start(mechanism, &["--blind=always"]);
    let session = acceptor.session(ADMIN);
    let error = fails(&session, repeatable(0)).await;
    assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::Scheme, Delivery::NotSent), "{error}");
    assert_eq!(tokens(&acceptor.end()), ["negotiate 401"; 2]);
}

async fn closed_after_the_challenge(mechanism: &str) {
    let acceptor = Acceptor::start(mechanism, &["--close-after-challenge"]);
    let session = acceptor.session(ADMIN);
    let error = fails(&session, repeatable(0)).await;
    assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::ConnectionLost, Delivery::NotSent), "{error}");
    assert_eq!(tokens(&acceptor.end()), ["negotiate 401"]);

    // Without a word: the last token may go out into the closed connection, and reaches nobody.
    for message in [repeatable(0), once(0)] {
        let acceptor = Acceptor::start(mechanism, &["--close-after-challenge", "--silent"]);
        let session = acceptor.session(ADMIN);
        let error = fails(&session, message).await;
        assert_eq!(error.kind(), ExchangeErrorKind::ConnectionLost, "{error}");
        assert_eq!(tokens(&acceptor.end()), ["negotiate 401"]);
    }
}

/// Every connection ends with its fourth request: a message that may repeat is carried by the next one.
async fn closed_in_mid_session(mechanism: &str) {
    for server in [&[][..], &["--silent"], &["--tls=rsa-sha256"], &["--silent", "--tls=rsa-sha256"]] {
        let acceptor = Acceptor::start(mechanism, &[server, &["--requests-per-connection=4"]].concat());
        let session = acceptor.session(ADMIN);
        for number in 0..7 {
            echo(&session, repeatable(number)).await;
        }
        assert_eq!(session.connections(), 3);
        let lines = acceptor.end();
        let opened = lines.iter().filter(|line| line["opened"].as_i64() > Some(0)).count();
        assert_eq!((opened, lines.len()), (7, 4 + 4 + 2), "every message went out once");
    }
}

async fn clear_replies_are_not_believed(mechanism: &str) {
    let acceptor = Acceptor::start(mechanism, &["--clear-replies"]);
    let error = fails(&acceptor.session(ADMIN), repeatable(0)).await;
    assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::Protection, Delivery::Unknown), "{error}");
    acceptor.end();
}

async fn bound_to_the_certificate(mechanism: &str) {
    for (certificate, server, requests) in [
        ("--tls=rsa-sha256", "--server=Microsoft-HTTPAPI/2.0", 2),
        ("--tls=rsa-sha256", "--server=OMI", 3),
        ("--tls=rsa-sha512", "--server=Microsoft-HTTPAPI/2.0", 2),
        ("--tls=ecdsa-sha384", "--server=Microsoft-HTTPAPI/2.0", 2),
    ] {
        let acceptor = Acceptor::start(mechanism, &[certificate, server]);
        let session = acceptor.session(ADMIN);
        echo(&session, repeatable(0)).await;
        assert_eq!((session.requests(), session.connections()), (requests, 1));
        echo(&session, once(1)).await;
        assert_eq!((session.requests(), session.connections()), (requests + 1, 1));

        // The same once more, with the certificate pinned in place of trusted.
        let pin = session.peer_pin().unwrap();
        let pinned = acceptor.connector(ADMIN).trust(Trust::pin(pin)).session().unwrap();
        echo(&pinned, repeatable(2)).await;
        let other = acceptor.connector(ADMIN).trust(Trust::pin(Pin::from([7; 32]))).session().unwrap();
        assert_eq!(fails(&other, repeatable(3)).await.kind(), ExchangeErrorKind::Tls);

        // Inside TLS bodies are clear: what was received is what was opened.
        for line in acceptor.end() {
            assert_eq!(line["received"], line["opened"], "{line}");
        }
    }
}

async fn bound_to_another_certificate(mechanism: &str) {
    for server in ["--server=Microsoft-HTTPAPI/2.0", "--server=OMI"] {
        refused_once(mechanism, &["--tls=rsa-sha256", "--foreign-binding", server], ADMIN).await;
    }
}

/// The login fails after one AUTHENTICATE, and nothing is sent for the messages after it.
async fn refused_once(mechanism: &str, modes: &[&str], account: Account<'_>) {
    let acceptor = Acceptor::start(mechanism, modes);
    let session = acceptor.session(account);
    let error = fails(&session, repeatable(0)).await;
    assert_eq!(error.kind(), ExchangeErrorKind::Login, "{error}");
    for message in [repeatable(1), once(2)] {
        let error = fails(&session, message).await;
        assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::Login, Delivery::NotSent), "{error}");
    }
    assert_eq!((session.requests(), session.scheme()), (2, None));
    let lines = acceptor.end();
    assert_eq!(tokens(&lines), ["negotiate 401", "authenticate 401"]);
    assert!(lines.iter().all(|line| line["opened"] == 0));
    assert!(lines[1]["refused"].is_string(), "{}", lines[1]);
}

/// Each account, and the domain and user that the acceptor must see.
async fn logs_in_as(mechanism: &str, accounts: &[(Account<'_>, (&str, &str))]) {
    let acceptor = Acceptor::start(mechanism, &[]);
    for (account, _) in accounts {
        let session = acceptor.session(*account);
        echo(&session, repeatable(0)).await;
        echo(&session, once(1)).await;
    }
    let lines = acceptor.end();
    let seen = lines.iter().filter_map(|line| Some((line["domain"].as_str()?, line["user"].as_str()?)));
    assert!(seen.eq(accounts.iter().map(|(_, name)| *name)), "{lines:?}");
}

fn three_then_one_each(lines: &[Value]) {
    let length = |number| i64::try_from(envelope(number).len()).unwrap();
    let due = [("negotiate", 401, 0), ("authenticate", 200, 0), ("", 200, length(0)), ("", 200, length(1))];
    assert_eq!(summary(lines), due);
}

/// Token, status and size of the opened message of each request.
fn summary(lines: &[Value]) -> Vec<(&str, i64, i64)> {
    let number = |line: &Value, name| line[name].as_i64().unwrap();
    lines
        .iter()
        .map(|line| (line["token"].as_str().unwrap_or(""), number(line, "status"), number(line, "opened")))
        .collect()
}

/// The requests that carried a token, with their status.
fn tokens(lines: &[Value]) -> Vec<String> {
    let seen = lines.iter().filter_map(|line| Some((line["token"].as_str()?, line["status"].as_i64()?)));
    seen.map(|(token, status)| format!("{token} {status}")).collect()
}

/// Of another length for each number.
fn envelope(number: usize) -> Vec<u8> {
    format!("<s:Envelope><i:Identify>{}</i:Identify></s:Envelope>", "grün ".repeat(number)).into_bytes()
}

/// User and password, both in `tests/interop/users` if they are right.
type Account<'a> = (&'a str, &'a str);

fn block_on(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(case);
}

const ADMIN: Account<'_> = ("LAB\\admin", "Correct-Horse-7");
const OTHER_SERVER: &[&str] = &["--server=OMI"];
const TIMEOUT: Duration = Duration::from_secs(30);
