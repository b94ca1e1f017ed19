//! `hvr network`: what the network adapters of a VM are set to after a failover, and where a test VM connects.

use serde_json::{Value, json};

use crate::cli::connect::Connection;
use crate::cli::exit::Exit;
use crate::cli::output::note;
use crate::cli::problem::Problem;
use crate::cli::workflow::{Consent, Task};
use crate::cli::{Context, json};
use crate::failover::{AdapterOrder, Kind, Order};
use crate::hyperv::{AdapterAddresses, Connection as SwitchConnection, FailoverAdapter, FailoverSettings, Vm};

/// Show or set what the network adapters of a VM get after a failover.
///
/// The settings are applied when the VM is failed over and its guest answers; the switch of test VMs decides where
/// a rehearsal connects.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or GUID of the VM
    vm: String,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show them
    Show,
    /// Set them, and read them back
    Set(SetArgs),
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    /// The adapter: its name, MAC or id; the only one of the VM when left out
    #[arg(long, default_value = "", hide_default_value = true, value_name = "ADAPTER")]
    adapter: String,
    /// Addresses by DHCP
    #[arg(long, conflicts_with_all = ["address", "gateway"])]
    dhcp: bool,
    /// A fixed address with its prefix or mask, 10.0.0.7/24 or 10.0.0.7/255.255.255.0; may be repeated
    #[arg(long, required_unless_present = "dhcp", value_name = "ADDRESS")]
    address: Vec<String>,
    /// A default gateway; at most five
    #[arg(long, value_name = "ADDRESS")]
    gateway: Vec<String>,
    /// A name server; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<String>,
    #[command(flatten)]
    consent: Consent,
}

/// Runs the command.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    match &args.what {
        What::Show => {
            let connection = Connection::open(context).await?;
            let host = connection.host();
            let vm = super::one_vm(&host, &args.vm).await?;
            let adapters = host.failover_adapters(&vm.id).await?;
            let connections = host.connections_of(&vm.id).await?;
            show(&vm, &adapters, &connections, &connection, context);
            Ok(Exit::Done)
        }
        What::Set(set) => {
            let addresses = AdapterAddresses::parse(set.dhcp, &set.address, &set.gateway, &set.dns);
            let addresses = addresses.map_err(|error| Problem::usage(error.to_string()))?;
            let kind = Kind::Network(vec![AdapterOrder { adapter: set.adapter.clone(), addresses }]);
            let order = Order::of(kind, super::selector(&args.vm));
            Task { order, vm: &args.vm, consent: &set.consent, primary: None }.carry_out(context).await
        }
    }
}

fn show(
    vm: &Vm,
    adapters: &[FailoverAdapter],
    connections: &[SwitchConnection],
    connection: &Connection,
    context: &Context,
) {
    let of = |adapter: &FailoverAdapter| connections.iter().find(|connection| connection.is_of(adapter));
    let printer = context.printer;
    if printer.is_table() {
        let rows: Vec<_> = adapters.iter().map(|adapter| row(adapter, of(adapter))).collect();
        let header = ["adapter", "mac", "dhcp", "addresses", "gateways", "dns", "last switch", "test switch"];
        printer.table(&header, &rows);
        if adapters.is_empty() {
            note("the VM has no synthetic network adapter; only those take addresses after a failover");
        }
        return;
    }
    printer.document(&json!({
        "kind": "network",
        "schema": 1,
        "simulated": connection.is_simulated(),
        "host": connection.name,
        "vm": { "name": vm.name, "id": vm.id.as_str() },
        "adapters": adapters.iter().map(|adapter| document(adapter, of(adapter))).collect::<Vec<_>>(),
    }));
}

fn row(adapter: &FailoverAdapter, connection: Option<&SwitchConnection>) -> Vec<String> {
    let dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let settings = adapter.settings.as_ref();
    let list = |of: fn(&FailoverSettings) -> &Vec<String>| {
        dash(settings.map_or_else(String::new, |settings| of(settings).join(", ")))
    };
    let addresses = settings.map(addresses).unwrap_or_default();
    let addresses = addresses.iter().map(|(address, subnet)| match subnet {
        Some(subnet) => format!("{address}/{}", subnet.trim_start_matches('/')),
        None => (*address).to_owned(),
    });
    vec![
        adapter.name.clone(),
        dash(adapter.mac.clone()),
        settings.map_or("-", |settings| if settings.dhcp { "yes" } else { "no" }).to_owned(),
        dash(addresses.collect::<Vec<_>>().join(", ")),
        list(|settings| &settings.gateways),
        list(|settings| &settings.dns),
        dash(connection.map_or_else(String::new, |connection| connection.last_switch.clone())),
        dash(connection.map_or_else(String::new, test_network)),
    ]
}

/// Each address with the subnet at its place.
fn addresses(settings: &FailoverSettings) -> Vec<(&str, Option<&str>)> {
    let subnets = settings.subnets.iter().map(String::as_str).map(Some).chain(std::iter::repeat(None));
    settings.addresses.iter().map(String::as_str).zip(subnets).collect()
}

/// The switch of test VMs, or the pool it is taken from.
fn test_network(connection: &SwitchConnection) -> String {
    match (connection.test_switch.as_str(), connection.test_pool.as_str()) {
        ("", "") => String::new(),
        ("", pool) => format!("pool {pool}"),
        (switch, _) => switch.to_owned(),
    }
}

fn document(adapter: &FailoverAdapter, connection: Option<&SwitchConnection>) -> Value {
    let failover = |settings: &FailoverSettings| {
        let addresses = addresses(settings).into_iter();
        json!({
            "id": settings.id,
            "protocol": settings.protocol.map_or(Value::Null, |protocol| json::named(protocol.value(), protocol)),
            "dhcp": settings.dhcp,
            "addresses": addresses
                .map(|(address, subnet)| json!({ "address": address, "subnet": subnet }))
                .collect::<Vec<_>>(),
            "gateways": settings.gateways,
            "dns": settings.dns,
        })
    };
    let connected = |connection: &SwitchConnection| {
        json!({
            "id": connection.id,
            "last_switch": connection.last_switch,
            "test_switch": connection.test_switch,
            "test_pool": connection.test_pool,
        })
    };
    json!({
        "id": adapter.id,
        "name": adapter.name,
        "mac": adapter.mac,
        "failover": adapter.settings.as_ref().map_or(Value::Null, failover),
        "connection": connection.map_or(Value::Null, connected),
    })
}
