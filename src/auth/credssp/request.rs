//! TSRequest and TSCredentials on the wire ([MS-CSSP] 2.2.1).
//!
//! TSRequest is coded by the crate `sspi`. The credentials are written here: what that crate does with
//! them it also tells to whoever listens to its log, password and all.
use sha2::{Digest, Sha256};
use sspi::credssp::{NStatusCode, TsRequest};
use zeroize::Zeroizing;

use super::super::credentials::Credentials;
use super::super::der::{OCTETS, SEQUENCE, field, tlv};
use super::super::error::AuthError;
use super::error::CredSspError;

/// What the host answers.
pub(super) struct Answer {
    pub(super) token: Option<Vec<u8>>,
    pub(super) public_key: Option<Vec<u8>>,
}

/// Who a hash over the public key comes from.
#[derive(Clone, Copy)]
pub(super) enum From {
    Client,
    Server,
}

/// A TSRequest with what is given of a token of SPNEGO, the sealed hash and its nonce, sealed credentials.
pub(super) fn write(
    token: Option<Vec<u8>>,
    proof: Option<(Vec<u8>, [u8; 32])>,
    credentials: Option<Vec<u8>>,
) -> Result<Vec<u8>, AuthError> {
    let (pub_key_auth, client_nonce) = proof.unzip();
    let whole = [&token, &pub_key_auth, &credentials].into_iter().flatten().map(Vec::len).sum();
    // The crate counts in 16 bits.
    if whole > LARGEST {
        return Err(AuthError::TooLong { field: "a TSRequest", bytes: whole });
    }
    let request = TsRequest {
        version: VERSION,
        nego_tokens: token,
        auth_info: credentials,
        pub_key_auth,
        error_code: None,
        client_nonce,
    };
    let mut bytes = Vec::with_capacity(whole + 128);
    request.encode_ts_request(&mut bytes).map_err(|_| CredSspError::Message("it cannot be written"))?;
    Ok(bytes)
}

/// Reads what the host says; refuses what it says that it refuses, and versions without the fix of
/// CVE-2018-0886, which are those before 5 (5.1, note 25).
pub(super) fn read(bytes: &[u8]) -> Result<Answer, AuthError> {
    let damaged = |_| CredSspError::Message("it is cut short, or not its DER");
    let request = TsRequest::from_buffer(bytes).map_err(damaged)?;
    if let Some(status) = request.error_code.filter(|status| *status != NStatusCode::SUCCESS) {
        return Err(CredSspError::refused(status).into());
    }
    if request.version < FIXED {
        return Err(CredSspError::Version(request.version).into());
    }
    if request.auth_info.is_some() {
        return Err(CredSspError::Message("it holds credentials, which only a client sends").into());
    }
    let given = |bytes: Vec<u8>| Some(bytes).filter(|bytes| !bytes.is_empty());
    Ok(Answer { token: request.nego_tokens.and_then(given), public_key: request.pub_key_auth.and_then(given) })
}

/// What one side vouches for: the key of the TLS connection, for this login alone (3.1.5, steps 3 and 4).
pub(super) fn binding_hash(from: From, nonce: &[u8; 32], public_key: &[u8]) -> [u8; 32] {
    let label = match from {
        From::Client => b"CredSSP Client-To-Server Binding Hash\0",
        From::Server => b"CredSSP Server-To-Client Binding Hash\0",
    };
    let mut hash = Sha256::new();
    hash.update(label);
    hash.update(nonce);
    hash.update(public_key);
    hash.finalize().into()
}

/// TSCredentials around TSPasswordCreds, in UTF-16LE (2.2.1.2). All of it is wiped.
pub(super) fn password_credentials(credentials: &Credentials) -> Zeroizing<Vec<u8>> {
    let text = |number, text: &str| {
        // Room for all of it from the start: a buffer that grows leaves copies behind.
        let mut units = Zeroizing::new(Vec::with_capacity(text.len() * 2));
        units.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        tagged(number, OCTETS, &units)
    };
    let user = &credentials.user;
    let fields = [text(0, user.domain()), text(1, user.user()), text(2, credentials.password.expose())];
    let mut password = Zeroizing::new(Vec::with_capacity(fields.iter().map(|field| field.len()).sum()));
    fields.iter().for_each(|field| password.extend_from_slice(field));
    let password = Zeroizing::new(tlv(SEQUENCE, &password));

    let (kind, held) = (tagged(0, INTEGER, &[PASSWORD]), tagged(1, OCTETS, &password));
    let mut whole = Zeroizing::new(Vec::with_capacity(kind.len() + held.len()));
    whole.extend_from_slice(&kind);
    whole.extend_from_slice(&held);
    Zeroizing::new(tlv(SEQUENCE, &whole))
}

