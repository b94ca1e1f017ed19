//! Kerberos and SPNEGO against MIT's KDC and acceptors that require sealing, or a binding to the TLS channel.

use hyperv_replica::auth::{Credentials, Mechanism, TicketSource};
use hyperv_replica::transport::AuthChoice;
use hyperv_replica::wsman::{Delivery, ExchangeErrorKind, Identify, Message};

use super::acceptor::{Acceptor, echo, fails, once, repeatable};
use super::{TIMEOUT, block_on, envelope, summary, tokens};

/// Each acceptor, the scheme it takes, and how a client must choose it.
const ACCEPTORS: [(&str, &str, AuthChoice); 5] = [
    ("gss-kerberos", "Kerberos", AuthChoice::Kerberos),
    ("pyspnego-kerberos", "Kerberos", AuthChoice::Kerberos),
    ("gss-spnego", "Negotiate", AuthChoice::Negotiate),
    ("pyspnego-spnego", "Negotiate", AuthChoice::Negotiate),
    ("gss-spnego", "Negotiate", AuthChoice::Auto),
];

/// The client asks for both under one setting, whichever the server has.
#[test]
#[ignore = "run tests/interop/run"]
fn two_requests_then_one_each() {
    block_on(async {
        for (mechanism, scheme, auth) in ACCEPTORS {
            for server in ["--server=Microsoft-HTTPAPI/2.0", "--server=OMI"] {
                let acceptor = start(mechanism, scheme, &[server]).by_name();
                let session = acceptor.bare_connector().auth(auth).tickets(None, cache()).session().unwrap();
                for (message, requests) in [(repeatable(0), 2), (once(1), 3), (repeatable(2), 4)] {
                    echo(&session, message).await;
                    assert_eq!((session.requests(), session.connections()), (requests, 1), "{mechanism}");
                }
                let login = session.login().unwrap();
                assert_eq!(login.scheme.name(), scheme);
                assert_eq!(login.mechanism, Some(Mechanism::Kerberos));
                assert_eq!(login.encryption, Some("aes256-cts-hmac-sha1-96"), "{login}");
                assert_eq!(login.passed_over, None);
                let lines = acceptor.end();
                let length = |number| i64::try_from(envelope(number).len()).unwrap();
                let due = [("ticket", 200, 0), ("", 200, length(0)), ("", 200, length(1)), ("", 200, length(2))];
                assert_eq!(summary(&lines), due);
                assert_eq!(lines[0]["user"], "admin@HVR.TEST");
            }
        }
    });
}

/// A client that chose Kerberos takes SPNEGO where the server has nothing else, and the other way round.
#[test]
#[ignore = "run tests/interop/run"]
fn the_scheme_follows_the_offer() {
    block_on(async {
        for (mechanism, scheme, auth) in
            [("gss-spnego", "Negotiate", AuthChoice::Kerberos), ("gss-kerberos", "Kerberos", AuthChoice::Auto)]
        {
            let acceptor = start(mechanism, scheme, &[]).by_name();
            let session = acceptor.bare_connector().auth(auth).tickets(None, cache()).session().unwrap();
            echo(&session, repeatable(0)).await;
            assert_eq!((session.requests(), session.connections()), (3, 1));
            assert_eq!(session.login().unwrap().scheme.name(), scheme);
            acceptor.end();
        }
        let acceptor = start("gss-kerberos", "Kerberos", &[]).by_name();
        let connector = acceptor.bare_connector().auth(AuthChoice::Negotiate).tickets(None, cache());
        let error = fails(&connector.session().unwrap(), repeatable(0)).await;
        assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::Scheme, Delivery::NotSent), "{error}");
        acceptor.end();
    });
}

#[test]
#[ignore = "run tests/interop/run"]
fn tickets_of_every_source() {
    block_on(async {
        let password = |text: &str| TicketSource::Password(text.into());
        let keytab = || TicketSource::Keytab(format!("{}/admin.keytab", realm()).into());
        for (user, source) in [
            (None, cache()),
            (Some("admin@HVR.TEST"), cache()),
            (Some("admin@hvr.test"), cache()),
            (Some("admin"), cache()),
            (None, keytab()),
            (Some("admin@HVR.TEST"), keytab()),
            (Some("admin@HVR.TEST"), password("Correct-Horse-7")),
            (Some("admin@hvr.test"), password("Correct-Horse-7")),
            (Some("admin"), password("Correct-Horse-7")),
        ] {
            let acceptor = start("gss-kerberos", "Kerberos", &[]).by_name();
            let user = user.map(|user| user.parse().unwrap());
            let connector = acceptor.bare_connector().auth(AuthChoice::Kerberos).tickets(user, source);
            let session = connector.session().unwrap();
            echo(&session, repeatable(0)).await;
            assert_eq!(acceptor.end()[0]["user"], "admin@HVR.TEST");
        }
        // User and password serve Kerberos where that was chosen, or the user names a realm.
        for auth in [AuthChoice::Kerberos, AuthChoice::Auto, AuthChoice::Negotiate] {
            let acceptor = start("gss-spnego", "Negotiate", &[]).by_name();
            let credentials =
                Credentials { user: "admin@hvr.test".parse().unwrap(), password: "Correct-Horse-7".into() };
            let session = acceptor.bare_connector().auth(auth).credentials(credentials).session().unwrap();
            echo(&session, repeatable(0)).await;
            assert_eq!(session.login().unwrap().mechanism, Some(Mechanism::Kerberos));
            acceptor.end();
        }
    });
}

