//! What goes wrong with Kerberos, told by cause, with what to do about it.
use std::fmt;

/// A Kerberos login that did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KerberosError {
    cause: KerberosCause,
    /// Whom or what it is about: a principal, a service, a file.
    about: String,
    /// What the library says.
    detail: String,
    /// Whether Windows said it, where the tools are others.
    sspi: bool,
}

/// A call that failed, or one whose answer must not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) major: u32,
    pub(super) minor: u32,
    /// What the code of SSPI means; none where the code is one of GSSAPI.
    pub(super) sspi: Option<KerberosCause>,
    /// What the library says about it.
    pub(super) text: String,
}

/// Why a Kerberos login did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KerberosCause {
    /// No library is installed that serves this.
    NoLibrary,
    /// A library is there, and the system's loader does not load it: another architecture, a missing dependency, a
    /// program that is linked statically and can load none.
    LibraryUnusable,
    /// The user name is no principal: it names a Windows domain in the old way.
    NoPrincipal,
    /// There is no ticket cache, or none of the account.
    NoTickets,
    /// The tickets in the cache are past their end.
    TicketsExpired,
    /// The keytab cannot be read, or has no key of the account.
    Keytab,
    /// The realm has no such account.
    UnknownUser,
    /// The realm refuses the password.
    WrongPassword,
    /// The password must be changed first.
    PasswordExpired,
    /// The account is disabled, locked or has expired.
    AccountUnusable,
    /// The realm has no such service.
    UnknownService,
    /// The service cannot open the ticket: it has another key than the realm.
    ServiceKey,
    /// The service refuses the ticket and does not say why.
    Unexplained,
    /// The clocks of two computers are too far apart.
    ClockSkew,
    /// It is not known where the realm's KDC is, or there is no default realm.
    UnknownRealm,
    /// No KDC answers.
    Unreachable,
    /// No encryption type suits both sides.
    EncryptionType,
    /// The other side is bound to another TLS channel.
    Binding,
    /// The other side did not prove who it is, or does not seal.
    NotMutual,
    /// Anything else.
    Other,
}

impl KerberosError {
    pub(super) fn new(cause: KerberosCause, about: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { cause, about: about.into(), detail: detail.into(), sspi: cfg!(windows) }
    }

    fn of(status: &Status, cause: KerberosCause, about: &str) -> Self {
        Self { cause, about: about.to_owned(), detail: status.text.clone(), sspi: status.sspi.is_some() }
    }

    /// A fault on this side that is none of Kerberos' own.
    pub fn internal(detail: &str) -> Self {
        Self::new(KerberosCause::Other, "this computer", detail)
    }

    /// A ticket that a service refuses without a word.
    #[cfg(feature = "transport")]
    pub(crate) fn unexplained(service: &str) -> Self {
        Self::new(KerberosCause::Unexplained, service, "")
    }

    /// From a failed call about the client's own credential.
    pub(super) fn of_credential(status: &Status, about: &str) -> Self {
        Self::of(status, cause(status, KerberosCause::NoTickets), about)
    }

    /// From a failed call about a service.
    pub(super) fn of_service(status: &Status, service: &str) -> Self {
        Self::of(status, cause(status, KerberosCause::Other), service)
    }

    /// From a failed step of a login, in which the realm may judge the account as well as the service.
    pub(super) fn of_login(status: &Status, service: &str, principal: &str) -> Self {
        use KerberosCause::{AccountUnusable, NoTickets, PasswordExpired, TicketsExpired, UnknownUser, WrongPassword};
        let cause = cause(status, KerberosCause::Other);
        let of_account = matches!(
            cause,
            NoTickets | TicketsExpired | UnknownUser | WrongPassword | PasswordExpired | AccountUnusable
        );
        Self::of(status, cause, if of_account { principal } else { service })
    }

