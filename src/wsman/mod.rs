//! WS-Management operations, both directions, without I/O.
//!
//! Each operation is one file: its request and its response, a writer and a reader for each. The
//! client uses one half, the simulator the other. [`Client`] drives them over any [`Exchange`].

mod addressing;
mod answer;
mod client;
pub mod create;
pub mod decode;
pub mod delete;
pub mod diff;
pub mod enumerate;
mod enumeration;
mod error;
mod exchange;
mod extra;
pub mod fault;
pub mod filter;
pub mod fragment;
pub mod get;
pub mod identify;
mod instance;
pub mod invoke;
mod limits;
pub mod lint;
mod observe;
mod operation;
mod pasted;
pub mod pull;
pub mod put;
mod raw;
pub mod release;
pub mod renew;
mod representation;
mod request;
mod resource;
mod selector;
mod stray;
pub mod subscribe;
pub mod unsubscribe;
mod waited;
pub mod wql;

pub use addressing::{ClassAddressing, ClassBase, all_classes_beside};
pub use answer::Remark;
pub use client::{Client, Error, Prepared};
pub use create::{Create, Created};
pub use decode::{Content, Decoded};
pub use delete::Delete;
pub use enumerate::{Enumerate, EnumerationMode, Item, Page, PolymorphismMode};
pub use enumeration::{Enumeration, KeptLimit, Overrun};
pub use error::ReplyError;
pub use exchange::{Delivery, Exchange, ExchangeError, ExchangeErrorKind, Message, Reply};
pub use extra::{Extra, HeaderBlock, ResourceOption};
pub use fault::{Fault, FaultKind, FaultMeaning, ProviderFault, WmiError, WsmanFault};
pub use filter::{Associated, AssociationFilter, Filter};
pub use fragment::{Fragment, FragmentContent, GetFragment, PutFragment};
pub use get::Get;
pub use identify::{Identify, Identity};
pub use instance::{write_instance, write_property};
pub use invoke::{Invoke, InvokeOutput, Parameter};
pub use limits::{Kept, Limits, Timeouts};
pub use observe::{Leg, Observer, Timings};
pub use operation::{Operation, Repeatable};
pub use pasted::{Pasted, PastedError, PastedRemark};
pub use pull::Pull;
pub use put::Put;
pub use raw::{RawError, RawRequest};
pub use release::Release;
pub use renew::Renew;
pub use representation::Representation;
pub use request::{Head, Request, RequestBody, RequestContext, RequestHeader, ResponseContext, accept};
pub use resource::{EndpointReference, ResourceUri};
pub use selector::{Selector, SelectorSet, SelectorValue};
pub use stray::Stray;
pub use subscribe::{Subscribe, Subscription, SubscriptionManager};
pub use unsubscribe::Unsubscribe;
pub use waited::Waited;

#[cfg(test)]
mod tests;
