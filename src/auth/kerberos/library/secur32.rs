//! SSPI as Windows exports it (sspi.h, secext.h), opened at run time.
//!
//! No memory of the library is read here: every buffer is one of ours, and what a call left in them is found by
//! `settle`, which has no pointers. INVARIANT: a handle is one that the library made and has not been freed, and is
//! used by one thread at a time: calls take `&mut`.
#![allow(unsafe_code, reason = "see the module above")]

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

use libloading::os::windows::{LOAD_LIBRARY_SEARCH_SYSTEM32, Library as Opened};

use super::super::sspi::functions::{Call, Functions, Identity, Part, Place, SEC_E_INTERNAL_ERROR, Sizes, settle};

/// The functions used.
pub(in crate::auth::kerberos) struct Secur32 {
    acquire_credentials_handle: unsafe extern "system" fn(
        *const u16,
        *const u16,
        u32,
        *const c_void,
        *const AuthIdentity,
        *const c_void,
        *const c_void,
        *mut Handle,
        *mut i64,
    ) -> u32,
    free_credentials_handle: unsafe extern "system" fn(*mut Handle) -> u32,
    initialize_security_context: unsafe extern "system" fn(
        *mut Handle,
        *mut Handle,
        *const u16,
        u32,
        u32,
        u32,
        *mut BufferDesc,
        u32,
        *mut Handle,
        *mut BufferDesc,
        *mut u32,
        *mut i64,
    ) -> u32,
    delete_security_context: unsafe extern "system" fn(*mut Handle) -> u32,
    query_context_attributes: unsafe extern "system" fn(*mut Handle, u32, *mut c_void) -> u32,
    free_context_buffer: unsafe extern "system" fn(*mut c_void) -> u32,
    encrypt_message: unsafe extern "system" fn(*mut Handle, u32, *mut BufferDesc, u32) -> u32,
    make_signature: unsafe extern "system" fn(*mut Handle, u32, *mut BufferDesc, u32) -> u32,
    decrypt_message: unsafe extern "system" fn(*mut Handle, *mut BufferDesc, u32, *mut u32) -> u32,
    verify_signature: unsafe extern "system" fn(*mut Handle, *mut BufferDesc, u32, *mut u32) -> u32,
    get_user_name: unsafe extern "system" fn(u32, *mut u16, *mut u32) -> u8,
}

/// Frees its handle when dropped.
pub(in crate::auth::kerberos) struct Credential {
    handle: Handle,
    functions: &'static Secur32,
}

/// Frees its handle when dropped.
pub(in crate::auth::kerberos) struct Context {
    handle: Handle,
    functions: &'static Secur32,
}

impl Secur32 {
    /// The library's file.
    pub(in crate::auth::kerberos) const FILE: &'static str = "secur32.dll";

    /// The library of this system, opened at the first call.
    ///
    /// # Errors
    /// A text that says what is missing.
    pub(in crate::auth::kerberos) fn system() -> Result<&'static Self, String> {
        static LIBRARY: OnceLock<Result<Secur32, String>> = OnceLock::new();
        let library = LIBRARY.get_or_init(|| Self::open().map_err(|error| format!("{}: {error}", Self::FILE)));
        library.as_ref().map_err(Clone::clone)
    }

    fn open() -> Result<Self, libloading::Error> {
        // SAFETY: a library of Windows, taken from the system's own folder and from nowhere else.
        let opened = unsafe { Opened::load_with_flags(Self::FILE, LOAD_LIBRARY_SEARCH_SYSTEM32) }?;
        // Leaked, so that the functions taken from it stay valid.
        let opened = Box::leak(Box::new(opened));
        // SAFETY: each symbol has the type that sspi.h or secext.h gives the function of this name.
        unsafe {
            Ok(Self {
                acquire_credentials_handle: *opened.get(b"AcquireCredentialsHandleW\0")?,
                free_credentials_handle: *opened.get(b"FreeCredentialsHandle\0")?,
                initialize_security_context: *opened.get(b"InitializeSecurityContextW\0")?,
                delete_security_context: *opened.get(b"DeleteSecurityContext\0")?,
                query_context_attributes: *opened.get(b"QueryContextAttributesW\0")?,
                free_context_buffer: *opened.get(b"FreeContextBuffer\0")?,
                encrypt_message: *opened.get(b"EncryptMessage\0")?,
                make_signature: *opened.get(b"MakeSignature\0")?,
                decrypt_message: *opened.get(b"DecryptMessage\0")?,
                verify_signature: *opened.get(b"VerifySignature\0")?,
                get_user_name: *opened.get(b"GetUserNameExW\0")?,
            })
        }
    }
}