/// Every encryption type, sealed over plain HTTP and clear inside TLS, at four sizes.
#[test]
#[ignore = "run tests/interop/run"]
fn encryption_types_and_sizes() {
    block_on(async {
        for (name, number, full) in [
            ("aes128-sha1", 17, "aes128-cts-hmac-sha1-96"),
            ("aes256-sha1", 18, "aes256-cts-hmac-sha1-96"),
            ("aes128-sha2", 19, "aes128-cts-hmac-sha256-128"),
            ("aes256-sha2", 20, "aes256-cts-hmac-sha384-192"),
            ("rc4", 23, "arcfour-hmac"),
        ] {
            for (mechanism, scheme, auth) in [ACCEPTORS[0], ACCEPTORS[2]] {
                for tls in [&[][..], &["--tls=rsa-sha256"]] {
                    let only = [("KRB5_CONFIG", format!("{}/only-{name}.conf", realm()))];
                    let acceptor = start_in(mechanism, scheme, tls, &only);
                    let connector = acceptor.bare_connector().auth(auth).tickets(None, cache());
                    let service = format!("HTTP/{name}.hvr.test").parse().unwrap();
                    let session = connector.service_name(service).session().unwrap();
                    for size in [0, 1, 16 * 1024, 500 * 1024] {
                        echo(&session, sized(size)).await;
                    }
                    assert_eq!(session.connections(), 1);
                    assert_eq!(session.login().unwrap().encryption, Some(full));
                    let lines = acceptor.end();
                    let login = lines.iter().find(|line| line["user"].is_string()).unwrap();
                    assert_eq!(login["etype"], number);
                    let opened: Vec<_> =
                        lines.iter().rev().take(4).map(|line| line["opened"].as_i64().unwrap()).collect();
                    assert_eq!(opened, [500 * 1024, 16 * 1024, 1, 0]);
                }
            }
        }
    });
}

#[test]
#[ignore = "run tests/interop/run"]
fn bound_to_the_certificate() {
    block_on(async {
        for (mechanism, scheme, auth) in ACCEPTORS {
            for certificate in ["--tls=rsa-sha256", "--tls=rsa-sha512", "--tls=ecdsa-sha384"] {
                let acceptor = start(mechanism, scheme, &[certificate]).by_name();
                let session = acceptor.bare_connector().auth(auth).tickets(None, cache()).session().unwrap();
                for (message, requests) in [(repeatable(0), 3), (once(1), 4)] {
                    echo(&session, message).await;
                    assert_eq!((session.requests(), session.connections()), (requests, 1), "{mechanism}");
                }
                assert!(session.peer_pin().is_some());
                for line in acceptor.end() {
                    assert_eq!(line["received"], line["opened"], "{line}");
                }
            }
            let acceptor = start(mechanism, scheme, &["--tls=rsa-sha256", "--foreign-binding"]).by_name();
            let session = acceptor.bare_connector().auth(auth).tickets(None, cache()).session().unwrap();
            let error = fails(&session, repeatable(0)).await;
            assert_eq!(error.kind(), ExchangeErrorKind::Login, "{error}");
            assert!(error.to_string().contains("certificate"), "{error}");
            acceptor.end();
        }
    });
}

