//! Reads a MOF text of 1,000 classes in the manner of the DMTF schema: into declarations, and into linked classes.
//!
//! `cargo bench --bench mof`; with `HVR_BENCH_FILE=FILE` the text is written there, for other readers.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::as_conversions, missing_docs, reason = "a measurement")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use hyperv_replica::cim::mof;
use hyperv_replica::cim::schema::Schema;

#[path = "../it/support/dmtf.rs"]
mod dmtf;

const CLASSES: usize = 1_000;
const ROUNDS: usize = 15;

fn main() {
    let generated = dmtf::generate(CLASSES);
    if let Some(file) = std::env::var_os("HVR_BENCH_FILE") {
        std::fs::write(file, &generated.text).unwrap();
    }
    let (mut read, mut linked) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        read.push(timed(|| mof::read(&generated.text).unwrap().classes().count()));
        linked.push(timed(|| Schema::read(&generated.text).unwrap().len()));
    }
    let megabytes = generated.text.len() as f64 / 1e6;
    println!("{megabytes:.1} MB, {CLASSES} classes, {ROUNDS} rounds in turns");
    for (name, mut times) in [("mof::read", read), ("Schema::read", linked)] {
        times.sort();
        let median = times.get(times.len() / 2).unwrap().as_secs_f64();
        let best = times.first().unwrap().as_secs_f64();
        println!("{name:<14} best {:>6.0} MB/s   median {:>6.0} MB/s", megabytes / best, megabytes / median);
    }
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let (wall, processor) = (Instant::now(), processor_time());
    black_box(run());
    match (processor, processor_time()) {
        (Some(before), Some(after)) => after - before,
        _ => wall.elapsed(),
    }
}

/// The time this thread has had on a processor, where the system tells: other work on the machine is no part of it.
fn processor_time() -> Option<Duration> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    statistics.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
