//! The vectors of [MS-NLMP] 4.2.4. Those marked "computed" are not printed there; they follow
//! from the same inputs by the formulas of 3.4.
use super::super::context::Protocol;
use super::super::ntlm::NtlmKeys;
use ntlmclient::TargetInfoType;
use zeroize::Zeroizing;

use super::super::ntlm::authenticate::{Authenticate, split_mic};
use super::super::ntlm::challenge::Challenge;
use super::super::ntlm::target_info::TargetInfo;
use super::super::ntlm::{Flags, Side, keys};
use super::*;

const SERVER_CHALLENGE: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
const CLIENT_CHALLENGE: [u8; 8] = [0xaa; 8];
const CHALLENGE: &str = "
    4e544c4d53535000 020000000c000c00 3800000033828ae2 0123456789abcdef
    0000000000000000 2400240044000000 060070170000000f 5300650072007600
    6500720002000c00 44006f006d006100 69006e0001000c00 5300650072007600
    6500720000000000";
const AUTHENTICATE: &str = "
    4e544c4d53535000 0300000018001800 6c00000054005400 840000000c000c00
    4800000008000800 5400000010001000 5c00000010001000 d8000000358288e2
    0501280a0000000f 44006f006d006100 69006e0055007300 6500720043004f00
    4d00500055005400 4500520086c35097 ac9cec102554764a 57cccc19aaaaaaaa
    aaaaaaaa68cd0ab8 51e51c96aabc927b ebef6a1c01010000 0000000000000000
    00000000aaaaaaaa aaaaaaaa00000000 02000c0044006f00 6d00610069006e00
    01000c0053006500 7200760065007200 0000000000000000 c5dad2544fc97990
    94ce1ce90bc9d03e";
const PLAINTEXT: &str = "50006c00610069006e007400650078007400";

fn response_key() -> keys::Key {
    keys::response_key("User", "Domain", &"Password".into())
}

fn pairs() -> TargetInfo {
    let mut info = TargetInfo::empty();
    info.set_text(TargetInfoType::NtDomain, "Domain");
    info.set_text(TargetInfoType::NtServer, "Server");
    info
}

/// The two ends of 4.2.4.4.
fn contexts() -> (SecurityContext, SecurityContext) {
    let exported = Zeroizing::new([0x55; 16]);
    let flags = Flags::from_bits_retain(0xe288_8235);
    let of = |side| SecurityContext::new(NtlmKeys::new(&exported, flags, side), Protocol::Spnego);
    (of(Side::Client), of(Side::Server))
}

#[test]
fn names_of_4_2_1() {
    use super::super::ntlm::keys::upper_case;
    assert_eq!(upper_case("User"), hex("5500530045005200"));
    let challenge = Challenge::read(&hex(CHALLENGE)).unwrap();
    assert_eq!(challenge.target_info.get(TargetInfoType::NtDomain).unwrap(), hex("44006f006d00610069006e00"));
    assert_eq!(challenge.target_info.get(TargetInfoType::NtServer).unwrap(), hex("530065007200760065007200"));
}

