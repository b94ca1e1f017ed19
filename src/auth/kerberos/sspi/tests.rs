//! SSPI without Windows: a stand-in that notes what it is given and answers as Microsoft's pages say.
use std::sync::{LazyLock, MutexGuard};

use super::super::source::TicketSource;
use super::functions::{Place, Sizes, settle};
use super::*;

/// What the stand-in was given, and what it answers.
#[derive(Default)]
struct Script {
    accounts: Vec<(u32, &'static str)>,
    refuses: Option<u32>,
    code: u32,
    attributes: u32,
    quality: u32,
    token: Vec<u8>,
    identity: Option<[Vec<u16>; 3]>,
    target: Vec<u16>,
    requirements: u32,
    input: Vec<(u32, Vec<u8>)>,
    given: Vec<(u32, usize)>,
}

#[derive(Clone, Copy)]
struct Stand(&'static Mutex<Script>);

impl Stand {
    fn new(script: Script) -> Self {
        Self(Box::leak(Box::new(Mutex::new(script))))
    }

    fn script(self) -> MutexGuard<'static, Script> {
        self.0.lock().unwrap()
    }
}

/// Memory like that of a call: a place for each part, in address order.
fn places(parts: &[Part]) -> Vec<Place> {
    let mut address = 0x1000;
    let mut place = |part: &Part| {
        let place = Place { address, length: part.bytes.len() };
        address += part.bytes.len() + 0x10;
        place
    };
    parts.iter().map(&mut place).collect()
}

impl Functions for Stand {
    type Credential = ();
    type Context = ();

    fn acquire(self, identity: Option<&Identity>) -> Result<(), u32> {
        let mut script = self.script();
        script.identity = identity.map(|id| [id.user.to_vec(), id.domain.to_vec(), id.password.to_vec()]);
        script.refuses.map_or(Ok(()), Err)
    }

    fn initialize(
        self,
        (): &mut (),
        context: &mut Option<()>,
        target: &[u16],
        requirements: u32,
        input: &mut [Part],
        output: &mut [Part],
    ) -> (u32, u32) {
        let mut script = self.script();
        script.target = target.to_vec();
        script.requirements = requirements;
        script.input = input.iter().map(|part| (part.kind, part.bytes.clone())).collect();
        let given = places(output);
        let token = script.token.clone();
        output[0].bytes[..token.len()].copy_from_slice(&token);
        assert!(settle(output, &given, &[Place { length: token.len(), ..given[0] }]));
        *context = Some(());
        (script.code, script.attributes)
    }

    fn protect(self, (): &mut (), call: Call, parts: &mut [Part]) -> Result<u32, u32> {
        let mut script = self.script();
        script.given = parts.iter().map(|part| (part.kind, part.bytes.len())).collect();
        if let Some(code) = script.refuses {
            return Err(code);
        }
        let given = places(parts);
        let mut left = given.clone();
        match call {
            // A token shorter than the room for it, no padding, and the data in its place.
            Call::Encrypt => {
                parts[0].bytes[..3].copy_from_slice(b"tok");
                parts[1].bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
                (left[0].length, left[2].length) = (3, 0);
            }
            // The data is inside of the stream, behind the token.
            Call::Decrypt => {
                parts[0].bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
                left[1] = Place { address: given[0].address + 3, length: given[0].length - 3 };
            }
            Call::Sign => {
                parts[1].bytes[..4].copy_from_slice(b"code");
                left[1].length = 4;
            }
            Call::Verify if parts[1].bytes == b"code" => {}
            Call::Verify => return Err(0x8009_030f),
        }
        assert!(settle(parts, &given, &left));
        Ok(script.quality)
    }

    fn sizes(self, (): &mut ()) -> Result<Sizes, u32> {
        Ok(Sizes { signature: 28, block: 1, trailer: 60 })
    }

    fn encryption(self, (): &mut ()) -> Option<u32> {
        Some(18)
    }