impl Functions for &'static Secur32 {
    type Credential = Credential;
    type Context = Context;

    fn acquire(self, identity: Option<&Identity>) -> Result<Credential, u32> {
        let package: Vec<u16> = "Kerberos\0".encode_utf16().collect();
        let identity = identity.map(AuthIdentity::lent);
        let identity: *const AuthIdentity = identity.as_ref().map_or(null(), |identity| identity);
        let (mut handle, mut expiry) = (Handle::NONE, 0);
        // SAFETY: all pointers are null where that is allowed, or to values that outlive the call, which copies them.
        let code = unsafe {
            (self.acquire_credentials_handle)(
                null(),
                package.as_ptr(),
                OUTBOUND,
                null(),
                identity,
                null(),
                null(),
                &mut handle,
                &mut expiry,
            )
        };
        if code == 0 { Ok(Credential { handle, functions: self }) } else { Err(code) }
    }

    fn initialize(
        self,
        credential: &mut Credential,
        context: &mut Option<Context>,
        target: &[u16],
        requirements: u32,
        input: &mut [Part],
        output: &mut [Part],
    ) -> (u32, u32) {
        let (mut attributes, mut expiry, mut made) = (0, 0, Handle::NONE);
        let old: *mut Handle = context.as_mut().map_or(null_mut(), |context| &mut context.handle);
        let new = if old.is_null() { &mut made } else { old };
        let target = if target.last() == Some(&0) { target.as_ptr() } else { null() };
        let has_input = !input.is_empty();
        let (mut code, mut settled) = (SEC_E_INTERNAL_ERROR, false);
        lend(input, |input| {
            let input = if has_input { input } else { null_mut() };
            settled = lend(output, |output| {
                // SAFETY: all pointers are null where that is allowed, or to values that outlive the call; the target
                // ends with a zero; the buffers are ours and as long as they say.
                code = unsafe {
                    (self.initialize_security_context)(
                        &mut credential.handle,
                        old,
                        target,
                        requirements,
                        0,
                        NATIVE,
                        input,
                        0,
                        new,
                        output,
                        &mut attributes,
                        &mut expiry,
                    )
                };
            });
        });
        if made.is_some() && code & FAILED == 0 {
            *context = Some(Context { handle: made, functions: self });
        }
        (if settled || code & FAILED != 0 { code } else { SEC_E_INTERNAL_ERROR }, attributes)
    }

    fn protect(self, context: &mut Context, call: Call, parts: &mut [Part]) -> Result<u32, u32> {
        let (mut code, mut quality) = (SEC_E_INTERNAL_ERROR, 0);
        let handle: *mut Handle = &mut context.handle;
        let settled = lend(parts, |parts| {
            // SAFETY: the context is ours; the buffers are ours and as long as they say.
            code = unsafe {
                match call {
                    Call::Encrypt => (self.encrypt_message)(handle, 0, parts, 0),
                    Call::Sign => (self.make_signature)(handle, 0, parts, 0),
                    Call::Decrypt => (self.decrypt_message)(handle, parts, 0, &mut quality),
                    Call::Verify => (self.verify_signature)(handle, parts, 0, &mut quality),
                }
            };
        });
        match code {
            0 if settled => Ok(quality),
            0 => Err(SEC_E_INTERNAL_ERROR),
            code => Err(code),
        }
    }

    fn sizes(self, context: &mut Context) -> Result<Sizes, u32> {
        let mut sizes = RawSizes::default();
        let into: *mut RawSizes = &mut sizes;
        // SAFETY: the attribute fills a structure of this type.
        let code = unsafe { (self.query_context_attributes)(&mut context.handle, SIZES, into.cast()) };
        if code != 0 {
            return Err(code);
        }
        let [_, signature, block, trailer] = sizes.0.map(|size| usize::try_from(size).unwrap_or(0));
        Ok(Sizes { signature, block, trailer })
    }

    fn encryption(self, context: &mut Context) -> Option<u32> {
        let mut key = KeyInfo { names: [null_mut(); 2], size: 0, signature: 0, encryption: 0 };
        let into: *mut KeyInfo = &mut key;
        // SAFETY: the attribute fills a structure of this type.
        let code = unsafe { (self.query_context_attributes)(&mut context.handle, KEY_INFO, into.cast()) };
        if code != 0 {
            return None;
        }
        for name in key.names.into_iter().filter(|name| !name.is_null()) {
            // SAFETY: the library made it in the call that has returned, and nobody else has it.
            unsafe { (self.free_context_buffer)(name) };
        }
        Some(key.encryption)
    }

    fn account(self, format: u32) -> Option<String> {
        // More than a name has: 256 characters of a domain's, 256 of a user's.
        let mut name = [0u16; 1024];
        let mut length = u32::try_from(name.len()).ok()?;
        // SAFETY: the buffer is as long as it says.
        let given = unsafe { (self.get_user_name)(format, name.as_mut_ptr(), &mut length) };
        let name = name.get(..usize::try_from(length).ok()?).filter(|name| given != 0 && !name.is_empty())?;
        String::from_utf16(name).ok()
    }
}

