//! An order as JSON. The forms are written out here and not derived from the types of the workflows: what was written
//! stays readable when those change. Unknown kinds and fields are refused, as a newer program means something by them.
//!
//! A new kind of run needs a variant of [`KindForm`] and a line in each of its two conversions; the compiler asks for both.

use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::cim::Datetime;
use crate::failover::{AdapterOrder, Kind, Order, PointChoice, PowerOff};
use crate::hyperv::{AdapterAddresses, VmId, VmSelector};

/// An order as the journal keeps it: without its deadline, as the patience of the caller is not that of the next one.
pub fn order_json(order: &Order) -> serde_json::Value {
    serde_json::to_value(OrderForm::from(order)).unwrap_or_default()
}

/// The same as text.
pub(super) fn write(order: &Order) -> Result<String, serde_json::Error> {
    serde_json::to_string(&OrderForm::from(order))
}

/// Reads what [`write`] wrote.
pub(super) fn read(text: &str) -> Result<Order, serde_json::Error> {
    let form: OrderForm = serde_json::from_str(text)?;
    Ok(Order {
        kind: form.kind.into_kind()?,
        vm: form.vm.into_selector()?,
        point: form.point.into_choice()?,
        start: form.start,
        wait: form.wait,
        deadline: None,
    })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderForm {
    kind: KindForm,
    vm: VmForm,
    point: PointForm,
    start: bool,
    wait: bool,
}

impl From<&Order> for OrderForm {
    fn from(order: &Order) -> Self {
        OrderForm {
            kind: KindForm::from(&order.kind),
            vm: VmForm::from(&order.vm),
            point: PointForm::from(&order.point),
            start: order.start,
            wait: order.wait,
        }
    }
}

/// Named as [`Kind::name`] names them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum KindForm {
    Failover,
    PlannedFailover { off: PowerOffForm, reverse: bool, thumbprint: Option<String> },
    TestStart { network: Option<String> },
    TestStop,
    Rehearsal,
    Commit,
    Undo,
    Reverse { with_primary: bool, thumbprint: Option<String> },
    Start,
    Stop { off: PowerOffForm },
    Network { adapters: Vec<AdapterForm> },
    WalkBack { start_primary: bool },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PowerOffForm {
    ShutDown,
    TurnOff,
}

/// Addresses as texts, in the forms that [`AdapterAddresses::parse`] reads.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AdapterForm {
    adapter: String,
    dhcp: bool,
    addresses: Vec<String>,
    gateways: Vec<String>,
    dns: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum VmForm {
    Id(String),
    Name(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PointForm {
    Latest,
    #[serde(rename = "app-consistent")]
    ApplicationConsistent,
    Before(String),
    Id(String),
}

impl From<&Kind> for KindForm {
    fn from(kind: &Kind) -> Self {
        match kind {
            Kind::Failover => KindForm::Failover,
            Kind::PlannedFailover { off, reverse, thumbprint } => {
                KindForm::PlannedFailover { off: (*off).into(), reverse: *reverse, thumbprint: thumbprint.clone() }
            }
            Kind::TestStart { network } => KindForm::TestStart { network: network.clone() },
            Kind::TestStop => KindForm::TestStop,
            Kind::Rehearsal => KindForm::Rehearsal,
            Kind::Commit => KindForm::Commit,
            Kind::Undo => KindForm::Undo,
            Kind::Reverse { with_primary, thumbprint } => {
                KindForm::Reverse { with_primary: *with_primary, thumbprint: thumbprint.clone() }
            }
            Kind::Start => KindForm::Start,
            Kind::Stop(off) => KindForm::Stop { off: (*off).into() },
            Kind::Network(adapters) => KindForm::Network { adapters: adapters.iter().map(AdapterForm::from).collect() },
            Kind::WalkBack { start_primary } => KindForm::WalkBack { start_primary: *start_primary },
        }
    }
}

impl KindForm {
    fn into_kind(self) -> Result<Kind, serde_json::Error> {
        Ok(match self {
            KindForm::Failover => Kind::Failover,
            KindForm::PlannedFailover { off, reverse, thumbprint } => {
                Kind::PlannedFailover { off: off.into(), reverse, thumbprint }
            }
            KindForm::TestStart { network } => Kind::TestStart { network },
            KindForm::TestStop => Kind::TestStop,
            KindForm::Rehearsal => Kind::Rehearsal,
            KindForm::Commit => Kind::Commit,
            KindForm::Undo => Kind::Undo,
            KindForm::Reverse { with_primary, thumbprint } => Kind::Reverse { with_primary, thumbprint },
            KindForm::Start => Kind::Start,
            KindForm::Stop { off } => Kind::Stop(off.into()),
            KindForm::Network { adapters } => {
                Kind::Network(adapters.into_iter().map(AdapterForm::into_order).collect::<Result<_, _>>()?)
            }
            KindForm::WalkBack { start_primary } => Kind::WalkBack { start_primary },
        })
    }
}

impl From<&AdapterOrder> for AdapterForm {
    fn from(order: &AdapterOrder) -> Self {
        let texts = |items: &[IpAddr]| items.iter().map(ToString::to_string).collect();
        let addresses = &order.addresses;
        AdapterForm {
            adapter: order.adapter.clone(),
            dhcp: addresses.is_dhcp(),
            addresses: addresses.addresses().iter().map(ToString::to_string).collect(),
            gateways: texts(addresses.gateways()),
            dns: texts(addresses.dns()),
        }
    }
}

impl AdapterForm {
    fn into_order(self) -> Result<AdapterOrder, serde_json::Error> {
        let addresses = AdapterAddresses::parse(self.dhcp, &self.addresses, &self.gateways, &self.dns);
        Ok(AdapterOrder { adapter: self.adapter, addresses: addresses.map_err(serde::de::Error::custom)? })
    }
}

impl From<PowerOff> for PowerOffForm {
    fn from(off: PowerOff) -> Self {
        match off {
            PowerOff::ShutDown => PowerOffForm::ShutDown,
            PowerOff::TurnOff => PowerOffForm::TurnOff,
        }
    }
}

impl From<PowerOffForm> for PowerOff {
    fn from(form: PowerOffForm) -> Self {
        match form {
            PowerOffForm::ShutDown => PowerOff::ShutDown,
            PowerOffForm::TurnOff => PowerOff::TurnOff,
        }
    }
}

impl From<&VmSelector> for VmForm {
    fn from(selector: &VmSelector) -> Self {
        match selector {
            VmSelector::Id(id) => VmForm::Id(id.as_str().to_owned()),
            VmSelector::Name(name) => VmForm::Name(name.clone()),
        }
    }
}

impl VmForm {
    fn into_selector(self) -> Result<VmSelector, serde_json::Error> {
        Ok(match self {
            VmForm::Id(id) => VmSelector::Id(parsed::<VmId>(&id)?),
            VmForm::Name(name) => VmSelector::Name(name),
        })
    }
}

impl From<&PointChoice> for PointForm {
    fn from(choice: &PointChoice) -> Self {
        match choice {
            PointChoice::Latest => PointForm::Latest,
            PointChoice::ApplicationConsistent => PointForm::ApplicationConsistent,
            PointChoice::Before(time) => PointForm::Before(time.to_string()),
            PointChoice::Id(id) => PointForm::Id(id.clone()),
        }
    }
}

impl PointForm {
    fn into_choice(self) -> Result<PointChoice, serde_json::Error> {
        Ok(match self {
            PointForm::Latest => PointChoice::Latest,
            PointForm::ApplicationConsistent => PointChoice::ApplicationConsistent,
            PointForm::Before(time) => PointChoice::Before(parsed::<Datetime>(&time)?),
            PointForm::Id(id) => PointChoice::Id(id),
        })
    }
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, serde_json::Error> {
    text.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "5C2A7E10-8D3B-4E51-9B5A-1F0C3D9E7A42";

    fn off() -> impl Strategy<Value = PowerOff> {
        prop_oneof![Just(PowerOff::ShutDown), Just(PowerOff::TurnOff)]
    }

    fn kind() -> impl Strategy<Value = Kind> {
        prop_oneof![
            Just(Kind::Failover),
            (off(), any::<bool>(), any::<Option<String>>())
                .prop_map(|(off, reverse, thumbprint)| Kind::PlannedFailover { off, reverse, thumbprint }),
            any::<Option<String>>().prop_map(|network| Kind::TestStart { network }),
            Just(Kind::TestStop),
            Just(Kind::Rehearsal),
            Just(Kind::Commit),
            Just(Kind::Undo),
            (any::<bool>(), any::<Option<String>>())
                .prop_map(|(with_primary, thumbprint)| Kind::Reverse { with_primary, thumbprint }),
            any::<(String, u32, u8)>().prop_map(|(adapter, address, prefix)| {
                let address = format!("{}/{}", std::net::Ipv4Addr::from(address.max(1)), prefix % 31 + 1);
                let addresses = AdapterAddresses::parse(false, &[address], &[], &["10.0.0.2".to_owned()]);
                let addresses = addresses.unwrap_or(AdapterAddresses::parse::<String>(true, &[], &[], &[]).unwrap());
                Kind::Network(vec![AdapterOrder { adapter, addresses }])
            }),
            Just(Kind::Start),
            off().prop_map(Kind::Stop),
            any::<bool>().prop_map(|start_primary| Kind::WalkBack { start_primary }),
        ]
    }

    fn point() -> impl Strategy<Value = PointChoice> {
        let time = (-62_000_000_000..253_000_000_000_i64, 0..1_000_000_000_u32);
        prop_oneof![
            Just(PointChoice::Latest),
            Just(PointChoice::ApplicationConsistent),
            time.prop_map(|(seconds, nanos)| PointChoice::Before(Datetime::from_unix(seconds, nanos).unwrap())),
            Just(PointChoice::Before("20261123080000.******+060".parse().unwrap())),
            any::<String>().prop_map(PointChoice::Id),
        ]
    }

    proptest! {
        #[test]
        fn every_order_is_read_back(kind in kind(), point in point(), name: Option<String>, start: bool, wait: bool) {
            let vm = name.map_or(VmSelector::Id(ID.parse().unwrap()), VmSelector::Name);
            let order = Order { point, start, wait, ..Order::of(kind, vm) };
            let text = write(&order).unwrap();
            let back = read(&text).unwrap();
            prop_assert_eq!(format!("{order:?}"), format!("{back:?}"), "{}", text);
            // The name stands in a column of its own too: people look for the same word in both.
            let names = [format!("{{\"kind\":\"{}\"", order.kind.name()), format!("{{\"kind\":{{\"{}\"", order.kind.name())];
            prop_assert!(names.iter().any(|name| text.starts_with(name)), "{}", text);
        }

        #[test]
        fn no_text_is_too_much(text: String) {
            let _ = read(&text);
        }
    }

    #[test]
    fn the_form_is_what_was_released() {
        let order = Order {
            point: PointChoice::Before("2026-11-23T08:00:00Z".parse().unwrap()),
            deadline: Some(std::time::Duration::from_secs(9)),
            ..Order::of(
                Kind::PlannedFailover { off: PowerOff::ShutDown, reverse: true, thumbprint: None },
                VmSelector::Id(ID.parse().unwrap()),
            )
        };
        let text = format!(
            "{{\"kind\":{{\"planned-failover\":{{\"off\":\"shut-down\",\"reverse\":true,\"thumbprint\":null}}}},\"vm\":{{\"id\":\"{ID}\"}},\
             \"point\":{{\"before\":\"2026-11-23T08:00:00Z\"}},\"start\":false,\"wait\":true}}"
        );
        assert_eq!(write(&order).unwrap(), text);
        assert_eq!(read(&text).unwrap().deadline, None);
        let text = write(&Order::of(Kind::Stop(PowerOff::TurnOff), VmSelector::Name("a".into()))).unwrap();
        assert!(
            text.starts_with(
                "{\"kind\":{\"stop\":{\"off\":\"turn-off\"}},\"vm\":{\"name\":\"a\"},\"point\":\"latest\""
            )
        );
    }

    #[test]
    fn what_a_newer_program_means_is_refused() {
        let good = write(&Order::new(VmSelector::Name("a".into()))).unwrap();
        for (from, to, said) in [
            ("\"failover\"", "\"teleport\"", "teleport"),
            ("\"failover\"", "{\"walk-back\":{\"start_primary\":true,\"gently\":1}}", "gently"),
            ("\"wait\":true", "\"wait\":true,\"pace\":3", "pace"),
            ("\"latest\"", "\"oldest\"", "oldest"),
            ("\"latest\"", "{\"before\":\"yesterday\"}", "yesterday"),
            ("{\"name\":\"a\"}", "{\"id\":\"a\"}", "GUID"),
            ("\"start\":false,", "", "start"),
        ] {
            let text = good.replace(from, to);
            assert_ne!(text, good);
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(said), "{said}: {error}");
        }
    }
}
