//! The steps that workflows are made of: one table of what each calls, on which host, and what proves it.

use std::fmt;
use std::time::Duration;

use crate::cim::Instance;
use crate::hyperv::{Call, Connection, EnabledState, ReplicationState, VmId};

use super::goal::Goal;
use super::order::{AdapterOrder, Kind, Order, Site};
use super::plans::network;
use super::scene::Scene;

macro_rules! step_names {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $words:literal;)*) => {
        /// A step by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum StepName {
            $($(#[$doc])* $name,)*
        }

        impl StepName {
            /// Every step.
            pub const ALL: &'static [StepName] = &[$(StepName::$name,)*];

            /// A short name, the same in every output and in the journal.
            pub fn name(self) -> &'static str {
                match self { $(StepName::$name => $text,)* }
            }

            /// What it does, for people.
            pub fn words(self) -> &'static str {
                match self { $(StepName::$name => $words,)* }
            }

            /// The same without what it entails, to go on with in a sentence.
            pub fn deed(self) -> &'static str {
                self.words().split([':', ';', ',']).next().unwrap_or_default()
            }

            /// The step of this short name.
            pub fn named(name: &str) -> Option<StepName> {
                StepName::ALL.iter().copied().find(|step| step.name() == name)
            }
        }
    };
}

step_names! {
    /// The primary's guest is shut down.
    ShutDownPrimary = "shut-down-primary", "shut the guest down on the primary";
    /// The primary is turned off.
    TurnOffPrimary = "turn-off-primary", "turn the VM off on the primary, as by a power cut";
    /// The primary sends what is missing and is locked.
    Prepare = "prepare", "prepare the primary: send the last changes and lock it";
    /// The replica is failed over.
    FailOver = "fail-over", "fail the replica over";
    /// The old primary is made a replica, after an unplanned failover.
    MakeReplica = "make-replica", "make the old primary a replica";
    /// The replication is turned round.
    Reverse = "reverse", "turn the replication round; this keeps the failover for good";
    /// The old primary is read: it is the replica now.
    VerifyPrimary = "verify-primary", "read the old primary back";
    /// Initial replication in the new direction begins.
    StartReplication = "start-replication", "start initial replication in the new direction";
    /// The VM is started.
    Start = "start", "start the VM";
    /// The guest of the VM is shut down.
    ShutDown = "shut-down", "shut the guest down";
    /// The VM is turned off.
    TurnOff = "turn-off", "turn the VM off, as by a power cut";
    /// The failover is kept.
    Commit = "commit", "keep the failover for good; the other recovery points go";
    /// The failover is taken back.
    Revert = "revert", "take the failover back; what the failed-over VM wrote is lost";
    /// The preparation of the primary is taken back.
    CancelPrepare = "cancel-prepare", "take the preparation of the primary back";
    /// The same, on the host that was named.
    CancelPrepareHere = "cancel-prepare-here", "take the preparation of this primary back";
    /// The primary is started again.
    StartPrimary = "start-primary", "start the VM on the primary";
    /// The connections name the switch for rehearsals.
    SetTestSwitch = "set-test-switch", "set the switch that the test VM gets";
    /// A test VM is made.
    TestFailOver = "test-fail-over", "make a test VM beside the replica";
    /// The test VM is started.
    StartTestVm = "start-test-vm", "start the test VM";
    /// The test VM is turned off.
    TurnOffTestVm = "turn-off-test-vm", "turn the test VM off";
    /// The test VM is removed (E28).
    DestroyTestVm = "destroy-test-vm", "remove the test VM";
    /// The replica is read: the rehearsal left it as it was.
    VerifyReplica = "verify-replica", "read the replica back";
    /// The guest's network settings are sent.
    SetNetwork = "set-network", "set what the network adapters get after a failover";
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One step, ready to run.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) name: StepName,
    pub(super) site: Site,
    /// The VM that it is about.
    pub(super) vm: VmId,
    /// None for a step that only reads.
    pub(super) call: Option<Call>,
    pub(super) goal: Goal,
    /// How long the goal may take after the job has ended.
    pub(super) patience: Duration,
}

impl StepName {
    /// Which host.
    pub fn site(self) -> Site {
        match self {
            StepName::ShutDownPrimary
            | StepName::TurnOffPrimary
            | StepName::Prepare
            | StepName::MakeReplica
            | StepName::VerifyPrimary
            | StepName::CancelPrepare
            | StepName::StartPrimary => Site::Primary,
            _ => Site::Host,
        }
    }

    /// For a step that asks a guest to shut down, the step that cuts the power instead.
    pub fn power_cut(self) -> Option<StepName> {
        match self {
            StepName::ShutDownPrimary => Some(StepName::TurnOffPrimary),
            StepName::ShutDown => Some(StepName::TurnOff),
            _ => None,
        }
    }

    /// How long its goal may take after its job has ended; nothing where it is there by then.
    pub fn patience(self) -> Duration {
        match self {
            StepName::ShutDownPrimary | StepName::ShutDown => GUEST_SHUTDOWN,
            StepName::Start | StepName::StartTestVm | StepName::StartPrimary => START,
            _ => Duration::ZERO,
        }
    }

    /// Whether it is about the test VM, not the VM itself.
    pub(super) fn is_about_test_vm(self) -> bool {
        matches!(self, StepName::StartTestVm | StepName::TurnOffTestVm | StepName::DestroyTestVm)
    }