/// Each failure says what it is and what to do, and nothing of it reaches the host.
#[test]
#[ignore = "run tests/interop/run"]
fn what_fails_before_the_host_is_asked() {
    block_on(async {
        let file = |name: &str| format!("{}/{name}", realm());
        let keytab = |name: &str| TicketSource::Keytab(file(name).into());
        let named = |name: &str| TicketSource::NamedCache(file(name));
        let password = |text: &str| TicketSource::Password(text.into());
        for (user, source, service, says) in [
            (None, named("expired.ccache"), None, &["have expired", "kinit"][..]),
            (None, named("none.ccache"), None, &["no Kerberos tickets", "kinit", "--keytab"]),
            (None, TicketSource::Cache, None, &["no Kerberos tickets", "kinit", "--keytab"]),
            (Some("viewer"), cache(), None, &["no Kerberos tickets of viewer", "kinit"]),
            (Some("admin"), keytab("none.keytab"), None, &["keytab", "none.keytab", "klist -k"]),
            (Some("viewer"), keytab("admin.keytab"), None, &["keytab", "viewer", "klist -k"]),
            (Some("admin"), keytab("stale.keytab"), None, &["keytab", "stale.keytab", "made again"]),
            (Some("admin"), password("Wrong-Horse-0"), None, &["refuses the password of admin", "once"]),
            (Some("nobody"), password("x"), None, &["no account nobody", "--auth ntlm"]),
            (Some("stale"), password("Old-Horse-5"), None, &["password of stale has expired", "kpasswd"]),
            (Some("off"), password("Off-Horse-4"), None, &["account off is disabled", "enabled"]),
            (Some("x@DOWN.TEST"), password("x"), None, &["no KDC answers", "port 88"]),
            (Some("x@NOWHERE.TEST"), password("x"), None, &["not known where the realm", "krb5.conf"]),
            (Some("LAB\\admin"), password("x"), None, &["LAB\\admin is no name", "user@REALM"]),
            (None, cache(), Some("HTTP/absent.hvr.test"), &["no service HTTP/absent.hvr.test", "--spn", "setspn -L"]),
        ] {
            let acceptor = start("gss-kerberos", "Kerberos", &[]).by_name();
            let mut connector = acceptor.bare_connector().auth(AuthChoice::Kerberos);
            connector = connector.tickets(user.map(|user| user.parse().unwrap()), source);
            if let Some(service) = service {
                connector = connector.service_name(service.parse().unwrap());
            }
            let error = fails(&connector.session().unwrap(), repeatable(0)).await;
            assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::Login, Delivery::NotSent), "{error}");
            for part in says {
                assert!(error.to_string().contains(part), "{error}");
            }
            assert!(!format!("{error:?}").contains("Horse"));
            assert!(acceptor.end().is_empty());
        }
    });
}

/// What the host refuses says so, too.
#[test]
#[ignore = "run tests/interop/run"]
fn what_the_host_refuses() {
    block_on(async {
        let late = LATE.map(|(name, value)| (name, value.to_owned()));
        for (mechanism, scheme, auth) in [ACCEPTORS[0], ACCEPTORS[2]] {
            for (service, variables, says) in [
                (None, &late[..], &["clocks", "ahead of this computer's", "five minutes"][..]),
                (Some("HTTP/doubled.hvr.test"), &[], &["setspn -X", "HTTP/doubled.hvr.test"]),
            ] {
                let acceptor = start_in(mechanism, scheme, &[], variables).by_name();
                let mut connector = acceptor.bare_connector().auth(auth).tickets(None, cache());
                if let Some(service) = service {
                    connector = connector.service_name(service.parse().unwrap());
                }
                let session = connector.session().unwrap();
                let error = fails(&session, repeatable(0)).await;
                assert_eq!(error.kind(), ExchangeErrorKind::Login, "{error}");
                for part in says {
                    assert!(error.to_string().contains(part), "{error}");
                }
                acceptor.end();
            }
        }
    });
}

/// Sequence numbers run on, whoever loses a message; a lost connection takes a new login.
#[test]
#[ignore = "run tests/interop/run"]
fn closed_in_mid_session() {
    block_on(async {
        for (mechanism, scheme, auth) in ACCEPTORS {
            let acceptor = start(mechanism, scheme, &["--requests-per-connection=3"]).by_name();
            let session = acceptor.bare_connector().auth(auth).tickets(None, cache()).session().unwrap();
            for number in 0..5 {
                echo(&session, repeatable(number)).await;
            }
            assert_eq!(session.connections(), 3);
            assert_eq!(tokens(&acceptor.end()), ["ticket 200"; 3]);
        }
    });
}

/// The environment of an acceptor whose clock is two hours ahead.
pub const LATE: [(&str, &str); 3] =
    [("LD_PRELOAD", "/usr/$LIB/faketime/libfaketime.so.1"), ("FAKETIME", "+2h"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];

pub fn start(mechanism: &str, scheme: &str, modes: &[&str]) -> Acceptor {
    start_in(mechanism, scheme, modes, &[])
}

pub fn start_in(mechanism: &str, scheme: &str, modes: &[&str], variables: &[(&str, String)]) -> Acceptor {
    let offer = format!("--offer={scheme}");
    let keys = [("KRB5_KTNAME", format!("{}/service.keytab", realm()))];
    Acceptor::start_in(mechanism, &[&[offer.as_str()], modes].concat(), &[&keys[..], variables].concat())
}

pub fn cache() -> TicketSource {
    TicketSource::NamedCache(format!("{}/admin.ccache", realm()))
}

pub fn realm() -> String {
    std::env::var("HVR_REALM").expect("HVR_REALM names no realm: run tests/interop/run")
}

fn sized(size: usize) -> Message {
    let mut text = b"<s:Envelope>".repeat(size / 12 + 1);
    text.truncate(size);
    Message::repeatable(&Identify, "", text, TIMEOUT)
}
