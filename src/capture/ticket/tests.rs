//! Logins and messages made by hand, for the forms that no software at hand produces. What MIT Kerberos produces is in
//! tests/data/recorded/kerberos.
use aes::Aes256;
use aes::cipher::{BlockEncrypt, KeyInit};
use hmac::{Hmac, Mac};
use proptest::prelude::*;
use sha1::Sha1;

use super::keytab::tests::{entry, keytab};
use super::*;
use crate::auth::der::{OCTETS, OID, SEQUENCE, field, tlv};

const SERVICE: [u8; 32] = [1; 32];
const SESSION: [u8; 32] = [2; 32];
const CLIENTS: [u8; 32] = [3; 32];
const HOSTS: [u8; 32] = [4; 32];
const KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];
const NAME: &str = "HTTP/hv.lab.test@LAB.TEST";

/// aes256-cts-hmac-sha1-96, from the RFCs once more: the other direction.
fn seal(secret: &[u8; 32], usage: u32, plain: &[u8]) -> Vec<u8> {
    let text = [&[0x5a; 16], plain].concat();
    let key = Key::new(EncryptionType::Aes256Sha1, secret).unwrap();
    let cipher = Aes256::new_from_slice(&key.derived(usage, 0xaa).unwrap()).unwrap();
    let mut padded = text.clone();
    padded.resize(text.len().next_multiple_of(16), 0);
    let mut blocks: Vec<[u8; 16]> = Vec::new();
    for block in padded.as_chunks::<16>().0 {
        let before = blocks.last().copied().unwrap_or_default();
        let mut mixed: [u8; 16] = std::array::from_fn(|at| block[at] ^ before[at]);
        cipher.encrypt_block((&mut mixed).into());
        blocks.push(mixed);
    }
    let last = blocks.len() - 1;
    if last > 0 {
        blocks.swap(last, last - 1);
    }
    let mut sealed = blocks.concat();
    sealed.truncate(text.len());
    let mut mac = <Hmac<Sha1> as Mac>::new_from_slice(&key.derived(usage, 0x55).unwrap()).unwrap();
    mac.update(&text);
    sealed.extend(&mac.finalize().into_bytes()[..12]);
    sealed
}

fn sequence(fields: &[(u8, Vec<u8>)]) -> Vec<u8> {
    tlv(SEQUENCE, &fields.iter().flat_map(|(number, content)| tlv(field(*number), content)).collect::<Vec<_>>())
}

fn number(value: u8) -> Vec<u8> {
    vec![2, 1, value]
}

fn sealed(etype: u8, version: Option<u8>, cipher: &[u8]) -> Vec<u8> {
    let version = version.map(|version| (1, number(version)));
    let fields = [Some((0, number(etype))), version, Some((2, tlv(OCTETS, cipher)))];
    sequence(&fields.into_iter().flatten().collect::<Vec<_>>())
}

fn key(secret: &[u8]) -> Vec<u8> {
    sequence(&[(0, number(18)), (1, tlv(OCTETS, secret))])
}

fn framed(kind: [u8; 2], message: &[u8]) -> Vec<u8> {
    tlv(0x60, &[&tlv(OID, KERBEROS), &kind[..], message].concat())
}

/// The client's first token. What is sealed in it is given.
fn request_of(etype: u8, ticket: &[u8], authenticator: &[u8]) -> Vec<u8> {
    let text = |text: &str| tlv(0x1b, text.as_bytes());
    let name = sequence(&[(0, number(2)), (1, tlv(SEQUENCE, &[text("HTTP"), text("hv.lab.test")].concat()))]);
    let ticket = seal(&SERVICE, 2, ticket);
    let ticket = sequence(&[(0, number(5)), (1, text("LAB.TEST")), (2, name), (3, sealed(etype, Some(4), &ticket))]);
    let authenticator = sealed(18, None, &seal(&SESSION, 11, authenticator));
    let options = vec![3, 5, 0, 0x20, 0, 0, 0];
    let fields = [(0, number(5)), (1, number(14)), (2, options), (3, tlv(0x61, &ticket)), (4, authenticator)];
    framed([1, 0], &tlv(0x6e, &sequence(&fields)))
}

fn request() -> Vec<u8> {
    request_of(18, &tlv(0x63, &sequence(&[(0, number(0)), (1, key(&SESSION))])), &authenticator(&key(&CLIENTS)))
}

