//! The job follower in virtual time: how soon an end is noticed, and what it costs.

mod addresses;
mod lifecycle;
mod network;
mod questions;
mod script;
mod statistics;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::wsman::ResourceUri;

/// How a host reports progress.
#[derive(Debug, Clone, Copy)]
enum Progress {
    Steady,
    Stuck,
    Absent,
    /// Fast to 90 per cent, then slow.
    Jumping,
    /// In quarters.
    Steps,
    /// To 5 per cent, and then no more until the end comes at once.
    Sudden,
}

impl Progress {
    const ALL: [Progress; 6] =
        [Progress::Steady, Progress::Stuck, Progress::Absent, Progress::Jumping, Progress::Steps, Progress::Sudden];

    fn percent(self, part: f64) -> Option<u16> {
        let percent = match self {
            Progress::Steady => part * 100.0,
            Progress::Stuck => 0.0,
            Progress::Jumping => (part * 900.0).min(90.0),
            Progress::Steps => (part * 4.0).floor() * 25.0,
            Progress::Sudden => (part * 100.0).min(5.0),
            Progress::Absent => return None,
        };
        // 0 to 99 while it runs.
        (0..100).rev().find(|number| f64::from(*number) <= percent)
    }
}

fn job(state: JobState, percent: Option<u16>) -> Job {
    Job {
        reference: JobRef::by_id(ResourceUri::new("x"), "y"),
        state,
        kind: Some(JobType::InitiateFailover),
        percent,
        status: String::new(),
        elapsed: None,
        submitted: None,
        error_code: ReturnCode::Completed,
        error_description: String::new(),
        error_summary: String::new(),
        cancellable: false,
    }
}

/// Looks, and how late the end was noticed.
fn follow(length: Duration, progress: Progress) -> (u32, Duration) {
    let start = Duration::from_secs(5000);
    let (mut now, mut looks) = (start, 0);
    let mut follower = JobFollower::new(now);
    loop {
        looks += 1;
        let passed = now - start;
        let snapshot = match passed >= length {
            true => job(JobState::Completed, Some(100)),
            false => job(JobState::Running, progress.percent(passed.as_secs_f64() / length.as_secs_f64())),
        };
        match follower.observe(now, Some(&snapshot)) {
            Follow::Wait(delay) => now += delay,
            Follow::Ended => return (looks, passed - length),
            other => panic!("{other:?}"),
        }
    }
}

/// The same by a poll at a fixed distance.
fn poll(length: Duration, distance: Duration) -> (u32, Duration) {
    let waits = u32::try_from(length.as_nanos().div_ceil(distance.as_nanos())).unwrap();
    (waits + 1, distance * waits - length)
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is shown with --nocapture")]
fn an_end_is_noticed_soon_and_at_few_looks() {
    println!("{:>9} {:>17} {:>17} {:>17}", "length", "poll 100 ms", "poll 1 s", "follower");
    for milliseconds in [1000, 1234, 10_000, 60_000, 300_000, 1_800_000] {
        let length = Duration::from_millis(milliseconds);
        let goal = (length / 10).max(Duration::from_secs(1));
        let polls = [100, 1000].map(|distance| poll(length, Duration::from_millis(distance)));
        for progress in Progress::ALL {
            let (looks, late) = follow(length, progress);
            let cell = |(looks, late): (u32, Duration)| format!("{looks:>6} {:>7.2} s", late.as_secs_f64());
            let [tenth, second] = polls.map(cell);
            let told = cell((looks, late));
            println!("{:>7} s {tenth:>17} {second:>17} {told:>17} {progress:?}", length.as_secs_f64());
            // A job that stands at five per cent and then is done cannot be foreseen.
            if !matches!(progress, Progress::Sudden) {
                assert!(late <= goal, "{length:?} {progress:?}: {late:?} late");
            }
            let most = match milliseconds {
                ..=1234 => 3,
                10_000 => 12,
                60_000 => 30,
                300_000 => 40,
                _ => 160,
            };
            assert!(looks <= most, "{length:?} {progress:?}: {looks} looks");
        }
    }
    assert_eq!(follow(Duration::ZERO, Progress::Steady), (1, Duration::ZERO));
}

proptest! {
    #![proptest_config(crate::properties::config())]
    #[test]
    fn a_job_of_any_length_is_noticed_in_time(milliseconds in 0_u64..3_600_000) {
        let length = Duration::from_millis(milliseconds);
        let second = Duration::from_secs(1);
        for (progress, bound) in [
            (Progress::Steady, length / 10),
            (Progress::Jumping, length / 10),
            (Progress::Stuck, length * 2 / 15),
            (Progress::Absent, length * 2 / 15),
            (Progress::Steps, length / 4),
            (Progress::Sudden, length / 4),
        ] {
            let (looks, late) = follow(length, progress);
            prop_assert!(late <= bound.max(second), "{length:?} {progress:?}: {late:?} late");
            prop_assert!(looks <= 40 || milliseconds > 300_000, "{length:?} {progress:?}: {looks} looks");
        }
    }
}

#[test]
fn lost_contact_is_told_from_a_failed_job() {
    let start = Duration::from_secs(10);
    let mut follower = JobFollower::new(start).with_patience(Duration::from_secs(60));
    let mut now = start;
    let waited = loop {
        match follower.observe_failure(now) {
            Follow::Wait(delay) => now += delay,
            Follow::ContactLost => break now - start,
            other => panic!("{other:?}"),
        }
    };
    assert!(waited >= Duration::from_secs(60) && waited < Duration::from_secs(80), "{waited:?}");
    // An answer in between begins the patience anew.
    let mut follower = JobFollower::new(start).with_patience(Duration::from_secs(60));
    follower.observe_failure(start);
    follower.observe(start + Duration::from_secs(59), Some(&job(JobState::Running, None)));
    assert!(matches!(follower.observe_failure(start + Duration::from_secs(61)), Follow::Wait(_)));
}

#[test]
fn a_vm_id_is_a_guid() {
    for good in ["5C2A7E10-8D3B-4E51-9B5A-1F0C3D9E7A42", "{5c2a7e10-8d3b-4e51-9b5a-1f0c3d9e7a42}"] {
        assert_eq!(good.parse::<VmId>().unwrap(), "5C2A7E10-8D3B-4E51-9B5A-1F0C3D9E7A42".parse().unwrap());
    }
    for bad in ["", "HVR01", "5C2A7E10-8D3B-4E51-9B5A-1F0C3D9E7A4", "5C2A7E10-8D3B-4E51-9B5A-1F0C3D9E7A4G", "{}"] {
        assert!(bad.parse::<VmId>().is_err(), "{bad}");
    }
    assert!(matches!("app-db-01".parse::<VmSelector>(), Ok(VmSelector::Name(_))));
}
