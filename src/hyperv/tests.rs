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
    Linear,
    Stuck,
    /// Fast to 90 per cent, then slow: the prediction is wrong all the way.
    Jumping,
    Absent,
}

impl Progress {
    fn percent(self, part: f64) -> Option<u16> {
        let percent = match self {
            Progress::Linear => part * 100.0,
            Progress::Stuck => 0.0,
            Progress::Jumping => (part * 900.0).min(90.0),
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

#[test]
#[expect(clippy::print_stdout, reason = "the table is shown with --nocapture")]
fn an_end_is_noticed_soon_and_at_few_looks() {
    for seconds in [0, 1, 10, 60, 300, 1800] {
        let length = Duration::from_secs(seconds);
        let allowed = (length / 10).max(Duration::from_secs(1));
        for progress in [Progress::Linear, Progress::Stuck, Progress::Jumping, Progress::Absent] {
            let (looks, late) = follow(length, progress);
            println!("{seconds:>5} s {progress:?}: {looks} looks, noticed {late:?} late");
            // Where the percentage misleads, the wait is still bounded.
            let bound = if matches!(progress, Progress::Jumping) { Duration::from_secs(15) } else { allowed };
            assert!(late <= bound, "{seconds} s {progress:?}: {late:?} late");
            let most = match (seconds, progress) {
                (0, _) => 1,
                (300, Progress::Linear) => 40,
                (1800, _) => 160,
                _ => 60,
            };
            assert!(looks <= most, "{seconds} s {progress:?}: {looks} looks");
        }
    }
}

proptest! {
    #[test]
    fn a_linear_job_of_any_length_is_noticed_in_time(milliseconds in 0_u64..3_600_000) {
        let length = Duration::from_millis(milliseconds);
        let (looks, late) = follow(length, Progress::Linear);
        prop_assert!(late <= (length / 10).max(Duration::from_secs(1)), "{length:?}: {late:?} late");
        prop_assert!(looks <= 40 || milliseconds > 300_000, "{length:?}: {looks} looks");
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
