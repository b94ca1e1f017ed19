//! Whether the hosts of a run are real: a rehearsal is kept apart from what it rehearses, and ends with its host.

use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::cli::connect::Connection;
use crate::cli::exit::Exit;
use crate::cli::problem::Problem;
use crate::failover::journal::World;
use crate::hyperv::NAMESPACE;
use crate::journal::sqlite::Store;
use crate::simulator;
use crate::transport::Endpoint;
use crate::wsman::{self, ClassAddressing, Exchange};

/// In which world the hosts of a run are that was begun in this one. A host that does not tell is taken for what it was
/// then: silence is no claim that it is another.
pub async fn of(host: &Connection, primary: Option<&Connection>, begun: &World) -> Result<World, Problem> {
    let world = of_one(host).await?.unwrap_or_else(|| begun.clone());
    if let Some(primary) = primary
        && let Some(other) = of_one(primary).await?
        && other.is_simulated() != world.is_simulated()
    {
        let (one, other) = if world.is_simulated() { (host, primary) } else { (primary, host) };
        return Err(Problem::new(
            Exit::Refused,
            "two-worlds",
            format!("{} is a simulated host and {} is none: no run is on both", one.name, other.name),
        )
        .remedy("check -H and --primary: a rehearsal has two simulated hosts, `hvr simulate --pair`"));
    }
    Ok(world)
}

/// The world of an embedded host. What a host on a socket is, its VMs tell.
pub fn of_embedded(host: &Connection) -> World {
    match host.is_simulated() {
        true => World::Embedded(place(host.session().address()).unwrap_or_default()),
        false => World::Real,
    }
}

/// None where the host gives no answer that says what it is: what came may be of something in between.
async fn of_one(connection: &Connection) -> Result<Option<World>, Problem> {
    let address = connection.session().address();
    if connection.is_simulated() {
        return Ok(Some(of_embedded(connection)));
    }
    // A simulated host listens on loopback only, so no other is asked: none would say so.
    let Some(place) = place(address) else { return Ok(Some(World::Real)) };
    match connection.client(ClassAddressing::microsoft(NAMESPACE)).identify().await {
        Ok(identity) if simulator::is_simulated(&identity) => Ok(Some(World::Served(place))),
        Ok(_) => Ok(Some(World::Real)),
        // A second login would be as wrong as the first.
        Err(error @ (wsman::Error::Exchange(_) | wsman::Error::Deadline)) => {
            Err(connection.with_origins(Problem::from(error)))
        }
        Err(_) => Ok(None),
    }
}

/// Host and port of a URL on this machine.
fn place(url: &str) -> Option<String> {
    let endpoint: Endpoint = url.parse().ok()?;
    let host = endpoint.host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    is_loopback.then(|| format!("{host}:{}", endpoint.port()))
}

/// Ends the runs of simulated hosts that are gone. One that cannot be told now is told the next time.
pub fn end_dead(store: &Store) {
    let _ = store.end_worlds(|world| world.address().is_none_or(is_there));
}

/// Ends the runs of an embedded host with it.
pub fn end_with(world: &World, store: &Store) {
    if let World::Embedded(_) = world {
        let _ = store.end_worlds(|other| other != world && other.address().is_none_or(is_there));
    }
}

/// Whether anything listens there.
fn is_there(address: &str) -> bool {
    const PATIENCE: Duration = Duration::from_millis(500);
    let places = address.to_socket_addrs().into_iter().flatten();
    places.into_iter().any(|place| match TcpStream::connect_timeout(&place, PATIENCE) {
        Ok(_) => true,
        // Only a clear no says that nothing is there.
        Err(error) => error.kind() != std::io::ErrorKind::ConnectionRefused,
    })
}

/// A run is taken up in the world in which it was begun, or not at all.
pub fn is_the_same(begun: &World, now: &World, run: &str) -> Result<(), Problem> {
    let refuse = |text: String| {
        Problem::new(Exit::Refused, "another-world", text).remedy(format!(
            "nothing was sent; look at it: `hvr run show {run}`; if its hosts are gone, close it: `hvr run close {run} \
             --note=TEXT`"
        ))
    };
    match (begun, now) {
        (World::Real, World::Real) => Ok(()),
        (World::Served(one), World::Served(other)) if one == other => Ok(()),
        (World::Embedded(_), _) => {
            Err(refuse(format!("run {run} was on a simulated host that ends with its own process")))
        }
        (World::Real, _) => Err(refuse(format!("run {run} was on a real host, and what answers now is simulated"))),
        (World::Served(address), World::Real) => {
            Err(refuse(format!("run {run} was on a simulated host at {address}, and what answers now is none")))
        }
        (World::Served(address), _) => {
            Err(refuse(format!("run {run} was on a simulated host at {address}, and this is another one")))
        }
    }
}