fn authenticator(subkey: &[u8]) -> Vec<u8> {
    tlv(0x62, &sequence(&[(0, number(5)), (6, subkey.to_vec())]))
}

/// The service's answer, in SPNEGO.
fn reply(secret: &[u8; 32]) -> Vec<u8> {
    let part = tlv(0x7b, &sequence(&[(1, number(0)), (2, key(&HOSTS))]));
    let message = sequence(&[(0, number(5)), (1, number(15)), (2, sealed(18, None, &seal(secret, 12, &part)))]);
    let token = framed([2, 0], &tlv(0x6f, &message));
    tlv(field(1), &sequence(&[(0, vec![0x0a, 1, 0]), (2, tlv(OCTETS, &token))]))
}

fn keys() -> Keytab {
    Keytab::read(&keytab(&[entry("OTHER$@LAB.TEST", 9, 18, &[9; 32]), entry("HV$@LAB.TEST", 2, 18, &SERVICE)])).unwrap()
}

fn login() -> PassiveKerberos {
    let mut login = PassiveKerberos::request(&keys(), &request()).unwrap().unwrap();
    assert_eq!(login.reply(b"\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00"), Ok(false));
    assert_eq!(login.reply(&reply(&SESSION)), Ok(true));
    login
}

/// A sealed token with this filler and rotation, turned by as much as is said.
fn token(secret: &[u8; 32], flags: u8, text: &[u8], [filler, rotation]: [u16; 2], turned: usize) -> Vec<u8> {
    let header = |rotation: u16| {
        [&[5, 4, flags, 0xff], &filler.to_be_bytes()[..], &rotation.to_be_bytes(), &[0, 0, 0, 0, 0, 0, 0, 7]].concat()
    };
    let usage = if flags & 1 == 0 { 24 } else { 22 };
    let mut body = seal(secret, usage, &[text, &vec![0xee; filler.into()], &header(0)].concat());
    let turned = turned % body.len();
    body.rotate_right(turned);
    [header(rotation), body].concat()
}

/// The body of WinRM around a token, cut as the sender likes.
fn body(token: &[u8], cut: usize) -> Vec<u8> {
    let (signature, data) = token.split_at(cut);
    let head = format!(
        "--B\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\tOriginalContent: type=a;charset=UTF-8;\
         Length={}\r\n--B\r\n\tContent-Type: application/octet-stream\r\n",
        data.len()
    );
    let length = u32::try_from(cut).unwrap().to_le_bytes();
    [head.as_bytes(), &length, signature, data, b"--B--\r\n"].concat()
}

const SEALED: &str = "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=B";

#[test]
fn tokens_open_however_they_are_rotated() {
    let login = login();
    assert_eq!(login.service(), NAME);
    for text in [&b""[..], b"x", b"0123456789abcdef", b"<s:Envelope>0123456789</s:Envelope>"] {
        for (numbers, turned, cut) in [
            // As Windows and MIT write, as OMI does, and as [MS-KILE] 3.4.5.4.1 says.
            ([0, 28], 28, 60),
            ([0, 0], 0, 16),
            ([16, 28], 44, 76),
            ([16, 28], 28, 76),
            ([3, 12], 12, 20),
            ([0, 65_535], 65_535, 60),
        ] {
            let open = |secret, flags| {
                let body = body(&token(secret, flags, text, numbers, turned), cut);
                (login.open_request(SEALED, &body), login.open_reply(SEALED, &body))
            };
            let ours = Ok(text.to_vec());
            let direction = Err(TicketError::Token("it names the other side as its sender"));
            assert_eq!(open(&HOSTS, 2 | 4), (ours.clone(), direction.clone()), "{numbers:?}");
            assert_eq!(open(&HOSTS, 1 | 2 | 4), (direction.clone(), ours.clone()));
            assert_eq!(open(&CLIENTS, 2), (ours, direction.clone()));
            assert_eq!(open(&CLIENTS, 4), (Err(TicketError::Token("it is signed only")), direction.clone()));
            assert_eq!(open(&SESSION, 2), (Err(TicketError::Check), direction));
        }
    }
    let whole = body(&token(&HOSTS, 6, b"text", [0, 28], 28), 60);
    for at in whole.len() - 70..whole.len() - 8 {
        let mut altered = whole.clone();
        altered[at] ^= 0x40;
        assert!(login.open_request(SEALED, &altered).is_err(), "byte {at} is covered by nothing");
    }
}

