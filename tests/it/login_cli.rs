//! The options that say how to log in and what to go through, as their users meet them.

use serde_json::Value;

use crate::cli::{Ran, hvr, ran};
use crate::support::hostile_host::{Answer, HostileHost};
use crate::support::process::Running;

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

/// A system without certificate authorities: all is shown that can be seen before anything is sent.
#[cfg(target_os = "linux")]
#[test]
fn the_legs_without_authorities() {
    let host = HostileHost::start(|asked| Answer::Envelope(asked.reply("")));
    let without = [("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent"), ("HVR_PASSWORD", CANARY)];
    let flags = ["-H", &host.url, "-u", "LAB\\admin"];
    let (ran, document) = error(&[&["check", "--login"][..], &flags].concat(), &without);
    assert_eq!((ran.code, document["exit"].as_u64()), (2, Some(2)), "{document}");
    let find = |step: &str| {
        let all = document["findings"].as_array().unwrap();
        all.iter().find(|finding| finding["step"] == step).unwrap_or_else(|| panic!("no {step} in {document}"))
    };
    for step in ["name", "tcp", "certificate"] {
        assert_eq!(find(step)["status"], "ok", "{document}");
    }
    let seen = find("certificate")["seen"].as_str().unwrap();
    let pin = seen.rsplit(' ').next().unwrap();
    assert_eq!(pin.len(), 64, "{seen}");
    let authorities = find("authorities");
    assert!(authorities["seen"].as_str().unwrap().contains("no store of certificate authorities"), "{document}");
    assert!(authorities["remedy"].as_str().unwrap().contains(&format!("--pin-sha256 {pin}")), "{document}");
    assert_eq!((document["requests"].as_u64(), host.requests()), (Some(0), 0));
    // The same where the host is not there.
    let flags = ["-H", "https://127.0.0.1:1", "-u", "LAB\\admin"];
    let (ran, document) = error(&[&["check", "--login"][..], &flags].concat(), &without);
    assert_eq!(ran.code, 6, "{document}");
    let (ran, document) = error(&[&["status"][..], &flags].concat(), &without);
    assert_eq!((ran.code, document["code"].as_str()), (2, Some("no-authorities")), "{document}");
}

/// The loader's own words, and not that nothing is installed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn a_kerberos_library_that_does_not_load() {
    let folder = tempfile::tempdir().unwrap();
    let lay = |bytes: &[u8]| {
        for name in ["libgssapi_krb5.so.2", "libgssapi.so.3", "libgssapi.so"] {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
    };
    let run = |path: &str| {
        let variables = [("LD_LIBRARY_PATH", path), ("KRB5CCNAME", "FILE:/nonexistent/hvr.ccache")];
        let (ran, document) = error(&["wsman", "identify", "-H", "hv.invalid", "--auth", "kerberos"], &variables);
        assert_eq!((ran.code, document["code"].as_str()), (7, Some("kerberos")), "{document}");
        document["message"].as_str().unwrap().to_owned()
    };
    let path = folder.path().to_str().unwrap();
    lay("this is no library, whatever its name is\n".repeat(10).as_bytes());
    let message = run(path);
    assert!(message.contains("the Kerberos library cannot be loaded"), "{message}");
    assert!(message.contains("invalid ELF header") && message.contains(path), "{message}");
    assert!(message.contains("linked statically loads none"), "{message}");
    // A library of 32 bits (ELF32, i386). The loader passes it over for one of the system.
    let mut wrong = vec![0; 4096];
    wrong[..20].copy_from_slice(b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x03\0");
    lay(&wrong);
    let (with, without) = (run(path), run(""));
    if without.contains("no Kerberos library is installed") {
        assert!(with.contains("wrong ELF class") && with.contains("cannot be loaded"), "{with}");
    } else {
        assert!(!with.contains("is installed"), "{with}");
    }
}

/// A password in a URL is refused wherever it stands, and shown nowhere.
#[test]
fn a_password_in_the_url_of_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hvr");
    std::fs::create_dir(&config).unwrap();
    let trace = folder.path().join("t.har");
    let trace = trace.to_str().unwrap();
    for url in [
        format!("https://admin:{CANARY}@hv.invalid"),
        format!("admin:{CANARY}@hv.invalid:5986"),
        format!("ftp://admin:{CANARY}@hv.invalid"),
        format!("https://admin:x/{CANARY}@hv.invalid:99999"),
    ] {
        let profile = format!("default = \"a\"\n[profiles.a]\nhost = \"{url}\"\n");
        std::fs::write(config.join("config.toml"), profile).unwrap();
        let of_profile = ("XDG_CONFIG_HOME", folder.path().to_str().unwrap());
        for (arguments, variables) in [
            (&["status", "-u", "u", "-H", &url][..], &[][..]),
            (&["status", "-u", "u", "-H", &url, "--trace", trace], &[]),
            (&["status", "-u", "u"], &[("HVR_HOST", url.as_str())]),
            (&["status", "-u", "u"], &[of_profile]),
            (&["check", "--login", "-u", "u", "-H", &url], &[]),
            (&["run", "list", "-H", &url], &[]),
            (&["pin", &url], &[]),
            (&["wsman", "identify", "--dry-run", "-H", &url], &[]),
            (&["failover", "vm", "--planned", "--primary", &url, "-H", "hv.invalid", "-u", "u", "--yes"], &[]),
            (&["simulate", "-H", &url], &[]),
        ] {
            let (ran, document) = error(arguments, &[variables, &[("HVR_PASSWORD", "x")]].concat());
            assert_eq!((ran.code, document["code"].as_str()), (2, Some("usage")), "{arguments:?}: {document}");
            let recorded = std::fs::read_to_string(trace).unwrap_or_default();
            assert!(!recorded.contains(CANARY), "{recorded}");
        }
    }
}

