//! The services of a host: how they are addressed, what they are asked. What changes a host is in `call.rs`.

use crate::wsman::{
    ClassAddressing, EndpointReference, Enumerate, EnumerationMode, Exchange, Invoke, Parameter, SelectorSet,
};

use super::error::Error;
use super::host::Host;
use super::job::{Job, JobError, JobRef};
use super::vm::VmId;

/// The class of the replication service.
pub(crate) const REPLICATION_SERVICE: &str = "Msvm_ReplicationService";
/// The class of the service that makes and removes VMs.
pub(super) const MANAGEMENT_SERVICE: &str = "Msvm_VirtualSystemManagementService";

/// How a service is addressed.
///
/// inferred (E01): `CreationClassName` alone is enough for the replication service, as it is for four sibling services on a
/// live host. Where a host refuses that, all keys are learnt from the host itself, never made from its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceKeys {
    /// `CreationClassName` only.
    Short,
    /// The reference the host gave.
    Learnt(EndpointReference),
}

impl ServiceKeys {
    pub(super) fn reference(&self, class: &str, addressing: &ClassAddressing) -> EndpointReference {
        match self {
            ServiceKeys::Short => addressing.reference(class, SelectorSet::new().with("CreationClassName", class)),
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
    /// A question of the replication service about a VM; what changes a host is a [`Call`](super::Call).
    pub(super) fn service_call(&self, keys: &ServiceKeys, method: &str, vm: &VmId) -> Invoke {
        let addressing = self.client().addressing();
        Invoke::new(keys.reference(REPLICATION_SERVICE, addressing), method)
            .with("ComputerSystem", Parameter::Reference(vm.reference(addressing)))
    }

    /// Learns all keys of a service from the host; none if it has no such service, or shows it to nobody with these
    /// rights.
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn learn_service(&self, class: &str) -> Result<Option<ServiceKeys>, Error> {
        let addressing = self.client().addressing();
        let mut enumerate = Enumerate::new(addressing.class(class)).mode(EnumerationMode::Reference);
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
