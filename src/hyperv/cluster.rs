//! Where a VM is when it is not on the host that was asked: the resources of the host's failover cluster.
//!
//! One question in namespace `root/MSCluster`, whichever node is asked: the cluster's data is the same on all of them.
//! Used to say where to ask, never to decide.

use crate::cim::{InstanceView, Property};
use crate::wsman::{Enumerate, Exchange, Fault, Filter, Page};

use super::error::Error;
use super::host::Host;
use super::instances::{lacks_class, read_all};
use super::look::VmSelector;
use super::vm::VmId;

/// The CIM namespace of failover clusters.
const NAMESPACE: &str = "root/MSCluster";
const CLASS: &str = "MSCluster_Resource";
const VIRTUAL_MACHINE: &str = "Virtual Machine";
const BROKER: &str = "Virtual Machine Replication Broker";

/// The virtual machines of a cluster and its replica broker, each with who owns it now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cluster {
    /// Every clustered virtual machine.
    pub vms: Vec<ClusterResource>,
    /// The brokers; a cluster has at most one.
    pub brokers: Vec<ClusterResource>,
}

/// A resource of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterResource {
    /// `Name`, for a VM `Virtual Machine <name>`; it stays when the VM is renamed.
    pub name: String,
    /// `VmID` of the private properties, where the answer carries them.
    pub vm: Option<VmId>,
    /// Who owns it.
    pub owner: ClusterOwner,
}

/// Who owns a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterOwner {
    /// `OwnerNode`: the node to ask.
    pub node: String,
    /// `OwnerGroup`: the role; for a broker the name by which replication reaches it.
    pub group: String,
}

impl Cluster {
    /// The resource of a VM: by its id, by the name of the resource, or by that of its role (inferred, not asked: a role has the
    /// name that the VM had when it was made highly available).
    pub fn vm(&self, selector: &VmSelector) -> Option<&ClusterResource> {
        match selector {
            VmSelector::Id(id) => self.vms.iter().find(|resource| resource.vm.as_ref() == Some(id)),
            VmSelector::Name(name) => {
                let wanted = name.to_lowercase();
                let resource = format!("{VIRTUAL_MACHINE} {name}").to_lowercase();
                let named = |by: &dyn Fn(&ClusterResource) -> bool| self.vms.iter().find(|resource| by(resource));
                named(&|found| found.name.to_lowercase() == resource)
                    .or_else(|| named(&|found| found.owner.group.to_lowercase() == wanted))
            }
        }
    }

    /// Who owns the replica broker.
    pub fn broker(&self) -> Option<&ClusterOwner> {
        self.brokers.first().map(|broker| &broker.owner)
    }
}

impl ClusterResource {
    fn read(instance: &InstanceView<'_>) -> ClusterResource {
        let text = |name| instance.text(name).into_option().unwrap_or("").trim().to_owned();
        // inferred (E22): an embedded object's properties come as its children, whatever their namespace.
        let private = match instance.property("PrivateProperties") {
            Property::Value(private) => {
                private.children().find(|child| child.local().eq_ignore_ascii_case("VmID")).map(|id| id.text())
            }
            _ => None,
        };
        ClusterResource {
            name: text("Name"),
            vm: private.and_then(|id| id.parse().ok()),
            owner: ClusterOwner { node: text("OwnerNode"), group: text("OwnerGroup") },
        }
    }
}

impl<E: Exchange> Host<E> {
    /// The VMs and brokers of the cluster that the host is a node of; none where it is in no cluster.
    ///
    /// # Errors
    /// No answer, or another fault, such as access denied.
    pub async fn cluster(&self) -> Result<Option<Cluster>, Error> {
        let Some(pages) = self.cluster_resources().await? else { return Ok(None) };
        let typed = read_all(&pages, |instance| {
            let kind = instance.text("Type").into_option().unwrap_or("").to_owned();
            Ok(Some((kind, ClusterResource::read(instance))))
        })?;
        let of = |wanted: &str| {
            let found = typed.iter().filter(|(kind, _)| kind.eq_ignore_ascii_case(wanted));
            found.map(|(_, resource)| resource.clone()).collect()
        };
        Ok(Some(Cluster { vms: of(VIRTUAL_MACHINE), brokers: of(BROKER) }))
    }

    /// Who owns the VM of that name or GUID in the host's cluster; none where it is in no cluster, or not there.
    ///
    /// # Errors
    /// As [`Host::cluster`].
    pub async fn cluster_owner(&self, name: &str) -> Result<Option<ClusterOwner>, Error> {
        let selector = name.parse().unwrap_or_else(|never: std::convert::Infallible| match never {});
        let cluster = self.cluster().await?;
        Ok(cluster.as_ref().and_then(|cluster| cluster.vm(&selector)).map(|resource| resource.owner.clone()))
    }

    async fn cluster_resources(&self) -> Result<Option<Vec<Page>>, Error> {
        let addressing = self.client().addressing().in_namespace(NAMESPACE);
        let query = format!("SELECT * FROM {CLASS} WHERE Type = '{VIRTUAL_MACHINE}' OR Type = '{BROKER}'");
        let mut enumerate = Enumerate::new(addressing.all_classes()).filter(Filter::wql(query));
        enumerate.selectors = addressing.class_selectors();
        match self.client().enumerate(enumerate).pages().await {
            // Refused alike: the query, and a namespace that does not exist. The class itself tells them apart.
            Err(error) if error.fault().is_some_and(Fault::is_filter_refused) => {}
            Err(error) if error.fault().is_some_and(lacks_class) => return Ok(None),
            answer => return Ok(Some(answer?)),
        }
        let mut enumerate = Enumerate::new(addressing.class(CLASS));
        enumerate.selectors = addressing.class_selectors();
        match self.client().enumerate(enumerate).pages().await {
            Err(error) if error.fault().is_some_and(lacks_class) => Ok(None),
            answer => Ok(Some(answer?)),
        }
    }
}
