//! Looking things up on a host: VMs, recovery points, jobs of a VM.
//!
//! A query is asked first and costs one request. Where a server refuses it, the class is listed and filtered
//! here: the same answer for more bytes.

use std::fmt;
use std::str::FromStr;

use crate::cim::{CimError, InstanceView};
use crate::wsman::{EndpointReference, Exchange, Fault, Page, wql};

use super::error::Error;
use super::host::Host;
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

    /// A VM by id; none if the host has no such VM.
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
    /// inferred: the association is recorded, its use to find a lost job is ours.
    ///
    /// # Errors
    /// No answer, or a fault.
    pub async fn jobs_of(&self, id: &VmId) -> Result<Vec<Job>, Error> {
        let query = wql::associators(vm::CLASS, &id.path_keys(), AFFECTED, "CIM_ConcreteJob");
        match self.client().query(query).pages().await {
            Ok(pages) => {
                let mut jobs = Vec::new();
                for instance in pages.iter().flat_map(Page::instances) {
                    jobs.push(Job::read(self.job_ref(&instance)?, &instance)?);
                }
                Ok(jobs)
            }
            Err(error) if error.fault().is_some_and(Fault::is_filter_refused) => self.jobs_by_listing(id).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn jobs_by_listing(&self, id: &VmId) -> Result<Vec<Job>, Error> {
        let wanted = id.reference(self.client().addressing());
        let mut references = Vec::new();
        for page in self.client().all(AFFECTED).pages().await? {
            for row in page.instances() {
                let end = |name: &str| row.property(name).into_option().and_then(EndpointReference::read);
                let touches = end("AffectedElement").is_some_and(|element| {
                    element.selectors.value("Name") == wanted.selectors.value("Name")
                        || element.selectors.value("Name").is_some_and(|name| name.eq_ignore_ascii_case(id.as_str()))
                });
                references.extend(end("AffectingElement").filter(|_| touches).map(JobRef::new));
            }
        }
        let mut jobs = Vec::new();
        for reference in references {
            jobs.extend(self.job(&reference).await?);
        }
        Ok(jobs)
    }

    /// The reference of a job that came as an item: its own class, `InstanceID` alone.
    fn job_ref(&self, instance: &InstanceView<'_>) -> Result<JobRef, Error> {
        let id = instance.text("InstanceID").into_option().ok_or_else(|| instance.missing("InstanceID"))?;
        let class = self.client().addressing().class(instance.class());
        let keys = crate::wsman::SelectorSet::new().with("InstanceID", id);
        let selectors = self.client().addressing().selectors(keys);
        Ok(JobRef::new(EndpointReference::new(class, selectors)))
    }

    async fn query_or_list(&self, query: String, class: &str) -> Result<Vec<Page>, Error> {
        match self.client().query(query).pages().await {
            Err(error) if error.fault().is_some_and(Fault::is_filter_refused) => {
                Ok(self.client().all(class).pages().await?)
            }
            answer => Ok(answer?),
        }
    }
}

fn read_all<T>(pages: &[Page], read: impl Fn(&InstanceView<'_>) -> Result<Option<T>, Error>) -> Result<Vec<T>, Error> {
    let instances = pages.iter().flat_map(Page::instances);
    instances.filter_map(|instance| read(&instance).transpose()).collect()
}

/// Links a job to what it touches.
const AFFECTED: &str = "Msvm_AffectedJobElement";
