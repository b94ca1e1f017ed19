//! A pool of connections to a simulated host, asked as programs ask: many at a time, and more than it allows.

use hyperv_replica::auth::Credentials;
use hyperv_replica::hyperv::{Host, NAMESPACE, random_id};
use hyperv_replica::simulator::{Server, ServerOptions};
use hyperv_replica::transport::{Connector, Pool, PoolOptions, Pooled, Trust};
use hyperv_replica::wsman::{ClassAddressing, Client, Error, Invoke};
use tokio::task::JoinSet;

use crate::support::serve;

fn pooled(server: &Server, connections: usize) -> Pooled {
    let credentials = Credentials { user: server.user().parse().unwrap(), password: server.password().clone() };
    let mut connector = Connector::new(server.url().parse().unwrap()).credentials(credentials);
    if let Some(der) = server.certificate_der() {
        connector = connector.trust(Trust::ca(der).unwrap());
    }
    Pool::new(PoolOptions::default().connections(connections)).host(connector).unwrap()
}

fn client(pooled: &Pooled) -> Client<Pooled> {
    Client::new(pooled.clone(), ClassAddressing::microsoft(NAMESPACE), random_id)
}

/// Asks for all VMs so many times at once.
async fn ask(pooled: &Pooled, times: usize) {
    let mut tasks = JoinSet::new();
    for _ in 0..times {
        let host = Host::new(client(pooled));
        tasks.spawn(async move { host.vms().await.unwrap().len() });
    }
    while let Some(count) = tasks.join_next().await {
        assert!(count.unwrap() > 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_cost_as_many_connections_as_allowed() {
    for options in [ServerOptions::http(), ServerOptions::https()] {
        let server = serve("[[faults]]\non = \"Enumerate\"\ntimes = 0\ndelay = \"40ms\"", options).await;
        ask(&pooled(&server, 1), 16).await;
        assert_eq!((server.connections(), server.logins()), (1, 1));
        let four = pooled(&server, 4);
        ask(&four, 16).await;
        assert_eq!((server.connections(), server.logins()), (5, 5));
        assert_eq!(four.requests(), 16 + 4, "a login costs one request beside the message that it carries");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_is_waited_for_by_reads() {
    for fault in ["QuotaMaxOperations", "QuotaLimit"] {
        let scenario = format!("[[faults]]\non = \"Enumerate\"\nnth = 2\ntimes = 3\nfault = \"{fault}\"");
        let server = serve(&scenario, ServerOptions::http()).await;
        let pooled = pooled(&server, 2);
        ask(&pooled, 4).await;
        assert_eq!((pooled.quota_faults(), server.connections()), (3, 2), "{fault}");
    }
}

/// The fault is the answer where waiting does not help, and at once where the question may not be asked again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_is_told_when_it_stays_and_to_calls() {
    let scenario = "[[faults]]\non = \"*\"\ntimes = 0\nfault = \"QuotaMaxOperations\"";
    let server = serve(scenario, ServerOptions::http()).await;
    let pooled = pooled(&server, 2);
    let impatient = client(&pooled).with_deadline(|| Some(std::time::Duration::from_millis(1500)));
    let error = Host::new(impatient).vms().await.unwrap_err();
    assert!(error.to_string().contains("quota: operations"), "{error}");
    assert!((2..=4).contains(&pooled.quota_faults()), "{}", pooled.quota_faults());

    let before = server.requests();
    let addressing = ClassAddressing::microsoft(NAMESPACE);
    let service = addressing.reference("Msvm_ReplicationService", addressing.class_selectors());
    let call = Invoke::new(service, "InitiateFailover");
    let error = client(&pooled).invoke(&call).await.unwrap_err();
    assert!(matches!(&error, Error::Fault(fault) if fault.is_quota()), "{error}");
    assert_eq!(server.requests() - before, 1, "once");
}
