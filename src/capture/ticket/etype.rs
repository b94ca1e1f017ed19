//! Encryption types: what is sealed under a key and a key usage (RFC 3961), opened and checked.
use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};
use aes::{Aes128, Aes256, Block};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384};
use zeroize::Zeroizing;

use crate::auth::ntlm::keys::{hmac_md5, same};
use crate::auth::ntlm::rc4::Rc4;

/// The encryption types of Windows and of MIT Kerberos in use today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EncryptionType {
    /// 17 and 18 (RFC 3962).
    Aes128Sha1,
    Aes256Sha1,
    /// 19 and 20 (RFC 8009).
    Aes128Sha256,
    Aes256Sha384,
    /// 23 (RFC 4757).
    Rc4,
}

/// A key, wiped when dropped.
#[derive(Clone)]
pub(super) struct Key {
    etype: EncryptionType,
    bytes: Zeroizing<Vec<u8>>,
}

impl EncryptionType {
    pub(super) fn of(number: u32) -> Option<Self> {
        Some(match number {
            17 => Self::Aes128Sha1,
            18 => Self::Aes256Sha1,
            19 => Self::Aes128Sha256,
            20 => Self::Aes256Sha384,
            23 => Self::Rc4,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Aes128Sha1 => "aes128-cts-hmac-sha1-96",
            Self::Aes256Sha1 => "aes256-cts-hmac-sha1-96",
            Self::Aes128Sha256 => "aes128-cts-hmac-sha256-128",
            Self::Aes256Sha384 => "aes256-cts-hmac-sha384-192",
            Self::Rc4 => "arcfour-hmac",
        }
    }

    fn key_length(self) -> usize {
        match self {
            Self::Aes128Sha1 | Self::Aes128Sha256 | Self::Rc4 => 16,
            Self::Aes256Sha1 | Self::Aes256Sha384 => 32,
        }
    }
}

impl Key {
    /// A key; none where its length is not that of its type.
    pub(super) fn new(etype: EncryptionType, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == etype.key_length()).then(|| Self { etype, bytes: Zeroizing::new(bytes.to_vec()) })
    }

    pub(super) fn etype(&self) -> EncryptionType {
        self.etype
    }

    /// The bytes, for the tokens of RFC 4757, which have a form of their own.
    pub(super) fn rc4(&self) -> Option<&[u8; 16]> {
        (self.etype == EncryptionType::Rc4).then(|| self.bytes.first_chunk()).flatten()
    }

    /// Opens what was sealed under this key for a usage; none where the check fails.
    pub(super) fn open(&self, usage: u32, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut opened = match self.etype {
            EncryptionType::Aes128Sha1 | EncryptionType::Aes256Sha1 => self.open_sha1(usage, sealed)?,
            EncryptionType::Aes128Sha256 | EncryptionType::Aes256Sha384 => self.open_sha2(usage, sealed)?,
            EncryptionType::Rc4 => return self.open_rc4(usage, sealed),
        };
        // The confounder is one block.
        opened.get(BLOCK..)?;
        opened.drain(..BLOCK);
        Some(opened)
    }

    /// The check is over the plain text (RFC 3961 5.3).
    fn open_sha1(&self, usage: u32, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (data, check) = sealed.split_at_checked(sealed.len().checked_sub(SHA1_CHECK)?)?;
        let plain = cts_open(&Aes::new(&self.derived(usage, ENCRYPTION)?)?, data)?;
        let due = mac::<Hmac<Sha1>>(&self.derived(usage, INTEGRITY)?, &[&plain])?;
        same(due.get(..SHA1_CHECK)?, check).then_some(plain)
    }

    /// The check is over the first vector, which is zero, and the enciphered text (RFC 8009 5).
    fn open_sha2(&self, usage: u32, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let check_length = if self.etype == EncryptionType::Aes128Sha256 { 16 } else { 24 };
        let (data, check) = sealed.split_at_checked(sealed.len().checked_sub(check_length)?)?;
        let integrity = self.expanded(usage, INTEGRITY, check_length)?;
        let due = self.sha2_mac(&integrity, &[&[0; BLOCK], data])?;
        if !same(due.get(..check_length)?, check) {
            return None;
        }
        cts_open(&Aes::new(&self.expanded(usage, ENCRYPTION, self.etype.key_length())?)?, data)
    }

