//! Values as instances hold them.

use std::time::Duration;

use crate::cim::{CimDatetime, CimType, Datetime, Interval, Value};

/// A time since 1970; "never" is 1601 (recorded for VMs).
pub(in crate::simulator) fn time(time: Option<Duration>) -> Value {
    time.map_or_else(|| Value::from(CimDatetime::from(Datetime::NEVER)), point_in_time)
}

/// At most six digits of a second, as recorded.
pub(in crate::simulator) fn point_in_time(time: Duration) -> Value {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(0);
    let point = Datetime::from_unix(seconds, time.subsec_micros().saturating_mul(1000)).unwrap_or(Datetime::NEVER);
    Value::from(CimDatetime::from(point))
}

pub(super) fn interval(length: Duration) -> Value {
    let micros = Duration::new(length.as_secs(), length.subsec_micros().saturating_mul(1000));
    let interval = Interval::try_from(micros).unwrap_or(Interval::ZERO);
    Value::from(CimDatetime::from(interval))
}

pub(super) fn big(number: u64) -> Value {
    Value::Unsigned(CimType::Uint64, number)
}
