//! What a step is to lead to, and how that is read back.

use crate::hyperv::{EnabledState, FailoverType, LookedUp, ReplicationMode, ReplicationState, Vm, VmId};

use super::order::AdapterOrder;
use super::plans::network;
use super::scene::{Ask, Told};

/// The state that proves a step.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Goal {
    /// Failed over: state 5 (E29), or 6 where somebody committed meanwhile.
    FailedOver,
    /// The same, and to the point of a planned failover: that nothing was lost.
    FailedOverPlanned,
    /// Committed: state 6.
    Committed,
    /// A replica again that is not failed over.
    Reverted,
    /// A prepared primary: state 4.
    Prepared,
    /// A primary that is not prepared any more.
    NotPrepared,
    /// The VM is the primary now.
    IsPrimary,
    /// The VM is the replica now.
    IsReplica,
    /// The VM is the replica, or a prepared primary that the reverse makes one.
    MayBecomeReplica,
    /// A replica that replicates as before a rehearsal (specified, E27).
    UndisturbedReplica,
    /// Initial replication has begun, or is done.
    Replicates,
    /// Running.
    Running,
    /// Off.
    Off,
    /// A test VM of the replica is there.
    TestVm,
    /// The VM is not there any more.
    Gone,
    /// Every connection of the VM names this switch for rehearsals.
    TestSwitch(String),
    /// The network adapters get this after a failover.
    Adapters(Vec<AdapterOrder>),
}

/// What a look says about a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Proven, in words.
    Reached(String),
    /// On the way: the host works on it.
    Going(String),
    /// Not reached, in words.
    Not(String),
}

impl Goal {
    /// What is asked to judge it.
    pub fn question(&self, vm: &VmId) -> Ask {
        match self {
            Goal::TestVm => Ask::TestVms(vm.clone()),
            Goal::TestSwitch(_) => Ask::Connections(vm.clone()),
            Goal::Adapters(_) => Ask::Adapters(vm.clone()),
            _ => Ask::Vm(vm.clone()),
        }
    }

    /// What an answer says about it.
    pub fn judge(&self, told: &Told) -> Judgement {
        match (self, told) {
            (Goal::TestVm, Told::TestVms(vms)) => match vms.iter().find(|vm| vm.mode == ReplicationMode::TestReplica) {
                Some(vm) => Judgement::Reached(format!("test VM {} ({}) is there", vm.name, vm.id)),
                None => Judgement::Not("no test VM of the replica is there".to_owned()),
            },
            (Goal::TestSwitch(switch), Told::Connections(connections)) => {
                let all = connections.iter().all(|connection| connection.test_switch == *switch);
                match all && !connections.is_empty() {
                    true => Judgement::Reached(format!("every connection names the switch {switch:?} for rehearsals")),
                    false => Judgement::Not(format!("not every connection names the switch {switch:?}")),
                }
            }
            (Goal::Adapters(orders), Told::Adapters(adapters)) => {
                let is_set = |order: &AdapterOrder| {
                    let settings =
                        network::find(adapters, &order.adapter).and_then(|adapter| adapter.settings.as_ref());
                    settings.is_some_and(|settings| order.addresses.is_in(settings))
                };
                match orders.iter().find(|order| !is_set(order)) {
                    None => Judgement::Reached("the settings read back as they were sent".to_owned()),
                    Some(order) => Judgement::Not(format!("adapter {:?} reads back otherwise", order.adapter)),
                }
            }
            (goal, Told::Vm(vm)) => goal.judge_vm(vm.as_deref()),
            (goal, Told::LookedUp(LookedUp::One(vm))) => goal.judge_vm(Some(vm)),
            _ => Judgement::Not("the host told something else than it was asked".to_owned()),
        }
    }

    /// What the VM says about it; none where the host does not show it.
    pub fn judge_vm(&self, vm: Option<&Vm>) -> Judgement {
        let Some(vm) = vm else {
            return match self {
                Goal::Gone => Judgement::Reached("the VM is not there any more".to_owned()),
                _ => Judgement::Not("the host does not show the VM any more".to_owned()),
            };
        };
        let seen = describe(vm);
        let is_replica = matches!(vm.mode, ReplicationMode::Replica | ReplicationMode::ExtendedReplica);
        let is_failed_over = matches!(vm.state, ReplicationState::Recovered | ReplicationState::Committed);
        let is_failing_over = vm.state == ReplicationState::FailoverInProgress;
        let (reached, going) = match self {
            Goal::FailedOver => (is_failed_over, is_failing_over),
            Goal::FailedOverPlanned => (is_failed_over && vm.failed_over == FailoverType::Planned, is_failing_over),
            Goal::Committed => (vm.state == ReplicationState::Committed, is_failing_over),
            Goal::Reverted => (is_replica && !is_failed_over && !is_failing_over, is_failing_over),
            Goal::Prepared => (vm.state == ReplicationState::SyncedReplicationComplete, false),
            Goal::NotPrepared => {
                let is_primary = vm.mode == ReplicationMode::Primary;
                (is_primary && vm.state != ReplicationState::SyncedReplicationComplete, false)
            }
            Goal::IsPrimary => (vm.mode == ReplicationMode::Primary, false),
            Goal::IsReplica => (vm.mode == ReplicationMode::Replica, false),
            Goal::MayBecomeReplica => {
                let is_prepared =
                    vm.mode == ReplicationMode::Primary && vm.state == ReplicationState::SyncedReplicationComplete;
                (vm.mode == ReplicationMode::Replica || is_prepared, false)
            }
            Goal::UndisturbedReplica => (is_replica && !is_failed_over && !is_failing_over, false),
            Goal::Replicates => (vm.mode == ReplicationMode::Primary && replicates(vm.state), false),
            Goal::Running => (vm.enabled_state == EnabledState::Enabled, vm.enabled_state == EnabledState::Starting),
            Goal::Off => (vm.enabled_state == EnabledState::Disabled, vm.enabled_state == EnabledState::ShuttingDown),
            Goal::Gone | Goal::TestVm | Goal::TestSwitch(_) | Goal::Adapters(_) => (false, false),
        };
        match (reached, going) {
            (true, _) => Judgement::Reached(seen),
            (false, true) => Judgement::Going(seen),
            (false, false) => Judgement::Not(seen),
        }
    }
}

/// Initial replication has begun or is behind it.
fn replicates(state: ReplicationState) -> bool {
    matches!(
        state,
        ReplicationState::WaitingForInitialReplication
            | ReplicationState::Replicating
            | ReplicationState::Resynchronising
    )
}

/// Mode, state and power of a VM in words with numbers: for people and for the journal.
pub fn describe(vm: &Vm) -> String {
    format!(
        "mode {} ({}), state {} ({}), failed-over type {} ({}), power {} ({})",
        vm.mode.value(),
        vm.mode,
        vm.state.value(),
        vm.state,
        vm.failed_over.value(),
        vm.failed_over,
        vm.enabled_state.value(),
        vm.enabled_state
    )
}
