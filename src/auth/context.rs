//! What a login ends in: keys that seal the messages of its connection, both ways.
use std::fmt;

#[cfg(feature = "credssp")]
use super::credssp::InnerTls;
use super::error::AuthError;
use super::kerberos::KerberosKeys;
use super::ntlm::NtlmKeys;

/// The keys and counters of one authenticated connection.
///
/// Messages must be sealed in the order they are sent and unsealed in the order they come: a lost
/// or repeated message is an error. After a failed [`unseal`](Self::unseal) the context is dead and
/// every call fails with [`AuthError::Poisoned`]. Keys are wiped when dropped; `Debug` shows none
/// of them.
pub struct SecurityContext {
    keys: Keys,
    protocol: Protocol,
    poisoned: bool,
}

enum Keys {
    Ntlm(Box<NtlmKeys>),
    Kerberos(KerberosKeys),
    #[cfg(feature = "credssp")]
    CredSsp(Box<InnerTls>),
}

/// A sealed message: what [`SecurityContext::seal`] returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// For NTLM the signature of 16 bytes ([MS-NLMP] 2.2.2.9.2), for Kerberos the token before the
    /// data (RFC 4121 4.2.6.2), for CredSSP the first bytes of the TLS record, as many as its trailer
    /// has ([MS-WSMV] 2.2.9.1.3).
    pub signature: Vec<u8>,
    /// The enciphered message, as long as the plain one; one byte longer under Kerberos with RC4. For
    /// CredSSP the rest of the record.
    pub data: Vec<u8>,
}

/// The name that sealed bodies of a scheme go by ([MS-WSMV] 2.2.9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Under the scheme `Negotiate`.
    Spnego,
    /// Under the scheme `Kerberos`.
    Kerberos,
    /// Under the scheme `CredSSP`, in pieces of at most 16 KiB.
    CredSsp,
}

impl Protocol {
    /// As it stands in `Content-Type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spnego => "application/HTTP-SPNEGO-session-encrypted",
            Self::Kerberos => "application/HTTP-Kerberos-session-encrypted",
            Self::CredSsp => "application/HTTP-CredSSP-session-encrypted",
        }
    }
}

impl SecurityContext {
    pub(crate) fn ntlm(keys: NtlmKeys) -> Self {
        Self { keys: Keys::Ntlm(Box::new(keys)), protocol: Protocol::Spnego, poisoned: false }
    }

    pub(super) fn kerberos(keys: KerberosKeys, protocol: Protocol) -> Self {
        Self { keys: Keys::Kerberos(keys), protocol, poisoned: false }
    }

    #[cfg(feature = "credssp")]
    pub(super) fn credssp(keys: InnerTls) -> Self {
        Self { keys: Keys::CredSsp(Box::new(keys)), protocol: Protocol::CredSsp, poisoned: false }
    }

    /// The name its sealed bodies go by.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Seals one message (GSS_WrapEx: [MS-NLMP] 3.4.6, [MS-KILE] 3.4.5.4); under CredSSP one piece of it.
    ///
    /// # Errors
    /// When this login has no sealing, the context is dead, or its sequence numbers are used up.
    pub fn seal(&mut self, plain: &[u8]) -> Result<Sealed, AuthError> {
        self.usable()?;
        match &mut self.keys {
            Keys::Ntlm(keys) => keys.seal(plain),
            Keys::Kerberos(keys) => {
                let (signature, data) = keys.seal(plain)?;
                Ok(Sealed { signature, data })
            }
            #[cfg(feature = "credssp")]
            Keys::CredSsp(keys) => {
                let (signature, data) = keys.seal(plain)?;
                Ok(Sealed { signature, data })
            }
        }
    }

    /// Unseals one message and checks its signature and its place in the sequence
    /// (GSS_UnwrapEx: [MS-NLMP] 3.4.7, [MS-KILE] 3.4.5.5).
    ///
    /// # Errors
    /// When any of it does not hold. The connection is then dead: nothing more can be sealed or
    /// unsealed, and nothing of the message may be believed.
    pub fn unseal(&mut self, signature: &[u8], data: &[u8]) -> Result<Vec<u8>, AuthError> {
        self.usable()?;
        let outcome = match &mut self.keys {
            Keys::Ntlm(keys) => keys.unseal(signature, data),
            Keys::Kerberos(keys) => keys.unseal(signature, data).map_err(AuthError::from),
            #[cfg(feature = "credssp")]
            Keys::CredSsp(keys) => keys.unseal(signature, data),
        };
        self.poisoned = outcome.is_err();
        outcome
    }

    #[cfg(test)]
    pub(super) fn into_ntlm(self) -> NtlmKeys {
        match self.keys {
            Keys::Ntlm(keys) => *keys,
            _ => panic!("no keys of NTLM"),
        }
    }

    /// A message that cannot be read may have been one of the sequence: nothing fits any more.
    pub(super) fn poison(&mut self) {
        self.poisoned = true;
    }

    pub(super) fn usable(&self) -> Result<(), AuthError> {
        let seals = match &self.keys {
            Keys::Ntlm(keys) => keys.seals(),
            // A Kerberos login without sealing is refused before it comes to keys.
            Keys::Kerberos(_) => true,
            #[cfg(feature = "credssp")]
            Keys::CredSsp(_) => true,
        };
        if self.poisoned {
            Err(AuthError::Poisoned)
        } else if seals {
            Ok(())
        } else {
            Err(AuthError::NotSealing)
        }
    }
}

impl fmt::Debug for SecurityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SecurityContext");
        if let Keys::Ntlm(keys) = &self.keys {
            shown.field("keys", keys);
        }
        shown.field("protocol", &self.protocol).field("poisoned", &self.poisoned).finish_non_exhaustive()
    }
}