    /// From a failed call about a keytab, where "not found" and "wrong key" are about that.
    pub(super) fn of_keytab(status: &Status, about: String) -> Self {
        let cause = match cause(status, KerberosCause::Keytab) {
            KerberosCause::NoTickets | KerberosCause::WrongPassword => KerberosCause::Keytab,
            cause => cause,
        };
        Self::of(status, cause, &about)
    }

    /// Why.
    pub fn cause(&self) -> KerberosCause {
        self.cause
    }

    /// Whether the password was judged, so that no other scheme may try the same one.
    pub fn judged_password(&self) -> bool {
        use KerberosCause::{AccountUnusable, PasswordExpired, WrongPassword};
        matches!(self.cause, WrongPassword | PasswordExpired | AccountUnusable)
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self.cause {
            KerberosCause::NoLibrary if self.sspi => {
                "Windows has no keytabs and no named caches; install MIT Kerberos for Windows for them, or log in as the \
                 user of this Windows session, with a password, or with --auth ntlm"
            }
            KerberosCause::NoTickets if self.sspi => {
                "sign in to Windows with the account of the domain (whoami /upn shows it, klist its tickets), or give a \
                 user and a password"
            }
            KerberosCause::TicketsExpired if self.sspi => "klist purge, or sign in to Windows again, then try again",
            KerberosCause::WrongPassword if self.sspi => {
                "check user and password, and in the domain that the account is not disabled, locked or expired: Windows \
                 does not say which; the password was tried once, so that the account is not locked out"
            }
            KerberosCause::ServiceKey if self.sspi => {
                "the service name may belong to another account (setspn -X finds doubles; --spn names another), or the \
                 host's key was changed after the ticket was issued: klist purge, and try again"
            }
            KerberosCause::UnknownRealm if self.sspi => {
                "the domain of this computer knows none that has the host: connect by its full DNS name, or name \
                 HTTP/HOST@REALM with --spn"
            }
            KerberosCause::EncryptionType if self.sspi => {
                "the accounts of user and host must have AES in common (msDS-SupportedEncryptionTypes)"
            }
            KerberosCause::Other if self.sspi => {
                "the System log of this computer may hold an event of Security-Kerberos"
            }
            KerberosCause::LibraryUnusable => {
                "the library and all it needs (ldd FILE names it) must be of this program's architecture, and a program that \
                 is linked statically loads none: take a build that is not, or log in with --auth ntlm"
            }
            KerberosCause::NoLibrary => {
                "install MIT Kerberos (Debian: libgssapi-krb5-2, Red Hat: krb5-libs, Homebrew: krb5), or log in with \
                 --auth ntlm"
            }
            KerberosCause::NoPrincipal => {
                "write the user as user@REALM, the realm being the domain's DNS name; DOMAIN\\user is for NTLM"
            }
            KerberosCause::NoTickets => {
                "get tickets with kinit (KRB5CCNAME names another cache, klist shows it), or give --keytab, or a user \
                 and a password"
            }
            KerberosCause::TicketsExpired => "get new tickets with kinit, or give --keytab, which renews by itself",
            KerberosCause::Keytab => {
                "name a file with --keytab that this user may read and that holds a key of the account (klist -k -t \
                 FILE); after a change of its password the keytab must be made again"
            }
            KerberosCause::UnknownUser => {
                "check the user: Kerberos takes user@REALM. A local account of the host logs in with --auth ntlm"
            }
            KerberosCause::WrongPassword => {
                "check user and password; the password was tried once, so that the account is not locked out"
            }
            KerberosCause::PasswordExpired => "change the password (kpasswd, or at a Windows sign-in), then try again",
            KerberosCause::AccountUnusable => {
                "have the account enabled or unlocked in the domain, or its expiry date moved"
            }
            KerberosCause::UnknownService => {
                "connect by the host's full DNS name, or name with --spn what the host is registered under (setspn -L \
                 HOST lists it on Windows); no name is canonicalised here"
            }
            KerberosCause::ServiceKey => {
                "the service name may belong to another account (setspn -X finds doubles), or the host's key was \
                 changed after the ticket was issued: purge the tickets (kdestroy, kinit) and try again"
            }
            KerberosCause::Unexplained => {
                "see the host's log for the reason: its key, its clock, the account's rights or the TLS channel"
            }
            KerberosCause::ClockSkew => {
                "set the clocks of this computer, the host and the domain controller: they may differ by five minutes"
            }
            KerberosCause::UnknownRealm => {
                "name the realm and its KDC in krb5.conf (default_realm, [realms]), or publish it in DNS \
                 (_kerberos._udp.REALM)"
            }
            KerberosCause::Unreachable => "check the way to the domain controller: port 88, UDP and TCP",
            KerberosCause::EncryptionType => {
                "the realm, the host and permitted_enctypes in krb5.conf must have AES in common"
            }
            KerberosCause::Binding => {
                "something between ends the TLS connection with another certificate; connect to the host itself"
            }
            KerberosCause::NotMutual => "do not go on: what answers there does not hold the host's key",
            KerberosCause::Other => "KRB5_TRACE=/dev/stderr shows what the Kerberos library does",
        }
    }
}

