//! CredSSP against a host of this file: rustls' other end, NTLM's accepting half, and its own idea of
//! [MS-CSSP] 3.1.5 and of sealed bodies.
use std::io::{Read, Write};
use std::sync::Arc;

use proptest::prelude::*;
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion, version};
use sha2::{Digest, Sha256};
use sspi::credssp::{NStatusCode, TsRequest};

use super::super::context::Keys;
use super::super::credssp::{CredSspError, CredSspInitiator};
use super::super::handshake::{Handshake, Mechanism, Step};
use super::super::negotiate::NegotiateInitiator;
use super::super::ntlm::NtlmKeys;
use super::super::{PartHeaders, SealedMessage, seal_message, unseal_message};
use super::negotiate::{LIST, NTLM, inside, response, tlv};
use super::*;

/// How a host strays from the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lie {
    #[default]
    None,
    /// Sends the client's own proof back.
    Reflects,
    /// Vouches for the key of another connection.
    OtherKey,
    /// Vouches with another nonce than this login's.
    OtherNonce,
    /// Vouches as versions before 5 do: the key plus one, no hash.
    OldForm,
    /// Vouches for nothing.
    NoKey,
    /// Is new while it negotiates, and old when it vouches.
    LateDowngrade,
    /// Leaves SPNEGO's code out, and makes none.
    NoMic,
}

struct Host {
    tls: ServerConnection,
    public_key: Vec<u8>,
    acceptor: Option<Acceptor>,
    keys: Option<NtlmKeys>,
    version: u32,
    lie: Lie,
    /// TSCredentials as they came.
    delegated: Option<Vec<u8>>,
}

