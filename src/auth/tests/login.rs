//! Whole logins: the client's half against the accepting half, right and wrong.
use super::super::context::Protocol;
use super::super::ntlm::NtlmKeys;
use ntlmclient::TargetInfoType;

use super::super::ntlm::authenticate::{Authenticate, split_mic};
use super::super::ntlm::challenge::Challenge;
use super::super::ntlm::target_info::MIC_PRESENT;
use super::super::ntlm::{Flags, keys};
use super::*;

#[test]
fn every_spelling_of_a_known_user_is_accepted() {
    for (given, password, user) in [
        ("LAB\\admin", "correct horse", "admin"),
        ("lab\\ADMIN", "correct horse", "admin"),
        ("lab.test\\admin", "correct horse", "admin"),
        ("admin@lab.test", "correct horse", "admin"),
        ("Admin@LAB", "correct horse", "admin"),
        ("admin", "correct horse", "admin"),
        ("operator", "battery staple", "operator"),
        ("HVR1\\operator", "battery staple", "operator"),
        (".\\operator", "battery staple", "operator"),
        ("LAPTOP\\operator", "battery staple", "operator"),
    ] {
        match login(given, password) {
            Ok((found, ..)) => assert_eq!(found, user, "{given}"),
            Err(error) => panic!("{given}: {error}"),
        }
    }
}

#[test]
fn wrong_names_and_passwords_are_refused() {
    for (given, password, due) in [
        ("LAB\\admin", "wrong", AuthError::WrongPassword),
        ("LAB\\admin", "Correct horse", AuthError::WrongPassword),
        ("LAB\\nobody", "correct horse", AuthError::UnknownUser),
        ("LAB\\operator", "battery staple", AuthError::UnknownUser),
        ("LAPTOP\\admin", "correct horse", AuthError::UnknownUser),
        ("admin@elsewhere.test", "correct horse", AuthError::UnknownUser),
    ] {
        assert_eq!(login(given, password).err(), Some(due), "{given}");
    }
}

#[test]
fn names_beyond_ascii_and_an_empty_password() {
    let mut host = host(BindingPolicy::Ignore);
    host.accounts = vec![account("LÄB", "straße", "Pässwörd€"), account("LÄB", "JÜRGEN", "")];
    for (given, password) in [("läb\\STRAßE", "Pässwörd€"), ("LÄB\\jürgen", "")] {
        login_altered(&credentials(given, password), options(None), host.clone(), |_| ()).unwrap();
    }
    let other = login_altered(&credentials("LÄB\\STRASSE", "Pässwörd€"), options(None), host, |_| ());
    assert_eq!(other.err(), Some(AuthError::UnknownUser));
}

#[test]
fn the_last_token_is_as_windows_wants_it() {
    let (mut initiator, mut acceptor) = (
        Initiator::new(&credentials("LAB\\admin", "correct horse"), options(None)),
        Acceptor::new(host(BindingPolicy::Ignore)),
    );
    let challenge = acceptor.challenge(&initiator.negotiate()).unwrap();
    let (token, _) = initiator.authenticate(&challenge).unwrap();
    let message = Authenticate::read(&token).unwrap();
    assert_eq!(message.flags.bits(), 0xe288_8235);
    assert_eq!(message.lm_response, [0; 24]);
    assert_eq!(message.session_key.len(), 16);
    assert_ne!(message.session_key, [0x55; 16], "the session key must not cross in clear");
    let (_, blob, info) = message.ntlm_v2().unwrap();
    assert_eq!(blob[8..16], 133_000_000_000_000_000_u64.to_le_bytes(), "the server's time, not ours");
    assert_eq!(info.flags().unwrap(), MIC_PRESENT);
    assert_eq!(info.get(TargetInfoType::ChannelBindings).unwrap(), [0; 16]);
    assert!(blob.ends_with(&[0; 8]), "EOL, then four zero bytes");
    assert_ne!(split_mic(&token).unwrap().0, [0; 16]);
}

