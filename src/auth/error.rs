//! What can go wrong while logging in, sealing and unsealing.
#[cfg(feature = "credssp")]
use super::credssp::error::CredSspError;
use super::kerberos::error::KerberosError;

/// Why a login, a sealed message or a certificate was not accepted.
///
/// Everything before [`AuthError::OutOfOrder`] can happen to a client; the variants after it are
/// refusals of the accepting half.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The text is no user name.
    #[error("the user name {problem}; write DOMAIN\\user, user@realm or user")]
    UserName {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The text is no name of a service.
    #[error("{text:?} is no service name; write CLASS/HOST, such as HTTP/hv-dr-01.lab.test, or CLASS/HOST@REALM")]
    ServiceName {
        /// As given.
        text: String,
    },
    /// Kerberos does not come to a login, or its keys fail.
    #[error(transparent)]
    Kerberos(#[from] KerberosError),
    /// CredSSP does not come to a login, or its TLS connection fails.
    #[cfg(feature = "credssp")]
    #[error(transparent)]
    CredSsp(#[from] CredSspError),
    /// The server rejects all that was offered in SPNEGO.
    #[error("the server rejects every mechanism that was offered")]
    Rejected,
    /// The server chose something else than what was offered in SPNEGO.
    #[error("the server chose a mechanism that was not offered")]
    NotOffered,
    /// There is neither a ticket nor a password to log in with.
    #[error("there is no mechanism to log in with")]
    NoMechanism,
    /// The server took the login for complete before it proved who it is.
    #[error("the server ended the login early, without proving who it is")]
    Incomplete,
    /// The system gave no random bytes, so no session key could be made.
    #[error("the system's random source failed, so no session key can be made")]
    Random,
    /// The server certificate is not readable as X.509, so there is nothing to bind the login to.
    #[error("the server certificate is not valid DER, so the login cannot be bound to it")]
    Certificate,
    /// A message of the login is damaged, or is not the one that was due.
    #[error("the {message} message is not valid: {reason}")]
    Malformed {
        /// Which message.
        message: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A field does not fit the 16-bit length it has on the wire.
    #[error("{field} takes {bytes} bytes, more than a length of 16 bits can tell")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// The other side does not offer something without which sealing is not safe.
    #[error("the {message} message lacks {what}, without which this side does not go on")]
    Lacks {
        /// Which message.
        message: &'static str,
        /// What is missing.
        what: &'static str,
    },
    /// Sealing was not agreed on in this login.
    #[error("this login has no sealing, so its messages can be neither sealed nor unsealed")]
    NotSealing,
    /// An earlier message failed; the keys of this connection are no longer in step.
    #[error("an earlier message failed its check, so this connection is dead; log in on a new one")]
    Poisoned,
    /// A message was lost, repeated or reordered.
    #[error("sealed message {found} came where {expected} was due: lost, repeated or reordered")]
    Sequence {
        /// The number due.
        expected: u32,
        /// The number found.
        found: u32,
    },
    /// All 2^32 numbers of one direction are used up.
    #[error("the sequence numbers of this login are used up; log in on a new connection")]
    SequenceExhausted,
    /// The signature is not that of the message.
    #[error("the signature of a sealed message is wrong: altered on the way, or other keys")]
    Signature,
    /// The signature has the all-zero form of a connection without signing ([MS-NLMP] 3.4.4.3).
    #[error("a message came with an empty signature where a sealed one was due")]
    Unsigned,
    /// The body is not `multipart/encrypted`.
    #[error("the body is not sealed although this connection seals its messages")]
    NotSealed,
    /// The `multipart/encrypted` form is broken.
    #[error("the sealed body is not well formed: {0}")]
    Framing(&'static str),
    /// The declared length is not that of the data.
    #[error("the sealed body says it holds {declared} bytes and holds {found}")]
    Length {
        /// As `Length=` says.
        declared: usize,
        /// As counted.
        found: usize,
    },

    /// AUTHENTICATE came before a challenge was given.
    #[error("an authenticate message came before any challenge was given")]
    OutOfOrder,
    /// An anonymous login.
    #[error("anonymous logins are refused")]
    Anonymous,
    /// The response is of an older kind than NTLMv2.
    #[error("the response is not NTLMv2")]
    NotNtlmV2,
    /// No such account.
    #[error("no account has this user name")]
    UnknownUser,
    /// The account exists, the response does not fit its password.
    #[error("wrong password")]
    WrongPassword,
    /// Key exchange was agreed on, its field is missing or not 16 bytes (SEC_E_INVALID_TOKEN).
    #[error("key exchange was agreed on but its key is missing")]
    KeyExchange,
    /// A Timestamp was given, yet the response does not announce a MIC.
    #[error("the authenticate message carries no integrity code although a timestamp was given")]
    MicMissing,
    /// The MIC does not fit the three messages.
    #[error("the integrity code does not fit the three messages of this login")]
    MicWrong,
    /// The policy wants a channel binding, none was given.
    #[error("the login is not bound to this TLS channel, which the policy demands")]
    BindingMissing,
    /// A channel binding was given, of another channel.
    #[error("the login is bound to another TLS channel: someone may be in between")]
    BindingWrong,
}
