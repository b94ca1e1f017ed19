//! The keys of a login at work: two directions of signing and sealing ([MS-NLMP] 3.4).
use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use super::super::context::Sealed;
use super::super::error::AuthError;
use super::Flags;
use super::keys::{Key, hmac_md5, same, seal_key, sign_key};
use super::rc4::Rc4;

/// One half of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// The keys and counters of one NTLM login. Keys are wiped when dropped; `Debug` shows none of them.
pub(crate) struct NtlmKeys {
    outgoing: Direction,
    incoming: Direction,
    sealing: bool,
}

impl NtlmKeys {
    pub(crate) fn new(exported: &Key, flags: Flags, side: Side) -> Self {
        Self {
            outgoing: Direction::new(exported, flags, side),
            incoming: Direction::new(exported, flags, side.other()),
            sealing: flags.contains(Flags::NEGOTIATE_SIGN | Flags::NEGOTIATE_SEAL),
        }
    }

    /// Whether sealing was agreed on.
    pub(crate) fn seals(&self) -> bool {
        self.sealing
    }

    /// Seals one message.
    pub(crate) fn seal(&mut self, plain: &[u8]) -> Result<Sealed, AuthError> {
        let sequence = self.outgoing.sequence()?;
        let mut data = plain.to_vec();
        self.outgoing.rc4.apply(&mut data);
        let checksum = self.outgoing.checksum(sequence, plain);
        self.outgoing.advance();
        Ok(Sealed { signature: signature(checksum, sequence).to_vec(), data })
    }

    /// Unseals one message; after an error nothing fits any more.
    pub(crate) fn unseal(&mut self, signature: &[u8], data: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.incoming.open(signature, data)
    }

    /// The integrity code of a text, for SPNEGO: takes a sequence number, and leaves the cipher
    /// where it was ([MS-SPNG] 3.2.5.1).
    pub(crate) fn mic(&mut self, text: &[u8]) -> Result<Vec<u8>, AuthError> {
        Ok(self.outgoing.mic(text)?.to_vec())
    }

    /// Checks the integrity code of a text, for SPNEGO ([MS-SPNG] 3.3.5.1).
    pub(crate) fn verify_mic(&mut self, text: &[u8], mic: &[u8]) -> Result<(), AuthError> {
        let due = self.incoming.mic(text)?;
        if mic.try_into().is_ok_and(|mic: &[u8; 16]| same(mic, &due)) { Ok(()) } else { Err(AuthError::Signature) }
    }
}

impl fmt::Debug for NtlmKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NtlmKeys")
            .field("sealing", &self.sealing)
            .field("sent", &self.outgoing.next)
            .field("received", &self.incoming.next)
            .finish_non_exhaustive()
    }
}

/// Version, checksum, sequence number ([MS-NLMP] 2.2.2.9.2).
fn signature(checksum: [u8; 8], sequence: u32) -> [u8; 16] {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = checksum;
    let [s0, s1, s2, s3] = sequence.to_le_bytes();
    [1, 0, 0, 0, c0, c1, c2, c3, c4, c5, c6, c7, s0, s1, s2, s3]
}

struct Direction {
    sign_key: Key,
    rc4: Rc4,
    key_exchange: bool,
    /// The number of the next message; none once all are used up.
    next: Option<u32>,
}

impl Direction {
    fn new(exported: &Key, flags: Flags, from: Side) -> Self {
        Self {
            sign_key: sign_key(exported, from),
            rc4: Rc4::new(seal_key(exported, flags, from).as_slice()),
            key_exchange: flags.contains(Flags::NEGOTIATE_KEY_EXCHANGE),
            next: Some(0),
        }
    }

    fn sequence(&self) -> Result<u32, AuthError> {
        self.next.ok_or(AuthError::SequenceExhausted)
    }

    fn advance(&mut self) {
        self.next = self.next.and_then(|sequence| sequence.checked_add(1));
    }

    /// The checksum over the plain text (3.4.4.2). Call it after the data went through the
    /// cipher: the checksum takes the next eight bytes of the same key stream.
    fn checksum(&mut self, sequence: u32, plain: &[u8]) -> [u8; 8] {
        let hash = hmac_md5(&self.sign_key, &[&sequence.to_le_bytes(), plain]);
        let [c0, c1, c2, c3, c4, c5, c6, c7, ..] = *hash;
        let mut checksum = [c0, c1, c2, c3, c4, c5, c6, c7];
        if self.key_exchange {
            self.rc4.apply(&mut checksum);
        }
        checksum
    }

    fn mic(&mut self, text: &[u8]) -> Result<[u8; 16], AuthError> {
        let (sequence, cipher) = (self.sequence()?, self.rc4.clone());
        let checksum = self.checksum(sequence, text);
        self.rc4 = cipher;
        self.advance();
        Ok(signature(checksum, sequence))
    }

    fn open(&mut self, signature: &[u8], data: &[u8]) -> Result<Vec<u8>, AuthError> {
        let signature: [u8; 16] = signature.try_into().map_err(|_| AuthError::Signature)?;
        let [1, 0, 0, 0, checksum @ .., s0, s1, s2, s3] = signature else {
            return Err(AuthError::Signature);
        };
        if checksum == [0; 8] && [s0, s1, s2, s3] == [0; 4] {
            return Err(AuthError::Unsigned);
        }
        let expected = self.sequence()?;
        let found = u32::from_le_bytes([s0, s1, s2, s3]);
        if found != expected {
            return Err(AuthError::Sequence { expected, found });
        }
        let mut plain = Zeroizing::new(data.to_vec());
        self.rc4.apply(&mut plain);
        if !same(&self.checksum(found, &plain), &checksum) {
            plain.zeroize();
            return Err(AuthError::Signature);
        }
        self.advance();
        Ok(std::mem::take(&mut *plain))
    }
}
