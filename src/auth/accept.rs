//! The accepting half: what a server checks before it believes a login or a sealed request.
//!
//! It is for the simulated host and for tests, and as strict as Windows; it knows its accounts
//! from a list.
use ntlmclient::TargetInfoType;

use super::binding::ChannelBinding;
use super::context::{Protocol, SecurityContext};
use super::error::AuthError;
use super::ntlm::authenticate::{Authenticate, split_mic};
use super::ntlm::challenge::Challenge;
use super::ntlm::keys::{self, Key};
use super::ntlm::target_info::{MIC_PRESENT, TargetInfo};
use super::ntlm::{Flags, NtlmKeys, Side, negotiate};
use super::seal::{Form, PartHeaders, unseal_framed};
use super::secret::Secret;

/// An account of the simulated host or its domain.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its domain; empty, or the computer's name, for a local account.
    pub domain: String,
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// What a server demands of a login's channel binding (`CbtHardeningLevel`, [MS-WSMV] 2.2.4.34).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingPolicy {
    /// Takes whatever is given: plain HTTP, or level None.
    Ignore,
    /// Refuses another binding than this one, takes none at all.
    Relaxed(ChannelBinding),
    /// Refuses all but this one.
    Strict(ChannelBinding),
}

/// What an [`Acceptor`] knows and says about itself.
#[derive(Clone, Debug)]
pub struct AcceptorOptions {
    /// Who may log in.
    pub accounts: Vec<Account>,
    /// The NetBIOS name of this computer.
    pub computer: String,
    /// The NetBIOS name of its domain; empty, or the computer's name, in a workgroup.
    pub domain: String,
    /// The DNS name of this computer.
    pub dns_computer: String,
    /// The DNS name of its domain; empty in a workgroup.
    pub dns_domain: String,
    /// What is demanded of the channel binding.
    pub binding: BindingPolicy,
    /// Fresh random bytes.
    pub server_challenge: [u8; 8],
    /// The time as FILETIME; it goes into the challenge, so every client owes a MIC.
    pub now: u64,
}

/// The server's half of one login.
#[derive(Debug)]
pub struct Acceptor {
    options: AcceptorOptions,
    given: Option<Given>,
}

/// The messages so far; the MIC covers them.
#[derive(Debug)]
struct Given {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    flags: Flags,
}

impl Acceptor {
    /// Begins a login. One acceptor is for one connection and one attempt.
    pub fn new(options: AcceptorOptions) -> Self {
        Self { options, given: None }
    }

    /// Answers the first token with a challenge ([MS-NLMP] 3.2.5.1.1).
    ///
    /// # Errors
    /// When the token is no NEGOTIATE message, or asks for less than NTLMv2 with Unicode.
    pub fn challenge(&mut self, negotiate: &[u8]) -> Result<Vec<u8>, AuthError> {
        let asked = negotiate::read(negotiate)?;
        for (flag, what) in
            [(Flags::NEGOTIATE_UNICODE, "Unicode names"), (Flags::NEGOTIATE_NTLM2_KEY, "extended session security")]
        {
            if !asked.contains(flag) {
                return Err(AuthError::Lacks { message: "negotiate", what });
            }
        }
        let in_domain = !self.options.domain.is_empty() && !equal(&self.options.domain, &self.options.computer);
        let (target_name, target_type) = if in_domain {
            (&self.options.domain, Flags::TARGET_TYPE_DOMAIN)
        } else {
            (&self.options.computer, Flags::TARGET_TYPE_SERVER)
        };
        let flags = (asked & KNOWN) | ALWAYS | target_type;
        let challenge = Challenge {
            target_name: target_name.clone(),
            flags,
            server_challenge: self.options.server_challenge,
            target_info: self.target_info(target_name),
        }
        .write()?;
        self.given = Some(Given { negotiate: negotiate.to_vec(), challenge: challenge.clone(), flags });
        Ok(challenge)
    }

    /// Checks the last token ([MS-NLMP] 3.2.5.1.2) and returns the account's name and the keys.
    ///
    /// # Errors
    /// Every reason to refuse is its own [`AuthError`]; tell the client none of them, only `401`.
    pub fn authenticate(self, authenticate: &[u8]) -> Result<(String, SecurityContext), AuthError> {
        let given = self.given.as_ref().ok_or(AuthError::OutOfOrder)?;
        let message = Authenticate::read(authenticate)?;
        if message.is_anonymous() || message.flags.contains(Flags::NEGOTIATE_ANONYMOUS) {
            return Err(AuthError::Anonymous);
        }
        let (account, base_key) = self.verify(&message)?;
        let flags = given.flags & message.flags;
        let exported = exported_key(&message, flags, base_key)?;

        let (_, _, pairs) = message.ntlm_v2()?;
        if pairs.flags()? & MIC_PRESENT == 0 {
            return Err(AuthError::MicMissing);
        }
        let (mic, without_mic) = split_mic(authenticate)?;
        let due = keys::message_integrity(&exported, [&given.negotiate, &given.challenge, &without_mic]);
        if !keys::same(&mic, &due) {
            return Err(AuthError::MicWrong);
        }
        check_binding(self.options.binding, pairs.get(TargetInfoType::ChannelBindings))?;
        Ok((account.user.clone(), SecurityContext::ntlm(NtlmKeys::new(&exported, flags, Side::Server))))
    }

