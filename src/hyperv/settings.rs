//! Msvm_ReplicationSettingData: between which hosts a VM is replicated, and how; and the same turned round.

use std::time::Duration;

use crate::cim::{Instance, InstanceView, PropertyName};
use crate::wsman::{Exchange, wql};

use super::error::Error;
use super::host::Host;
use super::instances::{self, embedded};
use super::relation::{self, RelationKind};
use super::vm::{self, VmId};

const CLASS: &str = "Msvm_ReplicationSettingData";

/// Settings of one replication, read at one moment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReplicationSettings {
    /// The VM, as `InstanceID` names it.
    pub vm: VmId,
    /// Which of its replications.
    pub relation: RelationKind,
    /// Everything that the host sent, as far as the class declares it.
    pub instance: Instance,
    /// `PrimaryHostSystem`: the host, or cluster node, of the original. Empty where the host does not say.
    pub primary_host: String,
    /// `PrimaryConnectionPoint`: by what name it is reached; a broker where it is clustered.
    pub primary_connection_point: String,
    /// `RecoveryHostSystem`: the host, or cluster node, of the copy. Empty where the host does not say.
    pub recovery_host: String,
    /// `RecoveryConnectionPoint`: by what name it is reached; a broker where it is clustered.
    pub recovery_connection_point: String,
    /// `RecoveryServerPortNumber`.
    pub port: Option<u16>,
    /// `AuthenticationType`: 1 Kerberos, 2 certificate.
    pub authentication: Option<u16>,
    /// `CertificateThumbPrint`; empty with Kerberos.
    pub thumbprint: String,
    /// `ReplicationInterval`; absent on Server 2012.
    pub interval: Option<Duration>,
    /// `ReplicationProvider`: the object path of who replicates; empty on Server 2012.
    pub provider: String,
}

impl ReplicationSettings {
    /// Reads an instance; none if its `InstanceID` names no VM.
    ///
    /// # Errors
    /// No `InstanceID`, or a property of another type than the class declares.
    pub fn read(instance: &InstanceView<'_>) -> Result<Option<ReplicationSettings>, Error> {
        let id = instance.text("InstanceID").into_option().ok_or_else(|| instance.missing("InstanceID"))?;
        let Some((vm, relation)) = relation::of_id(id) else { return Ok(None) };
        let text = |name| instance.text(name).into_option().unwrap_or("").trim().to_owned();
        let interval = instance.number::<u16>("ReplicationInterval")?.into_option();
        Ok(Some(ReplicationSettings {
            vm,
            relation,
            instance: instances::whole(CLASS, instance)?,
            primary_host: text("PrimaryHostSystem"),
            primary_connection_point: text("PrimaryConnectionPoint"),
            recovery_host: text("RecoveryHostSystem"),
            recovery_connection_point: text("RecoveryConnectionPoint"),
            port: instance.number::<u16>("RecoveryServerPortNumber")?.into_option(),
            authentication: instance.number::<u16>("AuthenticationType")?.into_option(),
            thumbprint: text("CertificateThumbPrint"),
            interval: interval.filter(|seconds| *seconds > 0).map(|seconds| Duration::from_secs(seconds.into())),
            provider: text("ReplicationProvider"),
        }))
    }

    /// Whether both ends prove themselves by certificate, so that a reverse needs one that is valid on the new primary.
    pub fn is_by_certificate(&self) -> bool {
        self.authentication == Some(2)
    }

    /// Whether the id names the relation by number, as it does since Server 2012 R2. A host that does not has no relations
    /// and none of the `Ex` methods.
    pub fn names_relation(&self) -> bool {
        self.instance.text("InstanceID").is_none_or(|id| !id.to_ascii_uppercase().ends_with("\\HVR"))
    }

    /// Where a reversed relation replicates to: the primary's connection point, or the primary host where there is
    /// none (inferred, not asked); none where the settings name neither, and a reverse cannot be asked for.
    pub fn reverse_target(&self) -> Option<&str> {
        [&self.primary_connection_point, &self.primary_host]
            .into_iter()
            .map(String::as_str)
            .find(|name| !name.is_empty())
    }

    /// What ReverseReplicationRelationship gets: the key, and the properties that a client decides on, as they were
    /// read, with the primary's connection point in place of the replica's. `thumbprint` replaces that of the
    /// certificate, as a relation by certificate needs one that is valid on the host that becomes primary.
    ///
    /// The change of the one property is Microsoft's sample. It sends the whole object; that what a client does not
    /// decide on may be left out is inferred (E32), as a whole object is refused for other settings on live hosts.
    pub fn reversed(&self, thumbprint: Option<&str>) -> Instance {
        let mut reversed = embedded(CLASS);
        for (name, value) in self.instance.properties() {
            if let Some(value) = value.filter(|_| DECIDED_BY_CLIENT.contains(name)) {
                reversed.set(name.clone(), Some(value.clone()));
            }
        }
        if let Some(target) = self.reverse_target() {
            reversed.set(RECOVERY_CONNECTION_POINT, Some(target.into()));
        }
        if let Some(thumbprint) = thumbprint {
            reversed.set(THUMBPRINT, Some(thumbprint.into()));
        }
        reversed
    }
}

impl<E: Exchange> Host<E> {
    /// The settings of each replication of a VM, those of the primary relation first.
    ///
    /// The query names no association, as Microsoft's samples do not (`GetRelated`); over WS-Management inferred (E08).
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn replication_settings_of(&self, vm: &VmId) -> Result<Vec<ReplicationSettings>, Error> {
        let query = wql::related(vm::CLASS, &vm.path_keys(), CLASS);
        let pages = self.query_or_list(query, CLASS).await?;
        let mut settings = instances::read_all(&pages, ReplicationSettings::read)?;
        settings.retain(|settings| settings.vm == *vm);
        settings.sort_by(|a, b| a.relation.cmp(&b.relation));
        Ok(settings)
    }
}

const RECOVERY_CONNECTION_POINT: PropertyName = PropertyName::from_static("RecoveryConnectionPoint");
const THUMBPRINT: PropertyName = PropertyName::from_static("CertificateThumbPrint");

/// The key and what a client decides on. Left out are the inherited properties, which the class does not use, and the
/// names of the hosts, which are the service's to say.
const DECIDED_BY_CLIENT: &[PropertyName] = &[
    instances::INSTANCE_ID,
    PropertyName::from_static("AuthenticationType"),
    THUMBPRINT,
    PropertyName::from_static("RootCertificateThumbPrint"),
    PropertyName::from_static("CompressionEnabled"),
    PropertyName::from_static("BypassProxyServer"),
    RECOVERY_CONNECTION_POINT,
    PropertyName::from_static("RecoveryServerPortNumber"),
    PropertyName::from_static("ReplicateHostKvpItems"),
    PropertyName::from_static("ApplicationConsistentSnapshotInterval"),
    PropertyName::from_static("RecoveryHistory"),
    PropertyName::from_static("IncludedDisks"),
    PropertyName::from_static("AutoResynchronizeEnabled"),
    PropertyName::from_static("AutoResynchronizeIntervalStart"),
    PropertyName::from_static("AutoResynchronizeIntervalEnd"),
    PropertyName::from_static("EnableWriteOrderPreservationAcrossDisks"),
    PropertyName::from_static("ReplicationProvider"),
    PropertyName::from_static("AdditionalSettings"),
    PropertyName::from_static("ReplicationInterval"),
];
