//! The system's GSSAPI library, opened at run time: with SSPI below, the only unsafe code of this crate.
//!
//! Nothing of it is needed to build or to start. Every function here is safe to call; what the C
//! side hands out is freed by `Drop`, and what it points to is copied before it is freed.
//!
//! INVARIANT: the library is opened once and never closed, so its functions may be called for as
//! long as the process lives. INVARIANT: a handle (`Name`, `Credential`, `Context`) is owned by one
//! value, is never null inside it but for a context before its first step, and is used by one
//! thread at a time: calls that change it take `&mut self`, and no type here is `Sync`.
#![allow(unsafe_code, reason = "C functions of a library opened at run time; see the invariants above")]

mod raw;
#[cfg(windows)]
pub(super) mod secur32;

use std::ffi::{CString, c_int};
use std::ptr::{null, null_mut};

use zeroize::Zeroize;

use super::error::Status;
use super::provider::{NOT_BEGUN, NOT_SEALED, Stepped};
use raw::{
    Bindings, Buffer, Handle, Iov, KERBEROS, KERBEROS_OID, KeyValue, KeyValues, OidSet, PRINCIPAL_NAME, SESSION_KEY,
};
pub(super) use raw::{Library, NoLibrary};

/// A principal's name.
pub(super) struct Name {
    handle: Handle,
    library: &'static Library,
}

/// What proves who the client is.
pub(super) struct Credential {
    handle: Handle,
    library: &'static Library,
}

/// One login, and the keys it leads to.
pub(super) struct Context {
    handle: Handle,
    library: &'static Library,
}

/// Where a [`Credential`] comes from.
pub(super) enum Source<'a> {
    /// Wherever the library looks by itself.
    Default,
    /// Named stores: `ccache`, `client_keytab`.
    Stores(&'a [(&'static str, String)]),
    /// A password; the library keeps it in memory only.
    Password(&'a str),
}

impl Library {
    /// The principal of this text, taken as it is: no host name in it is looked up.
    pub(super) fn name(&'static self, text: &str) -> Result<Name, Status> {
        let (mut minor, mut handle) = (0, null_mut());
        let text = Buffer::lent(text.as_bytes());
        // SAFETY: all pointers are to live values of the types named; the text is copied.
        let major = unsafe { (self.import_name)(&mut minor, &text, &PRINCIPAL_NAME, &mut handle) };
        let name = Name { handle, library: self };
        self.checked(major, minor).map(|_| name)
    }

    /// A credential of this principal, or of whichever the source has.
    pub(super) fn credential(&'static self, name: Option<&Name>, source: Source<'_>) -> Result<Credential, Status> {
        let (mut minor, mut handle) = (0, null_mut());
        let name = name.map_or(null_mut(), |name| name.handle);
        let mechanisms = OidSet { count: 1, elements: &KERBEROS };
        // SAFETY: all pointers are to values that outlive the call; the library copies what it keeps.
        let major = unsafe {
            match source {
                Source::Default => (self.acquire_cred)(
                    &mut minor,
                    name,
                    FOREVER,
                    &mechanisms,
                    INITIATE,
                    &mut handle,
                    null_mut(),
                    null_mut(),
                ),
                Source::Password(password) => {
                    let password = Buffer::lent(password.as_bytes());
                    (self.acquire_cred_with_password)(
                        &mut minor,
                        name,
                        &password,
                        FOREVER,
                        &mechanisms,
                        INITIATE,
                        &mut handle,
                        null_mut(),
                        null_mut(),
                    )
                }
                Source::Stores(pairs) => {
                    let acquire = self.acquire_cred_from.ok_or_else(|| Status::own(UNAVAILABLE, NO_STORES))?;
                    let c_string = |text: &str| CString::new(text).map_err(|_| Status::own(FAILURE, NUL_INSIDE));
                    let texts = pairs.iter().map(|(key, value)| Ok((c_string(key)?, c_string(value)?)));
                    let texts: Vec<(CString, CString)> = texts.collect::<Result<_, Status>>()?;
                    let elements: Vec<KeyValue> = texts
                        .iter()
                        .map(|(key, value)| KeyValue { key: key.as_ptr(), value: value.as_ptr() })
                        .collect();
                    let count = u32::try_from(elements.len()).unwrap_or(0);
                    let stores = KeyValues { count, elements: elements.as_ptr() };
                    acquire(
                        &mut minor,
                        name,
                        FOREVER,
                        &mechanisms,
                        INITIATE,
                        &stores,
                        &mut handle,
                        null_mut(),
                        null_mut(),
                    )
                }
            }
        };
        let credential = Credential { handle, library: self };
        self.checked(major, minor).map(|_| credential)
    }

