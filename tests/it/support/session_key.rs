//! The session key of an NTLM login, from what a capture shows of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use md4::Md4;
use md5::{Digest, Md5};

use super::capture::Piece;

/// The session key of an NTLM login, computed anew from the wire ([MS-NLMP] 3.4.5).
pub fn session_key(pieces: &[Piece], connection: usize, password: &str) -> Vec<u8> {
    let of = |from_client: bool| {
        let pieces = pieces.iter().filter(|piece| piece.connection == connection && piece.from_client == from_client);
        String::from_utf8_lossy(&pieces.flat_map(|piece| piece.bytes.clone()).collect::<Vec<_>>()).into_owned()
    };
    let token = |text: &str, kind: u8| {
        text.split("Negotiate ")
            .filter_map(|rest| STANDARD.decode(rest.split("\r\n").next().unwrap()).ok())
            .find(|token| token.get(8) == Some(&kind))
            .unwrap()
    };
    let (challenge, answer) = (token(&of(false), 2), token(&of(true), 3));
    let field = |at: usize| {
        let number = |at: usize, n: usize| (0..n).rev().fold(0_usize, |sum, i| sum << 8 | usize::from(answer[at + i]));
        let (length, offset) = (number(at, 2), number(at + 4, 4));
        answer[offset..offset + length].to_vec()
    };
    let upper = String::from_utf16(&field(36).chunks(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect::<Vec<_>>());
    let user = utf16(&upper.unwrap().to_uppercase());
    let response_key = mac(&Md4::digest(utf16(password)), &[&user, &field(28)]);
    let response = field(20);
    assert_eq!(mac(&response_key, &[&challenge[24..32], &response[16..]]), response[..16], "another password");
    rc4(&mac(&response_key, &[&response[..16]]), &field(52))
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <Hmac<Md5> as Mac>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn rc4(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut state: Vec<u8> = (0..=255).collect();
    let mut j = 0_u8;
    for i in 0..256 {
        j = j.wrapping_add(state[i]).wrapping_add(key[i % key.len()]);
        state.swap(i, usize::from(j));
    }
    let (mut i, mut j) = (0_u8, 0_u8);
    let mut next = || {
        i = i.wrapping_add(1);
        j = j.wrapping_add(state[usize::from(i)]);
        state.swap(usize::from(i), usize::from(j));
        state[usize::from(state[usize::from(i)].wrapping_add(state[usize::from(j)]))]
    };
    data.iter().map(|byte| byte ^ next()).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
