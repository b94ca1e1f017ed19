//! Real time for the workflows.

use std::future::Future;
use std::time::{Duration, Instant, SystemTime};

use crate::failover;

/// Time since the program began, the time of day, and real waiting.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Clock { started: Instant::now() }
    }

    /// Time since it began.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl failover::Clock for Clock {
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