    fn target_info(&self, domain: &str) -> TargetInfo {
        let options = &self.options;
        let mut info = TargetInfo::empty();
        info.set_text(TargetInfoType::NtDomain, domain);
        info.set_text(TargetInfoType::NtServer, &options.computer);
        for (name, text) in
            [(TargetInfoType::DnsDomain, &options.dns_domain), (TargetInfoType::DnsServer, &options.dns_computer)]
        {
            if !text.is_empty() {
                info.set_text(name, text);
            }
        }
        info.set(TargetInfoType::Timestamp, options.now.to_le_bytes().to_vec());
        info
    }

    /// The account whose password made the response, and its session base key. A response made
    /// with an empty domain counts, whatever domain the message names.
    pub(super) fn verify(&self, message: &Authenticate) -> Result<(&Account, Key), AuthError> {
        let (proof, blob, _) = message.ntlm_v2()?;
        let mut refusal = AuthError::UnknownUser;
        for account in self.options.accounts.iter().filter(|account| self.is_meant(account, message)) {
            refusal = AuthError::WrongPassword;
            for domain in [message.domain.as_str(), ""] {
                let response_key = keys::response_key(&message.user, domain, &account.password);
                let due = keys::nt_proof(&response_key, self.options.server_challenge, blob);
                if keys::same(&proof, &due) {
                    return Ok((account, keys::session_base_key(&response_key, &proof)));
                }
            }
        }
        Err(refusal)
    }

    /// Whether a message may mean this account: names count without case, an empty domain means
    /// any, an unknown one the local accounts, `user@realm` is split.
    fn is_meant(&self, account: &Account, message: &Authenticate) -> bool {
        if !message.domain.is_empty() {
            return equal(&message.user, &account.user) && self.is_domain_of(account, &message.domain);
        }
        let principal = message.user.rsplit_once('@');
        equal(&message.user, &account.user)
            || principal.is_some_and(|(user, realm)| equal(user, &account.user) && self.is_domain_of(account, realm))
    }

    fn is_domain_of(&self, account: &Account, domain: &str) -> bool {
        let options = &self.options;
        let of_dns_name = !options.dns_domain.is_empty() && equal(domain, &options.dns_domain);
        let domain = if of_dns_name { &options.domain } else { domain };
        let is_local = account.domain.is_empty() || equal(&account.domain, &options.computer);
        let is_known =
            equal(domain, &options.domain) || options.accounts.iter().any(|known| equal(&known.domain, domain));
        equal(&account.domain, domain) || (is_local && !is_known) || (is_local && equal(domain, &options.computer))
    }
}

/// The session key the client chose, or the key exchange key where none is exchanged.
pub(crate) fn exported_key(message: &Authenticate, flags: Flags, base_key: Key) -> Result<Key, AuthError> {
    if !flags.contains(Flags::NEGOTIATE_KEY_EXCHANGE)
        || !flags.intersects(Flags::NEGOTIATE_SIGN | Flags::NEGOTIATE_SEAL)
    {
        return Ok(base_key);
    }
    let field = message.session_key.as_slice().try_into().map_err(|_| AuthError::KeyExchange)?;
    Ok(keys::exchange_key(&base_key, field))
}

fn check_binding(policy: BindingPolicy, given: Option<&[u8]>) -> Result<(), AuthError> {
    let given = given.filter(|hash| hash.iter().any(|byte| *byte != 0));
    match (policy, given) {
        (BindingPolicy::Ignore, _) | (BindingPolicy::Relaxed(_), None) => Ok(()),
        (BindingPolicy::Strict(_), None) => Err(AuthError::BindingMissing),
        (BindingPolicy::Relaxed(due) | BindingPolicy::Strict(due), Some(given)) => {
            if keys::same(due.as_bytes(), given) { Ok(()) } else { Err(AuthError::BindingWrong) }
        }
    }
}

/// Names compare as they are hashed: in upper case.
fn equal(one: &str, other: &str) -> bool {
    keys::upper_case(one) == keys::upper_case(other)
}

/// What a server takes over if the client asks for it (3.2.5.1.1).
const KNOWN: Flags = Flags::NEGOTIATE_UNICODE
    .union(Flags::NEGOTIATE_SIGN)
    .union(Flags::NEGOTIATE_SEAL)
    .union(Flags::NEGOTIATE_NTLM2_KEY)
    .union(Flags::NEGOTIATE_VERSION)
    .union(Flags::NEGOTIATE_128BIT)
    .union(Flags::NEGOTIATE_KEY_EXCHANGE)
    .union(Flags::NEGOTIATE_56BIT);

const ALWAYS: Flags = Flags::REQUEST_TARGET
    .union(Flags::NEGOTIATE_NTLM)
    .union(Flags::NEGOTIATE_ALWAYS_SIGN)
    .union(Flags::NEGOTIATE_TARGET_INFO);

/// Which form of a sealed request a server insists on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// As http.sys: a tab before every part header, exact names and protocol, right Length.
    HttpSys,
    /// As OMI: the same, but refuses the tab.
    NoTab,
    /// Takes whatever can be understood.
    Lenient,
}

/// Unseals a request as a server of this strictness would.
///
/// # Errors
/// As [`unseal_message`](super::unseal_message), and [`AuthError::Framing`] for a form such a
/// server refuses.
pub fn unseal_request(
    context: &mut SecurityContext,
    content_type: &str,
    body: &[u8],
    strictness: Strictness,
) -> Result<Vec<u8>, AuthError> {
    let form = match strictness {
        Strictness::HttpSys => Form::Exact(PartHeaders::Tabbed),
        Strictness::NoTab => Form::Exact(PartHeaders::Plain),
        Strictness::Lenient => Form::Any(Protocol::Spnego),
    };
    unseal_framed(context, content_type, body, &form)
}
