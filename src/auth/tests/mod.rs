//! Tests of the layer as a whole; what concerns one file alone stands in that file.
#[cfg(all(feature = "credssp", feature = "simulator"))]
mod credssp;
mod hostile;
mod login;
mod negotiate;
mod sealing;
mod vectors;

use super::accept::{Acceptor, AcceptorOptions, Account, BindingPolicy};
use super::{AuthError, ChannelBinding, Credentials, Entropy, Initiator, Options, SecurityContext};

/// The bytes of a hex text; blanks and line breaks may stand in it.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap()).collect();
    assert_eq!(digits.len() % 2, 0);
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn credentials(user: &str, password: &str) -> Credentials {
    Credentials { user: user.parse().unwrap(), password: password.into() }
}

fn options(binding: Option<ChannelBinding>) -> Options {
    Options {
        binding,
        target_name: Some("HTTP/hvr1.lab.test".to_owned()),
        entropy: Entropy { client_challenge: [0xaa; 8], session_key: [0x55; 16] },
        now: 0,
    }
}

fn account(domain: &str, user: &str, password: &str) -> Account {
    Account { domain: domain.to_owned(), user: user.to_owned(), password: password.into() }
}

/// A member of the domain LAB with one domain account and one local one.
fn host(binding: BindingPolicy) -> AcceptorOptions {
    AcceptorOptions {
        accounts: vec![account("LAB", "admin", "correct horse"), account("", "operator", "battery staple")],
        computer: "HVR1".to_owned(),
        domain: "LAB".to_owned(),
        dns_computer: "hvr1.lab.test".to_owned(),
        dns_domain: "lab.test".to_owned(),
        binding,
        server_challenge: [1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef],
        now: 133_000_000_000_000_000,
    }
}

/// A whole login; `alter` sees the last token on its way.
fn login_altered(
    credentials: &Credentials,
    options: Options,
    host: AcceptorOptions,
    alter: impl FnOnce(&mut Vec<u8>),
) -> Result<(String, SecurityContext, SecurityContext), AuthError> {
    let (mut initiator, mut acceptor) = (Initiator::new(credentials, options), Acceptor::new(host));
    let challenge = acceptor.challenge(&initiator.negotiate())?;
    let (mut token, client) = initiator.authenticate(&challenge)?;
    alter(&mut token);
    let (user, server) = acceptor.authenticate(&token)?;
    Ok((user, client, server))
}

fn login(user: &str, password: &str) -> Result<(String, SecurityContext, SecurityContext), AuthError> {
    login_altered(&credentials(user, password), options(None), host(BindingPolicy::Ignore), |_| ())
}

/// Both ends of a connection.
fn connection() -> (SecurityContext, SecurityContext) {
    let (_, client, server) = login("LAB\\admin", "correct horse").unwrap();
    (client, server)
}
