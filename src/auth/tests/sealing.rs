//! Sealed messages and their frames, both ways.
use super::super::accept::{Strictness, unseal_request};
use super::super::seal::{Charset, SealedParts};
use super::super::{PartHeaders, SealedMessage, is_sealed, seal_message, unseal_message};
use super::*;

const CONTENT_TYPE: &str =
    "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"";

fn payload(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

#[test]
fn bodies_of_any_size_both_ways_in_turn() {
    let (mut client, mut server) = connection();
    for length in [0, 1, 100 * 1024, 0, 705] {
        for style in [PartHeaders::Tabbed, PartHeaders::Plain] {
            let plain = payload(length);
            let request = seal_message(&mut client, &plain, style).unwrap();
            assert_eq!(unseal_message(&mut server, &request.content_type, &request.body).unwrap(), plain);
            let reply = seal_message(&mut server, &plain, style).unwrap();
            assert_eq!(unseal_message(&mut client, &reply.content_type, &reply.body).unwrap(), plain);
        }
    }
}

#[test]
fn the_frame_to_the_byte() {
    let (mut client, _) = connection();
    let message = seal_message(&mut client, &payload(705), PartHeaders::Tabbed).unwrap();
    assert_eq!(message.content_type, CONTENT_TYPE);
    let head = "--Encrypted Boundary\r\n\
        \tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\
        \tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=705\r\n\
        --Encrypted Boundary\r\n\
        \tContent-Type: application/octet-stream\r\n";
    assert!(message.body.starts_with(head.as_bytes()));
    assert_eq!(message.body[head.len()..head.len() + 8], [16, 0, 0, 0, 1, 0, 0, 0]);
    assert!(message.body.ends_with(b"--Encrypted Boundary--\r\n"));
    // 257 bytes of frame, one more for a longer number.
    assert_eq!(message.body.len(), 962);
    assert_eq!(seal_message(&mut client, &payload(1244), PartHeaders::Tabbed).unwrap().body.len(), 1502);
    let plain = seal_message(&mut client, b"", PartHeaders::Plain).unwrap();
    assert!(!plain.body[..150].contains(&b'\t'));
}

/// A frame built by hand around a sealed message.
struct Frame {
    indent: &'static str,
    boundary: &'static str,
    protocol: &'static str,
    original: String,
    closing: String,
}

impl Frame {
    fn usual(length: usize) -> Self {
        Self {
            indent: "\t",
            boundary: "--Encrypted Boundary",
            protocol: "application/HTTP-SPNEGO-session-encrypted",
            original: format!("type=application/soap+xml;charset=UTF-8;Length={length}"),
            closing: "--Encrypted Boundary--\r\n".to_owned(),
        }
    }

    fn around(&self, context: &mut SecurityContext, plain: &[u8]) -> Vec<u8> {
        let Self { indent, boundary, protocol, original, closing } = self;
        let sealed = context.seal(plain).unwrap();
        let head = format!(
            "{boundary}\r\n{indent}Content-Type: {protocol}\r\n{indent}OriginalContent: {original}\r\n\
             {boundary}\r\n{indent}Content-Type: application/octet-stream\r\n"
        );
        [head.as_bytes(), &[16, 0, 0, 0], &sealed.signature, &sealed.data, closing.as_bytes()].concat()
    }
}

#[test]
fn every_known_form_is_read() {
    let (mut client, mut server) = connection();
    let plain = payload(300);
    for indent in ["\t", " ", "", "  "] {
        for boundary in ["--Encrypted Boundary", "-- Encrypted Boundary"] {
            for closing in ["--Encrypted Boundary", "-- Encrypted Boundary", "\r\n--Encrypted Boundary"] {
                for end in ["--\r\n", "--", "\r\n", "", "--\r\n\r\n"] {
                    let closing = format!("{closing}{end}");
                    let frame = Frame { indent, boundary, closing, ..Frame::usual(300) };
                    let body = frame.around(&mut server, &plain);
                    assert_eq!(
                        unseal_message(&mut client, CONTENT_TYPE, &body),
                        Ok(plain.clone()),
                        "{indent:?} {boundary:?} {:?}",
                        frame.closing
                    );
                }
            }
        }
    }
}

#[test]
fn every_known_content_type_is_read() {
    let (mut client, mut server) = connection();
    for content_type in [
        CONTENT_TYPE,
        "multipart/encrypted; protocol=\"application/HTTP-SPNEGO-session-encrypted\"; boundary=\"Encrypted Boundary\"",
        "multipart/encrypted;protocol=application/HTTP-SPNEGO-session-encrypted;boundary=Encrypted Boundary",
        "Multipart/Encrypted; Boundary=Encrypted Boundary; Protocol=application/http-spnego-session-encrypted",
        "multipart/encrypted;boundary=\"Encrypted Boundary\"",
        "multipart/x-multi-encrypted;boundary=\"Encrypted Boundary\"",
    ] {
        let body = Frame::usual(5).around(&mut server, b"hello");
        assert_eq!(unseal_message(&mut client, content_type, &body), Ok(b"hello".to_vec()), "{content_type}");
    }
}

#[test]
fn what_is_sealed() {
    assert!(
        is_sealed(CONTENT_TYPE) && is_sealed(" MULTIPART/ENCRYPTED ") && is_sealed("multipart/x-multi-encrypted;x")
    );
    for other in ["", "application/soap+xml;charset=UTF-8", "multipart/encrypted2", "text/html; x=multipart/encrypted"]
    {
        assert!(!is_sealed(other), "{other}");
    }
}

#[test]
fn charset_is_noted() {
    let (_, mut server) = connection();
    for (text, due) in [
        ("type=application/soap+xml;charset=UTF-16;Length=2", Charset::Utf16),
        ("type=application/soap+xml; charset=\"utf-8\"; length=2", Charset::Utf8),
        ("Length=2", Charset::Utf8),
    ] {
        let body = Frame { original: text.to_owned(), ..Frame::usual(0) }.around(&mut server, b"ab");
        let parts = SealedParts::read(CONTENT_TYPE, &body).unwrap();
        assert_eq!((parts.charset, parts.data.len(), parts.signature.len()), (due, 2, 16), "{text}");
    }
}

#[test]
fn the_boundary_may_stand_in_the_data() {
    let tail = b"--Encrypted Boundary--\r\n";
    let data = [tail.as_slice(), b"\r\n", tail].concat();
    let head = "--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\
        \tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=50\r\n\
        --Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n";
    let body = [head.as_bytes(), &[16, 0, 0, 0], &[9; 16], &data, tail].concat();
    assert_eq!(data.len(), 50);
    assert_eq!(SealedParts::read(CONTENT_TYPE, &body).unwrap().data, data);
}

#[test]
fn broken_frames_are_refused_and_end_the_connection() {
    let with = |change: fn(&mut Frame)| {
        let mut frame = Frame::usual(5);
        change(&mut frame);
        let (mut client, mut server) = connection();
        let body = frame.around(&mut server, b"hello");
        let refusal = unseal_message(&mut client, CONTENT_TYPE, &body).unwrap_err();
        assert_eq!(client.seal(b"x"), Err(AuthError::Poisoned));
        refusal
    };
    let length = |declared| AuthError::Length { declared, found: 5 };
    assert_eq!(with(|f| f.original = f.original.replace("=5", "=4")), length(4));
    assert_eq!(with(|f| f.original = f.original.replace("=5", "=6")), length(6));
    assert_eq!(with(|f| f.original = f.original.replace("=5", "=4294967295")), length(4_294_967_295));
    let changes: [fn(&mut Frame); 11] = [
        |f: &mut Frame| f.original = f.original.replace("=5", "=-5"),
        |f| f.original = f.original.replace("=5", "=+5"),
        |f| f.original = f.original.replace("=5", "=99999999999999999999999"),
        |f| f.original = f.original.replace(";Length=5", ""),
        |f| f.original = f.original.replace("UTF-8", "latin1"),
        |f| f.protocol = "application/HTTP-Kerberos-session-encrypted",
        |f| f.boundary = "--Other Boundary",
        |f| f.boundary = "Encrypted Boundary",
        |f| f.closing = "".to_owned(),
        |f| f.closing = "--Encrypted Boundary--\r\n\r\n\r\n".to_owned(),
        |f| f.closing = "--Other--".to_owned(),
    ];
    for change in changes {
        let refusal = with(change);
        assert!(matches!(refusal, AuthError::Framing(_)), "{refusal:?}");
    }
}

#[test]
fn a_clear_body_is_refused_and_leaves_the_connection_alone() {
    let (mut client, mut server) = connection();
    for content_type in ["application/soap+xml;charset=UTF-8", "", "text/html"] {
        assert_eq!(unseal_message(&mut client, content_type, b"<s:Envelope/>"), Err(AuthError::NotSealed));
    }
    let body = Frame::usual(5).around(&mut server, b"hello");
    assert_eq!(unseal_message(&mut client, CONTENT_TYPE, &body), Ok(b"hello".to_vec()));
}

#[test]
fn strict_readers() {
    let outcome = |strictness, content_type: &str, frame: Frame| {
        let (mut client, mut server) = connection();
        let body = frame.around(&mut client, b"hello");
        unseal_request(&mut server, content_type, &body, strictness)
    };
    let hello = Ok(b"hello".to_vec());
    let bare = || Frame { indent: "", ..Frame::usual(5) };
    assert_eq!(outcome(Strictness::HttpSys, CONTENT_TYPE, Frame::usual(5)), hello);
    assert_eq!(outcome(Strictness::NoTab, CONTENT_TYPE, bare()), hello);
    assert_eq!(outcome(Strictness::Lenient, CONTENT_TYPE, bare()), hello);
    assert_eq!(outcome(Strictness::Lenient, CONTENT_TYPE, Frame::usual(5)), hello);

    let refused = |strictness, content_type: &str, frame| {
        let refusal = outcome(strictness, content_type, frame);
        assert!(matches!(refusal, Err(AuthError::Framing(_))), "{refusal:?}");
    };
    refused(Strictness::HttpSys, CONTENT_TYPE, bare());
    refused(Strictness::HttpSys, CONTENT_TYPE, Frame { indent: " ", ..Frame::usual(5) });
    refused(Strictness::HttpSys, CONTENT_TYPE, Frame { indent: "\t\t", ..Frame::usual(5) });
    refused(Strictness::NoTab, CONTENT_TYPE, Frame::usual(5));
    for strictness in [Strictness::HttpSys, Strictness::NoTab] {
        let usual = || Frame { indent: if strictness == Strictness::NoTab { "" } else { "\t" }, ..Frame::usual(5) };
        for original in [
            "type=application/soap+xml;charset=utf-8;Length=5",
            "type=application/soap+xml;charset=UTF-8;length=5",
            "type=text/xml;charset=UTF-8;Length=5",
            "type=application/soap+xml;Length=5",
        ] {
            refused(strictness, CONTENT_TYPE, Frame { original: original.to_owned(), ..usual() });
        }
        let lower = "application/http-spnego-session-encrypted";
        refused(strictness, CONTENT_TYPE, Frame { protocol: lower, ..usual() });
        refused(strictness, "multipart/encrypted;boundary=\"Encrypted Boundary\"", usual());
        refused(strictness, &CONTENT_TYPE.replace("SPNEGO", "Kerberos"), usual());
        let wrong = Frame { original: "type=application/soap+xml;charset=UTF-8;Length=4".to_owned(), ..usual() };
        assert_eq!(outcome(strictness, CONTENT_TYPE, wrong), Err(AuthError::Length { declared: 4, found: 5 }));
        assert_eq!(outcome(strictness, "application/soap+xml", usual()), Err(AuthError::NotSealed));
    }
}

#[test]
fn a_replayed_or_skipped_message_kills_the_connection() {
    let (mut client, mut server) = connection();
    let first = client.seal(b"first").unwrap();
    server.unseal(&first.signature, &first.data).unwrap();
    assert_eq!(server.unseal(&first.signature, &first.data), Err(AuthError::Sequence { expected: 1, found: 0 }));
    let second = client.seal(b"second").unwrap();
    assert_eq!(server.unseal(&second.signature, &second.data), Err(AuthError::Poisoned));
    assert_eq!(server.seal(b"reply"), Err(AuthError::Poisoned));

    let (mut client, mut server) = connection();
    client.seal(b"lost").unwrap();
    let second = client.seal(b"second").unwrap();
    assert_eq!(server.unseal(&second.signature, &second.data), Err(AuthError::Sequence { expected: 0, found: 1 }));
}

#[test]
fn altered_messages_and_signatures_are_refused() {
    let refusal = |alter: fn(&mut Vec<u8>, &mut Vec<u8>)| {
        let (mut client, mut server) = connection();
        let mut sealed = client.seal(b"a message").unwrap();
        alter(&mut sealed.signature, &mut sealed.data);
        let refusal = server.unseal(&sealed.signature, &sealed.data).unwrap_err();
        assert_eq!(server.unseal(&[], &[]), Err(AuthError::Poisoned));
        refusal
    };
    assert_eq!(refusal(|_, data| data[0] ^= 1), AuthError::Signature);
    assert_eq!(refusal(|_, data| data.truncate(3)), AuthError::Signature);
    assert_eq!(refusal(|_, data| data.push(0)), AuthError::Signature);
    assert_eq!(refusal(|signature, _| signature[4] ^= 1), AuthError::Signature);
    assert_eq!(refusal(|signature, _| signature[0] = 2), AuthError::Signature);
    assert_eq!(refusal(|signature, _| *signature = vec![0; 16]), AuthError::Signature);
    assert_eq!(refusal(|signature, _| signature[4..].fill(0)), AuthError::Unsigned);
    assert_eq!(refusal(|signature, _| signature[15] = 1), AuthError::Sequence { expected: 0, found: 0x0100_0000 });
    let (mut client, mut server) = connection();
    let sealed = client.seal(b"x").unwrap();
    assert_eq!(server.unseal(&sealed.signature[..15], &sealed.data), Err(AuthError::Signature));
}

#[test]
fn a_message_is_not_accepted_by_its_sender() {
    let (mut client, _) = connection();
    let sealed = client.seal(b"mirror").unwrap();
    assert_eq!(client.unseal(&sealed.signature, &sealed.data), Err(AuthError::Signature));
}

#[test]
fn the_sealed_body_holds_nothing_of_the_message() {
    let (mut client, _) = connection();
    let SealedMessage { body, content_type } =
        seal_message(&mut client, b"canary-91c2 canary-91c2", PartHeaders::Tabbed).unwrap();
    assert!(!body.windows(6).any(|window| window == b"canary"));
    assert!(!content_type.contains("canary"));
}
