//! Kerberos through SSPI, which Windows has in the place of GSSAPI.
//!
//! What is here is the same on every system: which buffers go into a call, what comes out of them, and
//! what an error means. The calls themselves are [`Functions`], which `library::secur32` makes on Windows.
//! Buffers follow Microsoft's "SSPI/Kerberos Interoperability with GSSAPI".
pub(super) mod functions;

use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroize;

use super::super::credentials::UserName;
use super::super::secret::Secret;
use super::error::{KerberosCause, KerberosError, Status};
use super::provider::{
    CONFIDENTIALITY, DELEGATE, INTEGRITY, Login, MUTUAL, NOT_BEGUN, NOT_SEALED, Proof, REPLAY, SEQUENCE, Stepped, Taken,
};
use super::service::ServiceName;
use functions::{Call, Functions, Identity, Part, SEC_E_INTERNAL_ERROR};

/// Takes the tickets of the session, or of an account with its password, which is judged at the first login.
pub(super) fn acquire_from<F: Functions>(
    functions: F,
    user: Option<&UserName>,
    password: Option<&Secret>,
) -> Result<Taken, KerberosError> {
    let session = Session::read(functions);
    let (identity, principal) = match (user, password) {
        (Some(user), Some(password)) => (Some(Identity::new(user, password)), user.to_string()),
        (None, Some(_)) => return Err(KerberosError::new(KerberosCause::NoPrincipal, "a password without a user", "")),
        (Some(user), None) if !session.is_of(user) => {
            let text = format!("this Windows session is that of {session}");
            let none = Status { sspi: Some(KerberosCause::NoTickets), ..own(&text) };
            return Err(KerberosError::of_credential(&none, &user.to_string()));
        }
        (_, None) => (None, session.to_string()),
    };
    let credential = functions.acquire(identity.as_ref());
    let credential = credential.map_err(|code| KerberosError::of_credential(&status(code), &principal))?;
    Ok(Taken { proof: Arc::new(Held { functions, credential: Mutex::new(credential) }), principal, lifetime: None })
}

/// Whether the session is that of an account of a domain, and of this user. Windows may ask a domain controller for the names.
pub(super) fn is_signed_on<F: Functions>(functions: F, user: Option<&UserName>) -> bool {
    let session = Session::read(functions);
    session.is_of_a_domain() && user.is_none_or(|user| session.is_of(user)) && functions.acquire(None).is_ok()
}

#[cfg(windows)]
pub(super) use windows::{acquire, file, signed_on};

#[cfg(windows)]
mod windows {
    use super::super::library::secur32::Secur32;
    use super::*;

    pub fn acquire(user: Option<&UserName>, password: Option<&Secret>) -> Result<Taken, KerberosError> {
        acquire_from(load()?, user, password)
    }

    pub fn signed_on(user: Option<&UserName>) -> bool {
        load().is_ok_and(|functions| is_signed_on(functions, user))
    }

    pub fn file() -> Result<&'static str, KerberosError> {
        load().map(|_| Secur32::FILE)
    }

    fn load() -> Result<&'static Secur32, KerberosError> {
        Secur32::system().map_err(|error| KerberosError::new(KerberosCause::NoLibrary, "", error))
    }
}

/// Whose session this process is of.
struct Session {
    /// `DOMAIN\user`. A local account has this name only.
    sam: Option<String>,
    /// `domain.dns.name\user`
    dns: Option<String>,
    /// `user@domain.dns.name`, or with another suffix that the domain has.
    upn: Option<String>,
}

impl Session {
    fn read<F: Functions>(functions: F) -> Self {
        let [sam, dns, upn] =
            [NAME_SAM_COMPATIBLE, NAME_DNS_DOMAIN, NAME_USER_PRINCIPAL].map(|format| functions.account(format));
        Self { sam, dns, upn }
    }

