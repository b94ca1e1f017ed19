//! Opening what others sealed: from the messages of a recorded NTLM login, and the account's password, to the keys of
//! both directions. For packet captures of one's own conversations.
use crate::auth::accept::exported_key;
use crate::auth::ntlm::authenticate::Authenticate;
use crate::auth::ntlm::challenge::Challenge;
use crate::auth::ntlm::{NtlmKeys, Side, keys};
use crate::auth::{AuthError, Secret, SecurityContext, unseal_message};

/// The keys of a login that was captured. Bodies are opened in the order of the wire, each direction for itself.
#[derive(Debug)]
pub struct PassiveNtlm {
    from_client: SecurityContext,
    from_server: SecurityContext,
}

impl PassiveNtlm {
    /// The keys of a login, from the server's challenge and the client's answer: bare NTLM messages, or tokens of
    /// SPNEGO around them.
    ///
    /// # Errors
    /// [`AuthError::Malformed`] where a token holds no such message, [`AuthError::WrongPassword`] where the answer was
    /// made with another password, and what else makes a login unusable.
    pub fn login(password: &Secret, challenge: &[u8], answer: &[u8]) -> Result<Self, AuthError> {
        let challenge = Challenge::read(ntlm_message(challenge))?;
        let answer = Authenticate::read(ntlm_message(answer))?;
        if answer.is_anonymous() {
            return Err(AuthError::Anonymous);
        }
        let (proof, blob, _) = answer.ntlm_v2()?;
        let response_key = [answer.domain.as_str(), ""]
            .into_iter()
            .map(|domain| keys::response_key(&answer.user, domain, password))
            .find(|key| keys::same(&proof, &keys::nt_proof(key, challenge.server_challenge, blob)))
            .ok_or(AuthError::WrongPassword)?;
        let flags = challenge.flags & answer.flags;
        let exported = exported_key(&answer, flags, keys::session_base_key(&response_key, &proof))?;
        // Each side's context opens what the other one sealed.
        Ok(Self {
            from_client: SecurityContext::ntlm(NtlmKeys::new(&exported, flags, Side::Server)),
            from_server: SecurityContext::ntlm(NtlmKeys::new(&exported, flags, Side::Client)),
        })
    }

    /// Opens a body that the client sent.
    ///
    /// # Errors
    /// As [`unseal_message`].
    pub fn open_request(&mut self, content_type: &str, body: &[u8]) -> Result<Vec<u8>, AuthError> {
        unseal_message(&mut self.from_client, content_type, body)
    }

    /// Opens a body that the server sent.
    ///
    /// # Errors
    /// As [`unseal_message`].
    pub fn open_reply(&mut self, content_type: &str, body: &[u8]) -> Result<Vec<u8>, AuthError> {
        unseal_message(&mut self.from_server, content_type, body)
    }
}

/// What a token of a login is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenKind {
    /// NTLM NEGOTIATE.
    NtlmNegotiate,
    /// NTLM CHALLENGE.
    NtlmChallenge,
    /// NTLM AUTHENTICATE.
    NtlmAuthenticate,
    /// A token of Kerberos, bare or inside SPNEGO.
    Kerberos,
    /// Anything else: the end of an SPNEGO exchange, TLS of CredSSP.
    Other,
}

impl TokenKind {
    /// Looks at a token, bare or inside SPNEGO.
    pub fn of(token: &[u8]) -> Self {
        match ntlm_message(token).get(..12) {
            Some([b'N', b'T', b'L', b'M', b'S', b'S', b'P', 0, kind, 0, 0, 0]) => match kind {
                1 => Self::NtlmNegotiate,
                2 => Self::NtlmChallenge,
                3 => Self::NtlmAuthenticate,
                _ => Self::Other,
            },
            _ if KERBEROS.iter().any(|oid| memchr::memmem::find(token, oid).is_some()) => Self::Kerberos,
            _ => Self::Other,
        }
    }