fn tagged(number: u8, tag: u8, content: &[u8]) -> Zeroizing<Vec<u8>> {
    let inner = Zeroizing::new(tlv(tag, content));
    Zeroizing::new(tlv(field(number), &inner))
}

/// The version of this client: the newest there is.
const VERSION: u32 = 6;
/// The oldest version that binds the hash to a nonce.
const FIXED: u32 = 5;
/// Leaves room for what stands around the fields.
const LARGEST: usize = 60_000;
const INTEGER: u8 = 0x02;
/// credType of a password.
const PASSWORD: u8 = 1;

#[cfg(test)]
mod tests {
    use super::super::super::tests::hex;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn credentials_to_the_byte() {
        let credentials = Credentials { user: "D\\u".parse().unwrap(), password: "pw".into() };
        let due = "301f a003020101 a1180416 3014 a0040402 4400 a1040402 7500 a2060404 70007700";
        assert_eq!(*password_credentials(&credentials), hex(due));
    }

    #[test]
    fn a_request_to_the_byte() {
        let written = write(Some(b"abc".to_vec()), None, None).unwrap();
        assert_eq!(written, hex("3012 a003020106 a10b 3009 3007 a0050403 616263"));
        let proof = write(None, Some((b"x".to_vec(), [7; 32])), None).unwrap();
        assert_eq!(proof, hex(&format!("302e a003020106 a3030401 78 a5220420 {}", "07".repeat(32))));
        assert_eq!(write(None, None, Some(b"x".to_vec())).unwrap(), hex("300a a003020106 a2030401 78"));
        let long = write(Some(vec![0; LARGEST]), Some((b"x".to_vec(), [7; 32])), None).unwrap_err();
        assert!(matches!(long, AuthError::TooLong { .. }), "{long}");
        assert!(write(Some(vec![0; LARGEST]), None, None).is_ok());
    }

    #[test]
    fn answers() {
        let answer = read(&hex("3012 a003020105 a10b 3009 3007 a0050403 616263")).unwrap();
        assert_eq!((answer.token.as_deref(), answer.public_key), (Some(&b"abc"[..]), None));
        let refusal = |text: &str| read(&hex(text)).err().unwrap();
        for version in ["02", "03", "04"] {
            let found = u32::from_str_radix(version, 16).unwrap();
            assert_eq!(refusal(&format!("3005 a0030201{version}")), CredSspError::Version(found).into());
        }
        let code = |error| match error {
            AuthError::CredSsp(CredSspError::Refused { code, .. }) => code,
            other => panic!("{other}"),
        };
        assert_eq!(code(refusal("300d a003020106 a4060204 c000006d")), 0xc000_006d);
        // Whatever else an older host says.
        assert_eq!(code(refusal("300d a003020103 a4060204 c000006d")), 0xc000_006d);
        assert!(read(&hex("300a a003020106 a403020100")).is_ok(), "STATUS_SUCCESS");
        for damaged in ["", "30", "3005", "3005a0030201", "a0030201 06", "3005 a0030401 06", "3081ff a003020106"] {
            assert!(matches!(refusal(damaged), AuthError::CredSsp(CredSspError::Message(_))), "{damaged}");
        }
        assert!(matches!(refusal("300a a003020106 a2030401 78"), AuthError::CredSsp(CredSspError::Message(_))));
    }

    proptest! {
        #![proptest_config(crate::properties::config())]
        #[test]
        fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
            let _ = read(&[&hex("3082 0100 a003020106"), &bytes[..]].concat());
            let _ = read(&[&hex("307f a003020106 a1"), &bytes[..]].concat());
        }
    }
}
