//! Streams many instances page by page over a sealed connection; only one page is held at a time.
//!
//! `cargo run --release --example stream_instances -- 200000` prints how far the peak of resident memory grew after
//! the first page. The simulated host runs in a process of its own, so that its memory is not counted.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use hyperv_replica::auth::Credentials;
use hyperv_replica::hyperv::random_id;
use hyperv_replica::simulator::{Scenario, Server, ServerOptions};
use hyperv_replica::transport::{Connector, Endpoint};
use hyperv_replica::wsman::{ClassAddressing, Client};

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let count: u64 = std::env::args().nth(1).map_or(Ok(1000), |count| count.parse())?;
    if std::env::args().nth(2).as_deref() == Some("serve") {
        return serve(count).await;
    }
    let mut host = Command::new(std::env::current_exe()?)
        .args([&count.to_string(), "serve"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(host.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let [url, user, password]: [&str; 3] =
        line.split_whitespace().collect::<Vec<_>>().try_into().map_err(|_| "the host did not start")?;
    let outcome = stream(url, user, password).await;
    // The host ends when its standard input does, whatever becomes of this process.
    drop(host.stdin.take());
    host.wait()?;
    outcome
}

async fn stream(url: &str, user: &str, password: &str) -> Result<(), Failure> {
    let endpoint: Endpoint = url.parse()?;
    let credentials = Credentials { user: user.parse()?, password: password.into() };
    let session = Connector::new(endpoint).credentials(credentials).session()?;
    let client = Client::new(&session, ClassAddressing::microsoft("root/cimv2"), random_id);
    let mut enumeration = client.all("Demo_Item");
    let (mut instances, mut bytes, mut start) = (0_usize, 0_usize, None);
    while let Some(page) = enumeration.next_page().await? {
        instances += page.instances().count();
        bytes += page.document().source().len();
        start = start.or_else(peak_kib);
    }
    println!("{instances} instances, {} MB of XML, {} requests", bytes / 1_000_000, session.requests());
    match (start, peak_kib()) {
        (Some(start), Some(end)) => println!("peak memory grew by {} KiB after the first page", end - start),
        _ => println!("this system does not tell the peak of memory"),
    }
    Ok(())
}

/// `VmHWM` of Linux.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

async fn serve(count: u64) -> Result<(), Failure> {
    let scenario = Scenario::from_toml(&format!("demo_items = {count}"))?;
    let server = Server::start(scenario, ServerOptions::http()).await?;
    println!("{} {} {}", server.url(), server.user(), server.password().expose());
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}
