//! What is ordered in a round, and what the two hosts show once it is done.

use std::time::{Duration, Instant};

use hyperv_replica::failover::Site;

use super::rig::Rig;

/// The VM of every round.
pub const VM: &str = "app";

/// One order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Planned { turn_off: bool, reverse: bool, start: bool },
    Failover { start: bool },
    Commit,
    Undo,
    Start,
    Stop { turn_off: bool },
    StopPrimary { turn_off: bool },
    Reverse,
    TestStart { network: bool },
    TestStop,
}

impl Deed {
    /// The command line.
    pub fn words(self, rig: &Rig) -> Vec<String> {
        let flag = |on: bool, flag: &'static str| on.then_some(flag);
        let (words, site, both): (Vec<Option<&str>>, _, _) = match self {
            Deed::Planned { turn_off, reverse, start } => {
                let flags = [flag(turn_off, "--turn-off"), flag(!reverse, "--no-reverse"), flag(!start, "--no-start")];
                let words = [Some("failover"), Some(VM), Some("--planned")].into_iter().chain(flags);
                (words.collect(), Site::Host, true)
            }
            Deed::Failover { start } => (vec![Some("failover"), Some(VM), flag(start, "--start")], Site::Host, false),
            Deed::Commit => (vec![Some("commit"), Some(VM)], Site::Host, false),
            Deed::Undo => (vec![Some("undo"), Some(VM)], Site::Host, false),
            Deed::Start => (vec![Some("start"), Some(VM)], Site::Host, false),
            Deed::Stop { turn_off } => (vec![Some("stop"), Some(VM), flag(turn_off, "--turn-off")], Site::Host, false),
            Deed::StopPrimary { turn_off } => {
                (vec![Some("stop"), Some(VM), flag(turn_off, "--turn-off")], Site::Primary, false)
            }
            Deed::Reverse => (vec![Some("reverse"), Some(VM)], Site::Host, true),
            Deed::TestStart { network } => {
                let words = ["test", "start", VM].map(Some).into_iter();
                let network = [flag(network, "--network"), flag(network, "Isolated")];
                (words.chain(network).collect(), Site::Host, false)
            }
            Deed::TestStop => (["test", "stop", VM].map(Some).to_vec(), Site::Host, false),
        };
        let words: Vec<_> = words.into_iter().flatten().chain(["--yes"]).collect();
        rig.flags(&words, site, both)
    }