impl fmt::Display for KerberosError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = &self.about;
        match self.cause {
            KerberosCause::NoLibrary => f.write_str("no Kerberos library is installed")?,
            KerberosCause::LibraryUnusable => f.write_str("the Kerberos library cannot be loaded")?,
            KerberosCause::NoPrincipal => write!(f, "{about} is no name that Kerberos knows")?,
            KerberosCause::NoTickets => write!(f, "there are no Kerberos tickets of {about}")?,
            KerberosCause::TicketsExpired => write!(f, "the Kerberos tickets of {about} have expired")?,
            KerberosCause::Keytab => write!(f, "the keytab is not usable for {about}")?,
            KerberosCause::UnknownUser => write!(f, "the realm has no account {about}")?,
            KerberosCause::WrongPassword => write!(f, "the realm refuses the password of {about}")?,
            KerberosCause::PasswordExpired => write!(f, "the password of {about} has expired")?,
            KerberosCause::AccountUnusable => write!(f, "the account {about} is disabled, locked or has expired")?,
            KerberosCause::UnknownService => write!(f, "the realm has no service {about}")?,
            KerberosCause::ServiceKey => write!(f, "the host cannot open the ticket for {about}")?,
            KerberosCause::Unexplained => write!(f, "the host refuses the ticket for {about}")?,
            KerberosCause::ClockSkew => write!(f, "the clocks differ too much for a ticket of {about}")?,
            KerberosCause::UnknownRealm => write!(f, "it is not known where the realm of {about} is")?,
            KerberosCause::Unreachable => write!(f, "no KDC answers for {about}")?,
            KerberosCause::EncryptionType => write!(f, "there is no common encryption type for {about}")?,
            KerberosCause::Binding => write!(f, "{about} sees another TLS channel than this side")?,
            KerberosCause::NotMutual => write!(f, "{about} did not prove who it is, or does not seal")?,
            KerberosCause::Other => write!(f, "Kerberos fails for {about}")?,
        }
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

impl std::error::Error for KerberosError {}

/// The cause of a status; `missing` is what an absent credential means.
fn cause(status: &Status, missing: KerberosCause) -> KerberosCause {
    if let Some(cause) = status.sspi {
        return cause;
    }
    let by_minor = MINORS.iter().find(|(code, _)| *code == status.minor).map(|(_, cause)| *cause);
    by_minor.unwrap_or(match status.major {
        BAD_BINDINGS => KerberosCause::Binding,
        NO_CRED => missing,
        CREDENTIALS_EXPIRED => KerberosCause::TicketsExpired,
        _ => KerberosCause::Other,
    })
}

const BAD_BINDINGS: u32 = 4 << 16;
const NO_CRED: u32 = 7 << 16;
const CREDENTIALS_EXPIRED: u32 = 11 << 16;

