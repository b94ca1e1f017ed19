//! The client's clock: its monotonic half goes with the hosts' time, its time of day is set forth and back by whoever has
//! the right to.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hyperv_replica::failover::Clock;
use hyperv_replica::failover::journal::Uptime;
use hyperv_replica::simulator::{SimulatorClock, VirtualClock};

/// Clones are one clock.
#[derive(Clone)]
pub struct JumpingClock {
    time: VirtualClock,
    /// Seconds by which the time of day is ahead of that of the hosts.
    ahead: Arc<Mutex<i64>>,
    /// Starts of the machine, and when the last one was; none where it does not tell.
    boots: Option<Arc<Mutex<(u32, Duration)>>>,
}

impl JumpingClock {
    /// On a machine that tells since when it runs, or does not.
    pub fn new(time: VirtualClock, tells: bool) -> JumpingClock {
        JumpingClock { time, ahead: Arc::default(), boots: tells.then(Arc::default) }
    }

    /// Starts the machine anew, or goes on on another one.
    pub fn boot(&self) {
        if let Some(boots) = &self.boots {
            let mut boots = boots.lock().unwrap();
            *boots = (boots.0 + 1, SimulatorClock::now(&self.time));
        }
    }

    /// Sets the time of day forth or back.
    pub fn jump(&self, seconds: i64) {
        let mut ahead = self.ahead.lock().unwrap();
        // Far enough to matter, and never to a time before the first.
        *ahead = (*ahead + seconds).clamp(-LIMIT, LIMIT);
    }

    /// By how much it is wrong.
    pub fn ahead(&self) -> i64 {
        *self.ahead.lock().unwrap()
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Duration {
        SimulatorClock::now(&self.time)
    }

    fn wall(&self) -> SystemTime {
        let time = SystemTime::UNIX_EPOCH + SimulatorClock::now(&self.time);
        let ahead = self.ahead();
        let by = Duration::from_secs(ahead.unsigned_abs());
        if ahead < 0 { time - by } else { time + by }
    }

    fn uptime(&self) -> Option<Uptime> {
        let (boot, since) = *self.boots.as_ref()?.lock().unwrap();
        Some(Uptime { boot: boot.to_string(), time: SimulatorClock::now(&self.time).saturating_sub(since) })
    }

    async fn sleep(&self, duration: Duration) {
        self.time.advance(duration);
    }
}

const LIMIT: i64 = 400 * 86_400;