    /// RFC 4757 4; the numbers of the usages met here are the same there.
    fn open_rc4(&self, usage: u32, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (check, data) = sealed.split_first_chunk::<16>()?;
        let signing = hmac_md5(self.bytes.first_chunk()?, &[&usage.to_le_bytes()]);
        let mut plain = Zeroizing::new(data.to_vec());
        Rc4::new(&*hmac_md5(&signing, &[check])).apply(&mut plain);
        if !same(&*hmac_md5(&signing, &[&plain]), check) || plain.len() < RC4_CONFOUNDER {
            return None;
        }
        plain.drain(..RC4_CONFOUNDER);
        Some(plain)
    }

    /// DK (RFC 3961 5.1): the folded constant enciphered again and again, for as long as the key is.
    pub(super) fn derived(&self, usage: u32, kind: u8) -> Option<Zeroizing<Vec<u8>>> {
        let [a, b, c, d] = usage.to_be_bytes();
        let cipher = Aes::new(&self.bytes)?;
        let mut block = folded(&[a, b, c, d, kind]);
        let mut key = Zeroizing::new(Vec::with_capacity(self.bytes.len()));
        while key.len() < self.bytes.len() {
            cipher.encipher(&mut block);
            key.extend_from_slice(&block);
        }
        Some(key)
    }

    /// KDF-HMAC-SHA2 (RFC 8009 3).
    fn expanded(&self, usage: u32, kind: u8, length: usize) -> Option<Zeroizing<Vec<u8>>> {
        let bits = u32::try_from(length * 8).ok()?.to_be_bytes();
        let mut key = self.sha2_mac(&self.bytes, &[&[0, 0, 0, 1], &usage.to_be_bytes(), &[kind, 0], &bits])?;
        key.truncate(length);
        Some(key)
    }

    fn sha2_mac(&self, key: &[u8], parts: &[&[u8]]) -> Option<Zeroizing<Vec<u8>>> {
        match self.etype {
            EncryptionType::Aes128Sha256 => mac::<Hmac<Sha256>>(key, parts),
            _ => mac::<Hmac<Sha384>>(key, parts),
        }
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Option<Zeroizing<Vec<u8>>> {
    let mut mac = <M as Mac>::new_from_slice(key).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    Some(Zeroizing::new(mac.finalize().into_bytes().to_vec()))
}

enum Aes {
    Short(Box<Aes128>),
    Long(Box<Aes256>),
}

impl Aes {
    fn new(key: &[u8]) -> Option<Self> {
        let short = Aes128::new_from_slice(key).map(|cipher| Self::Short(Box::new(cipher)));
        short.or_else(|_| Aes256::new_from_slice(key).map(|cipher| Self::Long(Box::new(cipher)))).ok()
    }

    fn encipher(&self, block: &mut [u8; BLOCK]) {
        match self {
            Self::Short(cipher) => cipher.encrypt_block(Block::from_mut_slice(block)),
            Self::Long(cipher) => cipher.encrypt_block(Block::from_mut_slice(block)),
        }
    }

    fn decipher(&self, block: &mut [u8; BLOCK]) {
        match self {
            Self::Short(cipher) => cipher.decrypt_block(Block::from_mut_slice(block)),
            Self::Long(cipher) => cipher.decrypt_block(Block::from_mut_slice(block)),
        }
    }
}

/// CBC with ciphertext stealing: the last two blocks are swapped, the last one cut (RFC 3962 5). The first vector is
/// zero.
fn cts_open(aes: &Aes, data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let tail = match data.len() % BLOCK {
        0 => BLOCK,
        short => short,
    };
    let (body, last) = data.split_at_checked(data.len().checked_sub(tail)?)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(data.len()));
    let Some((head, swapped)) = body.split_last_chunk::<BLOCK>() else {
        let mut only: [u8; BLOCK] = last.try_into().ok()?;
        aes.decipher(&mut only);
        plain.extend_from_slice(&only);
        return Some(plain);
    };
    let mut before = [0; BLOCK];
    for cipher in head.as_chunks::<BLOCK>().0 {
        let mut block = *cipher;
        aes.decipher(&mut block);
        plain.extend(block.iter().zip(before).map(|(byte, mask)| byte ^ mask));
        before = *cipher;
    }
    let mut end = *swapped;
    aes.decipher(&mut end);
    // What the cut block lacks was stolen from the end of the text before it was enciphered.
    let mut whole = end;
    whole.iter_mut().zip(last).for_each(|(to, from)| *to = *from);
    aes.decipher(&mut whole);
    plain.extend(whole.iter().zip(before).map(|(byte, mask)| byte ^ mask));
    plain.extend(end.iter().zip(last).map(|(byte, mask)| byte ^ mask));
    Some(plain)
}

/// The n-fold of RFC 3961 5.1 to one block: copies of the text, each turned 13 bits further, added up as numbers of
/// ones' complement. For texts of up to eight bytes.
fn folded(text: &[u8]) -> [u8; BLOCK] {
    let bits = text.iter().map(|_| 8).sum::<u32>().clamp(1, 64);
    let value = text.iter().fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
    let mask = (1_u128 << bits) - 1;
    let turned = |copy: u32| {
        let by = copy * 13 % bits;
        (value >> by | value << (bits - by)) & mask
    };
    // Copies until their end falls on that of a block.
    let copies = (1..=16_u32).find(|copies| (copies * bits).is_multiple_of(128)).unwrap_or(16);
    let line: Vec<u8> = (0..copies)
        .flat_map(|copy| turned(copy).to_be_bytes().into_iter().skip(BLOCK.saturating_sub(text.len())))
        .collect();
    let sum = line.as_chunks::<BLOCK>().0.iter().fold(0_u128, |sum, block| {
        let (sum, carried) = sum.overflowing_add(u128::from_be_bytes(*block));
        sum + u128::from(carried)
    });
    sum.to_be_bytes()
}

const BLOCK: usize = 16;
const SHA1_CHECK: usize = 12;
const RC4_CONFOUNDER: usize = 8;
/// The last byte of the constant that a derived key comes from.
const ENCRYPTION: u8 = 0xaa;
const INTEGRITY: u8 = 0x55;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::tests::hex;

