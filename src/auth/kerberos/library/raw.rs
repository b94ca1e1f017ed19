//! What the library looks like to C: its functions, structures and constants.
#![allow(unsafe_code, reason = "see the module above")]

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::OnceLock;

use libloading::Library as Opened;

/// The functions of RFC 2744 and the extensions used here, as MIT and Heimdal both export them.
pub(in crate::auth::kerberos) struct Library {
    #[cfg_attr(windows, expect(dead_code, reason = "SSPI is named there"))]
    pub(in crate::auth::kerberos) file: &'static str,
    pub(super) import_name: unsafe extern "system" fn(*mut u32, *const Buffer, *const Oid, *mut Handle) -> u32,
    pub(super) display_name: unsafe extern "system" fn(*mut u32, Handle, *mut Buffer, *mut *const Oid) -> u32,
    pub(super) release_name: unsafe extern "system" fn(*mut u32, *mut Handle) -> u32,
    pub(super) acquire_cred: unsafe extern "system" fn(
        *mut u32,
        Handle,
        u32,
        *const OidSet,
        c_int,
        *mut Handle,
        *mut *const OidSet,
        *mut u32,
    ) -> u32,
    pub(super) acquire_cred_with_password: unsafe extern "system" fn(
        *mut u32,
        Handle,
        *const Buffer,
        u32,
        *const OidSet,
        c_int,
        *mut Handle,
        *mut *const OidSet,
        *mut u32,
    ) -> u32,
    /// Not in Heimdal before version 8.
    pub(super) acquire_cred_from: Option<AcquireCredFrom>,
    pub(super) inquire_cred:
        unsafe extern "system" fn(*mut u32, Handle, *mut Handle, *mut u32, *mut c_int, *mut *const OidSet) -> u32,
    pub(super) release_cred: unsafe extern "system" fn(*mut u32, *mut Handle) -> u32,
    pub(super) init_sec_context: unsafe extern "system" fn(
        *mut u32,
        Handle,
        *mut Handle,
        Handle,
        *const Oid,
        u32,
        u32,
        *const Bindings,
        *const Buffer,
        *mut *const Oid,
        *mut Buffer,
        *mut u32,
        *mut u32,
    ) -> u32,
    pub(super) delete_sec_context: unsafe extern "system" fn(*mut u32, *mut Handle, *mut Buffer) -> u32,
    pub(super) inquire_by_oid: unsafe extern "system" fn(*mut u32, Handle, *const Oid, *mut *mut BufferSet) -> u32,
    pub(super) release_buffer_set: unsafe extern "system" fn(*mut u32, *mut *mut BufferSet) -> u32,
    pub(super) wrap_iov: unsafe extern "system" fn(*mut u32, Handle, c_int, u32, *mut c_int, *mut Iov, c_int) -> u32,
    pub(super) release_iov: unsafe extern "system" fn(*mut u32, *mut Iov, c_int) -> u32,
    pub(super) unwrap:
        unsafe extern "system" fn(*mut u32, Handle, *const Buffer, *mut Buffer, *mut c_int, *mut u32) -> u32,
    pub(super) get_mic: unsafe extern "system" fn(*mut u32, Handle, u32, *const Buffer, *mut Buffer) -> u32,
    pub(super) verify_mic: unsafe extern "system" fn(*mut u32, Handle, *const Buffer, *const Buffer, *mut u32) -> u32,
    pub(super) display_status:
        unsafe extern "system" fn(*mut u32, u32, c_int, *const Oid, *mut u32, *mut Buffer) -> u32,
    pub(super) release_buffer: unsafe extern "system" fn(*mut u32, *mut Buffer) -> u32,
}

pub(super) type AcquireCredFrom = unsafe extern "system" fn(
    *mut u32,
    Handle,
    u32,
    *const OidSet,
    c_int,
    *const KeyValues,
    *mut Handle,
    *mut *const OidSet,
    *mut u32,
) -> u32;

/// Why there is no library; each with a text for every file that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::auth::kerberos) enum NoLibrary {
    /// None of the files is there.
    Absent(String),
    /// One is there and does not load: in the words of the loader.
    Unusable(String),
}