impl Host {
    fn new(tls_version: &'static SupportedProtocolVersion) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[tls_version]).unwrap();
        let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private).unwrap();
        Self {
            tls: ServerConnection::new(Arc::new(config)).unwrap(),
            public_key: rcgen::PublicKeyData::der_bytes(&key).to_vec(),
            acceptor: Some(Acceptor::new(host(BindingPolicy::Ignore))),
            keys: None,
            version: 6,
            lie: Lie::None,
            delegated: None,
        }
    }

    fn receive(&mut self, mut records: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        while !records.is_empty() {
            self.tls.read_tls(&mut records).unwrap();
            let waiting = self.tls.process_new_packets().unwrap().plaintext_bytes_to_read();
            let waiting = u64::try_from(waiting).unwrap();
            self.tls.reader().take(waiting).read_to_end(&mut plain).unwrap();
        }
        plain
    }

    fn send(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut records = Vec::new();
        self.tls.writer().write_all(plain).unwrap();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut records).unwrap();
        }
        records
    }

    /// The answer to a token; empty where there is nothing to say.
    fn answer(&mut self, token: &[u8]) -> Vec<u8> {
        let plain = self.receive(token);
        if plain.is_empty() {
            return self.send(&[]);
        }
        match self.judge(&plain) {
            Some(answer) => self.send(&answer),
            None => Vec::new(),
        }
    }

    /// The TSRequest that answers one; none after the password.
    fn judge(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        let asked = TsRequest::from_buffer(plain).unwrap();
        assert_eq!(asked.version, 6);
        let mut answer = TsRequest { version: self.version, ..TsRequest::default() };
        match (asked.nego_tokens, asked.pub_key_auth, asked.auth_info) {
            (Some(token), None, None) => {
                let challenge = self.acceptor.as_mut().unwrap().challenge(&inside(&token).0).unwrap();
                answer.nego_tokens = Some(response(1, Some(NTLM), Some(&challenge), None));
            }
            (Some(token), Some(proof), None) => {
                let (message, mic) = inside(&token);
                match self.acceptor.take().unwrap().authenticate_to_keys(&message) {
                    Ok((_, keys)) => self.keys = Some(keys),
                    Err(_) => {
                        answer.error_code = Some(NStatusCode::LOGON_FAILURE);
                        return Some(written(&answer));
                    }
                }
                self.vouch(&mut answer, &proof, &mic.unwrap(), asked.client_nonce.unwrap());
            }
            (None, None, Some(sealed)) => {
                let (signature, data) = sealed.split_at(16);
                self.delegated = Some(self.keys.as_mut().unwrap().unseal(signature, data).unwrap());
                return None;
            }
            _ => panic!("a TSRequest that was not due"),
        }
        Some(written(&answer))
    }

    fn vouch(&mut self, answer: &mut TsRequest, proof: &[u8], mic: &[u8], nonce: [u8; 32]) {
        let keys = self.keys.as_mut().unwrap();
        keys.verify_mic(&hex(LIST), mic).unwrap();
        let (signature, data) = proof.split_at(16);
        let found = keys.unseal(signature, data).unwrap();
        assert_eq!(found, hash("Client-To-Server", &nonce, &self.public_key));
        if self.lie != Lie::NoMic {
            let mic = keys.mic(&hex(LIST)).unwrap();
            answer.nego_tokens = Some(response(0, None, None, Some(&mic)));
        }
        let mut vouched = hash("Server-To-Client", &nonce, &self.public_key);
        match self.lie {
            Lie::None | Lie::NoMic => {}
            Lie::Reflects | Lie::NoKey => {
                answer.pub_key_auth = (self.lie == Lie::Reflects).then(|| proof.to_vec());
                return;
            }
            Lie::OtherKey => vouched = hash("Server-To-Client", &nonce, b"another key"),
            Lie::OtherNonce => vouched = hash("Server-To-Client", &[0; 32], &self.public_key),
            Lie::OldForm => {
                vouched.clone_from(&self.public_key);
                vouched[0] += 1;
            }
            Lie::LateDowngrade => answer.version = 4,
        }
        let sealed = keys.seal(&vouched).unwrap();
        answer.pub_key_auth = Some([sealed.signature, sealed.data].concat());
    }

    /// A body as a server writes it, in pieces of so many bytes.
    fn seal(&mut self, plain: &[u8], piece: usize) -> (String, Vec<u8>) {
        let kind = if plain.len() > piece { "x-multi-encrypted" } else { "encrypted" };
        let mut body = Vec::new();
        for piece in plain.chunks(piece) {
            body.extend(self.piece(piece, piece.len()));
        }
        body.extend(b"--Encrypted Boundary--\r\n");
        (content_type(kind), body)
    }

    fn piece(&mut self, plain: &[u8], length: usize) -> Vec<u8> {
        let head = head(length);
        [head.as_bytes(), &[16, 0, 0, 0], &self.send(plain)].concat()
    }

    /// A body by the letter of [MS-WSMV] 2.2.9.1.3.
    fn open(&mut self, sealed: &SealedMessage, trailer: u8) -> Vec<u8> {
        let mut plain = Vec::new();
        let mut rest = sealed.body.as_slice();
        let mut pieces = 0;
        while rest != b"--Encrypted Boundary--\r\n" {
            let shown = String::from_utf8_lossy(&rest[..240.min(rest.len())]).into_owned();
            let length: usize = shown.split("Length=").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
            let head = head(length);
            assert!(shown.starts_with(&head), "{shown}");
            rest = &rest[head.len()..];
            if length > 0 {
                assert_eq!(rest[..7], [trailer, 0, 0, 0, 0x17, 3, 3]);
                let record = 5 + usize::from(u16::from_be_bytes([rest[7], rest[8]]));
                plain.extend(self.receive(&rest[4..4 + record]));
                rest = &rest[4 + record..];
            } else {
                rest = &rest[4..];
            }
            pieces += 1;
        }
        assert_eq!(pieces, plain.len().div_ceil(16384).max(1));
        let kind = if pieces > 1 { "x-multi-encrypted" } else { "encrypted" };
        assert_eq!(sealed.content_type, content_type(kind));
        plain
    }
}

fn written(request: &TsRequest) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode_ts_request(&mut bytes).unwrap();
    bytes
}

