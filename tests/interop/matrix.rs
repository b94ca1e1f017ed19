//! Every login over every way, with what it costs: the table in the manual, made anew and compared.

use hyperv_replica::auth::{Credentials, Mechanism, Scheme};
use hyperv_replica::transport::{AuthChoice, Connector, Proxy};

use super::acceptor::{Acceptor, echo, once, repeatable};
use super::kerberos::{cache, start};
use super::proxies::Running;
use super::{ADMIN, OTHER_SERVER, apache, block_on, certificates};

/// A row: a login, and the acceptors that judge it.
struct Row {
    login: &'static str,
    /// Those of acceptor.py by name; a list for httpd.
    peers: &'static [Peer],
    server: &'static [&'static str],
    offer: &'static str,
    client: fn(Connector) -> Connector,
    due: (Scheme, Option<Mechanism>),
    /// Whether the login can be bound to the certificate, so that a host may insist on it.
    binds: bool,
    /// Whether it goes over plain HTTP, where all must be sealed.
    seals: bool,
    judges: &'static str,
}

enum Peer {
    Acceptor(&'static str),
    Httpd(&'static [&'static str]),
    Tls,
}

/// A column: the options of the acceptor, and whether a proxy stands between.
const WAYS: [(&str, &[&str], bool); 4] = [
    ("HTTP, sealed", &[], false),
    ("HTTPS", &["--tls=rsa-sha256", "--unbound"], false),
    ("HTTPS, binding required", &["--tls=rsa-sha256"], false),
    ("HTTPS through `CONNECT`", &["--tls=rsa-sha256"], true),
];

const ROWS: &[Row] = &[
    Row {
        login: "`Kerberos`",
        peers: &[Peer::Acceptor("gss-kerberos"), Peer::Acceptor("pyspnego-kerberos")],
        server: &[],
        offer: "Kerberos",
        client: |connector| connector.auth(AuthChoice::Kerberos).tickets(None, cache()),
        due: (Scheme::Kerberos, Some(Mechanism::Kerberos)),
        binds: true,
        seals: true,
        judges: "MIT Kerberos, pyspnego",
    },
    Row {
        login: "`Negotiate` with Kerberos",
        peers: &[Peer::Acceptor("gss-spnego"), Peer::Acceptor("pyspnego-spnego"), Peer::Httpd(&["krb5", "ntlmssp"])],
        server: &[],
        offer: "Negotiate",
        client: |connector| connector.auth(AuthChoice::Auto).tickets(None, cache()),
        due: (Scheme::Negotiate, Some(Mechanism::Kerberos)),
        binds: true,
        seals: true,
        judges: "MIT Kerberos, pyspnego, httpd",
    },
    Row {
        login: "`Negotiate` with NTLM, http.sys",
        peers: &[Peer::Acceptor("pyspnego"), Peer::Acceptor("gss-ntlmssp")],
        server: &[],
        offer: "Negotiate",
        client: by_password,
        due: (Scheme::Negotiate, Some(Mechanism::Ntlm)),
        binds: true,
        seals: true,
        judges: "pyspnego, gss-ntlmssp",
    },
    Row {
        login: "`Negotiate` with NTLM, other servers",
        peers: &[Peer::Acceptor("pyspnego"), Peer::Acceptor("gss-ntlmssp"), Peer::Httpd(&["krb5", "ntlmssp"])],
        server: OTHER_SERVER,
        offer: "Negotiate",
        client: by_password,
        due: (Scheme::Negotiate, Some(Mechanism::Ntlm)),
        binds: true,
        seals: true,
        judges: "pyspnego, gss-ntlmssp, httpd",
    },
    Row {
        login: "`NTLM`, http.sys",
        peers: &[Peer::Acceptor("pyspnego"), Peer::Acceptor("gss-ntlmssp")],
        server: &[],
        offer: "NTLM",
        client: by_password,
        due: (Scheme::Ntlm, Some(Mechanism::Ntlm)),
        binds: true,
        seals: true,
        judges: "pyspnego, gss-ntlmssp",
    },
    Row {
        login: "`Basic`",
        peers: &[Peer::Httpd(&["basic"])],
        server: &[],
        offer: "Basic",
        client: |connector| by_password(connector).auth(AuthChoice::Basic),
        due: (Scheme::Basic, None),
        binds: false,
        seals: false,
        judges: "httpd",
    },
    Row {
        login: "client certificate",
        peers: &[Peer::Tls],
        server: &[],
        offer: "Negotiate",
        client: |connector| connector.auth(AuthChoice::Certificate),
        due: (Scheme::Certificate, None),
        binds: false,
        seals: false,
        judges: "OpenSSL",
    },
];

