//! Time as it is, for everything that takes a [`Clock`](crate::failover::Clock) and runs outside a test.

use std::future::Future;
use std::time::{Duration, Instant, SystemTime};

use crate::failover;

/// Time since it began, the time of day, and real waiting, which takes a runtime of tokio with its timer on.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock that begins now.
    pub fn start() -> Self {
        SystemClock { started: Instant::now() }
    }

    /// Time since it began.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl failover::Clock for SystemClock {
    fn now(&self) -> Duration {
        self.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(duration)
    }
}
