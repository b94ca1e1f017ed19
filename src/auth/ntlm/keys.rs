//! The keys of a login ([MS-NLMP] 3.3.2, 3.4.5): from the password to the response, and from the
//! session key to signing and sealing.
use hmac::{Hmac, Mac};
use md4::Md4;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::super::secret::Secret;
use super::Flags;
use super::rc4::Rc4;
use super::session::Side;
use super::wire::utf16;

/// 16 secret bytes, wiped when dropped.
pub(crate) type Key = Zeroizing<[u8; 16]>;

/// NTOWFv2: what a response is made with. The domain keeps its case (3.3.2).
///
/// The hash, the key and the UTF-16 copy of the password are wiped.
pub(crate) fn response_key(user: &str, domain: &str, password: &Secret) -> Key {
    // Room for all of it from the start: a buffer that grows leaves copies behind.
    let mut units = Zeroizing::new(Vec::with_capacity(password.expose().len() * 2));
    units.extend(password.expose().encode_utf16().flat_map(u16::to_le_bytes));
    let nt_hash: Zeroizing<[u8; 16]> = Zeroizing::new(Md4::digest(&*units).into());
    hmac_md5(&nt_hash, &[&upper_case(user), &utf16(domain)])
}

/// The name in UTF-16LE, in upper case as Windows has it: one unit to one, so `ß` stays `ß`.
///
/// A character whose upper case has another length, or that takes two units, is kept.
/// inferred (not asked): Windows uses a table of its own; for names of one-to-one letters the two agree.
pub(crate) fn upper_case(name: &str) -> Vec<u8> {
    name.encode_utf16()
        .map(|unit| {
            let upper = char::from_u32(u32::from(unit)).map(char::to_uppercase);
            match upper.map(|mut letters| (letters.next(), letters.next())) {
                Some((Some(letter), None)) => u16::try_from(u32::from(letter)).unwrap_or(unit),
                _ => unit,
            }
        })
        .flat_map(u16::to_le_bytes)
        .collect()
}

/// The part of the response that is hashed, "temp" in 3.3.2. `pairs` ends with EOL.
pub(crate) fn response_blob(time: u64, client_challenge: [u8; 8], pairs: &[u8]) -> Vec<u8> {
    let head: [&[u8]; 6] = [&[1, 1], &[0; 6], &time.to_le_bytes(), &client_challenge, &[0; 4], pairs];
    [&head.concat(), [0; 4].as_slice()].concat()
}

/// NTProofStr: proves the password for this challenge and this blob.
pub(crate) fn nt_proof(response_key: &Key, server_challenge: [u8; 8], blob: &[u8]) -> [u8; 16] {
    *hmac_md5(response_key, &[&server_challenge, blob])
}

/// The LMv2 response, for challenges without a timestamp.
pub(crate) fn lm_response(response_key: &Key, server_challenge: [u8; 8], client_challenge: [u8; 8]) -> [u8; 24] {
    let hash = hmac_md5(response_key, &[&server_challenge, &client_challenge]);
    let mut response = [0; 24];
    for (to, from) in response.iter_mut().zip(hash.iter().chain(&client_challenge)) {
        *to = *from;
    }
    response
}

/// SessionBaseKey, which for NTLMv2 is the key exchange key too (3.4.5.1).
pub(crate) fn session_base_key(response_key: &Key, nt_proof: &[u8; 16]) -> Key {
    hmac_md5(response_key, &[nt_proof])
}

/// Enciphers a session key with the key exchange key; done twice it gives the key back.
pub(crate) fn exchange_key(key_exchange_key: &Key, session_key: &[u8; 16]) -> Key {
    let mut exchanged = Zeroizing::new(*session_key);
    Rc4::new(key_exchange_key.as_slice()).apply(exchanged.as_mut_slice());
    exchanged
}

/// The MIC over the three messages as they were on the wire, the last with its MIC zero.
pub(crate) fn message_integrity(exported: &Key, messages: [&[u8]; 3]) -> [u8; 16] {
    *hmac_md5(exported, &messages)
}

/// The key that signs what `from` sends (3.4.5.2).
pub(crate) fn sign_key(exported: &Key, from: Side) -> Key {
    md5(
        exported.as_slice(),
        match from {
            Side::Client => b"session key to client-to-server signing key magic constant\0",
            Side::Server => b"session key to server-to-client signing key magic constant\0",
        },
    )
}

/// The key that enciphers what `from` sends (3.4.5.3); weaker without the 128-bit flag.
pub(crate) fn seal_key(exported: &Key, flags: Flags, from: Side) -> Key {
    let strength = if flags.contains(Flags::NEGOTIATE_128BIT) {
        16
    } else if flags.contains(Flags::NEGOTIATE_56BIT) {
        7
    } else {
        5
    };
    md5(
        exported.get(..strength).unwrap_or_default(),
        match from {
            Side::Client => b"session key to client-to-server sealing key magic constant\0",
            Side::Server => b"session key to server-to-client sealing key magic constant\0",
        },
    )
}

/// HMAC-MD5 over the parts one after the other.
pub(crate) fn hmac_md5(key: &[u8; 16], parts: &[&[u8]]) -> Key {
    // A key shorter than the block of 64 counts as padded with zeros (RFC 2104).
    let mut block = Zeroizing::new([0; 64]);
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = <Hmac<Md5> as hmac::digest::KeyInit>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// Compares without telling by its duration where the first difference is.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
}

fn md5(secret: &[u8], constant: &[u8]) -> Key {
    let mut hash = Md5::new();
    hash.update(secret);
    hash.update(constant);
    Zeroizing::new(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_case_maps_one_unit_to_one() {
        for (name, upper) in [
            ("User", "USER"),
            ("straße", "STRAßE"),
            ("jürgen", "JÜRGEN"),
            ("ŉ", "ŉ"),   // two letters in upper case
            ("ÿ", "Ÿ"),   // another block
            ("ﬁn", "ﬁN"), // a ligature
            ("𐐨a", "𐐨A"), // a letter of two units, with an upper case of two units
        ] {
            assert_eq!(upper_case(name), utf16(upper), "{name}");
        }
    }

    #[test]
    fn same_compares_length_and_content() {
        assert!(same(b"abc", b"abc") && same(b"", b""));
        assert!(!same(b"abc", b"abd") && !same(b"abc", b"ab") && !same(b"", b"a"));
    }

    #[test]
    fn weaker_keys_take_a_part_of_the_exported_key() {
        let exported = Zeroizing::new([0x55; 16]);
        let mut tail_differs = exported.clone();
        tail_differs[7] = 0;
        let seal = |key, flags| seal_key(key, flags, Side::Client);
        assert_eq!(seal(&exported, Flags::NEGOTIATE_56BIT), seal(&tail_differs, Flags::NEGOTIATE_56BIT));
        assert_ne!(seal(&exported, Flags::NEGOTIATE_128BIT), seal(&tail_differs, Flags::NEGOTIATE_128BIT));
        assert_ne!(seal(&exported, Flags::empty()), seal(&exported, Flags::NEGOTIATE_56BIT));
    }
}
