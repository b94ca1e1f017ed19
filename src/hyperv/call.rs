//! The once-only calls of the replica's life: one table of what is called, on what, with which parameters.
//!
//! Not one of them may be sent twice. [`Host::prepare`] writes a call without sending it, so that it can be put on record
//! first; [`Host::send`] takes what was prepared and sends it, and there is no other way.

use crate::cim::{CimType, Instance, Value};
use crate::wsman::{ClassAddressing, Exchange, Invoke, Parameter, Prepared};

use super::error::Error;
use super::host::Host;
use super::job::JobType;
use super::points::RecoveryPoint;
use super::replication::ReplicationState;
use super::return_code::Invoked;
use super::service::{MANAGEMENT_SERVICE, REPLICATION_SERVICE, ServiceKeys};
use super::vm::{self, EnabledState, VmId};

/// A call that changes a host.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Call {
    /// `Msvm_ReplicationService.InitiateFailover`: to a point, or to the latest where none is named.
    ///
    /// inferred (E03): the parameter is left out for "latest point", which the documentation words as NULL.
    InitiateFailover {
        /// The replica.
        vm: VmId,
        /// The point.
        point: Option<RecoveryPoint>,
    },
    /// `Msvm_ReplicationService.TestReplicaSystem`: makes a test VM beside the replica.
    TestReplicaSystem {
        /// The replica.
        vm: VmId,
        /// The point; none for the latest.
        point: Option<RecoveryPoint>,
    },
    /// `Msvm_ReplicationService.CommitFailover`: cannot be undone.
    CommitFailover(VmId),
    /// `Msvm_ReplicationService.RevertFailover`: the VM must be off.
    RevertFailover(VmId),
    /// `Msvm_ReplicationService.ReverseReplicationRelationship`: the failed-over replica becomes the primary.
    ReverseReplication {
        /// The failed-over replica.
        vm: VmId,
        /// Msvm_ReplicationSettingData of the new direction.
        settings: Instance,
    },
    /// `Msvm_ReplicationService.StartReplication` over the network, now.
    StartReplication(VmId),
    /// `Msvm_ComputerSystem.RequestReplicationStateChangeEx` of the primary relation, or the older method without
    /// `Ex` on a host that has no relations (Server 2012).
    ///
    /// inferred (E31): 4 prepares a primary, 3 takes that back, 2 makes an old primary the replica; nobody has published a
    /// recording of any of them.
    ReplicationState {
        /// The VM.
        vm: VmId,
        /// The state asked for.
        state: ReplicationState,
        /// Whether the host has the `Ex` methods.
        extended: bool,
    },
    /// `Msvm_ComputerSystem.RequestStateChange`: 2 start, 3 turn off, 4 shut the guest down (all seen to work on a
    /// live host).
    Power {
        /// The VM.
        vm: VmId,
        /// The state asked for.
        state: EnabledState,
    },
    /// `Msvm_VirtualSystemManagementService.DestroySystem`: the VM must be off.
    DestroySystem(VmId),
    /// `Msvm_VirtualSystemManagementService.ModifyResourceSettings`.
    ModifyResources {
        /// The VM they belong to.
        vm: VmId,
        /// Keys and what changes.
        settings: Vec<Instance>,
    },
    /// `Msvm_ReplicationService.SetFailoverNetworkAdapterSettings`.
    SetFailoverNetwork {
        /// The VM.
        vm: VmId,
        /// Msvm_FailoverNetworkAdapterSettingData of each adapter.
        adapters: Vec<Instance>,
    },
}

impl Call {
    /// The VM that is changed.
    pub fn vm(&self) -> &VmId {
        match self {
            Call::CommitFailover(vm) | Call::RevertFailover(vm) | Call::StartReplication(vm) => vm,
            Call::DestroySystem(vm)
            | Call::InitiateFailover { vm, .. }
            | Call::TestReplicaSystem { vm, .. }
            | Call::ReverseReplication { vm, .. }
            | Call::ReplicationState { vm, .. }
            | Call::Power { vm, .. }
            | Call::ModifyResources { vm, .. }
            | Call::SetFailoverNetwork { vm, .. } => vm,
        }
    }