    fn key(etype: EncryptionType, text: &str) -> Key {
        Key::new(etype, &hex(text)).unwrap()
    }

    /// RFC 3962, appendix B.
    #[test]
    fn ciphertext_stealing() {
        let text = b"I would like the General Gau's Chicken, please, and wonton soup.";
        let aes = Aes::new(b"chicken teriyaki").unwrap();
        for sealed in [
            "c6353568f2bf8cb4d8a580362da7ff7f 97",
            "fc00783e0efdb2c1d445d4c8eff7ed22 97687268d6ecccc0c07b25e25ecfe5",
            "39312523a78662d5be7fcbcc98ebf5a8 97687268d6ecccc0c07b25e25ecfe584",
            "97687268d6ecccc0c07b25e25ecfe584 b3fffd940c16a18c1b5549d2f838029e 39312523a78662d5be7fcbcc98ebf5",
            "97687268d6ecccc0c07b25e25ecfe584 9dad8bbb96c4cdc03bc103e1a194bbd8 39312523a78662d5be7fcbcc98ebf5a8",
            "97687268d6ecccc0c07b25e25ecfe584 39312523a78662d5be7fcbcc98ebf5a8 \
             4807efe836ee89a526730dbc2f7bc840 9dad8bbb96c4cdc03bc103e1a194bbd8",
        ] {
            let sealed = hex(sealed);
            assert_eq!(*cts_open(&aes, &sealed).unwrap(), text[..sealed.len()]);
        }
        assert!(cts_open(&aes, &[0; 15]).is_none() && cts_open(&aes, b"").is_none());
        assert_eq!(cts_open(&aes, &hex("97687268d6ecccc0c07b25e25ecfe584")).unwrap()[..], text[..16]);
    }

    /// RFC 3961, appendix A.1.
    #[test]
    fn folding() {
        assert_eq!(folded(b"kerberos")[..], hex("6b657262 65726f73 7b9b5b2b 93132b93"));
    }

