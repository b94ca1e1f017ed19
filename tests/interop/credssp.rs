//! CredSSP against pyspnego's acceptor, which has its TLS from Python's `ssl`, NTLM of its own, and Kerberos from MIT.
//! It must be given the right password, open our bodies, and have its own opened.

use hyperv_replica::auth::{Mechanism, Scheme};
use hyperv_replica::transport::{AuthChoice, Session};
use hyperv_replica::wsman::{Delivery, ExchangeErrorKind, Identify, Message};
use serde_json::{Value, json};

use super::acceptor::{Acceptor, echo, fails, once, repeatable};
use super::{ADMIN, Account, TIMEOUT, block_on, envelope, summary, tokens};

/// Listeners: plain HTTP and TLS, http.sys and another, either version of TLS inside.
const LISTENERS: [&[&str]; 6] = [
    &["--inner-tls=1.2"],
    &["--inner-tls=1.3"],
    &["--inner-tls=1.2", "--server=OMI"],
    &["--inner-tls=1.3", "--chunked"],
    &["--inner-tls=1.2", "--tls=rsa-sha256"],
    &["--inner-tls=1.3", "--tls=ecdsa-sha384", "--server=OMI"],
];

#[test]
#[ignore = "run tests/interop/run"]
fn the_password_is_handed_over_and_messages_are_sealed() {
    block_on(async {
        for listener in LISTENERS {
            let acceptor = Acceptor::start("pyspnego-credssp", listener);
            let session = session(&acceptor, ADMIN);
            // What is offered; TLS in two; NTLM, proof and password in three.
            for (message, requests) in [(repeatable(0), 7), (once(1), 8), (repeatable(2), 9)] {
                echo(&session, message).await;
                assert_eq!((session.requests(), session.connections()), (requests, 1), "{listener:?}");
            }
            let login = session.login().unwrap();
            assert_eq!((login.scheme, login.mechanism), (Scheme::CredSsp, Some(Mechanism::Ntlm)));
            assert_eq!(login.to_string(), "CredSSP (NTLM)");

            let lines = acceptor.end();
            let length = |number| i64::try_from(envelope(number).len()).unwrap();
            let leg = ("credssp", 401, 0);
            let login = [("", 401, 0), leg, leg, leg, leg, ("credssp", 200, 0)];
            let due = [&login[..], &[0, 1, 2].map(|number| ("", 200, length(number)))].concat();
            assert_eq!(summary(&lines), due);
            let tls = if listener.contains(&"--inner-tls=1.3") { "TLSv1.3" } else { "TLSv1.2" };
            assert_eq!((&lines[5]["inside"], &lines[5]["version"]), (&json!("ntlm"), &json!(tls)));
            assert_eq!(delegated(&lines), json!(["LAB", "admin", ADMIN.1]));
        }
    });
}

#[test]
#[ignore = "run tests/interop/run"]
fn bodies_of_any_size() {
    block_on(async {
        for listener in [&["--inner-tls=1.2"], &["--inner-tls=1.3"]] {
            let acceptor = Acceptor::start("pyspnego-credssp", listener);
            let session = session(&acceptor, ADMIN);
            for size in [1, 16 * 1024, 16 * 1024 + 1, 3 * 16 * 1024, 500 * 1024] {
                let text = "<s:Envelope>".bytes().chain(b"ab\r\n--Encrypted Boundary--\r\n".iter().copied().cycle());
                echo(&session, Message::repeatable(&Identify, "", text.take(size).collect(), TIMEOUT)).await;
            }
            assert_eq!(session.connections(), 1);
            acceptor.end();
        }
    });
}

