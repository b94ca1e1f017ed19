//! Carries WS-Man message bytes over one authenticated HTTP connection.
//!
//! A [`Connector`] holds where to connect, as whom and whom to trust; its [`Session`] implements
//! [`Exchange`](crate::wsman::Exchange). One session uses one TCP connection at a time, because a
//! login and its sealing keys belong to the connection they were made on (MS-WSMV 2.2.9.1,
//! RFC 4559 6); a [`Pool`] keeps a few of them to a host. The layer never reads SOAP: it tells replies from failures by HTTP status, media
//! type and seal alone; only a [`Pool`] looks into a fault, whether a quota of the host is used up.
//!
//! Nothing of a message crosses plain HTTP unsealed, and that is a matter of types: the channel of
//! plain HTTP has no function that takes an envelope.

mod certificate;
mod channel;
mod connect;
mod endpoint;
mod failure;
mod identity;
mod login;
mod observe;
mod pool;
mod probe;
mod proxy;
mod reply;
mod session;
mod tls;
mod wire;

#[cfg(test)]
#[cfg(feature = "simulator")]
mod tests;

pub use certificate::{Pin, PinError, ServerCertificate, show_certificate};
pub use connect::{AuthChoice, Connector};
pub use endpoint::{Endpoint, EndpointError};
pub use identity::{ClientCertificate, ClientCertificateError};
pub use login::Login;
pub use pool::{Pool, PoolOptions, Pooled};
pub use probe::{Address, Greeting, addresses};
pub use proxy::{Proxy, ProxyError};
pub use session::Session;
pub use tls::{Trust, TrustError};