    fn is_of_a_domain(&self) -> bool {
        self.dns.is_some() || self.upn.is_some()
    }

    fn is_of(&self, user: &UserName) -> bool {
        let (domain, name) = match user.user().rsplit_once('@') {
            Some((name, realm)) if user.domain().is_empty() => (realm, name),
            _ => (user.domain(), user.user()),
        };
        let downlevel = self.sam.iter().chain(&self.dns).filter_map(|known| known.split_once('\\'));
        let principal = self.upn.iter().filter_map(|known| known.rsplit_once('@')).map(|(name, realm)| (realm, name));
        downlevel
            .chain(principal)
            .any(|(known_domain, known)| same(known, name) && (domain.is_empty() || same(known_domain, domain)))
    }
}

impl std::fmt::Display for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.dns.as_deref().and_then(|dns| dns.split_once('\\')), &self.sam) {
            (Some((domain, user)), _) => write!(f, "{user}@{}", domain.to_uppercase()),
            (None, Some(sam)) => f.write_str(sam),
            (None, None) => f.write_str("an account without a name"),
        }
    }
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

struct Held<F: Functions> {
    functions: F,
    credential: Mutex<F::Credential>,
}

struct Attempt<F: Functions> {
    held: Arc<Held<F>>,
    /// Ends with a zero.
    target: Vec<u16>,
    context: Option<F::Context>,
}

impl<F: Functions> Proof for Held<F> {
    fn begin(self: Arc<Self>, service: &ServiceName) -> Result<Box<dyn Login>, Status> {
        let target = service.to_string().encode_utf16().chain([0]).collect();
        Ok(Box::new(Attempt { held: self, target, context: None }))
    }
}

impl<F: Functions> Attempt<F> {
    fn begun(&mut self) -> Result<(F, &mut F::Context), Status> {
        let context = self.context.as_mut().ok_or_else(|| own(NOT_BEGUN))?;
        Ok((self.held.functions, context))
    }
}

impl<F: Functions> Login for Attempt<F> {
    fn step(&mut self, flags: u32, binding: Option<&[u8]>, incoming: &[u8]) -> Result<Stepped, Status> {
        let token = (!incoming.is_empty()).then(|| Part::of(SECBUFFER_TOKEN, incoming));
        let binding = binding.map(|data| Part::of(SECBUFFER_CHANNEL_BINDINGS, &channel_bindings(data)));
        let mut input: Vec<Part> = token.into_iter().chain(binding).collect();
        let mut output = [Part::room(SECBUFFER_TOKEN, LARGEST_TOKEN)];
        let mut credential = self.held.credential.lock().unwrap_or_else(PoisonError::into_inner);
        let (code, attributes) = self.held.functions.initialize(
            &mut credential,
            &mut self.context,
            &self.target,
            requirements(flags),
            &mut input,
            &mut output,
        );
        drop(credential);
        let complete = match code {
            SEC_E_OK => true,
            SEC_I_CONTINUE_NEEDED => false,
            code => return Err(status(code)),
        };
        let [token] = output;
        Ok(Stepped { token: token.bytes, complete, flags: flags_of(attributes) })
    }

