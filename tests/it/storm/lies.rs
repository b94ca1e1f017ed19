//! Lied to, not only cut: answers that are not the host's, before it gets the message, after it took it, or long before.

use std::time::Duration;

use hyperv_replica::simulator::{Effect, Fault, FaultName, Page, Relates};

use crate::support::random::Random;

/// Any status with any page, for whatever message comes next. Inside TLS none claims to answer the message: whoever ends
/// the TLS is believed, as the host itself is.
pub fn draw(random: &mut Random, tls: bool) -> Fault {
    let status = random.pick(STATUSES);
    let relates = match tls {
        true => random.pick(&[Relates::Other, Relates::Nothing]),
        false => random.pick(&[Relates::This, Relates::Other, Relates::Nothing]),
    };
    let page = match random.within(0..10) {
        0..3 => Page::Empty,
        3..5 => Page::Html,
        5..8 => Page::Fault { name: random.pick(FAULTS), relates },
        _ => Page::Success { relates },
    };
    let fault = Fault::on("*", Effect::Swapped { status, page });
    match random.within(0..3) {
        0 => fault.taken(false),
        1 => fault.taken(true),
        _ => fault.late(Duration::from_millis(random.within(100..LATEST))),
    }
}

/// What proxies, gateways and people on the path answer with.
pub const STATUSES: &[u16] =
    &[200, 202, 204, 301, 302, 307, 400, 401, 403, 404, 405, 407, 408, 413, 429, 500, 502, 503, 504];

/// Faults that would let a client believe that nothing was done, and that it may ask again.
pub const FAULTS: &[FaultName] = &[
    FaultName::AccessDenied,
    FaultName::InvalidSelectors,
    FaultName::NotFound,
    FaultName::InternalError,
    FaultName::QuotaMaxOperations,
    FaultName::TimedOut,
    FaultName::ActionNotSupported,
    FaultName::SchemaValidationError,
];

/// Below twice the OperationTimeout of 60 s from the moment at which a call is put on record.
const LATEST: u64 = 110_000;
