//! What answers there? The smallest use of the client, against an embedded simulated host.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use hyperv_replica::auth::Credentials;
use hyperv_replica::hyperv::Host;
use hyperv_replica::simulator::{Scenario, Server, ServerOptions};
use hyperv_replica::transport::{Connector, Endpoint};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::start(Scenario::default(), ServerOptions::http()).await?;
    // Against a real host: an Endpoint such as "hv-dr-01", a user, and a password from where you keep it.
    let endpoint: Endpoint = server.url().parse()?;
    let credentials = Credentials { user: server.user().parse()?, password: server.password().clone() };
    let session = Connector::new(endpoint).credentials(credentials).session()?;
    let identity = Host::over(&session).client().identify().await?;
    println!("{} {}", identity.product_vendor, identity.product_version);
    println!("{} HTTP requests, login included", session.requests());
    Ok(())
}
