//! Sealed GSS tokens: of RFC 4121 4.2.6.2, as Windows and MIT rotate them, and of RFC 4757 7.3.
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::error::TicketError;
use super::etype::Key;
use crate::auth::der::next;
use crate::auth::ntlm::keys::{hmac_md5, same};
use crate::auth::ntlm::rc4::Rc4;

/// Whose message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sealer {
    Initiator,
    Acceptor,
}

/// A token of RFC 4121, taken apart.
pub(super) struct Token<'a> {
    header: &'a [u8; HEADER],
    body: &'a [u8],
}

impl<'a> Token<'a> {
    /// The parts of a token; none where it is of RFC 4757.
    pub(super) fn read(token: &'a [u8]) -> Option<Self> {
        let (header, body) = token.split_first_chunk::<HEADER>()?;
        header.starts_with(&[0x05, 0x04]).then_some(Self { header, body })
    }

    /// Whether the key is the service's own.
    pub(super) fn is_of_the_acceptors_key(&self) -> bool {
        self.flags() & 4 != 0
    }

    /// Opens it with the key that it names.
    pub(super) fn open(&self, key: &Key, from: Sealer) -> Result<Vec<u8>, TicketError> {
        let sender = if self.flags() & 1 == 0 { Sealer::Initiator } else { Sealer::Acceptor };
        if sender != from {
            return Err(TicketError::Token("it names the other side as its sender"));
        }
        if self.flags() & 2 == 0 {
            return Err(TicketError::Token("it is signed only"));
        }
        let [.., a, b, c, d, _, _, _, _, _, _, _, _] = *self.header;
        let (filler, rotation) = (usize::from(u16::from_be_bytes([a, b])), usize::from(u16::from_be_bytes([c, d])));
        let usage = if from == Sealer::Initiator { 24 } else { 22 };
        // [MS-KILE] 3.4.5.4.1 has the filler rotated, too; RFC 4121 has not.
        let turns = [rotation, rotation + filler];
        let turns = if filler == 0 { &turns[..1] } else { &turns };
        let mut plain =
            turns.iter().find_map(|turn| key.open(usage, &self.turned_back(*turn))).ok_or(TicketError::Check)?;
        let end = plain.len().checked_sub(HEADER).ok_or(TicketError::Token("it is too short"))?;
        let mut due = *self.header;
        due.iter_mut().skip(6).take(2).for_each(|byte| *byte = 0);
        if plain.get(end..) != Some(&due[..]) {
            return Err(TicketError::Check);
        }
        let length = end.checked_sub(filler).ok_or(TicketError::Token("its filler is longer than itself"))?;
        plain.truncate(length);
        Ok(std::mem::take(&mut *plain))
    }

    fn flags(&self) -> u8 {
        let [_, _, flags, ..] = *self.header;
        flags
    }

    fn turned_back(&self, by: usize) -> Vec<u8> {
        let mut body = self.body.to_vec();
        let by = by.checked_rem(body.len()).unwrap_or(0);
        body.rotate_left(by);
        body
    }
}

/// Opens a token of RFC 4757.
pub(super) fn open_rc4(token: &[u8], key: &[u8; 16], from: Sealer) -> Result<Vec<u8>, TicketError> {
    let malformed = TicketError::Token("it is neither of RFC 4121 nor of RFC 4757");
    let parts = rc4_parts(token).ok_or(malformed)?;
    let secret = Zeroizing::new(key.map(|byte| byte ^ 0xf0));
    let mut place = *parts.place;
    let base = hmac_md5(key, &[&[0; 4]]);
    Rc4::new(&*hmac_md5(&base, &[parts.check])).apply(&mut place);
    let (number, side) = place.split_at(4);
    if side != if from == Sealer::Initiator { &[0; 4] } else { &[0xff; 4] } {
        return Err(TicketError::Check);
    }
    let base = hmac_md5(&secret, &[&[0; 4]]);
    let mut plain = Zeroizing::new(parts.data.to_vec());
    Rc4::new(&*hmac_md5(&base, &[number])).apply(&mut plain);
    let mut digest = Md5::new();
    // 13 is the number that RFC 4757 gives this use.
    digest.update(13_u32.to_le_bytes());
    digest.update(RC4_HEAD);
    digest.update(&*plain);
    let due = hmac_md5(&hmac_md5(key, &[b"signaturekey\0"]), &[&digest.finalize()]);
    if due.get(..8).is_none_or(|due| !same(due, parts.check)) {
        return Err(TicketError::Check);
    }
    // A confounder before the text, one byte of padding behind.
    let text = plain.get(8..).and_then(|text| text.strip_suffix(&[1]));
    text.map(<[u8]>::to_vec).ok_or(TicketError::Token("its padding is not of one byte"))
}

struct Rc4Parts<'a> {
    place: &'a [u8; 8],
    check: &'a [u8],
    data: &'a [u8],
}

fn rc4_parts(token: &[u8]) -> Option<Rc4Parts<'_>> {
    let (0x60, content, _) = next(token)? else { return None };
    let (0x06, _, rest) = next(content)? else { return None };
    let (place, rest) = rest.strip_prefix(RC4_HEAD)?.split_first_chunk()?;
    let (check, data) = rest.split_at_checked(8)?;
    Some(Rc4Parts { place, check, data })
}

const HEADER: usize = 16;
/// Kind of token, HMAC, RC4, filler.
const RC4_HEAD: &[u8] = &[0x02, 0x01, 0x11, 0x00, 0x10, 0x00, 0xff, 0xff];
