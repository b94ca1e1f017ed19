//! The options that say how to log in and what to go through, as their users meet them.

use serde_json::Value;

use crate::cli::{Ran, hvr, ran};

const CANARY: &str = "canary-5d2e";

/// The error of a command that comes to nothing before any host is asked.
fn error(arguments: &[&str], variables: &[(&str, &str)]) -> (Ran, Value) {
    let all = [arguments, &["-o", "json", "-vv"]].concat();
    let ran = ran(hvr(&all).envs(variables.iter().copied()).output().unwrap());
    assert!(!format!("{}{}", ran.out, ran.err).contains(CANARY), "{}{}", ran.out, ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    (ran, document)
}

#[test]
fn proxies() {
    let with_secret = format!("http://user:{CANARY}@127.0.0.1:1");
    let host = ["wsman", "identify", "-H", "hv.invalid", "-u", "LAB\\admin"];
    let password = ("HVR_PASSWORD", CANARY);
    for (flags, variables, code, says) in [
        (
            &["--proxy", "http://127.0.0.1:1"][..],
            &[password][..],
            6,
            "the proxy http://127.0.0.1:1 refuses connections",
        ),
        (&[], &[password, ("HVR_PROXY", &with_secret)], 6, "the proxy http://127.0.0.1:1 refuses connections"),
        (&["--proxy-from-env"], &[password, ("HTTPS_PROXY", &with_secret)], 6, "the proxy http://127.0.0.1:1 refuses"),
        (&["--proxy-from-env"], &[password, ("HTTPS_PROXY", &with_secret), ("NO_PROXY", ".invalid")], 6, "resolved"),
        // The environment of all programs counts only when asked.
        (&[], &[password, ("HTTPS_PROXY", &with_secret)], 6, "hv.invalid:5986 cannot be resolved"),
        (&["--proxy", "http://u:p@127.0.0.1:1"], &[password], 2, "command line"),
        (&["--proxy", "ftp://127.0.0.1:1"], &[password], 2, "socks5"),
        (&["--proxy", "http://127.0.0.1:1", "--http"], &[password], 2, "SOCKS5"),
    ] {
        let (ran, document) = error(&[&host[..], flags].concat(), variables);
        let message = document["message"].as_str().unwrap();
        assert_eq!(ran.code, code, "{flags:?}: {message}");
        assert!(message.contains(says), "{flags:?}: {message}");
    }
}

#[test]
fn credssp() {
    let host = ["wsman", "identify", "-H", "hv.invalid", "-u", "LAB\\admin", "--auth", "credssp"];
    let (ran, document) = error(&host, &[("HVR_PASSWORD", CANARY)]);
    let message = document["message"].as_str().unwrap();
    if cfg!(feature = "credssp") {
        assert_eq!(ran.code, 6);
        assert!(message.contains("hv.invalid:5986 cannot be resolved"), "{message}");
    } else {
        assert_eq!((ran.code, document["code"].as_str()), (2, Some("usage")));
        assert!(message.contains("--features credssp"), "{message}");
    }
    // Not bound to an unverified certificate, the logged-in connection would be anybody's.
    let (ran, document) = error(&[&host[..], &["--insecure"]].concat(), &[("HVR_PASSWORD", CANARY)]);
    assert_eq!(ran.code, 2);
    let says = if cfg!(feature = "credssp") { "--pin-sha256" } else { "--features credssp" };
    assert!(document["message"].as_str().unwrap().contains(says), "{document}");
    // There must be a password to hand over, and a user whose it is.
    let (ran, document) =
        error(&["wsman", "identify", "-H", "hv.invalid", "--auth", "credssp"], &[("HVR_PASSWORD", CANARY)]);
    assert_eq!(ran.code, 2, "{document}");
}

#[test]
fn kerberos() {
    let host = ["wsman", "identify", "-H", "hv.invalid", "--auth", "kerberos"];
    let none = ("KRB5CCNAME", "FILE:/nonexistent/hvr.ccache");
    let (ran, document) = error(&host, &[none]);
    assert_eq!((ran.code, document["code"].as_str()), (7, Some("kerberos")), "{document}");
    let (ran, document) = error(&[&host[..], &["--keytab", "/nonexistent/hvr.keytab"]].concat(), &[none]);
    assert_eq!((ran.code, document["code"].as_str()), (7, Some("kerberos")), "{document}");
    let (ran, document) = error(&[&host[..], &["--spn", "hv"]].concat(), &[none]);
    assert_eq!(ran.code, 2);
    assert!(document["message"].as_str().unwrap().contains("CLASS/HOST"), "{document}");
    // Nothing to log in with is said before anybody is asked for a password.
    let (ran, document) = error(&["wsman", "identify", "-H", "hv.invalid"], &[none]);
    assert_eq!(ran.code, 2);
    let way_in = if cfg!(windows) { "Windows session" } else { "kinit" };
    assert!(document["message"].as_str().unwrap().contains(way_in), "{document}");
}

#[test]
fn client_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["admin".to_owned()]).unwrap().self_signed(&key).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let cert = file("cert.pem", &certificate.pem());
    let good = file("key.pem", &key.serialize_pem());
    let other = file("other.pem", &rcgen::KeyPair::generate().unwrap().serialize_pem());
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let locked = file("locked.pem", locked);
    let host = ["wsman", "identify", "-H", "hv.invalid"];
    for (flags, code, says) in [
        (&["--cert", &cert, "--key", &good][..], 6, "cannot be resolved"),
        (&["--cert", &cert, "--key", &good, "--http"], 2, "https"),
        (&["--cert", &cert, "--key", &other], 2, "does not belong"),
        (&["--cert", &cert], 2, "no private key"),
        (&["--cert", &good, "--key", &good], 2, "no certificate"),
        (&["--cert", "/nonexistent.pem"], 2, "/nonexistent.pem"),
        (&["--auth", "certificate"], 2, "--cert"),
        (&["--cert", &cert, "--key", &locked, "-u", "admin"], 2, "--auth certificate"),
    ] {
        let (ran, document) = error(&[&host[..], flags].concat(), &[("HVR_PASSWORD", CANARY)]);
        let message = document["message"].as_str().unwrap();
        assert_eq!(ran.code, code, "{flags:?}: {message}");
        assert!(message.contains(says), "{flags:?}: {message}");
    }
}