    /// RFC 8009, appendix A.
    #[test]
    fn keys_of_rfc_8009() {
        let short = key(EncryptionType::Aes128Sha256, AES128_SHA256);
        assert_eq!(*short.expanded(2, ENCRYPTION, 16).unwrap(), hex("9b197dd1e8c5609d6e67c3e37c62c72e"));
        assert_eq!(*short.expanded(2, INTEGRITY, 16).unwrap(), hex("9fda0e56ab2d85e1569a688696c26a6c"));
        let long = key(EncryptionType::Aes256Sha384, AES256_SHA384);
        let due = "56ab22bee63d82d7bc5227f6773f8ea7a5eb1c825160c38312980c442e5c7e49";
        assert_eq!(*long.expanded(2, ENCRYPTION, 32).unwrap(), hex(due));
        let due = "69b16514e3cd8e56b82010d5c73012b622c4d00ffc23ed1f";
        assert_eq!(*long.expanded(2, INTEGRITY, 24).unwrap(), hex(due));
    }

    /// RFC 8009, appendix A; for the others the values that MIT's own tests and its Python port have.
    #[test]
    fn what_others_sealed_opens_and_nothing_else() {
        let counted: Vec<u8> = (0..21).collect();
        for (etype, secret, usage, plain, sealed) in [
            (
                EncryptionType::Aes128Sha1,
                "9062430c8cda3388922e6d6a509f5b7a",
                2,
                &b"9 bytesss"[..],
                "68fb9679601f45c78857b2bf820fd6e53eca8d42fd4b1d7024a09205abb7cd2ec26c355d2f",
            ),
            (
                EncryptionType::Aes256Sha1,
                "f1c795e9248a09338d82c3f8d5b567040b0110736845041347235b1404231398",
                4,
                b"30 bytes bytes bytes bytes byt",
                "d1137a4d634cfece924dbc3bf6790648bd5cff7de0e7b99460211d0daef3d79a\
                 295c688858f3b34b9cbd6eebae81daf6b734d4d498b6714f1c1d",
            ),
            (
                EncryptionType::Rc4,
                "68f263db3fce15d031c9eab02d67107a",
                4,
                b"30 bytes bytes bytes bytes byt",
                "95f9047c3ad75891c2e9b04b16566dc8b6eb9ce4231afb2542ef87a7b5a0f260\
                 a99f0460508de0cecc632d07c354124e46c5d2234eb8",
            ),
            (
                EncryptionType::Aes128Sha256,
                AES128_SHA256,
                2,
                &counted[..0],
                "ef85fb890bb8472f4dab20394dca781dad877eda39d50c870c0d5a0a8e48c718",
            ),
            (
                EncryptionType::Aes128Sha256,
                AES128_SHA256,
                2,
                &counted[..6],
                "84d7f30754ed987bab0bf3506beb09cfb55402cef7e6877ce99e247e52d16ed4421dfdf8976c",
            ),
            (
                EncryptionType::Aes128Sha256,
                AES128_SHA256,
                2,
                &counted,
                "720f73b18d9859cd6ccb4346115cd336c70f58edc0c4437c5573544c31c813bc\
                 e1e6d072c186b39a413c2f92ca9b8334a287ffcbfc",
            ),
            (
                EncryptionType::Aes256Sha384,
                AES256_SHA384,
                2,
                &counted[..16],
                "bc47ffec7998eb91e8115cf8d19dac4bbbe2e163e87dd37f49beca92027764f6\
                 8cf51f14d798c2273f35df574d1f932e40c4ff255b36a266",
            ),
            (
                EncryptionType::Aes256Sha384,
                AES256_SHA384,
                2,
                &counted,
                "40013e2df58e8751957d2878bcd2d6fe101ccfd556cb1eae79db3c3ee86429f2\
                 b2a602ac86fef6ecb647d6295fae077a1feb517508d2c16b4192e01f62",
            ),
        ] {
            let (key, sealed) = (key(etype, secret), hex(sealed));
            assert_eq!(key.open(usage, &sealed).unwrap()[..], *plain, "{etype:?}");
            assert!(key.open(usage + 1, &sealed).is_none());
            for cut in 0..sealed.len() {
                assert!(key.open(usage, &sealed[..cut]).is_none());
                let mut altered = sealed.clone();
                altered[cut] ^= 1;
                assert!(key.open(usage, &altered).is_none());
            }
        }
        assert!(Key::new(EncryptionType::Aes256Sha1, &[0; 16]).is_none());
    }

    const AES128_SHA256: &str = "3705d96080c17728a0e800eab6e0d23c";
    const AES256_SHA384: &str = "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52";
}
