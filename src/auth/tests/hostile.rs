//! Bytes from someone who means harm: no reader may panic, and none may accept what it should
//! not. Each oracle is a plain function of bytes, so a fuzzer can call it, too.
use proptest::prelude::*;

use super::super::accept::{Strictness, unseal_request};
use super::super::seal::SealedParts;
use super::super::{PartHeaders, is_sealed, seal_message, unseal_message};
use super::*;

const CONTENT_TYPE: &str =
    "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"";

/// A client given these bytes as a challenge.
fn read_challenge(bytes: &[u8]) {
    let initiator = Initiator::new(&credentials("LAB\\admin", "pw"), options(None));
    if let Ok((token, mut context)) = initiator.authenticate(bytes) {
        assert!(token.starts_with(b"NTLMSSP\0\x03"));
        context.seal(b"whatever is accepted must seal").unwrap();
    }
}

/// A server given these bytes as a first and as a last token.
fn read_tokens(bytes: &[u8]) {
    let mut acceptor = Acceptor::new(host(BindingPolicy::Ignore));
    let _ = acceptor.challenge(bytes);
    let mut acceptor = Acceptor::new(host(BindingPolicy::Ignore));
    acceptor.challenge(&Initiator::new(&credentials("u", "p"), options(None)).negotiate()).unwrap();
    assert!(acceptor.authenticate(bytes).is_err(), "a login without the password");
}

/// Either side given these bytes as a sealed body.
fn read_sealed(content_type: &str, body: &[u8]) {
    let _ = is_sealed(content_type);
    if let Ok(parts) = SealedParts::read(content_type, body) {
        assert!(parts.data.len() + parts.signature.len() < body.len());
    }
    let (mut client, mut server) = connection();
    assert!(unseal_message(&mut client, content_type, body).is_err(), "a forged message");
    for strictness in [Strictness::HttpSys, Strictness::NoTab, Strictness::Lenient] {
        assert!(unseal_request(&mut server, content_type, body, strictness).is_err(), "a forged request");
    }
}

/// A body sealed with other keys than those of [`connection`], so that no mutation of it can
/// lead back to a message that is right.
fn foreign_body() -> Vec<u8> {
    let mut other = options(None);
    other.entropy.session_key = [0x66; 16];
    let credentials = credentials("LAB\\admin", "correct horse");
    let (_, mut client, _) = login_altered(&credentials, other, host(BindingPolicy::Ignore), |_| ()).unwrap();
    seal_message(&mut client, b"hello", PartHeaders::Tabbed).unwrap().body
}

fn challenge() -> Vec<u8> {
    let negotiate = Initiator::new(&credentials("u", "p"), options(None)).negotiate();
    Acceptor::new(host(BindingPolicy::Ignore)).challenge(&negotiate).unwrap()
}

fn token() -> Vec<u8> {
    let initiator = Initiator::new(&credentials("LAB\\admin", "correct horse"), options(None));
    initiator.authenticate(&challenge()).unwrap().0
}

#[test]
fn truncated_messages_are_refused() {
    let challenge = challenge();
    for length in 0..challenge.len() {
        let initiator = Initiator::new(&credentials("LAB\\admin", "pw"), options(None));
        assert!(initiator.authenticate(&challenge[..length]).is_err(), "challenge of {length}");
    }
    let token = token();
    for length in 0..token.len() {
        read_tokens(&token[..length]);
    }
    let body = foreign_body();
    for length in 0..body.len() {
        read_sealed(CONTENT_TYPE, &body[..length]);
        // Without the line break, or the hyphens and the line break, the closing line still is one.
        let is_spared = [2, 4].contains(&(body.len() - length));
        let parts = SealedParts::read(CONTENT_TYPE, &body[..length]);
        assert_eq!(parts.is_ok(), is_spared, "body of {length}");
    }
}

#[test]
fn fields_that_point_outside_are_refused() {
    for (message, fields) in [(challenge(), &[12, 40][..]), (token(), &[12, 20, 28, 36, 44, 52])] {
        for at in fields {
            for offset in [0xffff_ffff_u32, 0x8000_0000, 0x7fff_ffff, 0xffff_0000] {
                let mut bytes = message.clone();
                bytes[*at..at + 2].copy_from_slice(&[2, 0]);
                bytes[at + 4..at + 8].copy_from_slice(&offset.to_le_bytes());
                let initiator = Initiator::new(&credentials("LAB\\admin", "pw"), options(None));
                assert!(initiator.authenticate(&bytes).is_err());
                read_tokens(&bytes);
            }
        }
    }
}

proptest! {
    #![proptest_config(crate::properties::cases(128))]

    #[test]
    fn random_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_challenge(&bytes);
        read_tokens(&bytes);
        read_sealed(CONTENT_TYPE, &bytes);
    }

    #[test]
    fn random_messages_behind_a_right_start_do_not_panic(
        kind in 1u8..=3,
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let message = [b"NTLMSSP\0", [kind, 0, 0, 0].as_slice(), &bytes].concat();
        read_challenge(&message);
        read_tokens(&message);
    }

    #[test]
    fn mutated_challenges_do_not_panic(changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        let mut bytes = challenge();
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        read_challenge(&bytes);
    }

    #[test]
    fn mutated_tokens_are_refused(at: usize, change in 1u8..) {
        let initiator = Initiator::new(&credentials("LAB\\admin", "wrong"), options(None));
        let mut bytes = initiator.authenticate(&challenge()).unwrap().0;
        let at = at % bytes.len();
        bytes[at] ^= change;
        read_tokens(&bytes);
    }

    #[test]
    fn mutated_bodies_do_not_panic(
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6),
        content_type in prop_oneof![Just(CONTENT_TYPE.to_owned()), any::<String>(), ".*;boundary=.*"],
    ) {
        let mut body = foreign_body();
        for (at, value) in changes {
            let at = at % body.len();
            body[at] = value;
        }
        read_sealed(&content_type, &body);
    }
}
