//! Apache httpd with mod_auth_gssapi over TLS: a server that others wrote from socket to acceptor.

use hyperv_replica::auth::{Credentials, Mechanism};
use hyperv_replica::transport::{AuthChoice, Connector};
use hyperv_replica::wsman::{ExchangeErrorKind, Identify, Message};

use super::acceptor::{Acceptor, echo, fails, once, repeatable};
use super::kerberos::cache;
use super::{ADMIN, TIMEOUT, block_on};

/// Each way in, the mechanisms httpd allows for it, and the requests up to the first answer.
#[test]
#[ignore = "run tests/interop/run"]
fn every_way_in() {
    type Way = fn(Connector) -> Connector;
    let tickets: Way = |connector| connector.tickets(None, cache());
    let password: Way = |connector| connector.credentials(credentials(ADMIN.1));
    let both: Way = |connector| connector.credentials(credentials(ADMIN.1)).tickets(None, cache());
    block_on(async {
        for (allowed, auth, way, login, requests) in [
            (&["krb5"][..], AuthChoice::Kerberos, tickets, "Negotiate (Kerberos, aes256-cts-hmac-sha1-96)", 3),
            (&["krb5", "ntlmssp"], AuthChoice::Auto, tickets, "Negotiate (Kerberos, aes256-cts-hmac-sha1-96)", 3),
            (&["krb5", "ntlmssp"], AuthChoice::Auto, both, "Negotiate (Kerberos, aes256-cts-hmac-sha1-96)", 3),
            (&["krb5", "ntlmssp"], AuthChoice::Ntlm, password, "Negotiate (NTLM)", 3),
            (&["krb5", "ntlmssp"], AuthChoice::Auto, password, "Negotiate (NTLM)", 3),
        ] {
            let httpd = start(allowed);
            let session = way(httpd.bare_connector()).auth(auth).session().unwrap();
            echo(&session, repeatable(0)).await;
            assert_eq!((session.requests(), session.connections()), (requests, 1), "{auth:?} {allowed:?}");
            echo(&session, once(1)).await;
            let large = format!("<s:Envelope>{}</s:Envelope>", "grün ".repeat(80_000)).into_bytes();
            echo(&session, Message::repeatable(&Identify, "", large, TIMEOUT)).await;
            assert_eq!((session.requests(), session.connections()), (requests + 2, 1));
            assert_eq!(session.login().unwrap().to_string(), login);
            let user = if login.contains("NTLM") { "LAB\\admin" } else { "admin@HVR.TEST" };
            let lines = httpd.end();
            let users = lines.iter().filter(|line| line["status"] == 200).map(|line| line["user"].as_str().unwrap());
            assert!(users.clone().count() >= 3 && users.clone().all(|seen| seen == user), "{lines:?}");
        }
    });
}

/// SPNEGO offers both, httpd allows NTLM alone, and vouches for the list.
#[test]
#[ignore = "run tests/interop/run"]
fn ntlm_in_spnego() {
    block_on(async {
        let httpd = start(&["ntlmssp"]);
        let connector = httpd.bare_connector().credentials(credentials(ADMIN.1)).tickets(None, cache());
        let session = connector.session().unwrap();
        echo(&session, repeatable(0)).await;
        assert_eq!(session.login().unwrap().mechanism, Some(Mechanism::Ntlm));
        httpd.end();
    });
}

#[test]
#[ignore = "run tests/interop/run"]
fn a_wrong_password_is_tried_once() {
    block_on(async {
        let httpd = start(&["krb5", "ntlmssp"]);
        let session = httpd.bare_connector().credentials(credentials("Wrong-Horse-0")).session().unwrap();
        let error = fails(&session, repeatable(0)).await;
        assert_eq!(error.kind(), ExchangeErrorKind::Login, "{error}");
        fails(&session, repeatable(1)).await;
        assert_eq!(httpd.end().iter().filter(|line| line["status"] == 401).count(), 2);
    });
}

pub fn start(allowed: &[&str]) -> Acceptor {
    let arguments: Vec<&str> = allowed.iter().flat_map(|name| ["--mechanism", name]).collect();
    Acceptor::launch("apache.py", &arguments, &[]).by_name()
}

fn credentials(password: &str) -> Credentials {
    Credentials { user: ADMIN.0.parse().unwrap(), password: password.into() }
}