    /// A login that has not begun.
    pub(super) fn context(&'static self) -> Context {
        Context { handle: null_mut(), library: self }
    }

    /// The supplementary bits of a call that succeeded.
    fn checked(&self, major: u32, minor: u32) -> Result<u32, Status> {
        if major & ERRORS == 0 {
            return Ok(major & !ERRORS);
        }
        let mut texts = self.texts(major, BY_MAJOR);
        // A minor status says more, where there is one.
        if minor != 0 {
            let detail = self.texts(minor, BY_MINOR);
            let says_nothing = detail.iter().all(|text| text.starts_with("Success") || text.starts_with("Unknown"));
            texts = if says_nothing { texts } else { detail };
        }
        Err(Status { major: major & ERRORS, minor, sspi: None, text: texts.join("; ") })
    }

    fn texts(&self, status: u32, kind: c_int) -> Vec<String> {
        let (mut texts, mut more) = (Vec::new(), 0);
        loop {
            let (mut minor, mut text) = (0, Buffer::EMPTY);
            // SAFETY: all pointers are to live values of the types named.
            let major = unsafe { (self.display_status)(&mut minor, status, kind, &KERBEROS, &mut more, &mut text) };
            if major & ERRORS != 0 {
                return texts;
            }
            let text = String::from_utf8_lossy(&self.taken(text)).trim().to_owned();
            texts.extend((!text.is_empty()).then_some(text));
            if more == 0 || texts.len() == MOST_TEXTS {
                return texts;
            }
        }
    }

    /// The content of a buffer that the library filled; frees it there.
    fn taken(&self, mut buffer: Buffer) -> Vec<u8> {
        // SAFETY: the library filled it in a call that has returned, and nobody else has it.
        let content = unsafe { buffer.bytes() }.to_vec();
        let mut minor = 0;
        // SAFETY: the buffer is the library's own.
        unsafe { (self.release_buffer)(&mut minor, &mut buffer) };
        content
    }
}

impl Credential {
    /// Whose it is, and for how many seconds it holds. Resolves what the library left for later,
    /// so this may ask the KDC.
    pub(super) fn facts(&mut self) -> Result<(String, u32), Status> {
        let (mut minor, mut name, mut lifetime) = (0, null_mut(), 0);
        let library = self.library;
        // SAFETY: all pointers are to live values of the types named.
        let major = unsafe {
            (library.inquire_cred)(&mut minor, self.handle, &mut name, &mut lifetime, null_mut(), null_mut())
        };
        let name = Name { handle: name, library };
        library.checked(major, minor)?;
        Ok((name.text()?, lifetime))
    }
}

impl Name {
    fn text(&self) -> Result<String, Status> {
        let (mut minor, mut text) = (0, Buffer::EMPTY);
        // SAFETY: all pointers are to live values of the types named.
        let major = unsafe { (self.library.display_name)(&mut minor, self.handle, &mut text, null_mut()) };
        self.library.checked(major, minor)?;
        Ok(String::from_utf8_lossy(&self.library.taken(text)).into_owned())
    }
}

impl Context {
    /// Makes the first token, or answers one. May ask the KDC.
    ///
    /// `binding` is the application data of the channel binding, the same in every step.
    pub(super) fn step(
        &mut self,
        credential: &mut Credential,
        target: &Name,
        flags: u32,
        binding: Option<&[u8]>,
        incoming: &[u8],
    ) -> Result<Stepped, Status> {
        let (mut minor, mut outgoing, mut got) = (0, Buffer::EMPTY, 0);
        let bindings = binding.map(|data| Bindings { application_data: Buffer::lent(data), ..Bindings::NONE });
        let bindings: *const Bindings = bindings.as_ref().map_or(null(), |bindings| bindings);
        let incoming = Buffer::lent(incoming);
        // SAFETY: all pointers are to values that outlive the call; the context handle is null or
        // one that this function made.
        let major = unsafe {
            (self.library.init_sec_context)(
                &mut minor,
                credential.handle,
                &mut self.handle,
                target.handle,
                &KERBEROS,
                flags,
                0,
                bindings,
                &incoming,
                null_mut(),
                &mut outgoing,
                &mut got,
                null_mut(),
            )
        };
        let token = self.library.taken(outgoing);
        let info = self.library.checked(major, minor)?;
        Ok(Stepped { token, complete: info & CONTINUE_NEEDED == 0, flags: got })
    }

