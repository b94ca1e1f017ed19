//! The tokens of SPNEGO on the wire (RFC 4178 4.2, [MS-SPNG] 2.2.1).
use super::super::der::{APPLICATION, ENUMERATED, OCTETS, OID, SEQUENCE, field, next, only, tlv};
use super::super::error::AuthError;
use super::super::handshake::Mechanism;

/// What an acceptor says about the negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Completed,
    Incomplete,
    Reject,
    RequestMic,
}

/// NegTokenResp, as an acceptor sends it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) state: Option<State>,
    /// The mechanism chosen; the inner none is one that nobody offered.
    pub(super) mechanism: Option<Option<Mechanism>>,
    pub(super) token: Option<Vec<u8>>,
    pub(super) mic: Option<Vec<u8>>,
}

/// The MechTypeList, which is what mechListMIC covers.
pub(super) fn mechanism_list(mechanisms: &[Mechanism]) -> Vec<u8> {
    let oids: Vec<u8> = mechanisms.iter().flat_map(|mechanism| tlv(OID, oid(*mechanism))).collect();
    tlv(SEQUENCE, &oids)
}

/// The first token: NegTokenInit in the frame of RFC 2743 3.1.
pub(super) fn init(mechanism_list: &[u8], token: &[u8]) -> Vec<u8> {
    let fields = [tlv(field(0), mechanism_list), tlv(field(2), &tlv(OCTETS, token))].concat();
    let inner = tlv(field(0), &tlv(SEQUENCE, &fields));
    tlv(APPLICATION, &[tlv(OID, SPNEGO), inner].concat())
}

/// A later token: NegTokenResp.
pub(super) fn response(token: Option<&[u8]>, mic: Option<&[u8]>) -> Vec<u8> {
    let mut fields = Vec::new();
    for (number, content) in [(2, token), (3, mic)] {
        fields.extend(content.into_iter().flat_map(|content| tlv(field(number), &tlv(OCTETS, content))));
    }
    tlv(field(1), &tlv(SEQUENCE, &fields))
}

impl Response {
    /// Reads what an acceptor sends.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, AuthError> {
        let reason = if bytes.starts_with(b"NTLMSSP\0") {
            "it is a bare NTLM message"
        } else {
            "it is not the DER of a NegTokenResp"
        };
        Self::parse(bytes).ok_or(AuthError::Malformed { message: "SPNEGO", reason })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = only(only(bytes, field(1))?, SEQUENCE)?;
        let (mut response, mut last) = (Self::default(), None);
        while !fields.is_empty() {
            let (tag, content, rest) = next(fields)?;
            // Each once and in order, as in any SEQUENCE.
            if last.is_some_and(|last| tag <= last) {
                return None;
            }
            match tag.wrapping_sub(field(0)) {
                0 => response.state = Some(state(only(content, ENUMERATED)?)?),
                1 => response.mechanism = Some(mechanism(only(content, OID)?)),
                2 => response.token = Some(only(content, OCTETS)?.to_vec()),
                3 => response.mic = Some(only(content, OCTETS)?.to_vec()),
                _ => return None,
            }
            (last, fields) = (Some(tag), rest);
        }
        Some(response)
    }
}

fn state(content: &[u8]) -> Option<State> {
    Some(match content {
        [0] => State::Completed,
        [1] => State::Incomplete,
        [2] => State::Reject,
        [3] => State::RequestMic,
        _ => return None,
    })
}

fn oid(mechanism: Mechanism) -> &'static [u8] {
    match mechanism {
        Mechanism::Kerberos => KERBEROS,
        Mechanism::Ntlm => NTLM,
    }
}

/// A server that was offered Kerberos may answer with the number that Windows 2000 gave it.
fn mechanism(oid: &[u8]) -> Option<Mechanism> {
    match oid {
        KERBEROS | KERBEROS_OF_WINDOWS_2000 => Some(Mechanism::Kerberos),
        NTLM => Some(Mechanism::Ntlm),
        _ => None,
    }
}

/// 1.3.6.1.5.5.2
const SPNEGO: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];
/// 1.2.840.113554.1.2.2
const KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];
/// 1.2.840.48018.1.2.2
const KERBEROS_OF_WINDOWS_2000: &[u8] = &[0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02];
/// 1.3.6.1.4.1.311.2.2.10
const NTLM: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a];

#[cfg(test)]
mod tests {
    use super::super::super::tests::hex;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_list_that_a_mic_covers() {
        assert_eq!(mechanism_list(&[Mechanism::Ntlm]), hex("300c060a2b06010401823702020a"));
        let both = mechanism_list(&[Mechanism::Kerberos, Mechanism::Ntlm]);
        assert_eq!(both, hex("3017 06092a864886f712010202 060a2b06010401823702020a"));
    }

    #[test]
    fn the_first_token() {
        let token = init(&mechanism_list(&[Mechanism::Ntlm]), b"abc");
        let due = "6023 06062b0601050502 a019 3017 a00e 300c060a2b06010401823702020a a205 0403616263";
        assert_eq!(token, hex(due));
    }

    #[test]
    fn responses() {
        let read = |text: &str| Response::read(&hex(text));
        let completed = Response { state: Some(State::Completed), ..Response::default() };
        assert_eq!(read("a1073005a0030a0100").unwrap(), completed);
        let whole = read("a1 26 3024 a0030a0101 a10b 06092a864882f712010202 a207 04056162636465 a307 04056162636465");
        let whole = whole.unwrap();
        assert_eq!(whole.mechanism, Some(Some(Mechanism::Kerberos)));
        assert_eq!((whole.token.as_deref(), whole.mic.as_deref()), (Some(&b"abcde"[..]), Some(&b"abcde"[..])));
        assert_eq!(read("a1073005a10306012a").unwrap().mechanism, Some(None));
        assert_eq!(read("a1023000").unwrap(), Response::default());
        for broken in [
            "",
            "a1",
            "a100",
            "a1023001",
            "a103300000",
            "a1073005a0030a0104",
            "a10c300aa0030a0100a0030a0100",
            "a10c300aa2030401 61 a0030a0100",
            "a1803000",
            "a1073005a4030a0100",
            "60073005a0030a0100",
        ] {
            assert!(matches!(read(broken), Err(AuthError::Malformed { .. })), "{broken}");
        }
        let bare = Response::read(b"NTLMSSP\0\x02\0\0\0").unwrap_err().to_string();
        assert!(bare.contains("bare NTLM"), "{bare}");
    }

    proptest! {
        #![proptest_config(crate::properties::config())]
        #[test]
        fn what_is_written_is_read(token in prop::collection::vec(any::<u8>(), 0..70_000), mic: Option<[u8; 16]>) {
            let written = response(Some(&token), mic.as_ref().map(|mic| &mic[..]));
            let read = Response::read(&written).unwrap();
            prop_assert_eq!(read.token, Some(token));
            prop_assert_eq!(read.mic, mic.map(|mic| mic.to_vec()));
        }

        #[test]
        fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Response::read(&bytes);
            let _ = Response::read(&[&[0xa1, 0x40, 0x30, 0x3e], &bytes[..]].concat());
        }
    }
}