    /// The class whose method is called.
    pub fn class(&self) -> &'static str {
        self.service().unwrap_or(vm::CLASS)
    }

    /// The service that is called; none where the VM itself is.
    pub fn service(&self) -> Option<&'static str> {
        match self {
            Call::ReplicationState { .. } | Call::Power { .. } => None,
            Call::DestroySystem(_) | Call::ModifyResources { .. } => Some(MANAGEMENT_SERVICE),
            _ => Some(REPLICATION_SERVICE),
        }
    }

    /// The method.
    pub fn method(&self) -> &'static str {
        match self {
            Call::InitiateFailover { .. } => "InitiateFailover",
            Call::TestReplicaSystem { .. } => "TestReplicaSystem",
            Call::CommitFailover(_) => "CommitFailover",
            Call::RevertFailover(_) => "RevertFailover",
            Call::ReverseReplication { .. } => "ReverseReplicationRelationship",
            Call::StartReplication(_) => "StartReplication",
            Call::ReplicationState { extended: true, .. } => "RequestReplicationStateChangeEx",
            Call::ReplicationState { extended: false, .. } => "RequestReplicationStateChange",
            Call::Power { .. } => "RequestStateChange",
            Call::DestroySystem(_) => "DestroySystem",
            Call::ModifyResources { .. } => "ModifyResourceSettings",
            Call::SetFailoverNetwork { .. } => "SetFailoverNetworkAdapterSettings",
        }
    }

    /// The types that its job may have: how a lost job is told from others.
    ///
    /// inferred (E25) from the names of the types; a job that is believed to be that of a call proves nothing, the state does.
    pub fn job_types(&self) -> &'static [JobType] {
        match self {
            Call::InitiateFailover { .. } => &[JobType::InitiateFailover],
            Call::TestReplicaSystem { .. } => &[JobType::InitiateTestReplica],
            Call::CommitFailover(_) => &[JobType::CommitFailover],
            Call::RevertFailover(_) => &[JobType::RevertFailover],
            Call::ReverseReplication { .. } => &[JobType::ReverseReplication],
            Call::StartReplication(_) => &[JobType::StartInitialReplication, JobType::SendInitialReplica],
            Call::ReplicationState { state: ReplicationState::SyncedReplicationComplete, .. } => {
                &[JobType::InitiateSyncedReplication, JobType::ReplicationStateChange]
            }
            Call::ReplicationState { state: ReplicationState::Replicating, .. } => {
                &[JobType::CancelSyncedReplication, JobType::ReplicationStateChange]
            }
            Call::ReplicationState { .. } => &[JobType::ReplicationStateChange],
            Call::Power { state: EnabledState::Enabled, .. } => &[JobType::StartVm],
            // A guest that is asked to shut down may take for ever: its job is not that of a power cut.
            Call::Power { state: EnabledState::Disabled, .. } => &[JobType::PowerOffVm],
            Call::Power { .. } => &[JobType::ShutDownVm, JobType::PowerOffVm],
            Call::DestroySystem(_) => &[JobType::RemoveTestReplica, JobType::DestroyVm],
            Call::ModifyResources { .. } => &[JobType::ModifyResources],
            // inferred (not asked): it is a setting of the relation, and no page names its job.
            Call::SetFailoverNetwork { .. } => &[JobType::ModifyRelationship],
        }
    }

    /// The call as an operation.
    pub fn write(&self, keys: &ServiceKeys, addressing: &ClassAddressing) -> Invoke {
        let vm = self.vm().reference(addressing);
        let target = match self.service() {
            Some(class) => keys.reference(class, addressing),
            None => vm.clone(),
        };
        let call = Invoke::new(target, self.method());
        let number = |number: u16| Parameter::Value(Value::Unsigned(CimType::Uint16, u64::from(number)));
        let embedded = |instances: &[Instance]| {
            Parameter::Array(instances.iter().map(|instance| Parameter::Embedded(instance.clone())).collect())
        };
        match self {
            Call::ReplicationState { state, .. } => call.with("RequestedState", number(state.value())),
            Call::Power { state, .. } => call.with("RequestedState", number(state.value())),
            Call::ModifyResources { settings, .. } => call.with("ResourceSettings", embedded(settings)),
            Call::DestroySystem(_) => call.with("AffectedSystem", Parameter::Reference(vm)),
            replication => {
                let call = call.with("ComputerSystem", Parameter::Reference(vm));
                match replication {
                    Call::InitiateFailover { point: Some(point), .. }
                    | Call::TestReplicaSystem { point: Some(point), .. } => {
                        call.with("SnapshotSettingData", Parameter::Reference(point.reference(addressing)))
                    }
                    Call::ReverseReplication { settings, .. } => {
                        call.with("ReplicationSettingData", Parameter::Embedded(settings.clone()))
                    }
                    Call::StartReplication(_) => call.with("InitialReplicationType", number(OVER_THE_NETWORK)),
                    Call::SetFailoverNetwork { adapters, .. } => call.with("NetworkSettings", embedded(adapters)),
                    _ => call,
                }
            }
        }
    }
}

/// A call that is written and not sent. It can be sent once.
#[must_use]
#[derive(Debug)]
pub struct PreparedCall {
    prepared: Prepared<Invoke>,
    method: &'static str,
}

impl PreparedCall {
    /// MessageID of the request, `uuid:…`.
    pub fn message_id(&self) -> &str {
        self.prepared.message_id()
    }

    /// The envelope.
    pub fn envelope(&self) -> String {
        String::from_utf8_lossy(self.prepared.bytes()).into_owned()
    }

    /// The action of the envelope.
    pub fn action(&self) -> String {
        self.prepared.action()
    }

    /// How long the host may work on it.
    pub fn operation_timeout(&self) -> std::time::Duration {
        self.prepared.timeouts().operation()
    }
}

impl<E: Exchange> Host<E> {
    /// Writes a call and sends nothing.
    ///
    /// # Errors
    /// The deadline has passed, or a text that XML cannot carry.
    pub fn prepare(&self, call: &Call, keys: &ServiceKeys) -> Result<PreparedCall, Error> {
        let invoke = call.write(keys, self.client().addressing());
        Ok(PreparedCall { prepared: self.client().prepare(invoke)?, method: call.method() })
    }

    /// Sends what was prepared. [`Error::delivery`] says what an error means for the VM.
    ///
    /// # Errors
    /// No answer, a fault, or an answer that leaves open what was done.
    pub async fn send(&self, call: PreparedCall) -> Result<Invoked, Error> {
        let output = self.client().send(call.prepared).await?;
        Invoked::read(call.method, &output)
    }

    /// Prepares and sends in one.
    ///
    /// # Errors
    /// As [`Host::prepare`] and [`Host::send`].
    pub async fn call(&self, call: &Call, keys: &ServiceKeys) -> Result<Invoked, Error> {
        self.send(self.prepare(call, keys)?).await
    }
}

/// `InitialReplicationType` 1.
const OVER_THE_NETWORK: u16 = 1;