#[test]
fn response_of_4_2_4_1_and_4_2_4_2() {
    let key = response_key();
    assert_eq!(key.as_slice(), hex("0c868a403bfd7a93a3001ef22ef02e3f"));
    let blob = keys::response_blob(0, CLIENT_CHALLENGE, &pairs().to_bytes().unwrap());
    assert_eq!(
        blob,
        hex("0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000
             02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000 00000000")
    );
    let proof = keys::nt_proof(&key, SERVER_CHALLENGE, &blob);
    assert_eq!(proof.as_slice(), hex("68cd0ab851e51c96aabc927bebef6a1c"));
    assert_eq!(
        keys::lm_response(&key, SERVER_CHALLENGE, CLIENT_CHALLENGE).as_slice(),
        hex("86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa")
    );
    let base = keys::session_base_key(&key, &proof);
    assert_eq!(base.as_slice(), hex("8de40ccadbc14a82f15cb0ad0de95ca3"));
    assert_eq!(keys::exchange_key(&base, &[0x55; 16]).as_slice(), hex("c5dad2544fc9799094ce1ce90bc9d03e"));
}

#[test]
fn printed_challenge_is_read_and_written_back() {
    let bytes = hex(CHALLENGE);
    let challenge = Challenge::read(&bytes).unwrap();
    assert_eq!(challenge.target_name, "Server");
    assert_eq!(challenge.flags.bits(), 0xe28a_8233);
    assert_eq!(challenge.server_challenge, SERVER_CHALLENGE);
    assert_eq!(challenge.target_info.timestamp().unwrap(), None);
    assert_eq!(challenge.target_info.to_bytes().unwrap(), pairs().to_bytes().unwrap());

    let mut written = challenge.write().unwrap();
    // The printed version is 6.0.6000, which nothing depends on.
    written[48..56].copy_from_slice(&bytes[48..56]);
    assert_eq!(written, bytes);
}

#[test]
fn printed_authenticate_is_read_and_verified() {
    let message = Authenticate::read(&hex(AUTHENTICATE)).unwrap();
    assert_eq!((message.domain.as_str(), message.user.as_str()), ("Domain", "User"));
    assert_eq!(message.workstation, "COMPUTER");
    assert_eq!(message.flags.bits(), 0xe288_8235);
    let (proof, blob, info) = message.ntlm_v2().unwrap();
    assert_eq!(proof, keys::nt_proof(&response_key(), SERVER_CHALLENGE, blob));
    assert_eq!(info.get(TargetInfoType::NtServer), pairs().get(TargetInfoType::NtServer));

    let mut options = host(BindingPolicy::Ignore);
    options.accounts = vec![account("DOMAIN", "user", "Password")];
    let acceptor = Acceptor::new(options);
    let (account, base) = acceptor.verify(&message).unwrap();
    assert_eq!(account.user, "user");
    let exported = super::super::accept::exported_key(&message, message.flags, base).unwrap();
    assert_eq!(exported.as_slice(), [0x55; 16]);
}

#[test]
fn answer_to_the_printed_challenge() {
    let challenge = hex(CHALLENGE);
    let initiator = Initiator::new(&credentials("Domain\\User", "Password"), options(None));
    let (token, _) = initiator.authenticate(&challenge).unwrap();
    let message = Authenticate::read(&token).unwrap();
    assert_eq!(message.flags.bits(), 0xe288_8235);
    // No timestamp in it: the LMv2 response, and neither the promise of a MIC nor a MIC.
    assert_eq!(message.lm_response, hex("86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"));
    let (_, blob, info) = message.ntlm_v2().unwrap();
    assert_eq!(info.get(TargetInfoType::Flags), None);
    assert_eq!(split_mic(&token).unwrap().0, [0; 16]);
    // The server's pairs first, then ours, EOL last.
    let own = "0a001000 00000000000000000000000000000000
               09002400 48005400540050002f0068007600720031002e006c00610062002e007400650073007400 00000000 00000000";
    assert_eq!(blob[blob.len() - hex(own).len()..], hex(own));
    assert!(blob[28..].starts_with(&hex("02000c0044006f006d00610069006e0001000c00530065007200760065007200")));
}

#[test]
fn client_messages_of_4_2_4_4() {
    let (mut client, mut server) = contexts();
    let first = client.seal(&hex(PLAINTEXT)).unwrap();
    assert_eq!(first.data, hex("54e50165bf1936dc996020c1811b0f06fb5f"));
    assert_eq!(first.signature.as_slice(), hex("010000007fb38ec5c55d497600000000"));
    // Computed.
    let second = client.seal(&hex(PLAINTEXT)).unwrap();
    assert_eq!(second.data, hex("64c308e09ea236e7f4232553c94a01e700fa"));
    assert_eq!(second.signature.as_slice(), hex("01000000255405955d31d8c401000000"));
    for sealed in [first, second] {
        assert_eq!(server.unseal(&sealed.signature, &sealed.data).unwrap(), hex(PLAINTEXT));
    }
}

#[test]
fn server_message_computed() {
    let (mut client, mut server) = contexts();
    let first = server.seal(&hex(PLAINTEXT)).unwrap();
    assert_eq!(first.data, hex("160871b730ba74e946c453d7465b54278dd0"));
    assert_eq!(first.signature.as_slice(), hex("01000000b298b847ce7c580700000000"));
    assert_eq!(client.unseal(&first.signature, &first.data).unwrap(), hex(PLAINTEXT));
}

#[test]
fn signing_and_sealing_keys() {
    let exported = Zeroizing::new([0x55; 16]);
    let seal = |side| keys::seal_key(&exported, Flags::NEGOTIATE_128BIT, side);
    let sign = |side| keys::sign_key(&exported, side);
    assert_eq!(seal(Side::Client).as_slice(), hex("59f600973cc4960a25480a7c196e4c58"));
    assert_eq!(sign(Side::Client).as_slice(), hex("4788dc861b4782f35d43fd98fe1a2d39"));
    // Computed.
    assert_eq!(seal(Side::Server).as_slice(), hex("9355f3a957c1583d25c4c2f11e40390e"));
    assert_eq!(sign(Side::Server).as_slice(), hex("d04d6f10741041d1d246d64188d7a8ad"));
    // 4.2.4.4: the checksum before it goes through the cipher.
    let checksum = keys::hmac_md5(&sign(Side::Client), &[&[0; 4], &hex(PLAINTEXT)]);
    assert_eq!(checksum[..8], hex("70352851f2564309"));
}