fn hash(direction: &str, nonce: &[u8], key: &[u8]) -> Vec<u8> {
    let label = format!("CredSSP {direction} Binding Hash\0");
    Sha256::digest([label.as_bytes(), nonce, key].concat()).to_vec()
}

fn head(length: usize) -> String {
    format!(
        "--Encrypted Boundary\r\n\
         \tContent-Type: application/HTTP-CredSSP-session-encrypted\r\n\
         \tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={length}\r\n\
         --Encrypted Boundary\r\n\
         \tContent-Type: application/octet-stream\r\n"
    )
}

fn content_type(kind: &str) -> String {
    let protocol = "application/HTTP-CredSSP-session-encrypted";
    format!("multipart/{kind};protocol=\"{protocol}\";boundary=\"Encrypted Boundary\"")
}

fn client(password: &str) -> Handshake {
    let credentials = credentials("LAB\\admin", password);
    let negotiate = NegotiateInitiator::new(None, Some(Initiator::new(&credentials, options(None))));
    CredSspInitiator::new(negotiate, credentials).unwrap().into()
}

/// A login to its end; the tokens that the client sent.
fn log_in(client: &mut Handshake, host: &mut Host) -> Result<Vec<Vec<u8>>, AuthError> {
    let (mut incoming, mut sent) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        match client.step(&incoming)? {
            Step::More(token) => {
                incoming = host.answer(&token);
                sent.push(token);
            }
            Step::Last(token) => {
                host.answer(&token);
                sent.push(token);
                return Ok(sent);
            }
            Step::Done => panic!("CredSSP ends with a token"),
        }
    }
    panic!("no end");
}

fn connected(tls: &'static SupportedProtocolVersion) -> (SecurityContext, Host) {
    let (mut client, mut host) = (client("correct horse"), Host::new(tls));
    log_in(&mut client, &mut host).unwrap();
    (client.finish().unwrap().1, host)
}