/// Calls with the parts as a `SecBufferDesc`, and takes over what is left in them. False if that is not in them.
fn lend(parts: &mut [Part], call: impl FnOnce(*mut BufferDesc)) -> bool {
    let lend = |part: &mut Part| Buffer {
        length: u32::try_from(part.bytes.len()).unwrap_or(0),
        kind: part.kind,
        value: if part.bytes.capacity() == 0 { null_mut() } else { part.bytes.as_mut_ptr() },
    };
    let mut buffers: Vec<Buffer> = parts.iter_mut().map(lend).collect();
    let given: Vec<Place> = buffers.iter().map(Buffer::place).collect();
    let count = u32::try_from(buffers.len()).unwrap_or(0);
    let mut desc = BufferDesc { version: 0, count, buffers: buffers.as_mut_ptr() };
    call(&mut desc);
    let left: Vec<Place> = buffers.iter().map(Buffer::place).collect();
    settle(parts, &given, &left)
}

/// `SecHandle`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Handle {
    lower: usize,
    upper: usize,
}

impl Handle {
    /// As `SecInvalidateHandle` of sspi.h leaves it.
    const NONE: Self = Self { lower: usize::MAX, upper: usize::MAX };

    fn is_some(self) -> bool {
        self.lower != usize::MAX || self.upper != usize::MAX
    }
}

/// `SecBuffer`.
#[repr(C)]
struct Buffer {
    length: u32,
    kind: u32,
    value: *mut u8,
}

impl Buffer {
    fn place(&self) -> Place {
        Place { address: self.value.addr(), length: usize::try_from(self.length).unwrap_or(usize::MAX) }
    }
}

/// `SecBufferDesc`.
#[repr(C)]
struct BufferDesc {
    version: u32,
    count: u32,
    buffers: *mut Buffer,
}

/// `SEC_WINNT_AUTH_IDENTITY_W`.
#[repr(C)]
struct AuthIdentity {
    user: *const u16,
    user_length: u32,
    domain: *const u16,
    domain_length: u32,
    password: *const u16,
    password_length: u32,
    flags: u32,
}

impl AuthIdentity {
    /// For one call, during which the identity lives.
    fn lent(identity: &Identity) -> Self {
        let length = |text: &[u16]| u32::try_from(text.len()).unwrap_or(0);
        Self {
            user: identity.user.as_ptr(),
            user_length: length(&identity.user),
            domain: identity.domain.as_ptr(),
            domain_length: length(&identity.domain),
            password: identity.password.as_ptr(),
            password_length: length(&identity.password),
            flags: UNICODE,
        }
    }
}

/// `SecPkgContext_Sizes`.
#[repr(C)]
#[derive(Default)]
struct RawSizes([u32; 4]);

/// `SecPkgContext_KeyInfoW`.
#[repr(C)]
struct KeyInfo {
    names: [*mut c_void; 2],
    size: u32,
    signature: u32,
    encryption: u32,
}

impl Drop for Credential {
    fn drop(&mut self) {
        // SAFETY: the handle is ours alone and not used again.
        unsafe { (self.functions.free_credentials_handle)(&mut self.handle) };
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the handle is ours alone and not used again.
        unsafe { (self.functions.delete_security_context)(&mut self.handle) };
    }
}

const OUTBOUND: u32 = 2;
const NATIVE: u32 = 0x10;
const UNICODE: u32 = 2;
const SIZES: u32 = 0;
const KEY_INFO: u32 = 5;
/// The bit that all errors have.
const FAILED: u32 = 0x8000_0000;
