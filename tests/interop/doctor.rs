//! `hvr check --login` in a realm: each thing that goes wrong has its own finding, with its remedy apart.

use std::process::Command;

use serde_json::Value;

use super::acceptor::Acceptor;
use super::kerberos::{LATE, realm, start, start_in};
use super::{ADMIN, block_on};

#[test]
#[ignore = "run tests/interop/run"]
fn what_goes_wrong_with_tickets() {
    block_on(async {
        let file = |name: &str| format!("{}/{name}", realm());
        let (good, none, expired) = (file("admin.ccache"), file("none.ccache"), file("expired.ccache"));
        let stale = file("stale.keytab");
        let late = LATE.map(|(name, value)| (name, value.to_owned()));
        let rc4 = [("KRB5_CONFIG", file("only-rc4.conf"))];
        let tls = &["--tls=rsa-sha256"][..];
        let foreign = &["--tls=rsa-sha256", "--foreign-binding"][..];
        for (cache, flags, modes, variables, step, seen, remedy) in [
            (&good, &[][..], tls, &[][..], "kerberos", "admin@HVR.TEST holds for", ""),
            (&expired, &[], tls, &[], "kerberos", "have expired", "kinit"),
            (&none, &[], tls, &[], "kerberos", "no Kerberos tickets", "kinit"),
            (&none, &["--keytab", &stale, "-u", "admin"], tls, &[], "kerberos", "stale.keytab", "made again"),
            (
                &good,
                &["--spn", "HTTP/absent.hvr.test"],
                tls,
                &[],
                "login",
                "no service HTTP/absent.hvr.test",
                "setspn -L",
            ),
            (&good, &["--spn", "HTTP/doubled.hvr.test"], &[], &[], "login", "HTTP/doubled.hvr.test", "setspn -X"),
            (&good, &[], &[], &late, "clock", "2 h 0 min ahead", "w32tm"),
            (&good, &[], &[], &late, "login", "clocks differ too much", "five minutes"),
            (&good, &[], foreign, &[], "login", "certificate", ""),
            (&good, &[], foreign, &[], "possible cause", "the certificate ", "winrm/config/listener"),
            (
                &good,
                &["--spn", "HTTP/rc4.hvr.test"],
                &[],
                &rc4,
                "login",
                "sealed with RC4",
                "msDS-SupportedEncryptionTypes",
            ),
        ] {
            let acceptor = start_in("gss-kerberos", "Kerberos", modes, variables).by_name();
            let flags = [&["--auth", "kerberos"], flags].concat();
            let document = check(&acceptor, &flags, &[("KRB5CCNAME", &format!("FILE:{cache}"))]);
            let findings = document["findings"].as_array().unwrap_or_else(|| panic!("{document:#}"));
            let says = |one: &&Value, field: &str, text: &str| one[field].as_str().unwrap_or("").contains(text);
            let found = findings.iter().find(|one| one["step"] == step && says(one, "seen", seen));
            let found = found.unwrap_or_else(|| panic!("{step}: {seen} in {document:#}"));
            assert!(says(&found, "remedy", remedy), "{found:#}");
            assert!(remedy.is_empty() || !says(&found, "seen", remedy), "the remedy has its own place: {found:#}");
        }
    });
}

/// A password that the realm refuses is said to be that, and goes nowhere else.
#[test]
#[ignore = "run tests/interop/run"]
fn what_goes_wrong_with_passwords() {
    block_on(async {
        for (user, password, says) in [
            ("admin@HVR.TEST", "Wrong-Horse-0", "refuses the password of admin"),
            ("stale@HVR.TEST", "Old-Horse-5", "has expired"),
            ("off@HVR.TEST", "Off-Horse-4", "is disabled"),
        ] {
            let acceptor = start("gss-spnego", "Negotiate", &["--tls=rsa-sha256"]).by_name();
            let document = check(&acceptor, &["-u", user], &[("HVR_PASSWORD", password)]);
            let login = document["findings"].as_array().unwrap().iter().find(|one| one["step"] == "login").unwrap();
            assert!(login["seen"].as_str().unwrap().contains(says), "{login:#}");
            assert_eq!((document["exit"].as_u64(), login["status"].as_str()), (Some(7), Some("problem")));
            assert!(acceptor.end().iter().all(|line| line["token"].is_null()));
        }
        // One of NTLM's, where the host is bound to another certificate.
        let acceptor = Acceptor::start("pyspnego", &["--tls=rsa-sha256", "--foreign-binding"]);
        let document = check(&acceptor, &["-u", ADMIN.0], &[("HVR_PASSWORD", ADMIN.1)]);
        let causes = document["findings"].as_array().unwrap().iter().filter(|one| one["step"] == "possible cause");
        assert_eq!(causes.count(), 2, "{document:#}");
    });
}

/// The document of `hvr check --login` against an acceptor, which speaks no WS-Management.
fn check(acceptor: &Acceptor, flags: &[&str], variables: &[(&str, &str)]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hvr"));
    command.args(["check", "--login", "-o", "json", "-H", acceptor.endpoint.url()]).args(flags);
    if acceptor.endpoint.is_tls() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, acceptor.certificate.as_deref().unwrap().as_bytes()).unwrap();
        let output = command.arg("--ca").arg(file.path()).env("XDG_CONFIG_HOME", "/nonexistent");
        return document(output.envs(variables.iter().copied()));
    }
    document(command.env("XDG_CONFIG_HOME", "/nonexistent").envs(variables.iter().copied()))
}

fn document(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}
