//! NEGOTIATE, the first message: what the client can do ([MS-NLMP] 2.2.1.1).
use ntlmclient::{Message as NtlmMessage, NegotiateMessage, OsVersion};

use super::super::error::AuthError;
use super::Flags;
use super::wire::{Message, VERSION};

/// The flags of a client that seals: `0xe2888235`.
pub(super) const SEALING: Flags = Flags::NEGOTIATE_UNICODE
    .union(Flags::REQUEST_TARGET)
    .union(Flags::NEGOTIATE_SIGN)
    .union(Flags::NEGOTIATE_SEAL)
    .union(Flags::NEGOTIATE_NTLM)
    .union(Flags::NEGOTIATE_ALWAYS_SIGN)
    .union(Flags::NEGOTIATE_NTLM2_KEY)
    .union(Flags::NEGOTIATE_TARGET_INFO)
    .union(Flags::NEGOTIATE_VERSION)
    .union(Flags::NEGOTIATE_128BIT)
    .union(Flags::NEGOTIATE_KEY_EXCHANGE)
    .union(Flags::NEGOTIATE_56BIT);

/// The message with these flags. Domain and workstation stay empty, as they must with VERSION
/// set (3.1.5.1.1).
pub(super) fn write(flags: Flags) -> Vec<u8> {
    let [
        major_version,
        minor_version,
        build_low,
        build_high,
        reserved @ ..,
        ntlm_revision,
    ] = VERSION;
    let message = NtlmMessage::Negotiate(NegotiateMessage {
        flags,
        supplied_domain: String::new(),
        supplied_workstation: String::new(),
        os_version: OsVersion {
            major_version,
            minor_version,
            build_number: u16::from_le_bytes([build_low, build_high]),
            reserved,
            ntlm_revision,
        },
    });
    // The writer fails only on texts it cannot encode, and there are none.
    message.to_bytes().unwrap_or_default()
}

/// The flags of a client's message; nothing else in it is of use to a server.
pub(in crate::auth) fn read(bytes: &[u8]) -> Result<Flags, AuthError> {
    let message = Message::open(bytes, 1, "negotiate")?;
    message.u32(12).map(Flags::from_bits_retain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_sealing_client() {
        let bytes = write(SEALING);
        assert_eq!(&bytes[..16], b"NTLMSSP\0\x01\0\0\0\x35\x82\x88\xe2");
        // Two empty fields, then the version; no payload.
        assert_eq!(
            &bytes[16..],
            [
                0, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 15
            ]
        );
        assert_eq!(read(&bytes).unwrap(), SEALING);
    }
}
