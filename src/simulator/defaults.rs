//! The VMs that are there unless a scenario says otherwise: one for each case worth rehearsing.

use std::time::Duration;

use super::scenario::{Ago, JobScript, PointKind, PointSetup, VmSetup};

pub(super) fn default_vms() -> Vec<VmSetup> {
    let point = |kind, minutes: u64| PointSetup::new(kind, Duration::from_secs(minutes * 60));
    let ready = VmSetup::ready;
    let standard = |minutes| point(PointKind::Standard, minutes);
    let application = |minutes| point(PointKind::Application, minutes);
    vec![
        VmSetup {
            points: vec![standard(3), standard(63), application(123), standard(183), application(243)],
            ..ready("app-db-01")
        },
        ready("twin"),
        ready("Twin"),
        VmSetup { state: 5, failed_over: 1, points: vec![standard(30)], ..ready("done-01") },
        VmSetup {
            state: 7,
            health: 2,
            last_replication: Ago::Since(Duration::from_secs(26 * 3600)),
            ..ready("paused-01")
        },
        VmSetup { state: 2, last_replication: Ago::Never, ..ready("fresh-01") },
        VmSetup { points: vec![standard(8)], ..ready("Bücher-データ") },
        VmSetup {
            job: JobScript { duration: Some(Duration::from_secs(2)), error: Some(32768), ..JobScript::default() },
            ..ready("fail-01")
        },
        VmSetup {
            job: JobScript { duration: Some(Duration::from_secs(40)), ..JobScript::default() },
            points: vec![standard(5), application(65)],
            ..ready("slow-01")
        },
        VmSetup { enabled: 2, ..ready("running-01") },
        VmSetup::primary("primary-01"),
        VmSetup { mode: 0, state: 0, health: 0, enabled: 2, last_replication: Ago::Never, ..ready("plain-01") },
        ready("o'brien <&> \"x\""),
        VmSetup { mode: 3, state: 0, health: 0, enabled: 2, last_replication: Ago::Never, ..ready("test-01") },
        VmSetup { points: vec![point(PointKind::Planned, 15), standard(75)], ..ready("planned-01") },
    ]
}
