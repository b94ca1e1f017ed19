//! CHALLENGE, the server's message ([MS-NLMP] 2.2.1.2).
use ntlmclient::{ChallengeMessage, Message as NtlmMessage};

use super::super::error::AuthError;
use super::Flags;
use super::target_info::TargetInfo;
use super::wire::{Message, Payload, SIGNATURE, VERSION, utf16};

/// The parts of a challenge that matter.
#[derive(Clone, Debug)]
pub(crate) struct Challenge {
    pub(crate) target_name: String,
    pub(crate) flags: Flags,
    pub(crate) server_challenge: [u8; 8],
    pub(crate) target_info: TargetInfo,
}

impl Challenge {
    /// Reads what a server sent. Without TARGET_INFO the list of names is empty.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, AuthError> {
        // Checked first: on 32-bit targets the reader of the crate adds offsets unchecked.
        let message = Message::open(bytes, 2, "challenge")?;
        message.field(12)?;
        message.field(40)?;
        let Ok(NtlmMessage::Challenge(challenge)) = NtlmMessage::try_from(bytes) else {
            return Err(message.malformed("it is cut short, or a name in it is not valid"));
        };
        let ChallengeMessage { target_name, flags, challenge: server_challenge, target_information, .. } = challenge;
        let target_info = if flags.contains(Flags::NEGOTIATE_TARGET_INFO) {
            TargetInfo::from_pairs(target_information)?
        } else {
            TargetInfo::empty()
        };
        Ok(Self { target_name, flags, server_challenge, target_info })
    }

    /// The message as the accepting half sends it.
    pub(crate) fn write(&self) -> Result<Vec<u8>, AuthError> {
        let mut payload = Payload::starting_at(56);
        let target_name = payload.field("the target name", &utf16(&self.target_name))?;
        let target_info = payload.field("the list of names", &self.target_info.to_bytes()?)?;
        let version = if self.flags.contains(Flags::NEGOTIATE_VERSION) { VERSION } else { [0; 8] };
        let parts: [&[u8]; 9] = [
            &SIGNATURE,
            &2_u32.to_le_bytes(),
            &target_name,
            &self.flags.bits().to_le_bytes(),
            &self.server_challenge,
            &[0; 8],
            &target_info,
            &version,
            &payload.into_bytes(),
        ];
        Ok(parts.concat())
    }
}
