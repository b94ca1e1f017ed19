//! Real time for the workflows.

use std::future::Future;
use std::time::{Duration, Instant, SystemTime};

use crate::failover;
use crate::failover::journal::Uptime;

/// Time since the program began, the time of day, and real waiting.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    started_up: Option<Duration>,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Clock { started: Instant::now(), started_up: machine::time() }
    }

    /// Time since it began. Where the system tells, that of its sleep is counted: what was read before it is old.
    pub fn elapsed(&self) -> Duration {
        let up = machine::time().zip(self.started_up).and_then(|(now, started)| now.checked_sub(started));
        up.unwrap_or_else(|| self.started.elapsed())
    }
}

impl failover::Clock for Clock {
    fn now(&self) -> Duration {
        self.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn uptime(&self) -> Option<Uptime> {
        Some(Uptime { boot: machine::boot()?, time: machine::time()? })
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(duration)
    }
}

/// The start of this machine, and the time since then.
#[cfg(target_os = "linux")]
mod machine {
    use std::fs;
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    /// The id of the boot, and the time namespace: a container may have another time since it.
    pub fn boot() -> Option<String> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let boot = boot.trim();
        let space = fs::read_link("/proc/self/ns/time").map(|link| link.to_string_lossy().into_owned());
        (!boot.is_empty()).then(|| format!("{boot} {}", space.unwrap_or_default()).trim_end().to_owned())
    }

    /// Counts through sleep, and nobody can set it (clock_gettime(2), CLOCK_BOOTTIME).
    pub fn time() -> Option<Duration> {
        let time = clock_gettime(ClockId::Boottime);
        Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
    }
}

/// Other systems do not tell in a way that is known here.
#[cfg(not(target_os = "linux"))]
mod machine {
    use std::time::Duration;

    pub fn boot() -> Option<String> {
        None
    }

    pub fn time() -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use failover::Clock as _;

    #[test]
    fn the_time_since_the_start_of_the_machine_only_grows() {
        let clock = Clock::start();
        let (one, two) = (clock.uptime(), clock.uptime());
        assert_eq!(one.is_some(), cfg!(target_os = "linux"));
        if let (Some(one), Some(two)) = (one, two) {
            assert!(two.since(&one).is_some() && !one.boot.is_empty());
            assert_eq!(one.since(&Uptime { boot: "another".to_owned(), ..two }), None);
        }
    }
}