fn credssp(error: AuthError) -> CredSspError {
    match error {
        AuthError::CredSsp(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn the_password_arrives_last_and_whole() {
    for tls in [&version::TLS12, &version::TLS13] {
        let (mut client, mut host) = (client("correct horse"), Host::new(tls));
        let sent = log_in(&mut client, &mut host).unwrap();
        // ClientHello, the end of the handshake, NEGOTIATE, AUTHENTICATE with the proof, the password.
        assert_eq!(sent.len(), 5);
        assert_eq!(sent.iter().map(|token| token[0]).collect::<Vec<_>>()[..1], [0x16]);
        let text = |number: u8, text: &str| {
            tlv(0xa0 + number, &tlv(4, &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()))
        };
        let password = tlv(0x30, &[text(0, "LAB"), text(1, "admin"), text(2, "correct horse")].concat());
        let due = tlv(0x30, &[hex("a003020101"), tlv(0xa1, &tlv(4, &password))].concat());
        assert_eq!(host.delegated.unwrap(), due);
        assert!(client.tried_password() && !client.may_block());
        let (mechanism, _) = client.finish().unwrap();
        assert_eq!(mechanism, Mechanism::Ntlm);
    }
}

#[test]
fn version_5_is_taken_and_the_code_of_spnego_may_stay_out() {
    let (mut client_5, mut host_5) = (client("correct horse"), Host { version: 5, ..Host::new(&version::TLS12) });
    log_in(&mut client_5, &mut host_5).unwrap();
    assert!(host_5.delegated.is_some());
    let (mut bare, mut host) = (client("correct horse"), Host { lie: Lie::NoMic, ..Host::new(&version::TLS12) });
    log_in(&mut bare, &mut host).unwrap();
    assert!(host.delegated.is_some());
}

#[test]
fn bodies_both_ways() {
    for (tls, trailer) in [(&version::TLS12, 16), (&version::TLS13, 17)] {
        let (mut client, mut host) = connected(tls);
        for length in [1, 0, 705, 16384, 16385, 2 * 16384, 500 * 1024, 1] {
            let plain: Vec<u8> = (0..=250).cycle().take(length).collect();
            let sealed = seal_message(&mut client, &plain, PartHeaders::Tabbed).unwrap();
            assert!(host.open(&sealed, trailer) == plain, "{length} bytes");
            for piece in [16384, 16000] {
                let (content_type, body) = host.seal(&plain, piece);
                if length == 0 {
                    // No piece at all is no message.
                    continue;
                }
                assert!(unseal_message(&mut client, &content_type, &body).unwrap() == plain, "{length} bytes");
            }
        }
    }
}

/// Several records may make a piece.
#[test]
fn a_piece_of_more_than_one_record() {
    let (mut client, mut host) = connected(&version::TLS12);
    let plain = vec![b'x'; 40_000];
    let (content_type, body) = host.seal(&plain, 40_000);
    assert_eq!(unseal_message(&mut client, &content_type, &body).unwrap(), plain);
}

#[test]
fn a_wrong_password_is_refused_with_its_status() {
    let (mut client, mut host) = (client("wrong"), Host::new(&version::TLS12));
    let error = log_in(&mut client, &mut host).unwrap_err();
    assert!(error.to_string().contains("STATUS_LOGON_FAILURE (0xc000006d), wrong user name or password"), "{error}");
    assert!(matches!(credssp(error), CredSspError::Refused { code: 0xc000_006d, .. }));
    assert!(client.tried_password());
    assert_eq!(client.finish().unwrap_err(), AuthError::Incomplete);
}

#[test]
fn nobody_gets_the_password_who_does_not_vouch_for_the_key() {
    for (lie, due) in [
        (Lie::Reflects, CredSspError::ForeignKey),
        (Lie::OtherKey, CredSspError::ForeignKey),
        (Lie::OtherNonce, CredSspError::ForeignKey),
        (Lie::OldForm, CredSspError::ForeignKey),
        (Lie::NoKey, CredSspError::Message("it vouches for no key")),
        (Lie::LateDowngrade, CredSspError::Version(4)),
    ] {
        let (mut client, mut host) = (client("correct horse"), Host { lie, ..Host::new(&version::TLS13) });
        assert_eq!(credssp(log_in(&mut client, &mut host).unwrap_err()), due, "{lie:?}");
        assert_eq!(host.delegated, None);
        assert_eq!(client.finish().unwrap_err(), AuthError::Incomplete);
    }
}

/// Before it has given the user's proof away.
#[test]
fn versions_without_the_nonce_are_refused_at_their_first_word() {
    for version in [2, 3, 4] {
        let (mut client, mut host) = (client("correct horse"), Host { version, ..Host::new(&version::TLS12) });
        let error = log_in(&mut client, &mut host).unwrap_err();
        assert!(error.to_string().contains("CVE-2018-0886"), "{error}");
        assert_eq!(credssp(error), CredSspError::Version(version));
        assert!(!client.tried_password());
    }
}

/// Somebody in between has a TLS connection of his own to each side, and relays what is inside.
#[test]
fn a_relay_does_not_get_the_password() {
    let (mut client, mut between) = (client("correct horse"), Host::new(&version::TLS12));
    let mut host = Host::new(&version::TLS12);
    // Even if the host took a hash over another key than its own, it vouches for its own.
    host.lie = Lie::OtherKey;
    host.public_key.clone_from(&between.public_key);
    let mut incoming = Vec::new();
    let error = loop {
        let token = match client.step(&incoming) {
            Ok(Step::More(token)) => token,
            Ok(_) => panic!("the password was handed over"),
            Err(error) => break error,
        };
        let plain = between.receive(&token);
        if plain.is_empty() {
            incoming = between.send(&[]);
            continue;
        }
        incoming = between.send(&host.judge(&plain).unwrap());
    };
    assert_eq!(credssp(error), CredSspError::ForeignKey);
    assert_eq!((host.delegated, between.delegated), (None, None));
}

/// TLS cut short or replaced, at every step of a login.
#[test]
fn damaged_tokens_end_the_login() {
    for tls in [&version::TLS12, &version::TLS13] {
        for step in 0..4 {
            for damage in DAMAGES {
                let (mut client, mut host) = (client("correct horse"), Host::new(tls));
                let mut incoming = Vec::new();
                let mut at = 0;
                let error = loop {
                    match client.step(&incoming) {
                        Ok(Step::More(token)) => incoming = host.answer(&token),
                        Ok(_) => break None,
                        Err(error) => break Some(error),
                    }
                    if at == step {
                        incoming = damage(incoming);
                    }
                    at += 1;
                };
                // A session ticket of TLS 1.3 that is cut short is missed with the next record.
                assert!(error.is_some(), "{tls:?}, answer {step}");
                assert_eq!(host.delegated, None);
                assert!(client.step(b"").is_err());
            }
        }
    }
}

/// Cut short, altered, not TLS at all.
const DAMAGES: [fn(Vec<u8>) -> Vec<u8>; 3] = [
    |token| token[..token.len() / 2].to_vec(),
    |mut token| {
        *token.last_mut().unwrap() ^= 1;
        token
    },
    |_| b"HTTP/1.1 200 OK\r\n".to_vec(),
];

#[test]
fn an_alert_of_the_host_is_told() {
    let mut client = client("correct horse");
    client.step(&[]).unwrap();
    let error = client.step(&hex("15030300020228")).unwrap_err();
    assert!(error.to_string().contains("HandshakeFailure; the host must have TLS 1.2"), "{error}");
}

/// A host may have nothing to say to the end of a TLS 1.3 handshake.
#[test]
fn only_the_end_of_a_handshake_may_go_unanswered() {
    let (mut client, mut host) = (client("correct horse"), Host::new(&version::TLS13));
    let Step::More(hello) = client.step(&[]).unwrap() else { panic!() };
    assert!(!client.may_go_on_without_token());
    let answer = host.answer(&hello);
    let Step::More(finished) = client.step(&answer).unwrap() else { panic!() };
    assert!(client.may_go_on_without_token());
    host.answer(&finished);
    let Step::More(_) = client.step(&[]).unwrap() else { panic!() };
    assert!(!client.may_go_on_without_token());
}

#[test]
fn hostile_bodies() {
    let sealed = |length: usize| {
        let (client, mut host) = connected(&version::TLS12);
        let (content_type, body) = host.seal(&vec![b'x'; length], 16384);
        (client, host, content_type, body)
    };
    // Cut at every place that matters; what spares the end of the closing line spares the message.
    for cut in [1, 40, 200, 230, 260, 300, 16000, 16600, 16700] {
        let (mut client, _, content_type, body) = sealed(20_000);
        let error = unseal_message(&mut client, &content_type, &body[..cut]).unwrap_err();
        assert!(matches!(error, AuthError::Framing(_)), "{cut}: {error}");
        assert_eq!(unseal_message(&mut client, &content_type, &body), Err(AuthError::Poisoned));
    }
    // A piece that says it is shorter, or longer.
    for declared in [9, 11] {
        let (mut client, mut host) = connected(&version::TLS12);
        let body = [host.piece(b"ten bytes.", declared), b"--Encrypted Boundary--\r\n".to_vec()].concat();
        let error = unseal_message(&mut client, &content_type("encrypted"), &body).unwrap_err();
        assert_eq!(error, AuthError::Length { declared, found: 10 });
    }
    // Pieces in another order, and one twice.
    for order in [[1, 0], [0, 0]] {
        let (mut client, mut host) = connected(&version::TLS12);
        let pieces = [host.piece(b"one", 3), host.piece(b"two", 3)];
        let body = [&pieces[order[0]], &pieces[order[1]], &b"--Encrypted Boundary--\r\n"[..]].concat();
        let error = unseal_message(&mut client, &content_type("x-multi-encrypted"), &body).unwrap_err();
        assert!(matches!(credssp(error), CredSspError::Tls { .. }));
    }
    // The same body once more.
    let (mut client, _, kind, body) = sealed(10);
    unseal_message(&mut client, &kind, &body).unwrap();
    assert!(matches!(credssp(unseal_message(&mut client, &kind, &body).unwrap_err()), CredSspError::Tls { .. }));
    // One of another protocol.
    let (mut client, _, kind, body) = sealed(10);
    let spnego = String::from_utf8_lossy(&body).replace("CredSSP", "SPNEGO");
    assert!(unseal_message(&mut client, &kind, spnego.as_bytes()).is_err());
    // The host says goodbye.
    let (mut client, mut host) = connected(&version::TLS12);
    host.tls.send_close_notify();
    let body = [head(0).as_bytes(), &[16, 0, 0, 0], &host.send(&[]), b"--Encrypted Boundary--\r\n"].concat();
    let error = unseal_message(&mut client, &content_type("encrypted"), &body).unwrap_err();
    assert!(error.to_string().contains("the host ended it"), "{error}");
}

/// A client that has come as far as this: its next step judges a challenge, or what the host vouches for.
fn waiting(for_the_proof: bool) -> (Handshake, Host) {
    let (mut client, mut host) = (client("correct horse"), Host::new(&version::TLS12));
    let mut incoming = Vec::new();
    for _ in 0..if for_the_proof { 3 } else { 2 } {
        let Step::More(token) = client.step(&incoming).unwrap() else { panic!() };
        incoming = host.answer(&token);
    }
    let Step::More(token) = client.step(&incoming).unwrap() else { panic!() };
    host.receive(&token);
    (client, host)
}

proptest! {
    #![proptest_config(crate::properties::cases(48))]

    #[test]
    fn no_bytes_inside_tls_lead_anywhere(bytes in prop::collection::vec(any::<u8>(), 1..200), proof: bool) {
        for bytes in [bytes.clone(), [&hex("3081c0a003020106a181"), &bytes[..]].concat()] {
            let (mut client, mut host) = waiting(proof);
            prop_assert!(client.step(&host.send(&bytes)).is_err());
            prop_assert!(client.finish().is_err());
        }
    }

    #[test]
    fn no_bytes_in_place_of_tls_lead_anywhere(bytes in prop::collection::vec(any::<u8>(), 1..200), proof: bool) {
        for bytes in [bytes.clone(), [&hex("1603030040"), &bytes[..]].concat(), [&hex("1703030040"), &bytes[..]].concat()] {
            let mut fresh = client("correct horse");
            fresh.step(&[]).unwrap();
            // What is no whole record yet says nothing; it must not be taken for an answer.
            prop_assert!(!matches!(fresh.step(&bytes), Ok(Step::Last(_) | Step::Done)));
            let (mut client, _) = waiting(proof);
            prop_assert!(client.step(&bytes).is_err());
        }
    }

    #[test]
    fn no_altered_body_is_opened(at in any::<prop::sample::Index>(), to: u8) {
        let (mut client, mut host) = connected(&version::TLS12);
        let (kind, mut body) = host.seal(&[b'x'; 17_000], 16384);
        let at = at.index(body.len());
        prop_assume!(!body[at].eq_ignore_ascii_case(&to));
        body[at] = to;
        if let Ok(opened) = unseal_message(&mut client, &kind, &body) {
            prop_assert!(opened == [b'x'; 17_000]);
        }
    }
}

#[test]
fn nothing_secret_is_printed() {
    let canary = "canary-5b1d";
    let mut client = client(canary);
    let mut shown = format!("{client:?}");
    client.step(&[]).unwrap();
    shown.push_str(&format!("{client:?}"));
    let (context, _) = connected(&version::TLS13);
    shown.push_str(&format!("{context:?}"));
    assert!(!shown.contains("canary") && shown.contains("LAB"), "{shown}");
}
