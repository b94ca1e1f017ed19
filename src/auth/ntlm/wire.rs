//! The frame all three messages share ([MS-NLMP] 2.2.1): signature, type, and fields that point
//! into a payload.
use super::super::error::AuthError;

/// A message whose signature and type were checked.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    bytes: &'a [u8],
    name: &'static str,
}

impl<'a> Message<'a> {
    pub(super) fn open(bytes: &'a [u8], kind: u32, name: &'static str) -> Result<Self, AuthError> {
        let message = Self { bytes, name };
        if message.array(0)? != SIGNATURE {
            return Err(message.malformed("it does not begin with NTLMSSP"));
        }
        if message.u32(8)? != kind {
            return Err(message.malformed("it is of another type"));
        }
        Ok(message)
    }

    pub(super) fn array<const N: usize>(&self, offset: usize) -> Result<[u8; N], AuthError> {
        self.bytes
            .get(offset..)
            .and_then(|rest| rest.first_chunk::<N>())
            .copied()
            .ok_or_else(|| self.malformed("it is cut short"))
    }

    pub(super) fn u32(&self, offset: usize) -> Result<u32, AuthError> {
        self.array(offset).map(u32::from_le_bytes)
    }

    /// What the length, maximum and offset at `at` point to. The maximum is ignored (2.2.1.1).
    pub(super) fn field(&self, at: usize) -> Result<&'a [u8], AuthError> {
        let [l0, l1, _, _, o0, o1, o2, o3] = self.array(at)?;
        let length = usize::from(u16::from_le_bytes([l0, l1]));
        if length == 0 {
            return Ok(&[]);
        }
        usize::try_from(u32::from_le_bytes([o0, o1, o2, o3]))
            .ok()
            .and_then(|start| self.bytes.get(start..start.checked_add(length)?))
            .ok_or_else(|| self.malformed("a field lies outside of it"))
    }

    /// The field at `at` as UTF-16LE text.
    pub(super) fn text(&self, at: usize) -> Result<String, AuthError> {
        let (units, rest) = self.field(at)?.as_chunks::<2>();
        let units: Vec<u16> = units.iter().copied().map(u16::from_le_bytes).collect();
        match String::from_utf16(&units) {
            Ok(text) if rest.is_empty() => Ok(text),
            _ => Err(self.malformed("a name is not UTF-16")),
        }
    }

    /// The field at `at` as text of one byte to a character. Which code page it is of is not said ([MS-NLMP] 2.2), so
    /// only ASCII is read, in which they all agree.
    pub(super) fn oem_text(&self, at: usize) -> Result<String, AuthError> {
        match str::from_utf8(self.field(at)?) {
            Ok(text) if text.is_ascii() => Ok(text.to_owned()),
            _ => Err(self.malformed("a name has letters of a code page that is not known")),
        }
    }

    pub(super) fn malformed(&self, reason: &'static str) -> AuthError {
        AuthError::Malformed { message: self.name, reason }
    }
}

/// The payload of a message being written; it begins at a fixed offset.
pub(super) struct Payload {
    start: u32,
    bytes: Vec<u8>,
}

impl Payload {
    pub(super) fn starting_at(start: u32) -> Self {
        Self { start, bytes: Vec::new() }
    }

    /// Adds `data` and returns the eight bytes that point to it.
    pub(super) fn field(&mut self, name: &'static str, data: &[u8]) -> Result<[u8; 8], AuthError> {
        let too_long = AuthError::TooLong { field: name, bytes: data.len() };
        let [l0, l1] = u16::try_from(data.len()).map_err(|_| too_long.clone())?.to_le_bytes();
        let offset = u32::try_from(self.bytes.len()).ok().and_then(|used| used.checked_add(self.start));
        let [o0, o1, o2, o3] = offset.ok_or(too_long)?.to_le_bytes();
        self.bytes.extend_from_slice(data);
        Ok([l0, l1, l0, l1, o0, o1, o2, o3])
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// `text` in UTF-16LE, without a terminator.
pub(in crate::auth) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub(super) const SIGNATURE: [u8; 8] = *b"NTLMSSP\0";

/// Version 10.0 with NTLM revision 15. It is for people who read traces; no side decides on it
/// ([MS-NLMP] 2.2.2.10).
pub(super) const VERSION: [u8; 8] = [10, 0, 0, 0, 0, 0, 0, 15];