#[test]
#[ignore = "run tests/interop/run"]
fn names_and_passwords_as_they_were_given() {
    block_on(async {
        for (account, due) in [
            (("operator", "Local-Horse-8"), ["", "operator", "Local-Horse-8"]),
            (("LÄB\\jürgen.ñandú", "Pässwörd€ 🔑 Ж"), ["LÄB", "jürgen.ñandú", "Pässwörd€ 🔑 Ж"]),
        ] {
            let acceptor = Acceptor::start("pyspnego-credssp", &[]);
            echo(&session(&acceptor, account), repeatable(0)).await;
            assert_eq!(delegated(&acceptor.end()), json!(due));
        }
    });
}

#[test]
#[ignore = "run tests/interop/run"]
fn kerberos_inside_for_a_user_of_a_realm() {
    block_on(async {
        for listener in [&["--inner-tls=1.2"][..], &["--inner-tls=1.3", "--tls=rsa-sha256"]] {
            let realm = std::env::var("HVR_REALM").expect("HVR_REALM names no realm: run tests/interop/run");
            let keys = [("KRB5_KTNAME", format!("{realm}/service.keytab"))];
            let acceptor = Acceptor::start_in("pyspnego-credssp-kerberos", listener, &keys).by_name();
            let session = session(&acceptor, ("admin@hvr.test", "Correct-Horse-7"));
            echo(&session, repeatable(0)).await;
            let login = session.login().unwrap();
            assert_eq!(login.to_string(), "CredSSP (Kerberos, aes256-cts-hmac-sha1-96)");
            let lines = acceptor.end();
            assert_eq!(delegated(&lines), json!(["", "admin@hvr.test", "Correct-Horse-7"]));
            assert_eq!(lines[5]["inside"], "kerberos");
        }
    });
}

/// The KDC is not reached: NTLM follows. A KDC that refuses the password ends it.
#[test]
#[ignore = "run tests/interop/run"]
fn ntlm_follows_where_no_kdc_is() {
    block_on(async {
        let acceptor = Acceptor::start("pyspnego-credssp", &[]).by_name();
        let session = session(&acceptor, ("admin@down.test", "Down-Horse-3"));
        echo(&session, repeatable(0)).await;
        let login = session.login().unwrap();
        assert_eq!(login.mechanism, Some(Mechanism::Ntlm));
        assert!(login.passed_over.is_some());
        assert_eq!(delegated(&acceptor.end()), json!(["", "admin@down.test", "Down-Horse-3"]));

        let acceptor = Acceptor::start("pyspnego-credssp", &[]).by_name();
        let session = self::session(&acceptor, ("admin@hvr.test", "Wrong-Horse-0"));
        let error = fails(&session, repeatable(0)).await;
        assert_eq!(error.kind(), ExchangeErrorKind::Login, "{error}");
        assert!(acceptor.end().is_empty(), "a wrong password was tried twice");
    });
}

#[test]
#[ignore = "run tests/interop/run"]
fn a_wrong_password_is_tried_once_and_given_to_nobody() {
    block_on(async {
        for listener in LISTENERS {
            let acceptor = Acceptor::start("pyspnego-credssp", listener);
            let session = session(&acceptor, (ADMIN.0, "correct-Horse-7"));
            let error = fails(&session, repeatable(0)).await;
            assert_eq!(error.kind(), ExchangeErrorKind::Login, "{error}");
            assert!(error.to_string().contains("wrong user name or password"), "{error}");
            for message in [repeatable(1), once(2)] {
                let error = fails(&session, message).await;
                assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::Login, Delivery::NotSent), "{error}");
            }
            let lines = acceptor.end();
            assert_eq!(tokens(&lines), ["credssp 401"; 4]);
            assert_eq!(delegated(&lines), Value::Null);
        }
    });
}

