//! NTLM: NTLMv2 with extended session security and 128-bit sealing, nothing older ([MS-NLMP]).
//!
//! The NEGOTIATE writer, the CHALLENGE reader, the AV pair type and the NT hash are those of the
//! crate `ntlmclient`. The response, MIC, key exchange and sealing are made here: that crate has
//! no key exchange, draws its own random bytes, and upper-cases names by other rules than Windows.
pub(crate) mod authenticate;
pub(crate) mod challenge;
mod initiate;
pub(crate) mod keys;
pub(super) mod negotiate;
pub(crate) mod rc4;
mod session;
pub(crate) mod target_info;
mod wire;

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroize;

pub use initiate::{Initiator, Options};
pub(crate) use ntlmclient::Flags;
pub(crate) use session::{NtlmKeys, Side};

use super::error::AuthError;

/// The random bytes of one login. Wiped when dropped; `Debug` shows none of them.
pub struct Entropy {
    /// Goes into the response in clear.
    pub client_challenge: [u8; 8],
    /// The key all sealing keys of the connection are made from. Never use one twice.
    pub session_key: [u8; 16],
}

impl Entropy {
    /// Fresh bytes from the operating system.
    ///
    /// # Errors
    /// [`AuthError::Random`] when it gives none.
    pub fn system() -> Result<Self, AuthError> {
        let mut entropy = Self { client_challenge: [0; 8], session_key: [0; 16] };
        getrandom::fill(&mut entropy.client_challenge).map_err(|_| AuthError::Random)?;
        getrandom::fill(&mut entropy.session_key).map_err(|_| AuthError::Random)?;
        Ok(entropy)
    }
}

impl Drop for Entropy {
    fn drop(&mut self) {
        self.session_key.zeroize();
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}

/// A time as FILETIME: 100 ns units since 1601-01-01 UTC. Times before 1970 count as 1970.
pub fn filetime(time: SystemTime) -> u64 {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos() / 100).unwrap_or(u64::MAX).saturating_add(UNIX_EPOCH_AS_FILETIME)
}

/// The 134,774 days from 1601 to 1970.
const UNIX_EPOCH_AS_FILETIME: u64 = 134_774 * 86_400 * 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn filetime_of_known_moments() {
        assert_eq!(filetime(UNIX_EPOCH), 116_444_736_000_000_000);
        assert_eq!(filetime(UNIX_EPOCH + Duration::from_nanos(1_000_000_100)), 116_444_736_010_000_001);
        assert_eq!(filetime(UNIX_EPOCH - Duration::from_secs(1)), 116_444_736_000_000_000);
    }

    #[test]
    fn system_entropy_differs_each_time() {
        let (one, two) = (Entropy::system().unwrap(), Entropy::system().unwrap());
        assert_ne!(one.session_key, two.session_key);
        assert_ne!(one.client_challenge, two.client_challenge);
    }
}
