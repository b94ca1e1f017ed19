//! Msvm_ReplicationService: how it is addressed, what it is asked.

use crate::cim::{CimType, Value};
use crate::wsman::{
    ClassAddressing, EndpointReference, Enumerate, EnumerationMode, Exchange, Invoke, Parameter, SelectorSet,
};

use super::error::Error;
use super::host::Host;
use super::job::{Job, JobError, JobRef};
use super::points::RecoveryPoint;
use super::return_code::Invoked;
use super::vm::{EnabledState, VmId};

/// The class of the service.
pub(super) const CLASS: &str = "Msvm_ReplicationService";

/// How the replication service is addressed.
///
/// inferred: `CreationClassName` alone is enough, as it is for four sibling services on a live host. Where a host
/// refuses that, all keys are learnt from the host itself, never made from its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceKeys {
    /// `CreationClassName` only.
    Short,
    /// The reference the host gave.
    Learnt(EndpointReference),
}

impl ServiceKeys {
    fn reference(&self, addressing: &ClassAddressing) -> EndpointReference {
        match self {
            ServiceKeys::Short => addressing.reference(CLASS, SelectorSet::new().with("CreationClassName", CLASS)),
            ServiceKeys::Learnt(reference) => reference.clone(),
        }
    }
}

/// What Msvm_ReplicationServiceSettingData says of the host as a replica server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostReplication {
    /// Whether the host takes replicas.
    pub recovery_server_enabled: bool,
    /// `AllowedAuthenticationType`: 0 none, 1 Kerberos, 2 certificate, 3 both.
    pub allowed_authentication: Option<u16>,
}

impl<E: Exchange> Host<E> {
    /// The call that fails a VM over, without sending it: to a point, or to the latest where none is named.
    ///
    /// inferred: the parameter is left out for "latest point", which the documentation words as NULL.
    pub fn initiate_failover_call(&self, keys: &ServiceKeys, vm: &VmId, point: Option<&RecoveryPoint>) -> Invoke {
        let call = self.service_call(keys, "InitiateFailover", vm);
        match point {
            Some(point) => {
                let reference = point.reference(self.client().addressing());
                call.with("SnapshotSettingData", Parameter::Reference(reference))
            }
            None => call,
        }
    }

    /// A call of the replication service about a VM.
    pub(super) fn service_call(&self, keys: &ServiceKeys, method: &str, vm: &VmId) -> Invoke {
        let addressing = self.client().addressing();
        Invoke::new(keys.reference(addressing), method)
            .with("ComputerSystem", Parameter::Reference(vm.reference(addressing)))
    }

    /// Fails a VM over. Sent at most once; [`Error::delivery`] says what an error means for the VM.
    ///
    /// # Errors
    /// No answer, a fault, or an answer that leaves open what was done.
    pub async fn initiate_failover(
        &self,
        keys: &ServiceKeys,
        vm: &VmId,
        point: Option<&RecoveryPoint>,
    ) -> Result<Invoked, Error> {
        let output = self.client().invoke(&self.initiate_failover_call(keys, vm, point)).await?;
        Invoked::read("InitiateFailover", &output)
    }

    /// The call that changes whether a VM runs.
    pub fn state_change_call(&self, vm: &VmId, state: EnabledState) -> Invoke {
        let number = Value::Unsigned(CimType::Uint16, u64::from(state.value()));
        Invoke::new(vm.reference(self.client().addressing()), "RequestStateChange")
            .with("RequestedState", Parameter::Value(number))
    }

    /// Asks a VM to start, stop, … Sent at most once.
    ///
    /// # Errors
    /// As [`Host::initiate_failover`].
    pub async fn request_state_change(&self, vm: &VmId, state: EnabledState) -> Result<Invoked, Error> {
        let output = self.client().invoke(&self.state_change_call(vm, state)).await?;
        Invoked::read("RequestStateChange", &output)
    }

    /// Learns all keys of the replication service from the host; none if it has no such service, or shows it to
    /// nobody with these rights.
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn learn_service(&self) -> Result<Option<ServiceKeys>, Error> {
        let addressing = self.client().addressing();
        let mut enumerate = Enumerate::new(addressing.class(CLASS)).mode(EnumerationMode::Reference);
        enumerate.selectors = addressing.class_selectors();
        for page in self.client().enumerate(enumerate).pages().await? {
            if let Some(reference) = page.items().find_map(|item| item.reference()) {
                return Ok(Some(ServiceKeys::Learnt(reference)));
            }
        }
        Ok(None)
    }

    /// Whether the host takes replicas; none where it does not say.
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn replication_settings(&self) -> Result<Option<HostReplication>, Error> {
        for page in self.client().all("Msvm_ReplicationServiceSettingData").pages().await? {
            if let Some(settings) = page.instances().next() {
                return Ok(Some(HostReplication {
                    recovery_server_enabled: settings.boolean("RecoveryServerEnabled")?.into_option().unwrap_or(false),
                    allowed_authentication: settings.number::<u16>("AllowedAuthenticationType")?.into_option(),
                }));
            }
        }
        Ok(None)
    }

    /// A job by its reference; none when the host has no such job (any more).
    ///
    /// # Errors
    /// No answer, or another fault than "not found".
    pub async fn job(&self, job: &JobRef) -> Result<Option<Job>, Error> {
        match self.client().get(job.reference().clone()).await {
            Ok(response) => Job::read(job.clone(), &response.instance()).map(Some),
            Err(error) if error.fault().is_some_and(crate::wsman::Fault::is_not_found) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What a failed job says in detail: `GetErrorEx`. Changes nothing on the host.
    ///
    /// # Errors
    /// No answer, or a fault; older hosts do not have the method.
    pub async fn job_errors(&self, job: &JobRef) -> Result<Vec<JobError>, Error> {
        let call = Invoke::new(job.reference().clone(), "GetErrorEx");
        let output = self.client().invoke(&call).await?;
        let texts = output.parameters().texts("Errors").into_iter().filter(|text| !text.trim().is_empty());
        let instances = texts.map(crate::cim::Instance::from_cim_xml).collect::<Result<Vec<_>, _>>()?;
        Ok(instances.iter().map(JobError::read).collect())
    }
}