#[test]
fn the_challenge_names_domain_or_computer() {
    let negotiate = Initiator::new(&credentials("u", "p"), options(None)).negotiate();
    let of = |options| Challenge::read(&Acceptor::new(options).challenge(&negotiate).unwrap()).unwrap();
    let member = of(host(BindingPolicy::Ignore));
    assert_eq!(member.target_name, "LAB");
    assert_eq!(member.flags.bits(), 0xe289_8235);
    let mut workgroup = host(BindingPolicy::Ignore);
    (workgroup.domain, workgroup.dns_domain) = (String::new(), String::new());
    let workgroup = of(workgroup);
    assert_eq!(workgroup.target_name, "HVR1");
    assert_eq!(workgroup.flags.bits(), 0xe28a_8235);
    assert_eq!(workgroup.target_info.get(TargetInfoType::DnsDomain), None);
}

#[test]
fn binding_policies() {
    let (right, wrong) = (ChannelBinding::from_end_point_hash(&[1; 32]), ChannelBinding::from_end_point_hash(&[2; 32]));
    for (policy, given, due) in [
        (BindingPolicy::Ignore, None, None),
        (BindingPolicy::Ignore, Some(wrong), None),
        (BindingPolicy::Relaxed(right), None, None),
        (BindingPolicy::Relaxed(right), Some(right), None),
        (BindingPolicy::Relaxed(right), Some(wrong), Some(AuthError::BindingWrong)),
        (BindingPolicy::Strict(right), None, Some(AuthError::BindingMissing)),
        (BindingPolicy::Strict(right), Some(right), None),
        (BindingPolicy::Strict(right), Some(wrong), Some(AuthError::BindingWrong)),
    ] {
        let credentials = credentials("LAB\\admin", "correct horse");
        let outcome = login_altered(&credentials, options(given), host(policy), |_| ());
        assert_eq!(outcome.err(), due, "{policy:?} {given:?}");
    }
}

#[test]
fn an_altered_last_token_is_refused() {
    let altered = |at: usize, change: u8| {
        let credentials = credentials("LAB\\admin", "correct horse");
        login_altered(&credentials, options(None), host(BindingPolicy::Ignore), |token| token[at] ^= change).err()
    };
    assert_eq!(altered(72, 1), Some(AuthError::MicWrong), "the MIC");
    assert_eq!(altered(64, 1), Some(AuthError::MicWrong), "the version");
    assert_eq!(altered(63, 1), Some(AuthError::MicWrong), "the flags");
    // Domain LAB at 88, user admin at 94, LM response at 104, NT response at 128.
    assert_eq!(altered(128, 1), Some(AuthError::WrongPassword), "NTProofStr");
    assert_eq!(altered(128 + 16 + 8, 1), Some(AuthError::WrongPassword), "the time in the blob");
    assert_eq!(altered(52, 0x18), Some(AuthError::KeyExchange), "the length of the session key");
    assert_eq!(
        altered(0, 1),
        Some(AuthError::Malformed { message: "authenticate", reason: "it does not begin with NTLMSSP" })
    );
}

#[test]
fn an_altered_negotiate_is_found_by_the_mic() {
    let mut initiator = Initiator::new(&credentials("LAB\\admin", "correct horse"), options(None));
    let mut acceptor = Acceptor::new(host(BindingPolicy::Ignore));
    let mut negotiate = initiator.negotiate();
    negotiate[32] ^= 1;
    let challenge = acceptor.challenge(&negotiate).unwrap();
    let (token, _) = initiator.authenticate(&challenge).unwrap();
    assert_eq!(acceptor.authenticate(&token).err(), Some(AuthError::MicWrong));
}

#[test]
fn a_missing_mic_is_refused_although_the_proof_is_right() {
    let mut initiator = Initiator::new(&credentials("LAB\\admin", "correct horse"), options(None));
    let mut acceptor = Acceptor::new(host(BindingPolicy::Ignore));
    let challenge = acceptor.challenge(&initiator.negotiate()).unwrap();
    // A client that overlooks the timestamp: it answers the same challenge without that pair.
    let mut seen = Challenge::read(&challenge).unwrap();
    seen.target_info = {
        let mut pairs = super::super::ntlm::target_info::TargetInfo::empty();
        for name in [TargetInfoType::NtDomain, TargetInfoType::NtServer] {
            pairs.set(name, seen.target_info.get(name).unwrap().to_vec());
        }
        pairs
    };
    let (token, _) = initiator.authenticate(&seen.write().unwrap()).unwrap();
    assert_eq!(acceptor.authenticate(&token).err(), Some(AuthError::MicMissing));
}