/// An error of the Kerberos library: -1765328384 and an offset, the first 128 of them the codes of
/// RFC 4120 7.5.9.
const fn krb5(offset: u32) -> u32 {
    0x96c7_3a00 + offset
}

/// An error of the GSSAPI layer of MIT Kerberos.
const fn gss(offset: u32) -> u32 {
    39_756_032 + offset
}

const MINORS: &[(u32, KerberosCause)] = &[
    (krb5(1), KerberosCause::AccountUnusable),  // KDC_ERR_NAME_EXP
    (krb5(6), KerberosCause::UnknownUser),      // KDC_ERR_C_PRINCIPAL_UNKNOWN
    (krb5(7), KerberosCause::UnknownService),   // KDC_ERR_S_PRINCIPAL_UNKNOWN
    (krb5(14), KerberosCause::EncryptionType),  // KDC_ERR_ETYPE_NOSUPP
    (krb5(18), KerberosCause::AccountUnusable), // KDC_ERR_CLIENT_REVOKED
    (krb5(23), KerberosCause::PasswordExpired), // KDC_ERR_KEY_EXPIRED
    (krb5(24), KerberosCause::WrongPassword),   // KDC_ERR_PREAUTH_FAILED
    (krb5(31), KerberosCause::ServiceKey),      // KRB_AP_ERR_BAD_INTEGRITY
    (krb5(32), KerberosCause::TicketsExpired),  // KRB_AP_ERR_TKT_EXPIRED
    (krb5(33), KerberosCause::ClockSkew),       // KRB_AP_ERR_TKT_NYV
    (krb5(35), KerberosCause::ServiceKey),      // KRB_AP_ERR_NOT_US
    (krb5(37), KerberosCause::ClockSkew),       // KRB_AP_ERR_SKEW
    (krb5(41), KerberosCause::ServiceKey),      // KRB_AP_ERR_MODIFIED
    (krb5(44), KerberosCause::ServiceKey),      // KRB_AP_ERR_BADKEYVER
    (krb5(45), KerberosCause::ServiceKey),      // KRB_AP_ERR_NOKEY
    (krb5(60), KerberosCause::Unexplained),     // KRB_ERR_GENERIC
    (krb5(135), KerberosCause::UnknownRealm),   // KRB5_CONFIG_CANTOPEN
    (krb5(136), KerberosCause::UnknownRealm),   // KRB5_CONFIG_BADFORMAT
    (krb5(141), KerberosCause::NoTickets),      // KRB5_CC_NOTFOUND
    (krb5(148), KerberosCause::ClockSkew),      // KRB5_KDCREP_SKEW
    (krb5(150), KerberosCause::EncryptionType), // KRB5_PROG_ETYPE_NOSUPP
    (krb5(154), KerberosCause::UnknownRealm),   // KRB5_REALM_UNKNOWN
    (krb5(156), KerberosCause::Unreachable),    // KRB5_KDC_UNREACH
    (krb5(181), KerberosCause::Keytab),         // KRB5_KT_NOTFOUND
    (krb5(182), KerberosCause::Keytab),         // KRB5_KT_END
    (krb5(184), KerberosCause::Keytab),         // KRB5_KT_IOERR
    (krb5(195), KerberosCause::NoTickets),      // KRB5_FCC_NOFILE
    (krb5(220), KerberosCause::UnknownRealm),   // KRB5_REALM_CANT_RESOLVE
    (krb5(224), KerberosCause::UnknownRealm),   // KRB5_CONFIG_NODEFREALM
    (krb5(237), KerberosCause::EncryptionType), // KRB5_CONFIG_ETYPE_NOSUPP
    (gss(0), KerberosCause::NoTickets),         // KG_CCACHE_NOMATCH
    (gss(1), KerberosCause::Keytab),            // KG_KEYTAB_NOMATCH
    (gss(2), KerberosCause::NoTickets),         // KG_TGT_MISSING
    (gss(12), KerberosCause::NoTickets),        // KG_EMPTY_CCACHE
];