    /// Seals a message: the token before the data, and the data with what little padding old
    /// ciphers want.
    pub(super) fn wrap(&mut self, plain: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Status> {
        self.begun()?;
        let (mut minor, mut sealed) = (0, 0);
        // Enciphered in place; never without memory behind it, as an empty buffer would have none.
        let mut data = Vec::with_capacity(plain.len() + 1);
        data.extend_from_slice(plain);
        let mut parts = [
            Iov { kind: HEADER | ALLOCATE, buffer: Buffer::EMPTY },
            Iov { kind: DATA, buffer: Buffer { length: data.len(), value: data.as_mut_ptr().cast() } },
            Iov { kind: PADDING | ALLOCATE, buffer: Buffer::EMPTY },
        ];
        // SAFETY: three parts are given as three; the data is ours and is written only within its length.
        let major =
            unsafe { (self.library.wrap_iov)(&mut minor, self.handle, 1, 0, &mut sealed, parts.as_mut_ptr(), 3) };
        let [header, _, padding] = &parts;
        // SAFETY: the library set both in the call that has returned, or left them empty.
        let (header, padding) = unsafe { (header.buffer.bytes().to_vec(), padding.buffer.bytes().to_vec()) };
        // SAFETY: frees the two parts that the library marked as its own.
        unsafe { (self.library.release_iov)(&mut 0, parts.as_mut_ptr(), 3) };
        let outcome = self.library.checked(major, minor);
        if outcome.is_err() || sealed == 0 {
            data.zeroize();
            outcome?;
            return Err(Status::own(FAILURE, NOT_SEALED));
        }
        data.extend_from_slice(&padding);
        Ok((header, data))
    }

    /// Opens a sealed message, token and data in one.
    pub(super) fn unwrap(&mut self, token: &[u8]) -> Result<Vec<u8>, Status> {
        self.begun()?;
        let (mut minor, mut plain, mut sealed) = (0, Buffer::EMPTY, 0);
        let token = Buffer::lent(token);
        // SAFETY: all pointers are to live values of the types named.
        let major =
            unsafe { (self.library.unwrap)(&mut minor, self.handle, &token, &mut plain, &mut sealed, null_mut()) };
        let plain = self.library.taken(plain);
        match self.library.checked(major, minor)? {
            // Repeated, old, or out of order (RFC 2743 1.2.3).
            info @ 1.. => Err(Status::own(info, OUT_OF_ORDER)),
            0 if sealed == 0 => Err(Status::own(FAILURE, NOT_SEALED)),
            0 => Ok(plain),
        }
    }

    /// The integrity code of a text.
    pub(super) fn mic(&mut self, text: &[u8]) -> Result<Vec<u8>, Status> {
        self.begun()?;
        let (mut minor, mut mic, text) = (0, Buffer::EMPTY, Buffer::lent(text));
        // SAFETY: all pointers are to live values of the types named.
        let major = unsafe { (self.library.get_mic)(&mut minor, self.handle, 0, &text, &mut mic) };
        let mic = self.library.taken(mic);
        self.library.checked(major, minor).map(|_| mic)
    }

    /// Checks the integrity code of a text.
    pub(super) fn verify_mic(&mut self, text: &[u8], mic: &[u8]) -> Result<(), Status> {
        self.begun()?;
        let (mut minor, text, mic) = (0, Buffer::lent(text), Buffer::lent(mic));
        // SAFETY: all pointers are to live values of the types named.
        let major = unsafe { (self.library.verify_mic)(&mut minor, self.handle, &text, &mic, null_mut()) };
        match self.library.checked(major, minor)? {
            0 => Ok(()),
            info => Err(Status::own(info, OUT_OF_ORDER)),
        }
    }

    /// The number of the encryption type (RFC 3961 8) of the session key, if the library tells.
    pub(super) fn encryption_type(&mut self) -> Option<u32> {
        self.begun().ok()?;
        let (mut minor, mut set) = (0, null_mut());
        // SAFETY: all pointers are to live values of the types named.
        let major = unsafe { (self.library.inquire_by_oid)(&mut minor, self.handle, &SESSION_KEY, &mut set) };
        if major & ERRORS != 0 || set.is_null() {
            return None;
        }
        // SAFETY: the library made the set in the call that has returned; it is freed below, and the
        // key in it, its first element, is wiped before.
        unsafe {
            let (elements, count) = ((*set).elements, (*set).count);
            let elements = if elements.is_null() { &mut [] } else { std::slice::from_raw_parts_mut(elements, count) };
            let number = elements.get(1).and_then(|oid| last_arc(oid.bytes()));
            if let Some(key) = elements.first_mut().filter(|key| !key.value.is_null()) {
                std::slice::from_raw_parts_mut(key.value.cast::<u8>(), key.length).zeroize();
            }
            (self.library.release_buffer_set)(&mut minor, &mut set);
            number
        }
    }

    fn begun(&self) -> Result<(), Status> {
        if self.handle.is_null() { Err(Status::own(NO_CONTEXT, NOT_BEGUN)) } else { Ok(()) }
    }
}

impl Status {
    fn own(major: u32, text: &str) -> Self {
        Self { major, minor: 0, sspi: None, text: text.to_owned() }
    }
}

/// The last number of an object identifier below that of the Kerberos mechanism.
fn last_arc(oid: &[u8]) -> Option<u32> {
    let arc = oid.strip_prefix(&KERBEROS_OID)?.strip_prefix(&[4])?;
    arc.iter().try_fold(0u32, |number, byte| number.checked_mul(128)?.checked_add(u32::from(byte & 0x7f)))
}

impl Drop for Name {
    fn drop(&mut self) {
        if !self.handle.is_null() {
            // SAFETY: the handle is ours alone and not used again.
            unsafe { (self.library.release_name)(&mut 0, &mut self.handle) };
        }
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        if !self.handle.is_null() {
            // SAFETY: the handle is ours alone and not used again.
            unsafe { (self.library.release_cred)(&mut 0, &mut self.handle) };
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if !self.handle.is_null() {
            // SAFETY: the handle is ours alone and not used again; no last token is wanted.
            unsafe { (self.library.delete_sec_context)(&mut 0, &mut self.handle, null_mut()) };
        }
    }
}

// SAFETY: a handle belongs to no thread (RFC 2743 does not bind one to any, and both
// implementations lock what they share); each is used by one thread at a time, see above.
unsafe impl Send for Name {}
// SAFETY: as above.
unsafe impl Send for Credential {}
// SAFETY: as above.
unsafe impl Send for Context {}

const INITIATE: c_int = 1;
const FOREVER: u32 = u32::MAX;
const BY_MAJOR: c_int = 1;
const BY_MINOR: c_int = 2;
const ERRORS: u32 = 0xffff_0000;
const CONTINUE_NEEDED: u32 = 1;
const NO_CONTEXT: u32 = 8 << 16;
const FAILURE: u32 = 13 << 16;
const UNAVAILABLE: u32 = 16 << 16;
const DATA: u32 = 1;
const HEADER: u32 = 2;
const PADDING: u32 = 9;
const ALLOCATE: u32 = 0x0001_0000;
/// No status has this many texts; guards against a library that never says "no more".
const MOST_TEXTS: usize = 8;

const NO_STORES: &str = "this Kerberos library takes no keytab or cache by name; set KRB5_CLIENT_KTNAME or KRB5CCNAME";
const NUL_INSIDE: &str = "a file name holds a zero byte";
const OUT_OF_ORDER: &str = "a message was lost, repeated or reordered";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_arc_of_an_encryption_type() {
        let oid = |tail: &[u8]| [&KERBEROS_OID[..], tail].concat();
        assert_eq!(last_arc(&oid(&[4, 18])), Some(18));
        assert_eq!(last_arc(&oid(&[4, 0x81, 0x00])), Some(128));
        assert_eq!(last_arc(&oid(&[5, 18])), None);
        assert_eq!(last_arc(&oid(&[4, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])), None);
        assert_eq!(last_arc(b"x"), None);
    }

    #[test]
    fn nothing_is_wrapped_before_the_login() {
        let Ok(library) = Library::system() else { return };
        let mut context = library.context();
        assert_eq!(context.wrap(b"x").unwrap_err().major, NO_CONTEXT);
        assert_eq!(context.unwrap(b"x").unwrap_err().major, NO_CONTEXT);
        assert_eq!(context.mic(b"x").unwrap_err().major, NO_CONTEXT);
        assert_eq!(context.encryption_type(), None);
    }

    #[test]
    fn a_name_is_taken_as_it_is() {
        let Ok(library) = Library::system() else { return };
        assert_eq!(library.name("HTTP/hv.lab.test@LAB.TEST").unwrap().text().unwrap(), "HTTP/hv.lab.test@LAB.TEST");
    }
}
