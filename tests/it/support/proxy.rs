//! A TCP proxy between a client and a server that breaks connections where a test says: at a byte, in a direction.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What happens to a connection.
#[derive(Debug, Clone)]
pub enum Act {
    /// Both ends see the connection end in order.
    Close,
    /// Both ends see it reset.
    Reset,
    /// Nothing more goes through either way, and nobody is told.
    Silence,
    /// What comes then waits, and goes on; also where the client has gone meanwhile, as bytes in a network do.
    Hold(Duration),
    /// The test is told, and what comes then waits until it has answered or the time is over.
    Tell(mpsc::SyncSender<()>, Duration),
}

/// An act, and where: after so many bytes of a connection in one direction.
#[derive(Debug, Clone)]
pub struct Event {
    pub way: Way,
    pub at: u64,
    pub act: Act,
}

/// A running proxy; it ends when it is dropped, and its connections with it.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    /// What happens to the next connections; one without a plan goes through.
    plans: Mutex<VecDeque<Vec<Event>>>,
    up: AtomicU64,
    down: AtomicU64,
    cuts: AtomicU64,
}

impl Proxy {
    /// Listens on loopback, on the runtime of the caller.
    pub async fn before(server: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let task = tokio::spawn(accept(listener, server, shared.clone()));
        Proxy { address, shared, task }
    }

    /// The URL for a client.
    pub fn url(&self) -> String {
        format!("http://{}/wsman", self.address)
    }

    /// What happens to the connections that come from now on, one after the other.
    pub fn plan(&self, plans: impl IntoIterator<Item = Vec<Event>>) {
        *self.shared.plans.lock().unwrap() = plans.into_iter().collect();
    }

    /// Bytes that went through.
    pub fn bytes(&self, way: Way) -> u64 {
        self.shared.count(way).load(Ordering::Relaxed)
    }

    /// Connections that were closed, reset or silenced.
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn count(&self, way: Way) -> &AtomicU64 {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, shared: Arc<Shared>) {
    // Dropping the set with this task ends every connection.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            taken = listener.accept() => {
                let Ok((client, _)) = taken else { continue };
                let plan = shared.plans.lock().unwrap().pop_front().unwrap_or_default();
                connections.spawn(carry(client, server, plan, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// How a connection was ended by its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    Reset,
    Silence,
}

async fn carry(client: TcpStream, server: SocketAddr, plan: Vec<Event>, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let of = |way: Way| {
        let mut events: Vec<_> = plan.iter().filter(|event| event.way == way).cloned().collect();
        events.sort_by_key(|event| event.at);
        VecDeque::from(events)
    };
    let (ended, end) = watch::channel(None);
    let ended = Arc::new(ended);
    let pump = |way| Pump { way, events: of(way), shared: shared.clone(), ended: ended.clone(), end: end.clone() };
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let up = tokio::spawn(pump(Way::Up).run(client_reads, server_writes));
    let down = tokio::spawn(pump(Way::Down).run(server_reads, client_writes));
    let (Ok((client_reads, server_writes)), Ok((server_reads, client_writes))) = tokio::join!(up, down) else {
        return;
    };
    let end = *end.borrow();
    let both = client_reads.reunite(client_writes).ok().into_iter().chain(server_reads.reunite(server_writes).ok());
    let both: Vec<_> = both.collect();
    match end {
        Some(End::Reset) => both.iter().for_each(|stream| drop(stream.set_zero_linger())),
        // For as long as a client may wait, and until the test is over.
        Some(End::Silence) => tokio::time::sleep(Duration::from_secs(30)).await,
        Some(End::Close) | None => {}
    }
}

struct Pump {
    way: Way,
    events: VecDeque<Event>,
    shared: Arc<Shared>,
    ended: Arc<watch::Sender<Option<End>>>,
    end: watch::Receiver<Option<End>>,
}

impl Pump {
    /// Carries bytes one way until there are no more, or the plan ends the connection. Where one end goes, what came
    /// from it before is carried all the same.
    async fn run(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> (OwnedReadHalf, OwnedWriteHalf) {
        let mut buffer = vec![0; 16 * 1024];
        let mut passed = 0_u64;
        loop {
            let read = tokio::select! {
                read = from.read(&mut buffer) => read.unwrap_or(0),
                _ = self.end.wait_for(Option::is_some) => break,
            };
            if read == 0 {
                let _ = to.shutdown().await;
                break;
            }
            if !self.carry(&buffer[..read], &mut passed, &mut to).await {
                break;
            }
        }
        (from, to)
    }

    /// Whether the connection goes on.
    async fn carry(&mut self, mut bytes: &[u8], passed: &mut u64, to: &mut OwnedWriteHalf) -> bool {
        loop {
            if self.end.borrow().is_some() {
                return false;
            }
            let due = self.events.front().map(|event| event.at.saturating_sub(*passed));
            let part = due.map_or(bytes.len(), |due| usize::try_from(due).unwrap().min(bytes.len()));
            if part > 0 {
                // A client that has gone reads nothing; the other direction is not held up by that.
                let _ = to.write_all(&bytes[..part]).await;
                bytes = &bytes[part..];
                let part = u64::try_from(part).unwrap();
                *passed += part;
                self.shared.count(self.way).fetch_add(part, Ordering::Relaxed);
            }
            // What comes after the last byte so far happens when there is more.
            if bytes.is_empty() {
                return true;
            }
            let Some(event) = self.events.pop_front() else { continue };
            let end = match event.act {
                Act::Close => End::Close,
                Act::Reset => End::Reset,
                Act::Silence => End::Silence,
                Act::Hold(time) => {
                    tokio::time::sleep(time).await;
                    continue;
                }
                Act::Tell(test, time) => {
                    // The test answers by taking a second message.
                    let told = tokio::task::spawn_blocking(move || {
                        let _ = test.send(());
                        let _ = test.send(());
                    });
                    let _ = tokio::time::timeout(time, told).await;
                    continue;
                }
            };
            self.shared.cuts.fetch_add(1, Ordering::Relaxed);
            let _ = self.ended.send(Some(end));
            return false;
        }
    }
}
