//! What every operation has: an action, a writer for its request, a reader for its reply.

use super::error::ReplyError;
use super::request::RequestContext;
use crate::xml::WriteError;

/// One WS-Management operation: knows its actions, writes its request, reads what answers it.
///
/// Pure: time, ids and addresses come in through [`RequestContext`]. An operation that is not here, such as a custom
/// action of a vendor, is an implementation of yours:
///
/// ```
/// use hyperv_replica::wsman::{Head, Operation, ReplyError, RequestContext, ResourceUri, SelectorSet, accept};
/// use hyperv_replica::xml::WriteError;
///
/// struct Ping {
///     resource: ResourceUri,
/// }
///
/// impl Operation for Ping {
///     type Output = String;
///
///     fn action(&self) -> String {
///         "urn:example/Ping".to_owned()
///     }
///
///     fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
///         let (action, selectors) = (self.action(), SelectorSet::new());
///         context.envelope(Head::new(&action, &self.resource, &selectors)).body(|writer| {
///             writer.open("x", "Ping").declare("x", "urn:example").text("?").close();
///         })
///     }
///
///     fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<String, ReplyError> {
///         let document = accept(reply, message_id, "urn:example/PingResponse")?;
///         Ok(hyperv_replica::soap::Envelope::of(&document)?.body().text().to_owned())
///     }
/// }
/// # let ping = Ping { resource: ResourceUri::new("urn:example/service") };
/// # assert_eq!(ping.action(), "urn:example/Ping");
/// ```
pub trait Operation {
    /// What a good reply holds.
    type Output;

    /// The action of the request; empty for Identify, which has no addressing headers.
    fn action(&self) -> String;

    /// The whole envelope.
    ///
    /// # Errors
    /// A name or character that XML cannot carry.
    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError>;

    /// Reads the reply to the request with this MessageID.
    ///
    /// # Errors
    /// In this order: not an envelope, a fault, a foreign Action, a foreign RelatesTo, another body
    /// root than expected.
    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<Self::Output, ReplyError>;
}

/// An operation that changes nothing on the host, so that it may be sent again after any failure.
///
/// Implemented for Identify, Get, Enumerate, Pull, Release, Renew and Unsubscribe; never for Invoke, Put, Create, Delete
/// or Subscribe, so that resending a failover is a compile error.
pub trait Repeatable: Operation {}