#[test]
#[ignore = "run tests/interop/run"]
fn the_table_of_the_manual() {
    block_on(async {
        let tunnel = Running::tinyproxy(false);
        let head = WAYS.map(|(name, ..)| name).join(" | ");
        let mut table = format!("| login | {head} | judged by |\n|{}\n", " --- |".repeat(WAYS.len() + 2));
        for row in ROWS {
            let mut cells = Vec::new();
            for (_, modes, proxied) in WAYS {
                let proxy = proxied.then(|| tunnel.url("http", "").parse().unwrap());
                cells.push(cell(row, modes, proxy).await);
            }
            table.push_str(&format!("| {} | {} | {} |\n", row.login, cells.join(" | "), row.judges));
        }
        let page = include_str!("../../src/manual/login.md");
        assert!(page.contains(&table), "the page on login does not have this table:\n\n{table}");
    });
}

/// What a login costs on this way; all acceptors that know the way must agree.
async fn cell(row: &Row, modes: &[&str], proxy: Option<Proxy>) -> String {
    let is_tls = !modes.is_empty();
    let is_bound = is_tls && !modes.contains(&"--unbound");
    if !is_tls && !row.seals {
        return "refused".to_owned();
    }
    // Who cannot bind meets no host that insists on it; through a proxy it is the same as without.
    if is_bound && !row.binds && proxy.is_none() {
        return "cannot".to_owned();
    }
    let mut costs = Vec::new();
    for peer in row.peers {
        let acceptor = match peer {
            Peer::Acceptor(mechanism) => start(mechanism, row.offer, &[modes, row.server].concat()).by_name(),
            // It has TLS alone, and knows of no binding.
            Peer::Httpd(mechanisms) if is_tls && (!is_bound || !row.binds) => apache::start(mechanisms),
            Peer::Httpd(_) => continue,
            Peer::Tls => Acceptor::start("pyspnego", &["--tls=rsa-sha256", "--clients=required"]),
        };
        let mut connector = (row.client)(acceptor.bare_connector());
        if matches!(peer, Peer::Tls) {
            connector = connector.client_certificate(certificates::certificate(&acceptor, "admin@lab.test"));
        }
        if let Some(proxy) = &proxy {
            connector = connector.proxy(proxy.clone());
        }
        let session = connector.session().unwrap();
        echo(&session, repeatable(0)).await;
        let first = session.requests();
        echo(&session, once(1)).await;
        echo(&session, repeatable(2)).await;
        assert_eq!((session.requests(), session.connections()), (first + 2, 1), "{}", row.login);
        let login = session.login().unwrap();
        assert_eq!((login.scheme, login.mechanism), row.due, "{}", row.login);
        assert_eq!(session.peer_pin().is_some(), is_tls);
        acceptor.end();
        costs.push(first);
    }
    costs.dedup();
    let cost: Vec<_> = costs.iter().map(u64::to_string).collect();
    assert_eq!(cost.len(), 1, "{}: the acceptors disagree: {costs:?}", row.login);
    format!("{}, then 1", cost.concat())
}

fn by_password(connector: Connector) -> Connector {
    let credentials = Credentials { user: ADMIN.0.parse().unwrap(), password: ADMIN.1.into() };
    connector.auth(AuthChoice::Auto).credentials(credentials)
}
