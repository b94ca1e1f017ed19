//! Client certificates, in every form they are kept in, against OpenSSL.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyperv_replica::auth::{Scheme, Secret};
use hyperv_replica::transport::{AuthChoice, ClientCertificate, ClientCertificateError};
use hyperv_replica::wsman::{Delivery, ExchangeErrorKind};

use super::acceptor::{Acceptor, echo, fails, once, repeatable};
use super::{ADMIN, block_on, tokens};

#[test]
#[ignore = "run tests/interop/run"]
fn every_form_logs_in_with_one_request_each() {
    block_on(async {
        let acceptor = Acceptor::start("pyspnego", &["--tls=rsa-sha256", "--clients=required"]);
        let secret = Secret::from("Key-Hörse-1");
        let open = |form: &str, password| {
            let admin = &acceptor.clients["admin@lab.test"];
            let text = admin[form].as_str().unwrap();
            match form.ends_with("pkcs12") {
                true => ClientCertificate::pkcs12(&STANDARD.decode(text).unwrap(), password),
                false => {
                    let certificate = admin["certificate"].as_str().unwrap();
                    ClientCertificate::pem(certificate.as_bytes(), text.as_bytes(), password)
                }
            }
        };
        for (form, password) in [
            ("key", None),
            ("traditional", None),
            ("encrypted", Some(&secret)),
            ("pkcs12", Some(&secret)),
            ("old_pkcs12", Some(&secret)),
        ] {
            let certificate = open(form, password).unwrap_or_else(|error| panic!("{form}: {error}"));
            let session = acceptor.bare_connector().client_certificate(certificate).session().unwrap();
            for (message, requests) in [(repeatable(0), 1), (once(1), 2), (repeatable(2), 3)] {
                echo(&session, message).await;
                assert_eq!((session.requests(), session.connections()), (requests, 1), "{form}");
            }
            assert_eq!(session.scheme(), Some(Scheme::Certificate));
        }
        let wrong = Secret::from("Wrong-Horse-0");
        for form in ["encrypted", "pkcs12", "old_pkcs12"] {
            assert_eq!(open(form, None).unwrap_err(), ClientCertificateError::PasswordNeeded, "{form}");
            assert_eq!(open(form, Some(&wrong)).unwrap_err(), ClientCertificateError::WrongPassword, "{form}");
        }
        let lines = acceptor.end();
        assert!(lines.iter().all(|line| line["user"] == "admin@lab.test" && line["status"] == 200));
        assert_eq!(lines.len(), 15);
    });
}

#[test]
#[ignore = "run tests/interop/run"]
fn what_a_host_does_not_let_in() {
    block_on(async {
        for (who, server, kind, says) in [
            ("nobody@lab.test", "--clients=required", ExchangeErrorKind::Login, "certmapping"),
            (
                "stranger@lab.test",
                "--clients=required",
                ExchangeErrorKind::Tls,
                "does not accept the client certificate",
            ),
            (
                "stranger@lab.test",
                "--clients=optional",
                ExchangeErrorKind::Tls,
                "does not accept the client certificate",
            ),
        ] {
            let acceptor = Acceptor::start("pyspnego", &["--tls=rsa-sha256", server]);
            let connector = acceptor.bare_connector().client_certificate(certificate(&acceptor, who));
            let session = connector.auth(AuthChoice::Certificate).session().unwrap();
            let error = fails(&session, repeatable(0)).await;
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(says), "{error}");
            let refused = kind == ExchangeErrorKind::Login;
            if refused {
                assert_eq!(fails(&session, once(1)).await.delivery(), Delivery::NotSent);
            }
            assert_eq!(acceptor.end().len(), usize::from(refused));
        }
        // None given, where one is needed.
        let acceptor = Acceptor::start("pyspnego", &["--tls=rsa-sha256", "--clients=required"]);
        let error = fails(&acceptor.session(ADMIN), repeatable(0)).await;
        assert!(error.to_string().contains("--cert"), "{error}");
        assert!(acceptor.end().is_empty());
    });
}

/// A certificate beside a user and password is shown, and the user logs in.
#[test]
#[ignore = "run tests/interop/run"]
fn beside_a_password() {
    block_on(async {
        let acceptor = Acceptor::start("pyspnego", &["--tls=rsa-sha256", "--clients=required"]);
        let connector = acceptor.connector(ADMIN).auth(AuthChoice::Auto);
        let session = connector.client_certificate(certificate(&acceptor, "admin@lab.test")).session().unwrap();
        echo(&session, repeatable(0)).await;
        assert_eq!(session.scheme(), Some(Scheme::Negotiate));
        assert_eq!(tokens(&acceptor.end()), ["negotiate 401", "authenticate 200"]);
    });
}

pub fn certificate(acceptor: &Acceptor, who: &str) -> ClientCertificate {
    let pem = |form: &str| acceptor.clients[who][form].as_str().unwrap().as_bytes().to_vec();
    ClientCertificate::pem(&pem("certificate"), &pem("key"), None).unwrap()
}
