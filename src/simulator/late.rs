//! Requests that lie in a queue on the way to a host, and reach it when its client has long had an answer.
//!
//! Nothing runs by itself: whoever looks at a host of a pair, or asks it for anything, first lets both take what has
//! arrived by then, each at its time and in order.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::host::Simulator;

/// The queue of one host.
#[derive(Debug, Default)]
pub(super) struct Late {
    waiting: Vec<(Duration, Vec<u8>)>,
}

impl Late {
    /// Puts a request in, which arrives at this time.
    pub(super) fn push(&mut self, at: Duration, bytes: &[u8]) {
        self.waiting.push((at, bytes.to_vec()));
    }

    /// When the next one arrives.
    fn next(&self) -> Option<Duration> {
        self.waiting.iter().map(|(at, _)| *at).min()
    }

    /// What arrives at this time.
    fn take(&mut self, at: Duration) -> Option<Vec<u8>> {
        let place = self.waiting.iter().position(|(time, _)| *time == at)?;
        Some(self.waiting.remove(place).1)
    }
}

impl Simulator {
    /// Makes two hosts a pair: what has arrived at one is taken before anybody looks at the other.
    pub(super) fn join(self: &Arc<Self>, other: &Arc<Simulator>) {
        // Nothing else sets them.
        let _ = self.peer.set(Arc::downgrade(other));
        let _ = other.peer.set(Arc::downgrade(self));
    }

    /// Lets this host and its peer take what has arrived.
    pub(super) fn receive(&self) {
        let now = self.clock().now();
        let peer = self.peer.get().and_then(Weak::upgrade);
        loop {
            let hosts = std::iter::once(self).chain(peer.as_deref());
            let due = hosts.filter_map(|host| Some((host.state().late.next().filter(|at| *at <= now)?, host)));
            let Some((at, host)) = due.min_by_key(|(at, _)| *at) else { return };
            let arrived = host.state().late.take(at);
            if let Some(bytes) = arrived {
                host.take_late(at, &bytes);
            }
        }
    }
}
