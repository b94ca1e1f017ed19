//! Many callers at a time: how many connections and logins they cost, and what becomes of them when something breaks.

use super::host::{Act, OTHER};
use super::*;
use crate::transport::{Pool, PoolOptions, Pooled};

async fn pooled(plan: Plan, options: PoolOptions) -> (Host, Pooled) {
    let host = Host::start(plan).await;
    let pooled = Pool::new(options).host(connector(&host)).unwrap();
    (host, pooled)
}

fn of(connections: usize) -> PoolOptions {
    PoolOptions::default().connections(connections)
}

/// All at once; each must be echoed.
async fn together(pooled: &Pooled, messages: impl IntoIterator<Item = Message>) {
    let mut tasks = tokio::task::JoinSet::new();
    for message in messages {
        let pooled = pooled.clone();
        tasks.spawn(async move {
            let expected = [b"re: ", message.bytes()].concat();
            let reply = pooled.send(message).await.unwrap();
            assert_eq!(String::from_utf8(reply.bytes), String::from_utf8(expected));
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn as_many_connections_as_allowed_each_with_one_login() {
    let slow = Plan { script: |_| Act::Slow, ..Plan::default() };
    let (host, pooled) = pooled(slow, of(3)).await;
    together(&pooled, (0..30).map(|n| repeatable(&n.to_string()))).await;
    assert_eq!((host.connections(), host.attempts(), pooled.connections()), (3, 3, 3));
    // A hello for each connection, and the messages.
    assert_eq!(pooled.requests(), 33);
    assert!(pooled.login().is_some());
    together(&pooled, (0..30).map(|n| once(&n.to_string()))).await;
    assert_eq!((host.connections(), pooled.requests()), (3, 63), "the logins are used again");
    let mut messages = host.messages();
    messages.sort();
    messages.dedup();
    assert_eq!((host.messages().len(), messages.len()), (60, 30));
}

#[tokio::test]
async fn one_caller_after_the_other_takes_one_connection() {
    let (host, pooled) = pooled(Plan::default(), of(4)).await;
    for number in 0..5 {
        together(&pooled, [repeatable(&number.to_string())]).await;
    }
    assert_eq!((host.connections(), pooled.requests()), (1, 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_wrong_password_is_tried_once_by_all_together() {
    for server in [OTHER, Plan::default().server] {
        let host = Host::start(Plan { server, ..Plan::default() }).await;
        let pooled = Pool::new(of(8)).host(connector_as(&host, "wrong")).unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..20 {
            let pooled = pooled.clone();
            tasks.spawn(async move { pooled.send(repeatable(&number.to_string())).await.unwrap_err() });
        }
        while let Some(error) = tasks.join_next().await {
            assert_eq!(error.unwrap().kind(), ExchangeErrorKind::Login);
        }
        assert_eq!((host.attempts(), host.messages().len()), (1, 0));
    }
}

#[tokio::test]
async fn the_same_host_and_account_share_their_connections() {
    let host = Host::start(Plan::default()).await;
    let pool = Pool::new(of(2));
    let one = pool.host(connector(&host)).unwrap();
    together(&one, [repeatable("1")]).await;
    together(&pool.host(connector(&host)).unwrap(), [repeatable("2")]).await;
    assert_eq!((host.connections(), one.requests()), (1, 3));
    // Whoever does not know the password gets nothing of a login that was made with it.
    let stranger = pool.host(connector_as(&host, "wrong")).unwrap();
    assert_eq!(stranger.send(repeatable("3")).await.unwrap_err().kind(), ExchangeErrorKind::Login);
    together(&one, [repeatable("4")]).await;
    let other = pool.host(connector(&host).reply_limit(1000)).unwrap();
    together(&other, [repeatable("5")]).await;
    assert_eq!(host.messages(), ["1", "2", "4", "5"]);
}

#[tokio::test]
async fn a_broken_connection_is_replaced_and_a_call_not_repeated() {
    let vanish = |n| if n == 1 { Act::Vanish } else { Act::Good };
    let (host, pooled) = pooled(Plan { script: vanish, ..Plan::default() }, of(2)).await;
    together(&pooled, [repeatable("1")]).await;
    let error = pooled.send(once("2")).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::ConnectionLost, Delivery::Unknown));
    together(&pooled, [once("3")]).await;
    assert_eq!((host.messages(), host.connections()), (["1", "2", "3"].map(str::to_owned).to_vec(), 2));

    let (host, pooled) = self::pooled(Plan { script: vanish, ..Plan::default() }, of(2)).await;
    together(&pooled, [repeatable("1")]).await;
    together(&pooled, [repeatable("2")]).await;
    assert_eq!(host.messages(), ["1", "2", "2"]);
}

#[tokio::test]
async fn who_waits_too_long_is_told_that_nothing_was_sent() {
    let (host, pooled) = pooled(Plan { script: |_| Act::Stall, ..Plan::default() }, of(2)).await;
    let within =
        |text: &str, millis| Message::once("urn:x", "uuid:3", text.as_bytes().to_vec(), Duration::from_millis(millis));
    let (one, two) = (pooled.send(within("1", 3000)), pooled.send(within("2", 3000)));
    let late = async {
        while host.messages().len() < 2 {
            tokio::task::yield_now().await;
        }
        pooled.send(within("3", 50)).await
    };
    let (one, two, three) = tokio::join!(one, two, late);
    for end in [one, two] {
        let error = end.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::Timeout, Delivery::Unknown));
    }
    let error = three.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::Timeout, Delivery::NotSent));
    assert!(error.to_string().contains("all 2 are in use"), "{error}");
    assert_eq!(host.messages(), ["1", "2"]);
}

#[tokio::test]
async fn a_caller_who_gives_up_leaves_a_usable_pool() {
    let stall = |n| if n == 0 { Act::Stall } else { Act::Good };
    let (host, pooled) = pooled(Plan { script: stall, ..Plan::default() }, of(1)).await;
    tokio::select! {
        biased;
        _ = pooled.send(once("1")) => panic!("the host does not answer"),
        () = async { while host.messages().is_empty() { tokio::task::yield_now().await } } => {}
    }
    together(&pooled, [once("2")]).await;
    assert_eq!((host.messages(), host.connections()), (vec!["1".to_owned(), "2".to_owned()], 2));
}

#[tokio::test]
async fn what_is_idle_is_closed() {
    let (host, pooled) = pooled(Plan::default(), of(2).idle(Duration::from_millis(100))).await;
    together(&pooled, [repeatable("1"), repeatable("2")]).await;
    let before = host.connections();
    let closed = async {
        while host.open() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await
        }
    };
    tokio::time::timeout(Duration::from_secs(20), closed).await.unwrap();
    together(&pooled, [once("3")]).await;
    assert_eq!(host.connections(), before + 1);
}
