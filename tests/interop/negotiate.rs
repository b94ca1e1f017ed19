//! What is used where more than one way leads in, and that no password is tried where it should not be.

use hyperv_replica::auth::{Credentials, Mechanism, Scheme};
use hyperv_replica::transport::{AuthChoice, Connector};
use hyperv_replica::wsman::ExchangeErrorKind;

use super::acceptor::{Acceptor, echo, fails, once, repeatable};
use super::kerberos::{LATE, cache, start, start_in};
use super::{ADMIN, block_on, tokens};

/// Kerberos is offered first with a token; the server takes NTLM, and both vouch for the list.
#[test]
#[ignore = "run tests/interop/run"]
fn the_server_chooses_ntlm() {
    block_on(async {
        for tls in [&[][..], &["--tls=rsa-sha256"]] {
            let acceptor = Acceptor::start("gss-spnego-ntlm", tls).by_name();
            let session = both(acceptor.bare_connector(), ADMIN.1).session().unwrap();
            for message in [repeatable(0), once(1), repeatable(2)] {
                echo(&session, message).await;
            }
            let login = session.login().unwrap();
            assert_eq!((login.scheme, login.mechanism), (Scheme::Negotiate, Some(Mechanism::Ntlm)));
            assert_eq!((login.passed_over, session.connections()), (None, 1));
            assert_eq!(tokens(&acceptor.end()), ["ticket 401", "more 401", "more 200"]);
        }
    });
}

#[test]
#[ignore = "run tests/interop/run"]
fn a_wrong_password_in_spnego_is_tried_once() {
    block_on(async {
        let acceptor = Acceptor::start("gss-spnego-ntlm", &[]).by_name();
        let session = both(acceptor.bare_connector(), "Wrong-Horse-0").session().unwrap();
        let error = fails(&session, repeatable(0)).await;
        assert_eq!(error.kind(), ExchangeErrorKind::Login, "{error}");
        fails(&session, repeatable(1)).await;
        assert_eq!(tokens(&acceptor.end()), ["ticket 401", "more 401", "more 401"]);
    });
}

/// The ticket is refused; the password, which nobody has judged yet, is right.
#[test]
#[ignore = "run tests/interop/run"]
fn ntlm_follows_a_refused_ticket() {
    block_on(async {
        for auth in [AuthChoice::Auto, AuthChoice::Negotiate] {
            let acceptor =
                start_in("gss-spnego", "Negotiate", &[], &LATE.map(|(name, value)| (name, value.to_owned())));
            let acceptor = acceptor.by_name();
            let session = both(acceptor.bare_connector(), ADMIN.1).auth(auth).session().unwrap();
            echo(&session, repeatable(0)).await;
            let login = session.login().unwrap();
            assert_eq!(login.to_string(), "Negotiate (NTLM)");
            assert!(login.passed_over.unwrap().contains("ahead of this computer's"));
            assert_eq!(tokens(&acceptor.end()), ["ticket 401", "negotiate 401", "authenticate 200"]);
        }
    });
}

/// A password that the KDC has refused goes no further; one that it could not judge does.
#[test]
#[ignore = "run tests/interop/run"]
fn what_the_kdc_said_of_a_password_counts() {
    block_on(async {
        for (user, password, says) in [
            ("admin@HVR.TEST", "Wrong-Horse-0", "refuses the password"),
            ("stale@HVR.TEST", "Old-Horse-5", "has expired"),
            ("off@HVR.TEST", "Off-Horse-4", "is disabled"),
        ] {
            let acceptor = start("gss-spnego", "Negotiate", &[]).by_name();
            let session = acceptor.bare_connector().credentials(credentials(user, password)).session().unwrap();
            let error = fails(&session, repeatable(0)).await;
            assert!(error.to_string().contains(says), "{error}");
            assert_eq!(fails(&session, repeatable(1)).await.to_string(), error.to_string());
            assert!(acceptor.end().is_empty());
        }
        for (user, password, reason) in [
            ("admin@lab.test", "Upn-Horse-9", "not known where the realm"),
            ("admin@down.test", "Down-Horse-3", "no KDC answers"),
            ("guest@hvr.test", "Guest-Horse-2", "no account guest@HVR.TEST"),
        ] {
            let acceptor = start("pyspnego", "Negotiate", &[]).by_name();
            let session = acceptor.bare_connector().credentials(credentials(user, password)).session().unwrap();
            echo(&session, repeatable(0)).await;
            let login = session.login().unwrap();
            assert_eq!(login.mechanism, Some(Mechanism::Ntlm));
            assert!(login.passed_over.as_deref().unwrap().contains(reason), "{login:?}");
            assert_eq!(tokens(&acceptor.end()), ["negotiate 401", "authenticate 200"]);
        }
    });
}

#[test]
#[ignore = "run tests/interop/run"]
fn who_chose_kerberos_gets_nothing_else() {
    block_on(async {
        let acceptor = Acceptor::start("gss-spnego-ntlm", &[]).by_name();
        let session = both(acceptor.bare_connector(), ADMIN.1).auth(AuthChoice::Kerberos).session().unwrap();
        let error = fails(&session, repeatable(0)).await;
        assert_eq!(error.kind(), ExchangeErrorKind::Login, "{error}");
        assert!(acceptor.end().iter().all(|line| line["opened"] == 0 && line["status"] == 401));
    });
}

/// Some servers know NTLM by its own name only.
#[test]
#[ignore = "run tests/interop/run"]
fn ntlm_under_its_own_name() {
    block_on(async {
        for mechanism in ["pyspnego", "gss-ntlmssp"] {
            for auth in [AuthChoice::Ntlm, AuthChoice::Auto] {
                for tls in [&["--offer=NTLM"][..], &["--offer=NTLM", "--tls=rsa-sha256"]] {
                    let acceptor = Acceptor::start(mechanism, tls);
                    let session = acceptor.connector(ADMIN).auth(auth).session().unwrap();
                    echo(&session, repeatable(0)).await;
                    echo(&session, once(1)).await;
                    let login = session.login().unwrap();
                    assert_eq!((login.scheme, login.to_string().as_str()), (Scheme::Ntlm, "NTLM"));
                    assert_eq!((session.requests(), session.connections()), (4, 1));
                    acceptor.end();
                }
            }
        }
    });
}

/// The tickets of one account beside a user and a password.
fn both(connector: Connector, password: &str) -> Connector {
    connector.credentials(credentials(ADMIN.0, password)).tickets(None, cache())
}

fn credentials(user: &str, password: &str) -> Credentials {
    Credentials { user: user.parse().unwrap(), password: password.into() }
}