    /// Methods that it calls, to break them where it hurts.
    pub fn methods(self) -> &'static [(Site, &'static str)] {
        const POWER: &str = "RequestStateChange";
        const STATE: &str = "RequestReplicationStateChangeEx";
        const REVERSE: &str = "ReverseReplicationRelationship";
        match self {
            Deed::Planned { .. } => &[
                (Site::Primary, POWER),
                (Site::Primary, STATE),
                (Site::Host, "InitiateFailover"),
                (Site::Host, REVERSE),
                (Site::Host, POWER),
            ],
            Deed::Failover { .. } => &[(Site::Host, "InitiateFailover"), (Site::Host, POWER)],
            Deed::Commit => &[(Site::Host, "CommitFailover")],
            Deed::Undo => &[(Site::Host, "RevertFailover"), (Site::Host, POWER)],
            Deed::Start | Deed::Stop { .. } => &[(Site::Host, POWER)],
            Deed::StopPrimary { .. } => &[(Site::Primary, POWER)],
            Deed::Reverse => &[(Site::Primary, STATE), (Site::Host, REVERSE), (Site::Host, "StartReplication")],
            Deed::TestStart { .. } => {
                &[(Site::Host, "TestReplicaSystem"), (Site::Host, POWER), (Site::Host, "ModifyResourceSettings")]
            }
            Deed::TestStop => &[(Site::Host, POWER), (Site::Host, "DestroySystem")],
        }
    }

    /// JobTypes of the calls that it needs once and no more: what is counted on the hosts.
    pub fn once(self) -> &'static [u16] {
        match self {
            Deed::Planned { reverse: true, .. } => &[PREPARE, FAILOVER, REVERSE],
            Deed::Planned { reverse: false, .. } => &[PREPARE, FAILOVER],
            Deed::Failover { .. } => &[FAILOVER],
            Deed::Commit => &[COMMIT],
            Deed::Undo => WALK_BACK,
            Deed::Start | Deed::Stop { .. } | Deed::StopPrimary { .. } => &[],
            Deed::Reverse => &[REVERSE, INITIAL_REPLICATION],
            Deed::TestStart { .. } => &[TEST],
            Deed::TestStop => &[REMOVE_TEST],
        }
    }

    /// Whether the hosts show that it is done.
    pub fn fits(self, rig: &Rig) -> Result<(), String> {
        let power = |runs: bool| if runs { 2 } else { 3 };
        match self {
            Deed::Planned { reverse: true, start, .. } => {
                is(rig, Site::Host, [1, 3, 0, power(start)])?;
                is(rig, Site::Primary, [2, 3, 0, 3])
            }
            Deed::Planned { reverse: false, start, .. } => {
                is(rig, Site::Host, [2, 5, 3, power(start)])?;
                is(rig, Site::Primary, [1, 4, 0, 3])
            }
            Deed::Failover { start } => is(rig, Site::Host, [2, 5, 1, power(start)]),
            Deed::Commit => is(rig, Site::Host, [2, 6, 1, power_now(rig)]),
            Deed::Undo => is(rig, Site::Host, [2, 3, 0, 3]),
            Deed::Start => is(rig, Site::Host, [2, 5, 1, 2]),
            Deed::Stop { .. } => is(rig, Site::Host, [2, 5, 1, 3]),
            Deed::StopPrimary { .. } => is(rig, Site::Primary, [1, 3, 0, 3]),
            Deed::Reverse => {
                // It is done once initial replication has begun, which goes on by itself.
                let begun = Instant::now();
                let waits = |site| rig.vm(site, VM).is_some_and(|vm| vm.state == 2);
                while Site::ALL.into_iter().any(waits) && begun.elapsed() < Duration::from_secs(10) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                is(rig, Site::Host, [1, 3, 0, power_now(rig)])?;
                is(rig, Site::Primary, [2, 3, 0, 3])
            }
            Deed::TestStart { .. } => {
                let test = rig.pair.replica.with_world(|world| world.test_of(VM).map(|vm| (vm.mode, vm.enabled_state)));
                match test {
                    Some((3, 2)) => is(rig, Site::Host, [2, 3, 0, 3]),
                    other => Err(format!("test VM {other:?}")),
                }
            }
            Deed::TestStop => {
                let count = rig.pair.replica.with_world(|world| world.vms().len());
                if count != 1 {
                    return Err(format!("{count} VMs on the replica's host"));
                }
                is(rig, Site::Host, [2, 3, 0, 3])
            }
        }
    }

    /// Whether the VM is to run where this is done, and on that its proof does not wait.
    pub fn starts(self) -> bool {
        matches!(self, Deed::Planned { start: true, .. } | Deed::Failover { start: true } | Deed::TestStart { .. })
    }
}

/// JobTypes of what a walk back needs once.
pub const WALK_BACK: &[u16] = &[REVERT, CANCEL_PREPARE];

/// All that must not happen twice (JobType of Msvm_ConcreteJob).
pub const ONCE: &[u16] =
    &[INITIAL_REPLICATION, FAILOVER, REVERT, COMMIT, PREPARE, CANCEL_PREPARE, TEST, REMOVE_TEST, REVERSE];
const INITIAL_REPLICATION: u16 = 94;
const FAILOVER: u16 = 97;
const REVERT: u16 = 98;
const COMMIT: u16 = 99;
const PREPARE: u16 = 100;
const CANCEL_PREPARE: u16 = 101;
const TEST: u16 = 102;
const REMOVE_TEST: u16 = 103;
const REVERSE: u16 = 104;

/// Whether the hosts show that a planned failover is walked back.
pub fn fits_walk_back(rig: &Rig) -> Result<(), String> {
    is(rig, Site::Host, [2, 3, 0, 3])?;
    is(rig, Site::Primary, [1, 3, 0, 2])
}

fn power_now(rig: &Rig) -> u16 {
    rig.vm(Site::Host, VM).map_or(0, |vm| vm.enabled_state)
}

/// Mode, replication state, type of the point it was failed over to, power.
fn is(rig: &Rig, site: Site, wanted: [u16; 4]) -> Result<(), String> {
    let vm = rig.vm(site, VM).ok_or_else(|| format!("no VM on the {site}"))?;
    let seen = [vm.mode, vm.state, vm.failed_over, vm.enabled_state];
    match seen == wanted {
        true => Ok(()),
        false => Err(format!("on the {site}: mode, state, failed-over type, power are {seen:?}, not {wanted:?}")),
    }
}
