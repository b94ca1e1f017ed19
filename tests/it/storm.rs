//! Faults at every message, in virtual time: whole workflows over a simulated pair, hit by a seed, killed at any message,
//! taken up again until they end.
//!
//! ```sh
//! HVR_STORM_TALES=20000 cargo test --test it storm:: -- --nocapture
//! ```
//!
//! Besides, one lie at each call of each workflow and nothing else, of which `HVR_STORM_EVERY=1` tries all, and else some.
//!
//! A tale that fails prints its seed; `HVR_STORM_SEED=<seed> HVR_STORM_TALES=1` tells it again, word for word. The first
//! failure ends it, unless `HVR_STORM_KEEP_ON=1`.
#![expect(clippy::print_stdout, reason = "a long run says what it did")]

mod clock;
pub mod lies;
mod tale;
mod weather;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tale::every::cases;
use tale::{Counts, Tale};

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

/// So many that more than 10,000 faults come to be injected.
const TALES: u64 = 900;

#[test]
fn no_fault_sends_anything_twice_and_every_run_comes_to_its_end() {
    let (first, tales) = (number("HVR_STORM_SEED", 1), number("HVR_STORM_TALES", TALES));
    let begun = Instant::now();
    let keep_on = number("HVR_STORM_KEEP_ON", 0) == 1;
    let (next, total) = (AtomicU64::new(first), Mutex::new(Counts::default()));
    let failed = Mutex::new(Vec::<String>::new());
    let tell = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + tales || !(keep_on || failed.lock().unwrap().is_empty()) {
                return;
            }
            let mut tale = Tale::new(seed);
            if let Err(wrong) = runtime.block_on(tale.tell()) {
                let text = format!("HVR_STORM_SEED={seed}: {wrong}\n\n{}\n\n{}", tale.log.join("\n"), tale.dump());
                println!("{text}\n");
                failed.lock().unwrap().push(text);
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
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} tales failed:\n{}", failed.len(), failed.first().unwrap());
    assert!(tales < TALES || total.faults >= 10_000, "{total:?}");
}

#[test]
fn no_single_lie_is_believed_at_any_call() {
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let cases = runtime().block_on(cases());
    assert!(cases.len() > 1000, "{}", cases.len());
    // No factor of the number of statuses, pages or moments.
    let step = usize::try_from(number("HVR_STORM_EVERY", 7)).unwrap();
    let chosen: Vec<_> = cases.iter().step_by(step).collect();
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for half in chosen.chunks(chosen.len().div_ceil(2)) {
            let wrong = &wrong;
            scope.spawn(move || {
                let runtime = runtime();
                let told = half.iter().filter_map(|case| runtime.block_on(Tale::of(case)).err());
                wrong.lock().unwrap().extend(told);
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    println!("{} of {} single lies", wrong.len(), chosen.len());
    assert!(wrong.is_empty(), "{} of {} lies were believed, such as\n{}", wrong.len(), chosen.len(), wrong[0]);
}

#[test]
fn a_job_on_record_is_not_taken_for_that_of_a_later_call_by_any_clock() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(Tale::after_another()).unwrap_or_else(|wrong| panic!("{wrong}"));
}
