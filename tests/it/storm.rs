//! Faults at every message, in virtual time: whole workflows over a simulated pair, hit by a seed, killed at any message,
//! taken up again until they end.
//!
//! ```sh
//! HVR_STORM_TALES=20000 cargo test --test it storm:: -- --nocapture
//! ```
//!
//! A tale that fails prints its seed; `HVR_STORM_SEED=<seed> HVR_STORM_TALES=1` tells it again, word for word.
#![expect(clippy::print_stdout, reason = "a long run says what it did")]

mod tale;
mod weather;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tale::{Counts, Tale};

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

#[test]
fn no_fault_sends_anything_twice_and_every_run_comes_to_its_end() {
    let (first, tales) = (number("HVR_STORM_SEED", 1), number("HVR_STORM_TALES", 660));
    let begun = Instant::now();
    let (next, total) = (AtomicU64::new(first), Mutex::new(Counts::default()));
    let tell = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + tales {
                return;
            }
            let mut tale = Tale::new(seed);
            if let Err(wrong) = runtime.block_on(tale.tell()) {
                panic!("HVR_STORM_SEED={seed}: {wrong}\n\n{}\n\n{}", tale.log.join("\n"), tale.dump());
            }
            total.lock().unwrap().add(&tale.counts);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(tell);
        }
    });
    let total = total.into_inner().unwrap();
    println!("{total:?} in {:?}", begun.elapsed());
    assert!(tales < 660 || total.faults >= 10_000, "{total:?}");
}
