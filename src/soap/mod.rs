//! SOAP 1.2 envelopes, WS-Addressing headers and faults: what every WS-Management message shares.
//!
//! Knows nothing of classes or operations; the body is handed on as an element.

mod envelope;
mod fault;
mod writer;

pub use envelope::{Envelope, EnvelopeError};
pub use fault::{Fault, FaultCode, Reason};
pub use writer::{ANONYMOUS, EnvelopeWriter, Header};