impl Library {
    /// The library of this system, opened at the first call.
    ///
    /// # Errors
    /// [`NoLibrary`].
    pub(in crate::auth::kerberos) fn system() -> Result<&'static Self, NoLibrary> {
        static LIBRARY: OnceLock<Result<Library, NoLibrary>> = OnceLock::new();
        LIBRARY.get_or_init(Self::open).as_ref().map_err(Clone::clone)
    }

    fn open() -> Result<Self, NoLibrary> {
        let mut reasons = Vec::new();
        let mut all_absent = true;
        for file in FILES {
            // SAFETY: initialisers of a GSSAPI library set up its own state and nothing of ours.
            match unsafe { Opened::new(*file) } {
                // Leaked, so that the functions taken from it stay valid.
                Ok(opened) => match Self::resolve(file, Box::leak(Box::new(opened))) {
                    Ok(library) => return Ok(library),
                    Err(error) => {
                        all_absent = false;
                        reasons.push(named(file, &words(&error)));
                    }
                },
                Err(error) => match words(&error) {
                    text if is_absent(file, &text) => reasons.push(format!("{file}: not there")),
                    text => {
                        all_absent = false;
                        reasons.push(named(file, &text));
                    }
                },
            }
        }
        let reasons = reasons.join("; ");
        Err(if all_absent { NoLibrary::Absent(reasons) } else { NoLibrary::Unusable(reasons) })
    }

    fn resolve(file: &'static str, opened: &'static Opened) -> Result<Self, libloading::Error> {
        // SAFETY: each symbol has the type that RFC 2744, or the header of both implementations
        // for the extensions, gives the function of this name.
        unsafe {
            Ok(Self {
                file,
                import_name: *opened.get(b"gss_import_name\0")?,
                display_name: *opened.get(b"gss_display_name\0")?,
                release_name: *opened.get(b"gss_release_name\0")?,
                acquire_cred: *opened.get(b"gss_acquire_cred\0")?,
                acquire_cred_with_password: *opened.get(b"gss_acquire_cred_with_password\0")?,
                acquire_cred_from: opened.get(b"gss_acquire_cred_from\0").ok().map(|symbol| *symbol),
                inquire_cred: *opened.get(b"gss_inquire_cred\0")?,
                release_cred: *opened.get(b"gss_release_cred\0")?,
                init_sec_context: *opened.get(b"gss_init_sec_context\0")?,
                delete_sec_context: *opened.get(b"gss_delete_sec_context\0")?,
                inquire_by_oid: *opened.get(b"gss_inquire_sec_context_by_oid\0")?,
                release_buffer_set: *opened.get(b"gss_release_buffer_set\0")?,
                wrap_iov: *opened.get(b"gss_wrap_iov\0")?,
                release_iov: *opened.get(b"gss_release_iov_buffer\0")?,
                unwrap: *opened.get(b"gss_unwrap\0")?,
                get_mic: *opened.get(b"gss_get_mic\0")?,
                verify_mic: *opened.get(b"gss_verify_mic\0")?,
                display_status: *opened.get(b"gss_display_status\0")?,
                release_buffer: *opened.get(b"gss_release_buffer\0")?,
            })
        }
    }
}