#[test]
fn a_weak_challenge_is_refused_before_anything_is_proven() {
    let initiator = || Initiator::new(&credentials("LAB\\admin", "correct horse"), options(None));
    let full = Acceptor::new(host(BindingPolicy::Ignore)).challenge(&initiator().negotiate()).unwrap();
    let full = Challenge::read(&full).unwrap();
    for missing in [
        Flags::NEGOTIATE_SIGN,
        Flags::NEGOTIATE_SEAL,
        Flags::NEGOTIATE_NTLM2_KEY,
        Flags::NEGOTIATE_128BIT,
        Flags::NEGOTIATE_TARGET_INFO,
    ] {
        let mut weak = full.clone();
        weak.flags -= missing;
        let refusal = initiator().authenticate(&weak.write().unwrap()).err();
        assert!(matches!(refusal, Some(AuthError::Lacks { message: "challenge", .. })), "{missing:?}: {refusal:?}");
    }
    let mut oem = full.clone();
    oem.flags = (oem.flags - Flags::NEGOTIATE_UNICODE) | Flags::NEGOTIATE_OEM;
    assert!(initiator().authenticate(&oem.write().unwrap()).is_err());
    for name in [TargetInfoType::NtServer, TargetInfoType::NtDomain] {
        let mut nameless = full.clone();
        let mut pairs = super::super::ntlm::target_info::TargetInfo::empty();
        for kept in [TargetInfoType::NtServer, TargetInfoType::NtDomain, TargetInfoType::Timestamp] {
            if kept != name {
                pairs.set(kept, full.target_info.get(kept).unwrap().to_vec());
            }
        }
        nameless.target_info = pairs;
        let refusal = initiator().authenticate(&nameless.write().unwrap()).err();
        assert!(matches!(refusal, Some(AuthError::Lacks { message: "challenge", .. })), "{name:?}");
    }
}

#[test]
fn without_key_exchange_the_base_key_is_used() {
    let mut initiator = Initiator::new(&credentials("LAB\\admin", "correct horse"), options(None));
    let mut acceptor = Acceptor::new(host(BindingPolicy::Ignore));
    let mut negotiate = initiator.negotiate();
    negotiate[15] &= 0xbf; // KEY_EXCH
    let challenge = acceptor.challenge(&negotiate).unwrap();
    let (token, mut client) = initiator.authenticate(&challenge).unwrap();
    let message = Authenticate::read(&token).unwrap();
    assert!(message.session_key.is_empty());
    assert!(!message.flags.contains(Flags::NEGOTIATE_KEY_EXCHANGE));
    // The MIC covers what the client sent, so the server must refuse; the keys fit all the same.
    let (_, base) = acceptor.verify(&message).unwrap();
    assert_eq!(acceptor.authenticate(&token).err(), Some(AuthError::MicWrong));
    let mut server =
        SecurityContext::new(NtlmKeys::new(&base, message.flags, super::super::ntlm::Side::Server), Protocol::Spnego);
    for _ in 0..2 {
        let sealed = client.seal(b"hello").unwrap();
        assert_eq!(server.unseal(&sealed.signature, &sealed.data).unwrap(), b"hello");
    }
}

