//! Why a command did not succeed, in words that an operator can act on and in fields for scripts.

use serde_json::{Map, Value, json};

use crate::auth::AuthError;
use crate::failover::journal::{JournalError, TakeError};
use crate::hyperv;
use crate::transport::TrustError;
use crate::wsman::{self, Delivery, ExchangeErrorKind, Fault, FaultKind, Stray};

use super::exit::Exit;

pub use crate::wsman::fault::RIGHTS;

/// May the host have been changed?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Certainly not.
    No,
    /// Certainly.
    Yes,
    /// Nothing proves either.
    Perhaps,
}

impl Changed {
    fn value(self) -> Value {
        match self {
            Changed::No => json!(false),
            Changed::Yes => json!(true),
            Changed::Perhaps => json!("perhaps"),
        }
    }
}

/// The end of a command that did not succeed.
#[derive(Debug, Clone)]
pub struct Problem {
    pub(super) exit: Exit,
    /// A stable short name for scripts.
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) remedy: String,
    pub(super) changed: Changed,
    /// Further fields of the JSON document.
    pub(super) details: Box<Map<String, Value>>,
}

impl Problem {
    /// A problem that changed nothing.
    pub fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Problem {
            exit,
            code,
            message: message.into(),
            remedy: String::new(),
            changed: Changed::No,
            details: Box::default(),
        }
    }

    /// The command line or the configuration is unusable.
    pub fn usage(message: impl Into<String>) -> Self {
        Problem::new(Exit::Usage, "usage", message)
    }

    /// A bug.
    pub fn internal(message: impl Into<String>) -> Self {
        Problem::new(Exit::Internal, "internal", message).remedy("this is a bug: please report it")
    }

    /// With what to do about it.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// With something more to do about it, after the rest.
    pub fn and_remedy(mut self, more: &str) -> Self {
        if !self.remedy.is_empty() {
            self.remedy.push_str("; ");
        }
        self.remedy.push_str(more);
        self
    }

    /// With another answer to "may the host have been changed?".
    pub fn changed(mut self, changed: Changed) -> Self {
        self.changed = changed;
        self
    }

    /// With a further field for scripts.
    pub fn detail(mut self, name: &str, value: Value) -> Self {
        self.details.insert(name.to_owned(), value);
        self
    }

    /// The document for scripts.
    pub fn to_json(&self, simulated: bool) -> Value {
        let mut document = json!({
            "kind": "error",
            "schema": 1,
            "simulated": simulated,
            "exit": self.exit.code(),
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
            "may_have_changed": self.changed.value(),
        });
        if let Some(fields) = document.as_object_mut() {
            fields.insert("details".to_owned(), Value::Object((*self.details).clone()));
        }
        document
    }
}

/// The texts of an error and of what is below it, each once. What is below an exchange is the HTTP library, which speaks to
/// programmers; the exchange has said it in words of ours.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut above = error;
    while let Some(error) = above.source().filter(|_| !is_of_exchange(above)) {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        above = error;
    }
    text
}

fn is_of_exchange(error: &(dyn std::error::Error + 'static)) -> bool {
    let of_wsman = |error: &wsman::Error| matches!(error, wsman::Error::Exchange(_));
    error.is::<wsman::ExchangeError>()
        || error.downcast_ref().is_some_and(of_wsman)
        || matches!(error.downcast_ref(), Some(hyperv::Error::Wsman(error)) if of_wsman(error))
}

impl From<hyperv::Error> for Problem {
    fn from(error: hyperv::Error) -> Self {
        match error {
            hyperv::Error::Wsman(error) => error.into(),
            hyperv::Error::Refused { .. } => Problem::new(Exit::HostRefused, "host-refused", error.to_string()),
            other => Problem::new(Exit::HostRefused, "protocol", other.to_string())
                .remedy("run the command again with -v; the host answers in a form this program does not know")
                .changed(Changed::No),
        }
    }
}

/// The journal says itself what to do. Nothing is sent without it.
impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        Problem::new(Exit::Refused, "journal", chain(&error))
    }
}

impl From<TakeError> for Problem {
    fn from(error: TakeError) -> Self {
        let text = error.to_string();
        match error {
            TakeError::Held { run, .. } => Problem::new(Exit::Refused, "run-held", text)
                .remedy("wait until it is done, or end that process: its lock goes with it")
                .detail("run", json!(run.as_str())),
            TakeError::Open { run } => Problem::new(Exit::Refused, "run-open", text)
                .remedy(format!("see what is left of it: `hvr run show {run}`"))
                .detail("run", json!(run.as_str())),
            TakeError::Journal(error) => error.into(),
        }
    }
}

/// A reading that failed: nothing was changed, whatever the delivery.
impl From<wsman::Error> for Problem {
    fn from(error: wsman::Error) -> Self {
        Problem::of_wsman(&error)
    }
}

