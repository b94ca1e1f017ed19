//! Logging in and sealing: makes tokens, checks tokens, seals and unseals message bodies.
//!
//! This layer sends nothing; for NTLM random bytes and time come in as arguments ([`Entropy`],
//! [`filetime`]), so every message it makes can be made again. [`kerberos`] calls the system's
//! library, which has its own clock and its own way to the KDC. A client's login is a [`Handshake`]
//! over one of these: [`Initiator`] (NTLM), [`KerberosInitiator`], [`NegotiateInitiator`] (SPNEGO
//! over both), and with the feature `credssp` `CredSspInitiator`, which ends with the server having
//! the password. It and the accepting half, [`accept::Acceptor`], end in a [`SecurityContext`], over
//! which [`seal`] writes and reads the `multipart/encrypted` bodies of WinRM ([MS-WSMV] 2.2.9.1).
//!
//! ```
//! use hyperv_replica::auth::{Credentials, Entropy, Initiator, Options, filetime};
//!
//! let credentials = Credentials { user: "LAB\\admin".parse()?, password: "secret".into() };
//! let options = Options {
//!     binding: None,
//!     target_name: Some("HTTP/hv-dr-01".to_owned()),
//!     entropy: Entropy::system()?,
//!     now: filetime(std::time::SystemTime::now()),
//! };
//! let mut initiator = Initiator::new(&credentials, options);
//! let token = initiator.negotiate(); // base64 of it goes into "Authorization: Negotiate …"
//! assert!(token.starts_with(b"NTLMSSP\0"));
//! # Ok::<(), hyperv_replica::auth::AuthError>(())
//! ```
pub mod accept;
pub mod basic;
pub mod binding;
mod context;
pub mod credentials;
#[cfg(feature = "credssp")]
mod credssp;
pub(crate) mod der;
pub mod error;
mod handshake;
pub mod kerberos;
pub mod negotiate;
pub mod ntlm;

mod scheme;
pub mod seal;
pub mod secret;

#[cfg(test)]
pub(crate) mod tests;

pub use basic::basic_authorization;
pub use binding::ChannelBinding;
pub use context::{Protocol, Sealed, SecurityContext};
pub use credentials::{Credentials, UserName};
#[cfg(feature = "credssp")]
pub use credssp::{CredSspError, CredSspInitiator};
pub use error::AuthError;
pub use handshake::{Handshake, Mechanism, Step};
pub use kerberos::{
    KerberosCause, KerberosError, KerberosInitiator, KerberosOptions, ServiceName, TicketSource, Tickets,
};
pub use negotiate::NegotiateInitiator;
pub use ntlm::{Entropy, Initiator, Options, filetime};

pub use scheme::{Offer, Scheme, offered};
pub use seal::{PartHeaders, SealedMessage, is_sealed, seal_message, unseal_message};
pub use secret::Secret;
