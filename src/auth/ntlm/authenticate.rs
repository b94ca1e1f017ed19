//! AUTHENTICATE, the client's proof ([MS-NLMP] 2.2.1.3).
use super::super::error::AuthError;
use super::Flags;
use super::target_info::TargetInfo;
use super::wire::{Message, Payload, SIGNATURE, VERSION, utf16};

/// The parts of an AUTHENTICATE message.
#[derive(Clone, Debug)]
pub(crate) struct Authenticate {
    pub(crate) lm_response: Vec<u8>,
    pub(crate) nt_response: Vec<u8>,
    pub(crate) domain: String,
    pub(crate) user: String,
    pub(crate) workstation: String,
    /// EncryptedRandomSessionKey; empty without key exchange.
    pub(crate) session_key: Vec<u8>,
    pub(crate) flags: Flags,
}

impl Authenticate {
    /// The message with its MIC still zero; [`set_mic`] fills it in.
    pub(crate) fn write(&self) -> Result<Vec<u8>, AuthError> {
        let mut payload = Payload::starting_at(88);
        let domain = payload.field("the domain", &utf16(&self.domain))?;
        let user = payload.field("the user name", &utf16(&self.user))?;
        let workstation = payload.field("the workstation", &utf16(&self.workstation))?;
        let lm_response = payload.field("the LM response", &self.lm_response)?;
        let nt_response = payload.field("the NT response", &self.nt_response)?;
        let session_key = payload.field("the session key", &self.session_key)?;
        let version = if self.flags.contains(Flags::NEGOTIATE_VERSION) { VERSION } else { [0; 8] };
        let parts: [&[u8]; 12] = [
            &SIGNATURE,
            &3_u32.to_le_bytes(),
            &lm_response,
            &nt_response,
            &domain,
            &user,
            &workstation,
            &session_key,
            &self.flags.bits().to_le_bytes(),
            &version,
            &[0; 16],
            &payload.into_bytes(),
        ];
        Ok(parts.concat())
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, AuthError> {
        let message = Message::open(bytes, 3, "authenticate")?;
        let flags = Flags::from_bits_retain(message.u32(60)?);
        if !flags.contains(Flags::NEGOTIATE_UNICODE) {
            return Err(message.malformed("its names are not in Unicode"));
        }
        Ok(Self {
            lm_response: message.field(12)?.to_vec(),
            nt_response: message.field(20)?.to_vec(),
            domain: message.text(28)?,
            user: message.text(36)?,
            workstation: message.text(44)?,
            session_key: message.field(52)?.to_vec(),
            flags,
        })
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        self.user.is_empty() && self.nt_response.is_empty() && matches!(self.lm_response.as_slice(), [] | [0])
    }

    /// NTProofStr, the blob it covers, and the AV pairs inside the blob (2.2.2.7, 2.2.2.8).
    pub(crate) fn ntlm_v2(&self) -> Result<([u8; 16], &[u8], TargetInfo), AuthError> {
        let (proof, blob) = self.nt_response.split_first_chunk::<16>().ok_or(AuthError::NotNtlmV2)?;
        let Some(([1, 1, ..], pairs)) = blob.split_first_chunk::<28>() else {
            return Err(AuthError::NotNtlmV2);
        };
        Ok((*proof, blob, TargetInfo::read(pairs)?))
    }
}

/// The MIC of a message, and the message as it was when the MIC was made.
///
/// Only for a message whose AV pairs announce a MIC: in others the payload may lie there.
pub(crate) fn split_mic(bytes: &[u8]) -> Result<([u8; 16], Vec<u8>), AuthError> {
    let mic = Message::open(bytes, 3, "authenticate")?.array(MIC)?;
    let mut without = bytes.to_vec();
    set_mic(&mut without, [0; 16]);
    Ok((mic, without))
}

/// Puts the MIC in its place; a message too short to have one is left as it is.
pub(crate) fn set_mic(bytes: &mut [u8], mic: [u8; 16]) {
    if let Some(place) = bytes.get_mut(MIC..).and_then(|rest| rest.first_chunk_mut::<16>()) {
        *place = mic;
    }
}

const MIC: usize = 72;
