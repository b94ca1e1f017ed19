//! Crash torture: real `hvr` processes against a simulated pair over sockets, killed at random instants and cut off at
//! random bytes, then taken up again until they end.
//!
//! ```sh
//! HVR_TORTURE_ROUNDS=2000 HVR_TORTURE_JOBS=4 cargo test --test it torture:: -- --nocapture
//! ```
//!
//! A round that fails prints its seed; `HVR_TORTURE_SEED=<seed> HVR_TORTURE_ROUNDS=1` draws the same orders and attacks
//! again. `HVR_TORTURE_FAKETIME` names libfaketime's library for programs with threads where it is not in its usual place;
//! without it no clock is set. When a process gets how far is up to the machine, so that the same seed may take another way. The first failure
//! ends it, unless `HVR_TORTURE_KEEP_ON=1`.
#![expect(clippy::print_stdout, reason = "a long run says what it did")]

mod attack;
mod contention;
mod deed;
mod lies;
mod rig;
mod round;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::support::random::Random;

use rig::Rig;
use round::{Counts, Round};

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

/// Runs one round; what went wrong is told with all that is known of it.
fn round(seed: u64, runtime: &tokio::runtime::Runtime) -> Result<Counts, String> {
    let mut random = Random::new(seed);
    let scenario = Round::scenario(&mut random);
    let tls = random.percent(25);
    let rig = runtime.block_on(Rig::with(&scenario, tls));
    let mut round = Round::new(&rig, random);
    let ended = catch_unwind(AssertUnwindSafe(|| round.run()));
    let ended = ended.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.or(panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
    });
    let told = |wrong| {
        format!(
            "round with HVR_TORTURE_SEED={seed}: {wrong}\n\n{scenario}\ntls: {tls}\n\n{}\n{}",
            round.log.join("\n"),
            rig.dump()
        )
    };
    ended.map_err(told).map(|()| round.counts.clone())
}

#[test]
fn no_crash_sends_anything_twice_or_leaves_anything_behind() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = number("HVR_TORTURE_SEED", u64::try_from(now.as_micros()).unwrap());
    let (rounds, jobs) = (number("HVR_TORTURE_ROUNDS", 4), number("HVR_TORTURE_JOBS", 4));
    let keep_on = number("HVR_TORTURE_KEEP_ON", 0) == 1;
    println!("torture: {rounds} rounds, {jobs} at a time, HVR_TORTURE_SEED={seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let (total, failed) = (Mutex::new(Counts::default()), Mutex::new(Vec::<String>::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                let goes_on = || keep_on || failed.lock().unwrap().is_empty();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= rounds || !goes_on() {
                        break;
                    }
                    match round(seed.wrapping_add(number), &runtime) {
                        Ok(counts) => total.lock().unwrap().add(&counts),
                        Err(text) => {
                            println!("{text}");
                            failed.lock().unwrap().push(text);
                        }
                    }
                    if (number + 1).is_multiple_of(100) {
                        println!("{:?}: {:?}", begun.elapsed(), total.lock().unwrap());
                    }
                }
            });
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    let total = total.into_inner().unwrap();
    println!("torture: {total:#?} in {:?}", begun.elapsed());
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} rounds failed:\n{}", failed.len(), failed.first().unwrap());
    assert_eq!(total.rounds, rounds);
}
