//! Kerberos through the system's library: tickets, tokens, sealing (RFC 4121, [MS-KILE]).
//!
//! That is GSSAPI; on Windows it is SSPI, and GSSAPI for keytabs and named caches, where MIT Kerberos
//! for Windows is installed. The library is opened when the first login wants it, and does its own
//! talking to the KDC: every function here that says so may block for as long as that takes. What this module adds are the
//! rules of this client: mutual authentication always, sealing always, delegation only when asked,
//! the service's name as it is given and never looked up in DNS, and errors told by cause.
pub(super) mod error;
mod gssapi;
mod initiate;
mod library;
mod provider;
mod service;
mod source;
// Its foreign half is of Windows, the rest is tested everywhere.
#[cfg(any(windows, test))]
mod sspi;
mod tickets;

pub use error::{KerberosCause, KerberosError};
pub use initiate::{KerberosInitiator, KerberosOptions, RC4};
pub use service::ServiceName;
pub use source::TicketSource;
pub use tickets::{Tickets, has_tickets, kerberos_library};
