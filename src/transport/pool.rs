//! A few connections to each host, one request in flight on each, for callers who ask much at the same time.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

use super::connect::Connector;
use super::login::Login;
use super::session::Session;
use crate::wsman::{Content, Decoded, Delivery, Exchange, ExchangeError, ExchangeErrorKind, Message, Reply};

/// Connections to many hosts, by host and account.
///
/// Whoever asks for the same host on the same terms (address, account and its password, trust, proxy, …) shares its
/// connections, and their logins. A pool keeps the passwords and the idle connections of its hosts until it is dropped.
///
/// ```no_run
/// use hyperv_replica::auth::Credentials;
/// use hyperv_replica::hyperv::{Host, NAMESPACE, random_id};
/// use hyperv_replica::transport::{Connector, Pool, PoolOptions};
/// use hyperv_replica::wsman::{ClassAddressing, Client};
///
/// # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::new(PoolOptions::default());
/// let credentials = Credentials { user: "LAB\\admin".parse()?, password: "secret".into() };
/// let connector = Connector::new("hv-01.lab.test".parse()?).credentials(credentials);
/// let exchange = pool.host(connector)?;
/// let host = Host::new(Client::new(exchange, ClassAddressing::microsoft(NAMESPACE), random_id));
/// // Both at once, over two connections.
/// let (vms, relations) = tokio::join!(host.vms(), host.relations());
/// println!("{} VMs, {} relations", vms?.len(), relations?.unwrap_or_default().len());
/// # Ok(())
/// # }
/// ```
pub struct Pool {
    options: PoolOptions,
    /// By URL, then by the rest of what a connector says.
    hosts: Mutex<HashMap<String, Vec<(Connector, Pooled)>>>,
}

/// How many connections, and for how long.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    connections: usize,
    idle: Duration,
}

/// A host of a [`Pool`], or one of its own by [`Session::pooled`]: an [`Exchange`] for many callers at a time.
///
/// A message takes a connection for itself until its reply is there. When all are taken it waits its turn, as long as
/// its [timeout](Message::timeout) lasts, and then fails with the kind `Timeout` and the delivery `NotSent`. Logins are made one after
/// the other, so a wrong password is tried once; a connection that broke is replaced with the next message.
///
/// Where the host says that a quota is used up, a message that may repeat is sent again after a pause, which grows and
/// is never twice the same, as long as its timeout lasts; then the fault is the reply. Any other message is sent
/// once, and the fault is its reply at once.
#[derive(Clone)]
pub struct Pooled(Arc<Hosted>);

struct Hosted {
    sessions: Vec<Arc<Session>>,
    /// Free ones, the last used at the end, which is taken first: what is not needed grows idle.
    free: Mutex<Vec<(usize, Instant)>>,
    turns: Semaphore,
    idle: Duration,
    is_swept: AtomicBool,
    quota_faults: AtomicU64,
}

/// A session that is taken. When this is dropped it is free again, and only then is it somebody else's turn.
struct Taken<'h> {
    hosted: &'h Hosted,
    number: usize,
    session: Arc<Session>,
    _turn: SemaphorePermit<'h>,
}

impl PoolOptions {
    /// How many connections a host gets at the most, for each account; 4 if not said. At least one.
    ///
    /// A host allows 25 to 300 for everybody together (`MaxConnections`), counting idle ones, and its WMI provider as
    /// few as 15 operations at a time for a user ([MS-WSMV] 2.2.4.36, 3.1.4.1.34.3.1); Server 2008 allowed 5.
    #[must_use]
    pub fn connections(self, most: usize) -> Self {
        PoolOptions { connections: most.clamp(1, MOST), ..self }
    }

    /// After which time without a message a connection is closed; 30 seconds if not said. It takes up to half as long
    /// again until it is.
    #[must_use]
    pub fn idle(self, time: Duration) -> Self {
        PoolOptions { idle: time.max(Duration::from_millis(1)), ..self }
    }
}

impl Default for PoolOptions {
    fn default() -> Self {
        PoolOptions { connections: CONNECTIONS, idle: IDLE }
    }
}

impl Pool {
    /// An empty pool.
    pub fn new(options: PoolOptions) -> Self {
        Pool { options, hosts: Mutex::default() }
    }

    /// The host that this connector leads to. Nothing is sent before its first message.
    ///
    /// # Errors
    /// As [`Connector::session`].
    pub fn host(&self, connector: Connector) -> Result<Pooled, ExchangeError> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hosts.entry(connector.endpoint().url().to_owned()).or_default();
        if let Some((_, pooled)) = known.iter().find(|(other, _)| other.is_same(&connector)) {
            return Ok(pooled.clone());
        }
        let pooled = Pooled::around(Arc::new(connector.clone().session()?), self.options.clone());
        known.push((connector, pooled.clone()));
        Ok(pooled)
    }
}

impl Pooled {
    pub(super) fn around(first: Arc<Session>, options: PoolOptions) -> Self {
        let mut sessions = vec![first.clone()];
        sessions.resize_with(options.connections, || Arc::new(first.sibling()));
        let now = Instant::now();
        Pooled(Arc::new(Hosted {
            free: Mutex::new((0..options.connections).rev().map(|number| (number, now)).collect()),
            turns: Semaphore::new(options.connections),
            sessions,
            idle: options.idle,
            is_swept: AtomicBool::new(false),
            quota_faults: AtomicU64::new(0),
        }))
    }

    /// How many connections there may be.
    pub fn limit(&self) -> usize {
        self.0.sessions.len()
    }

    /// How many connections came to stand so far.
    pub fn connections(&self) -> u64 {
        self.0.first(Session::connections)
    }

