//! Passwords and keys of Kerberos through the command, to success and to failure: nothing it leaves behind holds them.
//! The other roads of a secret are driven in `tests/it/secrets_cli.rs`.

use std::process::Command;

use super::acceptor::Acceptor;
use super::kerberos::{realm, start};
use super::spellings::Secrets;
use super::{ADMIN, block_on};

#[test]
#[ignore = "run tests/interop/run"]
fn nothing_of_them_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut secrets = Secrets::default();
    let wrong = "Wrong-Horse-0";
    for password in [ADMIN.1, wrong, "Old-Horse-5"] {
        secrets.password(password);
    }
    let keys = keys(&std::fs::read(format!("{}/admin.keytab", realm())).unwrap());
    assert!(keys.len() >= 4, "{} keys", keys.len());
    for key in &keys {
        secrets.bytes("a key of the keytab", key);
    }
    let keytab = |name: &str| format!("{}/{name}.keytab", realm());
    let run = |acceptor: &Acceptor, arguments: &[&str], password: &str, says: &str| {
        let trace = folder.path().join("trace.har");
        let mut command = Command::new(env!("CARGO_BIN_EXE_hvr"));
        command.args(arguments).args(["-H", acceptor.endpoint.url(), "-vv", "-o", "json", "--trace"]).arg(&trace);
        command.env("XDG_CONFIG_HOME", "/nonexistent").env("HVR_PASSWORD", password);
        let output = command.output().unwrap();
        let all = [output.stdout, output.stderr, std::fs::read(&trace).unwrap()].concat();
        let text = String::from_utf8_lossy(&all);
        assert_eq!(secrets.find(&all), None, "{arguments:?}: {text}");
        assert!(text.contains(says), "{arguments:?}: {says} in {text}");
    };
    block_on(async {
        for auth in ["kerberos", "negotiate"] {
            for command in [&["wsman", "identify"][..], &["check", "--login"]] {
                let (mechanism, scheme) = match auth {
                    "kerberos" => ("gss-kerberos", "Kerberos"),
                    _ => ("gss-spnego", "Negotiate"),
                };
                for (user, password, file, says) in [
                    ("admin@HVR.TEST", ADMIN.1, None, "logged in login="),
                    ("admin@HVR.TEST", wrong, None, "refuses the password of admin"),
                    ("stale@HVR.TEST", "Old-Horse-5", None, "has expired"),
                    ("admin", "", Some(keytab("admin")), "logged in login="),
                    ("admin", "", Some(keytab("stale")), "made again"),
                    ("viewer", "", Some(keytab("admin")), "klist -k"),
                ] {
                    let acceptor = start(mechanism, scheme, &[]).by_name();
                    let mut arguments = [command, &["-u", user, "--auth", auth]].concat();
                    if let Some(file) = &file {
                        arguments.extend(["--keytab", file]);
                    }
                    run(&acceptor, &arguments, password, says);
                }
            }
        }
    });
}

/// The keys of a keytab (MIT's format, version 2).
fn keys(file: &[u8]) -> Vec<Vec<u8>> {
    assert_eq!(file[..2], [5, 2]);
    let number = |at: usize, n: usize| file[at..at + n].iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let (mut keys, mut at) = (Vec::new(), 2);
    while at < file.len() {
        let end = at + 4 + number(at, 4);
        let components = number(at + 4, 2);
        // The realm and each component, then type, time and version.
        let principal = (0..=components).fold(at + 6, |at, _| at + 2 + number(at, 2));
        let key = principal + 9;
        keys.push(file[key + 4..key + 4 + number(key + 2, 2)].to_vec());
        at = end;
    }
    keys
}