#[test]
fn keys_that_are_not_there() {
    let mut login = PassiveKerberos::request(&keys(), &request()).unwrap().unwrap();
    let late = body(&token(&HOSTS, 6, b"text", [0, 28], 28), 60);
    assert_eq!(login.open_request(SEALED, &late), Err(TicketError::NoReply));
    assert_eq!(login.reply(&reply(&CLIENTS)), Err(TicketError::Session { message: "reply" }));
    // Without keys of their own both sides have the session's.
    let bare = request_of(18, &tlv(0x63, &sequence(&[(1, key(&SESSION))])), &tlv(0x62, &sequence(&[(0, number(5))])));
    let login = PassiveKerberos::request(&keys(), &bare).unwrap().unwrap();
    let text = body(&token(&SESSION, 2, b"text", [0, 28], 28), 60);
    assert_eq!(login.open_request(SEALED, &text), Ok(b"text".to_vec()));
    for body in [body(b"\x60\x03\x06\x01\x2a", 2), body(b"", 0), body(b"\x05\x04", 1)] {
        assert!(matches!(login.open_request(SEALED, &body), Err(TicketError::Token(_))));
    }
    assert!(matches!(login.open_reply("text/xml", b""), Err(TicketError::Frame(_))));
    assert!(format!("{login:?}").ends_with("{ service: \"HTTP/hv.lab.test@LAB.TEST\", .. }"));
}

#[test]
fn a_keytab_that_does_not_do_is_told_from_another() {
    let open = |entries: &[Vec<u8>], token: &[u8]| {
        let keytab = Keytab::read(&keytab(entries)).unwrap();
        PassiveKerberos::request(&keytab, token).unwrap().map(drop)
    };
    let other = [9; 32];
    assert_eq!(open(&[entry(NAME, 1, 18, &SERVICE)], &request()), Ok(()));
    for (entries, says) in [
        (vec![entry(NAME, 4, 18, &other)], "takes"),
        (vec![entry(NAME, 3, 18, &other), entry(NAME, 2, 18, &other)], "version 4 of its key, and the keytab has 3, 2"),
        (vec![entry("HTTP/x@LAB.TEST", 4, 18, &other)], "it has keys of HTTP/x@LAB.TEST (version 4)"),
        (vec![entry(NAME, 4, 23, &[1; 16]), entry(NAME, 4, 1, &[1; 8])], "only arcfour-hmac, type 1"),
    ] {
        let error = open(&entries, &request()).unwrap_err().to_string();
        assert!(error.contains(NAME) && (says == "takes" || error.contains(says)), "{error}");
    }
    let good = [entry(NAME, 4, 18, &SERVICE)];
    let session = sequence(&[(1, key(&SESSION))]);
    for (token, error) in [
        (request_of(3, b"", b""), "encryption type 3"),
        (request_of(18, b"nothing", b""), "ticket of the Kerberos login is not valid"),
        (request_of(18, &tlv(0x63, &session), b"nothing"), "authenticator of the Kerberos login is not valid"),
        (request_of(18, &tlv(0x63, &sequence(&[(1, key(&CLIENTS))])), &[]), "authenticator does not open"),
        (framed([1, 0], b"\x6e\x03\x30\x01\x00"), "request of the Kerberos login is not valid"),
    ] {
        let found = open(&good, &token).unwrap_err().to_string();
        assert!(found.contains(error), "{found}");
    }
    assert!(PassiveKerberos::request(&keys(), b"NTLMSSP\0").is_none());
}

proptest! {
    #[test]
    fn no_damage_panics(at: prop::sample::Index, byte: u8, cut: prop::sample::Index, which in 0..4) {
        let damaged = |mut bytes: Vec<u8>| {
            let place = at.index(bytes.len());
            bytes[place] = byte;
            bytes.truncate(cut.index(bytes.len()).max(place));
            bytes
        };
        let mut login = login();
        match which {
            0 => drop(PassiveKerberos::request(&keys(), &damaged(request()))),
            1 => drop(login.reply(&damaged(reply(&SESSION)))),
            2 => drop(login.open_request(SEALED, &body(&damaged(token(&HOSTS, 6, b"text", [0, 28], 28)), 0))),
            // What only the keeper of the key could seal.
            _ => {
                let inner = damaged(tlv(0x63, &sequence(&[(0, number(0)), (1, key(&SESSION))])));
                let _ = PassiveKerberos::request(&keys(), &request_of(18, &inner, &damaged(authenticator(&key(&CLIENTS)))));
            }
        }
    }
}