#[test]
#[ignore = "run tests/interop/run"]
fn hosts_that_get_no_password() {
    block_on(async {
        for (mode, says, legs) in [
            ("--credssp-version=4", "CVE-2018-0886", 3),
            ("--credssp-version=2", "CVE-2018-0886", 3),
            ("--foreign-key", "refuses the login", 4),
        ] {
            let acceptor = Acceptor::start("pyspnego-credssp", &[mode]);
            let error = fails(&session(&acceptor, ADMIN), repeatable(0)).await;
            assert_eq!(error.kind(), ExchangeErrorKind::Login, "{error}");
            assert!(error.to_string().contains(says), "{error}");
            let lines = acceptor.end();
            assert_eq!((lines.len(), delegated(&lines)), (1 + legs, Value::Null));
        }
        let acceptor = Acceptor::start("pyspnego-credssp", &["--credssp-version=5"]);
        echo(&session(&acceptor, ADMIN), repeatable(0)).await;
        acceptor.end();
        let acceptor = Acceptor::start("pyspnego", &["--tls=rsa-sha256"]);
        let error = fails(&session(&acceptor, ADMIN), repeatable(0)).await;
        assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::Scheme, Delivery::NotSent), "{error}");
        assert!(error.to_string().contains("Enable-WSManCredSSP"), "{error}");
    });
}

#[test]
#[ignore = "run tests/interop/run"]
fn connections_that_end() {
    block_on(async {
        let acceptor = Acceptor::start("pyspnego-credssp", &["--requests-per-connection=8"]);
        let session = session(&acceptor, ADMIN);
        for number in 0..4 {
            echo(&session, repeatable(number)).await;
        }
        assert_eq!(session.connections(), 2);
        acceptor.end();
        let acceptor = Acceptor::start("pyspnego-credssp", &["--clear-replies"]);
        let error = fails(&self::session(&acceptor, ADMIN), repeatable(0)).await;
        assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::Protection, Delivery::Unknown), "{error}");
        acceptor.end();
    });
}

/// A recording has the messages in clear, and neither password nor token.
#[cfg(feature = "trace")]
#[test]
#[ignore = "run tests/interop/run"]
fn recordings_are_in_clear_and_tell_no_secret() {
    use hyperv_replica::trace::{Recorder, Redactor};

    block_on(async {
        let acceptor = Acceptor::start("pyspnego-credssp", &[]);
        let recorder = std::sync::Arc::new(Recorder::in_memory(Redactor::new(), None));
        recorder.expect("127.0.0.1", ADMIN.0, ADMIN.1);
        let connector = acceptor.connector(ADMIN).auth(AuthChoice::CredSsp).observer(recorder.clone());
        let session = connector.session().unwrap();
        let message = format!("<s:Envelope>{}</s:Envelope>", "canary-message ".repeat(2000));
        echo(&session, Message::repeatable(&Identify, "", message.clone().into_bytes(), TIMEOUT)).await;
        acceptor.end();

        let har: Value = serde_json::from_slice(&recorder.har().unwrap()).unwrap();
        let entries = har["log"]["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 7);
        assert_eq!(entries[6]["request"]["postData"]["text"], message);
        assert_eq!(entries[6]["response"]["content"]["text"], message);
        let shown = har.to_string();
        assert!(!shown.contains(ADMIN.1), "{shown}");
        for (name, count) in [("authorization", 5), ("www-authenticate", 6)] {
            let headers = entries.iter().flat_map(|entry| {
                ["request", "response"].map(|side| entry[side]["headers"].as_array().unwrap()).into_iter().flatten()
            });
            let values: Vec<_> =
                headers.filter(|header| header["name"] == name).map(|header| &header["value"]).collect();
            let bare =
                |value: &str| value == "CredSSP" || (value.starts_with("CredSSP [") && value.ends_with(" removed]"));
            assert!(
                values.len() >= count - 1 && values.iter().all(|value| bare(value.as_str().unwrap())),
                "{values:?}"
            );
        }
    });
}

fn session(acceptor: &Acceptor, account: Account<'_>) -> Session {
    acceptor.connector(account).auth(AuthChoice::CredSsp).session().unwrap()
}

/// Domain, user and password as the acceptor was given them.
fn delegated(lines: &[Value]) -> Value {
    lines.iter().find_map(|line| line.get("delegated")).cloned().unwrap_or_default()
}
