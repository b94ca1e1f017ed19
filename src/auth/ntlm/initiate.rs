//! The client's half of a login.
use ntlmclient::TargetInfoType;

use super::super::binding::ChannelBinding;
use super::super::context::{Protocol, SecurityContext};
use super::super::credentials::Credentials;
use super::super::error::AuthError;
use super::authenticate::{Authenticate, set_mic};
use super::challenge::Challenge;
use super::{Entropy, Flags, NtlmKeys, Side, keys, negotiate};

/// What a login depends on besides the credentials. Sealing is always asked for.
#[derive(Debug)]
pub struct Options {
    /// The TLS channel to bind to; none over plain HTTP.
    pub binding: Option<ChannelBinding>,
    /// The service, as `HTTP/host`.
    pub target_name: Option<String>,
    /// Fresh random bytes: [`Entropy::system`].
    pub entropy: Entropy,
    /// The time as FILETIME, used where the server gives none: [`filetime`](super::filetime).
    pub now: u64,
}

/// A login in progress: [`negotiate`](Self::negotiate) makes the first token, then
/// [`authenticate`](Self::authenticate) answers the server's challenge.
///
/// The tokens are bare NTLM messages. Under `Negotiate` that is the form Windows itself uses
/// when it sends a MIC ([MS-SPNG] note 8).
#[derive(Debug)]
pub struct Initiator {
    credentials: Credentials,
    options: Options,
    negotiate: Vec<u8>,
}

impl Initiator {
    /// Begins a login. One initiator is for one connection and one attempt.
    pub fn new(credentials: &Credentials, options: Options) -> Self {
        Self { credentials: credentials.clone(), options, negotiate: negotiate::write(negotiate::SEALING) }
    }

    /// The first token. The last one covers it, so send exactly these bytes.
    pub fn negotiate(&mut self) -> Vec<u8> {
        self.negotiate.clone()
    }

    /// The last token, and the keys it leads to. `challenge` is the server's token as it came.
    ///
    /// # Errors
    /// When the challenge is damaged or offers less than 128-bit sealing under NTLMv2, or a name
    /// is longer than a message can carry. Nothing more may be sent then ([MS-NTHT] 3.1.5.1).
    pub fn authenticate(self, challenge: &[u8]) -> Result<(Vec<u8>, SecurityContext), AuthError> {
        self.authenticate_to_keys(challenge).map(|(token, keys)| (token, SecurityContext::new(keys, Protocol::Spnego)))
    }

    pub(in crate::auth) fn authenticate_to_keys(self, challenge: &[u8]) -> Result<(Vec<u8>, NtlmKeys), AuthError> {
        let offer = Challenge::read(challenge)?;
        let flags = agree(&offer)?;
        let (user, domain) = (self.credentials.user.user(), self.credentials.user.domain());
        let response_key = keys::response_key(user, domain, &self.credentials.password);

        let timestamp = offer.target_info.timestamp()?;
        let pairs = offer.target_info.answer(self.options.binding, self.options.target_name.as_deref())?.to_bytes()?;
        let client_challenge = self.options.entropy.client_challenge;
        let blob = keys::response_blob(timestamp.unwrap_or(self.options.now), client_challenge, &pairs);
        let proof = keys::nt_proof(&response_key, offer.server_challenge, &blob);
        let lm_response = match timestamp {
            Some(_) => [0; 24],
            None => keys::lm_response(&response_key, offer.server_challenge, client_challenge),
        };

        let key_exchange_key = keys::session_base_key(&response_key, &proof);
        let (exported, session_key) = if flags.contains(Flags::NEGOTIATE_KEY_EXCHANGE) {
            let exported = keys::Key::new(self.options.entropy.session_key);
            let session_key = keys::exchange_key(&key_exchange_key, &exported).to_vec();
            (exported, session_key)
        } else {
            (key_exchange_key, Vec::new())
        };

        let message = Authenticate {
            lm_response: lm_response.to_vec(),
            nt_response: [proof.as_slice(), &blob].concat(),
            domain: domain.to_owned(),
            user: user.to_owned(),
            workstation: String::new(),
            session_key,
            flags,
        };
        let mut token = message.write()?;
        if timestamp.is_some() {
            let mic = keys::message_integrity(&exported, [&self.negotiate, challenge, &token]);
            set_mic(&mut token, mic);
        }
        Ok((token, NtlmKeys::new(&exported, flags, Side::Client)))
    }
}

/// The flags both sides have, or what the server lacks for sealing ([MS-NLMP] 3.1.5.1.2).
fn agree(offer: &Challenge) -> Result<Flags, AuthError> {
    for (flag, what) in REQUIRED {
        if !offer.flags.contains(flag) {
            return Err(AuthError::Lacks { message: "challenge", what });
        }
    }
    for (name, what) in [
        (TargetInfoType::NtServer, "the server's computer name"),
        (TargetInfoType::NtDomain, "the server's domain name"),
    ] {
        if offer.target_info.get(name).is_none() {
            return Err(AuthError::Lacks { message: "challenge", what });
        }
    }
    // REQUEST_TARGET is the client's own and not always sent back (4.2.4.3).
    Ok(negotiate::SEALING & (offer.flags | Flags::REQUEST_TARGET))
}

const REQUIRED: [(Flags, &str); 6] = [
    (Flags::NEGOTIATE_UNICODE, "Unicode names"),
    (Flags::NEGOTIATE_SIGN, "signing"),
    (Flags::NEGOTIATE_SEAL, "sealing"),
    (Flags::NEGOTIATE_NTLM2_KEY, "extended session security"),
    (Flags::NEGOTIATE_TARGET_INFO, "a list of names"),
    (Flags::NEGOTIATE_128BIT, "128-bit keys"),
];
