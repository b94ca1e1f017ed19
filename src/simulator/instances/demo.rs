//! `Demo_Item`: many small instances with properties of most types.

use std::time::Duration;

use crate::cim::{CimType, Value};
use crate::simulator::ids::guid_of;
use crate::simulator::object::Object;
use crate::simulator::schema;

use super::values::{interval, point_in_time};

/// One of the many small instances of `Demo_Item`: 25 properties of most types.
pub(in crate::simulator) fn demo_item(number: u64, started: Duration) -> Object {
    let small = |modulus: u64| number.checked_rem(modulus).and_then(|rest| u16::try_from(rest).ok()).unwrap_or(0);
    let text = |what: &str| Value::text(format!("{what} of item {number}"));
    let unsigned = |cim_type, value| Value::Unsigned(cim_type, value);
    Object::new(&schema::DEMO_ITEM)
        .with("Address", text("Address"))
        .with("Caption", text("Caption"))
        .with("Checked", number.is_multiple_of(2))
        .with("Colour", ["red", "green", "blue"].get(usize::from(small(3))).copied().unwrap_or("red"))
        .with("Created", point_in_time(started.saturating_sub(Duration::from_secs(number))))
        .with("Delta", Value::Signed(CimType::Sint32, i64::from(small(2000)) - 1000))
        .with("Description", text("A longer description, with <markup> & quotes \"so\","))
        .with("Enabled", !number.is_multiple_of(3))
        .with("Flags", Value::uint16s([1, 2, small(16)]))
        .with("Group", Value::text(format!("group-{}", small(100))))
        .with("HealthState", Value::uint16(5))
        .with("Id", Value::text(format!("item-{number:09}")))
        .with("Index", unsigned(CimType::Uint64, number))
        .with("Kind", Value::uint16(small(7)))
        .with("Level", unsigned(CimType::Uint8, u64::from(small(10))))
        .with("Limit", unsigned(CimType::Uint32, number.min(u64::from(u32::MAX))))
        .with("Name", text("Name"))
        .with("Names", Value::texts([format!("n{number}"), format!("m{number}")]))
        .with_nulls(&["Note"])
        .with("Owner", "SIM\\owner")
        .with("Path", Value::text(format!("C:\\demo\\{number}")))
        .with("Serial", Value::text(guid_of(&number.to_string())))
        .with("Size", unsigned(CimType::Uint64, number.saturating_mul(4096)))
        .with("Status", "OK")
        .with("Uptime", interval(Duration::from_millis(number)))
}