/// Who says that a password was tried must be right: three times wrong, and the account is locked.
#[test]
fn a_password_that_never_left_was_not_tried() {
    for (head, tried) in [
        // A challenge that is none; one refused in SPNEGO; and a listener that takes nothing after the first token.
        ("HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate TlRMTVNTUAACAAAA", false),
        ("HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate oRUwE6ADCgECoQwGCisGAQQBgjcCAgo=", false),
        ("HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate", false),
        ("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"", true),
    ] {
        let host = HostileHost::start(move |_| Answer::Http(head.to_owned(), String::new()));
        let auth = if tried { "basic" } else { "negotiate" };
        let flags = ["-H", &host.url, "-u", "LAB\\admin", "--auth", auth, "--insecure"];
        for command in [&["wsman", "identify"][..], &["check", "--login"]] {
            let run = ran(hvr(&[command, &flags].concat()).env("HVR_PASSWORD", CANARY).output().unwrap());
            let all = format!("{}{}", run.out, run.err);
            assert_eq!(all.contains("was tried once"), tried, "{head}: {all}");
            assert!(!all.contains("like a wrong password"), "{head}: {all}");
            let included = if tried { "the password itself included" } else { "the password's proof included" };
            assert!(run.err.contains(included), "{all}");
        }
    }
}

/// Passwords are in its memory: no core file of it, and no process of the same user may read it.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_the_command_is_nobodys() {
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let folder = tempfile::tempdir().unwrap();
    let mut command = hvr(&["simulate"]);
    // Everything in /proc of a process that may not be dumped belongs to root: seen of one that is another's.
    if rustix::process::geteuid().is_root() {
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let copy = folder.path().join("hvr");
        std::fs::copy(env!("CARGO_BIN_EXE_hvr"), &copy).unwrap();
        command = std::process::Command::new(copy);
        command.env_clear().env("XDG_CONFIG_HOME", "/nonexistent");
        command.arg("simulate").stdin(std::process::Stdio::null()).uid(65_534).gid(65_534);
    }
    let mut child = Running::start(command.stdout(std::process::Stdio::piped()));
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let read = out.read_line(&mut line);
    let of = |name: &str| std::path::PathBuf::from(format!("/proc/{}/{name}", child.id()));
    let limits = std::fs::read_to_string(of("limits")).unwrap();
    let owner = std::fs::metadata(of("environ")).unwrap().uid();
    drop(child);
    read.unwrap();
    assert!(line.contains("simulated host"), "it had ended before it was looked at: {line}");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    assert_eq!(owner, 0);
}
