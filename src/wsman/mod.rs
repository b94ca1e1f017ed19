//! WS-Management operations, both directions, without I/O.
//!
//! Each operation is one file: its request and its response, a writer and a reader for each. The
//! client uses one half, the simulator the other. [`Client`] drives them over any [`Exchange`].

mod addressing;
mod client;
pub mod enumerate;
mod error;
mod exchange;
pub mod fault;
pub mod get;
pub mod identify;
mod instance;
pub mod invoke;
mod limits;
mod observe;
mod operation;
pub mod pull;
pub mod release;
mod request;
mod resource;
pub mod wql;

pub use addressing::{ClassAddressing, ClassBase};
pub use client::{Client, Enumeration, Error, Prepared};
pub use enumerate::{Enumerate, EnumerationMode, Filter, Item, Page};
pub use error::ReplyError;
pub use exchange::{Delivery, Exchange, ExchangeError, ExchangeErrorKind, Message, Reply};
pub use fault::{Fault, ProviderFault, WmiError, WsmanFault};
pub use get::Get;
pub use identify::{Identify, Identity};
pub use instance::{write_instance, write_property};
pub use invoke::{Invoke, InvokeOutput, Parameter};
pub use limits::{Limits, Timeouts};
pub use observe::{Leg, Observer, Timings};
pub use operation::{Operation, Repeatable};
pub use pull::Pull;
pub use release::Release;
pub use request::{Request, RequestBody, RequestContext, RequestHeader, ResponseContext};
pub use resource::{EndpointReference, ResourceUri, Selector, SelectorSet};

#[cfg(test)]
mod tests;
