//! What a login ends in: two directions of signing and sealing ([MS-NLMP] 3.4).
use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use super::super::error::AuthError;
use super::Flags;
use super::keys::{Key, hmac_md5, same, seal_key, sign_key};
use super::rc4::Rc4;

/// One half of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum Side {
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

/// The keys and counters of one authenticated connection.
///
/// Messages must be sealed in the order they are sent and unsealed in the order they come: both
/// ciphers run on, and a lost or repeated message is an error. After a failed
/// [`unseal`](Self::unseal) the context is dead and every call fails with
/// [`AuthError::Poisoned`]. Keys are wiped when dropped; `Debug` shows none of them.
pub struct SecurityContext {
    outgoing: Direction,
    incoming: Direction,
    sealing: bool,
    poisoned: bool,
}

/// A sealed message: what [`SecurityContext::seal`] returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Version, checksum, sequence number ([MS-NLMP] 2.2.2.9.2).
    pub signature: [u8; 16],
    /// The enciphered message, as long as the plain one.
    pub data: Vec<u8>,
}

impl SecurityContext {
    pub(in crate::auth) fn new(exported: &Key, flags: Flags, side: Side) -> Self {
        Self {
            outgoing: Direction::new(exported, flags, side),
            incoming: Direction::new(exported, flags, side.other()),
            sealing: flags.contains(Flags::NEGOTIATE_SIGN | Flags::NEGOTIATE_SEAL),
            poisoned: false,
        }
    }

    /// Seals one message (GSS_WrapEx, [MS-NLMP] 3.4.6).
    ///
    /// # Errors
    /// When this login has no sealing, the context is dead, or 2^32 messages went this way.
    pub fn seal(&mut self, plain: &[u8]) -> Result<Sealed, AuthError> {
        self.usable()?;
        let sequence = self.outgoing.sequence()?;
        let mut data = plain.to_vec();
        self.outgoing.rc4.apply(&mut data);
        let checksum = self.outgoing.checksum(sequence, plain);
        self.outgoing.advance();
        let [c0, c1, c2, c3, c4, c5, c6, c7] = checksum;
        let [s0, s1, s2, s3] = sequence.to_le_bytes();
        Ok(Sealed {
            signature: [1, 0, 0, 0, c0, c1, c2, c3, c4, c5, c6, c7, s0, s1, s2, s3],
            data,
        })
    }

    /// Unseals one message and checks its signature and its place in the sequence
    /// (GSS_UnwrapEx, [MS-NLMP] 3.4.7).
    ///
    /// # Errors
    /// When any of it does not hold. The connection is then dead: nothing more can be sealed or
    /// unsealed, and nothing of the message may be believed.
    pub fn unseal(&mut self, signature: &[u8], data: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.usable()?;
        let outcome = self.incoming.open(signature, data);
        self.poisoned = outcome.is_err();
        outcome
    }

    /// A message that cannot be read may have been one of the sequence: nothing fits any more.
    pub(in crate::auth) fn poison(&mut self) {
        self.poisoned = true;
    }

    pub(in crate::auth) fn usable(&self) -> Result<(), AuthError> {
        if self.poisoned {
            Err(AuthError::Poisoned)
        } else if self.sealing {
            Ok(())
        } else {
            Err(AuthError::NotSealing)
        }
    }
}

impl fmt::Debug for SecurityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecurityContext")
            .field("sealing", &self.sealing)
            .field("sent", &self.outgoing.next)
            .field("received", &self.incoming.next)
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
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