/// What the loader says; the outer error only says which function failed.
fn words(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn named(file: &str, text: &str) -> String {
    if text.contains(file) { text.to_owned() } else { format!("{file}: {text}") }
}

/// Whether it is this file that is missing, and not one that it needs. glibc begins with the name of the file that it
/// could not open, musl ends a sentence with it; both also say so of a dependency.
fn is_absent(file: &str, text: &str) -> bool {
    match std::path::Path::new(file).is_absolute() {
        true => !std::path::Path::new(file).exists(),
        false => {
            let is_about_it = text.starts_with(&format!("{file}:")) || text.contains(&format!(" library {file}:"));
            is_about_it && text.contains("No such file")
        }
    }
}

pub(super) type Handle = *mut c_void;

/// `gss_buffer_desc`. Apple packs the structures of this header on Intel.
#[repr(C)]
#[cfg_attr(all(target_os = "macos", target_arch = "x86_64"), repr(packed(2)))]
pub(super) struct Buffer {
    pub(super) length: usize,
    pub(super) value: *mut c_void,
}

impl Buffer {
    pub(super) const EMPTY: Self = Self { length: 0, value: null_mut() };

    /// For an argument that the library only reads, during one call.
    pub(super) fn lent(bytes: &[u8]) -> Self {
        Self { length: bytes.len(), value: bytes.as_ptr().cast_mut().cast() }
    }

    /// # Safety
    /// The buffer must be empty, or its content live for as long as the slice is.
    pub(super) unsafe fn bytes<'a>(&self) -> &'a [u8] {
        let (length, value) = (self.length, self.value);
        if value.is_null() || length == 0 {
            return &[];
        }
        // SAFETY: by contract.
        unsafe { std::slice::from_raw_parts(value.cast_const().cast(), length) }
    }
}

/// `gss_buffer_set_desc`.
#[repr(C)]
#[cfg_attr(all(target_os = "macos", target_arch = "x86_64"), repr(packed(2)))]
pub(super) struct BufferSet {
    pub(super) count: usize,
    pub(super) elements: *mut Buffer,
}

/// `gss_OID_desc`.
#[repr(C)]
#[cfg_attr(all(target_os = "macos", target_arch = "x86_64"), repr(packed(2)))]
pub(super) struct Oid {
    pub(super) length: u32,
    pub(super) elements: *const u8,
}

// SAFETY: points to constants.
unsafe impl Sync for Oid {}

/// `gss_OID_set_desc`.
#[repr(C)]
#[cfg_attr(all(target_os = "macos", target_arch = "x86_64"), repr(packed(2)))]
pub(super) struct OidSet {
    pub(super) count: usize,
    pub(super) elements: *const Oid,
}

/// `gss_channel_bindings_struct` (RFC 2744 3.11).
#[repr(C)]
#[cfg_attr(all(target_os = "macos", target_arch = "x86_64"), repr(packed(2)))]
pub(super) struct Bindings {
    pub(super) initiator_type: u32,
    pub(super) initiator_address: Buffer,
    pub(super) acceptor_type: u32,
    pub(super) acceptor_address: Buffer,
    pub(super) application_data: Buffer,
}

impl Bindings {
    pub(super) const NONE: Self = Self {
        initiator_type: 0,
        initiator_address: Buffer::EMPTY,
        acceptor_type: 0,
        acceptor_address: Buffer::EMPTY,
        application_data: Buffer::EMPTY,
    };
}

/// `gss_iov_buffer_desc`.
#[repr(C)]
#[cfg_attr(all(target_os = "macos", target_arch = "x86_64"), repr(packed(2)))]
pub(super) struct Iov {
    pub(super) kind: u32,
    pub(super) buffer: Buffer,
}

/// `gss_key_value_element_desc`.
#[repr(C)]
pub(super) struct KeyValue {
    pub(super) key: *const c_char,
    pub(super) value: *const c_char,
}

/// `gss_key_value_set_desc`.
#[repr(C)]
pub(super) struct KeyValues {
    pub(super) count: u32,
    pub(super) elements: *const KeyValue,
}

/// Where the library is looked for: MIT before Heimdal, as only the former is run by our tests. By full path where the
/// system would otherwise look next to the program or in the current directory.
#[cfg(all(unix, not(target_os = "macos")))]
const FILES: &[&str] = &["libgssapi_krb5.so.2", "libgssapi.so.3", "libgssapi.so"];
#[cfg(target_os = "macos")]
const FILES: &[&str] = &[
    "/opt/homebrew/opt/krb5/lib/libgssapi_krb5.dylib",
    "/usr/local/opt/krb5/lib/libgssapi_krb5.dylib",
    "/System/Library/Frameworks/GSS.framework/GSS",
];
#[cfg(windows)]
const FILES: &[&str] = &["C:\\Program Files\\MIT\\Kerberos\\bin\\gssapi64.dll"];
#[cfg(not(any(unix, windows)))]
const FILES: &[&str] = &[];

/// 1.2.840.113554.1.2.2
pub(super) const KERBEROS_OID: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];
pub(super) static KERBEROS: Oid = Oid { length: 9, elements: KERBEROS_OID.as_ptr() };
/// GSS_KRB5_NT_PRINCIPAL_NAME, 1.2.840.113554.1.2.2.1
pub(super) static PRINCIPAL_NAME: Oid =
    Oid { length: 10, elements: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x01].as_ptr() };
/// GSS_C_INQ_SSPI_SESSION_KEY, 1.2.840.113554.1.2.2.5.5
pub(super) static SESSION_KEY: Oid =
    Oid { length: 11, elements: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x05, 0x05].as_ptr() };

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of glibc 2.36 and musl 1.2.
    #[test]
    fn a_missing_dependency_is_no_missing_library() {
        const FILE: &str = "libgssapi_krb5.so.2";
        for (text, absent) in [
            ("libgssapi_krb5.so.2: cannot open shared object file: No such file or directory", true),
            ("Error loading shared library libgssapi_krb5.so.2: No such file or directory", true),
            ("libkrb5.so.3: cannot open shared object file: No such file or directory", false),
            (
                "Error loading shared library libkrb5.so.3: No such file or directory (needed by libgssapi_krb5.so.2)",
                false,
            ),
            ("libgssapi_krb5.so.2: wrong ELF class: ELFCLASS32", false),
            ("/x/libgssapi_krb5.so.2: invalid ELF header", false),
            ("Dynamic loading not supported", false),
        ] {
            assert_eq!(is_absent(FILE, text), absent, "{text}");
        }
        assert_eq!(named(FILE, "Dynamic loading not supported"), "libgssapi_krb5.so.2: Dynamic loading not supported");
        assert!(is_absent("/nonexistent/krb5.dylib", "whatever the system says"));
    }
}
