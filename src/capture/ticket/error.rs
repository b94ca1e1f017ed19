//! Why a recorded Kerberos login, or a message sealed under it, does not open.

/// Why nothing opens. Each says what would help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// The file is no keytab.
    #[error("this is no keytab that can be read: {0}")]
    Keytab(&'static str),
    /// A message of the login is not what RFC 4120 says.
    #[error("the {message} of the Kerberos login is not valid: {reason}")]
    Malformed {
        /// Which message.
        message: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An encryption type that is not read here.
    #[error("the {message} is sealed with encryption type {number}, which is not opened here")]
    UnknownType {
        /// Which message.
        message: &'static str,
        /// The type's number.
        number: u32,
    },
    /// The keytab lacks keys of the ticket's type.
    #[error("the ticket for {service} is sealed with {etype}, and the keytab has no key of that type, only {has}")]
    NoKeyOfType {
        /// Whom the ticket is for.
        service: String,
        /// The ticket's encryption type.
        etype: &'static str,
        /// The types in the keytab.
        has: String,
    },
    /// The keytab has other versions of the key.
    #[error(
        "the ticket for {service} is sealed with version {version} of its key, and the keytab has {has}; \
         the key was made anew between the two"
    )]
    NoKeyOfVersion {
        /// Whom the ticket is for.
        service: String,
        /// The version that the ticket names.
        version: u32,
        /// The versions in the keytab.
        has: String,
    },
    /// No key opens the ticket.
    #[error(
        "no key in the keytab opens the ticket for {service}; it has keys of {has}: take the keytab of that very service, \
         as the domain has its key now"
    )]
    WrongKey {
        /// Whom the ticket is for.
        service: String,
        /// Whose keys the keytab has.
        has: String,
    },
    /// The keys of the session do not open what belongs to it.
    #[error("the {message} does not open with the session key: it is of another login, or damaged")]
    Session {
        /// What does not open.
        message: &'static str,
    },
    /// A sealed message needs the key from the server's reply.
    #[error("the capture lacks the server's last token of the login, which holds the key")]
    NoReply,
    /// A token is no sealed message of Kerberos.
    #[error("a sealed message is not well formed: {0}")]
    Token(&'static str),
    /// The check over a sealed message fails.
    #[error("a sealed message does not open with the keys of its login: altered, or of another login")]
    Check,
    /// The frame around a sealed message.
    #[error(transparent)]
    Frame(#[from] crate::auth::AuthError),
}