    /// The account that an AUTHENTICATE message names, for people.
    pub fn account(token: &[u8]) -> Option<String> {
        let message = Authenticate::read(ntlm_message(token)).ok()?;
        Some(match message.domain.is_empty() {
            true => message.user,
            false => format!("{}\\{}", message.domain, message.user),
        })
    }
}

/// The NTLM message inside a token: its fields say where they lie, so what follows it does no harm.
fn ntlm_message(token: &[u8]) -> &[u8] {
    let start = memchr::memmem::find(token, b"NTLMSSP\0").unwrap_or(0);
    token.get(start..).unwrap_or_default()
}

/// Object identifiers of Kerberos 5 in DER: 1.2.840.113554.1.2.2, and Microsoft's misspelling of it.
pub(super) const KERBEROS: [&[u8]; 2] = [
    &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02],
    &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::accept::{Acceptor, AcceptorOptions, Account, BindingPolicy};
    use crate::auth::{Credentials, Entropy, Initiator, Options, PartHeaders, seal_message};

    fn login() -> (Vec<u8>, Vec<u8>, SecurityContext, SecurityContext) {
        let password = Secret::from("canary-password");
        let credentials = Credentials { user: "LAB\\user".parse().unwrap(), password: password.clone() };
        let entropy = Entropy { client_challenge: [1; 8], session_key: [2; 16] };
        let mut initiator = Initiator::new(&credentials, Options { binding: None, target_name: None, entropy, now: 1 });
        let mut acceptor = Acceptor::new(AcceptorOptions {
            accounts: vec![Account { domain: "LAB".to_owned(), user: "user".to_owned(), password }],
            computer: "HOST".to_owned(),
            domain: "LAB".to_owned(),
            dns_computer: "host.lab.test".to_owned(),
            dns_domain: "lab.test".to_owned(),
            binding: BindingPolicy::Ignore,
            server_challenge: [3; 8],
            now: 132_000_000_000_000_000,
        });
        let challenge = acceptor.challenge(&initiator.negotiate()).unwrap();
        let (answer, client) = initiator.authenticate(&challenge).unwrap();
        let (_, server) = acceptor.authenticate(&answer).unwrap();
        (challenge, answer, client, server)
    }

    #[test]
    fn both_directions_open_with_the_password_and_nothing_without() {
        let (challenge, answer, mut client, mut server) = login();
        let wrapped = |token: &[u8]| [b"\xa1\x10".as_slice(), token, b"\xa3\x12tail"].concat();
        let mut login = PassiveNtlm::login(&"canary-password".into(), &wrapped(&challenge), &wrapped(&answer)).unwrap();
        for round in [&b"one"[..], b"two", b""] {
            let sealed = seal_message(&mut client, round, PartHeaders::Tabbed).unwrap();
            assert_eq!(login.open_request(&sealed.content_type, &sealed.body).unwrap(), round);
            let sealed = seal_message(&mut server, round, PartHeaders::Plain).unwrap();
            assert_eq!(login.open_reply(&sealed.content_type, &sealed.body).unwrap(), round);
        }
        assert_eq!(PassiveNtlm::login(&"other".into(), &challenge, &answer).unwrap_err(), AuthError::WrongPassword);
        assert!(PassiveNtlm::login(&"x".into(), b"", &answer).is_err());
        assert!(!format!("{login:?}").contains("canary"));
    }

    #[test]
    fn tokens_are_told_apart() {
        let (challenge, answer, ..) = login();
        assert_eq!(TokenKind::of(&challenge), TokenKind::NtlmChallenge);
        assert_eq!(TokenKind::of(&answer), TokenKind::NtlmAuthenticate);
        assert_eq!(TokenKind::account(&answer).as_deref(), Some("LAB\\user"));
        assert_eq!(TokenKind::of(&[&[0x60, 0x20], KERBEROS[0]].concat()), TokenKind::Kerberos);
        assert_eq!((TokenKind::of(b""), TokenKind::of(b"NTLMSSP\0")), (TokenKind::Other, TokenKind::Other));
    }
}
