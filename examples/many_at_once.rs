//! Asks a host many things at the same time, over a few connections.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use hyperv_replica::auth::Credentials;
use hyperv_replica::hyperv::Host;
use hyperv_replica::simulator::{Scenario, Server, ServerOptions};
use hyperv_replica::transport::{Connector, Pool, PoolOptions};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::start(Scenario::default(), ServerOptions::http()).await?;
    let credentials = Credentials { user: server.user().parse()?, password: server.password().clone() };

    // One pool for all hosts; whoever names the same host and account shares its connections.
    let pool = Pool::new(PoolOptions::default().connections(3));
    let exchange = pool.host(Connector::new(server.url().parse()?).credentials(credentials))?;

    let vms = Host::over(exchange.clone()).vms().await?;
    let mut asked = JoinSet::new();
    for vm in vms {
        let host = Host::over(exchange.clone());
        asked.spawn(async move { (vm.name, host.recovery_points(&vm.id).await.map(|points| points.len())) });
    }
    while let Some(answer) = asked.join_next().await {
        let (name, points) = answer?;
        println!("{name}: {} recovery points", points?);
    }
    println!("{} requests over {} connections", exchange.requests(), exchange.connections());
    Ok(())
}