    /// How many HTTP requests were sent, those of logins included.
    pub fn requests(&self) -> u64 {
        self.0.first(Session::requests)
    }

    /// How often the host said that a quota is used up.
    pub fn quota_faults(&self) -> u64 {
        self.0.quota_faults.load(Ordering::Relaxed)
    }

    /// How the last successful login was made.
    pub fn login(&self) -> Option<Login> {
        self.0.sessions.first().and_then(|session| session.login())
    }

    /// A connection for one message, at once or when it is its turn.
    async fn take(&self, timeout: Duration) -> Result<Taken<'_>, ExchangeError> {
        let hosted = &*self.0;
        let deadline = Instant::now().checked_add(timeout);
        let acquire = hosted.turns.acquire();
        let turn = match deadline {
            Some(deadline) => timeout_at(deadline, acquire).await,
            None => Ok(acquire.await),
        };
        let authority = || hosted.sessions.first().map_or_else(String::new, |session| session.authority().to_owned());
        let error = |kind, text| ExchangeError::new(kind, Delivery::NotSent, text);
        // A turn that comes with the deadline comes too late.
        let in_time = turn.ok().filter(|_| deadline.is_none_or(|deadline| Instant::now() < deadline));
        let turn = in_time.ok_or_else(|| {
            let (limit, host) = (hosted.sessions.len(), authority());
            let text = format!(
                "no connection to {host} was free within {timeout:?}: all {limit} are in use; the request had not been sent"
            );
            error(ExchangeErrorKind::Timeout, text)
        })?;
        // Neither can happen: nobody closes the turns, and there are as many of them as sessions.
        let gone = || error(ExchangeErrorKind::Other, format!("the pool of {} is out of order", authority()));
        let turn = turn.map_err(|_| gone())?;
        let number = hosted.free().pop().map(|(number, _)| number).ok_or_else(gone)?;
        let session = hosted.sessions.get(number).cloned().ok_or_else(gone)?;
        Ok(Taken { hosted, number, session, _turn: turn })
    }

    /// Makes sure that somebody looks after idle connections.
    fn sweep(&self) {
        if self.0.is_swept.swap(true, Ordering::SeqCst) {
            return;
        }
        let (hosted, pause) = (Arc::downgrade(&self.0), self.0.idle / 2);
        tokio::spawn(async move {
            loop {
                sleep(pause).await;
                if !Hosted::close_idle(&hosted) {
                    return;
                }
            }
        });
    }
}

impl Exchange for Pooled {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        let begun = Instant::now();
        let left = |message: &Message| message.timeout().saturating_sub(begun.elapsed());
        let taken = self.take(message.timeout()).await?;
        self.sweep();
        if !message.may_repeat() {
            let within = left(&message);
            let reply = taken.session.send(message.within(within)).await?;
            self.0.is_quota_fault(&reply);
            return Ok(reply);
        }
        for nth in 0_u32.. {
            let reply = taken.session.send(message.clone().within(left(&message))).await?;
            let pause = pause(nth);
            if !self.0.is_quota_fault(&reply) || pause >= left(&message) {
                return Ok(reply);
            }
            // The turn is kept: the less the host is asked meanwhile, the better.
            tracing::warn!("a quota of {} is used up; asking again in {pause:.1?}", taken.session.authority());
            sleep(pause).await;
        }
        // As often as a u32 counts, each time with a pause: no timeout lasts so long.
        Err(ExchangeError::new(ExchangeErrorKind::Timeout, Delivery::Unknown, "a quota of the host stays used up"))
    }

    fn address(&self) -> &str {
        self.0.sessions.first().map_or("", |session| session.address())
    }
}

impl Hosted {
    fn first<T: Default>(&self, of: impl FnOnce(&Session) -> T) -> T {
        self.sessions.first().map(Deref::deref).map(of).unwrap_or_default()
    }

    fn free(&self) -> MutexGuard<'_, Vec<(usize, Instant)>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_quota_fault(&self, reply: &Reply) -> bool {
        let is_one = reply.status >= 400
            && Decoded::read(reply.bytes.clone())
                .is_ok_and(|decoded| matches!(decoded.content(), Content::Fault(fault) if fault.is_quota()));
        if is_one {
            self.quota_faults.fetch_add(1, Ordering::Relaxed);
        }
        is_one
    }

    /// Closes what was idle for too long; says whether it must be looked at again.
    fn close_idle(hosted: &Weak<Hosted>) -> bool {
        let Some(hosted) = hosted.upgrade() else { return false };
        let free = hosted.free();
        let (mut closed, mut young) = (0_u32, 0_u32);
        for (number, used) in free.iter() {
            match used.elapsed() >= hosted.idle {
                true => closed += u32::from(hosted.sessions.get(*number).is_some_and(|session| session.hang_up())),
                false => young += 1,
            }
        }
        if closed > 0 {
            tracing::debug!(closed, "idle connections closed");
        }
        let goes_on = young > 0 || free.len() < hosted.sessions.len();
        // Under the lock of the free ones: whoever takes one now begins to sweep anew.
        hosted.is_swept.store(goes_on, Ordering::SeqCst);
        goes_on
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.hosted.free().push((self.number, Instant::now()));
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("options", &self.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for Pooled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pooled").field("address", &self.address()).field("limit", &self.limit()).finish_non_exhaustive()
    }
}

/// Between the half and the whole of a time that doubles: callers that were refused together do not come back together.
fn pause(nth: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(nth)).min(LONGEST_PAUSE);
    // Without random bytes it is the whole.
    let part = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
    longest.mul_f64(0.5 + part / 2.0)
}

const CONNECTIONS: usize = 4;
const MOST: usize = 256;
const IDLE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