impl Problem {
    /// A reading that failed, or a call that the host did not take.
    pub fn of_wsman(error: &wsman::Error) -> Self {
        let text = chain(error);
        match error {
            wsman::Error::Exchange(inner) => from_exchange(inner, text),
            wsman::Error::Fault(fault) => of_fault(fault, text),
            wsman::Error::Reply { source: wsman::ReplyError::Stray(Stray::Page(_)), .. } => {
                Problem::new(Exit::HostRefused, "bad-reply", text)
                    .remedy("a proxy, a portal or another service answers there: check host, port and path")
            }
            wsman::Error::Reply { .. } => Problem::new(Exit::HostRefused, "bad-reply", text)
                .remedy("is this a WS-Management service? try `hvr wsman identify`"),
            wsman::Error::Write(_) => Problem::new(Exit::Usage, "usage", text),
            wsman::Error::Overrun(wsman::Overrun::TooMuch { .. }) => {
                Problem::new(Exit::HostRefused, "list-too-long", text).remedy(
                    "raise what one list may take with --max-list MIB (HVR_MAX_LIST), or ask for less: name one VM; \
                     `hvr wsman enumerate -o jsonl` prints a list of any length as it comes",
                )
            }
            wsman::Error::Overrun(_) => Problem::new(Exit::HostRefused, "no-progress", text).remedy(
                "the WMI provider of the host hangs, or what answers is no WinRM: restart the service there; `hvr wsman \
                 enumerate --first-page` and `hvr wsman pull` show page by page what it sends",
            ),
            wsman::Error::Deadline => {
                Problem::new(Exit::NotReached, "deadline", "the deadline passed before anything was changed")
            }
        }
    }
}

/// By the table of faults alone, so that the same refusal has the same name and remedy wherever it is met.
fn of_fault(fault: &Fault, text: String) -> Problem {
    let meaning = fault.meaning();
    let exit = match meaning.kind {
        FaultKind::AccessDenied => Exit::NotAllowed,
        FaultKind::NotFound | FaultKind::ResourceUri => Exit::Refused,
        _ => Exit::HostRefused,
    };
    Problem::new(exit, meaning.code, text).remedy(meaning.remedy)
}

fn from_exchange(error: &wsman::ExchangeError, text: String) -> Problem {
    let problem = |exit, code| Problem::new(exit, code, text.clone());
    match error.kind() {
        ExchangeErrorKind::Resolve => problem(Exit::NotReached, "dns").remedy("check the name of the host (-H)"),
        ExchangeErrorKind::Connect => problem(Exit::NotReached, "connect")
            .remedy("check host and port, the WinRM listener and the firewalls between; --http takes port 5985"),
        ExchangeErrorKind::Tls => problem(Exit::NotReached, "tls"),
        // Its text ends with what to do.
        ExchangeErrorKind::Login if is_of_kerberos(error) => problem(Exit::NotAllowed, "kerberos"),
        #[cfg(feature = "credssp")]
        ExchangeErrorKind::Login if is_of_credssp(error) => problem(Exit::NotAllowed, "credssp"),
        ExchangeErrorKind::Login if !error.tried_password() => problem(Exit::NotAllowed, "login").remedy(
            match login_error(error) {
                Some(_) => {
                    "no password, and no proof of one, had left by then; what answers is no WinRM listener as it should be, \
                     or something in between changes the login"
                }
                None => "no password, and no proof of one, had left by then",
            },
        ),
        ExchangeErrorKind::Login => problem(Exit::NotAllowed, "login").remedy(
            "check user and password; the password was tried once, so that the account is not locked out. A local \
             account is written HOST\\user",
        ),
        ExchangeErrorKind::Scheme => problem(Exit::NotAllowed, "no-scheme"),
        ExchangeErrorKind::SessionExpired => problem(Exit::NotAllowed, "session-expired")
            .remedy("the host asked for a new login in mid-session; run the command again"),
        ExchangeErrorKind::ConnectionLost => {
            problem(Exit::NotReached, "connection-lost").remedy("try again; if it stays so, see what lies in between")
        }
        ExchangeErrorKind::Timeout => problem(Exit::NotReached, "timeout")
            .remedy("the host gave no answer in time; --timeout and --operation-timeout change how long to wait"),
        ExchangeErrorKind::Protection => problem(Exit::NotAllowed, "protection"),
        ExchangeErrorKind::HttpStatus(404) => {
            problem(Exit::NotReached, "http-404").remedy("the path is not WinRM's; give the whole URL with -H")
        }
        ExchangeErrorKind::HttpStatus(403) => problem(Exit::NotAllowed, "http-403"),
        ExchangeErrorKind::HttpStatus(503) => {
            problem(Exit::NotReached, "http-503").remedy("the WinRM service is not ready; try again")
        }
        ExchangeErrorKind::HttpStatus(_) => problem(Exit::HostRefused, "http-status"),
        ExchangeErrorKind::Configuration if lacks_authorities(error) => problem(Exit::Usage, NO_AUTHORITIES)
            .remedy("`hvr pin` and `hvr check --login` show the certificate of the host without it"),
        ExchangeErrorKind::Configuration => problem(Exit::Usage, "configuration"),
        _ if error.delivery() == Delivery::NotSent => problem(Exit::NotReached, "not-sent"),
        _ => problem(Exit::HostRefused, "exchange"),
    }
}

/// The code of a computer that has no certificate authorities to judge a host by.
pub const NO_AUTHORITIES: &str = "no-authorities";

fn lacks_authorities(error: &wsman::ExchangeError) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<TrustError>());
    matches!(source, Some(TrustError::NoSystemStore))
}

fn is_of_kerberos(error: &wsman::ExchangeError) -> bool {
    matches!(login_error(error), Some(AuthError::Kerberos(_)))
}

/// What is wrong with the host or the way to it, not with the account.
#[cfg(feature = "credssp")]
fn is_of_credssp(error: &wsman::ExchangeError) -> bool {
    use crate::auth::CredSspError;
    matches!(login_error(error), Some(AuthError::CredSsp(error)) if !matches!(error, CredSspError::Refused { .. }))
}

fn login_error(error: &wsman::ExchangeError) -> Option<&AuthError> {
    std::error::Error::source(error)?.downcast_ref()
}
