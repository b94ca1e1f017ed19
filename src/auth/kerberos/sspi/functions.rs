//! The functions of SSPI, and what goes into them and comes out.
use zeroize::Zeroizing;

use super::super::super::credentials::UserName;
use super::super::super::secret::Secret;

/// The functions of SSPI. Codes are those of `winerror.h`, none of them a success where it is an error.
pub(in crate::auth::kerberos) trait Functions: Copy + Send + Sync + 'static {
    /// Freed when it is dropped.
    type Credential: Send;
    /// Freed when it is dropped.
    type Context: Send;

    /// `AcquireCredentialsHandleW`: of this account, or of the session.
    fn acquire(self, identity: Option<&Identity>) -> Result<Self::Credential, u32>;

    /// `InitializeSecurityContextW`: code and attributes. `context` is none before the first call.
    fn initialize(
        self,
        credential: &mut Self::Credential,
        context: &mut Option<Self::Context>,
        target: &[u16],
        requirements: u32,
        input: &mut [Part],
        output: &mut [Part],
    ) -> (u32, u32);

    /// `EncryptMessage` and its kin. Comes back with the quality of protection, where the call has one.
    fn protect(self, context: &mut Self::Context, call: Call, parts: &mut [Part]) -> Result<u32, u32>;

    /// `QueryContextAttributesW` with `SECPKG_ATTR_SIZES`.
    fn sizes(self, context: &mut Self::Context) -> Result<Sizes, u32>;

    /// `QueryContextAttributesW` with `SECPKG_ATTR_KEY_INFO`: its `EncryptAlgorithm`.
    fn encryption(self, context: &mut Self::Context) -> Option<u32>;

    /// `GetUserNameExW`: the name of the session's account in this format.
    fn account(self, format: u32) -> Option<String>;
}

/// Which function handles a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth::kerberos) enum Call {
    Encrypt,
    Decrypt,
    Sign,
    Verify,
}

/// `SecPkgContext_Sizes`, what is used of it.
#[derive(Clone, Copy, Debug)]
pub(in crate::auth::kerberos) struct Sizes {
    pub(in crate::auth::kerberos) signature: usize,
    pub(in crate::auth::kerberos) block: usize,
    pub(in crate::auth::kerberos) trailer: usize,
}

/// A `SecBuffer` that owns its content.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::auth::kerberos) struct Part {
    pub(in crate::auth::kerberos) kind: u32,
    pub(in crate::auth::kerberos) bytes: Vec<u8>,
}

/// Where a buffer lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth::kerberos) struct Place {
    pub(in crate::auth::kerberos) address: usize,
    pub(in crate::auth::kerberos) length: usize,
}

/// `SEC_WINNT_AUTH_IDENTITY_W`: texts in UTF-16 without an end. Wiped when dropped.
pub(in crate::auth::kerberos) struct Identity {
    pub(in crate::auth::kerberos) user: Zeroizing<Vec<u16>>,
    pub(in crate::auth::kerberos) domain: Zeroizing<Vec<u16>>,
    pub(in crate::auth::kerberos) password: Zeroizing<Vec<u16>>,
}

impl Part {
    pub(in crate::auth::kerberos) fn of(kind: u32, bytes: &[u8]) -> Self {
        // Never without memory behind it, as an empty buffer would have none.
        let mut own = Vec::with_capacity(bytes.len() + 1);
        own.extend_from_slice(bytes);
        Self { kind, bytes: own }
    }

    pub(in crate::auth::kerberos) fn room(kind: u32, length: usize) -> Self {
        Self { kind, bytes: vec![0; length] }
    }
}

impl Identity {
    /// Of a user as it was written: what a domain's name after the `@` means is left to Windows.
    pub(in crate::auth::kerberos) fn new(user: &UserName, password: &Secret) -> Self {
        Self { user: wide(user.user()), domain: wide(user.domain()), password: wide(password.expose()) }
    }
}

/// In UTF-16, made at once in the memory where it is wiped.
fn wide(text: &str) -> Zeroizing<Vec<u16>> {
    let mut units = Zeroizing::new(Vec::with_capacity(text.len() + 1));
    units.extend(text.encode_utf16());
    units
}

/// Takes over what a call left: it sets lengths, and may point one buffer into another instead of filling it. `given`
/// and `left` are where the buffers lay before and after. False, and nothing taken, if one lies outside of them.
pub(in crate::auth::kerberos) fn settle(parts: &mut [Part], given: &[Place], left: &[Place]) -> bool {
    let stays = |given: &Place, left: &Place| given.address == left.address && left.length <= given.length;
    let found = |place: &Place| {
        given.iter().zip(&*parts).find_map(|(given, part)| {
            let start = place.address.checked_sub(given.address)?;
            let end = start.checked_add(place.length).filter(|end| *end <= given.length)?;
            part.bytes.get(start..end).map(<[u8]>::to_vec)
        })
    };
    let moved = given.iter().zip(left).map(|(given, left)| match left.length {
        0 => Some(Some(Vec::new())),
        _ if stays(given, left) => Some(None),
        _ => found(left).map(Some),
    });
    let Some(moved) = moved.collect::<Option<Vec<_>>>() else { return false };
    for ((part, moved), left) in parts.iter_mut().zip(moved).zip(left) {
        match moved {
            Some(bytes) => part.bytes = bytes,
            None => part.bytes.truncate(left.length),
        }
    }
    true
}

/// Also what a call means that left its buffers elsewhere than it was given.
pub(in crate::auth::kerberos) const SEC_E_INTERNAL_ERROR: u32 = 0x8009_0304;