    fn account(self, format: u32) -> Option<String> {
        let script = self.script();
        script.accounts.iter().find(|(known, _)| *known == format).map(|(_, name)| (*name).to_owned())
    }
}

static DOMAIN: &[(u32, &str)] = &[
    (NAME_SAM_COMPATIBLE, "LAB\\admin"),
    (NAME_DNS_DOMAIN, "lab.test\\admin"),
    (NAME_USER_PRINCIPAL, "ops@corp.example"),
];
static LOCAL: &[(u32, &str)] = &[(NAME_SAM_COMPATIBLE, "STATION-7\\admin")];
static SERVICE: LazyLock<ServiceName> = LazyLock::new(|| ServiceName::http("hv.lab.test"));
const ALL: u32 = MUTUAL | REPLAY | SEQUENCE | CONFIDENTIALITY | INTEGRITY;

fn user(text: &str) -> UserName {
    text.parse().unwrap()
}

fn login(stand: Stand) -> Box<dyn Login> {
    acquire_from(stand, None, None).unwrap().proof.begin(&SERVICE).unwrap()
}

/// A login that is complete.
fn complete(stand: Stand) -> Box<dyn Login> {
    let mut login = login(stand);
    assert!(login.step(ALL, None, b"").unwrap().complete);
    login
}

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

#[test]
fn a_session_is_known_by_three_names() {
    let stand = Stand::new(Script { accounts: DOMAIN.to_vec(), ..Script::default() });
    for name in ["admin", "LAB\\Admin", "lab.test\\admin", "ADMIN@lab.test", "ops@corp.example", "ops", "admin@lab"] {
        assert!(is_signed_on(stand, Some(&user(name))), "{name}");
    }
    for name in ["root", "OTHER\\admin", "admin@corp.example", "ops@lab.test", "LAB\\ops"] {
        assert!(!is_signed_on(stand, Some(&user(name))), "{name}");
    }
    assert!(is_signed_on(stand, None));
    assert_eq!(acquire_from(stand, None, None).unwrap().principal, "admin@LAB.TEST");
}

#[test]
fn a_local_account_is_no_login_but_may_try() {
    let stand = Stand::new(Script { accounts: LOCAL.to_vec(), ..Script::default() });
    assert!(!is_signed_on(stand, None));
    assert_eq!(acquire_from(stand, None, None).unwrap().principal, "STATION-7\\admin");
    let Err(error) = acquire_from(stand, Some(&user("admin@lab.test")), None) else { panic!("another's tickets") };
    assert_eq!(error.cause(), KerberosCause::NoTickets);
    assert!(error.to_string().contains("admin@lab.test") && error.to_string().contains("STATION-7\\admin"), "{error}");
    assert!(error.remedy().contains("sign in to Windows"));
}

#[test]
fn no_credentials_is_no_login() {
    let script = Script { accounts: DOMAIN.to_vec(), refuses: Some(0x8009_030e), ..Script::default() };
    let stand = Stand::new(script);
    assert!(!is_signed_on(stand, None));
    let Err(error) = acquire_from(stand, None, None) else { panic!("credentials") };
    assert_eq!(error.cause(), KerberosCause::NoTickets);
    assert!(error.to_string().ends_with("(SEC_E_NO_CREDENTIALS, 0x8009030e)"), "{error}");
}

#[test]
fn a_password_goes_with_the_name_as_it_was_written() {
    let stand = Stand::new(Script::default());
    let secret = Secret::from("canary-7c3d");
    for (name, account, domain) in
        [("LAB\\admin", "admin", "LAB"), ("admin@lab.test", "admin@lab.test", ""), ("a", "a", "")]
    {
        let taken = acquire_from(stand, Some(&user(name)), Some(&secret)).unwrap();
        assert_eq!((taken.principal.as_str(), taken.lifetime), (name, None));
        assert_eq!(stand.script().identity.clone().unwrap(), [utf16(account), utf16(domain), utf16("canary-7c3d")]);
    }
    let Err(error) = acquire_from(stand, None, Some(&secret)) else { panic!("whose password?") };
    assert_eq!(error.cause(), KerberosCause::NoPrincipal);
}

#[test]
fn a_login_in_two_steps() {
    let stand = Stand::new(Script { token: b"first".to_vec(), code: SEC_I_CONTINUE_NEEDED, ..Script::default() });
    let mut login = login(stand);
    assert_eq!(login.wrap(b"x").unwrap_err().text, NOT_BEGUN);

    let first = login.step(ALL | DELEGATE, None, b"").unwrap();
    assert_eq!((first.token.as_slice(), first.complete), (b"first".as_slice(), false));
    {
        let mut script = stand.script();
        assert_eq!(script.target, utf16("HTTP/hv.lab.test\0"));
        // Delegate, mutual, replay, sequence, confidentiality; integrity has a number of its own.
        assert_eq!(script.requirements, 0x1_001f);
        assert_eq!(script.input, []);
        (script.code, script.attributes, script.token) = (SEC_E_OK, 0x1_001e, Vec::new());
    }
    let last = login.step(ALL, None, b"answer").unwrap();
    assert_eq!((last.token.as_slice(), last.complete, last.flags), (b"".as_slice(), true, ALL));
    assert_eq!(stand.script().requirements, 0x1_001e);
    assert_eq!(stand.script().input, [(SECBUFFER_TOKEN, b"answer".to_vec())]);
    assert_eq!(login.encryption_type(), Some(18));
}

#[test]
fn what_the_login_lacks_is_not_reported() {
    let stand = Stand::new(Script { attributes: 0x12, ..Script::default() });
    assert_eq!(login(stand).step(ALL, None, b"").unwrap().flags, MUTUAL | CONFIDENTIALITY);
}

#[test]
fn the_binding_goes_along_with_every_step() {
    let stand = Stand::new(Script { code: SEC_I_CONTINUE_NEEDED, ..Script::default() });
    let mut login = login(stand);
    let mut bindings = [0; 24].to_vec();
    bindings.extend_from_slice(&[7, 0, 0, 0, 32, 0, 0, 0]);
    bindings.extend_from_slice(b"tls:abc");
    login.step(ALL, Some(b"tls:abc"), b"").unwrap();
    assert_eq!(stand.script().input, [(SECBUFFER_CHANNEL_BINDINGS, bindings.clone())]);
    login.step(ALL, Some(b"tls:abc"), b"answer").unwrap();
    let token = (SECBUFFER_TOKEN, b"answer".to_vec());
    assert_eq!(stand.script().input, [token, (SECBUFFER_CHANNEL_BINDINGS, bindings)]);
}

#[test]
fn sealing_and_opening() {
    let stand = Stand::new(Script::default());
    let mut login = complete(stand);
    for plain in [b"".as_slice(), b"x", b"a longer message"] {
        let (token, data) = login.wrap(plain).unwrap();
        assert_eq!(
            stand.script().given,
            [(SECBUFFER_TOKEN, 60), (SECBUFFER_DATA, plain.len()), (SECBUFFER_PADDING, 1)]
        );
        assert_eq!((token.as_slice(), data.len()), (b"tok".as_slice(), plain.len()));
        let sealed = [token, data].concat();
        assert_eq!(login.unwrap(&sealed).unwrap(), plain);
        assert_eq!(stand.script().given, [(SECBUFFER_STREAM, sealed.len()), (SECBUFFER_DATA, 0)]);
    }
    stand.script().quality = SECQOP_WRAP_NO_ENCRYPT;
    assert_eq!(login.unwrap(b"tokdata").unwrap_err().text, NOT_SEALED);
    stand.script().refuses = Some(0x8009_0310);
    assert!(login.unwrap(b"tokdata").unwrap_err().text.starts_with("SEC_E_OUT_OF_SEQUENCE"));
    assert!(login.wrap(b"x").is_err());
}

#[test]
fn integrity_codes() {
    let mut login = complete(Stand::new(Script::default()));
    let mic = login.mic(b"list").unwrap();
    assert_eq!(mic, b"code");
    login.verify_mic(b"list", &mic).unwrap();
    assert!(login.verify_mic(b"list", b"edoc").unwrap_err().text.starts_with("SEC_E_MESSAGE_ALTERED"));
}

#[test]
fn buffers_are_found_where_a_call_left_them() {
    let part = |bytes: &[u8]| Part { kind: 0, bytes: bytes.to_vec() };
    let place = |address, length| Place { address, length };
    let given = [place(100, 6), place(200, 4), place(0, 0)];
    let fresh = || [part(b"abcdef"), part(b"wxyz"), part(b"")];
    let after = |left: [Place; 3]| {
        let mut parts = fresh();
        settle(&mut parts, &given, &left).then(|| parts.map(|part| part.bytes))
    };
    let texts = |texts: [&str; 3]| Some(texts.map(|text| text.as_bytes().to_vec()));
    assert_eq!(after(given), texts(["abcdef", "wxyz", ""]));
    assert_eq!(after([place(100, 2), place(200, 0), place(0, 0)]), texts(["ab", "", ""]));
    // A part may be cut where another points to what was cut off.
    assert_eq!(after([place(100, 2), place(200, 4), place(102, 4)]), texts(["ab", "wxyz", "cdef"]));
    assert_eq!(after([place(202, 2), place(100, 6), place(9999, 0)]), texts(["yz", "abcdef", ""]));
    for outside in [place(99, 3), place(104, 3), place(300, 1), place(0, 1), place(100, 7), place(usize::MAX, 2)] {
        let mut parts = fresh();
        assert!(!settle(&mut parts, &given, &[given[0], given[1], outside]), "{outside:?}");
        assert_eq!(parts, fresh());
    }
}

#[test]
fn errors_name_their_cause_and_whom_they_are_about() {
    for (code, cause, about, remedy) in [
        (0x8009_0303, KerberosCause::UnknownService, "HTTP/hv.lab.test", "--spn"),
        (0x8009_0322, KerberosCause::ServiceKey, "HTTP/hv.lab.test", "klist purge"),
        (0x8009_0324, KerberosCause::ClockSkew, "HTTP/hv.lab.test", "five minutes"),
        (0x8009_0311, KerberosCause::Unreachable, "HTTP/hv.lab.test", "port 88"),
        (0x8009_0346, KerberosCause::Binding, "HTTP/hv.lab.test", "TLS connection"),
        (0x8009_030c, KerberosCause::WrongPassword, "admin@LAB.TEST", "tried once"),
        (0x8009_030e, KerberosCause::NoTickets, "admin@LAB.TEST", "klist"),
        (0x8009_03ff, KerberosCause::Other, "HTTP/hv.lab.test", "System log"),
    ] {
        let stand = Stand::new(Script { code, ..Script::default() });
        let status = login(stand).step(ALL, None, b"").err().unwrap();
        let error = KerberosError::of_login(&status, "HTTP/hv.lab.test", "admin@LAB.TEST");
        assert_eq!(error.cause(), cause, "{error}");
        assert!(error.to_string().contains(about) && error.to_string().contains(&format!("{code:#010x}")), "{error}");
        assert!(error.remedy().contains(remedy), "{}", error.remedy());
        assert_eq!(error.judged_password(), cause == KerberosCause::WrongPassword);
    }
}

#[test]
fn a_keytab_is_told_to_be_none_of_windows() {
    if super::super::kerberos_library() != Ok("secur32.dll") {
        return;
    }
    let source = TicketSource::Keytab("C:\\hvr.keytab".into());
    let error = super::super::Tickets::acquire(None, &source).unwrap_err();
    if error.cause() == KerberosCause::NoLibrary {
        assert!(error.remedy().contains("MIT Kerberos for Windows"));
    }
}
