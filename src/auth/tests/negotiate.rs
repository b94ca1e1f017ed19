//! SPNEGO around NTLM, against an acceptor of this file.
use super::super::context::Keys;
use super::super::handshake::{Handshake, Mechanism, Step};
use super::super::negotiate::NegotiateInitiator;
use super::super::ntlm::{NtlmKeys, Side};
use super::*;

pub(super) const LIST: &str = "300c060a2b06010401823702020a";
pub(super) const NTLM: &str = "060a2b06010401823702020a";

pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let short = u8::try_from(length).ok().filter(|short| *short < 0x80).map(|short| vec![short]);
    let long = || [&[0x82], &u16::try_from(length).unwrap().to_be_bytes()[..]].concat();
    [&[tag], &short.unwrap_or_else(long)[..], content].concat()
}

/// NegTokenResp as an acceptor writes it.
pub(super) fn response(state: u8, mechanism: Option<&str>, token: Option<&[u8]>, mic: Option<&[u8]>) -> Vec<u8> {
    let mut fields = tlv(0xa0, &[0x0a, 1, state]);
    fields.extend(mechanism.map(|oid| tlv(0xa1, &hex(oid))).unwrap_or_default());
    fields.extend(token.map(|token| tlv(0xa2, &tlv(4, token))).unwrap_or_default());
    fields.extend(mic.map(|mic| tlv(0xa3, &tlv(4, mic))).unwrap_or_default());
    tlv(0xa1, &tlv(0x30, &fields))
}

/// The NTLM message in a token, and the code that ends it if there is one.
pub(super) fn inside(token: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let start = token.windows(8).position(|window| window == b"NTLMSSP\0").unwrap();
    let mut message = token[start..].to_vec();
    let has_mic = message.windows(4).rposition(|window| window == [0xa3, 0x12, 0x04, 0x10]);
    let mic = has_mic.filter(|at| at + 20 == message.len()).map(|at| message.split_off(at).split_off(4));
    (message, mic)
}

struct Login {
    client: Handshake,
    server: Acceptor,
}

impl Login {
    fn begin() -> (Self, Vec<u8>) {
        let ntlm = Initiator::new(&credentials("LAB\\admin", "correct horse"), options(None));
        let mut client = Handshake::from(NegotiateInitiator::new(None, Some(ntlm)));
        let Step::More(token) = client.step(&[]).unwrap() else { panic!() };
        (Self { client, server: Acceptor::new(host(BindingPolicy::Ignore)) }, token)
    }

    /// Up to the token with AUTHENTICATE.
    fn challenged() -> (Handshake, Vec<u8>, NtlmKeys) {
        let (mut login, token) = Self::begin();
        let challenge = login.server.challenge(&inside(&token).0).unwrap();
        let Step::More(token) = login.client.step(&response(1, Some(NTLM), Some(&challenge), None)).unwrap() else {
            panic!()
        };
        let (message, mic) = inside(&token);
        let (_, server) = login.server.authenticate_to_keys(&message).unwrap();
        (login.client, mic.expect("no code over the list"), server)
    }
}

/// The keys of the published vectors.
fn keys(side: Side) -> NtlmKeys {
    let exported = super::super::ntlm::keys::Key::new([0x55; 16]);
    NtlmKeys::new(&exported, super::super::ntlm::Flags::from_bits(0xe288_8235).unwrap(), side)
}

#[test]
fn the_code_over_the_list_takes_a_number_and_leaves_the_cipher() {
    let (mut client, mut server) = (keys(Side::Client), keys(Side::Server));
    let (to_server, to_client) = (client.mic(&hex(LIST)).unwrap(), server.mic(&hex(LIST)).unwrap());
    assert_eq!(to_server, hex("0100000022a3984fefbb9c3200000000"));
    assert_eq!(to_client, hex("010000007dd6da05648a73ae00000000"));
    server.verify_mic(&hex(LIST), &to_server).unwrap();
    client.verify_mic(&hex(LIST), &to_client).unwrap();
    let sealed = client.seal(b"hello").unwrap();
    assert_eq!(sealed.signature[12..], [1, 0, 0, 0]);
    assert_eq!(server.unseal(&sealed.signature, &sealed.data).unwrap(), b"hello");
    assert_eq!(keys(Side::Server).verify_mic(&hex(LIST), &to_client), Err(AuthError::Signature));
}

#[test]
fn a_whole_login() {
    let (mut client, mic, mut server) = Login::challenged();
    server.verify_mic(&hex(LIST), &mic).unwrap();
    let answer = server.mic(&hex(LIST)).unwrap();
    assert!(client.tried_password());
    assert_eq!(client.step(&response(0, None, None, Some(&answer))).unwrap(), Step::Done);
    let (mechanism, mut client) = client.finish().unwrap();
    assert_eq!(mechanism, Mechanism::Ntlm);
    for message in [&b"one"[..], b"", b"three"] {
        let sealed = client.seal(message).unwrap();
        assert_eq!(server.unseal(&sealed.signature, &sealed.data).unwrap(), message);
        let sealed = server.seal(message).unwrap();
        assert_eq!(client.unseal(&sealed.signature, &sealed.data).unwrap(), message);
    }
}

#[test]
fn a_list_that_nobody_vouches_for_is_no_login() {
    let (mut client, ..) = Login::challenged();
    assert!(matches!(client.step(&response(0, None, None, None)), Err(AuthError::Lacks { message: "SPNEGO", .. })));
    assert_eq!(client.finish().unwrap_err(), AuthError::Incomplete);

    let (mut client, _, mut server) = Login::challenged();
    let of_another_list = server.mic(&hex("3000")).unwrap();
    assert_eq!(client.step(&response(0, None, None, Some(&of_another_list))), Err(AuthError::Signature));
}

#[test]
fn what_a_server_may_not_answer() {
    let first = |answer: Vec<u8>| Login::begin().0.client.step(&answer).unwrap_err();
    assert_eq!(first(response(2, None, None, None)), AuthError::Rejected);
    assert_eq!(first(response(1, Some("06092a864886f712010202"), Some(b"x"), None)), AuthError::NotOffered);
    assert_eq!(first(response(1, Some("06012a"), Some(b"x"), None)), AuthError::NotOffered);
    for answer in [
        response(0, None, None, None),
        response(0, Some(NTLM), None, None),
        response(1, None, None, None),
        response(1, Some(NTLM), Some(b"NTLMSSP\0"), None),
        b"NTLMSSP\0\x02\0\0\0".to_vec(),
        Vec::new(),
    ] {
        let error = first(answer.clone());
        assert!(matches!(error, AuthError::Malformed { .. }), "{answer:02x?}: {error}");
    }
    // A second challenge after the answer to the first.
    let (mut client, ..) = Login::challenged();
    assert!(matches!(client.step(&response(1, None, Some(b"x"), None)), Err(AuthError::Malformed { .. })));
}

#[test]
fn nothing_to_offer_is_said_at_once() {
    assert_eq!(Handshake::from(NegotiateInitiator::new(None, None)).step(&[]), Err(AuthError::NoMechanism));
}
