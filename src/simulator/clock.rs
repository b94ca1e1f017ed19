//! The simulated host's clock: real, or set by the test.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Where the simulator gets the time from. Jobs, contexts and delays go by it alone.
pub trait SimulatorClock: Send + Sync + 'static {
    /// The time since 1970 in UTC.
    fn now(&self) -> Duration;

    /// Waits: really, or by moving a virtual clock on.
    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The time of day of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealClock;

impl SimulatorClock for RealClock {
    fn now(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// A clock that stands still until it is moved. Clones show the same time.
#[derive(Clone)]
pub struct VirtualClock {
    now: Arc<Mutex<Duration>>,
}

impl VirtualClock {
    /// A clock that begins at 2026-11-23T07:00:00Z.
    pub fn new() -> Self {
        VirtualClock::at(Duration::from_secs(1_795_417_200))
    }

    /// A clock that begins at a time since 1970.
    pub fn at(now: Duration) -> Self {
        VirtualClock { now: Arc::new(Mutex::new(now)) }
    }

    /// Moves the clock on.
    pub fn advance(&self, time: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.saturating_add(time);
    }

    /// Sets the clock to a time since 1970.
    pub fn set(&self, time: Duration) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        VirtualClock::new()
    }
}

impl SimulatorClock for VirtualClock {
    fn now(&self) -> Duration {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.advance(time);
        Box::pin(std::future::ready(()))
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualClock").field(&self.now()).finish()
    }
}
