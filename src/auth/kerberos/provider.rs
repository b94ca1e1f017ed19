//! What this client wants of a system's Kerberos, whichever library gives it: GSSAPI, or SSPI on Windows.
use std::sync::Arc;
use std::time::Duration;

use super::error::Status;
use super::service::ServiceName;

/// What proves who the client is, in the hands of the library. The library may be asked by one thread at a time.
pub(super) trait Proof: Send + Sync {
    /// Begins a login to a service.
    fn begin(self: Arc<Self>, service: &ServiceName) -> Result<Box<dyn Login>, Status>;
}

/// One login, and the keys it leads to.
pub(super) trait Login: Send {
    /// Makes the first token from an empty one, or answers one. May ask the KDC.
    ///
    /// `flags` are those of RFC 2744; `binding` is the application data of the channel binding, the same in every step.
    fn step(&mut self, flags: u32, binding: Option<&[u8]>, incoming: &[u8]) -> Result<Stepped, Status>;

    /// Seals a message: the token before the data, and the data with what little padding old ciphers want.
    fn wrap(&mut self, plain: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Status>;

    /// Opens a sealed message, token and data in one.
    fn unwrap(&mut self, token: &[u8]) -> Result<Vec<u8>, Status>;

    /// The integrity code of a text.
    fn mic(&mut self, text: &[u8]) -> Result<Vec<u8>, Status>;

    /// Checks the integrity code of a text.
    fn verify_mic(&mut self, text: &[u8], mic: &[u8]) -> Result<(), Status>;

    /// The number of the encryption type (RFC 3961 8) of the session key, if the library tells.
    fn encryption_type(&mut self) -> Option<u32>;
}

/// A proof, and whose it is.
pub(super) struct Taken {
    pub(super) proof: Arc<dyn Proof>,
    /// As `user@REALM` where that is known.
    pub(super) principal: String,
    /// For how long it holds; none where there is no end, or the library sees to that.
    pub(super) lifetime: Option<Duration>,
}

/// What one step of a login brought.
pub(super) struct Stepped {
    /// For the other side; may be empty.
    pub(super) token: Vec<u8>,
    /// Whether this side needs no further token.
    pub(super) complete: bool,
    /// What the login has, in the flags of RFC 2744; of meaning once it is complete.
    pub(super) flags: u32,
}

// RFC 2744 appendix A.
pub(super) const DELEGATE: u32 = 1;
pub(super) const MUTUAL: u32 = 2;
pub(super) const REPLAY: u32 = 4;
pub(super) const SEQUENCE: u32 = 8;
pub(super) const CONFIDENTIALITY: u32 = 16;
pub(super) const INTEGRITY: u32 = 32;

pub(super) const NOT_SEALED: &str = "the message is signed only, not sealed";
pub(super) const NOT_BEGUN: &str = "the login has not begun";