    fn wrap(&mut self, plain: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Status> {
        let (functions, context) = self.begun()?;
        let sizes = functions.sizes(context).map_err(status)?;
        let mut parts = [
            Part::room(SECBUFFER_TOKEN, sizes.trailer),
            Part::of(SECBUFFER_DATA, plain),
            Part::room(SECBUFFER_PADDING, sizes.block),
        ];
        let outcome = functions.protect(context, Call::Encrypt, &mut parts);
        let [token, mut data, padding] = parts;
        match outcome {
            Ok(_) => {
                data.bytes.extend_from_slice(&padding.bytes);
                Ok((token.bytes, data.bytes))
            }
            Err(code) => {
                data.bytes.zeroize();
                Err(status(code))
            }
        }
    }

    fn unwrap(&mut self, token: &[u8]) -> Result<Vec<u8>, Status> {
        let (functions, context) = self.begun()?;
        let nothing = Part { kind: SECBUFFER_DATA, bytes: Vec::new() };
        let mut parts = [Part::of(SECBUFFER_STREAM, token), nothing];
        let quality = functions.protect(context, Call::Decrypt, &mut parts).map_err(status)?;
        let [_, data] = parts;
        if quality == SECQOP_WRAP_NO_ENCRYPT { Err(own(NOT_SEALED)) } else { Ok(data.bytes) }
    }

    fn mic(&mut self, text: &[u8]) -> Result<Vec<u8>, Status> {
        let (functions, context) = self.begun()?;
        let sizes = functions.sizes(context).map_err(status)?;
        let mut parts = [Part::of(SECBUFFER_DATA, text), Part::room(SECBUFFER_TOKEN, sizes.signature)];
        functions.protect(context, Call::Sign, &mut parts).map_err(status)?;
        let [_, mic] = parts;
        Ok(mic.bytes)
    }

    fn verify_mic(&mut self, text: &[u8], mic: &[u8]) -> Result<(), Status> {
        let (functions, context) = self.begun()?;
        let mut parts = [Part::of(SECBUFFER_DATA, text), Part::of(SECBUFFER_TOKEN, mic)];
        functions.protect(context, Call::Verify, &mut parts).map(|_| ()).map_err(status)
    }

    /// inferred (not asked): that the algorithm is the number of the type; another number has no name and is not shown.
    fn encryption_type(&mut self) -> Option<u32> {
        let (functions, context) = self.begun().ok()?;
        functions.encryption(context)
    }
}

/// `SEC_CHANNEL_BINDINGS`: eight numbers, then the data; types and addresses of both sides are left empty.
fn channel_bindings(data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let numbers = [0, 0, 0, 0, 0, 0, length, 32u32];
    numbers.iter().flat_map(|number| number.to_le_bytes()).chain(data.iter().copied()).collect()
}

/// Flags of RFC 2744 as `ISC_REQ_…`: five are the same numbers.
fn requirements(flags: u32) -> u32 {
    (flags & SAME) | if flags & INTEGRITY == 0 { 0 } else { ISC_INTEGRITY }
}

/// `ISC_RET_…` as flags of RFC 2744.
fn flags_of(attributes: u32) -> u32 {
    (attributes & SAME) | if attributes & ISC_INTEGRITY == 0 { 0 } else { INTEGRITY }
}

fn status(code: u32) -> Status {
    let known = CODES.iter().find(|(known, ..)| *known == code);
    let (name, cause) = known.map_or(("an error of Windows", KerberosCause::Other), |(_, name, cause)| (*name, *cause));
    Status { major: 0, minor: code, sspi: Some(cause), text: format!("{name}, {code:#010x}") }
}

fn own(text: &str) -> Status {
    Status { major: 0, minor: 0, sspi: Some(KerberosCause::Other), text: text.to_owned() }
}

// sspi.h
const SAME: u32 = DELEGATE | MUTUAL | REPLAY | SEQUENCE | CONFIDENTIALITY;
const ISC_INTEGRITY: u32 = 0x0001_0000;
const SECBUFFER_DATA: u32 = 1;
const SECBUFFER_TOKEN: u32 = 2;
const SECBUFFER_PADDING: u32 = 9;
const SECBUFFER_STREAM: u32 = 10;
const SECBUFFER_CHANNEL_BINDINGS: u32 = 14;
const SECQOP_WRAP_NO_ENCRYPT: u32 = 0x8000_0001;
/// No token is larger: the highest `MaxTokenSize` there is.
const LARGEST_TOKEN: usize = 65_535;

// EXTENDED_NAME_FORMAT of secext.h. A local account has the first only.
const NAME_SAM_COMPATIBLE: u32 = 2;
const NAME_USER_PRINCIPAL: u32 = 8;
const NAME_DNS_DOMAIN: u32 = 12;

// winerror.h
const SEC_E_OK: u32 = 0;
const SEC_I_CONTINUE_NEEDED: u32 = 0x0009_0312;
const CODES: &[(u32, &str, KerberosCause)] = &[
    (0x8009_0300, "SEC_E_INSUFFICIENT_MEMORY", KerberosCause::Other),
    (0x8009_0301, "SEC_E_INVALID_HANDLE", KerberosCause::Other),
    (0x8009_0302, "SEC_E_UNSUPPORTED_FUNCTION", KerberosCause::Other),
    (0x8009_0303, "SEC_E_TARGET_UNKNOWN", KerberosCause::UnknownService),
    (SEC_E_INTERNAL_ERROR, "SEC_E_INTERNAL_ERROR", KerberosCause::Other),
    (0x8009_0305, "SEC_E_SECPKG_NOT_FOUND", KerberosCause::NoLibrary),
    (0x8009_0306, "SEC_E_NOT_OWNER", KerberosCause::NoTickets),
    (0x8009_0308, "SEC_E_INVALID_TOKEN", KerberosCause::Other),
    (0x8009_030a, "SEC_E_QOP_NOT_SUPPORTED", KerberosCause::NotMutual),
    (0x8009_030c, "SEC_E_LOGON_DENIED", KerberosCause::WrongPassword),
    (0x8009_030d, "SEC_E_UNKNOWN_CREDENTIALS", KerberosCause::NoTickets),
    (0x8009_030e, "SEC_E_NO_CREDENTIALS", KerberosCause::NoTickets),
    (0x8009_030f, "SEC_E_MESSAGE_ALTERED", KerberosCause::Other),
    (0x8009_0310, "SEC_E_OUT_OF_SEQUENCE", KerberosCause::Other),
    (0x8009_0311, "SEC_E_NO_AUTHENTICATING_AUTHORITY", KerberosCause::Unreachable),
    (0x8009_0317, "SEC_E_CONTEXT_EXPIRED", KerberosCause::TicketsExpired),
    (0x8009_0318, "SEC_E_INCOMPLETE_MESSAGE", KerberosCause::Other),
    (0x8009_0321, "SEC_E_BUFFER_TOO_SMALL", KerberosCause::Other),
    (0x8009_0322, "SEC_E_WRONG_PRINCIPAL", KerberosCause::ServiceKey),
    (0x8009_0324, "SEC_E_TIME_SKEW", KerberosCause::ClockSkew),
    (0x8009_0330, "SEC_E_DECRYPT_FAILURE", KerberosCause::Other),
    (0x8009_0331, "SEC_E_ALGORITHM_MISMATCH", KerberosCause::EncryptionType),
    (0x8009_033e, "SEC_E_SMARTCARD_LOGON_REQUIRED", KerberosCause::AccountUnusable),
    (0x8009_0341, "SEC_E_KDC_UNABLE_TO_REFER", KerberosCause::UnknownRealm),
    (0x8009_0342, "SEC_E_KDC_UNKNOWN_ETYPE", KerberosCause::EncryptionType),
    (0x8009_0346, "SEC_E_BAD_BINDINGS", KerberosCause::Binding),
    (0x8009_0347, "SEC_E_MULTIPLE_ACCOUNTS", KerberosCause::ServiceKey),
    (0x8009_0348, "SEC_E_NO_KERB_KEY", KerberosCause::ServiceKey),
    (0x8009_0350, "SEC_E_DOWNGRADE_DETECTED", KerberosCause::Unreachable),
    (0x8009_035d, "SEC_E_INVALID_PARAMETER", KerberosCause::Other),
    (0x8009_0363, "SEC_E_MUTUAL_AUTH_FAILED", KerberosCause::NotMutual),
];

#[cfg(test)]
mod tests;