    /// Whether it calls a method; the others only read.
    pub(super) fn calls(self) -> bool {
        !matches!(self, StepName::VerifyPrimary | StepName::VerifyReplica)
    }

    /// Whether the step is left out where its goal is reached already: it is about a state that does no harm twice.
    pub(super) fn may_be_reached_already(self) -> bool {
        !matches!(
            self,
            StepName::FailOver
                | StepName::Prepare
                | StepName::Reverse
                | StepName::Commit
                | StepName::TestFailOver
                | StepName::DestroyTestVm
                | StepName::VerifyPrimary
                | StepName::VerifyReplica
                | StepName::SetNetwork
        )
    }

    /// Whether the run counts as done where a host refused only this step: what it was for is proven before.
    pub(super) fn is_best_effort(self) -> bool {
        matches!(self, StepName::Start | StepName::StartTestVm | StepName::StartPrimary)
    }
}

/// Builds a step from what is known; none where that is not enough, such as a test VM that is not there yet.
pub(super) fn build(name: StepName, order: &Order, scene: &Scene) -> Option<Step> {
    let site = name.site();
    let subject = if name.is_about_test_vm() { scene.host.test_vm()? } else { scene.vm(site)? };
    let vm = subject.id.clone();
    let power = |state| Some(Call::Power { vm: vm.clone(), state });
    let replication = |state| {
        let extended = scene.of(site).has_relations();
        Some(Call::ReplicationState { vm: vm.clone(), state, extended })
    };
    let point = || scene.host.points.as_ref().and_then(|points| order.point.named(points)).cloned();
    let (call, goal) = match name {
        StepName::ShutDownPrimary | StepName::ShutDown => (power(EnabledState::ShuttingDown), Goal::Off),
        StepName::TurnOffPrimary | StepName::TurnOff | StepName::TurnOffTestVm => {
            (power(EnabledState::Disabled), Goal::Off)
        }
        StepName::Start | StepName::StartTestVm | StepName::StartPrimary => {
            (power(EnabledState::Enabled), Goal::Running)
        }
        StepName::Prepare => (replication(ReplicationState::SyncedReplicationComplete), Goal::Prepared),
        StepName::CancelPrepare | StepName::CancelPrepareHere => {
            (replication(ReplicationState::Replicating), Goal::NotPrepared)
        }
        StepName::MakeReplica => (replication(ReplicationState::WaitingForInitialReplication), Goal::MayBecomeReplica),
        StepName::FailOver => {
            let goal = match order.kind {
                Kind::PlannedFailover { .. } => Goal::FailedOverPlanned,
                _ => Goal::FailedOver,
            };
            (Some(Call::InitiateFailover { vm: vm.clone(), point: point() }), goal)
        }
        StepName::TestFailOver => (Some(Call::TestReplicaSystem { vm: vm.clone(), point: point() }), Goal::TestVm),
        StepName::Reverse => {
            let settings = scene.host.primary_settings()?.reversed(order.kind.thumbprint());
            (Some(Call::ReverseReplication { vm: vm.clone(), settings }), Goal::IsPrimary)
        }
        StepName::StartReplication => (Some(Call::StartReplication(vm.clone())), Goal::Replicates),
        StepName::Commit => (Some(Call::CommitFailover(vm.clone())), Goal::Committed),
        StepName::Revert => (Some(Call::RevertFailover(vm.clone())), Goal::Reverted),
        StepName::DestroyTestVm => (Some(Call::DestroySystem(vm.clone())), Goal::Gone),
        StepName::SetTestSwitch => {
            let Kind::TestStart { network: Some(switch) } = &order.kind else { return None };
            let connections = scene.host.connections.as_ref()?;
            let settings = connections.iter().map(|connection: &Connection| connection.with_test_switch(switch));
            let call = Call::ModifyResources { vm: vm.clone(), settings: settings.collect() };
            (Some(call), Goal::TestSwitch(switch.clone()))
        }
        StepName::SetNetwork => {
            let Kind::Network(orders) = &order.kind else { return None };
            let known = scene.host.adapters.as_ref()?;
            let instance = |order: &AdapterOrder| {
                let settings = network::find(known, &order.adapter)?.settings.as_ref()?;
                Some(order.addresses.embedded(settings))
            };
            let adapters = orders.iter().map(instance).collect::<Option<Vec<Instance>>>()?;
            (Some(Call::SetFailoverNetwork { vm: vm.clone(), adapters }), Goal::Adapters(orders.clone()))
        }
        StepName::VerifyPrimary => (None, Goal::IsReplica),
        StepName::VerifyReplica => (None, Goal::UndisturbedReplica),
    };
    Some(Step { name, site, vm, call, goal, patience: name.patience() })
}

/// How long a guest may take to shut down once it was asked.
const GUEST_SHUTDOWN: Duration = Duration::from_secs(600);
/// How long a VM may take to be running once its job has ended.
const START: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_name_of_its_own() {
        for step in StepName::ALL {
            assert_eq!(StepName::named(step.name()), Some(*step));
            assert_eq!(StepName::ALL.iter().filter(|other| other.name() == step.name()).count(), 1);
        }
        assert_eq!(StepName::named("nonsense"), None);
    }
}
