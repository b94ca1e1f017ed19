//! The AV pairs of a challenge and of the response to it ([MS-NLMP] 2.2.2.1).
use ntlmclient::{TargetInfoEntry, TargetInfoType};

use super::super::binding::ChannelBinding;
use super::super::error::AuthError;
use super::wire::utf16;

/// A list of AV pairs, without the EOL that ends it on the wire.
#[derive(Clone, Debug)]
pub(crate) struct TargetInfo {
    pairs: Vec<TargetInfoEntry>,
}

impl TargetInfo {
    pub(crate) fn empty() -> Self {
        Self { pairs: Vec::new() }
    }

    /// Takes over the pairs up to EOL; what follows EOL is padding.
    pub(super) fn from_pairs(mut pairs: Vec<TargetInfoEntry>) -> Result<Self, AuthError> {
        let end = pairs.iter().position(|pair| pair.entry_type == TargetInfoType::Terminator);
        pairs.truncate(end.ok_or_else(|| malformed("its list of names has no end"))?);
        Ok(Self { pairs })
    }

    /// Reads the pairs at the start of `bytes`, up to EOL.
    pub(super) fn read(mut bytes: &[u8]) -> Result<Self, AuthError> {
        let mut pairs = Vec::new();
        loop {
            let (pair, rest) =
                TargetInfoEntry::try_from_bytes(bytes).map_err(|_| malformed("its list of names is cut short"))?;
            if pair.entry_type == TargetInfoType::Terminator {
                return Ok(Self { pairs });
            }
            pairs.push(pair);
            bytes = rest;
        }
    }

    /// The value of the first pair of this type.
    pub(crate) fn get(&self, of: TargetInfoType) -> Option<&[u8]> {
        self.pairs.iter().find(|pair| pair.entry_type == of).map(|pair| pair.data.as_slice())
    }

    pub(crate) fn timestamp(&self) -> Result<Option<u64>, AuthError> {
        self.get(TargetInfoType::Timestamp)
            .map(|value| value.try_into().map(u64::from_le_bytes))
            .transpose()
            .map_err(|_| malformed("its timestamp is not 8 bytes"))
    }

    pub(crate) fn flags(&self) -> Result<u32, AuthError> {
        self.get(TargetInfoType::Flags)
            .map(|value| value.try_into().map(u32::from_le_bytes))
            .transpose()
            .map(Option::unwrap_or_default)
            .map_err(|_| malformed("its flags are not 4 bytes"))
    }

    /// Sets a pair in its place, or adds it at the end.
    pub(crate) fn set(&mut self, of: TargetInfoType, data: Vec<u8>) {
        match self.pairs.iter_mut().find(|pair| pair.entry_type == of) {
            Some(pair) => pair.data = data,
            None => self.pairs.push(TargetInfoEntry { entry_type: of, data }),
        }
    }

    pub(crate) fn set_text(&mut self, of: TargetInfoType, text: &str) {
        self.set(of, utf16(text));
    }

    /// The pairs a client answers with: the server's, a promise of a MIC if the server gave a
    /// timestamp, the channel binding (zero for none) and the service name (3.1.5.1.2).
    pub(super) fn answer(
        mut self,
        binding: Option<ChannelBinding>,
        target_name: Option<&str>,
    ) -> Result<Self, AuthError> {
        if self.timestamp()?.is_some() {
            let flags = self.flags()? | MIC_PRESENT;
            self.set(TargetInfoType::Flags, flags.to_le_bytes().to_vec());
        }
        let binding = binding.map_or([0; 16], |binding| *binding.as_bytes());
        self.set(TargetInfoType::ChannelBindings, binding.to_vec());
        self.set_text(TargetInfoType::TargetName, target_name.unwrap_or_default());
        Ok(self)
    }

    /// The list as it stands on the wire, EOL last.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, AuthError> {
        let mut bytes = Vec::new();
        for pair in &self.pairs {
            // Checked first: the writer of the crate panics beyond 65,535.
            if pair.data.len() > usize::from(u16::MAX) {
                return Err(AuthError::TooLong { field: "a name of the target", bytes: pair.data.len() });
            }
            bytes.extend(pair.to_bytes());
        }
        bytes.extend(TargetInfoEntry { entry_type: TargetInfoType::Terminator, data: Vec::new() }.to_bytes());
        Ok(bytes)
    }
}

/// Bit 2 of the Flags pair: the AUTHENTICATE message carries a MIC.
pub(crate) const MIC_PRESENT: u32 = 2;

fn malformed(reason: &'static str) -> AuthError {
    AuthError::Malformed { message: "NTLM", reason }
}