#[test]
fn anonymous_old_and_untimely_logins_are_refused() {
    let started = || {
        let mut acceptor = Acceptor::new(host(BindingPolicy::Ignore));
        acceptor.challenge(&Initiator::new(&credentials("u", "p"), options(None)).negotiate()).unwrap();
        acceptor
    };
    let message = Authenticate {
        lm_response: vec![0],
        nt_response: Vec::new(),
        domain: String::new(),
        user: String::new(),
        workstation: String::new(),
        session_key: Vec::new(),
        flags: Flags::from_bits_retain(0xe288_8235),
    };
    assert_eq!(started().authenticate(&message.write().unwrap()).err(), Some(AuthError::Anonymous));
    let named = Authenticate { user: "admin".to_owned(), nt_response: vec![7; 24], ..message.clone() };
    assert_eq!(started().authenticate(&named.write().unwrap()).err(), Some(AuthError::NotNtlmV2));
    let early = Acceptor::new(host(BindingPolicy::Ignore)).authenticate(&named.write().unwrap());
    assert_eq!(early.err(), Some(AuthError::OutOfOrder));
    let oem = Authenticate { flags: Flags::NEGOTIATE_OEM, ..message };
    assert!(matches!(started().authenticate(&oem.write().unwrap()).err(), Some(AuthError::Malformed { .. })));
    // A NEGOTIATE that asks for less than NTLMv2 in Unicode.
    let old = hex("4e544c4d53535000 01000000 07820000");
    let refusal = Acceptor::new(host(BindingPolicy::Ignore)).challenge(&old).err();
    assert!(matches!(refusal, Some(AuthError::Lacks { message: "negotiate", .. })));
}

#[test]
fn a_login_without_sealing_ends_in_a_context_that_refuses_to_seal() {
    let flags = Flags::from_bits_retain(0xe288_8235) - Flags::NEGOTIATE_SEAL;
    let mut context = SecurityContext::new(
        NtlmKeys::new(&keys::Key::new([1; 16]), flags, super::super::ntlm::Side::Server),
        Protocol::Spnego,
    );
    assert_eq!(context.seal(b"x").err(), Some(AuthError::NotSealing));
    assert_eq!(context.unseal(&[1; 16], b"x").err(), Some(AuthError::NotSealing));
}

#[test]
fn lengths_near_64_kib() {
    let attempt = |user: &str, target: usize| {
        let mut host = host(BindingPolicy::Ignore);
        host.accounts = vec![account("LAB", user, "pw")];
        let options = Options { target_name: Some("t".repeat(target)), ..options_with_entropy() };
        let credentials = credentials(&format!("LAB\\{user}"), "pw");
        login_altered(&credentials, options, host, |_| ()).map(|_| ()).err()
    };
    assert_eq!(attempt(&"u".repeat(32_767), 1), None);
    assert_eq!(attempt(&"u".repeat(32_768), 1), Some(AuthError::TooLong { field: "the user name", bytes: 65_536 }));
    assert!(matches!(attempt("u", 32_768), Some(AuthError::TooLong { .. })), "the pair alone is too long");
    assert!(matches!(attempt("u", 32_767), Some(AuthError::TooLong { .. })), "the response around it is too long");
    assert_eq!(attempt("u", 32_000), None);
}

/// `Options` has a wiping part, so struct update needs all the rest by value.
fn options_with_entropy() -> Options {
    options(None)
}

#[test]
fn no_debug_output_shows_a_secret() {
    let canary = "canary-3f9d";
    let credentials = credentials("LAB\\admin", canary);
    let mut initiator = Initiator::new(&credentials, options(None));
    let mut host = host(BindingPolicy::Ignore);
    host.accounts = vec![account("LAB", "admin", canary)];
    let mut acceptor = Acceptor::new(host.clone());
    let challenge = acceptor.challenge(&initiator.negotiate()).unwrap();
    let mut shown = format!("{credentials:?} {initiator:?} {acceptor:?} {host:?} {:?}", options(None));
    let (token, client) = initiator.authenticate(&challenge).unwrap();
    let (_, server) = acceptor.authenticate(&token).unwrap();
    shown += &format!("{client:?} {server:?} {:?}", super::super::basic_authorization(&credentials));
    assert!(shown.contains("SecurityContext") && shown.contains("admin"));
    assert!(!shown.contains(canary));
    // The session key is sixteen times 0x55, the keys of both contexts follow from it.
    assert!(!shown.contains("85, 85") && !shown.contains("0x55") && !shown.contains("5555"));
    assert!(!shown.contains("89, 246, 0, 151"), "the seal key");
}
