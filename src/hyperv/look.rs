//! Looking things up on a host: VMs, recovery points, jobs of a VM, and what a job touched.

use std::fmt;
use std::str::FromStr;

use crate::cim::CimError;
use crate::wsman::{EndpointReference, Exchange, Fault, wql};

use super::error::Error;
use super::host::Host;
use super::instances::{Link, read_all};
use super::job::{Job, JobRef};
use super::points::{self, RecoveryPoint};
use super::vm::{self, Vm, VmId};

/// How a person names a VM: by display name or by GUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VmSelector {
    /// `ElementName`, compared without case.
    Name(String),
    /// GUID.
    Id(VmId),
}

impl FromStr for VmSelector {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse() {
            Ok(id) => VmSelector::Id(id),
            Err(_) => VmSelector::Name(text.to_owned()),
        })
    }
}

impl fmt::Display for VmSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VmSelector::Name(name) => f.write_str(name),
            VmSelector::Id(id) => id.fmt(f),
        }
    }
}

/// What a host shows for one selector: zero, one and many are three different outcomes.
#[derive(Debug, Clone, PartialEq)]
pub enum LookedUp {
    /// No VM of that name is visible to this account; it need not mean that there is none.
    NotVisible,
    /// Exactly one.
    One(Box<Vm>),
    /// Several VMs share the name.
    Many(Vec<Vm>),
}

impl<E: Exchange> Host<E> {
    /// Looks a VM up.
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn find_vm(&self, selector: &VmSelector) -> Result<LookedUp, Error> {
        let mut vms = match selector {
            VmSelector::Id(id) => {
                return Ok(self.vm(id).await?.map_or(LookedUp::NotVisible, |vm| LookedUp::One(Box::new(vm))));
            }
            VmSelector::Name(name) => {
                let wanted = name.to_lowercase();
                let query = wql::select(vm::CLASS, &[("ElementName", name)]);
                let pages = self.query_or_list(query, vm::CLASS).await?;
                let mut vms = read_all(&pages, Vm::read)?;
                vms.retain(|vm| vm.name.to_lowercase() == wanted);
                vms
            }
        };
        Ok(match (vms.pop(), vms.is_empty()) {
            (None, _) => LookedUp::NotVisible,
            (Some(vm), true) => LookedUp::One(Box::new(vm)),
            (Some(vm), false) => {
                vms.push(vm);
                LookedUp::Many(vms)
            }
        })
    }

    /// A VM by id; none if the host has no such VM, which it says by a fault (captured of others, E16).
    ///
    /// # Errors
    /// No answer, or another fault than "not found".
    pub async fn vm(&self, id: &VmId) -> Result<Option<Vm>, Error> {
        match self.client().get(id.reference(self.client().addressing())).await {
            Ok(response) => {
                let instance = response.instance();
                match Vm::read(&instance)? {
                    Some(vm) if vm.id == *id => Ok(Some(vm)),
                    _ => {
                        Err(CimError::Missing { class: instance.class().to_owned(), property: "Name".to_owned() }
                            .into())
                    }
                }
            }
            Err(error) if error.fault().is_some_and(Fault::is_not_found) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// All VMs the account can see, the host itself left out.
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn vms(&self) -> Result<Vec<Vm>, Error> {
        let pages = self.client().all(vm::CLASS).pages().await?;
        read_all(&pages, Vm::read)
    }

    /// The recovery points of a VM, newest first.
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn recovery_points(&self, id: &VmId) -> Result<Vec<RecoveryPoint>, Error> {
        let query = wql::select(points::CLASS, &[("VirtualSystemIdentifier", id.as_str())]);
        let pages = self.query_or_list(query, points::CLASS).await?;
        let mut found = read_all(&pages, RecoveryPoint::read)?;
        found.retain(|point| point.vm.eq_ignore_ascii_case(id.as_str()));
        found.sort_by(|a, b| b.created.partial_cmp(&a.created).unwrap_or(std::cmp::Ordering::Equal));
        Ok(found)
    }

    /// The jobs that touch a VM, through Msvm_AffectedJobElement: how a job is found whose reference was lost.
    ///
    /// inferred (E11): the association is recorded, its use to find a lost job is ours.
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn jobs_of(&self, id: &VmId) -> Result<Vec<Job>, Error> {
        let query = wql::associators(vm::CLASS, &id.path_keys(), AFFECTED, "CIM_ConcreteJob");
        let Some(pages) = self.ask_query(query).await? else { return self.jobs_by_listing(id).await };
        read_all(&pages, |instance| Job::read(JobRef::new(self.reference_of(instance)?), instance).map(Some))
    }

    async fn jobs_by_listing(&self, id: &VmId) -> Result<Vec<Job>, Error> {
        let mut jobs = Vec::new();
        for link in self.links(AFFECTED, "AffectedElement", "AffectingElement").await? {
            if id.is_named_by(&link.near) {
                jobs.extend(self.job(&JobRef::new(link.far)).await?);
            }
        }
        Ok(jobs)
    }

    /// The computer systems that a job touched, as far as they still exist: how what a job has made is found.
    ///
    /// The rows of what was made appear when the job is done (seen on a live host).
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn affected_by(&self, job: &JobRef) -> Result<Vec<Vm>, Error> {
        let class = job.reference().resource.last_segment();
        let query = wql::associators(class, &[("InstanceID", job.instance_id())], AFFECTED, vm::CLASS);
        if let Some(pages) = self.ask_query(query).await? {
            return read_all(&pages, Vm::read);
        }
        let links = self.links(AFFECTED, "AffectingElement", "AffectedElement").await?;
        let is_of_job = |link: &&Link| {
            link.near.selectors.value("InstanceID").is_some_and(|id| id.eq_ignore_ascii_case(job.instance_id()))
        };
        self.vms_at(links.iter().filter(is_of_job).map(|link| &link.far)).await
    }

    /// The VMs that references name, each read by itself; other things, and what is gone, are passed over.
    pub(super) async fn vms_at(&self, references: impl Iterator<Item = &EndpointReference>) -> Result<Vec<Vm>, Error> {
        let mut vms: Vec<Vm> = Vec::new();
        for id in references.filter_map(VmId::of_reference) {
            if vms.iter().all(|vm| vm.id != id) {
                vms.extend(self.vm(&id).await?);
            }
        }
        Ok(vms)
    }
}

/// Links a job to what it touches.
const AFFECTED: &str = "Msvm_AffectedJobElement";
